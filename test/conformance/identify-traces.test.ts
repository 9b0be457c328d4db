import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Candidate } from "../../src/conformance/candidate.ts";
import { parsePatches } from "../../src/conformance/claim.ts";
import {
  identifyTraces,
  type TraceIdentification,
  withEverySlip,
} from "../../src/conformance/identify-traces.ts";
import { type TraceQuestion } from "../../src/conformance/judge-traces.ts";
import { traceVerdict } from "../../src/conformance/trace-verdict.ts";
import { composeSet } from "../../src/reference/compose.ts";
import type { ErratumId } from "../../src/reference/patch.ts";
import { opened, recordingFile, recordingText } from "../support/followed.ts";
import { driveTrace, writeKvmslotsTrace } from "../support/model-trace.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const question = async (...files: string[]): Promise<TraceQuestion> => ({
  ...{ recordings: await opened(...files), facts: {}, leftOut: new Set<string>() },
});

const identified = async (...files: string[]) => identifyTraces(await question(...files));

const ofLayer = (layer: number, ...slips: ErratumId[]): Candidate => ({
  patches: new Set(Array.from({ length: layer }, (_, i) => i + 1)),
  errata: new Set(slips),
});

/** A file with this text. */
function written(text: string): string {
  const file = join(temporaryFolder(), "trace");
  writeFileSync(file, text);
  return file;
}

const told = ({ agreeing }: TraceIdentification) =>
  agreeing.map(({ candidate: { patches, errata } }) => `${patches.size}${[...errata].join("")}`);

const stateOf = ({ findings }: TraceIdentification, part: number | ErratumId) =>
  findings.find((finding) => finding.part === part)?.state;

test.each([
  { layer: 5, choices: [""] },
  { layer: 6, choices: ["", "E1"] },
  { layer: 10, choices: ["", "E1", "E6", "E1 E6"] },
  { layer: 14, choices: ["", "E1", "E4", "E1 E4", "E6", "E1 E6", "E4 E6", "E1 E4 E6"] },
  { layer: 27, choices: ["", "E1", "E6", "E1 E6"] },
])("layer $layer has $choices for slips", ({ layer, choices }) => {
  const found = withEverySlip(ofLayer(layer).patches).map(({ errata }) => [...errata].join(" "));
  expect(found).toEqual(choices);
});

describe("a recording of layer 11", () => {
  const file = recordingFile("11/D");

  test("agrees with the layers that do the same, and says what shows", async () => {
    const found = await identified(file);
    expect(told(found)).toEqual(["11E1E6", "12E1E6", "13E1E6", "14E1E6", "14E1E4E6"]);
    expect(found.nearest.candidate).toEqual(ofLayer(14, "E1", "E6"));
    expect(stateOf(found, 11)).toBe("present");
    expect(stateOf(found, 20)).toBe("absent");
    expect(stateOf(found, 13)).toBe("undetermined");
    expect(stateOf(found, "E6")).toBe("present");
    expect(found.findings).toHaveLength(35);
    expect(traceVerdict(found)).toEqual({ verdict: "agrees" });
  });

  test("is judged as what is claimed, and nothing else", async () => {
    const right = await identifyTraces(await question(file), [ofLayer(12, "E1", "E6")]);
    expect(traceVerdict(right)).toEqual({ verdict: "agrees" });
    const wrong = await identifyTraces(await question(file), [ofLayer(12, "E1"), ofLayer(10)]);
    expect(traceVerdict(wrong)).toEqual({ verdict: "diverges" });
    expect(wrong.agreeing).toEqual([]);
    expect(wrong.findings).toEqual([]);
    const [first] = wrong.nearest.replays;
    expect(first).toMatchObject({ file, divergence: { expected: expect.any(String) as string } });
  });

  test("of several files all must agree, and each is told of", async () => {
    const files = [file, recordingFile("10/D")];
    const found = await identifyTraces(await question(...files), [ofLayer(11, "E1", "E6")]);
    expect(traceVerdict(found)).toEqual({ verdict: "diverges" });
    expect(found.nearest.replays.map(({ divergence }) => divergence === null)).toEqual([
      true,
      false,
    ]);
    expect(found.read.map((each) => each.file)).toEqual(files);
  });
});

test("a set of patches that is no layer is found from the nearest layer on", async () => {
  const file = join(temporaryFolder(), "trace");
  const withoutOne = composeSet(parsePatches("1-27,!11"), { slips: ["E1"] });
  writeKvmslotsTrace(file, withoutOne, 100_000);
  const found = await identified(file);
  expect(found.agreeing.length).toBeGreaterThan(0);
  for (const { candidate } of found.agreeing) {
    expect(candidate.patches).not.toContain(11);
    for (const patch of [8, 21]) expect(candidate.patches).toContain(patch);
    expect(candidate.errata).toContain("E1");
    expect(candidate.errata).not.toContain("E6");
  }
  expect(stateOf(found, 11)).toBe("absent");
});

