/*
 * hub_merge.c - what a system holds against what the case says (protocol A4).
 *
 * Inbound, local values are compared with the shadow: only columns that changed there count. Each
 * canonical field that is read from a changed column is then the same as the case's, accepted,
 * refused by ownership, or a conflict; a losing value is always kept as one.
 *
 * An element that was there and is not any more is an edit too, of all its places at once, and is
 * judged as a whole. Where the list only grows (mode: append) it is kept and noted.
 */
#include "hub_rebase.h"
#include "hub_step.h"
#include "hub_version.h"

struct merge {
	struct hub_world *w;
	struct hub_link *l;
	struct hub_case *k;
	bool first;		    /* first contact: there was no base to compare with */
	struct image got;	    /* canonical reading of the record */
	struct hub_version version; /* what is accepted */
	bool told_again;	    /* something must be written back to this system */
};

static bool behind(const struct hub_link *l, unsigned part, struct br_str key, unsigned field)
{
	/* a field this system does not have is never behind there */
	if (l->map && !map_field_out(l->map, field) && !map_field_in(l->map, field))
		return false;
	return versions_get(&l->kase->fver, part, key, field) >
	       versions_get(&l->held, part, key, field);
}

/*
 * held is only ever compared with fver, and fver grows beyond the present ver only: so every place
 * that is held may as well say "as of ver". What is left are the places behind, usually none.
 */
void hub_link_touch(struct hub_world *w, struct hub_link *l)
{
	const struct versions *fver = &l->kase->fver;
	struct versions now = {.dflt = l->kase->ver};

	l->dirty = true;
	if (l->held.dflt < fver->dflt || (l->held.dflt == now.dflt && l->held.n == 0))
		return;
	for (uint32_t i = 0; i < fver->n; i++) {
		const struct version_at *f = &fver->at[i];

		if (behind(l, f->part, f->key, f->field) &&
			versions_set(&now, w->arena, f->part, f->key, f->field,
				versions_get(&l->held, f->part, f->key, f->field)) < 0)
			w->failed = true;
	}
	for (uint32_t i = 0; i < l->held.n; i++) {
		const struct version_at *h = &l->held.at[i];

		if (behind(l, h->part, h->key, h->field) &&
			versions_set(&now, w->arena, h->part, h->key, h->field, h->v) < 0)
			w->failed = true;
	}
	l->held = now;
}

void hub_set_held(struct hub_world *w, struct hub_link *l, const struct cell *place, int32_t v)
{
	if (versions_set(&l->held, w->arena, place->part, place->key, place->field, v) < 0)
		w->failed = true;
	l->dirty = true;
}

/* Does a system of the owning side take part in this case, and can it say the field? Only then is
 * the other side refused. One of which nobody can tell may be the owner. */
static bool owner_takes_part(const struct merge *m, enum case_owner owner, unsigned field)
{
	for (const struct hub_link *l = m->k->links; l; l = l->next)
		if (l != m->l && (l->sys->role == owner || l->sys->role_unknown) &&
			(l->lid.n || l->inflight.on || l->raw_inflight.n) &&
			(!l->map || map_field_in(l->map, field)))
			return true;
	return false;
}

/* Who decides this field, as far as this system goes: its mapping may say otherwise than the
 * schema. */
static enum case_owner owner_of(const struct merge *m, const struct case_field *f)
{
	int override = map_field_owner(m->l->map, f->number);

	return override >= 0 ? (enum case_owner) override : f->owner;
}

static bool may_write(const struct merge *m, const struct case_field *f)
{
	enum case_owner owner = owner_of(m, f);

	if (owner == CASE_OWNER_EITHER || owner == m->l->sys->role)
		return true;
	return owner != CASE_OWNER_BRIDGE && !owner_takes_part(m, owner, f->number);
}

static void accept_value(struct merge *m, const struct cell *v, const struct cell *old)
{
	hub_version_set(&m->version, v, old);
	hub_set_held(m->w, m->l, v, hub_version_number(&m->version));
}

/* The case's value stands: the system is told again, but an owner's value is not written for ever
 * over a job that rewrites it. */
static void reassert(
	struct merge *m, const struct cell *v, const struct cell *mine, enum hub_conflict_kind kind)
{
	int32_t tries = versions_get(&m->l->tries, v->part, v->key, v->field) + 1;

