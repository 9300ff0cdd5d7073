/*
 * The ledger against a real PostgreSQL of our own, reachable through a socket in a temporary folder
 * only: what goes in comes out, and a batch is all or nothing.
 */
#include "ledger.h"

#include "br_pg.h"
#include "hub_order.h"
#include "hub_rebase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "hub_fixture.h"
#include "ledger_migrations.h"

#define BIN	    "/usr/lib/postgresql/15/bin/"
#define PATIENCE_US 30000000

static const struct fixture_file files[] = {
	{"systems/dept.yaml",
		"system: dept\ntitle: 部门\nrole: department\nconnector: postgres\nstart_live: "
		"true\nconnection: { dsn: \"dbname=x\" }\n"
		"records:\n  r:\n    root: { table: t, key: id }\n    read: { every: 1s }\n    "
		"write: { create: true }\n    match: [ dept_case_no ]\n    case:\n"
		"      dept_case_no: id\n      applicant.name: xm\n      applicant.address: dz\n"
		"      status: { column: zt, codes: { \"0\": RECEIVED, \"1\": ACCEPTED, \"2\": "
		"FINISHED } }\n"
		"    parts: { steps: { table: l, parent: id, key: xh, case: { opinion: op } } }\n"
		"    on_create: { id: { generate: \"nextval('s')\", returning: true } }\n"},
	{"systems/portal.yaml",
		"system: portal\ntitle: 政务服务网\nrole: portal\nconnector: postgres\nstart_live: "
		"true\nconnection: { dsn: \"dbname=x\" }\n"
		"records:\n  r:\n    root: { table: t, key: id }\n    read: { every: 1s }\n    "
		"write: { create: true }\n    match: [ dept_case_no ]\n    case:\n"
		"      portal_case_no: id\n      dept_case_no: bn\n      applicant.name: xm\n      "
		"applicant.address: dz\n"
		"      status: { column: zt, codes: { \"0\": RECEIVED, \"1\": ACCEPTED, \"2\": "
		"FINISHED } }\n"
		"    parts: { steps: { table: l, parent: id, key: xh, case: { opinion: op } } }\n"
		"    on_create: { id: { generate: \"nextval('s')\", returning: true } }\n"},
};

/* ---- the server ---- */

static char base_dir[64], data_dir[80], admin[160];
static pid_t server;

static pid_t run(const char *const argv[], int *out)
{
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		/* PostgreSQL refuses to run as root */
		struct passwd *pw = geteuid() ? NULL : getpwnam("postgres");

		if (pw && (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) ||
				  setuid(pw->pw_uid)))
			_exit(126);
		prctl(PR_SET_PDEATHSIG, SIGQUIT);
		dup2(p[1], STDOUT_FILENO);
		dup2(p[1], STDERR_FILENO);
		close(p[0]);
		close(p[1]);
		setenv("LC_ALL", "C", 1);
		if (chdir(base_dir))
			_exit(126);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(p[1]);
	*out = p[0];
	return pid;
}

static bool read_until(int fd, const char *word)
{
	char text[65536];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0) {
		n += (size_t)got;
		text[n] = '\0';
		if (word && strstr(text, word))
			return true;
	}
	return !word;
}

static int start_server(void)
{
	const char *const init[] = {BIN "initdb", "-D", data_dir, "-A", "trust", "-U", "bridge",
		"-N", "-E", "UTF8", "--locale=C", NULL};
	const char *const serve[] = {BIN "postgres", "-D", data_dir, "-k", base_dir, "-c",
		"listen_addresses=", "-c", "fsync=off", "-c", "log_min_messages=log", NULL};
	struct passwd *pw = geteuid() ? NULL : getpwnam("postgres");
	int out, status = 0;
	pid_t pid;

	snprintf(base_dir, sizeof(base_dir), "/tmp/casebridge-ledger-XXXXXX");
	if (!mkdtemp(base_dir) || (pw && chown(base_dir, pw->pw_uid, pw->pw_gid)))
		return -1;
	snprintf(data_dir, sizeof(data_dir), "%s/data", base_dir);
	snprintf(admin, sizeof(admin), "host=%s user=bridge dbname=postgres", base_dir);
	pid = run(init, &out);
	read_until(out, NULL);
	close(out);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return -1;
	server = run(serve, &out);
	return read_until(out, "ready to accept connections") ? 0 : -1;
}

/* ---- one bridge's view ---- */

struct side {
	struct br_arena arena;
	struct hub_world w;
	struct hub_system systems[2];
	struct ledger *g;
	struct ledger_position before[3], pos[3]; /* when the batch began, and now */
	struct br_err err;
	bool failed;
	int done; /* answers that were not waited for yet */
};

static struct br_loop *loop;
static char dsn[200];
static int databases;

static void set_done(void *arg, const struct br_err *err)
{
	struct side *s = arg;

	s->done++;
	s->failed = err != NULL;
	if (err)
		s->err = *err;
	br_loop_stop(loop, 0);
}

static void too_long(void *arg)
{
	(void)arg;
	br_loop_stop(loop, 9);
}

static void wait_for(struct side *s)
{
	struct br_timer timer = {.fn = too_long};

	br_timer_set(loop, &timer, PATIENCE_US);
	while (!s->done)
		assert_int_equal(br_loop_run(loop), 0);
	br_timer_set(loop, &timer, -1);
	s->done--;
}

static void fine(struct side *s)
{
	char text[1024];

	wait_for(s);
	if (s->failed)
		fail_msg("%s", br_err_text(&s->err, BR_LANG_EN, text, sizeof(text)));
}

static void sql(const char *where, const char *text)
{
	PGconn *conn;
	struct br_err err;
	char why[1024];

	br_err_clear(&err);
	if (br_pg_open_sync(where, &conn, &err) < 0 ||
		br_pg_exec_sync(conn, text, 0, NULL, NULL, &err) < 0)
		fail_msg("%s: %s", text, br_err_text(&err, BR_LANG_EN, why, sizeof(why)));
	PQfinish(conn);
}

