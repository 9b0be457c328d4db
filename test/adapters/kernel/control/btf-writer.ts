/** Writes BTF, as `pahole` would for a kernel: types are numbered in the order they are added. */
export class BtfWriter {
  readonly #types: Buffer[] = [];
  #strings = "\0";
  readonly #firstType: number;
  readonly #firstString: number;

  /** @param base what a module's description builds on. */
  constructor(base?: BtfWriter) {
    this.#firstType = base === undefined ? 1 : base.#firstType + base.#types.length;
    this.#firstString = base === undefined ? 0 : base.#firstString + base.#strings.length;
    if (base !== undefined) this.#strings = "";
  }

  int(name: string, size: number): number {
    return this.#add(name, 1, size, [size * 8]);
  }
  pointer(to: number): number {
    return this.#add("", 2, to, []);
  }
  array(of: number, count: number): number {
    return this.#add("", 3, 0, [of, 0, count]);
  }
  typedef(name: string, of: number): number {
    return this.#add(name, 8, of, []);
  }
  /** Members: name, type, where in bits, and the width of a bit field. */
  struct(
    name: string,
    size: number,
    members: readonly (readonly [string, number, number, number?])[],
    kind = 4,
  ): number {
    const rest = members.flatMap(([label, type, bit, width = 0]) => [
      this.#string(label),
      type,
      bit + width * 2 ** 24,
    ]);
    const hasBits = members.some(([, , , width]) => width !== undefined);
    return this.#add(name, kind, size, rest, members.length + (hasBits ? 2 ** 31 : 0));
  }
  union(name: string, size: number, members: Parameters<BtfWriter["struct"]>[2]): number {
    return this.struct(name, size, members, 5);
  }
  function(name: string, parameters: readonly (readonly [string, number])[]): number {
    const rest = parameters.flatMap(([label, type]) => [this.#string(label), type]);
    return this.#add(name, 12, this.#add("", 13, 0, rest, parameters.length), []);
  }

  bytes(): Buffer {
    const types = Buffer.concat(this.#types);
    const strings = Buffer.from(this.#strings, "latin1");
    const head = Buffer.alloc(24);
    head.writeUInt16LE(0xeb9f);
    head.writeUInt8(1, 2);
    [24, 0, types.length, types.length, strings.length].forEach((value, i) =>
      head.writeUInt32LE(value, 4 + 4 * i),
    );
    return Buffer.concat([head, types, strings]);
  }

  #add(name: string, kind: number, size: number, rest: readonly number[], info = 0): number {
    const words = [this.#string(name), kind * 2 ** 24 + info, size, ...rest];
    const bytes = Buffer.alloc(4 * words.length);
    words.forEach((word, i) => bytes.writeUInt32LE(word, 4 * i));
    this.#types.push(bytes);
    return this.#firstType + this.#types.length - 1;
  }

  #string(text: string): number {
    if (text === "") return 0;
    const at = this.#firstString + this.#strings.length;
    this.#strings += `${text}\0`;
    return at;
  }
}
