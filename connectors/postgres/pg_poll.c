/*
 * Polls: what is new since the cursor, record by record.
 *
 * A record without parts comes whole in the page. Of a record with parts the page has only the
 * keys; root and parts are then read together in one snapshot (pg_read.c). An idle poll is one
 * statement with two index probes.
 *
 * The cursor remembers of each feed the place up to which all has been read for good. A feed of
 * ongoing rows (pg_ongoing.h) has no such place.
 */
#include "pg_ongoing.h"
#include "pg_private.h"
#include "br_crash.h"
#include "br_log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define EARLY_US                                                                                   \
	1000000 /* beyond the horizon all is read again after this, and after longer when it is    \
		   much */

static void next_record(struct pg *p);

/* ---- places ---- */

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void place_set(struct pg_place *x, const char *value, const char *key, const char *owner)
{
	struct pg_place new = {copy(value), copy(key), copy(owner)};

	free(x->value);
	free(x->key);
	free(x->owner);
	*x = new;
}

static void place_clear(struct pg_place *x)
{
	place_set(x, NULL, NULL, NULL);
}

void pg_poll_release(struct pg *p)
{
	for (size_t i = 0; i < p->nrecords; i++) {
		for (unsigned f = 0; p->records[i] && f < p->records[i]->nfeeds; f++) {
			struct pg_feed *x = &p->records[i]->feeds[f];

			place_clear(&x->settled);
			place_clear(&x->early);
			place_clear(&x->again);
			place_clear(&x->clamp);
			pg_ongoing_release(x->ongoing);
		}
	}
}

static struct br_str feed_name(const struct pg_feed *f)
{
	return f->record->shape->parts[f->table->part].name;
}

static void write_place(struct br_jw *w, const struct pg_feed *f)
{
	br_jw_key(w, feed_name(f));
	br_jw_object(w);
	br_jw_kstr(w, "by", f->column.name);
	br_jw_kstr(w, "value", br_str_z(f->settled.value));
	if (f->settled.key)
		br_jw_kstr(w, "key", br_str_z(f->settled.key));
	if (f->settled.owner)
		br_jw_kstr(w, "of", br_str_z(f->settled.owner));
	br_jw_end_object(w);
}

/* {"application":{"":{"by":"rv","value":"1234","key":"YDZ1"},"steps":{...}}} */
static struct br_str cursor(struct pg *p)
{
	struct br_jw w;

	br_buf_reset(&p->poll.cursor);
	br_jw_init(&w, &p->poll.cursor);
	br_jw_object(&w);
	for (size_t i = 0; i < p->nrecords; i++) {
		br_jw_key(&w, p->records[i]->name);
		br_jw_object(&w);
		for (unsigned f = 0; f < p->records[i]->nfeeds; f++) {
			if (p->records[i]->feeds[f].settled.value)
				write_place(&w, &p->records[i]->feeds[f]);
		}
		br_jw_end_object(&w);
	}
	br_jw_end_object(&w);
	return br_jw_failed(&w) ? BR_STR_NONE : br_buf_str(&p->poll.cursor);
}

static const char *member(const json_t *object, struct br_str name, const char *key)
{
	const char *k;
	json_t *v;

	json_object_foreach((json_t *)object, k, v)
	{
		if (br_str_eq(br_str_z(k), name))
			return json_string_value(json_object_get(v, key));
	}
	return NULL;
}

/* A place beyond the newest transaction is of another cluster (restored from a dump): all is read
 * again. */
static bool is_from_elsewhere(const struct pg *p, const struct pg_feed *f, const char *value)
{
	return f->tier == PG_TIER_CURSOR &&
	       strtoumax(value, NULL, 10) > strtoumax(p->horizon, NULL, 10);
}

