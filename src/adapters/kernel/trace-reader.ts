import type { EventName } from "../../scenario/case.generated.ts";
import { hex, type WireEvent } from "../record.ts";
import { parseFtrace } from "../recording/ftrace.ts";
import type { Observation } from "../recording/observation.ts";
import { Vocabulary } from "../recording/vocabulary.ts";
import { Installs } from "./installs.ts";
import type { Role } from "./control/role.ts";
import type { LayoutProbes } from "./layout-probes.ts";
import { functionIn, printed } from "./printed.ts";
import { isStubAddress, isStubPage } from "./stub.ts";
import { ZapLists } from "./zap-lists.ts";

/** What was traced during one step, without what only concerns the code that the guest runs. */
export interface Traced {
  readonly events: readonly WireEvent[];
  /** Page faults of the step. */
  readonly faults: number;
  /** Of the last fault: whether it hit a reserved bit, and what answered it. */
  readonly last: LastFault | null;
  /** Shadow pages of the guest's code were zapped after a fault. */
  readonly zapsStub: boolean;
  /** The first line that says something, nobody knows what; null if all could be read. */
  readonly unread: Unread | null;
}

export interface Unread {
  /** What the line is of: an event by its name, or a trace. */
  readonly what: string;
  readonly text: string;
}

export interface LastFault {
  readonly reserved: boolean;
  /** The generation of an MMIO SPTE was asked. */
  readonly asked: boolean;
  /** It was good. */
  readonly bySpte: boolean;
  /** KVM emulated the instruction. */
  readonly emulated: boolean;
}

/** Process id of the program inside. */
const INIT = 1;

const RESERVED = 8;
/** The bits of an error code that there were when the series was written. */
const ERROR_CODE_BITS = 0x1f;

const ACCESS = ["---", "--x", "w--", "w-x", "-u-", "-ux", "wu-", "wux"];

/** Turns the trace of a live kernel into events of the protocol. */
export class TraceReader {
  readonly #vocabulary = new Vocabulary();
  readonly #wanted: ReadonlySet<EventName>;
  /** A generation as it were without the installs for the guest's code. */
  readonly #unshifted: (generation: bigint, vcpu: number) => bigint;
  /** By what structures are known, if they are. */
  readonly #layouts: LayoutProbes | null;
  readonly #installs = new Installs();
  /** Addresses of pages that were zapped, and are not freed yet. */
  readonly #prepared = new Set<string>();
  /** Address of struct kvm. */
  kvm = 0n;
  /** Shadow pages of the case, in all. */
  readonly counters = { pages_allocated: 0, pages_freed: 0 };
  /** Shadow pages in use that only the guest's code needs. */
  #stubPages = 0;
  // Of the step that is read:
  #vcpu = 0;
  #lists = new ZapLists();
  #inStubFault = false;
  /** Pages that only the guest's code needs, zapped so far. */
  #stubZaps = 0;
  /** What was told of the role of the page that is zapped next. */
  #role: Role | null = null;
  /** The page that was zapped last is one of those. */
  #zappedStub = false;

  constructor(
    wanted: ReadonlySet<EventName>,
    unshifted: (generation: bigint, vcpu: number) => bigint,
    layouts: LayoutProbes | null = null,
  ) {
    this.#wanted = wanted;
    this.#layouts = layouts;
    this.#unshifted = unshifted;
  }

