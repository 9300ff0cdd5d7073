/* The SQL of a record, made once its columns' types are known. */
#include "pg_ongoing.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
	struct br_buf b;
	struct br_arena *a;
	unsigned *counter;
};

static unsigned statements; /* of the process; names need only be unique within a connection */

static void begin(struct text *t, struct br_arena *a)
{
	br_buf_init(&t->b, 1 << 20);
	t->a = a;
}

static struct pg_statement end(struct text *t)
{
	struct pg_statement st = {NULL, NULL};
	struct br_str sql =
		br_buf_failed(&t->b) ? BR_STR_NONE : br_arena_copy(t->a, br_buf_str(&t->b));

	br_buf_release(&t->b);
	st.sql = sql.p;
	st.name = br_arena_printf(t->a, "cb%u", ++statements).p;
	return st;
}

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *format, ...)
{
	char small[1024], *big = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(small, sizeof(small), format, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(small)) {
		va_start(ap, format);
		if (vasprintf(&big, format, ap) < 0)
			big = NULL;
		va_end(ap);
	}
	br_buf_add(&t->b, big ? big : small, (size_t)n < sizeof(small) || big ? (size_t)n : 0);
	free(big);
}

/* key, when and by whom it was changed, then the columns of the image (pg_rows.c counts on this
 * order). */
static void select_list(struct text *t, const struct pg_table *x)
{
	if (x->part)
		add(t, "t.%s::text, t.%s::text", x->parent.quoted, x->key.quoted);
	else
		add(t, "t.%s::text", x->key.quoted);
	if (!x->part && x->changed_time)
		add(t,
			", case when isfinite(t.%s) then (extract(epoch from t.%s::timestamptz) * "
			"1000)::bigint end",
			x->changed.quoted, x->changed.quoted);
	else if (!x->part)
		add(t, ", null");
	if (!x->part && x->by.name.n)
		add(t, ", t.%s::text", x->by.quoted);
	else if (!x->part)
		add(t, ", null");
	for (unsigned i = 0; i < x->ncolumns; i++)
		add(t, ", t.%s", x->columns[i].quoted);
}

static const char *owner_type(const struct pg_table *x)
{
	return x->part ? x->parent.type : x->key.type;
}

static const char *owner(const struct pg_table *x)
{
	return x->part ? x->parent.quoted : x->key.quoted;
}

/* Rows by the keys of their roots; elements of parts come sorted as an image wants them. */
static void by_key(struct pg_table *x, struct br_arena *a, struct pg_statement *out, bool lock)
{
	struct text t;

	begin(&t, a);
	add(&t, "select ");
	select_list(&t, x);
	add(&t, " from %s t where t.%s = any ($1::text[]::%s[])", x->quoted, owner(x),
		owner_type(x));
	if (x->part)
		add(&t, " order by t.%s::text collate \"C\"", x->key.quoted);
	if (lock)
		add(&t, " for update of t skip locked");
	*out = end(&t);
}

static void there(struct pg_table *x, struct br_arena *a)
{
	struct text t;

	begin(&t, a);
	add(&t, "select t.%s::text%s%s%s from %s t where t.%s = any ($1::text[]::%s[])", owner(x),
		x->part ? ", t." : "", x->part ? x->key.quoted : "", x->part ? "::text" : "",
		x->quoted, owner(x), owner_type(x));
	x->there = end(&t);
}

/* ---- look-up before create ---- */

static struct pg_statement lookup(
	const struct pg_record *r, const struct pg_column *columns, unsigned n, struct br_arena *a)
{
	const struct pg_table *x = &r->tables[0];
	struct text t;

	begin(&t, a);
	add(&t, "select v.i, t.k from unnest(");
	for (unsigned i = 0; i < n; i++)
		add(&t, "%s$%u::text[]", i ? ", " : "", i + 1);
	add(&t, ") with ordinality as v(");
	for (unsigned i = 0; i < n; i++)
		add(&t, "a%u, ", i);
	add(&t, "i) cross join lateral (select x.%s::text as k from %s x where ", x->key.quoted,
		x->quoted);
	for (unsigned i = 0; i < n; i++)
		add(&t, "%sx.%s = v.a%u::%s", i ? " and " : "", columns[i].quoted, i,
			columns[i].type);
	add(&t, " limit 2) t");
	return end(&t);
}

