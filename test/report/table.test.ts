import { describe, expect, test } from "vitest";
import { fit, folded, labelled, plural, wrap } from "../../src/report/table.ts";

test("a text is padded to a width, or loses its end to an ellipsis", () => {
  expect(fit("abc", 5)).toBe("abc  ");
  expect(fit("abcde", 5)).toBe("abcde");
  expect(fit("abcdef", 5)).toBe("abcd…");
  expect(fit("", 2)).toBe("  ");
});

describe("a text is broken into lines", () => {
  test.each([
    { text: "", lines: [""] },
    { text: "one", lines: ["one"] },
    { text: "one two", lines: ["one two"] },
    { text: "one twos", lines: ["one", "twos"] },
    { text: "a b c d e f", lines: ["a b c d", "e f"] },
    { text: "abcdefghij", lines: ["abcdefg", "hij"] },
    { text: "x abcdefghij y", lines: ["x", "abcdefg", "hij y"] },
    { text: "abcdefg abcdefg", lines: ["abcdefg", "abcdefg"] },
  ])('of at most seven characters: "$text"', ({ text, lines }) => {
    expect(wrap(text, 7)).toEqual(lines);
  });
});

test("lines behind a label are as wide as ours may be, and stand below each other", () => {
  expect(labelled("why ", "short")).toEqual(["why short"]);
  const [first, second, ...more] = labelled("why ", `${"x".repeat(96)} y`);
  expect(first).toBe(`why ${"x".repeat(96)}`);
  expect(second).toBe("    y");
  expect(more).toEqual([]);
});

describe("a line of code", () => {
  test("that fits is left as it is, the mark before it counted", () => {
    expect(folded("x".repeat(100))).toEqual(["x".repeat(100)]);
    expect(folded("x".repeat(99), "+")).toEqual([`+${"x".repeat(99)}`]);
    expect(folded("    f();", "-")).toEqual(["-    f();"]);
  });

  test("that is too long goes on two deeper, each part marked", () => {
    const line = `    call(${"a".repeat(60)}, ${"b".repeat(60)});`;
    expect(folded(line, "+")).toEqual([
      `+    call(${"a".repeat(60)},`,
      `+      ${"b".repeat(60)});`,
    ]);
    expect(folded("x".repeat(101))).toEqual(["x".repeat(98), "  xxx"]);
  });
});

test("a noun has its number", () => {
  const nouns = ["case", "patch", "class", "box", "push"].map((noun) => plural(2, noun));
  expect(nouns).toEqual(["2 cases", "2 patches", "2 classes", "2 boxes", "2 pushes"]);
  expect([plural(0, "case"), plural(1, "patch")]).toEqual(["0 cases", "1 patch"]);
});
