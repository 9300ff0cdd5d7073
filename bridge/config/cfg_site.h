/*
 * cfg_site.h - a site: the folder with site.yaml, systems/ *.yaml and tables as CSV.
 */
#ifndef CFG_SITE_H
#define CFG_SITE_H

#include "cfg_option.h"

struct cfg_system {
	struct br_str name;	 /* [a-z][a-z0-9-]{0,31}: topics, file names */
	struct br_str title;	 /* for people */
	struct br_str connector; /* kind: postgres, http, ... */
	struct br_str role;    /* portal | department: who it is in ownership (schemas/case.yaml) */
	int64_t credit;	       /* outstanding commands at most */
	int64_t lease_ms;      /* HTTP lease (protocol: PING) */
	int64_t gone_after_ms; /* between two looks for a record that is not there */
	int64_t gone_guard;    /* records that may vanish within an hour; 0 = any number */
	bool start_live;       /* live without an operator's verb: only for try-outs and tests */
	struct cfg_list items; /* item codes this system takes part in; empty = all */
	const struct cfg_node *connection; /* for the connector kind */
	const struct cfg_node *records;	   /* for the mapping compiler and the connector kind */
	const struct cfg_node *tests;
	const struct cfg_node *node;	   /* the whole file; NULL: it is no YAML */
	const char *file;		   /* systems/NAME.yaml */
	const struct cfg_problem *problem; /* the first of its file; NULL: none */
	bool named;	 /* false: the file's own name stands for one that is not known */
	bool role_known; /* false: the file does not tell any more */
	struct cfg_system *next;
};

/* When systems are compared with the ledger by themselves (对账). */
struct cfg_reconcile {
	bool on;
	int at_minute; /* of the day, in the site's zone; -1: every every_ms */
	int64_t every_ms;
	struct cfg_list systems; /* empty: all */
	bool repair;		 /* what may be mended without a person is */
	const char *folder;	 /* where the lists go, as CSV */
};

/*
 * The rows of site.yaml, its ledger: and reconcile:, and systems/NAME.yaml; for the reference page
 * only. (Their structs are cfg_site.c's own.)
 */
extern const struct cfg_option cfg_site_options[];
extern const struct cfg_option cfg_ledger_options[];
extern const struct cfg_option cfg_reconcile_options[];
extern const struct cfg_option cfg_system_options[];

struct cfg_csv; /* a code table: header row and rows, with line numbers */

struct cfg_site {
	const char *folder;
	const char *secrets_folder; /* for cfg_read_options(): the one CASEBRIDGE_SECRETS names,
				       else secrets/ in the site's folder */
	struct br_str name, title;
	struct br_str topic_prefix; /* "casebridge" */
	struct br_str timezone;	    /* IANA name */
	struct br_str ledger_dsn;   /* secret parts resolved, password: added; a secret itself */
	struct br_str kafka_bootstrap;
	const struct cfg_node *kafka; /* any further librdkafka keys, checked, references replaced;
					 without bootstrap.servers */
	struct cfg_reconcile reconcile;
	struct cfg_system *systems;
	size_t nsystems;
	/* Systems whose files cannot be used. Of these only name, title, role, file and problem
	 * count. */
	struct cfg_system *left_out;
	size_t nleft_out;
	bool broken; /* site.yaml or the folder of systems has problems: nothing can be done */
	const char *schemas_folder; /* case.yaml and codes/; NULL when not found (a problem) */
};

/*
 * Reads everything, reports all problems in one go. 0, or the code of the first problem. *out lives
 * in the arena (and in report->arena) and is written also when there are problems, for further
 * checks: it then holds what could be read, of the systems those that have a name, and the others
 * as left out, under the names of their files. It is NULL when there was no memory or no site.
 *
 * The schema of the case is looked for in: schemas: of site.yaml (relative to the site's folder),
 * the folder CASEBRIDGE_SCHEMAS names, schemas/ two folders above the site (a source tree),
 * schemas/ and share/casebridge/schemas/ in the folders above the program,
 * /usr/share/casebridge/schemas, /usr/local/share/casebridge/schemas.
 *
 * extends: packs/NAME in a system's file lays that file over packs/NAME.yaml of the site's folder,
 * or of the folder above it: maps are merged key by key, everything else is replaced, and what is
 * null there is taken away.
 */
int cfg_site_read(
	const char *folder, struct br_arena *a, struct cfg_report *report, struct cfg_site **out);
struct cfg_system *cfg_site_system(const struct cfg_site *site, struct br_str name);
/* The one of this name that is left out, or NULL. */
struct cfg_system *cfg_site_left_out(const struct cfg_site *site, struct br_str name);
/* Moves a system that has a problem (its problem is set, or why is not NULL and becomes it) from
 * the systems to those left out. */
void cfg_site_leave_out(
	struct cfg_site *site, struct cfg_system *system, const struct cfg_problem *why);
/* The first error that came behind `before` (report->last of an earlier time); NULL: none. */
const struct cfg_problem *cfg_first_problem(
	const struct cfg_report *report, const struct cfg_problem *before);

/*
 * CSV tables: RFC 4180, UTF-8 with or without BOM, header row required, # comments at line start
 * and empty lines allowed, at most 16 MiB. Values outside quotes are trimmed, all have a NUL behind
 * them. Every row has as many cells as the header; every wrong row is a problem of its own. *out is
 * written only at 0.
 */
int cfg_csv_read(const char *file, const char *shown, struct br_arena *a, struct cfg_report *report,
	struct cfg_csv **out);
size_t cfg_csv_rows(const struct cfg_csv *csv);
/* Value by row and column name; {NULL,0} when there is no such column. */
struct br_str cfg_csv_get(const struct cfg_csv *csv, size_t row, const char *column);
unsigned cfg_csv_line(const struct cfg_csv *csv, size_t row);
bool cfg_csv_has(const struct cfg_csv *csv, const char *column);
/* The name of a column by number from 0, {NULL, 0} behind the last; and the line they stand on. */
struct br_str cfg_csv_column(const struct cfg_csv *csv, size_t i);
unsigned cfg_csv_header_line(const struct cfg_csv *csv);

#endif
