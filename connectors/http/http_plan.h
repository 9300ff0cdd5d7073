/*
 * http_plan.h - which calls make up a command, what each sends, and how far a record shows that
 * they were made. Pure: no I/O, no state.
 *
 * A command of several calls is a row of *units*: one for a call of the root, one for each changed
 * element for a call of a part. The row follows from the record's YAML and the command alone, so a
 * successor finds the same units with the same keys and bodies.
 */
#ifndef HTTP_PLAN_H
#define HTTP_PLAN_H

#include "http_call.h"

struct http_unit {
	const struct http_call *call; /* NULL = the row is over */
	struct br_str element;	      /* of the call's part */
	uint32_t at;		      /* cells before this one belong to earlier elements */
};

/* What is to be written. numbered: the record has its number already, so calls that only allot one
 * are left out. */
struct http_work {
	const struct http_record *record;
	enum msg_op op;
	const struct image *base, *set;
	bool numbered;
};

struct http_unit http_plan_first(const struct http_work *w);
struct http_unit http_plan_next(const struct http_work *w, struct http_unit u);
bool http_plan_has(const struct http_unit *u, const struct cell *c);
/* Every cell to set is sent by some unit. A column that no call takes stays as it is, and the
 * receipt must not claim otherwise. */
bool http_plan_covers(const struct http_work *w);

/* What a record tells of one unit. A member that is not there and one that is null are the same to
 * a reader. */
enum http_mark {
	HTTP_OPEN,  /* some of its columns are as before, the others as sent */
	HTTP_DONE,  /* all as sent */
	HTTP_OTHER, /* some are neither: a person's, or the system's way of writing what was sent */
};
enum http_mark http_plan_mark(
	const struct http_work *w, const struct http_unit *u, const struct image *now);
/* Columns that the command does not set are as in `before`: base, or what our own calls left. */
bool http_plan_rest_same(
	const struct http_work *w, const struct image *before, const struct image *now);
/* Columns of the units before this one are as in `mine`, what our own calls left: nobody has
 * changed since what we wrote. */
bool http_plan_done_same(const struct http_work *w, struct http_unit u, const struct image *mine,
	const struct image *now);
/* `mine` without the columns that this unit and those after it are still to write. */
int http_plan_done(const struct http_work *w, struct http_unit u, const struct image *mine,
	struct br_arena *a, struct image *out);
/*
 * What the calls up to this unit's left, each as its own answer told: `mine` after the one before,
 * and `now`, this one's answer, in which columns of earlier calls may show an edit made since.
 */
int http_plan_left(const struct http_work *w, struct http_unit u, const struct image *mine,
	const struct image *now, struct br_arena *a, struct image *out);
/* Exactly as before: nothing of the command was done, and nobody changed anything. */
bool http_plan_untouched(const struct http_work *w, const struct image *now);

/* The JSON body of a unit; BR_STR_NONE when it is too large. */
struct br_str http_plan_body(const struct http_work *w, const struct http_unit *u,
	const struct http_vars *v, struct br_arena *a);
/* One key per unit: delivery, call, element; letters that can stand in a header, at most 200 of
 * them. */
struct br_str http_plan_key(const struct http_unit *u, struct br_str did, struct br_arena *a);

#endif
