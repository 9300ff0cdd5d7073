/*
 * ledger_store.c - from the world to rows: the positions are taken, then one statement per table
 * and kind, the positions are moved, commit. All of it is sent at once.
 */
#include "ledger_private.h"
#include "br_crash.h"

#define SMALL_BATCH 100 /* cases */

static struct br_str json_text(struct ledger_operation *o, struct br_jw *w)
{
	if (br_jw_failed(w))
		o->w->failed = true;
	return br_buf_str(&o->g->json);
}

struct br_str ledger_json_image(
	struct ledger_operation *o, const struct image *img, const struct shape *shape)
{
	struct br_jw w;

	br_buf_reset(&o->g->json);
	br_jw_init(&w, &o->g->json);
	image_write(img, shape, &w);
	return json_text(o, &w);
}

struct br_str ledger_json_versions(struct ledger_operation *o, const struct versions *v)
{
	struct br_jw w;

	br_buf_reset(&o->g->json);
	br_jw_init(&w, &o->g->json);
	versions_write(v, o->w->schema->shape, &w);
	return json_text(o, &w);
}

static struct br_str json_doc(struct ledger_operation *o, const struct hub_case *k)
{
	struct br_jw w;

	br_buf_reset(&o->g->json);
	br_jw_init(&w, &o->g->json);
	br_jw_object(&w);
	case_write(o->w->schema, &k->doc, &w);
	br_jw_end_object(&w);
	return json_text(o, &w);
}

static struct br_str json_inflight(struct ledger_operation *o, struct hub_link *l)
{
	struct hub_inflight *f = &l->inflight;
	const struct br_buf *b = &o->g->json;
	size_t set_at;
	struct br_jw w;

	if (!l->map)
		return l->raw_inflight;
	if (!f->on)
		return BR_STR_NONE;
	br_buf_reset(&o->g->json);
	br_jw_init(&w, &o->g->json);
	br_jw_object(&w);
	br_jw_kstr(&w, "op", f->op == OP_CREATE ? BR_STR("create") : BR_STR("update"));
	br_jw_kint(&w, "inc", f->incarnation);
	br_jw_kint(&w, "ver", f->ver);
	if (f->attempted)
		br_jw_kbool(&w, "attempted", true);
	if (f->pending)
		br_jw_kbool(&w, "pending", true);
	if (f->restores)
		br_jw_kint(&w, "restores", f->restores);
	if (!f->all) {
		struct versions places = {
			.dflt = 0, .n = f->nplaces, .room = f->nplaces, .at = f->places};

		br_jw_name(&w, "places");
		versions_write(&places, o->w->schema->shape, &w);
	}
	br_jw_name(&w, "set");
	set_at = b->n;
	image_write(&f->set, map_shape(l->map), &w);
	if (!br_jw_failed(&w))
		f->set_json =
			br_arena_copy(o->w->arena, (struct br_str){b->p + set_at, b->n - set_at});
	if (f->own_base) {
		br_jw_name(&w, "base");
		image_write(&f->base, map_shape(l->map), &w);
	}
	br_jw_end_object(&w);
	return json_text(o, &w);
}

static void add_case(struct ledger_operation *o, struct hub_case *k)
{
	struct ledger *g = o->g;
	struct ledger_rows *r = k->is_new ? &g->new_cases : &g->cases;
	struct br_str had = BR_STR("");

	for (size_t i = 0; i < k->nhad; i++)
		had = i == 0 ? k->had[0]
			     : br_arena_printf(o->w->arena, "%.*s %.*s", BR_STR_ARG(had),
				       BR_STR_ARG(k->had[i]));
	ledger_add_id(r, &k->cid);
	ledger_add_int(r, k->ver);
	k->json = br_arena_copy(o->w->arena, json_doc(o, k));
	ledger_add_text(r, k->json);
	ledger_add_text(r, ledger_json_versions(o, &k->fver));
	ledger_add_text(r, had);
	ledger_add_ms(r, k->created_ms);
	ledger_add_ms(r, k->updated_ms);
}

