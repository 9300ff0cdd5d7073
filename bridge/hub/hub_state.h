/*
 * hub_state.h - what the bridge knows: systems, cases (办件), links (对照), and what one batch
 * changes in them.
 *
 * The ledger loads the part of the state a batch of messages can touch into a struct hub_world,
 * hub_step() folds the messages into it one by one, and the ledger writes back what is marked
 * dirty, in one transaction with the input positions. Everything of a world lives in its arena and
 * is gone after the batch; only the systems (small, always needed) live longer.
 *
 * Versions. A case has a version `ver`, raised by every accepted change. fver[place] is the case
 * version in which that place last changed. held[place] of a link is the case version up to which
 * the system is known to hold the place (-1: it must be told again). The system needs telling
 * exactly when fver > held; values are never compared for that, so a target that trims or rounds
 * cannot make a loop.
 */
#ifndef HUB_STATE_H
#define HUB_STATE_H

#include "mapping.h"
#include "message.h"
#include "versions.h"
#include "hub_ulid.h"
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
/* Without memory for a table the batch fails; wherever one is filled there is a world `w`. */
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) (w->failed = true)

#define HUB_KEPT 4 /* records of batches in the ledger; no more than two are on their way */
#define HUB_REASSERT_MAX                                                                           \
	3 /* times an owner's value is written again over a system that rewrites it */

/*
 * What became of everything, per system, kept with the state it counts, so that the sums hold over
 * any crash: read = accepted + echo + refused + parked_in sent = applied + stale + exists + gone +
 * rejected + unknown + pending + what is in flight
 */
#define HUB_COUNTERS(X)                                                                            \
	X(read)                                                                                    \
	X(accepted)                                                                                \
	X(echo)                                                                                    \
	X(refused)                                                                                 \
	X(parked_in)                                                                               \
	X(sent)                                                                                    \
	X(applied)                                                                                 \
	X(stale)                                                                                   \
	X(exists)                                                                                  \
	X(gone)                                                                                    \
	X(rejected)                                                                                \
	X(unknown)                                                                                 \
	X(pending)                                                                                 \
	X(unwritable) /* could not be put into the system's form; nothing was sent */              \
	X(late)	      /* receipts nobody waits for */                                              \
	X(old)	      /* messages not newer than the last one */                                   \
	X(gaps)                                                                                    \
	X(conflicts)                                                                               \
	X(created)                                                                                 \
	X(held)	   /* commands the write guard holds back now, as the connector tells */           \
	X(stopped) /* ... and it lets none through any more */                                     \
	/* what is not there any more (hub_gone.c) */                                              \
	X(missing)    /* records now */                                                            \
	X(mass)	      /* 1: too many at once; nothing is written until that is settled */          \
	X(mass_base)  /* missing before these */                                                   \
	X(gone_from)  /* Kafka time the last hour of counting began, ms */                         \
	X(gone_n)     /* vanished since then */                                                    \
	X(gone_until) /* Kafka time up to which a person expects more to go, ms */                 \
	/* what came of a backup (hub_rebase.c) */                                                 \
	X(restored) /* records whose older content came back with it */                            \
	X(lost)	    /* records made since, that went with it */
struct hub_counters {
#define X(name) int64_t name;
	HUB_COUNTERS(X)
#undef X
};

enum hub_sys_state { SYS_TRIAL, SYS_LIVE, SYS_PAUSED };

