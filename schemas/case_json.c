/*
 * The case as nested JSON. Cells come in the order of the schema, in which an object's fields stand
 * together, so the writer only ever closes and opens objects between neighbours, and the reader
 * mostly finds the next member where it expects it.
 */
#include "case_tree.h"
#include "check.h"
#include "image_name.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- writing ---- */

/* Closes and opens objects from one to the other. */
static void move(struct br_jw *w, const struct case_node *from, const struct case_node *to)
{
	const struct case_node *open[CASE_TREE_DEPTH];
	unsigned n = 0;

	for (; to->depth > from->depth; to = to->parent)
		open[n++] = to;
	for (; from->depth > to->depth; from = from->parent)
		br_jw_end_object(w);
	for (; from != to; from = from->parent, to = to->parent) {
		br_jw_end_object(w);
		open[n++] = to;
	}
	while (n) {
		br_jw_quoted_key(w, open[--n]->json);
		br_jw_object(w);
	}
}

static void write_value(const struct shape *shape, const struct cell *c, struct br_jw *w)
{
	if (cell_is_null(c)) {
		br_jw_null(w);
		return;
	}
	switch ((enum shape_type)shape->fields[c->field].type) {
	case SHAPE_INT:
		if (check_int(c->value))
			br_jw_raw(w, c->value);
		else
			w->failed = true;
		break;
	case SHAPE_BOOL:
		if (check_bool(c->value))
			br_jw_bool(w, c->value.p[0] == 't');
		else
			w->failed = true;
		break;
	default:
		br_jw_str(w, c->value);
	}
}

/* The members of one object of a part, from cells of one key. */
static void write_cells(const struct case_schema *s, const struct case_tree *t,
	const struct cell *c, const struct cell *end, struct br_jw *w)
{
	const struct case_node *at = &t->top;

	for (; c < end; c++) {
		unsigned i = (unsigned)(c->field - t->first);

		if (t->place[i].node != at) {
			move(w, at, t->place[i].node);
			at = t->place[i].node;
		}
		br_jw_quoted_key(w, t->place[i].json);
		write_value(s->shape, c, w);
	}
	move(w, at, &t->top);
}

static void write_list(const struct case_schema *s, unsigned part, const struct cell *c,
	const struct cell *end, struct br_jw *w)
{
	while (c < end) {
		const struct cell *next = c + 1;

		while (next < end && br_str_eq(next->key, c->key))
			next++;
		br_jw_object(w);
		br_jw_kstr(w, "key", c->key);
		write_cells(s, s->trees[part], c, next, w);
		br_jw_end_object(w);
		c = next;
	}
}

static void write_part(const struct case_schema *s, unsigned part, const struct cell *c,
	const struct cell *end, struct br_jw *w)
{
	br_jw_key(w, s->parts[part].name);
	if (s->parts[part].map) {
		br_jw_object(w);
		for (; c < end; c++) {
			br_jw_key(w, c->key);
			write_value(s->shape, c, w);
		}
		br_jw_end_object(w);
	} else {
		br_jw_array(w);
		write_list(s, part, c, end, w);
		br_jw_end_array(w);
	}
}

void case_write(const struct case_schema *s, const struct image *img, struct br_jw *w)
{
	const struct cell *c = img->cells, *end = img->n ? c + img->n : c, *next;

	for (; c < end; c = next) {
		for (next = c + 1; next < end && next->part == c->part;)
			next++;
		if (c->part == 0)
			write_cells(s, s->trees[0], c, next, w);
		else
			write_part(s, c->part, c, next, w);
	}
}

/* ---- reading ---- */

struct reader {
	const struct case_schema *s;
	struct br_jr *r;
	struct br_arena *arena;
	bool ignore_unknown;
	struct image_builder out;
	/* of the element being read: its key may stand behind other members */
	unsigned part;
	struct br_str key;
	struct cell *element;
	uint32_t n;
	/* keys of the list being read, when they do not come in order */
	struct br_str *keys;
	uint32_t nkeys, room;
	bool in_order;
};

static int no_memory(struct reader *rd)
{
	char max[24];

	if (!rd->arena->full)
		return br_err_set(rd->r->err, BR_E_NOMEM, NULL);
	snprintf(max, sizeof(max), "%zu", rd->arena->max);
	return br_err_set(rd->r->err, BR_E_TOO_BIG, "what", "case", "max", max, NULL);
}

