/* GetPut and PutGet for one row. */
#include "br_text.h"
#include "map_check.h"
#include "map_program.h"
#include <stdio.h>

struct law {
	const struct mapping *m;
	const struct cfg_node *at;
	const char *name;
	struct br_arena *a;
	struct cfg_report *report;
	struct map_check_result *out;
};

static const char *z(struct law *l, struct br_str s)
{
	struct br_str copy = br_arena_copy(l->a, s);

	return copy.p ? copy.p : "";
}

static const char *shown(struct law *l, const struct cell *c)
{
	return !c ? "(absent)" : cell_is_null(c) ? "null" : z(l, c->value);
}

static int broken(struct law *l, enum br_err_code code, const char *key, const char *place,
	const char *expected, const char *found)
{
	l->out->law_failures++;
	return cfg_problem(l->report, l->at, code, "record", z(l, l->m->record), key, place,
		"expected", expected, "found", found, "sample", l->name, NULL);
}

static int issue(struct law *l, enum br_err_code law, const struct map_issue *i, const char *key)
{
	char text[512];

	br_err_text(&i->err, BR_LANG_EN, text, sizeof(text));
	return broken(l, law, key, i->column.p ? z(l, i->column) : "?", "a value", text);
}

static int same_image(struct law *l, const struct image *want, const struct image *got)
{
	struct image_pair p;

	image_pair_init(&p, want, got);
	while (image_pair_next(&p)) {
		if (cell_same(p.left, p.right))
			continue;
		return broken(l, BR_E_MAP_LAW_GETPUT, "column",
			z(l, map_place_text(l->m->shape, p.left ? p.left : p.right, l->a)),
			shown(l, p.left), shown(l, p.right));
	}
	return 0;
}

/* May the law be asked of this field? Its columns, and those its codes look at, must be ours to
 * write. */
static bool lawful(const struct mapping *m, const struct map_line *line, bool create)
{
	if (!line->in || !line->out || line->klass >= MAP_LOSSY_OUT)
		return false;
	for (uint16_t i = 0; i < line->ncolumns; i++) {
		const struct map_column *col = &m->columns[line->columns[i]];

		if (col->target_owned || (!create && !col->updatable))
			return false;
	}
	for (uint16_t i = 0; i < line->nalso; i++) {
		const struct map_column *col = &m->columns[line->also[i]];

		if (col->writer < 0 || col->target_owned || (!create && !col->updatable))
			return false;
	}
	return true;
}

/* A code that is only written (direction out) is a declared loss: it reads back as another. */
static bool declared_loss(const struct mapping *m, const struct map_line *line, struct br_str value)
{
	const struct map_group *g = line->group >= 0 ? &m->groups[line->group] : NULL;
	uint16_t mine = 0;

	if (!g || !value.p)
		return false;
	while (mine < g->nlines && m->lines[g->lines[mine]].field != line->field)
		mine++;
	for (size_t i = 0; i < g->n; i++) {
		if (br_str_eq(g->rows[i].value[mine], value) && g->rows[i].row->in)
			return false;
	}
	return true;
}

static bool appended(
	const struct mapping *m, unsigned canonical, const struct image *local, struct br_str key)
{
	for (uint16_t p = 0; p < m->nparts; p++) {
		if (m->parts[p].canonical != canonical || !m->parts[p].append)
			continue;
		for (uint32_t i = 0; i < local->n; i++) {
			if (local->cells[i].part == m->parts[p].local &&
				br_str_eq(local->cells[i].key, key))
				return true;
		}
	}
	return false;
}

static bool element_in(
	const struct mapping *m, unsigned canonical, const struct image *local, struct br_str key)
{
	int part = map_local_part(m, canonical);

	if (part == 0)
		return local->n && local->cells[0].part == 0;
	for (uint32_t i = 0; i < local->n; i++) {
		if (local->cells[i].part == part && br_str_eq(local->cells[i].key, key))
			return true;
	}
	return false;
}

static int put_get(struct law *l, const struct image *kase, const struct image *base,
	const struct map_context *ctx)
{
	struct map_issue why = {.ask = false};
	struct image local, back;
	int rc = 0;

	br_err_clear(&why.err);
	if (map_put(l->m, kase, base, l->a, &local, &why))
		return issue(l, BR_E_MAP_LAW_PUTGET, &why, "field");
	if (map_get(l->m, &local, ctx, l->a, &back, &why))
		return issue(l, BR_E_MAP_LAW_PUTGET, &why, "field");
	for (uint32_t i = 0; i < kase->n && rc == 0; i++) {
		const struct cell *c = &kase->cells[i], *got;
		const struct map_line *line = map_line_at(l->m, c->field, c->key);

		if (!line || !lawful(l->m, line, !element_in(l->m, c->part, base, c->key)) ||
			declared_loss(l->m, line, c->value) ||
			appended(l->m, c->part, base, c->key))
			continue;
		got = image_get(&back, c->part, c->key, c->field);
		/* an element of nothing but nulls is no element */
		if (cell_same(c, got) || (cell_is_null(c) && !got))
			continue;
		rc = broken(l, BR_E_MAP_LAW_PUTGET, "field",
			z(l, line->key.n ? map_line_name(line)
					 : map_place_text(l->m->schema->shape, c, l->a)),
			shown(l, c), shown(l, got));
	}
	return rc;
}

int map_laws(const struct mapping *m, const struct image *local, const struct image *other,
	const struct map_context *ctx, const struct cfg_node *at, const char *name,
	struct br_arena *a, struct cfg_report *report, struct map_check_result *out)
{
	struct law l = {m, at, name, a, report, out};
	struct map_issue why = {.ask = false};
	struct image kase, back, none = {NULL, 0};
	int rc;

	br_err_clear(&why.err);
	out->samples++;
	if (map_get(m, local, ctx, a, &kase, &why))
		return issue(&l, BR_E_MAP_LAW_GETPUT, &why, "column");
	if (map_put(m, &kase, local, a, &back, &why))
		return issue(&l, BR_E_MAP_LAW_GETPUT, &why, "column");
	rc = same_image(&l, local, &back);
	if (rc == 0 && m->writes)
		rc = put_get(&l, &kase, &none, ctx);
	if (rc == 0 && m->writes && other)
		rc = put_get(&l, &kase, other, ctx);
	return rc;
}
