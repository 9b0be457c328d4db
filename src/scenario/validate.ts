import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { Case } from "./case.generated.ts";
import { CaseError } from "./case-error.ts";
import { PACKAGE_ROOT } from "./package-root.ts";

/** Where the published schema is, from the root of the package. */
export const SCHEMA_FILE = "fixtures/schema/case.schema.json";

interface Schema {
  readonly $defs: Record<string, object> & {
    readonly step: object;
    readonly scheduleItem: { readonly oneOf: readonly [single: object, repeated: object] };
  };
}

let compiled: ValidateFunction | undefined;

function validator(): ValidateFunction {
  if (compiled === undefined) {
    const schema = JSON.parse(readFileSync(join(PACKAGE_ROOT, SCHEMA_FILE), "utf8")) as Schema;
    const ajv = new Ajv2020({
      allErrors: true,
      allowUnionTypes: true,
      discriminator: true,
      verbose: true,
      // The schema itself is checked in a unit test; optimising would take longer than it saves.
      validateSchema: false,
      inlineRefs: false,
      code: { optimize: false },
    });
    compiled = ajv.compile(withTelling(schema));
  }
  return compiled;
}

/**
 * The same schema, with alternatives that tell which of them was meant: a step by its `do`, an item
 * of a schedule by `repeat`. Mistakes are then reported of that alternative alone.
 */
function withTelling(schema: Schema): object {
  const { step, scheduleItem } = schema.$defs;
  const [single, repeated] = scheduleItem.oneOf;
  const telling = {
    step: {
      type: "object",
      required: ["do"],
      discriminator: { propertyName: "do" },
      ...step,
    },
    scheduleItem: {
      if: { type: "object", required: ["repeat"] },
      then: repeated,
      else: single,
    },
  };
  return { ...schema, $defs: { ...schema.$defs, ...telling } };
}

/**
 * Checks a parsed document against the schema.
 * @throws CaseError with the most telling of its mistakes.
 */
export function validateCase(document: unknown, file: string): Case {
  const validate = validator();
  if (validate(document)) return document as Case;
  const { pointer, problem } = mostTelling(validate.errors ?? []);
  throw new CaseError(file, pointer, problem);
}

/** Keywords whose errors only say that others follow. */
const WRAPPERS = new Set(["oneOf", "anyOf", "if", "propertyNames"]);

/**
 * The deepest mistake. Where a value fits none of several alternatives, what is wrong inside the
 * one of the right type says more than the other types.
 */
function mostTelling(errors: readonly ErrorObject[]): { pointer: string; problem: string } {
  const own = errors.filter(({ keyword }) => !WRAPPERS.has(keyword));
  const most = Math.max(...own.map(depth));
  const deepest = own.filter((error) => depth(error) === most);
  const error = deepest.find(({ keyword }) => keyword !== "type") ?? deepest[0]!;
  if (error.keyword === "discriminator") {
    return { pointer: `${error.instancePath}/do`, problem: unknownStep(error) };
  }
  if (error.keyword !== "type") return { pointer: error.instancePath, problem: sentence(error) };
  const types = deepest
    .filter(
      ({ keyword, instancePath }) => keyword === "type" && instancePath === error.instancePath,
    )
    .map(({ params }) => String(params["type"]));
  const problem = `expected ${[...new Set(types)].join(" or ")}, found ${found(error)}`;
  return { pointer: error.instancePath, problem };
}

const depth = ({ instancePath }: ErrorObject): number => instancePath.split("/").length;

function sentence(error: ErrorObject): string {
  const { keyword, params, message, instancePath, parentSchema } = error;
  switch (keyword) {
    case "additionalProperties": {
      const known = Object.keys((parentSchema?.["properties"] ?? {}) as object);
      const unknown = String(params["additionalProperty"]);
      return `there is no property "${unknown}" here; there are ${known.join(", ")}`;
    }
    case "required":
      return `the property "${String(params["missingProperty"])}" is missing`;
    case "enum":
      return `${found(error)} is not one of ${(params["allowedValues"] as unknown[]).join(", ")}`;
    case "const":
      return `expected ${JSON.stringify(params["allowedValue"])}, found ${found(error)}`;
    case "pattern":
      return `${found(error)} is not ${PATTERNS[instancePath] ?? HEX}`;
    default:
      return `${message ?? `"${keyword}" is not satisfied`}, found ${found(error)}`;
  }
}

const HEX =
  "lower-case hexadecimal of at most 64 bits with 0x and without leading zeros, like 0x1f000";

/** What the strings with another pattern are. */
const PATTERNS: Readonly<Record<string, string>> = {
  "/id": "an id: p01 to p27, E1 to E8 or all, then parts in lower case, like p11.two-slots.read",
  "/function": "the name of a kernel function",
};

function unknownStep({ params, parentSchema }: ErrorObject): string {
  const kinds = (parentSchema?.["oneOf"] as { $ref: string }[]).map(({ $ref }) =>
    $ref.slice("#/$defs/step.".length),
  );
  return `${shown(params["tagValue"])} is not a kind of step; there are ${kinds.join(", ")}`;
}

const found = ({ data }: ErrorObject): string => shown(data);

/** A value as JSON, cut where it gets long. */
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
