import type { GuestAccess, Outcome } from "../../reference/kernel/emulate.ts";
import type { RegionError } from "../../reference/kernel/memory-region.ts";
import { PAGE_SIZE, pagesAtLevel } from "../../reference/machine/constants.ts";
import { KINDS } from "./observation.ts";
import { NotReplayable, type Program, type Step } from "./program.ts";
import type { Region, Vm } from "./vm.ts";

const BEGIN = /^CMD \d+ (.*)$/;
const END = /^END \d+ rc (-?\d+) ?(.*)$/;

/** What every read of MMIO gets from this program. */
const MMIO_VALUE = 0x5a5a_5a5a_5a5a_5a5an;
/** What a write stores, unless its command says something else. */
const WRITTEN = 0x77n;

/** Where the guest's code page has the instructions that read and write, by size in bytes. */
const CODE = { 1: [0xa0, 0xb0], 4: [0x10, 0x20], 8: [0x50, 0x60] } as const;
type Size = keyof typeof CODE;

/** The host memory of the program starts at multiples of 2 MiB. */
const HOST_ALIGNMENT = 0x20_0000;

/** Errors of a region call, as the program tells them. */
const ERRNO = { EINVAL: 22, EEXIST: 17 } as const;

/** What the program says at the end of a command, as far as the model knows. */
interface Answer {
  readonly rc: number;
  /** Null: what the program says there is not about the VM. */
  readonly text: string | null;
}

const DONE: Answer = { rc: 0, text: null };

/**
 * The program that reads a scenario file and writes a marker before and after each command, the
 * command in it. Every access of its guest also fetches an instruction from the guest's code page.
 */
export class Drive implements Program {
  readonly kinds = new Set(KINDS);
  readonly #vm: Vm;
  readonly #memory = new Map<string, number>();
  readonly #regions = new Map<string, Region>();
  #nextHva = 0x1_0000_0000;
  #code = 0;
  #tables = { gpa: 0, hva: 0, next: 0 };
  #answer: Answer = DONE;
  /** What is left of the command that has begun. */
  #going: Generator<void, Answer, void> | null = null;

  constructor(vm: Vm) {
    this.#vm = vm;
  }

  marker(text: string): Step {
    const begin = BEGIN.exec(text);
    if (begin !== null) {
      this.#going = this.#parts(begin[1]!);
      return { ends: true, begins: begin[1]! };
    }
    const end = END.exec(text);
    if (end === null) return {};
    const { rc, text: said } = this.#answer;
    this.#answer = DONE;
    const kernel = `rc ${end[1]!}${said === null ? "" : ` ${end[2]!.trim()}`}`.trim();
    return { ends: true, answer: { kernel, model: `rc ${rc} ${said ?? ""}`.trim() } };
  }

