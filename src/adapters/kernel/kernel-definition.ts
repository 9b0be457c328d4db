import type { ImplementationDefinition } from "../protocol/definition.ts";
import { LayoutMissing } from "./control/btf.ts";
import { canReadEntries } from "./control/entries.ts";
import type { GdbRemote } from "./control/gdb-remote.ts";
import { Inside } from "./control/inside.ts";
import { canSetGeneration } from "./control/memslots.ts";
import { widthOf } from "./control/mmio-layout.ts";
import { canBeObsolete, hasMmioCached } from "./control/shadow-pages.ts";
import { SymbolMissing } from "./control/symbols.ts";
import { variableOf } from "./control/variable.ts";
import { type Numbering, numberingOf } from "./generations.ts";
import { CannotBoot } from "./cannot-boot.ts";
import { GuestRefusal, type GuestLink } from "./guest-link.ts";
import { modulePath } from "./initramfs.ts";
import { type KernelFiles, moduleName } from "./kernel-files.ts";
import { type LayoutProbes, layoutProbes, PAGES_CACHE } from "./layout-probes.ts";
import { type LiveKernel, LiveVm } from "./live-vm.ts";
import type { Machine } from "./machine.ts";
import { countFrees, startTracing, type Tracing, tracepointFields } from "./tracing.ts";

/** Nested paging on or off. */
export type Npt = "0" | "1";

export interface KernelOptions {
  /** The only paging that is tried; both in turn if left out, which needs KVM as modules. */
  readonly npt?: Npt;
  /** Whether to do hundreds of thousands of installs where a case wants a number far away. */
  readonly long?: boolean;
  /** More arguments for the kernel. */
  readonly append?: string;
  /** A file that the conversation with QEMU's gdb stub is written into. */
  readonly traceControl?: string;
}

const OPERATIONS = [
  "set_memory_region",
  "create_vcpu",
  "access",
  "map_guest_range",
  "write_guest_table",
  "load_cr3",
  "invlpg",
  "enter_smm",
  "leave_smm",
  "destroy_vm",
];

/** The legacy MMU, which the series is about, also where there is another one. */
const PARAMETERS: Readonly<Record<string, string>> = { kvm: "tdp_mmu=0" };

/**
 * A kernel that has booted, as an implementation under test.
 * @throws CannotBoot if it has no KVM, or cannot be traced.
 */
export async function kernelDefinition(
  { link, stub }: Pick<Machine, "link" | "stub">,
  { modules }: KernelFiles,
  { npt, long = false }: Pick<KernelOptions, "npt" | "long"> = {},
): Promise<ImplementationDefinition> {
  await loadKvm(link, modules, npt ?? "1");
  const inside = await insideOf(link, stub);
  const layouts = inside === null ? null : layoutsOf(inside);
  const tracing = await startTracing(link, layouts?.probes ?? []);
  const numbering = await numberingOf(link);
  const [version = "?"] = (await link.ask("show", "/proc/sys/kernel/osrelease", "")).lines;
  let loaded: Npt = npt ?? "1";
  const only = npt === undefined && modules.length > 0 ? null : loaded;
  const usePaging = async (paging: "npt" | "shadow"): Promise<void> => {
    const wanted: Npt = paging === "npt" ? "1" : "0";
    // A case that does not care runs with what there is.
    if (wanted === loaded || only !== null) return;
    await link.ask("close");
    await link.ask("unmodule", "kvm_amd");
    const amd = modules.find((file) => moduleName(file) === "kvm-amd")!;
    await link.ask("module", modulePath(amd), `npt=${wanted}`);
    await link.ask("open");
    await followFrees();
    loaded = wanted;
  };
  const isExact = inside !== null && canSetGeneration(inside) && numbering.isTold && !long;
  const followFrees = async (): Promise<void> => {
    if (inside === null || !tracing.events.has("free")) return;
    await countFrees(link, await cacheOf(inside));
  };
  await followFrees();
  const examples = new Map<string, string>();
  const kernel: LiveKernel = { link, usePaging, numbering, inside, isExact, layouts, examples };
  return {
    name: "Linux",
    version,
    language: "C",
    capabilities: [
      ...capabilitiesOf(tracing, only).filter((name) => isExact || !name.startsWith(NEED_NUMBERS)),
      ...(isExact && layouts !== null ? capabilitiesInside(inside, tracing, numbering) : []),
      ...(isExact || (long && numbering.isTold) ? ["operation:inject", "inject:generation"] : []),
    ],
    machine: {
      address_spaces: 2,
      physical_address_width: 40,
      // QEMU empties its TLB as a guest is entered; the slot for the guest's code is an install.
      tlb: "forgotten",
      numbers: isExact ? "exact" : "shifted",
      mmio_generation_bits: numbering.isTold
        ? numbering.layout && widthOf(numbering.layout)
        : WIDTH_BEFORE_PATCH_08,
      ...(only === "0" && { paging: "shadow" }),
    },
    facts: { tracepoints: await tracepointFields(link) },
    create: (machine, events) => new LiveVm(kernel, machine, events),
  };
}

