import { describe, expect, test } from "vitest";
import {
  countText,
  eventText,
  fieldsText,
  matchesCount,
  matchesEvent,
  matchesFields,
  patternText,
} from "../../src/conformance/match.ts";
import { wire } from "../support/records.ts";

describe("fields match", () => {
  const seen = { gfn: "0x5", level: 1, direct: true };

  test("when nothing is wanted of them", () => {
    expect(matchesFields(undefined, seen)).toBe(true);
    expect(matchesFields({}, seen)).toBe(true);
  });

  test("when all that are wanted are equal", () => {
    expect(matchesFields({ gfn: "0x5", level: 1 }, seen)).toBe(true);
    expect(matchesFields({ gfn: "0x5", level: 2 }, seen)).toBe(false);
    expect(matchesFields({ direct: false }, seen)).toBe(false);
  });

  test("when they have one of several values", () => {
    expect(matchesFields({ level: [2, 1] }, seen)).toBe(true);
    expect(matchesFields({ level: [2, 3] }, seen)).toBe(false);
  });

  test("only when they are there, and of the same type", () => {
    expect(matchesFields({ smm: false }, seen)).toBe(false);
    expect(matchesFields({ level: "1" }, seen)).toBe(false);
  });
});

test("an event matches by its name and its fields", () => {
  const event = wire("free", { gfn: "0x5" });
  expect(matchesEvent({ event: "free" }, event)).toBe(true);
  expect(matchesEvent({ event: "free", where: { gfn: "0x5" } }, event)).toBe(true);
  expect(matchesEvent({ event: "free", where: { gfn: "0x6" } }, event)).toBe(false);
  expect(matchesEvent({ event: "commit" }, event)).toBe(false);
});

test.each([
  { wanted: 2, numbers: [2], text: "2" },
  { wanted: { min: 2 }, numbers: [2, 3, 4], text: "at least 2" },
  { wanted: { max: 2 }, numbers: [0, 1, 2], text: "at most 2" },
  { wanted: { min: 2, max: 3 }, numbers: [2, 3], text: "2 to 3" },
])("a count of $text is met by $numbers of 0 to 4", ({ wanted, numbers, text }) => {
  expect([0, 1, 2, 3, 4].filter((number) => matchesCount(wanted, number))).toEqual(numbers);
  expect(countText(wanted)).toBe(text);
});

test("patterns, fields and events are phrases", () => {
  expect(patternText({ event: "commit" })).toBe("commit");
  expect(patternText({ event: "free", where: { gfn: ["0x5", "0x6"], level: 1 } })).toBe(
    "free (gfn 0x5 or 0x6, level 1)",
  );
  expect(fieldsText({ hva: "0x10005000", value: "0x0" })).toBe("hva 0x10005000, value 0x0");
  expect(eventText(wire("reload"))).toBe("reload");
  expect(eventText(wire("free", { gfn: "0x5", direct: true }))).toBe("free (gfn 0x5, direct true)");
});
