/*
 * hub_bridge.c - the loop around the fold.
 *
 * Two batches are on their way, and there is one order of everything: they are folded, stored and
 * published one behind the other. While one is stored, the other is taken, decoded, loaded (the
 * ledger finds what the first has changed in the first's world) and folded, and its statements are
 * sent behind those of the first.
 *
 *     take | load | fold | store                  | publish
 *                          take | load | fold | (waits) store            | publish
 *                                                          take | load | fold | ...
 */
#include "hub_bridge.h"

#include "bus.h"
#include "hub_batch.h"
#include "hub_publish.h"
#include "hub_step.h"
#include "ledger.h"

#include "br_crash.h"
#include "br_log.h"
#include "br_rule.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define SIDE_ARENA     (512u << 20)
#define CLOSE_MS       3000
#define LOOK_AGAIN_US  500000 /* whether a target at its credit still stands in the way */
#define RETRY_FIRST_US 100000
#define RETRY_MAX_US   5000000
#define FIGURES_US     60000000
#define REFUSED_MAX    20 /* records in a row that the ledger refuses: not they are what is wrong */

enum phase {
	PHASE_CLOSED,	 /* nothing open; a timer starts over */
	PHASE_OPENING,	 /* the ledger connects */
	PHASE_REVIEWING, /* loading outputs that may not have got out before the last stop */
	PHASE_OPEN,
	PHASE_BEGINNING, /* the same, and the ledger loads what a starting connector must settle */
};

/* How far a batch is. */
enum stage {
	STAGE_FREE,
	STAGE_TAKEN,
	STAGE_LOADING, /* what it can touch, then the same by match keys */
	STAGE_LOADED,
	STAGE_STORING,	 /* folded */
	STAGE_STORED,	 /* being published */
	STAGE_PUBLISHED, /* the other one may still look into its world */
};

struct slot {
	struct bridge *bridge;
	struct hub_batch batch;
	enum stage stage;
	struct ledger_position *before, *after; /* the fold */
};

/* Outputs up to this ticket belong to inputs before these positions. */
struct watermark {
	uint64_t ticket;
	int64_t *next;
};

struct bridge {
	struct br_loop *loop;
	const struct cfg_site *site;
	struct slot slot[2], *first, *ahead; /* first: of the two the one that was folded first */
	struct hub_world side;		     /* loads outside a batch */
	struct br_arena side_arena;
	struct ledger *ledger;
	struct bus *bus;
	struct hub_publisher *publisher;
	struct hub_system *systems;
	size_t nsystems;
	struct hub_source *sources;
	struct ledger_position *next; /* behind what was folded last */
	size_t nsources;
	enum phase phase;
	bool blocked;	 /* Kafka's queue was full: goes on with the next acknowledgement */
	bool reannounce; /* after a start every connector is told where it stands */
	size_t begin_at; /* system whose HELLO is being answered */
	struct br_timer timer, ping, figures, soon;
	int64_t backoff_us;
	bool stopping;
	int status;
	unsigned refused; /* records in a row */
	struct watermark marks[64];
	size_t nmarks;
	int64_t batches;
	int64_t shown; /* batches when the figures were logged last */
};

static void go_on(struct bridge *b);
static bool publish(struct bridge *b);
static bool begin_next(struct bridge *b);
static void send_begin(struct bridge *b);

/* ---- start and start over ---- */

static void close_all(struct bridge *b)
{
	for (size_t i = 0; i < BR_LEN(b->slot); i++) {
		hub_batch_give_back(&b->slot[i].batch, b->bus);
		b->slot[i].stage = STAGE_FREE;
	}
	hub_publisher_free(b->publisher);
	b->publisher = NULL;
	bus_free(b->bus, CLOSE_MS);
	b->bus = NULL;
	ledger_free(b->ledger);
	b->ledger = NULL;
	while (b->nmarks)
		free(b->marks[--b->nmarks].next);
	b->phase = PHASE_CLOSED;
	b->blocked = false;
	br_timer_set(b->loop, &b->ping, -1);
}

/* Closed later, not from inside a callback of what is being closed. */
static void start_over(struct bridge *b, const struct br_err *err)
{
	if (b->phase == PHASE_CLOSED)
		return;
	b->phase = PHASE_CLOSED;
	b->blocked = false;
	if (err && br_err_class((int)br_err_code(err)) == BR_CLASS_FATAL) {
		br_error("the bridge stops", L_ERR(err));
		b->status = 78;
		br_loop_stop(b->loop, 78);
		return;
	}
	if (err)
		br_warn("the bridge starts over", L_ERR(err));
	BR_CRASH_POINT("bridge.starting_over");
	br_timer_set(b->loop, &b->timer, b->backoff_us);
	b->backoff_us = b->backoff_us * 2 < RETRY_MAX_US ? b->backoff_us * 2 : RETRY_MAX_US;
}

