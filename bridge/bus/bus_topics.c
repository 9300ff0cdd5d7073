/*
 * bus_topics.c - which topics a site has, and with what policies.
 *
 * Time is the broker's everywhere (LogAppendTime): it is the only clock the bridge goes by, and a
 * connector's host with a wrong one can then neither confuse the history nor have its messages
 * thrown out of the log.
 */
#include "bus.h"

#define HOUR	"3600000"
#define DAYS_7	"604800000"
#define DAYS_35 "3024000000"
#define DAYS_90 "7776000000"
#define BROKER_TIME                                                                                \
	{                                                                                          \
		"message.timestamp.type", "LogAppendTime"                                          \
	}

static int add(struct bus_topic_plan *plan, size_t *n, const struct bus_topic_plan *like,
	struct br_str prefix, const char *kind, struct br_str system, struct br_arena *a)
{
	plan[*n] = *like;
	plan[*n].replication = -1;
	plan[*n].name = br_arena_printf(a, "%.*s.%s%s%.*s", BR_STR_ARG(prefix), kind,
		system.n ? "." : "", BR_STR_ARG(system));
	return plan[(*n)++].name.p ? 0 : -BR_E_NOMEM;
}

/* A topic each way for every system of a list. */
static int add_systems(struct bus_topic_plan *plan, size_t *n, struct br_str prefix,
	const struct cfg_system *systems, struct br_arena *a)
{
	/* what connectors said is kept longer than any backup of the ledger, so that a restored one
	 * can catch up */
	static const struct bus_topic_plan in = {.partitions = 1,
		.config = {{"cleanup.policy", "delete"}, {"retention.ms", DAYS_35}, BROKER_TIME}};
	static const struct bus_topic_plan deliver = {.partitions = 1,
		.config = {{"cleanup.policy", "delete"}, {"retention.ms", DAYS_7}, BROKER_TIME}};
	int rc = 0;

	for (const struct cfg_system *s = systems; s && rc == 0; s = s->next) {
		if (s->problem && !s->named)
			continue;
		rc = add(plan, n, &in, prefix, "in", s->name, a);
		if (rc == 0)
			rc = add(plan, n, &deliver, prefix, "deliver", s->name, a);
	}
	return rc;
}

int bus_topics(
	const struct cfg_site *site, struct br_arena *a, struct bus_topic_plan **out, size_t *n)
{
	static const struct bus_topic_plan cases = {.partitions = 4,
		.config = {{"cleanup.policy", "compact"}, {"min.compaction.lag.ms", HOUR},
			{"delete.retention.ms", DAYS_7}, BROKER_TIME}};
	static const struct bus_topic_plan ctl = {.partitions = 1,
		.config = {{"cleanup.policy", "delete"}, {"retention.ms", DAYS_35}, BROKER_TIME}};
	/* as long as what it tells the order of */
	static const struct bus_topic_plan folded = {.partitions = 1,
		.config = {{"cleanup.policy", "delete"}, {"retention.ms", DAYS_35}, BROKER_TIME}};
	static const struct bus_topic_plan audit = {.partitions = 4,
		.config = {{"cleanup.policy", "delete"}, {"retention.ms", DAYS_90}, BROKER_TIME}};
	static const struct bus_topic_plan parked = {.partitions = 1,
		.config = {{"cleanup.policy", "delete"}, {"retention.ms", DAYS_90}, BROKER_TIME}};
	struct bus_topic_plan *plan = br_arena_array(
		a, struct bus_topic_plan, 5 + 2 * (site->nsystems + site->nleft_out));
	size_t count = 0;
	int rc;

	if (!plan)
		return -BR_E_NOMEM;
	rc = add_systems(plan, &count, site->topic_prefix, site->systems, a);
	/* one that is left out is a system of the site all the same */
	if (rc == 0)
		rc = add_systems(plan, &count, site->topic_prefix, site->left_out, a);
	if (rc == 0)
		rc = add(plan, &count, &cases, site->topic_prefix, "cases", BR_STR_NONE, a);
	if (rc == 0)
		rc = add(plan, &count, &ctl, site->topic_prefix, "ctl", BR_STR_NONE, a);
	if (rc == 0)
		rc = add(plan, &count, &audit, site->topic_prefix, "audit", BR_STR_NONE, a);
	if (rc == 0)
		rc = add(plan, &count, &parked, site->topic_prefix, "parked", BR_STR_NONE, a);
	if (rc == 0)
		rc = add(plan, &count, &folded, site->topic_prefix, "folded", BR_STR_NONE, a);
	if (rc)
		return rc;
	*out = plan;
	*n = count;
	return 0;
}
