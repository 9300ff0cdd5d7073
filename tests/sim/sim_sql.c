/*
 * sim_sql.c - a kind for SQL systems: every call is a statement that the system carries out at some
 * moment, and an answer that comes back at a later one, or never. Decides as connectors/postgres
 * does (pg_decide.c).
 *
 * S1 has bridge_meta and an inbox; S2 has neither and settles what is unknown by comparing.
 */
#include "sim_kind.h"
#include "sim_target.h"

#include "http_kind.h"

#include <stdio.h>
#include <stdlib.h>

#define STATEMENT (3 * SIM_MS)
#define MAX_CMDS  64

enum call { CALL_OPEN, CALL_BEGIN, CALL_APPLY, CALL_POLL, CALL_REFETCH, CALL_SWEEP };

struct session {
	struct sim_proc *proc;
	struct conn *conn;
	int system;
	bool inbox, over;
	int64_t epoch, cursor;
	char nonce[64];
	int64_t every_ms;
};
struct sql {
	struct session *s;
};

struct seen {
	char lid[12];
	bool there;
	sim_value v[NF];
};

/* A command as it went over the wire: the process that sent it may be gone. */
struct wish {
	char cid[HUB_ULID_TEXT + 1];
	int64_t incarnation, n, deadline_us;
	enum msg_op op;
	char lid[12];
	bool attempted;
	sim_value base[NF], set[NF];
};

struct outcome {
	bool later;
	enum msg_status status;
	bool doubt, has_post;
	char lid[12];
	sim_value post[NF];
};

/* One call on its way. */
struct job {
	struct session *s;
	enum call call;
	bool lost, fenced; /* never carried out; refused by the fence */
	bool reply_lost;
	struct conn_command **cmds; /* only while the session lives */
	struct wish *wishes;
	struct outcome *outcomes;
	struct seen *seen;
	size_t n;
	int64_t rv;
	char inc[64];
	int64_t epoch, beat;
	const struct conn_record *record;
};

static void failed(struct session *s, enum br_err_code code)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, code, "why", "simulated", "system", sim.systems[s->system].name.p, "dsn",
		"sim", NULL);
	conn_failed(s->conn, &err);
}

/* ---- writing: one transaction ---- */

static struct sim_inbox *inbox_of(struct sim_target *t, const char *cid)
{
	for (int i = 0; i < t->ninbox; i++)
		if (strcmp(t->inbox[i].cid, cid) == 0)
			return &t->inbox[i];
	return NULL;
}

static void leave_inbox(struct sim_target *t, const struct wish *c, const struct outcome *o)
{
	struct sim_inbox *in = inbox_of(t, c->cid);

	if (!in) {
		if (t->ninbox == SIM_CASES) {
			sim_wrong("more than %d cases", SIM_CASES);
			return;
		}
		in = &t->inbox[t->ninbox++];
		memcpy(in->cid, c->cid, sizeof(in->cid));
	}
	in->incarnation = c->incarnation;
	in->n = c->n;
	memcpy(in->lid, o->lid, sizeof(in->lid));
	memcpy(in->post, o->post, sizeof(in->post));
}

static bool done_before(const struct session *s, const struct wish *c, struct outcome *o)
{
	const struct sim_inbox *in = s->inbox ? inbox_of(&targets[s->system], c->cid) : NULL;

	if (!in || BR_WITHOUT(INBOX) || in->incarnation < c->incarnation ||
		(in->incarnation == c->incarnation && in->n < c->n))
		return false;
	sights.inbox_answers++;
	o->status = RCPT_APPLIED;
	o->has_post = true;
	memcpy(o->lid, in->lid, sizeof(o->lid));
	memcpy(o->post, in->post, sizeof(o->post));
	return true;
}

static bool is_base(const struct wish *c, const struct sim_row *r)
{
	for (int i = 0; i < NF; i++) {
		sim_value base = c->base[i], set = c->set[i];

		if (base != V_ABSENT ? base != r->v[i] : set != V_ABSENT && r->v[i] != V_ABSENT)
			return false;
	}
	return true;
}

static bool is_as_sent(const struct wish *c, const struct sim_row *r)
{
	for (int i = 0; i < NF; i++) {
		sim_value base = c->base[i], set = c->set[i];

		if (set != V_ABSENT ? set != r->v[i] : base != V_ABSENT && base != r->v[i])
			return false;
	}
	return true;
}

static void shows(struct outcome *o, enum msg_status status, const struct sim_row *r)
{
	o->status = status;
	o->has_post = true;
	memcpy(o->lid, r->lid, sizeof(o->lid));
	memcpy(o->post, r->v, sizeof(o->post));
}

