/*
 * fake_conn.h - a private PostgreSQL and a runtime of a connector without Kafka: implements
 * conn_*() and writes down what a kind reports. Included by each test once.
 */
#ifndef FAKE_CONN_H
#define FAKE_CONN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pg_kind.h"
#include "pg_options.h"
#include "pg_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- the server ---- */

static char fake_dir[64], fake_dsn[200];

static __attribute__((unused)) int fake_command(const char *format, ...)
{
	char line[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	return system(line);
}

static __attribute__((unused)) int fake_server_start(void **state)
{
	char line[300], address[160] = "";
	FILE *f;

	(void)state;
	snprintf(fake_dir, sizeof(fake_dir), "/var/tmp/cb-pg-XXXXXX");
	if (!mkdtemp(fake_dir) || chmod(fake_dir, 0755))
		return -1;
	snprintf(line, sizeof(line), SOURCE_DIR "/tools/postgres start --dir %s", fake_dir);
	f = popen(line, "r");
	if (!f || !fgets(address, sizeof(address), f) || pclose(f))
		return -1;
	address[strcspn(address, "\n")] = '\0';
	snprintf(fake_dsn, sizeof(fake_dsn), "%s dbname=postgres", address);
	return 0;
}

static __attribute__((unused)) int fake_server_stop(void **state)
{
	(void)state;
	return fake_command(
		SOURCE_DIR "/tools/postgres stop --now --dir %s && rm -rf %s", fake_dir, fake_dir);
}

static __attribute__((unused)) PGconn *fake_connect(void)
{
	PGconn *db = PQconnectdb(fake_dsn);

	assert_int_equal(PQstatus(db), CONNECTION_OK);
	PQclear(PQexec(db, "set client_min_messages = error"));
	return db;
}

/* Runs statements that must work; gives the first value of the last one in a static buffer. */
static __attribute__((unused)) const char *sql(PGconn *db, const char *format, ...)
{
	static char value[2000];
	char *text;
	PGresult *res;
	va_list ap;

	va_start(ap, format);
	assert_true(vasprintf(&text, format, ap) >= 0);
	va_end(ap);
	res = PQexec(db, text);
	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", text, PQresultErrorMessage(res));
	snprintf(value, sizeof(value), "%s",
		PQntuples(res) && PQnfields(res) ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	free(text);
	return value;
}

/* ---- the runtime ---- */

struct seen {
	char what; /* o observed, g gone, b bad, a answered, l later, d digest */
	char lid[128], lo[128], hi[128], code[64];
	char *text; /* image as JSON, or what else there is to say */
	enum msg_reason reason;
	enum msg_status status;
	bool atomic, doubt, has_post;
	int64_t n, ms, src_ts;
	char by[64];
};

struct conn {
	struct br_loop *loop;
	struct br_arena arena, records_arena;
	struct pg_options options;
	struct pg *pg;
	struct conn_record records[4];
	size_t nrecords;
	char *cursor;
	struct seen *seen;
	size_t nseen, room;
	bool opened, begun, failed, polled, more, refetched, swept, done, woken;
	int64_t next_ms, epoch, beat;
	struct conn_known known;
	bool went_back;
	char inc[100];
	struct br_err err;
	size_t running, observed;
	int allowed;   /* writes */
	bool quiet;    /* only count */
	bool demanded; /* the walk */
	struct conn_command *commands[4096];
	size_t ncommands;
};

static struct seen *fake_seen(struct conn *c, char what)
{
	if (c->nseen == c->room) {
		c->room = c->room ? c->room * 2 : 64;
		c->seen = realloc(c->seen, c->room * sizeof(*c->seen));
		assert_non_null(c->seen);
	}
	memset(&c->seen[c->nseen], 0, sizeof(*c->seen));
	c->seen[c->nseen].what = what;
	return &c->seen[c->nseen++];
}

static void fake_copy(char *to, size_t size, struct br_str s)
{
	snprintf(to, size, "%.*s", BR_STR_ARG(s));
}

static char *fake_image(const struct image *img, const struct shape *shape)
{
	struct br_buf b;
	struct br_jw w;
	size_t n;

	br_buf_init(&b, 1 << 20);
	br_jw_init(&w, &b);
	image_write(img, shape, &w);
	assert_false(br_jw_failed(&w));
	return br_buf_take(&b, &n);
}

struct br_loop *conn_loop(struct conn *c)
{
	return c->loop;
}
const struct cfg_site *conn_site(struct conn *c)
{
	(void)c;
	return NULL;
}
const struct cfg_system *conn_system(struct conn *c)
{
	(void)c;
	return NULL;
}
struct br_arena *conn_arena(struct conn *c)
{
	return &c->arena;
}
bool conn_only_looks(const struct conn *c)
{
	(void)c;
	return false;
}
bool conn_walk_demanded(const struct conn *c)
{
	return c->demanded;
}
struct br_str conn_cursor(struct conn *c)
{
	return br_str_z(c->cursor ? c->cursor : "");
}

size_t conn_records(struct conn *c, struct conn_record **out)
{
	*out = c->records;
	return c->nrecords;
}

void conn_opened(struct conn *c, struct br_str inc, int64_t epoch, int64_t beat)
{
	c->opened = true;
	fake_copy(c->inc, sizeof(c->inc), inc);
	c->epoch = epoch;
	c->beat = beat;
}

void conn_beat(struct conn *c, int64_t beat)
{
	c->beat = beat;
}

struct conn_known conn_known(const struct conn *c)
{
	return c->known;
}

void conn_went_back(struct conn *c)
{
	c->went_back = c->begun = true;
}

void conn_begun(struct conn *c)
{
	c->begun = true;
}

void conn_failed(struct conn *c, const struct br_err *err)
{
	assert_false(c->failed);
	c->failed = true;
	c->err = *err;
}

void conn_observe(struct conn *c, const struct conn_record *r, struct br_str lid,
	const struct image *img, int64_t src_ts_ms, struct br_str by, enum msg_reason reason)
{
	struct seen *s;

	c->observed++;
	if (c->quiet)
		return;
	s = fake_seen(c, img ? 'o' : 'g');
	fake_copy(s->lid, sizeof(s->lid), lid);
	fake_copy(s->by, sizeof(s->by), by);
	s->src_ts = src_ts_ms;
	s->reason = reason;
	s->text = img ? fake_image(img, r->shape) : NULL;
}

void conn_observe_bad(struct conn *c, const struct conn_record *r, struct br_str lid,
	struct br_str raw, const struct br_err *err, enum msg_reason reason)
{
	struct seen *s = fake_seen(c, 'b');

	(void)r;
	fake_copy(s->lid, sizeof(s->lid), lid);
	snprintf(s->code, sizeof(s->code), "%s", br_err_tag((int)br_err_code(err)));
	s->text = strndup(raw.p ? raw.p : "", raw.n);
	s->reason = reason;
}

void conn_polled(struct conn *c, struct br_str cursor, bool more, int64_t next_ms)
{
	if (cursor.n) {
		free(c->cursor);
		c->cursor = strndup(cursor.p, cursor.n);
	}
	c->polled = true;
	c->more = more;
	c->next_ms = next_ms;
}

void conn_wake(struct conn *c)
{
	c->woken = true;
}
void conn_refetched(struct conn *c)
{
	c->refetched = true;
}

void conn_digest(struct conn *c, const struct conn_record *r, struct br_str lo, struct br_str hi,
	const struct msg_digest *d, size_t n)
{
	struct seen *s = fake_seen(c, 'd');
	struct br_buf b;
	size_t len;

	(void)r;
	fake_copy(s->lo, sizeof(s->lo), lo);
	fake_copy(s->hi, sizeof(s->hi), hi);
	s->n = (int64_t)n;
	br_buf_init(&b, 1 << 20);
	for (size_t i = 0; i < n; i++)
		br_buf_printf(&b, "%s%.*s", i ? "," : "", BR_STR_ARG(d[i].lid));
	s->text = n ? br_buf_take(&b, &len) : strdup("");
}

void conn_swept(struct conn *c, bool done, int64_t next_ms)
{
	c->swept = true;
	c->done = done;
	c->next_ms = next_ms;
}

void conn_answer(struct conn *c, struct conn_command *cmd, const struct conn_receipt *r)
{
	struct seen *s;

	c->running--;
	if (c->quiet && r->status == RCPT_APPLIED) {
		c->observed++;
		return;
	}
	s = fake_seen(c, 'a');
	fake_copy(s->lid, sizeof(s->lid), r->lid);
	fake_copy(s->code, sizeof(s->code), r->code);
	s->n = cmd->did.n;
	s->status = r->status;
	s->atomic = r->atomic;
	s->doubt = r->doubt;
	s->has_post = r->post != NULL;
	s->text = r->post ? fake_image(r->post, cmd->record->shape)
			  : strndup(r->text.p ? r->text.p : "", r->text.n);
}

bool conn_may_write(struct conn *c, struct conn_command *cmd, int64_t *ms)
{
	(void)cmd;
	*ms = c->allowed ? 0 : 1234;
	c->allowed -= c->allowed > 0;
	return *ms == 0;
}

void conn_later(struct conn *c, struct conn_command *cmd, int64_t ms)
{
	struct seen *s = fake_seen(c, 'l');

	c->running--;
	s->n = cmd->did.n;
	s->ms = ms;
}

/* ---- driving it ---- */

static __attribute__((unused)) int64_t fake_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Turns until *flag, or the kind failed; a test that waits 20 s has failed. */
static __attribute__((unused)) void fake_wait(struct conn *c, const bool *flag)
{
	int64_t deadline = fake_ms() + 20000;

	while (!*flag && !c->failed) {
		br_loop_turn(c->loop, 20000);
		if (fake_ms() > deadline)
			fail_msg("nothing happened in 20 s");
	}
}

static __attribute__((unused)) void fake_forget(struct conn *c)
{
	for (size_t i = 0; i < c->nseen; i++)
		free(c->seen[i].text);
	c->nseen = 0;
	c->observed = 0;
	br_arena_reset(&c->arena);
}

static __attribute__((unused)) const struct shape *fake_shape(
	const json_t *spec, struct br_arena *a)
{
	struct shape_builder *b = shape_begin(a);
	const char *name;
	json_t *part, *column;
	size_t i;

	json_array_foreach(json_object_get(spec, "columns"), i, column) shape_add_field(
		b, br_arena_copy(a, br_str_z(json_string_value(column))), SHAPE_TEXT, NULL);
	json_object_foreach(json_object_get(spec, "parts"), name, part)
	{
		shape_add_part(b, br_arena_copy(a, br_str_z(name)));
		json_array_foreach(json_object_get(part, "columns"), i, column) shape_add_field(
			b, br_arena_copy(a, br_str_z(json_string_value(column))), SHAPE_TEXT, NULL);
	}
	return shape_end(b);
}

static __attribute__((unused)) void fake_record(struct conn *c, const char *name, const char *spec)
{
	struct conn_record *r = &c->records[c->nrecords++];
	json_error_t e;

	r->name = br_str_z(name);
	r->spec = json_loads(spec, 0, &e);
	if (!r->spec)
		fail_msg("spec of %s: %s at %d", name, e.text, e.position);
	r->shape = fake_shape(r->spec, &c->records_arena);
}

static __attribute__((unused)) struct conn *fake_new(void)
{
	struct conn *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	br_arena_init(&c->arena, 256u << 20);
	br_arena_init(&c->records_arena, 1u << 30);
	c->loop = br_loop_new(NULL);
	assert_non_null(c->loop);
	c->allowed = 1000000;
	c->pg = calloc(1, sizeof(struct pg));
	c->options = (struct pg_options){.dsn = br_str_z(fake_dsn),
		.timezone = BR_STR("Asia/Shanghai"),
		.schema = BR_STR("bridge"),
		.inbox = true,
		.statement_timeout = 10000,
		.lock_timeout = 1000,
		.batch = 500};
	return c;
}

static __attribute__((unused)) void fake_open(struct conn *c)
{
	struct br_err err;

	c->opened = c->failed = c->begun = c->went_back = false;
	assert_int_equal(pg_kind.open(c->pg, c, &c->options, &err), 0);
	fake_wait(c, &c->opened);
}

static __attribute__((unused)) void fake_begin(struct conn *c, int64_t epoch, const char *nonce)
{
	struct br_err err;
	int rc;

	c->begun = false;
	rc = pg_kind.begin(c->pg, epoch, br_str_z(nonce), &err);
	if (rc) {
		c->failed = true;
		c->err = err;
		return;
	}
	fake_wait(c, &c->begun);
}

static __attribute__((unused)) void fake_fail_if_failed(struct conn *c)
{
	char text[600];

	if (c->failed)
		fail_msg("%s", br_err_text(&c->err, BR_LANG_EN, text, sizeof(text)));
}

static __attribute__((unused)) void fake_start(struct conn *c)
{
	fake_open(c);
	fake_fail_if_failed(c);
	fake_begin(c, c->epoch + 1, "nonce-1");
	fake_fail_if_failed(c);
}

static __attribute__((unused)) void fake_close(struct conn *c)
{
	pg_kind.close(c->pg);
}

static __attribute__((unused)) void fake_free(struct conn *c)
{
	fake_close(c);
	fake_forget(c);
	for (size_t i = 0; i < c->nrecords; i++)
		json_decref(c->records[i].spec);
	for (size_t i = 0; i < c->ncommands; i++)
		free(c->commands[i]);
	br_arena_release(&c->arena);
	br_arena_release(&c->records_arena);
	br_loop_free(c->loop);
	free(c->pg);
	free(c->seen);
	free(c->cursor);
	free(c);
}

/* One round with all its pages. */
static void __attribute__((unused)) fake_poll(struct conn *c)
{
	do {
		c->polled = false;
		for (size_t i = 0; i < c->pg->nrecords; i++)
			c->pg->records[i]->due_us = 0;
		pg_kind.poll(c->pg);
		fake_wait(c, &c->polled);
		br_arena_reset(&c->arena);
		fake_fail_if_failed(c);
	} while (c->more);
}

static __attribute__((unused)) const struct seen *fake_find(
	struct conn *c, char what, const char *lid)
{
	for (size_t i = c->nseen; i-- > 0;) {
		if (c->seen[i].what == what && !strcmp(c->seen[i].lid, lid))
			return &c->seen[i];
	}
	return NULL;
}

static void __attribute__((unused)) assert_seen(struct conn *c, const char *lid, const char *image)
{
	const struct seen *s = fake_find(c, 'o', lid);

	if (!s)
		fail_msg("record %s was not observed", lid);
	else if (image)
		assert_string_equal(s->text, image);
}

static __attribute__((unused)) struct image fake_read_image(
	struct conn *c, const struct conn_record *r, const char *json)
{
	struct image img = {NULL, 0};
	struct br_jr j;
	struct br_err err;
	char text[300];

	if (!json)
		return img;
	br_jr_init(&j, br_arena_copy(&c->records_arena, br_str_z(json)), &c->records_arena, &err);
	if (image_read_set(&j, r->shape, false, &c->records_arena, &img))
		fail_msg("%s: %s", json, br_err_text(&err, BR_LANG_EN, text, sizeof(text)));
	return img;
}

/* A command for record 0; lid NULL = create. */
static __attribute__((unused)) struct conn_command *fake_cmd(struct conn *c, const char *cid,
	int64_t n, const char *lid, const char *base, const char *set)
{
	struct conn_command *cmd = calloc(1, sizeof(*cmd));

	assert_non_null(cmd);
	c->commands[c->ncommands++] = cmd;
	cmd->record = &c->records[0];
	cmd->did = (struct msg_did){
		7, br_arena_copy(&c->records_arena, br_str_z(cid)), cmd->record->name, n};
	cmd->did_text = msg_did_text(&cmd->did, &c->records_arena);
	cmd->op = lid ? OP_UPDATE : OP_CREATE;
	cmd->lid = br_arena_copy(&c->records_arena, br_str_z(lid ? lid : ""));
	cmd->base = fake_read_image(c, cmd->record, base);
	cmd->set = fake_read_image(c, cmd->record, set);
	return cmd;
}

static __attribute__((unused)) void fake_apply(
	struct conn *c, struct conn_command *const *cmds, size_t n)
{
	int64_t deadline = fake_ms() + 30000;

	c->running += n;
	pg_kind.apply(c->pg, cmds, n);
	while (c->running && !c->failed) {
		br_loop_turn(c->loop, 20000);
		if (fake_ms() > deadline)
			fail_msg("no answer in 30 s");
	}
}

static __attribute__((unused)) const struct seen *fake_apply_one(
	struct conn *c, struct conn_command *cmd)
{
	fake_apply(c, &cmd, 1);
	fake_fail_if_failed(c);
	assert_true(c->nseen > 0);
	return &c->seen[c->nseen - 1];
}

#endif
