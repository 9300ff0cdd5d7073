/*
 * ledger_unpublished.c - what may not have got out before a fall, as it was: changed cases, their
 * history, and what was parked.
 */
#include "ledger_private.h"

static void on_unpublished_history(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct hub_world *w = o->w;

	if (!res) {
		ledger_fail(o, err);
		return;
	}
	for (int i = 0; i < PQntuples(res); i++) {
		struct hub_id cid = ledger_get_id(res, i, 0);
		struct hub_history *h = br_arena_new(w->arena, struct hub_history);

		if (!h || !(h->kase = hub_world_case(w, &cid)))
			continue;
		h->ver = (int32_t)ledger_get_int(res, i, 1);
		h->sys = ledger_system(w, ledger_get_int(res, i, 2));
		h->delta = ledger_keep(w, ledger_get_text(res, i, 3));
		h->at_ms = ledger_get_int(res, i, 4);
		h->by = ledger_keep(w, ledger_get_text(res, i, 5));
		h->why = ledger_keep(w, ledger_get_text(res, i, 6));
		h->order = ledger_keep(w, ledger_get_text(res, i, 7));
		h->kase->publish = true;
		*w->history_end = h;
		w->history_end = &h->next;
	}
}

static enum hub_parked_kind parked_kind_of(struct br_str word)
{
	for (int i = PARKED_IN; i < PARKED_ASK; i++)
		if (br_str_eq(word, br_str_z(ledger_parked_kind((enum hub_parked_kind)i))))
			return (enum hub_parked_kind)i;
	return PARKED_ASK;
}

/* A name is all that is told of the case. */
static struct hub_case *case_named(struct hub_world *w, const struct hub_id *cid)
{
	struct hub_case *k = hub_world_case(w, cid);

	if (!k && (k = br_arena_new(w->arena, struct hub_case))) {
		k->cid = *cid;
		hub_ulid_text(cid, k->ulid);
	}
	return k;
}

static void on_unpublished_parked(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct hub_world *w = o->w;

	if (!res)
		ledger_fail(o, err);
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct hub_parked *p = br_arena_new(w->arena, struct hub_parked);
		struct hub_id cid = ledger_get_id(res, i, 1);

		if (!p || !(p->sys = ledger_system(w, ledger_get_int(res, i, 0))))
			continue;
		p->kase = PQgetisnull(res, i, 1) ? NULL : case_named(w, &cid);
		p->rec = ledger_keep(w, ledger_get_text(res, i, 2));
		p->lid = ledger_keep(w, ledger_get_text(res, i, 3));
		p->kind = parked_kind_of(ledger_get_text(res, i, 4));
		p->raw = ledger_keep(w, ledger_get_text(res, i, 5));
		p->code = ledger_keep(w, ledger_get_text(res, i, 6));
		p->place = ledger_keep(w, ledger_get_text(res, i, 7));
		p->text_en = ledger_keep(w, ledger_get_text(res, i, 8));
		p->text_zh = ledger_keep(w, ledger_get_text(res, i, 9));
		*w->parked_end = p;
		w->parked_end = &p->next;
	}
}

void ledger_load_unpublished(struct ledger *g, struct hub_world *w,
	const struct ledger_position *positions, size_t n, ledger_fn *done, void *arg)
{
	struct ledger_operation *o = &g->store[0];
	struct br_err err;
	int rc = 0;

	br_err_clear(&err);
	ledger_begin_operation(o, w, done, arg);
	ledger_rows_reset(&g->pos);
	for (size_t i = 0; i < n; i++) {
		/* batches are of any system, also of one that is left out now */
		ledger_add_text(&g->pos, positions[i].published < 0 ? BR_STR_NONE
					 : positions[i].sys	    ? positions[i].sys->code
								    : BR_STR(""));
		ledger_add_int(&g->pos, positions[i].published);
		ledger_add_int(&g->pos, positions[i].next);
	}
#define CAUSED                                                                                     \
	" from unnest($1::text[], $2::int8[], $3::int8[]) u(code, lo, hi)"                         \
	" join (select id, code from casebridge.systems union all select 0, '') s"                 \
	" on u.code is null or s.code = u.code"                                                    \
	" join casebridge.history h on h.sys = s.id and h.pos >= u.lo and h.pos < u.hi"
#define UNPUBLISHED "with t as materialized (select distinct h.cid" CAUSED ") "
	rc |= ledger_rows_send(&g->pos, g->store_pg, "unpub_cases", UNPUBLISHED LEDGER_CASES_OF_T,
		ledger_on_cases, o, &err);
	rc |= ledger_rows_send(&g->pos, g->store_pg, "unpub_links", UNPUBLISHED LEDGER_LINKS_OF_T,
		ledger_on_links, o, &err);
	rc |= ledger_rows_send(&g->pos, g->store_pg, "unpub_history",
		"select h.cid, h.ver, h.sys, h.delta, (extract(epoch from h.at) * "
		"1000)::int8, h.person, h.why, h.order_id" CAUSED " order by h.cid, h.ver",
		on_unpublished_history, o, &err);
	rc |= ledger_orders_unpublished(g, &err);
	rc |= br_pg_send(g->store_pg, "unpub_parked",
		"select p.sys, p.cid, p.rec, p.lid, p.kind, p.raw, p.code, p.place, p.text_en, "
		"p.text_zh from casebridge.positions o join casebridge.parked p on p.topic = "
		"o.topic and (p.pos >= o.published and p.pos < o.next or p.pos >= -o.next and "
		"p.pos < -o.published) order by p.id",
		0, NULL, NULL, true, on_unpublished_parked, o, &err);
	rc |= br_pg_sync(g->store_pg, ledger_synced, o, &err);
	if (rc < 0) {
		ledger_fail(o, &err);
		ledger_finish(o);
	}
}
