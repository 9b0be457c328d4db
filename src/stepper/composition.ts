import { type Composition, composeThrough, LAST_LAYER } from "../reference/compose.ts";
import { GAPS, SLIPS } from "../reference/errata/index.ts";
import { mutants } from "../reference/mutants/index.ts";
import type { ErratumId } from "../reference/patch.ts";

/** What runs on one side of the stepper. */
export interface Side {
  /** As in a link: `11`, `11+E1+E2`, `p11.rmap-pass-only`. */
  readonly id: string;
  /** For people: `layer 11, slip E1`, `mutant p11.rmap-pass-only`. */
  readonly name: string;
  readonly composition: Composition;
}

const sides = new Map<string, Side>();

/**
 * A layer with errata, or a mutant: `11`, `11+E1`, `p11.rmap-pass-only`. An erratum that is a slip
 * is put in, one that is a gap is mended.
 * @throws RangeError if there is no such thing
 */
export function sideOf(id: string): Side {
  let side = sides.get(id);
  if (side === undefined) sides.set(id, (side = id.startsWith("p") ? mutant(id) : layer(id)));
  return side;
}

/** How a layer with errata is written. */
export const sideId = (layer: number, errata: readonly ErratumId[]): string =>
  [layer, ...[...errata].sort()].join("+");

function mutant(id: string): Side {
  const found = mutants.find((each) => each.id === id);
  if (found === undefined) throw new RangeError(`there is no mutant ${id}`);
  const composition = composeThrough(found.patch, { overrides: [found] });
  return { id, name: `mutant ${id}`, composition };
}

function layer(id: string): Side {
  const [number = "", ...errata] = id.split("+");
  if (!/^\d{1,2}$/.test(number) || Number(number) > LAST_LAYER) {
    throw new RangeError(`there is no layer "${number}"; layers go from 0 to ${LAST_LAYER}`);
  }
  const unknown = errata.find((each) => ![...SLIPS, ...GAPS].includes(each as ErratumId));
  if (unknown !== undefined) throw new RangeError(`there is no erratum "${unknown}"`);
  const of = (known: readonly ErratumId[]): ErratumId[] =>
    known.filter((each) => errata.includes(each));
  const composition = composeThrough(Number(number), { slips: of(SLIPS), remedies: of(GAPS) });
  const { slips, remedies } = composition;
  const parts = [
    `layer ${number}`,
    ...slips.map((each) => `slip ${each}`),
    ...remedies.map((each) => `remedy ${each}`),
  ];
  return { id, name: parts.join(", "), composition };
}
