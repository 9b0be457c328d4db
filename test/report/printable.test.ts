import { expect, test } from "vitest";
import { printable } from "../../src/report/printable.ts";
import { HARMLESS, HOSTILE } from "../support/results.ts";

test("ordinary text stays as it is", () => {
  const text = 'gfn 0x5 → “hit”, …; Übung 漢字 😀 \\n <b>"&"</b>';
  expect(printable(text)).toBe(text);
});

test("what is more than it looks like is shown as what it is", () => {
  expect(printable("a\tb\r\nc")).toBe(String.raw`a\tb\r\nc`);
  expect(printable("\u001b[31m\u0007\u009b")).toBe(String.raw`\x1b[31m\x07\x9b`);
  expect(printable("\u202eabc\u2066\u200b\ufeff\u2028")).toBe(
    String.raw`\u202eabc\u2066\u200b\ufeff\u2028`,
  );
  expect(printable("\ud800 \udc00 \uffff")).toBe(String.raw`\ud800 \udc00 \uffff`);
  expect(printable("\u{e0041}")).toBe(String.raw`\u{e0041}`);
  expect(printable(HOSTILE)).toBe(HARMLESS);
});
