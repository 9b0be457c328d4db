import { type Composition, composeSet, composeThrough, LAST_LAYER } from "../reference/compose.ts";
import { GAPS, SLIPS } from "../reference/errata/index.ts";
import type { ErratumId } from "../reference/patch.ts";
import type { Case } from "../scenario/case.generated.ts";
import { holds } from "./holds.ts";
import { appliesTo, isDeclared } from "./matrix.ts";
import { layer as layerUnder, layerWithErratum, type Profile } from "./profiles.ts";

/** What an implementation is said to be: some patches, with some errata. */
export interface Claim {
  readonly composition: Composition;
  /** The layer, if the patches are the first ones of the series. */
  readonly layer: number | null;
}

export function claimLayer(
  layer: number,
  slips: readonly ErratumId[] = [],
  remedies: readonly ErratumId[] = [],
): Claim {
  return { composition: composeThrough(layer, { slips, remedies }), layer };
}

export function claimSet(
  patches: readonly number[],
  slips: readonly ErratumId[] = [],
  remedies: readonly ErratumId[] = [],
): Claim {
  const composition = composeSet(patches, { slips, remedies });
  const isPrefix = composition.patches.every((patch, i) => patch === i + 1);
  return { composition, layer: isPrefix ? composition.patches.length : null };
}

/**
 * Where a case must hold when nobody says what to run it on: the layer of its patch, or the nearest
 * one in its range, under its profile, with its erratum put in or mended.
 */
export function ownClaim({ patch, layers, without, profile, proof, erratum }: Case): Claim {
  const layer = patch === 0 ? layers.to : Math.min(Math.max(patch, layers.from), layers.to);
  const composition =
    erratum === undefined
      ? layerUnder(layer, profile === "merged" ? "merged" : "promised", without)
      : layerWithErratum(layer, erratum, proof === "defect", without);
  return { composition, layer: composition.patches.length === layer ? layer : null };
}

/**
 * Whether a case must hold for what is claimed. A layer as promised or as merged: as the case
 * declares. Any other composition: if its patch is there and the reference, composed that way,
 * satisfies it. A case whose layers lack a patch says nothing of who has it.
 */
export function mustHold(scenario: Case, { composition, layer }: Claim): boolean {
  const { patches, slips, remedies } = composition;
  if (scenario.patch !== 0 && !patches.includes(scenario.patch)) return false;
  if (scenario.without?.some((patch) => patches.includes(patch)) === true) return false;
  const profile = profileOf(layer, slips);
  if (layer === null || profile === null || remedies.length > 0 || scenario.erratum !== undefined) {
    return holds(scenario, composition);
  }
  return appliesTo(scenario, profile) && isDeclared(scenario, layer);
}

/** The profile that has these slips: none, or all that affect the layer; null if no profile has. */
function profileOf(layer: number | null, slips: readonly ErratumId[]): Profile | null {
  if (slips.length === 0) return "promised";
  if (layer === null) return null;
  return slips.length === layerUnder(layer, "merged").slips.length ? "merged" : null;
}

/** A claim in words: `layer 14 as promised`, `patches 1-3 with slip E1, remedy E2`. */
export function claimText({ composition, layer }: Claim): string {
  const { patches, slips, remedies } = composition;
  const base = layer === 0 ? " (before the series)" : "";
  const what = layer === null ? `patches ${ranges(patches)}` : `layer ${layer}${base}`;
  const profile = profileOf(layer, slips);
  const how = profile === null ? `with slip ${slips.join(", ")}` : `as ${profile}`;
  return `${what} ${how}${remedies.length === 0 ? "" : `, remedy ${remedies.join(", ")}`}`;
}

/** Numbers as ranges: `1-3, 5`. */
export function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; i++) {
    const first = numbers[i];
    while (numbers[i + 1] === (numbers[i] ?? 0) + 1) i++;
    parts.push(first === numbers[i] ? String(first) : `${String(first)}-${String(numbers[i])}`);
  }
  return parts.join(", ");
}

/**
 * `1,2,3`, `1-8,10`, `1-27,!11`: patches, ranges, and `!` for those left out.
 * @param lowest 0 where what holds at every layer counts as the suite of a patch 0.
 * @throws RangeError
 */
export function parsePatches(text: string, lowest: 0 | 1 = 1): number[] {
  const chosen = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(!?)(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) {
      throw new RangeError(`"${part}" is neither a patch nor a range like 1-8 or !11`);
    }
    const [, not, first, last = first] = match;
    if (Number(first) > Number(last)) {
      throw new RangeError(`the range "${part}" is empty; the lower number comes first`);
    }
    for (let number = Number(first); number <= Number(last); number++) {
      if (number < lowest || number > LAST_LAYER) {
        throw new RangeError(
          `there is no patch ${number}; patches go from ${lowest} to ${LAST_LAYER}`,
        );
      }
      if (not === "!") chosen.delete(number);
      else chosen.add(number);
    }
  }
  if (chosen.size === 0) {
    throw new RangeError(`"${text}" leaves no patch; leave some out of a range, as in 1-27,!11`);
  }
  return [...chosen].sort((a, b) => a - b);
}

/** `E1,E4`: errata of one kind. @throws RangeError */
export function parseErrata(text: string, kind: "slip" | "remedy"): ErratumId[] {
  const known = kind === "slip" ? SLIPS : GAPS;
  return text.split(",").map((part) => {
    const id = known.find((other) => other === part.trim());
    if (id === undefined) {
      throw new RangeError(`there is no ${kind} "${part}"; there are ${known.join(", ")}`);
    }
    return id;
  });
}
