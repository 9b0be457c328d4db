import { createInterface } from "node:readline";
import { Server } from "../protocol/serve.ts";
import { CannotBoot } from "./cannot-boot.ts";
import { guestProgram } from "./guest-program.ts";
import { initramfs } from "./initramfs.ts";
import { kernelDefinition, type KernelOptions } from "./kernel-definition.ts";
import type { KernelFiles } from "./kernel-files.ts";
import { boot } from "./machine.ts";

/**
 * Boots a kernel and answers the requests of the protocol for it, on stdin and stdout, until stdin
 * ends; the console goes to stderr. @throws CannotBoot, also when the kernel dies later.
 */
export async function serveKernel(
  files: KernelFiles,
  { npt, long, append = "" }: KernelOptions,
): Promise<void> {
  const machine = await boot({
    image: files.image,
    initramfs: initramfs(guestProgram(), files),
    append: files.modules.length > 0 ? append : `${BUILT_IN}${npt ?? "1"} ${append}`,
    onConsole: (line) => process.stderr.write(`${line}\n`),
  });
  const gone = machine.over.then((last): never => {
    throw new CannotBoot(`the kernel is gone: ${last}`);
  });
  gone.catch(() => undefined);
  const unlessGone = <Value>(promise: Promise<Value>): Promise<Value> =>
    Promise.race([promise, gone]);
  try {
    const definition = kernelDefinition(machine.link, files, {
      ...(npt !== undefined && { npt }),
      ...(long !== undefined && { long }),
    });
    const server = new Server(await unlessGone(definition));
    const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    for (;;) {
      const line = await unlessGone(lines.next());
      if (line.done === true) break;
      process.stdout.write(`${await unlessGone(server.answer(line.value))}\n`);
    }
  } finally {
    // Nobody would end it: requests may still come for a kernel that is gone.
    process.stdin.destroy();
    machine.end();
  }
}

/** What modules are told as they are loaded, for a kernel that has KVM built in. */
const BUILT_IN = "kvm.tdp_mmu=0 kvm_amd.npt=";
