#include "hub_bridge.h"

#include "bus.h"
#include "hub_publish.h"
#include "hub_step.h"
#include "ledger.h"

#include "br_log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_RECORDS 1000
#define BATCH_BYTES   (4u << 20)
#define TAKE	      64 /* records between two looks at the bytes */
#define STUCK_US                                                                                   \
	500000 /* a target at its credit that has not answered for so long holds up nobody */
#define BATCH_ARENA    (512u << 20)
#define CLOSE_MS       3000
#define RETRY_FIRST_US 100000
#define RETRY_MAX_US   5000000
#define FIGURES_US     60000000

enum phase {
	PHASE_CLOSED,	 /* nothing open; a timer starts over */
	PHASE_OPENING,	 /* ledger connects */
	PHASE_REVIEWING, /* loading outputs that may not have got out before the last stop */
	PHASE_IDLE,
	PHASE_LOADING,
	PHASE_MATCHING, /* loading by match keys */
	PHASE_STORING,
	PHASE_PUBLISHING,
	PHASE_BEGINNING, /* loading and sending what a starting connector must settle */
};

struct source {
	char topic[256];
	struct hub_system *sys; /* NULL: the ctl topic */
	int64_t moved_us;	/* when its system last had room, or answered */
};

/* One record of the batch: what it says, decoded once. */
struct item {
	struct bus_record *record;
	struct msg msg;
	struct br_err err;
	bool bad;
	struct ledger_range *range;
	struct hub_mapped *mapped; /* a record nobody knew, mapped to find its case */
};

/* Outputs up to this ticket belong to inputs before these positions. */
struct watermark {
	uint64_t ticket;
	int64_t *next;
};

struct bridge {
	struct br_loop *loop;
	const struct cfg_site *site;
	struct hub_world world, side; /* side: loads outside a batch */
	struct br_arena arena, side_arena;
	struct ledger *ledger;
	struct bus *bus;
	struct hub_publisher *publisher;
	struct source *sources;
	struct ledger_position *positions, *next; /* stored, and as they will be */
	size_t nsources;
	enum phase phase;
	struct br_timer timer, ping, figures, soon;
	int64_t backoff_us;
	bool stopping;
	int status;

	struct bus_record *records;
	struct item *items;
	size_t nrecords;
	bool holding; /* something was left in Kafka for want of credit */
	struct ledger_want want;
	struct watermark marks[64];
	size_t nmarks;

	/* systems whose HELLO is to be answered, and the one being answered; after a restart all of
	 * them */
	size_t begin_at;
	bool reannounce;
	bool blocked; /* Kafka's queue was full: publishing goes on with the next acknowledgement */
	int64_t batches;
	int64_t shown; /* batches when the figures were logged last */
};

static void next_batch(struct bridge *b);
static void publish(struct bridge *b);
static void begin_next(struct bridge *b);
static void send_begin(struct bridge *b);

/* ---- start and start over ---- */

static void give_back(struct bridge *b)
{
	if (b->nrecords)
		bus_give_back(b->bus, b->records, b->nrecords);
	b->nrecords = 0;
}

static void close_all(struct bridge *b)
{
	if (b->bus)
		give_back(b);
	hub_publisher_free(b->publisher);
	b->publisher = NULL;
	bus_free(b->bus, CLOSE_MS);
	b->bus = NULL;
	ledger_free(b->ledger);
	b->ledger = NULL;
	while (b->nmarks)
		free(b->marks[--b->nmarks].next);
	b->phase = PHASE_CLOSED;
	br_timer_set(b->loop, &b->ping, -1);
}

