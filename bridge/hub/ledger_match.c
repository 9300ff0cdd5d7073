/*
 * ledger_match.c - pairs of cases that may be one: those that orders are about, what became of
 * them, and cases that are merged (hub_match.h).
 */
#include "ledger_private.h"

#include "hub_decide.h"

static const enum ledger_type id_types[] = {LT_INT8, LT_END};
static const enum ledger_type sys_types[] = {LT_INT2, LT_END};
static const enum ledger_type settled_types[] = LEDGER_SETTLED_TYPES;
static const enum ledger_type merged_types[] = {LT_UUID, LT_UUID, LT_END};
static const enum ledger_type key_types[] = {LT_TEXT, LT_TEXT, LT_UUID, LT_UUID, LT_END};
static const enum ledger_type split_types[] = {
	LT_UUID, LT_UUID, LT_INT2, LT_TIME, LT_TEXT, LT_TEXT, LT_END};

static const struct {
	size_t offset;
	const enum ledger_type *types;
} all_rows[] = {
	{offsetof(struct ledger, match_ids), id_types},
	{offsetof(struct ledger, review_ids), sys_types},
	{offsetof(struct ledger, settled_matches), settled_types},
	{offsetof(struct ledger, merged), merged_types},
	{offsetof(struct ledger, moved_keys), key_types},
	{offsetof(struct ledger, splits), split_types},
};

static struct ledger_rows *rows_at(struct ledger *g, size_t i)
{
	return (struct ledger_rows *)((char *)g + all_rows[i].offset);
}

void ledger_match_init(struct ledger *g)
{
	for (size_t i = 0; i < BR_LEN(all_rows); i++)
		ledger_rows_init(rows_at(g, i), all_rows[i].types);
}

void ledger_match_release(struct ledger *g)
{
	for (size_t i = 0; i < BR_LEN(all_rows); i++)
		ledger_rows_release(rows_at(g, i));
}

/* ---- loading ---- */

static void on_matches(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res)
		ledger_fail(o, err);
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct hub_matter *m = ledger_read_matter(o, MATTER_MATCH, res, i);

		if (!m)
			return;
		m->other = ledger_get_id(res, i, 5);
		ledger_want_case(o->g, &m->other);
	}
}

static void on_reviews(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res)
		ledger_fail(o, err);
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct hub_system *s = ledger_system(o->w, ledger_get_int(res, i, 0));

		if (!s)
			continue;
		s->compared = ledger_get_bool(res, i, 1);
		s->others = ledger_get_bool(res, i, 2);
		s->undecided = ledger_get_int(res, i, 3);
	}
}

int ledger_match_ask(struct ledger *g, const struct ledger_want *want, struct br_err *err)
{
	ledger_rows_reset(&g->match_ids);
	ledger_rows_reset(&g->review_ids);
	for (size_t i = 0; i < want->nmatches; i++)
		ledger_add_int(&g->match_ids, want->matches[i]);
	for (size_t i = 0; i < want->nreviews; i++)
		ledger_add_int(&g->review_ids, want->reviews[i]->id);
	return ledger_rows_send(&g->match_ids, g->look_pg, "matches",
		       "select k.id, k.status, k.sys, k.cid, '' place, k.other from (select "
		       "distinct unnest($1::int8[]) id) u join casebridge.candidates k on k.id = "
		       "u.id",
		       on_matches, &g->look, err) |
	       ledger_rows_send(&g->review_ids, g->look_pg, "reviews",
		       "select r.sys, r.compared, r.others, r.pairs + r.unseen + (not r.compared "
		       "and r.others and r.records)::int from casebridge.reviews r where r.sys = "
		       "any($1::int2[])",
		       on_reviews, &g->look, err);
}

/* ---- storing ---- */

static void gather_merged(struct ledger *g, const struct hub_world *w)
{
	ledger_rows_reset(&g->merged);
	ledger_rows_reset(&g->moved_keys);
	for (const struct hub_case *k = w->cases; k; k = k->hh.next) {
		if (!k->merged || !k->dirty)
			continue;
		ledger_add_id(&g->merged, &k->cid);
		ledger_add_id(&g->merged, &k->merged_into);
	}
	for (const struct hub_moved_key *m = w->moved_keys; m; m = m->next) {
		ledger_add_text(&g->moved_keys, m->scheme);
		ledger_add_text(&g->moved_keys, m->value);
		ledger_add_id(&g->moved_keys, &m->from);
		ledger_add_id(&g->moved_keys, &m->to);
	}
}

static void gather_settled(struct ledger *g, const struct hub_world *w)
{
	ledger_rows_reset(&g->settled_matches);
	for (const struct hub_decision *d = w->decisions; d; d = d->next)
		if (d->status && d->matter->sort == MATTER_MATCH)
			ledger_add_settled(&g->settled_matches, d);
}

