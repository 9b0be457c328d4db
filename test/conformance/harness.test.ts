import { describe, expect, test } from "vitest";
import { introducedCapability, type Introduction } from "../../src/adapters/protocol/messages.ts";
import { referenceImplementation } from "../../src/adapters/reference/reference-implementation.ts";
import { dependsOn, lackedBy } from "../../src/conformance/harness.ts";
import { layer } from "../../src/conformance/profiles.ts";
import { runCase } from "../../src/conformance/run-cases.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";

const caseOf = (id: string) => loadCases().find((scenario) => scenario.id === id)!;

/** The reference at layer 27 as merged, on a machine that is said to be like that. */
function implementation(machine: Partial<Introduction["machine"]>) {
  const introduction: Introduction = {
    ...{ protocol: 1, name: "mine", version: "1", facts: { tracepoints: {} } },
    capabilities: ["operation:*", "event:*", "fact:*", "machine:paging", "machine:page_budget"],
    machine: { address_spaces: 2, physical_address_width: 40, ...machine },
  };
  const offers = (name: string): boolean => introducedCapability(introduction, name);
  return { ...referenceImplementation(layer(27, "merged"), "mine"), offers };
}

describe("what a case needs of a machine is found by playing it on another one", () => {
  test.each([
    // Real kernels of layers 00 to 27 in QEMU were wrong about these.
    ["machine:tlb=kept", "E6.defect.translations-of-zapped-tables-live-on"],
    ["machine:tlb=kept", "E6.mended.translations-of-zapped-tables-are-gone"],
    ["machine:tlb=kept", "p11.guest-tables.other-tables-keep-their-path"],
    ["machine:numbers=exact", "E1.defect.from-512-installs"],
    ["machine:numbers=exact", "E1.defect.until-the-first-wrap"],
    ["machine:numbers=exact", "p02.count.as0-nothing-before-the-38th"],
    ["machine:numbers=exact", "p02.independent.each-counts-its-own-installs"],
  ])("%s: %s", (capability, id) => {
    expect(dependsOn(caseOf(id), capability)).toBe(true);
  });

  test.each([
    ["machine:tlb=kept", "all.delete.direct.nothing-leads-there"],
    ["machine:numbers=exact", "p08.entry.check-event-prints-the-small-numbers"],
    ["machine:numbers=exact", "p08.wrap.address-space-0-at-80000"],
  ])("not %s: %s", (capability, id) => {
    expect(dependsOn(caseOf(id), capability)).toBe(false);
  });
});

describe("such a case is not assessed", () => {
  const stale = caseOf("E6.defect.translations-of-zapped-tables-live-on");

  test("on a machine that says that it is another one", async () => {
    const forgetful = implementation({ tlb: "forgotten" });
    expect(lackedBy(forgetful, stale)).toEqual(["machine:tlb=kept"]);
    expect(await runCase(stale, forgetful)).toMatchObject({
      ...{ verdict: "not-assessed", missing: ["machine:tlb=kept"] },
    });
    expect(lackedBy(forgetful, caseOf("p07.wrap.45-installs-drop-nothing"))).toEqual([]);
  });

  test("and is on one that says nothing of it", async () => {
    expect(lackedBy(implementation({}), stale)).toEqual([]);
    expect(await runCase(stale, implementation({}))).toMatchObject({ verdict: "conforms" });
  });

  test("where a number has another width, or nobody knows which, if it hangs on that", () => {
    const wrap = caseOf("p06.check.stale-entry-is-still-traced");
    for (const mmio_generation_bits of [18, null]) {
      expect(lackedBy(implementation({ mmio_generation_bits }), wrap)).toEqual([
        "machine:mmio_generation_bits=19",
      ]);
    }
  });
});
