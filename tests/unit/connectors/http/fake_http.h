/*
 * fake_http.h - a runtime of a connector without Kafka (implements conn_*() and writes down what
 * the kind reports) and a portal that follows a script in a process of its own. Included by each
 * test once.
 */
#ifndef FAKE_HTTP_H
#define FAKE_HTTP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_kind.h"
#include "http_state.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a portal that follows a script ---- */

struct line {
	const char *request;	   /* how it must begin: "GET /c/1" */
	const char *has, *has_not; /* in headers or body; NULL = anything */
	int status;		   /* 0: closed without an answer */
	const char *headers;	   /* whole lines, each with \r\n; NULL = none */
	const char *body;
};

struct portal {
	pid_t pid;
	int port, told; /* told: the child writes its complaint here */
};

static size_t read_request(int fd, char *to, size_t size)
{
	size_t n = 0, whole = 0;
	ssize_t got;

	while ((got = read(fd, to + n, size - n - 1)) > 0) {
		const char *end, *length;

		n += (size_t)got;
		to[n] = '\0';
		end = strstr(to, "\r\n\r\n");
		if (!end)
			continue;
		length = strstr(to, "Content-Length:");
		whole = (size_t)(end - to) + 4 +
			(length && length < end ? strtoul(length + 15, NULL, 10) : 0);
		if (n >= whole)
			break;
	}
	return n;
}

static void complain(int to, size_t i, const char *what, const char *request)
{
	dprintf(to, "line %zu: %s in: %.600s", i + 1, what, request);
	_exit(1);
}

static void play(int server, int to, const struct line *script, size_t n)
{
	static char request[100000];

	for (size_t i = 0; i < n; i++) {
		int fd = accept(server, NULL, NULL);

		if (fd < 0 || !read_request(fd, request, sizeof(request)))
			complain(to, i, "no request", "");
		if (strncmp(request, script[i].request, strlen(script[i].request)))
			complain(to, i, script[i].request, request);
		if (script[i].has && !strstr(request, script[i].has))
			complain(to, i, script[i].has, request);
		if (script[i].has_not && strstr(request, script[i].has_not))
			complain(to, i, script[i].has_not, request);
		if (script[i].status)
			dprintf(fd,
				"HTTP/1.1 %d X\r\nConnection: close\r\n%sContent-Length: "
				"%zu\r\n\r\n%s",
				script[i].status, script[i].headers ? script[i].headers : "",
				strlen(script[i].body), script[i].body);
		close(fd);
	}
	_exit(0);
}

static __attribute__((unused)) struct portal portal_start(const struct line *script, size_t n)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pipes[2];
	struct portal p;

	assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(server, 16), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&at, &size), 0);
	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);
	p.pid = fork();
	assert_true(p.pid >= 0);
	if (p.pid == 0)
		alarm(10); /* a script that waits for more ends then */
	if (p.pid == 0)
		play(server, pipes[1], script, n);
	close(server);
	close(pipes[1]);
	p.told = pipes[0];
	p.port = ntohs(at.sin_port);
	return p;
}

/* The whole script was played, in its order. */
static __attribute__((unused)) void portal_end(struct portal *p, const char *test)
{
	char text[800] = "";
	int status;

	waitpid(p->pid, &status, 0);
	if (read(p->told, text, sizeof(text) - 1) > 0)
		fail_msg("%s: %s", test, text);
	close(p->told);
	if (!WIFEXITED(status))
		fail_msg("%s: the script was not played to its end", test);
}

/* ---- the runtime ---- */

struct conn {
	struct br_loop *loop;
	struct br_arena arena;
	union {
		struct conn_record record; /* the first, mostly the only one */
		struct conn_record records[3];
	};
	size_t nrecords;
	struct http_state state;
	struct http_options options;
	char url[80];
	char said[4000];  /* receipts and observations, one after the other */
	unsigned waiting; /* commands not yet answered */
	bool failed, opened, begun, over;
	struct conn_command *again;
	unsigned handed_back;
	bool only_looks;
	bool guarded;	 /* by the write guard */
	unsigned asked;	 /* it was asked so often */
	uint64_t digest; /* the last hash that was told */
	char shown[200]; /* the address in the last error */
	int64_t next_ms;
};

static __attribute__((unused)) void say(struct conn *c, const char *format, ...)
{
	size_t n = strlen(c->said);
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->said + n, sizeof(c->said) - n, format, ap);
	va_end(ap);
}

static void show(struct conn *c, const struct br_err *err)
{
	const char *url = br_err_detail(err, "url");

	snprintf(c->shown, sizeof(c->shown), "%s", url ? url : "");
}

static void say_image(struct conn *c, const struct conn_record *r, const struct image *img)
{
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 1 << 20);
	br_jw_init(&w, &b);
	image_write(img, r->shape, &w);
	say(c, " %.*s", (int)b.n, b.p);
	br_buf_release(&b);
}

