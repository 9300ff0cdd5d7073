#include "cfg_option.h"

#include "br_text.h"
#include "cfg_value.h"

#include <assert.h>

struct reading {
	const struct cfg_option *row;
	const char *name; /* of the option, for messages */
	const struct cfg_node *node;
	const char *secrets_dir;
	struct cfg_report *report;
};

/* What the user wrote; never what a reference brought in, and never a secret. */
static const char *found(const struct reading *r)
{
	if (r->row->secret && !cfg_has_reference(r->node->text))
		return "***";
	return r->node->text.p ? r->node->text.p : "";
}

static int want(const struct reading *r, enum br_err_code code)
{
	return cfg_problem(r->report, r->node, code, "key", r->name, "found", found(r), NULL);
}

static int expand(const struct reading *r, const struct cfg_node *scalar, struct br_str *out)
{
	if (r->row->secret && scalar->text.n && !cfg_has_reference(scalar->text))
		cfg_warning(r->report, scalar, BR_E_CFG_SECRET_CLEAR, "key", r->name, "env",
			"${env:NAME}", "file", "${file:NAME}", NULL);
	return cfg_expand(scalar->text, scalar, r->secrets_dir, out, r->report);
}

/* Quotes say "this is text"; around a reference they are only there for YAML's sake. */
static bool is_text_only(const struct reading *r)
{
	return r->node->quoted && !cfg_has_reference(r->node->text);
}

static int read_bool(const struct reading *r, struct br_str text, void *field)
{
	bool yes = br_str_eq(text, BR_STR("true"));

	if (is_text_only(r) || (!yes && !br_str_eq(text, BR_STR("false"))))
		return want(r, BR_E_CFG_WANT_BOOL);
	*(bool *)field = yes;
	return 0;
}

static int out_of_range(const struct reading *r)
{
	char min[32], max[32];

	return cfg_problem(r->report, r->node, BR_E_CFG_RANGE, "key", r->name, "found", found(r),
		"min", cfg_number_text(r->row->type, r->row->min, min, sizeof(min)), "max",
		cfg_number_text(r->row->type, r->row->max, max, sizeof(max)), NULL);
}

static int read_number(
	const struct reading *r, struct br_str text, enum br_err_code code, void *field)
{
	const struct cfg_option *row = r->row;
	int64_t value;

	if ((row->type == CFG_T_INT && is_text_only(r)) ||
		!cfg_number_read(row->type, text, &value))
		return want(r, code);
	if ((row->min || row->max) && (value < row->min || value > row->max))
		return out_of_range(r);
	*(int64_t *)field = value;
	return 0;
}

static struct br_str join(struct br_arena *a, const char *const *words)
{
	struct br_str all = BR_STR("");

	for (size_t i = 0; words[i] && all.p; i++)
		all = br_arena_printf(a, "%.*s%s%s", BR_STR_ARG(all), i ? ", " : "", words[i]);
	return all;
}

static int read_word(const struct reading *r, struct br_str text, void *field)
{
	const char *const *words = r->row->words;
	const char *near, *all;
	size_t n = 0;

	for (; words[n]; n++)
		if (br_str_eq(text, br_str_z(words[n]))) {
			*(int *)field = (int)n;
			return 0;
		}
	all = join(r->report->arena, words).p;
	near = br_nearest(text, words, n);
	if (!near)
		return cfg_problem(r->report, r->node, BR_E_CFG_WANT_WORD, "key", r->name, "found",
			found(r), "words", all, NULL);
	return cfg_problem(r->report, r->node, BR_E_CFG_WANT_WORD_NEAR, "key", r->name, "found",
		found(r), "words", all, "near", near, NULL);
}

static int read_scalar(const struct reading *r, void *field)
{
	struct br_str text;
	int rc;

	if (r->node->kind == CFG_NULL)
		return cfg_problem(r->report, r->node, BR_E_CFG_EMPTY, "key", r->name, NULL);
	if (r->node->kind != CFG_SCALAR)
		return want(r, BR_E_CFG_WANT_TEXT);
	rc = expand(r, r->node, &text);
	if (rc)
		return rc;
	switch (r->row->type) {
	case CFG_T_BOOL:
		return read_bool(r, text, field);
	case CFG_T_INT:
		return read_number(r, text, BR_E_CFG_WANT_INT, field);
	case CFG_T_DURATION:
		return read_number(r, text, BR_E_CFG_WANT_DURATION, field);
	case CFG_T_SIZE:
		return read_number(r, text, BR_E_CFG_WANT_SIZE, field);
	case CFG_T_RATE:
		return read_number(r, text, BR_E_CFG_WANT_RATE, field);
	case CFG_T_ENUM:
		return read_word(r, text, field);
	default:
		if (r->row->required && text.n == 0)
			return cfg_problem(
				r->report, r->node, BR_E_CFG_EMPTY, "key", r->name, NULL);
		*(struct br_str *)field = text;
		return 0;
	}
}

