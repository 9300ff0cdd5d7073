/*
 * br_arena.h - memory of one batch: allocated piece by piece, given back all at once.
 *
 * Invariant: nothing outside the batch points into its arena after br_arena_reset(). Blocks are
 * kept on reset, so a steady load allocates nothing. An arena has a maximum; past it, or when
 * malloc fails, br_arena_alloc() returns NULL and the arena remembers it (br_arena_failed), so that
 * a function building many pieces may check once at its end. Built with BR_ARENA_MALLOC_EACH every
 * piece is its own malloc, for the sanitizers.
 */
#ifndef BR_ARENA_H
#define BR_ARENA_H

#include "br_str.h"

#include <stddef.h>

#define BR_ARENA_ALIGN _Alignof(max_align_t)

struct br_arena_block;
struct br_arena {
	struct br_arena_block *blocks; /* the first is being filled */
	struct br_arena_block *spare;  /* kept by reset */
	char *at;		       /* in the first block: what comes next */
	size_t left;		       /* bytes behind it */
	size_t used;		       /* bytes handed out since reset */
	size_t max;		       /* bytes */
	bool failed;
	bool full; /* it failed at max, not for want of memory */
};

/* max in bytes; no memory is taken before the first allocation. */
void br_arena_init(struct br_arena *a, size_t max);
/* Gives all memory back; the arena is as after init. */
void br_arena_release(struct br_arena *a);
/* Forgets all pieces and the failure, keeps the blocks. */
void br_arena_reset(struct br_arena *a);
static inline bool br_arena_failed(const struct br_arena *a)
{
	return a->failed;
}

/* Private: a piece that the first block has no room for, or the maximum. */
void *br_arena_alloc_more(struct br_arena *a, size_t n);

/* Private: of 0 bytes too there is a piece. Wraps near SIZE_MAX. */
static inline size_t br_arena_round(size_t n)
{
	return (n + (n == 0) + BR_ARENA_ALIGN - 1) & ~(BR_ARENA_ALIGN - 1);
}

/* n bytes aligned for any type, not cleared; NULL past the maximum or out of memory. */
static inline void *br_arena_alloc(struct br_arena *a, size_t n)
{
	size_t rounded = br_arena_round(n);
	char *piece = a->at;

	if (n > a->left || rounded > a->left || rounded > a->max - a->used)
		return br_arena_alloc_more(a, n);
	a->at += rounded;
	a->left -= rounded;
	a->used += rounded;
	return piece;
}
/* As br_arena_alloc, cleared, count * size checked for overflow. */
void *br_arena_calloc(struct br_arena *a, size_t count, size_t size);
/* A copy of bytes with a NUL behind it (not counted); {NULL, 0} on failure. */
struct br_str br_arena_copy(struct br_arena *a, struct br_str s);
/* printf into the arena; {NULL, 0} on failure. */
struct br_str br_arena_printf(struct br_arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define br_arena_new(a, type)	       ((type *)br_arena_calloc((a), 1, sizeof(type)))
#define br_arena_array(a, type, count) ((type *)br_arena_calloc((a), (count), sizeof(type)))

#endif
