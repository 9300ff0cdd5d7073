#include "conn_internal.h"

#include "br_crash.h"
#include "br_log.h"
#include "br_text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define BACKOFF_FIRST_US 200000LL
#define BACKOFF_MAX_US	 10000000LL /* nobody is troubled by one try in so long */
#define BACKOFF_RAN_US	 1000000LL  /* at most, after a session that came to run */
#define STEADY_US	 10000000LL /* one that ran so long was a good one */
#define STOP_US		 8000000LL  /* for what runs to end when we are told to stop */
#define CLOSE_MS	 3000
#define MINUTE_US	 60000000LL
#define SWEEP_FIRST_US	 1000000LL /* what is new is read before everything is walked through */
#define SESSION_BYTES	 (64u << 20)
#define MESSAGE_BYTES	 (64u << 20)
#define PHASE_BYTES	 (256u << 20)
#define OUT_BYTES	 (32u << 20)

static void open_kind(struct conn *c);

/* ---- the end of a session ---- */

void conn_end(struct conn *c, enum conn_ending how, int status, const struct br_err *err)
{
	if (c->ending != END_NONE || c->stage == CONN_DOWN)
		return;
	c->ending = how;
	c->status = status;
	if (err && br_err_code(err) != BR_E_CONN_STOPPED)
		br_warn(how == END_EXIT ? "the connector ends" : "starting over", L_ERR(err));
	/* from a timer: whoever found the trouble may stand in the kind's or the bus's own stack */
	br_timer_set(c->loop, &c->reaper, 0);
}

/* Nothing we began can still be on its way, so that the next one need not wait for our lease. */
static void say_bye(struct conn *c)
{
	struct msg m = {.type = MSG_BYE};

	if (c->stage < CONN_SETTLE || c->bus_dead || !c->bus || conn_in_doubt(c))
		return;
	c->stopping = true; /* the cursor does not wait for its time */
	BR_CRASH_POINT("conn.bye");
	conn_tell_cursor(c);
	conn_emit(c, &m, NULL, BR_STR_NONE);
	BR_CRASH_POINT("conn.bye_said");
	br_info("said goodbye to the bridge", L_INT("epoch", c->epoch));
}

static void close_session(struct conn *c, int64_t drain_ms)
{
	br_timer_set(c->loop, &c->step, -1);
	br_timer_set(c->loop, &c->cursor_timer, -1);
	if (c->kind_open)
		c->kind->close(c->state);
	c->kind_open = false;
	bus_free(c->bus, c->bus_dead ? 0 : drain_ms);
	c->bus = NULL;
	conn_drop_work(c);
	conn_drop_refetches(c);
	conn_drop_missing(c);
	conn_drop_waiting(c);
	if (c->spec)
		json_decref(c->spec);
	c->spec = NULL;
	c->records = NULL;
	c->nrecords = 0;
	br_arena_reset(&c->arena);
	br_arena_reset(&c->phase_arena);
	c->stage = CONN_DOWN;
	c->ending = END_NONE;
}

static int64_t jitter(int64_t us)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = (uint32_t)br_wall_us();
	return us / 2 + (int64_t)(r % (uint64_t)us);
}

/* The system and the bridge are there when a session came to run: what it waited for before is
 * over, and the next trouble is another. Without a floor two that replace each other, or a system
 * that breaks at the first read, would go on all the time. */
static void try_later(struct conn *c, bool ran, bool steady)
{
	if (steady)
		c->backoff_us = BACKOFF_FIRST_US;
	else if (ran && c->backoff_us > BACKOFF_RAN_US)
		c->backoff_us = BACKOFF_RAN_US;
	br_timer_set(c->loop, &c->again, jitter(c->backoff_us));
	c->backoff_us = c->backoff_us * 2 > BACKOFF_MAX_US ? BACKOFF_MAX_US : c->backoff_us * 2;
}

/* Timer: the session is over. */
static void reap(void *arg)
{
	struct conn *c = arg;
	bool exits = c->ending == END_EXIT || c->stopping,
	     fenced = c->ending == END_EXIT && c->status == 75;
	bool ran = c->stage == CONN_RUN,
	     steady = ran && br_loop_now(c->loop) - c->run_since > STEADY_US;
	bool stopping = c->stopping;
	int status = c->ending == END_EXIT ? c->status : 0;

	BR_CRASH_POINT("conn.session_over");
	if (!fenced)
		say_bye(c);
	c->stopping = stopping;
	close_session(c, exits ? CLOSE_MS : 1000);
	if (exits) {
		br_timer_set(c->loop, &c->again, -1);
		br_loop_stop(c->loop, status);
	} else {
		try_later(c, ran, steady);
	}
}

