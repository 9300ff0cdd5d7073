/*
 * Problems are added as they are found, in the order in which files happen to be read; what people
 * see is sorted by place, which is the order in which they will correct them.
 */
#include "cfg_report.h"

#include "br_json.h"
#include "br_text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#define PAIRS_MAX 8
#define TEXT_MAX  4096 /* bytes of one message */

const char *cfg_place(struct br_arena *a, const struct cfg_node *node)
{
	const char *place = NULL;

	if (node && node->file && node->line)
		place = br_arena_printf(a, "%s:%u:%u", node->file, node->line, node->column).p;
	else if (node)
		place = node->file;
	return place ? place : "";
}

static struct cfg_problem *append(struct cfg_report *report, bool warning)
{
	struct cfg_problem *p = br_arena_new(report->arena, struct cfg_problem);

	/* counted even when there is no memory to say what it is: nothing may pass for want of
	 * memory */
	if (warning)
		report->warnings++;
	else
		report->n++;
	if (!p)
		return NULL;
	p->warning = warning;
	if (report->last)
		report->last->next = p;
	else
		report->first = p;
	report->last = p;
	return p;
}

static int add(struct cfg_report *report, const struct cfg_node *at, bool warning,
	enum br_err_code code, va_list args)
{
	const char *k[PAIRS_MAX + 1] = {NULL}, *v[PAIRS_MAX + 1] = {NULL};
	struct cfg_problem *p = report ? append(report, warning) : NULL;
	size_t n = 0;

	if (!p)
		return -(int)code;
	while ((k[n] = va_arg(args, const char *))) {
		assert(n < PAIRS_MAX);
		v[n++] = va_arg(args, const char *);
	}
	if (at) {
		p->file = at->file;
		p->line = at->line;
		p->column = at->column;
	}
	/* the first key that is NULL ends the list */
	return br_err_set(&p->err, code, "at", cfg_place(report->arena, at), k[0], v[0], k[1], v[1],
		k[2], v[2], k[3], v[3], k[4], v[4], k[5], v[5], k[6], v[6], k[7], v[7], NULL);
}

#undef cfg_problem
int cfg_problem(struct cfg_report *report, const struct cfg_node *at, enum br_err_code code, ...)
{
	va_list args;
	int rc;

	va_start(args, code);
	rc = add(report, at, false, code, args);
	va_end(args);
	return rc;
}

int cfg_problem_key(
	struct cfg_report *report, const struct cfg_node *at, enum br_err_code code, ...)
{
	struct cfg_node key = at ? *at : (struct cfg_node){0};
	va_list args;
	int rc;

	if (key.key_line) {
		key.line = key.key_line;
		key.column = key.key_column;
	}
	va_start(args, code);
	rc = add(report, at ? &key : NULL, false, code, args);
	va_end(args);
	return rc;
}

int cfg_warning(struct cfg_report *report, const struct cfg_node *at, enum br_err_code code, ...)
{
	va_list args;

	va_start(args, code);
	add(report, at, true, code, args);
	va_end(args);
	return 0;
}

/* ---- printing ---- */

static int by_place(const void *left, const void *right)
{
	const struct cfg_problem *a = *(const struct cfg_problem *const *)left,
				 *b = *(const struct cfg_problem *const *)right;
	int order = strcmp(a->file ? a->file : "", b->file ? b->file : "");

	if (order == 0)
		order = (a->line > b->line) - (a->line < b->line);
	if (order == 0)
		order = (a->column > b->column) - (a->column < b->column);
	if (order == 0)
		order = strcmp(br_err_tag((int)br_err_code(&a->err)),
			br_err_tag((int)br_err_code(&b->err)));
	if (order == 0)
		order = br_str_cmp((struct br_str){a->err.details, a->err.used},
			(struct br_str){b->err.details, b->err.used});
	return order;
}

struct sorted {
	const struct cfg_problem **p;
	size_t n, errors, warnings; /* told ones */
	size_t untold;		    /* found when there was no memory to keep them */
};

static bool sort(const struct cfg_report *report, struct sorted *s)
{
	size_t room = 0, told = 0;

	for (const struct cfg_problem *p = report->first; p; p = p->next)
		room++;
	*s = (struct sorted){.p = calloc(room + 1, sizeof(*s->p))};
	if (!s->p)
		return false;
	for (const struct cfg_problem *p = report->first; p; p = p->next)
		s->p[s->n++] = p;
	qsort(s->p, s->n, sizeof(*s->p), by_place);
	for (size_t i = 0; i < s->n; i++) {
		if (i && by_place(&s->p[i], &s->p[told - 1]) == 0)
			continue;
		s->p[told++] = s->p[i];
		if (s->p[i]->warning)
			s->warnings++;
		else
			s->errors++;
	}
	s->untold = report->n + report->warnings - room;
	s->n = told;
	return true;
}