static void restore_feed(struct pg *p, struct pg_feed *f, const json_t *record)
{
	const char *by = member(record, feed_name(f), "by"),
		   *value = member(record, feed_name(f), "value");
	const char *key = member(record, feed_name(f), "key"),
		   *of = member(record, feed_name(f), "of");
	struct br_err err;

	if (f->tier == PG_TIER_ONGOING)
		return;
	place_set(&f->settled, f->tier == PG_TIER_CURSOR ? "0" : "-infinity", NULL, NULL);
	if (!by || !value || !br_str_eq(br_str_z(by), f->column.name))
		return;
	if (!is_from_elsewhere(p, f, value)) {
		place_set(&f->settled, value, f->table->part && !of ? NULL : key,
			f->table->part ? of : NULL);
		return;
	}
	br_err_set(&err, BR_E_PG_CURSOR_BAD, "why", "it lies in the database's future", NULL);
	br_warn("cursor", L_ERR(&err));
}

void pg_poll_restore(struct pg *p)
{
	struct br_str text = conn_cursor(p->c);
	json_error_t e;
	json_t *root = text.n ? json_loadb(text.p, text.n, 0, &e) : NULL;
	struct br_err err;

	if (text.n && !root) {
		br_err_set(&err, BR_E_PG_CURSOR_BAD, "why", e.text, NULL);
		br_warn("cursor", L_ERR(&err));
	}
	for (size_t i = 0; i < p->nrecords; i++) {
		struct pg_record *r = p->records[i];
		const char *name = br_arena_copy(&p->arena, r->name).p;

		for (unsigned f = 0; f < r->nfeeds; f++)
			restore_feed(p, &r->feeds[f], name ? json_object_get(root, name) : NULL);
	}
	json_decref(root);
}

/* ---- pages ---- */

/* Columns of a page behind the list. */
enum { COL_VALUE, COL_KEY, COL_OWNER, COL_LANE, COL_AHEAD, COL_NOW };

static int tail(const struct pg_feed *f)
{
	return f->record->ntables == 1 ? 3 + (int)f->table->ncolumns : 1;
}

static void observe_row(
	struct pg *p, const struct pg_feed *f, const PGresult *res, int i, struct cell *cells)
{
	const struct pg_record *r = f->record;
	struct br_str lid = pg_value(res, i, 0);
	struct image img;
	struct br_err err;

	if (!pg_row_image(r, res, i, 3, p->check_utf8, cells, &img, &err)) {
		conn_observe(
			p->c, r->conn, lid, &img, pg_int(res, i, 1), pg_value(res, i, 2), OBS_POLL);
		return;
	}
	conn_observe_bad(
		p->c, r->conn, lid, pg_row_raw(r, res, i, 3, conn_arena(p->c)), &err, OBS_POLL);
}

static void take_rows(struct pg *p, const struct pg_feed *f, const PGresult *res)
{
	struct cell *cells;

	if (f->record->ntables > 1) {
		for (int i = 0; i < PQntuples(res); i++) {
			if (!PQgetisnull(res, i, 0))
				pg_read_add(p, pg_value(res, i, 0));
		}
		return;
	}
	cells = br_arena_array(conn_arena(p->c), struct cell, f->table->ncolumns + 1);
	for (int i = 0; cells && i < PQntuples(res) && !p->failed; i++) {
		if (!PQgetisnull(res, i, 0))
			observe_row(p, f, res, i, cells);
	}
}

static void place_at(struct pg_place *x, const struct pg_feed *f, const PGresult *res, int row)
{
	int t = tail(f);

	place_set(x, PQgetvalue(res, row, t + COL_VALUE), PQgetvalue(res, row, t + COL_KEY),
		f->table->part ? PQgetvalue(res, row, t + COL_OWNER) : NULL);
}

static void settle(struct pg *p, struct pg_feed *f, const PGresult *res, int row)
{
	place_at(&f->settled, f, res, row);
	p->poll.moved = true;
}

static bool is_full(const struct pg_feed *f, int64_t rows)
{
	return rows >= f->record->read.page;
}

