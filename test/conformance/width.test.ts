import { describe, expect, test } from "vitest";
import { introducedCapability } from "../../src/adapters/protocol/messages.ts";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { withWidth } from "../../src/cli/deviations-option.ts";
import type { UnderTest } from "../../src/cli/implementation-options.ts";
import { UsageError } from "../../src/cli/usage-error.ts";
import { ownClaim } from "../../src/conformance/claim.ts";
import { judge } from "../../src/conformance/judge.ts";
import { runCase } from "../../src/conformance/run-cases.ts";
import { neededCapabilities, relevantEvents } from "../../src/scenario/capabilities.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";

const NEEDED = "machine:mmio_generation_bits=19";
const cases = loadCases();
const named = (wanted: string): Case => cases.find(({ id }) => id === wanted)!;
const namesWidth = ({ machine }: Case): boolean => machine.mmio_generation_bits !== undefined;

describe("a case whose numbers depend on the width of the generation names it:", () => {
  test("those that do not hold with 18 or 17 bits", { timeout: 300_000 }, () => {
    const dependent = cases.filter((scenario) => {
      if (namesWidth(scenario)) return false;
      const { composition } = ownClaim(scenario);
      return [18, 17].some((bits) => {
        const machine = { ...scenario.machine, mmio_generation_bits: bits };
        const options = { events: relevantEvents(scenario) };
        const record = recordOnReference(composition, { ...scenario, machine }, options);
        return judge(scenario, record).length > 0;
      });
    });
    expect(dependent.map(({ id }) => id)).toEqual([]);
  });

  // Another width puts the bits elsewhere, and E1 garbles others: the reference, which keeps the
  // lower ones where they are, cannot show that.
  test("those of E1, and those that look at the bits", () => {
    const bits = /"raw":|"(encode|decode)_generation"/;
    const dependent = cases.filter(
      (scenario) => scenario.erratum === "E1" || bits.test(JSON.stringify(scenario)),
    );
    expect(dependent.length).toBeGreaterThan(30);
    expect(dependent.filter((each) => !namesWidth(each)).map(({ id }) => id)).toEqual([]);
  });
});

test("a case that names the usual width needs it; one that does not needs none", () => {
  expect(neededCapabilities(named("E1.defect.from-512-installs"))).toContain(NEEDED);
  const width = /mmio_generation_bits/;
  expect(neededCapabilities(named("p13.wrap.exactly-the-mmio-tables")).join()).not.toMatch(width);
});

const told = (bits?: number | null) => ({
  ...{ protocol: 1, name: "mine", version: "1", capabilities: [] as string[] },
  machine: {
    ...{ address_spaces: 2, physical_address_width: 40 },
    ...(bits !== undefined && { mmio_generation_bits: bits }),
  },
});

test.each([
  [undefined, true],
  [19, true],
  [18, false],
  [null, false],
])("an implementation that says %s bits has 19: %s", (bits, has) => {
  expect(introducedCapability(told(bits), NEEDED)).toBe(has);
});

describe("a claim that says the width", () => {
  const underTest = (bits?: number | null): UnderTest => ({
    introduction: told(bits),
    workers: [
      {
        name: "mine",
        offers: (capability) => introducedCapability(told(bits), capability),
        record: () => ({ id: "", steps: [] }),
      },
    ],
    ...{ restarts: () => 0, close: () => Promise.resolve(), kill: () => undefined },
  });
  const claiming = (bits: number) => ({
    ...{ claim: { layer: "27", mmio_generation_bits: bits }, deviations: [] },
  });
  const has19 = (bits: number | null | undefined, claimed: number): boolean =>
    withWidth(underTest(bits), claiming(claimed)).workers[0]!.offers(NEEDED);

  test("is that of an implementation which does not say, or does not know", () => {
    expect([has19(undefined, 18), has19(null, 18), has19(null, 19)]).toEqual([false, false, true]);
  });

  test("leaves one alone that says the same", () => {
    const same = underTest(18);
    expect(withWidth(same, claiming(18))).toBe(same);
  });

  test("is refused for one that says another", () => {
    expect(() => withWidth(underTest(19), claiming(18))).toThrow(
      new UsageError(
        "these deviations are of a kernel whose MMIO generation has 18 bits, and that of mine has 19",
      ),
    );
  });

  test("makes cases of another width not assessed, with the reason", async () => {
    const { workers } = withWidth(underTest(), claiming(18));
    const result = await runCase(named("E1.defect.from-512-installs"), workers[0]!);
    expect(result.verdict).toBe("not-assessed");
    expect(result.missing).toContain(NEEDED);
  });
});
