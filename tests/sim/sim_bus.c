/*
 * sim_bus.c - bus.h: Kafka as a log per topic, at least once, with everything a real one does to
 * those who trust it: messages that are lost behind an acknowledgement that never comes, that
 * arrive twice or long after newer ones, and producers that are told the wrong thing.
 */
#include "sim.h"

#include <stdlib.h>

#define WINDOW	4096
#define SOURCES 8
#define FOREVER INT64_MAX
#define NETWORK (2 * SIM_MS)

struct source {
	struct sim_topic *topic;
	int64_t first, next, visible;
};

struct bus {
	struct sim_proc *proc;
	struct bus_events events;
	bool dead, freed;
	struct br_err why;
	uint64_t sent, landed, acked;
	int64_t last_landing; /* messages of one producer keep their order */
	int64_t cut_at;	      /* what would arrive later does not */
	bool lost;	      /* a message is missing: nothing behind it is acknowledged */
	bool ack_due, fetch_due;
	struct sim_topic *topics[SIM_SYSTEMS + 8];
	int ntopics;
	struct source sources[SOURCES];
	int nsources;
	struct bus *next_reader; /* of any topic */
};

struct parcel {
	struct bus *bus;
	struct sim_topic *topic;
	struct br_str key, value;
	uint64_t ticket;
	bool copy; /* arrived before */
	bool lost, ack_lost;
};

static struct bus *readers; /* of this run */
static int flying;	    /* parcels */

struct sim_topic *sim_topic(struct br_str name)
{
	struct sim_topic *t;

	for (t = sim.topics; t; t = t->next)
		if (br_str_eq(t->name, name))
			return t;
	if (!sim.topics) {
		readers = NULL;
		flying = 0;
	}
	t = br_arena_new(&sim.arena, struct sim_topic);
	t->name = br_arena_copy(&sim.arena, name);
	t->inbound = name.n > 7 && memcmp(name.p, "sim.in.", 7) == 0;
	t->next = sim.topics;
	sim.topics = t;
	return t;
}

static void append(struct sim_topic *t, struct br_str key, struct br_str value)
{
	if (t->n == t->room) {
		struct sim_record *more =
			br_arena_array(&sim.arena, struct sim_record, (size_t)t->room * 2 + 64);

		if (t->n)
			memcpy(more, t->records, (size_t)t->n * sizeof(*more));
		t->records = more;
		t->room = t->room * 2 + 64;
	}
	t->records[t->n++] = (struct sim_record){(SIM_EPOCH_US + sim.now) / 1000, key, value};
}

/* ---- reading ---- */

static bool readable(const struct bus *b)
{
	for (int i = 0; i < b->nsources; i++)
		if (b->sources[i].next < b->sources[i].visible)
			return true;
	return false;
}

static void fetch(struct bus *b, int64_t us);

static void deliver_again(struct source *s)
{
	if (s->next == s->first)
		return;
	s->next -= sim_between(1, s->next - s->first < 6 ? s->next - s->first : 6);
	sights.again++;
}

/* What has come so far is seen; sometimes only a part, and the rest a moment later. */
static void fetched(void *arg)
{
	struct bus *b = arg;
	bool more = false;

	b->fetch_due = false;
	if (b->dead || b->freed)
		return;
	for (int i = 0; i < b->nsources; i++) {
		struct source *s = &b->sources[i];
		int64_t behind = s->topic->n - s->visible;

		if (sim_fault(sim.plan.faults.again))
			deliver_again(s);

		if (behind > 1 && sim_chance(30)) {
			s->visible += sim_between(1, behind - 1);
			more = true;
		} else {
			s->visible = s->topic->n;
		}
	}
	if (more)
		fetch(b, sim_latency(NETWORK));
	if (readable(b) && b->events.on_records)
		b->events.on_records(b->events.arg);
}

static void fetch(struct bus *b, int64_t us)
{
	if (b->fetch_due || b->dead || b->freed)
		return;
	b->fetch_due = true;
	if (sim_fault(sim.plan.faults.stall))
		us += sim_between(0, 4 * SIM_S);
	sim_after(us, b->proc, fetched, b);
}

size_t bus_take_from(struct bus *b, int source, struct bus_record *out, size_t max)
{
	struct source *s = &b->sources[source];
	size_t n = 0;

	for (; !b->dead && n < max && s->next < s->visible; s->next++) {
		const struct sim_record *r = &s->topic->records[s->next];

		out[n++] =
			(struct bus_record){source, s->next, r->timestamp, r->key, r->value, NULL};
	}
	return n;
}

size_t bus_take(struct bus *b, struct bus_record *out, size_t max)
{
	size_t n = 0;
	int from = b->nsources ? sim_below(b->nsources) : 0;

	for (int i = 0; i < b->nsources && n < max; i++)
		n += bus_take_from(b, (from + i) % b->nsources, out + n, max - n);
	return n;
}

