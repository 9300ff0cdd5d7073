/*
 * http_sweep.h - the walk over all records of a system that has a list of them (read.sweep).
 *
 * Page by page, one each sweep_every, the numbers are collected; when the last page is read they
 * are put in the order of their bytes and told as digests, chunk by chunk, so that the bridge can
 * ask for what it misses, for what it does not know and, where the items are whole records
 * (`whole: true`), for what differs. A list that moves while it is walked costs single reads and
 * loses nothing.
 *
 * A page without a number that was not there before ends the walk: some systems answer a page
 * beyond the end with the last one, and cursors may lead back.
 *
 * A walk that meets an answer it cannot use is given up, told in the log, and begun anew after a
 * pause: what was read of it would show the rest as missing.
 */
#ifndef HTTP_SWEEP_H
#define HTTP_SWEEP_H

#include "br_buf.h"
#include "message.h"

struct http_swept {    /* one number */
	size_t at, n;  /* in texts */
	uint64_t hash; /* 0: only that it is there */
};

struct http_sweep {
	size_t record; /* being walked */
	int64_t page;  /* of the list, from 1 */
	char *cursor;  /* malloc'ed; NULL: the first page */
	struct br_buf texts;
	struct http_swept *found;
	size_t n, room;
	size_t *slots; /* hash table of found while walking: index + 1, twice as many as room */
	bool telling;  /* the walk is over and is being told */
	size_t told;
	unsigned troubles; /* answers in a row that said "later" */
};

struct http_state;
void http_sweep(void *state);
void http_sweep_drop(struct http_state *s);

#endif
