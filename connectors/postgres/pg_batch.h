/*
 * pg_batch.h - the commands of one transaction; private to pg_batch.c, pg_lookup.c, pg_decide.c,
 * pg_write.c.
 *
 *     lock     begin, fence, inbox rows, rows for update, look-ups before create
 *     decide   answered before | stale | gone | exists | later | write
 *     write    roots, then parts, then all again as they are now where more than our statement may
 * have changed them commit   inbox rows with the post-images, commit; then the receipts
 *
 * Each step is one round trip, whatever the number of commands. When a statement fails everything
 * is rolled back and the batch is tried again in halves, down to the command that failed: only that
 * one is refused.
 */
#ifndef PG_BATCH_H
#define PG_BATCH_H

#include "pg_private.h"

enum write_state { W_OPEN, W_WRITE, W_ANSWER, W_LATER };

struct pg_write {
	struct conn_command *cmd;
	struct pg_record *r;
	enum write_state state;
	struct pg_row *row; /* update: what is there; create: what was found */
	struct br_str *nk;  /* create: values of the look-up, NULL = none */
	bool by_key;	    /* the look-up goes by the key itself */
	unsigned hits;
	struct br_str found;
	struct {
		bool there;
		int64_t incarnation, n;
		struct br_str lid, post;
	} inbox;
	struct br_str lid; /* written record */
	struct image post;
	bool has_post;
	struct conn_receipt receipt;
	struct br_err err; /* of a refusal: what receipt.text points into */
	int64_t later_ms;
};

struct pg_group;
struct pg_batch {
	struct pg *p;
	struct pg_write *w;
	size_t n;
	struct pg_rows *rows;  /* by record: locked rows, then rows read again */
	struct pg_rows *found; /* by record: what look-ups before a create found */
	struct br_str *lids;   /* scratch */
	struct br_arena *a;
	size_t nwrites;
	uint64_t xid; /* of the transaction; 0 = unknown */
	int64_t beat; /* as the transaction leaves it */
	bool fenced, dropped, over;
	bool inbox_read;   /* under our fence: nobody before us can add a row any more */
	bool inbox_failed; /* its rows could not be written */
	struct pg_group *groups;
	struct br_buf json;
};

/* pg_batch.c */
void pg_batch_next(struct pg *p);
/* pg_lookup.c: 0 or -BR_E_NOMEM */
int pg_prepare_create(struct pg_batch *b, struct pg_write *w);
int pg_part_doubles(struct pg_batch *b);
/* pg_decide.c */
/* The command ran before; or a larger number or a later ledger says that it is out of date. */
bool pg_was_done(const struct pg_write *w);
void pg_decide(struct pg_batch *b);
/* After the rows found by look-ups were read. */
void pg_decide_found(struct pg_batch *b);
bool pg_has_found(const struct pg_batch *b);
/* The one command of a batch failed with err; what its inbox row said stands all the same. */
void pg_decide_failed(struct pg *p, struct pg_write *w, const struct br_err *err);
void pg_postpone(struct pg_write *w);
/* pg_write.c: queue statements; sync is the caller's */
int pg_send_lookups(struct pg_batch *b, struct br_err *err);
int pg_send_roots(struct pg_batch *b, struct br_err *err);
bool pg_needs_more(const struct pg_batch *b);
int pg_send_parts(struct pg_batch *b, struct br_err *err);
int pg_send_inbox(struct pg_batch *b, struct br_err *err);
struct pg_array *pg_columns(struct pg *p, unsigned n);

#endif
