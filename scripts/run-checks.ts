import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";

/** Something that is run and passes if it ends with status 0. */
export interface Check {
  readonly name: string;
  /** A program of node_modules/.bin, or in the path, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Whether it tells how its tests go: it runs vitest with scripts/tell-tests.ts. */
  readonly tests?: true;
}

/** What vitest tells while it runs, message by message. */
export type TestMessage =
  | { readonly files: number }
  | { readonly begun: string }
  | { readonly ended: string }
  | { readonly result: keyof Counts; readonly failure?: string };

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Telling {
  /** Where it is told, as a rule the standard output. */
  readonly out: Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns">;
  /** Time between two lines that say how far it is, in milliseconds, if that is no terminal. */
  readonly interval: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** Of its output, what is shown of a check that fails, in characters. */
const SHOWN = 20_000;

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(0)} s`;

/** Tests that are under way. */
class Tests {
  readonly counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  readonly #running = new Set<string>();
  #files = 0;
  #ended = 0;

  /** @returns what failed, if something did. */
  hear(message: TestMessage): string | undefined {
    if ("files" in message) this.#files = message.files;
    else if ("begun" in message) this.#running.add(message.begun);
    else if ("ended" in message) {
      this.#running.delete(message.ended);
      this.#ended++;
    } else {
      this.counts[message.result]++;
      return message.failure;
    }
    return undefined;
  }

  get text(): string {
    const { passed, failed } = this.counts;
    const files = [...this.#running].map((name) => `, ${name}`).join("");
    return `${this.#ended} of ${this.#files} files, ${passed} passed, ${failed} failed${files}`;
  }
}

/** Runs checks, as many side by side as there are cores for, and tells how it goes. */
export class Run {
  readonly totals: Counts = { passed: 0, failed: 0, skipped: 0 };
  readonly #telling: Telling;
  readonly #total: number;
  readonly #started = Date.now();
  readonly #running = new Map<Check, { readonly since: number; readonly tests: Tests }>();
  readonly #children = new Set<ChildProcess>();
  #done = 0;

  /** @param total how many checks there will be. */
  constructor(total: number, telling: Telling) {
    this.#total = total;
    this.#telling = telling;
  }

  /** Runs these, that many at a time. */
  async checks(checks: readonly Check[], atATime: number): Promise<void> {
    const { interval, signal, out } = this.#telling;
    const timer = setInterval(this.#tellStatus, out.isTTY ? 250 : interval);
    const stop = (): void => {
      for (const child of this.#children) child.kill();
    };
    signal?.addEventListener("abort", stop);
    const rest = [...checks];
    const worker = async (): Promise<void> => {
      for (let next; (next = rest.shift()) !== undefined && signal?.aborted !== true;) {
        await this.#check(next);
      }
    };
    await Promise.all(Array.from({ length: atATime }, worker));
    clearInterval(timer);
    signal?.removeEventListener("abort", stop);
  }

  /** The last line: `N passed, N failed`; before it, when it was ended early, how far it was. */
  end(): void {
    const { passed, failed, skipped } = this.totals;
    if (this.#telling.signal?.aborted === true) {
      this.#line(
        `ended after ${seconds(this.#started)}, ${this.#done} of ${this.#total} checks done`,
      );
    }
    this.#line(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  }

  async #check(check: Check): Promise<void> {
    const since = Date.now();
    const tests = new Tests();
    this.#running.set(check, { since, tests });
    const { status, output } = await this.#run(check, tests);
    this.#running.delete(check);
    const isEarly = this.#telling.signal?.aborted === true;
    // A crash or a missed threshold of coverage fails the run though every test has passed.
    const { counts } = tests;
    if (check.tests !== true && !isEarly) counts[status === 0 ? "passed" : "failed"]++;
    else if (status !== 0 && !isEarly && counts.failed === 0) counts.failed++;
    for (const key of ["passed", "failed", "skipped"] as const) this.totals[key] += counts[key];
    const more = check.tests === true ? `: ${tests.text}` : "";
    if (isEarly) {
      this.#line(`ended  ${check.name} (${seconds(since)})${more}`);
      return;
    }
    this.#done++;
    const isGood = status === 0 && counts.failed === 0;
    this.#line(`${isGood ? "ok    " : "FAILED"} ${check.name} (${seconds(since)})${more}`);
    if (!isGood) this.#line(output.slice(-SHOWN));
  }

  #run({ command: [program, ...args] }: Check, tests: Tests) {
    const path = `${resolve("node_modules/.bin")}:${process.env["PATH"] ?? ""}`;
    const child = spawn(program, args, {
      env: { ...process.env, PATH: path },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#children.add(child);
    let output = "";
    const keep = (text: string): void => {
      output += text;
    };
    child.stdout!.setEncoding("utf8").on("data", keep);
    child.stderr!.setEncoding("utf8").on("data", keep);
    child.on("message", (message) => {
      const failure = tests.hear(message as TestMessage);
      if (failure !== undefined) this.#line(`FAILED ${failure}`);
    });
    return new Promise<{ status: number | null; output: string }>((done) => {
      const end = (status: number | null): void => {
        this.#children.delete(child);
        done({ status, output });
      };
      child.on("close", end);
      child.on("error", ({ message }) => {
        keep(message);
        end(null);
      });
    });
  }

  /** A line that stays. */
  #line(text: string): void {
    const { out } = this.#telling;
    out.write(`${out.isTTY ? "\r\x1b[2K" : ""}${text}\n`);
  }

  /** What is running, and how much is done: on a terminal a line that is written over. */
  readonly #tellStatus = (): void => {
    const { out } = this.#telling;
    const running = [...this.#running].map(([{ name, tests: told }, { since, tests }]) =>
      told === true ? `${name}: ${tests.text}` : `${name} ${seconds(since)}`,
    );
    const done = `${this.#done} of ${this.#total} checks, ${seconds(this.#started)}`;
    const text = `       ${done}; ${running.join("; ")}`;
    if (out.isTTY) out.write(`\r\x1b[2K${text.slice(0, (out.columns || 80) - 1)}`);
    else this.#line(text);
  };
}
