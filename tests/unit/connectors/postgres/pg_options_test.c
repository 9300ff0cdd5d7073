/* Options, connection strings, windows, and what lint says of a system's file. */
#include "connectors/postgres/fake_conn.h"

static void conninfo(void **state)
{
	static const struct {
		const char *dsn, *password, *want;
	} cases[] = {
		{"host=h dbname=d", "", "host=h dbname=d"},
		{"host=h", "a b", "host=h password='a b'"},
		{"host=h", "it's \\", "host=h password='it\\'s \\\\'"},
		{"postgresql://u@h/d", "p/w?&", "postgresql://u@h/d?password=%70%2F%77%3F%26"},
		{"postgres://u@h/d?sslmode=require", "x",
			"postgres://u@h/d?sslmode=require&password=%78"},
	};
	struct br_arena a;

	(void)state;
	br_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct pg_options o = {
			.dsn = br_str_z(cases[i].dsn), .password = br_str_z(cases[i].password)};
		char *says = NULL;
		PQconninfoOption *parsed;

		assert_string_equal(pg_conninfo(&o, &a).p, cases[i].want);
		parsed = PQconninfoParse(cases[i].want, &says);
		assert_non_null(parsed);
		for (PQconninfoOption *p = parsed; p->keyword; p++) {
			if (!strcmp(p->keyword, "password") && *cases[i].password)
				assert_string_equal(p->val, cases[i].password);
		}
		PQconninfoFree(parsed);
	}
	br_arena_release(&a);
}

static void windows(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int from, to;
	} cases[] = {
		{"", true, 0, 0},
		{"always", true, 0, 0},
		{"22:00-06:00", true, 1320, 360},
		{"00:00-24:00", true, 0, 1440},
		{"22-6", false, 0, 0},
		{"25:00-06:00", false, 0, 0},
		{"22:60-06:00", false, 0, 0},
		{"22:00-06:00x", false, 0, 0},
		{"at night", false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct pg_window w = {-1, -1};

		if (pg_window_read(br_str_z(cases[i].text), &w) != cases[i].good)
			fail_msg("%s", cases[i].text);
		if (cases[i].good) {
			assert_int_equal(w.from, cases[i].from);
			assert_int_equal(w.to, cases[i].to);
		}
	}
}

#define FILE_HEAD                                                                                  \
	"system: s\nconnector: postgres\nconnection: { dsn: host=h }\nrecords:\n  application:\n"

