/*
 * sim.h - the world of one simulated run: virtual time, processes, Kafka, the ledger, the systems
 * and their people, all made from one number.
 *
 * The bridge and the connector runtime are the real code; what they call at their borders
 * (br_loop.h, bus.h, ledger.h, conn_kind.h, br_http.h) is implemented here. Everything happens in
 * events, in the order of virtual time; every decision comes from sim_rnd(). A run's memory is one
 * arena and is gone with it; only what the real code allocates is given back piece by piece.
 */
#ifndef SIM_H
#define SIM_H

#include "br_arena.h"
#include "br_loop.h"
#include "br_rule.h"
#include "bus.h"
#include "conn_kind.h"
#include "hub_bridge.h"
#include "ledger.h"

#define SIM_SYSTEMS 3
#define SIM_MS	    1000LL
#define SIM_S	    1000000LL
#define SIM_EPOCH_US                                                                               \
	1530493500000000LL /* 2018-07-02T09:05:00+08:00, so that times look like times */

/* ---- what a run is made of ---- */

enum sim_class { CLASS_S1, CLASS_S2, CLASS_H1, CLASS_H2, CLASS_H3, CLASSES };
enum sim_form { FORM_AS_IS, FORM_UPPER, FORM_SHORT, FORM_TRIM, FORMS };

/* Faults, each with its own chance for this seed (in 1/10000 of the occasions, 0 = never). */
#define SIM_FAULTS(X)                                                                              \
	X(lose)	       /* a message never arrives, its producer hears of it late (a gap) */        \
	X(twice)       /* a message arrives twice, the copy soon */                                \
	X(late_copy)   /* a message arrives again after newer ones */                              \
	X(slow)	       /* a message and all behind it are held up */                               \
	X(ack_lost)    /* it arrived, and its producer is told that it did not */                  \
	X(again)       /* a consumer gets messages once more */                                    \
	X(stall)       /* a consumer sees nothing for a while */                                   \
	X(commit_lost) /* committed, and the bridge is told that it failed */                      \
	X(commit_fails)                                                                            \
	X(load_fails)                                                                              \
	X(open_fails)                                                                              \
	X(reply_lost) /* a system did it, and its connector does not hear of it */                 \
	X(call_lost)  /* a system did not get it, and its connector cannot know */                 \
	X(refuse)     /* not now: a lock, a busy server */                                         \
	X(reject)     /* not this: a rule of an SQL system, until the case says something else */  \
	X(down)	      /* a system cannot be reached when a connector starts */
struct sim_faults {
#define X(name) int name;
	SIM_FAULTS(X)
#undef X
	int crashes, pauses, seconds, orders, decisions; /* how often in this run; seconds: a second
						 instance of a process */
};

struct sim_plan {
	uint64_t seed;
	int nsystems;
	enum sim_class class[SIM_SYSTEMS];
	enum sim_form form[SIM_SYSTEMS][16]; /* how a system writes what we send, by field */
	bool defaults[SIM_SYSTEMS][16];	     /* it writes a word of its own where we send nothing */
	int64_t credit[SIM_SYSTEMS];
	int cases, edits;
	int retype;	     /* percent of edits that type an older value again */
	int deletes;	     /* percent of edits that delete the record instead */
	int twice;	     /* percent of new cases that somebody enters in two systems */
	int restores;	     /* systems go back to a backup */
	int ledger_restores; /* the ledger does */
	int quiet_edits;
	bool sweeps;  /* SQL systems are walked through too: what polls and answers leave out is
			 found all the same */
	int64_t span; /* people work so long */
	enum sim_joining {
		JOINS_NEVER,
		JOINS_LIVE,
		JOINS_TRIAL
	} joining;	/* the last system comes to
the site when the others have cases already */
	int64_t lag_us; /* index lag of HTTP systems */
	struct sim_faults faults;
};

/* What was really reached, over all runs of a process. */
#define SIM_SIGHTS(X)                                                                              \
	X(runs)                                                                                    \
	X(deletes)                                                                                 \
	X(gone)                                                                                    \
	X(edits)                                                                                   \
	X(crashes)                                                                                 \
	X(pauses)                                                                                  \
	X(seconds)                                                                                 \
	X(commands)                                                                                \
	X(commits)                                                                                 \
	X(applied)                                                                                 \
	X(stale)                                                                                   \
	X(doubt)                                                                                   \
	X(exists)                                                                                  \
	X(parked)                                                                                  \
	X(conflicts)                                                                               \
	X(suspects)                                                                                \
	X(deviations)                                                                              \
	X(rewritten)                                                                               \
	X(refused)                                                                                 \
	X(fenced)                                                                                  \
	X(fenced_write)                                                                            \
	X(gaps)                                                                                    \
	X(old)                                                                                     \
	X(repeated)                                                                                \
	X(inbox_answers)                                                                           \
	X(key_replays)                                                                             \
	X(lost)                                                                                    \
	X(again)                                                                                   \
	X(old_last)                                                                                \
	X(copies)                                                                                  \
	X(late_copies)                                                                             \
	X(taken_positions)                                                                         \
	X(lost_commits)                                                                            \
	X(leases)                                                                                  \
	X(refetches)                                                                               \
	X(decided)                                                                                 \
	X(taken)                                                                                   \
	X(too_late)                                                                                \
	X(rejected)                                                                                \
	X(corrected)                                                                               \
	X(dropped)                                                                                 \
	X(duplicates)                                                                              \
	X(credit_waits)                                                                            \
	X(settled)                                                                                 \
	X(late_receipts)                                                                           \
	X(joined)                                                                                  \
	X(restores)                                                                                \
	X(restored_by_hand)                                                                        \
	X(restored)                                                                                \
	X(recreated)                                                                               \
	X(ledgers)                                                                                 \
	X(again_batches)                                                                           \
	X(owed)                                                                                    \
	X(h3_window) /* edits lost between a look and a write, where nothing is compared */        \
	X(aba)                                                                                     \
	X(transformed)                                                                             \
	X(steps)
