import { describe, expect, test } from "vitest";
import type { CaseRecord, RunFailure, StepRecord } from "../../src/adapters/record.ts";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { judge } from "../../src/conformance/judge.ts";
import { composeThrough } from "../../src/reference/compose.ts";
import { absent } from "../../src/reference/operations.ts";
import type { AccessStep, EventExpectations, Step } from "../../src/scenario/case.generated.ts";
import { aCase } from "../support/a-case.ts";
import { caseRecord, stepRecord, wire } from "../support/records.ts";

const FLUSH = wire("remote_flush", { reason: "invlpg" });
const NO_FLUSH: EventExpectations = { counts: [{ event: "remote_flush", count: 0 }] };

/** What is wrong with these records of these steps. */
const judged = (steps: Step[], ...records: StepRecord[]) =>
  judge(aCase({ steps }), caseRecord(...records));

describe("the result of a step", () => {
  const access: AccessStep = {
    ...{ do: "access", vcpu: 0, gpa: "0x5000" },
    expect: { outcome: ["mapped", "emulated"], hva: "0x10005000" },
  };

  test("may have any of the allowed values, and other fields beside those expected", () => {
    for (const outcome of ["mapped", "emulated"]) {
      expect(judged([access], stepRecord({ outcome, hva: "0x10005000", value: "0x0" }))).toEqual(
        [],
      );
    }
  });

  test("is reported field by field, with what the step returned", () => {
    expect(judged([access], stepRecord({ outcome: "mmio", via: "fault" }))).toEqual([
      {
        pointer: "/steps/0/expect/outcome",
        expected: "outcome mapped or emulated",
        seen: "outcome mmio, via fault",
      },
      {
        pointer: "/steps/0/expect/hva",
        expected: "hva 0x10005000",
        seen: "outcome mmio, via fault",
      },
    ]);
  });

  test.each<{
    step: Step;
    good: object;
    bad: object;
    pointer: string;
    expected: string;
    seen: string;
  }>([
    {
      step: {
        ...{ do: "set_memory_region", slot: 1, gpa: "0x0", size: "0x1000", hva: "0x10000000" },
        expect: { result: "EEXIST" },
      },
      good: { result: "EEXIST" },
      bad: { result: "ok" },
      pointer: "/steps/0/expect/result",
      expected: "result EEXIST",
      seen: "result ok",
    },
    {
      step: { do: "shrink", expect: { freed: 1 } },
      good: { freed: 1 },
      bad: { freed: 0 },
      pointer: "/steps/0/expect/freed",
      expected: "freed 1",
      seen: "freed 0",
    },
    {
      step: {
        ...{ do: "probe", what: "encode_generation", generation: "0x1" },
        expect: { result: { raw: ["0x1", "0x2"] } },
      },
      good: { raw: "0x2" },
      bad: { raw: "0x3" },
      pointer: "/steps/0/expect/result/raw",
      expected: "raw 0x1 or 0x2",
      seen: "raw 0x3",
    },
    {
      step: { do: "snapshot", expect: { counters: { faults: 1 } } },
      good: { counters: { faults: 1 } },
      bad: { counters: { faults: 2 } },
      pointer: "/steps/0/expect/counters/faults",
      expected: "faults 1",
      seen: "2",
    },
    {
      step: { do: "facts", expect: { mmio_generation_width: 64 } },
      good: { mmio_generation_width: 64 },
      bad: { mmio_generation_width: 32 },
      pointer: "/steps/0/expect/mmio_generation_width",
      expected: "mmio_generation_width 64",
      seen: "32",
    },
  ])("of $step.do can hold and can fail", ({ step, good, bad, ...violation }) => {
    expect(judged([step], stepRecord({ ...good }))).toEqual([]);
    expect(judged([step], stepRecord({ ...bad }))).toEqual([violation]);
  });
});

describe("events", () => {
  const shrink: Step = { do: "shrink", expect: { events: NO_FLUSH } };
  const violation = (pointer: string) => ({ pointer, expected: "0 × remote_flush", seen: "1" });

  test("of a step are those of that step", () => {
    const steps: Step[] = [{ do: "shrink" }, shrink];
    expect(judged(steps, stepRecord({}, [FLUSH]), stepRecord())).toEqual([]);
    expect(judged(steps, stepRecord(), stepRecord({}, [FLUSH]))).toEqual([
      violation("/steps/1/expect/events/counts/0"),
    ]);
  });

  test("of a probe are judged beside its result", () => {
    const probe: Step = { do: "probe", what: "encode_generation", expect: { events: NO_FLUSH } };
    expect(judged([probe], stepRecord({ raw: "0x0" }, [FLUSH]))).toEqual([
      violation("/steps/0/expect/events/counts/0"),
    ]);
  });

  test("of a case are those of all its steps", () => {
    const scenario = aCase({
      steps: [{ do: "shrink" }, { do: "shrink" }],
      expect: { counts: [{ event: "remote_flush", count: 2 }] },
    });
    const flushing = stepRecord({}, [FLUSH]);
    expect(judge(scenario, caseRecord(flushing, flushing))).toEqual([]);
    expect(judge(scenario, caseRecord(flushing, stepRecord()))).toEqual([
      { pointer: "/expect/counts/0", expected: "2 × remote_flush", seen: "1" },
    ]);
  });
});

