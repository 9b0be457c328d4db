/**
 * Writes src/scenario/case.generated.ts from the published schema; with --check only says whether
 * it is up to date. The schema is the authority: types follow it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { compileFromFile } from "json-schema-to-typescript";
import { format, resolveConfig } from "prettier";

const SCHEMA = "fixtures/schema/case.schema.json";
const TARGET = "src/scenario/case.generated.ts";

const bannerComment = `/** Generated from ${SCHEMA} by \`npm run generate\`; do not edit. */`;
const generated = await compileFromFile(SCHEMA, {
  bannerComment,
  format: false,
  ignoreMinAndMaxItems: true,
});
const withoutNoise = generated.replaceAll(
  / \*\n \* This interface was referenced by .*\n \* via the `definition` .*\n/g,
  "",
);
const options = await resolveConfig(TARGET);
const text = await format(withoutNoise, { ...options, filepath: TARGET });

if (!process.argv.includes("--check")) {
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, "utf8") !== text) {
  console.error(`${TARGET} does not match ${SCHEMA}; run \`npm run generate\``);
  process.exitCode = 1;
}
