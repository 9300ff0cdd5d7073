/* JSON: what the reader accepts and refuses and where, what the writer writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "br_json.h"

static struct br_arena arena;

/* A copy that ends with its block, so that a sanitizer sees a read behind the end. */
static struct br_str exact_copy(struct br_str s)
{
	char *p = malloc(s.n ? s.n : 1);

	assert_non_null(p);
	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct br_str){p, s.n};
}

/* All tokens of in as text: brackets, k:name, s:text, n:number, t, f, 0, and $ at the end or ! for
 * an error. */
static const char *tokens_of(struct br_jr *r, struct br_buf *b)
{
	static const char marks[] = {[BR_JT_END] = '$',
		[BR_JT_OBJECT] = '{',
		[BR_JT_END_OBJECT] = '}',
		[BR_JT_ARRAY] = '[',
		[BR_JT_END_ARRAY] = ']',
		[BR_JT_KEY] = 'k',
		[BR_JT_STRING] = 's',
		[BR_JT_NUMBER] = 'n',
		[BR_JT_TRUE] = 't',
		[BR_JT_FALSE] = 'f',
		[BR_JT_NULL] = '0',
		[BR_JT_ERROR] = '!'};
	enum br_json_token t;

	do {
		t = br_jr_next(r);
		if (b->n)
			br_buf_addc(b, ' ');
		br_buf_addc(b, marks[t]);
		if (t == BR_JT_KEY || t == BR_JT_STRING || t == BR_JT_NUMBER)
			br_buf_printf(b, ":%.*s", BR_STR_ARG(r->text));
	} while (t != BR_JT_END && t != BR_JT_ERROR);
	return br_buf_cstr(b);
}

