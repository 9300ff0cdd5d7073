/*
 * conn_work.c - commands: from CMD to RCPT (protocol A6, A7).
 *
 * A command is known by its delivery id. Read again while it waits or runs, it is ignored: its
 * receipt will come. Read again after its answer, the same answer is sent again and nothing is
 * done. Answers are kept as long as the bridge may ask: it has at most `credit` commands out, and
 * reads receipts in order.
 *
 * Kinds whose writes are no transactions with an inbox row (no CONN_INBOX) get a command only after
 * its INTENT is acknowledged, so that a successor knows what may have been called, and with a
 * deadline: no call may outlast the lease. While the lease does not suffice commands wait for the
 * PING that renews it.
 */
#include "conn_internal.h"

#include "br_crash.h"
#include "br_log.h"
#include "br_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#define APPLY_INBOX 512 /* commands given to a kind at a time */
#define APPLY_CALLS 64	/* ... that calls a server for each */
#define LEASE_LEFT                                                                                 \
	8 /* with less than this part of the lease left no call is begun; PING comes every fourth  \
	   */

bool conn_needs_intent(const struct conn *c)
{
	return !(c->promises & CONN_INBOX);
}

/* ---- storage of a command: one piece of memory for its cells and texts ---- */

struct storage {
	struct cell *cells;
	char *texts;
};

static size_t image_texts(const struct image *img)
{
	size_t n = 0;

	for (uint32_t i = 0; i < img->n; i++)
		n += img->cells[i].key.n + img->cells[i].value.n + 2;
	return n;
}

/* p stays NULL only where it was: a cell without text is null, one with an empty text is not */
static struct br_str keep_text(struct storage *to, struct br_str s)
{
	struct br_str kept = {to->texts, s.n};

	if (!s.p)
		return s;
	if (s.n)
		memcpy(to->texts, s.p, s.n);
	to->texts[s.n] = '\0';
	to->texts += s.n + 1;
	return kept;
}

static struct image keep_image(struct storage *to, const struct image *img)
{
	struct image kept = {to->cells, img->n};

	for (uint32_t i = 0; i < img->n; i++) {
		kept.cells[i] = img->cells[i];
		kept.cells[i].key = keep_text(to, img->cells[i].key);
		kept.cells[i].value = keep_text(to, img->cells[i].value);
	}
	to->cells += img->n;
	return kept;
}

static bool keep_command(struct conn_work *w, const struct msg *m)
{
	struct conn_command *cmd = &w->cmd;
	size_t cells = (size_t)m->base.n + m->image.n;
	size_t texts = m->lid.n + m->nk.n + m->did.cid.n + m->did.rec.n + 8 +
		       image_texts(&m->base) + image_texts(&m->image);
	struct storage to;

	w->storage = malloc(cells * sizeof(struct cell) + texts);
	if (!w->storage)
		return false;
	to = (struct storage){w->storage, (char *)w->storage + cells * sizeof(struct cell)};
	cmd->did = m->did;
	cmd->did.cid = keep_text(&to, m->did.cid);
	cmd->did.rec = keep_text(&to, m->did.rec);
	cmd->lid = keep_text(&to, m->lid);
	cmd->nk = keep_text(&to, m->nk);
	cmd->base = keep_image(&to, &m->base);
	cmd->set = keep_image(&to, &m->image);
	cmd->op = m->op;
	cmd->attempted = m->attempted;
	return true;
}

static struct conn_work *new_work(
	struct conn *c, const struct msg *m, struct br_str did, const struct conn_record *r)
{
	struct conn_work *w = calloc(1, sizeof(*w) + did.n + 1);
	char *text = (char *)(w + 1);

	if (!w)
		return NULL;
	memcpy(text, did.p, did.n);
	w->cmd.did_text = (struct br_str){text, did.n};
	w->cmd.record = r;
	if (!keep_command(w, m)) {
		free(w);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, c->by_did, text, did.n, w);
	return w;
}

static void free_work(struct conn *c, struct conn_work *w)
{
	conn_hold(c, w, false);
	HASH_DELETE(hh, c->by_did, w);
	free(w->storage);
	free(w->receipt);
	free(w);
}

