/** Numbers of Linux v5.0 on x86-64 that no patch of the series changes. */

/** log2 of the bytes in a page. */
export const PAGE_SHIFT = 12;
/** Bytes in a page. */
export const PAGE_SIZE = 4096;
/** Entries in a page table (64-bit entries in a 4096-byte page). */
export const PT64_ENT_PER_PAGE = 512;

/** Mapping levels, as the kernel numbers them. */
export const PT_PAGE_TABLE_LEVEL = 1;
export const PT_DIRECTORY_LEVEL = 2;
export const PT_PDPE_LEVEL = 3;
export const PT64_ROOT_4LEVEL = 4;
/** The highest level at which a leaf entry can map memory: 1 GiB. */
export const PT_MAX_HUGEPAGE_LEVEL = PT_PDPE_LEVEL;

/** Memslots that userspace may use, and in all, per address space (virt/kvm, asm/kvm_host.h). */
export const KVM_USER_MEM_SLOTS = 509;
export const KVM_PRIVATE_MEM_SLOTS = 3;
export const KVM_MEM_SLOTS_NUM = KVM_USER_MEM_SLOTS + KVM_PRIVATE_MEM_SLOTS;
/** Most pages in one memslot. */
export const KVM_MEM_MAX_NR_PAGES = 2 ** 31 - 1;

/** Flags of a memory region (uapi/linux/kvm.h) and the internal one (linux/kvm_host.h). */
export const KVM_MEM_LOG_DIRTY_PAGES = 1;
export const KVM_MEM_READONLY = 2;
export const KVM_MEMSLOT_INVALID = 1 << 16;

/** Lowest userspace address that `access_ok` rejects: the end of a 47-bit address space. */
export const TASK_SIZE_MAX = 2 ** 47 - PAGE_SIZE;

/** Access bits of a shadow page's role and of an MMIO SPTE (arch/x86/kvm/mmu.c). */
export const ACC_EXEC_MASK = 1;
export const ACC_WRITE_MASK = 2;
export const ACC_USER_MASK = 4;
export const ACC_ALL = ACC_EXEC_MASK | ACC_WRITE_MASK | ACC_USER_MASK;

/** Bits of a page fault error code. */
export const PFERR_PRESENT_MASK = 1;
export const PFERR_WRITE_MASK = 2;
export const PFERR_USER_MASK = 4;
export const PFERR_RSVD_MASK = 8;
export const PFERR_FETCH_MASK = 16;

/** Entries in the aligned group that a fault may map together (arch/x86/kvm/mmu.c). */
export const PTE_PREFETCH_NUM = 8;
/** Roots that a vCPU keeps besides the current one (asm/kvm_host.h). */
export const KVM_MMU_NUM_PREV_ROOTS = 3;

/** The shadow page budget (asm/kvm_host.h): permille of guest pages, floor, low and high water. */
export const KVM_PERMILLE_MMU_PAGES = 20;
export const KVM_MIN_ALLOC_MMU_PAGES = 64;
export const KVM_MIN_FREE_MMU_PAGES = 5;
export const KVM_REFILL_PAGES = 25;
/** SPTEs that one gfn's rmap may hold before it is recycled (arch/x86/kvm/mmu.c). */
export const RMAP_RECYCLE_THRESHOLD = 1000;

const PAGES_AT_LEVEL = [0, 1, 512, 512 ** 2, 512 ** 3];

/** Pages mapped by one entry at `level` 1 to 4: 1, 512, 262144, 134217728. */
export const pagesAtLevel = (level: number): number => PAGES_AT_LEVEL[level]!;
