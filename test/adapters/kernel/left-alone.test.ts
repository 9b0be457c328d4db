import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** In the place of QEMU: says that the kernel is ready, and then stands still. */
const STANDS_STILL = `#!${process.execPath}
const data = process.argv.find((word) => word.startsWith("socket,id=data,path="));
if (data === undefined) process.exit(0);
const { connect } = require("node:net");
connect(data.slice("socket,id=data,path=".length)).write("= ready 0\\n");
require("node:fs").writeFileSync(__dirname + "/pid", String(process.pid));
setInterval(() => {}, 1000);
`;

/** A folder with an image that nobody boots, and that machine; its process has its number in `pid`. */
function prepared(): { folder: string; environment: NodeJS.ProcessEnv; image: string } {
  const folder = temporaryFolder();
  const machine = join(folder, "qemu-system-x86_64");
  writeFileSync(machine, STANDS_STILL);
  chmodSync(machine, 0o755);
  const image = join(folder, "bzImage");
  writeFileSync(image, `${"\0".repeat(0x202)}HdrS`);
  const PATH = `${folder}:${process.env["PATH"] ?? ""}`;
  return { folder, image, environment: { ...process.env, PATH } };
}

/** Process ids of a machine and of those above it, from `kmc kernel --serve` up to `top`. */
async function chainUpTo(top: number, folder: string): Promise<number[]> {
  for (;;) {
    try {
      const chain = [Number(readFileSync(join(folder, "pid"), "utf8"))];
      while (parentOf(chain[0]!) !== top) chain.unshift(parentOf(chain[0]!));
      return chain;
    } catch {
      await setTimeout(100);
    }
  }
}

/** @throws Error if there is no such process, or none any more. */
function parentOf(pid: number): number {
  const [, state, parent] = /^\d+ \(.*\) (\S) (\d+)/s.exec(
    readFileSync(`/proc/${pid}/stat`, "utf8"),
  )!;
  if (state === "Z" || Number(parent) <= 1) throw new Error(`process ${pid} is over`);
  return Number(parent);
}

const isThere = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
};

async function areOver(pids: readonly number[]): Promise<void> {
  while (pids.some(isThere)) await setTimeout(100);
}

/** Starts `sh`, which starts `kmc kernel`, and is there until it is killed. */
function started(words: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess {
  const kmc = [process.execPath, resolve("bin/kmc.js"), "kernel", ...words];
  const script = `${kmc.map((word) => `'${word}'`).join(" ")}; true`;
  const shell = spawn("sh", ["-c", script], { env: environment, stdio: "ignore", detached: true });
  onTestFinished(() => {
    try {
      process.kill(-shell.pid!, "SIGKILL");
    } catch {
      // It is over, as it should be.
    }
  });
  return shell;
}

describeWith("cc", "kmc kernel, while the kernel stands still,", () => {
  test("ends with its machine when its caller is killed", async () => {
    const { folder, image, environment } = prepared();
    const shell = started(["--image", image, "-j", "1", "--step-timeout", "500"], environment);
    const chain = await chainUpTo(shell.pid!, folder);
    expect(chain.length).toBeGreaterThanOrEqual(3);
    shell.kill("SIGKILL");
    await areOver(chain);
  }, 120_000);

  test("is followed by its machine when it is killed itself", async () => {
    const { folder, image, environment } = prepared();
    const shell = started(["--image", image, "-j", "1"], environment);
    const [kmc, ...others] = await chainUpTo(shell.pid!, folder);
    process.kill(kmc!, "SIGKILL");
    await areOver(others);
  }, 120_000);
});
