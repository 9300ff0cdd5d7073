/*
 * ledger_migrate.c - numbered migrations (migrations/NNNN_name.sql, built in), each in a
 * transaction of its own, under a lock so that two migrators take turns.
 */
#include "ledger.h"

#include "br_buf.h"
#include "br_pg.h"
#include "ledger_migrations.h"

#include <stdio.h>
#include <stdlib.h>

int ledger_version_known(void)
{
	return (int)ledger_migrations_n;
}

static int version_of(PGconn *conn, int *version, struct br_err *err)
{
	PGresult *res = NULL;
	int rc = br_pg_exec_sync(conn,
		"create schema if not exists casebridge;"
		"create table if not exists casebridge.migrations(version int primary key, name "
		"text not null, at timestamptz not null default now())",
		0, NULL, NULL, err);

	if (rc < 0)
		return rc;
	rc = br_pg_exec_sync(conn, "select coalesce(max(version), 0) from casebridge.migrations", 0,
		NULL, &res, err);
	if (rc == 0)
		*version = (int)strtol(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	return rc;
}

static int apply(PGconn *conn, int version, struct br_err *err)
{
	const struct ledger_migration *m = &ledger_migrations[version - 1];
	struct br_err why;
	struct br_buf sql;
	char number[16], text[512];
	int rc;

	br_buf_init(&sql, 4u << 20);
	br_buf_printf(&sql,
		"begin;\n%s\ninsert into casebridge.migrations(version, name) values (%d, "
		"'%s');\ncommit",
		m->sql, version, m->name);
	br_err_clear(&why);
	rc = br_pg_exec_sync(conn, br_buf_cstr(&sql), 0, NULL, NULL, &why);
	br_buf_release(&sql);
	if (rc == 0)
		return 0;
	br_pg_exec_sync(conn, "rollback", 0, NULL, NULL, NULL);
	snprintf(number, sizeof(number), "%d", version);
	return br_err_set(err, BR_E_HUB_MIGRATION, "version", number, "why",
		br_err_sentence(&why, BR_LANG_EN, text, sizeof(text)), NULL);
}

int ledger_migrate(const char *dsn, int *from, int *to, struct br_err *err)
{
	PGconn *conn;
	char found[16], known[16];
	int rc = br_pg_open_sync(dsn, &conn, err);

	if (rc < 0)
		return rc;
	/* released with the connection */
	rc = br_pg_exec_sync(conn, "select pg_advisory_lock(hashtext('casebridge.migrations'))", 0,
		NULL, NULL, err);
	if (rc == 0)
		rc = version_of(conn, from, err);
	*to = *from;
	if (rc == 0 && *from > ledger_version_known()) {
		snprintf(found, sizeof(found), "%d", *from);
		snprintf(known, sizeof(known), "%d", ledger_version_known());
		rc = br_err_set(err, BR_E_HUB_LEDGER_NEWER, "found", found, "known", known, NULL);
	}
	for (; rc == 0 && *to < ledger_version_known(); (*to)++)
		rc = apply(conn, *to + 1, err);
	PQfinish(conn);
	return rc;
}
