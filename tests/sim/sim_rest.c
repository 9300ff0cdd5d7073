/*
 * sim_rest.c - the invariants when all has come to rest: what the case says against what stands in
 * the systems, and against the journal of what people typed.
 */
#include "sim_check.h"

#include "sim_decide.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- has all come to rest? ---- */

static bool as_good_as_same(sim_value a, sim_value b)
{
	return a == b || (a < 0 && b < 0);
}

static bool shadow_is_true(const struct sim_link *l, const struct sim_row *r)
{
	sim_value v[NF];

	sim_cells(&targets[l->sys], &l->shadow, v);
	for (int i = 0; i < NF; i++)
		if (!as_good_as_same(v[i], r->v[i]))
			return false;
	return true;
}

static bool is_with_a_person(const struct sim_link *l)
{
	return l->state == LINK_PARKED || l->state == LINK_GONE || l->state == LINK_REJECTED;
}

/* Nobody has the case, and what would be entered anew is with a person: until that is decided it is
 * made nowhere else either. */
static bool is_held_up(const struct sim_case *k)
{
	bool held = false;

	for (const struct sim_link *l = k->links; l; l = l->next) {
		if (l->lid.n || l->inflight.on)
			return false;
		held |= is_with_a_person(l);
	}
	return held;
}

static bool waits_for_a_person(const struct sim_case *k, const struct sim_link *l)
{
	return is_with_a_person(l) || (l->due && is_held_up(k));
}

static bool link_rests(const struct sim_case *k, const struct sim_link *l)
{
	const struct sim_row *r = l->lid.n ? sim_target_find(l->sys, l->lid) : NULL;

	/* what is out is answered all the same */
	if (waits_for_a_person(k, l))
		return !l->inflight.on;
	/* without a walk over all keys nobody sees that it is gone before it is to be written */
	if (!r && l->lid.n && l->state == LINK_IDLE &&
		(!sim.plan.sweeps || sim.plan.class[l->sys] >= CLASS_H1))
		return !l->inflight.on && !l->due;
	return l->state == LINK_IDLE && !l->inflight.on && !l->due && r && shadow_is_true(l, r);
}

static bool is_parked(int sys, const char *lid)
{
	for (const struct sim_parked *p = book.parked; p; p = p->next)
		/* dropped: a person has seen it, and leaves it as it is */
		if (p->sys == sys &&
			(strcmp(p->status, "open") == 0 || strcmp(p->status, "dropped") == 0) &&
			br_str_eq(p->lid, br_str_z(lid)))
			return true;
	return false;
}

/* What was taken and is not committed may be in the hands of a bridge that still sleeps. */
static bool all_folded(void)
{
	for (size_t i = 0; i < book.npositions; i++)
		if (!br_str_eq(book.positions[i].topic, BR_STR("sim.folded")) &&
			book.positions[i].next < sim_topic(book.positions[i].topic)->n)
			return false;
	return true;
}

/* Until it is known that a system was restored, and its record has been read, what is typed there
 * may pass for the backup's, or give way to what was typed elsewhere since (decision 14). */
static bool is_restoring(int s)
{
	const struct hub_system *known = &book.systems[s];

	if (sim_proc_is_held(s) ||
		(sim.plan.class[s] == CLASS_S1 &&
			sim_target_went_back(&targets[s], known->inc, known->taken, known->beat)))
		return true;
	for (const struct sim_case *k = book.cases; k && !BR_WITHOUT(REBASE); k = k->next)
		for (const struct sim_link *l = k->links; l; l = l->next)
			if (l->sys == s && l->based < known->restores && l->lid.n &&
				!waits_for_a_person(k, l) && sim_target_find(s, l->lid))
				return true;
	return false;
}