	if (tries > HUB_REASSERT_MAX) {
		hub_add_conflict(m->w, m->l, CONFLICT_REWRITTEN, v, mine, v);
		hub_set_held(m->w, m->l, v, m->k->ver);
		return;
	}
	if (versions_set(&m->l->tries, m->w->arena, v->part, v->key, v->field, tries) < 0)
		m->w->failed = true;
	hub_add_conflict(m->w, m->l, kind, v, mine, v);
	hub_set_held(m->w, m->l, v, -1);
	m->told_again = true;
}

/* Who wins when both sides changed the place since they last agreed. */
static bool wins(const struct merge *m, const struct case_field *f, const struct cell *v,
	const struct cell *mine)
{
	if (f->policy == CASE_POLICY_LATTICE && f->codes && mine && !cell_is_null(mine) &&
		!cell_is_null(v)) {
		if (code_may_follow(f->codes, mine->value, v->value))
			return true;
		if (code_may_follow(f->codes, v->value, mine->value))
			return false;
	}
	return owner_of(m, f) == m->l->sys->role;
}

/* news: what it is read from was never seen of this record, so nobody edited it. */
static void merge_place(struct merge *m, const struct cell *v, bool news)
{
	const struct case_field *f = case_field(m->w->schema, v->field);
	const struct cell *mine = image_get(&m->k->doc, v->part, v->key, v->field);
	struct hub_conflict *c;
	int32_t fver, held;

	/* nothing there and nothing known is no news */
	if (cell_same(v, mine) || (cell_is_null(v) && !mine)) {
		hub_set_held(m->w, m->l, v, m->k->ver);
		return;
	}
	/* nobody emptied what was not seen before: the case's value is still to come there */
	if (news && cell_is_null(v))
		return;
	if (!may_write(m, f)) {
		reassert(m, v, mine, CONFLICT_OWNERSHIP);
		return;
	}
	fver = versions_of(&m->k->fver, v);
	held = versions_of(&m->l->held, v);
	if (!mine || (fver <= held && (!news || cell_is_null(mine)))) {
		bool regress = f->policy == CASE_POLICY_LATTICE && f->codes && mine &&
			       !cell_is_null(mine) && !cell_is_null(v) &&
			       !code_may_follow(f->codes, mine->value, v->value);

		if (regress && owner_of(m, f) != m->l->sys->role) {
			reassert(m, v, mine, CONFLICT_OWNERSHIP);
			return;
		}
		accept_value(m, v, mine);
		return;
	}
	if (wins(m, f, v, mine)) {
		c = hub_add_conflict(
			m->w, m->l, news ? CONFLICT_INITIAL : CONFLICT_LOST, v, v, mine);
		if (c)
			c->lost_ver = fver;
		accept_value(m, v, mine);
		return;
	}
	if (f->policy == CASE_POLICY_MANUAL) {
		hub_add_conflict(m->w, m->l, CONFLICT_LOST, v, mine, v);
		hub_set_held(m->w, m->l, v, m->k->ver);
		return;
	}
	reassert(m, v, mine, news ? CONFLICT_INITIAL : CONFLICT_LOST);
}

/* ---- elements that are gone ---- */

/* The cells of an element of the case, from *i on; NULL at their end. */
static const struct cell *next_of(const struct merge *m, const struct cell *element, uint32_t *i)
{
	for (; *i < m->k->doc.n; (*i)++) {
		const struct cell *c = &m->k->doc.cells[*i];

		if (c->part == element->part && br_str_eq(c->key, element->key))
			return &m->k->doc.cells[(*i)++];
	}
	return NULL;
}

/* Every place of it must be ours to write, and none may have changed elsewhere meanwhile: an edit
 * survives a deletion. */
static bool may_go(const struct merge *m, const struct cell *element, enum hub_conflict_kind *why)
{
	const struct cell *c;

	*why = CONFLICT_OWNERSHIP;
	for (uint32_t i = 0; (c = next_of(m, element, &i));)
		if (!cell_is_null(c) && !may_write(m, case_field(m->w->schema, c->field)))
			return false;
	*why = CONFLICT_LOST;
	for (uint32_t i = 0; (c = next_of(m, element, &i));)
		if (versions_of(&m->k->fver, c) > versions_of(&m->l->held, c))
			return false;
	return true;
}

static void take_away(struct merge *m, const struct cell *element)
{
	const struct cell *c;

	for (uint32_t i = 0; (c = next_of(m, element, &i));) {
		hub_version_drop(&m->version, c);
		hub_set_held(m->w, m->l, c, hub_version_number(&m->version));
	}
	hub_version_drop_element(&m->version, element);
}

