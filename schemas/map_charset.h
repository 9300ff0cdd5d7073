/*
 * map_charset.h - does a text fit into a column of another charset?
 *
 * Every character's length is asked of iconv once, when the mapping is compiled; checking a value
 * is then a table look-up per character, allocates nothing and may run in several threads.
 */
#ifndef MAP_CHARSET_H
#define MAP_CHARSET_H

#include "br_arena.h"

struct map_charset {
	struct br_str name;
	bool utf8;
	uint8_t beyond;	      /* bytes of a character past U+FFFF, 0 = cannot be stored */
	const uint8_t *width; /* 65536 entries: bytes, 0 = cannot be stored */
};

/* NULL when iconv does not know the name. */
const struct map_charset *map_charset_load(struct br_str name, struct br_arena *a);
/* Bytes of valid UTF-8 text in the charset; -1 when a character cannot be stored (*bad = it,
 * borrowed from text). */
int64_t map_charset_size(const struct map_charset *cs, struct br_str text, struct br_str *bad);
/* The longest beginning that takes at most max bytes in the charset. */
struct br_str map_charset_cut(const struct map_charset *cs, struct br_str text, size_t max);

#endif
