/* Reading on a real server: nothing that is committed is missed, whatever order it is committed in.
 */
#include "connectors/postgres/fake_conn.h"

#define SPEC(read)                                                                                 \
	"{\"record\":\"application\",\"root\":{\"table\":\"ydz_sq\",\"key\":\"sbh\"},\"read\":"    \
	"{" read "},\"write\":{},"                                                                 \
	"\"columns\":[\"xm\",\"zt\",\"sqrq\"],\"parts\":{},\"natural_key\":[],\"refused\":[],"     \
	"\"on_create\":{}}"
#define PARTS_SPEC(read, part)                                                                     \
	"{\"record\":\"application\",\"root\":{\"table\":\"ydz_sq\",\"key\":\"sbh\"},\"read\":"    \
	"{" read "},\"write\":{},\"columns\":[\"xm\"],"                                            \
	"\"parts\":{\"steps\":{\"key\":\"xh\",\"columns\":[\"yj\"],\"table\":\"ydz_step\","        \
	"\"parent\":\"sbh\"" part "},"                                                             \
	"\"files\":{\"key\":\"name\",\"columns\":[\"size\"],\"table\":\"ydz_file\",\"parent\":"    \
	"\"sbh\"}},\"on_create\":{}}"

static const char tables[] =
	"drop schema if exists bridge cascade; drop table if exists ydz_file, ydz_step, ydz_sq "
	"cascade;"
	"create table ydz_sq (sbh varchar(20) primary key, xm text, zt smallint, sqrq timestamp, "
	"gxsj timestamp default localtimestamp, czy text,"
	" rv xid8 not null default pg_current_xact_id()); create index on ydz_sq (rv); create "
	"index on ydz_sq (gxsj);"
	"create or replace function keep_rv() returns trigger language plpgsql as $$ begin new.rv "
	":= pg_current_xact_id(); return new; end $$;"
	"create trigger keep before insert or update on ydz_sq for each row execute function "
	"keep_rv();"
	"create table ydz_step (sbh varchar(20), xh int, yj text, rv xid8 not null default "
	"pg_current_xact_id());"
	"create index on ydz_step (rv); create index on ydz_step (sbh);"
	"create trigger keep before insert or update on ydz_step for each row execute function "
	"keep_rv();"
	"create table ydz_file (sbh varchar(20), name text, size int)";

static struct conn *begin_with(PGconn **db, const char *spec)
{
	struct conn *c = fake_new();

	*db = fake_connect();
	sql(*db, "%s", tables);
	sql(*db, "set timezone = 'Asia/Shanghai'");
	fake_record(c, "application", spec);
	return c;
}

static void end_with(struct conn *c, PGconn *db)
{
	fake_free(c);
	PQfinish(db);
}

static void reads_what_is_new(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db,
		SPEC("\"cursor\":\"rv\",\"every\":\"5ms\",\"by\":\"czy\",\"changed\":\"gxsj\""));

	(void)state;
	sql(db, "insert into ydz_sq values ('A', '张三', 0, '2018-07-02 09:05:00.5', '2018-07-02 "
		"09:06:00', '窗口1'), ('B', '', null, null, null, null)");
	fake_start(c);
	fake_poll(c);
	assert_int_equal(c->nseen, 2);
	assert_seen(c, "A", "{\"xm\":\"张三\",\"zt\":\"0\",\"sqrq\":\"2018-07-02 09:05:00.5\"}");
	assert_seen(c, "B", "{\"xm\":\"\",\"zt\":null,\"sqrq\":null}");
	assert_string_equal(fake_find(c, 'o', "A")->by, "窗口1");
	assert_true(fake_find(c, 'o', "A")->src_ts == 1530493560000); /* 09:06 in Shanghai */
	assert_true(c->next_ms <= 5);
	assert_non_null(c->cursor);
	fake_forget(c);
	fake_poll(c);
	assert_int_equal(c->nseen, 0);
	sql(db, "update ydz_sq set zt = 1 where sbh = 'B'");
	fake_poll(c);
	assert_int_equal(c->nseen, 1);
	assert_seen(c, "B", "{\"xm\":\"\",\"zt\":\"1\",\"sqrq\":null}");
	/* the cursor is all that is needed to go on */
	fake_close(c);
	fake_forget(c);
	sql(db, "insert into ydz_sq values ('C', '王五')");
	fake_start(c);
	fake_poll(c);
	assert_int_equal(c->nseen, 1);
	assert_seen(c, "C", NULL);
	end_with(c, db);
}

