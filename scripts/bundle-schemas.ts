/**
 * Puts the schema of cases into the others that refer to it, so that a validator needs one file:
 * under its own `$id`, as JSON Schema has it for bundles. A unit test checks that they are equal.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";

const FOLDER = "fixtures/schema";
const BUNDLED = "case.schema.json";

interface Schema {
  readonly $defs?: object;
}

const read = (name: string): Schema =>
  JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Schema;

const bundled = read(BUNDLED);
for (const name of readdirSync(FOLDER)) {
  if (name === BUNDLED) continue;
  const schema = read(name);
  if (!JSON.stringify(schema).includes(`${BUNDLED}#`)) continue;
  const whole = { ...schema, $defs: { ...schema.$defs, [BUNDLED]: bundled } };
  const text = JSON.stringify(whole, null, 2);
  const file = join(FOLDER, name);
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}
