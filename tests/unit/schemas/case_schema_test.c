/* case.yaml and codes/: the real ones make sense; broken ones are refused with their place. */
#include "case_fixture.h"
#include "cfg_report.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- the real ones ---- */

static void test_numbers(void **state)
{
	const struct shape *s = schema->shape;

	(void)state;
	assert_true(s->nfields > 100);
	assert_int_equal(schema->f_status, shape_find(s, 0, BR_STR("status")));
	assert_int_equal(schema->f_cert_no, shape_find(s, 0, BR_STR("applicant.cert_no")));
	for (unsigned i = 0; i < s->nfields; i++) {
		const struct case_field *f = case_field(schema, i);

		assert_int_equal(f->number, i);
		assert_int_equal(f->type, s->fields[i].type);
		assert_true(f->label.n && f->label_en.n);
		assert_true((f->type == SHAPE_CODE) == (f->codes != NULL));
		/* Chinese labels are Chinese */
		assert_true((unsigned char)f->label.p[0] >= 0x80 || strstr(f->label.p, "摘要"));
	}
	for (unsigned p = 1; p < s->nparts; p++) {
		assert_true(br_str_eq(schema->parts[p].name, s->parts[p].name));
		assert_true(schema->parts[p].label.n && s->parts[p].n);
	}
	assert_true(schema->parts[shape_find_part(s, BR_STR("ext"))].map);
}

static const struct case_field *named(const char *name)
{
	int n = shape_find(schema->shape, 0, br_str_z(name));

	assert_true(n >= 0);
	return case_field(schema, (unsigned)n);
}

static void test_attributes(void **state)
{
	(void)state;
	assert_int_equal(named("status")->policy, CASE_POLICY_LATTICE);
	assert_int_equal(named("status")->owner, CASE_OWNER_DEPARTMENT);
	assert_int_equal(named("portal_case_no")->owner, CASE_OWNER_PORTAL);
	assert_int_equal(named("portal_case_no")->policy, CASE_POLICY_OWNER);
	assert_int_equal(named("applicant.name")->owner, CASE_OWNER_EITHER);
	assert_int_equal(named("applicant.name")->policy, CASE_POLICY_NEWEST);
	assert_int_equal(named("applicant.name")->pii, CASE_PII_NAME);
	assert_int_equal(named("applicant.cert_no")->pii, CASE_PII_ID);
	assert_int_equal(named("due.promise")->owner, CASE_OWNER_BRIDGE);
	assert_int_equal(named("item.impl_code")->check, CASE_CHECK_IMPL_CODE);
}

/* The moves of the status, each one written down once more. */
static void test_status_moves(void **state)
{
	static const struct {
		const char *from, *to;
	} allowed[] = {
		{"DRAFT", "RECEIVED"},
		{"RECEIVED", "PREACCEPTED"},
		{"RECEIVED", "PRERETURNED"},
		{"RECEIVED", "ACCEPTED"},
		{"RECEIVED", "CORRECTING"},
		{"RECEIVED", "NOTACCEPTED"},
		{"RECEIVED", "FINISHED"},
		{"PREACCEPTED", "ACCEPTED"},
		{"PREACCEPTED", "CORRECTING"},
		{"PREACCEPTED", "NOTACCEPTED"},
		{"PRERETURNED", "RECEIVED"},
		{"CORRECTING", "ACCEPTED"},
		{"CORRECTING", "RECEIVED"},
		{"CORRECTING", "PROCESSING"},
		{"CORRECTING", "NOTACCEPTED"},
		{"CORRECTING", "WITHDRAWN"},
		{"ACCEPTED", "PROCESSING"},
		{"ACCEPTED", "SUSPENDED"},
		{"ACCEPTED", "CORRECTING"},
		{"ACCEPTED", "FINISHED"},
		{"ACCEPTED", "FORWARDED"},
		{"ACCEPTED", "VOIDED"},
		{"ACCEPTED", "WITHDRAWN"},
		{"PROCESSING", "SUSPENDED"},
		{"SUSPENDED", "PROCESSING"},
		{"PROCESSING", "CORRECTING"},
		{"PROCESSING", "FINISHED"},
		{"PROCESSING", "FORWARDED"},
		{"PROCESSING", "VOIDED"},
		{"PROCESSING", "WITHDRAWN"},
		{"FORWARDED", "PROCESSING"},
		{"FORWARDED", "FINISHED"},
		{"FORWARDED", "WITHDRAWN"},
	};
	static const char *const terminal[] = {"FINISHED", "NOTACCEPTED", "VOIDED", "WITHDRAWN"};
	const struct code_table *t = case_codes(schema, BR_STR("status"));
	size_t moves = 0;

	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < t->n; i++)
		for (size_t j = 0; j < t->n; j++) {
			bool listed = i == j || br_str_eq(t->rows[i].code, BR_STR("OTHER"));

			for (size_t k = 0; k < BR_LEN(allowed); k++)
				listed = listed ||
					 (br_str_eq(t->rows[i].code, br_str_z(allowed[k].from)) &&
						 br_str_eq(
							 t->rows[j].code, br_str_z(allowed[k].to)));
			if (!br_str_eq(t->rows[i].code, BR_STR("OTHER")))
				assert_int_equal(
					code_may_follow(t, t->rows[i].code, t->rows[j].code),
					listed);
			moves += listed;
		}
	assert_true(moves > BR_LEN(allowed));
	for (size_t i = 0; i < t->n; i++) {
		bool end = false;

		for (size_t k = 0; k < BR_LEN(terminal); k++)
			end = end || br_str_eq(t->rows[i].code, br_str_z(terminal[k]));
		assert_int_equal(t->rows[i].terminal, end);
	}
	assert_false(code_may_follow(t, BR_STR("FINISHED"), BR_STR("PROCESSING")));
	assert_true(code_may_follow(t, BR_STR("FINISHED"), BR_STR("FINISHED")));
	assert_false(code_may_follow(t, BR_STR("NIX"), BR_STR("FINISHED")));
	assert_null(code_find(t, BR_STR("NIX")));
	assert_null(case_codes(schema, BR_STR("nix")));
}