/* Transactions that overlap and commit in another order than they began: an id or a time would hide
 * the slow ones for ever. */
static void late_commits_are_not_missed(void **state)
{
	PGconn *db, *slow[8];
	struct conn *c = begin_with(&db, SPEC("\"cursor\":\"rv\",\"page\":\"3\""));

	(void)state;
	fake_start(c);
	for (int i = 0; i < 8; i++) {
		slow[i] = fake_connect();
		sql(slow[i], "begin; insert into ydz_sq values ('S%d', 'slow')", i);
		sql(db,
			"insert into ydz_sq select 'Q%d' || g, 'quick' from generate_series(1, 5) "
			"g",
			i);
		fake_poll(c);
	}
	/* what is committed is told at once, though the slow ones hold the horizon back */
	for (int i = 0; i < 8; i++) {
		char lid[16];

		snprintf(lid, sizeof(lid), "Q%d5", i);
		assert_seen(c, lid, NULL);
		snprintf(lid, sizeof(lid), "S%d", i);
		assert_null(fake_find(c, 'o', lid));
	}
	for (int i = 7; i >= 0; i--) {
		char lid[16];

		fake_forget(c);
		sql(slow[i], i == 3 ? "rollback" : "commit");
		PQfinish(slow[i]);
		c->pg->records[0]->feeds[0].early_us =
			0; /* as if the second had passed after which what lies beyond the horizon
			      is read again */
		fake_poll(c);
		snprintf(lid, sizeof(lid), "S%d", i);
		if (i == 3)
			assert_null(fake_find(c, 'o', lid));
		else
			assert_seen(c, lid, NULL);
	}
	/* and a restart from the remembered place misses none of them either */
	fake_close(c);
	free(c->cursor);
	c->cursor = NULL;
	fake_forget(c);
	fake_start(c);
	fake_poll(c);
	assert_int_equal(c->nseen, 47);
	end_with(c, db);
}

/* The place remembered while a slow transaction is open must lie before it. */
static void a_restart_during_a_slow_commit(void **state)
{
	PGconn *db, *slow = fake_connect();
	struct conn *c = begin_with(&db, SPEC("\"cursor\":\"rv\""));

	(void)state;
	fake_start(c);
	sql(db, "insert into ydz_sq values ('A')");
	sql(slow, "begin; insert into ydz_sq values ('S')");
	sql(db, "insert into ydz_sq values ('B')");
	fake_poll(c);
	assert_seen(c, "A", NULL);
	assert_seen(c, "B", NULL);
	fake_close(c);
	sql(slow, "commit");
	fake_forget(c);
	fake_start(c);
	fake_poll(c);
	assert_seen(c, "S", NULL);
	assert_null(fake_find(c, 'o', "A"));
	PQfinish(slow);
	end_with(c, db);
}

static void pages_end_between_equal_values(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"cursor\":\"rv\",\"page\":\"7\""));

	(void)state;
	sql(db, "insert into ydz_sq select 'A' || g from generate_series(1, 50) g"); /* one
											transaction,
											one value */
	fake_start(c);
	fake_poll(c);
	assert_int_equal(c->nseen, 50);
	end_with(c, db);

	c = begin_with(&db, SPEC("\"changed\":\"gxsj\",\"page\":\"7\""));
	sql(db, "insert into ydz_sq (sbh, gxsj) select 'A' || g, '2018-07-02 09:05:00' from "
		"generate_series(1, 50) g");
	fake_start(c);
	fake_poll(c);
	assert_int_equal(c->nseen, 50);
	end_with(c, db);
}

