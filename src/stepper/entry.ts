import type { Composition } from "../reference/compose.ts";
import { hex } from "../adapters/record.ts";
import { Kvm } from "../reference/machine/kvm.ts";
import type { MachineParameters } from "../reference/machine/machine.ts";
import { SPTE_SPECIAL_MASK } from "../reference/machine/spte.ts";
import { bits, u64 } from "../reference/machine/u64.ts";

/** What a part of an entry is about, for its colour. */
export type PartKind = "generation" | "address" | "flag" | "special" | "unused";

/** Neighbouring bits that mean one thing. */
export interface EntryPart {
  readonly name: string;
  readonly kind: PartKind;
  readonly high: number;
  readonly low: number;
  readonly value: string;
}

export interface EntryBit {
  /** 63 to 0. */
  readonly bit: number;
  readonly set: boolean;
  readonly kind: PartKind;
  /** The bits of the generation that are stored here: one, if the encoding is right. */
  readonly generation: readonly number[];
  /** A bit of the generation that is here is elsewhere, too, or not alone here. */
  readonly overlaps: boolean;
}

/** An entry of a shadow page, taken apart. */
export interface DecodedEntry {
  readonly kind: "MMIO" | "leaf" | "table";
  /** From bit 63 down. */
  readonly bits: readonly EntryBit[];
  readonly parts: readonly EntryPart[];
  /** What there is to say about how the generation is stored. */
  readonly notes: readonly string[];
}

/** Where a composition puts each bit of a generation, found by encoding it. */
export class EntryLayout {
  readonly #kvm: Kvm;
  /** What was taken apart last: mostly it is asked for again. */
  #last: { raw: bigint; level: number; decoded: DecodedEntry } | null = null;
  /** By bit of an SPTE: bits of the generation. */
  readonly #stored: readonly (readonly number[])[];
  /** By bit of the generation, as far as it counts: bits of an SPTE. */
  readonly #places: ReadonlyMap<number, readonly number[]>;

