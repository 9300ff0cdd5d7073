/*
 * The statements of a batch: one for all commands that write the same columns of the same table,
 * with one array for each column.
 *
 * An insert answers in the order of its arrays, which is how a key that the target allots finds its
 * command.
 */
#include "pg_batch.h"
#include <stdlib.h>

struct item { /* one row to write */
	struct pg_write *w;
	struct br_str key; /* of a part's element */
	const struct cell *cells;
	unsigned n;
	struct item *next;
};

struct pg_group {
	struct pg_batch *b;
	struct pg_record *r;
	const struct pg_table *t;
	unsigned kind;
	uint16_t *fields;
	unsigned nfields;
	struct item *first, **end;
	size_t n;
	struct pg_group *next;
};

struct pg_array *pg_columns(struct pg *p, unsigned n)
{
	if (!p->columns) {
		p->columns = calloc(PG_MAX_PARAMS, sizeof(*p->columns));
		for (unsigned i = 0; p->columns && i < PG_MAX_PARAMS; i++)
			pg_array_init(&p->columns[i]);
	}
	for (unsigned i = 0; p->columns && i < n; i++)
		pg_array_reset(&p->columns[i]);
	return p->columns;
}

static int nomem(struct br_err *err)
{
	return br_err_set(err, BR_E_NOMEM, NULL);
}

static int send_columns(struct pg *p, const struct pg_statement *st, unsigned n,
	br_pg_result_fn *fn, void *arg, struct br_err *err)
{
	struct br_pg_param params[PG_MAX_PARAMS];

	for (unsigned i = 0; i < n; i++) {
		if (!pg_array_param(&p->columns[i], &params[i]))
			return nomem(err);
	}
	return br_pg_send(
		p->pg, st->name, st->sql, (int)n, pg_text_arrays, params, false, fn, arg, err);
}

/* ---- look-up before create ---- */

static void on_lookup(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_group *g = arg;
	struct item *it = g->first;
	size_t at = 1;

	(void)err;
	for (int i = 0; res && i < PQntuples(res); i++) {
		size_t n = (size_t)pg_int(res, i, 0);

		/* rows come in the order of the arrays, or nearly: start over when not */
		if (n < at) {
			it = g->first;
			at = 1;
		}
		for (; it && at < n; at++)
			it = it->next;
		if (!it)
			return;
		it->w->hits++;
		it->w->found = br_arena_copy(g->b->a, pg_value(res, i, 1));
	}
}

static struct pg_group *new_group(struct pg_batch *b, struct pg_record *r)
{
	struct pg_group *g = br_arena_new(b->a, struct pg_group);

	if (!g)
		return NULL;
	g->b = b;
	g->r = r;
	g->end = &g->first;
	return g;
}

static struct item *add_item(struct pg_group *g, struct pg_write *w)
{
	struct item *it = br_arena_new(g->b->a, struct item);

	if (!it)
		return NULL;
	it->w = w;
	*g->end = it;
	g->end = &it->next;
	g->n++;
	return it;
}

static int send_lookup(struct pg_batch *b, struct pg_record *r, bool by_key, struct br_err *err)
{
	unsigned n = by_key ? 1 : r->nnatural;
	struct pg_array *x = pg_columns(b->p, n);
	struct pg_group *g = new_group(b, r);

	if (!g || !x)
		return nomem(err);
	for (size_t i = 0; i < b->n; i++) {
		struct pg_write *w = &b->w[i];

		if (w->r != r || !w->nk || w->by_key != by_key || w->state != W_OPEN)
			continue;
		if (!add_item(g, w))
			return nomem(err);
		for (unsigned k = 0; k < n; k++)
			pg_array_add(&x[k], w->nk[k]);
	}
	return g->n ? send_columns(b->p, by_key ? &r->lookup_key : &r->lookup, n, on_lookup, g, err)
		    : 0;
}

int pg_send_lookups(struct pg_batch *b, struct br_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < b->p->nrecords && !rc; i++) {
		struct pg_record *r = b->p->records[i];

		if (r->nnatural)
			rc = send_lookup(b, r, false, err);
		if (!rc)
			rc = send_lookup(b, r, true, err);
	}
	return rc;
}

/* ---- groups ---- */

static bool same_fields(const struct pg_group *g, const struct cell *cells, unsigned n)
{
	if (g->nfields != n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (g->fields[i] != cells[i].field)
			return false;
	}
	return true;
}

