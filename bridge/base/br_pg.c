/*
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
#include "br_pg_conn.h"
#include "br_pg_op.h"

#include <stdio.h>
#include <stdlib.h>

#define COPY_CHUNK 65536

/*
 * A name is READY once the server said so. Until then only the unit that prepares it may use it:
 * should that unit fail early, the server never prepares it, and units already queued behind must
 * not suffer. They send their text.
 */
struct name {
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

	struct name *names;
	int nnames, names_room;
	struct br_pg_args args;

	int depth; /* of enter() */
	bool doomed;
};

static void later_turn(void *arg);
static void patience_over(void *arg);
static void on_ready(void *arg, int fd, short revents);
static void lose(struct br_pg *pg, const struct br_err *err);

static void soon(struct br_pg *pg)
{
	br_timer_set(pg->loop, &pg->later, 0);
}

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
static void drop_conn(struct br_pg *pg)
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
	drop_conn(pg);
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

/* ---- answering ---- */

static bool is_ours(const struct br_pg_op *op)
{
	return op->kind == BR_PG_PREPARE || op->kind == BR_PG_DRAIN;
}

/* op is off its queue; it goes back to the spare ones first, since the callback may free pg. */
static void answer(
	struct br_pg *pg, struct br_pg_op *op, const PGresult *res, const struct br_err *err)
{
	br_pg_result_fn *fn = op->fn;
	void *arg = op->arg;

	if (!is_ours(op))
		pg->pending--;
	br_pg_op_put_back(&pg->spare, op);
	if (fn)
		fn(arg, res, err);
}

static void tell_state(struct br_pg *pg, enum br_pg_state state, const struct br_err *err)
{
	pg->state = state;
	if (pg->on_state)
		pg->on_state(pg->state_arg, state, err);
}

static void lose(struct br_pg *pg, const struct br_err *err)
{
	struct br_err why = *err; /* err may be pg's own */

	drop_conn(pg);
	br_pg_join(&pg->sent, &pg->waiting);
	for (struct br_pg_op *op; (op = br_pg_pop(&pg->sent));)
		answer(pg, op, NULL, &why);
	if (!pg->doomed)
		tell_state(pg, BR_PG_DOWN, &why);
}

static void lose_why(struct br_pg *pg, const char *why)
{
	struct br_err err;

	br_err_set(&err, BR_E_PG_UNAVAILABLE, "why", why, NULL);
	lose(pg, &err);
}

static void lose_conn(struct br_pg *pg, const PGresult *res)
{
	struct br_err err;

	br_pg_err(pg->conn, res, &err);
	lose(pg, &err);
}

static void fail_unit(struct br_pg *pg, const PGresult *res)
{
	if (!pg->failed)
		br_pg_err(pg->conn, res, &pg->failure);
	pg->failed = true;
}

/* The owner's sync: what follows is a new unit. */
static void answer_sync(struct br_pg *pg, struct br_pg_op *op, const PGresult *res)
{
	struct br_err failure;
	bool failed = pg->failed;

	if (failed)
		failure = pg->failure;
	pg->failed = pg->skipping = false;
	answer(pg, op, failed ? NULL : res, failed ? &failure : NULL);
}

/* The callback may free pg or see the connection go, so the error is not pg's own. */
static void answer_failed(struct br_pg *pg, struct br_pg_op *op)
{
	struct br_err failure = pg->failure;

	answer(pg, op, NULL, &failure);
}

/* ---- giving to libpq ---- */

static int find_name(struct br_pg *pg, const char *name)
{
	for (int i = 0; i < pg->nnames; i++)
		if (pg->names[i].name == name || !strcmp(pg->names[i].name, name))
			return i;
	if (pg->nnames == pg->names_room) {
		int room = pg->names_room ? pg->names_room * 2 : 32;
		struct name *names = realloc(pg->names, (size_t)room * sizeof(*names));

		if (!names)
			return -1;
		pg->names = names;
		pg->names_room = room;
	}
	pg->names[pg->nnames] = (struct name){name, NAME_NONE, 0};
	return pg->nnames++;
}

