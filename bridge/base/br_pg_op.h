/*
 * br_pg_op.h - what waits on a connection: operations, their queue, and copies of those that cannot
 * go out yet; private to br_pg*.c.
 *
 * An operation given to libpq needs no copy of its statement (libpq has it); one that must wait
 * behind a COPY does.
 */
#ifndef BR_PG_OP_H
#define BR_PG_OP_H

#include "br_pg.h"

enum br_pg_op_kind {
	BR_PG_STMT,
	BR_PG_SYNC,
	BR_PG_COPY,
	BR_PG_PREPARE, /* ours: goes before the first use of a name */
	BR_PG_DRAIN,   /* ours: the sync that empties the pipeline before a COPY */
};

/* One block of memory; everything it points to lies behind it but name, which is the caller's. */
struct br_pg_later {
	const char *name, *sql;
	int nparams;
	bool binary_result;
	const Oid *types;
	const struct br_pg_param *params;
	struct br_str data; /* of a COPY */
	size_t off;	    /* bytes of data libpq has taken */
};

struct br_pg_op {
	struct br_pg_op *next;
	enum br_pg_op_kind kind;
	br_pg_result_fn *fn;
	void *arg;
	int name; /* index of the prepared name used, -1 = none */
	struct br_pg_later *later;
};

struct br_pg_queue {
	struct br_pg_op *head, *tail;
};

void br_pg_put(struct br_pg_queue *q, struct br_pg_op *op);
struct br_pg_op *br_pg_pop(struct br_pg_queue *q);
/* Moves all of more behind q. */
void br_pg_join(struct br_pg_queue *q, struct br_pg_queue *more);

/* spare keeps used operations, so that a running connection allocates none. */
struct br_pg_op *br_pg_op_get(
	struct br_pg_queue *spare, enum br_pg_op_kind kind, br_pg_result_fn *fn, void *arg);
void br_pg_op_put_back(struct br_pg_queue *spare, struct br_pg_op *op);
void br_pg_queue_release(struct br_pg_queue *q);

/* Copies of a statement (with data for a COPY), NULL without memory; freed by br_pg_op_put_back().
 */
struct br_pg_later *br_pg_later_stmt(const struct br_pg_later *stmt);

#endif
