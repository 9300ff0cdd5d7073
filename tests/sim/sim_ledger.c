/*
 * sim_ledger.c - ledger.h in memory: what is committed is there, whoever hears of it. A transaction
 * is carried out in one go.
 */
#include "sim_ledger.h"

#include "hub_rebase.h"
#include "sim_decide.h"

#include "hub_copy.h"

#include <stdio.h>
#include <stdlib.h>

struct sim_ledger book;

const char *ledger_parked_kind(enum hub_parked_kind k)
{
	(void)k;
	return "kind";
}

int ledger_version_known(void)
{
	return 1;
}

static struct ledger *sessions; /* of this run, also those that have ended */

void sim_ledger_begin(void)
{
	memset(&book, 0, sizeof(book));
	sessions = NULL;
	sim_again_begin();
}

struct sim_case *sim_ledger_case(const struct hub_id *cid)
{
	for (struct sim_case *k = book.cases; k; k = k->next)
		if (memcmp(&k->cid, cid, sizeof(*cid)) == 0)
			return k;
	return NULL;
}

struct sim_link *sim_ledger_link(int sys, struct br_str rec, struct br_str lid)
{
	for (struct sim_case *k = book.cases; k; k = k->next)
		for (struct sim_link *l = k->links; l; l = l->next)
			if (l->sys == sys && br_str_eq(l->lid, lid) && br_str_eq(l->rec, rec))
				return l;
	return NULL;
}

/* ---- loading ---- */

static void load_link(struct hub_world *w, struct hub_case *k, const struct sim_link *from)
{
	struct hub_link *l = hub_world_add_link(w, k, &w->systems[from->sys], from->rec, from->lid);

	l->state = from->state;
	l->shadow = from->shadow;
	l->held = sim_copy_versions(&from->held, w->arena, false);
	l->tries = sim_copy_versions(&from->tries, w->arena, false);
	l->n = from->n;
	l->inflight = from->inflight;
	l->ref = from->ref;
	l->due = from->due;
	l->based = from->based;
}

/* As the ledger has it; what a batch that is being stored has changed came with the link. */
static void load_past(struct hub_world *w, struct hub_link *l)
{
	const struct sim_case *k = sim_ledger_case(&l->kase->cid);
	const struct sim_link *from = k ? k->links : NULL;

	while (from && (from->sys != l->sys - w->systems || !br_str_eq(from->rec, l->rec)))
		from = from->next;
	l->past_end = &l->past;
	for (const struct sim_past *p = from ? from->past : NULL; p; p = p->next) {
		struct hub_past *then = br_arena_new(w->arena, struct hub_past);

		*then = (struct hub_past){
			.shadow = p->shadow, .held = sim_copy_versions(&p->held, w->arena, false)};
		*l->past_end = then;
		l->past_end = &then->next;
	}
}

static void load_pasts(struct hub_world *w)
{
	for (struct hub_case *k = w->cases; k; k = k->hh.next)
		for (struct hub_link *l = k->links; l; l = l->next)
			if (hub_is_unsure(l) && !l->past_end)
				load_past(w, l);
}

/* What a load must find as a batch before it leaves it; NULL outside of a load. */
static const struct hub_world *newer;

static struct hub_case *load_case(struct hub_world *w, const struct sim_case *from, int only)
{
	struct hub_case *k = hub_world_case(w, &from->cid);
	const struct hub_case *other = newer ? hub_world_case(newer, &from->cid) : NULL;

	if (!k && other)
		return hub_world_adopt(w, other);
	if (!k) {
		k = hub_world_add_case(w, &from->cid);
		k->ver = from->ver;
		k->doc = from->doc;
		k->fver = sim_copy_versions(&from->fver, w->arena, false);
		k->had = from->had;
		k->nhad = from->nhad;
		k->created_ms = from->created_ms;
		k->updated_ms = from->updated_ms;
	}
	for (const struct sim_link *l = from->links; l; l = l->next)
		if ((only < 0 || l->sys == only) && !hub_case_link(k, &w->systems[l->sys], l->rec))
			load_link(w, k, l);
	return k;
}

