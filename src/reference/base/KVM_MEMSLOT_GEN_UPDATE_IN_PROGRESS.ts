/**
 * The generation bit that says "an update is in progress". A bare 1 in the base; patch 04 names it
 * (linux/kvm_host.h), patch 08 moves it to bit 63.
 */
export const KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS = 1n;
