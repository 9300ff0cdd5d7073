#include "cfg_node.h"

#include "br_buf.h"
#include "br_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define FILE_MAX_BYTES (1u << 20)
#define DEPTH_MAX 64

const char *cfg_place(struct br_arena *a, const struct cfg_node *node)
{
	return node ? br_arena_printf(a, "%s:%u:%u", node->file, node->line, node->column).p : "?";
}

static struct cfg_problem *add_problem(struct cfg_report *report)
{
	struct cfg_problem *p = br_arena_new(report->arena, struct cfg_problem);

	if (!p)
		return NULL;
	if (report->last)
		report->last->next = p;
	else
		report->first = p;
	report->last = p;
	report->n++;
	return p;
}

/* Details from pairs ended by NULL, the place first: br_err_set takes them one list at a time, so they are gathered here. */
static int problem_at(struct cfg_report *report, const char *place, enum br_err_code code, va_list args)
{
	const char *kv[16] = {"at", place};
	struct cfg_problem *p = add_problem(report);
	int n = 2;

	for (; n < 14; n += 2) {
		kv[n] = va_arg(args, const char *);
		if (!kv[n])
			break;
		kv[n + 1] = va_arg(args, const char *);
	}
	if (!p)
		return -(int)code;
	return br_err_set(&p->err, code, kv[0], kv[1], kv[2], kv[3], kv[4], kv[5], kv[6], kv[7], kv[8], kv[9], kv[10], kv[11], kv[12], kv[13],
		NULL);
}

int cfg_problem(struct cfg_report *report, const struct cfg_node *at, enum br_err_code code, ...)
{
	va_list args;
	int rc;

	va_start(args, code);
	rc = problem_at(report, cfg_place(report->arena, at), code, args);
	va_end(args);
	return rc;
}

/* ---- libyaml's events into nodes ---- */

struct reader {
	yaml_parser_t parser;
	const char *file;
	struct br_arena *a;
	struct cfg_report *report;
	unsigned depth;
};

static int problem_mark(struct reader *r, yaml_mark_t mark, enum br_err_code code, ...)
{
	const char *place = br_arena_printf(r->a, "%s:%zu:%zu", r->file, mark.line + 1, mark.column + 1).p;
	va_list args;
	int rc;

	va_start(args, code);
	rc = problem_at(r->report, place, code, args);
	va_end(args);
	return rc;
}

static int next_event(struct reader *r, yaml_event_t *ev)
{
	yaml_mark_t mark;
	const char *why;

	if (yaml_parser_parse(&r->parser, ev))
		return 0;
	mark = r->parser.problem_mark;
	why = r->parser.problem ? r->parser.problem : "cannot be read";
	if (r->parser.error == YAML_READER_ERROR) {
		/* a reader error knows the byte only */
		char pos[32];

		snprintf(pos, sizeof(pos), "%zu", r->parser.problem_offset);
		return problem_mark(r, r->parser.mark, BR_E_CFG_ENCODING, "pos", pos, "why", why, NULL);
	}
	return problem_mark(r, mark, BR_E_CFG_SYNTAX, "why", why, NULL);
}

static int read_node(struct reader *r, yaml_event_t *ev, struct cfg_node *out);

static void place_node(const struct reader *r, const yaml_event_t *ev, struct cfg_node *out)
{
	out->file = r->file;
	out->line = (unsigned)ev->start_mark.line + 1;
	out->column = (unsigned)ev->start_mark.column + 1;
}

static int refuse_extras(struct reader *r, const yaml_event_t *ev, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return problem_mark(r, ev->start_mark, BR_E_CFG_ANCHOR, "what", "&", NULL);
	if (tag)
		return problem_mark(r, ev->start_mark, BR_E_CFG_TAG, "tag", (const char *)tag, NULL);
	return 0;
}

static int read_scalar(struct reader *r, yaml_event_t *ev, struct cfg_node *out)
{
	struct br_str text = {(const char *)ev->data.scalar.value, ev->data.scalar.length};
	int rc = refuse_extras(r, ev, ev->data.scalar.anchor, ev->data.scalar.tag);

	if (rc < 0)
		return rc;
	if (memchr(text.p, '\0', text.n))
		return problem_mark(r, ev->start_mark, BR_E_CFG_SYNTAX, "why", "a NUL character in a text", NULL);
	out->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	out->text = br_arena_copy(r->a, text);
	out->kind = !out->quoted && (text.n == 0 || br_str_eq(text, BR_STR("~")) || br_str_eq(text, BR_STR("null"))) ? CFG_NULL : CFG_SCALAR;
	return out->text.p ? 0 : -BR_E_NOMEM;
}

static int read_list(struct reader *r, yaml_event_t *ev, struct cfg_node *out)
{
	struct cfg_node **end = &out->child;
	int rc = refuse_extras(r, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);

	out->kind = CFG_LIST;
	while (rc == 0) {
		yaml_event_t item;

		rc = next_event(r, &item);
		if (rc < 0)
			return rc;
		if (item.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&item);
			return 0;
		}
		*end = br_arena_new(r->a, struct cfg_node);
		rc = *end ? read_node(r, &item, *end) : -BR_E_NOMEM;
		yaml_event_delete(&item);
		if (rc == 0) {
			end = &(*end)->next;
			out->n++;
		}
	}
	return rc;
}