void conn_drop_work(struct conn *c)
{
	struct conn_work *w, *next;

	HASH_ITER(hh, c->by_did, w, next)
	free_work(c, w);
	c->ready = c->intents = c->later = c->answered = NULL;
	c->nready = c->nintents = c->nrunning = c->nanswered = c->nsettling = 0;
	br_timer_set(c->loop, &c->later_timer, -1);
}

/* Is there a command of which nobody knows whether it was carried out? Those with our INTENT and no
 * answer, and those inherited and not yet settled. */
bool conn_in_doubt(const struct conn *c)
{
	if (c->nrunning || c->nintents)
		return true;
	for (const struct conn_work *w = c->by_did; w; w = w->hh.next)
		if (w->state != WORK_ANSWERED && w->cmd.attempted && conn_needs_intent(c))
			return true;
	return false;
}

/* ---- a command arrives ---- */

/* The answer again, with a new stamp: the first may have been lost with the bridge that read it. */
static void answer_again(struct conn *c, const struct conn_work *w)
{
	struct br_err err;
	struct msg m;

	BR_CRASH_POINT("conn.answering_again");
	br_err_clear(&err);
	if (msg_read((struct br_str){w->receipt, w->receipt_n}, conn_shape, c, &c->in_arena, &m,
		    &err) != 0 ||
		!conn_emit(c, &m, conn_shape(c, m.sys, m.rec), w->cmd.did_text))
		conn_end(c, END_RETRY, 0, &err);
	else
		c->count.receipts++;
}

void conn_take_command(struct conn *c, const struct msg *m)
{
	struct br_str did = msg_did_text(&m->did, &c->in_arena);
	const struct conn_record *r = conn_find_record(c, m->rec);
	struct conn_work *w;
	struct br_err err;

	HASH_FIND(hh, c->by_did, did.p, did.n, w);
	if (w) {
		c->count.repeated++;
		if (w->state == WORK_ANSWERED)
			answer_again(c, w);
		return;
	}
	w = r ? new_work(c, m, did, r) : NULL;
	if (!w) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_NOMEM, NULL);
		conn_end(c, END_RETRY, 0, &err);
		return;
	}
	BR_CRASH_POINT("conn.command");
	c->count.commands++;
	DL_APPEND(c->ready, w);
	c->nready++;
}

void conn_begin_settling(struct conn *c)
{
	struct conn_work *w;

	DL_FOREACH(c->ready, w)
	{
		w->settling = true;
		c->nsettling++;
		/* whether it was carried out is written in the inbox, which nobody has read yet */
		if (c->promises & CONN_INBOX)
			w->cmd.attempted = true;
	}
}

static void settled(struct conn *c, struct conn_work *w)
{
	if (!w->settling)
		return;
	w->settling = false;
	c->nsettling--;
}

/* ---- giving commands to the kind ---- */

/* How long calls may run. */
static int64_t lease_end(const struct conn *c)
{
	return c->lease_from_us + c->system->lease_ms * 1000;
}

static bool lease_suffices(const struct conn *c)
{
	return lease_end(c) - br_loop_now(c->loop) >= c->system->lease_ms * 1000 / LEASE_LEFT;
}

static void lease_lost(struct conn *c)
{
	struct br_err err;
	char seconds[24];

	snprintf(seconds, sizeof(seconds), "%lld",
		(long long)((br_loop_now(c->loop) - c->heard_us) / 1000000));
	br_err_clear(&err);
	br_err_set(&err, BR_E_CONN_LEASE, "seconds", seconds, "system", c->system_name, NULL);
	conn_end(c, END_RETRY, 0, &err);
}

bool conn_may_apply(struct conn *c)
{
	if (!c->ready || c->paused || c->stopping)
		return false;
	if (!conn_needs_intent(c))
		return true;
	/* a bridge that says nothing any more is to be found by a new handshake */
	return br_loop_now(c->loop) >= c->write_from_us &&
	       (lease_suffices(c) || conn_hears_nothing(c));
}

static void give(struct conn *c, struct conn_work **works, size_t n)
{
	struct conn_command *cmds[APPLY_INBOX];

	for (size_t i = 0; i < n; i++) {
		works[i]->state = WORK_RUNNING;
		cmds[i] = &works[i]->cmd;
	}
	c->nrunning += n;
	BR_CRASH_POINT("conn.giving");
	c->kind->apply(c->state, cmds, n);
}