/* ---- the sweep ---- */

static struct pg_statement keys(const struct pg_table *x, bool first, struct br_arena *a)
{
	const char *cast = x->bytewise ? "" : "::text collate \"C\"";
	struct text t;

	begin(&t, a);
	add(&t, "select t.%s::text from %s t", x->key.quoted, x->quoted);
	if (!first)
		add(&t, " where t.%s%s > $2", x->key.quoted, cast);
	add(&t, " order by t.%s%s limit $1", x->key.quoted, cast);
	return end(&t);
}

/* ---- polls ---- */

/* What a page of a feed gives: a whole root where the record has no parts, else only the root's
 * key. */
static void page_list(struct text *t, const struct pg_feed *f)
{
	if (f->record->ntables == 1)
		select_list(t, f->table);
	else
		add(t, "t.%s::text", owner(f->table));
	add(t, ", t.%s::text, t.%s::text, t.%s::text", f->column.quoted, f->table->key.quoted,
		owner(f->table));
}

/* What tells rows of one value apart: the key; of a part, first whose it is. */
static void order(struct text *t, const struct pg_feed *f)
{
	add(t, "t.%s", f->column.quoted);
	if (f->table->part)
		add(t, ", t.%s", f->table->parent.quoted);
	add(t, ", t.%s", f->table->key.quoted);
}

static unsigned place_size(const struct pg_feed *f, bool has_key)
{
	return has_key ? (f->table->part ? 3 : 2) : 1;
}

static void place(struct text *t, const struct pg_feed *f, bool has_key, unsigned first)
{
	if (has_key) {
		add(t, "(");
		order(t, f);
		add(t, ") > ($%u, $%u", first, first + 1);
		if (f->table->part)
			add(t, ", $%u", first + 2);
		add(t, ")");
	} else {
		add(t, "t.%s >= $%u", f->column.quoted, first);
	}
	add(t, " and t.%s is not null and t.%s is not null", owner(f->table), f->table->key.quoted);
}

#define HORIZON "pg_snapshot_xmin(pg_current_snapshot())"

/*
 * Two ranges in one snapshot. Lane 0 ends at the horizon: every transaction before it is over, so
 * what was read there is read for good. Lane 1 is what has been committed beyond it: told at once,
 * but read again when the horizon gets there, since a slower neighbour may still commit before it.
 * Rows of our own transactions ($2) are passed over; lane 2 is the horizon itself, so that the
 * place moves on where there was nothing else.
 */
static void cursor_page(struct pg_feed *f, unsigned variant, struct br_arena *a)
{
	unsigned n = 2;
	struct text t;

	begin(&t, a);
	for (unsigned lane = 0; lane < 2; lane++) {
		bool has_key = variant & (1u << lane);

		add(&t, "%s(select ", lane ? " union all " : "");
		page_list(&t, f);
		add(&t, ", %u, false, null from %s t where ", lane, f->table->quoted);
		place(&t, f, has_key, n + 1);
		add(&t, " and t.%s %s " HORIZON " and t.%s <> all ($2) order by ", f->column.quoted,
			lane ? ">=" : "<", f->column.quoted);
		order(&t, f);
		add(&t, " limit $1)");
		n += place_size(f, has_key);
	}
	add(&t, " union all (select %s", f->record->ntables == 1 ? "null, null, null" : "null");
	for (unsigned i = 0; f->record->ntables == 1 && i < f->table->ncolumns; i++)
		add(&t, ", null");
	add(&t, ", " HORIZON "::text, null, null, 2, false, null)");
	f->page[variant] = end(&t);
}

