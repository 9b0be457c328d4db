import type { Duplex } from "node:stream";
import { CannotAssess } from "../protocol/failure.ts";

/** What the program inside answered to a command. */
export interface GuestAnswer {
  readonly words: readonly string[];
  /** What it passed on before that: lines of a trace, or of a file. */
  readonly lines: readonly string[];
}

/** The program inside says that it could not do what it was told. */
export class GuestRefusal extends CannotAssess {}

interface Waiting {
  /** What was asked for, to be named in a refusal. */
  readonly what: string;
  readonly resolve: (answer: GuestAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** The conversation with the program inside: a command, then its answer. */
export class GuestLink {
  readonly #stream: Duplex;
  readonly #waiting: Waiting[] = [];
  #lines: string[] = [];
  /** The beginning of a line: it is one when it has ended. */
  #rest = "";
  #heard = Date.now();
  /** The first thing that it says by itself. */
  readonly ready: Promise<GuestAnswer>;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.ready = new Promise((resolve, reject) =>
      this.#waiting.push({ what: "start", resolve, reject }),
    );
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      this.#heard = Date.now();
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) this.#take(line.replace(/\r$/, ""));
    });
    // A machine that is gone is told by its end.
    stream.on("error", () => undefined);
  }

  /** How long it has said nothing, in milliseconds. */
  get silence(): number {
    return Date.now() - this.#heard;
  }

  /** Waits for ever if the machine is gone. @throws GuestRefusal if it cannot be done. */
  ask(...words: readonly (string | number)[]): Promise<GuestAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ what: words.slice(0, 2).join(" "), resolve, reject });
      this.#stream.write(`${words.join(" ")}\n`);
    });
  }

  /** Whether it could be done. */
  async tries(...words: readonly (string | number)[]): Promise<boolean> {
    try {
      await this.ask(...words);
      return true;
    } catch (error) {
      if (error instanceof GuestRefusal) return false;
      throw error;
    }
  }

  #take(line: string): void {
    if (line.startsWith("|")) {
      this.#lines.push(line.slice(1));
      return;
    }
    const waiting = this.#waiting.shift();
    const lines = this.#lines;
    this.#lines = [];
    if (waiting === undefined) return;
    if (line.startsWith("!")) {
      waiting.reject(new GuestRefusal(`${waiting.what}: ${line.slice(2)}`));
    } else waiting.resolve({ words: line.split(" ").slice(1), lines });
  }
}
