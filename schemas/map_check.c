/* The mapping's own tests, and the laws on samples and generated rows. */
#include "map_check.h"
#include "br_text.h"
#include "map_program.h"
#include <stdio.h>

struct check {
	const struct map_set *set;
	const struct map_check_options *o;
	struct br_arena *a;
	struct cfg_report *report;
	struct map_check_result *out;
	int rc;
};

static void note(struct check *k, int rc)
{
	k->rc = k->rc ? k->rc : rc;
}

static const char *z(struct check *k, struct br_str s)
{
	struct br_str copy = br_arena_copy(k->a, s.p ? s : BR_STR(""));

	return copy.p ? copy.p : "";
}

/* ---- places ---- */

bool map_place_read(
	const struct shape *shape, struct br_str name, struct cell *place, struct br_arena *a)
{
	int field = shape_find(shape, 0, name);
	struct br_str key, in_part;
	unsigned part;

	*place = (struct cell){.field = (uint16_t)field};
	if (field >= 0)
		return true;
	if (!map_element_name(shape, name, &part, &key, &in_part) ||
		(field = shape_find(shape, part, in_part)) < 0)
		return false;
	place->part = (uint8_t)part;
	place->field = (uint16_t)field;
	place->key = br_arena_copy(a, key);
	return true;
}

static const char *nearest_field(
	const struct shape *shape, unsigned part, struct br_str word, struct br_arena *a)
{
	const struct shape_part *p = &shape->parts[part];
	const char **names = br_arena_array(a, const char *, p->n + 1u);

	for (uint16_t i = 0; names && i < p->n; i++)
		names[i] = br_arena_copy(a, shape->fields[p->first + i].name).p;
	return names && !br_arena_failed(a) ? br_nearest(word, names, p->n) : NULL;
}

static const char *nearest_part(const struct shape *shape, struct br_str word, struct br_arena *a)
{
	const char **names = br_arena_array(a, const char *, shape->nparts);

	for (unsigned i = 1; names && i < shape->nparts; i++)
		names[i - 1] = br_arena_copy(a, shape->parts[i].name).p;
	return names && !br_arena_failed(a) ? br_nearest(word, names, shape->nparts - 1u) : NULL;
}

const char *map_place_hint(const struct shape *shape, struct br_str name, struct br_arena *a)
{
	const char *first = name.n ? memchr(name.p, '/', name.n) : NULL, *near;
	const char *second =
		first ? memchr(first + 1, '/', name.n - (size_t)(first + 1 - name.p)) : NULL;
	struct br_str list, key, field, hint = BR_STR_NONE;
	int part;

	if (!second) {
		near = nearest_field(shape, 0, name, a);
		hint = near ? br_arena_printf(a, " (%s?)", near) : hint;
		return hint.p ? hint.p : "";
	}
	list = (struct br_str){name.p, (size_t)(first - name.p)};
	key = (struct br_str){first + 1, (size_t)(second - first - 1)};
	field = (struct br_str){second + 1, name.n - (size_t)(second + 1 - name.p)};
	part = shape_find_part(shape, list);
	near = part > 0 ? nearest_field(shape, (unsigned)part, field, a)
			: nearest_part(shape, list, a);
	if (near && part > 0)
		hint = br_arena_printf(
			a, " (%.*s/%.*s/%s?)", BR_STR_ARG(list), BR_STR_ARG(key), near);
	else if (near)
		hint = br_arena_printf(
			a, " (%s/%.*s/%.*s?)", near, BR_STR_ARG(key), BR_STR_ARG(field));
	return hint.p ? hint.p : "";
}

struct br_str map_place_text(const struct shape *shape, const struct cell *c, struct br_arena *a)
{
	if (c->part == 0)
		return shape->fields[c->field].name;
	return br_arena_printf(a, "%.*s/%.*s/%.*s", BR_STR_ARG(shape->parts[c->part].name),
		BR_STR_ARG(c->key), BR_STR_ARG(shape->fields[c->field].name));
}

static bool is_null(const struct cfg_node *n)
{
	return n->kind == CFG_NULL ||
	       (n->kind == CFG_SCALAR && !n->quoted &&
		       (br_str_eq(n->text, BR_STR("null")) || br_str_eq(n->text, BR_STR("~"))));
}

static int bad_test(
	struct cfg_report *report, const struct cfg_node *at, const char *why, const char *why_zh)
{
	return cfg_problem(report, at, BR_E_MAP_TEST_SHAPE, "why", why, "why_zh", why_zh, NULL);
}

