/*
 * The reader and the writer against Jansson, on generated documents and on damaged ones: both
 * accept and see the same values, or both refuse. Known differences, and no others:
 *
 *   input                          here                      Jansson
 *   integer beyond int64           accepted, kept as text    refused (numeric overflow)
 *   real beyond double (1e999)     accepted, kept as text    refused (numeric overflow)
 *   more than BR_JSON_DEPTH levels refused                   accepted up to 2048
 *   NUL right behind a number      refused                   skipped as if it were not there
 *     or word
 *
 * JSON_ORACLE_SEED and JSON_ORACLE_DOCUMENTS run other and more documents than the fixed ones.
 */
#include <setjmp.h>
#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>

#include "br_json.h"

static uint64_t seed;

static unsigned chance(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 11) % n);
}

#define PICK(list) ((list)[chance(BR_LEN(list))])

/* What strings are made of: mostly good, of all lengths and kinds. */
static const struct br_str good_pieces[] = {BR_STR("a"), BR_STR("abcdefghijklmnop"), BR_STR(" "),
	BR_STR("办件"), BR_STR("张三"), BR_STR("é"), BR_STR("😀"), BR_STR("\x7f"),
	BR_STR("\xef\xbf\xbf"), BR_STR("\\n"), BR_STR("\\\""), BR_STR("\\\\"), BR_STR("\\/"),
	BR_STR("\\u0041"), BR_STR("\\u529E"), BR_STR("\\ud83d\\ude00"), BR_STR("\\uffff"),
	BR_STR("\\u001f"), BR_STR("'"), BR_STR("{[:,]}")};
static const struct br_str bad_pieces[] = {BR_STR("\xff"), BR_STR("\xd5\xc5"), BR_STR("\xc0\x80"),
	BR_STR("\xe0\x9f\xbf"), BR_STR("\xed\xa0\xbd"), BR_STR("\xf4\x90\x80\x80"),
	BR_STR("\xf0\x8f\xbf\xbf"), BR_STR("\xe5\x8a"), BR_STR("\x80"), BR_STR("\\ud83d"),
	BR_STR("\\ude00"), BR_STR("\\ud83d\\u0041"), BR_STR("\\u0000"), BR_STR("\0"), BR_STR("\n"),
	BR_STR("\x1f"), BR_STR("\\x"), BR_STR("\\u12"), BR_STR("\\u12g4"), BR_STR("\""),
	BR_STR("\\")};
static const struct br_str good_numbers[] = {BR_STR("0"), BR_STR("-0"), BR_STR("7"), BR_STR("-1"),
	BR_STR("9223372036854775807"), BR_STR("-9223372036854775808"), BR_STR("0.5"),
	BR_STR("-0.0"), BR_STR("1e3"), BR_STR("1E-400"), BR_STR("2.5e+10"),
	BR_STR("3.141592653589793238462643383279")};
static const struct br_str bad_numbers[] = {BR_STR("9223372036854775808"),
	BR_STR("-9223372036854775809"), BR_STR("1e999"), BR_STR("123456789012345678901234567890"),
	BR_STR("01"), BR_STR("+1"), BR_STR("1."), BR_STR(".5"), BR_STR("1e"), BR_STR("-"),
	BR_STR("0x1"), BR_STR("NaN"), BR_STR("Infinity")};
static const struct br_str words[] = {BR_STR("true"), BR_STR("false"), BR_STR("null")};
static const struct br_str blanks[] = {BR_STR(" "), BR_STR("\n"), BR_STR("\t\r"), BR_STR("    ")};
static const struct br_str bad_tokens[] = {BR_STR(","), BR_STR("tru"), BR_STR("]"), BR_STR("}"),
	BR_STR("\v"), BR_STR("\xef\xbb\xbf"), BR_STR("\0"), BR_STR("//"), BR_STR("[1,]"),
	BR_STR("{\"a\"}"), BR_STR("{\"d\":1,\"d\":2}"), BR_STR("{\"d\":1,\"\\u0064\":2}")};

