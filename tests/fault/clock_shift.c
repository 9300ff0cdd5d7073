/*
 * clock_shift.c - a wall clock that a test can set while the process runs: preloaded, it adds the
 * number of microseconds that stands in the file CLOCK_SHIFT_FILE to CLOCK_REALTIME. The other
 * clocks go on as they do when somebody sets a machine's clock, and who waits until a time of day
 * waits for that time to come, as in the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define SLICE  20000000LL /* of a wait, after which the clock is looked at again */

static const volatile int64_t *shift_us;

__attribute__((constructor)) static void find_shift(void)
{
	static const int64_t none;
	const char *name = getenv("CLOCK_SHIFT_FILE");
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(none), PROT_READ, MAP_SHARED, fd, 0);

	shift_us = map == MAP_FAILED ? &none : map;
	if (fd >= 0)
		close(fd);
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	syscall(SYS_clock_gettime, clock, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec +
	       (clock == CLOCK_REALTIME && shift_us ? *shift_us * 1000 : 0);
}

static struct timespec as_timespec(int64_t ns)
{
	return (struct timespec){ns / SECOND, ns % SECOND};
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	*t = as_timespec(now_ns(clock));
	return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	int64_t ns = now_ns(CLOCK_REALTIME);

	(void)zone;
	*t = (struct timeval){ns / SECOND, ns % SECOND / 1000};
	return 0;
}

time_t time(time_t *t)
{
	time_t s = now_ns(CLOCK_REALTIME) / SECOND;

	if (t)
		*t = s;
	return s;
}

int timespec_get(struct timespec *t, int base)
{
	*t = as_timespec(now_ns(CLOCK_REALTIME));
	return base;
}

/* Waits by the monotonic clock, a little at a time, until the wall clock says it is over. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
	const struct timespec *restrict until)
{
	int64_t end = (int64_t)until->tv_sec * SECOND + until->tv_nsec;

	for (;;) {
		int64_t left = end - now_ns(CLOCK_REALTIME);
		struct timespec slice =
			as_timespec(now_ns(CLOCK_MONOTONIC) + (left > SLICE	 ? SLICE
								      : left > 0 ? left
										 : 0));
		int rc = pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &slice);

		if (rc != ETIMEDOUT || end <= now_ns(CLOCK_REALTIME))
			return rc;
	}
}

/* As in C11, which glibc makes of the same. */
int cnd_timedwait(
	cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until)
{
	int rc = pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, until);

	return rc == 0 ? thrd_success : rc == ETIMEDOUT ? thrd_timedout : thrd_error;
}
