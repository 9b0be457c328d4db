import { ranges } from "../conformance/claim.ts";
import type { Candidate, Part } from "../conformance/candidate.ts";
import { errata, SLIPS } from "../reference/errata/index.ts";
import type { ErratumId } from "../reference/patch.ts";
import { titleOf } from "../scenario/suites.ts";
import { pc } from "./colours.ts";

/** A patch or an erratum with its title: `11 KVM: x86/mmu: Zap only the relevant pages …`. */
export function partText(part: Part): string {
  if (typeof part === "number") return `${String(part).padStart(2, "0")} ${titleOf(part)}`;
  return `${part} ${errata.find(({ id }) => id === part)!.title}`;
}

/** What something might be, in words: `layer 14, slips E1`, `patches 1-8, 10`. */
export function candidateText({ patches, errata: ids }: Candidate): string {
  const sorted = [...patches].sort((a, b) => a - b);
  const isLayer = sorted.every((patch, i) => patch === i + 1);
  const what = isLayer ? `layer ${sorted.length}` : `patches ${ranges(sorted)}`;
  return what + errataText(ids);
}

/** Layers that are not told apart: `layers 22 to 27`, `layers 8, 11 to 14`. */
export const layersText = (layers: readonly number[]): string =>
  `layers ${ranges(layers).replaceAll("-", " to ")}`;

/** What follows in words after patches that come with errata: `, slips E1, remedies E2`. */
export function errataText(ids: Iterable<ErratumId>): string {
  const slips = [...ids].filter((id) => SLIPS.includes(id)).sort();
  const remedies = [...ids].filter((id) => !SLIPS.includes(id)).sort();
  return [
    ...(slips.length > 0 ? [`, slips ${slips.join(", ")}`] : []),
    ...(remedies.length > 0 ? [`, remedies ${remedies.join(", ")}`] : []),
  ].join("");
}

/** A patch is there or not; a slip is in or as promised; a gap is open or mended. */
export function partStateText(part: Part, state: "present" | "absent" | "undetermined"): string {
  if (state === "undetermined") return pc.yellow("undetermined");
  const has = state === "present";
  if (typeof part === "number") return has ? pc.green("present     ") : pc.dim("absent      ");
  if (SLIPS.includes(part)) return has ? pc.red("slip        ") : pc.dim("as promised ");
  return has ? pc.green("mended      ") : pc.dim("open gap    ");
}
