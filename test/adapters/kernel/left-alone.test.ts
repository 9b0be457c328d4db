import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { type FakeMachine, fakeMachine } from "../../support/fake-machine.ts";
import { describeWith } from "../../support/needs.ts";

/** Process ids of a machine and of those above it, from `kmc kernel --serve` up to `top`. */
async function chainUpTo(top: number, { pid }: FakeMachine): Promise<number[]> {
  for (;;) {
    try {
      const chain = [Number(readFileSync(pid, "utf8"))];
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
function started({ image, environment }: FakeMachine, ...words: readonly string[]): ChildProcess {
  const command = [process.execPath, resolve("bin/kmc.js"), "kernel", "--image", image, "-j", "1"];
  const kmc = [...command, ...words];
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
    const machine = fakeMachine();
    const shell = started(machine, "--step-timeout", "500");
    const chain = await chainUpTo(shell.pid!, machine);
    expect(chain.length).toBeGreaterThanOrEqual(3);
    shell.kill("SIGKILL");
    await areOver(chain);
  }, 300_000);

  test("is followed by its machine when it is killed itself", async () => {
    const machine = fakeMachine();
    const shell = started(machine);
    const [kmc, ...others] = await chainUpTo(shell.pid!, machine);
    process.kill(kmc!, "SIGKILL");
    await areOver(others);
  }, 300_000);
});
