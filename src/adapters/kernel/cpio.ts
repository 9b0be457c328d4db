/** A file of an initramfs. */
export interface ArchiveFile {
  /** Without a leading slash. */
  readonly name: string;
  /** File type and permissions, as in `st_mode`. */
  readonly mode: number;
  readonly content: Uint8Array;
}

export const DIRECTORY = 0o040755;
export const PROGRAM = 0o100755;
export const FILE = 0o100644;

const TRAILER = { name: "TRAILER!!!", mode: 0, content: new Uint8Array() };

/** An archive in the `newc` form of cpio, as the kernel unpacks it; folders come before what is in them. */
export function cpioArchive(files: readonly ArchiveFile[]): Buffer {
  return Buffer.concat([...files, TRAILER].flatMap(entry));
}

function entry({ name, mode, content }: ArchiveFile, index: number): Uint8Array[] {
  const path = Buffer.from(`${name}\0`);
  const header = Buffer.from(`070701${headerFields(index + 1, mode, content.length, path.length)}`);
  return [...padded([header, path]), ...padded([content])];
}

/** Inode, mode, owner, group, links, time, size, device, its two numbers, length of name, sum. */
function headerFields(inode: number, mode: number, size: number, nameLength: number): string {
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, nameLength, 0];
  return fields.map((field) => field.toString(16).padStart(8, "0")).join("");
}

/** With zeros up to a multiple of four bytes. */
function padded(parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [...parts, new Uint8Array((4 - (length % 4)) % 4)];
}
