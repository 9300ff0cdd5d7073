/*
 * ledger_orders.c - orders of people: which were followed before, what they are about, and what
 * became of them.
 */
#include "ledger_private.h"

#include "hub_decide.h"

static const enum ledger_type text_types[] = {LT_TEXT, LT_END};
static const enum ledger_type int_types[] = {LT_INT8, LT_END};
static const enum ledger_type order_types[] = {LT_TEXT, LT_TEXT, LT_TEXT, LT_TEXT, LT_INT2, LT_UUID,
	LT_INT8, LT_INT8, LT_TEXT, LT_INT4, LT_TEXT, LT_INT8, LT_TIME, LT_INT8, LT_UUID, LT_END};
static const enum ledger_type settled_types[] = LEDGER_SETTLED_TYPES;

void ledger_orders_init(struct ledger *g)
{
	ledger_rows_init(&g->order_ids, text_types);
	ledger_rows_init(&g->parked_ids, int_types);
	ledger_rows_init(&g->conflict_ids, int_types);
	ledger_rows_init(&g->orders, order_types);
	ledger_rows_init(&g->settled_parked, settled_types);
	ledger_rows_init(&g->settled_conflicts, settled_types);
	ledger_match_init(g);
}

void ledger_orders_release(struct ledger *g)
{
	ledger_rows_release(&g->order_ids);
	ledger_rows_release(&g->parked_ids);
	ledger_rows_release(&g->conflict_ids);
	ledger_rows_release(&g->orders);
	ledger_rows_release(&g->settled_parked);
	ledger_rows_release(&g->settled_conflicts);
	ledger_match_release(g);
}

/* ---- loading ---- */

static void on_known(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct hub_world *w = o->w;
	int n = res ? PQntuples(res) : 0;

	if (!res)
		ledger_fail(o, err);
	w->orders = br_arena_array(w->arena, struct br_str, (size_t)n + 1);
	if (!w->orders)
		w->failed = true;
	for (int i = 0; w->orders && i < n; i++)
		w->orders[w->norders++] = ledger_keep(w, ledger_get_text(res, i, 0));
}

struct hub_matter *ledger_read_matter(
	struct ledger_operation *o, enum hub_matter_sort sort, const PGresult *res, int row)
{
	struct hub_world *w = o->w;
	struct hub_matter *m = br_arena_new(w->arena, struct hub_matter);

	if (!m) {
		w->failed = true;
		return NULL;
	}
	m->sort = sort;
	m->id = ledger_get_int(res, row, 0);
	m->open = br_str_eq(ledger_get_text(res, row, 1), BR_STR("open"));
	m->sys = ledger_system(w, ledger_get_int(res, row, 2));
	m->has_case = !PQgetisnull(res, row, 3);
	m->cid = ledger_get_id(res, row, 3);
	m->place = ledger_keep(w, ledger_get_text(res, row, 4));
	if (m->has_case)
		ledger_want_case(o->g, &m->cid);
	m->next = w->matters;
	w->matters = m;
	return m;
}

bool ledger_parked_inbound(struct br_str kind)
{
	static const enum hub_parked_kind kinds[] = {
		PARKED_IN, PARKED_MESSAGE, PARKED_DUPLICATE, PARKED_VANISHED};

	for (size_t i = 0; i < BR_LEN(kinds); i++)
		if (br_str_eq(kind, br_str_z(ledger_parked_kind(kinds[i]))))
			return true;
	return false;
}

static void on_parked(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res)
		ledger_fail(o, err);
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct hub_matter *m = ledger_read_matter(o, MATTER_PARKED, res, i);

		if (!m)
			return;
		m->rec = ledger_keep(o->w, ledger_get_text(res, i, 5));
		m->lid = ledger_keep(o->w, ledger_get_text(res, i, 6));
		m->inbound = ledger_parked_inbound(ledger_get_text(res, i, 7));
	}
}

