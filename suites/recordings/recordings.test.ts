import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SLIPS } from "../../src/reference/errata/index.ts";
import { composeCandidate } from "../../src/conformance/candidate.ts";
import { layers, identifyTraces } from "../../src/conformance/identify-traces.ts";
import { agrees, firstDivergence, judgeTraces } from "../../src/conformance/judge-traces.ts";
import { classOf } from "../../src/conformance/layer-classes.ts";
import { layer } from "../../src/conformance/profiles.ts";
import { parseEvents, parseFormats } from "../../src/conformance/trace-facts.ts";
import { traceVerdict } from "../../src/conformance/trace-verdict.ts";
import type { Composition } from "../../src/reference/compose.ts";
import { composeThrough } from "../../src/reference/compose.ts";
import type { ErratumId } from "../../src/reference/patch.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { followed, opened, recordingFile, recordingText } from "../../test/support/followed.ts";
import { describeReference } from "../support/against.ts";

/**
 * Real kernels are the judge of the reference: 28 of them, one per layer, drove the same scenarios,
 * and the reference as merged does what each did, event for event, with generations and raw SPTE
 * bits; so do releases before and after the series.
 */

/**
 * Deletion of the slot with gfn 0; an unaligned slot; 45 installs; a long-mode guest with page
 * tables of its own.
 */
const SCENARIOS = ["D", "E", "X0", "I1-npt0"];

const nameOf = (number: number, scenario: string): string =>
  `${String(number).padStart(2, "0")}/${scenario}`;

const recorded = (number: number): string[] =>
  SCENARIOS.filter((scenario) => existsSync(recordingFile(nameOf(number, scenario))));

/** Nothing in these scenarios shows E4: it takes somebody who wants the CPU. */
const shown = (slips: readonly ErratumId[]): string => slips.filter((id) => id !== "E4").join();

const NO_FACTS = { facts: {}, leftOut: new Set<string>() };

describeReference.each(Array.from({ length: 28 }, (_, number) => number))(
  "a kernel with patches 1 to %i",
  (number) => {
    const present = recorded(number);

    test("was recorded in the scenarios D, E and X0 at least", () => {
      expect(present).toEqual(expect.arrayContaining(["D", "E", "X0"]));
    });

    test.each(present)("does in %s what the reference does, event for event", (scenario) => {
      const text = recordingText(nameOf(number, scenario));
      const { read, replay } = followed(text, layer(number, "merged"));
      expect(replay).toMatchObject({ divergence: null, notReplayable: null });
      expect(replay!.matched).toBeGreaterThan(120);
      expect(read).toMatchObject({ isWhole: true, foreign: { count: 0 }, others: { count: 0 } });
      expect(read.setup?.paging).toBe(scenario.endsWith("npt0") ? "shadow" : "npt");
    });

    test("is told from all that does something else, as merged, as promised and between", async () => {
      const files = present.map((scenario) => recordingFile(nameOf(number, scenario)));
      const { results } = await judgeTraces(layers(), {
        ...NO_FACTS,
        recordings: await opened(...files),
      });
      const told = results
        .filter(agrees)
        .map(({ candidate }) => composeCandidate(candidate))
        .map(({ patches, slips }) => `${patches.length} ${shown(slips)}`);
      const { layers: merged, promised } = classOf(number);
      const expected = [...merged, ...promised].map((like) => {
        const { slips } = layer(merged.includes(like) ? like : number, "merged");
        return `${like} ${shown(slips)}`;
      });
      expect(new Set(told)).toEqual(new Set(expected));
    });
  },
);

const released = (name: string): string => recordingFile(`releases/${name}`);

const declared = (kernel: string) => {
  const text = (ending: string): string =>
    readFileSync(join(PACKAGE_ROOT, `fixtures/recordings/releases/${kernel}.${ending}`), "utf8");
  return { formats: parseFormats(text("formats")), events: parseEvents(text("events")) };
};

