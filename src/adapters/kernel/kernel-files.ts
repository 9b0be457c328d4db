import { closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { cached } from "./cache.ts";
import { CannotBoot } from "./cannot-boot.ts";
import { needProgram, runProgram } from "./host-program.ts";

/** A kernel on the host: its image, and the modules that KVM consists of, in the order of loading. */
export interface KernelFiles {
  readonly image: string;
  /** None if KVM is built in. */
  readonly modules: readonly string[];
}

/** Modules by name; those that a kernel does not have it does not need. */
const MODULES = ["irqbypass", "ccp", "kvm", "kvm-amd"];
const MODULE_FILE = /\.ko(?:\.(?:xz|gz|zst))?$/;

/** Where the boot sector of a bzImage has its mark, and what it is. */
const HEADER = { offset: 0x202, magic: "HdrS" };

/** @throws CannotBoot if that is no kernel. */
export function kernelFiles(image: string, modulesFolder?: string): KernelFiles {
  checkImage(image);
  if (modulesFolder === undefined) return { image, modules: [] };
  const modules = modulesIn(modulesFolder);
  for (const name of ["kvm", "kvm-amd"]) {
    if (modules.some((file) => moduleName(file) === name)) continue;
    throw new CannotBoot(`${modulesFolder} has no module ${name}.ko`);
  }
  return { image, modules };
}

/** Debian's kernel for this machine's Debian, downloaded once. @throws CannotBoot */
export function debianKernel(): KernelFiles {
  const name = debianPackage();
  const root = cached(name, (folder) => {
    needProgram("dpkg-deb", "unpacks a Debian package");
    runProgram("apt-get", ["download", "-qq", name], folder);
    const [archive] = readdirSync(folder);
    runProgram("dpkg-deb", ["-x", archive!, "."], folder);
  });
  const [version] = readdirSync(join(root, "lib/modules"));
  return kernelFiles(
    join(root, "boot", `vmlinuz-${version!}`),
    join(root, "lib/modules", version!),
  );
}

/** The package that Debian's metapackage for kernels depends on. */
function debianPackage(): string {
  needProgram("apt-get", "downloads Debian's kernel (or name another one by --image)");
  const depends = runProgram("apt-cache", ["depends", "linux-image-amd64"], "/");
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new CannotBoot(NO_LISTS);
  return name;
}

const NO_LISTS =
  "apt-get knows of no package linux-image-amd64; run apt-get update, or name a kernel by --image";

function checkImage(image: string): void {
  let file: number;
  try {
    file = openSync(image, "r");
  } catch (error) {
    throw new CannotBoot(`${image} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  const magic = Buffer.alloc(HEADER.magic.length);
  try {
    readSync(file, magic, 0, magic.length, HEADER.offset);
  } catch {
    throw new CannotBoot(`${image} is not a file`);
  } finally {
    closeSync(file);
  }
  if (magic.toString("latin1") === HEADER.magic) return;
  throw new CannotBoot(`${image} is no bzImage: make bzImage leaves one in arch/x86/boot`);
}

function modulesIn(folder: string): string[] {
  if (!existsSync(folder)) throw new CannotBoot(`there is no folder ${folder}`);
  const files = [...filesBelow(folder)].filter((file) => MODULE_FILE.test(file));
  return MODULES.flatMap((name) => files.filter((file) => moduleName(file) === name).slice(0, 1));
}

/** Links are not followed: `build` leads to the whole tree, which may have the folder in it. */
function* filesBelow(folder: string): Iterable<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/** The name of a module as its file has it, with a dash: `kvm-amd`. */
export const moduleName = (file: string): string =>
  basename(file).replace(MODULE_FILE, "").replaceAll("_", "-");