static const struct good_case {
	const char *name;
	struct br_str in;
	const char *want;
} good_cases[] = {
	{"reads: object", BR_STR("{\"a\":1,\"b\":[true,false,null]}"),
		"{ k:a n:1 k:b [ t f 0 ] } $"},
	{"reads: empty object", BR_STR("{}"), "{ } $"},
	{"reads: empty array", BR_STR("[]"), "[ ] $"},
	{"reads: nested empties", BR_STR("[[],{},[{}]]"), "[ [ ] { } [ { } ] ] $"},
	{"reads: blanks everywhere", BR_STR(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n"),
		"{ k:a [ n:1 n:2 ] k:b { } } $"},
	{"reads: a string alone", BR_STR("\"x\""), "s:x $"},
	{"reads: a word alone", BR_STR("null"), "0 $"},
	{"reads: numbers as written",
		BR_STR("[0,-0,1.50,-2e+10,3E-7,123456789012345678901234567890,1e999]"),
		"[ n:0 n:-0 n:1.50 n:-2e+10 n:3E-7 n:123456789012345678901234567890 n:1e999 ] $"},
	{"reads: a number up to the end", BR_STR("-12.5e3"), "n:-12.5e3 $"},
	{"reads: chinese", BR_STR("{\"办件\":\"张三同意\"}"), "{ k:办件 s:张三同意 } $"},
	{"reads: long plain string", BR_STR("\"0123456789abcdefghijklmnopqrstuvwxyz办0123456789\""),
		"s:0123456789abcdefghijklmnopqrstuvwxyz办0123456789 $"},
	{"reads: all escapes", BR_STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "s:\"\\/\b\f\n\r\t $"},
	{"reads: escape in the middle", BR_STR("\"0123456789\\n办件abcdefgh\\t\""),
		"s:0123456789\n办件abcdefgh\t $"},
	{"reads: unicode escapes", BR_STR("\"\\u0041\\u00e9\\u529e\\u529E\\ud83d\\ude00\""),
		"s:Aé办办😀 $"},
	{"reads: ends of the surrogates", BR_STR("\"\\ud800\\udc00\\udbff\\udfff\\ud7ff\\ue000\""),
		"s:\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80 $"},
	{"reads: U+FFFF and DEL", BR_STR("\"\\uffff\x7f\""), "s:\xef\xbf\xbf\x7f $"},
	{"reads: escaped key", BR_STR("{\"\\u0061\":1}"), "{ k:a n:1 } $"},
	{"reads: empty key and value", BR_STR("{\"\":\"\"}"), "{ k: s: } $"},
	{"reads: same key, other object",
		BR_STR("{\"a\":{\"a\":1},\"b\":{\"a\":[{\"a\":2},{\"a\":3}]}}"),
		"{ k:a { k:a n:1 } k:b { k:a [ { k:a n:2 } { k:a n:3 } ] } } $"},
};

static void test_good(void **state)
{
	const struct good_case *c = *state;
	struct br_str in = exact_copy(c->in);
	struct br_buf b;
	struct br_err err;
	struct br_jr r;

	br_arena_init(&arena, 100000);
	br_buf_init(&b, 10000);
	br_err_clear(&err);
	br_jr_init(&r, in, &arena, &err);
	assert_string_equal(tokens_of(&r, &b), c->want);
	assert_int_equal(br_err_code(&err), BR_E_OK);
	assert_int_equal(br_jr_next(&r), BR_JT_END);
	br_buf_release(&b);
	br_arena_release(&arena);
	free((char *)in.p);
}

#define END "unexpected end"
static const struct bad_case {
	const char *name;
	struct br_str in;
	const char *pos, *why;
} bad_cases[] = {
	{"refuses: nothing", BR_STR(""), "0", END},
	{"refuses: only blanks", BR_STR("  \n"), "3", END},
	{"refuses: byte order mark", BR_STR("\xef\xbb\xbf{}"), "0", "a value is missing"},
	{"refuses: two values", BR_STR("1 2"), "2", "bytes behind the value"},
	{"refuses: bytes behind", BR_STR("{}x"), "2", "bytes behind the value"},
	{"refuses: NUL behind", BR_STR("{}\0"), "2", "bytes behind the value"},
	{"refuses: cut object", BR_STR("{\"a\":1"), "6", END},
	{"refuses: cut after key", BR_STR("{\"a\""), "4", END},
	{"refuses: cut after colon", BR_STR("{\"a\":"), "5", END},
	{"refuses: cut after comma", BR_STR("[1,"), "3", END},
	{"refuses: cut string", BR_STR("\"abc"), "4", END},
	{"refuses: cut long string", BR_STR("\"abcdefghijklmnop"), "17", END},
	{"refuses: cut escape", BR_STR("\"abc\\"), "4", END},
	{"refuses: cut after an escape", BR_STR("\"abc\\n"), "6", END},
	{"refuses: escaped quote at the end", BR_STR("\"abc\\\""), "6", END},
	{"refuses: cut word", BR_STR("[tru"), "1", "unknown word"},
	{"refuses: trailing comma in array", BR_STR("[1,]"), "3", "a value is missing"},
	{"refuses: trailing comma in object", BR_STR("{\"a\":1,}"), "7", "a key is missing"},
	{"refuses: leading comma", BR_STR("[,1]"), "1", "a value is missing"},
	{"refuses: missing comma", BR_STR("[1 2]"), "3", "a comma or closing bracket is missing"},
	{"refuses: missing colon", BR_STR("{\"a\" 1}"), "5", "a colon is missing"},
	{"refuses: bare key", BR_STR("{a:1}"), "1", "a key is missing"},
	{"refuses: wrong bracket", BR_STR("[1}"), "2", "a comma or closing bracket is missing"},
	{"refuses: wrong bracket, empty", BR_STR("{]"), "1", "a key is missing"},
	{"refuses: bracket too many", BR_STR("[]]"), "2", "bytes behind the value"},
	{"refuses: single quotes", BR_STR("'a'"), "0", "a value is missing"},
	{"refuses: other words", BR_STR("True"), "0", "a value is missing"},
	{"refuses: NaN", BR_STR("NaN"), "0", "a value is missing"},
	{"refuses: comment", BR_STR("[1/**/]"), "2", "a comma or closing bracket is missing"},
	{"refuses: leading zero", BR_STR("01"), "1", "bytes behind the value"},
	{"refuses: plus", BR_STR("+1"), "0", "a value is missing"},
	{"refuses: minus alone", BR_STR("-"), "1", END},
	{"refuses: minus and a letter", BR_STR("-a"), "1", "a digit is missing"},
	{"refuses: no digit before the point", BR_STR(".5"), "0", "a value is missing"},
	{"refuses: no digit behind the point", BR_STR("[1.]"), "3", "a digit is missing"},
	{"refuses: no exponent", BR_STR("[1e+]"), "4", "a digit is missing"},
	{"refuses: hexadecimal", BR_STR("0x1"), "1", "bytes behind the value"},
	{"refuses: vertical tab as blank", BR_STR("[\v1]"), "1", "a value is missing"},
	{"refuses: newline in a string", BR_STR("\"a\nb\""), "2", "control character in a string"},
	{"refuses: NUL in a string", BR_STR("\"abcdefghij\0b\""), "11",
		"control character in a string"},
	{"refuses: 0x1f behind an escape", BR_STR("\"\\n\x1f\""), "3",
		"control character in a string"},
	{"refuses: escaped NUL", BR_STR("\"ab\\u0000\""), "3", "U+0000 is not allowed"},
	{"refuses: escaped NUL in a key", BR_STR("{\"\\u0000\":1}"), "2", "U+0000 is not allowed"},
	{"refuses: unknown escape", BR_STR("\"\\x41\""), "1", "unknown escape"},
	{"refuses: escape of a high byte", BR_STR("\"\\\xe5\x8a\x9e\""), "1", "unknown escape"},
	{"refuses: three digits", BR_STR("\"\\u12g4\""), "1", "\\u needs four hexadecimal digits"},
	{"refuses: cut digits", BR_STR("\"\\u12"), "1", "\\u needs four hexadecimal digits"},
	{"refuses: quote among the digits", BR_STR("\"\\u12\"34\""), "1",
		"\\u needs four hexadecimal digits"},
	{"refuses: first half alone", BR_STR("\"\\ud83d\""), "1", "unpaired surrogate"},
	{"refuses: first half, then text", BR_STR("\"\\ud83dabcdefgh\""), "1",
		"unpaired surrogate"},
	{"refuses: second half alone", BR_STR("\"\\ude00\""), "1", "unpaired surrogate"},
	{"refuses: two first halves", BR_STR("\"\\ud83d\\ud83d\""), "1", "unpaired surrogate"},
	{"refuses: cut second half", BR_STR("\"\\ud83d\\ude0"), "1", "unpaired surrogate"},
	{"refuses: surrogate as bytes", BR_STR("\"\xed\xa0\xbd\xed\xb8\x80\""), "1",
		"invalid UTF-8"},
	{"refuses: GBK", BR_STR("\"\xd5\xc5\xc8\xfd\""), "1", "invalid UTF-8"},
	{"refuses: overlong slash", BR_STR("\"abcdefgh\xc0\xaf\""), "9", "invalid UTF-8"},
	{"refuses: character cut by the quote", BR_STR("\"办\xe5\x8a\""), "4", "invalid UTF-8"},
	{"refuses: character cut by the end", BR_STR("\"办\xe5\x8a"), "4", "invalid UTF-8"},
	{"refuses: invalid UTF-8 in a key", BR_STR("{\"\xff\":1}"), "2", "invalid UTF-8"},
	{"refuses: key twice", BR_STR("{\"a\":1,\"b\":2,\"a\":3}"), "13",
		"the object has this key twice"},
	{"refuses: key twice, once escaped", BR_STR("{\"a\":1,\"\\u0061\":3}"), "7",
		"the object has this key twice"},
	{"refuses: empty key twice", BR_STR("{\"\":1,\"\":3}"), "6",
		"the object has this key twice"},
	{"refuses: key twice around an object", BR_STR("{\"a\":{\"b\":1},\"a\":3}"), "13",
		"the object has this key twice"},
};

static void test_bad(void **state)
{
	const struct bad_case *c = *state;
	struct br_str in = exact_copy(c->in);
	struct br_buf b;
	struct br_err err;
	struct br_jr r;

	br_arena_init(&arena, 100000);
	br_buf_init(&b, 10000);
	br_err_clear(&err);
	br_jr_init(&r, in, &arena, &err);
	tokens_of(&r, &b);
	assert_int_equal(b.p[b.n - 1], '!');
	assert_int_equal(br_err_code(&err), BR_E_JSON_SYNTAX);
	assert_string_equal(br_err_detail(&err, "why"), c->why);
	assert_string_equal(br_err_detail(&err, "pos"), c->pos);
	assert_int_equal(br_jr_next(&r), BR_JT_ERROR);
	/* without an err too */
	br_jr_init(&r, in, &arena, NULL);
	br_buf_reset(&b);
	tokens_of(&r, &b);
	assert_int_equal(b.p[b.n - 1], '!');
	assert_int_equal(br_jr_skip(&r, BR_JT_ERROR, NULL), -BR_E_JSON_SYNTAX);
	br_buf_release(&b);
	br_arena_release(&arena);
	free((char *)in.p);
}

static enum br_json_token last_token(struct br_str in, size_t max, struct br_err *err)
{
	enum br_json_token t;
	struct br_jr r;

	br_arena_init(&arena, max);
	br_err_clear(err);
	br_jr_init(&r, in, &arena, err);
	do
		t = br_jr_next(&r);
	while (t != BR_JT_END && t != BR_JT_ERROR);
	br_arena_release(&arena);
	return t;
}

static void test_depth(void **state)
{
	char text[200];
	struct br_err err;

	(void)state;
	for (unsigned depth = BR_JSON_DEPTH - 1; depth <= BR_JSON_DEPTH + 1; depth++) {
		bool fits = depth <= BR_JSON_DEPTH;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(last_token((struct br_str){text, depth * 2}, 1000, &err),
			fits ? BR_JT_END : BR_JT_ERROR);
		if (!fits)
			assert_string_equal(br_err_detail(&err, "why"), "too many levels");
	}
}

/* n keys, then key number again once more (n: none). Around it siblings that use the same depth. */
static struct br_str many_keys(struct br_buf *b, unsigned n, unsigned again)
{
	br_buf_reset(b);
	br_buf_printf(b, "[{\"k1\":0},{");
	for (unsigned i = 0; i < n; i++)
		br_buf_printf(b, "%s\"k%u\":%u", i ? "," : "", i, i);
	if (again < n)
		br_buf_printf(b, ",\"k%u\":0", again);
	br_buf_printf(b, "},{\"k1\":0,\"k0\":1}]");
	return br_buf_str(b);
}

static void test_many_keys(void **state)
{
	static const unsigned counts[] = {
		1, 15, 16, 17, 31, 32, 33, 34, 63, 64, 65, 127, 128, 129, 5000};
	struct br_buf b;
	struct br_err err;

	(void)state;
	br_buf_init(&b, 1 << 20);
	for (size_t i = 0; i < BR_LEN(counts); i++) {
		unsigned n = counts[i], again[] = {0, n / 2, n - 1};

		assert_int_equal(last_token(many_keys(&b, n, n), 1 << 20, &err), BR_JT_END);
		for (size_t k = 0; k < BR_LEN(again); k++) {
			assert_int_equal(
				last_token(many_keys(&b, n, again[k]), 1 << 20, &err), BR_JT_ERROR);
			assert_string_equal(
				br_err_detail(&err, "why"), "the object has this key twice");
		}
	}
	br_buf_release(&b);
}

/* Keys that look alike where few of them are told apart at a glance; and few behind many. */
static void test_like_keys(void **state)
{
	struct br_err err;
	struct br_buf b;

	(void)state;
	br_buf_init(&b, 1 << 20);
	br_buf_printf(&b, "%s", "[{\"abxcd\":1,\"acxdd\":2,\"aXxXd\":3},");
	br_buf_printf(&b, "%s", "{\"abxcd\":1,\"acxdd\":2,\"abxc\":3}]");
	assert_int_equal(last_token(br_buf_str(&b), 1 << 20, &err), BR_JT_END);
	br_buf_reset(&b);
	br_buf_printf(&b, "%s", "{\"abxcd\":1,\"acxdd\":2,\"aXxXd\":3,\"acxdd\":4}");
	assert_int_equal(last_token(br_buf_str(&b), 1 << 20, &err), BR_JT_ERROR);
	br_buf_reset(&b);
	br_buf_printf(&b, "%s", "[{");
	for (int i = 0; i < 100; i++)
		br_buf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i, i);
	br_buf_printf(&b, "%s", "},{\"k1\":1,\"k2\":2},{\"k1\":1,\"k2\":2,\"k1\":3}]");
	assert_int_equal(last_token(br_buf_str(&b), 1 << 20, &err), BR_JT_ERROR);
	assert_true(strtoul(br_err_detail(&err, "pos"), NULL, 10) > b.n - 12);
	br_buf_release(&b);
}

