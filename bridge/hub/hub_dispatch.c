/*
 * hub_dispatch.c - what a system must be told (protocol A5): decided by versions, sent one command
 * at a time per link.
 */
#include "hub_step.h"

#include "br_rule.h"

static bool takes_part(
	const struct hub_world *w, const struct hub_system *s, const struct hub_case *k)
{
	const struct cell *item;

	if (!s->items || s->items->n == 0)
		return true;
	item = image_root(&k->doc, w->schema->f_impl_code);
	if (!item || cell_is_null(item))
		return false;
	for (size_t i = 0; i < s->items->n; i++)
		if (br_str_eq(s->items->item[i], item->value))
			return true;
	return false;
}

/* A case only a trial system has seen is not created elsewhere before that system goes live (A10).
 */
static bool has_live_source(const struct hub_link *l)
{
	for (const struct hub_link *o = l->kase->links; o; o = o->next)
		if (o != l && o->lid.n && o->sys->state == SYS_LIVE)
			return true;
	return l->n > 0;
}

static bool sendable(const struct hub_link *l)
{
	if (!l->lid.n && !has_live_source(l))
		return false; /* a system that goes live wakes it: no use looking before */
	if (l->sys->state == SYS_LIVE && !l->sys->count.mass &&
		l->sys->outstanding < l->sys->credit)
		return true;
	l->sys->backlog = true;
	return false;
}

static void add_place(struct hub_world *w, struct hub_link *l, struct version_at *list, uint32_t *n,
	uint8_t part, struct br_str key, uint16_t field)
{
	int32_t fver;

	if (!map_field_out(l->map, field))
		return;
	fver = versions_get(&l->kase->fver, part, key, field);
	if (fver <= versions_get(&l->held, part, key, field))
		return;
	(void)w;
	list[(*n)++] = (struct version_at){.key = key, .field = field, .part = part, .v = fver};
}

/* Places that are behind: present ones, and ones that became absent. */
static struct version_at *dirty_places(struct hub_world *w, struct hub_link *l, uint32_t *n)
{
	const struct hub_case *k = l->kase;
	struct version_at *list = br_arena_array(
		w->arena, struct version_at, (size_t)k->doc.n + k->fver.n + l->held.n + 1);

	*n = 0;
	if (!list) {
		w->failed = true;
		return NULL;
	}
	for (uint32_t i = 0; i < k->doc.n; i++)
		add_place(w, l, list, n, k->doc.cells[i].part, k->doc.cells[i].key,
			k->doc.cells[i].field);
	for (uint32_t i = 0; i < k->fver.n; i++) {
		const struct version_at *f = &k->fver.at[i];

		if (!image_get(&k->doc, f->part, f->key, f->field))
			add_place(w, l, list, n, f->part, f->key, f->field);
	}
	/* a value was put where the case has none, and may not stand */
	for (uint32_t i = 0; i < l->held.n; i++) {
		const struct version_at *h = &l->held.at[i];

		if (!image_get(&k->doc, h->part, h->key, h->field) &&
			versions_get(&k->fver, h->part, h->key, h->field) == k->fver.dflt)
			add_place(w, l, list, n, h->part, h->key, h->field);
	}
	return list;
}

/* The place of an element that the case does not have: not empty, but not to be there. */
static bool is_gone(const struct hub_case *k, const struct version_at *place)
{
	return place->part && !image_has_element(&k->doc, place->part, place->key);
}

/* The system can take it away, or keeps what it has: then its fields are no matter of their own.
 * One that can do neither gets them empty. */
static bool has_its_own_end(const struct hub_link *l, const struct version_at *place)
{
	int part = place->part ? map_local_part(l->map, place->part) : 0;

	return part > 0 && is_gone(l->kase, place) &&
	       (map_part_drops(l->map, (unsigned)part) || map_part_grows(l->map, (unsigned)part));
}

/* The case as it is to be written: a dirty place it does not have is written as null, for absent
 * would leave what stands there. */
static int with_nulls(struct hub_world *w, const struct hub_link *l,
	const struct version_at *places, uint32_t n, struct image *out)
{
	const struct hub_case *k = l->kase;
	struct image_builder b;
	struct image nulls;

	image_build(&b, w->arena, n);
	for (uint32_t i = 0; i < n; i++)
		if (!has_its_own_end(l, &places[i]) &&
			!image_get(&k->doc, places[i].part, places[i].key, places[i].field))
			image_set_null(&b, places[i].part, places[i].key, places[i].field);
	if (image_build_end(&b, &nulls) < 0)
		return -BR_E_NOMEM;
	return image_merge(&k->doc, &nulls, w->arena, out);
}

static bool written_by(const struct hub_link *l, const struct cell *column,
	const struct version_at *places, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct cell place = {
			.key = places[i].key, .field = places[i].field, .part = places[i].part};

		if (map_place_writes(l->map, &place, column))
			return true;
	}
	return false;
}

