/* Calls that read: one case, changes, new submissions, look-ups, items, reconciliation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portal_api.h"
#include "portal_case.h"
#include "portal_time.h"

#define PAGE_DEFAULT 100
#define PAGE_MOST    500

static int64_t page_limit(const struct request *rq)
{
	const char *text = request_query(rq, "limit");
	int64_t limit = text ? strtoll(text, NULL, 10) : PAGE_DEFAULT;

	return limit < 1 ? 1 : limit > PAGE_MOST ? PAGE_MOST : limit;
}

static void feed_name(struct db *db, char out[16])
{
	sqlite3_stmt *st = db_query(db, Q_TEXT_GET, "t", "feed");

	snprintf(out, 16, "%s", db_step(db, st) ? db_text(st, 0) : "");
	db_done(st);
}

/* A cursor is the feed's name and a place in it: one of another database, or from before a reset,
 * is refused, since it would skip cases. */
static void write_cursor(const char *feed, char kind, int64_t at, char out[48])
{
	snprintf(out, 48, "%c%s%012llx", kind, feed, (unsigned long long)at);
}

static int read_cursor(
	const struct request *rq, const char *feed, char kind, int64_t *at, struct reply *rp)
{
	const char *text = request_query(rq, "cursor");
	char again[48] = "";

	*at = 0;
	if (!text || !*text)
		return CODE_OK;
	if (strlen(text) == strlen(feed) + 13) {
		*at = strtoll(text + strlen(feed) + 1, NULL, 16);
		write_cursor(feed, kind, *at, again);
	}
	if (!strcmp(text, again))
		return CODE_OK;
	return reply_refuse(rp, CODE_BAD_VALUE, "cursor", "不是本列表的游标，请从头读取");
}

/* One page of cases in the order of their place; one row more than asked for tells of more. */
static int feed_page(
	struct db *db, const struct request *rq, struct reply *rp, enum query q, char kind)
{
	const int64_t limit = page_limit(rq);
	char feed[16], cursor[48];
	sqlite3_stmt *st;
	json_t *items;
	bool more = false;
	int64_t at;

	feed_name(db, feed);
	if (read_cursor(rq, feed, kind, &at, rp) != CODE_OK)
		return rp->code;
	items = json_array();
	st = db_query(db, q, "ii", at, limit + 1);
	while (!more && db_step(db, st)) {
		struct kase c;

		more = (int64_t)json_array_size(items) == limit;
		if (more)
			break;
		case_from_row(st, &c);
		at = kind == 'c' ? c.seq : c.pending;
		json_array_append_new(items, case_show(&c));
		case_free(&c);
	}
	db_done(st);
	write_cursor(feed, kind, at, cursor);
	return reply_ok(rp,
		json_pack("{s:o, s:s, s:b}", "items", items, "cursor", cursor, "more", (int)more));
}

int api_changes(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	(void)p;
	return feed_page(db, rq, rp, Q_CHANGES, 'c');
}

int api_pending(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	(void)p;
	return feed_page(db, rq, rp, Q_PENDING, 'p');
}

static bool item_claimed(struct db *db, const char *code)
{
	sqlite3_stmt *st = db_query(db, Q_ITEM_GET, "t", code);
	bool claimed = db_step(db, st) && sqlite3_column_int(st, 5);

	db_done(st);
	return claimed;
}

int api_case(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	struct kase c;

	(void)p;
	if (!case_load(db, rq->part, &c) || !item_claimed(db, c.item)) {
		reply_refuse(rp, CODE_UNKNOWN, NULL, "没有这个办件编号");
	} else if (c.version == 0) {
		reply_refuse(rp, CODE_UNKNOWN, NULL, "办件编号已分配，基本信息尚未报送");
	} else {
		reply_ok(rp, case_show(&c));
		if (rq->settings.etag)
			snprintf(rp->etag, sizeof(rp->etag), "\"v%lld\"", (long long)c.version);
	}
	case_free(&c);
	return rp->code;
}

static json_t *take_cases(struct db *db, sqlite3_stmt *st)
{
	json_t *items = json_array();

	while (db_step(db, st)) {
		struct kase c;

		case_from_row(st, &c);
		json_array_append_new(items, case_show(&c));
		case_free(&c);
	}
	db_done(st);
	return items;
}

int api_search(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	const char *orgbusno = request_query(rq, "orgbusno"), *certno = request_query(rq, "certno");
	const char *item = request_query(rq, "itemcode");
	const int64_t now = time_now_ms();
	sqlite3_stmt *st;

	(void)p;
	if (orgbusno && *orgbusno)
		st = db_query(db, Q_SEARCH_ORGBUSNO, "ti", orgbusno, now);
	else if (certno && *certno)
		st = db_query(db, Q_SEARCH_CERTNO, "tti", certno, item ? item : "", now);
	else
		return reply_refuse(rp, CODE_BAD_VALUE, "orgbusno", "orgbusno 与 certno 须填一项");
	return reply_ok(rp, json_pack("{s:o}", "items", take_cases(db, st)));
}