static int read_list(const struct reading *r, void *field)
{
	const struct cfg_node *node = r->node;
	size_t n = node->kind == CFG_LIST ? node->n : 1;
	struct cfg_list list = {0, br_arena_array(r->report->arena, struct br_str, n + 1)};
	int rc = 0;

	if (!list.item)
		return cfg_problem(r->report, node, BR_E_NOMEM, NULL);
	if (node->kind == CFG_MAP)
		return want(r, BR_E_CFG_WANT_LIST);
	for (const struct cfg_node *c = node->kind == CFG_LIST ? node->child : node; c;
		c = node->kind == CFG_LIST ? c->next : NULL) {
		int bad;

		if (c->kind == CFG_SCALAR)
			bad = expand(r, c, &list.item[list.n++]);
		else
			bad = cfg_problem(r->report, c, BR_E_CFG_WANT_TEXT, "key", r->name, NULL);
		rc = rc ? rc : bad;
	}
	if (!rc && r->row->required && list.n == 0)
		rc = cfg_problem(r->report, node, BR_E_CFG_EMPTY, "key", r->name, NULL);
	if (!rc)
		*(struct cfg_list *)field = list;
	return rc;
}

int cfg_read_value(const struct cfg_option *row, const struct cfg_node *node,
	const char *secrets_dir, void *field, struct cfg_report *report)
{
	struct reading r = {row,
		row->name     ? row->name
		: node->key.p ? node->key.p
			      : "",
		node, secrets_dir, report};

	switch (row->type) {
	case CFG_T_LIST:
		return read_list(&r, field);
	case CFG_T_MAP:
		if (node->kind != CFG_MAP)
			return want(&r, BR_E_CFG_WANT_MAP);
		*(const struct cfg_node **)field = node;
		return 0;
	case CFG_T_NODE:
		*(const struct cfg_node **)field = node;
		return 0;
	default:
		return read_scalar(&r, field);
	}
}

/* ---- a whole table ---- */

static size_t count(const struct cfg_option *table)
{
	size_t n = 0;

	while (table[n].name)
		n++;
	assert(n <= CFG_OPTIONS_MAX);
	return n;
}

static int unknown_key(
	const struct cfg_option *table, const struct cfg_node *node, struct cfg_report *report)
{
	const char *names[CFG_OPTIONS_MAX + 1] = {NULL}, *near;
	size_t n = count(table);

	for (size_t i = 0; i < n; i++)
		names[i] = table[i].name;
	near = br_nearest(node->key, names, n);
	if (near)
		return cfg_problem_key(report, node, BR_E_CFG_UNKNOWN_KEY_NEAR, "key", node->key.p,
			"near", near, NULL);
	return cfg_problem_key(report, node, BR_E_CFG_UNKNOWN_KEY, "key", node->key.p, "valid",
		join(report->arena, names).p, NULL);
}

static bool is_known(const struct cfg_option *table, struct br_str key)
{
	for (; table->name; table++)
		if (br_str_eq(key, br_str_z(table->name)))
			return true;
	return false;
}

/* Defaults are written as a user would write them, so they are read in the same way. */
static int set_default(const struct cfg_option *row, const char *secrets_dir, void *field,
	struct cfg_report *report)
{
	struct cfg_option silent = *row;
	struct cfg_node scalar = {.kind = CFG_SCALAR,
				.file = "(default)",
				.text = br_str_z(row->dflt)},
			*node = &scalar;

	silent.secret = false;
	/* a list in brackets; anything else would lose its quotes or its meaning on the way through
	 * YAML */
	if (row->type == CFG_T_LIST && row->dflt[0] == '[') {
		int rc = cfg_read_text(
			br_str_z(row->dflt), "(default)", report->arena, report, &node);

		if (rc)
			return rc;
	}
	return cfg_read_value(&silent, node, secrets_dir, field, report);
}

static int read_row(const struct cfg_option *row, const struct cfg_node *node,
	const struct cfg_node *at, const char *secrets_dir, void *field, struct cfg_report *report)
{
	if (node && node->kind != CFG_NULL)
		return cfg_read_value(row, node, secrets_dir, field, report);
	if (row->required && node)
		return cfg_problem(report, node, BR_E_CFG_EMPTY, "key", row->name, NULL);
	if (row->required)
		return cfg_problem(report, at, BR_E_CFG_MISSING, "key", row->name, NULL);
	return row->dflt ? set_default(row, secrets_dir, field, report) : 0;
}

int cfg_read_options(const struct cfg_option *table, const struct cfg_node *map,
	const struct cfg_node *at, const char *secrets_dir, void *out, struct cfg_report *report)
{
	int rc = 0;

	if (map && map->kind != CFG_MAP && map->kind != CFG_NULL)
		return map->key.n ? cfg_problem(
					    report, map, BR_E_CFG_WANT_MAP, "key", map->key.p, NULL)
				  : cfg_problem(report, map, BR_E_CFG_NOT_A_MAP, NULL);
	for (const struct cfg_node *c = cfg_first(map); c; c = c->next) {
		int bad = is_known(table, c->key) ? 0 : unknown_key(table, c, report);

		rc = rc ? rc : bad;
	}
	for (const struct cfg_option *row = table; row->name; row++) {
		int bad = read_row(row, cfg_get(map, row->name), map ? map : at, secrets_dir,
			(char *)out + row->offset, report);

		rc = rc ? rc : bad;
	}
	return rc;
}
