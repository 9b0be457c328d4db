import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";
import type { RunDocument } from "./run-json.ts";

/** Where the schema of all documents is, from the root of the package. */
export const OUTPUT_SCHEMA_FILE = "fixtures/schema/output.schema.json";

/** A document that is not that of a run. One sentence: which file, where in it, what is wrong. */
export class DocumentError extends Error {
  override readonly name = "DocumentError";
}

/** Reads what `kmc run --json` has written. @throws DocumentError */
export function readRun(text: string, file: string): RunDocument {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new DocumentError(`${file} is not JSON: ${(error as Error).message}`);
  }
  // What else `kmc` writes is told by its name.
  const kind = (document as { kind?: unknown } | null)?.kind;
  if (kind !== "run") {
    const found = kind === undefined ? "nothing" : shown(kind);
    throw new DocumentError(`${file}, /kind: expected "run", found ${found}`);
  }
  const validate = validator();
  if (validate(document)) return document as RunDocument;
  const { where, what } = mostTelling(validate.errors!);
  throw new DocumentError(`${file}, ${where === "" ? "/" : where}: ${what}`);
}

const read = (file: string): { readonly $id: string } =>
  JSON.parse(readFileSync(join(PACKAGE_ROOT, file), "utf8")) as { $id: string };

function validator(): ValidateFunction {
  const schema = read(OUTPUT_SCHEMA_FILE);
  // The schemas themselves are checked in unit tests.
  const ajv = new Ajv2020({ verbose: true, allowUnionTypes: true, validateSchema: false });
  return ajv.addSchema(schema).getSchema(`${schema.$id}#/$defs/run`)!;
}

/** The first mistake among the deepest: those further up only say that it is there. */
function mostTelling(errors: readonly ErrorObject[]): { where: string; what: string } {
  const depth = ({ instancePath }: ErrorObject): number => instancePath.split("/").length;
  const [error] = [...errors].sort((a, b) => depth(b) - depth(a)) as [ErrorObject];
  const { keyword, params, message = "does not fit", data } = error;
  const allowed = params["allowedValues"] as unknown[] | undefined;
  const what =
    keyword === "additionalProperties"
      ? `there is no property ${shown(params["additionalProperty"])} here`
      : keyword === "required"
        ? `the property ${shown(params["missingProperty"])} is missing`
        : `${allowed === undefined ? message : `must be one of ${allowed.join(", ")}`}, found ${shown(data)}`;
  return { where: error.instancePath, what };
}

/** A value as JSON, cut where it gets long. */
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
