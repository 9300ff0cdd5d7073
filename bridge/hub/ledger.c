#include "ledger_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* some thousand cases: what is on its way to other systems comes back as receipts soon */
#define CACHE_BYTES (24u << 20)

static const char *const link_states[] = {
	[LINK_IDLE] = "idle",
	[LINK_INFLIGHT] = "inflight",
	[LINK_REJECTED] = "rejected",
	[LINK_PARKED] = "parked",
	[LINK_PENDING] = "pending",
	[LINK_GONE] = "gone",
	[LINK_MATCHED] = "matched",
};
static const char *const sys_states[] = {
	[SYS_TRIAL] = "trial", [SYS_LIVE] = "live", [SYS_PAUSED] = "paused"};
static const char *const conflict_kinds[] = {
	[CONFLICT_LOST] = "lost",
	[CONFLICT_OWNERSHIP] = "ownership",
	[CONFLICT_INITIAL] = "initial",
	[CONFLICT_SUSPECT] = "suspect",
	[CONFLICT_REWRITTEN] = "rewritten",
	[CONFLICT_DEVIATION] = "deviation",
};
static const char *const parked_kinds[] = {
	[PARKED_IN] = "in",
	[PARKED_OUT] = "out",
	[PARKED_REFUSED] = "refused",
	[PARKED_UNKNOWN] = "unknown",
	[PARKED_VANISHED] = "vanished",
	[PARKED_DUPLICATE] = "duplicate",
	[PARKED_MESSAGE] = "message",
	[PARKED_ASK] = "ask",
};

const char *ledger_link_state(enum hub_link_state s)
{
	return link_states[s];
}

const char *ledger_sys_state(enum hub_sys_state s)
{
	return sys_states[s];
}

const char *ledger_conflict_kind(enum hub_conflict_kind k)
{
	return conflict_kinds[k];
}

const char *ledger_parked_kind(enum hub_parked_kind k)
{
	return parked_kinds[k];
}

static enum hub_sys_state sys_state_of(struct br_str s)
{
	for (size_t i = 0; i < BR_LEN(sys_states); i++)
		if (br_str_eq(s, br_str_z(sys_states[i])))
			return (enum hub_sys_state)i;
	return SYS_PAUSED;
}

void ledger_fail(struct ledger_operation *o, const struct br_err *err)
{
	if (o->failed)
		return;
	o->failed = true;
	if (err)
		o->err = *err;
	else
		br_err_set(&o->err, BR_E_PG_UNAVAILABLE, "why", "connection lost", NULL);
}

void ledger_finish(struct ledger_operation *o)
{
	ledger_fn *done = o->done;

	if (!done)
		return;
	o->done = NULL;
	done(o->done_arg, o->failed ? &o->err : NULL);
}

void ledger_begin_operation(
	struct ledger_operation *o, struct hub_world *w, ledger_fn *done, void *arg)
{
	o->w = w;
	o->done = done;
	o->done_arg = arg;
	o->failed = false;
	br_err_clear(&o->err);
}

void ledger_check(void *arg, const PGresult *res, const struct br_err *err)
{
	if (!res)
		ledger_fail(arg, err);
}

void ledger_synced(void *arg, const PGresult *res, const struct br_err *err)
{
	if (!res)
		ledger_fail(arg, err);
	ledger_finish(arg);
}

/* ---- open: connect, version, incarnation, systems, positions ---- */

static void on_incarnation(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res || PQntuples(res) != 1)
		ledger_fail(o, err);
	else
		o->w->incarnation = ledger_get_int(res, 0, 0);
}

static void copy_z(char *to, size_t room, struct br_str s)
{
	size_t n = s.n < room - 1 ? s.n : room - 1;

	if (n)
		memcpy(to, s.p, n);
	to[n] = '\0';
}

static const struct {
	const char *name;
	size_t offset;
} counter_names[] = {
#define X(name) {#name, offsetof(struct hub_counters, name)},
	HUB_COUNTERS(X)
#undef X
};

struct br_str ledger_counters_text(const struct hub_counters *c, struct br_buf *b)
{
	struct br_jw w;

