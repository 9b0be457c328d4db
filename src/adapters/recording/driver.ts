import { type GuestAccess, type Outcome } from "../../reference/kernel/emulate.ts";
import { guestAccess } from "../../reference/kernel/guest.ts";
import { kvm_set_memory_region } from "../../reference/kernel/memory-region.ts";
import { createVcpu, kvm_destroy_vm } from "../../reference/kernel/vm.ts";
import { PAGE_SIZE, pagesAtLevel } from "../../reference/machine/constants.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import { runToEnd } from "../../reference/machine/thread.ts";

/** What every read of MMIO gets from the recording's userspace. */
const MMIO_VALUE = 0x5a5a5a5an;
const WRITTEN = 0x77n;
/** Where the guest's code page has the instructions that read and write. */
const READ_CODE = 0x10;
const WRITE_CODE = 0x20;

interface Region {
  readonly gpa: number;
  readonly size: number;
  readonly flags: number;
  readonly hva: number;
}

/** A command that the driver does not know, or that cannot be understood. One sentence. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
}

/**
 * Performs the commands of a recording on the reference: the part of the recording's own driver
 * that the model needs. Every `touch` of the guest also fetches its instruction from the code page.
 */
export class Driver {
  readonly #kvm: Kvm;
  readonly #memory = new Map<string, number>();
  readonly #regions = new Map<string, Region>();
  #nextHva = 0x1_0000_0000;
  #code = 0;
  #tables = { gpa: 0, hva: 0, next: 0 };

  constructor(kvm: Kvm) {
    this.#kvm = kvm;
  }

  /**
   * @returns what the driver would say at the command's end, as far as the model knows. @throws
   * RecordingError
   */
  perform(command: string): string {
    const [name = "", ...words] = command.trim().split(/\s+/);
    const number = (i: number): number => Number(words[i]);
    switch (name) {
      case "mem":
        this.#memory.set(words[0]!, this.#nextHva);
        this.#kvm.host.fill({ hva: this.#nextHva, npages: number(1) / PAGE_SIZE }, number(2));
        this.#nextHva += Math.ceil(number(1) / HOST_ALIGNMENT) * HOST_ALIGNMENT;
        return "";
      case "slot": {
        const hva = this.#memory.get(words[5]!) ?? 0;
        this.#setRegion(number(0), number(1), {
          gpa: number(2),
          size: number(3),
          flags: number(4),
          hva,
        });
        return "";
      }
      case "del":
        this.#setRegion(number(0), number(1), { ...this.#region(words), size: 0, flags: 0 });
        return "";
      case "toggle": {
        const region = this.#region(words);
        this.#setRegion(number(0), number(1), { ...region, flags: region.flags ^ 1 });
        return "";
      }
      case "stub":
        this.#code = number(0);
        return "";
      case "ptinit":
        this.#tables = { gpa: number(0), hva: this.#memory.get(words[1]!) ?? 0, next: number(0) };
        this.#allocateTable();
        return "";
      case "map":
        for (let offset = 0; offset < number(2); offset += PAGE_SIZE) {
          this.#mapPage(number(0) + offset, number(1) + offset);
        }
        return "";
      case "vcpu":
        createVcpu(this.#kvm, words[1] === "long" ? this.#tables.gpa : null);
        return "";
      case "run":
        this.#access(number(0), "fetch", this.#code);
        return "";
      case "touch":
        return this.#touch(number(0), number(1), words[2] === "w");
      case "close":
        runToEnd(kvm_destroy_vm(this.#kvm));
        return "";
      case "vm":
      case "ptwhere":
      case "mark":
        return "";
      default:
        throw new RecordingError(`the command "${command}" is not one that the replay knows`);
    }
  }

  #region(words: readonly string[]): Region {
    const region = this.#regions.get(`${words[0]}:${words[1]}`);
    if (region === undefined) throw new RecordingError(`there is no slot ${words.join(" ")}`);
    return region;
  }

  #setRegion(as: number, id: number, region: Region): void {
    this.#regions.set(`${as}:${id}`, region);
    runToEnd(
      kvm_set_memory_region(this.#kvm, {
        slot: (as << 16) | id,
        flags: region.flags,
        guest_phys_addr: BigInt(region.gpa),
        memory_size: BigInt(region.size),
        userspace_addr: BigInt(region.hva),
      }),
    );
  }

  #access(vcpu: number, kind: GuestAccess["kind"], address: number): Outcome {
    const by = this.#kvm.vcpus[vcpu];
    if (by === undefined) throw new RecordingError(`there is no vCPU ${vcpu}`);
    return runToEnd(guestAccess(by, { kind, address, size: 4, value: WRITTEN }));
  }

  #touch(vcpu: number, address: number, write: boolean): string {
    this.#access(vcpu, "fetch", this.#code + (write ? WRITE_CODE : READ_CODE));
    const outcome = this.#access(vcpu, write ? "write" : "read", address);
    const exit =
      outcome.outcome === "mmio" ? `mmio-${write ? "w" : "r"}@${outcome.gpa.toString(16)}/4` : "";
    if (write) return exit;
    const value = outcome.outcome === "mmio" ? MMIO_VALUE : "value" in outcome ? outcome.value : 0n;
    return `val ${value.toString(16)} ${exit}`.trim();
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
      const entry = table + this.#offset(gva, level);
      if (this.#readEntry(entry) === 0n)
        this.#writeEntry(entry, BigInt(this.#allocateTable()) | 7n);
      table = Number(this.#readEntry(entry) & ~0xfffn);
    }
    this.#writeEntry(table + this.#offset(gva, 1), BigInt(gpa) | 7n);
  }

  #offset(gva: number, level: number): number {
    return 8 * (Math.floor(gva / PAGE_SIZE / pagesAtLevel(level)) % 512);
  }

  #readEntry(gpa: number): bigint {
    const hva = this.#tables.hva + gpa - this.#tables.gpa;
    return this.#kvm.host.read(Math.floor(hva / PAGE_SIZE), hva % PAGE_SIZE, 8);
  }

  #writeEntry(gpa: number, entry: bigint): void {
    const hva = this.#tables.hva + gpa - this.#tables.gpa;
    this.#kvm.host.write(Math.floor(hva / PAGE_SIZE), hva % PAGE_SIZE, 8, entry);
  }
}

/** The recordings' host memory starts at multiples of 2 MiB. */
const HOST_ALIGNMENT = 0x20_0000;
