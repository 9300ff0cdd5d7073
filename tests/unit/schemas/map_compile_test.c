/* What loading refuses, and where it points. */
#include "map_fixture.h"
#include <sys/stat.h>
#include <unistd.h>

/* The record's members begin on line 3, column 5. */
static const struct compile_case {
	const char *name, *record;
	const char *tag, *at; /* tag NULL: accepted */
	const char *says;     /* part of the English text, or NULL */
} cases[] = {
	{"the short form", "case: { summary: a }", NULL, NULL, NULL},
	{"no case", "root: { table: t }", "MAP-002", NULL, NULL},
	{"options deeper than a message may be",
		"case: { summary: a }\n    read: { a: "
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]"
		"]]]]]]]]]]]]]]]] }",
		"CFG-049", NULL, "32 deep"},
	{"an unknown key", "case: { summary: a }\n    refuse: []", "MAP-001", "systems/t.yaml:4:5",
		"(refused?)"},
	{"an unknown field", "case: { applicant.nam: a }", "MAP-003", "systems/t.yaml:3:13",
		"(applicant.name?)"},
	{"a field twice, by line and derive",
		"case: { status: { column: a, codes: { x: ACCEPTED } } }\n    parts: { steps: { "
		"key: n, case: { name: m } } }\n"
		"    derive: { status: { from: last(steps), column: m, rows: { x: ACCEPTED } } }",
		"MAP-012", NULL, "status"},
	{"an unknown list",
		"case: { summary: a }\n    parts: { step: { key: n, case: { name: m } } }",
		"MAP-004", "systems/t.yaml:4:20", "(steps?)"},
	{"a list without key", "case: { summary: a }\n    parts: { steps: { case: { name: m } } }",
		"MAP-002", NULL, "key:"},
	{"an unknown key of a line", "case: { summary: { column: a, maxbytes: 3 } }", "MAP-001",
		"systems/t.yaml:3:35", "(max_bytes?)"},
	{"two sources", "case: { summary: { column: a, const: x } }", "MAP-002",
		"systems/t.yaml:3:22", NULL},
	{"a list for a column", "case: { summary: [a] }", "MAP-002", NULL, NULL},
	{"an unknown conversion", "case: { summary: { column: a, as: citizenid } }", "MAP-005",
		"systems/t.yaml:3:39", "(citizen-id?)"},
	{"a bad format", "case: { applicant.birth: { column: a, as: 'date %Y.%q' } }", "MAP-006",
		"systems/t.yaml:3:47", "has an unknown directive %q →"},
	{"a date with a clock", "case: { applicant.birth: { column: a, as: 'date %Y-%m-%d %H' } }",
		"MAP-006", NULL, "say time"},
	{"a conversion for another type", "case: { summary: { column: a, as: 'date %Y-%m-%d' } }",
		"MAP-016", NULL, "text"},
	{"both ways over a one-way conversion",
		"case: { applicant.birth: { column: a, as: citizen-birth } }", "MAP-007",
		"systems/t.yaml:3:30", "direction: in"},
	{"one way is fine when it says so",
		"case: { applicant.birth: { column: a, as: citizen-birth, direction: in } }", NULL,
		NULL, NULL},
	{"a table that is not there", "case: { status: { column: a, codes: nowhere } }", "MAP-008",
		"systems/t.yaml:3:41", "tables/nowhere.csv"},
	{"as and codes", "case: { status: { column: a, codes: { x: ACCEPTED }, as: text } }",
		"MAP-002", NULL, NULL},
	{"a code that is none of ours", "case: { status: { column: a, codes: { x: ACCEPT } } }",
		"MAP-017", NULL, "ACCEPT"},
	{"a condition that is no status",
		"case: { status: { column: a, codes: [{ code: x, is: ACCEPTED, had: NEVER }] } }",
		"MAP-017", NULL, "NEVER"},
	{"a constant that is none of ours", "case: { status: { const: x }, summary: a }", "MAP-017",
		NULL, NULL},
	{"the nearest code and all there are",
		"case: { status: { column: a, codes: { x: RECIEVED } } }", "MAP-017",
		"systems/t.yaml:3:46", "(RECEIVED?): expected DRAFT, RECEIVED, "},
	{"a value that is no code", "case: { division: { const: x } }", "MAP-017", NULL,
		"expected a division code of 12 digits"},
	{"a code of when that is none of ours",
		"case: { summary: a }\n    when: { status: [ACCEPTED, RECIEVED] }", "MAP-017",
		"systems/t.yaml:4:32", "(RECEIVED?)"},
	{"a single code of when", "case: { summary: a }\n    when: { status: RECIEVED }", "MAP-017",
		"systems/t.yaml:4:21", "field 'status' (RECEIVED?)"},
	{"codes of when that are ours",
		"case: { summary: a }\n    when: { status: [ACCEPTED, RECEIVED], division: "
		"'341503000000' }",
		NULL, NULL, NULL},
	{"two codes for one and no mark",
		"case: { applicant.sex: { column: a, codes: [{ code: 男, is: M }, { code: M, is: M "
		"}] } }",
		"MAP-010", NULL, "男, M"},
	{"two marks",
		"case: { applicant.sex: { column: a, codes: [{ code: 男, is: M, write: x }, { "
		"code: M, is: M, write: x }] } }",
		"MAP-010", NULL, NULL},
	{"no mark needed when only read",
		"case: { applicant.sex: { column: a, direction: in, codes: [{ code: 男, is: M }, { "
		"code: M, is: M }] } }",
		NULL, NULL, NULL},
	{"a marked row in between",
		"case: { applicant.sex: { column: a, codes: [{ code: 男, is: M }, { code: M, is: "
		"M, write: x }, { code: m, is: M }] } }",
		NULL, NULL, NULL},
	{"a bad direction in a row",
		"case: { applicant.sex: { column: a, codes: [{ code: 男, is: M, direction: up }] } "
		"}",
		"MAP-009", NULL, NULL},
	{"one column written by two lines", "case: { summary: a, outcome_reason: a }", "MAP-011",
		NULL, "systems/t.yaml:3:22"},
	{"one column read by two lines",
		"case: { summary: a, outcome_reason: { column: a, direction: in } }", NULL, NULL,
		NULL},
	{"codes and text on one column",
		"case: { status: { column: a, codes: { x: ACCEPTED } }, summary: a }", "MAP-011",
		NULL, NULL},
	{"pieces with different separators",
		"case: { item.local_code: { column: a, split: '|', piece: 1 }, item.local_name: { "
		"column: a, split: '/', piece: 2 } }",
		"MAP-011", NULL, NULL},
	{"a piece without number", "case: { item.local_code: { column: a, split: '|' } }",
		"MAP-002", NULL, "piece"},
	{"concat without separator", "case: { applicant.address: { concat: [a, b] } }", "MAP-002",
		NULL, "sep"},
	{"concat of one", "case: { applicant.address: { concat: [a], sep: ' ' } }", "MAP-002", NULL,
		NULL},
	{"a required column nobody fills", "case: { summary: a }\n    required: [a, czy]",
		"MAP-013", "systems/t.yaml:4:15", "czy"},
	{"a required column that is only read",
		"case: { summary: { column: a, direction: in } }\n    required: [a]", "MAP-013",
		NULL, NULL},
	{"a required column the target makes",
		"case: { summary: a }\n    on_create: { id: identity }\n    required: [id]", NULL,
		NULL, NULL},
	{"an unknown charset", "charset: GBX\n    case: { summary: a }", "MAP-014",
		"systems/t.yaml:3:14", "GBX"},
	{"an unknown zone", "timezone: Asia/Luan\n    case: { summary: a }", "MAP-015",
		"systems/t.yaml:3:15", "Asia/Luan"},
	{"a limit that is no number", "case: { summary: { column: a, max_bytes: many } }",
		"MAP-002", "systems/t.yaml:3:46", "many"},
	{"update: names a column that is not mapped",
		"write: { create: true, update: [b] }\n    case: { summary: a }", "MAP-018", NULL,
		"'b'"},
	{"columns: names one that is not mapped",
		"case: { summary: a }\n    columns: { aa: { trim: right } }", "MAP-018", NULL,
		NULL},
	{"on_create with two ways",
		"case: { summary: a }\n    on_create: { z: { technical: x, ask: window } }",
		"MAP-002", NULL, NULL},
	{"on_create with an unknown word", "case: { summary: a }\n    on_create: { z: serial }",
		"MAP-002", NULL, "serial"},
	{"lookup without by", "case: { summary: a }\n    on_create: { z: { lookup: { x: y } } }",
		"MAP-002", NULL, "by:"},
	{"ask without from",
		"case: { summary: a }\n    on_create: { z: { ask: window, codes: { x: y } } }",
		"MAP-002", NULL, "from:"},
	{"refused without deed", "case: { summary: a }\n    refused: [ { native: '23505' } ]",
		"MAP-002", NULL, NULL},
	{"refused with an unknown deed",
		"case: { summary: a }\n    refused: [ { native: '23505', do: cry } ]", "MAP-002",
		"systems/t.yaml:4:39", "retry, correct, wait, stop"},
	{"refused with an unknown field",
		"case: { summary: a }\n    refused: [ { native: '23505', do: correct, field: name "
		"} ]",
		"MAP-003", NULL, NULL},
	{"parts that are no map", "case: { summary: a }\n    parts: steps", "MAP-002",
		"systems/t.yaml:4:12", NULL},
	{"refused that is no list", "case: { summary: a }\n    refused: { native: x }", "MAP-002",
		NULL, NULL},
	/* what was once thought of and is not done: told, not passed over */
	{"release is not known", "case: { summary: a }\n    release: window", "MAP-001",
		"systems/t.yaml:4:5", "release"},
	{"query is not known", "case: { summary: a }\n    query: select 1", "MAP-001",
		"systems/t.yaml:4:5", "query"},
	{"match over three fields",
		"case: { summary: a }\n    match: [ [summary, status, outcome] ]", "MAP-002", NULL,
		NULL},
	{"a date into a time is only a loss",
		"case: { applied_at: { column: a, as: 'date %Y.%m.%d' } }", NULL, NULL, NULL},
};