static void intend(struct conn *c, struct conn_work *w)
{
	struct msg m = {.type = MSG_INTENT, .did = w->cmd.did, .attempt = ++w->attempt};

	w->state = WORK_INTENT;
	DL_APPEND(c->intents, w);
	c->nintents++;
	BR_CRASH_POINT("conn.intent");
	w->intent = conn_emit(c, &m, NULL, w->cmd.did.cid);
	BR_CRASH_POINT("conn.intent_said");
}

static void put_off(struct conn *c, struct conn_work *w, int64_t ms);

/* What the guard holds back anyway is not even looked at, unless a predecessor may have begun it.
 */
static bool hold_back(struct conn *c, struct conn_work *w)
{
	int64_t ms = w->settling || w->cmd.attempted ? 0 : conn_guard_wait(c, w);

	if (ms == 0)
		return false;
	conn_hold(c, w, true);
	put_off(c, w, ms);
	conn_soon(c); /* the phase may have nothing else to do */
	return true;
}

void conn_apply_some(struct conn *c)
{
	size_t max = conn_needs_intent(c) ? APPLY_CALLS : APPLY_INBOX, n = 0;
	struct conn_work *works[APPLY_INBOX];

	if (conn_needs_intent(c) && !lease_suffices(c)) {
		lease_lost(c);
		return;
	}
	while (c->ready && c->nrunning + c->nintents + n < max) {
		struct conn_work *w = c->ready;

		DL_DELETE(c->ready, w);
		c->nready--;
		if (hold_back(c, w))
			continue;
		if (conn_needs_intent(c))
			intend(c, w);
		else
			works[n++] = w;
	}
	if (n)
		give(c, works, n);
}

void conn_give_intended(struct conn *c)
{
	struct conn_work *works[APPLY_CALLS];
	uint64_t acked = bus_acked(c->bus);
	size_t n = 0;

	while (c->intents && c->intents->intent <= acked && lease_suffices(c)) {
		struct conn_work *w = c->intents;

		DL_DELETE(c->intents, w);
		c->nintents--;
		w->cmd.deadline_us = lease_end(c);
		works[n++] = w;
	}
	if (n) {
		BR_CRASH_POINT("conn.intent_acked");
		give(c, works, n);
	}
}

/* ---- answers ---- */

static void remember_answer(struct conn *c, struct conn_work *w)
{
	size_t keep = 2 * (size_t)(c->system->credit > 0 ? c->system->credit : 0) + 64;

	w->receipt = malloc(c->out.n + 1);
	if (w->receipt) {
		memcpy(w->receipt, c->out.p, c->out.n);
		w->receipt_n = c->out.n;
	}
	w->state = WORK_ANSWERED;
	free(w->storage);
	w->storage = NULL;
	DL_APPEND(c->answered, w);
	if (++c->nanswered > keep) {
		struct conn_work *oldest = c->answered;

		DL_DELETE(c->answered, oldest);
		c->nanswered--;
		free_work(c, oldest);
	}
}

/* The record as our own write left it. What was found instead may turn out to be another case's,
 * and while all is read anew after a restore (sweep_full) the bridge is not sure of the rest of the
 * record by the answer alone: then it has to see the record itself, and an order to read it again
 * may be lost with the session. */
static bool shows_our_write(const struct conn *c, const struct conn_receipt *r)
{
	return r->post && !c->sweep_full &&
	       (r->status == RCPT_APPLIED || r->status == RCPT_PROGRESS);
}

/* What the bridge knows of the record from now on. */
static void follow(struct conn *c, const struct conn_command *cmd, const struct conn_receipt *r)
{
	unsigned number = conn_record_number(c, cmd->record);
	struct br_str lid = r->lid.n ? r->lid : cmd->lid;

	if (lid.n == 0 || BR_WITHOUT(CACHE_FOLLOWS))
		return;
	if (shows_our_write(c, r))
		conn_cache_put(c->cache, number, lid, image_hash(r->post));
	else if (r->status == RCPT_GONE)
		conn_cache_put(c->cache, number, lid, CONN_CACHE_ABSENT);
	else
		conn_cache_drop(c->cache, number, lid);
}

