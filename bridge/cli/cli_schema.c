#include "cli.h"

#include <stdio.h>

int cli_schema(struct cli *c)
{
	struct br_buf b;
	struct br_err err;
	int status = cli_load(c);

	if (status != CLI_OK)
		return status;
	br_buf_init(&b, 4u << 20);
	br_err_clear(&err);
	if (case_json_schema(c->schema, &b, &err) < 0)
		status = cli_fail(c, &err);
	else
		puts(br_buf_cstr(&b));
	br_buf_release(&b);
	return status;
}
