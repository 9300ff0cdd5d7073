#include "hub_rebase.h"

#include "hub_gone.h"

#include <stdlib.h>

/* ---- the system ---- */

void hub_rebase_system(struct hub_system *s)
{
	s->restores++;
	s->inc[0] = '\0';
	s->beat = s->taken = 0;
	free((char *)s->cursor.p);
	s->cursor = BR_STR_NONE;
	s->dirty = true;
}

/* ---- a link ---- */

void hub_sure(struct hub_link *l)
{
	if (!hub_is_unsure(l))
		return;
	l->based = l->sys->restores;
	l->dirty = true;
}

static bool same_content(const struct hub_link *l, const struct image *a, const struct image *b)
{
	struct image_pair p;

	image_pair_init(&p, a, b);
	while (image_pair_next(&p)) {
		const struct cell *one = p.left ? p.left : p.right;

		if (map_target_owned(l->map, one->field))
			continue;
		if (!p.left || !p.right ? !cell_is_null(one)
					: !map_column_same(l->map, p.left, p.right))
			return false;
	}
	return true;
}

void hub_remember(struct hub_world *w, struct hub_link *l)
{
	bool stored = l->shadow.cells == l->stored.cells;
	struct hub_past *p;

	/* nearly always: the ledger has it, and keeps it when it is replaced */
	if (!l->shadow.n || (stored && !hub_is_unsure(l)) ||
		(l->passed && l->passed->shadow.cells == l->shadow.cells))
		return;
	p = br_arena_new(w->arena, struct hub_past);
	if (!p || versions_copy(&l->held, w->arena, &p->held) < 0) {
		w->failed = true;
		return;
	}
	p->shadow = l->shadow;
	p->stored = stored;
	p->next = l->passed;
	l->passed = p;
}

/* From the newest to the oldest: p NULL gives the first. */
static const struct hub_past *before(const struct hub_link *l, const struct hub_past *p)
{
	if (!p)
		return l->passed ? l->passed : l->past;
	if (p->next)
		return p->next;
	for (const struct hub_past *o = l->passed; o; o = o->next)
		if (o == p)
			return l->past;
	return NULL;
}

/* As it was then, whole. */
static const struct hub_past *find_whole(const struct hub_link *l, const struct image *local)
{
	const struct hub_past *p = NULL;

	while ((p = before(l, p)))
		if (same_content(l, local, &p->shadow))
			break;
	return p;
}

/* The newest past that shows this column so; NULL value: that does not have it. */
static const struct hub_past *find_column(
	const struct hub_link *l, const struct cell *place, const struct cell *value)
{
	const struct hub_past *p = NULL;

	while ((p = before(l, p))) {
		const struct cell *c = image_get(&p->shadow, place->part, place->key, place->field);

		if (value && c ? map_column_same(l->map, c, value) : !value && !c)
			break;
	}
	return p;
}

static void hold_as_then(struct hub_world *w, struct hub_link *l, const struct cell *column,
	const struct hub_past *then)
{
	struct cell place;
	unsigned at = 0;

	while (map_written_place(l->map, column, &at, &place))
		hub_set_held(w, l, &place, versions_of(&then->held, &place));
}

static bool is_of(const struct image *set, const struct cell *c)
{
	return set && (image_get(set, c->part, c->key, c->field) ||
			      image_get(set, c->part, c->key, IMAGE_ELEMENT));
}

static bool differs(const struct hub_link *l, const struct image_pair *p)
{
	if (map_target_owned(l->map, (p->left ? p->left : p->right)->field))
		return false;
	/* in the root a column that is not shown says nothing */
	if (!p->left)
		return p->right->part != 0;
	return !p->right ? !cell_is_null(p->left) : !map_column_same(l->map, p->left, p->right);
}

/* Column by column: what is explained becomes part of what was known. */
static int explain(struct hub_world *w, struct hub_link *l, const struct image *local,
	const struct image *ours, struct image *base)
{
	static const struct hub_past unseen = {.held = {.dflt = -1}};
	struct image shadow = *base;
	struct image_pair p;

	base->cells = br_arena_array(w->arena, struct cell, (size_t)shadow.n + local->n + 1);
	base->n = 0;
	if (!base->cells)
		return -BR_E_NOMEM;
	image_pair_init(&p, local, &shadow);
	while (image_pair_next(&p)) {
		const struct cell *one = p.left ? p.left : p.right;
		const struct hub_past *then = NULL;

		if (differs(l, &p) && !is_of(ours, one)) {
			then = find_column(l, one, p.left);
			/* older than all that was ever seen: what is empty was empty yet */
			if (!then && (!p.left || cell_is_null(p.left)))
				then = &unseen;
		}
		if (then) {
			hold_as_then(w, l, one, then);
			if (p.left)
				base->cells[base->n++] = *p.left;
		} else if (p.right) {
			base->cells[base->n++] = *p.right;
		}
	}
	return 0;
}

int hub_rebase(struct hub_world *w, struct hub_link *l, const struct image *local,
	const struct image *ours, struct image *base)
{
	const struct hub_past *then = NULL;

	if (same_content(l, local, base))
		return 0;
	if (!ours)
		then = find_whole(l, local);
	l->sys->count.restored++;
	l->dirty = true;
	if (!then)
		return explain(w, l, local, ours, base);
	*base = *local;
	return versions_copy(&then->held, w->arena, &l->held);
}

int hub_rebase_found(
	struct hub_world *w, struct hub_link *l, const struct image *local, struct image *base)
{
	const struct hub_past *last = before(l, NULL);

	*base = (struct image){NULL, 0};
	if (!hub_is_unsure(l) || !last)
		return 0;
	*base = last->shadow;
	return versions_copy(&last->held, w->arena, &l->held) < 0
		       ? -BR_E_NOMEM
		       : hub_rebase(w, l, local, NULL, base);
}

static struct br_str natural_key(
	struct hub_world *w, const struct hub_link *l, const struct image *img)
{
	struct br_jw j;

	br_buf_reset(&w->scratch);
	br_jw_init(&j, &w->scratch);
	map_natural_key(l->map, img, &j);
	return br_arena_copy(w->arena, br_buf_str(&w->scratch));
}

bool hub_is_another(struct hub_world *w, const struct hub_link *l, const struct image *local)
{
	struct br_str now = natural_key(w, l, local);
	const struct hub_past *p = NULL;

	if (l->shadow.n == 0 || br_str_eq(now, natural_key(w, l, &l->shadow)))
		return false;
	while ((p = before(l, p)))
		if (br_str_eq(now, natural_key(w, l, &p->shadow)))
			return false;
	return true;
}

void hub_lost_record(struct hub_world *w, struct hub_link *l)
{
	struct hub_system *s = l->sys;

	hub_remember(w, l);
	if (l->inflight.on) {
		if (l->inflight.pending)
			s->count.pending--;
		else
			s->outstanding--;
		s->count.gone++;
	}
	l->inflight.on = false;
	if (l->state == LINK_GONE)
		hub_link_back(w, l);
	hub_add_unpark(w, s, NULL, l->rec, l->lid, "superseded");
	hub_world_set_lid(w, l, BR_STR_NONE);
	l->freed = true;
	l->n = hub_next_number(w, l); /* it was there: that it comes again needs no other source */
	l->state = LINK_IDLE;
	l->shadow = (struct image){NULL, 0};
	l->held = (struct versions){0};
	s->count.lost++;
	l->dirty = s->dirty = true;
	hub_dispatch_link(w, l);
}