/* Every size of arena either suffices or gives TOO_BIG, never a wrong answer. */
static void test_small_arena(void **state)
{
	struct br_buf b;
	struct br_str in;
	struct br_err err;
	size_t enough = 0;

	(void)state;
	br_buf_init(&b, 10000);
	many_keys(&b, 40, 40);
	b.n--;
	br_buf_printf(&b, ",\"\\n0123456789012345678901234567890123456789\"]");
	in = br_buf_str(&b);
	for (size_t max = 0; max < 4000; max++) {
		if (last_token(in, max, &err) == BR_JT_END)
			enough = enough ? enough : max;
		else
			assert_int_equal(br_err_code(&err), BR_E_TOO_BIG);
		assert_true(br_err_code(&err) == BR_E_OK || !enough);
	}
	assert_in_range(enough, 100, 3999);
	br_buf_release(&b);
}

static void test_plain_strings_are_borrowed(void **state)
{
	struct br_str in = BR_STR("[\"plain\",\"esc\\n\"]");
	struct br_jr r;

	(void)state;
	br_arena_init(&arena, 1000);
	br_jr_init(&r, in, &arena, NULL);
	br_jr_next(&r);
	br_jr_next(&r);
	assert_ptr_equal(r.text.p, in.p + 2);
	assert_int_equal(arena.used, 0);
	br_jr_next(&r);
	assert_true(r.text.p < in.p || r.text.p > in.p + in.n);
	br_arena_release(&arena);
}

