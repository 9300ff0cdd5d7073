/*
 * bus_internal.h - what the files of the bus share; nobody else includes it.
 *
 * librdkafka's threads reach us through one eventfd: the producer's and the consumer's event queues
 * and the queue of each source all write to it when they stop being empty. They do so only then, so
 * what one turn leaves behind is asked for again by a timer.
 */
#ifndef BUS_INTERNAL_H
#define BUS_INTERNAL_H

#include "bus.h"
#include <librdkafka/rdkafka.h>

#define BUS_WINDOW	65536u /* tickets not acknowledged, at most; a power of two */
#define BUS_MAX_TOPICS	64
#define BUS_MAX_SOURCES 64
#define BUS_TURN	1000 /* events of one turn */

struct bus_source {
	rd_kafka_topic_t *topic;
	int partition;
	rd_kafka_queue_t *records;
};

struct bus {
	struct br_loop *loop;
	const struct cfg_site *site;
	char client[128];
	struct bus_events events;
	int wake; /* eventfd */
	struct br_timer again, funeral, turn_over;
	int64_t quiet_until; /* monotonic us: the next complaint about the broker may be logged then
			      */

	rd_kafka_t *producer;
	rd_kafka_queue_t *producer_queue;
	struct bus_flusher *flusher;
	rd_kafka_topic_t *topics[BUS_MAX_TOPICS];
	int ntopics;
	uint64_t sent, acked;
	uint64_t done[BUS_WINDOW / 64]; /* bit of ticket % BUS_WINDOW: acknowledged, but something
					   before it is not */

	rd_kafka_t *consumer; /* made with the first source */
	rd_kafka_queue_t *consumer_queue;
	struct bus_source sources[BUS_MAX_SOURCES];
	int nsources;
	int turn;    /* source that bus_take() begins with */
	size_t held; /* records taken and not given back */

	bool dead;
	struct br_err why;
};

/* A producer, or with a reader a consumer that tells it its errors. The configuration: fixed
 * settings, ours that a site may change, the site's. NULL with err. */
rd_kafka_t *bus_handle(
	const struct cfg_site *site, const char *client, struct bus *reader, struct br_err *err);
void bus_source_error(rd_kafka_t *rk, int code, const char *why, void *reader);

/* err: why the bus is of no use any more; the owner hears of it in the next turn. Only the first
 * counts. */
void bus_die(struct bus *b, const struct br_err *err);
/* A word about the broker, at most once in a while. */
void bus_complain(struct bus *b, rd_kafka_resp_err_t code, const char *why);
/* Handles errors and log lines of either handle. */
void bus_event(struct bus *b, rd_kafka_t *rk, rd_kafka_event_t *ev);
void bus_connect_wake(struct bus *b, rd_kafka_queue_t *q);

/* bus_flush.c. NULL: there is no thread to be had, and messages wait for linger.ms. */
struct bus_flusher *bus_flusher_new(rd_kafka_t *producer);
/* What was produced so far waits no longer. Returns at once. */
void bus_flusher_ask(struct bus_flusher *f);
/* Before its producer; waits for its thread. */
void bus_flusher_free(struct bus_flusher *f);

/* Serve at most one turn of events; true when more may be there. */
bool bus_producer_turn(struct bus *b);
bool bus_consumer_turn(struct bus *b);
/* Whether bus_take() would find something. */
bool bus_has_records(const struct bus *b);

#endif
