import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type ArchiveFile, cpioArchive, DIRECTORY, FILE, PROGRAM } from "./cpio.ts";
import type { KernelFiles } from "./kernel-files.ts";

/** Where the modules are, inside. */
export const modulePath = (file: string): string => `/modules/${basename(file)}`;

/** What the kernel starts with: our program as init, and the modules of KVM. */
export function initramfs(init: string, { modules }: KernelFiles): Buffer {
  const folder: ArchiveFile = { name: "modules", mode: DIRECTORY, content: new Uint8Array() };
  const files = modules.map((file) => ({
    name: modulePath(file).slice(1),
    mode: FILE,
    content: readFileSync(file),
  }));
  return cpioArchive([
    { name: "init", mode: PROGRAM, content: readFileSync(init) },
    folder,
    ...files,
  ]);
}
