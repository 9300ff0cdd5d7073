/* The check of a live database: what it finds, all of it, and that it changes nothing. */
#include "connectors/postgres/fake_conn.h"
#include "pg_check.h"

#define FILE_HEAD                                                                                  \
	"system: s\nconnector: postgres\nconnection: { dsn: \"%s\" }\nrecords:\n  application:\n"

struct found {
	char errors[300], warnings[300];
	size_t steps;
};

static void on_step(void *arg, const struct pg_step *step)
{
	struct found *f = arg;
	char *list = step->warning ? f->warnings : f->errors;

	f->steps++;
	assert_true(step->en[0] && step->zh[0]);
	if (step->err)
		snprintf(list + strlen(list), sizeof(f->errors) - strlen(list), "%s%s",
			*list ? "," : "", br_err_tag((int)br_err_code(step->err)));
}

static void check(void **state)
{
	static const struct {
		const char *name, *prepare, *yaml, *errors, *warnings;
	} cases[] = {
		{"all right", "create index on t (rv)",
			"    root: { table: t, key: k }\n    read: { cursor: rv }\n    write: { "
			"create: true }\n    case: { a: x, b: { column: y, as: date }, c: { "
			"concat: [x, y] } }\n"
			"    parts: { steps: { table: s, parent: k, key: n, case: { d: z } } }\n",
			"", ""},
		{"nothing but the sweep", "select 1",
			"    root: { table: t, key: k }\n    case: { a: x }\n", "", "PG-026"},
		{"no index", "select 1",
			"    root: { table: t, key: k }\n    read: { cursor: rv }\n    case: { a: "
			"x }\n",
			"", "PG-017"},
		{"everything wrong at once", "select 1",
			"    root: { table: t, key: key }\n    read: { changed: x }\n    case: { "
			"a: xx, b: y }\n    parts: { steps: { table: nowhere, parent: k, key: n } "
			"}\n",
			"PG-011,PG-011,PG-015,PG-010", ""},
		{"no trigger", "drop trigger keep on t",
			"    root: { table: t, key: k }\n    read: { cursor: rv }\n    case: { a: "
			"x }\n",
			"PG-014", ""},
		{"a view", "create view v as select * from t",
			"    root: { table: v, key: k }\n    case: { a: x }\n", "", "PG-026"},
		{"broken options", "select 1",
			"    root: { table: t, key: k }\n    read: { every: soon }\n    case: { a: "
			"x }\n",
			"PG-006", ""},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct cfg_report report = {0};
		struct cfg_site site = {.folder = "."};
		struct cfg_system system = {0};
		struct pg_options o = {0};
		struct found f = {0};
		struct cfg_node *file;
		struct br_arena a;
		struct br_err err;
		PGconn *db = fake_connect();
		char yaml[2000];
		int rc;

		sql(db, "drop schema if exists bridge cascade; drop table if exists s, t cascade;"
			"create table t (k text primary key, x text, y text, rv xid8 not null "
			"default pg_current_xact_id());"
			"create table s (k text, n int, z text);"
			"create or replace function keep_rv() returns trigger language plpgsql as "
			"$$ begin new.rv := pg_current_xact_id(); return new; end $$;"
			"create trigger keep before insert or update on t for each row execute "
			"function keep_rv()");
		sql(db, "%s", cases[i].prepare);
		br_arena_init(&a, 8 << 20);
		report.arena = &a;
		snprintf(yaml, sizeof(yaml), FILE_HEAD "%s", fake_dsn, cases[i].yaml);
		assert_int_equal(cfg_read_text(br_str_z(yaml), "s.yaml", &a, &report, &file), 0);
		system.connection = cfg_get(file, "connection");
		system.records = cfg_get(file, "records");
		assert_int_equal(
			cfg_read_options(pg_options, system.connection, file, ".", &o, &report), 0);
		rc = pg_check(&site, &system, &o, NULL, on_step, &f, &err);
		if (strcmp(f.errors, cases[i].errors) || strcmp(f.warnings, cases[i].warnings))
			fail_msg("%s: errors %s, warnings %s", cases[i].name, f.errors, f.warnings);
		assert_int_equal(rc != 0, *cases[i].errors != 0);
		assert_true(f.steps >= 4);
		assert_string_equal(sql(db, "select to_regnamespace('bridge') is null"), "t");
		PQfinish(db);
		br_arena_release(&a);
	}
}

