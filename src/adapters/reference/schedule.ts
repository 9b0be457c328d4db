import { KernelBug } from "../../reference/machine/failures.ts";
import { MAX_STOPS, type Task } from "../../reference/machine/thread.ts";
import type { ScheduleItem, Stop } from "../../scenario/case.generated.ts";
import type { ScheduleStop } from "../record.ts";

interface Thread {
  readonly task: Task<unknown>;
  /** Where it stands: before its start, at a point, waiting, or through. */
  wait: (() => boolean) | null;
  ended: boolean;
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
  const threads = new Map<string, Thread>(
    Object.entries(tasks).map(([name, task]) => [name, { task, wait: null, ended: false }]),
  );
  const stops: ScheduleStop[] = [];
  follow(schedule, threads, stops);
  finish(threads);
  return stops;
}

function follow(
  schedule: readonly ScheduleItem[],
  threads: ReadonlyMap<string, Thread>,
  stops: ScheduleStop[],
): void {
  for (const item of schedule) {
    if ("repeat" in item) {
      for (let i = 0; i < item.repeat; i++) follow(item.schedule, threads, stops);
      continue;
    }
    const wanted: Stop[] = [item.until ?? "end"].flat();
    const thread = threads.get(item.run)!;
    let at = advance(thread, wanted);
    for (let n = 1; n < (item.nth ?? 1) && wanted.includes(at) && at !== "end"; n++)
      at = advance(thread, wanted);
    stops.push({ run: item.run, at, reached: wanted.includes(at) });
  }
}

/** Lets a thread run until it stands at one of the wanted stops, waits, or is through. */
function advance(thread: Thread, wanted: readonly Stop[]): Stop {
  for (let stops = 0; stops < MAX_STOPS; stops++) {
    if (thread.ended) return "end";
    if (thread.wait !== null && !thread.wait()) return "blocked";
    thread.wait = null;
    const step = thread.task.next();
    if (step.done === true) thread.ended = true;
    else if (typeof step.value !== "string") thread.wait = step.value.ready;
    else if (wanted.includes(step.value)) return step.value;
  }
  throw new KernelBug("a thread does not come to an end");
}

/** Runs all threads to their ends, in order, each as far as it can go. */
function finish(threads: ReadonlyMap<string, Thread>): void {
  for (;;) {
    const rest = [...threads.values()].filter((thread) => !thread.ended);
    if (rest.length === 0) return;
    const able = rest.filter((thread) => thread.wait === null || thread.wait());
    if (able.length === 0) throw new KernelBug("deadlock: every thread waits for another one");
    for (const thread of able) advance(thread, ["end"]);
  }
}
