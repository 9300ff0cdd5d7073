/*
 * br_http.h - libcurl multi on the loop: requests with time-outs, keep-alive pool, answers through
 * callbacks.
 *
 * curl's own retry of a reused connection is never trusted: any early close of a request that may
 * have been sent is reported as ambiguous, and the caller decides.
 *
 * HTTP/1.1 over http and https (TLS 1.2 or later) only; redirects are answers like any other;
 * certificates are checked, and one that is not good is an error of its own (HTTP_TLS_*); proxies
 * of the environment and .netrc are not used. Needs a loop made by br_loop_new() (it ignores
 * SIGPIPE). Error texts leave out the URL's query and user.
 */
#ifndef BR_HTTP_H
#define BR_HTTP_H

#include "br_loop.h"

struct br_http;
struct br_http_request {
	const char *method; /* "GET", "POST", ... */
	const char *url;
	const char *const
		*headers;   /* "Name: value", NULL-terminated; may be NULL; no line breaks */
	struct br_str body; /* copied */
	int64_t timeout_ms; /* whole call, waiting for a free connection too; connect time-out is
			       the smaller of it and 5 s */
	size_t max_body;    /* bytes of answer accepted; more is an error */
};
enum br_http_outcome {
	BR_HTTP_ANSWER,	  /* status, headers and body are there */
	BR_HTTP_NOT_SENT, /* could not connect: the server saw nothing */
	BR_HTTP_UNKNOWN,  /* the request may have reached the server; no whole answer (or one over
			     max_body) */
};
struct br_http_answer {
	enum br_http_outcome outcome;
	long status; /* may be known for an UNKNOWN too; 0 = none came */
	struct br_str body;
	/* borrowed for the callback; NULL when absent; name compared without case */
	const struct br_http_headers *headers;
	int64_t took_us;
	const struct br_err *err; /* when outcome is not ANSWER */
};
typedef void br_http_fn(void *arg, const struct br_http_answer *answer);

/* Files in PEM. */
struct br_http_tls {
	const char *ca_file;		  /* whom to trust; NULL: whom this machine trusts */
	const char *cert_file, *key_file; /* ours; NULL: none; the key may be in cert_file */
	const char *key_password;
	bool unchecked; /* anybody may be the server: neither its certificate nor its name counts */
};
/* tls: NULL for the defaults; kept, not copied. */
struct br_http *br_http_new(struct br_loop *l, unsigned max_connections,
	const struct br_http_tls *tls, struct br_err *err);
void br_http_free(struct br_http
		*h); /* running calls are dropped without callbacks; may be called from one */
/* Takes copies of everything. fn is called exactly once, from the loop, if this returns 0; it may
 * send again. Calls beyond max_connections wait for a free one. -BR_E_HTTP_REQUEST when the request
 * cannot be written down. */
int br_http_send(struct br_http *h, const struct br_http_request *req, br_http_fn *fn, void *arg,
	struct br_err *err);
/* The first header of this name, BR_STR_NONE if absent; blanks around the value removed. */
struct br_str br_http_header(const struct br_http_answer *answer, const char *name);
size_t br_http_running(const struct br_http *h);

#endif
