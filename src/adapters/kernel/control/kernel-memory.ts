import { CannotAssess } from "../../protocol/failure.ts";
import { type Btf, fieldIn } from "./btf.ts";
import type { GdbRemote } from "./gdb-remote.ts";

/** More members than any list of these machines has. */
const MOST_MEMBERS = 100_000;

/** The memory of a kernel whose CPUs stand, by its structures. */
export class KernelMemory {
  readonly #stub: GdbRemote;
  readonly #btf: Btf;
  /** The CPU whose page tables lead to it: one that is not in guest mode. */
  readonly #thread: string;

  constructor(stub: GdbRemote, btf: Btf) {
    this.#stub = stub;
    this.#btf = btf;
    this.#thread = stub.threads[0]!;
  }

  read(address: bigint, length: number): Promise<Buffer> {
    return this.#stub.readMemory(this.#thread, address, length);
  }

  word(address: bigint): Promise<bigint> {
    return this.#stub.readWord(this.#thread, address);
  }

  /** Where a field of a structure at an address is. */
  addressOf(structure: string, at: bigint, path: string): bigint {
    return at + BigInt(this.#btf.field(structure, path).offset);
  }

  /** A field of a structure, alone. */
  async field(structure: string, at: bigint, path: string): Promise<bigint> {
    const field = this.#btf.field(structure, path);
    const bytes = await this.read(at + BigInt(field.offset), field.size);
    return fieldIn(bytes, { ...field, offset: 0 });
  }

  /** Sets a field that is no bit field. */
  async setField(structure: string, at: bigint, path: string, value: bigint): Promise<void> {
    const { offset, size } = this.#btf.field(structure, path);
    const bytes = Buffer.alloc(size);
    for (let i = 0; i < size; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
    await this.#stub.writeMemory(this.#thread, at + BigInt(offset), bytes);
  }

  /** A whole structure, of which many fields are asked. */
  async structure(structure: string, at: bigint): Promise<(path: string) => bigint> {
    const bytes = await this.read(at, this.#btf.size(structure));
    return (path) => fieldIn(bytes, this.#btf.field(structure, path));
  }

  /**
   * The structures on a doubly linked list, in its order.
   * @param head address of the list's head.
   * @param link the member that links a structure.
   * @throws CannotAssess if the list does not end
   */
  async list(head: bigint, structure: string, link: string): Promise<bigint[]> {
    const offset = BigInt(this.#btf.field(structure, link).offset);
    const members: bigint[] = [];
    for (let at = await this.word(head); at !== head; at = await this.word(at)) {
      members.push(at - offset);
      if (members.length > MOST_MEMBERS) {
        throw new CannotAssess(`a list of ${structure} in the kernel that ends`);
      }
    }
    return members;
  }
}
