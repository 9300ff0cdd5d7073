/* Connecting, our own tables in the target, the fence of a new epoch, and learning the tables of
 * the records. */
#include "pg_private.h"
#include "br_log.h"
#include "br_text.h"
#include <stdio.h>
#include <stdlib.h>

void pg_fail(struct pg *p, const struct br_err *err)
{
	if (p->failed)
		return;
	p->failed = true;
	conn_failed(p->c, err);
}

static void fail_code(struct pg *p, enum br_err_code code, const char *key, const char *value)
{
	struct br_err err;

	br_err_set(&err, code, key, value, NULL);
	pg_fail(p, &err);
}

static int send(
	struct pg *p, const char *sql, int n, const struct br_pg_param *params, br_pg_result_fn *fn)
{
	struct br_err err;
	int rc = br_pg_send(p->pg, NULL, sql, n, NULL, params, false, fn, p, &err);

	if (rc)
		pg_fail(p, &err);
	return rc;
}

static void sync_with(struct pg *p, br_pg_result_fn *fn)
{
	struct br_err err;

	if (br_pg_sync(p->pg, fn, p, &err))
		pg_fail(p, &err);
}

static struct br_pg_param text_param(const char *text)
{
	return (struct br_pg_param){text, 0, false};
}

/* ---- our two tables ---- */

static const char *sql_text(struct pg *p, const char *format, const char *table)
{
	struct br_str s = br_arena_printf(&p->arena, format, table);

	return s.p;
}

static const char *our_table(struct pg *p, struct br_str name)
{
	struct br_str out;
	struct br_buf b;

	br_buf_init(&b, 4096);
	pg_sql_name(&b, p->o->schema);
	br_buf_addc(&b, '.');
	pg_sql_name(&b, name);
	out = br_arena_copy(&p->arena, br_buf_str(&b));
	br_buf_release(&b);
	return out.p;
}

/*
 * The fence of a write: the row of bridge_meta is ours until the commit, so a successor that raises
 * the epoch waits for us, and we fail when it was there first. No row divides by zero: the server
 * itself then skips the rest of the unit. It tells the transaction's number, by which polls pass
 * over what we wrote.
 */
static void our_statements(struct pg *p)
{
	p->sql.fence = (struct pg_statement){
		"cb_fence", sql_text(p,
				    "with u as (update %s set beat = beat + 1 where one and epoch "
				    "= $1::bigint and inc = $2"
				    " returning beat) select 1 / count(*), pg_current_xact_id(), "
				    "max(beat) from u",
				    p->meta)};
	p->sql.inbox_read = (struct pg_statement){
		"cb_inbox_read", sql_text(p,
					 "select v.i, b.incarnation, b.n, b.lid, b.post from "
					 "unnest($1::text[], $2::text[]) with ordinality v(c, r, i)"
					 " join %s b on b.cid = v.c and b.rec = v.r",
					 p->inbox)};
	/* who has a row is known from reading: plain inserts and updates cost half of what "on
	 * conflict" does */
	p->sql.inbox_insert = (struct pg_statement){"cb_inbox_insert",
		sql_text(p,
			"insert into %s (cid, rec, incarnation, n, did, lid, post) select c, r, "
			"i::bigint, n::bigint, d, l, p::json from (select unnest($1::text[]) c, "
			"unnest($2::text[]) r, unnest($3::text[]) i, unnest($4::text[]) n, "
			"unnest($5::text[]) d, unnest($6::text[]) l, unnest($7::text[]) p) v",
			p->inbox)};
	p->sql.inbox_update = (struct pg_statement){"cb_inbox_update",
		sql_text(p,
			"update %s b set incarnation = v.i::bigint, n = v.n::bigint, did = v.d, "
			"lid "
			"= v.l, post = v.p::json, at = now() from (select unnest($1::text[]) c, "
			"unnest($2::text[]) r, unnest($3::text[]) i, unnest($4::text[]) n, "
			"unnest($5::text[]) d, unnest($6::text[]) l, unnest($7::text[]) p) v where "
			"b.cid = v.c and b.rec = v.r",
			p->inbox)};
	p->sql.still = (struct pg_statement){"cb_still",
		sql_text(p,
			"select 1 / count(*) from %s where one and epoch = $1::bigint and inc = $2",
			p->meta)};
	p->sql.beat = (struct pg_statement){
		"cb_beat", sql_text(p,
				   "update %s set beat = beat + 1 where one and epoch = $1::bigint "
				   "and inc = $2 returning beat",
				   p->meta)};
	/* not on what is older than the bridge knows it: that was restored */
	p->sql.take = (struct pg_statement){"cb_take",
		br_arena_printf(&p->arena,
			"with u as (update %s set epoch = $1::bigint, inc = $2 where one and epoch "
			"< $1::bigint and epoch >= $3::bigint and beat >= $4::bigint returning 1) "
			"select (select count(*) from u), epoch < $3::bigint or beat < $4::bigint "
			"from %s where one",
			p->meta, p->meta)
			.p};
}

