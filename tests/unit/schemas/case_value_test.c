/* One value against the schema: type, code table, check, length, and that nobody's data stands in
 * the message. */
#include "case_fixture.h"

static const struct value_row {
	const char *name, *cell; /* flat JSON of one cell */
	enum br_err_code error;
	const char *found; /* NULL: not looked at */
} rows[] = {
	{"null is always fine", "{\"applicant.cert_no\":null}", BR_E_OK, NULL},
	{"text", "{\"summary\":\"关于老年人优待证的申请\"}", BR_E_OK, NULL},
	{"empty text", "{\"summary\":\"\"}", BR_E_OK, NULL},
	{"several lines", "{\"outcome_text\":\"一\\r\\n二\\t三\"}", BR_E_OK, NULL},
	{"a control character", "{\"summary\":\"a\\u0007b\"}", BR_E_SCHEMA_BAD_TEXT, NULL},
	{"the longest text",
		"{\"accept_doc_no\":"
		"\"一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十"
		"一二三四五六七八九十\"}",
		BR_E_OK, NULL},
	{"one more",
		"{\"accept_doc_no\":"
		"\"一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十"
		"一二三四五六七八九十一\"}",
		BR_E_SCHEMA_TOO_LONG, NULL},
	{"code", "{\"status\":\"ACCEPTED\"}", BR_E_OK, NULL},
	{"a foreign code", "{\"status\":\"05\"}", BR_E_SCHEMA_BAD_CODE, "05"},
	{"a code in lower case", "{\"status\":\"accepted\"}", BR_E_SCHEMA_BAD_CODE, "accepted"},
	{"an empty code", "{\"status\":\"\"}", BR_E_SCHEMA_BAD_CODE, ""},
	{"a national code", "{\"applicant.cert_type\":\"111\"}", BR_E_OK, NULL},
	{"a vendor's code for it", "{\"applicant.cert_type\":\"22\"}", BR_E_SCHEMA_BAD_CODE, "22"},
	{"date", "{\"result.issued_on\":\"2018-07-09\"}", BR_E_OK, NULL},
	{"30 February", "{\"result.issued_on\":\"1990-02-30\"}", BR_E_SCHEMA_BAD_VALUE,
		"1990-02-30"},
	{"time", "{\"applied_at\":\"2018-07-02T09:05:00+08:00\"}", BR_E_OK, NULL},
	{"time without zone", "{\"applied_at\":\"2018-07-02T09:05:00\"}", BR_E_SCHEMA_BAD_VALUE,
		NULL},
	{"date for a time", "{\"applied_at\":\"2018-07-02\"}", BR_E_SCHEMA_BAD_VALUE, NULL},
	{"int", "{\"item.version\":\"3\"}", BR_E_OK, NULL},
	{"no int", "{\"item.version\":\"3.0\"}", BR_E_SCHEMA_BAD_VALUE, "3.0"},
	{"beyond int64", "{\"item.version\":\"9223372036854775808\"}", BR_E_SCHEMA_BAD_VALUE, NULL},
	{"decimal", "{\"fee.amount\":\"12.50\"}", BR_E_OK, NULL},
	{"decimal with comma", "{\"fee.amount\":\"1,250.00\"}", BR_E_SCHEMA_BAD_VALUE, NULL},
	{"bool", "{\"fee.is_fee\":\"false\"}", BR_E_OK, NULL},
	{"no bool", "{\"fee.is_fee\":\"0\"}", BR_E_SCHEMA_BAD_VALUE, "0"},
	{"implementation code", "{\"item.impl_code\":\"11341503999900222D4002011099000\"}", BR_E_OK,
		NULL},
	{"wrong implementation code", "{\"item.impl_code\":\"11341503999900222E4002011099000\"}",
		BR_E_SCHEMA_BAD_VALUE, NULL},
	{"credit code", "{\"org.code\":\"11341503999900222D\"}", BR_E_OK, NULL},
	{"wrong credit code", "{\"org.code\":\"11341503999900222E\"}", BR_E_SCHEMA_BAD_VALUE, NULL},
	{"division", "{\"division\":\"341503000000\"}", BR_E_OK, NULL},
	{"division of 6", "{\"division\":\"341503\"}", BR_E_SCHEMA_BAD_VALUE, "341503"},
	{"name", "{\"applicant.name\":\"阿不都·买买提\"}", BR_E_OK, NULL},
	{"a name that is none", "{\"applicant.name\":\"无\"}", BR_E_SCHEMA_BAD_VALUE, NULL},
	{"mobile", "{\"applicant.mobile\":\"13900000000\"}", BR_E_OK, NULL},
	{"wrong mobile, masked", "{\"applicant.mobile\":\"12900000000\"}", BR_E_SCHEMA_BAD_VALUE,
		"129****0000"},
	{"postcode", "{\"applicant.postcode\":\"237000\"}", BR_E_OK, NULL},
	{"wrong postcode", "{\"applicant.postcode\":\"23700\"}", BR_E_SCHEMA_BAD_VALUE, "23700"},
	{"citizen id", "{\"applicant.cert_no\":\"341599195003070014\"}", BR_E_OK, NULL},
	{"wrong check digit, masked", "{\"applicant.cert_no\":\"341599195003070015\"}",
		BR_E_SCHEMA_BAD_VALUE, "341599********0015"},
	{"credit code as document", "{\"applicant.cert_no\":\"113701006974812100\"}", BR_E_OK,
		NULL},
	{"credit code with letters as document", "{\"applicant.cert_no\":\"91341503MA2TE0011W\"}",
		BR_E_OK, NULL},
	{"passport as document", "{\"applicant.cert_no\":\"E12345678\"}", BR_E_OK, NULL},
	{"empty document", "{\"applicant.cert_no\":\"\"}", BR_E_SCHEMA_BAD_VALUE, NULL},
	{"in a list", "{\"steps/1/result\":\"AGREE\"}", BR_E_OK, NULL},
	{"wrong in a list", "{\"steps/1/result\":\"同意\"}", BR_E_SCHEMA_BAD_CODE, "同意"},
	{"a list's empty key", "{\"steps//name\":\"x\"}", BR_E_SCHEMA_NO_KEY, NULL},
	{"nested in a list", "{\"steps/1/limit.unit\":\"WORKDAY\"}", BR_E_OK, NULL},
};

