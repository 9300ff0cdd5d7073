/*
 * sim_decide.h - people who decide: orders about conflicts and refused commands, each given once or
 * twice, and what the ledger has of them.
 */
#ifndef SIM_DECIDE_H
#define SIM_DECIDE_H

#include "sim_state.h"

/* What a person finds to decide now becomes an order on its way; nothing when there is nothing. */
void sim_decide(void);
/* What orders of a batch are about, and which of them are known. */
void sim_decide_load(struct hub_world *w, const struct ledger_want *want);
/* Decisions that may not have been told before the last stop. */
void sim_decide_unpublished(struct hub_world *w, const struct ledger_position *positions);
/* Rows of a batch, in the run's arena; and then stored. */
struct sim_order *sim_decide_keep(const struct hub_world *w);
void sim_decide_put(struct sim_order *orders);
/* Every order has one row and is told, and no item was settled twice. */
void sim_decide_check(void);
/* Versions that came of orders. */
int sim_decide_versions(void);

#endif