static void changed_page(
	struct pg_feed *f, struct pg_statement *out, int has_key, struct br_arena *a)
{
	const char *c = f->column.quoted, *type = f->column.type;
	struct text t;

	begin(&t, a);
	add(&t, "select ");
	page_list(&t, f);
	add(&t, ", 0, t.%s > now()::%s, now()::%s::text from %s t where ", c, type, type,
		f->table->quoted);
	if (has_key < 0)
		add(&t, "t.%s >= $2::%s - $3::interval", c, type);
	else
		place(&t, f, has_key, 2);
	add(&t, " order by ");
	order(&t, f);
	add(&t, " limit $1");
	*out = end(&t);
}

/* Codes the table does not know are read too: they must come to a person. */
static void ongoing_page(struct pg_feed *f, bool has_key, struct br_arena *a)
{
	const struct pg_record *r = f->record;
	const char *comma = "", *key = f->table->key.quoted;
	struct text t;

	begin(&t, a);
	add(&t, "select ");
	page_list(&t, f);
	add(&t, " from %s t where (t.%s is null or t.%s::text <> all (array[", f->table->quoted,
		r->state->quoted, r->state->quoted);
	for (const struct cfg_node *c = cfg_first(r->final); c; c = c->next, comma = ", ") {
		add(&t, "%s", comma);
		pg_sql_constant(&t.b, c->text);
	}
	add(&t, "])) and t.%s %s order by t.%s limit $1", key, has_key ? "> $2" : "is not null",
		key);
	f->page[has_key] = end(&t);
}

static void ongoing_feed(struct pg_record *r, struct br_arena *a)
{
	struct pg_feed *f = &r->feeds[r->nfeeds++];

	*f = (struct pg_feed){.record = r,
		.table = &r->tables[0],
		.tier = PG_TIER_ONGOING,
		.column = *r->state,
		.ongoing = pg_ongoing_new(a)};
	ongoing_page(f, false, a);
	ongoing_page(f, true, a);
}

static void feed(struct pg_record *r, struct pg_table *x, struct br_arena *a)
{
	struct pg_feed *f = &r->feeds[r->nfeeds];

	if (!x->cursor_kept && !x->changed_time) {
		if (!x->part && r->state)
			ongoing_feed(r, a);
		return;
	}
	r->nfeeds++;
	f->record = r;
	f->table = x;
	f->tier = x->cursor_kept ? PG_TIER_CURSOR : PG_TIER_CHANGED;
	f->column = x->changed;
	if (x->cursor_kept) {
		struct br_buf b;

		br_buf_init(&b, 4096);
		pg_sql_name(&b, x->cursor);
		f->column = (struct pg_column){.name = x->cursor,
			.type = "xid8",
			.quoted = br_arena_copy(a, br_buf_str(&b)).p};
		br_buf_release(&b);
		for (unsigned v = 0; v < 4; v++)
			cursor_page(f, v, a);
		return;
	}
	changed_page(f, &f->page[0], 0, a);
	changed_page(f, &f->page[1], 1, a);
	changed_page(f, &f->overlap, -1, a);
}

static void slow(struct pg_record *r, const struct pg_table *x, pg_finding_fn *warn, void *arg,
	struct br_arena *a)
{
	struct br_str column = x->cursor_kept ? x->cursor : x->changed.name,
		      table = br_arena_copy(a, x->name);
	struct br_err e;

	if (warn && !x->part && !x->cursor_kept && !x->changed_time && !r->state) {
		br_err_set(&e, BR_E_PG_SWEEP_ONLY, "record", br_arena_copy(a, r->name).p, NULL);
		warn(arg, &e);
	}
	if (warn && x->cursor.n && !x->cursor_kept && x->changed_time) {
		br_err_set(&e, BR_E_PG_CURSOR_UNUSED, "table", table.p, "column",
			br_arena_copy(a, x->cursor).p, "changed",
			br_arena_copy(a, x->changed.name).p, NULL);
		warn(arg, &e);
	}
	if (warn && (x->cursor_kept || x->changed_time) && !x->indexed) {
		br_err_set(&e, BR_E_PG_NO_INDEX, "table", table.p, "column",
			br_arena_copy(a, column).p, NULL);
		warn(arg, &e);
	}
}

