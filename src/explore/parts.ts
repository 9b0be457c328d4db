import type { Kvm } from "../reference/machine/kvm.ts";
import type { Point, Wait } from "../reference/machine/thread.ts";

/**
 * Parts of a VM's state that a step of a thread may touch. Two steps of which neither touches what
 * the other changes can be taken in either order.
 */
export const PARTS = {
  /** The published sets and their generations. */
  memslots: 1,
  /** Shadow pages, their entries, mmu_lock, the MMU notifier: what mmu_lock protects. */
  mmu: 2,
  srcu: 4,
  slotsLock: 8,
  /** Guest memory: its content, and which frame a page has. */
  host: 16,
} as const;

/** The first bit of the parts that are vCPUs. */
export const FIRST_VCPU = 5;
export const partOfVcpu = (id: number): number => 1 << (FIRST_VCPU + id);
export const allVcpus = ({ vcpus }: Kvm): number => ((1 << vcpus.length) - 1) << FIRST_VCPU;

const { memslots, mmu, srcu, slotsLock, host } = PARTS;
export const SHARED = memslots | mmu | srcu | slotsLock | host;

/**
 * What a thread may touch, besides its own vCPU, in the step that begins at a point. A test
 * compares it with what the kernel functions do touch.
 */
const FROM_POINT: Readonly<Record<Point, number>> = {
  "memslots.published": srcu,
  "memslots.synchronized": memslots,
  "memslots.generation": memslots,
  "memslots.arch-updated": memslots,
  "guest.enter": memslots | mmu | srcu | host,
  "slot.looked-up": 0,
  "cache.fill": memslots,
  "spte.mark": memslots | mmu | srcu | host,
  "spte.check": memslots | mmu | srcu | host,
  emulate: memslots | mmu | srcu | host,
  "mmu_lock.acquire": memslots | mmu | srcu | host,
  "mmu_lock.break": memslots | mmu | srcu | host,
};

const FROM_WAIT: Readonly<Record<Wait["waitsFor"], number>> = {
  mmu_lock: memslots | mmu | srcu | host,
  mmu_notifier: mmu,
  srcu,
  slots_lock: slotsLock | memslots,
};

/** Where a thread stands. */
export type Stand = Point | Wait | "start" | "end";

/** What the step that begins there may touch, unless it also begins or ends an operation. */
export const touchedFrom = (stand: Stand): number => {
  if (typeof stand === "object") return FROM_WAIT[stand.waitsFor];
  return stand === "start" || stand === "end" ? SHARED : FROM_POINT[stand];
};
