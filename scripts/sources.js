// How the TypeScript sources are run. Node.js does it by itself where it can; where it cannot, the
// tool is compiled once for each change, and scripts go through ts-node. Plain JavaScript: it runs
// before anything else can.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import * as module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [major, minor] = process.versions.node.split(".").map(Number);
// Versions 23 and 24.0 to 24.2 would warn of it.
const strips = Boolean(process.features.typescript) && major !== 23 && !(major === 24 && minor < 3);

/** Lets this process import TypeScript. */
export function allowTypeScript() {
  if (strips) {
    module.enableCompileCache(join(root, "node_modules/.cache/kmc"));
    return;
  }
  // Else it looks for its configuration in the current folder.
  process.env.TS_NODE_PROJECT ??= join(root, "tsconfig.json");
  module.register("ts-node/esm", import.meta.url);
  delete process.env.TS_NODE_PROJECT;
}

/** Imports a module of `src`, as `cli/main`. */
export async function importSource(name) {
  // A module of the user's in TypeScript shares the sources with the tool.
  const loaded = strips || process.argv.some((argument) => argument.endsWith(".ts"));
  if (loaded || !(await isCompiled())) {
    allowTypeScript();
    return import(`../src/${name}.ts`);
  }
  return import(`../.compiled/${name}.js`);
}

/** Whether the sources could be compiled: a checkout may be one that cannot be written to. */
async function isCompiled() {
  try {
    await compile();
    return true;
  } catch (error) {
    if (error.syscall === undefined) throw error;
    return false;
  }
}

/** Brings `.compiled`, the sources as JavaScript, up to date: a file there has its source's time. */
export async function compile() {
  const ours = statSync(fileURLToPath(import.meta.url)).mtimeMs;
  const stale = [];
  for (const name of readdirSync(join(root, "src"), { recursive: true })) {
    if (!name.endsWith(".ts")) continue;
    const source = join(root, "src", name);
    const target = join(root, ".compiled", name.replace(/\.ts$/, ".js"));
    const time = Math.floor(Math.max(statSync(source).mtimeMs, ours));
    const made = statSync(target, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (Math.round(made) !== time) stale.push({ source, target, time: time / 1000 });
  }
  if (stale.length === 0) return;
  const { transformSync } = await import("@swc/core");
  const options = {
    ...{ swcrc: false, sourceMaps: "inline", module: { type: "es6" } },
    jsc: {
      ...{ parser: { syntax: "typescript" }, target: "es2022" },
      rewriteRelativeImportExtensions: true,
    },
  };
  for (const { source, target, time } of stale) {
    const { code } = transformSync(readFileSync(source, "utf8"), { filename: source, ...options });
    mkdirSync(dirname(target), { recursive: true });
    // Another process may read it, or write the same.
    const whole = `${target}.${process.pid}`;
    writeFileSync(whole, code);
    utimesSync(whole, time, time);
    renameSync(whole, target);
  }
}
