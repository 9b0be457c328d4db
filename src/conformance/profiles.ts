import { type Composition, type CompositionOptions, composeThrough } from "../reference/compose.ts";
import { GAPS, SLIPS } from "../reference/errata/index.ts";
import type { ErratumId } from "../reference/patch.ts";

/** `promised`: every patch does what it says. `merged`: the slips of the merged code are in. */
export type Profile = "promised" | "merged";

export const PROFILES: readonly Profile[] = ["promised", "merged"];

/** The errata that a profile switches on. */
export const optionsOf = (profile: Profile): CompositionOptions => ({
  slips: profile === "merged" ? SLIPS : [],
});

const cache = new Map<string, Composition>();

/** A layer under a profile, or all of it but some patches; made once. */
export function layer(
  number: number,
  profile: Profile,
  without: readonly number[] = [],
): Composition {
  return cached(`${number} ${profile} ${without.join()}`, () =>
    composeThrough(number, { ...optionsOf(profile), without }),
  );
}

/** A layer as promised, or all of it but some patches, with the defect of one erratum or not. */
export function layerWithErratum(
  number: number,
  id: ErratumId,
  defect: boolean,
  without: readonly number[] = [],
): Composition {
  return cached(`${number} ${id} ${defect} ${without.join()}`, () => {
    if (SLIPS.includes(id)) return composeThrough(number, { slips: defect ? [id] : [], without });
    if (GAPS.includes(id)) return composeThrough(number, { remedies: defect ? [] : [id], without });
    throw new RangeError(`there is no erratum ${id}`);
  });
}

function cached(key: string, make: () => Composition): Composition {
  let composition = cache.get(key);
  if (composition === undefined) cache.set(key, (composition = make()));
  return composition;
}
