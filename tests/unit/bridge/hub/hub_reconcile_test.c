/* Reconciliation: what differs between a record and its case, and of which class it is. */
#include "hub_reconcile.h"

#include "br_json.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

#include "bridge/hub/hub_fixture.h"

static const char office[] =
	"system: office\ntitle: 区局\nrole: department\nconnector: postgres\n"
	"connection: { dsn: \"dbname=x\", timezone: Asia/Shanghai }\n"
	"records:\n"
	"  application:\n"
	"    root: { table: sq, key: sbh }\n"
	"    read: { every: 1s, cursor: rv }\n"
	"    write: { create: true, update: [xm, dz, zt, slsj] }\n"
	"    case:\n"
	"      dept_case_no: sbh\n"
	"      applicant.name: { column: xm, max_bytes: 60 }\n"
	"      applicant.address: dz\n"
	"      item.local_name: sxmc\n"
	"      accepted_at: { column: slsj, as: \"time %Y-%m-%d %H:%M:%S\" }\n"
	"      result.cert_no: zzbh\n"
	"      status: { column: zt, codes: { \"0\": RECEIVED, \"1\": ACCEPTED, \"2\": FINISHED } "
	"}\n"
	"    parts:\n"
	"      steps: { table: hj, parent: sbh, key: xh, mode: append, case: { opinion: yj, "
	"ended_at: { column: js, as: \"time %Y-%m-%d %H:%M:%S\" } } }\n"
	"      materials: { table: cl, parent: sbh, key: xh, mode: merge, case: { name: mc } }\n";

static const struct fixture_file files[] = {{"systems/office.yaml", office}};

#define CASE                                                                                       \
	"{\"dept_case_no\":\"D1\",\"applicant\":{\"name\":\"张三\",\"address\":\"甲\"},"        \
	"\"item\":{\"local_name\":\"优待证\"},\"accepted_at\":\"2018-07-02T09:05:00+08:00\","   \
	"\"status\":\"ACCEPTED\",\"steps\":[{\"key\":\"1\",\"opinion\":\"同意\"}],"              \
	"\"materials\":[{\"key\":\"1\",\"name\":\"身份证\"}]}"
#define RECORD(xm, dz, mc, slsj, zt, more)                                                         \
	"{\"sbh\":\"D1\",\"xm\":" xm ",\"dz\":" dz ",\"sxmc\":" mc ",\"slsj\":\"" slsj             \
	"\",\"zt\":\"" zt "\",\"zzbh\":null" more "}"
#define STEP	 ",\"steps/1/yj\":\"同意\",\"steps/1/js\":null"
#define MATERIAL ",\"materials/1/mc\":\"身份证\""
#define SAME	 "2018-07-02 09:05:00"

static struct br_arena arena;

static const struct mapping *office_map(void)
{
	return map_find(maps[0], BR_STR("application"));
}

static struct image read_record(const char *json)
{
	struct image out;
	struct br_err err;
	struct br_jr r;

	br_err_clear(&err);
	br_jr_init(&r, br_str_z(json), &arena, &err);
	assert_int_equal(image_read(&r, map_shape(office_map()), false, &arena, &out), 0);
	return out;
}

static struct image read_case(const char *json)
{
	struct image out;
	struct br_err err;
	struct br_jr r;

	br_err_clear(&err);
	br_jr_init(&r, br_str_z(json), &arena, &err);
	assert_int_equal(br_jr_next(&r), BR_JT_OBJECT);
	assert_int_equal(case_read(schema, &r, false, &arena, &out), 0);
	return out;
}

static struct hub_diff *compare(
	const char *kase, const char *record, size_t *n, struct map_issue *issue)
{
	struct image doc = read_case(kase), shown = read_record(record);
	struct hub_sides s = {schema, office_map(), &doc, NULL, 0, &shown, 60, NULL, NULL, NULL};
	struct hub_diff *d;

	assert_int_equal(hub_reconcile(&s, &arena, &d, n, issue), 0);
	return d;
}

static size_t differences(const char *kase, const char *record, const char *known,
	const struct versions *fver, const struct versions *held)
{
	struct image doc = read_case(kase), shown = read_record(record),
		     shadow = read_record(known);
	struct hub_sides s = {schema, office_map(), &doc, NULL, 0, &shown, 60, &shadow, fver, held};
	struct map_issue issue;
	struct hub_diff *d;
	size_t n;

	assert_int_equal(hub_reconcile(&s, &arena, &d, &n, &issue), 0);
	return n;
}

static void differs(const char *record, enum hub_diff_class class, const char *field)
{
	struct map_issue issue;
	size_t n;
	struct hub_diff *d = compare(CASE, record, &n, &issue);

	if (n != 1)
		for (size_t i = 0; i < n; i++)
			print_error("%s: %s\n", hub_diff_abouts[d[i].class].tag,
				case_place(schema, &d[i].place, &arena).p);
	assert_int_equal(n, 1);
	assert_int_equal(d[0].class, class);
	if (d[0].place.field != IMAGE_ELEMENT)
		assert_string_equal(case_place(schema, &d[0].place, &arena).p, field);
	else
		assert_string_equal(schema->parts[d[0].place.part].name.p, field);
}

static void equal(const char *kase, const char *record)
{
	struct map_issue issue;
	size_t n;

	compare(kase, record, &n, &issue);
	assert_int_equal(n, 0);
	assert_int_equal(br_err_code(&issue.err), BR_E_OK);
}

