#include "cli.h"

#include "ledger.h"

#include <stdio.h>

int cli_ledger(struct cli *c)
{
	struct br_err err;
	int from = 0, to = 0, status;

	if (c->argc != 1 || strcmp(c->argv[0], "migrate") != 0)
		return CLI_USAGE;
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	br_err_clear(&err);
	if (ledger_migrate(c->site->ledger_dsn.p, &from, &to, &err) < 0)
		return cli_fail(c, &err);
	printf("%s %d -> %d\n", cli_say(c, "ledger version", "台账版本"), from, to);
	return CLI_OK;
}
