/**
 * BTF, by which a running kernel describes its own structures (/sys/kernel/btf): those of its image,
 * and what a module adds to them. As much of it as says where the fields of structures are, and which
 * parameters a function has.
 */

/** The kernel's description has no such structure, field or function, or several of the name. */
export class LayoutMissing extends Error {
  override readonly name = "LayoutMissing";
}

/** Where a field of a structure is. */
export interface Field {
  /** Bytes from the start of the structure. */
  readonly offset: number;
  /** Bytes; of a bit field, those of the unit that it lies in. */
  readonly size: number;
  /** Of a bit field: how many bits up from `offset`, and how many bits it has. */
  readonly bits?: { readonly shift: number; readonly width: number };
}

interface Type {
  readonly kind: number;
  readonly name: number;
  readonly members: number;
  /** Whether members carry the width of bit fields. */
  readonly flag: boolean;
  /** Bytes, or the type that it is made of. */
  readonly sizeOrType: number;
  /** Where what depends on the kind begins. */
  readonly at: number;
}

const MAGIC = 0xeb9f;
const [INT, PTR, ARRAY, STRUCT, UNION, ENUM] = [1, 2, 3, 4, 5, 6];
const [TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FUNC_PROTO, VAR, DATASEC] = [
  8, 9, 10, 11, 12, 13, 14, 15,
];
const [DECL_TAG, TYPE_TAG, ENUM64] = [17, 18, 19];
const POINTER_SIZE = 8;

/** Bytes that follow the head of a type: so many, and so many for each member. */
const REST: Readonly<Record<number, readonly [number, number]>> = {
  [INT]: [4, 0],
  [ARRAY]: [12, 0],
  [STRUCT]: [0, 12],
  [UNION]: [0, 12],
  [ENUM]: [0, 8],
  [FUNC_PROTO]: [0, 8],
  [VAR]: [4, 0],
  [DATASEC]: [0, 12],
  [DECL_TAG]: [4, 0],
  [ENUM64]: [0, 12],
};
/** Those that only give another type a name or a property. */
const TRANSPARENT = new Set([TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG]);

/** A step of a path: `memslots`, `[1]`. */
const STEP = /\.?(\w+)|\[(\d+)\]/y;

export class Btf {
  readonly #bytes: Buffer;
  readonly #base: Btf | null;
  readonly #types: number[] = [];
  readonly #firstType: number;
  readonly #strings: Buffer;
  readonly #firstString: number;
  readonly #known = new Map<string, Field>();
  readonly #structures = new Map<string, number>();

  /** @param base what a module's description builds on. @throws LayoutMissing if it is no BTF */
  constructor(bytes: Buffer, base: Btf | null = null) {
    if (bytes.length < 24 || bytes.readUInt16LE(0) !== MAGIC) {
      throw new LayoutMissing("what the kernel says of its structures is no BTF");
    }
    this.#bytes = bytes;
    this.#base = base;
    const [head, types, typesLength, strings, stringsLength] = [4, 8, 12, 16, 20].map((at) =>
      bytes.readUInt32LE(at),
    ) as [number, number, number, number, number];
    this.#strings = bytes.subarray(head + strings, head + strings + stringsLength);
    this.#firstType = base === null ? 1 : base.#firstType + base.#types.length;
    this.#firstString = base === null ? 0 : base.#firstString + base.#strings.length;
    const end = head + types + typesLength;
    for (let at = head + types; at < end;) {
      this.#types.push(at);
      const { kind, members } = this.#typeAt(at);
      const [fixed, each] = REST[kind] ?? [0, 0];
      at += 12 + fixed + each * members;
    }
  }

  /** Bytes of a structure. @throws LayoutMissing */
  size(structure: string): number {
    return this.#sizeOf(this.#structure(structure));
  }

  /** Whether a structure has such a field. */
  has(structure: string, path: string): boolean {
    try {
      this.field(structure, path);
      return true;
    } catch (error) {
      if (error instanceof LayoutMissing) return false;
      throw error;
    }
  }

  /**
   * Where a field is: `memslots[1]`, `arch.mmio_gen`; members of unnamed members are found by their
   * own name. @throws LayoutMissing
   */
  field(structure: string, path: string): Field {
    const key = `${structure} ${path}`;
    let field = this.#known.get(key);
    if (field === undefined) {
      field = this.#follow(this.#structure(structure), path, structure);
      this.#known.set(key, field);
    }
    return field;
  }

