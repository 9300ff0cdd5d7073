#include "cli.h"

#include "cfg_report.h"
#include "conn_kind.h"
#include "map_check.h"

#include <stdio.h>

/* The kind's own part of the file: connection options and what it needs of the records. */
static void lint_kind(struct cli *c, const struct cfg_system *s)
{
	for (size_t i = 0; conn_kinds[i]; i++) {
		const struct conn_kind *k = conn_kinds[i];
		void *options;

		if (!br_str_eq(s->connector, br_str_z(k->name)))
			continue;
		options = br_arena_calloc(&c->arena, 1, k->options_size ? k->options_size : 1);
		if (options &&
			cfg_read_options(k->options, s->connection, s->node,
				c->site->secrets_folder, options, &c->report) == 0 &&
			k->lint)
			k->lint(c->site, s, options, &c->report);
		return;
	}
	cfg_problem(&c->report, cfg_get(s->node, "connector"), BR_E_CLI_NO_KIND, "kind",
		s->connector.p, NULL);
}

int cli_lint(struct cli *c)
{
	if (cli_need_site(c) != CLI_OK)
		return CLI_CONFIG;
	cfg_site_read(c->folder, &c->arena, &c->report, &c->site);
	if (!c->site) {
		cfg_report_print(&c->report, stderr, c->lang);
		return CLI_CONFIG;
	}
	if (c->site->schemas_folder)
		case_schema_load(c->site->schemas_folder, &c->arena, &c->report, &c->schema);
	for (struct cfg_system *s = c->schema ? c->site->systems : NULL; s; s = s->next) {
		struct map_set *set = NULL;

		map_compile(c->site, s, c->schema, &c->arena, &c->report, &set);
		map_check_tests(s, set, &c->arena, &c->report);
		lint_kind(c, s);
	}
	if (c->report.n || c->report.warnings)
		cfg_report_print(&c->report, stderr, c->lang);
	if (c->report.n)
		return CLI_CONFIG;
	printf("%s: %zu %s\n", c->folder, c->site->nsystems,
		cli_say(c, "systems, no problems", "个系统，没有问题"));
	return CLI_OK;
}
