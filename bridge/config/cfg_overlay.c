#include "cfg_overlay.h"

/* Appends a copy whose children are still the original's: they are never changed. */
static struct cfg_node **append(struct cfg_node *map, struct cfg_node **end,
	const struct cfg_node *node, struct br_arena *a)
{
	*end = br_arena_new(a, struct cfg_node);
	if (!*end)
		return NULL;
	**end = *node;
	(*end)->next = NULL;
	map->n++;
	return &(*end)->next;
}

static const struct cfg_node *merged(
	const struct cfg_node *base, const struct cfg_node *over, struct br_arena *a)
{
	if (!over)
		return base;
	return base->kind == CFG_MAP && over->kind == CFG_MAP ? cfg_overlay(base, over, a) : over;
}

/* Depth is bounded by CFG_DEPTH_MAX, which reading has checked. */
struct cfg_node *cfg_overlay(
	const struct cfg_node *base, const struct cfg_node *over, struct br_arena *a)
{
	struct cfg_node *map = br_arena_new(a, struct cfg_node), **end;

	if (!map)
		return NULL;
	*map = *over;
	map->child = map->next = NULL;
	map->n = 0;
	end = &map->child;
	for (const struct cfg_node *b = cfg_first(base); b; b = b->next) {
		const struct cfg_node *o = cfg_get(over, b->key.p);
		const struct cfg_node *m = o && o->kind == CFG_NULL ? NULL : merged(b, o, a);

		if (o && o->kind == CFG_NULL)
			continue;
		end = m ? append(map, end, m, a) : NULL;
		if (!end)
			return NULL;
	}
	for (const struct cfg_node *o = cfg_first(over); o; o = o->next) {
		if (cfg_get(base, o->key.p))
			continue;
		end = append(map, end, o, a);
		if (!end)
			return NULL;
	}
	return map;
}
