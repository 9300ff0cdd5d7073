/*
 * portal_journal.h - what each write did: the table of effects that tells whether something was
 * lost or doubled.
 */
#ifndef PORTAL_JOURNAL_H
#define PORTAL_JOURNAL_H

#include "portal_case.h"

/* {"STEPS/1/NODENAME": [before, after], ...} for every value that differs; new reference. */
json_t *journal_changes(const json_t *before, const json_t *after);
/* Inside the transaction of the effect. */
void journal_add(struct db *db, const struct kase *c, const char *op, const json_t *changes,
	const struct request *rq);

#endif