describe("is inconclusive:", () => {
  test("a recording in which nothing shows", async () => {
    const text = driveTrace(composeSet([]), "npt", ["mem M 0x1000 0", "vm", "mark nothing"]);
    const found = await identified(written(text));
    expect(traceVerdict(found)).toEqual({
      ...{ verdict: "inconclusive", why: "no patch and no erratum shows in what was recorded" },
    });
  });

  test("one that nobody can follow, or that has nothing in it", async () => {
    const whole = recordingText("11/D").split("\n");
    const unmarked = whole.filter((line) => !line.includes("_mark_write")).join("\n");
    const header = whole.filter((line) => line.startsWith("#")).join("\n");
    for (const [text, why] of [
      [unmarked, /^no marker in /],
      [header, / tells no event: /],
    ] as const) {
      const verdict = traceVerdict(await identified(written(text)));
      expect(verdict).toMatchObject({ verdict: "inconclusive" });
      expect(verdict).toMatchObject({ why: expect.stringMatching(why) as string });
    }
  });

  const lines = recordingText("11/D").split("\n");
  const cut = lines.findIndex((line) => line.includes("CMD 30"));

  test("one that is cut off", async () => {
    const verdict = traceVerdict(await identified(written(lines.slice(0, cut).join("\n"))));
    expect(verdict).toMatchObject({ why: expect.stringMatching(/is cut off/) as string });
  });

  test("one that lost events", async () => {
    const lost = lines.toSpliced(cut, 5, "CPU:0 [LOST 5 EVENTS]").join("\n");
    const verdict = traceVerdict(await identified(written(lost)));
    const why = `agrees up to line ${cut + 1}, where it cannot be followed: events were lost`;
    expect(verdict).toMatchObject({ why: expect.stringContaining(why) as string });
  });

  test("one in which lines are left out, or cannot be read", async () => {
    const inside = lines.toSpliced(cut, 20, "[...]").join("\n");
    const found = await identified(written(inside));
    expect(told(found)).toContain("11E1E6");
    expect(traceVerdict(found)).toMatchObject({
      ...{ verdict: "inconclusive", why: expect.stringContaining(`line ${cut + 1}`) as string },
    });
    const first = lines.findIndex((line) => line.includes("kvm_mmu_prepare_zap_page"));
    const unread = lines.with(first, lines[first]!.replace(" wux ", " abc "));
    expect(traceVerdict(await identified(written(unread.join("\n"))))).toMatchObject({
      verdict: "inconclusive",
      why: expect.stringMatching(
        new RegExp(`line ${first + 1},.*: kvm_mmu_prepare_zap_page is in a form`),
      ) as string,
    });
  });

  test("one with fewer events than its header says, though nothing tells where", async () => {
    const without = written(lines.toSpliced(cut, 20).join("\n"));
    const found = await identifyTraces(await question(without), [ofLayer(11, "E1", "E6")]);
    expect(found.agreeing).toEqual([]);
    expect(traceVerdict(found)).toMatchObject({
      verdict: "inconclusive",
      why: expect.stringMatching(/has 20 fewer events than its header says/) as string,
    });
    // Nobody can tell what a kernel did that did not say it, unless the header does not know either.
    const body = lines.toSpliced(cut, 20).filter((line) => !line.startsWith("#"));
    const bare = await identifyTraces(await question(written(body.join("\n"))), [
      ofLayer(11, "E1", "E6"),
    ]);
    expect(traceVerdict(bare)).toEqual({ verdict: "diverges" });
  });

  test("but what diverges before that diverges", async () => {
    const early = lines.findIndex((line) => line.includes("kvm_mmu_get_page"));
    const found = await identifyTraces(
      await question(written(lines.toSpliced(early, 1).slice(0, cut).join("\n"))),
      [ofLayer(11, "E1", "E6")],
    );
    expect(traceVerdict(found)).toEqual({ verdict: "diverges" });
  });
});

test("what a kernel declares otherwise speaks against a layer that does the same", async () => {
  const symbols = new Set(["kvm_mmu_zap_mmio_sptes"]);
  const found = await identifyTraces({
    ...(await question(recordingFile("11/D"))),
    facts: { symbols },
  });
  expect(told(found)).toEqual(["13E1E6", "14E1E6", "14E1E4E6"]);
  expect(found.findings.find(({ part }) => part === 13)).toMatchObject({
    ...{ state: "present", by: { about: "function kvm_mmu_zap_mmio_sptes" } },
  });
});
