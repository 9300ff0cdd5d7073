/* YAML and JSON as a marked tree: what is read, and what is refused at which place. */
#include "cfg_fixture.h"

#define Z4(x)  x x x x
#define Z16(x) Z4(x) Z4(x) Z4(x) Z4(x)

/* The tree as text: maps {k: v}, lists [v], texts as they are, quoted ones in '...', null as ~. */
static struct br_str show(const struct cfg_node *n)
{
	struct br_str out = BR_STR("");

	if (n->kind == CFG_NULL)
		return BR_STR("~");
	if (n->kind == CFG_SCALAR)
		return n->quoted ? br_arena_printf(&arena, "'%.*s'", BR_STR_ARG(n->text)) : n->text;
	for (const struct cfg_node *c = n->child; c; c = c->next) {
		struct br_str value = show(c);

		out = br_arena_printf(&arena, "%.*s%s%.*s%s%.*s", BR_STR_ARG(out),
			c == n->child ? "" : ", ", BR_STR_ARG(c->key),
			n->kind == CFG_MAP ? ": " : "", BR_STR_ARG(value));
	}
	return br_arena_printf(&arena, n->kind == CFG_MAP ? "{%.*s}" : "[%.*s]", BR_STR_ARG(out));
}

static const struct good_case {
	const char *name;
	struct br_str in;
	const char *want;
} good_cases[] = {
	{"good: a map", BR_STR("a: 1\nb: two words\n"), "{a: 1, b: two words}"},
	{"good: nothing is typed by guessing",
		BR_STR("a: 010101\nb: no\nc: 3.10\nd: 1_000\ne: 2018-07-02"),
		"{a: 010101, b: no, c: 3.10, d: 1_000, e: 2018-07-02}"},
	{"good: quotes make text", BR_STR("a: '1'\nb: \"x\\ty\"\nc: 'null'"),
		"{a: '1', b: 'x\ty', c: 'null'}"},
	{"good: forms of nothing", BR_STR("a:\nb: ~\nc: null\nd: Null\ne: NULL\nf: nULL\ng: ''"),
		"{a: ~, b: ~, c: ~, d: ~, e: ~, f: nULL, g: ''}"},
	{"good: lists", BR_STR("- a\n- [b, c]\n- - d\n"), "[a, [b, c], [d]]"},
	{"good: nested maps", BR_STR("a:\n  b: { c: d, e: [f] }\ng: h"),
		"{a: {b: {c: d, e: [f]}}, g: h}"},
	{"good: a block of text", BR_STR("a: |\n  x\n  \ty\nb: >-\n  p\n  q\n"),
		"{a: 'x\n\ty\n', b: 'p q'}"},
	{"good: Chinese keys and values", BR_STR("状态: 已制证\n'备 注': 无"),
		"{状态: 已制证, 备 注: 无}"},
	{"good: empty text", BR_STR(""), "~"},
	{"good: only a comment", BR_STR("# nothing\n"), "~"},
	{"good: one scalar", BR_STR("hello"), "hello"},
	{"good: a document mark", BR_STR("---\na: b\n...\n"), "{a: b}"},
	{"good: a mark of UTF-8 in front",
		BR_STR("\xef\xbb\xbf"
		       "a: b"),
		"{a: b}"},
	{"good: lines of Windows", BR_STR("a: b\r\nc: d\r\n"), "{a: b, c: d}"},
	{"good: JSON",
		BR_STR("{\"a\": [1, true, null, \"x\\u00e9\\\"\"],\n\t\"b\": {\"c\": -1.5e3}}\n"),
		"{a: [1, true, ~, 'xé\"'], b: {c: -1.5e3}}"},
	{"good: JSON without blanks", BR_STR("{\"a\":\"b\",\"c\":[]}"), "{a: 'b', c: []}"},
	{"good: empty map and list", BR_STR("a: {}\nb: []"), "{a: {}, b: []}"},
	{"good: a quoted key may be empty", BR_STR("{'': x}"), "{: x}"},
	{"good: a colon within a text", BR_STR("a: 22:00-06:00\nb: http://x/y"),
		"{a: 22:00-06:00, b: http://x/y}"},
	{"good: full-width signs within texts",
		BR_STR("a: 共：一，二\nb: “全称”\nc: [甲，乙]\n说明: 注：x\n'd：e': f\n"),
		"{a: 共：一，二, b: “全称”, c: [甲，乙], 说明: 注：x, d：e: f}"},
	{"good: a full-width colon in a text on a line of its own",
		BR_STR("a:\n  注意：一\nb: |\n  x：y\nc: \"x：y\"\n"),
		"{a: 注意：一, b: 'x：y\n', c: 'x：y'}"},
	{"good: depth 64",
		BR_STR(Z16("[") Z16("[") Z16("[") Z16("[") Z16("]") Z16("]") Z16("]") Z16("]")),
		Z16("[") Z16("[") Z16("[") Z16("[") Z16("]") Z16("]") Z16("]") Z16("]")},
};

