import { KVM_MEM_READONLY } from "../../reference/machine/constants.ts";
import type { Kind, Observation } from "./observation.ts";
import type { Program, Step } from "./program.ts";
import type { Region, Vm } from "./vm.ts";

const RAM: Region = { gpa: 0, size: 0x8_0000, flags: 0, hva: 0x1_0000_0000 };
const ROM_ID = 1;
/** Where the program puts its ROM unless it is told another place. */
export const DEFAULT_ROM = 0xf_0000;

/** The two addresses without memory that the guest reads. */
const MMIO = [0xd_0010, 0xd_1010];

/** The ROM of a recording begins where the first fault beyond RAM and MMIO was. */
export const isInRom = (address: number): boolean => address >= RAM.size && !MMIO.includes(address);

/**
 * The program with one slot of RAM and one of ROM, which it deletes and creates again between runs
 * of its guest. What its guest does is seen from the page faults.
 */
export class Kvmslots implements Program {
  readonly kinds: ReadonlySet<Kind> = KINDS;
  readonly before = "creation of the slots of RAM and ROM";
  readonly #vm: Vm;
  readonly #rom: Region;

  /** @param rom guest physical address of the ROM. */
  constructor(vm: Vm, rom: number) {
    this.#vm = vm;
    this.#rom = { gpa: rom, size: 0x1_0000, flags: KVM_MEM_READONLY, hva: 0x2_0000_0000 };
    vm.setRegion(0, 0, RAM);
    vm.setRegion(0, ROM_ID, this.#rom);
  }

  marker(text: string): Step {
    switch (text.replace(/^ROMSLOT \d+ /, "")) {
      case "GUEST start":
        this.#vm.createVcpu(null);
        return { ends: true, begins: "the guest" };
      case "DELETE begin":
        this.#vm.setRegion(0, ROM_ID, { ...this.#rom, size: 0 });
        return { ends: true, begins: "deletion of the ROM slot" };
      case "DELETE end CREATE begin":
        this.#vm.setRegion(0, ROM_ID, this.#rom);
        return { ends: true, begins: "creation of the ROM slot" };
      case "CREATE end":
        return { ends: true, begins: "the guest" };
      case "GUEST stop":
        this.#vm.destroy();
        return { ends: true, begins: "teardown" };
      default:
        return {};
    }
  }

  proceed(): boolean {
    return false;
  }

  unprompted({ kind, fields }: Observation): string | null {
    if (!this.#vm.hasVcpu(0)) return null;
    if (kind !== "page_fault") {
      this.#vm.enter(0);
      return "entry into the guest";
    }
    const address = Number(`0x${fields["address"]!}`);
    const access = fields["access"]!.startsWith("write") ? "write" : "read";
    this.#vm.access(0, { kind: access, address, size: 1, value: 0n });
    return `${access} of ${address.toString(16)}`;
  }
}

const KINDS = new Set<Kind>([
  ...["get_page", "prepare_zap", "sync_page", "unsync_page"],
  ...["mark_mmio_spte", "check_mmio_spte", "handle_mmio_page_fault"],
  ...["fast_invalidate", "install", "wrap_check", "remote_flush", "reload"],
  ...["page_fault", "mmio_exit", "call_slot_flush", "call_fast_invalidate", "call_zap_all"],
] as Kind[]);
