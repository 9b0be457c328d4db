import { PAGE_SIZE } from "../../reference/machine/constants.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import type { ShadowPage } from "../../reference/machine/shadow-page.ts";
import { hex } from "../../adapters/record.ts";

/** `0xc1080`, or `0xc1080-0xc1083`. */
export const range = (first: number, length: number): string =>
  length === 1 ? hex(first) : `${hex(first)}-${hex(first + length - 1)}`;

/** First byte of the host page behind a frame; or that the host has given it to somebody else. */
export function hostText(kvm: Kvm, frame: number): string {
  const owner = kvm.host.ownerOf(frame);
  return owner === null ? "memory that the host took back" : `hva ${hex(owner * PAGE_SIZE)}`;
}

/** The shadow page behind a frame; null if it was freed. */
export function pageBehind(kvm: Kvm, frame: number): ShadowPage | null {
  for (const sp of kvm.allPages) if (sp.frame === frame) return sp;
  return null;
}

/** What a set of slots has as its generation, and what of it MMIO SPTEs hold. */
export function generationText(kvm: Kvm, as: number): string {
  const { generation } = kvm.memslots[as]!;
  const part = generation & kvm.ops.MMIO_GEN_MASK(kvm);
  return part === generation ? hex(generation) : `${hex(generation)} (for MMIO SPTEs ${hex(part)})`;
}