  constructor({ ops }: Composition, machine: MachineParameters) {
    this.#kvm = new Kvm(machine, ops, null);
    // Before patch 06 the mask has the flag in it, which is never stored.
    const counted = ops.MMIO_GEN_MASK(this.#kvm) & ~ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
    const places = new Map<number, number[]>();
    for (const bit of bitsOf(counted)) {
      places.set(bit, bitsOf(u64(ops.generation_mmio_spte_mask(this.#kvm, 1n << BigInt(bit)))));
    }
    this.#places = places;
    this.#stored = Array.from({ length: 64 }, (_, at) =>
      [...places].filter(([, stored]) => stored.includes(at)).map(([bit]) => bit),
    );
  }

  /** @param level of the table that the entry is in. */
  decode(raw: bigint, level: number): DecodedEntry {
    const last = this.#last;
    if (last?.raw === raw && last.level === level) return last.decoded;
    const decoded = this.#decode(raw, level);
    this.#last = { raw, level, decoded };
    return decoded;
  }

  #decode(raw: bigint, level: number): DecodedEntry {
    const { shadow_mmio_mask: mask, shadow_mmio_value: value } = this.#kvm.masks;
    const isMmio = (raw & mask) === value;
    const isLeaf = level === 1 || (raw & LARGE) !== 0n;
    const kind = isMmio ? "MMIO" : isLeaf ? "leaf" : "table";
    const meaningOf = (bit: number): Meaning =>
      isMmio ? this.#mmioMeaning(bit) : this.#presentMeaning(bit);
    const meanings = Array.from({ length: 64 }, (_, i) => meaningOf(63 - i));
    const decoded = meanings.map(([, of], i): EntryBit => {
      const bit = 63 - i;
      const generation = isMmio ? this.#stored[bit]! : [];
      const overlaps =
        generation.length > 1 ||
        generation.some((each) => (this.#places.get(each)?.length ?? 0) > 1);
      return { bit, set: ((raw >> BigInt(bit)) & 1n) === 1n, kind: of, generation, overlaps };
    });
    return {
      kind,
      bits: decoded,
      parts: this.#parts(raw, meanings),
      notes: isMmio ? this.#notes() : [],
    };
  }

  #parts(raw: bigint, meanings: readonly Meaning[]): EntryPart[] {
    const parts: EntryPart[] = [];
    for (let high = 63; high >= 0;) {
      const [name, kind] = meanings[63 - high]!;
      let low = high;
      while (low > 0 && meanings[63 - low + 1]![0] === name) low--;
      const value = (raw & bits(high, low)) >> BigInt(low);
      if (kind !== "unused" || value !== 0n) {
        const stored = this.#storedText(kind, high, low);
        parts.push({ name: name + stored, kind, high, low, value: hex(value) });
      }
      high = low - 1;
    }
    return parts;
  }

  #storedText(kind: PartKind, high: number, low: number): string {
    if (kind !== "generation") return "";
    const stored = this.#stored.slice(low, high + 1).flat();
    return `, bits ${rangesOf(stored)} of it`;
  }

  #notes(): string[] {
    const twice = [...this.#places].filter(([, places]) => places.length > 1).map(([bit]) => bit);
    const lost = [...this.#places].filter(([, places]) => places.length === 0).map(([bit]) => bit);
    return [
      ...(twice.length === 0
        ? []
        : [`Bits ${rangesOf(twice)} of the generation are stored twice.`]),
      ...(lost.length === 0
        ? []
        : [`Of the generation, bit ${rangesOf(lost)} is stored nowhere.`.replace(MANY, MANY_ARE)]),
    ];
  }

  #mmioMeaning(bit: number): Meaning {
    const { masks } = this.#kvm;
    const at = 1n << BigInt(bit);
    if (this.#stored[bit]!.length > 0) return ["generation", "generation"];
    if (masks.shadow_mmio_mask & at & ~SPTE_SPECIAL_MASK) return ["MMIO value", "special"];
    if (SPTE_SPECIAL_MASK & at) return ["special: software's", "special"];
    if (masks.shadow_nonpresent_or_rsvd_mask & at) return ["set against L1TF", "special"];
    if (masks.shadow_nonpresent_or_rsvd_lower_gfn_mask & at) return ["gfn", "address"];
    const upper = masks.shadow_nonpresent_or_rsvd_mask << masks.shadow_nonpresent_or_rsvd_mask_len;
    if (upper & at) return ["gfn, upper bits", "address"];
    if (bit === 1) return ["write access", "flag"];
    if (bit === 2) return ["user access", "flag"];
    return ["unused", "unused"];
  }

  #presentMeaning(bit: number): Meaning {
    if (bit >= 12 && bit <= 51) return ["frame", "address"];
    const names = this.#kvm.machine.paging === "ept" ? EPT : LEGACY;
    const name = names[bit] ?? ALWAYS[bit];
    return name === undefined ? ["unused", "unused"] : [name, "flag"];
  }
}

type Meaning = readonly [name: string, kind: PartKind];

const LARGE = 1n << 7n;

/** Bits of present entries by paging. */
const EPT: Readonly<Record<number, string>> = {
  0: "readable",
  1: "writable",
  2: "executable",
  3: "memory type",
  4: "memory type",
  5: "memory type",
  6: "ignore PAT",
  8: "accessed",
  9: "dirty",
};
const LEGACY: Readonly<Record<number, string>> = {
  0: "present",
  1: "writable",
  2: "user",
  5: "accessed",
  6: "dirty",
  63: "not executable",
};
const ALWAYS: Readonly<Record<number, string>> = {
  7: "large page",
  10: "host-writable",
  11: "MMU-writable",
};

const MANY = /bit (.*[-,].*) is/;
const MANY_ARE = "bits $1 are";

const bitsOf = (word: bigint): number[] =>
  Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => (word >> BigInt(bit)) & 1n);

/** `0-8`, `0-2, 5`. */
function rangesOf(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i]!;
    while (sorted[i + 1] === sorted[i]! + 1) i++;
    parts.push(first === sorted[i] ? String(first) : `${first}-${sorted[i]!}`);
  }
  return parts.join(", ");
}