struct maker {
	struct br_buf *b;
	unsigned hostile; /* of 1000: how often something bad is put in */
};

static bool bad_one(const struct maker *m)
{
	return chance(1000) < m->hostile;
}

static void blank(struct maker *m)
{
	if (chance(8) == 0)
		br_buf_adds(m->b, PICK(blanks));
}

static void make_string(struct maker *m, unsigned longest)
{
	br_buf_addc(m->b, '"');
	for (unsigned n = chance(longest + 1); n; n--)
		br_buf_adds(m->b, bad_one(m) ? PICK(bad_pieces) : PICK(good_pieces));
	br_buf_addc(m->b, '"');
}

/* Numbered keys are different; now and then there is one made of anything, which may come twice. */
static void make_key(struct maker *m, unsigned number)
{
	if (bad_one(m))
		make_string(m, 1);
	else
		br_buf_printf(m->b, "\"%s%u\"", chance(2) ? "k" : "办\\u0041", number);
}

static void make_value(struct maker *m, unsigned depth)
{
	unsigned kind = chance(depth ? 8 : 5), n;

	blank(m);
	if (bad_one(m)) {
		br_buf_adds(m->b, PICK(bad_tokens));
	} else if (kind < 3) {
		make_string(m, 6);
	} else if (kind == 3) {
		br_buf_adds(m->b, bad_one(m) ? PICK(bad_numbers) : PICK(good_numbers));
	} else if (kind == 4) {
		br_buf_adds(m->b, PICK(words));
	} else {
		bool object = kind != 5;

		n = chance(40) == 0 ? 15 + chance(60) : chance(5);
		br_buf_addc(m->b, object ? '{' : '[');
		for (unsigned i = 0; i < n; i++) {
			if (i)
				br_buf_addc(m->b, ',');
			blank(m);
			if (object) {
				make_key(m, i);
				blank(m);
				br_buf_addc(m->b, ':');
			}
			make_value(m, depth - 1);
		}
		blank(m);
		br_buf_addc(m->b, object ? '}' : ']');
	}
	blank(m);
}

/* Mostly brackets around something: a word alone has little to get wrong. */
static void make_document(struct maker *m)
{
	if (chance(10) == 0) {
		make_value(m, 0);
		return;
	}
	br_buf_addc(m->b, '[');
	for (unsigned n = 1 + chance(3); n; n--) {
		make_value(m, 4);
		if (n > 1)
			br_buf_addc(m->b, ',');
	}
	br_buf_addc(m->b, ']');
}

/* Overwrites, removes, doubles or inserts some bytes, or wraps the whole in brackets. */
static void damage(struct br_buf *b)
{
	static const char likely[] =
		"\"\\{}[]:,0123456789-+.eEtfn \n\x00\x1f\x7f\x80\xbf\xc2\xe5\xed\xf0\xf4\xff/u";
	size_t at = chance((unsigned)b->n + 1), n = 1 + chance(4);
	char kept[64];

	if (n > b->n - at)
		n = b->n - at;
	switch (chance(5)) {
	case 0:
		for (size_t i = 0; i < n; i++)
			b->p[at + i] = likely[chance(sizeof(likely) - 1)];
		break;
	case 1:
		memmove(b->p + at, b->p + at + n, b->n - at - n);
		b->n -= n;
		break;
	case 2:
		memcpy(kept, b->p + at, n);
		assert_non_null(br_buf_reserve(b, n));
		memmove(b->p + at + n, b->p + at, b->n - at);
		memcpy(b->p + at, kept, n);
		b->n += n;
		break;
	case 3:
		b->n = at;
		break;
	default:
		n = 25 + chance(12);
		assert_non_null(br_buf_reserve(b, 2 * n));
		memmove(b->p + n, b->p, b->n);
		memset(b->p, '[', n);
		memset(b->p + n + b->n, ']', n);
		b->n += 2 * n;
	}
}

