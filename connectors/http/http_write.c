/*
 * http_write.c - one command as a small state machine: look, compare, call by call, look again.
 *
 * H1 (key and ETag): every call carries the delivery id as its idempotency key, so an unknown outcome is asked again with the same key.
 * H2 (ETag only): an unknown outcome is settled by reading: as sent -> applied, as before -> sent again, else stale, in doubt.
 * H3 (neither): read, compare, write, read. The gap between reading and writing is the system's own; see docs/guarantees.
 */
#include "http_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define JOB_ARENA (64u << 20)
#define RETRY_FIRST_MS 200
#define RETRY_MAX_MS 5000
#define RETRIES 8

enum step {
	STEP_LOOK,    /* GET the record: base still there? */
	STEP_LOOKUP,  /* create: is it there already? */
	STEP_CALL,    /* the next call of the plan */
	STEP_SETTLE,  /* after an unknown outcome */
	STEP_SETTLE_CREATE,
	STEP_FINAL,   /* read what the record is now */
};

struct http_job {
	struct http_state *s;
	struct conn_command *cmd;
	const struct http_record *h;
	struct br_arena arena;
	enum step step;
	const struct http_call *call;  /* being made or next */
	const struct cell *element;    /* of a part: the first cell of the element */
	uint32_t element_at;
	struct br_str lid, etag, write_etag;
	struct image now;              /* as last read */
	bool doubt;                    /* an outcome was unknown and settled by comparing */
	bool sent_any;
	unsigned tries;
	int64_t wait_ms;
	struct br_timer again;
	struct http_job *next;
};

static void run(void *arg);

static void free_job(struct http_job *j)
{
	struct http_job **p = &j->s->jobs;

	while (*p && *p != j)
		p = &(*p)->next;
	if (*p)
		*p = j->next;
	br_timer_set(conn_loop(j->s->conn), &j->again, -1);
	br_arena_release(&j->arena);
	free(j);
}

void http_jobs_drop(struct http_state *s)
{
	while (s->jobs)
		free_job(s->jobs);
}

static void answer(struct http_job *j, enum msg_status status, const struct image *post, struct br_str code, struct br_str text, bool atomic)
{
	struct conn_receipt r = {.status = status, .lid = j->lid, .post = post, .atomic = atomic, .doubt = j->doubt, .code = code, .text = text};
	struct http_state *s = j->s;
	struct conn_command *cmd = j->cmd;

	conn_answer(s->conn, cmd, &r);
	if (status != RCPT_PROGRESS)
		free_job(j);
}

/* Tries the same step later; gives the outcome up as unknown or refused only when nothing can have been written. */
static void again_later(struct http_job *j, const struct http_reply *reply)
{
	struct br_err err;
	int64_t wait = j->wait_ms;

	if (reply && reply->retry_after_ms > wait)
		wait = reply->retry_after_ms;
	if (++j->tries > RETRIES) {
		/* The runtime starts over with a handshake; the command comes back with it. */
		br_err_clear(&err);
		if (reply)
			http_reply_error(j->s, j->call ? j->call->path : j->h->get_path, reply, &err);
		else
			br_err_set(&err, BR_E_HTTP_UNREACHABLE, "url", j->s->options->base_url.p, "why", "no answer", NULL);
		conn_failed(j->s->conn, &err);
		return;
	}
	j->wait_ms = j->wait_ms * 2 < RETRY_MAX_MS ? j->wait_ms * 2 : RETRY_MAX_MS;
	br_timer_set(conn_loop(j->s->conn), &j->again, wait * 1000);
}

static void out_of_memory(struct http_job *j)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_NOMEM, NULL);
	conn_failed(j->s->conn, &err);
}

static int64_t time_left(const struct http_job *j)
{
	int64_t left;

	if (!j->cmd->deadline_us)
		return 0;
	left = (j->cmd->deadline_us - br_loop_now(conn_loop(j->s->conn))) / 1000;
	return left > 1 ? left : 1;
}

static void send(struct http_job *j, const char *method, struct br_str path, struct br_str body, const char *const *headers, http_reply_fn *fn)
{
	struct br_err err;

	br_err_clear(&err);
	if (br_arena_failed(&j->arena)) {
		out_of_memory(j);
		return;
	}
	if (http_client_send(j->s->client, method, path, body, headers, time_left(j), &j->arena, fn, j, &err) < 0)
		conn_failed(j->s->conn, &err);
}