static void sides_that_agree(void **state)
{
	(void)state;
	equal(CASE, RECORD("\"张三\"", "\"甲\"", "\"优待证\"", SAME, "1", STEP MATERIAL));
	/* within the tolerance, and a minute of it */
	equal(CASE, RECORD("\"张三\"", "\"甲\"", "\"优待证\"", "2018-07-02 09:06:00", "1",
			    STEP MATERIAL));
}

/* A target that keeps three characters was told all of them. */
static void what_was_told_is_equal(void **state)
{
	static const char kase[] = "{\"dept_case_no\":\"D1\",\"applicant\":{\"name\":"
				   "\"阿卜杜拉买买提\"},\"status\":\"ACCEPTED\"}";
	static const char was[] = "{\"sbh\":\"D1\",\"xm\":\"阿卜杜\",\"dz\":null,\"zt\":\"1\"}";
	static const char is[] = "{\"sbh\":\"D1\",\"xm\":\"阿卜杜\",\"dz\":\"乙\",\"zt\":\"1\"}";
	struct versions fver = {.dflt = 2}, held = {.dflt = 2};

	(void)state;
	assert_int_equal(differences(kase, was, was, &fver, &held), 0);
	/* somebody else changed another field */
	assert_int_equal(differences(kase, is, was, &fver, &held), 1);
	/* and the name itself is behind */
	held.dflt = 1;
	assert_int_equal(differences(kase, is, was, &fver, &held), 2);
}

static void each_class(void **state)
{
	(void)state;
	differs(RECORD("\"张三\"", "\"甲\"", "\"优待证\"", SAME, "0", STEP MATERIAL), DIFF_STATUS,
		"status");
	differs(RECORD("\"张三\"", "\"甲\"", "\"优待证\"", SAME, "2", STEP MATERIAL), DIFF_FINISHED,
		"status");
	differs(RECORD("\"张三\"", "\"甲\"", "\"优待证\"", "2018-07-02 09:06:01", "1",
			STEP MATERIAL),
		DIFF_TIME, "accepted_at");
	differs(RECORD("\"张三\"", "\"甲\"", "\"老年证\"", SAME, "1", STEP MATERIAL), DIFF_ITEM,
		"item.local_name");
	differs(RECORD("\"李四\"", "\"甲\"", "\"优待证\"", SAME, "1", STEP MATERIAL),
		DIFF_APPLICANT, "applicant.name");
	differs(RECORD("\"张三\"", "null", "\"优待证\"", SAME, "1", STEP MATERIAL), DIFF_APPLICANT,
		"applicant.address");
	differs(RECORD("\"张三\"", "\"甲\"", "\"优待证\"", SAME, "1", MATERIAL), DIFF_STEP,
		"steps");
	differs(RECORD("\"张三\"", "\"甲\"", "\"优待证\"", SAME, "1",
			STEP ",\"steps/2/yj\":\"转办\",\"steps/2/js\":null" MATERIAL),
		DIFF_STEP, "steps");
	differs(RECORD("\"张三\"", "\"甲\"", "\"优待证\"", SAME, "1", STEP), DIFF_ATTACHMENT,
		"materials");
	differs(RECORD("\"张三\"", "\"甲\"", "\"优待证\"", SAME, "1",
			",\"steps/1/yj\":\"不同意\",\"steps/1/js\":null" MATERIAL),
		DIFF_STATUS, "steps/1/opinion");
}

static void a_record_nobody_can_read(void **state)
{
	struct map_issue issue;
	struct hub_diff *d;
	size_t n;

	(void)state;
	d = compare(CASE, RECORD("\"张三\"", "\"甲\"", "\"优待证\"", SAME, "9", STEP MATERIAL), &n,
		&issue);
	assert_int_equal(n, 1);
	assert_int_equal(d[0].class, DIFF_STATUS);
	assert_int_not_equal(br_err_code(&issue.err), BR_E_OK);
}

static void records_alone(void **state)
{
	(void)state;
	assert_int_equal(hub_diff_alone(CASE_OWNER_DEPARTMENT, true), DIFF_DEPARTMENT_ONLY);
	assert_int_equal(hub_diff_alone(CASE_OWNER_DEPARTMENT, false), DIFF_PORTAL_ONLY);
	assert_int_equal(hub_diff_alone(CASE_OWNER_PORTAL, true), DIFF_PORTAL_ONLY);
	assert_int_equal(hub_diff_alone(CASE_OWNER_PORTAL, false), DIFF_DEPARTMENT_ONLY);
}

static void the_table_of_classes(void **state)
{
	static const bool mends[] = {
		false, true, false, false, false, false, false, false, true, true, true};

	(void)state;
	for (int i = 1; i < DIFF_CLASSES; i++) {
		char tag[16];

		snprintf(tag, sizeof(tag), "R%d", i);
		assert_string_equal(hub_diff_abouts[i].tag, tag);
		assert_int_equal(hub_diff_by_tag(br_str_z(tag)), i);
		assert_int_equal(hub_diff_abouts[i].mends, mends[i]);
	}
	assert_int_equal(hub_diff_by_tag(BR_STR("R11")), 0);
	assert_int_equal(hub_diff_by_tag(BR_STR("")), 0);
}

static int setup(void **state)
{
	(void)state;
	br_arena_init(&arena, 64u << 20);
	return fixture_load(files, BR_LEN(files));
}

static int teardown(void **state)
{
	(void)state;
	br_arena_release(&arena);
	return fixture_unload();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sides_that_agree),
		cmocka_unit_test(what_was_told_is_equal),
		cmocka_unit_test(each_class),
		cmocka_unit_test(a_record_nobody_can_read),
		cmocka_unit_test(records_alone),
		cmocka_unit_test(the_table_of_classes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
