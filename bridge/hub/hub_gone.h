/*
 * hub_gone.h - records that are not there any more: links that wait for a person, one by one, or
 * all of a system together when it is many. Part of step: pure.
 */
#ifndef HUB_GONE_H
#define HUB_GONE_H

#include "hub_step.h"
#include "hub_version.h"

/* The record of l has vanished: its link waits. True when an item is to be opened for it; false
 * when one item stands for many, which is seen to here, or a person said that they would go. */
bool hub_link_gone(struct hub_world *w, struct hub_link *l);
/* The record of a link that is gone is there again, or another is to be made: the link goes on. The
 * item that stands for many is closed with the last of them. */
void hub_link_back(struct hub_world *w, struct hub_link *l);

/* Is it the item that stands for many? */
bool hub_gone_is_many(const struct hub_matter *m);
/* Writing to the system goes on. meant: they were taken away on purpose, and for a day more may
 * go without a question. */
void hub_gone_decide_many(struct hub_world *w, struct hub_system *s, bool meant);
/* The case is withdrawn, by who; *ver: its new version, as it was when it was withdrawn already.
 * seen: the version the person looked at. */
enum hub_outcome hub_gone_withdraw(struct hub_world *w, struct hub_link *l, int64_t seen,
	const struct hub_origin *who, int32_t *ver);
/* The case is written there once more, as a new record; the numbers that the system gave the old
 * one leave the case, and *ver is its new version then. */
enum hub_outcome hub_gone_write_again(
	struct hub_world *w, struct hub_link *l, const struct hub_origin *who, int32_t *ver);

#endif
