/*
 * cli_dev_broker.c - a broker to look at the product with, where no Kafka can be had.
 */
#include "cli.h"

#include "br_loop.h"
#include "bus_mock.h"

#include <stdio.h>

int cli_dev_broker(struct cli *c)
{
	const char *file = cli_option(c, "--address-file"), *bootstrap = NULL;
	struct bus_topic_plan *plan;
	struct bus_mock *mock = NULL;
	struct br_loop *loop;
	struct br_err err;
	FILE *f;
	size_t n;
	int status = cli_load(c);

	if (status != CLI_OK)
		return status;
	br_err_clear(&err);
	loop = br_loop_new(&err);
	if (loop && bus_topics(c->site, &c->arena, &plan, &n) == 0)
		mock = bus_mock_start(plan, n, &bootstrap, &err);
	if (!mock)
		return cli_fail(c, &err);
	cli_note(c, "%s",
		cli_say(c,
			"a mock broker: it keeps everything in memory and forgets; good to look "
			"at, no proof of anything",
			"模拟 Kafka：数据只在内存中，停止即丢失，仅供观看"));
	puts(bootstrap);
	fflush(stdout);
	f = file ? fopen(file, "w") : NULL;
	if (f) {
		fprintf(f, "%s\n", bootstrap);
		fclose(f);
	}
	status = br_loop_run(loop);
	bus_mock_stop(mock);
	br_loop_free(loop);
	return status;
}
