#include "sim_batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_JOBS 64

/* What a worker tells, in memory shared with the one that waits for it. */
struct tally {
	uint64_t at, done, wrong, first_wrong;
	struct sim_sights sights;
};
struct shared {
	uint64_t next; /* seed, taken a few at a time */
	bool enough;
	struct tally tally[MAX_JOBS];
};

#define BITE  8
#define TWICE 128 /* every so many seeds are run a second time */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The same seed is the same run, event by event: nothing in the real code depends on anything else
 * (I16). */
static const char *again(const struct sim_plan *plan)
{
	const uint64_t digest = sim.digest;

	sim_run(plan, false);
	if (sim.digest != digest)
		sim_wrong("the same seed runs another way (I16)");
	return sim.wrong;
}

struct sim_plan sim_batch_plan(const struct sim_batch *b, uint64_t seed)
{
	struct sim_plan plan = sim_plan_of(seed, b->profile);

	if (plan.edits < b->edits)
		plan.edits = b->edits;
	if (plan.faults.crashes < b->crashes)
		plan.faults.crashes = b->crashes;
	return plan;
}

static void one(const struct sim_batch *b, struct tally *t, uint64_t seed)
{
	struct sim_plan plan = sim_batch_plan(b, seed);
	const char *wrong;

	t->at = seed;
	wrong = sim_run(&plan, false);
	if (seed % TWICE == 0 && !wrong[0])
		wrong = again(&plan);
	t->done++;
	if (!wrong[0])
		return;
	t->wrong++;
	if (!t->first_wrong || seed < t->first_wrong)
		t->first_wrong = seed;
	if (!b->stop) {
		printf("seed %" PRIu64 ": %s\n", seed, wrong);
		fflush(stdout);
	}
}

static void work(const struct sim_batch *b, struct shared *s, struct tally *t)
{
	struct sim_sights before = sights;

	memset(&sights, 0, sizeof(sights));
	while (!(b->stop && __atomic_load_n(&s->enough, __ATOMIC_RELAXED))) {
		uint64_t from = __atomic_fetch_add(&s->next, BITE, __ATOMIC_RELAXED);

		for (uint64_t i = from; i < from + BITE && i < b->from + b->seeds; i++)
			one(b, t, i);
		if (t->wrong)
			__atomic_store_n(&s->enough, true, __ATOMIC_RELAXED);
		if (from + BITE >= b->from + b->seeds)
			break;
	}
	t->sights = sights;
	sights = before;
}

static void add_sights(const struct sim_sights *more)
{
#define X(name) sights.name += more->name;
	SIM_SIGHTS(X)
#undef X
}

static int wait_for_all(const pid_t *pids, int n, const struct shared *s)
{
	int rc = 0;

	for (int i = 0; i < n; i++) {
		int status;

		if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0)
			return -1;
		if (status == 0)
			continue;
		printf("seed %" PRIu64 ": the run ended in an unexpected way (status %d)\n",
			s->tally[i].at, status);
		rc = -1;
	}
	return rc;
}

int sim_batch_run(struct sim_batch *b)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double begun = seconds();
	pid_t pids[MAX_JOBS];
	int n = b->jobs < MAX_JOBS ? b->jobs : MAX_JOBS, rc;

	if (s == MAP_FAILED)
		return -1;
	s->next = b->from;
	fflush(stdout);
	/* one job stays in this process, for debuggers */
	for (int i = 0; n > 1 && i < n; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			work(b, s, &s->tally[i]);
			_exit(0);
		}
	}
	if (n == 1)
		work(b, s, &s->tally[0]);
	rc = n > 1 ? wait_for_all(pids, n, s) : 0;
	b->done = b->wrong = b->first_wrong = 0;
	for (int i = 0; i < n; i++) {
		const struct tally *t = &s->tally[i];

		b->done += t->done;
		b->wrong += t->wrong;
		if (t->first_wrong && (!b->first_wrong || t->first_wrong < b->first_wrong))
			b->first_wrong = t->first_wrong;
		add_sights(&t->sights);
	}
	b->seconds = seconds() - begun;
	munmap(s, sizeof(*s));
	return rc;
}
