/*
 * sim_batch.h - many seeds, shared among processes, and what they showed together.
 */
#ifndef SIM_BATCH_H
#define SIM_BATCH_H

#include "sim_run.h"

struct sim_batch {
	uint64_t from, seeds;
	int jobs;
	enum sim_profile profile;
	bool stop;	    /* at the first violation */
	int edits, crashes; /* no run has fewer; to measure by */
	/* filled in */
	uint64_t done, wrong, first_wrong; /* first_wrong: lowest seed; 0 = none */
	double seconds;
};

/* What a seed means in this batch. */
struct sim_plan sim_batch_plan(const struct sim_batch *b, uint64_t seed);
/* Runs all seeds; violations are printed unless stop is set (then only the lowest counts). Sights
 * are added up in `sights`. 0, or -1 when a process ended in an unexpected way (its seed is
 * printed). */
int sim_batch_run(struct sim_batch *b);

#endif
