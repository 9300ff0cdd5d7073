/*
 * hub_match.h - two cases that are one: by strong keys, and by what a person decides about records
 * of a system on trial.
 *
 * Systems that held the same cases before they met (A10, A11) are compared as a whole while one of
 * them is on trial; who is alike is worked out elsewhere (hub_alike.h) and only proposed. A person
 * binds (accept, merge), refuses (reject) or takes apart (split). A case that goes is a lone
 * record: it moves to the other case, whose number stays.
 *
 * A bound record of a system that is not live is LINK_MATCHED: nothing of it reaches the case, and
 * nothing goes to it. When its system goes live it is merged as at first sight. So the review
 * changes no system, and taking apart before that is exact.
 */
#ifndef HUB_MATCH_H
#define HUB_MATCH_H

#include "hub_order.h"

/* The case that a strong key leads to, if it does not say another value there by now: a number that
 * was corrected leads nobody there any more. */
struct hub_case *hub_match_case(struct hub_world *w, struct br_str scheme, struct br_str value);
/* The only record of from becomes to's. d is told the version, the case that stays, and the one
 * that goes. Anything but done: nothing was done. */
enum hub_outcome hub_match_join(
	struct hub_world *w, struct hub_decision *d, struct hub_case *from, struct hub_case *to);
/* The record (sys, rec, lid) becomes a case of its own again; only while it is LINK_MATCHED. */
enum hub_outcome hub_match_split(
	struct hub_world *w, struct hub_decision *d, const struct hub_order *o);
/* May a system on trial go live: was it compared, and is nothing left to decide, not even by what
 * this batch brought? True for one that is not on trial. */
bool hub_match_reviewed(const struct hub_world *w, const struct hub_system *s);

#endif
