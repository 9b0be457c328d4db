import { spawnSync } from "node:child_process";

/**
 * Whether a process does anything: one that has ended and whose end nobody has asked for does not.
 */
export function isRunning(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.trim().startsWith("Z");
}
