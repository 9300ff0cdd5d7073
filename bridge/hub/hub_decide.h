/*
 * hub_decide.h - what a person decided about a conflict or a parked item (hub_order.h says how it
 * is told). Part of the step: pure, and what it does is the same whenever the order is folded.
 */
#ifndef HUB_DECIDE_H
#define HUB_DECIDE_H

#include "hub_order.h"

/*
 * Follows the order, or says in the decision's outcome why not; an order whose id was seen before
 * is passed over. A value that a person sets counts as everybody's: the field's owner is told of it
 * like all others. False: it is no order that anybody knows, or
 * has no id (of at most 64 bytes), or control characters in its texts.
 */
bool hub_decide(struct hub_world *w, const struct hub_order *o);
/* The word for it in the ledger and in the audit topic. */
const char *hub_outcome_word(enum hub_outcome o);

#endif