static const char *token_name(enum br_json_token t)
{
	switch (t) {
	case BR_JT_OBJECT:
		return "an object";
	case BR_JT_ARRAY:
		return "an array";
	case BR_JT_STRING:
		return "a string";
	case BR_JT_NUMBER:
		return "another number";
	case BR_JT_TRUE:
	case BR_JT_FALSE:
		return "true or false";
	case BR_JT_NULL:
		return "null";
	default:
		return "nothing";
	}
}

static int bad_member(
	struct reader *rd, struct br_str field, const char *expected, enum br_json_token t)
{
	char name[128];

	if (t == BR_JT_ERROR)
		return image_json_error(rd->r);
	snprintf(name, sizeof(name), "%.*s", BR_STR_ARG(field));
	return br_err_set(rd->r->err, BR_E_SCHEMA_MEMBER, "field", name, "expected", expected,
		"found", token_name(t), NULL);
}

static int unknown_member(struct reader *rd, const struct case_node *node, struct br_str name)
{
	char text[192];
	enum br_json_token t;

	if (!rd->ignore_unknown) {
		snprintf(text, sizeof(text), "%s%s%.*s%s%.*s", rd->s->parts[rd->part].name.p,
			rd->part ? "." : "", BR_STR_ARG(node->path), node->path.n ? "." : "",
			BR_STR_ARG(name));
		return br_err_set(rd->r->err, BR_E_SCHEMA_UNKNOWN_FIELD, "field", text, NULL);
	}
	t = br_jr_next(rd->r);
	return t == BR_JT_ERROR ? image_json_error(rd->r) : br_jr_skip(rd->r, t, NULL);
}

/* The cell text of a value by the field's type. */
static int read_value(struct reader *rd, unsigned field, struct br_str *out)
{
	static const char *const expected[] = {[SHAPE_TEXT] = "a string or null",
		[SHAPE_CODE] = "a code as a string, or null",
		[SHAPE_DATE] = "a date as a string, or null",
		[SHAPE_TIME] = "a time as a string, or null",
		[SHAPE_INT] = "a whole number of 64 bits, or null",
		[SHAPE_DECIMAL] = "a number as a string, or null",
		[SHAPE_BOOL] = "true, false or null"};
	const struct shape_field *f = &rd->s->shape->fields[field];
	enum br_json_token t = br_jr_next(rd->r);
	bool ok = false;

	if (t == BR_JT_NULL) {
		*out = BR_STR_NONE;
		return 0;
	}
	switch ((enum shape_type)f->type) {
	case SHAPE_INT:
		ok = t == BR_JT_NUMBER && check_int(rd->r->text);
		*out = rd->r->text;
		break;
	case SHAPE_BOOL:
		ok = t == BR_JT_TRUE || t == BR_JT_FALSE;
		*out = t == BR_JT_TRUE ? BR_STR("true") : BR_STR("false");
		break;
	default:
		ok = t == BR_JT_STRING;
		*out = rd->r->text;
	}
	return ok ? 0 : bad_member(rd, case_field(rd->s, field)->name, expected[f->type], t);
}

static int read_field(struct reader *rd, unsigned field)
{
	struct br_str value;
	int rc = read_value(rd, field, &value);

	if (rc)
		return rc;
	if (rd->part == 0)
		image_set(&rd->out, 0, BR_STR_NONE, (uint16_t)field, value);
	else
		rd->element[rd->n++] = (struct cell){
			.value = value, .field = (uint16_t)field, .part = (uint8_t)rd->part};
	return 0;
}

static int read_list(struct reader *rd, unsigned part);

static int read_key(struct reader *rd)
{
	enum br_json_token t = br_jr_next(rd->r);

	if (t != BR_JT_STRING)
		return bad_member(
			rd, rd->s->parts[rd->part].name, "an element whose key is a string", t);
	rd->key = rd->r->text;
	return 0;
}

/* Members up to the end of the object that was opened. */
static int read_object(struct reader *rd, const struct case_node *node)
{
	uint16_t expect = 0;
	enum br_json_token t;
	int rc;

	while ((t = br_jr_next(rd->r)) == BR_JT_KEY) {
		struct br_str name = rd->r->text;
		const struct case_member *m;

		if (rd->part && node->depth == 0 && br_str_eq(name, BR_STR("key"))) {
			rc = read_key(rd);
		} else if (!(m = case_node_find(node, name, &expect))) {
			rc = unknown_member(rd, node, name);
		} else if (m->node) {
			t = br_jr_next(rd->r);
			rc = t == BR_JT_OBJECT ? read_object(rd, m->node)
					       : bad_member(rd, m->node->path, "an object", t);
		} else if (m->part) {
			rc = read_list(rd, (unsigned)m->part);
		} else {
			rc = read_field(rd, (unsigned)m->field);
		}
		if (rc)
			return rc;
	}
	return t == BR_JT_ERROR ? image_json_error(rd->r) : 0;
}

