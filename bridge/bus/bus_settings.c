/*
 * bus_settings.c - how librdkafka is set up.
 *
 * Fixed: what the protocol rests on. Ours: what we think best, and a site may change under kafka:.
 * Sources are consumed with rd_kafka_consume_start_queue(): an assignment without any group, so no
 * coordinator is asked and no group right is needed.
 */
#include "bus_internal.h"

#include <stdlib.h>

struct setting {
	const char *key, *value;
	enum { BOTH, PRODUCER, CONSUMER } side;
	bool fixed;
};

static const struct setting settings[] = {
	{"log.queue", "true", BOTH, true},
	{"enable.idempotence", "true", PRODUCER, true},
	{"acks", "all", PRODUCER, true},
	{"partitioner", "murmur2", PRODUCER, true},
	{"enable.auto.commit", "false", CONSUMER, true},
	{"enable.auto.offset.store", "false", CONSUMER, true},
	{"auto.offset.reset", "error", CONSUMER, true},
	{"isolation.level", "read_committed", CONSUMER, true},
	{"allow.auto.create.topics", "false", CONSUMER, true},
	{"check.crcs", "true", CONSUMER, true},

	{"socket.nagle.disable", "true", BOTH, false},
	{"socket.keepalive.enable", "true", BOTH, false},
	{"log.connection.close", "false", BOTH, false},
	{"reconnect.backoff.ms", "50", BOTH, false},
	{"reconnect.backoff.max.ms", "1000", BOTH, false},
	/* shorter than message.timeout.ms, so that a broker that hangs costs one reconnect, not the
	   messages */
	{"socket.timeout.ms", "10000", BOTH, false},
	/* against zstd it costs a fifth of the CPU time of the whole way through Kafka less, for
	   some more bytes on the broker's disk */
	{"compression.codec", "lz4", PRODUCER, false},
	/* At most, for batches that are long in the making: what is complete does not wait
	 * (bus_flush.c). */
	{"linger.ms", "5", PRODUCER, false},
	{"message.timeout.ms", "30000", PRODUCER, false},
	{"queue.buffering.max.kbytes", "8192", PRODUCER, false},
	{"queue.buffering.max.messages", "50000", PRODUCER, false},
	/* a topic that is not there is said to be missing at once: starting over is cheap, and
	   after creating topics the command line waits for them */
	{"topic.metadata.propagation.max.ms", "0", BOTH, false},
	{"fetch.wait.max.ms", "250", CONSUMER, false},
	{"fetch.min.bytes", "1", CONSUMER, false},
	{"fetch.error.backoff.ms", "50", CONSUMER, false},
	{"queued.max.messages.kbytes", "4096", CONSUMER, false},
};

/* Keys that have no fixed value in the table, but are not for a site either. */
static const char *const reserved[] = {"metadata.broker.list", "client.id", "group.id",
	"group.instance.id", "transactional.id", "request.required.acks", "auto.commit.enable",
	"partition.assignment.strategy", "enable.partition.eof", "offset.store.method", "opaque",
	"delivery.report.only.error", "dr_msg_cb", "dr_cb", "enable.gapless.guarantee",
	"max.in.flight", "max.in.flight.requests.per.connection"};

static bool is_fixed(const char *key)
{
	for (size_t i = 0; i < BR_LEN(settings); i++)
		if (settings[i].fixed && strcmp(key, settings[i].key) == 0)
			return true;
	for (size_t i = 0; i < BR_LEN(reserved); i++)
		if (strcmp(key, reserved[i]) == 0)
			return true;
	return false;
}

static int set(rd_kafka_conf_t *conf, const char *key, const char *value, struct br_err *err)
{
	char why[256];

	if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return 0;
	return br_err_set(err, BR_E_BUS_SETTING, "key", key, "why", why, NULL);
}

int bus_check_setting(const char *key, const char *value, struct br_err *err)
{
	rd_kafka_conf_t *conf;
	int rc;

	if (is_fixed(key))
		return br_err_set(err, BR_E_BUS_SETTING_FIXED, "key", key, NULL);
	conf = rd_kafka_conf_new();
	rc = set(conf, key, value, err);
	rd_kafka_conf_destroy(conf);
	return rc;
}

/* Values of YAML have a NUL behind them (cfg_node.h). */
static int set_site(rd_kafka_conf_t *conf, const struct cfg_site *site, struct br_err *err)
{
	for (const struct cfg_node *n = cfg_first(site->kafka); n; n = n->next) {
		char key[128];
		int rc;

		if (n->kind != CFG_SCALAR || n->key.n >= sizeof(key))
			return br_err_set(
				err, BR_E_BUS_SETTING, "key", "kafka", "why", "not a text", NULL);
		memcpy(key, n->key.p, n->key.n);
		key[n->key.n] = '\0';
		if (strcmp(key, "bootstrap.servers") == 0)
			continue; /* read into kafka_bootstrap */
		if (is_fixed(key))
			return br_err_set(err, BR_E_BUS_SETTING_FIXED, "key", key, NULL);
		rc = set(conf, key, n->text.p, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int set_all(rd_kafka_conf_t *conf, const struct cfg_site *site, const char *client,
	bool producer, struct br_err *err)
{
	char bootstrap[1024];
	int rc;

	if (site->kafka_bootstrap.n >= sizeof(bootstrap))
		return br_err_set(
			err, BR_E_BUS_SETTING, "key", "bootstrap", "why", "too long", NULL);
	memcpy(bootstrap, site->kafka_bootstrap.p, site->kafka_bootstrap.n);
	bootstrap[site->kafka_bootstrap.n] = '\0';
	rc = set(conf, "bootstrap.servers", bootstrap, err);
	if (rc == 0)
		rc = set(conf, "client.id", client, err);
	for (size_t i = 0; i < BR_LEN(settings) && rc == 0; i++)
		if (settings[i].side == BOTH || (settings[i].side == PRODUCER) == producer)
			rc = set(conf, settings[i].key, settings[i].value, err);
	return rc ? rc : set_site(conf, site, err);
}

static rd_kafka_conf_t *make_conf(
	const struct cfg_site *site, const char *client, bool producer, struct br_err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (set_all(conf, site, client, producer, err) != 0) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_events(
		conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
	return conf;
}

rd_kafka_t *bus_handle(
	const struct cfg_site *site, const char *client, struct bus *reader, struct br_err *err)
{
	bool producer = reader == NULL;
	rd_kafka_conf_t *conf = make_conf(site, client, producer, err);
	rd_kafka_t *rk;
	char why[512];

	if (!conf)
		return NULL;
	if (reader) {
		/* a topic that does not exist is told in no other way to who consumes from a queue
		 */
		rd_kafka_conf_set_opaque(conf, reader);
		rd_kafka_conf_set_error_cb(conf, bus_source_error);
	}
	rk = rd_kafka_new(producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		br_err_set(err, BR_E_BUS_START, "why", why, NULL);
		return NULL;
	}
	/* log lines come through the event queue as well: librdkafka's threads print nothing */
	rd_kafka_set_log_queue(rk, NULL);
	return rk;
}
