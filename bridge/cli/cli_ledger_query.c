/*
 * cli_ledger_query.c - questions to the ledger, with a plain word when there is none, or one of
 * another version.
 */
#include "cli.h"

#include "ledger.h"
#include "ledger_query.h"

#include <stdlib.h>

static int ask(struct cli *c, const char *sql, int nparams, const char *const *params,
	struct ledger_table *t, struct br_err *err)
{
	return ledger_query(c->site->ledger_dsn.p, sql, nparams, params, &c->arena, t, err);
}

static int version_error(struct cli *c, int found, struct br_err *err)
{
	struct br_str is = br_arena_printf(&c->arena, "%d", found),
		      known = br_arena_printf(&c->arena, "%d", ledger_version_known());

	if (found == 0)
		return br_err_set(err, BR_E_HUB_LEDGER_EMPTY, NULL);
	return br_err_set(err,
		found > ledger_version_known() ? BR_E_HUB_LEDGER_NEWER : BR_E_HUB_LEDGER_OLD,
		"found", is.p, "known", known.p, NULL);
}

/* A statement on a ledger that is not there or another one fails in ways nobody understands, so
 * this is looked at first. */
static int check_version(struct cli *c, struct br_err *err)
{
	struct ledger_table t;
	int found, rc = ask(c, "select coalesce(to_regclass('casebridge.migrations')::text, '')", 0,
			   NULL, &t, err);

	if (rc < 0)
		return rc;
	if (!*t.cells[0])
		return version_error(c, 0, err);
	rc = ask(c, "select coalesce(max(version), 0)::text from casebridge.migrations", 0, NULL,
		&t, err);
	if (rc < 0)
		return rc;
	found = (int)strtol(t.cells[0], NULL, 10);
	return found == ledger_version_known() ? 0 : version_error(c, found, err);
}

int cli_query(struct cli *c, const char *sql, int nparams, const char *const *params,
	struct ledger_table *out)
{
	struct br_err err;

	br_err_clear(&err);
	if (!c->ledger_seen && check_version(c, &err) < 0)
		return cli_fail(c, &err);
	c->ledger_seen = true;
	return ask(c, sql, nparams, params, out, &err) < 0 ? cli_fail(c, &err) : CLI_OK;
}

int cli_print_query(struct cli *c, const char *sql, int nparams, const char *const *params,
	const char *const *titles_zh, size_t *rows)
{
	struct ledger_table t;
	int status = cli_query(c, sql, nparams, params, &t);

	if (status != CLI_OK)
		return status;
	if (rows)
		*rows = t.rows;
	cli_print_table(c, &(struct cli_table){t.names, titles_zh, t.cols, t.rows, t.cells});
	return CLI_OK;
}