static void test_good(void **state)
{
	const struct good_case *c = *state;
	struct cfg_node *root = NULL;
	char *exact = test_malloc(c->in.n + 1); /* nothing may look behind the end */

	memcpy(exact + 1, c->in.p, c->in.n);
	assert_int_equal(cfg_read_text((struct br_str){exact + 1, c->in.n}, "t.yaml", &arena,
				 &report, &root),
		0);
	test_free(exact); /* nor keep the bytes */
	assert_string_equal(told("t.yaml"), "");
	assert_string_equal(show(root).p, c->want);
}

static const struct bad_case {
	const char *name;
	struct br_str in;
	const char *want; /* all problems, in order */
} bad_cases[] = {
	{"bad: the same key twice", BR_STR("a: 1\nb: 2\na: 3\n"), "3:1 CFG-006"},
	{"bad: the same key three times, and another", BR_STR("a: 1\nb: {x: 1, x: 2}\na: 3\na: 4"),
		"2:11 CFG-006, 3:1 CFG-006, 4:1 CFG-006"},
	{"bad: the same key, quoted once", BR_STR("a: 1\n'a': 2"), "2:1 CFG-006"},
	{"bad: the same key in JSON", BR_STR("{\"a\": 1,\n \"a\": 2}"), "2:2 CFG-006"},
	{"bad: anchor", BR_STR("a: &x 1\nb: 2"), "1:4 CFG-045"},
	{"bad: alias", BR_STR("a: 1\nb: *x"), "2:4 CFG-046"},
	{"bad: anchors and aliases are all told", BR_STR("a: &x {b: 1}\nc: *x\nd: [&y 2, *y]"),
		"1:4 CFG-045, 2:4 CFG-046, 3:5 CFG-045, 3:11 CFG-046"},
	{"bad: merge key", BR_STR("a:\n  <<: *x\n  b: 1"), "2:7 CFG-046"},
	{"bad: alias as key", BR_STR("*x : 1"), "1:1 CFG-046"},
	{"bad: a star alone", BR_STR("cron: * 1"), "1:7 CFG-046"},
	{"bad: an ampersand alone", BR_STR("cron: & 1"), "1:7 CFG-045"},
	{"bad: own tag", BR_STR("a: !secret x"), "1:4 CFG-047"},
	{"bad: standard tag", BR_STR("a: !!str 1\nb: 2"), "1:4 CFG-047"},
	{"bad: tag of a list", BR_STR("a: !x [1]"), "1:4 CFG-047"},
	{"bad: unknown tag handle", BR_STR("a: !x!y 1"), "1:4 CFG-047"},
	{"bad: two documents", BR_STR("a: 1\n---\nb: 2\n"), "2:1 CFG-048"},
	{"bad: tab in front of a key", BR_STR("a:\n\tb: 1\n"), "2:1 CFG-033"},
	{"bad: tab behind blanks", BR_STR("a:\n  b: 1\n  \tc: 2\n"), "3:3 CFG-033"},
	{"bad: tab behind Chinese", BR_STR("# 状态\n状态:\n\tx: 1\n"), "3:1 CFG-033"},
	{"bad: tab within a block of text", BR_STR("a: |\n\tx\n"), "2:1 CFG-033"},
	{"bad: no colon", BR_STR("a: 1\nbc\nd: 2\n"), "2:1 CFG-034"},
	{"bad: no blank behind the colon", BR_STR("a: 1\nb:2\nc: 3\n"), "2:1 CFG-034"},
	{"bad: a colon within a text", BR_STR("title: a: b\n"), "1:9 CFG-035"},
	{"bad: deeper than the key before", BR_STR("a: 1\n  b: 2\n"), "2:4 CFG-035"},
	{"wide: colon of the first line", BR_STR("a：b\nc: d\n"), "1:2 CFG-053"},
	{"wide: colon of a line between", BR_STR("a: b\n办件：c\nd: e\n"), "2:3 CFG-053"},
	{"wide: colon of the last line", BR_STR("a: b\nc：d\n"), "2:2 CFG-053"},
	{"wide: the only line", BR_STR("a：b\n"), "1:2 CFG-053"},
	{"wide: colon behind a key that is a map", BR_STR("a:\n  b：\n    c: d\n"), "2:4 CFG-053"},
	{"wide: a remark in between", BR_STR("a：b # x: y\n# z: z\n\nc: d\n"), "1:2 CFG-053"},
	{"wide: colon of the only key", BR_STR("a:\n  b：c\n"), "2:4 CFG-053"},
	{"wide: colon of an item", BR_STR("a:\n  - name：c\n"), "2:9 CFG-053"},
	{"wide: colon in braces", BR_STR("a: { b: c, d：e }\n"), "1:13 CFG-053"},
	{"wide: comma in braces", BR_STR("a: { b: c， d: e }\n"), "1:10 CFG-053"},
	{"wide: comma behind a line in braces", BR_STR("a: { b: c，\n  d: e }\n"), "1:10 CFG-053"},
	{"wide: both in braces", BR_STR("a: { b：c， d: e }\n"), "1:7 CFG-053"},
	{"wide: quotes around a key", BR_STR("a: { “1”: b }\n"), "1:6 CFG-053"},
	{"wide: elsewhere it is another fault", BR_STR("a: 共：一\nb: c: d\n"), "2:5 CFG-035"},
	{"bad: a list behind a key", BR_STR("a: - b\n"), "1:4 CFG-036"},
	{"bad: half the indentation", BR_STR("a:\n    b: 1\n  c: 2\n"), "3:3 CFG-037"},
	{"bad: a key among the items", BR_STR("a:\n- b\nc: d\n- e\n"), "4:1 CFG-037"},
	{"bad: text behind a closed map", BR_STR("{a: 1}\nb: 2"), "2:1 CFG-037"},
	{"bad: bracket not closed", BR_STR("a: [b, c\nd: e\n"), "2:2 CFG-038"},
	{"bad: bracket not closed and nothing in it", BR_STR("a: [\n"), "2:1 CFG-038"},
	{"bad: bracket not closed at the end", BR_STR("a: [b, c\n"), "2:1 CFG-038"},
	{"bad: brace not closed", BR_STR("a: { b: c\nd: e\n"), "2:2 CFG-038"},
	{"bad: reference in braces without quotes", BR_STR("a: { b: ${env:X}, c: d }\n"),
		"1:10 CFG-038"},
	{"bad: text behind quotes", BR_STR("办: \"x\" y\n"), "1:8 CFG-052"},
	{"bad: text behind a bracket", BR_STR("a: [b] c\n"), "1:8 CFG-052"},
	{"bad: one brace too many", BR_STR("a: 1\nb: {c: d}}\n"), "2:10 CFG-052"},
	{"bad: a colon behind a text in braces", BR_STR("a: {b:} c\n"), "1:6 CFG-035"},
	{"bad: bracket of the wrong kind", BR_STR("a: [b}\n"), "1:6 CFG-038"},
	{"bad: bracket alone", BR_STR("a: ]\n"), "1:4 CFG-044"},
	{"bad: quote not closed", BR_STR("a: 'b\nc: d\n"), "1:4 CFG-039"},
	{"bad: double quote not closed", BR_STR("a: 1\nb: \"c\n"), "2:4 CFG-039"},
	{"bad: backslash in double quotes", BR_STR("a: \"C:\\data\"\n"), "1:7 CFG-040"},
	{"bad: hexadecimal digits missing", BR_STR("a: \"\\u12\"\n"), "1:7 CFG-040"},
	{"bad: at sign", BR_STR("a: @x\n"), "1:4 CFG-041"},
	{"bad: back quote", BR_STR("a: `x`\n"), "1:4 CFG-041"},
	{"bad: per cent", BR_STR("a: %Y\n"), "1:4 CFG-041"},
	{"bad: text behind a bar", BR_STR("a: |x\n  y\n"), "1:5 CFG-042"},
	{"bad: a list as key", BR_STR("[a]: b\n"), "1:1 CFG-050"},
	{"bad: no key", BR_STR(": b\n"), "1:1 CFG-050"},
	{"bad: a reference as key", BR_STR("{a: b, {c: d}: e}\n"), "1:8 CFG-050"},
	{"bad: NUL written as escape", BR_STR("a: \"x\\0y\"\nb: 1"), "1:4 CFG-051"},
	{"bad: NUL in a key", BR_STR("\"x\\0y\": 1"), "1:1 CFG-051"},
	{"bad: NUL", BR_STR("a: 1\nb: x\0y\n"), "2:5 CFG-032"},
	{"bad: control character", BR_STR("办件: 1\n办件: \x1b[31m\n"), "2:5 CFG-032"},
	{"bad: delete", BR_STR("a: \x7f"), "1:4 CFG-032"},
	{"bad: control character of two bytes", BR_STR("a: \xc2\x9b"), "1:4 CFG-032"},
	{"bad: U+FFFE", BR_STR("a: \xef\xbf\xbe"), "1:4 CFG-032"},
	{"bad: GBK", BR_STR("# x\ntitle: \xb0\xec\xbc\xfe\n"), "2:8 CFG-030"},
	{"bad: cut within a character", BR_STR("办: 件\xe5\x8a"), "1:5 CFG-030"},
	{"bad: surrogate", BR_STR("a: \xed\xa0\x80"), "1:4 CFG-030"},
	{"bad: overlong", BR_STR("a: \xc0\xaf"), "1:4 CFG-030"},
	{"bad: UTF-16 of Windows",
		BR_STR("\xff\xfe"
		       "a\0:\0"),
		"1:1 CFG-031"},
	{"bad: UTF-16, the other way", BR_STR("\xfe\xff\0a"), "1:1 CFG-031"},
	{"bad: depth 65", BR_STR(Z16("[") Z16("[") Z16("[") Z16("[") "["), "1:65 CFG-049"},
	{"bad: depth of maps", BR_STR(Z16("{a: ") Z16("{a: ") Z16("{a: ") Z16("{a: ") "{a: "),
		"1:257 CFG-049"},
	{"bad: directive", BR_STR("%FOO bar\n---\n%YAML 3.0\n"), "1:5 CFG-043"},
	{"bad: old lines of Mac", BR_STR("a: 1\rb: \x01\r"), "2:4 CFG-032"},
	{"bad: what was found before a broken line is told too", BR_STR("a: *x\na: 1\nb: [c\n"),
		"1:4 CFG-046, 4:1 CFG-038"},
};

