import { PAGE_SIZE, pagesAtLevel } from "./constants.ts";
import type { HostRange, MachineParameters } from "./machine.ts";

/** Frames handed out after the host took a page back start here. */
const FRESH_FRAME_BASE = 2 ** 38;

/**
 * The memory of the process that owns the VM. Until the host takes a page back, its frame number is
 * its page number (hva / 4096); a page touched again after that gets a fresh frame, and the old one
 * belongs to somebody else.
 */
export class HostMemory {
  readonly #huge: number;
  readonly #resident: "all" | Set<number>;
  readonly #released = new Set<number>();
  readonly #freshFrame = new Map<number, number>();
  readonly #pageOfFresh = new Map<number, number>();
  readonly #content = new Map<number, DataView>();
  readonly #fills: { first: number; npages: number; value: number }[] = [];

  constructor(machine: Pick<MachineParameters, "resident" | "hostPageLevel">) {
    this.#huge = machine.hostPageLevel;
    this.#resident = machine.resident === "all" ? "all" : new Set(machine.resident.flatMap(pages));
  }

  /**
   * Whether the page (hva / 4096) has a frame now: what the kernel can map without waiting for the
   * host.
   */
  isResident(page: number): boolean {
    if (this.#released.has(page)) return false;
    return this.#resident === "all" || this.#resident.has(page) || this.#freshFrame.has(page);
  }

  /** The frame behind a page; a page without one gets one. */
  frameOf(page: number): number {
    if (this.#released.delete(page)) {
      const frame = FRESH_FRAME_BASE + this.#pageOfFresh.size;
      this.#freshFrame.set(page, frame);
      this.#pageOfFresh.set(frame, page);
    }
    if (this.#resident !== "all") this.#resident.add(page);
    return this.#freshFrame.get(page) ?? page;
  }

  /** The page that owns a frame, or null when the host has given the frame to somebody else. */
  ownerOf(frame: number): number | null {
    const page = this.#pageOfFresh.get(frame) ?? frame;
    return this.#released.has(page) || (this.#freshFrame.get(page) ?? page) !== frame ? null : page;
  }

  /** The host takes a page back: its frame and content are gone. */
  release(page: number): void {
    if (this.#resident !== "all") this.#resident.delete(page);
    this.#content.delete(this.#freshFrame.get(page) ?? page);
    this.#freshFrame.delete(page);
    this.#released.add(page);
  }

  /** Mapping level of the host page around `page`: 1, 2 or 3. */
  levelOf(page: number): number {
    let level = this.#huge;
    while (level > 1 && this.#isSplit(page, level)) level--;
    return level;
  }

  #isSplit(page: number, level: number): boolean {
    if (this.#resident === "all" && this.#released.size === 0 && this.#freshFrame.size === 0)
      return false;
    const size = pagesAtLevel(level);
    const first = page - (page % size);
    const within = (other: number): boolean => other >= first && other < first + size;
    return [...this.#released, ...this.#freshFrame.keys()].some(within);
  }

  /**
   * Gives pages a recognisable content: the first word of page i of the range reads `value + i` (32
   * bits).
   */
  fill(range: HostRange, value: number): void {
    this.#fills.push({ first: range.hva / PAGE_SIZE, npages: range.npages, value });
  }

  /**
   * @param offset in bytes from the start of the page; @param size 1, 2, 4 or 8 bytes, not crossing
   * its end.
   */
  read(frame: number, offset: number, size: number): bigint {
    const view = this.#content.get(frame) ?? this.#initial(frame);
    if (view === null) return 0n;
    if (size === 8) return view.getBigUint64(offset, true);
    if (size === 4) return BigInt(view.getUint32(offset, true));
    return BigInt(size === 2 ? view.getUint16(offset, true) : view.getUint8(offset));
  }

  write(frame: number, offset: number, size: number, value: bigint): void {
    let view = this.#content.get(frame);
    if (view === undefined) {
      view = this.#initial(frame) ?? new DataView(new ArrayBuffer(PAGE_SIZE));
      this.#content.set(frame, view);
    }
    if (size === 8) view.setBigUint64(offset, value, true);
    else if (size === 4) view.setUint32(offset, Number(BigInt.asUintN(32, value)), true);
    else if (size === 2) view.setUint16(offset, Number(BigInt.asUintN(16, value)), true);
    else view.setUint8(offset, Number(BigInt.asUintN(8, value)));
  }

  #initial(frame: number): DataView | null {
    const fill = this.#fills.findLast(
      ({ first, npages }) => frame >= first && frame < first + npages,
    );
    if (fill === undefined) return null;
    const view = new DataView(new ArrayBuffer(PAGE_SIZE));
    view.setUint32(0, (fill.value + frame - fill.first) >>> 0, true);
    return view;
  }
}

const pages = ({ hva, npages }: HostRange): number[] =>
  Array.from({ length: npages }, (_, i) => hva / PAGE_SIZE + i);
