/*
 * http_write.c - one command as a small state machine: look, compare, call by call, look again.
 *
 * H1 (key and ETag): every call carries a key made of the delivery, so an unknown outcome is asked
 * again with the same key and the first answer comes back. H2 (ETag only): an unknown outcome is
 * settled by reading: as sent -> done, as before -> sent again, else stale, in doubt. H3 (neither):
 * read, compare, write, read. Whoever writes between our reading and our writing is overwritten;
 * nobody can help that there.
 *
 * A call that comes back stale (412) never leads to a write without a condition: the record is read
 * and compared again.
 */
#include "http_job.h"
#include "br_crash.h"
#include "br_rule.h"
#include "br_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NO_RECORD_TRIES 3
#define KEY_TRIES	2 /* repetitions of one call under its key before the record is looked at */
#define NEVER		"\"casebridge-none\"" /* an ETag no record has */

/* ---- asking ---- */

static struct http_vars vars_of(struct http_job *j)
{
	return (struct http_vars){.o = j->s->options,
		.lid = j->lid,
		.did = j->cmd->did_text,
		.shape = j->work.record->shape,
		.set = &j->cmd->set,
		.base = &j->cmd->base};
}

static void out_of_memory(struct http_job *j)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_NOMEM, NULL);
	http_job_fail(j, &err);
}

static void send(struct http_job *j, const char *method, struct br_str path, struct br_str body,
	const char *const *headers, http_reply_fn *fn)
{
	struct br_err err;

	br_err_clear(&err);
	if (br_arena_failed(&j->arena))
		out_of_memory(j);
	else if (http_client_send(j->s->client, method, path, body, headers, j->cmd->deadline_us,
			 &j->arena, fn, j, &err) < 0)
		http_job_fail(j, &err);
}

static void get(struct http_job *j, http_reply_fn *fn)
{
	struct http_vars v = vars_of(j);

	send(j, "GET", http_fill(j->work.record->get_path, &v, true, &j->arena), BR_STR_NONE, NULL,
		fn);
}

static void go(struct http_job *j, enum http_step step)
{
	j->step = step;
	http_job_run(j);
}

/* The record of an answer becomes `now`. False when there is none in it. */
static bool take_object(struct http_job *j, const struct http_node *object, struct br_str etag,
	enum http_known known)
{
	const struct http_record *h = j->work.record;

	if (!object || object->type != BR_JT_OBJECT)
		return false;
	if (http_tree_image(object, h->shape, h->parts, h->nparts, &j->arena, &j->now) < 0)
		return false;
	j->etag = etag;
	j->known = known;
	return true;
}

/* ---- what the record tells ---- */

static void stale(struct http_job *j, bool doubt)
{
	/* what is ours must not be read as somebody's edit, nor an edit as ours */
	if (j->moved && j->have_mine &&
		http_plan_done(&j->work, j->unit, &j->mine, &j->arena, &j->mine) == 0)
		http_job_progress(j, true);
	j->doubt = doubt || (j->moved && !j->have_mine);
	http_job_answer(j, RCPT_STALE, &j->now, BR_STR_NONE, BR_STR_NONE, !j->doubt);
}

/* Units from the current one on that are neither as before nor as sent. */
static bool any_other(const struct http_job *j)
{
	for (struct http_unit u = j->unit; u.call; u = http_plan_next(&j->work, u))
		if (http_plan_mark(&j->work, &u, &j->now) == HTTP_OTHER)
			return true;
	return false;
}

/* Can the key be asked without writing over anybody? A server that shows no ETag looks at no
 * condition. */
static bool can_ask(const struct http_job *j, bool untouched)
{
	return untouched ||
	       (j->work.record->etag && j->etag.n && j->unit.call && j->unit.call->etag);
}

/* Something of the command may be there already: what is open is sent, what is done is not
 * repeated, anything else is for the bridge to merge. */
static void compare(struct http_job *j)
{
	bool doubtful = j->unsure || j->doubt ||
			(j->cmd->attempted && !(j->keyed && j->work.record->etag)),
	     other = any_other(j);
	/* somebody may be at work on what an earlier call of ours wrote, or on what was found as
	 * sent and passed over */
	const struct image *done = j->have_mine				  ? &j->mine
				   : j->cmd->op == OP_UPDATE && !j->moved ? j->work.set
									  : NULL;

	if (done && !http_plan_done_same(&j->work, j->unit, done, &j->now)) {
		stale(j, doubtful);
		return;
	}
	if (j->cmd->op == OP_UPDATE &&
		(other || !http_plan_rest_same(
				  &j->work, j->have_mine ? &j->mine : j->work.base, &j->now))) {
		stale(j, doubtful);
		return;
	}
	j->resume = true;
	if (j->unsure && j->unit.call && http_plan_mark(&j->work, &j->unit, &j->now) == HTTP_OPEN) {
		http_job_failed_again(j);
		return;
	}
	j->doubt = j->doubt || doubtful || other;
	j->unsure = false;
	go(j, STEP_CALL);
}

