import type { MapGuestRangeStep } from "../../scenario/case.generated.ts";

/** Present, writable, user; and for a large page its size bit. */
const TABLE_FLAGS = 0x7n;
const LARGE = 0x80n;
const ADDRESS = ((1n << 52n) - 1n) & ~0xfffn;
const PAGE = 0x1000;

/** Userspace's access to guest memory, by guest physical address of an 8-byte entry. */
interface GuestMemory {
  readonly read: (gpa: number) => bigint;
  readonly write: (gpa: number, entry: bigint) => void;
}

/** Maps a range in the guest's page tables, as userspace would before it starts the guest. */
export function mapGuestRange(step: MapGuestRangeStep, memory: GuestMemory): void {
  const root = Number(step.root);
  const next = tablesAfter(root, memory);
  const leafLevel = step.large === true ? 2 : 1;
  const size = leafLevel === 2 ? 512 * PAGE : PAGE;
  for (let i = 0; i < step.npages; i++) {
    const entry = leafEntryAddress(root, Number(step.gva) + i * size, leafLevel, memory, next);
    const flags = TABLE_FLAGS | (leafLevel === 2 ? LARGE : 0n);
    memory.write(entry, BigInt(Number(step.gpa) + i * size) | flags);
  }
}

function leafEntryAddress(
  root: number,
  gva: number,
  leafLevel: number,
  memory: GuestMemory,
  nextTable: () => number,
): number {
  let table = root;
  for (let level = 4; ; level--) {
    const index = Math.floor(gva / (PAGE * 512 ** (level - 1))) % 512;
    const entry = table + index * 8;
    if (level === leafLevel) return entry;
    if (memory.read(entry) === 0n) memory.write(entry, BigInt(nextTable()) | TABLE_FLAGS);
    table = Number(memory.read(entry) & ADDRESS);
  }
}

/** Gives out the pages after the last table that the root reaches, one after the other. */
function tablesAfter(root: number, memory: GuestMemory): () => number {
  let last: number | undefined;
  return () => (last = (last ?? lastTable(root, memory)) + PAGE);
}

function lastTable(root: number, memory: GuestMemory): number {
  let last = root;
  const visit = (table: number, level: number): void => {
    last = Math.max(last, table);
    if (level === 1) return;
    for (let index = 0; index < 512; index++) {
      const entry = memory.read(table + index * 8);
      if (entry !== 0n && (entry & LARGE) === 0n) visit(Number(entry & ADDRESS), level - 1);
    }
  };
  visit(root, 4);
  return last;
}
