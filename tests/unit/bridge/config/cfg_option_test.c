/* Options by a table: every type read and refused, references, secrets, and the table printed. */
#include "cfg_fixture.h"

#include "cfg_option.h"

static const char *const words[] = {"auto", "window", "department", NULL};

struct all {
	struct br_str text, secret, needed;
	bool flag;
	int64_t number, wait, size, rate;
	int word;
	struct cfg_list list;
	const struct cfg_node *map, *node;
};

#define ROW(field) offsetof(struct all, field)
static const struct cfg_option table[] = {
	{"text", CFG_T_TEXT, ROW(text), "standard", 0, 0, false, false, NULL, "a text | with a bar",
		"一段文本"},
	{"password", CFG_T_TEXT, ROW(secret), NULL, 0, 0, false, true, NULL, "a secret", "密钥"},
	{"table", CFG_T_TEXT, ROW(needed), NULL, 0, 0, true, false, NULL, "a table", "表名"},
	{"flag", CFG_T_BOOL, ROW(flag), "true", 0, 0, false, false, NULL, "a flag", "开关"},
	{"number", CFG_T_INT, ROW(number), "7", 1, 5000, false, false, NULL, "a number", "数字"},
	{"every", CFG_T_DURATION, ROW(wait), "2s", 5, 86400000, false, false, NULL, "a time",
		"时长"},
	{"size", CFG_T_SIZE, ROW(size), "64k", 0, 1 << 30, false, false, NULL, "a size", "大小"},
	{"guard", CFG_T_RATE, ROW(rate), NULL, 0, 0, false, false, NULL, "a rate", "速率"},
	{"release", CFG_T_ENUM, ROW(word), "window", 0, 0, false, false, words, "who releases",
		"由谁接收"},
	{"items", CFG_T_LIST, ROW(list), "[a, b c]", 0, 0, false, false, NULL, "a list", "列表"},
	{"codes", CFG_T_MAP, ROW(map), NULL, 0, 0, false, false, NULL, "a map", "映射"},
	{"tests", CFG_T_NODE, ROW(node), NULL, 0, 0, false, false, NULL, "anything", "任意内容"},
	{0},
};

static struct cfg_node *tree(const char *yaml)
{
	struct cfg_node *root = NULL;

	assert_int_equal(cfg_read_text(br_str_z(yaml), "t.yaml", &arena, &report, &root), 0);
	return root;
}

static int read_all(const char *yaml, struct all *out)
{
	struct cfg_node *root = tree(yaml);

	memset(out, 0, sizeof(*out));
	return cfg_read_options(table, root, root, path_of("secrets"), out, &report);
}

static void test_defaults(void **state)
{
	struct all all;

	(void)state;
	assert_int_equal(read_all("table: t", &all), 0);
	assert_string_equal(told("t.yaml"), "");
	assert_string_equal(all.text.p, "standard");
	assert_null(all.secret.p);
	assert_true(all.flag);
	assert_int_equal(all.number, 7);
	assert_int_equal(all.wait, 2000);
	assert_int_equal(all.size, 65536);
	assert_int_equal(all.rate, 0);
	assert_int_equal(all.word, 1);
	assert_int_equal(all.list.n, 2);
	assert_string_equal(all.list.item[1].p, "b c");
	assert_null(all.map);
	assert_null(all.node);
}

static void test_given(void **state)
{
	struct all all;

	(void)state;
	assert_int_equal(read_all("text: ''\npassword: ${env:CFG_TEST_SET}\ntable: YDZ_SQ\nflag: "
				  "false\nnumber: 5000\nevery: 250ms\nsize: 5M\n"
				  "guard: 200/h\nrelease: department\nitems: one\ncodes: {1: "
				  "a}\ntests: [x]\n",
				 &all),
		0);
	assert_string_equal(told("t.yaml"), "");
	assert_true(all.text.p && all.text.n == 0);
	assert_string_equal(all.secret.p, "from the environment");
	assert_string_equal(all.needed.p, "YDZ_SQ");
	assert_false(all.flag);
	assert_int_equal(all.number, 5000);
	assert_int_equal(all.wait, 250);
	assert_int_equal(all.size, 5 << 20);
	assert_int_equal(all.rate, 200);
	assert_int_equal(all.word, 2);
	assert_int_equal(all.list.n, 1);
	assert_string_equal(all.list.item[0].p, "one");
	assert_string_equal(cfg_get(all.map, "1")->text.p, "a");
	assert_int_equal(all.node->kind, CFG_LIST);
}

