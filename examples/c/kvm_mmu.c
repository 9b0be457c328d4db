/*
 * KVM's shadow MMU as it is after "KVM: x86/mmu: Remove fast invalidate mechanism" (2019), all 27
 * patches as promised: an implementation under test for kmc. It speaks the protocol of
 * docs/protocol.md on stdin and stdout. It is written from a specification of the series, docs/ and
 * the cases in fixtures/, not from the reference.
 *
 * SPDX-License-Identifier: MIT
 *
 * What has a name in the kernel has that name here. There is one virtual machine at a time, `vm`,
 * so no function is handed one. Sections:
 *
 *   Memory, text, errors       what a C program needs first
 *   JSON                       a scanner for one line, and reading fields
 *   Machine                    all types, and the one VM
 *   Events                     what happened during a step
 *   Threads                    scheduling points, waiting, SRCU, mmu_lock, contention
 *   Host                       host memory, which pages are there
 *   Slots                      lookup, what hangs on a slot
 *   SPTEs                      64 bits, MMIO SPTEs bit by bit
 *   TLBs and flushes
 *   Rmaps
 *   Shadow pages               get, prepare, commit, unsync
 *   Zapping                    a slot, MMIO SPTEs, everything, the oldest
 *   Region calls               KVM_SET_USER_MEMORY_REGION
 *   Guest page tables          walking them
 *   Writing a leaf             walking the shadow, prefetch, bringing a page into step
 *   Roots                      CR3, INVLPG, what is done before the guest is entered
 *   Faults                     the MMIO cache, MMIO SPTEs, the two ordinary paths
 *   Emulation                  and accesses as a whole
 *   Steps                      one function each
 *   Protocol                   requests and responses
 */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define BIT(n) (1ULL << (n))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---------------------------------------------------------------------------------------------- */
/* Memory: everything of a VM comes from here, and goes at once when the next one is made.         */

enum { CHUNK = 1 << 20, SMALLEST = 16, CLASSES = 13 /* up to 64 KiB */ };

struct block {
	struct block *next;
};

static struct {
	struct block *chunks, *current; /* kept from VM to VM; `current` is partly used */
	size_t used;
	struct block *large; /* freed with the VM */
	struct block *free[CLASSES];
} arena;

static void *must(void *memory)
{
	if (memory)
		return memory;
	fputs("out of memory\n", stderr);
	exit(1);
}

static int size_class(size_t size)
{
	int class = 0;
	while ((size_t)SMALLEST << class < size)
		class++;
	return class;
}

static void *allocate_large(size_t size)
{
	struct block *block = must(calloc(1, size + SMALLEST));
	block->next = arena.large;
	arena.large = block;
	return (char *)block + SMALLEST;
}

static void next_chunk(void)
{
	struct block *next = arena.current ? arena.current->next : arena.chunks;
	if (!next) {
		next = must(malloc(CHUNK));
		next->next = NULL;
		if (arena.current)
			arena.current->next = next;
		else
			arena.chunks = next;
	}
	arena.current = next;
	arena.used = SMALLEST;
}

/* Zeroed. */
static void *allocate(size_t size)
{
	int class = size_class(size);
	if (class >= CLASSES)
		return allocate_large(size);
	size = (size_t)SMALLEST << class;
	struct block *block = arena.free[class];
	if (block) {
		arena.free[class] = block->next;
	} else {
		if (!arena.current || arena.used + size > CHUNK)
			next_chunk();
		block = (struct block *)((char *)arena.current + arena.used);
		arena.used += size;
	}
	return memset(block, 0, size);
}

static void release(void *memory, size_t size)
{
	int class = size_class(size);
	if (!memory || class >= CLASSES)
		return;
	struct block *block = memory;
	block->next = arena.free[class];
	arena.free[class] = block;
}

static void release_everything(void)
{
	while (arena.large) {
		struct block *next = arena.large->next;
		free(arena.large);
		arena.large = next;
	}
	memset(arena.free, 0, sizeof(arena.free));
	arena.current = NULL;
	if (arena.chunks)
		next_chunk();
}

/* Makes room for one more element of an array. */
static void *grown(void *array, u32 count, u32 *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	u32 wanted = *capacity ? *capacity * 2 : 4;
	void *larger = allocate(wanted * size);
	if (count)
		memcpy(larger, array, count * size);
	release(array, *capacity * size);
	*capacity = wanted;
	return larger;
}

/* A hash map from numbers to pointers that are not null: open addressing, linear probing. */
struct map {
	struct entry {
		u64 key;
		void *value;
	} *entries;
	u32 count, capacity;
};

static u32 map_home(const struct map *map, u64 key)
{
	return (u32)(key * 0x9e3779b97f4a7c15ULL >> 32) & (map->capacity - 1);
}

/* Where the key is, or would be. */
static u32 map_find(const struct map *map, u64 key)
{
	u32 at = map_home(map, key);
	while (map->entries[at].value && map->entries[at].key != key)
		at = (at + 1) & (map->capacity - 1);
	return at;
}

static void *map_get(const struct map *map, u64 key)
{
	return map->count ? map->entries[map_find(map, key)].value : NULL;
}

static void map_grow(struct map *map)
{
	struct map larger = {.capacity = map->capacity ? map->capacity * 2 : 16};
	larger.entries = allocate(larger.capacity * sizeof(struct entry));
	for (u32 i = 0; i < map->capacity; i++) {
		if (!map->entries[i].value)
			continue;
		larger.entries[map_find(&larger, map->entries[i].key)] = map->entries[i];
		larger.count++;
	}
	release(map->entries, map->capacity * sizeof(struct entry));
	*map = larger;
}

static void map_put(struct map *map, u64 key, void *value)
{
	if ((map->count + 1) * 4 > map->capacity * 3)
		map_grow(map);
	struct entry *entry = &map->entries[map_find(map, key)];
	if (!entry->value)
		map->count++;
	*entry = (struct entry){key, value};
}

/* The entries after the gap move up, unless that would take them before their home. */
static void map_remove(struct map *map, u64 key)
{
	if (!map_get(map, key))
		return;
	u32 mask = map->capacity - 1, gap = map_find(map, key);
	for (u32 at = (gap + 1) & mask; map->entries[at].value; at = (at + 1) & mask) {
		u32 home = map_home(map, map->entries[at].key);
		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		map->entries[gap] = map->entries[at];
		gap = at;
	}
	map->entries[gap].value = NULL;
	map->count--;
}

/* A map from numbers to counts; those of zero are not kept. */
static u64 count_of(const struct map *map, u64 key)
{
	return (u64)(uintptr_t)map_get(map, key);
}

static void count_add(struct map *map, u64 key, int change)
{
	u64 count = count_of(map, key) + (u64)change;
	if (count)
		map_put(map, key, (void *)(uintptr_t)count);
	else
		map_remove(map, key);
}

/* ---------------------------------------------------------------------------------------------- */
/* Text: what is written.                                                                          */

struct text {
	char *data;
	size_t length, capacity;
};

static void put_bytes(struct text *text, const char *bytes, size_t length)
{
	if (text->length + length > text->capacity) {
		text->capacity = (text->length + length) * 2 + 4096;
		text->data = must(realloc(text->data, text->capacity));
	}
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
}

static void put(struct text *text, const char *string)
{
	put_bytes(text, string, strlen(string));
}

static void put_int(struct text *text, u64 value)
{
	char digits[20];
	int at = 20;
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	put_bytes(text, digits + at, (size_t)(20 - at));
}

/* As it stands in JSON: "0x1f". */
static void put_hex(struct text *text, u64 value)
{
	char digits[20];
	int at = 20;
	digits[--at] = '"';
	do
		digits[--at] = "0123456789abcdef"[value & 15];
	while (value >>= 4);
	put(text, "\"0x");
	put_bytes(text, digits + at, (size_t)(20 - at));
}

static void put_string(struct text *text, const char *bytes, size_t length)
{
	put(text, "\"");
	for (size_t i = 0; i < length; i++) {
		char c = bytes[i], escape[8];
		if (c == '"' || c == '\\') {
			put_bytes(text, (char[]){'\\', c}, 2);
		} else if ((u8)c < 0x20) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			put(text, escape);
		} else {
			put_bytes(text, &c, 1);
		}
	}
	put(text, "\"");
}

/* A comma, if something comes before in the same object or array. */
static void separate(struct text *text)
{
	char last = text->length ? text->data[text->length - 1] : '{';
	if (last != '{' && last != '[')
		put(text, ",");
}

static void put_key(struct text *text, const char *key)
{
	separate(text);
	put(text, "\"");
	put(text, key);
	put(text, "\":");
}

static void field_int(struct text *text, const char *key, u64 value)
{
	put_key(text, key);
	put_int(text, value);
}

static void field_hex(struct text *text, const char *key, u64 value)
{
	put_key(text, key);
	put_hex(text, value);
}

static void field_bool(struct text *text, const char *key, bool value)
{
	put_key(text, key);
	put(text, value ? "true" : "false");
}

static void field_text(struct text *text, const char *key, const char *value)
{
	put_key(text, key);
	put_string(text, value, strlen(value));
}

/* ---------------------------------------------------------------------------------------------- */
/* Errors: a step that cannot be done does not return.                                             */

enum {
	PARSE_ERROR = -32700,
	INVALID_REQUEST = -32600,
	METHOD_NOT_FOUND = -32601,
	INVALID_PARAMS = -32602,
	GIVES_UP = -32000,
};

static _Noreturn void fail(int code, const char *message);

static _Noreturn void invalid(const char *message)
{
	fail(INVALID_PARAMS, message);
}

/* ---------------------------------------------------------------------------------------------- */
/* JSON: a line becomes an array of values in the order of the text. An object or array is followed
 * by what is in it (keys are strings); `span` leads past it.                                      */

enum json_type { J_NULL, J_FALSE, J_TRUE, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };

struct json {
	enum json_type type;
	u32 span;
	const char *text;
	u32 length;
};

static struct {
	char *at, *end;
	struct json *values;
	u32 count, capacity;
} scanner;

enum { DEEPEST = 32 };

static struct json *new_value(enum json_type type)
{
	if (scanner.count == scanner.capacity) {
		scanner.capacity = scanner.capacity * 2 + 256;
		scanner.values = must(realloc(scanner.values, scanner.capacity * sizeof(struct json)));
	}
	struct json *value = &scanner.values[scanner.count++];
	*value = (struct json){.type = type, .span = 1};
	return value;
}

static bool next_is(char c)
{
	while (scanner.at < scanner.end && strchr(" \t\r\n", *scanner.at) && *scanner.at)
		scanner.at++;
	return scanner.at < scanner.end && *scanner.at == c;
}

static bool skip(char c)
{
	if (!next_is(c))
		return false;
	scanner.at++;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits of a \u escape, or -1. */
static int scan_unit(void)
{
	if (scanner.end - scanner.at < 4)
		return -1;
	int unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(*scanner.at++);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static char *put_utf8(char *to, u32 c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	*to++ = (char)((0xf0 << (3 - more) & 0xff) | c >> 6 * more);
	while (more--)
		*to++ = (char)(0x80 | (c >> 6 * more & 0x3f));
	return to;
}

/* What follows \u; two units where it is a surrogate pair. */
static char *scan_unicode(char *to)
{
	int unit = scan_unit();
	if (unit < 0xd800 || unit > 0xdfff)
		return unit < 0 ? NULL : put_utf8(to, (u32)unit);
	if (unit > 0xdbff || scanner.end - scanner.at < 2 || *scanner.at++ != '\\' || *scanner.at++ != 'u')
		return NULL;
	int low = scan_unit();
	if (low < 0xdc00 || low > 0xdfff)
		return NULL;
	return put_utf8(to, 0x10000 + ((u32)(unit - 0xd800) << 10) + (u32)(low - 0xdc00));
}

static char *scan_escape(char *to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	if (scanner.at == scanner.end)
		return NULL;
	char c = *scanner.at++;
	if (c == 'u')
		return scan_unicode(to);
	const char *found = c ? strchr(from, c) : NULL;
	if (!found)
		return NULL;
	*to++ = into[found - from];
	return to;
}

/* How long the UTF-8 sequence here is; 0 if it is none. */
static int utf8_length(const u8 *at, const u8 *end)
{
	int length = *at < 0x80 ? 1 : *at >= 0xc2 && *at < 0xe0 ? 2 : *at >= 0xe0 && *at < 0xf0 ? 3
		: *at >= 0xf0 && *at < 0xf5 ? 4 : 0;
	if (end - at < length)
		return 0;
	for (int i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if (length == 3 && ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f)))
		return 0;
	if (length == 4 && ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)))
		return 0;
	return length;
}

/* Escapes are resolved in place: what they stand for is never longer. */
static bool scan_string(void)
{
	char *start = ++scanner.at, *to = start;
	while (scanner.at < scanner.end && *scanner.at != '"') {
		if ((u8)*scanner.at < 0x20)
			return false;
		if (*scanner.at == '\\') {
			scanner.at++;
			to = scan_escape(to);
			if (!to)
				return false;
			continue;
		}
		int length = utf8_length((u8 *)scanner.at, (u8 *)scanner.end);
		if (!length)
			return false;
		while (length--)
			*to++ = *scanner.at++;
	}
	if (scanner.at == scanner.end)
		return false;
	scanner.at++;
	struct json *value = new_value(J_STRING);
	value->text = start;
	value->length = (u32)(to - start);
	return true;
}

static bool scan_digits(void)
{
	char *start = scanner.at;
	while (scanner.at < scanner.end && *scanner.at >= '0' && *scanner.at <= '9')
		scanner.at++;
	return scanner.at > start;
}

static bool scan_number(void)
{
	char *start = scanner.at;
	if (*scanner.at == '-')
		scanner.at++;
	char *digits = scanner.at;
	if (!scan_digits() || (*digits == '0' && scanner.at - digits > 1))
		return false;
	if (scanner.at < scanner.end && *scanner.at == '.') {
		scanner.at++;
		if (!scan_digits())
			return false;
	}
	if (scanner.at < scanner.end && (*scanner.at | 0x20) == 'e') {
		scanner.at++;
		if (scanner.at < scanner.end && (*scanner.at == '+' || *scanner.at == '-'))
			scanner.at++;
		if (!scan_digits())
			return false;
	}
	struct json *value = new_value(J_NUMBER);
	value->text = start;
	value->length = (u32)(scanner.at - start);
	return true;
}

static bool scan_word(const char *word, enum json_type type)
{
	size_t length = strlen(word);
	if ((size_t)(scanner.end - scanner.at) < length || memcmp(scanner.at, word, length))
		return false;
	scanner.at += length;
	new_value(type);
	return true;
}

static bool scan_value(int depth);

static bool scan_key(void)
{
	return next_is('"') && scan_string() && skip(':');
}

/* What is between the brackets. */
static bool scan_list(enum json_type type, char close, int depth)
{
	u32 self = scanner.count;
	new_value(type);
	scanner.at++;
	if (!skip(close)) {
		do {
			if (type == J_OBJECT && !scan_key())
				return false;
			if (!scan_value(depth + 1))
				return false;
		} while (skip(','));
		if (!skip(close))
			return false;
	}
	scanner.values[self].span = scanner.count - self;
	return true;
}

static bool scan_value(int depth)
{
	if (depth > DEEPEST)
		return false;
	if (next_is('{'))
		return scan_list(J_OBJECT, '}', depth);
	if (next_is('['))
		return scan_list(J_ARRAY, ']', depth);
	if (next_is('"'))
		return scan_string();
	if (scanner.at == scanner.end)
		return false;
	switch (*scanner.at) {
	case 't':
		return scan_word("true", J_TRUE);
	case 'f':
		return scan_word("false", J_FALSE);
	case 'n':
		return scan_word("null", J_NULL);
	default:
		return scan_number();
	}
}

/* @returns null if the line is no JSON. */
static const struct json *scan_line(char *line, size_t length)
{
	scanner.at = line;
	scanner.end = line + length;
	scanner.count = 0;
	if (length > UINT32_MAX || !scan_value(0))
		return NULL;
	next_is(' ');
	return scanner.at == scanner.end ? scanner.values : NULL;
}

#define FOR_EACH_ITEM(item, array)                                                          \
	for (const struct json *list_ = (array), *item = list_ + 1; item < list_ + list_->span; \
	     item += item->span)

#define FOR_EACH_KEY(key, object)                                                                 \
	for (const struct json *object_ = (object), *key = object_ + 1; key < object_ + object_->span; \
	     key += 1 + key[1].span)

static bool is_text(const struct json *value, const char *text)
{
	return value && value->type == J_STRING && value->length == strlen(text) &&
	       !memcmp(value->text, text, value->length);
}

static const struct json *get(const struct json *object, const char *name)
{
	FOR_EACH_KEY(key, object)
		if (is_text(key, name))
			return key + 1;
	return NULL;
}

static const struct json *need(const struct json *object, const char *name, enum json_type type)
{
	const struct json *value = get(object, name);
	if (!value || value->type != type)
		invalid(name);
	return value;
}

/* An integer of at most 15 digits, not negative. */
static bool read_int(const struct json *value, u64 *number)
{
	if (value->type != J_NUMBER || value->length > 15)
		return false;
	*number = 0;
	for (u32 i = 0; i < value->length; i++) {
		if (value->text[i] < '0' || value->text[i] > '9')
			return false;
		*number = *number * 10 + (u64)(value->text[i] - '0');
	}
	return true;
}

static u64 to_int(const struct json *value, u64 least, u64 most, const char *name)
{
	u64 number;
	if (!read_int(value, &number) || number < least || number > most)
		invalid(name);
	return number;
}

static u64 need_int(const struct json *object, const char *name, u64 least, u64 most)
{
	return to_int(need(object, name, J_NUMBER), least, most, name);
}

static u64 int_or(const struct json *object, const char *name, u64 least, u64 most, u64 otherwise)
{
	const struct json *value = get(object, name);
	return value ? to_int(value, least, most, name) : otherwise;
}

static bool bool_or(const struct json *object, const char *name, bool otherwise)
{
	const struct json *value = get(object, name);
	if (!value)
		return otherwise;
	if (value->type != J_TRUE && value->type != J_FALSE)
		invalid(name);
	return value->type == J_TRUE;
}

static u64 to_hex(const struct json *value, const char *name)
{
	if (value->type != J_STRING || value->length < 3 || value->length > 18 ||
	    memcmp(value->text, "0x", 2) || (value->text[2] == '0' && value->length > 3))
		invalid(name);
	u64 number = 0;
	for (u32 i = 2; i < value->length; i++) {
		int digit = hex_digit(value->text[i]);
		if (digit < 0 || (value->text[i] >= 'A' && value->text[i] <= 'F'))
			invalid(name);
		number = number << 4 | (u64)digit;
	}
	return number;
}

static u64 need_hex(const struct json *object, const char *name)
{
	return to_hex(need(object, name, J_STRING), name);
}

static u64 hex_or(const struct json *object, const char *name, u64 otherwise)
{
	const struct json *value = get(object, name);
	return value ? to_hex(value, name) : otherwise;
}

/* Which of the names it is. */
static int to_name(const struct json *value, const char *const *names, int count, const char *what)
{
	for (int i = 0; i < count; i++)
		if (is_text(value, names[i]))
			return i;
	invalid(what);
}

/* ---------------------------------------------------------------------------------------------- */
/* Machine: types, and the one VM.                                                                 */

enum {
	PAGE_SHIFT = 12,
	PAGE_SIZE = 1 << PAGE_SHIFT,
	ENTRIES = 512,
	PT_PAGE_TABLE_LEVEL = 1,
	PT_DIRECTORY_LEVEL = 2,
	PT_PDPE_LEVEL = 3,
	PT64_ROOT_LEVEL = 4,
	PTE_PREFETCH_NUM = 8,
	RMAP_RECYCLE_THRESHOLD = 1000,
	KVM_MIN_FREE_MMU_PAGES = 5,
	KVM_REFILL_PAGES = 25,
	KVM_MIN_ALLOC_MMU_PAGES = 64,
	KVM_USER_MEM_SLOTS = 509,
	KVM_MMU_NUM_PREV_ROOTS = 3,
	KVM_PAGE_ARRAY_NR = 16,
	MAX_VCPUS = 8,
	MAX_THREADS = 64,
};

#define KVM_MEM_MAX_NR_PAGES (BIT(31) - 1)
#define KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS BIT(63)
#define NO_GFN UINT64_MAX

enum { KVM_MEM_LOG_DIRTY_PAGES = 1, KVM_MEM_READONLY = 2, KVM_MEMSLOT_INVALID = 1 << 16 };
enum { ACC_EXEC = 1, ACC_WRITE = 2, ACC_USER = 4, ACC_ALL = 7 };
enum paging { EPT, NPT, SHADOW };
enum kind { READ, WRITE, FETCH };

/* Of shadow and NPT entries; the guest's tables have the same lower ones. */
enum { PT_PRESENT = 1, PT_WRITABLE = 2, PT_USER = 4, PT_ACCESSED = 0x20, PT_DIRTY = 0x40,
       PT_LARGE = 0x80 };
enum { EPT_ACCESSED = 0x100, EPT_DIRTY = 0x200, EPT_LEAF_MEMORY_TYPE = 0x70 };
enum { SPTE_HOST_WRITEABLE = 1 << 10, SPTE_MMU_WRITEABLE = 1 << 11 };
#define PTE_ADDRESS (BIT(52) - BIT(12))
#define SPTE_SPECIAL_MASK BIT(62)

enum { PFERR_PRESENT = 1, PFERR_WRITE = 2, PFERR_USER = 4, PFERR_RSVD = 8, PFERR_FETCH = 16 };

enum { KVM_REQ_MMU_RELOAD = 1, KVM_REQ_MMU_SYNC = 2, KVM_REQ_TLB_FLUSH = 4 };

/* An entry: a place in a shadow page. */
struct spte_ref {
	struct kvm_mmu_page *sp;
	u32 index;
};

struct refs {
	struct spte_ref *items;
	u32 count, capacity;
};

struct list {
	struct list *next, *prev;
};

