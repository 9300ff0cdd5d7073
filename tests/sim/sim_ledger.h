/*
 * sim_ledger.h - shared by the files of the simulated ledger.
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "sim_state.h"

#define SIM_DATABASE (2 * SIM_MS)

enum task { TASK_NONE, TASK_OPEN, TASK_LOAD, TASK_INFLIGHT, TASK_UNPUBLISHED, TASK_STORE };

struct ledger {
	struct sim_proc *proc;
	ledger_fn *lost, *done;
	void *lost_arg, *done_arg;
	bool freed, open;
	enum task task;
	struct hub_world *w;
	struct ledger_want *want;
	struct hub_system *sys, *due; /* due: as it was asked for */
	const struct ledger_position *positions;
	struct ledger_position *fill;
	size_t npositions;
};

/* Copies that outlive the batch: into the run's arena. */
struct br_str sim_keep(struct br_str s);
struct versions sim_copy_versions(const struct versions *v, struct br_arena *a, bool keys);

/* An operation begins; all but STORE go to the server by themselves. */
void sim_ledger_task(struct ledger *g, enum task task, ledger_fn *done, void *arg);
/* It ends; a failure leaves no transaction open. */
void sim_ledger_end(struct ledger *g, enum br_err_code code);

#endif
