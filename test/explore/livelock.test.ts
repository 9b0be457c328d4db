import { expect, test } from "vitest";
import { Execution, type Taken } from "../../src/explore/execution.ts";
import { searchProgress } from "../../src/explore/livelock.ts";
import { loadObligation } from "../../src/explore/obligation.ts";
import { composeThrough } from "../../src/reference/compose.ts";

const { scenario } = loadObligation("E3.wrap");

test("a walk and a vCPU that undo each other's work are a livelock", () => {
  const { livelock } = searchProgress(composeThrough(27), scenario);
  expect(livelock?.threads).toEqual(["writer", "vcpu"]);
  expect(livelock!.states).toBeGreaterThan(1);
});

test("its cycle leads back to the state that it begins in, with a step of every thread", () => {
  const { stem, cycle, threads } = searchProgress(composeThrough(27), scenario).livelock!;
  const execution = new Execution(composeThrough(27), scenario);
  execution.takeFingerprints();
  const follow = (schedule: readonly Taken[]): number => {
    for (const { thread, answers } of schedule) execution.step(thread, answers);
    return execution.key;
  };
  const before = follow(stem);
  expect(follow(cycle.slice(0, -1))).not.toBe(before);
  expect(follow(cycle.slice(-1))).toBe(before);
  const moved = new Set(cycle.map(({ thread }) => execution.threads[thread]!.name));
  expect([...moved].sort()).toEqual([...threads].sort());
});

test("a cycle in which only a vCPU runs is none: a fair scheduler lets the writer go on", () => {
  const [create, access] = scenario.setup;
  const quiet = { ...scenario, setup: [create!, access!] };
  const { livelock, states, notCovered } = searchProgress(composeThrough(27), quiet);
  expect(notCovered).toBeNull();
  expect(states).toBeGreaterThan(10);
  expect(livelock).toBeNull();
});