static int libpq_refused(struct br_pg *pg, struct br_err *err)
{
	soon(pg); /* a connection that is gone is noticed there */
	if (PQstatus(pg->conn) != CONNECTION_BAD)
		return br_err_set(err, BR_E_PG_SQL, "sqlstate", "-", "why",
			"libpq does not take the statement", NULL);
	return br_pg_err(pg->conn, NULL, err);
}

static int prepare(struct br_pg *pg, int name, const struct br_pg_later *s, struct br_err *err)
{
	struct br_pg_op *op = br_pg_op_get(&pg->spare, BR_PG_PREPARE, NULL, NULL);

	if (!op)
		return br_err_set(err, BR_E_NOMEM, NULL);
	if (!PQsendPrepare(pg->conn, s->name, s->sql, s->nparams, s->types)) {
		br_pg_op_put_back(&pg->spare, op);
		return libpq_refused(pg, err);
	}
	op->name = name;
	br_pg_put(&pg->sent, op);
	pg->unsynced = true;
	pg->names[name].state = NAME_SENT;
	pg->names[name].unit = pg->unit;
	return 0;
}

/* The index of s's name if it may be used now, -1 if the text must be sent. */
static int usable_name(struct br_pg *pg, const struct br_pg_later *s, int *out, struct br_err *err)
{
	int i = s->name ? find_name(pg, s->name) : -1;
	int rc = 0;

	*out = -1;
	if (i < 0)
		return 0;
	if (pg->names[i].state == NAME_NONE)
		rc = prepare(pg, i, s, err);
	if (pg->names[i].state == NAME_READY ||
		(pg->names[i].state == NAME_SENT && pg->names[i].unit == pg->unit))
		*out = i;
	return rc;
}

static int pipeline_on(struct br_pg *pg, struct br_err *err)
{
	if (PQpipelineStatus(pg->conn) == PQ_PIPELINE_OFF && !PQenterPipelineMode(pg->conn))
		return libpq_refused(pg, err);
	return 0;
}

static int give_stmt(
	struct br_pg *pg, struct br_pg_op *op, const struct br_pg_later *s, struct br_err *err)
{
	struct br_pg_args *a = &pg->args;
	int rc = pipeline_on(pg, err);
	int ok;

	if (!rc)
		rc = usable_name(pg, s, &op->name, err);
	if (rc)
		return rc;
	if (br_pg_args_fill(a, s->nparams, s->params))
		return br_err_set(err, BR_E_NOMEM, NULL);
	if (op->name >= 0)
		ok = PQsendQueryPrepared(pg->conn, s->name, s->nparams, a->values, a->lengths,
			a->formats, s->binary_result);
	else
		ok = PQsendQueryParams(pg->conn, s->sql, s->nparams, s->types, a->values,
			a->lengths, a->formats, s->binary_result);
	if (!ok)
		return libpq_refused(pg, err);
	br_pg_put(&pg->sent, op);
	pg->unsynced = true;
	/* A full libpq flushes by itself and, when the socket is full too, reads: look for answers.
	 */
	if (!br_timer_is_set(&pg->later))
		soon(pg);
	return 0;
}

/* libpq flushes at a sync; what the socket does not take at once goes out when it does. */
static void flush(struct br_pg *pg)
{
	int rc = PQflush(pg->conn);
	short events = (short)(POLLIN | (rc == 1 ? POLLOUT : 0));

	if (rc < 0)
		soon(pg);
	if (events == pg->events)
		return;
	pg->events = events;
	if (br_loop_watch(pg->loop, pg->fd, events, on_ready, pg)) {
		pg->events = 0;
		soon(pg);
	}
}

static int give_sync(struct br_pg *pg, struct br_pg_op *op, struct br_err *err)
{
	int rc = pipeline_on(pg, err);

	if (rc)
		return rc;
	if (!PQpipelineSync(pg->conn))
		return libpq_refused(pg, err);
	if (op->kind == BR_PG_SYNC)
		pg->unit++;
	pg->unsynced = false;
	br_pg_put(&pg->sent, op);
	flush(pg);
	return 0;
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
	soon(pg);
	return 0;
}