void sim_ledger_load_case(struct hub_world *w, const struct hub_id *cid)
{
	load_case(w, sim_ledger_case(cid), -1);
}

static void load_newer(struct hub_world *w, const struct ledger_want *want)
{
	for (size_t i = 0; i < want->ncids; i++)
		if (hub_world_case(newer, &want->cids[i]))
			hub_world_adopt(w, hub_world_case(newer, &want->cids[i]));
	for (size_t i = 0; i < want->nlids; i++) {
		const struct ledger_lid *l = &want->lids[i];
		struct hub_link *link =
			hub_world_link_at(newer, hub_link_key(w->arena, l->sys, l->rec, l->lid));

		if (link)
			hub_world_adopt(w, link->kase);
	}
	for (size_t i = 0; i < want->nkeys; i++) {
		const struct ledger_key *key = &want->keys[i];
		struct hub_case *k =
			hub_world_match_at(newer, hub_match_key(w->arena, key->scheme, key->value));

		if (k && !hub_world_match(w, key->scheme, key->value))
			hub_world_add_key(w, hub_world_adopt(w, k), key->scheme, key->value, false);
	}
}

static void load_touched(struct hub_world *w, const struct ledger_want *want)
{
	for (struct sim_case *k = book.cases; k; k = k->next) {
		bool touched = false;

		for (size_t i = 0; i < want->nlids && !touched; i++)
			for (struct sim_link *l = k->links; l; l = l->next)
				touched |= l->lid.n && l->sys == want->lids[i].sys - w->systems &&
					   br_str_eq(l->lid, want->lids[i].lid) &&
					   br_str_eq(l->rec, want->lids[i].rec);
		for (size_t i = 0; i < want->ncids && !touched; i++)
			touched = memcmp(&want->cids[i], &k->cid, sizeof(k->cid)) == 0;
		if (touched)
			load_case(w, k, -1);
	}
}

static void load_keys(struct hub_world *w, const struct ledger_want *want)
{
	for (size_t i = 0; i < want->nkeys; i++)
		for (struct sim_key *key = book.keys; key; key = key->next)
			if (br_str_eq(key->scheme, want->keys[i].scheme) &&
				br_str_eq(key->value, want->keys[i].value) &&
				!hub_world_match(w, key->scheme, key->value))
				hub_world_add_key(w, load_case(w, sim_ledger_case(&key->cid), -1),
					key->scheme, key->value, false);
}

static int known_cmp(const void *a, const void *b)
{
	return br_str_cmp(((const struct hub_known *)a)->lid, ((const struct hub_known *)b)->lid);
}

static void load_range(const struct hub_world *w, struct ledger_range *r)
{
	r->known = br_arena_array(w->arena, struct hub_known, SIM_CASES + SIM_RECORDS);
	r->nknown = 0;
	for (struct sim_case *k = book.cases; k; k = k->next)
		for (struct sim_link *l = k->links; l; l = l->next)
			if (l->sys == r->sys - w->systems && l->lid.n &&
				br_str_eq(l->rec, r->rec) && l->state != LINK_GONE &&
				(!r->lo.n || br_str_cmp(l->lid, r->lo) >= 0) &&
				(!r->hi.n || br_str_cmp(l->lid, r->hi) <= 0))
				r->known[r->nknown++] = (struct hub_known){l->lid,
					image_hash(&l->shadow), l->based < r->sys->restores, false};
	qsort(r->known, r->nknown, sizeof(*r->known), known_cmp);
}

/* A create whose case no live system has waits for one that goes live. */
static bool may_go(const struct hub_world *w, const struct sim_case *k, const struct sim_link *l)
{
	if (l->lid.n || l->n > 0)
		return true;
	for (const struct sim_link *o = k->links; o; o = o->next)
		if (o->lid.n && (size_t)o->sys < w->nsystems &&
			book.systems[o->sys].state == SYS_LIVE)
			return true;
	return false;
}

