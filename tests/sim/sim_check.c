/*
 * sim_check.c - the invariants: what follows from what at every commit, and when all has come to
 * rest, what the case says against what stands in the systems and against the journal of what
 * people typed.
 */
#include "sim_state.h"

#include <stdio.h>
#include <stdlib.h>

#define FACTS 4096

/* A value that became the case's, or that lost and was kept. */
struct fact {
	int nk, field, sys; /* sys: whose value lost; -1 accepted */
	sim_value value, win;
	enum hub_conflict_kind kind;
};
static struct fact facts[FACTS];
static int nfacts;

void sim_check_begin(void)
{
	nfacts = 0;
}

static void add_fact(struct fact f)
{
	if (nfacts == FACTS)
		sim_wrong("more than %d versions and conflicts (I9)", FACTS);
	else
		facts[nfacts++] = f;
}

/* ---- the case's words and the systems' ---- */

static sim_value local_word(int field, struct br_str text)
{
	if (field != F_ZT)
		return sim_value_of(text);
	return sim_value_of(br_str_eq(text, BR_STR("RECEIVED"))	  ? BR_STR("0")
			    : br_str_eq(text, BR_STR("ACCEPTED")) ? BR_STR("1")
								  : BR_STR("2"));
}

static const struct cell *place_of(const struct sim_case *k, int i)
{
	static int part = -1, field[NF];

	if (part < 0) {
		part = shape_find_part(sim.schema->shape, BR_STR("steps"));
		for (int f = 0; f < NF; f++)
			field[f] = shape_find(sim.schema->shape,
				sim_fields[f].key ? (unsigned)part : 0,
				br_str_z(sim_fields[f].field));
	}
	return image_get(&k->doc, sim_fields[i].key ? (unsigned)part : 0,
		sim_fields[i].key ? br_str_z(sim_fields[i].key) : BR_STR_NONE, (unsigned)field[i]);
}

static sim_value canonical(const struct sim_case *k, int i)
{
	const struct cell *c = place_of(k, i);

	return !c ? V_ABSENT : cell_is_null(c) ? V_NULL : local_word(i, c->value);
}

static int field_of_place(struct br_str place)
{
	for (int i = 0; i < NF; i++) {
		char name[48];

		snprintf(name, sizeof(name), sim_fields[i].key ? "steps/%s/%s" : "%s%s",
			sim_fields[i].key ? sim_fields[i].key : "", sim_fields[i].field);
		if (br_str_eq(place, br_str_z(name)))
			return i;
	}
	return -1;
}

static const struct sim_case *case_about(int nk)
{
	for (const struct sim_case *k = book.cases; k; k = k->next)
		if (canonical(k, F_NK) == nk)
			return k;
	return NULL;
}

sim_value sim_check_value(int nk, int field)
{
	const struct sim_case *k = case_about(nk);

	return k ? canonical(k, field) : V_ABSENT;
}

static int matter_of(const struct hub_id *cid)
{
	const struct sim_case *k = sim_ledger_case(cid);

	return k ? canonical(k, F_NK) : -1;
}

/* ---- at every commit ---- */

/* One change of a version: the field, what it was and what it is. */
struct change {
	int field;
	sim_value old, now;
};

static int read_delta(struct br_str delta, struct change out[NF])
{
	enum br_json_token t;
	struct br_err err;
	struct br_jr r;
	int n = 0;

	br_err_clear(&err);
	br_jr_init(&r, delta, &sim.arena, &err);
	if (br_jr_next(&r) != BR_JT_OBJECT)
		return 0;
	while ((t = br_jr_next(&r)) == BR_JT_KEY) {
		struct change c = {field_of_place(r.text), V_NULL, V_NULL};

		br_jr_next(&r); /* [ */
		if (br_jr_next(&r) == BR_JT_STRING && c.field >= 0)
			c.old = local_word(c.field, r.text);
		if (br_jr_next(&r) == BR_JT_STRING && c.field >= 0)
			c.now = local_word(c.field, r.text);
		br_jr_next(&r); /* ] */
		if (c.field >= 0 && n < NF)
			out[n++] = c;
	}
	return n;
}

/* Version 1 is the whole case: what it says now, less what the versions after it changed. */
static void born(const struct sim_case *k, const struct sim_history *history)
{
	struct change changes[NF];
	sim_value first[NF];

	for (int i = 0; i < NF; i++)
		first[i] = canonical(k, i);
	for (const struct sim_history *h = history; h; h = h->next)
		if (memcmp(&h->cid, &k->cid, sizeof(k->cid)) == 0)
			for (int i = 0, n = read_delta(h->delta, changes); i < n; i++)
				first[changes[i].field] = changes[i].old;
	for (int i = 0; i < NF; i++)
		if (first[i] >= 0)
			add_fact((struct fact){.nk = canonical(k, F_NK),
				.field = i,
				.sys = -1,
				.value = first[i]});
}

