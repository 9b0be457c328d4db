import { erratum } from "../patch.ts";

export const walksEnd = erratum({
  id: "E3",
  kind: "gap",
  title: "the walks need not end while vCPUs run",
  affects: (has, slips) => has(25) || (!slips.has("E4") && (has(14) || has(23))),
  apply: (below) => ({
    // A walk visits the pages that existed when it began: newer ones, which running vCPUs make,
    // have higher ids.
    *walkPages(kvm, walk, order, visit) {
      const newest = kvm.counters.pages_allocated;
      yield* below.walkPages(kvm, walk, order, function* (sp) {
        return sp.id > newest ? "next" : yield* visit(sp);
      });
    },
  }),
});