static void test_reference(void **state)
{
	struct br_buf buf;

	(void)state;
	br_buf_init(&buf, 1 << 20);
	assert_int_equal(case_reference(schema, &buf, NULL), 0);
	for (unsigned i = 0; i < schema->shape->nfields; i++) {
		char cell[160];

		snprintf(cell, sizeof(cell), "| `%s` | %s<br>", case_field(schema, i)->name.p,
			case_field(schema, i)->label.p);
		assert_non_null(strstr(br_buf_cstr(&buf), cell));
	}
	br_buf_release(&buf);
	br_buf_init(&buf, 1000);
	assert_int_equal(case_reference(schema, &buf, NULL), -BR_E_TOO_BIG);
	assert_int_equal(case_json_schema(schema, &buf, NULL), -BR_E_TOO_BIG);
	br_buf_release(&buf);
}

/* ---- broken ones ---- */

#define HEAD	      "version: \"1\"\nid: urn:x\nfields:\n"
#define F(name, more) "  " name ": { label: 甲, en: A, owner: either, " more " }\n"
#define NEEDED	      F("status", "type: code, codes: status") REST
#define REST                                                                                       \
	F("portal_case_no", "type: text")                                                          \
	F("dept_case_no", "type: text")                                                            \
	F("applicant.cert_no", "type: text")                                                       \
	F("item.impl_code", "type: text")                                                          \
	F("applied_at", "type: time")                                                              \
	F("accepted_at", "type: time")
#define CODES "code,label,label_en,after\nA,甲,A,B\nB,乙,B,\n"

