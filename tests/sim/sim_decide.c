#include "sim_decide.h"

#include "sim_ledger.h"

#include "hub_decide.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- deciding ---- */

static void give(const char *text)
{
	struct br_str order = br_arena_copy(&sim.arena, br_str_z(text));

	TRACE("order %s", text);
	book.given++;
	sim_bus_order(order);
	if (sim_chance(30))
		sim_bus_order(order);
}

/* What they saw may be an older version: then nothing may come of it if the value has changed. */
static void resolve(const struct sim_conflict *c)
{
	const struct sim_case *k = sim_ledger_case(&c->cid);
	char text[200];

	snprintf(text, sizeof(text),
		"{\"t\":\"RESOLVE\",\"id\":\"o%d\",\"conflict\":%lld,\"take\":%s,\"seen\":%d,"
		"\"by\":\"p\",\"why\":\"w\"}",
		book.given, (long long)c->id, sim_chance(60) ? "true" : "false",
		k->ver - (sim_chance(20) ? 1 : 0));
	give(text);
}

/* A value of the item's case, in other words; of what came from a system it is not taken. */
static void correct(const struct sim_parked *p)
{
	static const int free_text[] = {F_AD, F_SU, F_RE, F_IT};
	const struct sim_case *k = p->has_case ? sim_ledger_case(&p->cid) : NULL;
	char text[240];

	snprintf(text, sizeof(text),
		"{\"t\":\"CORRECT\",\"id\":\"o%d\",\"parked\":%lld,\"place\":\"%s\",\"value\":"
		"\"c%dx\",\"seen\":%d,\"by\":\"p\",\"why\":\"w\"}",
		book.given, (long long)p->id, sim_fields[free_text[sim_below(4)]].field, book.given,
		(k ? k->ver : 1) - (sim_chance(20) ? 1 : 0));
	give(text);
}

static void drop(const struct sim_parked *p)
{
	char text[120];

	snprintf(text, sizeof(text),
		"{\"t\":\"DROP\",\"id\":\"o%d\",\"parked\":%lld,\"by\":\"p\",\"why\":\"w\"}",
		book.given, (long long)p->id);
	give(text);
}

/* Somebody compared a system with the ledger and tells what to look at again: a record, a case, or
 * both. */
static void retry_record(const struct sim_case *k, const struct sim_link *l)
{
	bool record = l->lid.n && sim_chance(70), about = !record || sim_chance(50);
	char text[200], lid[40] = "", cid[50] = "";

	if (record)
		snprintf(lid, sizeof(lid), ",\"lid\":\"%.*s\"", BR_STR_ARG(l->lid));
	if (about)
		snprintf(cid, sizeof(cid), ",\"case\":\"%s\"", k->ulid);
	snprintf(text, sizeof(text),
		"{\"t\":\"RETRY\",\"id\":\"o%d\",\"sys\":\"%s\",\"record\":\"r\"%s%s,\"by\":\"p\"}",
		book.given, sim.systems[l->sys].name.p, lid, cid);
	give(text);
}

/* Whose outcome is unknown is looked up by a person first: there is nobody here who could. */
static void look_again(void)
{
	for (const struct sim_case *k = book.cases; k; k = k->next)
		for (const struct sim_link *l = k->links; l; l = l->next)
			if (l->state != LINK_PARKED && l->state != LINK_GONE && sim_chance(20)) {
				retry_record(k, l);
				return;
			}
}

static void retry(const struct sim_parked *p)
{
	char text[120];

	snprintf(text, sizeof(text),
		"{\"t\":\"RETRY\",\"id\":\"o%d\",\"parked\":%lld,\"by\":\"p\"}", book.given,
		(long long)p->id);
	give(text);
}

/* Whose outcome is unknown is looked up by a person first: there is nobody here who could. */
static bool may_retry(const struct sim_parked *p)
{
	return p->kind == PARKED_REFUSED || p->kind == PARKED_OUT || p->kind == PARKED_IN;
}

static void settle_item(const struct sim_parked *p)
{
	int what = sim_below(10);

	if (what < 5)
		retry(p);
	else if (what < 8)
		correct(p);
	else
		drop(p);
}

void sim_decide(void)
{
	int n = 0, pick;
	bool conflicts = sim_chance(50);

	if (sim_chance(20)) {
		look_again();
		return;
	}
	for (const struct sim_conflict *c = book.conflicts; c && conflicts; c = c->next)
		n++;
	for (const struct sim_parked *p = book.parked; p; p = p->next)
		n += may_retry(p);
	if (n == 0)
		return;
	/* settled ones too: somebody else was faster */
	pick = sim_below(n);
	for (const struct sim_conflict *c = book.conflicts; c && conflicts; c = c->next)
		if (pick-- == 0)
			resolve(c);
	for (const struct sim_parked *p = book.parked; p; p = p->next)
		if (may_retry(p) && pick-- == 0)
			settle_item(p);
}

/* ---- the ledger's part ---- */

static struct hub_matter *add(struct hub_world *w, const struct hub_matter *m)
{
	struct hub_matter *kept = br_arena_new(w->arena, struct hub_matter);

	*kept = *m;
	kept->next = w->matters;
	w->matters = kept;
	if (m->has_case)
		sim_ledger_load_case(w, &m->cid);
	return kept;
}

static void load_parked(struct hub_world *w, int64_t id)
{
	for (const struct sim_parked *p = book.parked; p; p = p->next)
		if (p->id == id && !hub_world_matter(w, MATTER_PARKED, id))
			add(w, &(struct hub_matter){.sort = MATTER_PARKED,
				       .id = id,
				       .open = strcmp(p->status, "open") == 0,
				       .inbound = p->kind == PARKED_IN,
				       .sys = &w->systems[p->sys],
				       .has_case = p->has_case,
				       .cid = p->cid,
				       .rec = p->rec,
				       .lid = p->lid});
}

