#include "hub_decide.h"

#include "hub_gone.h"
#include "hub_match.h"
#include "hub_remap.h"
#include "hub_step.h"
#include "hub_version.h"

#define ID_MAX 64 /* bytes of an order's id */

const char *hub_outcome_word(enum hub_outcome o)
{
	static const char *const words[] = {
#define X(name) #name,
		HUB_OUTCOMES(X)
#undef X
	};

	return words[o];
}

static bool is_known(const struct hub_world *w, struct br_str id)
{
	for (size_t i = 0; i < w->norders; i++)
		if (br_str_eq(w->orders[i], id))
			return true;
	for (const struct hub_decision *d = w->decisions; d; d = d->next)
		if (br_str_eq(d->order, id))
			return true;
	return false;
}

/* An earlier message of the batch may have settled what the ledger had as open. */
static bool is_open(struct hub_world *w, const struct hub_matter *m)
{
	for (const struct hub_unpark *u = m->sort == MATTER_PARKED ? w->unparked : NULL; u;
		u = u->next) {
		bool same = u->kase && m->has_case &&
			    memcmp(&u->kase->cid, &m->cid, sizeof(m->cid)) == 0;

		if (u->sys == m->sys && br_str_eq(u->rec, m->rec) &&
			(same || ((!u->kase || !m->has_case) && br_str_eq(u->lid, m->lid))))
			return false;
	}
	if (m->sort == MATTER_MATCH) {
		const struct hub_case *a = hub_world_case(w, &m->cid),
				      *b = hub_world_case(w, &m->other);

		return m->open && a && b && !a->merged && !b->merged;
	}
	return m->open;
}

static struct hub_case *case_of(struct hub_world *w, const struct hub_matter *m)
{
	return m->has_case ? hub_case_now(w, hub_world_case(w, &m->cid)) : NULL;
}

/* Their numbers are what records are known by; the rest is worked out by ourselves. */
static bool is_protected(const struct case_schema *s, const struct cell *place)
{
	return case_field(s, place->field)->owner == CASE_OWNER_BRIDGE ||
	       (place->part == 0 &&
		       (place->field == s->f_portal_case_no || place->field == s->f_dept_case_no));
}

static bool is_allowed(const struct case_schema *s, const struct cell *value)
{
	struct br_err err;

	br_err_clear(&err);
	return case_check_value(s, value, &err) == 0 &&
	       !(cell_is_null(value) && case_field(s, value->field)->always);
}

static enum hub_outcome may_set(const struct hub_world *w, const struct hub_case *k,
	const struct cell *now, const struct cell *old, int64_t seen)
{
	if (is_protected(w->schema, now))
		return OUTCOME_protected;
	if (now->part && !image_has_element(&k->doc, now->part, now->key))
		return OUTCOME_unknown;
	if (versions_of(&k->fver, now) > seen)
		return OUTCOME_changed;
	if (!is_allowed(w->schema, now))
		return OUTCOME_invalid;
	return cell_same(now, old) || (cell_is_null(now) && !old) ? OUTCOME_same : OUTCOME_done;
}

/* The value becomes the case's, by a person: nobody holds it yet, the field's owner neither. */
static enum hub_outcome set_value(struct hub_world *w, struct hub_decision *d, struct hub_case *k,
	const struct cell *now, int64_t seen)
{
	const struct cell *old = image_get(&k->doc, now->part, now->key, now->field);
	enum hub_outcome may = may_set(w, k, now, old, seen);
	struct hub_version v;

	if (may != OUTCOME_done)
		return may;
	hub_version_begin(&v, w, k, 1, 0);
	hub_version_set(&v, now, old);
	hub_version_end(&v, &(struct hub_origin){.by = d->by, .why = d->why, .order = d->order});
	d->ver = k->ver;
	return OUTCOME_done;
}

/* ---- conflicts ---- */

/* False: it is no value of ours. */
static bool read_lost(struct hub_world *w, const struct hub_matter *m, struct br_str *value)
{
	enum br_json_token t;
	struct br_err err;
	struct br_jr r;

	br_err_clear(&err);
	br_jr_init(&r, m->lose, w->arena, &err);
	t = m->lose.n ? br_jr_next(&r) : BR_JT_NULL;
	*value = t == BR_JT_STRING ? r.text : BR_STR_NONE;
	return t == BR_JT_STRING || t == BR_JT_NULL;
}

