/*
 * map_program.h - what a mapping is compiled to; private to the map_*.c files.
 *
 * A mapping is an array of lines (one per canonical field), an array of columns of the local
 * record, and for columns that hold codes a group: all the lines of one column, solved together
 * when writing (status and outcome may share one column). Everything is resolved to numbers, so
 * running is a walk over the lines.
 *
 *     get   cells of one element -> pointers by column -> lines in the order of the canonical
 * fields -> cells put   cells of the case and of the shadow -> pointers -> lines -> slots by column
 * -> cells
 */
#ifndef MAP_PROGRAM_H
#define MAP_PROGRAM_H

#include "map_charset.h"
#include "map_conv.h"

enum map_source {
	MAP_FROM_COLUMN,
	MAP_FROM_CONST,	   /* nothing is stored: the record says so by being this record */
	MAP_FROM_CONCAT,   /* several columns joined by sep */
	MAP_FROM_FIRST_OF, /* the first column that has a value */
	MAP_FROM_PIECE,	   /* one piece of a column split by sep */
	MAP_FROM_KEY,	   /* the key of the part's element */
	MAP_FROM_LAST,	   /* derive: a column of the part's last element */
};

#define MAP_LINE_COLUMNS 8
struct map_line {
	uint8_t source;
	uint8_t klass; /* enum map_class, of source and conversion together */
	bool in, out;
	bool check;   /* get must ask case_check_value */
	bool plain;   /* ... only for its length and for control characters: text without a check of
			 its own */
	bool verify;  /* put reads back what it is about to write */
	int8_t owner; /* enum case_owner, -1 = as the schema says */
	uint16_t field;	   /* number in the case's shape */
	struct br_str key; /* a column of the root that stands for a field of one named element
			      ("ext.card_kind"); else empty */
	uint16_t columns[MAP_LINE_COLUMNS];
	uint16_t ncolumns;
	uint16_t piece;		 /* PIECE: from 0 */
	int16_t group;		 /* CODES: its group, -1 = none */
	uint16_t also[4], nalso; /* further columns get depends on: conditions of code rows */
	struct br_str sep, constant;
	struct map_conv conv;
	const struct case_field *about;
	const struct cfg_node *at;
};

/* N and the limits of a column. */
enum map_trim { MAP_TRIM_NONE, MAP_TRIM_LEFT = 1, MAP_TRIM_RIGHT = 2, MAP_TRIM_BOTH = 3 };
struct map_column {
	struct br_str name;
	uint8_t part;
	bool target_owned;
	bool updatable;	 /* may be written to a record that exists */
	bool required;	 /* a new record must have it */
	bool on_create;	 /* filled by on_create */
	uint8_t trim;	 /* enum map_trim: blanks that mean nothing; declared, so part of N */
	bool empty_null; /* '' and null are the same to the system */
	bool number;	 /* N compares as numbers */
	bool cut;	 /* too long is cut at a character, by declaration */
	uint8_t time_precision; /* N compares this many characters, 0 = all */
	char pad;		/* 0 = none */
	bool pad_left;
	uint16_t pad_to;
	uint32_t max_bytes, max_chars;	   /* 0 = no limit */
	const struct map_charset *charset; /* NULL: UTF-8 */
	struct br_str none;		   /* text written for null; p NULL = null */
	int16_t group;			   /* codes that are written here, -1 = none */
	int16_t writer; /* the line that writes it (not CODES, not PIECE), -1 = none */
	const struct cfg_node *at;
};

struct map_group_row {
	struct br_str value[4]; /* per line; p NULL = null */
	uint32_t star;
	struct br_str foreign; /* p NULL = null */
	bool write;
	const struct map_code_row *row;
};
struct map_group {
	uint16_t column;
	uint16_t nlines;
	uint16_t lines[4];
	struct map_group_row *rows; /* every way to say something by one code */
	size_t n;
	uint32_t *index; /* by values -> row + 1; rows with a star are not in it */
	size_t index_size;
	bool has_star;
	struct br_str tables; /* names, for messages */
};

struct map_part {
	struct br_str name;
	uint8_t local, canonical; /* part numbers */
	struct br_str element;	  /* local 0 only: these root columns are this element of the case's
				     list; empty = an ordinary part */
	bool append;
	uint16_t first_line, nlines;
	const struct cfg_node *node;
	struct br_str key;
};

enum map_create_kind {
	MAP_CREATE_GENERATE,
	MAP_CREATE_TECHNICAL,
	MAP_CREATE_ASK,
	MAP_CREATE_IDENTITY,
	MAP_CREATE_TRIGGER,
	MAP_CREATE_NATURAL,
	MAP_CREATE_LOOKUP
};
struct map_create {
	uint8_t kind;
	uint8_t part;
	uint16_t column;
	bool returning;
	struct br_str text; /* generate: expression; technical: value; ask: who */
	int32_t field;	    /* ask, lookup: canonical field that answers, -1 = none */
	const struct map_codes *codes;
	const struct cfg_node *at;
};

