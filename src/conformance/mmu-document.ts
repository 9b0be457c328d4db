import type { MmuDocumentTopic } from "../reference/base/mmuDocument.ts";

/**
 * How each topic shows in the text of a kernel's MMU document (mmu.txt or mmu.rst): a heading, or a
 * field entry.
 */
const SIGNS: readonly { readonly topic: MmuDocumentTopic; readonly sign: RegExp }[] = [
  {
    topic: "zap-all-by-generation",
    sign: /^zapping all pages \(page generation count\)\s*\n[=~-]{5,}/im,
  },
  { topic: "mmu_valid_gen", sign: /^\s*(\* - )?mmu_valid_gen:?\s*$/m },
  { topic: "mmio-generation", sign: /^fast invalidation of mmio sptes\s*\n[=~-]{5,}/im },
];

/** The topics that the text of an MMU document covers. */
export const topicsOf = (text: string): MmuDocumentTopic[] =>
  SIGNS.filter(({ sign }) => sign.test(text)).map(({ topic }) => topic);
