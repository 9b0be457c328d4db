import type { FtraceEvent } from "./ftrace.ts";
import { faultFields, roleText } from "./expected.ts";
import { type Call, CALLS, FUNCTIONS, type Kind, type Observation } from "./observation.ts";

/** What a line of a trace says, in words that do not depend on the kernel or on who recorded it. */
export interface Told {
  /** What userspace says that it does now. */
  readonly marker?: string;
  readonly observation?: Observation;
  /** The function that a probe says was called, by its kernel name. */
  readonly called?: string;
  /** Whether the kernel prints the valid generation of a shadow page; absent where that is open. */
  readonly showsValidGen?: boolean;
  /** The event is known, what it prints is not. */
  readonly unread?: true;
}

const NOTHING: Told = {};
const UNREAD: Told = { unread: true };

/** Whether a tracepoint or a probe of this name tells something. */
export const isKnownEvent = (event: string): boolean =>
  TRACEPOINTS.has(event) || PROBES.has(event) || event.startsWith("k_") || MARKERS.has(event);

const MARKERS = new Set(["tracing_mark_write", "print"]);

/** Reads the events of one trace, in order. */
export class Vocabulary {
  /** Tasks in which a commit is freeing pages: what else is freed were spare pages of a vCPU. */
  readonly #freeing = new Set<number>();
  /** The tracepoints that were seen, whatever their events tell. */
  readonly tracepoints = new Set<string>();

  tell(line: FtraceEvent): Told {
    const { event, task } = line;
    if (event === "kmfree" && !this.#freeing.has(task)) return NOTHING;
    const read = TRACEPOINTS.get(event);
    if (read !== undefined) this.tracepoints.add(event);
    const told = read === undefined ? probed(line) : traced(line, read);
    const kind = told.observation?.kind;
    if (kind === "commit") this.#freeing.add(task);
    else if (this.#freeing.size > 0 && endsFrees(told.called, kind)) this.#freeing.delete(task);
    return told;
  }
}

/**
 * Whether an event cannot come before the last page of a commit is freed. Whatever is not known may
 * come at any time.
 */
const endsFrees = (called: string | undefined, kind: Kind | undefined): boolean =>
  kind === undefined ? called === BEFORE_SPARE_PAGES : kind !== "remote_flush" && kind !== "free";

/** A vCPU that goes gives back its roots, and then its spare pages. */
const BEFORE_SPARE_PAGES = "kvm_mmu_free_roots";

type Reader = (text: string) => Observation | null;

function traced({ event, text }: FtraceEvent, read: Reader): Told {
  const observation = read(text);
  if (observation === null) {
    return event === "kvm_mmio" && text.startsWith("mmio read ") ? NOTHING : UNREAD;
  }
  if (!PAGE_AS_KERNELS_PRINT.test(text)) return { observation };
  return { observation, showsValidGen: "gen" in observation.fields };
}

function probed({ event, text, place }: FtraceEvent): Told {
  if (event === "tracing_mark_write") return { marker: text };
  if (event === "print") return { marker: text.replace(/^tracing_mark_write: /, "") };
  const called = PROBES.get(event) ?? (event.startsWith("k_") ? event.slice(2) : null);
  if (called === null) return NOTHING;
  const by = place ?? called;
  const kind = KINDS_OF_CALLS.get(called);
  if (kind === undefined) return { called: by };
  const fields = kind in PROBE_FIELDS ? PROBE_FIELDS[kind]!(text) : {};
  return fields === null ? UNREAD : { called: by, observation: { kind, fields } };
}

/** The functions behind the names that the driver of `CMD` markers gives its probes. */
const PROBES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    install: "install_new_memslots",
    updated: "kvm_arch_memslots_updated",
    invmmio: "kvm_mmu_invalidate_mmio_sptes",
    slotflush: "kvm_mmu_invalidate_zap_pages_in_memslot",
    fastinv: "kvm_mmu_invalidate_zap_all_pages",
    zapall_fast: "kvm_mmu_zap_all_fast",
    shadow_all: "kvm_arch_flush_shadow_all",
    zapall: "kvm_mmu_zap_all",
    zap_all: "kvm_mmu_zap_all",
    zapall_walk: "__kvm_mmu_zap_all",
    zapmmio: "kvm_mmu_zap_mmio_sptes",
    flush_remote: "kvm_flush_remote_tlbs",
    reload_remote: "kvm_reload_remote_mmus",
    commit: "kvm_mmu_commit_zap_page",
    kmfree: "kvm_mmu_free_page",
    free_roots: BEFORE_SPARE_PAGES,
    lockbreak: "__cond_resched_lock",
  }),
);

/** What a call of a function is to the comparison. */
const KINDS_OF_CALLS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...(Object.entries(CALLS) as [Call, string][]).map(([kind, name]) => [name, kind] as const),
  // What has its place since v5.4.
  ["kvm_mmu_zap_all_fast", "call_fast_invalidate"],
  ...(
    [
      "install",
      "hook",
      "wrap_check",
      "remote_flush",
      "reload",
      "commit",
      "free",
      "lock_break",
    ] as const
  ).map((kind) => [FUNCTIONS[kind], kind] as const),
]);

