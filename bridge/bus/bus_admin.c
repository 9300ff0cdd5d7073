/*
 * bus_admin.c - topics of a broker against the plan, for the command line: synchronous, with its
 * own handle.
 *
 * AlterConfigs of this librdkafka replaces *all* settings of a topic, so whatever somebody else set
 * there is read first and sent along.
 */
#include "bus_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define ASK_MS	      10000
#define CREATE_MS     20000
#define CONTROLLER_MS 3000
#define MAX_CONFIG    9 /* of a plan, and min.insync.replicas */

struct admin {
	const struct cfg_site *site;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	const struct rd_kafka_metadata *metadata;
	rd_kafka_event_t *described; /* DescribeConfigs of the topics that exist, or NULL */
};

struct wanted {
	const char *name, *value;
};

static int unreachable(const struct admin *d, rd_kafka_resp_err_t code, struct br_err *err)
{
	char bootstrap[256];

	snprintf(bootstrap, sizeof(bootstrap), "%.*s", BR_STR_ARG(d->site->kafka_bootstrap));
	if (code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
		return br_err_set(err, BR_E_BUS_NO_ADMIN, "bootstrap", bootstrap, NULL);
	return br_err_set(err, BR_E_BUS_UNREACHABLE, "bootstrap", bootstrap, "why",
		rd_kafka_err2str(code), NULL);
}

static int refused(const char *action, const char *topic, const char *why, struct br_err *err)
{
	return br_err_set(err, BR_E_BUS_ADMIN, "action", action, "topic", topic, "why", why, NULL);
}

static void admin_close(struct admin *d)
{
	if (d->described)
		rd_kafka_event_destroy(d->described);
	if (d->metadata)
		rd_kafka_metadata_destroy(d->metadata);
	if (d->queue)
		rd_kafka_queue_destroy(d->queue);
	if (d->rk)
		rd_kafka_destroy(d->rk);
}

/* The mock broker names a controller that is none of its brokers; requests to it would only run
 * into their time-out. */
static bool has_controller(const struct admin *d)
{
	int32_t id = rd_kafka_controllerid(d->rk, CONTROLLER_MS);

	for (int i = 0; i < d->metadata->broker_cnt; i++)
		if (d->metadata->brokers[i].id == id)
			return true;
	return false;
}

static int admin_open(struct admin *d, const struct cfg_site *site, struct br_err *err)
{
	rd_kafka_resp_err_t code;

	*d = (struct admin){.site = site};
	d->rk = bus_handle(site, "casebridge-topics", NULL, err);
	if (!d->rk)
		return -BR_E_BUS_START; /* err says what it was */
	d->queue = rd_kafka_queue_new(d->rk);
	code = rd_kafka_metadata(d->rk, 1, NULL, &d->metadata, ASK_MS);
	if (!code && !has_controller(d))
		code = RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
	return code ? unreachable(d, code, err) : 0;
}

static const rd_kafka_metadata_topic_t *find_topic(const struct admin *d, struct br_str name)
{
	for (int i = 0; i < d->metadata->topic_cnt; i++)
		if (br_str_eq(br_str_z(d->metadata->topics[i].topic), name))
			return &d->metadata->topics[i];
	return NULL;
}

static int replicas(const struct admin *d, const struct bus_topic_plan *plan)
{
	if (plan->replication > 0)
		return plan->replication;
	return d->metadata->broker_cnt < 3 ? d->metadata->broker_cnt : 3;
}

/* The settings the topic shall have. min.insync.replicas follows from how many copies there are. */
static size_t wanted_of(const struct bus_topic_plan *plan, int copies, struct wanted *out)
{
	size_t n = 0;

	for (size_t i = 0; i < BR_LEN(plan->config) && plan->config[i][0]; i++)
		out[n++] = (struct wanted){plan->config[i][0], plan->config[i][1]};
	out[n++] = (struct wanted){"min.insync.replicas", copies >= 2 ? "2" : "1"};
	return n;
}

static rd_kafka_event_t *wait_for(struct admin *d, int ms)
{
	return rd_kafka_queue_poll(d->queue, ms);
}

/* Reads the settings of all topics of the plan that exist. */
static int describe(
	struct admin *d, const struct bus_topic_plan *plan, size_t n, struct br_err *err)
{
	rd_kafka_ConfigResource_t **ask = calloc(n + 1, sizeof(*ask));
	size_t count = 0;
	rd_kafka_resp_err_t code;

	if (!ask)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < n; i++)
		if (find_topic(d, plan[i].name))
			ask[count++] = rd_kafka_ConfigResource_new(
				RD_KAFKA_RESOURCE_TOPIC, plan[i].name.p);
	if (count) {
		rd_kafka_DescribeConfigs(d->rk, ask, count, NULL, d->queue);
		d->described = wait_for(d, CREATE_MS);
	}
	rd_kafka_ConfigResource_destroy_array(ask, count);
	free(ask);
	if (!count)
		return 0;
	if (!d->described)
		return unreachable(d, RD_KAFKA_RESP_ERR__TIMED_OUT, err);
	code = rd_kafka_event_error(d->described);
	return code ? unreachable(d, code, err) : 0;
}

