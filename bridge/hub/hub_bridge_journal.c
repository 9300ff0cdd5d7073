/*
 * hub_bridge_journal.c - what the bridge tells the journal, and how the ledger catches up with it.
 *
 * With its statements a record of the batch goes to the journal (hub_folded.h), and nothing of the
 * batch goes out before Kafka has it. So whatever the ledger may lose can be folded again: a bridge
 * that starts first does that with all that the journal has and the ledger does not (catching up).
 */
#include "hub_bridge_internal.h"

#include "br_crash.h"
#include "br_log.h"
#include "br_rule.h"

#include <inttypes.h>
#include <stdio.h>

#define DIFFERS_MAX 3 /* times in a row, each with the ledger read anew */

/* ---- the record of a batch ---- */

/* False: the queue is full, or the bus is broken. */
static bool send_record(struct bridge *b, struct br_str text, uint64_t *ticket)
{
	struct br_err err;

	br_err_clear(&err);
	if (bus_send(b->bus, b->journal_to, 0, BR_STR_NONE, text, NULL, 0, ticket, &err) == 0)
		return true;
	if (br_err_code(&err) == BR_E_BUS_QUEUE_FULL)
		b->blocked = true;
	else
		bridge_start_over(b, &err);
	return false;
}

/* So many batches may be called stored: a record that the journal has of a later one may be another
 * bridge's, who came too late with it. */
static int64_t stored_and_told(const struct bridge *b)
{
	return bus_acked(b->bus) >= b->told_before ? b->known_stored : b->told_stored;
}

void bridge_write_record(struct bridge *b, struct slot *s)
{
	struct hub_folded *f = &s->batch.folded;
	struct hub_world *w = &s->batch.world;

	f->c = s->after[b->nsources].next;
	f->by = w->incarnation;
	f->before = b->last;
	f->stored = stored_and_told(b);
	f->told = s->after[b->nsources].published;
	f->site = b->site_sum;
	f->published = br_arena_array(w->arena, int64_t, b->nsources);
	if (!f->published) {
		w->failed = true;
		return;
	}
	for (size_t i = 0; i < b->nsources; i++)
		f->published[i] = s->after[i].published;
	br_buf_reset(&b->record);
	hub_folded_write(f, w, b->nsources, &b->record);
	w->folded = (struct hub_kept){f->c, br_arena_copy(w->arena, br_buf_str(&b->record))};
	w->failed |= b->record.failed;
	b->last = f->incarnation;
}

/* Together with its statements, so that neither waits for the other. What is folded again is on the
 * journal, but for what was in doubt and is ours now. */
void bridge_tell(struct bridge *b, struct slot *s)
{
	struct br_str text = s->batch.world.folded.text;

	if (s->batch.world.failed || b->phase == PHASE_CLOSED)
		return;
	if (!s->batch.again)
		send_record(b, text, &s->record);
	else if (s->batch.folded.by == s->batch.world.incarnation)
		send_record(b, text, &b->told_before);
}

bool bridge_is_told(struct bridge *b, struct slot *s)
{
	const struct hub_kept *f = &s->batch.world.folded;

	if (f->text.n && !s->record && !send_record(b, f->text, &s->record))
		return false;
	return BR_WITHOUT(TOLD_FIRST) ||
	       (bus_acked(b->bus) >= s->record && bus_acked(b->bus) >= b->told_before);
}

/* ---- catching up ---- */

void bridge_forget(struct bridge *b, const struct hub_folded *f)
{
	b->forget = (struct hub_forget){f->c, f->by};
}

void bridge_cannot_again(struct bridge *b, const struct hub_folded *f, const struct br_err *err)
{
	char wanted[24];
	struct br_err differs;

	if (err && br_err_code(err) != BR_E_HUB_FOLDED_DIFFERS) {
		bridge_start_over(b, err);
		return;
	}
	/* in doubt: it was never stored, and nobody has seen anything of it */
	if (hub_journal_doubts(b->journal, f->c)) {
		br_warn("a batch that was not stored is folded anew", L_INT("batch", f->c));
		bridge_forget(b, f);
		bridge_start_over(b, NULL);
		return;
	}
	/* another bridge may have gone on meanwhile: then we find the ledger further */
	if (b->differs.c != f->c)
		b->differs = (struct failing){f->c, 0};
	if (++b->differs.times < DIFFERS_MAX) {
		bridge_start_over(b, NULL);
		return;
	}
	snprintf(wanted, sizeof(wanted), "%" PRId64, f->c);
	br_err_clear(&differs);
	br_err_set(&differs, BR_E_HUB_FOLDED_DIFFERS, "wanted", wanted, NULL);
	bridge_start_over(b, &differs);
}

