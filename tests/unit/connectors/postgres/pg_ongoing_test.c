/* Tables that do not say what changed: rows that are not over are read again, the others once more
 * when they end. */
#include "connectors/postgres/fake_conn.h"
#include "pg_ongoing.h"

#define SPEC(read, final)                                                                          \
	"{\"root\":{\"table\":\"sq\",\"key\":\"id\"},\"read\":{" read                              \
	"},\"write\":{},\"columns\":[\"xm\",\"zt\"],\"parts\":{}," final "\"on_create\":{}}"
#define FINAL "\"final\":{\"column\":\"zt\",\"codes\":[\"2\",\"it's \\\\\"]},"

static struct conn *begin_with(PGconn **db, const char *spec, const char *type)
{
	struct conn *c = fake_new();

	*db = fake_connect();
	sql(*db,
		"drop schema if exists bridge cascade; drop table if exists step, sq cascade; "
		"create "
		"table sq (id %s primary key, xm text, zt varchar(9)); create table step (sq %s, n "
		"int, yj text)",
		type, type);
	fake_record(c, "sq", spec);
	return c;
}

static void end_with(struct conn *c, PGconn *db)
{
	fake_free(c);
	PQfinish(db);
}

/* A round whatever the rest of the one before. */
static void round_of(struct conn *c)
{
	int64_t deadline = fake_ms() + 20000;

	fake_forget(c);
	do {
		if (fake_ms() > deadline)
			fail_msg("no round in 20 s");
		c->polled = false;
		for (size_t i = 0; i < c->pg->nrecords; i++)
			c->pg->records[i]->due_us = 0;
		pg_kind.poll(c->pg);
		fake_wait(c, &c->polled);
		br_arena_reset(&c->arena);
		fake_fail_if_failed(c);
	} while (c->more || c->observed == 0);
}

static void what_is_not_over_is_read_again(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"every\":\"5ms\"", FINAL), "text");

	(void)state;
	sql(db, "insert into sq values ('A', '张三', '0'), ('B', '李四', null), ('C', '王五', "
		"'2'), "
		"('D', '赵六', E'it''s \\\\'), ('E', '孙七', 'new')");
	fake_start(c);
	round_of(c);
	/* a null, and a code nobody knows, are not over */
	assert_int_equal(c->nseen, 3);
	assert_seen(c, "A", "{\"xm\":\"张三\",\"zt\":\"0\"}");
	assert_seen(c, "B", "{\"xm\":\"李四\",\"zt\":null}");
	assert_seen(c, "E", NULL);
	assert_int_equal(c->seen[0].reason, OBS_POLL);
	assert_null(c->cursor);
	sql(db, "update sq set xm = '改' where id = 'A'; insert into sq values ('F', '新', '0')");
	round_of(c);
	assert_seen(c, "A", "{\"xm\":\"改\",\"zt\":\"0\"}");
	assert_seen(c, "F", NULL);
	end_with(c, db);
}

static void what_ends_or_goes_is_read_once_more(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"every\":\"5ms\",\"page\":\"7\"", FINAL), "int");

	(void)state;
	sql(db, "insert into sq select g, 'x', '0' from generate_series(1, 50) g");
	fake_start(c);
	round_of(c);
	assert_int_equal(c->nseen, 50);
	/* more than one page of them, the first and the last among them */
	sql(db, "update sq set zt = '2', xm = '完' where id %% 5 = 1; delete from sq where id = "
		"50");
	round_of(c);
	assert_int_equal(c->nseen, 50);
	for (int i = 1; i < 50; i += 5) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		assert_seen(c, id, "{\"xm\":\"完\",\"zt\":\"2\"}");
	}
	assert_non_null(fake_find(c, 'g', "50"));
	/* and never again */
	round_of(c);
	assert_int_equal(c->nseen, 39);
	assert_null(fake_find(c, 'g', "50"));
	assert_null(fake_find(c, 'o', "1"));
	end_with(c, db);
}

/* The last one ends, and then there is none: an empty page is a round too. */
static void nothing_is_left(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"every\":\"5ms\"", FINAL), "text");

	(void)state;
	sql(db, "insert into sq values ('A', 'x', '0')");
	fake_start(c);
	round_of(c);
	sql(db, "update sq set zt = '2'");
	round_of(c);
	assert_int_equal(c->nseen, 1);
	assert_seen(c, "A", "{\"xm\":\"x\",\"zt\":\"2\"}");
	end_with(c, db);
}

