import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { framed, PacketReader } from "./gdb-packets.ts";
import { type RegisterLayout, registerLayout } from "./registers.ts";

/** How long the stub may take for an answer, in milliseconds: far more than a busy host needs. */
const PATIENCE = 60_000;

/** Bytes that one packet may read or write: half of what QEMU's buffer has in digits. */
const MOST_BYTES = 1024;

/** The stub does not answer any more: the machine cannot be led any further. */
export class StubIsSilent extends Error {
  override readonly name = "StubIsSilent";
}

/** The stub answers something other than what was asked for: `E22`, or nothing that is known. */
export class StubRefusal extends Error {
  override readonly name = "StubRefusal";
}

/** Why all CPUs stand. */
export interface Stop {
  /** As Unix numbers them: 5 at a breakpoint, a watchpoint or after a step, 2 on request. */
  readonly signal: number;
  /** The CPU that it is about, as the stub names it: `p01.01`. */
  readonly thread: string;
  /** The address whose write a watchpoint saw; the store is done. Null if it was none. */
  readonly watched: bigint | null;
}

/** `execution` stops before an instruction, `write` right after a store. */
export type PointKind = "execution" | "write";

/** Z packets. A breakpoint of hardware does not write into the kernel's code. */
const POINTS: Readonly<Record<PointKind, number>> = { execution: 1, write: 2 };

export interface GdbOptions {
  /** In milliseconds. */
  readonly patience?: number;
  /** Told each packet, `>` to the stub, `<` from it. */
  readonly onPacket?: (direction: ">" | "<", text: string) => void;
}

