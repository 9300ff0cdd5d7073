/*
 * ledger_past.c - what a link's record held before its shadow was replaced: kept for as long as a
 * backup may be old, and read only when its system was restored.
 */
#include "ledger_private.h"

#include "hub_rebase.h"

static const enum ledger_type past_types[] = {LT_UUID, LT_INT2, LT_TEXT, LT_END},
			      passed_types[] = {
				      LT_UUID, LT_INT2, LT_TEXT, LT_TEXT, LT_TEXT, LT_END};

void ledger_past_init(struct ledger *g)
{
	ledger_rows_init(&g->past, past_types);
	ledger_rows_init(&g->unsure, past_types);
	ledger_rows_init(&g->freed, past_types);
	ledger_rows_init(&g->passed, passed_types);
}

void ledger_past_release(struct ledger *g)
{
	ledger_rows_release(&g->past);
	ledger_rows_release(&g->unsure);
	ledger_rows_release(&g->freed);
	ledger_rows_release(&g->passed);
}

static void name_link(struct ledger_rows *r, const struct hub_link *l)
{
	ledger_add_id(r, &l->kase->cid);
	ledger_add_int(r, l->sys->id);
	ledger_add_text(r, l->rec);
}

/* ---- reading ---- */

static void add_past(struct ledger_operation *o, struct hub_link *l, const PGresult *res, int row)
{
	struct hub_past *p = br_arena_new(o->w->arena, struct hub_past);

	if (!p) {
		o->w->failed = true;
		return;
	}
	if (!ledger_read_image(o, ledger_get_text(res, row, 3), map_shape(l->map), &p->shadow) ||
		!ledger_read_versions(o, ledger_get_text(res, row, 4), &p->held))
		return;
	if (!l->past)
		l->past_end = &l->past;
	*l->past_end = p;
	l->past_end = &p->next;
}

static void on_past(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res) {
		ledger_fail(o, err);
		return;
	}
	for (int i = 0; i < PQntuples(res); i++) {
		struct hub_id cid = ledger_get_id(res, i, 0);
		struct hub_case *k = hub_world_case(o->w, &cid);
		struct hub_system *s = ledger_system(o->w, ledger_get_int(res, i, 1));
		struct hub_link *l =
			k && s ? hub_case_link(k, s, ledger_get_text(res, i, 2)) : NULL;

		if (l && l->map)
			add_past(o, l, res, i);
	}
}

int ledger_past_ask(struct ledger *g, struct br_err *err)
{
	ledger_rows_reset(&g->unsure);
	for (struct hub_case *k = g->look.w->cases; k; k = k->hh.next)
		for (struct hub_link *l = k->links; l; l = l->next)
			if (hub_is_unsure(l) && l->map && !l->past_end) {
				l->past_end = &l->past; /* asked for */
				name_link(&g->unsure, l);
			}
	if (g->unsure.n == 0)
		return 0;
	return ledger_rows_send(&g->unsure, g->look_pg, "past",
		       "select p.cid, p.sys, p.rec, p.shadow, p.held from unnest($1::uuid[], "
		       "$2::int2[], $3::text[]) u(cid, sys, rec) join casebridge.link_past p on "
		       "p.cid = u.cid and p.sys = u.sys and p.rec = u.rec order by p.k desc",
		       on_past, &g->look, err) < 0
		       ? -1
		       : 1;
}

/* ---- writing ---- */

/* What came and went within the batch, oldest first. */
static void add_passed(struct ledger_operation *o, const struct hub_link *l)
{
	const struct hub_past *last = NULL;

	while (last != l->passed) {
		const struct hub_past *p = l->passed;

		while (p->next != last)
			p = p->next;
		last = p;
		if (p->stored || image_same(&p->shadow, &l->shadow))
			continue;
		ledger_add_id(&o->g->passed, &l->kase->cid);
		ledger_add_int(&o->g->passed, l->sys->id);
		ledger_add_text(&o->g->passed, l->rec);
		ledger_add_text(&o->g->passed, ledger_json_image(o, &p->shadow, map_shape(l->map)));
		ledger_add_text(&o->g->passed, ledger_json_versions(o, &p->held));
	}
}

void ledger_past_add(struct ledger_operation *o, const struct hub_link *l)
{
	if (l->map)
		add_passed(o, l);
	if (!l->is_new && l->map && l->stored.n && !image_same(&l->stored, &l->shadow))
		name_link(&o->g->past, l);
	if (!l->is_new && l->freed)
		name_link(&o->g->freed, l);
}

int ledger_past_store(struct ledger_operation *o, struct br_err *err)
{
	int rc = ledger_rows_send(&o->g->freed, o->g->store_pg, "freed",
		"update casebridge.links l set lid = null from unnest($1::uuid[], $2::int2[], "
		"$3::text[]) t(a, b, c) where l.cid = t.a and l.sys = t.b and l.rec = t.c",
		ledger_check, o, err);

	rc |= ledger_rows_send(&o->g->past, o->g->store_pg, "past_add",
		"insert into casebridge.link_past(cid, sys, rec, shadow, held) select l.cid, "
		"l.sys, "
		"l.rec, l.shadow, l.held from (select unnest($1::uuid[]) a, unnest($2::int2[]) b, "
		"unnest($3::text[]) c) t join casebridge.links l on l.cid = t.a and l.sys = t.b "
		"and "
		"l.rec = t.c",
		ledger_check, o, err);
	return rc | ledger_rows_send(&o->g->passed, o->g->store_pg, "passed_add",
			    "insert into casebridge.link_past(cid, sys, rec, shadow, held) select "
			    "unnest($1::uuid[]), unnest($2::int2[]), unnest($3::text[]), "
			    "unnest($4::text[]), unnest($5::text[])",
			    ledger_check, o, err);
}

/* ---- forgetting ---- */

/* Rows come in the order of time: the oldest are looked at, and no others. */
void ledger_forget_past(struct ledger *g, ledger_fn *done, void *arg)
{
	struct ledger_operation *o = &g->forget;
	struct br_err err;
	int rc;

	if (o->done)
		return; /* the last one is not through yet */
	br_err_clear(&err);
	ledger_begin_operation(o, NULL, done, arg);
	rc = br_pg_send(g->store_pg, "forget_past",
		"delete from casebridge.link_past where k in (select k from (select k, at from "
		"casebridge.link_past order by k limit 1000) t where at < now() - interval '40 "
		"days')",
		0, NULL, NULL, true, ledger_check, o, &err);
	rc |= br_pg_sync(g->store_pg, ledger_synced, o, &err);
	if (rc < 0) {
		ledger_fail(o, &err);
		ledger_finish(o);
	}
}
