/*
 * Against a server of our own in another process, which answers, is late, cuts off and resets by
 * the path asked for, and counts what really reached it.
 */
#include "br_http.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_US 30000000

/* ---- the server; seen by both processes ---- */

static struct seen {
	int connections, requests;
	char request[8192]; /* the last whole one */
} * seen;
static pid_t server;
static int port, closed_port, closed_fd;

static void put(int fd, const char *format, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
		return;
}

/* One request, head and body, in text; false when the client is gone. */
static bool get_request(int fd, char *text, size_t size)
{
	size_t n = 0, want = 0;

	while (!want || n < want) {
		ssize_t got = recv(fd, text + n, size - 1 - n, 0);
		char *end, *len;

		if (got <= 0)
			return false;
		n += (size_t)got;
		text[n] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (!end)
			continue;
		len = strcasestr(text, "\r\nContent-Length:");
		want = (size_t)(end + 4 - text) +
		       (len && len < end ? strtoul(len + 17, NULL, 10) : 0);
	}
	return true;
}

static void put_echo(int fd, const char *request)
{
	const char *body = strstr(request, "\r\n\r\n") + 4;
	int method = (int)strcspn(request, " ");

	put(fd,
		"HTTP/1.1 200 OK\r\nX-Note:  first \r\nx-note: second\r\nETag: "
		"\"7\"\r\nContent-Length: %zu\r\n\r\n%.*s:%s",
		strlen(body) + (size_t)method + 1, method, request, body);
}

static void put_many(int fd, size_t n)
{
	char block[1000];

	memset(block, 'x', sizeof(block));
	put(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
	for (size_t i = 0; i < n; i += sizeof(block))
		if (send(fd, block, n - i < sizeof(block) ? n - i : sizeof(block), MSG_NOSIGNAL) <
			0)
			return;
}

static void put_headers(int fd)
{
	put(fd, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 300; i++)
		put(fd, "X-%d: %01000d\r\n", i, 0);
	put(fd, "Content-Length: 0\r\n\r\n");
}

/* Until the client goes away. */
static void hold(int fd)
{
	char c;

	while (recv(fd, &c, 1, 0) > 0)
		;
}

static void reset(int fd)
{
	struct linger hard = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

/* True: keep the connection for the next request. */
static bool answer_request(int fd, const char *request)
{
	char path[64] = "";

	sscanf(request, "%*s %63s", path);
	if (!strncmp(path, "/echo", 5)) {
		put_echo(fd, request);
	} else if (!strcmp(path, "/late")) {
		poll(NULL, 0, 150);
		put(fd, "HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nlate");
	} else if (!strcmp(path, "/slices")) {
		put(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
		poll(NULL, 0, 30);
		put(fd, "2\r\nde\r\n0\r\n\r\n");
	} else if (!strcmp(path, "/interim")) {
		put(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Late: "
			"2\r\nContent-Length: 2\r\n\r\nok");
	} else if (!strcmp(path, "/none")) {
		put(fd, "HTTP/1.1 204 No Content\r\n\r\n");
	} else if (!strcmp(path, "/teapot")) {
		put(fd, "HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy");
	} else if (!strcmp(path, "/elsewhere")) {
		put(fd, "HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n");
	} else if (!strcmp(path, "/1000")) {
		put_many(fd, 1000);
	} else if (!strcmp(path, "/headers")) {
		put_headers(fd);
	} else {
		if (!strcmp(path, "/cut-head"))
			put(fd, "HTTP/1.1 20");
		else if (!strcmp(path, "/cut-body"))
			put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
		else if (!strcmp(path, "/cut-chunk"))
			put(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				"chunked\r\n\r\n5\r\n01234\r\n");
		else if (!strcmp(path, "/nonsense"))
			put(fd, "220 mail.example.com ESMTP\r\n");
		else if (!strcmp(path, "/silent"))
			hold(fd);
		else if (!strcmp(path, "/reset"))
			reset(fd);
		return false;
	}
	return true;
}

/* After "/echo?swallow" the next request on the connection is read and never answered. */
static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char request[8192];
	bool more = true, swallow = false;

	while (more && get_request(fd, request, sizeof(request))) {
		__atomic_add_fetch(&seen->requests, 1, __ATOMIC_SEQ_CST);
		snprintf(seen->request, sizeof(seen->request), "%s", request);
		more = !swallow && answer_request(fd, request);
		swallow = strstr(request, "swallow");
	}
	close(fd);
	return NULL;
}

static void serve_all(int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t t;

		if (fd < 0)
			_exit(1);
		__atomic_add_fetch(&seen->connections, 1, __ATOMIC_SEQ_CST);
		if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd))
			_exit(1);
		pthread_detach(t);
	}
}