static void add_link(struct ledger_operation *o, struct hub_link *l)
{
	struct ledger *g = o->g;
	struct ledger_rows *r = l->is_new ? &g->new_links : &g->links;

	ledger_add_id(r, &l->kase->cid);
	ledger_add_int(r, l->sys->id);
	ledger_add_text(r, l->rec);
	ledger_add_text(r, l->lid.n ? l->lid : BR_STR_NONE);
	ledger_add_text(r, br_str_z(ledger_link_state(l->state)));
	ledger_add_text(r, l->map	     ? ledger_json_image(o, &l->shadow, map_shape(l->map))
			   : l->raw_shadow.n ? l->raw_shadow
					     : BR_STR("{}"));
	ledger_add_text(r, ledger_json_versions(o, &l->held));
	ledger_add_text(r, l->tries.n ? ledger_json_versions(o, &l->tries) : BR_STR_NONE);
	ledger_add_int(r, l->n);
	ledger_add_text(r, json_inflight(o, l));
	ledger_add_text(r, l->ref.n ? l->ref : BR_STR_NONE);
	ledger_add_bool(r, l->due);
	ledger_add_int(r, l->based);
	ledger_past_add(o, l);
}

static struct br_str topic_of(const struct ledger *g, int source)
{
	return g->positions[source].topic;
}

static void add_lists(struct ledger *g, const struct hub_world *w)
{

	for (struct hub_match_key *m = w->keys; m; m = m->hh.next) {
		if (!m->is_new)
			continue;
		ledger_add_text(&g->match, m->scheme);
		ledger_add_text(&g->match, m->value);
		ledger_add_id(&g->match, &m->kase->cid);
	}
	for (struct hub_history *h = w->history; h; h = h->next) {
		ledger_add_id(&g->history, &h->kase->cid);
		ledger_add_int(&g->history, h->ver);
		ledger_add_int(&g->history, h->sys ? h->sys->id : 0);
		ledger_add_text(&g->history, h->delta);
		ledger_add_int(&g->history, h->offset);
		ledger_add_ms(&g->history, h->at_ms);
		ledger_add_text(&g->history, h->by);
		ledger_add_text(&g->history, h->why);
		ledger_add_text(&g->history, h->order);
	}
	for (struct hub_conflict *c = w->conflicts; c; c = c->next) {
		ledger_add_id(&g->conflicts, &c->kase->cid);
		ledger_add_int(&g->conflicts, c->sys->id);
		ledger_add_text(&g->conflicts, br_str_z(ledger_conflict_kind(c->kind)));
		ledger_add_text(&g->conflicts, c->place);
		ledger_add_text(&g->conflicts, c->win);
		ledger_add_text(&g->conflicts, c->lose);
		ledger_add_text(&g->conflicts, topic_of(g, c->source));
		ledger_add_int(&g->conflicts, c->offset);
		ledger_add_ms(&g->conflicts, c->at_ms);
		ledger_add_int(&g->conflicts, c->lost_ver);
	}
	for (struct hub_unpark *u = w->unparked; u; u = u->next) {
		ledger_add_int(&g->unparked, u->sys->id);
		ledger_add_id(&g->unparked, u->kase ? &u->kase->cid : NULL);
		ledger_add_text(&g->unparked, u->rec);
		ledger_add_text(&g->unparked, u->lid);
		ledger_add_text(&g->unparked, br_str_z(u->how));
		ledger_add_int(&g->unparked, (int64_t)u->seen);
	}
}

static struct br_str or_empty(struct br_str s)
{
	return s.p ? s : BR_STR("");
}

static void add_parked(struct ledger *g, const struct hub_world *w)
{
	for (struct hub_parked *p = w->parked; p; p = p->next) {
		struct ledger_rows *r = &g->parked;

		ledger_add_int(r, p->sys->id);
		ledger_add_id(r, p->kase ? &p->kase->cid : NULL);
		ledger_add_text(r, or_empty(p->rec));
		ledger_add_text(r, or_empty(p->lid));
		ledger_add_text(r, br_str_z(ledger_parked_kind(p->kind)));
		ledger_add_text(r, p->raw);
		ledger_add_text(r, or_empty(p->code));
		ledger_add_text(r, or_empty(p->place));
		ledger_add_text(r, or_empty(p->text_en));
		ledger_add_text(r, or_empty(p->text_zh));
		ledger_add_text(r, or_empty(p->next_en));
		ledger_add_text(r, or_empty(p->next_zh));
		ledger_add_text(r, topic_of(g, p->source));
		ledger_add_int(r, p->offset);
		ledger_add_ms(r, p->at_ms);
		ledger_add_text(r, br_str_z(p->how ? p->how : "open"));
		ledger_add_int(r, (int64_t)p->seen);
	}
}

