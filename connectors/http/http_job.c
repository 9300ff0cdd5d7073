#include "http_job.h"

#include <stdio.h>
#include <stdlib.h>

#define JOB_ARENA      (64u << 20)
#define RETRY_FIRST_MS 200
#define RETRY_MAX_MS   5000
#define TRIES	       3     /* of a command of which nothing is begun, before it is handed back */
#define LATER_MAX_MS   60000 /* a portal that says "in ten hours" may open sooner */
#define ROUNDS	       12 /* about five minutes of failing at one record while its neighbours work */

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

struct http_job *http_job_new(struct http_state *s, struct conn_command *cmd)
{
	struct http_job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->s = s;
	j->cmd = cmd;
	j->lid = cmd->lid;
	j->work = (struct http_work){.record = cmd->record->kind,
		.op = cmd->op,
		.base = &cmd->base,
		.set = &cmd->set,
		.numbered = cmd->lid.n > 0};
	j->keyed = j->work.record->idempotency.n > 0;
	j->claimed = cmd->attempted || cmd->lid.n;
	j->unit = http_plan_first(&j->work);
	j->wait_ms = RETRY_FIRST_MS;
	j->again = (struct br_timer){.fn = http_job_run, .arg = j};
	br_arena_init(&j->arena, JOB_ARENA);
	j->next = s->jobs;
	s->jobs = j;
	return j;
}

int64_t http_job_time_left_ms(const struct http_job *j)
{
	if (!j->cmd->deadline_us)
		return INT64_MAX;
	return (j->cmd->deadline_us - br_loop_now(conn_loop(j->s->conn))) / 1000;
}

void http_job_fail(struct http_job *j, const struct br_err *err)
{
	conn_failed(j->s->conn, err);
}

/* How often this command was handed back because its calls failed and nobody could say why, and
 * because its record could not be read. That outlives the job in the command, a byte for each. */
enum rounds { FAILED = 0, UNREAD = 8 };

static unsigned rounds(const struct http_job *j, enum rounds of)
{
	return (unsigned)((uintptr_t)j->cmd->kind >> of & 0xff);
}

static void set_rounds(struct http_job *j, enum rounds of, unsigned n)
{
	uintptr_t others = (uintptr_t)j->cmd->kind & ~((uintptr_t)0xff << of);

	j->cmd->kind = (void *)(others | (uintptr_t)(n < ROUNDS ? n : ROUNDS) << of);
}

static int64_t wait_of_round(const struct http_job *j, enum rounds of)
{
	return (int64_t)RETRY_FIRST_MS << rounds(j, of);
}

void http_job_could_read(struct http_job *j)
{
	set_rounds(j, UNREAD, 0);
}

static void later(struct http_job *j, int64_t ms)
{
	struct http_state *s = j->s;
	struct conn_command *cmd = j->cmd;

	free_job(j);
	conn_later(s->conn, cmd, ms < LATER_MAX_MS ? ms : LATER_MAX_MS);
}

void http_job_later(struct http_job *j, int64_t ms)
{
	/* a record that an earlier call of ours made stays ours in the next round */
	j->cmd->attempted = j->cmd->op == OP_CREATE && j->doubt;
	later(j, ms);
}

static int64_t next_wait(struct http_job *j, const struct http_reply *reply)
{
	int64_t wait = j->wait_ms;

	j->wait_ms = wait * 2 < RETRY_FIRST_MS ? RETRY_FIRST_MS
		     : wait * 2 < RETRY_MAX_MS ? wait * 2
					       : RETRY_MAX_MS;
	return reply && reply->retry_after_ms > wait ? reply->retry_after_ms : wait;
}

void http_job_note(struct http_job *j, const struct http_reply *reply)
{
	snprintf(j->code, sizeof(j->code), "%.*s", BR_STR_ARG(reply->code));
	if (reply->outcome != BR_HTTP_ANSWER && reply->err)
		br_err_sentence(reply->err, br_lang_from_env(), j->text, sizeof(j->text));
	else
		snprintf(j->text, sizeof(j->text), "%.*s", BR_STR_ARG(reply->text));
}

static void start_over(struct http_job *j, const struct http_reply *reply)
{
	char url[512];
	struct br_err err;

	br_err_clear(&err);
	if (reply)
		http_reply_error(j->s, j->unit.call ? j->unit.call->path : j->work.record->get_path,
			reply, &err);
	else
		br_err_set(&err, BR_E_HTTP_UNREACHABLE, "url",
			http_shown(j->s->options, BR_STR_NONE, url, sizeof(url)), "why", j->text,
			NULL);
	http_job_fail(j, &err);
}