void bus_give_back(struct bus *b, struct bus_record *records, size_t n)
{
	(void)b;
	(void)records;
	(void)n;
}

int bus_assign(struct bus *b, const char *topic, int partition, int64_t offset, int64_t *at,
	struct br_err *err)
{
	struct source *s = &b->sources[b->nsources];

	if (partition != 0 || b->nsources == SOURCES)
		abort();
	if (sim_fault(sim.plan.faults.open_fails))
		return br_err_set(
			err, BR_E_BUS_UNREACHABLE, "bootstrap", "sim", "why", "simulated", NULL);
	s->topic = sim_topic(br_str_z(topic));
	s->next = offset == BUS_AT_END ? s->topic->n : offset;
	s->first = s->visible = s->next;
	if (s->next > s->topic->n)
		sim_wrong("%s: offset %lld of %lld", topic, (long long)s->next,
			(long long)s->topic->n);
	if (at)
		*at = s->next;
	if (s->next < s->topic->n)
		fetch(b, sim_latency(NETWORK));
	return b->nsources++;
}

int bus_bounds(struct bus *b, const char *topic, int partition, int64_t *low, int64_t *high,
	struct br_err *err)
{
	(void)b;
	(void)partition;
	if (sim_fault(sim.plan.faults.open_fails))
		return br_err_set(
			err, BR_E_BUS_UNREACHABLE, "bootstrap", "sim", "why", "simulated", NULL);
	*low = 0;
	*high = sim_topic(br_str_z(topic))->n;
	return 0;
}

/* What is there at this moment: nobody waits for more than that. */
int bus_wait_from(
	struct bus *b, int source, struct bus_record *out, int timeout_ms, struct br_err *err)
{
	struct source *s = &b->sources[source];
	const struct sim_record *r = &s->topic->records[s->next];

	(void)timeout_ms;
	(void)err;
	if (s->next >= s->topic->n)
		return 0;
	*out = (struct bus_record){source, s->next++, r->timestamp, r->key, r->value, NULL};
	return 1;
}

void bus_leave(struct bus *b, int source)
{
	if (source != b->nsources - 1)
		abort();
	b->nsources--;
}

int bus_seek(struct bus *b, int source, int64_t offset, struct br_err *err)
{
	(void)err;
	b->sources[source].next = offset;
	if (b->sources[source].first > offset)
		b->sources[source].first = offset;
	fetch(b, sim_latency(NETWORK));
	return 0;
}

/* ---- writing ---- */

static void die(void *arg)
{
	struct bus *b = arg;

	if (b->dead || b->freed)
		return;
	b->dead = true;
	br_err_clear(&b->why);
	br_err_set(&b->why, BR_E_BUS_LOST, "topic", "?", "why", "simulated", NULL);
	/* what it still has on its way arrives, or not */
	if (sim_chance(50))
		b->cut_at = sim.now + (sim_chance(50) ? 0 : sim_between(0, 20 * SIM_MS));
	if (b->events.on_fatal)
		b->events.on_fatal(b->events.arg, &b->why);
}

static void acknowledged(void *arg)
{
	struct bus *b = arg;

	b->ack_due = false;
	if (b->dead || b->freed || b->acked == b->landed)
		return;
	b->acked = b->landed;
	if (b->events.on_acked)
		b->events.on_acked(b->events.arg);
}

static void acknowledge(struct bus *b, const struct parcel *p)
{
	if (p->lost || p->ack_lost) {
		if (!b->lost)
			sim_after(sim_latency(NETWORK) + sim_between(0, SIM_S), b->proc, die, b);
		b->lost = true;
	}
	if (b->lost)
		return;
	b->landed = p->ticket;
	if (b->ack_due)
		return;
	b->ack_due = true;
	sim_after(sim_latency(NETWORK), b->proc, acknowledged, b);
}

static void fly(struct parcel *p, int64_t us);

static void copies(const struct parcel *p)
{
	bool late = sim_fault(sim.plan.faults.late_copy);
	struct parcel *again;

	if (p->copy || (!late && !sim_fault(sim.plan.faults.twice)))
		return;
	again = br_arena_new(&sim.arena, struct parcel);
	*again = *p;
	again->copy = true;
	if (late)
		sights.late_copies++;
	else
		sights.copies++;
	fly(again, late ? sim_between(1, 20 * SIM_S) : sim_latency(NETWORK));
}

