/*
 * http_tree.h - a JSON answer as a small tree in an arena, numbers kept as written, and its way to
 * and from an image.
 *
 * Columns of an http record are paths into the object: "APPLICANT", "DONE.CERTIFICATENO". A part is
 * an array of objects whose key member tells the element.
 */
#ifndef HTTP_TREE_H
#define HTTP_TREE_H

#include "image.h"

struct http_node {
	enum br_json_token type; /* OBJECT ARRAY STRING NUMBER TRUE FALSE NULL */
	struct br_str key;	 /* member name */
	struct br_str text;	 /* STRING, NUMBER */
	struct http_node *child, *next;
};

/* NULL when it is no JSON (err says where). */
struct http_node *http_tree_read(struct br_str json, struct br_arena *a, struct br_err *err);
/* The node at a dotted path ("data.items"); "" is the node itself; NULL when there is none. */
const struct http_node *http_tree_at(const struct http_node *node, struct br_str path);
/* A scalar's text ("true" and "false" for booleans); {NULL,0} for null, objects and absent. */
struct br_str http_tree_text(const struct http_node *node);

/* The node as JSON again, numbers as they were written. */
void http_tree_write(const struct http_node *node, struct br_jw *w);

struct http_part {
	uint8_t number;		 /* in the shape */
	struct br_str path, key; /* of the array; member that tells elements apart */
};
/* Members the shape knows become cells; others are left alone. */
int http_tree_image(const struct http_node *object, const struct shape *shape,
	const struct http_part *parts, size_t nparts, struct br_arena *a, struct image *out);

/* Writing: cells at dotted names as nested members, in the order given. */
struct http_member {
	struct br_str path;
	struct br_str value; /* p NULL = null */
};
/* Appends one object; members must be grouped by their leading path (sorted). */
void http_write_object(struct http_member *members, size_t n, struct br_jw *w);

#endif
