#include "cfg_report.h"

#include <stdlib.h>

struct place {
	const char *file;
	size_t file_n;
	unsigned long line, column;
};

static struct place place_of(const struct cfg_problem *p)
{
	const char *at = br_err_detail(&p->err, "at"), *colon;
	struct place out = {at ? at : "", 0, 0, 0};
	char *end;

	if (!at)
		return out;
	colon = strchr(at, ':');
	out.file_n = colon ? (size_t)(colon - at) : strlen(at);
	if (colon) {
		out.line = strtoul(colon + 1, &end, 10);
		out.column = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
	}
	return out;
}

static int by_place(const void *a, const void *b)
{
	struct place l = place_of(*(struct cfg_problem *const *)a), r = place_of(*(struct cfg_problem *const *)b);
	int d = br_str_cmp((struct br_str){l.file, l.file_n}, (struct br_str){r.file, r.file_n});

	if (d)
		return d;
	if (l.line != r.line)
		return l.line < r.line ? -1 : 1;
	return (l.column > r.column) - (l.column < r.column);
}

void cfg_report_print(struct cfg_report *report, FILE *to, enum br_lang lang)
{
	struct cfg_problem **all = calloc(report->n + 1, sizeof(*all));
	size_t n = 0;
	char text[2048];

	for (struct cfg_problem *p = report->first; all && p; p = p->next)
		all[n++] = p;
	if (n)
		qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%s\n", br_err_text(&all[i]->err, lang, text, sizeof(text)));
	if (lang == BR_LANG_ZH)
		fprintf(to, "共 %zu 个问题\n", n);
	else
		fprintf(to, "%zu problem%s\n", n, n == 1 ? "" : "s");
	free(all);
}
