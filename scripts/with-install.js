// Installs the packages if they are missing or older than package-lock.json, then runs what is
// asked for: `kmc ARGS...`, the tool, or `check`, all checks. Plain JavaScript without imports from
// packages: it runs before there are any.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const lock = `${root}/package-lock.json`;
const installed = `${root}/node_modules/.package-lock.json`;

// Whoever is ended early by Ctrl-C says first what was done; this process waits for that.
process.on("SIGINT", () => undefined);

/** Runs a command in the root of the checkout and ends this process when it fails. */
function run(command, args) {
  const shell = process.platform === "win32";
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", shell });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

const [what, ...args] = process.argv.slice(2);
if (what === "kmc") run(process.execPath, ["bin/kmc.js", ...args]);
else run(process.execPath, ["--import", "./scripts/register.js", "scripts/check.ts", ...args]);
