/*
 * hub_folded.h - what a batch was made of: enough to fold it once more and get the same.
 *
 * hub_step() depends on the world and its messages alone, and the messages stay in Kafka longer
 * than any backup of the ledger. What else decides is the order in which the sources were read, and
 * what came along without a message. This is the record of it, one for each batch, on the topic
 * <prefix>.folded, in front of everything the batch gives out. A ledger that is older than the
 * journal - restored from a backup, a standby that lost its last second - catches up by folding
 * again what the journal says it has folded (hub_journal.h).
 *
 *   {"v":1,"c":812,"inc":1796012345,"by":1796012345,"before":1796012345,"stored":810,"told":809,
 *    "site":"9f..","sum":"07..",
 *    "runs":[["portal",1201,1207],["",31,32]],"published":[["portal",1190],["",31]],
 *    "gaps":["dept"],"due":["dept",12],"owed":["dept",500],"refused":"..","refused_due":"..",
 *    "refused_owed":".."}
 *
 * A bridge that has opened the ledger says so with a record of its own, before it says anything
 * else:
 * {"v":1,"c":0,"by":1796012345,"stored":810,"top":812}. So whoever opens an older ledger later
 * takes an incarnation that was never given out.
 *
 * The sum is of everything that came of the batch: what is folded again and gives another one was
 * folded by another mapping, or another program.
 */
#ifndef HUB_FOLDED_H
#define HUB_FOLDED_H

#include "hub_state.h"

/* Records of one source, one behind the other; in the order they were folded. */
struct hub_run {
	int source;
	int64_t from, to;
};

struct hub_folded {
	int64_t c; /* batches of this ledger up to this one, it counted; 0: it was opened */
	int64_t incarnation; /* in front of every number it gave out */
	int64_t by;	     /* the bridge whose batch it is: it, or one that folded it again */
	int64_t before;	     /* incarnation of the batch before it, 0: nobody knew */
	int64_t stored;	     /* so many batches were surely stored when it was folded */
	int64_t told;	     /* and all that came of so many had got out; 0: nobody wrote it down */
	int64_t top;	     /* when it was opened: the highest number on the journal */
	uint64_t site;	     /* hub_folded_site() */
	uint64_t sum;	     /* hub_folded_sum() */
	struct hub_run *runs;
	size_t nruns;
	int64_t *published; /* by source: as it was stored with the batch */
	bool *gaps;	    /* by system: a hole was open before the batch */
	/* What came along without a message (ledger_want). */
	struct hub_system *due, *owing;
	int64_t due_limit, owed_limit;
	/* Why the ledger refused the one record of the batch, the link that waited, or the case
	 * from before a system; n 0: it did not. */
	struct br_str refused, refused_due, refused_owed;
	struct br_str text; /* as read */
};

/* Of a site: sources are its systems in the order of the world, and behind them the ctl topic. */
void hub_folded_write(
	const struct hub_folded *f, const struct hub_world *w, size_t nsources, struct br_buf *out);
void hub_folded_write_opened(int64_t incarnation, int64_t stored, int64_t top, struct br_buf *out);
/* 0 or an error (HUB_FOLDED_BAD, NOMEM): it names a system that the site does not have, or is no
 * record at all. Everything points into text or the arena. nsources 0: only its numbers are read,
 * whatever the site; what stands behind them is not looked at. */
int hub_folded_read(struct br_str text, struct hub_world *w, size_t nsources, struct br_arena *a,
	struct hub_folded *out, struct br_err *err);
/* What came of a batch: commands, versions, conflicts, parked items, decisions. In whichever order.
 */
uint64_t hub_folded_sum(const struct hub_world *w);
/* Whatever of a site's files decides what comes of a batch. */
uint64_t hub_folded_site(const struct hub_world *w);

#endif