bool sim_at_rest(const char **why)
{
	static char text[100];

	*why = text;
	if (book.transactions || !sim_bus_at_rest() || !all_folded()) {
		*why = book.transactions ? "a transaction" : "messages";
		return false;
	}
	for (int s = 0; s < sim.plan.nsystems; s++)
		if (book.systems[s].owes) {
			*why = "cases from before a system";
			return false;
		}
	for (int s = 0; s < sim.plan.nsystems; s++)
		if (is_restoring(s)) {
			*why = "a system that was restored";
			return false;
		}
	for (int s = 0; s < sim.plan.nsystems; s++)
		for (int i = 0; i < targets[s].nrows; i++) {
			const struct sim_row *r = &targets[s].rows[i];

			if (r->gone || sim_ledger_link(s, BR_STR("r"), br_str_z(r->lid)) ||
				is_parked(s, r->lid))
				continue;
			snprintf(text, sizeof(text), "record %s is unknown", r->lid);
			return false;
		}
	for (const struct sim_case *k = book.cases; k; k = k->next)
		for (const struct sim_link *l = k->links; l; l = l->next)
			if (!link_rests(k, l)) {
				snprintf(text, sizeof(text),
					"%s in %d: state %d, lid %.*s, in flight %d, due %d",
					k->ulid + 20, l->sys, (int)l->state, BR_STR_ARG(l->lid),
					l->inflight.on, l->due);
				return false;
			}
	return true;
}

/* ---- when all has come to rest ---- */

bool sim_check_shows(const struct sim_typed *t, sim_value v)
{
	const struct sim_case *k = sim_case_about(t->nk);

	if (is_parked(t->system, targets[t->system].rows[t->row].lid))
		return true;
	if (!k || as_good_as_same(sim_canonical(k, t->field), v))
		return k != NULL;
	for (const struct sim_link *l = k->links; l; l = l->next)
		if (waits_for_a_person(k, l))
			return true;
	return false;
}

static bool flagged(int nk, int sys, int field)
{
	for (int i = 0; i < sim_nfacts; i++)
		if (sim_facts[i].nk == nk && sim_facts[i].sys == sys &&
			sim_facts[i].field == field &&
			(sim_facts[i].kind == CONFLICT_REWRITTEN ||
				sim_facts[i].kind == CONFLICT_SUSPECT ||
				sim_facts[i].kind == CONFLICT_DEVIATION))
			return true;
	return false;
}

static void check_record(const struct sim_case *k, const struct sim_link *l)
{
	const struct sim_row *r = sim_target_find(l->sys, l->lid);
	int nk = sim_canonical(k, F_NK);

	/* one that went when an HTTP system was restored is missed when it is to be written */
	if (!r && !sim.plan.deletes &&
		(sim.plan.class[l->sys] < CLASS_H1 || !targets[l->sys].generation))
		sim_wrong("%s is not in %d (I8)", k->ulid, l->sys);
	if (!r)
		return;
	for (int i = 0; i < NF; i++) {
		sim_value want = sim_canonical(k, i), form;

		if (targets[l->sys].column[i] < 0 || flagged(nk, l->sys, i))
			continue;
		form = sim_stored_form(l->sys, i, want == V_ABSENT ? V_NULL : want);
		if (!as_good_as_same(form, r->v[i]) && !as_good_as_same(want, r->v[i]))
			sim_wrong("%s %s: %s%s is %s, the case says %s (I8)",
				sim.systems[l->sys].name.p, r->lid, sim_fields[i].column,
				sim_fields[i].key ? sim_fields[i].key : "", sim_show(r->v[i]),
				sim_show(want));
	}
}

static void check_cases(void)
{
	for (const struct sim_case *k = book.cases; k; k = k->next) {
		int links = 0;

		for (const struct sim_case *o = k->next; o; o = o->next)
			if (sim_canonical(o, F_NK) == sim_canonical(k, F_NK))
				sim_wrong(
					"%s is two cases (I10)", sim_show(sim_canonical(k, F_NK)));
		for (const struct sim_link *l = k->links; l; l = l->next, links++)
			if (!waits_for_a_person(k, l))
				check_record(k, l);
		if (links != sim.plan.nsystems)
			sim_wrong("%s has %d records", k->ulid, links);
	}
}

