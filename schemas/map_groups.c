/* Code tables of a record, and for every column of codes the ways to say several fields by one
 * code. */
#include "br_text.h"
#include "map_job.h"
#include <stdio.h>

struct map_codes *map_table(struct map_job *j, const struct cfg_node *node)
{
	struct map_table_ref *ref;
	int rc;

	for (size_t i = 0; i < j->ntables; i++) {
		if (j->tables[i].node == node || (node->kind == CFG_SCALAR && node->text.n &&
							 br_str_eq(j->tables[i].name, node->text)))
			return j->tables[i].codes;
	}
	if (j->ntables == BR_LEN(j->tables)) {
		map_shape_problem(j, node, "codes", "at most 64 of them", "最多 64 个");
		return NULL;
	}
	ref = &j->tables[j->ntables++];
	ref->node = node;
	if (node->kind == CFG_SCALAR) {
		ref->name = node->text;
		rc = map_codes_load(j->site->folder, node->text, j->fields, j->nfields, node, j->a,
			j->report, &ref->codes);
	} else if (node->kind == CFG_MAP || node->kind == CFG_LIST) {
		rc = map_codes_inline(node, j->a, j->report, &ref->codes);
	} else {
		rc = map_shape_problem(j, node, "codes", "the name of a table, or its rows",
			"码表名，或码表的各行");
	}
	map_problem(j, rc);
	return rc ? NULL : ref->codes;
}

/* Our side of a table must be values of the field. */
static void check_canonical(struct map_job *j, const struct map_line *line)
{
	const struct map_codes *t = line->conv.codes;

	for (size_t r = 0; r < t->n; r++) {
		const struct map_code_row *row = &t->rows[r];
		struct cfg_node at = map_codes_place(t, row);

		if (!(row->star & 1u << line->conv.pick))
			map_canonical_check(j, &at, line->about, row->canonical[line->conv.pick]);
	}
}

/* A condition in small letters names a field of the record; its column is looked at. */
static void resolve(struct map_job *j, struct map_line *line, struct map_code_row *row,
	struct map_cond *cond, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct cfg_node at = map_codes_place(line->conv.codes, row);
		const struct map_line *other;
		int f;

		if (cond[i].what.p[0] >= 'A' && cond[i].what.p[0] <= 'Z') {
			const struct case_field *status =
				case_field(j->schema, j->schema->f_status);

			map_canonical_check(j, &at, status, cond[i].what);
			continue;
		}
		f = map_field_find(j, 0, cond[i].what, &at);
		if (f < 0)
			continue;
		other = j->m->line_of[f] >= 0 ? &j->m->lines[j->m->line_of[f]] : NULL;
		if (!other || !other->ncolumns) {
			map_problem(j, cfg_problem(j->report, &at, BR_E_MAP_BAD_TABLE, "table",
					       map_z(j, line->conv.codes->name), "why",
					       map_z(j, br_arena_printf(j->a,
								"the record does not read %.*s",
								BR_STR_ARG(cond[i].what))),
					       "why_zh",
					       map_z(j, br_arena_printf(j->a, "该记录不读取 %.*s",
								BR_STR_ARG(cond[i].what))),
					       NULL));
			continue;
		}
		cond[i].column = other->columns[0];
		for (uint16_t k = 0; k <= line->nalso; k++) {
			if (k == line->nalso) {
				if (k < BR_LEN(line->also))
					line->also[line->nalso++] = other->columns[0];
				break;
			}
			if (line->also[k] == other->columns[0])
				break;
		}
	}
}

static const char *values_text(
	struct map_job *j, const struct map_group *g, const struct br_str *values)
{
	struct br_str text = BR_STR("");

	for (uint16_t i = 0; i < g->nlines; i++)
		text = br_arena_printf(j->a, "%.*s%s%.*s", BR_STR_ARG(text), i ? " + " : "",
			BR_STR_ARG(values[i].p ? values[i] : BR_STR("null")));
	return map_z(j, text);
}

