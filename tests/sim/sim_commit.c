/*
 * sim_commit.c - storing: what a batch changed is written down as one transaction, which the server
 * then carries out whole or not at all, whoever is there to hear of it.
 */
#include "sim_ledger.h"

#include "sim_decide.h"

/* A transaction on its way to the server, complete. */
struct commit {
	struct ledger *g;
	struct sim_case *cases; /* new and changed, with their changed links */
	struct sim_history *history;
	struct sim_conflict *conflicts;
	struct sim_parked *parked;
	struct sim_parked *unparked;
	struct sim_order *orders;
	struct sim_key *keys, *moved_keys;
	struct hub_system systems[SIM_SYSTEMS];
	bool changed[SIM_SYSTEMS];
	int64_t incarnation;
	struct ledger_position before[SIM_SYSTEMS + 2], after[SIM_SYSTEMS + 2];
	size_t npositions;
	struct hub_kept folded;
	int life;
	ledger_fn *done;
	void *done_arg;
	bool fails, taken, reply_lost;
};

/* ---- copies ---- */

struct br_str sim_keep(struct br_str s)
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
		out.cells[i].key = sim_keep(img->cells[i].key);
		out.cells[i].value = sim_keep(img->cells[i].value);
	}
	return out;
}

struct versions sim_copy_versions(const struct versions *v, struct br_arena *a, bool keys)
{
	struct versions out = {.dflt = v->dflt, .n = v->n, .room = v->n};

	if (v->n == 0)
		return out;
	out.at = br_arena_alloc(a, v->n * sizeof(*out.at));
	memcpy(out.at, v->at, v->n * sizeof(*out.at));
	for (uint32_t i = 0; keys && i < v->n; i++)
		out.at[i].key = sim_keep(v->at[i].key);
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
	out.restores = f->restores;
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
			out.places[i].key = sim_keep(f->places[i].key);
	}
	return out;
}

/* ---- storing: the transaction is written down first ---- */

/* What came and went within the batch, newest first. */
static void keep_passed(struct sim_link *out, const struct hub_link *l)
{
	struct sim_past **end = &out->past;

	for (const struct hub_past *p = l->passed; p; p = p->next) {
		if (p->stored || image_same(&p->shadow, &l->shadow))
			continue;
		*end = br_arena_new(&sim.arena, struct sim_past);
		**end = (struct sim_past){keep_image(&p->shadow),
			sim_copy_versions(&p->held, &sim.arena, true), NULL};
		end = &(*end)->next;
	}
}

static struct sim_link *keep_link(const struct hub_link *l, const struct hub_world *w)
{
	struct sim_link *out = br_arena_new(&sim.arena, struct sim_link);

	*out = (struct sim_link){.sys = (int)(l->sys - w->systems),
		.rec = sim_keep(l->rec),
		.lid = sim_keep(l->lid),
		.ref = sim_keep(l->ref),
		.state = l->state,
		.shadow = keep_image(&l->shadow),
		.held = sim_copy_versions(&l->held, &sim.arena, true),
		.tries = sim_copy_versions(&l->tries, &sim.arena, true),
		.n = l->n,
		.inflight = keep_inflight(&l->inflight),
		.due = l->due,
		.based = l->based,
		.freed = l->freed};
	keep_passed(out, l);
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
		out->fver = sim_copy_versions(&k->fver, &sim.arena, true);
		out->had = br_arena_array(&sim.arena, struct br_str, k->nhad + 1);
		for (size_t i = 0; i < k->nhad; i++)
			out->had[out->nhad++] = sim_keep(k->had[i]);
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
			PUSH(c->keys, .scheme = sim_keep(m->scheme), .value = sim_keep(m->value),
				.cid = m->kase->cid);
	for (struct hub_moved_key *m = w->moved_keys; m; m = m->next)
		PUSH(c->moved_keys, .scheme = sim_keep(m->scheme), .value = sim_keep(m->value),
			.cid = m->to);
	for (struct hub_history *h = w->history; h; h = h->next)
		PUSH(c->history, .cid = h->kase->cid, .ver = h->ver,
			.sys = h->sys ? (int)(h->sys - w->systems) : -1,
			.delta = sim_keep(h->delta), .offset = h->offset, .at_ms = h->at_ms);
	for (struct hub_conflict *x = w->conflicts; x; x = x->next)
		PUSH(c->conflicts, .cid = x->kase->cid, .sys = (int)(x->sys - w->systems),
			.kind = x->kind, .place = sim_keep(x->place), .win = sim_keep(x->win),
			.lose = sim_keep(x->lose));
	c->orders = sim_decide_keep(w);
	for (struct hub_unpark *u = w->unparked; u; u = u->next)
		PUSH(c->unparked, .sys = (int)(u->sys - w->systems), .has_case = u->kase != NULL,
			.cid = u->kase ? u->kase->cid : (struct hub_id){{0}},
			.rec = sim_keep(u->rec), .lid = sim_keep(u->lid), .status = u->how);
	for (struct hub_parked *p = w->parked; p; p = p->next)
		PUSH(c->parked, .sys = (int)(p->sys - w->systems), .has_case = p->kase != NULL,
			.cid = p->kase ? p->kase->cid : (struct hub_id){{0}},
			.rec = sim_keep(p->rec), .lid = sim_keep(p->lid), .code = sim_keep(p->code),
			.raw = sim_keep(p->raw), .kind = p->kind,
			.status = p->how ? p->how : "open");
}

static void keep_systems(struct commit *c, struct hub_world *w)
{
	for (size_t i = 0; i < w->nsystems; i++) {
		if (!w->systems[i].dirty)
			continue;
		c->changed[i] = true;
		c->systems[i] = w->systems[i];
		c->systems[i].cursor = sim_keep(w->systems[i].cursor);
		w->systems[i].dirty = false;
	}
}

