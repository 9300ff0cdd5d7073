/* The arena: alignment, maximum, what reset keeps and forgets. Runs in both builds of the arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "br_arena.h"

static const struct size_case {
	const char *name;
	size_t max;
	size_t sizes[4]; /* 0 ends */
	bool last_fits;
} size_cases[] = {
	{"one byte", 1000, {1}, true},
	{"the whole maximum", 4096, {4096}, true},
	{"one byte too many", 4096, {4097}, false},
	{"the sum counts", 4096, {2048, 2048, 1}, false},
	{"alignment counts", 64, {1, 1, 1, 17}, false},
	{"more than a block", (size_t)1 << 20, {10, 600000, 10}, true},
	{"near SIZE_MAX", SIZE_MAX, {SIZE_MAX - 3}, false},
	{"no room at all", 0, {1}, false},
};

static void test_sizes(void **state)
{
	const struct size_case *c = *state;
	struct br_arena a;
	char *p = NULL;
	bool failed_before = false;

	br_arena_init(&a, c->max);
	for (size_t i = 0; i < 4 && c->sizes[i]; i++) {
		failed_before = br_arena_failed(&a);
		p = br_arena_alloc(&a, c->sizes[i]);
		if (p) {
			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			memset(p, 0x5a, c->sizes[i]);
		}
	}
	assert_false(failed_before);
	assert_int_equal(p != NULL, c->last_fits);
	assert_int_equal(br_arena_failed(&a), !c->last_fits);
	assert_int_equal(a.full, !c->last_fits);
	br_arena_reset(&a);
	assert_false(br_arena_failed(&a));
	assert_int_equal(a.used, 0);
	br_arena_release(&a);
}

/* Pieces of pseudo-random sizes keep their bytes until reset, over many rounds. */
static void test_pieces_do_not_meet(void **state)
{
	static unsigned char *pieces[500];
	static size_t sizes[500];
	struct br_arena a;
	uint32_t seed = 7;

	(void)state;
	br_arena_init(&a, (size_t)4 << 20);
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < 500; i++) {
			seed = seed * 1664525 + 1013904223;
			sizes[i] = seed % 50 == 0 ? 40000 + (seed >> 8) % 40000 : (seed >> 8) % 300;
			pieces[i] = br_arena_alloc(&a, sizes[i]);
			assert_non_null(pieces[i]);
			memset(pieces[i], (int)(i & 0xff), sizes[i]);
		}
		for (size_t i = 0; i < 500; i++)
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(pieces[i][k], i & 0xff);
		br_arena_reset(&a);
	}
	br_arena_release(&a);
}

#ifndef BR_ARENA_MALLOC_EACH
static void test_reset_keeps_blocks(void **state)
{
	struct br_arena a;
	void *first;

	(void)state;
	br_arena_init(&a, 100000);
	first = br_arena_alloc(&a, 100);
	for (int round = 0; round < 10; round++) {
		br_arena_reset(&a);
		assert_null(a.blocks);
		assert_non_null(a.spare);
		assert_ptr_equal(br_arena_alloc(&a, 100), first);
		assert_null(a.spare);
	}
	br_arena_release(&a);
	assert_null(a.blocks);
	assert_null(a.spare);
}
#endif

static void test_cleared(void **state)
{
	struct br_arena a;
	uint64_t *numbers;

	(void)state;
	br_arena_init(&a, 10000);
	memset(br_arena_alloc(&a, 1000), 0xff, 1000);
	br_arena_reset(&a);
	numbers = br_arena_array(&a, uint64_t, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(numbers[i], 0);
	assert_null(br_arena_calloc(&a, SIZE_MAX / 2, 3));
	assert_true(br_arena_failed(&a));
	br_arena_release(&a);
}

static void test_copy_and_printf(void **state)
{
	struct br_arena a;
	struct br_str s;

	(void)state;
	br_arena_init(&a, 64);
	s = br_arena_copy(&a, (struct br_str){"a\0b!", 3});
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.p, "a\0b\0", 4);
	s = br_arena_copy(&a, BR_STR_NONE);
	assert_int_equal(s.n, 0);
	assert_string_equal(s.p, "");
	s = br_arena_printf(&a, "%s-%d", "办件", 7);
	assert_int_equal(s.n, 8);
	assert_string_equal(s.p, "办件-7");
	s = br_arena_printf(&a, "%s", "more than the sixteen bytes that are left");
	assert_null(s.p);
	assert_int_equal(s.n, 0);
	assert_true(br_arena_failed(&a));
	br_arena_release(&a);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(size_cases) + 4];
	size_t n = 0;

	for (; n < BR_LEN(size_cases); n++)
		tests[n] = (struct CMUnitTest){.name = size_cases[n].name,
			.test_func = test_sizes,
			.initial_state = (void *)&size_cases[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_pieces_do_not_meet);
#ifndef BR_ARENA_MALLOC_EACH
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_reset_keeps_blocks);
#endif
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_cleared);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_copy_and_printf);
	return _cmocka_run_group_tests("br_arena", tests, n, NULL, NULL);
}
