/*
 * ledger_private.h - shared by the files of the ledger.
 */
#ifndef LEDGER_PRIVATE_H
#define LEDGER_PRIVATE_H

#include "ledger.h"
#include "ledger_cache.h"
#include "ledger_rows.h"

#define LEDGER_STORES 2

/* What a session of the ledger has been asked for. */
struct ledger_operation {
	struct ledger *g;
	struct hub_world *w;
	ledger_fn *done; /* NULL: nothing is asked for */
	void *done_arg;
	struct br_err err; /* first failure */
	bool failed;
};

struct ledger {
	struct br_loop *loop;
	ledger_fn *lost;
	void *lost_arg;
	/* Two sessions: what a batch can touch is looked up while others are stored. A batch may be
	 * sent before the one ahead of it is answered. */
	struct br_pg *look_pg, *store_pg;
	bool opened;
	struct ledger_operation look, store[LEDGER_STORES], forget;
	unsigned nstores; /* begun so far; they are answered in this order */
	struct ledger_want *want;
	size_t range_at, parked_at; /* digest ranges whose rows come next */
	struct ledger_cache cache;
	const struct hub_world
		*newer; /* of a load: cases as a batch that is still being stored left them */
	/* cases that the first look of a load named, and what is to be made of them once they are
	 * there; in the world's arena */
	struct ledger_named {
		struct hub_id cid;
		struct br_str a, b; /* due: record; match key: scheme, value */
	} * due, *matched;
	size_t ndue, nmatched;
	struct hub_id *owed; /* cases a system has no link with; in the world's arena */
	size_t nowed;
	const struct ledger_position *positions;
	struct ledger_position *fill; /* open: to be filled in */
	size_t npositions;
	struct br_buf json; /* one JSON value on its way into a column */
	/* rows of the statements, kept for their capacity */
	struct ledger_rows lids, cids, keys, new_cases, cases, new_links, links, settled, match,
		history, conflicts, parked, unparked, before, pos;
	/* shadows that are replaced; numbers given up; links whose past is asked for */
	struct ledger_rows past, passed, freed, unsure;
	struct ledger_rows order_ids, parked_ids, conflict_ids; /* asked for */
	struct ledger_rows orders, settled_parked, settled_conflicts;
	struct ledger_rows match_ids, review_ids; /* asked for */
	struct ledger_rows settled_matches, merged, moved_keys, splits;
};

/* Its end calls done with the first failure, once. */
void ledger_begin_operation(
	struct ledger_operation *o, struct hub_world *w, ledger_fn *done, void *arg);
void ledger_finish(struct ledger_operation *o);
/* Remembers the first failure. */
void ledger_fail(struct ledger_operation *o, const struct br_err *err);
/* {"read": 12, ...}; valid until the buffer is used again. */
struct br_str ledger_counters_text(const struct hub_counters *c, struct br_buf *b);
/* Callbacks of statements get their operation: for one whose result does not matter, and for the
 * sync that ends an operation. */
void ledger_check(void *arg, const PGresult *res, const struct br_err *err);
void ledger_synced(void *arg, const PGresult *res, const struct br_err *err);
void ledger_read_case(struct ledger_operation *o, const PGresult *res, int row);
struct hub_link *ledger_read_link(struct ledger_operation *o, const PGresult *res, int row);
void ledger_on_cases(void *arg, const PGresult *res, const struct br_err *err);
void ledger_on_links(void *arg, const PGresult *res, const struct br_err *err);
/* The system with this id; NULL: none of this site. */
struct hub_system *ledger_system(struct hub_world *w, int64_t id);
/* Bytes of a result go with it: a copy in the world's arena. */
struct br_str ledger_keep(struct hub_world *w, struct br_str s);
/* The case is put into the world from what is known here, or named among those that the second look
 * loads. */
void ledger_want_case(struct ledger *g, const struct hub_id *cid);

/* ---- ledger_orders.c ---- */

void ledger_orders_init(struct ledger *g);
void ledger_orders_release(struct ledger *g);
/* Asks for what orders of the batch are about, in the first look of a load. */
int ledger_orders_ask(struct ledger *g, const struct ledger_want *want, struct br_err *err);
/* Writes what became of them; before rows that settle parked items otherwise. */
int ledger_orders_store(struct ledger_operation *o, struct br_err *err);
/* What became of the orders in the positions' ranges, for publishing again. g->pos holds (topic's
 * system or "", from, to). */
int ledger_orders_unpublished(struct ledger *g, struct br_err *err);

/* ---- ledger_match.c ---- */

