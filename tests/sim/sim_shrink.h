/*
 * sim_shrink.h - the smallest plan that still goes wrong.
 */
#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "sim_run.h"

/* Drops people, faults, forms and systems from a plan that goes wrong, as long as it does. */
struct sim_plan sim_shrink(const struct sim_plan *plan);

#endif
