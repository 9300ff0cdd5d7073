/*
 * hub_copy.h - a case with all its links, copied whole from one arena into another.
 *
 * Parts of a world share bytes with the messages and rows they came from; a copy shares nothing
 * with its original. Systems and mappings are only pointed to: they outlive worlds.
 */
#ifndef HUB_COPY_H
#define HUB_COPY_H

#include "hub_state.h"

/* The case, its links, and what is in flight on them, as clean (nothing new, dirty or to be
 * published) and in no world. NULL when the arena is full. */
struct hub_case *hub_case_copy(const struct hub_case *k, struct br_arena *a);
/* A copy of k in the world, with its links found by their numbers; the world's own when it has the
 * case already. NULL when out of memory (failed is set). */
struct hub_case *hub_world_adopt(struct hub_world *w, const struct hub_case *k);

#endif