static void test_null_map(void **state)
{
	struct cfg_node owner = {.file = "t.yaml", .line = 4, .column = 2};
	struct all all = {0};

	(void)state;
	assert_int_equal(cfg_read_options(table, NULL, &owner, path_of("secrets"), &all, &report),
		-BR_E_CFG_MISSING);
	assert_string_equal(told("t.yaml"), "4:2 CFG-007");
	assert_int_equal(all.number, 7);
}

static const struct number_case {
	const char *name, *yaml;
	enum cfg_type type;
	int64_t want; /* -1: refused */
} number_cases[] = {
	{"number: zero", "0", CFG_T_INT, 0},
	{"number: the largest", "9223372036854775807", CFG_T_INT, INT64_MAX},
	{"number: too large", "9223372036854775808", CFG_T_INT, -1},
	{"number: negative", "-12", CFG_T_INT, -12},
	{"number: leading zero", "010", CFG_T_INT, -1},
	{"number: hexadecimal", "0x10", CFG_T_INT, -1},
	{"number: underscore", "1_000", CFG_T_INT, -1},
	{"number: fraction", "1.5", CFG_T_INT, -1},
	{"number: plus", "+1", CFG_T_INT, -1},
	{"number: minus alone", "'-'", CFG_T_INT, -1},
	{"number: quoted", "'5'", CFG_T_INT, -1},
	{"number: from the environment", "'${env:CFG_TEST_PORT}'", CFG_T_INT, 5433},
	{"number: unit", "5s", CFG_T_INT, -1},
	{"number: full-width digit", "５", CFG_T_INT, -1},
	{"time: milliseconds", "250ms", CFG_T_DURATION, 250},
	{"time: seconds", "2s", CFG_T_DURATION, 2000},
	{"time: minutes", "5m", CFG_T_DURATION, 300000},
	{"time: hours", "1h", CFG_T_DURATION, 3600000},
	{"time: days", "7d", CFG_T_DURATION, 604800000},
	{"time: quoted", "'2s'", CFG_T_DURATION, 2000},
	{"time: nothing", "0", CFG_T_DURATION, 0},
	{"time: no unit", "5", CFG_T_DURATION, -1},
	{"time: fraction", "1.5s", CFG_T_DURATION, -1},
	{"time: blank", "5 s", CFG_T_DURATION, -1},
	{"time: unknown unit", "5min", CFG_T_DURATION, -1},
	{"time: unit alone", "ms", CFG_T_DURATION, -1},
	{"time: negative", "-5s", CFG_T_DURATION, -1},
	{"time: too long", "106751991168d", CFG_T_DURATION, -1},
	{"size: bytes", "512", CFG_T_SIZE, 512},
	{"size: k", "64k", CFG_T_SIZE, 65536},
	{"size: K", "64K", CFG_T_SIZE, 65536},
	{"size: M", "5M", CFG_T_SIZE, 5242880},
	{"size: G", "1G", CFG_T_SIZE, 1073741824},
	{"size: unknown unit", "1T", CFG_T_SIZE, -1},
	{"size: too large", "8589934592G", CFG_T_SIZE, -1},
	{"rate: per second", "10/s", CFG_T_RATE, 36000},
	{"rate: per minute", "50/m", CFG_T_RATE, 3000},
	{"rate: per hour", "200/h", CFG_T_RATE, 200},
	{"rate: none", "0", CFG_T_RATE, 0},
	{"rate: no time", "200", CFG_T_RATE, -1},
	{"rate: time alone", "/h", CFG_T_RATE, -1},
	{"rate: per day", "5/d", CFG_T_RATE, -1},
};

