import { describe, expect, test } from "vitest";
import { TOPIC_IDS } from "../../src/walkthrough/topics.ts";
import { kmc, kmcProcess } from "../support/kmc.ts";
import { expectNarrow, plain } from "../support/lines.ts";

describe("kmc explain", () => {
  test("puts both runs beside each other at 100 columns", async () => {
    const { code, out } = await kmc("explain", "11");
    expect(code).toBe(0);
    const lines = plain(out.split("\n"));
    expect(lines[0]).toMatch(/^Patch 11: KVM: x86\/mmu: Zap only the relevant pages/);
    for (const question of ["What was wrong?", "What changes?", "How would I notice?"])
      expect(lines).toContain(question);
    expect(lines.join("\n")).toMatch(/\n! {7}every shadow page is obsolete, 4 in use +│\n/);
    expect(lines.join("\n")).toMatch(/\n! {2}9 access vcpu 0.* │ .*outcome hit,\n +mapped/);
  });

  test("puts what was above what is with --narrow", async () => {
    const lines = plain((await kmc("explain", "11", "--narrow")).out.split("\n"));
    const flush = lines.findIndex((line) => /^- {7}TLB flush on all/.test(line));
    expect(lines[flush + 1]).toMatch(/^\+ {7}TLB flush .* kvm_mmu_remote_flush_or_zap$/);
    expect(lines.join("\n")).not.toContain("│");
  });

  test.each(TOPIC_IDS.map(String))("%s fits, in a terminal and in a mail", async (id) => {
    expectNarrow((await kmc("explain", id)).out.split("\n"));
    const { out } = await kmc("explain", id, "--markdown");
    const long = out.split("\n").filter((line) => line.length > 72 && !line.startsWith("#"));
    expect(long).toEqual([]);
  });

  test("writes Markdown with the runs as a diff, and without links", async () => {
    const { out } = await kmc("explain", "E2", "--markdown");
    expect(out).toMatch(/^# Erratum E2: /);
    expect(out).toContain("```diff\n--- layer 11 as it is: the case holds\n");
    expect(out).toContain("\n+++ layer 11 with remedy E2: the case fails\n");
    expect(out).not.toMatch(/\]\(/);
  });

  test("takes a number with a zero and a small letter", async () => {
    expect((await kmc("explain", "03")).out).toBe((await kmc("explain", "3")).out);
    expect((await kmc("explain", "e5")).out).toBe((await kmc("explain", "E5")).out);
  });

  test.each([
    [["28"], 'there is no patch or erratum "28"; expected a number from 1 to 27, or E1 to E8'],
    [["0"], 'there is no patch or erratum "0"'],
    [["E9"], 'there is no patch or erratum "E9"'],
    [["11", "--json", "--narrow"], "--narrow and --json exclude each other; choose one"],
  ])("%j is refused", async (args, message) => {
    const { code, out, err } = await kmc("explain", ...args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^kmc: [^\n]*\n$/);
    expect(err).toContain(message);
  });

  test("is coloured only if asked", async () => {
    const marked = await kmcProcess(["explain", "4"], { FORCE_COLOR: "1" });
    expect(marked.out).toContain("\u001b[32m");
    const { out } = await kmcProcess(["explain", "4"], { FORCE_COLOR: "1", NO_COLOR: "1" });
    expect(out).not.toContain("\u001b");
  });
});