static void time_of_change_with_an_overlap(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"changed\":\"gxsj\",\"overlap\":\"10m\",\"overlap_"
					      "every\":\"30s\",\"page\":\"4\""));

	(void)state;
	sql(db, "insert into ydz_sq (sbh, gxsj) select 'A' || g, now() - interval '1 minute' from "
		"generate_series(1, 9) g");
	fake_start(c);
	fake_poll(c);
	assert_int_equal(c->nseen, 9);
	fake_forget(c);
	fake_poll(c);
	assert_int_equal(c->nseen, 0); /* the overlap is not read each time */
	/* committed late: its time is older than the newest that was read */
	sql(db, "insert into ydz_sq (sbh, gxsj) values ('late', now() - interval '5 minutes'), "
		"('new', now())");
	fake_poll(c);
	assert_seen(c, "new", NULL);
	assert_null(fake_find(c, 'o', "late"));
	c->pg->records[0]->feeds[0].overlap_us = -1000000000; /* as if half a minute had passed */
	fake_poll(c);
	assert_seen(c, "late", NULL);
	assert_seen(c, "A9", NULL);
	/* a clock an hour ahead must not hide what comes after it */
	fake_forget(c);
	sql(db, "insert into ydz_sq (sbh, gxsj) select 'ahead' || g, now() + interval '1 hour' "
		"from generate_series(1, 9) g");
	fake_poll(c);
	assert_seen(c, "ahead9", NULL);
	sql(db, "insert into ydz_sq (sbh, gxsj) values ('next', now())");
	fake_forget(c);
	fake_poll(c);
	assert_seen(c, "next", NULL);
	/* after a restart too */
	fake_close(c);
	sql(db, "insert into ydz_sq (sbh, gxsj) values ('after', now())");
	fake_forget(c);
	fake_start(c);
	fake_poll(c);
	assert_seen(c, "after", NULL);
	end_with(c, db);
}

static void only_a_cursor_that_is_kept(void **state)
{
	static const struct {
		const char *name, *change, *read;
		enum br_err_code code; /* OK: it is read all the same */
	} cases[] = {
		{"kept", "select 1", "\"cursor\":\"rv\"", BR_E_OK},
		{"no trigger", "drop trigger keep on ydz_sq", "\"cursor\":\"rv\"",
			BR_E_PG_CURSOR_TRIGGER},
		{"disabled", "alter table ydz_sq disable trigger keep", "\"cursor\":\"rv\"",
			BR_E_PG_CURSOR_TRIGGER},
		{"only some columns",
			"drop trigger keep on ydz_sq; create trigger keep before insert or update "
			"of zt on ydz_sq for each row"
			" execute function keep_rv()",
			"\"cursor\":\"rv\"", BR_E_PG_CURSOR_TRIGGER},
		{"inserts alone",
			"drop trigger keep on ydz_sq; create trigger keep before insert on ydz_sq "
			"for each row execute function keep_rv()",
			"\"cursor\":\"rv\"", BR_E_PG_CURSOR_TRIGGER},
		{"with a condition",
			"drop trigger keep on ydz_sq; create trigger keep before insert or update "
			"on ydz_sq for each row"
			" when (new.zt = 1) execute function keep_rv()",
			"\"cursor\":\"rv\"", BR_E_PG_CURSOR_TRIGGER},
		{"two triggers",
			"drop trigger keep on ydz_sq; create trigger keep1 before insert on ydz_sq "
			"for each row execute function keep_rv();"
			"create trigger keep2 before update on ydz_sq for each row execute "
			"function keep_rv()",
			"\"cursor\":\"rv\"", BR_E_OK},
		{"another type", "alter table ydz_sq add column n bigint", "\"cursor\":\"n\"",
			BR_E_PG_CURSOR_TYPE},
		{"no trigger, but a time", "drop trigger keep on ydz_sq",
			"\"cursor\":\"rv\",\"changed\":\"gxsj\"", BR_E_OK},
		{"a time that is none", "select 1", "\"changed\":\"xm\"", BR_E_PG_CHANGED_TYPE},
		{"no such column", "select 1", "\"cursor\":\"vr\"", BR_E_PG_NO_COLUMN},
		{"no such table", "alter table ydz_sq rename to other", "\"cursor\":\"rv\"",
			BR_E_PG_NO_TABLE},
	};
	char spec[1000];

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		PGconn *db;
		struct conn *c;

		snprintf(spec, sizeof(spec),
			"{\"root\":{\"table\":\"ydz_sq\",\"key\":\"sbh\"},\"read\":{%s},\"write\":{"
			"},\"columns\":[\"xm\"],\"parts\":{}}",
			cases[i].read);
		c = begin_with(&db, spec);
		sql(db, "%s", cases[i].change);
		sql(db, "drop table if exists other");
		fake_open(c);
		fake_begin(c, c->epoch + 1, "n");
		if (br_err_code(&c->err) * c->failed != cases[i].code)
			fail_msg("%s: %s", cases[i].name,
				br_err_tag((int)(br_err_code(&c->err) * c->failed)));
		if (cases[i].code == BR_E_PG_NO_COLUMN)
			assert_non_null(strstr(br_err_detail(&c->err, "hint"), "rv"));
		end_with(c, db);
	}
}

