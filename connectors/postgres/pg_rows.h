/*
 * pg_rows.h - records read by their keys: the root's rows and the rows of all parts, as images.
 *
 * pg_rows_send() queues the statements without begin, commit or sync, so that the caller decides
 * what they are part of: a read-only transaction with one snapshot, or a write. The answers are
 * copied into the arena as they come; when the caller's sync has been answered the images can be
 * made.
 */
#ifndef PG_ROWS_H
#define PG_ROWS_H

#include "pg_record.h"

enum pg_rows_mode {
	PG_ROWS_READ,
	PG_ROWS_LOCK, /* the root's rows for update; who is locked by somebody else is `busy` */
	PG_ROWS_LOCK_PARTS, /* the parts' rows too */
};

struct pg_element { /* one row of a part */
	struct pg_element *next;
	struct br_str key;
	struct br_str *values;
};

struct pg_row {
	struct br_str lid;
	bool found, busy, bad;
	int64_t src_ts_ms;
	struct br_str by;
	struct br_str *values;		   /* of the root's columns */
	struct pg_element **first, **last; /* by part */
	unsigned nelements, ncells;
	unsigned there; /* rows of parts seen without locking */
	void *user;
};

struct pg_rows {
	struct br_pg *pg;
	const struct pg_record *record;
	struct br_arena *arena;
	struct pg_row *row;
	size_t n;
	uint32_t *slots; /* lid -> row + 1 */
	size_t nslots;
	bool check_utf8;
	struct pg_rows_part {
		struct pg_rows *rows;
		unsigned part;
		bool there;
	} parts[2 * SHAPE_MAX_PARTS];
	bool failed;	       /* without memory */
	struct pg_array *keys; /* scratch */
};

/* Keys are borrowed until the images are made. Doubles are one row. 0 or -BR_E_NOMEM. */
int pg_rows_init(struct pg_rows *x, struct br_pg *pg, const struct pg_record *record,
	const struct br_str *lids, size_t n, struct pg_array *scratch, bool check_utf8,
	struct br_arena *a);
int pg_rows_send(struct pg_rows *x, enum pg_rows_mode mode, struct br_err *err);
/* The row of a key, NULL when it was not asked for. */
struct pg_row *pg_rows_find(struct pg_rows *x, struct br_str lid);
/*
 * 1 with the image, 0 when the record is not there, -BR_E_PG_ROW when its rows are no image: two
 * elements with one key, a key that is null, text that is not UTF-8. Image and row are in the
 * arena.
 */
int pg_rows_image(struct pg_rows *x, struct pg_row *row, struct image *out, struct br_err *err);
/* The original bytes of a record that is no image. */
struct br_str pg_rows_raw(struct pg_rows *x, const struct pg_row *row);

/* The image of a root without parts straight from an answer whose columns of the image begin at
 * `first`; cells point into res. */
int pg_row_image(const struct pg_record *r, const PGresult *res, int row, int first,
	bool check_utf8, struct cell *cells, struct image *out, struct br_err *err);
/* The same, kept in the arena. */
int pg_row_keep(const struct pg_record *r, const PGresult *res, int row, int first, bool check_utf8,
	struct br_arena *a, struct image *out, struct br_err *err);
struct br_str pg_row_raw(
	const struct pg_record *r, const PGresult *res, int row, int first, struct br_arena *a);
static inline struct br_str pg_value(const PGresult *res, int row, int column)
{
	if (PQgetisnull(res, row, column))
		return BR_STR_NONE;
	return (struct br_str){PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column)};
}
/* An answer's text column as a number; 0 for NULL. */
int64_t pg_int(const PGresult *res, int row, int column);

#endif