const WIDTH_BEFORE_PATCH_08 = 19;

/** How the names of events begin that tell a whole number, which must be that of the case. */
const NEED_NUMBERS = "event:memslots.";

/** What leads to the kernel's memory; null, and told, if the kernel does not say where things are. */
async function insideOf(link: GuestLink, stub: GdbRemote | null): Promise<Inside | null> {
  if (stub === null) return null;
  try {
    return await Inside.open(link, stub);
  } catch (error) {
    if (!(error instanceof SymbolMissing || error instanceof LayoutMissing)) throw error;
    process.stderr.write(`no snapshots, no injection: ${error.message}\n`);
    return null;
  }
}

/** @throws nothing: what is missing is said by what cannot be asked. */
function layoutsOf(inside: Inside): LayoutProbes | null {
  try {
    return layoutProbes(inside);
  } catch (error) {
    if (!(error instanceof LayoutMissing)) throw error;
    process.stderr.write(`no snapshots, installs and frees unseen: ${error.message}\n`);
    return null;
  }
}

/** What shadow pages are allocated from: it is made anew with the module. */
const cacheOf = (inside: Inside): Promise<bigint> =>
  inside.whileStopped((memory) => variableOf(inside, memory, PAGES_CACHE));

function capabilitiesInside(inside: Inside, { events }: Tracing, { layout }: Numbering): string[] {
  const parts = ["memslots", "pages", "cache"];
  if (canReadEntries(inside) && layout !== null) parts.push("entries");
  if (events.has("free") && events.has("get_page")) parts.push("counters");
  if (hasMmioCached(inside)) parts.push("pages.mmio_cached");
  if (canBeObsolete(inside)) parts.push("pages.obsolete");
  return ["operation:snapshot", ...parts.map((part) => `snapshot:${part}`)];
}

/** Built in or as modules: in the end there is /dev/kvm. */
async function loadKvm(link: GuestLink, modules: readonly string[], npt: Npt): Promise<void> {
  for (const file of modules) {
    const name = moduleName(file);
    const parameters = name === "kvm-amd" ? `npt=${npt}` : (PARAMETERS[name] ?? "");
    await refused(
      link.ask("module", modulePath(file), parameters),
      `the module ${name} does not load`,
    );
  }
  await refused(link.ask("open"), modules.length > 0 ? NO_DEVICE : NOT_BUILT_IN);
}

const NO_DEVICE = "the kernel has no KVM, though its modules load: /dev/kvm cannot be opened";
const NOT_BUILT_IN =
  "the kernel has no KVM built in; if kvm.ko and kvm-amd.ko are modules of it, name their folder by --modules";

async function refused(asked: Promise<unknown>, what: string): Promise<void> {
  try {
    await asked;
  } catch (error) {
    throw error instanceof GuestRefusal ? new CannotBoot(`${what}: ${error.message}`) : error;
  }
}

/** @param only the paging that there is; null: both. */
function capabilitiesOf({ events, probes }: Tracing, only: Npt | null): string[] {
  const operations = [...OPERATIONS];
  if (probes.has("flush_all") && probes.has("flush_all_end")) {
    operations.push("flush_shadow_all=last");
  }
  const pagings = only === null ? ["npt", "shadow"] : [only === "1" ? "npt" : "shadow"];
  return [
    ...operations.map((name) => `operation:${name}`),
    ...[...events].map((name) => `event:${name}`),
    ...(events.has("free") ? ["event:free.smm", "event:prepare_zap.smm"] : []),
    ...pagings.map((paging) => `machine:paging=${paging}`),
    "machine:page_budget",
    "fact:tracepoints",
  ];
}