static int queue_op(
	struct br_pg *pg, struct br_pg_op *op, const struct br_pg_later *s, struct br_err *err)
{
	int rc;

	if (must_wait(pg, op))
		rc = put_off(pg, op, s, err);
	else if (op->kind == BR_PG_SYNC)
		rc = give_sync(pg, op, err);
	else
		rc = give_stmt(pg, op, s, err);
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

/* ---- results in pipeline mode ---- */

static void note_name(struct br_pg *pg, const struct br_pg_op *op, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	struct name *name;

	if (op->name < 0)
		return;
	name = &pg->names[op->name];
	if (op->kind == BR_PG_PREPARE && PQresultStatus(res) == PGRES_COMMAND_OK)
		name->state = NAME_READY;
	else if (op->kind == BR_PG_PREPARE)
		/* 42P05: somebody between us and the server has one of that name */
		name->state = state && !strcmp(state, "42P05") ? NAME_BROKEN : NAME_NONE;
	else if (state && (!strcmp(state, "26000") || !strcmp(state, "0A000")))
		/* gone, or its table has changed shape: from now on by text */
		name->state = NAME_BROKEN;
}

static void sync_result(struct br_pg *pg, const PGresult *res)
{
	struct br_pg_op *op = br_pg_pop(&pg->sent);

	if (op->kind == BR_PG_SYNC) {
		answer_sync(pg, op, res);
		return;
	}
	pg->skipping = pg->failed;
	answer(pg, op, NULL, NULL);
}

static void stmt_result(struct br_pg *pg, const PGresult *res, bool good)
{
	struct br_pg_op *op = br_pg_pop(&pg->sent);

	note_name(pg, op, res);
	pg->null_due = true;
	if (good) {
		answer(pg, op, res, NULL);
		return;
	}
	fail_unit(pg, res);
	answer_failed(pg, op);
}

static bool is_copy(ExecStatusType s)
{
	return s == PGRES_COPY_IN || s == PGRES_COPY_OUT || s == PGRES_COPY_BOTH;
}

static bool is_good(ExecStatusType s)
{
	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_EMPTY_QUERY;
}

static void one_result(struct br_pg *pg, const PGresult *res)
{
	ExecStatusType s = PQresultStatus(res);
	bool at_sync = pg->sent.head &&
		       (pg->sent.head->kind == BR_PG_SYNC || pg->sent.head->kind == BR_PG_DRAIN);

	if (is_copy(s))
		lose_why(pg, "COPY was sent as a statement; the connection is out of step");
	else if (!is_good(s) && PQstatus(pg->conn) == CONNECTION_BAD)
		lose_conn(pg, res);
	else if (!pg->sent.head || (s == PGRES_PIPELINE_SYNC) > at_sync || (is_good(s) && at_sync))
		lose_why(pg, "answers are out of step");
	else if (s == PGRES_PIPELINE_SYNC)
		sync_result(pg, res);
	else if (at_sync) /* an implicit transaction commits there: a deferred constraint speaks up
			   */
		fail_unit(pg, res);
	else
		stmt_result(pg, res, is_good(s));
}

static void take_results(struct br_pg *pg)
{
	/* libpq may say NULL once between two statements; more than that means it has nothing */
	int nulls = 0;

	while (pg->conn && !pg->copying && nulls < 2 && (pg->sent.head || pg->null_due) &&
		!PQisBusy(pg->conn)) {
		PGresult *res = PQgetResult(pg->conn);

		if (!res) {
			nulls = pg->null_due ? 0 : nulls + 1;
			pg->null_due = false;
			continue;
		}
		nulls = 0;
		one_result(pg, res);
		PQclear(res);
	}
}

/* ---- COPY, outside of pipeline mode ---- */

static void start_copy(struct br_pg *pg)
{
	if ((PQpipelineStatus(pg->conn) != PQ_PIPELINE_OFF && !PQexitPipelineMode(pg->conn)) ||
		!PQsendQuery(pg->conn, pg->waiting.head->later->sql)) {
		lose_conn(pg, NULL);
		return;
	}
	pg->copying = COPY_ASKED;
	flush(pg);
}

/* The first error wins, else the last result. */
static void keep_copied(struct br_pg *pg, PGresult *res)
{
	if (pg->copied && !is_good(PQresultStatus(pg->copied))) {
		PQclear(res);
		return;
	}
	PQclear(pg->copied);
	pg->copied = res;
}

static void end_copy(struct br_pg *pg)
{
	struct br_pg_op *op = br_pg_pop(&pg->waiting);
	PGresult *res = pg->copied;

	pg->copied = NULL;
	pg->copying = COPY_NONE;
	if (res && is_good(PQresultStatus(res))) {
		answer(pg, op, res, NULL);
	} else {
		fail_unit(pg, res);
		pg->skipping = true;
		answer_failed(pg, op);
	}
	PQclear(res);
}

/* Results until NULL, or until the server asks for the data. */
static void copy_results(struct br_pg *pg)
{
	while (pg->conn && !PQisBusy(pg->conn)) {
		PGresult *res = PQgetResult(pg->conn);
		ExecStatusType s = PQresultStatus(res);

		if (!res) {
			end_copy(pg);
			return;
		}
		if (s == PGRES_COPY_IN && pg->copying == COPY_ASKED) {
			PQclear(res);
			pg->copying = COPY_PUSHING;
			return;
		}
		if (is_copy(s))
			lose_why(pg, "only COPY ... FROM STDIN can be copied; the connection is "
				     "out of step");
		else if (!is_good(s) && PQstatus(pg->conn) == CONNECTION_BAD)
			lose_conn(pg, res);
		if (!pg->conn)
			PQclear(res);
		else
			keep_copied(pg, res);
	}
}

/*
 * In pieces, each flushed, so that libpq holds one piece and not the whole. -1 from libpq means
 * that the COPY is over already (the results say why) or the connection is.
 */
static void push_copy(struct br_pg *pg)
{
	struct br_pg_later *s = pg->waiting.head->later;
	int rc = 1;

	while (rc == 1 && s->off < s->data.n) {
		size_t n = s->data.n - s->off < COPY_CHUNK ? s->data.n - s->off : COPY_CHUNK;

		rc = PQputCopyData(pg->conn, s->data.p + s->off, (int)n);
		if (rc == 1)
			s->off += n;
		flush(pg);
		if (pg->events & POLLOUT)
			return;
	}
	if (rc == 1)
		rc = PQputCopyEnd(pg->conn, NULL);
	if (rc)
		pg->copying = COPY_ENDING;
	flush(pg);
}

static void copy_turn(struct br_pg *pg)
{
	if (pg->copying == COPY_ASKED)
		copy_results(pg);
	if (pg->copying == COPY_PUSHING)
		push_copy(pg);
	if (pg->copying == COPY_ENDING)
		copy_results(pg);
}

/* ---- what waits ---- */

/*
 * A COPY at the head of waiting: it starts when all before it is answered and the server stands at
 * a sync. Answered is not enough: an error is answered at once, and the server then skips
 * everything up to a sync.
 */
static void approach_copy(struct br_pg *pg)
{
	struct br_pg_op *op;
	struct br_err err;
	int rc;

	if (!pg->unsynced && !pg->sent.head && !pg->null_due)
		start_copy(pg);
	if (!pg->unsynced)
		return;
	op = br_pg_op_get(&pg->spare, BR_PG_DRAIN, NULL, NULL);
	rc = op ? give_sync(pg, op, &err) : br_err_set(&err, BR_E_NOMEM, NULL);
	if (rc && op)
		br_pg_op_put_back(&pg->spare, op);
	if (rc)
		lose(pg, &err);
}

/* A statement that cannot be given must not be left out of its unit silently: the connection goes
 * instead. */
static void give_waiting(struct br_pg *pg)
{
	struct br_pg_op *op = br_pg_pop(&pg->waiting);
	struct br_err err;
	int rc = op->kind == BR_PG_SYNC ? give_sync(pg, op, &err)
					: give_stmt(pg, op, op->later, &err);

	if (!rc) {
		free(op->later);
		op->later = NULL;
		return;
	}
	op->next = pg->waiting.head;
	pg->waiting.head = op;
	if (!pg->waiting.tail)
		pg->waiting.tail = op;
	lose(pg, &err);
}

static void skip_waiting(struct br_pg *pg)
{
	struct br_pg_op *op = br_pg_pop(&pg->waiting);

	if (op->kind == BR_PG_SYNC)
		answer_sync(pg, op, NULL);
	else
		answer_failed(pg, op);
}

static void serve_waiting(struct br_pg *pg)
{
	while (pg->conn && pg->waiting.head && !pg->copying) {
		if (pg->skipping) {
			skip_waiting(pg);
		} else if (pg->waiting.head->kind == BR_PG_COPY) {
			approach_copy(pg);
			return;
		} else {
			give_waiting(pg);
		}
	}
}

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
	take_results(pg);
	if (pg->conn && pg->copying)
		copy_turn(pg);
	serve_waiting(pg);
	notifications(pg);
	if (pg->conn && PQstatus(pg->conn) == CONNECTION_BAD)
		lose_conn(pg, NULL);
	if (!pg->conn)
		return;
	flush(pg);
	/* Full a moment ago, empty now: no POLLOUT will come to push the next piece. */
	if (pg->copying == COPY_PUSHING && !(pg->events & POLLOUT))
		soon(pg);
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
	return fd < 0 ? 0 : br_loop_watch(pg->loop, fd, events, on_ready, pg);
}

