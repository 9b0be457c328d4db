import type { Readable } from "node:stream";
import { createInterface } from "node:readline";

/** Lines of a stream, read as they come, so that its end is known while they wait. */
export class Requests {
  readonly #lines: string[] = [];
  #isOver = false;
  #wake: () => void = () => undefined;
  /** When the stream has ended, whatever waits. */
  readonly over: Promise<void>;

  constructor(input: Readable) {
    const lines = createInterface({ input, crlfDelay: Infinity });
    lines.on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.over = new Promise((resolve) => {
      lines.once("close", () => {
        this.#isOver = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** The next one; null at the end. To be asked for when the one before is there. */
  async next(): Promise<string | null> {
    while (this.#lines.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#lines.shift() ?? null;
  }
}
