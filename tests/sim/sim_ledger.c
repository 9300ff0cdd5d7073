/*
 * sim_ledger.c - ledger.h in memory: one transaction at a time holds the positions, everything
 * else waits for it; what is committed is there, whoever hears of it.
 */
#include "sim_state.h"

#include <stdio.h>
#include <stdlib.h>

#define DATABASE (2 * SIM_MS)
#define LOCKED	 (60 * SIM_MS)

struct sim_ledger book;

enum task { TASK_NONE, TASK_OPEN, TASK_LOAD, TASK_INFLIGHT, TASK_UNPUBLISHED, TASK_STORE };

struct ledger {
	struct sim_proc *proc;
	ledger_fn *lost, *done;
	void *lost_arg, *done_arg;
	bool freed, open;
	enum task task;
	struct hub_world *w;
	struct ledger_want *want;
	struct hub_system *sys, *due; /* due: as it was asked for */
	const struct ledger_position *positions;
	struct ledger_position *fill;
	size_t npositions;
};

/* A transaction on its way to the server, complete. */
struct commit {
	struct ledger *g;
	struct sim_case *cases; /* new and changed, with their changed links */
	struct sim_history *history;
	struct sim_conflict *conflicts;
	struct sim_parked *parked;
	struct sim_parked *unparked;
	struct sim_key *keys;
	struct hub_system systems[SIM_SYSTEMS];
	bool changed[SIM_SYSTEMS];
	struct ledger_position positions[SIM_SYSTEMS + 1];
	size_t npositions;
	bool fails, reply_lost, is_new;
};

const char *ledger_parked_kind(enum hub_parked_kind k)
{
	(void)k;
	return "kind";
}

int ledger_version_known(void)
{
	return 1;
}

