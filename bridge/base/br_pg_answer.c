/* What comes back: results in pipeline mode, units that fail, the connection that goes. */
#include "br_pg_private.h"

/* ---- answering ---- */

static bool is_ours(const struct br_pg_op *op)
{
	return op->kind == BR_PG_PREPARE || op->kind == BR_PG_DRAIN;
}

/* op is off its queue; it goes back to the spare ones first, since the callback may free pg. */
void br_pg_answer(
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

void br_pg_tell_state(struct br_pg *pg, enum br_pg_state state, const struct br_err *err)
{
	pg->state = state;
	if (pg->on_state)
		pg->on_state(pg->state_arg, state, err);
}

void br_pg_lose(struct br_pg *pg, const struct br_err *err)
{
	struct br_err why = *err; /* err may be pg's own */

	br_pg_drop_conn(pg);
	br_pg_join(&pg->sent, &pg->waiting);
	for (struct br_pg_op *op; (op = br_pg_pop(&pg->sent));)
		br_pg_answer(pg, op, NULL, &why);
	if (!pg->doomed)
		br_pg_tell_state(pg, BR_PG_DOWN, &why);
}

void br_pg_lose_why(struct br_pg *pg, const char *why)
{
	struct br_err err;

	br_err_set(&err, BR_E_PG_UNAVAILABLE, "why", why, NULL);
	br_pg_lose(pg, &err);
}

void br_pg_lose_conn(struct br_pg *pg, const PGresult *res)
{
	struct br_err err;

	br_pg_err(pg->conn, res, &err);
	br_pg_lose(pg, &err);
}

void br_pg_fail_unit(struct br_pg *pg, const PGresult *res)
{
	if (!pg->failed)
		br_pg_err(pg->conn, res, &pg->failure);
	pg->failed = true;
}

/* The owner's sync: what follows is a new unit. */
void br_pg_answer_sync(struct br_pg *pg, struct br_pg_op *op, const PGresult *res)
{
	struct br_err failure;
	bool failed = pg->failed;

	if (failed)
		failure = pg->failure;
	pg->failed = pg->skipping = false;
	br_pg_answer(pg, op, failed ? NULL : res, failed ? &failure : NULL);
}

/* The callback may free pg or see the connection go, so the error is not pg's own. */
void br_pg_answer_failed(struct br_pg *pg, struct br_pg_op *op)
{
	struct br_err failure = pg->failure;

	br_pg_answer(pg, op, NULL, &failure);
}

/* ---- results in pipeline mode ---- */

static void note_name(struct br_pg *pg, const struct br_pg_op *op, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	struct br_pg_name *name;

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
		br_pg_answer_sync(pg, op, res);
		return;
	}
	pg->skipping = pg->failed;
	br_pg_answer(pg, op, NULL, NULL);
}

static void stmt_result(struct br_pg *pg, const PGresult *res, bool good)
{
	struct br_pg_op *op = br_pg_pop(&pg->sent);

	note_name(pg, op, res);
	pg->null_due = true;
	if (good) {
		br_pg_answer(pg, op, res, NULL);
		return;
	}
	br_pg_fail_unit(pg, res);
	br_pg_answer_failed(pg, op);
}

static void one_result(struct br_pg *pg, const PGresult *res)
{
	ExecStatusType s = PQresultStatus(res);
	bool at_sync = pg->sent.head &&
		       (pg->sent.head->kind == BR_PG_SYNC || pg->sent.head->kind == BR_PG_DRAIN);

	if (br_pg_is_copy(s))
		br_pg_lose_why(pg, "COPY was sent as a statement; the connection is out of step");
	else if (!br_pg_is_good(s) && PQstatus(pg->conn) == CONNECTION_BAD)
		br_pg_lose_conn(pg, res);
	else if (!pg->sent.head || (s == PGRES_PIPELINE_SYNC) > at_sync ||
		 (br_pg_is_good(s) && at_sync))
		br_pg_lose_why(pg, "answers are out of step");
	else if (s == PGRES_PIPELINE_SYNC)
		sync_result(pg, res);
	else if (at_sync) /* an implicit transaction commits there: a deferred constraint speaks up
			   */
		br_pg_fail_unit(pg, res);
	else
		stmt_result(pg, res, br_pg_is_good(s));
}

void br_pg_take_results(struct br_pg *pg)
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
