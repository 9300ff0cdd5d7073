/*
 * Any setting of librdkafka may stand here, except those the protocol rests on. librdkafka itself
 * knows which settings there are and what they take, so it is asked now, where the place in the
 * file is still known, and not when it starts.
 */
#include "cfg_kafka.h"

#include "br_text.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

static const struct refused {
	const char *key;
	enum br_err_code code;
} refused[] = {
	{"acks", BR_E_CFG_KAFKA_DELIVERY},
	{"request.required.acks", BR_E_CFG_KAFKA_DELIVERY},
	{"enable.idempotence", BR_E_CFG_KAFKA_DELIVERY},
	{"enable.gapless.guarantee", BR_E_CFG_KAFKA_DELIVERY},
	{"max.in.flight", BR_E_CFG_KAFKA_DELIVERY},
	{"max.in.flight.requests.per.connection", BR_E_CFG_KAFKA_DELIVERY},
	{"retries", BR_E_CFG_KAFKA_DELIVERY},
	{"message.send.max.retries", BR_E_CFG_KAFKA_DELIVERY},
	{"check.crcs", BR_E_CFG_KAFKA_DELIVERY},
	{"partitioner", BR_E_CFG_KAFKA_DELIVERY},
	{"auto.offset.reset", BR_E_CFG_KAFKA_DELIVERY},
	{"allow.auto.create.topics", BR_E_CFG_KAFKA_DELIVERY},
	{"group.id", BR_E_CFG_KAFKA_POSITION},
	{"group.instance.id", BR_E_CFG_KAFKA_POSITION},
	{"group.protocol.type", BR_E_CFG_KAFKA_POSITION},
	{"partition.assignment.strategy", BR_E_CFG_KAFKA_POSITION},
	{"enable.auto.commit", BR_E_CFG_KAFKA_POSITION},
	{"auto.commit.enable", BR_E_CFG_KAFKA_POSITION},
	{"enable.auto.offset.store", BR_E_CFG_KAFKA_POSITION},
	{"offset.store.method", BR_E_CFG_KAFKA_POSITION},
	{"transactional.id", BR_E_CFG_KAFKA_TRANSACTION},
	{"transaction.timeout.ms", BR_E_CFG_KAFKA_TRANSACTION},
	{"isolation.level", BR_E_CFG_KAFKA_TRANSACTION},
	{"client.id", BR_E_CFG_KAFKA_INTERNAL},
	{"log.queue", BR_E_CFG_KAFKA_INTERNAL},
	{"enabled_events", BR_E_CFG_KAFKA_INTERNAL},
	{"enable.partition.eof", BR_E_CFG_KAFKA_INTERNAL},
	{"delivery.report.only.error", BR_E_CFG_KAFKA_INTERNAL},
	{"opaque", BR_E_CFG_KAFKA_INTERNAL},
	{"default_topic_conf", BR_E_CFG_KAFKA_INTERNAL},
	{"interceptors", BR_E_CFG_KAFKA_INTERNAL},
	/* would load code into the process already while it is checked */
	{"plugin.library.paths", BR_E_CFG_KAFKA_INTERNAL},
	{"bootstrap", BR_E_CFG_KAFKA_ADDRESS},
	{"brokers", BR_E_CFG_KAFKA_ADDRESS},
	{"metadata.broker.list", BR_E_CFG_KAFKA_ADDRESS},
};