struct sim_sights {
#define X(name) uint64_t name;
	SIM_SIGHTS(X)
#undef X
};

/* ---- processes ---- */

enum sim_role { ROLE_BRIDGE, ROLE_CONNECTOR };

struct br_loop {
	struct sim_proc *proc;
	br_signal_fn *on_signal;
	void *on_signal_arg;
	bool stopped;
	int status;
};

struct sim_proc {
	char name[24];
	enum sim_role role;
	int system; /* of a connector */
	bool dead;
	bool standby;	      /* a second instance: not started again when it ends */
	int64_t paused_until; /* a zombie until then */
	struct br_loop loop;
	struct bridge *bridge;
	struct conn *conn;
	struct br_http *http;
	int64_t skew; /* of its wall clock */
	struct sim_proc *next;
};

typedef void sim_fn(void *arg);

struct sim {
	struct sim_plan plan;
	struct br_arena arena;
	uint64_t rng;
	int64_t now; /* virtual microseconds */
	uint64_t order, steps;
	bool trace;
	bool quiet; /* no faults any more */
	struct cfg_site site;
	struct map_set *maps[SIM_SYSTEMS];
	bool trial[SIM_SYSTEMS]; /* nothing may be written there */
	bool held[SIM_SYSTEMS];	 /* its connectors are stopped by people */
	const struct case_schema *schema;
	struct cfg_system systems[SIM_SYSTEMS];
	struct sim_proc *procs, *current;
	uint64_t fault_at[64]; /* steps at which a process is crashed or paused instead */
	int nfaults, at_fault;
	struct sim_topic *topics;
	int64_t last_order; /* when it arrives on the ctl topic */
	char wrong[600];    /* the first violation; "" = none */
	uint64_t digest;    /* of everything that happened: two runs of a seed must agree */
};
extern struct sim sim;
extern struct sim_sights sights;

/* ---- chance ---- */
uint64_t sim_rnd(void);
int sim_below(int n);
int64_t sim_between(int64_t lo, int64_t hi);
bool sim_chance(int percent);
/* A fault happens: never in the quiet at the end. */
bool sim_fault(int of_10000);
/* How long something takes: mostly short, sometimes very long. */
int64_t sim_latency(int64_t typical);

/* ---- time (sim_time.c) ---- */
void sim_time_begin(void);
void sim_time_end(void);
/* proc NULL: happens whatever becomes of the processes. */
void sim_after(int64_t us, struct sim_proc *proc, sim_fn *fn, void *arg);
/* Runs events up to a moment; false when there is nothing to do any more. */
bool sim_run_until(int64_t at);

/* ---- processes (sim_proc.c) ---- */
struct sim_proc *sim_proc_start(enum sim_role role, int system, bool standby);
void sim_proc_crash(struct sim_proc *p);
/* After an event of p: has it ended by itself? */
void sim_proc_reap(struct sim_proc *p);
/* A crash, or a pause with or without a second instance beside it. True: the event does not happen
 * now. */
bool sim_proc_fault(struct sim_proc *p);
void sim_proc_end_all(void);
/* The bridges of the site as it was end, and one of the site as it is starts. */
void sim_proc_new_site(void);
/* People stop all connectors of a system; until they start one there is none. */
void sim_proc_hold(int system, bool hold);
bool sim_proc_is_held(int system);
/* Nobody is paused any more, and of each process one is left. */
void sim_proc_calm(void);

/* ---- Kafka (sim_bus.c) ---- */
struct sim_record {
	int64_t timestamp;
	struct br_str key, value;
};
struct sim_topic {
	struct br_str name;
	bool inbound; /* what connectors tell */
	struct sim_record *records;
	int64_t n, room;
	struct bus *readers;
	struct sim_topic *next;
};
struct sim_topic *sim_topic(struct br_str name);
/* An order of a person, on the ctl topic. */
void sim_bus_order(struct br_str value);
bool sim_bus_at_rest(void);

/* ---- HTTP systems (sim_http.c) ---- */
void sim_http_begin(void);
/* A connector tells the bridge: a command that is over has no use for what was seen in it. */
void sim_http_told(const struct sim_proc *p, struct br_str message);
/* Is nothing on its way to it? */
bool sim_http_still(int system);

/* ---- the site (sim_site.c) ---- */
/* Compiles every system in every class, once for the process. */
int sim_site_load(void);
void sim_site_unload(void);
/* The site of this run's plan. */
void sim_site_make(void);
/* How many systems the site has; the others are not known to it. */
void sim_site_grow(int systems);

/* ---- reports ---- */
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define TRACE(...)                                                                                 \
	do {                                                                                       \
		if (sim.trace)                                                                     \
			sim_trace(__VA_ARGS__);                                                    \
	} while (0)
/* The first violation is kept; the run goes no further than it must. */
void sim_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