/* But for what may have been done before it was given to us. A call of ours without an answer may
 * still arrive: only the handshake waits until it cannot. */
static bool nothing_begun(const struct http_job *j)
{
	return !j->moved && !j->unsure;
}

static void hand_back(struct http_job *j, int64_t ms)
{
	/* what a call without an answer made is ours in the next round too */
	j->cmd->attempted |= j->doubt;
	later(j, ms);
}

void http_job_hand_back(struct http_job *j)
{
	hand_back(j, wait_of_round(j, UNREAD));
}

static bool has_time(const struct http_job *j, int64_t ms)
{
	return ms + HTTP_LEAST_MS < http_job_time_left_ms(j);
}

void http_job_wait(struct http_job *j, int64_t ms, const struct http_reply *reply)
{
	if (has_time(j, ms))
		br_timer_set(conn_loop(j->s->conn), &j->again, ms * 1000);
	else if (nothing_begun(j))
		hand_back(j, ms);
	else
		start_over(j, reply);
}

void http_job_again(struct http_job *j, const struct http_reply *reply)
{
	int64_t wait = next_wait(j, reply);

	j->tries++;
	if (reply)
		http_job_note(j, reply);
	/* without conditions in the server, what was read before the wait is worth nothing after it
	 */
	if (j->step == STEP_CALL && !j->work.record->etag && j->lid.n && !j->unsure &&
		j->known != KNOWN_ABSENT)
		j->known = KNOWN_NOTHING;
	/* reading waits for whoever is at work */
	if (j->tries > TRIES && nothing_begun(j))
		hand_back(j, wait > RETRY_MAX_MS ? wait : RETRY_MAX_MS);
	else
		http_job_wait(j, wait, reply);
}

void http_job_unread(struct http_job *j, const struct http_reply *reply)
{
	unsigned n = rounds(j, UNREAD) + 1;
	int64_t wait;

	if (!reply->unsure || !nothing_begun(j) || !(j->doubt || j->cmd->attempted)) {
		http_job_again(j, reply);
		return;
	}
	wait = next_wait(j, reply);
	j->tries++;
	http_job_note(j, reply);
	/* in the last round the first error is enough: one that is slow may take all of the lease
	 */
	if (n >= ROUNDS && has_time(j, 0)) {
		http_job_ask_neighbours(j);
	} else if (n < ROUNDS && j->tries <= TRIES && has_time(j, wait)) {
		http_job_wait(j, wait, reply);
	} else {
		set_rounds(j, UNREAD, n);
		http_job_hand_back(j);
	}
}

void http_job_failed_again(struct http_job *j)
{
	unsigned n = rounds(j, FAILED) + 1;

	j->unsure = false;
	set_rounds(j, FAILED, n);
	if (n >= ROUNDS) {
		if (j->moved && j->have_mine)
			http_job_progress(j, true);
		http_job_answer(
			j, RCPT_REJECTED, NULL, br_str_z(j->code), br_str_z(j->text), false);
		return;
	}
	if (j->moved) {
		http_job_again(j, NULL);
		return;
	}
	/* nothing of it is there now, whoever tried */
	http_job_later(j, wait_of_round(j, FAILED));
}

/* ---- answers ---- */

static void tell(struct http_job *j, enum msg_status status, const struct image *post,
	struct br_str code, struct br_str text, bool atomic)
{
	const struct conn_receipt r = {.status = status,
		.lid = j->lid,
		.post = post,
		.atomic = atomic,
		.doubt = j->doubt,
		.code = code,
		.text = text,
		.ref = status == RCPT_PENDING ? br_str_z(j->text) : BR_STR_NONE};

	conn_answer(j->s->conn, j->cmd, &r);
}

void http_job_progress(struct http_job *j, bool with_post)
{
	tell(j, RCPT_PROGRESS, with_post ? &j->mine : NULL, BR_STR_NONE, BR_STR_NONE, false);
}

void http_job_answer(struct http_job *j, enum msg_status status, const struct image *post,
	struct br_str code, struct br_str text, bool atomic)
{
	tell(j, status, post, code, text, atomic);
	free_job(j);
}
