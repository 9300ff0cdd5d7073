/*
 * hub_reconcile.h - reconciliation (对账): in what a record as it stands and its case differ, in
 * the case's words, and what kind of difference that is.
 *
 * Pure. Both sides are compared in canonical form: what the mapping reads of the record against the
 * case. A field that is written to the system too differs only when writing the case there would
 * change something. And as everywhere, who must be told is decided by versions: a place that the
 * system has been told of, and that stands there as it did then, is as equal as that system can
 * make it, though it may trim, pad or round. Null and absent are the same here.
 */
#ifndef HUB_RECONCILE_H
#define HUB_RECONCILE_H

#include "mapping.h"
#include "versions.h"

/* The classes of the national practice, R1 to R10. */
enum hub_diff_class {
	DIFF_DEPARTMENT_ONLY = 1, /* R1 漏报: in a department, not on the portal */
	DIFF_PORTAL_ONLY,	  /* R2 多报 */
	DIFF_STATUS,		  /* R3 status, outcome or result */
	DIFF_TIME,		  /* R4, by more than the tolerance */
	DIFF_ITEM,		  /* R5 item, unit, or any other field without a class of its own */
	DIFF_APPLICANT,		  /* R6 applicant, agent or contact */
	DIFF_TWICE,		  /* R7 two records of one case in one system */
	DIFF_STEP,		  /* R8 a step that the other side does not have */
	DIFF_FINISHED,		  /* R9 over on one side, going on on the other */
	DIFF_ATTACHMENT,	  /* R10 a material or file that the other side does not have */
	DIFF_CLASSES
};

struct hub_diff_about {
	const char *tag; /* "R1" */
	const char *en, *zh;
	bool mends; /* the bridge may mend it by itself: read again, send again */
	const char *next_en, *next_zh;
};
/* By class, 1 to 10. */
extern const struct hub_diff_about hub_diff_abouts[DIFF_CLASSES];
/* The class of a tag ("R3"), 0 when it is none. */
enum hub_diff_class hub_diff_by_tag(struct br_str tag);

/* A record without a case (or a case without a record, there false) in a system of this role. */
enum hub_diff_class hub_diff_alone(enum case_owner role, bool record_there);

struct hub_diff {
	enum hub_diff_class class;
	struct cell place;		  /* of the case; field IMAGE_ELEMENT: a whole element */
	struct br_str in_case, in_system; /* {NULL, 0}: nothing */
};

struct hub_sides {
	const struct case_schema *schema;
	const struct mapping *map;
	const struct image *kase;
	const struct br_str *had; /* status codes the case has had */
	size_t nhad;
	const struct image *shown; /* the record */
	int64_t tolerance_s;	   /* by which times may differ */
	/* What the system is known to hold, and up to which versions; NULL: nothing is known. */
	const struct image *shadow;
	const struct versions *fver, *held;
};
/*
 * All differences, in the order of their places; 0 of them when the sides agree. A record that the
 * mapping cannot read is one difference of the field at fault, and issue is filled; else
 * issue->err is empty. -BR_E_NOMEM.
 */
int hub_reconcile(const struct hub_sides *s, struct br_arena *a, struct hub_diff **out, size_t *n,
	struct map_issue *issue);

#endif