/* The record was read and is there. */
static void found(struct http_job *j)
{
	bool untouched;

	BR_CRASH_POINT("http.looked");
	http_job_could_read(j);
	if (j->cmd->op == OP_CREATE && !j->claimed && !j->moved && !j->unsure) {
		/* somebody else's entry of the same case, equal or not: the bridge binds and merges
		 * it */
		http_job_answer(j, RCPT_EXISTS, &j->now, BR_STR_NONE, BR_STR_NONE, true);
		return;
	}
	untouched = j->cmd->op == OP_UPDATE && http_plan_untouched(&j->work, &j->now);
	if (j->asking && can_ask(j, untouched)) {
		/* Only the key knows whether the first attempt came through. Where the record is
		 * not as before, the question itself must not write. */
		j->probe = !untouched;
		go(j, STEP_CALL);
	} else if (j->cmd->op == OP_UPDATE && !j->moved && !j->unsure && !j->doubt &&
		   !j->cmd->attempted) {
		if (untouched)
			go(j, STEP_CALL);
		else
			stale(j, false);
	} else {
		compare(j);
	}
}

static void not_found(struct http_job *j, const struct http_reply *reply)
{
	http_job_could_read(j);
	if (j->cmd->op == OP_UPDATE || j->have_mine) {
		http_job_answer(j, RCPT_GONE, NULL, reply->code, reply->text, false);
		return;
	}
	/* a number without a record: the rest of the create is still to come */
	j->known = KNOWN_ABSENT;
	j->asking = false;
	if (!j->told && !j->cmd->lid.n)
		http_job_progress(j, false);
	j->told = true;
	if (j->unsure)
		http_job_failed_again(j);
	else
		go(j, STEP_CALL);
}

/* In the words of the last answer. */
static void park(struct http_job *j)
{
	j->doubt = true;
	http_job_answer(j, RCPT_PARKED, NULL, br_str_z(j->code), br_str_z(j->text), false);
}

/* A reason of our own; the last answer, if it says more. */
static void say(struct http_job *j, enum br_err_code code, bool more)
{
	struct br_str text = br_utf8_cut(br_str_z(j->text), 150);
	char last[sizeof(j->code) + 160] = "";

	if (more)
		snprintf(last, sizeof(last), ": %s %.*s", j->code, BR_STR_ARG(text));
	snprintf(j->code, sizeof(j->code), "%s", br_err_tag((int)code));
	snprintf(j->text, sizeof(j->text), "%s%s", br_err_words((int)code, BR_LANG_EN), last);
}

static void park_as(struct http_job *j, enum br_err_code code)
{
	say(j, code, false);
	park(j);
}

/* The answer to a question is neither what was asked for nor "later", and asking on will not change
 * that; of an answer without a record only after a while, for it may still be on its way. */
static bool is_no_use(const struct http_job *j, const struct http_reply *reply)
{
	switch (reply->what) {
	case HTTP_OK:
		return j->tries >= NO_RECORD_TRIES;
	case HTTP_RETRY:
	case HTTP_STALE:
		return false;
	default:
		return true;
	}
}

/* One record that cannot be read must not keep the others waiting: a person is told in the portal's
 * own words. */
static void cannot_look(struct http_job *j, const struct http_reply *reply)
{
	bool maybe = j->moved || j->unsure || j->doubt || j->cmd->attempted;

	if (!is_no_use(j, reply)) {
		http_job_unread(j, reply);
		return;
	}
	http_job_note(j, reply);
	if (reply->what == HTTP_OK)
		say(j, BR_E_HTTP_NO_RECORD, false);
	if (j->moved && j->have_mine)
		http_job_progress(j, true);
	if (maybe)
		park(j);
	else
		http_job_answer(
			j, RCPT_REJECTED, NULL, br_str_z(j->code), br_str_z(j->text), false);
}

static void on_neighbours(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;

	if (reply->what != HTTP_OK) {
		http_job_hand_back(j);
		return;
	}
	say(j, BR_E_HTTP_FAILS_HERE, true);
	park(j);
}

