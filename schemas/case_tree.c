#include "case_tree.h"

#include <stdlib.h>

struct case_tree *case_tree_new(struct br_arena *a)
{
	return br_arena_new(a, struct case_tree);
}

/* The last one: what stands before it is closed. */
static struct case_member *last_member(struct case_node *node)
{
	return node->n ? &node->members[node->n - 1] : NULL;
}

static struct case_member *find_slowly(struct case_node *node, struct br_str name)
{
	for (uint16_t i = 0; i < node->n; i++)
		if (br_str_eq(node->members[i].name, name))
			return &node->members[i];
	return NULL;
}

/* Names of case.yaml need no escapes in JSON. */
static struct case_member *add_member(
	struct case_node *node, struct br_str name, struct br_arena *a)
{
	struct case_member *m;

	if (node->n == node->room) {
		uint16_t room = (uint16_t)(node->room ? node->room * 2 : 8);
		struct case_member *members = br_arena_array(a, struct case_member, room);

		if (!members)
			return NULL;
		if (node->n)
			memcpy(members, node->members, node->n * sizeof(*members));
		node->members = members;
		node->room = room;
	}
	m = &node->members[node->n];
	*m = (struct case_member){.name = br_arena_copy(a, name),
		.json = br_arena_printf(a, "\"%.*s\":", BR_STR_ARG(name)),
		.field = -1};
	if (!m->name.p || !m->json.p)
		return NULL;
	node->n++;
	return m;
}

static struct case_node *add_node(struct case_node *parent, struct br_str name, struct br_arena *a)
{
	struct case_node *node = br_arena_new(a, struct case_node);
	struct case_member *m = node ? add_member(parent, name, a) : NULL;

	if (!m)
		return NULL;
	m->node = node;
	node->parent = parent;
	node->depth = (uint8_t)(parent->depth + 1);
	node->json = m->json;
	node->path = parent->path.n ? br_arena_printf(a, "%.*s.%.*s", BR_STR_ARG(parent->path),
					      BR_STR_ARG(name))
				    : m->name;
	return node->path.p ? node : NULL;
}

enum case_tree_added case_tree_add_field(
	struct case_tree *t, struct br_str path, int field, struct br_arena *a)
{
	struct case_node *node = &t->top;
	struct br_str rest = path;
	struct case_member *m;
	const char *dot;

	while ((dot = memchr(rest.p, '.', rest.n)) != NULL) {
		struct br_str name = {rest.p, (size_t)(dot - rest.p)};

		m = find_slowly(node, name);
		if (m && !m->node)
			return CASE_TREE_TWICE;
		if (m && m != last_member(node))
			return CASE_TREE_APART;
		if (node->depth + 1 == CASE_TREE_DEPTH)
			return CASE_TREE_DEEP;
		node = m ? m->node : add_node(node, name, a);
		if (!node)
			return CASE_TREE_NOMEM;
		rest = (struct br_str){dot + 1, rest.n - name.n - 1};
	}
	if (find_slowly(node, rest))
		return CASE_TREE_TWICE;
	m = add_member(node, rest, a);
	if (!m)
		return CASE_TREE_NOMEM;
	m->field = field;
	return CASE_TREE_OK;
}

enum case_tree_added case_tree_add_list(
	struct case_tree *t, struct br_str name, int part, struct br_arena *a)
{
	struct case_member *m;

	if (find_slowly(&t->top, name))
		return CASE_TREE_TWICE;
	m = add_member(&t->top, name, a);
	if (!m)
		return CASE_TREE_NOMEM;
	m->part = part;
	return CASE_TREE_OK;
}

static int compare_names(struct br_str a, struct br_str b)
{
	return a.n != b.n ? (a.n < b.n ? -1 : 1) : memcmp(a.p, b.p, a.n);
}

static int compare_members(const void *a, const void *b, void *members)
{
	const struct case_member *m = members;

	return compare_names(m[*(const uint16_t *)a].name, m[*(const uint16_t *)b].name);
}

static bool end_node(struct case_tree *t, struct case_node *node, struct br_arena *a)
{
	node->by_size = br_arena_array(a, uint16_t, node->n);
	if (!node->by_size)
		return false;
	for (uint16_t i = 0; i < node->n; i++) {
		const struct case_member *m = &node->members[i];

		node->by_size[i] = i;
		if (m->field >= 0) {
			t->place[m->field - t->first].node = node;
			t->place[m->field - t->first].json = m->json;
		}
		if (m->node && !end_node(t, m->node, a))
			return false;
	}
	qsort_r(node->by_size, node->n, sizeof(*node->by_size), compare_members, node->members);
	return true;
}

bool case_tree_end(struct case_tree *t, uint16_t first, uint16_t n, struct br_arena *a)
{
	t->first = first;
	t->place = br_arena_calloc(a, n, sizeof(*t->place));
	return t->place && end_node(t, &t->top, a);
}

const struct case_member *case_node_find(
	const struct case_node *node, struct br_str name, uint16_t *expect)
{
	unsigned low = 0, high = node->n;

	if (*expect < node->n && br_str_eq(node->members[*expect].name, name))
		return &node->members[(*expect)++];
	while (low < high) {
		unsigned mid = (low + high) / 2;
		int c = compare_names(node->members[node->by_size[mid]].name, name);

		if (c == 0) {
			*expect = (uint16_t)(node->by_size[mid] + 1);
			return &node->members[node->by_size[mid]];
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
