/*
 * http_client.c - the token, the signature, the pool, and what an answer means.
 */
#include "http_call.h"

#include "br_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define TOKEN_ARENA	  (1u << 20)
#define AUTH_TRIES	  2
#define RETRY_AFTER_MAX_S 86400
#define HOLD_MAX_MS                                                                                \
	60000 /* a portal that asks for more is asked again in between, to notice that it opened   \
		 early */

struct http_client {
	struct br_loop *loop;
	const struct http_site *site;
	struct br_http *http;
	char *token;
	int64_t token_until_us; /* monotonic; 0 = until refused */
	uint64_t token_number;	/* rises with every new one */
	struct call *waiting;	/* for the token */
	struct br_arena token_arena;
	bool fetching;
	struct call *queue, **queue_end;
	size_t running;	       /* calls out, the token's not counted */
	int64_t hold_until_us; /* the portal said Retry-After */
	struct br_timer pump;
};

struct call {
	struct http_client *c;
	const char *method;
	struct br_str path, body;
	const char *const *extra;
	int64_t deadline_us;
	struct br_arena *a;
	http_reply_fn *fn;
	void *arg;
	unsigned auth_tries;
	uint64_t token_number;
	struct call *next;
};

static int start_call(struct call *k, struct br_err *err);
static void pump(void *arg);

struct http_client *http_client_new(
	struct br_loop *l, const struct http_site *site, struct br_err *err)
{
	struct http_client *c = calloc(1, sizeof(*c));

	if (!c) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	c->loop = l;
	c->site = site;
	br_arena_init(&c->token_arena, TOKEN_ARENA);
	c->queue_end = &c->queue;
	c->pump = (struct br_timer){.fn = pump, .arg = c};
	c->http = br_http_new(l, (unsigned)site->o->connections, &site->tls, err);
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
	br_timer_set(c->loop, &c->pump, -1);
	br_http_free(c->http);
	br_arena_release(&c->token_arena);
	free(c->token);
	free(c);
}