static void test_number(void **state)
{
	static const enum br_err_code codes[] = {[CFG_T_INT] = BR_E_CFG_WANT_INT,
		[CFG_T_DURATION] = BR_E_CFG_WANT_DURATION,
		[CFG_T_SIZE] = BR_E_CFG_WANT_SIZE,
		[CFG_T_RATE] = BR_E_CFG_WANT_RATE};
	const struct number_case *c = *state;
	struct cfg_option row = {.name = "n", .type = c->type};
	struct cfg_node *n = cfg_get(tree(br_arena_printf(&arena, "n: %s", c->yaml).p), "n");
	int64_t value = -99;
	int rc = cfg_read_value(&row, n, path_of("secrets"), &value, &report);

	if (c->want == -1) {
		assert_int_equal(rc, -(int)codes[c->type]);
		assert_int_equal(value, -99);
		assert_string_equal(
			told("t.yaml"), br_arena_printf(&arena, "1:4 %s", br_err_tag(rc)).p);
	} else {
		assert_int_equal(rc, 0);
		assert_int_equal(value, c->want);
	}
}

static const struct bad_case {
	const char *name, *yaml, *want;
	const char *in_en; /* part of the first message */
} bad_cases[] = {
	{"options: unknown key, near", "table: t\ntabel: u", "2:1 CFG-004",
		"unknown key 'tabel'; did you mean 'table'?"},
	{"options: unknown key, far", "table: t\nzzzzzz: u", "2:1 CFG-005",
		"use one of: text, password, table, flag"},
	{"options: required is missing", "text: t", "1:1 CFG-007",
		"required key 'table' is missing"},
	{"options: nothing at all", "", "1:1 CFG-007", NULL},
	{"options: required is nothing", "table:", "1:7 CFG-008", "required key 'table' is empty"},
	{"options: required is empty", "table: ''", "1:8 CFG-008", NULL},
	{"options: required comes out empty", "table: ${env:CFG_TEST_EMPTY}", "1:8 CFG-008", NULL},
	{"options: a list for a map", "- table", "1:1 CFG-020", NULL},
	{"options: a text for a map", "table", "1:1 CFG-020", NULL},
	{"options: text is a list", "table: [t]", "1:8 CFG-009", "'table' takes one value"},
	{"options: text is a map", "table: {t: u}", "1:8 CFG-009", NULL},
	{"options: yes is no flag", "table: t\nflag: yes", "2:7 CFG-010",
		"'flag' is 'yes', expected true or false"},
	{"options: quoted flag", "table: t\nflag: 'true'", "2:7 CFG-010", NULL},
	{"options: flag in capitals", "table: t\nflag: True", "2:7 CFG-010", NULL},
	{"options: number too small", "table: t\nnumber: 0", "2:9 CFG-019",
		"'number' is 0, allowed is 1 to 5000"},
	{"options: number too large", "table: t\nnumber: 5001", "2:9 CFG-019", NULL},
	{"options: time too short", "table: t\nevery: 1ms", "2:8 CFG-019",
		"'every' is 1ms, allowed is 5ms to 1d"},
	{"options: time too long", "table: t\nevery: 2d", "2:8 CFG-019", NULL},
	{"options: size too large", "table: t\nsize: 2G", "2:7 CFG-019", "allowed is 0 to 1G"},
	{"options: bad time", "table: t\nevery: soon", "2:8 CFG-012",
		"write a whole number and a unit: 250ms"},
	{"options: unknown word", "table: t\nrelease: nobody", "2:10 CFG-015",
		"expected one of: auto, window, department"},
	{"options: unknown word, near", "table: t\nrelease: windows", "2:10 CFG-016",
		"did you mean 'window'?"},
	{"options: list of maps", "table: t\nitems: [a, {b: c}, [d], e]",
		"2:12 CFG-009, 2:20 CFG-009", NULL},
	{"options: list is a map", "table: t\nitems: {b: c}", "2:8 CFG-017", NULL},
	{"options: map is a list", "table: t\ncodes: [a]", "2:8 CFG-018", NULL},
	{"options: map is a text", "table: t\ncodes: a", "2:8 CFG-018", NULL},
	{"options: all at once",
		"tabel: u\nflag: on\nnumber: x\nevery: 5\nrelease: auto\nitems: "
		"['${env:CFG_TEST_UNSET}']",
		"1:1 CFG-004, 1:1 CFG-007, 2:7 CFG-010, 3:9 CFG-011, 4:8 CFG-012, 6:9 CFG-022",
		NULL},
	{"reference: not set", "table: ${env:CFG_TEST_UNSET}", "1:8 CFG-022",
		"environment variable CFG_TEST_UNSET is not set"},
	{"reference: two not set", "table: ${env:CFG_TEST_UNSET}/${env:CFG_TEST_UNSET}",
		"1:8 CFG-022, 1:8 CFG-022", NULL},
	{"reference: no such file", "table: ${file:none}", "1:8 CFG-023",
		"/secrets/none cannot be read: No such file"},
	{"reference: absolute file", "table: ${file:/none/at/all}", "1:8 CFG-023",
		"the secret file /none/at/all cannot be read"},
	{"reference: unknown kind", "table: ${vault:x}", "1:8 CFG-021",
		"'vault:x' is no reference that can be replaced → write ${env:NAME} or "
		"${file:NAME}"},
	{"reference: no kind", "table: ${X}", "1:8 CFG-021", NULL},
	{"reference: no name", "table: ${env:}", "1:8 CFG-021", NULL},
	{"reference: empty", "table: ${}", "1:8 CFG-021", NULL},
	{"reference: not closed", "table: a${env:X", "1:8 CFG-021", NULL},
	{"reference: brought in is not of the type", "table: t\nnumber: ${env:CFG_TEST_SET}",
		"2:9 CFG-011", "is '${env:CFG_TEST_SET}', expected a whole"},
	{"reference: brought in is out of range", "table: t\nnumber: ${env:CFG_TEST_PORT}",
		"2:9 CFG-019", "is ${env:CFG_TEST_PORT}, allowed"},
	{"secret: in clear", "table: t\npassword: hunter2", "2:11 CFG-026w",
		"put the secret into a file and write ${file:NAME}"},
	{"secret: file of others", "table: t\npassword: ${file:open}", "2:11 CFG-027w",
		"(mode 0644) → run: chmod 600 "},
	{"secret: empty file", "table: t\npassword: ${file:empty}", "2:11 CFG-025", NULL},
	{"secret: NUL in it", "table: t\npassword: ${file:nul}", "2:11 CFG-024", NULL},
	{"secret: GBK", "table: t\npassword: ${file:gbk}", "2:11 CFG-024", NULL},
	{"secret: too large", "table: t\npassword: ${file:big}", "2:11 CFG-024", NULL},
	{"secret: a folder", "table: t\npassword: ${file:/}", "2:11 CFG-023", NULL},
	{"secret: is a list", "table: t\npassword: [hunter2]", "2:11 CFG-009", NULL},
};