	br_buf_reset(b);
	br_jw_init(&w, b);
	br_jw_object(&w);
	for (size_t i = 0; i < BR_LEN(counter_names); i++) {
		br_jw_key(&w, br_str_z(counter_names[i].name));
		br_jw_int(&w, *(const int64_t *)((const char *)c + counter_names[i].offset));
	}
	br_jw_end_object(&w);
	return br_buf_str(b);
}

static void read_counters(struct br_str json, struct hub_counters *out)
{
	struct br_arena a;
	struct br_err err;
	struct br_jr r;
	enum br_json_token t;

	*out = (struct hub_counters){0};
	br_arena_init(&a, 65536);
	br_err_clear(&err);
	br_jr_init(&r, json, &a, &err);
	t = json.n ? br_jr_next(&r) : BR_JT_END;
	while (t == BR_JT_OBJECT && br_jr_next(&r) == BR_JT_KEY) {
		struct br_str name = r.text;
		int64_t v;

		if (br_jr_next(&r) != BR_JT_NUMBER || !br_json_int64(r.text, &v))
			break;
		for (size_t i = 0; i < BR_LEN(counter_names); i++)
			if (br_str_eq(name, br_str_z(counter_names[i].name)))
				*(int64_t *)((char *)out + counter_names[i].offset) = v;
	}
	br_arena_release(&a);
}

static void read_system(struct hub_system *s, const PGresult *res, int i)
{
	struct br_str cursor = ledger_get_text(res, i, 7);

	s->id = (int16_t)ledger_get_int(res, i, 0);
	s->state = sys_state_of(ledger_get_text(res, i, 2));
	s->epoch = ledger_get_int(res, i, 3);
	copy_z(s->nonce, sizeof(s->nonce), ledger_get_text(res, i, 4));
	copy_z(s->inc, sizeof(s->inc), ledger_get_text(res, i, 5));
	s->last_seq = ledger_get_int(res, i, 6);
	free((char *)s->cursor.p);
	s->cursor = (struct br_str){cursor.n ? strndup(cursor.p, cursor.n) : NULL, cursor.n};
	s->bye = ledger_get_bool(res, i, 8);
	s->transactional = ledger_get_bool(res, i, 9);
	s->outstanding = ledger_get_int(res, i, 10);
	s->open_parked = ledger_get_int(res, i, 11);
	s->last_contact_ms = ledger_get_int(res, i, 12);
	s->beat = ledger_get_int(res, i, 13);
	read_counters(ledger_get_text(res, i, 14), &s->count);
	s->owes = !PQgetisnull(res, i, 15);
	if (s->owes)
		s->owed = ledger_get_id(res, i, 15);
	s->taken = ledger_get_int(res, i, 16);
	s->restores = (int32_t)ledger_get_int(res, i, 17);
	s->backlog = true;
	s->gap = false;
	s->dirty = false;
}

static void on_systems(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res) {
		ledger_fail(o, err);
		return;
	}
	for (int i = 0; i < PQntuples(res); i++) {
		struct hub_system *s = hub_world_system(o->w, ledger_get_text(res, i, 1));

		if (s)
			read_system(s, res, i);
	}
}

static void on_positions(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	const struct ledger *g = o->g;

	if (!res) {
		ledger_fail(o, err);
		return;
	}
	for (size_t p = 0; p < g->npositions; p++)
		g->fill[p].next = g->fill[p].published = 0;
	for (int i = 0; i < PQntuples(res); i++)
		for (size_t p = 0; p < g->npositions; p++)
			if (br_str_eq(g->fill[p].topic, ledger_get_text(res, i, 0))) {
				g->fill[p].next = ledger_get_int(res, i, 1);
				g->fill[p].published = ledger_get_int(res, i, 2);
			}
}

/* In the order in which they were folded. */
static void on_folded(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	struct hub_world *w = o->w;

	if (!res) {
		ledger_fail(o, err);
		return;
	}
	for (int i = 0; i < PQntuples(res) && w->nkept < HUB_KEPT; i++)
		w->kept[w->nkept++] = (struct hub_kept){
			ledger_get_int(res, i, 0), ledger_keep(w, ledger_get_text(res, i, 1))};
}

static void send_sql(
	struct ledger_operation *o, struct br_pg *pg, const char *sql, br_pg_result_fn *fn)
{
	struct br_err err;

