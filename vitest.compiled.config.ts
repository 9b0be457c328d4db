import { dirname, join, resolve } from "node:path";
import { defineConfig, type Plugin } from "vitest/config";
import { compile } from "./scripts/sources.js";
import config from "./vitest.config.ts";
import { projects, THROUGH_VITEST } from "./vitest.projects.ts";

const SRC = join(import.meta.dirname, "src/");
const COMPILED = join(import.meta.dirname, ".compiled/");

await compile();

/** Lets tests import the sources as Node.js itself runs them: in half the time and less. */
const compiled: Plugin = {
  name: "kmc-compiled",
  enforce: "pre",
  resolveId(id, importer) {
    if (importer === undefined || !id.startsWith(".")) return undefined;
    const path = resolve(dirname(importer), id);
    if (!path.startsWith(SRC)) return undefined;
    return join(COMPILED, path.slice(SRC.length).replace(/\.ts$/, ".js"));
  },
};

export default defineConfig({
  plugins: [compiled],
  test: {
    ...config.test,
    projects: projects(THROUGH_VITEST),
    server: { deps: { external: [/\/\.compiled\//] } },
  },
});
