/*
 * ledger_load.c - from rows to the world.
 */
#include "ledger_private.h"

#include "hub_copy.h"

/* Result bytes go with the result; what the world keeps is copied into its arena. */
struct br_str ledger_keep(struct hub_world *w, struct br_str s)
{
	struct br_str copy;

	if (!s.p || s.n == 0)
		return BR_STR_NONE;
	copy = br_arena_copy(w->arena, s);
	if (!copy.p)
		w->failed = true;
	return copy;
}

bool ledger_read_image(struct ledger_operation *o, struct br_str json, const struct shape *shape,
	struct image *out)
{
	struct hub_world *w = o->w;
	struct br_err err;
	struct br_jr r;

	*out = (struct image){NULL, 0};
	if (!json.n)
		return true;
	br_err_clear(&err);
	br_jr_init(&r, ledger_keep(w, json), w->arena, &err);
	/* a column that the mapping no longer has is no reason to lose the rest */
	if (image_read(&r, shape, true, w->arena, out) == 0)
		return true;
	ledger_fail(o, &err);
	return false;
}

bool ledger_read_versions(struct ledger_operation *o, struct br_str json, struct versions *out)
{
	struct hub_world *w = o->w;
	struct br_err err;
	struct br_jr r;

	*out = (struct versions){0};
	if (!json.n)
		return true;
	br_err_clear(&err);
	br_jr_init(&r, ledger_keep(w, json), w->arena, &err);
	if (versions_read(&r, w->schema->shape, w->arena, out) == 0)
		return true;
	ledger_fail(o, &err);
	return false;
}

static void read_had(struct hub_world *w, struct hub_case *k, struct br_str s)
{
	struct br_str text = ledger_keep(w, s);
	size_t n = text.n ? 1 : 0, at = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ' ';
	k->had = n ? br_arena_array(w->arena, struct br_str, n) : NULL;
	if (n && !k->had) {
		w->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		size_t from = at;

		while (at < text.n && text.p[at] != ' ')
			at++;
		k->had[k->nhad++] = (struct br_str){text.p + from, at - from};
		at++;
	}
}

void ledger_read_case(struct ledger_operation *o, const PGresult *res, int row)
{
	struct hub_world *w = o->w;
	struct hub_id cid = ledger_get_id(res, row, 0);
	struct hub_case *k;
	struct br_err err;
	struct br_jr r;

	if (hub_world_case(w, &cid))
		return;
	k = hub_world_add_case(w, &cid);
	if (!k)
		return;
	k->ver = (int32_t)ledger_get_int(res, row, 1);
	br_err_clear(&err);
	br_jr_init(&r, ledger_keep(w, ledger_get_text(res, row, 2)), w->arena, &err);
	if (br_jr_next(&r) != BR_JT_OBJECT || case_read(w->schema, &r, true, w->arena, &k->doc) < 0)
		ledger_fail(o, &err);
	ledger_read_versions(o, ledger_get_text(res, row, 3), &k->fver);
	read_had(w, k, ledger_get_text(res, row, 4));
	k->created_ms = ledger_get_int(res, row, 5);
	k->updated_ms = ledger_get_int(res, row, 6);
}

static enum hub_link_state link_state_of(struct br_str s)
{
	for (int i = LINK_IDLE; i <= LINK_MATCHED; i++)
		if (br_str_eq(s, br_str_z(ledger_link_state((enum hub_link_state)i))))
			return (enum hub_link_state)i;
	return LINK_PARKED;
}

