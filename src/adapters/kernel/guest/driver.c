/*
 * Init of a kernel under test. It does what the host says, a command a line, over the second serial
 * port. To each command it answers lines that begin with "|" (what was traced meanwhile, or what
 * was asked for) and then one that begins with "=", or with "!" if the command could not be done.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "memory.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 4096, MOST_WORDS = 12, MOST_TRIES = 200 };

/* finit_module: the kernel unpacks the file itself. */
enum { MODULE_INIT_COMPRESSED_FILE = 4 };

/* The data port, out and in. */
static FILE *host, *told;
static int trace = -1;

static void say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vfprintf(host, format, arguments);
	va_end(arguments);
	fputc('\n', host);
	fflush(host);
}

static void answer_error(int error)
{
	if (error)
		say("! %s (errno %d)", strerror(error), error);
	else
		say("= ok");
}

/* Lines of a file that contain a text. */
static void show(const char *path, const char *text)
{
	char line[LINE];
	FILE *file = fopen(path, "re");
	if (!file) {
		answer_error(errno);
		return;
	}
	while (fgets(line, sizeof line, file))
		if (strstr(line, text))
			fprintf(host, "|%.*s\n", (int)strcspn(line, "\n"), line);
	fclose(file);
	say("= ok");
}

/*
 * A whole file into memory, for who reads that from outside; the one before it goes. Not from the
 * heap, which would grow into where cases have their memory.
 */
static void load(const char *path)
{
	static uint8_t *content = MAP_FAILED;
	static size_t size;
	size_t length = 0;
	ssize_t got;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0) {
		answer_error(errno);
		return;
	}
	if (content != MAP_FAILED)
		munmap(content, size);
	size = 1 << 20;
	content = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	while (content != MAP_FAILED && (got = read(file, content + length, size - length)) > 0) {
		length += (size_t)got;
		if (length < size)
			continue;
		content = mremap(content, size, 2 * size, MREMAP_MAYMOVE);
		size *= 2;
	}
	close(file);
	if (content == MAP_FAILED)
		answer_error(ENOMEM);
	else if (got < 0)
		answer_error(EIO);
	else
		say("= 0x%llx %zu", (unsigned long long)(uintptr_t)content, length);
}

static int put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (file < 0)
		return errno;
	int error = write(file, text, strlen(text)) < 0 ? errno : 0;
	close(file);
	return error;
}

static int load_module(const char *path, const char *parameters)
{
	size_t length = strlen(path);
	bool is_plain = length > 3 && !strcmp(path + length - 3, ".ko");
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return errno;
	int error = 0;
	if (syscall(SYS_finit_module, file, parameters, is_plain ? 0 : MODULE_INIT_COMPRESSED_FILE))
		error = errno;
	close(file);
	return error;
}

/* A VM that was closed may be in use for a moment still, by work that was put off. */
static int unload_module(const char *name)
{
	for (int tries = 0; tries < MOST_TRIES; tries++) {
		if (!syscall(SYS_delete_module, name, O_NONBLOCK))
			return 0;
		if (errno != EAGAIN)
			return errno;
		nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
	}
	return EAGAIN;
}

/* Begins to pass on what is traced; forgets what was traced before. */
static int listen_to(const char *path)
{
	if (trace < 0)
		trace = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return trace < 0 ? errno : 0;
}

static void pass_on_trace(void)
{
	static char text[1 << 16];
	bool begins = true;
	ssize_t length;
	while (trace >= 0 && (length = read(trace, text, sizeof text)) > 0)
		for (ssize_t i = 0; i < length; i++) {
			if (begins)
				fputc('|', host);
			fputc(text[i], host);
			begins = text[i] == '\n';
		}
}

static void answer_outcome(const struct outcome *o)
{
	pass_on_trace();
	switch (o->ending) {
	case END_DONE:
		say("= reached 0x%llx 0x%llx", (unsigned long long)o->hva,
		    (unsigned long long)o->value);
		break;
	case END_MMIO:
		say("= mmio 0x%llx", (unsigned long long)o->gpa);
		break;
	case END_FAULT:
		say("= guest-fault");
		break;
	case END_SHUTDOWN:
		say("= triple-fault");
		break;
	case END_FETCH:
		say("= fetch-from-mmio");
		break;
	case END_OURS:
		say("= ours");
		break;
	case END_ERROR:
		say("! %s", o->text);
	}
}

static void answer_traced(int error)
{
	pass_on_trace();
	say("= %d", error);
}

static enum access kind_of(const char *word)
{
	return *word == 'w' ? ACCESS_WRITE : *word == 'f' ? ACCESS_FETCH : ACCESS_READ;
}

