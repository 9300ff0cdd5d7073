/*
 * br_crash.h - named places at which a test may end the process at once, as kill -9 would, or have
 * it stand still until SIGCONT.
 *
 * In the product BR_CRASH_POINT() is nothing. The preset `fault` builds with
 * CASEBRIDGE_CRASH_POINTS: then every place stands in a list of its own in the binary, so that
 * tests/fault takes the list from there and a new place is tested without being written down a
 * second time. What to do comes in the environment variable CASEBRIDGE_CRASH_AT:
 *
 *   NAME:N   the N-th passage of NAME ends the process
 *   list     prints the names, one a line, and ends
 *   @FILE    a table of struct br_crash_slot in the order of the list, shared by all processes of a
 *            test: who looks after them arms a place while they run, and sees what was passed
 *
 * A name says whose state machine and what has just happened there. It is given to one place only.
 */
#ifndef BR_CRASH_H
#define BR_CRASH_H

#ifdef CASEBRIDGE_CRASH_POINTS
#include <stdint.h>

struct br_crash_point {
	const char *name;
};
struct br_crash_slot {
	int64_t passed;
	int64_t left; /* passages up to the fatal one, 0: not armed; below 0: it only stops there */
	int64_t at_us;	/* monotonic: when it last ended a process */
	int64_t killed; /* how many it ended */
};
void br_crash_pass(const struct br_crash_point *p);

#define BR_CRASH_POINT(place)                                                                      \
	do {                                                                                       \
		static struct br_crash_point br_crash_point                                        \
			__attribute__((section("br_crash_points"), used)) = {place};               \
		br_crash_pass(&br_crash_point);                                                    \
	} while (0)
#else
#define BR_CRASH_POINT(place) ((void)0)
#endif

#endif
