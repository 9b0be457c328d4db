import type { Implementation } from "../adapters/implementation.ts";
import type { StepRecord, WireEvent } from "../adapters/record.ts";
import { hex } from "../adapters/record.ts";
import { played, ReferenceRun } from "../adapters/reference/reference-implementation.ts";
import { type Composition, LAST_LAYER } from "../reference/compose.ts";
import { neededCapabilities, relevantEvents } from "../scenario/capabilities.ts";
import type { Case, Step } from "../scenario/case.generated.ts";
import { judge } from "./judge.ts";
import { holds } from "./holds.ts";
import { layer, layerWithErratum, PROFILES } from "./profiles.ts";

/**
 * The machine of a real kernel is never quite that of a case: its TLB forgets what it likes, and the
 * harness has installs of its own. A case whose verdict would be another one there cannot be
 * assessed. Which cases these are is computed, by playing them
 * on a reference with such a machine: none can be forgotten, and none is left out without need.
 */
const OTHER_MACHINES: Readonly<Record<string, (c: Composition, scenario: Case) => ReferenceRun>> = {
  "machine:tlb=kept": (...made) => new ForgetfulRun(...made),
  "machine:numbers=exact": (...made) => new ShiftedRun(...made),
};

/** What a case needs and an implementation does not offer. */
export function lackedBy(implementation: Implementation, scenario: Case): string[] {
  const isMissing = (name: string): boolean => !implementation.offers(name);
  const missing = neededCapabilities(scenario).filter(isMissing);
  if (missing.length > 0) return missing;
  return Object.keys(OTHER_MACHINES)
    .filter(isMissing)
    .filter((name) => dependsOn(scenario, name));
}

const known = new Map<string, WeakMap<Case, boolean>>();

/** Whether the verdict of a case may be another one on a machine without that capability. */
export function dependsOn(scenario: Case, capability: string): boolean {
  let cases = known.get(capability);
  if (cases === undefined) known.set(capability, (cases = new WeakMap()));
  let depends = cases.get(scenario);
  if (depends === undefined) {
    const make = OTHER_MACHINES[capability]!;
    depends = compositionsFor(scenario).some((composition) => {
      const elsewhere = judge(scenario, played(make(composition, scenario), scenario));
      return holds(scenario, composition) !== (elsewhere.length === 0);
    });
    cases.set(scenario, depends);
  }
  return depends;
}

/** Where a case begins and ceases to hold: as promised and as merged, its erratum in and out. */
function compositionsFor({ patch, layers: { from, to }, erratum }: Case): Composition[] {
  const numbers = new Set([0, from - 1, from, patch, to, to + 1, LAST_LAYER]);
  const there = [...numbers].filter((number) => number >= 0 && number <= LAST_LAYER);
  return there.flatMap((number) => [
    ...PROFILES.map((profile) => layer(number, profile)),
    ...(erratum === undefined
      ? []
      : [true, false].map((defect) => layerWithErratum(number, erratum, defect))),
  ]);
}

/** A VM for a case, which keeps the events that it speaks of. */
class OtherRun extends ReferenceRun {
  constructor(composition: Composition, scenario: Case) {
    super(composition, scenario.machine, relevantEvents(scenario));
  }
}

/** The TLB of a vCPU is empty as it begins an access. */
class ForgetfulRun extends OtherRun {
  override step(step: Step): StepRecord {
    for (const vcpu of this.kvm.vcpus) vcpu.tlb.flush();
    return super.step(step);
  }
}

/** An install of the harness in each address space comes first; what is told of numbers allows for it. */
class ShiftedRun extends OtherRun {
  readonly #shifts: bigint[];

  constructor(composition: Composition, scenario: Case) {
    super(composition, scenario);
    const numbers = (): bigint[] => this.kvm.memslots.map(({ generation }) => generation);
    const before = numbers();
    for (const as of before.keys()) super.step(installIn(as));
    this.#shifts = numbers().map((number, as) => number - before[as]!);
  }

  override step(step: Step): StepRecord {
    const record = super.step(step);
    // The steps of a repetition have been here one by one.
    if (step.do === "repeat") return record;
    if (step.do === "inject" && step.what === "generation") this.#shifts[step.as ?? 0] = 0n;
    const inSmm = "vcpu" in step && this.kvm.vcpus[step.vcpu]!.smm;
    const shift = this.#shifts[inSmm ? 1 : 0]!;
    return { ...record, events: record.events.map((event) => this.#unshifted(event, shift)) };
  }

  #unshifted(event: WireEvent, shift: bigint): WireEvent {
    const bits = this.kvm.ops.MMIO_GEN_MASK(this.kvm).toString(2).length;
    const fields = NUMBERS.filter((name) => name in event).map((name) => [
      name,
      hex(BigInt.asUintN(bits, BigInt(event[name] as string) - shift)),
    ]);
    return { ...event, ...Object.fromEntries(fields) } as WireEvent;
  }
}

/** Fields of events that tell a number of an MMIO SPTE. */
const NUMBERS = ["kvm_gen", "spte_gen", "gen"];

/** A region where no case has one. */
const installIn = (as: number): Step => ({
  ...{ do: "set_memory_region", as, slot: 500, gpa: "0x8000000000", size: "0x6000" },
  hva: "0x7f0000000000",
});