  proceed(): boolean {
    if (this.#going === null) return false;
    const part = this.#going.next();
    if (part.done === true) {
      this.#answer = part.value;
      this.#going = null;
    }
    return true;
  }

  unprompted(): null {
    return null;
  }

  /** Performs one command, as `touch 0 0x5000 r`, to its end. @throws NotReplayable */
  perform(command: string): Answer {
    this.#going = this.#parts(command);
    while (this.proceed());
    return this.#answer;
  }

  *#parts(command: string): Generator<void, Answer, void> {
    const [name = "", ...words] = command.trim().split(/\s+/);
    const number = (i: number): number => {
      const value = Number(words[i]);
      if (!Number.isSafeInteger(value)) {
        throw new NotReplayable(`"${command}" has no number where ${name} takes one`);
      }
      return value;
    };
    switch (name) {
      case "mem": {
        this.#memory.set(words[0]!, this.#nextHva);
        this.#vm.fill(this.#nextHva, number(1), words[2] === undefined ? 0 : number(2));
        this.#nextHva += Math.ceil(number(1) / HOST_ALIGNMENT) * HOST_ALIGNMENT;
        return DONE;
      }
      case "slot": {
        const [gpa, size, flags] = [number(2), number(3), number(4)];
        return this.#setRegion(words, { gpa, size, flags, hva: this.#hva(words[5]) });
      }
      case "del":
        return this.#setRegion(words, { ...this.#region(words), size: 0, flags: 0 });
      case "raw": {
        const [slot, flags, gpa, size] = [number(0), number(1), number(2), number(3)];
        const region = { gpa, size, flags, hva: this.#hva(words[4]) };
        return answerTo(this.#vm.setRegion(slot >>> 16, slot & 0xffff, region));
      }
      case "move":
        return this.#setRegion(words, { ...this.#region(words), gpa: number(2) });
      case "flags":
        return this.#setRegion(words, { ...this.#region(words), flags: number(2) });
      case "toggle":
        return this.#toggle(words);
      case "toggles":
        for (let i = 0; i < number(2); i++) {
          this.#toggle(words);
          yield;
        }
        return DONE;
      case "stub":
        this.#code = number(0);
        return DONE;
      case "ptinit":
        this.#tables = { gpa: number(0), hva: this.#hva(words[1]), next: number(0) };
        this.#allocateTable();
        return DONE;
      case "map":
        for (let offset = 0; offset < number(2); offset += PAGE_SIZE) {
          this.#mapPage(number(0) + offset, number(1) + offset);
        }
        return DONE;
      case "vcpu":
        if (number(0) !== this.#vm.kvm.vcpus.length) {
          throw new NotReplayable(`vCPU ${number(0)} is not the next one in order`);
        }
        this.#vm.createVcpu(words[1] === "long" ? this.#tables.gpa : null);
        return DONE;
      case "run":
        this.#access(number(0), "fetch", this.#code, 4, 0n);
        return DONE;
      case "touch":
      case "touch8":
      case "touch64": {
        const size = name === "touch" ? 4 : name === "touch8" ? 1 : 8;
        const value = words[3] === undefined ? WRITTEN : BigInt(words[3]);
        return { rc: 0, text: this.#touch(number(0), number(1), size, words[2] === "w", value) };
      }
      case "touches": {
        const [vcpu, gpa, step, count] = [number(0), number(1), number(2), number(3)];
        let mmio = 0;
        for (let i = 0; i < count; i++) {
          const said = this.#touch(vcpu, gpa + i * step, 4, words[4] === "w", WRITTEN);
          if (said.includes("mmio")) mmio++;
          yield;
        }
        return { rc: 0, text: `ram ${count - mmio} mmio ${mmio}` };
      }
      case "close":
        this.#vm.destroy();
        return DONE;
      case "vm":
      case "ptwhere":
      case "mark":
        return DONE;
      default:
        throw new NotReplayable(`what the command "${command}" does cannot be followed`);
    }
  }

  /** `NAME`, `NAME+OFFSET` or an address. */
  #hva(reference = ""): number {
    if (reference.startsWith("0")) return Number(reference);
    const [name = "", offset = "0"] = reference.split("+");
    const hva = this.#memory.get(name);
    if (hva === undefined) throw new NotReplayable(`there is no host memory "${reference}"`);
    return hva + Number(offset);
  }

  #region(words: readonly string[]): Region {
    const region = this.#regions.get(`${words[0]}:${words[1]}`);
    if (region !== undefined) return region;
    throw new NotReplayable(`there is no slot ${words.slice(0, 2).join(" ")}`);
  }

  #setRegion(words: readonly string[], region: Region): Answer {
    const [as, id] = [Number(words[0]), Number(words[1])];
    const answer = answerTo(this.#vm.setRegion(as, id, region));
    if (answer.rc === 0) this.#regions.set(`${words[0]}:${words[1]}`, region);
    return answer;
  }

  #toggle(words: readonly string[]): Answer {
    const region = this.#region(words);
    return this.#setRegion(words, { ...region, flags: region.flags ^ 1 });
  }

  #access(
    vcpu: number,
    kind: GuestAccess["kind"],
    address: number,
    size: number,
    value: bigint,
  ): Outcome {
    if (!this.#vm.hasVcpu(vcpu)) throw new NotReplayable(`there is no vCPU ${vcpu}`);
    return this.#vm.access(vcpu, { kind, address, size, value });
  }

  /** @returns what the program says of it: the value that was read, and MMIO exits. */
  #touch(vcpu: number, address: number, size: Size, write: boolean, value: bigint): string {
    this.#access(vcpu, "fetch", this.#code + CODE[size][write ? 1 : 0], 4, 0n);
    const outcome = this.#access(vcpu, write ? "write" : "read", address, size, value);
    const exit =
      outcome.outcome === "mmio"
        ? `mmio-${write ? "w" : "r"}@${outcome.gpa.toString(16)}/${size}`
        : "";
    if (write) return exit;
    const read = outcome.outcome === "mmio" ? MMIO_VALUE : "value" in outcome ? outcome.value : 0n;
    return `val ${BigInt.asUintN(8 * size, read).toString(16)} ${exit}`.trim();
  }

  /** Guest page tables lie in one run of pages and are taken one after the other. */
  #allocateTable(): number {
    const table = this.#tables.next;
    this.#tables.next += PAGE_SIZE;
    for (let offset = 0; offset < PAGE_SIZE; offset += 8) this.#writeEntry(table + offset, 0n);
    return table;
  }

  #mapPage(gva: number, gpa: number): void {
    let table = this.#tables.gpa;
    for (let level = 4; level > 1; level--) {
      const entry = table + offsetOf(gva, level);
      if (this.#readEntry(entry) === 0n)
        this.#writeEntry(entry, BigInt(this.#allocateTable()) | 7n);
      table = Number(this.#readEntry(entry) & ~0xfffn);
    }
    this.#writeEntry(table + offsetOf(gva, 1), BigInt(gpa) | 7n);
  }

  #readEntry(gpa: number): bigint {
    return this.#vm.readHost(this.#tables.hva + gpa - this.#tables.gpa);
  }

  #writeEntry(gpa: number, entry: bigint): void {
    this.#vm.writeHost(this.#tables.hva + gpa - this.#tables.gpa, entry);
  }
}

const answerTo = (error: RegionError | null): Answer =>
  error === null ? DONE : { rc: ERRNO[error], text: null };

/** Where a guest page table of a level has the entry for an address, in bytes. */
const offsetOf = (gva: number, level: number): number =>
  8 * (Math.floor(gva / PAGE_SIZE / pagesAtLevel(level)) % 512);