/* An answer of the ledger: false when it comes too late, for all is being closed, or tells of
 * trouble, which is seen to here. */
static bool is_answer(struct bridge *b, const struct br_err *err)
{
	if (b->phase == PHASE_CLOSED)
		return false;
	if (err)
		start_over(b, err);
	return !err;
}

static void out_of_memory(struct bridge *b)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_NOMEM, NULL);
	start_over(b, &err);
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
		BR_CRASH_POINT("bridge.acked");
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
	if (b->phase == PHASE_BEGINNING)
		send_begin(b);
	else
		go_on(b);
}

static void mark_published(struct bridge *b, const struct slot *s)
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
		m->next[i] = s->after[i].next;
	b->nmarks++;
}

/* ---- a batch: take, load, fold, store, publish ---- */

/* Content, not circumstances: what is wrong with it will be wrong again. */
static bool is_refusal(const struct br_err *err)
{
	static const char *const classes[] = {"21", "22", "23", "54"};
	const char *state = br_err_detail(err, "sqlstate");

	for (size_t i = 0; state && i < BR_LEN(classes); i++)
		if (strncmp(state, classes[i], 2) == 0)
			return true;
	return false;
}

static void on_stored(void *arg, const struct br_err *err)
{
	struct slot *s = arg;
	struct bridge *b = s->bridge;
	bool single = hub_batch_is_single(&s->batch);

	if (err && hub_batch_may_be_refused(&s->batch) && is_refusal(err) &&
		b->refused < REFUSED_MAX && b->phase != PHASE_CLOSED) {
		b->refused += single;
		hub_batch_refused(&s->batch, b->sources, err);
		b->backoff_us = RETRY_FIRST_US;
	}
	if (!is_answer(b, err))
		return;
	BR_CRASH_POINT("bridge.stored");
	s->stage = STAGE_STORED;
	b->batches++;
	b->backoff_us = RETRY_FIRST_US;
	if (!single)
		b->refused = 0;
	go_on(b);
}

static bool moved(const struct bridge *b, const struct slot *s)
{
	for (size_t i = 0; i < b->nsources; i++)
		if (s->before[i].next != s->after[i].next)
			return true;
	return false;
}

/*
 * Nothing is folded before a HELLO is answered, for its answer is what the ledger then holds. And
 * behind a batch that moves no position nothing is sent: whether it was stored could not be told.
 */
static bool holds_up(const struct bridge *b, const struct slot *s)
{
	return s->stage == STAGE_STORING
		       ? s->batch.world.begins || (!moved(b, s) && !BR_WITHOUT(MOVED))
		       : s->stage == STAGE_STORED && (s->batch.world.begins || b->reannounce);
}

static void fold_and_store(struct bridge *b, struct slot *s)
{
	BR_CRASH_POINT("bridge.folding");
	memcpy(s->before, b->next, b->nsources * sizeof(*b->next));
	hub_batch_fold(&s->batch, b->sources, b->next, br_loop_now(b->loop));
	memcpy(s->after, b->next, b->nsources * sizeof(*b->next));
	s->stage = STAGE_STORING;
	BR_CRASH_POINT("bridge.folded");
	ledger_store(b->ledger, &s->batch.world, s->before, s->after, b->nsources, on_stored, s);
}

static void on_matched(void *arg, const struct br_err *err)
{
	struct slot *s = arg;

	if (!is_answer(s->bridge, err))
		return;
	BR_CRASH_POINT("bridge.matched");
	s->stage = STAGE_LOADED;
	go_on(s->bridge);
}

/* What the batch must find as the other one leaves it. */
static const struct hub_world *newer_than(const struct bridge *b, const struct slot *s)
{
	const struct slot *other = s == b->first ? b->ahead : b->first;

	return other->stage >= STAGE_STORING && !BR_WITHOUT(NEWER) ? &other->batch.world : NULL;
}

static void on_loaded(void *arg, const struct br_err *err)
{
	struct slot *s = arg;
	struct bridge *b = s->bridge;

	if (!is_answer(b, err))
		return;
	BR_CRASH_POINT("bridge.loaded");
	if (!hub_batch_want_matches(&s->batch, b->sources))
		on_matched(s, NULL);
	else
		ledger_load(b->ledger, &s->batch.world, newer_than(b, s), &s->batch.want,
			on_matched, s);
}