static void load_due(struct hub_world *w, struct ledger_want *want)
{
	int sys = (int)(want->due - w->systems);

	want->due_links = br_arena_array(w->arena, struct hub_link *, 64);
	for (struct sim_case *k = book.cases; k; k = k->next)
		for (struct sim_link *l = k->links; l; l = l->next) {
			struct hub_link *found;

			if (l->sys != sys || !l->due || !may_go(w, k, l) ||
				(int64_t)want->ndue == want->due_limit || want->ndue == 64)
				continue;
			/* the batch ahead may have done away with it */
			found = hub_case_link(load_case(w, k, -1), want->due, l->rec);
			if (!found)
				continue;
			sights.credit_waits++;
			want->due_links[want->ndue++] = found;
		}
}

static int cid_cmp(const void *a, const void *b)
{
	return memcmp(&(*(struct sim_case *const *)a)->cid, &(*(struct sim_case *const *)b)->cid,
		sizeof(struct hub_id));
}

static bool has_link(const struct sim_case *k, int sys)
{
	for (const struct sim_link *l = k->links; l; l = l->next)
		if (l->sys == sys)
			return true;
	return false;
}

/* Fewer at a time than in the product, so that there are several rounds. */
static void load_owed(struct hub_world *w, struct ledger_want *want)
{
	struct sim_case *found[SIM_CASES + SIM_RECORDS];
	/* one that is asked for again is asked for as it was */
	int n = 0,
	    limit = want->owed_limit < HUB_BATCH_RECORDS ? (int)want->owed_limit : 1 + sim_below(3);

	for (struct sim_case *k = book.cases; k; k = k->next)
		if (memcmp(&k->cid, &want->owed_from, sizeof(k->cid)) > 0)
			found[n++] = k;
	qsort(found, (size_t)n, sizeof(struct sim_case *), cid_cmp);
	want->owed_limit = limit;
	want->owed_end = n < limit;
	want->owed = br_arena_array(w->arena, struct hub_case *, (size_t)n + 1);
	for (int i = 0; i < n && i < limit; i++) {
		want->owed_to = found[i]->cid;
		if (has_link(found[i], (int)(want->owing - w->systems)))
			continue;
		sights.owed++;
		want->owed[want->nowed++] = load_case(w, found[i], -1);
	}
}

/* ---- an operation and its end ---- */

void sim_ledger_answer(ledger_fn *done, void *arg, enum br_err_code code)
{
	struct br_err err;

	br_err_clear(&err);
	if (code != BR_E_OK)
		br_err_set(&err, code, "why", "simulated", "topic", "", NULL);
	done(arg, code == BR_E_OK ? NULL : &err);
}

static void end(struct operation *o, enum br_err_code code)
{
	o->task = TASK_NONE;
	sim_ledger_answer(o->done, o->done_arg, code);
}

static void perform(void *arg);

static void begin(struct ledger *g, struct operation *o, enum task task, struct hub_world *w,
	ledger_fn *done, void *arg)
{
	if (o->task != TASK_NONE || (o == &g->other && g->storing))
		abort();
	*o = (struct operation){.g = g, .task = task, .done = done, .done_arg = arg, .w = w};
	sim_after(sim_latency(SIM_DATABASE), g->proc, perform, o);
}

struct ledger_position *sim_ledger_position(struct br_str topic)
{
	for (size_t i = 0; i < book.npositions; i++)
		if (br_str_eq(book.positions[i].topic, topic))
			return &book.positions[i];
	book.positions[book.npositions] = (struct ledger_position){.topic = sim_keep(topic)};
	return &book.positions[book.npositions++];
}