static void a_record_with_parts_is_one_snapshot(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, PARTS_SPEC("\"cursor\":\"rv\"", ",\"cursor\":\"rv\""));
	const struct seen *s;

	(void)state;
	sql(db, "insert into ydz_sq (sbh, xm) values ('A', '张三'), ('B', '李四');"
		"insert into ydz_step (sbh, xh, yj) values ('A', 2, '二'), ('A', 10, '十'), ('A', "
		"1, null), ('B', 1, '一'), ('ghost', 1, 'x');"
		"insert into ydz_file values ('A', 'a/b%%.pdf', 3)");
	fake_start(c);
	fake_poll(c);
	assert_seen(c, "A",
		"{\"xm\":\"张三\",\"steps/1/yj\":null,\"steps/10/yj\":\"十\",\"steps/2/"
		"yj\":\"二\",\"files/a%2Fb%25.pdf/size\":\"3\"}");
	assert_seen(c, "B", "{\"xm\":\"李四\",\"steps/1/yj\":\"一\"}");
	/* rows of a part whose root is not there: told as absent, since the bridge may know it from
	 * before */
	assert_non_null(fake_find(c, 'g', "ghost"));
	/* only a part has changed */
	fake_forget(c);
	sql(db, "update ydz_step set yj = '改' where sbh = 'B'");
	fake_poll(c);
	assert_int_equal(c->nseen, 1);
	assert_seen(c, "B", "{\"xm\":\"李四\",\"steps/1/yj\":\"改\"}");
	/* two rows with one key are no image, but their bytes are kept for a person */
	fake_forget(c);
	sql(db, "insert into ydz_step (sbh, xh, yj) values ('B', 1, '重复')");
	fake_poll(c);
	s = fake_find(c, 'b', "B");
	assert_non_null(s);
	assert_string_equal(s->code, "PG-030");
	assert_non_null(strstr(s->text, "重复"));
	end_with(c, db);
}

