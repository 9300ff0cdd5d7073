/*
 * cli_match.h - shared by the words of `casebridge match`.
 */
#ifndef CLI_MATCH_H
#define CLI_MATCH_H

#include "cli_order.h"

/* What was typed behind the word. */
struct cli_match {
	const char *verdict; /* certain | likely, or NULL */
	const char *record, *wait, *limit;
	bool all, preview, reveal;
	struct cli_decider by;
};

/* Is it the number of a pair, and not the name of a system? */
bool cli_match_is_number(const char *word);
/* Open pairs of a system, from the first; settled: all of them. */
int cli_match_list(struct cli *c, const char *system, const struct cli_match *m, bool settled);
/* accept, reject, merge, split. */
int cli_match_decide(struct cli *c, const char *word, const struct cli_match *m);

#endif
