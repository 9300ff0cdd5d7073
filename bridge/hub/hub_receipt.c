/*
 * hub_receipt.c - what became of a command (protocol A8).
 */
#include "hub_gone.h"
#include "hub_rebase.h"
#include "hub_step.h"

#include "br_rule.h"
#include "br_text.h"

#include <stdio.h>

static struct hub_link *find_outstanding(
	struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	struct hub_id cid;
	struct hub_case *k;
	struct hub_link *l;

	if (!hub_ulid_read(m->did.cid, &cid))
		return NULL;
	k = hub_world_case(w, &cid);
	l = k ? hub_case_link(k, s, m->did.rec) : NULL;
	if (BR_WITHOUT(STOP_AND_WAIT) && l && l->inflight.on)
		return l;
	if (!l || !l->inflight.on || l->n != m->did.n ||
		l->inflight.incarnation != m->did.incarnation)
		return NULL;
	return l;
}

/* A text in which a connector gives a reason of its own, in English: in Chinese. */
static void translate(const struct msg *m, struct br_str text, char *out, size_t size)
{
	enum br_err_code code = br_err_by_tag(m->code);
	struct br_str en = br_str_z(br_err_words((int)code, BR_LANG_EN));

	if (code && text.n >= en.n && memcmp(text.p, en.p, en.n) == 0)
		snprintf(out, size, "%s%.*s", br_err_words((int)code, BR_LANG_ZH),
			(int)(text.n - en.n), text.p + en.n);
	else
		snprintf(out, size, "%.*s", BR_STR_ARG(text));
}

#define REASON_MAX 280 /* bytes in one language: an error takes two of them and what goes along */

static void park_answer(struct hub_world *w, struct hub_link *l, const struct msg *m,
	enum br_err_code code, enum hub_parked_kind kind, const char *other)
{
	struct map_refusal r = {.deed = MAP_CORRECT, .say = m->text, .field = -1};
	const char *field;
	struct br_err err;
	char text[600], zh[600], lid[80];

	map_refusal(l->map, m->code, m->text, &r);
	field = r.field >= 0 ? case_field(w->schema, (unsigned)r.field)->name.p : "";
	/* our words tell people what to do, the system's own which of many things it was */
	if (r.say.n && m->text.n && !br_str_eq(r.say, m->text))
		snprintf(text, sizeof(text), "%.*s (%.*s)", BR_STR_ARG(r.say), BR_STR_ARG(m->text));
	else
		snprintf(text, sizeof(text), "%.*s", BR_STR_ARG(r.say.n ? r.say : m->text));
	translate(m, br_str_z(text), zh, sizeof(zh));
	text[br_utf8_cut(br_str_z(text), REASON_MAX).n] = '\0';
	zh[br_utf8_cut(br_str_z(zh), REASON_MAX).n] = '\0';
	snprintf(lid, sizeof(lid), "%.*s", BR_STR_ARG(m->lid));
	br_err_clear(&err);
	if (other)
		br_err_set(&err, code, "system", l->sys->code.p, "lid", lid, "other", other,
			"field", field, NULL);
	else
		br_err_set(&err, code, "system", l->sys->code.p, "lid", lid, "text", text,
			"text_zh", zh, "field", field, NULL);
	hub_add_parked(w, l->sys, l->kase, l->rec, l->lid, kind, m->code, &err);
	l->dirty = true;
}

static int32_t as_written(const struct hub_link *l, const struct cell *place)
{
	if (BR_WITHOUT(HELD_AS_WRITTEN) && versions_of(&l->held, place) > l->inflight.ver)
		return versions_of(&l->held, place);
	return l->inflight.ver;
}

/* Every place the command covered is held as of the version it was computed from - as written, not
 * the larger of both. */
static void now_held(struct hub_world *w, struct hub_link *l)
{
	if (l->inflight.all) {
		l->held.dflt = l->inflight.ver;
		l->held.n = 0;
		return;
	}
	for (uint32_t i = 0; i < l->inflight.nplaces; i++) {
		const struct version_at *at = &l->inflight.places[i];
		const struct cell place = {.key = at->key, .field = at->field, .part = at->part};

		hub_set_held(w, l, &place, as_written(l, &place));
	}
}