/* "{name}": a place nobody filled in */
static bool has_gap(const char *text)
{
	for (const char *p = strchr(text, '{'); p; p = strchr(p + 1, '{')) {
		size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");

		if (n && p[1 + n] == '}')
			return true;
	}
	return false;
}

/* What was expected is said in the reader's language; lists of words are the same in both. */
static void assert_expected_in_both(const struct br_err *err)
{
	const char *en = br_err_detail(err, "expected"), *zh = br_err_detail(err, "expected_zh");

	if (br_err_code(err) != BR_E_MAP_SHAPE)
		return;
	assert_non_null(zh);
	assert_true(strcmp(en, zh) != 0 || strstr(en, ", "));
}

static void test_case(void **state)
{
	const struct compile_case *c = *state;
	char yaml[4096], text[2048];
	struct fixture f;
	int rc;

	snprintf(yaml, sizeof(yaml), "records:\n  r:\n    %s\n", c->record);
	rc = fixture_compile(&f, yaml);
	if (c->tag ? rc == 0 || strcmp(br_err_tag(rc), c->tag) : rc != 0)
		fixture_print(&f);
	assert_string_equal(rc ? br_err_tag(rc) : "none", c->tag ? c->tag : "none");
	if (rc) {
		const char *at = br_err_detail(&f.report.first->err, "at");

		assert_non_null(at);
		if (c->at)
			assert_string_equal(at, c->at);
		br_err_text(&f.report.first->err, BR_LANG_EN, text, sizeof(text));
		if (c->says && !strstr(text, c->says)) {
			print_message("    %s\n", text);
			fail();
		}
		/* both languages, nothing left to fill in */
		assert_false(has_gap(text));
		br_err_text(&f.report.first->err, BR_LANG_ZH, text, sizeof(text));
		assert_false(has_gap(text));
		assert_expected_in_both(&f.report.first->err);
	}
	fixture_release(&f);
}

