#include "hub_state.h"

void hub_world_begin(struct hub_world *w, struct br_arena *a)
{
	/* The hash tables' buckets are malloc'ed by uthash; the elements live in the arena of the
	 * last batch. */
	HASH_CLEAR(hh, w->cases);
	HASH_CLEAR(hh, w->links);
	HASH_CLEAR(hh, w->keys);
	br_arena_reset(a);
	w->arena = a;
	w->history = NULL;
	w->history_end = &w->history;
	w->conflicts = NULL;
	w->conflicts_end = &w->conflicts;
	w->parked = NULL;
	w->parked_end = &w->parked;
	w->unparked = NULL;
	w->unparked_end = &w->unparked;
	w->decisions = NULL;
	w->decisions_end = &w->decisions;
	w->matters = NULL;
	w->moved_keys = NULL;
	w->orders = NULL;
	w->norders = 0;
	w->outs = NULL;
	w->outs_end = &w->outs;
	w->begins = 0;
	w->folded = (struct hub_kept){0, BR_STR_NONE};
	w->nkept = 0;
	w->mapped = NULL;
	w->failed = false;
}

struct hub_system *hub_world_system(struct hub_world *w, struct br_str code)
{
	for (size_t i = 0; i < w->nsystems; i++)
		if (br_str_eq(w->systems[i].code, code))
			return &w->systems[i];
	return NULL;
}

const struct hub_out *hub_world_fence(const struct hub_world *w, const struct hub_system *s)
{
	const struct hub_out *last = NULL;

	for (const struct hub_out *o = w->begins ? w->outs : NULL; o; o = o->next)
		if (o->sys == s && (o->kind == OUT_FENCE || o->kind == OUT_RESTART))
			last = o;
	return last && last->kind == OUT_FENCE ? last : NULL;
}

bool hub_adds_up(const struct hub_system *s)
{
	const struct hub_counters *c = &s->count;

	return c->read == c->accepted + c->echo + c->refused + c->parked_in &&
	       c->sent == c->applied + c->stale + c->exists + c->gone + c->rejected + c->unknown +
				  c->pending + s->outstanding;
}

struct hub_case *hub_world_case(const struct hub_world *w, const struct hub_id *cid)
{
	struct hub_case *k;

	HASH_FIND(hh, w->cases, cid, sizeof(*cid), k);
	return k;
}

struct hub_case *hub_world_add_case(struct hub_world *w, const struct hub_id *cid)
{
	struct hub_case *k = br_arena_new(w->arena, struct hub_case);

	if (!k) {
		w->failed = true;
		return NULL;
	}
	k->cid = *cid;
	hub_ulid_text(cid, k->ulid);
	HASH_ADD(hh, w->cases, cid, sizeof(k->cid), k);
	return k;
}

/* prefix, a, NUL, b; neither a record's name nor a scheme has a NUL */
static struct br_str join(struct br_arena *arena, const void *prefix, size_t prefix_n,
	struct br_str a, struct br_str b)
{
	size_t n = prefix_n + a.n + 1 + b.n;
	char *p = br_arena_alloc(arena, n), *at = p;

	if (!p)
		return BR_STR_NONE;
	if (prefix_n)
		memcpy(at, prefix, prefix_n);
	at += prefix_n;
	if (a.n)
		memcpy(at, a.p, a.n);
	at[a.n] = '\0';
	if (b.n)
		memcpy(at + a.n + 1, b.p, b.n);
	return (struct br_str){p, n};
}

struct br_str hub_link_key(
	struct br_arena *a, const struct hub_system *s, struct br_str rec, struct br_str lid)
{
	return join(a, &s->id, sizeof(s->id), rec, lid);
}

struct hub_link *hub_world_link_at(const struct hub_world *w, struct br_str key)
{
	struct hub_link *l;

	HASH_FIND(hh, w->links, key.p, key.n, l);
	return l;
}

struct hub_link *hub_world_link(
	struct hub_world *w, const struct hub_system *s, struct br_str rec, struct br_str lid)
{
	struct br_str key = hub_link_key(w->arena, s, rec, lid);

	if (!key.p)
		w->failed = true;
	return key.p ? hub_world_link_at(w, key) : NULL;
}