void sim_check_case(
	const struct sim_case *was, const struct sim_case *now, const struct sim_history *history)
{
	if (was && now->ver < was->ver)
		sim_wrong("%s: version %d after %d", now->ulid, now->ver, was->ver);
	if (!was)
		born(now, history);
}

void sim_check_link(const struct sim_link *was, const struct sim_link *now)
{
	const struct sim_link *other =
		now->lid.n ? sim_ledger_link(now->sys, now->rec, now->lid) : NULL;
	const struct hub_inflight *f = &now->inflight;

	if (other && other != was)
		sim_wrong("record %.*s belongs to two cases (I10)", BR_STR_ARG(now->lid));
	if (was && now->n < was->n)
		sim_wrong("delivery %lld after %lld (I3)", (long long)now->n, (long long)was->n);
	if (was && was->inflight.on && f->on &&
		(f->incarnation != was->inflight.incarnation || f->ver != was->inflight.ver) &&
		now->n == was->n)
		sim_wrong("two commands under one number %lld (I3)", (long long)now->n);
	if (f->on && (!was || now->n != was->n))
		sights.commands++;
}

void sim_check_system(const struct hub_system *was, const struct hub_system *now)
{
	if (now->epoch < was->epoch || (now->epoch == was->epoch && now->last_seq < was->last_seq))
		sim_wrong("system %d: (%lld, %lld) after (%lld, %lld) (I1)", now->id,
			(long long)now->epoch, (long long)now->last_seq, (long long)was->epoch,
			(long long)was->last_seq);
}

void sim_check_history(const struct sim_history *h)
{
	struct change changes[NF];

	for (const struct sim_history *o = book.history; o; o = o->next)
		if (o->ver == h->ver && memcmp(&o->cid, &h->cid, sizeof(h->cid)) == 0)
			sim_wrong("version %d is there twice", h->ver);
	for (int i = 0, n = read_delta(h->delta, changes); i < n; i++)
		add_fact((struct fact){.nk = matter_of(&h->cid),
			.field = changes[i].field,
			.sys = -1,
			.value = changes[i].now});
	TRACE("history: version %d %.*s", h->ver, BR_STR_ARG(h->delta));
}

static sim_value json_word(int field, struct br_str json)
{
	if (!json.n || json.p[0] != '"')
		return V_NULL;
	return local_word(field, (struct br_str){json.p + 1, json.n - 2});
}

void sim_check_conflict(const struct sim_conflict *c)
{
	int field = field_of_place(c->place);

	sights.conflicts++;
	sights.suspects += c->kind == CONFLICT_SUSPECT;
	sights.deviations += c->kind == CONFLICT_DEVIATION;
	sights.rewritten += c->kind == CONFLICT_REWRITTEN;
	sights.refused += c->kind == CONFLICT_OWNERSHIP;
	TRACE("conflict %d of %.*s in %d: %.*s over %.*s", (int)c->kind, BR_STR_ARG(c->place),
		c->sys, BR_STR_ARG(c->win), BR_STR_ARG(c->lose));
	if (field >= 0)
		add_fact((struct fact){.nk = matter_of(&c->cid),
			.field = field,
			.sys = c->sys,
			.value = json_word(field, c->lose),
			.win = json_word(field, c->win),
			.kind = c->kind});
}

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

static bool waits_for_a_person(const struct sim_link *l)
{
	return l->state == LINK_PARKED || l->state == LINK_GONE || l->state == LINK_REJECTED;
}

static bool link_rests(const struct sim_link *l)
{
	const struct sim_row *r = l->lid.n ? sim_target_find(l->sys, l->lid) : NULL;

	if (waits_for_a_person(l))
		return true;
	return l->state == LINK_IDLE && !l->inflight.on && !l->due && r && shadow_is_true(l, r);
}

static bool is_parked(int sys, const char *lid)
{
	for (const struct sim_parked *p = book.parked; p; p = p->next)
		if (p->sys == sys && strcmp(p->status, "open") == 0 &&
			br_str_eq(p->lid, br_str_z(lid)))
			return true;
	return false;
}

