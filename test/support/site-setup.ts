import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { isThere } from "./needs.ts";
import { serveFolder } from "./serve-folder.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the built site is, with a slash at the end: in the root of a server, or below it. */
    site: { readonly folder: string; readonly root: string; readonly below: string };
  }
}

/** No build of the site may take longer, in milliseconds. */
const BUILD_LIMIT = 90_000;

/** Builds the site once for all tests in a browser, and serves it. */
export default async function setup({ provide }: TestProject): Promise<(() => void) | undefined> {
  if (!isThere("chromium")) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "kmc-site-"));
  const { CI: _ci, NODE_ENV: _environment, ...env } = process.env;
  const vitepress = join(PACKAGE_ROOT, "node_modules/vitepress/bin/vitepress.js");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [vitepress, "build", "docs", "--outDir", folder],
    { cwd: PACKAGE_ROOT, env, encoding: "utf8", timeout: BUILD_LIMIT },
  );
  if (status !== 0) throw new Error(`the site cannot be built in 90 s: ${stdout}${stderr}`);
  const { address, close } = await serveFolder(folder, "/in/a/folder");
  provide("site", { folder, root: `${address}/`, below: `${address}/in/a/folder/` });
  return () => {
    close();
    rmSync(folder, { recursive: true });
  };
}
