#include "http_tree.h"

#include <stdlib.h>

static struct http_node *read_value(struct br_jr *r, enum br_json_token t)
{
	struct http_node *n = br_arena_new(r->arena, struct http_node), **end;
	enum br_json_token close;

	if (!n)
		return NULL;
	n->type = t;
	if (t == BR_JT_STRING || t == BR_JT_NUMBER) {
		n->text = r->text;
		return n;
	}
	if (t == BR_JT_TRUE || t == BR_JT_FALSE || t == BR_JT_NULL)
		return n;
	if (t != BR_JT_OBJECT && t != BR_JT_ARRAY)
		return NULL;
	close = t == BR_JT_OBJECT ? BR_JT_END_OBJECT : BR_JT_END_ARRAY;
	end = &n->child;
	while ((t = br_jr_next(r)) != close) {
		struct br_str key = BR_STR_NONE;

		if (t == BR_JT_KEY) {
			key = r->text;
			t = br_jr_next(r);
		}
		*end = read_value(r, t);
		if (!*end)
			return NULL;
		(*end)->key = key;
		end = &(*end)->next;
	}
	return n;
}

struct http_node *http_tree_read(struct br_str json, struct br_arena *a, struct br_err *err)
{
	struct http_node *n;
	struct br_jr r;

	br_jr_init(&r, json, a, err);
	n = read_value(&r, br_jr_next(&r));
	if (n && br_jr_next(&r) != BR_JT_END)
		return NULL;
	return n;
}

static const struct http_node *member(const struct http_node *object, struct br_str key)
{
	if (!object || object->type != BR_JT_OBJECT)
		return NULL;
	for (const struct http_node *c = object->child; c; c = c->next)
		if (br_str_eq(c->key, key))
			return c;
	return NULL;
}

const struct http_node *http_tree_at(const struct http_node *node, struct br_str path)
{
	while (node && path.n) {
		const char *dot = memchr(path.p, '.', path.n);
		size_t n = dot ? (size_t)(dot - path.p) : path.n;
		size_t skip = dot ? n + 1 : n;

		node = member(node, (struct br_str){path.p, n});
		path = (struct br_str){path.p + skip, path.n - skip};
	}
	return node;
}

struct br_str http_tree_text(const struct http_node *node)
{
	if (!node)
		return BR_STR_NONE;
	switch (node->type) {
	case BR_JT_STRING:
	case BR_JT_NUMBER:
		return node->text.p ? node->text : BR_STR("");
	case BR_JT_TRUE:
		return BR_STR("true");
	case BR_JT_FALSE:
		return BR_STR("false");
	default:
		return BR_STR_NONE;
	}
}

void http_tree_write(const struct http_node *node, struct br_jw *w)
{
	switch (node->type) {
	case BR_JT_OBJECT:
		br_jw_object(w);
		for (const struct http_node *c = node->child; c; c = c->next) {
			br_jw_key(w, c->key);
			http_tree_write(c, w);
		}
		br_jw_end_object(w);
		break;
	case BR_JT_ARRAY:
		br_jw_array(w);
		for (const struct http_node *c = node->child; c; c = c->next)
			http_tree_write(c, w);
		br_jw_end_array(w);
		break;
	case BR_JT_NUMBER:
		br_jw_raw(w, node->text);
		break;
	case BR_JT_STRING:
		br_jw_str(w, node->text.p ? node->text : BR_STR(""));
		break;
	case BR_JT_TRUE:
	case BR_JT_FALSE:
		br_jw_bool(w, node->type == BR_JT_TRUE);
		break;
	default:
		br_jw_null(w);
	}
}

static void cells_of(const struct http_node *object, const struct shape *shape, unsigned part,
	struct br_str key, struct image_builder *b)
{
	const struct shape_part *p = &shape->parts[part];

	for (unsigned i = 0; i < p->n; i++) {
		const struct shape_field *f = &shape->fields[p->first + i];
		const struct http_node *node = http_tree_at(object, f->name);
		struct br_str text = http_tree_text(node);

		if (!node)
			continue;
		if (text.p)
			image_set(b, (uint8_t)part, key, f->number, text);
		else if (node->type == BR_JT_NULL)
			image_set_null(b, (uint8_t)part, key, f->number);
	}
}

int http_tree_image(const struct http_node *object, const struct shape *shape,
	const struct http_part *parts, size_t nparts, struct br_arena *a, struct image *out)
{
	struct image_builder b;

	image_build(&b, a, shape->nfields);
	cells_of(object, shape, 0, BR_STR_NONE, &b);
	for (size_t i = 0; i < nparts; i++) {
		const struct http_node *list = http_tree_at(object, parts[i].path);

		for (const struct http_node *e = list && list->type == BR_JT_ARRAY ? list->child
										   : NULL;
			e; e = e->next) {
			struct br_str key = http_tree_text(http_tree_at(e, parts[i].key));

			if (key.n)
				cells_of(e, shape, parts[i].number, key, &b);
		}
	}
	return image_build_end(&b, out);
}

static struct br_str head_of(struct br_str path)
{
	const char *dot = memchr(path.p, '.', path.n);

	return (struct br_str){path.p, dot ? (size_t)(dot - path.p) : path.n};
}

void http_write_object(struct http_member *members, size_t n, struct br_jw *w)
{
	br_jw_object(w);
	for (size_t i = 0; i < n;) {
		struct br_str head = head_of(members[i].path);
		size_t j = i;

		/* a leaf and an object cannot share a name: the object says more */
		if (head.n == members[i].path.n && i + 1 < n &&
			br_str_eq(head_of(members[i + 1].path), head)) {
			i++;
			continue;
		}
		br_jw_key(w, head);
		if (head.n == members[i].path.n) {
			if (members[i].value.p)
				br_jw_str(w, members[i].value);
			else
				br_jw_null(w);
			i++;
			continue;
		}
		for (; j < n && br_str_eq(head_of(members[j].path), head) &&
			members[j].path.n > head.n;
			j++) {
			members[j].path.p += head.n + 1;
			members[j].path.n -= head.n + 1;
		}
		http_write_object(members + i, j - i, w);
		i = j;
	}
	br_jw_end_object(w);
}