static void land(void *arg)
{
	struct parcel *p = arg;

	flying--;
	if (!p->copy && sim.now > p->bus->cut_at)
		return;
	if (p->lost) {
		sights.lost++;
		TRACE("lost: %.*s: %.*s", BR_STR_ARG(p->topic->name), BR_STR_ARG(p->value));
	} else {
		TRACE("%.*s[%lld]%s: %.*s", BR_STR_ARG(p->topic->name), (long long)p->topic->n,
			p->copy ? " (copy)" : "", BR_STR_ARG(p->value));
		sights.doubt += p->topic->inbound &&
				memmem(p->value.p, p->value.n, "\"doubt\":true", 12) != NULL;
		append(p->topic, p->key, p->value);
		for (struct bus *b = readers; b; b = b->next_reader)
			for (int i = 0; i < b->nsources; i++)
				if (b->sources[i].topic == p->topic)
					fetch(b, sim_latency(NETWORK));
		copies(p);
	}
	if (!p->copy)
		acknowledge(p->bus, p);
}

static void fly(struct parcel *p, int64_t us)
{
	flying++;
	sim_after(us, NULL, land, p);
}

int bus_send(struct bus *b, int topic, int partition, struct br_str key, struct br_str value,
	const struct bus_header *headers, size_t nheaders, uint64_t *ticket, struct br_err *err)
{
	struct parcel *p;
	int64_t at = sim.now + sim_latency(NETWORK);

	(void)partition;
	(void)headers;
	(void)nheaders;
	if (b->dead || b->freed) {
		if (err)
			*err = b->why;
		return -BR_E_BUS_LOST;
	}
	if (b->sent - b->acked >= WINDOW)
		return br_err_set(err, BR_E_BUS_QUEUE_FULL, NULL);
	p = br_arena_new(&sim.arena, struct parcel);
	*p = (struct parcel){.bus = b,
		.topic = b->topics[topic],
		.key = br_arena_copy(&sim.arena, key),
		.value = br_arena_copy(&sim.arena, value),
		.ticket = ++b->sent,
		.lost = sim_fault(sim.plan.faults.lose),
		.ack_lost = sim_fault(sim.plan.faults.ack_lost)};
	if (sim_fault(sim.plan.faults.slow))
		at += sim_between(0, 10 * SIM_S);
	if (at < b->last_landing)
		at = b->last_landing;
	b->last_landing = at;
	fly(p, at - sim.now);
	if (ticket)
		*ticket = p->ticket;
	sim_http_told(b->proc, p->value);
	return 0;
}

uint64_t bus_acked(const struct bus *b)
{
	return b->acked;
}

uint64_t bus_sent(const struct bus *b)
{
	return b->sent;
}

size_t bus_max_message(const struct bus *b)
{
	(void)b;
	return 1000000;
}

int bus_topic(struct bus *b, const char *name, struct br_err *err)
{
	(void)err;
	if (b->ntopics == BR_LEN(b->topics))
		abort();
	b->topics[b->ntopics] = sim_topic(br_str_z(name));
	return b->ntopics++;
}

/* ---- life ---- */

struct bus *bus_new(struct br_loop *l, const struct cfg_site *site, const char *client,
	const struct bus_events *events, struct br_err *err)
{
	struct bus *b = br_arena_new(&sim.arena, struct bus);

	(void)site;
	(void)client;
	(void)err;
	sim_topic(BR_STR("sim.ctl")); /* the first topic clears the readers of the last run */
	b->proc = l->proc;
	b->events = *events;
	b->cut_at = FOREVER;
	b->next_reader = readers;
	readers = b;
	return b;
}

void bus_free(struct bus *b, int64_t deadline_ms)
{
	if (!b || b->freed)
		return;
	b->freed = true;
	for (struct bus **at = &readers; *at; at = &(*at)->next_reader)
		if (*at == b) {
			*at = b->next_reader;
			break;
		}
	if (b->dead)
		return;
	/* a crash: what was given to the network may come through long after */
	if (b->proc->dead)
		b->cut_at = sim_chance(50) ? FOREVER : sim.now + sim_between(0, 20 * SIM_MS);
	else
		b->cut_at = sim.now + deadline_ms * 1000;
}

void sim_bus_order(struct br_str value)
{
	struct parcel *p = br_arena_new(&sim.arena, struct parcel);

	*p = (struct parcel){.topic = sim_topic(BR_STR("sim.ctl")),
		.value = br_arena_copy(&sim.arena, value),
		.copy = true};
	/* one after the other, as people give them */
	sim.last_order += sim_latency(NETWORK);
	if (sim.last_order < sim.now)
		sim.last_order = sim.now + sim_latency(NETWORK);
	fly(p, sim.last_order - sim.now);
}

bool sim_bus_at_rest(void)
{
	if (flying)
		return false;
	for (const struct bus *b = readers; b; b = b->next_reader) {
		if (b->lost) /* its owner is still to hear of it */
			return false;
		for (int i = 0; i < b->nsources; i++)
			if (b->sources[i].next < b->sources[i].topic->n)
				return false;
	}
	return true;
}