static void lint(void **state)
{
	static const struct {
		const char *name, *yaml, *found; /* tags of all problems, in order */
	} cases[] = {
		{"good",
			"    root: { table: bridge.t, key: k }\n    read: { every: 5ms, cursor: "
			"rv, sweep: \"22:00-06:00\" }\n"
			"    write: { create: true, update: [a, steps], guard: 200/h, inbox: "
			"false, order: [root, steps] }\n"
			"    parts: { steps: { table: s, parent: p, key: k, mode: append, case: { "
			"name: n } } }\n",
			""},
		{"no table", "    root: { key: k }\n", "CFG"},
		{"unknown key", "    root: { tabel: t, key: k }\n", "CFG,CFG"},
		{"too often", "    root: { table: t, key: k }\n    read: { every: 1ms }\n", "CFG"},
		{"window", "    root: { table: t, key: k }\n    read: { sweep: night }\n",
			"PG-002"},
		{"overlap",
			"    root: { table: t, key: k }\n    read: { changed: c, overlap: 10ms }\n",
			"PG-003"},
		{"what would have no effect",
			"    root: { table: t, key: k }\n    write: { via: table, path: [A, B], "
			"inbox: bridge.inbox }\n",
			"CFG,CFG,CFG"},
		{"the root not first",
			"    root: { table: t, key: k }\n    write: { order: [steps, root] }\n    "
			"parts: { steps: { table: s, parent: p, key: k } }\n",
			"PG-005"},
		{"what a part has not",
			"    root: { table: t, key: k }\n    parts: { steps: { table: s, parent: "
			"p, "
			"key: k, title: t, columns: {} } }\n",
			"CFG,CFG"},
		{"order",
			"    root: { table: t, key: k }\n    write: { order: [root, stepz] }\n    "
			"parts: { steps: { table: s, parent: p, key: k } }\n",
			"PG-005"},
		{"a part named twice",
			"    root: { table: t, key: k }\n    write: { order: [steps, steps] }\n    "
			"parts: { steps: { table: s, parent: p, key: k } }\n",
			"CFG"},
		{"a name that would be cut",
			"    root: { table: "
			"a234567890123456789012345678901234567890123456789012345678901234, key: k "
			"}\n",
			"PG-001"},
		{"a part's own",
			"    root: { table: t, key: k }\n    parts: { steps: { tabel: s, parent: "
			"p, key: k } }\n",
			"CFG,CFG"},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct cfg_report report = {0};
		struct cfg_site site = {.folder = "."};
		struct cfg_system system = {0};
		struct pg_options o = {0};
		struct cfg_node *file;
		struct br_arena a;
		char yaml[1500], found[200] = "";

		br_arena_init(&a, 8 << 20);
		report.arena = &a;
		snprintf(yaml, sizeof(yaml), FILE_HEAD "%s", cases[i].yaml);
		assert_int_equal(cfg_read_text(br_str_z(yaml), "s.yaml", &a, &report, &file), 0);
		system.connection = cfg_get(file, "connection");
		system.records = cfg_get(file, "records");
		assert_int_equal(
			cfg_read_options(pg_options, system.connection, file, ".", &o, &report), 0);
		pg_lint(&site, &system, &o, &report);
		for (struct cfg_problem *p = report.first; p; p = p->next) {
			const char *tag = br_err_tag((int)br_err_code(&p->err));

			if (p->warning)
				continue;
			snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%.*s",
				*found ? "," : "", strncmp(tag, "CFG", 3) ? 20 : 3, tag);
			assert_non_null(strstr(br_err_detail(&p->err, "at"), "s.yaml:"));
		}
		if (strcmp(found, cases[i].found))
			fail_msg("%s: %s", cases[i].name, found);
		br_arena_release(&a);
	}
}

/* A system that says neither what changed nor what is over: told, at its status, and let pass. */
static void lint_of_what_only_a_sweep_finds(void **state)
{
	static const struct {
		const char *record, *at; /* NULL: nothing to say */
	} cases[] = {
		{"read: { every: 1s }\n    case: { status: { column: zt, codes: c } }", NULL},
		{"read: { changed: gxsj }\n    case: { summary: a }", NULL},
		{"read: { cursor: rv }\n    case: { summary: a }", NULL},
		{"read: { every: 1s }\n    case: { summary: a }", "s.yaml:6:5"},
		{"case: { summary: a }", "s.yaml:6:5"},
		{"read: { every: 1s }\n    case: { status: { const: FINISHED } }", "s.yaml:8:21"},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct cfg_report report = {0};
		struct cfg_site site = {.folder = "."};
		struct cfg_system system = {0};
		struct pg_options o = {.schema = BR_STR("bridge")};
		struct cfg_node *file;
		struct br_arena a;
		char yaml[1500];

		br_arena_init(&a, 8 << 20);
		report.arena = &a;
		snprintf(yaml, sizeof(yaml), FILE_HEAD "    root: { table: t, key: k }\n    %s\n",
			cases[i].record);
		assert_int_equal(cfg_read_text(br_str_z(yaml), "s.yaml", &a, &report, &file), 0);
		system.records = cfg_get(file, "records");
		assert_int_equal(pg_lint(&site, &system, &o, &report), 0);
		if (report.warnings != (cases[i].at != NULL))
			fail_msg("%s", cases[i].record);
		if (cases[i].at) {
			assert_string_equal(
				br_err_tag((int)br_err_code(&report.first->err)), "PG-026");
			assert_string_equal(br_err_detail(&report.first->err, "at"), cases[i].at);
		}
		br_arena_release(&a);
	}
}

