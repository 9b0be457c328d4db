import type { StepRecord } from "../adapters/record.ts";
import type { ReferenceVm } from "../adapters/reference/perform.ts";
import { ReferenceRun } from "../adapters/reference/reference-implementation.ts";
import { Thread } from "../adapters/reference/schedule.ts";
import { threadTask } from "../adapters/reference/thread-task.ts";
import { toWireEvent } from "../adapters/reference/wire-event.ts";
import type { Composition } from "../reference/compose.ts";
import type { Kvm } from "../reference/machine/kvm.ts";
import type { Wait } from "../reference/machine/thread.ts";
import { stepText } from "../report/step-text.ts";
import { type OwnMachine, type OwnStep, performerOf } from "./operation.ts";
import { type Actor, type Logged, MAX_EVENTS, type Run, usualTurn } from "./run.ts";

/** Operations of one performer, one after the other; each begins when it is chosen to go on. */
class Performer implements Actor {
  readonly name: string;
  readonly steps: readonly OwnStep[];
  readonly #vm: ReferenceVm;
  /** All who perform something on the VM, this one included. */
  readonly #all: readonly Performer[];
  /** Operations that are through. */
  done = 0;
  #records: StepRecord[] = [];
  #current: Thread | null = null;

  constructor(name: string, steps: readonly OwnStep[], vm: ReferenceVm, all: readonly Performer[]) {
    this.name = name;
    this.steps = steps;
    this.#vm = vm;
    this.#all = all;
  }

  get at(): string | Wait {
    return this.#current?.at ?? (this.done < this.steps.length ? "start" : "end");
  }

  get canGoOn(): boolean {
    return this.#current?.canGoOn ?? this.#mayBegin;
  }

  /** Who is under way holds a reference to the VM; when the last one goes, nobody can begin. */
  get #mayBegin(): boolean {
    const step = this.steps[this.done];
    if (step === undefined || this.#all.some((each) => each.#destroys)) return false;
    return step.do !== "destroy_vm" || this.#all.every((each) => each.#current === null);
  }

  get #destroys(): boolean {
    const begun = this.done + (this.#current === null ? 0 : 1);
    return this.steps.slice(0, begun).some((step) => step.do === "destroy_vm");
  }

  /** What the last operation that is through returned. */
  get record(): StepRecord | null {
    return this.#records[0] ?? null;
  }

  goOn(): void {
    if (this.#current === null) {
      this.#records = [];
      const step = this.steps[this.done]!;
      this.#current = new Thread(this.name, threadTask(this.#vm, [step], this.#records));
    }
    this.#current.goOn();
    if (this.#current.at !== "end") return;
    this.#current = null;
    this.done++;
  }
}

/** Operations of one's own on the reference: whoever is chosen goes on. */
export class FreeRun implements Run {
  readonly composition: Composition;
  readonly kvm: Kvm;
  readonly log: Logged[] = [];
  failure: string | null = null;
  readonly actors: readonly Performer[];
  #last = 0;
  /** The operation that the last entry of the log is of. */
  #noted = "";

  constructor(composition: Composition, machine: OwnMachine, steps: readonly OwnStep[]) {
    this.composition = composition;
    const { paging, vcpus, generationBits } = machine;
    const run = new ReferenceRun(composition, { paging, mmio_generation_bits: generationBits });
    for (let i = 0; i < vcpus; i++) run.step({ do: "create_vcpu" });
    this.kvm = run.kvm;
    this.kvm.stoppable = true;
    const performers: Performer[] = [];
    for (const name of new Set(steps.map(performerOf))) {
      const own = steps.filter((step) => performerOf(step) === name);
      performers.push(new Performer(name, own, { kvm: run.kvm, composition }, performers));
    }
    this.actors = performers;
  }

  get turn(): number | null {
    return this.failure === null ? usualTurn(this.actors, this.#last) : null;
  }

  progress(actor: number | null): number {
    const chosen = actor ?? this.turn;
    return chosen === null ? 0 : this.actors[chosen]!.done;
  }

  goOn(): void {
    if (this.turn !== null) this.choose(this.turn);
  }

  choose(actor: number): void {
    const performer = this.actors[actor];
    if (performer?.canGoOn !== true || this.failure !== null) return;
    this.#last = actor;
    const step = performer.steps[performer.done]!;
    const { done } = performer;
    try {
      performer.goOn();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.failure = `${error.name}: ${error.message}`;
    }
    const through = performer.done > done;
    const text = `${performer.name}: ${stepText(step, through ? performer.record : null)}`;
    this.#note(`${actor}.${done}`, text);
  }

  /** Events go to the operation that they are of: to its last part, if others came in between. */
  #note(operation: string, text: string): void {
    const events = (this.kvm.log ?? []).splice(0).map(toWireEvent);
    const last = this.#noted === operation ? this.log.pop() : undefined;
    this.#noted = operation;
    const all = [...(last?.events ?? []), ...events];
    const kept = all.slice(-MAX_EVENTS);
    const dropped = (last?.dropped ?? 0) + all.length - kept.length;
    this.log.push({ text, events: kept, dropped });
  }
}
