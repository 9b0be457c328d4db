import { ACC_WRITE_MASK, PAGE_SIZE, PFERR_RSVD_MASK } from "../machine/constants.ts";
import type { Kvm } from "../machine/kvm.ts";
import { hostPage, isReadonly, visible } from "../machine/memslots.ts";
import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { PageList } from "../machine/page-list.ts";
import type { Task } from "../machine/thread.ts";
import { kvm_vcpu_gfn_to_memslot, type Vcpu } from "../machine/vcpu.ts";
import { direct_page_fault } from "./direct-fault.ts";
import { kvm_mmu_commit_zap_page } from "./free.ts";
import { walk_addr } from "./guest-walk.ts";
import { mmio_info_in_cache, vcpu_match_mmio_gpa, vcpu_match_mmio_gva } from "./mmio-cache.ts";
import { handle_mmio_page_fault } from "./mmio-fault.ts";
import { kvm_mmu_pte_write } from "./pte-write.ts";
import { paging64_page_fault } from "./shadow-fault.ts";
import { kvm_vcpu_mark_page_dirty } from "./slots.ts";
import { indirectValidPages } from "./write-tracking.ts";

/** From a page fault to its end: mapped, emulated, or handed to userspace (mmu.c, x86.c). */

/** One data access or instruction fetch of the guest. */
export interface GuestAccess {
  readonly kind: "read" | "write" | "fetch";
  /** Guest virtual address with shadowed guest page tables, else guest physical; in bytes. */
  readonly address: number;
  /** 1, 2, 4 or 8 bytes, within a page. */
  readonly size: number;
  /** What a write stores. */
  readonly value: bigint;
}

/** How the MMIO exit was found out: per-vCPU cache, MMIO SPTE, or the ordinary fault path. */
export type MmioSource = "cache" | "spte" | "fault";

/**
 * How an access ended. `hva` is what it reached, in bytes; null when the host had taken that page
 * back.
 */
export type Outcome =
  | {
      readonly outcome: "hit" | "mapped" | "emulated";
      readonly hva: number | null;
      readonly value: bigint;
    }
  | { readonly outcome: "mmio"; readonly via: MmioSource; readonly gpa: number }
  | { readonly outcome: "guest-fault" | "triple-fault" | "ENOSPC" | "fetch-from-mmio" };

/** Handles one fault. @returns the outcome, or null: the guest tries again. */
export function* kvm_mmu_page_fault(
  vcpu: Vcpu,
  access: GuestAccess,
  error_code: number,
): Task<Outcome | null> {
  const { kvm } = vcpu;
  kvm.counters.faults++;
  kvm.log?.push({ event: "page_fault", vcpu: vcpu.id, address: access.address, error_code });

  if (error_code & PFERR_RSVD_MASK) {
    const answer = yield* handle_mmio_page_fault(vcpu, access.address);
    if (answer === "retry") return null;
    if (answer !== "invalid") {
      yield "emulate";
      return yield* x86_emulate_instruction(vcpu, access, answer, false);
    }
  }

  const page = Math.floor(access.address / PAGE_SIZE);
  const verdict = yield* vcpu.pagingShadowed
    ? paging64_page_fault(vcpu, page, error_code)
    : direct_page_fault(vcpu, page, error_code);
  if (verdict === "guest-fault") return { outcome: "guest-fault" };
  if (verdict !== "emulate") return null;
  yield "emulate";
  const mayRetry = !mmio_info_in_cache(vcpu, access.address);
  return yield* x86_emulate_instruction(vcpu, access, "fault", mayRetry);
}

/**
 * Emulates the access: an MMIO exit when the per-vCPU cache says so or no memory is there, else
 * plain memory through the slots published now. A load that the cache does not answer is first
 * tried again once.
 */
function* x86_emulate_instruction(
  vcpu: Vcpu,
  access: GuestAccess,
  via: MmioSource,
  mayRetry: boolean,
): Task<Outcome | null> {
  const { lastRetry } = vcpu;
  vcpu.lastRetry = null;
  if (mayRetry && access.kind !== "write" && lastRetry !== access.address) {
    vcpu.lastRetry = access.address;
    const gfn = emulatedGfn(vcpu, { ...access, kind: "write" });
    if (gfn !== null) yield* kvm_mmu_unprotect_page(vcpu.kvm, gfn);
    return null;
  }
  if (access.kind === "fetch") return { outcome: "fetch-from-mmio" };

  const offset = access.address % PAGE_SIZE;
  if (!vcpu.direct_map && vcpu_mmio_gva_to_gpa(vcpu, access)) {
    return { outcome: "mmio", via, gpa: vcpu.cache.gfn * PAGE_SIZE + offset };
  }
  const gfn = emulatedGfn(vcpu, access);
  if (gfn === null) return { outcome: "guest-fault" };
  const gpa = gfn * PAGE_SIZE + offset;
  if (vcpu_match_mmio_gpa(vcpu, gfn)) return { outcome: "mmio", via, gpa };

  const memory = yield* accessMemory(vcpu, gfn, access);
  return memory ?? { outcome: "mmio", via, gpa };
}

/**
 * Whether the per-vCPU cache answers for the guest: not for a write where what it remembers is an
 * entry that forbids one (vcpu_mmio_gva_to_gpa, arch/x86/kvm/x86.c).
 */
const vcpu_mmio_gva_to_gpa = (vcpu: Vcpu, { address, kind }: GuestAccess): boolean =>
  vcpu_match_mmio_gva(vcpu, address) &&
  (kind !== "write" || (vcpu.cache.access & ACC_WRITE_MASK) !== 0);

/**
 * The gfn behind the address, by the guest's own tables if it has any; null: the guest gets a
 * fault.
 */
function emulatedGfn(vcpu: Vcpu, access: GuestAccess): number | null {
  const page = Math.floor(access.address / PAGE_SIZE);
  if (vcpu.direct_map) return page;
  return walk_addr(vcpu, page, access.kind === "write")?.gfn ?? null;
}

/**
 * Reads or writes guest memory as the emulator does. @returns null when no memory can be reached
 * that way.
 */
function* accessMemory(vcpu: Vcpu, gfn: number, access: GuestAccess): Task<Outcome | null> {
  const { host } = vcpu.kvm;
  const slot = visible(kvm_vcpu_gfn_to_memslot(vcpu, gfn));
  const write = access.kind === "write";
  if (slot === null || (write && isReadonly(slot))) return null;
  const page = hostPage(slot, gfn);
  const offset = access.address % PAGE_SIZE;
  const reached = { outcome: "emulated", hva: page * PAGE_SIZE + offset } as const;
  if (!write) return { ...reached, value: host.read(host.frameOf(page), offset, access.size) };
  host.write(host.frameOf(page), offset, access.size, access.value);
  kvm_vcpu_mark_page_dirty(vcpu, gfn);
  yield* kvm_mmu_pte_write(vcpu, gfn, offset, access.size);
  return { ...reached, value: access.value };
}

/** Stops shadowing the guest page table at `gfn`, if it is one. */
export function* kvm_mmu_unprotect_page(kvm: Kvm, gfn: number): Task<void> {
  yield* spin_lock(kvm);
  const invalid_list = new PageList();
  for (const sp of indirectValidPages(kvm, gfn)) {
    kvm.ops.kvm_mmu_prepare_zap_page(kvm, sp, invalid_list);
  }
  kvm_mmu_commit_zap_page(kvm, invalid_list);
  spin_unlock(kvm);
}