	br_err_clear(&err);
	if (br_pg_send(pg, NULL, sql, 0, NULL, NULL, true, fn, o, &err) < 0)
		ledger_fail(o, &err);
}

/* Plans are made once for tables that will grow: always by index. */
static void plan_by_index(struct ledger_operation *o, struct br_pg *pg)
{
	send_sql(o, pg,
		"select set_config(n, 'off', false) from "
		"unnest(array['enable_seqscan','enable_hashjoin','enable_mergejoin','jit']) n",
		ledger_check);
}

static void send_sync(struct ledger_operation *o, struct br_pg *pg, br_pg_result_fn *fn)
{
	struct br_err err;

	br_err_clear(&err);
	if (br_pg_sync(pg, fn, o, &err) == 0)
		return;
	ledger_fail(o, &err);
	ledger_finish(o);
}

/* The state is there; now the second session. */
static void on_start_state(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res)
		ledger_fail(o, err);
	if (o->failed)
		ledger_finish(o);
	else
		br_pg_connect(o->g->look_pg);
}

static void send_incarnation(struct ledger_operation *o, struct br_pg *pg)
{
	struct br_str given = br_arena_printf(o->w->arena, "%lld", (long long)o->w->incarnation);
	struct br_pg_param p[] = {{given.p, 0, false}};
	struct br_err err;

	br_err_clear(&err);
	if (br_pg_send(pg, NULL,
		    "update casebridge.meta set incarnation = greatest(incarnation + 1, $1::int8 + "
		    "1, extract(epoch from clock_timestamp())::int8) returning incarnation",
		    BR_LEN(p), NULL, p, true, on_incarnation, o, &err) < 0)
		ledger_fail(o, &err);
}

static void load_start_state(struct ledger_operation *o)
{
	static const enum ledger_type text1[] = {LT_TEXT, LT_END},
				      text2[] = {LT_TEXT, LT_TEXT, LT_END};
	const struct ledger *g = o->g;
	struct br_pg *pg = g->store_pg;
	struct ledger_rows codes, named, topics;
	struct br_err err;

	br_err_clear(&err);
	ledger_rows_init(&codes, text2);
	ledger_rows_init(&topics, text1);
	ledger_rows_init(&named, text1);
	for (size_t i = 0; i < o->w->nsystems; i++) {
		ledger_add_text(&named, o->w->systems[i].code);
		if (o->w->systems[i].left_out)
			continue; /* known only if it was before */
		ledger_add_text(&codes, o->w->systems[i].code);
		ledger_add_text(&codes, br_str_z(sys_states[o->w->systems[i].state]));
	}
	for (size_t i = 0; i < g->npositions; i++)
		ledger_add_text(&topics, g->fill[i].topic);
	send_sql(o, pg, "begin", ledger_check);
	plan_by_index(o, pg);
	send_incarnation(o, pg);
	ledger_rows_send(&codes, pg, NULL,
		"insert into casebridge.systems(code, state, owed) select c, s, case when exists "
		"(select from casebridge.cases) then '" LEDGER_NO_ID "'::uuid end from "
		"unnest($1::text[], $2::text[]) as t(c, s)"
		" where not exists (select from casebridge.systems o where o.code = t.c)",
		ledger_check, o, &err);
	/* what comes while it is not in the site it is asked about when it is back */
	ledger_rows_send(&named, pg, NULL,
		"update casebridge.systems set owed = '" LEDGER_NO_ID "' where code <> "
		"all($1::text[])",
		ledger_check, o, &err);
	send_sql(o, pg,
		"select id, code, state, epoch, nonce, inc, last_seq, cursor, bye, transactional,"
		" (select count(*) from casebridge.links l where l.sys = s.id and l.inflight is "
		"not null and l.inflight::json->>'pending' is null),"
		" (select count(*) from casebridge.parked p where p.sys = s.id and p.status = "
		"'open'),"
		" coalesce((extract(epoch from last_contact) * 1000)::int8, 0), beat, "
		"counters, owed, taken, restores "
		"from casebridge.systems s",
		on_systems);
	ledger_rows_send(&topics, pg, NULL,
		"insert into casebridge.positions(topic, next, published) select t, 0, 0 from "
		"unnest($1::text[]) t"
		" on conflict (topic) do nothing",
		ledger_check, o, &err);
	send_sql(o, pg, "select topic, next, published from casebridge.positions", on_positions);
	send_sql(o, pg, "select c, record from casebridge.folded order by c", on_folded);
	send_sql(o, pg, "commit", ledger_check);
	send_sync(o, pg, on_start_state);
	ledger_rows_release(&codes);
	ledger_rows_release(&named);
	ledger_rows_release(&topics);
}