static long count(const char *text)
{
	PGconn *conn;
	PGresult *res;
	long n;

	assert_int_equal(br_pg_open_sync(dsn, &conn, NULL), 0);
	assert_int_equal(br_pg_exec_sync(conn, text, 0, NULL, &res, NULL), 0);
	n = strtol(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	PQfinish(conn);
	return n;
}

static void open_side_with(struct side *s, size_t nsystems)
{
	static const char *const topics[] = {"in.dept", "in.portal", "ctl"};
	size_t i = 0;

	memset(s, 0, sizeof(*s));
	br_arena_init(&s->arena, 256u << 20);
	br_buf_init(&s->w.scratch, 1u << 20);
	br_buf_init(&s->w.delta, 1u << 20);
	s->w.schema = schema;
	s->w.systems = s->systems;
	s->w.nsystems = nsystems;
	for (struct cfg_system *c = site->systems; c; c = c->next, i++)
		s->systems[i] = (struct hub_system){.code = c->name,
			.maps = maps[i],
			.items = &c->items,
			.credit = 5000,
			.state = SYS_LIVE,
			.role = i ? CASE_OWNER_PORTAL : CASE_OWNER_DEPARTMENT};
	for (i = 0; i < 3; i++)
		s->pos[i] = (struct ledger_position){
			.topic = br_str_z(topics[i]), .sys = i < 2 ? &s->systems[i] : NULL};
	hub_world_begin(&s->w, &s->arena);
	s->g = ledger_new(loop, dsn, set_done, s, NULL);
	assert_non_null(s->g);
	ledger_open(s->g, &s->w, s->pos, 3, set_done, s);
}

static void open_side(struct side *s)
{
	open_side_with(s, 2);
}

static void close_side(struct side *s)
{
	ledger_free(s->g);
	HASH_CLEAR(hh, s->w.cases);
	HASH_CLEAR(hh, s->w.links);
	HASH_CLEAR(hh, s->w.keys);
	for (size_t i = 0; i < 2; i++)
		free((char *)s->systems[i].cursor.p);
	br_buf_release(&s->w.scratch);
	br_buf_release(&s->w.delta);
	br_arena_release(&s->arena);
}

static void begin_batch(struct side *s)
{
	hub_world_begin(&s->w, &s->arena);
	memcpy(s->before, s->pos, sizeof(s->before));
	s->w.topic = s->pos[0].topic;
	s->w.now_ms = 1530493500000;
}

static void load(struct side *s, struct ledger_want *want)
{
	ledger_load(s->g, &s->w, NULL, want, set_done, s);
}

static void store(struct side *s)
{
	ledger_store(s->g, &s->w, s->before, s->pos, 3, set_done, s);
}

static struct image image(struct side *s, const struct shape *shape, const char *json)
{
	struct image img;
	struct br_err err;
	struct br_jr r;

	br_err_clear(&err);
	br_jr_init(&r, br_arena_copy(&s->arena, br_str_z(json)), &s->arena, &err);
	assert_int_equal(image_read_set(&r, shape, false, &s->arena, &img), 0);
	return img;
}

static const struct shape *local(struct side *s, int sys)
{
	return map_shape(map_find(s->systems[sys].maps, BR_STR("r")));
}

/* What a system shows, folded at this offset. */
static void observe_in(struct side *s, int sys, int64_t offset, const char *lid, const char *json)
{
	struct msg m = {.type = MSG_OBS,
		.sys = s->systems[sys].code,
		.epoch = s->systems[sys].epoch,
		.seq = s->systems[sys].last_seq + 1,
		.rec = BR_STR("r"),
		.lid = br_arena_copy(&s->arena, br_str_z(lid)),
		.present = true,
		.has_image = true};

	m.image = image(s, local(s, sys), json);
	s->w.source = sys;
	s->w.topic = s->pos[sys].topic;
	s->w.offset = offset;
	hub_step(&s->w, &s->systems[sys], &m);
	s->pos[sys].next = offset + 1;
}

/* ... dept shows. */
static void observe(struct side *s, int64_t offset, const char *lid, const char *json)
{
	observe_in(s, 0, offset, lid, json);
}

static struct hub_case *only_case(struct side *s)
{
	assert_int_equal(HASH_COUNT(s->w.cases), 1);
	return s->w.cases;
}

/* A new, migrated ledger for each test. */
static int new_database(void **state)
{
	char text[100];
	int from, to;

	(void)state;
	snprintf(text, sizeof(text), "create database l%d", ++databases);
	sql(admin, text);
	snprintf(dsn, sizeof(dsn), "host=%s user=bridge dbname=l%d", base_dir, databases);
	return ledger_migrate(dsn, &from, &to, NULL);
}

/* ---- tests ---- */

static void migrating(void **state)
{
	char text[100];
	int from, to;
	struct br_err err;
	struct side s;

	(void)state;
	assert_int_equal(ledger_migrate(dsn, &from, &to, NULL), 0);
	assert_int_equal(from, ledger_version_known());
	assert_int_equal(to, from);
	snprintf(text, sizeof(text), "create database empty%d", databases);
	sql(admin, text);
	snprintf(text, sizeof(text), "host=%s user=bridge dbname=empty%d", base_dir, databases);
	snprintf(dsn, sizeof(dsn), "%s", text);
	open_side(&s);
	wait_for(&s);
	assert_true(s.failed);
	assert_int_equal(br_err_code(&s.err), BR_E_HUB_LEDGER_EMPTY);
	close_side(&s);
	assert_int_equal(ledger_migrate(dsn, &from, &to, NULL), 0);
	assert_int_equal(from, 0);
	assert_int_equal(to, ledger_version_known());
	sql(dsn, "insert into casebridge.migrations(version, name) values (9999, 'later')");
	br_err_clear(&err);
	assert_int_equal(ledger_migrate(dsn, &from, &to, &err), -BR_E_HUB_LEDGER_NEWER);
	open_side(&s);
	wait_for(&s);
	assert_int_equal(br_err_code(&s.err), BR_E_HUB_LEDGER_NEWER);
	close_side(&s);
}

#define WIDE_ROWS 11 /* the version before whose migration tables had another layout */

/* A ledger at work is laid out anew: every row as it was, and what refers to it. */
static void rows_keep_what_they_hold(void **state)
{
	static const char rows[] =
		"insert into casebridge.systems(code) values ('dept'), ('portal');"
		"insert into casebridge.cases values ('00000000-0000-0000-0000-000000000001', 3, "
		"'{\"a\":\"甲\"}', '{\"*\":3}', '{RECEIVED,ACCEPTED}', '2018-07-02', "
		"'2018-07-03'), ('00000000-0000-0000-0000-000000000002', 1, '{}', '{}', '{}', "
		"'2018-07-02', '2018-07-02');"
		"insert into casebridge.links(cid, sys, rec, lid, state, shadow, held, tries, n, "
		"inflight, ref, due, based) values ('00000000-0000-0000-0000-000000000001', 1, "
		"'r', "
		"'D1', 'inflight', '{\"xm\":\"张\"}', '{\"*\":2}', '{\"b\":1}', 7, '{\"op\":1}', "
		"'凭证', true, 4), ('00000000-0000-0000-0000-000000000001', 2, 'r', null, 'idle', "
		"'{}', '{}', null, 0, null, null, false, 0);"
		"insert into casebridge.parked(sys, cid, rec, lid, kind, code, place, text_en, "
		"text_zh, next_en, next_zh, topic, pos, at) values (1, "
		"'00000000-0000-0000-0000-000000000001', 'r', 'D1', 'in', '', '', '', '', '', '', "
		"'t', 1, now());";
	static const char all[] =
		"(select string_agg(concat_ws('|', cid, ver, doc, fver, had, created_at at time "
		"zone 'UTC', updated_at at time zone 'UTC'), ';' order by cid) || "
		"(select string_agg(concat_ws('|', cid, sys, rec, lid, state, shadow, held, tries, "
		"n, inflight, ref, due, based), ';' order by sys) from casebridge.links) from "
		"casebridge.cases)";
	char text[400];
	int from, to;

	(void)state;
	snprintf(text, sizeof(text), "create database layout%d", databases);
	sql(admin, text);
	snprintf(dsn, sizeof(dsn), "host=%s user=bridge dbname=layout%d", base_dir, databases);
	sql(dsn, "create schema casebridge; create table casebridge.migrations(version int "
		 "primary key, name text not null, at timestamptz not null default now())");
	for (int i = 0; i < WIDE_ROWS - 1; i++) {
		char *whole = NULL;

		assert_true(
			asprintf(&whole,
				"begin; %s; insert into casebridge.migrations values "
				"(%d, '%s'); commit",
				ledger_migrations[i].sql, i + 1, ledger_migrations[i].name) > 0);
		sql(dsn, whole);
		free(whole);
	}
	sql(dsn, rows);
	snprintf(text, sizeof(text), "create table public.before as select %s as held", all);
	sql(dsn, text);
	assert_int_equal(ledger_migrate(dsn, &from, &to, NULL), 0);
	assert_int_equal(from, WIDE_ROWS - 1);
	snprintf(text, sizeof(text), "select count(*) from public.before where held = %s", all);
	assert_int_equal(count(text), 1);
	assert_int_equal(count("select count(*) from casebridge.parked join casebridge.cases using "
			       "(cid)"),
		1);
	assert_int_equal(count("select count(*) from pg_constraint where confrelid = "
			       "'casebridge.cases'::regclass"),
		2);
	assert_int_equal(count("select count(*) from casebridge.reviews"), 2);
}

static void same_versions(const struct versions *a, const struct versions *b)
{
	assert_int_equal(a->dflt, b->dflt);
	assert_int_equal(a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		assert_int_equal(a->at[i].field, b->at[i].field);
		assert_int_equal(a->at[i].part, b->at[i].part);
		assert_int_equal(a->at[i].v, b->at[i].v);
		assert_true(br_str_eq(a->at[i].key, b->at[i].key));
	}
}

static void a_state_comes_back(void **state)
{
	static const char doc_local[] =
		"{\"id\":\"D1\",\"xm\":\"张\\\"三\\n\",\"dz\":null,\"zt\":\"1\",\"steps/1/"
		"op\":\"同意\",\"steps/甲%2F乙/op\":\"好\"}";
	struct ledger_want want = {0};
	struct ledger_lid lid;
	struct hub_link *l, *back;
	struct hub_case *k;
	struct side a, b;
	struct image shadow;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 5, "D1", doc_local);
	k = only_case(&a);
	l = hub_case_link(k, &a.systems[1], BR_STR("r"));
	assert_non_null(l);
	assert_true(l->inflight.on);
	/* every kind of state, also such as one batch seldom brings about at once */
	hub_world_set_lid(&a.w, l, BR_STR("P/1"));
	l->shadow = image(
		&a, local(&a, 1), "{\"id\":\"P/1\",\"xm\":\"李\",\"dz\":null,\"steps/2/op\":\"\"}");
	l->inflight.own_base = l->inflight.attempted = true;
	l->inflight.base = image(&a, local(&a, 1), "{\"id\":\"P/1\"}");
	l->inflight.set = image(&a, local(&a, 1), "{\"xm\":\"王\",\"steps/2\":null}");
	l->inflight.op = OP_UPDATE;
	l->inflight.all = false;
	l->inflight.places = br_arena_array(&a.arena, struct version_at, 1);
	l->inflight.places[0] = (struct version_at){.field = schema->f_status, .v = 1};
	l->inflight.nplaces = 1;
	l->ref = BR_STR("凭证");
	l->due = true;
	versions_set(&l->tries, &a.arena, 0, BR_STR_NONE, schema->f_status, 2);
	l->held = (struct versions){.dflt = 1};
	versions_set(&l->held, &a.arena, 0, BR_STR_NONE, schema->f_status, -1);
	versions_set(&l->held, &a.arena, (unsigned)shape_find_part(schema->shape, BR_STR("steps")),
		BR_STR("甲/乙"),
		(unsigned)shape_find(schema->shape,
			(unsigned)shape_find_part(schema->shape, BR_STR("steps")),
			BR_STR("opinion")),
		-1);
	versions_set(&k->fver, &a.arena, 0, BR_STR_NONE, schema->f_status, 3);
	store(&a);
	fine(&a);

	open_side(&b);
	fine(&b);
	assert_true(b.w.incarnation > a.w.incarnation);
	assert_int_equal(b.pos[0].next, 6);
	assert_int_equal(b.systems[0].last_seq, a.systems[0].last_seq);
	assert_int_equal(b.systems[1].outstanding, 1);
	assert_int_equal(b.systems[0].count.read, 1);
	assert_int_equal(b.systems[1].count.sent, 1);
	begin_batch(&b);
	lid = (struct ledger_lid){&b.systems[0], BR_STR("r"), BR_STR("D1")};
	want = (struct ledger_want){.lids = &lid, .nlids = 1};
	load(&b, &want);
	fine(&b);
	assert_false(only_case(&b)->dirty);
	assert_true(image_same(&k->doc, &only_case(&b)->doc));
	same_versions(&k->fver, &only_case(&b)->fver);
	assert_int_equal(only_case(&b)->ver, k->ver);
	assert_int_equal(only_case(&b)->nhad, 1);
	assert_true(br_str_eq(only_case(&b)->had[0], BR_STR("ACCEPTED")));
	assert_int_equal(only_case(&b)->created_ms, k->created_ms);
	back = hub_case_link(only_case(&b), &b.systems[0], BR_STR("r"));
	shadow = image(&b, local(&b, 0), doc_local);
	assert_true(image_same(&back->shadow, &shadow));
	back = hub_world_link(&b.w, &b.systems[1], BR_STR("r"), BR_STR("P/1"));
	assert_non_null(back);
	assert_int_equal(back->state, LINK_INFLIGHT);
	assert_true(image_same(&back->shadow, &l->shadow));
	same_versions(&back->held, &l->held);
	same_versions(&back->tries, &l->tries);
	assert_int_equal(back->n, l->n);
	assert_true(back->due);
	assert_true(br_str_eq(back->ref, l->ref));
	assert_true(back->inflight.on && back->inflight.own_base && back->inflight.attempted);
	assert_false(back->inflight.all || back->inflight.pending);
	assert_int_equal(back->inflight.op, OP_UPDATE);
	assert_int_equal(back->inflight.ver, l->inflight.ver);
	assert_int_equal(back->inflight.incarnation, a.w.incarnation);
	assert_true(image_same(&back->inflight.set, &l->inflight.set));
	assert_true(image_same(&back->inflight.base, &l->inflight.base));
	assert_int_equal(back->inflight.nplaces, 1);
	assert_int_equal(back->inflight.places[0].field, schema->f_status);

	/* what a starting connector must settle */
	begin_batch(&b);
	ledger_load_inflight(b.g, &b.w, &b.systems[1], set_done, &b);
	fine(&b);
	assert_true(only_case(&b)->links->inflight.on);
	/* and what may not have been published: offset 5 is not below published (0) */
	begin_batch(&b);
	ledger_load_unpublished(b.g, &b.w, b.pos, 3, set_done, &b);
	fine(&b);
	assert_true(only_case(&b)->publish);
	assert_non_null(b.w.history);
	assert_int_equal(b.w.history->ver, 1);
	b.pos[0].published = 6;
	begin_batch(&b);
	ledger_load_unpublished(b.g, &b.w, b.pos, 3, set_done, &b);
	fine(&b);
	assert_int_equal(HASH_COUNT(b.w.cases), 0);
	close_side(&a);
	close_side(&b);
}

