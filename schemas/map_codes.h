/*
 * map_codes.h - code tables: foreign codes of one system against our letter codes.
 *
 * A CSV under tables/ of the site (or rows written in the mapping itself) with the columns
 *     foreign             the system's code; empty = the column is null
 *     canonical           our value; empty = null, * = says nothing about the field. A table for
 * several fields has a column named after each field instead ("status", "outcome") had, without the
 * row only counts when the case has had one of these status codes (or a named field of the record
 *                         has a value), or none of them
 *     write               x: of several foreign codes that mean the same, this one is written
 *     direction           in | out | both (default)
 * Any other column is a remark, unless its name is nearly one of these. The first row that fits
 * counts. A code that no row lists is an issue, never a default.
 */
#ifndef MAP_CODES_H
#define MAP_CODES_H

#include "cfg_site.h"

#define MAP_CODES_FIELDS 8

struct map_cond {
	struct br_str what; /* a status code or a field of the case */
	int32_t column;	    /* of the record when it is a field, else -1 */
};
struct map_code_row {
	struct br_str foreign;			   /* p NULL: a null column */
	struct br_str canonical[MAP_CODES_FIELDS]; /* p NULL: null */
	uint32_t star;				   /* bit i: canonical[i] is "*" */
	struct map_cond *had, *without;
	uint16_t nhad, nwithout;
	bool write, in, out;
	unsigned line;		   /* of the file */
	const struct cfg_node *at; /* of a row written in the mapping itself */
	int32_t next;		   /* next row with the same foreign code, -1 = none */
};
struct map_codes {
	struct br_str name;
	const char *file; /* as shown to people; NULL: rows stand in the mapping */
	unsigned header;  /* line of the file */
	const struct cfg_node *at;
	struct br_str fields[MAP_CODES_FIELDS];
	unsigned nfields;
	struct map_code_row *rows;
	size_t n;
	uint32_t *index; /* open addressing: row + 1 of the first row of a code */
	size_t index_size;
	int32_t null_row; /* first row of the null column, -1 = none */
};

/* Reads tables/<name>.csv of the site, or of its packs; wanted: the fields of the case that lines
 * of the mapping read from it. */
int map_codes_load(const char *site_folder, struct br_str name, const struct br_str *wanted,
	size_t nwanted, const struct cfg_node *at, struct br_arena *a, struct cfg_report *report,
	struct map_codes **out);
/* Rows written in place: a map foreign: canonical, or a list of {code, is, had, without, write,
 * direction}. */
int map_codes_inline(const struct cfg_node *node, struct br_arena *a, struct cfg_report *report,
	struct map_codes **out);
/* Which canonical column serves a field: its own name, or "canonical". -1 when the table has none.
 */
int map_codes_pick(const struct map_codes *t, struct br_str field);
/* First row of a code (follow .next), -1 when it is unknown. */
int32_t map_codes_first(const struct map_codes *t, struct br_str foreign);
/* Where a row stands, for problems. */
struct cfg_node map_codes_place(const struct map_codes *t, const struct map_code_row *row);

#endif
