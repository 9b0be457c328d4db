import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "./usage-error.ts";

/** Whether a path is standard output: `-`, or a name that the system has for it. */
export function isStandardOutput(path: string): boolean {
  if (path === "-") return true;
  try {
    const target = targetOf(path);
    return "descriptor" in target && target.descriptor === 1;
  } catch {
    return false;
  }
}

/**
 * Writes a file: through links, and into what is no regular file. A regular file is replaced as a
 * whole, so that never half of one is left behind, and keeps its mode. @throws UsageError
 */
export function writeWhole(path: string, text: string): void {
  attempt(path, () => {
    const target = targetOf(path);
    if ("descriptor" in target) {
      writeFileSync(target.descriptor, text);
      return;
    }
    const standIn = standInFor(target);
    if (standIn === null) writeFileSync(target.path, text);
    else replace(target, standIn, text);
  });
}

/** Before the work, which would be in vain: makes the folder and tries. @throws UsageError */
export function ensureWritable(path: string): void {
  attempt(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    const target = targetOf(path);
    if ("descriptor" in target) {
      writeSync(target.descriptor, "");
      return;
    }
    // What is no regular file is not opened: a FIFO would wait for its reader.
    const standIn = standInFor(target);
    if (standIn !== null) discard(standIn);
  });
}

/** Whether one file is behind two writable paths, so that the second text would replace the first. */
export function isSameFile(one: string, other: string): boolean {
  const [a, b] = [targetOf(one), targetOf(other)];
  if ("descriptor" in a || "descriptor" in b) return false;
  if (a.there === undefined || b.there === undefined) return a.path === b.path;
  return a.there.isFile() && a.there.dev === b.there.dev && a.there.ino === b.there.ino;
}

/** What stands behind a path once all links are followed. */
type Target =
  /** Open already, as `/dev/stdout` is, and what a shell makes of `>(…)`. */
  | { readonly descriptor: number }
  /** `there` is undefined if nothing is there yet. */
  | { readonly path: string; readonly there: Stats | undefined };

type Place = Exclude<Target, { descriptor: number }>;

/** As many links as Linux follows. */
const MOST_LINKS = 40;

const OPEN_ALREADY = new RegExp(`^/(?:dev|proc/${process.pid}(?:/task/\\d+)?)/fd/(\\d+)$`);

/** @throws Error with the code that the system has for what is wrong */
function targetOf(path: string): Target {
  let place = path;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const folder = realpathSync(dirname(place));
    const name = join(folder, basename(place));
    const descriptor = OPEN_ALREADY.exec(name)?.[1];
    if (descriptor !== undefined) {
      fstatSync(Number(descriptor));
      return { descriptor: Number(descriptor) };
    }
    const there = lstatSync(name, { throwIfNoEntry: false });
    if (there?.isSymbolicLink() !== true) return { path: name, there: usable(name, there) };
    place = resolve(folder, readlinkSync(name));
  }
  throw failure("ELOOP");
}

/** @throws Error for what cannot be written to */
function usable(path: string, there: Stats | undefined): Stats | undefined {
  if (there?.isDirectory() === true) throw failure("EISDIR");
  if (there?.isSocket() === true) throw failure("ENXIO");
  if (there !== undefined) accessSync(path, constants.W_OK);
  return there;
}

/** A new file that takes the place of another. */
interface StandIn {
  readonly path: string;
  readonly descriptor: number;
}

/** Codes of a folder where no file can be made, though one that is there can be written to. */
const CLOSED_FOLDER = ["EACCES", "EPERM", "EROFS"];

/** Null for what must not be replaced: it is no regular file, or would lose its owner or a name. */
function standInFor({ path, there }: Place): StandIn | null {
  if (there !== undefined && (!there.isFile() || there.nlink > 1)) return null;
  const name = join(dirname(path), `.kmc-${randomBytes(6).toString("hex")}.tmp`);
  try {
    // Not even for a moment may more people read it than the other.
    const standIn = { path: name, descriptor: openSync(name, "wx", there?.mode) };
    const { uid, gid } = fstatSync(standIn.descriptor);
    if (there === undefined || (uid === there.uid && gid === there.gid)) return standIn;
    discard(standIn);
    return null;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (there !== undefined && CLOSED_FOLDER.includes(code)) return null;
    throw error;
  }
}

function replace({ path, there }: Place, standIn: StandIn, text: string): void {
  try {
    writeFileSync(standIn.descriptor, text);
    if (there !== undefined) fchmodSync(standIn.descriptor, there.mode);
    renameSync(standIn.path, path);
    closeSync(standIn.descriptor);
  } catch (error) {
    discard(standIn);
    throw error;
  }
}

function discard({ path, descriptor }: StandIn): void {
  closeSync(descriptor);
  rmSync(path, { force: true });
}

const failure = (code: string): Error => Object.assign(new Error(code), { code });

function attempt(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`${path} cannot be written: ${code}`);
  }
}
