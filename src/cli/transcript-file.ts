import type { TranscriptLine } from "../adapters/protocol/transcript.ts";
import { isStandardOutput, writeWhole } from "./write-file.ts";

/** A transcript that grows case by case, and is written when it is whole. */
export class TranscriptFile {
  readonly #path: string;
  readonly #lines: string[] = [];
  #takesCases = true;

  constructor(path: string) {
    this.#path = path;
  }

  add(lines: readonly TranscriptLine[]): void {
    this.#lines.push(...lines.map((line) => `${JSON.stringify(line)}\n`));
  }

  /** What was said in a case; nothing any more after `endCases`. */
  readonly addCase = (lines: readonly TranscriptLine[]): void => {
    if (this.#takesCases) this.add(lines);
  };

  /** The run is being stopped: cases that end now do not count. */
  endCases(): void {
    this.#takesCases = false;
  }

  /** @throws UsageError */
  end(): void {
    const text = this.#lines.join("");
    if (isStandardOutput(this.#path)) process.stdout.write(text);
    else writeWhole(this.#path, text);
  }
}
