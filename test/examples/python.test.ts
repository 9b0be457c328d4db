import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandsOf } from "../../scripts/doc-commands.ts";
import { runSuites } from "../../src/index.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { kmc } from "../support/kmc.ts";
import { describeWith } from "../support/needs.ts";
import { idsOf, verdictsOf } from "../support/verdicts.ts";

const FOLDER = join(PACKAGE_ROOT, "examples/python");
const README = readFileSync(join(FOLDER, "README.md"), "utf8");
/** So many cases judge it at each layer, says its README. */
const TOLD = /^\| cases that it is judged by \|(.*)\|$/m.exec(README)![1]!.split("|").map(Number);

/** What each patch brings that it sees: one of the cases in which the layer below is caught. */
const CAUGHT_BY: Readonly<Record<number, string>> = {
  0: "p01.order.every-kind-of-change",
  1: "p02.wrap.pages-of-both-address-spaces-go",
  2: "p03.fill-after-publication.read-reaches-ram",
  3: "p04.facts.flag-is-bit-0",
  4: "p05.encode.bit-32-is-noticed",
  5: "p06.decode.bit-63-is-not-read",
  6: "p07.creation.numbers-0-and-2",
  7: "p08.creation.numbers-0-and-1",
};

const command = (layer: number): string =>
  `exec python3 "${join(FOLDER, "memslots.py")}" --layer ${layer}`;
/** One process, patient: the machine may be busy. */
const options = { jobs: 1, stepTimeout: 60_000 };

describeWith("python3", "memslots.py", () => {
  test.each(TOLD.map((told, layer) => [layer, told] as const))(
    "conforms as layer %i in at least %i cases",
    async (layer, told) => {
      const found = await runSuites(command(layer), { layer, ...options });
      expect(verdictsOf(found)).toEqual(new Set(["conforms", "not-assessed"]));
      expect(found.claim.composition).toMatchObject({ slips: [], remedies: [] });
      expect(idsOf(found, "conforms").length).toBeGreaterThanOrEqual(told);
    },
  );

  test.each(Object.entries(CAUGHT_BY))(
    "made as layer %s fails as the next one",
    async (from, id) => {
      const layer = Number(from);
      const failed = idsOf(
        await runSuites(command(layer), { layer: layer + 1, ...options }),
        "fails",
      );
      expect(failed).toContain(id);
      // E5 and E7 are gaps that a patch opens or closes on its way.
      const others = failed.filter((name) => !name.startsWith(`p0${layer + 1}.`));
      expect(others.filter((name) => !/^E[157]\./.test(name))).toEqual([]);
    },
  );

  test.each(commandsOf(README))("in its README: $line", async ({ args, exits }) => {
    expect(await kmc(...args, "--step-timeout", "60000")).toMatchObject({ code: exits });
  });
});

test("its README speaks of layers 0 to 8", () => {
  expect(TOLD).toHaveLength(9);
  expect(Math.min(...TOLD)).toBeGreaterThan(0);
});
