/*
 * ledger.h - the bridge's only durable state, in PostgreSQL (15 or later).
 *
 * A batch is one transaction: what changed together with the input positions. What it can touch is
 * loaded before by a second session, while the batch before it is being stored; the statements of
 * both are in the server's hands one behind the other. The transaction first locks the position
 * rows and compares them with those the batch began at: a second bridge on the same ledger, and a
 * batch whose predecessor failed, find them moved or not moved and change nothing. All statements
 * are set-based: one per table and kind, whatever the batch's size. Everything is asynchronous on
 * the loop.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "br_loop.h"
#include "hub_step.h"

struct ledger;
/* err NULL = done */
typedef void ledger_fn(void *arg, const struct br_err *err);

/* Highest migration this program knows. */
int ledger_version_known(void);
/* Applies missing migrations in one transaction each (synchronous; CLI). *from, *to: versions
 * before and after. */
int ledger_migrate(const char *dsn, int *from, int *to, struct br_err *err);

/* lost: called when the connection breaks outside of an operation. */
struct ledger *ledger_new(
	struct br_loop *l, const char *dsn, ledger_fn *lost, void *arg, struct br_err *err);
void ledger_free(struct ledger *g);

struct ledger_position {
	struct br_str topic;
	const struct hub_system *sys; /* whose observations and receipts it holds; or NULL */
	int64_t next;		      /* first offset not yet folded */
	int64_t published;	      /* everything below has had its outputs acknowledged */
};
/*
 * Connects, checks the version, raises the incarnation (beyond w->incarnation, too), registers the
 * systems of the world (by code) and fills in their stored state, the positions (a topic never seen
 * starts at 0) and the newest records of what was folded (w->kept).
 */
void ledger_open(struct ledger *g, struct hub_world *w, struct ledger_position *positions, size_t n,
	ledger_fn *done, void *arg);

struct ledger_lid {
	struct hub_system *sys;
	struct br_str rec, lid;
};
struct ledger_key {
	struct br_str scheme, value;
};
struct ledger_range { /* of a DIGEST */
	struct hub_system *sys;
	struct br_str rec, lo, hi;
	struct hub_known *known; /* filled in, ordered by lid */
	size_t nknown;
	/* the ledger's own: what is asked for next, room in known, and what waits without a link */
	bool more;
	struct br_str from;
	size_t room;
	struct hub_known *parked;
	size_t nparked;
};
struct ledger_want {
	struct ledger_lid *lids;
	size_t nlids;
	struct hub_id *cids;
	size_t ncids;
	struct ledger_key *keys;
	size_t nkeys;
	struct ledger_range *ranges;
	size_t nranges;
	/* Of orders: which of these ids are known (w->orders), and the items they are about, with
	 * their cases (w->matters). */
	struct br_str *orders;
	size_t norders;
	int64_t *parked, *conflicts, *matches;
	size_t nparked, nconflicts, nmatches;
	/* Systems on trial that an order is about: what is left to decide about them. */
	struct hub_system **reviews;
	size_t nreviews;
	struct hub_system *due; /* also links of this system that wait for credit */
	int64_t due_limit;
	struct hub_link **due_links; /* filled in */
	size_t ndue;
	/* Also the cases after owed_from that this system has no link with: of the next so many
	 * cases, by their ids. */
	struct hub_system *owing;
	struct hub_id owed_from;
	int64_t owed_limit;
	struct hub_case **owed; /* filled in */
	size_t nowed;
	struct hub_id owed_to; /* the last one looked at */
	bool owed_end;	       /* there are none after it */
};
/*
 * Loads into the world what the batch can touch. newer: the world of a batch that is being stored,
 * or NULL; what it holds is taken from there, for the server may not have it yet. One load at a
 * time. What orders are about (orders, parked, conflicts), ranges and due links are only right when
 * nothing is being stored.
 */
void ledger_load(struct ledger *g, struct hub_world *w, const struct hub_world *newer,
	struct ledger_want *want, ledger_fn *done, void *arg);
/* Does this want have to be loaded with nothing on its way to being stored? */
static inline bool ledger_wants_quiet(const struct ledger_want *want)
{
	return want->norders || want->nparked || want->nconflicts || want->nmatches ||
	       want->nreviews || want->nranges || want->due || want->owing;
}
/*
 * Writes what is dirty and moves the positions from before (as they were when the batch was folded)
 * to after; commits. A second batch may be given before the first is answered, if the first moved a
 * position: answers come in order, and when the first fails so does the second. After an error
 * nothing of it is stored. before, after and w are done with when this returns, except that w is
 * read once more before done is called.
 */
void ledger_store(struct ledger *g, struct hub_world *w, const struct ledger_position *before,
	const struct ledger_position *after, size_t n, ledger_fn *done, void *arg);

/* Outside a batch: every outstanding command of a system, into a fresh world (for BEGIN, and after
 * a restart). */
void ledger_load_inflight(
	struct ledger *g, struct hub_world *w, struct hub_system *s, ledger_fn *done, void *arg);
/* Cases changed by inputs of [published, next) of a topic, into a fresh world, marked publish;
 * their history rows too, what became of orders, and what was parked. A topic may be there several
 * times: its ranges must not overlap. Below 0 are batches, whatever the topic: -n is what the n-th
 * (from 1) did without an input, of any system. */
void ledger_load_unpublished(struct ledger *g, struct hub_world *w,
	const struct ledger_position *positions, size_t npositions, ledger_fn *done, void *arg);

/* Outside a batch, at any time, behind what is being stored: of what links held before some that is
 * older than any backup goes; what is left goes the next times. */
void ledger_forget_past(struct ledger *g, ledger_fn *done, void *arg);

/* Words of the ledger's text columns. */
const char *ledger_link_state(enum hub_link_state s);
const char *ledger_sys_state(enum hub_sys_state s);
const char *ledger_conflict_kind(enum hub_conflict_kind k);
const char *ledger_parked_kind(enum hub_parked_kind k);
/* Is an item of this kind (in the ledger's word) a record as its system shows it? Such a one is
 * corrected in that system. */
bool ledger_parked_inbound(struct br_str kind);

#endif