int pg_record_sql(
	struct pg_record *r, struct br_arena *a, pg_finding_fn *warn, void *arg, struct br_err *err)
{
	r->nfeeds = 0;
	for (unsigned p = 0; p < r->ntables; p++) {
		struct pg_table *x = &r->tables[p];

		by_key(x, a, &x->by_key, false);
		by_key(x, a, &x->lock, true);
		there(x, a);
		feed(r, x, a);
		slow(r, x, warn, arg, a);
	}
	if (r->nnatural)
		r->lookup = lookup(r, r->natural, r->nnatural, a);
	r->lookup_key = lookup(r, &r->tables[0].key, 1, a);
	r->keys_first = keys(&r->tables[0], true, a);
	r->keys = keys(&r->tables[0], false, a);
	return br_arena_failed(a) ? br_err_set(err, BR_E_NOMEM, NULL) : 0;
}

/* ---- writing ---- */

static const struct pg_column *field_column(
	const struct pg_record *r, const struct pg_table *x, uint16_t field)
{
	return &x->columns[field - r->shape->parts[x->part].first];
}

static bool has_field(const struct pg_record *r, const struct pg_table *x, const uint16_t *fields,
	unsigned n, struct br_str name)
{
	for (unsigned i = 0; i < n; i++) {
		if (br_str_eq(field_column(r, x, fields[i])->name, name))
			return true;
	}
	return false;
}

/* The arrays side by side, with the names p, k, a0, a1 ...: in a select list, which costs half of
 * what a table function does. */
static void arrays(struct text *t, const struct pg_table *x, unsigned nfields)
{
	unsigned n = 0;

	add(t, "(select ");
	if (x->part)
		add(t, "unnest($%u::text[]) p, ", ++n);
	add(t, "unnest($%u::text[]) k", ++n);
	for (unsigned i = 0; i < nfields; i++)
		add(t, ", unnest($%u::text[]) a%u", ++n, i);
	add(t, ") v");
}

static void returning(struct text *t, const struct pg_table *x, unsigned kind)
{
	add(t, " returning ");
	if (kind & PG_WRITE_IMAGE)
		select_list(t, x);
	else
		add(t, "t.%s::text", owner(x));
}

static const struct pg_generated *generator(const struct pg_table *x, struct br_str name)
{
	for (unsigned i = 0; i < x->ngenerated; i++) {
		if (br_str_eq(x->generated[i].column.name, name))
			return &x->generated[i];
	}
	return NULL;
}

