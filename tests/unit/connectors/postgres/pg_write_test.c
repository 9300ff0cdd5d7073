/* Writing on a real server: every answer a command can get, alone and in a batch with others. */
#include "connectors/postgres/fake_conn.h"

#define SPEC(more)                                                                                 \
	"{\"record\":\"application\",\"root\":{\"table\":\"ydz_sq\",\"key\":\"sbh\"},\"read\":{"   \
	"\"cursor\":\"rv\"},"                                                                      \
	"\"write\":{\"create\":\"true\"" more "},\"columns\":[\"xm\",\"sfzh\",\"zt\",\"sqrq\","    \
	"\"pym\"],\"parts\":{},\"natural_key\":[\"sfzh\"],"                                        \
	"\"refused\":[{\"native\":[\"P0001\"],\"text\":\"稍后\",\"do\":\"retry\"}],\"target_"    \
	"owned\":[\"pym\"],"                                                                       \
	"\"on_create\":{\"sbh\":{\"generate\":\"'YDZ' || "                                         \
	"nextval('ydz_sbh')\",\"returning\":true}}}"

static const char tables[] =
	"drop schema if exists bridge cascade; drop table if exists ydz_step, ydz_sq cascade; drop "
	"sequence if exists ydz_sbh;"
	"create sequence ydz_sbh; create table ydz_sq (sbh varchar(20) primary key, xm varchar(6) "
	"not null, sfzh varchar(18), zt smallint,"
	" sqrq timestamp, pym text, rv xid8 not null default pg_current_xact_id());"
	"create index on ydz_sq (rv); create index on ydz_sq (sfzh);"
	"create or replace function keep_rv() returns trigger language plpgsql as $$ begin new.rv "
	":= pg_current_xact_id(); return new; end $$;"
	"create trigger keep before insert or update on ydz_sq for each row execute function "
	"keep_rv();";

static struct conn *begin_with(PGconn **db, const char *spec)
{
	struct conn *c = fake_new();

	*db = fake_connect();
	sql(*db, "%s", tables);
	fake_record(c, "application", spec);
	return c;
}

static void end_with(struct conn *c, PGconn *db)
{
	fake_free(c);
	PQfinish(db);
}