/* What follows from a misspelt key is not told beside it. */
static void test_cause_alone(void **state)
{
	static const char *const records[] = {
		"case: { summary: { colunm: gz } }",
		"case: { summary: { colunm: gz } }\n    required: [gz]\n    write: { update: [gz] "
		"}",
		"case: { summary: { column: a, code: x } }",
		"case: { applicant.address: { concatt: [a, b], sep: ' ' } }",
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(records); i++) {
		char yaml[512];
		struct fixture f;

		snprintf(yaml, sizeof(yaml), "records:\n  r:\n    %s\n", records[i]);
		assert_int_not_equal(fixture_compile(&f, yaml), 0);
		if (f.report.n != 1)
			fixture_print(&f);
		assert_int_equal(br_err_code(&f.report.first->err), BR_E_MAP_UNKNOWN_KEY);
		assert_int_equal(f.report.n, 1);
		fixture_release(&f);
	}
}

static void test_all_at_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_compile(&f,
		"records:\n  r:\n    case:\n      applicant.nam: a\n      status: { column: b, "
		"codes: nowhere }\n      summary: { column: c, as: wordz }\n");
	assert_int_equal(f.report.n, 3);
	fixture_release(&f);
}

/* What is wrong is said in the reader's language. */
static const struct why_case {
	const char *name, *record, *en, *zh;
} why_cases[] = {
	{"why: an unknown directive", "case: { applicant.birth: { column: a, as: 'date %Y.%-q' } }",
		"has an unknown directive %-q →", "含有未知的指令 %-q →"},
	{"why: no day", "case: { applicant.birth: { column: a, as: 'date %Y.%m' } }",
		"needs %Y, %m and %d →", "需要 %Y、%m 和 %d →"},
	{"why: a clock", "case: { applicant.birth: { column: a, as: 'date %Y-%m-%d %H' } }",
		"say time instead of date", "应为 time 而不是 date"},
	{"why: one word for true and false", "case: { fee.is_fee: { column: a, as: bool 1 } }",
		"is written true/false", "应写成“真/假”"},
	{"why: another type", "case: { summary: { column: a, as: 'date %Y-%m-%d' } }",
		"which is a text →", "（文本） →"},
	{"why: a bad direction in a row",
		"case: { applicant.sex: { column: a, codes: [{ code: M, is: M, direction: up }] } "
		"}",
		"direction is in, out or both →", "direction 应为 in、out 或 both →"},
	{"why: a condition over what is not read",
		"case: { status: { column: a, codes: [{ code: x, is: ACCEPTED, had: summary }] } }",
		"the record does not read summary →", "该记录不读取 summary →"},
	{"why: a table of other fields",
		"case: { status: { column: a, codes: ydz-status }, accepted_at: b, summary: { "
		"column: c, codes: ydz-status } }",
		"it has no column canonical or summary →", "没有列 canonical 或 summary →"},
};

