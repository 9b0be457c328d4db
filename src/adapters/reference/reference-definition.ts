import { VERSION } from "../../version.ts";
import type { Composition } from "../../reference/compose.ts";
import { KernelBug, ModelBug } from "../../reference/machine/failures.ts";
import type { ScheduleItem, SnapshotStep, Step } from "../../scenario/case.generated.ts";
import { defineImplementation, type ImplementationDefinition } from "../protocol/definition.ts";
import { GivesUp } from "../protocol/failure.ts";
import type { Answer, WireSnapshot, WireStep } from "../protocol/messages.ts";
import type { StepRecord } from "../record.ts";
import { declaredFacts } from "./facts.ts";
import { ReferenceRun } from "./reference-implementation.ts";

/** The reference as an implementation that speaks the protocol. */
export function referenceDefinition(
  composition: Composition,
  name: string,
): ImplementationDefinition {
  return defineImplementation({
    name,
    version: VERSION,
    language: "TypeScript",
    capabilities: KINDS.map((kind) => `${kind}:*`),
    machine: { address_spaces: 2, physical_address_width: 40 },
    facts: declaredFacts(composition),
    create(machine, events) {
      const run = new ReferenceRun(composition, machine, events);
      return {
        step(step) {
          try {
            return answerOf(run.step(toStep(step)));
          } catch (error) {
            if (!(error instanceof KernelBug || error instanceof ModelBug)) throw error;
            throw new GivesUp(`${error.name}: ${error.message}`);
          }
        },
      };
    },
  });
}

const KINDS = [
  "operation",
  "bug",
  "probe",
  "inject",
  "point",
  "event",
  "snapshot",
  "fact",
  "machine",
];

/** A step of a case that looks at what a step of the protocol asks for. */
function toStep(step: WireStep): Step {
  if (step.do === "snapshot") return snapshotStep(step);
  if (step.do !== "threads") return step;
  const threads = Object.entries(step.threads).map(([name, steps]) => [name, steps.map(toStep)]);
  const schedule = step.schedule as ScheduleItem[];
  return { do: "threads", threads: Object.fromEntries(threads) as never, schedule };
}

const snapshotStep = ({ entries = [], tlb = [] }: WireSnapshot): SnapshotStep => ({
  do: "snapshot",
  expect: {
    entries: entries.map((place) => ({ ...place, is: {} })),
    tlb: tlb.map((place) => ({ ...place, is: {} })),
  },
});

function answerOf({ result, events, threads, stops }: StepRecord): Answer {
  return {
    ...result,
    ...(events.length > 0 && { events }),
    ...(threads !== undefined && {
      threads: Object.fromEntries(
        Object.entries(threads).map(([name, records]) => [name, records.map(answerOf)]),
      ),
    }),
    ...(stops !== undefined && { stops: stops.map(({ run, at }) => ({ run, at })) }),
  };
}
