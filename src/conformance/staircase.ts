import { LAST_LAYER } from "../reference/compose.ts";
import { patches } from "../reference/layers/index.ts";
import { contradictions, type MatrixLine } from "./matrix.ts";

/** How much of a suite holds on a layer. */
export interface Stair {
  /** Cases that hold, as promised, of so many. */
  readonly holds: number;
  readonly of: number;
  /** Whether some row of the suite, under whatever, is not as its case declares there. */
  readonly isWrong: boolean;
}

/** The suite of a patch over the layers 0 to 27. */
export interface Flight {
  /** 0: what holds at every layer. */
  readonly patch: number;
  readonly stairs: readonly Stair[];
}

const LAYERS = Array.from({ length: LAST_LAYER + 1 }, (_, layer) => layer);

/**
 * The matrix with a row for each patch: which behaviour appears with which. Errata are left out of
 * the shares: their cases hold or not whatever the patch. What holds at every layer comes last.
 */
export function staircase(lines: readonly MatrixLine[]): Flight[] {
  const suites = [...patches.map(({ number }) => number), 0];
  return suites.flatMap((patch) => {
    const own = lines.filter(({ scenario }) => scenario.patch === patch);
    if (own.length === 0) return [];
    const all = own.flatMap(({ rows }) => rows);
    const promised = all.filter(({ under }) => under === "promised");
    const wrong = all.map((row) => new Set(contradictions(row)));
    const stairs = LAYERS.map((layer) => ({
      holds: promised.filter(({ seen }) => seen[layer]).length,
      of: promised.length,
      isWrong: wrong.some((layers) => layers.has(layer)),
    }));
    return [{ patch, stairs }];
  });
}
