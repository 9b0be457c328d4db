/**
 * Checks the documentation: every relative link leads to a file (and heading), and every case or
 * mutant that is named is there. The commands that it shows are run by check-package.ts, as whoever
 * has installed the package runs them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { mutants } from "../src/reference/mutants/index.ts";
import { loadCases } from "../src/scenario/load-cases.ts";
import { deadLinks, markdownIn } from "./doc-links.ts";

/** Ids of cases, witnesses and mutants. */
const known = new Set([
  ...loadCases().map(({ id }) => id),
  ...readdirSync("fixtures/witnesses").map((name) => name.replace(/\.json$/, "")),
  ...mutants.map(({ id }) => id),
]);

const unknownIds = (page: string): string[] =>
  [...readFileSync(page, "utf8").matchAll(/`((?:p\d\d|E\d)\.[\w.-]+)`/g)].flatMap(([, id]) =>
    known.has(id!) ? [] : [`${page}: there is no case or mutant ${id!}`],
  );

const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
for (const page of [
  ...pages,
  ...["docs", "examples", "bench"].flatMap((each) => markdownIn(each)),
]) {
  for (const problem of [...deadLinks(page), ...unknownIds(page)]) {
    console.error(problem);
    process.exitCode = 1;
  }
}
