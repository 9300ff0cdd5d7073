/*
 * cli_parked.h - shared by the files of the verb parked.
 */
#ifndef CLI_PARKED_H
#define CLI_PARKED_H

#include "cli_order.h"

/* What a case (g, or null) of an item (p) is called: its number, or the one any system has. */
#define CLI_PARKED_CASE_NO                                                                         \
	"coalesce(g.doc::json->>'portal_case_no', g.doc::json->>'dept_case_no', (select l.lid "    \
	"from casebridge.links l where l.cid = p.cid and l.lid is not null order by l.sys limit "  \
	"1))"

/* correct, retry, drop, withdraw, rewrite: decided by the words that are left. */
int cli_parked_decide(struct cli *c);
/* CLI_OK when it can be an item's number; else told, CLI_USAGE. */
int cli_parked_number(struct cli *c, const char *id);
/* Tells that there is none such, or none that is open: what became of it. */
int cli_parked_no_item(struct cli *c, const char *id);

#endif
