// Memslots and their generations as of layer 8, and nothing else: what the region call answers, and
// what its installs show, in order. In a project of your own import from "kvm-mmu-conformance".
import {
  type Answer,
  type DefinedVm,
  defineImplementation,
  type EventName,
  type Machine,
  type WireEvent,
  type WireStep,
} from "../../src/index.ts";

const PAGE = 4096n;
const IN_FLUX = 1n << 63n;

interface Slot {
  readonly first: bigint;
  readonly size: bigint;
  readonly hva: bigint;
  readonly flags: number;
}

/** What is published for an address space. */
interface Memslots {
  readonly generation: bigint;
  readonly slots: ReadonlyMap<number, Slot>;
}

class Vm implements DefinedVm {
  readonly #sets: Memslots[];
  readonly #wanted: ReadonlySet<EventName>;
  #events: WireEvent[] = [];

  constructor({ address_spaces: length = 2 }: Machine, wanted: ReadonlySet<EventName>) {
    this.#wanted = wanted;
    this.#sets = Array.from({ length }, (_, as) => ({ generation: BigInt(as), slots: new Map() }));
  }

  step(step: WireStep): Answer {
    this.#events = [];
    const result = this.#perform(step);
    return this.#events.length === 0 ? result : { ...result, events: this.#events };
  }

  #perform(step: WireStep): Answer {
    if (step.do === "snapshot") return { memslots: this.#sets.map(shown) };
    if (step.do === "set_memory_region") return { result: this.#update(step) };
    // It is asked for nothing but what it offers; this is left: fault injection.
    if (step.do !== "inject") throw new Error(`${step.do} is not offered`);
    const { as = 0, generation = "0x0" } = step;
    this.#sets[as] = { ...this.#sets[as]!, generation: BigInt(generation) };
    return {};
  }

  #update(step: Extract<WireStep, { do: "set_memory_region" }>): "ok" | "EINVAL" | "EEXIST" {
    const { as = 0, slot: id, flags = 0 } = step;
    const [first, size, hva] = [BigInt(step.gpa), BigInt(step.size), BigInt(step.hva)];
    const set = this.#sets[as];
    if ((flags & ~3) !== 0 || (first | size | hva) % PAGE !== 0n) return "EINVAL";
    if (hva + size > 2n ** 47n - PAGE || set === undefined || id > 508) return "EINVAL";
    if (first + size >= 2n ** 64n || size / PAGE >= 2n ** 31n) return "EINVAL";

    const others = new Map(set.slots);
    others.delete(id);
    const old = set.slots.get(id);
    if (size === 0n) {
      if (old === undefined) return "EINVAL";
      this.#install(as, set.slots); // The slot is INVALID from here on, which nobody can see.
      this.#install(as, others);
      return "ok";
    }
    if (old !== undefined) {
      const sameMemory = old.size === size && old.hva === hva;
      if (!sameMemory || ((old.flags ^ flags) & 2) !== 0) return "EINVAL";
      if (old.first === first && old.flags === flags) return "ok";
    }
    const overlaps = (other: Slot): boolean =>
      first < other.first + other.size && other.first < first + size;
    const isElsewhere = old?.first !== first;
    if (isElsewhere && [...others.values()].some(overlaps)) return "EEXIST";
    if (old !== undefined && isElsewhere) this.#install(as, set.slots);
    this.#install(as, others.set(id, { first, size, hva, flags }));
    return "ok";
  }

  #install(as: number, slots: ReadonlyMap<number, Slot>): void {
    const old = this.#sets[as]!.generation;
    if ((old & IN_FLUX) !== 0n) this.#emit("warn", { where: "install_new_memslots" });
    this.#sets[as] = { generation: old | IN_FLUX, slots };
    this.#emit("memslots.published", { as, generation: hex(old | IN_FLUX) });
    this.#emit("memslots.synchronized", { as });

    const next = BigInt.asUintN(64, (old & ~IN_FLUX) + BigInt(this.#sets.length));
    const seen = this.#sets.map(({ generation }, i) => [`as${i}`, hex(generation)] as const);
    const fields = { generation: hex(next), ...Object.fromEntries(seen) };
    this.#emit("memslots.arch-updated", fields);
    this.#sets[as] = { generation: next, slots };
    this.#emit("memslots.generation", { as, generation: hex(next) });
  }

  #emit(event: EventName, fields: Readonly<Record<string, string | number>>): void {
    if (this.#wanted.has(event)) this.#events.push({ event, ...fields });
  }
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const shown = ({ generation, slots }: Memslots, as: number): object => ({
  ...{ as, generation: hex(generation), in_flux: (generation & IN_FLUX) !== 0n },
  slots: [...slots.keys()].sort((a, b) => a - b),
});

export default defineImplementation({
  name: "generations",
  version: "1",
  language: "TypeScript",
  capabilities: [
    ...["operation:set_memory_region", "operation:snapshot", "snapshot:memslots"],
    ...["operation:inject", "inject:generation", "event:memslots.*", "event:warn*"],
    ...["machine:address_spaces", "fact:*"],
  ],
  machine: { address_spaces: 2, physical_address_width: 40 },
  facts: {
    memslot_update_in_progress_bit: 63,
    mmio_generation_width: 64,
    hook_argument: "generation",
  },
  create: (machine, events) => new Vm(machine, events),
});