static struct pg_group *group_of(struct pg_batch *b, struct pg_record *r, const struct pg_table *t,
	unsigned kind, const struct cell *cells, unsigned n)
{
	struct pg_group *g;

	for (g = b->groups; g; g = g->next) {
		if (g->t == t && g->kind == kind && same_fields(g, cells, n))
			return g;
	}
	g = new_group(b, r);
	if (!g)
		return NULL;
	g->t = t;
	g->kind = kind;
	g->nfields = n;
	g->fields = br_arena_array(b->a, uint16_t, n + 1);
	if (!g->fields)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		g->fields[i] = cells[i].field;
	g->next = b->groups;
	b->groups = g;
	return g;
}

static int add_row(struct pg_batch *b, struct pg_write *w, const struct pg_table *t, unsigned kind,
	const struct cell *cells, unsigned n, struct br_str key, struct br_err *err)
{
	struct pg_group *g = group_of(b, w->r, t, kind, cells, n);
	struct item *it = g ? add_item(g, w) : NULL;

	if (!it)
		return nomem(err);
	it->cells = cells;
	it->n = n;
	it->key = key;
	return 0;
}

static struct br_str lid_of(const struct pg_write *w)
{
	return w->cmd->op == OP_CREATE ? w->lid : w->cmd->lid;
}

static int send_group(struct pg_group *g, br_pg_result_fn *fn, struct br_err *err)
{
	struct pg *p = g->b->p;
	unsigned first = g->t->part ? 2 : 1;
	struct pg_array *x = pg_columns(p, first + g->nfields);
	const struct pg_statement *st =
		pg_write_statement(g->r, g->t, g->kind, g->fields, g->nfields, &p->arena, g->b->a);

	if (!x || !st)
		return nomem(err);
	for (struct item *it = g->first; it; it = it->next) {
		pg_array_add(&x[0], lid_of(it->w));
		if (g->t->part)
			pg_array_add(&x[1], it->key);
		for (unsigned i = 0; i < it->n; i++)
			pg_array_add(&x[first + i], it->cells[i].value);
	}
	return send_columns(p, st, first + g->nfields, fn, g, err);
}

static int send_groups(struct pg_batch *b, br_pg_result_fn *fn, struct br_err *err)
{
	int rc = 0;

	for (struct pg_group *g = b->groups; g && !rc; g = g->next)
		rc = send_group(g, fn, err);
	return rc;
}

static int send_part_groups(
	struct pg_batch *b, const struct pg_table *t, bool deletes, struct br_err *err)
{
	int rc = 0;

	for (struct pg_group *g = b->groups; g && !rc; g = g->next) {
		if (g->t == t && (g->kind == PG_WRITE_DELETE) == deletes)
			rc = send_group(g, NULL, err);
	}
	return rc;
}

/* ---- roots ---- */

static void took_row(struct pg_group *g, struct pg_write *w, const PGresult *res, int row)
{
	struct br_err err;

	w->lid = br_arena_copy(g->b->a, pg_value(res, row, 0));
	if (!(g->kind & PG_WRITE_IMAGE))
		return;
	/* no image: the row is written all the same, and told as bad when it is next read */
	if (!pg_row_keep(g->r, res, row, 3, g->b->p->check_utf8, g->b->a, &w->post, &err))
		w->has_post = true;
}

static void on_roots(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_group *g = arg;
	struct item *it = g->first;

	(void)err;
	if (!res)
		return;
	if (!(g->kind & PG_WRITE_UPDATE)) {
		if ((size_t)PQntuples(res) != g->n)
			g->b->dropped = true;
		for (int i = 0; i < PQntuples(res) && it; i++, it = it->next)
			took_row(g, it->w, res, i);
		return;
	}
	for (int i = 0; i < PQntuples(res); i++) {
		struct pg_row *row =
			PQgetisnull(res, i, 0)
				? NULL
				: pg_rows_find(&g->b->rows[g->r->number], pg_value(res, i, 0));

		if (row && row->user)
			took_row(g, row->user, res, i);
	}
}

static unsigned root_cells(const struct image *set)
{
	unsigned n = 0;

	while (n < set->n && set->cells[n].part == 0)
		n++;
	return n;
}

