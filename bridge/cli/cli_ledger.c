#include "cli.h"

#include "ledger.h"
#include "ledger_query.h"

#include <string.h>

static int migrate(struct cli *c)
{
	struct br_err err;
	int from = 0, to = 0;

	br_err_clear(&err);
	if (ledger_migrate(c->site->ledger_dsn.p, &from, &to, &err) < 0)
		return cli_fail(c, &err);
	printf("%s %d -> %d\n", cli_say(c, "ledger version", "台账版本"), from, to);
	return CLI_OK;
}

static int version(struct cli *c)
{
	struct ledger_table t;
	int status =
		cli_query(c, "select max(version)::text from casebridge.migrations", 0, NULL, &t);

	if (status == CLI_OK)
		printf("%s %s\n", cli_say(c, "ledger version", "台账版本"), t.cells[0]);
	return status;
}

int cli_ledger(struct cli *c)
{
	bool migrates = c->argc == 1 && strcmp(c->argv[0], "migrate") == 0;
	int status;

	if (c->argc != 1 || (!migrates && strcmp(c->argv[0], "version") != 0))
		return CLI_USAGE;
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	return migrates ? migrate(c) : version(c);
}
