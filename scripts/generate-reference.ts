/**
 * Writes docs/protocol-reference.md and docs/case-reference.md from the schemas of the protocol and
 * of cases; with --check only says whether they are up to date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
}

type Definitions = Readonly<Record<string, Schema>>;

const read = (file: string): Schema & { readonly $defs: Definitions } =>
  JSON.parse(readFileSync(`fixtures/schema/${file}`, "utf8")) as never;
const protocol = read("protocol.schema.json").$defs;
const { $defs: cases, ...wholeCase } = read("case.schema.json");

/** The definitions that the page being written has sections for. */
let own = protocol;

/** A type in a few words, with links to what is described here. */
function typeText(schema: Schema): string {
  if (schema.$ref !== undefined) return refText(schema.$ref);
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) {
    return schema.enum.map((each) => `\`${JSON.stringify(each)}\``).join(" or ");
  }
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return choices.map(typeText).join(" or ");
  if (schema.items !== undefined) return `array of ${typeText(schema.items)}`;
  if (schema.properties !== undefined) return fieldsText(schema);
  if (own === cases && typeof schema.additionalProperties === "object") {
    return `{ name: ${typeText(schema.additionalProperties)} }`;
  }
  return schema.type ?? "any";
}

/** An object inside another one. */
const fieldsText = ({ properties = {}, required = [] }: Schema): string =>
  `{ ${Object.entries(properties)
    .map(([name, type]) => `${name}${required.includes(name) ? "" : "?"}: ${typeText(type)}`)
    .join(", ")} }`;

function refText(ref: string): string {
  const name = ref.split("/").at(-1)!;
  if (ref.startsWith("#") && isSection(name)) return `[${name}](#${anchor(name)})`;
  const target = cases[name] ?? protocol[name]!;
  if (name.startsWith("step.") && own === protocol) return `[${name.slice(5)}](#${anchor(name)})`;
  if (name === "hex") return "hex";
  return target.properties === undefined ? typeText(target) : name;
}

const anchor = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9_-]/g, "");
/** Beside those with a description: what contains itself, and what is long. */
const UNDESCRIBED = ["fieldValue", "scheduleItem", "eventName"];
const isSection = (name: string): boolean =>
  name !== "hex" &&
  (own[name]?.description !== undefined || (own === cases && UNDESCRIBED.includes(name)));

/** A definition: what it is, and its properties. */
function section(name: string, schema: Schema, left: ReadonlySet<string> = new Set()): string {
  const { description = "", properties, required = [], oneOf } = schema;
  const rows = Object.entries(properties ?? {})
    .filter(([property]) => !left.has(property))
    .map(([property, type]) => {
      const always = required.includes(property) ? "yes" : "";
      const text = (type.description ?? described(type)).replaceAll("|", "\\|");
      return `| \`${property}\` | ${typeText(type).replaceAll("|", "\\|")} | ${always} | ${text} |`;
    });
  if (schema.enum !== undefined) return `### ${name}\n\n${description} ${typeText(schema)}`;
  const table = ["| property | type | always | |", "| --- | --- | --- | --- |", ...rows].join("\n");
  const choices = (oneOf ?? schema.anyOf ?? []).map((each) => `- ${choiceText(each)}`).join("\n");
  return [`### ${name}`, description, rows.length > 0 ? table : "", choices].join("\n\n");
}

/** One of several: named, or with what it is. */
const choiceText = (each: Schema): string =>
  each.description === undefined ? typeText(each) : `${typeText(each)}: ${each.description}`;

const described = ({ $ref }: Schema): string =>
  $ref === undefined ? "" : (cases[$ref.split("/").at(-1)!]?.description ?? "");

const sections = (prefix: string): string[] =>
  Object.entries(protocol)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, schema]) => section(name, schema));

const steps = Object.entries(cases)
  .filter(([name]) => name.startsWith("step.") && protocol[name] === undefined)
  .filter(([name]) => !["step.repeat", "step.facts"].includes(name))
  .map(([name, schema]) => section(name, schema, new Set(["note", "expect"])));

const one = (name: string): string => section(name, protocol[name]!);

const protocolText = `
# Protocol reference

Every message of [the protocol](protocol.md). Generated from
[\`fixtures/schema/protocol.schema.json\`](../fixtures/schema/protocol.schema.json) by \`npm run generate\`; do not edit.
\`hex\` is a string: ${cases["hex"]!.description!.replace(/^U/, "u")}

## Messages

${[one("request"), ...sections("request."), one("response"), one("error")].join("\n\n")}

## Initialize

${["initialize.params", "initialize.result", "facts"].map(one).join("\n\n")}

## Reset and shutdown

${["reset.params", "reset.result", "shutdown.params", "shutdown.result"].map(one).join("\n\n")}

## Steps

${[one("step.params"), ...steps, one("step.snapshot"), one("place"), one("step.threads")].join("\n\n")}

## Results of steps

${[...sections("result."), one("entry")].join("\n\n")}

## Events

${[one("event"), ...sections("event.")].join("\n\n")}
`;

own = cases;
const named = (...names: string[]): string =>
  names.map((name) => section(name, cases[name]!)).join("\n\n");
const caseText = `
# Case reference

Every property of [a case](case-format.md). Generated from
[\`fixtures/schema/case.schema.json\`](../fixtures/schema/case.schema.json) by \`npm run generate\`; do not edit.
\`hex\` is a string: ${cases["hex"]!.description!.replace(/^U/, "u")}

## A case

${section("case", wholeCase)}

${named("machine", "layerRange")}

## Steps

${named("step", ...Object.keys(cases).filter((name) => name.startsWith("step.")))}

${named("scheduleItem", "point", "vcpu", "addressSpace")}

## Expectations

${named(
  ...["expectedResult", "accessExpectation", "expectedOutcome", "entryExpectation"],
  ...["eventExpectations", "eventCount", "eventPattern"],
  ...["eventName", "count", "fields", "fieldValue"],
)}
`;

/** Writes a page, or says that it is not as it would be written. */
async function lock(target: string, text: string): Promise<void> {
  const options = await resolveConfig(target);
  const formatted = await format(text, { ...options, filepath: target });
  if (!process.argv.includes("--check")) {
    writeFileSync(target, formatted);
  } else if (readFileSync(target, "utf8") !== formatted) {
    console.error(`${target} does not match the schema; run \`npm run generate\``);
    process.exitCode = 1;
  }
}

await lock("docs/protocol-reference.md", protocolText);
await lock("docs/case-reference.md", caseText);
