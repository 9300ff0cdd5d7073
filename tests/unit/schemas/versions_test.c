/* Versions: the default and its exceptions, against a plain table; the text form. */
#include "local_shape.h"
#include "random_image.h"
#include "versions.h"

static struct br_arena arena;
static const struct shape *shape;

static int read_text(const char *json, struct versions *out)
{
	struct br_err err;
	struct br_jr r;

	br_err_clear(&err);
	br_jr_init(&r, br_str_z(json), &arena, &err);
	return versions_read(&r, shape, &arena, out);
}

static void assert_text(const struct versions *v, const char *json)
{
	struct br_buf buf;
	struct br_jw w;

	br_buf_init(&buf, 1 << 20);
	br_jw_init(&w, &buf);
	versions_write(v, shape, &w);
	assert_false(br_jw_failed(&w));
	assert_string_equal(br_buf_cstr(&buf), json);
	br_buf_release(&buf);
}

static const struct text_row {
	const char *name, *in;
	const char *out; /* NULL: as in */
	enum br_err_code error;
} rows[] = {
	{"only the default", "{\"*\":1}", NULL, BR_E_OK},
	{"exceptions", "{\"*\":1,\"zt\":4,\"steps/2/yj\":3}", NULL, BR_E_OK},
	{"must be told again", "{\"*\":7,\"xm\":-1}", NULL, BR_E_OK},
	{"in the order of jsonb",
		"{\"*\":1,\"zt\":4,\"sfzh\":2,\"steps/2/yj\":3,\"steps/10/yj\":5,\"steps/1/"
		"clr\":5}",
		"{\"*\":1,\"sfzh\":2,\"zt\":4,\"steps/1/clr\":5,\"steps/10/yj\":5,\"steps/2/"
		"yj\":3}",
		BR_E_OK},
	{"the default at the end", "{\"zt\":4,\"*\":4,\"xm\":2}", "{\"*\":4,\"xm\":2}", BR_E_OK},
	{"an exception that is none", "{\"*\":4,\"zt\":4}", "{\"*\":4}", BR_E_OK},
	{"a place the shape lost", "{\"*\":1,\"nix\":4,\"stepx/1/yj\":3,\"zt\":2}",
		"{\"*\":1,\"zt\":2}", BR_E_OK},
	{"escapes in a key", "{\"*\":1,\"steps/a%2Fb%25/yj\":2}", NULL, BR_E_OK},
	{"the greatest and the least", "{\"*\":2147483647,\"zt\":-2147483648}", NULL, BR_E_OK},
	{"too great", "{\"*\":2147483648}", NULL, BR_E_SCHEMA_MEMBER},
	{"beyond int64", "{\"*\":1,\"zt\":9223372036854775808}", NULL, BR_E_SCHEMA_MEMBER},
	{"a fraction", "{\"*\":1.5}", NULL, BR_E_SCHEMA_MEMBER},
	{"a text", "{\"*\":\"1\"}", NULL, BR_E_SCHEMA_MEMBER},
	{"null", "{\"*\":1,\"zt\":null}", NULL, BR_E_SCHEMA_MEMBER},
	{"an unknown place that is no number", "{\"*\":1,\"nix\":{}}", NULL, BR_E_SCHEMA_MEMBER},
	{"no default", "{\"zt\":1}", NULL, BR_E_SCHEMA_MEMBER},
	{"an array", "[]", NULL, BR_E_SCHEMA_MEMBER},
	{"a place twice", "{\"*\":1,\"zt\":1,\"zt\":2}", NULL, BR_E_JSON_SYNTAX},
	{"a wrong escape", "{\"*\":1,\"steps/%41/yj\":2}", NULL, BR_E_SCHEMA_MEMBER},
};

static void test_text_row(void **state)
{
	const struct text_row *row = *state;
	struct versions v;

	assert_int_equal(read_text(row->in, &v), -(int)row->error);
	if (row->error == BR_E_OK)
		assert_text(&v, row->out ? row->out : row->in);
}

