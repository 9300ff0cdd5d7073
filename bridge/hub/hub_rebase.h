/*
 * hub_rebase.h - a system was restored from a backup (protocol A13).
 *
 * Its records show what they held some time ago, records made since are gone, and their numbers may
 * be given out again. None of that is anybody's edit. So every link of the system is *unsure* until
 * its record has been read once more; what is read then is compared with all that the record is
 * known to have held (hub_link.past): old content is taken as known, at the version it had then,
 * and what is newer is written again. Only what no past explains is an edit.
 */
#ifndef HUB_REBASE_H
#define HUB_REBASE_H

#include "hub_state.h"

#include "br_rule.h"

/* From now on all its links are unsure, and everything is read from the beginning. */
void hub_rebase_system(struct hub_system *s);

/* What the record holds was not read since the system was restored. */
static inline bool hub_is_unsure(const struct hub_link *l)
{
	return !BR_WITHOUT(REBASE) && l->based < l->sys->restores;
}
/* It was read just now, or written by a command sent since. */
void hub_sure(struct hub_link *l);

/*
 * What of `local` is known to be old content of the record: *base is the shadow with that put in,
 * and l->held says how far back it is. Columns in `ours` are left alone (NULL: none). 0 or
 * -BR_E_NOMEM.
 */
int hub_rebase(struct hub_world *w, struct hub_link *l, const struct image *local,
	const struct image *ours, struct image *base);
/*
 * A record turned up under a case that has none in this system, and was found by what it says. If
 * the case's record was lost in a restore it is that one, as an earlier backup had it, under its
 * number of then: *base and l->held as for hub_rebase(). Otherwise *base is empty: a first contact.
 */
int hub_rebase_found(
	struct hub_world *w, struct hub_link *l, const struct image *local, struct image *base);
/* Is it another matter's record, under a number that was given out a second time? */
bool hub_is_another(struct hub_world *w, const struct hub_link *l, const struct image *local);
/* To be called before the shadow or held are changed by what a message shows: what they were is
 * kept, should a backup bring it back. */
void hub_remember(struct hub_world *w, struct hub_link *l);
/* The record is not there any more: it was made after the backup. The case gets a new one; until
 * then the link stays unsure, for what is found instead may be older still. */
void hub_lost_record(struct hub_world *w, struct hub_link *l);

#endif
