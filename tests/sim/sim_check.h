/*
 * sim_check.h - shared by the checks: what became the case's value, and what lost and was kept.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "sim_state.h"

#define SIM_FACTS 4096

/* A value that became the case's, or that lost and was kept. */
struct sim_fact {
	int nk, field, sys; /* sys: whose value lost; -1 accepted; -2 taken by a person */
	sim_value value, win;
	enum hub_conflict_kind kind;
};
extern struct sim_fact sim_facts[SIM_FACTS];
extern int sim_nfacts;

/* What a case says of a field, in the systems' letters; V_ABSENT when nothing. */
sim_value sim_canonical(const struct sim_case *k, int field);
const struct sim_case *sim_case_about(int nk);

#endif
