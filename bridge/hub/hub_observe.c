/*
 * hub_observe.c - a record as a system has it: known, new, vanished, or unreadable.
 */
#include "hub_gone.h"
#include "hub_match.h"
#include "hub_rebase.h"
#include "hub_step.h"

#include <stdio.h>

static void park_plain(struct hub_world *w, struct hub_system *s, struct hub_link *l,
	const struct msg *m, enum hub_parked_kind kind, struct br_str raw, const struct br_err *err)
{
	uint64_t hash = m->has_image ? image_hash(&m->image) : br_hash(raw.p, raw.n);

	hub_park_read(w, s, l ? l->kase : NULL, m->rec, m->lid, kind, raw,
		hub_seen_as(map_find(s->maps, m->rec), hash), err);
	s->count.parked_in++;
	if (l && l->state != LINK_GONE && l->state != LINK_MATCHED) {
		l->state = LINK_PARKED;
		l->dirty = true;
	}
}

/* The connector could not even make an image of it: its own code and text, and the bytes. */
static void unreadable(
	struct hub_world *w, struct hub_system *s, struct hub_link *l, const struct msg *m)
{
	struct br_err err;
	char text[512], lid[128];
	enum br_err_code code = br_err_by_tag(m->code);

	br_err_clear(&err);
	snprintf(text, sizeof(text), "%.*s", BR_STR_ARG(m->text));
	snprintf(lid, sizeof(lid), "%.*s", BR_STR_ARG(m->lid));
	br_err_set(&err, code != BR_E_OK ? code : BR_E_HUB_MESSAGE, "system", s->code.p, "lid", lid,
		"why", text, "what", text, "pos", "?", NULL);
	park_plain(w, s, l, m, PARKED_IN, m->raw, &err);
}

static void vanished(
	struct hub_world *w, struct hub_system *s, struct hub_link *l, const struct msg *m)
{
	struct br_err err;
	char lid[128];

	if (!l || l->state == LINK_GONE) {
		s->count.echo++;
		return;
	}
	if (hub_is_unsure(l) && l->state != LINK_MATCHED) {
		s->count.echo++;
		hub_lost_record(w, l);
		return;
	}
	s->count.parked_in++;
	/* nothing of it was merged: should it come back, that is a first contact */
	if (l->state == LINK_MATCHED)
		l->shadow = (struct image){NULL, 0};
	/* never an automatic withdrawal: a person decides (A12) */
	if (!hub_link_gone(w, l))
		return;
	snprintf(lid, sizeof(lid), "%.*s", BR_STR_ARG(m->lid));
	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_VANISHED, "system", s->code.p, "lid", lid, NULL);
	hub_add_parked(w, s, l->kase, m->rec, m->lid, PARKED_VANISHED, BR_STR_NONE, &err);
}

/* read = accepted + echo + refused + parked; true unless it was parked */
static bool count_merge(struct hub_system *s, enum hub_merged merged)
{
	switch (merged) {
	case MERGE_ACCEPTED:
		s->count.accepted++;
		break;
	case MERGE_REFUSED:
		s->count.refused++;
		break;
	case MERGE_PARKED:
		s->count.parked_in++;
		break;
	case MERGE_NOTHING:
		s->count.echo++;
		break;
	}
	return merged != MERGE_PARKED;
}

/* Does the record carry the number its pending command was given, or show all that was sent? */
static bool is_answer(const struct hub_link *l, const struct image *shown)
{
	const struct image *set = &l->inflight.set;
	struct br_str ref = map_ref(l->map, shown);

	if (!l->inflight.pending)
		return false;
	if (l->ref.n && ref.n && br_str_eq(ref, l->ref))
		return true;
	for (uint32_t i = 0; i < set->n; i++) {
		const struct cell *sent = &set->cells[i], *c;

		if (sent->field == IMAGE_ELEMENT) {
			if (image_has_element(shown, sent->part, sent->key))
				return false;
			continue;
		}
		c = image_get(shown, sent->part, sent->key, sent->field);
		if (!c || !map_column_same(l->map, c, sent))
			return false;
	}
	return true;
}

