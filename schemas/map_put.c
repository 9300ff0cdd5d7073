/* put: canonical case + shadow -> the local image as it should be. */
#include "br_text.h"
#include "map_program.h"
#include <stdio.h>

/* A column of the element being written: the shadow's cell until a line says otherwise. */
struct slot {
	struct br_str value; /* p NULL: null */
	bool set;
};
struct element {
	struct map_run run;
	const struct map_part *part;
	unsigned first; /* number of the part's first column */
	bool create;	/* the shadow has no such element */
	const struct cell
		*fields[SHAPE_MAX_FIELDS]; /* of the case's part, by number - first_field */
	const struct cell *stored[SHAPE_MAX_FIELDS]; /* of the shadow */
	struct slot slots[SHAPE_MAX_FIELDS];
};

static const struct map_column *column_at(const struct element *e, unsigned number)
{
	return &e->run.m->columns[number];
}

static const struct cell *field_cell(const struct element *e, unsigned field)
{
	return e->fields[field - e->run.m->schema->shape->parts[e->part->canonical].first];
}

static bool may_write(const struct element *e, const struct map_line *line)
{
	for (uint16_t i = 0; i < line->ncolumns; i++) {
		const struct map_column *col = column_at(e, line->columns[i]);

		if (!col->target_owned && (e->create || col->updatable))
			return true;
	}
	return false;
}

/* ---- one column ---- */

static int too_long(struct element *e, const struct map_line *line, unsigned number,
	struct br_str text, int64_t size, uint32_t max, const char *unit, const char *unit_zh)
{
	char found[24], most[24];

	snprintf(found, sizeof(found), "%lld", (long long)size);
	snprintf(most, sizeof(most), "%u", max);
	return map_fail(&e->run, BR_E_MAP_TOO_LONG, line, number, text, "size", found, "unit", unit,
		"unit_zh", unit_zh, "expected", most, NULL);
}

/* The text as the column takes it: padded; refused when it does not fit or cannot be encoded. */
static int fit(struct element *e, const struct map_line *line, unsigned number, struct br_str text,
	struct br_str *out)
{
	const struct map_column *col = column_at(e, number);
	struct br_str bad;
	int64_t bytes;

	if (col->pad && col->pad_left && text.n < col->pad_to) {
		char *p = br_arena_alloc(e->run.a, col->pad_to);

		if (!p)
			return -BR_E_NOMEM;
		memset(p, col->pad, col->pad_to - text.n);
		memcpy(p + col->pad_to - text.n, text.p, text.n);
		text = (struct br_str){p, col->pad_to};
	}
	if (col->charset) {
		bytes = map_charset_size(col->charset, text, &bad);
		if (bytes < 0) {
			char character[8], charset[48];

			snprintf(character, sizeof(character), "%.*s", BR_STR_ARG(bad));
			snprintf(charset, sizeof(charset), "%.*s", BR_STR_ARG(col->charset->name));
			return map_fail(&e->run, BR_E_MAP_NOT_ENCODABLE, line, number, text, "char",
				character, "expected", charset, NULL);
		}
	} else {
		bytes = (int64_t)text.n;
	}
	if (!col->cut && col->max_bytes && bytes > col->max_bytes)
		return too_long(e, line, number, text, bytes, col->max_bytes, "bytes", "字节");
	if (!col->cut && col->max_chars && text.n > col->max_chars) {
		size_t chars = br_utf8_chars(text);

		if (chars > col->max_chars)
			return too_long(e, line, number, text, (int64_t)chars, col->max_chars,
				"characters", "个字符");
	}
	text = map_column_cut(col, text);
	*out = text;
	return 0;
}

/* The cell as it stands now, after the lines that ran before. */
static struct br_str now_at(const struct element *e, unsigned number, bool *present)
{
	const struct slot *s = &e->slots[number - e->first];
	const struct cell *c = e->stored[number - e->first];

	*present = s->set || c;
	return s->set ? s->value : c ? c->value : BR_STR_NONE;
}

static void set_slot(struct element *e, unsigned number, struct br_str value)
{
	const struct map_column *col = column_at(e, number);

	if (col->target_owned || (!e->create && !col->updatable))
		return;
	e->slots[number - e->first] = (struct slot){value, true};
}

/* Null in the way of the column; what already says nothing stays as it is. */
static void put_null(struct element *e, unsigned number)
{
	const struct map_column *col = column_at(e, number);
	bool present;
	struct br_str now = now_at(e, number, &present), text;

	if (present && !map_column_text(col, now, &text))
		return;
	/* saying nothing about a column the system does not have yet needs no cell */
	if (!present && !col->none.p)
		return;
	set_slot(e, number, col->none);
}

