import { describe, expect, test } from "vitest";
import type { Implementation } from "../../src/adapters/implementation.ts";
import type { CaseRecord } from "../../src/adapters/record.ts";
import {
  recordOnReference,
  referenceImplementation,
} from "../../src/adapters/reference/reference-implementation.ts";
import { explained, isGood, runCase } from "../../src/conformance/run-cases.ts";
import { composeThrough } from "../../src/reference/compose.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { otherSlotGoes, otherSlotStays, ramIsReached } from "../support/small-cases.ts";

/** An implementation that does what a layer does, but for what is changed here. */
const likeLayer = (layer: number, changes: Partial<Implementation> = {}): Implementation => ({
  ...referenceImplementation(composeThrough(layer), "small"),
  ...changes,
});

/** One that does what layer 11 does, and tells it in another way. */
const telling = (change: (record: CaseRecord) => CaseRecord): Implementation =>
  likeLayer(11, {
    record: (scenario) => change(recordOnReference(composeThrough(11), scenario)),
  });

const result = {
  ...{ violations: [], missing: [], equals: [], firstDifference: null, log: [], record: null },
};

/** Runs a case and has a failure explained. */
const explain = async (...args: Parameters<typeof runCase>) => explained(await runCase(...args));

describe("a case", () => {
  test("that does what is expected conforms, and nothing more is said", async () => {
    expect(await runCase(otherSlotStays, likeLayer(11))).toEqual({
      ...result,
      scenario: otherSlotStays,
      verdict: "conforms",
      record: recordOnReference(composeThrough(11), otherSlotStays),
    });
  });

  test("that needs what the implementation does not offer is not assessed, and not run", async () => {
    const implementation = likeLayer(11, {
      offers: (capability) => !capability.startsWith("operation:"),
      record: () => {
        throw new Error("it was run");
      },
    });
    expect(await runCase(otherSlotStays, implementation)).toEqual({
      ...result,
      scenario: otherSlotStays,
      verdict: "not-assessed",
      missing: ["operation:access", "operation:create_vcpu", "operation:set_memory_region"],
    });
  });

  test("is awaited when the implementation takes its time", async () => {
    const implementation = likeLayer(11, {
      record: async (scenario) => {
        await Promise.resolve();
        return recordOnReference(composeThrough(11), scenario);
      },
    });
    expect(await runCase(otherSlotStays, implementation)).toMatchObject({ verdict: "conforms" });
  });

  test("that does not what is expected fails, with each violation", async () => {
    expect(await runCase(otherSlotStays, likeLayer(10))).toMatchObject({
      verdict: "fails",
      violations: [
        {
          pointer: "/steps/5/expect/outcome",
          expected: "outcome hit",
          seen: "outcome mapped, hva 0x20000000, value 0x0",
        },
      ],
      missing: [],
      // What it is like is found out when somebody asks.
      ...{ equals: [], firstDifference: null },
      record: { id: otherSlotStays.id },
    });
  });

  test("that ends before its time fails, however well it went", async () => {
    const failure = { pointer: "/steps/5", message: "it gives up: BUG" };
    const record = (): CaseRecord => ({ id: otherSlotStays.id, steps: [], failure });
    expect(await runCase(otherSlotStays, likeLayer(11, { record }))).toMatchObject({
      verdict: "fails",
      violations: [{ pointer: "/steps/5", expected: "the run goes on", seen: "it gives up: BUG" }],
      log: [],
    });
  });

  test.each(["crashed", "timed-out", "protocol-error"] as const)(
    "whose implementation leaves the conversation says nothing about the kernel: %s",
    async (kind) => {
      const log = ["panic"];
      const failure = { pointer: "", message: "it was killed by SIGKILL", kind, log };
      const record = (): CaseRecord => ({ id: otherSlotStays.id, steps: [], failure });
      const seen = await runCase(otherSlotStays, likeLayer(11, { record }));
      expect(seen).toMatchObject({ verdict: kind, log, violations: [{ pointer: "" }] });
      expect(isGood(seen.verdict)).toBe(false);
      // There is nothing to compare.
      expect(explained(seen)).toBe(seen);
    },
  );

  test("that conforms needs no explanation", async () => {
    const seen = await runCase(otherSlotStays, likeLayer(11));
    expect(explained(seen)).toBe(seen);
  });
});