/* Also when it is in no batch: a batch without input moves no position. */
static void the_last_to_open_is_the_bridge(void **state)
{
	struct ledger_want want = {0};
	struct side a, b;

	(void)state;
	open_side(&a);
	fine(&a);
	open_side(&b);
	fine(&b);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	store(&a);
	wait_for(&a);
	assert_true(a.failed);
	assert_int_equal(br_err_code(&a.err), BR_E_HUB_POSITION_TAKEN);
	begin_batch(&b);
	load(&b, &want);
	fine(&b);
	store(&b);
	fine(&b);
	close_side(&a);
	close_side(&b);
}

static void a_moved_position_stops_the_other(void **state)
{
	struct ledger_want want = {0};
	struct side a, b;

	(void)state;
	open_side(&b);
	fine(&b);
	open_side(&a);
	fine(&a);
	b.w.incarnation = a.w.incarnation;
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}");
	store(&a);
	fine(&a);
	begin_batch(&b);
	load(&b, &want);
	fine(&b);
	observe(&b, 0, "D2", "{\"id\":\"D2\",\"xm\":\"李四\",\"zt\":\"0\"}");
	store(&b);
	wait_for(&b);
	assert_true(b.failed);
	assert_int_equal(br_err_code(&b.err), BR_E_HUB_POSITION_TAKEN);
	assert_string_equal(br_err_detail(&b.err, "topic"), "in.dept");
	close_side(&b);
	assert_int_equal(count("select count(*) from casebridge.cases"), 1);
	close_side(&a);
}

static void a_batch_that_cannot_be_stored_leaves_nothing(void **state)
{
	struct ledger_want want = {0};
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	/* two systems' worth of the same number */
	sql(dsn, "insert into casebridge.links(cid, sys, rec, lid, state, shadow, held) select "
		 "gen_random_uuid(), id, 'r', 'D2', 'idle', '{}', '{}'"
		 " from casebridge.systems where code = 'dept'");
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 0, "D2", "{\"id\":\"D2\",\"xm\":\"张三\",\"zt\":\"0\"}");
	store(&a);
	wait_for(&a);
	assert_true(a.failed);
	assert_int_equal(count("select count(*) from casebridge.cases"), 0);
	assert_int_equal(count("select sum(next) from casebridge.positions"), 0);
	assert_int_equal(count("select count(*) from casebridge.history"), 0);
	close_side(&a);
}

/* A world beside the one of the side: the batch behind. */
struct behind {
	struct br_arena arena;
	struct hub_world w;
	struct ledger_position pos[3];
};

static void begin_behind(struct behind *b, const struct side *s)
{
	*b = (struct behind){.w = s->w};
	b->w.cases = NULL;
	b->w.links = NULL;
	b->w.keys = NULL;
	br_arena_init(&b->arena, 64u << 20);
	br_buf_init(&b->w.scratch, 1u << 20);
	br_buf_init(&b->w.delta, 1u << 20);
	hub_world_begin(&b->w, &b->arena);
	memcpy(b->pos, s->pos, sizeof(b->pos));
}

static void close_behind(struct behind *b)
{
	HASH_CLEAR(hh, b->w.cases);
	HASH_CLEAR(hh, b->w.links);
	HASH_CLEAR(hh, b->w.keys);
	br_buf_release(&b->w.scratch);
	br_buf_release(&b->w.delta);
	br_arena_release(&b->arena);
}

static struct ledger_want want_d1(struct side *s)
{
	static struct ledger_lid lid;
	static struct ledger_key key;

	lid = (struct ledger_lid){&s->systems[0], BR_STR("r"), BR_STR("D1")};
	key = (struct ledger_key){BR_STR("dept_case_no"), BR_STR("D1")};
	return (struct ledger_want){.lids = &lid, .nlids = 1, .keys = &key, .nkeys = 1};
}

/* Folded and sent before the one ahead is stored. */
static void a_batch_finds_what_the_one_ahead_changed(void **state)
{
	struct ledger_want none = {0}, want;
	struct behind b;
	struct side a;
	struct hub_link *l;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &none);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}");
	begin_behind(&b, &a);
	want = want_d1(&a);
	/* nothing of it is in the ledger */
	ledger_load(a.g, &b.w, &a.w, &want, set_done, &a);
	fine(&a);
	l = hub_world_link(&b.w, &a.systems[0], BR_STR("r"), BR_STR("D1"));
	assert_non_null(l);
	assert_false(l->is_new || l->dirty || l->kase->is_new);
	assert_ptr_equal(hub_world_match(&b.w, BR_STR("dept_case_no"), BR_STR("D1")), l->kase);
	l->dirty = true;
	b.pos[0].next++;
	store(&a);
	ledger_store(a.g, &b.w, a.pos, b.pos, 3, set_done, &a);
	fine(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.links"), 2);
	assert_int_equal(count("select next from casebridge.positions where topic = 'in.dept'"),
		b.pos[0].next);
	close_behind(&b);
	close_side(&a);
}

