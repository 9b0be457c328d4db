import {
  PFERR_PRESENT_MASK,
  PFERR_RSVD_MASK,
  PFERR_WRITE_MASK,
} from "../../reference/machine/constants.ts";
import type { Event, PageState } from "../../reference/machine/events.ts";
import type { Observation } from "./observation.ts";

const hex = (value: bigint | number): string => value.toString(16);

const ACCESS = ["---", "--x", "w--", "w-x", "-u-", "-ux", "wu-", "wux"];

/** What a trace would tell of an event of the model, in order; nothing for what has no line. */
export function expectedOf(event: Event): readonly Observation[] {
  switch (event.event) {
    case "get_page": {
      const fields = pageFields(event.page);
      return [
        { kind: "get_page", fields: { ...fields, page: event.created ? "new" : "existing" } },
      ];
    }
    case "prepare_zap":
    case "sync_page":
    case "unsync_page":
      return [{ kind: event.event, fields: pageFields(event.page) }];
    case "mark_mmio_spte": {
      const { gfn, access, generation } = event;
      return [
        {
          kind: "mark_mmio_spte",
          fields: { gfn: hex(gfn), access: hex(access), gen: hex(generation) },
        },
      ];
    }
    case "check_mmio_spte": {
      const spte = hex(event.raw);
      const kvm_gen = hex(event.kvm_gen);
      const valid = event.valid ? "1" : "0";
      const fields = { spte, kvm_gen, "spte-gen": hex(event.spte_gen), valid };
      return [{ kind: "check_mmio_spte", fields }];
    }
    case "handle_mmio_page_fault": {
      const { addr, gfn, access } = event;
      return [
        {
          kind: "handle_mmio_page_fault",
          fields: { addr: hex(addr), gfn: hex(gfn), access: hex(access) },
        },
      ];
    }
    case "invalidate_zap_all_pages": {
      const { mmu_valid_gen, used_pages } = event;
      return [
        {
          kind: "fast_invalidate",
          fields: { "valid-gen": hex(mmu_valid_gen), used_pages: hex(used_pages) },
        },
      ];
    }
    case "memslots.published":
      return [{ kind: "install", fields: { as: hex(event.as) } }];
    case "memslots.arch-updated": {
      const published = event.published.map((generation, as) => [`as${as}`, hex(generation)]);
      const gen = hex(event.generation);
      return [
        { kind: "hook", fields: { gen, ...(Object.fromEntries(published) as object) } },
        { kind: "wrap_check", fields: { gen } },
      ];
    }
    case "remote_flush":
      return REMOTE_FLUSH;
    case "reload":
      return RELOAD;
    case "commit":
      return COMMIT;
    case "free":
      return FREE;
    case "lock_break":
      return LOCK_BREAK;
    case "page_fault":
      return [{ kind: "page_fault", fields: faultFields(event.address, event.error_code) }];
    default:
      return [];
  }
}

const REMOTE_FLUSH = [{ kind: "remote_flush", fields: {} }] as const;
const RELOAD = [{ kind: "reload", fields: {} }] as const;
const COMMIT = [{ kind: "commit", fields: {} }] as const;
const FREE = [{ kind: "free", fields: {} }] as const;
const LOCK_BREAK = [{ kind: "lock_break", fields: {} }] as const;

function pageFields(page: PageState): Record<string, string> {
  const { gfn, level, direct, access, invalid, root_count, unsync, mmu_valid_gen } = page;
  return {
    gen: hex(mmu_valid_gen),
    gfn: hex(gfn),
    level: hex(level),
    role: roleText(0, direct, ACCESS[access]!, invalid),
    root: String(root_count),
    state: unsync ? "unsync" : "sync",
  };
}

/** The part of a shadow page's role that the model has, as the kernel prints it. */
export const roleText = (
  quadrant: number | string,
  direct: boolean,
  access: string,
  invalid: boolean,
): string => `q${quadrant}${direct ? " direct" : ""} ${access}${invalid ? " invalid" : ""}`;

/**
 * A page fault: where, and whether it was a write, hit a reserved bit, or a present entry. Whether
 * a reserved bit counts as present, and what else a code tells, differs between CPUs.
 */
export function faultFields(address: number, code: number): Record<string, string> {
  const reserved = (code & PFERR_RSVD_MASK) !== 0;
  const present = !reserved && (code & PFERR_PRESENT_MASK) !== 0;
  const write = (code & PFERR_WRITE_MASK) !== 0;
  const kind = `${write ? "write" : "read"}${reserved ? " reserved" : ""}${present ? " present" : ""}`;
  return { address: hex(address), access: kind };
}