static void on_conflicts(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res)
		ledger_fail(o, err);
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct hub_matter *m = ledger_read_matter(o, MATTER_CONFLICT, res, i);

		if (m)
			m->lose = ledger_keep(o->w, ledger_get_text(res, i, 5));
	}
}

int ledger_orders_ask(struct ledger *g, const struct ledger_want *want, struct br_err *err)
{
	ledger_rows_reset(&g->order_ids);
	ledger_rows_reset(&g->parked_ids);
	ledger_rows_reset(&g->conflict_ids);
	for (size_t i = 0; i < want->norders; i++)
		ledger_add_text(&g->order_ids, want->orders[i]);
	for (size_t i = 0; i < want->nparked; i++)
		ledger_add_int(&g->parked_ids, want->parked[i]);
	for (size_t i = 0; i < want->nconflicts; i++)
		ledger_add_int(&g->conflict_ids, want->conflicts[i]);
	return ledger_rows_send(&g->order_ids, g->look_pg, "orders_known",
		       "select o.id from unnest($1::text[]) u(id) join casebridge.orders o on o.id "
		       "= u.id",
		       on_known, &g->look, err) |
	       ledger_rows_send(&g->parked_ids, g->look_pg, "orders_parked",
		       "select p.id, p.status, p.sys, p.cid, p.place, p.rec, p.lid, p.kind from "
		       "(select distinct unnest($1::int8[]) id) u join casebridge.parked p on p.id "
		       "= u.id",
		       on_parked, &g->look, err) |
	       ledger_rows_send(&g->conflict_ids, g->look_pg, "orders_conflicts",
		       "select k.id, k.status, k.sys, k.cid, k.place, k.lose from (select distinct "
		       "unnest($1::int8[]) id) u join casebridge.conflicts k on k.id = u.id",
		       on_conflicts, &g->look, err) |
	       ledger_match_ask(g, want, err);
}

/* ---- storing ---- */

static struct br_str or_empty(struct br_str s)
{
	return s.p ? s : BR_STR("");
}

static void add_order(struct ledger_rows *r, const struct hub_decision *d)
{
	ledger_add_text(r, d->order);
	ledger_add_text(r, br_str_z(d->kind));
	ledger_add_text(r, or_empty(d->by));
	ledger_add_text(r, or_empty(d->why));
	ledger_add_int(r, d->sys ? d->sys->id : 0);
	ledger_add_id(r, d->has_case ? &d->cid : NULL);
	ledger_add_int(r, d->parked);
	ledger_add_int(r, d->conflict);
	ledger_add_text(r, d->place.n ? d->place : BR_STR_NONE);
	ledger_add_int(r, d->ver);
	ledger_add_text(r, br_str_z(hub_outcome_word(d->outcome)));
	ledger_add_int(r, d->offset);
	ledger_add_ms(r, d->at_ms);
	ledger_add_int(r, d->match);
	ledger_add_id(r, d->has_merged ? &d->merged : NULL);
}

void ledger_add_settled(struct ledger_rows *r, const struct hub_decision *d)
{
	ledger_add_int(r, d->matter->id);
	ledger_add_text(r, br_str_z(d->status));
	ledger_add_ms(r, d->at_ms);
	ledger_add_text(r, d->by);
	ledger_add_text(r, or_empty(d->why));
}

static void gather(struct ledger *g, const struct hub_world *w)
{
	ledger_rows_reset(&g->orders);
	ledger_rows_reset(&g->settled_parked);
	ledger_rows_reset(&g->settled_conflicts);
	for (const struct hub_decision *d = w->decisions; d; d = d->next) {
		add_order(&g->orders, d);
		if (d->status && d->matter->sort == MATTER_PARKED)
			ledger_add_settled(&g->settled_parked, d);
		if (d->status && d->matter->sort == MATTER_CONFLICT)
			ledger_add_settled(&g->settled_conflicts, d);
	}
}

