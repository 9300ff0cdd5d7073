/*
 * JSON Schema 2020-12 of the published case. Only keywords that mean the same in draft-07, so that
 * older validators can be used: no `format` (an assertion in one, a note in the other), no tuples,
 * no $defs. Members we do not know are allowed: the case may grow without breaking those who read
 * it.
 */
#include "case_tree.h"

#include <stdio.h>

#define RE_DATE "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
#define RE_TIME                                                                                    \
	"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5]["  \
	"0-9](\\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
#define RE_DECIMAL "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$"
#define RE_ULID	   "^[0-7][0-9ABCDEFGHJKMNPQRSTVWXYZ]{25}$"

/* "type": [name, "null"] */
static void nullable(struct br_jw *w, const char *type)
{
	br_jw_name(w, "type");
	br_jw_array(w);
	br_jw_str(w, br_str_z(type));
	br_jw_str(w, BR_STR("null"));
	br_jw_end_array(w);
}

static void titles(struct br_jw *w, struct br_str zh, struct br_str en)
{
	br_jw_kstr(w, "title", zh);
	br_jw_kstr(w, "description", en);
}

/* The codes in the description too: a schema is read by people. */
static void describe_codes(struct br_jw *w, const struct case_field *f)
{
	struct br_buf text;

	br_buf_init(&text, 1 << 20);
	br_buf_printf(&text, "%.*s (%.*s):", BR_STR_ARG(f->label_en), BR_STR_ARG(f->codes->name));
	for (size_t i = 0; i < f->codes->n; i++)
		br_buf_printf(&text, "%s %.*s %.*s", i ? "," : "",
			BR_STR_ARG(f->codes->rows[i].code), BR_STR_ARG(f->codes->rows[i].label));
	w->failed = w->failed || br_buf_failed(&text);
	br_jw_kstr(w, "title", f->label);
	br_jw_kstr(w, "description", br_buf_str(&text));
	br_buf_release(&text);
}

static void write_codes(struct br_jw *w, const struct case_field *f)
{
	describe_codes(w, f);
	br_jw_name(w, "enum");
	br_jw_array(w);
	for (size_t i = 0; i < f->codes->n; i++)
		br_jw_str(w, f->codes->rows[i].code);
	br_jw_null(w);
	br_jw_end_array(w);
}

static const char *check_pattern(const struct case_field *f)
{
	switch (f->check) {
	case CASE_CHECK_CITIZEN_ID:
		return "^[1-9][0-9]{16}[0-9X]$";
	case CASE_CHECK_CREDIT_CODE:
		return "^[0-9A-HJ-NPQRTUWXY]{18}$";
	case CASE_CHECK_ORG_CODE:
		return "^[0-9A-Z]{8}-?[0-9X]$";
	case CASE_CHECK_IMPL_CODE:
		return "^[0-9A-HJ-NPQRTUWXY]{18}[1-7][0-9A-Z]{12}$";
	case CASE_CHECK_MOBILE:
		return "^1[3-9][0-9]{9}$";
	case CASE_CHECK_POSTCODE:
		return "^[0-9]{6}$";
	case CASE_CHECK_DIVISION:
		return "^[1-9][0-9]{11}$";
	default:
		return NULL;
	}
}

static const char *type_pattern(const struct case_field *f)
{
	switch (f->type) {
	case SHAPE_DATE:
		return RE_DATE;
	case SHAPE_TIME:
		return RE_TIME;
	case SHAPE_DECIMAL:
		return RE_DECIMAL;
	default:
		return check_pattern(f);
	}
}

static void write_field(struct br_jw *w, const struct case_field *f)
{
	const char *pattern = type_pattern(f);

	br_jw_object(w);
	if (f->codes) {
		write_codes(w, f);
		br_jw_end_object(w);
		return;
	}
	titles(w, f->label, f->label_en);
	nullable(w, f->type == SHAPE_INT    ? "integer"
		    : f->type == SHAPE_BOOL ? "boolean"
					    : "string");
	if (f->type == SHAPE_INT) {
		br_jw_kint(w, "minimum", INT64_MIN);
		br_jw_kint(w, "maximum", INT64_MAX);
	}
	if (pattern)
		br_jw_kstr(w, "pattern", br_str_z(pattern));
	if (f->max_chars)
		br_jw_kint(w, "maxLength", f->max_chars);
	br_jw_end_object(w);
}

static void write_list(struct br_jw *w, const struct case_schema *s, unsigned part);

/* Members every case has; an object above such a field is one too. */
static bool is_always(const struct case_schema *s, const struct case_member *m)
{
	if (m->field >= 0)
		return case_field(s, (unsigned)m->field)->always;
	for (uint16_t i = 0; m->node && i < m->node->n; i++)
		if (is_always(s, &m->node->members[i]))
			return true;
	return false;
}

static void write_required(struct br_jw *w, const struct case_schema *s,
	const struct case_node *node, const char *const *more, size_t n)
{
	bool any = n > 0;

	for (uint16_t i = 0; i < node->n; i++)
		any = any || is_always(s, &node->members[i]);
	if (!any)
		return;
	br_jw_name(w, "required");
	br_jw_array(w);
	for (size_t i = 0; i < n; i++)
		br_jw_str(w, br_str_z(more[i]));
	for (uint16_t i = 0; i < node->n; i++)
		if (is_always(s, &node->members[i]))
			br_jw_str(w, node->members[i].name);
	br_jw_end_array(w);
}

