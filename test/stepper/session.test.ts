import { describe, expect, test } from "vitest";
import type { Case, Step } from "../../src/scenario/case.generated.ts";
import { sideOf } from "../../src/stepper/composition.ts";
import { OWN_MACHINE, parseOperation } from "../../src/stepper/operation.ts";
import { type Move, Session } from "../../src/stepper/session.ts";
import type { View } from "../../src/stepper/view.ts";
import { aCaseThat, ram } from "../support/a-case.ts";

const both = [sideOf("10"), sideOf("11")];

const other = (size: string): Step => ({
  ...{ do: "set_memory_region", slot: 2 },
  ...{ gpa: "0x40000000", size, hva: "0x20000000" },
});

/** A slot is removed while a vCPU reads from another one. */
const race: Case = aCaseThat(
  ram(16),
  other("0x1000"),
  { do: "access", vcpu: 0, gpa: "0x5000" },
  {
    do: "threads",
    threads: { writer: [other("0x0")], vcpu: [{ do: "access", vcpu: 0, gpa: "0x8000" }] },
    schedule: [{ run: "writer", until: "memslots.published" }, { run: "vcpu" }],
  },
);

/** All views on the way to the end. */
function viewsOf(session: Session): (readonly View[])[] {
  const views = [session.views];
  while (session.forward()) views.push(session.views);
  return views;
}

/** Up to the step with threads. */
function atThreads(moves: readonly Move[] = []): Session {
  const session = new Session(both, { scenario: race });
  while (session.place < 4) session.forward();
  for (const move of moves) session.forward(move);
  return session;
}

describe("a session", () => {
  test("goes back through what was seen, and forward again", () => {
    const session = new Session(both, { scenario: race });
    const views = viewsOf(session);
    expect(views.length).toBeGreaterThan(20);
    for (const seen of [...views].reverse()) {
      expect(session.views).toEqual(seen);
      session.back();
    }
    expect(session.back()).toBe(false);
    expect(viewsOf(session)).toEqual(views);
  });

  test("sees the same whenever it makes the same moves", () => {
    const session = atThreads([1, 1, null, 0, null]);
    const again = new Session(both, { scenario: race }, session.moves);
    expect(again.views).toEqual(session.views);
    expect(viewsOf(again)).toEqual(viewsOf(session));
  });

  test("that takes another way from a place behind sees what it would have seen at once", () => {
    const session = atThreads();
    const fork = session.position;
    viewsOf(session);
    session.goTo(fork);
    session.forward(1);
    expect(session.moves.at(-1)).toBe(1);
    expect(session.views).toEqual(atThreads([1]).views);
  });

  test("follows the way it took before, if nobody chooses", () => {
    const session = atThreads([1, 0, 1]);
    const { views } = session;
    session.back();
    session.back();
    session.forward();
    session.forward();
    expect(session.views).toEqual(views);
    expect(session.moves.slice(-3)).toEqual([1, 0, 1]);
  });

  test("notes no choice of whose turn it is anyway", () => {
    expect(atThreads([0]).moves.at(-1)).toBeNull();
  });

  test("does not move by a choice that nobody can make", () => {
    const session = atThreads();
    const { position, views } = session;
    expect(session.forward(7)).toBe(false);
    expect(session.position).toBe(position);
    expect(session.views).toEqual(views);
  });
});

describe("two sides in lock step", () => {
  test("begin each step of the case together, whatever they need for it", () => {
    const contended = aCaseThat(
      { do: "contend", who: "cpu", when: "always" },
      ram(16),
      { do: "access", vcpu: 0, gpa: "0x5000" },
      ram(0),
      { do: "access", vcpu: 0, gpa: "0x5000" },
    );
    const waits = viewsOf(new Session(both, { scenario: contended })).filter(
      ([left, right]) => left!.step !== right!.step,
    );
    expect(waits.length).toBeGreaterThan(3);
    for (const [left, right] of waits) {
      const [ahead, behind] = left!.step > right!.step ? [left!, right!] : [right!, left!];
      expect(ahead.step).toBe(behind.step + 1);
      expect(ahead.actors.map(({ at }) => at)).toEqual(["start"]);
    }
  });

  test("differ when the slot is gone, where the layers do", () => {
    const [left, right] = viewsOf(new Session(both, { scenario: race })).at(-1)!;
    const reloads = (view: View | undefined): string | undefined =>
      view?.panels.counters.find(({ key }) => key === "reloads")?.text;
    expect([reloads(left), reloads(right)]).toEqual(["reloads: 1", "reloads: 0"]);
  });

  test("make the same choices", () => {
    const { views } = atThreads([1, 1]);
    expect(views.map(({ actors }) => actors.map(({ at }) => at))).toEqual([
      ["start", "slot.looked-up"],
      ["start", "slot.looked-up"],
    ]);
  });
});

