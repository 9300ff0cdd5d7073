/*
 * mock_kafka.h - a loop and librdkafka's mock cluster of one broker, for the unit tests of what
 * sits on the bus. Its topics are made with rd_kafka_mock_topic_create().
 */
#ifndef MOCK_KAFKA_H
#define MOCK_KAFKA_H

#include "br_loop.h"
#include "cfg_site.h"
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

static struct br_loop *loop;
static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;

/* The site's bootstrap is the cluster's from here on. 0 or -1. */
static inline int mock_kafka_start(struct cfg_site *s)
{
	char why[256];

	loop = br_loop_new(NULL);
	host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	cluster = host ? rd_kafka_mock_cluster_new(host, 1) : NULL;
	if (!loop || !cluster)
		return -1;
	s->kafka_bootstrap = br_str_z(rd_kafka_mock_cluster_bootstraps(cluster));
	return 0;
}

static inline void mock_kafka_stop(void)
{
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	br_loop_free(loop);
}

#endif
