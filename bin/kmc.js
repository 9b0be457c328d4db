#!/usr/bin/env node
// Runs the compiled tool of the package, or in a checkout the sources.
import { existsSync } from "node:fs";

if (existsSync(new URL("../tsconfig.json", import.meta.url))) {
  const { importSource } = await import("../scripts/sources.js");
  await importSource("cli/main");
} else {
  await import("../dist/cli/main.js");
}