void hub_world_set_lid(struct hub_world *w, struct hub_link *l, struct br_str lid)
{
	if (l->index_key.n && l->hh.tbl)
		HASH_DELETE(hh, w->links, l);
	l->lid = lid;
	l->index_key = BR_STR_NONE;
	if (!lid.n)
		return;
	l->index_key = hub_link_key(w->arena, l->sys, l->rec, lid);
	if (!l->index_key.p) {
		w->failed = true;
		return;
	}
	HASH_ADD_KEYPTR(hh, w->links, l->index_key.p, l->index_key.n, l);
}

struct hub_link *hub_world_add_link(struct hub_world *w, struct hub_case *k, struct hub_system *s,
	struct br_str rec, struct br_str lid)
{
	struct hub_link *l = br_arena_new(w->arena, struct hub_link);
	struct hub_link **end = &k->links;

	if (!l) {
		w->failed = true;
		return NULL;
	}
	l->kase = k;
	l->sys = s;
	l->rec = rec;
	l->map = map_find(s->maps, rec);
	while (*end)
		end = &(*end)->next;
	*end = l;
	hub_world_set_lid(w, l, lid);
	return l;
}

struct hub_matter *hub_world_matter(
	const struct hub_world *w, enum hub_matter_sort sort, int64_t id)
{
	for (struct hub_matter *m = w->matters; m; m = m->next)
		if (m->sort == sort && m->id == id)
			return m;
	return NULL;
}

struct hub_link *hub_case_link(
	const struct hub_case *k, const struct hub_system *s, struct br_str rec)
{
	for (struct hub_link *l = k->links; l; l = l->next)
		if (l->sys == s && br_str_eq(l->rec, rec))
			return l;
	return NULL;
}

struct hub_case *hub_case_now(const struct hub_world *w, struct hub_case *k)
{
	while (k && k->merged)
		k = hub_world_case(w, &k->merged_into);
	return k;
}

struct br_str hub_match_key(struct br_arena *a, struct br_str scheme, struct br_str value)
{
	return join(a, NULL, 0, scheme, value);
}

struct hub_case *hub_world_match_at(const struct hub_world *w, struct br_str key)
{
	struct hub_match_key *m;

	HASH_FIND(hh, w->keys, key.p, key.n, m);
	return m ? m->kase : NULL;
}

struct hub_case *hub_world_match(struct hub_world *w, struct br_str scheme, struct br_str value)
{
	struct br_str key = hub_match_key(w->arena, scheme, value);

	if (!key.p)
		w->failed = true;
	return key.p ? hub_case_now(w, hub_world_match_at(w, key)) : NULL;
}

void hub_world_move_key(struct hub_world *w, struct br_str scheme, struct br_str value,
	const struct hub_case *from, const struct hub_case *to)
{
	struct hub_moved_key *m = br_arena_new(w->arena, struct hub_moved_key);

	if (!m) {
		w->failed = true;
		return;
	}
	*m = (struct hub_moved_key){scheme, value, from->cid, to->cid, w->moved_keys};
	w->moved_keys = m;
}

/* key: hub_match_key() of both, in the arena */
static void add_key(struct hub_world *w, struct hub_case *k, struct br_str scheme,
	struct br_str value, struct br_str key, bool is_new)
{
	struct hub_match_key *m = br_arena_new(w->arena, struct hub_match_key);

	if (!m || !key.p) {
		w->failed = true;
		return;
	}
	m->index_key = key;
	m->scheme = scheme;
	m->value = value;
	m->kase = k;
	m->is_new = is_new;
	HASH_ADD_KEYPTR(hh, w->keys, m->index_key.p, m->index_key.n, m);
}

void hub_world_add_key(struct hub_world *w, struct hub_case *k, struct br_str scheme,
	struct br_str value, bool is_new)
{
	add_key(w, k, scheme, value, hub_match_key(w->arena, scheme, value), is_new);
}

void hub_world_take_key(
	struct hub_world *w, struct hub_case *k, struct br_str scheme, struct br_str value)
{
	struct br_str key = hub_match_key(w->arena, scheme, value);
	struct hub_match_key *m = NULL;

	if (key.p)
		HASH_FIND(hh, w->keys, key.p, key.n, m);
	if (!m) {
		add_key(w, k, scheme, value, key, true);
		return;
	}
	if (!m->is_new)
		hub_world_move_key(w, scheme, value, m->kase, k);
	m->kase = k;
}
