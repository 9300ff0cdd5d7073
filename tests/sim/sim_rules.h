/*
 * sim_rules.h - the test of the test: with any one rule of the protocol left out, some seed must go
 * wrong.
 */
#ifndef SIM_RULES_H
#define SIM_RULES_H

#include <stdbool.h>

/* Leaves out the rule of this name (also "naive": several at once). False when there is none. */
bool sim_rules_leave_out(const char *name);
/* Tries every rule for as many seeds as stated; prints a line for each. How many were not caught.
 */
int sim_rules_check(int jobs);

#endif
