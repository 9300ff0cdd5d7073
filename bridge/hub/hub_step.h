/*
 * hub_step.h - the heart of the bridge: fold one message into the state. Pure.
 *
 * No I/O, no clock, no randomness: the outcome depends on the world and the message alone (the time
 * is the message's Kafka timestamp, a new case's id a hash of its offset), so replaying the log
 * gives the same state. What came out stands in the world's lists. The world's arena must outlive
 * the messages' bytes until the batch is stored.
 */
#ifndef HUB_STEP_H
#define HUB_STEP_H

#include "hub_state.h"

/* Folds one message of system s; its place is in w->source, offset, now_ms. */
void hub_step(struct hub_world *w, struct hub_system *s, const struct msg *m);
/* A record of the in topic that is no message: parked with its bytes. */
void hub_step_bad(struct hub_world *w, struct hub_system *s, struct br_str key, struct br_str bytes,
	const struct br_err *err);
/*
 * A message whose effect the ledger refused (why: in English): parked with its bytes, and with it
 * the link it is about, whose command, if this was its answer, has an unknown outcome. m is NULL
 * when it cannot be read; s is NULL for an order, which is only passed over.
 */
void hub_step_poison(struct hub_world *w, struct hub_system *s, const struct msg *m,
	struct br_str key, struct br_str bytes, const char *why);
/* What a link that waits would be sent is what the ledger would not take: parked. */
void hub_step_poison_link(struct hub_world *w, struct hub_link *l, const char *why);
/* ... what a case from before the system came along would be sent there: parked, without a link. */
void hub_step_poison_owed(
	struct hub_world *w, struct hub_system *s, struct hub_case *k, const char *why);
/* Sends what links of this case wait for (credit came free, system went live, an operator's retry).
 */
void hub_step_resume(struct hub_world *w, struct hub_link *l, bool retry);
/* The system was restored from a backup, a person says. */
void hub_step_rebase(struct hub_world *w, struct hub_system *s);
void hub_step_system_state(struct hub_world *w, struct hub_system *s, enum hub_sys_state state);
/* s was not there when these cases came, and gets those that belong to it. With them all cases up
 * to `to` are done with; end: there are no others. */
void hub_step_owed(struct hub_world *w, struct hub_system *s, struct hub_case *const *cases,
	size_t n, const struct hub_id *to, bool end);
/* A digest against the links loaded for its range: REFETCH for what differs, is unknown or missing.
 * known is ordered by lid. */
struct hub_known {
	struct br_str lid;
	uint64_t hash;
	bool unsure; /* not read since the system was restored: to be read, whatever its hash */
	bool parked; /* has no link: it waits for a person, and was hub_seen_as(hash) */
};
void hub_step_digest(struct hub_world *w, struct hub_system *s, const struct msg *m,
	const struct hub_known *known, size_t n);

/*
 * By which keys the case of a record that nobody knows yet may be found: the number of a pending
 * answer it may be, and the strong keys of what was read of it (got). For the loader; at most room.
 */
size_t hub_match_keys(const struct hub_system *s, const struct msg *m, const struct image *got,
	struct br_arena *a, struct br_str *scheme, struct br_str *value, size_t room);

/* Is m newer than what was taken from s (the filter of step)? For the loader, which need not load
 * for what will be dropped. */
bool hub_is_newer(const struct hub_system *s, const struct msg *m);

/* ---- shared by the parts of step (hub_observe.c, hub_receipt.c, hub_dispatch.c) ---- */

/* Sends to every link of the case what it lacks, and creates the case where it belongs. except:
 * link that just told us, or NULL. */
void hub_dispatch_case(struct hub_world *w, struct hub_case *k);
void hub_dispatch_link(struct hub_world *w, struct hub_link *l);
/* The system's number for it is known now. */
void hub_link_named(struct hub_world *w, struct hub_link *l, struct br_str lid);
/*
 * The number of l's next delivery. A system remembers deliveries by case and number, and may
 * remember those of a link that was lost: so a link begins at the milliseconds since the bridge's
 * incarnation began, which is beyond whatever one before it can have come to, for each of its
 * deliveries was answered.
 */
int64_t hub_next_number(const struct hub_world *w, const struct hub_link *l);
/* What it waits for cannot be sent, and a person is told why. */
void hub_park_out(struct hub_world *w, struct hub_link *l, enum hub_parked_kind kind,
	const struct br_err *why);
/* s was not there when the case came: it gets its link with it, if it belongs there. */
void hub_dispatch_owed(struct hub_world *w, struct hub_system *s, struct hub_case *k);
/* l has no record: its system was left out when the case changed, and is back. The case gets its
 * real link there, if it belongs there, and l has done its duty. */
