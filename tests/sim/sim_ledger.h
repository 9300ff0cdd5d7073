/*
 * sim_ledger.h - shared by the files of the simulated ledger.
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "sim_state.h"

#define SIM_DATABASE (2 * SIM_MS)

enum task { TASK_NONE, TASK_OPEN, TASK_LOAD, TASK_INFLIGHT, TASK_UNPUBLISHED };

/* What a session of the ledger has been asked for. */
struct operation {
	struct ledger *g;
	enum task task;
	ledger_fn *done;
	void *done_arg;
	struct hub_world *w;
};

struct ledger {
	struct sim_proc *proc;
	ledger_fn *lost;
	void *lost_arg;
	bool freed;
	int life;	     /* of the ledger when it connected */
	struct ledger *next; /* of this run */
	struct operation look,
		other; /* other: on the session that stores, when it stores nothing */
	int storing;
	int64_t carried_out, answered; /* of the last batch: they keep their order */
	struct ledger_want *want;
	const struct hub_world *newer;
	struct hub_system *sys, *due; /* due: as it was asked for */
	const struct ledger_position *positions;
	struct ledger_position *fill;
	size_t npositions;
};

/* Copies that outlive the batch: into the run's arena. */
struct br_str sim_keep(struct br_str s);
struct versions sim_copy_versions(const struct versions *v, struct br_arena *a, bool keys);

/* Everything that is committed, in a number. */
uint64_t sim_ledger_sum(const struct sim_ledger *b);
/* The number of batches in it. */
int64_t sim_ledger_batches(const struct sim_ledger *b);
/* A batch was committed: had a lost ledger the same after it? */
void sim_ledger_compare(void);

/* How an operation ends for who asked for it. */
void sim_ledger_answer(ledger_fn *done, void *arg, enum br_err_code code);

#endif