static void first_sight(struct hub_world *w, struct hub_system *s, const struct msg *m);

/* A person bound it on trial, and nothing of it was merged so far. */
static bool is_unmerged(const struct hub_link *l)
{
	return l->state == LINK_MATCHED || (l->state == LINK_GONE && l->shadow.n == 0);
}

static void keep_unmerged(struct hub_world *w, struct hub_link *l, const struct image *full)
{
	if (l->state == LINK_GONE)
		hub_link_back(w, l);
	l->state = LINK_MATCHED;
	l->shadow = *full;
	l->dirty = true;
	hub_add_unpark(w, l->sys, NULL, l->rec, l->lid, "superseded");
	hub_dispatch_link(w, l);
}

static void known(
	struct hub_world *w, struct hub_system *s, struct hub_link *l, const struct msg *m)
{
	bool waiting = l->state == LINK_PARKED || l->state == LINK_GONE, unsure = hub_is_unsure(l);
	struct image full, base = l->shadow;

	if (hub_seen(w, &l->shadow, &m->image, m->whole, &full) < 0) {
		w->failed = true;
		return;
	}
	if (is_unmerged(l)) {
		s->count.echo++;
		hub_sure(l);
		keep_unmerged(w, l, &full);
		return;
	}
	if (unsure && hub_is_another(w, l, &full)) {
		hub_lost_record(w, l);
		first_sight(w, s, m);
		return;
	}
	hub_remember(w, l);
	if (unsure && hub_rebase(w, l, &full, NULL, &base) < 0) {
		w->failed = true;
		return;
	}
	hub_sure(l);
	if (is_answer(l, &full)) {
		count_merge(s, hub_answered(w, l, m));
		return;
	}
	if (l->state == LINK_GONE) {
		hub_link_back(w, l);
	} else if (waiting) {
		l->state = !l->inflight.on	 ? LINK_IDLE
			   : l->inflight.pending ? LINK_PENDING
						 : LINK_INFLIGHT;
		l->dirty = true;
	}
	if (count_merge(s, hub_merge(w, l, &full, &base)) && waiting)
		hub_add_unpark(w, s, NULL, l->rec, l->lid, "superseded");
}

struct hub_case *hub_new_case(struct hub_world *w, const struct image *got)
{
	struct hub_id cid = hub_ulid_make(w->now_ms, w->topic, w->offset);
	struct hub_case *k = hub_world_add_case(w, &cid);
	const struct cell *status;

	if (!k)
		return NULL;
	k->is_new = k->dirty = k->publish = true;
	k->created_ms = k->updated_ms = w->now_ms;
	k->ver = 1;
	k->fver.dflt = 1;
	k->doc = *got;
	status = image_root(&k->doc, w->schema->f_status);
	if (status && !cell_is_null(status)) {
		k->had = br_arena_array(w->arena, struct br_str, 1);
		if (k->had)
			k->had[k->nhad++] = status->value;
	}
	return k;
}

int hub_without_nulls(struct hub_world *w, const struct image *got, struct image *out)
{
	struct image_builder b;

	image_build(&b, w->arena, got->n);
	for (uint32_t i = 0; i < got->n; i++)
		if (!cell_is_null(&got->cells[i]))
			image_set(&b, got->cells[i].part, got->cells[i].key, got->cells[i].field,
				got->cells[i].value);
	return image_build_end(&b, out);
}

static void first_history(struct hub_world *w, struct hub_case *k, struct hub_system *s)
{
	struct hub_history *h = br_arena_new(w->arena, struct hub_history);

	if (!h) {
		w->failed = true;
		return;
	}
	/* version 1 is the whole case as first entered: the document itself tells it */
	*h = (struct hub_history){.kase = k,
		.ver = 1,
		.sys = s,
		.delta = BR_STR("{}"),
		.at_ms = w->now_ms,
		.source = w->source,
		.offset = w->offset};
	*w->history_end = h;
	w->history_end = &h->next;
}

