#include "sim_shrink.h"

#include <stdio.h>

#define TRIES 300

/* Each tries to make a plan smaller; false when it is as small as that already. */
typedef bool smaller_fn(struct sim_plan *p, int i);

static bool less(int *n, int i)
{
	int was = *n;

	*n = i == 0 ? 0 : i == 1 ? was / 2 : was - 1;
	if (*n < 0)
		*n = 0;
	return *n != was;
}

static bool fewer_systems(struct sim_plan *p, int i)
{
	/* the one that joins later is the last */
	return i == 0 && p->joining == JOINS_NEVER && p->nsystems-- > 1;
}

static bool fewer_edits(struct sim_plan *p, int i)
{
	int was = p->edits;

	less(&p->edits, i + 1);
	return p->edits != was && p->edits > 0;
}

static bool fewer_cases(struct sim_plan *p, int i)
{
	int was = p->cases;

	p->cases = i == 0 ? 1 : was - 1;
	return p->cases != was && p->cases > 0;
}

static bool fewer_faults(struct sim_plan *p, int i)
{
	int *const counts[] = {&p->faults.crashes, &p->faults.pauses, &p->faults.seconds,
		&p->faults.orders, &p->faults.decisions, &p->restores};
	int *const chances[] = {
#define X(name) &p->faults.name,
		SIM_FAULTS(X)
#undef X
	};

	if (i < (int)BR_LEN(chances))
		return less(chances[i], 0);
	i -= (int)BR_LEN(chances);
	return i < 3 * (int)BR_LEN(counts) && less(counts[i / 3], i % 3);
}

static bool plainer(struct sim_plan *p, int i)
{
	switch (i) {
	case 0:
		return less(&p->quiet_edits, 0);
	case 1:
		return less(&p->retype, 0);
	case 2:
		return less(&p->twice, 0);
	case 3:
		p->lag_us = 0;
		return true;
	case 4:
		p->sweeps = true;
		return true;
	case 5:
		p->joining = JOINS_NEVER;
		return true;
	default:
		if (i - 6 >= SIM_SYSTEMS * 16)
			return false;
		p->form[(i - 6) / 16][(i - 6) % 16] = FORM_AS_IS;
		p->defaults[(i - 6) / 16][(i - 6) % 16] = false;
		return true;
	}
}

/* The invariant a message names: "(I5)". */
static struct br_str invariant(const char *wrong)
{
	const char *at = strrchr(wrong, '(');

	return br_str_z(at ? at : "");
}

/* Whatever is left out, everything after it comes out otherwise: so a smaller plan is tried with
 * many numbers, and counts when the same invariant is broken. */
static bool goes_wrong(struct sim_plan *p, struct br_str how)
{
	const uint64_t seed = p->seed;

	for (uint64_t i = 0; i < TRIES; i++) {
		const char *wrong;

		p->seed = seed + i;
		wrong = sim_run(p, false);
		if (wrong[0] && br_str_eq(invariant(wrong), how))
			return true;
	}
	return false;
}

/* Plans are cleared before they are filled, also what lies between their members. */
static bool same_plan(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sim_plan)) == 0;
}

/* All ways of one kind; true when one of them helped. */
static bool try_all(struct sim_plan *best, smaller_fn *smaller, int ways, struct br_str how)
{
	bool helped = false;

	for (int i = 0; i < ways; i++) {
		struct sim_plan p = *best;

		while (smaller(&p, i) && !same_plan(&p, best) && goes_wrong(&p, how)) {
			*best = p;
			helped = true;
		}
	}
	return helped;
}

struct sim_plan sim_shrink(const struct sim_plan *plan)
{
	static const struct {
		smaller_fn *fn;
		int ways;
	} kinds[] = {{fewer_systems, 1}, {fewer_faults, 64}, {fewer_edits, 2}, {fewer_cases, 2},
		{plainer, 6 + SIM_SYSTEMS * 16}};
	struct sim_plan best = *plan;
	bool helped = true;
	char wrong[sizeof(sim.wrong)];
	struct br_str how;

	snprintf(wrong, sizeof(wrong), "%s", sim_run(plan, false));
	how = invariant(wrong);
	while (helped) {
		helped = false;
		for (size_t i = 0; i < BR_LEN(kinds); i++)
			helped |= try_all(&best, kinds[i].fn, kinds[i].ways, how);
	}
	return best;
}