static void nothing_is_stored_behind_what_was_not(void **state)
{
	struct ledger_want none = {0}, want;
	struct behind b;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	sql(dsn, "insert into casebridge.links(cid, sys, rec, lid, state, shadow, held) select "
		 "gen_random_uuid(), id, 'r', 'D1', 'idle', '{}', '{}'"
		 " from casebridge.systems where code = 'dept'");
	begin_batch(&a);
	load(&a, &none);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}");
	begin_behind(&b, &a);
	want = want_d1(&a);
	ledger_load(a.g, &b.w, &a.w, &want, set_done, &a);
	fine(&a);
	b.pos[0].next++;
	store(&a);
	ledger_store(a.g, &b.w, a.pos, b.pos, 3, set_done, &a);
	wait_for(&a);
	assert_true(a.failed);
	wait_for(&a);
	assert_true(a.failed);
	assert_int_equal(count("select sum(next) from casebridge.positions"), 0);
	assert_int_equal(count("select count(*) from casebridge.cases"), 0);
	close_behind(&b);
	close_side(&a);
}

static void parked_and_settled(void **state)
{
	struct ledger_want want = {0};
	struct br_err err;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"9\"}");
	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_MESSAGE, "system", "dept", "why", "\xff", NULL);
	/* nobody promises that a stranger's key is text */
	a.w.offset = 1;
	hub_step_bad(&a.w, &a.systems[0], (struct br_str){"\xff\xfe\0k", 4},
		(struct br_str){"\0\xff", 2}, &err);
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.parked where status = 'open'"), 2);
	assert_int_equal(count("select count(*) from casebridge.parked where raw = '\\x00ff'"), 1);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 2, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}");
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.parked where status = 'superseded' "
			       "and lid = 'D1'"),
		1);
	/* parked and settled within one batch, and parked twice: one is open at most */
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 3, "D3", "{\"id\":\"D3\",\"xm\":\"张三\",\"zt\":\"9\"}");
	observe(&a, 4, "D3", "{\"id\":\"D3\",\"xm\":\"张三\",\"zt\":\"1\"}");
	observe(&a, 5, "D4", "{\"id\":\"D4\",\"xm\":\"张三\",\"zt\":\"8\"}");
	observe(&a, 6, "D4", "{\"id\":\"D4\",\"xm\":\"张三\",\"zt\":\"9\"}");
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.parked where status = 'open' and "
			       "lid = 'D3'"),
		0);
	assert_int_equal(count("select count(*) from casebridge.parked where status = 'superseded' "
			       "and lid = 'D3'"),
		1);
	assert_int_equal(count("select count(*) from casebridge.parked where status = 'open' and "
			       "lid = 'D4'"),
		1);
	close_side(&a);
}

/* Those that may not have got out before a crash: as they were, settled since or not. */
static void parked_are_told_again(void **state)
{
	struct ledger_want want = {0};
	struct hub_parked *p;
	struct br_err err;
	struct side a, b;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	br_err_clear(&err);
	br_err_set(&err, BR_E_HUB_MESSAGE, "system", "dept", "why", "no record", NULL);
	hub_step_bad(&a.w, &a.systems[0], BR_STR("D0"), (struct br_str){"\0\xff", 2}, &err);
	observe(&a, 1, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"9\"}");
	store(&a);
	fine(&a);
	close_side(&a);
	open_side(&b);
	fine(&b);
	begin_batch(&b);
	ledger_load_unpublished(b.g, &b.w, b.pos, 3, set_done, &b);
	fine(&b);
	p = b.w.parked;
	assert_non_null(p);
	assert_true(p->sys == &b.systems[0] && p->kind == PARKED_MESSAGE && !p->kase);
	assert_true(br_str_eq(p->raw, (struct br_str){"\0\xff", 2}));
	assert_true(br_str_eq(p->code, br_str_z(br_err_tag(BR_E_HUB_MESSAGE))));
	p = p->next;
	assert_non_null(p);
	assert_true(br_str_eq(p->lid, BR_STR("D1")) && p->kind == PARKED_IN && p->text_zh.n > 0);
	assert_null(p->next);
	sql(dsn, "update casebridge.positions set published = next");
	begin_batch(&b);
	ledger_load_unpublished(b.g, &b.w, b.pos, 3, set_done, &b);
	fine(&b);
	assert_null(b.w.parked);
	close_side(&b);
}

/* A record that a person bound is merged by no message, when its system goes live: what came of
 * that is known by the batch. */
static void what_no_message_brought_is_told_again(void **state)
{
	struct ledger_want want = {0};
	struct ledger_position review[2];
	struct side a, b;
	struct hub_link *l;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 5, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}");
	l = only_case(&a)->links;
	l->state = LINK_MATCHED;
	l->shadow = image(&a, local(&a, 0), "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}");
	l->lid = BR_STR("D1");
	a.w.source = 2;
	a.w.offset = -7;
	hub_step_resume(&a.w, l, false);
	assert_int_equal(only_case(&a)->ver, 2);
	hub_step_poison_link(&a.w, l, "too large");
	store(&a);
	fine(&a);
	sql(dsn, "update casebridge.positions set next = 7, published = 6 where topic = 'ctl'");
	sql(dsn, "update casebridge.positions set published = next where topic <> 'ctl'");
	close_side(&a);

	open_side(&b);
	fine(&b);
	begin_batch(&b);
	review[0] = (struct ledger_position){b.pos[0].topic, b.pos[0].sys, 6, 6};
	review[1] = (struct ledger_position){b.pos[2].topic, NULL, -6, -7};
	ledger_load_unpublished(b.g, &b.w, review, 2, set_done, &b);
	fine(&b);
	assert_true(only_case(&b)->publish);
	assert_non_null(b.w.history);
	assert_int_equal(b.w.history->ver, 2);
	assert_null(b.w.history->next);
	assert_non_null(b.w.parked);
	assert_null(b.w.parked->next);
	sql(dsn, "update casebridge.positions set published = 7 where topic = 'ctl'");
	begin_batch(&b);
	review[1].published = -6;
	ledger_load_unpublished(b.g, &b.w, review, 2, set_done, &b);
	fine(&b);
	assert_int_equal(HASH_COUNT(b.w.cases), 0);
	assert_null(b.w.history);
	assert_null(b.w.parked);
	close_side(&b);
}

/* A conflict names the system whose value lost: itself, or who entered the version it won over. */
static void conflicts_name_the_loser(void **state)
{
	struct ledger_want want = {0};
	struct cell place = {.field = (uint16_t)schema->f_status};
	struct hub_conflict *c;
	struct hub_link *l;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}");
	l = hub_case_link(only_case(&a), &a.systems[1], BR_STR("r"));
	assert_non_null(hub_add_conflict(&a.w, l, CONFLICT_OWNERSHIP, &place, NULL, NULL));
	c = hub_add_conflict(&a.w, l, CONFLICT_LOST, &place, NULL, NULL);
	c->lost_ver = 1;
	c = hub_add_conflict(&a.w, l, CONFLICT_INITIAL, &place, NULL, NULL);
	c->lost_ver = 99; /* a history that was cleared: who won is better than nothing */
	store(&a);
	fine(&a);
#define LOSER(kind, code)                                                                          \
	assert_int_equal(count("select count(*) from casebridge.conflicts k join "                 \
			       "casebridge.systems s on s.id = k.sys where k.kind = '" kind        \
			       "' and s.code = '" code "'"),                                       \
		1)
	LOSER("ownership", "portal");
	LOSER("lost", "dept");
	LOSER("initial", "portal");
	close_side(&a);
}

static void give(struct side *s, int64_t offset, const char *json)
{
	struct hub_order o;
	struct br_err err;

	br_err_clear(&err);
	assert_true(hub_order_read(br_arena_copy(&s->arena, br_str_z(json)), &s->arena, &o, &err));
	s->w.source = 2;
	s->w.topic = s->pos[2].topic;
	s->w.offset = offset;
	assert_true(hub_order_fold(&s->w, &o));
	s->w.source = 0;
	s->w.topic = s->pos[0].topic;
	s->pos[2].next = offset + 1;
}

/* D1 is a case with a conflict, D9 is parked. */
static void something_to_decide(struct side *s)
{
	struct ledger_want want = {0};
	struct cell place = {.field = (uint16_t)schema->f_status}, lost = place;
	struct hub_link *l;

	begin_batch(s);
	load(s, &want);
	fine(s);
	observe(s, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}");
	observe(s, 1, "D9", "{\"id\":\"D9\",\"xm\":\"张三\",\"zt\":\"9\"}");
	l = hub_case_link(only_case(s), &s->systems[1], BR_STR("r"));
	lost.value = BR_STR("FINISHED");
	assert_non_null(hub_add_conflict(&s->w, l, CONFLICT_OWNERSHIP, &place, &place, &lost));
	store(s);
	fine(s);
}

static struct br_str order_ids[] = {{"o1", 2}, {"o2", 2}, {"o3", 2}};
static int64_t item_ids[] = {1, 7};
static const struct ledger_want about_all = {.orders = order_ids,
	.norders = 3,
	.parked = item_ids,
	.nparked = 2,
	.conflicts = item_ids,
	.nconflicts = 2};

