/* Statements and syncs on their way to libpq; prepared names. */
#include "br_pg_private.h"

#include <stdlib.h>

static int find_name(struct br_pg *pg, const char *name)
{
	for (int i = 0; i < pg->nnames; i++)
		if (pg->names[i].name == name || !strcmp(pg->names[i].name, name))
			return i;
	if (pg->nnames == pg->names_room) {
		int room = pg->names_room ? pg->names_room * 2 : 32;
		struct br_pg_name *names = realloc(pg->names, (size_t)room * sizeof(*names));

		if (!names)
			return -1;
		pg->names = names;
		pg->names_room = room;
	}
	pg->names[pg->nnames] = (struct br_pg_name){name, NAME_NONE, 0};
	return pg->nnames++;
}

static int libpq_refused(struct br_pg *pg, struct br_err *err)
{
	br_pg_soon(pg); /* a connection that is gone is noticed there */
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

int br_pg_give_stmt(
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
		br_pg_soon(pg);
	return 0;
}

/* libpq flushes at a sync; what the socket does not take at once goes out when it does. */
void br_pg_flush(struct br_pg *pg)
{
	int rc = PQflush(pg->conn);
	short events = (short)(POLLIN | (rc == 1 ? POLLOUT : 0));

	if (rc < 0)
		br_pg_soon(pg);
	if (events == pg->events)
		return;
	pg->events = events;
	if (br_loop_watch(pg->loop, pg->fd, events, br_pg_on_ready, pg)) {
		pg->events = 0;
		br_pg_soon(pg);
	}
}

int br_pg_give_sync(struct br_pg *pg, struct br_pg_op *op, struct br_err *err)
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
	br_pg_flush(pg);
	return 0;
}
