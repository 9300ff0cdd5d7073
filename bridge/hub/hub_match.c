#include "hub_match.h"

#include "hub_step.h"

#define KEYS 8 /* strong keys of a record, at most */

static struct hub_link *only_record(const struct hub_case *k)
{
	struct hub_link *found = NULL;

	for (struct hub_link *l = k->links; l; l = l->next) {
		if (!l->lid.n)
			continue;
		if (found)
			return NULL;
		found = l;
	}
	return found;
}

static bool is_under_way(const struct hub_case *k)
{
	for (const struct hub_link *l = k->links; l; l = l->next)
		if (l->inflight.on)
			return true;
	return false;
}

static enum hub_outcome may_join(
	const struct hub_case *from, const struct hub_case *to, const struct hub_link *l)
{
	const struct hub_link *there = l ? hub_case_link(to, l->sys, l->rec) : NULL;

	if (from == to)
		return OUTCOME_same;
	if (!l)
		return OUTCOME_alone;
	if (there && there->lid.n)
		return OUTCOME_taken;
	if (is_under_way(from) || (there && there->inflight.on) || !l->map ||
		(l->state != LINK_IDLE && l->state != LINK_MATCHED))
		return OUTCOME_busy;
	return OUTCOME_done;
}

enum says { SAYS_NOTHING, SAYS_THIS, SAYS_ANOTHER };

/* What the case says now where the key was read. */
static enum says what_it_says(const struct hub_case *k, struct br_str scheme, struct br_str value)
{
	struct br_str s[KEYS], v[KEYS];
	enum says says = SAYS_NOTHING;

	for (const struct hub_link *l = k->links; l; l = l->next) {
		size_t n = l->map ? map_match_keys(l->map, &k->doc, s, v, KEYS) : 0;

		for (size_t i = 0; i < n; i++) {
			if (!br_str_eq(s[i], scheme))
				continue;
			if (br_str_eq(v[i], value))
				return SAYS_THIS;
			says = SAYS_ANOTHER;
		}
	}
	return says;
}

static bool has_key(const struct hub_case *k, struct br_str scheme, struct br_str value)
{
	return what_it_says(k, scheme, value) == SAYS_THIS;
}

struct hub_case *hub_match_case(struct hub_world *w, struct br_str scheme, struct br_str value)
{
	struct hub_case *k = hub_world_match(w, scheme, value);

	return k && what_it_says(k, scheme, value) != SAYS_ANOTHER ? k : NULL;
}

/* The strong keys of l's record (doc: in the case's words) lead from one case to the other; but not
 * what a case that stays says itself. */
static void move_keys(struct hub_world *w, const struct hub_link *l, const struct image *doc,
	const struct hub_case *from, const struct hub_case *to)
{
	struct br_str scheme[KEYS], value[KEYS];
	size_t n = map_match_keys(l->map, doc, scheme, value, KEYS);

	for (size_t i = 0; i < n; i++)
		if (from->merged || !has_key(from, scheme[i], value[i]))
			hub_world_move_key(w, scheme[i], value[i], from, to);
}

/* A version in which no value changes: who reads the case's records hears of it. */
static void tell(struct hub_world *w, struct hub_decision *d, struct hub_case *k)
{
	struct hub_history *h = br_arena_new(w->arena, struct hub_history);

	if (!h) {
		w->failed = true;
		return;
	}
	*h = (struct hub_history){.kase = k,
		.ver = k->ver,
		.by = d->by,
		.why = d->why,
		.order = d->order,
		.delta = BR_STR("{}"),
		.at_ms = w->now_ms,
		.source = w->source,
		.offset = w->offset};
	*w->history_end = h;
	w->history_end = &h->next;
	k->updated_ms = w->now_ms;
	k->dirty = k->publish = true;
	d->cid = k->cid;
	d->has_case = true;
	d->ver = k->ver;
}

static void bind(struct hub_world *w, struct hub_link *l, struct hub_case *to)
{
	struct hub_link *there = hub_case_link(to, l->sys, l->rec);
	struct br_str lid = l->lid;

	if (!there) {
		there = hub_world_add_link(w, to, l->sys, l->rec, BR_STR_NONE);
		if (!there)
			return;
		there->is_new = true;
	}
	hub_world_set_lid(w, l, BR_STR_NONE);
	hub_world_set_lid(w, there, lid);
	there->shadow = l->shadow;
	there->held = there->tries = (struct versions){0};
	there->state = LINK_MATCHED;
	there->dirty = true;
}

