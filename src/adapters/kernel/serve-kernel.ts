import { openSync, writeSync } from "node:fs";
import { Server } from "../protocol/serve.ts";
import { CannotBoot } from "./cannot-boot.ts";
import { guestProgram } from "./guest-program.ts";
import { initramfs } from "./initramfs.ts";
import { kernelDefinition, type KernelOptions } from "./kernel-definition.ts";
import type { KernelFiles } from "./kernel-files.ts";
import { boot, type Machine } from "./machine.ts";
import { Requests } from "./requests.ts";

/** How long a kernel may say nothing while nobody is there any more who asks, in milliseconds. */
const STANDS_STILL = 5000;

/**
 * Boots a kernel and answers the requests of the protocol for it, on stdin and stdout, until stdin
 * ends; the console goes to stderr. @throws CannotBoot, also when the kernel dies later.
 */
export async function serveKernel(
  files: KernelFiles,
  { npt, long, append = "", traceControl }: KernelOptions,
): Promise<void> {
  const requests = new Requests(process.stdin);
  const machine = await boot({
    image: files.image,
    initramfs: initramfs(guestProgram(), files),
    append: files.modules.length > 0 ? append : `${BUILT_IN}${npt ?? "1"} ${append}`,
    onConsole: (line) => process.stderr.write(`${line}\n`),
    ...(traceControl !== undefined && { onPacket: packetsInto(traceControl) }),
  });
  const gone = Promise.race([died(machine), leftAlone(machine, requests)]);
  gone.catch(() => undefined);
  const unlessGone = <Value>(promise: Promise<Value>): Promise<Value> =>
    Promise.race([promise, gone]);
  try {
    const definition = kernelDefinition(machine, files, {
      ...(npt !== undefined && { npt }),
      ...(long !== undefined && { long }),
    });
    const server = new Server(await unlessGone(definition));
    for (;;) {
      const line = await unlessGone(requests.next());
      if (line === null) break;
      process.stdout.write(`${await unlessGone(server.answer(line))}\n`);
    }
  } finally {
    // Nobody would end it: requests may still come for a kernel that is gone.
    process.stdin.destroy();
    machine.end();
  }
}

async function died({ over }: Machine): Promise<never> {
  throw new CannotBoot(`the kernel is gone: ${await over}`);
}

/** What was asked is still answered when stdin has ended, as long as the kernel answers. */
function leftAlone({ link }: Machine, requests: Requests): Promise<never> {
  return new Promise((_, reject) => {
    void requests.over.then(() => {
      setInterval(() => {
        if (link.silence < STANDS_STILL) return;
        reject(new CannotBoot("the kernel stands still, and nobody is there who waits for it"));
      }, 500).unref();
    });
  });
}

/** What modules are told as they are loaded, for a kernel that has KVM built in. */
const BUILT_IN = "kvm.tdp_mmu=0 kvm_amd.npt=";

/** Writes each packet, a line each, with its time, in seconds, and its direction. */
function packetsInto(path: string): (direction: ">" | "<", text: string) => void {
  const file = openSync(path, "w");
  const began = performance.now();
  return (direction, text) => {
    const seconds = ((performance.now() - began) / 1000).toFixed(6).padStart(12);
    writeSync(file, `${seconds} ${direction} ${text.replaceAll("\n", "\\n")}\n`);
  };
}
