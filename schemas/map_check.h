/*
 * map_check.h - a mapping proves itself: its own tests, and the two laws on samples and on
 * generated values.
 *
 * `tests:` of a system's file is a list of
 *     { name: ..., record: ..., given: {column: value}, had: [ACCEPTED], expect: {field: value} }
 * reading { name: ..., case: {field: value}, given: {what is stored}, expect_local: {column: value}
 * }            writing; no given = a create either with expect_reject: { code: MAP-101, field:
 * status } in place of what is expected Columns of parts are written "steps/1/yj", fields of lists
 * "steps/1/opinion"; null is null; only what is named is compared.
 *
 * GetPut: put(get(L), L) = L, byte for byte. PutGet: get(put(C, L)) = C on the fields that flow
 * both ways and whose columns may be written, except where the mapping declares a loss on the way
 * out. Generated values come from the mapping's own tables and formats, out of a seed, so a failure
 * can be repeated.
 */
#ifndef MAP_CHECK_H
#define MAP_CHECK_H

#include "mapping.h"

struct map_check_options {
	uint64_t seed;	  /* of the generated values */
	size_t generated; /* rows per record; 0 = none */
};
struct map_check_result {
	size_t tests, failed; /* of the tests: list */
	size_t samples;	      /* rows the laws were tried on, generated ones too */
	size_t law_failures;
};

/* Problems go to the report at the place of the test or of the mapping's line. 0 when all is well,
 * else the code of the first problem. */
int map_check(const struct map_set *set, const struct map_check_options *o, struct br_arena *a,
	struct cfg_report *report, struct map_check_result *out);

/* Only what is written wrongly in the tests, without running them. set: NULL when the mapping could
 * not be compiled; names of columns are not looked at then. 0 or the code of the first problem. */
int map_check_tests(const struct cfg_system *system, const struct map_set *set, struct br_arena *a,
	struct cfg_report *report);

/* ---- used by map_check.c and the tests of mappings ---- */

/* An image from a YAML map of flat names. Problems go to the report. */
int map_image_of_node(const struct shape *shape, const struct cfg_node *map, struct br_arena *a,
	struct cfg_report *report, struct image *out);
/* "status", "steps/1/opinion": the place in a shape; false when there is none. */
bool map_place_read(
	const struct shape *shape, struct br_str name, struct cell *place, struct br_arena *a);
/* " (zt?)": the place of the shape that may have been meant; "" when none is near. */
const char *map_place_hint(const struct shape *shape, struct br_str name, struct br_arena *a);
struct br_str map_place_text(const struct shape *shape, const struct cell *c, struct br_arena *a);

/* A random local image of a mapping; *state is the seed and moves on. */
int map_generate(const struct mapping *m, uint64_t *state, struct br_arena *a, struct image *out);
/* GetPut and PutGet for one local image, and for writing the case of `other` over it. name: of the
 * sample. Counts failures into out. */
int map_laws(const struct mapping *m, const struct image *local, const struct image *other,
	const struct map_context *ctx, const struct cfg_node *at, const char *name,
	struct br_arena *a, struct cfg_report *report, struct map_check_result *out);

#endif