static bool take(struct bridge *b, struct slot *s)
{
	if (hub_batch_take(&s->batch, b->bus, b->sources, b->nsources, b->next, (size_t)b->batches,
		    br_loop_now(b->loop)) < 0) {
		out_of_memory(b);
		return false;
	}
	if (s->batch.n == 0 && s->batch.holding)
		br_timer_set(b->loop, &b->soon, LOOK_AGAIN_US);
	if (s->batch.n > 0 || hub_batch_want_waiting(&s->batch, b->sources, (size_t)b->batches))
		s->stage = STAGE_TAKEN;
	return true;
}

static void load(struct bridge *b, struct slot *s)
{
	hub_batch_want_waiting(&s->batch, b->sources, (size_t)b->batches);
	if (b->first->stage == STAGE_STORING && ledger_wants_quiet(&s->batch.want))
		return;
	BR_CRASH_POINT("bridge.taken");
	s->stage = STAGE_LOADING;
	ledger_load(b->ledger, &s->batch.world, newer_than(b, s), &s->batch.want, on_loaded, s);
}

/* Gives the ledger what it can do next. */
static void feed_ledger(struct bridge *b)
{
	if (b->ahead->stage == STAGE_LOADED && !holds_up(b, b->first))
		fold_and_store(b, b->ahead);
	if (b->first->stage == STAGE_FREE && b->ahead->stage >= STAGE_STORING) {
		struct slot *folded = b->ahead;

		b->ahead = b->first;
		b->first = folded;
	}
	if (b->ahead->stage == STAGE_FREE && !take(b, b->ahead))
		return;
	if (b->ahead->stage == STAGE_TAKEN)
		load(b, b->ahead);
}

/* Does what can be done next: the ledger works while what it has stored goes out. */
static void go_on(struct bridge *b)
{
	do {
		if (b->phase < PHASE_OPEN)
			return;
		if (b->first->stage == STAGE_PUBLISHED && b->ahead->stage != STAGE_LOADING) {
			hub_batch_give_back(&b->first->batch, b->bus);
			b->first->stage = STAGE_FREE;
		}
		if (!b->stopping) {
			feed_ledger(b);
		} else if (b->first->stage < STAGE_STORING && b->ahead->stage < STAGE_STORING) {
			/* what is only loaded will be taken again */
			br_loop_stop(b->loop, b->status);
			return;
		}
	} while (b->phase == PHASE_OPEN && b->first->stage == STAGE_STORED && !b->blocked &&
		 publish(b));
}

static void on_records(void *arg)
{
	go_on(arg);
}

static void on_soon(void *arg)
{
	go_on(arg);
}

static void batch_done(struct bridge *b)
{
	BR_CRASH_POINT("bridge.published");
	mark_published(b, b->first);
	b->reannounce = false;
	b->first->stage = STAGE_PUBLISHED;
	if (b->phase == PHASE_BEGINNING)
		b->phase = PHASE_OPEN;
}

/* True: all of the first batch is out. */
static bool publish(struct bridge *b)
{
	struct hub_world *w = &b->first->batch.world;
	struct br_err err;
	bool fatal = false;

	br_err_clear(&err);
	if (!hub_publish(b->publisher, w, &err, &fatal)) {
		b->blocked = !fatal;
		if (fatal)
			start_over(b, &err);
		return false;
	}
	b->begin_at = 0;
	if (w->begins || b->reannounce)
		return begin_next(b);
	batch_done(b);
	return true;
}

/* ---- answering a HELLO: BEGIN, outstanding commands, FENCE ---- */

static const struct hub_out *fence_of(const struct bridge *b, const struct hub_system *s)
{
	const struct hub_world *w = &b->first->batch.world;
	const struct hub_out *last = NULL;

	for (const struct hub_out *o = w->begins ? w->outs : NULL; o; o = o->next)
		if (o->kind == OUT_FENCE && o->sys == s)
			last = o;
	return last;
}

static void send_begin(struct bridge *b)
{
	struct hub_system *s = &b->systems[b->begin_at];
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
	if (begin_next(b))
		go_on(b);
}

static void on_inflight(void *arg, const struct br_err *err)
{
	if (!is_answer(arg, err))
		return;
	BR_CRASH_POINT("bridge.answering_hello");
	send_begin(arg);
}

static void side_world(struct bridge *b)
{
	b->side.incarnation = b->first->batch.world.incarnation;
	hub_world_begin(&b->side, &b->side_arena);
}

