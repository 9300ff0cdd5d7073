#include "ledger_cache.h"

#include "hub_copy.h"

/* Without memory for the table an older copy of a case might be found: the process starts anew. */
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) exit(75)

struct cached_case {
	struct hub_id cid;
	const struct hub_case *kase; /* NULL: there was no room for it */
	UT_hash_handle hh;
};

struct cached_lid {
	struct br_str key;
	struct hub_id cid;
	UT_hash_handle hh;
};

void ledger_cache_init(struct ledger_cache *c, size_t bytes)
{
	*c = (struct ledger_cache){.young = 0};
	for (size_t i = 0; i < BR_LEN(c->generation); i++)
		br_arena_init(&c->generation[i].arena, bytes / BR_LEN(c->generation));
}

static void clear(struct cache_generation *g)
{
	HASH_CLEAR(hh, g->cases);
	HASH_CLEAR(hh, g->lids);
	br_arena_reset(&g->arena);
}

void ledger_cache_release(struct ledger_cache *c)
{
	for (size_t i = 0; i < BR_LEN(c->generation); i++) {
		clear(&c->generation[i]);
		br_arena_release(&c->generation[i].arena);
	}
}

static struct cached_case *find(struct ledger_cache *c, const struct hub_id *cid)
{
	struct cached_case *e = NULL;

	HASH_FIND(hh, c->generation[c->young].cases, cid, sizeof(*cid), e);
	if (!e)
		HASH_FIND(hh, c->generation[!c->young].cases, cid, sizeof(*cid), e);
	return e;
}

static void keep_lid(struct cache_generation *g, const struct hub_link *l)
{
	struct cached_lid *e = NULL;

	/* the key under which a world finds the link; it lives in the world's arena */
	if (!l->index_key.n)
		return;
	HASH_FIND(hh, g->lids, l->index_key.p, l->index_key.n, e);
	if (e) {
		e->cid = l->kase->cid;
		return;
	}
	e = br_arena_new(&g->arena, struct cached_lid);
	if (!e)
		return;
	e->key = br_arena_copy(&g->arena, l->index_key);
	e->cid = l->kase->cid;
	if (e->key.p)
		HASH_ADD_KEYPTR(hh, g->lids, e->key.p, e->key.n, e);
}

static bool keep(struct cache_generation *g, const struct hub_case *k)
{
	struct cached_case *e = NULL;

	HASH_FIND(hh, g->cases, &k->cid, sizeof(k->cid), e);
	if (!e) {
		e = br_arena_new(&g->arena, struct cached_case);
		if (!e)
			return false;
		e->cid = k->cid;
		HASH_ADD(hh, g->cases, cid, sizeof(e->cid), e);
	}
	/* an older copy must not be found any more, whether there is room for this one or not */
	e->kase = hub_case_copy(k, &g->arena);
	if (!e->kase)
		return false;
	for (const struct hub_link *l = k->links; l; l = l->next)
		keep_lid(g, l);
	return true;
}

static void forget(struct cache_generation *g, const struct hub_id *cid)
{
	struct cached_case *e = NULL;

	HASH_FIND(hh, g->cases, cid, sizeof(*cid), e);
	if (e)
		e->kase = NULL;
}

void ledger_cache_keep(struct ledger_cache *c, const struct hub_case *k)
{
	if (keep(&c->generation[c->young], k))
		return;
	c->young = !c->young;
	clear(&c->generation[c->young]);
	if (keep(&c->generation[c->young], k))
		return;
	clear(&c->generation[c->young]);
	forget(&c->generation[!c->young], &k->cid);
}

void ledger_cache_drop(struct ledger_cache *c, const struct hub_id *cid)
{
	for (size_t i = 0; i < BR_LEN(c->generation); i++)
		forget(&c->generation[i], cid);
}

bool ledger_cache_give(struct ledger_cache *c, struct hub_world *w, const struct hub_id *cid)
{
	const struct cached_case *e;

	if (hub_world_case(w, cid))
		return true;
	e = find(c, cid);
	return e && e->kase && hub_world_adopt(w, e->kase);
}

bool ledger_cache_find(const struct ledger_cache *c, struct br_str key, struct hub_id *cid)
{
	struct cached_lid *e = NULL;

	for (int i = 0; i < 2 && !e; i++)
		HASH_FIND(hh, c->generation[i ? !c->young : c->young].lids, key.p, key.n, e);
	if (e)
		*cid = e->cid;
	return e != NULL;
}
