/*
 * bench-pg copy-out DSN QUERY FILE | copy-in DSN TABLE FILE | upsert DSN TABLE FILE
 *
 * copy-out takes the query's rows out and leaves them in FILE (writing the file is not measured);
 * the others bring FILE's rows in.
 */
#include "bench_pg.h"
#include "bench_clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 65536

PGresult *bench_must(PGconn *db, PGresult *r, ExecStatusType status)
{
	if (PQresultStatus(r) != status)
		bench_die("PostgreSQL", PQerrorMessage(db));
	if (status == PGRES_TUPLES_OK)
		return r;
	PQclear(r);
	return NULL;
}

static void copy_out(PGconn *db, const char *query, const char *path)
{
	size_t n = 0, room = 1 << 20, rows = 0;
	char *all = malloc(room), *row, sql[1024];
	struct bench_span begin;
	FILE *out;
	int len;

	snprintf(sql, sizeof(sql), "copy (%s) to stdout", query);
	begin = bench_begin();
	bench_must(db, PQexec(db, sql), PGRES_COPY_OUT);
	while ((len = PQgetCopyData(db, &row, 0)) > 0) {
		if (n + (size_t)len > room)
			all = realloc(all, room = room * 2 + (size_t)len);
		if (!all)
			bench_die("rows", strerror(errno));
		memcpy(all + n, row, (size_t)len);
		n += (size_t)len;
		rows++;
		PQfreemem(row);
	}
	bench_must(db, PQgetResult(db), PGRES_COMMAND_OK);
	bench_tell(begin, (int64_t)rows, (int64_t)n);
	out = fopen(path, "wb");
	if (!out || fwrite(all, 1, n, out) != n || fclose(out))
		bench_die(path, strerror(errno));
	free(all);
}

static void copy_in(PGconn *db, const char *table, const struct bench_file *f)
{
	struct bench_span begin = bench_begin();
	char sql[256];

	snprintf(sql, sizeof(sql), "copy %s from stdin", table);
	bench_must(db, PQexec(db, sql), PGRES_COPY_IN);
	for (size_t at = 0; at < f->n; at += CHUNK) {
		size_t n = f->n - at < CHUNK ? f->n - at : CHUNK;

		if (PQputCopyData(db, f->p + at, (int)n) != 1)
			bench_die("COPY", PQerrorMessage(db));
	}
	if (PQputCopyEnd(db, NULL) != 1)
		bench_die("COPY", PQerrorMessage(db));
	bench_must(db, PQgetResult(db), PGRES_COMMAND_OK);
	bench_tell(begin, (int64_t)f->nlines, (int64_t)f->n);
}

int main(int argc, char **argv)
{
	struct bench_file f;
	PGconn *db;

	if (argc != 5)
		bench_die("usage", "bench-pg copy-out|copy-in|upsert DSN TABLE-OR-QUERY FILE");
	db = PQconnectdb(argv[2]);
	if (PQstatus(db) != CONNECTION_OK)
		bench_die("PostgreSQL", PQerrorMessage(db));
	if (strcmp(argv[1], "copy-out") == 0) {
		copy_out(db, argv[3], argv[4]);
		PQfinish(db);
		return 0;
	}
	bench_file_read(&f, argv[4]);
	if (strcmp(argv[1], "copy-in") == 0) {
		copy_in(db, argv[3], &f);
	} else {
		struct bench_span begin = bench_begin();

		bench_tell(begin, (int64_t)bench_upsert(db, argv[3], &f), (int64_t)f.n);
	}
	PQfinish(db);
	return 0;
}
