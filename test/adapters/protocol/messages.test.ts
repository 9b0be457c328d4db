import { describe, expect, test } from "vitest";
import {
  introducedCapability,
  type Introduction,
} from "../../../src/adapters/protocol/messages.ts";
import { covers } from "../../../src/scenario/capabilities.ts";

const introduction = (changes: Partial<Introduction> = {}): Introduction => ({
  ...{ protocol: 1, name: "small", version: "1", capabilities: [] },
  machine: { address_spaces: 2, physical_address_width: 40 },
  ...changes,
});

describe("a list of capabilities covers", () => {
  test.each([
    { offered: "operation:access", asked: "operation:access", covered: true },
    { offered: "operation:access", asked: "operation:access_twice", covered: false },
    { offered: "operation:access_twice", asked: "operation:access", covered: false },
    { offered: "event:*", asked: "event:memslots.published", covered: true },
    { offered: "event:memslots.*", asked: "event:memslots.published", covered: true },
    { offered: "event:memslots.*", asked: "event:commit", covered: false },
    { offered: "event:*", asked: "point:commit", covered: false },
    { offered: "machine:paging", asked: "machine:paging=shadow", covered: true },
    { offered: "machine:paging=ept", asked: "machine:paging=shadow", covered: false },
    { offered: "machine:paging=ept", asked: "machine:paging=ept", covered: true },
    { offered: "machine:*", asked: "machine:paging=shadow", covered: true },
    { offered: "snapshot:entries", asked: "snapshot:entries.raw", covered: false },
    { offered: "snapshot:entries.raw", asked: "snapshot:entries", covered: false },
  ])("$asked by $offered: $covered", ({ offered, asked, covered }) => {
    expect(covers([offered], asked)).toBe(covered);
    expect(covers(["operation:shrink", offered], asked)).toBe(covered);
  });

  test("nothing when it is empty", () => {
    expect(covers([], "operation:access")).toBe(false);
  });
});

describe("an introduction offers", () => {
  test("what its capabilities cover", () => {
    const offers = introduction({ capabilities: ["operation:*"] });
    expect(introducedCapability(offers, "operation:access")).toBe(true);
    expect(introducedCapability(offers, "probe:encode_generation")).toBe(false);
  });

  test("without a word what kmc does by itself", () => {
    expect(introducedCapability(introduction(), "operation:repeat")).toBe(true);
    expect(introducedCapability(introduction(), "operation:facts")).toBe(true);
    expect(introducedCapability(introduction(), "operation:threads")).toBe(false);
  });

  test("the machine that it has", () => {
    const small = introduction({ machine: { address_spaces: 1, physical_address_width: 46 } });
    const offered = (name: string): boolean => introducedCapability(small, `machine:${name}`);
    expect(["address_spaces=1", "address_spaces=2"].map(offered)).toEqual([true, false]);
    expect(["physical_address_width=46", "physical_address_width=40"].map(offered)).toEqual([
      true,
      false,
    ]);
    expect(["paging=npt", "paging=shadow"].map(offered)).toEqual([true, false]);
    const shadow = introduction({ machine: { ...small.machine, paging: "shadow" } });
    expect(introducedCapability(shadow, "machine:paging=shadow")).toBe(true);
    expect(introducedCapability(shadow, "machine:paging=npt")).toBe(false);
  });

  test("a fact that it says it declares, and declares", () => {
    const fact = "fact:mmio_generation_width";
    const facts = { mmio_generation_width: 64 };
    const offered = (changes: Partial<Introduction>): boolean =>
      introducedCapability(introduction(changes), fact);
    expect(offered({ capabilities: ["fact:*"], facts })).toBe(true);
    expect(offered({ capabilities: ["fact:*"], facts: {} })).toBe(false);
    expect(offered({ capabilities: ["fact:*"] })).toBe(false);
    expect(offered({ facts })).toBe(false);
  });
});
