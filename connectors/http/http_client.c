/*
 * http_client.c - the token, the signature, the pool, and what an answer means.
 */
#include "http_call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define TOKEN_ARENA (1u << 20)
#define AUTH_TRIES 2

struct http_client {
	struct br_loop *loop;
	const struct http_site *site;
	struct br_http *http;
	char *token;
	int64_t token_until_us; /* monotonic; 0 = until refused */
	struct call *waiting;   /* for the token */
	struct br_arena token_arena;
	bool fetching;
};

struct call {
	struct http_client *c;
	const char *method;
	struct br_str path, body;
	const char *const *extra;
	int64_t timeout_ms;
	struct br_arena *a;
	http_reply_fn *fn;
	void *arg;
	unsigned auth_tries;
	struct call *next;
};

static int start_call(struct call *k, struct br_err *err);

struct http_client *http_client_new(struct br_loop *l, const struct http_site *site, struct br_err *err)
{
	struct http_client *c = calloc(1, sizeof(*c));

	if (!c) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	c->loop = l;
	c->site = site;
	br_arena_init(&c->token_arena, TOKEN_ARENA);
	c->http = br_http_new(l, (unsigned)site->o->connections, site->o->ca_file.n ? site->o->ca_file.p : NULL, err);
	if (!c->http) {
		http_client_free(c);
		return NULL;
	}
	return c;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	br_http_free(c->http);
	br_arena_release(&c->token_arena);
	free(c->token);
	free(c);
}

/* ---- what an answer means ---- */

static bool rule_fits(const struct http_rule *r, long status, struct br_str code, bool json)
{
	if (r->status_lo && (status < r->status_lo || status > r->status_hi))
		return false;
	if (r->text_like && json)
		return false;
	return r->code.n == 0 || br_str_eq(r->code, code);
}

/* Where the table is silent: HTTP's own meaning. */
static enum http_class by_status(long status, bool json)
{
	if (status >= 200 && status < 300)
		return json ? HTTP_OK : HTTP_RETRY;
	switch (status) {
	case 401:
		return HTTP_AUTH;
	case 404:
	case 410:
		return HTTP_MISSING;
	case 408:
	case 409: /* the same key is being worked on */
	case 425:
	case 429:
		return HTTP_RETRY;
	case 412:
		return HTTP_STALE;
	default:
		return status >= 400 && status < 500 ? HTTP_CORRECT : HTTP_RETRY;
	}
}

static enum http_class classify(const struct http_answers *t, long status, struct br_str code, bool json)
{
	for (const struct http_rule *r = t->rules; r; r = r->next)
		if (rule_fits(r, status, code, json))
			return r->what;
	return by_status(status, json);
}

static void read_answer(const struct http_client *c, const struct br_http_answer *answer, struct br_arena *a, struct http_reply *r)
{
	struct br_str body = br_arena_copy(a, answer->body), after;
	struct br_err ignored;

	*r = (struct http_reply){.outcome = answer->outcome, .what = HTTP_RETRY, .status = answer->status, .err = answer->err};
	if (answer->outcome != BR_HTTP_ANSWER)
		return;
	br_err_clear(&ignored);
	r->body = body.n ? http_tree_read(body, a, &ignored) : NULL;
	r->code = http_tree_text(http_tree_at(r->body, c->site->answers.code));
	r->text = http_tree_text(http_tree_at(r->body, c->site->answers.text));
	r->etag = br_arena_copy(a, br_http_header(answer, "ETag"));
	r->replayed = br_http_header(answer, "Idempotent-Replay").n > 0;
	after = br_http_header(answer, "Retry-After");
	if (after.n && br_json_int64(after, &r->retry_after_ms))
		r->retry_after_ms *= 1000;
	r->what = classify(&c->site->answers, answer->status, r->code, r->body != NULL);
	if (!r->text.n && !r->body)
		r->text = BR_STR("the answer is no JSON");
	if (!r->code.n)
		r->code = br_arena_printf(a, "%ld", answer->status);
}

/* ---- token ---- */

static void give_up_waiting(struct http_client *c, const struct http_reply *why)
{
	struct call *k = c->waiting;

	c->waiting = NULL;
	while (k) {
		struct call *next = k->next;
		struct http_reply r = *why;

		r.what = HTTP_RETRY;
		r.outcome = BR_HTTP_NOT_SENT;
		r.body = NULL;
		k->fn(k->arg, &r);
		k = next;
	}
}

static void on_token(void *arg, const struct br_http_answer *answer)
{
	struct http_client *c = arg;
	struct http_reply r;
	struct br_str token;
	struct call *k;
	struct br_err err;
	int64_t seconds;

	c->fetching = false;
	read_answer(c, answer, &c->token_arena, &r);
	token = http_tree_text(http_tree_at(r.body, c->site->auth.token));
	if (r.what != HTTP_OK || !token.n) {
		give_up_waiting(c, &r);
		return;
	}
	free(c->token);
	c->token = strndup(token.p, token.n);
	c->token_until_us = 0;
	if (br_json_int64(http_tree_text(http_tree_at(r.body, c->site->auth.expires)), &seconds) && seconds > 0)
		c->token_until_us = br_loop_now(c->loop) + seconds * 900000; /* a tenth before its end */
	k = c->waiting;
	c->waiting = NULL;
	while (k) {
		struct call *next = k->next;

		br_err_clear(&err);
		if (start_call(k, &err) < 0) {
			struct http_reply bad = {.what = HTTP_RETRY, .outcome = BR_HTTP_NOT_SENT, .err = &err};

			k->fn(k->arg, &bad);
		}
		k = next;
	}
}