/* What we wrote, as the system stored it, on top of what it held. */
static int base_after_write(
	struct hub_world *w, struct hub_link *l, const struct image *post, struct image *out)
{
	struct image_builder b;
	struct image ours;

	image_build(&b, w->arena, l->inflight.set.n);
	for (uint32_t i = 0; i < l->inflight.set.n; i++) {
		const struct cell *c = &l->inflight.set.cells[i];
		const struct cell *stored = image_get(post, c->part, c->key, c->field);

		if (c->field == IMAGE_ELEMENT)
			continue;
		if (!stored)
			stored = c;
		if (cell_is_null(stored))
			image_set_null(&b, stored->part, stored->key, stored->field);
		else
			image_set(&b, stored->part, stored->key, stored->field, stored->value);
	}
	if (image_build_end(&b, &ours) < 0 ||
		image_without(&l->shadow, &l->inflight.set, w->arena, out) < 0)
		return -BR_E_NOMEM;
	return image_merge(out, &ours, w->arena, out);
}

/* What is shown is not what was set: it may have been written and changed by somebody since. What
 * the command may have made of the record is kept too, should a backup bring that back. */
static int remember_write(struct hub_world *w, struct hub_link *l)
{
	const struct image none = {NULL, 0}, before = l->shadow;
	struct versions held;

	if (versions_copy(&l->held, w->arena, &held) < 0 ||
		base_after_write(w, l, &none, &l->shadow) < 0)
		return -BR_E_NOMEM;
	now_held(w, l);
	hub_remember(w, l);
	l->shadow = before;
	l->held = held;
	return 0;
}

/* What the system shows at a place of the case, in the case's words where they can be read. */
static struct cell in_our_words(
	const struct image *got, const struct cell *place, const struct cell *stored)
{
	const struct cell *ours =
		got->n ? image_get(got, place->part, place->key, place->field) : NULL;
	struct cell c = *place;

	c.value = ours ? ours->value : stored->value;
	return c;
}

/* A non-transactional target shows something else than was sent: its way of writing it, or (in
 * doubt) someone's edit. Kept for review, never spread. True when there was one. */
static bool note_deviations(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	struct map_context ctx = {&l->kase->doc, l->kase->had, l->kase->nhad};
	struct image got = {NULL, 0};
	struct map_issue issue;
	bool read = false, any = false;

	for (uint32_t i = 0; i < l->inflight.set.n; i++) {
		const struct cell *sent = &l->inflight.set.cells[i];
		const struct cell *stored =
			image_get(&m->image, sent->part, sent->key, sent->field);
		const struct cell *before =
			image_get(&l->shadow, sent->part, sent->key, sent->field);
		struct cell place, shown;
		unsigned at = 0;

		if (!stored || map_column_same(l->map, stored, sent) ||
			!map_written_place(l->map, sent, &at, &place))
			continue;
		/* what stands there as before was simply not written */
		if (m->status != RCPT_APPLIED && before && map_column_same(l->map, stored, before))
			continue;
		br_err_clear(&issue.err);
		if (!read && map_get(l->map, &m->image, &ctx, w->arena, &got, &issue) < 0)
			got.n = 0;
		read = any = true;
		shown = in_our_words(&got, &place, stored);
		hub_add_conflict(w, l, m->doubt ? CONFLICT_SUSPECT : CONFLICT_DEVIATION, &place,
			image_get(&l->kase->doc, place.part, place.key, place.field), &shown);
	}
	return any;
}

/* The number a create brought home. False when it belongs to another case: then nothing is bound.
 */
static bool take_lid(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	struct hub_link *other;

	if (!m->lid.n || br_str_eq(l->lid, m->lid))
		return true;
	other = hub_world_link(w, l->sys, l->rec, m->lid);
	/* the number was given out a second time: what had it went when the system was restored */
	if (other && other != l && hub_is_unsure(other)) {
		hub_lost_record(w, other);
		other = NULL;
	}
	if (other && other != l) {
		park_answer(w, l, m, BR_E_HUB_LID_TAKEN, PARKED_DUPLICATE, other->kase->ulid);
		l->state = LINK_PARKED;
		return false;
	}
	hub_link_named(w, l, m->lid);
	return true;
}

