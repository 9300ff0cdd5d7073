/*
 * bench_pg.h - the raw PostgreSQL contestants: what libpq alone does with the same rows.
 */
#ifndef BENCH_PG_H
#define BENCH_PG_H

#include "bench_file.h"
#include <libpq-fe.h>

/* Rows of a table all of whose columns are in the file, in order; the first column is the key. One
 * array per column and 1,000 rows a statement, each statement a transaction of its own. Returns the
 * rows written. */
size_t bench_upsert(PGconn *db, const char *table, const struct bench_file *f);

/* The result must have this status, else the program ends with the server's words. Cleared unless
 * it has rows. */
PGresult *bench_must(PGconn *db, PGresult *r, ExecStatusType status);

#endif
