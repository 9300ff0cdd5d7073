#include "cli.h"

#include "br_log.h"
#include "br_text.h"

#include <locale.h>
#include <malloc.h>
#include <stdlib.h>

#define SITE_ARENA (256u << 20)
#define WORDS_MAX  16

static void print_help(const struct cli *c, FILE *to)
{
	fprintf(to, "%s\n\n",
		cli_say(c,
			"casebridge VERB [ARGUMENTS] [--site FOLDER] [--lang en|zh] [--output "
			"table|json|csv]",
			"casebridge 命令 [参数] [--site 站点目录] [--lang en|zh] [--output "
			"table|json|csv]"));
	for (const struct cli_verb *v = cli_verbs; v->name; v++)
		fprintf(to, "  %-10s %-43s %s\n", v->name, v->arguments,
			cli_say(c, v->help_en, v->help_zh));
	fprintf(to, "\n%s\n%s\n",
		cli_say(c,
			"The site folder is --site, the last argument, CASEBRIDGE_SITE, or the "
			"current folder.",
			"站点目录取自 --site、最后一个参数、环境变量 CASEBRIDGE_SITE 或当前目录。"),
		cli_say(c, "More about a verb: casebridge VERB --help",
			"某个命令的用法：casebridge 命令 --help"));
}

static bool is_lang(const char *text)
{
	return strncmp(text, "zh", 2) == 0 || strncmp(text, "en", 2) == 0;
}

/* First of all, since what is wrong with the rest is told in this language. */
static int read_lang(struct cli *c)
{
	const char *given = cli_option(c, "--lang"),
		   *lang = given ? given : getenv("CASEBRIDGE_LANG");

	c->lang = br_lang_from_env();
	if (lang && is_lang(lang))
		c->lang = strncmp(lang, "zh", 2) == 0 ? BR_LANG_ZH : BR_LANG_EN;
	if (given && !is_lang(given))
		return cli_wrong(c, BR_E_CLI_OPTION_VALUE, "option", "--lang", "found", given,
			"expected", "en, zh", NULL);
	return CLI_OK;
}

static int read_output(struct cli *c)
{
	const char *output = cli_option(c, "--output");

	if (!output || strcmp(output, "table") == 0)
		return CLI_OK;
	if (strcmp(output, "json") == 0)
		c->output = CLI_JSON;
	else if (strcmp(output, "csv") == 0)
		c->output = CLI_CSV;
	else
		return cli_wrong(c, BR_E_CLI_OPTION_VALUE, "option", "--output", "found", output,
			"expected", "table, json, csv", NULL);
	return CLI_OK;
}

static const struct cli_verb *find_verb(const char *name)
{
	for (const struct cli_verb *v = cli_verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static int unknown_verb(struct cli *c, const char *name)
{
	const char *names[64], *near;
	size_t n = 0;

	for (const struct cli_verb *v = cli_verbs; v->name && n < BR_LEN(names); v++)
		names[n++] = v->name;
	near = br_nearest(br_str_z(name), names, n);
	if (near)
		return cli_wrong(c, BR_E_CLI_NO_VERB_NEAR, "verb", name, "near", near, NULL);
	return cli_wrong(c, BR_E_CLI_NO_VERB, "verb", name, NULL);
}

static int unknown_option(struct cli *c, const char *word)
{
	const char *names[32], *near;
	size_t n = 0;

	for (const struct cli_opt *o = c->verb->options; o && o->name && n < BR_LEN(names); o++)
		names[n++] = o->name;
	for (const struct cli_opt *o = cli_common; o->name && n < BR_LEN(names); o++)
		names[n++] = o->name;
	near = br_nearest((struct br_str){word, strcspn(word, "=")}, names, n);
	if (near)
		return cli_wrong(c, BR_E_CLI_NO_OPTION_NEAR, "verb", c->verb->name, "option", word,
			"near", near, NULL);
	return cli_wrong(c, BR_E_CLI_NO_OPTION, "verb", c->verb->name, "option", word, NULL);
}

/* The words a verb begins with, as its arguments say: "live|pause NAME" are two. None when it
 * begins with something else. Texts are cut out of `text`. */
static size_t words_of(const struct cli_verb *v, char *text, size_t size, const char **words)
{
	size_t n = 0;
	char *rest = NULL;

	snprintf(text, size, "%s", v->arguments + (v->arguments[0] == '['));
	if (text[0] < 'a' || text[0] > 'z')
		return 0;
	for (char *word = strtok_r(text, "|", &rest); word && n < WORDS_MAX;
		word = strtok_r(NULL, "|", &rest)) {
		word[strcspn(word, " ]")] = '\0';
		if (word[0] >= 'a' && word[0] <= 'z' && (!n || strcmp(words[n - 1], word) != 0))
			words[n++] = word;
	}
	return n;
}

static int check_first(struct cli *c, const char *first)
{
	const char *words[WORDS_MAX], *near;
	char text[512], all[512] = "";
	size_t n = words_of(c->verb, text, sizeof(text), words), at = 0;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], first) == 0)
			return CLI_OK;
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", i ? ", " : "", words[i]);
	}
	near = n ? br_nearest(br_str_z(first), words, n) : NULL;
	if (near)
		return cli_wrong(c, BR_E_CLI_NO_WORD_NEAR, "verb", c->verb->name, "found", first,
			"near", near, NULL);
	return n ? cli_wrong(c, BR_E_CLI_NO_WORD, "verb", c->verb->name, "found", first, "expected",
			   all, NULL)
		 : CLI_OK;
}

