#include "hub_copy.h"

#include "hub_rebase.h"

/* Strings of one array, packed one behind the other. */
struct pack {
	char *at;
};

static struct br_str put(struct pack *p, struct br_str s)
{
	struct br_str copy = {s.p ? p->at : NULL, s.n};

	if (s.p)
		memcpy(p->at, s.p, s.n);
	p->at += s.n;
	return copy;
}

/* Room for n things of this size and `bytes` of text; the text begins at p. */
static void *room(struct br_arena *a, size_t n, size_t size, size_t bytes, struct pack *p)
{
	char *all = br_arena_alloc(a, n * size + bytes + 1);

	p->at = all ? all + n * size : NULL;
	return all;
}

static bool copy_image(const struct image *from, struct br_arena *a, struct image *to)
{
	struct pack p;
	size_t bytes = 0;

	for (uint32_t i = 0; i < from->n; i++)
		bytes += from->cells[i].key.n + from->cells[i].value.n;
	*to = (struct image){room(a, from->n, sizeof(*to->cells), bytes, &p), from->n};
	if (!to->cells)
		return false;
	for (uint32_t i = 0; i < from->n; i++) {
		const struct cell *c = &from->cells[i];

		to->cells[i] = *c;
		to->cells[i].key = put(&p, c->key);
		to->cells[i].value = put(&p, c->value);
	}
	return true;
}

static struct version_at *copy_places(const struct version_at *from, uint32_t n, struct br_arena *a)
{
	struct version_at *to;
	struct pack p;
	size_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		bytes += from[i].key.n;
	to = room(a, n, sizeof(*to), bytes, &p);
	for (uint32_t i = 0; to && i < n; i++) {
		to[i] = from[i];
		to[i].key = put(&p, from[i].key);
	}
	return to;
}

static bool copy_versions(const struct versions *from, struct br_arena *a, struct versions *to)
{
	*to = *from;
	to->room = from->n;
	to->at = copy_places(from->at, from->n, a);
	return to->at != NULL;
}

static struct br_str *copy_list(const struct br_str *from, size_t n, struct br_arena *a)
{
	struct br_str *to;
	struct pack p;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += from[i].n;
	to = room(a, n, sizeof(*to), bytes, &p);
	for (size_t i = 0; to && i < n; i++)
		to[i] = put(&p, from[i]);
	return to;
}

static bool copy_inflight(
	const struct hub_inflight *from, struct br_arena *a, struct hub_inflight *to)
{
	*to = (struct hub_inflight){.on = false};
	if (!from->on)
		return true;
	*to = *from;
	to->set_json = BR_STR_NONE;
	to->places = copy_places(from->places, from->nplaces, a);
	return to->places && copy_image(&from->set, a, &to->set) &&
	       (!from->own_base || copy_image(&from->base, a, &to->base));
}

/* What it held before is not in the ledger yet when a batch that is being stored has changed it. */
static bool copy_passed(const struct hub_link *from, struct br_arena *a, struct hub_link *to)
{
	struct hub_past **end = &to->passed;

	for (const struct hub_past *p = from->passed; p; p = p->next) {
		struct hub_past *o = br_arena_new(a, struct hub_past);

		if (!o || !copy_image(&p->shadow, a, &o->shadow) ||
			!copy_versions(&p->held, a, &o->held))
			return false;
		o->stored = true; /* by that batch */
		*end = o;
		end = &o->next;
	}
	return true;
}

static struct hub_link *copy_link(
	const struct hub_link *from, struct hub_case *k, struct br_arena *a)
{
	struct hub_link *l = br_arena_new(a, struct hub_link);
	struct br_str *texts = copy_list((struct br_str[]){from->rec, from->lid, from->ref,
						 from->raw_shadow, from->raw_inflight},
		5, a);

	if (!l || !texts || !copy_image(&from->shadow, a, &l->shadow) ||
		!copy_versions(&from->held, a, &l->held) ||
		!copy_versions(&from->tries, a, &l->tries) ||
		!copy_inflight(&from->inflight, a, &l->inflight))
		return NULL;
	l->kase = k;
	l->sys = from->sys;
	l->map = from->map;
	l->rec = texts[0];
	l->lid = texts[1];
	l->ref = texts[2];
	l->raw_shadow = texts[3];
	l->raw_inflight = texts[4];
	l->state = from->state;
	l->n = from->n;
	l->due = from->due;
	l->based = from->based;
	l->stored = l->shadow;
	if (hub_is_unsure(from) && !copy_passed(from, a, l))
		return NULL;
	return l;
}

struct hub_case *hub_case_copy(const struct hub_case *from, struct br_arena *a)
{
	struct hub_case *k = br_arena_new(a, struct hub_case);
	struct hub_link **end;

	if (!k || !copy_image(&from->doc, a, &k->doc) || !copy_versions(&from->fver, a, &k->fver))
		return NULL;
	k->had = copy_list(from->had, from->nhad, a);
	if (!k->had)
		return NULL;
	k->nhad = from->nhad;
	k->cid = from->cid;
	memcpy(k->ulid, from->ulid, sizeof(k->ulid));
	k->ver = from->ver;
	k->created_ms = from->created_ms;
	k->updated_ms = from->updated_ms;
	k->merged = from->merged;
	k->merged_into = from->merged_into;
	end = &k->links;
	for (const struct hub_link *l = from->links; l; l = l->next) {
		if (l->settled)
			continue;
		*end = copy_link(l, k, a);
		if (!*end)
			return NULL;
		end = &(*end)->next;
	}
	return k;
}

struct hub_case *hub_world_adopt(struct hub_world *w, const struct hub_case *from)
{
	struct hub_case *k = hub_world_case(w, &from->cid);

	if (k)
		return k;
	k = hub_case_copy(from, w->arena);
	if (!k) {
		w->failed = true;
		return NULL;
	}
	HASH_ADD(hh, w->cases, cid, sizeof(k->cid), k);
	for (struct hub_link *l = k->links; l; l = l->next)
		hub_world_set_lid(w, l, l->lid);
	return k;
}
