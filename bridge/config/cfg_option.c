#include "cfg_option.h"

#include "br_buf.h"
#include "br_json.h"
#include "br_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SECRET_MAX 65536

static const char *const type_names[] = {"a text", "true or false", "a whole number", "a duration such as 250ms, 2s, 5m, 1h or 7d",
	"a size such as 512, 64k, 5M or 1G", "a rate such as 200/h, 50/m or 10/s", "one of the words", "a list", "a map", "a value"};

static int wrong_type(const struct cfg_option *row, const struct cfg_node *node, struct cfg_report *report)
{
	struct br_buf b;
	int rc;

	br_buf_init(&b, 4096);
	br_buf_add(&b, type_names[row->type], strlen(type_names[row->type]));
	for (size_t i = 0; row->type == CFG_T_ENUM && row->words[i]; i++)
		br_buf_printf(&b, "%s%s", i ? " | " : " ", row->words[i]);
	rc = cfg_problem(report, node, BR_E_CFG_TYPE, "key", row->name, "expected", br_buf_cstr(&b), "found",
		row->secret ? "***" : node->kind == CFG_SCALAR ? node->text.p : node->kind == CFG_LIST ? "a list" : node->kind == CFG_MAP ? "a map" : "nothing",
		NULL);
	br_buf_release(&b);
	return rc;
}

/* ---- ${env:NAME} and ${file:NAME} ---- */

static int read_secret_file(const struct cfg_node *node, struct br_str name, const char *dir, struct cfg_report *report, struct br_str *out)
{
	char path[4096];
	struct stat st;
	struct br_err err;

	if (name.n && name.p[0] == '/')
		snprintf(path, sizeof(path), "%.*s", BR_STR_ARG(name));
	else
		snprintf(path, sizeof(path), "%s/%.*s", dir ? dir : ".", BR_STR_ARG(name));
	br_err_clear(&err);
	if (br_read_file(path, SECRET_MAX, report->arena, out, &err) < 0)
		return cfg_problem(report, node, BR_E_CFG_SECRET_FILE, "path", path, "why", br_err_detail(&err, "why") ? br_err_detail(&err, "why") : "?",
			NULL);
	while (out->n && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
		out->n--;
	if (stat(path, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH)))
		report->warnings++;
	return 0;
}

static int expand_one(const struct cfg_node *node, struct br_str ref, const char *dir, struct cfg_report *report, struct br_str *out)
{
	const char *value, *name;

	if (ref.n > 4 && memcmp(ref.p, "env:", 4) == 0) {
		name = br_arena_copy(report->arena, (struct br_str){ref.p + 4, ref.n - 4}).p;
		value = name ? getenv(name) : NULL;
		if (!value)
			return cfg_problem(report, node, BR_E_CFG_ENV, "name", name ? name : "?", NULL);
		*out = br_str_z(value);
		return 0;
	}
	if (ref.n > 5 && memcmp(ref.p, "file:", 5) == 0)
		return read_secret_file(node, (struct br_str){ref.p + 5, ref.n - 5}, dir, report, out);
	return cfg_problem(report, node, BR_E_CFG_REFERENCE, "found", br_arena_copy(report->arena, ref).p, NULL);
}

static int expand(const struct cfg_node *node, const char *dir, struct cfg_report *report, struct br_str *out)
{
	struct br_str text = node->text;
	struct br_buf b;
	int rc = 0;

	if (!memmem(text.p, text.n, "${", 2)) {
		*out = text;
		return 0;
	}
	br_buf_init(&b, 1u << 20);
	for (size_t i = 0; i < text.n && rc == 0;) {
		const char *open = memmem(text.p + i, text.n - i, "${", 2);
		const char *close = open ? memchr(open, '}', text.n - (size_t)(open - text.p)) : NULL;
		struct br_str value;

		if (!close) {
			br_buf_add(&b, text.p + i, text.n - i);
			break;
		}
		br_buf_add(&b, text.p + i, (size_t)(open - text.p) - i);
		rc = expand_one(node, (struct br_str){open + 2, (size_t)(close - open - 2)}, dir, report, &value);
		if (rc == 0)
			br_buf_adds(&b, value);
		i = (size_t)(close - text.p) + 1;
	}
	if (rc == 0) {
		*out = br_arena_copy(report->arena, br_buf_str(&b));
		if (!out->p)
			*out = BR_STR("");
	}
	br_buf_release(&b);
	return rc;
}

