#include "cfg_part.h"

bool cfg_part_is_mapping(struct br_str key)
{
	static const char *const ours[] = {"case", "key", "mode", "list", "on_create", "note"};

	for (size_t i = 0; i < BR_LEN(ours); i++)
		if (br_str_eq(key, br_str_z(ours[i])))
			return true;
	return false;
}

const struct cfg_node *cfg_part_of_kind(const struct cfg_node *part, struct br_arena *a)
{
	struct cfg_node *own = br_arena_new(a, struct cfg_node), **end;

	if (!own)
		return NULL;
	*own = *part;
	own->n = 0;
	own->child = NULL;
	end = &own->child;
	for (const struct cfg_node *c = cfg_first(part); c; c = c->next) {
		if (cfg_part_is_mapping(c->key))
			continue;
		*end = br_arena_new(a, struct cfg_node);
		if (!*end)
			return NULL;
		**end = *c;
		(*end)->next = NULL;
		end = &(*end)->next;
		own->n++;
	}
	return own;
}
