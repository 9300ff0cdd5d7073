/*
 * ledger_cache.h - cases as this bridge committed them last, so that an answer that comes a moment
 * later need not be read from PostgreSQL again.
 *
 * It holds committed state only, and only as long as nobody else can have changed it: every batch
 * compares the input positions first, and whoever finds them moved throws all of this away with the
 * ledger's connection. People's orders go through the ctl topic and so through the same batches.
 * Two generations of at most half the room each: what was not touched while one filled up goes with
 * the other.
 */
#ifndef LEDGER_CACHE_H
#define LEDGER_CACHE_H

#include "hub_state.h"

struct cached_case;
struct cached_lid;

struct ledger_cache {
	struct cache_generation {
		struct br_arena arena;
		struct cached_case *cases;
		struct cached_lid *lids;
	} generation[2];
	int young;
};

/* bytes: of both generations together; the hash tables' buckets come on top. */
void ledger_cache_init(struct ledger_cache *c, size_t bytes);
void ledger_cache_release(struct ledger_cache *c);
/* Takes a copy of a case that was committed. Without room it is not kept, nor is an older one. */
void ledger_cache_keep(struct ledger_cache *c, const struct hub_case *k);
/* What is known of a case is not to be found any more. */
void ledger_cache_drop(struct ledger_cache *c, const struct hub_id *cid);
/* Puts a copy into the world unless it has the case already. False: not known here. */
bool ledger_cache_give(struct ledger_cache *c, struct hub_world *w, const struct hub_id *cid);
/* Which case had the record when it was kept; key: hub_link_key(). False: not known here. */
bool ledger_cache_find(const struct ledger_cache *c, struct br_str key, struct hub_id *cid);

#endif
