/*
 * conn_deliver.c - what the bridge says.
 *
 * Everything before our own BEGIN belongs to somebody else. From there on (hub_epoch, pseq) must
 * rise: what does not is a repetition, what leaves a hole inside one hub_epoch is a loss, and
 * losses are answered with a new handshake. A BEGIN for somebody else with a higher epoch means
 * that we have been replaced.
 */
#include "conn_internal.h"

#include "br_crash.h"
#include "br_log.h"
#include "br_rule.h"

#include <stdio.h>

#define TAKE 64

static void end_with(struct conn *c, enum conn_ending how, enum br_err_code code, const char *key,
	const char *value)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, code, "system", c->system_name, key, value, NULL);
	conn_end(c, how, 75, &err);
}

static void own_begin(struct conn *c, const struct msg *m)
{
	struct br_err err;

	br_err_clear(&err);
	if (conn_read_spec(c, m->spec, &err) != 0) {
		conn_end(c, END_RETRY, 0, &err);
		return;
	}
	c->hub_epoch = m->epoch;
	c->pseq = m->seq;
	c->epoch = m->assigned;
	c->seq = 0;
	c->heard_us = br_loop_now(c->loop);
	c->stage = CONN_COLLECT;
	BR_CRASH_POINT("conn.begin_heard");
}

/*
 * A BEGIN after our own: of a bridge that crashed while it answered and answers again, or for
 * somebody else. With our nonce and another epoch it answers a late copy of our HELLO: what we say
 * under our epoch counts no more.
 */
static void later_begin(struct conn *c, const struct msg *m)
{
	if (!br_str_eq(m->nonce, br_str_z(c->nonce)))
		return;
	if (m->assigned > c->epoch)
		end_with(c, END_RETRY, BR_E_CONN_RESTART, "why", "HELLO was counted twice");
	else if (!br_str_eq(m->spec, c->spec_text))
		end_with(c, END_RETRY, BR_E_CONN_SPEC_CHANGED, "epoch", "");
}

/* By the BEGIN of our successor, or, should we have read that before our own from a bridge that was
 * slow, by the epoch that PING says counts. */
static bool replaces_us(const struct conn *c, const struct msg *m)
{
	bool others = m->type == MSG_BEGIN && !br_str_eq(m->nonce, br_str_z(c->nonce));

	return !BR_WITHOUT(EPOCH_FENCE) && (others || m->type == MSG_PING) &&
	       m->assigned > c->epoch;
}

static void fenced(struct conn *c, const struct msg *m)
{
	char epoch[24];

	snprintf(epoch, sizeof(epoch), "%lld", (long long)m->assigned);
	end_with(c, END_EXIT, BR_E_CONN_FENCED, "epoch", epoch);
}

/* The epoch is ours and the outstanding set is complete: take the system, then settle, then read.
 */
static void fence(struct conn *c, const struct msg *m)
{
	struct br_err err;

	if (c->stage != CONN_COLLECT || !br_str_eq(m->nonce, br_str_z(c->nonce)))
		return;
	c->heard_us = br_loop_now(c->loop);
	c->inherited = m->attempted;
	if (m->cursor.n)
		conn_set_cursor(c, m->cursor);
	c->sweep_full = m->sweep_mode == SWEEP_FULL;
	snprintf(c->known_inc, sizeof(c->known_inc), "%.*s", BR_STR_ARG(m->inc));
	c->known_epoch = m->target_epoch;
	c->known_beat = m->beat;
	c->known_restores = m->restores;
	if (c->restores <= m->restores)
		c->restores = 0; /* it knows */
	conn_begin_settling(c);
	BR_CRASH_POINT("conn.fence_heard");
	br_info("the bridge has answered", L_INT("epoch", c->epoch),
		L_INT("outstanding", (int64_t)c->nsettling),
		L_INT("records", (int64_t)c->nrecords));
	c->stage = CONN_TAKING;
	br_err_clear(&err);
	if (c->kind->begin(c->state, c->epoch, br_str_z(c->nonce), &err) != 0)
		conn_failed(c, &err);
}

static void pause_or_resume(struct conn *c, bool paused)
{
	if (c->paused == paused)
		return;
	BR_CRASH_POINT("conn.pause_or_resume");
	c->paused = paused;
	br_info(paused ? "paused by the bridge" : "resumed by the bridge");
	if (!paused) {
		conn_guard_forgive(c);
		conn_retry_held(c);
		c->wake = true;
	}
}

static void say_alive(struct conn *c)
{
	struct msg m = {.type = MSG_ALIVE};

	c->alive_us = br_loop_now(c->loop);
	conn_emit(c, &m, NULL, BR_STR_NONE);
	BR_CRASH_POINT("conn.alive_said");
	c->alive_seq = m.seq;
}

