/* What is made of a record's YAML as BEGIN brings it. */
#include "connectors/http/fake_http.h"

/* The reader lint and the reference page speak of. */
static void lengths_of_time(void **state)
{
	static const struct {
		const char *text;
		int64_t every, sweep_every, visibility;
	} cases[] = {
		{"", 2000, 60000, 0},
		{"0", 0, 0, 0},
		{"250ms", 250, 250, 250},
		{"2s", 2000, 2000, 2000},
		{"5m", 300000, 300000, 300000},
		{"1h", 3600000, 3600000, 3600000},
		{"7d", 604800000, 604800000, 604800000},
	};
	struct br_arena a;

	(void)state;
	br_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		const char *t = cases[i].text;
		struct conn_record r = {.shape = test_shape(&a),
			.spec = json_pack("{s:{s:s},s:{s:s,s:s,s:{s:s}},s:{s:s}}", "root", "key",
				"NO", "read", "every", t, "sweep_every", t, "get", "path", "/c",
				"write", "visibility", t)};
		struct http_record h;
		struct br_err err;

		br_err_clear(&err);
		assert_non_null(r.spec);
		assert_int_equal(http_record_compile(&r, &a, &h, &err), 0);
		if (h.every_ms != cases[i].every || h.sweep_every_ms != cases[i].sweep_every ||
			h.visibility_ms != cases[i].visibility)
			fail_msg("'%s': %lld, %lld, %lld", t, (long long)h.every_ms,
				(long long)h.sweep_every_ms, (long long)h.visibility_ms);
		json_decref(r.spec);
	}
	br_arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(lengths_of_time)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
