/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "vm.h"

#include "memory.h"
#include "stub.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 0x1000, MOST_VCPUS = 8, MOST_CPUID = 256, MOST_EXITS = 64, ADDRESS_SPACES = 2 };

/* Pages that the stub takes, in whatever way the guest translates addresses. */
enum { STUB_SHADOW_PAGES = 8 };

/* Where a table entry has an address. */
#define ADDRESS_BITS 0xffffffffff000ULL

/* Bytes of code that a fetch runs. */
enum { FETCH_SIZE = 4 };

static int device = -1, vm = -1;
static size_t run_size;
static uint8_t *stub;
/* The same place in all address spaces; system management mode begins without paging. */
static uint64_t stub_gpa;
static bool has_stub[ADDRESS_SPACES];
static uint32_t stub_flags[ADDRESS_SPACES];

static struct vcpu {
	int fd;
	enum paging paging;
	struct kvm_run *run;
	/* The root table of the guest, with PAGING_GUEST. */
	uint64_t cr3;
	/* In system management mode: what to come back to. */
	bool in_smm;
	enum paging paging_outside;
	struct kvm_sregs sregs_outside;
} vcpus[MOST_VCPUS];
static unsigned vcpu_count;

int vm_open(void)
{
	device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return errno;
	run_size = (size_t)ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0);
	return 0;
}

void vm_close_device(void)
{
	if (device >= 0)
		close(device);
	device = -1;
}

void vm_destroy(void)
{
	for (unsigned i = 0; i < vcpu_count; i++) {
		munmap(vcpus[i].run, run_size);
		close(vcpus[i].fd);
	}
	vcpu_count = 0;
	if (vm >= 0)
		close(vm);
	vm = -1;
	if (stub)
		munmap(stub, STUB_SIZE);
	stub = NULL;
}

int vm_create(bool is_shadow, unsigned long budget)
{
	vm_destroy();
	memory_reset();
	memset(has_stub, 0, sizeof has_stub);
	memset(stub_flags, 0, sizeof stub_flags);
	vm = ioctl(device, KVM_CREATE_VM, 0);
	if (vm < 0)
		return errno;
	if (ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE) < ADDRESS_SPACES)
		return EOPNOTSUPP;
	if (budget && ioctl(vm, KVM_SET_NR_MMU_PAGES, budget + STUB_SHADOW_PAGES))
		return errno;
	stub = mmap(NULL, STUB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stub == MAP_FAILED) {
		stub = NULL;
		return errno;
	}
	stub_gpa = is_shadow ? STUB_GPA_32 : STUB_GPA;
	return 0;
}

static int set_region(unsigned as, unsigned slot, uint64_t gpa, uint64_t size, uint32_t flags,
		      uint64_t hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = as << 16 | slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = hva,
	};
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ? errno : 0;
}

int vm_region(unsigned as, unsigned slot, uint64_t gpa, uint64_t size, uint32_t flags, uint64_t hva)
{
	memory_provide(hva, size);
	int error = set_region(as, slot, gpa, size, flags, hva);
	if (!error)
		memory_set_region(as, slot, gpa, size, hva);
	return error;
}

static uint64_t code_of(enum paging paging)
{
	return paging == PAGING_NONE ? STUB_GPA_32 : paging == PAGING_GUEST ? STUB_GVA : STUB_GPA;
}

int vm_stub(unsigned as)
{
	if (as >= ADDRESS_SPACES || !stub)
		return EINVAL;
	if (has_stub[as])
		return 0;
	int error = set_region(as, STUB_SLOT, stub_gpa, STUB_SIZE, 0, (uint64_t)stub);
	has_stub[as] = !error;
	return error;
}

int vm_installs(unsigned as, unsigned long count)
{
	int error = as < ADDRESS_SPACES && has_stub[as] ? 0 : EINVAL;
	for (unsigned long i = 0; i < count && !error; i++) {
		stub_flags[as] ^= KVM_MEM_LOG_DIRTY_PAGES;
		error = set_region(as, STUB_SLOT, stub_gpa, STUB_SIZE, stub_flags[as],
				   (uint64_t)stub);
	}
	return error;
}

static int set_cpuid(int fd)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[MOST_CPUID];
	} cpuid;
	cpuid.head.nent = MOST_CPUID;
	return ioctl(device, KVM_GET_SUPPORTED_CPUID, &cpuid) || ioctl(fd, KVM_SET_CPUID2, &cpuid);
}

