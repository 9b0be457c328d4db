import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../src/adapters/protocol/session.ts";
import {
  type Claim,
  claimLayer,
  claimSet,
  mustHold,
  parseErrata,
  parsePatches,
} from "../../src/conformance/claim.ts";
import { explained, isGood, runCase } from "../../src/conformance/run-cases.ts";
import { LAST_LAYER } from "../../src/reference/compose.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { slugOf } from "../../src/scenario/suites.ts";

/**
 * The suites against an implementation that speaks the protocol, instead of the reference: KMC_IMPL
 * is its command; KMC_LAYER (27) or KMC_PATCHES, KMC_SLIPS and KMC_REMEDIES say what it is.
 */
export const COMMAND = process.env["KMC_IMPL"];

/** Checks of the reference itself say nothing about another implementation. */
export const describeReference = COMMAND === undefined ? describe : describe.skip;

export function claimed(): Claim {
  const { KMC_LAYER: layer, KMC_PATCHES: patches, KMC_SLIPS, KMC_REMEDIES } = process.env;
  const slips = KMC_SLIPS === undefined ? [] : parseErrata(KMC_SLIPS, "slip");
  const remedies = KMC_REMEDIES === undefined ? [] : parseErrata(KMC_REMEDIES, "remedy");
  if (patches !== undefined) return claimSet(parsePatches(patches), slips, remedies);
  return claimLayer(Number(layer ?? LAST_LAYER), slips, remedies);
}

/** How long an answer may take, in milliseconds: many test files start their sessions at a time. */
const PATIENCE = 60_000;

/** The session of a test file, started before its tests. */
export function useSession(): () => Session {
  let session: Session | undefined;
  beforeAll(async () => {
    session = await Session.start(COMMAND!, { stepTimeout: PATIENCE });
  }, 2 * PATIENCE);
  afterAll(async () => {
    await session?.close();
  });
  return () => session!;
}

/** The cases of a suite that must hold for what the implementation is said to be. */
export function describeAgainst(patch: number, own: readonly Case[]): void {
  const claim = claimed();
  const wanted = own.filter((scenario) => mustHold(scenario, claim));
  describe(slugOf(patch), () => {
    const session = useSession();
    test(`${wanted.length} of ${own.length} cases must hold`, () => {
      expect(wanted.length).toBeLessThanOrEqual(own.length);
    });
    test.for(wanted.map((scenario) => [scenario.id, scenario] as const))(
      "%s",
      async ([, scenario], { skip }) => {
        const result = explained(await runCase(scenario, session()));
        const { verdict, violations, equals, log, missing } = result;
        if (verdict === "not-assessed") skip(`it does not offer ${missing.join(", ")}`);
        expect({ verdict, violations, equals, log }).toSatisfy(() => isGood(verdict));
      },
    );
  });
}
