import { describe, expect, test } from "vitest";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import { POINTS, runToEnd, type Task } from "../../../src/reference/machine/thread.ts";

describe("runToEnd", () => {
  test("passes every scheduling point and returns the result", () => {
    const passed: string[] = [];
    function* task(): Task<number> {
      for (const point of POINTS) {
        yield point;
        passed.push(point);
      }
      return 42;
    }
    expect(runToEnd(task())).toBe(42);
    expect(passed).toEqual([...POINTS]);
  });

  test("goes on when what the task waits for is already there", () => {
    function* task(): Task<string> {
      yield { waitsFor: "srcu", ready: () => true };
      return "through";
    }
    expect(runToEnd(task())).toBe("through");
  });

  test.each(["mmu_lock", "slots_lock", "srcu", "mmu_notifier"] as const)(
    "reports a deadlock, as nobody else can make %s ready",
    (waitsFor) => {
      function* task(): Task<void> {
        yield { waitsFor, ready: () => false };
      }
      expect(() => {
        runToEnd(task());
      }).toThrow(new KernelBug(`deadlock: the only thread waits for ${waitsFor}`));
    },
  );

  test("reports a task that has no end", () => {
    function* task(): Task<void> {
      for (;;) yield "guest.enter";
    }
    expect(() => {
      runToEnd(task());
    }).toThrow(new KernelBug("a thread does not come to an end"));
  });

  test("lets a failure of the task through", () => {
    function* task(): Task<void> {
      yield "guest.enter";
      throw new KernelBug("page is used after it was freed");
    }
    expect(() => {
      runToEnd(task());
    }).toThrow("page is used after it was freed");
  });
});

test("no scheduling point has the name of another", () => {
  expect(new Set(POINTS).size).toBe(POINTS.length);
});
