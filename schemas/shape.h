/*
 * shape.h - what fields a record can have: a root and keyed parts, numbered.
 *
 * The canonical case has one shape (schemas/case.yaml); every record of a system has one of its own
 * (its mapping). Fields are numbered 0..nfields-1 in the order (part, declaration); part 0 is the
 * root. A shape is immutable once built.
 */
#ifndef SHAPE_H
#define SHAPE_H

#include "br_arena.h"
#include "br_err.h"

#define SHAPE_MAX_FIELDS 512
#define SHAPE_MAX_PARTS	 16

enum shape_type {
	SHAPE_TEXT,
	SHAPE_CODE,
	SHAPE_DATE,
	SHAPE_TIME,
	SHAPE_INT,
	SHAPE_DECIMAL,
	SHAPE_BOOL,
};

struct shape_field {
	struct br_str name; /* case: dotted path in its part ("applicant.name"; "opinion"); record:
			       column */
	uint16_t number;
	uint8_t part;
	uint8_t type;	   /* enum shape_type; records: SHAPE_TEXT */
	const void *about; /* the case schema's own row, or NULL */
};

struct shape_part {
	struct br_str name; /* "" for the root, "steps", ... */
	uint16_t first, n;  /* its fields */
};

struct shape {
	struct shape_field *fields;
	struct shape_part *parts;
	uint16_t nfields;
	uint8_t nparts;
	/* private: hash index (part, name) -> number + 1, and names as they stand in JSON: "name":
	 * and, for parts, "name/ */
	uint16_t *index;
	uint32_t index_size;
	struct br_str *json_field, *json_part;
};

struct shape_builder;
/*
 * Fields must be added part by part: root first (implicitly begun), then each part. Everything is
 * in the arena; names are copied. Refused (-BR_E_SCHEMA_SHAPE): an empty name, a name twice in its
 * part, more than the maxima, a part whose name has '/', and a root field that reads like a place
 * of a part ("steps/1/x"). After a refusal the builder goes on without it; shape_end() is NULL only
 * when the arena failed or b was NULL.
 */
struct shape_builder *shape_begin(struct br_arena *a);
int shape_add_part(struct shape_builder *b, struct br_str name); /* number, or <0 */
int shape_add_field(struct shape_builder *b, struct br_str name, enum shape_type type,
	const void *about); /* number, or <0 */
const struct shape *shape_end(struct shape_builder *b);

/* Number of a field of a part by name, -1 when there is none. */
int shape_find(const struct shape *s, unsigned part, struct br_str name);
int shape_find_part(const struct shape *s, struct br_str name);

#endif
