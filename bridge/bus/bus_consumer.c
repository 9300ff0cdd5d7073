#include "bus_internal.h"

#include "br_log.h"

#include <assert.h>
#include <stdio.h>

#define ASK_MS	     5000 /* for the watermarks of a partition */
#define WAIT_MS	     50	  /* of one look into a queue */
#define ASK_AGAIN    20
#define ASK_AGAIN_MS 50

static int missing(const char *topic, struct br_err *err)
{
	return br_err_set(err, BR_E_BUS_TOPIC_MISSING, "topic", topic, NULL);
}

static int gone(const char *topic, int64_t offset, int64_t low, int64_t high, struct br_err *err)
{
	char o[24], l[24], h[24];

	snprintf(o, sizeof(o), "%lld", (long long)offset);
	snprintf(l, sizeof(l), "%lld", (long long)low);
	snprintf(h, sizeof(h), "%lld", (long long)high);
	return br_err_set(
		err, BR_E_BUS_OFFSET_GONE, "topic", topic, "offset", o, "low", l, "high", h, NULL);
}

static int no_answer(struct bus *b, const char *topic, rd_kafka_resp_err_t code, struct br_err *err)
{
	char bootstrap[256];

	switch (code) {
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		return missing(topic, err);
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		return br_err_set(
			err, BR_E_BUS_SOURCE, "topic", topic, "why", rd_kafka_err2str(code), NULL);
	default:
		snprintf(
			bootstrap, sizeof(bootstrap), "%.*s", BR_STR_ARG(b->site->kafka_bootstrap));
		return br_err_set(err, BR_E_BUS_UNREACHABLE, "bootstrap", bootstrap, "why",
			rd_kafka_err2str(code), NULL);
	}
}

static int make_consumer(struct bus *b, struct br_err *err)
{
	if (b->consumer)
		return 0;
	b->consumer = bus_handle(b->site, b->client, b, err);
	if (!b->consumer)
		return -(int)(err ? br_err_code(err) : BR_E_BUS_START);
	b->consumer_queue = rd_kafka_queue_get_main(b->consumer);
	bus_connect_wake(b, b->consumer_queue);
	return 0;
}

/* A partition that was made a moment ago, or moves, has no leader that knows itself as such for
 * some milliseconds. */
