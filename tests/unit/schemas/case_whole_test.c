/* Rules over several fields: order of times, outcome, documents and people. */
#include "case_fixture.h"

#define T(clock) "2018-07-02T" clock ":00+08:00"

static const struct whole_row {
	const char *name, *json;
	enum br_err_code error;
	const char *field; /* detail "field" or "first" */
} rows
	[] =
		{
			{"nothing", "{}", BR_E_OK, NULL},
			{"in order",
				"{\"applied_at\":\"" T("09:00") "\",\"accepted_at\":\"" T(
					"10:00") "\",\"finished_at\":\"" T("11:00") "\","
										    "\"delivered_"
										    "at\":\"" T(
											    "12"
											    ":0"
											    "0") "\"}",
				BR_E_OK, NULL},
			{"at one moment",
				"{\"applied_at\":\"" T("09:00") "\",\"accepted_at\":\"" T(
					"09:00") "\"}",
				BR_E_OK, NULL},
			{"other zones",
				"{\"applied_at\":\"2018-07-02T09:00:00+08:00\",\"accepted_at\":"
				"\"2018-07-02T01:30:00Z\"}",
				BR_E_OK, NULL},
			{"other zones, out of order",
				"{\"applied_at\":\"2018-07-02T09:00:00+08:00\",\"accepted_at\":"
				"\"2018-07-02T00:59:59.999Z\"}",
				BR_E_SCHEMA_TIME_ORDER, "applied_at"},
			{"applied after accepted",
				"{\"applied_at\":\"" T("11:00") "\",\"accepted_at\":\"" T(
					"10:00") "\"}",
				BR_E_SCHEMA_TIME_ORDER, "applied_at"},
			{"finished before accepted",
				"{\"accepted_at\":\"" T("11:00") "\",\"finished_at\":\"" T(
					"10:00") "\"}",
				BR_E_SCHEMA_TIME_ORDER, "accepted_at"},
			{"delivered before finished",
				"{\"finished_at\":\"" T("11:00") "\",\"delivered_at\":\"" T(
					"10:00") "\"}",
				BR_E_SCHEMA_TIME_ORDER, "finished_at"},
			{"null is not judged",
				"{\"applied_at\":\"" T("11:00") "\",\"accepted_at\":null}", BR_E_OK,
				NULL},
			{"accepted on the day due",
				"{\"accepted_at\":\"" T(
					"10:00") "\",\"due.promise\":\"2018-07-02\"}",
				BR_E_OK, NULL},
			{"accepted after it was due",
				"{\"accepted_at\":\"" T(
					"10:00") "\",\"due.promise\":\"2018-07-01\"}",
				BR_E_SCHEMA_TIME_ORDER, "accepted_at"},
			{"instant item on one day",
				"{\"item.handling_kind\":\"INSTANT\",\"accepted_at\":\"" T(
					"10:00") "\",\"finished_at\":\"" T("11:00") "\"}",
				BR_E_OK, NULL},
			{"instant item on the next",
				"{\"item.handling_kind\":\"INSTANT\",\"accepted_at\":\"" T(
					"10:00") "\",\"finished_at\":\"2018-07-03T10:00:00+08:"
						 "00\"}",
				BR_E_SCHEMA_TIME_ORDER, "finished_at"},
			{"promised item on the next",
				"{\"item.handling_kind\":\"PROMISE\",\"accepted_at\":\"" T(
					"10:00") "\",\"finished_at\":\"2018-07-03T10:00:00+08:"
						 "00\"}",
				BR_E_OK, NULL},
			{"valid for a while",
				"{\"result.valid_from\":\"2018-07-02\",\"result.valid_to\":\"2028-"
				"07-01\"}",
				BR_E_OK, NULL},
			{"valid backwards",
				"{\"result.valid_from\":\"2018-07-02\",\"result.valid_to\":\"2018-"
				"07-01\"}",
				BR_E_SCHEMA_TIME_ORDER, "result.valid_from"},
			{"steps in order",
				"{\"applied_at\":\"" T("09:00") "\",\"finished_at\":\"" T("12:00") "\",\"steps/1/started_at\":\"" T(
					"09:00") "\",\"steps/1/ended_at\":\"" T("10:00") "\","
											 "\"steps/"
											 "2/"
											 "started_"
											 "at\":"
											 "\"" T("10"
												":0"
												"0") "\",\"steps/2/ended_at\":\"" T("12:00") "\"}",
				BR_E_OK, NULL},
			{"a step that ends before it starts",
				"{\"steps/1/name\":\"a\",\"steps/2/started_at\":\"" T(
					"11:00") "\",\"steps/2/ended_at\":\"" T("10:00") "\"}",
				BR_E_SCHEMA_TIME_ORDER, "steps.started_at"},
			{"a step before the application",
				"{\"applied_at\":\"" T("09:00") "\",\"steps/1/started_at\":\"" T(
					"08:00") "\"}",
				BR_E_SCHEMA_TIME_ORDER, "applied_at"},
			{"a step after completion",
				"{\"finished_at\":\"" T("09:00") "\",\"steps/1/ended_at\":\"" T(
					"10:00") "\"}",
				BR_E_SCHEMA_TIME_ORDER, "steps.ended_at"},
			{"a special procedure backwards",
				"{\"specials/1/started_at\":\"" T(
					"11:00") "\",\"specials/1/ended_at\":\"" T("10:00") "\"}",
				BR_E_SCHEMA_TIME_ORDER, "specials.started_at"},

			{"finished with a certificate",
				"{\"status\":\"FINISHED\",\"outcome\":\"CERT\",\"result.cert_no\":"
				"\"YDZ-1\"}",
				BR_E_OK, NULL},
			{"an outcome while open",
				"{\"status\":\"PROCESSING\",\"outcome\":\"CERT\"}",
				BR_E_SCHEMA_OUTCOME, "outcome"},
			{"not accepted both ways",
				"{\"status\":\"NOTACCEPTED\",\"outcome\":\"NOTACCEPTED\"}", BR_E_OK,
				NULL},
			{"not accepted but a certificate",
				"{\"status\":\"NOTACCEPTED\",\"outcome\":\"CERT\"}",
				BR_E_SCHEMA_OUTCOME, "outcome"},
			{"finished but not accepted",
				"{\"status\":\"FINISHED\",\"outcome\":\"NOTACCEPTED\"}",
				BR_E_SCHEMA_OUTCOME, "outcome"},
			{"denied with a reason",
				"{\"status\":\"FINISHED\",\"outcome\":\"DENIED\",\"outcome_"
				"reason\":\"年龄不符\"}",
				BR_E_OK, NULL},
			{"denied without", "{\"status\":\"FINISHED\",\"outcome\":\"DENIED\"}",
				BR_E_SCHEMA_OUTCOME, "outcome_reason"},
			{"the applicant's number as the certificate's",
				"{\"status\":\"FINISHED\",\"outcome\":\"CERT\",\"result.cert_no\":"
				"\"341599195003070014\",\"applicant.cert_no\":"
				"\"341599195003070014\"}",
				BR_E_SCHEMA_OUTCOME, "result.cert_no"},

			{"id card",
				"{\"applicant.cert_type\":\"111\",\"applicant.cert_no\":"
				"\"341599195003070014\"}",
				BR_E_OK, NULL},
			{"id card of 15",
				"{\"applicant.cert_type\":\"111\",\"applicant.cert_no\":"
				"\"341599500307001\"}",
				BR_E_SCHEMA_BAD_VALUE, "applicant.cert_no"},
			{"id card with a passport's number",
				"{\"applicant.cert_type\":\"111\",\"applicant.cert_no\":"
				"\"E12345678\"}",
				BR_E_SCHEMA_BAD_VALUE, "applicant.cert_no"},
			{"passport",
				"{\"applicant.cert_type\":\"414\",\"applicant.cert_no\":"
				"\"E12345678\"}",
				BR_E_OK, NULL},
			{"credit code",
				"{\"applicant.cert_type\":\"001\",\"applicant.cert_no\":"
				"\"91341503MA2TE0011W\"}",
				BR_E_OK, NULL},
			{"credit code that is an id",
				"{\"applicant.cert_type\":\"001\",\"applicant.cert_no\":"
				"\"341599195003070014\"}",
				BR_E_SCHEMA_BAD_VALUE, "applicant.cert_no"},
			{"organisation code",
				"{\"applicant.cert_type\":\"002\",\"applicant.cert_no\":\"69748121-"
				"0\"}",
				BR_E_OK, NULL},
			{"the agent's id",
				"{\"agent.cert_type\":\"111\",\"agent.cert_no\":"
				"\"341599195003070015\"}",
				BR_E_SCHEMA_BAD_VALUE, "agent.cert_no"},
			{"sex and birth as in the id",
				"{\"applicant.cert_no\":\"341599195202290028\",\"applicant.sex\":"
				"\"F\",\"applicant.birth\":\"1952-02-29\"}",
				BR_E_OK, NULL},
			{"another sex",
				"{\"applicant.cert_no\":\"341599195202290028\",\"applicant.sex\":"
				"\"M\"}",
				BR_E_SCHEMA_BAD_VALUE, "applicant.sex"},
			{"sex not stated",
				"{\"applicant.cert_no\":\"341599195202290028\",\"applicant.sex\":"
				"\"UNSTATED\"}",
				BR_E_OK, NULL},
			{"another birth",
				"{\"applicant.cert_no\":\"341599195202290028\",\"applicant.birth\":"
				"\"1952-03-01\"}",
				BR_E_SCHEMA_BAD_VALUE, "applicant.birth"},
			{"born after the application",
				"{\"applicant.cert_no\":\"341599199001010059\",\"applied_at\":"
				"\"1989-12-31T10:00:00+08:00\"}",
				BR_E_SCHEMA_BAD_VALUE, "applicant.cert_no"},
			{"a credit code of digits has no sex",
				"{\"applicant.cert_no\":\"113701006974812100\",\"applicant.sex\":"
				"\"M\"}",
				BR_E_OK, NULL},
};

static void test_row(void **state)
{
	const struct whole_row *row = *state;
	const char *field;
	struct image img;
	struct br_err err;
	char text[1024];
	int rc;

	br_err_clear(&err);
	flat_case(row->json, &img);
	rc = case_check_whole(schema, &img, &err);
	assert_int_equal(rc, -(int)row->error);
	assert_int_equal(case_check_whole(schema, &img, NULL), rc);
	if (rc == 0)
		return;
	field = br_err_detail(&err, row->error == BR_E_SCHEMA_TIME_ORDER ? "first" : "field");
	assert_string_equal(field, row->field);
	assert_null(strchr(br_err_text(&err, BR_LANG_EN, text, sizeof(text)), '{'));
	assert_null(strstr(text, "341599"));
	assert_null(strchr(br_err_text(&err, BR_LANG_ZH, text, sizeof(text)), '{'));
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(rows)];
	int rc;

	for (size_t i = 0; i < BR_LEN(rows); i++)
		tests[i] =
			(struct CMUnitTest){rows[i].name, test_row, NULL, NULL, (void *)&rows[i]};
	load_schema();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	release_schema();
	return rc;
}
