/*
 * conn_kind.h - the contract of a connector kind, and what the runtime offers it.
 *
 * The runtime (conn.c) owns Kafka, the handshake, (epoch, seq), INTENTs, the lease, the map of
 * answered commands, the emission cache and the order of messages. A kind only knows how to read
 * and write the records of one sort of system. It knows nothing of cases and holds no durable
 * state.
 *
 * One thread, one loop; every call returns at once and answers later through conn_*(). Phases never
 * overlap: the runtime calls one of begin / apply / poll / refetch / sweep and waits for its end
 * before the next, so a read and a write of one record never overlap. (apply may be called again
 * with commands for other records while earlier ones run.) What a kind reports is published in the
 * order of its calls.
 */
#ifndef CONN_KIND_H
#define CONN_KIND_H

#include "br_loop.h"
#include "cfg_site.h"
#include "message.h"
#include <jansson.h>

enum conn_promise {
	CONN_INBOX = 1, /* writes are transactions with an inbox row: the outcome is always known
			   (S1, no INTENT needed) */
	CONN_CAS = 2,	/* compare-and-set is exact */
	CONN_IDEMPOTENCY = 4, /* honours an idempotency key (H1) */
	CONN_LOOKUP = 8,      /* can look up before create */
	CONN_WHOLE = 16,      /* an image shows every element of every part: what is not in it is
				 not there */
	CONN_SWEEP = 32,   /* sweep() walks over all keys; without it poll() tells what there is */
	CONN_GUARDED = 64, /* every write carries its key and its condition, so one that a
			      predecessor sent late does nothing that ours has not done (H1) */
};

struct conn; /* the runtime of this process */
struct conn_guard;

/* One record of the system, from BEGIN. */
struct conn_record {
	struct br_str name;
	const struct shape *shape;
	json_t *spec;		  /* borrowed:
				     {"record","root","read","write","parts","columns","normalise","natural_key","refused","on_create",
				     ...} (map_set_spec) */
	void *kind;		  /* the kind's own compiled form, set in begin */
	struct conn_guard *guard; /* the runtime's own */
};

struct conn_command {
	struct msg_did did;
	struct br_str did_text; /* also the Idempotency-Key */
	enum msg_op op;
	const struct conn_record *record;
	struct br_str lid; /* empty for a create */
	struct br_str nk;  /* raw JSON */
	struct image base, set;
	bool attempted;	     /* inherited and possibly carried out before: settle first. With
				CONN_INBOX all that was outstanding at the start has it */
	int64_t deadline_us; /* monotonic; a call must end by then (lease); 0 = none */
	void *kind;	     /* the kind's own, for the time of the command */
};

struct conn_receipt {
	enum msg_status status;
	struct br_str lid;
	const struct image *post; /* NULL = none */
	bool atomic;		  /* post is exactly what our write left */
	bool doubt;		  /* the outcome was unknown and was settled by comparing */
	struct br_str code, text; /* the system's own error */
	struct br_str ref;
};

struct conn_kind {
	const char *name;		  /* "postgres" */
	const struct cfg_option *options; /* of connection: */
	size_t options_size;		  /* of the struct the options fill */
	size_t state_size;		  /* zeroed before open */
	/* Offline check of connection: and the kind-specific parts of records: (lint). */
	int (*lint)(const struct cfg_site *site, const struct cfg_system *system,
		const void *options, struct cfg_report *report);
	/* Connects; later conn_opened() or conn_failed(). May be called again after conn_failed
	 * (back-off is the runtime's). */
	int (*open)(void *state, struct conn *c, const void *options, struct br_err *err);
	unsigned (*promises)(const void *state);
	/* The new epoch begins: compile the records (conn_records), take the fence in the target
	 * where it can; later conn_begun(). */
	int (*begin)(void *state, int64_t epoch, struct br_str nonce, struct br_err *err);
	/* Writes; later exactly one conn_answer() for each command (PROGRESS may come before). */
	void (*apply)(void *state, struct conn_command *const *cmds, size_t n);
	/* One round of reading what is new since the cursor; conn_observe() each, then
	 * conn_polled(). */
	void (*poll)(void *state);
	/* Reads these records now; conn_observe() each (present or not), then conn_refetched(). */
	void (*refetch)(
		void *state, const struct conn_record *record, const struct br_str *lids, size_t n);
	/* One chunk of the walk over all keys; conn_digest(), then conn_swept(). */
	void (*sweep)(void *state);
	void (*close)(void *state); /* also after a failed open; calls nothing back */
};

