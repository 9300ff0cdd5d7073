/*
 * cli.h - what the verbs of the command line share. One file per verb.
 *
 * Data goes to stdout, talk to stderr. Exit codes: 0, 1 work failed, 2 usage, 69 peer unavailable, 75 try again, 78 configuration.
 */
#ifndef CLI_H
#define CLI_H

#include "cfg_site.h"
#include "mapping.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNAVAILABLE = 69, CLI_AGAIN = 75, CLI_CONFIG = 78 };
enum cli_output { CLI_TABLE, CLI_JSON, CLI_CSV };

struct cli {
	const char *program;  /* path of this executable */
	const char *folder;   /* site */
	enum br_lang lang;
	enum cli_output output;
	bool verbose;
	int argc;             /* what is left for the verb */
	char **argv;
	struct br_arena arena;
	struct cfg_report report;
	/* filled by cli_load */
	struct cfg_site *site;
	struct case_schema *schema;
	struct map_set **maps; /* in the order of site->systems */
};

struct cli_verb {
	const char *name;
	int (*run)(struct cli *c);
	const char *arguments;
	const char *help_en, *help_zh;
};
extern const struct cli_verb cli_verbs[]; /* ended by a row without name */

/* Reads and compiles the site; prints all problems and returns CLI_CONFIG when there are any, else CLI_OK. */
int cli_load(struct cli *c);
/* Prints an error for people on stderr; returns the exit code that fits its class. */
int cli_fail(const struct cli *c, const struct br_err *err);
/* Says how the verb is used; CLI_USAGE. */
int cli_usage(const struct cli *c, const struct cli_verb *v);
/* Takes an option "--name VALUE" or "--name=VALUE" out of argv; NULL when absent. */
const char *cli_option(struct cli *c, const char *name);
bool cli_flag(struct cli *c, const char *name);
/* English or Chinese by the chosen language. */
#define cli_say(c, en, zh) ((c)->lang == BR_LANG_ZH ? (zh) : (en))
/* One line on stderr. */
void cli_note(const struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Rows of text as a table, JSON or CSV on stdout. NULL cells are empty (JSON: null). titles_zh may be NULL. */
struct cli_table {
	const char *const *names;     /* JSON and CSV, and English heads */
	const char *const *titles_zh;
	size_t cols, rows;
	const char *const *cells;     /* rows * cols */
};
void cli_print_table(const struct cli *c, const struct cli_table *t);
/* A query of the ledger, printed; cells of these columns are masked as personal data. */
int cli_print_query(struct cli *c, const char *sql, int nparams, const char *const *params, const char *const *titles_zh, size_t *rows);

/* Sends an operator's order to the bridge and waits until Kafka has it. */
int cli_send_order(struct cli *c, struct br_str json);
/* Who gives the order, for the audit trail. */
const char *cli_user(void);

/* The verbs. */
int cli_lint(struct cli *c);
int cli_map(struct cli *c);
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

#endif