static void tell_opened(struct pg *p, const PGresult *meta)
{
	p->shared_inbox = meta != NULL;
	snprintf(p->identity, sizeof(p->identity), "%s",
		meta && PQntuples(meta) ? PQgetvalue(meta, 0, 0) : "");
	conn_opened(p->c, br_str_z(p->identity), meta && PQntuples(meta) ? pg_int(meta, 0, 1) : 0,
		meta && PQntuples(meta) ? pg_int(meta, 0, 2) : 0);
}

/* Not allowed is an answer, anything else is trouble. */
static bool is_not_allowed(const struct br_err *err)
{
	const char *state = br_err_detail(err, "sqlstate");

	return state &&
	       (!strcmp(state, "42501") || !strcmp(state, "25006") || !strcmp(state, "3F000"));
}

static void make_tables(struct pg *p, bool schema_is_there);

static void on_meta(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;
	struct br_err e;

	if (pg_gone(p, err))
		return;
	if (res && PQntuples(res) == 0) {
		make_tables(p, true); /* somebody emptied it */
		return;
	}
	if (res) {
		tell_opened(p, res);
		return;
	}
	if (!is_not_allowed(err)) {
		pg_fail(p, err);
		return;
	}
	br_err_set(&e, BR_E_PG_NO_INBOX, "schema", br_arena_copy(&p->arena, p->o->schema).p, "why",
		br_err_detail(err, "why") ? br_err_detail(err, "why") : "", NULL);
	br_warn("no table of ours", L_ERR(&e));
	tell_opened(p, NULL);
}

static void read_meta(struct pg *p)
{
	struct br_pg_param meta = text_param(p->meta);
	const char *timeline = p->o->synchronous_standby
				       ? "'-'"
				       : "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";

	/* which data this is: a dump that is read in makes new tables, recovery to a point in time
	 * a new timeline; so does a standby that takes over, which may have all there was */
	if (!send(p,
		    br_arena_printf(&p->arena,
			    "select 'pg:' || %s || ':' || d.oid || ':' || $1::regclass::oid, "
			    "epoch, beat from %s, pg_database d where one and d.datname = "
			    "current_database()",
			    timeline, p->meta)
			    .p,
		    1, &meta, on_meta))
		sync_with(p, NULL);
}

static void on_made(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;

	(void)res;
	if (pg_gone(p, err))
		return;
	if (err && !is_not_allowed(err)) {
		pg_fail(p, err);
		return;
	}
	if (err)
		on_meta(p, NULL, err);
	else
		read_meta(p);
}

static struct br_str schema_name(struct pg *p)
{
	struct br_str schema;
	struct br_buf b;

	br_buf_init(&b, 4096);
	pg_sql_name(&b, p->o->schema);
	schema = br_arena_copy(&p->arena, br_buf_str(&b));
	br_buf_release(&b);
	return schema;
}

/* A schema that is there is not created: that would take a right on the database even so. */
static void make_tables(struct pg *p, bool schema_is_there)
{
	if ((!schema_is_there &&
		    send(p, sql_text(p, "create schema if not exists %s", schema_name(p).p), 0,
			    NULL, NULL)) ||
		send(p,
			sql_text(p,
				"create table if not exists %s (one bool primary key default true "
				"check (one), epoch bigint not null default 0,"
				" inc text not null default '', beat bigint not null default 0)",
				p->meta),
			0, NULL, NULL) ||
		send(p,
			sql_text(p,
				"create table if not exists %s (cid text collate \"C\", rec text "
				"collate \"C\", incarnation "
				"bigint not null, n bigint not null,"
				" did text not null, lid text, post json, at timestamptz not null "
				"default now(), primary key (cid, rec))",
				p->inbox),
			0, NULL, NULL) ||
		send(p,
			sql_text(
				p, "insert into %s default values on conflict do nothing", p->meta),
			0, NULL, NULL))
		return;
	sync_with(p, on_made);
}