/* A key that means nothing here; hint: what may have been meant. */
static int bad_key(struct cfg_report *report, const struct cfg_node *at, const char *what,
	const char *what_zh, const char *hint, struct br_arena *a)
{
	const char *why = br_arena_printf(a, "%s '%.*s'%s", what, BR_STR_ARG(at->key), hint).p,
		   *why_zh =
			   br_arena_printf(a, "%s '%.*s'%s", what_zh, BR_STR_ARG(at->key), hint).p;

	return cfg_problem_key(report, at, BR_E_MAP_TEST_SHAPE, "why", why ? why : "", "why_zh",
		why_zh ? why_zh : "", NULL);
}

static int place_of_node(const struct shape *shape, const struct cfg_node *n, struct cell *place,
	struct br_arena *a, struct cfg_report *report)
{
	if (!map_place_read(shape, n->key, place, a))
		return bad_key(report, n, "there is no column or field", "没有列或字段",
			map_place_hint(shape, n->key, a), a);
	if (n->kind != CFG_SCALAR && !is_null(n))
		return bad_test(report, n, "a value is text or null", "值应为文本或 null");
	place->value = is_null(n) ? BR_STR_NONE : n->text;
	return 0;
}

int map_image_of_node(const struct shape *shape, const struct cfg_node *map, struct br_arena *a,
	struct cfg_report *report, struct image *out)
{
	struct image_builder b;
	int rc = 0;

	image_build(&b, a, map ? (uint32_t)map->n + 1 : 1);
	for (const struct cfg_node *n = cfg_first(map); n; n = n->next) {
		struct cell c;
		int bad = place_of_node(shape, n, &c, a, report);

		rc = rc ? rc : bad;
		if (bad)
			continue;
		if (cell_is_null(&c))
			image_set_null(&b, c.part, c.key, c.field);
		else
			image_set(&b, c.part, c.key, c.field, c.value);
	}
	return rc ? rc : image_build_end(&b, out);
}

/* ---- one test ---- */

struct test {
	const struct cfg_node *node;
	const struct mapping *m;
	struct image given, kase, got;
	struct map_context ctx;
	bool writes;
	struct map_issue issue;
	int rc; /* of running it */
};

static int failed(struct check *k, const struct test *t, const struct cfg_node *at,
	const char *what, const char *expected, const char *found)
{
	const struct cfg_node *name = cfg_get(t->node, "name");

	return cfg_problem(k->report, at, BR_E_MAP_TEST_FAILED, "name",
		name && name->kind == CFG_SCALAR ? z(k, name->text) : "?", "record",
		z(k, t->m->record), "what", what, "expected", expected, "found", found, NULL);
}

static int expect_cells(struct check *k, const struct test *t, const struct shape *shape,
	const struct cfg_node *expect)
{
	int rc = 0, bad;

	for (const struct cfg_node *n = cfg_first(expect); n; n = n->next) {
		struct cell want;
		const struct cell *got;

		if (place_of_node(shape, n, &want, k->a, k->report)) /* it has been looked at */
			continue;
		got = image_get(&t->got, want.part, want.key, want.field);
		if (got && (cell_is_null(got) ? cell_is_null(&want)
					      : want.value.p && br_str_eq(got->value, want.value)))
			continue;
		bad = failed(k, t, n, z(k, n->key), cell_is_null(&want) ? "null" : z(k, want.value),
			!got		    ? "(absent)"
			: cell_is_null(got) ? "null"
					    : z(k, got->value));
		rc = rc ? rc : bad;
	}
	return rc;
}

static int expect_reject(struct check *k, const struct test *t, const struct cfg_node *reject)
{
	const struct cfg_node *code = cfg_get(reject, "code"), *field = cfg_get(reject, "field"),
			      *column = cfg_get(reject, "column");
	const char *found = t->rc ? br_err_tag((int)br_err_code(&t->issue.err)) : "no refusal";
	const char *name = br_err_detail(&t->issue.err, "field");
	const struct case_field *about;

	if (t->rc == 0 || !br_str_eq(code->text, br_str_z(found)))
		return failed(k, t, code, "refusal", z(k, code->text), found);
	about = t->issue.field != UINT16_MAX ? case_field(t->m->schema, t->issue.field) : NULL;
	/* by the name of the line or, of a list's elements, by that of the case's field */
	if (field && field->kind == CFG_SCALAR &&
		(!about || !(br_str_eq(field->text, about->name) ||
				   br_str_eq(field->text, br_str_z(name)))))
		return failed(k, t, field, "refused field", z(k, field->text),
			about ? z(k, about->name) : "none");
	if (column && column->kind == CFG_SCALAR && !br_str_eq(column->text, t->issue.column))
		return failed(
			k, t, column, "refused column", z(k, column->text), z(k, t->issue.column));
	return 0;
}

