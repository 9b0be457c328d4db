import type { Paging } from "../../reference/machine/machine.ts";
import { Drive } from "./drive.ts";
import { DEFAULT_ROM, isInRom, Kvmslots } from "./kvmslots.ts";
import type { Observation } from "./observation.ts";
import type { Program } from "./program.ts";
import type { Told } from "./vocabulary.ts";
import type { Vm } from "./vm.ts";

/** What must be known of a recording before it can be followed. */
export interface Setup {
  /** The program that drove the kernel. */
  readonly name: "drive" | "kvmslots";
  readonly paging: Paging;
  /** Process id of the program: what other tasks did is nobody's concern here. */
  readonly task: number;
  readonly program: (vm: Vm) => Program;
  /** Whether a marker is the last one of the program. */
  readonly isLast: (marker: string) => boolean;
}

/** Finds out from the beginning of a recording who drove the kernel, and how it maps memory. */
export class SetupFinder {
  #name: Setup["name"] | null = null;
  #task = 0;
  #paging: Paging | null = null;
  #rom: number | null = null;

  look({ marker, observation }: Told, task: number): void {
    if (marker !== undefined && this.#name === null) {
      if (/^CMD \d+ /.test(marker)) this.#name = "drive";
      else if (/^(GUEST|ROMSLOT) /.test(marker)) this.#name = "kvmslots";
      this.#task = task;
    }
    if (observation?.kind === "get_page") this.#paging ??= pagingOf(observation);
    if (observation?.kind === "page_fault" && this.#rom === null) {
      const address = Number(`0x${observation.fields["address"]!}`);
      if (isInRom(address)) this.#rom = address;
    }
  }

  /** Whether nothing that comes can tell more. */
  get isComplete(): boolean {
    if (this.#name === null || this.#paging === null) return false;
    return this.#name === "drive" || this.#rom !== null;
  }

  /** What was found out; null when no program is known that writes such markers. */
  get found(): Setup | null {
    const known = { task: this.#task, paging: this.#paging ?? "npt" };
    if (this.#name === "drive") {
      const isLast = (marker: string): boolean => marker === "PROGRAM end";
      return { ...known, name: "drive", program: (vm) => new Drive(vm), isLast };
    }
    if (this.#name === null) return null;
    const rom = this.#rom ?? DEFAULT_ROM;
    const isLast = (marker: string): boolean => marker === "GUEST stop";
    return { ...known, name: "kvmslots", program: (vm) => new Kvmslots(vm, rom), isLast };
  }
}

/** The first page of a VM is a root: of level 4, or PAE roots of level 2, or of a guest's table. */
function pagingOf({ fields }: Observation): Paging {
  return fields["level"] === "4" && fields["role"]!.includes("direct") ? "npt" : "shadow";
}
