/*
 * sim_target.h - the systems of a run: their records, what they make of what is written, and the
 * people who type there; with a journal of every value anybody typed.
 *
 * A value is a number in the run's list of texts, so that comparing and remembering is cheap. The
 * same text may be typed many times: each time it gets a serial of its own in the journal.
 */
#ifndef SIM_TARGET_H
#define SIM_TARGET_H

#include "sim.h"

/* What a record has: columns of the root, then one column of two child rows. */
enum { F_NK, F_AD, F_SU, F_RE, F_IT, F_ZT, F_BN, F_OP1, F_OP2, NF };
struct sim_field {
	const char *column, *field, *key;
	enum case_owner owner;
};
extern const struct sim_field sim_fields[NF];

#define V_NULL	     (-1)
#define V_ABSENT     (-2)
#define SIM_VALUES   1024
#define SIM_RECORDS  24
#define SIM_TYPED    1024
#define SIM_CASES    8
#define SIM_REQUESTS 1024

typedef int16_t sim_value;

struct sim_row {
	char lid[12];
	int nk; /* number of the matter it is about */
	sim_value v[NF];
	uint16_t typed[NF]; /* serial in the journal of who put it there; 0 = a bridge, nobody */
	int64_t rv;	    /* rises with every change of anything in the system */
	int64_t made_at, changed_at;
	bool by_bridge; /* made by a command */
	bool gone;	/* somebody deleted it */
};

struct sim_inbox {
	char cid[HUB_ULID_TEXT + 1];
	int64_t incarnation, n;
	char lid[12];
	sim_value post[NF];
};

/* What an HTTP system remembers of a request with a key. */
struct sim_request {
	struct br_str key, body, etag;
	int status;
	struct sim_request *next;
};

struct sim_target {
	struct sim_row rows[SIM_RECORDS];
	int nrows;
	int64_t rv;
	/* of S1: bridge_meta and bridge_inbox */
	int64_t epoch, beat;
	char inc[64];
	struct sim_inbox inbox[SIM_CASES];
	int ninbox;
	struct sim_request *requests;
	/* by field: has the mapping of this class a column for it */
	const struct shape *shape;
	int column[NF], id_column;
	uint64_t writes;
	int data;	/* which life of the data this is: another after a dump was read in */
	int generation; /* connections of an earlier one are broken */
};

/* One value somebody typed. */
struct sim_typed {
	int16_t system, row, field;
	sim_value value;
	int16_t nk;
	bool read;	  /* some connector has seen it */
	bool unseen;	  /* overwritten where nobody could know of it (sim_target_write) */
	bool overwritten; /* by a bridge */
	bool retyped;	  /* by a person, over it */
};

struct sim_people {
	struct sim_typed typed[SIM_TYPED]; /* from 1 */
	int ntyped;
	const char *texts[SIM_VALUES];
	sim_value by_hash[2 * SIM_VALUES]; /* number + 1 */
	int ntexts;
	int words; /* new ones made up so far */
	int matters;
	int edits_left;
};
extern struct sim_target targets[SIM_SYSTEMS];
extern struct sim_people people;

/* ---- values ---- */
sim_value sim_value_of(struct br_str text);
const char *sim_show(sim_value v);
/* How this system writes what a command sets. */
sim_value sim_stored_form(int system, int field, sim_value v);
struct image sim_image(
	const struct sim_target *t, const char *lid, const sim_value *v, struct br_arena *a);
sim_value sim_cell(const struct sim_target *t, const struct image *img, int field);
void sim_cells(const struct sim_target *t, const struct image *img, sim_value out[NF]);

/* ---- records (each call is one transaction of the system) ---- */
void sim_target_begin(void);
struct sim_row *sim_target_find(int system, struct br_str lid);
struct sim_row *sim_target_new(int system, int nk);
/* Reads: what stands there has been seen. */
void sim_target_read(const struct sim_row *r);
/*
 * A command's columns; base tells what the command expected there. Where the system compares
 * nothing, `looked` is what the writer had seen when it last looked at the record: all that was
 * typed up to this serial. What came after that and before the write nobody can know of. SIM_BLIND:
 * the writer has not looked, or the system compares.
 */
#define SIM_BLIND (-1)
void sim_target_write(int system, struct sim_row *r, const sim_value set[NF],
	const sim_value base[NF], int looked);
/* The oldest record about the matter of this text, not made after `before`; NULL. */
struct sim_row *sim_target_look_up(int system, sim_value nk, int64_t before);
/* Of which life its data is; 32 bytes. */
const char *sim_target_identity(const struct sim_target *t, char inc[32]);
/* Is it older, or another, than what is known of it? inc "": nothing is. */
bool sim_target_went_back(const struct sim_target *t, const char *inc, int64_t epoch, int64_t beat);

/* ---- backups (sim_backup.c) ---- */
void sim_backup_begin(void);
/* Was this brought back by a backup: what a system without a table of ours made of a write of ours,
 * of which the ledger had not heard by then? Nobody can tell that from somebody's edit. */
bool sim_backup_is_untold(int nk, int field, sim_value v);

/* ---- people (sim_people.c) ---- */
void sim_people_begin(void);
/* In quiet: one person types one value; false when there is no record. The journal tells what. */
bool sim_people_type_one(void);

#endif
