/*
 * libyaml's events become the tree with a stack of our own: no recursion, so depth is a limit we
 * choose and not the thread's stack. What can be read on after is collected (anchors, tags,
 * duplicates); what cannot ends the file.
 */
#include "cfg_node.h"

#include "br_text.h"
#include "cfg_wide.h"
#include "cfg_yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct level {
	struct cfg_node *node; /* LIST or MAP being filled */
	struct cfg_node *last; /* its newest child */
	struct cfg_node *open; /* MAP: child whose key is known and whose value comes next */
};

struct reader {
	yaml_parser_t parser;
	struct br_str text;
	const char *shown;
	struct br_arena *a;
	struct cfg_report *report;
	int rc; /* of the first problem */
	struct cfg_node *root;
	bool wide; /* the last event was a text that should have been a key */
	unsigned depth;
	struct level stack[CFG_DEPTH_MAX];
};

/* Remembers the first problem; returns rc. */
static int failed(struct reader *r, int rc)
{
	if (rc && !r->rc)
		r->rc = rc;
	return rc;
}

static int no_memory(struct reader *r)
{
	return failed(r, cfg_problem(r->report, NULL, BR_E_NOMEM, NULL));
}

static struct cfg_node place_of(const struct reader *r, yaml_mark_t mark)
{
	return (struct cfg_node){.file = r->shown,
		.line = (unsigned)mark.line + 1,
		.column = (unsigned)mark.column + 1};
}

/* A problem of this event that leaves the rest of the file readable. */
static void tell(struct reader *r, const yaml_event_t *ev, enum br_err_code code)
{
	struct cfg_node at = place_of(r, ev->start_mark);

	failed(r, cfg_problem(r->report, &at, code, NULL));
}

static void refuse_properties(
	struct reader *r, const yaml_event_t *ev, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		tell(r, ev, BR_E_CFG_ANCHOR);
	if (tag)
		tell(r, ev, BR_E_CFG_TAG);
}

/* A copy with a NUL behind it; one within would cut the text short for everybody who takes it as a
 * C string. */
static int copy_text(struct reader *r, const yaml_event_t *ev, struct br_str *out)
{
	struct br_str text = {(const char *)ev->data.scalar.value, ev->data.scalar.length};

	if (memchr(text.p, '\0', text.n))
		tell(r, ev, BR_E_CFG_NUL);
	*out = br_arena_copy(r->a, text);
	return out->p ? 0 : no_memory(r);
}

static bool is_null(struct br_str text)
{
	static const struct br_str words[] = {
		BR_STR(""), BR_STR("~"), BR_STR("null"), BR_STR("Null"), BR_STR("NULL")};

	for (size_t i = 0; i < BR_LEN(words); i++)
		if (br_str_eq(text, words[i]))
			return true;
	return false;
}

static struct level *top(struct reader *r)
{
	return r->depth ? &r->stack[r->depth - 1] : NULL;
}

static void append(struct level *l, struct cfg_node *node)
{
	if (l->last)
		l->last->next = node;
	else
		l->node->child = node;
	l->last = node;
	l->node->n++;
}

/* The node a value goes to: the member whose key was read, a new item, or the root. */
static struct cfg_node *value_node(struct reader *r, const yaml_event_t *ev)
{
	struct level *l = top(r);
	struct cfg_node *node = l ? l->open : r->root;

	if (!node) {
		node = br_arena_new(r->a, struct cfg_node);
		if (!node)
			return NULL;
		append(l, node);
	}
	if (l)
		l->open = NULL;
	node->file = r->shown;
	node->line = (unsigned)ev->start_mark.line + 1;
	node->column = (unsigned)ev->start_mark.column + 1;
	return node;
}

static bool wants_key(struct reader *r)
{
	struct level *l = top(r);

	return l && l->node->kind == CFG_MAP && !l->open;
}

static bool refuse_wide(
	struct reader *r, const struct cfg_node *at, struct br_str text, size_t sign)
{
	return sign < text.n && failed(r, cfg_wide_problem(at, text, sign, r->report));
}