static int listen_somewhere(int *out_port, bool listening)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) ||
		getsockname(fd, (struct sockaddr *)&at, &n))
		return -1;
	*out_port = ntohs(at.sin_port);
	return listening && listen(fd, 64) ? -1 : fd;
}

static int set_up(void **state)
{
	int listener = listen_somewhere(&port, true);

	(void)state;
	/* bound but not listening: refuses, and nobody else gets the number */
	closed_fd = listen_somewhere(&closed_port, false);
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (listener < 0 || closed_fd < 0 || seen == MAP_FAILED)
		return -1;
	server = fork();
	if (!server)
		serve_all(listener);
	close(listener);
	return server > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(closed_fd);
	munmap(seen, sizeof(*seen));
	return 0;
}

/* ---- the client under test ---- */

static struct br_loop *loop;
static struct br_http *http;
static bool too_late;

static void on_late(void *arg)
{
	(void)arg;
	too_late = true;
}

static struct br_timer late = {.fn = on_late};

#define WAIT_FOR(what)                                                                             \
	do {                                                                                       \
		br_timer_set(loop, &late, PATIENCE_US);                                            \
		while (!(what)) {                                                                  \
			br_loop_turn(loop, -1);                                                    \
			if (too_late)                                                              \
				fail_msg("waited in vain for %s", #what);                          \
		}                                                                                  \
		br_timer_set(loop, &late, -1);                                                     \
	} while (0)

/* What an answer said, kept beyond its callback. */
struct got {
	int calls;
	enum br_http_outcome outcome;
	long status;
	char body[256];
	size_t body_n;
	char note[64], etag[64], early[64], later[64], retry[64];
	int64_t took_us;
	enum br_err_code code;
	char text[1024];
};

static void keep(char *to, size_t size, struct br_str s)
{
	snprintf(to, size, "%.*s", BR_STR_ARG(s));
}

static void on_answer(void *arg, const struct br_http_answer *a)
{
	struct got *g = arg;

	g->calls++;
	g->outcome = a->outcome;
	g->status = a->status;
	g->took_us = a->took_us;
	g->body_n = a->body.n;
	keep(g->body, sizeof(g->body), a->body);
	keep(g->note, sizeof(g->note), br_http_header(a, "X-NOTE"));
	keep(g->etag, sizeof(g->etag), br_http_header(a, "etag"));
	keep(g->early, sizeof(g->early), br_http_header(a, "X-Early"));
	keep(g->later, sizeof(g->later), br_http_header(a, "X-Late"));
	keep(g->retry, sizeof(g->retry), br_http_header(a, "retry-after"));
	assert_true((a->outcome == BR_HTTP_ANSWER) == !a->err);
	assert_null(br_http_header(a, "X-Not").p);
	g->code = br_err_code(a->err);
	if (a->err)
		br_err_text(a->err, BR_LANG_EN, g->text, sizeof(g->text));
}

static void open_http(unsigned max)
{
	struct br_err err;

	too_late = false;
	seen->connections = seen->requests = 0;
	loop = br_loop_new(&err);
	assert_non_null(loop);
	http = br_http_new(loop, max, NULL, &err);
	assert_non_null(http);
}

static int open_four(void **state)
{
	(void)state;
	open_http(4);
	return 0;
}

static int close_http(void **state)
{
	(void)state;
	br_http_free(http);
	br_loop_turn(loop, 0);
	br_loop_free(loop);
	return 0;
}

static void ask_at(const char *scheme, int at, const char *method, const char *path,
	const char *body, int64_t timeout_ms, struct got *g)
{
	char url[200];
	struct br_http_request req = {.method = method,
		.url = url,
		.body = br_str_z(body),
		.timeout_ms = timeout_ms,
		.max_body = 999};
	struct br_err err;

	snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", scheme, at, path);
	memset(g, 0, sizeof(*g));
	assert_int_equal(br_http_send(http, &req, on_answer, g, &err), 0);
	memset(url, 'x', sizeof(url)); /* everything was copied */
}

static void ask(const char *method, const char *path, const char *body, struct got *g)
{
	ask_at("http", port, method, path, body, 20000, g);
}

/* ---- one request each ---- */

static const struct row {
	const char *name, *method, *path, *body;
	int64_t timeout_ms;
	enum br_http_outcome outcome;
	long status;
	const char *want; /* body; NULL = any */
	enum br_err_code code;
	int requests; /* that reached the server */
} rows[] = {
	{"get", "GET", "/echo", NULL, 20000, BR_HTTP_ANSWER, 200, "GET:", 0, 1},
	{"post", "POST", "/echo", "{\"a\":\"张\"}", 20000, BR_HTTP_ANSWER, 200,
		"POST:{\"a\":\"张\"}", 0, 1},
	{"post of nothing", "POST", "/echo", NULL, 20000, BR_HTTP_ANSWER, 200, "POST:", 0, 1},
	{"put", "PUT", "/echo", "x", 20000, BR_HTTP_ANSWER, 200, "PUT:x", 0, 1},
	{"patch", "PATCH", "/echo", "x", 20000, BR_HTTP_ANSWER, 200, "PATCH:x", 0, 1},
	{"delete", "DELETE", "/echo", NULL, 20000, BR_HTTP_ANSWER, 200, "DELETE:", 0, 1},
	{"delete with a body", "DELETE", "/echo", "why", 20000, BR_HTTP_ANSWER, 200, "DELETE:why",
		0, 1},
	{"head", "HEAD", "/none", NULL, 20000, BR_HTTP_ANSWER, 204, "", 0, 1},
	{"no content", "GET", "/none", NULL, 20000, BR_HTTP_ANSWER, 204, "", 0, 1},
	{"an error status is an answer", "GET", "/teapot", NULL, 20000, BR_HTTP_ANSWER, 503, "busy",
		0, 1},
	{"a redirect is an answer", "GET", "/elsewhere", NULL, 20000, BR_HTTP_ANSWER, 302, "", 0,
		1},
	{"a late answer", "POST", "/late", "x", 20000, BR_HTTP_ANSWER, 202, "late", 0, 1},
	{"an answer in slices", "GET", "/slices", NULL, 20000, BR_HTTP_ANSWER, 200, "abcde", 0, 1},
	{"an interim answer", "GET", "/interim", NULL, 20000, BR_HTTP_ANSWER, 200, "ok", 0, 1},
	{"no answer in time", "POST", "/silent", "x", 200, BR_HTTP_UNKNOWN, 0, "", BR_E_HTTP_CUT,
		1},
	{"closed without an answer", "POST", "/close", "x", 20000, BR_HTTP_UNKNOWN, 0, "",
		BR_E_HTTP_CUT, 1},
	{"reset without an answer", "POST", "/reset", "x", 20000, BR_HTTP_UNKNOWN, 0, "",
		BR_E_HTTP_CUT, 1},
	{"cut off in the head", "POST", "/cut-head", "x", 20000, BR_HTTP_UNKNOWN, 0, NULL,
		BR_E_HTTP_CUT, 1},
	{"cut off in the body", "POST", "/cut-body", "x", 20000, BR_HTTP_UNKNOWN, 200, "0123456789",
		BR_E_HTTP_CUT, 1},
	{"cut off in a chunk", "GET", "/cut-chunk", NULL, 20000, BR_HTTP_UNKNOWN, 200, "01234",
		BR_E_HTTP_CUT, 1},
	{"not HTTP at all", "GET", "/nonsense", NULL, 20000, BR_HTTP_UNKNOWN, 0, NULL,
		BR_E_HTTP_CUT, 1},
	{"one byte over max_body", "GET", "/1000", NULL, 20000, BR_HTTP_UNKNOWN, 200, NULL,
		BR_E_TOO_BIG, 1},
	{"headers without end", "GET", "/headers", NULL, 20000, BR_HTTP_UNKNOWN, 200, NULL,
		BR_E_TOO_BIG, 1},
};

static void test_row(void **state)
{
	const struct row *r = *state;
	struct got g;

	open_http(4);
	ask_at("http", port, r->method, r->path, r->body, r->timeout_ms, &g);
	assert_int_equal(g.calls, 0);
	assert_int_equal(br_http_running(http), 1);
	WAIT_FOR(g.calls);
	assert_int_equal(br_http_running(http), 0);
	assert_int_equal(g.outcome, r->outcome);
	assert_int_equal(g.code, r->code);
	assert_int_equal(g.status, r->status);
	if (r->want)
		assert_string_equal(g.body, r->want);
	assert_int_equal(seen->requests, r->requests);
	assert_true(g.took_us > 0);
	close_http(NULL);
}

/* ---- never sent ---- */

static void test_refused(void **state)
{
	struct got g;

	(void)state;
	ask_at("http", closed_port, "POST", "/echo?name=%E5%BC%A0", "x", 20000, &g);
	WAIT_FOR(g.calls);
	assert_int_equal(g.outcome, BR_HTTP_NOT_SENT);
	assert_int_equal(g.code, BR_E_HTTP_UNREACHABLE);
	assert_non_null(strstr(g.text, "/echo"));
	assert_null(strstr(g.text, "name"));
}

/* The server speaks no TLS: it waits for a request while the handshake waits for it. */
static void test_tls_handshake_fails(void **state)
{
	struct got g;

	(void)state;
	ask_at("https", port, "POST", "/echo", "x", 300, &g);
	WAIT_FOR(g.calls);
	assert_int_equal(g.outcome, BR_HTTP_NOT_SENT);
	assert_int_equal(seen->requests, 0);
}

static void test_waiting_for_a_connection_too_long(void **state)
{
	struct got first, second;

	(void)state;
	open_http(1);
	ask_at("http", port, "POST", "/silent", "x", 1000, &first);
	WAIT_FOR(seen->requests == 1);
	ask_at("http", port, "POST", "/echo", "x", 200, &second);
	WAIT_FOR(first.calls && second.calls);
	assert_int_equal(second.outcome, BR_HTTP_NOT_SENT);
	assert_int_equal(first.outcome, BR_HTTP_UNKNOWN);
	assert_int_equal(seen->requests, 1);
	close_http(NULL);
}

static const struct bad {
	const char *name, *method, *url, *header;
	int rc; /* of br_http_send(); 0 = outcome NOT_SENT */
} bads[] = {
	{"a file is not fetched", "GET", "file:///etc/hostname", NULL, 0},
	{"nor is ftp", "GET", "ftp://127.0.0.1/", NULL, 0},
	{"a malformed address", "GET", "http://[::1/", NULL, 0},
	{"a header with a line break", "GET", "http://127.0.0.1/", "A: b\r\nC: d",
		-BR_E_HTTP_REQUEST},
	{"a method with a blank", "GET /x", "http://127.0.0.1/", NULL, -BR_E_HTTP_REQUEST},
	{"no method", "", "http://127.0.0.1/", NULL, -BR_E_HTTP_REQUEST},
};

static void test_bad(void **state)
{
	const struct bad *b = *state;
	const char *const headers[] = {b->header, NULL};
	struct br_http_request req = {
		.method = b->method, .url = b->url, .headers = headers, .timeout_ms = 5000};
	struct got g = {0};
	struct br_err err;

	open_http(4);
	assert_int_equal(br_http_send(http, &req, on_answer, &g, &err), b->rc);
	if (b->rc) {
		assert_int_equal(br_err_code(&err), -b->rc);
		assert_int_equal(br_http_send(http, &req, on_answer, &g, NULL), b->rc);
		assert_int_equal(br_http_running(http), 0);
	} else {
		WAIT_FOR(g.calls);
		assert_int_equal(g.outcome, BR_HTTP_NOT_SENT);
	}
	close_http(NULL);
}

/* ---- what goes over the wire ---- */

static void test_request_as_the_server_sees_it(void **state)
{
	const char *const headers[] = {
		"Idempotency-Key: k-1", "content-type: application/json", NULL};
	char url[64];
	struct br_http_request req = {.method = "POST",
		.url = url,
		.headers = headers,
		.body = BR_STR("{}"),
		.timeout_ms = 9000,
		.max_body = 100};
	struct got g = {0};

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo?a=1", port);
	assert_int_equal(br_http_send(http, &req, on_answer, &g, NULL), 0);
	WAIT_FOR(g.calls);
	assert_non_null(strstr(seen->request, "POST /echo?a=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(seen->request, "\r\nIdempotency-Key: k-1\r\n"));
	assert_non_null(strstr(seen->request, "\r\ncontent-type: application/json\r\n"));
	assert_null(strstr(seen->request, "urlencoded"));
	assert_null(strcasestr(seen->request, "Expect:"));
	assert_non_null(strstr(seen->request, "\r\nContent-Length: 2\r\n"));
	assert_string_equal(g.note, "first");
	assert_string_equal(g.etag, "\"7\"");
}

static void test_headers_of_the_last_answer_only(void **state)
{
	struct got g;

	(void)state;
	ask("GET", "/interim", NULL, &g);
	WAIT_FOR(g.calls);
	assert_string_equal(g.early, "");
	assert_string_equal(g.later, "2");
	ask("GET", "/teapot", NULL, &g);
	WAIT_FOR(g.calls);
	assert_string_equal(g.later, "");
	assert_string_equal(g.retry, "3");
}

static void test_body_with_zero_bytes(void **state)
{
	char url[64];
	struct br_http_request req = {.method = "POST",
		.url = url,
		.body = {"a\0b", 3},
		.timeout_ms = 9000,
		.max_body = 100};
	struct got g = {0};

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo", port);
	assert_int_equal(br_http_send(http, &req, on_answer, &g, NULL), 0);
	WAIT_FOR(g.calls);
	assert_non_null(strstr(seen->request, "\r\nContent-Length: 3\r\n"));
}

static void test_max_body_is_per_call(void **state)
{
	char url[64];
	struct br_http_request req = {
		.method = "GET", .url = url, .timeout_ms = 9000, .max_body = 1000};
	struct got g = {0};

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/1000", port);
	assert_int_equal(br_http_send(http, &req, on_answer, &g, NULL), 0);
	WAIT_FOR(g.calls == 1);
	assert_int_equal(g.outcome, BR_HTTP_ANSWER);
	assert_int_equal(g.body_n, 1000);
	/* the same memory serves a call that allows less */
	req.max_body = 999;
	assert_int_equal(br_http_send(http, &req, on_answer, &g, NULL), 0);
	WAIT_FOR(g.calls == 2);
	assert_int_equal(g.code, BR_E_TOO_BIG);
}

/* ---- kept connections ---- */

static void test_keep_alive(void **state)
{
	struct got g;

	(void)state;
	for (int i = 0; i < 20; i++) {
		ask("POST", "/echo", "x", &g);
		WAIT_FOR(g.calls);
		assert_int_equal(g.outcome, BR_HTTP_ANSWER);
	}
	assert_int_equal(seen->requests, 20);
	assert_int_equal(seen->connections, 1);
}

/* The heart of it: curl would send these again by itself, on a new connection. */
static const char *const once_methods[] = {"POST", "PUT", "DELETE", "GET"};

static void test_swallowed_request_is_not_sent_again(void **state)
{
	struct got g;

	(void)state;
	for (size_t i = 0; i < BR_LEN(once_methods); i++) {
		int before = seen->requests;

		ask("GET", "/echo?swallow", NULL, &g);
		WAIT_FOR(g.calls);
		assert_int_equal(g.outcome, BR_HTTP_ANSWER);
		ask(once_methods[i], "/echo", i < 2 ? "x" : NULL, &g);
		WAIT_FOR(g.calls);
		assert_int_equal(g.outcome, BR_HTTP_UNKNOWN);
		assert_int_equal(g.code, BR_E_HTTP_CUT);
		assert_int_equal(seen->requests, before + 2);
	}
	/* and the next call goes its normal way */
	ask("POST", "/echo", "y", &g);
	WAIT_FOR(g.calls);
	assert_int_equal(g.outcome, BR_HTTP_ANSWER);
}

static void test_connections_are_limited(void **state)
{
	static struct got g[40];
	int done = 0;

	(void)state;
	for (size_t i = 0; i < BR_LEN(g); i++)
		ask("POST", i % 8 ? "/echo" : "/late", "x", &g[i]);
	assert_int_equal(br_http_running(http), BR_LEN(g));
	WAIT_FOR(!br_http_running(http));
	for (size_t i = 0; i < BR_LEN(g); i++)
		done += g[i].calls == 1 && g[i].outcome == BR_HTTP_ANSWER;
	assert_int_equal(done, BR_LEN(g));
	assert_int_equal(seen->requests, BR_LEN(g));
	assert_true(seen->connections <= 4);
}

/* ---- callbacks that do things ---- */

struct chain {
	int left;
	struct got g;
};

static void ask_again(void *arg, const struct br_http_answer *a)
{
	struct chain *c = arg;
	char url[64];
	struct br_http_request req = {
		.method = "GET", .url = url, .timeout_ms = 9000, .max_body = 100};

	on_answer(&c->g, a);
	assert_int_equal(a->outcome, BR_HTTP_ANSWER);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo", port);
	if (--c->left > 0)
		assert_int_equal(br_http_send(http, &req, ask_again, c, NULL), 0);
}

static void test_send_in_callback(void **state)
{
	struct chain c = {.left = 5};
	char url[64];
	struct br_http_request req = {
		.method = "GET", .url = url, .timeout_ms = 9000, .max_body = 100};

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo", port);
	assert_int_equal(br_http_send(http, &req, ask_again, &c, NULL), 0);
	WAIT_FOR(!c.left);
	assert_int_equal(c.g.calls, 5);
	assert_int_equal(seen->connections, 1);
}

static void free_it(void *arg, const struct br_http_answer *a)
{
	br_http_free(http);
	http = NULL;
	on_answer(arg, a); /* the answer still stands */
}

static void test_free_in_callback_drops_the_others(void **state)
{
	char url[64];
	struct br_http_request req = {
		.method = "GET", .url = url, .timeout_ms = 9000, .max_body = 100};
	struct got g = {0}, other;

	(void)state;
	ask("GET", "/silent", NULL, &other);
	WAIT_FOR(seen->requests == 1);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo", port);
	assert_int_equal(br_http_send(http, &req, free_it, &g, NULL), 0);
	WAIT_FOR(!http);
	assert_string_equal(g.body, "GET:");
	assert_int_equal(other.calls, 0);
}

static void test_free_while_running(void **state)
{
	struct got g[4];

	(void)state;
	for (size_t i = 0; i < BR_LEN(g); i++)
		ask("POST", "/silent", "x", &g[i]);
	WAIT_FOR(seen->requests == (int)BR_LEN(g));
	br_http_free(http);
	http = NULL;
	br_loop_turn(loop, 0);
	for (size_t i = 0; i < BR_LEN(g); i++)
		assert_int_equal(g[i].calls, 0);
}

#define ONE(fn)                                                                                    \
	{                                                                                          \
#fn, fn, open_four, close_http, NULL                                               \
	}

static void add_cases(struct CMUnitTest *tests, size_t *n, const void *cases, size_t size,
	size_t count, CMUnitTestFunction fn)
{
	for (size_t i = 0; i < count; i++) {
		const char *row = (const char *)cases + i * size;

		/* every row begins with its name */
		tests[(*n)++] = (struct CMUnitTest){*(const char *const *)(const void *)row, fn,
			NULL, NULL, (void *)(uintptr_t)row};
	}
}

int main(void)
{
	static const struct CMUnitTest ones[] = {
		ONE(test_refused),
		ONE(test_tls_handshake_fails),
		ONE(test_request_as_the_server_sees_it),
		ONE(test_headers_of_the_last_answer_only),
		ONE(test_body_with_zero_bytes),
		ONE(test_max_body_is_per_call),
		ONE(test_keep_alive),
		ONE(test_swallowed_request_is_not_sent_again),
		ONE(test_connections_are_limited),
		ONE(test_send_in_callback),
		ONE(test_free_in_callback_drops_the_others),
		ONE(test_free_while_running),
		{"test_waiting_for_a_connection_too_long", test_waiting_for_a_connection_too_long,
			NULL, NULL, NULL},
	};
	struct CMUnitTest tests[BR_LEN(rows) + BR_LEN(bads) + BR_LEN(ones)];
	size_t n = 0;

	add_cases(tests, &n, rows, sizeof(rows[0]), BR_LEN(rows), test_row);
	add_cases(tests, &n, bads, sizeof(bads[0]), BR_LEN(bads), test_bad);
	for (size_t i = 0; i < BR_LEN(ones); i++)
		tests[n++] = ones[i];
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
