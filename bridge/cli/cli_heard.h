/*
 * cli_heard.h - who is at work: of each connector and of the bridge, as far as the ledger and Kafka
 * tell.
 *
 * The bridge asks every connector at least every five seconds, and writes down when it took the
 * answer. So of a connector that has not been heard of for long, with nothing of it waiting in
 * Kafka, it is known that it says nothing; with something waiting it is the bridge that takes
 * nothing (or is far behind), and nothing is known of the connector.
 */
#ifndef CLI_HEARD_H
#define CLI_HEARD_H

#include "cli.h"

enum cli_heard_word {
	HEARD_NOT_ASKED, /* left out, not of the site, or nobody's task here */
	HEARD_UP,
	HEARD_NEVER,
	HEARD_STOPPED, /* its connector said goodbye */
	HEARD_SILENT,
	HEARD_UNKNOWN, /* what it said waits for the bridge */
	HEARD_BEHIND,  /* the bridge: what was said is not taken */
	HEARD_WORDS
};
extern const char *const cli_heard_words[HEARD_WORDS][2]; /* for programs, in Chinese */

struct cli_heard {
	const struct cfg_system *system; /* NULL: not to be asked about */
	bool met;			 /* the bridge knows it */
	bool bye;
	int64_t age_s;	 /* since it was heard of; < 0: never */
	int64_t waiting; /* messages of it that are not taken; < 0: not known */
	const char *at;	 /* when it was heard of, for people */
	enum cli_heard_word word;
};

/* Fills in the words; returns the bridge's: UP, NEVER, SILENT or BEHIND. */
enum cli_heard_word cli_heard_judge(struct cli_heard *all, size_t n);
/* Tells who is not at work, and what to do; CLI_OK when all are, else CLI_FAILED. */
int cli_heard_tell(
	struct cli *c, const struct cli_heard *all, size_t n, enum cli_heard_word bridge);

#endif
