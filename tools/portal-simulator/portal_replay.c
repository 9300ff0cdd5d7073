#include "portal_replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "portal_time.h"

struct under_way {
	char name[560]; /* scope and key */
	UT_hash_handle hh;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct under_way *calls;

static void full_name(const struct replay *r, char out[560])
{
	snprintf(out, 560, "%s\n%s", r->scope, r->key);
}

static bool claim(const struct replay *r)
{
	struct under_way *u;
	char name[560];

	full_name(r, name);
	pthread_mutex_lock(&lock);
	HASH_FIND_STR(calls, name, u);
	if (u) {
		pthread_mutex_unlock(&lock);
		return false;
	}
	u = calloc(1, sizeof(*u));
	if (u) {
		memcpy(u->name, name, sizeof(name));
		HASH_ADD_STR(calls, name, u);
	}
	pthread_mutex_unlock(&lock);
	return u != NULL;
}

int replay_begin(struct replay *r, const struct request *rq, struct reply *rp)
{
	const char *key = rq->settings.idempotency ? request_header(rq, "Idempotency-Key") : NULL;

	*r = (struct replay){.claimed = false};
	if (!key)
		return CODE_OK;
	if (!*key || strlen(key) >= sizeof(r->key))
		return reply_refuse(rp, CODE_BAD_VALUE, "Idempotency-Key", "应为1至255个字符");
	snprintf(r->scope, sizeof(r->scope), "%s %s %s", rq->who, rq->method, rq->path);
	snprintf(r->key, sizeof(r->key), "%s", key);
	hash_hex(HASH_SHA256, rq->body, rq->body_size, r->fingerprint);
	r->claimed = claim(r);
	if (r->claimed)
		return CODE_OK;
	return reply_refuse(rp, CODE_IN_PROGRESS, NULL, "同一 Idempotency-Key 的请求正在处理");
}

void replay_end(struct replay *r)
{
	struct under_way *u;
	char name[560];

	if (!r->claimed)
		return;
	full_name(r, name);
	pthread_mutex_lock(&lock);
	HASH_FIND_STR(calls, name, u);
	if (u) {
		HASH_DEL(calls, u);
		free(u);
	}
	pthread_mutex_unlock(&lock);
	r->claimed = false;
}

bool replay_find(const struct replay *r, struct db *db, struct reply *rp)
{
	sqlite3_stmt *st;
	bool found;

	if (!r->claimed)
		return false;
	st = db_query(db, Q_REPLAY_GET, "tt", r->scope, r->key);
	found = db_step(db, st);
	if (found && strcmp(db_text(st, 0), r->fingerprint)) {
		reply_refuse(rp, CODE_KEY_REUSED, NULL, "Idempotency-Key 已用于另一请求");
	} else if (found) {
		rp->code = CODE_OK;
		rp->replay = true;
		snprintf(rp->etag, sizeof(rp->etag), "%s", db_text(st, 1));
		rp->text = strdup(db_text(st, 2));
		rp->text_size = strlen(rp->text);
		rp->type = "application/json; charset=utf-8";
	}
	db_done(st);
	return found;
}

void replay_keep(const struct replay *r, struct db *db, struct reply *rp)
{
	if (!r->claimed || rp->code != CODE_OK)
		return;
	rp->text = reply_render(rp);
	rp->text_size = strlen(rp->text);
	rp->type = "application/json; charset=utf-8";
	db_run(db, Q_REPLAY_PUT, "ttttti", r->scope, r->key, r->fingerprint, rp->etag, rp->text,
		time_now_ms());
}