static enum hub_outcome take(struct hub_world *w, struct hub_decision *d, struct hub_case *k,
	const struct hub_matter *m, int64_t seen)
{
	struct cell now;
	enum hub_outcome o;

	if (!k || !case_find_place(w->schema, m->place, &now))
		return OUTCOME_unknown;
	if (!read_lost(w, m, &now.value))
		return OUTCOME_invalid;
	/* a deletion that lost: the row stands for all its fields */
	if (now.part && cell_is_null(&now))
		return OUTCOME_element;
	o = set_value(w, d, k, &now, seen);
	return o == OUTCOME_same ? OUTCOME_done : o;
}

static void resolve(struct hub_world *w, struct hub_decision *d, struct hub_matter *m,
	const struct hub_order *o)
{
	struct hub_case *k = case_of(w, m);

	d->outcome = o->take ? take(w, d, k, m, o->seen) : OUTCOME_done;
	if (d->outcome == OUTCOME_done)
		d->status = o->take ? "taken" : "kept";
	if (d->ver)
		hub_dispatch_case(w, k);
}

/* ---- parked items ---- */

static struct hub_link *link_of(struct hub_world *w, const struct hub_matter *m)
{
	struct hub_case *k = case_of(w, m);

	return k && m->sys ? hub_case_link(k, m->sys, m->rec) : NULL;
}

static void correct(struct hub_world *w, struct hub_decision *d, struct hub_matter *m,
	const struct hub_order *o)
{
	struct hub_case *k = case_of(w, m);
	struct hub_link *l = link_of(w, m);
	struct cell now;

	d->place = o->place;
	if (m->inbound) {
		d->outcome = OUTCOME_inbound;
		return;
	}
	if (!k || !l || !case_find_place(w->schema, o->place, &now)) {
		d->outcome = OUTCOME_unknown;
		return;
	}
	now.value = o->value;
	d->outcome = set_value(w, d, k, &now, o->seen);
	if (d->outcome != OUTCOME_done)
		return;
	d->status = "corrected";
	hub_dispatch_case(w, k);
	hub_step_resume(w, l, true);
}

static void retry(struct hub_world *w, struct hub_decision *d, const struct hub_matter *m)
{
	struct hub_link *l = link_of(w, m);

	if (!m->sys) {
		d->outcome = OUTCOME_unknown;
		return;
	}
	d->status = "retried";
	if (hub_gone_is_many(m))
		hub_gone_decide_many(w, m->sys, false);
	if (l)
		hub_step_resume(w, l, true);
	else if (case_of(w, m) && !m->inbound && !m->sys->left_out)
		hub_dispatch_owed(w, m->sys, case_of(w, m)); /* its link was what was refused */
	if (m->rec.n && m->lid.n)
		hub_read_again(w, m->sys, m->rec, m->lid);
}

/* A record of the system, or a case that is to go there. */
static bool can_retry(
	const struct hub_system *s, const struct hub_case *k, const struct hub_order *o)
{
	return s && !s->left_out && (o->lid.n ? map_find(s->maps, o->rec) != NULL : k != NULL);
}

/* Somebody compared the system with the ledger, and there is no item. */
static void retry_record(struct hub_world *w, struct hub_decision *d, const struct hub_order *o)
{
	struct hub_case *k = hub_ulid_read(o->cid, &d->cid) ? hub_world_case(w, &d->cid) : NULL;
	struct hub_link *l;

	d->sys = hub_world_system(w, o->sys);
	d->has_case = k != NULL;
	if (!can_retry(d->sys, k, o)) {
		d->outcome = OUTCOME_unknown;
		return;
	}
	l = k ? hub_case_link(k, d->sys, o->rec) : NULL;
	if (l)
		hub_step_resume(w, l, true);
	else if (!o->lid.n)
		hub_dispatch_case(w, k);
	if (o->lid.n)
		hub_read_again(w, d->sys, o->rec, o->lid);
}

static void drop(struct hub_world *w, struct hub_decision *d, const struct hub_matter *m)
{
	d->status = "dropped";
	if (hub_gone_is_many(m))
		hub_gone_decide_many(w, m->sys, true);
}

/* ---- records that vanished ---- */

static void withdraw(struct hub_world *w, struct hub_decision *d, const struct hub_matter *m,
	const struct hub_order *o)
{
	struct hub_link *l = link_of(w, m);

	d->outcome =
		l ? hub_gone_withdraw(w, l, o->seen,
			    &(struct hub_origin){.by = d->by, .why = d->why, .order = d->order},
			    &d->ver)
		  : OUTCOME_unknown;
	if (d->outcome == OUTCOME_done)
		d->status = "withdrawn";
}