static void index_row(struct map_job *j, struct map_group *g, uint32_t number)
{
	struct map_group_row *row = &g->rows[number], *old;
	size_t i = map_group_slot(g, row->value);
	struct cfg_node at;

	for (; g->index[i]; i = (i + 1) & (g->index_size - 1)) {
		bool same = true;

		old = &g->rows[g->index[i] - 1];
		for (uint16_t k = 0; k < g->nlines; k++)
			same &= map_same_text(old->value[k], row->value[k]);
		if (!same)
			continue;
		if (map_same_text(old->foreign, row->foreign))
			return;
		if (old->write && !row->write)
			return;
		at = map_codes_place(j->m->lines[g->lines[0]].conv.codes, row->row);
		map_problem(
			j, cfg_problem(j->report, &at, BR_E_MAP_TABLE_CHOICE, "table",
				   map_z(j, g->tables), "canonical", values_text(j, g, row->value),
				   "found",
				   map_z(j, br_arena_printf(j->a, "%.*s, %.*s",
						    BR_STR_ARG(old->foreign.p ? old->foreign
									      : BR_STR("null")),
						    BR_STR_ARG(row->foreign.p ? row->foreign
									      : BR_STR("null")))),
				   NULL));
		return;
	}
	g->index[i] = number + 1;
}

static int add_row(
	struct map_job *j, struct map_group *g, const struct map_group_row *row, size_t *room)
{
	if (g->n == *room) {
		size_t more = *room ? *room * 2 : 16;
		struct map_group_row *rows = br_arena_array(j->a, struct map_group_row, more);

		if (!rows)
			return -BR_E_NOMEM;
		if (g->n)
			memcpy(rows, g->rows, g->n * sizeof(*rows));
		g->rows = rows;
		*room = more;
	}
	g->rows[g->n++] = *row;
	g->has_star |= row->star != 0;
	return 0;
}

static void take(const struct map_line *line, const struct map_code_row *from, uint16_t i,
	struct map_group_row *row)
{
	row->value[i] = from->canonical[line->conv.pick];
	row->write |= from->write;
	if (from->star & 1u << line->conv.pick) {
		row->star |= 1u << i;
		row->value[i] = BR_STR_NONE;
	}
}

/* All rows of the further lines that stand for the same foreign code; lines of one table share the
 * row. */
static int combine(struct map_job *j, struct map_group *g, uint16_t i,
	const struct map_code_row *base, struct map_group_row *row, size_t *room)
{
	const struct map_line *first = &j->m->lines[g->lines[0]], *line;
	struct map_group_row next;

	if (i == g->nlines)
		return add_row(j, g, row, room);
	line = &j->m->lines[g->lines[i]];
	if (line->conv.codes == first->conv.codes) {
		next = *row;
		take(line, base, i, &next);
		return combine(j, g, (uint16_t)(i + 1), base, &next, room);
	}
	for (int32_t r = map_codes_first(line->conv.codes, row->foreign); r >= 0;
		r = line->conv.codes->rows[r].next) {
		int rc;

		if (!line->conv.codes->rows[r].out)
			continue;
		next = *row;
		take(line, &line->conv.codes->rows[r], i, &next);
		rc = combine(j, g, (uint16_t)(i + 1), base, &next, room);
		if (rc)
			return rc;
	}
	return 0;
}

static int fill_group(struct map_job *j, struct map_group *g)
{
	const struct map_line *first = &j->m->lines[g->lines[0]];
	const struct map_codes *t = first->conv.codes;
	size_t room = 0;

	for (size_t r = 0; r < t->n; r++) {
		struct map_group_row row = {.foreign = t->rows[r].foreign, .row = &t->rows[r]};

		if (!t->rows[r].out)
			continue;
		take(first, &t->rows[r], 0, &row);
		if (combine(j, g, 1, &t->rows[r], &row, &room))
			return -BR_E_NOMEM;
	}
	for (g->index_size = 8; g->index_size < g->n * 2;)
		g->index_size *= 2;
	g->index = br_arena_array(j->a, uint32_t, g->index_size);
	if (!g->index)
		return -BR_E_NOMEM;
	/* marked rows first, so that an unmarked one never stands in their way */
	for (int marked = 1; marked >= 0; marked--) {
		for (uint32_t i = 0; i < g->n; i++) {
			if (!g->rows[i].star && g->rows[i].write == (marked == 1))
				index_row(j, g, i);
		}
	}
	return 0;
}

