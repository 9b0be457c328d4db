import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Progress, withProgress } from "../../src/report/progress.ts";

const CLEAR = "\r\u001b[2K";

let written: string[];
const before = { isTTY: process.stderr.isTTY, columns: process.stderr.columns };

function terminal(isTTY: boolean, columns = 80): void {
  Object.assign(process.stderr, { isTTY, columns });
}

beforeEach(() => {
  written = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
  vi.useFakeTimers({ now: 1_000_000 });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  Object.assign(process.stderr, before);
});

test("outside of a terminal nothing is shown", () => {
  terminal(false);
  const progress = new Progress("case", 2);
  progress.step("a");
  progress.end();
  expect(written).toEqual([]);
});

describe("in a terminal", () => {
  test("one line is written over and over, and is gone in the end", () => {
    terminal(true);
    const progress = new Progress("case", 2);
    progress.step("first");
    vi.advanceTimersByTime(60);
    progress.step("second");
    progress.end();
    expect(written).toEqual([`${CLEAR}case 1/2 first`, `${CLEAR}case 2/2 second`, CLEAR]);
  });

  test("it does not flicker: at most twenty times a second", () => {
    terminal(true);
    const progress = new Progress("case", 3);
    progress.step("a");
    vi.advanceTimersByTime(49);
    progress.step("b");
    vi.advanceTimersByTime(1);
    progress.step("c");
    expect(written).toEqual([`${CLEAR}case 1/3 a`, `${CLEAR}case 3/3 c`]);
  });

  test("the line never reaches the edge, where it would wrap", () => {
    terminal(true, 20);
    new Progress("mutant", 5).step("p11.rather-long-name");
    expect(written).toEqual([`${CLEAR}mutant 1/5 p11.rath`]);
  });
});

test("work is done on each item in turn", () => {
  terminal(true);
  const items = [{ id: "a" }, { id: "b" }];
  expect(withProgress("case", items, ({ id }) => id.toUpperCase())).toEqual(["A", "B"]);
  expect(written).toEqual([`${CLEAR}case 1/2 a`, CLEAR]);
});
