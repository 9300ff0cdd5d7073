/* Out of memory wherever a record is put into the case's words, or a case into a system's: an error
 * that says so, and nothing leaks. So also where a mapping is compiled. (Built for the sanitizers
 * each piece of an arena is an allocation of its own.) */
#include "map_fixture.h"
#include "torture.h"

static const char yaml[] =
	"connection: { timezone: Asia/Shanghai }\n"
	"records:\n"
	"  card:\n"
	"    root: { table: ydz_sq, key: sbh }\n"
	"    read: { every: 1s, cursor: rv }\n"
	"    write: { create: true }\n"
	"    charset: GBK\n"
	"    columns: { je: { scale: 2 }, bz: { trim: right, empty: 'null' } }\n"
	"    case:\n"
	"      dept_case_no: sbh\n"
	"      item.impl_code: { const: 11341503999900222D4002011099000 }\n"
	"      applicant.name: { column: xm, pad: 20, max_bytes: 20 }\n"
	"      applicant.cert_no: { column: sfzh, as: citizen-id }\n"
	"      applicant.sex: { column: xb, codes: sex-hanzi }\n"
	"      accepted_at: { column: slrq, as: 'time %Y-%m-%d %H:%M:%S', direction: in }\n"
	"      status: { column: zt, codes: ydz-status }\n"
	"      outcome: { column: zt, codes: ydz-status }\n"
	"      fee.amount: je\n"
	"      summary: bz\n"
	"      finished_at: { column: zjsj, as: 'time %Y-%m-%d %H:%M:%S' }\n"
	"      ext.card_kind: lx\n"
	"    parts:\n"
	"      lc: { list: steps, table: ydz_lc, parent: sbh, key: xh, mode: append, case: { name: "
	"hjmc, opinion: yj }, on_create: { ly: { technical: '9' } } }\n"
	"    on_create:\n"
	"      sbh: { generate: nextval('ydz_sbh'), returning: true }\n"
	"      czy: { technical: bridge }\n"
	"    natural_key: [sfzh, xm]\n"
	"    match: [ portal_case_no ]\n";

static struct fixture f;
static const struct mapping *card;
static struct image record, kase, none;

typedef int work_fn(struct br_arena *a, struct map_issue *issue);

static int get(struct br_arena *a, struct map_issue *issue)
{
	struct image out;

	return map_get(card, &record, NULL, a, &out, issue);
}

static int put_new(struct br_arena *a, struct map_issue *issue)
{
	struct image out;

	return map_put(card, &kase, &none, a, &out, issue);
}

static int put_over(struct br_arena *a, struct map_issue *issue)
{
	struct image out;

	return map_put(card, &kase, &record, a, &out, issue);
}

static int on_create(struct br_arena *a, struct map_issue *issue)
{
	struct image out;

	return map_on_create(card, &kase, a, &out, issue);
}

static const struct work_case {
	const char *name;
	work_fn *work;
} cases[] = {{"get", get}, {"put, a new record", put_new}, {"put, over a record", put_over},
	{"what a create needs", on_create}};

static void test_work(void **state)
{
	const struct work_case *c = *state;
	struct torture torture = {0};

	while (torture_next(&torture)) {
		struct map_issue issue = {0};
		struct br_arena a;
		int rc;

		br_arena_init(&a, 1 << 20);
		br_err_clear(&issue.err);
		rc = c->work(&a, &issue);
		assert_int_equal(rc, torture_hit(&torture) ? -BR_E_NOMEM : 0);
		assert_int_equal(
			br_err_code(&issue.err), torture_hit(&torture) ? BR_E_NOMEM : BR_E_OK);
		br_arena_release(&a);
	}
	assert_true(torture.round > 1);
}

/* A mapping that was compiled in part is none. */
static void test_compile(void **state)
{
	struct torture torture = {0};

	(void)state;
	while (torture_next(&torture)) {
		struct fixture g;
		int rc = fixture_compile(&g, yaml);

		if ((rc != 0) != torture_hit(&torture))
			fixture_print(&g);
		assert_int_equal(rc != 0, torture_hit(&torture));
		fixture_release(&g);
	}
	assert_true(torture.round > 1);
}

static int set_up(void **state)
{
	(void)state;
	fixture_load_schema();
	if (fixture_compile(&f, yaml)) {
		fixture_print(&f);
		return -1;
	}
	card = map_at(f.set, 0);
	record = fixture_image(&f, map_shape(card),
		"{ sbh: Y1, xm: '张三', sfzh: '11010519491231002X', xb: 男, slrq: '2018-07-02 "
		"09:05:00', zt: '4', je: '12.50', bz: 'x ', zjsj: null, lx: '1', lc/1/hjmc: 受理, "
		"lc/1/yj: '同意' }");
	kase = fixture_image(&f, f.schema->shape,
		"{ dept_case_no: Y1, applicant.name: '李四', applicant.cert_no: "
		"'11010519491231002X', applicant.sex: M, status: ACCEPTED, fee.amount: '3', "
		"summary: y, ext.card_kind: '2', steps/1/name: 受理, steps/2/name: 办结, "
		"steps/2/opinion: '是' }");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_release(&f);
	br_arena_release(&fixture_schema_arena);
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases) + 1];

	for (size_t i = 0; i < BR_LEN(cases); i++)
		tests[i] = (struct CMUnitTest){
			cases[i].name, test_work, NULL, NULL, (void *)(uintptr_t)&cases[i]};
	tests[BR_LEN(cases)] = (struct CMUnitTest)cmocka_unit_test(test_compile);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