/* True: every starting connector has been answered, and all of the first batch is out. */
static bool begin_next(struct bridge *b)
{
	while (b->begin_at < b->nsystems) {
		struct hub_system *s = &b->systems[b->begin_at];

		if (!s->left_out &&
			(b->reannounce ? s->nonce[0] != '\0' : fence_of(b, s) != NULL)) {
			side_world(b);
			b->phase = PHASE_BEGINNING;
			ledger_load_inflight(b->ledger, &b->side, s, on_inflight, b);
			return false;
		}
		b->begin_at++;
	}
	batch_done(b);
	return true;
}

/* ---- opening ---- */

static void on_unpublished(void *arg, const struct br_err *err)
{
	struct bridge *b = arg;

	if (!is_answer(b, err))
		return;
	BR_CRASH_POINT("bridge.reviewed");
	br_info("the bridge is up", L_INT("incarnation", b->first->batch.world.incarnation),
		L_INT("systems", (int64_t)b->nsystems));
	/* what may not have got out: changed cases and their history; then every connector is told
	 * again where it stands */
	b->phase = PHASE_OPEN;
	b->reannounce = true;
	memcpy(b->first->after, b->next, b->nsources * sizeof(*b->next));
	b->first->stage = STAGE_STORED;
	/* a connector's lease may be waiting for it */
	br_timer_set(b->loop, &b->ping, 0);
	go_on(b);
}

static int open_bus(struct bridge *b, struct br_err *err)
{
	struct bus_events events = {
		.on_records = on_records, .on_acked = on_acked, .on_fatal = on_bus_fatal, .arg = b};

	b->bus = bus_new(b->loop, b->site, "casebridge-bridge", &events, err);
	if (!b->bus)
		return -(int)br_err_code(err);
	b->publisher = hub_publisher_new(b->bus, b->site, &b->first->batch.world, err);
	if (!b->publisher)
		return -(int)br_err_code(err);
	for (size_t i = 0; i < b->nsources; i++) {
		int n = bus_assign(b->bus, b->sources[i].topic, 0, b->next[i].next, NULL, err);

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
	br_err_clear(&e);
	b->phase = PHASE_REVIEWING;
	BR_CRASH_POINT("bridge.opened");
	if (open_bus(b, &e) < 0) {
		start_over(b, &e);
		return;
	}
	b->ahead->batch.world.incarnation = b->first->batch.world.incarnation;
	hub_world_begin(&b->first->batch.world, &b->first->batch.arena);
	ledger_load_unpublished(
		b->ledger, &b->first->batch.world, b->next, b->nsources, on_unpublished, b);
}

static void open_all(void *arg)
{
	struct bridge *b = arg;
	struct br_err err;

	close_all(b);
	if (b->stopping) {
		br_loop_stop(b->loop, b->status);
		return;
	}
	br_err_clear(&err);
	b->phase = PHASE_OPENING;
	hub_world_begin(&b->first->batch.world, &b->first->batch.arena);
	b->ledger = ledger_new(b->loop, b->site->ledger_dsn.p, on_lost, b, &err);
	if (!b->ledger) {
		start_over(b, &err);
		return;
	}
	br_timer_set(b->loop, &b->ping, 0);
	ledger_open(b->ledger, &b->first->batch.world, b->next, b->nsources, on_opened, b);
}

/* ---- timers and signals ---- */

static void on_ping(void *arg)
{
	struct bridge *b = arg;
	int64_t every_ms = 5000;

	for (size_t i = 0; i < b->nsystems; i++) {
		struct cfg_system *s = cfg_site_system(b->site, b->systems[i].code);

		if (s && s->lease_ms / 4 < every_ms && s->lease_ms > 0)
			every_ms = s->lease_ms / 4;
	}
	BR_CRASH_POINT("bridge.ping");
	if (b->publisher && b->phase >= PHASE_OPEN)
		hub_publish_pings(b->publisher, &b->first->batch.world, br_wall_us() / 1000);
	br_timer_set(b->loop, &b->ping, every_ms * 1000);
}

/* Something was lost or counted twice: people must know, and again every minute. */
static void tell_imbalance(const struct hub_system *s)
{
	struct br_err err;

	if (hub_adds_up(s))
		return;
	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_COUNTERS, "system", s->code.p, NULL);
	br_error("an alert", L_ERR(&err));
}

static void on_figures(void *arg)
{
	struct bridge *b = arg;

	for (size_t i = 0; b->batches != b->shown && i < b->nsystems; i++) {
		const struct hub_system *s = &b->systems[i];

		const struct br_log_field fields[] = {
			L_STR("system", s->code),
#define X(name) L_INT(#name, s->count.name),
			HUB_COUNTERS(X)
#undef X
				{BR_F_END, NULL, {NULL, 0}, 0, NULL},
		};

		br_log_write(BR_LOG_INFO, "figures", fields);
		tell_imbalance(s);
	}
	b->shown = b->batches;
	br_timer_set(b->loop, &b->figures, FIGURES_US);
}

