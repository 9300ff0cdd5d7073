#include "portal_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portal_api.h"
#include "portal_time.h"

static json_t *whole(struct portal *p)
{
	json_t *o = settings_json(&p->settings);

	json_object_set_new(o, "faults", faults_json(&p->faults, false));
	return o;
}

static int store(struct portal *p, struct db *db)
{
	json_t *o = settings_json(&p->settings);
	char *text;

	json_object_set_new(o, "faults", faults_json(&p->faults, true));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	db_run(db, Q_TEXT_PUT, "tt", "control", text);
	free(text);
	return CODE_OK;
}

static json_t *body_of(const struct request *rq, struct reply *rp)
{
	json_error_t where;
	json_t *body = json_loadb(rq->body, rq->body_size, JSON_REJECT_DUPLICATES, &where);

	if (!body)
		reply_refuse(rp, CODE_BAD_VALUE, NULL, where.text);
	return body;
}

/* All the rules, or none. */
static int replace_faults(struct portal *p, const json_t *rules, struct reply *rp)
{
	struct faults trial;
	const char *wrong = json_is_array(rules) ? NULL : "a list of rules is wanted";
	int64_t id;
	size_t i;
	json_t *rule;

	faults_init(&trial);
	json_array_foreach((json_t *)rules, i, rule) if (!wrong) wrong =
		faults_add(&trial, rule, &id);
	faults_clear(&trial);
	if (wrong)
		return reply_refuse(rp, CODE_BAD_VALUE, "faults", wrong);
	faults_clear(&p->faults);
	json_array_foreach((json_t *)rules, i, rule) faults_add(&p->faults, rule, &id);
	return CODE_OK;
}

static int change(struct portal *p, json_t *body, struct reply *rp)
{
	json_t *rules = json_incref(json_object_get(body, "faults")),
	       *seed = json_incref(json_object_get(body, "seed"));
	const char *field = "", *wrong;
	int code = CODE_OK;

	json_object_del(body, "faults");
	json_object_del(body, "seed");
	wrong = settings_change(&p->settings, body, &field);
	if (wrong)
		code = reply_refuse(rp, CODE_BAD_VALUE, field, wrong);
	if (code == CODE_OK && rules)
		code = replace_faults(p, rules, rp);
	if (code == CODE_OK && json_is_integer(seed))
		faults_seed(&p->faults, (unsigned)json_integer_value(seed));
	json_decref(rules);
	json_decref(seed);
	return code;
}

void control_restore(struct portal *p)
{
	struct reply rp = {.code = 0};
	sqlite3_stmt *st;
	json_t *kept = NULL;

	db_lock(&p->reader);
	st = db_query(&p->reader, Q_TEXT_GET, "t", "control");
	if (db_step(&p->reader, st))
		kept = json_loads(db_text(st, 0), 0, NULL);
	db_done(st);
	db_unlock(&p->reader);
	if (kept && change(p, kept, &rp) != CODE_OK)
		fprintf(stderr, "portal-simulator: kept switches: %s\n", rp.msg);
	json_decref(kept);
	reply_clear(&rp);
}

int control_get(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	(void)db;
	(void)rq;
	return reply_ok(rp, whole(p));
}

int control_put(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *body = body_of(rq, rp);

	if (!body)
		return rp->code;
	if (!json_is_object(body))
		reply_refuse(rp, CODE_BAD_VALUE, NULL, "an object is wanted");
	else if (change(p, body, rp) == CODE_OK && store(p, db) == CODE_OK)
		reply_ok(rp, whole(p));
	json_decref(body);
	return rp->code;
}

int control_faults(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	(void)db;
	(void)rq;
	return reply_ok(rp, faults_json(&p->faults, false));
}

int control_faults_put(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *body = body_of(rq, rp);

	if (!body)
		return rp->code;
	if (replace_faults(p, body, rp) == CODE_OK && store(p, db) == CODE_OK)
		reply_ok(rp, faults_json(&p->faults, false));
	json_decref(body);
	return rp->code;
}

int control_fault_add(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *body = body_of(rq, rp);
	const char *wrong;
	int64_t id;

	if (!body)
		return rp->code;
	wrong = faults_add(&p->faults, body, &id);
	json_decref(body);
	if (wrong)
		return reply_refuse(rp, CODE_BAD_VALUE, NULL, wrong);
	store(p, db);
	return reply_ok(rp, json_pack("{s:I}", "id", (json_int_t)id));
}

int control_faults_clear(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	(void)rq;
	faults_clear(&p->faults);
	portal_wake(p, false);
	store(p, db);
	return reply_ok(rp, NULL);
}