const struct cfg_site *conn_site(struct conn *c)
{
	static const struct cfg_site site = {.folder = "/"};

	(void)c;
	return &site;
}

struct br_loop *conn_loop(struct conn *c)
{
	return c->loop;
}

size_t conn_records(struct conn *c, struct conn_record **out)
{
	*out = c->records;
	return c->nrecords;
}

struct br_str conn_cursor(struct conn *c)
{
	(void)c;
	return BR_STR_NONE;
}

bool conn_only_looks(const struct conn *c)
{
	return c->only_looks;
}

struct br_arena *conn_arena(struct conn *c)
{
	return &c->arena;
}

void conn_opened(struct conn *c, struct br_str inc, int64_t target_epoch, int64_t beat)
{
	(void)inc, (void)target_epoch, (void)beat;
	c->opened = true;
}

void conn_begun(struct conn *c)
{
	c->begun = true;
}

void conn_failed(struct conn *c, const struct br_err *err)
{
	if (c->failed)
		return;
	c->failed = true;
	show(c, err);
	say(c, "failed %s;", br_err_tag((int)br_err_code(err)));
	br_loop_stop(c->loop, 0);
}

void conn_observe(struct conn *c, const struct conn_record *r, struct br_str lid,
	const struct image *img, int64_t ts, struct br_str by, enum msg_reason reason)
{
	(void)ts, (void)reason;
	say(c, "seen %.*s by '%.*s'", BR_STR_ARG(lid), BR_STR_ARG(by));
	if (img)
		say_image(c, r, img);
	say(c, ";");
}

void conn_observe_bad(struct conn *c, const struct conn_record *r, struct br_str lid,
	struct br_str raw, const struct br_err *err, enum msg_reason reason)
{
	(void)r, (void)reason;
	show(c, err);
	say(c, "bad '%.*s' %s %.*s;", BR_STR_ARG(lid), br_err_tag((int)br_err_code(err)),
		BR_STR_ARG(raw));
}

void conn_polled(struct conn *c, struct br_str cursor, bool more, int64_t next_ms)
{
	say(c, "polled %.*s%s;", BR_STR_ARG(cursor), more ? " more" : "");
	c->next_ms = next_ms;
	br_loop_stop(c->loop, 0);
}

void conn_refetched(struct conn *c)
{
	say(c, "refetched;");
	br_loop_stop(c->loop, 0);
}

void conn_digest(struct conn *c, const struct conn_record *r, struct br_str lo, struct br_str hi,
	const struct msg_digest *d, size_t n)
{
	(void)r;
	say(c, "digest ");
	for (size_t i = 0; i < lo.n; i++)
		say(c, lo.p[i] == 1 ? "+" : "%c", lo.p[i]);
	say(c, "..%.*s:", BR_STR_ARG(hi));
	for (size_t i = 0; i < n && i < 8; i++)
		say(c, " %.*s%s", BR_STR_ARG(d[i].lid), d[i].hash ? "#" : "");
	if (n > 8)
		say(c, " and %zu more", n - 8);
	say(c, ";");
	c->digest = n ? d[n - 1].hash : 0;
}

void conn_swept(struct conn *c, bool done, int64_t next_ms)
{
	say(c, "swept%s;", done ? " all" : "");
	c->next_ms = next_ms;
	br_loop_stop(c->loop, 0);
}

void conn_sweep_later(struct conn *c, int64_t ms)
{
	say(c, "later;");
	c->next_ms = ms;
	br_loop_stop(c->loop, 0);
}

void conn_answer(struct conn *c, struct conn_command *cmd, const struct conn_receipt *r)
{
	say(c, "%s %.*s%s%s", msg_status_name(r->status), BR_STR_ARG(r->lid),
		r->atomic ? " atomic" : "", r->doubt ? " doubt" : "");
	if (r->code.n)
		say(c, " code %.*s", BR_STR_ARG(r->code));
	if (r->ref.n)
		say(c, " ref %.*s", BR_STR_ARG(r->ref));
	if (r->post)
		say_image(c, cmd->record, r->post);
	say(c, ";");
	if (r->status != RCPT_PROGRESS)
		br_loop_stop(c->loop, 0);
}

bool conn_may_write(struct conn *c, struct conn_command *cmd, int64_t *ms)
{
	(void)cmd;
	c->asked++;
	*ms = c->guarded ? 1234 : 0;
	return !c->guarded;
}

void conn_later(struct conn *c, struct conn_command *cmd, int64_t ms)
{
	assert_true(ms >= 0 && ms <= 60000);
	c->again = cmd;
	c->handed_back++;
	br_loop_stop(c->loop, 0);
}

