/*
 * The walk over all keys, chunk by chunk in the order of their bytes, and reading single records
 * the bridge asks for.
 *
 * A chunk is told as one hash for each record; the bridge asks for those that differ, for those it
 * does not know, and for those of its own that lie in the range and are missing. A demanded walk
 * goes over all records at once, one after the other. The rolling one takes a chunk of each in
 * turns and passes over records whose walk is off, whose hours have not come, or who still pause;
 * it is over when all have been walked since the last time. Only the first walk over a record
 * without a cursor does not wait for its hours: nothing else finds what ended while nobody read.
 */
#include "pg_private.h"
#include "br_crash.h"
#include <stdio.h>

#define NEVER (-1)

static void fail_nomem(struct pg *p)
{
	struct br_err err;

	br_err_set(&err, BR_E_NOMEM, NULL);
	pg_fail(p, &err);
}

/* ---- refetch ---- */

static void refetched(struct pg *p)
{
	BR_CRASH_POINT("postgres.refetched");
	conn_refetched(p->c);
}

/* A key that cannot be one of this table (the bridge knows it from another time) would fail the
 * statement: nothing is there under it. */
void pg_refetch(void *state, const struct conn_record *record, const struct br_str *lids, size_t n)
{
	struct pg *p = state;
	struct pg_record *r = pg_record_of(p, record);

	if (p->failed)
		return;
	p->read.n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!pg_key_fits(r, lids[i])) {
			conn_observe(p->c, record, lids[i], NULL, 0, BR_STR_NONE, OBS_REFETCH);
		} else if (pg_read_add(p, lids[i])) {
			fail_nomem(p);
			return;
		}
	}
	if (p->read.n == 0) {
		refetched(p);
		return;
	}
	p->read.reason = OBS_REFETCH;
	p->read.done = refetched;
	pg_read_keys(p, r);
}

/* ---- when the next chunk may run ---- */

static int64_t until(const struct pg_window *w, int minute)
{
	bool inside = w->from <= w->to ? minute >= w->from && minute < w->to
				       : minute >= w->from || minute < w->to;

	if (w->from == w->to || inside)
		return 0;
	return (int64_t)((w->from - minute + 24 * 60) % (24 * 60)) * 60 * 1000;
}

static int64_t closed_ms(const struct pg *p, const struct pg_record *r)
{
	if (!r->walked && r->nfeeds && r->feeds[0].tier == PG_TIER_ONGOING)
		return 0;
	return until(&r->window, p->sweep.minute);
}

static bool is_walked(const struct pg *p, const struct pg_record *r)
{
	return r->sweeps || conn_walk_demanded(p->c);
}

/* For its hours, and its pause. */
static int64_t waits_ms(const struct pg *p, const struct pg_record *r)
{
	int64_t closed = closed_ms(p, r),
		rests = (r->rests_us - br_loop_now(conn_loop(p->c))) / 1000;

	if (conn_walk_demanded(p->c))
		return 0;
	return closed > rests ? closed : rests > 0 ? rests : 0;
}

/* From this record on, the first that need not wait, or who waits least; nrecords: none is walked.
 */
static size_t next_from(const struct pg *p, size_t at, int64_t *wait)
{
	size_t next = p->nrecords;

	for (size_t i = 0; i < p->nrecords; i++) {
		size_t r = (at + i) % p->nrecords;
		int64_t ms = waits_ms(p, p->records[r]);

		if (!is_walked(p, p->records[r]) || (next < p->nrecords && ms >= *wait))
			continue;
		next = r;
		*wait = ms;
	}
	return next;
}

/* The first that is walked at all: what time it is there is asked together with its keys. */
static size_t walked_from(const struct pg *p, size_t at)
{
	for (size_t i = 0; i < p->nrecords; i++) {
		size_t r = (at + i) % p->nrecords;

		if (is_walked(p, p->records[r]))
			return r;
	}
	return p->nrecords;
}

/* ---- chunks ---- */

static void keep_place(struct pg_record *r, struct br_str key)
{
	size_t n = key.n < sizeof(r->swept_key) ? key.n : sizeof(r->swept_key);

	memcpy(r->swept_key, key.p ? key.p : "", n);
	r->swept = (struct br_str){r->swept_key, n};
}

/* True when that was the last of them. */
static bool walked(struct pg *p, struct pg_record *r)
{
	r->walked = r->walked_again = true;
	for (size_t i = 0; i < p->nrecords; i++) {
		if (is_walked(p, p->records[i]) && !p->records[i]->walked_again)
			return false;
	}
	for (size_t i = 0; i < p->nrecords; i++)
		p->records[i]->walked_again = false;
	return true;
}

/* Between chunks of two records the shorter of their pauses is kept, so that many records are no
 * greater load than one. */
