/* Log lines as they reach stderr: quoting, masks, errors, level, cutting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "br_log.h"
#include "br_text.h"

static char lines[100000];

/* What write does to stderr, as one text. */
static char *capture(void (*write_log)(void))
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(file);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	write_log();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	n = fread(lines, 1, sizeof(lines) - 1, file);
	lines[n] = '\0';
	fclose(file);
	return lines;
}

static void no_fields(void)
{
	br_info("started");
}

static void plain_values(void)
{
	br_warn("slow answer", L_Z("system", "portal"), L_INT("ms", -1500),
		L_STR("办件", BR_STR("YDZ1/张三")));
}

static void quoted_values(void)
{
	br_error("a=b", L_Z("empty", ""), L_STR("none", BR_STR_NONE), L_Z("blank", "a b"),
		L_Z("quote", "\"\\"), L_Z("lines", "a\r\n\tb"));
}

static void terminal_bytes(void)
{
	br_info("m", L_Z("esc", "\x1b[31m"), L_Z("del", "a\x7f"),
		L_Z("c1", "\xc2\x9b"
			  "31m"),
		L_Z("gbk", "\xd5\xc5"), L_STR("nul", ((struct br_str){"a\0b", 3})));
}

static void people(void)
{
	br_info("m", L_PII("id", BR_STR("110101199003071234")), L_PII("name", BR_STR("张小三")),
		L_SECRET("token"));
}

static void an_error(void)
{
	struct br_err err;

	br_err_set(&err, BR_E_JSON_SYNTAX, "pos", "7", "why", "a \"comma\"", NULL);
	br_error("parked", L_Z("case", "C1"), L_ERR(&err));
}

static void no_error(void)
{
	struct br_err err;

	br_err_clear(&err);
	br_error("parked", L_ERR(&err), L_ERR(NULL), L_INT("n", 1));
}

static void too_detailed(void)
{
	br_debug("not shown");
	br_info("shown");
}

static const struct line_case {
	const char *name;
	void (*write)(void);
	enum br_lang lang;
	const char *want; /* behind the time */
} line_cases[] = {
	{"no fields", no_fields, BR_LANG_EN, "level=info proc=bridge msg=started\n"},
	{"plain values", plain_values, BR_LANG_EN,
		"level=warn proc=bridge msg=\"slow answer\" system=portal ms=-1500 "
		"办件=YDZ1/张三\n"},
	{"quoted values", quoted_values, BR_LANG_EN,
		"level=error proc=bridge msg=\"a=b\" empty=\"\" none=\"\" blank=\"a b\" "
		"quote=\"\\\"\\\\\" lines=\"a\\r\\n\\tb\"\n"},
	{"bytes that steer a terminal", terminal_bytes, BR_LANG_EN,
		"level=info proc=bridge msg=m esc=\"\\u001b[31m\" del=\"a\\u007f\" "
		"c1=\"\\u009b31m\" "
		"gbk=\"\\xd5\\xc5\" nul=\"a\\u0000b\"\n"},
	{"people and secrets", people, BR_LANG_EN,
		"level=info proc=bridge msg=m id=110101********1234 name=张*三 token=***\n"},
	{"an error in english", an_error, BR_LANG_EN,
		"level=error tag=BASE-003 proc=bridge msg=parked case=C1 err=\"invalid JSON at "
		"byte 7: a "
		"\\\"comma\\\"\" next=\"correct the JSON\"\n"},
	{"an error in chinese", an_error, BR_LANG_ZH,
		"level=error tag=BASE-003 proc=bridge msg=parked case=C1 err=\"第 7 字节处 JSON "
		"无效：a "
		"\\\"comma\\\"\" next=\"请更正该 JSON\"\n"},
	{"an error that is none", no_error, BR_LANG_EN, "level=error proc=bridge msg=parked n=1\n"},
	{"the level", too_detailed, BR_LANG_EN, "level=info proc=bridge msg=shown\n"},
};

/* ts=2018-07-02T09:05:00.123+08:00 and a blank; returns what is behind. */
static const char *behind_time(const char *line)
{
	static const char shape[] = "ts=dddd-dd-ddTdd:dd:dd.ddd+08:00 ";

	for (size_t i = 0; shape[i]; i++) {
		if (shape[i] == 'd')
			assert_in_range(line[i], '0', '9');
		else
			assert_int_equal(line[i], shape[i]);
	}
	return line + sizeof(shape) - 1;
}

static void test_line(void **state)
{
	const struct line_case *c = *state;

	br_log_init("bridge", BR_LOG_INFO, c->lang);
	assert_string_equal(behind_time(capture(c->write)), c->want);
}

static const struct zone_case {
	const char *name, *tz, *want;
} zone_cases[] = {
	{"zone: Shanghai", "CST-8", "+08:00 "},
	{"zone: UTC", "UTC0", "+00:00 "},
	{"zone: west, half an hour", "XXX3:30", "-03:30 "},
	{"zone: less than an hour west", "XXX0:30", "-00:30 "},
};

static void test_zone(void **state)
{
	const struct zone_case *c = *state;

	setenv("TZ", c->tz, 1);
	br_log_init("bridge", BR_LOG_INFO, BR_LANG_EN);
	assert_memory_equal(capture(no_fields) + strlen("ts=2018-07-02T09:05:00.123"), c->want, 7);
	setenv("TZ", "CST-8", 1);
	br_log_init("bridge", BR_LOG_INFO, BR_LANG_EN);
}

static char big[20001];
static size_t big_n;

static void big_value(void)
{
	br_info("m", L_STR("v", ((struct br_str){big, big_n})), L_INT("after", 1));
}

/* Values of all sizes around the limit: one whole line, whole characters, closed quotes, and it
 * says so. */
static void assert_cut_well(const char *unit, const char *start)
{
	size_t step = strlen(unit);

	for (size_t n = 7800; n < 8400; n++) {
		struct br_str line;
		const char *p, *end;
		size_t quotes = 0;

		memcpy(big, start, strlen(start) + 1);
		big_n = strlen(start);
		while (big_n < n) {
			memcpy(big + big_n, unit, step);
			big_n += step;
		}
		line = br_str_z(capture(big_value));
		assert_true(line.n <= 8192);
		assert_int_equal(br_utf8_check(line), line.n);
		end = strchr(line.p, '\n');
		assert_ptr_equal(end, line.p + line.n - 1);
		for (p = line.p; p < end; p++) {
			if (*p == '\\')
				p++;
			else
				quotes += *p == '"';
		}
		assert_int_equal(quotes % 2, 0);
		if (strstr(line.p, "after=1"))
			assert_null(strstr(line.p, "cut=true"));
		else
			assert_memory_equal(end - 9, " cut=true", 9);
	}
	assert_non_null(strstr(lines, "cut=true"));
}

static void test_cut(void **state)
{
	(void)state;
	br_log_init("bridge", BR_LOG_INFO, BR_LANG_EN);
	assert_cut_well("办", "");
	assert_cut_well("办", "a b");
	assert_cut_well("\"", "");
	assert_cut_well("\x1b", "");
	assert_cut_well("x", "");
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(line_cases) + BR_LEN(zone_cases) + 1];
	size_t n = 0;

	setenv("TZ", "CST-8", 1);
	for (size_t i = 0; i < BR_LEN(line_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = line_cases[i].name,
			.test_func = test_line,
			.initial_state = (void *)&line_cases[i]};
	for (size_t i = 0; i < BR_LEN(zone_cases); i++)
		tests[n++] = (struct CMUnitTest){.name = zone_cases[i].name,
			.test_func = test_zone,
			.initial_state = (void *)&zone_cases[i]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_cut);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