static void records_with_parts(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db,
		"{\"root\":{\"table\":\"sq\",\"key\":\"id\"},\"read\":{\"page\":\"2\"},\"write\":{}"
		","
		"\"columns\":[\"xm\",\"zt\"]," FINAL
		"\"parts\":{\"steps\":{\"key\":\"n\",\"columns\":[\"yj\"],\"table\":\"step\","
		"\"parent\":\"sq\"}},\"on_create\":{}}",
		"text");

	(void)state;
	sql(db, "insert into sq select 'K' || g, 'x', '0' from generate_series(1, 5) g; insert "
		"into "
		"step values ('K1', 1, '一')");
	fake_start(c);
	round_of(c);
	assert_int_equal(c->nseen, 5);
	assert_seen(c, "K1", "{\"xm\":\"x\",\"zt\":\"0\",\"steps/1/yj\":\"一\"}");
	sql(db, "insert into step values ('K1', 2, '二'); update sq set zt = '2' where id = 'K2'");
	round_of(c);
	assert_seen(
		c, "K1", "{\"xm\":\"x\",\"zt\":\"0\",\"steps/1/yj\":\"一\",\"steps/2/yj\":\"二\"}");
	assert_seen(c, "K2", "{\"xm\":\"x\",\"zt\":\"2\"}");
	end_with(c, db);
}

/* What ended while no connector ran is found by a walk that does not wait for the night. */
static void the_first_walk_does_not_wait(void **state)
{
	static const struct {
		const char *spec;
		bool waits;
	} cases[] = {
		{SPEC("\"sweep\":\"00:00-00:01\",\"sweep_every\":\"50ms\",\"sweep_page\":\"2\"",
			 FINAL),
			false},
		{SPEC("\"sweep\":\"00:00-00:01\",\"sweep_every\":\"50ms\",\"sweep_page\":\"2\"",
			 ""),
			true},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		PGconn *db;
		struct conn *c = begin_with(&db, cases[i].spec, "text");

		sql(db, "insert into sq select 'K' || g, 'x', '2' from generate_series(1, 5) g");
		/* a zone in which it is not just midnight */
		c->options.timezone = br_str_z(
			sql(db, "select case when extract(hour from now() at time zone 'UTC') = 12 "
				"then 'Asia/Shanghai' else 'UTC' end")[0] == 'U'
				? "UTC"
				: "Asia/Shanghai");
		if (!strncmp(sql(db, "select to_char(now() at time zone '%s', 'HH24:MI')",
				     c->options.timezone.p),
			    "00:00", 5))
			c->options.timezone = BR_STR("Asia/Kolkata");
		fake_start(c);
		for (bool first = true; first || !(c->done || cases[i].waits); first = false) {
			c->swept = false;
			pg_kind.sweep(c->pg);
			fake_wait(c, &c->swept);
			fake_fail_if_failed(c);
			br_arena_reset(&c->arena);
			if (!c->done)
				assert_int_equal(c->next_ms > 50, cases[i].waits);
		}
		assert_true(c->next_ms > 50);
		assert_int_equal(c->nseen, cases[i].waits ? 0 : 3);
		end_with(c, db);
	}
}

/* As docs/connectors/postgres.md writes it. */
static void an_index_of_the_ongoing_rows_serves_the_pages(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("\"every\":\"5ms\"", FINAL), "text");
	char plan[2000] = "";
	PGresult *res;

	(void)state;
	sql(db, "create index sq_ongoing on sq (id) where zt is null or zt::text <> all "
		"(array['2', E'it''s \\\\'])");
	fake_start(c);
	for (int i = 0; i < 2; i++) {
		sql(db, "set enable_seqscan = off; set plan_cache_mode = force_generic_plan");
		sql(db, "prepare p%d%s as %s", i, i ? "(bigint, text)" : "(bigint)",
			c->pg->records[0]->feeds[0].page[i].sql);
		res = PQexec(db, i ? "explain execute p1(10, 'A')" : "explain execute p0(10)");
		plan[0] = '\0';
		for (int r = 0; r < PQntuples(res); r++)
			snprintf(plan + strlen(plan), sizeof(plan) - strlen(plan), "%s\n",
				PQgetvalue(res, r, 0));
		PQclear(res);
		if (!strstr(plan, "sq_ongoing") || strstr(plan, "Sort"))
			fail_msg("%s", plan);
	}
	end_with(c, db);
}

static void a_round_rests(void **state)
{
	struct pg_ongoing *o;
	struct br_arena a;
	const char *at;
	PGresult *none = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	(void)state;
	br_arena_init(&a, 1 << 20);
	o = pg_ongoing_new(&a);
	assert_true(pg_ongoing_begin(o, 1000, &at));
	assert_null(at);
	/* the round goes on, whatever the time */
	assert_int_equal(pg_ongoing_saw(o, none, true, 2000, NULL), 0);
	assert_true(pg_ongoing_begin(o, 2000, &at));
	assert_int_equal(pg_ongoing_saw(o, none, false, 3000, NULL), 0);
	assert_false(pg_ongoing_begin(o, 10999, &at));
	assert_true(pg_ongoing_begin(o, 11000, &at));
	PQclear(none);
	pg_ongoing_release(o);
	br_arena_release(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_over_is_read_again),
		cmocka_unit_test(what_ends_or_goes_is_read_once_more),
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(records_with_parts),
		cmocka_unit_test(the_first_walk_does_not_wait),
		cmocka_unit_test(an_index_of_the_ongoing_rows_serves_the_pages),
		cmocka_unit_test(a_round_rests),
	};

	return cmocka_run_group_tests(tests, fake_server_start, fake_server_stop);
}
