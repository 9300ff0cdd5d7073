/* get: local image -> canonical cells. */
#include "br_text.h"
#include "map_program.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define FURTHER_MAX 4 /* pairs that who fails adds */

static const struct map_column *column_of(const struct mapping *m, unsigned number)
{
	return &m->columns[number];
}

struct br_str map_line_name(const struct map_line *line)
{
	return line->key.n ? line->at->key : line->about->name;
}

#undef map_fail
int map_fail(struct map_run *run, enum br_err_code code, const struct map_line *line,
	unsigned column, struct br_str found, ...)
{
	char shown[128] = "", field[96] = "", name[96] = "", expected[192] = "", zh[192] = "";
	const char *k[FURTHER_MAX + 2] = {NULL}, *v[FURTHER_MAX + 2] = {NULL};
	struct map_issue *issue = run->issue;
	size_t n = 0;
	va_list args;

	if (!issue)
		return -(int)code;
	br_err_clear(&issue->err);
	issue->ask = code == BR_E_MAP_ASK;
	issue->column = BR_STR_NONE;
	issue->field = line ? line->field : UINT16_MAX;
	if (column < run->m->shape->nfields) {
		issue->column = run->m->columns[column].name;
		snprintf(name, sizeof(name), "%.*s", BR_STR_ARG(issue->column));
	}
	if (line) {
		snprintf(field, sizeof(field), "%.*s", BR_STR_ARG(map_line_name(line)));
		snprintf(expected, sizeof(expected), "%.*s", BR_STR_ARG(line->conv.expected));
		snprintf(zh, sizeof(zh), "%.*s", BR_STR_ARG(line->conv.expected_zh));
	}
	/* a code must be seen to be put into the table; it says nothing about a person */
	if (found.p && line && line->about->pii != CASE_PII_NONE &&
		(code != BR_E_MAP_UNKNOWN_CODE || found.n > 8))
		br_mask_z(found, shown, sizeof(shown));
	else if (found.p)
		snprintf(shown, sizeof(shown), "%.*s",
			BR_STR_ARG(br_utf8_cut(found, sizeof(shown) - 1)));
	va_start(args, found);
	while ((k[n] = va_arg(args, const char *))) {
		assert(n < FURTHER_MAX);
		v[n++] = va_arg(args, const char *);
	}
	va_end(args);
	/* of two with one name the first is read, and the first name that is NULL ends the list */
	k[n] = "expected";
	v[n++] = expected;
	k[n] = "expected_zh";
	v[n] = zh;
	return br_err_set(&issue->err, code, "column", name, "field", field, "found", shown, k[0],
		v[0], k[1], v[1], k[2], v[2], k[3], v[3], k[4], v[4], k[5], v[5], NULL);
}

/* ---- what a column says ---- */

static bool blank_at(struct br_str s, size_t i, size_t *n)
{
	unsigned char c = (unsigned char)s.p[i];

	*n = 1;
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return true;
	*n = 3;
	return c == 0xE3 && i + 2 < s.n && memcmp(s.p + i, "\xE3\x80\x80", 3) == 0; /* U+3000 */
}

static struct br_str unpad(const struct map_column *col, struct br_str s)
{
	if (col->pad_left) {
		/* a zero stays when there is nothing else: "000" is 0 */
		while (s.n > 1 && s.p[0] == col->pad) {
			s.p++;
			s.n--;
		}
		return s;
	}
	while (s.n && s.p[s.n - 1] == col->pad)
		s.n--;
	return s;
}

static struct br_str trimmed(struct br_str s)
{
	size_t n;

	while (s.n && blank_at(s, 0, &n)) {
		s.p += n;
		s.n -= n;
	}
	while (s.n &&
		(blank_at(s, s.n - 1, &n) || (s.n >= 3 && blank_at(s, s.n - 3, &n) && n == 3)))
		s.n -= n;
	return s;
}

/* Is it a byte that a blank may begin or end with (U+3000 is E3 80 80)? */
static bool of_a_blank(char c)
{
	unsigned char u = (unsigned char)c;

	return u <= ' ' || u == 0xE3 || u == 0x80;
}