static void start_over(struct bridge *b, const struct br_err *err)
{
	if (b->phase == PHASE_CLOSED)
		return;
	if (err) {
		if (br_err_class((int)br_err_code(err)) == BR_CLASS_FATAL) {
			br_error("the bridge stops", L_ERR(err));
			/* closed once the loop has ended, not from inside a callback of what is
			 * being closed */
			b->phase = PHASE_CLOSED;
			b->blocked = false;
			b->status = 78;
			br_loop_stop(b->loop, 78);
			return;
		}
		br_warn("the bridge starts over", L_ERR(err));
	}
	/* not from inside a callback of what is being closed */
	b->phase = PHASE_CLOSED;
	b->blocked = false;
	br_timer_set(b->loop, &b->timer, b->backoff_us);
	b->backoff_us = b->backoff_us * 2 < RETRY_MAX_US ? b->backoff_us * 2 : RETRY_MAX_US;
}

static void on_lost(void *arg, const struct br_err *err)
{
	start_over(arg, err);
}

static void on_bus_fatal(void *arg, const struct br_err *err)
{
	start_over(arg, err);
}

/* ---- published watermark ---- */

static void on_acked(void *arg)
{
	struct bridge *b = arg;
	uint64_t acked = bus_acked(b->bus);
	size_t done = 0;

	while (done < b->nmarks && b->marks[done].ticket <= acked) {
		for (size_t i = 0; i < b->nsources; i++)
			b->next[i].published = b->marks[done].next[i];
		done++;
	}
	if (done) {
		for (size_t i = 0; i < done; i++)
			free(b->marks[i].next);
		memmove(b->marks, b->marks + done, (b->nmarks - done) * sizeof(*b->marks));
		b->nmarks -= done;
	}
	if (!b->blocked)
		return;
	b->blocked = false;
	if (b->phase == PHASE_PUBLISHING)
		publish(b);
	else if (b->phase == PHASE_BEGINNING)
		send_begin(b);
}

static void mark_published(struct bridge *b)
{
	struct watermark *m;

	/* The last mark stands for earlier ones when there are too many. */
	if (b->nmarks == BR_LEN(b->marks)) {
		b->nmarks--;
		free(b->marks[b->nmarks].next);
	}
	m = &b->marks[b->nmarks];
	m->next = malloc(b->nsources * sizeof(*m->next));
	if (!m->next)
		return;
	m->ticket = bus_sent(b->bus);
	for (size_t i = 0; i < b->nsources; i++)
		m->next[i] = b->next[i].next;
	b->nmarks++;
}

/* ---- a batch: take, load, fold, store, publish ---- */

static const struct shape *shape_of(void *arg, struct br_str sys, struct br_str rec)
{
	struct bridge *b = arg;
	struct hub_system *s = hub_world_system(&b->world, sys);
	const struct mapping *m = s ? map_find(s->maps, rec) : NULL;

	return m ? map_shape(m) : NULL;
}

static void want_lid(struct bridge *b, struct hub_system *s, struct br_str rec, struct br_str lid)
{
	if (lid.n)
		b->want.lids[b->want.nlids++] = (struct ledger_lid){s, rec, lid};
}

static void want_case(struct bridge *b, struct br_str cid)
{
	struct hub_id id;

	if (hub_ulid_read(cid, &id))
		b->want.cids[b->want.ncids++] = id;
}

static void want_for(struct bridge *b, struct item *it, struct hub_system *s)
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

/* Orders of people: {"t":"SYSTEM","sys":..,"state":"live"} or
 * {"t":"RETRY","sys":..,"case":..,"record":..,"lid":..} */
struct order {
	struct br_str type, sys, state, cid, rec, lid;
};