static void gather(struct ledger_operation *o)
{
	struct ledger *g = o->g;
	struct ledger_rows *all[] = {&g->new_cases, &g->cases, &g->new_links, &g->links, &g->past,
		&g->freed, &g->passed, &g->settled, &g->match, &g->history, &g->conflicts,
		&g->parked, &g->unparked, &g->before, &g->pos};

	for (size_t i = 0; i < BR_LEN(all); i++)
		ledger_rows_reset(all[i]);
	for (struct hub_case *k = o->w->cases; k; k = k->hh.next) {
		if (k->merged)
			continue;
		if (k->dirty)
			add_case(o, k);
		for (struct hub_link *l = k->links; l; l = l->next) {
			if (l->settled) {
				ledger_add_id(&g->settled, &k->cid);
				ledger_add_int(&g->settled, l->sys->id);
			} else if (l->dirty) {
				add_link(o, l);
			}
		}
	}
	add_lists(g, o->w);
	add_parked(g, o->w);
}

/* What an earlier observation parked is superseded by this one before new rows come in. Either arm
 * has all the keys of its index: what is said once, outside, is no part of them. */
static const char unpark_sql[] =
	"update casebridge.parked p set status = u.how, resolved_at = now(), "
	"resolved_by = 'casebridge' from (select unnest($1::int2[]) sys, "
	"unnest($2::uuid[]) cid, unnest($3::text[]) rec, unnest($4::text[]) lid, "
	"unnest($5::text[]) how, unnest($6::int8[]) seen) u where p.status = 'open' and p.sys = "
	"u.sys and (u.seen = 0 or p.seen <> u.seen) and p.rec = u.rec and (p.cid = u.cid or "
	"((p.cid is null or u.cid is null) and p.sys = u.sys and p.rec = u.rec and p.lid = "
	"u.lid))";

/* Arrays are unnested side by side in the select list, not as a table function: that would put each
 * of them down and pick it up again. */
