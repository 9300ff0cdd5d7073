#include "portal_db.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "portal_schema.h"

#define BUSY_MS 5000

int db_open(struct db *db, const char *path, bool first, char *why, size_t size)
{
	char *message = NULL;

	memset(db, 0, sizeof(*db));
	pthread_mutex_init(&db->lock, NULL);
	if (sqlite3_open_v2(path, &db->h,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK)
		goto failed;
	sqlite3_busy_timeout(db->h, BUSY_MS);
	if (sqlite3_exec(db->h, schema_settings, NULL, NULL, &message) != SQLITE_OK)
		goto failed;
	if (first && sqlite3_exec(db->h, schema_tables, NULL, NULL, &message) != SQLITE_OK)
		goto failed;
	return 0;
failed:
	snprintf(why, size, "%s", message ? message : sqlite3_errmsg(db->h));
	sqlite3_free(message);
	return -1;
}

void db_close(struct db *db)
{
	if (!db->h)
		return;
	for (int q = 0; q < Q_COUNT; q++)
		sqlite3_finalize(db->st[q]);
	sqlite3_close(db->h);
	pthread_mutex_destroy(&db->lock);
	memset(db, 0, sizeof(*db));
}

void db_lock(struct db *db)
{
	pthread_mutex_lock(&db->lock);
	db->failed = false;
}

void db_unlock(struct db *db)
{
	pthread_mutex_unlock(&db->lock);
}

static int bind(struct db *db, sqlite3_stmt *st, const char *types, va_list args)
{
	int rc = SQLITE_OK;

	for (int i = 0; types[i] && rc == SQLITE_OK; i++) {
		if (types[i] == 't') {
			rc = sqlite3_bind_text(
				st, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
		} else if (types[i] == 'i') {
			rc = sqlite3_bind_int64(st, i + 1, va_arg(args, int64_t));
		} else {
			const void *p = va_arg(args, const void *);

			rc = sqlite3_bind_blob64(st, i + 1, p, va_arg(args, size_t), SQLITE_STATIC);
		}
	}
	if (rc != SQLITE_OK)
		db->failed = true;
	return rc;
}

static void complain(struct db *db, enum query q)
{
	db->failed = true;
	fprintf(stderr, "portal-simulator: %s: %s\n", schema_sql[q], sqlite3_errmsg(db->h));
}

static sqlite3_stmt *prepared(struct db *db, enum query q, const char *types, va_list args)
{
	if (!db->st[q] && sqlite3_prepare_v3(db->h, schema_sql[q], -1, SQLITE_PREPARE_PERSISTENT,
				  &db->st[q], NULL) != SQLITE_OK) {
		complain(db, q);
		return NULL;
	}
	sqlite3_reset(db->st[q]);
	assert(sqlite3_bind_parameter_count(db->st[q]) == (int)strlen(types));
	if (bind(db, db->st[q], types, args) != SQLITE_OK) {
		complain(db, q);
		return NULL;
	}
	return db->st[q];
}

sqlite3_stmt *db_query(struct db *db, enum query q, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list args;

	va_start(args, types);
	st = prepared(db, q, types, args);
	va_end(args);
	return st;
}

bool db_step(struct db *db, sqlite3_stmt *st)
{
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE) {
		db->failed = true;
		fprintf(stderr, "portal-simulator: database: %s\n", sqlite3_errmsg(db->h));
	}
	return false;
}

void db_done(sqlite3_stmt *st)
{
	if (!st)
		return;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

int db_run(struct db *db, enum query q, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list args;
	int rc = -1;

	va_start(args, types);
	st = prepared(db, q, types, args);
	va_end(args);
	if (st && sqlite3_step(st) == SQLITE_DONE)
		rc = sqlite3_changes(db->h);
	else
		complain(db, q);
	db_done(st);
	return rc;
}

int db_begin(struct db *db)
{
	db_lock(db);
	if (db_run(db, Q_BEGIN, "") >= 0)
		return 0;
	db_unlock(db);
	return -1;
}

int db_end(struct db *db, bool commit)
{
	int rc = 0;

	if (commit && !db->failed)
		rc = db_run(db, Q_COMMIT, "") < 0 ? -1 : 0;
	else
		rc = commit ? -1 : 0;
	if (!sqlite3_get_autocommit(db->h))
		db_run(db, Q_ROLLBACK, "");
	db_unlock(db);
	return rc;
}

const char *db_text(sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	return text ? text : "";
}

static int64_t one_number(struct db *db, sqlite3_stmt *st)
{
	int64_t value = db_step(db, st) ? sqlite3_column_int64(st, 0) : 0;

	db_done(st);
	return value;
}

int64_t db_counter_next(struct db *db, const char *name)
{
	return one_number(db, db_query(db, Q_COUNTER_NEXT, "t", name));
}

int64_t db_counter(struct db *db, const char *name)
{
	return one_number(db, db_query(db, Q_COUNTER_GET, "t", name));
}
