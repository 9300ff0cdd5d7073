/*
 * portal_server.h - HTTP: takes calls in, runs them, and sends the answers, faulty ones included.
 */
#ifndef PORTAL_SERVER_H
#define PORTAL_SERVER_H

#include "portal.h"

/* NULL after saying on stderr why not. A thread for each connection: a call that is made slow on
 * purpose must not hold up any other, and a few hundred connections are all it will ever have. */
struct MHD_Daemon *server_start(struct portal *p);
uint16_t server_port(struct MHD_Daemon *daemon);
/* Ends waits, then connections. */
void server_stop(struct portal *p, struct MHD_Daemon *daemon);

#endif
