import type { Composition, Runnable } from "../../reference/compose.ts";
import { KernelBug, ModelBug } from "../../reference/machine/failures.ts";
import { Kvm } from "../../reference/machine/kvm.ts";
import { machineParameters, type MachineParameters } from "../../reference/machine/machine.ts";
import { runToEnd, type Task } from "../../reference/machine/thread.ts";
import type {
  Case,
  EventName,
  Machine,
  RepeatStep,
  Step,
  ThreadsStep,
} from "../../scenario/case.generated.ts";
import { isJudged } from "../../scenario/is-judged.ts";
import type { Implementation, RecordOptions } from "../implementation.ts";
import type { CaseRecord, RunFailure, StepRecord, WireEvent } from "../record.ts";
import { perform, type ReferenceVm } from "./perform.ts";
import { runSchedule } from "./schedule.ts";
import { threadTask } from "./thread-task.ts";
import { toWireEvent } from "./wire-event.ts";

/** The reference itself, in this process, as the implementation under test. */
export function referenceImplementation(composition: Composition, name: string): Implementation {
  return {
    name,
    offers: () => true,
    record: (scenario, options) => recordOnReference(composition, scenario, options),
  };
}

/** Runs a case on a composition and records what is observed. */
export function recordOnReference(
  composition: Runnable,
  scenario: Case,
  options: RecordOptions = {},
): CaseRecord {
  return played(new ReferenceRun(composition, scenario.machine, options.events), scenario);
}

/** Plays a case on a VM that was made for it. */
export function played(run: ReferenceRun, scenario: Case): CaseRecord {
  const steps: StepRecord[] = [];
  const record = (failure: RunFailure): CaseRecord => ({ id: scenario.id, steps, failure });
  for (const [i, step] of scenario.steps.entries()) {
    try {
      steps.push(run.step(step));
    } catch (error) {
      if (!(error instanceof KernelBug || error instanceof ModelBug)) throw error;
      const message = `${error.name}: ${error.message}`;
      const failure = { pointer: `/steps/${i}`, message };
      // A mistake of the model is nothing that its kernel does.
      if (error instanceof ModelBug) return record({ ...failure, kind: "crashed" });
      return record(failure);
    }
  }
  return { id: scenario.id, steps };
}

const machines = new WeakMap<Machine, MachineParameters>();

/** The machine that a case describes. */
export function machineOf(machine: Machine): MachineParameters {
  const known = machines.get(machine);
  if (known !== undefined) return known;
  const { host_page_size: hostPageSize, resident } = machine;
  const given: Record<string, unknown> = {
    addressSpaces: machine.address_spaces,
    physicalAddressWidth: machine.physical_address_width,
    paging: machine.paging,
    mmioGenerationBits: machine.mmio_generation_bits,
    preempt: machine.preempt,
    pageBudget: machine.page_budget,
    hostPageLevel: hostPageSize && { "4K": 1, "2M": 2, "1G": 3 }[hostPageSize],
    resident: Array.isArray(resident)
      ? resident.map(({ hva, npages }) => ({ hva: Number(hva), npages }))
      : resident,
  };
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  const parameters = machineParameters(Object.fromEntries(named));
  machines.set(machine, parameters);
  return parameters;
}

/** A VM of the reference in the middle of a case. */
export class ReferenceRun {
  readonly kvm: Kvm;
  readonly #vm: ReferenceVm;
  readonly #wanted: ReadonlySet<EventName> | undefined;

  /** @param wanted the events to keep; all, if left out. */
  constructor(composition: Runnable, machine: Machine, wanted?: ReadonlySet<EventName>) {
    this.kvm = new Kvm(machineOf(machine), composition.ops);
    this.#vm = { kvm: this.kvm, composition };
    this.#wanted = wanted;
  }

  /** Performs the next step. @throws KernelBug, ModelBug */
  step(step: Step): StepRecord {
    if (step.do === "threads") return this.#threads(step);
    if (step.do === "repeat") return this.#repeat(step);
    const result = runToEnd(perform(this.#vm, step));
    return { result, events: this.#takeEvents() };
  }

  #repeat(step: RepeatStep): StepRecord {
    const judged = step.steps.some(isJudged);
    const repetitions: StepRecord[][] = [];
    const events: WireEvent[] = [];
    for (let i = 0; i < step.times; i++) {
      const records = step.steps.map((inner) => this.step(inner));
      for (const record of records) if (record.events.length > 0) events.push(...record.events);
      if (judged) repetitions.push(records);
    }
    return { result: {}, events, ...(judged && { repetitions }) };
  }

  #threads(step: ThreadsStep): StepRecord {
    const { kvm } = this;
    const records: Record<string, StepRecord[]> = {};
    const tasks: Record<string, Task<void>> = {};
    for (const [name, steps] of Object.entries(step.threads)) {
      records[name] = [];
      tasks[name] = threadTask(this.#vm, steps, records[name]);
    }
    kvm.stoppable = true;
    const stops = runSchedule(tasks, step.schedule);
    kvm.stoppable = false;
    return { result: {}, events: this.#takeEvents(), threads: records, stops };
  }

  /** The events since the last time, as far as they are wanted. */
  #takeEvents(): WireEvent[] {
    const log = this.kvm.log ?? [];
    const wanted = this.#wanted;
    const taken = (wanted === undefined ? log : log.filter(({ event }) => wanted.has(event))).map(
      toWireEvent,
    );
    log.length = 0;
    return taken;
  }
}
