/*
 * The write guard: so many writes an hour, and a stop after so many refusals in a row. What is over
 * the limit waits and is not refused: a wrong mapping must not touch a whole system before somebody
 * looks, and a right one loses nothing by waiting.
 */
#include "pg_batch.h"
#include "br_log.h"
#include <stdio.h>

#define HOUR_US	   3600000000.0
#define STOPPED_MS 60000

static void tell(struct pg_record *r, enum br_err_code code, int64_t count)
{
	char name[128], number[32];
	struct br_err err;

	if (r->guard.told)
		return;
	r->guard.told = true;
	snprintf(name, sizeof(name), "%.*s", BR_STR_ARG(r->name));
	snprintf(number, sizeof(number), "%lld", (long long)count);
	br_err_set(&err, code, "record", name, "count", number, NULL);
	br_warn("writes are held back", L_ERR(&err));
}

bool pg_guard_take(struct pg_record *r, int64_t now_us, int64_t *ms)
{
	struct pg_guard *g = &r->guard;

	if (g->stop_after && g->refusals >= g->stop_after) {
		tell(r, BR_E_PG_STOPPED, g->refusals);
		*ms = STOPPED_MS;
		return false;
	}
	if (!g->per_hour)
		return true;
	g->tokens += (double)(now_us - g->filled_us) * (double)g->per_hour / HOUR_US;
	g->filled_us = now_us;
	if (g->tokens > (double)g->per_hour)
		g->tokens = (double)g->per_hour;
	if (g->tokens >= 1) {
		g->tokens -= 1;
		return true;
	}
	tell(r, BR_E_PG_GUARD, g->per_hour);
	*ms = (int64_t)((1 - g->tokens) * HOUR_US / (double)g->per_hour / 1000) + 1;
	return false;
}

void pg_guard_result(struct pg_record *r, bool refused)
{
	r->guard.refusals = refused ? r->guard.refusals + 1 : 0;
	if (!refused && !(r->guard.per_hour && r->guard.tokens < 1))
		r->guard.told = false;
}
