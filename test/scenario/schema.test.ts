import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
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

const FOLDER = join(PACKAGE_ROOT, "fixtures/schema");
const SCHEMAS = readdirSync(FOLDER);
const BUNDLED = "case.schema.json";

interface Schema {
  readonly $defs?: Readonly<Record<string, unknown>>;
}

const fixture = (file: string): string => join(PACKAGE_ROOT, "fixtures", file);

const read = (file: string): Schema => JSON.parse(readFileSync(file, "utf8")) as Schema;

/** Documents that are as the schemas say, each with what the schema of cases describes in it. */
const DOCUMENTS: Readonly<Record<string, unknown>> = {
  [BUNDLED]: read(fixture("11-zap-only-the-slot/p11.unaligned-slot.leaf-sptes-gone.json")),
  "deviations.schema.json": {
    deviations: [{ case: "p11.small.case", reason: "known", link: "https://example.org/" }],
  },
  "obligation.schema.json": read(fixture("obligations/11.json")),
  "output.schema.json": {
    ...{ kind: "list", format: 1 },
    cases: [
      {
        ...{ id: "p11.small.case", patch: 11, title: "A small case that is true", proof: "layer" },
        ...{ layers: { from: 11, to: 27 }, profile: "both" },
      },
    ],
  },
  "releases.schema.json": read(fixture("releases.json")),
  "protocol.schema.json": {
    ...{ jsonrpc: "2.0", id: 1, method: "step" },
    params: { do: "set_memory_region", slot: 1, gpa: "0x0", size: "0x1000", hva: "0x10000000" },
  },
};

describe.each(SCHEMAS)("the published %s", (name) => {
  test("is one that any strict validator takes, alone", () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
    expect(ajv.validateSchema(read(join(FOLDER, name)))).toBe(true);
    const validate = ajv.compile(read(join(FOLDER, name)));
    expect(validate(DOCUMENTS[name])).toBe(true);
    expect(validate({ ...(DOCUMENTS[name] as object), more: 1 })).toBe(false);
  });

  test("is one that Python's jsonschema takes, alone", (context) => {
    const { status, stderr } = spawnSync("python3", ["-c", PYTHON, join(FOLDER, name)], {
      input: JSON.stringify(DOCUMENTS[name]),
      encoding: "utf8",
    });
    if (status === null || stderr.includes("ModuleNotFoundError")) {
      return context.skip("needs python3 with jsonschema");
    }
    expect(stderr).toBe("");
  });
});

const PYTHON = `
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
kind = jsonschema.validators.validator_for(schema)
kind.check_schema(schema)
kind(schema).validate(json.load(sys.stdin))
`;

test.each(SCHEMAS)("%s holds the schema of cases if it needs it", (name) => {
  const text = readFileSync(join(FOLDER, name), "utf8");
  const needed = name !== BUNDLED && text.includes(`${BUNDLED}#`);
  expect(read(join(FOLDER, name)).$defs?.[BUNDLED]).toEqual(needed ? schema : undefined);
});
