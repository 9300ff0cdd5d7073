/* CSV tables: what is read, and every wrong row with its line. */
#include "cfg_fixture.h"

#include "cfg_site.h"

static const struct good_case {
	const char *name;
	struct br_str in;
	const char *want; /* "line:cell|cell" for each row, separated by blanks */
} good_cases[] = {
	{"csv: rows", BR_STR("code,label\n0,收件\n1,待审\n"), "2:0|收件 3:1|待审"},
	{"csv: no line end at the end", BR_STR("code,label\n0,x"), "2:0|x"},
	{"csv: lines of Windows and a mark of UTF-8",
		BR_STR("\xef\xbb\xbf"
		       "code,label\r\n0,x\r\n1,y\r\n"),
		"2:0|x 3:1|y"},
	{"csv: lines of old Mac", BR_STR("code,label\r0,x\r1,y\r"), "2:0|x 3:1|y"},
	{"csv: comments and empty lines", BR_STR("# a table\n\ncode,label\n# 0,x\n  \n1,y\n\n"),
		"6:1|y"},
	{"csv: the sign of comment within a line", BR_STR("code,label\n1,# y\n \"#\",z\n"),
		"2:1|# y 3:#|z"},
	{"csv: leading zeros stay", BR_STR("code,label\n007,x\n"), "2:007|x"},
	{"csv: blanks around", BR_STR(" code , label \n 1 ,\t y z \n"), "2:1|y z"},
	{"csv: wide blanks around", BR_STR("code,label\n1,　y　\n"), "2:1|y"},
	{"csv: empty cells", BR_STR("code,label\n,\n1,\n,y\n"), "2:| 3:1| 4:|y"},
	{"csv: quotes", BR_STR("code,label\n\"1\",\"a, \"\"b\"\" \"\n"), "2:1|a, \"b\" "},
	{"csv: quotes with blanks outside", BR_STR("code,label\n \"1\" , \"y\" \n"), "2:1|y"},
	{"csv: empty quotes", BR_STR("code,label\n\"\",\"\"\n"), "2:|"},
	{"csv: a cell of two lines", BR_STR("code,label\n1,\"a\nb\"\n2,c\n"), "2:1|a\nb 4:2|c"},
	{"csv: a cell of two lines of Windows", BR_STR("code,label\r\n1,\"a\r\nb\"\r\n2,c\r\n"),
		"2:1|a\r\nb 4:2|c"},
	{"csv: only the header", BR_STR("code,label\n"), ""},
	{"csv: quoted header", BR_STR("\"code\",\"label\"\n1,x\n"), "2:1|x"},
};

static void test_good(void **state)
{
	const struct good_case *c = *state;
	struct br_str out = BR_STR("");
	struct cfg_csv *csv = NULL;

	put_bytes("t.csv", c->in.p, c->in.n, 0600);
	assert_int_equal(cfg_csv_read(path_of("t.csv"), "t.csv", &arena, &report, &csv), 0);
	for (size_t r = 0; r < cfg_csv_rows(csv); r++) {
		struct br_str code = cfg_csv_get(csv, r, "code"),
			      label = cfg_csv_get(csv, r, "label");

		assert_int_equal(strlen(code.p), code.n);
		assert_int_equal(strlen(label.p), label.n);
		out = br_arena_printf(&arena, "%s%s%u:%s|%s", out.p, r ? " " : "",
			cfg_csv_line(csv, r), code.p, label.p);
	}
	assert_string_equal(out.p, c->want);
	assert_string_equal(told("t.csv"), "");
	assert_true(cfg_csv_has(csv, "label"));
	assert_false(cfg_csv_has(csv, "Label"));
	assert_null(cfg_csv_get(csv, 0, "none").p);
	assert_null(cfg_csv_get(csv, cfg_csv_rows(csv), "code").p);
	assert_int_equal(cfg_csv_line(csv, cfg_csv_rows(csv)), 0);
}

static const struct bad_case {
	const char *name;
	struct br_str in;
	const char *want;
} bad_cases[] = {
	{"csv: empty file", BR_STR(""), "1:1 CFG-090"},
	{"csv: only comments", BR_STR("# x\n\n"), "1:1 CFG-090"},
	{"csv: a column without name", BR_STR("# x\na,,c\n1,2,3\n"), "2:1 CFG-091"},
	{"csv: a column twice", BR_STR("a,b,a\n"), "1:1 CFG-091"},
	{"csv: comma at the end of the header", BR_STR("a,b,\n1,2\n"), "1:1 CFG-091"},
	{"csv: rows of other length, all of them",
		BR_STR("a,b\n1\n1,2\n1,2,3\n\"x\ny\"\n1,2\n,,,\n"),
		"2:1 CFG-092, 4:1 CFG-092, 5:1 CFG-092, 8:1 CFG-092"},
	{"csv: quotes not closed", BR_STR("a,b\n1,2\n3,\"x\n4,5\n"), "3:3 CFG-093"},
	{"csv: quotes not closed at the end", BR_STR("a,b\n1,\""), "2:3 CFG-093"},
	{"csv: quotes not closed in the header", BR_STR("a,\"b\n"), "1:3 CFG-093"},
	{"csv: text behind quotes", BR_STR("a,b\n办件,\"x\"y\n"), "2:7 CFG-094"},
	{"csv: quote within a text", BR_STR("a,b\n办\"件,x\n"), "2:2 CFG-095"},
	{"csv: GBK", BR_STR("a,b\n1,\xb0\xec\n"), "2:3 CFG-030"},
	{"csv: UTF-16",
		BR_STR("\xff\xfe"
		       "a\0"),
		"1:1 CFG-031"},
	{"csv: NUL", BR_STR("a,b\n1,\0\n"), "2:3 CFG-032"},
};

