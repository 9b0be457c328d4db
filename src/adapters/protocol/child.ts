import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { StringDecoder } from "node:string_decoder";
import { ConversationError } from "./failure.ts";

/** The longest line that is read, in characters. */
export const MAX_LINE = 16 * 2 ** 20;
/** How much a process may write to stderr between two cases, in bytes. */
export const MAX_LOG = 16 * 2 ** 20;
/** How many of its last lines are kept, and how much of them, in characters. */
const LOG_LINES = 10;
const LOG_LENGTH = 4000;
/** Characters that wait to be read; then the process has to wait. */
const MAX_WAITING = 16 * 2 ** 20;
/** What a line counts besides its own characters: an empty one takes room, too. */
const PER_LINE = 64;
/** How long a killed process may hold its output open, in milliseconds. */
const GRACE = 1000;

const running = new Set<Child>();
let heard = Date.now();

/** How long no process has said anything since one was started, in milliseconds. */
export const silence = (): number => Date.now() - heard;

/** Ends every process that is still there, at once. */
export function killChildren(): void {
  for (const child of running) child.kill();
}

process.on("exit", killChildren);

/** An implementation in a process of its own: lines in, lines out. */
export class Child {
  readonly #process: ChildProcess;
  readonly #decoder = new StringDecoder("utf8");
  readonly #lines: string[] = [];
  #next = 0;
  #unreadLength = 0;
  #rest: string[] = [];
  #restLength = 0;
  #log = "";
  #logBytes = 0;
  #failure: ConversationError | null = null;
  #waiting: { readonly resolve: () => void } | null = null;
  readonly #ended: Promise<string>;

  /**
   * @param command run by the shell, so it may have arguments and quotes.
   * @throws ConversationError
   */
  constructor(command: string) {
    this.#process = started(command);
    const { stdin, stdout, stderr } = this.#process;
    running.add(this);
    heard = Date.now();
    this.#ended = new Promise((resolve) => {
      this.#process.once("close", (code, signal) => {
        running.delete(this);
        const text = endText(code, signal);
        this.#fail("crashed", text);
        resolve(text);
      });
    });
    this.#process.once("error", (error) => {
      this.#fail("crashed", `it cannot be run: ${error.message}`);
    });
    // A process that is gone does not read; that it is gone is told by its end.
    stdin!.on("error", () => undefined);
    stdout!.on("data", (chunk: Buffer) => {
      this.#read(this.#decoder.write(chunk));
    });
    stderr!.on("data", (chunk: Buffer) => {
      this.#keep(chunk);
    });
  }

  /** Whether it still takes part. */
  get isAlive(): boolean {
    return this.#failure === null;
  }

  /** The last lines that it has written to stderr. */
  get log(): string[] {
    return this.#log
      .split("\n")
      .filter((line) => line !== "")
      .slice(-LOG_LINES);
  }

  send(text: string): void {
    this.#process.stdin!.write(text);
  }

  /** Lines that came without being waited for. */
  get unread(): number {
    return this.#lines.length - this.#next;
  }

  /** Counts what is written to stderr from here. */
  beginCase(): void {
    this.#logBytes = 0;
  }

  /**
   * The next line.
   * @param timeout in milliseconds. @throws ConversationError
   */
  async nextLine(timeout: number): Promise<string> {
    if (this.#next === this.#lines.length) {
      if (this.#failure !== null) throw this.#failure;
      await this.#something(timeout);
      if (this.#next === this.#lines.length) throw this.#failure!;
    }
    const line = this.#lines[this.#next++]!;
    this.#unreadLength -= line.length + PER_LINE;
    if (this.#next === this.#lines.length) {
      this.#lines.length = this.#next = 0;
      this.#process.stdout!.resume();
    }
    return line;
  }

  /** Waits for its end, that many milliseconds; then kills it. */
  async end(timeout: number): Promise<string> {
    this.#process.stdin!.end();
    if (!(await this.#endsWithin(timeout))) await this.destroy();
    return this.#ended;
  }

  /** Kills it and waits until it is gone, and all that it wrote is read. */
  async destroy(): Promise<void> {
    this.kill();
    if (await this.#endsWithin(GRACE)) return;
    // Something that it has started and that got away still holds its output.
    this.#process.stdout!.destroy();
    this.#process.stderr!.destroy();
    await this.#ended;
  }

  async #endsWithin(timeout: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, timeout, false);
    });
    const inTime = await Promise.race([this.#ended.then(() => true), late]);
    clearTimeout(timer);
    return inTime;
  }

  /** Ends it and all that it has started. */
  kill(): void {
    this.#fail("crashed", "it was ended");
    const { pid, stdout } = this.#process;
    // Its end is told only when all of its output is read.
    stdout!.resume();
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended in the meantime.
    }
  }

  /** Waits until a line is there or something is wrong. */
  #something(timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#fail("timed-out", `no answer within ${timeout} ms`);
      }, timeout);
      this.#waiting = {
        resolve: () => {
          clearTimeout(timer);
          this.#waiting = null;
          resolve();
        },
      };
    });
  }

  #read(text: string): void {
    heard = Date.now();
    if (this.#failure !== null) return;
    const parts = text.split("\n");
    for (const [i, part] of parts.entries()) {
      this.#rest.push(part);
      this.#restLength += part.length;
      if (this.#restLength > MAX_LINE) {
        this.#rest = [];
        this.#fail("protocol-error", `a line longer than ${MAX_LINE / 2 ** 20} MiB`);
        return;
      }
      if (i === parts.length - 1) break;
      this.#lines.push(this.#rest.join(""));
      this.#unreadLength += this.#restLength + PER_LINE;
      this.#rest = [];
      this.#restLength = 0;
    }
    if (this.#unreadLength > MAX_WAITING) this.#process.stdout!.pause();
    if (this.unread > 0) this.#waiting?.resolve();
  }

  #keep(chunk: Buffer): void {
    this.#logBytes += chunk.length;
    this.#log = (this.#log + chunk.toString("utf8")).slice(-LOG_LENGTH);
    if (this.#logBytes > MAX_LOG) {
      this.#fail("protocol-error", `more than ${MAX_LOG / 2 ** 20} MiB on stderr`);
    }
  }

  /** The first failure counts; whatever else it does is its end. */
  #fail(kind: ConversationError["kind"], message: string): void {
    if (this.#failure !== null) return;
    this.#failure = new ConversationError(kind, message);
    if (kind !== "crashed") this.kill();
    this.#waiting?.resolve();
  }
}

/** @throws ConversationError for what the system does not even try: too long, or nothing at all */
function started(command: string): ChildProcess {
  try {
    return spawn(command, { shell: true, detached: true, stdio: "pipe" });
  } catch (error) {
    throw new ConversationError("crashed", `it cannot be run: ${(error as Error).message}`);
  }
}

/** How it ended; a shell tells of a signal by a status above 128. */
function endText(code: number | null, signal: NodeJS.Signals | null): string {
  const number = (code ?? 0) - 128;
  const names = Object.entries(constants.signals);
  const name = signal ?? names.find(([, value]) => value === number)?.[0];
  return name === undefined ? `it exited with status ${code}` : `it was killed by ${name}`;
}