void conn_failed(struct conn *c, const struct br_err *err)
{
	if (c->look) {
		conn_look_failed(c->look, err);
		return;
	}
	if (!conn_alive(c))
		return;
	/* once for each kind of trouble: it is tried again for as long as it takes */
	if (c->system_down != br_err_code(err))
		br_warn("the system is down", L_ERR(err));
	c->system_down = br_err_code(err);
	/* where we have been at work the configuration was right: what is missing now may come back
	 * (a table that is being restored) */
	if (br_err_class((int)br_err_code(err)) == BR_CLASS_FATAL && !c->worked)
		conn_end(c, END_EXIT, 78, err);
	else if (br_err_code(err) == BR_E_PG_FENCED)
		/* as when the bridge says so: two that take it from one another in turns would
		 * never end */
		conn_end(c, END_EXIT, 75, err);
	else
		conn_end(c, END_RETRY, 0, NULL);
}

/* ---- the bus ---- */

static void on_records(void *arg)
{
	conn_hear(arg);
}

static void on_acked(void *arg)
{
	struct conn *c = arg;

	if (c->ending)
		return;
	BR_CRASH_POINT("conn.acked");
	conn_flush(c);
	conn_give_intended(c);
	conn_soon(c);
}

static void on_fatal(void *arg, const struct br_err *err)
{
	struct conn *c = arg;

	c->bus_dead = true;
	conn_end(c, END_RETRY, 0, err);
}

/* One topic name for each direction. */
static void topic_name(const struct conn *c, const char *kind, char *out, size_t size)
{
	snprintf(out, size, "%.*s.%s.%.*s", BR_STR_ARG(c->site->topic_prefix), kind,
		BR_STR_ARG(c->system->name));
}

/* The end of `deliver` is taken before HELLO, so that the answer cannot be missed. */
static int open_bus(struct conn *c, struct br_err *err)
{
	const struct bus_events events = {
		.on_records = on_records, .on_acked = on_acked, .on_fatal = on_fatal, .arg = c};
	char name[300];
	int64_t at;
	int rc;

	snprintf(name, sizeof(name), "casebridge-%s", c->system_name);
	c->bus_dead = false;
	c->bus = bus_new(c->loop, c->site, name, &events, err);
	if (!c->bus)
		return -(int)br_err_code(err);
	topic_name(c, "deliver", name, sizeof(name));
	rc = bus_assign(c->bus, name, 0, BUS_AT_END, &at, err);
	if (rc < 0)
		return rc;
	topic_name(c, "in", name, sizeof(name));
	c->in_topic = bus_topic(c->bus, name, err);
	return c->in_topic < 0 ? c->in_topic : 0;
}

/* ---- the handshake ---- */

static void make_nonce(char out[2 * BR_HEX64 + 1])
{
	uint64_t r[2] = {0, 0};

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		r[0] = (uint64_t)br_wall_us();
	br_hex64(out, r[0]);
	br_hex64(out + BR_HEX64, r[1]);
	out[2 * BR_HEX64] = '\0';
}

static struct br_str caps(unsigned promises)
{
	static const char *const words[] = {"", "cas", "idempotency", "cas idempotency", "lookup",
		"cas lookup", "idempotency lookup", "cas idempotency lookup"};

	if (promises & CONN_INBOX)
		return BR_STR("inbox");
	return br_str_z(
		words[(promises & CONN_CAS ? 1 : 0) | (promises & CONN_IDEMPOTENCY ? 2 : 0) |
			(promises & CONN_LOOKUP ? 4 : 0)]);
}

static void hello(struct conn *c)
{
	struct msg m = {.type = MSG_HELLO,
		.inc = br_str_z(c->inc),
		.target_epoch = c->target_epoch,
		.beat = c->beat,
		.restores = c->restores};
	struct br_err err;

	br_err_clear(&err);
	if (open_bus(c, &err) != 0) {
		conn_end(c, END_RETRY, 0, &err);
		return;
	}
	make_nonce(c->nonce);
	c->promises = c->kind->promises ? c->kind->promises(c->state) : 0;
	m.nonce = br_str_z(c->nonce);
	m.caps = caps(c->promises);
	BR_CRASH_POINT("conn.hello");
	c->epoch = 0;
	c->heard_us = c->lease_from_us = br_loop_now(c->loop);
	c->stage = CONN_HELLO;
	conn_emit(c, &m, NULL, BR_STR_NONE);
	BR_CRASH_POINT("conn.hello_said");
}

void conn_opened(struct conn *c, struct br_str inc, int64_t target_epoch, int64_t beat)
{
	if (c->look) {
		conn_look_answered(c->look, false, false);
		return;
	}
	if (!conn_alive(c) || c->stage != CONN_OPENING)
		return;
	br_info("connected to the system");
	snprintf(c->inc, sizeof(c->inc), "%.*s", BR_STR_ARG(conn_clean_text(inc)));
	c->target_epoch = target_epoch;
	c->beat = beat;
	/* on, but outside of the kind's stack: asking Kafka may take a moment */
	conn_soon(c);
}

