/*
 * Random shapes' values: seeded, so that a failure can be repeated. SCHEMAS_SEED and SCHEMAS_ROUNDS
 * run other and more of them.
 */
#ifndef RANDOM_IMAGE_H
#define RANDOM_IMAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>

#include "image.h"

static uint64_t random_state;

static inline unsigned chance(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 11) % n);
}

#define PICK(list) ((list)[chance(BR_LEN(list))])

static inline void random_begin(void)
{
	const char *seed = getenv("SCHEMAS_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) | 1 : UINT64_C(20260101);
	print_message("SCHEMAS_SEED=%llu\n", (unsigned long long)random_state);
}

static inline unsigned random_rounds(unsigned usual)
{
	const char *rounds = getenv("SCHEMAS_ROUNDS");

	return rounds ? (unsigned)strtoul(rounds, NULL, 0) : usual;
}

static const char *const random_pieces[] = {"", "a", "张三", "办件桥", "/", "%", "%2F", "%25", "\"",
	"\\", "\n", "\t", "\x01", "\x1f", "😀", "é", "·", "1", " ", "{}", "null", "阿不都·买买提",
	"0123456789abcdef", "\x7f", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"};

static inline struct br_str random_text(struct br_arena *a, unsigned pieces)
{
	struct br_str s = BR_STR("");

	for (unsigned n = chance(pieces + 1); n; n--)
		s = br_arena_printf(a, "%.*s%s", BR_STR_ARG(s), PICK(random_pieces));
	assert_non_null(s.p);
	return s;
}

/* A value of a field's type, in canonical form. */
static inline struct br_str random_value(struct br_arena *a, enum shape_type type)
{
	static const struct br_str ints[] = {BR_STR("0"), BR_STR("-1"), BR_STR("42"),
		BR_STR("9223372036854775807"), BR_STR("-9223372036854775808")};

	switch (type) {
	case SHAPE_INT:
		return PICK(ints);
	case SHAPE_BOOL:
		return chance(2) ? BR_STR("true") : BR_STR("false");
	default:
		return random_text(a, 4);
	}
}

/* Cells in any order, some places twice: what an image is built from. */
static inline void random_image(const struct shape *s, struct br_arena *a, struct image *out)
{
	struct image_builder b;
	struct br_str keys[8];
	unsigned n = chance(3) ? chance(40) : chance(300);

	for (size_t i = 0; i < BR_LEN(keys); i++)
		keys[i] = chance(2) ? br_arena_printf(a, "%u", chance(12)) : random_text(a, 3);
	image_build(&b, a, chance(8));
	while (n--) {
		const struct shape_field *f = &s->fields[chance(s->nfields)];
		struct br_str key = PICK(keys);

		if (chance(4) == 0)
			image_set_null(&b, f->part, key, f->number);
		else
			image_set(&b, f->part, key, f->number,
				random_value(a, (enum shape_type)f->type));
	}
	assert_int_equal(image_build_end(&b, out), 0);
}

static inline void assert_ordered(const struct image *img)
{
	for (uint32_t i = 1; i < img->n; i++)
		assert_true(cell_cmp(&img->cells[i - 1], &img->cells[i]) < 0);
}

static inline void assert_images_same(const struct image *a, const struct image *b)
{
	assert_int_equal(a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		assert_int_equal(cell_cmp(&a->cells[i], &b->cells[i]), 0);
		assert_true(cell_same(&a->cells[i], &b->cells[i]));
	}
	assert_true(image_same(a, b));
	assert_true(image_hash(a) == image_hash(b));
}

#endif
