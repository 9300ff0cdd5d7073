/* What the catalogue says of a table, and what is wrong with it. */
#include "pg_record.h"
#include "br_text.h"
#include <stdlib.h>

/*
 * tgtype: 1 row, 2 before, 4 insert, 16 update. A cursor column is kept when row triggers without
 * condition and without a list of columns run before every insert and update, and their code names
 * the column and the transaction. A default would move it at inserts only.
 *
 * Of triggers that run after a statement only those that do nothing but notify leave a row as the
 * statement returned it.
 */
const char pg_catalog_sql[] =
	"select a.attname, format_type(a.atttypid, -1), ty.typname, c.relkind,"
	" ty.typname in ('text','varchar','name') and (co.collname in ('C','POSIX') or "
	"(a.attcollation = 100 and (select"
	" datlocprovider = 'c' and datcollate in ('C','POSIX','C.UTF-8','C.utf8') from pg_database "
	"where datname = current_database()))"
	" or co.collname in ('C.UTF-8','C.utf8')),"
	" exists (select from pg_trigger g join pg_proc p on p.oid = g.tgfoid where g.tgrelid = "
	"c.oid and not g.tgisinternal"
	" and g.tgenabled in ('O','A') and (g.tgtype & 2) = 0 and p.prosrc !~* "
	"'^\\s*begin\\s+((perform\\s+pg_notify\\s*\\([^;]*\\)"
	"|notify\\s+[^;]+)\\s*;\\s*)+return\\s+(null|new|old)\\s*;\\s*end\\s*;?\\s*$')"
	" or exists (select from pg_rewrite w where w.ev_class = c.oid and w.rulename <> "
	"'_RETURN'),"
	" case when ty.typname = 'xid8' then (select coalesce(bit_or(g.tgtype::int & 20), 0) = 20 "
	"from pg_trigger g"
	" join pg_proc p on p.oid = g.tgfoid where g.tgrelid = c.oid and not g.tgisinternal and "
	"g.tgenabled in ('O','A')"
	" and (g.tgtype & 3) = 3 and g.tgqual is null and g.tgattr = ''::int2vector and "
	"position(lower(a.attname) in lower(p.prosrc)) > 0"
	" and p.prosrc ~* '(xact_id|txid)') else false end,"
	" exists (select from pg_index i where i.indrelid = c.oid and i.indisvalid and i.indpred "
	"is null and i.indkey[0] = a.attnum),"
	" has_column_privilege(c.oid, a.attnum, 'select')"
	" from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not "
	"a.attisdropped"
	" join pg_type ty on ty.oid = a.atttypid left join pg_collation co on co.oid = "
	"a.attcollation"
	" where c.oid = to_regclass($1) order by a.attnum";

enum { C_NAME, C_TYPE, C_TYPNAME, C_RELKIND, C_BYTEWISE, C_AFTER, C_KEPT, C_INDEXED, C_SELECT };

struct learn {
	struct pg_record *r;
	struct pg_table *t;
	const PGresult *res;
	struct br_arena *a;
	pg_finding_fn *fn;
	void *arg;
	struct br_err *err;
	int rc;
};

static const char *z(struct learn *l, struct br_str s)
{
	struct br_str copy = br_arena_copy(l->a, s.p ? s : BR_STR(""));

	return copy.p ? copy.p : "";
}

/* Tells what is missing, keeps the first. */
static void finding(struct learn *l, const struct br_err *e)
{
	if (l->fn)
		l->fn(l->arg, e);
	if (l->rc)
		return;
	l->rc = -(int)br_err_code(e);
	if (l->err)
		*l->err = *e;
}

static bool yes(const PGresult *res, int row, int column)
{
	return !PQgetisnull(res, row, column) && PQgetvalue(res, row, column)[0] == 't';
}

static int find(const PGresult *res, struct br_str name)
{
	for (int i = 0; i < PQntuples(res); i++) {
		if (br_str_eq(br_str_z(PQgetvalue(res, i, C_NAME)), name))
			return i;
	}
	return -1;
}

