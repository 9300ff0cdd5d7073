/*
 * http_read.c - the feed of changed records, single reads, and what is made of an object.
 */
#include "http_state.h"

#include "br_crash.h"
#include "br_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_MS 200
#define LATER_MAX_MS   60000
#define NO_ANSWERS     3
#define NO_LIST_MS     3600000
#define TROUBLES       8 /* times in a row that the portal may put us off before people are told */

int http_reply_error(const struct http_state *s, struct br_str path, const struct http_reply *reply,
	struct br_err *err)
{
	char url[512], status[24], why[300];

	if (reply->outcome != BR_HTTP_ANSWER && reply->err) {
		*err = *reply->err;
		return -(int)br_err_code(err);
	}
	http_shown(s->options, path, url, sizeof(url));
	snprintf(status, sizeof(status), "%ld", reply->status);
	snprintf(why, sizeof(why), "%.*s %.*s", BR_STR_ARG(reply->code), BR_STR_ARG(reply->text));
	if (reply->outcome == BR_HTTP_ANSWER && reply->what == HTTP_OK)
		return br_err_set(
			err, BR_E_HTTP_MEMBER, "url", url, "member", "items, object or key", NULL);
	if (!reply->body)
		return br_err_set(err, BR_E_HTTP_NO_JSON, "url", url, "status", status, NULL);
	return br_err_set(err, BR_E_HTTP_ANSWER, "url", url, "status", status, "why", why, NULL);
}

/* An object that does not tell its number: its bytes, written anew, are kept for a person. */
static void http_observe_bad(struct http_state *s, const struct conn_record *r,
	const struct http_node *object, enum msg_reason reason, struct br_arena *a)
{
	const struct http_record *h = r->kind;
	char url[512];
	struct br_err err;
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 1u << 20);
	br_jw_init(&w, &b);
	if (object)
		http_tree_write(object, &w);
	br_err_clear(&err);
	br_err_set(&err, BR_E_HTTP_MEMBER, "url",
		http_shown(s->options, BR_STR_NONE, url, sizeof(url)), "member", h->key.p, NULL);
	conn_observe_bad(s->conn, r, BR_STR_NONE, br_arena_copy(a, br_buf_str(&b)), &err, reason);
	br_buf_release(&b);
}

bool http_observe(struct http_state *s, const struct conn_record *r, const struct http_node *object,
	enum msg_reason reason, struct br_arena *a)
{
	const struct http_record *h = r->kind;
	struct br_str lid = http_tree_text(http_tree_at(object, h->key));
	struct br_str by = http_tree_text(http_tree_at(object, h->updated_by));
	struct image img;

	if (!lid.n) {
		http_observe_bad(s, r, object, reason, a);
		return false;
	}
	if (http_tree_image(object, r->shape, h->parts, h->nparts, a, &img) < 0)
		return false;
	conn_observe(s->conn, r, lid, &img, 0, h->updated_by.n ? by : BR_STR_NONE, reason);
	return true;
}

/* ---- the feed ---- */

static void poll_record(struct http_state *s);

static struct conn_record *record_at(struct http_state *s, size_t i)
{
	struct conn_record *records;
	size_t n = conn_records(s->conn, &records);

	return i < n ? &records[i] : NULL;
}

/* All cursors as one JSON object, by record name. */
static struct br_str all_cursors(struct http_state *s)
{
	struct br_buf b;
	struct br_jw w;
	struct br_str out;

	br_buf_init(&b, 1u << 16);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	for (size_t i = 0; i < s->nrecords; i++) {
		if (!s->cursor[i].n)
			continue;
		br_jw_key(&w, record_at(s, i)->name);
		br_jw_str(&w, s->cursor[i]);
	}
	br_jw_end_object(&w);
	out = br_arena_copy(conn_arena(s->conn), br_buf_str(&b));
	br_buf_release(&b);
	return out;
}

static void polled(struct http_state *s)
{
	int64_t now = br_loop_now(conn_loop(s->conn)), next = NO_LIST_MS;

	for (size_t i = 0; i < s->nrecords; i++) {
		int64_t ms = (s->records[i].due_us - now + 999) / 1000;

		if (s->records[i].has_list && ms < next)
			next = ms;
	}
	s->troubles = 0;
	conn_polled(s->conn, s->moved ? all_cursors(s) : BR_STR_NONE, s->more, next < 0 ? 0 : next);
}