static void test_row(void **state)
{
	const struct value_row *row = *state;
	struct image img;
	struct br_err err;
	char text[1024];

	br_err_clear(&err);
	flat_case(row->cell, &img);
	assert_int_equal(img.n, 1);
	assert_int_equal(case_check_value(schema, &img.cells[0], &err), -(int)row->error);
	assert_int_equal(case_check_value(schema, &img.cells[0], NULL), -(int)row->error);
	if (row->error == BR_E_OK)
		return;
	assert_string_equal(
		br_err_detail(&err, "field"), case_field(schema, img.cells[0].field)->name.p);
	if (row->found)
		assert_string_equal(br_err_detail(&err, "found"), row->found);
	/* no gaps in the sentence, in either language */
	assert_null(strchr(br_err_text(&err, BR_LANG_EN, text, sizeof(text)), '{'));
	assert_null(strchr(br_err_text(&err, BR_LANG_ZH, text, sizeof(text)), '{'));
}

static void test_invalid_utf8(void **state)
{
	struct cell c = {.field = schema->f_dept_case_no, .value = BR_STR("a\xd5\xc5")};
	struct br_err err;

	(void)state;
	br_err_clear(&err);
	assert_int_equal(case_check_value(schema, &c, &err), -BR_E_SCHEMA_BAD_TEXT);
	assert_string_equal(br_err_detail(&err, "pos"), "1");
}

static void test_places(void **state)
{
	struct image img;

	(void)state;
	flat_case("{\"applicant.name\":\"a\",\"steps/2/opinion\":\"b\"}", &img);
	assert_string_equal(case_place(schema, &img.cells[0], &arena).p, "applicant.name");
	assert_string_equal(case_place(schema, &img.cells[1], &arena).p, "steps/2/opinion");
	assert_string_equal(case_field(schema, img.cells[1].field)->name.p, "steps.opinion");
	assert_null(case_field(schema, 100000));
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(rows) + 2] = {
		cmocka_unit_test(test_invalid_utf8), cmocka_unit_test(test_places)};
	int rc;

	for (size_t i = 0; i < BR_LEN(rows); i++)
		tests[i + 2] =
			(struct CMUnitTest){rows[i].name, test_row, NULL, NULL, (void *)&rows[i]};
	load_schema();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	release_schema();
	return rc;
}
