/*
 * sim_sql.c - a kind for SQL systems: every call is a statement that the system carries out at some
 * moment, and an answer that comes back at a later one, or never.
 *
 * S1 has bridge_meta and an inbox; S2 has neither and settles what is unknown by comparing.
 */
#include "sim_sql.h"

#include "http_kind.h"

#include <stdio.h>
#include <stdlib.h>

#define STATEMENT (3 * SIM_MS)
#define MAX_CMDS  64

static void failed(struct sql_session *s, enum br_err_code code)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, code, "why", "simulated", "system", sim.systems[s->system].name.p, "dsn",
		"sim", NULL);
	conn_failed(s->conn, &err);
}

/* ---- reading ---- */

static void look(const struct sql_job *j, struct sql_seen *seen)
{
	const struct sim_row *r = sim_target_find(j->s->system, br_str_z(seen->lid));

	seen->there = r != NULL;
	if (!r)
		return;
	memcpy(seen->v, r->v, sizeof(seen->v));
	sim_target_read(r);
}

static void read_rows(struct sql_job *j)
{
	struct sim_target *t = &targets[j->s->system];

	j->rv = t->rv;
	j->beat = t->beat;
	if (j->call == CALL_POLL && t->rv == j->s->cursor)
		return;
	j->seen = br_arena_array(&sim.arena, struct sql_seen, SIM_RECORDS);
	for (int i = 0; i < t->nrows; i++)
		if (!t->rows[i].gone && (j->call == CALL_SWEEP || t->rows[i].rv > j->s->cursor)) {
			memcpy(j->seen[j->n].lid, t->rows[i].lid, sizeof(j->seen[j->n].lid));
			look(j, &j->seen[j->n++]);
		}
	/* what is told of it must not be older than what a backup has (a second statement, in the
	 * product) */
	t->beat += j->n > 0 && j->s->inbox;
	j->beat = t->beat;
}

static void tell(const struct sql_job *j, enum msg_reason reason)
{
	const struct sql_session *s = j->s;

	for (size_t i = 0; i < j->n; i++) {
		const struct sql_seen *seen = &j->seen[i];
		struct image img;

		if (seen->there)
			img = sim_image(
				&targets[s->system], seen->lid, seen->v, conn_arena(s->conn));
		conn_observe(s->conn, j->record, br_str_z(seen->lid), seen->there ? &img : NULL, 0,
			BR_STR_NONE, reason);
	}
}

static void polled(const struct sql_job *j)
{
	struct sql_session *s = j->s;
	char cursor[48];

	tell(j, OBS_POLL);
	conn_beat(s->conn, j->beat);
	s->cursor = j->rv;
	snprintf(cursor, sizeof(cursor), "{\"rv\":%lld}", (long long)j->rv);
	conn_polled(s->conn, br_str_z(cursor), false, s->every_ms);
}

static void swept(const struct sql_job *j)
{
	const struct sql_session *s = j->s;
	struct msg_digest d[SIM_RECORDS];

	for (size_t i = 0; i < j->n; i++) {
		struct image img = sim_image(
			&targets[s->system], j->seen[i].lid, j->seen[i].v, conn_arena(s->conn));

		d[i] = (struct msg_digest){br_str_z(j->seen[i].lid), image_hash(&img)};
	}
	conn_digest(s->conn, j->record, BR_STR(""), BR_STR(""), d, j->n);
	conn_swept(s->conn, true, 20000);
}

/* ---- a call and its answer ---- */

static void take_fence(struct sql_job *j)
{
	struct sim_target *t = &targets[j->s->system];

	if (!j->s->inbox)
		return;
	if (sim_target_went_back(t, j->inc, j->known_epoch, j->known_beat)) {
		j->went_back = true;
		return;
	}
	if (j->s->epoch <= t->epoch) {
		j->fenced = !BR_WITHOUT(EPOCH_FENCE);
		return;
	}
	t->epoch = j->s->epoch;
	snprintf(t->inc, sizeof(t->inc), "%s", j->s->nonce);
}

static void carry_out(void *arg)
{
	struct sql_job *j = arg;
	const struct sim_target *t = &targets[j->s->system];

	/* what a dead process had only half said is not done */
	if (j->s->proc->dead && sim_chance(50))
		return;
	if (j->call != CALL_OPEN && j->s->generation != t->generation)
		j->lost = true;
	if (j->lost)
		return;
	switch (j->call) {
	case CALL_OPEN:
		sim_target_identity(t, j->inc);
		j->epoch = t->epoch;
		j->beat = t->beat;
		j->s->generation = t->generation;
		break;
	case CALL_BEGIN:
		take_fence(j);
		break;
	case CALL_APPLY:
		sql_transaction(j);
		break;
	case CALL_REFETCH:
		for (size_t i = 0; i < j->n; i++)
			look(j, &j->seen[i]);
		break;
	default:
		read_rows(j);
	}
}

static void come_back(void *arg)
{
	struct sql_job *j = arg;
	struct sql_session *s = j->s;

	if (s->over)
		return;
	if (j->lost || j->reply_lost) {
		failed(s, BR_E_PG_UNAVAILABLE);
		return;
	}
	if (j->fenced) {
		failed(s, BR_E_PG_FENCED);
		return;
	}
	switch (j->call) {
	case CALL_OPEN:
		conn_opened(s->conn, br_str_z(j->inc), j->epoch, j->beat);
		break;
	case CALL_BEGIN:
		if (j->went_back)
			conn_went_back(s->conn);
		else
			conn_begun(s->conn);
		break;
	case CALL_APPLY:
		sql_answer(j);
		break;
	case CALL_POLL:
		polled(j);
		break;
	case CALL_REFETCH:
		tell(j, OBS_REFETCH);
		conn_refetched(s->conn);
		break;
	case CALL_SWEEP:
		swept(j);
		break;
	}
}