void ledger_match_init(struct ledger *g);
void ledger_match_release(struct ledger *g);
/* Asks for the pairs that orders of the batch are about, and for what is left to review. */
int ledger_match_ask(struct ledger *g, const struct ledger_want *want, struct br_err *err);
/* Pairs are settled, and cases that are merged make room, before their records are written as
 * another case's. */
int ledger_match_merge(struct ledger_operation *o, struct br_err *err);
/* What was taken apart is kept as a pair that is none; after the rows of links. */
int ledger_match_apart(struct ledger_operation *o, struct br_err *err);

/* What a row of any sort that an order can be about begins with: id, status, sys, cid, place. NULL
 * without memory. */
struct hub_matter *ledger_read_matter(
	struct ledger_operation *o, enum hub_matter_sort sort, const PGresult *res, int row);
void ledger_add_settled(struct ledger_rows *r, const struct hub_decision *d);
/* Of rows that ledger_add_settled() makes (aliases a to e) and a table with alias i. */
#define LEDGER_SETTLED_TYPES                                                                       \
	{                                                                                          \
		LT_INT8, LT_TEXT, LT_TIME, LT_TEXT, LT_TEXT, LT_END                                \
	}
#define LEDGER_SETTLED                                                                             \
	"status = u.b, resolved_at = u.c, resolved_by = u.d, resolution = u.e"                     \
	" from (select unnest($1::int8[]) a, unnest($2::text[]) b, unnest($3::timestamptz[]) c,"   \
	" unnest($4::text[]) d, unnest($5::text[]) e) u where i.id = u.a and i.status = 'open'"

/* ---- ledger_owed.c: cases that were there before a system ---- */

/* An id as a parameter of a statement; in the world's arena. */
struct br_str ledger_id_text(struct hub_world *w, const struct hub_id *id);
/* Asks for the next ones, in the first look of a load. */
int ledger_owed_ask(struct ledger *g, const struct ledger_want *want, struct br_err *err);
/* All named cases are in the world. */
void ledger_owed_settle(const struct ledger *g, struct ledger_want *want);

/* ---- ledger_range.c: what is known of the ranges of DIGESTs ---- */

/* Asks for the first page of each, and for what waits there. */
int ledger_ranges_ask(struct ledger *g, struct br_err *err);
/* Asks for the next page of every range that is not read to its end. 1: there are such. */
int ledger_ranges_go_on(struct ledger *g, struct br_err *err);
/* All pages are there. */
void ledger_ranges_settle(struct ledger *g);

/* ---- ledger_past.c: what links held before ---- */

void ledger_past_init(struct ledger *g);
void ledger_past_release(struct ledger *g);
/* Asks for the past of links in the world that are unsure; 0: there are none, 1: asked. */
int ledger_past_ask(struct ledger *g, struct br_err *err);
/* This link's shadow is about to be replaced. */
void ledger_past_add(struct ledger_operation *o, const struct hub_link *l);
/* Keeps what is replaced; before the links are written. */
int ledger_past_store(struct ledger_operation *o, struct br_err *err);
/* A value on its way into a column: valid until the next one. */
struct br_str ledger_json_image(
	struct ledger_operation *o, const struct image *img, const struct shape *shape);
struct br_str ledger_json_versions(struct ledger_operation *o, const struct versions *v);
bool ledger_read_image(struct ledger_operation *o, struct br_str json, const struct shape *shape,
	struct image *out);
bool ledger_read_versions(struct ledger_operation *o, struct br_str json, struct versions *out);

#define LEDGER_NO_ID "00000000-0000-0000-0000-000000000000" /* before every case */
#define LEDGER_CASE_COLUMNS                                                                        \
	"c.cid, c.ver, c.doc, c.fver, array_to_string(c.had, ' '),"                                \
	" (extract(epoch from c.created_at) * 1000)::int8, (extract(epoch from c.updated_at) * "   \
	"1000)::int8"
#define LEDGER_LINK_COLUMNS                                                                        \
	"l.cid, l.sys, l.rec, l.lid, l.state, l.shadow, l.held, l.tries, l.n, l.inflight, l.ref, " \
	"l.due, l.based"

/* Of the cases that t names. */
#define LEDGER_CASES_OF_T                                                                          \
	"select " LEDGER_CASE_COLUMNS " from t join casebridge.cases c on c.cid = t.cid"
#define LEDGER_LINKS_OF_T                                                                          \
	"select " LEDGER_LINK_COLUMNS " from t join casebridge.links l on l.cid = t.cid"

#endif
