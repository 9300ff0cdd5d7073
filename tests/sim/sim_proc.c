/*
 * sim_proc.c - the processes of a site: started, crashed, paused, started twice, started again.
 */
#include "sim.h"

#include "conn_internal.h"
#include "sim_kind.h"

#include <stdio.h>

#define SUPERVISOR_US (300 * SIM_MS)

struct rebirth {
	enum sim_role role;
	int system;
};

static bool one_lives(enum sim_role role, int system)
{
	for (const struct sim_proc *p = sim.procs; p; p = p->next)
		if (!p->dead && p->role == role && p->system == system)
			return true;
	return false;
}

static void start_again(void *arg)
{
	struct rebirth *r = arg;

	if (r->role == ROLE_CONNECTOR && sim.held[r->system])
		return;
	if (!sim.quiet || !one_lives(r->role, r->system))
		sim_proc_start(r->role, r->system, false);
}

static void later(const struct sim_proc *p)
{
	struct rebirth *r = br_arena_new(&sim.arena, struct rebirth);

	*r = (struct rebirth){p->role, p->system};
	sim_after(sim_latency(SUPERVISOR_US), NULL, start_again, r);
}

static bool start_bridge(struct sim_proc *p)
{
	p->bridge = hub_bridge_start(&p->loop, &sim.site, sim.schema, sim.maps);
	return p->bridge != NULL;
}

static bool start_connector(struct sim_proc *p)
{
	struct br_err err;

	br_err_clear(&err);
	p->conn = conn_new(
		&p->loop, &sim.site, &sim.systems[p->system], sim_kind_of(p->system), &err);
	if (!p->conn)
		return false;
	conn_start(p->conn);
	return true;
}

struct sim_proc *sim_proc_start(enum sim_role role, int system, bool standby)
{
	static int number;
	struct sim_proc *p = br_arena_new(&sim.arena, struct sim_proc);

	if (!sim.procs)
		number = 0;
	p->role = role;
	p->system = system;
	p->standby = standby;
	p->loop.proc = p;
	p->skew = sim_between(-2 * SIM_S, 2 * SIM_S);
	p->next = sim.procs;
	sim.procs = p;
	if (role == ROLE_BRIDGE)
		snprintf(p->name, sizeof(p->name), "bridge#%d", ++number);
	else
		snprintf(p->name, sizeof(p->name), "%s#%d", sim.systems[system].name.p, ++number);
	TRACE("%s starts", p->name);
	sim.current = p;
	if (role == ROLE_BRIDGE ? !start_bridge(p) : !start_connector(p))
		sim_wrong("%s does not start", p->name);
	sim.current = NULL;
	return p;
}

static void bury(struct sim_proc *p)
{
	sim.current = p;
	if (p->bridge)
		hub_bridge_free(p->bridge);
	if (p->conn) {
		sights.repeated += (uint64_t)p->conn->count.repeated;
		conn_free(p->conn);
	}
	p->bridge = NULL;
	p->conn = NULL;
	sim.current = NULL;
	p->dead = true;
}

/* dead first: what the real code does while its memory is given back reaches nobody. */
void sim_proc_crash(struct sim_proc *p)
{
	TRACE("%s crashes", p->name);
	sights.crashes++;
	p->dead = true;
	bury(p);
	if (!p->standby)
		later(p);
}

void sim_proc_reap(struct sim_proc *p)
{
	if (p->dead || !p->loop.stopped)
		return;
	TRACE("%s ends with %d", p->name, p->loop.status);
	if (p->loop.status != 0 && p->loop.status != 75)
		sim_wrong("%s ends with status %d", p->name, p->loop.status);
	if (p->loop.status == 75 && p->role == ROLE_CONNECTOR)
		sights.fenced++;
	bury(p);
	if (!p->standby)
		later(p);
}

/* Who stands beside another goes some day, as suddenly as he came. */
static void leave(void *arg)
{
	struct sim_proc *p = arg;

	if (!p->dead && p->standby && !sim.quiet)
		sim_proc_crash(p);
}

static void second(const struct sim_proc *p)
{
	struct sim_proc *beside;

	sights.seconds++;
	beside = sim_proc_start(p->role, p->system, true);
	sim_after(sim_between(0, sim_chance(50) ? 2 * SIM_S : 20 * SIM_S), NULL, leave, beside);
}

static void pause_it(struct sim_proc *p)
{
	p->paused_until = sim.now + sim_between(SIM_MS, sim_chance(30) ? 40 * SIM_S : 2 * SIM_S);
	TRACE("%s is paused until %.3f", p->name, (double)p->paused_until / SIM_S);
	sights.pauses++;
	/* somebody thinks it dead, and starts another; which of both ends is open */
	if (sim_chance(60)) {
		p->standby = true;
		sim_proc_start(p->role, p->system, false);
		sim_after(p->paused_until - sim.now + sim_between(0, 3 * SIM_S), NULL, leave, p);
	}
}

bool sim_proc_fault(struct sim_proc *p)
{
	int what, all = sim.plan.faults.crashes + sim.plan.faults.pauses + sim.plan.faults.seconds;

	if (sim.quiet || sim.at_fault == sim.nfaults || sim.steps < sim.fault_at[sim.at_fault])
		return false;
	sim.at_fault++;
	what = sim_below(all ? all : 1);
	if (what < sim.plan.faults.crashes) {
		sim_proc_crash(p);
		return true;
	}
	if (what < sim.plan.faults.crashes + sim.plan.faults.pauses) {
		pause_it(p);
		return true;
	}
	second(p);
	return false;
}

void sim_proc_hold(int system, bool hold)
{
	sim.held[system] = hold;
	for (struct sim_proc *p = sim.procs; p && hold; p = p->next)
		if (!p->dead && p->role == ROLE_CONNECTOR && p->system == system)
			sim_proc_crash(p);
}

bool sim_proc_is_held(int system)
{
	return sim.held[system];
}

void sim_proc_new_site(void)
{
	for (struct sim_proc *p = sim.procs; p; p = p->next)
		if (!p->dead && p->role == ROLE_BRIDGE) {
			p->standby = true; /* not as it was */
			sim_proc_crash(p);
		}
	sim_proc_start(ROLE_BRIDGE, 0, false);
}

void sim_proc_calm(void)
{
	struct sim_proc *next;

	for (struct sim_proc *p = sim.procs; p; p = next) {
		bool other = false;

		next = p->next;
		p->paused_until = 0;
		for (const struct sim_proc *o = p->next; o && !p->dead; o = o->next)
			other |= !o->dead && o->role == p->role && o->system == p->system;
		if (other)
			sim_proc_crash(p);
		else
			p->standby = false;
	}
}

void sim_proc_end_all(void)
{
	for (struct sim_proc *p = sim.procs; p; p = p->next)
		if (!p->dead) {
			p->dead = true;
			bury(p);
		}
}
