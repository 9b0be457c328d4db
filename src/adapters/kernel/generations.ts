import { CannotAssess } from "../protocol/failure.ts";
import { hex } from "../record.ts";
import type { GuestLink } from "./guest-link.ts";

/** How a kernel numbers its memslots. */
export interface Numbering {
  /** What an install adds. */
  readonly step: bigint;
  /** How many bits of a number an MMIO SPTE is compared by. */
  readonly bits: number;
  /** Whether the numbers can be followed: they start at that of the address space, and a probe tells them. */
  readonly isTold: boolean;
}

/** Since patch 08. */
const BY_TWO: Numbering = { step: 2n, bits: 19, isTold: true };
const BY_FOUR: Numbering = { step: 4n, bits: 20, isTold: false };

/** How many installs an injected number may be away: two wraps of what an MMIO SPTE holds. */
const MOST_INSTALLS = 2n ** 20n;

/** Finds out how a kernel numbers, by the first install of a VM. */
export async function numberingOf(link: GuestLink): Promise<Numbering> {
  await link.ask("vm", "npt", 0);
  const { lines } = await link.ask("stub", 0);
  await link.ask("destroy");
  return toldIn(lines).at(-1) === 2n ? BY_TWO : BY_FOUR;
}

/** The numbers that the probe on the hook of an install tells. */
const toldIn = (lines: readonly string[]): bigint[] =>
  lines.flatMap((line) => {
    const number = / updated: \(.*\) gen=(\d+)/.exec(line)?.[1];
    return number === undefined ? [] : [BigInt(number)];
  });

/** The generations of a VM's address spaces, and by how much our own installs have moved them. */
export class Generations {
  readonly #numbering: Numbering;
  readonly #current = [0n, 1n];
  readonly #shift = [0n, 0n];

  constructor(numbering: Numbering) {
    this.#numbering = numbering;
  }

  /** What was traced during a step; the lowest bit of a number is its address space. */
  follow(lines: readonly string[]): void {
    if (!this.#numbering.isTold) return;
    for (const number of toldIn(lines)) this.#current[Number(number & 1n)] = number;
  }

  /** The guest's code got its slot in an address space: an install. */
  stubMade(as: number): void {
    this.#shift[as] = this.#numbering.step;
  }

  /** A number of an MMIO SPTE, as it were without our own installs. */
  unshifted(generation: bigint, as: number): bigint {
    return BigInt.asUintN(this.#numbering.bits, generation - this.#shift[as]!);
  }

  /** How many installs lead to a number; from then on it is what the case thinks. @throws CannotAssess */
  installsUpTo(target: bigint, as: number): bigint {
    const { step } = this.#numbering;
    const distance = target - this.#current[as]!;
    if (distance < 0n || distance % step !== 0n || distance / step > MOST_INSTALLS) {
      const from = hex(this.#current[as]!);
      throw new CannotAssess(`a number of installs that leads from ${from} to ${hex(target)}`);
    }
    this.#current[as] = target;
    this.#shift[as] = 0n;
    return distance / step;
  }
}
