/*
 * hub_ulid.h - case ids: 128 bits, time-ordered, made without randomness.
 *
 * A ULID (github.com/ulid/spec): 48 bits of milliseconds, here the Kafka timestamp of the message
 * that created the case, and 80 bits, here a hash of (topic, offset) instead of a random number, so
 * that folding the same log again gives the same ids. In the ledger a uuid, on the wire 26
 * characters of Crockford base 32.
 */
#ifndef HUB_ULID_H
#define HUB_ULID_H

#include "br_str.h"

#define HUB_ULID_TEXT 26
struct hub_id {
	uint8_t b[16];
};

struct hub_id hub_ulid_make(int64_t ms, struct br_str topic, int64_t offset);
/* Writes 26 characters and a NUL. */
void hub_ulid_text(const struct hub_id *id, char out[HUB_ULID_TEXT + 1]);
/* False when s is no ULID. */
bool hub_ulid_read(struct br_str s, struct hub_id *out);

#endif