/* Where the system has no transaction between looking up and creating, a person's entry may slip
 * in: then somebody is told. */
static void check_pair(int s, const struct sim_row *a, const struct sim_row *b)
{
	bool gone = a->gone || b->gone;
	bool raced = sim.plan.class[s] >= CLASS_H1 && !(a->by_bridge && b->by_bridge);

	if (gone || a->v[F_NK] != b->v[F_NK])
		return;
	if (!raced)
		sim_wrong("%s and %s are the same matter", a->lid, b->lid);
	else if (!is_parked(s, a->lid) && !is_parked(s, b->lid))
		sim_wrong("%s and %s are the same matter, and nobody is told", a->lid, b->lid);
}

static void check_doubles(void)
{
	for (int s = 0; s < sim.plan.nsystems; s++)
		for (int i = 0; i < targets[s].nrows; i++)
			for (int j = 0; j < i; j++)
				check_pair(s, &targets[s].rows[j], &targets[s].rows[i]);
}

static int typed(int nk, int field, sim_value v)
{
	int n = 0;

	for (int i = 1; i <= people.ntyped; i++)
		n += people.typed[i].nk == nk && people.typed[i].field == field &&
		     people.typed[i].value == v;
	return n;
}

/* Every version is somebody's, and nobody's twice: no echo, no form of a system's own, no flip-flop
 * (I5). */
static void check_accepted(void)
{
	for (int i = 0; i < sim_nfacts; i++) {
		const struct sim_fact *f = &sim_facts[i];
		int accepted = 0, n;

		if (f->sys != -1 || f->field == F_BN || f->value < 0)
			continue;
		n = typed(f->nk, f->field, f->value);
		for (int j = 0; j < sim_nfacts; j++)
			accepted += sim_facts[j].sys == -1 && sim_facts[j].nk == f->nk &&
				    sim_facts[j].field == f->field &&
				    sim_facts[j].value == f->value;
		if (n == 0 && sim_backup_is_untold(f->nk, f->field, f->value))
			continue;
		if (n == 0)
			sim_wrong("%s: nobody typed %s for %s (I5)", sim_show((sim_value)f->nk),
				sim_show(f->value), sim_fields[f->field].field);
		else if (accepted > n)
			sim_wrong("%s: %s = %s became the case's value %d times and was typed %d "
				  "times (I5)",
				sim_show((sim_value)f->nk), sim_fields[f->field].field,
				sim_show(f->value), accepted, n);
	}
}

static bool is_known(int nk, int field, sim_value v)
{
	for (int i = 0; i < sim_nfacts; i++)
		if (sim_facts[i].nk == nk && sim_facts[i].field == field && sim_facts[i].value == v)
			return true;
	return false;
}

/* What stands there, or was written over by a bridge, is in the history or a conflict (I7). */
static void check_typed(void)
{
	for (int i = 1; i <= people.ntyped; i++) {
		const struct sim_typed *t = &people.typed[i];
		const char *lid = targets[t->system].rows[t->row].lid;

		if (t->value < 0 || t->field == F_NK || (t->retyped && !t->overwritten))
			continue;
		if (t->unseen && !t->read)
			continue; /* between GET and PUT: nobody can help that */
		if (!is_known(t->nk, t->field, t->value) && !is_parked(t->system, lid))
			sim_wrong("%s: %s = %s, typed in %s, is nowhere (I7)", sim_show(t->nk),
				sim_fields[t->field].field, sim_show(t->value),
				sim.systems[t->system].name.p);
	}
}

