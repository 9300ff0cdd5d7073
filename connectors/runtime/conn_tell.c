#include "conn_internal.h"

#include "br_crash.h"
#include "br_log.h"
#include "br_text.h"

#include <stdio.h>
#include <stdlib.h>

#define CONGESTED 30000 /* messages Kafka has not acknowledged */
#define CURSOR_EVERY_US                                                                            \
	100000LL /* a cursor only shortens what is read again after a crash, so a fast poll need   \
		    not tell each */
#define MAX_RAW 65536 /* bytes of a record that cannot be read, kept for a person to look at */

/* ---- the queue in front of Kafka ---- */

static void wait_for_room(struct conn *c, struct br_str key, struct br_str value)
{
	struct conn_waiting *w = malloc(sizeof(*w) + key.n + value.n);

	if (!w) {
		struct br_err err;

		br_err_clear(&err);
		br_err_set(&err, BR_E_NOMEM, NULL);
		conn_end(c, END_RETRY, 0, &err);
		return;
	}
	w->next = NULL;
	w->key_n = key.n;
	w->value_n = value.n;
	if (key.n)
		memcpy(w->bytes, key.p, key.n);
	memcpy(w->bytes + key.n, value.p, value.n);
	*c->waiting_end = w;
	c->waiting_end = &w->next;
}

/* 0: taken or waiting. Anything else ends the session through the bus's own on_fatal. */
static void send_or_wait(struct conn *c, struct br_str key, struct br_str value)
{
	struct br_err err;

	/* behind what waits already, or the order would be lost */
	if (!c->waiting && bus_send(c->bus, c->in_topic, 0, key, value, NULL, 0, NULL, &err) == 0)
		return;
	if (!c->bus_dead)
		wait_for_room(c, key, value);
}

void conn_flush(struct conn *c)
{
	while (c->waiting) {
		struct conn_waiting *w = c->waiting;

		if (bus_send(c->bus, c->in_topic, 0, (struct br_str){w->bytes, w->key_n},
			    (struct br_str){w->bytes + w->key_n, w->value_n}, NULL, 0, NULL,
			    NULL) != 0)
			return;
		c->waiting = w->next;
		if (!c->waiting)
			c->waiting_end = &c->waiting;
		free(w);
	}
}

void conn_drop_waiting(struct conn *c)
{
	while (c->waiting) {
		struct conn_waiting *w = c->waiting;

		c->waiting = w->next;
		free(w);
	}
	c->waiting_end = &c->waiting;
}

bool conn_congested(const struct conn *c)
{
	return c->waiting || (c->bus && c->said - bus_acked(c->bus) > CONGESTED);
}

uint64_t conn_emit(struct conn *c, struct msg *m, const struct shape *shape, struct br_str key)
{
	m->sys = c->system->name;
	m->epoch = c->epoch;
	m->seq = m->type == MSG_HELLO ? 0 : c->seq + 1;
	m->ts = br_wall_us() / 1000;
	br_buf_reset(&c->out);
	msg_write(m, shape, &c->out);
	if (br_buf_failed(&c->out) || key.n + c->out.n > bus_max_message(c->bus))
		return 0;
	c->seq = m->seq;
	send_or_wait(c, key, br_buf_str(&c->out));
	return ++c->said;
}

/* What can stand in a message: up to the first byte that is no UTF-8, or NUL. */
struct br_str conn_clean_text(struct br_str text)
{
	const char *nul = text.n ? memchr(text.p, '\0', text.n) : NULL;

	if (nul)
		text.n = (size_t)(nul - text.p);
	text.n = br_utf8_check(text);
	return text;
}

/* ---- observations ---- */

static void told(struct conn *c, const struct conn_record *r, struct br_str lid, uint64_t hash)
{
	conn_cache_put(c->cache, conn_record_number(c, r), lid, hash);
	c->count.told++;
}

/* What was read of a record is to be told: not where somebody only looks, and not twice. */
static bool is_news(struct conn *c, const struct conn_record *r, struct br_str lid,
	const struct image *img, const struct br_err *err, enum msg_reason reason, uint64_t hash)
{
	if (c->look) {
		conn_look_record(c->look, r, lid, img, err);
		return false;
	}
	if (!conn_alive(c))
		return false;
	c->count.read++;
	return reason == OBS_REFETCH ||
	       !conn_cache_told(c->cache, conn_record_number(c, r), lid, hash);
}

