#include "sim_rules.h"

#include "sim_batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#define BIT(rule) (1u << BR_RULE_##rule)

/* Stated from what was measured, with room: some are caught by one run in ten, some by one in two
 * thousand. */
static const struct {
	const char *name;
	unsigned left_out;
	enum sim_profile profile;
	uint64_t seeds;
} rules[] = {
	{"naive",
		BIT(STOP_AND_WAIT) | BIT(COMPARE_AND_SET) | BIT(EPOCH_FENCE) | BIT(SEQUENCE) |
			BIT(FENCE_LAST) | BIT(INBOX) | BIT(HELD_AS_WRITTEN) | BIT(FULL_POST) |
			BIT(CACHE_FOLLOWS),
		PROFILE_SQL, 20},
	{"STOP_AND_WAIT", BIT(STOP_AND_WAIT), PROFILE_SQL, 20},
	{"COMPARE_AND_SET", BIT(COMPARE_AND_SET), PROFILE_SQL, 100},
	{"EPOCH_FENCE", BIT(EPOCH_FENCE), PROFILE_SQL, 1000},
	{"SEQUENCE", BIT(SEQUENCE), PROFILE_SQL, 300},
	{"FENCE_LAST", BIT(FENCE_LAST), PROFILE_SQL, 4000},
	{"INBOX", BIT(INBOX), PROFILE_SQL, 1000},
	{"INBOX_FIRST", BIT(INBOX_FIRST), PROFILE_SQL, 20000},
	{"HELD_AS_WRITTEN", BIT(HELD_AS_WRITTEN), PROFILE_SQL, 20000},
	{"FULL_POST", BIT(FULL_POST), PROFILE_SQL, 2000},
	{"CACHE_FOLLOWS", BIT(CACHE_FOLLOWS), PROFILE_SQL, 10000},
	{"REBASE", BIT(REBASE), PROFILE_SQL, 500},
	{"OWED", BIT(OWED), PROFILE_SQL, 5000},
	{"INHERITED", BIT(INHERITED), PROFILE_HTTP, 20000},
	{"LOOK", BIT(LOOK), PROFILE_MIXED, 500},
	{"NEWER", BIT(NEWER), PROFILE_SQL, 1000},
	{"TOLD_FIRST", BIT(TOLD_FIRST), PROFILE_SQL, 20000},
};

bool sim_rules_leave_out(const char *name)
{
	for (size_t i = 0; i < BR_LEN(rules); i++)
		if (strcasecmp(rules[i].name, name) == 0) {
			br_rules_left_out |= rules[i].left_out;
			return true;
		}
	return false;
}

int sim_rules_check(int jobs)
{
	int missed = 0;

	for (size_t i = 0; i < BR_LEN(rules); i++) {
		struct sim_batch b = {.from = 1,
			.seeds = rules[i].seeds,
			.jobs = jobs,
			.profile = rules[i].profile,
			.stop = true};

		br_rules_left_out = rules[i].left_out;
		if (sim_batch_run(&b) < 0 || !b.first_wrong) {
			missed++;
			printf("without %-16s NOT CAUGHT in %" PRIu64 " runs\n", rules[i].name,
				b.done);
		} else {
			printf("without %-16s caught by seed %" PRIu64 " (%.1f s)\n", rules[i].name,
				b.first_wrong, b.seconds);
		}
	}
	br_rules_left_out = 0;
	return missed;
}
