/* on_create: what the target needs beyond the case; and the keys and the record a case has. */
#include "br_text.h"
#include "map_program.h"
#include <stdio.h>

static const struct cell *root_value(const struct image *kase, unsigned field)
{
	const struct cell *c = image_root(kase, field);

	return c && !cell_is_null(c) && c->value.n ? c : NULL;
}

/* The case fills the column through an ordinary line, of its own or of a named element. */
static const struct map_line *filled(
	const struct mapping *m, const struct image *kase, unsigned column, bool *has)
{
	*has = false;
	for (uint16_t i = 0; i < m->nlines; i++) {
		const struct map_line *line = &m->lines[i];

		for (uint16_t k = 0; line->out && k < line->ncolumns; k++) {
			const struct cell *c;

			if (line->columns[k] != column)
				continue;
			c = image_get(kase, m->schema->shape->fields[line->field].part, line->key,
				line->field);
			*has = c && !cell_is_null(c) && c->value.n;
			return line;
		}
	}
	return NULL;
}

/* Our value -> the system's, by a table: the row marked, or the first. */
static bool foreign_of(const struct map_codes *t, struct br_str value, struct br_str *out)
{
	bool found = false;

	for (size_t i = 0; i < t->n; i++) {
		const struct map_code_row *row = &t->rows[i];

		if (!row->out || !row->foreign.p || !br_str_eq(row->canonical[0], value) ||
			(found && !row->write))
			continue;
		*out = row->foreign;
		found = true;
		if (row->write)
			break;
	}
	return found;
}

static const char *codes_of(const struct map_create *c, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; c->codes && i < c->codes->n && n + 1 < size; i++) {
		const struct map_code_row *row = &c->codes->rows[i];
		int wrote = snprintf(buf + n, size - n, "%s%.*s=%.*s", i ? ", " : "",
			BR_STR_ARG(row->foreign), BR_STR_ARG(row->canonical[0]));

		n += wrote > 0 ? (size_t)wrote : 0;
	}
	return buf;
}

static int answer(struct map_run *run, const struct map_create *c, const struct image *kase,
	struct br_str *out)
{
	const struct cell *given = c->field >= 0 ? root_value(kase, (unsigned)c->field) : NULL;
	char text[128];

	if (given) {
		char name[64];

		if (!c->codes) {
			*out = given->value;
			return 0;
		}
		if (foreign_of(c->codes, given->value, out))
			return 0;
		if (c->kind == MAP_CREATE_LOOKUP) {
			snprintf(name, sizeof(name), "%.*s", BR_STR_ARG(c->codes->name));
			return map_fail(run, BR_E_MAP_NO_LOOKUP, NULL, c->column, given->value,
				"table", name, NULL);
		}
	}
	if (c->kind == MAP_CREATE_LOOKUP) {
		const struct map_line *line = c->field >= 0 && run->m->line_of[c->field] >= 0
						      ? &run->m->lines[run->m->line_of[c->field]]
						      : NULL;

		return map_fail(run, BR_E_MAP_REQUIRED_EMPTY, line, c->column, BR_STR_NONE, NULL);
	}
	return map_fail(run, BR_E_MAP_ASK, NULL, c->column, BR_STR_NONE, "expected",
		codes_of(c, text, sizeof(text)), NULL);
}

static int needs(struct map_run *run, const struct image *kase)
{
	const struct mapping *m = run->m;

	for (unsigned c = 0; c < m->shape->parts[0].n; c++) {
		const struct map_line *line;
		bool has;

		if (!m->columns[c].required || m->columns[c].on_create ||
			m->columns[c].target_owned)
			continue;
		line = filled(m, kase, c, &has);
		if (!has)
			return map_fail(run, BR_E_MAP_REQUIRED_EMPTY, line, c, BR_STR_NONE, NULL);
	}
	return 0;
}

int map_on_create(const struct mapping *m, const struct image *kase, struct br_arena *a,
	struct image *out, struct map_issue *issue)
{
	struct map_run run = {m, a, issue, NULL, kase, BR_STR_NONE};
	struct image_builder b;
	int rc = needs(&run, kase);

