/**
 * What kernel and model are compared by: something that happened inside, or that the guest saw, in
 * the same words on both sides.
 */
export interface Observation {
  readonly kind: Kind;
  /** By name, as text: numbers in hexadecimal. A kernel's line may tell fewer than the model. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Functions that the series touches; that they are called is compared, too. */
export const CALLS = {
  call_slot_flush: "kvm_mmu_invalidate_zap_pages_in_memslot",
  call_fast_invalidate: "kvm_mmu_invalidate_zap_all_pages",
  call_flush_shadow_all: "kvm_arch_flush_shadow_all",
  call_zap_all: "kvm_mmu_zap_all",
  call_walk: "__kvm_mmu_zap_all",
  call_zap_mmio: "kvm_mmu_zap_mmio_sptes",
} as const;

export type Call = keyof typeof CALLS;

/** The kernel function in which each kind of observation is made. */
export const FUNCTIONS = {
  get_page: "kvm_mmu_get_page",
  sync_page: "kvm_sync_page",
  unsync_page: "kvm_unsync_page",
  prepare_zap: "kvm_mmu_prepare_zap_page",
  mark_mmio_spte: "mark_mmio_spte",
  check_mmio_spte: "check_mmio_spte",
  handle_mmio_page_fault: "handle_mmio_page_fault",
  /** The tracepoint of the fast invalidate; the call of the function is one of `CALLS`. */
  fast_invalidate: "kvm_mmu_invalidate_zap_all_pages",
  install: "install_new_memslots",
  hook: "kvm_arch_memslots_updated",
  wrap_check: "kvm_mmu_invalidate_mmio_sptes",
  remote_flush: "kvm_flush_remote_tlbs",
  reload: "kvm_reload_remote_mmus",
  commit: "kvm_mmu_commit_zap_page",
  free: "kvm_mmu_free_page",
  lock_break: "__cond_resched_lock",
  page_fault: "kvm_mmu_page_fault",
  mmio_exit: "x86_emulate_instruction",
  ...CALLS,
} as const;

export type Kind = keyof typeof FUNCTIONS;

export const KINDS = Object.keys(FUNCTIONS) as readonly Kind[];

const PAGE_FIELDS = ["gen", "gfn", "level", "role", "root", "state"] as const;

/** What is told of each kind of observation; nothing more of those that are not here. */
export const FIELDS: Partial<Record<Kind, readonly string[]>> = {
  get_page: [...PAGE_FIELDS, "page"],
  sync_page: PAGE_FIELDS,
  unsync_page: PAGE_FIELDS,
  prepare_zap: PAGE_FIELDS,
  mark_mmio_spte: ["gfn", "access", "gen"],
  check_mmio_spte: ["spte", "kvm_gen", "spte-gen", "valid"],
  handle_mmio_page_fault: ["addr", "gfn", "access"],
  fast_invalidate: ["valid-gen", "used_pages"],
  install: ["as"],
  hook: ["gen", "as0", "as1"],
  wrap_check: ["gen"],
  page_fault: ["address", "access"],
  mmio_exit: ["gpa", "access"],
};

/** Things that are left out of the comparison: a kind, or one field of it as `kind.field`. */
export type LeftOut = ReadonlySet<string>;

/** Whether what a kernel's line tells is what the model did. */
export function isSame(seen: Observation, expected: Observation, leftOut: LeftOut): boolean {
  if (seen.kind !== expected.kind) return false;
  for (const name in seen.fields) {
    if (seen.fields[name] === expected.fields[name]) continue;
    if (!leftOut.has(`${seen.kind}.${name}`)) return false;
  }
  return true;
}

/** An observation as a reader sees it: `prepare_zap gfn c00, level 1, …`. */
export function observationText({ kind, fields }: Observation): string {
  const told = Object.entries(fields).map(([name, value]) => `${name} ${value}`);
  return [kind, told.join(", ")].filter((part) => part !== "").join(" ");
}
