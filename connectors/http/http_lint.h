/*
 * http_lint.h - the option tables of everything under connection: and records: that belongs to the
 * http kind, and the check by them.
 */
#ifndef HTTP_LINT_H
#define HTTP_LINT_H

#include "http_config.h"

/* Where the tables put what they read; each table uses some of it. */
struct http_lint {
	struct br_str path, key, text, code, token, status, name, part, object;
	const struct cfg_node *body, *sign, *rules, *list, *sweep, *get, *lookup, *create, *update,
		*columns;
	int64_t ms, visibility_ms, n;
	int word, body_word;
	bool flag;
};

extern const struct cfg_option http_auth_table[], http_sign_table[], http_answers_table[],
	http_rule_table[], http_root_table[], http_read_table[], http_list_table[],
	http_sweep_table[], http_get_table[], http_write_table[], http_part_table[],
	http_lookup_table[], http_call_table[];

/* Where a template stands. */
enum http_place {
	HTTP_IN_HEADER = 1,
	HTTP_IN_SIGN = 2,
	HTTP_IN_AUTH = 4,
	HTTP_IN_AUTH_SIGN = 8,
	HTTP_IN_LIST = 16,
	HTTP_IN_SWEEP = 32,
	HTTP_IN_GET = 64,
	HTTP_IN_LOOKUP = 128,
	HTTP_IN_CALL = 256,
	HTTP_IN_PART_CALL = 512,
};
/* Tells every {NAME} that stands for nothing there: it would be sent as an empty text. record,
 * part: whose columns a look-up or a call may name, else NULL. */
void http_lint_template(const struct cfg_node *at, enum http_place place,
	const struct cfg_node *record, const struct cfg_node *part, struct cfg_report *report);

/* All problems of one system to the report, each with its place. 0, or -BR_E_HTTP_CONFIG. */
int http_lint(const struct cfg_site *site, const struct cfg_system *system, const void *options,
	struct cfg_report *report);

#endif
