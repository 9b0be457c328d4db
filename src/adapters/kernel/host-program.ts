import { spawnSync } from "node:child_process";
import { CannotBoot } from "./cannot-boot.ts";

/** What Debian calls the packages of programs that are needed. */
const PACKAGES = {
  "qemu-system-x86_64": "qemu-system-x86",
  cc: "gcc and libc6-dev",
  "apt-get": "apt",
  "apt-cache": "apt",
  "dpkg-deb": "dpkg",
} as const;

export type HostProgram = keyof typeof PACKAGES;

/** @throws CannotBoot if a program is not there, with the package that has it. */
export function needProgram(program: HostProgram, whatFor: string): void {
  if (spawnSync(program, ["--version"], { stdio: "ignore" }).error !== undefined) {
    throw notThere(program, whatFor);
  }
}

const notThere = (program: HostProgram, whatFor: string): CannotBoot =>
  new CannotBoot(
    `there is no ${program}, which ${whatFor}; Debian has it in the package ${PACKAGES[program]}`,
  );

/** Runs a program to its end. @returns what it prints. @throws CannotBoot if it fails. */
export function runProgram(program: HostProgram, args: readonly string[], cwd: string): string {
  const { error, status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (error !== undefined) throw notThere(program, "is needed");
  if (status === 0) return stdout;
  const [line = "it says nothing"] = stderr.trim().split("\n").slice(-1);
  throw new CannotBoot(`${program} ${args[0] ?? ""} fails: ${line}`);
}