static void assert_same(struct br_jr *r, enum br_json_token t, const json_t *want, struct br_jw *w);

static void assert_same_object(struct br_jr *r, const json_t *want, struct br_jw *w)
{
	enum br_json_token t;
	size_t n = 0;
	char key[2000];

	assert_true(json_is_object(want));
	br_jw_object(w);
	for (; (t = br_jr_next(r)) == BR_JT_KEY; n++) {
		snprintf(key, sizeof(key), "%.*s", BR_STR_ARG(r->text));
		assert_non_null(json_object_get(want, key));
		br_jw_key(w, r->text);
		assert_same(r, br_jr_next(r), json_object_get(want, key), w);
	}
	assert_int_equal(t, BR_JT_END_OBJECT);
	assert_int_equal(n, json_object_size(want));
	br_jw_end_object(w);
}

static void assert_same_array(struct br_jr *r, const json_t *want, struct br_jw *w)
{
	enum br_json_token t;
	size_t n = 0;

	assert_true(json_is_array(want));
	br_jw_array(w);
	for (; (t = br_jr_next(r)) != BR_JT_END_ARRAY; n++)
		assert_same(r, t, json_array_get(want, n), w);
	assert_int_equal(n, json_array_size(want));
	br_jw_end_array(w);
}

static void assert_same_number(struct br_jr *r, const json_t *want, struct br_jw *w)
{
	char text[100];
	int64_t number;

	if (br_json_int64(r->text, &number)) {
		assert_true(json_is_integer(want));
		assert_true(json_integer_value(want) == number);
		br_jw_int(w, number);
		return;
	}
	assert_true(json_is_real(want));
	snprintf(text, sizeof(text), "%.*s", BR_STR_ARG(r->text));
	assert_true(json_real_value(want) == strtod(text, NULL));
	br_jw_raw(w, r->text);
}

/* Reads the rest of the value that begins with t; writes it again with w. */
static void assert_same(struct br_jr *r, enum br_json_token t, const json_t *want, struct br_jw *w)
{
	switch (t) {
	case BR_JT_OBJECT:
		assert_same_object(r, want, w);
		break;
	case BR_JT_ARRAY:
		assert_same_array(r, want, w);
		break;
	case BR_JT_NUMBER:
		assert_same_number(r, want, w);
		break;
	case BR_JT_STRING:
		assert_true(json_is_string(want));
		assert_true(br_str_eq(r->text,
			(struct br_str){json_string_value(want), json_string_length(want)}));
		br_jw_str(w, r->text);
		break;
	case BR_JT_TRUE:
	case BR_JT_FALSE:
		assert_int_equal(json_typeof(want), t == BR_JT_TRUE ? JSON_TRUE : JSON_FALSE);
		br_jw_bool(w, t == BR_JT_TRUE);
		break;
	case BR_JT_NULL:
		assert_true(json_is_null(want));
		br_jw_null(w);
		break;
	default:
		fail_msg("token %d where Jansson has a value", (int)t);
	}
}

#define FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)

struct counts {
	unsigned both, neither, only_here, only_there;
};

static struct br_arena arena;
static struct br_buf written;

static bool accepted_here(struct br_str in, struct br_err *err)
{
	enum br_json_token t;
	struct br_jr r;

	br_arena_reset(&arena);
	br_err_clear(err);
	br_jr_init(&r, in, &arena, err);
	do
		t = br_jr_next(&r);
	while (t != BR_JT_END && t != BR_JT_ERROR);
	assert_int_equal(t == BR_JT_ERROR, br_err_code(err) != BR_E_OK);
	return t == BR_JT_END;
}

/* What the writer wrote is for Jansson the same again. */
static void assert_values(struct br_str in, const json_t *want)
{
	json_t *again;
	struct br_jr r;
	struct br_jw w;

	br_arena_reset(&arena);
	br_buf_reset(&written);
	br_jw_init(&w, &written);
	br_jr_init(&r, in, &arena, NULL);
	assert_same(&r, br_jr_next(&r), want, &w);
	assert_int_equal(br_jr_next(&r), BR_JT_END);
	assert_false(br_jw_failed(&w));
	again = json_loadb(written.p, written.n, FLAGS, NULL);
	assert_non_null(again);
	assert_true(json_equal(again, want));
	json_decref(again);
}

