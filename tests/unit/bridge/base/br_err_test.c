/* Errors: the catalogue is whole, and messages read as promised in both languages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "br_err.h"
#include "br_text.h"

static const struct row {
	const char *name, *tag, *en, *zh, *next_en, *next_zh;
	enum br_err_code code;
	enum br_err_class class;
} rows[] = {
#define RETRY BR_CLASS_RETRY
#define PARK  BR_CLASS_PARK
#define FATAL BR_CLASS_FATAL
#define BR_ERR(id, class, tag, en, zh, next_en, next_zh)                                           \
	{#id, tag, en, zh, next_en, next_zh, BR_E_##id, class},
#include "br_err_codes.def"
#undef BR_ERR
#undef RETRY
#undef PARK
#undef FATAL
};

/* Every {name} of text is one of other, both ways; names are plain words. */
/* A detail that is itself words comes in both languages: {why} in English, {why_zh} in Chinese. */
static bool has_partner(const char *name, size_t n, const char *other)
{
	bool zh = n > 3 && memcmp(name + n - 3, "_zh", 3) == 0;
	char partner[70];

	snprintf(
		partner, sizeof(partner), "{%.*s%s}", (int)(zh ? n - 3 : n), name, zh ? "" : "_zh");
	return strstr(other, partner) != NULL;
}

static void assert_names_within(const struct row *row, const char *text, const char *other)
{
	for (const char *p = text; (p = strchr(p, '{')); p++) {
		size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_0123456789");
		char name[64];

		if (n == 0 || p[n + 1] != '}' || n > 60)
			fail_msg("%s: bad {name} in: %s", row->tag, text);
		snprintf(name, sizeof(name), "%.*s", (int)n + 2, p);
		if (!strstr(other, name) && !has_partner(p + 1, n, other))
			fail_msg("%s: %s is missing in: %s", row->tag, name, other);
	}
}

static void test_row(void **state)
{
	const struct row *row = *state;
	const char *const texts[] = {row->en, row->zh, row->next_en, row->next_zh};
	unsigned number;
	char area[16], rest;

	for (size_t i = 0; i < BR_LEN(texts); i++) {
		struct br_str s = br_str_z(texts[i]);

		if (s.n == 0)
			fail_msg("%s: text %zu is empty", row->tag, i);
		assert_int_equal(br_utf8_check(s), s.n);
		assert_true(br_str_eq(br_trim(s), s));
	}
	assert_names_within(row, row->en, row->zh);
	assert_names_within(row, row->zh, row->en);
	assert_names_within(row, row->next_en, row->next_zh);
	assert_names_within(row, row->next_zh, row->next_en);
	/* a Chinese text that is only ASCII was forgotten */
	assert_true(br_utf8_chars(br_str_z(row->zh)) < strlen(row->zh));
	assert_true(br_utf8_chars(br_str_z(row->next_zh)) < strlen(row->next_zh));
	assert_int_equal(sscanf(row->tag, "%15[A-Z]-%3u%c", area, &number, &rest), 2);
	for (const struct row *other = rows; other < row; other++)
		if (strcmp(other->tag, row->tag) == 0)
			fail_msg("%s: also the tag of %s", row->tag, other->name);
	assert_string_equal(br_err_tag(row->code), row->tag);
	assert_string_equal(br_err_tag(-(int)row->code), row->tag);
	assert_int_equal(br_err_class(row->code), row->class);
	assert_int_equal(br_err_class(-(int)row->code), row->class);
	assert_int_equal(br_err_by_tag(br_str_z(row->tag)), row->code);
}

static void test_unknown_codes(void **state)
{
	(void)state;
	assert_string_equal(br_err_tag(BR_E_COUNT), "BASE-000");
	assert_string_equal(br_err_tag(INT32_MIN), "BASE-000");
	assert_string_equal(br_err_tag(0), "BASE-000");
	assert_int_equal(br_err_by_tag(BR_STR("NONE-999")), BR_E_OK);
	assert_int_equal(br_err_by_tag(BR_STR("BASE-001x")), BR_E_OK);
}

