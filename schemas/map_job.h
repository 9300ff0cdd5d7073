/*
 * map_job.h - one record being compiled; private to the map_compile*.c files.
 *
 * Order: names of columns are collected first (they are the local shape), then lines are read
 * against the shape, code tables are loaded, groups built, and the rest of the record (on_create,
 * refused, keys) resolved. Every problem goes to the report; compiling goes on.
 */
#ifndef MAP_JOB_H
#define MAP_JOB_H

#include "map_program.h"

struct map_name {
	struct br_str name;
	uint8_t part;
	const struct cfg_node *at;
};

struct map_table_ref { /* a code table used by this record */
	struct br_str name;
	const struct cfg_node *node;
	struct map_codes *codes;
};

struct map_job {
	const struct cfg_site *site;
	const struct cfg_system *system;
	const struct case_schema *schema;
	struct br_arena *a;
	struct cfg_report *report;
	const struct cfg_node *node; /* of the record */
	struct mapping *m;
	struct map_zones zones;
	const struct map_charset *charset;     /* of the record; NULL: UTF-8 */
	const struct map_charset *charsets[8]; /* loaded so far */
	size_t ncharsets;
	struct map_name *names;
	size_t nnames;
	struct map_part parts[SHAPE_MAX_PARTS]; /* by local number while compiling */
	unsigned nparts;
	struct map_table_ref tables[64];
	size_t ntables;
	struct br_str *fields; /* canonical names of the record's lines: what tables may speak of */
	size_t nfields;
	int rc; /* of the first problem */
};

/* NUL-terminated copies for messages. */
const char *map_z(struct map_job *j, struct br_str s);
/* Remembers the first problem; returns it. */
int map_problem(struct map_job *j, int rc);
/* " (x?)", the nearest of the words, or "": it stands in texts of both languages. */
const char *map_hint(struct map_job *j, struct br_str word, const struct br_str *words, size_t n);
/* Every key of a map must be one of the words. */
int map_known_keys(
	struct map_job *j, const struct cfg_node *map, const char *where, const char *const *words);
/* A scalar child as text; {NULL, 0} when absent; a problem when it is no scalar. */
struct br_str map_scalar(struct map_job *j, const struct cfg_node *map, const char *key);
bool map_flag(struct map_job *j, const struct cfg_node *map, const char *key, bool dflt);
/* what: the key that it is about. */
int map_shape_problem(struct map_job *j, const struct cfg_node *at, const char *what,
	const char *expected, const char *expected_zh);
/* Which of the words, -1 with a problem when none; dflt when the key is absent. */
int map_word(struct map_job *j, const struct cfg_node *map, const char *key,
	const char *const *words, int dflt);

/* The value must be one that the field can hold; else a problem that says which those are, with the
 * nearest where they are codes. */
int map_canonical_check(struct map_job *j, const struct cfg_node *at,
	const struct case_field *field, struct br_str value);

/* A charset by name, loaded once; NULL with a problem at the key `charset` of map. */
const struct map_charset *map_charset_of(struct map_job *j, const struct cfg_node *map);

/* Columns */
void map_name_add(struct map_job *j, uint8_t part, struct br_str name, const struct cfg_node *at);
void map_names_collect(struct map_job *j);
/* -1 with a problem, but for a column that a line with a misspelt key meant: that is told there. */
int map_column_find(
	struct map_job *j, unsigned part, struct br_str name, const struct cfg_node *at);
bool map_column_meant(const struct map_job *j, unsigned part, struct br_str name);
/* Does a line say where its value comes from? */
bool map_has_source(const struct cfg_node *line);
/* Limits and N from a map's keys into a column. */
int map_column_options(struct map_job *j, const struct cfg_node *map, struct map_column *col);
#define MAP_COLUMN_KEYS                                                                            \
	"max_bytes", "max_chars", "charset", "trim", "pad", "empty", "none", "cut", "precision",   \
		"scale"
extern const char *const map_column_keys[];

/* Lines and groups */
int map_field_find(
	struct map_job *j, unsigned case_part, struct br_str name, const struct cfg_node *at);
void map_lines_compile(struct map_job *j);
void map_groups_compile(struct map_job *j);
struct map_codes *map_table(struct map_job *j, const struct cfg_node *node);
const char *map_line_place(struct map_job *j, const struct map_line *line);

/* The rest of a record */
void map_record_compile(struct map_job *j);

#endif