static void privileges(void **state)
{
	PGconn *db = fake_connect();
	struct cfg_report report = {0};
	struct cfg_site site = {.folder = "."};
	struct cfg_system system = {0};
	struct pg_options o = {0};
	struct found f = {0};
	struct cfg_node *file;
	struct br_arena a;
	char yaml[2000];

	(void)state;
	sql(db, "drop schema if exists bridge cascade; drop table if exists t cascade; create "
		"table t (k text primary key, x text, y text);"
		"drop role if exists guest; create role guest login; grant select (k, x) on t to "
		"guest; grant insert on t to guest");
	br_arena_init(&a, 8 << 20);
	report.arena = &a;
	snprintf(yaml, sizeof(yaml),
		"connection: { dsn: \"%s user=guest\", encoding: GBK }\nrecords:\n  application:\n "
		"   root: { table: t, key: k }\n"
		"    write: { create: true }\n    case: { a: x, b: y }\n",
		fake_dsn);
	assert_int_equal(cfg_read_text(br_str_z(yaml), "s.yaml", &a, &report, &file), 0);
	system.connection = cfg_get(file, "connection");
	system.records = cfg_get(file, "records");
	assert_int_equal(
		cfg_read_options(pg_options, system.connection, file, ".", &o, &report), 0);
	assert_int_equal(pg_check(&site, &system, &o, NULL, on_step, &f, NULL), -BR_E_PG_ENCODING);
	assert_string_equal(f.errors, "PG-020,PG-012");
	assert_string_equal(f.warnings, "PG-024");
	/* with all columns readable, what may be written shows */
	f = (struct found){0};
	sql(db, "grant select on t to guest");
	pg_check(&site, &system, &o, NULL, on_step, &f, NULL);
	assert_string_equal(f.errors, "PG-020,PG-018");
	/* nobody there */
	f = (struct found){0};
	o.dsn = BR_STR("host=127.0.0.1 port=1");
	assert_int_equal(
		pg_check(&site, &system, &o, NULL, on_step, &f, NULL), -BR_E_PG_UNAVAILABLE);
	assert_int_equal(f.steps, 1);
	sql(db, "drop owned by guest; drop role guest");
	PQfinish(db);
	br_arena_release(&a);
}

/* Rows of a part are taken away where it is merged and may be updated: then that must be allowed.
 */
static void rows_that_may_not_go(void **state)
{
	static const struct {
		const char *write, *part, *warnings;
	} cases[] = {
		{"{ create: false }", "", "PG-018"},
		{"{ update: [x, steps] }", "", "PG-018"},
		{"{ update: [x] }", "", ""},
		{"{ create: false }", ", mode: append", ""},
	};
	PGconn *db = fake_connect();

	(void)state;
	sql(db, "drop table if exists s, t cascade; create table t (k text primary key, x text, rv "
		"timestamp); create index on t (rv); create table s (k text, n int, z text);"
		"drop role if exists guest; create role guest login; grant select, insert, update "
		"on t, s to guest");
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct cfg_report report = {0};
		struct cfg_site site = {.folder = "."};
		struct cfg_system system = {0};
		struct pg_options o = {
			.schema = BR_STR("bridge"), .timezone = BR_STR("Asia/Shanghai")};
		struct found f = {0};
		struct cfg_node *file;
		struct br_arena a;
		char yaml[1000], dsn[300];

		br_arena_init(&a, 8 << 20);
		report.arena = &a;
		snprintf(yaml, sizeof(yaml),
			"records:\n  r:\n    root: { table: t, key: k }\n    read: { changed: rv "
			"}\n    write: %s\n    case: { a: x }\n"
			"    parts: { steps: { table: s, parent: k, key: n%s, case: { d: z } } }\n",
			cases[i].write, cases[i].part);
		assert_int_equal(cfg_read_text(br_str_z(yaml), "s.yaml", &a, &report, &file), 0);
		system.records = cfg_get(file, "records");
		snprintf(dsn, sizeof(dsn), "%s user=guest", fake_dsn);
		o.dsn = br_str_z(dsn);
		assert_int_equal(pg_check(&site, &system, &o, NULL, on_step, &f, NULL), 0);
		if (strcmp(f.warnings, cases[i].warnings))
			fail_msg("%s: %s", yaml, f.warnings);
		br_arena_release(&a);
	}
	sql(db, "drop owned by guest; drop role guest");
	PQfinish(db);
}

/* What the mapping says of a record's end reaches the check. */
static void ends_that_are_known(void **state)
{
	PGconn *db = fake_connect();
	struct cfg_report report = {0};
	struct cfg_site site = {.folder = "."};
	struct cfg_system system = {0};
	struct pg_options o = {.dsn = br_str_z(fake_dsn), .schema = BR_STR("bridge")};
	json_t *finals = json_pack("{s:{s:s,s:[s]}}", "application", "column", "x", "codes", "2");
	struct found f = {0};
	struct cfg_node *file;
	struct br_arena a;

	(void)state;
	sql(db, "drop table if exists t cascade; create table t (k text primary key, x text)");
	br_arena_init(&a, 8 << 20);
	report.arena = &a;
	assert_int_equal(cfg_read_text(BR_STR("records:\n  application:\n    root: { table: t, "
					      "key: k }\n    case: { a: x }\n"),
				 "s.yaml", &a, &report, &file),
		0);
	system.records = cfg_get(file, "records");
	o.timezone = BR_STR("Asia/Shanghai");
	assert_int_equal(pg_check(&site, &system, &o, finals, on_step, &f, NULL), 0);
	assert_string_equal(f.warnings, "");
	json_decref(finals);
	PQfinish(db);
	br_arena_release(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(check),
		cmocka_unit_test(privileges),
		cmocka_unit_test(rows_that_may_not_go),
		cmocka_unit_test(ends_that_are_known),
	};

	return cmocka_run_group_tests(tests, fake_server_start, fake_server_stop);
}
