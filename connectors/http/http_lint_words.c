/*
 * http_lint_words.c - what the {NAME} of a template may be, place by place: http_fill() makes
 * nothing of a name that is not known there, so a slip of the pen would be sent as an empty text.
 */
#include "http_lint.h"

#include "br_text.h"

#define NAMES_MAX 640 /* words, and the 512 columns a record may have */

enum {
	HEAD = HTTP_IN_HEADER,
	SIGN = HTTP_IN_SIGN,
	AUTH = HTTP_IN_AUTH,
	AUTH_SIGN = HTTP_IN_AUTH_SIGN,
	LIST = HTTP_IN_LIST,
	SWEEP = HTTP_IN_SWEEP,
	GET = HTTP_IN_GET,
	LOOKUP = HTTP_IN_LOOKUP,
	CALL = HTTP_IN_CALL,
	PART = HTTP_IN_PART_CALL,
	CONNECTION = HEAD | SIGN | AUTH | AUTH_SIGN,
	PATHS = LIST | SWEEP | GET | LOOKUP | CALL | PART,
};

/* As they are filled in by http_client.c, http_read.c, http_sweep.c and http_write.c. */
static const struct {
	const char *word;
	unsigned where;
} words[] = {
	{"lid", GET | CALL | PART},
	{"cursor", LIST | SWEEP},
	{"limit", LIST | SWEEP},
	{"page", SWEEP},
	{"did", LOOKUP | CALL | PART},
	{"app_key", CONNECTION | PATHS},
	{"token", HEAD | SIGN},
	{"timestamp", CONNECTION},
	{"nonce", CONNECTION},
	{"method", HEAD | SIGN},
	{"path", HEAD | SIGN},
	{"body", HEAD | SIGN},
	{"body_hash", HEAD | SIGN},
	{"signature", HEAD | AUTH},
	{"key", PART},
	{"{", CONNECTION | PATHS},
};

struct names {
	const char *name[NAMES_MAX];
	size_t n, nwords; /* words first */
};

static void add(struct names *x, struct br_str name)
{
	if (name.n && x->n < NAMES_MAX)
		x->name[x->n++] = name.p;
}

/* Columns of one line of the mapping. */
static void add_line(struct names *x, const struct cfg_node *line)
{
	static const char *const lists[] = {"concat", "first_of"};
	const struct cfg_node *column = cfg_get(line, "column");

	if (line->kind == CFG_SCALAR)
		add(x, line->text);
	if (column)
		add_line(x, column);
	for (size_t i = 0; i < BR_LEN(lists); i++)
		for (const struct cfg_node *c = cfg_first(cfg_get(line, lists[i])); c; c = c->next)
			add_line(x, c);
}

static void add_lines(struct names *x, const struct cfg_node *owner)
{
	for (const struct cfg_node *c = cfg_first(cfg_get(owner, "case")); c; c = c->next)
		add_line(x, c);
	for (const struct cfg_node *c = cfg_first(cfg_get(owner, "on_create")); c; c = c->next)
		add(x, c->key);
}

/* One column, or a list of them. */
static void add_named(struct names *x, const struct cfg_node *node)
{
	if (node && node->kind == CFG_SCALAR)
		add(x, node->text);
	for (const struct cfg_node *c = cfg_first(node); c; c = c->next)
		if (c->kind == CFG_SCALAR)
			add(x, c->text);
}

/* All that the mapping reads of the record, in the same places. */
static void add_columns(struct names *x, const struct cfg_node *record, const struct cfg_node *part)
{
	add_lines(x, record);
	add_named(x, cfg_get(cfg_get(record, "root"), "key"));
	add_named(x, cfg_get(record, "target_owned"));
	add_named(x, cfg_get(record, "natural_key"));
	add_named(x, cfg_get(record, "ref"));
	if (!part)
		return;
	add_lines(x, part);
	for (const struct cfg_node *c = cfg_first(cfg_get(record, "derive")); c; c = c->next)
		add_named(x, cfg_get(c, "column"));
}

static bool has(const struct names *x, struct br_str name)
{
	for (size_t i = 0; i < x->n; i++)
		if (br_str_eq(name, br_str_z(x->name[i])))
			return true;
	return false;
}

/* A word is one everywhere: where it has no value, a column of its name is not looked for. */
static bool is_word_of_elsewhere(struct br_str name, unsigned where)
{
	for (size_t i = 0; i < BR_LEN(words); i++)
		if (br_str_eq(name, br_str_z(words[i].word)))
			return !(words[i].where & where);
	return false;
}

static void names_of(
	struct names *x, unsigned where, const struct cfg_node *record, const struct cfg_node *part)
{
	x->n = 0;
	for (size_t i = 0; i < BR_LEN(words); i++)
		if (words[i].where & where)
			add(x, br_str_z(words[i].word));
	x->nwords = x->n;
	if (where & (LOOKUP | CALL | PART))
		add_columns(x, record, part);
}

static const char *in_braces(struct cfg_report *report, struct br_str name)
{
	const char *z = br_arena_printf(report->arena, "{%.*s}", BR_STR_ARG(name)).p;

	return z ? z : "";
}

static void tell(const struct cfg_node *at, struct br_str name, const char *near,
	const struct names *known, struct cfg_report *report)
{
	const char *found = in_braces(report, br_utf8_cut(name, 64)), *valid = "";

	if (near) {
		cfg_problem(report, at, BR_E_HTTP_WORD_NEAR, "found", found, "near",
			in_braces(report, br_str_z(near)), "brace", "{{}", NULL);
		return;
	}
	/* the brace, the last of them, has its own place in the text */
	for (size_t i = 0; i + 1 < known->nwords && valid; i++)
		valid = br_arena_printf(
			report->arena, "%s%s%s", valid, i ? ", " : "", known->name[i])
				.p;
	cfg_problem(report, at, BR_E_HTTP_WORD, "found", found, "valid", valid ? valid : "",
		"brace", "{{}", NULL);
}

static void check(const struct cfg_node *at, struct br_str name, unsigned where,
	const struct names *known, struct cfg_report *report)
{
	if (is_word_of_elsewhere(name, where))
		tell(at, name, NULL, known, report);
	else if (!has(known, name))
		tell(at, name, br_nearest(name, known->name, known->n), known, report);
}

/* "${env:NAME}" is a reference, which has a check of its own, and in the connection every "${". */
static bool is_reference(struct br_str text, size_t open, unsigned where)
{
	if (open == 0 || text.p[open - 1] != '$')
		return false;
	return (where & CONNECTION) || !strncmp(text.p + open, "{env:", 5) ||
	       !strncmp(text.p + open, "{file:", 6);
}

/* "$${" is a brace. */
static bool is_escaped(struct br_str text, size_t open, unsigned where)
{
	return (where & CONNECTION) && open > 1 && !memcmp(text.p + open - 2, "$$", 2);
}

void http_lint_template(const struct cfg_node *at, enum http_place place,
	const struct cfg_node *record, const struct cfg_node *part, struct cfg_report *report)
{
	struct br_str text = at && at->kind == CFG_SCALAR ? at->text : BR_STR("");
	struct names known;

	names_of(&known, place, record, part);
	for (size_t i = 0; i < text.n; i++) {
		const char *close = text.p[i] == '{' ? strchr(text.p + i, '}') : NULL;
		size_t n = close ? (size_t)(close - text.p) - i : 0;

		if (!close || is_escaped(text, i, place))
			continue;
		if (!is_reference(text, i, place))
			check(at, (struct br_str){text.p + i + 1, n - 1}, place, &known, report);
		i += n;
	}
}
