#include "hub_batch.h"

#include "hub_rebase.h"
#include "hub_step.h"

#include "br_log.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH_BYTES (4u << 20)
#define BATCH_ARENA (512u << 20)
#define SCRATCH	    (16u << 20)
#define TAKE	    64 /* records between two looks at the bytes */
/* A target at its credit that has not answered for so long holds up nobody. */
#define STUCK_US 500000

/* One record: what it says, decoded once. */
struct hub_item {
	struct bus_record *record;
	struct msg msg;
	struct hub_order order; /* of a record of the ctl topic alone */
	struct br_err err;
	bool bad;
	struct ledger_range *range;
	struct hub_mapped *mapped; /* a record nobody knew, mapped to find its case */
};

int hub_batch_init(struct hub_batch *b, const struct case_schema *schema,
	struct hub_system *systems, size_t nsystems)
{
	*b = (struct hub_batch){
		.world = {.schema = schema, .systems = systems, .nsystems = nsystems}};
	br_arena_init(&b->arena, BATCH_ARENA);
	br_buf_init(&b->world.scratch, SCRATCH);
	br_buf_init(&b->world.delta, SCRATCH);
	b->records = calloc(HUB_BATCH_RECORDS, sizeof(*b->records));
	b->items = malloc(HUB_BATCH_RECORDS * sizeof(*b->items)); /* filled by decode() */
	hub_world_begin(&b->world, &b->arena);
	return b->records && b->items ? 0 : -BR_E_NOMEM;
}

void hub_batch_release(struct hub_batch *b)
{
	HASH_CLEAR(hh, b->world.cases);
	HASH_CLEAR(hh, b->world.links);
	HASH_CLEAR(hh, b->world.keys);
	br_buf_release(&b->world.scratch);
	br_buf_release(&b->world.delta);
	br_arena_release(&b->arena);
	free(b->records);
	free(b->items);
}

void hub_batch_give_back(struct hub_batch *b, struct bus *bus)
{
	if (b->n && bus)
		bus_give_back(bus, b->records, b->n);
	b->n = 0;
	b->again = NULL;
}

/* ---- taking ---- */

/*
 * How many records of a source may come in. What would have to wait for a target's credit is better
 * left in Kafka: put down as due, it would be written, read and written again. But a target that
 * has not answered for a while must not stand in anybody's way, and a source whose own system is at
 * its credit has the answers that give it back.
 */
static int64_t intake(const struct hub_batch *b, const struct hub_source *sources, size_t nsources,
	const struct hub_source *from, int64_t now_us)
{
	const struct hub_system *own = from->sys;
	int64_t room = HUB_BATCH_RECORDS;

	for (size_t i = 0; own && own->outstanding < own->credit && i < nsources; i++) {
		const struct hub_system *s = sources[i].sys;
		int64_t left = s ? s->credit - s->outstanding - (int64_t)b->n : room;

		if (s && s != own && s->state == SYS_LIVE && left < room &&
			now_us - sources[i].moved_us <= STUCK_US)
			room = left;
	}
	return room > 0 ? room : 0;
}

static void look_who_moves(struct hub_source *sources, size_t nsources, int64_t now_us)
{
	for (size_t i = 0; i < nsources; i++)
		if (sources[i].sys && sources[i].sys->outstanding < sources[i].sys->credit)
			sources[i].moved_us = now_us;
}

static void take_from(
	struct hub_batch *b, struct bus *bus, size_t source, int64_t room, size_t *bytes)
{
	while (room > 0 && b->n < HUB_BATCH_RECORDS && *bytes < BATCH_BYTES) {
		struct bus_record *r = b->records + b->n;
		size_t max = HUB_BATCH_RECORDS - b->n, got;

		max = max < TAKE ? max : TAKE;
		max = (int64_t)max < room ? max : (size_t)room;
		got = bus_take_from(bus, (int)source, r, max);
		for (size_t i = 0; i < got; i++)
			*bytes += r[i].value.n;
		b->n += got;
		room -= (int64_t)got;
		if (got < max)
			return;
	}
}

/* ---- decoding ---- */

static const struct shape *shape_of(void *arg, struct br_str sys, struct br_str rec)
{
	struct hub_batch *b = arg;
	struct hub_system *s = hub_world_system(&b->world, sys);
	const struct mapping *m = s ? map_find(s->maps, rec) : NULL;

	return m ? map_shape(m) : NULL;
}