/* Elements the system holds and the case has no longer, as far as it has been told to go. */
static void drop_elements(const struct hub_link *l, const struct version_at *places, uint32_t n,
	struct image_builder *set)
{
	for (uint32_t i = 0; i < n; i++) {
		int part = places[i].part ? map_local_part(l->map, places[i].part) : 0;

		if (part > 0 && is_gone(l->kase, &places[i]) &&
			map_part_drops(l->map, (unsigned)part) &&
			image_has_element(&l->shadow, (unsigned)part, places[i].key))
			image_set_null(set, (uint8_t)part, places[i].key, IMAGE_ELEMENT);
	}
}

/* Columns of the dirty places that differ from what the system holds; a clean field whose stored
 * form differs is never rewritten. */
static int columns_to_set(struct hub_world *w, struct hub_link *l, const struct image *want,
	const struct version_at *places, uint32_t n, struct image *set)
{
	struct image_builder b;
	struct image_pair p;

	image_build(&b, w->arena, want->n);
	image_pair_init(&p, want, &l->shadow);
	while (image_pair_next(&p)) {
		if (!p.left || (p.right && map_column_same(l->map, p.left, p.right)))
			continue;
		if (!p.right && cell_is_null(p.left))
			continue;
		if (!written_by(l, p.left, places, n))
			continue;
		if (cell_is_null(p.left))
			image_set_null(&b, p.left->part, p.left->key, p.left->field);
		else
			image_set(&b, p.left->part, p.left->key, p.left->field, p.left->value);
	}
	drop_elements(l, places, n, &b);
	return image_build_end(&b, set);
}

void hub_link_named(struct hub_world *w, struct hub_link *l, struct br_str lid)
{
	hub_world_set_lid(w, l, lid);
	l->dirty = true;
	/* what waited for somebody who has the case may go (has_live_source) */
	for (struct hub_link *o = l->kase->links; o; o = o->next)
		if (o->due)
			o->sys->backlog = true;
}

void hub_park_out(struct hub_world *w, struct hub_link *l, enum hub_parked_kind kind,
	const struct br_err *why)
{
	hub_add_parked(w, l->sys, l->kase, l->rec, l->lid, kind, BR_STR_NONE, why);
	l->state = LINK_REJECTED;
	l->due = false;
	l->dirty = true;
	l->sys->count.unwritable++;
	l->sys->dirty = true;
}

static void park_out(struct hub_world *w, struct hub_link *l, const struct map_issue *issue)
{
	hub_park_out(w, l, issue->ask ? PARKED_ASK : PARKED_OUT, &issue->err);
}

int64_t hub_next_number(const struct hub_world *w, const struct hub_link *l)
{
	int64_t since = w->now_ms - w->incarnation * 1000;

	return l->n ? l->n + 1 : since > 0 ? since : 1;
}

static void send_command(struct hub_world *w, struct hub_link *l, enum msg_op op,
	const struct image *set, struct version_at *places, uint32_t n)
{
	struct hub_out *o = hub_out_add(w, OUT_CMD, l->sys);

	if (!o)
		return;
	l->n = hub_next_number(w, l);
	l->state = LINK_INFLIGHT;
	l->due = false;
	l->dirty = true;
	l->inflight = (struct hub_inflight){
		.on = true,
		.op = op,
		.restores = l->sys->restores,
		.incarnation = w->incarnation,
		.ver = l->kase->ver,
		.all = op == OP_CREATE,
		.set = *set,
		.places = places,
		.nplaces = n,
	};
	l->sys->outstanding++;
	l->sys->count.sent++;
	l->sys->dirty = true; /* its counters, even if it said nothing itself */
	o->link = l;
}

static void dispatch_create(struct hub_world *w, struct hub_link *l)
{
	struct map_issue issue = {.ask = false};
	struct image none = {NULL, 0}, want, extra, set;

	br_err_clear(&issue.err);
	if (map_put(l->map, &l->kase->doc, &none, w->arena, &want, &issue) < 0 ||
		map_on_create(l->map, &l->kase->doc, w->arena, &extra, &issue) < 0) {
		park_out(w, l, &issue);
		return;
	}
	/* what the case says goes before what the mapping supplies */
	if (image_merge(&extra, &want, w->arena, &set) < 0) {
		w->failed = true;
		return;
	}
	/* what an earlier one set that was given up is not there, as the person found who looked */
	if (!l->lid.n)
		l->shadow = none;
	send_command(w, l, OP_CREATE, &set, NULL, 0);
}

static void dispatch_update(
	struct hub_world *w, struct hub_link *l, struct version_at *places, uint32_t n)
{
	struct map_issue issue = {.ask = false};
	struct image doc, want, set;

