import { closeSync, openSync, writeSync } from "node:fs";
import { Drive } from "../../src/adapters/recording/drive.ts";
import { Kvmslots } from "../../src/adapters/recording/kvmslots.ts";
import {
  FUNCTIONS,
  type Kind,
  type Observation,
} from "../../src/adapters/recording/observation.ts";
import { Vm } from "../../src/adapters/recording/vm.ts";
import type { Composition } from "../../src/reference/compose.ts";
import type { Paging } from "../../src/reference/machine/machine.ts";

/** Recordings that a kernel would leave which does what a composition of the reference does. */

/** What each probe of the program with `CMD` markers is called. */
const DRIVE_PROBES: Partial<Record<Kind, string>> = {
  install: "install",
  hook: "updated",
  wrap_check: "invmmio",
  remote_flush: "flush_remote",
  reload: "reload_remote",
  commit: "commit",
  free: "kmfree",
  lock_break: "lockbreak",
  call_slot_flush: "slotflush",
  call_fast_invalidate: "fastinv",
  call_flush_shadow_all: "shadow_all",
  call_zap_all: "zapall",
  call_walk: "zapall_walk",
  call_zap_mmio: "zapmmio",
};

const PROBE_NAMES: Readonly<Record<string, string>> = { gen: "newgen" };

/** An observation as ftrace prints it. */
export function eventText({ kind, fields }: Observation, program: "drive" | "kvmslots"): string {
  const f = (name: string): string => fields[name]!;
  const page = (): string => {
    const gen = fields["gen"] === undefined ? "" : `gen ${f("gen")} `;
    const role = `${f("role")} !nxe ad root ${f("root")} ${f("state")}`;
    return `sp ${gen}gfn ${f("gfn")} l${f("level")} ${role}`;
  };
  switch (kind) {
    case "get_page":
      return `kvm_mmu_get_page: ${page()} ${f("page")}`;
    case "prepare_zap":
      return `kvm_mmu_prepare_zap_page: ${page()}`;
    case "sync_page":
    case "unsync_page":
      return `kvm_mmu_${kind}: ${page()}`;
    case "mark_mmio_spte":
      return `mark_mmio_spte: sptep:(____ptrval____) gfn ${f("gfn")} access ${f("access")} gen ${f("gen")}`;
    case "check_mmio_spte":
      return `check_mmio_spte: spte ${f("spte")} kvm_gen ${f("kvm_gen")} spte-gen ${f("spte-gen")} valid ${f("valid")}`;
    case "handle_mmio_page_fault":
      return `handle_mmio_page_fault: addr:${f("addr")} gfn ${f("gfn")} access ${f("access")}`;
    case "fast_invalidate":
      return `kvm_mmu_invalidate_zap_all_pages: kvm-mmu-valid-gen ${f("valid-gen")} used_pages ${f("used_pages")}`;
    case "page_fault": {
      const access = f("access");
      const bits =
        (access.startsWith("write") ? 2 : 0) |
        (access.includes("reserved") ? 8 : 0) |
        (access.includes("present") ? 1 : 0);
      return `kvm_page_fault: address ${f("address")} error_code ${bits.toString(16)}`;
    }
    case "mmio_exit":
      return `kvm_mmio: mmio ${f("access") === "write" ? "write" : "unsatisfied-read"} len 4 gpa 0x${f("gpa")} val 0x0`;
    default: {
      const told = Object.entries(fields).map(
        ([name, value]) => ` ${PROBE_NAMES[name] ?? name}=0x${value}`,
      );
      const probe = program === "drive" ? DRIVE_PROBES[kind]! : `k_${FUNCTIONS[kind]}`;
      const values = program === "drive" ? told.join("") : "";
      return `${probe}: (${FUNCTIONS[kind]}+0x0/0x60)${values}`;
    }
  }
}

/** What a composition prints of a shadow page's generation. */
const printed = (observation: Observation, { ops }: Composition): Observation => {
  const shows = ops.tracepoints["kvm_mmu_get_page"]!.includes("mmu_valid_gen");
  if (shows || !("level" in observation.fields)) return observation;
  const { gen: _hidden, ...fields } = observation.fields;
  return { kind: observation.kind, fields };
};

/** A trace in the making. */
class Lines {
  lines: string[] = [];
  #events = 0;

  add(event: string): void {
    const time = (1 + this.#events++ * 1e-5).toFixed(6);
    this.lines.push(`        program-68    [000] ....  ${time.padStart(11)}: ${event}\n`);
  }
}

/** The recording of a scenario: commands as `touch 0 0x5000 r`, one after the other. */
export function driveTrace(
  composition: Composition,
  paging: Paging,
  commands: readonly string[],
): string {
  const vm = new Vm(composition, paging);
  const drive = new Drive(vm);
  const lines = new Lines();
  for (const [i, command] of commands.entries()) {
    lines.add(`tracing_mark_write: CMD ${i + 1} ${command}`);
    const { rc, text } = drive.perform(command);
    for (const observation of vm.takeHappened()) {
      lines.add(eventText(printed(observation, composition), "drive"));
    }
    lines.add(`tracing_mark_write: END ${i + 1} rc ${rc} ${text ?? ""}`);
  }
  lines.add("tracing_mark_write: PROGRAM end");
  return lines.lines.join("");
}

const ROM = 0x40_0000;
/** Pages of RAM that the guest reads in each round, from here on. */
const PAGES = Array.from({ length: 32 }, (_, i) => 0x2_0000 + i * 0x1000);
const MMIO = [0xd_0010, 0xd_1010];

/**
 * Writes the recording of a vCPU whose ROM slot is deleted and created again, with direct paging,
 * until the file has a size.
 * @param size in bytes; the file gets a little larger.
 */
export function writeKvmslotsTrace(file: string, composition: Composition, size: number): void {
  const fd = openSync(file, "w");
  const vm = new Vm(composition, "npt");
  const program = new Kvmslots(vm, ROM);
  const lines = new Lines();
  const happened = (): void => {
    for (const observation of vm.takeHappened()) {
      if (!program.kinds.has(observation.kind)) continue;
      lines.add(eventText(printed(observation, composition), "kvmslots"));
    }
  };
  const mark = (text: string): void => {
    lines.add(`tracing_mark_write: ${text}`);
    program.marker(text);
    happened();
  };
  const read = (address: number): void => {
    lines.add("kvm_entry: vcpu 0");
    lines.add(`kvm_exit: reason npf rip 0x1008 info 100000004 ${address.toString(16)}`);
    vm.access(0, { kind: "read", address, size: 1, value: 0n });
    happened();
  };

  happened();
  mark("GUEST start");
  for (let [cycle, written] = [0, 0]; written < size; cycle++) {
    for (const address of [...PAGES, ...MMIO, ROM, ROM + 0x2000]) read(address);
    for (let i = 0; i < 20; i++) for (const address of MMIO) read(address);
    mark(`ROMSLOT ${cycle} DELETE begin`);
    mark(`ROMSLOT ${cycle} DELETE end CREATE begin`);
    mark(`ROMSLOT ${cycle} CREATE end`);
    written += writeSync(fd, lines.lines.splice(0).join(""));
  }
  mark("GUEST stop");
  writeSync(fd, lines.lines.join(""));
  closeSync(fd);
}
