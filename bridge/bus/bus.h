/*
 * bus.h - Kafka for one process: one idempotent producer and one consumer handle on the loop.
 *
 * Producing: bus_send() gives each message a ticket; tickets are numbered from 1 in the order of
 * sending. bus_acked() is the highest ticket up to which *all* are acknowledged by the broker: the
 * only meaning of "durable". Any failed delivery, fatal error or expiry is reported once through
 * on_fatal: the owner destroys the bus and starts again (crash-only; protocol: any producer error
 * is a new handshake). Consuming: partitions are assigned by hand - no groups, no committed
 * offsets; the positions are the caller's. Records are taken one by one from the queue and stay
 * valid until given back. A broker that is down is no error here: librdkafka goes on trying, and a
 * line is logged once in a while.
 */
#ifndef BUS_H
#define BUS_H

#include "br_loop.h"
#include "cfg_site.h"
#include "message.h"

struct bus;

struct bus_events {
	/* something can be taken: call bus_take() until it gives 0. Who stops earlier comes back by
	 * himself; there is no second call for the same records. */
	void (*on_records)(void *arg);
	/* bus_acked() moved, so there is room again as well */
	void (*on_acked)(void *arg);
	/* this bus is of no use any more; err says why (class RETRY or FATAL). Called at most once.
	 */
	void (*on_fatal)(void *arg, const struct br_err *err);
	void *arg;
};

/* client: client.id. The kafka keys of the site (already checked) are passed through on top of the
 * fixed settings. */
struct bus *bus_new(struct br_loop *l, const struct cfg_site *site, const char *client,
	const struct bus_events *events, struct br_err *err);
/* Stops within deadline_ms, dropping what is not acknowledged by then; nobody is called back. All
 * records must have been given back. May be called from any of the bus's own callbacks. */
void bus_free(struct bus *b, int64_t deadline_ms);

/* A topic the bus writes to; n is filled from metadata or asked lazily. Index for bus_send, or < 0.
 */
int bus_topic(struct bus *b, const char *name, struct br_err *err);
struct bus_header {
	const char *name;
	struct br_str value;
};
/* partition -1: murmur2 of the key over the topic's partitions (as Kafka's own clients do). key and
 * value are copied. 0, or -BR_E_BUS_*: TOO_LARGE (message.max.bytes), QUEUE_FULL (wait for
 * on_acked, then send again). *ticket is set on success. */
int bus_send(struct bus *b, int topic, int partition, struct br_str key, struct br_str value,
	const struct bus_header *headers, size_t nheaders, uint64_t *ticket, struct br_err *err);
uint64_t bus_acked(const struct bus *b);
/* Key and value together may have so many bytes (message.max.bytes). */
size_t bus_max_message(const struct bus *b);
/* Whether a site may set this under kafka:, for lint. 0, BUS_SETTING or BUS_SETTING_FIXED. */
int bus_check_setting(const char *key, const char *value, struct br_err *err);
uint64_t bus_sent(const struct bus *b); /* last ticket given */

#define BUS_AT_END (-1)
/* Adds a source: one partition read from `offset` (BUS_AT_END: the high watermark at this moment).
 * With BUS_AT_END, or when at is not NULL, the broker is asked (waits up to 5 s), the offset is
 * checked against what the partition holds, and the start is returned in *at; otherwise nothing
 * waits and a wrong offset or a missing topic is reported through on_fatal. All sources share one
 * consumer handle. Returns its number 0.. or < 0 (BUS_TOPIC_MISSING, BUS_OFFSET_GONE,
 * BUS_UNREACHABLE, ...). */
int bus_assign(struct bus *b, const char *topic, int partition, int64_t offset, int64_t *at,
	struct br_err *err);
/* Moves a source, dropping what was prefetched. */
int bus_seek(struct bus *b, int source, int64_t offset, struct br_err *err);

/* What a partition holds, [*low, *high); asks the broker, waits up to 5 s. */
int bus_bounds(struct bus *b, const char *topic, int partition, int64_t *low, int64_t *high,
	struct br_err *err);
/* The source that was added last is read no more. */
void bus_leave(struct bus *b, int source);

struct bus_record {
	int source;
	int64_t offset;
	int64_t timestamp; /* Kafka's, ms */
	struct br_str key, value;
	void *hold;
};
/* Takes up to max records that are already there, never waits; sources take turns in being first.
 */
size_t bus_take(struct bus *b, struct bus_record *out, size_t max);
/* The same from one source, for who has a reason to leave another alone: Kafka keeps what it has.
 */
size_t bus_take_from(struct bus *b, int source, struct bus_record *out, size_t max);
/* One record of one source, waiting for it up to timeout_ms. 1, 0: there was none in time, or < 0
 * (on_fatal is called as well). */
int bus_wait_from(
	struct bus *b, int source, struct bus_record *out, int timeout_ms, struct br_err *err);
void bus_give_back(struct bus *b, struct bus_record *records, size_t n);

/* Java's default partitioner: murmur2(key) & 0x7fffffff % n. */
int bus_partition_of(struct br_str key, int n);

/* Topics of a site, with their policies; used by `casebridge topics plan|apply|check`. */
struct bus_topic_plan {
	struct br_str name;
	int partitions;		  /* 1: it must be so; more: for a new topic */
	int replication;	  /* -1: min(3, brokers) */
	const char *config[8][2]; /* name, value; NULL-terminated */
};
/* All topics a site needs, in the arena. */
int bus_topics(
	const struct cfg_site *site, struct br_arena *a, struct bus_topic_plan **out, size_t *n);
enum bus_topic_state {
	BUS_TOPIC_OK,
	BUS_TOPIC_MISSING_STATE,
	BUS_TOPIC_DIFFERS,
	BUS_TOPIC_WRONG_PARTITIONS
};
struct bus_topic_check {
	enum bus_topic_state state;
	char difference[256]; /* "retention.ms is 604800000, wanted 3024000000" */
};
/* Synchronous (CLI), up to some 30 s: what exists against the plan; and creating what is missing,
 * altering what differs (out then tells what was found before; a wrong number of partitions is left
 * alone). -BR_E_BUS_NO_ADMIN: librdkafka's mock broker, which makes topics by itself. */
int bus_topics_check(const struct cfg_site *site, const struct bus_topic_plan *plan, size_t n,
	struct bus_topic_check *out, struct br_err *err);
int bus_topics_apply(const struct cfg_site *site, const struct bus_topic_plan *plan, size_t n,
	struct bus_topic_check *out, struct br_err *err);

#define BUS_NO_ANSWER (-1)
/* Synchronous (CLI): the high watermarks of partition 0 of these topics, BUS_NO_ANSWER where the
 * topic is missing or did not answer in time. 0, or -BR_E_BUS_UNREACHABLE when the broker did not
 * answer within timeout_ms. */
int bus_high(const struct cfg_site *site, const char *const *topics, size_t n, int64_t timeout_ms,
	int64_t *high, struct br_err *err);

#endif