/* ---- one value ---- */

static bool number_with_unit(struct br_str s, int64_t *n, struct br_str *unit)
{
	size_t i = 0;

	if (s.n && s.p[0] == '-')
		i++;
	while (i < s.n && isdigit((unsigned char)s.p[i]))
		i++;
	*unit = (struct br_str){s.p + i, s.n - i};
	return br_json_int64((struct br_str){s.p, i}, n);
}

struct unit {
	const char *word;
	int64_t times, over; /* value = n * times / over */
};

static const struct unit durations[] = {{"ms", 1, 1}, {"s", 1000, 1}, {"m", 60000, 1}, {"h", 3600000, 1}, {"d", 86400000, 1}, {NULL, 0, 0}};
static const struct unit sizes[] = {{"", 1, 1}, {"k", 1024, 1}, {"M", 1048576, 1}, {"G", 1073741824, 1}, {NULL, 0, 0}};
static const struct unit rates[] = {{"/h", 1, 1}, {"/m", 60, 1}, {"/s", 3600, 1}, {NULL, 0, 0}};

static bool scaled(struct br_str s, const struct unit *units, int64_t *out)
{
	struct br_str unit;
	int64_t n;

	if (!number_with_unit(s, &n, &unit))
		return false;
	for (; units->word; units++)
		if (br_str_eq(unit, br_str_z(units->word)))
			return !__builtin_mul_overflow(n, units->times, out);
	return false;
}

static bool read_number(const struct cfg_option *row, struct br_str s, int64_t *out)
{
	switch (row->type) {
	case CFG_T_DURATION:
		return scaled(s, durations, out);
	case CFG_T_SIZE:
		return scaled(s, sizes, out);
	case CFG_T_RATE:
		return (br_str_eq(s, BR_STR("0")) && (*out = 0) == 0) || scaled(s, rates, out);
	default:
		return br_json_int64(s, out);
	}
}

static int read_list(const struct cfg_option *row, const struct cfg_node *node, const char *dir, struct cfg_list *out, struct cfg_report *report)
{
	struct cfg_list list = {0};
	int rc = 0;

	list.item = br_arena_array(report->arena, struct br_str, node->n + 1);
	if (!list.item)
		return -BR_E_NOMEM;
	if (node->kind == CFG_SCALAR) {
		rc = expand(node, dir, report, &list.item[list.n++]);
	} else if (node->kind == CFG_LIST) {
		for (const struct cfg_node *c = node->child; c && rc == 0; c = c->next) {
			if (c->kind != CFG_SCALAR)
				return wrong_type(row, c, report);
			rc = expand(c, dir, report, &list.item[list.n++]);
		}
	} else if (node->kind != CFG_NULL) {
		return wrong_type(row, node, report);
	}
	if (rc == 0)
		*out = list;
	return rc;
}

static int read_scalar(const struct cfg_option *row, const struct cfg_node *node, struct br_str text, void *field, struct cfg_report *report)
{
	int64_t n;

	switch (row->type) {
	case CFG_T_TEXT:
		*(struct br_str *)field = text;
		return 0;
	case CFG_T_BOOL:
		if (!br_str_eq(text, BR_STR("true")) && !br_str_eq(text, BR_STR("false")))
			return wrong_type(row, node, report);
		*(bool *)field = text.p[0] == 't';
		return 0;
	case CFG_T_ENUM:
		for (int i = 0; row->words[i]; i++)
			if (br_str_eq(text, br_str_z(row->words[i]))) {
				*(int *)field = i;
				return 0;
			}
		return wrong_type(row, node, report);
	default:
		if (!read_number(row, text, &n))
			return wrong_type(row, node, report);
		if ((row->min || row->max) && (n < row->min || n > row->max)) {
			char min[24], max[24];

			snprintf(min, sizeof(min), "%lld", (long long)row->min);
			snprintf(max, sizeof(max), "%lld", (long long)row->max);
			return cfg_problem(report, node, BR_E_CFG_RANGE, "key", row->name, "found", text.p, "min", min, "max", max, NULL);
		}
		*(int64_t *)field = n;
		return 0;
	}
}

