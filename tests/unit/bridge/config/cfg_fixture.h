/*
 * cfg_fixture.h - a folder of its own for each test, and reports compared as text.
 */
#ifndef CFG_FIXTURE_H
#define CFG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cfg_node.h"

static struct br_arena arena;
static struct cfg_report report;
static char folder[64];

static inline int set_up(void **state)
{
	(void)state;
	br_arena_init(&arena, (size_t)64 << 20);
	report = (struct cfg_report){.arena = &arena};
	snprintf(folder, sizeof(folder), "/tmp/casebridge-config-XXXXXX");
	assert_non_null(mkdtemp(folder));
	unsetenv("CASEBRIDGE_SECRETS");
	unsetenv("CASEBRIDGE_SCHEMAS");
	unsetenv("CFG_TEST_UNSET");
	setenv("CFG_TEST_SET", "from the environment", 1);
	setenv("CFG_TEST_EMPTY", "", 1);
	setenv("CFG_TEST_PORT", "5433", 1);
	return 0;
}

static inline int tear_down(void **state)
{
	char command[128];

	(void)state;
	br_arena_release(&arena);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) == 0 ? 0 : -1;
}

static inline const char *path_of(const char *name)
{
	return br_arena_printf(&arena, "%s/%s", folder, name).p;
}

/* Bytes into a file of the folder; folders on the way are made. */
static inline void put_bytes(const char *name, const char *bytes, size_t n, unsigned mode)
{
	char *path = (char *)path_of(name);
	FILE *f;

	for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static inline void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text), 0644);
}

static inline bool before(const struct cfg_problem *a, const struct cfg_problem *b)
{
	int order = strcmp(a->file ? a->file : "", b->file ? b->file : "");

	if (order)
		return order < 0;
	if (a->line != b->line)
		return a->line < b->line;
	if (a->column != b->column)
		return a->column < b->column;
	return strcmp(br_err_tag((int)br_err_code(&a->err)),
		       br_err_tag((int)br_err_code(&b->err))) < 0;
}

/* A template whose detail nobody gave shows "?" in its place. */
static inline void check_words(const char *text, bool chinese)
{
	bool wide = false;

	assert_true(*text);
	if (strstr(text, "'?'") || strstr(text, " ? ") || strstr(text, "“?”") || *text == '?')
		fail_msg("a detail is missing: %s", text);
	for (const char *p = text; *p; p++)
		wide = wide || (unsigned char)*p >= 0xe3;
	assert_int_equal(wide || !chinese, true);
}

/*
 * Every problem as "line:column TAG" (with the file in front when it is not `file`; "w" behind a
 * warning), sorted by place, one space-separated list. Each must have words in both languages.
 */
static inline const char *told(const char *file)
{
	const struct cfg_problem *all[64];
	struct br_str out = BR_STR("");
	size_t n = 0;

	for (const struct cfg_problem *p = report.first; p; p = p->next) {
		size_t at = n++;

		assert_true(n <= BR_LEN(all));
		for (; at && before(p, all[at - 1]); at--)
			all[at] = all[at - 1];
		all[at] = p;
	}
	assert_int_equal(n, report.n + report.warnings);
	for (size_t i = 0; i < n; i++) {
		const struct cfg_problem *p = all[i];
		bool other = !p->file || strcmp(p->file, file) != 0;
		char text[4096];

		for (enum br_lang lang = BR_LANG_EN; lang <= BR_LANG_ZH; lang++) {
			check_words(br_err_sentence(&p->err, lang, text, sizeof(text)),
				lang == BR_LANG_ZH);
			check_words(br_err_next_step(&p->err, lang, text, sizeof(text)),
				lang == BR_LANG_ZH);
		}
		out = br_arena_printf(&arena, "%s%s%s%s%u:%u %s%s", out.p, i ? ", " : "",
			other && p->file ? p->file
			: other		 ? "-"
					 : "",
			other ? ":" : "", p->line, p->column, br_err_tag((int)br_err_code(&p->err)),
			p->warning ? "w" : "");
		assert_non_null(out.p);
	}
	return out.p;
}

/* The first problem's whole message. */
static inline const char *message(enum br_lang lang)
{
	static char text[4096];

	assert_non_null(report.first);
	return br_err_text(&report.first->err, lang, text, sizeof(text));
}

/* One cmocka test per row of a table whose first member is its name. */
#define TABLE_TESTS(table, function, tests, n)                                                     \
	do {                                                                                       \
		for (size_t row_ = 0; row_ < BR_LEN(table); row_++)                                \
			(tests)[(n)++] = (struct CMUnitTest){(table)[row_].name, (function),       \
				set_up, tear_down, (void *)(uintptr_t) & (table)[row_]};           \
	} while (0)
#define ONE_TEST(function, tests, n)                                                               \
	((tests)[(n)++] = (struct CMUnitTest){#function, (function), set_up, tear_down, NULL})

#endif