static int put_text(
	struct element *e, const struct map_line *line, unsigned number, struct br_str text)
{
	struct br_str fitted = BR_STR_NONE;
	int rc = fit(e, line, number, text, &fitted);

	if (rc)
		return rc;
	set_slot(e, number, fitted);
	return 0;
}

/* ---- sources ---- */

/* The text goes to the first columns piece by piece; the last takes what is left. */
static int concat_put(struct element *e, const struct map_line *line, struct br_str text)
{
	struct br_str rest = text;

	for (uint16_t i = 0; i < line->ncolumns; i++) {
		bool last = i + 1 == line->ncolumns;
		const char *sep =
			last || !rest.n ? NULL : memmem(rest.p, rest.n, line->sep.p, line->sep.n);
		struct br_str piece = {rest.p, sep ? (size_t)(sep - rest.p) : rest.n};
		int rc = 0;

		if (piece.n)
			rc = put_text(e, line, line->columns[i], piece);
		else
			put_null(e, line->columns[i]);
		if (rc)
			return rc;
		rest = sep ? (struct br_str){sep + line->sep.n, rest.n - piece.n - line->sep.n}
			   : (struct br_str){text.p + text.n, 0};
	}
	return 0;
}

/* The column that speaks now keeps speaking; on a new record the first one does. */
static int first_put(struct element *e, const struct map_line *line, struct br_str text)
{
	for (uint16_t i = 0; i < line->ncolumns; i++) {
		bool present;
		struct br_str now = now_at(e, line->columns[i], &present), said;

		if (present && map_column_text(column_at(e, line->columns[i]), now, &said))
			return put_text(e, line, line->columns[i], text);
	}
	return put_text(e, line, line->columns[0], text);
}

/* Replaces one piece of the column, adding empty ones before it when there are too few. */
static int piece_put(struct element *e, const struct map_line *line, struct br_str text)
{
	unsigned number = line->columns[0];
	bool present;
	struct br_str now = now_at(e, number, &present), rest;
	char *buf, *p;

	if (!present || !map_column_text(column_at(e, number), now, &rest))
		rest = BR_STR("");
	p = buf = br_arena_alloc(e->run.a, rest.n + text.n + (line->piece + 1u) * line->sep.n + 1);
	if (!buf)
		return -BR_E_NOMEM;
	for (uint16_t i = 0;; i++) {
		const char *sep = rest.n ? memmem(rest.p, rest.n, line->sep.p, line->sep.n) : NULL;
		struct br_str piece = {rest.p, sep ? (size_t)(sep - rest.p) : rest.n};
		struct br_str as = i == line->piece ? text : piece;

		if (i) {
			memcpy(p, line->sep.p, line->sep.n);
			p += line->sep.n;
		}
		if (as.n)
			memcpy(p, as.p, as.n);
		p += as.n;
		if (!sep && i >= line->piece)
			break;
		rest = sep ? (struct br_str){sep + line->sep.n, rest.n - piece.n - line->sep.n}
			   : BR_STR("");
	}
	rest = (struct br_str){buf, (size_t)(p - buf)};
	if (map_column_text(column_at(e, number), rest, &now))
		return put_text(e, line, number, rest);
	put_null(e, number);
	return 0;
}

static int source_put(struct element *e, const struct map_line *line, struct br_str text)
{
	switch ((enum map_source)line->source) {
	case MAP_FROM_COLUMN:
		return put_text(e, line, line->columns[0], text);
	case MAP_FROM_CONCAT:
		return concat_put(e, line, text);
	case MAP_FROM_FIRST_OF:
		return first_put(e, line, text);
	case MAP_FROM_PIECE:
		return piece_put(e, line, text);
	case MAP_FROM_CONST:
	case MAP_FROM_KEY:
	case MAP_FROM_LAST:
		break;
	}
	return 0;
}

static int source_put_null(struct element *e, const struct map_line *line)
{
	if (line->source == MAP_FROM_PIECE) {
		const struct cell *by_column[SHAPE_MAX_FIELDS];
		unsigned number = line->columns[0];
		struct br_str said;
		struct cell now;
		bool present;

		now = (struct cell){
			.value = now_at(e, number, &present), .field = (uint16_t)number};
		by_column[number - e->first] = present ? &now : NULL;
		return map_source_get(&e->run, line, by_column, e->first, &said) == 1
			       ? piece_put(e, line, BR_STR(""))
			       : 0;
	}
	for (uint16_t i = 0; i < line->ncolumns; i++)
		put_null(e, line->columns[i]);
	return 0;
}

