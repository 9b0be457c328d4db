import { GuestRefusal, type GuestLink } from "../guest-link.ts";
import { Btf, LayoutMissing } from "./btf.ts";
import type { GdbRemote } from "./gdb-remote.ts";
import { readGuestFile } from "./guest-file.ts";
import { KernelMemory } from "./kernel-memory.ts";
import { Symbols } from "./symbols.ts";

/** A running kernel from inside: its symbols, its structures, and its memory while it stands. */
export class Inside {
  readonly symbols: Symbols;
  readonly btf: Btf;
  readonly #stub: GdbRemote;

  constructor(stub: GdbRemote, symbols: Symbols, btf: Btf) {
    this.#stub = stub;
    this.symbols = symbols;
    this.btf = btf;
  }

  /** With KVM there, built in or loaded. @throws SymbolMissing, LayoutMissing */
  static async open(link: GuestLink, stub: GdbRemote): Promise<Inside> {
    const kallsyms = await readGuestFile(link, stub, "/proc/kallsyms");
    const symbols = new Symbols(kallsyms.toString("latin1").split("\n"));
    const image = await described(link, stub, "vmlinux");
    if (image === null) throw new LayoutMissing(UNDESCRIBED);
    const base = new Btf(image);
    // If it is built in, the image describes it.
    const kvm = await described(link, stub, "kvm");
    return new Inside(stub, symbols, kvm === null ? base : new Btf(kvm, base));
  }

  /** Makes all CPUs stand for as long as something is looked at or changed. */
  async whileStopped<Value>(look: (memory: KernelMemory) => Promise<Value>): Promise<Value> {
    await this.#stub.interrupt();
    try {
      return await look(new KernelMemory(this.#stub, this.btf));
    } finally {
      this.#stub.resume();
    }
  }
}

const UNDESCRIBED =
  "the kernel does not describe its structures: build it with CONFIG_DEBUG_INFO_BTF";

/** What the kernel says of the structures of its image or of a module; null if it says nothing. */
async function described(link: GuestLink, stub: GdbRemote, name: string): Promise<Buffer | null> {
  try {
    return await readGuestFile(link, stub, `/sys/kernel/btf/${name}`);
  } catch (error) {
    if (error instanceof GuestRefusal) return null;
    throw error;
  }
}
