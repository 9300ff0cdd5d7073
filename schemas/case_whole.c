#include "case_schema.h"
#include "check.h"

#include <stdio.h>

struct whole {
	const struct case_schema *s;
	const struct image *img;
	struct br_err *err;
};

/* A root value; empty when absent or null, or when the schema has no such field. */
static struct br_str value_of(const struct whole *w, const char *name)
{
	int field = shape_find(w->s->shape, 0, br_str_z(name));
	const struct cell *c = field < 0 ? NULL : image_root(w->img, (unsigned)field);

	return c && !cell_is_null(c) ? c->value : BR_STR_NONE;
}

static bool is(struct br_str value, const char *code)
{
	return br_str_eq(value, br_str_z(code));
}

static bool one_of(struct br_str value, const char *const *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is(value, codes[i]))
			return true;
	return false;
}

/* ---- order of times ---- */

struct moment {
	struct br_str text, label, label_zh;
};

static struct moment moment_of(const struct whole *w, const char *name)
{
	int field = shape_find(w->s->shape, 0, br_str_z(name));
	const struct case_field *f = field < 0 ? NULL : case_field(w->s, (unsigned)field);

	return f ? (struct moment){value_of(w, name), f->name, f->label} : (struct moment){0};
}

/* A date counts as the day of a time in the zone that the time is written in. */
static bool is_after(struct br_str a, struct br_str b)
{
	int64_t first, second;

	if (a.n == 10 || b.n == 10)
		return a.n >= 10 && b.n >= 10 && memcmp(a.p, b.p, 10) > 0;
	return check_time_us(a, &first) && check_time_us(b, &second) && first > second;
}

static int in_order(const struct whole *w, const struct moment *a, const struct moment *b)
{
	char first[40], second[40];

	if (!is_after(a->text, b->text))
		return 0;
	snprintf(first, sizeof(first), "%.*s", BR_STR_ARG(a->text));
	snprintf(second, sizeof(second), "%.*s", BR_STR_ARG(b->text));
	return br_err_set(w->err, BR_E_SCHEMA_TIME_ORDER, "first", a->label.p, "first_value", first,
		"second", b->label.p, "second_value", second, "first_zh", a->label_zh.p,
		"second_zh", b->label_zh.p, NULL);
}

static int check_root_times(const struct whole *w)
{
	static const char *const order[][2] = {
		{"applied_at", "received_at"},
		{"applied_at", "accepted_at"},
		{"accepted_at", "decided_at"},
		{"accepted_at", "finished_at"},
		{"decided_at", "finished_at"},
		{"finished_at", "delivered_at"},
		{"accepted_at", "due.promise"},
		{"result.valid_from", "result.valid_to"},
	};
	int rc = 0;

	for (size_t i = 0; i < BR_LEN(order) && rc == 0; i++) {
		struct moment a = moment_of(w, order[i][0]), b = moment_of(w, order[i][1]);

		rc = in_order(w, &a, &b);
	}
	/* an instant item is accepted and finished on one day */
	if (rc == 0 && is(value_of(w, "item.handling_kind"), "INSTANT")) {
		struct moment a = moment_of(w, "finished_at"), b = moment_of(w, "accepted_at");

		a.text.n = a.text.n > 10 ? 10 : a.text.n;
		rc = in_order(w, &a, &b);
	}
	return rc;
}

static struct moment moment_in(const struct whole *w, int part, struct br_str key, const char *name)
{
	int field = shape_find(w->s->shape, (unsigned)part, br_str_z(name));
	const struct case_field *f = field < 0 ? NULL : case_field(w->s, (unsigned)field);
	const struct cell *c = f ? image_get(w->img, (unsigned)part, key, (unsigned)field) : NULL;

	return f ? (struct moment){c && !cell_is_null(c) ? c->value : BR_STR_NONE, f->name,
			   f->label}
		 : (struct moment){0};
}

/* Elements with a start and an end: application before the start, start before the end, the end
 * before completion. */
static int check_element_times(const struct whole *w, const char *list)
{
	int part = shape_find_part(w->s->shape, br_str_z(list));
	struct moment applied = moment_of(w, "applied_at"), finished = moment_of(w, "finished_at");
	const struct cell *last = NULL;
	int rc = 0;

	for (uint32_t i = 0; i < w->img->n && rc == 0; i++) {
		const struct cell *c = &w->img->cells[i];
		struct moment start, end;

		if (c->part != part || (last && br_str_eq(last->key, c->key)))
			continue;
		last = c;
		start = moment_in(w, part, c->key, "started_at");
		end = moment_in(w, part, c->key, "ended_at");
		rc = in_order(w, &applied, &start);
		rc = rc ? rc : in_order(w, &start, &end);
		rc = rc ? rc : in_order(w, &end, &finished);
	}
	return rc;
}

/* ---- outcome ---- */

