import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../suites/support/property.ts";
import { type Composition, composeThrough } from "../../src/reference/compose.ts";
import { publishAndSynchronize, storeGeneration } from "../../src/reference/kernel/publish.ts";
import type { Event } from "../../src/reference/machine/events.ts";
import { Kvm } from "../../src/reference/machine/kvm.ts";
import { machineParameters } from "../../src/reference/machine/machine.ts";
import { Memslots } from "../../src/reference/machine/memslots.ts";
import { runToEnd } from "../../src/reference/machine/thread.ts";
import { u64 } from "../../src/reference/machine/u64.ts";

/** Installs after which the number that MMIO SPTEs hold comes round, in each address space. */
const ROUND = 2 ** 18;

/**
 * Installs in the address spaces that `turns` names, and looks at every number that is published on
 * the way.
 * @param start what the generations are before, instead of what a new VM has.
 * @returns what went wrong first, and with which install: two address spaces had the same number,
 * or one came again; in MMIO SPTEs a final number counts without its upper bits.
 */
function problemOf(
  { ops }: Composition,
  turns: Iterable<number>,
  start?: readonly bigint[],
): { installs: number; message: string } | null {
  const kvm = new Kvm(machineParameters(), ops);
  start?.forEach((generation, as) => {
    kvm.memslots[as] = new Memslots(generation, []);
  });
  const mask = ops.MMIO_GEN_MASK(kvm) & ~ops.KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
  const now = kvm.memslots.map(({ generation }) => generation);
  const seen = new Set<bigint>();
  const fields = new Set<bigint>();
  /** @returns what is wrong with the number, or null. */
  const publish = (as: number, generation: bigint, final: boolean): string | null => {
    now[as] = generation;
    if (now[0] === now[1]) return `both address spaces have ${generation}`;
    if (seen.has(generation)) return `${generation} comes again`;
    seen.add(generation);
    if (!final) return null;
    const field = generation & mask;
    if (fields.has(field)) return `MMIO generation ${field} comes again`;
    fields.add(field);
    return null;
  };
  const problemIn = (event: Event): string | null => {
    if (event.event === "memslots.published") return publish(event.as, event.generation, false);
    if (event.event === "memslots.generation") return publish(event.as, event.generation, true);
    return event.event === "warn" ? `a warning in ${event.where}` : null;
  };
  const atStart = now.map((generation, as) => publish(as, generation, true));
  let message = atStart.find((problem) => problem !== null) ?? null;
  let installs = 0;
  for (const as of turns) {
    if (message !== null) break;
    runToEnd(ops.install_new_memslots(kvm, as, new Memslots(0n, [])));
    installs++;
    for (const event of kvm.log!.splice(0)) message ??= problemIn(event);
  }
  return message === null ? null : { installs, message };
}

/** As many turns as asked, in a pattern. */
function* turns(count: number, as: (turn: number) => number): Generator<number> {
  for (let turn = 0; turn < count; turn++) yield as(turn);
}

describe.each([7, 8, 27])("at layer %i the numbers of the two address spaces", (layer) => {
  const composition = composeThrough(layer);

  test.each([0, 1])(
    "come again in MMIO SPTEs with install 2^18 in address space %i, not before",
    (as) => {
      expect(
        problemOf(
          composition,
          turns(ROUND, () => as),
        ),
      ).toEqual({
        installs: ROUND,
        message: `MMIO generation ${as * (layer < 8 ? 2 : 1)} comes again`,
      });
    },
  );

  test("are never equal and never come again in 2^18 - 1 installs by turns", () => {
    expect(
      problemOf(
        composition,
        turns(ROUND - 1, (turn) => turn % 2),
      ),
    ).toBeNull();
  });

  test("are never equal and never come again, whichever turns they take from wherever they stand", () => {
    const step = layer < 8 ? 4n : 2n;
    const scene = fc.record({
      order: fc.array(fc.nat({ max: 1 }), { maxLength: 200 }),
      // Address spaces start next to each other and may be far apart later on; numbers wrap.
      ahead: fc.nat({ max: 2 ** 17 }).map(BigInt),
      base: fc.oneof(
        fc.bigInt({ min: 0n, max: 2n ** 40n }),
        fc.constant(layer < 8 ? 2n ** 64n / step - 50n : 2n ** 63n / step - 2n ** 18n),
      ),
    });
    check(scene, 100, ({ order, ahead, base }) => {
      const start = [u64(base * step), u64((base + ahead) * step + step / 2n)];
      expect(problemOf(composition, order, start)).toBeNull();
    });
  });
});

describe("the check can fail", () => {
  const variant = (apply: () => Partial<Composition["ops"]>): Composition =>
    composeThrough(8, { overrides: [{ patch: 8, apply }] });

  /** Patch 8 whose installs end with another number. */
  const ending = (next: (old: bigint) => bigint): Composition =>
    variant(() => ({
      *install_new_memslots(kvm, as_id, slots) {
        const old = kvm.memslots[as_id]!.generation;
        slots.generation = old | (1n << 63n);
        yield* publishAndSynchronize(kvm, as_id, slots);
        yield* storeGeneration(kvm, as_id, slots, next(old));
      },
    }));

  /** Patch 8 in a VM whose address spaces start with the same number. */
  const startingAlike = variant(() => ({
    kvm_create_vm(kvm) {
      for (const as of [0, 1]) kvm.memslots[as] = new Memslots(0n, []);
    },
  }));

  test.each([
    ["both start with 0", startingAlike, 0, "both address spaces have 0"],
    ["1 is added, not 2", ending((old) => old + 1n), 1, "both address spaces have 1"],
    ["nothing is added", ending((old) => old), 1, "0 comes again"],
    ["numbers have 17 bits", ending((old) => (old + 2n) & 0x1ffffn), 2 ** 16, "0 comes again"],
    ["2^18 is added", ending((old) => old + 2n ** 18n), 2, "MMIO generation 0 comes again"],
  ])("%s", (_what, composition, installs, message) => {
    const problem = problemOf(
      composition,
      turns(ROUND, () => 0),
    );
    expect(problem).toEqual({ installs, message });
  });

  test("and the right one stands there", () => {
    const right = ending((old) => old + 2n);
    expect(
      problemOf(
        right,
        turns(1000, () => 0),
      ),
    ).toBeNull();
  });
});
