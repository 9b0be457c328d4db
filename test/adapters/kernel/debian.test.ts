import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { debianPage, type DebianRun, playOnDebian } from "../../../scripts/debian-kernel.ts";
import { claimOf } from "../../../src/cli/composition-options.ts";
import { readDeviations, withClaim } from "../../../src/cli/deviations-option.ts";
import { applyDeviations } from "../../../src/conformance/deviations.ts";
import { runSuites } from "../../../src/conformance/run-suites.ts";
import { loadCases } from "../../../src/scenario/load-cases.ts";
import { describeWith } from "../../support/needs.ts";

/** A page without what its formatting adds: columns of a table are as wide as they need to be. */
const plain = (markdown: string): string =>
  markdown.replaceAll(/ +\|/g, " |").replaceAll(/-{3,}/g, "---").replaceAll(/\s+/g, " ");

describeWith(["qemu-system-x86_64", "cc", "apt-get"], "Debian's kernel", () => {
  let run: DebianRun;
  beforeAll(async () => {
    run = await playOnDebian();
  }, 600_000);

  test("can be asked what its capabilities say: nothing crashes, hangs or talks nonsense", () => {
    const odd = run.results.filter(
      ({ verdict }) => !["conforms", "fails", "not-assessed"].includes(verdict),
    );
    expect(odd).toEqual([]);
    const assessed = run.results.filter(({ verdict }) => verdict !== "not-assessed");
    expect(assessed.length).toBeGreaterThanOrEqual(80);
  });

  test("has what docs/debian-6.1.md says", () => {
    const page = readFileSync("docs/debian-6.1.md", "utf8");
    expect(plain(debianPage(run))).toBe(plain(page));
  });

  test("is what the preset v6.1 claims", async () => {
    const preset = readDeviations("v6.1");
    const claim = claimOf(withClaim({}, preset))!;
    const found = await runSuites([run.again], { cases: loadCases(), claim, findErrata: false });
    const { results, unused } = applyDeviations(found.results, preset);
    expect(unused).toEqual([]);
    expect(
      results.filter(({ verdict }) => verdict === "fails").map(({ scenario }) => scenario.id),
    ).toEqual([]);
  });
});