static void cursor_moves(struct pg *p, struct pg_feed *f, const PGresult *res)
{
	int64_t lane[3] = {0, 0, 0};
	int last[3] = {-1, -1, -1}, t = tail(f);

	for (int i = 0; i < PQntuples(res); i++) {
		int l = PQgetvalue(res, i, t + COL_LANE)[0] - '0';

		lane[l]++;
		last[l] = i;
	}
	if (last[0] >= 0)
		settle(p, f, res, last[0]);
	/* nothing but ours up to the horizon, perhaps: not worth a message, but not to be looked
	 * through again */
	if (p->poll.nown && last[2] >= 0 && !is_full(f, lane[0]))
		place_set(&f->settled, PQgetvalue(res, last[2], t + COL_VALUE), NULL, NULL);
	if (last[1] >= 0)
		place_at(&f->early, f, res, last[1]);
	f->early_rows += lane[1];
	p->poll.more |= is_full(f, lane[0]) || is_full(f, lane[1]);
}

/*
 * The place never passes the database's own clock: a row stamped by a clock that runs ahead would
 * hide all that is stamped rightly until then. Such rows are read again each time until their time
 * has come (and told once).
 */
static void changed_moves(struct pg *p, struct pg_feed *f, const PGresult *res)
{
	int n = PQntuples(res), t = tail(f);
	bool full = is_full(f, n);

	for (int i = 0; i < n && !f->clamp.value; i++) {
		if (PQgetvalue(res, i, t + COL_AHEAD)[0] == 't')
			place_set(&f->clamp, PQgetvalue(res, i, t + COL_NOW), NULL, NULL);
	}
	if (n)
		settle(p, f, res, n - 1);
	if (f->clamp.value && !full) {
		place_set(&f->settled, f->clamp.value, NULL, NULL);
		place_clear(&f->clamp);
	}
	p->poll.more |= full;
}

static void ongoing_moves(struct pg *p, struct pg_feed *f, const PGresult *res)
{
	bool full = is_full(f, PQntuples(res));
	struct br_err err;

	if (pg_ongoing_saw(f->ongoing, res, full, br_loop_now(conn_loop(p->c)), &err))
		pg_fail(p, &err);
	p->poll.more |= full || pg_ongoing_missing(f->ongoing);
}

static void on_page(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_feed *f = arg;
	struct pg *p = f->owner;

	if (!res || pg_gone(p, err))
		return;
	BR_CRASH_POINT("postgres.page");
	take_rows(p, f, res);
	if (f->tier == PG_TIER_CURSOR)
		cursor_moves(p, f, res);
	else if (f->tier == PG_TIER_CHANGED)
		changed_moves(p, f, res);
	else
		ongoing_moves(p, f, res);
}

static void on_overlap(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg_feed *f = arg;
	struct pg *p = f->owner;
	int n = res ? PQntuples(res) : 0;

	if (!res || pg_gone(p, err))
		return;
	take_rows(p, f, res);
	f->overlapping = is_full(f, n);
	if (f->overlapping)
		place_at(&f->again, f, res, n - 1);
	p->poll.more |= f->overlapping;
}

/* ---- asking ---- */

static struct br_pg_param text_param(const char *text)
{
	return (struct br_pg_param){text, 0, false};
}

static bool has_key(const struct pg_place *x)
{
	return x->value && x->key;
}

static int add_place(
	struct br_pg_param *params, int n, const struct pg_place *x, const char *beginning)
{
	params[n++] = text_param(x->value ? x->value : beginning);
	if (has_key(x) && x->owner)
		params[n++] = text_param(x->owner);
	if (has_key(x))
		params[n++] = text_param(x->key);
	return n;
}

void pg_poll_wrote(struct pg *p, uint64_t xid)
{
	p->poll.own[(p->poll.own_at + p->poll.nown) % PG_OWN] = xid;
	if (p->poll.nown < PG_OWN)
		p->poll.nown++;
	else
		p->poll.own_at = (p->poll.own_at + 1) % PG_OWN;
}

/* Our transactions that this feed has not passed yet: {12,13}. */
static const char *own_transactions(struct pg *p, const struct pg_feed *f)
{
	uint64_t from = strtoumax(f->settled.value, NULL, 10);
	char *text = br_arena_alloc(conn_arena(p->c), PG_OWN * 21 + 3), *at = text;

	if (!text)
		return "{}";
	*at++ = '{';
	for (size_t i = 0; i < p->poll.nown; i++) {
		uint64_t xid = p->poll.own[(p->poll.own_at + i) % PG_OWN];

		if (xid >= from)
			at += snprintf(at, 22, "%s%" PRIu64, at[-1] == '{' ? "" : ",", xid);
	}
	memcpy(at, "}", 2);
	return text;
}

