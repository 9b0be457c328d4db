import { appendFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { TranscriptLine } from "../adapters/protocol/transcript.ts";
import { UsageError } from "./usage-error.ts";

/** A transcript that grows case by case, and gets its name when it is whole. */
export class TranscriptFile {
  readonly #path: string;
  readonly #temporary: string;
  #takesCases = true;

  /** @throws UsageError if it cannot be written. */
  constructor(path: string) {
    this.#path = path;
    this.#temporary = `${path}.tmp`;
    try {
      writeFileSync(this.#temporary, "");
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new UsageError(`${path} cannot be written: ${code}`);
    }
  }

  add(lines: readonly TranscriptLine[]): void {
    appendFileSync(this.#temporary, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }

  /** What was said in a case; nothing any more after `endCases`. */
  readonly addCase = (lines: readonly TranscriptLine[]): void => {
    if (this.#takesCases) this.add(lines);
  };

  /** The run is being stopped: cases that end now do not count. */
  endCases(): void {
    this.#takesCases = false;
  }

  /** Leaves no file behind. */
  discard(): void {
    rmSync(this.#temporary, { force: true });
  }

  end(): void {
    renameSync(this.#temporary, this.#path);
  }
}