static void open_book(struct ledger *g, struct hub_world *w)
{
	int64_t clock = (SIM_EPOCH_US + sim.now) / SIM_S;

	if (w->incarnation > book.incarnation)
		book.incarnation = w->incarnation;
	book.incarnation = book.incarnation + 1 > clock ? book.incarnation + 1 : clock;
	w->incarnation = book.incarnation;
	/* what comes while a system is not in the site it is asked about when it is back */
	for (size_t i = w->nsystems; i < SIM_SYSTEMS; i++) {
		book.systems[i].owes = true;
		book.systems[i].owed = (struct hub_id){{0}};
	}
	for (size_t i = 0; i < w->nsystems; i++) {
		struct hub_system *s = &w->systems[i], *stored = &book.systems[i];

		if (!stored->id) {
			*stored = (struct hub_system){.id = (int16_t)(i + 1),
				.state = s->state,
				.owes = book.cases != NULL};
			stored->cursor = BR_STR_NONE;
		}
		s->id = stored->id;
		s->state = stored->state;
		s->epoch = stored->epoch;
		memcpy(s->nonce, stored->nonce, sizeof(s->nonce));
		memcpy(s->inc, stored->inc, sizeof(s->inc));
		s->last_seq = stored->last_seq;
		free((char *)s->cursor.p);
		s->cursor = stored->cursor.n
				    ? (struct br_str){strndup(stored->cursor.p, stored->cursor.n),
					      stored->cursor.n}
				    : BR_STR_NONE;
		s->bye = stored->bye;
		s->transactional = stored->transactional;
		s->last_contact_ms = stored->last_contact_ms;
		s->beat = stored->beat;
		s->count = stored->count;
		s->owes = stored->owes;
		s->owed = stored->owed;
		s->taken = stored->taken;
		s->restores = stored->restores;
		s->outstanding = s->open_parked = 0;
		s->backlog = true;
		s->gap = s->dirty = false;
		for (struct sim_case *k = book.cases; k; k = k->next)
			for (struct sim_link *l = k->links; l; l = l->next)
				s->outstanding +=
					l->sys == (int)i && l->inflight.on && !l->inflight.pending;
		for (struct sim_parked *p = book.parked; p; p = p->next)
			s->open_parked += p->sys == (int)i && strcmp(p->status, "open") == 0;
	}
	for (int64_t c = sim_ledger_batches(&book) - HUB_KEPT + 1; c <= sim_ledger_batches(&book);
		c++)
		if (c > 0 && book.kept[c % HUB_KEPT].c == c)
			w->kept[w->nkept++] = book.kept[c % HUB_KEPT];
	for (size_t i = 0; i < g->npositions; i++) {
		const struct ledger_position *p = sim_ledger_position(g->fill[i].topic);

		g->fill[i].next = p->next;
		g->fill[i].published = p->published;
	}
}

static void load(struct ledger *g, struct hub_world *w)
{
	if (g->storing && ledger_wants_quiet(g->want))
		sim_wrong("orders, ranges or due links are loaded while a batch is stored");
	newer = g->newer;
	if (newer)
		load_newer(w, g->want);
	load_touched(w, g->want);
	sim_decide_load(w, g->want);
	load_keys(w, g->want);
	for (size_t i = 0; i < g->want->nranges; i++)
		load_range(w, &g->want->ranges[i]);
	if (g->due)
		load_due(w, g->want);
	if (g->want->owing)
		load_owed(w, g->want);
	load_pasts(w);
	newer = NULL;
}

static void load_inflight(const struct ledger *g, struct hub_world *w)
{
	int sys = (int)(g->sys - w->systems);

	for (struct sim_case *k = book.cases; k; k = k->next)
		for (struct sim_link *l = k->links; l; l = l->next)
			if (l->sys == sys && l->inflight.on)
				load_case(w, k, sys);
}

/* By system, as the ledger does: what a system's record changed came of its topic, or of none. */
static bool unpublished(
	const struct ledger *g, const struct hub_world *w, const struct sim_history *h)
{
	const struct hub_system *s = h->sys < 0 ? NULL : &w->systems[h->sys];

	for (size_t i = 0; i < g->npositions; i++) {
		const struct ledger_position *p = &g->positions[i];

		if ((p->published < 0 || p->sys == s) && h->offset >= p->published &&
			h->offset < p->next)
			return true;
	}
	return false;
}