static void start_case(struct hub_world *w, struct hub_system *s, const struct mapping *map,
	const struct msg *m, const struct image *got)
{
	struct br_str scheme[8], value[8];
	struct hub_case *k = hub_new_case(w, got);
	struct hub_link *l = k ? hub_world_add_link(w, k, s, map_record(map), m->lid) : NULL;
	size_t n;

	if (!l)
		return;
	l->is_new = l->dirty = true;
	l->based = s->restores;
	l->shadow = m->image;
	l->held.dflt = k->ver;
	n = map_match_keys(map, &k->doc, scheme, value, BR_LEN(scheme));
	for (size_t i = 0; i < n; i++)
		if (!hub_match_case(w, scheme[i], value[i]))
			hub_world_take_key(w, k, scheme[i], value[i]);
	first_history(w, k, s);
	s->count.created++;
	s->count.accepted++;
	hub_add_unpark(w, s, NULL, map_record(map), m->lid, "superseded");
	hub_dispatch_case(w, k);
}

size_t hub_match_keys(const struct hub_system *s, const struct msg *m, const struct image *got,
	struct br_arena *a, struct br_str *scheme, struct br_str *value, size_t room)
{
	const struct mapping *map = map_find(s->maps, m->rec);
	struct br_str ref = map_ref(map, &m->image);
	size_t n = 0;

	if (s->count.pending > 0 && room) {
		scheme[n] = hub_ref_scheme(s, m->rec, a);
		value[n++] = ref.n ? ref : m->lid;
	}
	return n + map_match_keys(map, got, scheme + n, value + n, room - n);
}

/* The case a new record says it belongs to: it was awaited, or by a strong key, an earlier
 * cross-reference. */
static struct hub_case *strong_match(struct hub_world *w, const struct hub_system *s,
	const struct msg *m, const struct image *got)
{
	struct br_str scheme[8], value[8];
	size_t n = hub_match_keys(s, m, got, w->arena, scheme, value, BR_LEN(scheme));

	for (size_t i = 0; i < n; i++) {
		struct hub_case *k = hub_match_case(w, scheme[i], value[i]);

		if (k)
			return k;
	}
	return NULL;
}

static void duplicate(struct hub_world *w, struct hub_system *s, struct hub_link *has,
	const struct msg *m, const struct mapping *map)
{
	struct br_err err;
	char lid[128], other[128];

	snprintf(lid, sizeof(lid), "%.*s", BR_STR_ARG(m->lid));
	snprintf(other, sizeof(other), "%.*s", BR_STR_ARG(has->lid));
	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_DUPLICATE, "system", s->code.p, "lid", lid, "case",
		has->kase->ulid, "other", other, NULL);
	park_plain(w, s, NULL, m, PARKED_DUPLICATE, hub_image_json(w, map, &m->image), &err);
}

static enum hub_merged merge_bound(struct hub_world *w, struct hub_link *l, const struct msg *m)
{
	struct image base;

	if (l->shadow.n) {
		hub_sure(l);
		return hub_found_again(w, l, m);
	}
	if (hub_rebase_found(w, l, &m->image, &base) < 0) {
		w->failed = true;
		return MERGE_NOTHING;
	}
	hub_sure(l);
	l->shadow = base;
	return hub_merge(w, l, &m->image, &base);
}