describe("free play", () => {
  const operations = [
    "set_memory_region,slot:1,gpa:0x0,size:0x10000,hva:0x10000000",
    "access,vcpu:0,gpa:0x5000",
    "access,vcpu:1,gpa:0x20000",
  ].map((text) => parseOperation(text, OWN_MACHINE));
  const play = (count: number, moves: readonly Move[] = []): Session =>
    new Session(
      [sideOf("27")],
      { machine: OWN_MACHINE, operations: operations.slice(0, count) },
      moves,
    );

  test("lets operations of different vCPUs take turns as chosen", () => {
    const session = play(3, [1, 2, 0, 1]);
    expect(session.views[0]!.actors.map(({ name, at }) => `${name} ${at}`)).toEqual([
      "owner memslots.published",
      "vCPU 0 mmu_lock.acquire",
      "vCPU 1 guest.enter",
    ]);
  });

  test("is where it was when an operation is added", () => {
    const session = play(2, [1, null, 1, 0, null]);
    expect(session.moves).toEqual([1, 1, 1, 0, 0]);
    const more = play(3, session.moves);
    expect(more.moves).toEqual(session.moves);
    expect(more.views[0]!.panels).toEqual(session.views[0]!.panels);
    expect(more.views[0]!.log).toEqual(session.views[0]!.log);
  });

  test("ends when all operations are through, and tells what they returned", () => {
    const [last] = viewsOf(play(3)).at(-1)!;
    expect(last!.turn).toBeNull();
    expect(last!.log.map(({ text }) => text)).toEqual([
      "owner: set_memory_region slot 1, gpa 0x0, size 0x10000, hva 0x10000000 → result ok",
      "vCPU 0: access vcpu 0, gpa 0x5000 → outcome mapped, hva 0x10005000, value 0x0",
      "vCPU 1: access vcpu 1, gpa 0x20000 → outcome mmio, via fault, gpa 0x20000",
    ]);
  });

  /** Operations by their texts. */
  const own = (texts: readonly string[], machine = OWN_MACHINE, side = "27"): Session =>
    new Session([sideOf(side)], {
      machine,
      operations: texts.map((text) => parseOperation(text, machine)),
    });

  test("wraps soon after a number that was injected", () => {
    const region = "set_memory_region,slot:1,gpa:0x0,size:0x1000,hva:0x10000000";
    const inject = "inject,what:generation,as:0,generation:0xffffc";
    const wraps = (texts: readonly string[]): boolean => {
      const session = own(texts, OWN_MACHINE, "0");
      viewsOf(session);
      const events = session.views[0]!.log.flatMap((logged) => logged.events);
      return events.some(({ event }) => event === "invalidate_zap_all_pages");
    };
    expect(wraps([region])).toBe(false);
    expect(wraps([inject, region])).toBe(true);
  });

  test("shows the guest what was written into its tables", () => {
    const session = own(
      [
        "set_memory_region,slot:1,gpa:0x0,size:0x10000,hva:0x10000000",
        "map_guest_range,root:0x1000,gva:0x400000,gpa:0x5000,npages:1",
        "write_guest_table,gpa:0x4000,entry:0x6007",
        "load_cr3,vcpu:0,cr3:0x1000",
        "access,vcpu:0,gva:0x400000",
      ],
      { ...OWN_MACHINE, paging: "shadow" },
    );
    viewsOf(session);
    expect(session.views[0]!.log.at(-1)!.text).toContain("hva 0x10006000");
  });

  test("destroys the VM when nothing is under way, and nothing begins after that", () => {
    const session = own(["access,vcpu:0,gpa:0x5000", "destroy_vm", "access,vcpu:1,gpa:0x5000"]);
    const able = (): boolean[] => session.views[0]!.actors.map(({ canGoOn }) => canGoOn);
    expect(able()).toEqual([true, true, true]);
    session.forward(0);
    expect(able()).toEqual([true, false, true]);
    while (session.views[0]!.actors[0]!.at !== "end") session.forward(0);
    expect(able()).toEqual([false, true, true]);
    session.forward(1);
    expect(able()).toEqual([false, true, false]);
    viewsOf(session);
    expect(able()).toEqual([false, false, false]);
    expect(session.views[0]!.panels.tree).toEqual([]);
  });
});
