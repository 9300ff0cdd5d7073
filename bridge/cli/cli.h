/*
 * cli.h - what the verbs of the command line share. One file per verb.
 *
 * Data goes to stdout, talk to stderr. Exit codes: 0, 1 work failed, 2 usage, 69 peer unavailable,
 * 75 try again, 78 configuration.
 */
#ifndef CLI_H
#define CLI_H

#include "cfg_site.h"
#include "mapping.h"

#include <stdio.h>

struct br_jw;
struct ledger_table;
struct map_zone;

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_UNAVAILABLE = 69,
	CLI_AGAIN = 75,
	CLI_CONFIG = 78
};
enum cli_output { CLI_TABLE, CLI_JSON, CLI_CSV };

struct cli {
	const char *program;	 /* path of this executable */
	const char *folder;	 /* site */
	const char *folder_from; /* who named it: --site, CASEBRIDGE_SITE, the verb; NULL: the
				    current folder */
	enum br_lang lang;
	enum cli_output output;
	bool verbose;
	bool ledger_seen; /* its version was looked at */
	bool told;	  /* something was said on stderr: main need not say how the verb is used */
	const struct cli_verb *verb;
	int argc; /* what is left for the verb */
	char **argv;
	struct br_arena arena;
	struct cfg_report report;
	/* filled by cli_load */
	struct cfg_site *site;
	struct case_schema *schema;
	struct map_set **maps;	     /* in the order of site->systems */
	const struct map_zone *zone; /* of the site; cli_local_times() loads it */
};

struct cli_opt {
	const char *name;
	const char *value; /* what stands behind it; NULL: a flag */
	const char *help_en, *help_zh;
};
struct cli_verb {
	const char *name;
	int (*run)(struct cli *c);
	const char *arguments;
	int min_args, max_args; /* positional ones, without the site */
	const char *help_en, *help_zh;
	const struct cli_opt *options; /* ended by a row without name; NULL = none of its own */
};
extern const struct cli_verb cli_verbs[]; /* ended by a row without name */
extern const struct cli_opt cli_common[]; /* options of every verb */
/* The option that a word names, with or without "=VALUE"; NULL when o has none of that name. */
const struct cli_opt *cli_find_option(const struct cli_opt *o, const char *word);
/* How a verb is used, with its options. */
void cli_verb_help(const struct cli *c, const struct cli_verb *v, FILE *to);

/* Takes the site out of argv, or from where else it is named; given: the value of --site, or NULL.
 */
void cli_take_site(struct cli *c, const char *given);
/* CLI_OK when the folder is a site; else tells who named it and what is wrong, CLI_CONFIG. */
int cli_need_site(struct cli *c);
/*
 * Reads and compiles the site. A system with a problem is left out: it moves to site->left_out and
 * that is told on stderr, once for each; the others are as good as before. CLI_CONFIG, and all
 * problems on stderr, when site.yaml or the schema has one, or every system.
 */
int cli_load(struct cli *c);
/* The same for what runs on: it is told in the log. only: of this system alone, or NULL. */
int cli_load_for_log(struct cli *c, const char *only);
/* Reads only the schema of the case; the rest of the site may have problems. */
int cli_load_schema(struct cli *c);
/* Prints an error for people on stderr; returns the exit code that fits its class: retry 69, fatal
 * 78, park 1. */
