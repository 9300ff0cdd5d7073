/*
 * bus_mock.h - librdkafka's mock cluster as a stand-in for a broker: for looking at the product
 * where no Kafka can be had.
 *
 * It keeps everything in memory, drops the oldest past 5 MiB a partition, compacts nothing. No test
 * rests on it but those of the bus itself.
 */
#ifndef BUS_MOCK_H
#define BUS_MOCK_H

#include "bus.h"

struct bus_mock;
/* Starts it with the topics of the plan. bootstrap: host:port, lives as long as the mock. */
struct bus_mock *bus_mock_start(
	const struct bus_topic_plan *plan, size_t n, const char **bootstrap, struct br_err *err);
void bus_mock_stop(struct bus_mock *m);

#endif