/* What the system holds after our write, as the receipt tells it. */
static int stored_image(
	struct hub_world *w, const struct hub_link *l, const struct msg *m, struct image *out)
{
	const struct hub_inflight *f = &l->inflight;

	*out = m->has_image ? m->image : (struct image){NULL, 0};
	if (!m->beyond)
		return 0;
	return image_with_beyond(
		f->own_base ? &f->base : &l->shadow, &f->set, &m->image, w->arena, out);
}

/*
 * After a restore an answer may be one from the inbox, as old as the backup: what stands there
 * beside what we set is old content, or an edit, as with any first look. A command that was sent
 * since was written on the base it was computed from, and that says what was there.
 */
static bool rebase_post(
	struct hub_world *w, struct hub_link *l, const struct image *post, struct image *base)
{
	if (!hub_is_unsure(l))
		return true;
	if (l->inflight.restores == l->sys->restores) {
		hub_sure(l);
		return true;
	}
	hub_read_again(w, l->sys, l->rec, l->lid);
	return hub_rebase(w, l, post, &l->inflight.set, base) == 0;
}

static enum hub_merged applied(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	struct image base, post;
	bool differs;

	l->sys->count.applied++;
	if (!take_lid(w, l, m)) {
		l->inflight.on = false;
		return MERGE_PARKED;
	}
	differs = !m->atomic && m->has_image && note_deviations(w, l, m);
	hub_remember(w, l);
	if (differs && remember_write(w, l) < 0) {
		w->failed = true;
		return MERGE_NOTHING;
	}
	now_held(w, l);
	if (stored_image(w, l, m, &post) < 0 || base_after_write(w, l, &post, &base) < 0 ||
		(m->whole ? hub_seen(w, &base, &post, true, &post)
			  : image_merge(&base, &post, w->arena, &post)) < 0 ||
		!rebase_post(w, l, &post, &base)) {
		w->failed = true;
		return MERGE_NOTHING;
	}
	l->inflight.on = false;
	l->state = LINK_IDLE;
	l->due = false;
	hub_add_unpark(w, l->sys, l->kase, l->rec, l->lid, "delivered");
	/* what is ours is known to be there, whatever becomes of the rest */
	l->shadow = base;
	/* concurrent and reverted edits in columns we did not set, and numbers the target allotted,
	 * come home here */
	return hub_merge(w, l, BR_WITHOUT(FULL_POST) ? &base : &post, &base);
}

/* The base differed and nothing was written, or (in doubt) nobody knows: what is there is merged
 * while the command still tells what is ours. */
static void stale(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	struct image full, base = l->shadow;

	l->sys->count.stale++;
	if (hub_seen(w, &l->shadow, &m->image, m->whole, &full) < 0) {
		w->failed = true;
		return;
	}
	hub_remember(w, l);
	if (m->doubt && remember_write(w, l) < 0) {
		w->failed = true;
		return;
	}
	if (hub_is_unsure(l)) {
		if (hub_is_another(w, l, &full)) {
			l->inflight.on = false;
			hub_read_again(w, l->sys, l->rec, l->lid);
			hub_lost_record(w, l);
			return;
		}
		if (hub_rebase(w, l, &full, NULL, &base) < 0) {
			w->failed = true;
			return;
		}
		hub_sure(l);
	}
	if (m->doubt)
		note_deviations(w, l, m);
	l->state = LINK_IDLE;
	l->inflight.doubt = m->doubt;
	/* of a list that is not mentioned nobody knows who emptied it, but the next base must be
	 * what was shown */
	if (hub_merge(w, l, &full, &base) != MERGE_PARKED &&
		hub_seen(w, &full, &m->image, m->has_image, &l->shadow) < 0)
		w->failed = true;
	l->inflight.on = false;
	l->dirty = true;
	hub_dispatch_link(w, l);
}

