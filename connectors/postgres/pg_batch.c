#include "pg_batch.h"
#include "br_crash.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void start(struct pg *p);

/* ---- the queue ---- */

void pg_apply(void *state, struct conn_command *const *cmds, size_t n)
{
	struct pg *p = state;

	if (p->failed)
		return;
	if (p->queue.at == p->queue.n)
		p->queue.at = p->queue.n = 0;
	if (p->queue.n + n > p->queue.room) {
		size_t room = (p->queue.n + n) * 2;
		struct conn_command **more = realloc(p->queue.cmds, room * sizeof(*more));
		struct br_err err;

		if (!more) {
			br_err_set(&err, BR_E_NOMEM, NULL);
			pg_fail(p, &err);
			return;
		}
		p->queue.cmds = more;
		p->queue.room = room;
	}
	memcpy(p->queue.cmds + p->queue.n, cmds, n * sizeof(*cmds));
	p->queue.n += n;
	pg_batch_next(p);
}

void pg_batch_free(struct pg *p)
{
	if (p->batch)
		br_buf_release(&p->batch->json);
	p->batch = NULL;
	for (unsigned i = 0; p->columns && i < PG_MAX_PARAMS; i++)
		pg_array_release(&p->columns[i]);
	free(p->columns);
	p->columns = NULL;
	free(p->queue.cmds);
	p->queue.cmds = NULL;
}

void pg_batch_next(struct pg *p)
{
	if (!p->failed && !p->batch && p->queue.at < p->queue.n)
		start(p);
}

/* ---- steps ---- */

static void fail(struct pg *p, const struct br_err *err)
{
	pg_fail(p, err);
}

static int plain(struct pg *p, const char *name, const char *sql, struct br_err *err)
{
	return br_pg_send(p->pg, name, sql, 0, NULL, NULL, false, NULL, NULL, err);
}

static void sync_or_fail(struct pg_batch *b, int rc, br_pg_result_fn *next, struct br_err *err)
{
	if (!rc)
		rc = br_pg_sync(b->p->pg, next, b, err);
	if (rc)
		fail(b->p, err);
}

static void end_batch(struct pg *p)
{
	br_buf_release(&p->batch->json);
	p->batch = NULL;
}

static void tell(struct pg *p, struct pg_write *w)
{
	if (w->state == W_LATER) {
		conn_later(p->c, w->cmd, w->later_ms);
		return;
	}
	if (w->state == W_WRITE) {
		w->receipt = (struct conn_receipt){.status = RCPT_APPLIED,
			.lid = w->lid,
			.post = w->has_post ? &w->post : NULL,
			.atomic = true};
	}
	conn_answer(p->c, w->cmd, &w->receipt);
}

static void finish(struct pg_batch *b)
{
	struct pg *p = b->p;
	size_t most = (size_t)p->o->batch;

	BR_CRASH_POINT("postgres.committed");
	if (b->nwrites && b->xid)
		pg_poll_wrote(p, b->xid);
	p->queue.at += b->n;
	p->queue.size = p->queue.size * 2 < most ? p->queue.size * 2 : most;
	for (size_t i = 0; i < b->n && !p->failed; i++)
		tell(p, &b->w[i]);
	end_batch(p);
	pg_batch_next(p);
}

/* The failing command is found by halving; alone, it is refused or put off. */
static void on_rolled_back(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;
	struct pg *p = b->p;

	BR_CRASH_POINT("postgres.rolled_back");
	(void)res;
	if (pg_gone(p, err))
		return;
	if (b->n > 1) {
		p->queue.size = b->n / 2;
		end_batch(p);
		pg_batch_next(p);
		return;
	}
	pg_decide_failed(p, &b->w[0], &b->w[0].err);
	if (!p->failed)
		finish(b);
}

static void roll_back(struct pg_batch *b, const struct br_err *why)
{
	struct br_err err;

	b->w[0].err = *why;
	sync_or_fail(b, plain(b->p, "cb_rollback", "rollback", &err), on_rolled_back, &err);
}

/* True when the batch goes another way: the connection is gone, we are fenced, or a statement
 * failed. */
static bool failed(struct pg_batch *b, const PGresult *res, const struct br_err *err)
{
	struct br_err e;

	if (pg_gone(b->p, err))
		return true;
	if (b->fenced) {
		br_err_set(&e, BR_E_PG_FENCED, NULL);
		fail(b->p, &e);
		return true;
	}
	if (!res) {
		roll_back(b, err);
		return true;
	}
	if (b->dropped) {
		char table[200];

		snprintf(table, sizeof(table), "%.*s", BR_STR_ARG(b->w[0].r->tables[0].name));
		br_err_set(&e, BR_E_PG_DROPPED_ROW, "table", table, "why",
			"the new row was not kept", NULL);
		roll_back(b, &e);
		return true;
	}
	return false;
}

