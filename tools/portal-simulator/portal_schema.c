#include "portal_schema.h"

#include "portal_db.h"

const char schema_settings[] = "PRAGMA journal_mode=WAL;"
			       "PRAGMA synchronous=FULL;"
			       "PRAGMA foreign_keys=ON;";

/*
 * cases.version 0: a number was given out, the basic information has not come yet.
 * cases.seq: place in the feed of changes, a new one with every change. Writers take turns, so the
 * order of seq is the order of commits, and a reader that continues after seq n misses nothing.
 * The journal only grows; a reset just moves the place from which it is shown.
 */
const char schema_tables[] =
	"CREATE TABLE IF NOT EXISTS items("
	" implcode TEXT PRIMARY KEY, basecode TEXT NOT NULL, name TEXT NOT NULL,"
	" orgcode TEXT NOT NULL, orgname TEXT NOT NULL, claimed INTEGER NOT NULL,"
	" promise INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 1, updated TEXT NOT NULL);"
	"INSERT OR IGNORE INTO items VALUES"
	"('11341503999900222D4002011099000','002011099000','老年人优待证办理',"
	" '11341503999900222D','裕安区民政局',1,5,1,'20180101000000'),"
	"('11341503999900337K4000523099000','000523099000','农村部分计划生育家庭奖励扶助',"
	" '11341503999900337K','裕安区卫生和计划生育委员会',1,20,1,'20180101000000'),"
	"('11341503999900441P4002020099000','002020099000','农民工技术培训',"
	" '11341503999900441P','裕安区农业委员会',1,20,1,'20180101000000'),"
	"('1134150399990011894000131001000','000131001000','企业注册登记',"
	" '113415039999001189','裕安区市场监督管理局',0,3,1,'20180101000000'),"
	"('11341503999900556X4001021006000','001021006000','单用途商业预付卡备案',"
	" '11341503999900556X','裕安区商务局',0,5,1,'20180101000000');"
	"CREATE TABLE IF NOT EXISTS cases("
	" projid TEXT PRIMARY KEY, pwd TEXT NOT NULL,"
	" item TEXT NOT NULL REFERENCES items(implcode),"
	" orgbusno TEXT, certno TEXT, online INTEGER NOT NULL, pending INTEGER,"
	" version INTEGER NOT NULL, seq INTEGER, day TEXT NOT NULL, created INTEGER NOT NULL,"
	" searchable INTEGER, updated INTEGER NOT NULL, updated_by TEXT NOT NULL,"
	" doc TEXT NOT NULL);"
	"CREATE UNIQUE INDEX IF NOT EXISTS cases_seq ON cases(seq);"
	"CREATE INDEX IF NOT EXISTS cases_pending ON cases(pending) WHERE pending IS NOT NULL;"
	"CREATE INDEX IF NOT EXISTS cases_orgbusno ON cases(orgbusno);"
	"CREATE INDEX IF NOT EXISTS cases_certno ON cases(certno);"
	"CREATE INDEX IF NOT EXISTS cases_day ON cases(day);"
	"CREATE TABLE IF NOT EXISTS files("
	" fileid INTEGER PRIMARY KEY AUTOINCREMENT, projid TEXT NOT NULL, name TEXT NOT NULL,"
	" type TEXT NOT NULL, hash TEXT NOT NULL, content BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS ratings("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, projid TEXT NOT NULL, satisfaction TEXT NOT NULL,"
	" remark TEXT NOT NULL, at TEXT NOT NULL, times INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS texts(name TEXT PRIMARY KEY, value TEXT NOT NULL);"
	"INSERT OR IGNORE INTO texts VALUES('feed', lower(hex(randomblob(4))));"
	"CREATE TABLE IF NOT EXISTS tokens("
	" token TEXT PRIMARY KEY, app TEXT NOT NULL, expires INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS replays("
	" scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,"
	" etag TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(scope, key));"
	"CREATE TABLE IF NOT EXISTS journal("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, actor TEXT NOT NULL,"
	" who TEXT NOT NULL, projid TEXT NOT NULL, op TEXT NOT NULL, version INTEGER NOT NULL,"
	" changes TEXT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS journal_projid ON journal(projid);"
	"CREATE TRIGGER IF NOT EXISTS journal_kept BEFORE UPDATE ON journal"
	" BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;"
	"CREATE TRIGGER IF NOT EXISTS journal_whole BEFORE DELETE ON journal"
	" BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;";

#define CASE_COLUMNS                                                                               \
	"c.projid, c.pwd, c.item, c.online, c.pending, c.version, c.seq,"                          \
	" c.created, c.searchable, c.updated, c.updated_by, c.doc"
#define OURS	  " c.version > 0 AND i.claimed = 1 "
#define FROM_OURS " FROM cases c JOIN items i ON i.implcode = c.item WHERE" OURS

