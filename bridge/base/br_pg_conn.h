/*
 * br_pg_conn.h - how our connections to PostgreSQL are opened; private to br_pg*.c.
 */
#ifndef BR_PG_CONN_H
#define BR_PG_CONN_H

#include "br_pg.h"

/* conninfo plus our defaults, as PQconnectStartParams() takes them; free with br_pg_opts_release().
 */
struct br_pg_opts {
	PQconninfoOption *parsed; /* owns the strings the arrays point to */
	const char **keys;
	const char **values;
	int64_t connect_us; /* patience for the whole of connecting, of each host that keeps silent
			     */
	int silent;	    /* so many have, in this attempt */
};

int br_pg_opts_init(struct br_pg_opts *o, const char *conninfo, struct br_err *err);
/* The first of several hosts did not answer at all: puts it behind the others. False when that
 * happened with each. */
bool br_pg_opts_next_host(struct br_pg_opts *o);
void br_pg_opts_release(struct br_pg_opts *o);
/* Notices are dropped (they may quote data, and libpq would print them), error texts kept short. */
void br_pg_quiet(PGconn *conn);
/* Room for n parameters as libpq takes them. */
struct br_pg_args {
	const char **values;
	int *lengths;
	int *formats;
	int room;
};
int br_pg_args_fill(struct br_pg_args *a, int n, const struct br_pg_param *params);
void br_pg_args_release(struct br_pg_args *a);

#endif
