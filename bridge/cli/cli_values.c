/*
 * cli_values.c - values of the case for people: labels instead of codes, personal data masked.
 */
#include "br_text.h"
#include "cli.h"

/* "steps/2/opinion" is field opinion of list steps; the name of a place of the root stands as it
 * is. */
static bool is_place(const struct case_schema *s, const struct case_field *f, struct br_str place)
{
	const char *first = memchr(place.p, '/', place.n), *last = memrchr(place.p, '/', place.n);
	struct br_str part, field;

	if (!first)
		return br_str_eq(f->name, place);
	part = (struct br_str){place.p, (size_t)(first - place.p)};
	field = (struct br_str){last + 1, (size_t)(place.p + place.n - last - 1)};
	for (unsigned i = 1; i < s->shape->nparts; i++)
		if (br_str_eq(s->parts[i].name, part))
			return f->number >= s->shape->parts[i].first &&
			       f->number < s->shape->parts[i].first + s->shape->parts[i].n &&
			       (br_str_eq(s->shape->fields[f->number].name, field) ||
				       s->parts[i].map);
	return false;
}

const struct case_field *cli_field(const struct cli *c, struct br_str place)
{
	for (unsigned i = 0; place.n && i < c->schema->shape->nfields; i++) {
		const struct case_field *f = case_field(c->schema, i);

		if (is_place(c->schema, f, place))
			return f;
	}
	return NULL;
}

const char *cli_value(struct cli *c, const struct case_field *f, const char *value)
{
	const struct code_row *row =
		f && f->codes && value ? code_find(f->codes, br_str_z(value)) : NULL;

	if (!value)
		return "-";
	if (row && f->pii == CASE_PII_NONE)
		return br_arena_copy(&c->arena, c->lang == BR_LANG_ZH ? row->label : row->label_en)
			.p;
	/* a field that is not in this schema may be anything */
	if (f && f->pii == CASE_PII_NONE)
		return value;
	return br_mask(&c->arena, br_str_z(value)).p;
}