const char *const schema_sql[] = {
	[Q_BEGIN] = "BEGIN IMMEDIATE",
	[Q_COMMIT] = "COMMIT",
	[Q_ROLLBACK] = "ROLLBACK",

	[Q_CASE_GET] = "SELECT " CASE_COLUMNS " FROM cases c WHERE c.projid = ?1",
	[Q_CASE_NEW] =
		"INSERT INTO cases(projid, pwd, item, orgbusno, online, version, day, created,"
		" updated, updated_by, doc) VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?7, ?8, ?9)",
	[Q_CASE_SAVE] =
		"UPDATE cases SET orgbusno = ?2, certno = ?3, pending = nullif(?4, 0),"
		" version = ?5, seq = ?6, searchable = ?7, updated = ?8, updated_by = ?9, doc = ?10"
		" WHERE projid = ?1",
	[Q_CASE_BY_ORGBUSNO] = "SELECT c.projid FROM cases c WHERE c.orgbusno = ?1"
			       " AND c.projid <> ?2 ORDER BY c.created LIMIT 1",
	[Q_CASE_LATEST] = "SELECT " CASE_COLUMNS " FROM cases c WHERE c.version > 0"
			  " ORDER BY c.seq DESC LIMIT ?1",
	[Q_CASE_PWD] = "SELECT " CASE_COLUMNS " FROM cases c WHERE c.projid = ?1 AND c.pwd = ?2"
		       " AND c.version > 0",

	[Q_CHANGES] = "SELECT " CASE_COLUMNS FROM_OURS "AND c.seq > ?1 ORDER BY c.seq LIMIT ?2",
	[Q_PENDING] = "SELECT " CASE_COLUMNS FROM_OURS "AND c.pending > ?1"
		      " ORDER BY c.pending LIMIT ?2",
	[Q_SEARCH_ORGBUSNO] = "SELECT " CASE_COLUMNS FROM_OURS "AND c.orgbusno = ?1"
			      " AND c.searchable <= ?2 ORDER BY c.created, c.projid LIMIT 50",
	[Q_SEARCH_CERTNO] = "SELECT " CASE_COLUMNS FROM_OURS "AND c.certno = ?1"
			    " AND (?2 = '' OR i.implcode = ?2 OR i.basecode = ?2)"
			    " AND c.searchable <= ?3 ORDER BY c.created, c.projid LIMIT 50",
	[Q_RECON] = "SELECT " CASE_COLUMNS FROM_OURS "AND c.day = ?1"
		    " AND (?2 = '' OR i.orgcode = ?2) ORDER BY c.projid",

	[Q_COUNTER_NEXT] = "INSERT INTO counters VALUES(?1, 1)"
			   " ON CONFLICT(name) DO UPDATE SET value = value + 1 RETURNING value",
	[Q_COUNTER_GET] = "SELECT value FROM counters WHERE name = ?1",
	[Q_COUNTER_SET] = "INSERT INTO counters VALUES(?1, ?2)"
			  " ON CONFLICT(name) DO UPDATE SET value = ?2",

	[Q_ITEM_GET] = "SELECT implcode, basecode, name, orgcode, orgname, claimed, promise"
		       " FROM items WHERE implcode = ?1 OR basecode = ?1",
	[Q_ITEMS_SINCE] =
		"SELECT implcode, basecode, name, orgcode, orgname, claimed, promise,"
		" version, updated FROM items WHERE updated >= ?1 ORDER BY updated, implcode",
	[Q_ITEM_CLAIM] = "UPDATE items SET claimed = ?2, version = version + 1, updated = ?3"
			 " WHERE implcode = ?1",

	[Q_FILE_NEW] = "INSERT INTO files(projid, name, type, hash, content)"
		       " VALUES(?1, ?2, ?3, ?4, ?5)",
	[Q_FILE_GET] = "SELECT f.type, f.content FROM files f JOIN cases c ON c.projid = f.projid"
		       " JOIN items i ON i.implcode = c.item WHERE i.claimed = 1 AND f.fileid = ?1",
	[Q_RATING_NEW] =
		"INSERT INTO ratings(projid, satisfaction, remark, at, times) VALUES(?1, ?2,"
		" ?3, ?4, 1 + (SELECT count(*) FROM ratings WHERE projid = ?1))",
	[Q_RATINGS_SINCE] = "SELECT r.projid, c.item, r.satisfaction, r.remark, r.at, r.times"
			    " FROM ratings r JOIN cases c ON c.projid = r.projid JOIN items i ON "
			    "i.implcode = c.item"
			    " WHERE i.claimed = 1 AND r.at >= ?1 ORDER BY r.id LIMIT 500",

	[Q_JOURNAL_ADD] = "INSERT INTO journal(at, actor, who, projid, op, version, changes)"
			  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[Q_JOURNAL_READ] =
		"SELECT seq, at, actor, who, projid, op, version, changes FROM journal"
		" WHERE seq > ?1 AND (?2 = '' OR projid = ?2) AND (?3 = '' OR actor = ?3)"
		" AND (?4 = '' OR op = ?4) ORDER BY seq LIMIT ?5",
	[Q_JOURNAL_LAST] = "SELECT coalesce(max(seq), 0) FROM journal",
	[Q_JOURNAL_COUNT] = "SELECT actor, op, count(*) FROM journal WHERE seq > ?1"
			    " GROUP BY actor, op ORDER BY actor, op",

	[Q_REPLAY_GET] = "SELECT fingerprint, etag, body FROM replays"
			 " WHERE scope = ?1 AND key = ?2",
	[Q_REPLAY_PUT] = "INSERT INTO replays VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[Q_REPLAY_CLEAR] = "DELETE FROM replays",

	[Q_TOKEN_PUT] = "INSERT INTO tokens VALUES(?1, ?2, ?3)",
	[Q_TOKEN_GET] = "SELECT expires FROM tokens WHERE token = ?1 AND app = ?2",
	[Q_TOKEN_PRUNE] = "DELETE FROM tokens WHERE expires < ?1",
	[Q_TOKEN_CLEAR] = "DELETE FROM tokens",

	[Q_TEXT_GET] = "SELECT value FROM texts WHERE name = ?1",
	[Q_TEXT_PUT] = "INSERT INTO texts VALUES(?1, ?2)"
		       " ON CONFLICT(name) DO UPDATE SET value = ?2",

	[Q_RESET_CASES] = "DELETE FROM cases",
	[Q_RESET_FILES] = "DELETE FROM files",
	[Q_RESET_RATINGS] = "DELETE FROM ratings",
};
