import type { EventName } from "../../scenario/case.generated.ts";
import { CannotBoot } from "./cannot-boot.ts";
import type { GuestLink } from "./guest-link.ts";

/** Where the program inside has mounted tracefs. */
const TRACEFS = "/trace";

/** Kilobytes: what one command may trace before it is read. */
const BUFFER = 16_384;

/** Tracepoints that are listened to, and the event of the protocol that each one is. */
const TRACEPOINTS: Readonly<Record<string, EventName | null>> = {
  "kvm/kvm_entry": null,
  "kvm/kvm_page_fault": "page_fault",
  "kvm/kvm_emulate_insn": null,
  "kvmmmu/kvm_mmu_get_page": "get_page",
  "kvmmmu/kvm_mmu_prepare_zap_page": "prepare_zap",
  "kvmmmu/kvm_mmu_sync_page": "sync_page",
  "kvmmmu/kvm_mmu_unsync_page": "unsync_page",
  "kvmmmu/mark_mmio_spte": "mark_mmio_spte",
  "kvmmmu/check_mmio_spte": "check_mmio_spte",
  "kvmmmu/handle_mmio_page_fault": "handle_mmio_page_fault",
  "kvmmmu/kvm_mmu_invalidate_zap_all_pages": "invalidate_zap_all_pages",
  // What has its place since v5.4.
  "kvmmmu/kvm_mmu_zap_all_fast": "invalidate_zap_all_pages",
};

/** Those that every outcome of an access is told by. */
const NEEDED = ["kvm/kvm_entry", "kvm/kvm_page_fault", "kvmmmu/kvm_mmu_prepare_zap_page"];

/** A probe at a function of the kernel. */
export interface Probe {
  readonly name: string;
  /** `p` as the function begins, `r` as it returns. */
  readonly when: "p" | "r";
  /** Names that the function has had, youngest first. */
  readonly functions: readonly string[];
  /** What is printed, in the words of kprobe events; arguments as x86-64 passes them. */
  readonly prints?: string;
  /** Whether it is of use also where the kernel cannot print that. */
  readonly needsNoPrint?: true;
  readonly filter?: string;
  readonly event?: EventName;
}

/** The word on top of the stack as a function begins: who called it. */
const CALLER = "caller=+0(%sp):symbol";

const PROBES: readonly Probe[] = [
  {
    name: "updated",
    when: "p",
    functions: ["kvm_arch_memslots_updated"],
    prints: "gen=%si:u64 kvm=%di:x64",
  },
  { name: "flush_all", when: "p", functions: ["kvm_arch_flush_shadow_all"] },
  { name: "flush_all_end", when: "r", functions: ["kvm_arch_flush_shadow_all"] },
  {
    name: "commit",
    when: "p",
    // The part that is left when the question whether the list is empty was inlined.
    functions: ["kvm_mmu_commit_zap_page", "kvm_mmu_commit_zap_page.part.0"],
    prints: "first=+0(%si):x64 last=+8(%si):x64 list=%si:x64",
    event: "commit",
  },
  {
    name: "prepare",
    when: "p",
    functions: ["__kvm_mmu_prepare_zap_page", "kvm_mmu_prepare_zap_page"],
    prints: "page=%si:x64 list=%dx:x64",
  },
  {
    name: "flush_remote",
    when: "p",
    functions: ["kvm_flush_remote_tlbs"],
    prints: CALLER,
    needsNoPrint: true,
    event: "remote_flush",
  },
  { name: "reload", when: "p", functions: ["kvm_reload_remote_mmus"], event: "reload" },
  // Since v5.18, what asks for new roots is one request among others.
  {
    name: "request_all",
    when: "p",
    functions: ["kvm_make_all_cpus_request"],
    prints: CALLER,
  },
  { name: "warn", when: "p", functions: ["__warn"], prints: "where=%dx:symbol" },
  {
    name: "lock_break",
    when: "r",
    functions: ["__cond_resched_rwlock_write", "__cond_resched_lock"],
    prints: "dropped=$retval:s32",
    filter: "dropped != 0",
    event: "lock_break",
  },
];

/** Events that several probes together tell. */
const TOLD_TOGETHER: readonly {
  readonly probes: readonly string[];
  readonly events: readonly EventName[];
}[] = [
  {
    probes: ["synchronize", "synchronize_end", "updated", "updated_end", "committed"],
    events: [
      "memslots.published",
      "memslots.synchronized",
      "memslots.arch-updated",
      "memslots.generation",
    ],
  },
  { probes: ["prepare", "free"], events: ["free"] },
];

