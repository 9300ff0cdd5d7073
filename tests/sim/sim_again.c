/*
 * sim_again.c - the ledger goes back to a backup: whatever it lost must come again, exactly.
 */
#include "sim_check.h"
#include "sim_ledger.h"

/* After each batch, by their number; of the life that was there last. */
static struct after {
	uint64_t sum;
	struct br_str record; /* of the batch */
} * afters;
static int64_t room;
static int64_t wanted; /* this batch must come again; 0: none */
static uint64_t wanted_sum;

/* ---- a copy ---- */

#define COPY_LIST(type, list)                                                                      \
	do {                                                                                       \
		struct type **end = &out->list;                                                    \
		for (const struct type *x = book.list; x; x = x->next) {                           \
			*end = br_arena_new(&sim.arena, struct type);                              \
			**end = *x;                                                                \
			end = &(*end)->next;                                                       \
		}                                                                                  \
		*end = NULL;                                                                       \
	} while (0)

static void copy_links(struct sim_case *k)
{
	struct sim_link **end = &k->links;

	for (const struct sim_link *l = k->links; l; l = l->next) {
		*end = br_arena_new(&sim.arena, struct sim_link);
		**end = *l;
		end = &(*end)->next;
	}
}

static struct sim_ledger *copy(void)
{
	struct sim_ledger *out = br_arena_new(&sim.arena, struct sim_ledger);

	*out = book;
	COPY_LIST(sim_case, cases);
	for (struct sim_case *k = out->cases; k; k = k->next)
		copy_links(k);
	COPY_LIST(sim_conflict, conflicts);
	COPY_LIST(sim_parked, parked);
	COPY_LIST(sim_order, orders);
	out->nfacts = sim_nfacts;
	return out;
}

const struct sim_ledger *sim_ledger_back_up(void)
{
	return copy();
}

/* ---- sums ---- */

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
	return br_mix(h, n ? br_hash(bytes, n) : 0);
}

static uint64_t mix_int(uint64_t h, int64_t v)
{
	return br_mix(h, (uint64_t)v);
}

static uint64_t mix_str(uint64_t h, struct br_str s)
{
	return mix(h, s.p, s.n);
}

static uint64_t mix_versions(uint64_t h, const struct versions *v)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < v->n; i++)
		sum += mix_str(
			mix_int(mix_int(v->at[i].part, v->at[i].field), v->at[i].v), v->at[i].key);
	return mix_int(mix_int(h, v->dflt), (int64_t)sum);
}

static uint64_t of_link(const struct sim_link *l)
{
	uint64_t h = mix_str(mix_str(mix_int(mix_int(1, l->sys), l->n), l->lid), l->ref);

	h = mix_int(mix_int(mix_int(h, l->state), l->due), l->based);
	h = mix_int(h, (int64_t)image_hash(&l->shadow));
	h = mix_versions(mix_versions(h, &l->held), &l->tries);
	if (!l->inflight.on)
		return h;
	h = mix_int(mix_int(h, l->inflight.incarnation), l->inflight.ver);
	return mix_int(h, (int64_t)image_hash(&l->inflight.set));
}

static uint64_t of_case(const struct sim_case *k)
{
	uint64_t h = mix_int(mix(2, &k->cid, sizeof(k->cid)), k->ver), links = 0;

	for (const struct sim_link *l = k->links; l; l = l->next)
		links += of_link(l);
	h = mix_int(mix_int(h, (int64_t)image_hash(&k->doc)), (int64_t)links);
	return mix_versions(h, &k->fver);
}

static uint64_t of_system(const struct hub_system *s)
{
	uint64_t h = mix_int(mix_int(mix_int(3, s->epoch), s->last_seq), s->state);

	h = mix_int(mix_int(mix_int(h, s->beat), s->restores), s->taken);
	return mix(mix_str(h, s->cursor), &s->count, sizeof(s->count));
}

uint64_t sim_ledger_sum(const struct sim_ledger *b)
{
	uint64_t sum = 0;

	for (const struct sim_case *k = b->cases; k; k = k->next)
		sum += of_case(k);
	for (const struct sim_conflict *c = b->conflicts; c; c = c->next)
		sum += mix_str(mix_str(mix_str(mix_int(4, c->id), c->place), c->win), c->lose) +
		       (c->status ? (uint64_t)c->status[0] : 0);
	for (const struct sim_parked *p = b->parked; p; p = p->next)
		sum += mix_str(mix_str(mix_int(5, p->id), p->lid), p->code) +
		       (uint64_t)p->status[0];
	for (const struct sim_order *o = b->orders; o; o = o->next)
		sum += mix_int(mix_str(6, o->id), o->outcome);
	for (size_t i = 0; i < b->npositions; i++)
		sum += mix_int(mix_str(7, b->positions[i].topic), b->positions[i].next);
	for (int i = 0; i < SIM_SYSTEMS; i++)
		sum += of_system(&b->systems[i]);
	return sum;
}

int64_t sim_ledger_batches(const struct sim_ledger *b)
{
	for (size_t i = 0; i < b->npositions; i++)
		if (br_str_eq(b->positions[i].topic, BR_STR("sim.folded")))
			return b->positions[i].next;
	return 0;
}

/* ---- the same again ---- */

void sim_again_begin(void)
{
	afters = NULL;
	room = wanted = 0;
}

void sim_ledger_compare(void)
{
	int64_t c = sim_ledger_batches(&book);
	uint64_t sum;

	if (sim.plan.ledger_restores == 0)
		return;
	sum = sim_ledger_sum(&book);
	if (c >= room) {
		struct after *more = br_arena_array(&sim.arena, struct after, (size_t)c * 2 + 64);

		if (room)
			memcpy(more, afters, (size_t)room * sizeof(*more));
		afters = more;
		room = c * 2 + 64;
	}
	if (c == wanted && sum != wanted_sum)
		sim_wrong("batch %lld makes another ledger than it made before the restore",
			(long long)c);
	if (c == wanted)
		wanted = 0;
	afters[c] = (struct after){sum, book.kept[c % HUB_KEPT].text};
}

/* Is it on the journal, and not only another bridge's of that number? */
static bool is_told(int64_t c)
{
	const struct sim_topic *t = sim_topic(BR_STR("sim.folded"));

	for (int64_t i = t->n; i > 0; i--)
		if (br_str_eq(t->records[i - 1].value, afters[c].record))
			return true;
	return false;
}

void sim_again_restored(const struct sim_ledger *lost)
{
	int64_t c = sim_ledger_batches(&book), to = sim_ledger_batches(lost);

	sim_nfacts = book.nfacts;
	TRACE("the ledger goes back from batch %lld to %lld", (long long)to, (long long)c);
	/* what was not told yet nobody has seen anything of */
	while (c < to && is_told(c + 1))
		c++;
	if (c <= wanted)
		return; /* more is still to come again */
	wanted = c > sim_ledger_batches(&book) ? c : 0;
	wanted_sum = wanted ? afters[wanted].sum : 0;
	sights.again_batches += (uint64_t)(c - sim_ledger_batches(&book));
}