describe("a repeated step", () => {
  const inner: Step = { do: "shrink", expect: { freed: 1 } };
  const repeat: Step = { do: "repeat", times: 2, steps: [{ do: "shrink" }, inner] };
  const nothing = stepRecord({ freed: 0 });
  const one = stepRecord({ freed: 1 });
  const repeated = (...repetitions: StepRecord[][]): StepRecord => ({
    ...stepRecord(),
    repetitions,
  });

  test("holds when every repetition does", () => {
    expect(judged([repeat], repeated([nothing, one], [nothing, one]))).toEqual([]);
  });

  test("fails with the first repetition that does, whichever it is", () => {
    const violation = {
      pointer: "/steps/0/steps/1/expect/freed",
      expected: "freed 1",
      seen: "freed 0",
    };
    expect(judged([repeat], repeated([one, one], [one, nothing]))).toEqual([violation]);
    expect(judged([repeat], repeated([one, nothing], [one, nothing]))).toEqual([violation]);
  });

  test("is judged inside another one", () => {
    const outer: Step = { do: "repeat", times: 1, steps: [repeat] };
    const records = repeated([repeated([one, one], [one, nothing])]);
    expect(judged([outer], records)).toMatchObject([
      { pointer: "/steps/0/steps/0/steps/1/expect/freed" },
    ]);
  });

  test("may have events of its own, those of all repetitions", () => {
    const step: Step = {
      ...{ do: "repeat", times: 2, steps: [{ do: "shrink" }] },
      expect: { events: { counts: [{ event: "remote_flush", count: 2 }] } },
    };
    expect(judged([step], stepRecord({}, [FLUSH, FLUSH]))).toEqual([]);
    expect(judged([step], stepRecord({}, [FLUSH]))).toMatchObject([
      { pointer: "/steps/0/expect/events/counts/0", seen: "1" },
    ]);
  });
});

describe("threads", () => {
  const inner: Step = { do: "shrink", expect: { freed: 1 } };
  const threads: Step = {
    do: "threads",
    threads: {
      one: [inner],
      two: [{ do: "repeat", times: 2, steps: [inner, { do: "shrink" }] }, inner],
    },
    schedule: [{ run: "one" }],
    expect: { events: NO_FLUSH },
  };
  const freed = (...counts: number[]) => counts.map((count) => stepRecord({ freed: count }));
  const ran = (one: StepRecord[], two: StepRecord[], changes: Partial<StepRecord> = {}) => ({
    ...stepRecord(),
    ...{ threads: { one, two }, stops: [{ run: "one", at: "end", reached: true }] },
    ...changes,
  });

  test("hold when each step of each thread does, repeated ones each time", () => {
    expect(judged([threads], ran(freed(1), freed(1, 0, 1, 0, 1)))).toEqual([]);
  });

  test("fail with the step that does, repeated ones once", () => {
    expect(judged([threads], ran(freed(0), freed(0, 1, 0, 1, 1)))).toEqual([
      {
        pointer: "/steps/0/threads/one/0/expect/freed",
        expected: "freed 1",
        seen: "freed 0",
      },
      {
        pointer: "/steps/0/threads/two/0/steps/0/expect/freed",
        expected: "freed 1",
        seen: "freed 0",
      },
    ]);
    expect(judged([threads], ran(freed(1), freed(1, 1, 1, 1, 0)))).toMatchObject([
      { pointer: "/steps/0/threads/two/1/expect/freed" },
    ]);
  });

  test("fail when one does not get where the schedule wants it", () => {
    const stops = [
      { run: "one", at: "end", reached: true },
      { run: "two", at: "blocked", reached: false },
    ];
    expect(judged([threads], ran(freed(1), freed(1, 0, 1, 0, 1), { stops }))).toEqual([
      {
        pointer: "/steps/0/schedule",
        expected: "thread two gets where the schedule wants it",
        seen: "it stops at blocked",
      },
    ]);
  });

  test("have the events of them all", () => {
    const events = [FLUSH];
    expect(judged([threads], ran(freed(1), freed(1, 0, 1, 0, 1), { events }))).toMatchObject([
      { pointer: "/steps/0/expect/events/counts/0" },
    ]);
  });
});