bool map_column_text(const struct map_column *col, struct br_str stored, struct br_str *out)
{
	struct br_str s = stored;

	if (!s.p)
		return false;
	if (col->pad)
		s = unpad(col, s);
	/* blanks around a value never mean anything to a case, whatever N says about the column */
	if (s.n && (of_a_blank(s.p[0]) || of_a_blank(s.p[s.n - 1])))
		s = trimmed(s);
	if (s.n == 0 || (col->none.p && br_str_eq(s, col->none)))
		return false;
	*out = s;
	return true;
}

static int column_get(struct map_run *run, unsigned column, const struct cell *const *cells,
	unsigned first, struct br_str *out)
{
	const struct cell *c = cells[column - first];

	if (!c)
		return -1;
	return map_column_text(column_of(run->m, column), c->value, out);
}

static int concat_get(struct map_run *run, const struct map_line *line,
	const struct cell *const *cells, unsigned first, struct br_str *out)
{
	struct br_str piece[MAP_LINE_COLUMNS];
	size_t size = 0, last = 0;
	bool present = false;
	char *p;

	for (uint16_t i = 0; i < line->ncolumns; i++) {
		int rc = column_get(run, line->columns[i], cells, first, &piece[i]);

		present |= rc >= 0;
		if (rc <= 0)
			piece[i] = BR_STR("");
		else
			last = i + 1u;
		size += piece[i].n + line->sep.n;
	}
	if (last == 0)
		return present ? 0 : -1;
	p = br_arena_alloc(run->a, size + 1);
	if (!p)
		return -BR_E_NOMEM;
	*out = (struct br_str){p, 0};
	for (size_t i = 0; i < last; i++) {
		if (i && line->sep.n)
			memcpy(p + out->n, line->sep.p, line->sep.n);
		out->n += i ? line->sep.n : 0;
		memcpy(p + out->n, piece[i].p, piece[i].n);
		out->n += piece[i].n;
	}
	return 1;
}

static int first_get(struct map_run *run, const struct map_line *line,
	const struct cell *const *cells, unsigned first, struct br_str *out)
{
	int state = -1;

	for (uint16_t i = 0; i < line->ncolumns && state <= 0; i++) {
		int rc = column_get(run, line->columns[i], cells, first, out);

		state = rc > state ? rc : state;
	}
	return state;
}

static int piece_get(struct map_run *run, const struct map_line *line,
	const struct cell *const *cells, unsigned first, struct br_str *out)
{
	struct br_str rest;
	int rc = column_get(run, line->columns[0], cells, first, &rest);

	if (rc <= 0)
		return rc;
	for (uint16_t i = 0;; i++) {
		const char *sep = memmem(rest.p, rest.n, line->sep.p, line->sep.n);
		size_t n = sep ? (size_t)(sep - rest.p) : rest.n;

		if (i == line->piece) {
			*out = br_trim((struct br_str){rest.p, n});
			return out->n > 0;
		}
		if (!sep)
			return 0;
		rest.p += n + line->sep.n;
		rest.n -= n + line->sep.n;
	}
}

/* derive: the column in the part's last element, by the order of the keys. */
static int last_get(struct map_run *run, const struct map_line *line, struct br_str *out)
{
	unsigned column = line->columns[0];
	const struct map_column *col = column_of(run->m, column);
	int state = -1;

	for (uint32_t i = 0; i < run->image->n; i++) {
		const struct cell *c = &run->image->cells[i];

		if (c->part == col->part && c->field == column)
			state = map_column_text(col, c->value, out);
	}
	return state;
}

int map_source_get(struct map_run *run, const struct map_line *line,
	const struct cell *const *cells, unsigned first, struct br_str *out)
{
	switch ((enum map_source)line->source) {
	case MAP_FROM_COLUMN:
		return column_get(run, line->columns[0], cells, first, out);
	case MAP_FROM_CONST:
		*out = line->constant;
		return 1;
	case MAP_FROM_CONCAT:
		return concat_get(run, line, cells, first, out);
	case MAP_FROM_FIRST_OF:
		return first_get(run, line, cells, first, out);
	case MAP_FROM_PIECE:
		return piece_get(run, line, cells, first, out);
	case MAP_FROM_KEY:
		*out = run->key;
		return run->key.n > 0;
	case MAP_FROM_LAST:
		return last_get(run, line, out);
	}
	return -1;
}

/* ---- codes ---- */