static int judge(struct check *k, struct test *t)
{
	const struct cfg_node *expect = cfg_get(t->node, t->writes ? "expect_local" : "expect"),
			      *reject = cfg_get(t->node, "expect_reject");
	char text[512];

	if (reject)
		return expect_reject(k, t, reject);
	if (t->rc) {
		br_err_text(&t->issue.err, br_lang_from_env(), text, sizeof(text));
		return failed(k, t, t->node, t->writes ? "writing" : "reading", "a value", text);
	}
	return expect_cells(k, t, t->writes ? t->m->shape : t->m->schema->shape, expect);
}

static void run(struct check *k, struct test *t)
{
	struct image extra, written;

	br_err_clear(&t->issue.err);
	if (!t->writes) {
		t->rc = map_get(t->m, &t->given, &t->ctx, k->a, &t->got, &t->issue);
		return;
	}
	t->rc = map_put(t->m, &t->kase, &t->given, k->a, &t->got, &t->issue);
	if (t->rc || t->given.n)
		return;
	/* a create: with what the mapping supplies */
	written = t->got;
	t->rc = map_on_create(t->m, &t->kase, k->a, &extra, &t->issue);
	if (t->rc == 0)
		t->rc = image_merge(&extra, &written, k->a, &t->got);
}

static int test_keys(struct check *k, const struct cfg_node *n)
{
	static const char *const keys[] = {"name", "record", "given", "had", "case", "expect",
		"expect_local", "expect_reject", "note"};
	int rc = 0;

	for (const struct cfg_node *c = cfg_first(n); c; c = c->next) {
		size_t i = 0;
		const char *near;
		char hint[32] = "";

		while (i < BR_LEN(keys) && !br_str_eq(c->key, br_str_z(keys[i])))
			i++;
		if (i < BR_LEN(keys))
			continue;
		near = br_nearest(c->key, keys, BR_LEN(keys));
		if (near)
			snprintf(hint, sizeof(hint), " (%s?)", near);
		rc = bad_key(k->report, c, "unknown key", "未知的键", hint, k->a);
	}
	return rc;
}

/* given:, case: and what is expected name places of their side. */
static int test_image(struct check *k, const struct cfg_node *test, const char *key,
	const struct shape *shape, struct image *out)
{
	const struct cfg_node *n = cfg_get(test, key);
	char why[64], why_zh[64];

	if (!n || n->kind == CFG_MAP || n->kind == CFG_NULL)
		return map_image_of_node(shape, n, k->a, k->report, out);
	snprintf(why, sizeof(why), "%s takes keys and values", key);
	snprintf(why_zh, sizeof(why_zh), "%s 应为键和值", key);
	return bad_test(k->report, n, why, why_zh);
}

static int test_places(struct check *k, struct test *t)
{
	const struct shape *local = t->m->shape, *kase = t->m->schema->shape;
	const char *expect = t->writes ? "expect_local" : "expect";
	struct image wanted;
	int given = test_image(k, t->node, "given", local, &t->given),
	    said = test_image(k, t->node, "case", kase, &t->kase),
	    want = test_image(k, t->node, expect, t->writes ? local : kase, &wanted);

	return given ? given : said ? said : want;
}

static int test_expects(struct check *k, const struct test *t)
{
	const struct cfg_node *reject = cfg_get(t->node, "expect_reject"),
			      *code = cfg_get(reject, "code");

	if (reject && (!code || code->kind != CFG_SCALAR))
		return bad_test(k->report, reject,
			"expect_reject is { code: MAP-101, field: status }",
			"expect_reject 应为 { code: MAP-101, field: status }");
	if (reject || cfg_get(t->node, t->writes ? "expect_local" : "expect"))
		return 0;
	return t->writes
		       ? bad_test(k->report, t->node, "expect_local: or expect_reject: is missing",
				 "缺少 expect_local: 或 expect_reject:")
		       : bad_test(k->report, t->node, "expect: or expect_reject: is missing",
				 "缺少 expect: 或 expect_reject:");
}

