import { describe, expect, test } from "vitest";
import { layer, optionsOf } from "../../../src/conformance/profiles.ts";
import { composeThrough } from "../../../src/reference/compose.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import { followed } from "../../support/followed.ts";
import { driveTrace } from "../../support/model-trace.ts";

const composition = layer(27, "merged");

const COMMANDS = [
  "mem M 0x10000 0xA1000000",
  "mem S 0x1000 0",
  "vm",
  "slot 0 1 0x0 0x10000 0 M",
  "slot 0 2 0xc0000000 0x1000 0 S",
  "stub 0xc0000000 S",
  "vcpu 0 pm32",
  "touch 0 0x5000 r",
  "del 0 1",
  "toggles 0 2 3",
  "close",
];
const lines = driveTrace(composition, "npt", COMMANDS).split("\n");

/** What comes of changing the lines of a recording. */
const replayed = (change: (lines: string[]) => string[], leftOut: readonly string[] = []) =>
  followed(change([...lines]).join("\n"), composition, leftOut).replay!;

const at = (text: string): number => lines.findIndex((line) => line.includes(text));
const inDeletion = lines
  .map((line, i) => ({ line, i }))
  .slice(at("CMD 9 del"), at("END 9"))
  .filter(({ line }) => line.includes("kvm_mmu_prepare_zap_page"));

test("a kernel that does what the model does is matched to the end, event for event", () => {
  const replay = replayed((same) => same);
  expect(replay).toMatchObject({ divergence: null, notReplayable: null, goesOn: true });
  const said = lines.filter((line) => line !== "" && !line.includes("tracing_mark_write"));
  expect(said.length).toBeGreaterThan(40);
  expect(replay.matched).toBe(said.length);
});

test("another layer is told from it", () => {
  const { replay } = followed(lines.join("\n"), layer(10, "merged"));
  expect(replay?.divergence).toMatchObject({ during: "del 0 1" });
});

describe("the first point at which kernel and model part is reported:", () => {
  const { line: zap, i: zapAt } = inDeletion[0]!;

  test("an event that differs, at its line", () => {
    const changed = zap.replace(/ gfn \w+/, " gfn 77");
    const { divergence } = replayed((all) => all.with(zapAt, changed));
    expect(divergence).toMatchObject({
      line: zapAt + 1,
      during: "del 0 1",
      expected: "prepare_zap",
      function: "kvm_mmu_prepare_zap_page",
      within: "kvm_mmu_invalidate_zap_pages_in_memslot",
    });
    expect(divergence!.kernel).toContain("prepare_zap gfn 77, level 1");
    expect(divergence!.model).toContain("prepare_zap gfn 0, level 1");
    expect(divergence!.model).not.toContain("gen ");
  });

  test("an event that the kernel lacks, at the line that comes instead", () => {
    const { divergence } = replayed((all) => all.toSpliced(zapAt, 1));
    expect(divergence).toMatchObject({
      line: zapAt + 1,
      kernel: expect.stringMatching(/^(prep|comm|rem)/) as string,
    });
    expect(divergence!.model).toContain("prepare_zap gfn 0, level 1");
  });

  test("the last event of a command, at its end", () => {
    const end = at("END 9 rc");
    const { divergence } = replayed((all) => all.toSpliced(end - 1, 1));
    expect(divergence).toMatchObject({ line: end, during: "del 0 1", kernel: "nothing more" });
  });

  test("an event that the model lacks, at its line", () => {
    const end = at("END 9 rc");
    const { divergence } = replayed((all) => all.toSpliced(end, 0, zap));
    expect(divergence).toMatchObject({ line: end + 1, model: "nothing more", expected: null });
    expect(divergence).toMatchObject({ function: "kvm_mmu_prepare_zap_page" });
  });

  test("in the middle of a long command", () => {
    const installs = lines.flatMap((line, i) =>
      i > at("CMD 10") && line.includes(": install:") ? [i] : [],
    );
    expect(installs).toHaveLength(3);
    const { divergence } = replayed((all) => all.toSpliced(installs[2]!, 1));
    expect(divergence).toMatchObject({
      ...{ line: installs[2]! + 1, during: "toggles 0 2 3", expected: "install" },
    });
    const short = replayed((all) => all.toSpliced(installs[2]!, at("END 10") - installs[2]!));
    expect(short.divergence).toMatchObject({ line: installs[2]! + 1, kernel: "nothing more" });
  });

  test("two events swapped, at the first of them", () => {
    const first = lines.findIndex((line, i) => i > at("CMD 11") && line !== lines[i + 1]);
    const { divergence } = replayed((all) =>
      all.with(first, lines[first + 1]!).with(first + 1, lines[first]!),
    );
    expect(divergence).toMatchObject({ line: first + 1, during: "close" });
  });

  test("another value that the guest reads, at the command's end", () => {
    const end = at("END 8 rc");
    const { divergence } = replayed((all) =>
      all.with(end, lines[end]!.replace("a1000005", "a1000006")),
    );
    expect(divergence).toMatchObject({
      line: end + 1,
      during: "touch 0 0x5000 r",
      kernel: "the end of the command: rc 0 val a1000006",
      model: "the end of the command: rc 0 val a1000005",
      expected: null,
    });
  });

  test("a call that failed, at its end", () => {
    const end = at("END 4 rc");
    const { divergence } = replayed((all) => all.with(end, lines[end]!.replace("rc 0", "rc 22")));
    expect(divergence).toMatchObject({ line: end + 1, model: "the end of the command: rc 0" });
  });

  test("a command at which the model breaks down", () => {
    const broken = composeThrough(27, {
      ...optionsOf("merged"),
      overrides: [
        {
          patch: 27,
          apply: () => ({
            kvm_mmu_invalidate_zap_pages_in_memslot: () => {
              throw new KernelBug("it broke");
            },
          }),
        },
      ],
    });
    expect(followed(lines.join("\n"), broken).replay!.divergence).toMatchObject({
      line: at("CMD 9") + 1,
      kernel: "nothing more",
      model: "KernelBug: it broke",
      expected: null,
    });
  });
});

test("what happens between commands is nobody's concern", () => {
  const between = at("CMD 9");
  expect(replayed((all) => all.toSpliced(between, 0, inDeletion[0]!.line)).divergence).toBeNull();
});

describe("what is left out is not compared", () => {
  const changed = (all: string[]) =>
    all.map((line) => line.replace("zap_page: sp gfn 0 l1", "zap_page: sp gfn 5 l1"));

  test("of a kind, whether it is there or not", () => {
    const without = (all: string[]) => all.filter((line) => !line.includes("prepare_zap_page"));
    expect(replayed(without).divergence).not.toBeNull();
    expect(replayed(without, ["prepare_zap"]).divergence).toBeNull();
    expect(replayed((same) => same, ["prepare_zap"]).divergence).toBeNull();
  });

  test("of a field, as long as the rest is the same", () => {
    expect(replayed(changed).divergence).not.toBeNull();
    expect(replayed(changed, ["prepare_zap.gfn"]).divergence).toBeNull();
    expect(replayed(changed, ["prepare_zap.level"]).divergence).not.toBeNull();
  });
});

test("a command that cannot be followed ends the comparison, which is no divergence", () => {
  const begin = at("CMD 9");
  const replay = replayed((all) => all.with(begin, all[begin]!.replace("del 0 1", "race 5 1")));
  expect(replay).toMatchObject({
    divergence: null,
    goesOn: false,
    notReplayable: { line: begin + 1, why: 'what the command "race 5 1" does cannot be followed' },
  });
});
