#include "cli.h"

#include <stdio.h>

int cli_schema(struct cli *c)
{
	struct br_buf b;
	struct br_err err;
	bool fields = c->argc == 1 && strcmp(c->argv[0], "fields") == 0;
	int status;

	if (c->argc > 0 && !fields && strcmp(c->argv[0], "json") != 0)
		return CLI_USAGE;
	status = cli_load_schema(c);
	if (status != CLI_OK)
		return status;
	br_buf_init(&b, 4u << 20);
	br_err_clear(&err);
	if ((fields ? case_reference(c->schema, &b, &err) : case_json_schema(c->schema, &b, &err)) <
		0)
		status = cli_fail(c, &err);
	else
		puts(br_buf_cstr(&b));
	br_buf_release(&b);
	return status;
}
