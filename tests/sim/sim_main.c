/*
 * sim - runs the protocol's real code against seeds.
 *
 *   sim [--seeds N] [--from S] [--jobs N] [--profile sql|http|mixed] [--without RULE]
 *   sim --seed S [--trace]
 */
#include "sim_run.h"

#include "br_log.h"

#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static const char *const profiles[] = {"sql", "http", "mixed", NULL};
static const char *const rules[] = {
#define X(name) #name,
	BR_RULES(X)
#undef X
};

struct options {
	uint64_t from, seeds;
	int jobs, profile;
	bool trace, one;
};

/* ---- the real code's log ---- */

void br_log_init(const char *proc, enum br_log_level level, enum br_lang lang)
{
	(void)proc;
	(void)level;
	(void)lang;
}

void br_log_write(enum br_log_level level, const char *msg, const struct br_log_field *fields)
{
	char text[2048] = "", one[700];
	size_t n = 0;

	(void)level;
	if (!sim.trace)
		return;
	for (; fields->type != BR_F_END && n < sizeof(text); fields++) {
		if (fields->type == BR_F_INT)
			snprintf(one, sizeof(one), "%" PRId64, fields->num);
		else if (fields->type == BR_F_ERR)
			br_err_sentence(fields->err, BR_LANG_EN, one, sizeof(one));
		else
			snprintf(one, sizeof(one), "%.*s", BR_STR_ARG(fields->str));
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s=%s", fields->key, one);
	}
	sim_trace("log: %s%s", msg, text);
}

/* The real code's chance is the run's. */
ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
	char *p = buf;

	(void)flags;
	for (size_t i = 0; i < n; i += 8) {
		uint64_t r = sim_rnd();

		memcpy(p + i, &r, n - i < 8 ? n - i : 8);
	}
	return (ssize_t)n;
}

static void show_sights(void)
{
#define X(name)                                                                                    \
	if (sights.name)                                                                           \
		printf(" " #name "=%" PRIu64, sights.name);
	SIM_SIGHTS(X)
#undef X
	printf("\n");
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_one(const struct options *o, uint64_t seed, bool trace)
{
	struct sim_plan plan = sim_plan_of(seed, (enum sim_profile)o->profile);
	const char *wrong = sim_run(&plan, trace);

	if (wrong[0])
		printf("seed %" PRIu64 ": %s\n", seed, wrong);
	return wrong[0] != '\0';
}

static int run_many(const struct options *o)
{
	double begun = seconds();
	int bad = 0;

	for (uint64_t s = o->from; s < o->from + o->seeds; s++)
		bad += run_one(o, s, false);
	printf("%" PRIu64 " runs, %d wrong, %.0f runs/s\n", o->seeds, bad,
		(double)o->seeds / (seconds() - begun));
	show_sights();
	return bad ? 1 : 0;
}

static int number_of(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcasecmp(names[i], name) == 0)
			return i;
	fprintf(stderr, "sim: unknown: %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {{"seeds", 1, NULL, 'n'},
		{"from", 1, NULL, 'f'}, {"seed", 1, NULL, 's'}, {"jobs", 1, NULL, 'j'},
		{"profile", 1, NULL, 'p'}, {"without", 1, NULL, 'w'}, {"trace", 0, NULL, 't'}, {0}};
	struct options o = {.from = 1, .seeds = 1000, .jobs = 1};
	int c, status;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'n')
			o.seeds = strtoull(optarg, NULL, 10);
		else if (c == 'f')
			o.from = strtoull(optarg, NULL, 10);
		else if (c == 's')
			o.one = (o.from = strtoull(optarg, NULL, 10), o.seeds = 1, true);
		else if (c == 'j')
			o.jobs = (int)strtol(optarg, NULL, 10);
		else if (c == 'p')
			o.profile = number_of(optarg, profiles, 3);
		else if (c == 'w')
			br_rules_left_out |= 1u << number_of(optarg, rules, BR_RULES_N);
		else if (c == 't')
			o.trace = true;
		else
			return 2;
	}
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	if (sim_site_load() != 0)
		return 70;
	status = o.one ? run_one(&o, o.from, o.trace) : run_many(&o);
	sim_time_end();
	br_arena_release(&sim.arena);
	sim_site_unload();
	return status;
}
