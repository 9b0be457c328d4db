import { describe, expect, test } from "vitest";
import { runSchedule } from "../../../src/adapters/reference/schedule.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import type { Stop, Task } from "../../../src/reference/machine/thread.ts";
import type { ScheduleItem } from "../../../src/scenario/case.generated.ts";

/** A thread that passes these stops and writes down what it has passed. */
function thread(name: string, passed: string[], ...stops: Stop[]): Task<void> {
  return (function* () {
    for (const stop of stops) {
      yield stop;
      passed.push(`${name} ${typeof stop === "string" ? stop : stop.waitsFor}`);
    }
    passed.push(`${name} end`);
  })();
}

/** Runs one thread with these points by a schedule. */
const runOne = (stops: readonly Stop[], ...schedule: ScheduleItem[]) =>
  runSchedule({ one: thread("one", [], ...stops) }, schedule);

const LOCK = "mmu_lock.acquire";
const BREAK = "mmu_lock.break";

describe("a thread runs", () => {
  test("until it stands at the point", () => {
    const passed: string[] = [];
    const stops = runSchedule({ one: thread("one", passed, LOCK, BREAK) }, [
      { run: "one", until: BREAK },
    ]);
    expect(stops).toEqual([{ run: "one", at: BREAK, reached: true }]);
    expect(passed).toEqual([`one ${LOCK}`, `one ${BREAK}`, "one end"]);
  });

  test("until the first of several points", () => {
    expect(runOne([LOCK, BREAK], { run: "one", until: [BREAK, LOCK] })).toEqual([
      { run: "one", at: LOCK, reached: true },
    ]);
  });

  test("to its end without a point, and stays there", () => {
    expect(runOne([LOCK], { run: "one" }, { run: "one", until: "end" })).toEqual([
      { run: "one", at: "end", reached: true },
      { run: "one", at: "end", reached: true },
    ]);
  });

  test("to its end when it does not come by the point, and that is not what was asked for", () => {
    expect(runOne([LOCK], { run: "one", until: BREAK })).toEqual([
      { run: "one", at: "end", reached: false },
    ]);
    expect(runOne([LOCK], { run: "one", until: [BREAK, "end"] })).toEqual([
      { run: "one", at: "end", reached: true },
    ]);
  });

  test("until the nth time, counted from where it stands", () => {
    const passed: string[] = [];
    const until = (nth: number): ScheduleItem => ({ run: "one", until: LOCK, nth });
    const two = thread("two", passed);
    const one = thread("one", passed, LOCK, LOCK, LOCK, BREAK, LOCK);
    const stops = runSchedule({ one, two }, [until(2), { run: "two" }, until(2), { run: "one" }]);
    expect(stops.map(({ at }) => at)).toEqual([LOCK, "end", LOCK, "end"]);
    expect(passed.indexOf("two end")).toBe(1);
  });

  test("to its end when there is no nth time", () => {
    expect(runOne([LOCK, LOCK], { run: "one", until: LOCK, nth: 3 })).toEqual([
      { run: "one", at: "end", reached: false },
    ]);
  });

  test("as often as a part of the schedule is repeated", () => {
    const item: ScheduleItem = { run: "one", until: LOCK };
    const stops = runOne([LOCK, LOCK, LOCK, LOCK], {
      repeat: 2,
      schedule: [item, { repeat: 1, schedule: [item] }],
    });
    expect(stops).toEqual(
      Array.from({ length: 4 }, () => ({ run: "one", at: LOCK, reached: true })),
    );
  });
});

describe("a thread that waits", () => {
  /** Two threads: the second waits until the first has passed its point. */
  function waiting() {
    const passed: string[] = [];
    const ready = (): boolean => passed.includes(`one ${BREAK}`);
    return {
      passed,
      one: thread("one", passed, BREAK),
      two: thread("two", passed, { waitsFor: "mmu_lock", ready }, LOCK),
    };
  }

  test("stops blocked, whether or not that was asked for", () => {
    const blocked = (until: "blocked" | typeof LOCK) => {
      const { one, two } = waiting();
      return runSchedule({ one, two }, [{ run: "two", until }]);
    };
    expect(blocked("blocked")).toEqual([{ run: "two", at: "blocked", reached: true }]);
    expect(blocked(LOCK)).toEqual([{ run: "two", at: "blocked", reached: false }]);
  });

  test("goes on when what it waits for has happened", () => {
    const { passed, one, two } = waiting();
    const stops = runSchedule({ one, two }, [
      { run: "two", until: "blocked" },
      { run: "one" },
      { run: "two", until: LOCK },
    ]);
    expect(stops.map(({ at }) => at)).toEqual(["blocked", "end", LOCK]);
    expect(passed).toEqual([`one ${BREAK}`, "one end", "two mmu_lock", `two ${LOCK}`, "two end"]);
  });

  test("is waited for at the end, wherever it is listed", () => {
    const { passed, one, two } = waiting();
    expect(runSchedule({ two, one }, [])).toEqual([]);
    expect(passed.at(-1)).toBe("two end");
  });

  test("for ever, as all others do, is a deadlock", () => {
    const never = thread("one", [], { waitsFor: "srcu", ready: () => false });
    expect(() => runSchedule({ never }, [])).toThrow(
      new KernelBug("deadlock: every thread waits for another one"),
    );
  });
});

test("after the schedule all threads run to their ends in the order they are listed", () => {
  const passed: string[] = [];
  const three = ["b", "a", "c"].map((name) => [name, thread(name, passed, LOCK)] as const);
  runSchedule(Object.fromEntries(three), [{ run: "c", until: LOCK }]);
  expect(passed).toEqual(["b", "a", "c"].flatMap((name) => [`${name} ${LOCK}`, `${name} end`]));
});

test("a thread that never ends is a bug of the kernel, not an endless run", () => {
  const endless = (function* (): Task<void> {
    for (;;) yield LOCK;
  })();
  expect(() => runSchedule({ endless }, [{ run: "endless" }])).toThrow(
    new KernelBug("a thread does not come to an end"),
  );
});
