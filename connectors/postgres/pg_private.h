/*
 * pg_private.h - the state of one connection of this kind; private to the pg_*.c files.
 *
 * One connection, one thing at a time (the runtime's phases). Life: opening (connect, session, our
 * tables) -> opened -> begin (fence, catalogue, compile) -> polls, writes, reads by key, sweeps.
 * When the connection is lost every waiting callback gets an error, which is not looked at any
 * further: on_state(DOWN) then ends everything with conn_failed().
 */
#ifndef PG_PRIVATE_H
#define PG_PRIVATE_H

#include "pg_record.h"
#include "pg_rows.h"

struct pg_batch;

#define PG_OWN 256 /* of our last transactions polls know that there is nothing to tell */

struct pg {
	struct conn *c;
	const struct pg_options *o;
	struct br_pg *pg;
	struct br_arena arena;	  /* what is compiled; as long as the connection */
	bool failed;		  /* conn_failed() is told; nothing more is reported */
	bool shared_inbox;	  /* our tables are there: class S1 */
	const char *meta, *inbox; /* "schema"."table" */
	struct {
		struct pg_statement fence, inbox_read, inbox_insert, inbox_update, take, still,
			beat;
	} sql;
	int64_t epoch;
	char nonce[80], identity[64];
	char horizon[32]; /* no transaction had this number when we began */
	struct pg_record **records;
	size_t nrecords;
	size_t learning;       /* catalogue answers still to come */
	struct br_err trouble; /* the first of them */
	bool troubled;

	/* poll */
	struct {
		bool more, moved;
		size_t at; /* record being polled */
		struct br_buf cursor;
		int64_t told_us, beat_us;
		int64_t beat;	      /* as it was raised */
		bool unbeaten;	      /* something was read since the beat was raised */
		uint64_t own[PG_OWN]; /* transactions of our writes, oldest first from own_at on */
		size_t own_at, nown;
	} poll;
	/* reading by key: poll of records with parts, refetch, sweep */
	struct pg_rows rows;
	struct {
		struct br_str *lids;
		size_t n, room;
		enum msg_reason reason;
		void (*done)(struct pg *p);
	} read;
	struct {
		size_t record;
		struct br_str lo, hi;
		bool last;
		int minute; /* of the day, in the system's zone */
	} sweep;
	struct pg_array scratch;
	bool check_utf8;
	struct br_arena batch_arena;
	struct pg_batch *batch; /* the one that runs */
	struct {
		struct conn_command **cmds;
		size_t at, n, room;
		size_t size;	  /* of the next batch: halved by a failure, doubled by a success */
		int64_t short_us; /* when it was last told that the server is short of something */
	} queue;
	struct pg_array *columns; /* PG_MAX_PARAMS of them, made at first use */
};

/* Tells the runtime once; false keys in err are fine. */
void pg_fail(struct pg *p, const struct br_err *err);
/* True when nothing can be done with an answer: the connection is gone (on_state tells), or all is
 * over. */
static inline bool pg_gone(const struct pg *p, const struct br_err *err)
{
	return p->failed || (err && br_err_code(err) == BR_E_PG_UNAVAILABLE);
}
struct pg_record *pg_record_of(struct pg *p, const struct conn_record *r);

/* Reads p->read.lids[0..n) of a record in one snapshot and reports each; then p->read.done. */
void pg_read_keys(struct pg *p, struct pg_record *r);
int pg_read_add(struct pg *p, struct br_str lid);

/* pg_open.c */
int pg_open(void *state, struct conn *c, const void *options, struct br_err *err);
void pg_close(void *state);
int pg_begin(void *state, int64_t epoch, struct br_str nonce, struct br_err *err);
/* First in a unit that reads: fails when the tables are not as this epoch took them any more. */
int pg_still_ours(struct pg *p, struct br_err *err);
/* pg_poll.c */
void pg_poll(void *state);
void pg_poll_restore(struct pg *p);
/*
 * A transaction of ours was committed: its rows have been told by receipts, so polls pass over
 * them. What a trigger deferred to the commit changed in them is left to the sweep.
 */
void pg_poll_wrote(struct pg *p, uint64_t xid);
void pg_poll_release(struct pg *p);
/* pg_sweep.c */
void pg_refetch(void *state, const struct conn_record *record, const struct br_str *lids, size_t n);
void pg_sweep(void *state);
/* pg_batch.c */
void pg_apply(void *state, struct conn_command *const *cmds, size_t n);
void pg_batch_free(struct pg *p);

#endif
