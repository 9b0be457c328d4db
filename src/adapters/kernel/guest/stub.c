/* SPDX-License-Identifier: MIT */
#include "stub.h"

#include <string.h>

enum { PAGE = 0x1000, ENTRIES = 512 };
enum { CODE_SELECTOR = 8, DATA_SELECTOR = 16, VECTORS = 32 };

/* Places in the code page. */
enum { FAULT_CODE = 0x140, GDT = 0x800, IDT = 0xa00, STACK_END = 0xff0 };

/* Pages: code, the linear tables (root, its two lower ones), and the tables below STUB_GVA. */
enum { LINEAR_ROOT = 1, LINEAR_LOW, LINEAR_HIGH, GUEST_LEVEL_3, GUEST_LEVEL_2 };

/* Bits of a guest's table entry: present, writable, accessed and dirty; not user. */
static const uint64_t TABLE = 0x63, LARGE = 0xe3;

static void put(uint8_t *memory, unsigned at, const void *bytes, size_t length)
{
	memcpy(memory + at, bytes, length);
}

/* Each piece of code ends with `out`, and hangs if it is ever resumed. */
static void put_code(uint8_t *memory, unsigned at, const char *code, size_t length, uint8_t port)
{
	const uint8_t end[] = {0xe6, port, 0xeb, 0xfe};
	put(memory, at, code, length);
	put(memory, at + (unsigned)length, end, sizeof end);
}

#define CODE(at, bytes) put_code(memory, at, bytes, sizeof bytes - 1, STUB_PORT)

static void fill_code(uint8_t *memory)
{
	CODE(STUB_READ, "\x8a\x03");
	CODE(STUB_READ + 0x40, "\x66\x8b\x03");
	CODE(STUB_READ + 0x80, "\x8b\x03");
	CODE(STUB_READ + 0xc0, "\x48\x8b\x03");
	CODE(STUB_WRITE, "\x88\x03");
	CODE(STUB_WRITE + 0x40, "\x66\x89\x03");
	CODE(STUB_WRITE + 0x80, "\x89\x03");
	CODE(STUB_WRITE + 0xc0, "\x48\x89\x03");
	CODE(STUB_INVLPG, "\x0f\x01\x3b");
	CODE(STUB_CR3, "\x0f\x22\xd8");
	put_code(memory, FAULT_CODE, "", 0, FAULT_PORT);
}

/* Descriptors for 64 bits, and a gate for each exception that leads to FAULT_CODE. */
static void fill_descriptors(uint8_t *memory, uint64_t code)
{
	const uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff};
	put(memory, GDT, gdt, sizeof gdt);
	uint64_t handler = code + FAULT_CODE;
	for (unsigned vector = 0; vector < VECTORS; vector++) {
		const uint64_t gate[] = {
			(handler & 0xffff) | CODE_SELECTOR << 16 | 0x8eULL << 40 |
				(handler >> 16 & 0xffff) << 48,
			handler >> 32,
		};
		put(memory, IDT + vector * sizeof gate, gate, sizeof gate);
	}
}

static uint64_t *table(uint8_t *memory, unsigned page)
{
	return (uint64_t *)(memory + page * PAGE);
}

void stub_fill(uint8_t *memory, uint64_t gpa, uint64_t code)
{
	memset(memory, 0, STUB_SIZE);
	fill_code(memory);
	fill_descriptors(memory, code);

	table(memory, LINEAR_ROOT)[0] = (gpa + LINEAR_LOW * PAGE) | TABLE;
	table(memory, LINEAR_ROOT)[1] = (gpa + LINEAR_HIGH * PAGE) | TABLE;
	for (uint64_t i = 0; i < ENTRIES; i++) {
		table(memory, LINEAR_LOW)[i] = i << 30 | LARGE;
		table(memory, LINEAR_HIGH)[i] = (i + ENTRIES) << 30 | LARGE;
	}
	table(memory, GUEST_LEVEL_3)[0] = (gpa + GUEST_LEVEL_2 * PAGE) | TABLE;
	table(memory, GUEST_LEVEL_2)[0] = gpa | LARGE;
}

uint64_t stub_root_entry(uint64_t gpa)
{
	return (gpa + GUEST_LEVEL_3 * PAGE) | TABLE;
}

static void set_segment(struct kvm_segment *segment, uint16_t selector, uint8_t type, bool is_long)
{
	*segment = (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector, .type = type, .present = 1, .s = 1, .g = 1,
	};
	segment->l = is_long && selector == CODE_SELECTOR;
	segment->db = !segment->l;
}

void stub_sregs(struct kvm_sregs *sregs, uint64_t code, bool is_long)
{
	set_segment(&sregs->cs, CODE_SELECTOR, 0xb, is_long);
	set_segment(&sregs->ds, DATA_SELECTOR, 0x3, is_long);
	sregs->es = sregs->fs = sregs->gs = sregs->ss = sregs->ds;
	sregs->gdt = (struct kvm_dtable){.base = code + GDT, .limit = 23};
	sregs->idt = (struct kvm_dtable){.base = code + IDT, .limit = VECTORS * 16 - 1};
	/* Protection; numeric errors as exceptions; an extension type that is always there. */
	sregs->cr0 = 0x31;
	if (is_long) {
		sregs->cr0 |= 1u << 31 | 1u << 16;
		sregs->cr4 = 0x20;
		sregs->efer = 0x500;
	}
	if (code == STUB_GPA)
		sregs->cr3 = STUB_GPA + LINEAR_ROOT * PAGE;
}
