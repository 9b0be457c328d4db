import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identify, runSuites } from "../../src/index.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { describeWith } from "../support/needs.ts";
import { idsOf, verdictsOf } from "../support/verdicts.ts";

const SOURCE = join(PACKAGE_ROOT, "examples/c/kvm_mmu.c");
const FLAGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"];

/** Cases that it does not offer enough for. */
const NOT_ASSESSED: readonly string[] = [];

/** Patience: the machine may be busy. */
const options = { stepTimeout: 60_000 };

describeWith("cc", "kvm_mmu.c", () => {
  let folder: string;
  let command: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "kmc-c-"));
    const program = join(folder, "kvm_mmu");
    const { status, stderr } = spawnSync("cc", [...FLAGS, "-o", program, SOURCE], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    command = `exec "${program}"`;
  }, 120_000);

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("conforms as layer 27 in every case", async () => {
    const found = await runSuites(command, { layer: 27, slips: [], ...options });
    expect(idsOf(found, "not-assessed")).toEqual(NOT_ASSESSED);
    expect(verdictsOf(found)).toEqual(new Set(["conforms"]));
    expect(found.results.length).toBeGreaterThanOrEqual(371);
  });

  test("fails where the merged code had its slips", async () => {
    const found = await runSuites(command, { layer: 27, slips: ["E1", "E6"], ...options });
    const errata = new Set(idsOf(found, "fails").map((id) => id.slice(0, 2)));
    expect([...errata]).toEqual(expect.arrayContaining(["E1", "E6"]));
  });

  test("is taken for layer 27, up to what nobody can see there", async () => {
    const { layer, candidate, findings, divergences, assessed } = await identify(command, options);
    expect({ layer, errata: [...candidate.errata] }).toEqual({ layer: 27, errata: [] });
    expect(divergences.map(({ scenario }) => scenario.id)).toEqual([]);
    expect(assessed).toBeGreaterThanOrEqual(497);
    const undetermined = findings.filter(({ state }) => state === "undetermined");
    expect(undetermined.map(({ part }) => part)).toEqual([16, 17, 18]);
  });
});
