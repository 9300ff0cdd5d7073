#include "portal_time.h"

#include <stdio.h>
#include <time.h>

#define BEIJING_SECONDS (8 * 3600)

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t time_now_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t time_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static void beijing(int64_t ms, struct tm *tm)
{
	time_t seconds = (time_t)(ms / 1000 + BEIJING_SECONDS);

	gmtime_r(&seconds, tm);
}

void time_stamp(int64_t ms, char out[15])
{
	struct tm tm;

	beijing(ms, &tm);
	strftime(out, 15, "%Y%m%d%H%M%S", &tm);
}

void time_iso(int64_t ms, char out[32])
{
	struct tm tm;
	char seconds[24];

	beijing(ms, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, 32, "%.19s.%03u+08:00", seconds, (unsigned)(ms % 1000) % 1000);
}