struct kvm_mmu_page {
	struct list link; /* must be first: active pages, or a list of pages to be freed */
	struct kvm_mmu_page *hash_next;
	u64 *spt;
	u64 *gfns; /* what each entry maps, if that does not follow from its place */
	u64 gfn;
	u32 number; /* stands for its physical page */
	u8 level, access;
	bool direct, smm, invalid;
	bool unsync, mmio_cached;
	int root_count;
	int write_flooding_count;
	int unsync_children; /* bits set in: */
	u64 unsync_child_bitmap[ENTRIES / 64];
	struct refs parents;
};

/* Where a slot lies in guest and host memory. */
struct slot_place {
	u64 base_gfn, npages, userspace_addr;
};

/* What the versions of a slot share. In the kernel these are arrays, made for one place. */
struct slot_arch {
	struct slot_place made_for;
	struct map rmaps[3];      /* by level - 1 and gfn: struct refs */
	struct map write_track;   /* by gfn: how many shadow pages of level 2 or higher */
	struct map disallow[3];   /* by level - 1 and gfn: how many shadowed tables are inside */
};

struct kvm_memory_slot {
	u32 id, flags;
	u64 base_gfn, npages, userspace_addr;
	struct slot_arch *arch; /* a move takes it along */
};

struct kvm_memslots {
	u64 generation;
	u32 used, room;
	struct kvm_memory_slot slots[];
};

struct translation {
	u64 hva; /* of the first byte of the page, which may be a large one */
	u64 made; /* when, in terms of vm.host_clock */
	bool writable;
};

struct prev_root {
	u64 cr3;
	struct kvm_mmu_page *sp;
};

struct vcpu {
	u32 id;
	bool smm, long_mode;
	u64 cr3;
	u32 requests;
	struct kvm_mmu_page *roots[4]; /* one, or four without guest paging under the shadow MMU */
	struct prev_root prev_roots[KVM_MMU_NUM_PREV_ROOTS];
	struct map tlb; /* by page and level: struct translation */
	struct {
		u64 gva, gfn, generation;
		u8 access;
	} mmio;
	bool retry_noted;
	u64 retry_address;
};

struct host_page {
	u8 *data; /* null: zeros */
	bool present;
	u64 released; /* when it was last taken back; 0: never */
};

/* Somebody who wants the CPU of who holds mmu_lock, or the lock itself. */
struct contender {
	bool wants_lock; /* which counts with preempt only */
	bool always;
	bool patient;    /* not again before a page was prepared: else no walk would move */
	bool wants;
	u64 asked; /* questions since `contend` */
	u32 count, next;
	u64 *when;
};

struct range {
	u64 first, npages;
};

enum counter { USED_PAGES, LEAKED_PAGES, PAGES_ALLOCATED, PAGES_FREED, REMOTE_FLUSHES, LOCAL_FLUSHES,
	       RELOADS, LOCK_BREAKS, WALK_RESTARTS, PREPARES, FAULTS, INSTALLS, COUNTERS };

static const char *const counter_names[COUNTERS] = {
	"used_pages", "leaked_pages", "pages_allocated", "pages_freed", "remote_flushes",
	"local_flushes", "reloads", "lock_breaks", "walk_restarts", "prepares", "faults", "installs",
};

enum { HASH_SIZE = 1024 };

struct thread;

static struct {
	bool exists;
	const char *gave_up; /* why it cannot go on */
	/* The machine. */
	u32 address_spaces, physical_address_width, mmio_generation_bits;
	enum paging paging;
	bool preempt, fixed_budget, all_resident;
	int host_level;
	struct range *resident;
	u32 resident_count;
	/* What follows from it, for MMIO SPTEs. */
	u64 mmio_value, mmio_mask, nonpresent_or_rsvd_mask;

	struct kvm_memslots *memslots[2];
	struct thread *slots_lock, *mmu_lock;
	u32 mmu_lock_waiters;
	u64 srcu_clock;
	struct contender contender;

	struct list active_mmu_pages; /* newest first */
	struct kvm_mmu_page *mmu_page_hash[HASH_SIZE];
	struct kvm_mmu_page **pages; /* by number */
	u32 page_numbers, page_capacity;
	struct refs free_numbers; /* `index` only */
	u64 n_max_mmu_pages, indirect_shadow_pages;
	bool tlbs_dirty, warned_about_children;
	u64 counters[COUNTERS];

	struct map host_pages;   /* by hva / 4096: struct host_page */
	struct map split[3];     /* by level - 1 and region: a large page that is one no longer */
	u64 host_clock, mmu_notifier_seq;
	u32 mmu_notifier_count;

	struct map table_pages; /* map_guest_range: by root page, how many pages follow it */

	struct vcpu *vcpus[MAX_VCPUS];
	u32 vcpu_count;
} vm;

static u64 pages_per_hpage(int level)
{
	return BIT(9 * (level - 1));
}

static u64 region_of(u64 gfn, int level)
{
	return gfn >> 9 * (level - 1);
}

static u32 table_index(u64 address, int level)
{
	return address >> (PAGE_SHIFT + 9 * (level - 1)) & (ENTRIES - 1);
}

/* ---------------------------------------------------------------------------------------------- */
/* Events.                                                                                         */

enum event_kind { E_PUBLISHED, E_SYNCHRONIZED, E_GENERATION, E_ARCH_UPDATED, E_MARK, E_CHECK,
		  E_MMIO_FAULT, E_CACHE_FILL, E_CACHE_HIT, E_PAGE_FAULT, E_GET_PAGE, E_UNSYNC_PAGE,
		  E_SYNC_PAGE, E_PREPARE_ZAP, E_COMMIT, E_FREE, E_REMOTE_FLUSH, E_LOCAL_FLUSH,
		  E_RELOAD, E_LOCK_BREAK, E_WALK_RESTART, E_INVALIDATE, E_WARN, EVENTS };

enum field_type { END, HEX, INT, BOOL, TEXT };

static const struct {
	const char *name;
	bool page; /* has the fields of a page, before its own */
	struct {
		enum field_type type;
		const char *name;
	} fields[5];
} event_types[EVENTS] = {
	[E_PUBLISHED] = {"memslots.published", 0, {{INT, "as"}, {HEX, "generation"}}},
	[E_SYNCHRONIZED] = {"memslots.synchronized", 0, {{INT, "as"}}},
	[E_GENERATION] = {"memslots.generation", 0, {{INT, "as"}, {HEX, "generation"}}},
	[E_ARCH_UPDATED] = {"memslots.arch-updated", 0,
			    {{HEX, "generation"}, {HEX, "as0"}, {HEX, "as1"}}},
	[E_MARK] = {"mark_mmio_spte", 0,
		    {{HEX, "gfn"}, {INT, "access"}, {HEX, "generation"}, {HEX, "raw"}}},
	[E_CHECK] = {"check_mmio_spte", 0,
		     {{HEX, "raw"}, {HEX, "kvm_gen"}, {HEX, "spte_gen"}, {BOOL, "valid"}}},
	[E_MMIO_FAULT] = {"handle_mmio_page_fault", 0, {{HEX, "addr"}, {HEX, "gfn"}, {INT, "access"}}},
	[E_CACHE_FILL] = {"cache.fill", 0,
			  {{INT, "vcpu"}, {HEX, "gva"}, {HEX, "gfn"}, {HEX, "generation"}}},
	[E_CACHE_HIT] = {"cache.hit", 0, {{INT, "vcpu"}, {HEX, "gfn"}}},
	[E_PAGE_FAULT] = {"page_fault", 0, {{INT, "vcpu"}, {HEX, "address"}, {INT, "error_code"}}},
	[E_GET_PAGE] = {"get_page", 1, {{BOOL, "created"}}},
	[E_UNSYNC_PAGE] = {"unsync_page", 1, {{END, 0}}},
	[E_SYNC_PAGE] = {"sync_page", 1, {{END, 0}}},
	[E_PREPARE_ZAP] = {"prepare_zap", 1, {{INT, "returned"}}},
	[E_COMMIT] = {"commit", 0, {{INT, "pages"}}},
	[E_FREE] = {"free", 1, {{END, 0}}},
	[E_REMOTE_FLUSH] = {"remote_flush", 0, {{TEXT, "reason"}}},
	[E_LOCAL_FLUSH] = {"local_flush", 0, {{INT, "vcpu"}}},
	[E_RELOAD] = {"reload", 0, {{END, 0}}},
	[E_LOCK_BREAK] = {"lock_break", 0, {{END, 0}}},
	[E_WALK_RESTART] = {"walk_restart", 0, {{TEXT, "walk"}}},
	[E_INVALIDATE] = {"invalidate_zap_all_pages", 0, {{INT, "mmu_valid_gen"}, {INT, "used_pages"}}},
	[E_WARN] = {"warn", 0, {{TEXT, "where"}}},
};

/* Of a shadow page, as they are at the moment of the event. */
struct page_fields {
	u64 gfn;
	u8 level, access;
	bool direct, smm, invalid, unsync;
	int root_count;
};

struct event {
	enum event_kind kind;
	struct page_fields page;
	u64 values[4];
	const char *text;
};

static struct {
	u32 wanted; /* a bit for each kind */
	struct event *list;
	u32 count, capacity;
} events;

static struct page_fields fields_of(const struct kvm_mmu_page *sp)
{
	return (struct page_fields){
		.gfn = sp->gfn, .level = sp->level, .access = sp->access, .direct = sp->direct,
		.smm = sp->smm, .invalid = sp->invalid, .unsync = sp->unsync,
		.root_count = sp->root_count,
	};
}

/* @returns its number, or -1 if nobody wants such events. */
static int emit(struct event event)
{
	if (!(events.wanted & BIT(event.kind)))
		return -1;
	if (events.count == events.capacity) {
		events.capacity = events.capacity * 2 + 64;
		events.list = must(realloc(events.list, events.capacity * sizeof(struct event)));
	}
	events.list[events.count] = event;
	return (int)events.count++;
}

#define EMIT(kind, ...) emit((struct event){(kind), .values = {__VA_ARGS__}})
#define EMIT_TEXT(kind, what) emit((struct event){(kind), .text = (what)})
#define EMIT_PAGE(kind, sp, value) emit((struct event){(kind), .page = fields_of(sp), .values = {value}})

static void warn(const char *where)
{
	EMIT_TEXT(E_WARN, where);
}

static void put_page_fields(struct text *to, const struct page_fields *page)
{
	field_hex(to, "gfn", page->gfn);
	field_int(to, "level", page->level);
	field_bool(to, "direct", page->direct);
	field_int(to, "access", page->access);
	field_bool(to, "smm", page->smm);
	field_bool(to, "invalid", page->invalid);
	field_int(to, "root_count", (u64)page->root_count);
	field_bool(to, "unsync", page->unsync);
}

static void put_event_field(struct text *to, const struct event *event, int i)
{
	const char *name = event_types[event->kind].fields[i].name;
	switch (event_types[event->kind].fields[i].type) {
	case HEX:
		field_hex(to, name, event->values[i]);
		break;
	case INT:
		field_int(to, name, event->values[i]);
		break;
	case BOOL:
		field_bool(to, name, event->values[i]);
		break;
	case TEXT:
		field_text(to, name, event->text);
		break;
	case END:
		break;
	}
}

static void put_event(struct text *to, const struct event *event)
{
	int fields = 0;
	while (event_types[event->kind].fields[fields].type != END)
		fields++;
	if (event->kind == E_ARCH_UPDATED && vm.address_spaces == 1)
		fields--;
	separate(to);
	put(to, "{");
	field_text(to, "event", event_types[event->kind].name);
	if (event_types[event->kind].page)
		put_page_fields(to, &event->page);
	for (int i = 0; i < fields; i++)
		put_event_field(to, event, i);
	put(to, "}");
}

static void put_events(struct text *to)
{
	if (!events.count)
		return;
	put_key(to, "events");
	put(to, "[");
	for (u32 i = 0; i < events.count; i++)
		put_event(to, &events.list[i]);
	put(to, "]");
	events.count = 0;
}

/* ---------------------------------------------------------------------------------------------- */
/* Threads: coroutines. The schedule is the main context, which also performs the steps that are not
 * in a `threads` step.                                                                            */

enum stop { S_PUBLISHED, S_SYNCHRONIZED, S_GENERATION, S_ARCH_UPDATED, S_GUEST_ENTER, S_LOOKED_UP,
	    S_CACHE_FILL, S_MARK, S_CHECK, S_EMULATE, S_LOCK_ACQUIRE, S_LOCK_BREAK, S_BLOCKED, S_END,
	    STOPS };

static const char *const stop_names[STOPS] = {
	"memslots.published", "memslots.synchronized", "memslots.generation", "memslots.arch-updated",
	"guest.enter", "slot.looked-up", "cache.fill", "spte.mark", "spte.check", "emulate",
	"mmu_lock.acquire", "mmu_lock.break", "blocked", "end",
};

enum { STACK_SIZE = 256 << 10 };

struct thread {
	ucontext_t context;
	char *stack;
	const struct json *name, *steps;
	struct text results;
	u32 until; /* a bit for each point where it is to stop */
	u64 nth;
	enum stop at;
	u64 reading; /* its SRCU read section began then; 0: none */
	bool (*ready)(u64); /* what it waits for, or null */
	u64 argument;
};

static struct {
	struct thread main;
	struct thread list[MAX_THREADS]; /* stacks and texts are kept */
	u32 count;
	struct thread *current;
	int code; /* of the error, if there was one */
	const char *message;
	jmp_buf failed;
} sched;

static void back_to_schedule(enum stop at)
{
	struct thread *self = sched.current;
	self->at = at;
	sched.current = &sched.main;
	swapcontext(&self->context, &sched.main.context);
}

static _Noreturn void fail(int code, const char *message)
{
	sched.code = code;
	sched.message = message;
	if (sched.current != &sched.main)
		back_to_schedule(S_END);
	longjmp(sched.failed, 1);
}

/* A scheduling point. */
static void stop_at(enum stop point)
{
	struct thread *self = sched.current;
	if (self == &sched.main || !(self->until & BIT(point)) || --self->nth)
		return;
	back_to_schedule(point);
}

static void wait_until(bool (*ready)(u64), u64 argument)
{
	while (!ready(argument)) {
		if (sched.current == &sched.main)
			fail(GIVES_UP, "deadlock");
		sched.current->ready = ready;
		sched.current->argument = argument;
		back_to_schedule(S_BLOCKED);
		sched.current->ready = NULL;
	}
}

static void srcu_read_lock(void)
{
	sched.current->reading = ++vm.srcu_clock;
}

static void srcu_read_unlock(void)
{
	sched.current->reading = 0;
}

/* Every section that began before `time` is over. */
static bool srcu_quiet(u64 time)
{
	for (u32 i = 0; i < sched.count; i++)
		if (sched.list[i].reading && sched.list[i].reading < time)
			return false;
	return true;
}

static void synchronize_srcu(void)
{
	wait_until(srcu_quiet, ++vm.srcu_clock);
}

static bool slots_lock_free(u64 unused)
{
	(void)unused;
	return !vm.slots_lock;
}

static bool mmu_lock_free(u64 unused)
{
	(void)unused;
	return !vm.mmu_lock;
}

static void take_mmu_lock(void)
{
	vm.mmu_lock_waiters++;
	wait_until(mmu_lock_free, 0);
	vm.mmu_lock_waiters--;
	vm.mmu_lock = sched.current;
}

static void mmu_lock(void)
{
	stop_at(S_LOCK_ACQUIRE);
	take_mmu_lock();
}

static void mmu_unlock(void)
{
	vm.mmu_lock = NULL;
}

/* The question: need_resched() || spin_needbreak(&mmu_lock) */
static bool lock_is_wanted(void)
{
	struct contender *contender = &vm.contender;
	contender->asked++;
	while (contender->next < contender->count &&
	       contender->when[contender->next] <= contender->asked) {
		contender->wants = true;
		contender->next++;
	}
	bool wants = contender->wants || (contender->always && !contender->patient);
	if (contender->wants_lock)
		wants &= vm.preempt;
	return wants || (vm.preempt && vm.mmu_lock_waiters);
}

/* Whether the lock was dropped in between. */
static bool cond_resched_lock(void)
{
	if (!lock_is_wanted())
		return false;
	EMIT(E_LOCK_BREAK, 0);
	vm.counters[LOCK_BREAKS]++;
	mmu_unlock();
	vm.contender.wants = false;
	stop_at(S_LOCK_BREAK);
	take_mmu_lock();
	return true;
}

/* ---------------------------------------------------------------------------------------------- */
/* Host: memory is known by its host virtual address; a page that was taken back is another page.  */

static bool resident_at_first(u64 page)
{
	for (u32 i = 0; i < vm.resident_count; i++)
		if (page - vm.resident[i].first < vm.resident[i].npages)
			return true;
	return vm.all_resident;
}

static struct host_page *host_page(u64 page)
{
	struct host_page *found = map_get(&vm.host_pages, page);
	if (!found) {
		found = allocate(sizeof(*found));
		found->present = resident_at_first(page);
		map_put(&vm.host_pages, page, found);
	}
	return found;
}

static bool is_resident(u64 page)
{
	const struct host_page *found = map_get(&vm.host_pages, page);
	return found ? found->present : resident_at_first(page);
}

/* Somebody touches it: it is there now. */
static void get_user_page(u64 page)
{
	if (!is_resident(page))
		host_page(page)->present = true;
}

static u64 host_read(u64 hva, u32 size)
{
	const struct host_page *page = map_get(&vm.host_pages, hva >> PAGE_SHIFT);
	u64 value = 0;
	if (page && page->data)
		for (u32 i = size; i--;)
			value = value << 8 | page->data[(hva + i) % PAGE_SIZE];
	return value;
}

static void host_write(u64 hva, u64 value, u32 size)
{
	struct host_page *page = host_page(hva >> PAGE_SHIFT);
	page->present = true;
	if (!page->data)
		page->data = allocate(PAGE_SIZE);
	for (u32 i = 0; i < size; i++)
		page->data[(hva + i) % PAGE_SIZE] = (u8)(value >> 8 * i);
}

static bool taken_back_since(u64 page, u64 time)
{
	const struct host_page *found = map_get(&vm.host_pages, page);
	return found && found->released > time;
}

/* A page that was taken back splits the large ones around it. */
static void take_back(u64 page)
{
	struct host_page *found = host_page(page);
	release(found->data, PAGE_SIZE);
	found->data = NULL;
	found->present = false;
	found->released = ++vm.host_clock;
	for (int level = PT_DIRECTORY_LEVEL; level <= PT_PDPE_LEVEL; level++)
		map_put(&vm.split[level - 1], region_of(page, level), found);
}

static int host_mapping_level(u64 page)
{
	int level = vm.host_level;
	while (level > PT_PAGE_TABLE_LEVEL && map_get(&vm.split[level - 1], region_of(page, level)))
		level--;
	return level;
}

/* ---------------------------------------------------------------------------------------------- */
/* Slots.                                                                                          */

static u32 address_space(bool smm)
{
	return smm && vm.address_spaces > 1;
}

/* The slot that covers it, INVALID or not. */
static struct kvm_memory_slot *gfn_to_memslot(bool smm, u64 gfn)
{
	struct kvm_memslots *set = vm.memslots[address_space(smm)];
	u32 low = 0, high = set->used;
	while (low < high) {
		u32 middle = (low + high) / 2;
		if (set->slots[middle].base_gfn <= gfn)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || gfn - set->slots[low - 1].base_gfn >= set->slots[low - 1].npages)
		return NULL;
	return &set->slots[low - 1];
}

/* The slot that covers it, or null if there is no memory to be had. */
static struct kvm_memory_slot *visible_slot(bool smm, u64 gfn)
{
	struct kvm_memory_slot *slot = gfn_to_memslot(smm, gfn);
	return slot && !(slot->flags & KVM_MEMSLOT_INVALID) ? slot : NULL;
}

/* Number of the host page. */
static u64 gfn_to_pfn(const struct kvm_memory_slot *slot, u64 gfn)
{
	return (slot->userspace_addr >> PAGE_SHIFT) + gfn - slot->base_gfn;
}

static bool gpa_to_hva(bool smm, u64 gpa, bool write, u64 *hva)
{
	const struct kvm_memory_slot *slot = visible_slot(smm, gpa >> PAGE_SHIFT);
	if (!slot || (write && slot->flags & KVM_MEM_READONLY))
		return false;
	*hva = (gfn_to_pfn(slot, gpa >> PAGE_SHIFT) << PAGE_SHIFT) + gpa % PAGE_SIZE;
	return true;
}

static bool page_track_is_active(bool smm, u64 gfn)
{
	const struct kvm_memory_slot *slot = gfn_to_memslot(smm, gfn);
	return slot && count_of(&slot->arch->write_track, gfn);
}

static struct slot_place place_of(const struct kvm_memory_slot *slot)
{
	return (struct slot_place){slot->base_gfn, slot->npages, slot->userspace_addr};
}

/* @returns the index of a gfn in the arrays of its slot, which may be too short where it is now. */
static u64 gfn_to_index(const struct kvm_memory_slot *slot, u64 gfn, int level)
{
	const struct slot_place *made = &slot->arch->made_for;
	u64 index = region_of(gfn, level) - region_of(slot->base_gfn, level);
	u64 first = region_of(made->base_gfn, level);
	if (index > region_of(made->base_gfn + made->npages - 1, level) - first)
		fail(GIVES_UP, "BUG: an index lies beyond an array made before the slot moved");
	return index;
}

/* Aligned alike in guest and host, and wholly inside. */
static bool lpage_fits(struct slot_place place, u64 index, int level)
{
	u64 pages = pages_per_hpage(level);
	u64 first = (region_of(place.base_gfn, level) + index) * pages;
	return !((place.base_gfn ^ place.userspace_addr >> PAGE_SHIFT) & (pages - 1)) &&
	       first >= place.base_gfn && first + pages <= place.base_gfn + place.npages;
}

/* It fits where the slot was made, and no shadowed table is in it. */
static bool lpage_allowed(const struct kvm_memory_slot *slot, u64 gfn, int level)
{
	return lpage_fits(slot->arch->made_for, gfn_to_index(slot, gfn, level), level) &&
	       !count_of(&slot->arch->disallow[level - 1], region_of(gfn, level));
}

