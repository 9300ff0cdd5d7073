/*
 * hub_order.h - orders of people, from the ctl topic.
 *
 *   {"t":"SYSTEM","sys":"portal","state":"live"}                     live | trial | paused
 *   {"t":"RETRY","sys":..,"case":..,"record":..,"lid":..}            try a link again, or read a
 * record
 */
#ifndef HUB_ORDER_H
#define HUB_ORDER_H

#include "hub_state.h"

struct hub_order {
	struct br_str type, sys, state, cid, rec, lid;
};

/* False with err when it is no order; texts point into value or the arena. */
bool hub_order_read(
	struct br_str value, struct br_arena *a, struct hub_order *o, struct br_err *err);
/* Folds it; its case, if it names one, must be in the world. False: it is for a system nobody
 * knows.
 */
bool hub_order_fold(struct hub_world *w, const struct hub_order *o);

#endif
