import type { GuestAccess, Outcome } from "../../reference/kernel/emulate.ts";
import { guestAccess, inKernel } from "../../reference/kernel/guest.ts";
import { kvm_set_memory_region } from "../../reference/kernel/memory-region.ts";
import { hostRelease } from "../../reference/kernel/notifier.ts";
import { kvm_set_cr3, kvm_smm_changed } from "../../reference/kernel/roots.ts";
import { __gfn_to_pfn_memslot } from "../../reference/kernel/slots.ts";
import { kvm_mmu_invlpg } from "../../reference/kernel/sync.ts";
import { createVcpu, kvm_destroy_vm } from "../../reference/kernel/vm.ts";
import type { Runnable } from "../../reference/compose.ts";
import { PAGE_SIZE } from "../../reference/machine/constants.ts";
import { KernelBug, ModelBug } from "../../reference/machine/failures.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import type { Task } from "../../reference/machine/thread.ts";
import type { Vcpu } from "../../reference/machine/vcpu.ts";
import type {
  AccessStep,
  Fields,
  Step,
  WriteGuestTableStep,
} from "../../scenario/case.generated.ts";
import { hex, type StepResult } from "../record.ts";
import { declaredFacts } from "./facts.ts";
import { mapGuestRange } from "./map-guest-range.ts";
import { probe } from "./probe.ts";
import { takeSnapshot } from "./snapshot.ts";

/** One VM of the reference, driven step by step. */
export interface ReferenceVm {
  readonly kvm: Kvm;
  readonly composition: Runnable;
}

/** Steps that the runner performs itself, because they contain others. */
export type SimpleStep = Exclude<Step, { do: "repeat" } | { do: "threads" }>;

/** Performs one step. The task's result is what the step returned. */
export function* perform({ kvm, composition }: ReferenceVm, step: SimpleStep): Task<StepResult> {
  const vcpu = "vcpu" in step ? kvm.vcpus[step.vcpu]! : null;
  switch (step.do) {
    case "create_vcpu":
      return { vcpu: createVcpu(kvm, step.cr3 === undefined ? null : Number(step.cr3)).id };
    case "set_memory_region": {
      const error = yield* kvm_set_memory_region(kvm, {
        slot: ((step.as ?? 0) << 16) | step.slot,
        flags: step.flags ?? 0,
        guest_phys_addr: BigInt(step.gpa),
        memory_size: BigInt(step.size),
        userspace_addr: BigInt(step.hva),
      });
      return { result: error ?? "ok" };
    }
    case "access":
      return wireOutcome(yield* guestAccess(vcpu!, accessOf(vcpu!, step)));
    case "write_guest_table":
      if (vcpu !== null) return wireOutcome(yield* guestAccess(vcpu, tableWrite(step)));
      writeAsUserspace(kvm, Number(step.gpa), BigInt(step.entry));
      return {};
    case "map_guest_range":
      mapGuestRange(step, {
        read: (gpa) => readAsUserspace(kvm, gpa),
        write: (gpa, entry) => {
          writeAsUserspace(kvm, gpa, entry);
        },
      });
      return {};
    case "load_cr3":
      yield* inKernel(vcpu!, kvm_set_cr3(vcpu!, Number(step.cr3)));
      return {};
    case "invlpg":
      yield* inKernel(vcpu!, kvm_mmu_invlpg(vcpu!, Number(step.gva)));
      return {};
    case "enter_smm":
    case "leave_smm":
      yield* inKernel(vcpu!, kvm_smm_changed(vcpu!, step.do === "enter_smm"));
      return {};
    case "flush_shadow_all":
      yield* kvm.ops.kvm_arch_flush_shadow_all(kvm);
      return {};
    case "destroy_vm":
      yield* kvm_destroy_vm(kvm);
      return {};
    case "shrink":
      return { freed: yield* kvm.ops.mmu_shrink_scan(kvm) };
    case "host_release":
      yield* hostRelease(kvm, Number(step.hva));
      return {};
    case "contend":
      kvm.mmu_lock.contend(step.who, typeof step.when === "string" ? step.when : { at: step.when });
      return {};
    case "inject":
      return step.what === "generation"
        ? injectGeneration(kvm, step.as ?? 0, BigInt(step.generation ?? "0x0"))
        : injectMmioCached(kvm, step.page ?? {});
    case "probe":
      return yield* probe(kvm, step);
    case "facts":
      return declaredFacts(composition);
    case "snapshot": {
      const query = ({ vcpu: id, gpa, gva }: { vcpu: number; gpa?: string; gva?: string }) => ({
        vcpu: id,
        address: Number(gpa ?? gva),
      });
      const entries = (step.expect?.entries ?? []).map(query);
      return takeSnapshot(kvm, entries, (step.expect?.tlb ?? []).map(query));
    }
  }
}

function accessOf(vcpu: Vcpu, step: AccessStep): GuestAccess {
  if ((step.gva !== undefined) !== vcpu.pagingShadowed) {
    throw new ModelBug(
      step.gva === undefined
        ? `vCPU ${vcpu.id} has page tables of its own: an access needs a gva`
        : `vCPU ${vcpu.id} runs without page tables of its own: an access needs a gpa`,
    );
  }
  const address = Number(step.gva ?? step.gpa);
  const size = step.size ?? 8;
  return { kind: step.kind ?? "read", address, size, value: BigInt(step.value ?? "0x0") };
}

const tableWrite = (step: WriteGuestTableStep): GuestAccess => ({
  kind: "write",
  address: Number(step.gva),
  size: step.size ?? 8,
  value: BigInt(step.entry),
});

function wireOutcome(outcome: Outcome): StepResult {
  if (outcome.outcome === "mmio") return { ...outcome, gpa: hex(outcome.gpa) };
  if (!("hva" in outcome)) return { ...outcome };
  const hva = outcome.hva === null ? "taken-back" : hex(outcome.hva);
  return { outcome: outcome.outcome, hva, value: hex(outcome.value) };
}

/** The host frame and offset of a guest physical address in address space 0. */
function hostPlace(kvm: Kvm, gpa: number): { frame: number; offset: number } {
  const gfn = Math.floor(gpa / PAGE_SIZE);
  const slot = kvm.memslots[0]!.__gfn_to_memslot(gfn);
  const frame = __gfn_to_pfn_memslot(kvm, slot, gfn, false);
  if (frame < 0) throw new KernelBug(`no memory is at guest physical address ${hex(gpa)}`);
  return { frame, offset: gpa % PAGE_SIZE };
}

function readAsUserspace(kvm: Kvm, gpa: number): bigint {
  const { frame, offset } = hostPlace(kvm, gpa);
  return kvm.host.read(frame, offset, 8);
}

function writeAsUserspace(kvm: Kvm, gpa: number, value: bigint): void {
  const { frame, offset } = hostPlace(kvm, gpa);
  kvm.host.write(frame, offset, 8, value);
}

function injectGeneration(kvm: Kvm, as: number, generation: bigint): StepResult {
  kvm.memslots[as]!.generation = generation;
  return {};
}

/** Flags the pages whose fields match. @returns how many. */
function injectMmioCached(kvm: Kvm, where: Fields): StepResult {
  let flagged = 0;
  for (const sp of kvm.active_mmu_pages.newestFirst()) {
    const { gfn } = where;
    const { level } = where;
    if (gfn !== undefined && gfn !== hex(sp.gfn)) continue;
    if (level !== undefined && level !== sp.role.level) continue;
    sp.mmio_cached = true;
    flagged++;
  }
  return { flagged };
}
