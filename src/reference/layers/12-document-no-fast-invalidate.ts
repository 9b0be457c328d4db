import { patch } from "../patch.ts";

export const documentNoFastInvalidate = patch({
  number: 12,
  title: 'Revert "KVM: MMU: document fast invalidate all pages"',
  kinds: ["docs"],
  requires: {},
  apply: (below) => ({
    mmuDocument: below.mmuDocument.filter((topic) => topic === "mmio-generation"),
  }),
});
