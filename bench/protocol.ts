import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { askedSteps } from "../src/adapters/protocol/unroll.ts";
import { Session } from "../src/adapters/protocol/session.ts";
import { claimLayer, mustHold } from "../src/conformance/claim.ts";
import { runSuites } from "../src/conformance/run-suites.ts";
import { LAST_LAYER } from "../src/reference/compose.ts";
import { loadCases } from "../src/scenario/load-cases.ts";
import { printTable, seconds } from "./measure.ts";

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work();
  return performance.now() - started;
};

/** How fast the conversation with the C example is. */
export async function protocolBench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kmc-bench-"));
  const command = join(folder, "kvm_mmu");
  execFileSync("cc", ["-std=c11", "-O2", "-o", command, "examples/c/kvm_mmu.c"]);
  const claim = claimLayer(LAST_LAYER);
  const cases = loadCases().filter((scenario) => mustHold(scenario, claim));
  const steps = cases.reduce((sum, scenario) => sum + askedSteps(scenario).length, 0);

  const session = await Session.start(command);
  const once = async (): Promise<void> => {
    for (const scenario of cases) await session.record(scenario);
  };
  await once();
  const pipelined =
    (await timed(async () => {
      for (let i = 0; i < 5; i++) await once();
    })) / 5;
  await session.close();

  const few = cases.slice(0, 50);
  const alone = await timed(async () => {
    for (const scenario of few) {
      const own = await Session.start(command);
      await own.record(scenario);
      await own.close();
    }
  });

  const workers = await Promise.all(
    Array.from({ length: availableParallelism() }, () => Session.start(command)),
  );
  const suites = await timed(() =>
    runSuites(workers, { cases: loadCases(), claim, findErrata: true }),
  );
  await Promise.all(workers.map((worker) => worker.close()));
  rmSync(folder, { recursive: true });

  const perCase = pipelined / cases.length;
  const perSpawned = alone / few.length;
  printTable(
    ["the C example behind the protocol", "measured", "target"],
    [
      [
        "steps a second, one worker",
        Math.round(steps / (pipelined / 1000)).toLocaleString("en"),
        "20,000",
      ],
      [`all ${cases.length} cases, ${workers.length} workers`, seconds(suites), "5 s"],
      ["a case in a session", `${perCase.toFixed(2)} ms`, ""],
      ["a case in a process of its own", `${perSpawned.toFixed(2)} ms`, ""],
      ["ratio", (perSpawned / perCase).toFixed(1), ""],
    ],
  );
}