static void on_version(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;
	char found[24], known[24];
	struct br_err wrong;
	int version;

	br_err_clear(&wrong);
	if (!res || PQntuples(res) != 1) {
		const char *state = br_err_detail(err, "sqlstate");

		/* 3F000 / 42P01: no schema, no table */
		if (state && (!strcmp(state, "42P01") || !strcmp(state, "3F000"))) {
			br_err_set(&wrong, BR_E_HUB_LEDGER_EMPTY, NULL);
			ledger_fail(o, &wrong);
		} else {
			ledger_fail(o, err);
		}
		return;
	}
	version = (int)ledger_get_int(res, 0, 0);
	if (version == ledger_version_known())
		return;
	snprintf(found, sizeof(found), "%d", version);
	snprintf(known, sizeof(known), "%d", ledger_version_known());
	br_err_set(&wrong,
		version > ledger_version_known() ? BR_E_HUB_LEDGER_NEWER : BR_E_HUB_LEDGER_OLD,
		"found", found, "known", known, NULL);
	ledger_fail(o, &wrong);
}

static void version_synced(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (!res)
		ledger_fail(o, err);
	if (o->failed)
		ledger_finish(o);
	else
		load_start_state(o);
}

/* A session that went down: statements that waited have told their operations already. */
static void went_down(struct ledger *g, const struct br_err *err)
{
	struct ledger_operation *o = &g->store[0];

	if (g->opened) {
		g->lost(g->lost_arg, err);
		return;
	}
	ledger_fail(o, err);
	ledger_finish(o);
}

static void on_store_state(void *arg, enum br_pg_state state, const struct br_err *err)
{
	struct ledger *g = arg;
	struct ledger_operation *o = &g->store[0];

	if (state == BR_PG_UP) {
		send_sql(o, g->store_pg, "select max(version) from casebridge.migrations",
			on_version);
		send_sync(o, g->store_pg, version_synced);
	} else if (state == BR_PG_DOWN) {
		went_down(g, err);
	}
}

static void on_opened(void *arg, const PGresult *res, const struct br_err *err)
{
	struct ledger_operation *o = arg;

	if (res)
		o->g->opened = true;
	ledger_synced(o, res, err);
}

static void on_look_state(void *arg, enum br_pg_state state, const struct br_err *err)
{
	struct ledger *g = arg;
	struct ledger_operation *o = &g->store[0];

	if (state == BR_PG_UP) {
		plan_by_index(o, g->look_pg);
		send_sync(o, g->look_pg, on_opened);
	} else if (state == BR_PG_DOWN) {
		went_down(g, err);
	}
}

void ledger_open(struct ledger *g, struct hub_world *w, struct ledger_position *positions, size_t n,
	ledger_fn *done, void *arg)
{
	ledger_begin_operation(&g->store[0], w, done, arg);
	g->fill = positions;
	g->npositions = n;
	br_pg_connect(g->store_pg);
}

static const enum ledger_type lids_types[] = {LT_INT2, LT_TEXT, LT_TEXT, LT_END};
static const enum ledger_type id_types[] = {LT_UUID, LT_END};
static const enum ledger_type keys_types[] = {LT_TEXT, LT_TEXT, LT_END};
static const enum ledger_type case_types[] = {
	LT_UUID, LT_INT4, LT_TEXT, LT_TEXT, LT_TEXT, LT_TIME, LT_TIME, LT_END};
static const enum ledger_type link_types[] = {LT_UUID, LT_INT2, LT_TEXT, LT_TEXT, LT_TEXT, LT_TEXT,
	LT_TEXT, LT_TEXT, LT_INT8, LT_TEXT, LT_TEXT, LT_BOOL, LT_INT4, LT_END};
