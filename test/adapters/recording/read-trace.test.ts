import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readTrace } from "../../../src/adapters/recording/read-trace.ts";
import { layer } from "../../../src/conformance/profiles.ts";
import { followed, opened, recordingText } from "../../support/followed.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const composition = layer(27, "merged");
const text = recordingText("27/D");
const lines = text.split("\n");
const read = (changed: readonly string[]) => followed(changed.join("\n"), composition);

const EVENT = lines.findIndex((line) => line.includes("kvm_mmu_prepare_zap_page"));
const NONE = { count: 0, first: 0 };

test("of a whole recording there is nothing to remark", () => {
  expect(followed(text, composition).read).toMatchObject({
    ...{ lines: 335, events: 324, foreign: NONE, lost: NONE, reordered: NONE, others: NONE },
    ...{ missing: 0, overwritten: false, isWhole: true },
    setup: { name: "drive", paging: "npt" },
    showsValidGen: { shown: false },
  });
});

describe("counted, and compared all the same:", () => {
  test("lines with a time before that of the line above", () => {
    const early = lines[EVENT]!.replace(/ \d+\.\d+: /, " 0.000001: ");
    const { read: trace, replay } = read(lines.with(EVENT, early));
    expect(trace.reordered).toEqual({ count: 1, first: EVENT + 1 });
    expect(replay?.divergence).toBeNull();
  });

  test("lines of other tasks, which are left out", () => {
    const other = lines[EVENT]!.replace(/-\d+ /, "-9999 ");
    const noise = other.replace(/: kvm_mmu.*/, ": kvm_exit: reason npf");
    const { read: trace, replay } = read(lines.toSpliced(EVENT, 0, other, noise));
    expect(trace.others).toEqual({ count: 1, first: EVENT + 1 });
    expect(replay?.divergence).toBeNull();
  });
});

describe("ends the comparison, and says in which line:", () => {
  test.each([
    { what: "a part left out", lines: ["[...]"], why: 'is none of a trace: "[...]"' },
    { what: "garbage", lines: ["\u0000\u0001", "Oops"], why: 'is none of a trace: "\u0000\u0001"' },
    {
      what: "a line that grep coloured",
      lines: [lines[EVENT]!.replace("kvm", "\u001b[01;31m\u001b[Kkvm\u001b[m\u001b[K")],
      why: "has colours in it: write the file without them, as with grep --color=never",
    },
  ])("$what", ({ lines: foreign, why }) => {
    const { read: trace, replay } = read(lines.toSpliced(EVENT, 20, ...foreign));
    expect(trace).toMatchObject({
      ...{ foreign: { count: foreign.length, first: EVENT + 1 }, foreignText: `the line ${why}` },
      ...{ missing: 20, isWhole: false, hasHoles: false },
    });
    expect(replay).toMatchObject({
      ...{ divergence: null, notReplayable: { line: EVENT + 1, why: `the line ${why}` } },
    });
    expect(replay!.matched).toBeGreaterThan(10);
  });

  test.each([
    {
      what: "a tracepoint",
      at: EVENT,
      form: / wux /,
      other: " -wux ",
      why: "kvm_mmu_prepare_zap_page is in a form that is not known: ",
    },
    {
      what: "a probe",
      at: lines.findIndex((line) => line.includes(" updated: ")),
      form: /as0=\S+/,
      other: "as0=(fault)",
      why: "updated is in a form that is not known: ",
    },
  ])("$what of the program in an unknown form", ({ at, form, other, why }) => {
    const changed = lines[at]!.replace(form, other);
    expect(changed).not.toBe(lines[at]);
    const { read: trace, replay } = read(lines.with(at, changed));
    expect(trace.foreign).toEqual({ count: 1, first: at + 1 });
    expect(replay).toMatchObject({ divergence: null, notReplayable: { line: at + 1 } });
    expect(replay!.notReplayable!.why).toContain(why);
  });

  test("before the program is known", () => {
    const { read: trace, replay } = read(["$ cat trace", ...lines]);
    expect(trace.foreign).toEqual({ count: 1, first: 1 });
    expect(replay).toMatchObject({ matched: 0, notReplayable: { line: 1 } });
  });

  test("but what differed before that differs", () => {
    const changed = lines.toSpliced(EVENT + 40, 20, "[...]").toSpliced(EVENT, 1);
    expect(read(changed).replay).toMatchObject({ divergence: { line: EVENT + 1 } });
  });

  test.each([
    { name: "27/D", is: composition },
    { name: "releases/v5.0.1-npt1", is: layer(0, "merged") },
  ])("a second run of the same task: $name", ({ name, is }) => {
    const once = recordingText(name);
    const { read: trace, replay } = followed(once + once, is);
    const second = once.trimEnd().split("\n").length + 1;
    expect(trace.otherRuns.first).toBeGreaterThan(second);
    expect(replay).toMatchObject({
      ...{ divergence: null, notReplayable: { line: trace.otherRuns.first } },
    });
    expect(replay!.notReplayable!.why).toMatch(/^the program runs a second time from there; /);
    expect(replay!.matched).toBe(followed(once, is).replay!.matched);
  });
});

