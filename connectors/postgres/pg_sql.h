/*
 * pg_sql.h - pieces of SQL: quoted identifiers, and arrays of text as binary parameters.
 *
 * Values of records never become SQL text; they travel as elements of text[] parameters and are
 * cast to the column's type there. The cast names the type without its length, so that a value that
 * is too long is refused by the assignment and not cut by the cast.
 */
#ifndef PG_SQL_H
#define PG_SQL_H

#include "br_buf.h"
#include "br_pg.h"

/* "name", quotes doubled. */
void pg_sql_name(struct br_buf *b, struct br_str name);
/* schema.table as "schema"."table". */
void pg_sql_table(struct br_buf *b, struct br_str name);
/* 'text', for constants of the configuration; never for values of records. */
void pg_sql_constant(struct br_buf *b, struct br_str text);

/* A growing text[] in PostgreSQL's binary form. */
struct pg_array {
	struct br_buf b;
	uint32_t n;
	bool has_null;
};
void pg_array_init(struct pg_array *x);
void pg_array_release(struct pg_array *x);
void pg_array_reset(struct pg_array *x);
/* p == NULL is NULL. */
void pg_array_add(struct pg_array *x, struct br_str value);
/* The finished array as a parameter, borrowed from x. False when it grew beyond its maximum. */
bool pg_array_param(struct pg_array *x, struct br_pg_param *out);
/* Room for n parameters in one piece, for a statement of n columns. */
extern const Oid pg_text_arrays[];
#define PG_MAX_PARAMS 544

#endif
