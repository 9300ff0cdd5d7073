#include "bus_internal.h"

#include "br_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define QUIET_US (30 * 1000000LL)
#define CLOSE_MS 3000 /* for librdkafka's threads to end */

void bus_die(struct bus *b, const struct br_err *err)
{
	if (b->dead)
		return;
	b->dead = true;
	b->why = *err;
	br_timer_set(b->loop, &b->funeral, 0);
}

/* From a timer, so that no caller of bus_send() or bus_take() finds its bus freed by its own
 * callback. */
static void funeral(void *arg)
{
	struct bus *b = arg;
	struct br_err why = b->why;

	if (b->events.on_fatal)
		b->events.on_fatal(b->events.arg, &why);
}

void bus_complain(struct bus *b, rd_kafka_resp_err_t code, const char *why)
{
	struct br_err err;
	char bootstrap[256];
	bool auth = code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
		    code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;

	/* single connections come and go; what counts is that no broker is left, or that none wants
	 * us */
	if (!auth && code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		br_debug("kafka", L_Z("why", why));
		return;
	}
	if (br_loop_now(b->loop) < b->quiet_until)
		return;
	b->quiet_until = br_loop_now(b->loop) + QUIET_US;
	snprintf(bootstrap, sizeof(bootstrap), "%.*s", BR_STR_ARG(b->site->kafka_bootstrap));
	br_err_clear(&err);
	br_err_set(&err, auth ? BR_E_BUS_AUTH : BR_E_BUS_UNREACHABLE, "bootstrap", bootstrap, "why",
		why, NULL);
	br_warn("no connection to Kafka", L_ERR(&err));
}

static void error_event(struct bus *b, rd_kafka_t *rk, rd_kafka_event_t *ev)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(ev);
	struct br_err err;
	char why[512];

	if (code != RD_KAFKA_RESP_ERR__FATAL) {
		bus_complain(b, code, rd_kafka_event_error_string(ev));
		return;
	}
	rd_kafka_fatal_error(rk, why, sizeof(why));
	br_err_clear(&err);
	br_err_set(&err, BR_E_BUS_PRODUCER, "why", why, NULL);
	bus_die(b, &err);
}

static void log_event(rd_kafka_event_t *ev)
{
	const char *facility, *text;
	int level;

	if (rd_kafka_event_log(ev, &facility, &text, &level) == 0)
		br_debug("librdkafka", L_Z("facility", facility), L_Z("text", text));
}

void bus_event(struct bus *b, rd_kafka_t *rk, rd_kafka_event_t *ev)
{
	switch (rd_kafka_event_type(ev)) {
	case RD_KAFKA_EVENT_ERROR:
		error_event(b, rk, ev);
		break;
	case RD_KAFKA_EVENT_LOG:
		log_event(ev);
		break;
	default:
		break;
	}
}

void bus_connect_wake(struct bus *b, rd_kafka_queue_t *q)
{
	static const uint64_t one = 1;

	rd_kafka_queue_io_event_enable(q, b->wake, &one, sizeof(one));
}

/* One turn. Its one callback comes last, since it may free the bus. */
static void turn(void *arg)
{
	struct bus *b = arg;
	uint64_t acked = b->acked;
	bool more = bus_producer_turn(b), acks;

	if (b->consumer)
		more |= bus_consumer_turn(b);
	acks = b->acked != acked && b->events.on_acked;
	if (more || (acks && bus_has_records(b)))
		br_timer_set(b->loop, &b->again, 0);
	if (b->dead)
		return;
	if (acks)
		b->events.on_acked(b->events.arg);
	else if (b->events.on_records && bus_has_records(b))
		b->events.on_records(b->events.arg);
}

static void on_turn_over(void *arg)
{
	struct bus *b = arg;

	bus_flusher_ask(b->flusher);
}

static void on_wake(void *arg, int fd, short revents)
{
	uint64_t count;

	(void)revents;
	while (read(fd, &count, sizeof(count)) > 0)
		;
	turn(arg);
}

