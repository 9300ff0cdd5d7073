/* The owner's side of a connection, and the loop's. */
#include "br_pg_private.h"

#include <stdlib.h>

static void later_turn(void *arg);
static void patience_over(void *arg);

/* ---- life ---- */

struct br_pg *br_pg_new(struct br_loop *l, const char *conninfo, br_pg_state_fn *on_state,
	void *arg, struct br_err *err)
{
	struct br_pg *pg = calloc(1, sizeof(*pg));

	if (!pg) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	pg->loop = l;
	pg->on_state = on_state;
	pg->state_arg = arg;
	pg->fd = -1;
	pg->later = (struct br_timer){.fn = later_turn, .arg = pg};
	pg->patience = (struct br_timer){.fn = patience_over, .arg = pg};
	if (br_pg_opts_init(&pg->opts, conninfo, err)) {
		free(pg);
		return NULL;
	}
	return pg;
}

/* The connection's own things; the queues stay. */
void br_pg_drop_conn(struct br_pg *pg)
{
	br_timer_set(pg->loop, &pg->patience, -1);
	if (pg->fd >= 0)
		br_loop_watch(pg->loop, pg->fd, 0, NULL, NULL);
	pg->fd = -1;
	pg->events = 0;
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->state = BR_PG_DOWN;
	PQclear(pg->copied);
	pg->copied = NULL;
	pg->copying = COPY_NONE;
	pg->null_due = pg->failed = pg->skipping = pg->unsynced = false;
	pg->nnames = 0;
}

static void destroy(struct br_pg *pg)
{
	br_pg_queue_release(&pg->spare);
	br_pg_opts_release(&pg->opts);
	br_pg_args_release(&pg->args);
	free(pg->names);
	free(pg);
}

void br_pg_free(struct br_pg *pg)
{
	if (!pg)
		return;
	br_pg_drop_conn(pg);
	br_timer_set(pg->loop, &pg->later, -1);
	br_pg_queue_release(&pg->sent);
	br_pg_queue_release(&pg->waiting);
	pg->doomed = true;
	if (!pg->depth)
		destroy(pg);
}

static void enter(struct br_pg *pg)
{
	pg->depth++;
}

static void leave(struct br_pg *pg)
{
	if (!--pg->depth && pg->doomed)
		destroy(pg);
}

void br_pg_on_notify(struct br_pg *pg, br_pg_notify_fn *fn, void *arg)
{
	pg->on_notify = fn;
	pg->notify_arg = arg;
}

enum br_pg_state br_pg_state(const struct br_pg *pg)
{
	return pg->want_connect ? BR_PG_CONNECTING : pg->state;
}

size_t br_pg_pending(const struct br_pg *pg)
{
	return pg->pending;
}

/* ---- the owner's side ---- */

static int start_op(struct br_pg *pg, enum br_pg_op_kind kind, br_pg_result_fn *fn, void *arg,
	struct br_pg_op **out, struct br_err *err)
{
	if (pg->state != BR_PG_UP || pg->want_connect)
		return br_err_set(err, BR_E_PG_UNAVAILABLE, "why", "not connected", NULL);
	*out = br_pg_op_get(&pg->spare, kind, fn, arg);
	return *out ? 0 : br_err_set(err, BR_E_NOMEM, NULL);
}

static bool must_wait(const struct br_pg *pg, const struct br_pg_op *op)
{
	return pg->waiting.head || pg->skipping || op->kind == BR_PG_COPY;
}

static int put_off(
	struct br_pg *pg, struct br_pg_op *op, const struct br_pg_later *s, struct br_err *err)
{
	if (s && !(op->later = br_pg_later_stmt(s)))
		return br_err_set(err, BR_E_NOMEM, NULL);
	br_pg_put(&pg->waiting, op);
	br_pg_soon(pg);
	return 0;
}

static int queue_op(
	struct br_pg *pg, struct br_pg_op *op, const struct br_pg_later *s, struct br_err *err)
{
	int rc;

	if (must_wait(pg, op))
		rc = put_off(pg, op, s, err);
	else if (op->kind == BR_PG_SYNC)
		rc = br_pg_give_sync(pg, op, err);
	else
		rc = br_pg_give_stmt(pg, op, s, err);
	if (rc)
		br_pg_op_put_back(&pg->spare, op);
	else
		pg->pending++;
	return rc;
}

int br_pg_send(struct br_pg *pg, const char *name, const char *sql, int nparams, const Oid *types,
	const struct br_pg_param *params, bool binary_result, br_pg_result_fn *fn, void *arg,
	struct br_err *err)
{
	struct br_pg_later s = {.name = name,
		.sql = sql,
		.nparams = nparams,
		.types = types,
		.params = params,
		.binary_result = binary_result};
	struct br_pg_op *op;
	int rc = start_op(pg, BR_PG_STMT, fn, arg, &op, err);

	return rc ? rc : queue_op(pg, op, &s, err);
}

