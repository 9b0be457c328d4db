import { patches } from "../reference/layers/index.ts";
import type { Patch } from "../reference/patch.ts";

/** Names of the suites: the folders in `suites/` and `fixtures/`. Suite 0 holds at every layer. */
const SLUGS = [
  "00-every-layer",
  "01-hook-before-store",
  "02-wrap-in-any-address-space",
  "03-no-caching-in-flux",
  "04-in-progress-bit",
  "05-u64-generations",
  "06-mmio-generation-handling",
  "07-no-wraparound-hack",
  "08-flag-in-bit-63",
  "09-slot-level-helpers",
  "10-remote-flush-or-zap",
  "11-zap-only-the-slot",
  "12-document-no-fast-invalidate",
  "13-zap-mmio-sptes",
  "14-reschedule-zapping-mmio",
  "15-no-is-obsolete",
  "16-no-zapped-obsolete-list",
  "17-flush-at-each-break",
  "18-no-batching",
  "19-no-invalidate-all-tracepoint",
  "20-no-valid-gen-in-tracepoints",
  "21-teardown-zaps-all",
  "22-skip-invalid-roots",
  "23-reschedule-zapping-all",
  "24-no-fast-invalidate",
  "25-list-unstable",
  "26-warn-on-mmio-children",
  "27-one-walker",
] as const;

export const slugOf = (patch: number): string => SLUGS[patch] ?? String(patch);

/** The subject line of a patch; for 0, what its suite is about. */
export function titleOf(number: number): string {
  if (number === 0) return "What holds at every layer";
  return patches.find((patch) => patch.number === number)?.title ?? `patch ${number}`;
}

export const patchOf = (number: number): Patch | undefined =>
  patches.find((patch) => patch.number === number);
