import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type Answer,
  CannotAssess,
  ConversationError,
  defineImplementation,
  type ImplementationDefinition,
  composeSet,
  composeThrough,
  GivesUp,
  identify,
  judge,
  LAST_LAYER,
  loadCases,
  patches,
  recordOnReference,
  referenceDefinition,
  runSuites,
  VERSION,
  type WireStep,
} from "../src/index.ts";
import { PACKAGE_ROOT } from "../src/scenario/package-root.ts";
import { otherSlotStays, ramIsReached } from "./support/small-cases.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { idsOf, verdictsOf } from "./support/verdicts.ts";

const cases = loadCases();
const ofPatch = (number: number) => cases.filter(({ patch }) => patch === number);
const layer = (number: number, slips: readonly ("E1" | "E4" | "E6")[] = []) =>
  referenceDefinition(composeThrough(number, { slips }), `layer ${number}`);

/** Patience: the machine may be busy. */
const options = { jobs: 1, stepTimeout: 60_000 };
const SPEAKS = `exec node "${join(PACKAGE_ROOT, "examples/broken/speak.mjs")}"`;

describe("runSuites", () => {
  test("judges a definition as the whole series, if nothing else is claimed", async () => {
    const { claim, results, left } = await runSuites(layer(27), {
      cases: [ramIsReached, otherSlotStays],
    });
    expect(claim).toMatchObject({ layer: LAST_LAYER, composition: { slips: [], remedies: [] } });
    expect(results.map(({ verdict }) => verdict)).toEqual(["conforms", "conforms"]);
    expect(left).toEqual([]);
  });

  test("judges it as a layer: what must hold there and nothing else", async () => {
    const own = ofPatch(4);
    const at4 = await runSuites(layer(4), { layer: 4, cases: own });
    expect(verdictsOf(at4)).toEqual(new Set(["conforms"]));
    const below = await runSuites(layer(3), { layer: 4, cases: own });
    expect(idsOf(below, "fails")).toContain("p04.facts.flag-is-bit-0");
    expect((await runSuites(layer(3), { layer: 3, cases: own })).results).toEqual([]);
  });

  test("judges it as a set of patches", async () => {
    const { claim, results } = await runSuites(layer(27), { patches: [3, 9], cases: ofPatch(9) });
    expect(claim).toMatchObject({ layer: null, composition: { patches: [3, 9] } });
    expect(results.length).toBeGreaterThan(0);
    expect(new Set(results.map(({ scenario }) => scenario.patch))).toEqual(new Set([9]));
  });

  test("finds the slips that it has, unless they are claimed", async () => {
    const own = ofPatch(6);
    const found = await runSuites(layer(6, ["E1"]), { layer: 6, cases: own });
    expect(found.claim.composition.slips).toEqual(["E1"]);
    expect(idsOf(found, "has-slip")).toContain("E1.defect.measured-entry");
    expect(idsOf(found, "fails")).toEqual([]);

    const promised = await runSuites(layer(6, ["E1"]), { layer: 6, slips: [], cases: own });
    expect(promised.claim.composition.slips).toEqual([]);
    expect(idsOf(promised, "fails")).toContain("E1.mended.measured-entry");
  });

  test("refuses what does not compose", async () => {
    await expect(runSuites(layer(27), { patches: [8] })).rejects.toMatchObject({
      name: "CompositionError",
    });
  });

  test("stops when it is told to, and says how much is left", async () => {
    const controller = new AbortController();
    const slow: ImplementationDefinition = {
      ...layer(27),
      create: (...given) => {
        controller.abort();
        return layer(27).create(...given);
      },
    };
    const { results, left } = await runSuites(slow, {
      ...{ cases: [ramIsReached, otherSlotStays], signal: controller.signal },
    });
    expect({ results, left }).toEqual({ results: [], left: [ramIsReached, otherSlotStays] });
  });
});