/* The next list that is due, from s->at on. */
static void poll_due(struct http_state *s)
{
	int64_t now = br_loop_now(conn_loop(s->conn));

	while (s->at < s->nrecords &&
		(!s->records[s->at].has_list || s->records[s->at].due_us > now))
		s->at++;
	if (s->at < s->nrecords)
		poll_record(s);
	else
		polled(s);
}

static void read_failed(struct http_state *s, struct br_str path, const struct http_reply *reply)
{
	struct br_err err;

	br_err_clear(&err);
	http_reply_error(s, path, reply, &err);
	conn_failed(s->conn, &err);
}

static void set_cursor(struct http_state *s, struct br_str to)
{
	free((char *)s->cursor[s->at].p);
	s->cursor[s->at] = to.n ? (struct br_str){strndup(to.p, to.n), to.n} : BR_STR_NONE;
}

/*
 * The feed cannot be read now. An answer that says "later" is not a broken system: the round ends
 * where it is, and is taken up when the portal wants; only when that goes on, or when nothing
 * answers at all, the session ends, which people see in the status.
 */
static void list_failed(struct http_state *s, const struct http_reply *reply)
{
	int64_t wait = reply->retry_after_ms;

	if (reply->what != HTTP_RETRY ||
		++s->troubles > (reply->outcome == BR_HTTP_ANSWER ? TROUBLES : NO_ANSWERS)) {
		read_failed(s, s->records[s->at].list_path, reply);
		return;
	}
	if (s->troubles == 1) {
		struct br_err err;

		br_err_clear(&err);
		http_reply_error(s, s->records[s->at].list_path, reply, &err);
		br_warn("the system cannot be read now; it is tried again", L_ERR(&err));
	}
	if (wait < RETRY_FIRST_MS << s->troubles)
		wait = RETRY_FIRST_MS << s->troubles;
	if (wait > LATER_MAX_MS)
		wait = LATER_MAX_MS;
	/* who only looks takes the end of the round for the end of the list */
	if (conn_only_looks(s->conn))
		br_timer_set(conn_loop(s->conn), &s->list_again, wait * 1000);
	else
		conn_polled(s->conn, s->moved ? all_cursors(s) : BR_STR_NONE, false, wait);
}

/* A portal that was set up anew does not know the cursor of the old one. Reading from the beginning
 * repeats much and loses nothing. */
static bool rewind_list(struct http_state *s, const struct http_reply *reply)
{
	if ((reply->what != HTTP_CORRECT && reply->what != HTTP_STOP &&
		    reply->what != HTTP_MISSING) ||
		!s->cursor[s->at].n || s->rewound)
		return false;
	br_warn("the system refuses the position in its feed; it is read from the beginning",
		L_STR("code", reply->code), L_STR("text", reply->text));
	s->rewound = true;
	set_cursor(s, BR_STR_NONE);
	poll_record(s);
	return true;
}

static void on_list(void *arg, const struct http_reply *reply)
{
	struct http_state *s = arg;
	struct http_record *h = &s->records[s->at];
	struct conn_record *r = record_at(s, s->at);
	const struct http_node *items = http_tree_at(reply->body, h->list_items);
	struct br_str next = http_tree_text(http_tree_at(reply->body, h->list_next));
	bool moved = next.n && !br_str_eq(next, s->cursor[s->at]), more;
	size_t n = 0;

	BR_CRASH_POINT("http.page");
	if (reply->what != HTTP_OK && rewind_list(s, reply))
		return;
	if (reply->what != HTTP_OK || !items || items->type != BR_JT_ARRAY) {
		list_failed(s, reply);
		return;
	}
	for (const struct http_node *e = items->child; e; e = e->next, n++)
		http_observe(s, r, http_tree_at(e, h->list_object), OBS_POLL, &s->read_arena);
	if (moved)
		set_cursor(s, next);
	s->moved = s->moved || moved;
	more = moved && (br_str_eq(http_tree_text(http_tree_at(reply->body, h->list_more)),
				 BR_STR("true")) ||
				(h->list_more.n == 0 && (int64_t)n >= h->list_limit));
	s->more = s->more || more;
	if (!more)
		h->due_us = br_loop_now(conn_loop(s->conn)) + h->every_ms * 1000;
	s->at++;
	poll_due(s);
}

static void poll_again(void *arg)
{
	poll_record(arg);
}