static void fill_moment(struct http_vars *v, struct br_arena *a)
{
	unsigned char random[12];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		memset(random, 0, sizeof(random));
	v->timestamp = br_arena_printf(a, "%" PRId64, br_wall_us() / 1000);
	v->nonce = http_hash(HTTP_HMAC_SHA256, (struct br_str){(char *)random, sizeof(random)}, a);
	v->nonce.n = v->nonce.n > 32 ? 32 : v->nonce.n;
	v->nonce = br_arena_copy(a, v->nonce);
}

static struct br_str json_body(const struct http_pair *pairs, size_t n, const struct http_vars *v, struct br_arena *a)
{
	struct br_buf b;
	struct br_jw w;
	struct br_str out;

	br_buf_init(&b, 1u << 20);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	for (size_t i = 0; i < n; i++) {
		br_jw_key(&w, pairs[i].name);
		br_jw_str(&w, http_fill(pairs[i].value, v, false, a));
	}
	br_jw_end_object(&w);
	out = br_arena_copy(a, br_buf_str(&b));
	br_buf_release(&b);
	return out;
}

static int fetch_token(struct http_client *c, struct br_err *err)
{
	const struct http_site *s = c->site;
	struct http_vars v = {.o = s->o};
	static const char *const headers[] = {"Content-Type: application/json", NULL};
	struct br_http_request req = {.method = "POST", .headers = headers, .timeout_ms = s->o->timeout_ms, .max_body = 1u << 20};

	if (c->fetching)
		return 0;
	br_arena_reset(&c->token_arena);
	fill_moment(&v, &c->token_arena);
	if (s->auth.sign.algorithm)
		v.signature = http_hmac(s->auth.sign.algorithm, s->o->secret, http_fill(s->auth.sign.text, &v, false, &c->token_arena), &c->token_arena);
	req.body = json_body(s->auth.body, s->auth.nbody, &v, &c->token_arena);
	req.url = br_arena_printf(&c->token_arena, "%.*s%.*s", BR_STR_ARG(s->o->base_url), BR_STR_ARG(s->auth.path)).p;
	c->fetching = true;
	return br_http_send(c->http, &req, on_token, c, err);
}

/* ---- a call ---- */

static void on_answer(void *arg, const struct br_http_answer *answer)
{
	struct call *k = arg;
	struct http_client *c = k->c;
	struct http_reply r;
	struct br_err err;

	read_answer(c, answer, k->a, &r);
	if (r.what == HTTP_AUTH && c->site->auth.on && k->auth_tries < AUTH_TRIES) {
		free(c->token);
		c->token = NULL;
		br_err_clear(&err);
		if (start_call(k, &err) == 0)
			return;
	}
	if (r.what == HTTP_AUTH)
		r.what = HTTP_RETRY;
	k->fn(k->arg, &r);
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static int start_call(struct call *k, struct br_err *err)
{
	struct http_client *c = k->c;
	const struct http_site *s = c->site;
	struct http_vars v = {.o = s->o, .path = k->path, .body = k->body, .method = br_str_z(k->method)};
	struct br_http_request req = {.method = k->method, .body = k->body, .timeout_ms = k->timeout_ms, .max_body = (size_t)s->o->max_body};
	const char **headers;
	size_t n = 0, extra = count(k->extra);

	if (s->auth.on && (!c->token || (c->token_until_us && br_loop_now(c->loop) > c->token_until_us))) {
		int rc = fetch_token(c, err);

		if (rc < 0)
			return rc;
		k->auth_tries++;
		k->next = c->waiting;
		c->waiting = k;
		return 0;
	}
	fill_moment(&v, k->a);
	v.token = br_str_z(c->token);
	v.body_hash = http_hash(s->sign.algorithm, k->body, k->a);
	if (s->sign.algorithm)
		v.signature = http_hmac(s->sign.algorithm, s->o->secret, http_fill(s->sign.text, &v, false, k->a), k->a);
	headers = br_arena_array(k->a, const char *, s->nheaders + extra + 2);
	if (!headers)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < s->nheaders; i++) {
		struct br_str value = http_fill(s->headers[i].value, &v, false, k->a);

		headers[n++] = br_arena_printf(k->a, "%.*s: %.*s", BR_STR_ARG(s->headers[i].name), BR_STR_ARG(value)).p;
	}
	for (size_t i = 0; i < extra; i++)
		headers[n++] = k->extra[i];
	if (k->body.n)
		headers[n++] = "Content-Type: application/json";
	req.headers = headers;
	req.url = br_arena_printf(k->a, "%.*s%.*s", BR_STR_ARG(s->o->base_url), BR_STR_ARG(k->path)).p;
	if (br_arena_failed(k->a))
		return br_err_set(err, BR_E_NOMEM, NULL);
	return br_http_send(c->http, &req, on_answer, k, err);
}

int http_client_send(struct http_client *c, const char *method, struct br_str path, struct br_str body, const char *const *extra, int64_t timeout_ms,
	struct br_arena *a, http_reply_fn *fn, void *arg, struct br_err *err)
{
	struct call *k = br_arena_new(a, struct call);

	if (!k)
		return br_err_set(err, BR_E_NOMEM, NULL);
	*k = (struct call){.c = c, .method = method, .path = path, .body = body, .extra = extra, .a = a, .fn = fn, .arg = arg};
	k->timeout_ms = timeout_ms > 0 && timeout_ms < c->site->o->timeout_ms ? timeout_ms : c->site->o->timeout_ms;
	return start_call(k, err);
}
