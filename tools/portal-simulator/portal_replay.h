/*
 * portal_replay.h - Idempotency-Key: a call sent again with its key gets the answer of the first.
 *
 * A key belongs to one app, method and path. Only successes are kept, in the transaction of their
 * effects: so either both are there or neither, and a refused call may be corrected and sent again
 * under the same key.
 */
#ifndef PORTAL_REPLAY_H
#define PORTAL_REPLAY_H

#include "portal.h"

struct replay {
	char scope[300]; /* "" = the call has no key, or keys are switched off */
	char key[256];
	char fingerprint[HASH_HEX];
	bool claimed;
};

/* Notes that the call is under way. CODE_OK, or refused: bad key, or the same one is under way. */
int replay_begin(struct replay *r, const struct request *rq, struct reply *rp);
void replay_end(struct replay *r);
/* Inside the transaction: true when the reply is decided, by an earlier answer or by a refusal. */
bool replay_find(const struct replay *r, struct db *db, struct reply *rp);
/* Inside the transaction: keeps a success; its body is rendered into rp->text. */
void replay_keep(const struct replay *r, struct db *db, struct reply *rp);

#endif
