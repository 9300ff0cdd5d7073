/*
 * conn_internal.h - the runtime of one connector process, shared by its files; kinds and the
 * command line use conn_kind.h.
 *
 * A session is everything between opening the system and losing it, the broker or the epoch;
 * nothing but the process's counters outlives it. Any trouble ends the session and a new one begins
 * with a new handshake, after a back-off (crash-only).
 *
 *   conn.c         life of a session: open, HELLO, end, back-off, stop
 *   conn_deliver.c what the bridge says: filter, BEGIN, CMD, FENCE, PING, ...
 *   conn_work.c    commands: intents, lease, apply, answers, the memory of answers
 *   conn_turn.c    whose turn it is: apply, poll, refetch or sweep
 *   conn_tell.c    what we say: observations, digests, receipts, cursors, and the queue in front of
 * Kafka conn_spec.c    the records BEGIN describes conn_cache.c   what was told last
 *   conn_missing.c records that were not found, until a second look
 *   conn_guard.c   how much may be written
 *   conn_look.c    instead of all that: reading without taking part; `stage` stays CONN_DOWN
 */
#ifndef CONN_INTERNAL_H
#define CONN_INTERNAL_H

#include "bus.h"
#include "conn_cache.h"
#include "conn_kind.h"
#include <uthash.h>

enum conn_stage {
	CONN_DOWN,    /* nothing is open; waiting to try again */
	CONN_OPENING, /* the kind connects */
	CONN_HELLO,   /* said hello; everything is ignored before our own BEGIN */
	CONN_COLLECT, /* BEGIN was read; commands are collected up to FENCE */
	CONN_TAKING,  /* the kind takes the new epoch to the system */
	CONN_SETTLE,  /* the outstanding commands are settled; nothing is read before that */
	CONN_RUN,
};
enum conn_phase { PHASE_NONE, PHASE_APPLY, PHASE_POLL, PHASE_REFETCH, PHASE_SWEEP, PHASES };
enum conn_ending { END_NONE, END_RETRY, END_EXIT };

enum work_state { WORK_READY, WORK_INTENT, WORK_RUNNING, WORK_LATER, WORK_ANSWERED };

/* One delivery, known by its id from the moment it is read until its answer has long been read by
 * the bridge. */
struct conn_work {
	struct conn_command cmd; /* first: kinds hold pointers to it */
	enum work_state state;
	bool settling; /* one of the outstanding set that nothing may be read before */
	bool held;     /* by the write guard */
	bool granted;  /* counted by the write guard, which lets it through until it is answered */
	int64_t attempt;
	uint64_t intent; /* number of its INTENT among what we sent */
	int64_t due_us;	 /* LATER */
	void *storage;	 /* texts and cells of cmd */
	char *receipt;	 /* ANSWERED: JSON as sent */
	size_t receipt_n;
	struct conn_work *prev, *next;
	UT_hash_handle hh; /* by did_text, which stands behind the struct */
};

struct conn_refetch {
	const struct conn_record *record;
	struct br_str *lids; /* one piece of memory with the struct */
	size_t n, at;
	struct conn_refetch *next;
};

/* A message that found the queue to Kafka full. */
struct conn_waiting {
	struct conn_waiting *next;
	size_t key_n, value_n;
	char bytes[];
};

#define CONN_COUNTERS(X)                                                                           \
	X(read) X(told) X(bad) X(commands) X(repeated) X(receipts) X(digests) X(sessions)
struct conn_counters {
#define CONN_COUNTER(name) int64_t name;
	CONN_COUNTERS(CONN_COUNTER)
#undef CONN_COUNTER
};

struct conn {
	struct br_loop *loop;
	const struct cfg_site *site;
	const struct cfg_system *system;
	const struct conn_kind *kind;
	void *options, *state;
	struct br_arena options_arena;
	char system_name[64]; /* for errors */
	struct conn_counters count, logged;
	struct br_timer minute;
	/* Outlives sessions: a connection that is lost gives no new allowance. */
	struct conn_guard *guards;

