/*
 * ledger_look.h - the ledger's side of a reconciliation: links of one system with their cases, page
 * by page, synchronous and read-only.
 *
 * One connection for the whole walk. Everything given out lies in the arena of the call.
 */
#ifndef LEDGER_LOOK_H
#define LEDGER_LOOK_H

#include "mapping.h"
#include "versions.h"

struct ledger_look;

/* A link and its case; no cid: the record has no link. */
struct ledger_look_link {
	struct br_str lid;
	struct br_str cid;		/* as uuid */
	bool busy;			/* something is on its way to it, or waits to be sent */
	bool parked;			/* it waits for a person */
	bool gone;			/* it is known not to be there any more */
	int64_t created_ms, updated_ms; /* of the case */
	struct image shadow;
	uint64_t hash; /* of the shadow */
	struct image doc;
	struct versions fver, held;
	struct br_str *had; /* status codes of the case */
	size_t nhad;
};

/* NULL with err. The ledger must be of our version (cli_query looks). sys: id of the system. */
struct ledger_look *ledger_look_new(
	const char *dsn, const char *sys, const struct case_schema *schema, struct br_err *err);
void ledger_look_free(struct ledger_look *g);

/*
 * Links of a record whose ids are in [lo, hi] ("" = from the beginning / to the end) and which are
 * not known to be gone, in the order of their bytes; at most limit (0: all). parked is told by the
 * link's own state only.
 */
int ledger_look_range(struct ledger_look *g, const struct mapping *map, struct br_str lo,
	struct br_str hi, size_t limit, struct br_arena *a, struct ledger_look_link **out,
	size_t *n, struct br_err *err);
/* One for each of the ids, in their order; parked also when an open item names the record. */
int ledger_look_lids(struct ledger_look *g, const struct mapping *map, const struct br_str *lids,
	size_t n, struct br_arena *a, struct ledger_look_link **out, struct br_err *err);

/* Cases that have no record in the system and none on its way, page by page from the first: those
 * that may never have belonged there too. n is 0 at the end. */
int ledger_look_unlinked(struct ledger_look *g, struct br_arena *a, struct ledger_look_link **out,
	size_t *n, struct br_err *err);
/* A case as it is now, and whether it still has no record there. */
int ledger_look_case(struct ledger_look *g, struct br_str cid, struct br_arena *a,
	struct ledger_look_link *out, bool *unlinked, struct br_err *err);
/* The case a strong key leads to (cid; empty: none), and the record it has in the system (lid). */
int ledger_look_match(struct ledger_look *g, struct br_str record, struct br_str scheme,
	struct br_str value, struct br_arena *a, struct br_str *cid, struct br_str *lid,
	struct br_err *err);

#endif