static int send_rows(struct ledger_operation *o, struct br_err *err)
{
	struct ledger *g = o->g;
	struct br_pg *pg = g->store_pg;
	int rc = ledger_match_merge(o, err);

	rc |= ledger_rows_send(&g->new_cases, pg, "new_cases",
		"insert into casebridge.cases(cid, ver, doc, fver, had, created_at, "
		"updated_at) select a, b, c, d, string_to_array(e, ' '), f, g from (select "
		"unnest($1::uuid[]) a, unnest($2::int4[]) b, unnest($3::text[]) c, "
		"unnest($4::text[]) d, unnest($5::text[]) e, unnest($6::timestamptz[]) f, "
		"unnest($7::timestamptz[]) g) t",
		ledger_check, o, err);
	rc |= ledger_rows_send(&g->cases, pg, "cases",
		"update casebridge.cases k set ver = b, doc = c, fver = d, had = "
		"string_to_array(e, ' '), updated_at = g from (select unnest($1::uuid[]) a, "
		"unnest($2::int4[]) b, unnest($3::text[]) c, unnest($4::text[]) d, "
		"unnest($5::text[]) e, unnest($6::timestamptz[]) f, "
		"unnest($7::timestamptz[]) g) t where k.cid = t.a",
		ledger_check, o, err);
	rc |= ledger_past_store(o, err);
	rc |= ledger_rows_send(&g->links, pg, "links",
		"update casebridge.links l set lid = d, state = e, shadow = f, held = g, "
		"tries = h, n = i, inflight = j, ref = k, due = m, based = o from (select "
		"unnest($1::uuid[]) a, unnest($2::int2[]) b, unnest($3::text[]) c, "
		"unnest($4::text[]) d, unnest($5::text[]) e, unnest($6::text[]) f, "
		"unnest($7::text[]) g, unnest($8::text[]) h, unnest($9::int8[]) i, "
		"unnest($10::text[]) j, unnest($11::text[]) k, unnest($12::bool[]) m, "
		"unnest($13::int4[]) o) t "
		"where l.cid = t.a and l.sys = t.b and l.rec = t.c",
		ledger_check, o, err);
	rc |= ledger_rows_send(&g->new_links, pg, "new_links",
		"insert into casebridge.links(cid, sys, rec, lid, state, shadow, held, "
		"tries, n, inflight, ref, due, based) select unnest($1::uuid[]), "
		"unnest($2::int2[]), unnest($3::text[]), unnest($4::text[]), "
		"unnest($5::text[]), unnest($6::text[]), unnest($7::text[]), "
		"unnest($8::text[]), unnest($9::int8[]), unnest($10::text[]), "
		"unnest($11::text[]), unnest($12::bool[]), unnest($13::int4[])",
		ledger_check, o, err);
	rc |= ledger_rows_send(&g->settled, pg, "settled",
		"delete from casebridge.links l using unnest($1::uuid[], $2::int2[]) t(a, b) where "
		"l.cid = t.a and l.sys = t.b and l.rec = ''",
		ledger_check, o, err);
	rc |= ledger_rows_send(&g->match, pg, "match",
		"insert into casebridge.match_keys(scheme, value, cid) select "
		"unnest($1::text[]), unnest($2::text[]), unnest($3::uuid[]) on conflict do "
		"nothing",
		ledger_check, o, err);
	rc |= ledger_rows_send(&g->history, pg, "history",
		"insert into casebridge.history(cid, ver, sys, delta, pos, at, person, why, "
		"order_id) select unnest($1::uuid[]), unnest($2::int4[]), unnest($3::int2[]), "
		"unnest($4::text[]), unnest($5::int8[]), unnest($6::timestamptz[]), "
		"unnest($7::text[]), unnest($8::text[]), unnest($9::text[])",
		ledger_check, o, err);
	rc |= ledger_rows_send(&g->conflicts, pg, "conflicts",
		"insert into casebridge.conflicts(cid, sys, lost_by, kind, place, win, lose, "
		"topic, pos, at) select a, coalesce(nullif((select h.sys from "
		"casebridge.history h where h.cid = a and h.ver = j), 0), b), (select h.person "
		"from casebridge.history h where h.cid = a and h.ver = j), c, d, e, f, g, h, i "
		"from (select "
		"unnest($1::uuid[]) a, unnest($2::int2[]) b, unnest($3::text[]) c, "
		"unnest($4::text[]) d, unnest($5::json[]) e, unnest($6::json[]) f, "
		"unnest($7::text[]) g, unnest($8::int8[]) h, unnest($9::timestamptz[]) i, "
		"unnest($10::int4[]) j) t",
		ledger_check, o, err);
	rc |= ledger_orders_store(o, err);
	rc |= ledger_match_apart(o, err);
	rc |= ledger_rows_send(&g->unparked, pg, "unparked", unpark_sql, ledger_check, o, err);
	rc |= ledger_rows_send(&g->parked, pg, "parked",
		"insert into casebridge.parked(sys, cid, rec, lid, kind, raw, code, place, "
		"text_en, text_zh, next_en, next_zh, topic, pos, at, status, seen) select * from "
		"(select unnest($1::int2[]) sys, unnest($2::uuid[]), unnest($3::text[]) rec, "
		"unnest($4::text[]) lid, unnest($5::text[]), unnest($6::bytea[]), "
		"unnest($7::text[]), unnest($8::text[]), unnest($9::text[]), "
		"unnest($10::text[]), unnest($11::text[]), unnest($12::text[]), "
		"unnest($13::text[]), unnest($14::int8[]), unnest($15::timestamptz[]), "
		"unnest($16::text[]), unnest($17::int8[]) seen) t where t.seen = 0 or not exists "
		"(select from casebridge.parked q where q.sys = t.sys and q.rec = t.rec and q.lid "
		"= t.lid and q.seen = t.seen and q.seen <> 0 and q.status in ('open', "
		"'dropped'))",
		ledger_check, o, err);
	return rc;
}

