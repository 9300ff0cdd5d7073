/* What is made of connection:, and of a record's YAML as BEGIN brings it. */
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

/* References anywhere in connection: are replaced; one that cannot be is told with its place, and
 * never with what others brought in. */
static void references(void **state)
{
	static const char yaml[] =
		"headers: { K: \"${env:HTTP_TEST_KEY}\", N: \"${env:HTTP_TEST_NONE}\" }\n"
		"auth:\n  path: \"/${env:HTTP_TEST_KEY}\"\n"
		"  body: { id: \"{app_key}${env:HTTP_TEST_KEY}\" }\n"
		"  sign: { algorithm: hmac-sm3, text: \"${env:HTTP_TEST_KEY}\" }\n"
		"answers: { code: \"${env:HTTP_TEST_KEY}\" }\n";
	const struct cfg_site folders = {.folder = "/", .secrets_folder = "/none"};
	struct cfg_report report = {0};
	struct http_options o = {0};
	struct http_site site;
	struct cfg_node *node;
	struct br_arena a;

	(void)state;
	setenv("HTTP_TEST_KEY", "s{3", 1);
	br_arena_init(&a, 1 << 20);
	report.arena = &a;
	assert_int_equal(cfg_read_text(br_str_z(yaml), "a", &a, &report, &node), 0);
	o.headers = cfg_get(node, "headers");
	o.auth = cfg_get(node, "auth");
	o.answers = cfg_get(node, "answers");
	assert_true(http_site_compile(&o, &folders, &a, &report, &site) < 0);
	assert_int_equal(report.n, 1);
	assert_string_equal(br_err_tag((int)br_err_code(&report.first->err)), "CFG-022");
	assert_string_equal(br_err_detail(&report.first->err, "at"), "a:1:42");
	assert_null(memmem(report.first->err.details, report.first->err.used, "s{3", 3));
	setenv("HTTP_TEST_NONE", "{lid}", 1);
	assert_int_equal(http_site_compile(&o, &folders, &a, &report, &site), 0);
	assert_string_equal(site.headers[0].value.p, "s{{}3");
	assert_string_equal(site.headers[1].value.p, "{{}lid}");
	assert_string_equal(site.auth.path.p, "/s{3");
	assert_string_equal(site.auth.body[0].value.p, "{app_key}s{{}3");
	assert_string_equal(site.auth.sign.text.p, "s{{}3");
	assert_string_equal(site.answers.code.p, "s{3");
	br_arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(lengths_of_time), cmocka_unit_test(references)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