/* ---- what a kind calls ---- */
struct br_loop *conn_loop(struct conn *c);
const struct cfg_site *conn_site(struct conn *c);
const struct cfg_system *conn_system(struct conn *c);
size_t conn_records(struct conn *c, struct conn_record **out);
/* Nothing may be written there, not even a table of ours (conn_look.h): no command will come. */
bool conn_only_looks(const struct conn *c);
/* The bridge or who only looks asked for a walk over all keys: sweep() then goes over every record,
 * outside of its hours too, and where the site has switched the walk off. */
bool conn_walk_demanded(const struct conn *c);
/* The cursor FENCE brought back: raw JSON or empty. */
struct br_str conn_cursor(struct conn *c);

/* inc: identity of the target's data (never compared by anybody but the kind; "" = unknown),
 * target_epoch: highest epoch the target has seen, beat: writes counted there (0 = unknown). */
void conn_opened(struct conn *c, struct br_str inc, int64_t target_epoch, int64_t beat);
/* Everything done there is counted in it: grows with each change, whoever makes it. */
void conn_beat(struct conn *c, int64_t beat);
/* What the bridge knows of the target, from begin() on: its identity ("" = unknown), the last epoch
 * that was surely taken there, the highest beat. What is found there is never older, or its data
 * went back: it was restored from a backup, and that is for conn_went_back() instead of
 * conn_begun(). Nothing may have been written before. */
struct conn_known {
	struct br_str inc;
	int64_t epoch, beat;
};
struct conn_known conn_known(const struct conn *c);
void conn_went_back(struct conn *c);
void conn_begun(struct conn *c);
/* Something is wrong with the system: err's class decides. RETRY: the runtime closes the kind and
 * opens it again with back-off and a new handshake. FATAL ends the process, unless it has been at
 * work before: then that is tried again too. */
void conn_failed(struct conn *c, const struct br_err *err);
/* A record as it stands (img NULL: it is not there). Dropped when equal to what was last told about
 * lid in this process; unless reason is REFETCH. */
void conn_observe(struct conn *c, const struct conn_record *r, struct br_str lid,
	const struct image *img, int64_t src_ts_ms, struct br_str by, enum msg_reason reason);
/* A record that cannot be made an image: original bytes and the reason. */
void conn_observe_bad(struct conn *c, const struct conn_record *r, struct br_str lid,
	struct br_str raw, const struct br_err *err, enum msg_reason reason);
/* End of a poll round. cursor: raw JSON to remember (empty = unchanged). more: call poll again at
 * once. next_ms: otherwise in so many ms (or at conn_wake). */
void conn_polled(struct conn *c, struct br_str cursor, bool more, int64_t next_ms);
/* The system says something changed: poll soon. */
void conn_wake(struct conn *c);
void conn_refetched(struct conn *c);
/* One chunk: rows of keys in [lo, hi] ("" = from the beginning / to the end). */
void conn_digest(struct conn *c, const struct conn_record *r, struct br_str lo, struct br_str hi,
	const struct msg_digest *d, size_t n);
/* done: the whole walk is over; next_ms: when the next chunk may run, < 0 never (unless one is
 * demanded). */
void conn_swept(struct conn *c, bool done, int64_t next_ms);
/* In place of it: the walk cannot go on now (the system is busy, or what it answered is of no use).
 * Asked again in so many ms, also when the walk is demanded. */
void conn_sweep_later(struct conn *c, int64_t ms);
void conn_answer(struct conn *c, struct conn_command *cmd, const struct conn_receipt *r);
/*
 * May this command be written now? Asked before each try, when it is known that nothing of it has
 * been written, right before it would be; `guard` counts the command, not its tries. False: the
 * write guard of its record (`guard`, `stop_after_refusals`) holds it back; hand it back with
 * conn_later() and these ms.
 */
bool conn_may_write(struct conn *c, struct conn_command *cmd, int64_t *ms);
/*
 * Not now (a row somebody has locked, a full server, the write guard): nothing was written. For the
 * phase the command has ended, so reading goes on; the runtime gives it to apply() again in so many
 * ms, with cmd->kind and cmd->attempted as they are then. Right after a start nothing is read
 * before the outstanding commands are settled. One that is handed back counts as settled when
 * cmd->attempted is false: set it to false once you have found out that the predecessor wrote
 * nothing, in the inbox or by looking, and leave it where you did not get so far (a statement that
 * failed before the inbox was read).
 */
void conn_later(struct conn *c, struct conn_command *cmd, int64_t ms);
/* Scratch memory that is reset when the current phase ends. */
struct br_arena *conn_arena(struct conn *c);

/* All kinds, listed by hand in conn_kinds.c of the cli (the runtime knows no kind). */
extern const struct conn_kind *const conn_kinds[];

/* Runs the connector of one system until the loop stops; the process's main part. Returns the exit
 * status. */
int conn_run(struct br_loop *l, const struct cfg_site *site, const struct cfg_system *system,
	const struct conn_kind *kind);

#endif
