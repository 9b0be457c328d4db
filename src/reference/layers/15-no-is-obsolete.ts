import { patch } from "../patch.ts";

export const noIsObsolete = patch({
  number: 15,
  title: "KVM: x86/mmu: Remove is_obsolete() call",
  kinds: ["behaviour"],
  commit: "5ff0568374ed2e585376a3832857ade5daccd381",
  requires: {},
  apply: () => ({
    zappedRootNeedsReload: (_kvm, sp) => !sp.invalid,
  }),
});
