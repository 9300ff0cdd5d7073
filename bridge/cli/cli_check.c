/*
 * cli_check.c - is everything there and as configured? Asks the ledger, Kafka and each system;
 * changes nothing.
 */
#include "cli.h"

#include "br_loop.h"
#include "bus.h"
#include "conn_kind.h"
#include "http_call.h"
#include "http_kind.h"
#include "pg_check.h"
#include "pg_kind.h"

#define HTTP_ARENA (16u << 20)

enum { RESULT, WHERE, WHAT, ABOUT, CODE, TEXT, NEXT, COLS };
static const char *const names[COLS] = {"result", "where", "what", "about", "code", "text", "next"};
enum result { OK, WARNING, ERROR, NOT_ASKED };

struct row {
	const char *cells[COLS];
	struct row *next;
};
struct check {
	struct cli *c;
	const char *where;
	int status; /* of the first error */
	struct row *rows, **end;
	size_t n;
};

/* People see it at once: a system may take its time. Programs get all of it at the end. */
static void add(struct check *k, enum result result, const char *what, const char *about,
	const struct br_err *err)
{
	static const char *const words[][3] = {[OK] = {"ok", "ok", "正常"},
		[WARNING] = {"warning", "warning", "提醒"},
		[ERROR] = {"error", "error", "错误"},
		[NOT_ASKED] = {"not asked", "-", "-"}};
	struct cli *c = k->c;
	struct row *row;
	char text[2048];

	if (c->output == CLI_TABLE) {
		printf("%-7s %s: %s%s%s\n", words[result][c->lang == BR_LANG_ZH ? 2 : 1], k->where,
			what, *about ? " " : "", about);
		if (err)
			printf("        %s\n", br_err_text(err, c->lang, text, sizeof(text)));
		return;
	}
	row = br_arena_new(&c->arena, struct row);
	if (!row)
		return;
	*row = (struct row){.cells = {[RESULT] = words[result][0],
				    [WHERE] = k->where,
				    [WHAT] = what,
				    [ABOUT] = br_arena_copy(&c->arena, br_str_z(about)).p}};
	if (err) {
		row->cells[CODE] = br_err_tag((int)br_err_code(err));
		row->cells[TEXT] = br_arena_copy(
			&c->arena, br_str_z(br_err_sentence(err, c->lang, text, sizeof(text))))
					   .p;
		row->cells[NEXT] = br_arena_copy(
			&c->arena, br_str_z(br_err_next_step(err, c->lang, text, sizeof(text))))
					   .p;
	}
	*k->end = row;
	k->end = &row->next;
	k->n++;
}

static void print_rows(struct check *k)
{
	const char **cells = br_arena_array(&k->c->arena, const char *, k->n *COLS + 1);
	size_t i = 0;

	if (!cells)
		return;
	for (const struct row *row = k->rows; row; row = row->next, i++)
		memcpy(&cells[i * COLS], row->cells, sizeof(row->cells));
	cli_print_table(k->c, &(struct cli_table){names, NULL, COLS, k->n, cells, NULL});
}

/* What was looked at: ok, or what is wrong with its error. */
static void tell(struct check *k, const char *what, const char *about, const struct br_err *err,
	bool warning)
{
	add(k, !err ? OK : warning ? WARNING : ERROR, what, about, err);
	if (!err || warning || k->status != CLI_OK)
		return;
	switch (br_err_class((int)br_err_code(err))) {
	case BR_CLASS_RETRY:
		k->status = CLI_UNAVAILABLE;
		break;
	case BR_CLASS_FATAL:
		k->status = CLI_CONFIG;
		break;
	default:
		k->status = CLI_FAILED;
	}
}

/* ---- postgres ---- */

static void pg_told(void *arg, const struct pg_step *step)
{
	struct check *k = arg;

	tell(k, cli_say(k->c, step->en, step->zh), step->about, step->err, step->warning);
}

