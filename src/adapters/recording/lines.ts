import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** A line that is longer is cut here, in characters: no event of a trace comes near. */
export const LONGEST_LINE = 16_384;

/** Bytes read at a time. */
const CHUNK = 1 << 20;

/** A file that cannot be read, or not unpacked. One sentence. */
export class UnreadableFile extends Error {
  override readonly name = "UnreadableFile";

  constructor(file: string, cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isPacking = code?.startsWith("Z_") === true;
    super(
      isPacking
        ? `${file} cannot be unpacked: ${message}`
        : `${file} cannot be read: ${code ?? message}`,
      { cause },
    );
  }
}

/** Told each line without its end, and its number from 1; gives false when it has seen enough. */
export type LineVisitor = (line: string, number: number) => boolean;

/**
 * Reads a file line by line, with as much memory as a few chunks need, whatever its size. A file
 * compressed by gzip is unpacked on the way.
 * @throws UnreadableFile
 */
export async function eachLine(file: string, visit: LineVisitor): Promise<void> {
  let rest = "";
  let number = 0;
  for await (const chunk of textOf(file)) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!.slice(0, LONGEST_LINE);
    for (const line of lines) {
      if (!visit(line.length > LONGEST_LINE ? line.slice(0, LONGEST_LINE) : line, ++number)) return;
    }
  }
  if (rest !== "") visit(rest, number + 1);
}

/** The first bytes of a file, or all of a shorter one. @throws UnreadableFile */
export async function firstBytes(file: string, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  try {
    for await (const part of createReadStream(file, { end: count - 1 })) parts.push(part as Buffer);
  } catch (error) {
    throw new UnreadableFile(file, error);
  }
  return Buffer.concat(parts);
}

async function* textOf(file: string): AsyncGenerator<string> {
  const chunks = unpacked(file, await firstBytes(file, 2));
  try {
    yield* chunks as AsyncIterable<string>;
  } catch (error) {
    throw new UnreadableFile(file, error);
  }
}

function unpacked(file: string, magic: Buffer): Readable {
  const bytes = createReadStream(file, { highWaterMark: CHUNK });
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return bytes.setEncoding("latin1");
  const unzip = createGunzip({ chunkSize: CHUNK });
  bytes.on("error", (error) => unzip.destroy(error)).pipe(unzip);
  return unzip.setEncoding("latin1");
}
