import { describe, expect, test } from "vitest";
import { type Composition, composeThrough } from "../../src/reference/compose.ts";
import { kvm_mmu_commit_zap_page } from "../../src/reference/kernel/free.ts";
import type { Kvm } from "../../src/reference/machine/kvm.ts";
import type { PageList } from "../../src/reference/machine/page-list.ts";
import type { CaseRecord } from "../../src/adapters/record.ts";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { judge } from "../../src/conformance/judge.ts";
import type { Violation } from "../../src/conformance/violation.ts";
import { neededCapabilities } from "../../src/scenario/capabilities.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { checkScenario, InvariantBroken } from "../support/check-scenario.ts";
import { claimed, COMMAND, describeReference, useSession } from "../support/against.ts";
import { check, checkAsync } from "../support/property.ts";
import { actions, MACHINES, type MachineName, scenarioOf } from "../support/random-operations.ts";

/** Scenarios a layer, over all machines. */
const RUNS = 520;
/** Scenarios a machine, against another implementation. */
const AGAINST_RUNS = 100;
const machines = Object.keys(MACHINES) as MachineName[];
const layers = Array.from({ length: 28 }, (_, number) => number);

function holdsInRandomScenarios(
  machine: MachineName,
  bits: number,
  composition: Composition,
  runs = RUNS / machines.length,
): void {
  check(actions, runs, (wanted) => {
    checkScenario(scenarioOf(machine, wanted, { mmio_generation_bits: bits }), composition);
  });
}

describeReference("what holds at every layer, in random legal scenarios", () => {
  describe.each(layers)("layer %i", (number) => {
    test.each(machines)("%s", (machine) => {
      // Before patch 02 a wrap of address space 0 goes unseen, so that old MMIO SPTEs look fresh:
      // only a field that does not wrap within the scenario keeps the CREATE invariant there. The
      // MMIO cache of a vCPU in SMM follows address space 0 on every layer (E5), so its remedy is
      // on.
      const bits = number < 2 ? 19 : 3;
      holdsInRandomScenarios(machine, bits, composeThrough(number, { remedies: ["E5"] }));
    });
  });
});

/** A few moves from one alignment to another, with whatever else happens. */
function survivesAnyMove(composition: Composition, runs = 300): void {
  check(actions, runs, (wanted) => {
    const more = { mmio_generation_bits: 19 };
    const scenario = scenarioOf("direct (EPT), 2M host pages", wanted, more, "any");
    checkScenario(scenario, composition);
  });
}

describeReference("moves from one alignment to another", () => {
  test.each([0, 10, 11, 27])("are survived by layer %i with the remedy of E8", (number) => {
    survivesAnyMove(composeThrough(number, { remedies: ["E5", "E8"] }));
  });
});

describeReference("the check can fail", () => {
  const npt = "direct (NPT)";

  test("with any move on every layer without the remedy of E8", () => {
    for (const number of [0, 27]) {
      expect(() => {
        survivesAnyMove(composeThrough(number, { remedies: ["E5"] }), 3000);
      }).toThrow("before the slot moved");
    }
  });

  test("on layer 1, where a wrap of address space 0 goes unseen", () => {
    const composition = composeThrough(1, { remedies: ["E5"] });
    expect(() => {
      holdsInRandomScenarios(npt, 2, composition, 1000);
    }).toThrow("seen outcome mmio, via spte");
  });

  test("on every layer without the remedy of E5", () => {
    expect(() => {
      holdsInRandomScenarios(npt, 3, composeThrough(27));
    }).toThrow("seen outcome mmio");
  });

  test("with E6, which loses pages", () => {
    expect(() => {
      holdsInRandomScenarios(
        "shadowed guest page tables",
        3,
        composeThrough(27, { slips: ["E6"], remedies: ["E5"] }),
      );
    }).toThrow("leaked");
  });

  test("when a removed slot is not flushed", () => {
    const kvm_mmu_remote_flush_or_zap = (kvm: Kvm, invalid_list: PageList): boolean => {
      kvm_mmu_commit_zap_page(kvm, invalid_list);
      return true;
    };
    const overrides = [{ patch: 11, apply: () => ({ kvm_mmu_remote_flush_or_zap }) }];
    expect(() => {
      holdsInRandomScenarios(npt, 3, composeThrough(11, { overrides, remedies: ["E5"] }));
    }).toThrow("the TLB of vCPU");
  });

  test("when only pages, not leaf entries, of a removed slot are zapped", () => {
    const overrides = [
      {
        patch: 11,
        apply: () => ({
          *slot_handle_all_level() {
            yield* [];
            return true;
          },
        }),
      },
    ];
    expect(() => {
      holdsInRandomScenarios(npt, 3, composeThrough(11, { overrides, remedies: ["E5"] }));
    }).toThrow("maps memory of no slot");
  });
});

/** Where a case goes wrong, as JSON pointers. */
const wrongAt = (scenario: Case, record: CaseRecord): Set<string> =>
  new Set(judge(scenario, record).map(({ pointer }) => pointer));

/** Against another implementation; not declared at all without one. */
function describeAgainstImplementation(): void {
  describe("random legal scenarios", () => {
    const session = useSession();
    test.for(machines)("%s", async (machine, { skip }) => {
      const { composition } = claimed();
      await checkAsync(actions, AGAINST_RUNS, async (wanted) => {
        const scenario = scenarioOf(machine, wanted, { mmio_generation_bits: 3 });
        const missing = neededCapabilities(scenario).filter((name) => !session().offers(name));
        if (missing.length > 0) skip(`it does not offer ${missing.join(", ")}`);
        const record = await session().record(scenario);
        // A gap that what it claims to be leaves open is no fault of its own.
        const known = wrongAt(scenario, recordOnReference(composition, scenario));
        const wrong = judge(scenario, record).filter(({ pointer }) => !known.has(pointer));
        if (wrong.length > 0) throw new InvariantBroken(wrongText(wrong), scenario);
      });
    });
  });
}
if (COMMAND !== undefined) describeAgainstImplementation();

const wrongText = (wrong: readonly Violation[]): string =>
  wrong
    .map(({ pointer, expected, seen }) => `${pointer}: expected ${expected}; seen ${seen}`)
    .join("\n");