/* By record, which codes end it: only the mapping knows. */
static json_t *finals_of(const struct map_set *maps)
{
	struct br_str text = map_set_spec(maps);
	json_t *all = json_object(), *specs = json_loadb(text.p, text.n, 0, NULL), *spec;
	size_t i;

	json_array_foreach(specs, i, spec)
	{
		if (json_object_get(spec, "final"))
			json_object_set(all, json_string_value(json_object_get(spec, "record")),
				json_object_get(spec, "final"));
	}
	json_decref(specs);
	return all;
}

static void check_pg(struct check *k, const struct cfg_system *s, const void *options)
{
	struct cli *c = k->c;
	size_t i = 0;
	struct br_err err;
	json_t *finals;

	for (const struct cfg_system *x = c->site->systems; x != s; x = x->next)
		i++;
	finals = finals_of(c->maps[i]);
	pg_check(c->site, s, options, finals, pg_told, k, &err);
	json_decref(finals);
}

/* ---- http: the token, and one page of the first record that has a list ---- */

struct http_try {
	struct check *k;
	struct br_loop *loop;
};

static void http_answered(void *arg, const struct http_reply *r)
{
	struct http_try *t = arg;
	struct cli *c = t->k->c;
	struct br_err err;

	br_err_clear(&err);
	if (r->err)
		err = *r->err;
	else if (r->what != HTTP_OK && !r->body)
		br_err_set(&err, BR_E_HTTP_NO_JSON, "url", t->k->where, "status",
			br_arena_printf(&c->arena, "%ld", r->status).p, NULL);
	else if (r->what != HTTP_OK)
		br_err_set(&err, BR_E_HTTP_ANSWER, "url", t->k->where, "status",
			br_arena_printf(&c->arena, "%ld", r->status).p, "why",
			br_arena_printf(
				&c->arena, "%.*s %.*s", BR_STR_ARG(r->code), BR_STR_ARG(r->text))
				.p,
			NULL);
	tell(t->k, cli_say(c, "login and one read", "登录并读取一次"), "",
		br_err_code(&err) ? &err : NULL, false);
	br_loop_stop(t->loop, 0);
}

static struct br_str list_path(const struct cfg_system *s)
{
	for (const struct cfg_node *r = cfg_first(s->records); r; r = r->next) {
		const struct cfg_node *path = cfg_get(cfg_get(cfg_get(r, "read"), "list"), "path");

		if (path)
			return path->text;
	}
	return BR_STR_NONE;
}

static void check_http(struct check *k, const struct cfg_system *s, const struct http_options *o)
{
	struct http_vars v = {.limit = BR_STR("1"), .o = o};
	struct br_str path = list_path(s);
	struct http_try t = {.k = k};
	const struct cfg_problem *before = k->c->report.last;
	struct http_client *client = NULL;
	struct http_site site;
	struct br_err err;

	if (http_site_compile(o, k->c->site, &k->c->arena, &k->c->report, &site) < 0) {
		tell(k, cli_say(k->c, "configuration", "配置"), "",
			&cfg_first_problem(&k->c->report, before)->err, false);
		return;
	}
	if (!path.n) {
		add(k, NOT_ASKED,
			cli_say(k->c, "no record has a list to read, so nothing was asked",
				"没有可读取的列表，未作检查"),
			"", NULL);
		return;
	}
	br_err_clear(&err);
	t.loop = br_loop_new(&err);
	if (t.loop)
		client = http_client_new(t.loop, &site, &err);
	if (client && http_client_send(client, "GET", http_fill(path, &v, true, &k->c->arena),
			      BR_STR_NONE, NULL, br_loop_now(t.loop) + o->timeout_ms * 1000,
			      &k->c->arena, http_answered, &t, &err) == 0)
		br_loop_run(t.loop);
	if (br_err_code(&err))
		tell(k, cli_say(k->c, "login and one read", "登录并读取一次"), "", &err, false);
	http_client_free(client);
	br_loop_free(t.loop);
}

/* ---- all of it ---- */