static void connected(struct br_pg *pg)
{
	br_timer_set(pg->loop, &pg->patience, -1);
	if (watch(pg, POLLIN) || PQsetnonblocking(pg->conn, 1) || !PQenterPipelineMode(pg->conn)) {
		lose_conn(pg, NULL);
		return;
	}
	tell_state(pg, BR_PG_UP, NULL);
}

static void go_on_connecting(struct br_pg *pg)
{
	PostgresPollingStatusType s = PQconnectPoll(pg->conn);

	if (s == PGRES_POLLING_OK)
		connected(pg);
	else if (s == PGRES_POLLING_FAILED)
		lose_conn(pg, NULL);
	else if (watch(pg, s == PGRES_POLLING_READING ? POLLIN : POLLOUT))
		lose_why(pg, "no memory to watch the socket");
}

static void begin_connecting(struct br_pg *pg)
{
	pg->want_connect = false;
	if (pg->conn)
		lose_why(pg, "the connection is being opened anew");
	if (pg->doomed || pg->conn)
		return;
	pg->want_connect = false;
	pg->state = BR_PG_CONNECTING;
	pg->conn = PQconnectStartParams(pg->opts.keys, pg->opts.values, 0);
	if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
		lose_conn(pg, NULL);
		return;
	}
	br_pg_quiet(pg->conn);
	br_timer_set(pg->loop, &pg->patience, pg->opts.connect_us);
	if (watch(pg, POLLOUT))
		lose_why(pg, "no memory to watch the socket");
}

static void patience_over(void *arg)
{
	struct br_pg *pg = arg;

	enter(pg);
	lose_why(pg, "no answer within connect_timeout");
	leave(pg);
}

void br_pg_connect(struct br_pg *pg)
{
	pg->want_connect = true;
	soon(pg);
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

static void on_ready(void *arg, int fd, short revents)
{
	struct br_pg *pg = arg;

	(void)fd;
	enter(pg);
	if (pg->state != BR_PG_UP) {
		go_on_connecting(pg);
	} else {
		if (revents & POLLOUT)
			flush(pg);
		/* a failure shows as CONNECTION_BAD, after the answers that came before it are read
		 */
		if (revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL))
			PQconsumeInput(pg->conn);
		work(pg);
	}
	leave(pg);
}
