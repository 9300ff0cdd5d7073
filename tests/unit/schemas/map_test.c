/* The contract of mapping.h on one system of three records. */
#include "map_fixture.h"
#include <jansson.h>

static const char yaml[] =
	"connection: { timezone: Asia/Shanghai }\n"
	"records:\n"
	"  card:\n"
	"    root: { table: ydz_sq, key: sbh }\n"
	"    read: { every: 1s, cursor: rv }\n"
	"    write: { create: true, update: [xm, lxdh, lc] }\n"
	"    charset: GBK\n"
	"    required: [sbh, xm]\n"
	"    columns: { je: { scale: 2 }, bz: { trim: right, empty: 'null' }, zjsj: { precision: "
	"second }, jc: { max_bytes: 4, cut: true }, jj: { max_chars: 2, cut: true } }\n"
	"    case:\n"
	"      dept_case_no: sbh\n"
	"      item.impl_code: { const: 11341503999900222D4002011099000 }\n"
	"      applicant.name: { column: xm, pad: 20, max_bytes: 20 }\n"
	"      applicant.cert_no: { column: sfzh, as: citizen-id }\n"
	"      applicant.mobile: { column: lxdh, owner: portal }\n"
	"      accepted_at: { column: slrq, as: 'time %Y-%m-%d %H:%M:%S', direction: in }\n"
	"      status: { column: zt, codes: ydz-status }\n"
	"      outcome: { column: zt, codes: ydz-status }\n"
	"      fee.amount: je\n"
	"      summary: bz\n"
	"      finished_at: { column: zjsj, as: 'time %Y-%m-%d %H:%M:%S' }\n"
	"      outcome_reason: { column: jc, direction: in }\n"
	"      item.local_name: jj\n"
	"    parts:\n"
	"      lc: { list: steps, table: ydz_lc, parent: sbh, key: xh, mode: append, case: { name: "
	"hjmc, opinion: yj }, on_create: { ly: { technical: '9' } } }\n"
	"    on_create:\n"
	"      sbh: { generate: nextval('ydz_sbh'), returning: true }\n"
	"      id: identity\n"
	"      czy: { technical: bridge }\n"
	"    target_owned: [pym]\n"
	"    natural_key: [sfzh, xm]\n"
	"    refused:\n"
	"      - { native: '23505', text: ydz_sq_open, do: correct, field: applicant.cert_no, say: "
	"该证件号已有在办申请 }\n"
	"      - { native: ['40P01', '55P03'], do: retry }\n"
	"      - { text: 维护, do: wait, say: 系统维护 }\n"
	"  other:\n"
	"    root: { table: b, key: k }\n"
	"    write: { create: true }\n"
	"    when: { division: ['341503000000', '341502000000'] }\n"
	"    case: { division: d, summary: s }\n"
	"    match: [ portal_case_no ]\n"
	"  readonly:\n"
	"    root: { table: c, key: k }\n"
	"    case: { summary: s }\n";

static struct fixture f;
static const struct mapping *card, *other, *readonly;

static unsigned field(const char *name)
{
	int n = shape_find(f.schema->shape, 0, br_str_z(name));

	assert_true(n >= 0);
	return (unsigned)n;
}

static unsigned part_field(const char *name)
{
	return (unsigned)shape_find(f.schema->shape,
		(unsigned)shape_find_part(f.schema->shape, BR_STR("steps")), br_str_z(name));
}

static unsigned column(const char *name)
{
	int n = shape_find(map_shape(card), 0, br_str_z(name));

	assert_true(n >= 0);
	return (unsigned)n;
}

static struct image local(const char *text)
{
	return fixture_image(&f, map_shape(card), text);
}

static struct image kase(const char *text)
{
	return fixture_image(&f, f.schema->shape, text);
}

static void test_set(void **state)
{
	(void)state;
	assert_int_equal(map_count(f.set), 3);
	assert_ptr_equal(map_at(f.set, 0), card);
	assert_null(map_find(f.set, BR_STR("none")));
	assert_true(br_str_eq(map_record(other), BR_STR("other")));
	assert_true(map_creates(card));
	assert_false(map_creates(readonly));
}