static void compare(struct br_str in, struct counts *counts);

/* Without the NUL that Jansson skipped, both must see the same again. */
static bool compare_without_nul(struct br_str in, size_t pos, struct counts *counts)
{
	char *p;

	if (pos == 0 || pos >= in.n || in.p[pos] != '\0' || !isalnum((unsigned char)in.p[pos - 1]))
		return false;
	p = malloc(in.n);
	assert_non_null(p);
	memcpy(p, in.p, pos);
	memcpy(p + pos, in.p + pos + 1, in.n - pos - 1);
	compare((struct br_str){p, in.n - 1}, counts);
	free(p);
	return true;
}

static void compare(struct br_str in, struct counts *counts)
{
	json_error_t error;
	json_t *want = json_loadb(in.p, in.n, FLAGS, &error);
	struct br_err err;
	bool here = accepted_here(in, &err);

	if (here && want) {
		counts->both++;
		assert_values(in, want);
	} else if (here) {
		counts->only_here++;
		if (json_error_code(&error) != json_error_numeric_overflow)
			fail_msg("only accepted here (Jansson: %s): %.*s", error.text,
				BR_STR_ARG(in));
	} else if (want) {
		counts->only_there++;
		if (strcmp(br_err_detail(&err, "why"), "too many levels") != 0 &&
			!compare_without_nul(
				in, strtoul(br_err_detail(&err, "pos"), NULL, 10), counts))
			fail_msg("only refused here (%s at %s): %.*s", br_err_detail(&err, "why"),
				br_err_detail(&err, "pos"), BR_STR_ARG(in));
	} else {
		counts->neither++;
	}
	json_decref(want);
}

/* In a block that ends with it: a sanitizer then sees a read behind the end. */
static void compare_exact(const struct br_buf *b, struct counts *counts)
{
	char *p = malloc(b->n ? b->n : 1);

	assert_non_null(p);
	if (b->n)
		memcpy(p, b->p, b->n);
	compare((struct br_str){p, b->n}, counts);
	free(p);
}

static const struct oracle_case {
	const char *name;
	unsigned hostile, damages;
	struct counts least; /* percent, so that the generator is known to reach each outcome */
} cases[] = {
	{"good documents", 0, 0, {.both = 100}},
	{"few bad pieces", 10, 0, {.both = 30, .neither = 10}},
	{"many bad pieces", 100, 0, {.both = 10, .neither = 30}},
	{"damaged once", 0, 1, {.both = 15, .neither = 30, .only_there = 5}},
	{"damaged, hostile", 20, 3, {.both = 1, .neither = 60, .only_there = 1}},
};

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_oracle(void **state)
{
	const struct oracle_case *c = *state;
	unsigned documents = (unsigned)from_env("JSON_ORACLE_DOCUMENTS", 5000);
	struct counts counts = {0};
	struct br_buf b;

	seed = (from_env("JSON_ORACLE_SEED", 20180702) + 1) * UINT64_C(0x9e3779b97f4a7c15);
	br_arena_init(&arena, 1 << 20);
	br_buf_init(&b, 1 << 20);
	br_buf_init(&written, 1 << 20);
	for (unsigned i = 0; i < documents; i++) {
		br_buf_reset(&b);
		make_document(&(struct maker){&b, c->hostile});
		for (unsigned k = 0; k < c->damages; k++)
			damage(&b);
		compare_exact(&b, &counts);
	}
	print_message("both %u, neither %u, only here %u, only there %u\n", counts.both,
		counts.neither, counts.only_here, counts.only_there);
	assert_true(counts.both * 100 >= c->least.both * documents);
	assert_true(counts.neither * 100 >= c->least.neither * documents);
	assert_true(counts.only_there * 100 >= c->least.only_there * documents);
	br_buf_release(&written);
	br_buf_release(&b);
	br_arena_release(&arena);
}

