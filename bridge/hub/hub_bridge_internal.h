/*
 * hub_bridge_internal.h - what the files of the bridge's loop share; nobody else includes it.
 *
 *   hub_bridge.c          construction, opening and starting over, timers, signals
 *   hub_bridge_pipeline.c the two batches: take, load, fold, store, publish
 *   hub_bridge_journal.c  the record of each batch, and catching up at the start
 *   hub_bridge_hello.c    the answer to a HELLO
 */
#ifndef HUB_BRIDGE_INTERNAL_H
#define HUB_BRIDGE_INTERNAL_H

#include "bus.h"
#include "hub_batch.h"
#include "hub_bridge.h"
#include "hub_journal.h"
#include "ledger.h"

#define RETRY_FIRST_US 100000

enum phase {
	PHASE_CLOSED,	   /* nothing open; a timer starts over */
	PHASE_OPENING,	   /* the ledger connects */
	PHASE_CATCHING_UP, /* the ledger lacks what was folded before; nothing goes out */
	PHASE_REVIEWING,   /* loading outputs that may not have got out before the last stop */
	PHASE_OPEN,
	PHASE_BEGINNING, /* the same, and the ledger loads what a starting connector must settle */
};

/* How far a batch is. */
enum stage {
	STAGE_FREE,
	STAGE_TAKEN,
	STAGE_LOADING, /* what it can touch, then the same by match keys */
	STAGE_LOADED,
	STAGE_STORING,	 /* folded */
	STAGE_STORED,	 /* being published */
	STAGE_PUBLISHED, /* the other one may still look into its world */
};

struct slot {
	struct bridge *bridge;
	struct hub_batch batch;
	enum stage stage;
	struct ledger_position *before, *after; /* the fold */
	uint64_t record; /* ticket of its record for the journal; 0: not sent */
	struct hub_folded again;
};

/* Outputs up to this ticket belong to inputs before these positions. */
struct watermark {
	uint64_t ticket;
	int64_t *next;
};

struct bridge {
	struct br_loop *loop;
	const struct cfg_site *site;
	struct slot slot[2], *first, *ahead; /* first: of the two the one that was folded first */
	struct hub_world side;		     /* loads outside a batch */
	struct br_arena side_arena;
	struct ledger *ledger;
	struct bus *bus;
	struct hub_publisher *publisher;
	struct hub_system *systems;
	size_t nsystems;
	struct hub_source *sources;
	/* Behind what was folded last; the last row counts the batches, on the journal's topic. */
	struct ledger_position *next;
	/* Rows as of the last batch that this process stored in order to tell it: what it may since
	 * have told late, behind another bridge, came of [published, next). */
	struct ledger_position *ours;
	struct ledger_position *review; /* what may not have got out, and `ours`: room for it */
	size_t nsources, nrows;
	char journal_topic[256];
	int journal_to;		     /* topic */
	struct hub_journal *journal; /* while catching up */
	struct hub_forget forget;
	struct failing {
		int64_t c;
		int times;
	} differs;		    /* a batch that came out otherwise than before */
	int64_t known_stored, last; /* batches; incarnation of the newest */
	int64_t told_stored;	    /* of the batches; the journal had their records when we came */
	int64_t given;		    /* incarnations up to this one are another's */
	uint64_t told_before;	    /* ticket of what must be on the journal before anything else */
	uint64_t site_sum;
	struct br_buf record;
	enum phase phase;
	bool blocked;	 /* Kafka's queue was full: goes on with the next acknowledgement */
	bool reannounce; /* after a start every connector is told where it stands */
	size_t begin_at; /* system whose HELLO is being answered */
	struct br_timer timer, ping, figures, soon;
	int64_t backoff_us;
	bool stopping;
	int status;
	unsigned refused; /* records in a row */
	struct watermark marks[64];
	size_t nmarks;
	int64_t batches;
	int64_t shown; /* batches when the figures were logged last */
};

/* ---- hub_bridge.c ---- */

/* Closed later, not from inside a callback of what is being closed; err: why, or NULL. */
void bridge_start_over(struct bridge *b, const struct br_err *err);
/* An answer of the ledger: false when it comes too late, for all is being closed, or tells of
 * trouble, which is seen to here. */
bool bridge_is_answer(struct bridge *b, const struct br_err *err);
/* The ledger has caught up: loads what may not have got out, then the bridge is up. */
void bridge_review(struct bridge *b);
/* From where the ledger is. 0 or an error. */
int bridge_listen(struct bridge *b, struct br_err *err);

/* ---- hub_bridge_pipeline.c ---- */

/* Does what can be done next: the ledger works while what it has stored goes out. */
void bridge_go_on(struct bridge *b);
/* Kafka has more of what was sent; goes on with what waited for that. arg: the bridge. */
void bridge_on_acked(void *arg);
/* All of the first batch is out: it counts as published as soon as Kafka has it. */
void bridge_batch_done(struct bridge *b);

/* ---- hub_bridge_journal.c ---- */

/* What goes to the journal and into the ledger with the batch. */
void bridge_write_record(struct bridge *b, struct slot *s);
/* Sends its record, as far as the journal needs one of it. */
void bridge_tell(struct bridge *b, struct slot *s);
/* Is it on the journal? Else it is seen to, and bridge_on_acked() comes back. */
bool bridge_is_told(struct bridge *b, struct slot *s);
/* A batch that is not in the ledger, and will not be as it was folded then. */
void bridge_forget(struct bridge *b, const struct hub_folded *f);
/* It cannot be folded again as it was; err NULL: something else comes of it. */
void bridge_cannot_again(struct bridge *b, const struct hub_folded *f, const struct br_err *err);
/* The next batch of the journal, as far as its records have come. False: the bridge starts over. */
bool bridge_take_again(struct bridge *b, struct slot *s);
/* What was folded before must give the same. False: the bridge starts over. */
bool bridge_is_same(struct bridge *b, struct slot *s);
/* While catching up: what is stored went out when it was folded first. True: one was passed. */
bool bridge_pass_over(struct bridge *b);
/* Reads the journal, tells it what it must know of us, and begins to catch up. */
void bridge_look_into_journal(struct bridge *b);

/* ---- hub_bridge_hello.c ---- */

/* True: every starting connector has been answered, and all of the first batch is out. */
bool bridge_begin_next(struct bridge *b);
/* Sends the answer that is loaded, now or when the queue has room again. */
void bridge_send_begin(struct bridge *b);

#endif
