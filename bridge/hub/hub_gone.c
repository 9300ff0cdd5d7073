/*
 * hub_gone.c - records that are not there any more (protocol A12).
 *
 * The connector has looked twice before it says so. A vanished record is a question to a person,
 * never a withdrawal by itself: its link waits and one item is opened. When many vanish within an
 * hour, something else is wrong (an emptied table, the wrong database): then one item stands for
 * all, and nothing is written to the system until the records are back or a person has decided.
 */
#include "hub_gone.h"

#include "hub_version.h"

#include <stdio.h>

#define WINDOW_MS   3600000
#define DECLARED_MS (24 * 3600000LL)
#define WITHDRAWN   BR_STR("WITHDRAWN")

static const struct br_str many = {"*", 1}; /* in place of one local id */

/* ---- many ---- */

static void stop(struct hub_world *w, struct hub_system *s)
{
	struct hub_counters *c = &s->count;
	char count[24];
	struct br_err err;

	c->mass = 1;
	c->mass_base = c->missing > c->gone_n ? c->missing - c->gone_n : 0;
	snprintf(count, sizeof(count), "%lld", (long long)s->gone_guard);
	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_MASS_VANISHED, "system", s->code.p, "count", count, NULL);
	hub_add_parked(w, s, NULL, BR_STR(""), many, PARKED_VANISHED, BR_STR_NONE, &err);
}

/* Writing goes on. */
static void go_on(struct hub_system *s)
{
	s->count.mass = s->count.mass_base = s->count.gone_n = 0;
	s->backlog = s->dirty = true;
}

/* True when it is one too many. */
static bool is_mass(const struct hub_world *w, struct hub_system *s)
{
	struct hub_counters *c = &s->count;

	if (w->now_ms - c->gone_from > WINDOW_MS) {
		c->gone_from = w->now_ms;
		c->gone_n = 0;
	}
	c->gone_n++;
	return s->gone_guard && c->gone_n > s->gone_guard;
}

bool hub_link_gone(struct hub_world *w, struct hub_link *l)
{
	struct hub_system *s = l->sys;
	bool again = l->state == LINK_GONE;

	s->count.missing += !again;
	s->dirty = true;
	l->state = LINK_GONE;
	l->due = false;
	l->dirty = true;
	if (s->count.mass || w->now_ms < s->count.gone_until)
		return false;
	if (again || !is_mass(w, s))
		return true;
	stop(w, s);
	return false;
}

void hub_link_back(struct hub_world *w, struct hub_link *l)
{
	struct hub_counters *c = &l->sys->count;

	l->dirty = l->sys->dirty = true;
	l->state = !l->inflight.on ? LINK_IDLE : l->inflight.pending ? LINK_PENDING : LINK_INFLIGHT;
	c->missing -= c->missing > 0;
	if (!c->mass || c->missing > c->mass_base)
		return;
	go_on(l->sys);
	hub_add_unpark(w, l->sys, NULL, BR_STR(""), many, "superseded");
}

/* ---- what a person decides ---- */

bool hub_gone_is_many(const struct hub_matter *m)
{
	return m->inbound && !m->has_case && m->sys && !m->rec.n && br_str_eq(m->lid, many);
}

void hub_gone_decide_many(struct hub_world *w, struct hub_system *s, bool meant)
{
	if (meant)
		s->count.gone_until = w->now_ms + DECLARED_MS;
	go_on(s);
}

/* What is over does not begin anew as withdrawn. */
static bool is_over(const struct case_schema *s, const struct cell *status)
{
	const struct code_row *row =
		status && !cell_is_null(status)
			? code_find(case_field(s, s->f_status)->codes, status->value)
			: NULL;

	return row && row->terminal;
}

enum hub_outcome hub_gone_withdraw(struct hub_world *w, struct hub_link *l, int64_t seen,
	const struct hub_origin *who, int32_t *ver)
{
	struct hub_case *k = l->kase;
	const struct cell now = {.field = w->schema->f_status, .value = WITHDRAWN};
	const struct cell *old = image_root(&k->doc, now.field);
	struct hub_version v;

	if (l->state != LINK_GONE)
		return OUTCOME_there;
	if (versions_of(&k->fver, &now) > seen)
		return OUTCOME_changed;
	if (old && cell_same(&now, old))
		return OUTCOME_done;
	if (is_over(w->schema, old))
		return OUTCOME_invalid;
	hub_version_begin(&v, w, k, 1, 0);
	hub_version_set(&v, &now, old);
	hub_version_end(&v, who);
	*ver = k->ver;
	hub_dispatch_case(w, k);
	return OUTCOME_done;
}

/* The numbers that the system gave the record are none any more: it will give new ones. */
static void forget_numbers(
	struct hub_world *w, struct hub_link *l, const struct hub_origin *who, int32_t *ver)
{
	struct hub_version v;

	hub_version_begin(&v, w, l->kase, 2, 0);
	for (unsigned i = 0; i < map_shape(l->map)->parts[0].n; i++) {
		const struct cell column = {.field = (uint16_t)i};
		struct cell place;
		unsigned at = 0;

		while (map_allotted(l->map, i) && map_written_place(l->map, &column, &at, &place)) {
			const struct cell *old =
				image_get(&l->kase->doc, place.part, place.key, place.field);

			place.value = BR_STR_NONE;
			if (old && !cell_is_null(old) && place.part == 0)
				hub_version_set(&v, &place, old);
		}
	}
	if (hub_version_end(&v, who))
		*ver = l->kase->ver;
}

enum hub_outcome hub_gone_write_again(
	struct hub_world *w, struct hub_link *l, const struct hub_origin *who, int32_t *ver)
{
	if (l->state != LINK_GONE)
		return OUTCOME_there;
	if (l->inflight.on || !l->map || !map_creates(l->map))
		return OUTCOME_invalid;
	hub_link_back(w, l);
	hub_world_set_lid(w, l, BR_STR_NONE);
	l->shadow = (struct image){NULL, 0};
	l->held = l->tries = (struct versions){0};
	forget_numbers(w, l, who, ver);
	hub_dispatch_case(w, l->kase);
	return OUTCOME_done;
}