static void test_dependencies(void **state)
{
	int local_steps = shape_find_part(map_shape(card), BR_STR("lc")),
	    steps = shape_find_part(f.schema->shape, BR_STR("steps"));
	unsigned hjmc =
		(unsigned)shape_find(map_shape(card), (unsigned)local_steps, BR_STR("hjmc"));
	unsigned ly = (unsigned)shape_find(map_shape(card), (unsigned)local_steps, BR_STR("ly"));

	(void)state;
	assert_true(map_reads(card, field("status"), column("zt")));
	assert_true(
		map_reads(card, field("status"), column("slrq"))); /* by a condition of its codes */
	assert_false(map_reads(card, field("status"), column("xm")));
	assert_true(map_writes(card, field("outcome"), column("zt")));
	assert_false(map_writes(card, field("accepted_at"), column("slrq")));
	assert_false(map_reads(card, field("division"), column("xm")));
	assert_true(map_reads(card, part_field("name"), hjmc));
	assert_true(
		map_writes(card, part_field("opinion"), ly)); /* a new row brings its constants */
	assert_int_equal(map_case_part(card, 0), 0);
	assert_int_equal(map_case_part(card, (unsigned)local_steps), steps);
	assert_int_equal(map_local_part(card, (unsigned)steps), local_steps);
	assert_int_equal(map_local_part(card, (unsigned)steps + 1), -1);
	assert_true(map_field_in(card, field("accepted_at")));
	assert_false(map_field_out(card, field("accepted_at")));
	assert_false(map_field_out(card, field("item.impl_code")));
	assert_true(map_field_in(card, field("item.impl_code")));
	assert_false(map_field_out(readonly, field("summary")));
	assert_int_equal(map_field_owner(card, field("applicant.mobile")), CASE_OWNER_PORTAL);
	assert_int_equal(map_field_owner(card, field("applicant.name")), -1);
	assert_true(map_target_owned(card, column("pym")));
	assert_false(map_target_owned(card, column("xm")));
}

/* The same asked by place: what the bridge merges by. */
static void test_places(void **state)
{
	static const char more[] =
		"records:\n  r:\n    case: { summary: s, ext.card_kind: lx }\n"
		"    derive: { status: { from: last(steps), column: m, rows: { a: ACCEPTED } } }\n"
		"    parts: { steps: { key: n, case: { name: m } } }\n";
	struct fixture g;
	const struct mapping *m;
	struct cell lx, step, kind, other_kind, status, name, name2, place;
	unsigned at = 0, n = 0;

	(void)state;
	assert_int_equal(fixture_compile(&g, more), 0);
	m = map_at(g.set, 0);
	assert_true(map_place_read(map_shape(m), BR_STR("lx"), &lx, &g.arena));
	assert_true(map_place_read(map_shape(m), BR_STR("steps/1/m"), &step, &g.arena));
	assert_true(map_place_read(g.schema->shape, BR_STR("ext.card_kind"), &kind, &g.arena));
	assert_true(map_place_read(g.schema->shape, BR_STR("ext.other"), &other_kind, &g.arena));
	assert_true(map_place_read(g.schema->shape, BR_STR("status"), &status, &g.arena));
	assert_true(map_place_read(g.schema->shape, BR_STR("steps/1/name"), &name, &g.arena));
	assert_true(map_place_read(g.schema->shape, BR_STR("steps/2/name"), &name2, &g.arena));
	assert_true(map_place_reads(m, &kind, &lx) && map_place_writes(m, &kind, &lx));
	assert_false(map_place_reads(m, &other_kind, &lx));
	assert_true(map_place_reads(m, &status, &step));
	assert_false(map_place_writes(m, &status, &step));
	assert_true(map_place_reads(m, &name, &step) && map_place_writes(m, &name, &step));
	assert_false(map_place_reads(m, &name2, &step));
	while (map_written_place(m, &lx, &at, &place)) {
		n++;
		assert_true(cell_cmp(&place, &kind) == 0);
	}
	assert_int_equal(n, 1);
	at = n = 0;
	while (map_written_place(m, &step, &at, &place)) {
		n++;
		assert_true(cell_cmp(&place, &name) == 0);
	}
	assert_int_equal(n, 1);
	fixture_release(&g);
}

