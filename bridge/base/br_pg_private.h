/*
 * br_pg_private.h - the connection of br_pg.h from the inside; private to br_pg*.c.
 *
 * br_pg.c is the owner's side and the loop's, br_pg_give.c hands statements to libpq,
 * br_pg_answer.c takes what comes back, br_pg_copy.c does what libpq cannot do in pipeline mode.
 *
 * Two queues. What libpq has been given is in `sent`, in the order of its answers. `waiting` is
 * empty but for a COPY, which libpq 15 cannot do in pipeline mode: the COPY and all behind it wait
 * there until `sent` has drained; then the connection leaves pipeline mode, copies, and enters it
 * again when the next other statement comes.
 *
 * When a unit fails in pipeline mode the server skips the rest of it. When the failure lies before
 * or in a COPY the rest is still with us, and we skip it (`skipping`), up to the owner's sync.
 *
 * Callbacks run only between enter() and leave(), always from the loop, and may call anything here:
 * a lost connection is therefore noticed at the next turn, not inside br_pg_send().
 */
#ifndef BR_PG_PRIVATE_H
#define BR_PG_PRIVATE_H

#include "br_pg_conn.h"
#include "br_pg_op.h"

/*
 * A name is READY once the server said so. Until then only the unit that prepares it may use it:
 * should that unit fail early, the server never prepares it, and units already queued behind must
 * not suffer. They send their text.
 */
struct br_pg_name {
	const char *name;
	enum { NAME_NONE, NAME_SENT, NAME_READY, NAME_BROKEN } state;
	uint64_t unit; /* that prepares it */
};

struct br_pg {
	struct br_loop *loop;
	struct br_pg_opts opts;
	br_pg_state_fn *on_state;
	void *state_arg;
	br_pg_notify_fn *on_notify;
	void *notify_arg;

	PGconn *conn;
	enum br_pg_state state;
	int fd; /* watched, -1 = none */
	short events;
	struct br_timer later;	  /* work for the next turn */
	struct br_timer patience; /* with connecting */
	bool want_connect;

	struct br_pg_queue sent, waiting, spare;
	size_t pending;
	bool null_due; /* libpq says NULL after a statement's result */
	bool unsynced; /* libpq has been given something since the last sync */
	uint64_t unit; /* counts the owner's syncs given to libpq */
	bool failed;   /* the unit whose answers are coming in has failed: */
	struct br_err failure;
	bool skipping; /* the rest of it is with us */

	enum { COPY_NONE, COPY_ASKED, COPY_PUSHING, COPY_ENDING } copying; /* head of waiting */
	PGresult *copied;

	struct br_pg_name *names;
	int nnames, names_room;
	struct br_pg_args args;

	int depth; /* of enter() */
	bool doomed;
};

static inline void br_pg_soon(struct br_pg *pg)
{
	br_timer_set(pg->loop, &pg->later, 0);
}

static inline bool br_pg_is_copy(ExecStatusType s)
{
	return s == PGRES_COPY_IN || s == PGRES_COPY_OUT || s == PGRES_COPY_BOTH;
}

static inline bool br_pg_is_good(ExecStatusType s)
{
	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_EMPTY_QUERY;
}

/* br_pg.c */
void br_pg_drop_conn(struct br_pg *pg);
void br_pg_on_ready(void *arg, int fd, short revents);

/* br_pg_give.c: 0, or -code with err; br_pg_give_sync() takes a drain, too. */
int br_pg_give_stmt(
	struct br_pg *pg, struct br_pg_op *op, const struct br_pg_later *s, struct br_err *err);
int br_pg_give_sync(struct br_pg *pg, struct br_pg_op *op, struct br_err *err);
void br_pg_flush(struct br_pg *pg);

/* br_pg_answer.c: callbacks are called from all of these but br_pg_fail_unit(). */
void br_pg_answer(
	struct br_pg *pg, struct br_pg_op *op, const PGresult *res, const struct br_err *err);
void br_pg_answer_sync(struct br_pg *pg, struct br_pg_op *op, const PGresult *res);
void br_pg_answer_failed(struct br_pg *pg, struct br_pg_op *op);
void br_pg_fail_unit(struct br_pg *pg, const PGresult *res);
void br_pg_tell_state(struct br_pg *pg, enum br_pg_state state, const struct br_err *err);
void br_pg_lose(struct br_pg *pg, const struct br_err *err);
void br_pg_lose_why(struct br_pg *pg, const char *why);
void br_pg_lose_conn(struct br_pg *pg, const PGresult *res);
void br_pg_take_results(struct br_pg *pg);

/* br_pg_copy.c: a COPY that is under way, and what waits for it. */
void br_pg_copy_turn(struct br_pg *pg);
void br_pg_serve_waiting(struct br_pg *pg);

#endif