/* A root table of the case leads to the stub, too. */
static void join_stub(uint64_t cr3)
{
	uint8_t *root = memory_at(cr3);
	uint64_t entry = stub_root_entry(stub_gpa);
	if (root)
		memcpy(root + PAGE - sizeof entry, &entry, sizeof entry);
}

int vm_vcpu(enum paging paging, uint64_t cr3)
{
	if (vcpu_count == MOST_VCPUS)
		return ENOSPC;
	if (!stub)
		return EINVAL;
	/* What it is told of exceptions is for guests like the first one. */
	if (vcpu_count == 0)
		stub_fill(stub, stub_gpa, code_of(paging));
	int fd = ioctl(vm, KVM_CREATE_VCPU, vcpu_count);
	if (fd < 0)
		return errno;
	struct kvm_run *run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct kvm_sregs sregs;
	if (run == MAP_FAILED || set_cpuid(fd) || ioctl(fd, KVM_GET_SREGS, &sregs))
		return errno;
	stub_sregs(&sregs, code_of(paging), paging != PAGING_NONE);
	if (paging == PAGING_GUEST) {
		sregs.cr3 = cr3;
		join_stub(cr3);
	}
	if (ioctl(fd, KVM_SET_SREGS, &sregs))
		return errno;
	vcpus[vcpu_count++] = (struct vcpu){.fd = fd, .paging = paging, .run = run, .cr3 = cr3};
	return 0;
}

static void fail(struct outcome *outcome, const char *what, uint64_t number)
{
	outcome->ending = END_ERROR;
	snprintf(outcome->text, sizeof outcome->text, "%s %llu", what, (unsigned long long)number);
}

/* Ends the instruction that made the last exit, without entering the guest. */
static void complete(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	ioctl(vcpu->fd, KVM_RUN, 0);
	vcpu->run->immediate_exit = 0;
}

/* Runs until the guest says that it is through. @returns the port that it said so through, or 0. */
static unsigned stay(struct vcpu *vcpu, const struct kvm_regs *regs, struct outcome *outcome)
{
	if (ioctl(vcpu->fd, KVM_SET_REGS, regs)) {
		fail(outcome, "the registers cannot be set, errno", (uint64_t)errno);
		return 0;
	}
	outcome->ending = END_DONE;
	struct kvm_run *run = vcpu->run;
	for (unsigned exits = 0; exits < MOST_EXITS; exits++) {
		if (ioctl(vcpu->fd, KVM_RUN, 0)) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			fail(outcome, "KVM_RUN fails with errno", (uint64_t)errno);
			return 0;
		}
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			complete(vcpu);
			return run->io.port;
		case KVM_EXIT_MMIO:
			outcome->ending = END_MMIO;
			outcome->gpa = run->mmio.phys_addr;
			memset(run->mmio.data, 0, sizeof run->mmio.data);
			break;
		case KVM_EXIT_INTR:
			break;
		case KVM_EXIT_SHUTDOWN:
			outcome->ending = END_SHUTDOWN;
			return 0;
		case KVM_EXIT_INTERNAL_ERROR:
			if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION) {
				outcome->ending = END_FETCH;
				return 0;
			}
			/* fall through */
		default:
			fail(outcome, "the guest ends with exit reason", run->exit_reason);
			return 0;
		}
	}
	fail(outcome, "the guest has not ended after exits:", MOST_EXITS);
	return 0;
}

/* Where a guest's own tables lead; false if nowhere. */
static bool walk(uint64_t cr3, uint64_t gva, uint64_t *gpa)
{
	uint64_t table = cr3;
	for (int shift = 39; shift >= 12; shift -= 9) {
		uint64_t entry;
		uint8_t *at = memory_at(table + (gva >> shift & 511) * sizeof entry);
		if (!at)
			return false;
		memcpy(&entry, at, sizeof entry);
		if (!(entry & 1))
			return false;
		table = entry & ADDRESS_BITS;
		if (shift == 12 || (shift < 39 && entry & 0x80)) {
			uint64_t within = (1ULL << shift) - 1;
			*gpa = (table & ~within) | (gva & within);
			return true;
		}
	}
	return false;
}

