/**
 * Packs the package as it would be published, lints that, installs it in an empty project and uses
 * it there: every command that its pages show, and every other, with all arguments of a kind that
 * they name; the library; the links between its pages.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import { COMMANDS } from "../src/cli/commands.ts";
import { TOPIC_IDS } from "../src/walkthrough/topics.ts";
import { commandsOf, type DocCommand } from "./doc-commands.ts";
import { deadLinks, markdownIn } from "./doc-links.ts";

const NAME = "kvm-mmu-conformance";
const INSTALLED = `node_modules/${NAME}`;

/** What a user of the library would write. */
const USE = `
import { composeThrough, identify, loadCases, referenceDefinition, runSuites } from "${NAME}";
const mine = referenceDefinition(composeThrough(3), "mine");
const cases = loadCases().filter(({ patch }) => patch <= 4);
const { results } = await runSuites(mine, { layer: 3, cases });
const { layer } = await identify(mine, { cases });
const wrong = results.filter(({ verdict }) => verdict !== "conforms");
console.log("layer " + layer + ", " + wrong.length + " wrong");
`;

const command = (exits: number, ...args: readonly string[]): DocCommand => ({
  ...{ line: `npx kmc ${args.join(" ")}`, args, exits },
});

/** What no page shows, or shows for one of many. */
const OTHERS = [
  ...TOPIC_IDS.map((id) => command(0, "explain", String(id))),
  command(0, "start"),
  command(0, "serve"),
  command(3, "document", "use.js"),
  command(2, "kernel", "--image", "no/such"),
  // The package has it elsewhere, and says where.
  command(2, "trace", "fixtures/recordings/11/D.trace.gz"),
  command(2, "run", "--module", "examples/typescript/generations.ts"),
  // Node.js loads no TypeScript from there.
  command(2, "run", "--module", `${INSTALLED}/examples/typescript/generations.ts`),
];

const folder = mkdtempSync(join(tmpdir(), "kmc-package-"));
const problems: string[] = [];

function pack(): string {
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return (JSON.parse(packed.slice(packed.indexOf("[\n"))) as [{ filename: string }])[0].filename;
}

const inFolder = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** A module in TypeScript as its page says: compiled, and importing the package by its name. */
function compileExample(): void {
  const text = readFileSync("examples/typescript/generations.ts", "utf8");
  const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ESNext };
  const { outputText } = transpileModule(text.replace("../../src/index.ts", NAME), {
    compilerOptions,
  });
  writeFileSync(join(folder, "generations.js"), outputText);
}

/** What a page means in a project that has the package installed. */
const there = (arg: string): string =>
  arg
    .replace(/^examples\/typescript\/generations\.ts$/, "generations.js")
    .replaceAll(/(?<![\w/])(fixtures|examples)\//g, `${INSTALLED}/$1/`);

function run(args: readonly string[]) {
  const child = spawn("node_modules/.bin/kmc", args, {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise<{ status: number | null; stderr: string }>((resolve) => {
    child.on("close", (status) => {
      resolve({ status, stderr });
    });
  });
}

async function tryCommand(page: string, { line, args, exits }: DocCommand): Promise<void> {
  const { status, stderr } = await run(args);
  const isSentence = exits !== 2 || /^kmc: [^\n]+\n$/.test(stderr);
  if (status === exits && isSentence) return;
  problems.push(`${page}: \`${line}\` ends with ${String(status)}, not ${exits}: ${stderr.trim()}`);
}

/** The commands of a page run one after the other: one may read what another wrote. */
async function tryCommands(): Promise<void> {
  const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...markdownIn("docs")];
  const shown = pages.map((page) => ({
    page,
    commands: commandsOf(readFileSync(page, "utf8")).map((each) => ({
      ...each,
      args: each.args.map(there),
    })),
  }));
  const left = [...shown, ...OTHERS.map((each) => ({ page: "package", commands: [each] }))];
  const tried = left.flatMap(({ commands }) => commands.map(({ args: [name] }) => name));
  for (const [name] of COMMANDS) {
    if (!tried.includes(name)) problems.push(`package: nothing tries kmc ${name}`);
  }
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift())
        for (const each of next.commands) await tryCommand(next.page, each);
    }),
  );
}

try {
  const file = pack();
  const { messages, pkg } = await publint({ strict: true });
  problems.push(...messages.flatMap((each) => formatMessage(each, pkg, { color: false }) ?? []));

  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  inFolder("npm", "install", "--prefer-offline", "--no-audit", "--no-fund", `./${file}`);
  const installed = join(folder, INSTALLED);
  for (const page of markdownIn(".", installed)) problems.push(...deadLinks(page, installed));
  for (const built of ["examples/c/kvm_mmu", "examples/python/__pycache__"]) {
    if (existsSync(join(installed, built))) problems.push(`package: ${built} is in it`);
  }

  writeFileSync(join(folder, "use.js"), USE);
  const used = inFolder("node", "use.js").trim();
  if (used !== "layer 3, 0 wrong") problems.push(`package: the library says "${used}"`);
  const source = inFolder("npx", "kmc", "source", "--layer", "14");
  if (!source.includes("kvm_mmu_zap_mmio_sptes")) problems.push("package: kmc source has no text");
  compileExample();
  await tryCommands();
} finally {
  rmSync(folder, { recursive: true });
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