static void test_bad(void **state)
{
	const struct bad_case *c = *state;
	struct cfg_node *root = (struct cfg_node *)-1;
	char *exact = test_malloc(c->in.n + 1);
	int rc;

	memcpy(exact + 1, c->in.p, c->in.n);
	rc = cfg_read_text((struct br_str){exact + 1, c->in.n}, "t.yaml", &arena, &report, &root);
	test_free(exact);
	assert_string_equal(told("t.yaml"), c->want);
	/* some are found at the end of a map, so the first one told need not be the first in the
	 * file */
	assert_int_equal(rc, -(int)br_err_code(&report.first->err));
	assert_ptr_equal(root, (struct cfg_node *)-1);
}

static void test_messages(void **state)
{
	struct cfg_node *root;

	(void)state;
	cfg_read_text(BR_STR("a: 1\n\na: 2"), "systems/a.yaml", &arena, &report, &root);
	assert_string_equal(message(BR_LANG_EN),
		"systems/a.yaml:3:1: CFG-006 key 'a' stands here a second "
		"time, first at systems/a.yaml:1:1 → keep one of the two");
	assert_string_equal(message(BR_LANG_ZH),
		"systems/a.yaml:3:1：CFG-006 键“a”在此重复，首次出现于 "
		"systems/a.yaml:1:1 → 请只保留一处");
	report.last = report.first = NULL;
	cfg_read_text(BR_STR("a: [b\n"), "a.yaml", &arena, &report, &root);
	assert_non_null(strstr(message(BR_LANG_EN), "begins at a.yaml:1:4"));
	report.last = report.first = NULL;
	cfg_read_text(BR_STR("b:\n  - {a: [\n"), "a.yaml", &arena, &report, &root);
	assert_non_null(strstr(message(BR_LANG_ZH), "始于 a.yaml:2:9"));
}

