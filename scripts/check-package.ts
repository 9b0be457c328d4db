/**
 * Packs the package as it would be published, lints that, installs it in an empty project and uses
 * it there: the command and the library.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

/** What a user of the library would write. */
const USE = `
import { composeThrough, identify, loadCases, referenceDefinition, runSuites } from "kvm-mmu-conformance";
const mine = referenceDefinition(composeThrough(3), "mine");
const cases = loadCases().filter(({ patch }) => patch <= 4);
const { results } = await runSuites(mine, { layer: 3, cases });
const { layer } = await identify(mine, { cases });
const wrong = results.filter(({ verdict }) => verdict !== "conforms");
console.log("layer " + layer + ", " + wrong.length + " wrong");
`;

const folder = mkdtempSync(join(tmpdir(), "kmc-package-"));
const inFolder = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

try {
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [{ filename }] = JSON.parse(packed.slice(packed.indexOf("[\n"))) as [{ filename: string }];

  const { messages, pkg } = await publint({ strict: true });
  const problems = messages.map((message) => formatMessage(message, pkg, { color: false }));
  if (problems.length > 0) throw new Error(`publint: ${problems.join("; ")}`);

  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  inFolder("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${filename}`]);
  for (const args of [
    ["run", "--smoke"],
    ["show", "p03.in-flux.read-faults-twice"],
  ]) {
    inFolder("npx", ["kmc", ...args]);
  }
  const source = inFolder("npx", ["kmc", "source", "--layer", "14"]);
  if (!source.includes("kvm_mmu_zap_mmio_sptes")) throw new Error("kmc source shows no source");
  writeFileSync(join(folder, "use.js"), USE);
  const used = inFolder("node", ["use.js"]).trim();
  if (used !== "layer 3, 0 wrong") throw new Error(`the library says "${used}"`);
} finally {
  rmSync(folder, { recursive: true });
}