static void call(struct sql_session *s, struct sql_job *j)
{
	int64_t there = sim_latency(STATEMENT), back = sim_latency(STATEMENT);

	j->lost = sim_fault(sim.plan.faults.call_lost);
	j->reply_lost = sim_fault(sim.plan.faults.reply_lost);
	if (j->lost || j->reply_lost)
		back += sim_between(0, SIM_S);
	sim_after(there, NULL, carry_out, j);
	sim_after(there + back, s->proc, come_back, j);
}

static struct sql_job *new_job(struct sql_session *s, enum sql_call what)
{
	struct sql_job *j = br_arena_new(&sim.arena, struct sql_job);
	struct conn_record *records;

	j->s = s;
	j->call = what;
	if (conn_records(s->conn, &records))
		j->record = &records[0];
	return j;
}

/* ---- the contract of a kind ---- */

static int open_it(void *state, struct conn *c, bool inbox)
{
	struct sql *q = state;
	struct sql_session *s = br_arena_new(&sim.arena, struct sql_session);
	struct sql_job *j;

	q->s = s;
	s->conn = c;
	s->proc = sim.current;
	s->system = sim.current->system;
	s->inbox = inbox;
	s->every_ms = sim_between(50, 1000);
	j = new_job(s, CALL_OPEN);
	call(s, j);
	j->lost = j->lost || sim_fault(sim.plan.faults.down);
	return 0;
}

static int open_s1(void *state, struct conn *c, const void *options, struct br_err *err)
{
	(void)options;
	(void)err;
	return open_it(state, c, true);
}

static int open_s2(void *state, struct conn *c, const void *options, struct br_err *err)
{
	(void)options;
	(void)err;
	return open_it(state, c, false);
}

static unsigned promises_s1(const void *state)
{
	(void)state;
	return CONN_INBOX | CONN_CAS | CONN_LOOKUP | CONN_WHOLE;
}

static unsigned promises_s2(const void *state)
{
	(void)state;
	return CONN_CAS | CONN_LOOKUP | CONN_WHOLE;
}

static int begin(void *state, int64_t epoch, struct br_str nonce, struct br_err *err)
{
	struct sql *q = state;
	struct br_str cursor = conn_cursor(q->s->conn);
	struct conn_known known = conn_known(q->s->conn);
	struct sql_job *j;

	(void)err;
	q->s->epoch = epoch;
	snprintf(q->s->nonce, sizeof(q->s->nonce), "%.*s", BR_STR_ARG(nonce));
	q->s->cursor = cursor.n > 6 ? strtoll(cursor.p + 6, NULL, 10) : 0;
	j = new_job(q->s, CALL_BEGIN);
	snprintf(j->inc, sizeof(j->inc), "%.*s", BR_STR_ARG(known.inc));
	j->known_epoch = known.epoch;
	j->known_beat = known.beat;
	call(q->s, j);
	return 0;
}

static void apply(void *state, struct conn_command *const *cmds, size_t n)
{
	struct sql *q = state;

	/* sometimes one transaction for all, sometimes several */
	while (n) {
		struct sql_job *j = new_job(q->s, CALL_APPLY);
		size_t most = n < MAX_CMDS ? n : MAX_CMDS;

		j->n = (size_t)sim_between(1, (int64_t)most);
		j->cmds = br_arena_array(&sim.arena, struct conn_command *, j->n);
		j->wishes = br_arena_array(&sim.arena, struct sql_wish, j->n);
		j->outcomes = br_arena_array(&sim.arena, struct sql_outcome, j->n);
		for (size_t i = 0; i < j->n; i++)
			sql_wish(q->s, j, i, cmds[i]);
		cmds += j->n;
		n -= j->n;
		call(q->s, j);
	}
}

static void poll_it(void *state)
{
	struct sql *q = state;

	call(q->s, new_job(q->s, CALL_POLL));
}

static void refetch(
	void *state, const struct conn_record *record, const struct br_str *lids, size_t n)
{
	struct sql *q = state;
	struct sql_job *j = new_job(q->s, CALL_REFETCH);

	(void)record;
	sights.refetches++;
	j->n = n;
	j->seen = br_arena_array(&sim.arena, struct sql_seen, n);
	for (size_t i = 0; i < n; i++)
		snprintf(j->seen[i].lid, sizeof(j->seen[i].lid), "%.*s", BR_STR_ARG(lids[i]));
	call(q->s, j);
}

static void sweep(void *state)
{
	struct sql *q = state;

	if (sim.plan.sweeps)
		call(q->s, new_job(q->s, CALL_SWEEP));
	else
		conn_swept(q->s->conn, true, -1);
}

static void close_it(void *state)
{
	struct sql *q = state;

	if (q->s)
		q->s->over = true;
}

#define SQL_KIND(suffix)                                                                           \
	{                                                                                          \
		.name = "sim", .state_size = sizeof(struct sql), .open = open_##suffix,            \
		.promises = promises_##suffix, .begin = begin, .apply = apply, .poll = poll_it,    \
		.refetch = refetch, .sweep = sweep, .close = close_it                              \
	}
const struct conn_kind sim_sql_s1 = SQL_KIND(s1), sim_sql_s2 = SQL_KIND(s2);

const struct conn_kind *sim_kind_of(int system)
{
	switch (sim.plan.class[system]) {
	case CLASS_S1:
		return &sim_sql_s1;
	case CLASS_S2:
		return &sim_sql_s2;
	default:
		return &http_kind;
	}
}
