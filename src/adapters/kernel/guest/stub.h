/*
 * What the guest runs: one access each time, then an I/O exit. Code, descriptors and tables lie in
 * a memslot of their own, far from where cases have theirs, so that its traces can be told apart.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef KMC_STUB_H
#define KMC_STUB_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#define STUB_SLOT 500
#define STUB_SIZE 0x6000
#define STUB_GPA 0x8000000000ULL       /* 512 GiB */
#define STUB_GPA_32 0xffe00000ULL      /* where a guest of 32 bits can reach it; at 2 MiB */
#define STUB_GVA 0xffffff8000000000ULL /* in the last entry of a case's root table */

/* Entry points, from the start of the code page. */
enum stub_code {
	STUB_READ = 0x00,  /* rbx: address; by size: + 0x40 for 1, 2, 4 and 8 bytes */
	STUB_WRITE = 0x20, /* rax: value */
	STUB_INVLPG = 0x100,
	STUB_CR3 = 0x120,
};

#define STUB_PORT 0x99  /* the code is through */
#define FAULT_PORT 0x9a /* the guest's own tables do not allow it */
#define FETCH_PORT 0xa0 /* and following: code that was put where the guest was sent */

/* Fills the pages; `gpa` is where the slot has them, `code` where the guest sees the first. */
void stub_fill(uint8_t *memory, uint64_t gpa, uint64_t code);

/* Makes the last entry of a case's root table lead to the code. */
uint64_t stub_root_entry(uint64_t gpa);

/* Sets the registers that say where code and tables are. */
void stub_sregs(struct kvm_sregs *sregs, uint64_t code, bool is_long);

#endif