static const rd_kafka_ConfigResource_t *settings_of(const struct admin *d, struct br_str topic)
{
	const rd_kafka_ConfigResource_t **all;
	size_t n = 0;

	if (!d->described)
		return NULL;
	all = rd_kafka_DescribeConfigs_result_resources(
		rd_kafka_event_DescribeConfigs_result(d->described), &n);
	for (size_t i = 0; i < n; i++)
		if (br_str_eq(br_str_z(rd_kafka_ConfigResource_name(all[i])), topic))
			return all[i];
	return NULL;
}

static const char *value_of(const rd_kafka_ConfigResource_t *r, const char *name)
{
	size_t n = 0;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(r, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
			return rd_kafka_ConfigEntry_value(entries[i]);
	return NULL;
}

static int compare(const struct admin *d, const struct bus_topic_plan *plan,
	struct bus_topic_check *out, struct br_err *err)
{
	const rd_kafka_metadata_topic_t *t = find_topic(d, plan->name);
	const rd_kafka_ConfigResource_t *r = settings_of(d, plan->name);
	struct wanted wanted[MAX_CONFIG];
	size_t n, used = 0;

	out->state = BUS_TOPIC_MISSING_STATE;
	out->difference[0] = '\0';
	if (!t)
		return 0;
	if (!r || rd_kafka_ConfigResource_error(r))
		return refused("describe", plan->name.p,
			r ? rd_kafka_ConfigResource_error_string(r) : "no answer", err);
	out->state = BUS_TOPIC_OK;
	n = wanted_of(plan, t->partition_cnt ? t->partitions[0].replica_cnt : 1, wanted);
	for (size_t i = 0; i < n; i++) {
		const char *found = value_of(r, wanted[i].name);

		if (found && strcmp(found, wanted[i].value) == 0)
			continue;
		out->state = BUS_TOPIC_DIFFERS;
		if (used < sizeof(out->difference))
			used += (size_t)snprintf(out->difference + used,
				sizeof(out->difference) - used, "%s%s is %s, wanted %s",
				used ? "; " : "", wanted[i].name, found ? found : "not set",
				wanted[i].value);
	}
	/* What must have one order has one partition. The others may have been made with another
	 * number: to change it would send old and new messages of one case to different ones. */
	if (plan->partitions == 1 && t->partition_cnt != 1) {
		out->state = BUS_TOPIC_WRONG_PARTITIONS;
		snprintf(out->difference, sizeof(out->difference), "%d partitions, wanted %d",
			t->partition_cnt, plan->partitions);
	}
	return 0;
}

static int check_all(struct admin *d, const struct bus_topic_plan *plan, size_t n,
	struct bus_topic_check *out, struct br_err *err)
{
	int rc = describe(d, plan, n, err);

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = compare(d, &plan[i], &out[i], err);
	return rc;
}

/* ---- apply ---- */

static int created(struct admin *d, rd_kafka_event_t *ev, struct br_err *err)
{
	const rd_kafka_topic_result_t **results;
	size_t n = 0;

	if (!ev)
		return unreachable(d, RD_KAFKA_RESP_ERR__TIMED_OUT, err);
	if (rd_kafka_event_error(ev))
		return unreachable(d, rd_kafka_event_error(ev), err);
	results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &n);
	for (size_t i = 0; i < n; i++) {
		rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);

		/* somebody else may have been quicker */
		if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			return refused("create", rd_kafka_topic_result_name(results[i]),
				rd_kafka_topic_result_error_string(results[i])
					? rd_kafka_topic_result_error_string(results[i])
					: rd_kafka_err2str(code),
				err);
	}
	return 0;
}

static rd_kafka_NewTopic_t *new_topic(const struct admin *d, const struct bus_topic_plan *plan)
{
	struct wanted wanted[MAX_CONFIG];
	char why[256];
	int copies = replicas(d, plan);
	rd_kafka_NewTopic_t *t =
		rd_kafka_NewTopic_new(plan->name.p, plan->partitions, copies, why, sizeof(why));
	size_t n = wanted_of(plan, copies, wanted);

	for (size_t i = 0; i < n && t; i++)
		rd_kafka_NewTopic_set_config(t, wanted[i].name, wanted[i].value);
	return t;
}