struct map_refusal_row {
	struct br_str *native;
	size_t nnative;
	struct br_str text; /* part of the message; empty = any */
	enum map_deed deed;
	struct br_str say;
	int field;
};

struct map_when {
	uint16_t field;
	struct br_str *values;
	size_t n;
};

struct map_match {
	struct br_str scheme;
	uint16_t fields[2];
	uint16_t n;
};

struct mapping {
	struct br_str record, system;
	const struct case_schema *schema;
	const struct shape *shape;
	struct map_line
		*lines; /* part by part, within a part in the order of the canonical fields */
	uint16_t nlines;
	struct map_column *columns; /* by local field number */
	struct map_group *groups;
	uint16_t ngroups;
	struct map_part
		*parts; /* [0] is the root; in the order of the canonical parts and elements */
	uint16_t nparts;
	int16_t *line_of; /* by canonical field number, -1 = not mapped, or only for named elements
			   */
	struct map_create *creates;
	size_t ncreates;
	struct map_refusal_row *refusals;
	size_t nrefusals;
	uint16_t *natural;
	size_t nnatural;
	int32_t ref; /* column that carries the number of a pending answer, -1 = none */
	struct map_when *when;
	size_t nwhen;
	struct map_match *match;
	size_t nmatch;
	bool by_calls;	      /* write.create or write.update describes calls */
	bool creates_records; /* write.create */
	bool writes;	      /* there is a write: at all */
	struct br_str charset;
	const struct cfg_node *node;
	const struct cfg_system *sys;
	uint64_t hash;
	uint64_t *field_hash; /* by canonical field number, 0 = not mapped */
};

#define MAP_SPEC_MAX (16u << 20)

struct map_set {
	const struct cfg_system *system;
	const struct case_schema *schema;
	struct mapping **maps;
	size_t n;
	struct br_str spec; /* map_set_spec(), at most MAP_SPEC_MAX bytes */
};

/* Makes it of the compiled mappings. 0, -BR_E_NOMEM, -BR_E_TOO_BIG, or
 * -BR_E_CFG_DEPTH: options are nested deeper than BR_JSON_DEPTH. */
int map_write_spec(struct map_set *set, struct br_arena *a);

/* One run over one element of a record. */
struct map_run {
	const struct mapping *m;
	struct br_arena *a;
	struct map_issue *issue;
	const struct map_context *ctx;
	const struct image *image; /* of the record being read */
	struct br_str key;	   /* of the element */
};

/* "ext.card_kind", "materials/photo/name": part, element and field in the part. False: no such
 * name. */
bool map_element_name(const struct shape *s, struct br_str name, unsigned *part, struct br_str *key,
	struct br_str *field);
/* What people call the line's field: as it stands in the mapping where it is one of a named element
 * ("ext.card_kind"). */
struct br_str map_line_name(const struct map_line *line);
/* The line of a place of the case, or NULL. */
const struct map_line *map_line_at(const struct mapping *m, unsigned field, struct br_str key);
/* What a column says, without padding, blanks and its text for "none"; false = nothing. */
bool map_column_text(const struct map_column *col, struct br_str stored, struct br_str *out);
/* The text as a column that cuts holds it; as it is where none is declared. */
struct br_str map_column_cut(const struct map_column *col, struct br_str text);
/* Canonical value of a line from cells by column (first = number of cells[0]): 1 value or null, 0
 * absent, <0 error with issue. */
int map_line_get(struct map_run *run, const struct map_line *line, const struct cell *const *cells,
	unsigned first, struct br_str *out);
/* The text a line's source holds: 1 text, 0 nothing (null), -1 absent. Allocates in the run's
 * arena. */
int map_source_get(struct map_run *run, const struct map_line *line,
	const struct cell *const *cells, unsigned first, struct br_str *out);
/* Fills the issue; returns -code. found may be {NULL, 0}. Ends in at most four pairs of further
 * details and NULL; without "expected" it is what the line's conversion takes. */
int map_fail(struct map_run *run, enum br_err_code code, const struct map_line *line,
	unsigned column, struct br_str found, ...) __attribute__((sentinel));
#ifdef __clang_analyzer__ /* as for br_err_set() */
#define map_fail(run, code, line, column, ...)                                                     \
	(map_fail((run), (code), (line), (column), __VA_ARGS__), -(int)(code))
#endif
/* The same for want of memory. */
int map_no_memory(struct map_issue *issue);
/* Joint codes: the code that says these values (NULL = null), or NULL. */
const struct map_group_row *map_group_find(const struct map_group *g, const struct br_str *values);
/* Where the search for these values begins in the index. */
size_t map_group_slot(const struct map_group *g, const struct br_str *values);

/* The same text, or both null; null is no text, not even an empty one. */
static inline bool map_same_text(struct br_str a, struct br_str b)
{
	return a.p && b.p ? br_str_eq(a, b) : a.p == b.p;
}

#endif