	if (rc)
		return rc == -BR_E_NOMEM ? map_no_memory(issue) : rc;
	image_build(&b, a, (uint32_t)m->ncreates + 1);
	for (size_t i = 0; i < m->ncreates; i++) {
		const struct map_create *c = &m->creates[i];
		struct br_str value = c->text;
		bool has;

		if (c->part || (c->kind != MAP_CREATE_TECHNICAL && c->kind != MAP_CREATE_ASK &&
				       c->kind != MAP_CREATE_LOOKUP))
			continue;
		filled(m, kase, c->column, &has);
		if (has)
			continue;
		if (c->kind != MAP_CREATE_TECHNICAL) {
			rc = answer(&run, c, kase, &value);
			if (rc)
				return rc == -BR_E_NOMEM ? map_no_memory(issue) : rc;
		}
		image_set(&b, 0, BR_STR_NONE, c->column, value);
	}
	return image_build_end(&b, out) ? map_no_memory(issue) : 0;
}

bool map_allotted(const struct mapping *m, unsigned column)
{
	for (size_t i = 0; i < m->ncreates; i++) {
		const struct map_create *c = &m->creates[i];

		if (!c->part && c->column == column &&
			(c->kind == MAP_CREATE_GENERATE || c->kind == MAP_CREATE_IDENTITY ||
				c->kind == MAP_CREATE_TRIGGER))
			return true;
	}
	return false;
}

/* ---- keys ---- */

struct br_str map_ref(const struct mapping *m, const struct image *local)
{
	const struct cell *c = m->ref < 0 ? NULL : image_root(local, (unsigned)m->ref);

	return c && c->value.n ? c->value : BR_STR_NONE;
}

void map_natural_key(const struct mapping *m, const struct image *local, struct br_jw *w)
{
	bool whole = true;

	/* a key with a hole would find strangers */
	for (size_t i = 0; i < m->nnatural; i++)
		whole &= root_value(local, m->natural[i]) != NULL;
	br_jw_object(w);
	for (size_t i = 0; i < m->nnatural && whole; i++) {
		br_jw_key(w, m->columns[m->natural[i]].name);
		br_jw_str(w, root_value(local, m->natural[i])->value);
	}
	br_jw_end_object(w);
}

size_t map_match_keys(const struct mapping *m, const struct image *kase, struct br_str *scheme,
	struct br_str *value, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nmatch && n < room; i++) {
		const struct map_match *x = &m->match[i];
		const struct cell *c[BR_LEN(x->fields)];
		uint16_t have = 0;

		while (have < x->n && (c[have] = root_value(kase, x->fields[have])))
			have++;
		if (!x->n || have < x->n)
			continue;
		/* of two fields the first one's value is the scheme: the numbers of one item are a
		 * scheme of their own */
		scheme[n] = x->n == 1 ? x->scheme : c[0]->value;
		value[n++] = c[x->n - 1]->value;
	}
	return n;
}

/* ---- routing ---- */

static bool one_of(const struct map_when *w, struct br_str value)
{
	for (size_t i = 0; i < w->n; i++) {
		if (br_str_eq(w->values[i], value))
			return true;
	}
	return false;
}

static bool belongs(const struct mapping *m, const struct image *kase)
{
	for (size_t i = 0; i < m->nwhen; i++) {
		const struct cell *c = image_root(kase, m->when[i].field);

		if (!c || cell_is_null(c) || !one_of(&m->when[i], c->value))
			return false;
	}
	for (uint16_t i = 0; i < m->parts[0].nlines; i++) {
		const struct map_line *line = &m->lines[m->parts[0].first_line + i];
		const struct cell *c;

		if (line->source != MAP_FROM_CONST || line->field != m->schema->f_impl_code)
			continue;
		c = image_root(kase, line->field);
		if (!c || cell_is_null(c) || !br_str_eq(c->value, line->constant))
			return false;
	}
	return true;
}

const struct mapping *map_route(const struct map_set *set, const struct image *kase)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->maps[i]->creates_records && belongs(set->maps[i], kase))
			return set->maps[i];
	}
	return NULL;
}
