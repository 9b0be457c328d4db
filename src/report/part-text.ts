import { ranges } from "../conformance/claim.ts";
import type { Candidate, Part } from "../conformance/candidate.ts";
import { errata, SLIPS } from "../reference/errata/index.ts";
import { titleOf } from "../scenario/suites.ts";

/** A patch or an erratum with its title: `11 KVM: x86/mmu: Zap only the relevant pages …`. */
export function partText(part: Part): string {
  if (typeof part === "number") return `${String(part).padStart(2, "0")} ${titleOf(part)}`;
  return `${part} ${errata.find(({ id }) => id === part)!.title}`;
}

/** What something might be, in words: `layer 14 with slip E1`, `patches 1-8, 10`. */
export function candidateText({ patches, errata: ids }: Candidate): string {
  const sorted = [...patches].sort((a, b) => a - b);
  const isLayer = sorted.every((patch, i) => patch === i + 1);
  const what = isLayer ? `layer ${sorted.length}` : `patches ${ranges(sorted)}`;
  const slips = [...ids].filter((id) => SLIPS.includes(id)).sort();
  const remedies = [...ids].filter((id) => !SLIPS.includes(id)).sort();
  return [
    what,
    ...(slips.length > 0 ? [`slips ${slips.join(", ")}`] : []),
    ...(remedies.length > 0 ? [`remedies ${remedies.join(", ")}`] : []),
  ].join(", ");
}
