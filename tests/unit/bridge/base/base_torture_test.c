/* Out of memory at every place where bridge/base asks for some: an error that says so, and nothing
 * leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "br_json.h"
#include "br_text.h"
#include "torture.h"

/* Each returns 0, or a failure's code; the arena and the buffer are fresh. */
typedef int work_fn(struct br_arena *a, struct br_buf *b, struct br_err *err);

static int use_arena(struct br_arena *a, struct br_buf *b, struct br_err *err)
{
	(void)b;
	for (size_t n = 1; n < 60000; n *= 2) {
		char *p = br_arena_alloc(a, n);

		if (p)
			memset(p, 'x', n);
		br_arena_copy(a, BR_STR("办件"));
		br_arena_printf(a, "%zu", n);
	}
	br_mask(a, BR_STR("张三"));
	return br_arena_failed(a) ? br_err_set(err, BR_E_NOMEM, NULL) : 0;
}

static int use_buffer(struct br_arena *a, struct br_buf *b, struct br_err *err)
{
	size_t n;
	char *p;

	(void)a;
	for (int i = 0; i < 5000; i++) {
		br_buf_addc(b, 'x');
		br_buf_adds(b, BR_STR("办件"));
		br_buf_printf(b, "%d", i);
	}
	p = br_buf_take(b, &n);
	if (!p)
		return br_err_set(err, BR_E_NOMEM, NULL);
	assert_int_equal(strlen(p), n);
	free(p);
	return 0;
}

/* Forty keys and strings with escapes, written, then read. */
static int use_json(struct br_arena *a, struct br_buf *b, struct br_err *err)
{
	enum br_json_token t;
	struct br_jw w;
	struct br_jr r;
	char key[16];

	br_jw_init(&w, b);
	br_jw_object(&w);
	for (int i = 0; i < 40; i++) {
		snprintf(key, sizeof(key), "k\n%d", i);
		br_jw_key(&w, br_str_z(key));
		br_jw_object(&w);
		br_jw_kstr(&w, "xm", BR_STR("张\t三"));
		br_jw_end_object(&w);
	}
	br_jw_end_object(&w);
	if (br_jw_failed(&w))
		return br_err_set(err, BR_E_NOMEM, NULL);
	br_jr_init(&r, br_buf_str(b), a, err);
	do
		t = br_jr_next(&r);
	while (t != BR_JT_END && t != BR_JT_ERROR);
	return t == BR_JT_END ? 0 : br_jr_skip(&r, t, NULL);
}

static int use_file(struct br_arena *a, struct br_buf *b, struct br_err *err)
{
	struct br_str text;

	(void)b;
	return br_read_file("/proc/self/status", 100000, a, &text, err);
}

static const struct work_case {
	const char *name;
	work_fn *work;
} cases[] = {
	{"the arena", use_arena},
	{"the buffer", use_buffer},
	{"JSON, written and read", use_json},
	{"a file", use_file},
};

static void test_work(void **state)
{
	const struct work_case *c = *state;
	struct torture torture = {0};

	while (torture_next(&torture)) {
		struct br_arena a;
		struct br_buf b;
		struct br_err err;
		int rc;

		br_arena_init(&a, 1 << 20);
		br_buf_init(&b, 1 << 20);
		br_err_clear(&err);
		rc = c->work(&a, &b, &err);
		assert_int_equal(rc, torture_hit(&torture) ? -BR_E_NOMEM : 0);
		assert_int_equal(br_err_code(&err), torture_hit(&torture) ? BR_E_NOMEM : BR_E_OK);
		br_buf_release(&b);
		br_arena_release(&a);
	}
	assert_true(torture.round > 2); /* something has failed */
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases)];

	for (size_t i = 0; i < BR_LEN(cases); i++)
		tests[i] = (struct CMUnitTest){.name = cases[i].name,
			.test_func = test_work,
			.initial_state = (void *)&cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
