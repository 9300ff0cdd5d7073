/*
 * br_pg.h - libpq on the loop: one connection, pipeline mode, answers through callbacks in order.
 *
 * br_pg connects in the background and reconnects by the owner's order. Statements are queued with br_pg_send() and leave
 * together; br_pg_sync() ends a unit: after an error in it the server skips the rest up to the sync, and each skipped
 * statement's callback gets result NULL with the first error. All callbacks run from the loop, in the order of
 * sending. On a lost connection every waiting callback is called once with result NULL, then on_state(DOWN).
 */
#ifndef BR_PG_H
#define BR_PG_H

#include "br_loop.h"
#include <libpq-fe.h>

struct br_pg;
enum br_pg_state { BR_PG_DOWN, BR_PG_CONNECTING, BR_PG_UP };
typedef void br_pg_state_fn(void *arg, enum br_pg_state state, const struct br_err *err);
/* res is NULL on failure (err says why, with detail "sqlstate" when the server said one) and belongs to br_pg. */
typedef void br_pg_result_fn(void *arg, const PGresult *res, const struct br_err *err);
typedef void br_pg_notify_fn(void *arg, const char *channel, const char *payload);

/* conninfo as libpq takes it; application_name is added. Nothing is connected yet. */
struct br_pg *br_pg_new(struct br_loop *l, const char *conninfo, br_pg_state_fn *on_state, void *arg, struct br_err *err);
void br_pg_free(struct br_pg *pg); /* waiting callbacks are not called any more */
/* Starts (or starts again) connecting; the outcome comes through on_state. */
void br_pg_connect(struct br_pg *pg);
void br_pg_on_notify(struct br_pg *pg, br_pg_notify_fn *fn, void *arg);
enum br_pg_state br_pg_state(const struct br_pg *pg);

struct br_pg_param {
	const char *p; /* NULL = SQL NULL */
	int n;         /* bytes; used for binary only */
	bool binary;
};
/*
 * Queues one statement. name != NULL: a prepared statement of that name, prepared on first use of this connection from
 * sql (both must live as long as the connection: literals). types may be NULL. binary_result asks for binary columns.
 * Parameters are copied. fn may be NULL (then only errors at sync matter).
 */
int br_pg_send(struct br_pg *pg, const char *name, const char *sql, int nparams, const Oid *types,
	const struct br_pg_param *params, bool binary_result, br_pg_result_fn *fn, void *arg, struct br_err *err);
/* Sync point; fn (may be NULL) is called with a result when the unit went through, NULL when it failed. */
int br_pg_sync(struct br_pg *pg, br_pg_result_fn *fn, void *arg, struct br_err *err);
/* Number of queued statements whose callbacks have not run. */
size_t br_pg_pending(const struct br_pg *pg);
/* Sets err from a failed result or connection: PG_UNAVAILABLE, PG_SQL (details sqlstate, message; DETAIL is left out since it
 * quotes data). Returns -code. */
int br_pg_err(const PGconn *conn, const PGresult *res, struct br_err *err);

#endif
