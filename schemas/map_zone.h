/*
 * map_zone.h - time zones of columns and of the site.
 *
 * A zone is loaded once (IANA name from the system's zoneinfo, or a fixed offset) and then only
 * computed with: no TZ variable, no localtime(), so several threads may use it. A local time that
 * occurs twice (end of summer time) means the earlier moment; one that never occurs is read with
 * the offset before the jump.
 */
#ifndef MAP_ZONE_H
#define MAP_ZONE_H

#include "br_arena.h"

struct map_zone {
	int32_t first; /* seconds east of UTC before at[0] */
	size_t n;
	const int64_t *at; /* UTC seconds from which off counts */
	const int32_t *off;
};

/* "Asia/Shanghai", "UTC", "+08:00", "-0330". NULL when it cannot be loaded. */
const struct map_zone *map_zone_load(struct br_str name, struct br_arena *a);
/* Seconds east of UTC at a moment. */
int32_t map_zone_at(const struct map_zone *z, int64_t utc);
/* Seconds east of UTC for a local wall clock, given as if it were UTC. */
int32_t map_zone_of_local(const struct map_zone *z, int64_t local);

/* Days since 1970-01-01 of a day of the proleptic Gregorian calendar, and back. */
int64_t map_days(int year, int month, int day);
void map_civil(int64_t days, int *year, int *month, int *day);
bool map_date_valid(int year, int month, int day);

#endif