static void write_row(struct session *s, const struct wish *c, struct sim_row *r, struct outcome *o)
{
	struct sim_target *t = &targets[s->system];

	t->beat++;
	sim_target_write(s->system, r, c->set, c->base);
	shows(o, RCPT_APPLIED, r);
	if (s->inbox)
		leave_inbox(t, c, o);
}

static void update(struct session *s, const struct wish *c, struct outcome *o)
{
	struct sim_row *r = sim_target_find(s->system, br_str_z(c->lid));
	bool unsure = c->attempted && !s->inbox;

	if (!r) {
		o->status = RCPT_GONE;
		memcpy(o->lid, c->lid, sizeof(o->lid));
		return;
	}
	sim_target_read(r);
	if (is_base(c, r) || BR_WITHOUT(COMPARE_AND_SET)) {
		write_row(s, c, r, o);
		return;
	}
	o->doubt = unsure;
	shows(o, unsure && is_as_sent(c, r) ? RCPT_APPLIED : RCPT_STALE, r);
}

static void create(struct session *s, const struct wish *c, struct outcome *o)
{
	sim_value nk = c->set[F_NK];
	struct sim_row *r = nk >= 0 ? sim_target_look_up(s->system, nk, sim.now) : NULL;

	if (!r) {
		r = sim_target_new(s->system, nk);
		r->by_bridge = true;
		write_row(s, c, r, o);
		return;
	}
	sim_target_read(r);
	o->doubt = c->attempted && !s->inbox;
	shows(o, o->doubt && is_as_sent(c, r) ? RCPT_APPLIED : RCPT_EXISTS, r);
}

/* A fence that a successor has taken lets nothing through; without a fence there is only the
 * deadline. */
static bool may_write(const struct session *s)
{
	const struct sim_target *t = &targets[s->system];

	return !s->inbox || BR_WITHOUT(EPOCH_FENCE) ||
	       (t->epoch == s->epoch && strcmp(t->inc, s->nonce) == 0);
}

static void transaction(struct job *j)
{
	struct session *s = j->s;

	if (!may_write(s)) {
		j->fenced = true;
		sights.fenced_write++;
		return;
	}
	for (size_t i = 0; i < j->n; i++) {
		const struct wish *c = &j->wishes[i];
		struct outcome *o = &j->outcomes[i];

		if (done_before(s, c, o))
			continue;
		if (sim_fault(sim.plan.faults.refuse) ||
			(c->deadline_us && sim.now >= c->deadline_us))
			o->later = true;
		else if (c->op == OP_CREATE)
			create(s, c, o);
		else
			update(s, c, o);
	}
}

static void answer(struct job *j)
{
	struct session *s = j->s;

	for (size_t i = 0; i < j->n; i++) {
		const struct outcome *o = &j->outcomes[i];
		struct conn_receipt r = {.status = o->status,
			.lid = br_str_z(o->lid),
			.atomic = true,
			.doubt = o->doubt};
		struct image post;

		if (o->later) {
			conn_later(s->conn, j->cmds[i], sim_between(1, 200));
			continue;
		}
		if (o->has_post) {
			post = sim_image(&targets[s->system], o->lid, o->post, conn_arena(s->conn));
			r.post = &post;
		}
		TRACE("%s answers %s %s", s->proc->name, msg_status_name(o->status), o->lid);
		conn_answer(s->conn, j->cmds[i], &r);
	}
}

/* ---- reading ---- */

static void look(const struct job *j, struct seen *seen)
{
	const struct sim_row *r = sim_target_find(j->s->system, br_str_z(seen->lid));

	seen->there = r != NULL;
	if (!r)
		return;
	memcpy(seen->v, r->v, sizeof(seen->v));
	sim_target_read(r);
}

static void read_rows(struct job *j)
{
	struct sim_target *t = &targets[j->s->system];

	j->rv = t->rv;
	if (j->call == CALL_POLL && t->rv == j->s->cursor)
		return;
	j->seen = br_arena_array(&sim.arena, struct seen, SIM_RECORDS);
	for (int i = 0; i < t->nrows; i++)
		if (j->call == CALL_SWEEP || t->rows[i].rv > j->s->cursor) {
			memcpy(j->seen[j->n].lid, t->rows[i].lid, sizeof(j->seen[j->n].lid));
			look(j, &j->seen[j->n++]);
		}
}

static void tell(const struct job *j, enum msg_reason reason)
{
	const struct session *s = j->s;

	for (size_t i = 0; i < j->n; i++) {
		const struct seen *seen = &j->seen[i];
		struct image img;

		if (seen->there)
			img = sim_image(
				&targets[s->system], seen->lid, seen->v, conn_arena(s->conn));
		conn_observe(s->conn, j->record, br_str_z(seen->lid), seen->there ? &img : NULL, 0,
			BR_STR_NONE, reason);
	}
}