static void put_secrets(void)
{
	static char big[65537];

	memset(big, 'x', sizeof(big));
	put_bytes("secrets/good", "s3cret\r\n", 8, 0600);
	put_bytes("secrets/open", "s3cret\n", 7, 0644);
	put_bytes("secrets/empty", "\n", 1, 0600);
	put_bytes("secrets/nul", "a\0b", 3, 0600);
	put_bytes("secrets/gbk", "\xb0\xec", 2, 0600);
	put_bytes("secrets/big", big, sizeof(big), 0600);
}

static void test_bad(void **state)
{
	const struct bad_case *c = *state;
	struct all all;
	int rc;

	put_secrets();
	rc = read_all(c->yaml, &all);
	assert_string_equal(told("t.yaml"), c->want);
	assert_int_equal(rc == 0, report.n == 0);
	if (c->in_en && !strstr(message(BR_LANG_EN), c->in_en))
		fail_msg("not in the message: %s\n%s", c->in_en, message(BR_LANG_EN));
	for (const struct cfg_problem *p = report.first; p; p = p->next)
		assert_null(memmem(p->err.details, p->err.used, "hunter2", 7));
}

static const struct expand_case {
	const char *name, *yaml, *want;
} expand_cases[] = {
	{"expand: nothing to do", "plain", "plain"},
	{"expand: within a text", "host=${env:CFG_TEST_PORT} x", "host=5433 x"},
	{"expand: several", "${env:CFG_TEST_PORT}${env:CFG_TEST_PORT}", "54335433"},
	{"expand: line ends of a file are cut off", "${file:good}", "s3cret"},
	{"expand: and nothing is left of them", "<${file:good}>", "<s3cret>"},
	{"expand: set and empty", "<${env:CFG_TEST_EMPTY}>", "<>"},
	{"expand: a dollar", "a$b$", "a$b$"},
	{"expand: a dollar and a brace as they stand", "$${env:X}", "${env:X}"},
	{"expand: what comes in is not replaced again", "${file:nested}", "${env:CFG_TEST_PORT}"},
};