void sim_ledger_begin(void)
{
	memset(&book, 0, sizeof(book));
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

/* ---- copies ---- */

static struct br_str keep(struct br_str s)
{
	return s.p ? br_arena_copy(&sim.arena, s) : s;
}

static struct image keep_image(const struct image *img)
{
	struct image out = {NULL, img->n};

	if (img->n == 0)
		return out;
	out.cells = br_arena_alloc(&sim.arena, img->n * sizeof(*out.cells));
	for (uint32_t i = 0; i < img->n; i++) {
		out.cells[i] = img->cells[i];
		out.cells[i].key = keep(img->cells[i].key);
		out.cells[i].value = keep(img->cells[i].value);
	}
	return out;
}

static struct versions copy_versions(const struct versions *v, struct br_arena *a, bool keys)
{
	struct versions out = {.dflt = v->dflt, .n = v->n, .room = v->n};

	if (v->n == 0)
		return out;
	out.at = br_arena_alloc(a, v->n * sizeof(*out.at));
	memcpy(out.at, v->at, v->n * sizeof(*out.at));
	for (uint32_t i = 0; keys && i < v->n; i++)
		out.at[i].key = keep(v->at[i].key);
	return out;
}

/* What the column holds: nothing of the moment of folding. */
static struct hub_inflight keep_inflight(const struct hub_inflight *f)
{
	struct hub_inflight out = {.on = f->on};

	if (!f->on)
		return out;
	out.op = f->op;
	out.incarnation = f->incarnation;
	out.ver = f->ver;
	out.all = f->all;
	out.set = keep_image(&f->set);
	out.own_base = f->own_base;
	if (f->own_base)
		out.base = keep_image(&f->base);
	out.attempted = f->attempted;
	out.pending = f->pending;
	if (!f->all && f->nplaces) {
		out.nplaces = f->nplaces;
		out.places = br_arena_alloc(&sim.arena, f->nplaces * sizeof(*out.places));
		memcpy(out.places, f->places, f->nplaces * sizeof(*out.places));
		for (uint32_t i = 0; i < f->nplaces; i++)
			out.places[i].key = keep(f->places[i].key);
	}
	return out;
}

/* ---- loading ---- */

static void load_link(struct hub_world *w, struct hub_case *k, const struct sim_link *from)
{
	struct hub_link *l = hub_world_add_link(w, k, &w->systems[from->sys], from->rec, from->lid);

	l->state = from->state;
	l->shadow = from->shadow;
	l->held = copy_versions(&from->held, w->arena, false);
	l->tries = copy_versions(&from->tries, w->arena, false);
	l->n = from->n;
	l->inflight = from->inflight;
	l->ref = from->ref;
	l->due = from->due;
}

static struct hub_case *load_case(struct hub_world *w, const struct sim_case *from, int only)
{
	struct hub_case *k = hub_world_case(w, &from->cid);

	if (!k) {
		k = hub_world_add_case(w, &from->cid);
		k->ver = from->ver;
		k->doc = from->doc;
		k->fver = copy_versions(&from->fver, w->arena, false);
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
				br_str_eq(key->value, want->keys[i].value))
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
				r->known[r->nknown++] =
					(struct hub_known){l->lid, image_hash(&l->shadow)};
	qsort(r->known, r->nknown, sizeof(*r->known), known_cmp);
}

/* A create whose case no live system has waits for one that goes live. */
static bool may_go(const struct sim_case *k, const struct sim_link *l)
{
	if (l->lid.n)
		return true;
	for (const struct sim_link *o = k->links; o; o = o->next)
		if (o->lid.n && book.systems[o->sys].state == SYS_LIVE)
			return true;
	return false;
}

static void load_due(struct hub_world *w, struct ledger_want *want)
{
	int sys = (int)(want->due - w->systems);

	want->due_links = br_arena_array(w->arena, struct hub_link *, 64);
	for (struct sim_case *k = book.cases; k; k = k->next)
		for (struct sim_link *l = k->links; l; l = l->next) {
			if (l->sys != sys || !l->due || !may_go(k, l) ||
				(int64_t)want->ndue == want->due_limit || want->ndue == 64)
				continue;
			sights.credit_waits++;
			want->due_links[want->ndue++] =
				hub_case_link(load_case(w, k, -1), want->due, l->rec);
		}
}

/* ---- an operation and its end ---- */

static void end(struct ledger *g, enum br_err_code code)
{
	ledger_fn *done = g->done;
	struct br_err err;

	g->done = NULL;
	g->task = TASK_NONE;
	if (code == BR_E_OK) {
		done(g->done_arg, NULL);
		return;
	}
	/* a failure leaves no transaction open */
	g->open = false;
	if (book.holder == g)
		book.holder = NULL;
	br_err_clear(&err);
	br_err_set(&err, code, "why", "simulated", "topic", "", NULL);
	done(g->done_arg, &err);
}

static void perform(void *arg);

static void begin_task(struct ledger *g, enum task task, ledger_fn *done, void *arg)
{
	if (g->task != TASK_NONE)
		abort();
	g->task = task;
	g->done = done;
	g->done_arg = arg;
	if (task != TASK_STORE)
		sim_after(sim_latency(DATABASE), g->proc, perform, g);
}

static void open_book(struct ledger *g)
{
	struct hub_world *w = g->w;
	int64_t clock = (SIM_EPOCH_US + sim.now) / SIM_S;

	book.incarnation = book.incarnation + 1 > clock ? book.incarnation + 1 : clock;
	w->incarnation = book.incarnation;
	for (size_t i = 0; i < w->nsystems; i++) {
		struct hub_system *s = &w->systems[i], *stored = &book.systems[i];

		if (!book.registered) {
			*stored = (struct hub_system){
				.id = (int16_t)(i + 1), .state = s->state, .credit = 0};
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
	book.registered = true;
	for (size_t i = 0; i < g->npositions; i++) {
		if (i >= book.npositions) {
			book.positions[i] =
				(struct ledger_position){.topic = keep(g->fill[i].topic)};
			book.npositions = i + 1;
		}
		g->fill[i].next = book.positions[i].next;
		g->fill[i].published = book.positions[i].published;
	}
}

/* Nobody has opened the ledger since, and nobody moved a position. */
static bool positions_are_ours(const struct ledger *g)
{
	if (book.incarnation != g->w->incarnation)
		return false;
	for (size_t i = 0; i < g->npositions; i++)
		if (g->positions[i].next != book.positions[i].next)
			return false;
	return true;
}

/* False: somebody else's transaction holds the positions. */
static bool take_lock(struct ledger *g)
{
	if (book.holder && book.holder != g)
		return false;
	book.holder = g;
	g->open = true;
	return true;
}

static void load(struct ledger *g)
{
	bool first = !g->open;

	if (first && !take_lock(g)) {
		sim_after(sim_latency(LOCKED), g->proc, perform, g);
		return;
	}
	if (first && !positions_are_ours(g)) {
		sights.taken_positions++;
		end(g, BR_E_HUB_POSITION_TAKEN);
		return;
	}
	load_touched(g->w, g->want);
	load_keys(g->w, g->want);
	for (size_t i = 0; i < g->want->nranges; i++)
		load_range(g->w, &g->want->ranges[i]);
	if (g->due)
		load_due(g->w, g->want);
	end(g, BR_E_OK);
}

static void load_inflight(struct ledger *g)
{
	int sys = (int)(g->sys - g->w->systems);

	for (struct sim_case *k = book.cases; k; k = k->next)
		for (struct sim_link *l = k->links; l; l = l->next)
			if (l->sys == sys && l->inflight.on)
				load_case(g->w, k, sys);
	end(g, BR_E_OK);
}

static bool unpublished(const struct ledger *g, const struct sim_history *h)
{
	const struct ledger_position *p = &g->positions[h->source];

	return h->offset >= p->published && h->offset < p->next;
}

static void load_unpublished(struct ledger *g)
{
	struct hub_world *w = g->w;

	for (struct sim_history *from = book.history; from; from = from->next) {
		struct hub_history *h;

		if (!unpublished(g, from))
			continue;
		h = br_arena_new(w->arena, struct hub_history);
		h->kase = load_case(w, sim_ledger_case(&from->cid), -1);
		h->ver = from->ver;
		h->sys = &w->systems[from->sys];
		h->delta = from->delta;
		h->at_ms = from->at_ms;
		h->kase->publish = true;
		*w->history_end = h;
		w->history_end = &h->next;
	}
	end(g, BR_E_OK);
}

static void perform(void *arg)
{
	struct ledger *g = arg;

	if (g->freed)
		return;
	if (sim_fault(g->task == TASK_OPEN ? sim.plan.faults.open_fails
					   : sim.plan.faults.load_fails)) {
		end(g, BR_E_PG_UNAVAILABLE);
		return;
	}
	switch (g->task) {
	case TASK_OPEN:
		/* the incarnation is held by whoever is in a batch */
		if (book.holder) {
			sim_after(sim_latency(LOCKED), g->proc, perform, g);
			break;
		}
		open_book(g);
		end(g, BR_E_OK);
		break;
	case TASK_LOAD:
		load(g);
		break;
	case TASK_INFLIGHT:
		load_inflight(g);
		break;
	default:
		load_unpublished(g);
	}
}

/* ---- storing: the transaction is written down first ---- */

static struct sim_link *keep_link(const struct hub_link *l, const struct hub_world *w)
{
	struct sim_link *out = br_arena_new(&sim.arena, struct sim_link);

	*out = (struct sim_link){.sys = (int)(l->sys - w->systems),
		.rec = keep(l->rec),
		.lid = keep(l->lid),
		.ref = keep(l->ref),
		.state = l->state,
		.shadow = keep_image(&l->shadow),
		.held = copy_versions(&l->held, &sim.arena, true),
		.tries = copy_versions(&l->tries, &sim.arena, true),
		.n = l->n,
		.inflight = keep_inflight(&l->inflight),
		.due = l->due};
	return out;
}

/* The head of a case is only written when it is dirty: ver 0 says "not this time". */
static void keep_case(struct commit *c, const struct hub_case *k, const struct hub_world *w)
{
	struct sim_case *out = br_arena_new(&sim.arena, struct sim_case);
	struct sim_link **end_of = &out->links;

	out->cid = k->cid;
	memcpy(out->ulid, k->ulid, sizeof(out->ulid));
	if (k->dirty) {
		out->ver = k->ver;
		out->doc = keep_image(&k->doc);
		out->fver = copy_versions(&k->fver, &sim.arena, true);
		out->had = br_arena_array(&sim.arena, struct br_str, k->nhad + 1);
		for (size_t i = 0; i < k->nhad; i++)
			out->had[out->nhad++] = keep(k->had[i]);
		out->created_ms = k->created_ms;
		out->updated_ms = k->updated_ms;
	}
	for (const struct hub_link *l = k->links; l; l = l->next)
		if (l->dirty) {
			*end_of = keep_link(l, w);
			end_of = &(*end_of)->next;
		}
	if (!k->dirty && !out->links)
		return;
	out->next = c->cases;
	c->cases = out;
}

#define PUSH(list, ...)                                                                            \
	do {                                                                                       \
		__typeof__(list) one = br_arena_alloc(&sim.arena, sizeof(*one));                   \
		*one = (__typeof__(*one)){__VA_ARGS__};                                            \
		one->next = (list);                                                                \
		(list) = one;                                                                      \
	} while (0)

static void keep_lists(struct commit *c, struct hub_world *w)
{
	for (struct hub_match_key *m = w->keys; m; m = m->hh.next)
		if (m->is_new)
			PUSH(c->keys, .scheme = keep(m->scheme), .value = keep(m->value),
				.cid = m->kase->cid);
	for (struct hub_history *h = w->history; h; h = h->next)
		PUSH(c->history, .cid = h->kase->cid, .ver = h->ver,
			.sys = (int)(h->sys - w->systems), .delta = keep(h->delta),
			.source = h->source, .offset = h->offset, .at_ms = h->at_ms);
	for (struct hub_conflict *x = w->conflicts; x; x = x->next)
		PUSH(c->conflicts, .cid = x->kase->cid, .sys = (int)(x->sys - w->systems),
			.kind = x->kind, .place = keep(x->place), .win = keep(x->win),
			.lose = keep(x->lose));
	for (struct hub_unpark *u = w->unparked; u; u = u->next)
		PUSH(c->unparked, .sys = (int)(u->sys - w->systems), .has_case = u->kase != NULL,
			.cid = u->kase ? u->kase->cid : (struct hub_id){{0}}, .rec = keep(u->rec),
			.lid = keep(u->lid), .status = u->how);
	for (struct hub_parked *p = w->parked; p; p = p->next)
		PUSH(c->parked, .sys = (int)(p->sys - w->systems), .has_case = p->kase != NULL,
			.cid = p->kase ? p->kase->cid : (struct hub_id){{0}}, .rec = keep(p->rec),
			.lid = keep(p->lid), .code = keep(p->code), .raw = keep(p->raw),
			.kind = p->kind, .status = p->how ? p->how : "open");
}

static void keep_systems(struct commit *c, struct hub_world *w)
{
	for (size_t i = 0; i < w->nsystems; i++) {
		if (!w->systems[i].dirty)
			continue;
		c->changed[i] = true;
		c->systems[i] = w->systems[i];
		c->systems[i].cursor = keep(w->systems[i].cursor);
		w->systems[i].dirty = false;
	}
}

/* ---- storing: then it is carried out ---- */

static void put_link(struct sim_case *k, struct sim_link *l)
{
	struct sim_link **at = &k->links;

	while (*at && ((*at)->sys != l->sys || !br_str_eq((*at)->rec, l->rec)))
		at = &(*at)->next;
	sim_check_link(*at, l);
	l->next = *at ? (*at)->next : NULL;
	*at = l;
}

static void put_case(struct sim_case *c, const struct sim_history *history)
{
	struct sim_case *k = sim_ledger_case(&c->cid);
	struct sim_link *l = c->links, *next;

	if (c->ver)
		sim_check_case(k, c, history);
	if (!k) {
		c->links = NULL;
		c->next = book.cases;
		book.cases = k = c;
	} else if (c->ver) {
		k->ver = c->ver;
		k->doc = c->doc;
		k->fver = c->fver;
		k->had = c->had;
		k->nhad = c->nhad;
		k->updated_ms = c->updated_ms;
	}
	for (; l; l = next) {
		next = l->next;
		put_link(k, l);
	}
}

static bool settles(const struct sim_parked *p, const struct sim_parked *u)
{
	bool same = p->has_case && u->has_case && memcmp(&p->cid, &u->cid, sizeof(p->cid)) == 0;

	return strcmp(p->status, "open") == 0 && p->sys == u->sys && br_str_eq(p->rec, u->rec) &&
	       (same || ((!p->has_case || !u->has_case) && br_str_eq(p->lid, u->lid)));
}

static void put_lists(struct commit *c)
{
	for (const struct sim_parked *u = c->unparked; u; u = u->next)
		for (struct sim_parked *p = book.parked; p; p = p->next)
			if (settles(p, u))
				p->status = u->status;
#define MOVE(type, list, check)                                                                    \
	for (struct type *x = c->list, *next; x; x = next) {                                       \
		next = x->next;                                                                    \
		check;                                                                             \
		x->next = book.list;                                                               \
		book.list = x;                                                                     \
	}
	MOVE(sim_parked, parked, sights.parked++)
	MOVE(sim_history, history, sim_check_history(x))
	MOVE(sim_conflict, conflicts, sim_check_conflict(x))
	for (struct sim_key *x = c->keys, *next; x; x = next) {
		bool there = false;

		next = x->next;
		for (struct sim_key *o = book.keys; o; o = o->next)
			there |= br_str_eq(o->scheme, x->scheme) && br_str_eq(o->value, x->value);
		if (there) /* on conflict do nothing */
			continue;
		x->next = book.keys;
		book.keys = x;
	}
}

static void apply(struct commit *c)
{
	for (struct sim_case *k = c->cases, *next; k; k = next) {
		next = k->next;
		put_case(k, c->history);
	}
	put_lists(c);
	for (int i = 0; i < sim.plan.nsystems; i++)
		if (c->changed[i]) {
			sim_check_system(&book.systems[i], &c->systems[i]);
			book.systems[i] = c->systems[i];
		}
	for (size_t i = 0; i < c->npositions; i++) {
		if (c->positions[i].next < book.positions[i].next)
			sim_wrong("the position of %s goes back (I2)", book.positions[i].topic.p);
		book.positions[i].next = c->positions[i].next;
		book.positions[i].published = c->positions[i].published;
	}
	book.commits++;
	sights.commits++;
}

static void carry_out(void *arg)
{
	struct commit *c = arg;
	struct ledger *g = c->g;

	/* of a process that died the server may or may not have got the commit */
	if (book.holder != g)
		return;
	if (!c->fails && !(g->proc->dead && sim_chance(50)))
		apply(c);
	g->open = false;
	book.holder = NULL;
}

static void stored(void *arg)
{
	struct commit *c = arg;

	if (c->g->freed)
		return;
	if (c->reply_lost && !c->fails)
		sights.lost_commits++;
	end(c->g, c->fails || c->reply_lost ? BR_E_PG_UNAVAILABLE : BR_E_OK);
}

void ledger_store(struct ledger *g, struct hub_world *w, const struct ledger_position *positions,
	size_t n, ledger_fn *done, void *arg)
{
	struct commit *c = br_arena_new(&sim.arena, struct commit);
	int64_t there = sim_latency(DATABASE), back = sim_latency(DATABASE);

	begin_task(g, TASK_STORE, done, arg);
	if (w->failed || book.holder != g)
		sim_wrong("a batch is stored that %s",
			w->failed ? "could not be folded" : "holds no transaction");
	c->g = g;
	for (const struct hub_case *k = w->cases; k; k = k->hh.next)
		keep_case(c, k, w);
	keep_lists(c, w);
	keep_systems(c, w);
	c->npositions = n;
	memcpy(c->positions, positions, n * sizeof(*positions));
	c->fails = sim_fault(sim.plan.faults.commit_fails);
	c->reply_lost = sim_fault(sim.plan.faults.commit_lost);
	sim_after(there, NULL, carry_out, c);
	sim_after(there + back, g->proc, stored, c);
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
	return g;
}

static void hang_up(void *arg)
{
	struct ledger *g = arg;

	if (book.holder == g)
		book.holder = NULL;
}

void ledger_free(struct ledger *g)
{
	if (!g || g->freed)
		return;
	g->freed = true;
	/* the server notices after a moment, and a commit on its way is carried out before that */
	if (book.holder == g)
		sim_after(200 * DATABASE, NULL, hang_up, g);
}

void ledger_open(struct ledger *g, struct hub_world *w, struct ledger_position *positions, size_t n,
	ledger_fn *done, void *arg)
{
	g->w = w;
	g->fill = positions;
	g->npositions = n;
	begin_task(g, TASK_OPEN, done, arg);
}

void ledger_load(struct ledger *g, struct hub_world *w, const struct ledger_position *positions,
	size_t n, struct ledger_want *want, ledger_fn *done, void *arg)
{
	g->w = w;
	g->positions = positions;
	g->npositions = n;
	g->want = want;
	g->due = want->due;
	begin_task(g, TASK_LOAD, done, arg);
}

void ledger_load_inflight(
	struct ledger *g, struct hub_world *w, struct hub_system *s, ledger_fn *done, void *arg)
{
	g->w = w;
	g->sys = s;
	begin_task(g, TASK_INFLIGHT, done, arg);
}

void ledger_load_unpublished(struct ledger *g, struct hub_world *w,
	const struct ledger_position *positions, size_t n, ledger_fn *done, void *arg)
{
	g->w = w;
	g->positions = positions;
	g->npositions = n;
	begin_task(g, TASK_UNPUBLISHED, done, arg);
}

void ledger_abandon(struct ledger *g, ledger_fn *done, void *arg)
{
	if (book.holder == g)
		book.holder = NULL;
	g->open = false;
	done(arg, NULL);
}
