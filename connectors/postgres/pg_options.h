/*
 * pg_options.h - what a system's YAML says to this kind: connection:, and root, read, write, parts
 * of each record.
 *
 * One table each, read from the YAML (lint, check) and from the JSON of BEGIN (begin), so both mean
 * the same.
 */
#ifndef PG_OPTIONS_H
#define PG_OPTIONS_H

#include "cfg_site.h"
#include <jansson.h>

struct pg_options {
	struct br_str dsn, password;
	struct br_str timezone, encoding;
	struct br_str listen;
	struct br_str schema;
	bool inbox;
	bool synchronous_standby;
	int64_t statement_timeout, lock_timeout; /* ms */
	int64_t batch;				 /* commands in one transaction at most */
};
extern const struct cfg_option pg_options[];

struct pg_root_options {
	struct br_str table, key;
};

struct pg_read_options {
	int64_t every; /* ms between two polls */
	struct br_str cursor, changed, by, listen;
	int64_t overlap, overlap_every;
	struct br_str sweep; /* "", "always", "off" or "22:00-06:00" */
	int64_t sweep_every; /* ms between two chunks */
	int64_t page, sweep_page;
};

struct pg_write_options {
	bool create, inbox;
	const struct cfg_node *update;
	struct cfg_list order;
	int64_t guard, stop_after_refusals; /* of the runtime (conn_guard.c) */
};

struct pg_part_options {
	struct br_str table, parent, cursor, changed;
};

/* A time of day in minutes; from == to is the whole day. */
struct pg_window {
	int from, to;
};

extern const struct cfg_option pg_root_table[], pg_read_table[], pg_write_table[], pg_part_table[];

/* The same tree as JSON gives; scalars become texts. NULL without memory. */
struct cfg_node *pg_json_node(const json_t *json, struct br_arena *a);
/* false: not a window of the form 22:00-06:00 (or always). */
bool pg_window_read(struct br_str text, struct pg_window *out);

int pg_lint(const struct cfg_site *site, const struct cfg_system *system, const void *options,
	struct cfg_report *report);
/* The connection string: dsn with the password put in. */
struct br_str pg_conninfo(const struct pg_options *o, struct br_arena *a);

#endif