static struct br_str list_of(struct http_job *j, const struct http_record *h)
{
	const struct http_state *s = j->s;
	int64_t limit = h->has_list ? h->list_limit : h->sweep_limit;
	struct http_vars v = {.o = s->options,
		.page = BR_STR("1"),
		.cursor = h->has_list ? s->cursor[h - s->records] : BR_STR_NONE,
		.limit = br_arena_printf(&j->arena, "%" PRId64, limit)};

	if (!h->has_list && !h->has_sweep)
		return BR_STR_NONE;
	return http_fill(h->has_list ? h->list_path : h->sweep_path, &v, true, &j->arena);
}

/* A list where reading stands or from its beginning: of its own sort of record, for another may
 * have a server of its own; if that has none, of any. None: BR_STR_NONE. */
static struct br_str some_list(struct http_job *j)
{
	struct br_str path = list_of(j, j->work.record);

	for (size_t i = 0; i < j->s->nrecords && !path.n; i++)
		path = list_of(j, &j->s->records[i]);
	return path;
}

void http_job_ask_neighbours(struct http_job *j)
{
	struct br_str path = some_list(j);

	if (path.n || br_arena_failed(&j->arena))
		send(j, "GET", path, BR_STR_NONE, NULL, on_neighbours);
	else
		http_job_hand_back(j);
}

static void on_look(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;

	if (reply->what == HTTP_MISSING)
		not_found(j, reply);
	else if (reply->what == HTTP_OK &&
		 take_object(j, http_tree_at(reply->body, j->work.record->get_object), reply->etag,
			 KNOWN_GET))
		found(j);
	else
		cannot_look(j, reply);
}

/* ---- looking for it by its natural key ---- */

/* True when the natural key has all its values: else there is nothing to look up by. */
static bool can_look_up(const struct http_job *j)
{
	return j->work.record->lookup_path.n && j->cmd->nk.n > 2 &&
	       !memmem(j->cmd->nk.p, j->cmd->nk.n, ":null", 5);
}

/* A call that only gives out a number makes no record, so it may be made again. */
static bool only_numbers(const struct http_unit *u)
{
	return u->call && u->call->lid.n && u->call->ncolumns == 0 && !u->call->all &&
	       u->call->next;
}

/* No record by that key, as far as the search shows. */
static void nobody(struct http_job *j)
{
	const struct http_record *h = j->work.record;
	bool maybe = j->duplicate || j->unsure || j->cmd->attempted;

	http_job_could_read(j);
	if (!j->looked && h->visibility_ms > 0 && (maybe || !(j->keyed || h->unique))) {
		/* it may be there and not yet be found */
		j->looked = true;
		http_job_wait(j, h->visibility_ms, NULL);
		return;
	}
	if (j->duplicate)
		park_as(j, BR_E_HTTP_NOT_FOUND);
	else if (maybe && !j->keyed && !h->unique && !only_numbers(&j->unit))
		park_as(j, BR_E_HTTP_MAY_BE_THERE); /* never a blind second POST */
	else if (j->unsure)
		http_job_failed_again(j);
	else
		go(j, STEP_CALL);
}

/* The record is there under this number. A call without an answer that was to make it is over: it
 * may well have done so, and what comes next are the calls after it. */
static void numbered(struct http_job *j, struct br_str lid)
{
	if (j->unsure && !only_numbers(&j->unit))
		j->claimed = j->doubt = true;
	j->unsure = false;
	j->lid = lid;
	j->work.numbered = true;
	j->unit = http_plan_first(&j->work);
	j->known = KNOWN_NOTHING;
}

static void on_lookup(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;
	const struct http_record *h = j->work.record;
	const struct http_node *items = http_tree_at(reply->body, h->lookup_items), *first;
	struct br_str lid;

	if (reply->what == HTTP_MISSING) {
		nobody(j);
		return;
	}
	if (reply->what != HTTP_OK || !items) {
		cannot_look(j, reply);
		return;
	}
	first = items->type == BR_JT_ARRAY    ? items->child
		: items->type == BR_JT_OBJECT ? items
					      : NULL;
	if (!first) {
		nobody(j);
		return;
	}
	lid = http_tree_text(http_tree_at(first, h->key));
	if ((items->type == BR_JT_ARRAY && first->next) || !lid.n) {
		http_job_answer(j, RCPT_AMBIGUOUS, NULL, BR_STR_NONE, BR_STR_NONE, false);
		return;
	}
	/* a search tells of yesterday; the record itself is what counts */
	numbered(j, lid);
	go(j, STEP_LOOK);
}

