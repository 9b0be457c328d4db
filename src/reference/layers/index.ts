import type { Patch } from "../patch.ts";
import { hookBeforeStore } from "./01-hook-before-store.ts";
import { wrapInAnyAddressSpace } from "./02-wrap-in-any-address-space.ts";
import { noCachingInFlux } from "./03-no-caching-in-flux.ts";
import { inProgressBit } from "./04-in-progress-bit.ts";
import { u64Generations } from "./05-u64-generations.ts";
import { mmioGenerationHandling } from "./06-mmio-generation-handling.ts";
import { noWraparoundHack } from "./07-no-wraparound-hack.ts";
import { flagInBit63 } from "./08-flag-in-bit-63.ts";
import { slotLevelHelpers } from "./09-slot-level-helpers.ts";
import { remoteFlushOrZap } from "./10-remote-flush-or-zap.ts";
import { zapOnlyTheSlot } from "./11-zap-only-the-slot.ts";
import { documentNoFastInvalidate } from "./12-document-no-fast-invalidate.ts";
import { zapMmioSptes } from "./13-zap-mmio-sptes.ts";
import { rescheduleZappingMmio } from "./14-reschedule-zapping-mmio.ts";
import { noIsObsolete } from "./15-no-is-obsolete.ts";
import { noZappedObsoleteList } from "./16-no-zapped-obsolete-list.ts";
import { flushAtEachBreak } from "./17-flush-at-each-break.ts";
import { noBatching } from "./18-no-batching.ts";
import { noInvalidateAllTracepoint } from "./19-no-invalidate-all-tracepoint.ts";
import { noValidGenInTracepoints } from "./20-no-valid-gen-in-tracepoints.ts";
import { teardownZapsAll } from "./21-teardown-zaps-all.ts";
import { skipInvalidRoots } from "./22-skip-invalid-roots.ts";
import { rescheduleZappingAll } from "./23-reschedule-zapping-all.ts";
import { noFastInvalidate } from "./24-no-fast-invalidate.ts";
import { listUnstable } from "./25-list-unstable.ts";
import { warnOnMmioChildren } from "./26-warn-on-mmio-children.ts";
import { oneWalker } from "./27-one-walker.ts";

/** The 27 patches in the order of the series. */
export const patches: readonly Patch[] = [
  hookBeforeStore,
  wrapInAnyAddressSpace,
  noCachingInFlux,
  inProgressBit,
  u64Generations,
  mmioGenerationHandling,
  noWraparoundHack,
  flagInBit63,
  slotLevelHelpers,
  remoteFlushOrZap,
  zapOnlyTheSlot,
  documentNoFastInvalidate,
  zapMmioSptes,
  rescheduleZappingMmio,
  noIsObsolete,
  noZappedObsoleteList,
  flushAtEachBreak,
  noBatching,
  noInvalidateAllTracepoint,
  noValidGenInTracepoints,
  teardownZapsAll,
  skipInvalidRoots,
  rescheduleZappingAll,
  noFastInvalidate,
  listUnstable,
  warnOnMmioChildren,
  oneWalker,
];