describe("what was not recorded fails: nothing conforms by silence,", () => {
  const shrink: Step = { do: "shrink" };

  test("a step", () => {
    expect(judged([shrink, shrink], stepRecord())).toEqual([
      { pointer: "/steps/1", expected: "a record of this step", seen: "nothing" },
    ]);
  });

  test("a step of a thread, and where the threads stopped", () => {
    const threads: Step = {
      ...{ do: "threads", threads: { one: [shrink], two: [shrink, shrink] } },
      schedule: [{ run: "one" }],
    };
    const observed = { ...stepRecord(), threads: { one: [stepRecord()], two: [stepRecord()] } };
    expect(judged([threads], observed).map(({ pointer }) => pointer)).toEqual([
      "/steps/0/schedule",
      "/steps/0/threads/two/1",
    ]);
  });

  test("a repetition that is judged", () => {
    const repeat: Step = {
      do: "repeat",
      times: 2,
      steps: [{ do: "shrink", expect: { freed: 0 } }],
    };
    const once = { ...stepRecord(), repetitions: [[stepRecord({ freed: 0 })]] };
    expect(judged([repeat], once)).toEqual([
      { pointer: "/steps/0/steps", expected: "records of 2 repetitions", seen: "nothing" },
    ]);
    expect(judged([{ ...repeat, steps: [shrink] }], stepRecord())).toEqual([]);
  });
});

test("a run that broke down fails where it did; what was seen before is judged, what would follow is not", () => {
  const scenario = aCase({
    steps: [{ do: "shrink", expect: { freed: 1 } }, { do: "shrink" }, { do: "shrink" }],
    expect: { counts: [{ event: "commit", count: 1 }] },
  });
  const record: CaseRecord = {
    ...caseRecord(stepRecord({ freed: 0 })),
    failure: {
      pointer: "/steps/1",
      message: "KernelBug: shadow page 3 is used after it was freed",
    },
  };
  expect(judge(scenario, record)).toEqual([
    { pointer: "/steps/0/expect/freed", expected: "freed 1", seen: "freed 0" },
    {
      pointer: "/steps/1",
      expected: "the run goes on",
      seen: "KernelBug: shadow page 3 is used after it was freed",
    },
  ]);
});

describe("a BUG", () => {
  const region: Step = {
    ...{ do: "set_memory_region", slot: 1, gpa: "0x0", size: "0x1000", hva: "0x10000000" },
    expect: { result: "BUG" },
  };
  const access: AccessStep = { do: "access", vcpu: 0, gpa: "0x5000", expect: { outcome: "BUG" } };
  const good: StepRecord[] = [stepRecord({ vcpu: 0 })];
  const steps = (last: Step): Step[] => [{ do: "create_vcpu" }, last];
  const broke = (last: Step, failure: RunFailure) =>
    judge(aCase({ steps: steps(last) }), { ...caseRecord(...good), failure });
  const message = "it gives up: BUG";

  test.each([region, access])("that is expected is what the kernel does: $do", (last) => {
    expect(broke(last, { pointer: "/steps/1", message })).toEqual([]);
  });

  test("elsewhere is none that is expected", () => {
    expect(broke(region, { pointer: "/steps/0", message })).toMatchObject([
      { pointer: "/steps/0", expected: "the run goes on", seen: message },
    ]);
  });

  test("is not what a program does that crashes", () => {
    const failure = { pointer: "/steps/1", message: "it is gone", kind: "crashed" } as const;
    expect(broke(region, failure)).toMatchObject([{ seen: "it is gone" }]);
  });

  test("that does not come is missed", () => {
    expect(judged([region], stepRecord({ result: "ok" }))).toEqual([
      { pointer: "/steps/0/expect/result", expected: "result BUG", seen: "result ok" },
    ]);
  });

  test("is no mistake of the model", () => {
    const broken = { ...composeThrough(27).ops, install_new_memslots: absent("it", "nobody has") };
    const composition = { ...composeThrough(27), ops: broken };
    const scenario = aCase({ steps: [region] });
    const record = recordOnReference(composition, scenario);
    expect(record.failure).toMatchObject({
      kind: "crashed",
      message: expect.stringContaining("ModelBug") as string,
    });
    expect(judge(scenario, record)).toHaveLength(1);
  });
});
