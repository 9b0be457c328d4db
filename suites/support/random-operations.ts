import fc from "fast-check";
import type {
  Case,
  Machine,
  SetMemoryRegionStep,
  Step,
} from "../../src/scenario/case.generated.ts";
import { MovedSlots } from "../../src/scenario/moved-slots.ts";

/**
 * Random legal scenarios: region calls, accesses, SMM, memory pressure, contention, teardown. An
 * action says what to try; what comes of it depends on the slots there are, so that shrinking keeps
 * a scenario legal. A scenario is a plain list of steps: a failing one can be saved as a fixture.
 */

/** What a random scenario runs on. */
export const MACHINES = {
  "direct (NPT)": { paging: "npt" },
  "direct (EPT), 2M host pages": { paging: "ept", host_page_size: "2M" },
  "PAE roots": { paging: "shadow" },
  "shadowed guest page tables": { paging: "shadow" },
} as const satisfies Record<string, Machine>;

export type MachineName = keyof typeof MACHINES;

/** Guest memory: a few places that share and do not share 2M regions, gfn 0 among them. */
const PLACES = [
  "0x0",
  "0x8000",
  "0x80000",
  "0x200000",
  "0x280000",
  "0x400000",
  "0x40000000",
] as const;
const SIZES = ["0x1000", "0x4000", "0x10000", "0x200000"] as const;
/** Host memory; slots may share it. */
const MEMORIES = ["0x10000000", "0x20000000", "0x20200000", "0x30000000"] as const;
/** Accesses go to these offsets from a place. */
const OFFSETS = [0, 0, 0, 0x1000, 0x3000, 0x8000, 0x1ff000] as const;
/** Where the guest's page tables are, in a slot that stays (slot 5 of address space 0). */
const TABLES = 0x3000_0000;
const TABLE_SLOT = 5;

const index = fc.noBias(fc.nat({ max: 99 }));

const action = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant("access"),
      place: index,
      offset: index,
      vcpu: index,
      write: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("create"),
      place: index,
      size: index,
      memory: index,
      as: index,
      flags: index,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete"), which: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("move"), which: index, place: index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("toggle"), which: index }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("smm"), vcpu: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("shrink") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release"), which: index, page: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("contend"), at: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush all") }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("guest table"),
      place: index,
      offset: index,
      vcpu: index,
      target: index,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("guest flush"),
      vcpu: index,
      place: index,
      offset: index,
    }),
  },
);
export type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** Lists of actions; short ones shrink further. */
export const actions: fc.Arbitrary<Action[]> = fc.array(action, {
  minLength: 10,
  maxLength: 32,
  size: "max",
});

interface Slot {
  readonly as: number;
  readonly id: number;
  readonly gpa: string;
  readonly size: string;
  readonly hva: string;
  readonly flags: number;
}

/**
 * Which moves there are: those alone that every kernel survives, or any, also to where the arrays
 * of the slot do not reach (E8).
 */
export type Moves = "sound" | "any";

/** What the steps so far have made: enough to say what an access must reach. */
export class World {
  readonly #machine: MachineName;
  readonly #moves: Moves;
  readonly #arrays = new MovedSlots();
  readonly slots: Slot[] = [];
  readonly smm = [false, false];
  #lastPlace: string = PLACES[1];

  constructor(machine: MachineName, moves: Moves = "sound") {
    this.#machine = machine;
    this.#moves = moves;
  }

  get isShadowed(): boolean {
    return this.#machine === "shadowed guest page tables";
  }

  /** The steps that every scenario begins with. */
  prologue(): Step[] {
    // The slot for the tables is there with every machine: without any memory a vCPU has no page
    // budget.
    const tables = { as: 0, id: TABLE_SLOT, gpa: hex(TABLES), size: "0x100000", hva: "0x70000000" };
    const memory = { as: 0, id: TABLE_SLOT + 1, gpa: PLACES[0], size: SIZES[2], hva: MEMORIES[0] };
    this.slots.push({ ...tables, flags: 0 }, { ...memory, flags: 0 });
    for (const slot of this.slots) this.#arrays.note(region(slot));
    const steps: Step[] = this.slots.map(region);
    if (this.isShadowed) {
      const root = hex(TABLES);
      for (const place of PLACES) {
        steps.push({ do: "map_guest_range", root, gva: place, gpa: place, npages: 16 });
      }
      steps.push({ do: "map_guest_range", root, gva: hex(TABLES), gpa: hex(TABLES), npages: 32 });
    }
    const cr3 = this.isShadowed ? { cr3: hex(TABLES) } : {};
    return [...steps, { do: "create_vcpu", ...cr3 }, { do: "create_vcpu", ...cr3 }];
  }

