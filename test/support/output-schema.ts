import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "vitest";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";

const read = (name: string): object =>
  JSON.parse(readFileSync(join(PACKAGE_ROOT, "fixtures/schema", name), "utf8")) as object;

export const outputSchema = read("output.schema.json");

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(outputSchema);

export const isOutput = (document: unknown): boolean => validate(document);

/** Expects a document of a kind that the published schema describes. */
export function expectOutput(document: unknown, kind: string): void {
  expect(document).toMatchObject({ kind });
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
}
