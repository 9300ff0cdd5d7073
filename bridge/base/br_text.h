/*
 * br_text.h - UTF-8, masks and small text helpers.
 */
#ifndef BR_TEXT_H
#define BR_TEXT_H

#include "br_arena.h"
#include "br_err.h"

/* Offset of the first byte that is not valid UTF-8 (no surrogates, no overlong forms, <= U+10FFFF),
 * or n when all is. */
size_t br_utf8_check(struct br_str s);
/* Is there a control character of ASCII (below 0x20, or 0x7F)? */
bool br_has_control(struct br_str s);
/* The longest beginning of at most max bytes that does not cut a character. */
struct br_str br_utf8_cut(struct br_str s, size_t max);
/* Number of characters of valid UTF-8. */
size_t br_utf8_chars(struct br_str s);
/* A number as 16 hexadecimal digits in small letters, in the caller's memory, without a NUL. */
#define BR_HEX64 16
struct br_str br_hex64(char text[BR_HEX64], uint64_t value);
/* False: not 1 to 16 such digits. */
bool br_hex64_read(struct br_str text, uint64_t *out);
/* Leading and trailing ASCII blanks and U+3000 removed. */
struct br_str br_trim(struct br_str s);

/* Masks for people's data (GB/T 37964 practice): an id number keeps 6 + 4, a mobile 3 + 4, a name
 * its first (and of three or more also its last) character; anything else keeps its first
 * character. Result in the arena. */
struct br_str br_mask(struct br_arena *a, struct br_str value);
/* As br_mask into a caller's buffer, always terminated; for error details. */
char *br_mask_z(struct br_str value, char *buf, size_t size);

/* A URL as texts for people have it: without query and fragment, which may hold people's data, and
 * without user and password. Always terminated. Returns buf. */
char *br_url_shown(const char *url, char *buf, size_t size);

/* The nearest of the candidates by edit distance, if near enough to be meant (distance <= 1/3 of
 * the length, at least 1); NULL when none. */
const char *br_nearest(struct br_str word, const char *const *candidates, size_t n);
/* The whole file, at most max bytes, in the arena. */
int br_read_file(
	const char *path, size_t max, struct br_arena *a, struct br_str *out, struct br_err *err);

#endif