static void on_done(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;

	if (!failed(b, res, err))
		finish(b);
}

static void on_committed(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;

	if (failed(b, res, err))
		return;
	/* only now: a beat that was taken back would look like a restored backup */
	conn_beat(b->p->c, b->beat);
	finish(b);
}

static void commit(struct pg_batch *b)
{
	struct br_err err;
	int rc = b->p->shared_inbox ? pg_send_inbox(b, &err) : 0;

	BR_CRASH_POINT("postgres.committing");
	if (!rc)
		rc = plain(b->p, "cb_commit", "commit", &err);
	sync_or_fail(b, rc, on_committed, &err);
	BR_CRASH_POINT("postgres.commit_sent");
}

static void on_read_again(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;
	struct br_err e;

	if (failed(b, res, err))
		return;
	for (size_t i = 0; i < b->n; i++) {
		struct pg_write *w = &b->w[i];
		struct pg_row *row;

		if (w->state != W_WRITE || w->has_post)
			continue;
		row = pg_rows_find(&b->rows[w->r->number], w->lid);
		w->has_post = row && pg_rows_image(&b->rows[w->r->number], row, &w->post, &e) > 0;
	}
	commit(b);
}

static void on_roots_written(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;
	struct br_err e;

	if (failed(b, res, err))
		return;
	BR_CRASH_POINT("postgres.roots_written");
	if (!pg_needs_more(b))
		commit(b);
	else
		sync_or_fail(b, pg_send_parts(b, &e), on_read_again, &e);
}

static void write_all(struct pg_batch *b)
{
	struct br_err err;

	if (b->nwrites == 0)
		sync_or_fail(b, plain(b->p, "cb_rollback", "rollback", &err), on_done, &err);
	else
		sync_or_fail(b, pg_send_roots(b, &err), on_roots_written, &err);
}

static void on_found(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;

	if (failed(b, res, err))
		return;
	pg_decide_found(b);
	write_all(b);
}

/* What look-ups found is read like anything else. The rows of updates are decided by now, so their
 * place is free; images made of them stay. */
static void read_found(struct pg_batch *b)
{
	struct br_err err;
	int rc = 0;

	for (size_t i = 0; i < b->p->nrecords && !rc; i++) {
		struct pg_record *r = b->p->records[i];
		size_t n = 0;

		for (size_t k = 0; k < b->n; k++) {
			if (b->w[k].r == r && b->w[k].state == W_OPEN)
				b->lids[n++] = b->w[k].found;
		}
		if (!n)
			continue;
		if (pg_rows_init(&b->found[i], b->p->pg, r, b->lids, n, &b->p->scratch,
			    b->p->check_utf8, b->a))
			rc = br_err_set(&err, BR_E_NOMEM, NULL);
		else
			rc = pg_rows_send(&b->found[i], PG_ROWS_READ, &err);
	}
	sync_or_fail(b, rc, on_found, &err);
}

static void on_locked(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;

	if (failed(b, res, err))
		return;
	BR_CRASH_POINT("postgres.locked");
	pg_decide(b);
	if (pg_has_found(b))
		read_found(b);
	else
		write_all(b);
}

/* ---- the first step ---- */

static void take_fence_answer(struct pg_batch *b, const PGresult *res)
{
	b->xid = strtoumax(PQgetvalue(res, 0, 1), NULL, 10);
	b->beat = strtoimax(PQgetvalue(res, 0, 2), NULL, 10);
}

static void on_fence(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;
	const char *state = err ? br_err_detail(err, "sqlstate") : NULL;

	if (res)
		take_fence_answer(b, res);
	if (!res && state && !strcmp(state, "22012"))
		b->fenced = true;
}

static int send_fence(struct pg_batch *b, struct br_err *err)
{
	struct pg *p = b->p;
	char epoch[32];
	struct br_pg_param params[] = {{epoch, 0, false}, {p->nonce, 0, false}};

	snprintf(epoch, sizeof(epoch), "%" PRId64, p->epoch);
	return br_pg_send(p->pg, p->sql.fence.name, p->sql.fence.sql, 2, NULL, params, false,
		on_fence, b, err);
}

static void on_inbox(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_batch *b = arg;

	(void)err;
	b->inbox_read = res != NULL;
	for (int i = 0; res && i < PQntuples(res); i++) {
		size_t at = (size_t)pg_int(res, i, 0) - 1;
		struct pg_write *w = &b->w[at < b->n ? at : 0];

		w->inbox.there = true;
		w->inbox.incarnation = pg_int(res, i, 1);
		w->inbox.n = pg_int(res, i, 2);
		if (!pg_was_done(w))
			continue; /* only an answer given before needs the rest */
		w->inbox.lid = PQgetisnull(res, i, 3) ? BR_STR("")
						      : br_arena_copy(b->a, pg_value(res, i, 3));
		w->inbox.post = PQgetisnull(res, i, 4) ? BR_STR_NONE
						       : br_arena_copy(b->a, pg_value(res, i, 4));
	}
}