static struct http_vars vars_of(struct http_job *j)
{
	return (struct http_vars){.o = j->s->options, .lid = j->lid, .did = j->cmd->did_text, .shape = j->h->shape, .set = &j->cmd->set,
		.base = &j->cmd->base};
}

/* ---- comparing ---- */

static bool holds(const struct image *now, const struct image *cells, const struct image *but)
{
	for (uint32_t i = 0; i < cells->n; i++) {
		const struct cell *c = &cells->cells[i];
		const struct cell *there = image_get(now, c->part, c->key, c->field);

		if (but && image_get(but, c->part, c->key, c->field))
			continue;
		/* a member that is not there and one that is null are the same to a reader */
		if (!cell_same(c, there) && !(cell_is_null(c) && (!there || cell_is_null(there))))
			return false;
	}
	return true;
}

static bool as_before(const struct http_job *j)
{
	return holds(&j->now, &j->cmd->base, NULL);
}

static bool as_sent(const struct http_job *j)
{
	return holds(&j->now, &j->cmd->set, NULL) && holds(&j->now, &j->cmd->base, &j->cmd->set);
}

/* ---- reading ---- */

static void get(struct http_job *j, http_reply_fn *fn)
{
	struct http_vars v = vars_of(j);

	send(j, "GET", http_fill(j->h->get_path, &v, true, &j->arena), BR_STR_NONE, NULL, fn);
}

static bool take_object(struct http_job *j, const struct http_node *object, struct br_str etag)
{
	if (http_tree_image(object, j->h->shape, j->h->parts, j->h->nparts, &j->arena, &j->now) < 0)
		return false;
	j->etag = etag;
	return true;
}

static void start_calls(struct http_job *j)
{
	j->step = STEP_CALL;
	j->call = j->cmd->op == OP_CREATE ? j->h->create : j->h->update;
	j->element = NULL;
	j->element_at = 0;
	j->tries = 0;
	j->wait_ms = RETRY_FIRST_MS;
	run(j);
}

static void on_look(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;

	if (reply->what == HTTP_MISSING) {
		answer(j, RCPT_GONE, NULL, reply->code, reply->text, false);
		return;
	}
	if (reply->what != HTTP_OK || !take_object(j, http_tree_at(reply->body, j->h->get_object), reply->etag)) {
		again_later(j, reply);
		return;
	}
	if (j->cmd->op == OP_CREATE) {
		/* the number was allotted before; what is missing is sent again, which is the same data */
		start_calls(j);
		return;
	}
	if (j->cmd->attempted && !as_before(j) && as_sent(j)) {
		j->doubt = j->h->idempotency.n == 0;
		answer(j, RCPT_APPLIED, &j->now, BR_STR_NONE, BR_STR_NONE, false);
		return;
	}
	if (!as_before(j)) {
		j->doubt = j->cmd->attempted && j->h->idempotency.n == 0;
		/* a server that knows the key can tell what became of the first attempt */
		if (j->cmd->attempted && j->h->idempotency.n) {
			j->etag = BR_STR_NONE;
			start_calls(j);
			return;
		}
		answer(j, RCPT_STALE, &j->now, BR_STR_NONE, BR_STR_NONE, true);
		return;
	}
	start_calls(j);
}

static void on_lookup(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;
	const struct http_node *items = http_tree_at(reply->body, j->h->lookup_items), *first;

	if (reply->what == HTTP_MISSING) {
		start_calls(j);
		return;
	}
	if (reply->what != HTTP_OK || !items) {
		again_later(j, reply);
		return;
	}
	first = items->type == BR_JT_ARRAY ? items->child : items->type == BR_JT_OBJECT ? items : NULL;
	if (!first) {
		start_calls(j);
		return;
	}
	if (items->type == BR_JT_ARRAY && first->next) {
		answer(j, RCPT_AMBIGUOUS, NULL, BR_STR_NONE, BR_STR_NONE, false);
		return;
	}
	j->lid = http_tree_text(http_tree_at(first, j->h->key));
	if (!take_object(j, first, BR_STR_NONE)) {
		out_of_memory(j);
		return;
	}
	if (j->cmd->attempted && as_sent(j)) {
		/* found, and exactly what we would send: our own earlier call */
		j->doubt = true;
		answer(j, RCPT_APPLIED, &j->now, BR_STR_NONE, BR_STR_NONE, false);
		return;
	}
	answer(j, RCPT_EXISTS, &j->now, BR_STR_NONE, BR_STR_NONE, true);
}

