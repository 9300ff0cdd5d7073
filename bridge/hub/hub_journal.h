/*
 * hub_journal.h - the journal of what was folded, read by a bridge that starts.
 *
 * Of every batch there is a record in front of everything it gave out. So a bridge that starts
 * looks whether the journal goes on where the ledger ends. Usually nothing does, or the one or two
 * batches that were on their way when the last bridge died; when the ledger was restored from a
 * backup, all that it has lost. Whatever it is, it is folded first, as it was then.
 *
 * The last batches are *in doubt*: nobody had yet said that they were stored. They are folded again
 * like the others, but when that cannot be done as it was (the site's files are others), they are
 * dropped: then they were not stored. What is not in doubt was, and its effects are out in the
 * world: a bridge that cannot fold it again stops.
 *
 * A batch that was never stored may have been made anew by a later bridge: of several records of
 * one number that of the youngest bridge counts, for whoever opens the ledger keeps older ones out.
 * So a doubtful one that is folded again becomes the batch of the bridge that does so, by a record
 * of its own.
 */
#ifndef HUB_JOURNAL_H
#define HUB_JOURNAL_H

#include "bus.h"
#include "hub_folded.h"

struct hub_journal;

/* Batches that this process has tried in vain to fold again: from c on, of bridges up to this one.
 */
struct hub_forget {
	int64_t c, by;
};

/*
 * What stands on the topic behind batch c of the ledger, which was folded by incarnation
 * last (0: not known). Asks and waits. NULL with err: HUB_FOLDED_GONE, or trouble with
 * Kafka. With the first hub_journal_next() the bus gets a source more, until hub_journal_free().
 */
struct hub_journal *hub_journal_open(struct bus *b, const char *topic, struct hub_world *w,
	int64_t c, int64_t last, struct hub_forget forget, struct br_err *err);
void hub_journal_free(struct hub_journal *j);

/* The highest incarnation that was given out, and the highest number of a batch. */
int64_t hub_journal_youngest(const struct hub_journal *j);
int64_t hub_journal_top(const struct hub_journal *j);
/* So many batches are to be folded again. */
size_t hub_journal_left(const struct hub_journal *j);
/* Is the ledger older than what was surely stored? */
bool hub_journal_is_behind(const struct hub_journal *j);
/* Is batch c in doubt? */
bool hub_journal_doubts(const struct hub_journal *j, int64_t c);
/* Has the journal batch c, by this bridge? Of the records that were looked at: false may be wrong
 * of one that lies far back. */
bool hub_journal_has(const struct hub_journal *j, int64_t c, int64_t by);
/* The next one, read into the arena. 0, or an error: HUB_FOLDED_SITE, HUB_FOLDED_BAD, ... */
int hub_journal_next(struct hub_journal *j, struct br_arena *a, size_t nsources,
	struct hub_folded *out, struct br_err *err);

#endif