static int read_key(struct reader *r, const yaml_event_t *ev)
{
	struct cfg_node at = place_of(r, ev->start_mark);
	struct cfg_node *node;

	if (ev->type == YAML_ALIAS_EVENT)
		return failed(r, cfg_problem(r->report, &at, BR_E_CFG_ALIAS, NULL));
	if (ev->type != YAML_SCALAR_EVENT ||
		(ev->data.scalar.length == 0 && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE))
		return failed(r, cfg_problem(r->report, &at, BR_E_CFG_KEY_SHAPE, NULL));
	refuse_properties(r, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	node = br_arena_new(r->a, struct cfg_node);
	if (!node)
		return no_memory(r);
	node->key_line = at.line;
	node->key_column = at.column;
	append(top(r), node);
	top(r)->open = node;
	if (copy_text(r, ev, &node->key))
		return r->rc;
	if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		refuse_wide(r, &at, node->key, cfg_wide_in_key(node->key));
	return 0;
}

static int read_scalar(struct reader *r, const yaml_event_t *ev)
{
	struct cfg_node *node = value_node(r, ev);

	if (!node)
		return no_memory(r);
	refuse_properties(r, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	node->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (copy_text(r, ev, &node->text))
		return r->rc;
	node->kind = !node->quoted && is_null(node->text) ? CFG_NULL : CFG_SCALAR;
	/* the text of a key that stands beside it is no key of its own */
	if (!node->quoted && node->line != node->key_line)
		r->wide = refuse_wide(r, node, node->text, cfg_wide_in_text(node->text));
	return 0;
}

static int open_level(struct reader *r, const yaml_event_t *ev, enum cfg_kind kind)
{
	struct cfg_node *node = value_node(r, ev);

	if (!node)
		return no_memory(r);
	if (r->depth == CFG_DEPTH_MAX) {
		char max[16];

		snprintf(max, sizeof(max), "%d", CFG_DEPTH_MAX);
		return failed(r, cfg_problem(r->report, node, BR_E_CFG_DEPTH, "max", max, NULL));
	}
	node->kind = kind;
	r->stack[r->depth++] = (struct level){.node = node};
	return 0;
}

static int by_key(const void *left, const void *right)
{
	const struct cfg_node *a = *(const struct cfg_node *const *)left,
			      *b = *(const struct cfg_node *const *)right;
	int order = br_str_cmp(a->key, b->key);

	if (order == 0)
		order = (a->key_line > b->key_line) - (a->key_line < b->key_line);
	return order ? order : (a->key_column > b->key_column) - (a->key_column < b->key_column);
}

/* Sorted, so that a map of many thousand keys does not take for ever. */
static int refuse_duplicates(struct reader *r, const struct cfg_node *map)
{
	const struct cfg_node **sorted, *first;
	size_t n = 0;

	if (map->n < 2)
		return 0;
	sorted = malloc(map->n * sizeof(*sorted));
	if (!sorted)
		return no_memory(r);
	for (const struct cfg_node *c = map->child; c; c = c->next)
		sorted[n++] = c;
	qsort(sorted, n, sizeof(*sorted), by_key);
	first = sorted[0];
	for (size_t i = 1; i < n; i++) {
		struct cfg_node place = {
			.file = r->shown, .line = first->key_line, .column = first->key_column};

		if (br_str_eq(sorted[i]->key, first->key))
			failed(r,
				cfg_problem_key(r->report, sorted[i], BR_E_CFG_DUPLICATE_KEY, "key",
					first->key.p, "first", cfg_place(r->a, &place), NULL));
		else
			first = sorted[i];
	}
	free(sorted);
	return 0;
}

static int close_level(struct reader *r)
{
	struct level l = r->stack[--r->depth];

	return l.node->kind == CFG_MAP ? refuse_duplicates(r, l.node) : 0;
}

/* Negative ends the reading of the file. */
static int take(struct reader *r, const yaml_event_t *ev)
{
	struct cfg_node *node;

	r->wide = r->wide && ev->type == YAML_DOCUMENT_END_EVENT;
	if (ev->type == YAML_SEQUENCE_END_EVENT || ev->type == YAML_MAPPING_END_EVENT)
		return close_level(r);
	if (wants_key(r))
		return read_key(r, ev);
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(r, ev);
	case YAML_ALIAS_EVENT:
		tell(r, ev, BR_E_CFG_ALIAS);
		node = value_node(r, ev);
		return node ? 0 : no_memory(r);
	case YAML_SEQUENCE_START_EVENT:
		refuse_properties(
			r, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
		return open_level(r, ev, CFG_LIST);
	case YAML_MAPPING_START_EVENT:
		refuse_properties(r, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
		return open_level(r, ev, CFG_MAP);
	default:
		return 0;
	}
}

static void read_events(struct reader *r)
{
	bool begun = false, end = false;

	while (!end) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&r->parser, &ev)) {
			if (r->wide) /* what follows from it has been told */
				return;
			failed(r, cfg_yaml_problem(&r->parser, r->shown, r->text,
					  top(r) ? top(r)->node : NULL, r->report));
			return;
		}
		if (ev.type == YAML_DOCUMENT_START_EVENT) {
			if (begun)
				tell(r, &ev, BR_E_CFG_DOCUMENTS);
			end = begun;
			begun = true;
		} else {
			end = take(r, &ev) < 0 || ev.type == YAML_STREAM_END_EVENT;
		}
		yaml_event_delete(&ev);
	}
}