/* ---- storing: then it is carried out ---- */

static void add_past(const struct sim_link *was, struct sim_link *now)
{
	struct sim_past **end = &now->past;

	while (*end)
		end = &(*end)->next;
	if (!was)
		return;
	if (was->shadow.n && !image_same(&was->shadow, &now->shadow)) {
		*end = br_arena_new(&sim.arena, struct sim_past);
		**end = (struct sim_past){was->shadow, was->held, NULL};
		end = &(*end)->next;
	}
	*end = was->past;
}

static void put_link(struct sim_case *k, struct sim_link *l)
{
	struct sim_link **at = &k->links;

	while (*at && ((*at)->sys != l->sys || !br_str_eq((*at)->rec, l->rec)))
		at = &(*at)->next;
	sim_check_link(*at, l);
	add_past(*at, l);
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
	sim_decide_put(c->orders);
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
	MOVE(sim_parked, parked, (sights.parked++, x->id = ++book.items))
	MOVE(sim_history, history, sim_check_history(x))
	MOVE(sim_conflict, conflicts, (sim_check_conflict(x), x->id = ++book.items))
	for (struct sim_key *x = c->moved_keys; x; x = x->next)
		for (struct sim_key *o = book.keys; o; o = o->next)
			if (br_str_eq(o->scheme, x->scheme) && br_str_eq(o->value, x->value))
				o->cid = x->cid;
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

/* A number that one record gives up may be another's in the same transaction. */
static void free_numbers(const struct commit *c)
{
	for (const struct sim_case *k = c->cases; k; k = k->next)
		for (const struct sim_link *l = k->links; l; l = l->next) {
			struct sim_case *was = sim_ledger_case(&k->cid);

			for (struct sim_link *o = was ? was->links : NULL; o; o = o->next)
				if (o->sys == l->sys && br_str_eq(o->rec, l->rec) && l->freed)
					o->lid = BR_STR_NONE;
		}
}

static void apply(struct commit *c)
{
	free_numbers(c);
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
		struct ledger_position *p = sim_ledger_position(c->after[i].topic);

		if (c->after[i].next < p->next)
			sim_wrong("the position of %s goes back (I2)", p->topic.p);
		p->next = c->after[i].next;
		p->published = c->after[i].published;
	}
	if (c->folded.text.n)
		book.kept[c->folded.c % HUB_KEPT] = c->folded;
	book.commits++;
	sights.commits++;
	sim_ledger_compare();
}

/* Nobody has opened the ledger since, and it stands where the batch began. */
static bool is_next(const struct commit *c)
{
	if (book.incarnation != c->incarnation)
		return false;
	for (size_t i = 0; i < c->npositions; i++)
		if (c->before[i].next != sim_ledger_position(c->before[i].topic)->next)
			return false;
	return true;
}

static void carry_out(void *arg)
{
	struct commit *c = arg;

	book.transactions--;
	if (c->life != book.life) {
		c->fails = true; /* that ledger is no more */
		return;
	}
	c->taken = !is_next(c);
	/* of a process that died the server may or may not have got the commit */
	if (c->taken)
		sights.taken_positions++;
	else if (!c->fails && !(c->g->proc->dead && sim_chance(50)))
		apply(c);
}

static void stored(void *arg)
{
	struct commit *c = arg;

	if (c->g->freed)
		return;
	c->g->storing--;
	if (c->reply_lost && !c->fails)
		sights.lost_commits++;
	sim_ledger_answer(c->done, c->done_arg,
		c->fails || c->reply_lost ? BR_E_PG_UNAVAILABLE
		: c->taken		  ? BR_E_HUB_POSITION_TAKEN
					  : BR_E_OK);
}

/* Statements and answers of one session keep their order. */
static int64_t after(int64_t *last, int64_t at)
{
	*last = at > *last ? at : *last + 1;
	return *last - sim.now;
}

void ledger_store(struct ledger *g, struct hub_world *w, const struct ledger_position *before,
	const struct ledger_position *then, size_t n, ledger_fn *done, void *arg)
{
	struct commit *c = br_arena_new(&sim.arena, struct commit);

	if (w->failed)
		sim_wrong("a batch is stored that could not be folded");
	if (g->other.task != TASK_NONE || g->storing == 2)
		sim_wrong("a batch is stored while the ledger does something else");
	g->storing++;
	book.transactions++;
	c->g = g;
	c->done = done;
	c->done_arg = arg;
	c->incarnation = w->incarnation;
	c->life = g->life;
	c->folded = (struct hub_kept){w->folded.c, sim_keep(w->folded.text)};
	c->npositions = n;
	/* the process, and its names of topics, may be gone when the transaction is carried out */
	for (size_t i = 0; i < n; i++) {
		c->before[i] = before[i];
		c->after[i] = then[i];
		c->before[i].topic = c->after[i].topic = sim_ledger_position(then[i].topic)->topic;
	}
	for (const struct hub_case *k = w->cases; k; k = k->hh.next)
		keep_case(c, k, w);
	keep_lists(c, w);
	keep_systems(c, w);
	c->fails = sim_fault(sim.plan.faults.commit_fails);
	c->reply_lost = sim_fault(sim.plan.faults.commit_lost);
	sim_after(after(&g->carried_out, sim.now + sim_latency(SIM_DATABASE)), NULL, carry_out, c);
	if (g->answered < g->carried_out)
		g->answered = g->carried_out;
	sim_after(after(&g->answered, g->carried_out + sim_latency(SIM_DATABASE)), g->proc, stored,
		c);
}