static void test_why(void **state)
{
	const struct why_case *c = *state;
	char yaml[1024], text[2048];
	struct fixture f;

	snprintf(yaml, sizeof(yaml), "records:\n  r:\n    %s\n", c->record);
	assert_int_not_equal(fixture_compile(&f, yaml), 0);
	br_err_text(&f.report.first->err, BR_LANG_EN, text, sizeof(text));
	if (!strstr(text, c->en))
		fail_msg("%s", text);
	br_err_text(&f.report.first->err, BR_LANG_ZH, text, sizeof(text));
	if (!strstr(text, c->zh))
		fail_msg("%s", text);
	fixture_release(&f);
}

/* Headers of a code table: the one that is told, or NULL. */
static const struct header_case {
	const char *name, *header;
	const char *says;
} header_cases[] = {
	{"all there are", "foreign,canonical,had,without,write,direction", NULL},
	{"a remark", "foreign,canonical,备注,name", NULL},
	{"a misspelt one", "foreign,canonical,dirction", "'dirction'; did you mean 'direction'?"},
	{"a capital letter", "foreign,canonical,Write", "'Write'; did you mean 'write'?"},
	{"one that is needed", "foriegn,canonical", "'foriegn'; did you mean 'foreign'?"},
	{"a remark on one that is there", "foreign,canonical,direction,directions", NULL},
};

static void test_header(void **state)
{
	const struct header_case *c = *state;
	char folder[] = "/tmp/map_compile_test.XXXXXX", path[64], text[1024];
	const char *site = fixture_site;
	struct fixture f;
	FILE *csv;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/tables", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/tables/t.csv", folder);
	csv = fopen(path, "w");
	assert_non_null(csv);
	fprintf(csv, "# a remark\n%s\n1,ACCEPTED", c->header);
	for (const char *p = strchr(strchr(c->header, ',') + 1, ','); p; p = strchr(p + 1, ','))
		fputc(',', csv);
	fclose(csv);
	fixture_site = folder;
	fixture_compile(&f, "records:\n  r: { case: { status: { column: a, codes: t } } }\n");
	fixture_site = site;
	unlink(path);
	snprintf(path, sizeof(path), "%s/tables", folder);
	rmdir(path);
	rmdir(folder);
	if (f.report.n != (c->says != NULL))
		fixture_print(&f);
	assert_int_equal(f.report.n, c->says != NULL);
	if (c->says) {
		br_err_text(&f.report.first->err, BR_LANG_EN, text, sizeof(text));
		if (!strstr(text, c->says) || strncmp(text, "tables/t.csv:2:1: ", 18) != 0)
			fail_msg("%s", text);
	}
	fixture_release(&f);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases) + BR_LEN(header_cases) + BR_LEN(why_cases) + 2] = {
		cmocka_unit_test(test_all_at_once), cmocka_unit_test(test_cause_alone)};
	size_t n = 2;
	int rc;

	fixture_load_schema();
	for (size_t i = 0; i < BR_LEN(cases); i++)
		tests[n++] = (struct CMUnitTest){
			cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
	for (size_t i = 0; i < BR_LEN(header_cases); i++)
		tests[n++] = (struct CMUnitTest){
			header_cases[i].name, test_header, NULL, NULL, (void *)&header_cases[i]};
	for (size_t i = 0; i < BR_LEN(why_cases); i++)
		tests[n++] = (struct CMUnitTest){
			why_cases[i].name, test_why, NULL, NULL, (void *)&why_cases[i]};
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	br_arena_release(&fixture_schema_arena);
	return rc;
}