/* True when the natural key has all its values: else there is nothing to look up by. */
static bool can_look_up(const struct http_job *j)
{
	return j->h->lookup_path.n && j->cmd->nk.n > 2 && !memmem(j->cmd->nk.p, j->cmd->nk.n, ":null", 5);
}

static void lookup(struct http_job *j, http_reply_fn *fn)
{
	struct http_vars v = vars_of(j);

	send(j, "GET", http_fill(j->h->lookup_path, &v, true, &j->arena), BR_STR_NONE, NULL, fn);
}

/* ---- calls ---- */

static bool has_column(const struct http_call *c, unsigned field)
{
	for (size_t i = 0; i < c->ncolumns; i++)
		if (c->columns[i] == field)
			return true;
	return c->all;
}

/* The next element of the call's part that has something to send. */
static bool next_element(struct http_job *j)
{
	const struct image *set = &j->cmd->set;

	for (uint32_t i = j->element_at; i < set->n; i++) {
		const struct cell *c = &set->cells[i];

		if (c->part != j->call->part || (j->element && br_str_eq(c->key, j->element->key)) || !has_column(j->call, c->field))
			continue;
		j->element = c;
		j->element_at = i + 1;
		return true;
	}
	return false;
}

/* Is this call part of the plan? A create makes every call that is not for a column nobody set. */
static bool needed(struct http_job *j)
{
	if (j->call->part > 0)
		return next_element(j);
	if (j->call->ncolumns == 0)
		return true;
	for (uint32_t i = 0; i < j->cmd->set.n; i++)
		if (j->cmd->set.cells[i].part == 0 && has_column(j->call, j->cmd->set.cells[i].field))
			return true;
	return false;
}

static int member_cmp(const void *a, const void *b)
{
	return br_str_cmp(((const struct http_member *)a)->path, ((const struct http_member *)b)->path);
}

static struct br_str body_of(struct http_job *j, struct http_vars *v)
{
	const struct http_call *c = j->call;
	const struct image *set = &j->cmd->set;
	struct http_member *members = br_arena_array(&j->arena, struct http_member, c->nbody + set->n + 1);
	size_t n = 0;
	struct br_buf b;
	struct br_jw w;
	struct br_str out;

	if (!members)
		return BR_STR_NONE;
	for (size_t i = 0; i < c->nbody; i++)
		members[n++] = (struct http_member){c->body[i].name, http_fill(c->body[i].value, v, false, &j->arena)};
	for (uint32_t i = 0; i < set->n; i++) {
		const struct cell *cell = &set->cells[i];
		struct br_str name = j->h->shape->fields[cell->field].name;
		bool listed = false;

		if (cell->part != c->part || !has_column(c, cell->field) || (c->part > 0 && !br_str_eq(cell->key, j->element->key)))
			continue;
		for (size_t k = 0; k < c->nbody; k++)
			listed |= br_str_eq(c->body[k].name, name);
		if (!listed)
			members[n++] = (struct http_member){name, cell->value};
	}
	qsort(members, n, sizeof(*members), member_cmp);
	br_buf_init(&b, 16u << 20);
	br_jw_init(&w, &b);
	if (c->wrap.n) {
		br_jw_object(&w);
		br_jw_key(&w, c->wrap);
	}
	http_write_object(members, n, &w);
	if (c->wrap.n)
		br_jw_end_object(&w);
	out = br_jw_failed(&w) ? BR_STR_NONE : br_arena_copy(&j->arena, br_buf_str(&b));
	br_buf_release(&b);
	return out;
}

