/*
 * portal_case.h - one case in memory: loaded, changed field by field, saved with its journal entry.
 *
 * Between case_load() and case_save() the writer's transaction is open. All checks of values and of
 * state are here, so that the interface and the pages obey the same rules.
 */
#ifndef PORTAL_CASE_H
#define PORTAL_CASE_H

#include "portal.h"
#include "portal_fields.h"

struct kase {
	char projid[40], pwd[8], item[40];
	bool online;
	int64_t pending, version, seq, created, searchable, updated; /* pending 0 = no */
	char updated_by[96];
	json_t *doc; /* as it is now */
	json_t *old; /* as it was loaded; only after case_load() */
};

/* 1 found, 0 there is no such case. Free with case_free(). */
int case_load(struct db *db, const char *projid, struct kase *c);
void case_from_row(sqlite3_stmt *st, struct kase *c); /* columns as in CASE_COLUMNS */
void case_free(struct kase *c);

/* Gives out a new number for an item; orgbusno may be NULL. The case has version 0. */
int case_number(struct db *db, const struct request *rq, const char *item, const char *orgbusno,
	struct kase *out, struct reply *rp);
/* Fills in what follows from the item, and the blank fields; for the first basic information. */
int case_first(struct db *db, struct kase *c, struct reply *rp);

/* Sets the members of values (strings, numbers or null) of a group; sn tells the list element,
 * NULL outside lists. flags: only fields that have one of them, 0 = all. */
int case_set(struct kase *c, enum field_group group, const char *sn, json_t *values, unsigned flags,
	const struct request *rq, struct reply *rp);
/* Saves what has changed, if anything, and answers with the whole case. */
int case_save(struct portal *p, struct db *db, struct kase *c, const char *op,
	const struct request *rq, struct reply *rp);

/* The whole case as callers see it; new reference. */
json_t *case_show(const struct kase *c);
/* A field's value at the root, or in EXT or DONE ("DONE.DONETIME"); NULL when null. */
const char *case_value(const struct kase *c, const char *name);
/* Refuses when If-Match is sent, honoured, and does not fit. */
int case_match(const struct kase *c, const struct request *rq, struct reply *rp);

#endif
