/*
 * ledger_rows.h - rows for one set-based statement: a column per parameter, each a binary array for
 * unnest().
 */
#ifndef LEDGER_ROWS_H
#define LEDGER_ROWS_H

#include "br_buf.h"
#include "br_pg.h"
#include "hub_ulid.h"

#define LEDGER_COLUMNS 20

enum ledger_type {
	LT_END,
	LT_UUID,
	LT_INT2,
	LT_INT4,
	LT_INT8,
	LT_TEXT,
	LT_JSON,
	LT_BOOL,
	LT_TIME,
	LT_BYTEA
};

struct ledger_rows {
	const enum ledger_type *types; /* LT_END-terminated */
	unsigned ncols;
	unsigned at; /* column of the next value */
	int32_t n;   /* whole rows */
	struct br_buf col[LEDGER_COLUMNS];
	bool nulls[LEDGER_COLUMNS];
};

void ledger_rows_init(struct ledger_rows *r, const enum ledger_type *types);
void ledger_rows_release(struct ledger_rows *r);
void ledger_rows_reset(struct ledger_rows *r);

/* Values are added row by row in the order of the columns; the last column ends the row. */
void ledger_add_id(struct ledger_rows *r, const struct hub_id *id); /* NULL = SQL null */
void ledger_add_int(struct ledger_rows *r, int64_t v);
void ledger_add_bool(struct ledger_rows *r, bool v);
void ledger_add_text(
	struct ledger_rows *r, struct br_str s);       /* also JSON, BYTEA; p == NULL = SQL null */
void ledger_add_ms(struct ledger_rows *r, int64_t ms); /* milliseconds since 1970; < 0 = null */

/* Sends sql with $1..$ncols as arrays; nothing when there are no rows. name and sql are literals.
 */
int ledger_rows_send(struct ledger_rows *r, struct br_pg *pg, const char *name, const char *sql,
	br_pg_result_fn *fn, void *arg, struct br_err *err);

/* Reading binary results. */
int64_t ledger_get_int(const PGresult *res, int row, int col); /* int2, int4, int8; 0 when null */
bool ledger_get_bool(const PGresult *res, int row, int col);
struct br_str ledger_get_text(
	const PGresult *res, int row, int col); /* borrowed from res; p NULL when null */
struct hub_id ledger_get_id(const PGresult *res, int row, int col);

#endif