static int mapping_level(bool smm, u64 gfn, int most)
{
	const struct kvm_memory_slot *slot = visible_slot(smm, gfn);
	if (!slot || slot->flags & KVM_MEM_LOG_DIRTY_PAGES)
		return PT_PAGE_TABLE_LEVEL;
	int host = host_mapping_level(gfn_to_pfn(slot, gfn)), level = PT_DIRECTORY_LEVEL;
	while (level <= host && level <= most && lpage_allowed(slot, gfn, level))
		level++;
	level--;
	if (level > 1 && !lpage_fits(place_of(slot), gfn_to_index(slot, gfn, level), level))
		fail(GIVES_UP, "BUG: a large page is allowed that leads out of a slot that has moved");
	return level;
}

/* ---------------------------------------------------------------------------------------------- */
/* SPTEs. The address in a leaf is the number of the host page, in a link that of the shadow page.  */

static bool is_mmio_spte(u64 spte)
{
	return (spte & vm.mmio_mask) == vm.mmio_value;
}

static bool is_shadow_present_pte(u64 spte)
{
	return spte && !is_mmio_spte(spte);
}

static bool is_large_pte(u64 spte)
{
	return is_shadow_present_pte(spte) && spte & PT_LARGE;
}

static bool is_last_spte(u64 spte, int level)
{
	return level == PT_PAGE_TABLE_LEVEL || is_large_pte(spte);
}

static bool is_writable_pte(u64 spte)
{
	return spte & PT_WRITABLE;
}

static u64 spte_to_pfn(u64 spte)
{
	return (spte & PTE_ADDRESS) >> PAGE_SHIFT;
}

static u64 accessed_mask(void)
{
	return vm.paging == EPT ? EPT_ACCESSED : PT_ACCESSED;
}

static u64 dirty_mask(void)
{
	return vm.paging == EPT ? EPT_DIRTY : PT_DIRTY;
}

/* Write-protected by dirty logging only: may be made writable without mmu_lock. */
static bool spte_can_locklessly_be_made_writable(u64 spte)
{
	u64 both = SPTE_HOST_WRITEABLE | SPTE_MMU_WRITEABLE;
	return (spte & both) == both;
}

static u64 spte_for_table(const struct kvm_mmu_page *child)
{
	u64 permissions = PT_PRESENT | PT_WRITABLE | PT_USER;
	return (u64)child->number << PAGE_SHIFT | permissions | accessed_mask();
}

/* A leaf that nobody may write yet. */
static u64 spte_for_leaf(u64 pfn, u8 access, int level, bool host_writable)
{
	u64 spte = pfn << PAGE_SHIFT & PTE_ADDRESS;
	if (vm.paging == EPT)
		spte |= 1 | 4 | EPT_LEAF_MEMORY_TYPE;
	else
		spte |= PT_PRESENT | (access & ACC_USER ? PT_USER : 0);
	if (level > PT_PAGE_TABLE_LEVEL)
		spte |= PT_LARGE;
	return spte | (host_writable ? SPTE_HOST_WRITEABLE : 0);
}

/* The value says "MMIO" to KVM and "misconfigured" or "reserved bit" to the CPU, if it can. The five
 * bits below the CPU's physical width are set so that a speculating CPU finds no memory (L1TF). */
static void set_mmio_spte_mask(void)
{
	u32 width = vm.physical_address_width;
	if (vm.paging == EPT) {
		vm.mmio_value = SPTE_SPECIAL_MASK | 6;
		vm.mmio_mask = SPTE_SPECIAL_MASK | 7;
	} else {
		vm.mmio_value = SPTE_SPECIAL_MASK | BIT(51) | (width == 52 ? 0 : PT_PRESENT);
		vm.mmio_mask = vm.mmio_value;
	}
	vm.nonpresent_or_rsvd_mask = width < 47 ? BIT(width) - BIT(width - 5) : 0;
}

static bool cpu_tells_mmio(void)
{
	return vm.paging == EPT || vm.physical_address_width < 52;
}

/* MMIO_SPTE_GEN_MASK: bits of a memslot generation that an entry keeps. */
static u64 mmio_gen_mask(void)
{
	return BIT(vm.mmio_generation_bits) - 1;
}

enum { GEN_LOW_BITS = 9, GEN_LOW_SHIFT = 3, GEN_HIGH_BITS = 10, GEN_HIGH_SHIFT = 52 };

#define GEN_LOW_MASK ((BIT(GEN_LOW_BITS) - 1) << GEN_LOW_SHIFT)
#define GEN_HIGH_MASK ((BIT(GEN_HIGH_BITS) - 1) << GEN_HIGH_SHIFT)

static u64 generation_mmio_spte_mask(u64 generation)
{
	if (generation & ~mmio_gen_mask())
		warn("generation_mmio_spte_mask");
	return (generation << GEN_LOW_SHIFT & GEN_LOW_MASK) |
	       (generation >> GEN_LOW_BITS << GEN_HIGH_SHIFT & GEN_HIGH_MASK);
}

static u64 get_mmio_spte_generation(u64 spte)
{
	return (spte & GEN_LOW_MASK) >> GEN_LOW_SHIFT |
	       (spte & GEN_HIGH_MASK) >> GEN_HIGH_SHIFT << GEN_LOW_BITS;
}

static u64 get_mmio_spte_gfn(u64 spte)
{
	u64 hidden = vm.nonpresent_or_rsvd_mask;
	u64 below = (hidden ? hidden & -hidden : BIT(vm.physical_address_width)) - BIT(PAGE_SHIFT);
	return ((spte & below) | (spte >> 5 & hidden)) >> PAGE_SHIFT;
}

static u8 get_mmio_spte_access(u64 spte)
{
	return spte & (PAGE_SIZE - 1) & ~vm.mmio_value & ~GEN_LOW_MASK;
}

static u64 published_generation(bool smm)
{
	return vm.memslots[address_space(smm)]->generation;
}

static void mark_mmio_spte(struct kvm_mmu_page *sp, u32 index, bool smm, u64 gfn, u8 access)
{
	u64 generation = published_generation(smm) & mmio_gen_mask(), gpa = gfn << PAGE_SHIFT;
	u64 spte = generation_mmio_spte_mask(generation) | vm.mmio_value;
	access &= ACC_WRITE | ACC_USER;
	spte |= access | gpa | vm.nonpresent_or_rsvd_mask | (gpa & vm.nonpresent_or_rsvd_mask) << 5;
	sp->mmio_cached = true;
	EMIT(E_MARK, gfn, access, generation, spte);
	sp->spt[index] = spte;
}

/* In flux nothing matches, and nothing is traced. */
static bool check_mmio_spte(bool smm, u64 spte)
{
	u64 published = published_generation(smm);
	if (published & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS)
		return false;
	u64 kvm_gen = published & mmio_gen_mask(), spte_gen = get_mmio_spte_generation(spte);
	EMIT(E_CHECK, spte, kvm_gen, spte_gen, kvm_gen == spte_gen);
	return kvm_gen == spte_gen;
}

/* ---------------------------------------------------------------------------------------------- */
/* TLBs and flushes.                                                                               */

static u64 tlb_key(u64 address, int level)
{
	return region_of(address >> PAGE_SHIFT, level) << 2 | (u64)level;
}

static void tlb_flush(struct vcpu *vcpu)
{
	if (!vcpu->tlb.count)
		return;
	for (u32 i = 0; i < vcpu->tlb.capacity; i++) {
		release(vcpu->tlb.entries[i].value, sizeof(struct translation));
		vcpu->tlb.entries[i].value = NULL;
	}
	vcpu->tlb.count = 0;
}

static void tlb_flush_gva(struct vcpu *vcpu, u64 address)
{
	for (int level = PT_PAGE_TABLE_LEVEL; level <= PT_PDPE_LEVEL; level++) {
		struct translation *found = map_get(&vcpu->tlb, tlb_key(address, level));
		if (!found)
			continue;
		map_remove(&vcpu->tlb, tlb_key(address, level));
		release(found, sizeof(*found));
	}
}

/* Sets `hva` to that of the 4K page of the address. */
static const struct translation *tlb_lookup(const struct vcpu *vcpu, u64 address, bool write, u64 *hva)
{
	for (int level = PT_PAGE_TABLE_LEVEL; level <= PT_PDPE_LEVEL; level++) {
		const struct translation *found = map_get(&vcpu->tlb, tlb_key(address, level));
		if (!found || (write && !found->writable))
			continue;
		u64 offset = address & ((pages_per_hpage(level) << PAGE_SHIFT) - 1);
		*hva = found->hva + (offset & ~(u64)(PAGE_SIZE - 1));
		return found;
	}
	return NULL;
}

static void tlb_insert(struct vcpu *vcpu, u64 address, int level, u64 spte)
{
	struct translation *entry = map_get(&vcpu->tlb, tlb_key(address, level));
	if (!entry) {
		entry = allocate(sizeof(*entry));
		map_put(&vcpu->tlb, tlb_key(address, level), entry);
	}
	entry->hva = spte_to_pfn(spte) << PAGE_SHIFT;
	entry->made = vm.host_clock;
	entry->writable = is_writable_pte(spte);
}

static void kvm_flush_remote_tlbs(const char *reason)
{
	EMIT_TEXT(E_REMOTE_FLUSH, reason);
	vm.counters[REMOTE_FLUSHES]++;
	vm.tlbs_dirty = false;
	for (u32 i = 0; i < vm.vcpu_count; i++)
		tlb_flush(vm.vcpus[i]);
}

static void request_local_flush(struct vcpu *vcpu)
{
	EMIT(E_LOCAL_FLUSH, vcpu->id);
	vm.counters[LOCAL_FLUSHES]++;
	vcpu->requests |= KVM_REQ_TLB_FLUSH;
}

static void kvm_reload_remote_mmus(void)
{
	EMIT(E_RELOAD, 0);
	vm.counters[RELOADS]++;
	for (u32 i = 0; i < vm.vcpu_count; i++)
		vm.vcpus[i]->requests |= KVM_REQ_MMU_RELOAD;
}

/* ---------------------------------------------------------------------------------------------- */
/* Rmaps: from a gfn to the leaves that map it.                                                    */

static void refs_add(struct refs *refs, struct kvm_mmu_page *sp, u32 index)
{
	refs->items = grown(refs->items, refs->count, &refs->capacity, sizeof(struct spte_ref));
	refs->items[refs->count++] = (struct spte_ref){sp, index};
}

static void refs_remove(struct refs *refs, const struct kvm_mmu_page *sp, u32 index)
{
	for (u32 i = refs->count; i--;) {
		if (refs->items[i].sp != sp || refs->items[i].index != index)
			continue;
		refs->items[i] = refs->items[--refs->count];
		return;
	}
}

static u64 kvm_mmu_page_get_gfn(const struct kvm_mmu_page *sp, u32 index)
{
	return sp->gfns ? sp->gfns[index] : sp->gfn + index * pages_per_hpage(sp->level);
}

static struct refs *find_rmap(const struct kvm_memory_slot *slot, u64 gfn, int level)
{
	gfn_to_index(slot, gfn, level);
	return map_get(&slot->arch->rmaps[level - 1], region_of(gfn, level));
}

/* Only while a slot that is INVALID at most still covers it does an entry map a gfn. */
static const struct kvm_memory_slot *slot_of_entry(const struct kvm_mmu_page *sp, u64 gfn)
{
	const struct kvm_memory_slot *slot = gfn_to_memslot(sp->smm, gfn);
	if (!slot)
		fail(GIVES_UP, "BUG: an entry maps a gfn without a slot");
	return slot;
}

/* @returns how many map it now. */
static u32 rmap_add(struct kvm_mmu_page *sp, u32 index, u64 gfn)
{
	if (sp->gfns)
		sp->gfns[index] = gfn;
	if (kvm_mmu_page_get_gfn(sp, index) != gfn)
		fail(GIVES_UP, "BUG: an entry maps a gfn that is not the one of its place");
	const struct kvm_memory_slot *slot = slot_of_entry(sp, gfn);
	struct refs *rmap = find_rmap(slot, gfn, sp->level);
	if (!rmap) {
		rmap = allocate(sizeof(*rmap));
		map_put(&slot->arch->rmaps[sp->level - 1], region_of(gfn, sp->level), rmap);
	}
	refs_add(rmap, sp, index);
	return rmap->count;
}

static void rmap_remove(struct kvm_mmu_page *sp, u32 index)
{
	u64 gfn = kvm_mmu_page_get_gfn(sp, index);
	const struct kvm_memory_slot *slot = slot_of_entry(sp, gfn);
	struct refs *rmap = find_rmap(slot, gfn, sp->level);
	if (!rmap)
		return;
	refs_remove(rmap, sp, index);
	if (rmap->count)
		return;
	map_remove(&slot->arch->rmaps[sp->level - 1], region_of(gfn, sp->level));
	release(rmap->items, rmap->capacity * sizeof(struct spte_ref));
	release(rmap, sizeof(*rmap));
}

/* Clears a leaf, or an MMIO SPTE, which is in no rmap. */
static void drop_spte(struct kvm_mmu_page *sp, u32 index)
{
	u64 spte = sp->spt[index];
	sp->spt[index] = 0;
	if (is_shadow_present_pte(spte))
		rmap_remove(sp, index);
}

/* Whether there was any. */
static bool zap_rmap(const struct kvm_memory_slot *slot, u64 gfn, int level)
{
	const struct refs *rmap;
	bool any = false;
	while ((rmap = find_rmap(slot, gfn, level))) {
		drop_spte(rmap->items[0].sp, rmap->items[0].index);
		any = true;
	}
	return any;
}

/* Replaces a present leaf by another version of it. @returns whether TLBs may know too much. */
static bool mmu_spte_update(u64 *sptep, u64 spte)
{
	u64 old = *sptep;
	*sptep = spte;
	if (!is_shadow_present_pte(old))
		return false;
	if (spte_can_locklessly_be_made_writable(old) && !is_writable_pte(spte))
		return true;
	return old & ~spte & (PT_WRITABLE | accessed_mask() | dirty_mask());
}

/* @param protect because the page becomes a page table: it stays read-only. */
static bool spte_write_protect(u64 *sptep, bool protect)
{
	u64 spte = *sptep;
	if (!is_writable_pte(spte) && !(protect && spte_can_locklessly_be_made_writable(spte)))
		return false;
	if (protect)
		spte &= ~(u64)SPTE_MMU_WRITEABLE;
	return mmu_spte_update(sptep, spte & ~(u64)PT_WRITABLE);
}

static bool rmap_write_protect_level(const struct kvm_memory_slot *slot, u64 gfn, int level,
				     bool protect)
{
	const struct refs *rmap = find_rmap(slot, gfn, level);
	bool flush = false;
	for (u32 i = 0; rmap && i < rmap->count; i++)
		flush |= spte_write_protect(&rmap->items[i].sp->spt[rmap->items[i].index], protect);
	return flush;
}

static bool rmap_write_protect(bool smm, u64 gfn)
{
	const struct kvm_memory_slot *slot = gfn_to_memslot(smm, gfn);
	bool flush = false;
	for (int level = PT_PAGE_TABLE_LEVEL; slot && level <= PT_PDPE_LEVEL; level++)
		flush |= rmap_write_protect_level(slot, gfn, level, true);
	return flush;
}

/* ---------------------------------------------------------------------------------------------- */
/* Shadow pages.                                                                                   */

static void list_init(struct list *list)
{
	list->next = list->prev = list;
}

static bool list_empty(const struct list *list)
{
	return list->next == list;
}

static void list_del(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
}

static void list_add(struct list *link, struct list *head)
{
	link->next = head->next;
	link->prev = head;
	head->next->prev = link;
	head->next = link;
}

static void list_move(struct list *link, struct list *head)
{
	list_del(link);
	list_add(link, head);
}

static u64 list_length(const struct list *list)
{
	u64 length = 0;
	for (const struct list *at = list->next; at != list; at = at->next)
		length++;
	return length;
}

static struct kvm_mmu_page *page_of(struct list *link)
{
	return (struct kvm_mmu_page *)link;
}

static struct kvm_mmu_page **hash_bucket(u64 gfn)
{
	return &vm.mmu_page_hash[(gfn ^ gfn >> 10) % HASH_SIZE];
}

static struct kvm_mmu_page *next_valid(struct kvm_mmu_page *sp, u64 gfn)
{
	while (sp && (sp->gfn != gfn || sp->invalid))
		sp = sp->hash_next;
	return sp;
}

/* Newest first. Prepared ones stay in the hash until they are freed, so zapping here is safe. */
#define for_each_valid_sp(sp, of_gfn)                                                 \
	for (struct kvm_mmu_page *sp = next_valid(*hash_bucket(of_gfn), (of_gfn)); sp; \
	     sp = next_valid(sp->hash_next, (of_gfn)))

#define for_each_gfn_indirect_valid_sp(sp, of_gfn) \
	for_each_valid_sp(sp, of_gfn) if (!sp->direct)

static struct kvm_mmu_page *child_of(u64 spte)
{
	return vm.pages[spte_to_pfn(spte)];
}

static u32 new_page_number(struct kvm_mmu_page *sp)
{
	if (vm.free_numbers.count) {
		u32 number = vm.free_numbers.items[--vm.free_numbers.count].index;
		vm.pages[number] = sp;
		return number;
	}
	vm.pages = grown(vm.pages, vm.page_numbers, &vm.page_capacity, sizeof(*vm.pages));
	vm.pages[vm.page_numbers] = sp;
	return vm.page_numbers++;
}

static struct kvm_mmu_page *kvm_mmu_alloc_page(u64 gfn, int level, bool direct, u8 access, bool smm)
{
	struct kvm_mmu_page *sp = allocate(sizeof(*sp)), **bucket = hash_bucket(gfn);
	sp->spt = allocate(ENTRIES * sizeof(u64));
	sp->gfns = direct ? NULL : allocate(ENTRIES * sizeof(u64));
	sp->gfn = gfn;
	sp->level = (u8)level;
	sp->access = access;
	sp->direct = direct;
	sp->smm = smm;
	sp->number = new_page_number(sp);
	sp->hash_next = *bucket;
	*bucket = sp;
	list_add(&sp->link, &vm.active_mmu_pages);
	vm.counters[USED_PAGES]++;
	vm.counters[PAGES_ALLOCATED]++;
	return sp;
}

static void kvm_mmu_free_page(struct kvm_mmu_page *sp)
{
	EMIT_PAGE(E_FREE, sp, 0);
	struct kvm_mmu_page **at = hash_bucket(sp->gfn);
	while (*at != sp)
		at = &(*at)->hash_next;
	*at = sp->hash_next;
	list_del(&sp->link);
	vm.pages[sp->number] = NULL;
	refs_add(&vm.free_numbers, NULL, sp->number);
	release(sp->parents.items, sp->parents.capacity * sizeof(struct spte_ref));
	release(sp->gfns, ENTRIES * sizeof(u64));
	release(sp->spt, ENTRIES * sizeof(u64));
	release(sp, sizeof(*sp));
	vm.counters[PAGES_FREED]++;
}

static void drop_parent_pte(struct kvm_mmu_page *child, struct kvm_mmu_page *parent, u32 index)
{
	refs_remove(&child->parents, parent, index);
	parent->spt[index] = 0;
}

/* Whether it was present. */
static bool mmu_page_zap_pte(struct kvm_mmu_page *sp, u32 index)
{
	u64 spte = sp->spt[index];
	if (!is_shadow_present_pte(spte)) {
		sp->spt[index] = 0;
		return false;
	}
	if (is_last_spte(spte, sp->level))
		drop_spte(sp, index);
	else
		drop_parent_pte(child_of(spte), sp, index);
	return true;
}

/* A shadowed table forbids large pages around it; from level 2 on it is tracked, too. */
static void count_shadowed(const struct kvm_mmu_page *sp, int change)
{
	const struct kvm_memory_slot *slot = gfn_to_memslot(sp->smm, sp->gfn);
	vm.indirect_shadow_pages += (u64)change;
	if (!slot)
		return;
	if (sp->level > PT_PAGE_TABLE_LEVEL)
		count_add(&slot->arch->write_track, sp->gfn, change);
	for (int level = PT_DIRECTORY_LEVEL; level <= PT_PDPE_LEVEL; level++) {
		gfn_to_index(slot, sp->gfn, level);
		count_add(&slot->arch->disallow[level - 1], region_of(sp->gfn, level), change);
	}
}

/* --- unsync: which entries have an unsync page somewhere below; bits go lazily --- */

static void kvm_mmu_mark_parents_unsync(struct kvm_mmu_page *sp);

static void mark_unsync(struct kvm_mmu_page *sp, u32 index)
{
	if (sp->unsync_child_bitmap[index / 64] & BIT(index % 64))
		return;
	sp->unsync_child_bitmap[index / 64] |= BIT(index % 64);
	if (!sp->unsync_children++)
		kvm_mmu_mark_parents_unsync(sp);
}

static void kvm_mmu_mark_parents_unsync(struct kvm_mmu_page *sp)
{
	for (u32 i = 0; i < sp->parents.count; i++)
		mark_unsync(sp->parents.items[i].sp, sp->parents.items[i].index);
}

static void clear_unsync_child_bit(struct kvm_mmu_page *sp, u32 index)
{
	if (!(sp->unsync_child_bitmap[index / 64] & BIT(index % 64)))
		return;
	sp->unsync_child_bitmap[index / 64] &= ~BIT(index % 64);
	sp->unsync_children--;
}

static void kvm_unsync_page(struct kvm_mmu_page *sp)
{
	EMIT_PAGE(E_UNSYNC_PAGE, sp, 0);
	sp->unsync = true;
	kvm_mmu_mark_parents_unsync(sp);
}

static void kvm_unlink_unsync_page(struct kvm_mmu_page *sp)
{
	EMIT_PAGE(E_SYNC_PAGE, sp, 0);
	sp->unsync = false;
}