static void creates_and_updates(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	const struct seen *s;

	(void)state;
	fake_start(c);
	assert_int_equal(pg_kind.promises(c->pg),
		CONN_INBOX | CONN_CAS | CONN_LOOKUP | CONN_WHOLE | CONN_SWEEP);
	s = fake_apply_one(
		c, fake_cmd(c, "C1", 1, NULL, NULL,
			   "{\"xm\":\"张三\",\"zt\":\"0\",\"sqrq\":\"2018-07-02 09:05:00\"}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_true(s->atomic);
	assert_string_equal(s->lid, "YDZ1");
	assert_string_equal(s->text, "{\"xm\":\"张三\",\"sfzh\":null,\"zt\":\"0\",\"sqrq\":\"2018-"
				     "07-02 09:05:00\",\"pym\":null}");
	assert_string_equal(sql(db, "select xm || zt from ydz_sq where sbh = 'YDZ1'"), "张三0");
	/* what is kept for whoever asks again: only what the row holds beyond what was sent */
	assert_string_equal(
		sql(db, "select lid || n || post::text from bridge.bridge_inbox where cid = 'C1'"),
		"YDZ11[{\"sfzh\":null,\"pym\":null}]");

	s = fake_apply_one(
		c, fake_cmd(c, "C1", 2, "YDZ1", "{\"xm\":\"张三\",\"sfzh\":null,\"zt\":\"0\"}",
			   "{\"zt\":\"2\",\"sfzh\":\"11\"}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_string_equal(s->lid, "YDZ1");
	assert_string_equal(s->text, "{\"xm\":\"张三\",\"sfzh\":\"11\",\"zt\":\"2\",\"sqrq\":"
				     "\"2018-07-02 09:05:00\",\"pym\":null}");
	assert_string_equal(sql(db, "select epoch || '/' || beat from bridge.bridge_meta"), "1/2");
	end_with(c, db);
}

static void answers_what_it_did_before(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	struct conn_command *cmd;
	const struct seen *s;
	char *first;

	(void)state;
	fake_start(c);
	s = fake_apply_one(c, fake_cmd(c, "C1", 1, NULL, NULL, "{\"xm\":\"张三\",\"zt\":\"0\"}"));
	first = strdup(s->text);
	/* the receipt is lost; meanwhile a clerk edits the row */
	sql(db, "update ydz_sq set zt = 9");
	s = fake_apply_one(c, fake_cmd(c, "C1", 1, NULL, NULL, "{\"xm\":\"张三\",\"zt\":\"0\"}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_true(s->atomic);
	assert_string_equal(s->lid, "YDZ1");
	assert_string_equal(s->text, first);
	assert_string_equal(sql(db, "select count(*) || ',' || max(zt) from ydz_sq"), "1,9");
	/* a larger number is done: a smaller one must do nothing any more */
	s = fake_apply_one(c, fake_cmd(c, "C1", 3, "YDZ1", "{\"zt\":\"9\"}", "{\"zt\":\"5\"}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	fake_apply_one(c, fake_cmd(c, "C1", 2, "YDZ1", "{\"zt\":\"5\"}", "{\"zt\":\"6\"}"));
	assert_string_equal(sql(db, "select zt from ydz_sq"), "5");
	/* a new ledger counts from one again, and is heard */
	cmd = fake_cmd(c, "C1", 1, "YDZ1", "{\"zt\":\"5\"}", "{\"zt\":\"7\"}");
	cmd->did.incarnation = 8;
	s = fake_apply_one(c, cmd);
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_string_equal(sql(db, "select zt from ydz_sq"), "7");
	free(first);
	end_with(c, db);
}

static void never_overwrites_what_it_has_not_seen(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	const struct seen *s;

	(void)state;
	fake_start(c);
	sql(db, "insert into ydz_sq (sbh, xm, zt, pym) values ('A', '李四', 1, 'ls')");
	s = fake_apply_one(
		c, fake_cmd(c, "C1", 1, "A", "{\"xm\":\"李四\",\"zt\":\"0\"}", "{\"zt\":\"2\"}"));
	assert_int_equal(s->status, RCPT_STALE);
	assert_false(s->atomic);
	assert_int_equal(c->beat, 0); /* nothing was written, so it is taken back */
	assert_string_equal(s->text,
		"{\"xm\":\"李四\",\"sfzh\":null,\"zt\":\"1\",\"sqrq\":null,\"pym\":\"ls\"}");
	assert_string_equal(sql(db, "select zt from ydz_sq"), "1");
	/* null is not the empty text, and what the target rewrites at will is not compared */
	s = fake_apply_one(
		c, fake_cmd(c, "C1", 2, "A", "{\"zt\":\"1\",\"sfzh\":\"\"}", "{\"zt\":\"2\"}"));
	assert_int_equal(s->status, RCPT_STALE);
	s = fake_apply_one(
		c, fake_cmd(c, "C1", 3, "A", "{\"zt\":\"1\",\"sfzh\":null,\"pym\":\"other\"}",
			   "{\"zt\":\"2\"}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	s = fake_apply_one(c, fake_cmd(c, "C2", 1, "nobody", "{\"zt\":\"1\"}", "{\"zt\":\"2\"}"));
	assert_int_equal(s->status, RCPT_GONE);
	end_with(c, db);
}

static void looks_up_before_create(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	struct conn_command *cmd[2];
	const struct seen *s;

	(void)state;
	fake_start(c);
	sql(db, "insert into ydz_sq (sbh, xm, sfzh) values ('A', '李四', '11'), ('B', '王五', "
		"'22'), ('C', '王五', '22')");
	cmd[0] = fake_cmd(c, "C1", 1, NULL, NULL, "{\"xm\":\"李四\",\"sfzh\":\"11\"}");
	cmd[0]->nk = BR_STR("{\"sfzh\":\"11\"}");
	s = fake_apply_one(c, cmd[0]);
	assert_int_equal(s->status, RCPT_EXISTS);
	assert_string_equal(s->lid, "A");
	assert_string_equal(s->text,
		"{\"xm\":\"李四\",\"sfzh\":\"11\",\"zt\":null,\"sqrq\":null,\"pym\":null}");
	cmd[0] = fake_cmd(c, "C2", 1, NULL, NULL, "{\"xm\":\"王五\",\"sfzh\":\"22\"}");
	cmd[0]->nk = BR_STR("{\"sfzh\":\"22\"}");
	s = fake_apply_one(c, cmd[0]);
	assert_int_equal(s->status, RCPT_AMBIGUOUS);
	/* two at once: one is made, the other waits and then finds it */
	fake_forget(c);
	for (int i = 0; i < 2; i++) {
		cmd[i] = fake_cmd(
			c, i ? "C3" : "C4", 1, NULL, NULL, "{\"xm\":\"赵六\",\"sfzh\":\"33\"}");
		cmd[i]->nk = BR_STR("{\"sfzh\":\"33\"}");
	}
	fake_apply(c, cmd, 2);
	assert_int_equal(c->nseen, 2);
	assert_int_equal(c->seen[0].status, RCPT_APPLIED);
	assert_int_equal(c->seen[1].what, 'l');
	s = fake_apply_one(c, cmd[1]);
	assert_int_equal(s->status, RCPT_EXISTS);
	assert_string_equal(sql(db, "select count(*) from ydz_sq where sfzh = '33'"), "1");
	end_with(c, db);
}

static void one_refusal_harms_nobody_else(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	struct conn_command *cmd[100];
	size_t applied = 0, refused = 0;

	(void)state;
	fake_start(c);
	sql(db, "alter table ydz_sq add constraint zt_known check (zt < 100)");
	for (int i = 0; i < 100; i++) {
		char cid[16], set[100];

		snprintf(cid, sizeof(cid), "C%d", i);
		snprintf(set, sizeof(set),
			i == 37	  ? "{\"xm\":\"一二三四五六七\"}"
			: i == 38 ? "{\"zt\":\"1\"}"
			: i == 80 ? "{\"xm\":\"张\",\"zt\":\"100\"}"
			: i == 81 ? "{\"xm\":\"张\",\"zt\":\"abc\"}"
				  : "{\"xm\":\"张%d\"}",
			i);
		cmd[i] = fake_cmd(c, cid, 1, NULL, NULL, set);
	}
	fake_apply(c, cmd, 100);
	fake_fail_if_failed(c);
	assert_int_equal(c->nseen, 100);
	for (size_t i = 0; i < c->nseen; i++) {
		applied += c->seen[i].status == RCPT_APPLIED;
		refused += c->seen[i].status == RCPT_REJECTED;
	}
	assert_int_equal(applied, 96);
	assert_int_equal(refused, 4);
	assert_string_equal(c->seen[37].code, "22001"); /* too long is refused, never cut */
	assert_string_equal(c->seen[38].code, "23502");
	assert_non_null(strstr(c->seen[38].text, "xm"));
	assert_string_equal(c->seen[80].code, "23514");
	assert_non_null(strstr(c->seen[80].text, "zt_known"));
	assert_null(strstr(c->seen[80].text, "张")); /* no DETAIL */
	assert_string_equal(c->seen[81].code, "22P02");
	assert_string_equal(sql(db, "select count(*) from ydz_sq"), "96");
	assert_string_equal(sql(db, "select count(*) from bridge.bridge_inbox"), "96");
	end_with(c, db);
}

static void triggers_show_in_the_post_image(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	const struct seen *s;

	(void)state;
	sql(db, "create or replace function shape_it() returns trigger language plpgsql as $$ "
		"begin new.xm := trim(new.xm) || '*'; return new; end $$;"
		"create trigger shape_it before insert or update on ydz_sq for each row execute "
		"function shape_it()");
	fake_start(c);
	s = fake_apply_one(c, fake_cmd(c, "C1", 1, NULL, NULL, "{\"xm\":\" 张 \"}"));
	assert_string_equal(
		s->text, "{\"xm\":\"张*\",\"sfzh\":null,\"zt\":null,\"sqrq\":null,\"pym\":null}");
	fake_close(c);
	/* and what an AFTER trigger does, deferred to the commit */
	sql(db, "create or replace function after_it() returns trigger language plpgsql as $$ begin"
		" update ydz_sq set pym = 'late' where sbh = new.sbh and pym is null; return null; "
		"end $$;"
		"create constraint trigger after_it after insert on ydz_sq deferrable initially "
		"deferred for each row execute function after_it()");
	fake_start(c);
	s = fake_apply_one(c, fake_cmd(c, "C2", 1, NULL, NULL, "{\"xm\":\"李\"}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_string_equal(s->text,
		"{\"xm\":\"李**\",\"sfzh\":null,\"zt\":null,\"sqrq\":null,\"pym\":\"late\"}");
	assert_string_equal(sql(db, "select pym from ydz_sq where sbh = 'YDZ2'"), "late");
	/* one that refuses, for good and for now */
	sql(db, "create or replace function shape_it() returns trigger language plpgsql as $$ "
		"begin raise exception '%%', new.xm; end $$");
	s = fake_apply_one(c, fake_cmd(c, "C3", 1, NULL, NULL, "{\"xm\":\"不行\"}"));
	assert_int_equal(s->status, RCPT_REJECTED);
	assert_string_equal(s->code, "P0001");
	s = fake_apply_one(c, fake_cmd(c, "C4", 1, NULL, NULL, "{\"xm\":\"请稍后\"}"));
	assert_int_equal(s->what, 'l');
	/* one that keeps nothing */
	sql(db, "create or replace function shape_it() returns trigger language plpgsql as $$ "
		"begin return null; end $$");
	s = fake_apply_one(c, fake_cmd(c, "C5", 1, NULL, NULL, "{\"xm\":\"空\"}"));
	assert_int_equal(s->status, RCPT_REJECTED);
	assert_string_equal(s->code, "PG-033");
	end_with(c, db);
}

/* The common AFTER trigger only notifies: then what the statement returns is what stays, and
 * nothing is read again. */
static void what_a_trigger_can_do(void **state)
{
	static const struct {
		const char *name, *body;
		bool aftermath;
	} cases[] = {
		{"notify", "begin notify ydz; return null; end", false},
		{"pg_notify",
			"\nBEGIN\n  PERFORM pg_notify('ydz', new.sbh || '(x)');\n  RETURN "
			"NEW;\nEND;\n",
			false},
		{"writes",
			"begin notify ydz; update ydz_sq set pym = 'x' where sbh = new.sbh and pym "
			"is null; return null; end",
			true},
		{"calls", "begin perform keep_it(new.sbh); return null; end", true},
		{"computes", "declare x int := f(); begin notify ydz; return null; end", true},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		PGconn *db;
		struct conn *c = begin_with(&db, SPEC(""));

		sql(db,
			"create or replace function after_it() returns trigger language plpgsql as "
			"$f$%s$f$;"
			"create trigger after_it after insert or update on ydz_sq for each row "
			"execute function after_it()",
			cases[i].body);
		fake_start(c);
		if (c->pg->records[0]->tables[0].aftermath != cases[i].aftermath)
			fail_msg("%s", cases[i].name);
		end_with(c, db);
	}
}

static void a_locked_row_waits_alone(void **state)
{
	PGconn *db, *clerk = fake_connect();
	struct conn *c = begin_with(&db, SPEC(""));
	struct conn_command *cmd[2];
	const struct seen *s;

	(void)state;
	fake_start(c);
	sql(db, "insert into ydz_sq (sbh, xm, zt) values ('A', '李四', 1), ('B', '王五', 1)");
	sql(clerk, "begin; select from ydz_sq where sbh = 'A' for update");
	cmd[0] = fake_cmd(c, "C1", 1, "A", "{\"zt\":\"1\"}", "{\"zt\":\"2\"}");
	cmd[1] = fake_cmd(c, "C2", 1, "B", "{\"zt\":\"1\"}", "{\"zt\":\"2\"}");
	fake_apply(c, cmd, 2);
	assert_int_equal(c->nseen, 2);
	assert_int_equal(c->seen[0].what, 'l');
	assert_int_equal(c->seen[1].status, RCPT_APPLIED);
	fake_apply(c, cmd, 1);
	assert_true(c->seen[2].ms > c->seen[0].ms); /* with back-off */
	sql(clerk, "rollback");
	s = fake_apply_one(c, cmd[0]);
	assert_int_equal(s->status, RCPT_APPLIED);
	PQfinish(clerk);
	end_with(c, db);
}

/* Said in the connector's own session. */
static void say(struct conn *c, const char *statement)
{
	struct br_err err;

	assert_int_equal(
		br_pg_send(c->pg->pg, NULL, statement, 0, NULL, NULL, false, NULL, NULL, &err), 0);
	assert_int_equal(br_pg_sync(c->pg->pg, NULL, NULL, &err), 0);
}

static void make_three(struct conn *c, struct conn_command **cmd)
{
	static const char *const cids[] = {"C1", "C2", "C3"};

	for (size_t i = 0; i < BR_LEN(cids); i++)
		cmd[i] = fake_cmd(c, cids[i], 1, NULL, NULL, "{\"xm\":\"张三\"}");
}

static void a_server_that_takes_no_writes_is_waited_for(void **state)
{
	(void)state;
	for (int inbox = 0; inbox < 2; inbox++) {
		PGconn *db;
		struct conn *c = begin_with(&db, SPEC(""));
		struct conn_command *cmd[3];

		c->options.inbox = inbox;
		fake_start(c);
		say(c, "set default_transaction_read_only to on");
		make_three(c, cmd);
		fake_apply(c, cmd, 3);
		fake_fail_if_failed(c);
		assert_int_equal(c->nseen, 3);
		for (size_t i = 0; i < c->nseen; i++)
			assert_int_equal(c->seen[i].what, 'l');
		fake_apply(c, cmd, 1);
		fake_fail_if_failed(c);
		assert_true(c->seen[3].ms > c->seen[0].ms); /* with back-off */
		say(c, "set default_transaction_read_only to off");
		fake_forget(c);
		fake_apply(c, cmd, 3);
		fake_fail_if_failed(c);
		for (size_t i = 0; i < c->nseen; i++)
			assert_int_equal(c->seen[i].status, RCPT_APPLIED);
		end_with(c, db);
	}
}

/* No command is to blame for what we may not do with our own tables. */
static void trouble_with_our_tables_is_no_refusal(void **state)
{
	static const struct {
		const char *right;
		bool ours;
	} cases[] = {
		{"update on bridge.bridge_meta", true},
		{"select on bridge.bridge_inbox", true},
		{"insert on bridge.bridge_inbox", true},
		{"insert on ydz_sq", false},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		PGconn *db;
		struct conn *c = begin_with(&db, SPEC(""));
		struct conn_command *cmd[3];

		fake_start(c);
		if (i == 0)
			sql(db, "create role ydz");
		sql(db,
			"grant usage on schema bridge to ydz; grant all on all tables in schema "
			"bridge to ydz; grant all on ydz_sq, ydz_sbh to ydz; revoke %s from ydz",
			cases[i].right);
		say(c, "set role ydz");
		make_three(c, cmd);
		fake_apply(c, cmd, 3);
		if (c->failed != cases[i].ours || c->nseen != (cases[i].ours ? 0 : 3))
			fail_msg("%s: %zu answers", cases[i].right, c->nseen);
		if (cases[i].ours)
			assert_string_equal(br_err_detail(&c->err, "sqlstate"), "42501");
		else
			assert_string_equal(c->seen[0].code, "42501");
		end_with(c, db);
	}
}

/* What is put off right after a start: may the predecessor have written it? */
static void what_is_put_off_was_looked_up_in_the_inbox(void **state)
{
	PGconn *db, *clerk = fake_connect();
	struct conn *c = begin_with(&db, SPEC(""));
	struct conn_command *done, *twin, *open;
	const struct seen *s;

	(void)state;
	fake_start(c);
	sql(db, "insert into ydz_sq (sbh, xm, zt) values ('A', '李四', 1), ('B', '王五', 1)");
	sql(clerk, "set idle_in_transaction_session_timeout = '20s'");
	done = fake_cmd(c, "C1", 1, "A", "{\"zt\":\"1\"}", "{\"zt\":\"2\"}");
	fake_apply_one(c, done);
	open = fake_cmd(c, "C2", 1, "B", "{\"zt\":\"1\"}", "{\"zt\":\"2\"}");
	twin = fake_cmd(c, "C3", 1, "B", "{\"zt\":\"1\"}", "{\"zt\":\"2\"}");
	done->attempted = open->attempted = twin->attempted = true;
	/* not even the inbox could be read: nobody knows */
	sql(clerk, "begin; select from bridge.bridge_meta for update");
	s = fake_apply_one(c, done);
	assert_int_equal(s->what, 'l');
	assert_true(done->attempted);
	sql(clerk, "rollback");
	/* it could, and then the table was locked */
	sql(clerk, "begin; lock table ydz_sq in access exclusive mode");
	s = fake_apply_one(c, open);
	assert_int_equal(s->what, 'l');
	assert_false(open->attempted);
	s = fake_apply_one(c, done);
	assert_int_equal(s->what, 'a');
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_true(s->atomic);
	sql(clerk, "rollback");
	/* a row that is locked, and one that waits for another command */
	sql(clerk, "begin; select from ydz_sq where sbh = 'B' for update");
	open->attempted = true;
	fake_forget(c);
	fake_apply(c, (struct conn_command *[]){open, twin}, 2);
	assert_int_equal(c->nseen, 2);
	assert_int_equal(c->seen[0].what, 'l');
	assert_int_equal(c->seen[1].what, 'l');
	assert_false(open->attempted);
	assert_false(twin->attempted);
	PQfinish(clerk);
	end_with(c, db);
}

static void a_successor_fences_us_out(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC("")), *next;
	struct conn_command *cmd;

	(void)state;
	fake_start(c);
	next = fake_new();
	fake_record(next, "application", SPEC(""));
	fake_open(next);
	assert_int_equal(strncmp(next->inc, "pg:", 3), 0);
	assert_string_equal(next->inc, c->inc);
	assert_int_equal(next->epoch, 1);
	fake_begin(next, 2, "nonce-2");
	cmd = fake_cmd(c, "C1", 1, NULL, NULL, "{\"xm\":\"张三\"}");
	fake_apply(c, &cmd, 1);
	assert_true(c->failed);
	assert_int_equal(br_err_code(&c->err), BR_E_PG_FENCED);
	assert_string_equal(sql(db, "select count(*) from ydz_sq"), "0");
	/* an epoch that is not newer is refused at once */
	fake_close(next);
	fake_open(next);
	fake_begin(next, 2, "nonce-3");
	assert_true(next->failed);
	assert_int_equal(br_err_code(&next->err), BR_E_PG_FENCED);
	fake_free(next);
	end_with(c, db);
}

/* What the bridge knows is newer than what stands there: a backup. Nothing is taken then. */
static void older_than_what_is_known(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	struct conn_known known;

	(void)state;
	fake_start(c);
	fake_apply_one(c, fake_cmd(c, "C1", 1, NULL, NULL, "{\"xm\":\"张三\",\"zt\":\"0\"}"));
	assert_int_equal(c->beat, 1); /* told by the fence */
	known = (struct conn_known){br_str_z(strdup(c->inc)), 1, 1};
	fake_close(c);

	c->known = known;
	fake_open(c);
	fake_begin(c, 2, "nonce-2");
	assert_true(c->begun);
	assert_false(c->went_back);
	fake_close(c);

	c->known = (struct conn_known){known.inc, 3, 1};
	fake_open(c);
	fake_begin(c, 4, "nonce-4");
	assert_true(c->went_back);
	assert_string_equal(sql(db, "select epoch || inc from bridge.bridge_meta"), "2nonce-2");
	fake_close(c);

	c->known = (struct conn_known){known.inc, 2, 2};
	fake_open(c);
	fake_begin(c, 5, "nonce-5");
	assert_true(c->went_back);
	fake_close(c);

	/* the tables are others: read in from a dump */
	sql(db, "alter table bridge.bridge_meta rename to old; create table bridge.bridge_meta "
		"(like "
		"bridge.old including all); insert into bridge.bridge_meta select * from "
		"bridge.old");
	c->known = (struct conn_known){known.inc, 1, 1};
	fake_open(c);
	fake_begin(c, 6, "nonce-6");
	assert_true(c->went_back);
	assert_string_equal(sql(db, "select epoch || inc from bridge.bridge_meta"), "2nonce-2");
	free((char *)(uintptr_t)known.inc.p);
	end_with(c, db);
}

static void without_an_inbox_it_compares(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	struct conn_command *cmd;
	const struct seen *s;

	(void)state;
	c->options.inbox = false;
	fake_start(c);
	assert_int_equal(pg_kind.promises(c->pg), CONN_CAS | CONN_LOOKUP | CONN_WHOLE | CONN_SWEEP);
	sql(db, "insert into ydz_sq (sbh, xm, zt) values ('A', '李四', 1)");
	/* sent before, and it arrived */
	cmd = fake_cmd(c, "C1", 1, "A", "{\"xm\":\"李四\",\"zt\":\"0\"}", "{\"zt\":\"1\"}");
	cmd->attempted = true;
	s = fake_apply_one(c, cmd);
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_true(s->doubt);
	/* sent before, and it did not arrive */
	cmd = fake_cmd(c, "C1", 2, "A", "{\"xm\":\"李四\",\"zt\":\"1\"}", "{\"zt\":\"2\"}");
	cmd->attempted = true;
	s = fake_apply_one(c, cmd);
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_false(s->doubt);
	assert_string_equal(sql(db, "select zt from ydz_sq"), "2");
	/* neither */
	cmd = fake_cmd(c, "C1", 3, "A", "{\"xm\":\"李四\",\"zt\":\"1\"}", "{\"zt\":\"3\"}");
	cmd->attempted = true;
	s = fake_apply_one(c, cmd);
	assert_int_equal(s->status, RCPT_STALE);
	assert_true(s->doubt);
	/* a create that cannot be looked up must not be made twice */
	cmd = fake_cmd(c, "C2", 1, NULL, NULL, "{\"xm\":\"张三\"}");
	cmd->attempted = true;
	s = fake_apply_one(c, cmd);
	assert_int_equal(s->status, RCPT_PARKED);
	/* one that can is found */
	sql(db, "insert into ydz_sq (sbh, xm, sfzh) values ('B', '张三', '11')");
	cmd = fake_cmd(c, "C3", 1, NULL, NULL, "{\"xm\":\"张三\",\"sfzh\":\"11\"}");
	cmd->nk = BR_STR("{\"sfzh\":\"11\"}");
	cmd->attempted = true;
	s = fake_apply_one(c, cmd);
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_true(s->doubt);
	assert_string_equal(s->lid, "B");
	assert_string_equal(sql(db, "select to_regclass('bridge.bridge_inbox') is null"), "t");
	end_with(c, db);
}

static void where_no_table_may_be_added(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	char dsn[300];
	const struct seen *s;

	(void)state;
	sql(db, "drop role if exists guest; create role guest login; revoke create on database "
		"postgres from public; grant all on ydz_sq to guest;"
		"grant usage on sequence ydz_sbh to guest");
	snprintf(dsn, sizeof(dsn), "%s user=guest", fake_dsn);
	c->options.dsn = br_str_z(dsn);
	fake_start(c);
	assert_int_equal(pg_kind.promises(c->pg), CONN_CAS | CONN_LOOKUP | CONN_WHOLE | CONN_SWEEP);
	s = fake_apply_one(c, fake_cmd(c, "C1", 1, NULL, NULL, "{\"xm\":\"张三\"}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	fake_close(c);
	sql(db, "drop owned by guest");
	PQfinish(db);
	db = fake_connect();
	end_with(c, db);
}

/* What the runtime's guard does not allow is not written; what needs no write is answered. */
static void the_guard_holds_back(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, SPEC(""));
	struct conn_command *cmd[5];
	const struct seen *s;

	(void)state;
	fake_start(c);
	c->allowed = 3;
	for (int i = 0; i < 5; i++) {
		char cid[16];

		snprintf(cid, sizeof(cid), "C%d", i);
		cmd[i] = fake_cmd(c, cid, 1, NULL, NULL, "{\"xm\":\"张三\"}");
	}
	fake_apply(c, cmd, 5);
	assert_int_equal(c->nseen, 5);
	assert_int_equal(c->seen[2].status, RCPT_APPLIED);
	assert_int_equal(c->seen[3].what, 'l');
	assert_int_equal(c->seen[3].ms, 1234);
	assert_string_equal(sql(db, "select count(*) from ydz_sq"), "3");
	s = fake_apply_one(c, cmd[0]);
	assert_int_equal(s->status, RCPT_APPLIED);
	end_with(c, db);
}

#define STEPS_SPEC                                                                                 \
	"{\"record\":\"application\",\"root\":{\"table\":\"ydz_sq\",\"key\":\"sbh\"},\"read\":{"   \
	"\"cursor\":\"rv\"},\"write\":{\"create\":\"true\"},"                                      \
	"\"columns\":[\"xm\",\"zt\"],\"natural_key\":[],\"refused\":[],"                           \
	"\"parts\":{\"steps\":{\"key\":\"xh\",\"mode\":\"append\",\"columns\":[\"yj\",\"sj\"],"    \
	"\"table\":\"ydz_step\",\"parent\":\"sbh\"}},"                                             \
	"\"on_create\":{\"sbh\":{\"generate\":\"'YDZ' || "                                         \
	"nextval('ydz_sbh')\",\"returning\":true}}}"

static void parts_are_written_with_their_root(void **state)
{
	PGconn *db, *clerk = fake_connect();
	struct conn *c = begin_with(&db, STEPS_SPEC);
	struct conn_command *cmd;
	const struct seen *s;

	(void)state;
	sql(db, "create table ydz_step (sbh varchar(20) references ydz_sq, xh int, yj text, sj "
		"timestamp, primary key (sbh, xh))");
	fake_start(c);
	s = fake_apply_one(c,
		fake_cmd(c, "C1", 1, NULL, NULL,
			"{\"xm\":\"张三\",\"steps/1/yj\":\"同意\",\"steps/10/yj\":\"办结\",\"steps/"
			"10/sj\":\"2018-07-02 09:05:00\",\"steps/2/yj\":null}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_string_equal(s->text,
		"{\"xm\":\"张三\",\"zt\":null,\"steps/1/yj\":\"同意\",\"steps/1/sj\":null,\"steps/"
		"10/yj\":\"办结\","
		"\"steps/10/sj\":\"2018-07-02 09:05:00\",\"steps/2/yj\":null,\"steps/2/sj\":null}");
	/* one element changed, one new, and the root untouched */
	s = fake_apply_one(c, fake_cmd(c, "C1", 2, "YDZ1",
				      "{\"xm\":\"张三\",\"zt\":null,\"steps/1/yj\":\"同意\"}",
				      "{\"steps/1/yj\":\"不同意\",\"steps/3/yj\":\"新\"}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_string_equal(sql(db, "select string_agg(xh || coalesce(yj, '-'), ',' order by xh) "
				    "from ydz_step"),
		"1不同意,2-,3新,10办结");
	/* a clerk added the same element meanwhile */
	sql(db, "insert into ydz_step values ('YDZ1', 4, '手工', null)");
	s = fake_apply_one(
		c, fake_cmd(c, "C1", 3, "YDZ1", "{\"xm\":\"张三\"}", "{\"steps/4/yj\":\"自动\"}"));
	assert_int_equal(s->status, RCPT_STALE);
	assert_non_null(strstr(s->text, "手工"));
	/* a clerk has an element open */
	sql(clerk, "begin; select from ydz_step where xh = 3 for update");
	cmd = fake_cmd(c, "C1", 4, "YDZ1", "{\"xm\":\"张三\"}", "{\"steps/5/yj\":\"x\"}");
	s = fake_apply_one(c, cmd);
	assert_int_equal(s->what, 'l');
	sql(clerk, "rollback");
	s = fake_apply_one(c, cmd);
	assert_int_equal(s->status, RCPT_APPLIED);
	PQfinish(clerk);
	end_with(c, db);
}

static const char *steps_left(PGconn *db)
{
	return sql(db, "select string_agg(xh || coalesce(yj, '-'), ',' order by xh) from ydz_step");
}

#define THREE "{\"xm\":\"张三\",\"steps/1/yj\":\"一\",\"steps/2/yj\":\"二\",\"steps/3/yj\":\"三\"}"

/* Rows of a part that the case no longer has. */
static void rows_of_a_part_are_taken_away(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, STEPS_SPEC);
	const struct seen *s;

	(void)state;
	sql(db, "create table ydz_step (sbh varchar(20) references ydz_sq, xh int, yj text, sj "
		"timestamp, primary key (sbh, xh)); create unique index on ydz_step (yj)");
	fake_start(c);
	fake_apply_one(c, fake_cmd(c, "C1", 1, NULL, NULL, THREE));
	fake_apply_one(
		c, fake_cmd(c, "C2", 1, NULL, NULL, "{\"xm\":\"李四\",\"steps/1/yj\":\"别家\"}"));
	/* one goes, one changes, one comes that takes the place of the first */
	s = fake_apply_one(
		c, fake_cmd(c, "C1", 2, "YDZ1", THREE,
			   "{\"steps/1\":null,\"steps/2/yj\":\"改\",\"steps/4/yj\":\"一\"}"));
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_null(strstr(s->text, "steps/1/"));
	assert_string_equal(steps_left(db), "1别家,2改,3三,4一");
	/* the row has changed, or has been taken away by somebody: nothing is written */
	s = fake_apply_one(
		c, fake_cmd(c, "C1", 3, "YDZ1", "{\"xm\":\"张三\",\"steps/2/yj\":\"二\"}",
			   "{\"steps/2\":null}"));
	assert_int_equal(s->status, RCPT_STALE);
	sql(db, "delete from ydz_step where sbh = 'YDZ1' and xh = 2");
	s = fake_apply_one(
		c, fake_cmd(c, "C1", 4, "YDZ1",
			   "{\"xm\":\"张三\",\"steps/2/yj\":\"改\",\"steps/3/yj\":\"三\"}",
			   "{\"steps/3\":null}"));
	assert_int_equal(s->status, RCPT_STALE);
	assert_string_equal(steps_left(db), "1别家,3三,4一");
	end_with(c, db);
}

/* Without an inbox the outcome is told by comparing: a row that was to go and is not there went. */
static void a_deletion_is_settled_by_comparing(void **state)
{
	PGconn *db;
	struct conn *c = begin_with(&db, STEPS_SPEC);
	struct conn_command *cmd;
	const struct seen *s;

	(void)state;
	sql(db, "create table ydz_step (sbh varchar(20) references ydz_sq, xh int, yj text, sj "
		"timestamp, primary key (sbh, xh)); insert into ydz_sq (sbh, xm) values ('A', "
		"'张三'); insert into ydz_step values ('A', 2, '二')");
	c->options.inbox = false;
	fake_start(c);
	cmd = fake_cmd(c, "C1", 1, "A",
		"{\"xm\":\"张三\",\"steps/1/yj\":\"一\",\"steps/2/yj\":\"二\"}",
		"{\"steps/1\":null}");
	cmd->attempted = true;
	s = fake_apply_one(c, cmd);
	assert_int_equal(s->status, RCPT_APPLIED);
	assert_true(s->doubt);
	end_with(c, db);
}

static void keys_the_target_allots(void **state)
{
	PGconn *db = fake_connect();
	struct conn *c = fake_new();
	struct conn_command *cmd[300];

	(void)state;
	sql(db, "drop schema if exists bridge cascade; drop table if exists item; create table "
		"item (id int generated always as identity primary key,"
		" name text, made timestamptz default '2020-01-01 00:00:00+00')");
	fake_record(c, "item",
		"{\"root\":{\"table\":\"public.item\",\"key\":\"id\"},\"read\":{},\"write\":{"
		"\"create\":\"true\"},"
		"\"columns\":[\"id\",\"name\",\"made\"],\"parts\":{},\"natural_key\":[],"
		"\"refused\":[],"
		"\"on_create\":{\"id\":{\"identity\":true,\"returning\":true}}}");
	fake_start(c);
	for (int i = 0; i < 300; i++) {
		char cid[16], set[40];

		snprintf(cid, sizeof(cid), "C%d", i);
		snprintf(set, sizeof(set), "{\"name\":\"n%d\"}", i);
		cmd[i] = fake_cmd(c, cid, 1, NULL, NULL, set);
	}
	fake_apply(c, cmd, 300);
	fake_fail_if_failed(c);
	assert_int_equal(c->nseen, 300);
	for (int i = 0; i < 300; i++) {
		char want[300];

		/* times in the zone of the system, in one form */
		snprintf(want, sizeof(want),
			"{\"id\":\"%s\",\"name\":\"n%d\",\"made\":\"2020-01-01 08:00:00+08\"}",
			c->seen[i].lid, i);
		assert_string_equal(c->seen[i].text, want);
		snprintf(want, sizeof(want), "n%d", i);
		assert_string_equal(
			sql(db, "select name from item where id = %s", c->seen[i].lid), want);
	}
	end_with(c, db);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(creates_and_updates),
		cmocka_unit_test(answers_what_it_did_before),
		cmocka_unit_test(never_overwrites_what_it_has_not_seen),
		cmocka_unit_test(looks_up_before_create),
		cmocka_unit_test(one_refusal_harms_nobody_else),
		cmocka_unit_test(triggers_show_in_the_post_image),
		cmocka_unit_test(what_a_trigger_can_do),
		cmocka_unit_test(a_locked_row_waits_alone),
		cmocka_unit_test(a_server_that_takes_no_writes_is_waited_for),
		cmocka_unit_test(trouble_with_our_tables_is_no_refusal),
		cmocka_unit_test(what_is_put_off_was_looked_up_in_the_inbox),
		cmocka_unit_test(a_successor_fences_us_out),
		cmocka_unit_test(older_than_what_is_known),
		cmocka_unit_test(without_an_inbox_it_compares),
		cmocka_unit_test(where_no_table_may_be_added),
		cmocka_unit_test(the_guard_holds_back),
		cmocka_unit_test(parts_are_written_with_their_root),
		cmocka_unit_test(rows_of_a_part_are_taken_away),
		cmocka_unit_test(a_deletion_is_settled_by_comparing),
		cmocka_unit_test(keys_the_target_allots),
	};

	return cmocka_run_group_tests(tests, fake_server_start, fake_server_stop);
}