static void insert(struct text *t, const struct pg_record *r, const struct pg_table *x,
	unsigned kind, const uint16_t *fields, unsigned n)
{
	const struct pg_generated *key = generator(x, x->key.name);
	bool own_key = x->part && (!key || key->kind == PG_GEN_NATURAL) &&
		       !has_field(r, x, fields, n, x->key.name);
	const char *comma = "";

	add(t, "insert into %s as t (", x->quoted);
	if (x->part) {
		add(t, "%s%s%s", x->parent.quoted, own_key ? ", " : "",
			own_key ? x->key.quoted : "");
		comma = ", ";
	}
	for (unsigned i = 0; i < n; i++, comma = ", ")
		add(t, "%s%s", comma, field_column(r, x, fields[i])->quoted);
	for (unsigned i = 0; i < x->ngenerated; i++) {
		if (x->generated[i].kind != PG_GEN_EXPRESSION ||
			has_field(r, x, fields, n, x->generated[i].column.name))
			continue;
		add(t, "%s%s", comma, x->generated[i].column.quoted);
		comma = ", ";
	}
	add(t, ") select ");
	comma = "";
	if (x->part) {
		add(t, "v.p::%s", x->parent.type);
		if (own_key)
			add(t, ", v.k::%s", x->key.type);
		comma = ", ";
	}
	for (unsigned i = 0; i < n; i++, comma = ", ")
		add(t, "%sv.a%u::%s", comma, i, field_column(r, x, fields[i])->type);
	for (unsigned i = 0; i < x->ngenerated; i++) {
		if (x->generated[i].kind != PG_GEN_EXPRESSION ||
			has_field(r, x, fields, n, x->generated[i].column.name))
			continue;
		add(t, "%s(%.*s)", comma, BR_STR_ARG(x->generated[i].expression));
		comma = ", ";
	}
	add(t, " from ");
	/* a scan of arrays gives its rows in their order, and they are inserted and returned one
	 * after the other: that is how a key finds its command */
	arrays(t, x, n);
	returning(t, x, kind);
}

/* Which row of v the row t is. */
static void on_keys(struct text *t, const struct pg_table *x)
{
	add(t, " where t.%s = v.k::%s", x->key.quoted, x->key.type);
	if (x->part)
		add(t, " and t.%s = v.p::%s", x->parent.quoted, x->parent.type);
}

static void delete (struct text *t, const struct pg_table *x)
{
	add(t, "delete from %s t using ", x->quoted);
	arrays(t, x, 0);
	on_keys(t, x);
}

static void update(struct text *t, const struct pg_record *r, const struct pg_table *x,
	unsigned kind, const uint16_t *fields, unsigned n)
{
	add(t, "update %s t set ", x->quoted);
	for (unsigned i = 0; i < n; i++) {
		const struct pg_column *c = field_column(r, x, fields[i]);

		add(t, "%s%s = v.a%u::%s", i ? ", " : "", c->quoted, i, c->type);
	}
	add(t, " from ");
	arrays(t, x, n);
	on_keys(t, x);
	returning(t, x, kind);
}

static struct pg_statement make(const struct pg_record *r, const struct pg_table *x, unsigned kind,
	const uint16_t *fields, unsigned n, struct br_arena *a)
{
	struct text t;

	begin(&t, a);
	if (kind & PG_WRITE_DELETE)
		delete (&t, x);
	else if (kind & PG_WRITE_UPDATE)
		update(&t, r, x, kind, fields, n);
	else
		insert(&t, r, x, kind, fields, n);
	return end(&t);
}

const struct pg_statement *pg_write_statement(struct pg_record *r, const struct pg_table *x,
	unsigned kind, const uint16_t *fields, unsigned n, struct br_arena *a,
	struct br_arena *scratch)
{
	struct pg_shape_statement *s;
	struct pg_statement *once;
	uint16_t *copy;

	for (unsigned i = 0; i < r->nstatements; i++) {
		s = &r->statements[i];
		if (s->table == x && s->kind == kind && s->nfields == n &&
			!memcmp(s->fields, fields, n * sizeof(*fields)))
			return &s->st;
	}
	if (r->nstatements == PG_STATEMENTS) {
		/* a system that changes columns in ever new combinations: send the text, prepare
		 * nothing */
		once = br_arena_new(scratch, struct pg_statement);
		if (once)
			*once = make(r, x, kind, fields, n, scratch);
		if (once)
			once->name = NULL;
		return once && once->sql ? once : NULL;
	}
	s = &r->statements[r->nstatements];
	copy = br_arena_array(a, uint16_t, n + 1);
	if (!copy)
		return NULL;
	memcpy(copy, fields, n * sizeof(*fields));
	*s = (struct pg_shape_statement){make(r, x, kind, fields, n, a), x, kind, n, copy};
	if (!s->st.sql || !s->st.name)
		return NULL;
	r->nstatements++;
	return &s->st;
}