static int too_large(const char *shown, struct cfg_report *report)
{
	struct cfg_node at = {.file = shown};

	return cfg_problem(report, &at, BR_E_CFG_TOO_LARGE, "max", "1 MiB", NULL);
}

int cfg_read_text(struct br_str yaml, const char *shown, struct br_arena *a,
	struct cfg_report *report, struct cfg_node **out)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct reader r = {.shown = br_arena_copy(a, br_str_z(shown)).p,
		.text = yaml,
		.a = a,
		.report = report};
	int rc;

	if (!r.shown)
		return no_memory(&r);
	if (yaml.n > CFG_FILE_MAX)
		return too_large(r.shown, report);
	if (r.text.n >= 3 && memcmp(r.text.p, mark, 3) == 0)
		r.text = (struct br_str){yaml.p + 3, yaml.n - 3};
	rc = cfg_text_check(r.text, r.shown, report);
	if (rc)
		return rc;
	r.root = br_arena_new(a, struct cfg_node);
	if (!r.root || !yaml_parser_initialize(&r.parser))
		return no_memory(&r);
	*r.root = (struct cfg_node){.file = r.shown, .line = 1, .column = 1, .text = BR_STR("")};
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&r.parser, (const unsigned char *)(r.text.p ? r.text.p : ""), r.text.n);
	read_events(&r);
	yaml_parser_delete(&r.parser);
	if (!r.rc)
		*out = r.root;
	return r.rc;
}

int cfg_read_file(const char *file, const char *shown, struct br_arena *a,
	struct cfg_report *report, struct cfg_node **out)
{
	struct cfg_node at = {.file = shown ? shown : file};
	struct br_str text;
	struct br_err err;
	int rc;

	br_err_clear(&err);
	rc = br_read_file(file, CFG_FILE_MAX, a, &text, &err);
	if (rc == -BR_E_TOO_BIG)
		return too_large(at.file, report);
	if (rc == -BR_E_FILE_READ && access(file, F_OK) != 0)
		return cfg_problem(report, &at, BR_E_CFG_NO_FILE, "path", file, NULL);
	if (rc == -BR_E_FILE_READ)
		return cfg_problem(report, &at, BR_E_CFG_FILE_READ, "path", file, "why",
			br_err_detail(&err, "why"), NULL);
	if (rc)
		return cfg_problem(report, &at, BR_E_NOMEM, NULL);
	return cfg_read_text(text, at.file, a, report, out);
}

struct cfg_node *cfg_get(const struct cfg_node *map, const char *key)
{
	if (!map || map->kind != CFG_MAP)
		return NULL;
	for (struct cfg_node *c = map->child; c; c = c->next)
		if (br_str_eq(c->key, br_str_z(key)))
			return c;
	return NULL;
}