struct hub_system {
	int16_t id;
	struct br_str code;
	enum case_owner role; /* CASE_OWNER_PORTAL or CASE_OWNER_DEPARTMENT */
	/* Its file cannot be used: it has no maps, its topics are not touched, and what it must be
	 * told waits (links that are due). role_unknown: it may be either. */
	bool left_out, role_unknown;
	const struct map_set *maps;
	const struct cfg_list *items;
	int64_t credit;
	int64_t gone_guard; /* so many records may vanish within an hour; 0: any number */
	enum hub_sys_state first_state; /* of one that the ledger has never met */
	/* stored */
	enum hub_sys_state state;
	int64_t epoch;
	char nonce[64], inc[64];
	int64_t last_seq, beat;
	/* inc and beat: as conn_opened() and conn_beat() say; taken: the last epoch that was surely
	 * written down there. When what is found there is older, its data went back. */
	int64_t taken;
	int32_t restores;	 /* times it did */
	struct br_str cursor;	 /* raw JSON, malloc'ed */
	int64_t last_contact_ms; /* Kafka time of the last message taken */
	int64_t sweep_done_ms;
	bool bye; /* the last connector said goodbye */
	struct hub_counters count;
	/* It may lack cases that were there before it: those up to `owed` have been asked about. */
	bool owes;
	struct hub_id owed;
	bool transactional; /* caps of HELLO: writes carry an inbox row, outcomes are never in doubt
			     */
	/* derived */
	int64_t outstanding; /* commands out that hold credit */
	bool backlog;	     /* there may be links that wait for credit */
	bool gap; /* a hole in (epoch, seq): everything is dropped until the next HELLO */
	int64_t open_parked;
	/* on trial, of an order to go live: was it compared with the others, and how many pairs and
	 * records are to be looked at first (hub_match.h) */
	bool compared, others; /* others: there are cases of other systems that it does not have */
	int64_t undecided;
	bool dirty;
};

enum hub_link_state {
	LINK_IDLE,
	LINK_INFLIGHT,
	LINK_REJECTED,
	LINK_PARKED,
	LINK_PENDING,
	LINK_GONE,
	LINK_MATCHED /* a person said which case it is while its system was on trial: it is merged
			when that goes live */
};

struct hub_inflight {
	bool on;
	enum msg_op op;
	int64_t incarnation;
	int32_t ver;	  /* of the case it was computed from */
	bool all;	  /* every place of the case is covered (a create) */
	struct image set; /* columns */
	struct br_str
		set_json; /* set, as the ledger has stored it in this batch; none: not stored */
	bool own_base;	  /* base differs from the link's shadow */
	struct image base;
	struct version_at *places; /* canonical places covered, when not all */
	uint32_t nplaces;
	bool attempted;	  /* an INTENT was seen: the call may have been made */
	int32_t restores; /* of the system when it was sent */
	bool pending;	  /* the answer comes much later: its credit was given back */
	bool doubt; /* only while its receipt is folded: what was set may be ours or somebody's */
};

/* What a link's record held before. */
struct hub_past {
	struct image shadow;
	struct versions held;
	bool stored;	       /* passed: as the ledger still has it as the link's shadow */
	struct hub_past *next; /* older */
};

struct hub_link {
	struct hub_case *kase;
	struct hub_system *sys;
	const struct mapping *map;
	struct br_str rec; /* "" while the system is left out: which record is not known yet */
	struct br_str lid; /* "" until the system allots one */
	enum hub_link_state state;
	struct image shadow; /* what the system is known to hold */
	struct versions held;
	struct versions tries; /* re-assertions per place since its last change */
	int64_t n;	       /* last delivery number */
	struct hub_inflight inflight;
	/* as stored, where the mapping does not have the record (now): kept as it is */
	struct br_str raw_shadow, raw_inflight;
	struct image stored; /* the shadow as the ledger has it */
	int32_t based;	     /* restores of the system when its record was read last */
	/* What it held in earlier batches (loaded when it is unsure) and, newest first, in this
	 * one. */
	struct hub_past *past, **past_end, *passed;
	struct br_str ref; /* PENDING */
	bool due;	   /* something waits to be sent (no credit, system not live) */
	bool is_new, dirty;
	bool freed;	       /* its number was given up, and may be another's in this batch */
	bool settled;	       /* of no use any more: its row goes */
	struct hub_link *next; /* of the case */
	/* key (sys, rec, lid) in the world's index */
	struct br_str index_key;
	UT_hash_handle hh;
};

