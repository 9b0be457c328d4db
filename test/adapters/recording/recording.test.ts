import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import {
  LONGEST_LINE,
  Recording,
  UnreadableFile,
} from "../../../src/adapters/recording/recording.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

function aFile(content: string | Buffer): string {
  const file = join(temporaryFolder(), "trace");
  writeFileSync(file, content);
  return file;
}

async function linesOf(file: string | Recording): Promise<string[]> {
  const lines: string[] = [];
  let last = 0;
  const recording = typeof file === "string" ? await Recording.open(file) : file;
  await recording.eachLine((line, number) => {
    lines.push(line);
    last = number;
    return number === lines.length;
  });
  expect(last).toBe(lines.length);
  return lines;
}

test("lines come one by one with their numbers, empty ones too", async () => {
  expect(await linesOf(aFile("a\n\nb\n"))).toEqual(["a", "", "b"]);
});

test("the last line need not end", async () => {
  expect(await linesOf(aFile("a\nb"))).toEqual(["a", "b"]);
});

test("an empty file has no lines", async () => {
  expect(await linesOf(aFile(""))).toEqual([]);
});

test("what is read in several pieces is the same", async () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i} of a longer file`);
  const file = aFile(`${lines.join("\n")}\n`);
  expect(await linesOf(file)).toEqual(lines);
  expect(await linesOf(aFile(gzipSync(`${lines.join("\n")}\n`)))).toEqual(lines);
});

test("a line without an end is cut, and what follows it is read", async () => {
  const endless = "x".repeat(3 * 2 ** 20);
  const [first, second, ...more] = await linesOf(aFile(`${endless}\nafter\n`));
  expect(first).toMatch(/^x+$/);
  expect(first!.length).toBeLessThanOrEqual(LONGEST_LINE);
  expect([second, ...more]).toEqual(["after"]);
  const [only, ...none] = await linesOf(aFile(endless));
  expect(only!.length).toBeLessThanOrEqual(LONGEST_LINE);
  expect(none).toEqual([]);
});

test("reading ends when nobody wants more", async () => {
  const seen: string[] = [];
  const recording = await Recording.open(aFile("a\nb\nc\n"));
  await recording.eachLine((line) => seen.push(line) < 2);
  expect(seen).toEqual(["a", "b"]);
  expect(await linesOf(recording)).toEqual(["a", "b", "c"]);
});

test("a file that is not there, or not whole, is an error in one sentence", async () => {
  const missing = "/nowhere/trace cannot be read: ENOENT";
  await expect(linesOf("/nowhere/trace")).rejects.toThrow(missing);
  const cut = aFile(gzipSync("a line\n".repeat(1000)).subarray(0, 30));
  await expect(linesOf(cut)).rejects.toThrow(UnreadableFile);
  await expect(linesOf(cut)).rejects.toThrow(`${cut} cannot be unpacked: unexpected end of file`);
});