static int send_system(struct ledger_operation *o, struct hub_system *s, struct br_err *err)
{
	struct br_arena *a = o->w->arena;
	struct br_str id = br_arena_printf(a, "%d", s->id),
		      epoch = br_arena_printf(a, "%lld", (long long)s->epoch);
	struct br_str seq = br_arena_printf(a, "%lld", (long long)s->last_seq),
		      beat = br_arena_printf(a, "%lld", (long long)s->beat);
	struct br_str contact = br_arena_printf(a, "%lld", (long long)s->last_contact_ms);
	struct br_str sweep = br_arena_printf(a, "%lld", (long long)s->sweep_done_ms);
	struct br_str taken = br_arena_printf(a, "%lld", (long long)s->taken),
		      restores = br_arena_printf(a, "%d", s->restores);
	struct br_str owed = s->owes ? ledger_id_text(o->w, &s->owed) : BR_STR_NONE;
	struct br_str counters = br_arena_copy(a, ledger_counters_text(&s->count, &o->g->json));
	struct br_pg_param p[] = {{id.p, 0, false}, {ledger_sys_state(s->state), 0, false},
		{epoch.p, 0, false}, {s->nonce, 0, false}, {s->inc, 0, false}, {beat.p, 0, false},
		{seq.p, 0, false}, {s->cursor.n ? s->cursor.p : NULL, 0, false},
		{contact.p, 0, false}, {s->bye ? "t" : "f", 0, false},
		{s->transactional ? "t" : "f", 0, false}, {sweep.p, 0, false},
		{counters.p, 0, false}, {owed.p, 0, false}, {taken.p, 0, false},
		{restores.p, 0, false}};

	s->dirty = false;
	return br_pg_send(o->g->store_pg, "system",
		"update casebridge.systems set state = $2, epoch = $3::int8, nonce = $4, inc = $5, "
		"beat = $6::int8, last_seq = $7::int8,"
		" cursor = $8::json, last_contact = to_timestamp($9::int8 / 1000.0), bye = "
		"$10::bool, transactional = $11::bool,"
		" sweep_done = case when $12::int8 > 0 then to_timestamp($12::int8 / 1000.0) else "
		"sweep_done end, counters = $13::json, owed = $14::uuid, taken = "
		"$15::int8, restores = $16::int4 where id = $1::int2",
		BR_LEN(p), NULL, p, true, ledger_check, o, err);
}

/* Another bridge has been here, or the batch before this one was not stored. */
static void on_taken(void *arg, const PGresult *res, const struct br_err *err)
{
	const char *state = res ? NULL : br_err_detail(err, "sqlstate");
	struct br_err taken;

	if (!state || strcmp(state, "CB001") != 0) {
		ledger_check(arg, res, err);
		return;
	}
	br_err_clear(&taken);
	br_err_set(&taken, BR_E_HUB_POSITION_TAKEN, "topic", br_err_detail(err, "why"), NULL);
	ledger_fail(arg, &taken);
}

/* Who opened the ledger last is the bridge: a batch without input moves no position, and would go
 * unnoticed by another. */
static int send_take(struct ledger_operation *o, struct br_err *err)
{
	struct ledger *g = o->g;
	struct br_str incarnation =
		br_arena_printf(o->w->arena, "%lld", (long long)o->w->incarnation);
	struct br_pg_param p[] = {{incarnation.p, 0, false}};

	return br_pg_send(
		       g->store_pg, "begin", "begin", 0, NULL, NULL, true, ledger_check, o, err) |
	       br_pg_send(g->store_pg, "expect", "select casebridge.expect_incarnation($1::int8)",
		       1, NULL, p, true, on_taken, o, err) |
	       ledger_rows_send(&g->before, g->store_pg, "take",
		       "select casebridge.take_positions($1::text[], $2::int8[])", on_taken, o,
		       err);
}

static bool is_awaited(const struct hub_case *k)
{
	for (const struct hub_link *l = k->links; l; l = l->next)
		if (l->inflight.on)
			return true;
	return false;
}

/* Of a large batch only what will be answered soon; of a small one all, for who edits a case often
 * does so again. */
static void remember(struct ledger *g, const struct hub_world *w)
{
	bool small = HASH_COUNT(w->cases) <= SMALL_BATCH;

	for (const struct hub_case *k = w->cases; k; k = k->hh.next)
		if (!k->merged && (small || is_awaited(k)))
			ledger_cache_keep(&g->cache, k);
		else
			ledger_cache_drop(&g->cache, &k->cid);
}

