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

/** The program that writes such markers; null for a marker of anybody else. */
export function programOf(marker: string): Setup["name"] | null {
  if (/^CMD \d+ /.test(marker)) return "drive";
  return /^(GUEST|ROMSLOT) /.test(marker) ? "kvmslots" : null;
}

/** What is seen of a task: other ones may have VMs, too. */
interface Seen {
  paging: Paging | null;
  rom: number | null;
}

/** Finds out from the beginning of a recording who drove the kernel, and how it maps memory. */
export class SetupFinder {
  #name: Setup["name"] | null = null;
  #task = 0;
  readonly #seen = new Map<number, Seen>();

  look({ marker, observation }: Told, task: number): void {
    if (marker !== undefined && this.#name === null) {
      this.#name = programOf(marker);
      this.#task = task;
    }
    if (observation?.kind === "get_page") this.#of(task).paging ??= pagingOf(observation);
    if (observation?.kind === "page_fault") {
      const address = Number(`0x${observation.fields["address"]!}`);
      if (isInRom(address)) this.#of(task).rom ??= address;
    }
  }

  #of(task: number): Seen {
    const known = this.#seen.get(task);
    if (known !== undefined) return known;
    const seen: Seen = { paging: null, rom: null };
    this.#seen.set(task, seen);
    return seen;
  }

  /** Whether nothing that comes can tell more. */
  get isComplete(): boolean {
    const { paging, rom } = this.#of(this.#task);
    if (this.#name === null || paging === null) return false;
    return this.#name === "drive" || rom !== null;
  }

  /** What was found out; null when no program is known that writes such markers. */
  get found(): Setup | null {
    const seen = this.#of(this.#task);
    const known = { task: this.#task, paging: seen.paging ?? "npt" };
    if (this.#name === "drive") {
      const isLast = (marker: string): boolean => marker === "PROGRAM end";
      return { ...known, name: "drive", program: (vm) => new Drive(vm), isLast };
    }
    if (this.#name === null) return null;
    const rom = seen.rom ?? DEFAULT_ROM;
    const isLast = (marker: string): boolean => marker === "GUEST stop";
    return { ...known, name: "kvmslots", program: (vm) => new Kvmslots(vm, rom), isLast };
  }
}

/** The first page of a VM is a root: of level 4, or PAE roots of level 2, or of a guest's table. */
function pagingOf({ fields }: Observation): Paging {
  return fields["level"] === "4" && fields["role"]!.includes("direct") ? "npt" : "shadow";
}