static void no_column(struct learn *l, struct br_str name)
{
	const char **names = br_arena_array(l->a, const char *, (size_t)PQntuples(l->res) + 1);
	const char *near;
	struct br_str hint = BR_STR("");
	struct br_err e;

	for (int i = 0; names && i < PQntuples(l->res); i++)
		names[i] = PQgetvalue(l->res, i, C_NAME);
	near = names ? br_nearest(name, names, (size_t)PQntuples(l->res)) : NULL;
	if (near)
		hint = br_arena_printf(l->a, " (%s?)", near);
	br_err_set(&e, BR_E_PG_NO_COLUMN, "table", z(l, l->t->name), "column", z(l, name), "hint",
		z(l, hint), NULL);
	finding(l, &e);
}

/* The row of a column in the catalogue, -1 when it is not usable (told). */
static int learn_column(struct learn *l, struct pg_column *c)
{
	int row = find(l->res, c->name);
	struct br_err e;

	if (row < 0) {
		no_column(l, c->name);
		return -1;
	}
	if (!yes(l->res, row, C_SELECT)) {
		br_err_set(&e, BR_E_PG_MAY_NOT_READ, "table", z(l, l->t->name), "column",
			z(l, c->name), NULL);
		finding(l, &e);
		return -1;
	}
	c->type = z(l, br_str_z(PQgetvalue(l->res, row, C_TYPE)));
	return row;
}

static void learn_cursor(struct learn *l)
{
	struct pg_column c = {.name = l->t->cursor};
	struct br_err e;
	int row = learn_column(l, &c);

	if (row < 0)
		return;
	l->t->cursor_kept = yes(l->res, row, C_KEPT);
	l->t->indexed = yes(l->res, row, C_INDEXED);
	if (l->t->cursor_kept || l->t->changed.name.n)
		return;
	br_err_set(&e,
		strcmp(PQgetvalue(l->res, row, C_TYPNAME), "xid8") ? BR_E_PG_CURSOR_TYPE
								   : BR_E_PG_CURSOR_TRIGGER,
		"table", z(l, l->t->name), "column", z(l, l->t->cursor), "found",
		PQgetvalue(l->res, row, C_TYPE), NULL);
	finding(l, &e);
}

static void learn_changed(struct learn *l)
{
	static const char *const times[] = {"timestamp", "timestamptz", "date"};
	int row = learn_column(l, &l->t->changed);
	struct br_err e;

	if (row < 0)
		return;
	for (size_t i = 0; i < BR_LEN(times); i++)
		l->t->changed_time |= !strcmp(PQgetvalue(l->res, row, C_TYPNAME), times[i]);
	if (!l->t->cursor_kept)
		l->t->indexed = yes(l->res, row, C_INDEXED);
	if (l->t->changed_time)
		return;
	br_err_set(&e, BR_E_PG_CHANGED_TYPE, "table", z(l, l->t->name), "column",
		z(l, l->t->changed.name), "found", PQgetvalue(l->res, row, C_TYPE), NULL);
	finding(l, &e);
}

int pg_table_learn(struct pg_record *r, struct pg_table *t, const PGresult *res, struct br_arena *a,
	pg_finding_fn *fn, void *arg, struct br_err *err)
{
	struct learn l = {r, t, res, a, fn, arg, err, 0};
	struct br_err e;
	int row;

	if (PQntuples(res) == 0) {
		br_err_set(&e, BR_E_PG_NO_TABLE, "table", z(&l, t->name), NULL);
		finding(&l, &e);
		return l.rc;
	}
	row = learn_column(&l, &t->key);
	t->bytewise = row >= 0 && yes(res, row, C_BYTEWISE);
	t->aftermath = yes(res, 0, C_AFTER) || PQgetvalue(res, 0, C_RELKIND)[0] == 'v';
	if (t->part)
		learn_column(&l, &t->parent);
	if (t->by.name.n)
		learn_column(&l, &t->by);
	for (unsigned i = 0; i < t->ncolumns; i++)
		learn_column(&l, &t->columns[i]);
	for (unsigned i = 0; i < t->ngenerated; i++)
		learn_column(&l, &t->generated[i].column);
	for (unsigned i = 0; i < r->nnatural && !t->part; i++)
		learn_column(&l, &r->natural[i]);
	if (t->cursor.n)
		learn_cursor(&l);
	if (t->changed.name.n)
		learn_changed(&l);
	return l.rc;
}
