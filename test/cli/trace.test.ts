import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { layer } from "../../src/conformance/profiles.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { recordingFile, recordingText } from "../support/followed.ts";
import { kmc, kmcJson } from "../support/kmc.ts";
import { expectNarrow } from "../support/lines.ts";
import { writeKvmslotsTrace } from "../support/model-trace.ts";
import { expectOutput } from "../support/output-schema.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const D11 = recordingFile("11/D");
const V521 = recordingFile("releases/v5.2.1-npt1");
const release = (name: string): string => join(PACKAGE_ROOT, "fixtures/recordings/releases", name);

function written(content: string | Buffer): string {
  const file = join(temporaryFolder(), "trace");
  writeFileSync(file, content);
  return file;
}

/** A recording as other options or programs print it. */
const reformed = (form: RegExp, other: string): string =>
  recordingText("11/D")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.replace(form, other))
    .join("\n");

describe("of a recording that nobody claims anything of", () => {
  test("says what it agrees with, and what shows in it", async () => {
    const { code, out, err } = await kmc("trace", D11);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expectNarrow(out.split("\n"));
    expect(out).toMatch(/^D\.trace\.gz: 335 lines, drive, direct paging; \d+ events agree\n\n/);
    expect(out).toContain("\nagrees with layers 11-14, slips E1, E6\n");
    expect(out).toContain("\nagrees with layer 14, slips E1, E4, E6\n");
    expect(out).toContain("\n  not told apart: 12 is documentation; 13 and 14 show when");
    expect(out).toMatch(/^present {7}11 KVM: x86\/mmu: Zap only .* {2}line \d+$/m);
    expect(out).toMatch(/^absent {8}20 Revert .* {2}line \d+$/m);
    expect(out).toMatch(/^undetermined {2}12 Revert "KVM: MMU: document[^\n]*"$/m);
    expect(out).toMatch(/^slip {10}E6 .* {2}line \d+$/m);
    expect(await kmc("trace", D11, "--identify")).toMatchObject({ code: 0, out });
  });

  test("as JSON", async () => {
    const { code, document } = await kmcJson("trace", D11, recordingFile("11/I1-npt0"));
    expect(code).toBe(0);
    expectOutput(document, "trace");
    expect(document).toMatchObject({
      verdict: "agrees",
      why: null,
      files: [
        { program: "drive", paging: "npt", whole: true },
        { program: "drive", paging: "shadow", whole: true },
      ],
      nearest: { layer: 14, errata: ["E1", "E6"], contradictions: [] },
    });
    const layers = (document["agrees"] as { layer: number }[]).map(({ layer }) => layer);
    expect(layers).toEqual([11, 12, 13, 14, 14]);
    expect(document["findings"]).toHaveLength(35);
  });
});