static void no_error(struct br_err *err)
{
	(void)err;
}

static void plain(struct br_err *err)
{
	assert_int_equal(
		br_err_set(err, BR_E_TOO_BIG, "what", "姓名", "max", "30", NULL), -BR_E_TOO_BIG);
}

static void with_at(struct br_err *err)
{
	br_err_set(err, BR_E_TOO_BIG, "what", "xm", "max", "30", "at", "a.yaml:3:5", NULL);
}

static void wrapped(struct br_err *err)
{
	int rc = br_err_set(err, BR_E_JSON_SYNTAX, "pos", "7", "why", "a comma", "at", "f:1", NULL);

	rc = br_err_wrap(err, rc, BR_E_FILE_READ, "path", "b.json", "why", "inner", NULL);
	rc = br_err_wrap(err, rc, BR_E_SYSTEM, "call", "start", "why", "outer", NULL);
	assert_int_equal(rc, -BR_E_JSON_SYNTAX);
}

static void missing_detail(struct br_err *err)
{
	br_err_set(err, BR_E_JSON_SYNTAX, "pos", "7", "why", NULL, NULL);
}

static void detail_of_place_is_not_the_causes(struct br_err *err)
{
	br_err_wrap(err, br_err_set(err, BR_E_TOO_BIG, "what", "x", NULL), BR_E_SYSTEM, "call", "c",
		"max", "9", "why", "w", NULL);
}

static void hostile(struct br_err *err)
{
	br_err_set(err, BR_E_JSON_SYNTAX, "pos", "%s%n{why}", "why", "\x1b[31m\n\xff\xc2\x9b{pos}",
		NULL);
}

static void wrap_without_cause(struct br_err *err)
{
	assert_int_equal(br_err_wrap(err, -BR_E_NOMEM, BR_E_SYSTEM, "call", "c", "why", "w", NULL),
		-BR_E_NOMEM);
}

static void wrap_of_success(struct br_err *err)
{
	assert_int_equal(br_err_wrap(err, 0, BR_E_SYSTEM, "call", "c", "why", "w", NULL), 0);
}

static void set_again(struct br_err *err)
{
	wrapped(err);
	br_err_set(err, BR_E_NOMEM, NULL);
}

#define NEXT_BIG_EN "shorten the value or raise the limit"
#define NEXT_BIG_ZH "请缩短内容或提高上限"
#define NEXT_OOM_EN "raise the memory limit of the process, then start it again"