/* It is written again as a whole; the first place counts and tells for all. */
static void put_back(struct merge *m, const struct cell *element, enum hub_conflict_kind why)
{
	uint32_t i = 0;
	const struct cell *c = next_of(m, element, &i);
	struct cell none = *c;
	int32_t held;

	none.value = BR_STR_NONE;
	reassert(m, &none, c, why);
	held = versions_of(&m->l->held, c);
	while ((c = next_of(m, element, &i)))
		hub_set_held(m->w, m->l, c, held);
}

/* element: a place of the case's list. */
static void merge_gone(struct merge *m, const struct cell *element, bool grows)
{
	enum hub_conflict_kind why;
	uint32_t i = 0;
	const struct cell *c = next_of(m, element, &i);
	struct cell none;

	if (!c)
		return; /* both sides agree */
	if (grows) {
		none = *c;
		none.value = BR_STR_NONE;
		hub_add_conflict(m->w, m->l, CONFLICT_LOST, c, c, &none);
	} else if (may_go(m, element, &why)) {
		take_away(m, element);
	} else {
		put_back(m, element, why);
	}
}

/* Elements of the base that the record does not show any more: one cell for each. */
static size_t find_gone(const struct merge *m, const struct image *local, const struct image *base,
	const struct cell **gone)
{
	size_t n = 0;

	for (uint32_t i = 0; i < base->n; i++) {
		const struct cell *c = &base->cells[i];

		if (c->part &&
			!(n && gone[n - 1]->part == c->part &&
				br_str_eq(gone[n - 1]->key, c->key)) &&
			map_case_part(m->l->map, c->part) > 0 &&
			!image_has_element(local, c->part, c->key))
			gone[n++] = c;
	}
	return n;
}

static void merge_all_gone(struct merge *m, const struct cell *const *gone, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct cell element = {.key = gone[i]->key,
			.part = (uint8_t)map_case_part(m->l->map, gone[i]->part)};

		merge_gone(m, &element, map_part_grows(m->l->map, gone[i]->part));
	}
}

/* ---- what changed ---- */

static bool place_changed(
	const struct merge *m, const struct cell *v, const struct cell *const *changed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (map_place_reads(m->l->map, v, changed[i]))
			return true;
	return false;
}

/* Of a field of the root: the record, or its column (the mapping has only just come to it), was
 * never seen before. */
static bool is_news(const struct merge *m, const struct cell *v, const struct image *base,
	const struct cell *const *changed, size_t n)
{
	if (m->first)
		return true;
	for (size_t i = 0; i < n && v->part == 0; i++)
		if (map_place_reads(m->l->map, v, changed[i]) &&
			image_get(base, changed[i]->part, changed[i]->key, changed[i]->field))
			return false;
	return v->part == 0;
}

/* An edit of an element that was taken away elsewhere brings it back, and then all of it that may
 * be written. */
static bool comes_back(
	const struct merge *m, const struct cell *v, const struct cell *const *changed, size_t n)
{
	if (v->part == 0 || image_has_element(&m->k->doc, v->part, v->key) ||
		!may_write(m, case_field(m->w->schema, v->field)))
		return false;
	for (size_t i = 0; i < n; i++)
		if (map_case_part(m->l->map, changed[i]->part) == v->part &&
			br_str_eq(changed[i]->key, v->key))
			return true;
	return false;
}

/* While a command is out, a column that already shows what we sent is our own write. */
static bool is_ours(const struct merge *m, const struct cell *c)
{
	const struct cell *sent;

	if (!m->l->inflight.on)
		return false;
	sent = image_get(&m->l->inflight.set, c->part, c->key, c->field);
	return sent && map_column_same(m->l->map, c, sent);
}

static void hold_ours(struct merge *m, const struct cell *column)
{
	struct cell place;
	unsigned at = 0;

	while (map_written_place(m->l->map, column, &at, &place))
		hub_set_held(m->w, m->l, &place, m->l->inflight.ver);
}

/*
 * In doubt, a column that shows neither what it was nor what we sent may be the system's way of
 * writing ours: it is no edit, and its receipt has kept it for review.
 */
static bool is_suspect(const struct merge *m, const struct cell *c)
{
	return m->l->inflight.on && m->l->inflight.doubt &&
	       image_get(&m->l->inflight.set, c->part, c->key, c->field);
}

static size_t find_changed(struct merge *m, const struct image *local, const struct image *base,
	const struct cell **changed)
{
	struct image_pair p;
	size_t n = 0;

	image_pair_init(&p, local, base);
	while (image_pair_next(&p)) {
		/* absent is no information: the row's other columns speak for themselves */
		if (!p.left || map_target_owned(m->l->map, p.left->field) ||
			(p.right && map_column_same(m->l->map, p.left, p.right)))
			continue;
		/* nor is null where nothing was known: nobody emptied it */
		if (!p.right && cell_is_null(p.left))
			continue;
		if (is_ours(m, p.left) || is_suspect(m, p.left)) {
			hold_ours(m, p.left);
			continue;
		}
		changed[n++] = p.left;
	}
	return n;
}

