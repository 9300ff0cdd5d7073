/*
 * hub_remap.h - what a link and its case would become once its mapping means something else.
 *
 * Pure. What the system is known to hold (the link's shadow) is read anew, but only for the fields
 * that mean something else now: where it says otherwise than the case, the field's owner decides.
 * The command line shows it before anything happens, and step does the same when it is ordered.
 */
#ifndef HUB_REMAP_H
#define HUB_REMAP_H

#include "mapping.h"

enum hub_remap_how {
	REMAP_IN,   /* the system decides the field: the case takes its reading */
	REMAP_OUT,  /* another decides: the system is told what the case says */
	REMAP_ASK,  /* either may: the case stays, and a person is shown both (a conflict) */
	REMAP_READ, /* what stands there was never read: the record is read again */
	REMAP_HOWS
};
extern const char *const hub_remap_words[REMAP_HOWS]; /* "case", "system", "person", "read" */

struct hub_remap_change {
	enum hub_remap_how how;
	struct cell place;		  /* of the case, with the reading as its value */
	struct br_str in_case, in_system; /* {NULL, 0}: nothing, or not known */
};

struct hub_remap {
	const struct case_schema *schema;
	const struct mapping *map;
	enum case_owner role; /* of the system */
	const bool *fields;   /* by number: means something else now */
	const struct image *kase, *shadow;
	const struct br_str *had;
	size_t nhad;
};
/*
 * All changes, in the order of their places; issue is filled (and there are none) when the record
 * cannot be read any more. 0 or -BR_E_NOMEM.
 */
int hub_remap(const struct hub_remap *r, struct br_arena *a, struct hub_remap_change **out,
	size_t *n, struct map_issue *issue);

/* "applicant.name,status": marks them in fields (room for all of the case). False: the case has no
 * such field. */
bool hub_remap_fields(const struct case_schema *s, struct br_str list, bool *fields);

#endif