interface Asked {
  readonly text: string;
  readonly resolve: (answer: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The gdb remote serial protocol, as QEMU's stub speaks it: all CPUs stand or some of them run.
 * Everything but `interrupt` and `stopped` is for when they stand.
 */
export class GdbRemote {
  readonly #stream: Duplex;
  readonly #reader = new PacketReader();
  readonly #patience: number;
  readonly #onPacket: (direction: ">" | "<", text: string) => void;
  /** The question that is open; the others wait for it. */
  #asked: Asked | null = null;
  #last: Promise<unknown> = Promise.resolve();
  /** Stops that nobody has asked for yet, and who waits for one. */
  readonly #stops: (Stop | StubRefusal)[] = [];
  #waiting: { resolve: (stop: Stop) => void; reject: (error: Error) => void } | null = null;
  #gone: Error | null = null;
  /** The CPU whose memory and registers are asked; a stop may change it. */
  #selected: string | null = null;
  #registers: RegisterLayout | null = null;
  #threads: readonly string[] = [];

  private constructor(stream: Duplex, { patience = PATIENCE, onPacket }: GdbOptions) {
    this.#stream = stream;
    this.#patience = patience;
    this.#onPacket = onPacket ?? (() => undefined);
    stream.setEncoding("latin1");
    stream.on("data", (text: string) => {
      this.#take(text);
    });
    stream.on("error", (error) => {
      this.#end(new StubIsSilent(`the conversation with QEMU's gdb stub ends: ${error.message}`));
    });
    stream.on("close", () => {
      this.#end(new StubIsSilent("QEMU's gdb stub has closed the conversation"));
    });
  }

  /** Connects to a stub at a socket's path. All CPUs stand then. */
  static connect(path: string, options: GdbOptions = {}): Promise<GdbRemote> {
    return GdbRemote.over(connect(path), options);
  }

  /** Begins the conversation: all CPUs stand. @throws StubIsSilent, StubRefusal */
  static async over(stream: Duplex, options: GdbOptions = {}): Promise<GdbRemote> {
    const stub = new GdbRemote(stream, options);
    // It tells of the stop twice: by itself, and when it is asked.
    await stub.#ask("?");
    const supported = await stub.#ask("qSupported:multiprocess+;vContSupported+;xmlRegisters=i386");
    stub.#stops.length = 0;
    if (!supported.includes("qXfer:features:read+")) {
      throw new StubRefusal("QEMU's gdb stub does not say what registers there are");
    }
    stub.#registers = await registerLayout((file) => stub.#document(file));
    stub.#threads = await stub.#listThreads();
    return stub;
  }

  /** The CPUs, in their order, as the stub names them. */
  get threads(): readonly string[] {
    return this.#threads;
  }

  /** Makes all CPUs stand. @returns why they do: a point may have been reached meanwhile. */
  async interrupt(): Promise<Stop> {
    this.#write("\x03", "interrupt");
    return this.#within(this.stopped(), "an interrupt");
  }

  /** The next stop; who waits for it says how long. */
  stopped(): Promise<Stop> {
    const stop = this.#stops.shift();
    if (stop instanceof StubRefusal) return Promise.reject(stop);
    if (stop !== undefined) return Promise.resolve(stop);
    if (this.#gone !== null) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  /** Lets CPUs run, the others stand still; all of them if none are named. */
  resume(threads: readonly string[] = []): void {
    const actions = threads.length === 0 ? ["c"] : threads.map((thread) => `c:${thread}`);
    this.#send(`vCont;${actions.join(";")}`);
  }

  /** Lets one CPU do one instruction. */
  async step(thread: string): Promise<Stop> {
    this.#send(`vCont;s:${thread}`);
    return this.#within(this.stopped(), "a step");
  }

  /** @param size bytes that are watched, a power of two up to 8. */
  async insert(kind: PointKind, address: bigint, size = 1): Promise<void> {
    await this.#done(`Z${POINTS[kind]},${address.toString(16)},${size}`);
  }

  async remove(kind: PointKind, address: bigint, size = 1): Promise<void> {
    await this.#done(`z${POINTS[kind]},${address.toString(16)},${size}`);
  }

  /** Memory as a CPU sees it: one that is not in guest mode. @throws StubRefusal if none is there */
  async readMemory(thread: string, address: bigint, length: number): Promise<Buffer> {
    await this.#select(thread);
    const parts: Buffer[] = [];
    for (let done = 0; done < length; done += MOST_BYTES) {
      const size = Math.min(MOST_BYTES, length - done);
      const text = await this.#ask(
        `m${(address + BigInt(done)).toString(16)},${size.toString(16)}`,
      );
      const part = Buffer.from(text, "hex");
      if (part.length !== size) throw refused(`reading ${size} bytes at ${at(address)}`, text);
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  async writeMemory(thread: string, address: bigint, bytes: Buffer): Promise<void> {
    await this.#select(thread);
    for (let done = 0; done < bytes.length; done += MOST_BYTES) {
      const part = bytes.subarray(done, done + MOST_BYTES);
      const where = (address + BigInt(done)).toString(16);
      await this.#done(`M${where},${part.length.toString(16)}:${part.toString("hex")}`);
    }
  }

  /** A word of 8 bytes. */
  async readWord(thread: string, address: bigint): Promise<bigint> {
    return (await this.readMemory(thread, address, 8)).readBigUInt64LE();
  }

  async writeWord(thread: string, address: bigint, value: bigint): Promise<void> {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    await this.writeMemory(thread, address, bytes);
  }

  /** A register by the name that gdb has for it: `rip`, `rdi`, `gs_base`. */
  async readRegister(thread: string, name: string): Promise<bigint> {
    const { number, bytes } = this.#register(name);
    await this.#select(thread);
    const text = await this.#ask(`p${number.toString(16)}`);
    const value = Buffer.from(text, "hex");
    if (value.length !== bytes) throw refused(`reading ${name}`, text);
    return BigInt(`0x${value.reverse().toString("hex")}`);
  }

  async writeRegister(thread: string, name: string, value: bigint): Promise<void> {
    const { number, bytes } = this.#register(name);
    await this.#select(thread);
    const digits = value.toString(16).padStart(2 * bytes, "0");
    const text = Buffer.from(digits, "hex").reverse().toString("hex");
    await this.#done(`P${number.toString(16)}=${text}`);
  }

  /** Ends the conversation; CPUs that stand go on standing. */
  close(): void {
    this.#stream.destroy();
  }

  #register(name: string) {
    const found = this.#registers?.get(name);
    if (found === undefined) throw new StubRefusal(`QEMU's gdb stub knows no register ${name}`);
    return found;
  }

  async #select(thread: string): Promise<void> {
    if (this.#selected === thread) return;
    await this.#done(`Hg${thread}`);
    this.#selected = thread;
  }

  async #done(text: string): Promise<void> {
    const answer = await this.#ask(text);
    if (answer !== "OK") throw refused(text, answer);
  }

  /** A document of the stub, which comes in pieces: `l` begins the last, `m` each other one. */
  async #document(file: string): Promise<string> {
    let document = "";
    for (;;) {
      const offset = document.length.toString(16);
      const piece = await this.#ask(`qXfer:features:read:${file}:${offset},800`);
      if (!/^[lm]/.test(piece)) throw refused(`the file ${file}`, piece);
      document += piece.slice(1);
      if (piece.startsWith("l")) return document;
    }
  }

  async #listThreads(): Promise<string[]> {
    const threads: string[] = [];
    let answer = await this.#ask("qfThreadInfo");
    while (answer.startsWith("m")) {
      threads.push(...answer.slice(1).split(","));
      answer = await this.#ask("qsThreadInfo");
    }
    return threads;
  }

  /** Asks when what was asked before is answered. */
  #ask(text: string): Promise<string> {
    const answer = this.#last.then(() => {
      if (this.#gone !== null) throw this.#gone;
      const answered = new Promise<string>((resolve, reject) => {
        this.#asked = { text, resolve, reject };
      });
      this.#send(text);
      return this.#within(answered, text);
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** @throws StubIsSilent if that takes too long; nothing is asked any more then. */
  async #within<Value>(promise: Promise<Value>, what: string): Promise<Value> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const seconds = this.#patience / 1000;
        const error = new StubIsSilent(
          `QEMU's gdb stub does not answer to ${what} within ${seconds} seconds`,
        );
        this.#end(error);
        reject(error);
      }, this.#patience);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #send(text: string): void {
    this.#write(framed(text), text);
  }