static bool shows_part(const struct image *img, uint8_t part)
{
	for (uint32_t i = 0; i < img->n; i++)
		if (img->cells[i].part == part)
			return true;
	return false;
}

int hub_seen(struct hub_world *w, const struct image *shadow, const struct image *shown, bool whole,
	struct image *out)
{
	struct image still = {NULL, 0};

	/* the root's cells stand first: without lists there is nothing to drop */
	if (shadow->n && shadow->cells[shadow->n - 1].part) {
		still.cells = br_arena_alloc(w->arena, shadow->n * sizeof(*still.cells));
		if (!still.cells)
			return -BR_E_NOMEM;
	}
	for (uint32_t i = 0; still.cells && i < shadow->n; i++) {
		const struct cell *c = &shadow->cells[i];

		if (c->part == 0 || image_has_element(shown, c->part, c->key) ||
			(!whole && !shows_part(shown, c->part)))
			still.cells[still.n++] = *c;
	}
	return image_merge(still.cells ? &still : shadow, shown, w->arena, out);
}

struct br_str hub_image_json(
	struct hub_world *w, const struct mapping *map, const struct image *img)
{
	struct br_jw j;

	br_buf_reset(&w->scratch);
	br_jw_init(&j, &w->scratch);
	image_write(img, map_shape(map), &j);
	w->failed |= br_jw_failed(&j);
	return br_arena_copy(w->arena, br_buf_str(&w->scratch));
}

/* A command that is out goes on from what it was computed from, also when it has to be sent again.
 */
static void keep_base(struct hub_link *l, const struct image *local)
{
	struct hub_inflight *f = &l->inflight;

	if (!f->on || f->own_base || image_same(local, &l->shadow))
		return;
	f->base = l->shadow;
	f->own_base = true;
}

enum hub_merged hub_merge(struct hub_world *w, struct hub_link *l, const struct image *local,
	const struct image *base)
{
	struct merge m = {.w = w, .l = l, .k = l->kase, .first = base->n == 0};
	struct map_context ctx = {&l->kase->doc, l->kase->had, l->kase->nhad};
	struct map_issue issue;
	const struct cell **changed, **gone;
	size_t nchanged, ngone;
	bool accepted;

	changed = br_arena_alloc(w->arena, sizeof(*changed) * (local->n + base->n + 1));
	if (!changed) {
		w->failed = true;
		return MERGE_NOTHING;
	}
	nchanged = find_changed(&m, local, base, changed);
	gone = changed + nchanged;
	ngone = find_gone(&m, local, base, gone);
	if (nchanged + ngone == 0) {
		keep_base(l, local);
		l->shadow = *local;
		hub_link_touch(w, l);
		hub_dispatch_link(w, l);
		return MERGE_NOTHING;
	}
	br_err_clear(&issue.err);
	if (map_get(l->map, local, &ctx, w->arena, &m.got, &issue) < 0) {
		/* The shadow stays: a later full record that can be mapped brings these changes
		 * too. */
		hub_park_read(w, l->sys, l->kase, l->rec, l->lid, PARKED_IN,
			hub_image_json(w, l->map, local), hub_seen_as(l->map, image_hash(local)),
			&issue.err);
		l->state = LINK_PARKED;
		l->dirty = true;
		return MERGE_PARKED;
	}
	hub_version_begin(&m.version, w, l->kase, m.got.n, (uint32_t)ngone);
	for (uint32_t i = 0; i < m.got.n; i++)
		if (place_changed(&m, &m.got.cells[i], changed, nchanged + ngone) ||
			comes_back(&m, &m.got.cells[i], changed, nchanged))
			merge_place(&m, &m.got.cells[i],
				is_news(&m, &m.got.cells[i], base, changed, nchanged + ngone));
	merge_all_gone(&m, gone, ngone);
	keep_base(l, local);
	l->shadow = *local;
	accepted = hub_version_end(&m.version, &(struct hub_origin){.link = l});
	hub_link_touch(w, l);
	if (accepted)
		hub_dispatch_case(w, m.k);
	else
		hub_dispatch_link(w, l);
	return accepted ? MERGE_ACCEPTED : m.told_again ? MERGE_REFUSED : MERGE_NOTHING;
}