/* Rows of a part have keys of their own only within their root. */
static void pages_of_a_part(void **state)
{
	static const char *const specs[] = {
		PARTS_SPEC("\"cursor\":\"rv\",\"page\":\"2\"", ",\"cursor\":\"rv\""),
		PARTS_SPEC("\"cursor\":\"rv\",\"page\":\"2\"", ",\"changed\":\"sj\"")};

	(void)state;
	for (size_t i = 0; i < BR_LEN(specs); i++) {
		PGconn *db;
		struct conn *c = begin_with(&db, specs[i]);

		sql(db, "insert into ydz_sq (sbh, xm) select 'A' || g, 'x' from generate_series(1, "
			"9) g; alter table ydz_step add sj timestamp");
		fake_start(c);
		fake_poll(c);
		fake_forget(c);
		sql(db, "insert into ydz_step (sbh, xh, yj, sj) select 'A' || g, x, 'y', "
			"'2018-07-02' from generate_series(1, 9) g, generate_series(1, 2) x");
		sql(db, "insert into ydz_step (sbh, xh, yj, sj) values ('A1', null, 'y', "
			"'2018-07-02'), (null, 1, 'y', '2018-07-02')");
		fake_poll(c);
		for (int k = 1; k <= 9; k++) {
			char lid[16];

			snprintf(lid, sizeof(lid), "A%d", k);
			if (k == 1)
				assert_non_null(fake_find(c, 'b', lid));
			else
				assert_seen(c, lid,
					"{\"xm\":\"x\",\"steps/1/yj\":\"y\",\"steps/2/yj\":\"y\"}");
		}
		fake_close(c);
		fake_forget(c);
		sql(db, "insert into ydz_step (sbh, xh, yj, sj) values ('A9', 3, 'z', "
			"'2018-07-03')");
		fake_start(c);
		fake_poll(c);
		assert_seen(c, "A9",
			"{\"xm\":\"x\",\"steps/1/yj\":\"y\",\"steps/2/yj\":\"y\",\"steps/3/"
			"yj\":\"z\"}");
		assert_int_equal(fake_find(c, 'o', "A8") != NULL,
			i == 1); /* the overlap is read again, a horizon is not */
		end_with(c, db);
	}
}

static void bytes_that_are_no_text(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"cursor\":\"rv\""));
	char dsn[300], tables_of_mine[3000];
	const struct seen *s;

	(void)state;
	sql(db, "drop database if exists raw");
	sql(db, "create database raw encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template "
		"template0");
	PQfinish(db);
	snprintf(dsn, sizeof(dsn), "%s dbname=raw", fake_dsn);
	db = PQconnectdb(dsn);
	snprintf(tables_of_mine, sizeof(tables_of_mine), "%s", tables);
	sql(db, "set client_min_messages = error");
	sql(db, "%s", tables_of_mine);
	sql(db, "set client_encoding = sql_ascii");
	sql(db, "insert into ydz_sq (sbh, xm) values ('A', E'\\xd5\\xc5\\xc8\\xfd'), ('B', "
		"'张三')"); /* GBK among UTF-8 */
	c->options.dsn = br_str_z(dsn);
	fake_start(c);
	fake_poll(c);
	assert_seen(c, "B", NULL);
	s = fake_find(c, 'b', "A");
	assert_non_null(s);
	assert_non_null(strstr(s->text, "xm=\xd5\xc5\xc8\xfd\n"));
	fake_close(c);
	c->options.encoding = BR_STR("UTF8");
	fake_open(c);
	assert_true(c->failed);
	assert_int_equal(br_err_code(&c->err), BR_E_PG_ENCODING);
	fake_close(c);
	c->options.encoding = BR_STR("SQL_ASCII");
	fake_start(c);
	end_with(c, db);
}

static void chunk(struct conn *c)
{
	c->swept = false;
	pg_kind.sweep(c->pg);
	fake_wait(c, &c->swept);
	fake_fail_if_failed(c);
	br_arena_reset(&c->arena);
}

static void walk(struct conn *c)
{
	do
		chunk(c);
	while (!c->done);
}