static void tell_receipt(
	struct conn *c, const struct conn_command *cmd, const struct conn_receipt *r)
{
	struct msg m = {.type = MSG_RCPT,
		.rec = cmd->did.rec,
		.did = cmd->did,
		.status = r->status,
		.lid = conn_clean_text(r->lid),
		.atomic = r->atomic,
		.doubt = r->doubt,
		.beat = conn_beat_due(c),
		.code = conn_clean_text(r->code),
		.text = conn_clean_text(r->text),
		.ref = conn_clean_text(r->ref)};

	if (r->post) {
		m.has_image = true;
		m.whole = c->promises & CONN_WHOLE;
		m.image = *r->post;
		/* The bridge has base and set; what it knows need not travel. */
		m.beyond = r->status == RCPT_APPLIED && r->atomic &&
			   image_beyond(r->post, &cmd->base, &cmd->set, &c->phase_arena, &m.image);
	}
	c->count.receipts++;
	if (conn_emit(c, &m, cmd->record->shape, cmd->did.cid))
		return;
	/* an image that cannot be sent; the outcome still can, and the record is read again by the
	 * next poll */
	m.has_image = m.whole = m.beyond = m.atomic = false;
	m.text.n = 0;
	m.code = br_str_z(br_err_tag(BR_E_CONN_TEXT));
	conn_cache_drop(c->cache, conn_record_number(c, cmd->record), r->lid.n ? r->lid : cmd->lid);
	conn_emit(c, &m, cmd->record->shape, cmd->did.cid);
}

void conn_answer(struct conn *c, struct conn_command *cmd, const struct conn_receipt *r)
{
	struct conn_work *w = (struct conn_work *)cmd;

	if (!conn_alive(c))
		return;
	BR_CRASH_POINT("conn.receipt");
	conn_guard_answered(c, cmd, r->status);
	follow(c, cmd, r);
	tell_receipt(c, cmd, r);
	if (r->status == RCPT_PROGRESS) {
		BR_CRASH_POINT("conn.progress_said");
		return;
	}
	BR_CRASH_POINT("conn.receipt_said");
	c->nrunning--;
	settled(c, w);
	conn_hold(c, w, false);
	/* out still holds the receipt as it was sent */
	remember_answer(c, w);
	conn_soon(c);
}

static void set_later_timer(struct conn *c)
{
	struct conn_work *w;
	int64_t first = INT64_MAX;

	DL_FOREACH(c->later, w)
	if (w->due_us < first)
		first = w->due_us;
	if (c->later)
		br_timer_set(c->loop, &c->later_timer,
			first > br_loop_now(c->loop) ? first - br_loop_now(c->loop) : 0);
}

static void put_off(struct conn *c, struct conn_work *w, int64_t ms)
{
	w->state = WORK_LATER;
	w->due_us = br_loop_now(c->loop) + (ms > 0 ? ms : 0) * 1000;
	DL_APPEND(c->later, w);
	set_later_timer(c);
}

void conn_later(struct conn *c, struct conn_command *cmd, int64_t ms)
{
	struct conn_work *w = (struct conn_work *)cmd;

	if (!conn_alive(c))
		return;
	BR_CRASH_POINT("conn.put_off");
	c->nrunning--;
	put_off(c, w, ms);
	/* nothing was written now; when no predecessor can have written either, nothing was written
	 * at all, and reading need not wait */
	if (!cmd->attempted || (BR_WITHOUT(INBOX_FIRST) && c->promises & CONN_INBOX))
		settled(c, w);
	conn_soon(c);
}

/* Timer: what was put off is ready again. */
static void again(void *arg)
{
	struct conn *c = arg;
	struct conn_work *w, *next;

	DL_FOREACH_SAFE(c->later, w, next)
	{
		if (w->due_us > br_loop_now(c->loop))
			continue;
		DL_DELETE(c->later, w);
		w->state = WORK_READY;
		DL_APPEND(c->ready, w);
		c->nready++;
	}
	set_later_timer(c);
	conn_soon(c);
}

void conn_retry_held(struct conn *c)
{
	struct conn_work *w;

	DL_FOREACH(c->later, w)
	if (w->held)
		w->due_us = 0;
	set_later_timer(c);
}

void conn_init_work(struct conn *c)
{
	c->later_timer = (struct br_timer){.fn = again, .arg = c};
	c->held_timer = (struct br_timer){.fn = conn_tell_held, .arg = c};
}
