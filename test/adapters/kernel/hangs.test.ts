import { spawnSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Session } from "../../../src/adapters/protocol/session.ts";
import { loadCases } from "../../../src/scenario/load-cases.ts";
import { describeWith } from "../../support/needs.ts";

const caseOf = (id: string) => loadCases().find((scenario) => scenario.id === id)!;
/** Hundreds of installs: what happens to the machine meanwhile happens in the middle of a case. */
const LONG = caseOf("E1.defect.from-512-installs");
const SHORT = caseOf("p08.entry.check-event-prints-the-small-numbers");

/** Process ids of the programs of a name that this process, or one that it has started, has started. */
function started(name: string): number[] {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid=,comm="], { encoding: "utf8" });
  const processes = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, command]) => ({ pid: Number(pid), parent: Number(parent), command }));
  const below = new Set([process.pid]);
  const found: number[] = [];
  // A child may stand before its parent: until nothing is added.
  for (let size = 0; size !== below.size;) {
    size = below.size;
    for (const { pid, parent } of processes) if (below.has(parent)) below.add(pid);
  }
  for (const { pid, command } of processes)
    if (below.has(pid) && command!.startsWith(name)) found.push(pid);
  return found;
}

describeWith(["qemu-system-x86_64", "cc", "apt-get"], "a machine, in the middle of a case,", () => {
  let session: Session;
  beforeAll(async () => {
    const command = `${process.execPath} bin/kmc.js kernel --serve --npt 1`;
    const options = { startTimeout: 240_000, stepTimeout: 4000, caseTimeout: 60_000 };
    session = await Session.start(command, options);
  }, 300_000);
  afterAll(() => session.close());

  test.each([
    ["SIGSTOP", "timed-out"],
    ["SIGKILL", "crashed"],
  ] as const)(
    "that gets %s costs that case (%s), and is booted again for the next",
    async (signal, kind) => {
      const before = session.restarts;
      const record = session.record(LONG);
      await setTimeout(400);
      const machines = started("qemu-system");
      expect(machines).toHaveLength(1);
      process.kill(machines[0]!, signal);
      const { failure } = await record;
      expect(failure).toMatchObject({
        kind,
        pointer: expect.stringMatching(/^\/steps\/\d/) as string,
      });
      expect(await session.record(SHORT)).not.toHaveProperty("failure");
      expect(session.restarts).toBe(before + 1);
      expect(started("qemu-system")).not.toContain(machines[0]);
    },
    300_000,
  );
});
