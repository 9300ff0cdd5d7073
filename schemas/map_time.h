/*
 * map_time.h - dates and times of columns: a strftime-like format compiled once, run both ways.
 *
 * Canonical form: DATE is "1950-03-07"; TIME is RFC 3339 in the site's zone to the second,
 * "2018-07-02T09:05:00+08:00". Reading is lenient where it is unambiguous: a number followed by a
 * separator may lack its leading zero, seconds may carry a fraction. Writing is exact: two digits,
 * or as many as needed after %-m and the like.
 */
#ifndef MAP_TIME_H
#define MAP_TIME_H

#include "map_zone.h"
#include "shape.h"

#define MAP_TIME_OPS 32

struct map_time {
	struct {
		char what;   /* Y m d H M S f z s Q, or 0 = literal */
		bool bare;   /* %-m: written without leading zero */
		bool strict; /* exactly as many digits as it has when written: another number
				follows at once */
		char literal;
	} op[MAP_TIME_OPS];
	uint8_t n;
	uint8_t width; /* bytes at most when written */
	bool has_clock, has_seconds, has_zone, fraction;
	enum shape_type type; /* of the canonical field: SHAPE_DATE or SHAPE_TIME */
	const struct map_zone *from, *site;
};

struct map_words {
	const char *en, *zh;
};
/* Compiles a format. NULL, or why it cannot be used; *at is then the part of the format that this
 * is about, or empty. */
const struct map_words *map_time_compile(struct br_str format, enum shape_type type,
	const struct map_zone *from, const struct map_zone *site, struct map_time *out,
	struct br_str *at);
/* Stored text -> canonical. False when the text does not follow the format or is no day of the
 * calendar. */
bool map_time_get(
	const struct map_time *t, struct br_str in, struct br_arena *a, struct br_str *out);
/* The text follows the format, whether or not there is such a day and time. */
bool map_time_form(const struct map_time *t, struct br_str in);
/* Canonical -> stored text. */
bool map_time_put(
	const struct map_time *t, struct br_str in, struct br_arena *a, struct br_str *out);
/* Does writing lose part of a canonical value (a time into a date)? Does reading lose part of a
 * stored one? */
bool map_time_lossy_out(const struct map_time *t);
bool map_time_lossy_in(const struct map_time *t);

/* Canonical texts, used by the generators of map check too. */
bool map_time_read_rfc3339(struct br_str in, int64_t *utc, bool *fraction);
/* BR_STR_NONE: without memory, or in a year that has not four digits there. */
struct br_str map_time_rfc3339(int64_t utc, const struct map_zone *zone, struct br_arena *a);
bool map_time_read_date(struct br_str in, int *year, int *month, int *day);

#endif
