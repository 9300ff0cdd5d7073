/*
 * pg_check.h - is everything as the configuration says? For `casebridge check NAME`, with waiting
 * calls.
 */
#ifndef PG_CHECK_H
#define PG_CHECK_H

#include "cfg_site.h"
#include <jansson.h>

struct pg_step {
	const char *en, *zh;	  /* what was looked at */
	const char *about;	  /* table or record, "" when none */
	bool warning;		  /* it works, but badly */
	const struct br_err *err; /* NULL: all right */
};
typedef void pg_step_fn(void *arg, const struct pg_step *step);

/*
 * Connects as the connector would and tells every step: connection, server, our tables, then of
 * each record its tables, columns, cursor, indexes and privileges. Changes nothing in the database.
 * 0 when nothing but warnings was found, else the code of the first error. options: struct
 * pg_options as read from connection:. finals: what BEGIN says as `final` of each record, by its
 * name; NULL = nothing of any.
 */
int pg_check(const struct cfg_site *site, const struct cfg_system *system, const void *options,
	const json_t *finals, pg_step_fn *fn, void *arg, struct br_err *err);

#endif