/* What the statement returns is the post-image when nothing else can have touched the record. */
static bool returns_image(const struct pg_write *w)
{
	return w->r->ntables == 1 && !w->r->tables[0].aftermath;
}

static bool is_generated(const struct pg_record *r, const struct pg_table *t, unsigned field)
{
	for (unsigned i = 0; i < t->ngenerated; i++) {
		if (t->generated[i].kind != PG_GEN_NATURAL &&
			br_str_eq(t->generated[i].column.name, r->shape->fields[field].name))
			return true;
	}
	return false;
}

/* The cells an insert writes: where the target allots a value and we have none, the column is left
 * out. */
static const struct cell *insert_cells(struct pg_batch *b, const struct pg_record *r,
	const struct pg_table *t, const struct cell *cells, unsigned *n)
{
	struct cell *kept;
	unsigned count = 0;

	if (!t->ngenerated)
		return cells;
	kept = br_arena_alloc(b->a, (*n + 1) * sizeof(*kept));
	if (!kept)
		return NULL;
	for (unsigned i = 0; i < *n; i++) {
		if (!cell_is_null(&cells[i]) || !is_generated(r, t, cells[i].field))
			kept[count++] = cells[i];
	}
	*n = count;
	return kept;
}

int pg_send_roots(struct pg_batch *b, struct br_err *err)
{
	int rc = 0;

	b->groups = NULL;
	for (size_t i = 0; i < b->n && !rc; i++) {
		struct pg_write *w = &b->w[i];
		unsigned n = root_cells(&w->cmd->set);
		const struct cell *cells = w->cmd->set.cells;
		bool create = w->cmd->op == OP_CREATE;

		if (w->state != W_WRITE)
			continue;
		w->has_post = false;
		if (create)
			cells = insert_cells(b, w->r, &w->r->tables[0], cells, &n);
		else
			w->lid = w->cmd->lid;
		if (!cells && n)
			rc = nomem(err);
		else if (create || n)
			rc = add_row(b, w, &w->r->tables[0],
				(create ? PG_WRITE_INSERT : PG_WRITE_UPDATE) |
					(returns_image(w) ? PG_WRITE_IMAGE : 0),
				cells, n, BR_STR(""), err);
	}
	return rc ? rc : send_groups(b, on_roots, err);
}

/* ---- parts, and reading again ---- */

bool pg_needs_more(const struct pg_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->w[i].state == W_WRITE && !b->w[i].has_post)
			return true;
	}
	return false;
}

static bool has_element(const struct pg_write *w, unsigned part, struct br_str key)
{
	if (!w->row || !w->row->first)
		return false;
	for (const struct pg_element *e = w->row->first[part]; e; e = e->next) {
		if (e->key.p && br_str_eq(e->key, key))
			return true;
	}
	return false;
}

static int add_element(struct pg_batch *b, struct pg_write *w, const struct cell *c, unsigned n,
	bool there, struct br_err *err)
{
	const struct pg_table *t = &w->r->tables[c->part];
	const struct cell *cells = there ? c : insert_cells(b, w->r, t, c, &n);
	struct br_str key = c->key;

	if (!cells)
		return nomem(err);
	return add_row(b, w, t, there ? PG_WRITE_UPDATE : PG_WRITE_INSERT, cells, n, key, err);
}

/* A row that is not to be there; gone already is as good. */
static int add_deletion(struct pg_batch *b, struct pg_write *w, const struct cell *c, bool there,
	struct br_err *err)
{
	return there ? add_row(b, w, &w->r->tables[c->part], PG_WRITE_DELETE, c, 0, c->key, err)
		     : 0;
}

static int add_elements(struct pg_batch *b, struct pg_write *w, struct br_err *err)
{
	const struct image *set = &w->cmd->set;
	int rc = 0;

	for (uint32_t i = root_cells(set); i < set->n && !rc;) {
		const struct cell *c = &set->cells[i];
		uint32_t n = 1;
		bool there = w->cmd->op != OP_CREATE && has_element(w, c->part, c->key);

		while (i + n < set->n && set->cells[i + n].part == c->part &&
			br_str_eq(set->cells[i + n].key, c->key))
			n++;
		if (c->field == IMAGE_ELEMENT)
			rc = add_deletion(b, w, c, there, err);
		else
			rc = add_element(b, w, c, n, there, err);
		i += n;
	}
	return rc;
}