/* {"op":"create","inc":..,"ver":..,"set":{..},"base":{..},"places":{..},"attempted":true} */
static void read_inflight(struct ledger_operation *o, struct hub_link *l, struct br_str json)
{
	struct hub_world *w = o->w;
	struct hub_inflight *f = &l->inflight;
	struct versions places = {0};
	const struct shape *shape;
	enum br_json_token t;
	struct br_err err;
	struct br_jr r;
	int64_t v = 0;

	if (!json.n || !l->map)
		return;
	shape = map_shape(l->map);
	br_err_clear(&err);
	br_jr_init(&r, ledger_keep(w, json), w->arena, &err);
	f->on = true;
	f->all = true;
	t = br_jr_next(&r);
	while (t != BR_JT_END_OBJECT) {
		if (t == BR_JT_ERROR || t == BR_JT_END) {
			ledger_fail(o, &err);
			return;
		}
		if (t == BR_JT_KEY) {
			struct br_str key = r.text;
			int rc = 0;

			if (br_str_eq(key, BR_STR("set"))) {
				rc = image_read_set(&r, shape, true, w->arena, &f->set);
			} else if (br_str_eq(key, BR_STR("base"))) {
				rc = image_read(&r, shape, true, w->arena, &f->base);
				f->own_base = true;
			} else if (br_str_eq(key, BR_STR("places"))) {
				rc = versions_read(&r, w->schema->shape, w->arena, &places);
				f->all = false;
			} else {
				t = br_jr_next(&r);
				if (br_str_eq(key, BR_STR("op")))
					f->op = br_str_eq(r.text, BR_STR("create")) ? OP_CREATE
										    : OP_UPDATE;
				else if (br_str_eq(key, BR_STR("attempted")))
					f->attempted = t == BR_JT_TRUE;
				else if (br_str_eq(key, BR_STR("pending")))
					f->pending = t == BR_JT_TRUE;
				else if (t == BR_JT_NUMBER && br_json_int64(r.text, &v) &&
					 br_str_eq(key, BR_STR("inc")))
					f->incarnation = v;
				else if (t == BR_JT_NUMBER && br_str_eq(key, BR_STR("ver")))
					f->ver = (int32_t)v;
				else if (t == BR_JT_NUMBER && br_str_eq(key, BR_STR("restores")))
					f->restores = (int32_t)v;
			}
			if (rc < 0) {
				ledger_fail(o, &err);
				return;
			}
		}
		t = br_jr_next(&r);
	}
	f->places = places.at;
	f->nplaces = places.n;
}

struct hub_system *ledger_system(struct hub_world *w, int64_t id)
{
	for (size_t i = 0; i < w->nsystems; i++)
		if (id && w->systems[i].id == id)
			return &w->systems[i];
	return NULL;
}

struct hub_link *ledger_read_link(struct ledger_operation *o, const PGresult *res, int row)
{
	struct hub_world *w = o->w;
	struct hub_id cid = ledger_get_id(res, row, 0);
	struct hub_case *k = hub_world_case(w, &cid);
	struct hub_system *s = ledger_system(w, ledger_get_int(res, row, 1));
	struct br_str rec = ledger_get_text(res, row, 2);
	struct hub_link *l;

	/* a system taken out of the site keeps its rows; nothing is done with them */
	if (!k || !s)
		return NULL;
	l = hub_case_link(k, s, rec);
	if (l)
		return l;
	l = hub_world_add_link(
		w, k, s, ledger_keep(w, rec), ledger_keep(w, ledger_get_text(res, row, 3)));
	if (!l)
		return NULL;
	l->state = link_state_of(ledger_get_text(res, row, 4));
	if (l->map) {
		ledger_read_image(o, ledger_get_text(res, row, 5), map_shape(l->map), &l->shadow);
	} else {
		l->raw_shadow = ledger_keep(w, ledger_get_text(res, row, 5));
		l->raw_inflight = ledger_keep(w, ledger_get_text(res, row, 9));
	}
	ledger_read_versions(o, ledger_get_text(res, row, 6), &l->held);
	ledger_read_versions(o, ledger_get_text(res, row, 7), &l->tries);
	l->n = ledger_get_int(res, row, 8);
	read_inflight(o, l, ledger_get_text(res, row, 9));
	l->ref = ledger_keep(w, ledger_get_text(res, row, 10));
	l->due = ledger_get_bool(res, row, 11);
	l->based = (int32_t)ledger_get_int(res, row, 12);
	l->stored = l->shadow;
	return l;
}

void ledger_on_cases(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res) {
		ledger_fail(o, err);
		return;
	}
	for (int i = 0; i < PQntuples(res); i++)
		ledger_read_case(o, res, i);
}

void ledger_on_links(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res) {
		ledger_fail(o, err);
		return;
	}
	for (int i = 0; i < PQntuples(res); i++)
		ledger_read_link(o, res, i);
}

