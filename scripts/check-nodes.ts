/**
 * Runs the tool and a few of its tests with the oldest Node.js that is supported and with the
 * newest, from the registry; neither may say a word on standard error.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const { engines } = JSON.parse(readFileSync("package.json", "utf8")) as {
  engines: { node: string };
};
const oldest = engines.node.replace(/^>=/, "");
const COMMANDS = [
  "npm --silent start",
  "vitest run --project=unit --reporter=dot test/cli/sources.test.ts test/cli/process.test.ts",
];

for (const version of [oldest, "latest"]) {
  for (const command of COMMANDS) {
    const args = ["--yes", `--package=node@${version}`, "-c", `node --version && ${command}`];
    const { status, stdout, stderr } = spawnSync("npx", args, { encoding: "utf8" });
    if (status === 0 && stderr === "") continue;
    console.error(`Node.js ${version}, ${command}: ends with ${status}\n${stdout}${stderr}`);
    process.exitCode = 1;
  }
}
