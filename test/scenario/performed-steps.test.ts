import { expect, test } from "vitest";
import type { Step } from "../../src/scenario/case.generated.ts";
import { isJudged } from "../../src/scenario/is-judged.ts";
import { performedSteps } from "../../src/scenario/performed-steps.ts";

const shrink: Step = { do: "shrink" };
const judged: Step = { do: "shrink", expect: { freed: 0 } };
const repeat = (times: number, ...steps: Step[]): Step => ({ do: "repeat", times, steps });

test("the steps of a thread come one by one, repetitions counted out, each with its pointer", () => {
  const inner = repeat(2, shrink, judged);
  const performed = [...performedSteps([shrink, repeat(2, inner), judged], "/at")];
  expect(performed).toEqual([
    [shrink, "/at/0"],
    ...Array.from({ length: 4 }, () => [
      [shrink, "/at/1/steps/0/steps/0"],
      [judged, "/at/1/steps/0/steps/1"],
    ]).flat(),
    [judged, "/at/2"],
  ]);
});

test("a step is judged when it, or one that it repeats, expects something", () => {
  expect(isJudged(shrink)).toBe(false);
  expect(isJudged(judged)).toBe(true);
  expect(isJudged(repeat(2, shrink))).toBe(false);
  expect(isJudged(repeat(2, repeat(2, shrink, judged)))).toBe(true);
});

test("threads are judged though nothing is expected: they may miss where the schedule wants them", () => {
  const threads: Step = {
    do: "threads",
    threads: { one: [shrink], two: [shrink] },
    schedule: [{ run: "one", until: "mmu_lock.acquire" }],
  };
  expect(isJudged(threads)).toBe(true);
  expect(isJudged(repeat(2, threads))).toBe(true);
});