static void the_walk_leaves_no_gap(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"cursor\":\"rv\",\"sweep_page\":\"10\""));
	char all[2000] = "", last[128] = "";
	size_t keys = 0;

	(void)state;
	/* the order of bytes is not that of a dictionary */
	sql(db, "insert into ydz_sq (sbh) select case g %% 3 when 0 then 'a' when 1 then 'B' else "
		"'中' end || g from generate_series(1, 35) g");
	fake_start(c);
	walk(c);
	assert_int_equal(c->nseen, 4);
	for (size_t i = 0; i < c->nseen; i++) {
		assert_int_equal(c->seen[i].what, 'd');
		keys += (size_t)c->seen[i].n;
		if (i == 0)
			assert_string_equal(c->seen[i].lo, "");
		else
			assert_true(!strncmp(c->seen[i].lo, last, strlen(last)) &&
				    strcmp(c->seen[i].lo, last) > 0);
		snprintf(last, sizeof(last), "%s", c->seen[i].hi);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? "," : "",
			c->seen[i].text);
	}
	assert_string_equal(last, "");
	assert_int_equal(keys, 35);
	assert_string_equal(
		all, sql(db, "select string_agg(sbh, ',' order by sbh collate \"C\") from ydz_sq"));
	/* deleted rows are missing in the next walk, whose hashes follow the content */
	fake_forget(c);
	sql(db, "delete from ydz_sq where sbh like 'B%%'");
	walk(c);
	assert_null(strstr(c->seen[0].text, "B"));
	end_with(c, db);
}

static void the_walk_over_numbers_and_nothing(void **state)
{
	PGconn *db = fake_connect();
	struct conn *c = fake_new();
	char all[4000] = "";

	(void)state;
	sql(db, "drop schema if exists bridge cascade; drop table if exists item; create table "
		"item (id int primary key, name text)");
	fake_record(c, "item",
		"{\"root\":{\"table\":\"item\",\"key\":\"id\"},\"read\":{\"sweep_page\":\"50\","
		"\"sweep\":\"22:00-06:00\"},\"write\":{},"
		"\"columns\":[\"name\"],\"parts\":{}}");
	c->demanded = true;
	fake_start(c);
	walk(c);
	assert_int_equal(c->nseen, 1);
	assert_string_equal(c->seen[0].lo, "");
	assert_string_equal(c->seen[0].hi, "");
	assert_int_equal(c->seen[0].n, 0);
	assert_true(c->next_ms >= 5000 && c->next_ms <= 16 * 3600 * 1000);
	sql(db, "insert into item select g, 'n' from generate_series(1, 120) g");
	fake_forget(c);
	walk(c);
	assert_int_equal(c->nseen, 3);
	for (size_t i = 0; i < c->nseen; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? "," : "",
			c->seen[i].text);
	assert_string_equal(all, sql(db, "select string_agg(id::text, ',' order by id::text "
					 "collate \"C\") from item"));
	end_with(c, db);
}

/* Item 1 to 3 in three tables of one row each; sweep is what each of them says of its walk. */
static struct conn *begin_three(PGconn **db, const char *const *sweep)
{
	struct conn *c = fake_new();

	*db = fake_connect();
	sql(*db, "drop schema if exists bridge cascade");
	for (int i = 1; i <= 3; i++) {
		char name[16], spec[400];

		snprintf(name, sizeof(name), "item%d", i);
		sql(*db,
			"drop table if exists %s; create table %s (id text primary key, name "
			"text); insert into %s values ('%s', 'n')",
			name, name, name, name);
		snprintf(spec, sizeof(spec),
			"{\"root\":{\"table\":\"%s\",\"key\":\"id\"},\"read\":{\"sweep\":\"%s\"},"
			"\"write\":{},\"columns\":[\"name\"],\"parts\":{}}",
			name, sweep[i - 1]);
		fake_record(c, strdup(name), spec);
	}
	fake_start(c);
	return c;
}

static void end_three(struct conn *c, PGconn *db)
{
	for (size_t i = 0; i < c->nrecords; i++)
		free((void *)c->records[i].name.p);
	end_with(c, db);
}

