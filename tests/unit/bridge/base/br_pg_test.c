/*
 * Against a real PostgreSQL of our own: a fresh cluster in a temporary folder, reachable through a
 * unix socket only.
 */
#include "br_pg.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_US 30000000
#define BIN	    "/usr/lib/postgresql/15/bin/"

/* ---- the server ---- */

static char dir[64], data_dir[80], conninfo[160];
static pid_t server;
static int server_log = -1;

/* PostgreSQL refuses to run as root. */
static void become_postgres(void)
{
	struct passwd *pw = geteuid() ? NULL : getpwnam("postgres");

	if (pw && (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid)))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
}

static pid_t start(const char *const argv[], int *out)
{
	int p[2];
	pid_t pid;

	if (pipe(p))
		return -1;
	pid = fork();
	if (!pid) {
		become_postgres();
		dup2(p[1], STDOUT_FILENO);
		dup2(p[1], STDERR_FILENO);
		close(p[0]);
		close(p[1]);
		if (chdir(dir))
			_exit(126);
		setenv("LC_ALL", "C", 1);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(p[1]);
	*out = p[0];
	return pid;
}

/* Reads until the word is there or the other side is gone. */
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
	text[n] = '\0';
	if (word)
		fprintf(stderr, "%s\n", text);
	return false;
}

/* Errors of statements stay out of the log, so that nobody need read it after the start. */
static int start_server(void)
{
	const char *const argv[] = {BIN "postgres", "-D", data_dir, "-k", dir, "-c",
		"listen_addresses=", "-c", "fsync=off", "-c", "log_min_messages=log", "-c",
		"log_checkpoints=off", "-c", "max_connections=20", NULL};

	server = start(argv, &server_log);
	return server > 0 && read_until(server_log, "ready to accept connections") ? 0 : -1;
}

static void stop_server(int signo)
{
	if (server > 0) {
		kill(server, signo);
		waitpid(server, NULL, 0);
		close(server_log);
	}
	server = 0;
}

static int init_db(void)
{
	const char *const argv[] = {BIN "initdb", "-D", data_dir, "-A", "trust", "-U", "bridge",
		"-N", "-E", "UTF8", "--locale=C", NULL};
	int out, status;
	pid_t pid = start(argv, &out);

	if (pid <= 0)
		return -1;
	read_until(out, NULL);
	close(out);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status) ? 0
											    : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int set_up(void **state)
{
	struct passwd *pw = geteuid() ? NULL : getpwnam("postgres");
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%.30s/br_pg_test-XXXXXX", tmp && *tmp && !pw ? tmp : P_tmpdir);
	if (!mkdtemp(dir) || (pw && chown(dir, pw->pw_uid, pw->pw_gid)))
		return -1;
	snprintf(data_dir, sizeof(data_dir), "%s/data", dir);
	snprintf(conninfo, sizeof(conninfo), "host=%s user=bridge dbname=postgres", dir);
	return init_db() || start_server();
}