static void lookup(struct http_job *j)
{
	struct http_vars v = vars_of(j);

	BR_CRASH_POINT("http.lookup");
	send(j, "GET", http_fill(j->work.record->lookup_path, &v, true, &j->arena), BR_STR_NONE,
		NULL, on_lookup);
}

/* ---- calls ---- */

static const char *const *headers_of(struct http_job *j)
{
	const struct http_record *h = j->work.record;
	const char **list = br_arena_array(&j->arena, const char *, 3);
	size_t n = 0;

	if (!list)
		return NULL;
	if (j->keyed) {
		struct br_str key = http_plan_key(&j->unit, j->cmd->did_text, &j->arena);

		list[n++] = br_arena_printf(
			&j->arena, "%.*s: %.*s", BR_STR_ARG(h->idempotency), BR_STR_ARG(key))
				    .p;
	}
	if (h->etag && j->unit.call->etag && j->lid.n && (j->probe || j->etag.n))
		list[n++] =
			j->probe ? "If-Match: " NEVER
				 : br_arena_printf(&j->arena, "If-Match: %.*s", BR_STR_ARG(j->etag))
					   .p;
	return list;
}

/* The answer to the current call showed the record. */
static void take_mine(struct http_job *j)
{
	if (!j->have_mine)
		j->mine = j->now;
	else if (http_plan_left(&j->work, j->unit, &j->mine, &j->now, &j->arena, &j->mine) < 0)
		return; /* the arena has failed, and with it the next request */
	j->have_mine = true;
}

static void unit_done(struct http_job *j, const struct http_reply *reply)
{
	const struct http_call *call = j->unit.call;
	const struct http_node *object = br_str_eq(call->object, BR_STR("-"))
						 ? NULL
						 : http_tree_at(reply->body, call->object);
	bool numbers = only_numbers(&j->unit) && !j->lid.n;

	j->tries = j->failures = 0;
	j->unsure = j->asking = j->probe = false;
	j->moved = j->moved || !numbers;
	if (call->lid.n && !j->lid.n) {
		j->lid = http_tree_text(http_tree_at(reply->body, call->lid));
		if (!j->lid.n) {
			/* it was done, and we cannot tell what it is called there */
			park_as(j, BR_E_HTTP_NO_NUMBER);
			return;
		}
		j->known = KNOWN_ABSENT;
	}
	j->write_etag = numbers ? BR_STR_NONE : reply->etag;
	if (take_object(j, object, reply->etag, KNOWN_WRITE))
		take_mine(j);
	else if (!numbers)
		j->known = KNOWN_NOTHING;
	j->unit = http_plan_next(&j->work, j->unit);
	/* the number is kept at once: what follows may fail, and is then resumed under it */
	if (call->lid.n && j->unit.call && !j->told) {
		http_job_progress(j, j->have_mine);
		j->told = true;
	}
	if (j->unit.call)
		BR_CRASH_POINT("http.between_calls");
	go(j, STEP_CALL);
}

static void unclear(struct http_job *j, const struct http_reply *reply)
{
	j->unsure = true;
	/* the same key again brings the same answer */
	if (j->keyed && ++j->failures <= KEY_TRIES && http_job_time_left_ms(j) > 1000) {
		http_job_again(j, reply);
		return;
	}
	if (!j->lid.n && !can_look_up(j)) {
		http_job_note(j, reply);
		if (j->keyed || j->work.record->unique || only_numbers(&j->unit))
			http_job_failed_again(j);
		else
			park_as(j, BR_E_HTTP_NO_LOOKUP);
		return;
	}
	j->tries = j->failures = 0;
	j->wait_ms = 0;
	j->asking = j->probe = false;
	j->looked = false; /* what this call may have made is not yet found, perhaps */
	j->step = j->lid.n ? STEP_LOOK : STEP_LOOKUP;
	http_job_again(j, reply);
}

