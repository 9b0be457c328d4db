import { spin_lock, spin_unlock } from "../machine/mmu-lock.ts";
import { mutantsOf, without } from "./mutant.ts";

export const mutants19 = mutantsOf(19, {
  "still-declared": {
    title: "nothing fires the tracepoint any more, but it is still declared",
    apply: without("tracepoints"),
  },
  "still-fired": {
    title: "the tracepoint is not declared any more, but the fast invalidate still fires it",
    apply: without("traceInvalidateZapAllPages"),
  },
  "another-one-removed": {
    title: "the tracepoint of the zap goes, too",
    apply: ({ tracepoints: { kvm_mmu_prepare_zap_page: _gone, ...tracepoints } }) => ({
      tracepoints,
    }),
  },
  "field-of-the-others-removed-too": {
    title: "the other tracepoints lose the generation of the page, which goes with patch 20",
    apply: ({ tracepoints }) => ({
      tracepoints: Object.fromEntries(
        Object.entries(tracepoints).map(([name, fields]) => [
          name,
          fields.filter((field) => field !== "mmu_valid_gen"),
        ]),
      ),
    }),
  },
  "increment-removed-too": {
    title: "the increment next to the tracepoint goes with it: no page becomes obsolete",
    apply: () => ({
      *kvm_mmu_invalidate_zap_all_pages(kvm) {
        yield* spin_lock(kvm);
        yield* kvm.ops.kvm_zap_obsolete_pages(kvm);
        spin_unlock(kvm);
      },
    }),
  },
  "increment-after-the-walk": {
    title: "the pages become obsolete when the walk is over",
    apply: () => ({
      *kvm_mmu_invalidate_zap_all_pages(kvm) {
        yield* spin_lock(kvm);
        yield* kvm.ops.kvm_zap_obsolete_pages(kvm);
        kvm.mmu_valid_gen++;
        spin_unlock(kvm);
      },
    }),
  },
});
