import type { PageState } from "../machine/events.ts";

const ACCESS = ["---", "--x", "w--", "w-x", "-u-", "-ux", "wu-", "wux"];

/** A shadow page in the text of its tracepoints (arch/x86/kvm/mmutrace.h). Changed by patch 20. */
export function KVM_MMU_PAGE_PRINTK(page: PageState): string {
  return `sp gen ${page.mmu_valid_gen.toString(16)} ${printWithoutGeneration(page)}`;
}

/** The fields that stay when the generation is gone. */
export function printWithoutGeneration(page: PageState): string {
  const { gfn, level, direct, access, invalid, root_count, unsync } = page;
  const kind = `${direct ? "" : " pae"} q0${direct ? " direct" : ""}`;
  const state = `${ACCESS[access]!}${invalid ? " invalid" : ""} !nxe ad`;
  return `gfn ${gfn.toString(16)} l${level}${kind} ${state} root ${root_count} ${unsync ? "unsync" : "sync"}`;
}
