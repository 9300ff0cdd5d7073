/*
 * torture.h - runs a function once for each of its allocations, failing that one.
 *
 * For tests named *_torture_test.c, which are linked with --wrap for malloc, calloc and realloc:
 * calls in our own objects come here, those inside shared libraries do not. Include it in one file
 * per test program.
 *
 *     while (torture_next(&t)) {
 *             ... once with the 1st allocation failing, then the 2nd, ..., at last with none:
 *             torture_hit(&t) says whether one has failed in this round
 *     }
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t n);

struct torture {
	unsigned round; /* the allocation that fails, from 1 */
};

static unsigned torture_left; /* allocations up to and with the one that fails; 0 = none will */
static bool torture_failed;

static inline bool torture_hit(const struct torture *t)
{
	(void)t;
	return torture_failed;
}

/* False when the last round went through without a failure: all allocations have had their turn. */
static inline bool torture_next(struct torture *t)
{
	bool done = t->round && !torture_failed;

	torture_failed = false;
	torture_left = done ? 0 : ++t->round;
	return !done;
}

static inline bool torture_fails_now(void)
{
	if (!torture_left || --torture_left)
		return false;
	torture_failed = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return torture_fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return torture_fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return torture_fails_now() ? NULL : __real_realloc(p, n);
}

#endif