	struct conn_look *look; /* hears everything the kind says, instead of Kafka; or NULL */
	enum conn_stage stage;
	enum conn_ending ending;
	bool stopping;		      /* a signal asked for a clean end */
	enum br_err_code system_down; /* as said in the log; BR_E_OK: it is not */
	bool worked;		      /* a session of this process came to run */
	int status;		      /* of the process, when ending is END_EXIT */
	struct br_timer again;	      /* the next try, or the deadline of stopping */
	struct br_timer reaper;	      /* ends the session outside of any kind's stack */
	struct br_timer step;	      /* the next turn */
	int64_t backoff_us, run_since;

	/* ---- of the session ---- */
	struct bus *bus;
	bool bus_dead;
	int in_topic;
	bool kind_open;
	char nonce[40];
	char inc[128];
	int64_t target_epoch, beat;
	/* from FENCE */
	char known_inc[64];
	int64_t known_epoch, known_beat, known_restores;
	int64_t beat_told_us;
	bool beat_grew;	  /* since it was told */
	int64_t restores; /* what the bridge is to know in the next HELLO: its data went back; 0 =
			     nothing */
	int64_t epoch, seq;
	int64_t hub_epoch, pseq; /* last taken */
	int64_t heard_us;	 /* PING, BEGIN or FENCE was read, or HELLO said */
	/*
	 * The lease runs from the moment we said the newest thing of which the bridge said that it
	 * counts: HELLO, later an ALIVE. So nobody's clock but our own matters, nor how long a word
	 * lay unread. Whatever counts of us stands in Kafka before our successor's HELLO: it was
	 * said before the successor can have begun to wait for our lease.
	 */
	int64_t lease_from_us;
	int64_t alive_seq, alive_us; /* the ALIVE that no PING has counted yet; seq 0: none */
	int64_t write_from_us;	     /* the predecessor's lease is over then */
	bool inherited;		     /* a predecessor may still be at work */
	unsigned promises;
	struct br_arena arena;	     /* records and spec */
	struct br_arena in_arena;    /* of the message being read */
	struct br_arena phase_arena; /* of the kind, until the phase ends */
	struct conn_record *records;
	size_t nrecords;
	json_t *spec;
	struct br_str spec_text;

	/* telling */
	struct br_buf out;
	struct conn_cache *cache;
	struct conn_waiting *waiting, **waiting_end;
	uint64_t said; /* messages given to emit; number k is ticket k of the bus */
	char *cursor;  /* last told or received, malloc'ed */
	size_t cursor_n;
	bool cursor_due; /* newer than the last CURSOR message */
	struct br_timer cursor_timer;
	int64_t cursor_told_us;

	/* work */
	struct conn_work *by_did;
	struct conn_work *ready, *intents, *later, *answered;
	size_t nready, nintents, nrunning, nanswered, nsettling;
	struct br_timer later_timer;
	size_t nheld, held_told;
	bool stop_told;
	struct br_timer held_timer;
	struct conn_refetch *refetches, **refetches_end;
	struct conn_missing *missing; /* by record and key */
	struct br_timer missing_timer;

	/* turns */
	enum conn_phase phase, last_phase;
	bool phase_over; /* the arena is reset in the next turn */
	bool paused;
	bool wake;		   /* conn_wake() while something else ran */
	int64_t poll_at, sweep_at; /* monotonic us; < 0 never */
	bool sweep_full;	   /* FENCE asked for one without pauses */
	int64_t sweep_number;
};

/* conn.c */
struct conn *conn_new(struct br_loop *l, const struct cfg_site *site,
	const struct cfg_system *system, const struct conn_kind *kind, struct br_err *err);
void conn_free(struct conn *c);
void conn_start(struct conn *c);
/* A clean end: what runs is finished, BYE is said, the loop stops. */
void conn_stop(struct conn *c);
/* Ends the session soon; err is logged. Only the first counts. */
void conn_end(struct conn *c, enum conn_ending how, int status, const struct br_err *err);
static inline bool conn_alive(const struct conn *c)
{
	return c->ending == END_NONE && c->stage != CONN_DOWN;
}
void conn_running(struct conn *c);