void hub_dispatch_returned(struct hub_world *w, struct hub_link *l);
/*
 * Merges what system l->sys holds (local, a full image) into the case, with `base` as what it was
 * known to hold; an empty base is a first contact. Sends what follows from it, to this system too.
 * MERGE_PARKED: the record cannot be mapped, its link is parked.
 */
enum hub_merged { MERGE_NOTHING, MERGE_ACCEPTED, MERGE_REFUSED, MERGE_PARKED };
enum hub_merged hub_merge(struct hub_world *w, struct hub_link *l, const struct image *local,
	const struct image *base);
/*
 * What the system holds now, of what it was known to hold and what it shows. A record may come with
 * some columns only: what it does not say stays as it was. But a list it shows, it shows whole: an
 * element that is not there is gone. whole: so are the elements of lists it does not mention.
 */
int hub_seen(struct hub_world *w, const struct image *shadow, const struct image *shown, bool whole,
	struct image *out);
/* An image as flat JSON in the world's arena: the original of a record that is parked. */
struct br_str hub_image_json(
	struct hub_world *w, const struct mapping *map, const struct image *img);
/* The record of an observation in the case's words. Who has to know them before the fold leaves
 * them in w->mapped. */
void hub_map(
	const struct mapping *map, const struct msg *m, struct br_arena *a, struct hub_mapped *out);
/* A case of version 1 that says this; its id follows from the message being folded. */
struct hub_case *hub_new_case(struct hub_world *w, const struct image *got);
/* A null of a new record is no statement about the case. */
int hub_without_nulls(struct hub_world *w, const struct image *got, struct image *out);
void hub_observe(struct hub_world *w, struct hub_system *s, const struct msg *m);
void hub_receipt(struct hub_world *w, struct hub_system *s, const struct msg *m);
/* A record shows that the pending command of its link was carried out: as if that were answered. */
enum hub_merged hub_answered(struct hub_world *w, struct hub_link *l, const struct msg *m);
/*
 * The record of a link whose create was given up with an unknown outcome: what was set (the link's
 * shadow) may be ours there, and what differs from it is the system's way of writing it or
 * somebody's edit, which is kept for review.
 */
enum hub_merged hub_found_again(struct hub_world *w, struct hub_link *l, const struct msg *m);
/* The key under which the case of a pending command is found by the number it was given. */
struct br_str hub_ref_scheme(const struct hub_system *s, struct br_str rec, struct br_arena *a);

/* A stranger's key may be any bytes and any number of them: as text that the ledger can hold, the
 * beginning of a long one. */
struct br_str hub_as_text(struct hub_world *w, struct br_str bytes);
/* The record is read again, and what is there now counts. */
void hub_read_again(
	struct hub_world *w, struct hub_system *s, struct br_str rec, struct br_str lid);
struct hub_out *hub_out_add(struct hub_world *w, enum hub_out_kind kind, struct hub_system *s);
/* The value of l's system lost; where it won, the caller says in lost_ver over what. NULL when out
 * of memory (failed is set). */
struct hub_conflict *hub_add_conflict(struct hub_world *w, struct hub_link *l,
	enum hub_conflict_kind kind, const struct cell *place, const struct cell *win,
	const struct cell *lose);
/* Parks: err gives code, place and texts; raw the bytes. l may be NULL. */
struct hub_parked *hub_add_parked(struct hub_world *w, struct hub_system *s, struct hub_case *k,
	struct br_str rec, struct br_str lid, enum hub_parked_kind kind, struct br_str raw,
	const struct br_err *err);
/* The same of what was read, by hub_seen_as(): while an item of just this waits, or was dropped,
 * the ledger makes no other. */
struct hub_parked *hub_park_read(struct hub_world *w, struct hub_system *s, struct hub_case *k,
	struct br_str rec, struct br_str lid, enum hub_parked_kind kind, struct br_str raw,
	uint64_t seen, const struct br_err *err);
/* Stands for an image (by its hash) and the mapping it is read with; never 0. */
uint64_t hub_seen_as(const struct mapping *map, uint64_t hash);
void hub_add_unpark(struct hub_world *w, struct hub_system *s, struct hub_case *k,
	struct br_str rec, struct br_str lid, const char *how);
/* held := ver for everything that is known to be held (fver <= held), so that the stored form stays
 * small. */
void hub_link_touch(struct hub_world *w, struct hub_link *l);
void hub_set_held(struct hub_world *w, struct hub_link *l, const struct cell *place, int32_t v);

#endif
