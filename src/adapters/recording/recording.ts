import {
  closeSync,
  createReadStream,
  fstatSync,
  mkdtempSync,
  openSync,
  read,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { promisify } from "node:util";
import { createGunzip } from "node:zlib";
import { binaryText } from "./binary.ts";

/** A line that is longer is cut here, in characters: no event of a trace comes near. */
export const LONGEST_LINE = 16_384;

/** Bytes read at a time. */
const CHUNK = 1 << 20;

/** A file that cannot be read, not unpacked, or that is no text. One sentence. */
export class UnreadableFile extends Error {
  override readonly name = "UnreadableFile";

  static because(file: string, cause: unknown): UnreadableFile {
    if (cause instanceof UnreadableFile) return cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const isPacking = code?.startsWith("Z_") === true;
    const what = isPacking ? `be unpacked: ${message}` : `be read: ${code ?? message}`;
    return new UnreadableFile(`${file} cannot ${what}`, { cause });
  }
}

/** Told each line without its end, and its number from 1; gives false when it has seen enough. */
export type LineVisitor = (line: string, number: number) => boolean;

/**
 * A recording, opened once: its lines can be had as often as needed, also where what was opened can
 * be read but once. That is then copied to a file without a name.
 */
export class Recording {
  /** As messages name it. */
  readonly file: string;
  readonly #fd: number;

  private constructor(file: string, fd: number) {
    this.file = file;
    this.#fd = fd;
  }

  /** @param file a path, or `-` for standard input. @throws UnreadableFile */
  static async open(file: string): Promise<Recording> {
    const name = file === "-" ? "standard input" : file;
    try {
      if (STANDARD_INPUT.has(file)) return new Recording(name, await copied(name, process.stdin));
      const fd = openSync(file, "r");
      const stat = fstatSync(fd);
      // What the kernel makes up while it is read, as in tracefs, says that it is empty.
      if (stat.isDirectory() || (stat.isFile() && stat.size > 0)) return new Recording(name, fd);
      return new Recording(name, await copied(name, createReadStream("", { fd })));
    } catch (error) {
      throw UnreadableFile.because(name, error);
    }
  }

  /**
   * Reads it line by line, with as much memory as a few chunks need, whatever its size. What is
   * compressed by gzip is unpacked on the way.
   * @throws UnreadableFile
   */
  async eachLine(visit: LineVisitor): Promise<void> {
    let rest = "";
    let number = 0;
    for await (const chunk of this.#text()) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!.slice(0, LONGEST_LINE);
      for (const line of lines) {
        const isLong = line.length > LONGEST_LINE;
        if (!visit(isLong ? line.slice(0, LONGEST_LINE) : line, ++number)) return;
      }
    }
    if (rest !== "") visit(rest, number + 1);
  }

  close(): void {
    closeSync(this.#fd);
  }

  async *#text(): AsyncGenerator<string> {
    let isFirst = true;
    try {
      for await (const chunk of this.#unpacked()) {
        const text = chunk.toString("latin1");
        if (isFirst) refuseBinary(this.file, text);
        isFirst = false;
        yield text;
      }
    } catch (error) {
      throw UnreadableFile.because(this.file, error);
    }
  }

  #unpacked(): AsyncIterable<Buffer> {
    const magic = Buffer.alloc(2);
    readSync(this.#fd, magic, 0, 2, 0);
    const bytes = bytesOf(this.#fd);
    if (!isGzip(magic)) return bytes;
    // An error comes out where the result is read.
    return pipeline(bytes, createGunzip({ chunkSize: CHUNK }), () => undefined);
  }
}

const readAt = promisify(read);

/** All of a file. A stream of Node.js would close it when somebody has read enough. */
async function* bytesOf(fd: number): AsyncGenerator<Buffer> {
  for (let at = 0; ;) {
    const { bytesRead, buffer } = await readAt(fd, Buffer.allocUnsafe(CHUNK), 0, CHUNK, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Whether what begins so was compressed by gzip. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Its second name cannot be opened where it is a socket. */
const STANDARD_INPUT = new Set(["-", "/dev/stdin"]);

/** Copies what comes into a file that goes when it is closed. */
async function copied(name: string, from: Readable): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "kmc-trace-"));
  const fd = openSync(join(folder, "trace"), "wx+", 0o600);
  rmSync(folder, { recursive: true });
  let isFirst = true;
  for await (const chunk of from) {
    const bytes = chunk as Buffer;
    if (isFirst && !isGzip(bytes)) refuseBinary(name, bytes.toString("latin1", 0, 512));
    isFirst = false;
    writeSync(fd, bytes);
  }
  return fd;
}

/** @throws UnreadableFile */
function refuseBinary(file: string, beginning: string): void {
  const text = binaryText(beginning, file);
  if (text !== null) throw new UnreadableFile(`${file} ${text}`);
}