static const struct text_case {
	const char *name;
	void (*make)(struct br_err *err);
	enum br_lang lang;
	size_t room;
	const char *sentence, *next, *text;
} text_cases[] = {
	{"text: none", no_error, BR_LANG_EN, 500, "", "", ""},
	{"text: english", plain, BR_LANG_EN, 500, "姓名 is larger than 30 bytes", NEXT_BIG_EN,
		"BASE-002 姓名 is larger than 30 bytes → " NEXT_BIG_EN},
	{"text: chinese", plain, BR_LANG_ZH, 500, "姓名 超过 30 字节", NEXT_BIG_ZH,
		"BASE-002 姓名 超过 30 字节 → " NEXT_BIG_ZH},
	{"text: at stands in front", with_at, BR_LANG_EN, 500,
		"a.yaml:3:5: xm is larger than 30 bytes", NEXT_BIG_EN,
		"a.yaml:3:5: BASE-002 xm is larger than 30 bytes → " NEXT_BIG_EN},
	{"text: places, outermost first", wrapped, BR_LANG_EN, 500,
		"f:1: start failed: outer: cannot read b.json: inner: invalid JSON at byte 7: a "
		"comma",
		"correct the JSON",
		"f:1: start failed: outer: cannot read b.json: inner: BASE-003 invalid JSON at "
		"byte 7: "
		"a comma → correct the JSON"},
	{"text: full-width colons", wrapped, BR_LANG_ZH, 500,
		"f:1：start 失败：outer：无法读取 b.json：inner：第 7 字节处 JSON 无效：a comma",
		"请更正该 JSON",
		"f:1：start 失败：outer：无法读取 b.json：inner：BASE-003 第 7 字节处 JSON 无效：a "
		"comma → 请更正该 JSON"},
	{"text: a NULL value is empty", missing_detail, BR_LANG_EN, 500, "invalid JSON at byte 7: ",
		"correct the JSON", "BASE-003 invalid JSON at byte 7:  → correct the JSON"},
	{"text: each frame has its own details", detail_of_place_is_not_the_causes, BR_LANG_EN, 500,
		"c failed: w: x is larger than ? bytes", NEXT_BIG_EN,
		"c failed: w: BASE-002 x is larger than ? bytes → " NEXT_BIG_EN},
	{"text: details are data", hostile, BR_LANG_EN, 500,
		"invalid JSON at byte %s%n{why}:  [31m ? {pos}", "correct the JSON",
		"BASE-003 invalid JSON at byte %s%n{why}:  [31m ? {pos} → correct the JSON"},
	{"text: place without a cause", wrap_without_cause, BR_LANG_EN, 500,
		"c failed: w: out of memory", NEXT_OOM_EN,
		"c failed: w: BASE-001 out of memory → " NEXT_OOM_EN},
	{"text: success is not wrapped", wrap_of_success, BR_LANG_EN, 500, "", "", ""},
	{"text: set starts afresh", set_again, BR_LANG_EN, 500, "out of memory", NEXT_OOM_EN,
		"BASE-001 out of memory → " NEXT_OOM_EN},
	{"text: cut between characters", plain, BR_LANG_ZH, 15, "姓名 超过 ", "请缩短内",
		"BASE-002 姓"},
	{"text: room for the NUL only", plain, BR_LANG_EN, 1, "", "", ""},
};

static void test_text(void **state)
{
	const struct text_case *c = *state;
	struct br_err err;
	char buf[500];

	br_err_clear(&err);
	c->make(&err);
	assert_ptr_equal(br_err_sentence(&err, c->lang, buf, c->room), buf);
	assert_string_equal(buf, c->sentence);
	assert_string_equal(br_err_next_step(&err, c->lang, buf, c->room), c->next);
	assert_string_equal(br_err_text(&err, c->lang, buf, c->room), c->text);
}

static void test_null(void **state)
{
	char buf[10] = "x";

	(void)state;
	br_err_clear(NULL);
	assert_int_equal(br_err_set(NULL, BR_E_NOMEM, "a", "b", NULL), -BR_E_NOMEM);
	assert_int_equal(br_err_wrap(NULL, -BR_E_NOMEM, BR_E_SYSTEM, "a", "b", NULL), -BR_E_NOMEM);
	assert_int_equal(br_err_code(NULL), BR_E_OK);
	assert_null(br_err_detail(NULL, "a"));
	assert_string_equal(br_err_text(NULL, BR_LANG_EN, buf, sizeof(buf)), "");
}

static void test_details(void **state)
{
	struct br_err err;

	(void)state;
	br_err_clear(&err);
	assert_int_equal(br_err_code(&err), BR_E_OK);
	wrapped(&err);
	assert_int_equal(br_err_code(&err), BR_E_JSON_SYNTAX);
	assert_string_equal(br_err_detail(&err, "why"), "a comma");
	assert_string_equal(br_err_detail(&err, "path"), "b.json");
	assert_string_equal(br_err_detail(&err, "call"), "start");
	assert_null(br_err_detail(&err, "comma"));
	assert_null(br_err_detail(&err, ""));
}

