#include "cli.h"

#include "br_log.h"
#include "hub_bridge.h"

int cli_bridge(struct cli *c)
{
	int status = cli_load_for_log(c, NULL);
	struct br_loop *loop;
	struct br_err err;

	if (status != CLI_OK)
		return status;
	br_err_clear(&err);
	loop = br_loop_new(&err);
	if (!loop)
		return cli_fail(c, &err);
	br_log_init("bridge", c->verbose ? BR_LOG_DEBUG : BR_LOG_INFO, c->lang);
	cli_map_note(c);
	status = hub_bridge_run(loop, c->site, c->schema, c->maps);
	br_loop_free(loop);
	return status;
}