  /** The step for an action, or null when it makes no sense now. */
  step(wanted: Action): Step | null {
    switch (wanted.kind) {
      case "access":
        return this.#access(
          chosenVcpu(wanted.vcpu),
          wanted.place,
          pick(OFFSETS, wanted.offset),
          wanted.write,
        );
      case "create": {
        const as = wanted.as % 3 === 0 ? 1 : 0;
        const slot = {
          as,
          id: this.#freeId(as),
          gpa: this.#placeFor(wanted.place, as),
          size: pick(SIZES, wanted.size),
          hva: pick(MEMORIES, wanted.memory),
          flags: [0, 0, 0, 1, 2][wanted.flags % 5]!,
        };
        const overlaps = this.slots.some((other) => other.as === as && overlap(other, slot));
        if (!overlaps) {
          this.slots.push(slot);
          this.#arrays.note(region(slot));
        }
        return { ...region(slot), expect: { result: overlaps ? "EEXIST" : "ok" } };
      }
      case "delete": {
        const slot = this.#chosen(wanted.which);
        if (slot === null) return null;
        this.#replace(slot, null);
        const gone = region({ ...slot, size: "0x0", flags: 0 });
        this.#arrays.note(gone);
        return { ...gone, expect: { result: "ok" } };
      }
      case "move": {
        const slot = this.#chosen(wanted.which);
        const gpa = pick(PLACES, wanted.place);
        if (slot === null || slot.gpa === gpa) return null;
        const moved = { ...slot, gpa };
        if (this.#moves === "sound" && this.#arrays.outgrows(region(moved))) return null;
        const others = this.slots.filter((other) => other !== slot && other.as === slot.as);
        const fits = !others.some((other) => overlap(other, moved));
        if (fits) this.#replace(slot, moved);
        return { ...region(moved), expect: { result: fits ? "ok" : "EEXIST" } };
      }
      case "toggle": {
        const slot = this.#chosen(wanted.which);
        if (slot === null) return null;
        const toggled = { ...slot, flags: slot.flags ^ 1 };
        this.#replace(slot, toggled);
        return { ...region(toggled), expect: { result: "ok" } };
      }
      case "smm": {
        const vcpu = chosenVcpu(wanted.vcpu);
        this.smm[vcpu] = !this.smm[vcpu];
        return { do: this.smm[vcpu] ? "enter_smm" : "leave_smm", vcpu };
      }
      case "shrink":
        return { do: "shrink" };
      case "release": {
        const slot = this.#chosen(wanted.which);
        if (slot === null) return null;
        const page = wanted.page % Math.min(16, Number(slot.size) / 4096);
        return { do: "host_release", hva: hex(Number(slot.hva) + page * 4096) };
      }
      case "contend":
        return {
          do: "contend",
          who: "cpu",
          when: wanted.at % 3 === 0 ? "never" : [1 + (wanted.at % 7)],
        };
      case "flush all":
        return { do: "flush_shadow_all" };
      case "guest table": {
        const vcpu = chosenVcpu(wanted.vcpu);
        if (!this.isShadowed || this.smm[vcpu]) return null;
        // Rewrites a level 1 entry with what it holds: the table may go unsync, the mapping stays.
        const place = Number(pick(PLACES, wanted.place));
        const page = wanted.offset % 16;
        const gva = this.#leafEntry(place + page * 4096);
        if (gva === null) return null;
        return {
          do: "write_guest_table",
          vcpu,
          gva: hex(gva),
          entry: hex(place + page * 4096 + 7),
        };
      }
      case "guest flush": {
        const vcpu = chosenVcpu(wanted.vcpu);
        if (!this.isShadowed || this.smm[vcpu]) return null;
        const gva = hex(
          Number(pick(PLACES, wanted.place)) + (pick(OFFSETS, wanted.offset) % 0x10000),
        );
        return wanted.offset % 2 === 0
          ? { do: "load_cr3", vcpu, cr3: hex(TABLES) }
          : { do: "invlpg", vcpu, gva };
      }
    }
  }

  /** One access of each vCPU to the start of every place. */
  lookEverywhere(): Step[] {
    const vcpus = [0, 1];
    return vcpus.flatMap((vcpu) =>
      PLACES.map((place) => this.#accessAt(vcpu, Number(place), false)),
    );
  }

  /** An access with what it must reach. */
  #access(vcpu: number, choice: number, offset: number, write: boolean): Step {
    const smm = this.smm[vcpu]!;
    const mapped = this.isShadowed && !smm;
    const place = this.#placeFor(choice, smm ? 1 : 0);
    return this.#accessAt(vcpu, Number(place) + (mapped ? offset % 0x10000 : offset), write);
  }