struct hub_case {
	struct hub_id cid;
	char ulid[HUB_ULID_TEXT + 1];
	int32_t ver;
	struct image doc;
	struct br_str json; /* doc as the ledger has stored it in this batch; none: not stored */
	struct versions fver;
	struct br_str *had; /* status codes it has had, oldest first */
	size_t nhad;
	int64_t created_ms, updated_ms;
	struct hub_link *links;
	bool is_new, dirty, publish;
	bool merged; /* into another one, by a person: its row goes */
	struct hub_id merged_into;
	UT_hash_handle hh;
};

/* A row for the history (办件过程): what one input changed. */
struct hub_history {
	struct hub_case *kase;
	int32_t ver;
	struct hub_system *sys;	      /* NULL: a person did, by an order */
	struct br_str by, why, order; /* only then */
	struct br_str delta;	      /* JSON {"place": [old, new]} */
	int64_t at_ms;
	int source;
	int64_t offset;
	struct hub_history *next;
};

enum hub_conflict_kind {
	CONFLICT_LOST,
	CONFLICT_OWNERSHIP,
	CONFLICT_INITIAL,
	CONFLICT_SUSPECT,
	CONFLICT_REWRITTEN,
	CONFLICT_DEVIATION
};
struct hub_conflict {
	struct hub_case *kase;
	struct hub_system *sys; /* whose value lost, when lost_ver is 0 */
	int32_t lost_ver; /* sys won; the value lost was entered in this version of the case, by
			     whom its history says */
	enum hub_conflict_kind kind;
	struct br_str place;
	struct br_str win, lose; /* JSON values */
	int64_t at_ms;
	int source;
	int64_t offset;
	struct hub_conflict *next;
};

enum hub_parked_kind {
	PARKED_IN,
	PARKED_OUT,
	PARKED_REFUSED,
	PARKED_UNKNOWN,
	PARKED_VANISHED,
	PARKED_DUPLICATE,
	PARKED_MESSAGE,
	PARKED_ASK
};
struct hub_parked {
	struct hub_system *sys;
	struct hub_case *kase; /* or NULL */
	struct br_str rec, lid;
	enum hub_parked_kind kind;
	struct br_str raw; /* original bytes */
	uint64_t seen; /* stands for what was read and for what it was read with; 0: nothing was */
	struct br_str code, place, text_en, text_zh, next_en, next_zh;
	int64_t at_ms;
	int source;
	int64_t offset;
	const char *how; /* settled by a later message of the same batch; NULL = open */
	struct hub_parked *next;
};
/* "what was parked for this record is settled": resolution is superseded | delivered */
struct hub_unpark {
	struct hub_system *sys;
	struct hub_case *kase; /* or NULL: by record */
	struct br_str rec, lid;
	const char *how;
	uint64_t seen; /* but not an item of just this; 0: any */
	struct hub_unpark *next;
};

/* A row of the ledger that waits (or waited) for a person and that an order is about: a parked
 * item, a conflict, or a pair of cases that may be one. Loaded, never made by a batch. */
enum hub_matter_sort { MATTER_PARKED, MATTER_CONFLICT, MATTER_MATCH };
struct hub_matter {
	enum hub_matter_sort sort;
	int64_t id;
	bool open;
	bool inbound; /* parked: a record that came, and not a command that could not go */
	struct hub_system *sys; /* NULL: taken out of the site */
	struct hub_id cid;
	bool has_case;
	struct br_str rec, lid; /* parked */
	struct br_str place;
	struct br_str lose;  /* conflict: JSON value */
	struct hub_id other; /* match: the case that may be the same */
	struct hub_matter *next;
};