static void want_lid(
	struct hub_batch *b, struct hub_system *s, struct br_str rec, struct br_str lid)
{
	if (lid.n)
		b->want.lids[b->want.nlids++] = (struct ledger_lid){s, rec, lid};
}

static void want_case(struct hub_batch *b, struct br_str cid)
{
	struct hub_id id;

	if (hub_ulid_read(cid, &id))
		b->want.cids[b->want.ncids++] = id;
}

static void want_for(struct hub_batch *b, struct hub_item *it, struct hub_system *s)
{
	const struct msg *m = &it->msg;

	switch (m->type) {
	case MSG_OBS:
		want_lid(b, s, m->rec, m->lid);
		break;
	case MSG_RCPT:
		want_case(b, m->did.cid);
		want_lid(b, s, m->did.rec, m->lid);
		break;
	case MSG_INTENT:
		want_case(b, m->did.cid);
		break;
	case MSG_DIGEST:
		it->range = &b->want.ranges[b->want.nranges++];
		*it->range =
			(struct ledger_range){.sys = s, .rec = m->rec, .lo = m->lo, .hi = m->hi};
		break;
	default:
		break;
	}
}

static void want_for_order(struct hub_batch *b, const struct hub_order *o)
{
	struct hub_system *s = o->sys.n ? hub_world_system(&b->world, o->sys) : NULL;

	if (o->id.n)
		b->want.orders[b->want.norders++] = o->id;
	if (o->parked)
		b->want.parked[b->want.nparked++] = o->parked;
	if (o->conflict)
		b->want.conflicts[b->want.nconflicts++] = o->conflict;
	if (o->match)
		b->want.matches[b->want.nmatches++] = o->match;
	if (o->cid.n)
		want_case(b, o->cid);
	if (!s)
		return;
	want_lid(b, s, o->rec, o->lid);
	if (s->state == SYS_TRIAL)
		b->want.reviews[b->want.nreviews++] = s;
}

static void decode(struct hub_batch *b, struct hub_source *sources, size_t i)
{
	struct hub_item *it = &b->items[i];
	struct bus_record *r = &b->records[i];
	struct hub_system *s = sources[r->source].sys;

	it->record = r;
	memset(&it->msg, 0, sizeof(it->msg));
	br_err_clear(&it->err);
	it->range = NULL;
	it->mapped = NULL;
	if (!s) {
		it->bad = !hub_order_read(r->value, &b->arena, &it->order, &it->err);
		if (!it->bad)
			want_for_order(b, &it->order);
		return;
	}
	it->bad = msg_read(r->value, shape_of, b, &b->arena, &it->msg, &it->err) < 0;
	if (!it->bad)
		want_for(b, it, s);
}

static bool want_room(struct hub_batch *b)
{
	struct br_arena *a = &b->arena;

	b->want = (struct ledger_want){0};
	if (b->n == 0)
		return true;
	b->want.lids = br_arena_array(a, struct ledger_lid, b->n * 2);
	b->want.cids = br_arena_array(a, struct hub_id, b->n);
	b->want.ranges = br_arena_array(a, struct ledger_range, b->n);
	b->want.orders = br_arena_array(a, struct br_str, b->n);
	b->want.parked = br_arena_array(a, int64_t, b->n);
	b->want.conflicts = br_arena_array(a, int64_t, b->n);
	b->want.matches = br_arena_array(a, int64_t, b->n);
	b->want.reviews = br_arena_array(a, struct hub_system *, b->n);
	return b->want.lids && b->want.cids && b->want.ranges && b->want.orders && b->want.parked &&
	       b->want.conflicts && b->want.matches && b->want.reviews;
}

/* The first offset a source would give is not known here; its position is. */
static bool goes_alone(const struct hub_source *s, const struct ledger_position *next)
{
	return next->next < s->one_by_one;
}

void hub_batch_clear(struct hub_batch *b)
{
	hub_world_begin(&b->world, &b->arena);
	b->holding = b->alone = false;
	b->n = b->run = 0;
	b->again = NULL;
}

static int differs(const struct hub_batch *b, struct br_err *err)
{
	char wanted[24];

	snprintf(wanted, sizeof(wanted), "%lld", (long long)b->again->c);
	return br_err_set(err, BR_E_HUB_FOLDED_DIFFERS, "wanted", wanted, NULL);
}

