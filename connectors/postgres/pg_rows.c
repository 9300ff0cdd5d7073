#include "pg_rows.h"
#include "br_text.h"
#include <stdlib.h>

#define ROOT_FIRST 3 /* key, time, by: select_list() in pg_record_sql.c */
#define PART_FIRST 2 /* parent, key */

int64_t pg_int(const PGresult *res, int row, int column)
{
	return PQgetisnull(res, row, column) ? 0 : strtoll(PQgetvalue(res, row, column), NULL, 10);
}

/* ---- keys ---- */

static size_t slot_of(const struct pg_rows *x, struct br_str lid)
{
	size_t i = (size_t)br_hash(lid.p, lid.n) & (x->nslots - 1);

	while (x->slots[i] && !br_str_eq(x->row[x->slots[i] - 1].lid, lid))
		i = (i + 1) & (x->nslots - 1);
	return i;
}

static int add_row(struct pg_rows *x, struct br_str lid)
{
	size_t slot = slot_of(x, lid);
	struct pg_row *row = &x->row[x->n];

	if (x->slots[slot])
		return 0;
	*row = (struct pg_row){.lid = lid};
	if (x->record->ntables > 1) {
		row->first = br_arena_array(x->arena, struct pg_element *, x->record->ntables);
		row->last = br_arena_array(x->arena, struct pg_element *, x->record->ntables);
		if (!row->first || !row->last)
			return -BR_E_NOMEM;
	}
	x->slots[slot] = (uint32_t)++x->n;
	return 0;
}

int pg_rows_init(struct pg_rows *x, struct br_pg *pg, const struct pg_record *record,
	const struct br_str *lids, size_t n, struct pg_array *scratch, bool check_utf8,
	struct br_arena *a)
{
	size_t slots = 16;

	while (slots < n * 2)
		slots *= 2;
	x->pg = pg;
	x->record = record;
	x->arena = a;
	x->keys = scratch;
	x->check_utf8 = check_utf8;
	x->n = 0;
	x->nslots = slots;
	x->failed = false;
	x->row = br_arena_array(a, struct pg_row, n + 1);
	x->slots = br_arena_array(a, uint32_t, slots);
	if (!x->row || !x->slots)
		return -BR_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		if (add_row(x, lids[i]))
			return -BR_E_NOMEM;
	}
	return 0;
}

struct pg_row *pg_rows_find(struct pg_rows *x, struct br_str lid)
{
	size_t slot = slot_of(x, lid);

	return x->slots[slot] ? &x->row[x->slots[slot] - 1] : NULL;
}

/* ---- answers ---- */

/* All values of an answer's row in one piece: they outlive the answer. */
static struct br_str *copy_values(
	struct pg_rows *x, const PGresult *res, int row, int first, unsigned n)
{
	struct br_str *v;
	size_t bytes = 0;
	char *p;

	for (unsigned i = 0; i < n; i++)
		bytes += (size_t)PQgetlength(res, row, first + (int)i);
	v = br_arena_alloc(x->arena, (n + 1) * sizeof(*v) + bytes);
	if (!v) {
		x->failed = true;
		return NULL;
	}
	p = (char *)(v + n + 1);
	for (unsigned i = 0; i < n; i++) {
		v[i] = pg_value(res, row, first + (int)i);
		if (!v[i].p)
			continue;
		memcpy(p, v[i].p, v[i].n);
		v[i].p = p;
		p += v[i].n;
	}
	return v;
}

static struct pg_row *row_of(struct pg_rows *x, const PGresult *res, int i)
{
	return PQgetisnull(res, i, 0) ? NULL : pg_rows_find(x, pg_value(res, i, 0));
}

static void got_roots(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_rows *x = arg;

	(void)err;
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct pg_row *row = row_of(x, res, i);
		struct br_str by = pg_value(res, i, 2);

		if (!row)
			continue;
		row->bad |= row->found; /* the key is no key: two rows have it */
		row->found = true;
		row->src_ts_ms = pg_int(res, i, 1);
		row->by = by.p ? br_arena_copy(x->arena, by) : by;
		row->values = copy_values(x, res, i, ROOT_FIRST, x->record->tables[0].ncolumns);
		row->ncells += x->record->tables[0].ncolumns;
	}
}

static void got_there(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_rows_part *part = arg;

	(void)err;
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct pg_row *row = row_of(part->rows, res, i);

		if (row && part->part)
			row->there++;
		else if (row && !row->found)
			row->busy = true;
	}
}

