/*
 * cli_map.c - a mapping on rows, nothing written; and its proof.
 */
#include "cli.h"

#include "br_text.h"
#include "cfg_report.h"
#include "map_check.h"
#include "map_show.h"

#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (64u << 20)

static const struct map_set *maps_of(const struct cli *c, const char *name)
{
	size_t i = 0;

	for (const struct cfg_system *s = c->site->systems; s; s = s->next, i++)
		if (br_str_eq(s->name, br_str_z(name)))
			return c->maps[i];
	return NULL;
}

static int check(struct cli *c, const char *only, const char *seed)
{
	struct map_check_options o = {
		.seed = seed ? strtoull(seed, NULL, 10) : 1, .generated = 500};
	int status = only ? cli_system_named(c, only, NULL) : CLI_OK;
	size_t i = 0;

	if (status != CLI_OK)
		return status;
	for (const struct cfg_system *s = c->site->systems; s; s = s->next, i++) {
		struct map_check_result r = {0};

		if (only && !br_str_eq(s->name, br_str_z(only)))
			continue;
		if (map_check(c->maps[i], &o, &c->arena, &c->report, &r) < 0)
			status = CLI_FAILED;
		printf("%s: %zu %s, %zu %s; %zu %s, %zu %s\n", s->name.p, r.tests,
			cli_say(c, "tests", "项测试"), r.failed, cli_say(c, "failed", "项失败"),
			r.samples, cli_say(c, "rows through both laws", "行往返检验"),
			r.law_failures, cli_say(c, "failed", "行失败"));
	}
	if (c->report.n)
		cfg_report_print(&c->report, stderr, c->lang);
	return status == CLI_OK && !only && c->site->left_out ? CLI_CONFIG : status;
}

static int show(struct cli *c, const char *name, const char *input, const char *record)
{
	static const enum map_show_as as[] = {
		[CLI_TABLE] = MAP_SHOW_TABLE, [CLI_JSON] = MAP_SHOW_JSON, [CLI_CSV] = MAP_SHOW_CSV};
	const struct map_set *set = maps_of(c, name);
	const struct mapping *m =
		set ? (record ? map_find(set, br_str_z(record)) : map_at(set, 0)) : NULL;
	struct map_show_result r;
	char ignored[2048];
	struct br_str text;
	struct br_err err;
	struct br_buf out;
	int status;

	status = cli_system_named(c, name, NULL);
	if (status != CLI_OK)
		return status;
	if (!m)
		return cli_wrong(c, BR_E_CLI_NO_RECORD, "system", name, "record",
			record ? record : "", NULL);
	br_err_clear(&err);
	br_buf_init(&out, 256u << 20);
	if (br_read_file(input, INPUT_MAX, &c->arena, &text, &err) < 0 ||
		map_show(m, text, NULL, 0, as[c->output], c->lang, &out, &r, &err) < 0) {
		status = cli_fail(c, &err);
	} else {
		fputs(br_buf_cstr(&out), stdout);
		if (br_err_code(&r.ignored))
			cli_note(c, "%s",
				br_err_text(&r.ignored, c->lang, ignored, sizeof(ignored)));
		cli_note(c, "%zu %s, %zu %s", r.rows, cli_say(c, "rows", "行"), r.failed,
			cli_say(c, "with problems", "行有问题"));
		status = r.failed ? CLI_FAILED : CLI_OK;
	}
	br_buf_release(&out);
	return status;
}

int cli_map(struct cli *c)
{
	const char *input = cli_option(c, "--input"), *record = cli_option(c, "--record"),
		   *seed = cli_option(c, "--seed");
	int status;

	if (c->argc > 0 && (strcmp(c->argv[0], "diff") == 0 || strcmp(c->argv[0], "apply") == 0))
		return cli_map_diff(c);
	if (c->argc < 1 || (strcmp(c->argv[0], "check") != 0 && !input))
		return CLI_USAGE;
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	if (strcmp(c->argv[0], "check") == 0)
		return check(c, c->argc > 1 ? c->argv[1] : NULL, seed);
	return show(c, c->argv[0], input, record);
}
