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
 *
 * With its statements a record of the batch goes to the journal (hub_folded.h), and nothing of the
 * batch goes out before Kafka has it. So whatever the ledger may lose can be folded again: a bridge
 * that starts first does that with all that the journal has and the ledger does not (catching up).
 */
#include "hub_bridge.h"

#include "bus.h"
#include "hub_batch.h"
#include "hub_journal.h"
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
#define RECORD_BYTES   (1u << 20)
#define CLOSE_MS       3000
#define LOOK_AGAIN_US  500000 /* whether a target at its credit still stands in the way */
#define RETRY_FIRST_US 100000
#define RETRY_MAX_US   5000000
#define FIGURES_US     60000000
#define DIFFERS_MAX    3  /* times in a row, each with the ledger read anew */
#define REFUSED_MAX    20 /* records in a row that the ledger refuses: not they are what is wrong */

enum phase {
	PHASE_CLOSED,	   /* nothing open; a timer starts over */
	PHASE_OPENING,	   /* the ledger connects */
	PHASE_CATCHING_UP, /* the ledger lacks what was folded before; nothing goes out */
	PHASE_REVIEWING,   /* loading outputs that may not have got out before the last stop */
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
	uint64_t record; /* ticket of its record for the journal; 0: not sent */
	struct hub_folded again;
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
	/* Behind what was folded last; the last row counts the batches, on the journal's topic. */
	struct ledger_position *next;
	size_t nsources, nrows;
	char journal_topic[256];
	int journal_to;		     /* topic */
	struct hub_journal *journal; /* while catching up */
	struct hub_forget forget;
	struct failing {
		int64_t c;
		int times;
	} differs;		    /* a batch that came out otherwise than before */
	int64_t known_stored, last; /* batches; incarnation of the newest */
	int64_t told_stored;	    /* of the batches; the journal had their records when we came */
	int64_t given;		    /* incarnations up to this one are another's */
	uint64_t told_before;	    /* ticket of what must be on the journal before anything else */
	uint64_t site_sum;
	struct br_buf record;
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
static void caught_up(struct bridge *b);

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
	if (!b->blocked) {
		/* it may have waited for its record */
		if (b->phase == PHASE_OPEN && b->first->stage == STAGE_STORED)
			go_on(b);
		return;
	}
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

/* ---- the journal ---- */

/* A batch that is not in the ledger, and will not be as it was folded then. */
static void forget(struct bridge *b, const struct hub_folded *f)
{
	b->forget = (struct hub_forget){f->c, f->by};
}

/* It cannot be folded again as it was; err NULL: something else comes of it. In doubt it was never
 * stored, and nobody has seen anything of it. */
static void cannot_again(struct bridge *b, const struct hub_folded *f, const struct br_err *err)
{
	char wanted[24];
	struct br_err differs;

	if (err && br_err_code(err) != BR_E_HUB_FOLDED_DIFFERS) {
		start_over(b, err);
		return;
	}
	if (hub_journal_doubts(b->journal, f->c)) {
		br_warn("a batch that was not stored is folded anew", L_INT("batch", f->c));
		forget(b, f);
		start_over(b, NULL);
		return;
	}
	/* another bridge may have gone on meanwhile: then we find the ledger further */
	if (b->differs.c != f->c)
		b->differs = (struct failing){f->c, 0};
	if (++b->differs.times < DIFFERS_MAX) {
		start_over(b, NULL);
		return;
	}
	snprintf(wanted, sizeof(wanted), "%" PRId64, f->c);
	br_err_clear(&differs);
	br_err_set(&differs, BR_E_HUB_FOLDED_DIFFERS, "wanted", wanted, NULL);
	start_over(b, &differs);
}

/* False: the queue is full, or the bus is broken. */
static bool send_record(struct bridge *b, struct br_str text, uint64_t *ticket)
{
	struct br_err err;

	br_err_clear(&err);
	if (bus_send(b->bus, b->journal_to, 0, BR_STR_NONE, text, NULL, 0, ticket, &err) == 0)
		return true;
	if (br_err_code(&err) == BR_E_BUS_QUEUE_FULL)
		b->blocked = true;
	else
		start_over(b, &err);
	return false;
}

/* So many batches may be called stored: a record that the journal has of a later one may be another
 * bridge's, who came too late with it. */
static int64_t stored_and_told(const struct bridge *b)
{
	return bus_acked(b->bus) >= b->told_before ? b->known_stored : b->told_stored;
}

/* What goes to the journal and into the ledger with the batch. */
static void write_record(struct bridge *b, struct slot *s)
{
	struct hub_folded *f = &s->batch.folded;
	struct hub_world *w = &s->batch.world;

	f->c = s->after[b->nsources].next;
	f->by = w->incarnation;
	f->before = b->last;
	f->stored = stored_and_told(b);
	f->site = b->site_sum;
	f->published = br_arena_array(w->arena, int64_t, b->nsources);
	if (!f->published) {
		w->failed = true;
		return;
	}
	for (size_t i = 0; i < b->nsources; i++)
		f->published[i] = s->after[i].published;
	br_buf_reset(&b->record);
	hub_folded_write(f, w, b->nsources, &b->record);
	w->folded = (struct hub_kept){f->c, br_arena_copy(w->arena, br_buf_str(&b->record))};
	w->failed |= b->record.failed;
	b->last = f->incarnation;
}

/* Is it on the journal? Else it is seen to, and on_acked() comes back. */
static bool is_told(struct bridge *b, struct slot *s)
{
	const struct hub_kept *f = &s->batch.world.folded;

	if (f->text.n && !s->record && !send_record(b, f->text, &s->record))
		return false;
	return BR_WITHOUT(TOLD_FIRST) ||
	       (bus_acked(b->bus) >= s->record && bus_acked(b->bus) >= b->told_before);
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

	if (err && is_refusal(err) && b->phase == PHASE_CATCHING_UP) {
		cannot_again(b, &s->again, NULL);
		return;
	}
	if (err && hub_batch_may_be_refused(&s->batch) && is_refusal(err) &&
		b->refused < REFUSED_MAX && b->phase != PHASE_CLOSED) {
		b->refused += single;
		hub_batch_refused(&s->batch, b->sources, err);
		forget(b, &s->batch.folded);
		b->backoff_us = RETRY_FIRST_US;
	}
	if (!is_answer(b, err))
		return;
	BR_CRASH_POINT("bridge.stored");
	s->stage = STAGE_STORED;
	b->known_stored = s->after[b->nsources].next;
	b->batches++;
	b->backoff_us = RETRY_FIRST_US;
	if (!single)
		b->refused = 0;
	go_on(b);
}

/* Nothing is folded before a HELLO is answered, for its answer is what the ledger then holds. */
static bool holds_up(const struct bridge *b, const struct slot *s)
{
	return s->stage == STAGE_STORING
		       ? s->batch.world.begins
		       : s->stage == STAGE_STORED && (s->batch.world.begins || b->reannounce);
}

/* What was folded before must give the same. */
static bool is_same(struct bridge *b, struct slot *s)
{
	struct hub_world *w = &s->batch.world;

	if (s->batch.folded.sum != s->again.sum && !w->failed) {
		cannot_again(b, &s->again, NULL);
		return false;
	}
	if (hub_journal_doubts(b->journal, s->again.c)) {
		write_record(b, s);
	} else {
		w->folded = (struct hub_kept){s->again.c, s->again.text};
		b->last = s->again.incarnation;
	}
	return true;
}

/* Together with its statements, so that neither waits for the other. What is folded again is on the
 * journal, but for what was in doubt and is ours now. */
static void tell(struct bridge *b, struct slot *s)
{
	struct br_str text = s->batch.world.folded.text;

	if (s->batch.world.failed || b->phase == PHASE_CLOSED)
		return;
	if (!s->batch.again)
		send_record(b, text, &s->record);
	else if (s->batch.folded.by == s->batch.world.incarnation)
		send_record(b, text, &b->told_before);
}

static void fold_and_store(struct bridge *b, struct slot *s)
{
	BR_CRASH_POINT("bridge.folding");
	memcpy(s->before, b->next, b->nrows * sizeof(*b->next));
	hub_batch_fold(&s->batch, b->sources, b->next, br_loop_now(b->loop));
	b->next[b->nsources].next++;
	for (size_t i = 0; s->batch.again && i < b->nsources; i++)
		b->next[i].published = s->again.published[i];
	memcpy(s->after, b->next, b->nrows * sizeof(*b->next));
	s->stage = STAGE_STORING;
	s->record = 0;
	BR_CRASH_POINT("bridge.folded");
	if (!s->batch.again)
		write_record(b, s);
	else if (!is_same(b, s))
		return;
	ledger_store(b->ledger, &s->batch.world, s->before, s->after, b->nrows, on_stored, s);
	tell(b, s);
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

/* The next batch of the journal, as far as its records have come. */
static bool take_again(struct bridge *b, struct slot *s)
{
	struct br_err err;
	int rc;

	br_err_clear(&err);
	if (!s->batch.again) {
		if (hub_journal_left(b->journal) == 0)
			return true;
		hub_batch_clear(&s->batch);
		if (hub_journal_next(b->journal, &s->batch.arena, b->nsources, &s->again, &err) <
			0) {
			start_over(b, &err);
			return false;
		}
		s->batch.again = &s->again;
	}
	rc = hub_batch_take_again(&s->batch, b->bus, b->sources, b->next, &err);
	if (rc < 0) {
		cannot_again(b, &s->again, &err);
		return false;
	}
	if (rc > 0)
		s->stage = STAGE_TAKEN;
	return true;
}

static bool take(struct bridge *b, struct slot *s)
{
	if (b->phase == PHASE_CATCHING_UP)
		return take_again(b, s);
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

/* While catching up: what is stored went out when it was folded first. */
static bool pass_over(struct bridge *b)
{
	if (b->first->stage == STAGE_STORED) {
		b->first->stage = STAGE_PUBLISHED;
		return true;
	}
	if (b->first->stage == STAGE_FREE && b->ahead->stage == STAGE_FREE &&
		!b->ahead->batch.again && hub_journal_left(b->journal) == 0)
		caught_up(b);
	return false;
}

static bool may_publish(struct bridge *b)
{
	return b->phase == PHASE_OPEN && b->first->stage == STAGE_STORED && !b->blocked &&
	       is_told(b, b->first);
}

/* Does what can be done next: the ledger works while what it has stored goes out. */
static void go_on(struct bridge *b)
{
	do {
		if (b->phase < PHASE_OPEN && b->phase != PHASE_CATCHING_UP)
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
	} while (b->phase == PHASE_CATCHING_UP ? pass_over(b) : may_publish(b) && publish(b));
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
	return hub_world_fence(&b->first->batch.world, s);
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
	memcpy(b->first->after, b->next, b->nrows * sizeof(*b->next));
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
	b->journal_to = bus_topic(b->bus, b->journal_topic, err);
	return b->journal_to < 0 ? b->journal_to : 0;
}

/* The ledger has all of it. */
static void caught_up(struct bridge *b)
{
	BR_CRASH_POINT("bridge.caught_up");
	if (hub_journal_is_behind(b->journal))
		br_info("the ledger has caught up", L_INT("batches", b->known_stored));
	hub_journal_free(b->journal);
	b->journal = NULL;
	/* as after any start */
	for (size_t i = 0; i < b->nsystems; i++) {
		b->systems[i].gap = false;
		b->systems[i].backlog = true;
	}
	b->phase = PHASE_REVIEWING;
	hub_world_begin(&b->first->batch.world, &b->first->batch.arena);
	ledger_load_unpublished(
		b->ledger, &b->first->batch.world, b->next, b->nsources, on_unpublished, b);
}

/* Whoever opens an older ledger after us must not take our incarnation. */
static bool tell_opened(struct bridge *b, const struct hub_world *w)
{
	br_buf_reset(&b->record);
	hub_folded_write_opened(
		w->incarnation, b->told_stored, hub_journal_top(b->journal), &b->record);
	return send_record(b, br_buf_str(&b->record), &b->told_before);
}

/* A batch of which the ledger has a record, and the journal not this one. */
static bool is_untold(const struct bridge *b, struct hub_world *w, size_t kept, int64_t *c)
{
	struct hub_folded head;

	if (hub_folded_read(w->kept[kept].text, w, 0, w->arena, &head, NULL) < 0)
		return false;
	*c = head.c;
	return !hub_journal_has(b->journal, head.c, head.by);
}

/* Only such as stand on the journal are called stored: should ours of the others not get there
 * either, and the ledger go back, another bridge's would be taken for them. */
static int64_t told_of(const struct bridge *b, struct hub_world *w)
{
	int64_t told = b->known_stored, c;

	for (size_t i = 0; i < w->nkept; i++)
		if (is_untold(b, w, i, &c) && c <= told)
			told = c - 1;
	return told;
}

/* What the ledger has must be on the journal before anything of it goes out: the bridge that stored
 * it may have died before Kafka had taken its record. */
static bool tell_kept(struct bridge *b, struct hub_world *w)
{
	int64_t c;

	for (size_t i = 0; i < w->nkept; i++)
		if (is_untold(b, w, i, &c) && !send_record(b, w->kept[i].text, &b->told_before))
			return false;
	return true;
}

/* The incarnation that folded the newest batch of the ledger; 0: it has no record of it. */
static int64_t last_of(struct hub_world *w, int64_t c)
{
	struct hub_folded head;

	for (size_t i = 0; i < w->nkept; i++)
		if (w->kept[i].c == c &&
			hub_folded_read(w->kept[i].text, w, 0, w->arena, &head, NULL) == 0)
			return head.incarnation;
	return 0;
}

static void look_into_journal(struct bridge *b)
{
	struct hub_world *w = &b->first->batch.world;
	int64_t c = b->next[b->nsources].next;
	struct br_err err;

	br_err_clear(&err);
	b->known_stored = c;
	b->last = last_of(w, c);
	b->journal = hub_journal_open(b->bus, b->journal_topic, w, c, b->last, b->forget, &err);
	if (!b->journal) {
		start_over(b, &err);
		return;
	}
	BR_CRASH_POINT("bridge.journal_read");
	if (hub_journal_youngest(b->journal) >= w->incarnation) {
		b->given = hub_journal_youngest(b->journal);
		start_over(b, NULL);
		return;
	}
	b->told_stored = told_of(b, w);
	if (!tell_opened(b, w) || !tell_kept(b, w))
		return;
	if (hub_journal_is_behind(b->journal))
		br_warn("the ledger is older than what was folded: it catches up",
			L_INT("batches", c),
			L_INT("behind", (int64_t)hub_journal_left(b->journal)));
	b->phase = PHASE_CATCHING_UP;
	go_on(b);
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
	BR_CRASH_POINT("bridge.opened");
	if (open_bus(b, &e) < 0) {
		start_over(b, &e);
		return;
	}
	b->ahead->batch.world.incarnation = b->first->batch.world.incarnation;
	look_into_journal(b);
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
	snprintf(b->journal_topic, sizeof(b->journal_topic), "%.*s.folded",
		BR_STR_ARG(site->topic_prefix));
	b->next[b->nsources].topic = br_str_z(b->journal_topic);
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