/** What probes were told to print; a kernel's recording may have less. */
const PROBE_FIELDS: Partial<Record<Kind, (text: string) => Record<string, string> | null>> = {
  // The generation that this probe prints is of whichever set the caller reuses.
  install: (text) => {
    const numbers = numbersOf(text);
    const as = numbers?.["as"];
    return numbers === null || as === undefined ? numbers && {} : { as };
  },
  hook: numbersOf,
  wrap_check: numbersOf,
};

/**
 * `as=0 old=-150`, `newgen=0x2 as0=…`: numbers signed or not, decimal or not, as 64 bits. Null for
 * anything else, as where the kernel could not fetch one.
 */
function numbersOf(text: string): Record<string, string> | null {
  const fields: Record<string, string> = {};
  for (const each of text.split(" ")) {
    if (each === "") continue;
    const match = /^(\w+)=(-?)(0x[\da-f]+|\d+)$/.exec(each);
    if (match === null) return null;
    const [, name, minus, digits] = match;
    const magnitude = BigInt(digits!);
    const value = BigInt.asUintN(64, minus === "-" ? -magnitude : magnitude).toString(16);
    fields[name === "newgen" ? "gen" : name!] = value;
  }
  return fields;
}

/**
 * A shadow page, as kernels print it: v5.0 with ` pae` for guests of that kind and up to patch 20
 * with the generation, v5.2 with the size of the guest's entries, v5.4 with both; 7.3 with a letter
 * more for access, `r`, without which a page could not be one of these; and as the plugin of
 * `trace-cmd report` does, which knows the role's bits by other names.
 */
const PAGE =
  /^(?:(new|existing) )?sp (?:gen ([\da-f]+) )?gfn ([\da-f]+) (l?)(\d)(?: pae| \d-byte)? q(\d)( direct)? r?([w-][u-][x-])( invalid)? .*\broot (\d+) (unsync|sync)(?: (new|existing))?/;

/** The plugin of `trace-cmd report` prints the level alone, and no generation whatever there is. */
const PAGE_AS_KERNELS_PRINT = /^sp .* l\d /;

function pageOf(kind: Kind): Reader {
  return (text) => {
    const match = PAGE.exec(text);
    if (match === null) return null;
    const [, first, gen, gfn, , level, quadrant, direct, access, invalid, root, state, last] =
      match;
    const page = last ?? first;
    return {
      kind,
      fields: {
        ...(gen !== undefined && { gen }),
        gfn: gfn!,
        level: level!,
        role: roleText(quadrant!, direct !== undefined, access!, invalid !== undefined),
        root: root!,
        state: state!,
        ...(page !== undefined && { page }),
      },
    };
  };
}

/** Fields that a text names, each followed by its value. */
function namedOf(kind: Kind, form: RegExp, names: readonly string[]) {
  return (text: string): Observation | null => {
    const match = form.exec(text);
    if (match === null) return null;
    const fields: Record<string, string> = {};
    for (let i = 0; i < names.length; i++) fields[names[i]!] = match[i + 1]!;
    return { kind, fields };
  };
}

const FAULT = /\baddress (?:0x)?([\da-f]+) error_code (?:0x)?([\da-f]+)$/;

function faultOf(text: string): Observation | null {
  const match = FAULT.exec(text);
  if (match === null) return null;
  const [, address, code] = match;
  return { kind: "page_fault", fields: faultFields(Number(`0x${address!}`), Number(`0x${code!}`)) };
}

/** A read that userspace must answer, or a write that it is told of; not the answer to a read. */
const MMIO = /^mmio (unsatisfied-read|write) len \d+ gpa 0x([\da-f]+)/;

function mmioOf(text: string): Observation | null {
  const match = MMIO.exec(text);
  if (match === null) return null;
  const access = match[1] === "write" ? "write" : "read";
  return { kind: "mmio_exit", fields: { gpa: match[2]!, access } };
}

const fastInvalidateOf = namedOf(
  "fast_invalidate",
  /^kvm-mmu-valid-gen ([\da-f]+) used_pages ([\da-f]+)$/,
  ["valid-gen", "used_pages"],
);

const TRACEPOINTS: ReadonlyMap<string, Reader> = new Map(
  Object.entries<Reader>({
    kvm_mmu_get_page: pageOf("get_page"),
    kvm_mmu_prepare_zap_page: pageOf("prepare_zap"),
    kvm_mmu_sync_page: pageOf("sync_page"),
    kvm_mmu_unsync_page: pageOf("unsync_page"),
    mark_mmio_spte: namedOf("mark_mmio_spte", /\bgfn (\w+) access (\w+) gen (\w+)$/, [
      "gfn",
      "access",
      "gen",
    ]),
    check_mmio_spte: namedOf(
      "check_mmio_spte",
      /^spte (\w+) kvm_gen (\w+) spte-gen (\w+) valid (\d)$/,
      ["spte", "kvm_gen", "spte-gen", "valid"],
    ),
    handle_mmio_page_fault: namedOf(
      "handle_mmio_page_fault",
      /^addr:(\w+) gfn (\w+) access (\w+)$/,
      ["addr", "gfn", "access"],
    ),
    kvm_mmu_invalidate_zap_all_pages: fastInvalidateOf,
    // Since v5.4.
    kvm_mmu_zap_all_fast: fastInvalidateOf,
    kvm_page_fault: faultOf,
    kvm_mmio: mmioOf,
  }),
);