int ledger_orders_store(struct ledger_operation *o, struct br_err *err)
{
	struct ledger *g = o->g;

	gather(g, o->w);
	return ledger_rows_send(&g->orders, g->store_pg, "orders",
		       "insert into casebridge.orders(id, kind, person, why, sys, cid, parked, "
		       "conflict, place, ver, outcome, pos, at, match, merged) select a, b, c, d, "
		       "nullif(e, 0), f, nullif(g, 0), nullif(h, 0), i, nullif(j, 0), k, l, m, "
		       "nullif(n, 0), o from (select "
		       "unnest($1::text[]) a, unnest($2::text[]) b, unnest($3::text[]) c, "
		       "unnest($4::text[]) d, unnest($5::int2[]) e, unnest($6::uuid[]) f, "
		       "unnest($7::int8[]) g, unnest($8::int8[]) h, unnest($9::text[]) i, "
		       "unnest($10::int4[]) j, unnest($11::text[]) k, unnest($12::int8[]) l, "
		       "unnest($13::timestamptz[]) m, unnest($14::int8[]) n, unnest($15::uuid[]) "
		       "o) t",
		       ledger_check, o, err) |
	       ledger_rows_send(&g->settled_parked, g->store_pg, "orders_settle_parked",
		       "update casebridge.parked i set tries = tries + 1, " LEDGER_SETTLED,
		       ledger_check, o, err) |
	       ledger_rows_send(&g->settled_conflicts, g->store_pg, "orders_settle_conflicts",
		       "update casebridge.conflicts i set " LEDGER_SETTLED, ledger_check, o, err);
}

/* ---- telling again ---- */

static enum hub_outcome outcome_of(struct br_str word)
{
	for (int i = OUTCOME_done; i <= OUTCOME_live; i++)
		if (br_str_eq(word, br_str_z(hub_outcome_word((enum hub_outcome)i))))
			return (enum hub_outcome)i;
	return OUTCOME_unknown;
}

static void on_unpublished(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct hub_world *w = o->w;

	if (!res)
		ledger_fail(o, err);
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct hub_decision *d = br_arena_new(w->arena, struct hub_decision);
		struct br_str kind = ledger_keep(w, ledger_get_text(res, i, 1));

		if (!d) {
			w->failed = true;
			return;
		}
		d->order = ledger_keep(w, ledger_get_text(res, i, 0));
		d->kind = kind.n ? kind.p : "";
		d->by = ledger_keep(w, ledger_get_text(res, i, 2));
		d->why = ledger_keep(w, ledger_get_text(res, i, 3));
		d->sys = ledger_system(w, ledger_get_int(res, i, 4));
		d->cid = ledger_get_id(res, i, 5);
		d->has_case = !PQgetisnull(res, i, 5);
		d->parked = ledger_get_int(res, i, 6);
		d->conflict = ledger_get_int(res, i, 7);
		d->place = ledger_keep(w, ledger_get_text(res, i, 8));
		d->ver = (int32_t)ledger_get_int(res, i, 9);
		d->outcome = outcome_of(ledger_get_text(res, i, 10));
		d->at_ms = ledger_get_int(res, i, 11);
		d->match = ledger_get_int(res, i, 12);
		d->merged = ledger_get_id(res, i, 13);
		d->has_merged = !PQgetisnull(res, i, 13);
		*w->decisions_end = d;
		w->decisions_end = &d->next;
	}
}

int ledger_orders_unpublished(struct ledger *g, struct br_err *err)
{
	return ledger_rows_send(&g->pos, g->store_pg, "unpub_orders",
		"select o.id, o.kind, o.person, o.why, o.sys, o.cid, o.parked, o.conflict, "
		"o.place, o.ver, o.outcome, (extract(epoch from o.at) * 1000)::int8, o.match, "
		"o.merged from "
		"unnest($1::text[], $2::int8[], $3::int8[]) u(code, lo, hi) join "
		"casebridge.orders o on u.code = '' and o.pos >= u.lo and o.pos < u.hi order by "
		"o.pos",
		on_unpublished, &g->store[0], err);
}