/* Every byte in every place of a string, and every pair of bytes in one: the reader's fast path has
 * eight lanes. */
static void test_every_byte(void **state)
{
	struct counts counts = {0};
	char text[] = "\"0123456789abcdefghij\"";

	(void)state;
	br_arena_init(&arena, 1 << 20);
	br_buf_init(&written, 1 << 20);
	for (size_t at = 1; at < 18; at++) {
		for (unsigned two = 0; two < 65536; two += at == 5 ? 1 : 251) {
			memcpy(text, "\"0123456789abcdefghij\"", sizeof(text));
			text[at] = (char)(two & 0xff);
			text[at + 1] = (char)(two >> 8);
			compare((struct br_str){text, sizeof(text) - 1}, &counts);
		}
	}
	assert_true(counts.both > 10000 && counts.neither > 10000);
	br_buf_release(&written);
	br_arena_release(&arena);
}

/* Every byte in every place of a string of every length up to three words: the writer looks at
 * several places at a time. */
static void test_short_strings(void **state)
{
	struct br_jw w;

	(void)state;
	br_buf_init(&written, 1 << 20);
	for (size_t n = 1; n <= 24; n++) {
		for (size_t at = 0; at < n; at++) {
			for (unsigned c = 0; c < 256; c++) {
				char *text = malloc(n); /* ends with it */
				json_t *got;

				assert_non_null(text);
				memset(text, 'x', n);
				text[at] = (char)c;
				br_buf_reset(&written);
				br_jw_init(&w, &written);
				br_jw_str(&w, (struct br_str){text, n});
				assert_int_equal(br_jw_failed(&w), c == 0 || c >= 0x80);
				if (!br_jw_failed(&w)) {
					got = json_loadb(written.p, written.n, FLAGS, NULL);
					assert_int_equal(json_string_length(got), n);
					assert_memory_equal(json_string_value(got), text, n);
					json_decref(got);
				}
				free(text);
			}
		}
	}
	br_buf_release(&written);
}

#define DEEP20 "[[[[[[[[[[[[[[[[[[[["
#define PEED20 "]]]]]]]]]]]]]]]]]]]]"

/* The differences named above, each by an example. */
static const struct difference {
	const char *name;
	struct br_str in;
	bool here;
	unsigned then_both;
} differences[] = {
	{"differs: integer beyond int64", BR_STR("9223372036854775808"), true, 0},
	{"differs: negative one", BR_STR("[-9223372036854775809]"), true, 0},
	{"differs: real beyond double", BR_STR("-1e999"), true, 0},
	{"differs: forty levels", BR_STR(DEEP20 DEEP20 PEED20 PEED20), false, 0},
	{"differs: NUL behind a number", BR_STR("[1\0]"), false, 1},
	{"differs: NUL behind a word", BR_STR("true\0"), false, 1},
};

static void test_difference(void **state)
{
	const struct difference *c = *state;
	struct counts counts = {0};

	br_arena_init(&arena, 1 << 20);
	br_buf_init(&written, 1 << 20);
	compare(c->in, &counts);
	assert_int_equal(counts.only_here, c->here);
	assert_int_equal(counts.only_there, !c->here);
	assert_int_equal(counts.both, c->then_both);
	br_buf_release(&written);
	br_arena_release(&arena);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases) + BR_LEN(differences) + 2];
	size_t n = 0;

	for (; n < BR_LEN(cases); n++)
		tests[n] = (struct CMUnitTest){.name = cases[n].name,
			.test_func = test_oracle,
			.initial_state = (void *)&cases[n]};
	for (size_t i = 0; i < BR_LEN(differences); i++)
		tests[n++] = (struct CMUnitTest){.name = differences[i].name,
			.test_func = test_difference,
			.initial_state = (void *)&differences[i]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_every_byte);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_short_strings);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