static void test_places(void **state)
{
	struct cfg_node *root, *n;

	(void)state;
	assert_int_equal(cfg_read_text(BR_STR("a:\n  办件: x\n  l:\n    - p\n    -   {q: 1}\n"),
				 "t", &arena, &report, &root),
		0);
	n = cfg_get(cfg_get(root, "a"), "办件");
	assert_int_equal(n->key_line * 100 + n->key_column, 203);
	assert_string_equal(cfg_place(&arena, n), "t:2:7");
	n = cfg_get(cfg_get(root, "a"), "l");
	assert_int_equal(n->n, 2);
	assert_string_equal(cfg_place(&arena, cfg_first(n)), "t:4:7");
	assert_string_equal(cfg_place(&arena, cfg_first(n)->next), "t:5:9");
	assert_null(cfg_get(root, "b"));
	assert_null(cfg_get(n, "p"));
	assert_null(cfg_get(NULL, "p"));
	assert_null(cfg_first(NULL));
	assert_string_equal(cfg_place(&arena, NULL), "");
}

static void test_files(void **state)
{
	static char big[CFG_FILE_MAX + 2];
	struct cfg_node *root;

	(void)state;
	memset(big, '#', sizeof(big));
	memcpy(big, "a: 1\n", 5);
	put_bytes("fits.yaml", big, CFG_FILE_MAX, 0600);
	assert_int_equal(
		cfg_read_file(path_of("fits.yaml"), "fits.yaml", &arena, &report, &root), 0);
	assert_string_equal(show(root).p, "{a: 1}");
	put_bytes("big.yaml", big, CFG_FILE_MAX + 1, 0600);
	assert_int_equal(cfg_read_file(path_of("big.yaml"), "big.yaml", &arena, &report, &root),
		-BR_E_CFG_TOO_LARGE);
	assert_int_equal(cfg_read_text((struct br_str){big, CFG_FILE_MAX + 1}, "text", &arena,
				 &report, &root),
		-BR_E_CFG_TOO_LARGE);
	assert_int_equal(cfg_read_file(path_of("none.yaml"), "none.yaml", &arena, &report, &root),
		-BR_E_CFG_NO_FILE);
	assert_int_equal(
		cfg_read_file(folder, "folder", &arena, &report, &root), -BR_E_CFG_FILE_READ);
	assert_string_equal(told("big.yaml"),
		"0:0 CFG-003, folder:0:0 CFG-002, none.yaml:0:0 CFG-001, text:0:0 CFG-003");
}