static void polled(const struct job *j)
{
	struct session *s = j->s;
	char cursor[48];

	tell(j, OBS_POLL);
	s->cursor = j->rv;
	snprintf(cursor, sizeof(cursor), "{\"rv\":%lld}", (long long)j->rv);
	conn_polled(s->conn, br_str_z(cursor), false, s->every_ms);
}

static void swept(const struct job *j)
{
	const struct session *s = j->s;
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

static void take_fence(struct job *j)
{
	struct sim_target *t = &targets[j->s->system];

	if (!j->s->inbox)
		return;
	if (j->s->epoch <= t->epoch) {
		j->fenced = !BR_WITHOUT(EPOCH_FENCE);
		return;
	}
	t->epoch = j->s->epoch;
	snprintf(t->inc, sizeof(t->inc), "%s", j->s->nonce);
}

static void carry_out(void *arg)
{
	struct job *j = arg;
	const struct sim_target *t = &targets[j->s->system];

	/* what a dead process had only half said is not done */
	if (j->s->proc->dead && sim_chance(50))
		return;
	if (j->lost)
		return;
	switch (j->call) {
	case CALL_OPEN:
		snprintf(j->inc, sizeof(j->inc), "%s", t->inc);
		j->epoch = t->epoch;
		j->beat = t->beat;
		break;
	case CALL_BEGIN:
		take_fence(j);
		break;
	case CALL_APPLY:
		transaction(j);
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
	struct job *j = arg;
	struct session *s = j->s;

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
		conn_begun(s->conn);
		break;
	case CALL_APPLY:
		answer(j);
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

static void call(struct session *s, struct job *j)
{
	int64_t there = sim_latency(STATEMENT), back = sim_latency(STATEMENT);

	j->lost = sim_fault(sim.plan.faults.call_lost);
	j->reply_lost = sim_fault(sim.plan.faults.reply_lost);
	if (j->lost || j->reply_lost)
		back += sim_between(0, SIM_S);
	sim_after(there, NULL, carry_out, j);
	sim_after(there + back, s->proc, come_back, j);
}

static struct job *new_job(struct session *s, enum call what)
{
	struct job *j = br_arena_new(&sim.arena, struct job);
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
	struct session *s = br_arena_new(&sim.arena, struct session);
	struct job *j;

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
	return CONN_INBOX | CONN_CAS | CONN_LOOKUP;
}

static unsigned promises_s2(const void *state)
{
	(void)state;
	return CONN_CAS | CONN_LOOKUP;
}

static int begin(void *state, int64_t epoch, struct br_str nonce, struct br_err *err)
{
	struct sql *q = state;
	struct br_str cursor = conn_cursor(q->s->conn);

	(void)err;
	q->s->epoch = epoch;
	snprintf(q->s->nonce, sizeof(q->s->nonce), "%.*s", BR_STR_ARG(nonce));
	q->s->cursor = cursor.n > 6 ? strtoll(cursor.p + 6, NULL, 10) : 0;
	call(q->s, new_job(q->s, CALL_BEGIN));
	return 0;
}

static void wish(const struct session *s, struct job *j, size_t i, struct conn_command *c)
{
	struct wish *w = &j->wishes[i];

	j->cmds[i] = c;
	*w = (struct wish){.incarnation = c->did.incarnation,
		.n = c->did.n,
		.deadline_us = c->deadline_us,
		.op = c->op,
		.attempted = c->attempted};
	snprintf(w->cid, sizeof(w->cid), "%.*s", BR_STR_ARG(c->did.cid));
	snprintf(w->lid, sizeof(w->lid), "%.*s", BR_STR_ARG(c->lid));
	sim_cells(&targets[s->system], &c->base, w->base);
	sim_cells(&targets[s->system], &c->set, w->set);
}

static void apply(void *state, struct conn_command *const *cmds, size_t n)
{
	struct sql *q = state;

	/* sometimes one transaction for all, sometimes several */
	while (n) {
		struct job *j = new_job(q->s, CALL_APPLY);
		size_t most = n < MAX_CMDS ? n : MAX_CMDS;

		j->n = (size_t)sim_between(1, (int64_t)most);
		j->cmds = br_arena_array(&sim.arena, struct conn_command *, j->n);
		j->wishes = br_arena_array(&sim.arena, struct wish, j->n);
		j->outcomes = br_arena_array(&sim.arena, struct outcome, j->n);
		for (size_t i = 0; i < j->n; i++)
			wish(q->s, j, i, cmds[i]);
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
	struct job *j = new_job(q->s, CALL_REFETCH);

	(void)record;
	sights.refetches++;
	j->n = n;
	j->seen = br_arena_array(&sim.arena, struct seen, n);
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
