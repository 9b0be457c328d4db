import { KernelBug } from "../../reference/machine/failures.ts";
import { MAX_STOPS, type Point, type Task, type Wait } from "../../reference/machine/thread.ts";
import type { ScheduleItem, Stop } from "../../scenario/case.generated.ts";
import type { ScheduleStop } from "../record.ts";

/** A thread that is led from stop to stop. */
export class Thread {
  readonly name: string;
  readonly #task: Task<unknown>;
  /** Where it stands. */
  at: "start" | Point | Wait | "end" = "start";

  constructor(name: string, task: Task<unknown>) {
    this.name = name;
    this.#task = task;
  }

  /** It waits for another thread. */
  get isBlocked(): boolean {
    return typeof this.at === "object" && !this.at.ready();
  }

  get canGoOn(): boolean {
    return this.at !== "end" && !this.isBlocked;
  }

  /** Lets it go on to its next stop. */
  goOn(): void {
    const step = this.#task.next();
    this.at = step.done === true ? "end" : step.value;
  }
}

/**
 * Runs threads as a schedule says, then all to their ends. A thread that waits for another one
 * stops "blocked".
 * @throws KernelBug when nobody can go on.
 */
export function runSchedule(
  tasks: Readonly<Record<string, Task<unknown>>>,
  schedule: readonly ScheduleItem[],
): ScheduleStop[] {
  const threads = Object.entries(tasks).map(([name, task]) => new Thread(name, task));
  const stops: ScheduleStop[] = [];
  for (const thread of turns(threads, schedule, stops)) thread.goOn();
  return stops;
}

/**
 * Whose turn it is, stop by stop: each thread that comes must go on to its next stop before the
 * next is asked for.
 * @param stops gets where each item of the schedule ended.
 */
export function* turns(
  threads: readonly Thread[],
  schedule: readonly ScheduleItem[],
  stops: ScheduleStop[],
): Generator<Thread, void> {
  yield* follow(schedule, new Map(threads.map((thread) => [thread.name, thread])), stops);
  yield* finish(threads);
}

function* follow(
  schedule: readonly ScheduleItem[],
  threads: ReadonlyMap<string, Thread>,
  stops: ScheduleStop[],
): Generator<Thread, void> {
  for (const item of schedule) {
    if ("repeat" in item) {
      for (let i = 0; i < item.repeat; i++) yield* follow(item.schedule, threads, stops);
      continue;
    }
    const wanted: Stop[] = [item.until ?? "end"].flat();
    const thread = threads.get(item.run)!;
    let at = yield* advance(thread, wanted);
    for (let n = 1; n < (item.nth ?? 1) && wanted.includes(at) && at !== "end"; n++)
      at = yield* advance(thread, wanted);
    stops.push({ run: item.run, at, reached: wanted.includes(at) });
  }
}

/** A thread's turns until it stands at one of the wanted stops, waits, or is through. */
function* advance(thread: Thread, wanted: readonly Stop[]): Generator<Thread, Stop> {
  for (let stops = 0; stops < MAX_STOPS; stops++) {
    if (thread.at === "end") return "end";
    if (thread.isBlocked) return "blocked";
    yield thread;
    if ((wanted as readonly unknown[]).includes(thread.at)) return thread.at as Stop;
  }
  throw new KernelBug("a thread does not come to an end");
}

/** The turns of all threads to their ends, in order, each as far as it can go. */
function* finish(threads: readonly Thread[]): Generator<Thread, void> {
  for (;;) {
    const rest = threads.filter(({ at }) => at !== "end");
    if (rest.length === 0) return;
    const able = rest.filter((thread) => !thread.isBlocked);
    if (able.length === 0) throw new KernelBug("deadlock: every thread waits for another one");
    for (const thread of able) yield* advance(thread, ["end"]);
  }
}
