/* Images: building, look-up, walking, merging; flat JSON, also against Jansson. */
#include "local_shape.h"
#include "random_image.h"

#include <jansson.h>

static struct br_arena arena;
static const struct shape *shape;

static struct br_str text_of(const struct image *img, struct br_buf *buf)
{
	struct br_jw w;

	br_buf_reset(buf);
	br_jw_init(&w, buf);
	image_write(img, shape, &w);
	assert_false(br_jw_failed(&w));
	return br_buf_str(buf);
}

static int read_text(struct br_str json, bool ignore_unknown, struct image *out, struct br_err *err)
{
	struct br_jr r;
	int rc;

	br_err_clear(err);
	br_jr_init(&r, json, &arena, err);
	rc = image_read(&r, shape, ignore_unknown, &arena, out);
	if (rc == 0 && br_jr_next(&r) != BR_JT_END)
		return -BR_E_JSON_SYNTAX;
	return rc;
}

/* ---- flat JSON, row by row ---- */

static const struct json_row {
	const char *name, *in;
	const char *out; /* NULL: as in */
	enum br_err_code error;
	bool ignore_unknown;
} rows[] = {
	{"empty", "{}", NULL, BR_E_OK, false},
	{"values", "{\"xm\":\"张三\",\"sfzh\":\"\",\"zt\":null}", NULL, BR_E_OK, false},
	{"another order is put in order", "{\"zt\":\"1\",\"xm\":\"a\"}",
		"{\"xm\":\"a\",\"zt\":\"1\"}", BR_E_OK, false},
	{"a part", "{\"steps/1/yj\":\"同意\",\"steps/1/clr\":null,\"steps/2/yj\":\"\"}", NULL,
		BR_E_OK, false},
	{"keys are ordered by bytes", "{\"steps/2/yj\":\"b\",\"steps/10/yj\":\"a\"}",
		"{\"steps/10/yj\":\"a\",\"steps/2/yj\":\"b\"}", BR_E_OK, false},
	{"escapes in a key", "{\"steps/a%2Fb%25c/yj\":\"x\"}", NULL, BR_E_OK, false},
	{"JSON escapes in a key", "{\"steps/a\\\"b\\\\c\\n/yj\":\"x\"}", NULL, BR_E_OK, false},
	{"a Chinese key", "{\"steps/皖N12345/yj\":\"x\"}", NULL, BR_E_OK, false},
	{"an empty key", "{\"steps//yj\":\"x\"}", NULL, BR_E_OK, false},
	{"names with slash, blank, quote, percent",
		"{\"证/号\":\"1\",\"带 空格\":\"2\",\"q\\\"uo\\\\te\":\"3\",\"%\":\"4\"}", NULL,
		BR_E_OK, false},
	{"a part and column with quote and slash", "{\"c\\\"l/1/x/\\\"y\":\"1\"}", NULL, BR_E_OK,
		false},
	{"unknown column", "{\"xm\":\"a\",\"nix\":\"b\"}", NULL, BR_E_SCHEMA_UNKNOWN_COLUMN, false},
	{"unknown column passed over", "{\"xm\":\"a\",\"nix\":{\"a\":[1,{}]},\"zt\":\"1\"}",
		"{\"xm\":\"a\",\"zt\":\"1\"}", BR_E_OK, true},
	{"unknown column of a part", "{\"steps/1/nix\":\"b\"}", NULL, BR_E_SCHEMA_UNKNOWN_COLUMN,
		false},
	{"unknown part", "{\"stepx/1/yj\":\"b\"}", NULL, BR_E_SCHEMA_UNKNOWN_COLUMN, false},
	{"a column of a part without the part", "{\"yj\":\"b\"}", NULL, BR_E_SCHEMA_UNKNOWN_COLUMN,
		false},
	{"a part without a key", "{\"steps/yj\":\"b\"}", NULL, BR_E_SCHEMA_UNKNOWN_COLUMN, false},
	{"a wrong escape", "{\"steps/a%2f/yj\":\"b\"}", NULL, BR_E_SCHEMA_BAD_NAME, false},
	{"a cut escape", "{\"steps/a%2/yj\":\"b\"}", NULL, BR_E_SCHEMA_BAD_NAME, false},
	{"a wrong escape is an error even when unknown ones are not", "{\"steps/%/yj\":\"b\"}",
		NULL, BR_E_SCHEMA_BAD_NAME, true},
	{"a number", "{\"xm\":1}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"true", "{\"xm\":true}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"an object", "{\"xm\":{}}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"an array", "{\"xm\":[\"a\"]}", NULL, BR_E_SCHEMA_MEMBER, false},
	{"an array for the image", "[]", NULL, BR_E_SCHEMA_MEMBER, false},
	{"a string for the image", "\"xm\"", NULL, BR_E_SCHEMA_MEMBER, false},
	{"a key twice", "{\"xm\":\"a\",\"xm\":\"b\"}", NULL, BR_E_JSON_SYNTAX, false},
	{"a key twice, once escaped", "{\"xm\":\"a\",\"\\u0078m\":\"b\"}", NULL, BR_E_JSON_SYNTAX,
		false},
	{"NUL in a value", "{\"xm\":\"a\\u0000\"}", NULL, BR_E_JSON_SYNTAX, false},
	{"invalid UTF-8", "{\"xm\":\"\xd5\xc5\"}", NULL, BR_E_JSON_SYNTAX, false},
	{"half a surrogate", "{\"xm\":\"\\ud83d\"}", NULL, BR_E_JSON_SYNTAX, false},
	{"cut", "{\"xm\":\"a\"", NULL, BR_E_JSON_SYNTAX, false},
	{"bytes behind", "{} x", NULL, BR_E_JSON_SYNTAX, false},
	{"too deep, where nobody looks",
		"{\"nix\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
		NULL, BR_E_JSON_SYNTAX, true},
};

static void test_json_row(void **state)
{
	const struct json_row *row = *state;
	char *copy = malloc(strlen(row->in));
	struct br_str in = {memcpy(copy, row->in, strlen(row->in)), strlen(row->in)};
	struct image img;
	struct br_err err;
	struct br_buf buf;
	int rc = read_text(in, row->ignore_unknown, &img, &err);

	assert_int_equal(rc, -(int)row->error);
	if (rc == 0) {
		br_buf_init(&buf, 1 << 20);
		text_of(&img, &buf);
		assert_string_equal(br_buf_cstr(&buf), row->out ? row->out : row->in);
		br_buf_release(&buf);
	} else {
		assert_true(
			br_err_code(&err) == row->error || strcmp(row->name, "bytes behind") == 0);
	}
	free(copy);
}

/* ---- building ---- */

static void test_last_one_wins(void **state)
{
	struct image_builder b;
	struct image img;

	(void)state;
	image_build(&b, &arena, 0);
	image_set(&b, 1, BR_STR("2"), L_STEPS_YJ, BR_STR("first"));
	image_set(&b, 0, BR_STR("ignored in the root"), L_XM, BR_STR("a"));
	image_set(&b, 1, BR_STR("2"), L_STEPS_YJ, BR_STR("second"));
	image_set(&b, 0, BR_STR_NONE, L_XM, BR_STR("b"));
	image_set_null(&b, 1, BR_STR("2"), L_STEPS_YJ);
	assert_int_equal(image_build_end(&b, &img), 0);
	assert_int_equal(img.n, 2);
	assert_true(br_str_eq(image_root(&img, L_XM)->value, BR_STR("b")));
	assert_true(cell_is_null(image_get(&img, 1, BR_STR("2"), L_STEPS_YJ)));
	assert_null(image_get(&img, 1, BR_STR("2"), L_STEPS_CLR));
	assert_null(image_get(&img, 1, BR_STR("20"), L_STEPS_YJ));
	assert_null(image_root(&img, L_ZT));
}

static void test_three_states(void **state)
{
	struct cell value = {.value = BR_STR("a")}, other = {.value = BR_STR("b")},
		    empty = {.value = BR_STR("")}, null = {.value = BR_STR_NONE};

	(void)state;
	assert_true(cell_same(&value, &value));
	assert_false(cell_same(&value, &other));
	assert_true(cell_same(&null, &null));
	assert_true(cell_same(NULL, NULL));
	assert_false(cell_same(&empty, &null));
	assert_false(cell_same(&null, NULL));
	assert_false(cell_same(NULL, &empty));
}

static void test_hash_tells_apart(void **state)
{
	static const char *const different[] = {"{}", "{\"xm\":\"\"}", "{\"xm\":null}",
		"{\"xm\":\"a\"}", "{\"sfzh\":\"a\"}", "{\"xm\":\"a\",\"sfzh\":\"\"}",
		"{\"xm\":\"ab\",\"sfzh\":\"c\"}", "{\"xm\":\"a\",\"sfzh\":\"bc\"}",
		"{\"xm\":\"abcdefgh\"}", "{\"xm\":\"abcdefghi\"}", "{\"xm\":\"abcdefgi\"}",
		"{\"steps/1/yj\":\"a\"}", "{\"steps/2/yj\":\"a\"}", "{\"steps/1a/yj\":\"\"}",
		"{\"steps/1/yj\":\"\"}"};
	uint64_t hash[BR_LEN(different)];

	(void)state;
	for (size_t i = 0; i < BR_LEN(different); i++) {
		struct image img;
		struct br_err err;

		assert_int_equal(read_text(br_str_z(different[i]), false, &img, &err), 0);
		hash[i] = image_hash(&img);
		for (size_t j = 0; j < i; j++)
			assert_true(hash[i] != hash[j]);
	}
	/* kept in the ledger: it may never change */
	assert_true(hash[0] == UINT64_C(0xf7e27beadf4196a5));
	assert_true(hash[6] == UINT64_C(0x2597bef7c17b66ae));
}

/* ---- properties ---- */

static void test_round_trip(void **state)
{
	struct br_buf buf, again;
	unsigned rounds = random_rounds(5000);

	(void)state;
	random_begin();
	br_buf_init(&buf, 8 << 20);
	br_buf_init(&again, 8 << 20);
	for (unsigned i = 0; i < rounds; i++) {
		struct image img, back;
		struct br_err err;

		random_image(shape, &arena, &img);
		assert_ordered(&img);
		assert_int_equal(read_text(text_of(&img, &buf), chance(2), &back, &err), 0);
		assert_images_same(&img, &back);
		text_of(&back, &again);
		assert_int_equal(buf.n, again.n);
		assert_memory_equal(buf.p, again.p, buf.n);
		for (uint32_t c = 0; c < img.n; c++)
			assert_ptr_equal(image_get(&img, img.cells[c].part, img.cells[c].key,
						 img.cells[c].field),
				&img.cells[c]);
		if (shape && i % 64 == 63) {
			br_arena_reset(&arena);
			shape = local_shape(&arena);
		}
	}
	br_buf_release(&buf);
	br_buf_release(&again);
}

/* Each place of either, once, in order; and merging is that with the right one first. */
static void test_pairs_and_merge(void **state)
{
	unsigned rounds = random_rounds(2000);

	(void)state;
	random_begin();
	for (unsigned i = 0; i < rounds; i++) {
		struct image a, b, merged;
		struct image_pair p;
		struct cell last = {0};
		uint32_t n = 0, left = 0, right = 0;

		random_image(shape, &arena, &a);
		random_image(shape, &arena, &b);
		assert_int_equal(image_merge(&a, &b, &arena, &merged), 0);
		assert_ordered(&merged);
		image_pair_init(&p, &a, &b);
		while (image_pair_next(&p)) {
			const struct cell *place = p.left ? p.left : p.right;

			assert_non_null(place);
			assert_true(n == 0 || cell_cmp(&last, place) < 0);
			assert_ptr_equal(
				p.left, image_get(&a, place->part, place->key, place->field));
			assert_ptr_equal(
				p.right, image_get(&b, place->part, place->key, place->field));
			assert_true(
				cell_same(image_get(&merged, place->part, place->key, place->field),
					p.right ? p.right : p.left));
			left += p.left != NULL;
			right += p.right != NULL;
			last = *place;
			n++;
		}
		assert_int_equal(left, a.n);
		assert_int_equal(right, b.n);
		assert_int_equal(merged.n, n);
		br_arena_reset(&arena);
		shape = local_shape(&arena);
	}
}

static bool has_all(const struct image *img, const struct image *of)
{
	for (uint32_t i = 0; i < of->n; i++)
		if (!image_get(img, of->cells[i].part, of->cells[i].key, of->cells[i].field))
			return false;
	return true;
}

/* What an image holds beyond two others brings it back, and is only what differs. */
static void test_beyond(void **state)
{
	unsigned rounds = random_rounds(2000), said = 0;

	(void)state;
	random_begin();
	for (unsigned i = 0; i < rounds; i++) {
		struct image base, over, known, img, beyond, again;

		random_image(shape, &arena, &base);
		random_image(shape, &arena, &over);
		random_image(shape, &arena, &img);
		assert_int_equal(image_merge(&base, &over, &arena, &known), 0);
		/* one in two keeps what it is compared with, as a record does that was written */
		if (i % 2)
			assert_int_equal(image_merge(&known, &img, &arena, &img), 0);
		if (!has_all(&img, &known)) {
			assert_false(image_beyond(&img, &base, &over, &arena, &beyond));
			continue;
		}
		said++;
		assert_true(image_beyond(&img, &base, &over, &arena, &beyond));
		for (uint32_t c = 0; c < beyond.n; c++)
			assert_false(cell_same(&beyond.cells[c],
				image_get(&known, beyond.cells[c].part, beyond.cells[c].key,
					beyond.cells[c].field)));
		assert_int_equal(image_with_beyond(&base, &over, &beyond, &arena, &again), 0);
		assert_images_same(&again, &img);
		br_arena_reset(&arena);
		shape = local_shape(&arena);
	}
	assert_true(said >= rounds / 2);
}

/* ---- against Jansson ---- */

/* What Jansson says the flat object means, or that it is none of ours. */
static bool oracle_image(const json_t *root, struct image *out)
{
	struct image_builder b;
	const char *name;
	json_t *value;

	if (!json_is_object(root))
		return false;
	image_build(&b, &arena, 4);
	json_object_foreach((json_t *)root, name, value)
	{
		struct br_str key = BR_STR_NONE;
		int part = 0, field = -1;

		if (!json_is_string(value) && !json_is_null(value))
			return false;
		for (int p = 1; p < shape->nparts; p++) {
			size_t n = shape->parts[p].name.n;
			const char *slash =
				strncmp(name, shape->parts[p].name.p, n) == 0 && name[n] == '/'
					? strchr(name + n + 1, '/')
					: NULL;

			if (slash) {
				char *text = malloc(strlen(name) + 1), *to = text;

				part = p;
				field = shape_find(shape, (unsigned)p, br_str_z(slash + 1));
				for (const char *c = name + n + 1; c < slash; c++) {
					if (*c != '%')
						*to++ = *c;
					else if (strncmp(c, "%25", 3) == 0)
						*to++ = '%', c += 2;
					else if (strncmp(c, "%2F", 3) == 0)
						*to++ = '/', c += 2;
					else
						field = -1;
				}
				key = br_arena_copy(
					&arena, (struct br_str){text, (size_t)(to - text)});
				free(text);
			}
		}
		if (part == 0)
			field = shape_find(shape, 0, br_str_z(name));
		if (field < 0)
			return false;
		image_set(&b, (uint8_t)part, key, (uint16_t)field,
			json_is_null(value)
				? BR_STR_NONE
				: br_arena_copy(&arena, (struct br_str){json_string_value(value),
								json_string_length(value)}));
	}
	return image_build_end(&b, out) == 0;
}

/* A valid document with some bytes changed, put in or taken out. */
static void damage(struct br_buf *b)
{
	static const char *const bad[] = {"\"", "\\", "{", "}", "[", "]", ",", ":", "null", "1",
		"9223372036854775808", "1e999", "true", "\\u0000", "\\ud800", "\xff", "\xe5\x8a",
		"\"xm\":\"x\",", "\"nix\":null,", " ", "\n", "%", "/", "steps/"};
	size_t at = chance((unsigned)b->n + 1), cut = chance(4) ? 0 : chance(4), n;
	const char *piece = chance(4) ? PICK(bad) : "";

	n = strlen(piece);
	cut = cut > b->n - at ? b->n - at : cut;
	assert_non_null(br_buf_reserve(b, n));
	memmove(b->p + at + n, b->p + at + cut, b->n - at - cut);
	memcpy(b->p + at, piece, n);
	b->n = b->n + n - cut;
}

static void test_against_jansson(void **state)
{
	struct br_buf buf;
	unsigned rounds = random_rounds(20000), good = 0, bad = 0;

	(void)state;
	random_begin();
	br_buf_init(&buf, 8 << 20);
	for (unsigned i = 0; i < rounds; i++) {
		struct image img, ours, theirs;
		struct br_err err;
		json_error_t error;
		json_t *root;
		bool ok;

		random_image(shape, &arena, &img);
		text_of(&img, &buf);
		for (unsigned n = chance(3); n; n--)
			damage(&buf);
		root = json_loadb(buf.p, buf.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
		ok = root && oracle_image(root, &theirs);
		/* a number Jansson cannot hold would not be ours either: values are texts */
		if ((read_text(br_buf_str(&buf), false, &ours, &err) == 0) != ok)
			fail_msg("round %u: Jansson says %s (%s), we say %u: %.*s", i,
				ok ? "yes" : "no", error.text, br_err_code(&err), (int)buf.n,
				buf.p);
		if (ok)
			assert_images_same(&ours, &theirs);
		good += ok;
		bad += !ok;
		json_decref(root);
		if (i % 16 == 15) {
			br_arena_reset(&arena);
			shape = local_shape(&arena);
		}
	}
	/* the test would mean nothing if one of them were rare */
	assert_true(good > rounds / 5 && bad > rounds / 5);
	br_buf_release(&buf);
}

static void test_no_memory(void **state)
{
	struct br_str json = BR_STR(
		"{\"xm\":\"a\\n\",\"zt\":\"b\",\"sfzh\":null,\"steps/a%25/yj\":\"x\",\"steps/1/"
		"yj\":\"x\",\"steps/1/clr\":\"y\",\"steps/3/yj\":\"z\",\"steps/4/yj\":\"z\"}");
	bool worked = false;

	(void)state;
	for (size_t max = 0; max < 8192; max += 16) {
		struct br_arena small;
		struct br_err err;
		struct br_jr r;
		struct image img;
		int rc;

		br_arena_init(&small, max);
		br_err_clear(&err);
		br_jr_init(&r, json, &small, &err);
		rc = image_read(&r, shape, false, &small, &img);
		assert_true(rc == 0 || rc == -BR_E_TOO_BIG);
		assert_false(worked && rc);
		worked = rc == 0;
		br_arena_release(&small);
	}
	assert_true(worked);
}

/* What is to be set may say that an element is not to be there; what is there may not. */
static void test_elements(void **state)
{
	static const char set_text[] =
		"{\"xm\":\"a\",\"steps/1\":null,\"steps/2/yj\":\"b\",\"steps/x%2Fy\":null}";
	struct image set, img, rest, beyond, again;
	struct br_buf buf;
	struct br_err err;
	struct br_jr r;

	(void)state;
	br_buf_init(&buf, 1 << 16);
	br_jr_init(&r, BR_STR(set_text), &arena, &err);
	assert_int_equal(image_read_set(&r, shape, false, &arena, &set), 0);
	assert_string_equal(text_of(&set, &buf).p ? br_buf_cstr(&buf) : "", set_text);
	assert_int_equal(
		read_text(BR_STR(set_text), false, &img, &err), -BR_E_SCHEMA_UNKNOWN_COLUMN);
	br_jr_init(&r, BR_STR("{\"steps/1\":\"x\"}"), &arena, &err);
	assert_int_equal(image_read_set(&r, shape, false, &arena, &img), -BR_E_SCHEMA_MEMBER);
	br_jr_init(&r, BR_STR("{\"stepx/1\":null}"), &arena, &err);
	assert_int_equal(
		image_read_set(&r, shape, false, &arena, &img), -BR_E_SCHEMA_UNKNOWN_COLUMN);

	assert_int_equal(read_text(BR_STR("{\"xm\":\"1\",\"steps/1/yj\":\"1\",\"steps/1/"
					  "clr\":null,\"steps/10/clr\":\"3\",\"steps/x%2Fy/"
					  "yj\":\"4\"}"),
				 false, &img, &err),
		0);
	assert_true(image_has_element(&img, 1, BR_STR("1")));
	assert_true(image_has_element(&img, 1, BR_STR("10"))); /* by a later field alone */
	assert_true(image_has_element(&img, 1, BR_STR("x/y")));
	assert_false(image_has_element(&img, 1, BR_STR("0")));
	assert_false(image_has_element(&img, 1, BR_STR("2")));
	assert_false(image_has_element(&img, 2, BR_STR("1")));
	assert_int_equal(image_without(&img, &set, &arena, &rest), 0);
	text_of(&rest, &buf);
	assert_string_equal(br_buf_cstr(&buf), "{\"xm\":\"1\",\"steps/10/clr\":\"3\"}");
	/* one that was to go and is there all the same */
	assert_int_equal(read_text(BR_STR("{\"steps/1/yj\":\"9\"}"), false, &beyond, &err), 0);
	assert_int_equal(image_with_beyond(&img, &set, &beyond, &arena, &again), 0);
	text_of(&again, &buf);
	assert_string_equal(br_buf_cstr(&buf),
		"{\"xm\":\"a\",\"steps/1/yj\":\"9\",\"steps/10/clr\":\"3\",\"steps/2/yj\":\"b\"}");
	assert_int_equal(image_without(&rest, &rest, &arena, &img), 0);
	assert_ptr_equal(img.cells, rest.cells);
	br_buf_release(&buf);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(rows) + 9] = {
		cmocka_unit_test(test_last_one_wins),
		cmocka_unit_test(test_three_states),
		cmocka_unit_test(test_hash_tells_apart),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_pairs_and_merge),
		cmocka_unit_test(test_beyond),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_against_jansson),
		cmocka_unit_test(test_no_memory),
	};
	int rc;

	for (size_t i = 0; i < BR_LEN(rows); i++)
		tests[i + 9] = (struct CMUnitTest){
			rows[i].name, test_json_row, NULL, NULL, (void *)&rows[i]};
	br_arena_init(&arena, 256 << 20);
	shape = local_shape(&arena);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	br_arena_release(&arena);
	return rc;
}
