/*
 * portal_call.h - one call from its request to its reply: switches, signature, work.
 */
#ifndef PORTAL_CALL_H
#define PORTAL_CALL_H

#include "portal_api.h"

/* False: the connection is to be closed without an answer. */
bool call_run(struct portal *p, struct request *rq, struct reply *rp);
/* Status and body in the form they are sent. */
unsigned call_status(const struct reply *rp);

#endif