static enum paging paging_of(const char *word)
{
	return *word == 'n' ? PAGING_NONE : *word == 'g' ? PAGING_GUEST : PAGING_LINEAR;
}

/* Does what a line says. */
static void perform(char *line)
{
	char *words[MOST_WORDS] = {NULL}, *rest = line;
	char whole[LINE];
	snprintf(whole, sizeof whole, "%s", line);
	unsigned count = 0;
	for (char *word; count < MOST_WORDS && (word = strsep(&rest, " "));)
		words[count++] = word;
	for (unsigned i = count; i < MOST_WORDS; i++)
		words[i] = "";
	/* What follows the second word, blanks and all. */
	const char *text = count > 2 ? whole + (words[2] - line) : "";
	const char *command = words[0];
	struct outcome outcome;
#define NUMBER(i) strtoull(words[i], NULL, 0)

	if (!strcmp(command, "region"))
		answer_traced(vm_region((unsigned)NUMBER(1), (unsigned)NUMBER(2), NUMBER(3), NUMBER(4),
					(uint32_t)NUMBER(5), NUMBER(6)));
	else if (!strcmp(command, "access")) {
		vm_access((unsigned)NUMBER(1), kind_of(words[2]), NUMBER(3), (unsigned)NUMBER(4),
			  NUMBER(5), &outcome);
		answer_outcome(&outcome);
	} else if (!strcmp(command, "cr3")) {
		vm_load_cr3((unsigned)NUMBER(1), NUMBER(2), &outcome);
		answer_outcome(&outcome);
	} else if (!strcmp(command, "invlpg")) {
		vm_invlpg((unsigned)NUMBER(1), NUMBER(2), &outcome);
		answer_outcome(&outcome);
	} else if (!strcmp(command, "smm"))
		answer_traced(vm_smm((unsigned)NUMBER(1), NUMBER(2) != 0));
	else if (!strcmp(command, "vcpu"))
		answer_traced(vm_vcpu(paging_of(words[1]), NUMBER(2)));
	else if (!strcmp(command, "poke"))
		answer_error(vm_poke(NUMBER(1), NUMBER(2)) ? 0 : EFAULT);
	else if (!strcmp(command, "vm"))
		answer_traced(vm_create(*words[1] == 's', NUMBER(2)));
	else if (!strcmp(command, "stub"))
		answer_traced(vm_stub((unsigned)NUMBER(1)));
	else if (!strcmp(command, "destroy")) {
		vm_destroy();
		answer_traced(0);
	} else if (!strcmp(command, "installs"))
		answer_traced(vm_installs((unsigned)NUMBER(1), NUMBER(2)));
	else if (!strcmp(command, "open"))
		answer_error(vm_open());
	else if (!strcmp(command, "close")) {
		vm_close_device();
		say("= ok");
	} else if (!strcmp(command, "module"))
		answer_error(load_module(words[1], text));
	else if (!strcmp(command, "unmodule"))
		answer_error(unload_module(words[1]));
	else if (!strcmp(command, "put"))
		answer_error(put(words[1], text));
	else if (!strcmp(command, "show"))
		show(words[1], text);
	else if (!strcmp(command, "owner"))
		say("= 0x%llx", (unsigned long long)memory_owner(NUMBER(1)));
	else if (!strcmp(command, "load"))
		load(words[1]);
	else if (!strcmp(command, "listen"))
		answer_error(listen_to(words[1]));
	else
		say("! there is no command %s", command);
}

/* Makes a serial port a plain channel of bytes. */
static bool open_host(const char *path)
{
	int port = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios settings;
	if (port < 0 || tcgetattr(port, &settings))
		return false;
	cfmakeraw(&settings);
	cfsetspeed(&settings, B115200);
	tcsetattr(port, TCSANOW, &settings);
	host = fdopen(port, "w");
	told = fdopen(port, "r");
	return host && told;
}

/* Nobody else wants the CPU: what we do is never interrupted for somebody. */
static void come_first(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof set, &set);
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 50});
}

int main(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/trace", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	int untraced = mount("tracefs", "/trace", "tracefs", 0, NULL) ? errno : 0;
	come_first();

	if (!open_host("/dev/ttyS1")) {
		printf("there is no /dev/ttyS1 to talk through\n");
		return 1;
	}
	say("ready %d", untraced);
	static char line[LINE];
	while (fgets(line, sizeof line, told)) {
		line[strcspn(line, "\n")] = 0;
		perform(line);
	}
	reboot(RB_POWER_OFF);
	return 0;
}
