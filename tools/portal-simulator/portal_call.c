#include "portal_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portal_replay.h"
#include "portal_time.h"

static const char error_page[] =
	"<!DOCTYPE html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
	"<title>系统提示</title></head>"
	"<body><h1>系统繁忙，请稍后再试</h1><p>当前访问人数过多，给您带来不便敬请谅解。</p></"
	"body></html>";

unsigned call_status(const struct reply *rp)
{
	static const struct {
		int code;
		unsigned status;
	} table[] = {
		{CODE_SIGN, 401},
		{CODE_TOKEN, 401},
		{CODE_METHOD, 405},
		{CODE_IN_PROGRESS, 409},
		{CODE_PRECONDITION, 412},
		{CODE_TOO_LARGE, 413},
		{CODE_KEY_REUSED, 422},
		{CODE_SLOW_DOWN, 429},
	};

	if (rp->status)
		return rp->status;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == rp->code)
			return table[i].status;
	return 200;
}

static void finished_page(struct reply *rp, unsigned status)
{
	reply_clear(rp);
	rp->text = strdup(error_page);
	rp->text_size = sizeof(error_page) - 1;
	rp->type = "text/html; charset=utf-8";
	rp->status = status;
}

/* Replies for the faults that take the place of an answer. */
static void faulty_reply(const struct fault_plan *plan, struct reply *rp)
{
	switch (plan->ends) {
	case FAULT_HTML:
		finished_page(rp, 200);
		break;
	case FAULT_ERROR:
		finished_page(rp, (unsigned)plan->status);
		break;
	case FAULT_BUSY:
		reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
		break;
	case FAULT_SLOW_DOWN:
		reply_refuse(rp, CODE_SLOW_DOWN, NULL, "请求过于频繁");
		rp->retry_after = 1;
		break;
	default:
		break;
	}
}

static bool replaces_answer(enum fault_kind kind)
{
	return kind == FAULT_HTML || kind == FAULT_ERROR || kind == FAULT_BUSY ||
	       kind == FAULT_SLOW_DOWN;
}

static void count_fault(struct portal *p, enum fault_kind kind)
{
	static const char *const names[] = {[FAULT_HTML] = "html",
		[FAULT_ERROR] = "error",
		[FAULT_BUSY] = "busy",
		[FAULT_SLOW_DOWN] = "slow_down",
		[FAULT_LOST_REQUEST] = "lost_request",
		[FAULT_LOST_ANSWER] = "lost_answer",
		[FAULT_TRUNCATED] = "truncated",
		[FAULT_TRICKLE] = "trickle"};

	if (kind != FAULT_NONE)
		stats_outcome(&p->stats, names[kind]);
}

static int work_in_transaction(struct portal *p, const struct route *route, struct request *rq,
	struct reply *rp, const struct replay *replay)
{
	struct db *db = &p->writer;

	if (db_begin(db))
		return reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	if (!replay_find(replay, db, rp)) {
		route->fn(p, db, rq, rp);
		replay_keep(replay, db, rp);
	}
	if (db_end(db, rp->code == CODE_OK && !rp->replay)) {
		reply_clear(rp);
		reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	}
	if (rp->replay)
		stats_outcome(&p->stats, "replayed");
	return rp->code;
}

static void work(struct portal *p, const struct route *route, struct request *rq, struct reply *rp,
	const struct replay *replay)
{
	if (route->flags & ROUTE_WRITE) {
		work_in_transaction(p, route, rq, rp, replay);
		return;
	}
	db_lock(&p->reader);
	route->fn(p, &p->reader, rq, rp);
	if (p->reader.failed) {
		reply_clear(rp);
		reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	}
	db_unlock(&p->reader);
}

/* What may turn a call of the interface away before anybody looks at it. */
static bool turned_away(struct portal *p, const struct request *rq, struct reply *rp)
{
	if (settings_closed(&rq->settings, time_now_ms())) {
		reply_refuse(rp, CODE_CLOSED, NULL, "系统维护时段，暂停服务");
		rp->retry_after = 60;
	} else if (!faults_admit(&p->faults, rq->settings.rate_limit)) {
		reply_refuse(rp, CODE_SLOW_DOWN, NULL, "请求过于频繁");
		rp->retry_after = 1;
	}
	return rp->code != 0;
}

/* Waits, faults and the work in between. False: no answer. */
static bool run_with_faults(struct portal *p, const struct route *route, struct request *rq,
	struct reply *rp, const struct replay *replay)
{
	const struct fault_plan *plan = &rq->plan;
	const bool page = route->flags & ROUTE_PAGE;

	count_fault(p, plan->ends);
	portal_wait(p,
		plan->before_ms +
			(page ? 0
			      : rq->settings.latency_ms + faults_random_ms(&p->faults,
								  rq->settings.latency_random_ms)));
	if (plan->ends == FAULT_LOST_REQUEST)
		return false;
	if (replaces_answer(plan->ends) && !plan->after) {
		faulty_reply(plan, rp);
		return true;
	}
	work(p, route, rq, rp, replay);
	portal_wait(p, plan->after_ms);
	if (replaces_answer(plan->ends))
		faulty_reply(plan, rp);
	return plan->ends != FAULT_LOST_ANSWER;
}

static bool run_public(
	struct portal *p, const struct route *route, struct request *rq, struct reply *rp)
{
	const bool page = route->flags & ROUTE_PAGE;
	struct replay replay = {.claimed = false};
	bool answer;

	faults_plan(&p->faults, rq->method, rq->path, page, &rq->plan);
	rq->actor = page ? "web" : "app";
	if (page)
		snprintf(rq->who, sizeof(rq->who), "%s",
			!strcmp(rq->path, "/clerk") ? "clerk" : "applicant");
	if (!page && turned_away(p, rq, rp))
		return true;
	if ((route->flags & ROUTE_SIGNED) && auth_check(p, rq, rp) != CODE_OK)
		return true;
	if ((route->flags & ROUTE_KEYED) && replay_begin(&replay, rq, rp) != CODE_OK)
		return true;
	answer = run_with_faults(p, route, rq, rp, &replay);
	replay_end(&replay);
	return answer;
}

static void run_control(
	struct portal *p, const struct route *route, struct request *rq, struct reply *rp)
{
	const struct replay none = {.claimed = false};

	if (rq->loopback) {
		work(p, route, rq, rp, &none);
		if (rp->code != CODE_OK && !rp->status)
			rp->status = 400;
		return;
	}
	reply_refuse(rp, CODE_SIGN, NULL, "only from this machine");
	rp->status = 403;
}

bool call_run(struct portal *p, struct request *rq, struct reply *rp)
{
	const char *method = !strcmp(rq->method, "HEAD") ? "GET" : rq->method;
	bool known, answer = true;
	const struct route *route =
		route_find(method, rq->path, rq->part, sizeof(rq->part), &known);

	rq->settings = settings_now(&p->settings);
	if (!route) {
		reply_refuse(rp, known ? CODE_METHOD : CODE_UNKNOWN, NULL,
			known ? "不支持的请求方法" : "没有这个接口");
		rp->status = known ? 405 : 404;
		return true;
	}
	if (route->flags & ROUTE_CONTROL)
		run_control(p, route, rq, rp);
	else
		answer = run_public(p, route, rq, rp);
	if (!(route->flags & ROUTE_CONTROL))
		stats_call(&p->stats, method, route->path, rp->code);
	return answer;
}
