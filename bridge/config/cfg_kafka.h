/*
 * cfg_kafka.h - the kafka: part of site.yaml. Private to cfg_site.c.
 */
#ifndef CFG_KAFKA_H
#define CFG_KAFKA_H

#include "cfg_site.h"

/* Fills site->kafka_bootstrap and site->kafka from the map. Returns 0 or the code of the first
 * problem. */
int cfg_kafka_read(const struct cfg_node *map, const char *secrets_dir, struct cfg_site *site,
	struct br_arena *a, struct cfg_report *report);

#endif
