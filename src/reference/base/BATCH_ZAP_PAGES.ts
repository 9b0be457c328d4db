/**
 * Pages zapped between two questions whether to drop the lock (arch/x86/kvm/mmu.c). Gone with patch
 * 18.
 */
export const BATCH_ZAP_PAGES = 10;
