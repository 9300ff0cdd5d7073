/*
 * hub_bridge.h - the bridge process: reads every system's in topic, folds, stores, publishes.
 *
 * Crash-only: when the ledger or Kafka is lost, or another bridge moved a position, everything in
 * memory is thrown away and the bridge starts over from the ledger, with a new incarnation. Load
 * makes batches, latency does not: a batch is what is there when the last one is done.
 */
#ifndef HUB_BRIDGE_H
#define HUB_BRIDGE_H

#include "br_loop.h"
#include "cfg_site.h"
#include "mapping.h"

struct bridge;

/* The bridge on a loop that somebody else runs; it stops the loop itself when it cannot go on. NULL
 * when out of memory. */
struct bridge *hub_bridge_start(struct br_loop *l, const struct cfg_site *site,
	const struct case_schema *schema, struct map_set *const *maps);
/* Closes everything, at any moment; what is not committed is dropped. Not from inside a callback of
 * the bridge's own. */
void hub_bridge_free(struct bridge *b);
/* Runs until the loop is stopped; the exit status: 0, 69 (peer unavailable for good), 75 (start
 * again), 78 (configuration). */
int hub_bridge_run(struct br_loop *l, const struct cfg_site *site, const struct case_schema *schema,
	struct map_set *const *maps);

#endif