describe("a recording that can be read once", () => {
  test.each([
    { what: "standard input", shell: "sh", script: 'zcat "$1" | "$2" "$3" trace -' },
    { what: "its other name", shell: "sh", script: 'zcat "$1" | "$2" "$3" trace /dev/stdin' },
    { what: "a pipe, compressed", shell: "sh", script: 'cat "$1" | "$2" "$3" trace -' },
    { what: "another command", shell: "bash", script: '"$2" "$3" trace <(zcat "$1")' },
  ])("says what it says as a file: $what", ({ shell, script }) => {
    const args = ["-c", script, "sh", D11, process.execPath, join(PACKAGE_ROOT, "bin/kmc.js")];
    const { status, stdout, stderr } = spawnSync(shell, args, { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(": 335 lines, drive, direct paging; ");
    expect(stdout).toContain("\nagrees with layers 11-14, slips E1, E6\n");
    expect(stdout).toMatch(/^present {7}11 /m);
  });
});

describe("of a claim", () => {
  test("with slips left open, finds out which there are", async () => {
    const { code, out } = await kmc("trace", V521, "--layer", "27");
    expect(code).toBe(0);
    expect(out).toContain("\nagrees with layer 27, slips E1\n\npresent");
    const one = await kmc("trace", D11, "--layer", "11", "--profile", "merged");
    expect(one.out).toContain("\nagrees with layer 11, slips E1, E6\n\npresent");
  });

  test.each([
    { args: ["--layer", "27", "--slips", "E1"], code: 0 },
    { args: ["--layer", "27", "--profile", "merged"], code: 1 },
    { args: ["--patches", "1-27,!11"], code: 1 },
    { args: ["--layer", "27", "--slips", "E1", "--remedies", "E5"], code: 0 },
  ])("$args ends with $code", async ({ args, code }) => {
    expect((await kmc("trace", V521, ...args)).code).toBe(code);
  });

  test("that is wrong, shows the first divergence with both sides", async () => {
    const { code, out } = await kmc("trace", D11, "--layer", "10");
    expect(code).toBe(1);
    expectNarrow(out.split("\n"));
    expect(out).toMatch(/\n\ndiffers from layer 10, slips E6 \(the closest\) after \d+ events\n/);
    expect(out).toMatch(/\n {2}D\.trace\.gz, line 137, during: del 0 1\n/);
    expect(out).toMatch(
      /\n {4}kernel {4}prepare_zap gen 0, gfn 0, level 1, .*\n {4}model {5}call_fast_invalidate\n {4}function {2}kvm_mmu_invalidate_zap_all_pages, after kvm_mmu_invalidate_zap_pages_in_memslot\n/,
    );
    expect(out).not.toContain("present");
    const { document } = await kmcJson("trace", D11, "--layer", "10");
    expectOutput(document, "trace");
    expect(document).toMatchObject({
      ...{ verdict: "diverges", agrees: [], findings: [] },
      nearest: {
        layer: 10,
        recordings: [{ file: D11, divergence: { line: 137, during: "del 0 1" } }],
      },
    });
  });
});

test("in a long recording parts are looked for at its beginning", async () => {
  const file = join(temporaryFolder(), "trace");
  writeKvmslotsTrace(file, layer(0, "merged"), 2_500_000);
  const { code, out } = await kmc("trace", file, "--layer", "0");
  expect(code).toBe(0);
  expect(out).toMatch(/^absent {8}11 /m);
  // The teardown comes later.
  expect(out).toMatch(/^undetermined {2}21 /m);
  expect(out).toContain("\nlooked for in the first 12,000 lines of the program\n");
  expect((await kmc("trace", D11, "--layer", "11")).out).not.toContain("looked for");
});

test("a list of tracepoints without any of the MMU says nothing of them", async () => {
  const { code, err } = await kmc("trace", D11, "--events", written("sched_switch\n"));
  expect(code).toBe(2);
  expect(err).toContain(" names no tracepoint of kvmmmu, so it does not tell which are there\n");
});

describe("what a kernel declares", () => {
  test("is compared, too", async () => {
    const facts = (kernel: string) => [
      ...["--formats", release(`${kernel}.formats`), "--events", release(`${kernel}.events`)],
    ];
    expect(await kmc("trace", V521, "--layer", "27", ...facts("v5.2.1"))).toMatchObject({
      code: 0,
    });
    const { code, out } = await kmc("trace", V521, "--layer", "27", ...facts("v5.0.1"));
    expect(code).toBe(1);
    expectNarrow(out.split("\n"));
    expect(out).toContain(
      "\n  tracepoint kvm_mmu_invalidate_zap_all_pages\n    kernel    there\n    model     not there\n",
    );
    const { document } = await kmcJson("trace", V521, "--layer", "27", ...facts("v5.0.1"));
    expectOutput(document, "trace");
  });

  test("by the names of its tracepoints alone", async () => {
    const names = readFileSync(release("v5.2.1.events"), "utf8").trim().split("\n");
    const available = written(names.map((name) => `kvmmmu:${name}\n`).join(""));
    expect((await kmc("trace", V521, "--layer", "27", "--events", available)).code).toBe(0);
    const events = ["--events", release("v5.0.1.events")];
    expect((await kmc("trace", V521, "--layer", "27", ...events)).code).toBe(1);
  });

  test("in its symbols tells layers apart that do the same", async () => {
    const symbols = written("ffffffff81000000 T __kvm_mmu_zap_all\n");
    const { out } = await kmc("trace", V521, "--symbols", symbols);
    expect(out).toContain("\nagrees with layer 27, slips E1\n");
    expect(out).toMatch(/^present {7}27 .* {2}declared$/m);
  });
});

test("events that a recording cannot show are ignored if somebody says so", async () => {
  const debian = recordingFile("releases/debian-6.1");
  const first = await kmc("trace", debian);
  expect(first.code).toBe(1);
  expectNarrow(first.out.split("\n"));
  expect(first.out).toContain("if nothing listened to it: --ignore install\n");
  const second = await kmc("trace", debian, "--ignore", "install", "--ignore", "reload");
  expect(second.out).toContain("\n    kernel    mark_mmio_spte gfn d0, access 7, gen 4\n");
  const fields = "mark_mmio_spte.access,handle_mmio_page_fault.access,check_mmio_spte.spte";
  const numbers = "get_page.gen,prepare_zap.gen,fast_invalidate.valid-gen";
  const all = `install, reload,${fields},${numbers}`;
  const third = await kmc("trace", debian, "--ignore", all);
  expect(third.code).toBe(0);
  expect(third.out).toContain("\nagrees with patches 1-10, 21\n");
  expect(third.out).not.toContain("agrees with layer");
  const { document } = await kmcJson("trace", debian, "--ignore", all);
  expectOutput(document, "trace");
  expect(document).toMatchObject({ nearest: { layer: null, errata: [] } });
});

describe("is inconclusive, exit code 3:", () => {
  const lines = recordingText("11/D").split("\n");

  const HOW = '\n  how a recording is made: docs/trace.md, "Making a recording"\n';

  test.each([
    {
      what: "events",
      text: lines.filter((line) => line.startsWith("#")).join("\n"),
      says: " tells no event: tracing was off, or no event enabled ",
    },
    {
      what: "markers",
      text: lines.filter((line) => !line.includes("tracing_mark_write")).join("\n"),
      says: "inconclusive: no marker in ",
    },
  ])("a recording without $what", async ({ text, says }) => {
    const { code, out } = await kmc("trace", written(text));
    expect(code).toBe(3);
    expectNarrow(out.split("\n"));
    expect(out.replaceAll(/\n +/g, " ")).toContain(says);
    expect(out).toContain(HOW);
    expect(out).not.toContain("agrees with");
    expect(out).not.toContain("undetermined");
  });

  test("one in which something was left out; what agrees up to there is told", async () => {
    const { code, out } = await kmc("trace", written(lines.toSpliced(150, 20, "[...]").join("\n")));
    expect(code).toBe(3);
    expect(out.replaceAll(/\s+/g, " ")).toContain(
      'agrees up to line 151, where it cannot be followed: the line is none of a trace: "[...]"',
    );
    expect(out).toContain("\nagrees with layer");
  });

  test("one with the same run twice", async () => {
    const { code, out } = await kmc("trace", written(lines.join("\n").repeat(2)));
    expect(code).toBe(3);
    expect(out.replaceAll(/\s+/g, " ")).toContain(
      "the program runs a second time from there; one file is for one run: echo > trace before each",
    );
    expect(out).toMatch(/\n {2}other runs: \d+ markers of another run, .* the first is \d+\n/);
  });

  test("one that is not whole; what is wrong with its lines is told", async () => {
    const changed = lines.toSpliced(150, 3, "CPU:0 [LOST 3 EVENTS]", "Oops");
    changed.splice(160, 0, "?");
    changed[60] = changed[60]!.replace(/ \d+\.\d+: /, " 0.5: ");
    changed.splice(120, 0, changed[119]!.replace(/-\d+ /, "-99999 "));
    const file = written(changed.join("\n"));
    const { code, out } = await kmc("trace", file);
    expect(code).toBe(3);
    expectNarrow(out.split("\n"));
    expect(out).toContain("\n  foreign: 2 lines that cannot be read, the first is 153\n");
    expect(out).toContain("\n  lost: 1 place where events were lost, the first is 152\n");
    expect(out).toContain(
      "\n  reordered: 1 line with an earlier time than the one above, the first is 61\n",
    );
    expect(out).toContain("\n  left out: 1 line of another task, the first is 121\n");
    expect(out).toContain("\n  cut off: 2 events fewer than its header says\n");
    expect(out.replaceAll(/\s+/g, " ")).toContain(
      "agrees up to line 152, where it cannot be followed: events were lost",
    );
    const { document } = await kmcJson("trace", file);
    expectOutput(document, "trace");
    expect(document).toMatchObject({
      verdict: "inconclusive",
      files: [{ lost: { count: 1, first: 152 }, others: { count: 1, first: 121 }, missing: 2 }],
    });
  });

  test("one whose beginning was overwritten", async () => {
    const changed = lines
      .join("\n")
      .replace(/entries-written: (\d+)\/\d+/, "entries-written: $1/9999");
    const { code, out } = await kmc("trace", written(changed));
    expect(code).toBe(3);
    expect(out).not.toContain("agrees with");
    expect(out).toContain("\n  overwritten: its header says that the beginning is missing\n");
  });
});

describe("what is wrong is said in one sentence, exit code 2:", () => {
  test.each([
    {
      what: "a file that is not there",
      args: ["/nowhere/trace"],
      says: "/nowhere/trace cannot be read: ENOENT",
    },
    { what: "a folder", args: ["/"], says: "/ cannot be read: EISDIR" },
    { what: "no file", args: [], says: "missing required argument 'files'" },
    {
      what: "a claim and none",
      args: [D11, "--identify", "--layer", "3"],
      says: "--identify finds out what the others claim: say one or the other",
    },
    {
      what: "an unknown event",
      args: [D11, "--ignore", "relaod"],
      says: 'there is no event "relaod" to ignore; there are get_page, ',
    },
    {
      what: "an unknown field",
      args: [D11, "--ignore", "reload,install.generation"],
      says: '"install.generation" is no field of install; there are as',
    },
    {
      what: "a field of what has none",
      args: [D11, "--ignore", "reload.as"],
      says: '"reload.as" is no field of reload; it has none',
    },
    {
      what: "too deep a field",
      args: [D11, "--ignore", "install.as.x"],
      says: '"install.as.x" is no field of install',
    },
    {
      what: "ignoring what the guest did",
      args: [D11, "--ignore", "page_fault"],
      says: "page_fault cannot be ignored: it tells what the guest did",
    },
    {
      what: "formats that are none",
      args: [D11, "--formats", join(PACKAGE_ROOT, "LICENSE")],
      says: "names no tracepoint",
    },
    {
      what: "symbols that are none",
      args: [D11, "--symbols", join(PACKAGE_ROOT, "LICENSE")],
      says: "LICENSE, line 1 is no symbol: ",
    },
    {
      what: "events that are none",
      args: [D11, "--events", join(PACKAGE_ROOT, "README.md")],
      says: "README.md, line 1 is no name of a tracepoint: ",
    },
  ])("$what", async ({ args, says }) => {
    const { code, out, err } = await kmc("trace", ...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(says);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  test.each([
    {
      what: "no trace at all",
      content: "Dear diary,\nnothing happened.\n",
      says: "is not ftrace text: none of its 2 lines tells an event",
    },
    { what: "nothing", content: "", says: "is empty: docs/trace.md" },
    {
      what: "a trace.dat",
      content: "\x17\x08Dtracing\0",
      says: "is binary, as trace-cmd records; make text of it: trace-cmd report -N ",
    },
    {
      what: "a trace.dat, compressed",
      content: gzipSync("\x17\x08Dtracing\0"),
      says: "is binary, as trace-cmd records; make text of it: trace-cmd report -N ",
    },
    {
      what: "a perf.data",
      content: "PERFILE2\0\0",
      says: "is binary, of perf, which is not read: record with tracefs or trace-cmd",
    },
    {
      what: "another archive",
      content: Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 1, 2]),
      says: "is compressed by zstd, which is not unpacked here: zstd -dc ",
    },
    { what: "a program", content: "\x7fELF\x02\x01\x01\0\0", says: "is binary: what is read is" },
    {
      what: "times of an integer clock",
      content: reformed(/ (\d+)\.(\d{6}): /, " $1$2: "),
      says: "has a count for a time, as the clocks counter and x86-tsc give it: echo local > trace_clock",
    },
    {
      what: "the latency format",
      content: reformed(/ +(\[000\]) (\S+) +\d+\.\d+: /, "       0....   12us : "),
      says: "is in the latency format: echo 0 > options/latency-format",
    },
    {
      what: "events without context",
      content: reformed(/^.* \d+\.\d{6}: /, ""),
      says: "lacks task, CPU and time: echo 1 > options/context-info",
    },
    {
      what: "perf script",
      content: reformed(/^ *(\w+)-(\d+) +(\[\d+\]) \S+ +([\d.]+): /, "$1   $2 $3   $4:    kvmmmu:"),
      says: "is from perf script, which is not read: record with tracefs or trace-cmd",
    },
    {
      what: "a function graph",
      content: " 0)               |  kvm_vcpu_ioctl() {\n 0)   0.123 us    |    mutex_lock();\n",
      says: "is from the tracer function_graph: echo nop > current_tracer",
    },
    {
      what: "half an archive",
      content: gzipSync("a line\n".repeat(1000)).subarray(0, 30),
      says: "cannot be unpacked: unexpected end of file",
    },
  ])("$what", async ({ content, says }) => {
    const file = written(content);
    const { code, out, err } = await kmc("trace", file);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(`kmc: ${file} `);
    expect(err).toContain(says);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });
});
