#include "hub_ulid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void text_and_back(void **state)
{
	(void)state;
	for (int64_t i = 0; i < 1000; i++) {
		struct hub_id a = hub_ulid_make(
				      1530493500000 + i, BR_STR("casebridge.in.portal"), i * 7),
			      b;
		char text[HUB_ULID_TEXT + 1];

		hub_ulid_text(&a, text);
		assert_int_equal(strlen(text), HUB_ULID_TEXT);
		assert_true(hub_ulid_read(br_str_z(text), &b));
		assert_memory_equal(a.b, b.b, sizeof(a.b));
	}
}

static void known_vector(void **state)
{
	/* the example of the ULID specification: time part 01ARZ3NDEK is 1469922850259 ms */
	struct hub_id a = hub_ulid_make(1469922850259, BR_STR("t"), 1);
	char text[HUB_ULID_TEXT + 1];

	(void)state;
	hub_ulid_text(&a, text);
	assert_memory_equal(text, "01ARZ3NDEK", 10);
}

static void same_cause_same_id(void **state)
{
	struct hub_id a = hub_ulid_make(5, BR_STR("x"), 9), b = hub_ulid_make(5, BR_STR("x"), 9),
		      c = hub_ulid_make(5, BR_STR("x"), 10), d = hub_ulid_make(5, BR_STR("y"), 9);

	(void)state;
	assert_memory_equal(a.b, b.b, 16);
	assert_memory_not_equal(a.b, c.b, 16);
	assert_memory_not_equal(a.b, d.b, 16);
}

static void refused(void **state)
{
	static const char *const bad[] = {"", "01ARZ3NDEKTSV4RRFFQ69G5FA",
		"01ARZ3NDEKTSV4RRFFQ69G5FAVX", "81ARZ3NDEKTSV4RRFFQ69G5FAV",
		"01ARZ3NDEKTSV4RRFFQ69G5FAI", "01ARZ3NDEKTSV4RRFFQ69G5FAu"};
	struct hub_id id;

	(void)state;
	for (size_t i = 0; i < BR_LEN(bad); i++)
		assert_false(hub_ulid_read(br_str_z(bad[i]), &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_back),
		cmocka_unit_test(known_vector),
		cmocka_unit_test(same_cause_same_id),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