static bool remember_key(struct reader *rd)
{
	if (rd->nkeys == rd->room) {
		uint32_t room = rd->room ? rd->room * 2 : 8;
		struct br_str *keys = br_arena_array(rd->arena, struct br_str, room);

		if (!keys)
			return false;
		if (rd->nkeys)
			memcpy(keys, rd->keys, rd->nkeys * sizeof(*keys));
		rd->keys = keys;
		rd->room = room;
	}
	if (rd->nkeys && br_str_cmp(rd->keys[rd->nkeys - 1], rd->key) >= 0)
		rd->in_order = false;
	rd->keys[rd->nkeys++] = rd->key;
	return true;
}

static int compare_keys(const void *a, const void *b)
{
	return br_str_cmp(*(const struct br_str *)a, *(const struct br_str *)b);
}

/* Two elements of one key would become one without anybody noticing. */
static int check_keys(struct reader *rd, unsigned part)
{
	char key[80];

	if (rd->in_order)
		return 0;
	qsort(rd->keys, rd->nkeys, sizeof(*rd->keys), compare_keys);
	for (uint32_t i = 1; i < rd->nkeys; i++) {
		if (!br_str_eq(rd->keys[i - 1], rd->keys[i]))
			continue;
		snprintf(key, sizeof(key), "%.*s", BR_STR_ARG(rd->keys[i]));
		return br_err_set(rd->r->err, BR_E_SCHEMA_KEY_TWICE, "field",
			rd->s->parts[part].name.p, "key", key, NULL);
	}
	return 0;
}

static int read_element(struct reader *rd, unsigned part)
{
	int rc;

	rd->part = part;
	rd->key = BR_STR_NONE;
	rd->n = 0;
	rc = read_object(rd, &rd->s->trees[part]->top);
	rd->part = 0;
	if (rc)
		return rc;
	if (!rd->key.p)
		return br_err_set(rd->r->err, BR_E_SCHEMA_KEY_MISSING, "field",
			rd->s->parts[part].name.p, NULL);
	for (uint32_t i = 0; i < rd->n; i++)
		image_set(&rd->out, (uint8_t)part, rd->key, rd->element[i].field,
			rd->element[i].value);
	return remember_key(rd) ? 0 : no_memory(rd);
}

static int read_elements(struct reader *rd, unsigned part)
{
	struct br_str list = rd->s->parts[part].name;
	enum br_json_token t;

	rd->element = br_arena_alloc(rd->arena, rd->s->shape->parts[part].n * sizeof(*rd->element));
	if (!rd->element)
		return no_memory(rd);
	rd->nkeys = 0;
	rd->in_order = true;
	while ((t = br_jr_next(rd->r)) == BR_JT_OBJECT) {
		int rc = read_element(rd, part);

		if (rc)
			return rc;
	}
	return t == BR_JT_END_ARRAY ? check_keys(rd, part)
				    : bad_member(rd, list, "a list of objects", t);
}

static int read_map(struct reader *rd, unsigned part)
{
	uint16_t field = rd->s->shape->parts[part].first;
	enum br_json_token t;

	while ((t = br_jr_next(rd->r)) == BR_JT_KEY) {
		struct br_str key = rd->r->text, value;
		int rc = read_value(rd, field, &value);

		if (rc)
			return rc;
		image_set(&rd->out, (uint8_t)part, key, field, value);
	}
	return t == BR_JT_ERROR ? image_json_error(rd->r) : 0;
}

static int read_list(struct reader *rd, unsigned part)
{
	const struct case_part *p = &rd->s->parts[part];
	enum br_json_token t = br_jr_next(rd->r);

	if (t != (p->map ? BR_JT_OBJECT : BR_JT_ARRAY))
		return bad_member(rd, p->name, p->map ? "an object" : "a list of objects", t);
	return p->map ? read_map(rd, part) : read_elements(rd, part);
}

int case_read(const struct case_schema *s, struct br_jr *r, bool ignore_unknown, struct br_arena *a,
	struct image *out)
{
	struct reader rd = {.s = s, .r = r, .arena = a, .ignore_unknown = ignore_unknown};
	int rc;

	image_build(&rd.out, a, 32);
	rc = read_object(&rd, &s->trees[0]->top);
	if (rc)
		return rc;
	return image_build_end(&rd.out, out) < 0 ? no_memory(&rd) : 0;
}