/* What became of an order. The words are the ledger's; people see a sentence for each. */
#define HUB_OUTCOMES(X)                                                                            \
	X(done)                                                                                    \
	X(settled)                                                                                 \
	/* what it is about was settled before */ X(                                               \
		unknown) /* there is no such item, case or place */                                \
	X(changed)                                                                                 \
	/* the value is not any more the one the person saw */ X(                                  \
		same) /* the case says so already */ X(invalid) /* the field cannot have           \
								   this value */                   \
		X(inbound) /* what came from a system is corrected there */ X(                     \
			protected) /* numbers that systems give, and what the bridge works out     \
				      itself */                                                    \
		X(element) /* a row of a list that was deleted: only the system itself can take it \
			      away */                                                              \
		X(reason)  /* nobody, or no reason, is named */                                    \
		X(there)   /* the record is there (again) */                                       \
		X(alone)   /* match: the case is not one lone record any more */                   \
		X(taken)   /* match: the other case has a record of that system */                 \
		X(busy)	   /* match: something is under way to one of them, or waits */            \
		X(live)	   /* split: its system is live, and its values have gone on */
enum hub_outcome {
#define X(name) OUTCOME_##name,
	HUB_OUTCOMES(X)
#undef X
};

/* A person's order, followed or not: kept by its id, so that it counts once, and told to all. */
struct hub_decision {
	struct br_str order; /* its id */
	/* take | keep | correct | drop | retry | withdraw | rewrite | accept | reject | merge |
	 * split | remap */
	const char *kind;
	struct br_str by, why;
	enum hub_outcome outcome;
	const struct hub_matter *matter; /* or NULL */
	const char *status;		 /* of the matter from now on; NULL: it stays open */
	struct hub_system *sys;		 /* or NULL */
	struct hub_id cid;
	bool has_case;
	struct br_str place;
	int32_t ver;	      /* of the case that came of it, or 0 */
	struct hub_id merged; /* the case that is no more, or (split) the one it was taken from */
	bool has_merged;
	/* as told again after a restart, when no matter is at hand */
	int64_t parked, conflict, match;
	int64_t at_ms;
	int source;
	int64_t offset;
	struct hub_decision *next;
};

enum hub_out_kind {
	OUT_BEGIN,
	OUT_CMD,
	OUT_FENCE,
	OUT_RESTART,
	OUT_REFETCH,
	OUT_PAUSE,
	OUT_RESUME
};
struct hub_out {
	enum hub_out_kind kind;
	struct hub_system *sys;
	struct hub_link *link; /* CMD */
	struct br_str nonce;   /* BEGIN, FENCE */
	struct br_str rec;     /* REFETCH */
	struct br_str *lids;
	size_t nlids;
	const char *reason; /* RESTART */
	bool attempted;	    /* CMD: the predecessor may have sent it */
	enum msg_sweep sweep;
	struct hub_out *next;
};

/* A strong key that led to one case and leads to another from now on. */
struct hub_moved_key {
	struct br_str scheme, value;
	struct hub_id from, to;
	struct hub_moved_key *next;
};

/* New strong match keys of cases. */
struct hub_match_key {
	struct br_str scheme, value;
	struct hub_case *kase;
	bool is_new;
	UT_hash_handle hh;
	struct br_str index_key;
};

/* A record in the case's words, or why it cannot be put so. */
struct hub_mapped {
	int rc; /* of map_get */
	struct image got;
	struct map_issue issue;
};

struct hub_world {
	struct br_arena *arena;
	const struct case_schema *schema;
	struct hub_system *systems;
	size_t nsystems;
	int64_t incarnation;

	struct hub_case *cases;	    /* by cid */
	struct hub_link *links;	    /* by (sys, rec, lid) */
	struct hub_match_key *keys; /* by (scheme, value) */
	struct hub_matter *matters; /* what orders of the batch are about */
	struct br_str *orders;	    /* ids of orders that were followed before */
	size_t norders;