static const struct broken_row {
	const char *name, *yaml, *codes;
	enum br_err_code error; /* of the first problem */
	const char *at;
	size_t problems;
} rows[] = {
	{"nothing wrong", HEAD NEEDED, CODES, BR_E_OK, NULL, 0},
	{"a list and a map",
		HEAD NEEDED "lists:\n  steps:\n    label: 甲\n    en: A\n    fields:\n    " F(
			"x.y", "type: int") "  ext:\n    label: 乙\n    en: B\n    as: map\n    "
					    "fields:\n    " F("value", "type: text"),
		CODES, BR_E_OK, NULL, 0},
	{"an unknown key", HEAD NEEDED F("x", "type: text, pi: name"), CODES,
		BR_E_CFG_UNKNOWN_KEY_NEAR, "case.yaml:11:52", 1},
	{"a wrong type", HEAD NEEDED F("x", "type: string"), CODES, BR_E_CFG_WANT_WORD,
		"case.yaml:11:46", 1},
	{"no label", HEAD NEEDED "  x: { en: A, owner: either, type: text }\n", CODES,
		BR_E_CFG_MISSING, "case.yaml:11:6", 1},
	{"no owner", HEAD NEEDED "  x: { label: 甲, en: A, type: text }\n", CODES, BR_E_CFG_MISSING,
		"case.yaml:11:6", 1},
	{"all problems at once",
		HEAD NEEDED F("x", "type: string") F("Y", "type: text") F("z", "type: code"), CODES,
		BR_E_CFG_WANT_WORD, "case.yaml:11:46", 3},
	{"a field twice", HEAD NEEDED F("x", "type: text") F("x", "type: text"), CODES,
		BR_E_CFG_DUPLICATE_KEY, "case.yaml:12:3", 1},
	{"capitals in a name", HEAD NEEDED F("Name", "type: text"), CODES, BR_E_SCHEMA_DEF_NAME,
		"case.yaml:11:3", 1},
	{"a name that ends with a dot", HEAD NEEDED F("x.", "type: text"), CODES,
		BR_E_SCHEMA_DEF_NAME, "case.yaml:11:3", 1},
	{"a name with two dots", HEAD NEEDED F("x..y", "type: text"), CODES, BR_E_SCHEMA_DEF_NAME,
		"case.yaml:11:3", 1},
	{"a name of the envelope", HEAD NEEDED F("links", "type: text"), CODES,
		BR_E_SCHEMA_DEF_NAME, "case.yaml:11:3", 1},
	{"an object of the envelope", HEAD NEEDED F("version.x", "type: text"), CODES,
		BR_E_SCHEMA_DEF_NAME, "case.yaml:11:3", 1},
	{"a field and an object", HEAD NEEDED F("status.x", "type: text"), CODES,
		BR_E_SCHEMA_DEF_NAME, "case.yaml:11:3", 1},
	{"an object and a field", HEAD NEEDED F("x.y", "type: text") F("x", "type: text"), CODES,
		BR_E_SCHEMA_DEF_NAME, "case.yaml:12:3", 1},
	{"too many dots", HEAD NEEDED F("a.b.c.d.e.f.g.h.i.j", "type: text"), CODES,
		BR_E_SCHEMA_DEF_NAME, "case.yaml:11:3", 1},
	{"a field apart from its object", HEAD NEEDED F("item.name", "type: text"), CODES,
		BR_E_SCHEMA_DEF_ORDER, "case.yaml:11:14", 1},
	{"a code without a table", HEAD NEEDED F("x", "type: code"), CODES, BR_E_SCHEMA_DEF_CODES,
		"case.yaml:11:6", 1},
	{"a table without a code", HEAD NEEDED F("x", "type: text, codes: status"), CODES,
		BR_E_SCHEMA_DEF_CODES, "case.yaml:11:6", 1},
	{"no such table", HEAD NEEDED F("x", "type: code, codes: nix"), CODES, BR_E_CFG_NO_FILE,
		"codes/nix.csv", 1},
	{"a table in another folder", HEAD NEEDED F("x", "type: code, codes: ../status"), CODES,
		BR_E_SCHEMA_DEF_TABLE, "case.yaml:11:6", 1},
	{"a needed field is missing", HEAD F("status", "type: code, codes: status"), CODES,
		BR_E_SCHEMA_DEF_NEEDED, "case.yaml:1:1", 6},
	{"a needed field of another type", HEAD F("status", "type: text") REST, CODES,
		BR_E_SCHEMA_DEF_NEEDED, "case.yaml:1:1", 1},
	{"key in a list",
		HEAD NEEDED
		"lists:\n  l:\n    label: 甲\n    en: A\n    fields:\n    " F("key", "type: text"),
		CODES, BR_E_SCHEMA_DEF_NAME, "case.yaml:16:7", 1},
	{"a list named like a field",
		HEAD NEEDED "lists:\n  status:\n    label: 甲\n    en: A\n    fields:\n    " F(
			"x", "type: text"),
		CODES, BR_E_SCHEMA_DEF_NAME, "case.yaml:12:3", 1},
	{"a list named like an object",
		HEAD NEEDED
		"lists:\n  item:\n    label: 甲\n    en: A\n    fields:\n    " F("x", "type: text"),
		CODES, BR_E_SCHEMA_DEF_NAME, "case.yaml:12:3", 1},
	{"a list with a dot",
		HEAD NEEDED
		"lists:\n  a.b:\n    label: 甲\n    en: A\n    fields:\n    " F("x", "type: text"),
		CODES, BR_E_SCHEMA_DEF_NAME, "case.yaml:12:3", 1},
	{"a map of two fields",
		HEAD NEEDED
		"lists:\n  l:\n    label: 甲\n    en: A\n    as: map\n    fields:\n    " F(
			"x", "type: text") "    " F("y", "type: text"),
		CODES, BR_E_SCHEMA_DEF_NAME, "case.yaml:12:3", 1},
	{"no version", "id: urn:x\nfields:\n" NEEDED, CODES, BR_E_CFG_MISSING, "case.yaml:1:1", 1},
	{"no YAML", "fields: [", CODES, BR_E_CFG_YAML_BRACKET, NULL, 1},
	{"a code twice", HEAD NEEDED, CODES "A,丙,C,\n", BR_E_SCHEMA_DEF_TABLE,
		"codes/status.csv:4:1", 1},
	{"a code in lower case", HEAD NEEDED, CODES "c,丙,C,\n", BR_E_SCHEMA_DEF_TABLE,
		"codes/status.csv:4:1", 1},
	{"a code without a label", HEAD NEEDED, CODES "C,,C,\n", BR_E_SCHEMA_DEF_TABLE,
		"codes/status.csv:4:1", 1},
	{"a move to nowhere", HEAD NEEDED, CODES "C,丙,C,A D\n", BR_E_SCHEMA_DEF_TABLE,
		"codes/status.csv:4:1", 1},
	{"no column label", HEAD NEEDED, "code,label_en\nA,A\n", BR_E_SCHEMA_DEF_TABLE,
		"codes/status.csv:1:1", 1},
	{"no rows", HEAD NEEDED, "code,label,label_en\n", BR_E_SCHEMA_DEF_TABLE,
		"codes/status.csv:1:1", 1},
};

