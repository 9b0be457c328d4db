import {
  PAGE_SIZE,
  PFERR_FETCH_MASK,
  PFERR_PRESENT_MASK,
  PFERR_RSVD_MASK,
  PFERR_USER_MASK,
  PFERR_WRITE_MASK,
  pagesAtLevel,
} from "../machine/constants.ts";
import { KernelBug } from "../machine/failures.ts";
import { is_writable_pte, spte_to_pfn } from "../machine/spte.ts";
import type { Task } from "../machine/thread.ts";
import type { Vcpu } from "../machine/vcpu.ts";
import { type GuestAccess, kvm_mmu_page_fault, type Outcome } from "./emulate.ts";
import { kvm_mmu_load, kvm_mmu_unload, type LoadFailure } from "./roots.ts";
import { kvm_mmu_sync_roots } from "./sync.ts";
import { walkToLeaf } from "./walk.ts";

/**
 * A vCPU in the guest and around it: entry, the CPU's own translation, exit (x86.c; the hardware).
 */

/**
 * Faults that one access may take. Legal races end after a few; this many mean that it never ends.
 */
const MAX_FAULTS = 100;

/** One access of the guest, from entering it to the access's end. */
export function* guestAccess(vcpu: Vcpu, access: GuestAccess): Task<Outcome> {
  const { kvm } = vcpu;
  for (let faults = 0; faults < MAX_FAULTS; faults++) {
    if (kvm.stoppable) yield "guest.enter";
    if (mustPrepare(vcpu)) {
      const failure = yield* inKernel(vcpu, vcpu_enter_guest(vcpu));
      if (failure !== null) return { outcome: failure };
    }

    const translated = translate(vcpu, access);
    if (typeof translated !== "number") return reach(vcpu, access, translated.frame, faults);
    const outcome = yield* inKernel(vcpu, kvm_mmu_page_fault(vcpu, access, translated));
    if (outcome !== null) return outcome;
    // The host is taking a page back: the kernel lets the guest fault until that is over.
    const ready = (): boolean => kvm.mmu_notifier_count === 0;
    if (!ready()) yield { waitsFor: "mmu_notifier", ready };
  }
  throw new KernelBug(`an access of vCPU ${vcpu.id} faulted ${MAX_FAULTS} times and did not end`);
}

/**
 * Runs what a vCPU does in the kernel between two stays in the guest, inside its SRCU read section.
 */
export function* inKernel<Result>(vcpu: Vcpu, task: Task<Result>): Task<Result> {
  const { srcu } = vcpu.kvm;
  const section = srcu.srcu_read_lock();
  const result = yield* task;
  srcu.srcu_read_unlock(section);
  return result;
}

const mustPrepare = (vcpu: Vcpu): boolean => vcpu.requests.size > 0 || vcpu.roots === null;

/**
 * Does what was requested of the vCPU, so that it can enter: the part of vcpu_enter_guest that
 * matters here.
 */
export function* vcpu_enter_guest(vcpu: Vcpu): Task<LoadFailure | null> {
  const { requests } = vcpu;
  while (mustPrepare(vcpu)) {
    if (requests.delete("MMU_RELOAD")) yield* kvm_mmu_unload(vcpu);
    if (requests.delete("MMU_SYNC")) yield* kvm_mmu_sync_roots(vcpu);
    if (requests.delete("TLB_FLUSH")) vcpu.tlb.flush();
    if (vcpu.roots === null) {
      const failure = yield* kvm_mmu_load(vcpu);
      if (failure !== null) return failure;
    }
  }
  return null;
}

/**
 * The CPU translates an address: from the TLB, or through the tables, which fills the TLB.
 * @returns the frame of the 4K page, or the error code of the page fault.
 */
function translate(vcpu: Vcpu, access: GuestAccess): { frame: number } | number {
  const { kvm } = vcpu;
  const page = Math.floor(access.address / PAGE_SIZE);
  const write = access.kind === "write";
  const cached = vcpu.tlb.lookup(page);
  if (cached !== null && (cached.writable || !write)) return cached;

  const code =
    (write ? PFERR_WRITE_MASK : 0) |
    (access.kind === "fetch" ? PFERR_FETCH_MASK : 0) |
    (kvm.machine.paging === "shadow" ? 0 : PFERR_USER_MASK);
  const end = walkToLeaf(vcpu, page);
  if (end === null) throw new KernelBug(`vCPU ${vcpu.id} is in the guest without a root`);
  const { sp, index } = end;
  if (!kvm.masks.is_shadow_present_pte(sp, index)) {
    const reserved = !sp.spt.isZero(index) && kvm.masks.mmioFaultsAreReserved;
    return reserved ? code | PFERR_RSVD_MASK : code;
  }
  const writable = is_writable_pte(sp, index);
  if (write && !writable) {
    vcpu.tlb.drop(page);
    return code | PFERR_PRESENT_MASK;
  }
  const used = kvm.masks.accessed | (write ? kvm.masks.dirty : 0);
  sp.spt.set(index, sp.spt.low(index) | used, sp.spt.high(index));
  const first = spte_to_pfn(sp, index);
  const { level } = sp.role;
  vcpu.tlb.fill(page, level, first, writable);
  return { frame: first + (page % pagesAtLevel(level)) };
}

/** The access reaches a frame; whose it is, the host knows. */
function reach(vcpu: Vcpu, access: GuestAccess, frame: number, faults: number): Outcome {
  const { host } = vcpu.kvm;
  const offset = access.address % PAGE_SIZE;
  const owner = host.ownerOf(frame);
  if (access.kind === "write") host.write(frame, offset, access.size, access.value);
  return {
    outcome: faults === 0 ? "hit" : "mapped",
    hva: owner === null ? null : owner * PAGE_SIZE + offset,
    value: host.read(frame, offset, access.size),
  };
}
