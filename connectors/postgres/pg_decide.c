/* What is to be done with each command of a batch, from its inbox row, the rows as they are locked
 * now, and the look-up before a create. */
#include "pg_batch.h"

#include "br_log.h"

#include <stdio.h>
#include <stdlib.h>

#define LATER_MS     40
#define LATER_MAX_MS 30000
#define TELL_US	     (60 * 1000000LL)

static void answer(struct pg_write *w, enum msg_status status)
{
	w->state = W_ANSWER;
	w->receipt.status = status;
	w->receipt.lid = w->cmd->lid;
}

/* cmd->kind counts how often it was put off. */
void pg_postpone(struct pg_write *w)
{
	uintptr_t tries = (uintptr_t)w->cmd->kind;
	int64_t ms = tries < 10 ? (int64_t)LATER_MS << tries : LATER_MAX_MS;

	w->cmd->kind = (void *)(tries + 1);
	w->state = W_LATER;
	w->later_ms = ms < LATER_MAX_MS ? ms : LATER_MAX_MS;
}

static void refuse(struct pg_write *w, const struct br_err *err)
{
	const char *why;

	w->err = *err;
	why = br_err_detail(&w->err, "why");
	answer(w, RCPT_REJECTED);
	w->receipt.code = br_str_z(br_err_tag((int)br_err_code(&w->err)));
	w->receipt.text = br_str_z(why ? why : "");
}

/* A reason of our own. */
static void say(struct pg_write *w, enum msg_status status, enum br_err_code code)
{
	answer(w, status);
	w->receipt.code = br_str_z(br_err_tag((int)code));
	w->receipt.text = br_str_z(br_err_words((int)code, BR_LANG_EN));
}

/* ---- the inbox ---- */

static int read_post(struct pg_batch *b, struct pg_write *w)
{
	struct br_jr r;
	struct br_err err;
	bool beyond;

	if (!w->inbox.post.n)
		return 0;
	beyond = w->inbox.post.p[0] == '[';
	br_jr_init(&r, w->inbox.post, b->a, &err);
	if (beyond && br_jr_next(&r) != BR_JT_ARRAY)
		return -1;
	if (image_read(&r, w->r->shape, true, b->a, &w->post) ||
		(beyond &&
			image_with_beyond(&w->cmd->base, &w->cmd->set, &w->post, b->a, &w->post)))
		return -1;
	w->has_post = true;
	w->receipt.post = &w->post;
	return 0;
}

bool pg_was_done(const struct pg_write *w)
{
	const struct msg_did *did = &w->cmd->did;

	if (!w->inbox.there || w->inbox.incarnation < did->incarnation)
		return false;
	return w->inbox.incarnation > did->incarnation || w->inbox.n >= did->n;
}

/* The answer is what was found then, exactly. */
static bool answer_again(struct pg_batch *b, struct pg_write *w)
{
	if (!pg_was_done(w))
		return false;
	answer(w, RCPT_APPLIED);
	w->receipt.lid = w->inbox.lid;
	w->receipt.atomic = true;
	read_post(b, w);
	return true;
}

/* Answered before; or it is known from now on that nothing was written. */
static bool settle(struct pg_batch *b, struct pg_write *w)
{
	if (answer_again(b, w))
		return true;
	if (b->inbox_read && w->r->inbox)
		w->cmd->attempted = false;
	return false;
}

/* ---- updates ---- */

static bool is_ignored(const struct pg_record *r, const struct cell *c)
{
	return c->part == 0 && r->ignored[c->field];
}

/* Does the command say what becomes of this place, itself or its whole element? */
static bool sets(const struct image *set, const struct cell *c)
{
	return image_get(set, c->part, c->key, c->field) ||
	       (c->part && image_get(set, c->part, c->key, IMAGE_ELEMENT));
}

static bool is_set(const struct image *now, const struct cell *c)
{
	return c->field == IMAGE_ELEMENT ? !image_has_element(now, c->part, c->key)
					 : cell_same(c, image_get(now, c->part, c->key, c->field));
}

/* Everything the command was computed from is there as it was; and what it adds is not there yet.
 */