static void poll_record(struct http_state *s)
{
	struct http_record *h = &s->records[s->at];
	struct http_vars v = {.o = s->options, .cursor = s->cursor[s->at]};
	struct br_err err;
	struct br_str path;

	br_arena_reset(&s->read_arena);
	v.limit = br_arena_printf(&s->read_arena, "%" PRId64, h->list_limit);
	path = http_fill(h->list_path, &v, true, &s->read_arena);
	br_err_clear(&err);
	if (http_client_send(s->client, "GET", path, BR_STR_NONE, NULL, 0, &s->read_arena, on_list,
		    s, &err) < 0)
		conn_failed(s->conn, &err);
}

void http_poll(void *state)
{
	struct http_state *s = state;

	s->more = s->moved = s->rewound = false;
	s->list_again = (struct br_timer){.fn = poll_again, .arg = s};
	s->at = 0;
	poll_due(s);
}

/* ---- single reads ---- */

struct single {
	struct http_state *s;
	const struct conn_record *r;
	struct br_str lid, path;
	struct br_timer again;
	unsigned tries;
	struct single *next;
};

static void single_done(struct http_state *s)
{
	if (--s->left == 0) {
		s->singles = NULL;
		conn_refetched(s->conn);
	}
}

static void on_single(void *arg, const struct http_reply *reply);

static void send_single(void *arg)
{
	struct single *g = arg;
	struct br_err err;

	br_err_clear(&err);
	if (http_client_send(g->s->client, "GET", g->path, BR_STR_NONE, NULL, 0, &g->s->read_arena,
		    on_single, g, &err) < 0)
		conn_failed(g->s->conn, &err);
}

/* The system answers, and not with this record: people are told, and the others go on. */
static void cannot_read(struct single *g, const struct http_reply *reply)
{
	struct br_err err;

	br_err_clear(&err);
	http_reply_error(g->s, g->path, reply, &err);
	conn_observe_bad(g->s->conn, g->r, g->lid, BR_STR_NONE, &err, OBS_REFETCH);
}

static void on_single(void *arg, const struct http_reply *reply)
{
	struct single *g = arg;
	struct http_state *s = g->s;
	const struct http_record *h = g->r->kind;
	const struct http_node *object = http_tree_at(reply->body, h->get_object);

	if (reply->what == HTTP_OK && object && object->type == BR_JT_OBJECT) {
		http_observe(s, g->r, object, OBS_REFETCH, &s->read_arena);
		single_done(s);
	} else if (reply->what == HTTP_MISSING) {
		conn_observe(s->conn, g->r, g->lid, NULL, 0, BR_STR_NONE, OBS_REFETCH);
		single_done(s);
	} else if (reply->what == HTTP_RETRY && ++g->tries <= TROUBLES) {
		int64_t wait = RETRY_FIRST_MS << g->tries;

		if (wait < reply->retry_after_ms)
			wait = reply->retry_after_ms;
		br_timer_set(conn_loop(s->conn), &g->again,
			(wait < LATER_MAX_MS ? wait : LATER_MAX_MS) * 1000);
	} else if (reply->outcome != BR_HTTP_ANSWER) {
		read_failed(s, g->path, reply);
	} else {
		cannot_read(g, reply);
		single_done(s);
	}
}

void http_reads_drop(struct http_state *s)
{
	for (struct single *g = s->singles; g; g = g->next)
		br_timer_set(conn_loop(s->conn), &g->again, -1);
	s->singles = NULL;
	br_timer_set(conn_loop(s->conn), &s->list_again, -1);
}

void http_refetch(
	void *state, const struct conn_record *record, const struct br_str *lids, size_t n)
{
	struct http_state *s = state;
	const struct http_record *h = record->kind;
	struct br_err err;

	br_arena_reset(&s->read_arena);
	s->singles = NULL;
	s->left = n;
	if (n == 0) {
		conn_refetched(s->conn);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct single *g = br_arena_new(&s->read_arena, struct single);
		struct http_vars v = {.o = s->options};

		if (!g) {
			br_err_clear(&err);
			br_err_set(&err, BR_E_NOMEM, NULL);
			conn_failed(s->conn, &err);
			return;
		}
		*g = (struct single){.s = s,
			.r = record,
			.lid = br_arena_copy(&s->read_arena, lids[i]),
			.next = s->singles};
		g->again = (struct br_timer){.fn = send_single, .arg = g};
		s->singles = g;
		v.lid = g->lid;
		g->path = http_fill(h->get_path, &v, true, &s->read_arena);
		send_single(g);
	}
}
