/*
 * http_call.h - one call: templates filled in, signed, sent, and the answer put into a class.
 */
#ifndef HTTP_CALL_H
#define HTTP_CALL_H

#include "br_http.h"
#include "http_config.h"

/* What templates may name: {lid} {cursor} {limit} {page} {did} {app_key} {token} {timestamp} (ms)
 * {nonce} {method} {path} (with query) {body} {body_hash} (hex, in the signature's own hash)
 * {signature}, and any column of the record by its name; {{} is a brace. Which of them have a value
 * depends on the place; lint tells the others (http_lint_words.c). */
struct http_vars {
	struct br_str lid, cursor, limit, page, did, token, timestamp, nonce, method, path, body,
		body_hash, signature;
	const struct http_options *o;
	const struct shape *shape;
	const struct image *set, *base; /* columns: set first */
	unsigned part;
	struct br_str key; /* element */
};

struct http_client; /* connection to one portal: token, signature, pool */
struct http_reply {
	enum http_class what;
	enum br_http_outcome outcome; /* NOT_SENT and UNKNOWN come with what = RETRY */
	long status;
	struct br_str code, text;     /* the portal's own */
	const struct http_node *body; /* NULL when it was no JSON */
	struct br_str etag;
	bool unsure; /* what was asked may have been done all the same: no answer, an error page, a
			5xx the table does not know by its code */
	bool replayed;
	int64_t retry_after_ms; /* 0 = not said */
	const struct br_err *err;
};
typedef void http_reply_fn(void *arg, const struct http_reply *reply);

struct http_client *http_client_new(
	struct br_loop *l, const struct http_site *site, struct br_err *err);
void http_client_free(struct http_client *c);
/* Sends it, with a token if the portal wants one (a refused token is renewed once by itself). a:
 * where everything of the call and its answer lives, until after fn. extra: header lines,
 * NULL-terminated, may be NULL. deadline_us (monotonic, 0 = none): the call has ended by then; it
 * is not made when less than HTTP_LEAST_MS are left, and then ends as NOT_SENT. No more calls than
 * `connections` are out at a time, the others wait in order, as all do while the portal has told us
 * to (Retry-After). fn is called exactly once, from the loop, never from inside. */
#define HTTP_LEAST_MS 100
int http_client_send(struct http_client *c, const char *method, struct br_str path,
	struct br_str body, const char *const *extra, int64_t deadline_us, struct br_arena *a,
	http_reply_fn *fn, void *arg, struct br_err *err);
/* What an answer means by the table, then by HTTP's own rules. *unsure: see http_reply. json: the
 * body was JSON. */
enum http_class http_classify(
	const struct http_answers *t, long status, struct br_str code, bool json, bool *unsure);
/* The address of a call as error texts have it (br_url_shown). Returns buf. */
char *http_shown(const struct http_options *o, struct br_str path, char *buf, size_t size);
/* Fills a template. for_url: values are percent-encoded. */
struct br_str http_fill(
	struct br_str template, const struct http_vars *v, bool for_url, struct br_arena *a);
/* Lower-case hex of bytes, of the HMAC, and of the plain hash. */
struct br_str http_hex(const unsigned char *bytes, unsigned n, struct br_arena *a);
struct br_str http_hmac(
	enum http_hmac algorithm, struct br_str key, struct br_str text, struct br_arena *a);
struct br_str http_hash(enum http_hmac algorithm, struct br_str text, struct br_arena *a);

#endif
