/*
 * hub_bridge_pipeline.c - the way of a batch: take, load, fold, store, publish.
 *
 * Two batches are on their way, and there is one order of everything: they are folded, stored and
 * published one behind the other. While one is stored, the other is taken, decoded, loaded (the
 * ledger finds what the first has changed in the first's world) and folded, and its statements are
 * sent behind those of the first.
 *
 *     take | load | fold | store                  | publish
 *                          take | load | fold | (waits) store            | publish
 *                                                          take | load | fold | ...
 */
#include "hub_bridge_internal.h"
#include "hub_publish.h"

#include "br_crash.h"
#include "br_rule.h"

#include <stdlib.h>

#define LOOK_AGAIN_US 500000 /* whether a target at its credit still stands in the way */
#define REFUSED_MAX   20 /* records in a row that the ledger refuses: not they are what is wrong */

/* ---- published watermark ---- */

void bridge_on_acked(void *arg)
{
	struct bridge *b = arg;
	uint64_t acked = bus_acked(b->bus);
	size_t done = 0;

	while (done < b->nmarks && b->marks[done].ticket <= acked) {
		BR_CRASH_POINT("bridge.acked");
		for (size_t i = 0; i < b->nrows; i++)
			b->next[i].published = b->marks[done].next[i];
		done++;
	}
	if (done) {
		for (size_t i = 0; i < done; i++)
			free(b->marks[i].next);
		memmove(b->marks, b->marks + done, (b->nmarks - done) * sizeof(*b->marks));
		b->nmarks -= done;
	}
	if (!b->blocked) {
		/* it may have waited for its record */
		if (b->phase == PHASE_OPEN && b->first->stage == STAGE_STORED)
			bridge_go_on(b);
		return;
	}
	b->blocked = false;
	if (b->phase == PHASE_BEGINNING)
		bridge_send_begin(b);
	else
		bridge_go_on(b);
}

static void mark_published(struct bridge *b, const struct slot *s)
{
	struct watermark *m;

	/* The last mark stands for earlier ones when there are too many. */
	if (b->nmarks == BR_LEN(b->marks)) {
		b->nmarks--;
		free(b->marks[b->nmarks].next);
	}
	m = &b->marks[b->nmarks];
	m->next = malloc(b->nrows * sizeof(*m->next));
	if (!m->next)
		return;
	m->ticket = bus_sent(b->bus);
	for (size_t i = 0; i < b->nrows; i++)
		m->next[i] = s->after[i].next;
	b->nmarks++;
}

/* ---- take, load, fold, store ---- */

/* Content, not circumstances: what is wrong with it will be wrong again. */
static bool is_refusal(const struct br_err *err)
{
	static const char *const classes[] = {"21", "22", "23", "54"};
	const char *state = br_err_detail(err, "sqlstate");

	for (size_t i = 0; state && i < BR_LEN(classes); i++)
		if (strncmp(state, classes[i], 2) == 0)
			return true;
	return false;
}

static void on_stored(void *arg, const struct br_err *err)
{
	struct slot *s = arg;
	struct bridge *b = s->bridge;
	bool single = hub_batch_is_single(&s->batch);

	if (err && is_refusal(err) && b->phase == PHASE_CATCHING_UP) {
		bridge_cannot_again(b, &s->again, NULL);
		return;
	}
	if (err && hub_batch_may_be_refused(&s->batch) && is_refusal(err) &&
		b->refused < REFUSED_MAX && b->phase != PHASE_CLOSED) {
		b->refused += single;
		hub_batch_refused(&s->batch, b->sources, err);
		bridge_forget(b, &s->batch.folded);
		b->backoff_us = RETRY_FIRST_US;
	}
	if (!bridge_is_answer(b, err))
		return;
	BR_CRASH_POINT("bridge.stored");
	s->stage = STAGE_STORED;
	b->known_stored = s->after[b->nsources].next;
	/* nothing is told of what is folded again, and what was told late is still to review */
	if (!s->batch.again)
		memcpy(b->ours, s->after, b->nrows * sizeof(*b->ours));
	b->batches++;
	b->backoff_us = RETRY_FIRST_US;
	if (!single)
		b->refused = 0;
	bridge_go_on(b);
}

/* Nothing is folded before a HELLO is answered, for its answer is what the ledger then holds. */
static bool holds_up(const struct bridge *b, const struct slot *s)
{
	return s->stage == STAGE_STORING
		       ? s->batch.world.begins
		       : s->stage == STAGE_STORED && (s->batch.world.begins || b->reannounce);
}

static void fold_and_store(struct bridge *b, struct slot *s)
{
	BR_CRASH_POINT("bridge.folding");
	memcpy(s->before, b->next, b->nrows * sizeof(*b->next));
	hub_batch_fold(&s->batch, b->sources, b->nsources, b->next, br_loop_now(b->loop));
	b->next[b->nsources].next++;
	for (size_t i = 0; s->batch.again && i < b->nsources; i++)
		b->next[i].published = s->again.published[i];
	if (s->batch.again && s->again.told)
		b->next[b->nsources].published = s->again.told;
	memcpy(s->after, b->next, b->nrows * sizeof(*b->next));
	s->stage = STAGE_STORING;
	s->record = 0;
	BR_CRASH_POINT("bridge.folded");
	if (!s->batch.again)
		bridge_write_record(b, s);
	else if (!bridge_is_same(b, s))
		return;
	ledger_store(b->ledger, &s->batch.world, s->before, s->after, b->nrows, on_stored, s);
	bridge_tell(b, s);
}

