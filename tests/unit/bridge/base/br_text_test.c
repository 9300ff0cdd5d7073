/* Text: UTF-8 borders, masks, the nearest word, reading a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "br_text.h"

#define EIGHT "abcdefgh"

static const struct utf8_case {
	const char *name;
	struct br_str in;
	size_t bad;   /* offset */
	size_t chars; /* when all is good */
} utf8_cases[] = {
	{"utf8: empty", BR_STR(""), 0, 0},
	{"utf8: ascii", BR_STR(EIGHT EIGHT "x"), 17, 17},
	{"utf8: NUL is a character", BR_STR("a\0b"), 3, 3},
	{"utf8: two, three and four bytes", BR_STR("é办😀"), 9, 3},
	{"utf8: across eight bytes", BR_STR("abcdefg办件" EIGHT), 21, 17},
	{"utf8: least of each length", BR_STR("\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80"), 9, 3},
	{"utf8: greatest of each length", BR_STR("\x7f\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf"), 10,
		4},
	{"utf8: around the surrogates", BR_STR("\xed\x9f\xbf\xee\x80\x80"), 6, 2},
	{"utf8: a tail alone", BR_STR(EIGHT "\x80"), 8, 0},
	{"utf8: overlong of two", BR_STR("a\xc1\xbf"), 1, 0},
	{"utf8: overlong of three", BR_STR("a\xe0\x9f\xbf"), 1, 0},
	{"utf8: overlong of four", BR_STR("a\xf0\x8f\xbf\xbf"), 1, 0},
	{"utf8: surrogate", BR_STR("ab\xed\xa0\x80"), 2, 0},
	{"utf8: above U+10FFFF", BR_STR("\xf4\x90\x80\x80"), 0, 0},
	{"utf8: 0xf5", BR_STR(EIGHT "\xf5\x80\x80\x80"), 8, 0},
	{"utf8: 0xff", BR_STR("\xff"), 0, 0},
	{"utf8: cut after one of three", BR_STR("办\xe5"), 3, 0},
	{"utf8: cut after two of three", BR_STR("办\xe5\x8a"), 3, 0},
	{"utf8: cut after three of four", BR_STR(EIGHT "\xf0\x9f\x98"), 8, 0},
	{"utf8: ascii in place of a tail", BR_STR("\xe5\x8a" EIGHT), 0, 0},
};

static void test_utf8(void **state)
{
	const struct utf8_case *c = *state;
	char *exact = test_malloc(c->in.n + 1); /* the checker may not look behind the end */
	struct br_str s = {exact + 1, c->in.n};

	memcpy(exact + 1, c->in.p, c->in.n);
	assert_int_equal(br_utf8_check(s), c->bad);
	if (c->bad == c->in.n)
		assert_int_equal(br_utf8_chars(s), c->chars);
	test_free(exact);
}

/* Every byte at every place of texts shorter and longer than the eight that are looked at at once,
 * between neighbours from which a borrow could come. */
static void test_control(void **state)
{
	static const char around[] = {' ', '~', '\x80', '\xff'};

	(void)state;
	assert_false(br_has_control(BR_STR("")));
	for (size_t n = 1; n <= 19; n++) {
		char *s = test_malloc(n);

		for (size_t i = 0; i < n * BR_LEN(around) * 256; i++) {
			unsigned c = (unsigned)(i % 256);
			size_t at = i / 256 % n;

			memset(s, around[i / 256 / n], n);
			s[at] = (char)c;
			assert_int_equal(
				br_has_control((struct br_str){s, n}), c < 0x20 || c == 0x7f);
		}
		test_free(s);
	}
}

static const struct cut_case {
	const char *name, *in;
	size_t max, want;
} cut_cases[] = {
	{"cut: all fits", "办件", 6, 6},
	{"cut: more room than text", "办件", 100, 6},
	{"cut: between characters", "办件", 3, 3},
	{"cut: inside, one byte in", "办件", 4, 3},
	{"cut: inside, two bytes in", "办件", 5, 3},
	{"cut: nothing fits", "办件", 2, 0},
	{"cut: no room", "办件", 0, 0},
	{"cut: inside four bytes", "a😀", 4, 1},
	{"cut: ascii", "abc", 2, 2},
	{"cut: tails without a beginning", "\x80\x80\x80\x80\x80\x80\x80\x80", 6, 6},
};

