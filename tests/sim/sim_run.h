/*
 * sim_run.h - one run from one number.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim.h"

enum sim_profile {
	PROFILE_SQL,   /* three SQL systems with an inbox */
	PROFILE_HTTP,  /* one of them, one with keys and ETags, one with ETags only */
	PROFILE_MIXED, /* any classes */
	PROFILE_TURNS, /* one of these, by the seed */
};

/* What a seed means under a profile. */
struct sim_plan sim_plan_of(uint64_t seed, enum sim_profile profile);
/* "" when the run went well; else what was wrong. */
const char *sim_run(const struct sim_plan *plan, bool trace);
/* What runs keep for the next one. */
void sim_run_release(void);

#endif
