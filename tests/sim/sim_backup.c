/*
 * sim_backup.c - backups of the ledger and of systems, and systems that are restored from them:
 * what was entered, typed and written since is gone, numbers are given out again, and what our
 * tables there say is as old as the rest.
 */
#include "sim_state.h"

#include <stdio.h>

#define LOOK_US (200 * SIM_MS)

static struct sim_target backups[SIM_SYSTEMS];
static bool there[SIM_SYSTEMS];
static int32_t before[SIM_SYSTEMS]; /* restores that the ledger knew of */

#define UNTOLD 64
static struct {
	int nk, field;
	sim_value value;
} untold[UNTOLD];
static int nuntold;

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

/* An HTTP system that shows no element of a list says nothing of it: then what was known of the
 * list is kept (decision 14). Such backups are not tried. */
static bool lacks_a_list(int s)
{
	for (int i = 0; i < backups[s].nrows; i++) {
		const sim_value *then = backups[s].rows[i].v, *now = targets[s].rows[i].v;

		if (then[F_OP1] == V_ABSENT && then[F_OP2] == V_ABSENT &&
			(now[F_OP1] != V_ABSENT || now[F_OP2] != V_ABSENT))
			return true;
	}
	return false;
}

/* Half made, and its number may be given out again: people wait until it is there. */
static bool awaits_a_record(int s)
{
	for (const struct sim_case *k = book.cases; k; k = k->next)
		for (const struct sim_link *l = k->links; l; l = l->next)
			if (l->sys == s && l->inflight.on && l->inflight.op == OP_CREATE)
				return true;
	return false;
}

static bool may_go_back(int s)
{
	return sim.plan.class[s] < CLASS_H1 || !(lacks_a_list(s) || awaits_a_record(s));
}

bool sim_backup_is_untold(int nk, int field, sim_value v)
{
	for (int i = 0; i < nuntold; i++)
		if (untold[i].nk == nk && untold[i].field == field && untold[i].value == v)
			return true;
	return false;
}

/* What the ledger knows the record to have held. */
static bool is_told(int s, const struct sim_link *l, int field, sim_value v)
{
	if (sim_cell(&targets[s], &l->shadow, field) == v)
		return true;
	for (const struct sim_past *p = l->past; p; p = p->next)
		if (sim_cell(&targets[s], &p->shadow, field) == v)
			return true;
	return false;
}

static void note_untold(int s, const struct sim_row *r)
{
	const struct sim_link *l = sim_ledger_link(s, BR_STR("r"), br_str_z(r->lid));

	for (int f = 0; f < NF && l; f++)
		if (!r->typed[f] && r->v[f] >= 0 && !is_told(s, l, f, r->v[f]) &&
			nuntold < UNTOLD) {
			untold[nuntold].nk = r->v[F_NK];
			untold[nuntold].field = f;
			untold[nuntold++].value = r->v[f];
		}
}

static void put_back(int s, bool dump)
{
	struct sim_target *t = &targets[s], was = *t;

	TRACE("%s is restored from %s", sim.systems[s].name.p, dump ? "a dump" : "its files");
	sights.restores++;
	forget(t);
	for (int i = 0; i < backups[s].nrows && sim.plan.class[s] != CLASS_S1; i++)
		note_untold(s, &backups[s].rows[i]);
	*t = backups[s];
	t->generation = was.generation + 1;
	t->writes = was.writes;
	t->data = was.data + dump;
	if (dump)
		t->rv = was.rv + 1;
}

static void *as_arg(int s)
{
	return (void *)(intptr_t)s; // NOLINT(performance-no-int-to-ptr)
}

/* ---- where no table of ours tells it: people stop the connector, restore, say so, start it ----
 */

static void say(int s, const char *state)
{
	char text[100];

	snprintf(text, sizeof(text), "{\"t\":\"SYSTEM\",\"sys\":\"%s\",\"state\":\"%s\"}",
		sim.systems[s].name.p, state);
	sim_bus_order(br_str_z(text));
}

static void start_connector(int s)
{
	sim_proc_hold(s, false);
	sim_proc_start(ROLE_CONNECTOR, s, false);
	say(s, "live");
}

static void when_followed(void *arg)
{
	int s = (int)(intptr_t)arg;

	if (book.systems[s].restores == before[s])
		sim_after(LOOK_US, NULL, when_followed, arg);
	else
		start_connector(s);
}

/* What the connector asked for last is answered. */
static void when_still(void *arg)
{
	int s = (int)(intptr_t)arg;

	if (!sim_http_still(s)) {
		sim_after(LOOK_US, NULL, when_still, arg);
		return;
	}
	if (sim.quiet || !may_go_back(s)) {
		start_connector(s);
		return;
	}
	put_back(s, sim_chance(50));
	sights.restored_by_hand++;
	before[s] = book.systems[s].restores;
	say(s, "rebase");
	when_followed(arg);
}

static void stop_connector(int s)
{
	say(s, "pause");
	sim_proc_hold(s, true);
	when_still(as_arg(s));
}

static void restore(void *arg)
{
	int s = (int)(intptr_t)arg;

	if (sim.quiet || !there[s] || sim_proc_is_held(s))
		return;
	if (sim.plan.class[s] == CLASS_S1)
		put_back(s, sim_chance(50) || !is_noticed(s));
	else if ((size_t)s < sim.site.nsystems && !sim.trial[s] && book.systems[s].id)
		stop_connector(s);
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

/* ---- the ledger ---- */

static const struct sim_ledger *ledger_backup;

static bool is_whole_site(void)
{
	return sim.site.nsystems == (size_t)sim.plan.nsystems;
}

static void restore_ledger(void *arg)
{
	(void)arg;
	if (sim.quiet || !ledger_backup)
		return;
	sights.ledgers++;
	sim_ledger_restore(ledger_backup);
	/* what people were told by it may be another's number now, until it has caught up */
	ledger_backup = NULL;
}

/* What was folded for another site waits for that site's files, and for a person. */
static void back_up_ledger(void *arg)
{
	(void)arg;
	if (sim.quiet || !is_whole_site())
		return;
	ledger_backup = sim_ledger_back_up();
	sim_after(sim_between(0, sim.plan.span / 2), NULL, restore_ledger, NULL);
}

void sim_backup_begin(void)
{
	ledger_backup = NULL;
	nuntold = 0;
	for (int i = 0; i < sim.plan.ledger_restores; i++)
		sim_after(sim_between(0, sim.plan.span), NULL, back_up_ledger, NULL);
	memset(there, 0, sizeof(there));
	for (int i = 0; i < sim.plan.restores; i++)
		sim_after(sim_between(0, sim.plan.span), NULL, back_up,
			as_arg(sim_below(sim.plan.nsystems)));
}