int cfg_read_value(const struct cfg_option *row, const struct cfg_node *node, const char *secrets_dir, void *field, struct cfg_report *report)
{
	struct br_str text;
	int rc;

	if (row->type == CFG_T_NODE || row->type == CFG_T_MAP) {
		if (row->type == CFG_T_MAP && node->kind != CFG_MAP && node->kind != CFG_NULL)
			return wrong_type(row, node, report);
		*(const struct cfg_node **)field = node->kind == CFG_NULL ? NULL : node;
		return 0;
	}
	if (row->type == CFG_T_LIST)
		return read_list(row, node, secrets_dir, field, report);
	if (node->kind != CFG_SCALAR)
		return wrong_type(row, node, report);
	/* a secret in clear in a file that goes into version control is worth a word */
	if (row->secret && !memmem(node->text.p, node->text.n, "${", 2))
		report->warnings++;
	rc = expand(node, secrets_dir, report, &text);
	return rc < 0 ? rc : read_scalar(row, node, text, field, report);
}

static const struct cfg_option *find_row(const struct cfg_option *table, struct br_str key)
{
	for (; table->name; table++)
		if (br_str_eq(key, br_str_z(table->name)))
			return table;
	return NULL;
}

static void unknown_key(const struct cfg_option *table, const struct cfg_node *member, struct cfg_report *report)
{
	struct cfg_node at = *member;
	const char *names[128], *near;
	size_t n = 0;

	for (const struct cfg_option *row = table; row->name && n < BR_LEN(names); row++)
		names[n++] = row->name;
	near = br_nearest(member->key, names, n);
	at.line = member->key_line;
	at.column = member->key_column;
	if (near)
		cfg_problem(report, &at, BR_E_CFG_UNKNOWN_KEY_NEAR, "key", member->key.p, "near", near, NULL);
	else
		cfg_problem(report, &at, BR_E_CFG_UNKNOWN_KEY, "key", member->key.p, NULL);
}

static int set_default(const struct cfg_option *row, const struct cfg_node *at, const char *dir, void *field, struct cfg_report *report)
{
	struct cfg_node node = {.kind = CFG_SCALAR, .file = at ? at->file : "?", .line = at ? at->line : 1, .column = at ? at->column : 1};

	node.text = br_str_z(row->dflt);
	return cfg_read_value(row, &node, dir, field, report);
}

int cfg_read_options(const struct cfg_option *table, const struct cfg_node *map, const struct cfg_node *at, const char *secrets_dir, void *out,
	struct cfg_report *report)
{
	size_t before = report->n;

	if (map && map->kind != CFG_MAP && map->kind != CFG_NULL) {
		cfg_problem(report, map, BR_E_CFG_TYPE, "key", map->key.n ? map->key.p : "-", "expected", "a map", "found", "something else", NULL);
		return -BR_E_CFG_TYPE;
	}
	for (const struct cfg_option *row = table; row->name; row++) {
		struct cfg_node *node = cfg_get(map, row->name);

		if (node && node->kind != CFG_NULL)
			continue;
		if (row->required)
			cfg_problem(report, map ? map : at, BR_E_CFG_MISSING, "key", row->name, "help", row->help_en ? row->help_en : "", NULL);
		else if (row->dflt)
			set_default(row, map ? map : at, secrets_dir, (char *)out + row->offset, report);
	}
	for (const struct cfg_node *m = cfg_first(map); m; m = m->next) {
		const struct cfg_option *row = find_row(table, m->key);

		if (!row)
			unknown_key(table, m, report);
		else if (m->kind != CFG_NULL)
			cfg_read_value(row, m, secrets_dir, (char *)out + row->offset, report);
	}
	return report->n == before ? 0 : -(int)br_err_code(&report->last->err);
}
