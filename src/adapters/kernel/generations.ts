import { CannotAssess } from "../protocol/failure.ts";
import { hex } from "../record.ts";
import { layoutBy, type MmioLayout, widthOf } from "./control/mmio-layout.ts";
import type { GuestLink } from "./guest-link.ts";
import { printedBy } from "./printed.ts";
import { turnTracing } from "./tracing.ts";

/** How a kernel numbers its memslots. */
export interface Numbering {
  /** What an install adds. */
  readonly step: bigint;
  /** How many bits a number has that is told of an MMIO SPTE. */
  readonly bits: number;
  /** Where a number stands in an MMIO SPTE, null if nobody knows. */
  readonly layout: MmioLayout | null;
  /** Whether the numbers can be followed: they start at that of the address space, and a probe tells them. */
  readonly isTold: boolean;
}

/** Until patch 08, with a flag in bit 0. */
const BY_FOUR: Numbering = { step: 4n, bits: 20, layout: null, isTold: false };

/** How many installs an injected number may be away: two wraps of what an MMIO SPTE holds. */
const MOST_INSTALLS = 2n ** 20n;

/** Finds out how a kernel numbers, by a VM of its own. */
export async function numberingOf(link: GuestLink): Promise<Numbering> {
  await link.ask("vm", "npt", 0);
  const { lines } = await link.ask("stub", 0);
  const isByTwo = toldIn(lines).at(-1) === 2n;
  const layout = isByTwo ? await layoutOf(link) : null;
  await link.ask("destroy");
  if (!isByTwo) return BY_FOUR;
  return { step: 2n, bits: layout === null ? 18 : widthOf(layout), layout, isTold: true };
}

/** A number that differs from the first one, 2, in bits 2 to 9. */
const OTHER_NUMBER = 0x3fen;

/**
 * Asks a kernel for the layout of an MMIO SPTE. The width of a number in it would show at the wrap,
 * 2^17 or 2^18 installs away; but where the low bits stand shows at once, and each width that kernels
 * have had has another place for them.
 */
async function layoutOf(link: GuestLink): Promise<MmioLayout | null> {
  for (let vcpu = 0; vcpu < 2; vcpu++) await link.ask("vcpu", "linear", 0);
  const first = await mmioSpte(link);
  await turnTracing(link, false);
  await link.ask("installs", 0, String(OTHER_NUMBER / 2n - 1n));
  await turnTracing(link, true);
  const second = await mmioSpte(link);
  if (first === null || second === null) return null;
  return layoutBy(2n, OTHER_NUMBER, first ^ second);
}

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
  printedBy("updated", "gen", lines).map(BigInt);

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

  /** The kernel's memory was written: its number is what the case thinks. */
  set(number: bigint, as: number): void {
    this.#current[as] = number;
    this.#shift[as] = 0n;
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
    this.set(target, as);
    return distance / step;
  }
}