static const struct same_case {
	const char *name, *column, *a, *b; /* values; NULL = null */
	bool same;
} same_cases[] = {
	{"CHAR padding", "xm", "张三", "张三      ", true},
	{"another name", "xm", "张三", "张四", false},
	{"leading blanks count", "xm", "张三", " 张三", false},
	{"undeclared blanks count", "lxdh", "1", "1 ", false},
	{"scale", "je", "12.50", "12.5", true},
	{"zeros in front", "je", "012.5", "12.50", true},
	{"another number", "je", "12.05", "12.5", false},
	{"a whole number and zeros", "je", "120", "12", false},
	{"empty and null, declared", "bz", "", NULL, true},
	{"blanks and null, declared", "bz", "  ", NULL, true},
	{"empty and null, undeclared", "lxdh", "", NULL, false},
	{"time to the second", "zjsj", "2018-07-02 09:05:00.123", "2018-07-02 09:05:00", true},
	{"another second", "zjsj", "2018-07-02 09:05:01", "2018-07-02 09:05:00", false},
	{"cut by the target", "jc", "张三李四", "张三", true},
	{"cut by the target to characters", "jj", "张三李四", "张三", true},
	{"less than what is cut", "jj", "张三李四", "张", false},
	{"null and null", "lxdh", NULL, NULL, true},
};

static void test_same(void **state)
{
	const struct same_case *c = *state;
	struct cell a = {.field = (uint16_t)column(c->column), .value = br_str_z(c->a)};
	struct cell b = {.field = (uint16_t)column(c->column), .value = br_str_z(c->b)};

	assert_int_equal(map_column_same(card, &a, &b), c->same);
	assert_int_equal(map_column_same(card, &b, &a), c->same);
	assert_false(map_column_same(card, &a, NULL));
}

static void test_absent(void **state)
{
	struct image l = local("{xm: 张三, lxdh: null}"), out;
	struct map_issue issue;

	(void)state;
	assert_int_equal(map_get(card, &l, NULL, &f.arena, &out, &issue), 0);
	assert_true(br_str_eq(image_root(&out, field("applicant.name"))->value, BR_STR("张三")));
	assert_true(cell_is_null(image_root(&out, field("applicant.mobile"))));
	assert_null(image_root(&out, field("applicant.cert_no")));
	assert_null(image_root(&out, field("status")));
	/* cells come in order */
	for (uint32_t i = 1; i < out.n; i++)
		assert_true(cell_cmp(&out.cells[i - 1], &out.cells[i]) < 0);
	/* what the case does not know is not touched */
	l = local("{xm: 张三, lxdh: '1', czy: 王}");
	out = kase("{applicant.mobile: '13900000000'}");
	assert_int_equal(map_put(card, &out, &l, &f.arena, &l, &issue), 0);
	assert_int_equal(l.n, 3);
	assert_true(br_str_eq(image_root(&l, column("lxdh"))->value, BR_STR("13900000000")));
}

static void test_issue(void **state)
{
	struct image l = local("{sfzh: 341599195003070015}"), out;
	struct map_issue issue;
	char text[1024];

	(void)state;
	assert_int_equal(map_get(card, &l, NULL, &f.arena, &out, &issue), -BR_E_MAP_BAD_ID);
	assert_int_equal(issue.field, field("applicant.cert_no"));
	assert_true(br_str_eq(issue.column, BR_STR("sfzh")));
	assert_false(issue.ask);
	br_err_text(&issue.err, BR_LANG_EN, text, sizeof(text));
	assert_null(strstr(text, "19500307")); /* masked */
	assert_non_null(strstr(text, "341599"));
	assert_int_equal(map_get(card, &l, NULL, &f.arena, &out, NULL), -BR_E_MAP_BAD_ID);
}

