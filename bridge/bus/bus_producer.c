/*
 * bus_producer.c - tickets: what "durable" means.
 *
 * Acknowledgements of different partitions come in any order; a bit per ticket keeps those that
 * came too early, and acked moves over the run of set bits.
 */
#include "bus_internal.h"

#include <stdio.h>

int bus_topic(struct bus *b, const char *name, struct br_err *err)
{
	rd_kafka_topic_t *t;

	for (int i = 0; i < b->ntopics; i++)
		if (strcmp(rd_kafka_topic_name(b->topics[i]), name) == 0)
			return i;
	if (b->ntopics == BUS_MAX_TOPICS)
		return br_err_set(
			err, BR_E_TOO_BIG, "what", "the list of topics", "max", "64", NULL);
	t = rd_kafka_topic_new(b->producer, name, NULL);
	if (!t)
		return br_err_set(
			err, BR_E_BUS_START, "why", rd_kafka_err2str(rd_kafka_last_error()), NULL);
	b->topics[b->ntopics] = t;
	return b->ntopics++;
}

static bool is_missing(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
	       code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
	       code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

/* The producer cannot be used any more: the order of what it was given is lost. */
static int broken(struct bus *b, const char *topic, rd_kafka_resp_err_t code, struct br_err *out)
{
	struct br_err err;

	br_err_clear(&err);
	if (is_missing(code))
		br_err_set(&err, BR_E_BUS_TOPIC_MISSING, "topic", topic, NULL);
	else
		br_err_set(
			&err, BR_E_BUS_LOST, "topic", topic, "why", rd_kafka_err2str(code), NULL);
	bus_die(b, &err);
	if (out)
		*out = err;
	return -(int)br_err_code(&err);
}

static int refused(
	struct bus *b, int topic, rd_kafka_resp_err_t code, size_t size, struct br_err *err)
{
	const char *name = rd_kafka_topic_name(b->topics[topic]);
	char found[24], max[24];

	switch (code) {
	case RD_KAFKA_RESP_ERR__QUEUE_FULL:
		return br_err_set(err, BR_E_BUS_QUEUE_FULL, NULL);
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		snprintf(found, sizeof(found), "%zu", size);
		snprintf(max, sizeof(max), "%zu", bus_max_message(b));
		return br_err_set(
			err, BR_E_BUS_TOO_LARGE, "topic", name, "size", found, "max", max, NULL);
	default:
		return broken(b, name, code, err);
	}
}

size_t bus_max_message(const struct bus *b)
{
	char text[32];
	size_t n = sizeof(text);
	int64_t max;

	/* the result of get counts the NUL */
	if (rd_kafka_conf_get(rd_kafka_conf(b->producer), "message.max.bytes", text, &n) !=
			RD_KAFKA_CONF_OK ||
		!br_json_int64(br_str_z(text), &max))
		return 1000000;
	return (size_t)max;
}

static rd_kafka_headers_t *make_headers(const struct bus_header *headers, size_t n)
{
	rd_kafka_headers_t *h = rd_kafka_headers_new(n);

	for (size_t i = 0; i < n; i++)
		rd_kafka_header_add(
			h, headers[i].name, -1, headers[i].value.p, (ssize_t)headers[i].value.n);
	return h;
}

int bus_send(struct bus *b, int topic, int partition, struct br_str key, struct br_str value,
	const struct bus_header *headers, size_t nheaders, uint64_t *ticket, struct br_err *err)
{
	rd_kafka_headers_t *h = NULL;
	rd_kafka_resp_err_t code;

	if (b->dead) {
		if (err)
			*err = b->why;
		return -(int)br_err_code(&b->why);
	}
	if (b->sent - b->acked >= BUS_WINDOW)
		return br_err_set(err, BR_E_BUS_QUEUE_FULL, NULL);
	if (nheaders)
		h = make_headers(headers, nheaders);
	code = rd_kafka_producev(b->producer, RD_KAFKA_V_RKT(b->topics[topic]),
		RD_KAFKA_V_PARTITION(partition < 0 ? RD_KAFKA_PARTITION_UA : partition),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.p, key.n),
		RD_KAFKA_V_VALUE((void *)value.p, value.n), RD_KAFKA_V_HEADERS(h),
		RD_KAFKA_V_OPAQUE((void *)(uintptr_t)(b->sent + 1)), RD_KAFKA_V_END);
	if (code) {
		if (h)
			rd_kafka_headers_destroy(h);
		return refused(b, topic, code, key.n + value.n, err);
	}
	b->sent++;
	if (!br_timer_is_set(&b->turn_over))
		br_timer_set(b->loop, &b->turn_over, 0);
	if (ticket)
		*ticket = b->sent;
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

static void acknowledge(struct bus *b, uint64_t ticket)
{
	uint64_t slot = ticket % BUS_WINDOW;

	b->done[slot / 64] |= 1ull << slot % 64;
	for (;;) {
		slot = (b->acked + 1) % BUS_WINDOW;
		if (!(b->done[slot / 64] >> slot % 64 & 1))
			return;
		b->done[slot / 64] &= ~(1ull << slot % 64);
		b->acked++;
	}
}

static size_t delivery_reports(struct bus *b, rd_kafka_event_t *ev)
{
	const rd_kafka_message_t *m;
	size_t n = 0;

	while ((m = rd_kafka_event_message_next(ev))) {
		n++;
		if (m->err)
			broken(b, rd_kafka_topic_name(m->rkt), m->err, NULL);
		else
			acknowledge(b, (uint64_t)(uintptr_t)m->_private);
	}
	return n;
}

bool bus_producer_turn(struct bus *b)
{
	for (size_t n = 0; n < BUS_TURN;) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(b->producer_queue, 0);

		if (!ev)
			return false;
		n++;
		if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_DR)
			n += delivery_reports(b, ev);
		else
			bus_event(b, b->producer, ev);
		rd_kafka_event_destroy(ev);
	}
	return true;
}

/* Kafka's own (Java) hash of keys, so that any client finds a case in the partition where it
 * expects it. */
static uint32_t murmur2(const uint8_t *p, size_t n)
{
	const uint32_t m = 0x5bd1e995;
	uint32_t h = 0x9747b28cu ^ (uint32_t)n;

	for (; n >= 4; n -= 4, p += 4) {
		uint32_t k = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			     (uint32_t)p[3] << 24;

		k *= m;
		k ^= k >> 24;
		k *= m;
		h = h * m ^ k;
	}
	if (n > 0) {
		for (size_t i = n; i-- > 0;)
			h ^= (uint32_t)p[i] << 8 * i;
		h *= m;
	}
	h ^= h >> 13;
	h *= m;
	return h ^ h >> 15;
}

int bus_partition_of(struct br_str key, int n)
{
	return (int)((murmur2((const uint8_t *)key.p, key.n) & 0x7fffffffu) % (uint32_t)n);
}