static void test_cut(void **state)
{
	const struct cut_case *c = *state;

	assert_int_equal(br_utf8_cut(br_str_z(c->in), c->max).n, c->want);
}

static const struct pair_case {
	const char *name, *in, *want;
} trim_cases[] =
	{
		{"trim: empty", "", ""},
		{"trim: only blanks", " \t\r\n\v\f　 ", ""},
		{"trim: nothing to do", "张 三", "张 三"},
		{"trim: both ends, mixed", "　 　张三 　\n", "张三"},
		{"trim: not inside a character", "\xe3\x80\x81x\xe3\x80\x81", "、x、"},
},
  mask_cases[] = {
	  {"mask: empty", "", ""},
	  {"mask: id number", "110101199003071234", "110101********1234"},
	  {"mask: id number ending in X", "11010119900307123X", "110101********123X"},
	  {"mask: old id number", "110101900307123", "110101*****7123"},
	  {"mask: mobile", "13812345678", "138****5678"},
	  {"mask: not a mobile", "23812345678", "2***"},
	  {"mask: name of two", "张三", "张*"},
	  {"mask: name of three", "张小三", "张*三"},
	  {"mask: name of four", "欧阳小三", "欧**三"},
	  {"mask: name with a dot", "阿依古丽·买买提", "阿******提"},
	  {"mask: one character", "张", "张***"},
	  {"mask: address", "北京市朝阳区某某路一号", "北***"},
	  {"mask: latin name", "John Smith", "J***"},
	  {"mask: e-mail", "a.b@example.org", "a***"},
	  {"mask: not UTF-8", "\xd5\xc5\xc8\xfd", "***"},
	  {"mask: eighteen, not a number", "abcdefghijklmnopqr", "a***"},
};

static void test_trim(void **state)
{
	const struct pair_case *c = *state;

	assert_true(br_str_eq(br_trim(br_str_z(c->in)), br_str_z(c->want)));
}

static void test_mask(void **state)
{
	const struct pair_case *c = *state;
	struct br_arena a;
	struct br_str s;
	char buf[64];

	br_arena_init(&a, 1000);
	s = br_mask(&a, br_str_z(c->in));
	assert_string_equal(s.p, c->want);
	assert_int_equal(s.n, strlen(c->want));
	br_arena_release(&a);
	assert_string_equal(br_mask_z(br_str_z(c->in), buf, sizeof(buf)), c->want);
	/* cut to any room it stays terminated and whole */
	for (size_t room = 1; room <= strlen(c->want); room++) {
		br_mask_z(br_str_z(c->in), buf, room);
		assert_true(strlen(buf) < room);
		assert_int_equal(br_utf8_check(br_str_z(buf)), strlen(buf));
	}
}

static const struct hex_case {
	const char *name, *in;
	bool good;
	uint64_t want;
} hex_cases[] = {
	{"hex: nothing", "", false, 0},
	{"hex: one digit", "f", true, 15},
	{"hex: as written", "0123456789abcdef", true, UINT64_C(0x0123456789abcdef)},
	{"hex: greatest", "ffffffffffffffff", true, UINT64_MAX},
	{"hex: too many", "00000000000000001", false, 0},
	{"hex: capital", "0123456789ABCDEF", false, 0},
	{"hex: behind f", "g", false, 0},
	{"hex: in front of 0", "/", false, 0},
	{"hex: between", ":", false, 0},
};

static void test_hex(void **state)
{
	const struct hex_case *c = *state;
	char text[BR_HEX64];
	uint64_t got = 4711;

	assert_int_equal(br_hex64_read(br_str_z(c->in), &got), c->good);
	assert_true(got == (c->good ? c->want : 4711));
	if (strlen(c->in) == BR_HEX64 && c->good)
		assert_true(br_str_eq(br_hex64(text, got), br_str_z(c->in)));
}

static const char *const words[] = {"table", "columns", "办结时间", "key", "xm"};