/* What the case has been, and what it is. */
static bool has_had(const struct map_run *run, struct br_str code)
{
	const struct map_context *ctx = run->ctx;
	const struct cell *now =
		ctx && ctx->kase ? image_root(ctx->kase, run->m->schema->f_status) : NULL;

	if (now && br_str_eq(now->value, code))
		return true;
	for (size_t i = 0; ctx && i < ctx->nhad; i++) {
		if (br_str_eq(ctx->had[i], code))
			return true;
	}
	return false;
}

static bool any_true(struct map_run *run, const struct map_cond *cond, uint16_t n,
	const struct cell *const *cells, unsigned first)
{
	struct br_str text;

	for (uint16_t i = 0; i < n; i++) {
		if (cond[i].column >= 0
				? column_get(run, (unsigned)cond[i].column, cells, first, &text) > 0
				: has_had(run, cond[i].what))
			return true;
	}
	return false;
}

/* A line of codes: the first row of the code whose conditions hold. */
static int codes_get(struct map_run *run, const struct map_line *line, struct br_str text,
	const struct cell *const *cells, unsigned first, struct br_str *out)
{
	const struct map_codes *t = line->conv.codes;
	unsigned pick = (unsigned)line->conv.pick;
	char name[64];

	for (int32_t r = map_codes_first(t, text); r >= 0; r = t->rows[r].next) {
		const struct map_code_row *row = &t->rows[r];

		if (!row->in || (row->nhad && !any_true(run, row->had, row->nhad, cells, first)) ||
			(row->nwithout && any_true(run, row->without, row->nwithout, cells, first)))
			continue;
		if (row->star & 1u << pick)
			return 0;
		*out = row->canonical[pick];
		return 1;
	}
	if (!text.p) {
		*out = BR_STR_NONE;
		return 1;
	}
	snprintf(name, sizeof(name), "%.*s", BR_STR_ARG(t->name));
	return map_fail(
		run, BR_E_MAP_UNKNOWN_CODE, line, line->columns[0], text, "table", name, NULL);
}

/* Nothing case_check_value could object to: short enough even if every byte were a character, and
 * no control characters. */
static bool harmless(const struct map_line *line, struct br_str value)
{
	return (!line->about->max_chars || value.n <= line->about->max_chars) &&
	       !br_has_control(value);
}

static int checked(struct map_run *run, const struct map_line *line, struct br_str value)
{
	struct cell c = {
		run->key, value, line->field, run->m->schema->shape->fields[line->field].part};
	struct br_err err;
	char shown[128], column[96], field[96];
	int rc;

	br_err_clear(&err);
	rc = case_check_value(run->m->schema, &c, &err);
	if (rc == 0 || !run->issue)
		return rc;
	br_mask_z(value, shown, sizeof(shown));
	run->issue->ask = false;
	run->issue->field = line->field;
	run->issue->column = line->ncolumns ? run->m->columns[line->columns[0]].name : BR_STR_NONE;
	run->issue->err = err;
	snprintf(column, sizeof(column), "%.*s", BR_STR_ARG(run->issue->column));
	snprintf(field, sizeof(field), "%.*s", BR_STR_ARG(map_line_name(line)));
	return br_err_wrap(&run->issue->err, rc, BR_E_MAP_REFUSED_VALUE, "column", column, "field",
		field, "found", shown, NULL);
}

/* A text that the conversion does not take. */
static int not_read(struct map_run *run, const struct map_line *line, int rc, struct br_str text)
{
	const struct map_time *t = line->conv.time;
	char expected[192], zh[192];

	if (!t || !map_time_form(t, text))
		return map_fail(run, (enum br_err_code) - rc, line, line->columns[0], text, NULL);
	snprintf(expected, sizeof(expected), "a %s that exists; the form %.*s is right",
		t->has_clock ? "time" : "day", BR_STR_ARG(line->conv.expected));
	snprintf(zh, sizeof(zh), "存在的%s；格式“%.*s”无误", t->has_clock ? "时间" : "日期",
		BR_STR_ARG(line->conv.expected_zh));
	return map_fail(run, (enum br_err_code) - rc, line, line->columns[0], text, "expected",
		expected, "expected_zh", zh, NULL);
}

