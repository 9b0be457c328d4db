import { PAGE_SIZE } from "../reference/machine/constants.ts";
import { arraysCanServe, type SlotPlace } from "../reference/machine/memslots.ts";
import type { SetMemoryRegionStep, Step } from "./case.generated.ts";

/**
 * The slots that region calls have made, each with the place that its arrays were made for. Kernels
 * of the series take them along when a slot moves (erratum E8); what lies beyond them is luck.
 */
export class MovedSlots {
  readonly #madeFor = new Map<string, SlotPlace>();

  /** Whether a region call moves a slot to where the arrays that it has are not sound. */
  outgrows(step: SetMemoryRegionStep): boolean {
    const made = this.#madeFor.get(keyOf(step));
    return made !== undefined && step.size !== "0x0" && !arraysCanServe(made, placeOf(step));
  }

  /** Notes a region call that has succeeded. */
  note(step: SetMemoryRegionStep): void {
    const key = keyOf(step);
    if (step.size === "0x0") this.#madeFor.delete(key);
    else if (!this.#madeFor.has(key)) this.#madeFor.set(key, placeOf(step));
  }
}

const keyOf = ({ as = 0, slot }: SetMemoryRegionStep): string => `${as}:${slot}`;

const placeOf = ({ gpa, size, hva }: SetMemoryRegionStep): SlotPlace => ({
  base_gfn: Number(gpa) / PAGE_SIZE,
  npages: Number(size) / PAGE_SIZE,
  userspace_addr: Number(hva),
});

/** Whether some region call of a list, taken in order, does; those that are to fail do nothing. */
export function outgrowsItsArrays(steps: Iterable<Step>): boolean {
  const slots = new MovedSlots();
  for (const step of steps) {
    if (step.do !== "set_memory_region" || isToFail(step)) continue;
    if (slots.outgrows(step)) return true;
    slots.note(step);
  }
  return false;
}

const isToFail = ({ expect }: SetMemoryRegionStep): boolean =>
  expect?.result === "EINVAL" || expect?.result === "EEXIST";