static void decide_all(struct side *s)
{
	struct ledger_want want = about_all;

	begin_batch(s);
	load(s, &want);
	fine(s);
	assert_int_equal(s->w.norders, 0);
	assert_int_equal(only_case(s)->ver, 1); /* the conflict names it */
	assert_null(hub_world_matter(&s->w, MATTER_PARKED, 7));
	assert_true(hub_world_matter(&s->w, MATTER_PARKED, 1)->inbound);
	give(s, 0,
		"{\"t\":\"RESOLVE\",\"id\":\"o1\",\"conflict\":1,\"take\":true,\"seen\":1,\"by\":"
		"\"李\","
		"\"why\":\"门户正确\"}");
	give(s, 1, "{\"t\":\"DROP\",\"id\":\"o2\",\"parked\":1,\"by\":\"王\",\"why\":\"重复\"}");
	give(s, 2, "{\"t\":\"DROP\",\"id\":\"o3\",\"parked\":7,\"by\":\"王\",\"why\":\"重复\"}");
	store(s);
	fine(s);
}

static void orders_are_kept(void **state)
{
	struct ledger_want want = about_all;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	something_to_decide(&a);
	decide_all(&a);
#define ONE(from_where) assert_int_equal(count("select count(*) from casebridge." from_where), 1)
	ONE("orders where id = 'o1' and kind = 'take' and person = '李' and why = '门户正确' and "
	    "outcome = 'done' and conflict = 1 and parked is null and ver = 2 and place = "
	    "'status' and pos = 0 and cid is not null");
	ONE("orders where id = 'o2' and kind = 'drop' and outcome = 'done' and parked = 1 and "
	    "cid is null and ver is null");
	ONE("orders where id = 'o3' and outcome = 'unknown' and parked = 7 and sys is null");
	ONE("conflicts where status = 'taken' and resolved_by = '李' and resolution = '门户正确' "
	    "and resolved_at is not null");
	ONE("parked where status = 'dropped' and resolved_by = '王' and resolution = '重复' and "
	    "tries = 1");
	ONE("history where ver = 2 and sys = 0 and person = '李' and why = '门户正确' and "
	    "order_id = 'o1' and pos = 0");
	ONE("cases where ver = 2 and doc::json->>'status' = 'FINISHED'");
	/* the next batch knows them, and what they settled */
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	assert_int_equal(a.w.norders, 3);
	assert_false(hub_world_matter(&a.w, MATTER_PARKED, 1)->open);
	assert_false(hub_world_matter(&a.w, MATTER_CONFLICT, 1)->open);
	close_side(&a);
}

static void orders_are_told_again(void **state)
{
	struct hub_decision *d;
	struct side a, b;

	(void)state;
	open_side(&a);
	fine(&a);
	something_to_decide(&a);
	decide_all(&a);
	close_side(&a);
	open_side(&b);
	fine(&b);
	b.pos[0].published = b.pos[0].next;
	begin_batch(&b);
	ledger_load_unpublished(b.g, &b.w, b.pos, 3, set_done, &b);
	fine(&b);
	assert_true(only_case(&b)->publish);
	assert_int_equal(b.w.history->ver, 2);
	assert_null(b.w.history->sys);
	assert_null(b.w.history->next);
	assert_true(br_str_eq(b.w.history->by, BR_STR("李")) &&
		    br_str_eq(b.w.history->why, BR_STR("门户正确")) &&
		    br_str_eq(b.w.history->order, BR_STR("o1")));
	d = b.w.decisions;
	assert_true(br_str_eq(d->order, BR_STR("o1")) && d->has_case && d->ver == 2);
	assert_true(d->conflict == 1 && d->sys == &b.systems[1] && d->outcome == OUTCOME_done);
	assert_string_equal(d->kind, "take");
	d = d->next->next;
	assert_true(br_str_eq(d->order, BR_STR("o3")) && d->outcome == OUTCOME_unknown);
	assert_null(d->next);
	b.pos[2].published = b.pos[2].next;
	begin_batch(&b);
	ledger_load_unpublished(b.g, &b.w, b.pos, 3, set_done, &b);
	fine(&b);
	assert_null(b.w.history);
	assert_null(b.w.decisions);
	close_side(&b);
}

/* Whatever the word of the decision is. */
static void a_new_meaning_is_told_again(void **state)
{
	struct ledger_want want = {0};
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	give(&a, 0,
		"{\"t\":\"REMAP\",\"id\":\"o1\",\"sys\":\"dept\",\"record\":\"r\",\"lid\":\"D1\","
		"\"fields\":\"status\",\"by\":\"李\",\"why\":\"新字典\"}");
	store(&a);
	fine(&a);
	close_side(&a);
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	ledger_load_unpublished(a.g, &a.w, a.pos, 3, set_done, &a);
	fine(&a);
	assert_non_null(a.w.decisions);
	assert_string_equal(a.w.decisions->kind, "remap");
	close_side(&a);
}

/* D1 of dept, on trial, and P1 of the portal are one; D2 may be P1 too. The pairs as a comparison
 * leaves them. */
static void something_to_match(struct side *s)
{
	struct ledger_want want = {0};
	struct cell place = {.field = (uint16_t)schema->f_status};
	struct hub_link *l;

	begin_batch(s);
	load(s, &want);
	fine(s);
	s->systems[0].state = SYS_TRIAL;
	observe(s, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}");
	observe(s, 1, "D2", "{\"id\":\"D2\",\"xm\":\"张三\",\"zt\":\"1\"}");
	observe_in(s, 1, 0, "P1", "{\"id\":\"P1\",\"bn\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}");
	l = hub_world_link(&s->w, &s->systems[0], BR_STR("r"), BR_STR("D1"));
	assert_non_null(hub_add_conflict(&s->w, l, CONFLICT_OWNERSHIP, &place, &place, &place));
	store(s);
	fine(s);
	sql(dsn,
		"insert into casebridge.candidates(sys, rec, lid, cid, other_sys, other_rec, "
		"other_lid, other, verdict, weight, why) select a.sys, a.rec, a.lid, a.cid, b.sys, "
		"b.rec, b.lid, b.cid, 'certain', 40, '' from casebridge.links a, casebridge.links "
		"b where a.lid like 'D%' and b.lid = 'P1' order by a.lid; insert into "
		"casebridge.matchings(sys, records, others, seen) select id, 2, 1, "
		"'{\"dept\":2,\"portal\":1}' from casebridge.systems where code = 'dept'");
}

static int64_t pair_ids[] = {1, 2};
static struct hub_system *reviews[1];

static struct ledger_want about_pairs(struct side *s)
{
	reviews[0] = &s->systems[0];
	return (struct ledger_want){.orders = order_ids,
		.norders = 3,
		.matches = pair_ids,
		.nmatches = 2,
		.reviews = reviews,
		.nreviews = 1};
}

static void fold_the_first(struct side *s)
{
	struct ledger_want want = about_pairs(s);

	begin_batch(s);
	load(s, &want);
	fine(s);
	assert_true(s->systems[0].compared && s->systems[0].others);
	assert_int_equal(s->systems[0].undecided, 2);
	assert_true(hub_world_matter(&s->w, MATTER_MATCH, 1)->open);
	give(s, 0,
		"{\"t\":\"MATCH\",\"id\":\"o1\",\"match\":1,\"take\":true,\"by\":\"李\",\"why\":"
		"\"同一件\"}");
}

static void accept_the_first(struct side *s)
{
	fold_the_first(s);
	store(s);
	fine(s);
}

/* The ledger still has the case that goes, and leads to it by its key. */
static void a_batch_finds_the_case_that_stays(void **state)
{
	struct ledger_want want;
	struct hub_link *l, *other;
	struct behind b;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	something_to_match(&a);
	fold_the_first(&a);
	begin_behind(&b, &a);
	want = want_d1(&a);
	assert_false(ledger_wants_quiet(&want));
	ledger_load(a.g, &b.w, &a.w, &want, set_done, &a);
	fine(&a);
	l = hub_world_link(&b.w, &a.systems[0], BR_STR("r"), BR_STR("D1"));
	other = hub_world_link(&b.w, &a.systems[1], BR_STR("r"), BR_STR("P1"));
	assert_true(l && other && l->kase == other->kase);
	assert_int_equal(l->state, LINK_MATCHED);
	assert_ptr_equal(hub_world_match(&b.w, BR_STR("dept_case_no"), BR_STR("D1")), l->kase);
	want = about_pairs(&a);
	assert_true(ledger_wants_quiet(&want));
	store(&a);
	fine(&a);
	close_behind(&b);
	close_side(&a);
}

