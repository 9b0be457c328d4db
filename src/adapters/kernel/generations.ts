import { CannotAssess } from "../protocol/failure.ts";
import { hex } from "../record.ts";
import { bits } from "../../reference/machine/u64.ts";
import type { GuestLink } from "./guest-link.ts";
import { turnTracing } from "./tracing.ts";

/** How a kernel numbers its memslots. */
export interface Numbering {
  /** What an install adds. */
  readonly step: bigint;
  /** How many bits a number has that is told of an MMIO SPTE. */
  readonly bits: number;
  /** How many bits of a number an MMIO SPTE has, null if nobody knows. */
  readonly width: number | null;
  /** Whether the numbers can be followed: they start at that of the address space, and a probe tells them. */
  readonly isTold: boolean;
}

/** Until patch 08, with a flag in bit 0. */
const BY_FOUR: Numbering = { step: 4n, bits: 20, width: 19, isTold: false };

/** How many installs an injected number may be away: two wraps of what an MMIO SPTE holds. */
const MOST_INSTALLS = 2n ** 20n;

/** Finds out how a kernel numbers, by a VM of its own. */
export async function numberingOf(link: GuestLink): Promise<Numbering> {
  await link.ask("vm", "npt", 0);
  const { lines } = await link.ask("stub", 0);
  const isByTwo = toldIn(lines).at(-1) === 2n;
  const width = isByTwo ? await widthOf(link) : null;
  await link.ask("destroy");
  return isByTwo ? { step: 2n, bits: width ?? 18, width, isTold: true } : BY_FOUR;
}

/**
 * Asks a kernel for the width of a number in an MMIO SPTE. That would show at the wrap, 2^17 or 2^18
 * installs away; but where the low bits of a number stand shows at once, and each width that kernels
 * have had has another place for them.
 */
async function widthOf(link: GuestLink): Promise<number | null> {
  for (let vcpu = 0; vcpu < 2; vcpu++) await link.ask("vcpu", "linear", 0);
  const first = await mmioSpte(link);
  // From number 2 to 0x3fe: bits 2 to 9 change.
  await turnTracing(link, false);
  await link.ask("installs", 0, 0x3fe / 2 - 1);
  await turnTracing(link, true);
  const second = await mmioSpte(link);
  if (first === null || second === null) return null;
  return LAYOUTS.find(({ changed }) => changed === (first ^ second))?.width ?? null;
}

/** Where bits 2 to 9 of a number stand in an MMIO SPTE. */
const LAYOUTS: readonly { readonly changed: bigint; readonly width: number }[] = [
  // The series: 3-11 and 52-61; the second with E1, which puts the lower ones into both halves.
  { changed: bits(11, 5) | bits(52, 52), width: 19 },
  { changed: bits(11, 5) | bits(61, 54), width: 19 },
  // Since v5.6: 3-11 and 54-62; the second with E1.
  { changed: bits(11, 5) | bits(54, 54), width: 18 },
  { changed: bits(11, 5) | bits(62, 56), width: 18 },
  // In 6.1 and 6.12: 3-10 and 52-62. In 7.3: 3-9 and 52-62.
  { changed: bits(10, 5) | bits(53, 52), width: 19 },
  { changed: bits(9, 5) | bits(54, 52), width: 18 },
];

/** An MMIO SPTE with the number of now: one vCPU makes it, another one asks it. */
async function mmioSpte(link: GuestLink): Promise<bigint | null> {
  const [, asked] = [
    await link.ask("access", 0, "read", "0x1000", 8, 0),
    await link.ask("access", 1, "read", "0x1000", 8, 0),
  ];
  const spte = asked.lines
    .flatMap((line) => / check_mmio_spte: spte (\w+) /.exec(line) ?? [])
    .at(-1);
  return spte === undefined ? null : BigInt(`0x${spte}`);
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