/* Unsync pages below one, each with the entries on the way to it. */
struct unsync_walk {
	struct unsync_leaf {
		struct kvm_mmu_page *sp;
		struct spte_ref path[PT64_ROOT_LEVEL]; /* from the top */
		int depth;
	} leaves[KVM_PAGE_ARRAY_NR];
	int count;
	int noted; /* pages on the ways count, too */
	struct spte_ref path[PT64_ROOT_LEVEL];
	int depth;
};

static void note_unsync_leaf(struct unsync_walk *walk, struct kvm_mmu_page *sp)
{
	for (int i = 0; i < walk->count; i++)
		if (walk->leaves[i].sp == sp)
			return;
	struct unsync_leaf *leaf = &walk->leaves[walk->count++];
	leaf->sp = sp;
	leaf->depth = walk->depth;
	memcpy(leaf->path, walk->path, sizeof(leaf->path));
	walk->noted++;
}

static bool find_unsync(struct kvm_mmu_page *sp, struct unsync_walk *walk);

/* False if the walk is full. */
static bool find_unsync_below(struct kvm_mmu_page *sp, u32 index, struct unsync_walk *walk)
{
	u64 spte = sp->spt[index];
	struct kvm_mmu_page *child = NULL;
	if (is_shadow_present_pte(spte) && !is_large_pte(spte))
		child = child_of(spte);
	if (!child || (!child->unsync && !child->unsync_children)) {
		clear_unsync_child_bit(sp, index);
		return true;
	}
	walk->path[walk->depth++] = (struct spte_ref){sp, index};
	bool room = true;
	if (child->unsync_children) {
		int found = walk->count;
		room = ++walk->noted < KVM_PAGE_ARRAY_NR && find_unsync(child, walk);
		if (room && walk->count == found && !child->unsync_children)
			clear_unsync_child_bit(sp, index);
	} else {
		note_unsync_leaf(walk, child);
		room = walk->noted < KVM_PAGE_ARRAY_NR;
	}
	walk->depth--;
	return room;
}

static bool find_unsync(struct kvm_mmu_page *sp, struct unsync_walk *walk)
{
	for (u32 word = 0; word < COUNT(sp->unsync_child_bitmap); word++) {
		u64 bits = sp->unsync_child_bitmap[word];
		for (u32 bit = 0; bits; bit++, bits >>= 1)
			if (bits & 1 && !find_unsync_below(sp, word * 64 + bit, walk))
				return false;
	}
	return true;
}

/* Whether there is any. */
static bool mmu_unsync_walk(struct kvm_mmu_page *sp, struct unsync_walk *walk)
{
	walk->count = walk->depth = 0;
	walk->noted = 1;
	if (!sp->unsync_children)
		return false;
	find_unsync(sp, walk);
	return walk->count > 0;
}

static void mmu_pages_clear_parents(const struct unsync_leaf *leaf)
{
	for (int i = leaf->depth; i--;) {
		clear_unsync_child_bit(leaf->path[i].sp, leaf->path[i].index);
		if (leaf->path[i].sp->unsync_children)
			break;
	}
}

/* --- prepare and commit --- */

static bool __kvm_mmu_prepare_zap_page(struct kvm_mmu_page *sp, struct list *invalid_list,
				       int *nr_zapped);

static int mmu_zap_unsync_children(struct kvm_mmu_page *parent, struct list *invalid_list)
{
	struct unsync_walk walk;
	int zapped = 0, ignored;
	if (parent->level == PT_PAGE_TABLE_LEVEL)
		return 0;
	while (mmu_unsync_walk(parent, &walk)) {
		for (int i = 0; i < walk.count; i++) {
			__kvm_mmu_prepare_zap_page(walk.leaves[i].sp, invalid_list, &ignored);
			mmu_pages_clear_parents(&walk.leaves[i]);
			zapped++;
		}
	}
	return zapped;
}

static void unlink_page(struct kvm_mmu_page *sp)
{
	for (u32 i = 0; i < ENTRIES; i++)
		if (sp->spt[i])
			mmu_page_zap_pte(sp, i);
	while (sp->parents.count) {
		struct spte_ref parent = sp->parents.items[sp->parents.count - 1];
		drop_parent_pte(sp, parent.sp, parent.index);
	}
}

/* @returns whether other pages than this one have left the list of active pages. */
static bool __kvm_mmu_prepare_zap_page(struct kvm_mmu_page *sp, struct list *invalid_list,
				       int *nr_zapped)
{
	int event = EMIT_PAGE(E_PREPARE_ZAP, sp, 0);
	vm.counters[PREPARES]++;
	vm.contender.patient = false;
	*nr_zapped = mmu_zap_unsync_children(sp, invalid_list);
	bool list_unstable = *nr_zapped > 0;
	unlink_page(sp);
	if (!sp->invalid && !sp->direct)
		count_shadowed(sp, -1);
	if (sp->unsync)
		kvm_unlink_unsync_page(sp);
	if (!sp->root_count) {
		(*nr_zapped)++;
		list_move(&sp->link, invalid_list);
		vm.counters[USED_PAGES]--;
	} else {
		list_move(&sp->link, &vm.active_mmu_pages);
		if (!sp->invalid)
			kvm_reload_remote_mmus();
	}
	sp->invalid = true;
	if (event >= 0)
		events.list[event].values[0] = (u64)*nr_zapped;
	return list_unstable;
}

/* Whether anything was zapped. */
static bool kvm_mmu_prepare_zap_page(struct kvm_mmu_page *sp, struct list *invalid_list)
{
	int nr_zapped;
	__kvm_mmu_prepare_zap_page(sp, invalid_list, &nr_zapped);
	return nr_zapped > 0;
}

static void kvm_mmu_commit_zap_page(struct list *invalid_list)
{
	if (list_empty(invalid_list))
		return;
	EMIT(E_COMMIT, list_length(invalid_list));
	kvm_flush_remote_tlbs("kvm_mmu_commit_zap_page");
	while (!list_empty(invalid_list))
		kvm_mmu_free_page(page_of(invalid_list->next));
}

/* Committing flushes, so it comes first. @returns whether there was anything to do. */
static bool kvm_mmu_remote_flush_or_zap(struct list *invalid_list, bool remote_flush)
{
	if (!remote_flush && list_empty(invalid_list))
		return false;
	if (!list_empty(invalid_list))
		kvm_mmu_commit_zap_page(invalid_list);
	else
		kvm_flush_remote_tlbs("kvm_mmu_remote_flush_or_zap");
	return true;
}

static void kvm_mmu_flush_or_zap(struct vcpu *vcpu, struct list *invalid_list, bool remote_flush,
				 bool local_flush)
{
	if (kvm_mmu_remote_flush_or_zap(invalid_list, remote_flush))
		return;
	if (local_flush)
		request_local_flush(vcpu);
}

/* --- bringing an unsync page in step: needs the guest's tables, see there --- */

static int sync_page(struct vcpu *vcpu, struct kvm_mmu_page *sp);

/* False if nothing was left in it, so that it was zapped. */
static bool __kvm_sync_page(struct vcpu *vcpu, struct kvm_mmu_page *sp, struct list *invalid_list)
{
	if (sync_page(vcpu, sp))
		return true;
	kvm_mmu_prepare_zap_page(sp, invalid_list);
	return false;
}

static bool kvm_sync_page(struct vcpu *vcpu, struct kvm_mmu_page *sp, struct list *invalid_list)
{
	kvm_unlink_unsync_page(sp);
	return __kvm_sync_page(vcpu, sp, invalid_list);
}

static bool kvm_sync_pages(struct vcpu *vcpu, u64 gfn, struct list *invalid_list)
{
	bool flush = false;
	for_each_gfn_indirect_valid_sp(sp, gfn)
		if (sp->unsync)
			flush |= kvm_sync_page(vcpu, sp, invalid_list);
	return flush;
}

static bool protect_leaves(const struct vcpu *vcpu, const struct unsync_walk *walk)
{
	bool protected = false;
	for (int i = 0; i < walk->count; i++)
		protected |= rmap_write_protect(vcpu->smm, walk->leaves[i].sp->gfn);
	return protected;
}

static void mmu_sync_children(struct vcpu *vcpu, struct kvm_mmu_page *parent)
{
	struct unsync_walk walk;
	struct list invalid_list;
	bool flush = false;
	list_init(&invalid_list);
	while (mmu_unsync_walk(parent, &walk)) {
		if (protect_leaves(vcpu, &walk)) {
			kvm_flush_remote_tlbs("mmu_sync_children");
			flush = false;
		}
		for (int i = 0; i < walk.count; i++) {
			flush |= kvm_sync_page(vcpu, walk.leaves[i].sp, &invalid_list);
			mmu_pages_clear_parents(&walk.leaves[i]);
		}
		if (lock_is_wanted()) {
			kvm_mmu_flush_or_zap(vcpu, &invalid_list, false, flush);
			cond_resched_lock();
			flush = false;
		}
	}
	kvm_mmu_flush_or_zap(vcpu, &invalid_list, false, flush);
}

/* --- get --- */

/* A valid page of this gfn and role, or null. */
static struct kvm_mmu_page *find_page(struct vcpu *vcpu, u64 gfn, int level, bool direct, u8 access,
				      struct list *invalid_list)
{
	for_each_valid_sp(sp, gfn) {
		if (sp->level != level || sp->direct != direct || sp->access != access ||
		    sp->smm != vcpu->smm)
			continue;
		if (sp->unsync) {
			if (!__kvm_sync_page(vcpu, sp, invalid_list))
				return NULL;
			request_local_flush(vcpu);
		}
		if (sp->unsync_children)
			vcpu->requests |= KVM_REQ_MMU_SYNC;
		return sp;
	}
	return NULL;
}

static bool any_unsync(u64 gfn)
{
	for_each_valid_sp(sp, gfn)
		if (sp->unsync)
			return true;
	return false;
}

/* The guest's table is not to be written unnoticed from now on. @returns whether a sync changed
 * something. */
static bool account_shadowed(struct vcpu *vcpu, struct kvm_mmu_page *sp, struct list *invalid_list)
{
	bool need_sync = sp->level > PT_PAGE_TABLE_LEVEL && any_unsync(sp->gfn);
	count_shadowed(sp, 1);
	if (rmap_write_protect(sp->smm, sp->gfn))
		kvm_flush_remote_tlbs("kvm_mmu_get_page");
	return need_sync && kvm_sync_pages(vcpu, sp->gfn, invalid_list);
}

static struct kvm_mmu_page *kvm_mmu_get_page(struct vcpu *vcpu, u64 gfn, int level, bool direct,
					     u8 access)
{
	struct list invalid_list;
	list_init(&invalid_list);
	struct kvm_mmu_page *sp = find_page(vcpu, gfn, level, direct, access, &invalid_list);
	if (sp) {
		sp->write_flooding_count = 0;
		EMIT_PAGE(E_GET_PAGE, sp, false);
		return sp;
	}
	sp = kvm_mmu_alloc_page(gfn, level, direct, access, vcpu->smm);
	bool flush = !direct && account_shadowed(vcpu, sp, &invalid_list);
	EMIT_PAGE(E_GET_PAGE, sp, true);
	kvm_mmu_flush_or_zap(vcpu, &invalid_list, false, flush);
	return sp;
}

static void link_shadow_page(struct kvm_mmu_page *parent, u32 index, struct kvm_mmu_page *child)
{
	parent->spt[index] = spte_for_table(child);
	refs_add(&child->parents, parent, index);
	if (child->unsync || child->unsync_children)
		mark_unsync(parent, index);
}

/* ---------------------------------------------------------------------------------------------- */
/* Zapping.                                                                                        */

typedef bool (*slot_level_handler)(const struct kvm_memory_slot *slot, u64 gfn, int level);

/* @param lock_flush_tlb flush before each break and at the end; else the caller owes it.
 * @returns whether a flush is owed. */
static bool slot_handle_level_range(const struct kvm_memory_slot *slot, slot_level_handler fn,
				    int start_level, int end_level, bool lock_flush_tlb)
{
	bool flush = false;
	for (int level = start_level; level <= end_level; level++) {
		u64 last = region_of(slot->base_gfn + slot->npages - 1, level);
		for (u64 at = region_of(slot->base_gfn, level); at <= last; at++) {
			flush |= fn(slot, at * pages_per_hpage(level), level);
			if (!lock_is_wanted())
				continue;
			if (flush && lock_flush_tlb) {
				kvm_flush_remote_tlbs("slot_handle_level_range");
				flush = false;
			}
			cond_resched_lock();
		}
	}
	if (flush && lock_flush_tlb) {
		kvm_flush_remote_tlbs("slot_handle_level_range");
		flush = false;
	}
	return flush;
}

static bool slot_handle_all_level(const struct kvm_memory_slot *slot, slot_level_handler fn,
				  bool lock_flush_tlb)
{
	return slot_handle_level_range(slot, fn, PT_PAGE_TABLE_LEVEL, PT_PDPE_LEVEL, lock_flush_tlb);
}

static bool slot_handle_leaf(const struct kvm_memory_slot *slot, slot_level_handler fn,
			     bool lock_flush_tlb)
{
	return slot_handle_level_range(slot, fn, PT_PAGE_TABLE_LEVEL, PT_PAGE_TABLE_LEVEL,
				       lock_flush_tlb);
}

static bool kvm_zap_rmapp(const struct kvm_memory_slot *slot, u64 gfn, int level)
{
	return zap_rmap(slot, gfn, level);
}

/* A slot goes: its leaves through the rmaps, and the pages that have one of its gfns. */
static void kvm_mmu_invalidate_zap_pages_in_memslot(const struct kvm_memory_slot *slot)
{
	struct list invalid_list;
	list_init(&invalid_list);
	mmu_lock();
	if (!list_empty(&vm.active_mmu_pages)) {
		/* That this may break with the flush still owed is erratum E2. */
		bool flush = slot_handle_all_level(slot, kvm_zap_rmapp, false);
		for (u64 gfn = slot->base_gfn; gfn < slot->base_gfn + slot->npages; gfn++) {
			for_each_valid_sp(sp, gfn)
				kvm_mmu_prepare_zap_page(sp, &invalid_list);
			if (!lock_is_wanted())
				continue;
			kvm_mmu_remote_flush_or_zap(&invalid_list, flush);
			flush = false;
			cond_resched_lock();
		}
		kvm_mmu_remote_flush_or_zap(&invalid_list, flush);
	}
	mmu_unlock();
}

/* One step of the walk below. @returns whether the list is to be walked from its head again. */
static bool zap_in_walk(struct kvm_mmu_page *sp, bool mmio_only, struct list *invalid_list)
{
	int ignored;
	if (mmio_only && !sp->mmio_cached)
		return false;
	if (sp->invalid && sp->root_count)
		return false;
	if (!__kvm_mmu_prepare_zap_page(sp, invalid_list, &ignored)) {
		bool dropped = cond_resched_lock();
		vm.contender.patient |= dropped;
		return dropped;
	}
	/* MMIO SPTEs are in leaf tables, which have no children. */
	if (mmio_only && !vm.warned_about_children) {
		vm.warned_about_children = true;
		warn("__kvm_mmu_zap_all");
	}
	return true;
}

static void __kvm_mmu_zap_all(bool mmio_only)
{
	struct list invalid_list;
	list_init(&invalid_list);
	mmu_lock();
	struct list *at = vm.active_mmu_pages.next;
	while (at != &vm.active_mmu_pages) {
		struct list *next = at->next;
		if (zap_in_walk(page_of(at), mmio_only, &invalid_list)) {
			EMIT_TEXT(E_WALK_RESTART, "__kvm_mmu_zap_all");
			vm.counters[WALK_RESTARTS]++;
			next = vm.active_mmu_pages.next;
		}
		at = next;
	}
	kvm_mmu_commit_zap_page(&invalid_list);
	mmu_unlock();
}

static void kvm_mmu_zap_all(void)
{
	__kvm_mmu_zap_all(false);
}

/* An entry keeps the lower bits of the generation. When they come round, old entries would look
 * fresh. Address space i counts i, i + N, i + 2N, ...: its own bits do not matter. */
static void kvm_mmu_invalidate_mmio_sptes(u64 generation)
{
	if (generation & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS)
		warn("kvm_mmu_invalidate_mmio_sptes");
	generation &= mmio_gen_mask();
	generation &= ~(u64)(vm.address_spaces - 1);
	if (!generation)
		__kvm_mmu_zap_all(true);
}

/* False if nothing could be zapped: no page, or a root in use. */
static bool prepare_zap_oldest_mmu_page(struct list *invalid_list)
{
	if (list_empty(&vm.active_mmu_pages))
		return false;
	return kvm_mmu_prepare_zap_page(page_of(vm.active_mmu_pages.prev), invalid_list);
}

static u64 mmu_shrink_scan(void)
{
	struct list invalid_list;
	list_init(&invalid_list);
	if (!vm.counters[USED_PAGES])
		return 0;
	srcu_read_lock();
	mmu_lock();
	u64 freed = prepare_zap_oldest_mmu_page(&invalid_list);
	kvm_mmu_commit_zap_page(&invalid_list);
	mmu_unlock();
	srcu_read_unlock();
	return freed;
}

static u64 kvm_mmu_available_pages(void)
{
	u64 used = vm.counters[USED_PAGES];
	return vm.n_max_mmu_pages > used ? vm.n_max_mmu_pages - used : 0;
}

/* Under mmu_lock. False if there is no room. */
static bool make_mmu_pages_available(void)
{
	struct list invalid_list;
	if (kvm_mmu_available_pages() >= KVM_MIN_FREE_MMU_PAGES)
		return true;
	list_init(&invalid_list);
	while (kvm_mmu_available_pages() < KVM_REFILL_PAGES)
		if (!prepare_zap_oldest_mmu_page(&invalid_list))
			break;
	kvm_mmu_commit_zap_page(&invalid_list);
	return kvm_mmu_available_pages() > 0;
}

static void kvm_mmu_change_mmu_pages(u64 goal)
{
	struct list invalid_list;
	list_init(&invalid_list);
	mmu_lock();
	if (vm.counters[USED_PAGES] > goal) {
		while (vm.counters[USED_PAGES] > goal)
			if (!prepare_zap_oldest_mmu_page(&invalid_list))
				break;
		kvm_mmu_commit_zap_page(&invalid_list);
		goal = vm.counters[USED_PAGES];
	}
	vm.n_max_mmu_pages = goal;
	mmu_unlock();
}

/* The host takes a page back: its leaves go, through the rmaps of every slot that holds it. */
static bool kvm_unmap_hva(u64 page)
{
	bool any = false;
	for (u32 as = 0; as < vm.address_spaces; as++) {
		const struct kvm_memslots *set = vm.memslots[as];
		for (u32 i = 0; i < set->used; i++) {
			const struct kvm_memory_slot *slot = &set->slots[i];
			u64 offset = page - (slot->userspace_addr >> PAGE_SHIFT);
			for (int level = 1; offset < slot->npages && level <= PT_PDPE_LEVEL; level++)
				any |= zap_rmap(slot, slot->base_gfn + offset, level);
		}
	}
	return any;
}

static void kvm_mmu_notifier_invalidate_range_start(u64 page)
{
	srcu_read_lock();
	mmu_lock();
	vm.mmu_notifier_count++;
	if (kvm_unmap_hva(page) || vm.tlbs_dirty)
		kvm_flush_remote_tlbs("kvm_mmu_notifier_invalidate_range_start");
	mmu_unlock();
	srcu_read_unlock();
}

static void kvm_mmu_notifier_invalidate_range_end(void)
{
	mmu_lock();
	vm.mmu_notifier_seq++;
	vm.mmu_notifier_count--;
	mmu_unlock();
}

static bool no_notifier(u64 unused)
{
	(void)unused;
	return !vm.mmu_notifier_count;
}

/* ---------------------------------------------------------------------------------------------- */
/* Region calls.                                                                                   */

static const char ok[] = "ok", EINVAL_[] = "EINVAL", EEXIST_[] = "EEXIST";

enum kvm_mr_change { KVM_MR_NOTHING, KVM_MR_CREATE, KVM_MR_DELETE, KVM_MR_MOVE,
		     KVM_MR_FLAGS_ONLY };

struct region {
	u32 as, id, flags;
	u64 gpa, size, hva;
};

static struct kvm_memslots *new_memslots(u32 room)
{
	struct kvm_memslots *set =
		allocate(sizeof(struct kvm_memslots) + room * sizeof(struct kvm_memory_slot));
	set->room = room;
	return set;
}

static void free_memslots(struct kvm_memslots *set)
{
	release(set, sizeof(*set) + set->room * sizeof(struct kvm_memory_slot));
}

static struct kvm_memory_slot *id_to_memslot(struct kvm_memslots *set, u32 id)
{
	for (u32 i = 0; i < set->used; i++)
		if (set->slots[i].id == id)
			return &set->slots[i];
	return NULL;
}

/* A copy in which this slot is as given; without it, if it has no pages. */
static struct kvm_memslots *copy_with(const struct kvm_memslots *set, struct kvm_memory_slot slot)
{
	struct kvm_memslots *copy = new_memslots(set->used + 1);
	bool placed = !slot.npages;
	for (u32 i = 0; i < set->used; i++) {
		if (set->slots[i].id == slot.id)
			continue;
		if (!placed && set->slots[i].base_gfn > slot.base_gfn) {
			copy->slots[copy->used++] = slot;
			placed = true;
		}
		copy->slots[copy->used++] = set->slots[i];
	}
	if (!placed)
		copy->slots[copy->used++] = slot;
	return copy;
}

static void kvm_arch_memslots_updated(u64 generation)
{
	u64 as1 = vm.address_spaces > 1 ? vm.memslots[1]->generation : 0;
	EMIT(E_ARCH_UPDATED, generation, vm.memslots[0]->generation, as1);
	kvm_mmu_invalidate_mmio_sptes(generation);
	stop_at(S_ARCH_UPDATED);
}

