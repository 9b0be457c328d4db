#!/usr/bin/env node
// Runs the compiled tool of the package, or in a checkout the sources.
import { existsSync } from "node:fs";
import { register } from "node:module";

const sources = new URL("../tsconfig.json", import.meta.url);
if (existsSync(sources)) {
  register("ts-node/esm", import.meta.url);
  await import("../src/cli/main.ts");
} else {
  await import("../dist/cli/main.js");
}