static int read_again(struct pg_batch *b, struct pg_record *r, struct br_err *err)
{
	struct pg_rows *rows = &b->rows[r->number];
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (b->w[i].r == r && b->w[i].state == W_WRITE && !b->w[i].has_post)
			b->lids[n++] = b->w[i].lid;
	}
	if (n == 0)
		return 0;
	if (pg_rows_init(rows, b->p->pg, r, b->lids, n, &b->p->scratch, b->p->check_utf8, b->a))
		return nomem(err);
	return pg_rows_send(rows, PG_ROWS_READ, err);
}

int pg_send_parts(struct pg_batch *b, struct br_err *err)
{
	int rc = 0;

	b->groups = NULL;
	for (size_t i = 0; i < b->n && !rc; i++) {
		if (b->w[i].state == W_WRITE && !b->w[i].has_post)
			rc = add_elements(b, &b->w[i], err);
	}
	for (size_t i = 0; i < b->p->nrecords && !rc; i++) {
		struct pg_record *r = b->p->records[i];

		/* first what goes, the other way round: rows may refer to those of earlier parts,
		 * and new ones may take their place */
		for (unsigned k = r->ntables - 1; k > 0 && !rc; k--)
			rc = send_part_groups(b, &r->tables[r->order[k - 1]], true, err);
		for (unsigned k = 0; k + 1 < r->ntables && !rc; k++)
			rc = send_part_groups(b, &r->tables[r->order[k]], false, err);
	}
	/* what waits for the commit runs now, so that what is read is what stays */
	if (!rc)
		rc = br_pg_send(b->p->pg, "cb_immediate", "set constraints all immediate", 0, NULL,
			NULL, false, NULL, NULL, err);
	for (size_t i = 0; i < b->p->nrecords && !rc; i++)
		rc = read_again(b, b->p->records[i], err);
	return rc;
}

/* ---- the inbox ---- */

static struct br_str number(struct br_arena *a, int64_t v)
{
	return br_arena_printf(a, "%lld", (long long)v);
}

/* The post-image whole, {..}, or where it can be said so what it holds beyond what was sent,
 * [{..}]: whoever asks again sends the same once more. */
static struct br_str post_json(struct pg_batch *b, const struct pg_write *w)
{
	size_t at = b->json.n;
	struct image beyond;
	struct br_jw jw;

	if (!w->has_post)
		return BR_STR_NONE;
	br_jw_init(&jw, &b->json);
	if (image_beyond(&w->post, &w->cmd->base, &w->cmd->set, b->a, &beyond)) {
		br_jw_array(&jw);
		image_write(&beyond, w->r->shape, &jw);
		br_jw_end_array(&jw);
	} else {
		image_write(&w->post, w->r->shape, &jw);
	}
	return br_jw_failed(&jw) ? BR_STR_NONE : (struct br_str){b->json.p + at, b->json.n - at};
}

/* Nothing stands before these in their unit: the failure is their own. */
static void on_inbox_written(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;

	(void)err;
	b->inbox_failed |= res == NULL;
}

static int send_inbox(
	struct pg_batch *b, bool there, const struct pg_statement *st, struct br_err *err)
{
	struct pg_array *x = pg_columns(b->p, 7);
	size_t n = 0;

	if (!x)
		return nomem(err);
	for (size_t i = 0; i < b->n; i++) {
		struct pg_write *w = &b->w[i];
		const struct conn_command *c = w->cmd;

		if (w->state != W_WRITE || !w->r->inbox || w->inbox.there != there)
			continue;
		br_buf_reset(&b->json);
		pg_array_add(&x[0], c->did.cid);
		pg_array_add(&x[1], c->did.rec);
		pg_array_add(&x[2], number(b->a, c->did.incarnation));
		pg_array_add(&x[3], number(b->a, c->did.n));
		pg_array_add(&x[4], c->did_text);
		pg_array_add(&x[5], w->lid);
		pg_array_add(&x[6], post_json(b, w));
		n++;
	}
	return n ? send_columns(b->p, st, 7, on_inbox_written, b, err) : 0;
}

int pg_send_inbox(struct pg_batch *b, struct br_err *err)
{
	int rc = send_inbox(b, false, &b->p->sql.inbox_insert, err);

	return rc ? rc : send_inbox(b, true, &b->p->sql.inbox_update, err);
}