	br_err_clear(&issue.err);
	if (with_nulls(w, l, places, n, &doc) < 0) {
		w->failed = true;
		return;
	}
	if (map_put(l->map, &doc, &l->shadow, w->arena, &want, &issue) < 0) {
		park_out(w, l, &issue);
		return;
	}
	if (columns_to_set(w, l, &want, places, n, &set) < 0) {
		w->failed = true;
		return;
	}
	if (set.n == 0) {
		/* the difference cannot be expressed there: told as well as can be */
		for (uint32_t i = 0; i < n; i++)
			hub_set_held(w, l,
				&(struct cell){.key = places[i].key,
					.field = places[i].field,
					.part = places[i].part},
				l->kase->ver);
		l->due = false;
		hub_link_touch(w, l);
		/* nothing is left of what was refused */
		hub_add_unpark(w, l->sys, l->kase, l->rec, l->lid, "superseded");
		return;
	}
	send_command(w, l, OP_UPDATE, &set, places, n);
}

/* What a system that is left out lacks is looked at when its file is back. */
static void let_wait(struct hub_link *l)
{
	if (l->due)
		return;
	l->due = true;
	l->dirty = true;
}

static void wait_no_more(struct hub_link *l)
{
	if (l->due)
		l->dirty = true;
	l->due = false;
}

/* A record that a person bound: once its system is live it is merged, with nothing known before
 * (A10). Until then nothing goes there and nothing comes from it. */
static void first_contact(struct hub_world *w, struct hub_link *l)
{
	struct image seen = l->shadow, none = {NULL, 0};

	if (l->sys->state != SYS_LIVE) {
		let_wait(l);
		return;
	}
	l->state = LINK_IDLE;
	l->due = false;
	l->dirty = true;
	l->shadow = none;
	hub_merge(w, l, &seen, &none);
}

void hub_dispatch_link(struct hub_world *w, struct hub_link *l)
{
	struct version_at *places;
	uint32_t n;
	bool busy = l->state != LINK_IDLE || l->inflight.on;

	if (l->sys->left_out) {
		let_wait(l);
		return;
	}
	if (!l->map) {
		/* its record is in the system's file no longer: nobody can say what it lacks */
		wait_no_more(l);
		return;
	}
	if (l->state == LINK_MATCHED) {
		first_contact(w, l);
		return;
	}
	if (busy && !(BR_WITHOUT(STOP_AND_WAIT) && l->state == LINK_INFLIGHT)) {
		/* what ends this state looks again; meanwhile it must not stand in the way of
		 * those that can go */
		wait_no_more(l);
		return;
	}
	places = dirty_places(w, l, &n);
	if (!places)
		return;
	if (n == 0) {
		wait_no_more(l);
		return;
	}
	if (!sendable(l)) {
		if (!l->due || l->is_new) {
			l->due = true;
			l->dirty = true;
		}
		return;
	}
	/* a number without a record (a create that was refused half-way) is still a create */
	if (l->lid.n && l->shadow.n)
		dispatch_update(w, l, places, n);
	else
		dispatch_create(w, l);
}

static bool has_link(const struct hub_case *k, const struct hub_system *s)
{
	for (const struct hub_link *l = k->links; l; l = l->next)
		if (l->sys == s)
			return true;
	return false;
}

/* A new link for a case that belongs into a system and is not there. Of a system that is left out
 * nobody can tell: a link without record makes sure that it is asked later (if the ledger knows it
 * at all; to a new one no case is owed). */
static struct hub_link *add_link(struct hub_world *w, struct hub_system *s, struct hub_case *k)
{
	const struct mapping *map = s->maps ? map_route(s->maps, &k->doc) : NULL;
	struct br_str record = map ? map_record(map) : BR_STR("");
	struct hub_link *l;

	if (s->left_out ? s->id == 0 || has_link(k, s)
			: !map || !takes_part(w, s, k) || hub_case_link(k, s, record))
		return NULL;
	l = hub_world_add_link(w, k, s, record, BR_STR_NONE);
	if (l) {
		l->is_new = l->dirty = true;
		l->based = s->restores;
	}
	return l;
}

void hub_dispatch_returned(struct hub_world *w, struct hub_link *l)
{
	struct hub_link *now = add_link(w, l->sys, l->kase);

	l->settled = true;
	l->due = false;
	if (now)
		hub_dispatch_link(w, now);
}

void hub_dispatch_owed(struct hub_world *w, struct hub_system *s, struct hub_case *k)
{
	struct hub_link *l = has_link(k, s) ? NULL : add_link(w, s, k);

	if (l)
		hub_dispatch_link(w, l);
}

void hub_dispatch_case(struct hub_world *w, struct hub_case *k)
{
	for (size_t i = 0; i < w->nsystems; i++)
		add_link(w, &w->systems[i], k);
	for (struct hub_link *l = k->links; l; l = l->next) {
		/* a refused change is tried again once the case has changed */
		if (l->state == LINK_REJECTED) {
			l->state = LINK_IDLE;
			l->dirty = true;
		}
		hub_dispatch_link(w, l);
	}
}
