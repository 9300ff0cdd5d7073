/*
 * sim_check.c - the invariants at every commit: does each thing follow from what was there?
 */
#include "sim_check.h"

#include <stdio.h>
#include <stdlib.h>

struct sim_fact sim_facts[SIM_FACTS];
int sim_nfacts;

void sim_check_begin(void)
{
	sim_nfacts = 0;
}

static void add_fact(struct sim_fact f)
{
	if (sim_nfacts == SIM_FACTS)
		sim_wrong("more than %d versions and conflicts (I9)", SIM_FACTS);
	else
		sim_facts[sim_nfacts++] = f;
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

sim_value sim_canonical(const struct sim_case *k, int i)
{
	const struct cell *c = place_of(k, i);

	return !c ? V_ABSENT : cell_is_null(c) ? V_NULL : local_word(i, c->value);
}

static int field_of_place(struct br_str place)
{
	static char names[NF][48];

	for (int i = 0; i < NF; i++) {
		if (!names[i][0])
			snprintf(names[i], sizeof(names[i]),
				sim_fields[i].key ? "steps/%s/%s" : "%s%s",
				sim_fields[i].key ? sim_fields[i].key : "", sim_fields[i].field);
		if (br_str_eq(place, br_str_z(names[i])))
			return i;
	}
	return -1;
}

const struct sim_case *sim_case_about(int nk)
{
	for (const struct sim_case *k = book.cases; k; k = k->next)
		if (sim_canonical(k, F_NK) == nk)
			return k;
	return NULL;
}

sim_value sim_check_value(int nk, int field)
{
	const struct sim_case *k = sim_case_about(nk);

	return k ? sim_canonical(k, field) : V_ABSENT;
}

static int matter_of(const struct hub_id *cid)
{
	const struct sim_case *k = sim_ledger_case(cid);

	return k ? sim_canonical(k, F_NK) : -1;
}

/* ---- at every commit ---- */

/* One change of a version: the field, what it was and what it is. */
struct change {
	int field;
	sim_value old, now;
};

static int read_delta(struct br_str delta, struct change out[NF])
{
	struct br_err err;
	struct br_jr r;
	int n = 0;

	br_err_clear(&err);
	br_jr_init(&r, delta, &sim.arena, &err);
	if (br_jr_next(&r) != BR_JT_OBJECT)
		return 0;
	while (br_jr_next(&r) == BR_JT_KEY) {
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
		first[i] = sim_canonical(k, i);
	for (const struct sim_history *h = history; h; h = h->next)
		if (memcmp(&h->cid, &k->cid, sizeof(k->cid)) == 0)
			for (int i = 0, n = read_delta(h->delta, changes); i < n; i++)
				first[changes[i].field] = changes[i].old;
	for (int i = 0; i < NF; i++)
		if (first[i] >= 0)
			add_fact((struct sim_fact){.nk = sim_canonical(k, F_NK),
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
		add_fact((struct sim_fact){.nk = matter_of(&h->cid),
			.field = changes[i].field,
			.sys = h->sys < 0 ? -2 : -1,
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
		add_fact((struct sim_fact){.nk = matter_of(&c->cid),
			.field = field,
			.sys = c->sys,
			.value = json_word(field, c->lose),
			.win = json_word(field, c->win),
			.kind = c->kind});
}
