/*
 * ledger_compare.h - first contact: which records of a system, alone so far, are cases that other
 * systems have too? Fills the list of pairs that a person decides about (candidates).
 *
 * Synchronous, beside a running bridge, of which it needs nothing: it reads one snapshot of the
 * ledger, and writes only its proposals and how far it has seen. Pairs that were decided stay as
 * they are, open ones keep their numbers. One transaction: broken off, nothing has happened, and it
 * is begun anew. The server sorts and joins; here is a page at a time, whatever the number of
 * cases.
 */
#ifndef LEDGER_COMPARE_H
#define LEDGER_COMPARE_H

#include "mapping.h"

struct ledger_compared {
	int64_t records; /* of the system, that stand alone */
	int64_t others;	 /* cases of other systems that it does not have */
	int64_t pairs;	 /* that share a key, and were weighed */
	int64_t common;	 /* keys that too many share to say anything */
	int64_t certain, likely, open;
};

/*
 * system: as the ledger knows it. maps: its mappings, for the strong keys. preview: counts only,
 * and the list stays as it was. prefix: of the topics, by whose positions it is known later what
 * came since. -code with err; BR_E_PG_SQL with sqlstate 40001 when a decision was made meanwhile.
 */
int ledger_compare(const char *dsn, struct br_str system, const struct map_set *maps,
	const struct case_schema *schema, struct br_str prefix, bool preview,
	struct ledger_compared *out, struct br_err *err);

#endif