static void on_exists(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;

	if (pg_gone(p, err))
		return;
	if (!res && is_not_allowed(err))
		on_meta(p, NULL, err);
	else if (!res)
		pg_fail(p, err);
	else if (PQgetvalue(res, 0, 0)[0] == 't')
		read_meta(p);
	else
		make_tables(p, PQgetvalue(res, 0, 1)[0] == 't');
}

static void find_tables(struct pg *p)
{
	struct br_pg_param params[] = {
		text_param(p->meta), text_param(p->inbox), text_param(schema_name(p).p)};

	if (!p->o->inbox || conn_only_looks(p->c)) {
		tell_opened(p, NULL);
		return;
	}
	if (!send(p,
		    "select to_regclass($1) is not null and to_regclass($2) is not null, "
		    "to_regnamespace($3) is not null",
		    3, params, on_exists))
		sync_with(p, NULL);
}

/* ---- the session ---- */

static void on_server(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;
	struct br_str encoding;
	struct br_err e;

	if (pg_gone(p, err))
		return;
	if (!res) {
		pg_fail(p, err);
		return;
	}
	encoding = br_str_z(PQgetvalue(res, 0, 1));
	if (pg_int(res, 0, 0) < 130000) {
		fail_code(p, BR_E_PG_VERSION, "found", PQgetvalue(res, 0, 3));
	} else if (p->o->encoding.n && strcasecmp(p->o->encoding.p, encoding.p)) {
		br_err_set(&e, BR_E_PG_ENCODING, "found", encoding.p, "expected", p->o->encoding.p,
			NULL);
		pg_fail(p, &e);
	} else if (PQgetvalue(res, 0, 2)[0] == 't' && p->o->inbox && !conn_only_looks(p->c)) {
		fail_code(p, BR_E_PG_READ_ONLY, NULL, NULL);
	} else {
		p->check_utf8 = br_str_eq(encoding, BR_STR("SQL_ASCII"));
		/* A database that checks nothing may hold anything: the server would refuse a whole
		 * page for one bad byte, so we look ourselves. */
		if (!p->check_utf8 || !send(p, "set client_encoding to sql_ascii", 0, NULL, NULL))
			find_tables(p);
	}
}

static void start_session(struct pg *p)
{
	char statement[32], lock[32];
	struct br_pg_param params[] = {
		text_param(p->o->timezone.p), text_param(statement), text_param(lock)};

	snprintf(statement, sizeof(statement), "%lld", (long long)p->o->statement_timeout);
	snprintf(lock, sizeof(lock), "%lld", (long long)p->o->lock_timeout);
	/* values have one written form whatever the server's own settings; a connector that hangs
	 * gives its locks back */
	if (send(p,
		    "select set_config('DateStyle','ISO, YMD',false), "
		    "set_config('IntervalStyle','postgres',false),"
		    " set_config('extra_float_digits','1',false), "
		    "set_config('bytea_output','hex',false), set_config('TimeZone',$1,false),"
		    " set_config('statement_timeout',$2,false), "
		    "set_config('lock_timeout',$3,false),"
		    " set_config('idle_in_transaction_session_timeout','10000',false), "
		    "set_config('synchronous_commit','on',false),"
		    " set_config('default_transaction_isolation','read committed',false), "
		    "set_config('max_parallel_workers_per_gather','0',false),"
		    " set_config('lc_monetary','C',false),"
		    /* Statements are few rows of tables that grow: by index, in the index's order,
		       also where the statistics are not there yet. */
		    " set_config('jit','off',false), set_config('enable_seqscan','off',false),"
		    " set_config('enable_bitmapscan','off',false), "
		    "set_config('enable_sort','off',false),"
		    " set_config('enable_hashjoin','off',false), "
		    "set_config('enable_mergejoin','off',false)",
		    3, params, NULL) ||
		(conn_only_looks(p->c) &&
			send(p, "set default_transaction_read_only to on", 0, NULL, NULL)) ||
		send(p,
			"select current_setting('server_version_num'), "
			"current_setting('server_encoding'), pg_is_in_recovery(),"
			" current_setting('server_version')",
			0, NULL, on_server))
		return;
	sync_with(p, NULL);
}

static void on_state(void *arg, enum br_pg_state state, const struct br_err *err)
{
	struct pg *p = arg;

	if (state == BR_PG_UP)
		start_session(p);
	else if (state == BR_PG_DOWN)
		pg_fail(p, err);
}

