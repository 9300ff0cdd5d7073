/*
 * cli_order.h - decisions of people: given as orders on the ctl topic, followed by the bridge, and
 * answered in the ledger, where an order is kept by its id.
 */
#ifndef CLI_ORDER_H
#define CLI_ORDER_H

#include "cli.h"

struct cli_orders; /* a list that is given together */
struct cli_order {
	const char *type; /* RESOLVE | CORRECT | DROP | RETRY | MATCH | MERGE | SPLIT | WITHDRAW |
			     REWRITE | REMAP */
	const char *parked, *conflict, *match; /* number of the item, or NULL */
	bool take;			       /* RESOLVE, MATCH */
	const char *place, *value;	       /* CORRECT; value NULL empties */
	const char *seen;		       /* version of the case that was looked at, or NULL */
	/* RETRY without an item, MERGE, SPLIT; cid as the ledger shows it. Each may be NULL. */
	const char *system, *record, *lid, *cid;
	const char *fields; /* REMAP: names, by commas */
};

/* Who decides and why: taken from --by (else the operating system's user) and --why. */
struct cli_decider {
	const char *by, *why;
};
/* Takes the options; needed: without a reason it is CLI_USAGE, which is told. */
int cli_decider(struct cli *c, bool needed, struct cli_decider *out);

/* Takes --wait: seconds as text, 15 unless it says otherwise; NULL when it is no number, which is
 * told. */
const char *cli_wait(struct cli *c);

/* An empty list; NULL without memory. In the arena. */
struct cli_orders *cli_orders_new(struct cli *c, const struct cli_decider *d);
void cli_orders_add(struct cli_orders *o, const struct cli_order *order);
/* Gives them all, for the bridge to follow when it comes to them. CLI_OK or the exit code. */
int cli_orders_send(struct cli *c, const struct cli_orders *o);
/*
 * Gives them all, waits until the bridge has followed them, and prints a row for each with what
 * became of it. wait: seconds, as text. CLI_OK when all are done (or, as settled says, were
 * settled before); CLI_FAILED, and why on stderr; CLI_AGAIN when the bridge has not come to them.
 */
int cli_orders_give(struct cli *c, struct cli_orders *o, const char *wait, bool settled_is_fine);

/* The same of many, which are only counted: done, and those that were not (or settled before),
 * whose reasons go to stderr. */
int cli_orders_give_many(
	struct cli *c, struct cli_orders *o, const char *wait, size_t *done, size_t *not_done);

/* What a case says at a place now, and its version: both NULL when there is no such case. The value
 * is NULL where it says nothing. CLI_OK or the exit code. */
int cli_case_value(struct cli *c, const char *cid, const char *place, const char **value,
	const char **version);

#endif