static void got_elements(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_rows_part *part = arg;
	struct pg_rows *x = part->rows;
	const struct pg_table *t = &x->record->tables[part->part];

	(void)err;
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct pg_row *row = row_of(x, res, i);
		struct pg_element *e = row ? br_arena_new(x->arena, struct pg_element) : NULL;

		if (!row)
			continue;
		if (!e) {
			x->failed = true;
			return;
		}
		e->key = pg_value(res, i, 1);
		e->key = e->key.p ? br_arena_copy(x->arena, e->key) : e->key;
		e->values = copy_values(x, res, i, PART_FIRST, t->ncolumns);
		*(row->last[part->part] ? &row->last[part->part]->next : &row->first[part->part]) =
			e;
		row->last[part->part] = e;
		row->nelements++;
		row->ncells += t->ncolumns;
	}
}

/* ---- asking ---- */

static int send(struct pg_rows *x, const struct pg_statement *st, br_pg_result_fn *fn, void *arg,
	struct br_err *err)
{
	struct br_pg_param param;

	if (!pg_array_param(x->keys, &param))
		return br_err_set(err, BR_E_NOMEM, NULL);
	return br_pg_send(x->pg, st->name, st->sql, 1, pg_text_arrays, &param, false, fn, arg, err);
}

static int send_part(struct pg_rows *x, unsigned part, bool lock, struct br_err *err)
{
	const struct pg_table *t = &x->record->tables[part];
	struct pg_rows_part *rows = &x->parts[part], *there = &x->parts[SHAPE_MAX_PARTS + part];
	int rc;

	*rows = (struct pg_rows_part){x, part, false};
	*there = (struct pg_rows_part){x, part, true};
	rc = send(x, lock ? &t->lock : &t->by_key, got_elements, rows, err);
	if (!rc && lock)
		rc = send(x, &t->there, got_there, there, err);
	return rc;
}

/*
 * Locking skips what somebody else has locked, and a second look without locking tells those rows
 * from rows that are gone: a clerk's open form never makes the others wait.
 */
int pg_rows_send(struct pg_rows *x, enum pg_rows_mode mode, struct br_err *err)
{
	const struct pg_table *root = &x->record->tables[0];
	int rc;

	pg_array_reset(x->keys);
	for (size_t i = 0; i < x->n; i++)
		pg_array_add(x->keys, x->row[i].lid);
	rc = send(x, mode == PG_ROWS_READ ? &root->by_key : &root->lock, got_roots, x, err);
	if (!rc && mode != PG_ROWS_READ) {
		x->parts[0] = (struct pg_rows_part){x, 0, true};
		rc = send(x, &root->there, got_there, &x->parts[0], err);
	}
	for (unsigned p = 1; p < x->record->ntables && !rc; p++)
		rc = send_part(x, p, mode == PG_ROWS_LOCK_PARTS, err);
	return rc;
}

/* ---- images ---- */

static int bad(struct br_err *err, struct br_str lid, const char *why)
{
	char name[200];
	struct br_str cut = br_utf8_cut(lid, sizeof(name) - 1);

	memcpy(name, cut.p ? cut.p : "", cut.n);
	name[cut.n] = '\0';
	return br_err_set(err, BR_E_PG_ROW, "lid", name, "why", why, NULL);
}

static int set_cells(const struct pg_record *r, unsigned part, struct br_str key,
	const struct br_str *values, bool check, struct cell *cells, struct br_err *err,
	struct br_str lid)
{
	const struct shape_part *p = &r->shape->parts[part];

	for (unsigned i = 0; i < p->n; i++) {
		cells[i] = (struct cell){key, values[i], (uint16_t)(p->first + i), (uint8_t)part};
		if (check && values[i].p && br_utf8_check(values[i]) != values[i].n)
			return bad(err, lid, "a text is not UTF-8");
	}
	return 0;
}

static int set_elements(
	struct pg_rows *x, struct pg_row *row, struct cell *cells, uint32_t *n, struct br_err *err)
{
	for (unsigned p = 1; p < x->record->ntables; p++) {
		const struct pg_element *before = NULL;

		for (struct pg_element *e = row->first[p]; e; before = e, e = e->next) {
			int rc;

			if (!e->key.p)
				return bad(err, row->lid, "the key of a part's row is null");
			if (before && br_str_eq(before->key, e->key))
				return bad(err, row->lid, "two rows of a part have the same key");
			rc = set_cells(x->record, p, e->key, e->values, x->check_utf8, cells + *n,
				err, row->lid);
			if (rc)
				return rc;
			*n += x->record->shape->parts[p].n;
		}
	}
	return 0;
}

