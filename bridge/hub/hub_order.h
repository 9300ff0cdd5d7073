/*
 * hub_order.h - orders of people, from the ctl topic.
 *
 *   {"t":"SYSTEM","sys":"portal","state":"live"}                      live | trial | paused;
 *                                        rebase: its data was restored from a backup
 *
 * and decisions, each with an id of its own ("id"), who ("by") and why ("why"):
 *
 *   {"t":"RESOLVE","conflict":12,"take":true,"seen":5}   the value that lost becomes the case's; or
 *                                                        (false) what the case says stays
 *   {"t":"CORRECT","parked":17,"place":"applicant.name","value":"张三","seen":5}
 *                                                        a value of the item's case, null empties
 *   {"t":"DROP","parked":17}                             the item is settled as it is
 *   {"t":"WITHDRAW","parked":17,"seen":5}                its record has vanished: the case is
 *                                                        withdrawn
 *   {"t":"REWRITE","parked":17}                          its record has vanished: the case is
 *                                                        written there once more
 *   {"t":"RETRY","parked":17}                            its link is tried again, its record read
 *                                                        again; why may be missing
 *   {"t":"RETRY","sys":"dept","record":"apply","lid":"D7","case":"01H..."}
 *                                                        the same without an item: lid or case may
 *                                                        be missing; a case alone is sent where it
 *                                                        belongs
 *
 *   {"t":"MATCH","match":5,"take":true}                the pair is one case; or (false) is not
 *   {"t":"MERGE","sys":"dept","record":"apply","lid":"D7","case":"01H..."}
 *                                                        the record, alone so far, is this case
 *   {"t":"SPLIT","sys":"dept","record":"apply","lid":"D7"} the record is a case of its own
 *   {"t":"REMAP","sys":"dept","record":"apply","lid":"D7","case":"01H...","fields":"status"}
 *                                                        the mapping of these fields means
 *                                                        something else now (hub_remap.h)
 *
 * seen: the version of the case that the person looked at. A value that has changed since is not
 * overwritten unseen.
 */
#ifndef HUB_ORDER_H
#define HUB_ORDER_H

#include "hub_state.h"

struct hub_order {
	struct br_str type, sys, state;
	struct br_str id, by, why;
	int64_t parked, conflict, match; /* 0: none */
	struct br_str rec, lid, cid; /* RETRY without an item, MERGE, SPLIT, REMAP; cid: a ULID */
	struct br_str fields;	     /* REMAP: names of fields of the case, by commas */
	int64_t seen;
	bool take;
	struct br_str place, value; /* value.p NULL: null */
};

/* False with err when it is no order; texts point into value or the arena. */
bool hub_order_read(
	struct br_str value, struct br_arena *a, struct hub_order *o, struct br_err *err);
/* Folds it; a system whose review is not done (hub_match.h) does not go live, nor is one on trial
 * paused: false. What it is
 * about (hub_matter, its case), if it names one, must be in the world, and whether it was followed
 * before. False: nobody knows such an order, or its system. */
bool hub_order_fold(struct hub_world *w, const struct hub_order *o);

#endif
