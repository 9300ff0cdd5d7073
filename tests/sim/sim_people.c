/*
 * sim_people.c - the people at the systems: they enter cases, type values, type them again, and
 * take them back. Every value goes into the journal.
 */
#include "sim_state.h"

#include <stdio.h>

struct sim_people people;

static sim_value new_word(void)
{
	char text[32];

	snprintf(text, sizeof(text), people.words % 3 ? "w%dx" : "_w%dx", people.words);
	people.words++;
	return sim_value_of(br_str_z(text));
}

/* Something that was typed there before, by anybody: equal values are what hides mistakes. */
static sim_value old_word(int nk, int field)
{
	sim_value found[64];
	int n = 0;

	for (int i = 1; i <= people.ntyped && n < 64; i++)
		if (people.typed[i].nk == nk && people.typed[i].field == field)
			found[n++] = people.typed[i].value;
	if (n == 0)
		return new_word();
	sights.aba++;
	return found[sim_below(n)];
}

static sim_value some_value(int nk, int field)
{
	static const char *const codes[] = {"0", "1", "2"};

	if (field == F_ZT)
		return sim_value_of(br_str_z(codes[sim_below(3)]));
	if (!sim_fields[field].key && sim_chance(4))
		return V_NULL;
	return sim_chance(sim.plan.retype) ? old_word(nk, field) : new_word();
}

static bool type(int system, int row, int field, sim_value v)
{
	struct sim_row *r = &targets[system].rows[row];

	if (r->v[field] == v || people.ntyped + 1 == SIM_TYPED)
		return false;
	if (r->typed[field])
		people.typed[r->typed[field]].retyped = true;
	r->v[field] = v;
	r->typed[field] = (uint16_t)++people.ntyped;
	people.typed[people.ntyped] = (struct sim_typed){.system = (int16_t)system,
		.row = (int16_t)row,
		.field = (int16_t)field,
		.value = v,
		.nk = (int16_t)r->nk};
	r->rv = ++targets[system].rv;
	r->changed_at = sim.now;
	sights.edits++;
	TRACE("%s %s: somebody types %s%s = %s", sim.systems[system].name.p, r->lid,
		sim_fields[field].column, sim_fields[field].key ? sim_fields[field].key : "",
		sim_show(v));
	return true;
}

/* What stood there is gone with it. */
static void delete (int system, int row)
{
	struct sim_row *r = &targets[system].rows[row];

	r->gone = true;
	sights.deletes++;
	for (int i = 0; i < NF; i++)
		people.typed[r->typed[i]].retyped = true;
	TRACE("%s: somebody deletes %s", sim.systems[system].name.p, r->lid);
}

/* After a restore the number that comes next may have been this very matter's, with a list that is
 * gone: in an HTTP system that is taken for what was known of it (decision 14). Not tried. */
static bool comes_again(int system, sim_value nk)
{
	char lid[32];
	const struct sim_link *l;

	snprintf(lid, sizeof(lid), "%s%d", sim.systems[system].name.p, targets[system].nrows + 1);
	l = sim.plan.class[system] >= CLASS_H1 ? sim_ledger_link(system, BR_STR("r"), br_str_z(lid))
					       : NULL;
	return l && sim_cell(&targets[system], &l->shadow, F_NK) == nk &&
	       (sim_cell(&targets[system], &l->shadow, F_OP1) != V_ABSENT ||
		       sim_cell(&targets[system], &l->shadow, F_OP2) != V_ABSENT);
}

static void enter(int system, sim_value nk)
{
	struct sim_row *r = sim_target_new(system, nk);
	int row = (int)(r - targets[system].rows);

	TRACE("%s: somebody enters %s about %s", sim.systems[system].name.p, r->lid, sim_show(nk));
	type(system, row, F_NK, nk);
	type(system, row, F_ZT, sim_value_of(BR_STR("0")));
	for (int i = F_AD; i < F_ZT; i++)
		if (sim_chance(60))
			type(system, row, i, some_value(nk, i));
}

struct second_entry {
	int system;
	sim_value nk;
};

static void enter_too(void *arg)
{
	struct second_entry *e = arg;

	/* nobody enters what is there to be seen */
	if (!sim.quiet && !sim_target_look_up(e->system, e->nk, sim.now) &&
		!comes_again(e->system, e->nk))
		enter(e->system, e->nk);
}

static void new_matter(void)
{
	int system = sim_below(sim.plan.nsystems);
	char text[32];
	sim_value nk;

	snprintf(text, sizeof(text), "m%d", ++people.matters);
	nk = sim_value_of(br_str_z(text));
	enter(system, nk);
	for (int s = 0; s < sim.plan.nsystems; s++) {
		struct second_entry *e;

		if (s == system || !sim_chance(sim.plan.twice))
			continue;
		e = br_arena_new(&sim.arena, struct second_entry);
		*e = (struct second_entry){s, nk};
		sim_after(sim_latency(SIM_S), NULL, enter_too, e);
	}
}

static int some_field(int system)
{
	int i;

	do
		i = F_AD + sim_below(NF - F_AD);
	while (i == F_BN || targets[system].column[i] < 0);
	return i;
}

static bool edit(void)
{
	int system = sim_below(sim.plan.nsystems), field = some_field(system), row;
	struct sim_target *t = &targets[system];

	if (!t->nrows)
		return false;
	row = sim_below(t->nrows);
	if (t->rows[row].gone)
		return false;
	if (!sim.quiet && sim_chance(sim.plan.deletes)) {
		delete (system, row);
		return true;
	}
	return type(system, row, field, some_value(t->rows[row].nk, field));
}

static void person(void *arg)
{
	(void)arg;
	if (sim.quiet || people.edits_left-- <= 0)
		return;
	if (people.matters < sim.plan.cases && (people.matters == 0 || sim_chance(15)))
		new_matter();
	else
		edit();
	sim_after(sim_between(1, 2 * sim.plan.span / (sim.plan.edits + 1)), NULL, person, NULL);
}

void sim_people_begin(void)
{
	memset(&people, 0, sizeof(people));
	people.edits_left = sim.plan.edits;
	sim_after(sim_between(0, 2 * SIM_S), NULL, person, NULL);
}

bool sim_people_type_one(void)
{
	for (int i = 0; i < 20; i++)
		if (edit())
			return true;
	return false;
}
