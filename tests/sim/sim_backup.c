/*
 * sim_backup.c - backups of SQL systems, and systems that are restored from them: what was entered,
 * typed and written since is gone, numbers are given out again, and what our tables there say is as
 * old as the rest.
 */
#include "sim_state.h"

static struct sim_target backups[SIM_SYSTEMS];
static bool there[SIM_SYSTEMS];

/* A copy of the files goes back in everything, and who has read nothing since cannot know; such
 * ones are read in from a dump here, which makes the data another. */
static bool is_noticed(int system)
{
	const struct hub_system *known = &book.systems[system];

	return backups[system].beat < known->beat || backups[system].epoch < known->taken;
}

/* What people typed since is gone with it, unless it stands in other systems by now. */
static void forget(const struct sim_target *now)
{
	for (int i = 0; i < now->nrows; i++)
		for (int f = 0; f < NF; f++)
			people.typed[now->rows[i].typed[f]].retyped = true;
}

static void restore(void *arg)
{
	int s = (int)(intptr_t)arg;
	struct sim_target *t = &targets[s], was = *t;
	bool dump = sim_chance(50) || !is_noticed(s);

	if (sim.quiet || !there[s])
		return;
	TRACE("%s is restored from %s", sim.systems[s].name.p, dump ? "a dump" : "its files");
	sights.restores++;
	forget(t);
	*t = backups[s];
	t->generation = was.generation + 1;
	t->writes = was.writes;
	t->requests = was.requests;
	t->data = was.data + dump;
	if (dump)
		t->rv = was.rv + 1;
}

static void back_up(void *arg)
{
	int s = (int)(intptr_t)arg;

	if (sim.quiet)
		return;
	backups[s] = targets[s];
	there[s] = true;
	sim_after(sim_between(0, sim.plan.span / 2), NULL, restore, arg);
}

void sim_backup_begin(void)
{
	memset(there, 0, sizeof(there));
	for (int i = 0; i < sim.plan.restores; i++) {
		int s = sim_below(sim.plan.nsystems);

		if (sim.plan.class[s] == CLASS_S1)
			sim_after(sim_between(0, sim.plan.span), NULL, back_up,
				(void *)(intptr_t)s); // NOLINT(performance-no-int-to-ptr)
	}
}