/* The next record of a run, of which some may be there. */
static int64_t reached(const struct hub_batch *b, const struct hub_run *run)
{
	const struct bus_record *last = &b->records[b->n ? b->n - 1 : 0];

	return b->n && last->source == run->source && last->offset >= run->from ? last->offset + 1
										: run->from;
}

/* What comes of one run. Who is behind gets some records once more. */
static int take_run(
	struct hub_batch *b, struct bus *bus, const struct hub_run *run, struct br_err *err)
{
	int64_t at = reached(b, run);
	struct bus_record r = {.offset = -1};

	while (at < run->to) {
		if (b->n == HUB_BATCH_RECORDS)
			return differs(b, err);
		if (bus_take_from(bus, run->source, &r, 1) == 0)
			return 0;
		if (r.offset < at) {
			bus_give_back(bus, &r, 1);
			continue;
		}
		b->records[b->n++] = r;
		if (r.offset > at)
			return differs(b, err);
		at++;
	}
	return 1;
}

/* Where a run must begin: behind the one before it of its source, or where the ledger stands. */
static int64_t begins_at(const struct hub_folded *f, size_t run, const struct ledger_position *next)
{
	for (size_t i = run; i > 0; i--)
		if (f->runs[i - 1].source == f->runs[run].source)
			return f->runs[i - 1].to;
	return next[f->runs[run].source].next;
}

int hub_batch_take_again(struct hub_batch *b, struct bus *bus, struct hub_source *sources,
	const struct ledger_position *next, struct br_err *err)
{
	const struct hub_folded *f = b->again;

	for (; b->run < f->nruns; b->run++) {
		const struct hub_run *run = &f->runs[b->run];
		int rc;

		if (run->from != begins_at(f, b->run, next))
			return differs(b, err);
		rc = take_run(b, bus, run, err);
		if (rc <= 0)
			return rc;
	}
	if (!want_room(b))
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < b->n; i++)
		decode(b, sources, i);
	return 1;
}

int hub_batch_take(struct hub_batch *b, struct bus *bus, struct hub_source *sources,
	size_t nsources, const struct ledger_position *next, size_t turn, int64_t now_us)
{
	size_t bytes = 0;

	hub_batch_clear(b);
	look_who_moves(sources, nsources, now_us);
	for (size_t i = 0; i < nsources; i++)
		b->alone |= goes_alone(&sources[i], &next[i]);
	for (size_t i = 0; i < nsources; i++) {
		size_t at = (i + turn) % nsources;
		int64_t room = intake(b, sources, nsources, &sources[at], now_us);

		if (b->alone)
			room = b->n == 0;
		else
			b->holding |= room == 0;
		take_from(b, bus, at, room, &bytes);
	}
	if (!want_room(b))
		return -BR_E_NOMEM;
	for (size_t i = 0; i < b->n; i++)
		decode(b, sources, i);
	return 0;
}

static bool can_take(const struct hub_system *s)
{
	return !s->left_out && s->state == SYS_LIVE && !s->count.mass && s->outstanding < s->credit;
}

static struct hub_source *source_of(struct hub_source *sources, const struct hub_system *s)
{
	/* every system that is not left out has one */
	while (sources->sys != s)
		sources++;
	return sources;
}

/* Changes of today go first: what was there before the system takes half of its credit, when
 * nothing else waits for it, and when its connector has been here. */
static bool want_owed(struct hub_batch *b, struct hub_source *sources, size_t turn)
{
	struct hub_world *w = &b->world;

	for (size_t i = 0; !b->alone && i < w->nsystems; i++) {
		struct hub_system *s = &w->systems[(i + turn) % w->nsystems];

		if (!s->owes || s->backlog || !s->nonce[0] || !can_take(s) ||
			s->outstanding > s->credit / 2)
			continue;
		/* after one that the ledger refused they go without company */
		if (source_of(sources, s)->owed_one_by_one > 0 && b->n > 0)
			continue;
		b->want.owing = s;
		b->want.owed_from = s->owed;
		b->want.owed_limit =
			source_of(sources, s)->owed_one_by_one > 0 ? 1 : HUB_BATCH_RECORDS;
		return true;
	}
	return false;
}

static bool want_due(struct hub_batch *b, struct hub_source *sources, size_t turn)
{
	struct hub_world *w = &b->world;

	/* or a link that waits would be taken for the fault of the record */
	for (size_t i = 0; !b->alone && i < w->nsystems; i++) {
		struct hub_system *s = &w->systems[(i + turn) % w->nsystems];
		int64_t room = s->credit - s->outstanding;

		if (!s->backlog || !can_take(s))
			continue;
		b->want.due = s;
		b->want.due_limit = room < HUB_BATCH_RECORDS ? room : HUB_BATCH_RECORDS;
		if (source_of(sources, s)->due_one_by_one > 0)
			b->want.due_limit = 1;
		return true;
	}
	return false;
}

