import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { PACKAGE_ROOT } from "../../scenario/package-root.ts";
import type { Answer, Question, WireSnapshot, WireThreads } from "./messages.ts";

/** Where the published schema is, from the root of the package. */
export const PROTOCOL_SCHEMA_FILE = "fixtures/schema/protocol.schema.json";

const read = (file: string): Schema =>
  JSON.parse(readFileSync(join(PACKAGE_ROOT, file), "utf8")) as Schema;

interface Schema {
  readonly $id: string;
  readonly $defs: Record<string, object>;
}

let ajv: Ajv2020 | undefined;
let id = "";

/** A validator of one definition of the protocol's schema, made when it is first needed. */
function validator(definition: string): ValidateFunction {
  if (ajv === undefined) {
    const schema = read(PROTOCOL_SCHEMA_FILE);
    id = schema.$id;
    ajv = new Ajv2020({
      discriminator: true,
      allowUnionTypes: true,
      // The schemas are checked in unit tests; optimising would take longer than it saves.
      validateSchema: false,
      inlineRefs: false,
      code: { optimize: false },
    });
    ajv.addSchema({ ...schema, $defs: withTellingEvents(schema) });
  }
  return ajv.getSchema(`${id}#/$defs/${definition}`)!;
}

/** Events that are told by their name, so that what is wrong is said of the one that was meant. */
function withTellingEvents({ $defs }: Schema): object {
  const telling = { type: "object", required: ["event"], discriminator: { propertyName: "event" } };
  return { ...$defs, event: { ...telling, ...$defs["event"] } };
}

/** The definition of what answers a question. */
function definitionOf(question: Question): string {
  if (question.method !== "step") return `${question.method}.result`;
  const step = question.params;
  switch (step.do) {
    case "set_memory_region":
    case "create_vcpu":
    case "access":
    case "shrink":
    case "inject":
    case "probe":
    case "threads":
    case "snapshot":
      return `result.${step.do}`;
    case "write_guest_table":
      return step.vcpu === undefined ? "result.nothing" : "result.access";
    default:
      return "result.nothing";
  }
}

/**
 * Compares a result with the schema.
 * @returns what is wrong, as `/events/0/gfn must be string`; null if nothing is.
 */
export function mistakeIn(result: unknown, question: Question): string | null {
  const own = mistake(validator(definitionOf(question)), result);
  if (own !== null || question.method !== "step") return own;
  const { params } = question;
  if (params.do === "snapshot") return mistakeInSnapshot(result as Answer, params);
  return params.do === "threads" ? mistakeInThreads(result as Answer, params) : null;
}

/** Whether everything that was asked for is there. */
function mistakeInSnapshot(result: Answer, { parts, ...places }: WireSnapshot): string | null {
  for (const part of parts) {
    const field = part === "cache" || part === "requests" ? "vcpus" : part;
    if (result[field] === undefined) return `/${field} is missing`;
  }
  for (const part of ["entries", "tlb"] as const) {
    const wanted = places[part]?.length ?? 0;
    const seen = (result[part] as unknown[] | undefined)?.length ?? 0;
    if (seen < wanted) return `/${part} has ${seen} of ${wanted} places`;
  }
  return null;
}

/** Whether every step of every thread is answered, and every item of the schedule. */
function mistakeInThreads(
  { threads = {}, stops = [] }: Answer,
  { threads: asked, schedule }: WireThreads,
): string | null {
  if (stops.length !== schedule.length) {
    return `/stops must be as many as the schedule has items, ${schedule.length}`;
  }
  const other = schedule.findIndex(({ run }, i) => stops[i]!.run !== run);
  if (other >= 0) return `/stops/${other}/run must be ${schedule[other]!.run}`;
  for (const [name, steps] of Object.entries(asked)) {
    for (const [i, params] of steps.entries()) {
      const inner = threads[name]?.[i];
      if (inner === undefined) return `/threads/${name}/${i} is missing`;
      const found = mistakeIn(inner, { method: "step", params });
      if (found === null) continue;
      return `/threads/${name}/${i}${found.startsWith("/") ? "" : " "}${found}`;
    }
  }
  return null;
}

/** Compares a message of ours, for the doctor. */
export const mistakeInRequest = (request: unknown): string | null =>
  mistake(validator("request"), request);

function mistake(validate: ValidateFunction, value: unknown): string | null {
  if (validate(value)) return null;
  return text(validate.errors!.at(-1)!);
}

function text({ instancePath, message, params, keyword }: ErrorObject): string {
  const what =
    keyword === "additionalProperties"
      ? `must not have the property "${String(params["additionalProperty"])}"`
      : keyword === "enum"
        ? `must be one of ${(params["allowedValues"] as unknown[]).join(", ")}`
        : message;
  return `${instancePath} ${what ?? "does not fit the schema"}`.trim();
}