static bool read_order(struct br_str value, struct br_arena *a, struct order *o, struct br_err *err)
{
	struct {
		const char *key;
		struct br_str *to;
	} const members[] = {{"t", &o->type}, {"sys", &o->sys}, {"state", &o->state},
		{"case", &o->cid}, {"record", &o->rec}, {"lid", &o->lid}};
	enum br_json_token t;
	struct br_jr r;

	*o = (struct order){0};
	br_jr_init(&r, value, a, err);
	if (br_jr_next(&r) != BR_JT_OBJECT)
		return false;
	while ((t = br_jr_next(&r)) == BR_JT_KEY) {
		struct br_str key = r.text, *to = NULL;

		for (size_t i = 0; i < BR_LEN(members); i++)
			if (br_str_eq(key, br_str_z(members[i].key)))
				to = members[i].to;
		t = br_jr_next(&r);
		if (t == BR_JT_STRING && to)
			*to = r.text;
		else if (br_jr_skip(&r, t, NULL) < 0)
			return false;
	}
	return t == BR_JT_END_OBJECT;
}

static void decode(struct bridge *b, size_t i)
{
	struct item *it = &b->items[i];
	struct bus_record *r = it->record;
	struct source *src = &b->sources[r->source];
	struct order o;

	memset(&it->msg, 0, sizeof(it->msg));
	br_err_clear(&it->err);
	it->bad = false;
	it->range = NULL;
	it->mapped = NULL;
	if (!src->sys) {
		if (read_order(r->value, &b->arena, &o, &it->err) && o.cid.n)
			want_case(b, o.cid);
		return;
	}
	it->bad = msg_read(r->value, shape_of, b, &b->arena, &it->msg, &it->err) < 0;
	if (!it->bad)
		want_for(b, it, src->sys);
}

static bool want_room(struct bridge *b, size_t n)
{
	struct br_arena *a = &b->arena;

	b->want = (struct ledger_want){0};
	b->want.lids = br_arena_array(a, struct ledger_lid, n * 2 + 1);
	b->want.cids = br_arena_array(a, struct hub_id, n + 1);
	b->want.ranges = br_arena_array(a, struct ledger_range, n + 1);
	return b->want.lids && b->want.cids && b->want.ranges;
}

/* One system at a time may have links waiting for credit looked after; they take turns. */
static void want_due(struct bridge *b)
{
	for (size_t i = 0; i < b->world.nsystems; i++) {
		struct hub_system *s =
			&b->world.systems[(i + (size_t)b->batches) % b->world.nsystems];

		if (s->backlog && !s->left_out && s->state == SYS_LIVE &&
			s->outstanding < s->credit) {
			b->want.due = s;
			b->want.due_limit = s->credit - s->outstanding < BATCH_RECORDS
						    ? s->credit - s->outstanding
						    : BATCH_RECORDS;
			return;
		}
	}
}

static void fold_order(struct bridge *b, const struct bus_record *r)
{
	struct hub_world *w = &b->world;
	struct hub_system *s;
	struct br_err err;
	struct order o;
	struct hub_id id;
	struct hub_case *k;
	struct hub_link *l;

	br_err_clear(&err);
	if (!read_order(r->value, &b->arena, &o, &err) || !(s = hub_world_system(w, o.sys))) {
		br_warn("an order on the ctl topic cannot be read", L_INT("offset", r->offset),
			L_ERR(&err));
		return;
	}
	if (br_str_eq(o.type, BR_STR("SYSTEM"))) {
		hub_step_system_state(w, s,
			br_str_eq(o.state, BR_STR("live"))    ? SYS_LIVE
			: br_str_eq(o.state, BR_STR("trial")) ? SYS_TRIAL
							      : SYS_PAUSED);
		return;
	}
	k = hub_ulid_read(o.cid, &id) ? hub_world_case(w, &id) : NULL;
	l = k ? hub_case_link(k, s, o.rec) : NULL;
	if (l)
		hub_step_resume(w, l, true);
	if (o.lid.n) {
		struct hub_out *out = hub_out_add(w, OUT_REFETCH, s);

		/* the record is read again, and what is there now counts */
		if (out && (out->lids = br_arena_array(w->arena, struct br_str, 1))) {
			out->rec = o.rec;
			out->lids[0] = o.lid;
			out->nlids = 1;
		}
	}
}