static int ask_cursor(struct pg *p, struct pg_feed *f, const char *limit, struct br_err *err)
{
	int64_t now = br_loop_now(conn_loop(p->c));
	struct br_pg_param params[8] = {text_param(limit), text_param(own_transactions(p, f))};
	const struct pg_statement *st;
	int n;

	if (f->early.value && now >= f->early_us) {
		place_clear(&f->early);
		f->early_rows = 0;
	}
	if (!f->early.value)
		f->early_us = now + EARLY_US;
	else if (f->early_rows > 1000)
		f->early_us = f->early_us < now + f->early_rows * 100 ? now + f->early_rows * 100
								      : f->early_us;
	st = &f->page[has_key(&f->settled) + 2 * has_key(&f->early)];
	n = add_place(params, 2, &f->settled, "0");
	n = add_place(params, n, &f->early, "0");
	return br_pg_send(p->pg, st->name, st->sql, n, NULL, params, false, on_page, f, err);
}

static int ask_changed(struct pg *p, struct pg_feed *f, const char *limit, struct br_err *err)
{
	struct br_pg_param params[4] = {text_param(limit)};
	const struct pg_statement *st = &f->page[has_key(&f->settled)];
	int n = add_place(params, 1, &f->settled, "-infinity");

	return br_pg_send(p->pg, st->name, st->sql, n, NULL, params, false, on_page, f, err);
}

/* Everything of the last ten minutes or so again: rows that were committed late, or by a slow
 * clock. */
static int ask_overlap(struct pg *p, struct pg_feed *f, const char *limit, struct br_err *err)
{
	int64_t now = br_loop_now(conn_loop(p->c));
	char overlap[48];
	struct br_pg_param params[4] = {
		text_param(limit), text_param(f->settled.value), text_param(overlap)};
	int n;

	if (f->overlapping) {
		n = add_place(params, 1, &f->again, "-infinity");
		return br_pg_send(p->pg, f->page[1].name, f->page[1].sql, n, NULL, params, false,
			on_overlap, f, err);
	}
	if (f->overlap_us && now - f->overlap_us < f->record->read.overlap_every * 1000)
		return 0;
	f->overlap_us = now;
	if (!strcmp(f->settled.value, "-infinity"))
		return 0; /* all is being read anyway */
	snprintf(overlap, sizeof(overlap), "%lld milliseconds", (long long)f->record->read.overlap);
	return br_pg_send(
		p->pg, f->overlap.name, f->overlap.sql, 3, NULL, params, false, on_overlap, f, err);
}

/* Rows that were ongoing and are no longer among them first, then the next page of those that are.
 */
static int ask_ongoing(struct pg *p, struct pg_feed *f, const char *limit, struct br_err *err)
{
	struct br_pg_param params[2] = {text_param(limit)};
	const struct pg_statement *st;
	const char *key, *at;

	for (int64_t n = 0; n < f->record->read.page && (key = pg_ongoing_next(f->ongoing)); n++) {
		if (pg_read_add(p, br_str_z(key)))
			return br_err_set(err, BR_E_NOMEM, NULL);
	}
	p->poll.more |= pg_ongoing_missing(f->ongoing);
	if (p->read.n || !pg_ongoing_begin(f->ongoing, br_loop_now(conn_loop(p->c)), &at))
		return 0;
	st = &f->page[at != NULL];
	params[1] = text_param(at);
	return br_pg_send(
		p->pg, st->name, st->sql, at ? 2 : 1, NULL, params, false, on_page, f, err);
}

static int ask(struct pg *p, struct pg_feed *f, struct br_err *err)
{
	char limit[32];
	int rc;

	f->owner = p;
	snprintf(limit, sizeof(limit), "%lld", (long long)f->record->read.page);
	if (f->tier == PG_TIER_CURSOR)
		return ask_cursor(p, f, limit, err);
	if (f->tier == PG_TIER_ONGOING)
		return ask_ongoing(p, f, limit, err);
	rc = ask_changed(p, f, limit, err);
	return rc ? rc : ask_overlap(p, f, limit, err);
}