static bool is_base(const struct pg_write *w, const struct image *now)
{
	const struct image *base = &w->cmd->base, *set = &w->cmd->set;

	for (uint32_t i = 0; i < base->n; i++) {
		const struct cell *c = &base->cells[i];

		if (!is_ignored(w->r, c) &&
			!cell_same(c, image_get(now, c->part, c->key, c->field)))
			return false;
	}
	for (uint32_t i = 0; i < set->n; i++) {
		const struct cell *c = &set->cells[i];

		if (!is_ignored(w->r, c) && !image_get(base, c->part, c->key, c->field) &&
			image_get(now, c->part, c->key, c->field))
			return false;
	}
	return true;
}

/* All columns that were to be set are as sent, and the others as they were. */
static bool is_as_sent(const struct pg_write *w, const struct image *now)
{
	const struct image *base = &w->cmd->base, *set = &w->cmd->set;

	for (uint32_t i = 0; i < set->n; i++) {
		if (!is_set(now, &set->cells[i]))
			return false;
	}
	for (uint32_t i = 0; i < base->n; i++) {
		const struct cell *c = &base->cells[i];

		if (!is_ignored(w->r, c) && !sets(set, c) &&
			!cell_same(c, image_get(now, c->part, c->key, c->field)))
			return false;
	}
	return true;
}

static void want_write(struct pg_batch *b, struct pg_write *w)
{
	int64_t now = br_loop_now(conn_loop(b->p->c)), ms;

	w->cmd->attempted = false; /* it is known now that nothing was written */
	if (w->cmd->deadline_us && now >= w->cmd->deadline_us) {
		pg_postpone(w);
	} else if (conn_may_write(b->p->c, w->cmd, &ms)) {
		w->state = W_WRITE;
		b->nwrites++;
	} else {
		w->state = W_LATER;
		w->later_ms = ms;
	}
}

static void answer_image(struct pg_write *w, enum msg_status status)
{
	answer(w, status);
	w->has_post = true;
	w->receipt.post = &w->post;
}

static void decide_update(struct pg_batch *b, struct pg_write *w)
{
	struct pg_rows *rows = &b->rows[w->r->number];
	struct br_err err;
	int rc;

	if (!w->row || (!w->row->found && !w->row->busy)) {
		answer(w, RCPT_GONE);
		return;
	}
	if (!w->row->found || w->row->there > w->row->nelements) {
		pg_postpone(w);
		return;
	}
	rc = pg_rows_image(rows, w->row, &w->post, &err);
	if (rc < 0) {
		refuse(w, &err);
	} else if (is_base(w, &w->post)) {
		if (w->cmd->set.n)
			want_write(b, w);
		else
			answer_image(w, RCPT_APPLIED);
	} else if (w->cmd->attempted && !w->r->inbox && is_as_sent(w, &w->post)) {
		answer_image(w, RCPT_APPLIED);
		w->receipt.doubt = true;
	} else {
		answer_image(w, RCPT_STALE);
		w->receipt.doubt = w->cmd->attempted && !w->r->inbox;
	}
}

/* ---- creates ---- */

static void decide_create(struct pg_batch *b, struct pg_write *w)
{
	if (w->hits > 1) {
		answer(w, RCPT_AMBIGUOUS);
	} else if (w->hits == 1) {
		w->state = W_OPEN; /* until what was found is read */
	} else if (w->cmd->attempted && !w->r->inbox && !w->nk) {
		say(w, RCPT_PARKED, BR_E_PG_NO_LOOKUP);
	} else if (!w->r->write.create) {
		say(w, RCPT_REJECTED, BR_E_PG_NO_CREATE);
	} else {
		want_write(b, w);
	}
}

void pg_decide(struct pg_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct pg_write *w = &b->w[i];

		/* also what waits for another of this batch */
		if (settle(b, w) || w->state != W_OPEN)
			continue;
		if (w->cmd->op == OP_CREATE)
			decide_create(b, w);
		else
			decide_update(b, w);
	}
}

bool pg_has_found(const struct pg_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->w[i].state == W_OPEN)
			return true;
	}
	return false;
}