describeReference.each([
  { kernel: "v5.0.1", is: composeThrough(0), as: "before the series", first: 0, last: 1 },
  {
    kernel: "v5.2.1",
    is: composeThrough(27, { slips: ["E1"] }),
    as: "all of it, with E6 put right",
    first: 21,
    last: 27,
  },
])("$kernel: $as", ({ kernel, is, first, last }) => {
  test.each(["npt0", "npt1"])("does in %s what the reference does, event for event", (paging) => {
    const { read, replay } = followed(recordingText(`releases/${kernel}-${paging}`), is);
    expect(replay).toMatchObject({ divergence: null, notReplayable: null });
    expect(replay!.matched).toBeGreaterThan(2000);
    expect(read).toMatchObject({ isWhole: true, foreign: { count: 0 } });
    expect(read.setup?.paging).toBe(paging === "npt0" ? "shadow" : "npt");
  });

  test("is told from what does something else, and declares nothing else either", async () => {
    const files = ["npt0", "npt1"].map((paging) => released(`${kernel}-${paging}`));
    const recordings = await opened(...files);
    const question = { recordings, facts: declared(kernel), leftOut: new Set<string>() };
    const found = await identifyTraces(question);
    expect(traceVerdict(found)).toEqual({ verdict: "agrees" });
    const told = found.agreeing.map(({ candidate }) => composeCandidate(candidate));
    const numbers = new Set(told.map(({ patches }) => patches.length));
    const all = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    expect([...numbers].sort((a, b) => a - b)).toEqual(all);
    for (const { slips } of told) expect(shown(slips)).toBe(shown(is.slips));
    expect(composeCandidate(found.nearest.candidate).patches).toHaveLength(last);
  });
});

describeReference("Debian's 6.1, years after the series", () => {
  const files = [released("debian-6.1")];
  const facts = declared("debian-6.1");
  const judged = async (...leftOut: string[]) =>
    identifyTraces({ recordings: await opened(...files), facts, leftOut: new Set(leftOut) });
  /** Functions that it does not have any more. */
  const GONE = ["install", "reload"];
  /** An MMIO SPTE has other bits, and lets the guest execute. */
  const OTHER_BITS = [
    ...["mark_mmio_spte.access", "handle_mmio_page_fault.access", "check_mmio_spte.spte"],
  ];
  /** The number goes from 0 to 1 and back. */
  const OTHER_COUNT = ["get_page.gen", "prepare_zap.gen", "fast_invalidate.valid-gen"];

  test.each([
    { leftOut: [], line: 14, kernel: "wrap_check", model: "install as 0" },
    {
      leftOut: GONE,
      line: 86,
      kernel: "mark_mmio_spte gfn d0, access 7, gen 4",
      model: "mark_mmio_spte gfn d0, access 6, gen 4",
    },
    {
      leftOut: [...GONE, ...OTHER_BITS],
      line: 928,
      kernel: "get_page gen 0, gfn 0, level 4, role q0 direct wux, root 0, state sync, page new",
      model: "get_page gen 2, gfn 0, level 4, role q0 direct wux, root 0, state sync, page new",
    },
  ])("differs in line $line when $leftOut are left out", async ({ leftOut, line, ...sides }) => {
    const found = await judged(...leftOut);
    expect(traceVerdict(found)).toEqual({ verdict: "diverges" });
    expect(firstDivergence(found.nearest)?.divergence).toMatchObject({ line, ...sides });
  });

  test("does what 1-10 and the later teardown do, with the fast invalidate back", async () => {
    const leftOut = new Set([...GONE, ...OTHER_BITS, ...OTHER_COUNT]);
    const found = await identifyTraces({ recordings: await opened(...files), facts: {}, leftOut });
    expect(traceVerdict(found)).toEqual({ verdict: "agrees" });
    for (const { candidate } of found.agreeing) {
      const { patches, errata } = candidate;
      for (const patch of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 21]) expect(patches).toContain(patch);
      for (const patch of [11, 19, 20, 24]) expect(patches).not.toContain(patch);
      // E1 and E6 were put right.
      expect(SLIPS.filter((id) => errata.has(id))).toEqual([]);
    }
  });

  test("declares all that these declare, but its fast invalidate has another tracepoint", async () => {
    const { nearest } = await judged(...GONE, ...OTHER_BITS, ...OTHER_COUNT);
    expect(firstDivergence(nearest)).toBeNull();
    expect(nearest.contradictions).toEqual([
      {
        about: "tracepoint kvm_mmu_invalidate_zap_all_pages",
        ...{ kernel: "not there", model: "there", line: null },
      },
    ]);
  });

  test("with two vCPUs and E7 is followed to where the second one gets its root", () => {
    const text = recordingText("releases/debian-6.1-E7");
    const { read, replay } = followed(text, layer(10, "promised"), GONE);
    expect(read).toMatchObject({ foreign: { count: 4 }, isWhole: true });
    expect(replay?.divergence).toMatchObject({
      ...{ line: 49, during: "touch 1 0x5000 r", kernel: "nothing more", expected: "get_page" },
    });
  });
});

