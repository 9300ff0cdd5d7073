/*
 * bus_high.c - where topics end, for the command line: synchronous, with a handle of its own.
 */
#include "bus_internal.h"

#include <stdio.h>
#include <time.h>

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int bus_high(const struct cfg_site *site, const char *const *topics, size_t n, int64_t timeout_ms,
	int64_t *high, struct br_err *err)
{
	int64_t until = now_ms() + timeout_ms;
	struct br_err own;
	rd_kafka_t *rk;
	int rc = 0;

	err = err ? err : &own;
	br_err_clear(err);
	for (size_t i = 0; i < n; i++)
		high[i] = BUS_NO_ANSWER;
	rk = bus_handle(site, "casebridge-status", NULL, err);
	if (!rk)
		return -(int)br_err_code(err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		int64_t low, end, left = until - now_ms();
		rd_kafka_resp_err_t code = left > 0 ? rd_kafka_query_watermark_offsets(rk,
							      topics[i], 0, &low, &end, (int)left)
						    : RD_KAFKA_RESP_ERR__TIMED_OUT;
		char bootstrap[256];

		if (!code)
			high[i] = end;
		/* a topic that is missing says nothing of the others; a broker that does not answer
		 * does */
		if (code != RD_KAFKA_RESP_ERR__TIMED_OUT && code != RD_KAFKA_RESP_ERR__TRANSPORT &&
			code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
			continue;
		snprintf(bootstrap, sizeof(bootstrap), "%.*s", BR_STR_ARG(site->kafka_bootstrap));
		rc = br_err_set(err, BR_E_BUS_UNREACHABLE, "bootstrap", bootstrap, "why",
			rd_kafka_err2str(code), NULL);
	}
	rd_kafka_destroy(rk);
	return rc;
}