/* A create found the record there already: bound only when it is nobody's, then first contact. */
static void exists(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	struct image base;

	hub_remember(w, l);
	l->sys->count.exists++;
	l->inflight.on = false;
	if (!m->lid.n || !take_lid(w, l, m)) {
		if (!m->lid.n) {
			park_answer(w, l, m, BR_E_HUB_AMBIGUOUS, PARKED_DUPLICATE, NULL);
			l->state = LINK_PARKED;
		}
		return;
	}
	/* an observation that came before this answer could not be bound, and was parked */
	hub_add_unpark(w, l->sys, l->kase, l->rec, l->lid, "superseded");
	l->state = LINK_IDLE;
	l->held = (struct versions){0};
	if (hub_rebase_found(w, l, &m->image, &base) < 0 ||
		(m->doubt && remember_write(w, l) < 0)) {
		w->failed = true;
		return;
	}
	hub_sure(l);
	l->shadow = base;
	/* made by a call of ours whose answer was lost, perhaps: then what differs from what we
	 * sent is no edit */
	l->inflight.on = l->inflight.doubt = m->doubt;
	if (m->doubt)
		note_deviations(w, l, m);
	hub_merge(w, l, &m->image, &base);
	if (!m->doubt)
		return;
	l->inflight.on = false;
	hub_dispatch_link(w, l);
}

/* Of what one call of several left, our own columns; what else is there (numbers, edits) is told by
 * the last answer. */
static int our_part(
	struct hub_world *w, const struct hub_link *l, const struct image *shown, struct image *out)
{
	*out = (struct image){br_arena_array(w->arena, struct cell, shown->n + 1), 0};
	if (!out->cells)
		return -BR_E_NOMEM;
	for (uint32_t i = 0; i < shown->n; i++) {
		const struct cell *c = &shown->cells[i];

		if (image_get(&l->inflight.set, c->part, c->key, c->field))
			out->cells[out->n++] = *c;
	}
	return 0;
}

/* Every column that the command sets for this place is among those shown. */
static bool is_all_there(
	const struct hub_link *l, const struct cell *place, const struct image *shown)
{
	for (uint32_t i = 0; i < l->inflight.set.n; i++) {
		const struct cell *c = &l->inflight.set.cells[i];

		if (c->field != IMAGE_ELEMENT && map_place_writes(l->map, place, c) &&
			!image_get(shown, c->part, c->key, c->field))
			return false;
	}
	return true;
}

/* What stands there is held from now on: who changes it before the last call is made edits what we
 * wrote, not what was there before. */
static void hold_part(struct hub_world *w, struct hub_link *l, const struct image *shown)
{
	struct cell place;

	for (uint32_t i = 0; i < shown->n; i++)
		for (unsigned at = 0; map_written_place(l->map, &shown->cells[i], &at, &place);)
			if (is_all_there(l, &place, shown))
				hub_set_held(w, l, &place, as_written(l, &place));
}

static void progress(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	struct image ours, shadow;

	hub_remember(w, l);
	if (!take_lid(w, l, m) || !m->has_image)
		return;
	if (!l->inflight.own_base) {
		l->inflight.base = l->shadow;
		l->inflight.own_base = true;
	}
	if (our_part(w, l, &m->image, &ours) < 0 ||
		image_merge(&l->shadow, &ours, w->arena, &shadow) < 0) {
		w->failed = true;
	} else {
		l->shadow = shadow;
		hold_part(w, l, &ours);
	}
	l->dirty = true;
}

static void closed(struct hub_world *w, struct hub_link *l, const struct msg *m,
	enum hub_link_state state, enum br_err_code code, enum hub_parked_kind kind)
{
	/* of a create that may have come through, what it set is kept: its record is seen some day
	 */
	if (l->inflight.op == OP_CREATE && !l->lid.n && state == LINK_PARKED &&
		(m->doubt || l->inflight.attempted))
		l->shadow = l->inflight.set;
	l->inflight.on = false;
	l->state = state;
	l->due = false;
	park_answer(w, l, m, code, kind, NULL);
}

/* Places at which the case still says what a create set are held; at others it has gone on. An
 * element that the record does not show is not there. */
static void held_by_create(
	struct hub_world *w, struct hub_link *l, const struct image *set, const struct image *shown)
{
	struct map_context ctx = {&l->kase->doc, l->kase->had, l->kase->nhad};
	struct map_issue issue;
	struct image got, seen;

