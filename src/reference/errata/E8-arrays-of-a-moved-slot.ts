import { MemslotArch } from "../machine/memslots.ts";
import { erratum } from "../patch.ts";

export const arraysOfAMovedSlot = erratum({
  id: "E8",
  kind: "gap",
  title: "a moved slot keeps the arrays that were made for its old place",
  affects: () => true,
  apply: (below) => ({
    // A move makes them anew; what is mapped through the old ones is gone before the slot moves.
    archOfChangedSlot(old, place) {
      if (old.base_gfn === place.base_gfn) return below.archOfChangedSlot(old, place);
      return new MemslotArch(place);
    },
  }),
});