test("a run of another task is told, and is nobody's concern otherwise", () => {
  const other = lines.map((line) => line.replace(/-\d+ /, "-9999 "));
  const { read: trace, replay } = read([...lines.slice(0, -1), ...other]);
  expect(trace.otherRuns.count).toBeGreaterThan(20);
  expect(replay).toMatchObject({ divergence: null, notReplayable: null });
});

test("a recording of 7.3, which prints a letter more for access, is read", () => {
  const newer = lines.map((line) =>
    line
      .replace(/(kvm_mmu_\w+page: .* )([w-][u-][x-] )/, "$1r$2")
      .replace(/ l(\d) /, " l$1 8-byte "),
  );
  expect(newer).not.toEqual(lines);
  const { read: trace, replay } = read(newer);
  expect(trace).toMatchObject({ foreign: NONE, isWhole: true });
  expect(replay).toMatchObject({ divergence: null, notReplayable: null });
  expect(replay!.matched).toBe(followed(text, composition).replay!.matched);
});

test("what tells something is looked through for the program, however much else there is", () => {
  const noise = Array.from({ length: 100_100 }, () => "  a-9 [000] .... 1.0: sched_switch: b");
  const { replay } = read([...noise, ...lines]);
  expect(replay?.matched).toBe(followed(text, composition).replay!.matched);
});

describe("a recording that is not whole", () => {
  test.each([
    { where: "in the middle of a command", at: EVENT + 1 },
    { where: "between two commands", at: lines.findIndex((line) => line.includes("CMD 20")) },
  ])("cut off $where: what is there agrees", ({ at }) => {
    const { read: trace, replay } = read(lines.slice(0, at));
    expect(trace).toMatchObject({
      ...{ isWhole: false, missing: lines.length - 1 - at, hasHoles: false },
    });
    expect(replay).toMatchObject({ divergence: null, notReplayable: null });
    expect(replay!.matched).toBeGreaterThan(10);
  });

  test("is known by its header, though its last marker is there", () => {
    const noise = lines.findIndex((line) => line.includes("tlb_local"));
    const { read: trace, replay } = read(lines.toSpliced(noise, 1));
    expect(trace).toMatchObject({ isWhole: false, missing: 1, hasHoles: true });
    expect(replay?.divergence).toBeNull();
  });

  test("without a header is known by its last marker", () => {
    const body = lines.filter((line) => !line.startsWith("#"));
    expect(read(body).read).toMatchObject({ missing: 0, isWhole: true });
    expect(read(body.slice(0, -2)).read).toMatchObject({ missing: 0, isWhole: false });
  });

  test.each(["CPU:0 [LOST 12 EVENTS]", "CPU:0 [EVENTS DROPPED]"])(
    "with lost events is compared up to there: %s",
    (lost) => {
      const { read: trace, replay } = read(lines.toSpliced(EVENT, 3, lost));
      expect(trace.lost).toEqual({ count: 1, first: EVENT + 1 });
      expect(replay).toMatchObject({
        divergence: null,
        notReplayable: { line: EVENT + 1, why: "events were lost" },
      });
      expect(replay!.matched).toBeGreaterThan(10);
    },
  );

  test("with lost events at its beginning is not compared at all", () => {
    const { read: trace, replay } = read(["CPU:0 [LOST 12 EVENTS]", ...lines]);
    expect(trace.setup).toMatchObject({ name: "drive", paging: "npt" });
    expect(replay).toMatchObject({ matched: 0, notReplayable: { line: 1 } });
  });

  test("whose beginning was overwritten is not compared at all", () => {
    const overwritten = text.replace("entries-written: 324/324", "entries-written: 324/9000");
    const { read: trace, replay } = followed(overwritten, composition);
    expect(trace.overwritten).toBe(true);
    expect(replay).toMatchObject({ matched: 0, notReplayable: { line: 1 } });
  });
});

