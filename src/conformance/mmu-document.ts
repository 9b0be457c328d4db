import type { MmuDocumentTopic } from "../reference/base/mmuDocument.ts";

/** The section that patch 12 removes: its heading. */
const ZAPPING = /^zapping all pages \(page generation count\)\s*\n[=~-]{5,}/im;

/** The entry of a field, with what is said of it: the deeper lines below, and empty ones between. */
const VALID_GEN = /^([ \t]*)(?:\* - )?mmu_valid_gen:?[ \t]*\n(?:\1[ \t]+.*\n|[ \t]*\n)*/m;

/**
 * Whether the field is described as what the section is about. From v6.6 on the field has an entry
 * again, on the fast zap that came later; there is no such section then.
 */
const hasValidGen = (text: string): boolean => {
  const entry = VALID_GEN.exec(text)?.[0];
  if (entry === undefined) return false;
  return ZAPPING.test(text) || /zapping all\s+pages/i.test(entry);
};

const MMIO_GENERATION = /^fast invalidation of mmio sptes\s*\n[=~-]{5,}/im;

/** How each topic shows in the text of a kernel's MMU document (mmu.txt or mmu.rst). */
const SIGNS: readonly {
  readonly topic: MmuDocumentTopic;
  readonly isIn: (text: string) => boolean;
}[] = [
  { topic: "zap-all-by-generation", isIn: (text) => ZAPPING.test(text) },
  { topic: "mmu_valid_gen", isIn: hasValidGen },
  { topic: "mmio-generation", isIn: (text) => MMIO_GENERATION.test(text) },
];

/** The topics that the text of an MMU document covers. */
export function topicsOf(text: string): MmuDocumentTopic[] {
  const lines = text.replaceAll("\r\n", "\n");
  return SIGNS.filter(({ isIn }) => isIn(lines)).map(({ topic }) => topic);
}
