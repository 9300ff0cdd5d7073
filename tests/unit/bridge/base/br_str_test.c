/* Bytes: comparing, and a hash that must stay as it is (it is stored and sent). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "br_str.h"

static const struct cmp_case {
	const char *name;
	struct br_str a, b;
	int want; /* sign */
} cmp_cases[] = {
	{"cmp: empty and none", BR_STR(""), {NULL, 0}, 0},
	{"cmp: equal", BR_STR("abc"), BR_STR("abc"), 0},
	{"cmp: beginning is less", BR_STR("ab"), BR_STR("abc"), -1},
	{"cmp: bytes, not chars", BR_STR("\xe5"), BR_STR("a"), 1},
	{"cmp: NUL counts", BR_STR("a\0b"), BR_STR("a\0a"), 1},
	{"cmp: none is least", {NULL, 0}, BR_STR("a"), -1},
};

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void test_cmp(void **state)
{
	const struct cmp_case *c = *state;

	assert_int_equal(sign(br_str_cmp(c->a, c->b)), c->want);
	assert_int_equal(sign(br_str_cmp(c->b, c->a)), -c->want);
	assert_int_equal(br_str_eq(c->a, c->b), c->want == 0);
}

static const struct hash_case {
	const char *name;
	struct br_str in;
	uint64_t want;
} hash_cases[] = {
	{"hash: empty", BR_STR(""), UINT64_C(0xefd01f60ba992926)},
	{"hash: one letter", BR_STR("a"), UINT64_C(0x82a2a958a9bece5b)},
	{"hash: chinese", BR_STR("办件"), UINT64_C(0xed61769ae7bfff57)},
	{"hash: NUL inside", BR_STR("a\0b"), UINT64_C(0xab78f5eca36d0e2b)},
};

static void test_hash(void **state)
{
	const struct hash_case *c = *state;

	assert_int_equal(br_hash(c->in.p, c->in.n), c->want);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cmp_cases) + BR_LEN(hash_cases)];
	size_t n = 0;

	for (size_t i = 0; i < BR_LEN(cmp_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = cmp_cases[i].name,
			.test_func = test_cmp,
			.initial_state = (void *)&cmp_cases[i]};
	for (size_t i = 0; i < BR_LEN(hash_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = hash_cases[i].name,
			.test_func = test_hash,
			.initial_state = (void *)&hash_cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