static void rewrite(struct hub_world *w, struct hub_decision *d, const struct hub_matter *m)
{
	struct hub_link *l = link_of(w, m);

	d->outcome =
		l ? hub_gone_write_again(w, l,
			    &(struct hub_origin){.by = d->by, .why = d->why, .order = d->order},
			    &d->ver)
		  : OUTCOME_unknown;
	if (d->outcome == OUTCOME_done)
		d->status = "rewritten";
}

/* ---- cases that are one ---- */

static void match(struct hub_world *w, struct hub_decision *d, struct hub_matter *m,
	const struct hub_order *o)
{
	if (o->take)
		d->outcome = hub_match_join(
			w, d, hub_world_case(w, &m->cid), hub_world_case(w, &m->other));
	if (d->outcome == OUTCOME_done)
		d->status = o->take ? "accepted" : "rejected";
}

/* A person saw what the comparison did not. */
static void merge(struct hub_world *w, struct hub_decision *d, const struct hub_order *o)
{
	struct hub_link *l;
	struct hub_id to;

	d->sys = hub_world_system(w, o->sys);
	l = d->sys ? hub_world_link(w, d->sys, o->rec, o->lid) : NULL;
	d->outcome = l && hub_ulid_read(o->cid, &to)
			     ? hub_match_join(w, d, l->kase, hub_world_case(w, &to))
			     : OUTCOME_unknown;
}

/* ---- a mapping that means something else ---- */

static void remap_link(struct hub_world *w, struct hub_decision *d, struct hub_link *l,
	const struct hub_remap_change *list, size_t n)
{
	struct hub_case *k = l->kase;
	struct hub_version v;

	hub_version_begin(&v, w, k, (uint32_t)n, 0);
	for (size_t i = 0; i < n; i++) {
		const struct cell *place = &list[i].place,
				  *mine = image_get(&k->doc, place->part, place->key, place->field);

		switch (list[i].how) {
		case REMAP_IN:
			hub_version_set(&v, place, mine);
			hub_set_held(w, l, place, hub_version_number(&v));
			break;
		case REMAP_OUT:
			hub_set_held(w, l, place, -1);
			break;
		case REMAP_ASK:
			hub_add_conflict(w, l, CONFLICT_INITIAL, place, mine, place);
			break;
		default:
			/* what stands there is known when it was read: then the owner decides */
			if (mine && !cell_is_null(mine) && map_field_out(l->map, place->field))
				hub_set_held(w, l, place, -1);
			break;
		}
	}
	if (!hub_version_end(
		    &v, &(struct hub_origin){.by = d->by, .why = d->why, .order = d->order}))
		return;
	d->ver = k->ver;
	for (struct hub_link *o = k->links; o; o = o->next)
		if (o != l)
			hub_dispatch_link(w, o);
}

/* Its own system is told once the record was read again: then all its columns are known. */
static void remap(struct hub_world *w, struct hub_decision *d, const struct hub_order *o)
{
	bool *fields = br_arena_array(w->arena, bool, w->schema->shape->nfields);
	struct hub_case *k = hub_ulid_read(o->cid, &d->cid) ? hub_world_case(w, &d->cid) : NULL;
	struct hub_system *s = hub_world_system(w, o->sys);
	struct hub_link *l = k && s && !s->left_out ? hub_case_link(k, s, o->rec) : NULL;
	struct hub_remap_change *list;
	struct map_issue issue = {.ask = false};
	size_t n;

	d->sys = s;
	d->has_case = k != NULL;
	if (!l || !l->map || !br_str_eq(l->lid, o->lid) || !fields ||
		!hub_remap_fields(w->schema, o->fields, fields)) {
		d->outcome = OUTCOME_unknown;
		return;
	}
	if (l->inflight.on || l->state != LINK_IDLE) {
		d->outcome = OUTCOME_changed;
		return;
	}
	if (hub_remap(&(struct hub_remap){w->schema, l->map, s->role, fields, &k->doc, &l->shadow,
			      k->had, k->nhad},
		    w->arena, &list, &n, &issue) < 0) {
		w->failed = true;
		return;
	}
	remap_link(w, d, l, list, n);
	hub_read_again(w, s, l->rec, l->lid);
}

/* ---- all of them ---- */

enum kind {
	KIND_RESOLVE,
	KIND_CORRECT,
	KIND_DROP,
	KIND_RETRY,
	KIND_WITHDRAW,
	KIND_REWRITE,
	KIND_MATCH,
	KIND_MERGE,
	KIND_SPLIT,
	KIND_REMAP,
	KIND_NONE
};

