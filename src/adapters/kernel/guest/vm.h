/*
 * One VM at a time: its slots, the memory behind them, and vCPUs that make single accesses.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef KMC_VM_H
#define KMC_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a vCPU translates addresses. */
enum paging {
	PAGING_NONE,   /* 32 bits, addresses are guest physical */
	PAGING_LINEAR, /* long mode, tables of ours map all addresses to themselves */
	PAGING_GUEST,  /* long mode, tables of the case */
};

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

/* How a stay in the guest ended. */
enum ending { END_DONE, END_MMIO, END_FAULT, END_SHUTDOWN, END_FETCH, END_OURS, END_ERROR };

struct outcome {
	enum ending ending;
	uint64_t hva;   /* END_DONE of an access: the byte reached, 0 if that is no known page */
	uint64_t value; /* what is there now */
	uint64_t gpa;   /* END_MMIO */
	char text[128]; /* END_ERROR */
};

/* Opens /dev/kvm. @returns 0 or errno. */
int vm_open(void);
void vm_close_device(void);

/*
 * A new VM; is_shadow says whether its guests are to translate without nested paging, budget how
 * many shadow pages it may have, 0 for what the kernel thinks right.
 */
int vm_create(bool is_shadow, unsigned long budget);

/* KVM_SET_USER_MEMORY_REGION; the memory at hva is made if it is not there. @returns 0 or errno. */
int vm_region(unsigned as, unsigned slot, uint64_t gpa, uint64_t size, uint32_t flags,
	      uint64_t hva);

/* Makes the slot of the stub in an address space: before there is a vCPU that is to run in it. */
int vm_stub(unsigned as);

/* Installs that change nothing but the number, and flags of the stub's slot. */
int vm_installs(unsigned as, unsigned long count);

int vm_vcpu(enum paging paging, uint64_t cr3);
void vm_access(unsigned vcpu, enum access kind, uint64_t address, unsigned size, uint64_t value,
	       struct outcome *outcome);
void vm_load_cr3(unsigned vcpu, uint64_t cr3, struct outcome *outcome);
void vm_invlpg(unsigned vcpu, uint64_t address, struct outcome *outcome);
/* In or out of system management mode, as a VMM that restores a vCPU would put it there. */
int vm_smm(unsigned vcpu, bool in);

/* Writes 8 bytes of guest memory. @returns whether there is memory. */
bool vm_poke(uint64_t gpa, uint64_t value);

/* The last reference goes; the memory stays until the next vm_create. */
void vm_destroy(void);

#endif
