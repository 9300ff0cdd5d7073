/*
 * cli_reconcile.h - one reconciliation (对账) of a system with the ledger; shared by its files.
 *
 *   cli_reconcile.c         the verb: options, the two looks, orders
 *   cli_reconcile_walk.c    the first look: range by range, who may differ
 *   cli_reconcile_judge.c   the second look: who really differs, and in what
 *   cli_reconcile_print.c   the report
 *   cli_reconcile_schedule.c   not one of them: has it done when the site says so
 *
 * Twice, because both sides move. The first look compares every range of the system's keys with the
 * ledger's links in it, by the hashes of their images, and the shadows with their cases. Who is in
 * flight is left out, and who differs is a suspect. After a pause in which the bridge catches up,
 * suspects are read again on both sides: who moved meanwhile is in flight, the others are judged in
 * canonical form.
 */
#ifndef CLI_RECONCILE_H
#define CLI_RECONCILE_H

#include "cli_order.h"
#include "conn_look.h"
#include "hub_reconcile.h"
#include "ledger_look.h"

#define RECONCILE_PAGE 200 /* records read by their keys at a time */

enum reconcile_repair {
	REPAIR_PERSON, /* nobody but a person can say what is right */
	REPAIR_READ,   /* the bridge reads the record again and merges what it finds */
	REPAIR_SEND,   /* the bridge sends the case there */
};

/* Told of a record (or case) in the first look. */
struct reconcile_suspect {
	const struct mapping *map; /* NULL: the case of this cid has no record here */
	struct br_str id;	   /* local id, or cid */
	uint64_t hash;		   /* of the image seen */
	bool there, bad;
};

/* A record as it was read just now. */
struct reconcile_seen {
	const struct mapping *map;
	struct br_str lid;
	bool there;
	struct image img;
	struct br_str bad; /* why it is no image; else empty */
};

/* One line of the report: a field, or a whole record. Texts are for people, masked. */
struct reconcile_row {
	enum hub_diff_class class;
	const char *record, *lid, *case_no, *cid, *field, *in_case, *in_system, *text;
	enum reconcile_repair repair;
	struct reconcile_row *next;
};

struct reconcile_counts {
	int64_t records;	    /* looked at, on either side */
	int64_t in_flight, waiting; /* left out: on their way; for a person */
	int64_t different;
	int64_t of[DIFF_CLASSES]; /* records by class; one may be in several */
	int64_t unlisted;	  /* lines beyond the limit */
};

/* What the bridge says became of everything, and whether it adds up. */
struct reconcile_sums {
	int64_t read, accepted, echo, refused, parked;
	int64_t sent, answered, in_flight;
};

struct reconcile {
	struct cli *c;
	const struct cfg_system *system;
	const struct map_set *maps;
	enum case_owner role;
	const char *sys; /* id in the ledger */
	bool live;
	/* options */
	const char *day; /* "2018-07-02", "2018-07", or NULL */
	int64_t settle_ms, tolerance_s, limit;
	bool repair, personal, keep_result, also[DIFF_CLASSES];
	struct cli_decider by;

	struct conn_look *look;
	struct ledger_look *ledger;
	struct br_arena keep, page;
	struct reconcile_suspect *suspects;
	size_t nsuspects, room;
	/* what conn_look tells of the page being read */
	struct reconcile_seen *seen;
	size_t nseen, seen_room;
	const struct mapping *seen_map; /* NULL: of any record */
	struct br_str *lost;		/* cids whose record is there without a link */
	size_t nlost, lost_room;

	struct reconcile_row *rows, **rows_end;
	size_t nrows;
	struct reconcile_counts count;
	struct reconcile_sums sums;
	struct br_err err; /* of a callback */
	bool failed;
};

/* All of these: 0 or -code with err. */
int reconcile_walk(struct reconcile *r, struct br_err *err);
int reconcile_judge(struct reconcile *r, struct br_err *err);
/* Reads records by their keys into r->seen. */
int reconcile_read(struct reconcile *r, const struct mapping *map, const struct br_str *lids,
	size_t n, struct br_err *err);
void reconcile_suspect(struct reconcile *r, const struct reconcile_suspect *s);
void reconcile_fail(struct reconcile *r, const struct br_err *err);
/* Does the case, or the record in its words, fall on the day asked for? created_ms < 0: what tells
 * no day of its own falls on every day. */
bool reconcile_in_day(struct reconcile *r, const struct image *kase, int64_t created_ms);
/* What conn_look is given. */
extern const struct conn_look_events reconcile_events;

void reconcile_print(struct reconcile *r, const char *at);
/* Keeps what was found in the ledger; begun: seconds since 1970 as text. CLI_OK or the exit code.
 */
int reconcile_keep(struct reconcile *r, const char *begun);
bool reconcile_adds_up(const struct reconcile_sums *s);
const char *reconcile_repair_word(enum reconcile_repair repair);

#endif
