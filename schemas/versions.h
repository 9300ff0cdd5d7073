/*
 * versions.h - a version number for every place of an image, kept small.
 *
 * In the ledger: per case `fver` (case version in which a field last changed), per link `held`
 * (fver the system is known to hold, -1 = must be told again). Almost all places share one number,
 * so the text form is a default and its exceptions:
 *   {"*":1,"status":4,"steps/2/opinion":3}
 * The default counts for every place not listed, present or absent. Places are the canonical
 * case's.
 */
#ifndef VERSIONS_H
#define VERSIONS_H

#include "image.h"

struct version_at {
	struct br_str key;
	uint16_t field;
	uint8_t part;
	int32_t v;
};
struct versions {
	int32_t dflt;
	uint32_t n, room;
	struct version_at *at; /* ordered like cells */
};

int32_t versions_get(const struct versions *v, unsigned part, struct br_str key, unsigned field);
static inline int32_t versions_of(const struct versions *v, const struct cell *c)
{
	return versions_get(v, c->part, c->key, c->field);
}
/* Sets one place (grows in the arena; the key is borrowed). An exception equal to the default is
 * removed. 0 or -BR_E_NOMEM. */
int versions_set(struct versions *v, struct br_arena *a, unsigned part, struct br_str key,
	unsigned field, int32_t version);
void versions_write(const struct versions *v, const struct shape *shape, struct br_jw *w);
/* r stands before the value. Places the shape does not have are passed over: they mean nothing any
 * more. */
int versions_read(
	struct br_jr *r, const struct shape *shape, struct br_arena *a, struct versions *out);
/* A deep copy, so that the copy may be changed. */
int versions_copy(const struct versions *v, struct br_arena *a, struct versions *out);

#endif
