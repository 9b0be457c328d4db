import type { GuestLink } from "../guest-link.ts";
import type { GdbRemote } from "./gdb-remote.ts";

/**
 * A whole file of the running kernel. The program inside reads it, and its memory is read from
 * outside: the serial line would take a minute for what this takes a second.
 * @throws GuestRefusal if there is none, StubRefusal, StubIsSilent
 */
export async function readGuestFile(
  link: GuestLink,
  stub: GdbRemote,
  path: string,
): Promise<Buffer> {
  const { words } = await link.ask("load", path);
  const [address, length] = [BigInt(words[0]!), Number(words[1])];
  await stub.interrupt();
  try {
    // The program inside is the only one there is: its memory is what the first CPU sees.
    return await stub.readMemory(stub.threads[0]!, address, length);
  } finally {
    stub.resume();
  }
}
