/*
 * cli_values.c - values for people: labels instead of codes, personal data masked, times of the
 * site's zone.
 */
#include "br_text.h"
#include "cli.h"
#include "ledger_query.h"
#include "hub_ulid.h"
#include "map_time.h"

#include <stdlib.h>

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

static const char *local_time(struct cli *c, const char *epoch)
{
	struct br_str t;

	if (!c->zone)
		c->zone = map_zone_load(c->site->timezone, &c->arena);
	if (!c->zone)
		c->zone = map_zone_load(BR_STR("UTC"), &c->arena);
	t = c->zone ? map_time_rfc3339(strtoll(epoch, NULL, 10), c->zone, &c->arena) : BR_STR_NONE;
	if (!t.p || c->output != CLI_TABLE)
		return br_arena_copy(&c->arena, t).p;
	/* 2018-07-02 09:05:00 +08:00 */
	return br_arena_printf(&c->arena, "%.10s %.8s %.*s", t.p, t.p + 11, (int)t.n - 19, t.p + 19)
		.p;
}

void cli_local_times(struct cli *c, struct ledger_table *t, const char *name)
{
	for (size_t j = 0; j < t->cols; j++)
		for (size_t i = 0; i < t->rows && strcmp(t->names[j], name) == 0; i++) {
			const char **cell = &t->cells[i * t->cols + j];

			*cell = *cell ? local_time(c, *cell) : NULL;
		}
}

struct br_str cli_ulid(struct cli *c, const char *uuid)
{
	char text[HUB_ULID_TEXT + 1], hex[33];
	struct hub_id id;
	size_t n = 0;

	for (const char *p = uuid; *p && n < 32; p++)
		if (*p != '-')
			hex[n++] = *p;
	if (n != 32)
		return BR_STR("");
	for (size_t i = 0; i < sizeof(id.b); i++) {
		const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		id.b[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	hub_ulid_text(&id, text);
	return br_arena_copy(&c->arena, br_str_z(text));
}