/* A long value is cut between characters, its neighbours and later places stay. */
static void test_long_details(void **state)
{
	struct br_err err;
	char big[3001], text[3000];

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		memcpy(big + i * 3, "办", 4);
	br_err_clear(&err);
	br_err_set(&err, BR_E_JSON_SYNTAX, "why", big, "pos", "7", "more", big, NULL);
	assert_string_equal(br_err_detail(&err, "pos"), "7");
	assert_int_equal(br_utf8_check(br_str_z(br_err_detail(&err, "why"))),
		strlen(br_err_detail(&err, "why")));
	assert_true(strlen(br_err_detail(&err, "why")) > 200);
	br_err_wrap(&err, -BR_E_JSON_SYNTAX, BR_E_FILE_READ, "path", "b.json", "why", "x", NULL);
	assert_string_equal(br_err_detail(&err, "path"), "b.json");
	for (unsigned i = 0; i < 20; i++) {
		br_err_wrap(&err, -BR_E_JSON_SYNTAX, BR_E_FILE_READ, "path", big, "why", big, "a",
			"b", NULL);
		assert_true(err.used <= BR_ERR_DETAILS);
		assert_true(err.nframes <= BR_ERR_FRAMES);
	}
	br_err_text(&err, BR_LANG_ZH, text, sizeof(text));
	assert_int_equal(br_utf8_check(br_str_z(text)), strlen(text));
	assert_non_null(strstr(text, "BASE-003"));
}

/* Places of every size, until the room is used up to the last byte. */
static void test_room_to_the_last_byte(void **state)
{
	char value[1100];

	(void)state;
	for (size_t n = 0; n < sizeof(value); n++) {
		struct br_err err;

		memset(value, 'v', n);
		value[n] = '\0';
		br_err_clear(&err);
		br_err_set(&err, BR_E_NOMEM, "k", value, NULL);
		for (int i = 0; i < 8; i++) {
			br_err_wrap(
				&err, -BR_E_NOMEM, BR_E_SYSTEM, "call", value, "why", value, NULL);
			assert_true(err.used <= BR_ERR_DETAILS);
			assert_int_equal(err.details[err.used - 1], '\0');
		}
		assert_int_equal(br_err_code(&err), BR_E_NOMEM);
	}
}

static const struct lang_case {
	const char *name, *lc_all, *lc_messages, *lang;
	enum br_lang want;
} lang_cases[] = {
	{"lang: nothing set", NULL, NULL, NULL, BR_LANG_EN},
	{"lang: LANG", NULL, NULL, "zh_CN.UTF-8", BR_LANG_ZH},
	{"lang: LC_MESSAGES goes first", NULL, "en_US.UTF-8", "zh_CN.UTF-8", BR_LANG_EN},
	{"lang: LC_ALL goes before all", "zh_CN.GB18030", "C", "C", BR_LANG_ZH},
	{"lang: empty is not set", "", "", "zh_TW", BR_LANG_ZH},
	{"lang: C", "C", NULL, "zh_CN.UTF-8", BR_LANG_EN},
};

static void set_env(const char *name, const char *value)
{
	assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void test_lang(void **state)
{
	const struct lang_case *c = *state;

	set_env("LC_ALL", c->lc_all);
	set_env("LC_MESSAGES", c->lc_messages);
	set_env("LANG", c->lang);
	assert_int_equal(br_lang_from_env(), c->want);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(rows) + BR_LEN(text_cases) + BR_LEN(lang_cases) + 5];
	size_t n = 0;

	for (size_t i = 0; i < BR_LEN(rows); i++)
		tests[n++] = (struct CMUnitTest){.name = rows[i].name,
			.test_func = test_row,
			.initial_state = (void *)&rows[i]};
	for (size_t i = 0; i < BR_LEN(text_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = text_cases[i].name,
			.test_func = test_text,
			.initial_state = (void *)&text_cases[i]};
	for (size_t i = 0; i < BR_LEN(lang_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = lang_cases[i].name,
			.test_func = test_lang,
			.initial_state = (void *)&lang_cases[i]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_unknown_codes);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_null);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_details);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_long_details);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_room_to_the_last_byte);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
