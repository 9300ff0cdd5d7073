#include "bench_pg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 64
#define BATCH	    1000

struct text {
	char *p;
	size_t n, room;
};

struct upsert {
	int ncolumns;
	struct text array[COLUMNS_MAX]; /* one array literal per column */
};

static void add(struct text *t, const char *p, size_t n)
{
	if (t->n + n + 1 > t->room) {
		t->room = (t->n + n + 1) * 2;
		t->p = realloc(t->p, t->room);
		if (!t->p)
			bench_die("upsert", strerror(errno));
	}
	memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = '\0';
}

static void add_format(struct text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void add_format(struct text *t, const char *format, ...)
{
	char piece[512];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(piece, sizeof(piece), format, list);
	va_end(list);
	if (n < 0 || (size_t)n >= sizeof(piece))
		bench_die("upsert", "a name is too long");
	add(t, piece, (size_t)n);
}

/* insert into T(c...) select c1::type... from unnest($1::text[], ...) on conflict (key) do update
 * set ... */
static void prepare(PGconn *db, const char *table, struct upsert *u)
{
	const char *const sql =
		"select quote_ident(attname), format_type(atttypid, atttypmod) from pg_attribute"
		" where attrelid = $1::regclass and attnum > 0 and not attisdropped order by "
		"attnum";
	PGresult *columns = bench_must(
		db, PQexecParams(db, sql, 1, NULL, &table, NULL, NULL, 0), PGRES_TUPLES_OK);
	struct text t = {0};

	u->ncolumns = PQntuples(columns);
	if (u->ncolumns < 2 || u->ncolumns > COLUMNS_MAX)
		bench_die(table, "wants 2 to 64 columns");
	add_format(&t, "insert into %s select ", table);
	for (int i = 0; i < u->ncolumns; i++)
		add_format(&t, "%sc%d::%s", i ? ", " : "", i, PQgetvalue(columns, i, 1));
	add_format(&t, " from unnest(");
	for (int i = 0; i < u->ncolumns; i++)
		add_format(&t, "%s$%d::text[]", i ? ", " : "", i + 1);
	add_format(&t, ") as u(");
	for (int i = 0; i < u->ncolumns; i++)
		add_format(&t, "%sc%d", i ? ", " : "", i);
	add_format(&t, ") on conflict (%s) do update set ", PQgetvalue(columns, 0, 0));
	for (int i = 1; i < u->ncolumns; i++)
		add_format(&t, "%s%s = excluded.%s", i > 1 ? ", " : "", PQgetvalue(columns, i, 0),
			PQgetvalue(columns, i, 0));
	PQclear(columns);
	bench_must(db, PQprepare(db, "upsert", t.p, u->ncolumns, NULL), PGRES_COMMAND_OK);
	free(t.p);
}

static void add_value(struct text *t, const char *p, size_t n)
{
	if (n == 2 && p[0] == '\\' && p[1] == 'N') {
		add(t, "NULL", 4);
		return;
	}
	if (memchr(p, '\\', n) || memchr(p, '"', n))
		bench_die("upsert", "the rows of a benchmark need no escapes");
	add(t, "\"", 1);
	add(t, p, n);
	add(t, "\"", 1);
}

static void add_row(struct upsert *u, const struct bench_line *line, bool first)
{
	const char *at = line->p, *end = line->p + line->n;

	for (int i = 0; i < u->ncolumns; i++) {
		const char *tab = memchr(at, '\t', (size_t)(end - at)), *stop = tab ? tab : end;

		if (!tab != (i == u->ncolumns - 1))
			bench_die("upsert", "a row has another number of columns than the table");
		add(&u->array[i], first ? "{" : ",", 1);
		add_value(&u->array[i], at, (size_t)(stop - at));
		at = stop + 1;
	}
}

static void run(PGconn *db, struct upsert *u)
{
	const char *values[COLUMNS_MAX];

	for (int i = 0; i < u->ncolumns; i++) {
		add(&u->array[i], "}", 1);
		values[i] = u->array[i].p;
	}
	bench_must(db, PQexecPrepared(db, "upsert", u->ncolumns, values, NULL, NULL, 0),
		PGRES_COMMAND_OK);
	for (int i = 0; i < u->ncolumns; i++)
		u->array[i].n = 0;
}

size_t bench_upsert(PGconn *db, const char *table, const struct bench_file *f)
{
	static struct upsert u;

	prepare(db, table, &u);
	for (size_t i = 0; i < f->nlines; i++) {
		add_row(&u, &f->lines[i], i % BATCH == 0);
		if (i % BATCH == BATCH - 1 || i + 1 == f->nlines)
			run(db, &u);
	}
	return f->nlines;
}
