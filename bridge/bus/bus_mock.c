#include "bus_mock.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

struct bus_mock {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
};

struct bus_mock *bus_mock_start(
	const struct bus_topic_plan *plan, size_t n, const char **bootstrap, struct br_err *err)
{
	struct bus_mock *m = calloc(1, sizeof(*m));
	char why[256];

	if (!m) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	m->rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof(why));
	m->cluster = m->rk ? rd_kafka_mock_cluster_new(m->rk, 1) : NULL;
	if (!m->cluster) {
		bus_mock_stop(m);
		br_err_set(err, BR_E_SYSTEM, "call", "the mock broker", "why", "cannot be started",
			NULL);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		rd_kafka_mock_topic_create(m->cluster, plan[i].name.p, plan[i].partitions, 1);
	*bootstrap = rd_kafka_mock_cluster_bootstraps(m->cluster);
	return m;
}

void bus_mock_stop(struct bus_mock *m)
{
	if (!m)
		return;
	if (m->cluster)
		rd_kafka_mock_cluster_destroy(m->cluster);
	if (m->rk)
		rd_kafka_destroy(m->rk);
	free(m);
}