static void fold(struct bridge *b)
{
	struct hub_world *w = &b->world;

	/* fewer than asked for: that was all of it, unless this batch adds more */
	if (b->want.due)
		b->want.due->backlog = (int64_t)b->want.ndue == b->want.due_limit;
	for (size_t i = 0; i < b->nrecords; i++) {
		struct item *it = &b->items[i];
		struct bus_record *r = it->record;
		struct source *src = &b->sources[r->source];

		w->source = r->source;
		w->offset = r->offset;
		w->now_ms = r->timestamp;
		w->topic = br_str_z(src->topic);
		w->mapped = it->mapped;
		if (!src->sys)
			fold_order(b, r);
		else if (it->bad)
			hub_step_bad(w, src->sys, r->key, r->value, &it->err);
		else if (it->msg.type == MSG_DIGEST && hub_is_newer(src->sys, &it->msg)) {
			hub_step(w, src->sys, &it->msg);
			hub_step_digest(w, src->sys, &it->msg, it->range->known, it->range->nknown);
		} else {
			hub_step(w, src->sys, &it->msg);
		}
		b->next[r->source].next = r->offset + 1;
		if (it->msg.type == MSG_RCPT)
			src->moved_us = br_loop_now(b->loop);
	}
	for (size_t i = 0; i < b->want.ndue; i++)
		hub_step_resume(w, b->want.due_links[i], false);
}

static void on_stored(void *arg, const struct br_err *err)
{
	struct bridge *b = arg;

	if (err) {
		start_over(b, err);
		return;
	}
	memcpy(b->positions, b->next, b->nsources * sizeof(*b->positions));
	b->batches++;
	b->backoff_us = RETRY_FIRST_US;
	b->phase = PHASE_PUBLISHING;
	publish(b);
}

static void fold_and_store(struct bridge *b)
{
	fold(b);
	b->phase = PHASE_STORING;
	ledger_store(b->ledger, &b->world, b->next, b->nsources, on_stored, b);
}

static void on_matched(void *arg, const struct br_err *err)
{
	if (err)
		start_over(arg, err);
	else
		fold_and_store(arg);
}

/* Records nobody knows yet may say which case they are: those cases are loaded too. True when there
 * is something to load. */
static bool want_matches(struct bridge *b)
{
	struct ledger_want want = {0};
	struct br_str scheme[8], value[8];

	want.keys = br_arena_array(&b->arena, struct ledger_key, b->nrecords * BR_LEN(scheme) + 1);
	for (size_t i = 0; want.keys && i < b->nrecords; i++) {
		struct item *it = &b->items[i];
		struct hub_system *s = b->sources[it->record->source].sys;
		const struct mapping *map =
			s && !it->bad && it->msg.type == MSG_OBS && it->msg.has_image
				? map_find(s->maps, it->msg.rec)
				: NULL;
		size_t n;

		if (!map || hub_world_link(&b->world, s, it->msg.rec, it->msg.lid))
			continue;
		it->mapped = br_arena_new(&b->arena, struct hub_mapped);
		if (!it->mapped)
			continue;
		hub_map(map, &it->msg, &b->arena, it->mapped);
		if (it->mapped->rc < 0)
			continue;
		n = map_match_keys(map, &it->mapped->got, scheme, value, BR_LEN(scheme));
		for (size_t j = 0; j < n; j++)
			want.keys[want.nkeys++] = (struct ledger_key){scheme[j], value[j]};
	}
	if (want.nkeys == 0)
		return false;
	want.due = NULL;
	struct ledger_want first = b->want;

	b->want = want;
	b->want.due_links = first.due_links;
	b->want.ndue = first.ndue;
	b->want.due_limit = first.due_limit;
	b->phase = PHASE_MATCHING;
	ledger_load(b->ledger, &b->world, b->positions, b->nsources, &b->want, on_matched, b);
	b->want.due = first.due;
	return true;
}

