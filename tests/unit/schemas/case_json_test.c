/* The case as nested JSON: rows, round trips, and Jansson as the independent reader and builder. */
#include "case_fixture.h"

#include <jansson.h>

static const struct json_row {
	const char *name, *in;
	const char *out; /* NULL: as in */
	enum br_err_code error;
	bool ignore_unknown;
} rows[] = {
	{"empty", "{}", NULL, BR_E_OK, false},
	{"value, null and absent", "{\"status\":\"ACCEPTED\",\"outcome\":null}", NULL, BR_E_OK,
		false},
	{"nested",
		"{\"item\":{\"impl_code\":\"x\",\"version\":3},\"limit\":{\"legal\":{\"n\":20,"
		"\"unit\":\"WORKDAY\"},\"promise\":{\"n\":5}},"
		"\"due\":{\"provisional\":false},\"applicant\":{\"name\":\"张某\"}}",
		NULL, BR_E_OK, false},
	{"objects in another order",
		"{\"applicant\":{\"name\":\"a\"},\"item\":{\"version\":-1,\"impl_code\":\"x\"}}",
		"{\"item\":{\"impl_code\":\"x\",\"version\":-1},\"applicant\":{\"name\":\"a\"}}",
		BR_E_OK, false},
	{"an empty object is nothing",
		"{\"item\":{},\"limit\":{\"legal\":{}},\"steps\":[],\"ext\":{}}", "{}", BR_E_OK,
		false},
	{"a list",
		"{\"steps\":[{\"key\":\"1\",\"name\":\"受理\",\"opinion\":null,\"limit\":{\"n\":1}}"
		",{\"key\":\"2\",\"name\":\"审核\"}]}",
		NULL, BR_E_OK, false},
	{"a list in another order",
		"{\"steps\":[{\"name\":\"b\",\"key\":\"2\"},{\"name\":\"a\",\"key\":\"1\"}]}",
		"{\"steps\":[{\"key\":\"1\",\"name\":\"a\"},{\"key\":\"2\",\"name\":\"b\"}]}",
		BR_E_OK, false},
	{"keys are texts", "{\"steps\":[{\"key\":\"10\",\"seq\":10},{\"key\":\"9\",\"seq\":9}]}",
		NULL, BR_E_OK, false},
	{"an element without values is nothing", "{\"steps\":[{\"key\":\"1\"}]}", "{}", BR_E_OK,
		false},
	{"booleans",
		"{\"fee\":{\"is_fee\":true,\"amount\":\"12.50\"},\"materials\":[{\"key\":\"1\","
		"\"required\":false}]}",
		NULL, BR_E_OK, false},
	{"fields of the item", "{\"ext\":{\"ydzlx\":\"1\",\"备注\":null}}", NULL, BR_E_OK, false},
	{"greatest and least integers",
		"{\"item\":{\"version\":9223372036854775807},\"rating\":{\"count\":-"
		"9223372036854775808}}",
		NULL, BR_E_OK, false},
	{"several lists",
		"{\"steps\":[{\"key\":\"1\",\"seq\":1}],\"materials\":[{\"key\":\"1\",\"seq\":1}],"
		"\"corrections\":[{\"key\":\"a\",\"closed\":true}],"
		"\"specials\":[{\"key\":\"1\",\"days\":10}],\"ext\":{\"a\":\"b\"}}",
		NULL, BR_E_OK, false},
	{"blanks", " { \"status\" : \"ACCEPTED\" , \"item\" : { \"version\" : 1 } } ",
		"{\"item\":{\"version\":1},\"status\":\"ACCEPTED\"}", BR_E_OK, false},
	{"the envelope passed over",
		"{\"case_id\":\"x\",\"version\":1,\"status\":\"ACCEPTED\",\"links\":[{\"a\":[]}]}",
		"{\"status\":\"ACCEPTED\"}", BR_E_OK, true},
	{"unknown ones inside passed over",
		"{\"item\":{\"nix\":{\"a\":1},\"version\":1},\"steps\":[{\"nix\":[],\"key\":\"1\","
		"\"seq\":1}]}",
		"{\"item\":{\"version\":1},\"steps\":[{\"key\":\"1\",\"seq\":1}]}", BR_E_OK, true},
	{"an unknown member", "{\"nix\":1}", NULL, BR_E_SCHEMA_UNKNOWN_FIELD, false},
	{"an unknown member inside", "{\"item\":{\"nix\":1}}", NULL, BR_E_SCHEMA_UNKNOWN_FIELD,
		false},
	{"an unknown member of an element", "{\"steps\":[{\"key\":\"1\",\"nix\":1}]}", NULL,
		BR_E_SCHEMA_UNKNOWN_FIELD, false},
	{"a dotted name is no path", "{\"applicant.name\":\"a\"}", NULL, BR_E_SCHEMA_UNKNOWN_FIELD,
		false},
	{"key is no member of the case", "{\"key\":\"1\"}", NULL, BR_E_SCHEMA_UNKNOWN_FIELD, false},
	{"a number for a text", "{\"status\":1}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"a text for a number", "{\"item\":{\"version\":\"1\"}}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"beyond int64", "{\"item\":{\"version\":9223372036854775808}}", NULL, BR_E_SCHEMA_MEMBER,
		false},
	{"a fraction", "{\"item\":{\"version\":1.0}}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"an exponent", "{\"item\":{\"version\":1e2}}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"minus zero", "{\"item\":{\"version\":-0}}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"a text for a boolean", "{\"fee\":{\"is_fee\":\"true\"}}", NULL, BR_E_SCHEMA_MEMBER,
		false},
	{"a number for a boolean", "{\"fee\":{\"is_fee\":1}}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"a number for a decimal", "{\"fee\":{\"amount\":12.50}}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"a text for an object", "{\"item\":\"x\"}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"null for an object", "{\"item\":null}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"an object for a text", "{\"status\":{}}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"an object for a list", "{\"steps\":{}}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"null for a list", "{\"steps\":null}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"an array for the object of the item", "{\"ext\":[]}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"a number in the object of the item", "{\"ext\":{\"a\":1}}", NULL, BR_E_SCHEMA_MEMBER,
		false},
	{"a text in a list", "{\"steps\":[\"a\"]}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"an element without a key", "{\"steps\":[{\"name\":\"a\"}]}", NULL,
		BR_E_SCHEMA_KEY_MISSING, false},
	{"a number for a key", "{\"steps\":[{\"key\":1}]}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"null for a key", "{\"steps\":[{\"key\":null}]}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"a key twice",
		"{\"steps\":[{\"key\":\"1\",\"name\":\"a\"},{\"key\":\"2\"},{\"key\":\"1\","
		"\"opinion\":\"b\"}]}",
		NULL, BR_E_SCHEMA_KEY_TWICE, false},
	{"a key twice in neighbours",
		"{\"steps\":[{\"key\":\"1\",\"name\":\"a\"},{\"key\":\"1\",\"name\":\"b\"}]}", NULL,
		BR_E_SCHEMA_KEY_TWICE, false},
	{"a member twice", "{\"status\":\"A\",\"status\":\"B\"}", NULL, BR_E_JSON_SYNTAX, false},
	{"an object twice", "{\"item\":{},\"item\":{}}", NULL, BR_E_JSON_SYNTAX, false},
	{"NUL", "{\"summary\":\"a\\u0000b\"}", NULL, BR_E_JSON_SYNTAX, false},
	{"invalid UTF-8", "{\"summary\":\"\xff\"}", NULL, BR_E_JSON_SYNTAX, false},
	{"cut", "{\"item\":{\"version\":1}", NULL, BR_E_JSON_SYNTAX, false},
	{"bytes behind", "{}{}", NULL, BR_E_JSON_SYNTAX, false},
	{"too deep",
		"{\"nix\":{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"
		"}",
		NULL, BR_E_JSON_SYNTAX, true},
	{"an array", "[]", NULL, BR_E_SCHEMA_MEMBER, false},
};

static void test_row(void **state)
{
	const struct json_row *row = *state;
	char *copy = malloc(strlen(row->in));
	struct br_str in = {memcpy(copy, row->in, strlen(row->in)), strlen(row->in)};
	struct image img;
	struct br_err err;
	struct br_buf buf;
	int rc = nested_case(in, row->ignore_unknown, &img, &err);

	assert_int_equal(rc, -(int)row->error);
	if (rc == 0) {
		br_buf_init(&buf, 1 << 20);
		nested_text(&img, &buf);
		assert_string_equal(br_buf_cstr(&buf), row->out ? row->out : row->in);
		br_buf_release(&buf);
	}
	free(copy);
}

static void test_error_names_the_place(void **state)
{
	struct image img;
	struct br_err err;

	(void)state;
	assert_int_equal(
		nested_case(BR_STR("{\"steps\":[{\"key\":\"1\",\"limit\":{\"n\":\"x\"}}]}"), false,
			&img, &err),
		-BR_E_SCHEMA_MEMBER);
	assert_string_equal(br_err_detail(&err, "field"), "steps.limit.n");
	assert_string_equal(br_err_detail(&err, "found"), "a string");
	assert_int_equal(
		nested_case(BR_STR("{\"limit\":{\"legal\":{\"m\":1}}}"), false, &img, &err),
		-BR_E_SCHEMA_UNKNOWN_FIELD);
	assert_string_equal(br_err_detail(&err, "field"), "limit.legal.m");
	assert_int_equal(
		nested_case(BR_STR("{\"steps\":[{\"limit\":{\"m\":1}}]}"), false, &img, &err),
		-BR_E_SCHEMA_UNKNOWN_FIELD);
	assert_string_equal(br_err_detail(&err, "field"), "steps.limit.m");
}

static void test_a_wrong_value_is_not_written(void **state)
{
	static const char *const bad[] = {"{\"item.version\":\"x\"}", "{\"item.version\":\"1.5\"}",
		"{\"fee.is_fee\":\"1\"}", "{\"item.version\":\"\"}"};

	(void)state;
	for (size_t i = 0; i < BR_LEN(bad); i++) {
		struct image img;
		struct br_buf buf;
		struct br_jw w;

		flat_case(bad[i], &img);
		br_buf_init(&buf, 1 << 16);
		br_jw_init(&w, &buf);
		br_jw_object(&w);
		case_write(schema, &img, &w);
		assert_true(br_jw_failed(&w));
		br_buf_release(&buf);
	}
}

/* The writer's own members around the case's. */
static void test_among_other_members(void **state)
{
	struct image img;
	struct br_buf buf;
	struct br_jw w;

	(void)state;
	flat_case("{\"status\":\"ACCEPTED\",\"applicant.name\":\"a\",\"steps/1/seq\":\"1\"}", &img);
	br_buf_init(&buf, 1 << 16);
	br_jw_init(&w, &buf);
	br_jw_object(&w);
	br_jw_kint(&w, "version", 1);
	case_write(schema, &img, &w);
	br_jw_kint(&w, "last", 2);
	br_jw_end_object(&w);
	assert_false(br_jw_failed(&w));
	assert_string_equal(br_buf_cstr(&buf),
		"{\"version\":1,\"status\":\"ACCEPTED\",\"applicant\":{\"name\":"
		"\"a\"},\"steps\":[{\"key\":\"1\",\"seq\":1}],\"last\":2}");
	br_buf_release(&buf);
}

static void test_round_trip(void **state)
{
	struct br_buf buf;
	unsigned rounds = random_rounds(4000);

	(void)state;
	random_begin();
	br_buf_init(&buf, 8 << 20);
	for (unsigned i = 0; i < rounds; i++) {
		struct image img, back = {NULL, 0};
		struct br_err err;

		random_image(schema->shape, &arena, &img);
		assert_int_equal(nested_case(nested_text(&img, &buf), chance(2), &back, &err), 0);
		assert_ordered(&back);
		assert_images_same(&img, &back);
		if (i % 64 == 63)
			br_arena_reset(&arena);
	}
	br_buf_release(&buf);
}

/* ---- Jansson builds what we read, and reads what we write ---- */

static json_t *oracle_value(const struct cell *c)
{
	if (cell_is_null(c))
		return json_null();
	switch ((enum shape_type)schema->shape->fields[c->field].type) {
	case SHAPE_INT:
		return json_integer(strtoll(br_arena_copy(&arena, c->value).p, NULL, 10));
	case SHAPE_BOOL:
		return json_boolean(c->value.n == 4);
	default:
		return json_stringn(c->value.p, c->value.n);
	}
}

static json_t *member(json_t *object, const char *name, json_t *fresh)
{
	json_t *there = json_object_get(object, name);

	if (there) {
		json_decref(fresh);
		return there;
	}
	json_object_set_new(object, name, fresh);
	return fresh;
}

static json_t *element(json_t *list, struct br_str key)
{
	json_t *e, *fresh;
	size_t i;

	json_array_foreach(list, i, e) if (json_string_length(json_object_get(e, "key")) == key.n &&
					   memcmp(json_string_value(json_object_get(e, "key")),
						   key.p, key.n) == 0) return e;
	fresh = json_pack("{s:o}", "key", json_stringn(key.p, key.n));
	json_array_append_new(list, fresh);
	return fresh;
}

/* The tree the image means, from the names of the fields alone. */
static json_t *oracle_tree(const struct image *img)
{
	json_t *root = json_object();

	for (uint32_t i = 0; i < img->n; i++) {
		const struct cell *c = &img->cells[i];
		const struct case_part *part = &schema->parts[c->part];
		char path[128], *name = path, *dot;
		json_t *at = root;

		snprintf(path, sizeof(path), "%.*s",
			BR_STR_ARG(schema->shape->fields[c->field].name));
		if (c->part && part->map) {
			at = member(root, part->name.p, json_object());
			json_object_setn_new(at, c->key.p, c->key.n, oracle_value(c));
			continue;
		}
		if (c->part)
			at = element(member(root, part->name.p, json_array()), c->key);
		while ((dot = strchr(name, '.')) != NULL) {
			*dot = '\0';
			at = member(at, name, json_object());
			name = dot + 1;
		}
		json_object_set_new(at, name, oracle_value(c));
	}
	return root;
}

static void shuffle(json_t *list)
{
	for (size_t n = json_array_size(list); n > 1; n--) {
		size_t j = chance((unsigned)n);
		json_t *last = json_incref(json_array_get(list, n - 1)),
		       *other = json_incref(json_array_get(list, j));

		json_array_set_new(list, n - 1, other);
		json_array_set_new(list, j, last);
	}
}

static void test_against_jansson(void **state)
{
	/* as it comes, sorted by name (nearly the order of jsonb), with \u for everything, on many
	 * lines */
	static const size_t forms[] = {
		0, JSON_SORT_KEYS, JSON_ENSURE_ASCII, JSON_INDENT(2) | JSON_SORT_KEYS};
	struct br_buf buf;
	unsigned rounds = random_rounds(3000);

	(void)state;
	random_begin();
	br_buf_init(&buf, 8 << 20);
	for (unsigned i = 0; i < rounds; i++) {
		struct image img, back = {NULL, 0};
		struct br_err err;
		json_error_t error;
		json_t *want, *got;
		char *text;

		random_image(schema->shape, &arena, &img);
		want = oracle_tree(&img);
		nested_text(&img, &buf);
		got = json_loadb(buf.p, buf.n, JSON_REJECT_DUPLICATES, &error);
		if (!got)
			fail_msg("%s: %.*s", error.text, (int)buf.n, buf.p);
		assert_true(json_equal(want, got));
		for (unsigned p = 1; p < schema->shape->nparts; p++)
			shuffle(json_object_get(want, schema->parts[p].name.p));
		text = json_dumps(want, PICK(forms));
		if (nested_case(br_str_z(text), false, &back, &err))
			fail_msg("refused: %s", text);
		assert_images_same(&img, &back);
		free(text);
		json_decref(want);
		json_decref(got);
		if (i % 16 == 15)
			br_arena_reset(&arena);
	}
	br_buf_release(&buf);
}

/* Without what means nothing (empty objects, elements without values), lists as objects by key: the
 * order is not part of it. */
static json_t *meaning(const json_t *value)
{
	json_t *out, *child;
	const char *name;
	size_t i;

	if (json_is_array(value)) {
		out = json_object();
		json_array_foreach((json_t *)value, i, child)
		{
			json_t *e = meaning(child), *key = json_object_get(e, "key");

			if (json_object_size(e) > 1)
				json_object_setn_new(
					out, json_string_value(key), json_string_length(key), e);
			else
				json_decref(e);
		}
		return out;
	}
	if (!json_is_object(value))
		return json_copy((json_t *)value);
	out = json_object();
	json_object_foreach((json_t *)value, name, child)
	{
		json_t *m = meaning(child);

		if (json_is_object(m) && json_object_size(m) == 0)
			json_decref(m);
		else
			json_object_set_new(out, name, m);
	}
	return out;
}

/* Of damaged text both say the same: what Jansson cannot parse we refuse, and what we accept is
 * what Jansson sees. */
static void test_damaged(void **state)
{
	static const char *const bad[] = {"\"", "\\", "{", "}", "[", "]", ",", ":", "null", "1",
		"9223372036854775808", "-0", "1e2", "true", "\\u0000", "\\ud800", "\xff",
		"\xe5\x8a", "\"status\":\"x\",", "\"nix\":null,", "{\"key\":\"1\"},",
		"\"key\":\"2\",", "0"};
	struct br_buf buf;
	unsigned rounds = random_rounds(30000), good = 0;

	(void)state;
	random_begin();
	br_buf_init(&buf, 8 << 20);
	for (unsigned i = 0; i < rounds; i++) {
		struct image img, back = {NULL, 0};
		struct br_err err;
		json_t *root, *tree, *ours, *theirs;
		size_t at, cut, n;
		const char *piece = chance(2) ? PICK(bad) : "";
		int rc;

		random_image(schema->shape, &arena, &img);
		nested_text(&img, &buf);
		at = chance((unsigned)buf.n + 1);
		cut = chance(3);
		cut = cut > buf.n - at ? buf.n - at : cut;
		n = strlen(piece);
		assert_non_null(br_buf_reserve(&buf, n));
		memmove(buf.p + at + n, buf.p + at + cut, buf.n - at - cut);
		memcpy(buf.p + at, piece, n);
		buf.n = buf.n + n - cut;
		rc = nested_case(br_buf_str(&buf), false, &back, &err);
		root = json_loadb(buf.p, buf.n, JSON_REJECT_DUPLICATES, NULL);
		if (rc == 0) {
			assert_ordered(&back);
			if (!root)
				fail_msg("round %u: Jansson refuses what we read: %.*s", i,
					(int)buf.n, buf.p);
			tree = oracle_tree(&back);
			ours = meaning(tree);
			theirs = meaning(root);
			if (!json_equal(ours, theirs))
				fail_msg("round %u: we read something else: %.*s", i, (int)buf.n,
					buf.p);
			json_decref(tree);
			json_decref(ours);
			json_decref(theirs);
			good++;
		}
		json_decref(root);
		if (i % 16 == 15)
			br_arena_reset(&arena);
	}
	assert_true(good > rounds / 20 && good < rounds);
	br_buf_release(&buf);
}

static void test_no_memory(void **state)
{
	struct br_str json =
		BR_STR("{\"status\":\"A\",\"item\":{\"name\":\"x\\ny\"},\"steps\":[{\"key\":\"2\","
		       "\"name\":\"a\"},{\"key\":\"1\",\"name\":\"a\"}],\"ext\":{\"a\":\"b\"}}");
	bool worked = false;

	(void)state;
	for (size_t max = 0; max < 8192; max += 16) {
		struct br_arena small;
		struct image img;
		struct br_err err;
		struct br_jr r;
		int rc;

		br_arena_init(&small, max);
		br_err_clear(&err);
		br_jr_init(&r, json, &small, &err);
		br_jr_next(&r);
		rc = case_read(schema, &r, false, &small, &img);
		assert_true(rc == 0 || rc == -BR_E_TOO_BIG);
		assert_false(worked && rc);
		worked = rc == 0;
		br_arena_release(&small);
	}
	assert_true(worked);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(rows) + 7] = {
		cmocka_unit_test(test_error_names_the_place),
		cmocka_unit_test(test_a_wrong_value_is_not_written),
		cmocka_unit_test(test_among_other_members),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_against_jansson),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_no_memory),
	};
	int rc;

	for (size_t i = 0; i < BR_LEN(rows); i++)
		tests[i + 7] =
			(struct CMUnitTest){rows[i].name, test_row, NULL, NULL, (void *)&rows[i]};
	load_schema();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	release_schema();
	return rc;
}
