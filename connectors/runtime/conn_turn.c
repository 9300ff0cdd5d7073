/*
 * conn_turn.c - whose turn it is.
 *
 * One phase at a time, so that a read and a write of one record never overlap. Commands, polls and
 * refetches that are due take turns in a round; the sweep comes when nothing else is due, or when
 * it has waited too long. While a poll is due, no further commands are added to those that run.
 */
#include "conn_internal.h"

#include "br_crash.h"
#include "br_log.h"

#include <stdio.h>
#include <stdlib.h>

#define REFETCH_CHUNK	  200
#define SWEEP_PATIENCE_US 10000000LL

void conn_soon(struct conn *c)
{
	if (conn_alive(c))
		br_timer_set(c->loop, &c->step, 0);
}

/* ---- what is due ---- */

static bool due(const struct conn *c, int64_t at)
{
	return at >= 0 && at <= br_loop_now(c->loop);
}

static bool poll_due(const struct conn *c)
{
	return c->kind->poll && c->stage == CONN_RUN && !c->paused &&
	       (c->wake || due(c, c->poll_at));
}

static bool refetch_due(const struct conn *c)
{
	return c->refetches && c->stage == CONN_RUN && !c->paused;
}

static bool sweep_due(const struct conn *c, int64_t overdue_us)
{
	return c->kind->sweep && c->stage == CONN_RUN && !c->paused && c->sweep_at >= 0 &&
	       due(c, c->sweep_at + overdue_us);
}

static bool is_due(struct conn *c, enum conn_phase p)
{
	switch (p) {
	case PHASE_APPLY:
		return conn_may_apply(c);
	case PHASE_POLL:
		return poll_due(c);
	case PHASE_REFETCH:
		return refetch_due(c);
	default:
		return false;
	}
}

static enum conn_phase next_phase(struct conn *c)
{
	if (sweep_due(c, SWEEP_PATIENCE_US) && c->last_phase != PHASE_SWEEP)
		return PHASE_SWEEP;
	for (int i = 1; i <= PHASES; i++) {
		enum conn_phase p = (enum conn_phase)(((int)c->last_phase + i) % PHASES);

		if (is_due(c, p))
			return p;
	}
	return sweep_due(c, 0) ? PHASE_SWEEP : PHASE_NONE;
}

/* ---- beginning and ending ---- */

static void refetch_some(struct conn *c)
{
	struct conn_refetch *f = c->refetches;
	size_t n = f->n - f->at < REFETCH_CHUNK ? f->n - f->at : REFETCH_CHUNK;
	struct br_str *lids = f->lids + f->at;

	f->at += n;
	BR_CRASH_POINT("conn.refetching");
	c->kind->refetch(c->state, f->record, lids, n);
}

static void begin_phase(struct conn *c, enum conn_phase p)
{
	c->phase = c->last_phase = p;
	switch (p) {
	case PHASE_APPLY:
		conn_apply_some(c);
		break;
	case PHASE_POLL:
		c->wake = false;
		c->poll_at = -1;
		c->kind->poll(c->state);
		break;
	case PHASE_REFETCH:
		refetch_some(c);
		break;
	case PHASE_SWEEP:
		c->sweep_at = -1;
		c->kind->sweep(c->state);
		break;
	default:
		break;
	}
}

static void end_phase(struct conn *c)
{
	if (c->phase == PHASE_REFETCH && c->refetches && c->refetches->at == c->refetches->n) {
		struct conn_refetch *f = c->refetches;

		c->refetches = f->next;
		if (!c->refetches)
			c->refetches_end = &c->refetches;
		free(f);
	}
	c->phase = PHASE_NONE;
	c->phase_over = false;
	br_arena_reset(&c->phase_arena);
}

static void phase_is_over(struct conn *c)
{
	c->phase_over = true;
	conn_soon(c);
}

/* Wakes up for what is due next. */
static void sleep_until_due(struct conn *c)
{
	int64_t now = br_loop_now(c->loop), at = INT64_MAX;

	if (c->paused || c->stage < CONN_SETTLE)
		return;
	if (c->ready && c->write_from_us > now)
		at = c->write_from_us;
	if (c->stage == CONN_RUN && c->kind->poll && c->poll_at >= 0 && c->poll_at < at)
		at = c->poll_at;
	if (c->stage == CONN_RUN && c->kind->sweep && c->sweep_at >= 0 && c->sweep_at < at)
		at = c->sweep_at;
	if (at != INT64_MAX)
		br_timer_set(c->loop, &c->step, at > now ? at - now : 0);
}

/* APPLY ends by itself when all is answered. While nothing else waits, more commands may join. */
static void go_on_applying(struct conn *c)
{
	conn_give_intended(c);
	if (c->nrunning + c->nintents == 0) {
		c->phase_over = true;
		return;
	}
	if (conn_may_apply(c) && !poll_due(c) && !refetch_due(c) && !conn_congested(c))
		conn_apply_some(c);
}