/* Each part once, whatever BEGIN says: as named, then the others as declared. */
static void the_order_of_parts(void **state)
{
#define PART "{\"key\":\"k\",\"columns\":[\"y\"],\"table\":\"t\",\"parent\":\"p\"}"
	static const struct {
		const char *order;
		unsigned want[3];
	} cases[] = {
		{"", {1, 2, 3}},
		{"\"c\",\"a\"", {3, 1, 2}},
		{"\"root\",\"b\",\"b\",\"b\",\"b\"", {2, 1, 3}},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct pg_record *r;
		struct br_arena a;
		struct br_err err;
		char text[1000];
		json_t *spec;

		br_arena_init(&a, 1 << 20);
		snprintf(text, sizeof(text),
			"{\"root\":{\"table\":\"t\",\"key\":\"k\"},\"read\":{},\"write\":{"
			"\"order\":[%s]},\"columns\":[\"x\"],\"parts\":{\"a\":" PART ",\"b\":" PART
			",\"c\":" PART "}}",
			cases[i].order);
		spec = json_loads(text, 0, NULL);
		assert_non_null(spec);
		assert_int_equal(
			pg_record_new(spec, fake_shape(spec, &a), BR_STR("r"), 0, &a, &r, &err), 0);
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(r->order[k], cases[i].want[k]);
		json_decref(spec);
		br_arena_release(&a);
	}
}

static void arrays(void **state)
{
	static const char want[] =
		"\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\3abc\xff\xff\xff\xff";
	struct br_pg_param p;
	struct pg_array x;

	(void)state;
	pg_array_init(&x);
	pg_array_add(&x, BR_STR("abc"));
	pg_array_add(&x, BR_STR_NONE);
	assert_true(pg_array_param(&x, &p));
	assert_int_equal(p.n, sizeof(want) - 1);
	assert_memory_equal(p.p, want, sizeof(want) - 1);
	pg_array_reset(&x);
	assert_true(pg_array_param(&x, &p));
	assert_int_equal(p.n, 12); /* no dimension at all */
	pg_array_release(&x);
}

static void constants(void **state)
{
	struct br_buf b;

	(void)state;
	br_buf_init(&b, 1000);
	pg_sql_constant(&b, BR_STR("a'b\\c"));
	assert_string_equal(br_buf_cstr(&b), "E'a''b\\\\c'");
	br_buf_release(&b);
}

static void names(void **state)
{
	static const struct {
		const char *table, *want;
	} cases[] = {
		{"t", "\"t\""},
		{"s.t", "\"s\".\"t\""},
		{"T\"; drop table x; --", "\"T\"\"; drop table x; --\""},
		{"a b.c.d", "\"a b\".\"c.d\""},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct br_buf b;

		br_buf_init(&b, 1000);
		pg_sql_table(&b, br_str_z(cases[i].table));
		assert_string_equal(br_buf_cstr(&b), cases[i].want);
		br_buf_release(&b);
	}
}

static void keys(void **state)
{
	static const struct {
		const char *type, *lid;
		bool fits;
	} cases[] = {
		{"integer", "7", true},
		{"integer", "-7", true},
		{"integer", "7x", false},
		{"integer", "", false},
		{"integer", "2147483648", false},
		{"integer", "-", false},
		{"integer", "2147483647", true},
		{"bigint", "9223372036854775807", true},
		{"bigint", "99999999999999999999", false},
		{"smallint", "x", false},
		{"text", "anything", true},
		{"uuid", "00000000-0000-0000-0000-000000000000", true},
		{"uuid", "A", false},
		{"numeric", "1.5", true},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct pg_table t = {.key = {.type = cases[i].type}};
		struct pg_record r = {.tables = &t};

		if (pg_key_fits(&r, br_str_z(cases[i].lid)) != cases[i].fits)
			fail_msg("%s %s", cases[i].type, cases[i].lid);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(conninfo),
		cmocka_unit_test(windows),
		cmocka_unit_test(lint),
		cmocka_unit_test(lint_of_what_only_a_sweep_finds),
		cmocka_unit_test(the_order_of_parts),
		cmocka_unit_test(arrays),
		cmocka_unit_test(names),
		cmocka_unit_test(constants),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
