#include "br_crash.h"

#ifdef CASEBRIDGE_CRASH_POINTS
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The linker names the ends of a section. */
extern struct br_crash_point __start_br_crash_points[], __stop_br_crash_points[];
static struct br_crash_slot *slots; /* NULL: nothing is asked for */

static size_t count(void)
{
	return (size_t)(__stop_br_crash_points - __start_br_crash_points);
}

static void wrong(const char *what, const char *why)
{
	fprintf(stderr, "CASEBRIDGE_CRASH_AT: %s: %s\n", what, why);
	_exit(64);
}

static void list(void)
{
	for (size_t i = 0; i < count(); i++)
		printf("%s\n", __start_br_crash_points[i].name);
	fflush(stdout);
	_exit(0);
}

static void share(const char *path)
{
	size_t size = count() * sizeof(*slots);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || lseek(fd, 0, SEEK_END) != (off_t)size)
		wrong(path, fd < 0 ? strerror(errno) : "it has the size of another list");
	slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (slots == MAP_FAILED)
		wrong(path, strerror(errno));
	close(fd);
}

static void arm(const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);

	slots = calloc(count() + 1, sizeof(*slots));
	for (size_t i = 0; slots && i < count(); i++) {
		const char *name = __start_br_crash_points[i].name;

		if (strlen(name) != n || memcmp(name, text, n) != 0)
			continue;
		slots[i].left = colon ? strtoll(colon + 1, NULL, 10) : 1;
		return;
	}
	wrong(text, "no such place; list shows them");
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("CASEBRIDGE_CRASH_AT");

	if (!text || !text[0])
		return;
	if (strcmp(text, "list") == 0)
		list();
	else if (text[0] == '@')
		share(text + 1);
	else
		arm(text);
}

/* Processes of one test count together: of those that pass, exactly one takes the count to zero. */
void br_crash_pass(const struct br_crash_point *p)
{
	struct br_crash_slot *s;
	struct timespec now;

	if (!slots)
		return;
	s = &slots[p - __start_br_crash_points];
	__atomic_add_fetch(&s->passed, 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(&s->left, __ATOMIC_RELAXED) < 0) {
		if (__atomic_add_fetch(&s->left, 1, __ATOMIC_RELAXED) == 0)
			kill(getpid(), SIGSTOP);
		return;
	}
	if (__atomic_load_n(&s->left, __ATOMIC_RELAXED) <= 0 ||
		__atomic_sub_fetch(&s->left, 1, __ATOMIC_RELAXED) != 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	__atomic_store_n(&s->at_us, now.tv_sec * 1000000 + now.tv_nsec / 1000, __ATOMIC_RELEASE);
	__atomic_add_fetch(&s->killed, 1, __ATOMIC_RELEASE);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}
#endif