static void install_new_memslots(u32 as, struct kvm_memslots *slots)
{
	struct kvm_memslots *old = vm.memslots[as];
	vm.counters[INSTALLS]++;
	if (old->generation & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS)
		warn("install_new_memslots");
	slots->generation = old->generation | KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
	vm.memslots[as] = slots;
	EMIT(E_PUBLISHED, as, slots->generation);
	stop_at(S_PUBLISHED);

	synchronize_srcu();
	free_memslots(old);
	EMIT(E_SYNCHRONIZED, as);
	stop_at(S_SYNCHRONIZED);

	u64 generation = slots->generation & ~KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS;
	generation += vm.address_spaces;
	kvm_arch_memslots_updated(generation);

	slots->generation = generation;
	EMIT(E_GENERATION, as, generation);
	stop_at(S_GENERATION);
}

static u64 kvm_mmu_calculate_default_mmu_pages(void)
{
	u64 pages = 0;
	for (u32 as = 0; as < vm.address_spaces; as++)
		for (u32 i = 0; i < vm.memslots[as]->used; i++)
			pages += vm.memslots[as]->slots[i].npages;
	pages = pages * 20 / 1000;
	return pages > KVM_MIN_ALLOC_MMU_PAGES ? pages : KVM_MIN_ALLOC_MMU_PAGES;
}

static bool slot_rmap_write_protect(const struct kvm_memory_slot *slot, u64 gfn, int level)
{
	return rmap_write_protect_level(slot, gfn, level, false);
}

static void kvm_mmu_slot_remove_write_access(const struct kvm_memory_slot *slot)
{
	mmu_lock();
	bool flush = slot_handle_all_level(slot, slot_rmap_write_protect, false);
	mmu_unlock();
	if (flush)
		kvm_flush_remote_tlbs("kvm_mmu_slot_remove_write_access");
}

static bool kvm_mmu_zap_collapsible_spte(const struct kvm_memory_slot *slot, u64 gfn, int level)
{
	const struct refs *rmap = find_rmap(slot, gfn, level);
	bool any = false;
	for (u32 left = rmap ? rmap->count : 0; left--;) {
		struct spte_ref ref = rmap->items[left];
		if (!ref.sp->direct || host_mapping_level(spte_to_pfn(ref.sp->spt[ref.index])) == 1)
			continue;
		drop_spte(ref.sp, ref.index); /* the last one takes its place */
		any = true;
	}
	return any;
}

static void kvm_mmu_zap_collapsible_sptes(const struct kvm_memory_slot *slot)
{
	mmu_lock();
	slot_handle_leaf(slot, kvm_mmu_zap_collapsible_spte, true);
	mmu_unlock();
}

static void kvm_arch_commit_memory_region(enum kvm_mr_change change, u32 old_flags,
					  const struct kvm_memory_slot *slot)
{
	if (!vm.fixed_budget)
		kvm_mmu_change_mmu_pages(kvm_mmu_calculate_default_mmu_pages());
	if (change == KVM_MR_DELETE)
		return;
	if (old_flags & ~slot->flags & KVM_MEM_LOG_DIRTY_PAGES)
		kvm_mmu_zap_collapsible_sptes(slot);
	if (slot->flags & (KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES))
		kvm_mmu_slot_remove_write_access(slot);
}

