/*
 * cfg_option.h - options declared once: name, type, default, range, required, secret, help in both
 * languages.
 *
 * From one table come parsing, lint ("did you mean"), defaults, the reference page
 * (docs/reference/options.md) and the masking of secrets. A table describes a struct: each row says
 * where its value goes.
 */
#ifndef CFG_OPTION_H
#define CFG_OPTION_H

#include "cfg_node.h"

#include <stdio.h>

enum cfg_type {
	CFG_T_TEXT,	/* struct br_str */
	CFG_T_BOOL,	/* bool: true | false, nothing else */
	CFG_T_INT,	/* int64_t, range min..max */
	CFG_T_DURATION, /* int64_t milliseconds: 250ms 2s 5m 1h 7d, 0 */
	CFG_T_SIZE,	/* int64_t bytes: 512 64k 5M 1G */
	CFG_T_RATE,	/* int64_t per hour: 200/h, 10/s, 50/m; 0 = none */
	CFG_T_ENUM,	/* int: index into words[] */
	CFG_T_LIST,	/* struct cfg_list of br_str; a single scalar is a list of one */
	CFG_T_MAP,	/* const struct cfg_node *: the raw subtree, read by someone else */
	CFG_T_NODE,	/* const struct cfg_node *: any raw subtree */
};

struct cfg_list {
	size_t n;
	struct br_str *item;
};

struct cfg_option {
	const char *name;
	enum cfg_type type;
	size_t offset;	  /* of the field in the struct */
	const char *dflt; /* as the user would write it; NULL = absent (zero) */
	int64_t min, max; /* INT, DURATION, SIZE; both 0 = no range */
	bool required;
	bool secret; /* never printed; only ${env:NAME} or ${file:NAME} accepted, or a warning */
	const char *const *words; /* ENUM: NULL-terminated */
	const char *help_en, *help_zh;
};
/* End of a table: a row with name NULL. At most CFG_OPTIONS_MAX rows. */
#define CFG_OPTIONS_MAX 128

/*
 * Reads map into the struct at out by the table. Unknown keys (with the nearest valid one), wrong
 * types, ranges and missing required keys go to the report, all of them; defaults are filled in. A
 * key without a value (null) counts as absent. A NULL map is an empty one (at names the owner).
 * Fields of absent options without a default are left as they are (zero them first).
 *
 * ${env:NAME} and ${file:NAME} are replaced in every value but those of MAP and NODE; a missing one
 * is a problem; $${ stands for ${. A file that is not absolute is looked for in secrets_dir
 * (cfg_site.secrets_folder). Line ends behind the secret are cut off. A secret in clear, or in a
 * file that others may read, is a warning.
 *
 * Returns 0 (warnings too) or the code of the first problem found. Texts live as long as the tree
 * and report->arena.
 */
int cfg_read_options(const struct cfg_option *table, const struct cfg_node *map,
	const struct cfg_node *at, const char *secrets_dir, void *out, struct cfg_report *report);
/* One value as a type, for readers of free-form maps; row->name is what messages call it, NULL: the
 * node's own key. */
int cfg_read_value(const struct cfg_option *row, const struct cfg_node *node,
	const char *secrets_dir, void *field, struct cfg_report *report);
/* Replaces the references in a text of the file; *out is the text itself when it has none. at: for
 * messages. */
int cfg_expand(struct br_str text, const struct cfg_node *at, const char *secrets_dir,
	struct br_str *out, struct cfg_report *report);
/* The same for a text in which {NAME} has a meaning of its own: an opening brace that a reference
 * brings in, or that $${ stands for, comes out as {{}, by which such a text means a brace. */
int cfg_expand_template(struct br_str text, const struct cfg_node *at, const char *secrets_dir,
	struct br_str *out, struct cfg_report *report);
/* Does a text hold something to be replaced? */
bool cfg_has_reference(struct br_str text);

/* The table as a table in Markdown: key, type, default, range, what it is for. */
void cfg_write_reference(const struct cfg_option *table, enum br_lang lang, FILE *to);

#endif