  /**
   * Mostly where something happened last, so that one thing meets another; else where a slot is, or
   * anywhere.
   */
  #placeFor(choice: number, as: number): string {
    const slots = this.slots.filter((slot) => slot.as === as && slot.id !== TABLE_SLOT);
    if (choice % 5 < 3) return this.#lastPlace;
    const nearSlot = choice % 5 === 3 && slots.length > 0;
    this.#lastPlace = pick(nearSlot ? slots.map(({ gpa }) => gpa) : PLACES, choice);
    return this.#lastPlace;
  }

  #accessAt(vcpu: number, gpa: number, write: boolean): Step {
    const smm = this.smm[vcpu]!;
    const mapped = this.isShadowed && !smm;
    const slot = this.slotAt(smm ? 1 : 0, gpa);
    const kind = write ? "write" : "read";
    const address = mapped ? { gva: hex(gpa) } : { gpa: hex(gpa) };
    const access = { do: "access", vcpu, ...address, kind, value: "0x77" } as const;
    if (slot === null || (write && (slot.flags & 2) !== 0)) {
      return { ...access, expect: { outcome: "mmio" } };
    }
    const hva = hex(Number(slot.hva) + gpa - Number(slot.gpa));
    return { ...access, expect: { outcome: ["hit", "mapped", "emulated"], hva } };
  }

  slotAt(as: number, gpa: number): Slot | null {
    const found = this.slots.find(
      (slot) =>
        slot.as === as && gpa >= Number(slot.gpa) && gpa < Number(slot.gpa) + Number(slot.size),
    );
    return found ?? null;
  }

  /**
   * Tables are handed out in the order of first use: root, then for each new 512 GiB, 1 GiB, 2 MiB
   * one each.
   */
  #leafEntry(gva: number): number | null {
    const tables = new Map<string, number>();
    let next = TABLES + 4096;
    const touch = (address: number): number => {
      let table = TABLES;
      for (const shift of [39, 30, 21]) {
        const key = `${shift}:${Math.floor(address / 2 ** shift)}`;
        let below = tables.get(key);
        if (below === undefined) {
          below = next;
          next += 4096;
          tables.set(key, below);
        }
        table = below;
      }
      return table + 8 * (Math.floor(address / 4096) % 512);
    };
    for (const place of PLACES) touch(Number(place));
    touch(TABLES);
    const known = tables.size;
    const entry = touch(gva);
    return tables.size === known ? entry : null;
  }

  #chosen(which: number): Slot | null {
    const movable = this.slots.filter(({ id }) => id !== TABLE_SLOT);
    return movable.length === 0 ? null : movable[which % movable.length]!;
  }

  #freeId(as: number): number {
    const used = new Set(this.slots.filter((slot) => slot.as === as).map(({ id }) => id));
    let id = TABLE_SLOT + 1;
    while (used.has(id)) id++;
    return id;
  }

  #replace(slot: Slot, by: Slot | null): void {
    this.slots.splice(this.slots.indexOf(slot), 1, ...(by === null ? [] : [by]));
  }
}

/** A whole scenario as a case, so that it can be run, printed and saved. */
export function scenarioOf(
  machine: MachineName,
  wanted: readonly Action[],
  more: Machine = {},
  moves: Moves = "sound",
): Case {
  const world = new World(machine, moves);
  const steps = world.prologue();
  for (const each of wanted) {
    const step = world.step(each);
    if (step !== null) steps.push(step);
  }
  return {
    id: "all.random",
    title: "A random legal scenario",
    why: "Found by a property test; every access must reach what the slots say.",
    patch: 0,
    function: "kvm_mmu_page_fault",
    proof: "invariant",
    layers: { from: 0, to: 27 },
    profile: "promised",
    machine: { ...MACHINES[machine], ...more },
    steps,
  };
}

const pick = <T>(choices: readonly T[], which: number): T => choices[which % choices.length]!;

/** vCPU 0 does most. */
const chosenVcpu = (choice: number): number => (choice % 4 === 0 ? 1 : 0);

const hex = (value: number): string => `0x${value.toString(16)}`;

function region({ as, id, gpa, size, hva, flags }: Slot): SetMemoryRegionStep {
  return { do: "set_memory_region", slot: id, as, gpa, size, hva, flags };
}

function overlap(a: Slot, b: Slot): boolean {
  const [startA, startB] = [Number(a.gpa), Number(b.gpa)];
  return startA < startB + Number(b.size) && startB < startA + Number(a.size);
}