static bool want_again(struct hub_batch *b)
{
	const struct hub_folded *f = b->again;

	b->want.due = f->due;
	b->want.due_limit = f->due_limit;
	b->want.owing = f->owing;
	b->want.owed_limit = f->owed_limit;
	if (f->owing)
		b->want.owed_from = f->owing->owed;
	return f->due || f->owing;
}

bool hub_batch_want_waiting(struct hub_batch *b, struct hub_source *sources, size_t turn)
{
	if (b->again)
		return want_again(b);
	b->want.due = b->want.owing = NULL; /* asked before: another batch may have gone on since */
	/* not both: what the ledger refuses of one would be taken for the fault of the other */
	return want_due(b, sources, turn) || want_owed(b, sources, turn);
}

/* ---- matching ---- */

/* The mapping of a record that is shown and that no link is surely known for. */
static const struct mapping *map_of_stranger(
	struct hub_batch *b, const struct hub_item *it, const struct hub_system *s)
{
	const struct msg *m = &it->msg;
	const struct mapping *map = s && !it->bad && m->type == MSG_OBS && m->has_image
					    ? map_find(s->maps, m->rec)
					    : NULL;
	const struct hub_link *l;

	/* its number may have been given out a second time */
	l = map ? hub_world_link(&b->world, s, m->rec, m->lid) : NULL;
	return l && !hub_is_unsure(l) ? NULL : map;
}

static void want_keys(struct hub_batch *b, struct hub_system *s, struct hub_item *it,
	const struct mapping *map, struct ledger_want *want)
{
	struct br_str scheme[8], value[8];
	size_t n;

	it->mapped = br_arena_new(&b->arena, struct hub_mapped);
	if (!it->mapped)
		return;
	hub_map(map, &it->msg, &b->arena, it->mapped);
	if (it->mapped->rc < 0)
		return;
	n = hub_match_keys(s, &it->msg, &it->mapped->got, &b->arena, scheme, value, BR_LEN(scheme));
	for (size_t i = 0; i < n; i++)
		want->keys[want->nkeys++] = (struct ledger_key){scheme[i], value[i]};
}

bool hub_batch_want_matches(struct hub_batch *b, struct hub_source *sources)
{
	/* what the first load found waiting stays found */
	struct ledger_want want = {.due_links = b->want.due_links,
		.ndue = b->want.ndue,
		.due_limit = b->want.due_limit,
		.owed_from = b->want.owed_from,
		.owed_limit = b->want.owed_limit,
		.owed = b->want.owed,
		.nowed = b->want.nowed,
		.owed_to = b->want.owed_to,
		.owed_end = b->want.owed_end};

	want.keys = br_arena_array(&b->arena, struct ledger_key, b->n * 8 + 1);
	for (size_t i = 0; want.keys && i < b->n; i++) {
		struct hub_item *it = &b->items[i];
		struct hub_system *s = sources[b->records[i].source].sys;
		const struct mapping *map = map_of_stranger(b, it, s);

		if (map)
			want_keys(b, s, it, map, &want);
	}
	if (b->want.due)
		b->want.due->backlog = false; /* unless the fold finds more */
	b->folded.due = b->want.due;
	b->owing = b->want.owing;
	b->want = want;
	return want.nkeys > 0;
}

/* ---- folding ---- */

/* Why the ledger refused this record; NULL: it did not. */
static const char *refusal(
	const struct hub_batch *b, const struct hub_source *src, const struct bus_record *r)
{
	if (b->again)
		return b->again->refused.n ? b->again->refused.p : NULL;
	return r->offset == src->poison ? src->why : NULL;
}

