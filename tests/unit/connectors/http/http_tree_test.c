/* JSON to image and back to nested members. */
#include "connectors/http/fake_http.h"

static void images(void **state)
{
	static const struct {
		const char *json, *want;
	} cases[] = {
		{"{}", "{}"},
		{"{\"NAME\":\"a\",\"ADDR\":null,\"X\":\"unknown\"}",
			"{\"NAME\":\"a\",\"ADDR\":null}"},
		{"{\"NAME\":12345678901234567890.50,\"ADDR\":true,\"STATE\":\"\"}",
			"{\"NAME\":\"12345678901234567890.50\",\"ADDR\":\"true\",\"STATE\":\"\"}"},
		{"{\"NAME\":{\"deep\":1},\"ADDR\":[1]}", "{}"},
		{"{\"STEPS\":[{\"SN\":2,\"TXT\":\"b\"},{\"TXT\":\"no "
		 "key\"},{\"SN\":\"1\",\"TXT\":null}]}",
			"{\"STEPS/1/TXT\":null,\"STEPS/2/TXT\":\"b\"}"},
		{"{\"STEPS\":{\"SN\":1}}", "{}"},
		{"[]", "{}"},
	};
	const struct http_part part = {1, BR_STR("STEPS"), BR_STR("SN")};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		const struct shape *shape;
		struct http_node *tree;
		struct br_arena a;
		struct image img;
		struct br_err err;
		struct br_buf b;
		struct br_jw w;

		br_arena_init(&a, 1 << 20);
		br_buf_init(&b, 1 << 20);
		br_jw_init(&w, &b);
		br_err_clear(&err);
		shape = test_shape(&a);
		tree = http_tree_read(br_str_z(cases[i].json), &a, &err);
		assert_non_null(tree);
		assert_int_equal(http_tree_image(tree, shape, &part, 1, &a, &img), 0);
		image_write(&img, shape, &w);
		if (!br_str_eq(br_buf_str(&b), br_str_z(cases[i].want)))
			fail_msg("%s: %.*s", cases[i].json, (int)b.n, b.p);
		br_buf_release(&b);
		br_arena_release(&a);
	}
}

static void no_json(void **state)
{
	static const char *const cases[] = {"", "<html>", "{", "{\"a\":1}x", "{\"a\":01}", "[1,]",
		"\"\xff\"", "{\"a\":1,\"a\":2}", "nul"};
	struct br_arena a;
	struct br_err err;

	(void)state;
	br_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		br_err_clear(&err);
		if (http_tree_read(br_str_z(cases[i]), &a, &err) &&
			i != 7) /* a doubled member is the first of the two */
			fail_msg("%s", cases[i]);
	}
	br_arena_release(&a);
}

static void paths(void **state)
{
	static const struct {
		const char *path, *want; /* NULL = nothing there */
	} cases[] = {{"a.b", "1"}, {"a.c", NULL}, {"a.b.c", NULL}, {"d", ""}, {"e", NULL},
		{"a..b", NULL}, {"f", "false"}};
	struct http_node *tree;
	struct br_arena a;

	(void)state;
	br_arena_init(&a, 1 << 20);
	tree = http_tree_read(
		BR_STR("{\"a\":{\"b\":1},\"d\":\"\",\"e\":null,\"f\":false}"), &a, NULL);
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct br_str got = http_tree_text(http_tree_at(tree, br_str_z(cases[i].path)));

		assert_int_equal(got.p != NULL, cases[i].want != NULL);
		if (got.p && !br_str_eq(got, br_str_z(cases[i].want)))
			fail_msg("%s: %.*s", cases[i].path, BR_STR_ARG(got));
	}
	assert_ptr_equal(http_tree_at(tree, BR_STR_NONE), tree);
	br_arena_release(&a);
}

static void objects(void **state)
{
	static const struct {
		const char *members[6], *want; /* "path=value", sorted; "path" alone is null */
	} cases[] = {
		{{NULL}, "{}"},
		{{"A=1", "B"}, "{\"A\":\"1\",\"B\":null}"},
		{{"A.B=1", "A.C=2", "A1=3"}, "{\"A\":{\"B\":\"1\",\"C\":\"2\"},\"A1\":\"3\"}"},
		{{"A.B.C=1", "A.B.D", "A.E=2"},
			"{\"A\":{\"B\":{\"C\":\"1\",\"D\":null},\"E\":\"2\"}}"},
		{{"A=x", "A.B=1"}, "{\"A\":{\"B\":\"1\"}}"},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct http_member m[6];
		struct br_buf b;
		struct br_jw w;
		size_t n = 0;

		for (; n < 6 && cases[i].members[n]; n++) {
			const char *text = cases[i].members[n], *is = strchr(text, '=');

			m[n] = (struct http_member){{text, is ? (size_t)(is - text) : strlen(text)},
				is ? br_str_z(is + 1) : BR_STR_NONE};
		}
		br_buf_init(&b, 1 << 20);
		br_jw_init(&w, &b);
		http_write_object(m, n, &w);
		if (!br_str_eq(br_buf_str(&b), br_str_z(cases[i].want)))
			fail_msg("%s: %.*s", cases[i].want, (int)b.n, b.p);
		br_buf_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(images), cmocka_unit_test(no_json),
		cmocka_unit_test(paths), cmocka_unit_test(objects)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