static int send_inbox_read(struct pg_batch *b, struct br_err *err)
{
	struct pg_array *x = pg_columns(b->p, 2);
	struct br_pg_param params[2];

	for (size_t i = 0; x && i < b->n; i++) {
		pg_array_add(&x[0], b->w[i].cmd->did.cid);
		pg_array_add(&x[1], b->w[i].cmd->did.rec);
	}
	if (!x || !pg_array_param(&x[0], &params[0]) || !pg_array_param(&x[1], &params[1]))
		return br_err_set(err, BR_E_NOMEM, NULL);
	return br_pg_send(b->p->pg, b->p->sql.inbox_read.name, b->p->sql.inbox_read.sql, 2,
		pg_text_arrays, params, false, on_inbox, b, err);
}

static bool touches_parts(const struct conn_command *c)
{
	return c->set.n && c->set.cells[c->set.n - 1].part > 0;
}

static int send_locks(struct pg_batch *b, struct pg_record *r, struct br_err *err)
{
	struct pg_rows *rows = &b->rows[r->number];
	enum pg_rows_mode mode = PG_ROWS_LOCK;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct conn_command *c = b->w[i].cmd;

		if (b->w[i].r != r || c->op == OP_CREATE || b->w[i].state != W_OPEN ||
			!pg_key_fits(r, c->lid))
			continue;
		b->lids[n++] = c->lid;
		if (touches_parts(c))
			mode = PG_ROWS_LOCK_PARTS;
	}
	if (!n)
		return 0;
	if (pg_rows_init(rows, b->p->pg, r, b->lids, n, &b->p->scratch, b->p->check_utf8, b->a))
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < b->n; i++) {
		struct pg_write *w = &b->w[i];

		if (w->r != r || w->cmd->op == OP_CREATE)
			continue;
		w->row = pg_rows_find(rows, w->cmd->lid);
		if (w->row && w->row->user)
			pg_postpone(w); /* two commands for one record: one after the other */
		else if (w->row)
			w->row->user = w;
	}
	return pg_rows_send(rows, mode, err);
}

/* ---- start ---- */

static int fill(struct pg *p, struct pg_batch *b)
{
	b->p = p;
	b->a = &p->batch_arena;
	b->w = br_arena_array(b->a, struct pg_write, b->n);
	b->lids = br_arena_array(b->a, struct br_str, b->n + 1);
	b->rows = br_arena_array(b->a, struct pg_rows, p->nrecords + 1);
	b->found = br_arena_array(b->a, struct pg_rows, p->nrecords + 1);
	br_buf_init(&b->json, 64u << 20);
	if (!b->w || !b->lids || !b->rows || !b->found)
		return -BR_E_NOMEM;
	for (size_t i = 0; i < b->n; i++) {
		struct pg_write *w = &b->w[i];

		w->cmd = p->queue.cmds[p->queue.at + i];
		w->r = pg_record_of(p, w->cmd->record);
		if (w->cmd->op == OP_CREATE && pg_prepare_create(b, w))
			return -BR_E_NOMEM;
	}
	return pg_part_doubles(b);
}

static struct pg_batch *new_batch(struct pg *p)
{
	size_t waiting = p->queue.n - p->queue.at;
	struct pg_batch *b;

	br_arena_reset(&p->batch_arena);
	b = br_arena_new(&p->batch_arena, struct pg_batch);
	if (!b)
		return NULL;
	if (p->queue.size == 0)
		p->queue.size = (size_t)p->o->batch;
	b->n = waiting < p->queue.size ? waiting : p->queue.size;
	if (fill(p, b))
		return NULL;
	return b;
}

static void start(struct pg *p)
{
	struct pg_batch *b = new_batch(p);
	struct br_err err;
	int rc;

	if (!b) {
		br_err_set(&err, BR_E_NOMEM, NULL);
		fail(p, &err);
		return;
	}
	p->batch = b;
	BR_CRASH_POINT("postgres.batch");
	rc = plain(p, "cb_begin", "begin", &err);
	if (!rc && p->shared_inbox)
		rc = send_fence(b, &err);
	if (!rc && p->shared_inbox)
		rc = send_inbox_read(b, &err);
	for (size_t i = 0; i < p->nrecords && !rc; i++)
		rc = send_locks(b, p->records[i], &err);
	if (!rc)
		rc = pg_send_lookups(b, &err);
	sync_or_fail(b, rc, on_locked, &err);
}