static const struct conn_kind *kind_of(const struct cfg_system *s)
{
	for (size_t i = 0; conn_kinds[i]; i++)
		if (br_str_eq(s->connector, br_str_z(conn_kinds[i]->name)))
			return conn_kinds[i];
	return NULL;
}

static void check_system(struct check *k, const struct cfg_system *s)
{
	const struct conn_kind *kind = kind_of(s);
	struct cli *c = k->c;
	struct br_err err;
	void *options;

	k->where = s->name.p;
	br_err_clear(&err);
	if (!kind) {
		br_err_set(&err, BR_E_CLI_NO_KIND, "kind", s->connector.p, NULL);
		tell(k, cli_say(c, "configuration", "配置"), "", &err, false);
		return;
	}
	options = br_arena_calloc(&c->arena, 1, kind->options_size ? kind->options_size : 1);
	if (!options || cfg_read_options(kind->options, s->connection, s->node,
				c->site->secrets_folder, options, &c->report) < 0) {
		br_err_set(&err, BR_E_NOMEM, NULL);
		tell(k, cli_say(c, "configuration", "配置"), "",
			c->report.first ? &c->report.first->err : &err, false);
		return;
	}
	if (kind == &pg_kind)
		check_pg(k, s, options);
	else if (kind == &http_kind)
		check_http(k, s, options);
	else
		add(k, NOT_ASKED,
			cli_say(c, "this kind has no online check", "此类连接器没有在线检查"), "",
			NULL);
}

static void check_ledger(struct check *k)
{
	struct br_err err;
	int rc;

	br_err_clear(&err);
	rc = cli_look_for_ledger(k->c, &err);
	k->where = cli_say(k->c, "ledger", "台账");
	tell(k, cli_say(k->c, "connection and version", "连接与版本"), "", rc < 0 ? &err : NULL,
		false);
}

static void check_topics(struct check *k)
{
	struct bus_topic_check *check;
	struct bus_topic_plan *plan;
	struct br_err err;
	size_t n;
	int rc = bus_topics(k->c->site, &k->c->arena, &plan, &n);

	k->where = "Kafka";
	br_err_clear(&err);
	check = rc < 0 ? NULL : br_arena_array(&k->c->arena, struct bus_topic_check, n + 1);
	rc = check ? bus_topics_check(k->c->site, plan, n, check, &err)
		   : br_err_set(&err, BR_E_NOMEM, NULL);
	tell(k, cli_say(k->c, "connection", "连接"), "", rc < 0 ? &err : NULL, false);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (check[i].state == BUS_TOPIC_MISSING_STATE)
			br_err_set(&err, BR_E_BUS_TOPIC_MISSING, "topic", plan[i].name.p, NULL);
		else if (check[i].state != BUS_TOPIC_OK)
			br_err_set(&err, BR_E_CLI_TOPIC, "topic", plan[i].name.p, "found",
				check[i].difference, NULL);
		tell(k, cli_say(k->c, "topic", "主题"), plan[i].name.p,
			check[i].state == BUS_TOPIC_OK ? NULL : &err, false);
	}
}

int cli_check(struct cli *c)
{
	struct check k = {.c = c, .status = CLI_OK, .end = &k.rows};
	struct cfg_system *only = NULL;
	int status;

	if (c->argc > 1)
		return CLI_USAGE;
	status = cli_load(c);
	if (status == CLI_OK && c->argc == 1)
		status = cli_system_named(c, c->argv[0], &only);
	if (status != CLI_OK)
		return status;
	if (!only) {
		check_ledger(&k);
		check_topics(&k);
	}
	for (const struct cfg_system *s = c->site->systems; s; s = s->next)
		if (!only || s == only)
			check_system(&k, s);
	for (const struct cfg_system *s = only ? NULL : c->site->left_out; s; s = s->next) {
		k.where = s->name.p;
		tell(&k, cli_say(c, "configuration", "配置"), "", &s->problem->err, false);
	}
	if (c->output != CLI_TABLE)
		print_rows(&k);
	return k.status;
}
