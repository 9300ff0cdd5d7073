/* Rows shown both ways: `casebridge map NAME --input FILE`. */
#include "map_fixture.h"
#include "map_show.h"
#include <jansson.h>

static const char yaml[] = "records:\n"
			   "  r:\n"
			   "    write: { create: true }\n"
			   "    case:\n"
			   "      applicant.birth: { column: csrq, as: 'date %Y.%m.%d' }\n"
			   "      status: { column: zt, codes: { '1': ACCEPTED, '2': FINISHED } }\n"
			   "      summary: { column: bz, max_chars: 3 }\n"
			   "      ext.card_kind: { column: lx }\n"
			   "    parts:\n"
			   "      steps: { table: t, parent: p, key: n, case: { name: hjmc } }\n";

static struct fixture f;

static const struct show_case {
	const char *name, *input;
	int rc;
	size_t rows, failed;
	const char *csv; /* a line of the CSV output that must be there; NULL = none asked */
} cases[] = {
	{"a JSON array", "[{\"csrq\":\"1950.3.7\",\"zt\":\"1\",\"bz\":null}]", 0, 1, 0,
		"1,csrq,1950.3.7,date %Y.%m.%d,applicant.birth,1950-03-07,1950.3.7,\n"},
	{"codes", "[{\"zt\":\"2\"}]", 0, 1, 0, "1,zt,2,codes codes,status,FINISHED,2,\n"},
	{"JSON lines", "{\"zt\":\"1\"}\n\n{\"zt\":\"2\"}\n", 0, 2, 0,
		"2,zt,2,codes codes,status,FINISHED,2,\n"},
	{"CSV", "zt,csrq,extra\n1,\"1950.3.7\",x\n,1950.3.8,\n", 0, 2, 0,
		"2,csrq,1950.3.8,date %Y.%m.%d,applicant.birth,1950-03-08,1950.3.8,\n"},
	{"CSV with BOM, CRLF and quotes",
		"\xEF\xBB\xBF"
		"zt,bz\r\n1,\"a,\"\"\"\r\n",
		0, 1, 0, "1,bz,\"a,\"\"\",text,summary,\"a,\"\"\",\"a,\"\"\",\n"},
	{"parts", "zt,steps/1/hjmc\n1,受理\n", 0, 1, 0,
		"1,steps/1/hjmc,受理,text,steps/1/name,受理,受理,\n"},
	{"a named element", "lx\na\n", 0, 1, 0, "1,lx,a,text,ext.card_kind,a,a,\n"},
	{"one bad value does not hide the others", "[{\"csrq\":\"1950.2.30\",\"zt\":\"1\"}]", 0, 1,
		1, "1,zt,1,codes codes,status,ACCEPTED,1,\n"},
	{"an unknown code", "[{\"zt\":\"9\"},{\"zt\":\"1\"}]", 0, 2, 1, NULL},
	{"nothing", "", 0, 0, 0, NULL},
	{"broken JSON", "[{\"zt\":\"1\"", -BR_E_JSON_SYNTAX, 0, 0, NULL},
	{"text behind the array", "[{\"zt\":\"1\"}] x", -BR_E_JSON_SYNTAX, 1, 0, NULL},
	{"bad UTF-8", "zt\n\xFF\n", -BR_E_UTF8, 0, 0, NULL},
};

static void test_case(void **state)
{
	const struct show_case *c = *state;
	const struct mapping *m = map_at(f.set, 0);
	struct map_show_result result;
	struct br_err err;
	struct br_buf out;
	json_t *json;

	br_buf_init(&out, 1 << 20);
	for (enum map_show_as as = MAP_SHOW_TABLE; as <= MAP_SHOW_CSV; as++) {
		br_buf_reset(&out);
		br_err_clear(&err);
		assert_int_equal(map_show(m, br_str_z(c->input), NULL, 0, as, BR_LANG_ZH, &out,
					 &result, &err),
			c->rc);
		if (c->rc)
			continue;
		assert_int_equal(result.rows, c->rows);
		assert_int_equal(result.failed, c->failed);
		if (as == MAP_SHOW_CSV && c->csv && !strstr(br_buf_cstr(&out), c->csv)) {
			print_message("%s", br_buf_cstr(&out));
			fail();
		}
		if (as == MAP_SHOW_JSON) {
			json = json_loadb(out.p, out.n, 0, NULL);
			assert_true(json_is_array(json));
			json_decref(json);
		}
		if (c->failed)
			assert_non_null(strstr(br_buf_cstr(&out), "MAP-10"));
	}
	br_buf_release(&out);
}

/* A column of the input that the mapping does not name is told when the mapping has one that the
 * input does not. */
static const struct ignored_case {
	const char *name, *input;
	const char *en; /* part of the text; NULL = nothing is told */
} ignored_cases[] = {
	{"ignored: none", "zt,csrq,bz,lx\n1,,x,\n", NULL},
	{"ignored: fewer than are mapped", "zt\n1\n", NULL},
	{"ignored: more than are mapped", "zt,csrq,bz,lx,id\n1,,x,,7\n", NULL},
	{"ignored: a misspelt one", "zt,csqr,bz,lx\n1,,x,\n",
		"does not name: csqr (csrq?); it reads, and the input lacks: csrq →"},
	{"ignored: another name", "zt,birth,remark\n1,,x\n",
		"does not name: birth, remark; it reads, and the input lacks: csrq, bz, lx →"},
};

static void test_ignored(void **state)
{
	const struct ignored_case *c = *state;
	struct map_show_result result;
	struct br_err err;
	struct br_buf out;
	char text[1024];

	br_buf_init(&out, 1 << 20);
	br_err_clear(&err);
	assert_int_equal(map_show(map_at(f.set, 0), br_str_z(c->input), NULL, 0, MAP_SHOW_TABLE,
				 BR_LANG_EN, &out, &result, &err),
		0);
	assert_int_equal(br_err_code(&result.ignored), c->en ? BR_E_MAP_INPUT_COLUMNS : BR_E_OK);
	br_err_text(&result.ignored, BR_LANG_EN, text, sizeof(text));
	if (c->en && !strstr(text, c->en))
		fail_msg("%s", text);
	br_buf_release(&out);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases) + BR_LEN(ignored_cases)];
	int rc;

	fixture_load_schema();
	if (fixture_compile(&f, yaml)) {
		fixture_print(&f);
		return 1;
	}
	for (size_t i = 0; i < BR_LEN(cases); i++)
		tests[i] = (struct CMUnitTest){
			cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
	for (size_t i = 0; i < BR_LEN(ignored_cases); i++)
		tests[BR_LEN(cases) + i] = (struct CMUnitTest){
			ignored_cases[i].name, test_ignored, NULL, NULL, (void *)&ignored_cases[i]};
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_release(&f);
	br_arena_release(&fixture_schema_arena);
	return rc;
}
