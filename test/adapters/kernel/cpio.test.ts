import { expect, test } from "vitest";
import { cpioArchive, DIRECTORY, PROGRAM } from "../../../src/adapters/kernel/cpio.ts";

const HEADER = 110;

/** What an archive holds, read from its bytes: names, modes and contents. */
function entriesOf(archive: Buffer): { name: string; mode: number; content: string }[] {
  const entries = [];
  for (let at = 0; ;) {
    const field = (n: number): number =>
      parseInt(archive.toString("latin1", at + 6 + 8 * n, at + 14 + 8 * n), 16);
    expect(archive.toString("latin1", at, at + 6)).toBe("070701");
    const [mode, size, nameLength] = [field(1), field(6), field(11)];
    const name = archive.toString("latin1", at + HEADER, at + HEADER + nameLength - 1);
    expect(archive[at + HEADER + nameLength - 1]).toBe(0);
    const begin = Math.ceil((at + HEADER + nameLength) / 4) * 4;
    if (name === "TRAILER!!!") return entries;
    entries.push({ name, mode, content: archive.toString("latin1", begin, begin + size) });
    at = Math.ceil((begin + size) / 4) * 4;
  }
}

test("an archive holds names, modes and contents, each at a multiple of four bytes", () => {
  const files = [
    { name: "init", mode: PROGRAM, content: "12345" },
    { name: "modules", mode: DIRECTORY, content: "" },
    { name: "modules/a.ko", mode: PROGRAM, content: "1234" },
  ];
  const archive = cpioArchive(
    files.map(({ content, ...file }) => ({ ...file, content: Buffer.from(content) })),
  );
  expect(entriesOf(archive)).toEqual(files);
  expect(archive.length % 4).toBe(0);
});