static void on_loaded(void *arg, const struct br_err *err)
{
	struct bridge *b = arg;

	if (err)
		start_over(b, err);
	else if (!want_matches(b))
		fold_and_store(b);
}

/*
 * How many records of a source may come in. What would have to wait for a target's credit is better
 * left in Kafka: put down as due, it would be written, read and written again. But a target that
 * has not answered for a while must not stand in anybody's way, and a source whose own system is at
 * its credit has the answers that give it back.
 */
static int64_t intake(struct bridge *b, size_t source, int64_t taken)
{
	const struct hub_system *own = b->sources[source].sys;
	int64_t room = BATCH_RECORDS;

	for (size_t i = 0; own && own->outstanding < own->credit && i < b->world.nsystems; i++) {
		const struct hub_system *s = &b->world.systems[i];

		if (s == own || s->state != SYS_LIVE ||
			br_loop_now(b->loop) - b->sources[i].moved_us > STUCK_US)
			continue;
		if (s->credit - s->outstanding - taken < room)
			room = s->credit - s->outstanding - taken;
	}
	return room > 0 ? room : 0;
}

static void look_who_moves(struct bridge *b)
{
	for (size_t i = 0; i < b->world.nsystems; i++)
		if (b->world.systems[i].outstanding < b->world.systems[i].credit)
			b->sources[i].moved_us = br_loop_now(b->loop);
}

static void take_from(struct bridge *b, size_t source, size_t *bytes)
{
	int64_t room = intake(b, source, (int64_t)b->nrecords);

	b->holding |= room == 0;
	while (room > 0 && b->nrecords < BATCH_RECORDS && *bytes < BATCH_BYTES) {
		struct bus_record *r = b->records + b->nrecords;
		size_t max = BATCH_RECORDS - b->nrecords, got;

		max = max < TAKE ? max : TAKE;
		max = (int64_t)max < room ? max : (size_t)room;
		got = bus_take_from(b->bus, (int)source, r, max);
		for (size_t i = 0; i < got; i++)
			*bytes += r[i].value.n;
		b->nrecords += got;
		room -= (int64_t)got;
		if (got < max)
			return;
	}
}

/* A batch: what is there, sources taking turns in being first. */
static void take(struct bridge *b)
{
	size_t bytes = 0;

	b->nrecords = 0;
	b->holding = false;
	look_who_moves(b);
	for (size_t i = 0; i < b->nsources; i++)
		take_from(b, (i + (size_t)b->batches) % b->nsources, &bytes);
}

static void next_batch(struct bridge *b)
{
	if (b->phase != PHASE_IDLE || b->stopping)
		return;
	hub_world_begin(&b->world, &b->arena);
	take(b);
	if (!want_room(b, b->nrecords)) {
		struct br_err err;

		br_err_clear(&err);
		br_err_set(&err, BR_E_NOMEM, NULL);
		start_over(b, &err);
		return;
	}
	want_due(b);
	if (b->nrecords == 0 && !b->want.due) {
		if (b->holding)
			br_timer_set(b->loop, &b->soon, STUCK_US);
		return;
	}
	for (size_t i = 0; i < b->nrecords; i++) {
		b->items[i].record = &b->records[i];
		decode(b, i);
	}
	b->phase = PHASE_LOADING;
	ledger_load(b->ledger, &b->world, b->positions, b->nsources, &b->want, on_loaded, b);
}

static void on_records(void *arg)
{
	next_batch(arg);
}

static void batch_done(struct bridge *b)
{
	mark_published(b);
	give_back(b);
	b->reannounce = false;
	b->phase = PHASE_IDLE;
	if (b->stopping)
		br_loop_stop(b->loop, b->status);
	else
		br_timer_set(b->loop, &b->soon, 0);
}

static void on_soon(void *arg)
{
	next_batch(arg);
}

