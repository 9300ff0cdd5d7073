/*
 * ledger_query.h - questions of the command line and the console to the ledger, synchronous,
 * read-only; but for what a person's reconciliation found, which is kept.
 */
#ifndef LEDGER_QUERY_H
#define LEDGER_QUERY_H

#include "br_arena.h"
#include "br_err.h"

struct ledger_table {
	size_t cols, rows;
	const char **names;
	const char **cells; /* rows * cols, NULL = SQL null */
};

/* Everything is copied into the arena. */
int ledger_query(const char *dsn, const char *sql, int nparams, const char *const *params,
	struct br_arena *a, struct ledger_table *out, struct br_err *err);

#endif