static void a_walk_that_is_off_walks_only_on_demand(void **state)
{
	PGconn *db;
	struct conn *c = begin_three(&db, (const char *const[]){"off", "off", "off"});

	(void)state;
	chunk(c);
	assert_int_equal(c->nseen, 0);
	assert_true(c->next_ms < 0);
	c->demanded = true;
	walk(c);
	assert_int_equal(c->nseen, 3);
	c->demanded = false;
	fake_forget(c);
	chunk(c);
	assert_int_equal(c->nseen, 0);
	end_three(c, db);

	/* those that are off do not hold up the others */
	c = begin_three(&db, (const char *const[]){"off", "always", "off"});
	for (int i = 0; i < 3; i++) {
		fake_forget(c);
		chunk(c);
		assert_int_equal(c->nseen, 1);
		assert_string_equal(c->seen[0].text, "item2");
		assert_true(c->done);
		assert_int_equal(c->next_ms, 5000);
	}
	end_three(c, db);
}

/* Hours that begin in two. */
static const char *closed(void)
{
	static char window[16];
	PGconn *db = fake_connect();

	snprintf(window, sizeof(window), "%s",
		sql(db, "select to_char(now() at time zone 'Asia/Shanghai' + interval '2 hours', "
			"'HH24:MI-') || to_char(now() at time zone 'Asia/Shanghai' + interval '3 "
			"hours', 'HH24:MI')"));
	PQfinish(db);
	return window;
}

static void the_first_chunk_waits_for_its_hours(void **state)
{
	const char *window = closed();
	PGconn *db;
	struct conn *c;

	(void)state;
	c = begin_three(&db, (const char *const[]){window, "off", "off"});
	chunk(c);
	assert_int_equal(c->nseen, 0);
	assert_false(c->done);
	assert_true(c->next_ms > 3600 * 1000 && c->next_ms <= 2 * 3600 * 1000);
	c->demanded = true;
	walk(c);
	assert_int_equal(c->nseen, 3);
	end_three(c, db);
}

/* Whose hours have not come, or who pauses for longer, holds up none of the others. */
static void the_walk_passes_over_who_has_to_wait(void **state)
{
#define SLOW "always\",\"sweep_every\":\"1h"
	const char *window = closed();
	const struct {
		const char *sweep[3], *walked;
	} cases[] = {
		{{window, "always", "off"}, "item2 item2 item2 item2 "},
		{{"always", window, "always"}, "item1 item3 item1 item3 "},
		{{window, "off", window}, ""},
		{{SLOW, "always", "off"}, "item1 item2! item2 item2 "},
		{{"always", "always", "always"}, "item1 item2 item3! item1 "},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		char walked[100] = "";
		PGconn *db;
		struct conn *c = begin_three(&db, cases[i].sweep);

		for (int k = 0; k < 4; k++) {
			fake_forget(c);
			chunk(c);
			if (c->nseen)
				snprintf(walked + strlen(walked), sizeof(walked) - strlen(walked),
					"%s%s ", c->seen[0].text, c->done ? "!" : "");
			if (*cases[i].walked)
				assert_int_equal(c->next_ms, 5000);
			else
				assert_true(c->next_ms > 3600 * 1000);
		}
		if (strcmp(walked, cases[i].walked))
			fail_msg("%zu: %s", i, walked);
		end_three(c, db);
	}
}