static const char *const secrets[] = {"sasl.password", "ssl.key.password", "ssl.keystore.password",
	"ssl.key.pem", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config"};

static enum br_err_code refusal(struct br_str key)
{
	static const struct br_str callback = BR_STR("_cb");

	for (size_t i = 0; i < BR_LEN(refused); i++)
		if (br_str_eq(key, br_str_z(refused[i].key)))
			return refused[i].code;
	if (key.n > callback.n && memcmp(key.p + key.n - callback.n, callback.p, callback.n) == 0)
		return BR_E_CFG_KAFKA_INTERNAL;
	return BR_E_OK;
}

static bool is_secret(struct br_str key)
{
	for (size_t i = 0; i < BR_LEN(secrets); i++)
		if (br_str_eq(key, br_str_z(secrets[i])))
			return true;
	return false;
}

#define NAMES_MAX 512

/* The first column of librdkafka's table of its settings: only this lists the other names some of
 * them have. */
static size_t split_names(char *table, const char **names)
{
	size_t n = 0;

	for (char *line = table, *next; line && n < NAMES_MAX; line = next) {
		size_t length = strcspn(line, " |\n");

		next = strchr(line, '\n');
		next = next ? next + 1 : NULL;
		if (length == 0 || line[length] != ' ' || !memchr(line, '.', length))
			continue;
		line[length] = '\0';
		names[n++] = line;
	}
	return n;
}

static int unknown(const struct cfg_node *node, struct cfg_report *report)
{
	const char *names[NAMES_MAX], *near = NULL;
	char *table = NULL;
	size_t size;
	FILE *to = open_memstream(&table, &size);
	int rc;

	if (to) {
		rd_kafka_conf_properties_show(to);
		fclose(to);
		near = br_nearest(node->key, names, split_names(table, names));
	}
	if (near && refusal(br_str_z(near)) == BR_E_OK)
		rc = cfg_problem_key(report, node, BR_E_CFG_KAFKA_UNKNOWN_NEAR, "key", node->key.p,
			"near", near, NULL);
	else
		rc = cfg_problem_key(
			report, node, BR_E_CFG_KAFKA_UNKNOWN, "key", node->key.p, NULL);
	free(table);
	return rc;
}

/* librdkafka's reason quotes the value, so it is left out where that is not for everybody's eyes.
 */
static int ask_librdkafka(
	const struct cfg_node *node, struct br_str value, struct cfg_report *report)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool hidden = is_secret(node->key) || cfg_has_reference(node->text);
	rd_kafka_conf_res_t res;
	char why[512] = "";

	res = rd_kafka_conf_set(conf, node->key.p, value.p, why, sizeof(why));
	rd_kafka_conf_destroy(conf);
	if (res == RD_KAFKA_CONF_OK)
		return 0;
	if (res == RD_KAFKA_CONF_UNKNOWN)
		return unknown(node, report);
	return cfg_problem(report, node, BR_E_CFG_KAFKA_VALUE, "key", node->key.p, "found",
		is_secret(node->key) ? "***" : node->text.p, "why", hidden ? "-" : why, NULL);
}

static int read_setting(const struct cfg_node *node, const char *secrets_dir, struct br_str *value,
	struct cfg_report *report)
{
	struct cfg_option row = {.type = CFG_T_TEXT, .secret = is_secret(node->key)};
	enum br_err_code code = refusal(node->key);
	int rc;

	if (code != BR_E_OK)
		return cfg_problem_key(report, node, code, "key", node->key.p, NULL);
	rc = cfg_read_value(&row, node, secrets_dir, value, report);
	return rc ? rc : ask_librdkafka(node, *value, report);
}

static int read_bootstrap(const struct cfg_node *map, const char *secrets_dir, struct br_str *out,
	struct cfg_report *report)
{
	static const struct cfg_option row = {
		.name = "bootstrap.servers", .type = CFG_T_TEXT, .required = true};
	const struct cfg_node *node = cfg_get(map, row.name);

	if (!node)
		return cfg_problem(report, map, BR_E_CFG_MISSING, "key", row.name, NULL);
	return cfg_read_value(&row, node, secrets_dir, out, report);
}

int cfg_kafka_read(const struct cfg_node *map, const char *secrets_dir, struct cfg_site *site,
	struct br_arena *a, struct cfg_report *report)
{
	struct cfg_node *rest = br_arena_new(a, struct cfg_node), **end;
	int rc = read_bootstrap(map, secrets_dir, &site->kafka_bootstrap, report);

	if (!rest)
		return cfg_problem(report, map, BR_E_NOMEM, NULL);
	*rest = *map;
	rest->child = NULL;
	rest->next = NULL;
	rest->n = 0;
	end = &rest->child;
	for (const struct cfg_node *c = cfg_first(map); c; c = c->next) {
		struct br_str value = BR_STR_NONE;
		int bad;

		if (br_str_eq(c->key, BR_STR("bootstrap.servers")))
			continue;
		bad = read_setting(c, secrets_dir, &value, report);
		rc = rc ? rc : bad;
		if (bad)
			continue;
		*end = br_arena_new(a, struct cfg_node);
		if (!*end)
			return cfg_problem(report, map, BR_E_NOMEM, NULL);
		**end = *c;
		(*end)->text = value;
		(*end)->next = NULL;
		end = &(*end)->next;
		rest->n++;
	}
	site->kafka = rest;
	return rc;
}
