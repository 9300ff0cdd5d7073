/*
 * portal.h - the program's one context, and what a call is: a request and a reply.
 */
#ifndef PORTAL_H
#define PORTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <microhttpd.h>

#include "portal_auth.h"
#include "portal_db.h"
#include "portal_faults.h"
#include "portal_options.h"
#include "portal_settings.h"
#include "portal_stats.h"

struct portal {
	const struct options *options;
	struct db writer, reader;
	struct auth auth;
	struct settings_box settings;
	struct faults faults;
	struct stats stats;
	/* Waits of slow calls: ended early by portal_wake(), so that the program can stop at any
	 * time and a reset leaves no call of an earlier test behind. */
	pthread_mutex_t wait_lock;
	pthread_cond_t wait_end;
	unsigned wakes;
	bool stopping;
};

/* Codes of the interface; README.md says when each is answered. */
enum {
	CODE_OK = 200,
	CODE_SIGN = 4001,
	CODE_SKEW = 4002,
	CODE_DUPLICATE = 4003,
	CODE_TOKEN = 4005,
	CODE_NOT_CLAIMED = 4011,
	CODE_BAD_VALUE = 4012,
	CODE_NO_PARENT = 4013,
	CODE_STATE = 4014,
	CODE_UNKNOWN = 4040,
	CODE_METHOD = 4050,
	CODE_IN_PROGRESS = 4090,
	CODE_PRECONDITION = 4120,
	CODE_TOO_LARGE = 4130,
	CODE_KEY_REUSED = 4220,
	CODE_SLOW_DOWN = 4290,
	CODE_BUSY = 5000,
	CODE_CLOSED = 5001,
};

struct request {
	struct MHD_Connection *connection;
	const char *method;
	const char *path;   /* without the query */
	const char *target; /* as it came, with the query */
	const char *body;   /* ends with a NUL that is not counted */
	size_t body_size;
	bool loopback;
	bool wants_json;   /* Accept: application/json */
	char who[80];	   /* the app key, "applicant" or "clerk" */
	const char *actor; /* "app" or "web" */
	char part[64];	   /* what stands for the * of the route */
	struct fault_plan plan;
	struct settings settings;
};

struct reply {
	int code;
	char msg[400];
	json_t *data;	 /* owned; NULL becomes null */
	char etag[32];	 /* "" = none */
	int retry_after; /* seconds, 0 = none */
	bool replay;	 /* the stored answer of an earlier call */
	char *text;	 /* owned; a finished body instead of code, msg and data */
	size_t text_size;
	const char *type; /* of text */
	unsigned status;  /* HTTP status, 0 = by code */
	char location[160];
};

/* Header or query value, NULL when there is none. */
const char *request_header(const struct request *rq, const char *name);
const char *request_query(const struct request *rq, const char *name);

/* The reply refuses; field may be NULL, otherwise data names it. Returns code. */
int reply_refuse(struct reply *rp, int code, const char *field, const char *msg);
/* Takes data. */
int reply_ok(struct reply *rp, json_t *data);
void reply_clear(struct reply *rp);
/* The body of a reply without text; to be freed. */
char *reply_render(const struct reply *rp);

/* Waits; portal_wake() ends all waits of the moment, and with stop also those to come. */
void portal_wait(struct portal *p, int64_t ms);
void portal_wake(struct portal *p, bool stop);

#endif