static void on_notify(void *arg, const char *channel, const char *payload)
{
	struct pg *p = arg;

	(void)channel;
	(void)payload;
	if (p->failed)
		return;
	for (size_t i = 0; i < p->nrecords; i++)
		p->records[i]->due_us = 0;
	conn_wake(p->c);
}

int pg_open(void *state, struct conn *c, const void *options, struct br_err *err)
{
	struct pg *p = state;
	struct br_str conninfo;

	*p = (struct pg){.c = c, .o = options};
	br_arena_init(&p->arena, 64u << 20);
	br_arena_init(&p->batch_arena, 256u << 20);
	br_buf_init(&p->poll.cursor, 1 << 20);
	pg_array_init(&p->scratch);
	p->meta = our_table(p, BR_STR("bridge_meta"));
	p->inbox = our_table(p, BR_STR("bridge_inbox"));
	our_statements(p);
	conninfo = pg_conninfo(p->o, &p->arena);
	if (br_arena_failed(&p->arena) || !conninfo.p)
		return br_err_set(err, BR_E_NOMEM, NULL);
	p->pg = br_pg_new(conn_loop(c), conninfo.p, on_state, p, err);
	if (!p->pg)
		return -(int)br_err_code(err);
	br_pg_on_notify(p->pg, on_notify, p);
	br_pg_connect(p->pg);
	return 0;
}

void pg_close(void *state)
{
	struct pg *p = state;

	p->failed = true;
	pg_batch_free(p);
	pg_poll_release(p);
	br_pg_free(p->pg);
	free(p->read.lids);
	pg_array_release(&p->scratch);
	br_buf_release(&p->poll.cursor);
	br_arena_release(&p->batch_arena);
	br_arena_release(&p->arena);
	*p = (struct pg){0};
}

/* ---- begin ---- */

/* Nothing is told of it any more in this session. */
static void went_back(struct pg *p)
{
	p->failed = true;
	conn_went_back(p->c);
}

static void on_taken(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;

	if (pg_gone(p, err))
		return;
	if (!res)
		pg_fail(p, err);
	else if (PQntuples(res) == 0)
		fail_code(p, BR_E_PG_FENCED, NULL, NULL);
	else if (pg_int(res, 0, 0) == 1)
		return;
	else if (PQgetvalue(res, 0, 1)[0] == 't')
		went_back(p);
	else
		fail_code(p, BR_E_PG_FENCED, NULL, NULL);
}

struct learning {
	struct pg *p;
	struct pg_record *r;
	struct pg_table *t;
};

static void on_catalog(void *arg, const PGresult *res, const struct br_err *err)
{
	struct learning *l = arg;
	struct pg *p = l->p;
	struct br_err e;

	if (pg_gone(p, err) || p->troubled)
		return;
	if (!res) {
		p->trouble = *err;
		p->troubled = true;
		return;
	}
	if (pg_table_learn(l->r, l->t, res, &p->arena, NULL, NULL, &e)) {
		p->trouble = e;
		p->troubled = true;
	}
}

static void warn(void *arg, const struct br_err *err)
{
	(void)arg;
	br_warn("configuration", L_ERR(err));
}

static void on_learnt(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;
	struct br_err e;

	(void)res;
	if (pg_gone(p, err))
		return;
	if (p->troubled || err) {
		pg_fail(p, p->troubled ? &p->trouble : err);
		return;
	}
	for (size_t i = 0; i < p->nrecords; i++) {
		if (pg_record_sql(p->records[i], &p->arena, warn, p, &e)) {
			pg_fail(p, &e);
			return;
		}
	}
	pg_poll_restore(p);
	conn_begun(p->c);
}

static void on_horizon(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;

	if (res && !pg_gone(p, err))
		snprintf(p->horizon, sizeof(p->horizon), "%s", PQgetvalue(res, 0, 0));
}

static int learn(struct pg *p, struct pg_record *r, struct br_err *err)
{
	for (unsigned t = 0; t < r->ntables; t++) {
		struct learning *l = br_arena_new(&p->arena, struct learning);
		struct br_pg_param table = text_param(r->tables[t].quoted);
		int rc;

		if (!l)
			return br_err_set(err, BR_E_NOMEM, NULL);
		*l = (struct learning){p, r, &r->tables[t]};
		rc = br_pg_send(p->pg, "cb_catalog", pg_catalog_sql, 1, NULL, &table, false,
			on_catalog, l, err);
		if (rc)
			return rc;
	}
	return 0;
}