/* First contact with a case others already hold: bind, then merge without a base (A10). */
static void bind_record(struct hub_world *w, struct hub_system *s, struct hub_case *k,
	const struct mapping *map, const struct msg *m)
{
	struct hub_link *l = hub_case_link(k, s, map_record(map));

	if (l && l->is_new && l->inflight.on) {
		/* the create was decided in this very batch and has not left: the record is there
		 * already */
		l->inflight.on = false;
		l->state = LINK_IDLE;
		s->outstanding--;
		s->count.sent--;
	}
	if (l && !l->lid.n && l->inflight.pending) {
		count_merge(s, hub_answered(w, l, m));
		return;
	}
	if (l && (l->lid.n || l->inflight.on)) {
		duplicate(w, s, l, m, map);
		return;
	}
	if (l) {
		hub_link_named(w, l, m->lid);
	} else {
		l = hub_world_add_link(w, k, s, map_record(map), m->lid);
		if (!l)
			return;
		l->is_new = true;
		l->based = s->restores;
	}
	l->dirty = true;
	l->due = false;
	if (l->state == LINK_REJECTED || l->state == LINK_PARKED)
		l->state = LINK_IDLE;
	count_merge(s, merge_bound(w, l, m));
	/* cases that only trial systems had seen may be made elsewhere now */
	hub_dispatch_case(w, k);
}

void hub_map(
	const struct mapping *map, const struct msg *m, struct br_arena *a, struct hub_mapped *out)
{
	br_err_clear(&out->issue.err);
	out->rc = map_get(map, &m->image, NULL, a, &out->got, &out->issue);
}

/*
 * The key leads from a system on trial to another one, or back: they are compared as a whole, and a
 * person says which cases are one (hub_match.h).
 */
static bool is_for_review(const struct hub_system *s, const struct hub_case *k)
{
	bool trial = true, any = false;

	for (const struct hub_link *l = k->links; l; l = l->next) {
		if (!l->lid.n)
			continue;
		if (l->sys == s)
			return false;
		any = true;
		trial &= l->sys->state == SYS_TRIAL;
	}
	return any && (trial || s->state == SYS_TRIAL);
}

static void first_sight(struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	const struct mapping *map = map_find(s->maps, m->rec);
	const struct hub_mapped *read = w->mapped;
	struct hub_mapped now;
	struct image got;
	struct hub_case *k;

	if (!read) {
		hub_map(map, m, w->arena, &now);
		read = &now;
	}
	if (read->rc < 0) {
		park_plain(w, s, NULL, m, PARKED_IN, hub_image_json(w, map, &m->image),
			&read->issue.err);
		return;
	}
	k = strong_match(w, s, m, &read->got);
	if (k && !is_for_review(s, k)) {
		bind_record(w, s, k, map, m);
		return;
	}
	if (hub_without_nulls(w, &read->got, &got) < 0) {
		w->failed = true;
		return;
	}
	start_case(w, s, map, m, &got);
}

#define LID_MAX 1000 /* bytes; longer ones no index holds */

static void too_long(struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	const struct mapping *map = map_find(s->maps, m->rec);
	char found[24], max[24];
	struct br_err err;

	snprintf(found, sizeof(found), "%zu", m->lid.n);
	snprintf(max, sizeof(max), "%d", LID_MAX);
	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_LID_LONG, "system", s->code.p, "found", found, "max", max, NULL);
	hub_add_parked(w, s, NULL, m->rec, hub_as_text(w, m->lid), PARKED_IN,
		m->has_image && map ? hub_image_json(w, map, &m->image) : m->raw, &err);
	s->count.parked_in++;
}

void hub_observe(struct hub_world *w, struct hub_system *s, const struct msg *m)
{
	struct hub_link *l;
	struct br_err err;
	char rec[64];

	s->count.read++;
	if (m->lid.n > LID_MAX) {
		too_long(w, s, m);
		return;
	}
	if (!map_find(s->maps, m->rec)) {
		snprintf(rec, sizeof(rec), "%.*s", BR_STR_ARG(m->rec));
		br_err_clear(&err);
		br_err_set(&err, BR_E_HUB_UNKNOWN_RECORD, "system", s->code.p, "record", rec, NULL);
		park_plain(w, s, NULL, m, PARKED_IN, m->raw, &err);
		return;
	}
	l = hub_world_link(w, s, m->rec, m->lid);
	if (!m->present && !m->raw.n)
		vanished(w, s, l, m);
	else if (!m->has_image)
		unreadable(w, s, l, m);
	else if (l)
		known(w, s, l, m);
	else
		first_sight(w, s, m);
}