struct bus *bus_new(struct br_loop *l, const struct cfg_site *site, const char *client,
	const struct bus_events *events, struct br_err *err)
{
	struct bus *b = calloc(1, sizeof(*b));

	if (!b) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	b->loop = l;
	b->site = site;
	b->events = *events;
	b->again = (struct br_timer){.fn = turn, .arg = b};
	b->funeral = (struct br_timer){.fn = funeral, .arg = b};
	b->turn_over = (struct br_timer){.fn = on_turn_over, .arg = b};
	snprintf(b->client, sizeof(b->client), "%s", client);
	b->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (b->wake < 0) {
		br_err_set(err, BR_E_SYSTEM, "call", "eventfd", "why", strerror(errno), NULL);
		goto failed;
	}
	if (br_loop_watch(l, b->wake, POLLIN, on_wake, b) != 0) {
		br_err_set(err, BR_E_NOMEM, NULL);
		goto failed;
	}
	b->producer = bus_handle(site, client, NULL, err);
	if (!b->producer)
		goto failed;
	b->producer_queue = rd_kafka_queue_get_main(b->producer);
	bus_connect_wake(b, b->producer_queue);
	b->flusher = bus_flusher_new(b->producer);
	return b;
failed:
	bus_free(b, 0);
	return NULL;
}

/* ---- the end ---- */

struct closing {
	rd_kafka_t *producer, *consumer;
	struct bus_flusher *flusher;
	struct bus_source sources[BUS_MAX_SOURCES];
	int nsources;
	rd_kafka_topic_t *topics[BUS_MAX_TOPICS];
	int ntopics;
	rd_kafka_queue_t *queues[2];
};

static void *close_handles(void *arg)
{
	struct closing *c = arg;

	bus_flusher_free(c->flusher);
	for (int i = 0; i < c->nsources; i++) {
		rd_kafka_consume_stop(c->sources[i].topic, c->sources[i].partition);
		rd_kafka_topic_destroy(c->sources[i].topic);
		rd_kafka_queue_destroy(c->sources[i].records);
	}
	for (int i = 0; i < c->ntopics; i++)
		rd_kafka_topic_destroy(c->topics[i]);
	for (size_t i = 0; i < BR_LEN(c->queues); i++)
		if (c->queues[i])
			rd_kafka_queue_destroy(c->queues[i]);
	if (c->consumer)
		rd_kafka_destroy_flags(c->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	if (c->producer)
		rd_kafka_destroy_flags(c->producer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	return NULL;
}

/* librdkafka 2.0.2 may hang in its destructor (a leaked reference); being crash-only we then leave
 * it behind. */
static void close_within(struct closing *c, int64_t ms)
{
	struct timespec until;
	pthread_t thread;

	if (pthread_create(&thread, NULL, close_handles, c) != 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until); /* somebody may set the other one meanwhile */
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == 0) {
		free(c);
		return;
	}
	pthread_detach(thread);
	br_warn("the Kafka client did not close in time and was left behind");
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for acknowledgements without calling anybody back. */
static void drain(struct bus *b, int64_t deadline_ms)
{
	int64_t until = now_ms() + deadline_ms;

	while (!b->dead && b->acked < b->sent) {
		struct pollfd p = {.fd = b->wake, .events = POLLIN};
		int64_t left = until - now_ms();
		uint64_t count;

		if (bus_producer_turn(b))
			continue;
		if (b->dead || b->acked >= b->sent || left <= 0)
			return;
		poll(&p, 1, (int)(left > 1000 ? 1000 : left));
		while (read(b->wake, &count, sizeof(count)) > 0)
			;
	}
}

void bus_free(struct bus *b, int64_t deadline_ms)
{
	struct closing *c;
	rd_kafka_queue_t *queues[2];

	if (!b)
		return;
	bus_flusher_ask(b->flusher);
	if (b->producer && deadline_ms > 0)
		drain(b, deadline_ms);
	br_timer_set(b->loop, &b->again, -1);
	br_timer_set(b->loop, &b->funeral, -1);
	br_timer_set(b->loop, &b->turn_over, -1);
	if (b->wake >= 0)
		br_loop_watch(b->loop, b->wake, 0, NULL, NULL);
	queues[0] = b->producer_queue;
	queues[1] = b->consumer_queue;
	for (size_t i = 0; i < BR_LEN(queues); i++)
		if (queues[i])
			rd_kafka_queue_io_event_enable(queues[i], -1, NULL, 0);
	for (int i = 0; i < b->nsources; i++)
		rd_kafka_queue_io_event_enable(b->sources[i].records, -1, NULL, 0);
	c = calloc(1, sizeof(*c));
	if (c) {
		c->producer = b->producer;
		c->consumer = b->consumer;
		c->flusher = b->flusher;
		memcpy(c->sources, b->sources, sizeof(c->sources));
		c->nsources = b->nsources;
		memcpy(c->topics, b->topics, sizeof(c->topics));
		c->ntopics = b->ntopics;
		memcpy(c->queues, queues, sizeof(c->queues));
		close_within(c, CLOSE_MS);
	}
	if (b->wake >= 0)
		close(b->wake);
	free(b);
}