static enum kind kind_of(struct br_str type)
{
	static const char *const types[] = {"RESOLVE", "CORRECT", "DROP", "RETRY", "WITHDRAW",
		"REWRITE", "MATCH", "MERGE", "SPLIT", "REMAP"};
	size_t i = 0;

	while (i < BR_LEN(types) && !br_str_eq(type, br_str_z(types[i])))
		i++;
	return (enum kind)i;
}

static const char *word_of(enum kind kind, const struct hub_order *o)
{
	static const char *const words[] = {"", "correct", "drop", "retry", "withdraw", "rewrite",
		"", "merge", "split", "remap"};

	if (kind == KIND_MATCH)
		return o->take ? "accept" : "reject";
	return kind == KIND_RESOLVE ? (o->take ? "take" : "keep") : words[kind];
}

static struct hub_decision *new_decision(
	struct hub_world *w, enum kind kind, const struct hub_order *o)
{
	struct hub_decision *d = br_arena_new(w->arena, struct hub_decision);

	if (!d) {
		w->failed = true;
		return NULL;
	}
	*d = (struct hub_decision){.order = o->id,
		.kind = word_of(kind, o),
		.by = o->by,
		.why = o->why,
		.parked = kind < KIND_MATCH && kind != KIND_RESOLVE ? o->parked : 0,
		.conflict = kind == KIND_RESOLVE ? o->conflict : 0,
		.match = kind == KIND_MATCH ? o->match : 0,
		.at_ms = w->now_ms,
		.source = w->source,
		.offset = w->offset};
	*w->decisions_end = d;
	w->decisions_end = &d->next;
	return d;
}

static void about(struct hub_decision *d, const struct hub_matter *m)
{
	d->matter = m;
	d->sys = m->sys;
	d->cid = m->cid;
	d->has_case = m->has_case;
	d->place = m->place;
}

static void follow(struct hub_world *w, enum kind kind, struct hub_decision *d,
	struct hub_matter *m, const struct hub_order *o)
{
	switch (kind) {
	case KIND_RESOLVE:
		resolve(w, d, m, o);
		break;
	case KIND_CORRECT:
		correct(w, d, m, o);
		break;
	case KIND_RETRY:
		retry(w, d, m);
		break;
	case KIND_WITHDRAW:
		withdraw(w, d, m, o);
		break;
	case KIND_REWRITE:
		rewrite(w, d, m);
		break;
	case KIND_MATCH:
		match(w, d, m, o);
		break;
	default:
		drop(w, d, m);
	}
	m->open = m->open && !d->status;
}

static bool is_plain(struct br_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20)
			return false;
	return true;
}

/* An order that the ledger could not keep is none. */
static bool is_well_said(const struct hub_order *o)
{
	return o->id.n && o->id.n <= ID_MAX && is_plain(o->id) && is_plain(o->by) &&
	       is_plain(o->why) && is_plain(o->place);
}

static struct hub_matter *matter_of(
	const struct hub_world *w, enum kind kind, const struct hub_order *o)
{
	switch (kind) {
	case KIND_RESOLVE:
		return hub_world_matter(w, MATTER_CONFLICT, o->conflict);
	case KIND_MATCH:
		return hub_world_matter(w, MATTER_MATCH, o->match);
	case KIND_CORRECT:
	case KIND_DROP:
	case KIND_RETRY:
	case KIND_WITHDRAW:
	case KIND_REWRITE:
		return hub_world_matter(w, MATTER_PARKED, o->parked);
	default:
		return NULL;
	}
}

bool hub_decide(struct hub_world *w, const struct hub_order *o)
{
	enum kind kind = kind_of(o->type);
	struct hub_matter *m;
	struct hub_decision *d;

	if (kind == KIND_NONE || !is_well_said(o))
		return false;
	if (is_known(w, o->id) || !(d = new_decision(w, kind, o)))
		return true;
	m = matter_of(w, kind, o);
	if (m)
		about(d, m);
	if (!o->by.n || (!o->why.n && kind != KIND_RETRY))
		d->outcome = OUTCOME_reason;
	else if (kind == KIND_RETRY && !o->parked)
		retry_record(w, d, o);
	else if (kind == KIND_MERGE)
		merge(w, d, o);
	else if (kind == KIND_SPLIT)
		d->outcome = hub_match_split(w, d, o);
	else if (kind == KIND_REMAP)
		remap(w, d, o);
	else if (!m)
		d->outcome = OUTCOME_unknown;
	else if (!is_open(w, m))
		d->outcome = OUTCOME_settled;
	else
		follow(w, kind, d, m, o);
	return true;
}