/* "" is the beginning; otherwise YYYYMMDD or YYYYMMDDhhmmss, which compare as text. */
static int read_since(const struct request *rq, char out[15], struct reply *rp)
{
	const char *text = request_query(rq, "since");

	snprintf(out, 15, "%s", text ? text : "");
	if (!text || !*text || value_is_date(text) || value_is_time(text))
		return CODE_OK;
	return reply_refuse(rp, CODE_BAD_VALUE, "since", "应为 YYYYMMDD 或 YYYYMMDDhhmmss");
}

int api_items(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *items;
	sqlite3_stmt *st;
	char since[15];

	(void)p;
	if (read_since(rq, since, rp) != CODE_OK)
		return rp->code;
	items = json_array();
	st = db_query(db, Q_ITEMS_SINCE, "t", since);
	while (db_step(db, st))
		json_array_append_new(
			items, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s}",
				       "IMPLEMENTCODE", db_text(st, 0), "ITEMCODE", db_text(st, 1),
				       "ITEMNAME", db_text(st, 2), "DEPTID", db_text(st, 3),
				       "DEPTNAME", db_text(st, 4), "CLAIMED", db_text(st, 5),
				       "PROMISETIMELIMIT", db_text(st, 6), "PROMISETIMEUNIT", "1",
				       "ITEMVERSION", (json_int_t)sqlite3_column_int64(st, 7),
				       "UPDATETIME", db_text(st, 8)));
	db_done(st);
	return reply_ok(rp, json_pack("{s:o}", "items", items));
}

int api_ratings(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *items;
	sqlite3_stmt *st;
	char since[15];

	(void)p;
	if (read_since(rq, since, rp) != CODE_OK)
		return rp->code;
	items = json_array();
	st = db_query(db, Q_RATINGS_SINCE, "t", since);
	while (db_step(db, st))
		json_array_append_new(
			items, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "PROJID", db_text(st, 0),
				       "IMPLEMENTCODE", db_text(st, 1), "SATISFACTION",
				       db_text(st, 2), "CONTENT", db_text(st, 3), "RATETIME",
				       db_text(st, 4), "TIMES", db_text(st, 5)));
	db_done(st);
	return reply_ok(rp, json_pack("{s:o}", "items", items));
}

static json_t *recon_line(const struct kase *c)
{
	char hash[HASH_HEX], *text = json_dumps(c->doc, JSON_COMPACT | JSON_SORT_KEYS);
	json_t *line;

	hash_hex(HASH_SHA256, text, strlen(text), hash);
	free(text);
	line = json_pack("{s:s, s:s?, s:s, s:I, s:s}", "PROJID", c->projid, "ORGBUSNO",
		case_value(c, "ORGBUSNO"), "PROJECTSTATE", case_value(c, "PROJECTSTATE"), "VERSION",
		(json_int_t)c->version, "HASH", hash);
	return line;
}

int api_recon(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	const char *date = request_query(rq, "date"), *org = request_query(rq, "org");
	json_int_t finished = 0;
	sqlite3_stmt *st;
	json_t *items;

	(void)p;
	if (!date || !value_is_date(date))
		return reply_refuse(rp, CODE_BAD_VALUE, "date", "应为 YYYYMMDD");
	items = json_array();
	st = db_query(db, Q_RECON, "tt", date, org ? org : "");
	while (db_step(db, st)) {
		struct kase c;

		case_from_row(st, &c);
		finished += state_is_final(case_value(&c, "PROJECTSTATE"));
		json_array_append_new(items, recon_line(&c));
		case_free(&c);
	}
	db_done(st);
	return reply_ok(rp,
		json_pack("{s:s, s:s, s:I, s:I, s:o}", "DATE", date, "ORG", org ? org : "", "TOTAL",
			(json_int_t)json_array_size(items), "FINISHED", finished, "items", items));
}

int api_file_get(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	sqlite3_stmt *st = db_query(db, Q_FILE_GET, "t", rq->part);

	(void)p;
	if (db_step(db, st)) {
		rp->text_size = (size_t)sqlite3_column_bytes(st, 1);
		rp->text = malloc(rp->text_size + 1);
		if (rp->text && rp->text_size)
			memcpy(rp->text, sqlite3_column_blob(st, 1), rp->text_size);
		rp->type = "application/octet-stream";
		rp->code = CODE_OK;
	} else {
		reply_refuse(rp, CODE_UNKNOWN, NULL, "没有这个文件");
	}
	db_done(st);
	return rp->code;
}
