/*
 * portal_db.h - the SQLite store: tables, the statements used on them, and transactions.
 *
 * The program holds two of these on one file: one that writes, one that only reads. In WAL mode a
 * reader sees the last committed state and never waits for a writer. Each has a lock; hold it from
 * db_lock() to db_unlock(). Values reach SQLite as parameters only.
 */
#ifndef PORTAL_DB_H
#define PORTAL_DB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

enum query {
	Q_BEGIN,
	Q_COMMIT,
	Q_ROLLBACK,
	Q_CASE_GET,
	Q_CASE_NEW,
	Q_CASE_SAVE,
	Q_CASE_BY_ORGBUSNO,
	Q_CASE_LATEST,
	Q_CASE_PWD,
	Q_CHANGES,
	Q_PENDING,
	Q_SEARCH_ORGBUSNO,
	Q_SEARCH_CERTNO,
	Q_RECON,
	Q_COUNTER_NEXT,
	Q_COUNTER_GET,
	Q_COUNTER_SET,
	Q_ITEM_GET,
	Q_ITEMS_SINCE,
	Q_ITEM_CLAIM,
	Q_FILE_NEW,
	Q_FILE_GET,
	Q_RATING_NEW,
	Q_RATINGS_SINCE,
	Q_JOURNAL_ADD,
	Q_JOURNAL_READ,
	Q_JOURNAL_LAST,
	Q_JOURNAL_COUNT,
	Q_REPLAY_GET,
	Q_REPLAY_PUT,
	Q_REPLAY_CLEAR,
	Q_TOKEN_PUT,
	Q_TOKEN_GET,
	Q_TOKEN_PRUNE,
	Q_TOKEN_CLEAR,
	Q_TEXT_GET,
	Q_TEXT_PUT,
	Q_RESET_CASES,
	Q_RESET_FILES,
	Q_RESET_RATINGS,
	Q_COUNT,
};

struct db {
	sqlite3 *h;
	pthread_mutex_t lock;
	bool failed; /* a statement since db_lock() failed; the transaction is not committed */
	sqlite3_stmt *st[Q_COUNT];
};

/* first: make missing tables and the items on offer. Returns 0, or -1 with why filled in. */
int db_open(struct db *db, const char *path, bool first, char *why, size_t size);
void db_close(struct db *db);
void db_lock(struct db *db);
void db_unlock(struct db *db);

/* Locks and begins; db_end() commits (unless something failed) or takes back, and unlocks. Both
 * return 0, or -1 when the database would not. */
int db_begin(struct db *db);
int db_end(struct db *db, bool commit);

/* The statement, bound and ready to step with db_step(). types has a letter for each argument:
 * t const char * (NULL is null), i int64_t, b const void * with size_t. What is passed must live
 * until the last step. */
sqlite3_stmt *db_query(struct db *db, enum query q, const char *types, ...);
bool db_step(struct db *db, sqlite3_stmt *st); /* true: there is a row */
void db_done(sqlite3_stmt *st);		       /* before the same query is asked again */
/* A statement without rows. Returns the rows changed, or -1. */
int db_run(struct db *db, enum query q, const char *types, ...);
const char *db_text(sqlite3_stmt *st, int column); /* "" for null */

/* The next value of a named counter, which is made when missing; 0 on failure. */
int64_t db_counter_next(struct db *db, const char *name);
int64_t db_counter(struct db *db, const char *name);

#endif
