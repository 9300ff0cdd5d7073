/*
 * curl tells us through two callbacks which sockets to watch and when to wake it; they only note
 * that in the loop, because no curl function may be called from inside them. Everything else runs
 * from the loop: socket_action, then the finished calls.
 *
 * What may have been sent. curl calls `before_request` when it has a connection and is about to
 * write the request. If that never happened, or happened and not one byte was written, the server
 * saw nothing. If it is about to happen a second time, curl is repeating by itself a request that
 * an old connection swallowed: it is stopped there, because only the caller knows whether the
 * request may be repeated. And if the call's time is over by then, it is stopped too: curl counts
 * by a clock that stands still while the machine is suspended.
 */
#include "br_http.h"

#include "br_buf.h"
#include "br_http_tls.h"
#include "br_text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define CONNECT_MS  5000
#define HEADERS_MAX (256 * 1024)
#define KEEP_ROOM   (256 * 1024) /* a larger body buffer is not kept for the next call */

struct br_http_headers {
	struct br_buf lines; /* each ended by \n */
};

struct call {
	struct call *next, **link; /* in running or spare */
	struct br_http *h;
	CURL *easy;
	struct curl_slist *headers;
	char *url; /* as shown in errors */
	br_http_fn *fn;
	void *arg;
	struct br_buf body;
	struct br_http_headers got;
	int64_t begun_us, until_us;
	unsigned requests; /* times curl was about to send it */
	bool too_big, late;
	char why[CURL_ERROR_SIZE];
};

struct br_http {
	struct br_loop *loop;
	CURLM *multi;
	const struct br_http_tls *tls;
	struct br_timer timer;
	struct call *running, *spare;
	size_t nrunning;
	unsigned depth;
	bool doomed;
};

/* ---- between curl and the loop ---- */

static void finished_calls(struct br_http *h);

static void act(struct br_http *h, curl_socket_t fd, int mask)
{
	int running;
	long ms = -1;

	curl_multi_socket_action(h->multi, fd, mask, &running);
	finished_calls(h);
	if (h->doomed)
		return;
	/* curl announces a deadline once. Ask again, should the timer have fired a moment before
	 * it. */
	if (h->nrunning && !br_timer_is_set(&h->timer) && !curl_multi_timeout(h->multi, &ms) &&
		ms >= 0)
		br_timer_set(h->loop, &h->timer, ms * 1000);
}

static void destroy(struct br_http *h);

static void act_and_leave(struct br_http *h, curl_socket_t fd, int mask)
{
	h->depth++;
	act(h, fd, mask);
	if (!--h->depth && h->doomed)
		destroy(h);
}