/* Much of everything must neither take for ever nor pass for want of memory. */
static void test_many_keys(void **state)
{
	char *text = test_malloc(CFG_FILE_MAX);
	struct cfg_node *root;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 60000; i++)
		n += (size_t)snprintf(text + n, CFG_FILE_MAX - n, "k%u: 1\n", i);
	assert_int_equal(cfg_read_text((struct br_str){text, n}, "t", &arena, &report, &root), 0);
	assert_int_equal(root->n, 60000);
	n += (size_t)snprintf(text + n, CFG_FILE_MAX - n, "k5: 1\n");
	assert_int_equal(cfg_read_text((struct br_str){text, n}, "t", &arena, &report, &root),
		-BR_E_CFG_DUPLICATE_KEY);
	assert_string_equal(told("t"), "60001:1 CFG-006");
	test_free(text);
}

static void test_small_arena(void **state)
{
	struct cfg_node *root = NULL;
	size_t enough = 0;

	(void)state;
	for (size_t max = 0; !enough && max < 10000; max += 16) {
		struct br_arena small;
		struct cfg_report own = {.arena = &small};
		int rc;

		br_arena_init(&small, max);
		rc = cfg_read_text(BR_STR("a: [b, {c: d}]\ne: f\n"), "t", &small, &own, &root);
		if (rc == 0)
			enough = max;
		else
			assert_true(rc == -BR_E_NOMEM && own.n > 0);
		br_arena_release(&small);
	}
	assert_true(enough > 500);
}

int main(void)
{
	static struct CMUnitTest tests[BR_LEN(good_cases) + BR_LEN(bad_cases) + 8];
	size_t n = 0;

	TABLE_TESTS(good_cases, test_good, tests, n);
	TABLE_TESTS(bad_cases, test_bad, tests, n);
	ONE_TEST(test_messages, tests, n);
	ONE_TEST(test_places, tests, n);
	ONE_TEST(test_files, tests, n);
	ONE_TEST(test_many_keys, tests, n);
	ONE_TEST(test_small_arena, tests, n);
	return _cmocka_run_group_tests("cfg_node", tests, n, NULL, NULL);
}
