import { mutants01 } from "./01-hook-before-store.ts";
import { mutants02 } from "./02-wrap-in-any-address-space.ts";
import { mutants03 } from "./03-no-caching-in-flux.ts";
import { mutants04 } from "./04-in-progress-bit.ts";
import { mutants05 } from "./05-u64-generations.ts";
import { mutants06 } from "./06-mmio-generation-handling.ts";
import { mutants07 } from "./07-no-wraparound-hack.ts";
import { mutants08 } from "./08-flag-in-bit-63.ts";
import { mutants09 } from "./09-slot-level-helpers.ts";
import { mutants10 } from "./10-remote-flush-or-zap.ts";
import { mutants11 } from "./11-zap-only-the-slot.ts";
import { mutants12 } from "./12-document-no-fast-invalidate.ts";
import { mutants13 } from "./13-zap-mmio-sptes.ts";
import { mutants14 } from "./14-reschedule-zapping-mmio.ts";
import { mutants15 } from "./15-no-is-obsolete.ts";
import { mutants16 } from "./16-no-zapped-obsolete-list.ts";
import { mutants17 } from "./17-flush-at-each-break.ts";
import { mutants18 } from "./18-no-batching.ts";
import { mutants19 } from "./19-no-invalidate-all-tracepoint.ts";
import { mutants20 } from "./20-no-valid-gen-in-tracepoints.ts";
import { mutants21 } from "./21-teardown-zaps-all.ts";
import { mutants22 } from "./22-skip-invalid-roots.ts";
import { mutants23 } from "./23-reschedule-zapping-all.ts";
import { mutants24 } from "./24-no-fast-invalidate.ts";
import { mutants25 } from "./25-list-unstable.ts";
import { mutants26 } from "./26-warn-on-mmio-children.ts";
import { mutants27 } from "./27-one-walker.ts";
import type { Mutant } from "./mutant.ts";

/** All mutants, by patch. */
export const mutants: readonly Mutant[] = [
  ...mutants01,
  ...mutants02,
  ...mutants03,
  ...mutants04,
  ...mutants05,
  ...mutants06,
  ...mutants07,
  ...mutants08,
  ...mutants09,
  ...mutants10,
  ...mutants11,
  ...mutants12,
  ...mutants13,
  ...mutants14,
  ...mutants15,
  ...mutants16,
  ...mutants17,
  ...mutants18,
  ...mutants19,
  ...mutants20,
  ...mutants21,
  ...mutants22,
  ...mutants23,
  ...mutants24,
  ...mutants25,
  ...mutants26,
  ...mutants27,
];
