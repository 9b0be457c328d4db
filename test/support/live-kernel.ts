import { introducedCapability, type Introduction } from "../../src/adapters/protocol/messages.ts";
import { declaredFacts } from "../../src/adapters/reference/facts.ts";
import type { Implementation } from "../../src/adapters/implementation.ts";
import { recordOnReference } from "../../src/adapters/reference/reference-implementation.ts";
import { treeOf } from "../../src/conformance/case-tree.ts";
import { lackedBy } from "../../src/conformance/harness.ts";
import type { CaseResult } from "../../src/conformance/run-cases.ts";
import type { Composition } from "../../src/reference/compose.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { aResult } from "./results.ts";

const of = (kind: string, ...names: readonly string[]): string[] =>
  names.map((name) => `${kind}:${name}`);

/** What every live kernel offers (src/adapters/kernel). */
const ANY = [
  ...of("operation", "set_memory_region", "create_vcpu", "access", "map_guest_range"),
  ...of("operation", "write_guest_table", "load_cr3", "invlpg", "enter_smm", "leave_smm"),
  ...of("operation", "destroy_vm"),
  ...of("event", "page_fault", "get_page", "prepare_zap", "sync_page", "unsync_page"),
  ...of("event", "check_mmio_spte", "handle_mmio_page_fault"),
  ...of("machine", "page_budget", "paging=npt"),
  "fact:tracepoints",
];

const PROBES = [
  "operation:flush_shadow_all=last",
  ...of("event", "commit", "remote_flush", "reload", "lock_break"),
];

/** What kernels offer that were built in one way or another; `all` is the reference itself. */
export const LIVE_KERNELS = {
  /** KVM as modules, so that there are both pagings, as of Debian's: 80 cases, 77 from layer 19 on. */
  modules: [...ANY, ...PROBES, "machine:paging=shadow"],
  /** KVM built in, so that there is one: 56 and 54 cases. */
  builtIn: [...ANY, ...PROBES],
  /** Without kprobes. */
  noProbes: [...ANY, "machine:paging=shadow"],
  /** With 2^18 installs where a case wants a generation far away. */
  long: [...ANY, ...PROBES, "machine:paging=shadow", "operation:inject", "inject:generation"],
  all: ["operation", "probe", "inject", "point", "event", "snapshot", "fact", "machine"].map(
    (kind) => `${kind}:*`,
  ),
} as const;

export type LiveKernel = keyof typeof LIVE_KERNELS;

const REFERENCE: Introduction["machine"] = { address_spaces: 2, physical_address_width: 40 };
const KERNEL: Introduction["machine"] = { ...REFERENCE, tlb: "forgotten", numbers: "shifted" };

/** Whether a kernel of a composition offers a capability: 19 takes a tracepoint away. */
export function offers(kernel: LiveKernel, composition: Composition, name: string): boolean {
  if (name === "event:invalidate_zap_all_pages" && !composition.patches.includes(19)) return true;
  return introducedCapability(
    {
      ...{ protocol: 1, name: kernel, version: "1", capabilities: LIVE_KERNELS[kernel] },
      machine: kernel === "all" ? REFERENCE : KERNEL,
      facts: { tracepoints: {}, ...(kernel === "all" && declaredFacts(composition)) },
    },
    name,
  );
}

/** What cases find out about a kernel that does as the reference does. */
export function resultsOn(
  composition: Composition,
  kernel: LiveKernel,
  cases: readonly Case[],
): CaseResult[] {
  const { patches, slips, remedies } = composition;
  const parts = new Set([...patches, ...slips, ...remedies]);
  const implementation: Implementation = {
    name: kernel,
    offers: (name) => offers(kernel, composition, name),
    record: (scenario) => recordOnReference(composition, scenario),
  };
  return cases.map((scenario) => {
    const missing = lackedBy(implementation, scenario);
    if (missing.length > 0) return aResult({ scenario, missing, verdict: "not-assessed" });
    const { holds } = treeOf(scenario).outcome((part) => parts.has(part));
    return aResult({ scenario, verdict: holds ? "conforms" : "fails" });
  });
}
