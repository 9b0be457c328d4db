import { createInterface } from "node:readline";
import { Server } from "../protocol/serve.ts";
import { guestProgram } from "./guest-program.ts";
import { initramfs } from "./initramfs.ts";
import { kernelDefinition, type Npt } from "./kernel-definition.ts";
import type { KernelFiles } from "./kernel-files.ts";
import { boot } from "./machine.ts";

export interface KernelOptions {
  /** Nested paging on or off; both in turn if left out. */
  readonly npt?: Npt;
  /** More arguments for the kernel. */
  readonly append?: string;
}

/**
 * Boots a kernel and answers the requests of the protocol for it, on stdin and stdout, until stdin
 * ends; the console goes to stderr. @throws CannotBoot, Error when the kernel dies.
 */
export async function serveKernel(
  files: KernelFiles,
  { npt, append = "" }: KernelOptions,
): Promise<void> {
  const machine = await boot({
    image: files.image,
    initramfs: initramfs(guestProgram(), files),
    append: files.modules.length > 0 ? append : `${BUILT_IN}${npt ?? "1"} ${append}`,
    onConsole: (line) => process.stderr.write(`${line}\n`),
  });
  try {
    const server = new Server(await kernelDefinition(machine.link, files, npt));
    for await (const line of createInterface({ input: process.stdin })) {
      process.stdout.write(`${await server.answer(line)}\n`);
    }
  } finally {
    machine.end();
  }
}

/** What modules are told as they are loaded, for a kernel that has KVM built in. */
const BUILT_IN = "kvm.tdp_mmu=0 kvm_amd.npt=";
