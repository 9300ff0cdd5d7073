#include "portal_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "portal.h"
#include "portal_time.h"

#define NONCE_MIN 8
#define NONCE_MAX 64

struct nonce {
	char text[NONCE_MAX + 1];
	int64_t forget_ms; /* monotonic */
	UT_hash_handle hh;
};

void auth_init(struct auth *a)
{
	pthread_mutex_init(&a->lock, NULL);
	a->used = NULL;
}

/* NOLINTBEGIN(clang-analyzer-unix.Malloc): it does not follow the lists of uthash */
void auth_free(struct auth *a)
{
	struct nonce *n, *next;

	HASH_ITER(hh, a->used, n, next)
	{
		HASH_DEL(a->used, n);
		free(n);
	}
	pthread_mutex_destroy(&a->lock);
}

/* The hash keeps the order of insertion, so what is to be forgotten stands in front. */
static void forget_old(struct auth *a, int64_t now)
{
	struct nonce *n, *next;

	HASH_ITER(hh, a->used, n, next)
	{
		if (n->forget_ms > now)
			break;
		HASH_DEL(a->used, n);
		free(n);
	}
}

static bool nonce_is_new(struct auth *a, const char *text, int64_t keep_ms)
{
	const int64_t now = time_mono_ms();
	struct nonce *n;

	pthread_mutex_lock(&a->lock);
	forget_old(a, now);
	HASH_FIND_STR(a->used, text, n);
	if (n) {
		pthread_mutex_unlock(&a->lock);
		return false;
	}
	n = calloc(1, sizeof(*n));
	if (n) {
		snprintf(n->text, sizeof(n->text), "%s", text);
		n->forget_ms = now + keep_ms;
		HASH_ADD_STR(a->used, text, n);
	}
	pthread_mutex_unlock(&a->lock);
	return n != NULL;
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

/* The order matters: the clock first, since a nonce is remembered only while its time is accepted;
 * the nonce last, so that nobody without the secret can use up another's. */
static int check_signed(struct portal *p, const struct request *rq, struct reply *rp,
	const char *timestamp, const char *nonce, const char *sign, const char *text)
{
	const int64_t skew_ms = rq->settings.skew_s * 1000;
	char want[HASH_HEX];
	char *end;
	int64_t at, now = time_now_ms();

	at = strtoll(timestamp, &end, 10);
	if (*end || end == timestamp || at < now - skew_ms || at > now + skew_ms)
		return reply_refuse(rp, CODE_SKEW, NULL, "时间戳与服务器时间相差过大");
	hash_hmac_hex(p->options->sign, p->options->secret, text, want);
	if (!hash_same(sign, want))
		return reply_refuse(rp, CODE_SIGN, NULL, "签名错误");
	if (strlen(nonce) < NONCE_MIN || strlen(nonce) > NONCE_MAX)
		return reply_refuse(rp, CODE_SIGN, NULL, "随机数应为 8 至 64 个字符");
	if (!nonce_is_new(&p->auth, nonce, 2 * skew_ms))
		return reply_refuse(rp, CODE_SIGN, NULL, "随机数重复使用");
	return CODE_OK;
}

static int new_token(struct portal *p, struct db *db, const struct request *rq, struct reply *rp)
{
	const int64_t now = time_now_ms(), expires = now + rq->settings.token_ttl_s * 1000;
	char token[41];

	hash_random_hex(token, 20);
	db_run(db, Q_TOKEN_PRUNE, "i", now);
	db_run(db, Q_TOKEN_PUT, "tti", token, p->options->app_key, expires);
	return reply_ok(rp,
		json_pack("{s:s, s:I, s:I}", "token", token, "expires_in",
			(json_int_t)rq->settings.token_ttl_s, "expires_at", (json_int_t)expires));
}

/* timestamp may come as a number or as text. */
static const char *as_text(const json_t *v, char *buf, size_t size)
{
	if (json_is_integer(v))
		snprintf(buf, size, "%lld", (long long)json_integer_value(v));
	else
		snprintf(buf, size, "%s", json_is_string(v) ? json_string_value(v) : "");
	return buf;
}

int auth_token(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	char app[80], stamp[24], nonce[80], sign[80], text[256];
	json_t *body = json_loadb(rq->body, rq->body_size, JSON_REJECT_DUPLICATES, NULL);
	int code;

	as_text(json_object_get(body, "appKey"), app, sizeof(app));
	as_text(json_object_get(body, "timestamp"), stamp, sizeof(stamp));
	as_text(json_object_get(body, "nonce"), nonce, sizeof(nonce));
	as_text(json_object_get(body, "sign"), sign, sizeof(sign));
	json_decref(body);
	if (strcmp(app, p->options->app_key))
		return reply_refuse(rp, CODE_SIGN, NULL, "appKey 未登记");
	snprintf(text, sizeof(text), "appKey=%s&nonce=%s&timestamp=%s", app, nonce, stamp);
	code = check_signed(p, rq, rp, stamp, nonce, sign, text);
	return code == CODE_OK ? new_token(p, db, rq, rp) : code;
}

static int check_token(struct portal *p, const struct request *rq, struct reply *rp)
{
	const char *token = request_header(rq, "token");
	sqlite3_stmt *st;
	int64_t expires = 0;

	db_lock(&p->reader);
	st = db_query(&p->reader, Q_TOKEN_GET, "tt", token ? token : "", rq->who);
	if (db_step(&p->reader, st))
		expires = sqlite3_column_int64(st, 0);
	db_done(st);
	db_unlock(&p->reader);
	if (expires > time_now_ms())
		return CODE_OK;
	return reply_refuse(rp, CODE_TOKEN, NULL, "token 无效或已过期");
}

static const char *header_or_empty(const struct request *rq, const char *name)
{
	const char *value = request_header(rq, name);

	return value ? value : "";
}

int auth_check(struct portal *p, struct request *rq, struct reply *rp)
{
	const char *app = header_or_empty(rq, "x-aep-appkey");
	const char *stamp = header_or_empty(rq, "x-aep-timestamp");
	const char *nonce = header_or_empty(rq, "x-aep-nonce");
	const char *sign = header_or_empty(rq, "x-aep-signature");
	char hash[HASH_HEX];
	char *text;
	int code;

	if (strcmp(app, p->options->app_key))
		return reply_refuse(rp, CODE_SIGN, NULL, "appKey 未登记");
	snprintf(rq->who, sizeof(rq->who), "%s", app);
	hash_hex(p->options->sign, rq->body, rq->body_size, hash);
	if (asprintf(&text, "%s\n%s\n%s\n%s\n%s", rq->method, rq->target, stamp, nonce, hash) < 0)
		return reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	code = check_signed(p, rq, rp, stamp, nonce, sign, text);
	free(text);
	return code == CODE_OK ? check_token(p, rq, rp) : code;
}
