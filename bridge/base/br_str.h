/*
 * br_str.h - borrowed bytes: a pointer and a length in bytes, not terminated.
 *
 * A br_str owns nothing; whoever made the bytes (an arena, a message, a literal) says how long they
 * live. Text in a br_str is UTF-8 unless a function says otherwise.
 */
#ifndef BR_STR_H
#define BR_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct br_str {
	const char *p;
	size_t n;
};

#define BR_STR(literal) ((struct br_str){(literal), sizeof(literal) - 1})
#define BR_STR_NONE	((struct br_str){NULL, 0})
/* for printf("%.*s", BR_STR_ARG(s)) */
#define BR_STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""
#define BR_LEN(array) (sizeof(array) / sizeof((array)[0]))

static inline struct br_str br_str_z(const char *text)
{
	return (struct br_str){text, text ? strlen(text) : 0};
}

static inline bool br_str_eq(struct br_str a, struct br_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Byte order, shorter first when one is the beginning of the other: <0, 0, >0. */
static inline int br_str_cmp(struct br_str a, struct br_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* 64-bit hash of bytes, the same on every machine and run (FNV-1a with a final mix); not for
 * secrets. */
uint64_t br_hash(const void *bytes, size_t n);
/* h with v worked in, for a sum of many small things. The same everywhere, too. */
static inline uint64_t br_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v ^ h >> 29) * UINT64_C(0x9fb21c651e98df25);
	return h ^ h >> 32;
}

#endif