static void load_unpublished(const struct ledger *g, struct hub_world *w)
{
	for (struct sim_history *from = book.history; from; from = from->next) {
		struct hub_history *h;

		if (!unpublished(g, w, from))
			continue;
		h = br_arena_new(w->arena, struct hub_history);
		h->kase = load_case(w, sim_ledger_case(&from->cid), -1);
		h->ver = from->ver;
		h->sys = from->sys < 0 ? NULL : &w->systems[from->sys];
		h->delta = from->delta;
		h->at_ms = from->at_ms;
		h->kase->publish = true;
		*w->history_end = h;
		w->history_end = &h->next;
	}
	sim_decide_unpublished(w, g->positions);
}

static void perform(void *arg)
{
	struct operation *o = arg;
	struct ledger *g = o->g;

	if (g->freed)
		return;
	if (o->task == TASK_OPEN)
		g->life = book.life;
	if (g->life != book.life || sim_fault(o->task == TASK_OPEN ? sim.plan.faults.open_fails
								   : sim.plan.faults.load_fails)) {
		end(o, BR_E_PG_UNAVAILABLE);
		return;
	}
	if (o->task == TASK_OPEN)
		open_book(g, o->w);
	else if (o->task == TASK_LOAD)
		load(g, o->w);
	else if (o->task == TASK_INFLIGHT)
		load_inflight(g, o->w);
	else
		load_unpublished(g, o->w);
	end(o, BR_E_OK);
}

/* ---- a backup comes back ---- */

static void broken(void *arg)
{
	struct ledger *g = arg;

	if (!g->freed && g->other.task == TASK_NONE && g->look.task == TASK_NONE && !g->storing)
		g->lost(g->lost_arg, NULL);
}

void sim_ledger_restore(const struct sim_ledger *backup)
{
	struct sim_ledger lost = book;

	book = *backup;
	book.life = lost.life + 1;
	book.transactions = lost.transactions;
	book.given = lost.given;
	sim_again_restored(&lost);
	/* who waits for an answer hears of it so */
	for (struct ledger *g = sessions; g; g = g->next)
		if (!g->freed)
			sim_after(sim_latency(SIM_DATABASE), g->proc, broken, g);
}

/* ---- ledger.h ---- */

struct ledger *ledger_new(
	struct br_loop *l, const char *dsn, ledger_fn *lost, void *arg, struct br_err *err)
{
	struct ledger *g = br_arena_new(&sim.arena, struct ledger);

	(void)dsn;
	(void)err;
	g->proc = l->proc;
	g->lost = lost;
	g->lost_arg = arg;
	g->life = book.life;
	g->next = sessions;
	sessions = g;
	return g;
}

void ledger_free(struct ledger *g)
{
	if (g)
		g->freed = true;
}

void ledger_open(struct ledger *g, struct hub_world *w, struct ledger_position *positions, size_t n,
	ledger_fn *done, void *arg)
{
	g->fill = positions;
	g->npositions = n;
	begin(g, &g->other, TASK_OPEN, w, done, arg);
}

void ledger_load(struct ledger *g, struct hub_world *w, const struct hub_world *newer_world,
	struct ledger_want *want, ledger_fn *done, void *arg)
{
	g->newer = newer_world;
	g->want = want;
	g->due = want->due;
	begin(g, &g->look, TASK_LOAD, w, done, arg);
}

void ledger_load_inflight(
	struct ledger *g, struct hub_world *w, struct hub_system *s, ledger_fn *done, void *arg)
{
	g->sys = s;
	begin(g, &g->other, TASK_INFLIGHT, w, done, arg);
}

/* No run lasts so long. */
void ledger_forget_past(struct ledger *g, ledger_fn *done, void *arg)
{
	(void)g;
	(void)done;
	(void)arg;
}

void ledger_load_unpublished(struct ledger *g, struct hub_world *w,
	const struct ledger_position *positions, size_t n, ledger_fn *done, void *arg)
{
	g->positions = positions;
	g->npositions = n;
	begin(g, &g->other, TASK_UNPUBLISHED, w, done, arg);
}