/* ---- one line ---- */

/* Does what is stored already mean the value? Over a lossy line: does it mean the same as far as
 * the column can say it? */
static int already_says(
	struct element *e, const struct map_line *line, struct br_str value, bool *same)
{
	const struct map_column *col;
	struct br_str text, means, a, b;

	*same = false;
	if (map_source_get(&e->run, line, e->stored, e->first, &text) != 1 ||
		map_conv_get(&line->conv, text, e->run.a, &means))
		return br_arena_failed(e->run.a) ? -BR_E_NOMEM : 0;
	*same = br_str_eq(means, value);
	if (*same || line->klass != MAP_LOSSY_OUT ||
		map_conv_put(&line->conv, value, e->run.a, &a) ||
		map_conv_put(&line->conv, means, e->run.a, &b))
		return 0;
	col = column_at(e, line->columns[0]);
	*same = br_str_eq(map_column_cut(col, a), b);
	return 0;
}

/* What was written must read back as it was meant: separators inside a piece, zeros before a padded
 * number. */
static int verify(
	struct element *e, const struct map_line *line, struct br_str text, struct br_str value)
{
	struct cell cells[MAP_LINE_COLUMNS];
	const struct cell *by_column[SHAPE_MAX_FIELDS];
	struct br_str back;

	for (uint16_t i = 0; i < line->ncolumns; i++) {
		unsigned number = line->columns[i];
		bool present;

		cells[i] = (struct cell){
			.value = now_at(e, number, &present), .field = (uint16_t)number};
		by_column[number - e->first] = &cells[i];
	}
	if (map_source_get(&e->run, line, by_column, e->first, &back) == 1 && br_str_eq(back, text))
		return 0;
	return map_fail(&e->run, BR_E_MAP_NOT_STORABLE, line, line->columns[0], value, NULL);
}

static int line_put(struct element *e, const struct map_line *line)
{
	const struct cell *c = field_cell(e, line->field);
	struct br_str text;
	bool same;
	int rc;

	if (!c || !may_write(e, line))
		return 0;
	if (cell_is_null(c) || c->value.n == 0)
		return source_put_null(e, line);
	rc = already_says(e, line, c->value, &same);
	if (rc || same)
		return rc;
	rc = map_conv_put(&line->conv, c->value, e->run.a, &text);
	if (rc)
		return rc == -BR_E_NOMEM ? rc
					 : map_fail(&e->run, (enum br_err_code) - rc, line,
						   line->columns[0], c->value, NULL);
	rc = source_put(e, line, text);
	if (rc == 0 && line->verify)
		rc = verify(e, line, text, c->value);
	return rc;
}

/* ---- codes: all lines of one column together ---- */

static bool row_says(
	const struct map_group *g, const struct map_group_row *row, const struct br_str *values)
{
	for (uint16_t i = 0; i < g->nlines; i++) {
		if (row->star & 1u << i)
			continue;
		if (!map_same_text(row->value[i], values[i]))
			return false;
	}
	return true;
}

static size_t group_hash(const struct br_str *values, uint16_t n)
{
	uint64_t h = 0;

	for (uint16_t i = 0; i < n; i++)
		h = h * 31 + (values[i].p ? br_hash(values[i].p, values[i].n) : 7);
	return (size_t)h;
}

const struct map_group_row *map_group_find(const struct map_group *g, const struct br_str *values)
{
	if (g->index_size) {
		for (size_t i = group_hash(values, g->nlines) & (g->index_size - 1); g->index[i];
			i = (i + 1) & (g->index_size - 1)) {
			const struct map_group_row *row = &g->rows[g->index[i] - 1];

			if (row_says(g, row, values))
				return row;
		}
	}
	for (size_t i = 0; g->has_star && i < g->n; i++) {
		if (g->rows[i].star && row_says(g, &g->rows[i], values))
			return &g->rows[i];
	}
	return NULL;
}

size_t map_group_slot(const struct map_group *g, const struct br_str *values)
{
	return group_hash(values, g->nlines) & (g->index_size - 1);
}

static bool stored_says(struct element *e, const struct map_group *g, const struct br_str *values)
{
	const struct cell *c = e->stored[g->column - e->first];
	struct br_str text;

	if (!c)
		return false;
	if (!map_column_text(column_at(e, g->column), c->value, &text))
		text = BR_STR_NONE;
	for (size_t i = 0; i < g->n; i++) {
		const struct map_group_row *row = &g->rows[i];

		if (map_same_text(row->foreign, text) && row_says(g, row, values))
			return true;
	}
	return false;
}

