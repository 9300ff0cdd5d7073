/*
 * cfg_overlay.h - one tree laid over another: extends: of a system. Private to cfg_site.c.
 */
#ifndef CFG_OVERLAY_H
#define CFG_OVERLAY_H

#include "cfg_node.h"

/*
 * A new map with the members of both; where both have one, maps are merged in the same way and
 * everything else is over's; one that is null there is left out. Nodes keep the file and line they
 * were written in. The trees given are not changed. NULL when there is no memory.
 */
struct cfg_node *cfg_overlay(
	const struct cfg_node *base, const struct cfg_node *over, struct br_arena *a);

#endif