static void publish(struct bridge *b)
{
	struct br_err err;
	bool fatal = false;

	br_err_clear(&err);
	if (!hub_publish(b->publisher, &b->world, &err, &fatal)) {
		b->blocked = !fatal;
		if (fatal)
			start_over(b, &err);
		return;
	}
	b->phase = PHASE_BEGINNING;
	b->begin_at = 0;
	begin_next(b);
}

/* ---- answering a HELLO: BEGIN, outstanding commands, FENCE ---- */

static const struct hub_out *fence_of(const struct bridge *b, const struct hub_system *s)
{
	const struct hub_out *last = NULL;

	for (const struct hub_out *o = b->world.begins ? b->world.outs : NULL; o; o = o->next)
		if (o->kind == OUT_FENCE && o->sys == s)
			last = o;
	return last;
}

static void send_begin(struct bridge *b)
{
	struct hub_system *s = &b->world.systems[b->begin_at];
	struct hub_out again = {
		.kind = OUT_FENCE, .sys = s, .nonce = br_str_z(s->nonce), .sweep = SWEEP_NONE};
	struct br_err err;
	bool fatal = false;

	br_err_clear(&err);
	again.attempted = !s->transactional;
	if (!hub_publish_begin(b->publisher, &b->side, s, b->reannounce ? &again : fence_of(b, s),
		    &err, &fatal)) {
		b->blocked = !fatal;
		if (fatal)
			start_over(b, &err);
		return;
	}
	b->begin_at++;
	begin_next(b);
}

static void on_inflight(void *arg, const struct br_err *err)
{
	if (err)
		start_over(arg, err);
	else
		send_begin(arg);
}

/* The side world shares the systems (and their sequence numbers) with the batch's. */
static void side_world(struct bridge *b)
{
	b->side.schema = b->world.schema;
	b->side.systems = b->world.systems;
	b->side.nsystems = b->world.nsystems;
	b->side.incarnation = b->world.incarnation;
	hub_world_begin(&b->side, &b->side_arena);
}

static void begin_next(struct bridge *b)
{
	while (b->begin_at < b->world.nsystems) {
		struct hub_system *s = &b->world.systems[b->begin_at];

		if (!s->left_out &&
			(b->reannounce ? s->nonce[0] != '\0' : fence_of(b, s) != NULL)) {
			side_world(b);
			ledger_load_inflight(b->ledger, &b->side, s, on_inflight, b);
			return;
		}
		b->begin_at++;
	}
	batch_done(b);
}

/* ---- opening ---- */

static void on_unpublished(void *arg, const struct br_err *err)
{
	struct bridge *b = arg;

	if (err) {
		start_over(b, err);
		return;
	}
	br_info("the bridge is up", L_INT("incarnation", b->world.incarnation),
		L_INT("systems", (int64_t)b->world.nsystems));
	/* what may not have got out: changed cases and their history; then every connector is told
	 * again where it stands */
	b->phase = PHASE_PUBLISHING;
	b->reannounce = true;
	publish(b);
}

static int open_bus(struct bridge *b, struct br_err *err)
{
	struct bus_events events = {
		.on_records = on_records, .on_acked = on_acked, .on_fatal = on_bus_fatal, .arg = b};

	b->bus = bus_new(b->loop, b->site, "casebridge-bridge", &events, err);
	if (!b->bus)
		return -(int)br_err_code(err);
	b->publisher = hub_publisher_new(b->bus, b->site, &b->world, err);
	if (!b->publisher)
		return -(int)br_err_code(err);
	for (size_t i = 0; i < b->nsources; i++) {
		int n = bus_assign(b->bus, b->sources[i].topic, 0, b->positions[i].next, NULL, err);

		if (n < 0)
			return n;
	}
	return 0;
}

