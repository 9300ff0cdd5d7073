/*
 * cfg_part.h - an entry of a record's parts: is described by two sides at once. The mapping knows
 * the members listed here; every other one is the connector kind's, which is told them in BEGIN and
 * refuses what it does not know.
 */
#ifndef CFG_PART_H
#define CFG_PART_H

#include "cfg_node.h"

bool cfg_part_is_mapping(struct br_str key);
/* The part with the kind's members alone, for cfg_read_options(). NULL when there is no memory. */
const struct cfg_node *cfg_part_of_kind(const struct cfg_node *part, struct br_arena *a);

#endif
