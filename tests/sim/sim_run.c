/*
 * sim_run.c - the course of a run: people and faults, then quiet until all has come to rest, then
 * the checks, then a few edits one at a time.
 */
#include "sim_run.h"

#include "sim_check.h"
#include "sim_decide.h"

#include "sim_state.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PATIENCE  (900 * SIM_S)
#define ARENA_MAX (256u << 20)

struct sim sim;
struct sim_sights sights;
unsigned br_rules_left_out;

void sim_wrong(const char *format, ...)
{
	va_list args;

	if (sim.wrong[0])
		return;
	va_start(args, format);
	vsnprintf(sim.wrong, sizeof(sim.wrong), format, args);
	va_end(args);
	TRACE("WRONG: %s", sim.wrong);
}

void sim_trace(const char *format, ...)
{
	va_list args;

	printf("%9.4f %-10s ", (double)sim.now / SIM_S, sim.current ? sim.current->name : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- what a seed means ---- */

/* Half of the faults never happen in a run, the others with a chance of its own. */
static void some_faults(struct sim_faults *f)
{
#define X(name) f->name = sim_chance(50) ? 0 : sim_chance(70) ? sim_below(100) : sim_below(600);
	SIM_FAULTS(X)
#undef X
	/* each of these is a new start for somebody: with more of them nothing else happens */
	f->lose /= 3;
	f->ack_lost /= 3;
	f->commit_lost /= 3;
	f->commit_fails /= 3;
	f->load_fails /= 3;
	f->crashes = sim_chance(15) ? 0 : sim_below(13);
	f->pauses = sim_chance(40) ? 0 : sim_below(8);
	f->seconds = sim_chance(60) ? 0 : sim_below(4);
	f->orders = sim_chance(75) ? 0 : 1 + sim_below(3);
}

/* Everybody at one case, typing what was typed before. */
static void crowd(struct sim_plan *p)
{
	p->cases = 1;
	p->edits = 40 + sim_below(40);
	p->retype = 50 + sim_below(50);
	p->span = sim_between(2, 8) * SIM_S;
	p->sweeps = p->restores > 0;
}

/* Two of everything, and those who are replaced hear of it late. */
static void haunt(struct sim_faults *f)
{
	f->seconds = 3 + sim_below(8);
	f->stall = 500 + sim_below(4000);
	f->slow = sim_below(1500);
}

struct sim_plan sim_plan_of(uint64_t seed, enum sim_profile profile)
{
	static const enum sim_class http[SIM_SYSTEMS] = {CLASS_S1, CLASS_H1, CLASS_H2};
	struct sim_plan p = {.seed = seed, .nsystems = SIM_SYSTEMS};

	if (profile == PROFILE_TURNS)
		profile = (enum sim_profile)(seed % PROFILE_TURNS);
	sim.rng = seed * UINT64_C(0xd1342543de82ef95) + 1;
	sim.quiet = false;
	for (int s = 0; s < SIM_SYSTEMS; s++) {
		p.class[s] = profile == PROFILE_SQL    ? CLASS_S1
			     : profile == PROFILE_HTTP ? http[s]
						       : (enum sim_class)sim_below(CLASSES);
		p.credit[s] = sim_chance(20) ? 1 : sim_chance(20) ? 2 : 1000;
		for (int i = 0; i < NF; i++) {
			p.form[s][i] =
				sim_chance(50) ? FORM_AS_IS : (enum sim_form)sim_below(FORMS);
			p.defaults[s][i] = sim_chance(20);
		}
	}
	p.cases = 1 + sim_below(4);
	p.edits = sim_chance(10) ? 5 : 20 + sim_below(50);
	p.retype = sim_chance(30) ? 0 : sim_below(90);
	p.twice = sim_chance(50) ? 0 : sim_below(60);
	p.deletes = sim_chance(85) ? 0 : 1 + sim_below(8);
	p.span = sim_between(3, 24) * SIM_S;
	p.lag_us = sim_chance(40) ? 0 : sim_between(0, 3 * SIM_S);
	p.quiet_edits = 2;
	p.restores = sim_chance(85) ? 0 : 1 + sim_below(4);
	p.joining = sim_chance(85) ? JOINS_NEVER : sim_chance(50) ? JOINS_LIVE : JOINS_TRIAL;
	/* what two systems hold while one is on trial is matched by people, who are not simulated
	 */
	if (p.joining == JOINS_TRIAL)
		p.twice = 0;
	p.sweeps = p.restores || sim_chance(30);
	some_faults(&p.faults);
	if (sim_chance(30))
		crowd(&p);
	if (sim_chance(20))
		haunt(&p.faults);
	p.faults.decisions = sim_chance(50) ? 0 : 1 + sim_below(8);
	p.ledger_restores = sim_chance(80) ? 0 : 1 + sim_below(3);
	return p;
}

/* ---- the course ---- */

/* Faults of processes come at steps, so that any moment between two events can be one. */
static void plan_faults(void)
{
	int n = sim.plan.faults.crashes + sim.plan.faults.pauses + sim.plan.faults.seconds;
	int steps = 100 + sim.plan.edits * 30;

	sim.nfaults = n < (int)BR_LEN(sim.fault_at) ? n : (int)BR_LEN(sim.fault_at);
	for (int i = 0; i < sim.nfaults; i++) {
		uint64_t at = (uint64_t)sim_below(steps);
		int j = i;

		for (; j > 0 && sim.fault_at[j - 1] > at; j--)
			sim.fault_at[j] = sim.fault_at[j - 1];
		sim.fault_at[j] = at;
	}
}

static void order(void *arg)
{
	int s = sim_below((int)sim.site.nsystems);
	char text[100];

	(void)arg;
	/* "live" would end the trial */
	if (sim.quiet || sim.trial[s])
		return;
	snprintf(text, sizeof(text), "{\"t\":\"SYSTEM\",\"sys\":\"%s\",\"state\":\"%s\"}",
		sim.systems[s].name.p, sim_chance(60) ? "pause" : "live");
	sim_bus_order(br_str_z(text));
}

static void go_live(void *arg)
{
	char text[100];
	int last = sim.plan.nsystems - 1;

	(void)arg;
	snprintf(text, sizeof(text), "{\"t\":\"SYSTEM\",\"sys\":\"%s\",\"state\":\"live\"}",
		sim.systems[last].name.p);
	sim.trial[last] = false;
	sim_bus_order(br_str_z(text));
}

/* The site gets its last system, whose people have been at work all the time. */
static void join(void *arg)
{
	int last = sim.plan.nsystems - 1;

	(void)arg;
	if (sim.site.nsystems > (size_t)last)
		return;
	TRACE("%s joins", sim.systems[last].name.p);
	sights.joined++;
	sim.trial[last] = sim.plan.joining == JOINS_TRIAL;
	sim.systems[last].start_live = !sim.trial[last];
	sim_site_grow(sim.plan.nsystems);
	sim_proc_new_site();
	sim_proc_start(ROLE_CONNECTOR, last, false);
	if (sim.trial[last] && !sim.quiet)
		sim_after(sim_between(0, sim.plan.span), NULL, go_live, NULL);
}

static void decide(void *arg)
{
	(void)arg;
	if (!sim.quiet)
		sim_decide();
}

static void trace_plan(void)
{
	static const char *const classes[CLASSES] = {"S1", "S2", "H1", "H2", "H3"};
	const struct sim_plan *p = &sim.plan;

	for (int s = 0; s < p->nsystems; s++)
		TRACE("system %s: %s credit %lld", sim.systems[s].name.p, classes[p->class[s]],
			(long long)p->credit[s]);
	TRACE("%d cases, %d edits in %.1f s, retyped %d %%, twice %d %%, lag %.1f s, sweeps %d",
		p->cases, p->edits, (double)p->span / SIM_S, p->retype, p->twice,
		(double)p->lag_us / SIM_S, p->sweeps);
#define X(name)                                                                                    \
	if (p->faults.name)                                                                        \
		TRACE("fault " #name ": %d in 10000", p->faults.name);
	SIM_FAULTS(X)
#undef X
	TRACE("%d crashes, %d pauses, %d second instances, %d orders, %d decisions",
		p->faults.crashes, p->faults.pauses, p->faults.seconds, p->faults.orders,
		p->faults.decisions);
}

static void begin(const struct sim_plan *plan, bool trace)
{
	struct br_arena arena = sim.arena;

	sim = (struct sim){.plan = *plan, .arena = arena, .trace = trace, .rng = plan->seed};
	br_arena_reset(&sim.arena);
	sim_site_make();
	sim_time_begin();
	sim_ledger_begin();
	sim_target_begin();
	sim_http_begin();
	sim_check_begin();
	plan_faults();
	trace_plan();
	if (sim.plan.joining != JOINS_NEVER) {
		sim_site_grow(sim.plan.nsystems - 1);
		sim_after(sim_between(0, sim.plan.span), NULL, join, NULL);
	}
	sim_proc_start(ROLE_BRIDGE, 0, false);
	for (int s = 0; s < (int)sim.site.nsystems; s++)
		sim_proc_start(ROLE_CONNECTOR, s, false);
	sim_people_begin();
	sim_backup_begin();
	for (int i = 0; i < sim.plan.faults.orders; i++)
		sim_after(sim_between(0, sim.plan.span), NULL, order, NULL);
	for (int i = 0; i < sim.plan.faults.decisions; i++)
		sim_after(sim_between(sim.plan.span / 4, sim.plan.span), NULL, decide, NULL);
}

/* Everybody who is paused wakes up, second instances go, paused systems are let go on. */
static void calm_down(void)
{
	char text[100];

	sim.quiet = true;
	TRACE("---- quiet ----");
	join(NULL);
	sim_proc_calm();
	for (int s = 0; s < sim.plan.nsystems; s++) {
		sim.trial[s] = false;
		snprintf(text, sizeof(text), "{\"t\":\"SYSTEM\",\"sys\":\"%s\",\"state\":\"live\"}",
			sim.systems[s].name.p);
		sim_bus_order(br_str_z(text));
	}
}

/* Sweeps come every 20 s: what polls have missed is found by then. */
static bool come_to_rest(void)
{
	int64_t until = sim.now + PATIENCE;
	const char *why = "";

	while (!sim.wrong[0] && sim.now < until) {
		sim_run_until(sim.now + SIM_S / 2);
		if (sim_at_rest(&why)) {
			sim_run_until(sim.now + SIM_S / 2);
			if (sim_at_rest(&why))
				return !sim.wrong[0];
		}
	}
	sim_wrong("it does not come to rest: %s (I8)", why);
	return false;
}

/* A system whose create was refused takes no part in the case. */
static bool owner_elsewhere(int system, enum case_owner owner, int nk)
{
	const struct sim_case *k = sim_case_about(nk);

	for (const struct sim_link *l = k ? k->links : NULL; l; l = l->next)
		if (l->sys != system && l->lid.n &&
			(l->sys == 1 ? CASE_OWNER_PORTAL : CASE_OWNER_DEPARTMENT) == owner)
			return true;
	return false;
}

/* In quiet, one edit: it comes to stand everywhere, or its owner's value comes back. */
static void one_edit(void)
{
	const struct sim_typed *t;
	enum case_owner owner, role;
	sim_value before;
	bool mine;

	if (!sim_people_type_one())
		return;
	t = &people.typed[people.ntyped];
	owner = sim_fields[t->field].owner;
	role = t->system == 1 ? CASE_OWNER_PORTAL : CASE_OWNER_DEPARTMENT;
	before = sim_check_value(t->nk, t->field);
	mine = owner == CASE_OWNER_EITHER || owner == role ||
	       !owner_elsewhere(t->system, owner, t->nk);
	if (!come_to_rest())
		return;
	sim_check_rest();
	if (!sim_check_shows(t, mine ? t->value : before))
		sim_wrong("%s typed %s for %s of %s, the case says %s",
			sim.systems[t->system].name.p, sim_show(t->value),
			sim_fields[t->field].field, sim_show(t->nk),
			sim_show(sim_check_value(t->nk, t->field)));
}

static void course(void)
{
	int64_t until = sim.plan.span * 2;

	while (!sim.wrong[0] && sim.now < until && people.edits_left > 0)
		sim_run_until(sim.now + SIM_S / 4);
	calm_down();
	if (!come_to_rest())
		return;
	sim_check_rest();
	for (int i = 0; i < sim.plan.quiet_edits && !sim.wrong[0]; i++)
		one_edit();
}

/* What a connector reads with Jansson goes with the run. */
static void *of_run(size_t n)
{
	return br_arena_alloc(&sim.arena, n);
}

static void leave(void *p)
{
	(void)p;
}

const char *sim_run(const struct sim_plan *plan, bool trace)
{
	if (!sim.arena.max) {
		br_arena_init(&sim.arena, ARENA_MAX);
		json_set_alloc_funcs(of_run, leave);
	}
	begin(plan, trace);
	course();
	sim_check_sights();
	sights.runs++;
	sights.steps += sim.steps;
	sim_proc_end_all();
	return sim.wrong;
}

void sim_run_release(void)
{
	sim_time_end();
	br_arena_release(&sim.arena);
}