static char folder[] = "/tmp/case_schema_test.XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_broken(void **state)
{
	const struct broken_row *row = *state;
	struct br_arena a;
	struct cfg_report report = {.arena = &a};
	struct case_schema *s;
	char text[1024];
	int rc;

	br_arena_init(&a, 16 << 20);
	write_file("case.yaml", row->yaml);
	write_file("codes/status.csv", row->codes);
	rc = case_schema_load(folder, &a, &report, &s);
	if (report.n != row->problems)
		cfg_report_print(&report, stderr, BR_LANG_EN);
	assert_int_equal(report.n, row->problems);
	assert_int_equal(rc == 0, row->error == BR_E_OK);
	if (rc) {
		assert_int_equal(br_err_code(&report.first->err), row->error);
		assert_null(strchr(
			br_err_text(&report.first->err, BR_LANG_EN, text, sizeof(text)), '{'));
		assert_null(strchr(
			br_err_text(&report.first->err, BR_LANG_ZH, text, sizeof(text)), '{'));
		if (row->at)
			assert_string_equal(br_err_detail(&report.first->err, "at"), row->at);
	}
	br_arena_release(&a);
}

static void test_no_folder(void **state)
{
	struct br_arena a;
	struct cfg_report report = {.arena = &a};
	struct case_schema *s;

	(void)state;
	br_arena_init(&a, 1 << 20);
	assert_true(case_schema_load("/nowhere", &a, &report, &s) < 0);
	assert_int_equal(report.n, 1);
	br_arena_release(&a);
}

/* Whatever allocation fails: an error, never a schema with holes. */
static void test_no_memory(void **state)
{
	bool worked = false;

	(void)state;
	for (size_t max = 0; max < (1u << 20) && !worked; max += max < 100000 ? 1024 : 8192) {
		struct br_arena a, reports;
		struct cfg_report report = {.arena = &reports};
		struct case_schema *s = NULL;

		br_arena_init(&a, max);
		br_arena_init(&reports, 1 << 20);
		worked = case_schema_load(SOURCE_DIR "/schemas", &a, &report, &s) == 0;
		assert_int_equal(worked, s != NULL);
		br_arena_release(&a);
		br_arena_release(&reports);
	}
	assert_true(worked);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(rows) + 6] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_status_moves),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_no_memory),
	};
	char path[64];
	int rc;

	for (size_t i = 0; i < BR_LEN(rows); i++)
		tests[i + 6] = (struct CMUnitTest){
			rows[i].name, test_broken, NULL, NULL, (void *)&rows[i]};
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/codes", folder);
	if (mkdir(path, 0700))
		return 1;
	load_schema();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	release_schema();
	snprintf(path, sizeof(path), "%s/codes/status.csv", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/codes", folder);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/case.yaml", folder);
	unlink(path);
	rmdir(folder);
	return rc;
}
