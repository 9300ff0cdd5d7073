/*
 * case_tree.h - the objects of the published JSON: which field of a part is which member of which
 * object.
 *
 * Private to the case schema and its JSON. One tree per part; the root of the case has the lists as
 * members too. Built once while loading, in the arena; then immutable.
 */
#ifndef CASE_TREE_H
#define CASE_TREE_H

#include "case_schema.h"

#define CASE_TREE_DEPTH 8

struct case_node {
	struct case_node *parent;
	struct case_member *members; /* in the order of the schema */
	uint16_t *by_size;	     /* members by length, then bytes: the order of jsonb */
	struct br_str path;	     /* "limit.legal"; "" at the top */
	struct br_str json;	     /* "legal": */
	uint16_t n, room;
	uint8_t depth; /* 0 at the top */
};

/* Exactly one of: a field, an object, a list. */
struct case_member {
	struct br_str name;
	struct br_str json;	/* "name": */
	struct case_node *node; /* an object */
	int field;		/* number in the shape, else -1 */
	int part;		/* a list, else 0 */
};

struct case_tree {
	struct case_node top;
	uint16_t first; /* number of the part's first field */
	struct {
		const struct case_node *node;
		struct br_str json;
	} * place; /* where field first + i stands */
};

enum case_tree_added {
	CASE_TREE_OK,
	CASE_TREE_NOMEM,
	CASE_TREE_TWICE, /* the name is there already, as a field, an object or a list */
	CASE_TREE_APART, /* other members stand between it and its object */
	CASE_TREE_DEEP,
};

struct case_tree *case_tree_new(struct br_arena *a);
enum case_tree_added case_tree_add_field(
	struct case_tree *t, struct br_str path, int field, struct br_arena *a);
enum case_tree_added case_tree_add_list(
	struct case_tree *t, struct br_str name, int part, struct br_arena *a);
/* first, n: the numbers of its fields. False: out of memory. */
bool case_tree_end(struct case_tree *t, uint16_t first, uint16_t n, struct br_arena *a);
/* The member of that name, or NULL. *expect is where it probably is, and is moved behind the one
 * found. */
const struct case_member *case_node_find(
	const struct case_node *node, struct br_str name, uint16_t *expect);

#endif