static void on_signal(void *arg, int signo)
{
	struct bridge *b = arg;

	if (signo == SIGHUP)
		return;
	BR_CRASH_POINT("bridge.stopping");
	br_info("the bridge stops after this batch");
	b->stopping = true;
	if (b->phase == PHASE_CLOSED || b->phase == PHASE_OPENING)
		br_loop_stop(b->loop, b->status);
	else
		go_on(b);
}

/* ---- construction ---- */

static enum case_owner role_of(const struct cfg_system *c)
{
	return br_str_eq(c->role, BR_STR("portal")) ? CASE_OWNER_PORTAL : CASE_OWNER_DEPARTMENT;
}

static void make_systems(struct bridge *b, const struct cfg_site *site, struct map_set *const *maps)
{
	for (const struct cfg_system *c = site->systems; c; c = c->next, b->nsystems++) {
		size_t i = b->nsystems;

		b->systems[i] = (struct hub_system){.code = c->name,
			.role = role_of(c),
			.maps = maps[i],
			.items = &c->items,
			.credit = c->credit,
			.gone_guard = c->gone_guard,
			.state = c->start_live ? SYS_LIVE : SYS_TRIAL};
		b->sources[i].sys = &b->systems[i];
		snprintf(b->sources[i].topic, sizeof(b->sources[i].topic), "%.*s.in.%.*s",
			BR_STR_ARG(site->topic_prefix), BR_STR_ARG(c->name));
	}
	for (const struct cfg_system *c = site->left_out; c; c = c->next)
		if (c->named)
			b->systems[b->nsystems++] = (struct hub_system){.code = c->name,
				.role = role_of(c),
				.role_unknown = !c->role_known,
				.left_out = true};
}

static int make_slot(struct bridge *b, struct slot *s)
{
	s->bridge = b;
	s->before = calloc(b->nsources, sizeof(*s->before));
	s->after = calloc(b->nsources, sizeof(*s->after));
	return hub_batch_init(&s->batch, b->side.schema, b->systems, b->nsystems) |
	       (s->before && s->after ? 0 : -BR_E_NOMEM);
}

static int make(struct bridge *b, const struct cfg_site *site, const struct case_schema *schema,
	struct map_set *const *maps)
{
	size_t n = site->nsystems;
	int rc = 0;

	b->site = site;
	b->nsources = n + 1;
	b->systems = calloc(n + site->nleft_out + 1, sizeof(*b->systems));
	b->sources = calloc(n + 1, sizeof(*b->sources));
	b->next = calloc(n + 1, sizeof(*b->next));
	if (!b->systems || !b->sources || !b->next)
		return -BR_E_NOMEM;
	make_systems(b, site, maps);
	snprintf(b->sources[n].topic, sizeof(b->sources[n].topic), "%.*s.ctl",
		BR_STR_ARG(site->topic_prefix));
	for (size_t i = 0; i <= n; i++) {
		b->sources[i].poison = -1;
		b->next[i] = (struct ledger_position){
			.topic = br_str_z(b->sources[i].topic), .sys = b->sources[i].sys};
	}
	b->side = (struct hub_world){
		.schema = schema, .systems = b->systems, .nsystems = b->nsystems};
	b->first = &b->slot[0];
	b->ahead = &b->slot[1];
	for (size_t i = 0; i < BR_LEN(b->slot); i++)
		rc |= make_slot(b, &b->slot[i]);
	br_arena_init(&b->side_arena, SIDE_ARENA);
	br_buf_init(&b->side.scratch, 16u << 20);
	br_buf_init(&b->side.delta, 16u << 20);
	return rc;
}

static void release(struct bridge *b)
{
	for (size_t i = 0; i < b->nsystems; i++)
		free((char *)b->systems[i].cursor.p);
	for (size_t i = 0; b->first && i < BR_LEN(b->slot); i++) {
		hub_batch_release(&b->slot[i].batch);
		free(b->slot[i].before);
		free(b->slot[i].after);
	}
	HASH_CLEAR(hh, b->side.cases);
	HASH_CLEAR(hh, b->side.links);
	HASH_CLEAR(hh, b->side.keys);
	br_buf_release(&b->side.scratch);
	br_buf_release(&b->side.delta);
	br_arena_release(&b->side_arena);
	free(b->systems);
	free(b->sources);
	free(b->next);
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