char *http_shown(const struct http_options *o, struct br_str path, char *buf, size_t size)
{
	size_t n = 0;

	while (n < path.n && path.p[n] != '?' && path.p[n] != '#')
		n++;
	br_url_shown(o->base_url.p, buf, size);
	snprintf(buf + strlen(buf), size - strlen(buf), "%.*s", (int)n, path.p ? path.p : "");
	return buf;
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

enum http_class http_classify(
	const struct http_answers *t, long status, struct br_str code, bool json, bool *unsure)
{
	const struct http_rule *r = t->rules;
	enum http_class what;

	while (r && !rule_fits(r, status, code, json))
		r = r->next;
	what = r ? r->what : by_status(status, json);
	/* only a code is the portal's own word that nothing was done; an error page may come from a
	 * gateway whose server went on */
	*unsure = what == HTTP_UNKNOWN || (what == HTTP_RETRY && !(r && r->code.n) &&
						  (!json || status >= 500 || status == 408));
	if (what == HTTP_UNKNOWN)
		return HTTP_RETRY;
	if (r || what != HTTP_OK || !t->ok_by_code)
		return what;
	/* "200 OK" around a code nobody told us of is no success; without any code it is not even
	 * an answer of theirs */
	*unsure = !code.n;
	return code.n ? HTTP_CORRECT : HTTP_RETRY;
}

static void read_answer(const struct http_client *c, const struct br_http_answer *answer,
	struct br_arena *a, struct http_reply *r)
{
	struct br_str body = br_arena_copy(a, answer->body), after;
	struct br_err ignored;

	*r = (struct http_reply){.outcome = answer->outcome,
		.what = HTTP_RETRY,
		.status = answer->status,
		.err = answer->err,
		.unsure = answer->outcome == BR_HTTP_UNKNOWN};
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
		r->retry_after_ms = r->retry_after_ms < 0 ? 0
				    : r->retry_after_ms > RETRY_AFTER_MAX_S
					    ? RETRY_AFTER_MAX_S * 1000
					    : r->retry_after_ms * 1000;
	r->what = http_classify(
		&c->site->answers, answer->status, r->code, r->body != NULL, &r->unsure);
	if (!r->text.n && !r->body)
		r->text = BR_STR("the answer is no JSON");
	if (!r->code.n)
		r->code = br_arena_printf(a, "%ld", answer->status);
}

/* ---- token ---- */

/* One call is over: its place is free for the next. */
static void call_ended(struct http_client *c)
{
	c->running--;
	if (c->queue)
		br_timer_set(c->loop, &c->pump, 0);
}

static void end_call(struct call *k, const struct http_reply *r)
{
	call_ended(k->c);
	k->fn(k->arg, r);
}

/* No token: what waits for one was not sent. */
static void give_up_waiting(struct http_client *c, const struct http_reply *why)
{
	struct call *k = c->waiting;
	struct http_reply r = {.what = HTTP_RETRY,
		.outcome = BR_HTTP_NOT_SENT,
		.retry_after_ms = why->retry_after_ms,
		.err = why->err};
	char url[512], text[300];
	struct br_err err;

	if (!r.err) {
		http_shown(c->site->o, c->site->auth.path, url, sizeof(url));
		snprintf(text, sizeof(text), "%ld %.*s %.*s", why->status, BR_STR_ARG(why->code),
			BR_STR_ARG(why->text));
		br_err_clear(&err);
		/* a page in front of the portal says nothing of the secret */
		if (!why->body) {
			snprintf(text, sizeof(text), "%ld", why->status);
			br_err_set(&err, BR_E_HTTP_NO_JSON, "url", url, "status", text, NULL);
		} else {
			br_err_set(&err, BR_E_HTTP_REFUSED_LOGIN, "url", url, "why", text, NULL);
		}
		r.err = &err;
	}
	c->waiting = NULL;
	while (k) {
		struct call *next = k->next;

		end_call(k, &r);
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
	c->token_number++;
	c->token_until_us = 0;
	if (br_json_int64(http_tree_text(http_tree_at(r.body, c->site->auth.expires)), &seconds) &&
		seconds > 0)
		c->token_until_us =
			br_loop_now(c->loop) + seconds * 900000; /* a tenth before its end */
	k = c->waiting;
	c->waiting = NULL;
	while (k) {
		struct call *next = k->next;

		br_err_clear(&err);
		if (start_call(k, &err) < 0) {
			struct http_reply bad = {
				.what = HTTP_RETRY, .outcome = BR_HTTP_NOT_SENT, .err = &err};

			end_call(k, &bad);
		}
		k = next;
	}
}

static void fill_moment(struct http_vars *v, struct br_arena *a)
{
	unsigned char random[16];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		memset(random, 0, sizeof(random));
	v->timestamp = br_arena_printf(a, "%" PRId64, br_wall_us() / 1000);
	v->nonce = http_hex(random, sizeof(random), a);
}

static struct br_str json_body(
	const struct http_pair *pairs, size_t n, const struct http_vars *v, struct br_arena *a)
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
	struct br_http_request req = {.method = "POST",
		.headers = headers,
		.timeout_ms = s->o->timeout_ms,
		.max_body = 1u << 20};

	if (c->fetching)
		return 0;
	br_arena_reset(&c->token_arena);
	fill_moment(&v, &c->token_arena);
	if (s->auth.sign.algorithm)
		v.signature = http_hmac(s->auth.sign.algorithm, s->o->secret,
			http_fill(s->auth.sign.text, &v, false, &c->token_arena), &c->token_arena);
	req.body = json_body(s->auth.body, s->auth.nbody, &v, &c->token_arena);
	req.url = br_arena_printf(
		&c->token_arena, "%.*s%.*s", BR_STR_ARG(s->o->base_url), BR_STR_ARG(s->auth.path))
			  .p;
	if (br_arena_failed(&c->token_arena))
		return br_err_set(err, BR_E_NOMEM, NULL);
	if (br_http_send(c->http, &req, on_token, c, err) < 0)
		return -(int)br_err_code(err);
	c->fetching = true;
	return 0;
}

/* ---- a call ---- */

static void on_answer(void *arg, const struct br_http_answer *answer)
{
	struct call *k = arg;
	struct http_client *c = k->c;
	struct http_reply r;
	struct br_err err;

	read_answer(c, answer, k->a, &r);
	if (r.what == HTTP_AUTH && k->auth_tries < AUTH_TRIES) {
		k->auth_tries++;
		/* many calls are refused with the old token; only the first of them throws it away
		 */
		if (k->token_number == c->token_number) {
			free(c->token);
			c->token = NULL;
		}
		br_err_clear(&err);
		if (start_call(k, &err) == 0)
			return;
	}
	if (r.what == HTTP_AUTH)
		r.what = HTTP_RETRY;
	if (r.what == HTTP_RETRY && r.retry_after_ms > 0)
		c->hold_until_us =
			br_loop_now(c->loop) +
			(r.retry_after_ms < HOLD_MAX_MS ? r.retry_after_ms : HOLD_MAX_MS) * 1000;
	end_call(k, &r);
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* Longest time this call may take. */
static int64_t time_left_ms(const struct call *k)
{
	int64_t most = k->c->site->o->timeout_ms, left;

	if (!k->deadline_us)
		return most;
	left = (k->deadline_us - br_loop_now(k->c->loop)) / 1000;
	return left < most ? left : most;
}

/* It is not even tried. */
static int cannot(const struct call *k, const char *why, struct br_err *err)
{
	char url[512];

	return br_err_set(err, BR_E_HTTP_UNREACHABLE, "url",
		http_shown(k->c->site->o, BR_STR_NONE, url, sizeof(url)), "why", why, NULL);
}

/* Sends it, or lets it wait for the token. */
static int start_call(struct call *k, struct br_err *err)
{
	struct http_client *c = k->c;
	const struct http_site *s = c->site;
	struct http_vars v = {
		.o = s->o, .path = k->path, .body = k->body, .method = br_str_z(k->method)};
	struct br_http_request req = {.method = k->method,
		.body = k->body,
		.timeout_ms = time_left_ms(k),
		.max_body = (size_t)s->o->max_body};
	const char **headers;
	size_t n = 0, extra = count(k->extra);

	if (s->auth.on &&
		(!c->token || (c->token_until_us && br_loop_now(c->loop) > c->token_until_us))) {
		int rc = fetch_token(c, err);

		if (rc < 0)
			return rc;
		k->next = c->waiting;
		c->waiting = k;
		return 0;
	}
	if (time_left_ms(k) < HTTP_LEAST_MS && k->deadline_us)
		return cannot(k, "no time is left of the lease", err);
	k->token_number = c->token_number;
	v.token = br_str_z(c->token);
	/* only these two are filled from here */
	if (s->sign.algorithm || s->nheaders) {
		fill_moment(&v, k->a);
		v.body_hash = http_hash(s->sign.algorithm, k->body, k->a);
	}
	if (s->sign.algorithm)
		v.signature = http_hmac(s->sign.algorithm, s->o->secret,
			http_fill(s->sign.text, &v, false, k->a), k->a);
	headers = br_arena_array(k->a, const char *, s->nheaders + extra + 2);
	if (!headers)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < s->nheaders; i++) {
		struct br_str value = http_fill(s->headers[i].value, &v, false, k->a);

		headers[n++] = br_arena_printf(
			k->a, "%.*s: %.*s", BR_STR_ARG(s->headers[i].name), BR_STR_ARG(value))
				       .p;
	}
	for (size_t i = 0; i < extra; i++)
		headers[n++] = k->extra[i];
	if (k->body.n)
		headers[n++] = "Content-Type: application/json";
	req.headers = headers;
	req.url = br_arena_printf(k->a, "%.*s%.*s", BR_STR_ARG(s->o->base_url), BR_STR_ARG(k->path))
			  .p;
	if (br_arena_failed(k->a))
		return br_err_set(err, BR_E_NOMEM, NULL);
	return br_http_send(c->http, &req, on_answer, k, err);
}

/* Timer: starts what waits, as far as there is room and the portal lets us. */
static void pump(void *arg)
{
	struct http_client *c = arg;
	int64_t wait = c->hold_until_us - br_loop_now(c->loop);

	while (c->queue && c->running < (size_t)c->site->o->connections) {
		struct call *k = c->queue;
		struct br_err err;

		/* a call that would be too late by then is told so now */
		if (wait > 0 && !(k->deadline_us && k->deadline_us < c->hold_until_us)) {
			br_timer_set(c->loop, &c->pump, wait);
			return;
		}
		c->queue = k->next;
		if (!c->queue)
			c->queue_end = &c->queue;
		k->next = NULL;
		c->running++;
		br_err_clear(&err);
		if (wait > 0)
			cannot(k, "it has asked us to wait (Retry-After)", &err);
		if (wait > 0 || start_call(k, &err) < 0) {
			struct http_reply bad = {.what = HTTP_RETRY,
				.outcome = BR_HTTP_NOT_SENT,
				.err = &err,
				.retry_after_ms = wait > 0 ? wait / 1000 : 0};

			end_call(k, &bad);
		}
	}
}

int http_client_send(struct http_client *c, const char *method, struct br_str path,
	struct br_str body, const char *const *extra, int64_t deadline_us, struct br_arena *a,
	http_reply_fn *fn, void *arg, struct br_err *err)
{
	struct call *k = br_arena_new(a, struct call);

	if (!k)
		return br_err_set(err, BR_E_NOMEM, NULL);
	*k = (struct call){.c = c,
		.method = method,
		.path = path,
		.body = body,
		.extra = extra,
		.deadline_us = deadline_us,
		.a = a,
		.fn = fn,
		.arg = arg};
	*c->queue_end = k;
	c->queue_end = &k->next;
	br_timer_set(c->loop, &c->pump, 0);
	return 0;
}
