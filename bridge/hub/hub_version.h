/*
 * hub_version.h - a new version of a case in the making: which places change, the row of its
 * history that tells it, and the watermarks that make it known everywhere.
 *
 *     hub_version_begin -> hub_version_set / hub_version_drop ... -> hub_version_end
 *
 * Nothing of the case but fver (and what was tried before) changes before the end. Memory is the
 * world's arena; without any, w->failed is set.
 */
#ifndef HUB_VERSION_H
#define HUB_VERSION_H

#include "hub_state.h"

/* Where a version came from: the record of a system, or (link NULL) a person, by an order. */
struct hub_origin {
	struct hub_link *link;
	struct br_str by, why, order;
};

struct hub_version {
	struct hub_world *w;
	struct hub_case *k;
	struct image_builder over; /* cells that are set */
	struct image_builder gone; /* elements that go (IMAGE_ELEMENT) */
	struct br_jw delta;
	bool any; /* something changes */
};

/* cells, elements: how many there will be, about. */
void hub_version_begin(struct hub_version *v, struct hub_world *w, struct hub_case *k,
	uint32_t cells, uint32_t elements);
/* The number it will have. */
int32_t hub_version_number(const struct hub_version *v);
/* now becomes the case's; old is what it has there, or NULL. */
void hub_version_set(struct hub_version *v, const struct cell *now, const struct cell *old);
/* c, a place of an element that goes, is no more; then the element itself. */
void hub_version_drop(struct hub_version *v, const struct cell *c);
void hub_version_drop_element(struct hub_version *v, const struct cell *element);
/* The case is of the new version, if anything changed: true. Nobody has been told yet. */
bool hub_version_end(struct hub_version *v, const struct hub_origin *from);

#endif
