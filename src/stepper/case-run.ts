import type { ScheduleStop, StepRecord, WireEvent } from "../adapters/record.ts";
import type { ReferenceVm } from "../adapters/reference/perform.ts";
import { ReferenceRun } from "../adapters/reference/reference-implementation.ts";
import { Thread, turns } from "../adapters/reference/schedule.ts";
import { threadTask } from "../adapters/reference/thread-task.ts";
import { toWireEvent } from "../adapters/reference/wire-event.ts";
import type { Composition } from "../reference/compose.ts";
import { KernelBug, ModelBug } from "../reference/machine/failures.ts";
import type { Kvm } from "../reference/machine/kvm.ts";
import { stepText } from "../report/step-text.ts";
import { relevantEvents } from "../scenario/capabilities.ts";
import type { Case, EventName, Step } from "../scenario/case.generated.ts";
import { isJudged } from "../scenario/is-judged.ts";
import { Repetitions } from "./repetitions.ts";
import { type Actor, type Logged, MAX_EVENTS, type Run, usualTurn } from "./run.ts";

/** The step in progress. */
interface Stage {
  readonly actors: readonly Actor[];
  /** Whose turn it is by the case's own schedule; null once somebody chose otherwise. */
  order: Iterator<Actor, void> | null;
  readonly stops: ScheduleStop[];
  /** What the step shows when all are through. */
  readonly record: () => Omit<StepRecord, "events">;
}

/** Progress of one step in which no schedule has that many items. */
const STEP = 2 ** 20;

/** A case on the reference, led stop by stop: it records what a run from end to end does. */
export class CaseRun implements Run {
  readonly composition: Composition;
  readonly scenario: Case;
  readonly kvm: Kvm;
  /** Of the steps that are through. */
  readonly records: StepRecord[] = [];
  failure: string | null = null;
  readonly #run: ReferenceRun;
  readonly #vm: ReferenceVm;
  readonly #relevant: ReadonlySet<EventName>;
  readonly #log: Logged[] = [];
  /** Of the step in progress: what was taken out of the log, the last few and the relevant ones. */
  #shown: WireEvent[] = [];
  #dropped = 0;
  readonly #kept: WireEvent[] = [];
  #stage: Stage | null = null;
  #turn: number | null = null;
  #last = 0;

  constructor(composition: Composition, scenario: Case) {
    this.composition = composition;
    this.scenario = scenario;
    this.#run = new ReferenceRun(composition, scenario.machine);
    this.kvm = this.#run.kvm;
    this.#vm = { kvm: this.kvm, composition };
    this.#relevant = relevantEvents(scenario);
    this.#begin();
  }

  get actors(): readonly Actor[] {
    return this.#stage?.actors ?? [];
  }

  get turn(): number | null {
    return this.#turn;
  }

  /** The step in progress, an index; behind the last one when the run is over. */
  get step(): number {
    return this.records.length;
  }

  get log(): readonly Logged[] {
    const step = this.scenario.steps[this.step];
    if (this.#stage === null || step === undefined) return this.#log;
    return [...this.#log, this.#logged(step, null)];
  }

  progress(actor: number | null): number {
    const followed = actor === null && this.#stage !== null && this.#stage.order !== null;
    return this.step * STEP + (followed ? this.#stage!.stops.length : 0);
  }

  goOn(): void {
    if (this.#turn !== null) this.#lead(this.#turn);
  }

  choose(actor: number): void {
    if (this.#stage === null || this.failure !== null) return;
    this.#stage.order = null;
    if (this.actors[actor]?.canGoOn === true) this.#lead(actor);
    else this.#findTurn();
  }

  #lead(actor: number): void {
    this.#last = actor;
    this.#turn = null;
    this.#attempt(() => {
      this.actors[actor]!.goOn();
    });
    if (this.failure === null) this.#findTurn();
  }

  /** What the kernel or the model gives up about ends the run. */
  #attempt<Result>(action: () => Result): Result | null {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof KernelBug || error instanceof ModelBug)) throw error;
      this.failure = `${error.name}: ${error.message}`;
      return null;
    }
  }

  #findTurn(): void {
    this.#turn = this.#attempt(() => this.#whoseTurn());
    if (this.#turn === null && this.failure === null) this.#end();
  }

  /** @throws KernelBug when all wait for each other */
  #whoseTurn(): number | null {
    const { actors, order } = this.#stage!;
    const turn = order === null ? usualTurn(actors, this.#last) : turnIn(order, actors);
    if (turn !== null || actors.every(({ at }) => at === "end")) return turn;
    throw new KernelBug("deadlock: every thread waits for another one");
  }

  #begin(): void {
    const step = this.scenario.steps[this.step];
    this.#last = 0;
    if (step === undefined) {
      this.#stage = null;
      return;
    }
    this.#stage = this.#stageOf(step);
    // Repetitions run from end to end, where scheduling points would only cost time.
    this.kvm.stoppable = step.do !== "repeat";
    this.#findTurn();
  }

  #stageOf(step: Step): Stage {
    const stops: ScheduleStop[] = [];
    if (step.do === "threads") {
      const threads: Record<string, StepRecord[]> = {};
      const actors = Object.entries(step.threads).map(
        ([name, steps]) => new Thread(name, threadTask(this.#vm, steps, (threads[name] = []))),
      );
      const order = turns(actors, step.schedule, stops);
      return { actors, order, stops, record: () => ({ result: {}, threads, stops }) };
    }
    if (step.do === "repeat") {
      const judged = step.steps.some(isJudged);
      const actor = new Repetitions(step, (inner) => this.#performInside(inner), judged);
      const record = () => ({ result: {}, ...(judged && { repetitions: actor.records }) });
      return { actors: [actor], order: null, stops, record };
    }
    const records: StepRecord[] = [];
    const actor = new Thread("", threadTask(this.#vm, [step], records));
    return { actors: [actor], order: null, stops, record: () => records[0]! };
  }

  /** One step of a repetition. */
  #performInside(step: Step): StepRecord {
    const record = this.#run.step(step);
    return { ...record, events: this.#note(record.events) };
  }

  /** @returns those that the case speaks of. */
  #note(events: readonly WireEvent[]): readonly WireEvent[] {
    const relevant = events.filter(({ event }) => this.#relevant.has(event as EventName));
    this.#kept.push(...relevant);
    this.#shown.push(...events);
    const surplus = this.#shown.length - MAX_EVENTS;
    if (surplus > 0) {
      this.#shown.splice(0, surplus);
      this.#dropped += surplus;
    }
    return relevant;
  }

  /** All threads of the step are through. */
  #end(): void {
    const step = this.scenario.steps[this.step]!;
    this.#note((this.kvm.log ?? []).splice(0).map(toWireEvent));
    const record = { ...this.#stage!.record(), events: this.#kept.splice(0) };
    this.#log.push(this.#logged(step, record));
    this.#shown = [];
    this.#dropped = 0;
    this.records.push(record);
    this.#begin();
  }

  #logged(step: Step, record: StepRecord | null): Logged {
    const now = (this.kvm.log ?? []).map(toWireEvent);
    const text = stepText(step, record);
    return { text, events: [...this.#shown, ...now], dropped: this.#dropped };
  }
}

function turnIn(order: Iterator<Actor, void>, actors: readonly Actor[]): number | null {
  const next = order.next();
  return next.done === true ? null : actors.indexOf(next.value);
}