describe("a definition", () => {
  const CASE = cases.find(({ id }) => id === "p08.creation.numbers-0-and-1")!;
  const PLAYED = {
    ...{ name: "mine", version: "1", capabilities: ["operation:snapshot", "snapshot:memslots"] },
    machine: { address_spaces: 2, physical_address_width: 40 },
  };
  const RIGHT: Answer = {
    memslots: [
      { as: 0, generation: "0x0", in_flux: false, slots: [] },
      { as: 1, generation: "0x1", in_flux: false, slots: [] },
    ],
  };

  const resultOf = async (step: (step: WireStep) => Answer | Promise<Answer>) => {
    const mine = defineImplementation({ ...PLAYED, create: () => ({ step }) });
    const { results } = await runSuites(mine, { layer: 8, cases: [CASE] });
    const [{ verdict, violations }] = results as [(typeof results)[number]];
    return { verdict, seen: violations.map(({ seen }) => seen) };
  };

  test("is asked what a program is asked, and may take its time", async () => {
    const asked: WireStep[] = [];
    const result = await resultOf(async (step) => {
      asked.push(step);
      await Promise.resolve();
      return RIGHT;
    });
    expect(asked).toEqual([{ do: "snapshot", parts: ["memslots"] }]);
    expect(result).toEqual({ verdict: "conforms", seen: [] });
  });

  test("fails when it says something else, or gives up", async () => {
    expect(await resultOf(() => ({ memslots: [{ ...first(RIGHT), as: 1 }] }))).toMatchObject({
      verdict: "fails",
    });
    const givesUp = (): never => {
      throw new GivesUp("BUG at mmu.c:42");
    };
    expect(await resultOf(givesUp)).toEqual({
      ...{ verdict: "fails", seen: ["it gives up: BUG at mmu.c:42"] },
    });
  });

  test("has no verdict when it finds that it lacks something", async () => {
    const lacks = (): never => {
      throw new CannotAssess("a clock");
    };
    expect(await resultOf(lacks)).toEqual({ verdict: "not-assessed", seen: [] });
  });

  test("is out when it throws, or says what the protocol does not know", async () => {
    const throws = (): never => {
      throw new TypeError("undefined is not a slot");
    };
    expect(await resultOf(throws)).toEqual({
      ...{ verdict: "crashed", seen: ["it threw TypeError: undefined is not a slot"] },
    });
    expect(await resultOf(() => ({ memslots: "none" }))).toEqual({
      ...{ verdict: "protocol-error", seen: ["in its answer, /memslots must be array"] },
    });
  });

  const first = ({ memslots }: Answer): object => (memslots as object[])[0]!;
});

describe("a command", () => {
  test("is judged like a definition, by several processes", async () => {
    const own = ofPatch(3).filter(({ id }) => id.startsWith("p03.kept."));
    const found = await runSuites(SPEAKS, { ...options, jobs: 2, cases: own });
    expect(found.results).toHaveLength(own.length);
    expect(idsOf(found, "conforms")).toContain("p03.kept.second-access-from-the-cache");
  });

  test("that does not introduce itself is refused", async () => {
    const refused = runSuites("echo out of order >&2; exit 3", options);
    await expect(refused).rejects.toBeInstanceOf(ConversationError);
    await expect(refused).rejects.toMatchObject({
      ...{ kind: "crashed", message: "it exited with status 3", log: ["out of order"] },
    });
  });

  test("of which only the first process starts is refused, and that one ends", async () => {
    const once = join(temporaryFolder(), "once");
    const command = `mkdir "${once}" 2>/dev/null || exit 3; echo $$ > "${once}/pid"; ${SPEAKS}`;
    await expect(runSuites(command, { ...options, jobs: 2 })).rejects.toMatchObject({
      ...{ kind: "crashed", message: "it exited with status 3" },
    });
    const pid = Number(readFileSync(join(once, "pid"), "utf8"));
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});

describe("identify", () => {
  test("names the layer of a definition, from the cases that it is given", async () => {
    const found = await identify(layer(3), { cases: [...ofPatch(3), ...ofPatch(4)] });
    expect(found.layer).toBe(3);
    expect(found.divergences).toEqual([]);
    const stateOf = (number: number) => found.findings.find(({ part }) => part === number)?.state;
    expect([3, 4, 11].map(stateOf)).toEqual(["present", "absent", "undetermined"]);
  });
});

describe("the parts", () => {
  test("compose, record and judge", () => {
    const at = (number: number) =>
      judge(otherSlotStays, recordOnReference(composeThrough(number), otherSlotStays));
    expect(at(11)).toEqual([]);
    expect(at(10)).toMatchObject([{ expected: "outcome hit" }]);
    expect(composeSet([1, 2]).patches).toEqual([1, 2]);
  });

  test("tell the series and the version", () => {
    expect(patches.map(({ number }) => number)).toEqual(
      Array.from({ length: LAST_LAYER }, (_, i) => i + 1),
    );
    expect(LAST_LAYER).toBe(27);
    expect(VERSION).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