/* A message begins with its place and a colon of its language. */
static const char *behind_place(const struct cfg_problem *p, const char *text)
{
	const char *at = br_err_detail(&p->err, "at");
	size_t n = at ? strlen(at) : 0;

	if (!n || strncmp(text, at, n) != 0)
		return text;
	text += n;
	if (strncmp(text, ": ", 2) == 0)
		return text + 2;
	return strncmp(text, "：", strlen("：")) == 0 ? text + strlen("：") : text;
}

/* Editors follow "file:line:column:" only with colons of ASCII, so the place is written here. */
static void print_problem(const struct cfg_problem *p, FILE *to, enum br_lang lang)
{
	static const char *const warning[] = {"warning: ", "警告："};
	const char *at = br_err_detail(&p->err, "at");
	char text[TEXT_MAX];

	br_err_text(&p->err, lang, text, sizeof(text));
	if (at && *at)
		fprintf(to, "%s: ", at);
	fprintf(to, "%s%s\n", p->warning ? warning[lang] : "", behind_place(p, text));
}

static void print_count(const struct sorted *s, FILE *to, enum br_lang lang)
{
	bool zh = lang == BR_LANG_ZH;

	if (zh)
		fprintf(to, "共 %zu 个问题", s->errors);
	else
		fprintf(to, "%zu problem%s", s->errors, s->errors == 1 ? "" : "s");
	if (s->warnings)
		fprintf(to,
			zh		   ? "，%zu 个警告"
			: s->warnings == 1 ? ", %zu warning"
					   : ", %zu warnings",
			s->warnings);
	if (s->untold)
		fprintf(to, zh ? "；内存不足，另有 %zu 个未列出" : "; no memory to list %zu more",
			s->untold);
	fputc('\n', to);
}

void cfg_report_print(const struct cfg_report *report, FILE *to, enum br_lang lang)
{
	struct sorted s;

	if (report->n + report->warnings == 0)
		return;
	if (!sort(report, &s)) {
		/* unsorted is better than silent */
		for (const struct cfg_problem *p = report->first; p; p = p->next)
			print_problem(p, to, lang);
		return;
	}
	for (size_t i = 0; i < s.n; i++)
		print_problem(s.p[i], to, lang);
	print_count(&s, to, lang);
	free(s.p);
}

static void json_both(struct br_jw *w, const struct cfg_problem *p, struct br_str key,
	char *(*text)(const struct br_err *err, enum br_lang lang, char *buf, size_t size))
{
	char buf[TEXT_MAX];

	br_jw_key(w, key);
	br_jw_object(w);
	br_jw_kstr(w, "en", br_str_z(behind_place(p, text(&p->err, BR_LANG_EN, buf, sizeof(buf)))));
	br_jw_kstr(w, "zh", br_str_z(behind_place(p, text(&p->err, BR_LANG_ZH, buf, sizeof(buf)))));
	br_jw_end_object(w);
}

static void json_problem(struct br_jw *w, const struct cfg_problem *p)
{
	struct br_str file = br_str_z(p->file);

	br_jw_object(w);
	br_jw_name(w, "file");
	if (file.p)
		br_jw_str(w, br_utf8_check(file) == file.n ? file : BR_STR("?"));
	else
		br_jw_null(w);
	br_jw_kint(w, "line", p->line);
	br_jw_kint(w, "column", p->column);
	br_jw_kstr(w, "severity", p->warning ? BR_STR("warning") : BR_STR("error"));
	br_jw_kstr(w, "code", br_str_z(br_err_tag((int)br_err_code(&p->err))));
	json_both(w, p, BR_STR("text"), br_err_sentence);
	json_both(w, p, BR_STR("next"), br_err_next_step);
	br_jw_end_object(w);
}

int cfg_report_json(const struct cfg_report *report, FILE *to, struct br_err *err)
{
	struct sorted s;
	struct br_buf b;
	struct br_jw w;
	int rc = 0;

	if (!sort(report, &s))
		return br_err_set(err, BR_E_NOMEM, NULL);
	br_buf_init(&b, SIZE_MAX / 2);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	br_jw_kint(&w, "errors", (int64_t)(s.errors + s.untold));
	br_jw_kint(&w, "warnings", (int64_t)s.warnings);
	br_jw_name(&w, "problems");
	br_jw_array(&w);
	for (size_t i = 0; i < s.n; i++)
		json_problem(&w, s.p[i]);
	br_jw_end_array(&w);
	br_jw_end_object(&w);
	if (br_jw_failed(&w))
		rc = br_err_set(err, BR_E_NOMEM, NULL);
	else
		fprintf(to, "%.*s\n", (int)b.n, b.p);
	br_buf_release(&b);
	free(s.p);
	return rc;
}