describeReference("a recording that was tampered with is a divergence at the right line:", () => {
  const CASES: readonly { name: string; composition: Composition }[] = [
    { name: "27/D", composition: layer(27, "merged") },
    { name: "00/I1-npt0", composition: layer(0, "merged") },
    { name: "releases/v5.2.1-npt1", composition: composeThrough(27, { slips: ["E1"] }) },
  ];

  describeReference.each(CASES)("$name", ({ name, composition }) => {
    const lines = recordingText(name).split("\n");
    const diverges = (changed: readonly string[]) =>
      followed(changed.join("\n"), composition).replay!.divergence;
    const at = (event: string, which = 0): number =>
      lines.flatMap((line, i) => (line.includes(event) ? [i] : [])).at(which)!;

    test.each([
      { event: "mark_mmio_spte:", field: / gen \w+/, other: " gen 1e" },
      { event: "check_mmio_spte:", field: /spte \w+/, other: "spte 7ff800f8000d0dce" },
      { event: "check_mmio_spte:", field: /valid (\d)/, other: "valid 2" },
      { event: "kvm_mmu_get_page:", field: / l\d/, other: " l5" },
      { event: "kvm_mmu_prepare_zap_page:", field: / gfn \w+/, other: " gfn abc" },
      { event: "kvm_page_fault:", field: /address \w+/, other: "address abc000" },
      { event: "kvm_mmio: mmio unsatisfied", field: /gpa \w+/, other: "gpa 0xabc" },
    ])("one $event altered ($field)", ({ event, field, other }) => {
      const altered = at(event, -1);
      const changed = lines.with(altered, lines[altered]!.replace(field, other));
      expect(changed).not.toEqual(lines);
      // What a fault says drives the guest of one program: then another page is missed next.
      expect(diverges(changed)?.line).toBeGreaterThan(altered);
      expect(diverges(changed)?.line).toBeLessThan(altered + 3);
    });

    test.each([
      ...["kvm_mmu_prepare_zap_page:", "mark_mmio_spte:", "kvm_mmu_get_page:"],
      ...["flush_remote", "reload_remote"],
    ])("one %s removed", (event) => {
      const removed = at(event);
      expect(diverges(lines.toSpliced(removed, 1))?.line).toBeGreaterThan(removed);
      expect(diverges(lines.toSpliced(removed, 1))?.line).toBeLessThan(removed + 4);
    });

    test("one zap more", () => {
      const more = at("kvm_mmu_prepare_zap_page:");
      expect(diverges(lines.toSpliced(more, 0, lines[more]!))?.line).toBe(more + 2);
    });

    test("two neighbouring events swapped", () => {
      const first = lines.findIndex(
        (line, i) =>
          line.includes("kvm_mmu_prepare_zap_page:") &&
          lines[i + 1]!.includes("kvm_mmu_prepare_zap_page:"),
      );
      const changed = lines.with(first, lines[first + 1]!).with(first + 1, lines[first]!);
      expect(diverges(changed)).toMatchObject({ line: first + 1 });
    });
  });

  test("a value that the guest read changed", () => {
    const lines = recordingText("27/D").split("\n");
    const at = lines.findIndex((line) => line.includes("val a1000005"));
    const changed = lines.with(at, lines[at]!.replace("a1000005", "a1000006"));
    expect(followed(changed.join("\n"), layer(27, "merged")).replay!.divergence).toMatchObject({
      line: at + 1,
      kernel: "the end of the command: rc 0 val a1000006",
    });
  });
});