static void fold_item(struct hub_batch *b, struct hub_source *src, const struct hub_item *it)
{
	struct hub_world *w = &b->world;
	const struct bus_record *r = it->record;
	const struct msg *m = &it->msg;
	const char *why = refusal(b, src, r);

	if (why) {
		hub_step_poison(w, src->sys, it->bad ? NULL : m, r->key, r->value, why);
		b->folded.refused = br_arena_copy(&b->arena, br_str_z(why));
	} else if (!src->sys) {
		if (it->bad || !hub_order_fold(w, &it->order))
			br_warn("an order on the ctl topic cannot be followed",
				L_INT("offset", r->offset), L_ERR(&it->err));
	} else if (it->bad) {
		hub_step_bad(w, src->sys, r->key, r->value, &it->err);
	} else if (m->type == MSG_DIGEST && hub_is_newer(src->sys, m)) {
		hub_step(w, src->sys, m);
		hub_step_digest(w, src->sys, m, it->range->known, it->range->nknown);
	} else {
		hub_step(w, src->sys, m);
	}
}

static bool is_refused(
	const struct hub_batch *b, const struct hub_source *src, const struct hub_link *l)
{
	if (b->again)
		return b->again->refused_due.n > 0;
	return src->due_poison && l->map == src->due_map &&
	       memcmp(&l->kase->cid, &src->due_cid, sizeof(src->due_cid)) == 0;
}

static void fold_due(struct hub_batch *b, struct hub_source *src, struct hub_link *l)
{
	const char *why = b->again ? b->again->refused_due.p : src->why;
	struct hub_world *w = &b->world;

	if (src->due_one_by_one > 0)
		src->due_one_by_one--;
	if (is_refused(b, src, l)) {
		src->due_poison = false;
		hub_step_poison_link(w, l, why);
		b->folded.refused_due = br_arena_copy(&b->arena, br_str_z(why));
	} else {
		hub_step_resume(w, l, false);
	}
}

/* There may be more where these came from. But when none of them could go, nor needs to, they would
 * only come again: then what lets them go says so. */
static void fold_due_links(struct hub_batch *b, struct hub_source *sources)
{
	bool full = (int64_t)b->want.ndue == b->want.due_limit, moved = false;

	for (size_t i = 0; i < b->want.ndue; i++) {
		struct hub_link *l = b->want.due_links[i];

		fold_due(b, source_of(sources, l->sys), l);
		moved |= !l->due;
	}
	if (full && moved)
		b->folded.due->backlog = true;
}

static bool is_refused_owed(const struct hub_batch *b, const struct hub_source *src)
{
	if (b->again)
		return b->again->refused_owed.n > 0;
	return src->owed_poison && b->want.nowed == 1 &&
	       memcmp(&b->want.owed[0]->cid, &src->owed_cid, sizeof(src->owed_cid)) == 0;
}

/* Cases from before a system came along, unless the batch itself has an order to look at all of
 * them anew. */
static void fold_owed(struct hub_batch *b, struct hub_source *src)
{
	struct hub_system *s = b->owing;
	const char *why = b->again ? b->again->refused_owed.p : src->why;
	size_t n = b->want.nowed;

	if (memcmp(&s->owed, &b->want.owed_from, sizeof(s->owed)) != 0)
		return;
	if (src->owed_one_by_one > 0)
		src->owed_one_by_one--;
	if (n && is_refused_owed(b, src)) {
		src->owed_poison = false;
		hub_step_poison_owed(&b->world, s, b->want.owed[0], why);
		b->folded.refused_owed = br_arena_copy(&b->arena, br_str_z(why));
		n = 0;
	}
	hub_step_owed(&b->world, s, b->want.owed, n, &b->want.owed_to, b->want.owed_end);
}

static void note_run(struct hub_folded *f, int source, int64_t offset)
{
	struct hub_run *end = f->runs + f->nruns;

	if (f->nruns && end[-1].source == source && end[-1].to == offset) {
		end[-1].to++;
		return;
	}
	*end = (struct hub_run){source, offset, offset + 1};
	f->nruns++;
}

/* What decides what comes of it, beside the records. */
static bool begin_folded(struct hub_batch *b)
{
	struct hub_world *w = &b->world;
	struct hub_folded *f = &b->folded;

	*f = (struct hub_folded){.incarnation = w->incarnation,
		.due = f->due,
		.due_limit = b->want.due_limit,
		.owing = b->owing,
		.owed_limit = b->want.owed_limit,
		.runs = br_arena_array(&b->arena, struct hub_run, b->n + 1),
		.gaps = br_arena_array(&b->arena, bool, w->nsystems + 1)};
	if (!f->runs || !f->gaps) {
		w->failed = true;
		return false;
	}
	for (size_t i = 0; i < w->nsystems; i++) {
		if (b->again)
			w->systems[i].gap = b->again->gaps[i];
		f->gaps[i] = w->systems[i].gap;
	}
	return true;
}