int map_line_get(struct map_run *run, const struct map_line *line, const struct cell *const *cells,
	unsigned first, struct br_str *out)
{
	struct br_str text = BR_STR_NONE;
	int state = map_source_get(run, line, cells, first, &text), rc;

	if (state < -1)
		return state;
	if (state < 0)
		return 0;
	if (line->conv.kind == MAP_CONV_CODES)
		return codes_get(run, line, state ? text : BR_STR_NONE, cells, first, out);
	if (state == 0) {
		*out = BR_STR_NONE;
		return 1;
	}
	rc = map_conv_get(&line->conv, text, run->a, out);
	if (rc)
		return rc == -BR_E_NOMEM ? rc : not_read(run, line, rc, text);
	if (line->check && !(line->plain && harmless(line, *out))) {
		rc = checked(run, line, *out);
		if (rc)
			return rc;
	}
	return 1;
}

/* ---- a whole image ---- */

static int element_get(struct map_run *run, const struct map_part *part, const struct cell *cells,
	uint32_t n, struct image *out)
{
	const struct cell *by_column[SHAPE_MAX_FIELDS];
	const struct shape_part *local = &run->m->shape->parts[part->local];

	memset(by_column, 0, local->n * sizeof(by_column[0]));
	for (uint32_t i = 0; i < n; i++)
		by_column[cells[i].field - local->first] = &cells[i];
	for (uint16_t i = 0; i < part->nlines; i++) {
		const struct map_line *line = &run->m->lines[part->first_line + i];
		struct cell *c = &out->cells[out->n];
		int rc;

		if (!line->in)
			continue;
		rc = map_line_get(run, line, by_column, local->first, &c->value);
		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		c->key = run->key;
		c->field = line->field;
		c->part = part->canonical;
		out->n++;
	}
	return 0;
}

/* Columns of the root, read as the root or as one named element. */
static int root_get(struct map_run *run, const struct map_part *part, const struct image *local,
	struct image *out)
{
	uint32_t n = 0;

	while (n < local->n && local->cells[n].part == 0)
		n++;
	run->key = part->element;
	return n ? element_get(run, part, local->cells, n, out) : 0;
}

/* Cells of one local part stand together, its elements one after the other. */
static int part_get(struct map_run *run, const struct map_part *part, const struct image *local,
	struct image *out)
{
	uint32_t i = 0;

	while (i < local->n && local->cells[i].part < part->local)
		i++;
	while (i < local->n && local->cells[i].part == part->local) {
		uint32_t from = i;
		int rc;

		run->key = local->cells[from].key;
		while (i < local->n && local->cells[i].part == part->local &&
			br_str_eq(local->cells[i].key, run->key))
			i++;
		rc = element_get(run, part, local->cells + from, i - from, out);
		if (rc)
			return rc;
	}
	return 0;
}

static size_t most_cells(const struct mapping *m, const struct image *local)
{
	size_t room = 0;

	for (uint16_t p = 0; p < m->nparts; p++)
		room += m->parts[p].local == 0 ? m->parts[p].nlines : 0u;
	for (uint32_t i = 0; i < local->n; i++) {
		const struct cell *c = &local->cells[i];

		if (c->part == 0 || (i && local->cells[i - 1].part == c->part &&
					    br_str_eq(local->cells[i - 1].key, c->key)))
			continue;
		for (uint16_t p = 1; p < m->nparts; p++)
			room += m->parts[p].local == c->part ? m->parts[p].nlines : 0u;
	}
	return room;
}

int map_no_memory(struct map_issue *issue)
{
	br_err_clear(&issue->err);
	return br_err_set(&issue->err, BR_E_NOMEM, NULL);
}

int map_get(const struct mapping *m, const struct image *local, const struct map_context *ctx,
	struct br_arena *a, struct image *out, struct map_issue *issue)
{
	struct map_run run = {m, a, issue, ctx, local, BR_STR_NONE};
	struct image img = {NULL, 0};
	int rc = 0;

	/* one more than can be filled: a line writes its value before it knows that it is absent */
	img.cells = br_arena_alloc(a, (most_cells(m, local) + 1) * sizeof(struct cell));
	if (!img.cells)
		return map_no_memory(issue);
	for (uint16_t p = 0; p < m->nparts && rc == 0; p++) {
		rc = m->parts[p].local == 0 ? root_get(&run, &m->parts[p], local, &img)
					    : part_get(&run, &m->parts[p], local, &img);
	}
	if (rc)
		return rc == -BR_E_NOMEM ? map_no_memory(issue) : rc;
	*out = img;
	return 0;
}