static void cases_are_merged(void **state)
{
	struct ledger_want want;
	struct hub_link *l;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	something_to_match(&a);
	accept_the_first(&a);
	ONE("orders where id = 'o1' and kind = 'accept' and outcome = 'done' and match = 1 and "
	    "merged is not null and ver = 2");
	ONE("candidates where status = 'accepted' and resolved_by = '李' and resolution = "
	    "'同一件'");
	ONE("candidates where status = 'passed' and resolved_at is not null");
	ONE("links l join casebridge.links o on o.cid = l.cid and o.lid = 'P1' where l.lid = 'D1' "
	    "and l.state = 'matched' and l.due and l.shadow::json->>'xm' = '张三'");
	ONE("links where sys = 2 and lid is null"); /* D2 waits to be made there */
	ONE("match_keys k join casebridge.links l on l.cid = k.cid and l.lid = 'P1' where k.value "
	    "= 'D1'");
	ONE("conflicts c join casebridge.links l on l.cid = c.cid and l.lid = 'P1'");
	assert_int_equal(count("select count(*) from casebridge.cases"), 2);
	/* it comes back as it was left, and is merged when its system goes live */
	want = about_pairs(&a);
	want.lids = (struct ledger_lid[]){{&a.systems[0], BR_STR("r"), BR_STR("D1")}};
	want.nlids = 1;
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	assert_int_equal(a.systems[0].undecided, 0);
	assert_false(hub_world_matter(&a.w, MATTER_MATCH, 1)->open);
	l = hub_world_link(&a.w, &a.systems[0], BR_STR("r"), BR_STR("D1"));
	assert_int_equal(l->state, LINK_MATCHED);
	give(&a, 1,
		"{\"t\":\"SPLIT\",\"id\":\"o2\",\"sys\":\"dept\",\"record\":\"r\",\"lid\":\"D1\","
		"\"by\":\"李\",\"why\":\"续办\"}");
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.cases"), 3);
	ONE("links where lid = 'D1' and state = 'idle'");
	ONE("candidates c join casebridge.links l on l.cid = c.cid and l.lid = 'D1' where c.status "
	    "= 'rejected' and c.other_lid = 'P1' and c.resolution = '续办'");
	ONE("match_keys k join casebridge.links l on l.cid = k.cid and l.lid = 'P1' where k.value "
	    "= 'D1'");
	close_side(&a);
}

static void what_came_since_is_not_compared(void **state)
{
	struct ledger_want want;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	something_to_match(&a);
	accept_the_first(&a);
	begin_batch(&a);
	want = (struct ledger_want){0};
	load(&a, &want);
	fine(&a);
	observe(&a, 2, "D3", "{\"id\":\"D3\",\"xm\":\"李四\",\"zt\":\"1\"}");
	observe_in(&a, 1, 1, "P2", "{\"id\":\"P2\",\"xm\":\"王五\",\"zt\":\"1\"}");
	store(&a);
	fine(&a);
	want = about_pairs(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	assert_int_equal(a.systems[0].undecided, 2);
	sql(dsn, "delete from casebridge.matchings");
	want = about_pairs(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	assert_false(a.systems[0].compared);
	assert_int_equal(a.systems[0].undecided, 1); /* never compared */
	close_side(&a);
}

/* After a restart: the case that stays, and the one that is no more. */
static void merges_are_told_again(void **state)
{
	struct hub_decision *d;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	something_to_match(&a);
	accept_the_first(&a);
	for (int i = 0; i < 2; i++)
		a.pos[i].published = a.pos[i].next;
	begin_batch(&a);
	ledger_load_unpublished(a.g, &a.w, a.pos, 3, set_done, &a);
	fine(&a);
	assert_true(only_case(&a)->publish);
	assert_int_equal(only_case(&a)->ver, 2);
	d = a.w.decisions;
	assert_string_equal(d->kind, "accept");
	assert_true(d->has_merged && d->match == 1 && d->outcome == OUTCOME_done);
	assert_memory_not_equal(&d->merged, &d->cid, sizeof(d->cid));
	assert_null(d->next);
	close_side(&a);
}

/* A value that a person had entered loses like any other: the conflict says whose it was. */
static void a_person_loses(void **state)
{
	struct cell place = {.field = (uint16_t)schema->f_status};
	struct ledger_want want = about_all;
	struct hub_conflict *c;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	something_to_decide(&a);
	decide_all(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	c = hub_add_conflict(&a.w, hub_case_link(only_case(&a), &a.systems[1], BR_STR("r")),
		CONFLICT_LOST, &place, NULL, NULL);
	c->lost_ver = 2;
	store(&a);
	fine(&a);
	ONE("conflicts where kind = 'lost' and lost_by = '李'");
	close_side(&a);
}

/* As a bridge that starts without the portal's file, or with it. */
static void reopen(struct side *s, bool left_out)
{
	close_side(s);
	open_side(s);
	s->systems[1].left_out = left_out;
	s->systems[1].maps = left_out ? NULL : maps[1];
	fine(s);
	begin_batch(s);
}

static void the_case_of(struct side *s, const char *lid)
{
	struct ledger_lid lids[] = {{&s->systems[0], BR_STR("r"), br_str_z(lid)}};
	struct ledger_want want = {.lids = lids, .nlids = 1};

	load(s, &want);
	fine(s);
}

/* What the ledger holds of a system that is left out stays as it is, and what it lacks is kept in
 * mind. */
static void a_system_that_is_left_out(void **state)
{
	struct ledger_want want = {0};
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}");
	store(&a);
	fine(&a);
	sql(dsn, "update casebridge.links set shadow = '{\"id\":\"P1\"}' where inflight is not "
		 "null");
	sql(dsn, "create table seen as select shadow::text, inflight::text, held::text, n from "
		 "casebridge.links where sys = 2");
	assert_int_equal(count("select count(*) from seen where inflight is not null"), 1);

	reopen(&a, true);
	the_case_of(&a, "D1");
	observe(&a, 1, "D1", "{\"id\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}");
	observe(&a, 2, "D2", "{\"id\":\"D2\",\"xm\":\"王五\",\"zt\":\"1\"}");
	store(&a);
	fine(&a);
	assert_int_equal(
		count("select count(*) from casebridge.links l join seen s on l.shadow::text = "
		      "s.shadow and l.inflight::text = s.inflight and l.held::text = s.held and "
		      "l.n = s.n where l.sys = 2 and l.due"),
		1);
	assert_int_equal(
		count("select count(*) from casebridge.links where sys = 2 and rec = '' and due"),
		1);

	reopen(&a, false);
	want = (struct ledger_want){.due = &a.systems[1], .due_limit = 10};
	load(&a, &want);
	fine(&a);
	assert_int_equal(want.ndue, 2);
	for (size_t i = 0; i < want.ndue; i++)
		hub_step_resume(&a.w, want.due_links[i], false);
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.links where rec = '' or due"), 0);
	assert_int_equal(
		count("select count(*) from casebridge.links where sys = 2 and inflight is not "
		      "null and inflight::json->'set'->>'xm' = '王五'"),
		1);
	close_side(&a);
}

/* One that the ledger never met is owed nothing, and is not made known. */
static void a_new_system_that_is_left_out(void **state)
{
	struct ledger_want want = {0};
	struct side a;

	(void)state;
	open_side(&a);
	a.systems[1].left_out = true;
	a.systems[1].maps = NULL;
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}");
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.systems"), 1);
	assert_int_equal(count("select count(*) from casebridge.links"), 1);
	close_side(&a);
}

static void a_thousand_cases(void **state)
{
	struct ledger_range range;
	struct ledger_want want = {0};
	struct side a;
	char lid[16], json[100];

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	for (int i = 0; i < 1000; i++) {
		snprintf(lid, sizeof(lid), "D%d", i);
		snprintf(json, sizeof(json), "{\"id\":\"%s\",\"xm\":\"张三\",\"zt\":\"%d\"}", lid,
			i % 3);
		observe(&a, i, lid, json);
	}
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.cases"), 1000);
	assert_int_equal(count("select count(*) from casebridge.links"), 2000);
	assert_int_equal(
		count("select count(*) from casebridge.links where inflight is not null"), 1000);
	assert_int_equal(count("select count(*) from casebridge.match_keys"), 1000);
	assert_int_equal(
		count("select next from casebridge.positions where topic = 'in.dept'"), 1000);
	/* a range in the order of bytes: D10 < D100 < D11 < D9 */
	begin_batch(&a);
	range = (struct ledger_range){
		.sys = &a.systems[0], .rec = BR_STR("r"), .lo = BR_STR("D10"), .hi = BR_STR("D11")};
	want = (struct ledger_want){.ranges = &range, .nranges = 1};
	load(&a, &want);
	fine(&a);
	assert_int_equal(range.nknown, 12);
	assert_true(br_str_eq(range.known[0].lid, BR_STR("D10")));
	assert_true(br_str_eq(range.known[1].lid, BR_STR("D100")));
	assert_true(br_str_eq(range.known[11].lid, BR_STR("D11")));
	struct image first =
		image(&a, local(&a, 0), "{\"id\":\"D10\",\"xm\":\"张三\",\"zt\":\"1\"}");

	assert_int_equal(range.known[0].hash, image_hash(&first));
	close_side(&a);
}

/* What a range holds is compared by its hashes: its records need not fit into a batch. */
static void a_range_larger_than_a_batch(void **state)
{
	struct ledger_range ranges[] = {
		{.rec = BR_STR("r"), .hi = BR_STR("D00100")},
		{.rec = BR_STR("r")},
		{.rec = BR_STR("r"), .lo = BR_STR("D19999")},
	};
	struct ledger_want want = {.ranges = ranges, .nranges = BR_LEN(ranges)};
	struct image shadow;
	char json[700];
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	sql(dsn, "insert into casebridge.links(cid, sys, rec, state, lid, based, held, shadow) "
		 "select gen_random_uuid(), s.id, 'r', 'idle', 'D' || lpad(i::text, 5, '0'), i % "
		 "2, '{}', '{\"xm\":\"' || rpad(i::text, 600) || '\"}' from "
		 "generate_series(1, 20000) i, casebridge.systems s where s.code = 'dept'");
	begin_batch(&a);
	a.arena.max = 4u << 20;
	a.systems[0].restores = 1;
	for (size_t i = 0; i < BR_LEN(ranges); i++)
		ranges[i].sys = &a.systems[0];
	load(&a, &want);
	fine(&a);
	assert_int_equal(ranges[0].nknown, 100);
	assert_int_equal(ranges[1].nknown, 20000);
	assert_int_equal(ranges[2].nknown, 2);
	for (size_t i = 0; i < 20000; i++) {
		char lid[16];

		snprintf(lid, sizeof(lid), "D%05zu", i + 1);
		assert_true(br_str_eq(ranges[1].known[i].lid, br_str_z(lid)));
		assert_int_equal(ranges[1].known[i].unsure, i % 2);
	}
	snprintf(json, sizeof(json), "{\"xm\":\"%-600d\"}", 7);
	shadow = image(&a, local(&a, 0), json);
	assert_int_equal(ranges[1].known[6].hash, image_hash(&shadow));
	close_side(&a);
}

static void links_that_wait(void **state)
{
	struct ledger_want want = {0};
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	a.systems[0].state = SYS_TRIAL; /* only a trial system has seen it: nothing to wake */
	a.systems[0].dirty = true;
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}");
	assert_true(hub_case_link(only_case(&a), &a.systems[1], BR_STR("r"))->due);
	store(&a);
	fine(&a);
	begin_batch(&a);
	want = (struct ledger_want){.due = &a.systems[1], .due_limit = 10};
	load(&a, &want);
	fine(&a);
	assert_int_equal(want.ndue, 0);
	hub_step_system_state(&a.w, &a.systems[0], SYS_LIVE);
	assert_true(a.systems[1].backlog);
	store(&a);
	fine(&a);
	begin_batch(&a);
	want = (struct ledger_want){.due = &a.systems[1], .due_limit = 10};
	load(&a, &want);
	fine(&a);
	assert_int_equal(want.ndue, 1);
	hub_step_resume(&a.w, want.due_links[0], false);
	assert_true(want.due_links[0]->inflight.on);
	store(&a);
	fine(&a);
	close_side(&a);
}

