/*
 * cli_parked.h - shared by the files of the verb parked.
 */
#ifndef CLI_PARKED_H
#define CLI_PARKED_H

#include "cli_order.h"

/* correct, retry, drop, withdraw, rewrite: decided by the words that are left. */
int cli_parked_decide(struct cli *c);
/* CLI_OK when it can be an item's number; else told, CLI_USAGE. */
int cli_parked_number(struct cli *c, const char *id);
/* Tells that there is none such that is open. */
int cli_parked_no_item(struct cli *c, const char *id);

#endif