static void on_opened(void *arg, const struct br_err *err)
{
	struct bridge *b = arg;
	struct br_err e;

	if (err) {
		start_over(b, err);
		return;
	}
	memcpy(b->next, b->positions, b->nsources * sizeof(*b->next));
	br_err_clear(&e);
	b->phase = PHASE_REVIEWING;
	if (open_bus(b, &e) < 0) {
		start_over(b, &e);
		return;
	}
	hub_world_begin(&b->world, &b->arena);
	ledger_load_unpublished(b->ledger, &b->world, b->positions, b->nsources, on_unpublished, b);
}

static void open_all(void *arg)
{
	struct bridge *b = arg;
	struct br_err err;

	close_all(b);
	br_err_clear(&err);
	b->phase = PHASE_OPENING;
	b->blocked = false;
	hub_world_begin(&b->world, &b->arena);
	b->ledger = ledger_new(b->loop, b->site->ledger_dsn.p, on_lost, b, &err);
	if (!b->ledger) {
		start_over(b, &err);
		return;
	}
	br_timer_set(b->loop, &b->ping, 0);
	ledger_open(b->ledger, &b->world, b->positions, b->nsources, on_opened, b);
}

/* ---- timers and signals ---- */

static void on_ping(void *arg)
{
	struct bridge *b = arg;
	int64_t every_ms = 5000;

	for (size_t i = 0; i < b->world.nsystems; i++) {
		struct cfg_system *s = cfg_site_system(b->site, b->world.systems[i].code);

		if (s && s->lease_ms / 4 < every_ms && s->lease_ms > 0)
			every_ms = s->lease_ms / 4;
	}
	if (b->publisher && b->phase >= PHASE_IDLE)
		hub_publish_pings(b->publisher, &b->world, br_wall_us() / 1000);
	br_timer_set(b->loop, &b->ping, every_ms * 1000);
}

static void on_figures(void *arg)
{
	struct bridge *b = arg;

	for (size_t i = 0; b->batches != b->shown && i < b->world.nsystems; i++) {
		const struct hub_system *s = &b->world.systems[i];

		const struct br_log_field fields[] = {
			L_STR("system", s->code),
#define X(name) L_INT(#name, s->count.name),
			HUB_COUNTERS(X)
#undef X
				{BR_F_END, NULL, {NULL, 0}, 0, NULL},
		};

		br_log_write(BR_LOG_INFO, "figures", fields);
	}
	b->shown = b->batches;
	br_timer_set(b->loop, &b->figures, FIGURES_US);
}

static void on_signal(void *arg, int signo)
{
	struct bridge *b = arg;

	if (signo == SIGHUP)
		return;
	br_info("the bridge stops after this batch");
	b->stopping = true;
	if (b->phase == PHASE_IDLE || b->phase == PHASE_CLOSED || b->phase == PHASE_OPENING)
		br_loop_stop(b->loop, 0);
}

/* ---- construction ---- */

static enum case_owner role_of(const struct cfg_system *c)
{
	return br_str_eq(c->role, BR_STR("portal")) ? CASE_OWNER_PORTAL : CASE_OWNER_DEPARTMENT;
}

static int make(struct bridge *b, const struct cfg_site *site, const struct case_schema *schema,
	struct map_set *const *maps)
{
	size_t n = site->nsystems, all = n + site->nleft_out, i = 0;

