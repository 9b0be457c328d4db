import type { ErratumId } from "../reference/patch.ts";
import { sideId } from "./composition.ts";

/** What runs, as an obligation of the explorer names it. */
interface Subject {
  readonly layer: number;
  readonly without?: readonly number[];
  readonly slips?: readonly ErratumId[];
  readonly remedies?: readonly ErratumId[];
}

/** Where an obligation's bad outcome can be reached, and where it cannot. */
interface Reach {
  readonly reachable: readonly Subject[];
  readonly unreachable: readonly Subject[];
}

/**
 * What the witness of an obligation is opened with, as `sideOf` reads it: where it was found, and
 * where nothing like it can be, if there is such a place. Nothing of what lacks a patch of its
 * layer: a side is a layer.
 */
export const witnessSides = ({ reachable, unreachable }: Reach): string[] =>
  [reachable, unreachable].flatMap((subjects) =>
    subjects
      .filter(({ without }) => without === undefined)
      .slice(0, 1)
      .map(({ layer, slips, remedies }) => sideId(layer, [...(slips ?? []), ...(remedies ?? [])])),
  );
