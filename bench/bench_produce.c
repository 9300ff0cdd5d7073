/*
 * bench-produce BROKERS TOPIC FILE
 *
 * Each line of FILE becomes one message to partition 0, keyed by its first column: librdkafka
 * alone, with the settings that we use too (idempotent, acks=all, lz4). From the first message to
 * the last acknowledgement; connecting is not measured.
 */
#include "bench_clock.h"
#include "bench_file.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

static size_t acked;

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
	(void)rk;
	(void)arg;
	if (m->err)
		bench_die("a message was not delivered", rd_kafka_err2str(m->err));
	acked++;
}

static rd_kafka_t *producer(const char *brokers)
{
	const char *const settings[][2] = {
		{"bootstrap.servers", brokers},
		{"enable.idempotence", "true"},
		{"acks", "all"},
		{"compression.codec", "lz4"},
		{"linger.ms", "5"},
		{"socket.nagle.disable", "true"},
		{"queue.buffering.max.messages", "200000"},
		{"queue.buffering.max.kbytes", "131072"},
		{"batch.num.messages", "10000"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512];
	rd_kafka_t *rk;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof(why)))
			bench_die(settings[i][0], why);
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!rk)
		bench_die("librdkafka", why);
	return rk;
}

static void send_line(rd_kafka_t *rk, rd_kafka_topic_t *topic, const struct bench_line *line)
{
	const char *tab = memchr(line->p, '\t', line->n);
	size_t key = tab ? (size_t)(tab - line->p) : line->n;

	while (rd_kafka_produce(topic, 0, 0, line->p, line->n, line->p, key, NULL)) {
		if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			bench_die("produce", rd_kafka_err2str(rd_kafka_last_error()));
		rd_kafka_poll(rk, 10);
	}
}

int main(int argc, char **argv)
{
	const struct rd_kafka_metadata *metadata;
	struct bench_span begin;
	struct bench_file f;
	rd_kafka_topic_t *topic;
	rd_kafka_t *rk;

	if (argc != 4)
		bench_die("usage", "bench-produce BROKERS TOPIC FILE");
	bench_file_read(&f, argv[3]);
	rk = producer(argv[1]);
	topic = rd_kafka_topic_new(rk, argv[2], NULL);
	if (!topic || rd_kafka_metadata(rk, 0, topic, &metadata, 10000))
		bench_die(argv[2], "no metadata");
	rd_kafka_metadata_destroy(metadata);
	/* One message first: the producer's own id is fetched with it. */
	send_line(rk, topic, &f.lines[0]);
	if (rd_kafka_flush(rk, 10000))
		bench_die(argv[2], "the first message was not acknowledged");
	acked = 0;
	begin = bench_begin();
	for (size_t i = 0; i < f.nlines; i++) {
		send_line(rk, topic, &f.lines[i]);
		if (i % 256 == 0)
			rd_kafka_poll(rk, 0);
	}
	if (rd_kafka_flush(rk, 60000) || acked != f.nlines)
		bench_die(argv[2], "not all messages were acknowledged");
	bench_tell(begin, (int64_t)f.nlines, (int64_t)f.n);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return 0;
}
