/*
 * conn_guard.c - the write guard: so many writes an hour, and a stop after so many refusals in a
 * row.
 *
 * What is over the limit waits and is not refused: a wrong mapping must not touch a whole system
 * before somebody looks, and a right one loses nothing by waiting. A command that is held back has
 * never been given to the system; inherited ones that a predecessor may have begun are settled
 * first, whatever the guard says.
 */
#include "conn_internal.h"

#include "br_log.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR_US	      3600000000.0
#define STOPPED_MS    60000
#define TELL_AFTER_US 200000LL /* many are held at a time: one message tells of all */

struct limits {
	int64_t guard, stop_after;
};

struct conn_guard {
	struct conn_guard *next;
	struct limits max;
	double tokens;
	int64_t filled_us, refusals;
	bool told; /* in the log */
	char record[];
};

/* The kinds list the same two keys among their own, for lint and the reference. */
static const struct cfg_option table[] = {
	{"guard", CFG_T_RATE, offsetof(struct limits, guard), NULL, 0, 0, false, false, NULL, "",
		""},
	{"stop_after_refusals", CFG_T_INT, offsetof(struct limits, stop_after), "0", 0, 1000000,
		false, false, NULL, "", ""},
	{0},
};

/* ---- from the spec ---- */

static struct limits read_limits(const json_t *write)
{
	struct cfg_node scalars[BR_LEN(table)], map = {.kind = CFG_MAP, .file = "BEGIN"};
	struct cfg_node **tail = &map.child;
	struct limits out = {0, 0};
	struct cfg_report report = {0};
	struct br_arena a;

	br_arena_init(&a, 64 << 10);
	report.arena = &a;
	for (size_t i = 0; table[i].name; i++) {
		const json_t *value = json_object_get(write, table[i].name);

		if (!json_is_string(value))
			continue;
		scalars[i] = (struct cfg_node){.kind = CFG_SCALAR,
			.file = "BEGIN",
			.key = br_str_z(table[i].name),
			.text = {json_string_value(value), json_string_length(value)}};
		*tail = &scalars[i];
		tail = &scalars[i].next;
		map.n++;
	}
	if (cfg_read_options(table, &map, &map, ".", &out, &report))
		out = (struct limits){0, 0};
	br_arena_release(&a);
	return out;
}

static struct conn_guard *find(struct conn *c, struct br_str record)
{
	for (struct conn_guard *g = c->guards; g; g = g->next)
		if (br_str_eq(br_str_z(g->record), record))
			return g;
	return NULL;
}

static struct conn_guard *new_guard(struct conn *c, struct br_str record)
{
	struct conn_guard *g = calloc(1, sizeof(*g) + record.n + 1);

	if (!g)
		return NULL;
	memcpy(g->record, record.p, record.n);
	g->filled_us = br_loop_now(c->loop);
	g->next = c->guards;
	c->guards = g;
	return g;
}

struct conn_guard *conn_guard_of(struct conn *c, const struct conn_record *r)
{
	struct limits max = read_limits(json_object_get(r->spec, "write"));
	struct conn_guard *g = find(c, r->name);

	if (!g && (max.guard || max.stop_after))
		g = new_guard(c, r->name);
	if (!g)
		return NULL;
	if (g->max.guard != max.guard)
		g->tokens = (double)max.guard; /* new, or meant otherwise now */
	g->max = max;
	return g;
}

void conn_guard_free(struct conn *c)
{
	while (c->guards) {
		struct conn_guard *g = c->guards;

		c->guards = g->next;
		free(g);
	}
}

/* ---- the allowance ---- */

static void tell(struct conn *c, struct conn_guard *g, enum br_err_code code, int64_t count)
{
	char number[32];
	struct br_err err;

	if (g->told)
		return;
	g->told = true;
	snprintf(number, sizeof(number), "%lld", (long long)count);
	br_err_clear(&err);
	br_err_set(
		&err, code, "system", c->system_name, "record", g->record, "count", number, NULL);
	br_warn("writes are held back", L_ERR(&err));
}

static bool is_stopped(const struct conn_guard *g)
{
	return g->max.stop_after && g->refusals >= g->max.stop_after;
}

static void fill(struct conn_guard *g, int64_t now)
{
	g->tokens += (double)(now - g->filled_us) * (double)g->max.guard / HOUR_US;
	g->filled_us = now;
	if (g->tokens > (double)g->max.guard)
		g->tokens = (double)g->max.guard;
}

int64_t conn_guard_wait(struct conn *c, const struct conn_work *w)
{
	struct conn_guard *g = w->cmd.record->guard;

	if (!g)
		return 0;
	if (is_stopped(g)) {
		tell(c, g, BR_E_CONN_REFUSALS, g->refusals);
		return STOPPED_MS;
	}
	if (!g->max.guard || w->granted)
		return 0;
	fill(g, br_loop_now(c->loop));
	if (g->tokens >= 1)
		return 0;
	tell(c, g, BR_E_CONN_GUARD, g->max.guard);
	return (int64_t)((1 - g->tokens) * HOUR_US / (double)g->max.guard / 1000) + 1;
}

bool conn_may_write(struct conn *c, struct conn_command *cmd, int64_t *ms)
{
	struct conn_guard *g = cmd->record->guard;
	struct conn_work *w = (struct conn_work *)cmd;

	*ms = conn_guard_wait(c, w);
	conn_hold(c, w, *ms > 0);
	if (*ms > 0)
		return false;
	if (g && g->max.guard && !w->granted)
		g->tokens -= 1;
	w->granted = true;
	return true;
}

void conn_guard_answered(struct conn *c, const struct conn_command *cmd, enum msg_status status)
{
	struct conn_guard *g = cmd->record->guard;

	(void)c;
	if (!g || (status != RCPT_APPLIED && status != RCPT_REJECTED))
		return;
	g->refusals = status == RCPT_REJECTED ? g->refusals + 1 : 0;
	if (!g->refusals && !(g->max.guard && g->tokens < 1))
		g->told = false;
}

void conn_guard_forgive(struct conn *c)
{
	for (struct conn_guard *g = c->guards; g; g = g->next) {
		g->refusals = 0;
		g->told = false;
	}
}

/* ---- what the bridge is told ---- */

static bool any_stopped(const struct conn *c)
{
	for (const struct conn_guard *g = c->guards; g; g = g->next)
		if (is_stopped(g))
			return true;
	return false;
}

void conn_hold(struct conn *c, struct conn_work *w, bool held)
{
	if (w->held == held)
		return;
	w->held = held;
	c->nheld += held ? 1 : (size_t)-1;
	if (!br_timer_is_set(&c->held_timer))
		br_timer_set(c->loop, &c->held_timer, TELL_AFTER_US);
}

/* Timer. */
void conn_tell_held(void *arg)
{
	struct conn *c = arg;
	struct msg m = {
		.type = MSG_HELD, .held = (int64_t)c->nheld, .stopped = c->nheld && any_stopped(c)};

	if (!conn_alive(c) || c->stage < CONN_SETTLE ||
		(c->nheld == c->held_told && m.stopped == c->stop_told))
		return;
	c->held_told = c->nheld;
	c->stop_told = m.stopped;
	conn_emit(c, &m, NULL, BR_STR_NONE);
}