int control_fault_remove(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	if (!faults_remove(&p->faults, strtoll(rq->part, NULL, 10)))
		return reply_refuse(rp, CODE_UNKNOWN, NULL, "there is no such rule");
	store(p, db);
	return reply_ok(rp, NULL);
}

static const char *query_or_empty(const struct request *rq, const char *name)
{
	const char *value = request_query(rq, name);

	return value ? value : "";
}

/* A reset moves the beginning of the journal that is shown; ?all=1 shows the whole. */
static int64_t journal_begin(struct db *db, const struct request *rq)
{
	return *query_or_empty(rq, "all") ? 0 : db_counter(db, "journal-begin");
}

int control_journal(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	int64_t after = strtoll(query_or_empty(rq, "after"), NULL, 10);
	int64_t begin = journal_begin(db, rq);
	int64_t limit = strtoll(query_or_empty(rq, "limit"), NULL, 10);
	json_t *list = json_array();
	sqlite3_stmt *st;

	(void)p;
	if (after < begin)
		after = begin;
	st = db_query(db, Q_JOURNAL_READ, "ittti", after, query_or_empty(rq, "projid"),
		query_or_empty(rq, "actor"), query_or_empty(rq, "op"),
		limit > 0 && limit < 100000 ? limit : (int64_t)100000);
	while (db_step(db, st)) {
		after = sqlite3_column_int64(st, 0);
		json_array_append_new(list,
			json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "seq",
				(json_int_t)after, "at", db_text(st, 1), "actor", db_text(st, 2),
				"who", db_text(st, 3), "projid", db_text(st, 4), "op",
				db_text(st, 5), "version", (json_int_t)sqlite3_column_int64(st, 6),
				"changes", json_loads(db_text(st, 7), 0, NULL)));
	}
	db_done(st);
	return reply_ok(rp, json_pack("{s:o, s:I}", "entries", list, "next", (json_int_t)after));
}

int control_summary(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *o = json_object();
	json_int_t total = 0;
	sqlite3_stmt *st;

	(void)p;
	st = db_query(db, Q_JOURNAL_COUNT, "i", journal_begin(db, rq));
	while (db_step(db, st)) {
		char name[60];

		snprintf(name, sizeof(name), "%s.%s", db_text(st, 0), db_text(st, 1));
		json_object_set_new(o, name, json_integer(sqlite3_column_int64(st, 2)));
		total += sqlite3_column_int64(st, 2);
	}
	db_done(st);
	return reply_ok(rp, json_pack("{s:o, s:I}", "counts", o, "total", total));
}

int control_stats(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	(void)db;
	(void)rq;
	return reply_ok(rp, stats_json(&p->stats));
}

int control_tokens_clear(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	(void)p;
	(void)rq;
	db_run(db, Q_TOKEN_CLEAR, "");
	return reply_ok(rp, NULL);
}

int control_item(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *body = body_of(rq, rp), *claimed = json_object_get(body, "claimed");
	char stamp[15];

	(void)p;
	if (!body)
		return rp->code;
	time_stamp(time_now_ms(), stamp);
	if (!json_is_boolean(claimed))
		reply_refuse(rp, CODE_BAD_VALUE, "claimed", "true or false is wanted");
	else if (db_run(db, Q_ITEM_CLAIM, "tit", rq->part, (int64_t)json_is_true(claimed), stamp) !=
		 1)
		reply_refuse(rp, CODE_UNKNOWN, NULL, "there is no such item");
	else
		reply_ok(rp, NULL);
	json_decref(body);
	return rp->code;
}

/* The counters of numbers stay, so that no number comes twice, and so does the journal itself. */
int control_reset(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	char feed[9];
	sqlite3_stmt *st;
	int64_t last;

	(void)rq;
	st = db_query(db, Q_JOURNAL_LAST, "");
	last = db_step(db, st) ? sqlite3_column_int64(st, 0) : 0;
	db_done(st);
	hash_random_hex(feed, 4);
	db_run(db, Q_RESET_CASES, "");
	db_run(db, Q_RESET_FILES, "");
	db_run(db, Q_RESET_RATINGS, "");
	db_run(db, Q_REPLAY_CLEAR, "");
	db_run(db, Q_COUNTER_SET, "ti", "journal-begin", last);
	db_run(db, Q_TEXT_PUT, "tt", "feed", feed);
	settings_default(&p->settings);
	faults_clear(&p->faults);
	stats_clear(&p->stats);
	portal_wake(p, false);
	store(p, db);
	return reply_ok(rp, whole(p));
}
