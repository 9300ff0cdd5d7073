/*
 * map_conv.h - conversions: pairs of functions between a column's text and a canonical value.
 *
 * get is total on what the column may hold and fails on everything else; put is total on what the
 * field may hold and fails on what the column cannot say. Nothing is guessed. Code tables depend on
 * the row and on history and are run by map_get.c and map_put.c.
 */
#ifndef MAP_CONV_H
#define MAP_CONV_H

#include "case_schema.h"
#include "map_codes.h"
#include "map_time.h"
#include "mapping.h"

enum map_conv_kind {
	MAP_CONV_TEXT,
	MAP_CONV_CODES,
	MAP_CONV_TIME,
	MAP_CONV_CITIZEN_ID,
	MAP_CONV_CITIZEN_BIRTH,
	MAP_CONV_CITIZEN_SEX,
	MAP_CONV_INT,
	MAP_CONV_DECIMAL,
	MAP_CONV_BOOL,
	MAP_CONV_NORMAL,
};

struct map_conv {
	uint8_t kind;
	uint8_t klass; /* enum map_class */
	bool strict;   /* the canonical value is checked by the conversion itself */
	int8_t scale;  /* DECIMAL: digits written after the point, -1 = as many as there are */
	int8_t pick;   /* CODES: which canonical column of the table */
	struct br_str yes, no;			  /* BOOL */
	struct br_str man, woman;		  /* CITIZEN_SEX: our codes */
	bool (*is_canonical)(struct br_str);	  /* NORMAL: nothing to do, may be NULL */
	bool (*normalise)(struct br_str, char *); /* NORMAL: NULL = a name */
	const struct map_time *time;
	const struct map_codes *codes;
	struct br_str expected, expected_zh; /* for people: what a column must look like */
	struct br_str name;		     /* as written in the mapping */
};

/* 0, -BR_E_MAP_BAD_VALUE, -BR_E_MAP_BAD_ID (*why may say more), -BR_E_NOMEM. in is not null. */
int map_conv_get(
	const struct map_conv *cv, struct br_str in, struct br_arena *a, struct br_str *out);
/* 0, -BR_E_MAP_CANNOT_WRITE, -BR_E_NOMEM. */
int map_conv_put(
	const struct map_conv *cv, struct br_str in, struct br_arena *a, struct br_str *out);

/* The conversions there are, for messages and the reference page. */
extern const char *const map_conv_words[];
extern const size_t map_conv_nwords;

struct map_zones {
	const struct map_zone *column, *site;
};
/*
 * Compiles `as:` (NULL: what the field's type needs) for a field. node: where it stands; options:
 * the line's map for scale:, or NULL.
 */
int map_conv_compile(const struct cfg_node *as, const struct cfg_node *options,
	const struct cfg_node *line, const struct case_field *field, const struct map_zones *zones,
	struct br_arena *a, struct cfg_report *report, struct map_conv *out);

#endif
