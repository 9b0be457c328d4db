import type { Composition } from "../reference/compose.ts";
import { layer, layerWithErratum } from "../conformance/profiles.ts";
import { ownClaim } from "../conformance/claim.ts";
import { SLIPS } from "../reference/errata/index.ts";
import type { Case } from "../scenario/case.generated.ts";
import type { TopicId } from "./topics.ts";

/** One of the two runs that a walkthrough compares. */
export interface Side {
  /** `layer 11`, `layer 11, E2 mended`. */
  readonly name: string;
  readonly composition: Composition;
}

/**
 * The two sides of a walkthrough. Of a patch: the layer below it and its own, as promised. Of an
 * erratum: the layer at which its case shows the defect, with the defect and without.
 */
export function sidesOf(id: TopicId, decisive: Case): readonly [before: Side, after: Side] {
  if (typeof id === "number") {
    return [promised(id - 1), promised(id)];
  }
  const { layer: number } = ownClaim(decisive);
  if (number === null) throw new RangeError(`${decisive.id} is of no layer`);
  const slip = SLIPS.includes(id);
  return [true, false].map((defect) => {
    const composition = layerWithErratum(number, id, defect);
    const how = slip
      ? defect
        ? `with slip ${id}`
        : "as promised"
      : defect
        ? "as it is"
        : `with remedy ${id}`;
    return { name: `layer ${number} ${how}`, composition };
  }) as unknown as readonly [Side, Side];
}

const promised = (number: number): Side => ({
  name: `layer ${number}`,
  composition: layer(number, "promised"),
});