static void test_on_create(void **state)
{
	struct image k = kase("{applicant.name: 张三}"), out;
	struct map_issue issue;

	(void)state;
	assert_int_equal(map_on_create(card, &k, &f.arena, &out, &issue), 0);
	assert_int_equal(out.n, 1); /* generated keys are the connector's */
	assert_true(br_str_eq(image_root(&out, column("czy"))->value, BR_STR("bridge")));
	k = kase("{applicant.name: null}");
	assert_int_equal(map_on_create(card, &k, &f.arena, &out, &issue), -BR_E_MAP_REQUIRED_EMPTY);
	assert_int_equal(issue.field, field("applicant.name"));
}

static void test_route(void **state)
{
	struct image k = kase("{item.impl_code: 11341503999900222D4002011099000}");

	(void)state;
	assert_ptr_equal(map_route(f.set, &k), card);
	k = kase("{item.impl_code: 1134150399990011894000131001000, division: '341502000000'}");
	assert_ptr_equal(map_route(f.set, &k), other);
	k = kase("{item.impl_code: 1134150399990011894000131001000, division: '341504000000'}");
	assert_null(map_route(f.set, &k));
	k = kase("{summary: x}");
	assert_null(map_route(f.set, &k));
}

static void test_keys(void **state)
{
	struct br_str scheme[4], value[4];
	struct image k = kase("{portal_case_no: P1, dept_case_no: D1, item.impl_code: "
			      "11341503999900222D4002011099000}");
	struct image l = local("{sfzh: 341599195003070014, xm: 张三}");
	struct br_buf b;
	struct br_jw w;

	(void)state;
	assert_int_equal(map_match_keys(card, &k, scheme, value, 4), 2);
	assert_true(br_str_eq(scheme[0], BR_STR("portal_case_no")) &&
		    br_str_eq(value[0], BR_STR("P1")));
	assert_true(br_str_eq(scheme[1], BR_STR("11341503999900222D4002011099000")) &&
		    br_str_eq(value[1], BR_STR("D1")));
	assert_int_equal(map_match_keys(card, &k, scheme, value, 1), 1);
	assert_int_equal(map_match_keys(other, &k, scheme, value, 4), 1);
	k = kase("{dept_case_no: D1, item.impl_code: null}");
	assert_int_equal(map_match_keys(card, &k, scheme, value, 4), 0);
	br_buf_init(&b, 1 << 20);
	br_jw_init(&w, &b);
	map_natural_key(card, &l, &w);
	assert_string_equal(br_buf_cstr(&b), "{\"sfzh\":\"341599195003070014\",\"xm\":\"张三\"}");
	/* a key with a hole is none */
	l = local("{sfzh: 341599195003070014, xm: null}");
	br_buf_reset(&b);
	br_jw_init(&w, &b);
	map_natural_key(card, &l, &w);
	assert_string_equal(br_buf_cstr(&b), "{}");
	br_buf_release(&b);
}

static void test_refusal(void **state)
{
	struct map_refusal r;

	(void)state;
	assert_true(map_refusal(card, BR_STR("23505"), BR_STR("violates ydz_sq_open"), &r));
	assert_int_equal(r.deed, MAP_CORRECT);
	assert_int_equal(r.field, field("applicant.cert_no"));
	assert_true(br_str_eq(r.say, BR_STR("该证件号已有在办申请")));
	assert_false(map_refusal(card, BR_STR("23505"), BR_STR("violates another"), &r));
	assert_true(map_refusal(card, BR_STR("55P03"), BR_STR(""), &r));
	assert_int_equal(r.deed, MAP_RETRY);
	assert_int_equal(r.field, -1);
	assert_true(map_refusal(card, BR_STR("P0001"), BR_STR("系统维护中"), &r));
	assert_int_equal(r.deed, MAP_WAIT);
	assert_false(map_refusal(card, BR_STR("P0001"), BR_STR(""), &r));
}

