import { erratum } from "../patch.ts";

export const walksEnd = erratum({
  id: "E3",
  kind: "gap",
  title: "the walks need not end while vCPUs run",
  // With E4 the walk over MMIO tables never breaks; that over all tables does at a root in use.
  affects: (has, slips) => has(23) || (has(14) && !slips.has("E4")),
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
