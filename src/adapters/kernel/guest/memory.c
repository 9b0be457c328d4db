/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 0x1000, MOST_REGIONS = 1024, MOST_MAPPINGS = 4096 };

static struct region regions[MOST_REGIONS];
static unsigned region_count;

static struct mapping {
	void *at;
	uint64_t size;
} mappings[MOST_MAPPINGS];
static unsigned mapping_count;

void memory_reset(void)
{
	for (unsigned i = 0; i < mapping_count; i++)
		munmap(mappings[i].at, mappings[i].size);
	mapping_count = region_count = 0;
}

void memory_provide(uint64_t hva, uint64_t size)
{
	if (size == 0 || (hva | size) % PAGE || hva + size > 1ULL << 47 || hva + size < hva ||
	    mapping_count == MOST_MAPPINGS)
		return;
	void *at = mmap((void *)hva, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (at != MAP_FAILED) {
		madvise(at, size, MADV_NOHUGEPAGE);
		mappings[mapping_count++] = (struct mapping){at, size};
	} else if (errno == EEXIST && size > PAGE) {
		uint64_t half = size / 2 / PAGE * PAGE;
		memory_provide(hva, half);
		memory_provide(hva + half, size - half);
	}
}

void memory_set_region(unsigned as, unsigned slot, uint64_t gpa, uint64_t size, uint64_t hva)
{
	struct region *known = NULL;
	for (struct region *r = regions; r < regions + region_count; r++) {
		if (r->as == as && r->slot == slot)
			r->is_current = false;
		if (r->as == as && r->slot == slot && r->gpa == gpa && r->size == size && r->hva == hva)
			known = r;
	}
	if (size == 0)
		return;
	if (known == NULL && region_count < MOST_REGIONS) {
		known = &regions[region_count++];
		*known = (struct region){.as = as, .slot = slot, .gpa = gpa, .size = size, .hva = hva};
	}
	if (known)
		known->is_current = true;
}

static bool holds(const struct region *r, uint64_t gpa)
{
	return gpa >= r->gpa && gpa - r->gpa < r->size;
}

uint8_t *memory_at(uint64_t gpa)
{
	for (struct region *r = regions; r < regions + region_count; r++)
		if (r->is_current && r->as == 0 && holds(r, gpa))
			return (uint8_t *)(r->hva + (gpa - r->gpa));
	return NULL;
}

void memory_make_resident(uint64_t gpa)
{
	for (struct region *r = regions; r < regions + region_count; r++) {
		if (!r->is_current || !holds(r, gpa))
			continue;
		volatile uint8_t *byte = (volatile uint8_t *)(r->hva + (gpa - r->gpa));
		*byte = *byte;
	}
}

void memory_make_resident_around(uint64_t gpa)
{
	uint64_t first = gpa & ~(uint64_t)(AHEAD * PAGE - 1);
	for (unsigned i = 0; i < AHEAD; i++)
		memory_make_resident(first + i * PAGE);
}

unsigned memory_candidates(uint64_t gpa, uint8_t *candidates[MOST_CANDIDATES])
{
	unsigned count = 0;
	for (struct region *r = regions; r < regions + region_count; r++) {
		if (!holds(r, gpa))
			continue;
		uint8_t *candidate = (uint8_t *)(r->hva + (gpa - r->gpa));
		unsigned i = 0;
		while (i < count && candidates[i] != candidate)
			i++;
		if (i == count && count < MOST_CANDIDATES)
			candidates[count++] = candidate;
	}
	return count;
}

/* Of what the kernel tells of a page: whether it is there, and in which frame. */
#define PAGE_PRESENT (1ULL << 63)
#define PAGE_FRAME ((1ULL << 55) - 1)

uint64_t memory_owner(uint64_t frame)
{
	enum { AT_A_TIME = 512 };
	uint64_t told[AT_A_TIME], found = 0;
	int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	for (struct mapping *m = mappings; m < mappings + mapping_count && !found; m++) {
		uint64_t first = (uint64_t)m->at / PAGE, end = first + m->size / PAGE;
		for (uint64_t page = first; page < end && !found; page += AT_A_TIME) {
			uint64_t count = end - page < AT_A_TIME ? end - page : AT_A_TIME;
			ssize_t got = pread(map, told, count * sizeof *told, (off_t)(page * sizeof *told));
			for (ssize_t i = 0; i < got / (ssize_t)sizeof *told; i++)
				if (told[i] & PAGE_PRESENT && (told[i] & PAGE_FRAME) == frame)
					found = (page + (uint64_t)i) * PAGE;
		}
	}
	close(map);
	return found;
}