/* A create is answered with "there is one already". */
static void duplicate(struct http_job *j, const struct http_reply *reply)
{
	struct br_str lid = BR_STR_NONE;

	for (const struct http_call *c = j->work.record->create; c && !lid.n; c = c->next)
		lid = c->lid.n ? http_tree_text(http_tree_at(reply->body, c->lid)) : BR_STR_NONE;
	j->duplicate = true;
	j->probe = false;
	j->tries = 0;
	if (lid.n && br_str_eq(lid, j->lid)) {
		j->claimed = true;
		go(j, STEP_LOOK);
	} else if (lid.n) {
		numbered(j, lid);
		go(j, STEP_LOOK);
	} else if (can_look_up(j)) {
		go(j, STEP_LOOKUP);
	} else {
		http_job_note(j, reply);
		http_job_answer(j, RCPT_REJECTED, NULL, reply->code, reply->text, false);
	}
}

static void refused(struct http_job *j, const struct http_reply *reply)
{
	if (j->moved && j->have_mine)
		http_job_progress(j, true);
	http_job_answer(j, RCPT_REJECTED, NULL, reply->code, reply->text, false);
}

static void pending(struct http_job *j, const struct http_reply *reply)
{
	struct br_str ref = j->unit.call->ref.n
				    ? http_tree_text(http_tree_at(reply->body, j->unit.call->ref))
				    : j->lid;
	size_t n = ref.n < sizeof(j->text) - 1 ? ref.n : sizeof(j->text) - 1;

	memcpy(j->text, ref.p ? ref.p : "", n);
	j->text[n] = '\0';
	http_job_answer(j, RCPT_PENDING, NULL, reply->code, reply->text, false);
}

/* The key of this call is not known there: an attempt may all the same have found done what it is
 * to do, passed over it, and made the calls behind it. */
static bool ask_next(struct http_job *j)
{
	struct http_unit next = http_plan_next(&j->work, j->unit);

	if (!next.call || !next.call->etag) {
		j->unit = http_plan_first(&j->work);
		return false;
	}
	j->unit = next;
	go(j, STEP_CALL);
	return true;
}

static void on_call(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;

	BR_CRASH_POINT("http.answered");
	if (reply->unsure) {
		BR_CRASH_POINT("http.no_answer");
		unclear(j, reply);
		return;
	}
	switch (reply->what) {
	case HTTP_OK:
		unit_done(j, reply);
		break;
	case HTTP_STALE:
		BR_CRASH_POINT("http.stale");
		if (j->probe && ask_next(j))
			break;
		/* the key remembers nothing, and the record has changed */
		j->asking = j->probe = false;
		if (j->tries > 0) {
			j->step = STEP_LOOK;
			http_job_again(j, reply);
		} else {
			j->tries++;
			go(j, STEP_LOOK);
		}
		break;
	case HTTP_MISSING:
		/* what is not there yet cannot be gone: it is the item, the path... that is missing
		 */
		if (j->cmd->op == OP_CREATE && !j->have_mine)
			refused(j, reply);
		else
			http_job_answer(j, RCPT_GONE, NULL, reply->code, reply->text, false);
		break;
	case HTTP_DUPLICATE:
		if (j->cmd->op == OP_CREATE)
			duplicate(j, reply);
		else
			refused(j, reply);
		break;
	case HTTP_CORRECT:
	case HTTP_WAIT:
	case HTTP_STOP:
		refused(j, reply);
		break;
	case HTTP_PENDING:
		pending(j, reply);
		break;
	default:
		http_job_again(j, reply);
	}
}

/* The first call that writes. One whose outcome is being asked, or that goes on, is not held back:
 * it may have been made already. */
static bool may_call(struct http_job *j)
{
	int64_t ms;

	if (j->allowed || j->asking || j->probe || j->unsure || j->moved)
		return true;
	j->allowed = conn_may_write(j->s->conn, j->cmd, &ms);
	if (j->allowed)
		return true;
	http_job_later(j, ms);
	return false;
}

static void make_call(struct http_job *j)
{
	struct http_vars v = vars_of(j);
	struct br_str body;

	v.part = (unsigned)j->unit.call->part;
	v.key = j->unit.element;
	body = http_plan_body(&j->work, &j->unit, &v, &j->arena);
	if (!body.p) {
		http_job_answer(j, RCPT_REJECTED, NULL, BR_STR("too-large"),
			BR_STR("the request would be larger than 16 MiB"), false);
		return;
	}
	BR_CRASH_POINT("http.call");
	if (may_call(j))
		send(j, j->unit.call->method.p, http_fill(j->unit.call->path, &v, true, &j->arena),
			body, headers_of(j), on_call);
}

/* ---- the end: what is there now ---- */

/* post is exactly what our write left: only where the server guards writes, told its ETag, and
 * nothing had to be guessed. */