/* What the verb will not look at is an error, not silence. */
static int check_words(struct cli *c, const char **first, int *args)
{
	*args = 0;
	for (int i = 0; i < c->argc; i++) {
		const char *word = c->argv[i];
		const struct cli_opt *o =
			word[0] == '-' ? cli_find_option(c->verb->options, word) : NULL;

		if (word[0] == '-' && !o && (o = cli_find_option(cli_common, word)) && o->value)
			return cli_wrong(c, BR_E_CLI_NO_VALUE, "option", o->name, "expected",
				o->value, NULL);
		if (word[0] == '-' && !o)
			return unknown_option(c, word);
		if (o && o->value && !strchr(word, '=') && ++i == c->argc)
			return cli_wrong(c, BR_E_CLI_NO_VALUE, "option", o->name, "expected",
				o->value, NULL);
		if (!o && ++*args > c->verb->max_args)
			return cli_wrong(
				c, BR_E_CLI_TOO_MANY, "found", word, "verb", c->verb->name, NULL);
		if (!o && *args == 1)
			*first = word;
	}
	return CLI_OK;
}

/* How the verb is used is shown to whom it helps: not when only an option is wrong. */
static int check_call(struct cli *c)
{
	const char *first = NULL;
	int args, status = check_words(c, &first, &args);

	if (status != CLI_OK)
		return status;
	if (first)
		status = check_first(c, first);
	if (status == CLI_OK && args < c->verb->min_args)
		status = cli_wrong(c, BR_E_CLI_TOO_FEW, "verb", c->verb->name, "expected",
			c->verb->arguments, NULL);
	if (status != CLI_OK)
		cli_verb_help(c, c->verb, stderr);
	return status;
}

static int run_verb(struct cli *c)
{
	int status = check_call(c);

	if (status != CLI_OK)
		return status;
	br_log_init(c->verb->name, c->verbose ? BR_LOG_DEBUG : BR_LOG_INFO, c->lang);
	br_arena_init(&c->arena, SITE_ARENA);
	c->report.arena = &c->arena;
	status = c->verb->run(c);
	br_arena_release(&c->arena);
	if (status == CLI_USAGE && !c->told)
		cli_verb_help(c, c->verb, stderr);
	return status;
}

int main(int argc, char **argv)
{
	struct cli c = {.program = argv[0], .argc = argc - 1, .argv = argv + 1};
	bool help, version;
	const char *site;

	setlocale(LC_ALL, "C.UTF-8");
	/* What librdkafka's threads allocate is given back by ours: a heap for each thread would
	 * only keep what it no longer uses. */
	mallopt(M_ARENA_MAX, 1);
	if (read_lang(&c) != CLI_OK || read_output(&c) != CLI_OK)
		return CLI_USAGE;
	site = cli_option(&c, "--site");
	help = cli_flag(&c, "--help") || cli_flag(&c, "-h");
	version = cli_flag(&c, "--version");
	c.verbose = cli_flag(&c, "--verbose");
	if (version) {
		puts("casebridge " CASEBRIDGE_VERSION);
		return CLI_OK;
	}
	if (c.argc > 0 && strcmp(c.argv[0], "help") == 0) {
		help = true;
		c.argc--;
		c.argv++;
	}
	if (c.argc == 0) {
		print_help(&c, help ? stdout : stderr);
		return help ? CLI_OK : CLI_USAGE;
	}
	c.verb = find_verb(c.argv[0]);
	if (!c.verb)
		return unknown_verb(&c, c.argv[0]);
	c.argc--;
	c.argv++;
	if (help) {
		cli_verb_help(&c, c.verb, stdout);
		return CLI_OK;
	}
	cli_take_site(&c, site);
	return run_verb(&c);
}