bool bridge_take_again(struct bridge *b, struct slot *s)
{
	struct br_err err;
	int rc;

	br_err_clear(&err);
	if (!s->batch.again) {
		if (hub_journal_left(b->journal) == 0)
			return true;
		hub_batch_clear(&s->batch);
		if (hub_journal_next(b->journal, &s->batch.arena, b->nsources, &s->again, &err) <
			0) {
			bridge_start_over(b, &err);
			return false;
		}
		s->batch.again = &s->again;
	}
	rc = hub_batch_take_again(&s->batch, b->bus, b->sources, b->next, &err);
	if (rc < 0) {
		bridge_cannot_again(b, &s->again, &err);
		return false;
	}
	if (rc > 0)
		s->stage = STAGE_TAKEN;
	return true;
}

bool bridge_is_same(struct bridge *b, struct slot *s)
{
	struct hub_world *w = &s->batch.world;

	if (s->batch.folded.sum != s->again.sum && !w->failed) {
		bridge_cannot_again(b, &s->again, NULL);
		return false;
	}
	if (hub_journal_doubts(b->journal, s->again.c)) {
		bridge_write_record(b, s);
	} else {
		w->folded = (struct hub_kept){s->again.c, s->again.text};
		b->last = s->again.incarnation;
	}
	return true;
}

/* The ledger has all of it. */
static void caught_up(struct bridge *b)
{
	BR_CRASH_POINT("bridge.caught_up");
	if (hub_journal_is_behind(b->journal))
		br_info("the ledger has caught up", L_INT("batches", b->known_stored));
	hub_journal_free(b->journal);
	b->journal = NULL;
	bridge_review(b);
}

bool bridge_pass_over(struct bridge *b)
{
	if (b->first->stage == STAGE_STORED) {
		b->first->stage = STAGE_PUBLISHED;
		return true;
	}
	if (b->first->stage == STAGE_FREE && b->ahead->stage == STAGE_FREE &&
		!b->ahead->batch.again && hub_journal_left(b->journal) == 0)
		caught_up(b);
	return false;
}

/* ---- looking into it at the start ---- */

/* Whoever opens an older ledger after us must not take our incarnation. */
static bool tell_opened(struct bridge *b, const struct hub_world *w)
{
	br_buf_reset(&b->record);
	hub_folded_write_opened(
		w->incarnation, b->told_stored, hub_journal_top(b->journal), &b->record);
	return send_record(b, br_buf_str(&b->record), &b->told_before);
}

/* A batch of which the ledger has a record, and the journal not this one. */
static bool is_untold(const struct bridge *b, struct hub_world *w, size_t kept, int64_t *c)
{
	struct hub_folded head;

	if (hub_folded_read(w->kept[kept].text, w, 0, w->arena, &head, NULL) < 0)
		return false;
	*c = head.c;
	return !hub_journal_has(b->journal, head.c, head.by);
}

/* Only such as stand on the journal are called stored: should ours of the others not get there
 * either, and the ledger go back, another bridge's would be taken for them. */
static int64_t told_of(const struct bridge *b, struct hub_world *w)
{
	int64_t told = b->known_stored, c;

	for (size_t i = 0; i < w->nkept; i++)
		if (is_untold(b, w, i, &c) && c <= told)
			told = c - 1;
	return told;
}

/* What the ledger has must be on the journal before anything of it goes out: the bridge that stored
 * it may have died before Kafka had taken its record. */
static bool tell_kept(struct bridge *b, struct hub_world *w)
{
	int64_t c;

	for (size_t i = 0; i < w->nkept; i++)
		if (is_untold(b, w, i, &c) && !send_record(b, w->kept[i].text, &b->told_before))
			return false;
	return true;
}

/* The incarnation that folded the newest batch of the ledger; 0: it has no record of it. */
static int64_t last_of(struct hub_world *w, int64_t c)
{
	struct hub_folded head;

	for (size_t i = 0; i < w->nkept; i++)
		if (w->kept[i].c == c &&
			hub_folded_read(w->kept[i].text, w, 0, w->arena, &head, NULL) == 0)
			return head.incarnation;
	return 0;
}

void bridge_look_into_journal(struct bridge *b)
{
	struct hub_world *w = &b->first->batch.world;
	int64_t c = b->next[b->nsources].next;
	struct br_err err;

	br_err_clear(&err);
	b->known_stored = c;
	b->last = last_of(w, c);
	b->journal = hub_journal_open(b->bus, b->journal_topic, w, c, b->last, b->forget, &err);
	if (!b->journal) {
		bridge_start_over(b, &err);
		return;
	}
	BR_CRASH_POINT("bridge.journal_read");
	if (hub_journal_youngest(b->journal) >= w->incarnation) {
		b->given = hub_journal_youngest(b->journal);
		bridge_start_over(b, NULL);
		return;
	}
	b->told_stored = told_of(b, w);
	if (!tell_opened(b, w) || !tell_kept(b, w))
		return;
	/* not before: what asks for the journal would wait behind what asks for them */
	if (bridge_listen(b, &err) < 0) {
		bridge_start_over(b, &err);
		return;
	}
	if (hub_journal_is_behind(b->journal))
		br_warn("the ledger is older than what was folded: it catches up",
			L_INT("batches", c),
			L_INT("behind", (int64_t)hub_journal_left(b->journal)));
	b->phase = PHASE_CATCHING_UP;
	bridge_go_on(b);
}