/* Remembers what a row of the first look says about a case that may not be here yet. */
static struct ledger_named *name_cases(
	struct ledger_operation *o, const PGresult *res, const struct br_err *err, size_t *n)
{
	int rows = res ? PQntuples(res) : 0;
	struct ledger_named *named =
		br_arena_array(o->w->arena, struct ledger_named, (size_t)rows + 1);

	if (!res)
		ledger_fail(o, err);
	if (!named)
		o->w->failed = true;
	for (int i = 0; named && i < rows; i++) {
		named[i].cid = ledger_get_id(res, i, 0);
		named[i].a = ledger_keep(o->w, ledger_get_text(res, i, 1));
		named[i].b = PQnfields(res) > 2 ? ledger_keep(o->w, ledger_get_text(res, i, 2))
						: BR_STR_NONE;
	}
	*n = named ? (size_t)rows : 0;
	return named;
}

/* What is known here: as a batch that is still being stored left it, or as it was stored last. */
static bool give_case(struct ledger *g, const struct hub_id *cid)
{
	struct hub_world *w = g->look.w;
	const struct hub_case *newer = g->newer ? hub_world_case(g->newer, cid) : NULL;

	/* and the case that it is now */
	if (newer && newer->merged && !give_case(g, &newer->merged_into))
		return false;
	return newer ? hub_world_adopt(w, newer) != NULL : ledger_cache_give(&g->cache, w, cid);
}

void ledger_want_case(struct ledger *g, const struct hub_id *cid)
{
	if (!hub_world_case(g->look.w, cid) && !give_case(g, cid))
		ledger_add_id(&g->cids, cid);
}

static bool give_record(struct ledger *g, const struct ledger_lid *l)
{
	struct hub_world *w = g->look.w;
	struct br_str key = hub_link_key(w->arena, l->sys, l->rec, l->lid);
	const struct hub_link *newer;
	struct hub_id cid;

	if (!key.p)
		return false;
	if (hub_world_link_at(w, key))
		return true;
	newer = g->newer ? hub_world_link_at(g->newer, key) : NULL;
	if (newer)
		return hub_world_adopt(w, newer->kase) != NULL;
	/* the record may have been let go by that case since */
	return ledger_cache_find(&g->cache, key, &cid) && give_case(g, &cid) &&
	       hub_world_link_at(w, key);
}

static bool give_key(struct ledger *g, const struct ledger_key *wanted)
{
	struct hub_world *w = g->look.w;
	struct br_str key = hub_match_key(w->arena, wanted->scheme, wanted->value);
	const struct hub_case *newer;
	struct hub_case *k;

	if (!key.p || !g->newer)
		return false;
	newer = hub_case_now(g->newer, hub_world_match_at(g->newer, key));
	k = newer ? hub_world_adopt(w, newer) : NULL;
	if (!k)
		return false;
	if (!hub_world_match_at(w, key))
		hub_world_add_key(w, k, wanted->scheme, wanted->value, false);
	return true;
}

static void on_lids(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res)
		ledger_fail(o, err);
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct hub_id cid = ledger_get_id(res, i, 0);

		ledger_want_case(o->g, &cid);
	}
}

static void on_keys(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct ledger *g = o->g;

	g->matched = name_cases(o, res, err, &g->nmatched);
	for (size_t i = 0; i < g->nmatched; i++)
		ledger_want_case(g, &g->matched[i].cid);
}

static void on_due(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct ledger *g = o->g;

	g->due = name_cases(o, res, err, &g->ndue);
	for (size_t i = 0; i < g->ndue; i++)
		ledger_want_case(g, &g->due[i].cid);
}

/* The first look: what is known here is put into the world, what the ledger must be asked for
 * becomes rows. */
static void gather_wanted(struct ledger *g, const struct ledger_want *want)
{
	ledger_rows_reset(&g->lids);
	for (size_t i = 0; i < want->nlids; i++) {
		const struct ledger_lid *l = &want->lids[i];

		if (give_record(g, l))
			continue;
		ledger_add_int(&g->lids, l->sys->id);
		ledger_add_text(&g->lids, l->rec);
		ledger_add_text(&g->lids, l->lid);
	}
	ledger_rows_reset(&g->cids);
	for (size_t i = 0; i < want->ncids; i++)
		ledger_want_case(g, &want->cids[i]);
	ledger_rows_reset(&g->keys);
	for (size_t i = 0; i < want->nkeys; i++) {
		if (give_key(g, &want->keys[i]))
			continue;
		ledger_add_text(&g->keys, want->keys[i].scheme);
		ledger_add_text(&g->keys, want->keys[i].value);
	}
}