static int read_key(struct reader *r, yaml_event_t *key, const struct cfg_node *map, struct cfg_node *member)
{
	struct br_str text;
	int rc;

	if (key->type != YAML_SCALAR_EVENT)
		return problem_mark(r, key->start_mark, BR_E_CFG_SYNTAX, "why", "a key must be a plain text", NULL);
	rc = refuse_extras(r, key, key->data.scalar.anchor, key->data.scalar.tag);
	if (rc < 0)
		return rc;
	text = (struct br_str){(const char *)key->data.scalar.value, key->data.scalar.length};
	if (memchr(text.p, '\0', text.n))
		return problem_mark(r, key->start_mark, BR_E_CFG_SYNTAX, "why", "a NUL character in a key", NULL);
	for (const struct cfg_node *c = map->child; c; c = c->next)
		if (br_str_eq(c->key, text)) {
			char first[32];

			snprintf(first, sizeof(first), "%u", c->key_line);
			return problem_mark(r, key->start_mark, BR_E_CFG_DUPLICATE_KEY, "key", c->key.p, "line", first, NULL);
		}
	member->key = br_arena_copy(r->a, text);
	member->key_line = (unsigned)key->start_mark.line + 1;
	member->key_column = (unsigned)key->start_mark.column + 1;
	return member->key.p ? 0 : -BR_E_NOMEM;
}

static int read_map(struct reader *r, yaml_event_t *ev, struct cfg_node *out)
{
	struct cfg_node *last = NULL;
	int rc = refuse_extras(r, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);

	out->kind = CFG_MAP;
	while (rc == 0) {
		struct cfg_node *m;
		yaml_event_t key, value;

		rc = next_event(r, &key);
		if (rc < 0)
			return rc;
		if (key.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&key);
			return 0;
		}
		m = br_arena_new(r->a, struct cfg_node);
		rc = m ? read_key(r, &key, out, m) : -BR_E_NOMEM;
		yaml_event_delete(&key);
		if (rc < 0)
			return rc;
		rc = next_event(r, &value);
		if (rc < 0)
			return rc;
		rc = read_node(r, &value, m);
		yaml_event_delete(&value);
		if (last)
			last->next = m;
		else
			out->child = m;
		last = m;
		out->n++;
	}
	return rc;
}

static int read_node(struct reader *r, yaml_event_t *ev, struct cfg_node *out)
{
	int rc;

	place_node(r, ev, out);
	if (++r->depth > DEPTH_MAX)
		return problem_mark(r, ev->start_mark, BR_E_CFG_SYNTAX, "why", "nested too deeply", NULL);
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		rc = read_scalar(r, ev, out);
		break;
	case YAML_SEQUENCE_START_EVENT:
		rc = read_list(r, ev, out);
		break;
	case YAML_MAPPING_START_EVENT:
		rc = read_map(r, ev, out);
		break;
	case YAML_ALIAS_EVENT:
		rc = problem_mark(r, ev->start_mark, BR_E_CFG_ANCHOR, "what", "*", NULL);
		break;
	default:
		rc = problem_mark(r, ev->start_mark, BR_E_CFG_SYNTAX, "why", "a value is missing", NULL);
	}
	r->depth--;
	return rc;
}

static int read_document(struct reader *r, struct cfg_node *out)
{
	bool seen = false;

	for (;;) {
		yaml_event_t ev;
		yaml_event_type_t type;
		int rc = next_event(r, &ev);

		if (rc < 0)
			return rc;
		type = ev.type;
		if (type == YAML_DOCUMENT_START_EVENT && seen)
			rc = problem_mark(r, ev.start_mark, BR_E_CFG_SYNTAX, "why", "a file holds one document only", NULL);
		else if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT) {
			rc = read_node(r, &ev, out);
			seen = true;
		}
		yaml_event_delete(&ev);
		if (rc < 0 || type == YAML_STREAM_END_EVENT)
			return rc;
	}
}

int cfg_read_text(struct br_str yaml, const char *shown, struct br_arena *a, struct cfg_report *report, struct cfg_node **out)
{
	struct reader r = {.file = br_arena_copy(a, br_str_z(shown)).p, .a = a, .report = report};
	struct cfg_node *root = br_arena_new(a, struct cfg_node);
	size_t bad = br_utf8_check(yaml);
	int rc;

	if (!root || !r.file)
		return -BR_E_NOMEM;
	root->file = r.file;
	root->line = root->column = 1;
	if (bad < yaml.n) {
		size_t line = 1, column = 1;
		yaml_mark_t mark;

		for (size_t i = 0; i < bad; i++) {
			column = yaml.p[i] == '\n' ? 1 : column + 1;
			line += yaml.p[i] == '\n';
		}
		mark = (yaml_mark_t){bad, line - 1, column - 1};
		return problem_mark(&r, mark, BR_E_CFG_ENCODING, "pos", br_arena_printf(a, "%zu", bad).p, "why", "not UTF-8", NULL);
	}
	if (!yaml_parser_initialize(&r.parser))
		return -BR_E_NOMEM;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(yaml.p ? yaml.p : ""), yaml.n);
	rc = read_document(&r, root);
	yaml_parser_delete(&r.parser);
	if (rc == 0)
		*out = root;
	return rc;
}

int cfg_read_file(const char *file, const char *shown, struct br_arena *a, struct cfg_report *report, struct cfg_node **out)
{
	struct cfg_node nowhere = {.file = shown, .line = 1, .column = 1};
	struct br_str text;
	struct br_err err;
	char why[300];

	br_err_clear(&err);
	if (br_read_file(file, FILE_MAX_BYTES, a, &text, &err) < 0)
		return cfg_problem(report, &nowhere, BR_E_CFG_FILE, "path", shown, "why", br_err_sentence(&err, BR_LANG_EN, why, sizeof(why)), NULL);
	/* a byte order mark is no text */
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) {
		text.p += 3;
		text.n -= 3;
	}
	return cfg_read_text(text, shown, a, report, out);
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