/* Makes resident what the kernel may map when an address faults, or ahead of the next fault. */
static void provide_pages(const struct vcpu *vcpu, uint64_t address)
{
	uint64_t first = address & ~(uint64_t)(AHEAD * PAGE - 1), gpa;
	if (vcpu->paging != PAGING_GUEST) {
		memory_make_resident_around(address);
		return;
	}
	for (unsigned i = 0; i < AHEAD; i++)
		if (walk(vcpu->cr3, first + i * PAGE, &gpa))
			memory_make_resident(gpa);
	if (walk(vcpu->cr3, address, &gpa))
		memory_make_resident_around(gpa);
}

/* Host memory under observation, and what was there. */
struct watch {
	uint8_t *candidates[MOST_CANDIDATES];
	uint8_t before[MOST_CANDIDATES][8];
	unsigned count;
	/* Bytes that are looked at; within a page. */
	unsigned size;
};

static void watch_page(struct watch *w, uint64_t gpa, unsigned size)
{
	w->count = memory_candidates(gpa, w->candidates);
	w->size = size;
	for (unsigned i = 0; i < w->count; i++)
		memcpy(w->before[i], w->candidates[i], size);
}

static void restore(const struct watch *w)
{
	for (unsigned i = 0; i < w->count; i++)
		memcpy(w->candidates[i], w->before[i], w->size);
}

static void reached(struct outcome *outcome, uint8_t *hva, unsigned size)
{
	outcome->hva = (uint64_t)hva;
	memcpy(&outcome->value, hva, size);
}

/* Each candidate holds other bytes, so that what was read tells where. */
static void read_access(struct vcpu *vcpu, struct kvm_regs *regs, unsigned size, struct watch *w,
			struct outcome *outcome)
{
	for (unsigned i = 0; i < w->count; i++)
		memset(w->candidates[i], 0xa1 + (int)i, size);
	unsigned port = stay(vcpu, regs, outcome);
	restore(w);
	if (port == FAULT_PORT)
		outcome->ending = END_FAULT;
	struct kvm_regs after;
	if (port != STUB_PORT || outcome->ending != END_DONE || ioctl(vcpu->fd, KVM_GET_REGS, &after))
		return;
	for (unsigned i = 0; i < w->count; i++) {
		uint8_t mark[8];
		memset(mark, 0xa1 + (int)i, sizeof mark);
		if (!memcmp(&after.rax, mark, size))
			reached(outcome, w->candidates[i], w->size);
	}
}

/* No candidate holds what is written; the one that does afterwards was reached. */
static void write_access(struct vcpu *vcpu, struct kvm_regs *regs, unsigned size, struct watch *w,
			 struct outcome *outcome)
{
	uint64_t value = regs->rax, other = ~value;
	for (unsigned i = 0; i < w->count; i++)
		memcpy(w->candidates[i], &other, size);
	unsigned port = stay(vcpu, regs, outcome);
	if (port == FAULT_PORT)
		outcome->ending = END_FAULT;
	uint8_t *found = NULL;
	for (unsigned i = 0; i < w->count; i++)
		if (!memcmp(w->candidates[i], &value, size))
			found = w->candidates[i];
	restore(w);
	if (!found || outcome->ending != END_DONE)
		return;
	memcpy(found, &value, w->size);
	reached(outcome, found, w->size);
}

/* Each candidate holds code that says who it is. */
static void fetch_access(struct vcpu *vcpu, struct kvm_regs *regs, struct watch *w,
			 struct outcome *outcome)
{
	for (unsigned i = 0; i < w->count; i++) {
		const uint8_t code[FETCH_SIZE] = {0xe6, (uint8_t)(FETCH_PORT + i), 0xeb, 0xfe};
		memcpy(w->candidates[i], code, FETCH_SIZE);
	}
	unsigned port = stay(vcpu, regs, outcome);
	restore(w);
	if (port == FAULT_PORT)
		outcome->ending = END_FAULT;
	else if (port >= FETCH_PORT && port - FETCH_PORT < w->count)
		reached(outcome, w->candidates[port - FETCH_PORT], w->size);
}

