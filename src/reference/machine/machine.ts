import { KVM_MIN_ALLOC_MMU_PAGES } from "./constants.ts";

/** Architectures that have the hook `kvm_arch_memslots_updated`; it does something only on x86. */
export const ARCHITECTURES = ["arm", "mips", "powerpc", "s390", "x86"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/**
 * How the host maps guest memory. `ept` and `npt`: two-dimensional paging, every shadow page is
 * direct under one root of level 4. `shadow`: the shadow MMU; a vCPU without paging has four PAE
 * roots of level 2, a vCPU in long mode has its guest page tables shadowed.
 */
export type Paging = "ept" | "npt" | "shadow";

/** A run of host pages. */
export interface HostRange {
  /** First byte; a multiple of 4096. */
  readonly hva: number;
  /** Length in pages. */
  readonly npages: number;
}

/** What the model's machine is made of. Everything that a run depends on besides its operations. */
export interface MachineParameters {
  /** KVM_ADDRESS_SPACE_NUM: 1, or 2 (0 normal, 1 SMM). A power of two. */
  readonly addressSpaces: number;
  /** The CPU's physical address width in bits, 36..52. */
  readonly physicalAddressWidth: number;
  readonly paging: Paging;
  /**
   * Width of the generation field in an MMIO SPTE, in bits: 19 as in the kernel, less for a cheap
   * wrap.
   */
  readonly mmioGenerationBits: number;
  /** CONFIG_PREEMPT: a thread waiting for `mmu_lock` makes its holder want to break. */
  readonly preempt: boolean;
  /**
   * Shadow page budget in pages, or null: it follows the guest's memory (KVM_SET_NR_MMU_PAGES not
   * called).
   */
  readonly pageBudget: number | null;
  /** Size of the host pages behind guest memory: mapping level 1 (4K), 2 (2M) or 3 (1G). */
  readonly hostPageLevel: 1 | 2 | 3;
  /** Host pages present before the first access: all of them, or these runs. */
  readonly resident: "all" | readonly HostRange[];
  readonly architecture: Architecture;
}

export const DEFAULT_MACHINE: MachineParameters = {
  addressSpaces: 2,
  physicalAddressWidth: 40,
  paging: "npt",
  mmioGenerationBits: 19,
  preempt: false,
  pageBudget: null,
  hostPageLevel: 1,
  resident: "all",
  architecture: "x86",
};

/** The widest generation field that fits an MMIO SPTE: bits 3-11 and 52-61. */
export const MAX_MMIO_GENERATION_BITS = 19;

/**
 * Completes and checks the parameters of a machine.
 * @throws RangeError with one sentence that names the parameter, its value and what was expected.
 */
export function machineParameters(given: Partial<MachineParameters> = {}): MachineParameters {
  const machine = { ...DEFAULT_MACHINE, ...given };
  const within = (name: keyof MachineParameters, low: number, high: number): void => {
    const value = machine[name];
    if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) {
      throw new RangeError(
        `machine parameter ${name} is ${JSON.stringify(value)}; expected an integer from ${low} to ${high}`,
      );
    }
  };
  within("addressSpaces", 1, 2);
  within("physicalAddressWidth", 36, 52);
  within("mmioGenerationBits", 2, MAX_MMIO_GENERATION_BITS);
  within("hostPageLevel", 1, 3);
  if (machine.pageBudget !== null) within("pageBudget", KVM_MIN_ALLOC_MMU_PAGES, 2 ** 31 - 1);
  return machine;
}