static int no_code(struct element *e, const struct map_group *g, const struct br_str *values)
{
	char said[160] = "", tables[96];

	for (uint16_t i = 0; i < g->nlines; i++) {
		size_t n = strlen(said);

		snprintf(said + n, sizeof(said) - n, "%s%.*s", i ? " + " : "",
			BR_STR_ARG(values[i].p ? values[i] : BR_STR("null")));
	}
	snprintf(tables, sizeof(tables), "%.*s", BR_STR_ARG(g->tables));
	return map_fail(&e->run, BR_E_MAP_NO_CODE, &e->run.m->lines[g->lines[0]], g->column,
		br_str_z(said), "table", tables, NULL);
}

static int group_put(struct element *e, const struct map_group *g)
{
	const struct map_column *col = column_at(e, g->column);
	const struct map_group_row *row;
	struct br_str values[4];
	bool any = false;

	if (col->target_owned || (!e->create && !col->updatable))
		return 0;
	for (uint16_t i = 0; i < g->nlines; i++) {
		const struct cell *c = field_cell(e, e->run.m->lines[g->lines[i]].field);

		values[i] = c && c->value.n ? c->value : BR_STR_NONE;
		any |= c != NULL && (i == 0 || !cell_is_null(c));
	}
	if (!any || stored_says(e, g, values))
		return 0;
	row = map_group_find(g, values);
	if (!row) {
		bool nothing = true;

		for (uint16_t i = 0; i < g->nlines; i++)
			nothing &= values[i].p == NULL;
		if (!nothing)
			return no_code(e, g, values);
		put_null(e, g->column);
		return 0;
	}
	if (!row->foreign.p) {
		put_null(e, g->column);
		return 0;
	}
	return put_text(e, &e->run.m->lines[g->lines[0]], g->column, row->foreign);
}

/* ---- one element, one image ---- */

static int element_lines(struct element *e)
{
	const struct mapping *m = e->run.m;
	int rc = 0;

	for (uint16_t i = 0; i < e->part->nlines && rc == 0; i++) {
		const struct map_line *line = &m->lines[e->part->first_line + i];

		if (!line->out)
			continue;
		if (line->group < 0)
			rc = line_put(e, line);
		else if (m->groups[line->group].lines[0] == e->part->first_line + i)
			rc = group_put(e, &m->groups[line->group]);
	}
	return rc;
}

/* Technical constants of a part's new row; those of the root come from map_on_create. */
static void part_constants(struct element *e)
{
	const struct mapping *m = e->run.m;
	bool any = false;

	for (uint16_t i = 0; i < m->shape->parts[e->part->local].n; i++)
		any |= e->slots[i].set;
	if (!any) /* nothing of the element goes to this system */
		return;

	for (size_t i = 0; i < m->ncreates; i++) {
		const struct map_create *c = &m->creates[i];

		if (c->part == e->part->local && c->kind == MAP_CREATE_TECHNICAL)
			set_slot(e, c->column, c->text);
	}
}

static void element_emit(struct element *e, struct image *out)
{
	const struct shape_part *local = &e->run.m->shape->parts[e->part->local];

	for (uint16_t i = 0; i < local->n; i++) {
		const struct slot *s = &e->slots[i];
		const struct cell *c = e->stored[i];

		if (s->set)
			out->cells[out->n++] = (struct cell){
				e->run.key, s->value, (uint16_t)(local->first + i), e->part->local};
		else if (c)
			out->cells[out->n++] = *c;
	}
}

struct range {
	const struct cell *cells;
	uint32_t n;
};

static struct range part_cells(const struct image *img, unsigned part)
{
	struct range r = {img->cells, 0};
	uint32_t i = 0;

	while (i < img->n && img->cells[i].part < part)
		i++;
	r.cells = img->cells + i;
	while (i + r.n < img->n && img->cells[i + r.n].part == part)
		r.n++;
	return r;
}

/* The cells of the next element, taken off the range. */
static struct range next_element(struct range *rest)
{
	struct range r = {rest->cells, 0};

	while (r.n < rest->n && br_str_eq(rest->cells[r.n].key, rest->cells[0].key))
		r.n++;
	rest->cells += r.n;
	rest->n -= r.n;
	return r;
}

/* What the system holds of the element. */
static void element_begin(struct element *e, struct range shadow)
{
	const struct shape_part *local = &e->run.m->shape->parts[e->part->local];

	memset(e->stored, 0, local->n * sizeof(e->stored[0]));
	for (uint16_t i = 0; i < local->n; i++)
		e->slots[i].set = false;
	for (uint32_t i = 0; i < shadow.n; i++)
		e->stored[shadow.cells[i].field - local->first] = &shadow.cells[i];
	e->create = shadow.n == 0;
	e->first = local->first;
}

