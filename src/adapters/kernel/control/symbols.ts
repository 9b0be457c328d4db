/** A symbol that a question about it cannot be answered by: none is there, or several. */
export class SymbolMissing extends Error {
  override readonly name = "SymbolMissing";
}

/** A part of a function that the compiler has made of it: `.part.0`, `.constprop.0`, `.isra.0`, `.cold`. */
export interface FunctionPart {
  /** As kallsyms has it. */
  readonly name: string;
  readonly address: bigint;
}

interface Entry extends FunctionPart {
  /** The module that it is of; null for the kernel's image. */
  readonly module: string | null;
}

/** What the compiler adds to a function's name, once or more. */
const SUFFIX = /(?:\.(?:part|constprop|isra|cold|llvm)(?:\.\d+)?)+$/;

/** `ffffffffc0a01230 t kvm_mmu_zap_all\t[kvm]` */
const LINE = /^([\da-f]+) \S (\S+)(?:\s+\[([^\]]+)\])?$/;

/** Addresses of a running kernel's functions and data, by name. */
export class Symbols {
  readonly #byName = new Map<string, Entry[]>();
  /** By the name without what the compiler has added. */
  readonly #parts = new Map<string, Entry[]>();

  /** @param lines of /proc/kallsyms. @throws SymbolMissing if the kernel does not tell addresses. */
  constructor(lines: readonly string[]) {
    let areHidden = true;
    for (const line of lines) {
      const [, digits, name, module] = LINE.exec(line) ?? [];
      if (digits === undefined || name === undefined) continue;
      const entry: Entry = { name, address: BigInt(`0x${digits}`), module: module ?? null };
      if (entry.address !== 0n) areHidden = false;
      add(this.#byName, name, entry);
      if (SUFFIX.test(name)) add(this.#parts, name.replace(SUFFIX, ""), entry);
    }
    if (this.#byName.size === 0) throw new SymbolMissing(NONE);
    if (areHidden) throw new SymbolMissing(HIDDEN);
  }

  /** Whether there is a symbol of just that name, be it once or more. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The address of the only symbol of just that name. @throws SymbolMissing */
  address(name: string): bigint {
    const entries = this.#byName.get(name) ?? [];
    if (entries.length === 1) return entries[0]!.address;
    if (entries.length > 1) throw new SymbolMissing(severalOf(name, entries));
    const parts = this.#parts.get(name) ?? [];
    const hint = parts.length === 0 ? "" : `, only ${parts.map((part) => part.name).join(", ")}`;
    throw new SymbolMissing(`the kernel has no symbol ${name}${hint}`);
  }

  /** What the compiler has made of a function besides or instead of it. */
  parts(name: string): readonly FunctionPart[] {
    return this.#parts.get(name) ?? [];
  }
}

const NONE = "the kernel has no symbols in /proc/kallsyms: build it with CONFIG_KALLSYMS";
const HIDDEN = "the kernel does not tell addresses in /proc/kallsyms (kptr_restrict)";

const severalOf = (name: string, entries: readonly Entry[]): string =>
  `the kernel has ${entries.length} symbols ${name}: ${entries
    .map(
      ({ address, module }) => `0x${address.toString(16)}${module === null ? "" : ` of ${module}`}`,
    )
    .join(", ")}`;

function add(map: Map<string, Entry[]>, key: string, entry: Entry): void {
  const entries = map.get(key);
  if (entries === undefined) map.set(key, [entry]);
  else entries.push(entry);
}