	/* what the batch did */
	struct hub_history *history, **history_end;
	struct hub_conflict *conflicts, **conflicts_end;
	struct hub_parked *parked, **parked_end;
	struct hub_unpark *unparked, **unparked_end;
	struct hub_decision *decisions, **decisions_end;
	struct hub_moved_key *moved_keys;
	struct hub_out *outs, **outs_end;
	unsigned begins; /* OUT_BEGIN among them: nearly always none */
	/* The record of what is folded (hub_folded.h), stored with the batch; and the newest ones
	 * that the ledger has, when it was opened. n 0: none. */
	struct hub_kept {
		int64_t c;
		struct br_str text;
	} folded, kept[HUB_KEPT];
	size_t nkept;

	/* of the message being folded */
	int64_t now_ms; /* its Kafka timestamp: the only clock step() has */
	int source;	/* row of the positions */
	int64_t offset; /* -n: of none, but in the n-th batch (from 1); source is the journal's */
	struct br_str topic;
	bool failed;			 /* out of memory: the batch must not be stored */
	const struct hub_mapped *mapped; /* its record as a case, when that was made before */
	struct br_buf scratch, delta;	 /* JSON snippets on their way into the arena */
};

/* Want of memory anywhere in a fold shows in the arena: then the batch must not be stored. */
static inline void hub_world_check(struct hub_world *w)
{
	w->failed |= br_arena_failed(w->arena);
}
/* Forgets the last batch, resets the arena, and starts a new one in it. */
void hub_world_begin(struct hub_world *w, struct br_arena *a);
struct hub_system *hub_world_system(struct hub_world *w, struct br_str code);
/*
 * The FENCE that ends the answer to the last HELLO of s in this batch; NULL: none is to be
 * answered. So it is when the session was over before it began (a RESTART stands behind the HELLO):
 * BEGIN would give out an epoch that nobody may have, and no RESTART is heard before BEGIN. The
 * connector says hello again.
 */
const struct hub_out *hub_world_fence(const struct hub_world *w, const struct hub_system *s);
/* Do the counters of a system account for everything that was read and sent? */
bool hub_adds_up(const struct hub_system *s);
struct hub_case *hub_world_case(const struct hub_world *w, const struct hub_id *cid);
struct hub_link *hub_world_link(
	struct hub_world *w, const struct hub_system *s, struct br_str rec, struct br_str lid);
/* k, or the case that it was merged into in this batch. */
struct hub_case *hub_case_now(const struct hub_world *w, struct hub_case *k);
struct hub_case *hub_world_match(struct hub_world *w, struct br_str scheme, struct br_str value);
/* What links are found by in a world: (system, record, local id) as one key; a record name has no
 * NUL. {NULL, 0} without memory. */
struct br_str hub_link_key(
	struct br_arena *a, const struct hub_system *s, struct br_str rec, struct br_str lid);
struct hub_link *hub_world_link_at(const struct hub_world *w, struct br_str key);
/* The same for match keys. */
struct br_str hub_match_key(struct br_arena *a, struct br_str scheme, struct br_str value);
struct hub_case *hub_world_match_at(const struct hub_world *w, struct br_str key);
/* Adding what the ledger loaded or step() made. NULL when out of memory (failed is set). */
struct hub_case *hub_world_add_case(struct hub_world *w, const struct hub_id *cid);
struct hub_link *hub_world_add_link(struct hub_world *w, struct hub_case *k, struct hub_system *s,
	struct br_str rec, struct br_str lid);
void hub_world_set_lid(struct hub_world *w, struct hub_link *l, struct br_str lid);
void hub_world_add_key(struct hub_world *w, struct hub_case *k, struct br_str scheme,
	struct br_str value, bool is_new);
/* The key leads to k from now on, wherever it led before. */
void hub_world_take_key(
	struct hub_world *w, struct hub_case *k, struct br_str scheme, struct br_str value);
void hub_world_move_key(struct hub_world *w, struct br_str scheme, struct br_str value,
	const struct hub_case *from, const struct hub_case *to);
struct hub_matter *hub_world_matter(
	const struct hub_world *w, enum hub_matter_sort sort, int64_t id);
struct hub_link *hub_case_link(
	const struct hub_case *k, const struct hub_system *s, struct br_str rec);

#endif
