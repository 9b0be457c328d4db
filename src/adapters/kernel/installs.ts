import { hex, type WireEvent } from "../record.ts";
import { IN_PROGRESS } from "./control/memslots.ts";
import { printed } from "./printed.ts";

/**
 * Installs of memslots, by probes around what they do: each tells what readers of both address
 * spaces see at that moment.
 */
export class Installs {
  /** The address space whose readers are waited for. */
  #synchronized: number | null = null;
  /** Of the install under way. */
  #as = 0;
  /** The number that is stored when the hook returns, and has not been seen since. */
  #awaited: bigint | null = null;
  /** The number that the hook was told, if it is stored afterwards. */
  #told: bigint | null = null;

  /** A store that nobody has seen. */
  get unseen(): bigint | null {
    return this.#awaited;
  }

  /** What a line of a probe tells; null if the probe is about something else. */
  tell(probe: string, text: string, srcu: bigint): WireEvent[] | null {
    switch (probe) {
      case "synchronize":
        return this.#synchronize(text, srcu);
      case "synchronize_end": {
        const as = this.#synchronized;
        this.#synchronized = null;
        return as === null ? [] : [{ event: "memslots.synchronized", as }];
      }
      case "updated":
        return this.#updated(text);
      case "updated_end": {
        const generation = this.#told;
        this.#told = null;
        if (generation === null) return [];
        this.#awaited = generation;
        return [{ event: "memslots.generation", as: this.#as, generation: hex(generation) }];
      }
      case "committed":
        this.#see(numbersIn(text));
        return [];
      default:
        return null;
    }
  }

  /** Readers see a set that is marked: it has just been published. */
  #synchronize(text: string, srcu: bigint): WireEvent[] {
    if (printed(text).get("srcu") !== hex(srcu)) return [];
    const numbers = numbersIn(text);
    this.#see(numbers);
    const as = numbers.findIndex((number) => number !== null && (number & IN_PROGRESS) !== 0n);
    if (as < 0) return [];
    this.#synchronized = this.#as = as;
    return [{ event: "memslots.published", as, generation: hex(numbers[as]!) }];
  }

  #updated(text: string): WireEvent[] {
    const generation = BigInt(printed(text).get("gen") ?? 0);
    const numbers = numbersIn(text);
    const called = {
      event: "memslots.arch-updated",
      generation: hex(generation),
      ...Object.fromEntries(numbers.map((number, as) => [`as${as}`, hex(number ?? 0n)])),
    };
    // Until patch 01 the number is stored before the hook is called.
    if (numbers[this.#as] === generation) {
      const stored = { event: "memslots.generation", as: this.#as, generation: hex(generation) };
      return [stored, called];
    }
    this.#told = generation;
    return [called];
  }

  #see(numbers: readonly (bigint | null)[]): void {
    const number = numbers[this.#as] ?? null;
    if (number !== null && (number & ~IN_PROGRESS) === this.#awaited) this.#awaited = null;
  }
}

/** What readers of each address space see; null where the kernel could not look. */
const numbersIn = (text: string): (bigint | null)[] => {
  const told = printed(text);
  return ["as0", "as1"].map((name) => {
    const value = told.get(name);
    return !value?.startsWith("0x") ? null : BigInt(value);
  });
};
