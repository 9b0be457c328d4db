import { expect, test } from "vitest";
import { searchProgress } from "../../src/explore/livelock.ts";
import { loadObligation } from "../../src/explore/obligation.ts";
import { composeThrough } from "../../src/reference/compose.ts";

const { scenario } = loadObligation("E3.wrap");

test("a walk and a vCPU that undo each other's work are a livelock", () => {
  const { livelock } = searchProgress(composeThrough(27), scenario);
  expect(livelock?.threads).toEqual(["writer", "vcpu"]);
  expect(livelock!.states).toBeGreaterThan(1);
});

test("a cycle in which only a vCPU runs is none: a fair scheduler lets the writer go on", () => {
  const [create, access] = scenario.setup;
  const quiet = { ...scenario, setup: [create!, access!] };
  const { livelock, states, notCovered } = searchProgress(composeThrough(27), quiet);
  expect(notCovered).toBeNull();
  expect(states).toBeGreaterThan(10);
  expect(livelock).toBeNull();
});
