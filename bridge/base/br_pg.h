/*
 * br_pg.h - libpq on the loop: one connection, pipeline mode, answers through callbacks in order.
 *
 * br_pg connects in the background and reconnects by the owner's order. Statements are queued with
 * br_pg_send() and leave together; br_pg_sync() ends a unit: after an error in it the server skips
 * the rest up to the sync, and each skipped statement's callback gets result NULL with the first
 * error. All callbacks run from the loop, in the order of sending. On a lost connection every
 * waiting callback is called once with result NULL, then on_state(DOWN).
 *
 * A unit without BEGIN is one implicit transaction (unless it holds a br_pg_copy). A unit with
 * BEGIN ... COMMIT that failed leaves the transaction open in its failed state: the owner then
 * sends ROLLBACK and a sync.
 *
 * br_pg_send(), br_pg_sync() and br_pg_copy() work only while the state is UP (else
 * -BR_E_PG_UNAVAILABLE). Any function here, br_pg_free() too, may be called from inside a callback.
 * Nothing is sent for good before a sync: always end with one.
 */
#ifndef BR_PG_H
#define BR_PG_H

#include "br_loop.h"
#include <libpq-fe.h>

struct br_pg;
enum br_pg_state { BR_PG_DOWN, BR_PG_CONNECTING, BR_PG_UP };
typedef void br_pg_state_fn(void *arg, enum br_pg_state state, const struct br_err *err);
/* res is NULL on failure (err says why, with detail "sqlstate" when the server said one) and
 * belongs to br_pg. */
typedef void br_pg_result_fn(void *arg, const PGresult *res, const struct br_err *err);
typedef void br_pg_notify_fn(void *arg, const char *channel, const char *payload);

/*
 * conninfo as libpq takes it (keywords or URI). What it leaves out is added: application_name
 * casebridge, client_encoding UTF8, connect_timeout 10 s, keepalives that find a dead peer within
 * about a minute. connect_timeout is for each host: one that does not even refuse is passed over.
 * A host given by name is resolved with the loop standing still: give
 * hostaddr too.
 * Nothing is connected yet.
 */
struct br_pg *br_pg_new(struct br_loop *l, const char *conninfo, br_pg_state_fn *on_state,
	void *arg, struct br_err *err);
void br_pg_free(struct br_pg *pg); /* waiting callbacks are not called any more */
/* Starts connecting in the next turn; the outcome, UP or DOWN, comes through on_state. While
 * connected it drops the old connection first (waiting callbacks get NULL, then on_state(DOWN)). */
void br_pg_connect(struct br_pg *pg);
void br_pg_on_notify(struct br_pg *pg, br_pg_notify_fn *fn, void *arg);
enum br_pg_state br_pg_state(const struct br_pg *pg);

struct br_pg_param {
	const char *p; /* NULL = SQL NULL */
	int n;	       /* bytes; used for binary only */
	bool binary;
};
/*
 * Queues one statement. name != NULL: a prepared statement of that name, prepared on first use of
 * this connection from sql (both must live as long as the connection: literals). types may be NULL.
 * binary_result asks for binary columns. Parameters are copied. fn may be NULL (then only errors at
 * sync matter). One statement per call; COPY has br_pg_copy().
 */
int br_pg_send(struct br_pg *pg, const char *name, const char *sql, int nparams, const Oid *types,
	const struct br_pg_param *params, bool binary_result, br_pg_result_fn *fn, void *arg,
	struct br_err *err);
/* Sync point; fn (may be NULL) is called with a result when the unit went through, NULL when it
 * failed. */
int br_pg_sync(struct br_pg *pg, br_pg_result_fn *fn, void *arg, struct br_err *err);
/*
 * Queues sql, a COPY ... FROM STDIN, with all its data (both copied), in order with the other
 * statements; the data is in whatever format sql names. fn gets the command's result (PQcmdTuples
 * has the row count).
 *
 * libpq 15 has no COPY in pipeline mode, so everything before it is first waited for, and what
 * follows waits for it: three round trips for the copy (one, when it stands at the start of a unit
 * and nothing is under way, is saved). What stood before it in its unit is no longer in one
 * implicit transaction with the rest: begin such a unit with BEGIN. Errors are as everywhere: after
 * an error in the unit, before the copy or in it, the rest up to the sync is skipped with the first
 * error.
 */
int br_pg_copy(struct br_pg *pg, const char *sql, struct br_str data, br_pg_result_fn *fn,
	void *arg, struct br_err *err);
/* Number of queued statements, copies and syncs whose callbacks have not run (those without a
 * callback count too). */
size_t br_pg_pending(const struct br_pg *pg);
/*
 * Sets err from a failed result or connection: PG_UNAVAILABLE (while connecting also PG_TLS_*) or
 * PG_SQL. Details: why (the server's primary message), sqlstate when the server sent one, and
 * table, column, constraint where the server names them. DETAIL, HINT and CONTEXT are left out
 * since they quote data, and so is what the messages of class 22 (data exceptions) put in quotes.
 * Either of conn and res may be NULL. Returns -code.
 */
int br_pg_err(const PGconn *conn, const PGresult *res, struct br_err *err);

/*
 * For command line verbs, without a loop; these wait. br_pg_open_sync() adds to conninfo what
 * br_pg_new() adds; the caller ends *out with PQfinish(). br_pg_exec_sync() runs one statement with
 * text or binary parameters, or, when nparams is 0, any number of statements in one implicit
 * transaction; out may be NULL, else the caller clears *out with PQclear(). Results are text.
 */
int br_pg_open_sync(const char *conninfo, PGconn **out, struct br_err *err);
int br_pg_exec_sync(PGconn *conn, const char *sql, int nparams, const struct br_pg_param *params,
	PGresult **out, struct br_err *err);

#endif