static void load_conflict(struct hub_world *w, int64_t id)
{
	for (const struct sim_conflict *c = book.conflicts; c; c = c->next)
		if (c->id == id && !hub_world_matter(w, MATTER_CONFLICT, id))
			add(w, &(struct hub_matter){.sort = MATTER_CONFLICT,
				       .id = id,
				       .open = !c->status,
				       .sys = &w->systems[c->sys],
				       .has_case = true,
				       .cid = c->cid,
				       .place = c->place,
				       .lose = c->lose});
}

void sim_decide_load(struct hub_world *w, const struct ledger_want *want)
{
	for (size_t i = 0; i < want->nparked; i++)
		load_parked(w, want->parked[i]);
	for (size_t i = 0; i < want->nconflicts; i++)
		load_conflict(w, want->conflicts[i]);
	if (!want->norders)
		return;
	w->orders = br_arena_array(w->arena, struct br_str, want->norders + 1);
	for (size_t i = 0; i < want->norders; i++)
		for (const struct sim_order *o = book.orders; o; o = o->next)
			if (br_str_eq(o->id, want->orders[i]))
				w->orders[w->norders++] = o->id;
}

struct sim_order *sim_decide_keep(const struct hub_world *w)
{
	struct sim_order *list = NULL;

	for (const struct hub_decision *d = w->decisions; d; d = d->next) {
		struct sim_order *o = br_arena_new(&sim.arena, struct sim_order);

		*o = (struct sim_order){.id = br_arena_copy(&sim.arena, d->order),
			.outcome = d->outcome,
			.sort = d->matter ? d->matter->sort : MATTER_PARKED,
			.item = d->matter ? d->matter->id : 0,
			.status = d->status,
			.ver = d->ver,
			.told = *d,
			.sys = d->sys ? (int)(d->sys - w->systems) : -1,
			.next = list};
		o->told.order = o->id;
		o->told.by = sim_keep(d->by);
		o->told.why = sim_keep(d->why);
		o->told.place = sim_keep(d->place);
		o->told.matter = NULL;
		o->told.next = NULL;
		list = o;
	}
	return list;
}

void sim_decide_unpublished(struct hub_world *w, const struct ledger_position *positions)
{
	const struct ledger_position *p = positions;

	/* orders stand on the topic that is no system's, behind those of however many systems */
	while (p->sys)
		p++;
	for (const struct sim_order *o = book.orders; o; o = o->next) {
		struct hub_decision *d;

		if (o->told.offset < p->published || o->told.offset >= p->next)
			continue;
		d = br_arena_new(w->arena, struct hub_decision);
		*d = o->told;
		d->sys = o->sys < 0 ? NULL : &w->systems[o->sys];
		*w->decisions_end = d;
		w->decisions_end = &d->next;
	}
}

static void settle(const struct sim_order *o)
{
	for (struct sim_parked *p = book.parked; p; p = p->next)
		if (o->sort == MATTER_PARKED && p->id == o->item && strcmp(p->status, "open") == 0)
			p->status = o->status;
	for (struct sim_conflict *c = book.conflicts; c; c = c->next) {
		if (o->sort != MATTER_CONFLICT || c->id != o->item)
			continue;
		if (c->status)
			sim_wrong("conflict %lld is settled twice", (long long)c->id);
		c->status = o->status;
	}
}

void sim_decide_put(struct sim_order *orders)
{
	for (struct sim_order *o = orders, *next; o; o = next) {
		next = o->next;
		for (const struct sim_order *old = book.orders; old; old = old->next)
			if (br_str_eq(old->id, o->id))
				sim_wrong("order %.*s counts twice", BR_STR_ARG(o->id));
		if (o->status)
			settle(o);
		sights.decided += o->outcome == OUTCOME_done;
		sights.corrected += o->status && strcmp(o->status, "corrected") == 0;
		sights.dropped += o->status && strcmp(o->status, "dropped") == 0;
		sights.taken += o->ver > 0;
		sights.too_late += o->outcome == OUTCOME_changed || o->outcome == OUTCOME_settled;
		o->next = book.orders;
		book.orders = o;
	}
}

/* ---- checks ---- */

/* Everybody can read what became of an order, however often it is told. */
static void check_told(const struct sim_order *o)
{
	const struct sim_topic *t = sim_topic(BR_STR("sim.audit"));
	char begins[60], says[60];
	int told = 0;

	snprintf(begins, sizeof(begins), "{\"order\":\"%.*s\",", BR_STR_ARG(o->id));
	snprintf(says, sizeof(says), "\"outcome\":\"%s\"", hub_outcome_word(o->outcome));
	for (int64_t i = 0; i < t->n; i++) {
		struct br_str v = t->records[i].value;

		if (v.n < strlen(begins) || memcmp(v.p, begins, strlen(begins)) != 0)
			continue;
		told++;
		if (!memmem(v.p, v.n, says, strlen(says)))
			sim_wrong("order %.*s is told another way: %.*s", BR_STR_ARG(o->id),
				BR_STR_ARG(v));
	}
	if (told == 0)
		sim_wrong("nobody is told what became of order %.*s", BR_STR_ARG(o->id));
}

void sim_decide_check(void)
{
	int n = 0;

	for (const struct sim_order *o = book.orders; o; o = o->next)
		n++;
	if (n != book.given)
		sim_wrong("%d orders were given, %d were looked at", book.given, n);
	for (const struct sim_order *o = book.orders; o; o = o->next)
		check_told(o);
}

int sim_decide_versions(void)
{
	int n = 0;

	for (const struct sim_order *o = book.orders; o; o = o->next)
		n += o->ver > 0;
	return n;
}
