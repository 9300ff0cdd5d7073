/* Out of memory wherever a message is read or written: an error that says so, no message, and
 * nothing leaks. (Built for the sanitizers each piece of an arena is an allocation of its own.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "message.h"
#include "torture.h"

#include <stdlib.h>

#define HEAD(t) "{\"v\":1,\"t\":\"" t "\",\"sys\":\"a\",\"epoch\":3,\"seq\":17,"
#define DID	"\"did\":\"1530493500.01CHD0Q5TR0000000000000000.r.7\","
static const struct text_case {
	const char *name, *text;
} cases[] = {
	{"HELLO", HEAD("HELLO") "\"nonce\":\"n\\n1\",\"caps\":\"inbox\",\"beat\":12}"},
	{"OBS", HEAD("OBS") "\"rec\":\"r\",\"lid\":\"L\\u0031\",\"present\":true,\"reason\":"
			    "\"poll\","
			    "\"image\":{\"xm\":\"\\u5f20\",\"sfzh\":null,\"p/1%2F/"
			    "yj\":\"x\\ty\"}}"},
	{"OBS of bytes",
		HEAD("OBS") "\"rec\":\"r\",\"lid\":\"L\",\"present\":true,\"reason\":\"poll\","
			    "\"raw\":\"wQD/Cg==\",\"code\":\"BASE-004\",\"text\":\"no\\n\"}"},
	{"RCPT", HEAD("RCPT") "\"rec\":\"r\"," DID "\"status\":\"APPLIED\",\"atomic\":true,"
			      "\"image\":{\"xm\":\"a\",\"p/1/yj\":null}}"},
	{"CMD", HEAD("CMD") "\"rec\":\"r\"," DID "\"op\":\"update\",\"lid\":\"L\",\"ver\":3,"
			    "\"base\":{\"xm\":\"a\"},\"image\":{\"xm\":\"b\",\"p/1\":null}}"},
	{"DIGEST", HEAD("DIGEST") "\"rec\":\"r\",\"digests\":[\"1\",\"fedcba9876543210\",\"2\","
				  "\"1\"]}"},
	{"REFETCH", HEAD("REFETCH") "\"rec\":\"r\",\"lids\":[\"1\",\"2\\n\"]}"},
	{"BEGIN", HEAD("BEGIN") "\"nonce\":\"n\",\"assigned\":4,\"incarnation\":1,"
				"\"spec\":[{\"record\":\"r\",\"x\":[1,{\"y\":null}]}]}"},
};
static const struct shape *shape;

static const struct shape *find_shape(void *arg, struct br_str sys, struct br_str rec)
{
	(void)arg;
	(void)sys;
	(void)rec;
	return shape;
}

static void test_read(void **state)
{
	const struct text_case *c = *state;
	struct torture torture = {0};

	while (torture_next(&torture)) {
		struct br_arena a;
		struct br_err err;
		struct msg m;
		int rc;

		br_arena_init(&a, 1 << 20);
		br_err_clear(&err);
		rc = msg_read(br_str_z(c->text), find_shape, NULL, &a, &m, &err);
		assert_int_equal(rc, torture_hit(&torture) ? -(int)br_err_code(&err) : 0);
		if (torture_hit(&torture))
			assert_int_equal(err.frame[0].code, BR_E_NOMEM);
		br_arena_release(&a);
	}
	assert_true(torture.round > 1);
}

/* What was written only in part is not sent. */
static void test_write(void **state)
{
	const struct text_case *c = *state;
	struct torture torture = {0};
	struct br_arena a;
	struct msg m;

	br_arena_init(&a, 1 << 20);
	assert_int_equal(msg_read(br_str_z(c->text), find_shape, NULL, &a, &m, NULL), 0);
	while (torture_next(&torture)) {
		struct br_buf b;

		br_buf_init(&b, 1 << 20);
		msg_write(&m, shape, &b);
		assert_int_equal(br_buf_failed(&b), torture_hit(&torture));
		assert_true(br_buf_failed(&b) ? b.n == 0 : b.n > 40);
		br_buf_release(&b);
	}
	br_arena_release(&a);
	assert_true(torture.round > 1);
}

int main(void)
{
	struct CMUnitTest tests[2 * BR_LEN(cases)];
	struct br_arena a;
	struct shape_builder *b;
	int rc;

	br_arena_init(&a, 1 << 20);
	b = shape_begin(&a);
	shape_add_field(b, BR_STR("xm"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("sfzh"), SHAPE_TEXT, NULL);
	shape_add_part(b, BR_STR("p"));
	shape_add_field(b, BR_STR("yj"), SHAPE_TEXT, NULL);
	shape = shape_end(b);
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		void *row = (void *)(uintptr_t)&cases[i];

		tests[2 * i] = (struct CMUnitTest){cases[i].name, test_read, NULL, NULL, row};
		tests[2 * i + 1] = (struct CMUnitTest){cases[i].name, test_write, NULL, NULL, row};
	}
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	br_arena_release(&a);
	return rc;
}
