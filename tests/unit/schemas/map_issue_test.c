/* What is said of a value that cannot be read or written, in both languages. */
#include "map_fixture.h"

static const struct issue_case {
	const char *name, *record; /* members of the record, in one line */
	const char *kase;	   /* written as a new record; NULL: local is read */
	const char *local;
	const char *en, *zh; /* parts of the texts */
} cases[] = {
	{"too many characters", "case: { summary: { column: zz, max_chars: 3 } }",
		"{summary: 张三李四}", NULL, "column zz: 4 characters, at most 3 →",
		"列 zz 的长度：4 个字符，上限 3 →"},
	{"too many bytes", "case: { summary: { column: zz, max_bytes: 6, charset: GBK } }",
		"{summary: 张三李四}", NULL, "column zz: 8 bytes, at most 6 →",
		"列 zz 的长度：8 字节，上限 6 →"},
	{"no date of the format",
		"case: { applicant.birth: { column: csrq, as: 'date %Y.%m.%d' } }", NULL,
		"{csrq: 不详}", "expected date %Y.%m.%d →", "应为 日期 %Y.%m.%d →"},
	{"no day of the calendar",
		"case: { applicant.birth: { column: csrq, as: 'date %Y.%m.%d' } }", NULL,
		"{csrq: 1952.2.30}",
		"expected a day that exists; the form date %Y.%m.%d is right →",
		"应为 存在的日期；格式“日期 %Y.%m.%d”无误 →"},
	{"no time of the day", "case: { accepted_at: { column: sj, as: 'time %Y-%m-%d %H:%M' } }",
		NULL, "{sj: '2018-07-02 25:00'}", "expected a time that exists; the form",
		"应为 存在的时间；格式"},
	{"more than the form", "case: { applicant.birth: { column: csrq, as: 'date %Y.%m.%d' } }",
		NULL, "{csrq: 1952.2.30x}", "expected date %Y.%m.%d →", "应为 日期 %Y.%m.%d →"},
	{"a field of a named element", "case: { ext.card_kind: { column: lx, max_chars: 2 } }",
		"{ext.card_kind: abc}", NULL, "of ext.card_kind is too long",
		"ext.card_kind 的 'a***'"},
	{"a required one", "case: { ext.card_kind: lx, steps/1/name: b }\n    required: [lx]",
		"{steps/1/name: x}", NULL, "the case has no ext.card_kind",
		"但办件没有 ext.card_kind"},
	{"neither word", "case: { fee.is_fee: { column: sf, as: bool 1/0 } }", NULL, "{sf: x}",
		"expected 1 or 0 →", "应为 1 或 0 →"},
	{"no number", "case: { fee.amount: je }", NULL, "{je: 免费}", "expected a decimal number →",
		"应为 数字 →"},
	{"too many decimals", "case: { fee.amount: { column: je, scale: 2 } }",
		"{fee.amount: '7.005'}", NULL, "expected a decimal number →", "应为 数字 →"},
	{"no citizen id", "case: { applicant.cert_no: { column: sfzh, as: citizen-id } }", NULL,
		"{sfzh: '1'}", "with a valid birth date and check character →",
		"15 位或 18 位，出生日期与校验位有效 →"},
	{"no credit code", "case: { org.code: { column: dm, as: credit-code } }", NULL, "{dm: x}",
		"a unified social credit code of 18 characters →", "应为 18 位统一社会信用代码 →"},
	{"a character the charset does not have", "case: { summary: { column: zz, charset: GBK } }",
		"{summary: 张䶮}", NULL, "䶮, which column zz (GBK) cannot store",
		"列 zz（GBK）无法存储"},
};

static void test_case(void **state)
{
	const struct issue_case *c = *state;
	struct image empty = {NULL, 0}, in, out;
	struct map_issue issue = {.ask = false};
	const struct mapping *m;
	char yaml[1024], text[2048];
	struct fixture f;

	snprintf(yaml, sizeof(yaml), "records:\n  r:\n    %s\n", c->record);
	if (fixture_compile(&f, yaml)) {
		fixture_print(&f);
		fail();
	}
	m = map_at(f.set, 0);
	in = fixture_image(
		&f, c->kase ? f.schema->shape : map_shape(m), c->kase ? c->kase : c->local);
	br_err_clear(&issue.err);
	if (!c->kase)
		assert_int_not_equal(map_get(m, &in, NULL, &f.arena, &out, &issue), 0);
	else if (map_put(m, &in, &empty, &f.arena, &out, &issue) == 0)
		assert_int_not_equal(map_on_create(m, &in, &f.arena, &out, &issue), 0);
	br_err_text(&issue.err, BR_LANG_EN, text, sizeof(text));
	if (!strstr(text, c->en))
		fail_msg("%s", text);
	br_err_text(&issue.err, BR_LANG_ZH, text, sizeof(text));
	if (!strstr(text, c->zh))
		fail_msg("%s", text);
	fixture_release(&f);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases)];
	int rc;

	fixture_load_schema();
	for (size_t i = 0; i < BR_LEN(cases); i++)
		tests[i] = (struct CMUnitTest){
			cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	br_arena_release(&fixture_schema_arena);
	return rc;
}