bool sim_at_rest(const char **why)
{
	static char text[100];

	*why = text;
	if (book.holder || !sim_bus_at_rest()) {
		*why = book.holder ? "a transaction" : "messages";
		return false;
	}
	for (int s = 0; s < sim.plan.nsystems; s++)
		for (int i = 0; i < targets[s].nrows; i++) {
			const struct sim_row *r = &targets[s].rows[i];

			if (sim_ledger_link(s, BR_STR("r"), br_str_z(r->lid)) ||
				is_parked(s, r->lid))
				continue;
			snprintf(text, sizeof(text), "record %s is unknown", r->lid);
			return false;
		}
	for (const struct sim_case *k = book.cases; k; k = k->next)
		for (const struct sim_link *l = k->links; l; l = l->next)
			if (!link_rests(l)) {
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
	const struct sim_case *k = case_about(t->nk);

	if (is_parked(t->system, targets[t->system].rows[t->row].lid))
		return true;
	if (!k || as_good_as_same(canonical(k, t->field), v))
		return k != NULL;
	for (const struct sim_link *l = k->links; l; l = l->next)
		if (waits_for_a_person(l))
			return true;
	return false;
}

static bool flagged(int nk, int sys, int field)
{
	for (int i = 0; i < nfacts; i++)
		if (facts[i].nk == nk && facts[i].sys == sys && facts[i].field == field &&
			(facts[i].kind == CONFLICT_REWRITTEN || facts[i].kind == CONFLICT_SUSPECT ||
				facts[i].kind == CONFLICT_DEVIATION))
			return true;
	return false;
}

static void check_record(const struct sim_case *k, const struct sim_link *l)
{
	const struct sim_row *r = sim_target_find(l->sys, l->lid);
	int nk = canonical(k, F_NK);

	if (!r) {
		sim_wrong("%s is not in %d (I8)", k->ulid, l->sys);
		return;
	}
	for (int i = 0; i < NF; i++) {
		sim_value want = canonical(k, i), form;

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
			if (canonical(o, F_NK) == canonical(k, F_NK))
				sim_wrong("%s is two cases (I10)", sim_show(canonical(k, F_NK)));
		for (const struct sim_link *l = k->links; l; l = l->next, links++)
			if (!waits_for_a_person(l))
				check_record(k, l);
		if (links != sim.plan.nsystems)
			sim_wrong("%s has %d records", k->ulid, links);
	}
}

/* Where the system has no transaction between looking up and creating, a person's entry may slip
 * in: then somebody is told. */
static void check_pair(int s, const struct sim_row *a, const struct sim_row *b)
{
	bool raced = sim.plan.class[s] >= CLASS_H1 && !(a->by_bridge && b->by_bridge);

	if (a->v[F_NK] != b->v[F_NK])
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
	for (int i = 0; i < nfacts; i++) {
		const struct fact *f = &facts[i];
		int accepted = 0, n;

		if (f->sys >= 0 || f->field == F_BN || f->value < 0)
			continue;
		n = typed(f->nk, f->field, f->value);
		for (int j = 0; j < nfacts; j++)
			accepted += facts[j].sys < 0 && facts[j].nk == f->nk &&
				    facts[j].field == f->field && facts[j].value == f->value;
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
	for (int i = 0; i < nfacts; i++)
		if (facts[i].nk == nk && facts[i].field == field && facts[i].value == v)
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
		if (t->overwritten && !t->read && sim.plan.class[t->system] == CLASS_H3)
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

		if (c->read != c->accepted + c->echo + c->refused + c->parked_in)
			sim_wrong("%s: what was read does not add up", sim.systems[i].name.p);
		if (c->sent !=
			c->applied + c->stale + c->exists + c->gone + c->rejected + c->unknown)
			sim_wrong("%s: sent %lld, answered %lld", sim.systems[i].name.p,
				(long long)c->sent,
				(long long)(c->applied + c->stale + c->exists + c->gone +
					    c->rejected + c->unknown));
	}
}

static void check_work(void)
{
	int64_t versions = 0, sent = 0, stale = 0;

	for (const struct sim_case *k = book.cases; k; k = k->next)
		versions += k->ver;
	for (int i = 0; i < sim.plan.nsystems; i++) {
		sent += book.systems[i].count.sent;
		stale += book.systems[i].count.stale;
	}
	/* a case's number comes home as a version of its own */
	if (versions > people.ntyped + 2 * people.matters)
		sim_wrong("%d values made %lld versions (I9)", people.ntyped, (long long)versions);
	if (sent > (versions + 3 * people.ntyped) * sim.plan.nsystems + stale + 8)
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
		sights.exists += (uint64_t)c->exists;
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
}