static void on_pages(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;

	if (pg_gone(p, err))
		return;
	if (!res) {
		pg_fail(p, err);
		return;
	}
	if (p->read.n) {
		p->read.reason = OBS_POLL;
		p->read.done = next_record;
		pg_read_keys(p, p->records[p->poll.at - 1]);
		return;
	}
	next_record(p);
}

static void ask_record(struct pg *p, struct pg_record *r)
{
	struct br_err err;
	int rc = pg_still_ours(p, &err);

	p->read.n = 0;
	for (unsigned f = 0; f < r->nfeeds && !rc; f++)
		rc = ask(p, &r->feeds[f], &err);
	if (!rc)
		rc = br_pg_sync(p->pg, on_pages, p, &err);
	if (rc)
		pg_fail(p, &err);
}

#define BEAT_EVERY_US 1000000

static void finish(struct pg *p);

static void on_beat(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;
	struct br_err fenced;

	if (!res || pg_gone(p, err))
		return;
	if (PQntuples(res) == 0) {
		br_err_set(&fenced, BR_E_PG_FENCED, NULL);
		pg_fail(p, &fenced);
	} else {
		p->poll.beat = pg_int(res, 0, 0);
	}
}

/* Only a beat that is committed is told: one that a crash of the server takes back would look like
 * a restored backup. */
static void on_beat_stored(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;

	if (p->failed || pg_gone(p, err))
		return;
	if (!res) {
		pg_fail(p, err);
		return;
	}
	conn_beat(p->c, p->poll.beat);
	finish(p);
}

/*
 * What was read and told is counted in our table as what we write is, once a second at most: a
 * backup that is older than what the bridge knows shows it by its beat.
 */
static bool beat(struct pg *p)
{
	int64_t now = br_loop_now(conn_loop(p->c));
	char epoch[32];
	struct br_pg_param params[] = {text_param(epoch), text_param(p->nonce)};
	struct br_err err;

	p->poll.unbeaten |= p->poll.moved;
	if (!p->poll.unbeaten || !p->shared_inbox || conn_only_looks(p->c) ||
		(p->poll.beat_us && now - p->poll.beat_us < BEAT_EVERY_US))
		return false;
	p->poll.beat_us = now;
	p->poll.unbeaten = false;
	snprintf(epoch, sizeof(epoch), "%lld", (long long)p->epoch);
	if (br_pg_send(p->pg, p->sql.beat.name, p->sql.beat.sql, 2, NULL, params, false, on_beat, p,
		    &err) ||
		br_pg_sync(p->pg, on_beat_stored, p, &err))
		pg_fail(p, &err);
	return true;
}

static void finish(struct pg *p)
{
	int64_t now = br_loop_now(conn_loop(p->c)), next = 3600 * 1000;
	struct br_str told = p->poll.moved ? cursor(p) : BR_STR_NONE;

	for (size_t i = 0; i < p->nrecords; i++) {
		int64_t ms = (p->records[i]->due_us - now + 999) / 1000;

		if (p->records[i]->nfeeds && ms < next)
			next = ms;
	}
	BR_CRASH_POINT("postgres.polled");
	p->poll.moved = false;
	conn_polled(p->c, told, p->poll.more, next < 0 ? 0 : next);
}

static void next_record(struct pg *p)
{
	int64_t now = br_loop_now(conn_loop(p->c));

	while (p->poll.at < p->nrecords) {
		struct pg_record *r = p->records[p->poll.at++];

		if (!r->nfeeds || r->due_us > now)
			continue;
		r->due_us = now + r->read.every * 1000;
		ask_record(p, r);
		return;
	}
	if (!beat(p))
		finish(p);
}

void pg_poll(void *state)
{
	struct pg *p = state;

	if (p->failed)
		return;
	if (p->poll.more) {
		/* a page was full: whose, does not matter */
		for (size_t i = 0; i < p->nrecords; i++)
			p->records[i]->due_us = 0;
	}
	p->poll.more = false;
	p->poll.at = 0;
	next_record(p);
}