	b->site = site;
	br_arena_init(&b->arena, BATCH_ARENA);
	br_arena_init(&b->side_arena, BATCH_ARENA);
	br_buf_init(&b->world.scratch, 16 << 20);
	br_buf_init(&b->world.delta, 16 << 20);
	br_buf_init(&b->side.scratch, 16 << 20);
	br_buf_init(&b->side.delta, 16 << 20);
	b->world.schema = schema;
	b->world.nsystems = n;
	b->nsources = n + 1;
	b->world.systems = calloc(all, sizeof(*b->world.systems));
	b->sources = calloc(n + 1, sizeof(*b->sources));
	b->positions = calloc(n + 1, sizeof(*b->positions));
	b->next = calloc(n + 1, sizeof(*b->next));
	b->records = calloc(BATCH_RECORDS, sizeof(*b->records));
	b->items = calloc(BATCH_RECORDS, sizeof(*b->items));
	if (!b->world.systems || !b->sources || !b->positions || !b->next || !b->records ||
		!b->items)
		return -BR_E_NOMEM;
	for (struct cfg_system *c = site->systems; c; c = c->next, i++) {
		struct hub_system *s = &b->world.systems[i];

		s->code = c->name;
		s->role = role_of(c);
		s->maps = maps[i];
		s->items = &c->items;
		s->credit = c->credit;
		s->state = c->start_live ? SYS_LIVE : SYS_TRIAL;
		b->sources[i].sys = s;
		snprintf(b->sources[i].topic, sizeof(b->sources[i].topic), "%.*s.in.%.*s",
			BR_STR_ARG(site->topic_prefix), BR_STR_ARG(c->name));
	}
	for (const struct cfg_system *c = site->left_out; c; c = c->next)
		if (c->named)
			b->world.systems[b->world.nsystems++] = (struct hub_system){.code = c->name,
				.role = role_of(c),
				.role_unknown = !c->role_known,
				.left_out = true};
	snprintf(b->sources[n].topic, sizeof(b->sources[n].topic), "%.*s.ctl",
		BR_STR_ARG(site->topic_prefix));
	for (i = 0; i <= n; i++)
		b->positions[i] = b->next[i] = (struct ledger_position){
			.topic = br_str_z(b->sources[i].topic), .sys = b->sources[i].sys};
	return 0;
}

static void release(struct bridge *b)
{
	for (size_t i = 0; b->world.systems && i < b->world.nsystems; i++)
		free((char *)b->world.systems[i].cursor.p);
	br_buf_release(&b->world.scratch);
	br_buf_release(&b->world.delta);
	br_buf_release(&b->side.scratch);
	br_buf_release(&b->side.delta);
	HASH_CLEAR(hh, b->world.cases);
	HASH_CLEAR(hh, b->world.links);
	HASH_CLEAR(hh, b->world.keys);
	HASH_CLEAR(hh, b->side.cases);
	HASH_CLEAR(hh, b->side.links);
	HASH_CLEAR(hh, b->side.keys);
	br_arena_release(&b->arena);
	br_arena_release(&b->side_arena);
	free(b->world.systems);
	free(b->sources);
	free(b->positions);
	free(b->next);
	free(b->records);
	free(b->items);
	free(b);
}

struct bridge *hub_bridge_start(struct br_loop *l, const struct cfg_site *site,
	const struct case_schema *schema, struct map_set *const *maps)
{
	struct bridge *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	if (make(b, site, schema, maps) < 0) {
		release(b);
		return NULL;
	}
	b->loop = l;
	b->backoff_us = RETRY_FIRST_US;
	b->timer = (struct br_timer){.fn = open_all, .arg = b};
	b->ping = (struct br_timer){.fn = on_ping, .arg = b};
	b->soon = (struct br_timer){.fn = on_soon, .arg = b};
	b->figures = (struct br_timer){.fn = on_figures, .arg = b};
	br_loop_on_signal(l, on_signal, b);
	br_timer_set(l, &b->timer, 0);
	br_timer_set(l, &b->figures, FIGURES_US);
	return b;
}

void hub_bridge_free(struct bridge *b)
{
	close_all(b);
	br_timer_set(b->loop, &b->figures, -1);
	br_timer_set(b->loop, &b->soon, -1);
	br_timer_set(b->loop, &b->timer, -1);
	release(b);
}

int hub_bridge_run(struct br_loop *l, const struct cfg_site *site, const struct case_schema *schema,
	struct map_set *const *maps)
{
	struct bridge *b = hub_bridge_start(l, site, schema, maps);
	int status;

	if (!b)
		return 75;
	status = br_loop_run(l);
	on_figures(b);
	hub_bridge_free(b);
	return status;
}