int pg_rows_image(struct pg_rows *x, struct pg_row *row, struct image *out, struct br_err *err)
{
	struct cell *cells;
	uint32_t n = x->record->tables[0].ncolumns;
	int rc;

	if (!row->found)
		return 0;
	if (row->bad)
		return bad(err, row->lid, "two rows have this key");
	cells = br_arena_alloc(x->arena, (row->ncells + 1) * sizeof(*cells));
	if (!cells || x->failed)
		return br_err_set(err, BR_E_NOMEM, NULL);
	rc = set_cells(x->record, 0, BR_STR_NONE, row->values, x->check_utf8, cells, err, row->lid);
	if (!rc)
		rc = set_elements(x, row, cells, &n, err);
	*out = (struct image){cells, n};
	return rc ? rc : 1;
}

int pg_row_image(const struct pg_record *r, const PGresult *res, int row, int first,
	bool check_utf8, struct cell *cells, struct image *out, struct br_err *err)
{
	unsigned n = r->tables[0].ncolumns;

	for (unsigned i = 0; i < n; i++) {
		struct br_str v = pg_value(res, row, first + (int)i);

		cells[i] = (struct cell){BR_STR_NONE, v, (uint16_t)i, 0};
		if (check_utf8 && v.p && br_utf8_check(v) != v.n)
			return bad(err, pg_value(res, row, 0), "a text is not UTF-8");
	}
	*out = (struct image){cells, n};
	return 0;
}

int pg_row_keep(const struct pg_record *r, const PGresult *res, int row, int first, bool check_utf8,
	struct br_arena *a, struct image *out, struct br_err *err)
{
	struct pg_rows x = {.arena = a, .record = r};
	unsigned n = r->tables[0].ncolumns;
	struct br_str *values = copy_values(&x, res, row, first, n);
	struct cell *cells = br_arena_array(a, struct cell, n + 1);

	if (!values || !cells)
		return br_err_set(err, BR_E_NOMEM, NULL);
	*out = (struct image){cells, n};
	return set_cells(r, 0, BR_STR_NONE, values, check_utf8, cells, err, pg_value(res, row, 0));
}

/* ---- original bytes, for people ---- */

static void add_raw(
	struct br_buf *b, const struct pg_record *r, unsigned part, unsigned i, struct br_str value)
{
	br_buf_adds(b, r->tables[part].columns[i].name);
	br_buf_addc(b, '=');
	br_buf_adds(b, value.p ? value : BR_STR("(null)"));
	br_buf_addc(b, '\n');
}

static struct br_str raw_end(struct br_buf *b, struct br_arena *a)
{
	struct br_str s = br_buf_failed(b) ? BR_STR_NONE : br_arena_copy(a, br_buf_str(b));

	br_buf_release(b);
	return s;
}

struct br_str pg_row_raw(
	const struct pg_record *r, const PGresult *res, int row, int first, struct br_arena *a)
{
	struct br_buf b;

	br_buf_init(&b, 8u << 20);
	for (unsigned i = 0; i < r->tables[0].ncolumns; i++)
		add_raw(&b, r, 0, i, pg_value(res, row, first + (int)i));
	return raw_end(&b, a);
}

struct br_str pg_rows_raw(struct pg_rows *x, const struct pg_row *row)
{
	const struct pg_record *r = x->record;
	struct br_buf b;

	br_buf_init(&b, 8u << 20);
	for (unsigned i = 0; row->values && i < r->tables[0].ncolumns; i++)
		add_raw(&b, r, 0, i, row->values[i]);
	for (unsigned p = 1; p < r->ntables; p++) {
		for (struct pg_element *e = row->first[p]; e; e = e->next) {
			br_buf_adds(&b, r->tables[p].name);
			br_buf_addc(&b, ' ');
			br_buf_adds(&b, e->key.p ? e->key : BR_STR("(null)"));
			br_buf_addc(&b, '\n');
			for (unsigned i = 0; e->values && i < r->tables[p].ncolumns; i++)
				add_raw(&b, r, p, i, e->values[i]);
		}
	}
	return raw_end(&b, x->arena);
}