static void test_spec(void **state)
{
	struct br_str text = map_set_spec(f.set);
	json_t *all = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL), *j, *part;

	(void)state;
	assert_int_equal(json_array_size(all), map_count(f.set));
	j = json_array_get(all, 0);
	assert_string_equal(json_string_value(json_object_get(j, "record")), "card");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(j, "root"), "table")), "ydz_sq");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(j, "write"), "create")), "true");
	assert_int_equal(
		json_array_size(json_object_get(j, "columns")), map_shape(card)->parts[0].n);
	part = json_object_get(json_object_get(j, "parts"), "lc");
	assert_string_equal(json_string_value(json_object_get(part, "parent")), "sbh");
	assert_string_equal(json_string_value(json_object_get(part, "mode")), "append");
	assert_null(json_object_get(part, "case"));
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(json_object_get(j, "normalise"), "xm"), "pad")),
		20);
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(json_object_get(j, "on_create"), "sbh"), "generate")),
		"nextval('ydz_sbh')");
	assert_null(json_object_get(json_object_get(j, "on_create"), "czy"));
	assert_int_equal(json_array_size(json_object_get(j, "refused")), 3);
	assert_int_equal(json_array_size(json_object_get(j, "natural_key")), 2);
	json_decref(all);
}

/* Which codes end a record, and when that cannot be told. */
static void test_final_codes(void **state)
{
	static const struct {
		const char *record, *final;
	} cases[] = {
		{"case: { status: { column: zt, codes: { '0': RECEIVED, '2': FINISHED, '3': VOIDED "
		 "} } }",
			"{\"column\": \"zt\", \"codes\": [\"2\", \"3\"]}"},
		/* one code, two meanings: only when both end it */
		{"case: { status: { column: zt, direction: in, codes: [ { code: '4', had: "
		 "ACCEPTED, is: FINISHED "
		 "}, "
		 "{ code: '4', is: NOTACCEPTED }, { code: '5', had: ACCEPTED, is: FINISHED }, { "
		 "code: '5', is: RECEIVED } ] } }",
			"{\"column\": \"zt\", \"codes\": [\"4\"]}"},
		/* a code that is only written says nothing of what is read */
		{"case: { status: { column: zt, codes: [ { code: '1', is: FINISHED, direction: out "
		 "}, { code: '1', is: RECEIVED, direction: in } ] } }",
			"{\"column\": \"zt\", \"codes\": []}"},
		{"case: { status: { column: zt, codes: [ { code: '2', is: FINISHED }, { code: ~, "
		 "is: VOIDED } ] } }",
			"{\"column\": \"zt\", \"codes\": [\"2\"]}"},
		{"case: { status: { column: zt, direction: out, codes: { '2': FINISHED } } }",
			NULL},
		{"case: { status: { const: FINISHED }, summary: a }", NULL},
		{"case: { summary: a }", NULL},
		{"case: { summary: a }\n    parts: { steps: { key: n, case: { name: m } } }\n"
		 "    derive: { status: { from: last(steps), column: m, rows: { x: FINISHED } } }",
			NULL},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		char text[1000], *found;
		struct fixture t;
		struct br_str spec;
		json_t *j;

		snprintf(text, sizeof(text), "records:\n  r:\n    %s\n", cases[i].record);
		if (fixture_compile(&t, text)) {
			fixture_print(&t);
			fail_msg("%s", cases[i].record);
		}
		spec = map_set_spec(t.set);
		j = json_loadb(spec.p, spec.n, JSON_REJECT_DUPLICATES, NULL);
		found = json_dumps(json_object_get(json_array_get(j, 0), "final"), 0);
		if (!cases[i].final != !found)
			fail_msg("%s: %s", cases[i].record, found ? found : "none");
		if (found)
			assert_string_equal(found, cases[i].final);
		free(found);
		json_decref(j);
		fixture_release(&t);
	}
}