/* What the others show on trial is not merged any more either: the case is not theirs alone. */
static void hold_others(const struct hub_case *k)
{
	for (struct hub_link *l = k->links; l; l = l->next)
		if (l->lid.n && l->sys->state == SYS_TRIAL && l->state == LINK_IDLE && l->map) {
			l->state = LINK_MATCHED;
			l->dirty = true;
		}
}

enum hub_outcome hub_match_join(
	struct hub_world *w, struct hub_decision *d, struct hub_case *from, struct hub_case *to)
{
	struct hub_link *l;
	enum hub_outcome may;

	if (!from || !to || from->merged || to->merged)
		return OUTCOME_unknown;
	l = only_record(from);
	may = may_join(from, to, l);
	if (may != OUTCOME_done)
		return may;
	from->merged = true;
	move_keys(w, l, &from->doc, from, to);
	bind(w, l, to);
	from->merged_into = to->cid;
	from->dirty = true;
	from->publish = false;
	d->merged = from->cid;
	d->has_merged = true;
	hold_others(to);
	to->ver++;
	tell(w, d, to);
	hub_dispatch_case(w, to);
	return OUTCOME_done;
}

/* ---- taken apart ---- */

static enum hub_outcome may_split(const struct hub_link *l)
{
	if (!l)
		return OUTCOME_unknown;
	if (only_record(l->kase))
		return OUTCOME_same;
	return l->state == LINK_MATCHED && l->sys->state != SYS_LIVE && l->map ? OUTCOME_done
									       : OUTCOME_live;
}

/* The record leaves; what it was bound to may be made there as a record of its own later. */
static void unbind(struct hub_world *w, struct hub_link *l, struct hub_case *k)
{
	struct hub_link *now = hub_world_add_link(w, k, l->sys, l->rec, BR_STR_NONE);
	struct br_str lid = l->lid;

	if (!now)
		return;
	now->is_new = now->dirty = true;
	now->shadow = l->shadow;
	now->held.dflt = k->ver;
	hub_world_set_lid(w, l, BR_STR_NONE);
	hub_world_set_lid(w, now, lid);
	l->state = LINK_IDLE;
	l->shadow = (struct image){NULL, 0};
	l->held = l->tries = (struct versions){0};
	l->due = l->dirty = true;
}

static void new_keys(struct hub_world *w, const struct hub_link *l, struct hub_case *k)
{
	struct br_str scheme[KEYS], value[KEYS];
	size_t n = map_match_keys(l->map, &k->doc, scheme, value, KEYS);

	for (size_t i = 0; i < n; i++)
		if (!hub_world_match(w, scheme[i], value[i]))
			hub_world_add_key(w, k, scheme[i], value[i], true);
}

enum hub_outcome hub_match_split(
	struct hub_world *w, struct hub_decision *d, const struct hub_order *o)
{
	struct hub_system *s = hub_world_system(w, o->sys);
	struct hub_link *l = s ? hub_world_link(w, s, o->rec, o->lid) : NULL;
	enum hub_outcome may = may_split(l);
	struct map_issue issue;
	struct image got, doc;
	struct hub_case *k, *old;

	d->sys = s;
	if (may != OUTCOME_done)
		return may;
	old = l->kase;
	br_err_clear(&issue.err);
	if (map_get(l->map, &l->shadow, NULL, w->arena, &got, &issue) < 0)
		return OUTCOME_invalid;
	if (hub_without_nulls(w, &got, &doc) < 0 || !(k = hub_new_case(w, &doc))) {
		w->failed = true;
		return OUTCOME_done;
	}
	d->merged = old->cid;
	d->has_merged = true;
	move_keys(w, l, &k->doc, old, k);
	unbind(w, l, k);
	new_keys(w, l, k);
	old->ver++;
	tell(w, d, old);
	tell(w, d, k);
	hub_dispatch_case(w, k);
	hub_dispatch_case(w, old);
	return OUTCOME_done;
}

/* ---- going live ---- */

/* A case that this batch made and that nobody has compared. */
static bool is_fresh(const struct hub_system *s, const struct hub_case *k)
{
	for (const struct hub_link *l = k->links; k->is_new && !k->merged && l; l = l->next)
		if (l->sys == s && (s->compared || (l->lid.n && s->others)))
			return only_record(k) != NULL;
	return false;
}

bool hub_match_reviewed(const struct hub_world *w, const struct hub_system *s)
{
	if (s->state != SYS_TRIAL)
		return true;
	for (const struct hub_case *k = w->cases; k; k = k->hh.next)
		if (is_fresh(s, k))
			return false;
	return s->undecided == 0;
}
