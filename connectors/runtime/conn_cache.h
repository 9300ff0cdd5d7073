/*
 * conn_cache.h - what was last told to the bridge about each record, as hashes.
 *
 * Only to save messages: forgetting an entry costs one message that the bridge drops as an echo. It
 * must follow observations *and* receipts, or a value that is typed again after our write would not
 * be told. Fixed size (2 MB when full); the entry of a place that was used longest ago gives way.
 */
#ifndef CONN_CACHE_H
#define CONN_CACHE_H

#include "br_str.h"

struct conn_cache;

struct conn_cache *conn_cache_new(void);
void conn_cache_free(struct conn_cache *t);
void conn_cache_clear(struct conn_cache *t);
/* record: number of the record in the system; hash: of the image, or CONN_CACHE_ABSENT. True when
 * the same was told last. */
#define CONN_CACHE_ABSENT 0x9e3779b97f4a7c15u
bool conn_cache_told(const struct conn_cache *t, unsigned record, struct br_str lid, uint64_t hash);
void conn_cache_put(struct conn_cache *t, unsigned record, struct br_str lid, uint64_t hash);
void conn_cache_drop(struct conn_cache *t, unsigned record, struct br_str lid);

#endif
