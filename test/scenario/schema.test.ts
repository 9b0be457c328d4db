import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { SCHEMA_FILE } from "../../src/scenario/validate.ts";

const schema = JSON.parse(readFileSync(join(PACKAGE_ROOT, SCHEMA_FILE), "utf8")) as object;

/** The properties and definitions where any text is allowed. */
function* freeTexts(part: unknown, name = ""): Generator<string> {
  if (typeof part !== "object" || part === null) return;
  const own = part as Readonly<Record<string, unknown>>;
  if (own["type"] === "string" && own["enum"] === undefined && own["pattern"] === undefined) {
    yield name;
  }
  for (const [key, value] of Object.entries(part)) {
    const names = key === "properties" || key === "$defs";
    if (!names) yield* freeTexts(value, name);
    else for (const [inner, its] of Object.entries(value as object)) yield* freeTexts(its, inner);
  }
}

test("a case is not able to name a file: free text is read by people, or compared", () => {
  const forTheReader = ["$schema", "because", "note", "title", "why"];
  const compared = ["absent", "fieldValue", "order", "present", "run", "tracepoints"];
  expect([...new Set(freeTexts(schema))].sort()).toEqual([...forTheReader, ...compared].sort());
});

test("the published schema is one that any strict validator takes", () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  expect(ajv.validateSchema(schema)).toBe(true);
  expect(() => ajv.compile(schema)).not.toThrow();
});
