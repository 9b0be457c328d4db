import type { Case, EventName, Machine } from "../../scenario/case.generated.ts";
import type { Implementation } from "../implementation.ts";
import type { CaseRecord, RunFailure } from "../record.ts";
import { CannotAssess, GivesUp } from "./failure.ts";
import { type Answer, introducedCapability, type Introduction, type WireStep } from "./messages.ts";
import { askedSteps, recordOf, resetFor } from "./unroll.ts";
import { mistakeIn } from "./validate-message.ts";

/** An implementation as TypeScript: the same introduction and the same steps as over the wire. */
export interface ImplementationDefinition extends Omit<Introduction, "protocol"> {
  /**
   * Makes a VM for a case: `reset` of the protocol.
   * @param events the kinds of events that its steps are to report.
   */
  readonly create: (machine: Machine, events: ReadonlySet<EventName>) => DefinedVm;
}

export interface DefinedVm {
  /**
   * Performs one step: `step` of the protocol. Throw `GivesUp` when the kernel cannot go on, and
   * `CannotAssess` when it is you who lack something; anything else that is thrown counts as a crash.
   */
  step(step: WireStep): Answer | Promise<Answer>;
}

/** Checks nothing; gives a definition its type. */
export const defineImplementation = (
  definition: ImplementationDefinition,
): ImplementationDefinition => definition;

/** An implementation in this process, observed as closely as one behind the protocol. */
export function definedImplementation(definition: ImplementationDefinition): Implementation {
  const introduction = { protocol: 1, ...definition };
  return {
    name: definition.name,
    offers: (capability) => introducedCapability(introduction, capability),
    record: (scenario) => record(definition, scenario),
  };
}

async function record(
  { create, facts = {} }: ImplementationDefinition,
  scenario: Case,
): Promise<CaseRecord> {
  const answers: Answer[] = [];
  const asked = askedSteps(scenario);
  const end = (failure?: Omit<RunFailure, "pointer">): CaseRecord => {
    const pointer = asked[answers.length]?.pointer ?? "";
    return recordOf(scenario, {
      answers,
      facts,
      ...(failure !== undefined && { failure: { pointer, ...failure } }),
    });
  };
  try {
    const { machine, events } = resetFor(scenario).params;
    const vm = create(machine, new Set(events));
    for (const { step: params } of asked) {
      const answer = await vm.step(params);
      const mistake = mistakeIn(answer, { method: "step", params });
      if (mistake !== null) {
        return end({ kind: "protocol-error", message: `in its answer, ${mistake}` });
      }
      answers.push(answer);
    }
    return end();
  } catch (error) {
    if (error instanceof GivesUp) return end({ message: `it gives up: ${error.message}` });
    if (error instanceof CannotAssess) return end({ kind: "not-assessed", message: error.message });
    const message = `it threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
    return end({ kind: "crashed", message });
  }
}