static bool settles_soon(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
	       code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

int bus_bounds(struct bus *b, const char *topic, int partition, int64_t *low, int64_t *high,
	struct br_err *err)
{
	rd_kafka_resp_err_t code;
	int rc = make_consumer(b, err);

	if (rc)
		return rc;
	code = rd_kafka_query_watermark_offsets(b->consumer, topic, partition, low, high, ASK_MS);
	for (int i = 0; i < ASK_AGAIN && settles_soon(code); i++) {
		poll(NULL, 0, ASK_AGAIN_MS);
		code = rd_kafka_query_watermark_offsets(
			b->consumer, topic, partition, low, high, ASK_MS);
	}
	return code ? no_answer(b, topic, code, err) : 0;
}

/* Asks the broker what the partition holds and where to start. */
static int find_start(
	struct bus *b, const char *topic, int partition, int64_t *offset, struct br_err *err)
{
	int64_t low = 0, high = 0;
	int rc = bus_bounds(b, topic, partition, &low, &high, err);

	if (rc)
		return rc;
	if (*offset == BUS_AT_END)
		*offset = high;
	else if (*offset < low || *offset > high)
		return gone(topic, *offset, low, high, err);
	return 0;
}

int bus_assign(struct bus *b, const char *topic, int partition, int64_t offset, int64_t *at,
	struct br_err *err)
{
	rd_kafka_queue_t *records;
	rd_kafka_topic_t *t;
	int rc = make_consumer(b, err);

	if (rc)
		return rc;
	if (b->nsources == BUS_MAX_SOURCES)
		return br_err_set(
			err, BR_E_TOO_BIG, "what", "the list of sources", "max", "64", NULL);
	if (offset == BUS_AT_END || at) {
		rc = find_start(b, topic, partition, &offset, err);
		if (rc)
			return rc;
	}
	t = rd_kafka_topic_new(b->consumer, topic, NULL);
	if (!t)
		return br_err_set(
			err, BR_E_BUS_START, "why", rd_kafka_err2str(rd_kafka_last_error()), NULL);
	records = rd_kafka_queue_new(b->consumer);
	bus_connect_wake(b, records);
	if (rd_kafka_consume_start_queue(t, partition, offset, records) != 0) {
		rd_kafka_queue_destroy(records);
		rd_kafka_topic_destroy(t);
		return no_answer(b, topic, rd_kafka_last_error(), err);
	}
	b->sources[b->nsources] = (struct bus_source){t, partition, records};
	if (at)
		*at = offset;
	return b->nsources++;
}

int bus_seek(struct bus *b, int source, int64_t offset, struct br_err *err)
{
	const struct bus_source *s = &b->sources[source];
	/* without a time-out it does not wait; records fetched before carry an older version and
	 * are dropped inside */
	rd_kafka_resp_err_t code = rd_kafka_seek(s->topic, s->partition, offset, 0);

	if (code)
		return br_err_set(err, BR_E_BUS_SOURCE, "topic", rd_kafka_topic_name(s->topic),
			"why", rd_kafka_err2str(code), NULL);
	return 0;
}

static void bad_source(struct bus *b, const rd_kafka_message_t *m)
{
	const char *topic = rd_kafka_topic_name(m->rkt);
	int64_t low = -1, high = -1;
	struct br_err err;

	br_err_clear(&err);
	switch (m->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		return;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		rd_kafka_get_watermark_offsets(b->consumer, topic, m->partition, &low, &high);
		gone(topic, m->offset, low, high, &err);
		break;
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		missing(topic, &err);
		break;
	default:
		br_err_set(&err, BR_E_BUS_SOURCE, "topic", topic, "why", rd_kafka_message_errstr(m),
			NULL);
	}
	bus_die(b, &err);
}

/* Called by librdkafka inside rd_kafka_consume_queue(), so in our own thread. why is "topic
 * [partition]: ...". */
void bus_source_error(rd_kafka_t *rk, int code, const char *why, void *reader)
{
	struct bus *b = reader;
	struct br_err err;
	char topic[256];

	(void)rk;
	if (code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
		code != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC &&
		code != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
		bus_complain(b, (rd_kafka_resp_err_t)code, why);
		return;
	}
	snprintf(topic, sizeof(topic), "%.*s", (int)strcspn(why, " "), why);
	br_err_clear(&err);
	missing(topic, &err);
	bus_die(b, &err);
}

bool bus_has_records(const struct bus *b)
{
	for (int i = 0; i < b->nsources; i++)
		if (rd_kafka_queue_length(b->sources[i].records) > 0)
			return true;
	return false;
}

/* The next message, or NULL when there is none. An empty answer alone does not say so: what was
 * popped may have been a note of librdkafka's own, and nobody would wake us for what stands behind
 * it. */
static rd_kafka_message_t *next_message(struct bus *b, rd_kafka_queue_t *records)
{
	rd_kafka_message_t *m;

	for (int i = 0; i < 100; i++) {
		m = rd_kafka_consume_queue(records, 0);
		if (m || rd_kafka_queue_length(records) == 0)
			return m;
	}
	br_timer_set(b->loop, &b->again, 0);
	return NULL;
}

static void give(int source, rd_kafka_message_t *m, struct bus_record *out)
{
	rd_kafka_timestamp_type_t type;

	*out = (struct bus_record){.source = source,
		.offset = m->offset,
		.timestamp = rd_kafka_message_timestamp(m, &type),
		.key = {m->key, m->key_len},
		.value = {m->payload, m->len},
		.hold = m};
}

size_t bus_take_from(struct bus *b, int source, struct bus_record *out, size_t max)
{
	size_t n = 0;

	while (n < max && !b->dead) {
		rd_kafka_message_t *m = next_message(b, b->sources[source].records);

		if (!m)
			break;
		if (m->err) {
			bad_source(b, m);
			rd_kafka_message_destroy(m);
			continue;
		}
		give(source, m, &out[n++]);
	}
	b->held += n;
	return n;
}

int bus_wait_from(
	struct bus *b, int source, struct bus_record *out, int timeout_ms, struct br_err *err)
{
	for (int waited = 0; !b->dead && waited <= timeout_ms;) {
		rd_kafka_message_t *m;

		if (bus_take_from(b, source, out, 1) == 1)
			return 1;
		if (b->dead)
			break;
		waited += WAIT_MS;
		m = rd_kafka_consume_queue(b->sources[source].records, WAIT_MS);
		if (!m)
			continue;
		if (m->err) {
			bad_source(b, m);
			rd_kafka_message_destroy(m);
			continue;
		}
		give(source, m, out);
		b->held++;
		return 1;
	}
	if (!b->dead)
		return 0;
	*err = b->why;
	return -(int)br_err_code(err);
}

void bus_leave(struct bus *b, int source)
{
	struct bus_source *s = &b->sources[source];

	assert(source == b->nsources - 1);
	rd_kafka_consume_stop(s->topic, s->partition);
	rd_kafka_topic_destroy(s->topic);
	rd_kafka_queue_destroy(s->records);
	b->nsources--;
}

size_t bus_take(struct bus *b, struct bus_record *out, size_t max)
{
	size_t n = 0;

	/* a busy source must not shut out the others */
	for (int i = 0; i < b->nsources && n < max; i++)
		n += bus_take_from(b, (b->turn + i) % b->nsources, out + n, max - n);
	if (b->nsources)
		b->turn = (b->turn + 1) % b->nsources;
	return n;
}

void bus_give_back(struct bus *b, struct bus_record *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		rd_kafka_message_destroy(records[i].hold);
		records[i].hold = NULL;
	}
	assert(b->held >= n);
	b->held -= n;
}

bool bus_consumer_turn(struct bus *b)
{
	for (size_t n = 0; n < BUS_TURN; n++) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(b->consumer_queue, 0);

		if (!ev)
			return false;
		bus_event(b, b->consumer, ev);
		rd_kafka_event_destroy(ev);
	}
	return true;
}