static int tear_down(void **state)
{
	(void)state;
	stop_server(SIGINT);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- one connection, and what it says ---- */

static struct br_loop *loop;
static struct br_pg *pg;
static char said[8192]; /* what callbacks say, in order */
static struct br_err last_err;
static int ups, downs;
static bool too_late;

static void say(const char *format, ...)
{
	size_t n = strlen(said);
	va_list ap;

	if (n && n < sizeof(said) - 1)
		said[n++] = ' ';
	va_start(ap, format);
	vsnprintf(said + n, sizeof(said) - n, format, ap);
	va_end(ap);
}

static void on_late(void *arg)
{
	(void)arg;
	too_late = true;
}

static struct br_timer late = {.fn = on_late};

#define WAIT_FOR(what)                                                                             \
	do {                                                                                       \
		br_timer_set(loop, &late, PATIENCE_US);                                            \
		while (!(what)) {                                                                  \
			br_loop_turn(loop, -1);                                                    \
			if (too_late)                                                              \
				fail_msg("waited in vain for %s; said: %s", #what, said);          \
		}                                                                                  \
		br_timer_set(loop, &late, -1);                                                     \
	} while (0)

static void on_state(void *arg, enum br_pg_state state, const struct br_err *err)
{
	(void)arg;
	if (state == BR_PG_UP)
		ups++;
	else
		downs++;
	if (err)
		last_err = *err;
}

/* A row's first value, the command's words, "!SQLSTATE", or "!gone" for a lost connection. */
static void on_result(void *arg, const PGresult *res, const struct br_err *err)
{
	const char *state;

	(void)arg;
	assert_true(!res != !err);
	if (res && PQntuples(res))
		say("%s", PQgetisnull(res, 0, 0) ? "NULL" : PQgetvalue(res, 0, 0));
	else if (res)
		say("%s", PQcmdStatus((PGresult *)(uintptr_t)res));
	if (!err)
		return;
	last_err = *err;
	state = br_err_detail(err, "sqlstate");
	say("!%s", state ? state : "gone");
}

static void on_sync(void *arg, const PGresult *res, const struct br_err *err)
{
	assert_true(!res != !err);
	say("%s", res ? "ok." : "failed.");
	if (err)
		last_err = *err;
	if (arg)
		++*(int *)arg;
}

static void open_pg(const char *info)
{
	struct br_err err;

	said[0] = '\0';
	ups = downs = 0;
	too_late = false;
	loop = br_loop_new(&err);
	assert_non_null(loop);
	pg = br_pg_new(loop, info, on_state, NULL, &err);
	assert_non_null(pg);
	assert_int_equal(br_pg_state(pg), BR_PG_DOWN);
	br_pg_connect(pg);
	assert_int_equal(br_pg_state(pg), BR_PG_CONNECTING);
}

static int connect_pg(void **state)
{
	(void)state;
	open_pg(conninfo);
	WAIT_FOR(ups || downs);
	return br_pg_state(pg) == BR_PG_UP ? 0 : -1;
}

static int close_pg(void **state)
{
	(void)state;
	br_pg_free(pg);
	pg = NULL;
	br_loop_free(loop);
	loop = NULL;
	return 0;
}

static void send_sql(const char *sql)
{
	assert_int_equal(br_pg_send(pg, NULL, sql, 0, NULL, NULL, false, on_result, NULL, NULL), 0);
}

static void sync_unit(int *done)
{
	assert_int_equal(br_pg_sync(pg, on_sync, done, NULL), 0);
}

/* ---- scripts: what is queued in one go, and what comes back ---- */

struct script {
	const char *name;
	struct {
		enum { END, SEND, NAMED, COPY, SYNC } what;
		const char *sql;
		const char *text; /* parameter $1, or the data of a COPY */
		const char *stmt; /* name */
	} step[16];
	const char *want;
};

#define S(sql)                                                                                     \
	{                                                                                          \
		SEND, sql, NULL, NULL                                                              \
	}
#define P(sql, param)                                                                              \
	{                                                                                          \
		SEND, sql, param, NULL                                                             \
	}
#define N(sql, param, name)                                                                        \
	{                                                                                          \
		NAMED, sql, param, name                                                            \
	}
#define C(sql, data)                                                                               \
	{                                                                                          \
		COPY, sql, data, NULL                                                              \
	}
#define Y                                                                                          \
	{                                                                                          \
		SYNC, NULL, NULL, NULL                                                             \
	}
#define TABLE  S("CREATE TEMP TABLE t (id int PRIMARY KEY, v text)"), Y
#define T      "CREATE TABLE ok. "
#define COPY_T "COPY t FROM STDIN"
#define COUNT  S("SELECT count(*) FROM t")

static const struct script scripts[] = {
	{"answers come in order", {S("SELECT 1"), S("SELECT 2"), Y, S("SELECT 3"), Y},
		"1 2 ok. 3 ok."},
	{"a sync alone", {Y, Y}, "ok. ok."},
	{"parameters", {P("SELECT 'x' || $1", "张三"), Y}, "x张三 ok."},
	{"an error skips its unit and no other",
		{S("SELECT 1"), S("SELECT 1/0"), S("SELECT 3"), Y, S("SELECT 4"), Y},
		"1 !22012 !22012 failed. 4 ok."},
	{"a syntax error", {S("SELEC 1"), S("SELECT 2"), Y, S("SELECT 3"), Y},
		"!42601 !42601 failed. 3 ok."},
	{"a unit without BEGIN is one transaction",
		{TABLE, S("INSERT INTO t VALUES (1)"), S("INSERT INTO t VALUES (1)"), Y, COUNT, Y},
		T "INSERT 0 1 !23505 failed. 0 ok."},
	{"a deferred constraint speaks at the sync",
		{S("CREATE TEMP TABLE d (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"), Y,
			S("INSERT INTO d VALUES (1),(1)"), Y, S("SELECT count(*) FROM d"), Y},
		"CREATE TABLE ok. INSERT 0 2 failed. 0 ok."},
	{"after a failed BEGIN unit everything waits for ROLLBACK",
		{S("BEGIN"), S("SELECT 1/0"), S("COMMIT"), Y, S("SELECT 1"), Y, S("ROLLBACK"), Y,
			S("SELECT 2"), Y},
		"BEGIN !22012 !22012 failed. !25P02 failed. ROLLBACK ok. 2 ok."},

	{"a name is prepared once",
		{N("SELECT $1::text", "a", "n"), N("SELECT $1::text", "b", "n"), Y,
			S("SELECT count(*) FROM pg_prepared_statements WHERE name = 'n'"), Y},
		"a b ok. 1 ok."},
	{"a name whose unit failed before it harms no later unit",
		{S("SELECT 1/0"), N("SELECT $1::text", "a", "n"), Y, N("SELECT $1::text", "b", "n"),
			Y},
		"!22012 !22012 failed. b ok."},
	{"a name of a failed unit lives on when the server has it",
		{N("SELECT $1::text", "a", "n"), S("SELECT 1/0"), Y, N("SELECT $1::text", "b", "n"),
			Y},
		"a !22012 failed. b ok."},
	{"a name that cannot be prepared",
		{N("SELEC $1", "a", "bad"), Y, N("SELECT $1::text", "b", "n"), Y},
		"!42601 failed. b ok."},

	{"copy between others keeps its place",
		{TABLE, S("BEGIN"), C(COPY_T, "1\ta\n2\tb\n"), C(COPY_T, "3\tc\n"),
			P("UPDATE t SET v = v || $1", "!"), S("COMMIT"), Y,
			S("SELECT string_agg(v, ',' ORDER BY id) FROM t"), Y},
		T "BEGIN COPY 2 COPY 1 UPDATE 3 COMMIT ok. a!,b!,c! ok."},
	{"an error before a copy skips it",
		{TABLE, S("BEGIN"), S("SELECT 1/0"), C(COPY_T, "1\ta\n"), S("SELECT 2"), Y,
			S("ROLLBACK"), Y, COUNT, Y},
		T "BEGIN !22012 !22012 !22012 failed. ROLLBACK ok. 0 ok."},
	{"an error in a copy skips the rest",
		{TABLE, S("BEGIN"), C(COPY_T, "1\ta\nx\tb\n"), C(COPY_T, "2\tb\n"), S("SELECT 2"),
			S("COMMIT"), Y, S("ROLLBACK"), Y, COUNT, Y},
		T "BEGIN !22P02 !22P02 !22P02 !22P02 failed. ROLLBACK ok. 0 ok."},
	{"an error after a copy takes it back with ROLLBACK",
		{TABLE, S("BEGIN"), C(COPY_T, "1\ta\n"), S("SELECT 1/0"), S("COMMIT"), Y,
			S("ROLLBACK"), Y, COUNT, Y},
		T "BEGIN COPY 1 !22012 !22012 failed. ROLLBACK ok. 0 ok."},
	{"a unit that failed harms no copy behind it",
		{TABLE, S("SELECT 1/0"), Y, C(COPY_T, "1\ta\n"), Y, COUNT, Y},
		T "!22012 failed. COPY 1 ok. 1 ok."},
	{"a copy first and last",
		{TABLE, C(COPY_T, "1\ta\n"), Y, COUNT, C(COPY_T, "2\ta\n"), Y, COUNT, Y},
		T "COPY 1 ok. 1 COPY 1 ok. 2 ok."},
	{"an empty copy", {TABLE, C(COPY_T, ""), Y}, T "COPY 0 ok."},
	{"a copy that is misspelt",
		{C("COPI t FROM STDIN", "1\n"), S("SELECT 1"), Y, S("SELECT 2"), Y},
		"!42601 !42601 failed. 2 ok."},
	{"a copy that is none", {C("SELECT 5", "1\n"), S("SELECT 1"), Y}, "5 1 ok."},
	{"a name first used behind a copy",
		{TABLE, S("BEGIN"), C(COPY_T, "1\ta\n"), N("SELECT $1::text", "a", "n"),
			S("COMMIT"), Y, N("SELECT $1::text", "b", "n"), Y},
		T "BEGIN COPY 1 a COMMIT ok. b ok."},
};

static void queue_step(const struct script *s, size_t i)
{
	const char *text = s->step[i].text;
	struct br_pg_param p = {text, 0, false};
	struct br_err err;
	int rc = 0;

	switch (s->step[i].what) {
	case SEND:
	case NAMED:
		rc = br_pg_send(pg, s->step[i].stmt, s->step[i].sql, text != NULL, NULL,
			text ? &p : NULL, false, on_result, NULL, &err);
		break;
	case COPY:
		rc = br_pg_copy(pg, s->step[i].sql, br_str_z(text), on_result, NULL, &err);
		break;
	case SYNC:
		rc = br_pg_sync(pg, on_sync, NULL, &err);
		break;
	case END:
		break;
	}
	assert_int_equal(rc, 0);
}

static void test_script(void **state)
{
	const struct script *s = *state;
	size_t n = 0;

	connect_pg(NULL);
	for (; n < BR_LEN(s->step) && s->step[n].what != END; n++)
		queue_step(s, n);
	assert_int_equal(br_pg_pending(pg), n);
	assert_string_equal(said, ""); /* nothing is called from inside send */
	WAIT_FOR(!br_pg_pending(pg));
	assert_string_equal(said, s->want);
	assert_int_equal(downs, 0);
	close_pg(NULL);
}

/* The same scripts, each step queued only when those before are answered up to their unit's end or
 * cannot be. */
static void test_script_slowly(void **state)
{
	const struct script *s = *state;
	size_t n = 0;

	connect_pg(NULL);
	for (; n < BR_LEN(s->step) && s->step[n].what != END; n++) {
		queue_step(s, n);
		for (int i = 0; i < 3; i++)
			br_loop_turn(loop, 2000);
		if (s->step[n].what == SYNC)
			WAIT_FOR(!br_pg_pending(pg));
	}
	WAIT_FOR(!br_pg_pending(pg));
	assert_string_equal(said, s->want);
	close_pg(NULL);
}

/* ---- binary ---- */

static void on_int4(void *arg, const PGresult *res, const struct br_err *err)
{
	const unsigned char *p;

	assert_null(err);
	assert_int_equal(PQfformat(res, 0), 1);
	assert_int_equal(PQgetlength(res, 0, 0), 4);
	p = (const unsigned char *)PQgetvalue(res, 0, 0);
	*(int *)arg = p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void test_binary_parameter_and_result(void **state)
{
	static const Oid int4 = 23;
	const struct br_pg_param p = {"\0\0\1\2", 4, true};
	int got = 0;

	(void)state;
	assert_int_equal(
		br_pg_send(pg, "bin", "SELECT $1 + 1", 1, &int4, &p, true, on_int4, &got, NULL), 0);
	sync_unit(NULL);
	WAIT_FOR(!br_pg_pending(pg));
	assert_int_equal(got, 0x103);
}

static void test_null_parameter(void **state)
{
	const struct br_pg_param p = {NULL, 0, false};

	(void)state;
	assert_int_equal(
		br_pg_send(pg, NULL, "SELECT $1::text", 1, NULL, &p, false, on_result, NULL, NULL),
		0);
	sync_unit(NULL);
	WAIT_FOR(!br_pg_pending(pg));
	assert_string_equal(said, "NULL ok.");
}

static void test_binary_copy(void **state)
{
	static const char data[] = "PGCOPY\n\377\r\n\0"
				   "\0\0\0\0\0\0\0\0"
				   "\0\1\0\0\0\4\0\0\0\7"
				   "\377\377";

	(void)state;
	send_sql("CREATE TEMP TABLE b (id int)");
	assert_int_equal(br_pg_copy(pg, "COPY b FROM STDIN (FORMAT binary)",
				 (struct br_str){data, sizeof(data) - 1}, on_result, NULL, NULL),
		0);
	send_sql("SELECT id FROM b");
	sync_unit(NULL);
	WAIT_FOR(!br_pg_pending(pg));
	assert_string_equal(said, "CREATE TABLE COPY 1 7 ok.");
}

/* Waiting parameters are copies: the caller's memory may change at once. */
static void test_parameters_behind_a_copy_are_copied(void **state)
{
	char text[] = "before", raw[] = "\0\0\0\5",
	     sql[] = "SELECT $1::text || $2::int4 || coalesce($3::text, '-')";
	Oid types[] = {25, 23, 25};
	struct br_pg_param p[] = {{text, 0, false}, {raw, 4, true}, {NULL, 0, false}};

	(void)state;
	send_sql("CREATE TEMP TABLE t (id int, v text)");
	assert_int_equal(
		br_pg_copy(pg, "COPY t FROM STDIN", BR_STR("1\ta\n"), on_result, NULL, NULL), 0);
	assert_int_equal(br_pg_send(pg, NULL, sql, 3, types, p, false, on_result, NULL, NULL), 0);
	sync_unit(NULL);
	memset(text, 'x', sizeof(text) - 1);
	memset(raw, 9, sizeof(raw) - 1);
	memset(sql, 'x', sizeof(sql) - 1);
	memset(types, 0, sizeof(types));
	memset(p, 0, sizeof(p));
	WAIT_FOR(!br_pg_pending(pg));
	assert_string_equal(said, "CREATE TABLE COPY 1 before5- ok.");
}

/* ---- volume: neither side may block the other ---- */

static size_t bytes_back, rows_back;

static void count_back(void *arg, const PGresult *res, const struct br_err *err)
{
	(void)arg;
	(void)err;
	assert_non_null(res);
	rows_back++;
	bytes_back += (size_t)PQgetlength(res, 0, 0);
}

static void test_volume(void **state)
{
	static char text[4096];
	const struct br_pg_param p = {text, 0, false};
	int done = 0;

	(void)state;
	bytes_back = rows_back = 0;
	memset(text, 'a', sizeof(text) - 1);
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(br_pg_send(pg, "vol", "SELECT $1 || $1", 1, (Oid[]){25}, &p, false,
					 count_back, NULL, NULL),
			0);
		if (i % 1000 == 999)
			sync_unit(&done);
	}
	WAIT_FOR(!br_pg_pending(pg));
	assert_int_equal(rows_back, 5000);
	assert_int_equal(bytes_back, 5000ul * 2 * 4095);
	assert_int_equal(done, 5);
}

static char *many_lines(size_t lines, const char *first, size_t *n)
{
	static const char line[] =
		"1\taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
	char *p = malloc(strlen(first) + lines * strlen(line));

	assert_non_null(p);
	memcpy(p, first, strlen(first));
	*n = strlen(first);
	for (size_t i = 0; i < lines; i++, *n += strlen(line))
		memcpy(p + *n, line, strlen(line));
	return p;
}

static const struct big_copy {
	const char *name, *first, *want;
} big_copies[] = {
	{"a big copy", "7\tb\n", "CREATE TABLE COPY 200001 200001 ok."},
	{"a big copy that fails at its first line", "x\tb\n", "CREATE TABLE !22P02 !22P02 failed."},
};

static void test_big_copy(void **state)
{
	const struct big_copy *bc = *state;
	size_t n;
	char *data = many_lines(200000, bc->first, &n);

	connect_pg(NULL);
	send_sql("CREATE TEMP TABLE t (id int, v text)");
	assert_int_equal(br_pg_copy(pg, "COPY t FROM STDIN", (struct br_str){data, n}, on_result,
				 NULL, NULL),
		0);
	free(data);
	send_sql("SELECT count(*) FROM t");
	sync_unit(NULL);
	WAIT_FOR(!br_pg_pending(pg));
	assert_string_equal(said, bc->want);
	close_pg(NULL);
}

/* ---- NOTIFY ---- */

static void on_notify(void *arg, const char *channel, const char *payload)
{
	(void)arg;
	say("<%s:%s>", channel, payload);
}

static void test_notify(void **state)
{
	PGconn *other;

	(void)state;
	br_pg_on_notify(pg, on_notify, NULL);
	send_sql("LISTEN news");
	sync_unit(NULL);
	WAIT_FOR(!br_pg_pending(pg));
	/* while idle */
	assert_int_equal(br_pg_open_sync(conninfo, &other, NULL), 0);
	assert_int_equal(br_pg_exec_sync(other, "NOTIFY news, 'one'", 0, NULL, NULL, NULL), 0);
	WAIT_FOR(strstr(said, "one"));
	/* among answers */
	send_sql("SELECT pg_notify('news', 'two')");
	send_sql("SELECT 5");
	sync_unit(NULL);
	WAIT_FOR(strstr(said, "two") && !br_pg_pending(pg));
	assert_non_null(strstr(said, "LISTEN ok. <news:one>"));
	assert_non_null(strstr(said, "5 ok."));
	PQfinish(other);
}

/* ---- losing the connection ---- */

static void test_lost_connection_answers_all_once(void **state)
{
	(void)state;
	send_sql("SELECT 1");
	sync_unit(NULL);
	send_sql("SELECT pg_terminate_backend(pg_backend_pid())");
	send_sql("SELECT 2");
	sync_unit(NULL);
	assert_int_equal(
		br_pg_copy(pg, "COPY t FROM STDIN", BR_STR("1\n"), on_result, NULL, NULL), 0);
	sync_unit(NULL);
	WAIT_FOR(downs);
	assert_int_equal(br_pg_pending(pg), 0);
	assert_non_null(strstr(said, "1 ok. !"));
	assert_non_null(strstr(said, "failed. !"));
	assert_int_equal(br_err_code(&last_err), BR_E_PG_UNAVAILABLE);
	assert_int_equal(br_pg_send(pg, NULL, "SELECT 1", 0, NULL, NULL, false, NULL, NULL, NULL),
		-BR_E_PG_UNAVAILABLE);
	assert_int_equal(br_pg_sync(pg, NULL, NULL, NULL), -BR_E_PG_UNAVAILABLE);
	assert_int_equal(br_pg_copy(pg, "COPY t FROM STDIN", BR_STR_NONE, NULL, NULL, NULL),
		-BR_E_PG_UNAVAILABLE);
}

static void test_names_are_prepared_again_after_a_loss(void **state)
{
	const struct br_pg_param p = {"x", 0, false};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(br_pg_send(pg, "n", "SELECT $1::text", 1, NULL, &p, false,
					 on_result, NULL, NULL),
			0);
		sync_unit(NULL);
		send_sql("SELECT pg_terminate_backend(pg_backend_pid())");
		sync_unit(NULL);
		WAIT_FOR(downs > i);
		br_pg_connect(pg);
		WAIT_FOR(ups == i + 2);
	}
	assert_int_equal(strncmp(said, "x ok. !", 7), 0);
	assert_non_null(strstr(said, "failed. x ok. !"));
}

/* The server dies and comes back; the owner tries until it is there. */
static void connect_again(void *arg, enum br_pg_state state, const struct br_err *err)
{
	on_state(arg, state, err);
	if (state == BR_PG_DOWN)
		br_pg_connect(pg);
}

static void test_server_restarts(void **state)
{
	(void)state;
	br_pg_free(pg);
	pg = br_pg_new(loop, conninfo, connect_again, NULL, NULL);
	ups = downs = 0;
	br_pg_connect(pg);
	WAIT_FOR(ups == 1);
	stop_server(SIGQUIT);
	WAIT_FOR(downs >= 3);
	assert_int_equal(br_err_code(&last_err), BR_E_PG_UNAVAILABLE);
	assert_int_equal(start_server(), 0);
	WAIT_FOR(ups == 2);
	send_sql("SELECT 6");
	sync_unit(NULL);
	WAIT_FOR(!br_pg_pending(pg));
	assert_string_equal(said, "6 ok.");
}

static void test_connect_while_up_drops_the_old_one(void **state)
{
	(void)state;
	send_sql("SELECT pg_sleep(60)");
	sync_unit(NULL);
	br_loop_turn(loop, 0);
	br_pg_connect(pg);
	WAIT_FOR(ups == 2);
	assert_int_equal(downs, 1);
	assert_string_equal(said, "!gone failed.");
}

static void free_it(void *arg, const PGresult *res, const struct br_err *err)
{
	(void)arg;
	(void)res;
	(void)err;
	say("freed");
	br_pg_free(pg);
	pg = NULL;
}

static const struct free_case {
	const char *name;
	const char *sql; /* NULL: a COPY */
} free_cases[] = {
	{"freed in a result's callback", "SELECT 1"},
	{"freed in an error's callback", "SELECT 1/0"},
	{"freed in a lost connection's callback", "SELECT pg_terminate_backend(pg_backend_pid())"},
	{"freed in a copy's callback", NULL},
};

static void test_free_in_callback(void **state)
{
	const struct free_case *fc = *state;

	connect_pg(NULL);
	if (fc->sql)
		br_pg_send(pg, NULL, fc->sql, 0, NULL, NULL, false, free_it, NULL, NULL);
	else
		br_pg_copy(pg, "COPY none FROM STDIN", BR_STR("1\n"), free_it, NULL, NULL);
	send_sql("SELECT 2");
	sync_unit(NULL);
	WAIT_FOR(!pg);
	br_loop_turn(loop, 0);
	assert_string_equal(said, "freed");
	close_pg(NULL);
}

static void send_more(void *arg, const PGresult *res, const struct br_err *err)
{
	on_result(NULL, res, err);
	if (--*(int *)arg > 0) {
		br_pg_send(pg, NULL, "SELECT 'more'", 0, NULL, NULL, false, send_more, arg, NULL);
		br_pg_sync(pg, NULL, NULL, NULL);
	}
}

static void test_send_in_callback(void **state)
{
	int left = 3;

	(void)state;
	br_pg_send(pg, NULL, "SELECT 'first'", 0, NULL, NULL, false, send_more, &left, NULL);
	sync_unit(NULL);
	WAIT_FOR(!br_pg_pending(pg));
	assert_string_equal(said, "first ok. more more");
}

static void test_copy_sent_as_statement_is_noticed(void **state)
{
	(void)state;
	send_sql("CREATE TEMP TABLE t (id int)");
	send_sql("COPY t FROM STDIN");
	sync_unit(NULL);
	WAIT_FOR(downs);
	assert_int_equal(br_pg_pending(pg), 0);
}

/* ---- not connecting at all ---- */

static void test_no_server(void **state)
{
	char info[200];

	(void)state;
	snprintf(info, sizeof(info), "host=%s/nowhere user=bridge dbname=postgres", dir);
	open_pg(info);
	WAIT_FOR(downs);
	assert_int_equal(ups, 0);
	assert_int_equal(br_err_code(&last_err), BR_E_PG_UNAVAILABLE);
	assert_non_null(strstr(br_err_detail(&last_err, "why"), "No such file"));
	close_pg(NULL);
}

static void test_no_such_database(void **state)
{
	char info[200];

	(void)state;
	snprintf(info, sizeof(info), "host=%s user=bridge dbname=nothing", dir);
	open_pg(info);
	WAIT_FOR(downs);
	assert_non_null(strstr(br_err_detail(&last_err, "why"), "does not exist"));
	close_pg(NULL);
}

/* Somebody listens there, on port 1, but never says a word. */
static int listen_silently(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/.s.PGSQL.1", dir);
	unlink(at.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static void test_silent_server(void **state)
{
	char info[200];
	int fd = listen_silently();

	(void)state;
	snprintf(info, sizeof(info), "host=%s port=1 user=bridge dbname=postgres connect_timeout=1",
		dir);
	open_pg(info);
	WAIT_FOR(downs);
	assert_int_equal(br_err_code(&last_err), BR_E_PG_UNAVAILABLE);
	close_pg(NULL);
	close(fd);
}

/* A standby has taken over from a machine without power. */
static void test_a_silent_host_is_passed_over(void **state)
{
	char info[300];
	int fd = listen_silently();

	(void)state;
	snprintf(info, sizeof(info),
		"host=%s,%s,%s port=1,1,5432 user=bridge dbname=postgres connect_timeout=1", dir,
		dir, dir);
	open_pg(info);
	WAIT_FOR(ups || downs);
	assert_int_equal(ups, 1);
	assert_int_equal(downs, 0);
	close_pg(NULL);
	close(fd);
}

static void test_malformed_conninfo(void **state)
{
	struct br_err err;

	(void)state;
	loop = br_loop_new(NULL);
	assert_null(br_pg_new(loop, "host=a password='s3cret", on_state, NULL, &err));
	assert_null(strstr(br_err_detail(&err, "why"), "s3cret"));
	br_loop_free(loop);
}

/* ---- errors say enough and not too much ---- */

struct leak_case {
	const char *name, *sql;
	const char *sqlstate, *why, *constraint;
};

static const struct leak_case leaks[] = {
	{"a duplicate names its constraint, not the value",
		"INSERT INTO leak VALUES ('340104195003071234', '张三', 1)", "23505",
		"duplicate key value violates unique constraint \"leak_pkey\"", "leak_pkey"},
	{"a missing value names the column, not the row", "INSERT INTO leak VALUES ('1', NULL, 1)",
		"23502",
		"null value in column \"xm\" of relation \"leak\" violates not-null constraint",
		NULL},
	{"a check", "INSERT INTO leak VALUES ('2', '张三', -1)", "23514",
		"new row for relation \"leak\" violates check constraint \"leak_n_check\"",
		"leak_n_check"},
	{"a value that is no number is not quoted", "SELECT 'x340104195003071234'::int", "22P02",
		"invalid input syntax for type integer: \"…\"", NULL},
	{"quotes inside the value hide nothing of it", "SELECT '张\"三'::int", "22P02",
		"invalid input syntax for type integer: \"…\"", NULL},
	{"a value too long", "INSERT INTO leak VALUES ('3', '一二三四五六七八九十一', 1)", "22001",
		"value too long for type character varying(10)", NULL},
	{"a trigger's own words",
		"DO $$BEGIN RAISE EXCEPTION '该证件号已有在办申请' USING DETAIL = '张三'; END$$",
		"P0001", "该证件号已有在办申请", NULL},
};

static void test_leak(void **state)
{
	const struct leak_case *lc = *state;
	char text[2048];
	PGconn *conn;
	struct br_err err;

	assert_int_equal(br_pg_open_sync(conninfo, &conn, &err), 0);
	assert_int_equal(br_pg_exec_sync(conn,
				 "CREATE TEMP TABLE leak (sfzh text PRIMARY KEY, xm varchar(10) "
				 "NOT NULL, n int CHECK (n > 0));"
				 "INSERT INTO leak VALUES ('340104195003071234', '张三', 1)",
				 0, NULL, NULL, &err),
		0);
	assert_int_equal(br_pg_exec_sync(conn, lc->sql, 0, NULL, NULL, &err), -BR_E_PG_SQL);
	assert_string_equal(br_err_detail(&err, "sqlstate"), lc->sqlstate);
	assert_string_equal(br_err_detail(&err, "why"), lc->why);
	if (lc->constraint)
		assert_string_equal(br_err_detail(&err, "constraint"), lc->constraint);
	br_err_text(&err, BR_LANG_EN, text, sizeof(text));
	assert_null(strstr(text, "340104195003071234"));
	assert_null(strstr(text, "张三"));
	assert_null(strstr(PQerrorMessage(conn), "张三"));
	PQfinish(conn);
}

/* ---- without a loop ---- */

static void test_sync_helpers(void **state)
{
	const struct br_pg_param p[] = {{"40", 0, false}, {NULL, 0, false}};
	PGresult *res;
	PGconn *conn;
	struct br_err err;

	(void)state;
	assert_int_equal(br_pg_open_sync(conninfo, &conn, &err), 0);
	assert_int_equal(
		br_pg_exec_sync(conn, "SELECT $1::int + 2, $2::text", 2, p, &res, &err), 0);
	assert_string_equal(PQgetvalue(res, 0, 0), "42");
	assert_true(PQgetisnull(res, 0, 1));
	PQclear(res);
	/* several statements are one transaction */
	assert_int_equal(br_pg_exec_sync(conn, "CREATE TABLE sync_t (id int); SELECT 1/0", 0, NULL,
				 NULL, &err),
		-BR_E_PG_SQL);
	assert_int_equal(
		br_pg_exec_sync(conn, "SELECT to_regclass('sync_t')", 0, NULL, &res, &err), 0);
	assert_true(PQgetisnull(res, 0, 0));
	PQclear(res);
	assert_int_equal(br_pg_exec_sync(conn, "SELECT current_setting('application_name')", 0,
				 NULL, &res, &err),
		0);
	assert_string_equal(PQgetvalue(res, 0, 0), "casebridge");
	PQclear(res);
	PQfinish(conn);
	assert_int_equal(
		br_pg_open_sync("host=127.0.0.1 port=1 user=x", &conn, &err), -BR_E_PG_UNAVAILABLE);
}

static void test_table_that_changes_shape(void **state)
{
	PGconn *other;

	(void)state;
	assert_int_equal(br_pg_open_sync(conninfo, &other, NULL), 0);
	assert_int_equal(
		br_pg_exec_sync(other, "CREATE TABLE shape (a int); INSERT INTO shape VALUES (1)",
			0, NULL, NULL, NULL),
		0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(br_pg_send(pg, "sh", "SELECT * FROM shape", 0, NULL, NULL, false,
					 on_result, NULL, NULL),
			0);
		sync_unit(NULL);
		WAIT_FOR(!br_pg_pending(pg));
		if (i == 1)
			br_pg_exec_sync(other, "ALTER TABLE shape ADD b int", 0, NULL, NULL, NULL);
	}
	/* one unit fails with "cached plan must not change result type", and only one */
	assert_string_equal(said, "1 ok. 1 ok. !0A000 failed. 1 ok.");
	br_pg_exec_sync(other, "DROP TABLE shape", 0, NULL, NULL, NULL);
	PQfinish(other);
}

#define ONE(fn)                                                                                    \
	{                                                                                          \
#fn, fn, connect_pg, close_pg, NULL                                                \
	}
#define ALONE(fn)                                                                                  \
	{                                                                                          \
#fn, fn, NULL, NULL, NULL                                                          \
	}

static void add_cases(struct CMUnitTest *tests, size_t *n, const void *cases, size_t size,
	size_t count, CMUnitTestFunction fn)
{
	for (size_t i = 0; i < count; i++) {
		const char *row = (const char *)cases + i * size;

		/* every row begins with its name */
		tests[(*n)++] = (struct CMUnitTest){*(const char *const *)(const void *)row, fn,
			NULL, NULL, (void *)(uintptr_t)row};
	}
}
#define ADD(cases, fn) add_cases(tests, &n, (cases), sizeof((cases)[0]), BR_LEN(cases), (fn))

int main(void)
{
	static const struct CMUnitTest ones[] = {
		ONE(test_binary_parameter_and_result),
		ONE(test_null_parameter),
		ONE(test_binary_copy),
		ONE(test_parameters_behind_a_copy_are_copied),
		ONE(test_volume),
		ONE(test_notify),
		ONE(test_lost_connection_answers_all_once),
		ONE(test_names_are_prepared_again_after_a_loss),
		ONE(test_connect_while_up_drops_the_old_one),
		ONE(test_send_in_callback),
		ONE(test_copy_sent_as_statement_is_noticed),
		ONE(test_table_that_changes_shape),
		ONE(test_server_restarts),
		ALONE(test_no_server),
		ALONE(test_no_such_database),
		ALONE(test_silent_server),
		ALONE(test_a_silent_host_is_passed_over),
		ALONE(test_malformed_conninfo),
		ALONE(test_sync_helpers),
	};
	struct CMUnitTest tests[2 * BR_LEN(scripts) + BR_LEN(big_copies) + BR_LEN(free_cases) +
				BR_LEN(leaks) + BR_LEN(ones)];
	size_t n = 0;

	if (access(BIN "postgres", X_OK)) {
		fprintf(stderr, "no PostgreSQL 15 in " BIN ": install postgresql-15\n");
		return 77;
	}
	ADD(scripts, test_script);
	ADD(scripts, test_script_slowly);
	ADD(big_copies, test_big_copy);
	ADD(free_cases, test_free_in_callback);
	ADD(leaks, test_leak);
	for (size_t i = 0; i < BR_LEN(ones); i++)
		tests[n++] = ones[i];
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
