/*
 * pg_record.h - a record compiled for this database: its tables, the types of its columns, and the
 * SQL that reads it.
 *
 * Compiled in two steps: pg_record_new() from the spec of BEGIN (or from the YAML, for check), then
 * pg_table_learn() with what the catalogue says of each table, then pg_record_sql(). Everything
 * lives in the arena given; names of prepared statements are unique in the process.
 */
#ifndef PG_RECORD_H
#define PG_RECORD_H

#include "conn_kind.h"
#include "pg_options.h"
#include "pg_sql.h"

/* How new and changed rows of a table are found. */
enum pg_tier {
	PG_TIER_NONE,	 /* only by the sweep and by key */
	PG_TIER_ONGOING, /* what is not over is read again and again, the rest by the sweep */
	PG_TIER_CHANGED, /* a time of change, read again over an overlap */
	PG_TIER_CURSOR,	 /* xid8 kept by a trigger: nothing can be missed */
};

struct pg_column {
	struct br_str name;
	const char *quoted; /* "name" */
	const char *type;   /* without its length: what a cast may say; NULL until learnt */
};

struct pg_generated { /* on_create */
	struct pg_column column;
	enum { PG_GEN_EXPRESSION, PG_GEN_BY_TARGET, PG_GEN_NATURAL } kind;
	struct br_str expression;
};

struct pg_statement {
	const char *name, *sql;
};

struct pg_place {    /* in the order of a feed's column; malloc'ed */
	char *value; /* NULL: at the very beginning */
	char *key;   /* NULL: before all keys of value */
	char *owner; /* of a part's row: its root's key, which comes before key */
};

struct pg;
struct pg_record;
struct pg_ongoing;

/* A way new rows are found: the root's column, or one of a part. */
struct pg_feed {
	struct pg *owner;
	struct pg_record *record;
	struct pg_table *table;
	enum pg_tier tier;
	struct pg_column column;
	struct pg_statement page[4]; /* CURSOR: bit 0 settled has a key, bit 1 early has a key;
					CHANGED: bit 0; ONGOING: 1 is behind a key */
	struct pg_statement overlap; /* CHANGED: the first page of the overlap */
	struct pg_ongoing *ongoing;  /* ONGOING: what was seen, and where the round is */
	struct pg_place settled;     /* all before it is read for good */
	struct pg_place early;	     /* CURSOR: read beyond the horizon already */
	struct pg_place again;	     /* CHANGED: within the overlap that is being read again */
	struct pg_place
		clamp; /* CHANGED: the database's clock when a row from its future was read */
	int64_t early_us, overlap_us; /* when early is forgotten, the overlap begun last */
	int64_t early_rows;
	bool overlapping;
};

struct pg_table {
	unsigned part; /* of the shape; 0 = root */
	struct br_str name;
	const char *quoted;
	struct pg_column key;	 /* root: the local id; part: tells its elements apart */
	struct pg_column parent; /* parts */
	struct pg_column by, changed;
	struct br_str cursor;	   /* as configured */
	struct pg_column *columns; /* those of the image, in the order of the shape */
	unsigned ncolumns;
	struct pg_generated *generated;
	unsigned ngenerated;
	bool key_mapped; /* the key is a column of the image too */
	bool bytewise;	 /* the key's own order is the order of its bytes */
	bool aftermath;	 /* something may change a row after our statement: read it again */
	bool cursor_kept, changed_time, indexed;
	struct pg_statement by_key, lock, there;
};

/* Statements for writing, one per set of columns. */
struct pg_shape_statement {
	struct pg_statement st;
	const struct pg_table *table;
	unsigned kind, nfields;
	const uint16_t *fields;
};
#define PG_STATEMENTS 200

struct pg_refusal {
	struct br_str *native;
	size_t nnative;
	struct br_str text;
	bool retry;
};

struct pg_record {
	struct conn_record *conn;
	struct br_str name;
	unsigned number;
	const struct shape *shape;
	struct pg_root_options root;
	struct pg_read_options read;
	struct pg_write_options write;
	struct pg_window window;
	bool sweeps;
	bool inbox;
	struct pg_table *tables; /* [0] is the root, then the parts in the order of the shape */
	unsigned ntables;
	unsigned *order; /* parts in the order they are written */
	bool *ignored;	 /* by field: the target rewrites it at will, so it is not compared */
	const struct pg_column *state; /* the root's column that says when a record is over; NULL =
					  none says so */
	const struct cfg_node *final;  /* ... by these codes */
	struct pg_column *natural;
	unsigned nnatural;
	struct pg_refusal *refusals;
	size_t nrefusals;
	struct pg_statement lookup,
		lookup_key;	  /* before a create: by the natural key, by the key itself */
	struct pg_statement keys; /* sweep: $1 after, $2 how many */
	struct pg_statement keys_first;
	struct pg_feed *feeds;
	unsigned nfeeds;
	int64_t due_us;	     /* of the next poll */
	struct br_str swept; /* last key of the walk, in: */
	char swept_key[1024];
	bool walked;	   /* once over all keys since we began */
	bool walked_again; /* since the end of a whole walk was told */
	int64_t rests_us;  /* until then its walk pauses */
	struct pg_shape_statement *statements;
	unsigned nstatements;
};

/* From the spec of BEGIN. parts of the spec go by the names in shape. */
int pg_record_new(const json_t *spec, const struct shape *shape, struct br_str name,
	unsigned number, struct br_arena *a, struct pg_record **out, struct br_err *err);

/* False: no row of this table can have that key (letters for a number). */
bool pg_key_fits(const struct pg_record *r, struct br_str lid);

/* One row for each column; parameter: the table as pg_table.quoted. */
extern const char pg_catalog_sql[];
/* Types and facts from the answer to pg_catalog_sql. Everything that is missing goes to fn (if not
 * NULL) one by one; the first is returned. */
typedef void pg_finding_fn(void *arg, const struct br_err *err);
int pg_table_learn(struct pg_record *r, struct pg_table *t, const PGresult *res, struct br_arena *a,
	pg_finding_fn *fn, void *arg, struct br_err *err);
/* When all tables are learnt: feeds and statements. warn is told what works, but badly. */
int pg_record_sql(struct pg_record *r, struct br_arena *a, pg_finding_fn *warn, void *arg,
	struct br_err *err);

/* The statement that writes these fields of a table, made at first use. NULL without memory. */
/*
 * Parameters, all text[]: the root's keys (for an insert: anything), then one for each field; of a
 * part: the parents' keys, the keys, the fields. Answers one row for each row written: the root's
 * key, and with PG_WRITE_IMAGE the columns as in by_key.
 */
enum pg_write_kind {
	PG_WRITE_INSERT = 0,
	PG_WRITE_UPDATE = 1,
	PG_WRITE_IMAGE = 2,
	PG_WRITE_DELETE = 4, /* of parts; without fields */
};
const struct pg_statement *pg_write_statement(struct pg_record *r, const struct pg_table *t,
	unsigned kind, const uint16_t *fields, unsigned nfields, struct br_arena *a,
	struct br_arena *scratch);

#endif