static const struct near_case {
	const char *name, *word, *want;
} near_cases[] = {
	{"near: the word itself", "table", "table"},
	{"near: neighbours exchanged", "tabel", "table"},
	{"near: one missing", "tble", "table"},
	{"near: one too many", "tabble", "table"},
	{"near: two of seven", "colums", "columns"},
	{"near: too far", "rows", NULL},
	{"near: two of five is too far", "tabxy", NULL},
	{"near: characters, not bytes", "办理时间", "办结时间"},
	{"near: a short word", "kez", "key"},
	{"near: empty", "", NULL},
	{"near: not UTF-8", "tabl\xff", NULL},
	{"near: very long",
		"tabletabletabletabletabletabletabletabletabletabletabletabletabletable", NULL},
};

static void test_near(void **state)
{
	const struct near_case *c = *state;
	const char *got = br_nearest(br_str_z(c->word), words, BR_LEN(words));

	if (c->want)
		assert_string_equal(got, c->want);
	else
		assert_null(got);
}

static const struct file_case {
	const char *name;
	size_t size, max, arena;
	enum br_err_code want;
} file_cases[] = {
	{"file: empty", 0, 100, 1000, BR_E_OK},
	{"file: up to the maximum", 100, 100, 1000, BR_E_OK},
	{"file: one byte more", 101, 100, 1000, BR_E_TOO_BIG},
	{"file: many chunks", 100000, 200000, 200000, BR_E_OK},
	{"file: a whole chunk", 16384, 16384, 200000, BR_E_OK},
	{"file: arena too small", 100000, 200000, 1000, BR_E_TOO_BIG},
	{"file: maximum 0", 0, 0, 1000, BR_E_OK},
	{"file: no limit", 10, SIZE_MAX, 1000, BR_E_OK},
};

static void test_file(void **state)
{
	const struct file_case *c = *state;
	char path[] = "/tmp/br_text_test.XXXXXX";
	int fd = mkstemp(path);
	struct br_str out = BR_STR("untouched");
	struct br_arena a;
	struct br_err err;

	assert_true(fd >= 0);
	for (size_t i = 0; i < c->size; i++)
		assert_int_equal(dprintf(fd, "%c", 'a' + (int)(i % 26)), 1);
	close(fd);
	br_arena_init(&a, c->arena);
	br_err_clear(&err);
	assert_int_equal(br_read_file(path, c->max, &a, &out, &err), -(int)c->want);
	assert_int_equal(br_err_code(&err), c->want);
	if (c->want) {
		assert_string_equal(out.p, "untouched");
		assert_string_equal(br_err_detail(&err, "what"), path);
	} else {
		assert_int_equal(out.n, c->size);
		for (size_t i = 0; i < c->size; i++)
			assert_int_equal(out.p[i], 'a' + (int)(i % 26));
		assert_int_equal(out.p[out.n], '\0');
	}
	unlink(path);
	br_arena_release(&a);
}

static void test_file_errors(void **state)
{
	struct br_arena a;
	struct br_err err;
	struct br_str out;

	(void)state;
	br_arena_init(&a, 100000);
	assert_int_equal(br_read_file("/nonexistent/x", 10, &a, &out, &err), -BR_E_FILE_READ);
	assert_string_equal(br_err_detail(&err, "path"), "/nonexistent/x");
	assert_string_equal(br_err_detail(&err, "why"), "No such file or directory");
	assert_int_equal(br_read_file("/", 10, &a, &out, &err), -BR_E_FILE_READ);
	assert_string_equal(br_err_detail(&err, "why"), "Is a directory");
	/* says 0 bytes and has some */
	assert_int_equal(br_read_file("/proc/self/status", 50000, &a, &out, &err), 0);
	assert_memory_equal(out.p, "Name:", 5);
	br_arena_release(&a);
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
	struct CMUnitTest tests[BR_LEN(utf8_cases) + BR_LEN(cut_cases) + BR_LEN(trim_cases) +
				BR_LEN(mask_cases) + BR_LEN(hex_cases) + BR_LEN(near_cases) +
				BR_LEN(file_cases) + 2];
	size_t n = 0;

	ROWS(utf8_cases, test_utf8);
	ROWS(cut_cases, test_cut);
	ROWS(trim_cases, test_trim);
	ROWS(mask_cases, test_mask);
	ROWS(hex_cases, test_hex);
	ROWS(near_cases, test_near);
	ROWS(file_cases, test_file);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_control);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_file_errors);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
