/*
 * bench_mapper.h - the mapper under the clock: the example department's mapping over rows of its
 * own kind, held in memory.
 */
#ifndef BENCH_MAPPER_H
#define BENCH_MAPPER_H

#include "mapping.h"
#include <jansson.h>

#define ROWS 512

struct bench_row {
	struct image local; /* a row and two child rows, as read */
	struct image kase;  /* what it means */
	struct br_str flat; /* local as flat JSON */
	struct br_str doc;  /* the case as published */
	struct br_str msg;  /* an observation that carries it */
	json_t *flat_tree, *doc_tree;
};

struct bench {
	struct br_arena keep;  /* everything that stays */
	struct br_arena batch; /* what one measured call makes */
	struct br_buf out;
	struct case_schema *schema;
	const struct mapping *map;
	const struct shape *shape;
	struct bench_row rows[ROWS];
	size_t local_cells, case_cells; /* over all rows */
	size_t flat_bytes, doc_bytes;
};

/* Compiles config/yuan's department and makes the rows. Ends the program when anything fails: then
 * there is nothing to measure. */
void bench_load(struct bench *b);
struct msg;
struct msg bench_observation(const struct bench *b, const struct bench_row *row);
const struct shape *bench_shape(void *bench, struct br_str sys, struct br_str rec);

/* The work to measure, on one row. False: it failed. */
bool jansson_rename(struct bench *b, struct bench_row *row);
bool jansson_doc_write(struct bench *b, struct bench_row *row);
bool jansson_doc_read(struct bench *b, struct bench_row *row);
bool jansson_flat_write(struct bench *b, struct bench_row *row);
bool jansson_flat_read(struct bench *b, struct bench_row *row);
void jansson_prepare(struct bench *b);

#endif
