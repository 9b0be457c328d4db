import { hex, type StepRecord, type StepResult } from "../../adapters/record.ts";
import { walkToLeaf } from "../../reference/kernel/walk.ts";
import { PAGE_SIZE } from "../../reference/machine/constants.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import { isReadonly, type Memslot, visible } from "../../reference/machine/memslots.ts";
import { type Execution, nextStep, type Seen, type Thread } from "../execution.ts";
import type { Hash } from "../hash.ts";
import type { Finding, Property, Watcher } from "../property.ts";
import {
  accessFinding,
  accessOf,
  endedAccesses,
  seenAccess,
  shown,
  type SeenAccess,
} from "./accesses.ts";

/** From when on memory at a gfn must be reached: the call has returned, or readers see the slot. */
type Since = "created" | "published";

/**
 * What an access that does not reach the memory has believed: something that was still there, or an
 * MMIO SPTE that had been zapped between the reading of it and the comparison.
 */
type Believed = "present" | "gone";

/** An access that begins when memory is at its gfn reaches it, unless the slot changes meanwhile. */
export const memoryIsReached = (
  id: string,
  title: string,
  since: Since,
  believed: Believed,
): Property => ({
  id,
  title,
  watch: (execution) => new Promises(execution, since, believed),
});

interface Promised {
  readonly slot: Memslot;
  readonly access: SeenAccess;
}

class Promises implements Watcher {
  readonly #execution: Execution;
  readonly #since: Since;
  readonly #believed: Believed;
  /** By thread: the memory that its access must reach. */
  readonly #promised = new Map<number, Promised>();
  /** Slots that a region call is about, as `as:id`, by thread. */
  readonly #changing = new Map<number, string>();
  /** Threads whose access has matched an entry that is gone. */
  readonly #matchedGone = new Set<number>();
  /** vCPUs whose cache was filled from an entry that is gone. */
  readonly #filledFromGone = new Set<number>();

  constructor(execution: Execution, since: Since, believed: Believed) {
    this.#execution = execution;
    this.#since = since;
    this.#believed = believed;
  }

  after(seen: Seen): Finding | null {
    const thread = this.#execution.threads[seen.thread]!;
    this.#noteMatches(thread, seen);
    let finding: Finding | null = null;
    // What an access was promised when it began counts; one that began in this step was alone.
    let beganEarlier = !seen.began;
    for (const { access, operation, result } of endedAccesses(this.#execution, seen)) {
      const kept = this.#promised.get(seen.thread) ?? null;
      const promised = beganEarlier ? kept : this.#promiseOf(access);
      beganEarlier = false;
      this.#promised.delete(seen.thread);
      const believed = this.#believedBy(thread, access, result);
      if (promised === null || reaches(promised.slot, access, result)) continue;
      if (believed !== this.#believed) continue;
      finding ??= accessFinding(this.#sentence(access, result), thread, operation, result);
    }
    this.#noteChanges(thread, seen);
    if (seen.began && thread.begun && seen.ended === 0) this.#begin(thread);
    return finding;
  }

  /** The accesses after the threads, while slots no longer change. */
  atEnd(records: readonly StepRecord[]): Finding | null {
    const { kvm, scenario } = this.#execution;
    for (const [i, step] of scenario.after.entries()) {
      const access = seenAccess(kvm, step);
      if (access === null) continue;
      const { result } = records[i]!;
      const slot = slotAt(kvm, access);
      const believed = this.#filledFromGone.has(access.step.vcpu) ? "gone" : "present";
      if (slot === null || reaches(slot, access, result) || believed !== this.#believed) continue;
      return {
        sentence: this.#sentence(access, result),
        shows: { after: i, expect: shown(result) },
      };
    }
    return null;
  }

  /** Whether the entry that a comparison has just accepted is still in the tables. */
  #noteMatches(thread: Thread, { events }: Seen): void {
    for (const event of events) {
      if (event.event !== "check_mmio_spte" || !event.valid) continue;
      const access = accessOf(this.#execution, thread);
      if (access === null) continue;
      const end = walkToLeaf(this.#execution.kvm.vcpus[access.step.vcpu]!, access.gfn);
      if (end?.sp.spt.raw(end.index) !== event.raw) this.#matchedGone.add(thread.id);
    }
  }

  #believedBy(thread: Thread, { step }: SeenAccess, { via }: StepResult): Believed {
    const fromGone = this.#matchedGone.delete(thread.id);
    if (via === "spte" && fromGone) this.#filledFromGone.add(step.vcpu);
    else if (via !== "cache") this.#filledFromGone.delete(step.vcpu);
    return this.#filledFromGone.has(step.vcpu) ? "gone" : "present";
  }

  #sentence({ step, gfn }: SeenAccess, { outcome }: StepResult): string {
    const how = outcome === "mmio" ? "exits with MMIO" : "reaches something else";
    const where = `gfn ${hex(gfn)}, where memory was ${this.#since}`;
    return `vCPU ${step.vcpu} ${how} at ${where} before the access began`;
  }

  #noteChanges(thread: Thread, { began, ended }: Seen): void {
    if (began || ended > 0) {
      const step = nextStep(thread);
      if (step?.do === "set_memory_region" && thread.begun) {
        this.#changing.set(thread.id, `${step.as ?? 0}:${step.slot}`);
      } else this.#changing.delete(thread.id);
    }
    for (const [id, { slot, access }] of this.#promised) {
      if (this.#promiseOf(access)?.slot !== slot) this.#promised.delete(id);
    }
  }

  #begin(thread: Thread): void {
    const access = accessOf(this.#execution, thread);
    const promised = access === null ? null : this.#promiseOf(access);
    if (promised !== null) this.#promised.set(thread.id, promised);
  }

  #promiseOf(access: SeenAccess): Promised | null {
    const slot = slotAt(this.#execution.kvm, access);
    if (slot === null) return null;
    const isChanging = [...this.#changing.values()].includes(`${access.as}:${slot.id}`);
    return isChanging && this.#since === "created" ? null : { slot, access };
  }

  remember(hash: Hash): void {
    for (const [id, { slot }] of this.#promised) hash.add(id).add(slot.userspace_addr);
    for (const id of this.#matchedGone) hash.add(100 + id);
    for (const id of this.#filledFromGone) hash.add(200 + id);
  }
}

const slotAt = ({ memslots }: Kvm, { as, gfn }: SeenAccess): Memslot | null =>
  visible(memslots[as]!.__gfn_to_memslot(gfn));

function reaches(slot: Memslot, { step, gfn }: SeenAccess, { outcome, hva }: StepResult): boolean {
  if (outcome === "mmio") return step.kind === "write" && isReadonly(slot);
  const page = slot.userspace_addr + (gfn - slot.base_gfn) * PAGE_SIZE;
  return hva === hex(page + (Number(step.gpa) % PAGE_SIZE)) || hva === "taken-back";
}
