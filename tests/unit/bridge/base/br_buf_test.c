/* The growing buffer: its maximum, its failure, who owns the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "br_buf.h"

enum how { ADD, ADDC, PRINTF, RESERVE };

static const struct max_case {
	const char *name;
	enum how how;
	size_t max, n;
	bool fits;
} max_cases[] = {
	{"add: up to the maximum", ADD, 1000, 1000, true},
	{"add: one more", ADD, 1000, 1001, false},
	{"add: nothing into nothing", ADD, 0, 0, true},
	{"addc: up to the maximum", ADDC, 1000, 1000, true},
	{"addc: one more", ADDC, 1000, 1001, false},
	{"addc: no room at all", ADDC, 0, 1, false},
	{"printf: up to the maximum", PRINTF, 300, 300, true},
	{"printf: one more", PRINTF, 300, 301, false},
	{"reserve: up to the maximum", RESERVE, 5000, 5000, true},
	{"reserve: one more", RESERVE, 5000, 5001, false},
	{"many doublings", ADD, (size_t)1 << 20, 700001, true},
};

static void fill(struct br_buf *b, enum how how, size_t n)
{
	char *bytes = test_malloc(n + 1);
	char *to;

	memset(bytes, 'x', n);
	bytes[n] = '\0';
	switch (how) {
	case ADD: /* in steps of odd size */
		for (size_t i = 0; i < n; i += 97)
			br_buf_add(b, bytes, n - i < 97 ? n - i : 97);
		break;
	case ADDC:
		for (size_t i = 0; i < n; i++)
			br_buf_addc(b, 'x');
		break;
	case PRINTF:
		br_buf_printf(b, "%s", bytes);
		break;
	case RESERVE:
		to = br_buf_reserve(b, n);
		if (to) {
			memcpy(to, bytes, n);
			b->n += n;
		}
		break;
	}
	test_free(bytes);
}

static void test_max(void **state)
{
	const struct max_case *c = *state;
	struct br_buf b;

	br_buf_init(&b, c->max);
	fill(&b, c->how, c->n);
	assert_int_equal(br_buf_failed(&b), !c->fits);
	assert_int_equal(b.n, c->fits ? c->n : 0);
	assert_int_equal(strlen(br_buf_cstr(&b)), b.n);
	if (!c->fits) {
		/* stays failed and takes nothing, by any way in */
		br_buf_addc(&b, 'y');
		br_buf_add(&b, "y", 1);
		br_buf_printf(&b, "y");
		assert_null(br_buf_reserve(&b, 1));
		assert_null(br_buf_take(&b, NULL));
		assert_int_equal(b.n, 0);
		assert_true(br_buf_failed(&b));
	}
	br_buf_reset(&b);
	assert_false(br_buf_failed(&b));
	fill(&b, c->how, c->max);
	assert_int_equal(b.n, c->max);
	br_buf_release(&b);
}

static void test_take(void **state)
{
	struct br_buf b;
	size_t n;
	char *p;

	(void)state;
	br_buf_init(&b, 100);
	br_buf_adds(&b, (struct br_str){"a\0b", 3});
	p = br_buf_take(&b, &n);
	assert_int_equal(n, 3);
	assert_memory_equal(p, "a\0b\0", 4);
	free(p);
	assert_int_equal(b.n, 0);
	p = br_buf_take(&b, &n);
	assert_int_equal(n, 0);
	assert_string_equal(p, "");
	free(p);
	br_buf_adds(&b, BR_STR("again"));
	assert_true(br_str_eq(br_buf_str(&b), BR_STR("again")));
	br_buf_release(&b);
}

static void test_reset_keeps_capacity(void **state)
{
	struct br_buf b;
	char *p;

	(void)state;
	br_buf_init(&b, 10000);
	fill(&b, ADD, 5000);
	p = b.p;
	br_buf_reset(&b);
	assert_int_equal(b.n, 0);
	assert_string_equal(br_buf_cstr(&b), "");
	fill(&b, ADD, 5000);
	assert_ptr_equal(b.p, p);
	br_buf_release(&b);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(max_cases) + 2];
	size_t n = 0;

	for (; n < BR_LEN(max_cases); n++)
		tests[n] = (struct CMUnitTest){.name = max_cases[n].name,
			.test_func = test_max,
			.initial_state = (void *)&max_cases[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_take);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_reset_keeps_capacity);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
