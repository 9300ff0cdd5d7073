#include "cli.h"

#include "br_log.h"
#include "conn_kind.h"

#include <stdio.h>

/* A connector needs its system's connection only; what to read and write comes with BEGIN. */
int cli_connector(struct cli *c)
{
	struct cfg_system *system = NULL;
	const struct conn_kind *kind = NULL;
	struct br_loop *loop;
	struct br_err err;
	char proc[64];
	int status;

	if (c->argc != 1)
		return CLI_USAGE;
	status = cli_load_for_log(c, c->argv[0]);
	if (status == CLI_OK)
		status = cli_system_named(c, c->argv[0], &system);
	if (status != CLI_OK)
		return status;
	for (size_t i = 0; conn_kinds[i]; i++)
		if (br_str_eq(system->connector, br_str_z(conn_kinds[i]->name)))
			kind = conn_kinds[i];
	br_err_clear(&err);
	if (!kind) {
		br_err_set(&err, BR_E_CLI_NO_KIND, "kind", system->connector.p, NULL);
		return cli_fail(c, &err);
	}
	loop = br_loop_new(&err);
	if (!loop)
		return cli_fail(c, &err);
	snprintf(proc, sizeof(proc), "connector:%s", c->argv[0]);
	br_log_init(proc, c->verbose ? BR_LOG_DEBUG : BR_LOG_INFO, c->lang);
	status = conn_run(loop, c->site, system, kind);
	br_loop_free(loop);
	return status;
}
