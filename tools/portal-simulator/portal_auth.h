/*
 * portal_auth.h - who may call: the signature of every call, and tokens.
 *
 * What is signed is written in README.md. A nonce is accepted once while its timestamp is; the
 * list of used ones is in memory, and forgets what the clock check would refuse anyway.
 */
#ifndef PORTAL_AUTH_H
#define PORTAL_AUTH_H

#include <pthread.h>
#include <stdint.h>

struct db;
struct portal;
struct request;
struct reply;
struct nonce;

struct auth {
	pthread_mutex_t lock;
	struct nonce *used;
};

void auth_init(struct auth *a);
void auth_free(struct auth *a);
/* POST /auth/token */
int auth_token(struct portal *p, struct db *db, struct request *rq, struct reply *rp);
/* Checks headers, signature and token of any other call; fills in rq->who. CODE_OK or refused. */
int auth_check(struct portal *p, struct request *rq, struct reply *rp);

#endif