  #write(bytes: string, told: string): void {
    if (this.#gone !== null) return;
    this.#onPacket(">", told);
    this.#stream.write(bytes, "latin1");
  }

  #take(text: string): void {
    for (const incoming of this.#reader.read(text)) {
      switch (incoming.kind) {
        case "acknowledged":
          break;
        case "again":
          if (this.#asked !== null) this.#send(this.#asked.text);
          break;
        case "broken":
          this.#write("-", "-");
          break;
        case "packet":
          this.#stream.write("+");
          this.#onPacket("<", incoming.text);
          this.#hear(incoming.text);
      }
    }
  }

  #hear(text: string): void {
    if (this.#gone !== null) return;
    const asked = this.#asked;
    const stop = stopIn(text);
    if (asked !== null && (stop === null || asked.text === "?")) {
      this.#asked = null;
      asked.resolve(text);
      return;
    }
    // That CPUs run is answered by their stop, or by what was wrong with it.
    this.#selected = null;
    const waiting = this.#waiting;
    this.#waiting = null;
    const told = stop ?? refused("letting CPUs run", text);
    if (waiting === null) this.#stops.push(told);
    else if (told instanceof StubRefusal) waiting.reject(told);
    else waiting.resolve(told);
  }

  #end(error: Error): void {
    if (this.#gone !== null) return;
    this.#gone = error;
    this.#asked?.reject(error);
    this.#waiting?.reject(error);
    this.#asked = this.#waiting = null;
  }
}

/** `T05thread:p01.01;watch:ffff888003a40000;` */
function stopIn(text: string): Stop | null {
  const match = /^T([\da-f]{2})(.*)$/.exec(text);
  if (match === null) return null;
  const told = new Map(match[2]!.split(";").map((each) => each.split(":") as [string, string]));
  const watched = told.get("watch");
  return {
    signal: parseInt(match[1]!, 16),
    thread: told.get("thread") ?? "",
    watched: watched === undefined ? null : BigInt(`0x${watched}`),
  };
}

const at = (address: bigint): string => `0x${address.toString(16)}`;

const refused = (what: string, answer: string): StubRefusal =>
  new StubRefusal(`QEMU's gdb stub answers "${answer}" to ${what}`);