static const char *const *headers_of(struct http_job *j)
{
	const char **h = br_arena_array(&j->arena, const char *, 3);
	struct br_str call = BR_STR_NONE;
	size_t n = 0;

	if (!h)
		return NULL;
	if (j->h->idempotency.n) {
		/* one key per call: the delivery, the call, the element */
		if (j->call->part > 0)
			call = br_arena_printf(&j->arena, "/%.*s/%.*s", BR_STR_ARG(j->call->name), BR_STR_ARG(j->element->key));
		else
			call = br_arena_printf(&j->arena, "/%.*s", BR_STR_ARG(j->call->name));
		h[n++] = br_arena_printf(&j->arena, "%.*s: %.*s%.*s", BR_STR_ARG(j->h->idempotency), BR_STR_ARG(j->cmd->did_text), BR_STR_ARG(call)).p;
	}
	if (j->h->etag && j->call->etag && j->etag.n)
		h[n++] = br_arena_printf(&j->arena, "If-Match: %.*s", BR_STR_ARG(j->etag)).p;
	return h;
}

static void call_done(struct http_job *j, const struct http_reply *reply)
{
	const struct http_node *object = br_str_eq(j->call->object, BR_STR("-")) ? NULL : http_tree_at(reply->body, j->call->object);
	bool told = false;

	j->tries = 0;
	j->wait_ms = RETRY_FIRST_MS;
	j->sent_any = true;
	if (j->call->lid.n && !j->lid.n) {
		j->lid = http_tree_text(http_tree_at(reply->body, j->call->lid));
		told = j->lid.n > 0;
	}
	if (reply->etag.n)
		j->etag = j->write_etag = reply->etag;
	else
		j->etag = BR_STR_NONE;
	if (object && object->type == BR_JT_OBJECT)
		take_object(j, object, j->etag);
	else
		j->now.n = 0;
	/* the number is kept at once: what follows may fail, and is then resumed under it */
	if (told && (j->call->next || j->call->part > 0))
		answer(j, RCPT_PROGRESS, NULL, BR_STR_NONE, BR_STR_NONE, false);
	if (j->call->part == 0) {
		j->call = j->call->next;
		j->element = NULL;
		j->element_at = 0;
	}
	run(j);
}

static void unknown_outcome(struct http_job *j, const struct http_reply *reply)
{
	/* the same key again gives the same answer */
	if (j->h->idempotency.n) {
		again_later(j, reply);
		return;
	}
	j->step = j->lid.n ? STEP_SETTLE : STEP_SETTLE_CREATE;
	again_later(j, reply);
}

static void on_call(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;

	if (reply->outcome == BR_HTTP_UNKNOWN) {
		unknown_outcome(j, reply);
		return;
	}
	switch (reply->what) {
	case HTTP_OK:
		call_done(j, reply);
		break;
	case HTTP_STALE:
		j->step = STEP_LOOK;
		j->cmd->attempted = j->sent_any;
		run(j);
		break;
	case HTTP_MISSING:
		answer(j, RCPT_GONE, NULL, reply->code, reply->text, false);
		break;
	case HTTP_DUPLICATE:
		j->step = STEP_LOOKUP;
		j->cmd->attempted = true;
		run(j);
		break;
	case HTTP_CORRECT:
	case HTTP_WAIT:
	case HTTP_STOP:
		answer(j, RCPT_REJECTED, NULL, reply->code, reply->text, false);
		break;
	case HTTP_PENDING:
		answer(j, RCPT_PENDING, NULL, reply->code, reply->text, false);
		break;
	default:
		/* a page that is no JSON, or a server error, may have come after the effect */
		if (reply->outcome == BR_HTTP_ANSWER && (!reply->body || reply->status >= 500))
			unknown_outcome(j, reply);
		else
			again_later(j, reply);
	}
}

static void make_call(struct http_job *j)
{
	struct http_vars v = vars_of(j);
	struct br_str body;

	v.part = (unsigned)j->call->part;
	v.key = j->element ? j->element->key : BR_STR_NONE;
	body = body_of(j, &v);
	if (!body.p) {
		out_of_memory(j);
		return;
	}
	send(j, j->call->method.p, http_fill(j->call->path, &v, true, &j->arena), body, headers_of(j), on_call);
}

/* ---- settling an unknown outcome without a key ---- */

static void on_settle(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;

	if (reply->what != HTTP_OK || !take_object(j, http_tree_at(reply->body, j->h->get_object), reply->etag)) {
		if (reply->what == HTTP_MISSING)
			answer(j, RCPT_GONE, NULL, reply->code, reply->text, false);
		else
			again_later(j, reply);
		return;
	}
	j->doubt = true;
	if (as_sent(j)) {
		answer(j, RCPT_APPLIED, &j->now, BR_STR_NONE, BR_STR_NONE, false);
	} else if (as_before(j)) {
		j->step = STEP_CALL;
		run(j);
	} else if (j->cmd->op == OP_CREATE) {
		/* our own half-made record: the remaining calls bring it to what was sent */
		j->step = STEP_CALL;
		run(j);
	} else {
		answer(j, RCPT_STALE, &j->now, BR_STR_NONE, BR_STR_NONE, true);
	}
}

