import { fieldIn } from "./control/btf.ts";
import type { Inside } from "./control/inside.ts";
import { type Role, roleOf } from "./control/role.ts";
import type { Probe } from "./tracing.ts";

/** The variable that leads to the cache from which shadow pages come. */
export const PAGES_CACHE = "mmu_page_header_cache";

/** What probes can follow pointers to, by the kernel's own layouts. */
export interface LayoutProbes {
  readonly probes: readonly Probe[];
  readonly roleOf: (word: bigint) => Role;
  /** Where `srcu` is in struct kvm, in bytes. */
  readonly srcu: number;
}

/** @throws LayoutMissing */
export function layoutProbes({ btf, symbols }: Inside): LayoutProbes {
  const at = (structure: string, path: string): number => btf.field(structure, path).offset;
  const srcu = at("kvm", "srcu");
  const generation = at("kvm_memslots", "generation");
  /** What readers of both address spaces see, if a register points so far into struct kvm. */
  const numbers = (register: string, into = 0): string =>
    [0, 1]
      .map((as) => {
        const slots = `${signed(at("kvm", `memslots[${as}]`) - into)}(%${register})`;
        return `as${as}=${signed(generation)}(${slots}):x64`;
      })
      .join(" ");
  const page = (register: string): string => {
    const field = (name: string, type: string): string =>
      `${name}=${signed(at("kvm_mmu_page", name))}(%${register}):${type}`;
    return [
      `page=%${register}:x64`,
      field("gfn", "x64"),
      field("role", "x32"),
      field("root_count", "s32"),
      field("unsync", "u8"),
    ].join(" ");
  };
  const roleIn = (word: bigint): Role => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(word);
    return roleOf((name) => fieldIn(bytes, btf.field("kvm_mmu_page_role", name)));
  };
  const free: Probe = {
    name: "free",
    when: "p",
    functions: ["kmem_cache_free"],
    prints: `cache=%di:x64 ${page("si")}`,
    // Until it is known which cache is meant.
    filter: "cache == 1",
  };
  return {
    srcu,
    roleOf: roleIn,
    probes: [
      {
        name: "updated",
        when: "p",
        functions: ["kvm_arch_memslots_updated"],
        prints: `gen=%si:u64 kvm=%di:x64 ${numbers("di")}`,
      },
      { name: "updated_end", when: "r", functions: ["kvm_arch_memslots_updated"] },
      {
        name: "synchronize",
        when: "p",
        functions: ["synchronize_srcu_expedited"],
        prints: `srcu=%di:x64 ${numbers("di", srcu)}`,
      },
      { name: "synchronize_end", when: "r", functions: ["synchronize_srcu_expedited"] },
      {
        name: "committed",
        when: "p",
        functions: ["kvm_arch_commit_memory_region"],
        prints: numbers("di"),
      },
      {
        name: "prepare",
        when: "p",
        functions: ["__kvm_mmu_prepare_zap_page", "kvm_mmu_prepare_zap_page"],
        prints: `${page("si")} list=%dx:x64`,
      },
      // Where nobody can tell which cache pages come from, frees of them are not seen.
      ...(symbols.has(PAGES_CACHE) ? [free] : []),
    ],
  };
}

const signed = (offset: number): string => (offset < 0 ? String(offset) : `+${offset}`);