test("what a teardown owes at the end of a recording must be there", () => {
  const npt1 = recordingText("releases/v5.0.1-npt1").split("\n");
  const before = layer(0, "merged");
  const body = npt1.filter((line) => !line.startsWith("#") && line !== "");
  expect(followed(body.join("\n"), before).replay?.divergence).toBeNull();
  const { read: trace, replay } = followed(body.slice(0, -1).join("\n"), before);
  expect(trace.isWhole).toBe(true);
  expect(replay?.divergence).toMatchObject({
    ...{ line: body.length - 1, during: "teardown", kernel: "nothing more", model: "remote_flush" },
  });
});

test("without markers of a known program nobody follows", () => {
  const unmarked = lines.filter((line) => !line.includes("tracing_mark_write"));
  const { read: trace, replay } = read(unmarked);
  expect(replay).toBeNull();
  expect(trace).toMatchObject({ setup: null, isWhole: false });
});

test("nothing at all is read without complaint", () => {
  expect(read([]).read).toMatchObject({ lines: 0, events: 0, setup: null, foreign: NONE });
  const header = lines.filter((line) => line.startsWith("#"));
  expect(read(header).read).toMatchObject({ events: 0, setup: null, foreign: NONE });
});

test("whether generations are printed is taken from the first page", () => {
  const old = followed(recordingText("19/D"), layer(19, "merged")).read.showsValidGen;
  expect(old?.shown).toBe(true);
  expect(recordingText("19/D").split("\n")[old!.line - 1]).toContain("sp gen ");
});

test("a file is read until so many lines of the program were followed", async () => {
  const file = join(temporaryFolder(), "trace");
  writeFileSync(file, text);
  const [recording] = await opened(file);
  const whole = await readTrace(recording!, () => []);
  expect(whole).toMatchObject({ lines: 335 });
  const part = await readTrace(recording!, () => [], 100);
  expect(part.followed).toBe(100);
  expect(part.lines).toBeLessThan(200);
  expect(part.lines).toBeGreaterThan(100);
});

describe("what trace-cmd makes of a recording is the same:", () => {
  /** Without flags, probes by address, and pages as its plugin prints them. */
  const reported = (plugin: boolean) =>
    lines
      .filter((line) => !line.startsWith("#") && line !== "")
      .map((line) =>
        line
          .replace(/(\[\d+\]) \S{4} /, "$1 ")
          .replace("tracing_mark_write:", "print:                tracing_mark_write:")
          .replace(/\(\w+\+0x\w+\/0x\w+\)/, "(ffffffffc05a3c80)"),
      )
      .map((line) =>
        plugin
          ? line
              .replace(/(sp gfn \w+) l(\d)/, "$1 $2")
              .replace("!nxe ad", "!pae !nxe !wp")
              .replace(/(sp gfn .*) (new|existing)$/, "$2 $1")
          : line,
      );

  test.each([true, false])("with its plugin for KVM: %s", (plugin) => {
    const text = ["version = 6", "cpus=2", ...reported(plugin)];
    const { read: trace, replay } = read(text);
    expect(trace).toMatchObject({ ...{ foreign: NONE, reordered: NONE }, isWhole: true });
    expect(replay).toMatchObject({ divergence: null, notReplayable: null });
    expect(replay!.matched).toBe(followed(recordingText("27/D"), composition).replay!.matched);
  });
});