/* Codes of one column are solved together within one element of the case. */
static struct map_group *group_of(struct map_job *j, const struct map_line *line)
{
	const struct shape *s = j->schema->shape;
	uint16_t column = line->columns[0];
	struct map_group *g;

	for (uint16_t i = 0; i < j->m->ngroups; i++) {
		const struct map_line *first = &j->m->lines[j->m->groups[i].lines[0]];

		if (j->m->groups[i].column == column && br_str_eq(first->key, line->key) &&
			s->fields[first->field].part == s->fields[line->field].part)
			return &j->m->groups[i];
	}
	g = &j->m->groups[j->m->ngroups++];
	g->column = column;
	g->tables = BR_STR("");
	return g;
}

static void written_twice(
	struct map_job *j, const struct map_line *line, const struct map_line *other)
{
	map_problem(j, cfg_problem(j->report, line->at, BR_E_MAP_COLUMN_TWICE, "column",
			       map_z(j, j->m->columns[line->columns[0]].name), "first",
			       map_line_place(j, other), "second", map_line_place(j, line), NULL));
}

static void join_group(struct map_job *j, uint16_t number)
{
	struct map_line *line = &j->m->lines[number];
	struct map_group *g = group_of(j, line);
	bool known = false;

	if (g->nlines == BR_LEN(g->lines)) {
		map_shape_problem(j, line->at, "codes", "at most 4 fields", "最多 4 个字段");
		return;
	}
	line->group = (int16_t)(g - j->m->groups);
	for (uint16_t i = 0; i < g->nlines; i++)
		known |= j->m->lines[g->lines[i]].conv.codes == line->conv.codes;
	if (!known)
		g->tables = br_arena_printf(j->a, "%.*s%s%.*s", BR_STR_ARG(g->tables),
			g->nlines ? ", " : "", BR_STR_ARG(line->conv.codes->name));
	g->lines[g->nlines++] = number;
	j->m->columns[g->column].group = line->group;
}

/* Who writes a column: one line, all code lines together, or the pieces of a split; never two
 * strangers. */
static void writers(struct map_job *j)
{
	struct mapping *m = j->m;

	for (uint16_t i = 0; i < m->nlines; i++) {
		struct map_line *line = &m->lines[i];

		if (!line->out || line->source == MAP_FROM_KEY)
			continue;
		for (uint16_t k = 0; k < line->ncolumns; k++) {
			struct map_column *col = &m->columns[line->columns[k]];
			const struct map_line *other =
				col->writer >= 0 ? &m->lines[col->writer] : NULL;
			bool pieces = other && other->source == MAP_FROM_PIECE &&
				      line->source == MAP_FROM_PIECE &&
				      br_str_eq(other->sep, line->sep) &&
				      other->piece != line->piece;
			bool group = other && other->group >= 0 && line->group == other->group;

			if (other && !pieces && !group)
				written_twice(j, line, other);
			col->writer = (int16_t)i;
		}
	}
}

void map_groups_compile(struct map_job *j)
{
	struct mapping *m = j->m;

	m->groups = br_arena_array(j->a, struct map_group, m->nlines + 1u);
	if (!m->groups)
		return;
	for (uint16_t i = 0; i < m->nlines; i++) {
		struct map_line *line = &m->lines[i];
		const struct map_codes *t = line->conv.codes;

		if (line->conv.kind != MAP_CONV_CODES || !t)
			continue;
		check_canonical(j, line);
		for (size_t r = 0; r < t->n; r++) {
			resolve(j, line, &t->rows[r], t->rows[r].had, t->rows[r].nhad);
			resolve(j, line, &t->rows[r], t->rows[r].without, t->rows[r].nwithout);
		}
		if (line->out && line->source == MAP_FROM_COLUMN)
			join_group(j, i);
	}
	for (uint16_t i = 0; i < m->ngroups; i++)
		fill_group(j, &m->groups[i]);
	writers(j);
}
