#include "cli.h"

#include "br_log.h"
#include "br_text.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#define SITE_ARENA (256u << 20)

static void print_help(const struct cli *c, FILE *to)
{
	fprintf(to, "%s\n\n", cli_say(c, "casebridge VERB [ARGUMENTS] [--site FOLDER] [--lang en|zh] [--output table|json|csv]",
				      "casebridge 命令 [参数] [--site 站点目录] [--lang en|zh] [--output table|json|csv]"));
	for (const struct cli_verb *v = cli_verbs; v->name; v++)
		fprintf(to, "  %-10s %-34s %s\n", v->name, v->arguments, cli_say(c, v->help_en, v->help_zh));
	fprintf(to, "\n%s\n", cli_say(c, "The site folder is --site, CASEBRIDGE_SITE, the last argument, or the current folder.",
				      "站点目录取自 --site、环境变量 CASEBRIDGE_SITE、最后一个参数或当前目录。"));
}

static bool is_site(const char *folder)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/site.yaml", folder);
	f = fopen(path, "r");
	if (f)
		fclose(f);
	return f != NULL;
}

static bool read_common(struct cli *c)
{
	const char *lang = cli_option(c, "--lang"), *output = cli_option(c, "--output"), *site = cli_option(c, "--site");

	c->lang = br_lang_from_env();
	if (getenv("CASEBRIDGE_LANG"))
		c->lang = strncmp(getenv("CASEBRIDGE_LANG"), "zh", 2) == 0 ? BR_LANG_ZH : BR_LANG_EN;
	if (lang)
		c->lang = strncmp(lang, "zh", 2) == 0 ? BR_LANG_ZH : BR_LANG_EN;
	if (output && strcmp(output, "table") != 0) {
		if (strcmp(output, "json") == 0)
			c->output = CLI_JSON;
		else if (strcmp(output, "csv") == 0)
			c->output = CLI_CSV;
		else
			return false;
	}
	c->verbose = cli_flag(c, "--verbose");
	c->folder = site ? site : getenv("CASEBRIDGE_SITE");
	if (!site && c->argc > 0 && is_site(c->argv[c->argc - 1]))
		c->folder = c->argv[--c->argc];
	if (!c->folder)
		c->folder = ".";
	return true;
}

static const struct cli_verb *find_verb(const char *name)
{
	for (const struct cli_verb *v = cli_verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static int unknown_verb(const struct cli *c, const char *name)
{
	const char *names[64], *near;
	size_t n = 0;

	for (const struct cli_verb *v = cli_verbs; v->name && n < BR_LEN(names); v++)
		names[n++] = v->name;
	near = br_nearest(br_str_z(name), names, n);
	cli_note(c, "%s '%s'%s%s%s", cli_say(c, "there is no verb", "没有命令"), name, near ? cli_say(c, "; did you mean '", "；是否为 '") : "",
		near ? near : "", near ? "'?" : "");
	print_help(c, stderr);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	struct cli c = {.program = argv[0], .argc = argc > 2 ? argc - 2 : 0, .argv = argv + 2};
	const struct cli_verb *verb;
	int status;

	setlocale(LC_ALL, "C.UTF-8");
	if (!read_common(&c)) {
		print_help(&c, stderr);
		return CLI_USAGE;
	}
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(&c, argc < 2 ? stderr : stdout);
		return argc < 2 ? CLI_USAGE : CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("casebridge " CASEBRIDGE_VERSION);
		return CLI_OK;
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(&c, argv[1]);
	br_log_init(verb->name, c.verbose ? BR_LOG_DEBUG : BR_LOG_INFO, c.lang);
	br_arena_init(&c.arena, SITE_ARENA);
	c.report.arena = &c.arena;
	status = cli_flag(&c, "--help") ? cli_usage(&c, verb) : verb->run(&c);
	br_arena_release(&c.arena);
	return status;
}