int cli_fail(struct cli *c, const struct br_err *err);
/* The same for what was typed wrong: CLI_USAGE. */
int cli_wrong(struct cli *c, enum br_err_code code, ...) __attribute__((sentinel));
/* Takes an option "--name VALUE" or "--name=VALUE" out of argv; NULL when absent. */
const char *cli_option(struct cli *c, const char *name);
bool cli_flag(struct cli *c, const char *name);
/* English or Chinese by the chosen language. */
#define cli_say(c, en, zh) ((c)->lang == BR_LANG_ZH ? (zh) : (en))
/* One line on stderr. */
void cli_note(struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Rows of text as a table, JSON or CSV on stdout. NULL cells are empty (JSON: null). titles_zh may
 * be NULL. */
struct cli_table {
	const char *const *names; /* JSON and CSV, and English heads */
	const char *const *titles_zh;
	size_t cols, rows;
	const char *const *cells; /* rows * cols */
	/* A sign for each column, for people with a narrow terminal: 'k' is kept whole, '1' to '9'
	 * are shortened in this order, 'w' is a long text that may stand below its row. NULL: all
	 * '5'. */
	const char *fit;
};
void cli_print_table(struct cli *c, const struct cli_table *t);
/* One row from top to bottom, a line for each column; JSON: one object. */
void cli_print_record(struct cli *c, const struct cli_table *t);

/* For programs, inside a larger answer: a member for each column (NULL: null), and an array of
 * objects, a row each. */
void cli_json_members(
	struct br_jw *w, const char *const *names, const char *const *cells, size_t cols);
void cli_json_rows(struct br_jw *w, const char *key, const struct ledger_table *t);

/* The ledger. Asks it and tells what is wrong: not reachable, no ledger, one of another version.
 * CLI_OK or the exit code. */
int cli_query(struct cli *c, const char *sql, int nparams, const char *const *params,
	struct ledger_table *out);
/* Is it there, and of the version this program knows? 0 or -code with err, which is not told. */
int cli_look_for_ledger(struct cli *c, struct br_err *err);
/* A cell of the first row, by the name of its column, which must be there. */
const char **cli_cell(const struct ledger_table *t, const char *name);
/* The column's moments, seconds since 1970 as text, become times of the site's zone: RFC 3339 in
 * JSON and CSV, with blanks for people. */
void cli_local_times(struct cli *c, struct ledger_table *t, const char *name);
/* A word of the ledger ("lost", in column "kind") for people: in Chinese where that is asked for.
 */
const char *cli_word(const struct cli *c, const char *column, const char *word);
/* What people see of an answer. JSON and CSV have all its columns, as the question names them. */
struct cli_column {
	const char *name, *title_zh;
	char fit; /* as in cli_table; 0: shown in a record only, not in the table */
};
void cli_print_rows(struct cli *c, const struct ledger_table *t, const struct cli_column *columns);
void cli_print_row(struct cli *c, const struct ledger_table *t, const struct cli_column *columns);
/* Items that wait for a person, or waited: since when, where they came from, who settled them. */
#define CLI_ITEM_SOURCE                                                                            \
	{"topic", "主题", 0},                                                                      \
	{                                                                                          \
		"position", "位置", 0                                                              \
	}
#define CLI_ITEM_SETTLED                                                                           \
	{"resolved_at", "处理时间", 0}, {"resolved_by", "处理人", 0},                              \
	{                                                                                          \
		"resolution", "处理说明", 0                                                        \
	}
void cli_item_times(struct cli *c, struct ledger_table *t);
/* A list of them; all: not only open ones, so their status is shown. */
void cli_print_items(
	struct cli *c, struct ledger_table *t, const struct cli_column *columns, bool all);

/* The system NAME of the site; out may be NULL. CLI_USAGE when there is none, which is told;
 * CLI_CONFIG when it is left out, which was told when the site was read. */
int cli_system_named(struct cli *c, const char *name, struct cfg_system **out);
/* A place as the ledger writes it ("applicant.name", "steps/2/opinion"): the field, or NULL. */
const struct case_field *cli_field(const struct cli *c, struct br_str place);
/* A value of a field for people: a code with its label, personal data masked. */
const char *cli_value(struct cli *c, const struct case_field *f, const char *value);

/* The ledger shows a case's id as uuid, messages name it by its ULID; "" when it is none. */
struct br_str cli_ulid(struct cli *c, const char *uuid);

/* Sends an operator's order to the bridge and waits until Kafka has it. */
int cli_send_order(struct cli *c, struct br_str json);
/* The same of several, in their order; all or an exit code. */
int cli_send_orders(struct cli *c, const struct br_str *json, size_t n);
/* Who gives the order, for the audit trail: the operating system's user (of sudo, who called it).
 */
const char *cli_user(void);

/* The columns of status, for the reference: name, in Chinese, what it means. */
struct cli_meaning {
	const char *name, *title_zh, *zh, *en;
};
extern const struct cli_meaning cli_status_meanings[]; /* ended by a row without name */

/* The verbs. */
int cli_lint(struct cli *c);
int cli_map(struct cli *c);
/* map diff NAME, map apply NAME: the words behind map. */
int cli_map_diff(struct cli *c);
/* Notes what the mappings mean where nobody has yet, and warns of those that mean something else
 * now. In vain when the ledger cannot be reached: the next start does it. */
void cli_map_note(struct cli *c);
int cli_run(struct cli *c);
int cli_bridge(struct cli *c);
int cli_connector(struct cli *c);
int cli_status(struct cli *c);
int cli_case(struct cli *c);
int cli_parked(struct cli *c);
int cli_conflicts(struct cli *c);
int cli_topics(struct cli *c);
int cli_ledger(struct cli *c);
int cli_system(struct cli *c);
int cli_schema(struct cli *c);
int cli_dev_broker(struct cli *c);
int cli_check(struct cli *c);
int cli_reference(struct cli *c);
int cli_reconcile(struct cli *c);
int cli_reconcile_schedule(struct cli *c);
int cli_match(struct cli *c);

#endif