  /** @param vcpu the one that the step is about, if it is about one. */
  read(lines: readonly string[], vcpu: number): Traced {
    const events: WireEvent[] = [];
    let faults = 0;
    let last: LastFault | null = null;
    let unread: Unread | null = null;
    this.#stubZaps = 0;
    this.#vcpu = vcpu;
    this.#lists = new ZapLists();
    this.#inStubFault = this.#zappedStub = false;
    for (const line of lines) {
      const parsed = parseFtrace(line);
      if (parsed === null || "lost" in parsed) unread ??= { what: "trace", text: line.trim() };
      if (parsed === null || !("event" in parsed) || parsed.task !== INIT) continue;
      const { event, text } = parsed;
      if (event === "kvm_entry") this.#inStubFault = false;
      if (event === "kvm_page_fault") {
        const fault = faultOf(text);
        if (fault === null) unread ??= { what: event, text };
        this.#inStubFault = fault !== null && isStubAddress(fault.address);
        if (fault === null || this.#inStubFault) continue;
        faults++;
        const reserved = (fault.error_code & RESERVED) !== 0;
        last = { reserved, asked: false, bySpte: false, emulated: false };
        const { address, error_code } = fault;
        events.push({ event: "page_fault", vcpu, address: hex(address), error_code });
        continue;
      }
      const srcu = this.kvm + BigInt(this.#layouts?.srcu ?? 0);
      const installed = this.#layouts === null ? null : this.#installs.tell(event, text, srcu);
      if (installed !== null) {
        events.push(...installed);
        continue;
      }
      const told = this.#vocabulary.tell(parsed);
      if (told.unread === true && this.#wanted.size > 0) unread ??= { what: event, text };
      const seen = this.#eventOf(event, text, told.observation);
      if (this.#inStubFault) continue;
      if (event === "kvm_emulate_insn" && last !== null) last = { ...last, emulated: true };
      if (event === "handle_mmio_page_fault" && last !== null) last = { ...last, bySpte: true };
      if (event === "check_mmio_spte" && last !== null) last = { ...last, asked: true };
      if (seen !== null) events.push(seen);
    }
    const { unseen } = this.#installs;
    if (unseen !== null && this.#wanted.has("memslots.generation")) {
      unread ??= { what: "store of a generation", text: hex(unseen) };
    }
    const wanted = events.filter(({ event }) => this.#wanted.has(event as EventName));
    const zapsStub = faults > 0 && this.#stubZaps > 0;
    return { events: withReturned(wanted), faults, last, zapsStub, unread };
  }

  #eventOf(event: string, text: string, seen: Observation | undefined): WireEvent | null {
    switch (event) {
      case "request_all":
        return text.includes("caller=kvm_flush_remote_tlbs") ? null : requestOf(text);
      case "flush_remote":
        return { event: "remote_flush", reason: functionIn(text, "caller") };
      case "reload":
        return { event: "reload" };
      case "lock_break":
        return { event: "lock_break" };
      case "prepare": {
        this.#lists.begins(text);
        const told = printed(text);
        this.#prepared.add(told.get("page") ?? "");
        this.#role = this.#roleIn(told);
        return null;
      }
      case "free":
        return this.#free(printed(text));
      case "warn":
        return { event: "warn", where: functionIn(text, "where") };
      case "commit": {
        const pages = this.#lists.commit(text);
        return pages === 0 ? null : { event: "commit", pages };
      }
    }
    if (seen === undefined) return null;
    const { kind, fields } = seen;
    switch (kind) {
      case "get_page": {
        const page = pageOf(fields);
        const created = fields["page"] === "new";
        if (!isStubPage(page.gfn)) {
          if (created) this.counters.pages_allocated++;
          return { event: kind, ...page, gfn: hex(page.gfn), created };
        }
        if (created) this.#stubPages++;
        return null;
      }
      case "mark_mmio_spte":
        return {
          event: kind,
          gfn: hex(BigInt(`0x${fields["gfn"]!}`)),
          access: parseInt(fields["access"]!, 16),
          generation: this.#generation(fields["gen"]!),
        };
      case "prepare_zap":
        return this.#prepareZap(pageOf(fields));
      case "sync_page":
      case "unsync_page": {
        const page = pageOf(fields);
        return isStubPage(page.gfn) ? null : { event: kind, ...page, gfn: hex(page.gfn) };
      }
      case "check_mmio_spte": {
        const { spte, kvm_gen, valid } = fields;
        return {
          event: kind,
          raw: `0x${spte!}`,
          kvm_gen: this.#generation(kvm_gen!),
          spte_gen: this.#generation(fields["spte-gen"]!),
          valid: valid === "1",
        };
      }
      case "handle_mmio_page_fault": {
        const [addr, gfn] = [fields["addr"]!, fields["gfn"]!].map((text) =>
          hex(BigInt(`0x${text}`)),
        );
        return { event: kind, addr: addr!, gfn: gfn!, access: parseInt(fields["access"]!, 16) };
      }
      case "fast_invalidate":
        return {
          event: "invalidate_zap_all_pages",
          mmu_valid_gen: parseInt(fields["valid-gen"]!, 16),
          used_pages: parseInt(fields["used_pages"]!, 16) - this.#stubPages,
        };
      default:
        return null;
    }
  }

  /**
   * A walk that has zapped a page starts again, and meets the invalid roots in use that it has been
   * through: what a page of the guest's code causes so is left out with it.
   */
  #prepareZap(page: TracedPage): WireEvent | null {
    const isStub = isStubPage(page.gfn);
    const isFreed = page.root_count === 0;
    if (isFreed) this.#lists.put(!isStub);
    if (isStub && isFreed) {
      this.#stubPages--;
      this.#stubZaps++;
    }
    if (!isStub && !(this.#zappedStub && page.invalid && !isFreed)) {
      this.#zappedStub = false;
      const smm = this.#role?.smm ?? page.smm;
      return { event: "prepare_zap", ...page, smm, gfn: hex(page.gfn) };
    }
    this.#zappedStub = true;
    return null;
  }

  /** kmem_cache_free of what was prepared: other things may come out of the same cache. */
  #free(told: ReadonlyMap<string, string>): WireEvent | null {
    const role = this.#roleIn(told);
    if (!this.#prepared.delete(told.get("page") ?? "") || role === null) return null;
    const gfn = Number(told.get("gfn"));
    if (isStubPage(gfn)) return null;
    this.counters.pages_freed++;
    const [root_count, unsync] = [Number(told.get("root_count")), told.get("unsync") !== "0"];
    return { event: "free", gfn: hex(gfn), ...role, root_count, unsync };
  }

  #roleIn(told: ReadonlyMap<string, string>): Role | null {
    const word = told.get("role");
    return this.#layouts === null || word === undefined ? null : this.#layouts.roleOf(BigInt(word));
  }

  #generation(text: string): string {
    return hex(this.#unshifted(BigInt(`0x${text}`), this.#vcpu));
  }
}

function faultOf(text: string): { address: bigint; error_code: number } | null {
  const match = /\baddress (?:0x)?([\da-f]+) error_code (?:0x)?([\da-f]+)$/.exec(text);
  if (match === null) return null;
  const code = BigInt(`0x${match[2]!}`) & BigInt(ERROR_CODE_BITS);
  return { address: BigInt(`0x${match[1]!}`), error_code: Number(code) };
}

interface TracedPage {
  readonly gfn: number;
  readonly level: number;
  readonly direct: boolean;
  readonly access: number;
  readonly smm: boolean;
  readonly invalid: boolean;
  readonly root_count: number;
  readonly unsync: boolean;
}

/** A trace does not tell whether a page is of SMM. */
function pageOf(fields: Observation["fields"]): TracedPage {
  const role = fields["role"]!.split(" ");
  return {
    gfn: parseInt(fields["gfn"]!, 16),
    level: Number(fields["level"]),
    direct: role.includes("direct"),
    access: ACCESS.findIndex((access) => role.includes(access)),
    smm: false,
    invalid: role.includes("invalid"),
    root_count: Number(fields["root"]),
    unsync: fields["state"] === "unsync",
  };
}

/** Of all requests to all vCPUs, those of the MMU's own pages are for new roots. */
const requestOf = (text: string): WireEvent | null =>
  /zap|root/.test(functionIn(text, "caller")) ? { event: "reload" } : null;

/**
 * What each kvm_mmu_prepare_zap_page puts on its list: the page itself unless it is a root in use,
 * and its unsync descendants, which are traced right after it.
 */
function withReturned(events: readonly WireEvent[]): readonly WireEvent[] {
  return events.map((event, i) => {
    if (event.event !== "prepare_zap") return event;
    let returned = event["root_count"] === 0 ? 1 : 0;
    if (event["direct"] === false && (event["level"] as number) > 1) {
      const zaps = events.slice(i + 1).filter((other) => other.event !== "sync_page");
      for (const other of zaps) {
        if (other.event !== "prepare_zap" || other["unsync"] !== true) break;
        returned++;
      }
    }
    return { ...event, returned };
  });
}
