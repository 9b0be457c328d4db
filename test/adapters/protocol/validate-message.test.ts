import { describe, expect, test } from "vitest";
import type { Question, WireStep } from "../../../src/adapters/protocol/messages.ts";
import { mistakeIn, mistakeInRequest } from "../../../src/adapters/protocol/validate-message.ts";

const step = (params: WireStep): Question => ({ method: "step", params });

const access = step({ do: "access", vcpu: 0, gpa: "0x5000" });
const places = [
  { vcpu: 0, gpa: "0x5000" },
  { vcpu: 0, gpa: "0x6000" },
];
const none = { kind: "none" };

describe("the answer to a question fits:", () => {
  test.each<{ question: Question; result: unknown }>([
    { question: { method: "reset", params: { machine: {}, events: [] } }, result: {} },
    { question: { method: "shutdown", params: {} }, result: {} },
    {
      question: {
        method: "initialize",
        params: { protocol: 1, runner: { name: "kmc", version: "1" } },
      },
      result: {
        ...{ protocol: 1, name: "mine", version: "1", capabilities: ["event:memslots.*"] },
        machine: { address_spaces: 2, physical_address_width: 40 },
      },
    },
    { question: access, result: { outcome: "mmio", via: "spte", gpa: "0x5000", events: [] } },
    { question: step({ do: "create_vcpu" }), result: { vcpu: 3 } },
    { question: step({ do: "shrink" }), result: { freed: 0 } },
    { question: step({ do: "flush_shadow_all" }), result: {} },
    {
      question: step({ do: "write_guest_table", gpa: "0x1000", entry: "0x7" }),
      result: {},
    },
    {
      question: step({ do: "write_guest_table", vcpu: 0, gva: "0x1000", entry: "0x7" }),
      result: { outcome: "emulated", hva: "taken-back" },
    },
    {
      question: step({ do: "probe", what: "encode_generation", generation: "0x8" }),
      result: { raw: "0x8", events: [{ event: "remote_flush", reason: "zap" }] },
    },
    {
      question: step({ do: "snapshot", parts: ["entries", "requests"], entries: places }),
      result: { entries: [none, none], vcpus: [], memslots: [], counters: { zapped: 1 } },
    },
  ])("$question", ({ question, result }) => {
    expect(mistakeIn(result, question)).toBeNull();
  });
});

describe("the answer to a question does not fit:", () => {
  const inFlux = { event: "memslots.published", as: 0, generation: "0x08" };
  const threads = step({
    do: "threads",
    threads: { one: [{ do: "shrink" }, { do: "create_vcpu" }] },
    schedule: [{ run: "one", until: ["end"], nth: 1 }],
  });
  const done = [{ freed: 0 }, { vcpu: 0 }];
  const stops = [{ run: "one", at: "end" }];
  test.each<{ question: Question; result: unknown; mistake: string }>([
    { question: access, result: {}, mistake: "must have required property 'outcome'" },
    {
      question: access,
      result: { outcome: "crashed" },
      mistake: expect.stringMatching(/^\/outcome must be one of .*mmio/) as never,
    },
    {
      question: access,
      result: { outcome: "hit", gva: "0x0" },
      mistake: 'must not have the property "gva"',
    },
    {
      question: access,
      result: { outcome: "mmio", gpa: "0X5000" },
      mistake: expect.stringMatching(/^\/gpa must match pattern/) as never,
    },
    {
      question: access,
      result: { outcome: "mmio", events: [{ event: "memslots.published", as: 0 }] },
      mistake: "/events/0 must have required property 'generation'",
    },
    {
      question: access,
      result: { outcome: "mmio", events: [inFlux] },
      mistake: expect.stringMatching(/^\/events\/0\/generation must match pattern/) as never,
    },
    {
      question: access,
      result: { outcome: "mmio", events: [{ event: "exploded" }] },
      mistake: expect.stringMatching(/^\/events\/0 /) as never,
    },
    {
      question: step({ do: "flush_shadow_all" }),
      result: { freed: 1 },
      mistake: 'must not have the property "freed"',
    },
    {
      question: step({ do: "write_guest_table", vcpu: 0, gva: "0x1000", entry: "0x7" }),
      result: {},
      mistake: "must have required property 'outcome'",
    },
    {
      question: step({ do: "snapshot", parts: ["pages"] }),
      result: {},
      mistake: "/pages is missing",
    },
    {
      question: step({ do: "snapshot", parts: ["cache"] }),
      result: { pages: [] },
      mistake: "/vcpus is missing",
    },
    {
      question: step({ do: "snapshot", parts: ["entries"], entries: places }),
      result: { entries: [none] },
      mistake: "/entries has 1 of 2 places",
    },
    {
      question: step({ do: "snapshot", parts: ["tlb"], tlb: places }),
      result: { tlb: [] },
      mistake: "/tlb has 0 of 2 places",
    },
    { question: threads, result: { stops }, mistake: "must have required property 'threads'" },
    { question: threads, result: { threads: {}, stops }, mistake: "/threads/one/0 is missing" },
    {
      question: threads,
      result: { threads: { one: done.slice(0, 1) }, stops },
      mistake: "/threads/one/1 is missing",
    },
    {
      question: threads,
      result: { threads: { one: [{}, {}] }, stops },
      mistake: "/threads/one/0 must have required property 'freed'",
    },
    {
      question: threads,
      result: { threads: { one: [{ freed: "1" }, {}] }, stops },
      mistake: "/threads/one/0/freed must be integer",
    },
    {
      question: threads,
      result: { threads: { one: done }, stops: [] },
      mistake: "/stops must be as many as the schedule has items, 1",
    },
    {
      question: threads,
      result: { threads: { one: done }, stops: [{ run: "two", at: "end" }] },
      mistake: "/stops/0/run must be one",
    },
    {
      question: threads,
      result: { threads: { one: done }, stops: [{ run: "one", at: "nowhere" }] },
      mistake: expect.stringMatching(/^\/stops\/0\/at /) as never,
    },
  ])("$result: $mistake", ({ question, result, mistake }) => {
    expect(mistakeIn(result, question)).toEqual(mistake);
  });
});

test("the answers of threads are looked at one by one", () => {
  const question = step({
    do: "threads",
    threads: { one: [{ do: "shrink" }], two: [] },
    schedule: [],
  });
  expect(mistakeIn({ threads: { one: [{ freed: 1 }], two: [] }, stops: [] }, question)).toBeNull();
});

test("a request of ours is compared, too", () => {
  const request = { jsonrpc: "2.0", id: 1, method: "shutdown", params: {} };
  expect(mistakeInRequest(request)).toBeNull();
  expect(mistakeInRequest({ ...request, method: "stop" })).not.toBeNull();
  expect(mistakeInRequest({ ...request, id: -1 })).not.toBeNull();
});
