/*
 * hub_bridge.c - the loop around the fold: how the bridge opens, starts over and stops.
 *
 * It opens in steps: the ledger connects, the bus is made, the journal is looked into and the
 * ledger catches up with it (hub_bridge_journal.c), what may not have got out is reviewed. From
 * then on batches run (hub_bridge_pipeline.c), until something is lost: then all is closed and
 * opened again.
 */
#include "hub_bridge_internal.h"
#include "hub_publish.h"

#include "br_crash.h"
#include "br_log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define SIDE_ARENA   (512u << 20)
#define RECORD_BYTES (1u << 20)
#define CLOSE_MS     3000
#define RETRY_MAX_US 5000000
#define FIGURES_US   60000000

/* ---- start and start over ---- */

static void close_all(struct bridge *b)
{
	for (size_t i = 0; i < BR_LEN(b->slot); i++) {
		hub_batch_give_back(&b->slot[i].batch, b->bus);
		b->slot[i].stage = STAGE_FREE;
		b->slot[i].record = 0;
	}
	hub_journal_free(b->journal);
	b->journal = NULL;
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

/* One that says what to do about it, after which it goes on: as long as nobody has done it, there
 * is nothing that could be harmed. */
static bool is_ledger_to_come(const struct br_err *err)
{
	return br_err_code(err) == BR_E_HUB_LEDGER_EMPTY || br_err_code(err) == BR_E_HUB_LEDGER_OLD;
}

void bridge_start_over(struct bridge *b, const struct br_err *err)
{
	if (b->phase == PHASE_CLOSED)
		return;
	b->phase = PHASE_CLOSED;
	b->blocked = false;
	if (err && br_err_class((int)br_err_code(err)) == BR_CLASS_FATAL &&
		!is_ledger_to_come(err)) {
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

bool bridge_is_answer(struct bridge *b, const struct br_err *err)
{
	if (b->phase == PHASE_CLOSED)
		return false;
	if (err)
		bridge_start_over(b, err);
	return !err;
}

static void on_lost(void *arg, const struct br_err *err)
{
	bridge_start_over(arg, err);
}

static void on_bus_fatal(void *arg, const struct br_err *err)
{
	bridge_start_over(arg, err);
}

/* ---- opening ---- */

static void on_unpublished(void *arg, const struct br_err *err)
{
	struct bridge *b = arg;
	struct hub_world *w = &b->first->batch.world;
	struct br_err no_memory;

	if (!bridge_is_answer(b, err))
		return;
	/* also of a row that was left out for want of it */
	hub_world_check(w);
	if (w->failed) {
		br_err_clear(&no_memory);
		br_err_set(&no_memory, BR_E_NOMEM, NULL);
		bridge_start_over(b, &no_memory);
		return;
	}
	BR_CRASH_POINT("bridge.reviewed");
	/* a new process may stand still while it tells that, as with what it has stored itself */
	if (b->ours[b->nsources].next == 0)
		memcpy(b->ours, b->next, b->nrows * sizeof(*b->ours));
	br_info("the bridge is up", L_INT("incarnation", w->incarnation),
		L_INT("systems", (int64_t)b->nsystems));
	/* what may not have got out: changed cases and their history; then every connector is told
	 * again where it stands */
	b->phase = PHASE_OPEN;
	b->reannounce = true;
	memcpy(b->first->after, b->next, b->nrows * sizeof(*b->next));
	b->first->stage = STAGE_STORED;
	/* a connector's lease may be waiting for it */
	br_timer_set(b->loop, &b->ping, 0);
	bridge_go_on(b);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct ledger_position range_of(
	const struct ledger_position *source, int64_t from, int64_t to)
{
	return (struct ledger_position){
		.topic = source->topic, .sys = source->sys, .published = from, .next = to};
}

/* What is not known to have got out. And what this process told since it last stored something may
 * have come late, behind what another bridge told meanwhile: it is told again as it is now, or an
 * older version of a case would stay the newest on its topic. Not what the other one has done: that
 * may be the work of days. */
static size_t find_what_to_review(struct bridge *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->nrows; i++) {
		const struct ledger_position *s = b->next + i, *o = b->ours + i;
		int64_t late = least(o->next, s->published);
		/* the last row counts batches, which stand below 0 */
		bool batches = i == b->nsources;

		b->review[n++] = batches ? range_of(s, -s->next, -s->published)
					 : range_of(s, s->published, s->next);
		b->review[n++] = batches ? range_of(s, -late, -o->published)
					 : range_of(s, o->published, late);
	}
	return n;
}

void bridge_review(struct bridge *b)
{
	/* as after any start */
	for (size_t i = 0; i < b->nsystems; i++) {
		b->systems[i].gap = false;
		b->systems[i].backlog = true;
	}
	b->phase = PHASE_REVIEWING;
	hub_world_begin(&b->first->batch.world, &b->first->batch.arena);
	ledger_load_unpublished(b->ledger, &b->first->batch.world, b->review,
		find_what_to_review(b), on_unpublished, b);
}

/* Records have come, or it is time to look again. */
static void on_wake(void *arg)
{
	bridge_go_on(arg);
}

static int open_bus(struct bridge *b, struct br_err *err)
{
	struct bus_events events = {.on_records = on_wake,
		.on_acked = bridge_on_acked,
		.on_fatal = on_bus_fatal,
		.arg = b};

	b->bus = bus_new(b->loop, b->site, "casebridge-bridge", &events, err);
	if (!b->bus)
		return -(int)br_err_code(err);
	b->publisher = hub_publisher_new(b->bus, b->site, &b->first->batch.world, err);
	if (!b->publisher)
		return -(int)br_err_code(err);
	b->journal_to = bus_topic(b->bus, b->journal_topic, err);
	return b->journal_to < 0 ? b->journal_to : 0;
}

int bridge_listen(struct bridge *b, struct br_err *err)
{
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
		bridge_start_over(b, err);
		return;
	}
	br_err_clear(&e);
	BR_CRASH_POINT("bridge.opened");
	if (open_bus(b, &e) < 0) {
		bridge_start_over(b, &e);
		return;
	}
	b->ahead->batch.world.incarnation = b->first->batch.world.incarnation;
	bridge_look_into_journal(b);
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
		bridge_start_over(b, &err);
		return;
	}
	b->told_before = 0;
	b->first->batch.world.incarnation = b->given;
	for (size_t i = 0; i < b->nsystems; i++)
		b->systems[i].state = b->systems[i].first_state;
	br_timer_set(b->loop, &b->ping, 0);
	ledger_open(b->ledger, &b->first->batch.world, b->next, b->nrows, on_opened, b);
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
	if (b->publisher && b->phase >= PHASE_OPEN && bus_acked(b->bus) >= b->told_before)
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

static void on_forgotten(void *arg, const struct br_err *err)
{
	(void)arg;
	if (err)
		br_warn("what records held long ago could not be cleaned up", L_ERR(err));
}

static void on_figures(void *arg)
{
	struct bridge *b = arg;

	if (b->phase >= PHASE_OPEN && !b->stopping)
		ledger_forget_past(b->ledger, on_forgotten, b);
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
		bridge_go_on(b);
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
			.first_state = c->start_live ? SYS_LIVE : SYS_TRIAL};
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
	s->before = calloc(b->nrows, sizeof(*s->before));
	s->after = calloc(b->nrows, sizeof(*s->after));
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
	b->nrows = n + 2;
	b->systems = calloc(n + site->nleft_out + 1, sizeof(*b->systems));
	b->sources = calloc(n + 1, sizeof(*b->sources));
	b->next = calloc(b->nrows, sizeof(*b->next));
	b->ours = calloc(b->nrows, sizeof(*b->ours));
	b->review = calloc(2 * b->nrows, sizeof(*b->review));
	if (!b->systems || !b->sources || !b->next || !b->ours || !b->review)
		return -BR_E_NOMEM;
	make_systems(b, site, maps);
	snprintf(b->sources[n].topic, sizeof(b->sources[n].topic), "%.*s.ctl",
		BR_STR_ARG(site->topic_prefix));
	for (size_t i = 0; i <= n; i++) {
		b->sources[i].poison = -1;
		b->next[i] = (struct ledger_position){
			.topic = br_str_z(b->sources[i].topic), .sys = b->sources[i].sys};
		b->ours[i] = b->next[i];
	}
	snprintf(b->journal_topic, sizeof(b->journal_topic), "%.*s.folded",
		BR_STR_ARG(site->topic_prefix));
	b->next[b->nsources].topic = br_str_z(b->journal_topic);
	b->ours[b->nsources] = b->next[b->nsources];
	b->side = (struct hub_world){
		.schema = schema, .systems = b->systems, .nsystems = b->nsystems};
	b->first = &b->slot[0];
	b->ahead = &b->slot[1];
	for (size_t i = 0; i < BR_LEN(b->slot); i++)
		rc |= make_slot(b, &b->slot[i]);
	b->site_sum = hub_folded_site(&b->side);
	br_buf_init(&b->record, RECORD_BYTES);
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
	br_buf_release(&b->record);
	br_arena_release(&b->side_arena);
	free(b->systems);
	free(b->sources);
	free(b->next);
	free(b->ours);
	free(b->review);
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
	b->soon = (struct br_timer){.fn = on_wake, .arg = b};
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
