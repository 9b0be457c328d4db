import { describe, expect, test } from "vitest";
import { judgeEvents } from "../../src/conformance/judge-events.ts";
import type { EventExpectations, EventPattern } from "../../src/scenario/case.generated.ts";
import { wire } from "../support/records.ts";

const EVENTS = [
  wire("prepare_zap", { gfn: "0x5", level: 1 }),
  wire("prepare_zap", { gfn: "0x6", level: 1 }),
  wire("remote_flush", { reason: "invlpg" }),
  wire("commit", { pages: 2 }),
];

const judged = (expected: EventExpectations | undefined) => judgeEvents(expected, EVENTS, "/at");

test("when nothing is expected, everything will do", () => {
  expect(judged(undefined)).toEqual([]);
});

describe("counts", () => {
  test.each<{ what: string; counts: NonNullable<EventExpectations["counts"]> }>([
    { what: "an exact number", counts: [{ event: "prepare_zap", count: 2 }] },
    { what: "none", counts: [{ event: "free", count: 0 }] },
    { what: "at least", counts: [{ event: "prepare_zap", count: { min: 2 } }] },
    { what: "at most", counts: [{ event: "prepare_zap", count: { max: 2 } }] },
    {
      what: "those with such fields",
      counts: [{ event: "prepare_zap", where: { gfn: "0x5" }, count: 1 }],
    },
    {
      what: "those with one of several values",
      counts: [{ event: "prepare_zap", where: { gfn: ["0x5", "0x6"] }, count: 2 }],
    },
  ])("hold: $what", ({ counts }) => {
    expect(judged({ counts })).toEqual([]);
  });

  test.each<{
    what: string;
    count: NonNullable<EventExpectations["counts"]>[number];
    expected: string;
    seen: string;
  }>([
    {
      what: "an exact number",
      count: { event: "prepare_zap", count: 3 },
      expected: "3 × prepare_zap",
      seen: "2",
    },
    {
      what: "at least",
      count: { event: "prepare_zap", count: { min: 3 } },
      expected: "at least 3 × prepare_zap",
      seen: "2",
    },
    {
      what: "at most",
      count: { event: "prepare_zap", count: { max: 1 } },
      expected: "at most 1 × prepare_zap",
      seen: "2",
    },
    {
      what: "those with such fields",
      count: { event: "prepare_zap", where: { gfn: ["0x5", "0x7"] }, count: 2 },
      expected: "2 × prepare_zap (gfn 0x5 or 0x7)",
      seen: "1, and 1 with other fields",
    },
  ])("fail: $what", ({ count, expected, seen }) => {
    const fine = { event: "commit", count: 1 } as const;
    expect(judged({ counts: [fine, count] })).toEqual([
      { pointer: "/at/counts/1", expected, seen },
    ]);
  });
});

describe("an order", () => {
  test("holds when the events occur one after the other, others in between", () => {
    expect(
      judged({ order: [{ event: "prepare_zap", where: { gfn: "0x5" } }, { event: "commit" }] }),
    ).toEqual([]);
    expect(judged({ order: [{ event: "prepare_zap" }, { event: "prepare_zap" }] })).toEqual([]);
  });

  test("fails when they occur the other way round", () => {
    expect(judged({ order: [{ event: "commit" }, { event: "remote_flush" }] })).toEqual([
      { pointer: "/at/order/1", expected: "remote_flush after commit", seen: "only before that" },
    ]);
  });

  test("fails when one does not occur, and one event is not two", () => {
    expect(judged({ order: [{ event: "free" }, { event: "commit" }] })).toEqual([
      { pointer: "/at/order/0", expected: "free", seen: "no such event" },
    ]);
    expect(judged({ order: [{ event: "commit" }, { event: "commit" }] })).toEqual([
      { pointer: "/at/order/1", expected: "commit after commit", seen: "only before that" },
    ]);
  });
});

describe("an exact sequence", () => {
  const exactly = (...sequence: EventPattern[]) =>
    judged({ exactly: { of: ["prepare_zap", "commit"], sequence } });
  const five: EventPattern = { event: "prepare_zap", where: { gfn: "0x5" } };
  const six: EventPattern = { event: "prepare_zap", where: { gfn: ["0x6", "0x7"] } };

  test("holds when the events of these kinds are these; other kinds do not count", () => {
    expect(exactly(five, six, { event: "commit" })).toEqual([]);
    expect(judged({ exactly: { of: ["free"], sequence: [] } })).toEqual([]);
  });

  test("fails at the first event that is another one", () => {
    expect(exactly(six, five, { event: "commit" })).toEqual([
      {
        pointer: "/at/exactly/sequence/0",
        expected: "prepare_zap (gfn 0x6 or 0x7)",
        seen: "prepare_zap (gfn 0x5, level 1)",
      },
    ]);
  });

  test("fails when there are further events", () => {
    expect(exactly(five, six)).toEqual([
      {
        pointer: "/at/exactly/sequence",
        expected: "no further event",
        seen: "commit (pages 2)",
      },
    ]);
  });

  test("fails when there are fewer events", () => {
    expect(exactly(five, six, { event: "commit" }, { event: "commit" })).toEqual([
      { pointer: "/at/exactly/sequence/3", expected: "commit", seen: "no further event" },
    ]);
  });
});

test("every expectation that fails is reported", () => {
  const pointers = judged({
    counts: [
      { event: "free", count: 1 },
      { event: "commit", count: 2 },
    ],
    order: [{ event: "free" }, { event: "commit" }],
    exactly: { of: ["commit"], sequence: [] },
  }).map(({ pointer }) => pointer);
  expect(pointers).toEqual(["/at/counts/0", "/at/counts/1", "/at/order/0", "/at/exactly/sequence"]);
});