/* "NAME=a;ADDR=;STEPS/1/TXT=x": an empty value is null */
static __attribute__((unused)) struct image image_of(
	const char *text, const struct shape *shape, struct br_arena *a)
{
	struct image_builder b;
	struct image img;

	image_build(&b, a, 8);
	while (text && *text) {
		size_t n = strcspn(text, ";"), name = strcspn(text, "=");
		struct br_str key = BR_STR_NONE, value = {text + name + 1, n - name - 1};
		uint8_t part = 0;
		const char *slash = memchr(text, '/', name);
		struct br_str column = {text, name};
		int field;

		/* STEPS/7/TXT */
		if (slash) {
			const char *last = memrchr(text, '/', name);

			part = (uint8_t)shape_find_part(
				shape, (struct br_str){text, (size_t)(slash - text)});
			key = (struct br_str){slash + 1, (size_t)(last - slash - 1)};
			column = (struct br_str){last + 1, name - (size_t)(last + 1 - text)};
		}
		field = shape_find(shape, part, column);
		assert_true(field >= 0);
		if (value.n)
			image_set(&b, part, key, (uint16_t)field, value);
		else
			image_set_null(&b, part, key, (uint16_t)field);
		text += text[n] ? n + 1 : n;
	}
	assert_int_equal(image_build_end(&b, &img), 0);
	return img;
}

static __attribute__((unused)) const struct shape *test_shape(struct br_arena *a)
{
	struct shape_builder *b = shape_begin(a);
	static const char *const names[] = {"NO", "NAME", "ADDR", "STATE", "BUSNO"};

	for (size_t i = 0; i < BR_LEN(names); i++)
		assert_true(shape_add_field(b, br_str_z(names[i]), SHAPE_TEXT, NULL) >= 0);
	assert_true(shape_add_part(b, BR_STR("STEPS")) > 0);
	assert_true(shape_add_field(b, BR_STR("TXT"), SHAPE_TEXT, NULL) >= 0);
	return shape_end(b);
}

/* What headers: of a site says; NULL: nothing. */
static __attribute__((unused)) const char *fake_headers;
/* What stands in front of the host in base_url. */
static __attribute__((unused)) const char *fake_user = "";

/* One record, or a list of them. */
static __attribute__((unused)) void fake_records(struct conn *c, const char *spec)
{
	json_error_t why;
	json_t *json = json_loads(spec, 0, &why);

	if (!json)
		fail_msg("%s", why.text);
	c->nrecords = json_is_array(json) ? json_array_size(json) : 1;
	assert_true(c->nrecords <= BR_LEN(c->records));
	for (size_t i = 0; i < c->nrecords; i++) {
		json_t *one = json_is_array(json) ? json_array_get(json, i) : json;

		c->records[i] = (struct conn_record){
			.name = br_str_z(json_string_value(json_object_get(one, "record"))),
			.shape = test_shape(&c->arena),
			.spec = json_incref(one)};
	}
	json_decref(json);
}

/* spec: JSON as BEGIN brings it */
static __attribute__((unused)) void fake_open(struct conn *c, int port, const char *spec)
{
	static const char answers[] = "{ code: code, text: msg, rules: [{code: \"200\", is: ok}, "
				      "{code: dup, is: duplicate}, {code: bad, is: correct},"
				      " {code: busy, is: retry}, {code: gone, is: missing}, {code: "
				      "stale, is: stale}, {code: pend, is: pending}] }";
	struct cfg_report report = {.arena = &c->arena};
	struct cfg_node *node, *headers = NULL;
	struct br_err err;

	memset(c, 0, sizeof(*c));
	br_arena_init(&c->arena, 64 << 20);
	report.arena = &c->arena;
	br_err_clear(&err);
	c->loop = br_loop_new(&err);
	assert_non_null(c->loop);
	assert_int_equal(cfg_read_text(br_str_z(answers), "answers", &c->arena, &report, &node), 0);
	if (fake_headers)
		assert_int_equal(cfg_read_text(br_str_z(fake_headers), "headers", &c->arena,
					 &report, &headers),
			0);
	snprintf(c->url, sizeof(c->url), "http://%s127.0.0.1:%d", fake_user, port);
	c->options = (struct http_options){.base_url = br_str_z(c->url),
		.timeout_ms = 2000,
		.connections = 2,
		.max_body = 1 << 20,
		.headers = headers,
		.answers = node};
	fake_records(c, spec);
	if (http_kind.open(&c->state, c, &c->options, &err) < 0 ||
		http_kind.begin(&c->state, 1, BR_STR("n"), &err) < 0) {
		char text[300];

		fail_msg("%s", br_err_sentence(&err, br_lang_from_env(), text, sizeof(text)));
	}
	assert_true(c->opened && c->begun);
}

static __attribute__((unused)) void fake_close(struct conn *c)
{
	http_kind.close(&c->state);
	for (size_t i = 0; i < c->nrecords; i++)
		json_decref(c->records[i].spec);
	br_loop_free(c->loop);
	br_arena_release(&c->arena);
}

#endif
