/*
 * image.h - the values of one record or case at one moment: an ordered array of cells over a shape.
 *
 * A field is *value* (a cell with text), *null* (a cell without text) or *absent* (no cell): three
 * different things. Cells are ordered by (part, key, field number); the root has the empty key. All
 * text is UTF-8 in canonical written form (codes in our letters, times RFC 3339, decimals plain),
 * so equality of meaning is equality of bytes. Images live in an arena and are never changed once
 * built; operations make new ones that share cells' bytes.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include "br_json.h"
#include "shape.h"

struct cell {
	struct br_str key;   /* element of a part; empty in the root */
	struct br_str value; /* text; p == NULL means null */
	uint16_t field;
	uint8_t part;
};

struct image {
	struct cell *cells;
	uint32_t n;
};

/*
 * In what is to be set, and nowhere else, a null cell with this field number says that a whole
 * element is not to be there.
 */
#define IMAGE_ELEMENT UINT16_MAX

static inline bool cell_is_null(const struct cell *c)
{
	return c->value.p == NULL;
}
/* Same state and same bytes; NULL stands for absent. */
bool cell_same(const struct cell *a, const struct cell *b);
/* Order of places (part, key, field). */
int cell_cmp(const struct cell *a, const struct cell *b);

/* The cell at a place, or NULL when absent. */
const struct cell *image_get(
	const struct image *img, unsigned part, struct br_str key, unsigned field);
static inline const struct cell *image_root(const struct image *img, unsigned field)
{
	return image_get(img, 0, (struct br_str){NULL, 0}, field);
}
bool image_same(const struct image *a, const struct image *b);
/* Is any cell of this element of a part there? */
bool image_has_element(const struct image *img, unsigned part, struct br_str key);
/* img without the elements that `set` says are not to be there. Shares the cells when there are
 * none such. */
int image_without(
	const struct image *img, const struct image *set, struct br_arena *a, struct image *out);

/* Building: set cells in any order; the last one set at a place wins; image_build_end sorts. */
struct image_builder {
	struct br_arena *arena;
	struct cell *cells;
	uint32_t n, room;
	bool failed, sorted;
};
void image_build(struct image_builder *b, struct br_arena *a, uint32_t expected);
void image_set(struct image_builder *b, uint8_t part, struct br_str key, uint16_t field,
	struct br_str value);
void image_set_null(struct image_builder *b, uint8_t part, struct br_str key, uint16_t field);
int image_build_end(struct image_builder *b, struct image *out);

/* Walks two images side by side in order: at each place present in either. False at the end. */
struct image_pair {
	const struct image *a, *b;
	uint32_t i, j;
	const struct cell *left, *right; /* of this place; NULL = absent */
};
void image_pair_init(struct image_pair *p, const struct image *a, const struct image *b);
bool image_pair_next(struct image_pair *p);

/* base with the cells of `over` laid on top (absent in over = kept). */
int image_merge(
	const struct image *base, const struct image *over, struct br_arena *a, struct image *out);

/* What img holds beyond base with `over` on top of it: usually next to nothing. True: base, over
 * and *out on top of one another are img again. False: it cannot be said so, for img lacks
 * something of theirs, or there is no memory. */
bool image_beyond(const struct image *img, const struct image *base, const struct image *over,
	struct br_arena *a, struct image *out);
/* The other way round. 0 or -BR_E_NOMEM. */
int image_with_beyond(const struct image *base, const struct image *over,
	const struct image *beyond, struct br_arena *a, struct image *out);

/*
 * Flat JSON of a local image: {"column": text|null, "part/<key>/column": ...}; in a key, '%' and
 * '/' are written %25 and %2F. Reading needs the shape; a name that is not in the shape is an error
 * (SCHEMA_UNKNOWN_COLUMN) unless ignore_unknown.
 */
void image_write(const struct image *img, const struct shape *shape, struct br_jw *w);
/* r stands before the value; reads one object. Strings may point into r->in or the arena. */
int image_read(struct br_jr *r, const struct shape *shape, bool ignore_unknown, struct br_arena *a,
	struct image *out);
/* The same of what is to be set: "part/<key>": null is an element that is not to be there. */
int image_read_set(struct br_jr *r, const struct shape *shape, bool ignore_unknown,
	struct br_arena *a, struct image *out);
/* Stable 64-bit hash of places and values. */
uint64_t image_hash(const struct image *img);

#endif