/* The mapping has its record no longer: nothing can go there, and it stands in nobody's way. */
static void a_record_without_a_mapping_waits_for_nothing(void **state)
{
	struct ledger_want want = {0};
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}");
	store(&a);
	fine(&a);
	close_side(&a);
	sql(dsn, "insert into casebridge.links(cid, sys, rec, state, lid, due, held, shadow) "
		 "select cid, 2, 'before', 'idle', 'P1', true, '{\"*\":1}', '{\"bn\":\"D1\"}' from "
		 "casebridge.cases");
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	want = (struct ledger_want){.due = &a.systems[1], .due_limit = 10};
	load(&a, &want);
	fine(&a);
	assert_int_equal(want.ndue, 1);
	hub_step_resume(&a.w, want.due_links[0], false);
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.links where due"), 0);
	assert_int_equal(count("select count(*) from casebridge.links where rec = 'before' and "
			       "shadow = '{\"bn\":\"D1\"}'"),
		1);
	close_side(&a);
}

/* Whoever is not in the site is nobody's source, whatever the ledger remembers of it. */
static void a_system_that_was_taken_out_is_no_source(void **state)
{
	struct ledger_want want = {0};
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	a.systems[0].state = SYS_TRIAL;
	a.systems[0].dirty = true;
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}");
	store(&a);
	fine(&a);
	sql(dsn, "insert into casebridge.systems(code, state) values ('before', 'live');"
		 "insert into casebridge.links(cid, sys, rec, state, lid, held, shadow) select "
		 "c.cid, s.id, 'r', 'idle', 'B1', '{\"*\":1}', '{}' from casebridge.cases c, "
		 "casebridge.systems s where s.code = 'before'");
	begin_batch(&a);
	want = (struct ledger_want){.due = &a.systems[1], .due_limit = 10};
	load(&a, &want);
	fine(&a);
	assert_int_equal(want.ndue, 0);
	close_side(&a);
}

static void three_cases(struct side *s)
{
	struct ledger_want want = {0};

	begin_batch(s);
	load(s, &want);
	fine(s);
	for (int i = 0; i < 3; i++) {
		char lid[4] = {'D', (char)('1' + i), '\0'}, json[80];

		snprintf(json, sizeof(json), "{\"id\":\"%s\",\"xm\":\"张三\",\"zt\":\"0\"}", lid);
		observe(s, s->pos[0].next, lid, json);
	}
	store(s);
	fine(s);
}

/* The next cases the portal may lack, two at a time. */
static void ask_owed(struct side *s, struct ledger_want *want, size_t nowed, bool end)
{
	begin_batch(s);
	*want = (struct ledger_want){
		.owing = &s->systems[1], .owed_from = s->systems[1].owed, .owed_limit = 2};
	load(s, want);
	fine(s);
	assert_int_equal(want->nowed, nowed);
	assert_int_equal(want->owed_end, end);
	hub_step_owed(&s->w, want->owing, want->owed, want->nowed, &want->owed_to, want->owed_end);
	store(s);
	fine(s);
}

#define PORTAL_COMMANDS                                                                            \
	"select count(*) from casebridge.links where sys = 2 and inflight::json->>'op' = "         \
	"'create'"

static void what_was_there_before_a_system(void **state)
{
	struct ledger_want want;
	struct side a;

	(void)state;
	open_side_with(&a, 1);
	fine(&a);
	assert_false(a.systems[0].owes); /* there were no cases */
	three_cases(&a);
	close_side(&a);
	open_side(&a);
	fine(&a);
	assert_false(a.systems[0].owes);
	assert_true(a.systems[1].owes);
	ask_owed(&a, &want, 2, false);
	assert_int_equal(count(PORTAL_COMMANDS), 2);
	close_side(&a);
	/* the next bridge goes on where this one stopped */
	open_side(&a);
	fine(&a);
	assert_true(a.systems[1].owes);
	ask_owed(&a, &want, 1, true);
	assert_int_equal(count(PORTAL_COMMANDS), 3);
	assert_false(a.systems[1].owes);
	assert_int_equal(
		count("select count(*) from casebridge.systems where owed is not null"), 0);
	/* all of it again, by order: nothing is missing */
	hub_step_system_state(&a.w, &a.systems[1], SYS_LIVE);
	assert_true(a.systems[1].owes);
	ask_owed(&a, &want, 0, false);
	ask_owed(&a, &want, 0, true);
	assert_int_equal(count("select count(*) from casebridge.links where sys = 2"), 3);
	close_side(&a);
}

static const char *name_in(struct side *a, const struct image *img)
{
	return br_arena_copy(&a->arena,
		image_root(img, (unsigned)shape_find(local(a, 0), 0, BR_STR("xm")))->value)
		.p;
}

/* What a link held before comes back to whoever has to know; what came and went within a batch too.
 */