static void on_still(void *arg, const PGresult *res, const struct br_err *err)
{
	struct pg *p = arg;
	const char *state = err ? br_err_detail(err, "sqlstate") : NULL;

	if (!res && !pg_gone(p, err) && state && !strcmp(state, "22012"))
		fail_code(p, BR_E_PG_FENCED, NULL, NULL);
}

int pg_still_ours(struct pg *p, struct br_err *err)
{
	char epoch[32];
	struct br_pg_param params[] = {text_param(epoch), text_param(p->nonce)};

	if (!p->shared_inbox || conn_only_looks(p->c))
		return 0;
	snprintf(epoch, sizeof(epoch), "%lld", (long long)p->epoch);
	return br_pg_send(p->pg, p->sql.still.name, p->sql.still.sql, 2, NULL, params, false,
		on_still, p, err);
}

static int listen_to(struct pg *p, struct br_str channel, struct br_err *err)
{
	struct br_buf b;
	int rc;

	if (!channel.n)
		return 0;
	br_buf_init(&b, 4096);
	br_buf_adds(&b, BR_STR("listen "));
	pg_sql_name(&b, channel);
	rc = br_pg_send(p->pg, NULL, br_buf_cstr(&b), 0, NULL, NULL, false, NULL, NULL, err);
	br_buf_release(&b);
	return rc;
}

static int make_records(struct pg *p, struct br_err *err)
{
	struct conn_record *list;
	size_t n = conn_records(p->c, &list);
	int rc;

	p->records = br_arena_array(&p->arena, struct pg_record *, n + 1);
	if (!p->records)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (p->nrecords = 0; p->nrecords < n; p->nrecords++) {
		struct pg_record **r = &p->records[p->nrecords];

		rc = pg_record_new(list[p->nrecords].spec, list[p->nrecords].shape,
			list[p->nrecords].name, (unsigned)p->nrecords, &p->arena, r, err);
		if (rc)
			return rc;
		(*r)->conn = &list[p->nrecords];
		(*r)->inbox &= p->shared_inbox;
		list[p->nrecords].kind = *r;
	}
	return 0;
}

static int take_fence(struct pg *p, struct br_err *err)
{
	struct conn_known known = conn_known(p->c);
	char epoch[32] = "", taken[32], beat[32];
	struct br_pg_param params[] = {
		text_param(epoch), text_param(p->nonce), text_param(taken), text_param(beat)};
	int rc;

	if (!p->shared_inbox)
		return 0;
	snprintf(epoch, sizeof(epoch), "%lld", (long long)p->epoch);
	snprintf(taken, sizeof(taken), "%lld", (long long)known.epoch);
	snprintf(beat, sizeof(beat), "%lld", (long long)known.beat);
	rc = br_pg_send(p->pg, NULL, p->sql.take.sql, 4, NULL, params, false, on_taken, p, err);
	return rc ? rc : br_pg_sync(p->pg, NULL, NULL, err);
}

int pg_begin(void *state, int64_t epoch, struct br_str nonce, struct br_err *err)
{
	struct pg *p = state;
	struct conn_known known = conn_known(p->c);
	int rc;

	p->epoch = epoch;
	snprintf(p->nonce, sizeof(p->nonce), "%.*s", BR_STR_ARG(nonce));
	if (p->shared_inbox && known.inc.n && !br_str_eq(known.inc, br_str_z(p->identity))) {
		went_back(p);
		return 0;
	}
	rc = make_records(p, err);
	if (!rc)
		rc = take_fence(p, err);
	for (size_t i = 0; i < p->nrecords && !rc; i++)
		rc = learn(p, p->records[i], err);
	if (!rc && !conn_only_looks(p->c))
		rc = listen_to(p, p->o->listen, err);
	for (size_t i = 0; i < p->nrecords && !rc && !conn_only_looks(p->c); i++)
		rc = listen_to(p, p->records[i]->read.listen, err);
	if (!rc)
		rc = br_pg_send(p->pg, NULL, "select pg_snapshot_xmax(pg_current_snapshot())::text",
			0, NULL, NULL, false, on_horizon, p, err);
	return rc ? rc : br_pg_sync(p->pg, on_learnt, p, err);
}

struct pg_record *pg_record_of(struct pg *p, const struct conn_record *r)
{
	(void)p;
	return r->kind;
}