/* conn_deliver.c */
void conn_hear(struct conn *c);
/* Nothing was said to us for a whole lease. */
bool conn_hears_nothing(const struct conn *c);

/* conn_work.c */
void conn_init_work(struct conn *c);
void conn_take_command(struct conn *c, const struct msg *m);
/* After FENCE: counts what must be settled before anything is read. */
void conn_begin_settling(struct conn *c);
bool conn_may_apply(struct conn *c);
void conn_apply_some(struct conn *c);
/* What the write guard held back is looked at again now. */
void conn_retry_held(struct conn *c);
/* Those whose INTENT is acknowledged go to the kind while the lease suffices. */
void conn_give_intended(struct conn *c);
bool conn_in_doubt(const struct conn *c);
/* The kind's writes are no transactions with an inbox row: they need INTENT and lease. */
bool conn_needs_intent(const struct conn *c);
void conn_drop_work(struct conn *c);

/* conn_turn.c */
void conn_take_turn(struct conn *c);
void conn_soon(struct conn *c);
void conn_step(void *arg);
void conn_add_refetch(struct conn *c, const struct msg *m);
/* The same for ourselves. False without memory. */
bool conn_look_again(
	struct conn *c, const struct conn_record *r, const struct br_str *lids, size_t n);
void conn_drop_refetches(struct conn *c);

/* conn_missing.c */
/*
 * The record was looked for and is not there. True: it is to be told, for a look at least
 * gone_after ago did not find it either; false: it is looked for again by then.
 */
bool conn_is_missing(struct conn *c, const struct conn_record *r, struct br_str lid);
/* It was seen. */
void conn_is_there(struct conn *c, const struct conn_record *r, struct br_str lid);
void conn_look_for_missing(void *arg);
void conn_drop_missing(struct conn *c);

/* conn_tell.c */
/* Stamps and sends m (seq only when it can be written and is not too large). Its number among what
 * we said, 0 when it could not be sent in this form. */
uint64_t conn_emit(struct conn *c, struct msg *m, const struct shape *shape, struct br_str key);
void conn_flush(struct conn *c);
bool conn_congested(const struct conn *c);
/* The beat, when it is time to tell it; else 0. */
int64_t conn_beat_due(struct conn *c);
void conn_tell_cursor(struct conn *c);
void conn_set_cursor(struct conn *c, struct br_str cursor);
void conn_drop_waiting(struct conn *c);
struct br_str conn_clean_text(struct br_str text);
static inline unsigned conn_record_number(const struct conn *c, const struct conn_record *r)
{
	return (unsigned)(r - c->records);
}

/* conn_guard.c */
/* The guard of a record as its spec says, the same over all sessions. NULL: none (or bad options,
 * which lint tells). */
struct conn_guard *conn_guard_of(struct conn *c, const struct conn_record *r);
/* How long the guard holds back this command, 0 = not at all. */
int64_t conn_guard_wait(struct conn *c, const struct conn_work *w);
void conn_guard_answered(struct conn *c, const struct conn_command *cmd, enum msg_status status);
/* Somebody has looked: refusals are counted anew. */
void conn_guard_forgive(struct conn *c);
void conn_guard_free(struct conn *c);
/* w is (no longer) held back; told to the bridge soon. */
void conn_hold(struct conn *c, struct conn_work *w, bool held);
void conn_tell_held(void *arg);

/* conn_look.c: what a kind says to somebody who only looks */
void conn_look_answered(struct conn_look *k, bool more, bool done);
void conn_look_failed(struct conn_look *k, const struct br_err *err);
void conn_look_record(struct conn_look *k, const struct conn_record *r, struct br_str lid,
	const struct image *img, const struct br_err *err);
void conn_look_digest(struct conn_look *k, const struct conn_record *r, struct br_str lo,
	struct br_str hi, const struct msg_digest *d, size_t n);

/* conn_spec.c */
int conn_read_spec(struct conn *c, struct br_str spec, struct br_err *err);
const struct shape *conn_shape(void *arg, struct br_str sys, struct br_str rec);
struct conn_record *conn_find_record(struct conn *c, struct br_str name);

#endif
