import { spawn } from "node:child_process";
import { join } from "node:path";
import { vi } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";

/** How a run of the program ended, and what it wrote. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const exitCode = (): number => Number(process.exitCode ?? 0);

/** Runs the program in this process. */
export async function kmc(...args: readonly string[]): Promise<Ended> {
  const written = { out: "", err: "" };
  const spies = (["out", "err"] as const).map((name) =>
    vi.spyOn(process[`std${name}`], "write").mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await runProgram(args);
    return { code: exitCode(), ...written };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}

/** The document that a command prints with `--json`, and the exit code. */
export async function kmcJson(...args: readonly string[]) {
  const { code, out } = await kmc(...args, "--json");
  return { code, document: JSON.parse(out) as Record<string, unknown> };
}

/** Runs the program in a process of its own, from the sources, its output in pipes. */
export const kmcProcess = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  ended(process.execPath, [PROGRAM, ...args], env);

/**
 * The same with a reader that has seen enough after the first line; the exit code is still that of
 * the program. A pipe of the shell, since those of Node.js take in a lot before anybody reads.
 */
export async function kmcIntoHead(...args: readonly string[]): Promise<Ended> {
  const script = '{ "$@"; echo "ended with $?" >&2; } | head -n 1';
  const { out, err } = await ended("sh", ["-c", script, "sh", process.execPath, PROGRAM, ...args]);
  const [text, code] = err.split("ended with ");
  return { code: Number(code), out, err: text! };
}

const PROGRAM = join(PACKAGE_ROOT, "bin/kmc.js");

function ended(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { CI: _ci, FORCE_COLOR: _force, NO_COLOR: _no, ...clean } = process.env;
  const child = spawn(command, args, {
    env: { ...clean, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  return new Promise<Ended>((resolve) => {
    child.on("close", (code) => {
      resolve({ code: code ?? -1, out, err });
    });
  });
}
