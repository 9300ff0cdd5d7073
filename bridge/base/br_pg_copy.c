/* COPY, outside of pipeline mode, and what waits behind it. */
#include "br_pg_private.h"

#include <stdlib.h>

#define COPY_CHUNK 65536

static void start_copy(struct br_pg *pg)
{
	if ((PQpipelineStatus(pg->conn) != PQ_PIPELINE_OFF && !PQexitPipelineMode(pg->conn)) ||
		!PQsendQuery(pg->conn, pg->waiting.head->later->sql)) {
		br_pg_lose_conn(pg, NULL);
		return;
	}
	pg->copying = COPY_ASKED;
	br_pg_flush(pg);
}

/* The first error wins, else the last result. */
static void keep_copied(struct br_pg *pg, PGresult *res)
{
	if (pg->copied && !br_pg_is_good(PQresultStatus(pg->copied))) {
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
	if (res && br_pg_is_good(PQresultStatus(res))) {
		br_pg_answer(pg, op, res, NULL);
	} else {
		br_pg_fail_unit(pg, res);
		pg->skipping = true;
		br_pg_answer_failed(pg, op);
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
		if (br_pg_is_copy(s))
			br_pg_lose_why(pg,
				"only COPY ... FROM STDIN can be copied; the connection is "
				"out of step");
		else if (!br_pg_is_good(s) && PQstatus(pg->conn) == CONNECTION_BAD)
			br_pg_lose_conn(pg, res);
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
		br_pg_flush(pg);
		if (pg->events & POLLOUT)
			return;
	}
	if (rc == 1)
		rc = PQputCopyEnd(pg->conn, NULL);
	if (rc)
		pg->copying = COPY_ENDING;
	br_pg_flush(pg);
}

void br_pg_copy_turn(struct br_pg *pg)
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
	rc = op ? br_pg_give_sync(pg, op, &err) : br_err_set(&err, BR_E_NOMEM, NULL);
	if (rc && op)
		br_pg_op_put_back(&pg->spare, op);
	if (rc)
		br_pg_lose(pg, &err);
}

/* A statement that cannot be given must not be left out of its unit silently: the connection goes
 * instead. */
static void give_waiting(struct br_pg *pg)
{
	struct br_pg_op *op = br_pg_pop(&pg->waiting);
	struct br_err err;
	int rc = op->kind == BR_PG_SYNC ? br_pg_give_sync(pg, op, &err)
					: br_pg_give_stmt(pg, op, op->later, &err);

	if (!rc) {
		free(op->later);
		op->later = NULL;
		return;
	}
	op->next = pg->waiting.head;
	pg->waiting.head = op;
	if (!pg->waiting.tail)
		pg->waiting.tail = op;
	br_pg_lose(pg, &err);
}

static void skip_waiting(struct br_pg *pg)
{
	struct br_pg_op *op = br_pg_pop(&pg->waiting);

	if (op->kind == BR_PG_SYNC)
		br_pg_answer_sync(pg, op, NULL);
	else
		br_pg_answer_failed(pg, op);
}

void br_pg_serve_waiting(struct br_pg *pg)
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
