/*
 * cfg_schemas.h - where the schema of the case lies. Private to cfg_site.c.
 */
#ifndef CFG_SCHEMAS_H
#define CFG_SCHEMAS_H

#include "cfg_node.h"

/* given: schemas: of site.yaml, whose tree is root; places and order as cfg_site.h says. In the
 * arena; NULL with a problem. */
const char *cfg_schemas_find(const char *site_folder, struct br_str given,
	const struct cfg_node *root, struct br_arena *a, struct cfg_report *report);

#endif
