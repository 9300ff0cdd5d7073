#include "cli_order.h"

#include "br_json.h"
#include "ledger_query.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 50

/* The bridge does not let a system go live before it was compared and all is decided; here it can
 * be said why. */
static int check_review(struct cli *c, const char *name)
{
	struct ledger_table t;
	struct br_err err;
	int status = cli_query(c,
		"select pairs::text, (unseen + (not compared and others and records)::int)::text "
		"from casebridge.reviews where code = $1",
		1, &name, &t);

	if (status != CLI_OK || t.rows == 0 ||
		(strcmp(t.cells[0], "0") == 0 && strcmp(t.cells[1], "0") == 0))
		return status;
	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_NOT_REVIEWED, "system", name, "pairs", t.cells[0], "unseen",
		t.cells[1], NULL);
	return cli_fail(c, &err);
}

/* To one on trial nothing is written. */
static int check_trial(struct cli *c, const char *name)
{
	struct ledger_table t;
	struct br_err err;
	int status =
		cli_query(c, "select 1 from casebridge.systems where code = $1 and state = 'trial'",
			1, &name, &t);

	if (status != CLI_OK || t.rows == 0)
		return status;
	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_ON_TRIAL, "system", name, NULL);
	return cli_fail(c, &err);
}

/* A number that grows with each restore, or what state it is in: as text. */
static int look_at(struct cli *c, const char *name, const char *state, char *out, size_t size)
{
	const char *params[] = {name};
	struct ledger_table t;
	int status = cli_query(c,
		strcmp(state, "rebase") == 0
			? "select restores::text from casebridge.systems where code = $1"
			: "select state from casebridge.systems where code = $1",
		1, params, &t);

	if (status == CLI_OK)
		snprintf(out, size, "%s", t.rows == 1 ? t.cells[0] : "");
	return status;
}

/* The order goes through the log (so that a replay sees it too); what the ledger says afterwards is
 * what counts. */
static int wait_for_state(
	struct cli *c, const char *name, const char *state, const char *before, const char *seconds)
{
	bool rebase = strcmp(state, "rebase") == 0;
	struct br_err err;

	for (long waited = 0; waited < strtol(seconds, NULL, 10) * 1000; waited += LOOK_MS) {
		char now[32];
		int status = look_at(c, name, state, now, sizeof(now));

		if (status != CLI_OK)
			return status;
		if (rebase ? strcmp(now, before) != 0 : strcmp(now, state) == 0) {
			printf("%s: %s\n", name, cli_word(c, "state", state));
			return CLI_OK;
		}
		poll(NULL, 0, LOOK_MS);
	}
	/* a record may have come between the look and the order */
	if (strcmp(state, "live") == 0 && check_review(c, name) != CLI_OK)
		return CLI_FAILED;
	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_NOT_TAKEN, "seconds", seconds, NULL);
	cli_fail(c, &err);
	return CLI_AGAIN;
}

int cli_system(struct cli *c)
{
	static const char *const verbs[][2] = {
		{"live", "live"}, {"pause", "paused"}, {"trial", "trial"}, {"rebase", "rebase"}};
	const char *state = NULL, *seconds = cli_wait(c);
	char before[32];
	struct br_buf b;
	struct br_jw w;
	int status;

	if (!seconds || c->argc != 2)
		return CLI_USAGE;
	for (size_t i = 0; i < BR_LEN(verbs); i++)
		if (strcmp(c->argv[0], verbs[i][0]) == 0)
			state = verbs[i][1];
	if (!state)
		return CLI_USAGE;
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	status = cli_system_named(c, c->argv[1], NULL);
	if (status == CLI_OK)
		status = look_at(c, c->argv[1], state, before, sizeof(before));
	if (status != CLI_OK)
		return status;
	if (strcmp(state, "live") == 0)
		status = check_review(c, c->argv[1]);
	if (strcmp(state, "paused") == 0)
		status = check_trial(c, c->argv[1]);
	if (status != CLI_OK)
		return status;
	br_buf_init(&b, 4096);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	br_jw_kstr(&w, "t", BR_STR("SYSTEM"));
	br_jw_kstr(&w, "sys", br_str_z(c->argv[1]));
	br_jw_kstr(&w, "state", br_str_z(state));
	br_jw_kstr(&w, "by", br_str_z(cli_user()));
	br_jw_end_object(&w);
	status = cli_send_order(c, br_buf_str(&b));
	br_buf_release(&b);
	return status == CLI_OK ? wait_for_state(c, c->argv[1], state, before, seconds) : status;
}