/*
 * Its last call ends a lease after it said the last thing that counted, and that stands in Kafka
 * before our HELLO. What the kind can promise of its records it knows only now.
 */
static void wait_for_predecessor(struct conn *c)
{
	unsigned promises = c->kind->promises ? c->kind->promises(c->state) : 0;

	if (!c->inherited || promises & (CONN_INBOX | CONN_GUARDED))
		return;
	c->write_from_us = c->heard_us + c->system->lease_ms * 1000 + 2000000;
	br_info("waiting for the lease of the connector before this one",
		L_INT("ms", c->system->lease_ms + 2000));
}

struct conn_known conn_known(const struct conn *c)
{
	return (struct conn_known){br_str_z(c->known_inc), c->known_epoch, c->known_beat};
}

void conn_beat(struct conn *c, int64_t beat)
{
	c->beat_grew |= beat > c->beat;
	if (beat > c->beat)
		c->beat = beat;
}

void conn_went_back(struct conn *c)
{
	struct br_err err;

	if (!conn_alive(c) || c->stage != CONN_TAKING)
		return;
	c->restores = c->known_restores + 1;
	br_err_clear(&err);
	br_err_set(&err, BR_E_CONN_WENT_BACK, "system", c->system_name, NULL);
	conn_end(c, END_RETRY, 0, &err);
}

void conn_begun(struct conn *c)
{
	if (c->look) {
		conn_look_answered(c->look, false, false);
		return;
	}
	if (!conn_alive(c) || c->stage != CONN_TAKING)
		return;
	BR_CRASH_POINT("conn.epoch_taken");
	if (c->system_down)
		br_info("the system is up again");
	c->system_down = BR_E_OK;
	wait_for_predecessor(c);
	c->stage = CONN_SETTLE;
	conn_soon(c);
}

void conn_running(struct conn *c)
{
	BR_CRASH_POINT("conn.settled");
	c->stage = CONN_RUN;
	c->worked = true;
	c->run_since = br_loop_now(c->loop);
	c->poll_at = c->run_since;
	c->sweep_at = c->sweep_full ? c->run_since : c->run_since + SWEEP_FIRST_US;
	br_info("running", L_INT("epoch", c->epoch));
}

/* Timer: the next turn of a session. */
void conn_step(void *arg)
{
	struct conn *c = arg;

	if (!conn_alive(c))
		return;
	if (c->stage == CONN_OPENING && !c->stopping)
		hello(c);
	else if (c->stage >= CONN_SETTLE)
		conn_take_turn(c);
	if (c->stopping && c->phase == PHASE_NONE && !c->ending)
		conn_end(c, END_RETRY, 0, NULL);
}

static void reset_session(struct conn *c)
{
	c->ending = END_NONE;
	c->epoch = c->seq = c->hub_epoch = c->pseq = 0;
	c->said = 0;
	c->write_from_us = 0;
	c->inherited = false;
	c->alive_seq = 0;
	c->phase = c->last_phase = PHASE_NONE;
	c->phase_over = c->paused = c->wake = c->sweep_full = c->cursor_due = false;
	c->cursor_told_us = c->beat_told_us = 0;
	c->beat_grew = false;
	c->poll_at = c->sweep_at = -1;
	c->sweep_number = 0;
	c->held_told = 0;
	c->stop_told = false;
	conn_set_cursor(c, BR_STR_NONE);
	/* what was said before may have been lost with the old epoch */
	conn_cache_clear(c->cache);
}

/* Timer, and the start. */
static void open_kind(struct conn *c)
{
	struct br_err err;

	reset_session(c);
	c->count.sessions++;
	memset(c->state, 0, c->kind->state_size);
	c->stage = CONN_OPENING;
	c->kind_open = true;
	br_err_clear(&err);
	if (c->kind->open(c->state, c, c->options, &err) != 0)
		conn_failed(c, &err);
}

static void on_again(void *arg)
{
	struct conn *c = arg;

	if (c->stopping) {
		struct br_err err;

		/* the deadline of stopping */
		br_err_clear(&err);
		br_err_set(&err, BR_E_CONN_STOPPED, "system", c->system_name, NULL);
		if (c->stage == CONN_DOWN)
			br_loop_stop(c->loop, 0);
		else
			conn_end(c, END_RETRY, 0, &err);
		return;
	}
	open_kind(c);
}

/* ---- figures ---- */

