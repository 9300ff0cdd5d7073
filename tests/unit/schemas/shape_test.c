/* Shapes: numbers, look-up, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>

#include "local_shape.h"

static struct br_arena arena;

static void test_numbers(void **state)
{
	const struct shape *s = local_shape(&arena);

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->nfields, 11);
	assert_int_equal(s->nparts, 3);
	assert_int_equal(s->parts[1].first, L_STEPS_YJ);
	assert_int_equal(s->parts[1].n, 2);
	assert_int_equal(s->fields[L_CL_CPH].part, 2);
	for (unsigned i = 0; i < s->nfields; i++) {
		assert_int_equal(s->fields[i].number, i);
		assert_int_equal(shape_find(s, s->fields[i].part, s->fields[i].name), i);
	}
	assert_int_equal(shape_find(s, 0, BR_STR("yj")), -1);
	assert_int_equal(shape_find(s, 1, BR_STR("xm")), -1);
	assert_int_equal(shape_find(s, 0, BR_STR("")), -1);
	assert_int_equal(shape_find_part(s, BR_STR("steps")), 1);
	assert_int_equal(shape_find_part(s, BR_STR("")), 0);
	assert_int_equal(shape_find_part(s, BR_STR("step")), -1);
}

static void test_refused(void **state)
{
	struct shape_builder *b = shape_begin(&arena);
	const struct shape *s;

	(void)state;
	assert_int_equal(shape_add_field(b, BR_STR("a"), SHAPE_TEXT, NULL), 0);
	assert_int_equal(shape_add_field(b, BR_STR("a"), SHAPE_TEXT, NULL), -BR_E_SCHEMA_SHAPE);
	assert_int_equal(shape_add_field(b, BR_STR(""), SHAPE_TEXT, NULL), -BR_E_SCHEMA_SHAPE);
	assert_int_equal(shape_add_field(b, BR_STR("p/1/x"), SHAPE_TEXT, NULL), 1);
	assert_int_equal(shape_add_part(b, BR_STR("p")), -BR_E_SCHEMA_SHAPE);
	assert_int_equal(shape_add_part(b, BR_STR("q/r")), -BR_E_SCHEMA_SHAPE);
	assert_int_equal(shape_add_part(b, BR_STR("")), -BR_E_SCHEMA_SHAPE);
	assert_int_equal(shape_add_part(b, BR_STR("q")), 1);
	assert_int_equal(shape_add_part(b, BR_STR("q")), -BR_E_SCHEMA_SHAPE);
	assert_int_equal(shape_add_field(b, BR_STR("a"), SHAPE_TEXT, NULL), 2);
	s = shape_end(b);
	assert_non_null(s);
	assert_int_equal(s->nfields, 3);
	assert_int_equal(shape_find(s, 0, BR_STR("a")), 0);
	assert_int_equal(shape_find(s, 1, BR_STR("a")), 2);
}

static void test_largest(void **state)
{
	struct shape_builder *b = shape_begin(&arena);
	const struct shape *s;
	char name[16];

	(void)state;
	for (unsigned i = 0; i < SHAPE_MAX_FIELDS; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		assert_int_equal(shape_add_field(b, br_str_z(name), SHAPE_TEXT, NULL), i);
	}
	assert_int_equal(shape_add_field(b, BR_STR("more"), SHAPE_TEXT, NULL), -BR_E_SCHEMA_SHAPE);
	for (unsigned i = 1; i < SHAPE_MAX_PARTS; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		assert_int_equal(shape_add_part(b, br_str_z(name)), i);
	}
	assert_int_equal(shape_add_part(b, BR_STR("more")), -BR_E_SCHEMA_SHAPE);
	s = shape_end(b);
	assert_non_null(s);
	for (unsigned i = 0; i < SHAPE_MAX_FIELDS; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		assert_int_equal(shape_find(s, 0, br_str_z(name)), i);
	}
}

static void test_empty(void **state)
{
	const struct shape *s = shape_end(shape_begin(&arena));

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->nfields, 0);
	assert_int_equal(shape_find(s, 0, BR_STR("a")), -1);
}

static void test_no_memory(void **state)
{
	(void)state;
	/* each size fails at another place */
	for (size_t max = 0; max < 40000; max += 16) {
		struct br_arena small;

		br_arena_init(&small, max);
		(void)local_shape(&small);
		br_arena_release(&small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_no_memory),
	};
	int rc;

	br_arena_init(&arena, 16 << 20);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	br_arena_release(&arena);
	return rc;
}
