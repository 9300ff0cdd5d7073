/*
 * Blocks double with what the batch has used so far, so that a small batch stays small and a large
 * one needs few of them. A piece too large for the rest of the first block gets a block of its own
 * behind it when the first still has a good deal to give.
 */
#include "br_arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_MIN ((size_t)4096)
#define BLOCK_MAX ((size_t)256 * 1024)

struct br_arena_block {
	struct br_arena_block *next;
	size_t room; /* bytes of data */
	_Alignas(max_align_t) char data[];
};

void br_arena_init(struct br_arena *a, size_t max)
{
	*a = (struct br_arena){.max = max};
}

static void free_blocks(struct br_arena_block *block)
{
	while (block) {
		struct br_arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void br_arena_release(struct br_arena *a)
{
	free_blocks(a->blocks);
	free_blocks(a->spare);
	br_arena_init(a, a->max);
}

static struct br_arena_block *new_block(size_t room)
{
	struct br_arena_block *block = malloc(sizeof(*block) + room);

	if (block)
		*block = (struct br_arena_block){.room = room};
	return block;
}

#ifdef BR_ARENA_MALLOC_EACH

void br_arena_reset(struct br_arena *a)
{
	br_arena_release(a);
}

/* exact is what the caller asked for: the block ends there, so that one byte more is seen. */
static void *take_piece(struct br_arena *a, size_t exact, size_t n)
{
	struct br_arena_block *block = new_block(exact);

	(void)n;
	if (!block)
		return NULL;
	block->next = a->blocks;
	a->blocks = block;
	return block->data;
}

#else

/*
 * Moves the blocks of a list to the spare ones. Blocks beyond the maximum are not kept: pieces of
 * other sizes may have left more than one batch can use.
 */
static size_t keep_blocks(struct br_arena *a, struct br_arena_block *block, size_t kept)
{
	while (block) {
		struct br_arena_block *next = block->next;

		if (kept && kept + block->room > a->max) {
			free(block);
		} else {
			kept += block->room;
			block->next = a->spare;
			a->spare = block;
		}
		block = next;
	}
	return kept;
}

void br_arena_reset(struct br_arena *a)
{
	struct br_arena_block *blocks = a->blocks, *spare = a->spare;

	br_arena_init(a, a->max);
	keep_blocks(a, spare, keep_blocks(a, blocks, 0));
}

static struct br_arena_block *take_spare(struct br_arena *a, size_t n)
{
	for (struct br_arena_block **at = &a->spare; *at; at = &(*at)->next) {
		struct br_arena_block *block = *at;

		if (block->room >= n) {
			*at = block->next;
			return block;
		}
	}
	return NULL;
}

static size_t block_size(const struct br_arena *a, size_t n)
{
	size_t size = a->used < BLOCK_MIN ? BLOCK_MIN : a->used > BLOCK_MAX ? BLOCK_MAX : a->used;

	return size > n ? size : n;
}

static void *take_piece(struct br_arena *a, size_t exact, size_t n)
{
	struct br_arena_block *block = take_spare(a, n);

	(void)exact;
	if (!block)
		block = new_block(block_size(a, n));
	if (!block)
		return NULL;
	/* the one with more to give stays first */
	if (a->blocks && a->left > block->room - n) {
		block->next = a->blocks->next;
		a->blocks->next = block;
	} else {
		block->next = a->blocks;
		a->blocks = block;
		a->at = block->data + n;
		a->left = block->room - n;
	}
	return block->data;
}

#endif

void *br_arena_alloc_more(struct br_arena *a, size_t n)
{
	size_t rounded = br_arena_round(n);
	void *piece;

	if (rounded < n || rounded > a->max - a->used) {
		a->failed = a->full = true;
		return NULL;
	}
	piece = take_piece(a, n, rounded);
	if (piece)
		a->used += rounded;
	else
		a->failed = true;
	return piece;
}

void *br_arena_calloc(struct br_arena *a, size_t count, size_t size)
{
	size_t n;
	void *piece;

	if (__builtin_mul_overflow(count, size, &n))
		n = SIZE_MAX;
	piece = br_arena_alloc(a, n);
	return piece ? memset(piece, 0, n) : NULL;
}

struct br_str br_arena_copy(struct br_arena *a, struct br_str s)
{
	char *p = br_arena_alloc(a, s.n < SIZE_MAX ? s.n + 1 : s.n);

	if (!p)
		return BR_STR_NONE;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct br_str){p, s.n};
}

struct br_str br_arena_printf(struct br_arena *a, const char *format, ...)
{
	char text[256], *p = NULL; /* nearly everything fits, and is formatted once */
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n >= 0)
		p = br_arena_alloc(a, (size_t)n + 1);
	if (!p) {
		a->failed = true;
		return BR_STR_NONE;
	}
	if ((size_t)n < sizeof(text)) {
		memcpy(p, text, (size_t)n + 1);
	} else {
		va_start(args, format);
		vsnprintf(p, (size_t)n + 1, format, args);
		va_end(args);
	}
	return (struct br_str){p, (size_t)n};
}
