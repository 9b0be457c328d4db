/*
 * The memory behind slots, at the host addresses that a case names, and who is behind a guest
 * physical address: now, or at any time since the VM was made.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef KMC_MEMORY_H
#define KMC_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define MOST_CANDIDATES 64

/* The kernel maps this many pages around a fault ahead, if they are resident. */
#define AHEAD 8

struct region {
	unsigned as, slot;
	uint64_t gpa, size, hva;
	bool is_current;
};

/* All memory of the case before goes. */
void memory_reset(void);

/* Anonymous memory of small pages, where there is none yet. */
void memory_provide(uint64_t hva, uint64_t size);

/* What the kernel has agreed to; size 0 takes the slot away. */
void memory_set_region(unsigned as, unsigned slot, uint64_t gpa, uint64_t size, uint64_t hva);

/* The current memory at an address of address space 0, or null. */
uint8_t *memory_at(uint64_t gpa);

/* Makes a page resident in every slot that has it now, whichever address space it is of. */
void memory_make_resident(uint64_t gpa);

/* Those of its group of AHEAD, too. */
void memory_make_resident_around(uint64_t gpa);

/*
 * The host addresses that a guest physical address has led to since the VM was made, each once.
 * @returns how many.
 */
unsigned memory_candidates(uint64_t gpa, uint8_t *candidates[MOST_CANDIDATES]);

/* The address of the page that lies in a frame of the machine; 0 if that is none of a slot's. */
uint64_t memory_owner(uint64_t frame);

#endif
