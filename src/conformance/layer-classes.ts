/** Layers that do the same, event for event, as long as nothing races or contends. */
export interface LayerClass {
  /** As merged: with all slips of the merged code. */
  readonly layers: readonly number[];
  /** Later layers that do the same as promised, that is without the slip that tells them. */
  readonly promised: readonly number[];
  /** What would tell them apart, in words; null for a single layer. */
  readonly apart: string | null;
}

const alone = (layer: number): LayerClass => ({ layers: [layer], promised: [], apart: null });

/**
 * Measured on 28 real kernels, one for each layer, in 17 scenarios under both pagings. Layers in a
 * class of their own that differ in text only (18 and 19, 19 and 20, 26 and 27) are told apart by
 * the tracepoints that fire, by what they print, and by the functions in which probes are hit.
 */
export const LAYER_CLASSES: readonly LayerClass[] = [
  ...[0, 1].map(alone),
  {
    layers: [2, 3, 4, 5],
    promised: [6],
    apart: "03 shows when an access races with an install; 04 and 05 change a name and a type",
  },
  ...[6, 7].map(alone),
  { layers: [8, 9], promised: [10], apart: "09 changes the order of functions" },
  alone(10),
  {
    layers: [11, 12, 13, 14],
    promised: [],
    apart: "12 is documentation; 13 and 14 show when the generation wraps, after 2^18 installs",
  },
  { layers: [15, 16], promised: [], apart: "16 shows when the shrinker meets a fast invalidate" },
  {
    layers: [17, 18],
    promised: [],
    apart: "18 shows when somebody wants the CPU during a teardown",
  },
  ...[19, 20, 21].map(alone),
  {
    layers: [22, 23, 24, 25, 26],
    promised: [],
    apart:
      "23 and 25 show when somebody wants the CPU; 24 takes out what nobody calls any more; " +
      "26 warns of what cannot happen",
  },
  alone(27),
];

export const classOf = (layer: number): LayerClass =>
  LAYER_CLASSES.find(({ layers }) => layers.includes(layer))!;
