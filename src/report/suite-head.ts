import { slugOf, titleOf } from "../scenario/suites.ts";
import { pc } from "./colours.ts";

/** The line above what belongs to a suite: its number and the subject of its patch. */
export const suiteHead = (patch: number): string =>
  `${pc.bold(slugOf(patch).slice(0, 2))} ${pc.dim(titleOf(patch))}`;