static int create(struct admin *d, const struct bus_topic_plan *plan, size_t n,
	const struct bus_topic_check *found, struct br_err *err)
{
	rd_kafka_NewTopic_t **topics = calloc(n + 1, sizeof(*topics));
	rd_kafka_AdminOptions_t *options;
	rd_kafka_event_t *ev;
	size_t count = 0;
	int rc = 0;

	if (!topics)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (found[i].state != BUS_TOPIC_MISSING_STATE)
			continue;
		topics[count] = new_topic(d, &plan[i]);
		if (topics[count])
			count++;
		else
			rc = refused("create", plan[i].name.p, "not a valid topic", err);
	}
	if (count && rc == 0) {
		options = rd_kafka_AdminOptions_new(d->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
		rd_kafka_AdminOptions_set_operation_timeout(options, ASK_MS, NULL, 0);
		rd_kafka_CreateTopics(d->rk, topics, count, options, d->queue);
		rd_kafka_AdminOptions_destroy(options);
		ev = wait_for(d, CREATE_MS);
		rc = created(d, ev, err);
		if (ev)
			rd_kafka_event_destroy(ev);
	}
	rd_kafka_NewTopic_destroy_array(topics, count);
	free(topics);
	return rc;
}

static bool is_wanted(const char *name, const struct wanted *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(wanted[i].name, name) == 0)
			return true;
	return false;
}

/* What somebody else set on this topic; each name may stand in the request only once. */
static int keep_settings(rd_kafka_ConfigResource_t *to, const rd_kafka_ConfigResource_t *from,
	const char *topic, const struct wanted *wanted, size_t nwanted, struct br_err *err)
{
	size_t n = 0;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(from, &n);

	for (size_t i = 0; i < n; i++) {
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);

		if (rd_kafka_ConfigEntry_source(entries[i]) !=
				RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG ||
			is_wanted(rd_kafka_ConfigEntry_name(entries[i]), wanted, nwanted))
			continue;
		if (!value)
			return refused("alter", topic,
				"it has a secret setting that cannot be read and would be lost",
				err);
		rd_kafka_ConfigResource_set_config(
			to, rd_kafka_ConfigEntry_name(entries[i]), value);
	}
	return 0;
}

static int altered(struct admin *d, rd_kafka_event_t *ev, const char *topic, struct br_err *err)
{
	const rd_kafka_ConfigResource_t **all;
	size_t n = 0;

	if (!ev)
		return unreachable(d, RD_KAFKA_RESP_ERR__TIMED_OUT, err);
	if (rd_kafka_event_error(ev))
		return unreachable(d, rd_kafka_event_error(ev), err);
	all = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(ev), &n);
	if (n != 1 || rd_kafka_ConfigResource_error(all[0]))
		return refused("alter", topic,
			n == 1 ? rd_kafka_ConfigResource_error_string(all[0]) : "no answer", err);
	return 0;
}

static int alter(struct admin *d, const struct bus_topic_plan *plan, struct br_err *err)
{
	const rd_kafka_metadata_topic_t *t = find_topic(d, plan->name);
	rd_kafka_ConfigResource_t *r =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, plan->name.p);
	struct wanted wanted[MAX_CONFIG];
	size_t n = wanted_of(plan, t->partition_cnt ? t->partitions[0].replica_cnt : 1, wanted);
	rd_kafka_event_t *ev;
	int rc = keep_settings(r, settings_of(d, plan->name), plan->name.p, wanted, n, err);

	if (rc == 0) {
		for (size_t i = 0; i < n; i++)
			rd_kafka_ConfigResource_set_config(r, wanted[i].name, wanted[i].value);
		rd_kafka_AlterConfigs(d->rk, &r, 1, NULL, d->queue);
		ev = wait_for(d, CREATE_MS);
		rc = altered(d, ev, plan->name.p, err);
		if (ev)
			rd_kafka_event_destroy(ev);
	}
	rd_kafka_ConfigResource_destroy(r);
	return rc;
}

static int check_or_apply(const struct cfg_site *site, const struct bus_topic_plan *plan, size_t n,
	bool apply, struct bus_topic_check *out, struct br_err *err)
{
	struct br_err own;
	struct admin d;
	int rc;

	err = err ? err : &own;
	br_err_clear(err);
	rc = admin_open(&d, site, err);
	if (rc == 0)
		rc = check_all(&d, plan, n, out, err);
	if (rc == 0 && apply)
		rc = create(&d, plan, n, out, err);
	for (size_t i = 0; i < n && rc == 0 && apply; i++)
		if (out[i].state == BUS_TOPIC_DIFFERS)
			rc = alter(&d, &plan[i], err);
	admin_close(&d);
	return rc;
}

int bus_topics_check(const struct cfg_site *site, const struct bus_topic_plan *plan, size_t n,
	struct bus_topic_check *out, struct br_err *err)
{
	return check_or_apply(site, plan, n, false, out, err);
}

int bus_topics_apply(const struct cfg_site *site, const struct bus_topic_plan *plan, size_t n,
	struct bus_topic_check *out, struct br_err *err)
{
	return check_or_apply(site, plan, n, true, out, err);
}
