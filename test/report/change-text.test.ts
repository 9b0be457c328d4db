import { expect, test } from "vitest";
import { changeText } from "../../src/report/change-text.ts";
import { plain } from "../support/lines.ts";

const told = (before: string | null, after: string | null): string[] =>
  plain(changeText({ name: "is_obsolete_sp", before, after }));

test("a change shows all of the text, what goes and what comes", () => {
  const context = Array.from({ length: 20 }, (_, i) => `  line(${i});`);
  const text = (middle: string): string =>
    ["f() {", ...context, middle, ...context, "}"].join("\n");
  expect(told(text("  old();"), text("  new();"))).toEqual([
    "is_obsolete_sp (changed)",
    " f() {",
    ...context.map((line) => ` ${line}`),
    "-  old();",
    "+  new();",
    ...context.map((line) => ` ${line}`),
    " }",
  ]);
});

test("what is new or gone is marked on every line", () => {
  expect(told(null, "f() {\n}")).toEqual(["is_obsolete_sp (new)", "+f() {", "+}"]);
  expect(told("f() {\n}", null)).toEqual(["is_obsolete_sp (removed)", "-f() {", "-}"]);
});

test("a long line goes on in the next, with its mark", () => {
  const long = `  call(${"a".repeat(60)}, ${"b".repeat(60)});`;
  expect(told(null, long)).toEqual([
    "is_obsolete_sp (new)",
    `+  call(${"a".repeat(60)},`,
    `+    ${"b".repeat(60)});`,
  ]);
});
