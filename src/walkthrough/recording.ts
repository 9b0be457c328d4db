import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";
import type { Recorded } from "./topics.ts";

/** What a real kernel did during one command of the program that drove it. */
export interface Excerpt {
  /** The recording: `11/D`. */
  readonly of: string;
  /** The command, as `del 0 1`. */
  readonly command: string;
  /** The lines of the recording, each from its event on. */
  readonly lines: readonly string[];
}

/** Lines that tell of the allocator, of entries and exits and of the program, not of the MMU. */
const NOISE =
  /^(kmfree|free_roots|kvm_exit|kvm_entry|tlb_local|mmu_load|shadow_all_ret|tracing_mark_write)\b/;
/** Task, CPU and time of a line. */
const HEAD = /^\s*\S+-\d+\s+\[\d+\]\s+\S+\s+[\d.]+: /;

/** @throws RangeError if a recording does not have the command */
export function excerpts({ of, command, time = 1 }: Recorded): Excerpt[] {
  return of.map((name) => excerpt(name, command, time));
}

function excerpt(of: string, number: number, time: number): Excerpt {
  const file = join(PACKAGE_ROOT, "fixtures/recordings", `${of}.trace.gz`);
  const all = gunzipSync(readFileSync(file)).toString("latin1").split("\n");
  const begins = new RegExp(`: CMD ${number} (.*)$`);
  let seen = 0;
  const at = all.findIndex((line) => begins.test(line) && ++seen === time);
  if (at < 0) throw new RangeError(`recording ${of} has no command ${number}, time ${time}`);
  const end = all.findIndex((line, i) => i > at && line.includes(`: END ${number} `));
  const lines = all
    .slice(at + 1, end < 0 ? undefined : end)
    .filter((line) => HEAD.test(line))
    .map((line) => line.replace(HEAD, "").trimEnd())
    .filter((line) => !NOISE.test(line));
  return { of, command: begins.exec(all[at]!)![1]!.trim(), lines };
}