static void on_settle_create(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;
	const struct http_node *items = http_tree_at(reply->body, j->h->lookup_items), *first = NULL;

	if (reply->what != HTTP_OK && reply->what != HTTP_MISSING) {
		again_later(j, reply);
		return;
	}
	if (items)
		first = items->type == BR_JT_ARRAY ? items->child : items->type == BR_JT_OBJECT ? items : NULL;
	if (!first || (items->type == BR_JT_ARRAY && first->next)) {
		/* never a blind second POST */
		answer(j, first ? RCPT_AMBIGUOUS : RCPT_PARKED, NULL, BR_STR_NONE, BR_STR("no answer to the create, and no record by its key"), false);
		return;
	}
	j->doubt = true;
	j->lid = http_tree_text(http_tree_at(first, j->h->key));
	if (!take_object(j, first, BR_STR_NONE))
		out_of_memory(j);
	else if (as_sent(j))
		answer(j, RCPT_APPLIED, &j->now, BR_STR_NONE, BR_STR_NONE, false);
	else
		answer(j, RCPT_EXISTS, &j->now, BR_STR_NONE, BR_STR_NONE, false);
}

/* ---- the end: what is there now ---- */

static void on_final(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;
	bool atomic;

	if (reply->what != HTTP_OK || !take_object(j, http_tree_at(reply->body, j->h->get_object), reply->etag)) {
		again_later(j, reply);
		return;
	}
	atomic = j->write_etag.n && br_str_eq(j->etag, j->write_etag);
	answer(j, RCPT_APPLIED, &j->now, BR_STR_NONE, BR_STR_NONE, atomic);
}

static void run_calls(struct http_job *j)
{
	while (j->call && !needed(j)) {
		j->call = j->call->next;
		j->element = NULL;
		j->element_at = 0;
	}
	if (j->call) {
		make_call(j);
		return;
	}
	if (j->now.n && j->sent_any && j->lid.n) {
		answer(j, RCPT_APPLIED, &j->now, BR_STR_NONE, BR_STR_NONE, true);
		return;
	}
	j->step = STEP_FINAL;
	get(j, on_final);
}

static void run(void *arg)
{
	struct http_job *j = arg;

	switch (j->step) {
	case STEP_LOOK:
		get(j, on_look);
		break;
	case STEP_LOOKUP:
		lookup(j, on_lookup);
		break;
	case STEP_CALL:
		run_calls(j);
		break;
	case STEP_SETTLE:
		get(j, on_settle);
		break;
	case STEP_SETTLE_CREATE:
		lookup(j, on_settle_create);
		break;
	case STEP_FINAL:
		get(j, on_final);
		break;
	}
}

static void start(struct http_state *s, struct conn_command *cmd)
{
	struct http_job *j = calloc(1, sizeof(*j));
	struct br_err err;

	if (!j) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_NOMEM, NULL);
		conn_failed(s->conn, &err);
		return;
	}
	j->s = s;
	j->cmd = cmd;
	j->h = cmd->record->kind;
	j->lid = cmd->lid;
	j->wait_ms = RETRY_FIRST_MS;
	j->again = (struct br_timer){.fn = run, .arg = j};
	br_arena_init(&j->arena, JOB_ARENA);
	j->next = s->jobs;
	s->jobs = j;
	if (cmd->op == OP_UPDATE || cmd->lid.n) {
		j->step = STEP_LOOK;
		run(j);
	} else if (cmd->attempted && j->h->idempotency.n) {
		start_calls(j); /* the key finds the first attempt */
	} else if (can_look_up(j)) {
		j->step = STEP_LOOKUP;
		run(j);
	} else if (cmd->attempted) {
		answer(j, RCPT_PARKED, NULL, BR_STR_NONE, BR_STR("an earlier attempt may have created it, and there is nothing to look it up by"), false);
	} else {
		start_calls(j);
	}
}

void http_apply(void *state, struct conn_command *const *cmds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		start(state, cmds[i]);
}
