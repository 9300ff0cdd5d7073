/*
 * sim_sql_write.c - writing to an SQL system, decided as connectors/postgres does (pg_decide.c).
 */
#include "sim_sql.h"

#include <stdio.h>

/* ---- writing: one transaction ---- */

static struct sim_inbox *inbox_of(struct sim_target *t, const char *cid)
{
	for (int i = 0; i < t->ninbox; i++)
		if (strcmp(t->inbox[i].cid, cid) == 0)
			return &t->inbox[i];
	return NULL;
}

static void leave_inbox(struct sim_target *t, const struct sql_wish *c, const struct sql_outcome *o)
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

static bool done_before(
	const struct sql_session *s, const struct sql_wish *c, struct sql_outcome *o)
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

static bool is_base(const struct sql_wish *c, const struct sim_row *r)
{
	for (int i = 0; i < NF; i++) {
		sim_value base = c->base[i], set = c->set[i];

		if (base != V_ABSENT ? base != r->v[i] : set != V_ABSENT && r->v[i] != V_ABSENT)
			return false;
	}
	return true;
}

static bool is_as_sent(const struct sql_wish *c, const struct sim_row *r)
{
	for (int i = 0; i < NF; i++) {
		sim_value base = c->base[i], set = c->set[i];

		if (set != V_ABSENT ? set != r->v[i] : base != V_ABSENT && base != r->v[i])
			return false;
	}
	return true;
}

static void shows(struct sql_outcome *o, enum msg_status status, const struct sim_row *r)
{
	o->status = status;
	o->has_post = true;
	memcpy(o->lid, r->lid, sizeof(o->lid));
	memcpy(o->post, r->v, sizeof(o->post));
}

static void write_row(
	struct sql_session *s, const struct sql_wish *c, struct sim_row *r, struct sql_outcome *o)
{
	struct sim_target *t = &targets[s->system];

	t->beat++;
	sim_target_write(s->system, r, c->set, c->base, SIM_BLIND);
	shows(o, RCPT_APPLIED, r);
	if (s->inbox)
		leave_inbox(t, c, o);
}

/* A constraint, a trigger that raises: nothing is written. */
static bool rejects(struct sql_outcome *o)
{
	if (!sim_fault(sim.plan.faults.reject))
		return false;
	o->status = RCPT_REJECTED;
	return true;
}

static void update(struct sql_session *s, const struct sql_wish *c, struct sql_outcome *o)
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
		memcpy(o->lid, r->lid, sizeof(o->lid));
		if (!rejects(o))
			write_row(s, c, r, o);
		return;
	}
	o->doubt = unsure;
	shows(o, unsure && is_as_sent(c, r) ? RCPT_APPLIED : RCPT_STALE, r);
}

static void create(struct sql_session *s, const struct sql_wish *c, struct sql_outcome *o)
{
	sim_value nk = c->set[F_NK];
	struct sim_row *r = nk >= 0 ? sim_target_look_up(s->system, nk, sim.now) : NULL;

	if (!r && rejects(o))
		return;
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
static bool may_write(const struct sql_session *s)
{
	const struct sim_target *t = &targets[s->system];

	return !s->inbox || BR_WITHOUT(EPOCH_FENCE) ||
	       (t->epoch == s->epoch && strcmp(t->inc, s->nonce) == 0);
}

void sql_transaction(struct sql_job *j)
{
	struct sql_session *s = j->s;

	if (!may_write(s)) {
		j->fenced = true;
		sights.fenced_write++;
		return;
	}
	for (size_t i = 0; i < j->n; i++) {
		const struct sql_wish *c = &j->wishes[i];
		struct sql_outcome *o = &j->outcomes[i];

		/* rolled back before the inbox was read: a lock on what the fence is in */
		o->later = s->inbox && sim_fault(sim.plan.faults.refuse);
		if (o->later || done_before(s, c, o))
			continue;
		o->known = s->inbox;
		if (sim_fault(sim.plan.faults.refuse) ||
			(c->deadline_us && sim.now >= c->deadline_us))
			o->later = true;
		else if (c->op == OP_CREATE)
			create(s, c, o);
		else
			update(s, c, o);
	}
}

void sql_answer(struct sql_job *j)
{
	struct sql_session *s = j->s;

	for (size_t i = 0; i < j->n; i++) {
		const struct sql_outcome *o = &j->outcomes[i];
		struct conn_receipt r = {.status = o->status,
			.lid = br_str_z(o->lid),
			.atomic = true,
			.doubt = o->doubt};
		struct image post;

		if (o->later) {
			if (o->known)
				j->cmds[i]->attempted = false;
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

void sql_wish(const struct sql_session *s, struct sql_job *j, size_t i, struct conn_command *c)
{
	struct sql_wish *w = &j->wishes[i];

	j->cmds[i] = c;
	*w = (struct sql_wish){.incarnation = c->did.incarnation,
		.n = c->did.n,
		.deadline_us = c->deadline_us,
		.op = c->op,
		.attempted = c->attempted};
	snprintf(w->cid, sizeof(w->cid), "%.*s", BR_STR_ARG(c->did.cid));
	snprintf(w->lid, sizeof(w->lid), "%.*s", BR_STR_ARG(c->lid));
	sim_cells(&targets[s->system], &c->base, w->base);
	sim_cells(&targets[s->system], &c->set, w->set);
}