static void test_exceptions(void **state)
{
	struct versions v = {.dflt = 1};
	struct cell c = {.part = 1, .key = BR_STR("2"), .field = L_STEPS_YJ};

	(void)state;
	assert_int_equal(versions_get(&v, 0, BR_STR_NONE, L_XM), 1);
	assert_int_equal(versions_set(&v, &arena, 0, BR_STR_NONE, L_XM, 1), 0);
	assert_int_equal(v.n, 0);
	assert_int_equal(versions_set(&v, &arena, 1, BR_STR("2"), L_STEPS_YJ, 3), 0);
	assert_int_equal(versions_set(&v, &arena, 0, BR_STR("not in the root"), L_ZT, 4), 0);
	assert_int_equal(versions_get(&v, 0, BR_STR_NONE, L_ZT), 4);
	assert_int_equal(versions_of(&v, &c), 3);
	assert_text(&v, "{\"*\":1,\"zt\":4,\"steps/2/yj\":3}");
	assert_int_equal(versions_set(&v, &arena, 0, BR_STR_NONE, L_ZT, 1), 0);
	assert_text(&v, "{\"*\":1,\"steps/2/yj\":3}");
}

static void test_a_copy_is_its_own(void **state)
{
	struct versions v = {.dflt = 1}, copy;

	(void)state;
	assert_int_equal(versions_set(&v, &arena, 1, BR_STR("2"), L_STEPS_YJ, 3), 0);
	assert_int_equal(versions_copy(&v, &arena, &copy), 0);
	assert_int_equal(versions_set(&copy, &arena, 1, BR_STR("2"), L_STEPS_YJ, 9), 0);
	assert_int_equal(versions_set(&copy, &arena, 0, BR_STR_NONE, L_XM, 9), 0);
	assert_text(&v, "{\"*\":1,\"steps/2/yj\":3}");
	assert_text(&copy, "{\"*\":1,\"xm\":9,\"steps/2/yj\":9}");
}

/* Against a table of all places; after each step the text form reads back the same. */
static void test_against_a_table(void **state)
{
	enum { KEYS = 5 };
	unsigned rounds = random_rounds(400);

	(void)state;
	random_begin();
	for (unsigned i = 0; i < rounds; i++) {
		struct versions v = {.dflt = (int32_t)chance(4)}, back;
		int32_t table[SHAPE_MAX_PARTS * KEYS][16];
		struct br_buf buf;
		struct br_jw w;

		for (size_t p = 0; p < BR_LEN(table); p++)
			for (size_t f = 0; f < BR_LEN(table[p]); f++)
				table[p][f] = v.dflt;
		for (unsigned n = chance(60); n; n--) {
			const struct shape_field *f = &shape->fields[chance(shape->nfields)];
			unsigned k = f->part ? chance(KEYS) : 0;
			int32_t now = (int32_t)chance(4);

			assert_int_equal(
				versions_set(&v, &arena, f->part,
					br_arena_printf(&arena, "%u", k * 7), f->number, now),
				0);
			table[f->part * KEYS + k][f->number] = now;
		}
		br_buf_init(&buf, 1 << 20);
		br_jw_init(&w, &buf);
		versions_write(&v, shape, &w);
		assert_int_equal(read_text(br_buf_cstr(&buf), &back), 0);
		assert_int_equal(back.n, v.n);
		for (unsigned f = 0; f < shape->nfields; f++) {
			for (unsigned k = 0; k < (shape->fields[f].part ? KEYS : 1); k++) {
				struct br_str key = br_arena_printf(&arena, "%u", k * 7);
				unsigned part = shape->fields[f].part;

				assert_int_equal(
					versions_get(&v, part, key, f), table[part * KEYS + k][f]);
				assert_int_equal(versions_get(&back, part, key, f),
					table[part * KEYS + k][f]);
			}
		}
		br_buf_release(&buf);
		br_arena_reset(&arena);
		shape = local_shape(&arena);
	}
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(rows) + 3] = {
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_a_copy_is_its_own),
		cmocka_unit_test(test_against_a_table),
	};
	int rc;

	for (size_t i = 0; i < BR_LEN(rows); i++)
		tests[i + 3] = (struct CMUnitTest){
			rows[i].name, test_text_row, NULL, NULL, (void *)&rows[i]};
	br_arena_init(&arena, 64 << 20);
	shape = local_shape(&arena);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	br_arena_release(&arena);
	return rc;
}