static int send_cases(struct ledger *g, struct br_err *err)
{
#define TOUCHED_CIDS "with t as materialized (select distinct cid from unnest($1::uuid[]) u(cid)) "
	return ledger_rows_send(&g->cids, g->look_pg, "cases_cids", TOUCHED_CIDS LEDGER_CASES_OF_T,
		       ledger_on_cases, &g->look, err) |
	       ledger_rows_send(&g->cids, g->look_pg, "links_cids", TOUCHED_CIDS LEDGER_LINKS_OF_T,
		       ledger_on_links, &g->look, err);
}

static int send_names(struct ledger *g, struct br_err *err)
{
	return ledger_rows_send(&g->lids, g->look_pg, "lids",
		       "select l.cid from unnest($1::int2[], $2::text[], $3::text[]) u(sys, rec, "
		       "lid)"
		       " join casebridge.links l on l.sys = u.sys and l.rec = u.rec and l.lid = "
		       "u.lid",
		       on_lids, &g->look, err) |
	       ledger_rows_send(&g->keys, g->look_pg, "keys",
		       "select m.cid, m.scheme, m.value from unnest($1::text[], $2::text[]) "
		       "u(scheme, "
		       "value)"
		       " join casebridge.match_keys m on m.scheme = u.scheme and m.value = u.value",
		       on_keys, &g->look, err);
}

/* Live systems of the site, as an array: another one that the ledger remembers is nobody's source.
 */
static struct br_str live_systems(struct hub_world *w)
{
	struct br_buf *b = &w->scratch;

	br_buf_reset(b);
	br_buf_addc(b, '{');
	for (size_t i = 0; i < w->nsystems; i++)
		if (w->systems[i].state == SYS_LIVE)
			br_buf_printf(b, "%s%d", b->n > 1 ? "," : "", w->systems[i].id);
	br_buf_addc(b, '}');
	w->failed |= br_buf_failed(b);
	return br_arena_copy(w->arena, br_buf_str(b));
}

static int send_due(struct ledger *g, struct ledger_want *want, struct br_err *err)
{
	struct hub_world *w = g->look.w;
	struct br_str sys, limit, live;

	if (!want->due)
		return 0;
	sys = br_arena_printf(w->arena, "%d", want->due->id);
	limit = br_arena_printf(w->arena, "%lld", (long long)want->due_limit);
	live = live_systems(w);
	struct br_pg_param p[] = {{sys.p, 0, false}, {limit.p, 0, false}, {live.p, 0, false}};

	/* A create whose case no live system has waits for one that goes live: such rows must not
	 * stand in the way of others. */
	return br_pg_send(g->look_pg, "due",
		"select d.cid, d.rec from casebridge.links d where d.sys = $1::int2 and d.due and "
		"(d.lid is not null or d.n > 0 or exists (select from casebridge.links o where "
		"o.cid = d.cid and o.lid is not null and o.sys = any($3::int2[]))) order by d.cid, "
		"d.rec limit $2::int8",
		BR_LEN(p), NULL, p, true, on_due, &g->look, err);
}

/* All named cases are in the world: what was said about them can be said of them. */
static void settle_names(struct ledger *g)
{
	struct hub_world *w = g->look.w;
	struct ledger_want *want = g->want;

	for (size_t i = 0; i < g->nmatched; i++) {
		struct hub_case *k = hub_world_case(w, &g->matched[i].cid);

		if (k)
			hub_world_add_key(w, k, g->matched[i].a, g->matched[i].b, false);
	}
	ledger_owed_settle(g, want);
	if (!want->due)
		return;
	want->due_links = br_arena_array(w->arena, struct hub_link *, g->ndue + 1);
	if (!want->due_links)
		w->failed = true;
	for (size_t i = 0; want->due_links && i < g->ndue; i++) {
		struct hub_case *k = hub_world_case(w, &g->due[i].cid);
		struct hub_link *l = k ? hub_case_link(k, want->due, g->due[i].a) : NULL;

		if (l)
			want->due_links[want->ndue++] = l;
	}
}

