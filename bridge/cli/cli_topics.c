#include "cli.h"

#include "bus.h"

#include <poll.h>
#include <stdio.h>

#define APPEAR_MS      10000 /* for topics to be known to the broker after they were made */
#define APPEAR_STEP_MS 200

static void tell(struct cli *c, enum br_err_code code, const char *topic, const char *found)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, code, "topic", topic, "found", found, NULL);
	cli_fail(c, &err);
}

/* Each has its row; those that are missing need but one word. */
static int tell_wrong(struct cli *c, const struct bus_topic_plan *plan, size_t n,
	const struct bus_topic_check *check)
{
	const char *missing = NULL;
	size_t nmissing = 0;
	int status = CLI_OK;

	for (size_t i = 0; i < n; i++) {
		if (check[i].state != BUS_TOPIC_OK)
			status = CLI_FAILED;
		if (check[i].state == BUS_TOPIC_WRONG_PARTITIONS)
			tell(c, BR_E_CLI_TOPIC, plan[i].name.p, check[i].difference);
		if (check[i].state == BUS_TOPIC_MISSING_STATE && nmissing++ == 0)
			missing = plan[i].name.p;
	}
	if (nmissing > 1)
		missing = br_arena_printf(&c->arena, "%s (+%zu)", missing, nmissing - 1).p;
	if (missing)
		tell(c, BR_E_BUS_TOPIC_MISSING, missing, "");
	return status;
}

static int print_topics(struct cli *c, const struct bus_topic_plan *plan, size_t n,
	const struct bus_topic_check *check)
{
	static const char *const names[] = {"topic", "partitions", "settings", "state"};
	static const char *const titles[] = {"主题", "分区", "设置", "状态"};
	static const char *const states[] = {"ok", "missing", "differs", "wrong partitions"};
	size_t cols = check ? 4 : 3;
	const char **cells = br_arena_array(&c->arena, const char *, n *cols);

	for (size_t i = 0; cells && i < n; i++) {
		struct br_str settings = BR_STR("");

		for (size_t k = 0; k < BR_LEN(plan[i].config) && plan[i].config[k][0]; k++)
			settings = br_arena_printf(&c->arena, "%.*s%s%s=%s", BR_STR_ARG(settings),
				k ? " " : "", plan[i].config[k][0], plan[i].config[k][1]);
		cells[i * cols] = plan[i].name.p;
		cells[i * cols + 1] = br_arena_printf(&c->arena, "%d", plan[i].partitions).p;
		cells[i * cols + 2] = settings.p;
		if (check)
			cells[i * cols + 3] =
				check[i].state == BUS_TOPIC_DIFFERS
					? check[i].difference
					: cli_word(c, "state", states[check[i].state]);
	}
	cli_print_table(c, &(struct cli_table){names, titles, cols, n, cells, "5kww"});
	return check ? tell_wrong(c, plan, n, check) : CLI_OK;
}

static bool is_any_missing(const struct bus_topic_check *check, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (check[i].state == BUS_TOPIC_MISSING_STATE)
			return true;
	return false;
}

/* What is there afterwards is what counts. A broker that was told of new topics by its controller
 * knows them some moments later. */
static int apply(struct cli *c, const struct bus_topic_plan *plan, size_t n,
	struct bus_topic_check *check, struct br_err *err)
{
	int rc = bus_topics_apply(c->site, plan, n, check, err);

	for (int ms = 0; rc == 0; ms += APPEAR_STEP_MS) {
		rc = bus_topics_check(c->site, plan, n, check, err);
		if (rc < 0 || ms >= APPEAR_MS || !is_any_missing(check, n))
			break;
		poll(NULL, 0, APPEAR_STEP_MS);
	}
	return rc;
}

int cli_topics(struct cli *c)
{
	struct bus_topic_check *check;
	struct bus_topic_plan *plan;
	struct br_err err;
	size_t n;
	int status;

	if (c->argc != 1)
		return CLI_USAGE;
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	br_err_clear(&err);
	if (bus_topics(c->site, &c->arena, &plan, &n) < 0)
		return CLI_FAILED;
	check = br_arena_array(&c->arena, struct bus_topic_check, n);
	if (strcmp(c->argv[0], "plan") == 0)
		return print_topics(c, plan, n, NULL);
	if (strcmp(c->argv[0], "check") == 0)
		return bus_topics_check(c->site, plan, n, check, &err) < 0
			       ? cli_fail(c, &err)
			       : print_topics(c, plan, n, check);
	if (strcmp(c->argv[0], "apply") == 0) {
		if (apply(c, plan, n, check, &err) < 0)
			return cli_fail(c, &err);
		return print_topics(c, plan, n, check);
	}
	return CLI_USAGE;
}
