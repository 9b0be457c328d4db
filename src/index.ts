/**
 * kvm-mmu-conformance as a library: the reference, the cases, and judging an implementation by
 * them. `kmc` is made of the same parts.
 */
import { availableParallelism } from "node:os";
import type { Implementation } from "./adapters/implementation.ts";
import {
  definedImplementation,
  type ImplementationDefinition,
} from "./adapters/protocol/definition.ts";
import { Session, type SessionOptions } from "./adapters/protocol/session.ts";
import { type Claim, claimLayer, claimSet } from "./conformance/claim.ts";
import { type Identification, identify as identifyBy } from "./conformance/identify.ts";
import { runAll, runSuites as runSuitesOn, type SuitesRun } from "./conformance/run-suites.ts";
import { LAST_LAYER } from "./reference/compose.ts";
import type { ErratumId } from "./reference/patch.ts";
import type { Case } from "./scenario/case.generated.ts";
import { loadCases } from "./scenario/load-cases.ts";

export { defineImplementation } from "./adapters/protocol/definition.ts";
export type { DefinedVm, ImplementationDefinition } from "./adapters/protocol/definition.ts";
export { CannotAssess, ConversationError, GivesUp } from "./adapters/protocol/failure.ts";
export type { Answer, Introduction, WireStep } from "./adapters/protocol/messages.ts";
export type { CaseRecord, StepRecord, WireEvent } from "./adapters/record.ts";
export { recordOnReference } from "./adapters/reference/reference-implementation.ts";
export { referenceDefinition } from "./adapters/reference/reference-definition.ts";
export type { Claim } from "./conformance/claim.ts";
export type { Finding, Identification } from "./conformance/identify.ts";
export { judge } from "./conformance/judge.ts";
export { explained, type CaseResult, type Verdict } from "./conformance/run-cases.ts";
export type { SuitesRun } from "./conformance/run-suites.ts";
export type { Violation } from "./conformance/violation.ts";
export { type Composition, composeSet, composeThrough, LAST_LAYER } from "./reference/compose.ts";
export { CompositionError } from "./reference/composition-error.ts";
export type { Patch } from "./reference/patch.ts";
export { patches } from "./reference/layers/index.ts";
export type { Case, EventName, Machine, Step } from "./scenario/case.generated.ts";
export { loadCases } from "./scenario/load-cases.ts";
export { VERSION } from "./version.ts";

/** Under test: a command that speaks the protocol, or a definition made in this process. */
export type UnderTest = string | ImplementationDefinition;

export interface TestOptions extends Omit<SessionOptions, "transcript" | "pipelined" | "leftover"> {
  /** All, if left out. */
  readonly cases?: readonly Case[];
  /** How many processes of a command run side by side; as many as there are cores. */
  readonly jobs?: number;
  /** Stops the run; what has run so far is returned. */
  readonly signal?: AbortSignal;
}

/** What an implementation is said to be; the whole series, if left out. */
export interface ClaimOptions {
  /** 0 to 27: the base with patches 1 to n. Not together with `patches`. */
  readonly layer?: number;
  readonly patches?: readonly number[];
  /** Errata that it is said to have; found out, if neither is given. */
  readonly slips?: readonly ErratumId[];
  readonly remedies?: readonly ErratumId[];
}

/**
 * Runs the cases that must hold for what an implementation is said to be.
 * @throws CompositionError for patches that do not compose, ConversationError if a command does not
 * introduce itself.
 */
export async function runSuites(
  underTest: UnderTest,
  options: TestOptions & ClaimOptions = {},
): Promise<SuitesRun> {
  const { layer = LAST_LAYER, patches, slips, remedies, cases = loadCases(), signal } = options;
  const findErrata = slips === undefined && remedies === undefined;
  const claim: Claim =
    patches === undefined ? claimLayer(layer, slips, remedies) : claimSet(patches, slips, remedies);
  const given = { cases, claim, findErrata, ...(signal !== undefined && { signal }) };
  return withWorkers(underTest, options, (workers) => runSuitesOn(workers, given));
}

/**
 * Finds the patches and errata that an implementation behaves as having.
 * @throws ConversationError if a command does not introduce itself.
 */
export async function identify(
  underTest: UnderTest,
  options: TestOptions = {},
): Promise<Identification> {
  const { cases = loadCases(), signal } = options;
  return withWorkers(underTest, options, async (workers) =>
    identifyBy(await runAll(workers, cases, signal)),
  );
}

async function withWorkers<T>(
  underTest: UnderTest,
  { jobs = availableParallelism(), ...options }: TestOptions,
  work: (workers: readonly Implementation[]) => Promise<T>,
): Promise<T> {
  if (typeof underTest !== "string") return work([definedImplementation(underTest)]);
  const starting = Array.from({ length: jobs }, () => Session.start(underTest, options));
  const started = await Promise.allSettled(starting);
  const sessions = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  try {
    const refused = started.find(({ status }) => status === "rejected");
    if (refused !== undefined) throw (refused as PromiseRejectedResult).reason;
    return await work(sessions);
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}
