import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { BootPatience, cpuTimeOf } from "../../../src/adapters/kernel/boot-patience.ts";

/** What is told of a machine that is looked at every 5 seconds, and after how many of them. */
function told(used: (seconds: number) => number | null, most = 3600) {
  const patience = new BootPatience();
  for (let seconds = 5; seconds <= most; seconds += 5) {
    const wrong = patience.look(used(seconds));
    if (wrong !== null) return { seconds, wrong };
  }
  return null;
}

test("a kernel that works is waited for, however little a busy host lets it", () => {
  expect(told((seconds) => seconds / 50)).toBeNull();
  expect(told((seconds) => Math.floor(seconds / 55) * 1.1, 3600)).toBeNull();
});

test("one that works and works, or does nothing at all, is not", () => {
  expect(told((seconds) => seconds)).toEqual({ seconds: 90, wrong: "within 90 seconds of work" });
  expect(told((seconds) => Math.min(seconds, 10))).toEqual({
    seconds: 70,
    wrong: "and has done nothing for 60 seconds",
  });
});

test("where nothing is told, time itself decides", () => {
  expect(told(() => null)).toEqual({ seconds: 300, wrong: "within 300 seconds" });
});

test("what a process has used is read from the system, if it tells", async () => {
  expect(cpuTimeOf(process.pid)).toBeGreaterThan(process.uptime() / 1000);
  const child = spawn("sleep", ["60"]);
  expect(cpuTimeOf(child.pid!)).toBeLessThan(1);
  child.kill();
  await new Promise((resolve) => child.once("close", resolve));
  expect(cpuTimeOf(child.pid!)).toBeNull();
});