/* k->set NULL: only what can be told without the mapping. */
static int read_test(struct check *k, const struct cfg_node *n, struct test *t)
{
	const struct cfg_node *record = cfg_get(n, "record"), *had = cfg_get(n, "had");
	struct br_str *codes;
	int keys, expects, places;

	*t = (struct test){.node = n, .writes = cfg_get(n, "case") != NULL};
	if (n->kind != CFG_MAP)
		return bad_test(k->report, n, "a test is a map", "每项测试应为键和值");
	keys = test_keys(k, n);
	/* what is missing may be what is misspelt */
	expects = keys ? 0 : test_expects(k, t);
	if (!k->set)
		return keys ? keys : expects;
	t->m = record && record->kind == CFG_SCALAR ? map_find(k->set, record->text)
	       : k->set->n == 1			    ? k->set->maps[0]
						    : NULL;
	if (!t->m)
		return bad_test(k->report, record ? record : n,
			"record: names no record of this system", "record: 未指明该系统的记录");
	codes = br_arena_array(k->a, struct br_str, had ? had->n + 1 : 1);
	if (!codes)
		return -BR_E_NOMEM;
	t->ctx.had = codes;
	if (had && had->kind == CFG_SCALAR)
		codes[t->ctx.nhad++] = had->text;
	for (const struct cfg_node *c = cfg_first(had); c; c = c->next)
		codes[t->ctx.nhad++] = c->text;
	places = test_places(k, t);
	return keys ? keys : expects ? expects : places;
}

static void one_test(struct check *k, const struct cfg_node *n)
{
	const struct cfg_node *name = cfg_get(n, "name");
	struct test t;
	int rc = read_test(k, n, &t);

	k->out->tests++;
	if (rc == 0) {
		run(k, &t);
		rc = judge(k, &t);
	}
	k->out->failed += rc != 0;
	note(k, rc);
	/* what a test reads must also be written back unchanged */
	if (rc == 0 && !t.writes && t.rc == 0 && t.given.n)
		note(k, map_laws(t.m, &t.given, NULL, &t.ctx, n,
				name && name->kind == CFG_SCALAR ? z(k, name->text) : "?", k->a,
				k->report, k->out));
}

/* ---- generated rows ---- */

/* Histories to try, so that codes that depend on what was before can be read. */
static const char *const histories[] = {NULL, "ACCEPTED"};

static bool readable(struct check *k, const struct mapping *m, const struct image *img,
	struct br_str *had, struct map_context *ctx)
{
	struct map_issue issue;
	struct image kase;

	for (size_t i = 0; i < BR_LEN(histories); i++) {
		had[0] = br_str_z(histories[i]);
		*ctx = (struct map_context){NULL, had, histories[i] != NULL};
		br_err_clear(&issue.err);
		if (map_get(m, img, ctx, k->a, &kase, &issue) == 0)
			return true;
		if (br_err_code(&issue.err) != BR_E_MAP_UNKNOWN_CODE)
			return false;
	}
	return false;
}

static void generated(struct check *k, const struct mapping *m)
{
	const struct cfg_node *at = m->node;
	uint64_t state = k->o->seed;
	struct image before = {NULL, 0};
	bool has_before = false;

	for (size_t i = 0; i < k->o->generated; i++) {
		uint64_t seed = state;
		struct br_str had[1];
		struct map_context ctx;
		struct image img;
		char name[64];
		int rc;

		if (map_generate(m, &state, k->a, &img)) {
			note(k, -BR_E_NOMEM);
			return;
		}
		snprintf(name, sizeof(name), "generated, seed %llu", (unsigned long long)seed);
		if (!readable(k, m, &img, had, &ctx) && ctx.nhad)
			continue; /* two codes of one row that no history allows together */
		rc = map_laws(m, &img, has_before ? &before : NULL, &ctx, at, name, k->a, k->report,
			k->out);
		note(k, rc);
		if (rc) /* one counter-example says enough */
			return;
		before = img;
		has_before = true;
	}
}

static void each_test(struct check *k, const struct cfg_node *tests,
	void (*one)(struct check *, const struct cfg_node *))
{
	if (tests && tests->kind != CFG_LIST && tests->kind != CFG_NULL)
		note(k, bad_test(k->report, tests, "they are a list", "应为列表"));
	else
		for (const struct cfg_node *n = cfg_first(tests); n; n = n->next)
			one(k, n);
}

static void only_read(struct check *k, const struct cfg_node *n)
{
	struct test t;

	note(k, read_test(k, n, &t));
}

int map_check_tests(const struct cfg_system *system, const struct map_set *set, struct br_arena *a,
	struct cfg_report *report)
{
	struct check k = {.set = set, .a = a, .report = report};

	each_test(&k, system->tests, only_read);
	return k.rc;
}

int map_check(const struct map_set *set, const struct map_check_options *o, struct br_arena *a,
	struct cfg_report *report, struct map_check_result *out)
{
	struct check k = {set, o, a, report, out, 0};

	*out = (struct map_check_result){0};
	each_test(&k, set->system->tests, one_test);
	for (size_t i = 0; i < set->n; i++)
		generated(&k, set->maps[i]);
	return k.rc;
}