static void single_records_are_read_again(void **state)
{
	static const struct br_str lids[] = {{"A", 1}, {"gone", 4}, {"A", 1}};
	PGconn *db;
	struct conn *c = begin_with(&db, PARTS_SPEC("\"cursor\":\"rv\"", ""));

	(void)state;
	sql(db, "insert into ydz_sq (sbh, xm) values ('A', '张三'); insert into ydz_step (sbh, xh, "
		"yj) values ('A', 1, '一')");
	fake_start(c);
	pg_kind.refetch(c->pg, &c->records[0], lids, 3);
	fake_wait(c, &c->refetched);
	assert_int_equal(c->nseen, 2);
	assert_seen(c, "A", "{\"xm\":\"张三\",\"steps/1/yj\":\"一\"}");
	assert_non_null(fake_find(c, 'g', "gone"));
	assert_int_equal(c->seen[0].reason, OBS_REFETCH);
	end_with(c, db);

	/* a key that cannot be one of the table */
	c = fake_new();
	db = fake_connect();
	sql(db, "drop schema if exists bridge cascade; drop table if exists item; create table "
		"item (id int primary key, name text);"
		"insert into item values (7, 'x')");
	fake_record(c, "item",
		"{\"root\":{\"table\":\"item\",\"key\":\"id\"},\"read\":{},\"write\":{},"
		"\"columns\":[\"name\"],\"parts\":{}}");
	fake_start(c);
	pg_kind.refetch(c->pg, &c->records[0],
		(struct br_str[]){{"x7", 2}, {"7", 1}, {"99999999999999999999", 20}}, 3);
	fake_wait(c, &c->refetched);
	assert_seen(c, "7", "{\"name\":\"x\"}");
	assert_non_null(fake_find(c, 'g', "x7"));
	assert_non_null(fake_find(c, 'g', "99999999999999999999"));
	end_with(c, db);
}

static void notify_wakes(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(
		&db, SPEC("\"cursor\":\"rv\",\"every\":\"1h\",\"listen\":\"Ydz Changed\""));

	(void)state;
	fake_start(c);
	fake_poll(c);
	assert_false(c->woken);
	sql(db, "insert into ydz_sq (sbh) values ('A'); notify \"Ydz Changed\"");
	fake_wait(c, &c->woken);
	c->polled = false;
	pg_kind.poll(c->pg);
	fake_wait(c, &c->polled);
	assert_seen(c, "A", NULL);
	end_with(c, db);
}

static void a_lost_connection_is_told_once(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"cursor\":\"rv\""));

	(void)state;
	fake_start(c);
	sql(db, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = "
		"'casebridge'");
	pg_kind.poll(c->pg);
	c->polled = false;
	fake_wait(c, &c->polled);
	assert_true(c->failed);
	assert_int_equal(br_err_class((int)br_err_code(&c->err)), BR_CLASS_RETRY);
	fake_close(c);
	fake_start(c);
	fake_poll(c);
	end_with(c, db);
}

static void a_place_in_the_future_is_not_believed(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"cursor\":\"rv\""));

	(void)state;
	sql(db, "insert into ydz_sq (sbh) values ('A')");
	c->cursor = strdup(
		"{\"application\":{\"\":{\"by\":\"rv\",\"value\":\"99999999999\",\"key\":\"Z\"}}}");
	fake_start(c);
	fake_poll(c);
	assert_seen(c, "A", NULL);
	fake_close(c);
	free(c->cursor);
	c->cursor = strdup("{\"application\":[nonsense");
	fake_forget(c);
	fake_start(c);
	fake_poll(c);
	assert_seen(c, "A", NULL);
	end_with(c, db);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_new),
		cmocka_unit_test(late_commits_are_not_missed),
		cmocka_unit_test(a_restart_during_a_slow_commit),
		cmocka_unit_test(pages_end_between_equal_values),
		cmocka_unit_test(time_of_change_with_an_overlap),
		cmocka_unit_test(only_a_cursor_that_is_kept),
		cmocka_unit_test(a_record_with_parts_is_one_snapshot),
		cmocka_unit_test(pages_of_a_part),
		cmocka_unit_test(bytes_that_are_no_text),
		cmocka_unit_test(the_walk_leaves_no_gap),
		cmocka_unit_test(the_walk_over_numbers_and_nothing),
		cmocka_unit_test(a_walk_that_is_off_walks_only_on_demand),
		cmocka_unit_test(the_first_chunk_waits_for_its_hours),
		cmocka_unit_test(the_walk_passes_over_who_has_to_wait),
		cmocka_unit_test(single_records_are_read_again),
		cmocka_unit_test(notify_wakes),
		cmocka_unit_test(a_lost_connection_is_told_once),
		cmocka_unit_test(a_place_in_the_future_is_not_believed),
	};

	return cmocka_run_group_tests(tests, fake_server_start, fake_server_stop);
}
