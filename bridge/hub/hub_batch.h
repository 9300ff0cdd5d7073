/*
 * hub_batch.h - the records that are folded together: taken, decoded, what must be loaded for them,
 * folded.
 *
 * A batch owns the world its records are folded into. Its records' bytes are Kafka's until they are
 * given back, which is after everything made of them has been published.
 */
#ifndef HUB_BATCH_H
#define HUB_BATCH_H

#include "bus.h"
#include "hub_folded.h"
#include "hub_order.h"
#include "ledger.h"

#ifndef HUB_BATCH_RECORDS
#define HUB_BATCH_RECORDS 500
#endif

struct hub_source {
	char topic[256];
	struct hub_system *sys; /* NULL: the ctl topic */
	int64_t moved_us;	/* when its system last had room, or answered */
	/* Up to here records go one by one: one of them was what the ledger would not take. */
	int64_t one_by_one;
	/* That record, once it was alone; -1 = none. */
	int64_t poison;
	/* The same for its system's links that wait: so many more are looked at one by one, and the
	 * one whose command the ledger would not take. */
	int64_t due_one_by_one;
	bool due_poison;
	struct hub_id due_cid;
	const struct mapping *due_map;
	/* The same for cases from before its system came along. */
	int64_t owed_one_by_one;
	bool owed_poison;
	struct hub_id owed_cid;
	char why[512];
};

struct hub_item;
struct hub_batch {
	struct hub_world world;
	struct br_arena arena;
	struct bus_record *records;
	struct hub_item *items;
	size_t n;
	bool holding; /* something was left in Kafka for want of credit */
	bool alone; /* one record, looked at for what the ledger refuses: nothing else goes along */
	struct ledger_want want;
	struct hub_system *owing; /* whose cases from before it came along */
	/* What it is made of, once it is folded; or, in the arena, is to be made of: it was folded
	 * before (hub_journal.h). */
	struct hub_folded folded;
	const struct hub_folded *again;
	size_t run; /* of again: those before are taken */
};

/* 0 or -BR_E_NOMEM; released either way. */
int hub_batch_init(struct hub_batch *b, const struct case_schema *schema,
	struct hub_system *systems, size_t nsystems);
void hub_batch_release(struct hub_batch *b);

/*
 * Takes what is there, sources taking turns in being first (turn), and decodes it; next: what was
 * folded so far. What would have to wait for a target's credit is left in Kafka. 0 or -BR_E_NOMEM.
 */
int hub_batch_take(struct hub_batch *b, struct bus *bus, struct hub_source *sources,
	size_t nsources, const struct ledger_position *next, size_t turn, int64_t now_us);
/*
 * A batch is to be made of what another was made of (b->again, in its arena, after
 * hub_batch_clear()): takes of it what has come. 1 when all of it is there, 0 when the rest is to
 * come, below 0 when it cannot be what was folded then.
 */
void hub_batch_clear(struct hub_batch *b);
int hub_batch_take_again(struct hub_batch *b, struct bus *bus, struct hub_source *sources,
	const struct ledger_position *next, struct br_err *err);
/* What else there is to send is to be loaded too: links that wait for credit, else cases from
 * before a system; of one system at a time. True: there may be some. */
bool hub_batch_want_waiting(struct hub_batch *b, struct hub_source *sources, size_t turn);
/* Records nobody knows may say by a strong key which case they are. True: b->want names the keys to
 * load now. */
bool hub_batch_want_matches(struct hub_batch *b, struct hub_source *sources);
/* Folds all of it; next[i].next moves behind what was folded, and b->folded tells of it.
 * next[nsources].next batches were folded before, by which what no message brings is known. */
void hub_batch_fold(struct hub_batch *b, struct hub_source *sources, size_t nsources,
	struct ledger_position *next, int64_t now_us);
void hub_batch_give_back(struct hub_batch *b, struct bus *bus);
/* Is there something in it that the ledger can refuse? */
bool hub_batch_may_be_refused(const struct hub_batch *b);
/* It is one record, one link that waited, or one case from before a system, and nothing else. */
bool hub_batch_is_single(const struct hub_batch *b);
/* The ledger refused the batch for what is in it: from now on its records, the links that waited
 * or the cases from before go one by one, and when it was only one, that one will be parked. */
void hub_batch_refused(
	const struct hub_batch *b, struct hub_source *sources, const struct br_err *err);

#endif
