import { afterAll, beforeAll, expect, test } from "vitest";
import type { CaseRecord, StepRecord, WireEvent } from "../../../src/adapters/record.ts";
import { Session } from "../../../src/adapters/protocol/session.ts";
import { recordOnReference } from "../../../src/adapters/reference/reference-implementation.ts";
import { claimOf } from "../../../src/cli/composition-options.ts";
import { readDeviations, withClaim } from "../../../src/cli/deviations-option.ts";
import type { Case, EventName } from "../../../src/scenario/case.generated.ts";
import { checkAsync } from "../../../suites/support/property.ts";
import {
  type Action,
  actions,
  type MachineName,
  scenarioOf,
} from "../../../suites/support/random-operations.ts";
import { describeWith } from "../../support/needs.ts";

/** Sequences a machine. */
const RUNS = 20;

/** What can be done from outside. */
const PLAYED: readonly Action["kind"][] = ["access", "create", "delete", "move", "toggle", "smm"];

const EVENTS: readonly EventName[] = [
  ...(["page_fault", "get_page", "prepare_zap", "commit", "remote_flush", "reload"] as const),
  ...(["check_mmio_spte", "handle_mmio_page_fault", "invalidate_zap_all_pages"] as const),
];

/** Fields of events that a kernel does not print, and one that it counts otherwise since v5.4. */
const HIDDEN = ["reason", "smm", "raw", "mmu_valid_gen"];

/** Of a sequence what later kernels do as those of the series did. */
function sequence(machine: MachineName, wanted: readonly Action[]): Case {
  const played = wanted
    .filter(({ kind }) => PLAYED.includes(kind))
    // Later kernels map all of a group of eight ahead, not only what is before a page of it.
    .map((action) => (action.kind === "access" ? { ...action, offset: 0 } : action));
  const scenario = scenarioOf(machine, played);
  return { ...scenario, expect: { exactly: { of: [...EVENTS], sequence: [] } } };
}

/** Step for step what was told, by the step. */
function told({ steps }: Case, record: CaseRecord): unknown[] {
  return steps.map((step, i) => {
    const { result, events }: StepRecord = record.steps[i] ?? { result: {}, events: [] };
    // Later kernels flush whenever a slot has dirty logging turned on.
    const left = step.do === "set_memory_region" ? ["remote_flush"] : [];
    const kept = events.filter(({ event }) => !left.includes(event) && isTold(event));
    return [step, result, kept.map(visible)];
  });
}

const isTold = (event: string): boolean => (EVENTS as readonly string[]).includes(event);

const visible = (event: WireEvent): object =>
  Object.fromEntries(Object.entries(event).filter(([field]) => !HIDDEN.includes(field)));

describeWith(["qemu-system-x86_64", "cc", "apt-get"], "random sequences on Debian's kernel", () => {
  const { composition } = claimOf(withClaim({}, readDeviations("v6.1")))!;
  let session: Session;
  beforeAll(async () => {
    session = await Session.start(`${process.execPath} bin/kmc.js kernel --serve`, {
      ...{ startTimeout: 240_000, stepTimeout: 60_000, caseTimeout: 300_000 },
    });
  }, 300_000);
  afterAll(() => session.close());

  test.each(["direct (NPT)", "PAE roots"] as const)(
    "go as on the reference: %s",
    async (machine) => {
      await checkAsync(actions, RUNS, async (wanted) => {
        const scenario = sequence(machine, wanted);
        const record = await session.record(scenario);
        expect(record.failure).toBeUndefined();
        expect(told(scenario, record)).toEqual(
          told(scenario, recordOnReference(composition, scenario)),
        );
      });
    },
    600_000,
  );
});