describe("of a failure are told", () => {
  test("the layers that do the very same, under both profiles or one", async () => {
    const { equals } = await explain(otherSlotStays, likeLayer(10));
    expect(equals).toContain("10");
    expect(equals.every((name) => Number.parseInt(name) < 11)).toBe(true);
    expect(new Set(equals.map((name) => Number.parseInt(name))).size).toBe(equals.length);
  });

  test("the same layers when properties come in another order: JSON does not know one", async () => {
    const shuffled = telling(({ id, steps }) => ({
      steps: steps.map(({ events, result: returned }) => ({
        events: events.map((event) => Object.fromEntries(Object.entries(event).reverse()) as never),
        result: returned,
      })),
      id,
    }));
    const { equals } = await explain(otherSlotGoes, shuffled);
    expect(equals).toEqual((await explain(otherSlotGoes, likeLayer(11))).equals);
    expect(equals).toContain("11");
  });

  test("no layer when it does what none does", async () => {
    const odd = telling((record) => ({
      ...record,
      steps: record.steps.map((step) => ({ ...step, result: { outcome: "lost" } })),
    }));
    expect((await explain(otherSlotStays, odd)).equals).toEqual([]);
  });
});

describe("the first difference", () => {
  /** It speaks of faults, and cannot be true: there is no vCPU 7. */
  const aboutFaults: Case = {
    ...otherSlotStays,
    expect: { counts: [{ event: "page_fault", where: { vcpu: 7 }, count: 1 }] },
  };

  const without = (event: string): Implementation =>
    telling((record) => ({
      ...record,
      steps: record.steps.map((step) => ({
        ...step,
        events: step.events.filter((each) => each.event !== event),
      })),
    }));

  test("is in the events that the case is about, with the step", async () => {
    const { firstDifference } = await explain(aboutFaults, without("page_fault"));
    expect(firstDifference).toMatchObject({
      pointer: "/steps/3",
      expected: { event: "page_fault", vcpu: 0, address: "0x40000000" },
      seen: null,
    });
  });

  test("may be an event that should not be there", async () => {
    const scenario: Case = { ...aboutFaults, steps: aboutFaults.steps.slice(0, 3) };
    const more = telling((record) => ({
      ...record,
      steps: record.steps.map((step) => ({
        ...step,
        events: [...step.events, { event: "page_fault", vcpu: 7 }],
      })),
    }));
    expect((await explain(scenario, more)).firstDifference).toEqual({
      pointer: "/steps/0",
      expected: null,
      seen: { event: "page_fault", vcpu: 7 },
    });
  });

  test("is not looked for in other events", async () => {
    const { firstDifference } = await explain(aboutFaults, without("get_page"));
    expect(firstDifference).toBeNull();
    expect((await explain(otherSlotStays, likeLayer(10))).firstDifference).toBeNull();
  });

  test("is that from what the reference does where the case holds: with the slip, if that is its subject", async () => {
    const scenario: Case = {
      ...ramIsReached,
      ...{ patch: 6, erratum: "E1", proof: "defect", layers: { from: 6, to: 27 } },
      steps: [
        ...ramIsReached.steps.slice(0, 2),
        { do: "inject", what: "generation", as: 0, generation: "0x800" },
        { do: "access", vcpu: 0, gpa: "0x700000" },
      ],
      expect: { counts: [{ event: "mark_mmio_spte", where: { raw: "0x0" }, count: 1 }] },
    };
    const raw = async (slips: readonly "E1"[]) => {
      const implementation = referenceImplementation(composeThrough(6, { slips }), "small");
      return (await explain(scenario, implementation)).firstDifference;
    };
    expect(await raw(["E1"])).toBeNull();
    expect(await raw([])).toMatchObject({ pointer: "/steps/3" });
  });
});
