import { describe, expect, test } from "vitest";
import { Execution, nameOfStop, type Seen } from "../../src/explore/execution.ts";
import { loadObligation, obligationIds, composeSubject } from "../../src/explore/obligation.ts";
import { PARTS } from "../../src/explore/parts.ts";
import type { Kvm } from "../../src/reference/machine/kvm.ts";

/**
 * Notes which parts of a VM the kernel functions touch, by accessors on the objects themselves.
 * What mmu_lock protects is reached through the lock or, by a CPU that walks page tables, through a
 * vCPU's roots.
 */
class Observer {
  touched = 0;

  constructor(kvm: Kvm) {
    this.#watch(kvm, "memslots", PARTS.memslots);
    this.#watch(kvm, "mmu_lock", PARTS.mmu);
    this.#watch(kvm, "mmu_notifier_seq", PARTS.mmu);
    this.#watch(kvm, "mmu_notifier_count", PARTS.mmu);
    this.#watch(kvm, "srcu", PARTS.srcu);
    this.#watch(kvm, "slots_lock", PARTS.slotsLock);
    this.#watch(kvm, "host", PARTS.host);
    for (const vcpu of kvm.vcpus) this.#watch(vcpu, "roots", PARTS.mmu);
  }

  #watch(object: object, name: string, part: number): void {
    let value = (object as Record<string, unknown>)[name];
    Object.defineProperty(object, name, {
      get: () => {
        this.touched |= part;
        return value;
      },
      set: (next: unknown) => {
        this.touched |= part;
        value = next;
      },
    });
  }
}

const partNames = (bits: number): string[] =>
  Object.entries(PARTS).flatMap(([name, part]) => (bits & part ? [name] : []));

/** Schedules of many kinds, the same ones each time: threads take turns of n steps. */
const TURNS = [1, 2, 3, 5, 8, 100];

describe.each(obligationIds())("in the scenario of obligation %s", (id) => {
  const obligation = loadObligation(id);

  test("no step touches a part that the search does not know of", () => {
    for (const subject of [...obligation.reachable, ...obligation.unreachable]) {
      for (const turn of TURNS) follow(turn, composeSubject(subject));
    }
  });

  function follow(turn: number, composition: ReturnType<typeof composeSubject>): void {
    const execution = new Execution(composition, obligation.scenario);
    execution.fingerprints = false;
    const observer = new Observer(execution.kvm);
    const { threads } = execution;
    for (let taken = 0, current = 0; taken < 200 && !execution.isOver; taken++) {
      if (taken % turn === 0) current++;
      const order = threads.map((_, i) => threads[(current + i) % threads.length]!);
      const next = order.find((thread) => execution.canStep(thread))!;
      const from = nameOfStop(next.at);
      const { touched: real, seen } = stepOf(next.id);
      const unknown = real & ~seen.touched;
      expect(partNames(unknown), `${composition.patches.length} patches, from ${from}`).toEqual([]);
    }

    function stepOf(thread: number): { touched: number; seen: Seen } {
      observer.touched = 0;
      let real = 0;
      // What the step itself touches; looking at the VM afterwards does not count.
      const { task } = threads[thread]!;
      const next = task.next.bind(task);
      task.next = (...values) => {
        observer.touched = 0;
        const stop = next(...values);
        real |= observer.touched;
        return stop;
      };
      const seen = execution.step(thread, []);
      delete (task as { next?: unknown }).next;
      return { touched: real, seen };
    }
  }
});