static const enum ledger_type settled_types[] = {LT_UUID, LT_INT2, LT_END};
static const enum ledger_type match_types[] = {LT_TEXT, LT_TEXT, LT_UUID, LT_END};
static const enum ledger_type history_types[] = {
	LT_UUID, LT_INT4, LT_INT2, LT_TEXT, LT_INT8, LT_TIME, LT_TEXT, LT_TEXT, LT_TEXT, LT_END};
static const enum ledger_type conflict_types[] = {LT_UUID, LT_INT2, LT_TEXT, LT_TEXT, LT_JSON,
	LT_JSON, LT_TEXT, LT_INT8, LT_TIME, LT_INT4, LT_END};
static const enum ledger_type parked_types[] = {LT_INT2, LT_UUID, LT_TEXT, LT_TEXT, LT_TEXT,
	LT_BYTEA, LT_TEXT, LT_TEXT, LT_TEXT, LT_TEXT, LT_TEXT, LT_TEXT, LT_TEXT, LT_INT8, LT_TIME,
	LT_TEXT, LT_INT8, LT_END};
static const enum ledger_type unparked_types[] = {
	LT_INT2, LT_UUID, LT_TEXT, LT_TEXT, LT_TEXT, LT_INT8, LT_END};
static const enum ledger_type before_types[] = {LT_TEXT, LT_INT8, LT_END};
static const enum ledger_type pos_types[] = {LT_TEXT, LT_INT8, LT_INT8, LT_END};

static struct {
	size_t offset;
	const enum ledger_type *types;
} const all_rows[] = {
	{offsetof(struct ledger, lids), lids_types},
	{offsetof(struct ledger, cids), id_types},
	{offsetof(struct ledger, keys), keys_types},
	{offsetof(struct ledger, new_cases), case_types},
	{offsetof(struct ledger, cases), case_types},
	{offsetof(struct ledger, new_links), link_types},
	{offsetof(struct ledger, links), link_types},
	{offsetof(struct ledger, settled), settled_types},
	{offsetof(struct ledger, match), match_types},
	{offsetof(struct ledger, history), history_types},
	{offsetof(struct ledger, conflicts), conflict_types},
	{offsetof(struct ledger, parked), parked_types},
	{offsetof(struct ledger, unparked), unparked_types},
	{offsetof(struct ledger, before), before_types},
	{offsetof(struct ledger, pos), pos_types},
};

struct ledger *ledger_new(
	struct br_loop *l, const char *dsn, ledger_fn *lost, void *arg, struct br_err *err)
{
	struct ledger *g = calloc(1, sizeof(*g));

	if (!g) {
		br_err_set(err, BR_E_NOMEM, NULL);
		return NULL;
	}
	g->loop = l;
	g->lost = lost;
	g->lost_arg = arg;
	br_buf_init(&g->json, 16 << 20);
	ledger_cache_init(&g->cache, CACHE_BYTES);
	for (size_t i = 0; i < BR_LEN(all_rows); i++)
		ledger_rows_init(
			(struct ledger_rows *)((char *)g + all_rows[i].offset), all_rows[i].types);
	ledger_orders_init(g);
	ledger_past_init(g);
	g->look.g = g->forget.g = g;
	for (size_t i = 0; i < BR_LEN(g->store); i++)
		g->store[i].g = g;
	g->store_pg = br_pg_new(l, dsn, on_store_state, g, err);
	g->look_pg = g->store_pg ? br_pg_new(l, dsn, on_look_state, g, err) : NULL;
	if (!g->look_pg) {
		ledger_free(g);
		return NULL;
	}
	return g;
}

void ledger_free(struct ledger *g)
{
	if (!g)
		return;
	br_pg_free(g->look_pg);
	br_pg_free(g->store_pg);
	for (size_t i = 0; i < BR_LEN(all_rows); i++)
		ledger_rows_release((struct ledger_rows *)((char *)g + all_rows[i].offset));
	ledger_orders_release(g);
	ledger_past_release(g);
	br_buf_release(&g->json);
	ledger_cache_release(&g->cache);
	free(g);
}
