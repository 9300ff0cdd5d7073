/*
 * cli_site.c - which folder is the site: --site, the last argument, CASEBRIDGE_SITE, or the current
 * folder. What was named and is no site is told, never passed over for the next in this order.
 */
#include "cli.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 16

static bool is_site(const char *folder)
{
	char path[PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), "%s/site.yaml", folder) < sizeof(path) &&
	       access(path, R_OK) == 0;
}

const struct cli_opt *cli_find_option(const struct cli_opt *o, const char *word)
{
	size_t n = strcspn(word, "=");

	for (; o && o->name; o++)
		if (strlen(o->name) == n && memcmp(o->name, word, n) == 0)
			return o;
	return NULL;
}

/* Where the words stand that are neither options nor their values; at most `room` are noted. */
static int find_words(const struct cli *c, int *at, int room)
{
	int n = 0;

	for (int i = 0; i < c->argc && n < room; i++) {
		const struct cli_opt *o = cli_find_option(c->verb->options, c->argv[i]);

		if (c->argv[i][0] != '-')
			at[n++] = i;
		else if (o && o->value && !strchr(c->argv[i], '='))
			i++;
	}
	return n;
}

/* The last word is the site when it is one, when the verb has no other use for it, or when it is
 * written like a path where the verb can do without: in the last two cases it may turn out to be
 * none. */
static bool is_meant_as_site(const struct cli *c, int words, const char *last)
{
	bool path = strchr(last, '/') || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;

	return words > c->verb->max_args || is_site(last) || (path && words > c->verb->min_args);
}

void cli_take_site(struct cli *c, const char *given)
{
	const char *env = getenv("CASEBRIDGE_SITE");
	int at[WORDS_MAX], n = given ? 0 : find_words(c, at, WORDS_MAX);

	if (given) {
		c->folder = given;
		c->folder_from = "--site";
	} else if (n > 0 && is_meant_as_site(c, n, c->argv[at[n - 1]])) {
		c->folder = c->argv[at[n - 1]];
		c->folder_from = c->verb->name;
		for (int i = at[n - 1]; i + 1 < c->argc; i++)
			c->argv[i] = c->argv[i + 1];
		c->argc--;
	} else if (env && *env) {
		c->folder = env;
		c->folder_from = "CASEBRIDGE_SITE";
	} else {
		c->folder = ".";
	}
}

int cli_need_site(struct cli *c)
{
	struct stat st;
	struct br_err err;
	char here[PATH_MAX], call[64];
	const char *from = c->folder_from;

	if (is_site(c->folder))
		return CLI_OK;
	if (from == c->verb->name) {
		snprintf(call, sizeof(call), "casebridge %s", c->verb->name);
		from = call;
	}
	br_err_clear(&err);
	if (!from)
		br_err_set(&err, BR_E_CLI_NO_SITE_HERE, "path",
			getcwd(here, sizeof(here)) ? here : c->folder, NULL);
	else
		br_err_set(&err, stat(c->folder, &st) == 0 ? BR_E_CLI_NOT_A_SITE : BR_E_CLI_NO_SITE,
			"from", from, "path", c->folder, NULL);
	return cli_fail(c, &err);
}