static void on_socket(void *arg, int fd, short revents)
{
	int mask = (revents & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
		   (revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
		   (revents & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);

	act_and_leave(arg, fd, mask);
}

static void on_timer(void *arg)
{
	act_and_leave(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct br_http *h = arg;
	short events =
		(short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));

	(void)easy;
	(void)socket_arg;
	if (what == CURL_POLL_REMOVE)
		events = 0;
	return br_loop_watch(h->loop, fd, events, on_socket, h) ? -1 : 0;
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
	struct br_http *h = arg;

	(void)multi;
	br_timer_set(h->loop, &h->timer, ms < 0 ? -1 : ms * 1000);
	return 0;
}

/* ---- one call ---- */

static void link_call(struct call **list, struct call *c)
{
	c->next = *list;
	c->link = list;
	if (c->next)
		c->next->link = &c->next;
	*list = c;
}

static void unlink_call(struct call *c)
{
	if (c->link)
		*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->next = NULL;
	c->link = NULL;
}

static void free_call(struct call *c)
{
	if (!c)
		return;
	unlink_call(c);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	br_buf_release(&c->body);
	br_buf_release(&c->got.lines);
	free(c->url);
	free(c);
}

/* Ready for the next request: memory stays, everything said by the last one goes. */
static void clean_call(struct call *c)
{
	curl_easy_reset(c->easy);
	curl_slist_free_all(c->headers);
	c->headers = NULL;
	free(c->url);
	c->url = NULL;
	if (c->body.room > KEEP_ROOM)
		br_buf_release(&c->body);
	br_buf_reset(&c->body);
	br_buf_reset(&c->got.lines);
	c->requests = 0;
	c->too_big = c->late = false;
	c->why[0] = '\0';
}

static struct call *get_call(struct br_http *h)
{
	struct call *c = h->spare;

	if (c) {
		unlink_call(c);
		return c;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->h = h;
	br_buf_init(&c->body, 0);
	br_buf_init(&c->got.lines, HEADERS_MAX);
	c->easy = curl_easy_init();
	if (!c->easy) {
		free_call(c);
		return NULL;
	}
	return c;
}

static int before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct call *c = arg;

	(void)ip;
	(void)local_ip;
	(void)port;
	(void)local_port;
	c->late = br_clock_us() >= c->until_us;
	return c->late || c->requests++ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;

	/* the buffer may have more room than this call allows, left from an earlier one */
	c->too_big = size * n > c->body.max - c->body.n;
	if (!c->too_big)
		br_buf_add(&c->body, p, size * n);
	c->too_big = c->too_big || br_buf_failed(&c->body);
	return c->too_big ? 0 : size * n;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	struct br_buf *lines = &c->got.lines;
	size_t len = size * n;

	/* an interim answer (100, 103) came before */
	if (len >= 5 && !memcmp(p, "HTTP/", 5))
		br_buf_reset(lines);
	while (len && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	br_buf_add(lines, p, len);
	br_buf_addc(lines, '\n');
	c->too_big = c->too_big || br_buf_failed(lines);
	return c->too_big ? 0 : size * n;
}

/* ---- writing the request down ---- */

static char *shown_url(const char *url)
{
	size_t size = strlen(url) + 1;
	char *out = malloc(size);

	return out ? br_url_shown(url, out, size) : NULL;
}

static bool is_token(const char *s)
{
	return *s && !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

static int cannot(struct call *c, const char *why, struct br_err *err)
{
	return br_err_set(err, BR_E_HTTP_REQUEST, "url", c->url, "why", why, NULL);
}

static int add_header(struct call *c, const char *line, struct br_err *err)
{
	struct curl_slist *more;

	/* a value with a line break would smuggle in headers of its own */
	if (strpbrk(line, "\r\n"))
		return cannot(c, "line break in a header", err);
	more = curl_slist_append(c->headers, line);
	if (!more)
		return br_err_set(err, BR_E_NOMEM, NULL);
	c->headers = more;
	return 0;
}

static int add_headers(struct call *c, const char *const *headers, struct br_err *err)
{
	bool typed = false;
	/* curl would wait for "100 Continue", which old servers never say */
	int rc = add_header(c, "Expect:", err);

	for (size_t i = 0; !rc && headers && headers[i]; i++) {
		typed = typed || !strncasecmp(headers[i], "Content-Type:", 13);
		rc = add_header(c, headers[i], err);
	}
	/* nor does curl invent a form where the caller named no type */
	if (!rc && !typed)
		rc = add_header(c, "Content-Type:", err);
	return rc;
}

static bool may_have_body(const char *method)
{
	return !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH");
}

static CURLcode set_method(CURL *e, const struct br_http_request *req)
{
	CURLcode rc = CURLE_OK;

	if (req->body.n || may_have_body(req->method)) {
		rc = curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.n);
		if (!rc)
			rc = curl_easy_setopt(
				e, CURLOPT_COPYPOSTFIELDS, req->body.n ? req->body.p : "");
	} else if (!strcmp(req->method, "HEAD")) {
		return curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	}
	return rc ? rc : curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, req->method);
}

static CURLcode set_safety(CURL *e, const struct br_http *h)
{
	CURLcode rc = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");

	if (!rc)
		rc = curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	if (!rc)
		rc = br_http_tls_set(e, h->tls);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_USERAGENT, "casebridge/" CASEBRIDGE_VERSION);
	return rc;
}

static void set_callbacks(struct call *c)
{
	CURL *e = c->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, c);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
}

static int write_request(struct call *c, const struct br_http_request *req, struct br_err *err)
{
	long ms = req->timeout_ms > 0 ? (long)req->timeout_ms : 1;
	CURLcode rc;

	c->url = shown_url(req->url);
	if (!c->url)
		return br_err_set(err, BR_E_NOMEM, NULL);
	if (!is_token(req->method))
		return cannot(c, "the method is not a word in capitals", err);
	if (add_headers(c, req->headers, err))
		return -(int)br_err_code(err);
	set_callbacks(c);
	rc = set_safety(c->easy, c->h);
	if (!rc)
		rc = curl_easy_setopt(c->easy, CURLOPT_URL, req->url);
	if (!rc)
		rc = curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	if (!rc)
		rc = set_method(c->easy, req);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, ms);
	c->until_us = c->begun_us + ms * 1000;
	curl_easy_setopt(
		c->easy, CURLOPT_CONNECTTIMEOUT_MS, ms < CONNECT_MS ? ms : (long)CONNECT_MS);
	c->body.max = req->max_body;
	return rc ? cannot(c, curl_easy_strerror(rc), err) : 0;
}

static int begin(struct call *c, const struct br_http_request *req, struct br_err *err)
{
	CURLMcode rc;

	if (write_request(c, req, err))
		return -(int)br_err_code(err);
	rc = curl_multi_add_handle(c->h->multi, c->easy);
	return rc ? cannot(c, curl_multi_strerror(rc), err) : 0;
}

int br_http_send(struct br_http *h, const struct br_http_request *req, br_http_fn *fn, void *arg,
	struct br_err *err)
{
	struct call *c = get_call(h);
	struct br_err own;
	int rc;