void conn_observe(struct conn *c, const struct conn_record *r, struct br_str lid,
	const struct image *img, int64_t src_ts_ms, struct br_str by, enum msg_reason reason)
{
	uint64_t hash = img ? image_hash(img) : CONN_CACHE_ABSENT;
	struct msg m = {.type = MSG_OBS,
		.rec = r->name,
		.lid = lid,
		.present = img != NULL,
		.has_image = img != NULL,
		.whole = img && c->promises & CONN_WHOLE,
		.src_ts = src_ts_ms,
		.by = conn_clean_text(by),
		.reason = reason};
	struct br_err err;
	char id[64];

	if (!is_news(c, r, lid, img, NULL, reason, hash))
		return;
	if (img)
		conn_is_there(c, r, lid);
	else if (!conn_is_missing(c, r, lid))
		return;
	if (img)
		m.image = *img;
	BR_CRASH_POINT("conn.observation");
	if (conn_emit(c, &m, r->shape, lid)) {
		BR_CRASH_POINT("conn.observation_said");
		told(c, r, lid, hash);
		return;
	}
	br_err_clear(&err);
	snprintf(id, sizeof(id), "%.*s", BR_STR_ARG(conn_clean_text(lid)));
	if (br_buf_failed(&c->out))
		br_err_set(&err, BR_E_CONN_TEXT, "system", c->system_name, "lid", id, NULL);
	else
		br_err_set(
			&err, BR_E_TOO_BIG, "what", "the record", "max", "message.max.bytes", NULL);
	c->count.read--;
	conn_observe_bad(c, r, lid, BR_STR_NONE, &err, reason);
}

void conn_observe_bad(struct conn *c, const struct conn_record *r, struct br_str lid,
	struct br_str raw, const struct br_err *err, enum msg_reason reason)
{
	struct msg m = {.type = MSG_OBS,
		.rec = r->name,
		.lid = conn_clean_text(lid),
		.present = true,
		.raw = raw,
		.reason = reason};
	uint64_t hash = br_hash(raw.p, raw.n) ^ 1;
	const char *why = br_err_detail(err, "why");
	char text[600];

	if (!is_news(c, r, lid, NULL, err, reason, hash))
		return;
	if (m.raw.n > MAX_RAW)
		m.raw.n = MAX_RAW;
	m.code = br_str_z(br_err_tag((int)br_err_code(err)));
	/* code and reason make the message again where it is parked; a code without a reason comes
	 * as its sentence */
	m.text = conn_clean_text(
		br_str_z(why ? why : br_err_sentence(err, br_lang_from_env(), text, sizeof(text))));
	c->count.bad++;
	if (conn_emit(c, &m, r->shape, m.lid))
		told(c, r, lid, hash);
}

/* ---- digests and cursors ---- */

void conn_digest(struct conn *c, const struct conn_record *r, struct br_str lo, struct br_str hi,
	const struct msg_digest *d, size_t n)
{
	struct msg m = {.type = MSG_DIGEST,
		.rec = r->name,
		.lo = lo,
		.hi = hi,
		.digests = (struct msg_digest *)d,
		.ndigests = n};
	struct br_err err;
	char id[64];

	if (c->look) {
		conn_look_digest(c->look, r, lo, hi, d, n);
		return;
	}
	if (!conn_alive(c))
		return;
	if (conn_emit(c, &m, NULL, lo)) {
		BR_CRASH_POINT("conn.digest_said");
		c->count.digests++;
		return;
	}
	/* a key of the system that is no text at all: the sweep cannot tell of it, but the rest
	 * goes on */
	br_err_clear(&err);
	snprintf(id, sizeof(id), "%.*s", BR_STR_ARG(conn_clean_text(lo)));
	br_err_set(&err, BR_E_CONN_TEXT, "system", c->system_name, "lid", id, NULL);
	br_warn("a part of the sweep cannot be told", L_ERR(&err));
}

void conn_set_cursor(struct conn *c, struct br_str cursor)
{
	char *copy = malloc(cursor.n + 1);

	if (!copy)
		return;
	if (cursor.n)
		memcpy(copy, cursor.p, cursor.n);
	copy[cursor.n] = '\0';
	free(c->cursor);
	c->cursor = copy;
	c->cursor_n = cursor.n;
}

struct br_str conn_cursor(struct conn *c)
{
	return (struct br_str){c->cursor, c->cursor_n};
}

#define BEAT_EVERY_US 1000000LL

int64_t conn_beat_due(struct conn *c)
{
	int64_t now = br_loop_now(c->loop);

	if (!c->beat_grew || (c->beat_told_us && now - c->beat_told_us < BEAT_EVERY_US))
		return 0;
	c->beat_told_us = now;
	c->beat_grew = false;
	return c->beat;
}

void conn_tell_cursor(struct conn *c)
{
	struct msg m = {.type = MSG_CURSOR, .cursor = conn_cursor(c), .beat = c->beat};
	int64_t now = br_loop_now(c->loop);

	if (!c->cursor_due)
		return;
	if (now - c->cursor_told_us < CURSOR_EVERY_US && !c->stopping) {
		br_timer_set(
			c->loop, &c->cursor_timer, CURSOR_EVERY_US - (now - c->cursor_told_us));
		return;
	}
	BR_CRASH_POINT("conn.cursor");
	c->cursor_due = c->beat_grew = false;
	c->cursor_told_us = c->beat_told_us = now;
	if (!conn_emit(c, &m, NULL, BR_STR_NONE))
		br_warn("a cursor cannot be told", L_STR("cursor", conn_clean_text(m.cursor)));
	BR_CRASH_POINT("conn.cursor_said");
}