static bool exact(const struct http_job *j)
{
	return j->work.record->etag && j->write_etag.n && br_str_eq(j->etag, j->write_etag) &&
	       !j->doubt && http_plan_covers(&j->work);
}

static void applied(struct http_job *j)
{
	BR_CRASH_POINT("http.applied");
	http_job_answer(j, RCPT_APPLIED, &j->now, BR_STR_NONE, BR_STR_NONE, exact(j));
}

static void on_final(void *arg, const struct http_reply *reply)
{
	struct http_job *j = arg;

	if (reply->what == HTTP_MISSING)
		http_job_answer(j, RCPT_GONE, NULL, reply->code, reply->text, false);
	else if (reply->what == HTTP_OK &&
		 take_object(j, http_tree_at(reply->body, j->work.record->get_object), reply->etag,
			 KNOWN_GET))
		applied(j);
	else if (is_no_use(j, reply))
		/* every call was answered well; what became of the record is not for us to see */
		http_job_answer(j, RCPT_APPLIED, NULL, BR_STR_NONE, BR_STR_NONE, false);
	else
		http_job_again(j, reply);
}

/* Is it known well enough what the next call would overwrite? */
static bool must_look(const struct http_job *j)
{
	if (!j->lid.n || j->probe)
		return false;
	if (j->known == KNOWN_NOTHING)
		return true;
	return j->known == KNOWN_WRITE && j->work.record->etag && !j->etag.n;
}

/* A unit that the record already shows; or, in a create of ours, one where somebody was at work
 * since. */
static bool done_already(const struct http_job *j)
{
	enum http_mark mark;

	if (!j->resume || j->known == KNOWN_ABSENT || j->known == KNOWN_NOTHING)
		return false;
	mark = http_plan_mark(&j->work, &j->unit, &j->now);
	return mark == HTTP_DONE || (mark == HTTP_OTHER && j->cmd->op == OP_CREATE);
}

/*
 * The answer to our own call is the last that can be seen of an edit before the next call writes
 * over it: where the server knows no conditions, and where a key brings the answer to a call that a
 * predecessor made, whose ETag covers what was typed before that call. A create that goes on passes
 * edits over by itself.
 */
static bool shows_an_edit(const struct http_job *j)
{
	bool resumed = j->resume && j->cmd->op == OP_CREATE;
	bool unguarded = !j->work.record->etag || j->cmd->attempted;

	return j->moved && !resumed && unguarded && j->known == KNOWN_WRITE && any_other(j);
}

static void run_calls(struct http_job *j)
{
	while (j->unit.call && done_already(j))
		j->unit = http_plan_next(&j->work, j->unit);
	if (j->unit.call && must_look(j)) {
		go(j, STEP_LOOK);
	} else if (j->unit.call && shows_an_edit(j)) {
		stale(j, false);
	} else if (j->unit.call) {
		make_call(j);
	} else if (j->known == KNOWN_WRITE || j->known == KNOWN_GET) {
		applied(j);
	} else {
		j->step = STEP_FINAL;
		get(j, on_final);
	}
}

void http_job_run(void *job)
{
	struct http_job *j = job;

	switch (j->step) {
	case STEP_LOOK:
		get(j, on_look);
		break;
	case STEP_LOOKUP:
		lookup(j);
		break;
	case STEP_CALL:
		run_calls(j);
		break;
	case STEP_FINAL:
		get(j, on_final);
		break;
	}
}

static void start(struct http_state *s, struct conn_command *cmd)
{
	struct http_job *j = http_job_new(s, cmd);
	struct br_err err;

	if (!j) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_NOMEM, NULL);
		conn_failed(s->conn, &err);
		return;
	}
	j->asking = cmd->attempted && j->keyed && cmd->lid.n > 0;
	if (BR_WITHOUT(LOOK) && cmd->op == OP_UPDATE && !j->work.record->etag)
		j->known = KNOWN_GET;
	if (cmd->lid.n)
		go(j, j->known == KNOWN_GET ? STEP_CALL : STEP_LOOK);
	else if ((j->allowed = cmd->attempted && j->keyed))
		go(j, STEP_CALL); /* the key finds the first attempt; a look-up would find our own
				     record and take it for another's */
	else if (can_look_up(j))
		go(j, STEP_LOOKUP);
	else if (cmd->attempted && !j->work.record->unique && !only_numbers(&j->unit))
		park_as(j, BR_E_HTTP_NO_LOOKUP);
	else
		go(j, STEP_CALL);
}

void http_apply(void *state, struct conn_command *const *cmds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		start(state, cmds[i]);
}
