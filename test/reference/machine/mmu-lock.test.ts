import { describe, expect, test } from "vitest";
import { composeThrough } from "../../../src/reference/compose.ts";
import { Kvm } from "../../../src/reference/machine/kvm.ts";
import { machineParameters } from "../../../src/reference/machine/machine.ts";
import {
  cond_resched_lock,
  need_resched_or_break,
  spin_lock,
  spin_unlock,
} from "../../../src/reference/machine/mmu-lock.ts";
import { runToEnd } from "../../../src/reference/machine/thread.ts";
import { Thread } from "../../support/thread.ts";

const { ops } = composeThrough(0);

function kvm({ preempt = false, stoppable = true } = {}): Kvm {
  const made = new Kvm(machineParameters({ preempt }), ops);
  made.stoppable = stoppable;
  return made;
}

/** A VM whose lock is held by a walk, so that the walk can ask. */
function walking(preempt = false): Kvm {
  const made = kvm({ preempt });
  made.mmu_lock.held = true;
  return made;
}

/** The answers to `count` questions. */
const answers = (vm: Kvm, count: number): boolean[] =>
  Array.from({ length: count }, () => need_resched_or_break(vm));

/** Asks once more, and drops the lock if the answer is yes. */
const dropIfWanted = (vm: Kvm): boolean => runToEnd(cond_resched_lock(vm));

describe("asked whether anybody wants the lock or the CPU", () => {
  test("the answer is no until somebody contends", () => {
    expect(answers(walking(), 3)).toEqual([false, false, false]);
  });

  test("asking drops nothing", () => {
    const vm = walking();
    vm.mmu_lock.contend("cpu", "always");
    answers(vm, 2);
    expect(vm.mmu_lock.held).toBe(true);
    expect(vm.counters.lock_breaks).toBe(0);
  });

  test("the answer is always yes under permanent contention, also right after a break", () => {
    const vm = walking();
    vm.mmu_lock.contend("cpu", "always");
    expect(answers(vm, 2)).toEqual([true, true]);
    expect(dropIfWanted(vm)).toBe(true);
    expect(answers(vm, 2)).toEqual([true, true]);
  });

  test("under permanent contention a walk that starts again after a break gets one page done", () => {
    const vm = walking();
    vm.mmu_lock.contend("cpu", "always");
    for (let page = 0; page < 3; page++) {
      expect(dropIfWanted(vm)).toBe(true);
      vm.counters.walk_restarts++;
      expect(answers(vm, 3)).toEqual([false, false, false]);
      vm.counters.prepares++;
      expect(answers(vm, 2)).toEqual([true, true]);
    }
  });

  test("the answer is yes from the nth question on, until the lock was dropped", () => {
    const vm = walking();
    vm.mmu_lock.contend("cpu", { at: [2, 7] });
    expect(answers(vm, 4)).toEqual([false, true, true, true]);
    expect(dropIfWanted(vm)).toBe(true); // the fifth question
    expect(answers(vm, 3)).toEqual([false, true, true]);
    expect(dropIfWanted(vm)).toBe(true);
    expect(answers(vm, 2)).toEqual([false, false]);
  });

  test("questions are counted afresh when the contention changes, and an old want is gone", () => {
    const vm = walking();
    vm.mmu_lock.contend("cpu", { at: [1] });
    expect(answers(vm, 2)).toEqual([true, true]);
    vm.mmu_lock.contend("cpu", { at: [3] });
    expect(answers(vm, 3)).toEqual([false, false, true]);
    vm.mmu_lock.contend("cpu", "never");
    expect(answers(vm, 2)).toEqual([false, false]);
  });

  test("a want of the lock counts with CONFIG_PREEMPT only, one of the CPU always", () => {
    for (const preempt of [false, true]) {
      for (const when of ["always", { at: [1] }] as const) {
        const vm = walking(preempt);
        vm.mmu_lock.contend("lock", when);
        expect(answers(vm, 1)).toEqual([preempt]);
        vm.mmu_lock.contend("cpu", when);
        expect(answers(vm, 1)).toEqual([true]);
      }
    }
  });

  test("a thread that waits for the lock is a want with CONFIG_PREEMPT only", () => {
    for (const preempt of [false, true]) {
      const vm = walking(preempt);
      expect(new Thread(spin_lock(vm)).asFarAsPossible()).toBe("mmu_lock");
      expect(answers(vm, 2)).toEqual([preempt, preempt]);
    }
  });
});

