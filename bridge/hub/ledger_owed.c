/*
 * ledger_owed.c - which cases a system that joined later has no link with, some at a time.
 */
#include "ledger_private.h"

#include <stdio.h>

static void on_owed(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct ledger *g = o->g;
	struct ledger_want *want = g->want;
	int n = res ? PQntuples(res) : 0;

	if (!res) {
		ledger_fail(o, err);
		return;
	}
	want->owed_end = n < want->owed_limit;
	g->owed = br_arena_array(o->w->arena, struct hub_id, (size_t)n + 1);
	if (!g->owed) {
		o->w->failed = true;
		return;
	}
	for (int i = 0; i < n; i++) {
		want->owed_to = ledger_get_id(res, i, 0);
		if (ledger_get_bool(res, i, 1))
			continue;
		g->owed[g->nowed++] = want->owed_to;
		ledger_want_case(g, &want->owed_to);
	}
}

struct br_str ledger_id_text(struct hub_world *w, const struct hub_id *id)
{
	char text[2 * sizeof(id->b) + 1];

	for (size_t i = 0; i < sizeof(id->b); i++)
		snprintf(text + 2 * i, 3, "%02x", id->b[i]);
	return ledger_keep(w, br_str_z(text));
}

int ledger_owed_ask(struct ledger *g, const struct ledger_want *want, struct br_err *err)
{
	struct br_str sys, from, limit;

	g->nowed = 0;
	if (!want->owing)
		return 0;
	sys = br_arena_printf(g->look.w->arena, "%d", want->owing->id);
	from = ledger_id_text(g->look.w, &want->owed_from);
	limit = br_arena_printf(g->look.w->arena, "%lld", (long long)want->owed_limit);
	struct br_pg_param p[] = {{sys.p, 0, false}, {from.p, 0, false}, {limit.p, 0, false}};

	return br_pg_send(g->look_pg, "owed",
		"select c.cid, exists (select from casebridge.links l where l.cid = c.cid and "
		"l.sys = $1::int2) from casebridge.cases c where c.cid > $2::uuid order by c.cid "
		"limit $3::int8",
		3, NULL, p, true, on_owed, &g->look, err);
}

void ledger_owed_settle(const struct ledger *g, struct ledger_want *want)
{
	if (!want->owing)
		return;
	want->owed = br_arena_array(g->look.w->arena, struct hub_case *, g->nowed + 1);
	if (!want->owed)
		g->look.w->failed = true;
	for (size_t i = 0; want->owed && i < g->nowed; i++) {
		struct hub_case *k = hub_world_case(g->look.w, &g->owed[i]);

		if (k)
			want->owed[want->nowed++] = k;
	}
}