static bool well_formed(const struct region *region)
{
	const u64 in_page = PAGE_SIZE - 1, user_end = BIT(47) - PAGE_SIZE;
	if (region->flags & ~(u32)(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return false;
	if ((region->size | region->gpa | region->hva) & in_page)
		return false;
	if (region->hva > user_end || region->size > user_end - region->hva)
		return false;
	if (region->as >= vm.address_spaces || region->id >= KVM_USER_MEM_SLOTS)
		return false;
	return region->gpa + region->size >= region->gpa &&
	       region->size >> PAGE_SHIFT <= KVM_MEM_MAX_NR_PAGES;
}

static bool overlaps(const struct kvm_memslots *set, const struct kvm_memory_slot *slot)
{
	for (u32 i = 0; i < set->used; i++) {
		const struct kvm_memory_slot *other = &set->slots[i];
		if (other->id != slot->id && other->base_gfn < slot->base_gfn + slot->npages &&
		    slot->base_gfn < other->base_gfn + other->npages)
			return true;
	}
	return false;
}

/* Whether a slot may be changed into the other in place. */
static bool may_become(const struct kvm_memory_slot *old, const struct kvm_memory_slot *new)
{
	return old->npages == new->npages && old->userspace_addr == new->userspace_addr &&
	       !((old->flags ^ new->flags) & KVM_MEM_READONLY);
}

static void empty_rmaps(struct slot_arch *arch)
{
	for (int i = 0; i < 3; i++)
		arch->rmaps[i] = (struct map){0};
}

/* The old place is about to go: no new mapping from here on, then none at all. */
static void remove_old_place(u32 as, struct kvm_memory_slot doomed)
{
	doomed.flags |= KVM_MEMSLOT_INVALID;
	install_new_memslots(as, copy_with(vm.memslots[as], doomed));
	kvm_mmu_invalidate_zap_pages_in_memslot(&doomed);
}

/* @param old null if there is no such slot. @returns `ok`, or why it cannot be. */
static const char *kind_of_change(const struct kvm_memslots *set, const struct kvm_memory_slot *old,
				  const struct kvm_memory_slot *new, enum kvm_mr_change *change)
{
	*change = KVM_MR_NOTHING;
	if (!old && !new->npages)
		return EINVAL_;
	if (!old)
		*change = KVM_MR_CREATE;
	else if (!new->npages)
		*change = KVM_MR_DELETE;
	else if (!may_become(old, new))
		return EINVAL_;
	else if (old->base_gfn != new->base_gfn)
		*change = KVM_MR_MOVE;
	else if (old->flags != new->flags)
		*change = KVM_MR_FLAGS_ONLY;
	if ((*change == KVM_MR_CREATE || *change == KVM_MR_MOVE) && overlaps(set, new))
		return EEXIST_;
	return ok;
}

static void change_slot(u32 as, enum kvm_mr_change change, const struct kvm_memory_slot *old,
			struct kvm_memory_slot new)
{
	u32 old_flags = old ? old->flags : 0; /* the set it is in will be freed */
	new.arch = old ? old->arch : allocate(sizeof(*new.arch));
	if (change == KVM_MR_CREATE)
		new.arch->made_for = place_of(&new);
	if (change == KVM_MR_DELETE || change == KVM_MR_MOVE)
		remove_old_place(as, *old);
	if (change == KVM_MR_MOVE)
		empty_rmaps(new.arch);
	install_new_memslots(as, copy_with(vm.memslots[as], new));
	kvm_arch_commit_memory_region(change, old_flags, &new);
}

static const char *__kvm_set_memory_region(const struct region *region)
{
	if (!well_formed(region))
		return EINVAL_;
	struct kvm_memslots *set = vm.memslots[region->as];
	const struct kvm_memory_slot *old = id_to_memslot(set, region->id);
	struct kvm_memory_slot new = {
		.id = region->id,
		.flags = region->flags,
		.base_gfn = region->gpa >> PAGE_SHIFT,
		.npages = region->size >> PAGE_SHIFT,
		.userspace_addr = region->hva,
	};
	enum kvm_mr_change change;
	const char *result = kind_of_change(set, old, &new, &change);
	if (result == ok && change != KVM_MR_NOTHING)
		change_slot(region->as, change, old, new);
	return result;
}

static const char *kvm_set_memory_region(const struct region *region)
{
	wait_until(slots_lock_free, 0);
	vm.slots_lock = sched.current;
	const char *result = __kvm_set_memory_region(region);
	vm.slots_lock = NULL;
	return result;
}

/* ---------------------------------------------------------------------------------------------- */
/* Guest page tables: four levels, in the guest's own memory.                                      */

/* A guest with page tables of its own, which are shadowed. Everything else is direct. */
static bool is_paging(const struct vcpu *vcpu)
{
	return vcpu->long_mode && !vcpu->smm;
}

static bool has_pae_roots(const struct vcpu *vcpu)
{
	return vm.paging == SHADOW && !is_paging(vcpu);
}

struct guest_walker {
	int level; /* of the leaf */
	u64 table_gfn[PT64_ROOT_LEVEL], ptes[PT64_ROOT_LEVEL]; /* by level - 1 */
	u8 pt_access; /* what the levels above the leaf grant */
	u8 pte_access;
	u64 gfn; /* of the address */
};

static bool read_gpte(bool smm, u64 gpa, u64 *gpte)
{
	u64 hva;
	if (!gpa_to_hva(smm, gpa, false, &hva))
		return false;
	get_user_page(hva >> PAGE_SHIFT);
	*gpte = host_read(hva, 8);
	return true;
}

static u8 gpte_access(u64 gpte)
{
	return (u8)(ACC_EXEC | (gpte & PT_WRITABLE ? ACC_WRITE : 0) | (gpte & PT_USER ? ACC_USER : 0));
}

/* Read-only as long as it is clean: the first write must be noticed, to make it dirty. */
static u8 protect_clean_gpte(u8 access, u64 gpte)
{
	return gpte & PT_DIRTY ? access : access & (u8)~ACC_WRITE;
}

static u64 gpte_gfn(u64 gpte)
{
	return (gpte & PTE_ADDRESS) >> PAGE_SHIFT;
}

static u64 gpte_gpa(const struct guest_walker *walker, u64 gva, int level)
{
	return (walker->table_gfn[level - 1] << PAGE_SHIFT) + table_index(gva, level) * 8;
}

/* That a table is written so goes unnoticed by its shadow. False if an entry is not any more what it
 * was: a table that is used at two levels changes under the walk. */
static bool update_accessed_dirty_bits(const struct vcpu *vcpu, struct guest_walker *walker, u64 gva,
				       bool write)
{
	for (int level = PT64_ROOT_LEVEL; level >= walker->level; level--) {
		u64 old = walker->ptes[level - 1], new = old | PT_ACCESSED, hva;
		if (write && level == walker->level)
			new |= PT_DIRTY;
		if (new == old || !gpa_to_hva(vcpu->smm, gpte_gpa(walker, gva, level), true, &hva))
			continue;
		if (host_read(hva, 8) != old)
			return false;
		host_write(hva, new, 8);
		walker->ptes[level - 1] = new;
	}
	return true;
}

static bool is_last_gpte(u64 gpte, int level)
{
	return level == PT_PAGE_TABLE_LEVEL || (level <= PT_PDPE_LEVEL && gpte & PT_LARGE);
}

/* From the root to the leaf. False if something is missing on the way. */
static bool walk_tables(const struct vcpu *vcpu, struct guest_walker *walker, u64 gva)
{
	u64 table = gpte_gfn(vcpu->cr3), gpte;
	walker->pt_access = walker->pte_access = ACC_ALL;
	for (walker->level = PT64_ROOT_LEVEL;; walker->level--) {
		int level = walker->level;
		walker->table_gfn[level - 1] = table;
		if (!read_gpte(vcpu->smm, gpte_gpa(walker, gva, level), &gpte) || !(gpte & PT_PRESENT))
			return false;
		walker->ptes[level - 1] = gpte;
		walker->pt_access = walker->pte_access;
		walker->pte_access &= gpte_access(gpte);
		table = gpte_gfn(gpte);
		if (is_last_gpte(gpte, level))
			break;
	}
	u64 within = pages_per_hpage(walker->level) - 1;
	walker->gfn = (table & ~within) | (gva >> PAGE_SHIFT & within);
	return true;
}

/* False if the guest's own tables forbid it. */
static bool walk_addr(const struct vcpu *vcpu, struct guest_walker *walker, u64 gva, bool write)
{
	do {
		if (!walk_tables(vcpu, walker, gva))
			return false;
		if (write && !(walker->pte_access & ACC_WRITE))
			return false;
	} while (!update_accessed_dirty_bits(vcpu, walker, gva, write));
	if (!write)
		walker->pte_access =
			protect_clean_gpte(walker->pte_access, walker->ptes[walker->level - 1]);
	return true;
}

static bool gpte_changed(const struct vcpu *vcpu, const struct guest_walker *walker, u64 gva, int level)
{
	u64 gpte;
	return !read_gpte(vcpu->smm, gpte_gpa(walker, gva, level), &gpte) ||
	       gpte != walker->ptes[level - 1];
}

/* ---------------------------------------------------------------------------------------------- */
/* Writing a leaf.                                                                                 */

/* What a mapping is to be. */
struct mapping {
	u64 gfn, pfn;
	u8 access;
	bool noslot;      /* there is no memory: an MMIO SPTE */
	bool write_fault;
	bool speculative; /* nobody has asked for it yet */
	bool host_writable;
};

enum { WRITE_PROTECTED_PT = 1, NEED_REMOTE_TLB_FLUSH = 2 };

/* Whether it is a shadowed table that must not be written; one of level 1 goes unsync instead. */
static bool mmu_need_write_protect(const struct vcpu *vcpu, u64 gfn, bool can_unsync)
{
	if (page_track_is_active(vcpu->smm, gfn))
		return true;
	for_each_gfn_indirect_valid_sp(sp, gfn) {
		if (!can_unsync)
			return true;
		if (!sp->unsync)
			kvm_unsync_page(sp);
	}
	return false;
}

/* @returns flags. */
static int set_spte(struct vcpu *vcpu, struct kvm_mmu_page *sp, u32 index, const struct mapping *map,
		    bool can_unsync)
{
	u64 *sptep = &sp->spt[index];
	u64 spte = spte_for_leaf(map->pfn, map->access, sp->level, map->host_writable);
	int result = 0;
	if (!map->speculative)
		spte |= accessed_mask();
	if (map->access & ACC_WRITE && map->host_writable) {
		const struct kvm_memory_slot *slot = gfn_to_memslot(vcpu->smm, map->gfn);
		/* A table in it has been shadowed since the level was chosen: the guest tries again. */
		if (sp->level > PT_PAGE_TABLE_LEVEL && (!slot || !lpage_allowed(slot, map->gfn, sp->level)))
			return 0;
		/* One that is writable needs no second look when it is synced. It counts as clean then. */
		if (!can_unsync && is_writable_pte(*sptep))
			spte |= PT_WRITABLE | SPTE_MMU_WRITEABLE;
		else if (mmu_need_write_protect(vcpu, map->gfn, can_unsync))
			result = WRITE_PROTECTED_PT;
		else
			spte |= PT_WRITABLE | SPTE_MMU_WRITEABLE | dirty_mask();
	}
	if (mmu_spte_update(sptep, spte))
		result |= NEED_REMOTE_TLB_FLUSH;
	return result;
}

/* What is present already may stay if it is the same translation. @returns whether something else
 * had to go. */
static bool make_way(struct kvm_mmu_page *sp, u32 index, const struct mapping *map)
{
	u64 spte = sp->spt[index];
	if (!is_shadow_present_pte(spte))
		return false;
	if (!is_last_spte(spte, sp->level)) {
		drop_parent_pte(child_of(spte), sp, index);
		return true;
	}
	if (!map->noslot && spte_to_pfn(spte) == map->pfn)
		return false;
	drop_spte(sp, index);
	return true;
}

static void rmap_recycle(const struct kvm_mmu_page *sp, u64 gfn)
{
	zap_rmap(slot_of_entry(sp, gfn), gfn, sp->level);
	kvm_flush_remote_tlbs("rmap_recycle");
}

/* @returns whether the access is to be emulated. */
static bool mmu_set_spte(struct vcpu *vcpu, struct kvm_mmu_page *sp, u32 index,
			 const struct mapping *map)
{
	bool flush = make_way(sp, index, map);
	if (map->noslot) {
		mark_mmio_spte(sp, index, vcpu->smm, map->gfn, map->access);
		if (flush)
			kvm_flush_remote_tlbs("mmu_set_spte");
		return true;
	}
	bool was_rmapped = is_shadow_present_pte(sp->spt[index]);
	int result = set_spte(vcpu, sp, index, map, true);
	if (result & WRITE_PROTECTED_PT)
		request_local_flush(vcpu);
	if (flush || result & NEED_REMOTE_TLB_FLUSH)
		kvm_flush_remote_tlbs("mmu_set_spte");
	if (!was_rmapped && is_shadow_present_pte(sp->spt[index]) &&
	    rmap_add(sp, index, map->gfn) > RMAP_RECYCLE_THRESHOLD)
		rmap_recycle(sp, map->gfn);
	return result & WRITE_PROTECTED_PT && map->write_fault;
}

static void drop_large_spte(struct kvm_mmu_page *sp, u32 index)
{
	if (!is_large_pte(sp->spt[index]))
		return;
	drop_spte(sp, index);
	kvm_flush_remote_tlbs("drop_large_spte");
}

/* --- walking the shadow --- */

struct shadow_walk {
	u64 address;
	struct kvm_mmu_page *sp;
	int level;
	u32 index;
};

static void shadow_walk_enter(struct shadow_walk *walk, struct kvm_mmu_page *sp)
{
	walk->sp = sp;
	walk->level = sp->level;
	walk->index = table_index(walk->address, sp->level);
}

/* False if there is no root. */
static bool shadow_walk_init(struct shadow_walk *walk, const struct vcpu *vcpu, u64 address)
{
	struct kvm_mmu_page *root = vcpu->roots[has_pae_roots(vcpu) ? address >> 30 & 3 : 0];
	walk->address = address;
	if (root)
		shadow_walk_enter(walk, root);
	return root;
}

static u64 *walk_spte(const struct shadow_walk *walk)
{
	return &walk->sp->spt[walk->index];
}

/* False at the end of the walk. */
static bool shadow_walk_next(struct shadow_walk *walk)
{
	u64 spte = *walk_spte(walk);
	if (!is_shadow_present_pte(spte) || is_last_spte(spte, walk->level))
		return false;
	shadow_walk_enter(walk, child_of(spte));
	return true;
}

/* Goes to where the walk ends. */
static bool shadow_walk_to_end(struct shadow_walk *walk, const struct vcpu *vcpu, u64 address)
{
	if (!shadow_walk_init(walk, vcpu, address))
		return false;
	while (shadow_walk_next(walk))
		;
	return true;
}

/* --- prefetch --- */

/* A slot whose pages may be mapped before anybody asks for them. */
static struct kvm_memory_slot *prefetch_slot(const struct vcpu *vcpu, u64 gfn, bool no_dirty_log)
{
	struct kvm_memory_slot *slot = visible_slot(vcpu->smm, gfn);
	if (!slot || slot->flags & KVM_MEM_READONLY)
		return NULL;
	return no_dirty_log && slot->flags & KVM_MEM_LOG_DIRTY_PAGES ? NULL : slot;
}

/* False: leave the rest of the group alone. */
static bool direct_pte_prefetch_many(struct vcpu *vcpu, struct kvm_mmu_page *sp, u32 start, u32 end)
{
	u64 gfn = sp->gfn + start;
	const struct kvm_memory_slot *slot = prefetch_slot(vcpu, gfn, sp->access & ACC_WRITE);
	if (!slot || gfn + (end - start) > slot->base_gfn + slot->npages)
		return false;
	u64 pfn = gfn_to_pfn(slot, gfn);
	if (!is_resident(pfn))
		return false;
	for (; start < end && is_resident(pfn); start++, gfn++, pfn++) {
		struct mapping map = {.gfn = gfn, .pfn = pfn, .access = sp->access,
				      .speculative = true, .host_writable = true};
		mmu_set_spte(vcpu, sp, start, &map);
	}
	return true;
}

/* In the group of eight around it, runs without a translation that end before one. */
static void direct_pte_prefetch(struct vcpu *vcpu, struct kvm_mmu_page *sp, u32 index)
{
	u32 first = index & ~(u32)(PTE_PREFETCH_NUM - 1), start = first;
	for (u32 i = first; i < first + PTE_PREFETCH_NUM; i++) {
		if (i != index && !is_shadow_present_pte(sp->spt[i]))
			continue;
		if (start < i && !direct_pte_prefetch_many(vcpu, sp, start, i))
			return;
		start = i + 1;
	}
}

/* Whether the guest's entry cannot be followed; then the shadow's goes. */
static bool prefetch_invalid_gpte(struct kvm_mmu_page *sp, u32 index, u64 gpte)
{
	if (gpte & PT_PRESENT && gpte & PT_ACCESSED)
		return false;
	drop_spte(sp, index);
	return true;
}

static bool prefetch_gpte(struct vcpu *vcpu, struct kvm_mmu_page *sp, u32 index, u64 gpte,
			  bool no_dirty_log)
{
	if (prefetch_invalid_gpte(sp, index, gpte))
		return false;
	u64 gfn = gpte_gfn(gpte);
	u8 access = protect_clean_gpte(sp->access & gpte_access(gpte), gpte);
	const struct kvm_memory_slot *slot =
		prefetch_slot(vcpu, gfn, no_dirty_log && access & ACC_WRITE);
	if (!slot || !is_resident(gfn_to_pfn(slot, gfn)))
		return false;
	struct mapping map = {.gfn = gfn, .pfn = gfn_to_pfn(slot, gfn), .access = access,
			      .speculative = true, .host_writable = true};
	mmu_set_spte(vcpu, sp, index, &map);
	return true;
}

static void pte_prefetch(struct vcpu *vcpu, struct kvm_mmu_page *sp, u32 index)
{
	if (sp->level > PT_PAGE_TABLE_LEVEL)
		return;
	if (sp->direct) {
		direct_pte_prefetch(vcpu, sp, index);
		return;
	}
	u32 first = index & ~(u32)(PTE_PREFETCH_NUM - 1);
	for (u32 i = first; i < first + PTE_PREFETCH_NUM; i++) {
		u64 gpte;
		if (i == index || is_shadow_present_pte(sp->spt[i]))
			continue;
		if (!read_gpte(vcpu->smm, (sp->gfn << PAGE_SHIFT) + i * 8, &gpte) ||
		    !prefetch_gpte(vcpu, sp, i, gpte, true))
			return;
	}
}

/* --- bringing into step --- */

/* @returns flags of set_spte; counts what is left. */
static int sync_entry(struct vcpu *vcpu, struct kvm_mmu_page *sp, u32 index, u64 gpte, int *left)
{
	if (prefetch_invalid_gpte(sp, index, gpte)) {
		vm.tlbs_dirty = true;
		return 0;
	}
	u64 spte = sp->spt[index], gfn = gpte_gfn(gpte);
	u8 access = protect_clean_gpte(sp->access & gpte_access(gpte), gpte);
	if (is_mmio_spte(spte)) {
		if (gfn != get_mmio_spte_gfn(spte)) {
			sp->spt[index] = 0;
			return 0;
		}
		++*left;
		mark_mmio_spte(sp, index, vcpu->smm, gfn, access);
		return 0;
	}
	if (gfn != sp->gfns[index]) {
		drop_spte(sp, index);
		vm.tlbs_dirty = true;
		return 0;
	}
	++*left;
	struct mapping map = {.gfn = gfn, .pfn = spte_to_pfn(spte), .access = access,
			      .speculative = true, .host_writable = spte & SPTE_HOST_WRITEABLE};
	return set_spte(vcpu, sp, index, &map, false);
}

/* @returns how many entries are left in it. */
static int sync_page(struct vcpu *vcpu, struct kvm_mmu_page *sp)
{
	int left = 0, result = 0;
	if (!is_paging(vcpu))
		return 0;
	for (u32 i = 0; i < ENTRIES; i++) {
		u64 gpte;
		if (!sp->spt[i])
			continue;
		if (!read_gpte(vcpu->smm, (sp->gfn << PAGE_SHIFT) + i * 8, &gpte))
			return 0;
		result |= sync_entry(vcpu, sp, i, gpte, &left);
	}
	if (result & NEED_REMOTE_TLB_FLUSH)
		kvm_flush_remote_tlbs("sync_page");
	return left;
}

/* ---------------------------------------------------------------------------------------------- */
/* Roots.                                                                                          */

static void clear_mmio_gva(struct vcpu *vcpu)
{
	vcpu->mmio.gva = 0;
}

static void mmu_free_root_page(struct kvm_mmu_page **root, struct list *invalid_list)
{
	struct kvm_mmu_page *sp = *root;
	*root = NULL;
	if (sp && !--sp->root_count && sp->invalid)
		kvm_mmu_prepare_zap_page(sp, invalid_list);
}

static bool has_roots(const struct vcpu *vcpu, bool previous)
{
	bool any = vcpu->roots[0];
	for (int i = 0; previous && i < KVM_MMU_NUM_PREV_ROOTS; i++)
		any |= vcpu->prev_roots[i].sp != NULL;
	return any;
}

static void kvm_mmu_free_roots(struct vcpu *vcpu, bool previous)
{
	struct list invalid_list;
	list_init(&invalid_list);
	if (!has_roots(vcpu, previous))
		return;
	mmu_lock();
	for (int i = 0; previous && i < KVM_MMU_NUM_PREV_ROOTS; i++)
		mmu_free_root_page(&vcpu->prev_roots[i].sp, &invalid_list);
	for (int i = 0; i < 4; i++)
		mmu_free_root_page(&vcpu->roots[i], &invalid_list);
	kvm_mmu_commit_zap_page(&invalid_list);
	mmu_unlock();
}

static void kvm_mmu_unload(struct vcpu *vcpu)
{
	kvm_mmu_free_roots(vcpu, true);
}

static void kvm_mmu_sync_roots(struct vcpu *vcpu)
{
	if (!is_paging(vcpu) || !vcpu->roots[0])
		return;
	clear_mmio_gva(vcpu);
	if (!vcpu->roots[0]->unsync && !vcpu->roots[0]->unsync_children)
		return;
	mmu_lock();
	mmu_sync_children(vcpu, vcpu->roots[0]);
	mmu_unlock();
}

enum access_end { GOES_ON, HIT, MAPPED, EMULATED, MMIO, GUEST_FAULT, TRIPLE_FAULT, NO_SPACE,
		  FETCH_FROM_MMIO };

static const char *const outcome_names[] = {
	[HIT] = "hit", [MAPPED] = "mapped", [EMULATED] = "emulated", [MMIO] = "mmio",
	[GUEST_FAULT] = "guest-fault", [TRIPLE_FAULT] = "triple-fault", [NO_SPACE] = "ENOSPC",
	[FETCH_FROM_MMIO] = "fetch-from-mmio",
};

static enum access_end load_root(struct vcpu *vcpu, int i, u64 gfn, int level, bool direct)
{
	mmu_lock();
	if (!make_mmu_pages_available()) {
		mmu_unlock();
		return NO_SPACE;
	}
	vcpu->roots[i] = kvm_mmu_get_page(vcpu, gfn, level, direct, ACC_ALL);
	vcpu->roots[i]->root_count++;
	mmu_unlock();
	return GOES_ON;
}

static enum access_end mmu_alloc_roots(struct vcpu *vcpu)
{
	enum access_end end = GOES_ON;
	if (is_paging(vcpu)) {
		if (!visible_slot(vcpu->smm, gpte_gfn(vcpu->cr3)))
			return TRIPLE_FAULT;
		return load_root(vcpu, 0, gpte_gfn(vcpu->cr3), PT64_ROOT_LEVEL, false);
	}
	if (!has_pae_roots(vcpu))
		return load_root(vcpu, 0, 0, PT64_ROOT_LEVEL, true);
	for (int i = 0; i < 4 && end == GOES_ON; i++)
		end = load_root(vcpu, i, (u64)i << 18, PT_DIRECTORY_LEVEL, true);
	return end;
}

static enum access_end kvm_mmu_load(struct vcpu *vcpu)
{
	enum access_end end = mmu_alloc_roots(vcpu);
	if (end != GOES_ON) {
		kvm_mmu_free_roots(vcpu, false);
		return end;
	}
	kvm_mmu_sync_roots(vcpu);
	tlb_flush(vcpu);
	return GOES_ON;
}

/* Whether the previous root for this CR3 could be taken. The current one goes in front of them. */
static bool fast_cr3_switch(struct vcpu *vcpu, u64 cr3)
{
	if (!is_paging(vcpu) || !visible_slot(vcpu->smm, gpte_gfn(cr3)))
		return false;
	struct prev_root root = {vcpu->cr3, vcpu->roots[0]};
	bool found = false;
	for (int i = 0; i < KVM_MMU_NUM_PREV_ROOTS && !found; i++) {
		struct prev_root previous = vcpu->prev_roots[i];
		vcpu->prev_roots[i] = root;
		root = previous;
		found = root.cr3 == cr3 && root.sp && !root.sp->invalid && root.sp->smm == vcpu->smm;
	}
	vcpu->roots[0] = root.sp;
	if (!found)
		return false;
	vcpu->requests |= KVM_REQ_MMU_SYNC;
	tlb_flush(vcpu);
	clear_mmio_gva(vcpu);
	vcpu->roots[0]->write_flooding_count = 0;
	return true;
}

static void kvm_set_cr3(struct vcpu *vcpu, u64 cr3)
{
	if (cr3 == vcpu->cr3) {
		kvm_mmu_sync_roots(vcpu);
		request_local_flush(vcpu);
		return;
	}
	if (!fast_cr3_switch(vcpu, cr3))
		kvm_mmu_free_roots(vcpu, false);
	vcpu->cr3 = cr3;
}

/* The entry for the address in one root, where it may be out of step. */
static void invlpg_in_root(struct vcpu *vcpu, u64 gva, struct kvm_mmu_page *root)
{
	struct shadow_walk walk = {.address = gva};
	mmu_lock();
	shadow_walk_enter(&walk, root);
	do {
		u64 gpte;
		if (is_last_spte(*walk_spte(&walk), walk.level)) {
			if (!walk.sp->unsync)
				break;
			if (mmu_page_zap_pte(walk.sp, walk.index))
				kvm_flush_remote_tlbs("invlpg");
			if (read_gpte(vcpu->smm, (walk.sp->gfn << PAGE_SHIFT) + walk.index * 8, &gpte))
				prefetch_gpte(vcpu, walk.sp, walk.index, gpte, false);
			break;
		}
	} while (walk.sp->unsync_children && shadow_walk_next(&walk));
	mmu_unlock();
}

static void kvm_mmu_invlpg(struct vcpu *vcpu, u64 gva)
{
	if (is_paging(vcpu)) {
		if (vcpu->mmio.gva == (gva & ~(u64)(PAGE_SIZE - 1)))
			clear_mmio_gva(vcpu);
		if (vcpu->roots[0])
			invlpg_in_root(vcpu, gva, vcpu->roots[0]);
		for (int i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++)
			if (vcpu->prev_roots[i].sp)
				invlpg_in_root(vcpu, gva, vcpu->prev_roots[i].sp);
	}
	tlb_flush_gva(vcpu, gva);
}

/* What was asked of the vCPU, before it enters the guest. */
static enum access_end prepare_to_enter(struct vcpu *vcpu)
{
	enum access_end end = GOES_ON;
	srcu_read_lock();
	while (end == GOES_ON && (vcpu->requests || !vcpu->roots[0])) {
		u32 requests = vcpu->requests;
		vcpu->requests = 0;
		if (requests & KVM_REQ_MMU_RELOAD)
			kvm_mmu_unload(vcpu);
		if (requests & KVM_REQ_MMU_SYNC)
			kvm_mmu_sync_roots(vcpu);
		if (requests & KVM_REQ_TLB_FLUSH)
			tlb_flush(vcpu);
		if (!vcpu->roots[0])
			end = kvm_mmu_load(vcpu);
	}
	srcu_read_unlock();
	return end;
}

/* ---------------------------------------------------------------------------------------------- */
/* Faults.                                                                                         */

/* An access of a guest, and how it ends. */
struct access {
	struct vcpu *vcpu;
	u64 address, value;
	enum kind kind;
	u32 size;
	bool faulted;
	const char *via;
	u64 gpa, hva;
	bool taken_back;
};

enum fault_end { RET_PF_RETRY, RET_PF_EMULATE, RET_PF_INVALID };

static const char via_cache[] = "cache", via_spte[] = "spte", via_fault[] = "fault";

/* --- the per-vCPU MMIO cache: follows address space 0 only (erratum E5) --- */

static void vcpu_cache_mmio_info(struct vcpu *vcpu, u64 gva, u64 gfn, u8 access)
{
	stop_at(S_CACHE_FILL);
	u64 generation = published_generation(false);
	if (generation & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS)
		return;
	vcpu->mmio.gva = gva & ~(u64)(PAGE_SIZE - 1);
	vcpu->mmio.gfn = gfn;
	vcpu->mmio.access = access;
	vcpu->mmio.generation = generation;
	EMIT(E_CACHE_FILL, vcpu->id, vcpu->mmio.gva, gfn, generation);
}

static bool vcpu_match_mmio_gen(const struct vcpu *vcpu)
{
	return vcpu->mmio.generation == published_generation(false);
}

static bool vcpu_match_mmio_gva(const struct vcpu *vcpu, u64 gva)
{
	return vcpu_match_mmio_gen(vcpu) && vcpu->mmio.gva &&
	       vcpu->mmio.gva == (gva & ~(u64)(PAGE_SIZE - 1));
}

static bool vcpu_match_mmio_gpa(const struct vcpu *vcpu, u64 gpa)
{
	return vcpu_match_mmio_gen(vcpu) && vcpu->mmio.gfn && vcpu->mmio.gfn == gpa >> PAGE_SHIFT;
}

static bool mmio_info_in_cache(const struct vcpu *vcpu, u64 address)
{
	return is_paging(vcpu) ? vcpu_match_mmio_gva(vcpu, address)
			       : vcpu_match_mmio_gpa(vcpu, address);
}

/* --- the CPU met an MMIO SPTE --- */

static enum fault_end handle_mmio_page_fault(struct access *access)
{
	struct vcpu *vcpu = access->vcpu;
	struct shadow_walk walk;
	if (mmio_info_in_cache(vcpu, access->address)) {
		EMIT(E_CACHE_HIT, vcpu->id, vcpu->mmio.gfn);
		access->via = via_cache;
		return RET_PF_EMULATE;
	}
	if (!shadow_walk_to_end(&walk, vcpu, access->address) || !is_mmio_spte(*walk_spte(&walk)))
		return RET_PF_RETRY;
	u64 spte = *walk_spte(&walk), gfn = get_mmio_spte_gfn(spte);
	stop_at(S_CHECK);
	if (!check_mmio_spte(vcpu->smm, spte))
		return RET_PF_INVALID;
	u64 gva = is_paging(vcpu) ? access->address : 0;
	EMIT(E_MMIO_FAULT, gva, gfn, get_mmio_spte_access(spte));
	vcpu_cache_mmio_info(vcpu, gva, gfn, get_mmio_spte_access(spte));
	access->via = via_spte;
	return RET_PF_EMULATE;
}

/* --- the ordinary path --- */

/* Whether the leaf allows the write by now, or again without mmu_lock. */
static bool fast_page_fault(const struct access *access, u32 error_code)
{
	struct shadow_walk walk;
	if ((error_code & (PFERR_PRESENT | PFERR_WRITE)) != (PFERR_PRESENT | PFERR_WRITE) ||
	    error_code & (PFERR_RSVD | PFERR_FETCH))
		return false;
	if (!shadow_walk_to_end(&walk, access->vcpu, access->address))
		return false;
	u64 *sptep = walk_spte(&walk);
	if (!is_shadow_present_pte(*sptep))
		return false;
	if (is_writable_pte(*sptep))
		return true;
	if (!spte_can_locklessly_be_made_writable(*sptep) || walk.level > PT_PAGE_TABLE_LEVEL)
		return false;
	*sptep |= PT_WRITABLE | dirty_mask();
	return true;
}

/* Looks up what is at map->gfn, and fills the cache if that is nothing. False: emulate. */
static bool find_memory(struct access *access, struct mapping *map)
{
	struct vcpu *vcpu = access->vcpu;
	const struct kvm_memory_slot *slot = visible_slot(vcpu->smm, map->gfn);
	bool read_only = slot && slot->flags & KVM_MEM_READONLY;
	map->noslot = !slot;
	map->write_fault = access->kind == WRITE;
	map->host_writable = !read_only;
	if (slot && !(read_only && map->write_fault)) {
		map->pfn = gfn_to_pfn(slot, map->gfn);
		get_user_page(map->pfn);
	}
	stop_at(S_LOOKED_UP);
	if (read_only && map->write_fault)
		return false;
	if (map->noslot)
		vcpu_cache_mmio_info(vcpu, is_paging(vcpu) ? access->address : 0, map->gfn, map->access);
	return true;
}

/* Takes mmu_lock, unless what was found out without it does not hold any more. */
static bool lock_for_mapping(const struct mapping *map, u64 mmu_seq)
{
	mmu_lock();
	if (vm.mmu_notifier_count || vm.mmu_notifier_seq != mmu_seq || !make_mmu_pages_available()) {
		mmu_unlock();
		return false;
	}
	if (map->noslot)
		stop_at(S_MARK);
	return true;
}

static void __direct_map(struct access *access, int level, const struct mapping *map)
{
	struct vcpu *vcpu = access->vcpu;
	struct shadow_walk walk;
	if (!shadow_walk_init(&walk, vcpu, access->address))
		return;
	for (; walk.level > level; shadow_walk_next(&walk)) {
		drop_large_spte(walk.sp, walk.index);
		if (is_shadow_present_pte(*walk_spte(&walk)))
			continue;
		u64 gfn = (access->address >> PAGE_SHIFT) & ~(pages_per_hpage(walk.level) - 1);
		link_shadow_page(walk.sp, walk.index,
				 kvm_mmu_get_page(vcpu, gfn, walk.level - 1, true, ACC_ALL));
	}
	mmu_set_spte(vcpu, walk.sp, walk.index, map);
	if (walk.level == PT_PAGE_TABLE_LEVEL)
		direct_pte_prefetch(vcpu, walk.sp, walk.index);
}

static bool write_to_present(u32 error_code)
{
	return error_code & PFERR_PRESENT && error_code & PFERR_WRITE && !(error_code & PFERR_RSVD);
}

static enum fault_end direct_page_fault(struct access *access, u32 error_code)
{
	struct vcpu *vcpu = access->vcpu;
	u64 gfn = access->address >> PAGE_SHIFT, mmu_seq = vm.mmu_notifier_seq;
	if (write_to_present(error_code) && page_track_is_active(vcpu->smm, gfn))
		return RET_PF_EMULATE;
	int level = mapping_level(vcpu->smm, gfn,
				  has_pae_roots(vcpu) ? PT_DIRECTORY_LEVEL : PT_PDPE_LEVEL);
	if (fast_page_fault(access, error_code))
		return RET_PF_RETRY;
	struct mapping map = {.gfn = gfn & ~(pages_per_hpage(level) - 1), .access = ACC_ALL};
	if (!find_memory(access, &map))
		return RET_PF_EMULATE;
	if (!lock_for_mapping(&map, mmu_seq))
		return RET_PF_RETRY;
	__direct_map(access, level, &map);
	mmu_unlock();
	return map.noslot ? RET_PF_EMULATE : RET_PF_RETRY;
}

/* --- a guest with page tables of its own --- */

static void shadow_page_table_clear_flood(const struct vcpu *vcpu, u64 gva)
{
	struct shadow_walk walk;
	if (!shadow_walk_init(&walk, vcpu, gva))
		return;
	do
		walk.sp->write_flooding_count = 0;
	while (shadow_walk_next(&walk));
}

/* Whether the guest could write one of its own tables through this leaf. */
static bool is_self_change_mapping(const struct guest_walker *walker)
{
	u64 within = pages_per_hpage(walker->level) - 1;
	if (!(walker->pte_access & ACC_WRITE))
		return false;
	for (int level = walker->level; level <= PT64_ROOT_LEVEL; level++)
		if (!((walker->gfn ^ walker->table_gfn[level - 1]) & ~within))
			return true;
	return false;
}

/* A direct page under a large guest page has the access of the leaf. */
static void validate_direct_spte(struct kvm_mmu_page *sp, u32 index, u8 access)
{
	u64 spte = sp->spt[index];
	if (!is_shadow_present_pte(spte) || is_large_pte(spte) || child_of(spte)->access == access)
		return;
	drop_parent_pte(child_of(spte), sp, index);
	kvm_flush_remote_tlbs("validate_direct_spte");
}

/* The shadow of a guest's table. False if the guest has changed it meanwhile. */
static bool fetch_guest_table(struct vcpu *vcpu, const struct guest_walker *walker,
			      struct shadow_walk *walk)
{
	struct kvm_mmu_page *sp = NULL;
	walk->sp->write_flooding_count = 0;
	drop_large_spte(walk->sp, walk->index);
	if (!is_shadow_present_pte(*walk_spte(walk)))
		sp = kvm_mmu_get_page(vcpu, walker->table_gfn[walk->level - 2], walk->level - 1, false,
				      walker->pt_access);
	if (gpte_changed(vcpu, walker, walk->address, walk->level - 1))
		return false;
	if (sp)
		link_shadow_page(walk->sp, walk->index, sp);
	return shadow_walk_next(walk);
}

/* A table below the guest's large page. */
static void fetch_direct_table(struct vcpu *vcpu, const struct guest_walker *walker,
			       struct shadow_walk *walk)
{
	u64 gfn = walker->gfn & ~(pages_per_hpage(walk->level) - 1);
	walk->sp->write_flooding_count = 0;
	validate_direct_spte(walk->sp, walk->index, walker->pte_access);
	drop_large_spte(walk->sp, walk->index);
	if (!is_shadow_present_pte(*walk_spte(walk)))
		link_shadow_page(walk->sp, walk->index,
				 kvm_mmu_get_page(vcpu, gfn, walk->level - 1, true, walker->pte_access));
	shadow_walk_next(walk);
}

static enum fault_end fetch(struct access *access, const struct guest_walker *walker, int level,
			    const struct mapping *map)
{
	struct vcpu *vcpu = access->vcpu;
	struct shadow_walk walk;
	if (!shadow_walk_init(&walk, vcpu, access->address) ||
	    gpte_changed(vcpu, walker, access->address, PT64_ROOT_LEVEL))
		return RET_PF_RETRY;
	while (walk.level > walker->level)
		if (!fetch_guest_table(vcpu, walker, &walk))
			return RET_PF_RETRY;
	while (walk.level > level)
		fetch_direct_table(vcpu, walker, &walk);
	walk.sp->write_flooding_count = 0;
	bool emulate = mmu_set_spte(vcpu, walk.sp, walk.index, map);
	pte_prefetch(vcpu, walk.sp, walk.index);
	return emulate ? RET_PF_EMULATE : RET_PF_RETRY;
}

static enum fault_end paging64_page_fault(struct access *access, u32 error_code,
					  enum access_end *end)
{
	struct vcpu *vcpu = access->vcpu;
	struct guest_walker walker;
	u64 mmu_seq = vm.mmu_notifier_seq;
	int level = PT_PAGE_TABLE_LEVEL;
	if (!walk_addr(vcpu, &walker, access->address, access->kind == WRITE)) {
		*end = GUEST_FAULT;
		return RET_PF_RETRY;
	}
	if (write_to_present(error_code) && page_track_is_active(vcpu->smm, walker.gfn)) {
		shadow_page_table_clear_flood(vcpu, access->address);
		return RET_PF_EMULATE;
	}
	if (walker.level > PT_PAGE_TABLE_LEVEL && !is_self_change_mapping(&walker))
		level = mapping_level(vcpu->smm, walker.gfn, walker.level);
	walker.gfn &= ~(pages_per_hpage(level) - 1);
	struct mapping map = {.gfn = walker.gfn, .access = walker.pte_access};
	if (!find_memory(access, &map))
		return RET_PF_EMULATE;
	if (!lock_for_mapping(&map, mmu_seq))
		return RET_PF_RETRY;
	enum fault_end result = fetch(access, &walker, level, &map);
	mmu_unlock();
	return result;
}

/* ---------------------------------------------------------------------------------------------- */
/* Emulation, and accesses as a whole.                                                             */

static bool detect_write_misaligned(u64 gpa, u32 size)
{
	u64 offset = gpa % PAGE_SIZE;
	if (!(offset & 7) && size == 1)
		return false;
	return (offset ^ (offset + size - 1)) & ~7ULL || size < 4;
}

static bool detect_write_flooding(struct kvm_mmu_page *sp)
{
	return sp->level > PT_PAGE_TABLE_LEVEL && ++sp->write_flooding_count >= 3;
}

static bool need_remote_flush(u64 old, u64 new)
{
	if (!is_shadow_present_pte(old))
		return false;
	if (!is_shadow_present_pte(new) || (old ^ new) & PTE_ADDRESS)
		return true;
	return old & ~new & (PT_PRESENT | PT_WRITABLE | PT_USER);
}

/* The entry at `gpa` in one shadow page. @returns whether other vCPUs must flush. */
static bool write_one_spte(struct vcpu *vcpu, struct kvm_mmu_page *sp, u64 gpa, u64 gentry)
{
	u32 index = gpa % PAGE_SIZE / 8;
	u64 old = sp->spt[index];
	mmu_page_zap_pte(sp, index);
	if (gentry && is_paging(vcpu) && sp->smm == vcpu->smm && sp->level == PT_PAGE_TABLE_LEVEL)
		prefetch_gpte(vcpu, sp, index, gentry, false);
	return need_remote_flush(old, sp->spt[index]);
}

/* KVM has written guest memory: what shadows it must follow. */
static void kvm_mmu_pte_write(struct vcpu *vcpu, u64 gpa, u32 size)
{
	bool remote_flush = false, local_flush = false;
	u64 gentry = 0;
	struct list invalid_list;
	if (!vm.indirect_shadow_pages)
		return;
	list_init(&invalid_list);
	mmu_lock();
	if (is_paging(vcpu) && size == 4) {
		gpa &= ~7ULL;
		size = 8;
	}
	if (size >= 4 && !read_gpte(vcpu->smm, gpa & ~7ULL, &gentry))
		gentry = 0;
	for_each_gfn_indirect_valid_sp(sp, gpa >> PAGE_SHIFT) {
		if (detect_write_misaligned(gpa, size) || detect_write_flooding(sp)) {
			kvm_mmu_prepare_zap_page(sp, &invalid_list);
			continue;
		}
		local_flush = true;
		remote_flush |= write_one_spte(vcpu, sp, gpa, gentry);
	}
	kvm_mmu_flush_or_zap(vcpu, &invalid_list, remote_flush, local_flush);
	mmu_unlock();
}

/* What shadows the page at the address goes: the access may then need no emulation. */
static void unprotect_page(struct vcpu *vcpu, u64 gva)
{
	struct guest_walker walker;
	struct list invalid_list;
	u64 gfn = gva >> PAGE_SHIFT;
	if (is_paging(vcpu))
		gfn = walk_addr(vcpu, &walker, gva, true) ? walker.gfn : NO_GFN;
	list_init(&invalid_list);
	mmu_lock();
	for_each_gfn_indirect_valid_sp(sp, gfn)
		kvm_mmu_prepare_zap_page(sp, &invalid_list);
	kvm_mmu_commit_zap_page(&invalid_list);
	mmu_unlock();
}

/* Whether the guest is to try once more before anything is emulated. */
static bool retry_instruction(const struct access *access)
{
	struct vcpu *vcpu = access->vcpu;
	bool noted = vcpu->retry_noted && vcpu->retry_address == access->address;
	vcpu->retry_noted = false;
	if (access->via != via_fault || access->kind == WRITE || noted)
		return false;
	if (mmio_info_in_cache(vcpu, access->address))
		return false;
	vcpu->retry_noted = true;
	vcpu->retry_address = access->address;
	unprotect_page(vcpu, access->address);
	return true;
}

/* Whether it is MMIO without a look at the slots. Finds the guest physical address. */
static enum access_end translate_for_emulation(struct access *access)
{
	struct vcpu *vcpu = access->vcpu;
	struct guest_walker walker;
	bool write = access->kind == WRITE;
	access->gpa = access->address;
	if (is_paging(vcpu)) {
		u64 offset = access->address % PAGE_SIZE;
		if (vcpu_match_mmio_gva(vcpu, access->address) &&
		    (!write || vcpu->mmio.access & ACC_WRITE)) {
			access->gpa = (vcpu->mmio.gfn << PAGE_SHIFT) + offset;
			return MMIO;
		}
		if (!walk_addr(vcpu, &walker, access->address, write))
			return GUEST_FAULT;
		access->gpa = (walker.gfn << PAGE_SHIFT) + offset;
	}
	return vcpu_match_mmio_gpa(vcpu, access->gpa) ? MMIO : GOES_ON;
}

static enum access_end x86_emulate_instruction(struct access *access)
{
	struct vcpu *vcpu = access->vcpu;
	bool write = access->kind == WRITE;
	stop_at(S_EMULATE);
	if (retry_instruction(access))
		return GOES_ON;
	if (access->kind == FETCH)
		return FETCH_FROM_MMIO;
	enum access_end end = translate_for_emulation(access);
	if (end != GOES_ON)
		return end;
	if (!gpa_to_hva(vcpu->smm, access->gpa, write, &access->hva))
		return MMIO;
	get_user_page(access->hva >> PAGE_SHIFT);
	if (write) {
		host_write(access->hva, access->value, access->size);
		kvm_mmu_pte_write(vcpu, access->gpa, access->size);
	} else {
		access->value = host_read(access->hva, access->size);
	}
	return EMULATED;
}

static enum access_end kvm_mmu_page_fault(struct access *access, u32 error_code)
{
	enum fault_end result = RET_PF_INVALID;
	enum access_end end = GOES_ON;
	if (error_code & PFERR_RSVD)
		result = handle_mmio_page_fault(access);
	if (result == RET_PF_INVALID) {
		access->via = via_fault;
		result = is_paging(access->vcpu) ? paging64_page_fault(access, error_code, &end)
						 : direct_page_fault(access, error_code);
	}
	return result == RET_PF_EMULATE ? x86_emulate_instruction(access) : end;
}

/* Of a fault at this entry. */
static u32 error_code_for(const struct access *access, u64 spte)
{
	u32 error_code = vm.paging == SHADOW ? 0 : PFERR_USER;
	if (access->kind != READ)
		error_code |= access->kind == WRITE ? PFERR_WRITE : PFERR_FETCH;
	if (is_mmio_spte(spte))
		error_code |= cpu_tells_mmio() ? PFERR_RSVD : 0;
	else if (spte)
		error_code |= PFERR_PRESENT;
	return error_code;
}

/* What the CPU does: its TLB, then the tables. Sets the error code if that fails. */
static bool translate(struct access *access, u64 *hva, u32 *error_code)
{
	struct vcpu *vcpu = access->vcpu;
	struct shadow_walk walk;
	bool write = access->kind == WRITE;
	const struct translation *found = tlb_lookup(vcpu, access->address, write, hva);
	if (found) {
		access->taken_back = taken_back_since(*hva >> PAGE_SHIFT, found->made);
		return true;
	}
	u64 spte = 0;
	if (shadow_walk_to_end(&walk, vcpu, access->address))
		spte = *walk_spte(&walk);
	if (!is_shadow_present_pte(spte) || (write && !is_writable_pte(spte))) {
		*error_code = error_code_for(access, spte);
		if (*error_code & PFERR_PRESENT)
			tlb_flush_gva(vcpu, access->address);
		return false;
	}
	*walk_spte(&walk) |= accessed_mask() | (write ? dirty_mask() : 0);
	tlb_insert(vcpu, access->address, walk.level, spte);
	return tlb_lookup(vcpu, access->address, write, hva);
}

static void reach_memory(struct access *access, u64 page_hva)
{
	access->hva = page_hva + access->address % PAGE_SIZE;
	if (access->taken_back) /* somebody else's: not modelled */
		return;
	if (access->kind == WRITE)
		host_write(access->hva, access->value, access->size);
	else
		access->value = host_read(access->hva, access->size);
}

enum { MANY_FAULTS = 100000 };

static enum access_end guest_access(struct access *access)
{
	struct vcpu *vcpu = access->vcpu;
	for (int faults = 0; faults < MANY_FAULTS; faults++) {
		u64 hva;
		u32 error_code = 0;
		enum access_end end = GOES_ON;
		stop_at(S_GUEST_ENTER);
		if (vcpu->requests || !vcpu->roots[0])
			end = prepare_to_enter(vcpu);
		if (end != GOES_ON)
			return end;
		if (translate(access, &hva, &error_code)) {
			reach_memory(access, hva);
			return faults ? MAPPED : HIT;
		}
		srcu_read_lock();
		EMIT(E_PAGE_FAULT, vcpu->id, access->address, error_code);
		vm.counters[FAULTS]++;
		end = kvm_mmu_page_fault(access, error_code);
		srcu_read_unlock();
		if (end != GOES_ON)
			return end;
		wait_until(no_notifier, 0);
	}
	fail(GIVES_UP, "the guest faults for ever");
}

/* ---------------------------------------------------------------------------------------------- */
/* Steps: each reads its fields, acts, and writes the fields of its result.                        */

static struct vcpu *need_vcpu(const struct json *step)
{
	u64 id = need_int(step, "vcpu", 0, MAX_VCPUS - 1);
	if (id >= vm.vcpu_count)
		invalid("there is no such vCPU");
	return vm.vcpus[id];
}

/* An address of this vCPU as it runs now. */
static u64 need_address(const struct json *step, const struct vcpu *vcpu)
{
	return need_hex(step, is_paging(vcpu) ? "gva" : "gpa");
}

static void step_create_vcpu(const struct json *step, struct text *to)
{
	if (sched.current != &sched.main)
		invalid("create_vcpu in a thread");
	if (vm.vcpu_count == MAX_VCPUS)
		invalid("too many vCPUs");
	u64 cr3 = hex_or(step, "cr3", 0);
	struct vcpu *vcpu = allocate(sizeof(*vcpu));
	vcpu->id = vm.vcpu_count;
	vcpu->cr3 = cr3;
	vcpu->long_mode = vm.paging == SHADOW && get(step, "cr3");
	vm.vcpus[vm.vcpu_count++] = vcpu;
	field_int(to, "vcpu", vcpu->id);
}

static void step_set_memory_region(const struct json *step, struct text *to)
{
	struct region region = {
		.as = (u32)int_or(step, "as", 0, 65535, 0),
		.id = (u32)need_int(step, "slot", 0, 65535),
		.flags = (u32)int_or(step, "flags", 0, UINT32_MAX, 0),
		.gpa = need_hex(step, "gpa"),
		.size = need_hex(step, "size"),
		.hva = need_hex(step, "hva"),
	};
	field_text(to, "result", kvm_set_memory_region(&region));
}

static void put_access(struct text *to, const struct access *access, enum access_end end)
{
	field_text(to, "outcome", outcome_names[end]);
	if (end == MMIO) {
		field_text(to, "via", access->via);
		field_hex(to, "gpa", access->gpa);
	}
	if (end != HIT && end != MAPPED && end != EMULATED)
		return;
	if (access->taken_back)
		field_text(to, "hva", "taken-back");
	else
		field_hex(to, "hva", access->hva);
	field_hex(to, "value", access->value);
}

static u32 size_or_8(const struct json *step)
{
	u64 size = int_or(step, "size", 1, 8, 8);
	if (size & (size - 1))
		invalid("size");
	return (u32)size;
}

static void perform_access(struct access *access, struct text *to)
{
	if (access->address % PAGE_SIZE + access->size > PAGE_SIZE)
		invalid("the access crosses the end of a page");
	if (access->size < 8)
		access->value &= BIT(8 * access->size) - 1;
	enum access_end end = guest_access(access);
	put_access(to, access, end);
}

static void step_access(const struct json *step, struct text *to)
{
	static const char *const kinds[] = {"read", "write", "fetch"};
	const struct json *kind = get(step, "kind");
	struct vcpu *vcpu = need_vcpu(step);
	struct access access = {
		.vcpu = vcpu,
		.address = need_address(step, vcpu),
		.kind = kind ? (enum kind)to_name(kind, kinds, 3, "kind") : READ,
		.size = size_or_8(step),
		.value = hex_or(step, "value", 0),
	};
	perform_access(&access, to);
}

/* Userspace writes guest memory; KVM does not notice. */
static void write_as_userspace(u64 gpa, u64 value)
{
	u64 hva;
	if (!gpa_to_hva(false, gpa, false, &hva))
		fail(GIVES_UP, "userspace writes where the guest has no memory");
	host_write(hva, value, 8);
}

static void step_write_guest_table(const struct json *step, struct text *to)
{
	u64 entry = need_hex(step, "entry");
	if (get(step, "gpa")) {
		u64 gpa = need_hex(step, "gpa");
		if (gpa % PAGE_SIZE > PAGE_SIZE - 8)
			invalid("the entry crosses the end of a page");
		write_as_userspace(gpa, entry);
		return;
	}
	struct access access = {
		.vcpu = need_vcpu(step),
		.address = need_hex(step, "gva"),
		.kind = WRITE,
		.size = size_or_8(step),
		.value = entry,
	};
	perform_access(&access, to);
}

/* The table that the entry leads to; a new one is the next page after the root. */
static u64 guest_table_below(u64 root, u64 entry_gpa)
{
	u64 entry;
	if (!read_gpte(false, entry_gpa, &entry))
		fail(GIVES_UP, "the guest has no memory for its tables");
	if (entry & PT_PRESENT)
		return entry & PTE_ADDRESS;
	count_add(&vm.table_pages, root, 1);
	u64 table = root + count_of(&vm.table_pages, root) * PAGE_SIZE;
	write_as_userspace(entry_gpa, table | PT_PRESENT | PT_WRITABLE | PT_USER);
	return table;
}

static void step_map_guest_range(const struct json *step, struct text *to)
{
	(void)to;
	bool large = bool_or(step, "large", false);
	u64 root = need_hex(step, "root"), gva = need_hex(step, "gva"), gpa = need_hex(step, "gpa");
	u64 npages = need_int(step, "npages", 1, 512);
	int leaf = large ? PT_DIRECTORY_LEVEL : PT_PAGE_TABLE_LEVEL;
	u64 size = pages_per_hpage(leaf) << PAGE_SHIFT;
	if (root % PAGE_SIZE || gva % size || gpa % size)
		invalid("not aligned");
	for (; npages--; gva += size, gpa += size) {
		u64 table = root;
		for (int level = PT64_ROOT_LEVEL; level > leaf; level--)
			table = guest_table_below(root, table + table_index(gva, level) * 8);
		write_as_userspace(table + table_index(gva, leaf) * 8,
				   gpa | PT_PRESENT | PT_WRITABLE | PT_USER | (large ? PT_LARGE : 0));
	}
}

static void step_load_cr3(const struct json *step, struct text *to)
{
	(void)to;
	struct vcpu *vcpu = need_vcpu(step);
	u64 cr3 = need_hex(step, "cr3");
	srcu_read_lock();
	kvm_set_cr3(vcpu, cr3);
	srcu_read_unlock();
}

static void step_invlpg(const struct json *step, struct text *to)
{
	(void)to;
	struct vcpu *vcpu = need_vcpu(step);
	u64 gva = need_hex(step, "gva");
	srcu_read_lock();
	kvm_mmu_invlpg(vcpu, gva);
	srcu_read_unlock();
}

static void change_mode(const struct json *step, bool smm)
{
	struct vcpu *vcpu = need_vcpu(step);
	srcu_read_lock();
	kvm_mmu_unload(vcpu);
	vcpu->smm = smm;
	srcu_read_unlock();
}

static void step_enter_smm(const struct json *step, struct text *to)
{
	(void)to;
	change_mode(step, true);
}

static void step_leave_smm(const struct json *step, struct text *to)
{
	(void)to;
	change_mode(step, false);
}

static void step_flush_shadow_all(const struct json *step, struct text *to)
{
	(void)step, (void)to;
	kvm_mmu_zap_all();
}

static void step_destroy_vm(const struct json *step, struct text *to)
{
	(void)step, (void)to;
	kvm_mmu_zap_all();
	for (u32 i = 0; i < vm.vcpu_count; i++)
		kvm_mmu_unload(vm.vcpus[i]);
}

static void step_shrink(const struct json *step, struct text *to)
{
	(void)step;
	field_int(to, "freed", mmu_shrink_scan());
}

static void step_host_release(const struct json *step, struct text *to)
{
	(void)to;
	u64 page = need_hex(step, "hva") >> PAGE_SHIFT;
	kvm_mmu_notifier_invalidate_range_start(page);
	take_back(page);
	kvm_mmu_notifier_invalidate_range_end();
}

static void read_questions(struct contender *contender, const struct json *when)
{
	u32 capacity = 0;
	FOR_EACH_ITEM(number, when) {
		u64 *sorted = grown(contender->when, contender->count, &capacity, sizeof(u64));
		u64 value = to_int(number, 1, UINT32_MAX, "when");
		u32 at = contender->count++;
		for (; at && sorted[at - 1] > value; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = value;
		contender->when = sorted;
	}
}

static void step_contend(const struct json *step, struct text *to)
{
	(void)to;
	static const char *const who[] = {"cpu", "lock"};
	struct contender contender = {0};
	contender.wants_lock = to_name(need(step, "who", J_STRING), who, 2, "who") == 1;
	const struct json *when = get(step, "when");
	if (when && when->type == J_ARRAY && when->span > 1)
		read_questions(&contender, when);
	else if (is_text(when, "always"))
		contender.always = true;
	else if (!is_text(when, "never"))
		invalid("when");
	vm.contender = contender;
}

static bool is_equal_int(const struct json *value, u64 number)
{
	u64 wanted;
	return read_int(value, &wanted) && wanted == number;
}

static bool is_equal_bool(const struct json *value, bool flag)
{
	return value->type == (flag ? J_TRUE : J_FALSE);
}

static bool page_field_is(const struct kvm_mmu_page *sp, const struct json *name,
			  const struct json *value)
{
	if (is_text(name, "gfn"))
		return value->type == J_STRING && to_hex(value, "gfn") == sp->gfn;
	if (is_text(name, "level"))
		return is_equal_int(value, sp->level);
	if (is_text(name, "access"))
		return is_equal_int(value, sp->access);
	if (is_text(name, "root_count"))
		return is_equal_int(value, (u64)sp->root_count);
	if (is_text(name, "direct"))
		return is_equal_bool(value, sp->direct);
	if (is_text(name, "smm"))
		return is_equal_bool(value, sp->smm);
	if (is_text(name, "invalid"))
		return is_equal_bool(value, sp->invalid);
	if (is_text(name, "unsync"))
		return is_equal_bool(value, sp->unsync);
	if (is_text(name, "mmio_cached"))
		return is_equal_bool(value, sp->mmio_cached);
	if (is_text(name, "obsolete"))
		return is_equal_bool(value, false);
	return false;
}

static bool page_matches(const struct kvm_mmu_page *sp, const struct json *fields)
{
	FOR_EACH_KEY(name, fields) {
		bool is = false;
		if (name[1].type == J_ARRAY)
			FOR_EACH_ITEM(one, name + 1)
				is |= page_field_is(sp, name, one);
		else
			is = page_field_is(sp, name, name + 1);
		if (!is)
			return false;
	}
	return true;
}

static void step_inject(const struct json *step, struct text *to)
{
	if (is_text(get(step, "what"), "generation")) {
		u64 as = need_int(step, "as", 0, vm.address_spaces - 1);
		vm.memslots[as]->generation = need_hex(step, "generation");
		return;
	}
	if (!is_text(get(step, "what"), "mmio_cached"))
		invalid("what");
	const struct json *page = need(step, "page", J_OBJECT);
	u64 flagged = 0;
	for (struct list *at = vm.active_mmu_pages.next; at != &vm.active_mmu_pages; at = at->next) {
		if (!page_matches(page_of(at), page))
			continue;
		page_of(at)->mmio_cached = true;
		flagged++;
	}
	field_int(to, "flagged", flagged);
}

/* --- probes --- */

/* Puts one page on the list: the newest that is no root, or else one made for this. */
static void prepare_one(struct vcpu *vcpu, struct list *list)
{
	for (struct list *at = vm.active_mmu_pages.next; at != &vm.active_mmu_pages; at = at->next) {
		if (page_of(at)->root_count)
			continue;
		kvm_mmu_prepare_zap_page(page_of(at), list);
		return;
	}
	u64 nowhere = BIT(39);
	kvm_mmu_prepare_zap_page(kvm_mmu_get_page(vcpu, nowhere, 1, true, ACC_ALL), list);
}

static void probe_flush_or_zap(const struct json *step, struct text *to, bool helper)
{
	bool remote = bool_or(step, "remote_flush", false), local = bool_or(step, "local_flush", false);
	bool pages = is_text(get(step, "list"), "pages");
	struct list list;
	if (!vm.vcpu_count)
		invalid("this probe needs a vCPU");
	list_init(&list);
	mmu_lock();
	if (pages)
		prepare_one(vm.vcpus[0], &list);
	if (helper)
		field_bool(to, "returned", kvm_mmu_remote_flush_or_zap(&list, remote));
	else
		kvm_mmu_flush_or_zap(vm.vcpus[0], &list, remote, local);
	field_int(to, "pages_left", list_length(&list));
	mmu_unlock();
}

static void step_probe(const struct json *step, struct text *to)
{
	const struct json *what = need(step, "what", J_STRING);
	if (is_text(what, "kvm_mmu_flush_or_zap"))
		probe_flush_or_zap(step, to, false);
	else if (is_text(what, "kvm_mmu_remote_flush_or_zap"))
		probe_flush_or_zap(step, to, true);
	else if (is_text(what, "encode_generation"))
		field_hex(to, "raw", generation_mmio_spte_mask(need_hex(step, "generation")));
	else if (is_text(what, "decode_generation"))
		field_hex(to, "generation", get_mmio_spte_generation(need_hex(step, "raw")));
	else if (is_text(what, "memslots_updated_hook"))
		field_text(to, "argument", "generation");
	else if (is_text(what, "kvm_mmu_invalidate_mmio_sptes"))
		kvm_mmu_invalidate_mmio_sptes(need_hex(step, "generation"));
	else
		invalid("what");
}

/* --- snapshot --- */

static void put_slot_ids(struct text *to, struct kvm_memslots *set)
{
	put_key(to, "slots");
	put(to, "[");
	for (u32 id = 0, found = 0; found < set->used; id++) {
		if (!id_to_memslot(set, id))
			continue;
		found++;
		separate(to);
		put_int(to, id);
	}
	put(to, "]");
}

static void snapshot_memslots(const struct json *step, struct text *to)
{
	(void)step;
	for (u32 as = 0; as < vm.address_spaces; as++) {
		u64 generation = vm.memslots[as]->generation;
		separate(to);
		put(to, "{");
		field_int(to, "as", as);
		field_hex(to, "generation", generation);
		field_bool(to, "in_flux", generation & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS);
		put_slot_ids(to, vm.memslots[as]);
		put(to, "}");
	}
}

static void snapshot_pages(const struct json *step, struct text *to)
{
	(void)step;
	for (struct list *at = vm.active_mmu_pages.next; at != &vm.active_mmu_pages; at = at->next) {
		struct page_fields fields = fields_of(page_of(at));
		separate(to);
		put(to, "{");
		put_page_fields(to, &fields);
		field_bool(to, "mmio_cached", page_of(at)->mmio_cached);
		field_bool(to, "obsolete", false);
		put(to, "}");
	}
}

static void put_mmio_entry(struct text *to, const struct shadow_walk *walk, u64 spte)
{
	field_text(to, "kind", "mmio");
	field_hex(to, "gfn", get_mmio_spte_gfn(spte));
	field_int(to, "access", get_mmio_spte_access(spte));
	field_hex(to, "generation", get_mmio_spte_generation(spte));
	field_int(to, "level", (u64)walk->level);
	field_hex(to, "raw", spte);
}

static void put_leaf_entry(struct text *to, const struct shadow_walk *walk, u64 spte)
{
	field_text(to, "kind", "leaf");
	field_hex(to, "gfn", kvm_mmu_page_get_gfn(walk->sp, walk->index));
	field_int(to, "level", (u64)walk->level);
	field_hex(to, "hva", spte_to_pfn(spte) << PAGE_SHIFT);
	field_bool(to, "writable", is_writable_pte(spte));
	field_hex(to, "raw", spte);
}

static void put_entry(struct text *to, const struct vcpu *vcpu, u64 address)
{
	struct shadow_walk walk;
	u64 spte = 0;
	if (shadow_walk_to_end(&walk, vcpu, address))
		spte = *walk_spte(&walk);
	separate(to);
	put(to, "{");
	if (!spte)
		field_text(to, "kind", "none");
	else if (is_mmio_spte(spte))
		put_mmio_entry(to, &walk, spte);
	else
		put_leaf_entry(to, &walk, spte);
	put(to, "}");
}

static const struct json *places(const struct json *step, const char *name)
{
	static const struct json none = {.type = J_ARRAY, .span = 1};
	return get(step, name) ? need(step, name, J_ARRAY) : &none;
}

static const struct json *need_place(const struct json *place)
{
	if (place->type != J_OBJECT)
		invalid("a place");
	return place;
}

static void snapshot_entries(const struct json *step, struct text *to)
{
	FOR_EACH_ITEM(place, places(step, "entries")) {
		const struct vcpu *vcpu = need_vcpu(need_place(place));
		put_entry(to, vcpu, need_address(place, vcpu));
	}
}

static void snapshot_tlb(const struct json *step, struct text *to)
{
	FOR_EACH_ITEM(place, places(step, "tlb")) {
		const struct vcpu *vcpu = need_vcpu(need_place(place));
		u64 hva = 0, address = need_address(place, vcpu);
		const struct translation *found = tlb_lookup(vcpu, address, false, &hva);
		separate(to);
		if (!found) {
			put(to, "\"absent\"");
			continue;
		}
		put(to, "{");
		if (taken_back_since(hva >> PAGE_SHIFT, found->made))
			field_text(to, "hva", "taken-back");
		else
			field_hex(to, "hva", hva);
		field_bool(to, "writable", found->writable);
		put(to, "}");
	}
}

static void put_cache(struct text *to, const struct vcpu *vcpu)
{
	put_key(to, "cache");
	if (!vcpu->mmio.gva && !vcpu->mmio.gfn) {
		put(to, "null");
		return;
	}
	bool own = is_paging(vcpu) ? vcpu->mmio.gva : vcpu->mmio.gfn;
	put(to, "{");
	field_hex(to, "gva", vcpu->mmio.gva);
	field_hex(to, "gfn", vcpu->mmio.gfn);
	field_hex(to, "generation", vcpu->mmio.generation);
	field_bool(to, "matches", own && vcpu_match_mmio_gen(vcpu));
	put(to, "}");
}

static void put_requests(struct text *to, u32 requests)
{
	static const char *const names[] = {"\"MMU_RELOAD\"", "\"MMU_SYNC\"", "\"TLB_FLUSH\""};
	put_key(to, "requests");
	put(to, "[");
	for (u32 i = 0; i < COUNT(names); i++) {
		if (!(requests & BIT(i)))
			continue;
		separate(to);
		put(to, names[i]);
	}
	put(to, "]");
}

static void put_roots(struct text *to, const struct vcpu *vcpu)
{
	put_key(to, "roots");
	put(to, "[");
	for (int i = 0; i < 4 && vcpu->roots[i]; i++) {
		separate(to);
		put_hex(to, vcpu->roots[i]->gfn);
	}
	put(to, "]");
}

static void snapshot_vcpus(struct text *to)
{
	put_key(to, "vcpus");
	put(to, "[");
	for (u32 i = 0; i < vm.vcpu_count; i++) {
		const struct vcpu *vcpu = vm.vcpus[i];
		separate(to);
		put(to, "{");
		field_bool(to, "smm", vcpu->smm);
		put_roots(to, vcpu);
		put_cache(to, vcpu);
		put_requests(to, vcpu->requests);
		put(to, "}");
	}
	put(to, "]");
}

/* Neither in use nor freed. */
static u64 leaked_pages(void)
{
	return vm.counters[PAGES_ALLOCATED] - vm.counters[PAGES_FREED] -
	       list_length(&vm.active_mmu_pages);
}

static void snapshot_counters(struct text *to)
{
	vm.counters[LEAKED_PAGES] = leaked_pages();
	put_key(to, "counters");
	put(to, "{");
	for (int i = 0; i < COUNTERS; i++)
		field_int(to, counter_names[i], vm.counters[i]);
	put(to, "}");
}

static void step_snapshot(const struct json *step, struct text *to)
{
	static const struct {
		const char *name;
		void (*show)(const struct json *step, struct text *to);
	} lists[] = {{"memslots", snapshot_memslots}, {"pages", snapshot_pages},
		     {"entries", snapshot_entries}, {"tlb", snapshot_tlb}};
	bool vcpus = false;
	FOR_EACH_ITEM(part, need(step, "parts", J_ARRAY)) {
		vcpus |= is_text(part, "cache") || is_text(part, "requests");
		if (is_text(part, "counters"))
			snapshot_counters(to);
		for (u32 i = 0; i < COUNT(lists); i++) {
			if (!is_text(part, lists[i].name))
				continue;
			put_key(to, lists[i].name);
			put(to, "[");
			lists[i].show(step, to);
			put(to, "]");
		}
	}
	if (vcpus)
		snapshot_vcpus(to);
}

/* --- threads --- */

static void perform_step(const struct json *step, struct text *to);

static void thread_main(void)
{
	struct thread *self = sched.current;
	FOR_EACH_ITEM(step, self->steps) {
		separate(&self->results);
		put(&self->results, "{");
		perform_step(step, &self->results);
		put(&self->results, "}");
	}
	back_to_schedule(S_END);
}

static void start_thread(const struct json *name, const struct json *steps)
{
	if (sched.count == MAX_THREADS || steps->type != J_ARRAY)
		invalid("threads");
	struct thread *thread = &sched.list[sched.count++];
	if (!thread->stack)
		thread->stack = must(malloc(STACK_SIZE));
	thread->name = name;
	thread->steps = steps;
	thread->results.length = 0;
	put(&thread->results, "[");
	thread->reading = 0;
	thread->ready = NULL;
	thread->at = S_BLOCKED;
	getcontext(&thread->context);
	thread->context.uc_stack.ss_sp = thread->stack;
	thread->context.uc_stack.ss_size = STACK_SIZE;
	thread->context.uc_link = NULL;
	makecontext(&thread->context, thread_main, 0);
}

/* Lets it run until it stops. Without points to stop at, that is at its end, or where it waits. */
static void run_thread(struct thread *thread, u32 until, u64 nth)
{
	if (thread->at == S_END)
		return;
	thread->until = until;
	thread->nth = nth;
	sched.current = thread;
	swapcontext(&sched.main.context, &thread->context);
	if (sched.code)
		longjmp(sched.failed, 1);
}

static struct thread *need_thread(const struct json *name)
{
	for (u32 i = 0; i < sched.count; i++) {
		const struct json *own = sched.list[i].name;
		if (own->length == name->length && !memcmp(own->text, name->text, own->length))
			return &sched.list[i];
	}
	invalid("there is no such thread");
}

static void run_item(const struct json *item, struct text *stops)
{
	u32 until = 0;
	if (item->type != J_OBJECT)
		invalid("schedule");
	struct thread *thread = need_thread(need(item, "run", J_STRING));
	if (get(item, "until"))
		FOR_EACH_ITEM(stop, need(item, "until", J_ARRAY))
			until |= BIT(to_name(stop, stop_names, STOPS, "until"));
	run_thread(thread, until, int_or(item, "nth", 1, UINT32_MAX, 1));
	separate(stops);
	put(stops, "{");
	put_key(stops, "run");
	put_string(stops, thread->name->text, thread->name->length);
	field_text(stops, "at", stop_names[thread->at]);
	put(stops, "}");
}

/* Whether it is not through, and what it waits for has happened. */
static bool can_go_on(const struct thread *thread)
{
	return thread->at != S_END && (!thread->ready || thread->ready(thread->argument));
}

/* Afterwards: all to their ends, in rounds. In each, those that can go on as it begins, in the order
 * in which they are listed, as far as they can go. */
static void run_to_ends(void)
{
	bool any;
	do {
		bool goes[MAX_THREADS];
		any = false;
		for (u32 i = 0; i < sched.count; i++)
			any |= goes[i] = can_go_on(&sched.list[i]);
		for (u32 i = 0; i < sched.count; i++)
			if (goes[i])
				run_thread(&sched.list[i], 0, 0);
	} while (any);
	for (u32 i = 0; i < sched.count; i++)
		if (sched.list[i].at != S_END)
			fail(GIVES_UP, "deadlock");
}

static void step_threads(const struct json *step, struct text *to)
{
	const struct json *threads = need(step, "threads", J_OBJECT);
	if (sched.current != &sched.main)
		invalid("threads in a thread");
	sched.count = 0;
	FOR_EACH_KEY(name, threads)
		start_thread(name, name + 1);
	put_key(to, "stops");
	put(to, "[");
	FOR_EACH_ITEM(item, need(step, "schedule", J_ARRAY))
		run_item(item, to);
	put(to, "]");
	run_to_ends();
	put_key(to, "threads");
	put(to, "{");
	for (u32 i = 0; i < sched.count; i++) {
		struct thread *thread = &sched.list[i];
		separate(to);
		put_string(to, thread->name->text, thread->name->length);
		put(to, ":");
		put_bytes(to, thread->results.data, thread->results.length);
		put(to, "]");
	}
	put(to, "}");
	sched.count = 0;
}

static void perform_step(const struct json *step, struct text *to)
{
	static const struct {
		const char *name;
		void (*perform)(const struct json *step, struct text *to);
	} steps[] = {
		{"access", step_access},
		{"set_memory_region", step_set_memory_region},
		{"create_vcpu", step_create_vcpu},
		{"snapshot", step_snapshot},
		{"write_guest_table", step_write_guest_table},
		{"map_guest_range", step_map_guest_range},
		{"load_cr3", step_load_cr3},
		{"invlpg", step_invlpg},
		{"enter_smm", step_enter_smm},
		{"leave_smm", step_leave_smm},
		{"flush_shadow_all", step_flush_shadow_all},
		{"destroy_vm", step_destroy_vm},
		{"shrink", step_shrink},
		{"host_release", step_host_release},
		{"contend", step_contend},
		{"inject", step_inject},
		{"probe", step_probe},
		{"threads", step_threads},
	};
	const struct json *what = step->type == J_OBJECT ? get(step, "do") : NULL;
	for (u32 i = 0; i < COUNT(steps); i++) {
		if (!is_text(what, steps[i].name))
			continue;
		steps[i].perform(step, to);
		return;
	}
	invalid("there is no such step");
}

/* ---------------------------------------------------------------------------------------------- */
/* Protocol: one request a line, one response a line.                                              */

static const char introduction[] =
	"{\"protocol\":1,\"name\":\"kvm_mmu.c\",\"version\":\"1\",\"language\":\"C\","
	"\"capabilities\":[\"operation:*\",\"event:*\",\"point:*\",\"snapshot:*\",\"probe:*\","
	"\"inject:*\",\"fact:*\",\"machine:*\",\"bug:*\"],"
	"\"machine\":{\"address_spaces\":2,\"physical_address_width\":40},"
	"\"facts\":{\"memslot_update_in_progress_bit\":63,\"mmio_generation_width\":64,"
	"\"hook_argument\":\"generation\",\"mmu_document\":[\"mmio-generation\"],"
	"\"tracepoints\":{"
	"\"kvm_mmu_get_page\":[\"gfn\",\"role\",\"root_count\",\"unsync\",\"created\"],"
	"\"kvm_mmu_sync_page\":[\"gfn\",\"role\",\"root_count\",\"unsync\"],"
	"\"kvm_mmu_unsync_page\":[\"gfn\",\"role\",\"root_count\",\"unsync\"],"
	"\"kvm_mmu_prepare_zap_page\":[\"gfn\",\"role\",\"root_count\",\"unsync\"],"
	"\"mark_mmio_spte\":[\"sptep\",\"gfn\",\"access\",\"gen\"],"
	"\"handle_mmio_page_fault\":[\"addr\",\"gfn\",\"access\"],"
	"\"check_mmio_spte\":[\"kvm_gen\",\"spte_gen\",\"spte\"]},"
	"\"operations\":[\"kvm_create_vm\",\"install_new_memslots\",\"kvm_arch_memslots_updated\","
	"\"kvm_arch_flush_shadow_all\",\"vcpu_cache_mmio_info\",\"generation_mmio_spte_mask\","
	"\"get_mmio_spte_generation\",\"mark_mmio_spte\",\"set_mmio_spte\",\"check_mmio_spte\","
	"\"for_each_valid_sp\",\"kvm_mmu_remote_flush_or_zap\",\"kvm_mmu_flush_or_zap\","
	"\"__kvm_mmu_prepare_zap_page\",\"kvm_mmu_prepare_zap_page\",\"slot_handle_level_range\","
	"\"slot_handle_level\",\"slot_handle_all_level\",\"slot_handle_large_level\","
	"\"slot_handle_leaf\",\"kvm_mmu_invalidate_zap_pages_in_memslot\",\"__kvm_mmu_zap_all\","
	"\"kvm_mmu_zap_all\",\"kvm_mmu_invalidate_mmio_sptes\",\"mmu_shrink_scan\"]}}";

static struct text out;

static void begin_response(const struct json *id)
{
	put(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
	if (id)
		put_bytes(&out, id->text, id->length);
	else
		put(&out, "null");
}

static void respond(const struct json *id, const char *result)
{
	begin_response(id);
	put(&out, ",\"result\":");
	put(&out, result);
	put(&out, "}\n");
}

static void respond_error(const struct json *id, int code, const char *message)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", code);
	begin_response(id);
	put(&out, ",\"error\":{\"code\":");
	put(&out, number);
	put(&out, ",\"message\":");
	put_string(&out, message, strlen(message));
	put(&out, "}}\n");
}

static void initialize(const struct json *params, const struct json *id)
{
	if (!is_equal_int(need(params, "protocol", J_NUMBER), 1))
		invalid("protocol");
	respond(id, introduction);
}

static void read_resident(const struct json *resident)
{
	vm.all_resident = !resident || is_text(resident, "all");
	if (vm.all_resident)
		return;
	if (resident->type != J_ARRAY)
		invalid("resident");
	u32 capacity = 0;
	FOR_EACH_ITEM(range, resident) {
		if (range->type != J_OBJECT)
			invalid("resident");
		vm.resident = grown(vm.resident, vm.resident_count, &capacity, sizeof(*vm.resident));
		vm.resident[vm.resident_count++] = (struct range){
			need_hex(range, "hva") >> PAGE_SHIFT, need_int(range, "npages", 1, 1 << 20)};
	}
}

static void read_machine(const struct json *machine)
{
	static const char *const pagings[] = {"ept", "npt", "shadow"};
	static const char *const sizes[] = {"4K", "2M", "1G"};
	const struct json *paging = get(machine, "paging"), *size = get(machine, "host_page_size");
	const struct json *budget = get(machine, "page_budget");
	vm.address_spaces = (u32)int_or(machine, "address_spaces", 1, 2, 2);
	vm.physical_address_width = (u32)int_or(machine, "physical_address_width", 36, 52, 40);
	vm.mmio_generation_bits = (u32)int_or(machine, "mmio_generation_bits", 2, 19, 19);
	vm.paging = paging ? (enum paging)to_name(paging, pagings, 3, "paging") : NPT;
	vm.preempt = bool_or(machine, "preempt", false);
	vm.host_level = 1 + (size ? to_name(size, sizes, 3, "host_page_size") : 0);
	vm.fixed_budget = budget && budget->type != J_NULL;
	if (vm.fixed_budget)
		vm.n_max_mmu_pages = to_int(budget, 64, INT32_MAX, "page_budget");
	read_resident(get(machine, "resident"));
}

static void kvm_create_vm(const struct json *machine)
{
	release_everything();
	memset(&vm, 0, sizeof(vm));
	read_machine(machine);
	set_mmio_spte_mask();
	list_init(&vm.active_mmu_pages);
	for (u32 as = 0; as < vm.address_spaces; as++) {
		vm.memslots[as] = new_memslots(0);
		vm.memslots[as]->generation = as;
	}
	vm.exists = true;
}

static void reset(const struct json *params, const struct json *id)
{
	u32 wanted = 0;
	vm.exists = false;
	FOR_EACH_ITEM(name, need(params, "events", J_ARRAY))
		for (int kind = 0; kind < EVENTS; kind++)
			wanted |= is_text(name, event_types[kind].name) ? (u32)BIT(kind) : 0;
	kvm_create_vm(need(params, "machine", J_OBJECT));
	events.wanted = wanted;
	respond(id, "{}");
}

static void step(const struct json *params, const struct json *id)
{
	if (!vm.exists)
		fail(INVALID_REQUEST, "there is no VM: reset comes first");
	if (vm.gave_up)
		fail(GIVES_UP, vm.gave_up);
	events.count = 0;
	begin_response(id);
	put(&out, ",\"result\":{");
	perform_step(params, &out);
	put_events(&out);
	put(&out, "}}\n");
}

static bool over;

static void shutdown(const struct json *params, const struct json *id)
{
	(void)params;
	over = true;
	respond(id, "{}");
}

static const struct json *id_of(const struct json *request)
{
	const struct json *id = request->type == J_OBJECT ? get(request, "id") : NULL;
	u64 number;
	return id && read_int(id, &number) ? id : NULL;
}

static void handle(const struct json *request)
{
	static const struct {
		const char *name;
		void (*handle)(const struct json *params, const struct json *id);
	} methods[] = {{"step", step}, {"reset", reset}, {"initialize", initialize},
		       {"shutdown", shutdown}};
	const struct json *id = id_of(request);
	if (!id || !is_text(get(request, "jsonrpc"), "2.0"))
		fail(INVALID_REQUEST, "not a request");
	const struct json *method = get(request, "method"), *params = get(request, "params");
	if (!method || method->type != J_STRING)
		fail(INVALID_REQUEST, "not a request");
	for (u32 i = 0; i < COUNT(methods); i++) {
		if (!is_text(method, methods[i].name))
			continue;
		if (!params || params->type != J_OBJECT)
			invalid("params");
		methods[i].handle(params, id);
		return;
	}
	fail(METHOD_NOT_FOUND, "there is no such method");
}

/* What was written of the answer is taken back. A VM that failed in the middle of something gives
 * the same answer until the next reset. */
static void answer_failure(const struct json *request, size_t written)
{
	if (sched.code == GIVES_UP || sched.count || vm.mmu_lock || vm.slots_lock || sched.main.reading)
		vm.gave_up = sched.message;
	sched.count = 0;
	sched.main.reading = 0;
	out.length = written;
	respond_error(id_of(request), sched.code, sched.message);
}

static void handle_line(char *line, size_t length)
{
	const struct json *request = scan_line(line, length);
	size_t written = out.length;
	if (!request) {
		respond_error(NULL, PARSE_ERROR, "not JSON");
		return;
	}
	sched.current = &sched.main;
	sched.code = 0;
	if (setjmp(sched.failed))
		answer_failure(scanner.values, written);
	else
		handle(request);
}

static void flush_output(void)
{
	size_t done = 0;
	while (done < out.length) {
		ssize_t wrote = write(STDOUT_FILENO, out.data + done, out.length - done);
		if (wrote < 0 && errno != EINTR)
			exit(1);
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	out.length = 0;
}

static struct text in;

/* Handles whole lines, keeps the rest. */
static void handle_input(void)
{
	size_t at = 0;
	char *newline;
	while (!over && (newline = memchr(in.data + at, '\n', in.length - at))) {
		size_t length = (size_t)(newline - (in.data + at));
		handle_line(in.data + at, length);
		at += length + 1;
		if (out.length > 1 << 16)
			flush_output();
	}
	memmove(in.data, in.data + at, in.length - at);
	in.length -= at;
}

/* Waits for input; what was answered so far goes out before. False at its end. */
static bool read_input(void)
{
	static char buffer[1 << 16];
	flush_output();
	ssize_t got;
	do
		got = read(STDIN_FILENO, buffer, sizeof(buffer));
	while (got < 0 && errno == EINTR);
	if (got > 0)
		put_bytes(&in, buffer, (size_t)got);
	return got > 0;
}

int main(void)
{
	while (!over && read_input())
		handle_input();
	flush_output();
	return 0;
}