static const struct skip_case {
	const char *name;
	struct br_str in;
	const char *raw; /* NULL: refused */
} skip_cases[] = {
	{"skips: object", BR_STR(" {\"a\": [1, {}]} "), "{\"a\": [1, {}]}"},
	{"skips: array", BR_STR("[ ]"), "[ ]"},
	{"skips: string with escapes", BR_STR(" \"a\\n\\u529e\" "), "\"a\\n\\u529e\""},
	{"skips: number", BR_STR(" -1.5e3 "), "-1.5e3"},
	{"skips: word", BR_STR("null"), "null"},
	{"skips: not over a fault", BR_STR("[{\"a\":1,\"a\":2}]"), NULL},
	{"skips: not over an end", BR_STR("[[1]"), NULL},
};

static void test_skip(void **state)
{
	const struct skip_case *c = *state;
	struct br_err err;
	struct br_jr r;
	struct br_str raw = BR_STR_NONE;
	int rc;

	br_arena_init(&arena, 10000);
	br_jr_init(&r, c->in, &arena, &err);
	rc = br_jr_skip(&r, br_jr_next(&r), &raw);
	assert_int_equal(rc, c->raw ? 0 : -BR_E_JSON_SYNTAX);
	assert_true(br_str_eq(raw, br_str_z(c->raw)));
	assert_int_equal(br_jr_next(&r), c->raw ? BR_JT_END : BR_JT_ERROR);
	br_arena_release(&arena);
}

