/* Text in columns: width, shortening, wrapping, and what must not reach a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli_text.h"

#include <locale.h>
#include <stdio.h>

static const struct width_case {
	const char *name, *text;
	size_t want;
} width_cases[] = {
	{"width: nothing", "", 0},
	{"width: ASCII", "case 12", 7},
	{"width: Han take two", "办件", 4},
	{"width: full-width forms and signs", "ＡＢ，。", 8},
	{"width: an arrow takes one", "→", 1},
	{"width: a combining accent takes none", "e\u0301", 1},
	{"width: Han beyond the basic plane", "𠮷", 2},
	{"width: bytes that are no text", "\xd5\xc5", 2},
};

static void test_width(void **state)
{
	const struct width_case *c = *state;

	assert_int_equal(cli_width(br_str_z(c->text)), c->want);
}

static const struct fit_case {
	const char *name, *text;
	size_t room;
	const char *want;
} fit_cases[] = {
	{"fit: all of it", "abc", 3, "abc"},
	{"fit: cut", "abcd", 3, "abc"},
	{"fit: half of a wide character is none", "办件号", 5, "办件"},
	{"fit: no room", "办", 1, ""},
	{"fit: an accent stays with its letter", "e\u0301x", 1, "e\u0301"},
};

static void test_fit(void **state)
{
	const struct fit_case *c = *state;
	struct br_str got = cli_fit(br_str_z(c->text), c->room);

	assert_true(br_str_eq(got, br_str_z(c->want)));
}

static const struct wrap_case {
	const char *name, *text;
	size_t room;
	const char *want; /* lines, each with a bar behind it */
} wrap_cases[] = {
	{"wrap: it fits", "one two", 7, "one two|"},
	{"wrap: at a blank", "one two three", 8, "one two|three|"},
	{"wrap: the blank may stand just behind the line", "one two", 3, "one|two|"},
	{"wrap: several blanks", "one   two", 4, "one|two|"},
	{"wrap: a long word is cut", "abcdefgh", 3, "abc|def|gh|"},
	{"wrap: between Han", "系统中没有字段", 6, "系统中|没有字|段|"},
	{"wrap: an odd column stays empty", "系统中没有", 5, "系统|中没|有|"},
	{"wrap: no line begins with a stop", "系统中，没有", 6, "系统|中，没|有|"},
	{"wrap: Han and a word", "请执行 casebridge lint", 12, "请执行|casebridge|lint|"},
	{"wrap: a word behind Han stays whole", "字段status未知", 8, "字段|status未|知|"},
	{"wrap: one character at least", "办件", 1, "办|件|"},
};

static void test_wrap(void **state)
{
	const struct wrap_case *c = *state;
	struct br_str rest = br_str_z(c->text);
	char got[256] = "";
	size_t n = 0;

	do {
		struct br_str line = cli_take_line(&rest, c->room);

		n += (size_t)snprintf(got + n, sizeof(got) - n, "%.*s|", BR_STR_ARG(line));
	} while (rest.n);
	assert_string_equal(got, c->want);
}

static const struct print_case {
	const char *name, *text, *want;
} print_cases[] = {
	{"print: text as it is", "张三 a→b", "张三 a→b"},
	{"print: line ends", "一\r\n二\t三", "一  二 三"},
	{"print: escape", "\x1b[2Jx", "\uFFFD[2Jx"},
	{"print: a C1 control",
		"\xc2\x9b"
		"1m",
		"\uFFFD1m"},
	{"print: bytes that are no text", "\xd5x", "\uFFFDx"},
};

static void test_print(void **state)
{
	const struct print_case *c = *state;
	struct br_arena a;

	br_arena_init(&a, 1 << 16);
	assert_string_equal(cli_printable(&a, c->text), c->want);
	br_arena_release(&a);
}

#define ADD(cases, function)                                                                       \
	for (size_t i = 0; i < BR_LEN(cases); i++)                                                 \
		tests[n++] = (struct CMUnitTest)                                                   \
		{                                                                                  \
			.name = (cases)[i].name, .test_func = (function),                          \
			.initial_state = (void *)&(cases)[i]                                       \
		}

int main(void)
{
	struct CMUnitTest tests[64];
	size_t n = 0;

	if (!setlocale(LC_ALL, "C.UTF-8"))
		return 1;
	ADD(width_cases, test_width);
	ADD(fit_cases, test_fit);
	ADD(wrap_cases, test_wrap);
	ADD(print_cases, test_print);
	return _cmocka_run_group_tests("cli_text", tests, n, NULL, NULL);
}