  /** Names of a function's parameters, in their order. @throws LayoutMissing */
  parameters(name: string): string[] {
    const found = this.#named(name, [FUNC]);
    if (found.length === 0) throw new LayoutMissing(`the kernel does not describe ${name}()`);
    const lists = new Set(found.map((id) => this.#parametersOf(id).join(" ")));
    if (lists.size > 1) throw new LayoutMissing(`the kernel has several functions ${name}()`);
    return this.#parametersOf(found[0]!);
  }

  #parametersOf(id: number): string[] {
    const prototype = this.#type(this.#type(id).sizeOrType);
    const { members, at } = prototype;
    const bytes = this.#holder(this.#type(id).sizeOrType).#bytes;
    return Array.from({ length: members }, (_, i) => this.#string(bytes.readUInt32LE(at + 8 * i)));
  }

  #follow(id: number, path: string, structure: string): Field {
    let offset = 0;
    let bits: Field["bits"];
    let type = this.#skip(id);
    STEP.lastIndex = 0;
    while (STEP.lastIndex < path.length) {
      const match = STEP.exec(path);
      if (match === null) throw new Error(`${path} is no path of fields`);
      const [, name, index] = match;
      if (index !== undefined) {
        const { kind, at } = this.#type(type);
        if (kind !== ARRAY) throw new LayoutMissing(`${path} of struct ${structure} is no array`);
        type = this.#skip(this.#holder(type).#bytes.readUInt32LE(at));
        offset += Number(index) * this.#sizeOf(type);
        continue;
      }
      const member = this.#member(type, name!);
      if (member === null) {
        throw new LayoutMissing(`the kernel's struct ${structure} has no field ${path}`);
      }
      type = this.#skip(member.type);
      const size = member.width === 0 ? 1 : this.#sizeOf(type);
      const unit = Math.floor(member.bit / (8 * size)) * size;
      offset += unit;
      bits = member.width === 0 ? undefined : { shift: member.bit - 8 * unit, width: member.width };
    }
    const size = this.#sizeOf(type);
    return bits === undefined ? { offset, size } : { offset, size, bits };
  }

  /** A member of a structure or of its unnamed members; where it is in bits. */
  #member(id: number, name: string): { type: number; bit: number; width: number } | null {
    const { kind, members, flag, at } = this.#type(id);
    if (kind !== STRUCT && kind !== UNION) return null;
    const bytes = this.#holder(id).#bytes;
    for (let i = 0; i < members; i++) {
      const [label, type, where] = [0, 4, 8].map((byte) =>
        bytes.readUInt32LE(at + 12 * i + byte),
      ) as [number, number, number];
      const bit = flag ? where & 0xffffff : where;
      const width = flag ? where >>> 24 : 0;
      const itsName = this.#string(label);
      if (itsName === name) return { type, bit, width };
      if (itsName !== "") continue;
      const inner = this.#member(this.#skip(type), name);
      if (inner !== null) return { ...inner, bit: inner.bit + bit };
    }
    return null;
  }

  #structure(name: string): number {
    const known = this.#structures.get(name);
    if (known !== undefined) return known;
    const found = this.#named(name, [STRUCT, UNION]);
    if (found.length === 0) throw new LayoutMissing(`the kernel does not describe struct ${name}`);
    const sizes = new Set(found.map((id) => this.#sizeOf(id)));
    if (sizes.size > 1) throw new LayoutMissing(`the kernel has several structs ${name}`);
    this.#structures.set(name, found[0]!);
    return found[0]!;
  }

  /** Types of that name: what a module says comes before what the image says. */
  #named(name: string, kinds: readonly number[]): number[] {
    const inBase = this.#base === null ? [] : this.#base.#named(name, kinds);
    const names = new Set([...this.#labels(name)]);
    if (names.size === 0) return inBase;
    const own: number[] = [];
    this.#types.forEach((at, i) => {
      if (!names.has(this.#bytes.readUInt32LE(at))) return;
      if (kinds.includes(this.#typeAt(at).kind)) own.push(this.#firstType + i);
    });
    return [...own, ...inBase];
  }

  /** Where a name stands among the strings, of this description and of its base. */
  *#labels(name: string): Iterable<number> {
    const text = Buffer.from(`${name}\0`);
    const strings = this.#strings;
    for (let at = strings.indexOf(text); at >= 0; at = strings.indexOf(text, at + 1)) {
      // Where it is the end of a longer name no type has it, or one that shares the bytes.
      yield this.#firstString + at;
    }
    if (this.#base !== null) yield* this.#base.#labels(name);
  }

  #sizeOf(id: number): number {
    const type = this.#type(this.#skip(id));
    switch (type.kind) {
      case PTR:
        return POINTER_SIZE;
      case ARRAY: {
        const bytes = this.#holder(this.#skip(id)).#bytes;
        return this.#sizeOf(bytes.readUInt32LE(type.at)) * bytes.readUInt32LE(type.at + 8);
      }
      default:
        return type.sizeOrType;
    }
  }

  /** What a type is when names and properties are left out. */
  #skip(id: number): number {
    let type = this.#type(id);
    while (TRANSPARENT.has(type.kind)) {
      id = type.sizeOrType;
      type = this.#type(id);
    }
    return id;
  }

  /** The description that has a type. */
  #holder(id: number): Btf {
    return this.#base !== null && id < this.#firstType ? this.#base.#holder(id) : this;
  }

  #type(id: number): Type {
    const holder = this.#holder(id);
    const at = holder.#types[id - holder.#firstType];
    // Type 0 is void.
    if (at === undefined)
      return { kind: 0, name: 0, members: 0, flag: false, sizeOrType: 0, at: 0 };
    return holder.#typeAt(at);
  }

  #typeAt(at: number): Type {
    const [name, info, sizeOrType] = [0, 4, 8].map((byte) =>
      this.#bytes.readUInt32LE(at + byte),
    ) as [number, number, number];
    return {
      kind: (info >>> 24) & 0x1f,
      name,
      members: info & 0xffff,
      flag: info >>> 31 === 1,
      sizeOrType,
      at: at + 12,
    };
  }

  #string(label: number): string {
    if (this.#base !== null && label < this.#firstString) return this.#base.#string(label);
    const from = label - this.#firstString;
    return this.#strings.toString("latin1", from, this.#strings.indexOf(0, from));
  }
}

/** The value of a field in the bytes of its structure. */
export function fieldIn(bytes: Buffer, { offset, size, bits }: Field): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[offset + i]!);
  if (bits === undefined) return value;
  return (value >> BigInt(bits.shift)) & ((1n << BigInt(bits.width)) - 1n);
}