void vm_access(unsigned n, enum access kind, uint64_t address, unsigned size, uint64_t value,
	       struct outcome *outcome)
{
	*outcome = (struct outcome){.ending = END_DONE};
	if (n >= vcpu_count) {
		fail(outcome, "there is no vCPU", n);
		return;
	}
	struct vcpu *vcpu = &vcpus[n];
	struct watch watch = {.count = 0};
	uint64_t gpa = address;
	if (vcpu->paging == PAGING_GUEST)
		join_stub(vcpu->cr3);
	provide_pages(vcpu, address);
	/* What is written may be an entry of a guest's table that the kernel follows at once. */
	if (kind == ACCESS_WRITE)
		memory_make_resident(value & ADDRESS_BITS);
	bool is_mapped = vcpu->paging != PAGING_GUEST || walk(vcpu->cr3, address, &gpa);
	/* Without the entry that leads to its code the guest would be lost. */
	if (vcpu->paging == PAGING_GUEST && kind == ACCESS_WRITE && is_mapped &&
	    gpa + size > vcpu->cr3 + PAGE - sizeof(uint64_t) && gpa < vcpu->cr3 + PAGE) {
		outcome->ending = END_OURS;
		return;
	}
	if (is_mapped)
		watch_page(&watch, gpa, kind == ACCESS_FETCH ? FETCH_SIZE : size);

	/* A guest of 32 bits moves no more at a time; the rest of a write is made up for. */
	unsigned moved = vcpu->paging == PAGING_NONE && size == 8 ? 4 : size;
	unsigned code = (kind == ACCESS_WRITE ? STUB_WRITE : STUB_READ) +
			0x40 * (unsigned)__builtin_ctz(moved);
	uint64_t base = code_of(vcpu->paging);
	struct kvm_regs regs = {
		.rip = kind == ACCESS_FETCH ? address : base + code,
		.rflags = 2,
		.rbx = address,
		.rax = value,
		.rsp = base + 0xff0,
	};
	if (kind == ACCESS_FETCH)
		fetch_access(vcpu, &regs, &watch, outcome);
	else if (kind == ACCESS_READ)
		read_access(vcpu, &regs, moved, &watch, outcome);
	else
		write_access(vcpu, &regs, moved, &watch, outcome);
}

static void instruction(unsigned n, enum stub_code code, uint64_t address, uint64_t value,
			struct outcome *outcome)
{
	*outcome = (struct outcome){.ending = END_DONE};
	if (n >= vcpu_count) {
		fail(outcome, "there is no vCPU", n);
		return;
	}
	struct kvm_regs regs = {
		.rip = code_of(vcpus[n].paging) + code,
		.rflags = 2,
		.rbx = address,
		.rax = value,
	};
	stay(&vcpus[n], &regs, outcome);
}

void vm_load_cr3(unsigned n, uint64_t cr3, struct outcome *outcome)
{
	join_stub(cr3);
	instruction(n, STUB_CR3, 0, cr3, outcome);
	if (outcome->ending == END_DONE)
		vcpus[n].cr3 = cr3;
}

void vm_invlpg(unsigned n, uint64_t address, struct outcome *outcome)
{
	instruction(n, STUB_INVLPG, address, 0, outcome);
}

/* A guest with tables of its own has none in system management mode. */
static int switch_paging(struct vcpu *vcpu, bool in)
{
	if (in) {
		vcpu->paging_outside = vcpu->paging;
		if (vcpu->paging != PAGING_GUEST)
			return 0;
		if (ioctl(vcpu->fd, KVM_GET_SREGS, &vcpu->sregs_outside))
			return errno;
		struct kvm_sregs sregs = vcpu->sregs_outside;
		sregs.cr4 = sregs.efer = sregs.cr3 = 0;
		stub_sregs(&sregs, code_of(PAGING_NONE), false);
		vcpu->paging = PAGING_NONE;
		return ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) ? errno : 0;
	}
	if (vcpu->paging == vcpu->paging_outside)
		return 0;
	vcpu->paging = vcpu->paging_outside;
	return ioctl(vcpu->fd, KVM_SET_SREGS, &vcpu->sregs_outside) ? errno : 0;
}

int vm_smm(unsigned n, bool in)
{
	struct kvm_vcpu_events events;
	if (n >= vcpu_count || vcpus[n].in_smm == in)
		return EINVAL;
	struct vcpu *vcpu = &vcpus[n];
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events))
		return errno;
	events.flags = KVM_VCPUEVENT_VALID_SMM;
	events.smi.smm = in;
	events.smi.pending = 0;
	if (ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events))
		return errno;
	vcpu->in_smm = in;
	return switch_paging(vcpu, in);
}

bool vm_poke(uint64_t gpa, uint64_t value)
{
	uint8_t *at = memory_at(gpa);
	if (at)
		memcpy(at, &value, sizeof value);
	return at != NULL;
}
