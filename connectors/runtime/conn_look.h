/*
 * conn_look.h - reading a system without taking part: no Kafka, no epoch, no bridge.
 *
 * For people who want to know what stands in a system now (reconciliation). A kind is opened as the
 * runtime opens it, but told that it may only read (conn_only_looks), so nothing there is touched:
 * no table of ours is made, no fence is taken, no command ever comes. Each call waits for its end;
 * what is read is told through the events while it runs, and lives only until they return.
 */
#ifndef CONN_LOOK_H
#define CONN_LOOK_H

#include "conn_kind.h"

struct conn_look;

struct conn_look_events {
	/* One chunk of the walk: all keys in [lo, hi], as in conn_digest(). */
	void (*digest)(void *arg, const struct conn_record *r, struct br_str lo, struct br_str hi,
		const struct msg_digest *d, size_t n);
	/* A record as it stands. img NULL: it is not there, or, with err, it is no image. */
	void (*record)(void *arg, const struct conn_record *r, struct br_str lid,
		const struct image *img, const struct br_err *err);
	void *arg;
};

/*
 * Opens the system with what the bridge would tell its connector in BEGIN (spec: a JSON array, one
 * object per record). NULL with err: what is wrong with the connection or with the tables. events
 * are borrowed.
 */
struct conn_look *conn_look_new(const struct cfg_site *site, const struct cfg_system *system,
	const struct conn_kind *kind, struct br_str spec, const struct conn_look_events *events,
	struct br_err *err);
void conn_look_free(struct conn_look *k);

/* Does the kind walk over all keys? If not, conn_look_feed() tells what it lists, which need not be
 * everything, and the rest is asked for by its keys. */
bool conn_look_walks(const struct conn_look *k);
/* The next chunk of the walk over all records; *done: that was the last. 0 or -code. */
int conn_look_walk(struct conn_look *k, bool *done, struct br_err *err);
/* The next page of what the system lists, from its beginning; *more: there is another. */
int conn_look_feed(struct conn_look *k, bool *more, struct br_err *err);
/* Reads these records; each is told, there or not. */
int conn_look_read(struct conn_look *k, struct br_str record, const struct br_str *lids, size_t n,
	struct br_err *err);

#endif
