import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { describeReference } from "../support/against.ts";
import { readRecording } from "../../src/adapters/recording/recording.ts";
import { replay } from "../../src/adapters/recording/replay.ts";
import { layer } from "../../src/conformance/profiles.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";

/**
 * Real kernels are the judge of the reference: 28 of them, one per layer, drove the same scenarios,
 * and the reference as merged does what each did, event for event, with generations and raw SPTE
 * bits.
 */

const layers = Array.from({ length: 28 }, (_, number) => number);

/**
 * Deletion of the slot with gfn 0; an unaligned slot; 45 installs; a long-mode guest with page
 * tables of its own.
 */
const SCENARIOS = [
  { name: "D", paging: "npt" },
  { name: "E", paging: "npt" },
  { name: "X0", paging: "npt" },
  { name: "I1-npt0", paging: "shadow" },
] as const;

/** Layers that these scenarios cannot tell apart: nothing in them races or contends. */
const CLASSES = [
  [0],
  [1],
  [2, 3, 4, 5],
  [6],
  [7],
  [8, 9],
  [10],
  [11, 12, 13, 14],
  [15, 16],
  [17, 18],
  [19],
  [20],
  [21],
  [22, 23, 24, 25, 26, 27],
];

const path = (number: number, name: string): string =>
  join(PACKAGE_ROOT, "fixtures/recordings", String(number).padStart(2, "0"), `${name}.trace.gz`);

const recordingOf = (number: number, name: string) =>
  readRecording(gunzipSync(readFileSync(path(number, name))).toString());

describeReference.each(layers)("a kernel with patches 1 to %i", (number) => {
  const present = SCENARIOS.filter(({ name }) => existsSync(path(number, name)));

  test("was recorded in the scenarios D, E and X0 at least", () => {
    expect(present.map(({ name }) => name)).toEqual(expect.arrayContaining(["D", "E", "X0"]));
  });

  test.each(present)(
    "does in $name what the reference does, event for event",
    ({ name, paging }) => {
      const recording = recordingOf(number, name);
      const { divergence, matched } = replay(recording, layer(number, "merged"), paging);
      expect(divergence).toBeNull();
      expect(matched).toBeGreaterThan(60);
      expect(recording.foreign).toBe(0);
    },
  );

  test("is told from all layers but those that do the same", () => {
    const recordings = present.map(({ name, paging }) => ({
      recording: recordingOf(number, name),
      paging,
    }));
    const agreeing = layers.filter((other) =>
      recordings.every(
        ({ recording, paging }) =>
          replay(recording, layer(other, "merged"), paging).divergence === null,
      ),
    );
    expect(agreeing).toEqual(CLASSES.find((members) => members.includes(number)));
  });
});

describeReference("a recording that was tampered with is a divergence at the right line", () => {
  const text = gunzipSync(readFileSync(path(27, "D"))).toString();
  const lines = text.split("\n");
  const diverges = (changed: readonly string[]) =>
    replay(readRecording(changed.join("\n")), layer(27, "merged"), "npt").divergence;
  const prepares = lines.flatMap((line, i) =>
    line.includes("kvm_mmu_prepare_zap_page:") ? [i] : [],
  );

  test("one generation changed", () => {
    const at = lines.findIndex((line) => line.includes("mark_mmio_spte:"));
    const changed = lines.with(at, lines[at]!.replace(/gen \w+/, "gen 1e"));
    expect(diverges(changed)).toMatchObject({ line: at + 1 });
  });

  test("one zap removed", () => {
    const at = prepares[0]!;
    expect(diverges(lines.toSpliced(at, 1))).toMatchObject({
      model: expect.stringContaining("kvm_mmu_prepare_zap_page") as string,
    });
  });

  test("two zaps swapped", () => {
    const [first, second] = prepares.slice(-4) as [number, number];
    const changed = lines.with(first, lines[second]!).with(second, lines[first]!);
    expect(diverges(changed)).toMatchObject({ line: first + 1 });
  });

  test("a value that the guest read changed", () => {
    const at = lines.findIndex((line) => line.includes("val a1000005"));
    const begin = lines.findLastIndex((line, i) => i < at && line.includes("CMD"));
    const changed = lines.with(at, lines[at]!.replace("a1000005", "a1000006"));
    expect(diverges(changed)).toMatchObject({
      line: begin + 1,
      kernel: "the guest sees: val a1000006",
    });
  });
});
