import type { Command } from "commander";
import {
  type Claim,
  claimLayer,
  claimSet,
  parseErrata,
  parsePatches,
} from "../conformance/claim.ts";
import { LAST_LAYER } from "../reference/compose.ts";
import type { ErratumId } from "../reference/patch.ts";
import { SLIPS } from "../reference/errata/index.ts";
import { listed } from "./option-values.ts";
import { parseNumber, parsed } from "./parsed.ts";
import { UsageError } from "./usage-error.ts";

/** Options that say which errata. */
export interface ErrataFlags {
  readonly profile?: string;
  readonly slips?: string;
  readonly remedies?: string;
}

/** Options that say which patches and which errata. */
export interface CompositionFlags extends ErrataFlags {
  readonly layer?: string;
  readonly patches?: string;
}

export function addCompositionFlags(command: Command): Command {
  return addErrataFlags(
    command
      .option("--layer <n>", "the base with patches 1 to n")
      .option(
        "--patches <list>",
        "the base with some patches: 1,2,3 or 1-8,10 or 1-27,!12",
        listed,
      ),
  );
}

export function addErrataFlags(command: Command): Command {
  return command
    .option("--profile <name>", "promised, or merged (with the slips of the merged code)")
    .option("--slips <list>", "defects of the merged code to put in: E1, E4, E6", listed)
    .option("--remedies <list>", "gaps of the series to mend: E2, E3, E5, E7, E8", listed);
}

/** The errata that the options ask for. @throws UsageError */
export function errataOf({ profile, slips, remedies }: ErrataFlags): {
  readonly slips: readonly ErratumId[];
  readonly remedies: readonly ErratumId[];
} {
  if (profile !== undefined && profile !== "promised" && profile !== "merged") {
    throw new UsageError(`there is no profile "${profile}"; there are promised and merged`);
  }
  if (profile !== undefined && slips !== undefined) {
    throw new UsageError(
      "--profile and --slips exclude each other: a profile is a choice of slips",
    );
  }
  return {
    slips: profile === "merged" ? SLIPS : errataIn(slips, "slip"),
    remedies: errataIn(remedies, "remedy"),
  };
}

/**
 * What the options ask for; null when they ask for nothing. @throws UsageError, CompositionError
 */
export function claimOf(flags: CompositionFlags): Claim | null {
  const { layer, patches } = flags;
  const { slips, remedies } = errataOf(flags);
  if (layer !== undefined && patches !== undefined) {
    throw new UsageError("--layer and --patches exclude each other");
  }
  if (patches !== undefined) return claimSet(parsed(patches, parsePatches), slips, remedies);
  if (layer !== undefined)
    return claimLayer(parseNumber(layer, 0, LAST_LAYER, "layer"), slips, remedies);
  return slips.length + remedies.length > 0 ? claimLayer(LAST_LAYER, slips, remedies) : null;
}

const errataIn = (text: string | undefined, kind: "slip" | "remedy"): ErratumId[] =>
  text === undefined ? [] : parsed(text, (list) => parseErrata(list, kind));