	if (!err)
		err = &own;
	if (!c)
		return br_err_set(err, BR_E_NOMEM, NULL);
	c->fn = fn;
	c->arg = arg;
	c->begun_us = br_loop_now(h->loop);
	rc = begin(c, req, err);
	if (rc) {
		clean_call(c);
		link_call(&h->spare, c);
		return rc;
	}
	link_call(&h->running, c);
	h->nrunning++;
	return 0;
}

/* ---- answers ---- */

static enum br_http_outcome outcome(const struct call *c, CURLcode rc, long status)
{
	long sent = 0;

	if (rc == CURLE_OK && status >= 200)
		return BR_HTTP_ANSWER;
	curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent);
	return c->requests && sent ? BR_HTTP_UNKNOWN : BR_HTTP_NOT_SENT;
}

static void explain(const struct call *c, CURLcode rc, enum br_http_outcome how, struct br_err *err)
{
	const char *why = *c->why ? c->why : curl_easy_strerror(rc);
	enum br_err_code code = br_http_tls_code(c->easy, rc, why);
	char max[24];

	if (rc == CURLE_ABORTED_BY_CALLBACK && c->late)
		why = "its time was over before it could be sent";
	else if (rc == CURLE_ABORTED_BY_CALLBACK)
		why = "the server closed a kept connection instead of answering";
	snprintf(max, sizeof(max), "%zu",
		br_buf_failed(&c->got.lines) ? c->got.lines.max : c->body.max);
	if (c->too_big)
		br_err_set(err, BR_E_TOO_BIG, "what", c->url, "max", max, NULL);
	else
		br_err_set(err,
			code			  ? code
			: how == BR_HTTP_NOT_SENT ? BR_E_HTTP_UNREACHABLE
						  : BR_E_HTTP_CUT,
			"url", c->url, "why", why, NULL);
}

static void finish(struct br_http *h, struct call *c, CURLcode rc)
{
	struct br_http_answer answer = {.body = br_buf_str(&c->body), .headers = &c->got};
	struct br_err err;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	answer.outcome = outcome(c, rc, answer.status);
	answer.took_us = br_loop_now(h->loop) - c->begun_us;
	if (answer.outcome != BR_HTTP_ANSWER) {
		explain(c, rc, answer.outcome, &err);
		answer.err = &err;
	}
	curl_multi_remove_handle(h->multi, c->easy);
	unlink_call(c);
	h->nrunning--;
	c->fn(c->arg, &answer);
	clean_call(c);
	link_call(&h->spare, c);
}

static void finished_calls(struct br_http *h)
{
	CURLMsg *m;
	int left;

	while (!h->doomed && (m = curl_multi_info_read(h->multi, &left))) {
		CURLcode rc = m->data.result; /* m is gone once the handle is removed */
		char *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		finish(h, (struct call *)(void *)c, rc);
	}
}

struct br_str br_http_header(const struct br_http_answer *answer, const char *name)
{
	struct br_str rest = answer->headers ? br_buf_str(&answer->headers->lines) : BR_STR_NONE;
	size_t n = strlen(name);

	while (rest.n) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t len = end ? (size_t)(end - rest.p) : rest.n;

		if (len > n && rest.p[n] == ':' && !strncasecmp(rest.p, name, n)) {
			struct br_str value = {rest.p + n + 1, len - n - 1};

			for (; value.n && (*value.p == ' ' || *value.p == '\t'); value.n--)
				value.p++;
			while (value.n &&
				(value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t'))
				value.n--;
			return value;
		}
		len += end ? 1 : 0;
		rest.p += len;
		rest.n -= len;
	}
	return BR_STR_NONE;
}

/* ---- life ---- */

static int open_curl(void)
{
	static bool open; /* one thread of ours; curl keeps its own count for the process */

	if (!open && curl_global_init(CURL_GLOBAL_DEFAULT))
		return -BR_E_NOMEM;
	open = true;
	return 0;
}

struct br_http *br_http_new(struct br_loop *l, unsigned max_connections,
	const struct br_http_tls *tls, struct br_err *err)
{
	struct br_http *h = open_curl() ? NULL : calloc(1, sizeof(*h));
	long max = max_connections ? (long)max_connections : 1;

	if (h) {
		h->loop = l;
		h->timer = (struct br_timer){.fn = on_timer, .arg = h};
		h->multi = curl_multi_init();
		h->tls = tls;
	}
	if (!h || !h->multi) {
		br_http_free(h);
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, max);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, max);
	return h;
}

static void destroy(struct br_http *h)
{
	for (struct call *c = h->spare, *next; c; c = next) {
		next = c->next;
		c->next = NULL;
		c->link = NULL;
		free_call(c);
	}
	curl_multi_cleanup(h->multi);
	br_timer_set(h->loop, &h->timer, -1);
	free(h);
}

void br_http_free(struct br_http *h)
{
	if (!h)
		return;
	while (h->running) {
		curl_multi_remove_handle(h->multi, h->running->easy);
		free_call(h->running);
	}
	h->nrunning = 0;
	h->doomed = true;
	if (!h->depth)
		destroy(h);
}

size_t br_http_running(const struct br_http *h)
{
	return h->nrunning;
}
