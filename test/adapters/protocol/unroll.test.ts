import { describe, expect, test } from "vitest";
import type { Answer } from "../../../src/adapters/protocol/messages.ts";
import { askedSteps, recordOf, resetFor } from "../../../src/adapters/protocol/unroll.ts";
import { mistakeInRequest } from "../../../src/adapters/protocol/validate-message.ts";
import type { Step } from "../../../src/scenario/case.generated.ts";
import { loadCases } from "../../../src/scenario/load-cases.ts";
import { aCase } from "../../support/a-case.ts";
import { wire } from "../../support/records.ts";

const shrink: Step = { do: "shrink" };
const read: Step = { do: "access", vcpu: 0, gpa: "0x5000" };
const repeat = (times: number, ...steps: Step[]): Step => ({ do: "repeat", times, steps });
const asked = (...steps: Step[]) => askedSteps(aCase({ steps }));
const wires = (...steps: Step[]) => asked(...steps).map(({ step }) => step);

describe("a case begins with", () => {
  test("its machine", () => {
    const machine = { paging: "shadow", preempt: true } as const;
    expect(resetFor(aCase({ machine }))).toEqual({
      method: "reset",
      params: { machine, events: [] },
    });
  });

  test("the kinds of events that it speaks of, each once", () => {
    const scenario = aCase({
      expect: { counts: [{ event: "warn", count: 0 }], order: [{ event: "free" }] },
      steps: [{ ...shrink, expect: { events: { counts: [{ event: "warn", count: 0 }] } } }],
    });
    expect(resetFor(scenario).params.events).toEqual(["free", "warn"]);
  });
});

describe("a step is asked for", () => {
  test("without what is expected of it and what is noted", () => {
    const step: Step = { ...read, note: "the first one", expect: { outcome: "mapped" } };
    expect(wires(step)).toEqual([read]);
    expect(step.expect).toBeDefined();
  });

  test("as often as it is repeated, and known by its place in the case", () => {
    expect(asked(read, repeat(2, shrink, repeat(2, read)))).toEqual([
      { pointer: "/steps/0", step: read },
      { pointer: "/steps/1/steps/0", step: shrink },
      { pointer: "/steps/1/steps/1/steps/0", step: read },
      { pointer: "/steps/1/steps/1/steps/0", step: read },
      { pointer: "/steps/1/steps/0", step: shrink },
      { pointer: "/steps/1/steps/1/steps/0", step: read },
      { pointer: "/steps/1/steps/1/steps/0", step: read },
    ]);
  });

  test("unless it is about declared facts", () => {
    expect(wires({ do: "facts", expect: { mmio_generation_width: 64 } }, shrink)).toEqual([shrink]);
  });

  test("when it looks at the state, by parts and places", () => {
    const snapshot: Step = {
      do: "snapshot",
      expect: {
        entries: [{ vcpu: 0, gpa: "0x5000", is: { kind: "mmio" } }],
        tlb: [{ vcpu: 1, gva: "0x7000", is: "absent" }],
        counters: { zapped: 1 },
        requests: [{ vcpu: 0, is: [] }],
      },
    };
    expect(wires(snapshot, { do: "snapshot" })).toEqual([
      {
        do: "snapshot",
        parts: ["entries", "tlb", "counters", "requests"],
        entries: [{ vcpu: 0, gpa: "0x5000" }],
        tlb: [{ vcpu: 1, gva: "0x7000" }],
      },
      { do: "snapshot", parts: [] },
    ]);
  });

  test("with its threads and their schedule, counted out and with nothing left to guess", () => {
    const threads: Step = {
      do: "threads",
      threads: {
        b: [repeat(2, { ...read, expect: { outcome: "hit" } }), { do: "snapshot" }],
        a: [],
      },
      schedule: [
        { run: "b", until: "guest.enter" },
        { repeat: 2, schedule: [{ run: "a", until: ["blocked", "end"], nth: 3 }] },
        { run: "b" },
      ],
    };
    const [step] = wires(threads);
    expect(step).toEqual({
      do: "threads",
      threads: { b: [read, read, { do: "snapshot", parts: [] }], a: [] },
      schedule: [
        { run: "b", until: ["guest.enter"], nth: 1 },
        { run: "a", until: ["blocked", "end"], nth: 3 },
        { run: "a", until: ["blocked", "end"], nth: 3 },
        { run: "b", until: ["end"], nth: 1 },
      ],
    });
    // The order of the threads is the one in which they run to their ends.
    expect(Object.keys((step as { threads: object }).threads)).toEqual(["b", "a"]);
  });
});

