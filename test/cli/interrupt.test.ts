import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { RunDocument } from "../../src/report/run-json.ts";
import { kmc, kmcJson } from "../support/kmc.ts";
import { expectOutput } from "../support/output-schema.ts";
import { isRunning } from "../support/processes.ts";
import { temporaryFolder, writeFiles } from "../support/temporary-folder.ts";

const CLAIM = ["--patch", "11", "--layer", "11", "--profile", "promised"];

/**
 * An implementation that tells its process id, shows nothing of its state, and hangs in the third
 * case.
 */
const HANGS = (folder: string): string => `
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
appendFileSync(${JSON.stringify(join(folder, "pids"))}, process.pid + "\\n");
let cases = 0;
createInterface({ input: process.stdin }).on("line", (text) => {
  const { id, method } = JSON.parse(text);
  const kinds = ["operation", "probe", "inject", "point", "event", "machine"];
  const introduction = {
    protocol: 1, name: "mine", version: "1", capabilities: kinds.map((kind) => kind + ":*"),
    machine: { address_spaces: 2, physical_address_width: 40 },
  };
  if (method === "reset" && ++cases === 3) {
    appendFileSync(${JSON.stringify(join(folder, "hangs"))}, "");
    return;
  }
  if (cases === 3) return;
  const error = { code: -32000, message: "not done" };
  const result = method === "initialize" ? introduction : {};
  const answer = method === "step" ? { error } : { result };
  console.log(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
});
`;

async function appears(file: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!existsSync(file)) {
    if (Date.now() > deadline) throw new Error(`${file} does not appear`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Starts kmc, interrupts it as soon as a file is there, and waits for its end. */
async function interrupted(args: readonly string[], file: string, signal: NodeJS.Signals) {
  const child = spawn(process.execPath, ["bin/kmc.js", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
  try {
    await appears(file);
    child.kill(signal);
    return { code: await closed, out, err };
  } finally {
    child.kill("SIGKILL");
  }
}

test.each(["SIGINT", "SIGTERM"] as const)(
  "a run that is stopped by %s tells what it has, and leaves no process behind",
  async (signal) => {
    const folder = temporaryFolder();
    writeFiles(folder, { "hangs.mjs": HANGS(folder) });
    const [json, transcript] = [join(folder, "run.json"), join(folder, "transcript")];
    const args = ["run", "--impl", `node ${join(folder, "hangs.mjs")}`, "-j", "1"];
    const ended = await interrupted(
      [
        ...[...args, ...CLAIM],
        ...["--step-timeout", "60000", "--json", json, "--transcript", transcript],
      ],
      join(folder, "hangs"),
      signal,
    );
    expect(ended).toMatchObject({ code: 1, err: "" });
    expect(ended.out).toMatch(/^2 cases: 0 conform, 2 fail, 0 not assessed$/m);
    expect(ended.out).toMatch(/^\d+ cases not run$/m);
    const pids = readFileSync(join(folder, "pids"), "utf8").trim().split("\n").map(Number);
    expect(pids.filter(isRunning)).toEqual([]);

    const document = JSON.parse(readFileSync(json, "utf8")) as RunDocument;
    expectOutput(document, "run");
    expect(document.results).toHaveLength(2);
    const whole = await kmcJson("run", ...CLAIM);
    const results = whole.document["results"] as unknown[];
    expect(document.notRun).toBe(results.length - 2);
    expect(document.leftOut).toBe(whole.document["leftOut"]);
    // Some of the cases that it never got to need what this one does not offer.
    const again = await kmc("replay", transcript, "--json");
    expect(JSON.parse(again.out)).toEqual(document);
    const text = await kmc("replay", transcript);
    expect({ code: text.code, out: text.out }).toEqual({ code: 1, out: ended.out });
  },
);

test("stopped before anything has introduced itself, it leaves no process behind either", async () => {
  const folder = temporaryFolder();
  writeFiles(folder, {
    "silent.mjs": `
import { writeFileSync } from "node:fs";
writeFileSync(${JSON.stringify(join(folder, "pid.tmp"))}, String(process.pid));
writeFileSync(${JSON.stringify(join(folder, "pid"))}, String(process.pid));
setInterval(() => {}, 1000);
`,
  });
  const args = ["run", "--impl", `node ${join(folder, "silent.mjs")}`, "--step-timeout", "60000"];
  const { code, out, err } = await interrupted([...args, "-j", "1"], join(folder, "pid"), "SIGINT");
  expect({ code, out, err }).toEqual({ code: 130, out: "", err: "" });
  const pid = Number(readFileSync(join(folder, "pid.tmp"), "utf8"));
  // Killed, but it may take the system a moment to notice.
  await vi.waitFor(() => {
    expect(isRunning(pid)).toBe(false);
  }, 5000);
});