/** What can be seen of a kernel. */
export interface Tracing {
  readonly events: ReadonlySet<EventName>;
  /** Names of the probes that could be set. */
  readonly probes: ReadonlySet<string>;
}

/** What a tracepoint of a later kernel is called in the series. */
const NAMES_OF_THE_SERIES: Readonly<Record<string, string>> = {
  kvm_mmu_zap_all_fast: "kvm_mmu_invalidate_zap_all_pages",
};

/**
 * Turns on all that can be listened to.
 * @param more probes that take the place of those of their name.
 * @throws CannotBoot if the kernel traces too little.
 */
export async function startTracing(link: GuestLink, more: readonly Probe[]): Promise<Tracing> {
  const events = new Set<EventName>();
  await link.ask("put", `${TRACEFS}/buffer_size_kb`, BUFFER);
  for (const [tracepoint, event] of Object.entries(TRACEPOINTS)) {
    const isThere = await link.tries("put", `${TRACEFS}/events/${tracepoint}/enable`, 1);
    if (isThere && event !== null) events.add(event);
    if (isThere || !NEEDED.includes(tracepoint)) continue;
    throw new CannotBoot(
      `the kernel has no tracepoint ${tracepoint}: build it with CONFIG_FTRACE and KVM's own`,
    );
  }
  const probes = new Set<string>();
  const plain = PROBES.filter(({ name }) => more.every((other) => other.name !== name));
  for (const probe of [...plain, ...more]) {
    if (!(await setProbe(link, probe))) continue;
    probes.add(probe.name);
    if (probe.event !== undefined) events.add(probe.event);
  }
  if (probes.has("request_all")) events.add("reload");
  if (probes.has("warn") && (await forgetWarnings(link))) events.add("warn");
  for (const together of TOLD_TOGETHER) {
    if (!together.probes.every((name) => probes.has(name))) continue;
    for (const event of together.events) events.add(event);
  }
  if (!(await link.tries("listen", `${TRACEFS}/trace_pipe`))) {
    throw new CannotBoot("the kernel's trace cannot be read");
  }
  return { events, probes };
}

async function setProbe(
  link: GuestLink,
  { name, when, functions, prints = "", needsNoPrint, filter }: Probe,
): Promise<boolean> {
  const forms = needsNoPrint === true ? [prints, ""] : [prints];
  for (const each of functions.flatMap((name) => forms.map((form) => `${name} ${form}`.trim()))) {
    const text = `${when}:kmc/${name} ${each}`;
    if (!(await link.tries("put", `${TRACEFS}/kprobe_events`, text))) continue;
    const folder = `${TRACEFS}/events/kmc/${name}`;
    if (filter !== undefined) await link.ask("put", `${folder}/filter`, filter);
    await link.ask("put", `${folder}/enable`, 1);
    return true;
  }
  return false;
}

/** The tracepoints of the MMU that there are, as the series calls them, with their fields. */
export async function tracepointFields(link: GuestLink): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const tracepoint of Object.keys(TRACEPOINTS)) {
    const [system, name = ""] = tracepoint.split("/");
    const path = `${TRACEFS}/events/${tracepoint}/format`;
    if (system !== "kvmmmu" || !(await link.tries("show", path, "name:"))) continue;
    const { lines } = await link.ask("show", path, "field:");
    found[NAMES_OF_THE_SERIES[name] ?? name] = lines
      .map((line) => /^\s*field:[^;]*?(\w+)(?:\[[^\]]*\])?;/.exec(line)?.[1] ?? "")
      .filter((field) => !field.startsWith("common_"));
  }
  return found;
}

/** Lets a WARN that is told once only be told again. @returns whether the kernel can do that. */
export const forgetWarnings = (link: GuestLink): Promise<boolean> =>
  link.tries("put", "/sys/kernel/debug/clear_warn_once", 1);

/** What is freed counts from now on if it is of that cache. */
export const countFrees = async (link: GuestLink, cache: bigint): Promise<void> => {
  const filter = `${TRACEFS}/events/kmc/free/filter`;
  await link.tries("put", filter, `cache == 0x${cache.toString(16)}`);
};

export const turnTracing = async (link: GuestLink, on: boolean): Promise<void> => {
  await link.ask("put", `${TRACEFS}/tracing_on`, on ? 1 : 0);
};