/* One ALIVE is on its way at any time, and each PING that counts it makes the next one. */
static void ping(struct conn *c, const struct msg *m)
{
	c->heard_us = br_loop_now(c->loop);
	if (!conn_needs_intent(c))
		return;
	if (c->alive_seq && m->assigned == c->epoch && m->counted >= c->alive_seq) {
		c->lease_from_us = c->alive_us;
		c->alive_seq = 0;
	}
	if (!c->alive_seq)
		say_alive(c);
}

static void dispatch(struct conn *c, const struct msg *m)
{
	char why[200];

	switch (m->type) {
	case MSG_BEGIN:
		later_begin(c, m);
		break;
	case MSG_CMD:
		conn_take_command(c, m);
		break;
	case MSG_FENCE:
		fence(c, m);
		break;
	case MSG_PING:
		ping(c, m);
		break;
	case MSG_REFETCH:
		conn_add_refetch(c, m);
		break;
	case MSG_PAUSE:
	case MSG_RESUME:
		pause_or_resume(c, m->type == MSG_PAUSE);
		break;
	case MSG_RESTART:
		snprintf(why, sizeof(why), "%.*s", BR_STR_ARG(m->text));
		end_with(c, END_RETRY, BR_E_CONN_RESTART, "why", why);
		break;
	default:
		break;
	}
}

bool conn_hears_nothing(const struct conn *c)
{
	return br_loop_now(c->loop) - c->heard_us > c->system->lease_ms * 1000;
}

/*
 * An older bridge is still there, and the younger one that we listen to has not been heard for a
 * lease: it is gone, and only a new handshake brings us to the one that is left.
 */
static bool is_widowed(const struct conn *c, const struct msg *m)
{
	return m->epoch < c->hub_epoch && conn_hears_nothing(c);
}

/* True when m is next; a hole ends the session. */
static bool is_next(struct conn *c, const struct msg *m)
{
	char expected[48], found[48];
	struct br_err err;

	if (is_widowed(c, m))
		end_with(c, END_RETRY, BR_E_CONN_RESTART, "why", "an older bridge is left");
	if (m->epoch < c->hub_epoch || (m->epoch == c->hub_epoch && m->seq <= c->pseq))
		return false;
	if (m->epoch == c->hub_epoch && m->seq != c->pseq + 1) {
		snprintf(expected, sizeof(expected), "%lld:%lld", (long long)c->hub_epoch,
			(long long)c->pseq + 1);
		snprintf(found, sizeof(found), "%lld:%lld", (long long)m->epoch, (long long)m->seq);
		br_err_clear(&err);
		br_err_set(&err, BR_E_CONN_GAP, "expected", expected, "found", found, NULL);
		conn_end(c, END_RETRY, 0, &err);
		return false;
	}
	if (m->epoch > c->hub_epoch)
		br_info("the bridge has started again", L_INT("hub_epoch", m->epoch));
	c->hub_epoch = m->epoch;
	c->pseq = m->seq;
	return true;
}

/* The bridge answers only the last of several HELLOs that it reads together: who waits while it
 * lives says hello again. */
static void before_begin(struct conn *c, const struct msg *m)
{
	if (m->type == MSG_BEGIN && br_str_eq(m->nonce, br_str_z(c->nonce)))
		own_begin(c, m);
	else if (m->type == MSG_PING && conn_hears_nothing(c))
		end_with(c, END_RETRY, BR_E_CONN_RESTART, "why", "HELLO was not answered");
}

static void hear_one(struct conn *c, struct br_str value)
{
	struct br_err err;
	struct msg m;

	br_arena_reset(&c->in_arena);
	br_err_clear(&err);
	if (msg_read(value, conn_shape, c, &c->in_arena, &m, &err) != 0) {
		/* before our BEGIN others' commands name records we do not know yet */
		if (c->stage == CONN_HELLO)
			return;
		br_err_wrap(&err, -(int)br_err_code(&err), BR_E_CONN_MESSAGE, "system",
			c->system_name, NULL);
		conn_end(c, END_RETRY, 0, &err);
		return;
	}
	if (c->stage == CONN_HELLO) {
		before_begin(c, &m);
		return;
	}
	/* whichever bridge says so, in whichever order */
	if (replaces_us(c, &m))
		fenced(c, &m);
	else if (is_next(c, &m))
		dispatch(c, &m);
}

void conn_hear(struct conn *c)
{
	struct bus_record r[TAKE];
	size_t n;

	/* all of it before anything is done: a BEGIN for somebody else may stand behind a command
	 */
	while (!c->ending && (n = bus_take(c->bus, r, TAKE)) > 0) {
		for (size_t i = 0; i < n && !c->ending; i++)
			hear_one(c, r[i].value);
		bus_give_back(c->bus, r, n);
	}
	conn_soon(c);
}
