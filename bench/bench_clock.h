/*
 * bench_clock.h - what every measuring program needs: wall and processor time, and one way to say
 * what was measured.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* Nanoseconds. */
static inline int64_t bench_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct bench_span {
	int64_t wall, cpu; /* ns */
};

static inline struct bench_span bench_begin(void)
{
	return (struct bench_span){bench_now(CLOCK_MONOTONIC), bench_now(CLOCK_PROCESS_CPUTIME_ID)};
}

/* One JSON line on stdout: seconds, processor microseconds, rows and bytes since begin. */
static inline void bench_tell(struct bench_span begin, int64_t rows, int64_t bytes)
{
	double seconds = (double)(bench_now(CLOCK_MONOTONIC) - begin.wall) / 1e9;
	double cpu = (double)(bench_now(CLOCK_PROCESS_CPUTIME_ID) - begin.cpu) / 1e3;

	printf("{\"seconds\":%.6f,\"cpu_us\":%.0f,\"rows\":%lld,\"bytes\":%lld}\n", seconds, cpu,
		(long long)rows, (long long)bytes);
}

#endif