static void test_hash(void **state)
{
	static const struct {
		const char *from, *to;
		bool same;
	} edits[] = {
		{"", "", true},
		{"case: {summary: a}", "note: a remark\n    case: {  summary:   a }", true},
		{"summary: a", "summary: b", false},
		{"summary: a", "outcome_reason: a", false},
		{"summary: a", "summary: { column: a, codes: { x: y } }", false},
	};
	uint64_t first = 0;

	(void)state;
	for (size_t i = 0; i < BR_LEN(edits); i++) {
		char text[512] = "records:\n  r:\n    case: {summary: a}\n", changed[512];
		char *at = strstr(text, edits[i].from);
		struct fixture g;

		snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, edits[i].to,
			at + strlen(edits[i].from));
		assert_int_equal(fixture_compile(&g, changed), 0);
		if (i == 0)
			first = map_hash(map_at(g.set, 0));
		else
			assert_int_equal(map_hash(map_at(g.set, 0)) == first, edits[i].same);
		fixture_release(&g);
	}
	assert_true(first != 0);
}

/* Of a change one sees which fields mean something else. */
static void test_hash_of_a_field(void **state)
{
	static const char *const texts[] = {
		"records:\n  r:\n    case: { summary: a, outcome_reason: b }\n",
		"records:\n  r:\n    case: { outcome_reason: b, note: x, summary: c }\n",
		"records:\n  r:\n    case: { summary: c }\n",
	};
	uint64_t summary[3], reason[3];

	(void)state;
	for (size_t i = 0; i < BR_LEN(texts); i++) {
		struct fixture g;
		const struct shape *s;

		fixture_compile(&g, texts[i]);
		s = g.schema->shape;
		summary[i] = map_field_hash(
			map_at(g.set, 0), (unsigned)shape_find(s, 0, BR_STR("summary")));
		reason[i] = map_field_hash(
			map_at(g.set, 0), (unsigned)shape_find(s, 0, BR_STR("outcome_reason")));
		fixture_release(&g);
	}
	assert_true(summary[0] && summary[0] != summary[1] && summary[1] == summary[2]);
	assert_true(reason[0] && reason[0] == reason[1] && reason[2] == 0);
}

/* Everything the reports say is enough for one cell each: nothing is allocated but arena bytes, and
 * few of those. */
static void test_no_surprise_memory(void **state)
{
	struct image l = local("{sbh: A1, xm: 张三, sfzh: 341599195003070014, lxdh: '13900000000', "
			       "zt: '1', slrq: '2018-07-02 09:05:00'}"),
		     out, back;
	struct br_arena a;
	struct map_issue issue;

	(void)state;
	br_arena_init(&a, 8192);
	assert_int_equal(map_get(card, &l, NULL, &a, &out, &issue), 0);
	assert_int_equal(map_put(card, &out, &l, &a, &back, &issue), 0);
	assert_true(image_same(&l, &back));
	br_arena_release(&a);
	/* out of arena is an error, not a crash */
	br_arena_init(&a, 64);
	assert_int_equal(map_get(card, &l, NULL, &a, &out, &issue), -BR_E_NOMEM);
	br_arena_release(&a);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(same_cases) + 12] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_dependencies),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_issue),
		cmocka_unit_test(test_on_create),
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_final_codes),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_hash_of_a_field),
		cmocka_unit_test(test_no_surprise_memory),
	};
	int rc;

	fixture_load_schema();
	if (fixture_compile(&f, yaml)) {
		fixture_print(&f);
		return 1;
	}
	card = map_find(f.set, BR_STR("card"));
	other = map_find(f.set, BR_STR("other"));
	readonly = map_find(f.set, BR_STR("readonly"));
	for (size_t i = 0; i < BR_LEN(same_cases); i++)
		tests[i + 12] = (struct CMUnitTest){
			same_cases[i].name, test_same, NULL, NULL, (void *)&same_cases[i]};
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_release(&f);
	br_arena_release(&fixture_schema_arena);
	return rc;
}