/* Skipping a member leaves the reader at the next key. */
static void test_skip_inside(void **state)
{
	struct br_jr r;
	struct br_str raw;

	(void)state;
	br_arena_init(&arena, 10000);
	br_jr_init(&r, BR_STR("{\"a\" : {\"x\":[1]} ,\"b\":\"y\"}"), &arena, NULL);
	assert_int_equal(br_jr_next(&r), BR_JT_OBJECT);
	assert_int_equal(br_jr_next(&r), BR_JT_KEY);
	assert_int_equal(br_jr_skip(&r, br_jr_next(&r), &raw), 0);
	assert_true(br_str_eq(raw, BR_STR("{\"x\":[1]}")));
	assert_int_equal(br_jr_next(&r), BR_JT_KEY);
	assert_true(br_str_eq(r.text, BR_STR("b")));
	assert_int_equal(br_jr_skip(&r, br_jr_next(&r), &raw), 0);
	assert_true(br_str_eq(raw, BR_STR("\"y\"")));
	assert_int_equal(br_jr_next(&r), BR_JT_END_OBJECT);
	assert_int_equal(br_jr_next(&r), BR_JT_END);
	br_arena_release(&arena);
}

static const struct int_case {
	const char *name;
	struct br_str in;
	bool good;
	int64_t want;
} int_cases[] = {
	{"int64: zero", BR_STR("0"), true, 0},
	{"int64: minus zero", BR_STR("-0"), true, 0},
	{"int64: greatest", BR_STR("9223372036854775807"), true, INT64_MAX},
	{"int64: greatest and one", BR_STR("9223372036854775808"), false, 0},
	{"int64: least", BR_STR("-9223372036854775808"), true, INT64_MIN},
	{"int64: least less one", BR_STR("-9223372036854775809"), false, 0},
	{"int64: as many digits as always fit", BR_STR("-99999999999999999"), true,
		-INT64_C(99999999999999999)},
	{"int64: one more", BR_STR("999999999999999999"), true, INT64_C(999999999999999999)},
	{"int64: far too long", BR_STR("100000000000000000000000"), false, 0},
	{"int64: fraction", BR_STR("1.0"), false, 0},
	{"int64: exponent", BR_STR("1e3"), false, 0},
	{"int64: empty", BR_STR(""), false, 0},
	{"int64: sign alone", BR_STR("-"), false, 0},
	{"int64: blank", BR_STR(" 1"), false, 0},
	{"int64: high byte", BR_STR("1\xb0"), false, 0},
};