/* What the case says about it. */
static int element_say(struct element *e, struct range kase)
{
	const struct shape_part *canonical = &e->run.m->schema->shape->parts[e->part->canonical];

	memset(e->fields, 0, canonical->n * sizeof(e->fields[0]));
	for (uint32_t i = 0; i < kase.n; i++)
		e->fields[kase.cells[i].field - canonical->first] = &kase.cells[i];
	return element_lines(e);
}

static int element_put(struct element *e, struct range kase, struct range shadow, struct image *out)
{
	int rc = 0;

	element_begin(e, shadow);
	e->run.key = kase.n ? kase.cells[0].key : shadow.n ? shadow.cells[0].key : BR_STR_NONE;
	/* rows of a part that only grows are history: never rewritten */
	if (kase.n && !(e->part->append && shadow.n)) {
		rc = element_say(e, kase);
		if (rc == 0 && e->create)
			part_constants(e);
	}
	element_emit(e, out);
	return rc;
}

/* Elements of both sides in the order of their keys. */
static int part_put(
	struct element *e, const struct image *kase, const struct image *shadow, struct image *out)
{
	struct range c = part_cells(kase, e->part->canonical),
		     s = part_cells(shadow, e->part->local), none = {NULL, 0};

	while (c.n || s.n) {
		int order = !c.n ? 1 : !s.n ? -1 : br_str_cmp(c.cells[0].key, s.cells[0].key);
		struct range left = order <= 0 ? next_element(&c) : none;
		struct range right = order >= 0 ? next_element(&s) : none;
		int rc;

		e->run.key = BR_STR_NONE;
		rc = element_put(e, left, right, out);
		if (rc)
			return rc;
	}
	return 0;
}

/* The root: written by the case's own fields and by those of named elements. */
static int root_put(
	struct element *e, const struct image *kase, const struct image *shadow, struct image *out)
{
	const struct mapping *m = e->run.m;
	int rc = 0;

	e->part = &m->parts[0];
	element_begin(e, part_cells(shadow, 0));
	for (uint16_t p = 0; p < m->nparts && rc == 0; p++) {
		struct range rest, said;

		if (m->parts[p].local)
			continue;
		e->part = &m->parts[p];
		rest = part_cells(kase, e->part->canonical);
		said = rest;
		while (e->part->element.n && rest.n &&
			!br_str_eq((said = next_element(&rest)).cells[0].key, e->part->element))
			said.n = 0;
		if (said.n)
			rc = element_say(e, said);
	}
	e->part = &m->parts[0];
	e->run.key = BR_STR_NONE;
	element_emit(e, out);
	return rc;
}

static size_t most_cells(
	const struct mapping *m, const struct image *kase, const struct image *shadow)
{
	size_t room = m->shape->parts[0].n + shadow->n;

	for (uint32_t i = 0; i < kase->n; i++) {
		const struct cell *c = &kase->cells[i];

		if (c->part == 0 || (i && kase->cells[i - 1].part == c->part &&
					    br_str_eq(kase->cells[i - 1].key, c->key)))
			continue;
		for (uint16_t p = 1; p < m->nparts; p++)
			room += m->parts[p].canonical == c->part
					? m->shape->parts[m->parts[p].local].n
					: 0u;
	}
	return room;
}

int map_put(const struct mapping *m, const struct image *kase, const struct image *shadow,
	struct br_arena *a, struct image *out, struct map_issue *issue)
{
	struct element e;
	struct image img = {NULL, 0};
	int rc = 0;

	e.run = (struct map_run){m, a, issue, NULL, shadow, BR_STR_NONE};
	img.cells = br_arena_alloc(a, (most_cells(m, kase, shadow) + 1) * sizeof(struct cell));
	if (!img.cells)
		return map_no_memory(issue);
	/* local parts in their own order: the cells come out sorted */
	rc = root_put(&e, kase, shadow, &img);
	for (unsigned local = 1; local < m->shape->nparts && rc == 0; local++) {
		for (uint16_t p = 0; p < m->nparts; p++) {
			if (m->parts[p].local != local)
				continue;
			e.part = &m->parts[p];
			rc = part_put(&e, kase, shadow, &img);
		}
	}
	if (rc)
		return rc == -BR_E_NOMEM ? map_no_memory(issue) : rc;
	*out = img;
	return 0;
}
