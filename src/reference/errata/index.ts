import type { Erratum, ErratumId } from "../patch.ts";
import { upperGenerationBits } from "./E1-upper-generation-bits.ts";
import { flushBeforeEveryBreak } from "./E2-flush-before-every-break.ts";
import { walksEnd } from "./E3-walks-end.ts";
import { noBreakAfterAZap } from "./E4-no-break-after-a-zap.ts";
import { ownAddressSpace } from "./E5-own-address-space.ts";
import { invertedListTest } from "./E6-inverted-list-test.ts";
import { noMarkingInFlux } from "./E7-no-marking-in-flux.ts";
import { arraysOfAMovedSlot } from "./E8-arrays-of-a-moved-slot.ts";

/** The errata in the order of their numbers. */
export const errata: readonly Erratum[] = [
  upperGenerationBits,
  flushBeforeEveryBreak,
  walksEnd,
  noBreakAfterAZap,
  ownAddressSpace,
  invertedListTest,
  noMarkingInFlux,
  arraysOfAMovedSlot,
];

const ofKind = (kind: Erratum["kind"]): readonly ErratumId[] =>
  errata.filter((erratum) => erratum.kind === kind).map(({ id }) => id);

/** Defects of the merged code: profile `merged` has them all. */
export const SLIPS = ofKind("slip");
/** Hazards that the series leaves open: both profiles have them, unless a remedy is switched on. */
export const GAPS = ofKind("gap");