void conn_take_turn(struct conn *c)
{
	enum conn_phase p;

	if (c->phase == PHASE_APPLY)
		go_on_applying(c);
	if (c->phase_over)
		end_phase(c);
	if (c->ending || c->phase != PHASE_NONE)
		return;
	if (c->stage == CONN_SETTLE && c->nsettling == 0)
		conn_running(c);
	/* on_acked comes back here */
	if (c->stopping || conn_congested(c))
		return;
	p = next_phase(c);
	if (p == PHASE_NONE)
		sleep_until_due(c);
	else
		begin_phase(c, p);
}

/* ---- what kinds say about phases ---- */

void conn_polled(struct conn *c, struct br_str cursor, bool more, int64_t next_ms)
{
	if (c->look) {
		conn_look_answered(c->look, more, false);
		return;
	}
	if (!conn_alive(c) || c->phase != PHASE_POLL)
		return;
	if (cursor.n && !br_str_eq(cursor, conn_cursor(c))) {
		conn_set_cursor(c, cursor);
		c->cursor_due = true;
	}
	/* it must not be known later than what it counts */
	c->cursor_due |= c->beat_grew && conn_cursor(c).n;
	if (c->cursor_due)
		conn_tell_cursor(c);
	c->poll_at = br_loop_now(c->loop) + (more || next_ms < 0 ? 0 : next_ms * 1000);
	phase_is_over(c);
}

void conn_wake(struct conn *c)
{
	c->wake = true;
	conn_soon(c);
}

void conn_refetched(struct conn *c)
{
	if (c->look)
		conn_look_answered(c->look, false, false);
	else if (conn_alive(c) && c->phase == PHASE_REFETCH)
		phase_is_over(c);
}

bool conn_walk_demanded(const struct conn *c)
{
	return c->sweep_full || c->look;
}

static void sweep_in(struct conn *c, int64_t ms)
{
	c->sweep_at = ms < 0 ? -1 : br_loop_now(c->loop) + ms * 1000;
	phase_is_over(c);
}

void conn_swept(struct conn *c, bool done, int64_t next_ms)
{
	struct msg m = {.type = MSG_SWEEP, .done = true};
	char id[64];

	if (c->look) {
		conn_look_answered(c->look, false, done);
		return;
	}
	if (!conn_alive(c) || c->phase != PHASE_SWEEP)
		return;
	if (done) {
		m.sweep = (struct br_str){
			id, (size_t)snprintf(id, sizeof(id), "%lld-%lld", (long long)c->epoch,
				    (long long)++c->sweep_number)};
		conn_emit(c, &m, NULL, BR_STR_NONE);
		BR_CRASH_POINT("conn.sweep_said");
		c->sweep_full = false;
	}
	/* a full sweep does not wait between its chunks */
	sweep_in(c, c->sweep_full ? 0 : next_ms);
}

void conn_sweep_later(struct conn *c, int64_t ms)
{
	if (c->look)
		conn_look_answered(c->look, false, false);
	else if (conn_alive(c) && c->phase == PHASE_SWEEP)
		sweep_in(c, ms);
}

struct br_arena *conn_arena(struct conn *c)
{
	return &c->phase_arena;
}

/* ---- refetches ---- */

bool conn_look_again(
	struct conn *c, const struct conn_record *r, const struct br_str *lids, size_t n)
{
	size_t texts = 0;
	struct conn_refetch *f;
	char *to;

	for (size_t i = 0; i < n; i++)
		texts += lids[i].n + 1;
	f = malloc(sizeof(*f) + n * sizeof(struct br_str) + texts);
	if (!f)
		return false;
	*f = (struct conn_refetch){.record = r, .lids = (struct br_str *)(f + 1), .n = n};
	to = (char *)(f->lids + f->n);
	for (size_t i = 0; i < f->n; i++) {
		f->lids[i] = (struct br_str){to, lids[i].n};
		memcpy(to, lids[i].p, lids[i].n);
		to[lids[i].n] = '\0';
		to += lids[i].n + 1;
	}
	*c->refetches_end = f;
	c->refetches_end = &f->next;
	return true;
}

/* Without memory the next sweep asks again. */
void conn_add_refetch(struct conn *c, const struct msg *m)
{
	const struct conn_record *r = conn_find_record(c, m->rec);

	if (r && m->nlids && c->kind->refetch)
		conn_look_again(c, r, m->lids, m->nlids);
}

void conn_drop_refetches(struct conn *c)
{
	while (c->refetches) {
		struct conn_refetch *f = c->refetches;

		c->refetches = f->next;
		free(f);
	}
	c->refetches_end = &c->refetches;
}