describe("spin_lock", () => {
  test("takes a free lock and may be stopped before", () => {
    const vm = kvm();
    const thread = new Thread(spin_lock(vm)).until("mmu_lock.acquire");
    expect(vm.mmu_lock.held).toBe(false);
    thread.finish();
    expect(vm.mmu_lock.held).toBe(true);
  });

  test("gives out no scheduling point while nobody may stop a thread", () => {
    expect(new Thread(spin_lock(kvm({ stoppable: false }))).points()).toEqual([]);
  });

  test("waits while another holds the lock, and counts as waiting for just as long", () => {
    const vm = kvm();
    runToEnd(spin_lock(vm));
    const thread = new Thread(spin_lock(vm));
    expect(thread.asFarAsPossible()).toBe("mmu_lock");
    expect(vm.mmu_lock.waiters).toBe(1);
    spin_unlock(vm);
    thread.finish();
    expect(vm.mmu_lock).toMatchObject({ held: true, waiters: 0 });
  });

  test("of two that wait, one gets the lock and the other waits on", () => {
    const vm = kvm();
    runToEnd(spin_lock(vm));
    const [one, other] = [new Thread(spin_lock(vm)), new Thread(spin_lock(vm))];
    expect([one.asFarAsPossible(), other.asFarAsPossible()]).toEqual(["mmu_lock", "mmu_lock"]);
    spin_unlock(vm);
    expect([one.asFarAsPossible(), other.asFarAsPossible()]).toEqual(["end", "mmu_lock"]);
    expect(vm.mmu_lock.waiters).toBe(1);
  });

  test("a thread that takes its own lock again is a deadlock", () => {
    const vm = kvm();
    runToEnd(spin_lock(vm));
    expect(() => {
      runToEnd(spin_lock(vm));
    }).toThrow("deadlock: the only thread waits for mmu_lock");
  });
});

describe("cond_resched_lock", () => {
  test("keeps the lock when nobody wants anything", () => {
    const vm = kvm();
    runToEnd(spin_lock(vm));
    const thread = new Thread(cond_resched_lock(vm));
    expect(thread.points()).toEqual([]);
    expect(thread.finish()).toBe(false);
    expect(vm.log).toEqual([]);
  });

  test("drops and retakes the lock when somebody does, and says so", () => {
    const vm = kvm();
    vm.mmu_lock.contend("cpu", { at: [1] });
    runToEnd(spin_lock(vm));
    const thread = new Thread(cond_resched_lock(vm)).until("mmu_lock.break");
    expect(vm.mmu_lock.held).toBe(false);
    expect(thread.finish()).toBe(true);
    expect(vm.mmu_lock.held).toBe(true);
    expect(vm.log).toEqual([{ event: "lock_break" }]);
    expect(vm.counters.lock_breaks).toBe(1);
  });

  test("satisfies the want: the next question is answered no", () => {
    const vm = kvm();
    vm.mmu_lock.contend("cpu", { at: [1] });
    runToEnd(spin_lock(vm));
    expect(runToEnd(cond_resched_lock(vm))).toBe(true);
    expect(runToEnd(cond_resched_lock(vm))).toBe(false);
  });

  test("waits to retake the lock when another thread has come in between", () => {
    const vm = kvm();
    vm.mmu_lock.contend("cpu", { at: [1] });
    runToEnd(spin_lock(vm));
    const thread = new Thread(cond_resched_lock(vm)).until("mmu_lock.break");
    runToEnd(spin_lock(vm));
    expect(thread.asFarAsPossible()).toBe("mmu_lock");
    spin_unlock(vm);
    expect(thread.finish()).toBe(true);
  });

  test("with CONFIG_PREEMPT makes way for a thread that waits for the lock", () => {
    for (const preempt of [false, true]) {
      const vm = kvm({ preempt });
      runToEnd(spin_lock(vm));
      const waiting = new Thread(spin_lock(vm));
      expect(waiting.asFarAsPossible()).toBe("mmu_lock");
      const holder = new Thread(cond_resched_lock(vm));
      expect(holder.points()).toEqual(preempt ? ["mmu_lock.break"] : []);
    }
  });
});