int br_pg_sync(struct br_pg *pg, br_pg_result_fn *fn, void *arg, struct br_err *err)
{
	struct br_pg_op *op;
	int rc = start_op(pg, BR_PG_SYNC, fn, arg, &op, err);

	return rc ? rc : queue_op(pg, op, NULL, err);
}

int br_pg_copy(struct br_pg *pg, const char *sql, struct br_str data, br_pg_result_fn *fn,
	void *arg, struct br_err *err)
{
	struct br_pg_later s = {.sql = sql, .data = data};
	struct br_pg_op *op;
	int rc = start_op(pg, BR_PG_COPY, fn, arg, &op, err);

	return rc ? rc : queue_op(pg, op, &s, err);
}

/* ---- what can be done without waiting ---- */

static void notifications(struct br_pg *pg)
{
	PGnotify *n;

	while (pg->conn && (n = PQnotifies(pg->conn))) {
		if (pg->on_notify)
			pg->on_notify(pg->notify_arg, n->relname, n->extra);
		PQfreemem(n);
	}
}

/* Everything that can be done without waiting. */
static void work(struct br_pg *pg)
{
	br_pg_take_results(pg);
	if (pg->conn && pg->copying)
		br_pg_copy_turn(pg);
	br_pg_serve_waiting(pg);
	notifications(pg);
	if (pg->conn && PQstatus(pg->conn) == CONNECTION_BAD)
		br_pg_lose_conn(pg, NULL);
	if (!pg->conn)
		return;
	br_pg_flush(pg);
	/* Full a moment ago, empty now: no POLLOUT will come to push the next piece. */
	if (pg->copying == COPY_PUSHING && !(pg->events & POLLOUT))
		br_pg_soon(pg);
}

/* ---- connecting ---- */

/* libpq may have closed its socket and opened another, under the same number or not. */
static int watch(struct br_pg *pg, short events)
{
	int fd = PQsocket(pg->conn);

	if (pg->fd >= 0 && pg->fd != fd)
		br_loop_watch(pg->loop, pg->fd, 0, NULL, NULL);
	pg->fd = fd;
	pg->events = events;
	return fd < 0 ? 0 : br_loop_watch(pg->loop, fd, events, br_pg_on_ready, pg);
}

static void connected(struct br_pg *pg)
{
	br_timer_set(pg->loop, &pg->patience, -1);
	if (watch(pg, POLLIN) || PQsetnonblocking(pg->conn, 1) || !PQenterPipelineMode(pg->conn)) {
		br_pg_lose_conn(pg, NULL);
		return;
	}
	br_pg_tell_state(pg, BR_PG_UP, NULL);
}

static void go_on_connecting(struct br_pg *pg)
{
	PostgresPollingStatusType s = PQconnectPoll(pg->conn);

	if (s == PGRES_POLLING_OK)
		connected(pg);
	else if (s == PGRES_POLLING_FAILED)
		br_pg_lose_conn(pg, NULL);
	else if (watch(pg, s == PGRES_POLLING_READING ? POLLIN : POLLOUT))
		br_pg_lose_why(pg, "no memory to watch the socket");
}

static void begin_connecting(struct br_pg *pg)
{
	pg->want_connect = false;
	if (pg->conn)
		br_pg_lose_why(pg, "the connection is being opened anew");
	if (pg->doomed || pg->conn)
		return;
	pg->want_connect = false;
	pg->state = BR_PG_CONNECTING;
	pg->conn = PQconnectStartParams(pg->opts.keys, pg->opts.values, 0);
	if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
		br_pg_lose_conn(pg, NULL);
		return;
	}
	br_pg_quiet(pg->conn);
	br_timer_set(pg->loop, &pg->patience, pg->opts.connect_us);
	if (watch(pg, POLLOUT))
		br_pg_lose_why(pg, "no memory to watch the socket");
}

static void patience_over(void *arg)
{
	struct br_pg *pg = arg;

	enter(pg);
	if (br_pg_opts_next_host(&pg->opts)) {
		br_pg_drop_conn(pg);
		pg->want_connect = true;
		br_pg_soon(pg);
	} else {
		br_pg_lose_why(pg, "no answer within connect_timeout");
	}
	leave(pg);
}

void br_pg_connect(struct br_pg *pg)
{
	pg->opts.silent = 0;
	pg->want_connect = true;
	br_pg_soon(pg);
}

/* ---- from the loop ---- */

static void later_turn(void *arg)
{
	struct br_pg *pg = arg;

	enter(pg);
	if (pg->want_connect)
		begin_connecting(pg);
	else if (pg->state == BR_PG_UP)
		work(pg);
	leave(pg);
}

void br_pg_on_ready(void *arg, int fd, short revents)
{
	struct br_pg *pg = arg;

	(void)fd;
	enter(pg);
	if (pg->state != BR_PG_UP) {
		go_on_connecting(pg);
	} else {
		if (revents & POLLOUT)
			br_pg_flush(pg);
		/* a failure shows as CONNECTION_BAD, after the answers that came before it are read
		 */
		if (revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL))
			PQconsumeInput(pg->conn);
		work(pg);
	}
	leave(pg);
}