test("whatever the suite asks fits the published schema", () => {
  for (const scenario of loadCases()) {
    const questions = [
      resetFor(scenario),
      ...askedSteps(scenario).map(({ step }) => ({ method: "step", params: step })),
    ];
    for (const [id, question] of questions.entries()) {
      const mistake = mistakeInRequest({ jsonrpc: "2.0", id, ...question });
      expect(mistake, `${scenario.id} ${JSON.stringify(question)}`).toBeNull();
    }
  }
});

describe("a record is put together", () => {
  const record = (steps: Step[], answers: Answer[], facts = {}) =>
    recordOf(aCase({ steps }), { answers, facts });
  const warned = wire("warn", { function: "install_new_memslots" });
  /** It speaks of warnings, so they are kept. */
  const careful: Step = {
    ...shrink,
    expect: { events: { counts: [{ event: "warn", count: 0 }] } },
  };

  test("of what each step returned and the events that the case speaks of", () => {
    const events = [wire("commit"), warned, wire("free")];
    expect(record([careful, shrink], [{ freed: 2, events }, { freed: 0 }])).toEqual({
      id: "p11.small.case",
      steps: [
        { result: { freed: 2 }, events: [warned] },
        { result: { freed: 0 }, events: [] },
      ],
    });
  });

  test("with the declared facts at their step", () => {
    const facts = { mmio_generation_width: 64 };
    const { steps } = record([{ do: "facts" }, shrink], [{ freed: 1 }], facts);
    expect(steps.map(({ result }) => result)).toEqual([facts, { freed: 1 }]);
  });

  test("by repetition, where something is judged; else the events alone", () => {
    const answers = [1, 2, 3, 4].map((freed) => ({ freed, events: [warned] }));
    const { steps } = record([repeat(2, careful, shrink)], answers);
    const kept = answers.map(({ freed }) => ({ result: { freed }, events: [warned] }));
    expect(steps).toEqual([
      {
        result: {},
        events: [warned, warned, warned, warned],
        repetitions: [kept.slice(0, 2), kept.slice(2)],
      },
    ]);
    const [plain] = record([repeat(2, shrink), careful], [...answers, { freed: 5 }]).steps;
    expect(plain).toEqual({ result: {}, events: [warned, warned] });
  });

  test("of threads: their results, and where they stopped, measured by the schedule", () => {
    const threads: Step = {
      do: "threads",
      threads: { one: [shrink], two: [] },
      schedule: [
        { repeat: 2, schedule: [{ run: "one", until: ["blocked", "mmu_lock.acquire"] }] },
        { run: "two" },
      ],
    };
    const answer: Answer = {
      threads: { one: [{ freed: 1 }], two: [] },
      stops: [
        { run: "one", at: "mmu_lock.acquire" },
        { run: "one", at: "end" },
        { run: "two", at: "blocked" },
      ],
      events: [warned],
    };
    expect(record([threads, careful], [answer, { freed: 0 }]).steps[0]).toEqual({
      result: {},
      events: [warned],
      threads: { one: [{ result: { freed: 1 }, events: [] }], two: [] },
      stops: [
        { run: "one", at: "mmu_lock.acquire", reached: true },
        { run: "one", at: "end", reached: false },
        { run: "two", at: "blocked", reached: false },
      ],
    });
  });

  test("up to where the answers end, whole steps only, with what happened", () => {
    const failure = { pointer: "/steps/1/steps/0", message: "it was ended" };
    const scenario = aCase({ steps: [shrink, repeat(2, careful), { do: "facts" }] });
    const answers = [{ freed: 1 }, { freed: 2 }];
    expect(recordOf(scenario, { answers, facts: {}, failure })).toEqual({
      id: "p11.small.case",
      steps: [{ result: { freed: 1 }, events: [] }],
      failure,
    });
  });
});
