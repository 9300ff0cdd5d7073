/*
 * pg_ongoing.h - a table that does not say when its rows changed: those that are ongoing (在办, not
 * over) are read again in rounds, by pages in the order of their keys.
 *
 * New rows and changes of ongoing rows come with the pages. What was there in the last round and is
 * not in this one is over or gone: it is missing, and read once more by its key. A round rests four
 * times as long as it took, so that however many rows are ongoing the table is read for a fifth of
 * the time at most. Changes of rows that are over are the sweep's.
 *
 * Nothing is remembered over a restart: what ended in between is the sweep's too.
 */
#ifndef PG_ONGOING_H
#define PG_ONGOING_H

#include "pg_record.h"

/* In the arena; NULL without memory. Keys are malloc'ed until pg_ongoing_release(), which takes
 * NULL. */
struct pg_ongoing *pg_ongoing_new(struct br_arena *a);
void pg_ongoing_release(struct pg_ongoing *o);
/* May a page be read now? A new round only after the last one's rest. *at: the key it begins
 * behind, NULL = the first page; valid until pg_ongoing_saw(). */
bool pg_ongoing_begin(struct pg_ongoing *o, int64_t now_us, const char **at);
/* A page came, the key of each row in its first column; the last one when it is not full. 0 or
 * -BR_E_NOMEM. */
int pg_ongoing_saw(
	struct pg_ongoing *o, const PGresult *res, bool full, int64_t now_us, struct br_err *err);
/* Are there missing rows? And the key of the next, which is then no longer missing; NULL = none.
 * Valid until the next page. */
bool pg_ongoing_missing(const struct pg_ongoing *o);
const char *pg_ongoing_next(struct pg_ongoing *o);

#endif