static int bad_outcome(const struct whole *w, const char *name, const char *why, const char *why_zh)
{
	int field = shape_find(w->s->shape, 0, br_str_z(name));
	const struct case_field *f = field < 0 ? NULL : case_field(w->s, (unsigned)field);

	return br_err_set(w->err, BR_E_SCHEMA_OUTCOME, "field", name, "field_zh",
		f ? f->label.p : name, "why", why, "why_zh", why_zh, NULL);
}

static int check_outcome(const struct whole *w)
{
	static const char *const open[] = {"DRAFT", "RECEIVED", "PREACCEPTED", "ACCEPTED",
		"CORRECTING", "PROCESSING", "SUSPENDED"};
	static const char *const reasoned[] = {
		"DENIED", "VOID", "DELETED", "FORWARDED", "TIMEOUT_RETURN"};
	struct br_str status = value_of(w, "status"), outcome = value_of(w, "outcome");
	struct br_str cert = value_of(w, "result.cert_no"), id = value_of(w, "applicant.cert_no");

	if (outcome.n && one_of(status, open, BR_LEN(open)))
		return bad_outcome(w, "outcome", "a case that is still open has no outcome",
			"未办结的办件不应有办结结果");
	if (status.n && outcome.n && is(outcome, "NOTACCEPTED") != is(status, "NOTACCEPTED"))
		return bad_outcome(w, "outcome", "status and outcome contradict each other",
			"办件状态与办结结果矛盾");
	if (one_of(outcome, reasoned, BR_LEN(reasoned)) && value_of(w, "outcome_reason").n == 0)
		return bad_outcome(
			w, "outcome_reason", "this outcome needs a reason", "该办结结果须说明原因");
	if (is(outcome, "CERT") && cert.n && br_str_eq(cert, id))
		return bad_outcome(w, "result.cert_no",
			"the certificate has the number of the applicant's document",
			"证照编号与申请人证件号码相同");
	return 0;
}

/* ---- people ---- */

/* What contradicts an id is as private as the id: it is not shown at all. */
static int bad_person(
	const struct whole *w, const char *name, const char *expected, const char *expected_zh)
{
	return br_err_set(w->err, BR_E_SCHEMA_BAD_VALUE, "field", name, "found", "***", "expected",
		expected, "expected_zh", expected_zh, NULL);
}

static int check_document(const struct whole *w, const char *type_name, const char *no_name)
{
	struct br_str type = value_of(w, type_name), no = value_of(w, no_name);

	if (no.n == 0)
		return 0;
	if ((is(type, "111") || is(type, "112")) && !check_citizen_id(no))
		return bad_person(w, no_name, "a citizen id of 18 characters (GB 11643)",
			"有效的 18 位公民身份号码（GB 11643）");
	if (is(type, "001") && !check_credit_code(no))
		return bad_person(w, no_name, "a unified social credit code (GB 32100)",
			"有效的统一社会信用代码（GB 32100）");
	if (is(type, "002") && !check_org_code(no))
		return bad_person(w, no_name, "an organisation code (GB 11714)",
			"有效的组织机构代码（GB 11714）");
	return 0;
}

/* Sex and birth date against the id, and the birth date against the day of application. */
static int check_person(const struct whole *w)
{
	struct br_str id = value_of(w, "applicant.cert_no"), sex = value_of(w, "applicant.sex"),
		      birth = value_of(w, "applicant.birth");
	struct br_str type = value_of(w, "applicant.cert_type"),
		      applied = value_of(w, "applied_at");
	char day[11];

	if (!check_citizen_id(id) || (type.n && !is(type, "111") && !is(type, "112")))
		return 0;
	/* a credit code may be all digits */
	if (!type.n && check_credit_code(id))
		return 0;
	check_citizen_id_birth(id, day);
	if (applied.n >= 10 && memcmp(day, applied.p, 10) > 0)
		return bad_person(w, "applicant.cert_no",
			"the id of somebody born before the application",
			"申请日期之前出生者的身份号码");
	if (birth.n && !is(birth, day))
		return bad_person(w, "applicant.birth", "the day of birth in the citizen id",
			"与公民身份号码一致的出生日期");
	if ((is(sex, "M") || is(sex, "F")) && is(sex, "M") != check_citizen_id_male(id))
		return bad_person(w, "applicant.sex", "the sex in the citizen id",
			"与公民身份号码一致的性别");
	return 0;
}

int case_check_whole(const struct case_schema *s, const struct image *img, struct br_err *err)
{
	const struct whole w = {s, img, err};
	int rc = check_root_times(&w);

	rc = rc ? rc : check_element_times(&w, "steps");
	rc = rc ? rc : check_element_times(&w, "specials");
	rc = rc ? rc : check_outcome(&w);
	rc = rc ? rc : check_document(&w, "applicant.cert_type", "applicant.cert_no");
	rc = rc ? rc : check_document(&w, "agent.cert_type", "agent.cert_no");
	return rc ? rc : check_person(&w);
}