static void a_link_has_a_past(void **state)
{
	struct ledger_lid lid;
	struct ledger_want want = {0};
	struct hub_link *l;
	struct hub_id cid;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	lid = (struct ledger_lid){&a.systems[0], BR_STR("r"), BR_STR("D1")};
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张一\",\"zt\":\"0\"}");
	observe(&a, 1, "D1", "{\"id\":\"D1\",\"xm\":\"张二\",\"zt\":\"0\"}");
	store(&a);
	fine(&a);
	want = (struct ledger_want){.lids = &lid, .nlids = 1};
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	assert_null(hub_world_link(&a.w, lid.sys, lid.rec, lid.lid)->past);
	observe(&a, 2, "D1", "{\"id\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}");
	observe(&a, 3, "D1", "{\"id\":\"D1\",\"xm\":\"张四\",\"zt\":\"0\"}");
	hub_rebase_system(&a.systems[0]);
	store(&a);
	fine(&a);
	close_side(&a);

	open_side(&a);
	fine(&a);
	assert_int_equal(a.systems[0].restores, 1);
	lid.sys = &a.systems[0];
	want = (struct ledger_want){.lids = &lid, .nlids = 1};
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	l = hub_world_link(&a.w, lid.sys, lid.rec, lid.lid);
	assert_true(hub_is_unsure(l));
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"张三", "张二", "张一"};
		const struct hub_past *p = l->past;

		for (int j = 0; p && j < i; j++)
			p = p->next;
		assert_non_null(p);
		assert_string_equal(name_in(&a, &p->shadow), names[i]);
	}
	/* the backup's content: known, and told again what is newer */
	observe(&a, 4, "D1", "{\"id\":\"D1\",\"xm\":\"张二\",\"zt\":\"0\"}");
	assert_false(hub_is_unsure(l));
	assert_true(l->inflight.on);
	assert_int_equal(l->kase->ver, 4);
	/* a number that is given up may be another's in the same transaction */
	hub_rebase_system(&a.systems[0]);
	cid = l->kase->cid;
	hub_lost_record(&a.w, l);
	observe(&a, 5, "D1", "{\"id\":\"D1\",\"xm\":\"李四\",\"zt\":\"0\"}");
	store(&a);
	fine(&a);
	assert_int_equal(
		count("select count(*) from casebridge.links where sys = 1 and lid = 'D1'"), 1);
	assert_int_equal(count("select count(*) from casebridge.links where sys = 1"), 2);
	/* what will be found in its place may be older still */
	want = (struct ledger_want){.cids = &cid, .ncids = 1};
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	l = hub_case_link(hub_world_case(&a.w, &cid), lid.sys, lid.rec);
	assert_int_equal(l->lid.n, 0);
	assert_true(hub_is_unsure(l));
	assert_non_null(l->past);
	assert_string_equal(name_in(&a, &l->past->shadow), "张二");
	close_side(&a);
}

/* Portal's answer to the first command of this world's only case. */
static void applied(struct side *s, int64_t offset, const char *lid, const char *json)
{
	struct hub_link *l = hub_case_link(only_case(s), &s->systems[1], BR_STR("r"));
	struct msg m = {.type = MSG_RCPT,
		.sys = s->systems[1].code,
		.epoch = s->systems[1].epoch,
		.seq = s->systems[1].last_seq + 1,
		.did = {.cid = br_str_z(l->kase->ulid),
			.rec = BR_STR("r"),
			.incarnation = l->inflight.incarnation,
			.n = l->n},
		.status = RCPT_APPLIED,
		.atomic = true,
		.whole = true,
		.has_image = true,
		.lid = br_str_z(lid)};

	m.image = image(s, local(s, 1), json);
	s->w.source = 1;
	s->w.topic = s->pos[1].topic;
	s->w.offset = offset;
	hub_step(&s->w, &s->systems[1], &m);
	s->pos[1].next = offset + 1;
}

/* A backup cannot bring back what was there before the record was, and a receipt replaces what it
 * answers in one go. */
static void a_made_record_has_no_past(void **state)
{
	struct ledger_want want = {0};
	struct ledger_lid lid;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 0, "D1", "{\"id\":\"D1\",\"xm\":\"张一\",\"zt\":\"0\"}");
	store(&a);
	fine(&a);
	lid = (struct ledger_lid){&a.systems[0], BR_STR("r"), BR_STR("D1")};
	want = (struct ledger_want){.lids = &lid, .nlids = 1};
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	applied(&a, 0, "P1", "{\"id\":\"P1\",\"bn\":\"D1\",\"xm\":\"张一\",\"zt\":\"0\"}");
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.links where lid = 'P1'"), 1);
	assert_int_equal(count("select count(*) from casebridge.link_past"), 0);
	/* an edit, and its way there: each record had been something else */
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	observe(&a, 1, "D1", "{\"id\":\"D1\",\"xm\":\"张二\",\"zt\":\"0\"}");
	store(&a);
	fine(&a);
	begin_batch(&a);
	load(&a, &want);
	fine(&a);
	applied(&a, 1, "P1", "{\"id\":\"P1\",\"bn\":\"D1\",\"xm\":\"张二\",\"zt\":\"0\"}");
	store(&a);
	fine(&a);
	assert_int_equal(count("select count(*) from casebridge.link_past where sys = 1"), 1);
	assert_int_equal(count("select count(*) from casebridge.link_past where sys = 2"), 1);
	close_side(&a);
}

static void forget_past(struct side *s)
{
	ledger_forget_past(s->g, set_done, s);
	fine(s);
}

/* In steps that hold up nobody, and nothing that a backup may still bring back. */
static void the_past_is_forgotten(void **state)
{
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	sql(dsn, "insert into casebridge.link_past(cid, sys, rec, shadow, held, at) select "
		 "gen_random_uuid(), 1, 'r', '{}', '{}', now() - make_interval(days => case when i "
		 "<= 1100 then 41 else 39 end) from generate_series(1, 1200) i");
	forget_past(&a);
	assert_int_equal(count("select count(*) from casebridge.link_past"), 200);
	forget_past(&a);
	assert_int_equal(count("select count(*) from casebridge.link_past"), 100);
	forget_past(&a);
	assert_int_equal(count("select count(*) from casebridge.link_past"), 100);
	close_side(&a);
}

/* What came while it was not in the site it is asked about when it is back. */
static void a_system_that_comes_back(void **state)
{
	struct ledger_want want;
	struct side a;

	(void)state;
	open_side(&a);
	fine(&a);
	close_side(&a);
	open_side_with(&a, 1);
	fine(&a);
	three_cases(&a);
	assert_int_equal(count("select count(*) from casebridge.links where sys = 2"), 0);
	close_side(&a);
	open_side(&a);
	fine(&a);
	assert_true(a.systems[1].owes);
	ask_owed(&a, &want, 2, false);
	close_side(&a);
}

static int start(void **state)
{
	(void)state;
	loop = br_loop_new(NULL);
	return loop && fixture_load(files, BR_LEN(files)) == 0 ? start_server() : -1;
}

static int stop(void **state)
{
	char command[100];

	(void)state;
	if (server > 0) {
		kill(server, SIGINT);
		waitpid(server, NULL, 0);
	}
	br_loop_free(loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", base_dir);
	return system(command) == 0 ? fixture_unload() : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(migrating, new_database),
		cmocka_unit_test_setup(rows_keep_what_they_hold, new_database),
		cmocka_unit_test_setup(a_state_comes_back, new_database),
		cmocka_unit_test_setup(the_last_to_open_is_the_bridge, new_database),
		cmocka_unit_test_setup(a_moved_position_stops_the_other, new_database),
		cmocka_unit_test_setup(a_batch_finds_what_the_one_ahead_changed, new_database),
		cmocka_unit_test_setup(nothing_is_stored_behind_what_was_not, new_database),
		cmocka_unit_test_setup(a_batch_that_cannot_be_stored_leaves_nothing, new_database),
		cmocka_unit_test_setup(parked_and_settled, new_database),
		cmocka_unit_test_setup(parked_are_told_again, new_database),
		cmocka_unit_test_setup(what_no_message_brought_is_told_again, new_database),
		cmocka_unit_test_setup(conflicts_name_the_loser, new_database),
		cmocka_unit_test_setup(orders_are_kept, new_database),
		cmocka_unit_test_setup(orders_are_told_again, new_database),
		cmocka_unit_test_setup(a_new_meaning_is_told_again, new_database),
		cmocka_unit_test_setup(cases_are_merged, new_database),
		cmocka_unit_test_setup(a_batch_finds_the_case_that_stays, new_database),
		cmocka_unit_test_setup(what_came_since_is_not_compared, new_database),
		cmocka_unit_test_setup(merges_are_told_again, new_database),
		cmocka_unit_test_setup(a_person_loses, new_database),
		cmocka_unit_test_setup(a_system_that_is_left_out, new_database),
		cmocka_unit_test_setup(a_new_system_that_is_left_out, new_database),
		cmocka_unit_test_setup(a_thousand_cases, new_database),
		cmocka_unit_test_setup(a_range_larger_than_a_batch, new_database),
		cmocka_unit_test_setup(links_that_wait, new_database),
		cmocka_unit_test_setup(a_record_without_a_mapping_waits_for_nothing, new_database),
		cmocka_unit_test_setup(a_system_that_was_taken_out_is_no_source, new_database),
		cmocka_unit_test_setup(what_was_there_before_a_system, new_database),
		cmocka_unit_test_setup(a_system_that_comes_back, new_database),
		cmocka_unit_test_setup(a_link_has_a_past, new_database),
		cmocka_unit_test_setup(a_made_record_has_no_past, new_database),
		cmocka_unit_test_setup(the_past_is_forgotten, new_database),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