static void check_counters(void)
{
	for (int i = 0; i < sim.plan.nsystems; i++) {
		const struct hub_counters *c = &book.systems[i].count;

		int64_t answered =
			c->applied + c->stale + c->exists + c->gone + c->rejected + c->unknown;

		if (c->read != c->accepted + c->echo + c->refused + c->parked_in)
			sim_wrong("%s: what was read does not add up", sim.systems[i].name.p);
		if (c->sent != answered)
			sim_wrong("%s: sent %" PRId64 ", answered %" PRId64, sim.systems[i].name.p,
				c->sent, answered);
	}
}

static void check_work(void)
{
	int64_t versions = 0, sent = 0, stale = 0, again = 0;

	for (const struct sim_case *k = book.cases; k; k = k->next)
		versions += k->ver;
	for (int i = 0; i < sim.plan.nsystems; i++) {
		sent += book.systems[i].count.sent;
		stale += book.systems[i].count.stale;
		/* a new record has a new number, and what came back may be written anew */
		again += book.systems[i].count.lost + book.systems[i].count.restored;
	}
	/* a case's number comes home as a version of its own */
	if (versions > people.ntyped + 2 * people.matters + sim_decide_versions() + again)
		sim_wrong("%d values made %lld versions (I9)", people.ntyped, (long long)versions);
	if (sent > (versions + 3 * people.ntyped) * sim.plan.nsystems + stale + 4 * again + 8)
		sim_wrong("%lld commands for %lld versions (I9)", (long long)sent,
			(long long)versions);
}

static int32_t version_in(struct br_str value)
{
	const char *at = memmem(value.p, value.n, "\"version\":", 10);

	return at ? (int32_t)strtol(at + 10, NULL, 10) : 0;
}

/* Who follows the public topic and passes over what is older than what he has, has it all. (The
 * last record of a case may be a late copy of an older one.) */
static void check_published(void)
{
	const struct sim_topic *t = sim_topic(BR_STR("sim.cases"));

	for (const struct sim_case *k = book.cases; k; k = k->next) {
		int32_t newest = 0, last = 0;

		for (int64_t i = 0; i < t->n; i++) {
			if (!br_str_eq(t->records[i].key, br_str_z(k->ulid)))
				continue;
			last = version_in(t->records[i].value);
			newest = last > newest ? last : newest;
		}
		sights.old_last += last != newest;
		if (newest != k->ver)
			sim_wrong("%s has version %d, published is %d (I12)", k->ulid, k->ver,
				newest);
	}
}

/* With an inbox everywhere nothing is ever left to a person. */
static void check_parked(void)
{
	if (sim.plan.deletes || sim.plan.faults.reject)
		return;
	for (int s = 0; s < sim.plan.nsystems; s++)
		if (sim.plan.class[s] != CLASS_S1)
			return;
	for (const struct sim_parked *p = book.parked; p; p = p->next)
		if (strcmp(p->status, "open") == 0)
			sim_wrong("%.*s of %d waits for a person (%.*s)", BR_STR_ARG(p->lid),
				p->sys, BR_STR_ARG(p->code));
}

void sim_check_sights(void)
{
	for (int i = 0; i < sim.plan.nsystems; i++) {
		const struct hub_counters *c = &book.systems[i].count;

		sights.applied += (uint64_t)c->applied;
		sights.stale += (uint64_t)c->stale;
		sights.restored += (uint64_t)c->restored;
		sights.recreated += (uint64_t)c->lost;
		sights.exists += (uint64_t)c->exists;
		sights.gone += (uint64_t)c->gone;
		sights.rejected += (uint64_t)c->rejected;
		sights.gaps += (uint64_t)c->gaps;
		sights.old += (uint64_t)c->old;
		sights.late_receipts += (uint64_t)c->late;
	}
	for (const struct sim_parked *p = book.parked; p; p = p->next)
		sights.duplicates += p->kind == PARKED_DUPLICATE;
}

void sim_check_rest(void)
{
	check_cases();
	check_doubles();
	check_accepted();
	check_typed();
	check_counters();
	check_work();
	check_published();
	check_parked();
	sim_decide_check();
}