void pg_decide_found(struct pg_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct pg_write *w = &b->w[i];
		struct pg_rows *rows = &b->found[w->r->number];
		struct br_err err;
		bool ours;

		if (w->state != W_OPEN)
			continue;
		w->row = pg_rows_find(rows, w->found);
		if (!w->row || pg_rows_image(rows, w->row, &w->post, &err) <= 0) {
			pg_postpone(w); /* gone again, or no image: look once more */
			continue;
		}
		ours = w->cmd->attempted && !w->r->inbox;
		answer_image(w, ours && is_as_sent(w, &w->post) ? RCPT_APPLIED : RCPT_EXISTS);
		w->receipt.doubt = ours;
		w->receipt.lid = w->found;
	}
}

/* ---- refusals ---- */

static bool starts(const char *state, const char *with)
{
	return !strncmp(state, with, strlen(with));
}

/* Not the record's fault: serialization, deadlock, lock, cancelled, a server that takes no writes,
 * connection, resources. */
static bool is_passing(const char *state)
{
	static const char *const passing[] = {
		"40", "55P03", "57014", "25006", "08", "53", "57P", "58"};

	for (size_t i = 0; i < BR_LEN(passing); i++) {
		if (starts(state, passing[i]))
			return true;
	}
	return false;
}

/* What passes by somebody's doing only: no room on its disk, no memory, a broken file, no writes
 * taken. The others pass by themselves and are everyday. */
static void tell_shortage(struct pg *p, const char *state, const struct br_err *err)
{
	int64_t now = br_loop_now(conn_loop(p->c));

	if (!(starts(state, "53") || starts(state, "58") || starts(state, "25006")) ||
		(p->queue.short_us && now < p->queue.short_us + TELL_US))
		return;
	p->queue.short_us = now;
	br_warn("writing has to wait", L_ERR(err));
}

/* The tables are not as they were when we learnt them. */
static bool is_our_fault(const char *state)
{
	static const char *const ours[] = {"42P01", "42703", "42804", "0A000", "26000", "25P02"};

	for (size_t i = 0; i < BR_LEN(ours); i++) {
		if (!strcmp(state, ours[i]))
			return true;
	}
	return false;
}

/* A statement on our own tables failed: no command is to blame, unless for what is in it, and
 * nothing the mapping says of refusals is meant. */
static bool on_our_tables(const struct pg *p, const char *state)
{
	return p->shared_inbox && !starts(state, "22") &&
	       (!p->batch->inbox_read || p->batch->inbox_failed);
}

/* 1 retry, 0 refuse, -1 the mapping says nothing. */
static int declared(const struct pg_record *r, const char *state, const char *text)
{
	for (size_t i = 0; i < r->nrefusals; i++) {
		const struct pg_refusal *x = &r->refusals[i];
		bool code = x->nnative == 0;

		for (size_t k = 0; k < x->nnative; k++)
			code |= br_str_eq(x->native[k], br_str_z(state));
		if (code && (!x->text.n || memmem(text, strlen(text), x->text.p, x->text.n)))
			return x->retry;
	}
	return -1;
}

/* The constraint's name is how a mapping tells one refusal from another; most messages have it
 * already. */
static struct br_str refusal_text(struct pg_write *w, struct br_arena *a)
{
	const char *why = br_err_detail(&w->err, "why"),
		   *constraint = br_err_detail(&w->err, "constraint"),
		   *column = br_err_detail(&w->err, "column");
	const char *more = constraint ? constraint : column;

	if (!why)
		return BR_STR("");
	if (!more || strstr(why, more))
		return br_str_z(why);
	return br_arena_printf(a, "%s (%s)", why, more);
}

void pg_decide_failed(struct pg *p, struct pg_write *w, const struct br_err *err)
{
	const char *state, *why;
	bool ours;
	int retry;

	if (settle(p->batch, w))
		return;
	w->err = *err;
	state = br_err_detail(&w->err, "sqlstate");
	why = br_err_detail(&w->err, "why");
	state = state ? state : "";
	ours = on_our_tables(p, state);
	retry = ours ? -1 : declared(w->r, state, why ? why : "");
	if (retry > 0 || (retry < 0 && is_passing(state))) {
		tell_shortage(p, state, err);
		pg_postpone(w);
		return;
	}
	if (retry < 0 && (ours || is_our_fault(state))) {
		pg_fail(p, err);
		return;
	}
	answer(w, RCPT_REJECTED);
	w->receipt.code = br_str_z(*state ? state : br_err_tag((int)br_err_code(err)));
	w->receipt.text = refusal_text(w, &p->batch_arena);
}
