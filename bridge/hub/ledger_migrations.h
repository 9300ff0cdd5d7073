/*
 * ledger_migrations.h - the SQL of migrations/, built into the program by CMake.
 */
#ifndef LEDGER_MIGRATIONS_H
#define LEDGER_MIGRATIONS_H

#include <stddef.h>

struct ledger_migration {
	const char *name; /* file name */
	const char *sql;
};
extern const struct ledger_migration ledger_migrations[];
extern const size_t ledger_migrations_n;

#endif
