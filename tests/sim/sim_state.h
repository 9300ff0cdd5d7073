/*
 * sim_state.h - what the simulated ledger holds: everything that is committed, and nothing else.
 *
 * Loading puts a copy into a world, storing makes a transaction of what is dirty, which is applied
 * whole or not at all. Images are never changed once made, so both share the ledger's cells; the
 * versions are copied. All of it lives in the run's arena.
 */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include "sim_target.h"

struct sim_link {
	int sys; /* index */
	struct br_str rec, lid, ref;
	enum hub_link_state state;
	struct image shadow;
	struct versions held, tries;
	int64_t n;
	struct hub_inflight inflight;
	bool due;
	int32_t based;
	bool freed;	       /* in this transaction */
	struct sim_past *past; /* newest first */
	struct sim_link *next;
};

struct sim_past {
	struct image shadow;
	struct versions held;
	struct sim_past *next;
};

struct sim_case {
	struct hub_id cid;
	char ulid[HUB_ULID_TEXT + 1];
	int32_t ver;
	struct image doc;
	struct versions fver;
	struct br_str *had;
	size_t nhad;
	int64_t created_ms, updated_ms;
	struct sim_link *links;
	struct sim_case *next;
};

struct sim_history {
	struct hub_id cid;
	int32_t ver;
	int sys; /* -1: a person */
	struct br_str delta;
	int64_t offset, at_ms;
	struct sim_history *next;
};

struct sim_conflict {
	struct hub_id cid;
	int sys;
	enum hub_conflict_kind kind;
	struct br_str place, win, lose;
	int64_t id;
	const char *status; /* "taken", "kept"; NULL: open */
	struct sim_conflict *next;
};

struct sim_parked {
	int sys;
	bool has_case;
	struct hub_id cid;
	struct br_str rec, lid, code, raw;
	enum hub_parked_kind kind;
	int64_t id;
	const char *status; /* "open", "superseded", "delivered", "retried" */
	struct sim_parked *next;
};

struct sim_order {
	struct br_str id;
	enum hub_outcome outcome;
	struct hub_decision told; /* as it is told again after a start */
	int sys;		  /* -1: none */
	enum hub_matter_sort sort;
	int64_t item;
	const char *status; /* of the item from then on, or NULL */
	int32_t ver;
	struct sim_order *next;
};

struct sim_key {
	struct br_str scheme, value;
	struct hub_id cid;
	struct sim_key *next;
};

struct sim_ledger {
	int64_t incarnation;
	struct hub_system systems[SIM_SYSTEMS]; /* the stored members count */
	struct ledger_position positions[SIM_SYSTEMS + 2];
	size_t npositions;
	struct hub_kept kept[HUB_KEPT];
	int life;	  /* restored so many times: transactions of an earlier one fail */
	int transactions; /* on their way to being carried out */
	struct sim_case *cases;
	struct sim_history *history; /* newest first */
	struct sim_conflict *conflicts;
	struct sim_parked *parked;
	struct sim_key *keys;
	struct sim_order *orders;
	int64_t items; /* ids of parked items and conflicts so far */
	int nfacts;    /* of a backup: what had been checked so far (sim_check.h) */
	int given;     /* orders of people, copies not counted */
	int64_t commits;
};
extern struct sim_ledger book;

void sim_ledger_begin(void);
/* What is committed now, as a backup has it; and its return: sessions break. */
const struct sim_ledger *sim_ledger_back_up(void);
void sim_ledger_restore(const struct sim_ledger *backup);
void sim_again_begin(void);
/* The book is what a backup had; lost: what it was. */
void sim_again_restored(const struct sim_ledger *lost);
struct sim_case *sim_ledger_case(const struct hub_id *cid);
/* Puts it and its links into the world, if it is not there. */
void sim_ledger_load_case(struct hub_world *w, const struct hub_id *cid);
struct ledger_position *sim_ledger_position(struct br_str topic);
struct sim_link *sim_ledger_link(int sys, struct br_str rec, struct br_str lid);

/* ---- checks (sim_check.c) ---- */
void sim_check_begin(void);
/* Before a transaction is applied: does each thing follow from what was there? */
void sim_check_case(
	const struct sim_case *was, const struct sim_case *now, const struct sim_history *history);
void sim_check_link(const struct sim_link *was, const struct sim_link *now);
void sim_check_system(const struct hub_system *was, const struct hub_system *now);
void sim_check_history(const struct sim_history *h);
void sim_check_conflict(const struct sim_conflict *c);
/* What the run showed, from its counters. */
void sim_check_sights(void);
/* When all has come to rest. */
void sim_check_rest(void);
/* What the case about a matter says; V_ABSENT when there is no such case. */
sim_value sim_check_value(int nk, int field);
/* Does it say v, or is it waiting for a person or a conflict why it does not? */
bool sim_check_shows(const struct sim_typed *t, sim_value v);
/* Is everything done that there is to do? why: what is still open. */
bool sim_at_rest(const char **why);

#endif