static void told(struct pg *p)
{
	struct pg_record *r = p->records[p->sweep.record];
	int64_t pause = r->read.sweep_every, wait = 0;
	bool done = p->sweep.last && walked(p, r);

	keep_place(r, p->sweep.last ? BR_STR("") : p->sweep.hi);
	r->rests_us = br_loop_now(conn_loop(p->c)) + pause * 1000;
	p->sweep.record = next_from(p, p->sweep.record + (p->sweep.last ? 1 : 0), &wait);
	r = p->records[p->sweep.record];
	if (r->read.sweep_every < pause)
		pause = r->read.sweep_every;
	conn_swept(p->c, done, wait > pause ? wait : pause);
}

/* Bad rows have no hash: they are told as they are, and left out, so the bridge asks for them when
 * it thinks it knows them. */
static void digest(struct pg *p)
{
	struct pg_rows *x = &p->rows;
	struct msg_digest *d = br_arena_array(conn_arena(p->c), struct msg_digest, x->n + 1);
	struct br_str lo = p->records[p->sweep.record]->swept;
	size_t n = 0;

	if (!d) {
		fail_nomem(p);
		return;
	}
	for (size_t i = 0; i < x->n; i++) {
		struct image img;
		struct br_err err;
		int rc = pg_rows_image(x, &x->row[i], &img, &err);

		if (rc > 0)
			d[n++] = (struct msg_digest){x->row[i].lid, image_hash(&img)};
		else if (rc < 0)
			conn_observe_bad(p->c, x->record->conn, x->row[i].lid,
				pg_rows_raw(x, &x->row[i]), &err, OBS_SWEEP);
	}
	conn_digest(p->c, x->record->conn, lo.n ? p->sweep.lo : BR_STR(""),
		p->sweep.last ? BR_STR("") : p->sweep.hi, d, n);
	told(p);
}

/* The range begins right behind the last key of the chunk before: no text lies between a key and
 * that key with a byte 1. */
static struct br_str behind(struct br_str key, struct br_arena *a)
{
	return key.n ? br_arena_printf(a, "%.*s\x01", BR_STR_ARG(key)) : BR_STR("");
}

static void on_keys(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;
	struct pg_record *r = p->records[p->sweep.record];
	int n;

	if (pg_gone(p, err) || !res)
		return;
	n = PQntuples(res);
	for (int i = 0; i < n; i++) {
		if (!PQgetisnull(res, i, 0) && pg_read_add(p, pg_value(res, i, 0))) {
			fail_nomem(p);
			return;
		}
	}
	p->sweep.lo = behind(r->swept, conn_arena(p->c));
	p->sweep.hi = p->read.n ? p->read.lids[p->read.n - 1] : BR_STR("");
	p->sweep.last = n < r->read.sweep_page || p->sweep.hi.n >= sizeof(r->swept_key);
}

static void on_minute(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;

	(void)err;
	if (res)
		p->sweep.minute = (int)pg_int(res, 0, 0);
}

static void ask_for_keys(struct pg *p);

static void on_chunk(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;
	int64_t wait = 0;

	if (pg_gone(p, err))
		return;
	if (!res) {
		pg_fail(p, err);
		return;
	}
	/* the first chunk after a start comes without having been told when */
	if (closed_ms(p, p->records[p->sweep.record]) && !conn_walk_demanded(p->c)) {
		p->sweep.record = next_from(p, p->sweep.record, &wait);
		if (wait)
			conn_swept(p->c, false, wait);
		else
			ask_for_keys(p);
		return;
	}
	BR_CRASH_POINT("postgres.chunk");
	p->read.reason = OBS_SWEEP;
	p->read.done = digest;
	pg_read_keys(p, p->records[p->sweep.record]);
}

static void ask_for_keys(struct pg *p)
{
	struct pg_record *r = p->records[p->sweep.record];
	const struct pg_statement *st = r->swept.n ? &r->keys : &r->keys_first;
	char limit[32];
	struct br_pg_param params[2] = {{limit, 0, false}};
	struct br_err err;
	int rc;

	p->read.n = 0;
	snprintf(limit, sizeof(limit), "%lld", (long long)r->read.sweep_page);
	if (r->swept.n)
		params[1].p = br_arena_copy(conn_arena(p->c), r->swept).p;
	rc = br_pg_send(p->pg, st->name, st->sql, r->swept.n ? 2 : 1, NULL, params, false, on_keys,
		p, &err);
	if (!rc)
		rc = br_pg_send(p->pg, "cb_minute",
			"select (extract(hour from localtime) * 60 + extract(minute from "
			"localtime))::int",
			0, NULL, NULL, false, on_minute, p, &err);
	if (!rc)
		rc = br_pg_sync(p->pg, on_chunk, p, &err);
	if (rc)
		pg_fail(p, &err);
}

void pg_sweep(void *state)
{
	struct pg *p = state;

	if (p->failed)
		return;
	p->sweep.record = walked_from(p, p->sweep.record);
	if (p->sweep.record == p->nrecords) {
		p->sweep.record = 0;
		conn_swept(p->c, conn_walk_demanded(p->c), NEVER);
		return;
	}
	ask_for_keys(p);
}
