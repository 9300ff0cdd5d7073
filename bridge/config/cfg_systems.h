/*
 * cfg_systems.h - systems/NAME.yaml of a site. Private to cfg_site.c.
 */
#ifndef CFG_SYSTEMS_H
#define CFG_SYSTEMS_H

#include "cfg_site.h"

/* Adds the systems of the folder to the site, in the order of their file names; problems go to the
 * report. */
void cfg_systems_read(struct cfg_site *site, struct br_arena *a, struct cfg_report *report);
/* [a-z][a-z0-9-]{0,31} */
bool cfg_is_name(struct br_str s);

#endif
