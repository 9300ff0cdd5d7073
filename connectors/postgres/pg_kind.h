/*
 * pg_kind.h - connector kind `postgres`: records that are rows of a PostgreSQL database, with child
 * rows as parts.
 *
 * Reads by polling (xid8 horizon, or time of change with an overlap), by NOTIFY, and by a rolling
 * walk over all keys; writes whole batches in one transaction with compare-and-set and, where two
 * small tables of ours may be added, an inbox row for each command, so that every outcome is known.
 */
#ifndef PG_KIND_H
#define PG_KIND_H

#include "conn_kind.h"

extern const struct conn_kind pg_kind;

#endif