static void test_bad(void **state)
{
	const struct bad_case *c = *state;
	struct cfg_csv *csv = NULL;

	put_bytes("t.csv", c->in.p, c->in.n, 0600);
	assert_int_not_equal(cfg_csv_read(path_of("t.csv"), "t.csv", &arena, &report, &csv), 0);
	assert_string_equal(told("t.csv"), c->want);
	assert_null(csv);
}

static void test_files(void **state)
{
	size_t n = ((size_t)16 << 20) + 1;
	char *big = test_malloc(n);
	struct cfg_csv *csv = NULL;

	(void)state;
	memset(big, 'x', n);
	put_bytes("big.csv", big, n, 0600);
	test_free(big);
	assert_int_equal(cfg_csv_read(path_of("big.csv"), "tables/big.csv", &arena, &report, &csv),
		-BR_E_CFG_TOO_LARGE);
	assert_int_equal(
		cfg_csv_read(path_of("none.csv"), "tables/none.csv", &arena, &report, &csv),
		-BR_E_CFG_NO_FILE);
	assert_int_equal(
		cfg_csv_read(folder, "tables", &arena, &report, &csv), -BR_E_CFG_FILE_READ);
	assert_string_equal(told("tables/big.csv"),
		"tables:0:0 CFG-002, 0:0 CFG-003, tables/none.csv:0:0 CFG-001");
	assert_null(csv);
}

static void test_many(void **state)
{
	size_t room = 1 << 20;
	char *text = test_malloc(room);
	size_t n = (size_t)snprintf(text, room, "code,label,note\n");
	struct cfg_csv *csv;

	(void)state;
	for (unsigned i = 0; i < 30000; i++)
		n += (size_t)snprintf(text + n, room - n, "%u,\"l%u\",\n", i, i);
	put_bytes("t.csv", text, n, 0600);
	test_free(text);
	assert_int_equal(cfg_csv_read(path_of("t.csv"), "t.csv", &arena, &report, &csv), 0);
	assert_int_equal(cfg_csv_rows(csv), 30000);
	assert_string_equal(cfg_csv_get(csv, 29999, "label").p, "l29999");
	assert_int_equal(cfg_csv_line(csv, 29999), 30001);
}

static void test_wide(void **state)
{
	char text[2048];
	size_t n = 0;
	struct cfg_csv *csv = NULL;

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%sc%u", i ? "," : "", i);
	put_bytes("t.csv", text, n, 0600);
	assert_int_equal(cfg_csv_read(path_of("t.csv"), "t.csv", &arena, &report, &csv), 0);
	assert_true(cfg_csv_has(csv, "c255"));
	n += (size_t)snprintf(text + n, sizeof(text) - n, ",c256\n");
	put_bytes("t.csv", text, n, 0600);
	csv = NULL;
	assert_int_equal(cfg_csv_read(path_of("t.csv"), "t.csv", &arena, &report, &csv),
		-BR_E_CFG_CSV_CELLS);
	assert_null(csv);
}

static void test_small_arena(void **state)
{
	size_t enough = 0;

	(void)state;
	put("t.csv", "a,b\n1,2\n\"x\",y\n");
	for (size_t max = 0; !enough && max < 20000; max += 16) {
		struct br_arena small;
		struct cfg_report own = {.arena = &small};
		struct cfg_csv *csv = NULL;

		br_arena_init(&small, max);
		if (cfg_csv_read(path_of("t.csv"), "t.csv", &small, &own, &csv) == 0)
			enough = max;
		else
			assert_true(own.n > 0 && !csv);
		br_arena_release(&small);
	}
	assert_true(enough > 100);
}

int main(void)
{
	static struct CMUnitTest tests[BR_LEN(good_cases) + BR_LEN(bad_cases) + 8];
	size_t n = 0;

	TABLE_TESTS(good_cases, test_good, tests, n);
	TABLE_TESTS(bad_cases, test_bad, tests, n);
	ONE_TEST(test_files, tests, n);
	ONE_TEST(test_many, tests, n);
	ONE_TEST(test_wide, tests, n);
	ONE_TEST(test_small_arena, tests, n);
	return _cmocka_run_group_tests("cfg_csv", tests, n, NULL, NULL);
}
