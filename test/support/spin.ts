import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";

/** The text of a Promela model in `bench/spin`. */
export const readModel = (name: string): string =>
  readFileSync(join(PACKAGE_ROOT, "bench/spin", `${name}.pml`), "utf8");

/** What the verifier that SPIN generates says of a model. */
export interface Verified {
  /** Assertions that failed, and ends that are none; the search goes on behind them. */
  readonly errors: number;
  readonly states: number;
  readonly transitions: number;
  /** Nothing was cut off: neither by depth nor by memory. */
  readonly complete: boolean;
  /** Milliseconds: generating and compiling the verifier, and its search. */
  readonly building: number;
  readonly searching: number;
}

/**
 * Searches a model completely with SPIN and the C compiler.
 * @param defines macros, without `-D`.
 * @throws Error with what a program wrote, if it fails.
 */
export function verify(model: string, defines: readonly string[], optimize = "-O0"): Verified {
  const folder = mkdtempSync(join(tmpdir(), "kmc-spin-"));
  try {
    const run = (program: string, ...args: readonly string[]): string => {
      const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder });
      if (status !== 0) throw new Error(`${program} fails: ${String(stdout)}${String(stderr)}`);
      return String(stdout) + String(stderr);
    };
    writeFileSync(join(folder, "model.pml"), model);
    const started = performance.now();
    run("spin", "-a", ...defines.map((name) => `-D${name}`), "model.pml");
    run("cc", optimize, "-DSAFETY", "-o", "pan", "pan.c");
    const built = performance.now();
    const said = run(join(folder, "pan"), "-c0", "-w16");
    const searched = performance.now();
    const number = (pattern: RegExp): number => Number(pattern.exec(said)?.[1] ?? NaN);
    return {
      errors: number(/errors: (\d+)/),
      states: number(/(\d+) states, stored/),
      transitions: number(/(\d+) transitions/),
      complete:
        said.includes("Full statespace search") &&
        !/max search depth too small|out of memory|Search not completed|truncated/.test(said),
      building: built - started,
      searching: searched - built,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