static void on_matched(void *arg, const struct br_err *err)
{
	struct slot *s = arg;

	if (!bridge_is_answer(s->bridge, err))
		return;
	BR_CRASH_POINT("bridge.matched");
	s->stage = STAGE_LOADED;
	bridge_go_on(s->bridge);
}

/* What the batch must find as the other one leaves it. */
static const struct hub_world *newer_than(const struct bridge *b, const struct slot *s)
{
	const struct slot *other = s == b->first ? b->ahead : b->first;

	return other->stage >= STAGE_STORING && !BR_WITHOUT(NEWER) ? &other->batch.world : NULL;
}

static void on_loaded(void *arg, const struct br_err *err)
{
	struct slot *s = arg;
	struct bridge *b = s->bridge;

	if (!bridge_is_answer(b, err))
		return;
	BR_CRASH_POINT("bridge.loaded");
	if (!hub_batch_want_matches(&s->batch, b->sources))
		on_matched(s, NULL);
	else
		ledger_load(b->ledger, &s->batch.world, newer_than(b, s), &s->batch.want,
			on_matched, s);
}

static void out_of_memory(struct bridge *b)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_NOMEM, NULL);
	bridge_start_over(b, &err);
}

static bool take(struct bridge *b, struct slot *s)
{
	if (b->phase == PHASE_CATCHING_UP)
		return bridge_take_again(b, s);
	if (hub_batch_take(&s->batch, b->bus, b->sources, b->nsources, b->next, (size_t)b->batches,
		    br_loop_now(b->loop)) < 0) {
		out_of_memory(b);
		return false;
	}
	if (s->batch.n == 0 && s->batch.holding)
		br_timer_set(b->loop, &b->soon, LOOK_AGAIN_US);
	if (s->batch.n > 0 || hub_batch_want_waiting(&s->batch, b->sources, (size_t)b->batches))
		s->stage = STAGE_TAKEN;
	return true;
}

static void load(struct bridge *b, struct slot *s)
{
	hub_batch_want_waiting(&s->batch, b->sources, (size_t)b->batches);
	if (b->first->stage == STAGE_STORING && ledger_wants_quiet(&s->batch.want))
		return;
	BR_CRASH_POINT("bridge.taken");
	s->stage = STAGE_LOADING;
	ledger_load(b->ledger, &s->batch.world, newer_than(b, s), &s->batch.want, on_loaded, s);
}

/* Gives the ledger what it can do next. */
static void feed_ledger(struct bridge *b)
{
	if (b->ahead->stage == STAGE_LOADED && !holds_up(b, b->first))
		fold_and_store(b, b->ahead);
	if (b->first->stage == STAGE_FREE && b->ahead->stage >= STAGE_STORING) {
		struct slot *folded = b->ahead;

		b->ahead = b->first;
		b->first = folded;
	}
	if (b->ahead->stage == STAGE_FREE && !take(b, b->ahead))
		return;
	if (b->ahead->stage == STAGE_TAKEN)
		load(b, b->ahead);
}

/* ---- publish, and what comes next ---- */

void bridge_batch_done(struct bridge *b)
{
	BR_CRASH_POINT("bridge.published");
	mark_published(b, b->first);
	b->reannounce = false;
	b->first->stage = STAGE_PUBLISHED;
	if (b->phase == PHASE_BEGINNING)
		b->phase = PHASE_OPEN;
}

/* True: all of the first batch is out. */
static bool publish(struct bridge *b)
{
	struct hub_world *w = &b->first->batch.world;
	struct br_err err;
	bool fatal = false;

	br_err_clear(&err);
	if (!hub_publish(b->publisher, w, &err, &fatal)) {
		b->blocked = !fatal;
		if (fatal)
			bridge_start_over(b, &err);
		return false;
	}
	b->begin_at = 0;
	if (w->begins || b->reannounce)
		return bridge_begin_next(b);
	bridge_batch_done(b);
	return true;
}

static bool may_publish(struct bridge *b)
{
	return b->phase == PHASE_OPEN && b->first->stage == STAGE_STORED && !b->blocked &&
	       bridge_is_told(b, b->first);
}

void bridge_go_on(struct bridge *b)
{
	do {
		if (b->phase < PHASE_OPEN && b->phase != PHASE_CATCHING_UP)
			return;
		if (b->first->stage == STAGE_PUBLISHED && b->ahead->stage != STAGE_LOADING) {
			hub_batch_give_back(&b->first->batch, b->bus);
			b->first->stage = STAGE_FREE;
		}
		if (!b->stopping) {
			feed_ledger(b);
		} else if (b->first->stage < STAGE_STORING && b->ahead->stage < STAGE_STORING) {
			/* what is only loaded will be taken again */
			br_loop_stop(b->loop, b->status);
			return;
		}
	} while (
		b->phase == PHASE_CATCHING_UP ? bridge_pass_over(b) : may_publish(b) && publish(b));
}