/* The members of an object, into an open "properties". */
static void write_members(
	struct br_jw *w, const struct case_schema *s, const struct case_node *node)
{
	for (uint16_t i = 0; i < node->n; i++) {
		const struct case_member *m = &node->members[i];

		br_jw_key(w, m->name);
		if (m->field >= 0) {
			write_field(w, case_field(s, (unsigned)m->field));
		} else if (m->part) {
			write_list(w, s, (unsigned)m->part);
		} else {
			br_jw_object(w);
			br_jw_kstr(w, "type", BR_STR("object"));
			br_jw_name(w, "properties");
			br_jw_object(w);
			write_members(w, s, m->node);
			br_jw_end_object(w);
			write_required(w, s, m->node, NULL, 0);
			br_jw_end_object(w);
		}
	}
}

static void write_string(
	struct br_jw *w, const char *name, const char *zh, const char *en, const char *pattern)
{
	br_jw_key(w, br_str_z(name));
	br_jw_object(w);
	titles(w, br_str_z(zh), br_str_z(en));
	br_jw_kstr(w, "type", BR_STR("string"));
	if (pattern)
		br_jw_kstr(w, "pattern", br_str_z(pattern));
	else
		br_jw_kint(w, "minLength", 1);
	br_jw_end_object(w);
}

static void write_list(struct br_jw *w, const struct case_schema *s, unsigned part)
{
	static const char *const required[] = {"key"};
	const struct case_part *p = &s->parts[part];

	br_jw_object(w);
	titles(w, p->label, p->label_en);
	if (p->map) {
		br_jw_kstr(w, "type", BR_STR("object"));
		br_jw_name(w, "additionalProperties");
		write_field(w, case_field(s, s->shape->parts[part].first));
		br_jw_end_object(w);
		return;
	}
	br_jw_kstr(w, "type", BR_STR("array"));
	br_jw_name(w, "items");
	br_jw_object(w);
	br_jw_kstr(w, "type", BR_STR("object"));
	br_jw_name(w, "properties");
	br_jw_object(w);
	write_string(w, "key", "元素的键", "Key of the element in its list", NULL);
	write_members(w, s, &s->trees[part]->top);
	br_jw_end_object(w);
	write_required(w, s, &s->trees[part]->top, required, BR_LEN(required));
	br_jw_end_object(w);
	br_jw_end_object(w);
}

static void write_links(struct br_jw *w)
{
	static const char *const members[] = {"system", "record", "local_id"};

	br_jw_name(w, "links");
	br_jw_object(w);
	titles(w, BR_STR("对照"), BR_STR("The records that are this case in the systems"));
	br_jw_kstr(w, "type", BR_STR("array"));
	br_jw_name(w, "items");
	br_jw_object(w);
	br_jw_kstr(w, "type", BR_STR("object"));
	br_jw_name(w, "properties");
	br_jw_object(w);
	write_string(w, "system", "系统", "Name of the system", NULL);
	write_string(w, "record", "记录类型", "Name of the record in the system's mapping", NULL);
	write_string(w, "local_id", "系统内编号", "Number of the record in the system", NULL);
	br_jw_end_object(w);
	br_jw_name(w, "required");
	br_jw_array(w);
	for (size_t i = 0; i < BR_LEN(members); i++)
		br_jw_str(w, br_str_z(members[i]));
	br_jw_end_array(w);
	br_jw_end_object(w);
	br_jw_end_object(w);
}

static void write_envelope(struct br_jw *w)
{
	write_string(w, "case_id", "办件标识", "Identity of the case (ULID)", RE_ULID);
	br_jw_name(w, "version");
	br_jw_object(w);
	titles(w, BR_STR("办件版本"),
		BR_STR("Grows by one with every change of the case; pass "
		       "over one that is not higher than what you have"));
	br_jw_kstr(w, "type", BR_STR("integer"));
	br_jw_kint(w, "minimum", 1);
	br_jw_end_object(w);
	write_string(w, "updated_at", "更新时间", "Time of the last change", RE_TIME);
	write_links(w);
}

int case_json_schema(const struct case_schema *s, struct br_buf *out, struct br_err *err)
{
	static const char *const required[] = {"case_id", "version", "updated_at", "links"};
	struct br_jw w;
	char max[24];

	br_jw_init(&w, out);
	br_jw_object(&w);
	br_jw_kstr(&w, "$schema", BR_STR("https://json-schema.org/draft/2020-12/schema"));
	br_jw_kstr(&w, "$id", s->id);
	titles(&w, s->parts[0].label,
		BR_STR("A case as published on the topic of cases; a member that is absent is "
		       "unknown, null is known to be empty"));
	br_jw_kstr(&w, "type", BR_STR("object"));
	br_jw_name(&w, "properties");
	br_jw_object(&w);
	write_envelope(&w);
	write_members(&w, s, &s->trees[0]->top);
	br_jw_end_object(&w);
	write_required(&w, s, &s->trees[0]->top, required, BR_LEN(required));
	br_jw_end_object(&w);
	if (!br_jw_failed(&w))
		return 0;
	snprintf(max, sizeof(max), "%zu", out->max);
	return br_err_set(err, BR_E_TOO_BIG, "what", "JSON Schema", "max", max, NULL);
}