static void rolled_back(void *arg, const PGresult *res, const struct br_err *err)
{
	(void)res;
	(void)err;
	ledger_finish(arg);
}

/* A failed unit leaves the transaction open on the server, and its locks would keep others waiting:
 * it is closed before the owner hears of it. */
static void stored(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct br_pg *pg = o->g->store_pg;
	struct br_err e;

	if (!res)
		ledger_fail(o, err);
	BR_CRASH_POINT("ledger.committed");
	if (!o->failed)
		remember(o->g, o->w);
	br_err_clear(&e);
	if (!o->failed || br_pg_state(pg) != BR_PG_UP ||
		br_pg_send(pg, "rollback", "rollback", 0, NULL, NULL, true, NULL, NULL, &e) < 0 ||
		br_pg_sync(pg, rolled_back, o, &e) < 0)
		ledger_finish(o);
}

/* The record of the batch, in the place of one that is long on the journal. */
static int send_folded(struct ledger_operation *o, struct br_err *err)
{
	const struct hub_kept *f = &o->w->folded;
	struct br_str slot = br_arena_printf(o->w->arena, "%lld", (long long)(f->c % HUB_KEPT)),
		      c = br_arena_printf(o->w->arena, "%lld", (long long)f->c),
		      text = br_arena_copy(o->w->arena, f->text); /* NUL behind it */
	struct br_pg_param p[] = {{slot.p, 0, false}, {c.p, 0, false}, {text.p, 0, false}};

	if (!f->text.n)
		return 0;
	return br_pg_send(o->g->store_pg, "folded",
		"insert into casebridge.folded as f (slot, c, record) values ($1::int2, $2::int8, "
		"$3) on conflict (slot) do update set c = excluded.c, record = excluded.record",
		BR_LEN(p), NULL, p, true, ledger_check, o, err);
}

static int send_batch(struct ledger_operation *o, const struct ledger_position *before,
	const struct ledger_position *after, size_t n, struct br_err *err)
{
	struct ledger *g = o->g;
	int rc;

	for (size_t i = 0; i < n; i++) {
		ledger_add_text(&g->before, before[i].topic);
		ledger_add_int(&g->before, before[i].next);
		ledger_add_text(&g->pos, after[i].topic);
		ledger_add_int(&g->pos, after[i].next);
		ledger_add_int(&g->pos, after[i].published);
	}
	BR_CRASH_POINT("ledger.storing");
	rc = send_take(o, err);
	rc |= send_rows(o, err);
	BR_CRASH_POINT("ledger.rows_sent");
	for (size_t i = 0; i < o->w->nsystems; i++)
		if (o->w->systems[i].dirty)
			rc |= send_system(o, &o->w->systems[i], err);
	rc |= ledger_rows_send(&g->pos, g->store_pg, "move",
		"update casebridge.positions p set next = u.n, published = u.o from (select "
		"unnest($1::text[]) t, unnest($2::int8[]) n, unnest($3::int8[]) o) u where "
		"p.topic = u.t",
		ledger_check, o, err);
	rc |= send_folded(o, err);
	rc |= br_pg_send(
		g->store_pg, "commit", "commit", 0, NULL, NULL, true, ledger_check, o, err);
	BR_CRASH_POINT("ledger.commit_sent");
	rc |= br_pg_sync(g->store_pg, stored, o, err);
	BR_CRASH_POINT("ledger.commit_flushed");
	return rc;
}

void ledger_store(struct ledger *g, struct hub_world *w, const struct ledger_position *before,
	const struct ledger_position *after, size_t n, ledger_fn *done, void *arg)
{
	struct ledger_operation *o = &g->store[g->nstores++ % LEDGER_STORES];
	struct br_err err;

	br_err_clear(&err);
	ledger_begin_operation(o, w, done, arg);
	g->positions = after;
	g->npositions = n;
	gather(o);
	if (w->failed)
		br_err_set(&err, BR_E_NOMEM, NULL);
	else if (send_batch(o, before, after, n, &err) >= 0)
		return;
	ledger_fail(o, &err);
	ledger_finish(o);
}