static void on_minute(void *arg)
{
	struct conn *c = arg;

	br_timer_set(c->loop, &c->minute, MINUTE_US);
	if (memcmp(&c->count, &c->logged, sizeof(c->count)) == 0)
		return;
	c->logged = c->count;
#define CONN_COUNTER(name) L_INT(#name, c->count.name),
	br_log_write(BR_LOG_INFO, "figures",
		(const struct br_log_field[]){
			CONN_COUNTERS(CONN_COUNTER){BR_F_END, NULL, {NULL, 0}, 0, NULL}});
#undef CONN_COUNTER
}

/* ---- the process ---- */

struct br_loop *conn_loop(struct conn *c)
{
	return c->loop;
}

const struct cfg_site *conn_site(struct conn *c)
{
	return c->site;
}

const struct cfg_system *conn_system(struct conn *c)
{
	return c->system;
}

static void cursor_timer(void *arg)
{
	struct conn *c = arg;

	if (conn_alive(c))
		conn_tell_cursor(c);
}

static int read_options(struct conn *c, struct br_err *err)
{
	struct cfg_report report = {.arena = &c->options_arena};
	const struct cfg_problem *problem;

	c->options = br_arena_calloc(&c->options_arena, 1, c->kind->options_size + 1);
	if (!c->options)
		return br_err_set(err, BR_E_NOMEM, NULL);
	if (!c->kind->options ||
		cfg_read_options(c->kind->options, c->system->connection, c->system->node,
			c->site->secrets_folder, c->options, &report) == 0)
		return 0;
	/* a warning may stand before it */
	problem = cfg_first_problem(&report, NULL);
	if (err && problem)
		*err = problem->err;
	return err ? -(int)br_err_code(err) : -1;
}

struct conn *conn_new(struct br_loop *l, const struct cfg_site *site,
	const struct cfg_system *system, const struct conn_kind *kind, struct br_err *err)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	c->loop = l;
	c->site = site;
	c->system = system;
	c->kind = kind;
	snprintf(c->system_name, sizeof(c->system_name), "%.*s", BR_STR_ARG(system->name));
	c->backoff_us = BACKOFF_FIRST_US;
	c->again = (struct br_timer){.fn = on_again, .arg = c};
	c->reaper = (struct br_timer){.fn = reap, .arg = c};
	c->step = (struct br_timer){.fn = conn_step, .arg = c};
	c->minute = (struct br_timer){.fn = on_minute, .arg = c};
	c->cursor_timer = (struct br_timer){.fn = cursor_timer, .arg = c};
	c->missing_timer = (struct br_timer){.fn = conn_look_for_missing, .arg = c};
	c->waiting_end = &c->waiting;
	c->refetches_end = &c->refetches;
	conn_init_work(c);
	br_arena_init(&c->options_arena, 1 << 20);
	br_arena_init(&c->arena, SESSION_BYTES);
	br_arena_init(&c->in_arena, MESSAGE_BYTES);
	br_arena_init(&c->phase_arena, PHASE_BYTES);
	br_buf_init(&c->out, OUT_BYTES);
	c->cache = conn_cache_new();
	c->state = calloc(1, kind->state_size + 1);
	if (!c->cache || !c->state)
		br_err_set(err, BR_E_NOMEM, NULL);
	else if (read_options(c, err) == 0)
		return c;
	conn_free(c);
	return NULL;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	if (c->stage != CONN_DOWN)
		close_session(c, 0);
	br_timer_set(c->loop, &c->again, -1);
	br_timer_set(c->loop, &c->reaper, -1);
	br_timer_set(c->loop, &c->minute, -1);
	br_timer_set(c->loop, &c->held_timer, -1);
	conn_guard_free(c);
	br_arena_release(&c->options_arena);
	br_arena_release(&c->arena);
	br_arena_release(&c->in_arena);
	br_arena_release(&c->phase_arena);
	br_buf_release(&c->out);
	conn_cache_free(c->cache);
	free(c->state);
	free(c->cursor);
	free(c);
}

void conn_start(struct conn *c)
{
	br_timer_set(c->loop, &c->minute, MINUTE_US);
	open_kind(c);
}

void conn_stop(struct conn *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	br_info("stopping");
	br_timer_set(c->loop, &c->again, c->stage == CONN_DOWN ? 0 : STOP_US);
	conn_soon(c);
}

static void on_signal(void *arg, int signo)
{
	if (signo == SIGTERM || signo == SIGINT)
		conn_stop(arg);
}

int conn_run(struct br_loop *l, const struct cfg_site *site, const struct cfg_system *system,
	const struct conn_kind *kind)
{
	struct br_err err;
	struct conn *c;
	int status;

	br_err_clear(&err);
	c = conn_new(l, site, system, kind, &err);
	if (!c) {
		br_error("the connector cannot start", L_ERR(&err));
		return 78;
	}
	br_loop_on_signal(l, on_signal, c);
	conn_start(c);
	status = br_loop_run(l);
	br_loop_on_signal(l, NULL, NULL);
	conn_free(c);
	return status;
}