static void test_expand(void **state)
{
	const struct expand_case *c = *state;
	struct cfg_option row = {.name = "x", .type = CFG_T_TEXT};
	struct cfg_node *n;
	struct br_str value;

	put_secrets();
	put_bytes("secrets/nested", "${env:CFG_TEST_PORT}", 20, 0600);
	n = cfg_get(tree(br_arena_printf(&arena, "x: '%s'", c->yaml).p), "x");
	assert_int_equal(cfg_read_value(&row, n, path_of("secrets"), &value, &report), 0);
	assert_string_equal(value.p, c->want);
	assert_int_equal(value.n, strlen(c->want));
	assert_string_equal(told("t.yaml"), "");
}

/* A text with {NAME} in it: what came in by a reference means nothing there. */
static void test_expand_template(void **state)
{
	struct cfg_node *n;
	struct br_str value;

	(void)state;
	put_secrets();
	put_bytes("secrets/braces", "{lid}}{", 7, 0600);
	n = cfg_get(tree("x: '{a}${file:braces}{b $${c} ${file:good}'"), "x");
	assert_int_equal(cfg_expand_template(n->text, n, path_of("secrets"), &value, &report), 0);
	assert_string_equal(value.p, "{a}{{}lid}}{{}{b ${{}c} s3cret");
	n = cfg_get(tree("x: '{a} ${file:none}'"), "x");
	assert_int_not_equal(
		cfg_expand_template(n->text, n, path_of("secrets"), &value, &report), 0);
	assert_string_equal(told("t.yaml"), "1:4 CFG-023");
}

static void test_absolute_secret(void **state)
{
	struct all all;

	(void)state;
	put_bytes("elsewhere/good", "other\n", 6, 0600);
	put_secrets();
	assert_int_equal(
		read_all(br_arena_printf(&arena, "table: ${file:%s}", path_of("elsewhere/good")).p,
			&all),
		0);
	assert_string_equal(all.needed.p, "other");
}

/* ---- printing ---- */

static char *printed(void (*write)(FILE *to, enum br_lang lang), enum br_lang lang)
{
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	write(to, lang);
	fclose(to);
	return text;
}

static void reference(FILE *to, enum br_lang lang)
{
	cfg_write_reference(table, lang, to);
}

static void test_reference(void **state)
{
	char *en = printed(reference, BR_LANG_EN), *zh = printed(reference, BR_LANG_ZH);
	size_t lines = 0;

	(void)state;
	assert_non_null(strstr(en, "| `text` | text | `standard` | a text \\| with a bar |\n"));
	assert_non_null(strstr(en, "| `table` | text | required | a table |\n"));
	assert_non_null(strstr(en, "| `password` | text, secret |  | a secret |\n"));
	assert_non_null(
		strstr(en, "| `every` | time (250ms, 2s, 5m, 1h, 7d), 5ms–1d | `2s` | a time |\n"));
	assert_non_null(strstr(en, "| `release` | one of `auto`, `window`, `department` | `window` "
				   "| who releases |\n"));
	assert_non_null(strstr(zh, "| `table` | 文本 | 必填 | 表名 |\n"));
	assert_non_null(strstr(zh, "| `release` | 其中之一：`auto`, `window`, `department` | "
				   "`window` | 由谁接收 |\n"));
	for (const char *p = en; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 2 + BR_LEN(table) - 1);
	free(en);
	free(zh);
}

int main(void)
{
	static struct CMUnitTest
		tests[BR_LEN(number_cases) + BR_LEN(bad_cases) + BR_LEN(expand_cases) + 6];
	size_t n = 0;

	ONE_TEST(test_defaults, tests, n);
	ONE_TEST(test_given, tests, n);
	ONE_TEST(test_null_map, tests, n);
	TABLE_TESTS(number_cases, test_number, tests, n);
	TABLE_TESTS(bad_cases, test_bad, tests, n);
	TABLE_TESTS(expand_cases, test_expand, tests, n);
	ONE_TEST(test_expand_template, tests, n);
	ONE_TEST(test_absolute_secret, tests, n);
	ONE_TEST(test_reference, tests, n);
	return _cmocka_run_group_tests("cfg_option", tests, n, NULL, NULL);
}
