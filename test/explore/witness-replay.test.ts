import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../src/adapters/protocol/session.ts";
import type { CaseRecord } from "../../src/adapters/record.ts";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { judge } from "../../src/conformance/judge.ts";
import { type Composition, composeThrough, LAST_LAYER } from "../../src/reference/compose.ts";
import type { ErratumId } from "../../src/reference/patch.ts";
import { WITNESSES } from "../../src/explore/obligation.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { parseCase } from "../../src/scenario/parse-case.ts";
import { describeWith } from "../support/needs.ts";

const witnesses: Case[] = readdirSync(join(PACKAGE_ROOT, WITNESSES)).map((name) => {
  const file = join(PACKAGE_ROOT, WITNESSES, name);
  return parseCase(readFileSync(file, "utf8"), file);
});
const KMC = `exec "${process.execPath}" "${join(PACKAGE_ROOT, "bin/kmc.js")}"`;

/** Patience: the machine may be busy. */
const options = { stepTimeout: 60_000 };

/** What the reference that a witness is for does, and what it is called on the command line. */
function subjectOf(witness: Case): { composed: Composition; flags: string } {
  const { layers, profile, erratum, without = [] } = witness;
  const slips: ErratumId[] = profile === "merged" && erratum !== undefined ? [erratum] : [];
  const composed = composeThrough(layers.from, { slips, without });
  const patches = [`1-${layers.from}`, ...without.map((patch) => `!${patch}`)].join(",");
  const what = without.length === 0 ? `--layer ${layers.from}` : `--patches ${patches}`;
  return { composed, flags: `${what}${slips.length > 0 ? ` --slips ${slips.join(",")}` : ""}` };
}

/** Without events: an implementation is asked for those that a case names. */
const observed = ({ steps, failure }: CaseRecord) => ({
  failure,
  steps: steps.map((step) => ({ ...step, events: [] })),
});

describe.each(witnesses)("$id", (witness) => {
  const { composed, flags } = subjectOf(witness);

  test("shows its bad outcome through the protocol, too", async () => {
    const session = await Session.start(`${KMC} serve ${flags}`, options);
    const record = await session.record(witness);
    await session.close();
    expect(observed(record)).toEqual(observed(recordOnReference(composed, witness)));
    expect(judge(witness, record)).toEqual([]);
  });
});

describeWith("cc", "the C example", () => {
  let folder: string;
  let session: Session;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kmc-c-"));
    const program = join(folder, "kvm_mmu");
    const source = join(PACKAGE_ROOT, "examples/c/kvm_mmu.c");
    expect(spawnSync("cc", ["-std=c11", "-O2", "-o", program, source]).status).toBe(0);
    session = await Session.start(`exec "${program}"`, options);
  }, 120_000);

  afterAll(async () => {
    await session.close();
    rmSync(folder, { recursive: true });
  });

  test.each(witnesses)(
    "comes to the outcome of layer 27 under the schedule of $id",
    async (witness) => {
      const reference = recordOnReference(composeThrough(LAST_LAYER), witness);
      const verdict = judge(witness, await session.record(witness));
      expect(verdict).toEqual(judge(witness, reference));
    },
  );

  test("shows what is open at the end of the series, and what went with the fast invalidate", async () => {
    const shown: string[] = [];
    for (const witness of witnesses) {
      if (judge(witness, await session.record(witness)).length === 0) shown.push(witness.id);
    }
    // 16 and 17 are about the breaks of the fast invalidate; the walk of 24 zaps across its own.
    expect(shown).toEqual([
      "E2.witness",
      "E3.witness.teardown",
      "E3.witness.wrap",
      "E5.witness",
      "E7.witness",
      "all.witness.gone-entry",
      "p16.witness",
      "p17.witness",
    ]);
  });
});