static int settle(struct ledger_operation *o, struct br_err *err)
{
	struct ledger *g = o->g;

	gather_settled(g, o->w);
	return ledger_rows_send(&g->settled_matches, g->store_pg, "settled_matches",
		"update casebridge.candidates i set " LEDGER_SETTLED, ledger_check, o, err);
}

#define MERGED " from (select unnest($1::uuid[]) a, unnest($2::uuid[]) b) u "

int ledger_match_merge(struct ledger_operation *o, struct br_err *err)
{
	struct ledger *g = o->g;

	/* Other pairs of the record, and of the case it goes to with its system: nothing is left to
	 * decide; the one that the order is about is settled by its own number. */
	static const char pairs[] =
		"update casebridge.candidates c set status = 'passed', resolved_at = now() where "
		"c.id in (with u as materialized (select m.a, m.b, l.sys from (select "
		"unnest($1::uuid[]) a, unnest($2::uuid[]) b) m join casebridge.links l on l.cid = "
		"m.a and l.lid is not null) select k.id from u join casebridge.candidates k on "
		"k.cid = u.a and k.status = 'open' union all select k.id from u join "
		"casebridge.candidates k on k.other = u.a and k.status = 'open' union all select "
		"k.id from u join casebridge.candidates k on k.other = u.b and k.status = 'open' "
		"and k.sys = u.sys union all select k.id from u join casebridge.candidates k "
		"on k.cid = u.b and k.status = 'open' and k.other_sys = u.sys)";

	gather_merged(g, o->w);
	return settle(o, err) |
	       ledger_rows_send(
		       &g->merged, g->store_pg, "merged_pairs", pairs, ledger_check, o, err) |
	       ledger_rows_send(&g->merged, g->store_pg, "merged_conflicts",
		       "update casebridge.conflicts c set cid = u.b" MERGED "where c.cid = u.a",
		       ledger_check, o, err) |
	       ledger_rows_send(&g->merged, g->store_pg, "merged_parked",
		       "update casebridge.parked c set cid = u.b" MERGED "where c.cid = u.a",
		       ledger_check, o, err) |
	       ledger_rows_send(&g->moved_keys, g->store_pg, "moved_keys",
		       "update casebridge.match_keys m set cid = u.d from unnest($1::text[], "
		       "$2::text[], $3::uuid[], $4::uuid[]) u(a, b, c, d) where m.scheme = u.a and "
		       "m.value = u.b and m.cid = u.c",
		       ledger_check, o, err) |
	       ledger_rows_send(&g->merged, g->store_pg, "merged_links",
		       "delete from casebridge.links l using (select unnest($1::uuid[]) a, "
		       "unnest($2::uuid[]) b) u where l.cid = u.a",
		       ledger_check, o, err) |
	       ledger_rows_send(&g->merged, g->store_pg, "merged_cases",
		       "delete from casebridge.cases l using (select unnest($1::uuid[]) a, "
		       "unnest($2::uuid[]) b) u where l.cid = u.a",
		       ledger_check, o, err);
}

static bool is_split(const struct hub_decision *d)
{
	return *d->kind == 's' && d->has_merged && d->outcome == OUTCOME_done;
}

/* What was taken apart is not proposed again. */
int ledger_match_apart(struct ledger_operation *o, struct br_err *err)
{
	struct ledger *g = o->g;

	ledger_rows_reset(&g->splits);
	for (const struct hub_decision *d = o->w->decisions; d; d = d->next) {
		if (!is_split(d))
			continue;
		ledger_add_id(&g->splits, &d->cid);
		ledger_add_id(&g->splits, &d->merged);
		ledger_add_int(&g->splits, d->sys->id);
		ledger_add_ms(&g->splits, d->at_ms);
		ledger_add_text(&g->splits, d->by);
		ledger_add_text(&g->splits, d->why);
	}
	return ledger_rows_send(&g->splits, g->store_pg, "splits",
		"insert into casebridge.candidates(sys, rec, lid, cid, other_sys, other_rec, "
		"other_lid, other, verdict, weight, why, status, at, resolved_at, resolved_by, "
		"resolution) select l.sys, l.rec, l.lid, l.cid, o.sys, o.rec, o.lid, o.cid, "
		"'likely', 0, '', 'rejected', u.d, u.d, u.e, u.f from (select unnest($1::uuid[]) "
		"a, unnest($2::uuid[]) b, unnest($3::int2[]) c, unnest($4::timestamptz[]) d, "
		"unnest($5::text[]) e, unnest($6::text[]) f) u join casebridge.links l on l.cid = "
		"u.a and l.sys = u.c and l.lid is not null join casebridge.links o on o.cid = u.b "
		"and o.lid is not null on conflict do nothing",
		ledger_check, o, err);
}
