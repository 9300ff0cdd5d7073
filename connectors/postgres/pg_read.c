/* Reading by key: for polls of records with parts, refetches and the sweep. Root and parts come
 * from one snapshot. */
#include "pg_private.h"
#include <stdlib.h>

#define BEGIN_READ "begin isolation level repeatable read read only"

/* Keys are copied into the arena of the phase. */
int pg_read_add(struct pg *p, struct br_str lid)
{
	if (p->read.n == p->read.room) {
		size_t room = p->read.room ? p->read.room * 2 : 1024;
		struct br_str *more = realloc(p->read.lids, room * sizeof(*more));

		if (!more)
			return -BR_E_NOMEM;
		p->read.lids = more;
		p->read.room = room;
	}
	lid = br_arena_copy(conn_arena(p->c), lid);
	if (!lid.p)
		return -BR_E_NOMEM;
	p->read.lids[p->read.n++] = lid;
	return 0;
}

static void tell_row(struct pg *p, struct pg_row *row)
{
	const struct pg_record *r = p->rows.record;
	struct image img;
	struct br_err err;
	int rc = pg_rows_image(&p->rows, row, &img, &err);

	if (rc > 0)
		conn_observe(
			p->c, r->conn, row->lid, &img, row->src_ts_ms, row->by, p->read.reason);
	else if (rc < 0)
		conn_observe_bad(
			p->c, r->conn, row->lid, pg_rows_raw(&p->rows, row), &err, p->read.reason);
	else
		conn_observe(p->c, r->conn, row->lid, NULL, 0, BR_STR_NONE, p->read.reason);
}

static void on_read(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;
	struct br_err e;

	if (pg_gone(p, err))
		return;
	if (!res || p->rows.failed) {
		if (res)
			br_err_set(&e, BR_E_NOMEM, NULL);
		pg_fail(p, res ? &e : err);
		return;
	}
	for (size_t i = 0; i < p->rows.n && p->read.reason != OBS_SWEEP && !p->failed; i++)
		tell_row(p, &p->rows.row[i]);
	p->read.n = 0;
	if (!p->failed)
		p->read.done(p);
}

void pg_read_keys(struct pg *p, struct pg_record *r)
{
	struct br_err err;
	bool alone = r->ntables == 1; /* one statement is one snapshot */
	int rc = pg_rows_init(&p->rows, p->pg, r, p->read.lids, p->read.n, &p->scratch,
		p->check_utf8, conn_arena(p->c));

	if (rc)
		br_err_set(&err, BR_E_NOMEM, NULL);
	if (!rc && !alone)
		rc = br_pg_send(
			p->pg, "cb_begin_read", BEGIN_READ, 0, NULL, NULL, false, NULL, NULL, &err);
	if (!rc)
		rc = pg_rows_send(&p->rows, PG_ROWS_READ, &err);
	if (!rc && !alone)
		rc = br_pg_send(
			p->pg, "cb_commit", "commit", 0, NULL, NULL, false, NULL, NULL, &err);
	if (!rc)
		rc = br_pg_sync(p->pg, on_read, p, &err);
	if (rc)
		pg_fail(p, &err);
}
