/*
 * hub_publish.h - what leaves the bridge: commands to connectors, and the public topics.
 *
 * Everything here is derived from committed state, so it may be sent again after a crash:
 * connectors drop by (hub_epoch, pseq) and answer a repeated command from memory, consumers of the
 * case topic drop a version they have seen.
 */
#ifndef HUB_PUBLISH_H
#define HUB_PUBLISH_H

#include "bus.h"
#include "hub_state.h"

struct hub_publisher;

struct hub_publisher *hub_publisher_new(struct bus *bus, const struct cfg_site *site,
	const struct hub_world *w, struct br_err *err);
void hub_publisher_free(struct hub_publisher *p);

/*
 * Sends all outputs of a world that was just committed: commands and orders (w->outs), changed
 * cases, history, conflicts, parked items. Returns true when all is handed to Kafka's queue; false
 * when the queue is full: call again after on_acked. fatal is set when err says why it cannot go
 * on.
 */
bool hub_publish(struct hub_publisher *p, struct hub_world *w, struct br_err *err, bool *fatal);
/* BEGIN, every outstanding command found in w (ledger_load_inflight), FENCE: the answer to a HELLO.
 * fence NULL: only the commands are repeated. */
bool hub_publish_begin(struct hub_publisher *p, struct hub_world *w, struct hub_system *s,
	const struct hub_out *fence, struct br_err *err, bool *fatal);
/* PING to every system with a connector. */
void hub_publish_pings(struct hub_publisher *p, struct hub_world *w, int64_t wall_ms);

#endif