static void fold_items(struct hub_batch *b, struct hub_source *sources,
	struct ledger_position *next, int64_t now_us)
{
	struct hub_world *w = &b->world;

	for (size_t i = 0; i < b->n; i++) {
		const struct hub_item *it = &b->items[i];
		const struct bus_record *r = it->record;
		struct hub_source *src = &sources[r->source];

		/* delivered once more: its effect is in the ledger */
		if (r->offset < next[r->source].next)
			continue;
		w->source = r->source;
		w->offset = r->offset;
		w->now_ms = r->timestamp;
		w->topic = br_str_z(src->topic);
		w->mapped = it->mapped;
		fold_item(b, src, it);
		note_run(&b->folded, r->source, r->offset);
		next[r->source].next = r->offset + 1;
		if (!it->bad && it->msg.type == MSG_RCPT)
			src->moved_us = now_us;
	}
}

/* What comes now comes without a message: it has the time of the newest there was, and is known by
 * the batch. */
static void leave_messages(struct hub_world *w, size_t nsources, const struct ledger_position *next)
{
	w->source = (int)nsources;
	w->topic = next[nsources].topic;
	w->offset = -(next[nsources].next + 1);
}

void hub_batch_fold(struct hub_batch *b, struct hub_source *sources, size_t nsources,
	struct ledger_position *next, int64_t now_us)
{
	struct hub_world *w = &b->world;
	int64_t own = w->incarnation;

	if (!begin_folded(b))
		return;
	/* what comes without a message has the time of the newest there was */
	for (size_t i = 0; i < w->nsystems; i++)
		if (i == 0 || w->systems[i].last_contact_ms > w->now_ms)
			w->now_ms = w->systems[i].last_contact_ms;
	/* its numbers are out in the world as they were */
	if (b->again)
		b->folded.incarnation = w->incarnation = b->again->incarnation;
	fold_items(b, sources, next, now_us);
	leave_messages(w, nsources, next);
	fold_due_links(b, sources);
	if (b->owing)
		fold_owed(b, source_of(sources, b->owing));
	w->incarnation = own;
	b->folded.sum = hub_folded_sum(w);
}

bool hub_batch_may_be_refused(const struct hub_batch *b)
{
	return b->n > 0 || b->want.ndue > 0 || (b->owing && b->want.nowed > 0);
}

bool hub_batch_is_single(const struct hub_batch *b)
{
	return b->owing ? b->n + b->want.ndue == 0 && b->want.owed_limit == 1
			: b->n + b->want.ndue == 1;
}

static void due_refused(
	const struct hub_batch *b, struct hub_source *sources, const struct br_err *err)
{
	const struct hub_link *l = b->want.due_links[0];
	struct hub_source *s = source_of(sources, l->sys);

	if (s->due_one_by_one < (int64_t)b->want.ndue)
		s->due_one_by_one = (int64_t)b->want.ndue;
	if (!hub_batch_is_single(b))
		return;
	s->due_poison = true;
	s->due_cid = l->kase->cid;
	s->due_map = l->map;
	br_err_sentence(err, BR_LANG_EN, s->why, sizeof(s->why));
}

static void owed_refused(
	const struct hub_batch *b, struct hub_source *sources, const struct br_err *err)
{
	struct hub_source *s = source_of(sources, b->owing);

	if (s->owed_one_by_one < b->want.owed_limit)
		s->owed_one_by_one = b->want.owed_limit;
	if (!hub_batch_is_single(b) || b->want.nowed == 0)
		return;
	s->owed_poison = true;
	s->owed_cid = b->want.owed[0]->cid;
	br_err_sentence(err, BR_LANG_EN, s->why, sizeof(s->why));
}

void hub_batch_refused(
	const struct hub_batch *b, struct hub_source *sources, const struct br_err *err)
{
	if (b->owing)
		owed_refused(b, sources, err);
	else if (b->n == 0)
		due_refused(b, sources, err);
	for (size_t i = 0; i < b->n; i++) {
		const struct bus_record *r = &b->records[i];
		struct hub_source *s = &sources[r->source];

		if (r->offset >= s->one_by_one)
			s->one_by_one = r->offset + 1;
		/* with a link that waits beside it, it may not be the one */
		if (!hub_batch_is_single(b))
			continue;
		s->poison = r->offset;
		br_err_sentence(err, BR_LANG_EN, s->why, sizeof(s->why));
	}
}
