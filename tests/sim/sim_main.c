/*
 * sim [OPTION...] - the protocol's real code in a simulated world, one run per seed.
 *
 *   --seeds N --from S   that many runs from seed S on (10000 from 1)
 *   --seed S             this run only; --trace shows all that happens in it, --shrink looks for
 *                        the smallest run like it that goes wrong, and shows that
 *   --profile NAME       sql (three SQL systems), http (SQL, key and ETag, ETag), mixed (any); by
 *                        default seeds take turns
 *   --without RULE       with a rule of the protocol left out (br_rule.h)
 *   --rules              only checks that leaving out any rule is noticed
 *   --jobs N             processes (2)
 *   --edits N --crashes N  no run has fewer, to measure by
 *
 * Ends with 0 when nothing was wrong.
 */
#include "sim_batch.h"
#include "sim_rules.h"
#include "sim_shrink.h"

#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct options {
	struct sim_batch batch;
	bool one, trace, shrink, rules;
};

static void show_sights(void)
{
	int n = 0;

#define X(name) printf("%s %s %" PRIu64, n++ % 8 ? "," : "\n ", #name, sights.name);
	SIM_SIGHTS(X)
#undef X
	printf("\n");
}

static int run_one(const struct options *o)
{
	struct sim_plan plan = sim_batch_plan(&o->batch, o->batch.from);
	const char *wrong;

	if (o->shrink && sim_run(&plan, false)[0])
		plan = sim_shrink(&plan);
	wrong = sim_run(&plan, o->trace || o->shrink);
	if (!wrong[0])
		return 0;
	printf("seed %" PRIu64 ": %s\n", o->batch.from, wrong);
	return 1;
}

/* What is never reached is not tested. */
static int never_seen(void)
{
	int n = 0;

#define X(name)                                                                                    \
	if (sights.name == 0) {                                                                    \
		printf("never seen: %s\n", #name);                                                 \
		n++;                                                                               \
	}
	SIM_SIGHTS(X)
#undef X
	return n;
}

static int run_many(struct options *o)
{
	struct sim_batch *b = &o->batch;
	int rc = sim_batch_run(b);
	int unseen = br_rules_left_out || b->seeds < 5000 ? 0 : never_seen();

	printf("in all:");
	show_sights();
	printf("%" PRIu64 " runs %s in %.1f s, %" PRIu64 " wrong, %.0f runs/s, seeds %" PRIu64
	       " to %" PRIu64 "\n",
		b->done, rc || b->wrong || unseen ? "failed" : "passed", b->seconds, b->wrong,
		(double)b->done / b->seconds, b->from, b->from + b->seeds - 1);
	return rc || b->wrong || unseen ? 1 : 0;
}

static enum sim_profile profile_of(const char *name)
{
	static const char *const names[] = {"sql", "http", "mixed", "turns"};

	for (size_t i = 0; i < BR_LEN(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return (enum sim_profile)i;
	fprintf(stderr, "sim: no profile '%s'\n", name);
	exit(2);
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {{"seeds", 1, NULL, 'n'}, {"from", 1, NULL, 'f'},
		{"seed", 1, NULL, 's'}, {"jobs", 1, NULL, 'j'}, {"profile", 1, NULL, 'p'},
		{"without", 1, NULL, 'w'}, {"trace", 0, NULL, 't'}, {"shrink", 0, NULL, 'k'},
		{"rules", 0, NULL, 'r'}, {"edits", 1, NULL, 'e'}, {"crashes", 1, NULL, 'c'},
		{NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->batch.seeds = strtoull(optarg, NULL, 10);
			break;
		case 's':
			o->one = true;
			/* fall through */
		case 'f':
			o->batch.from = strtoull(optarg, NULL, 10);
			break;
		case 'j':
			o->batch.jobs = (int)strtol(optarg, NULL, 10);
			break;
		case 'e':
			o->batch.edits = (int)strtol(optarg, NULL, 10);
			break;
		case 'c':
			o->batch.crashes = (int)strtol(optarg, NULL, 10);
			break;
		case 'p':
			o->batch.profile = profile_of(optarg);
			break;
		case 't':
			o->trace = true;
			break;
		case 'k':
			o->shrink = true;
			break;
		case 'r':
			o->rules = true;
			break;
		case 'w':
			if (sim_rules_leave_out(optarg))
				break;
			fprintf(stderr, "sim: no rule '%s'\n", optarg);
			exit(2);
		default:
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = {
		.batch = {.from = 1, .seeds = 10000, .jobs = 2, .profile = PROFILE_TURNS}};
	int status;

	parse(argc, argv, &o);
	/* large pieces stay with the kernel, which gives them out cleared and page by page */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	if (sim_site_load() != 0)
		return 70;
	if (o.rules) {
		int missed = sim_rules_check(o.batch.jobs);

		status = missed ? 1 : 0;
		printf("rules of the protocol: %s\n",
			missed ? "not all are held to it" : "each one left out is noticed");
	} else {
		status = o.one ? run_one(&o) : run_many(&o);
	}
	sim_run_release();
	sim_site_unload();
	return status;
}