static void test_int(void **state)
{
	const struct int_case *c = *state;
	int64_t got = 4711;

	assert_int_equal(br_json_int64(c->in, &got), c->good);
	assert_true(got == (c->good ? c->want : 4711));
}

static void write_all_kinds(struct br_jw *w)
{
	br_jw_object(w);
	br_jw_kstr(w, "办件", BR_STR("张三"));
	br_jw_kint(w, "n", INT64_MIN);
	br_jw_kbool(w, "t", true);
	br_jw_kraw(w, "r", BR_STR("[1 ]"));
	br_jw_key(w, BR_STR("o"));
	br_jw_object(w);
	br_jw_end_object(w);
	br_jw_key(w, BR_STR("a"));
	br_jw_array(w);
	br_jw_null(w);
	br_jw_array(w);
	br_jw_end_array(w);
	br_jw_bool(w, false);
	br_jw_int(w, 0);
	br_jw_int(w, INT64_MAX);
	br_jw_str(w, BR_STR_NONE);
	br_jw_object(w);
	br_jw_kint(w, "x", -10);
	br_jw_end_object(w);
	br_jw_end_array(w);
	br_jw_kint(w, "z", 7);
	br_jw_end_object(w);
}

static void write_escapes(struct br_jw *w)
{
	br_jw_str(w, BR_STR("\"\\/\b\f\n\r\t\x01\x1f\x7f"
			    "abcdefgh\n办件abcdefghi\"😀"));
}

static void write_string_alone(struct br_jw *w)
{
	br_jw_str(w, BR_STR("x"));
}

static void nest(struct br_jw *w, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		br_jw_array(w);
	for (unsigned i = 0; i < depth; i++)
		br_jw_end_array(w);
}

static void write_deepest(struct br_jw *w)
{
	nest(w, BR_JSON_DEPTH);
}

static void write_too_deep(struct br_jw *w)
{
	nest(w, BR_JSON_DEPTH + 1);
}

static void write_bad_utf8(struct br_jw *w)
{
	br_jw_str(w, BR_STR("abcdefghij\xd5\xc5"));
}

static void write_cut_utf8(struct br_jw *w)
{
	br_jw_str(w, BR_STR("abc\xe5\x8a"));
}

static void write_nul(struct br_jw *w)
{
	br_jw_str(w, BR_STR("a\0b"));
}