static void on_past_loaded(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (res && !o->failed) {
		ledger_ranges_settle(o->g);
		settle_names(o->g);
	}
	ledger_synced(o, res, err);
}

/* All cases are there: now the past of those whose system was restored. */
static void on_loaded(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct br_err e;
	int asked;

	br_err_clear(&e);
	asked = res && !o->failed ? ledger_past_ask(o->g, &e) : 0;
	if (asked == 0)
		on_past_loaded(o, res, err);
	else if (asked < 0 || br_pg_sync(o->g->look_pg, on_past_loaded, o, &e) < 0) {
		ledger_fail(o, &e);
		ledger_finish(o);
	}
}

static void on_named(void *arg, const PGresult *res, const struct br_err *err);

/* The rest of ranges, page by page. */
static bool goes_on(struct ledger_operation *o)
{
	struct br_err err;
	int asked;

	br_err_clear(&err);
	asked = ledger_ranges_go_on(o->g, &err);
	if (asked == 0)
		return false;
	if (asked < 0 || br_pg_sync(o->g->look_pg, on_named, o, &err) < 0) {
		ledger_fail(o, &err);
		ledger_finish(o);
	}
	return true;
}

/* What the first look named and nobody has yet is loaded in a second. */
static void on_named(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct ledger *g = o->g;
	struct br_err e;

	if (res && !o->failed && goes_on(o))
		return;
	br_err_clear(&e);
	if (!res || o->failed || g->cids.n == 0) {
		on_loaded(o, res, err);
		return;
	}
	if ((send_cases(g, &e) | br_pg_sync(g->look_pg, on_loaded, o, &e)) < 0) {
		ledger_fail(o, &e);
		ledger_finish(o);
	}
}

void ledger_load(struct ledger *g, struct hub_world *w, const struct hub_world *newer,
	struct ledger_want *want, ledger_fn *done, void *arg)
{
	struct br_err err;
	int rc = 0;

	br_err_clear(&err);
	ledger_begin_operation(&g->look, w, done, arg);
	g->want = want;
	g->newer = newer;
	g->ndue = g->nmatched = 0;
	gather_wanted(g, want);
	rc |= send_cases(g, &err);
	rc |= send_names(g, &err);
	rc |= ledger_orders_ask(g, want, &err);
	rc |= ledger_ranges_ask(g, &err);
	rc |= send_due(g, want, &err);
	rc |= ledger_owed_ask(g, want, &err);
	ledger_rows_reset(&g->cids); /* from here on: what the answers name */
	rc |= br_pg_sync(g->look_pg, on_named, &g->look, &err);
	if (rc < 0) {
		ledger_fail(&g->look, &err);
		ledger_finish(&g->look);
	}
}

void ledger_load_inflight(
	struct ledger *g, struct hub_world *w, struct hub_system *s, ledger_fn *done, void *arg)
{
	struct br_str sys = br_arena_printf(w->arena, "%d", s->id);
	struct br_pg_param p[] = {{sys.p, 0, false}};
	struct ledger_operation *o = &g->store[0];
	struct br_err err;
	int rc;

	br_err_clear(&err);
	ledger_begin_operation(o, w, done, arg);
#define INFLIGHT                                                                                   \
	"with t as materialized (select cid, rec from casebridge.links where sys = $1::int2 and "  \
	"inflight is not null order by cid) "
	rc = br_pg_send(g->store_pg, "inflight_cases", INFLIGHT LEDGER_CASES_OF_T, 1, NULL, p, true,
		ledger_on_cases, o, &err);
	rc |= br_pg_send(g->store_pg, "inflight_links",
		INFLIGHT LEDGER_LINKS_OF_T " where l.sys = $1::int2", 1, NULL, p, true,
		ledger_on_links, o, &err);
	rc |= br_pg_sync(g->store_pg, ledger_synced, o, &err);
	if (rc < 0) {
		ledger_fail(o, &err);
		ledger_finish(o);
	}
}
