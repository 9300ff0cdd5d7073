/*
 * cfg_option.h - options declared once: name, type, default, range, required, secret, help in both languages.
 *
 * From one table come parsing, lint ("did you mean"), defaults, the starter file, the reference page (docs/reference/options.md)
 * and the masking of secrets. A table describes a struct: each row says where its value goes.
 */
#ifndef CFG_OPTION_H
#define CFG_OPTION_H

#include "cfg_node.h"

enum cfg_type {
	CFG_T_TEXT,     /* struct br_str */
	CFG_T_BOOL,     /* bool: true | false, nothing else */
	CFG_T_INT,      /* int64_t, range min..max */
	CFG_T_DURATION, /* int64_t milliseconds: 250ms 2s 5m 1h 7d */
	CFG_T_SIZE,     /* int64_t bytes: 512 64k 5M 1G */
	CFG_T_RATE,     /* int64_t per hour: 200/h, 10/s, 50/m; 0 = none */
	CFG_T_ENUM,     /* int: index into words[] */
	CFG_T_LIST,     /* struct cfg_list of br_str; a single scalar is a list of one */
	CFG_T_MAP,      /* const struct cfg_node *: the raw subtree, read by someone else */
	CFG_T_NODE,     /* const struct cfg_node *: any raw subtree */
};

struct cfg_list {
	size_t n;
	struct br_str *item;
};

struct cfg_option {
	const char *name;
	enum cfg_type type;
	size_t offset;         /* of the field in the struct */
	const char *dflt;      /* as the user would write it; NULL = absent (zero) */
	int64_t min, max;      /* INT, DURATION, SIZE; both 0 = no range */
	bool required;
	bool secret;           /* never printed; only ${env:NAME} or ${file:NAME} accepted, or a warning */
	const char *const *words; /* ENUM: NULL-terminated */
	const char *help_en, *help_zh;
};
/* End of a table: a row with name NULL. */

/*
 * Reads map into the struct at out by the table. Unknown keys (with the nearest valid one), wrong types, ranges and missing
 * required keys go to the report, all of them; defaults are filled in. A NULL map is an empty one (at names the owner).
 * ${env:NAME} and ${file:NAME} in texts are replaced (relative files under secrets_dir); a missing one is a problem.
 */
int cfg_read_options(const struct cfg_option *table, const struct cfg_node *map, const struct cfg_node *at,
	const char *secrets_dir, void *out, struct cfg_report *report);
/* One scalar as a type; for readers of free-form maps. */
int cfg_read_value(const struct cfg_option *row, const struct cfg_node *node, const char *secrets_dir, void *field,
	struct cfg_report *report);

#endif