static void write_bad_key(struct br_jw *w)
{
	br_jw_object(w);
	br_jw_key(w, BR_STR("\xff"));
	br_jw_int(w, 1);
	br_jw_end_object(w);
}

static void write_key_alone(struct br_jw *w)
{
	br_jw_object(w);
	br_jw_key(w, BR_STR("a"));
	br_jw_end_object(w);
}

static void write_two_keys(struct br_jw *w)
{
	br_jw_object(w);
	br_jw_key(w, BR_STR("a"));
	br_jw_key(w, BR_STR("b"));
}

static void write_key_outside(struct br_jw *w)
{
	br_jw_key(w, BR_STR("a"));
}

static void write_name_outside(struct br_jw *w)
{
	br_jw_kint(w, "a", 1);
}

static void write_name_after_key(struct br_jw *w)
{
	br_jw_object(w);
	br_jw_key(w, BR_STR("a"));
	br_jw_kint(w, "b", 1);
}

static void write_end_too_many(struct br_jw *w)
{
	br_jw_end_object(w);
}

static void write_empty_raw(struct br_jw *w)
{
	br_jw_raw(w, BR_STR_NONE);
}

static void write_too_much(struct br_jw *w)
{
	for (int i = 0; i < 1000; i++)
		br_jw_str(w, BR_STR("0123456789"));
}

#define L32 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
#define R32 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
static const struct write_case {
	const char *name;
	void (*write)(struct br_jw *w);
	const char *want; /* NULL: fails */
} write_cases[] = {
	{"writes: all kinds", write_all_kinds,
		"{\"办件\":\"张三\",\"n\":-9223372036854775808,\"t\":true,\"r\":[1 ],\"o\":{},"
		"\"a\":[null,[],false,0,9223372036854775807,\"\",{\"x\":-10}],\"z\":7}"},
	{"writes: escapes", write_escapes,
		"\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f"
		"abcdefgh\\n办件abcdefghi\\\"😀\""},
	{"writes: a string alone", write_string_alone, "\"x\""},
	{"writes: deepest", write_deepest, L32 R32},
	{"write fails: too deep", write_too_deep, NULL},
	{"write fails: not UTF-8", write_bad_utf8, NULL},
	{"write fails: half a character", write_cut_utf8, NULL},
	{"write fails: NUL", write_nul, NULL},
	{"write fails: key not UTF-8", write_bad_key, NULL},
	{"write fails: key without value", write_key_alone, NULL},
	{"write fails: key after key", write_two_keys, NULL},
	{"write fails: key outside an object", write_key_outside, NULL},
	{"write fails: literal key outside an object", write_name_outside, NULL},
	{"write fails: literal key after key", write_name_after_key, NULL},
	{"write fails: closes what is not open", write_end_too_many, NULL},
	{"write fails: raw nothing", write_empty_raw, NULL},
	{"write fails: buffer full", write_too_much, NULL},
};

static void test_write(void **state)
{
	const struct write_case *c = *state;
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 1000);
	br_jw_init(&w, &b);
	c->write(&w);
	assert_int_equal(br_jw_failed(&w), c->want == NULL);
	if (c->want)
		assert_string_equal(br_buf_cstr(&b), c->want);
	br_buf_release(&b);
}

#define ROWS(table, function)                                                                      \
	for (size_t i = 0; i < BR_LEN(table); i++)                                                 \
		tests[n++] = (struct CMUnitTest)                                                   \
		{                                                                                  \
			.name = (table)[i].name, .test_func = (function),                          \
			.initial_state = (void *)&(table)[i]                                       \
		}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(good_cases) + BR_LEN(bad_cases) + BR_LEN(skip_cases) +
				BR_LEN(int_cases) + BR_LEN(write_cases) + 6];
	size_t n = 0;

	ROWS(good_cases, test_good);
	ROWS(bad_cases, test_bad);
	ROWS(skip_cases, test_skip);
	ROWS(int_cases, test_int);
	ROWS(write_cases, test_write);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_depth);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_many_keys);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_like_keys);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_small_arena);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_plain_strings_are_borrowed);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_skip_inside);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