	br_err_clear(&issue.err);
	if (map_get(l->map, set, &ctx, w->arena, &got, &issue) < 0 ||
		map_get(l->map, shown, &ctx, w->arena, &seen, &issue) < 0)
		return; /* then all of it is written once more */
	for (uint32_t i = 0; i < got.n; i++) {
		const struct cell *c = &got.cells[i];

		if (c->part && !image_has_element(&seen, c->part, c->key))
			continue;
		if (cell_same(c, image_get(&l->kase->doc, c->part, c->key, c->field)))
			hub_set_held(w, l, c, l->kase->ver);
	}
}

enum hub_merged hub_found_again(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	struct image set = l->shadow, none = {NULL, 0};
	enum hub_merged merged;

	l->shadow = none;
	l->held = (struct versions){0};
	l->inflight = (struct hub_inflight){.on = true, .op = OP_CREATE, .set = set, .doubt = true};
	note_deviations(w, l, m);
	merged = hub_merge(w, l, &m->image, &none);
	held_by_create(w, l, &set, &m->image);
	l->inflight = (struct hub_inflight){.on = false};
	hub_dispatch_link(w, l);
	return merged;
}

/* A command found no record there. It is looked for once more: should it be there, all goes on. */
static void gone(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	l->inflight.on = false;
	if (hub_link_gone(w, l))
		park_answer(w, l, m, BR_E_HUB_VANISHED, PARKED_VANISHED, NULL);
	if (l->lid.n)
		hub_read_again(w, l->sys, l->rec, l->lid);
}

/* ---- answers that come later ---- */

struct br_str hub_ref_scheme(const struct hub_system *s, struct br_str rec, struct br_arena *a)
{
	return br_arena_printf(a, "ref/%.*s/%.*s", BR_STR_ARG(s->code), BR_STR_ARG(rec));
}

/* A create is found again by the number it was given, as by a strong key. */
static void pending(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	struct br_str scheme = hub_ref_scheme(l->sys, l->rec, w->arena);

	l->sys->count.pending++;
	l->state = LINK_PENDING;
	l->inflight.pending = true;
	l->ref = m->ref;
	if (m->ref.n && !l->lid.n && !hub_world_match(w, scheme, m->ref))
		hub_world_add_key(w, l->kase, scheme, m->ref, true);
}

static void no_longer_pending(struct hub_link *l)
{
	l->sys->count.pending--;
	l->ref = BR_STR_NONE;
}

enum hub_merged hub_answered(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	no_longer_pending(l);
	l->dirty = true;
	return applied(w, l, m);
}

void hub_receipt(struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	struct hub_link *l = find_outstanding(w, s, m);

	if (!l) {
		s->count.late++;
		return;
	}
	if (m->status == RCPT_PROGRESS) {
		progress(w, l, m);
		return;
	}
	if (l->inflight.pending)
		no_longer_pending(l); /* its credit was given back already */
	else
		s->outstanding--;
	l->dirty = true;
	/* it was told absent, and answers all the same */
	if (l->state == LINK_GONE && m->status != RCPT_GONE) {
		hub_link_back(w, l);
		hub_add_unpark(w, s, l->kase, l->rec, l->lid, "superseded");
	}
	switch (m->status) {
	case RCPT_APPLIED:
		applied(w, l, m);
		break;
	case RCPT_STALE:
		stale(w, l, m);
		break;
	case RCPT_EXISTS:
		exists(w, l, m);
		break;
	case RCPT_AMBIGUOUS:
		s->count.unknown++;
		closed(w, l, m, LINK_PARKED, BR_E_HUB_AMBIGUOUS, PARKED_DUPLICATE);
		break;
	case RCPT_GONE:
		s->count.gone++;
		if (hub_is_unsure(l)) {
			l->inflight.on = false;
			hub_lost_record(w, l);
			break;
		}
		gone(w, l, m);
		break;
	case RCPT_REJECTED:
		s->count.rejected++;
		closed(w, l, m, LINK_REJECTED, BR_E_HUB_REFUSED, PARKED_REFUSED);
		break;
	case RCPT_PARKED:
		s->count.unknown++;
		closed(w, l, m, LINK_PARKED, BR_E_HUB_UNKNOWN_OUTCOME, PARKED_UNKNOWN);
		break;
	case RCPT_PENDING:
		pending(w, l, m);
		break;
	case RCPT_PROGRESS:
		break;
	}
}
