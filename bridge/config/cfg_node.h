/*
 * cfg_node.h - a YAML (or JSON) file as a tree that still knows where everything stands.
 *
 * Scalars keep their text as written; nothing is typed by guessing: the reader of a value says what
 * it expects (option tables, cfg_option.h), so a division code 010101 stays text and `no` is not a
 * boolean. Refused while reading: duplicate keys, anchors and aliases, custom tags, several
 * documents, tabs as indentation, files over 1 MiB. The tree lives in the arena given to
 * cfg_read_*. A syntax error ends the reading of its file; everything else is collected.
 *
 * An UTF-8 mark (BOM) in front is skipped; other encodings, NUL and control characters are refused
 * with their place. Plain `null`, `Null`, `NULL`, `~` and nothing at all are CFG_NULL; everything
 * else is text.
 */
#ifndef CFG_NODE_H
#define CFG_NODE_H

#include "br_arena.h"
#include "br_err.h"

enum cfg_kind { CFG_NULL, CFG_SCALAR, CFG_LIST, CFG_MAP };

struct cfg_node {
	enum cfg_kind kind;
	bool quoted;	       /* a scalar written with quotes or as a block: always text */
	unsigned line, column; /* of the value, 1-based */
	const char *file;      /* as the user gave it, relative to the site folder */
	struct br_str text; /* SCALAR: the text, NUL behind it and none within; NULL: as written */
	struct br_str key;  /* member of a MAP: its key, NUL behind it; else empty */
	unsigned key_line, key_column;
	size_t n;		/* LIST, MAP: number of children, in the order of the file */
	struct cfg_node *child; /* LIST, MAP: the first */
	struct cfg_node *next;	/* the next brother */
};

/* All errors of a site are collected and reported in one go, sorted by file and line. */
struct cfg_problem {
	struct br_err err; /* detail "at" = file:line:column */
	const char *file;  /* NULL: no place; line and column 0: the file as a whole */
	unsigned line, column;
	bool warning;
	struct cfg_problem *next;
};
struct cfg_report {
	struct br_arena
		*arena; /* of problems, and of values that are not text of the tree as it stands */
	struct cfg_problem *first, *last;
	size_t n; /* errors */
	size_t warnings;
};

#define CFG_FILE_MAX  ((size_t)1 << 20) /* bytes of one file */
#define CFG_DEPTH_MAX 64		/* lists and maps within each other */

/*
 * file: path to open; shown: how messages name it (NULL: as file). 0 or -BR_E_*, the
 * code of the file's first problem; every problem is in the report. *out is written only at 0:
 * never NULL, and for an empty file a node of kind CFG_NULL.
 */
int cfg_read_file(const char *file, const char *shown, struct br_arena *a,
	struct cfg_report *report, struct cfg_node **out);
int cfg_read_text(struct br_str yaml, const char *shown, struct br_arena *a,
	struct cfg_report *report, struct cfg_node **out);

/* The member of a MAP, or NULL (also when node is NULL or no map). */
struct cfg_node *cfg_get(const struct cfg_node *map, const char *key);
/* Adds a problem at a node (NULL: no place): at most eight pairs of detail key, value; "at" is
 * added. Returns -code. */
int cfg_problem(struct cfg_report *report, const struct cfg_node *at, enum br_err_code code, ...)
	__attribute__((sentinel));
#ifdef __clang_analyzer__ /* as for br_err_set() */
#define cfg_problem(report, at, code, ...)                                                         \
	(cfg_problem((report), (at), (code), __VA_ARGS__), -(int)(code))
#endif
/* The same for the key of a member instead of its value: unknown keys, keys that do not belong
 * here. */
int cfg_problem_key(struct cfg_report *report, const struct cfg_node *at, enum br_err_code code,
	...) __attribute__((sentinel));
/* As cfg_problem, but only a warning: told, and nothing fails for it. Returns 0. */
int cfg_warning(struct cfg_report *report, const struct cfg_node *at, enum br_err_code code, ...)
	__attribute__((sentinel));
/* "file:line:column" of a node in the arena; the file alone when the node has no line; "" without a
 * node or memory. */
const char *cfg_place(struct br_arena *a, const struct cfg_node *node);
/* Iterate children: for (c = cfg_first(node); c; c = c->next) - NULL-safe. */
static inline struct cfg_node *cfg_first(const struct cfg_node *node)
{
	return node && (node->kind == CFG_LIST || node->kind == CFG_MAP) ? node->child : NULL;
}

#endif
