#include "cli.h"

#include "br_log.h"
#include "bus.h"
#include "cfg_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

void cli_note(struct cli *c, const char *format, ...)
{
	va_list args;

	c->told = true;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int cli_fail(struct cli *c, const struct br_err *err)
{
	char text[2048];

	cli_note(c, "%s", br_err_text(err, c->lang, text, sizeof(text)));
	switch (br_err_class((int)br_err_code(err))) {
	case BR_CLASS_RETRY:
		return CLI_UNAVAILABLE;
	case BR_CLASS_FATAL:
		return CLI_CONFIG;
	default:
		return CLI_FAILED;
	}
}

int cli_wrong(struct cli *c, enum br_err_code code, ...)
{
	const char *pair[8] = {NULL};
	struct br_err err;
	va_list args;

	va_start(args, code);
	for (size_t i = 0; i + 1 < BR_LEN(pair) && (pair[i] = va_arg(args, const char *)); i++)
		continue;
	va_end(args);
	br_err_clear(&err);
	br_err_set(&err, code, pair[0], pair[1], pair[2], pair[3], pair[4], pair[5], pair[6], NULL);
	cli_fail(c, &err);
	return CLI_USAGE;
}

static void remove_args(struct cli *c, int at, int n)
{
	for (int i = at; i + n < c->argc; i++)
		c->argv[i] = c->argv[i + n];
	c->argc -= n;
}

const char *cli_option(struct cli *c, const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; i < c->argc; i++) {
		const char *value;

		if (strncmp(c->argv[i], name, n) != 0)
			continue;
		if (c->argv[i][n] == '=') {
			value = c->argv[i] + n + 1;
			remove_args(c, i, 1);
			return value;
		}
		if (c->argv[i][n] == '\0' && i + 1 < c->argc) {
			value = c->argv[i + 1];
			remove_args(c, i, 2);
			return value;
		}
	}
	return NULL;
}

bool cli_flag(struct cli *c, const char *name)
{
	for (int i = 0; i < c->argc; i++)
		if (strcmp(c->argv[i], name) == 0) {
			remove_args(c, i, 1);
			return true;
		}
	return false;
}

static void tell_left_out(struct cli *c, const struct cfg_system *s)
{
	struct br_err err;
	char why[1024];

	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_LEFT_OUT, "system", s->name.p, "why",
		br_err_sentence(&s->problem->err, c->lang, why, sizeof(why)), NULL);
	cli_fail(c, &err);
}

/* The maps of the systems that can be used; the others are left out. */
static bool compile(struct cli *c)
{
	struct cfg_system *next;
	size_t n = 0;

	c->maps = br_arena_array(&c->arena, struct map_set *, c->site->nsystems + 1);
	for (struct cfg_system *s = c->site->systems; c->maps && s; s = next) {
		const struct cfg_problem *before = c->report.last;

		next = s->next;
		map_compile(c->site, s, c->schema, &c->arena, &c->report, &c->maps[n]);
		if (!s->problem)
			s->problem = cfg_first_problem(&c->report, before);
		if (s->problem)
			cfg_site_leave_out(c->site, s, NULL);
		else
			n++;
	}
	return n > 0;
}

static int load(struct cli *c)
{
	if (cli_need_site(c) != CLI_OK)
		return CLI_CONFIG;
	cfg_site_read(c->folder, &c->arena, &c->report, &c->site);
	if (c->site && c->site->schemas_folder &&
		case_schema_load(c->site->schemas_folder, &c->arena, &c->report, &c->schema) == 0 &&
		compile(c) && !c->site->broken && !br_arena_failed(&c->arena))
		return CLI_OK;
	cfg_report_print(&c->report, stderr, c->lang);
	c->told = true;
	return CLI_CONFIG;
}

int cli_load(struct cli *c)
{
	int status = load(c);

	for (struct cfg_system *s = status == CLI_OK ? c->site->left_out : NULL; s; s = s->next)
		tell_left_out(c, s);
	return status;
}

int cli_load_for_log(struct cli *c, const char *only)
{
	int status = load(c);

	for (struct cfg_system *s = status == CLI_OK ? c->site->left_out : NULL; s; s = s->next)
		if (!only || br_str_eq(s->name, br_str_z(only)))
			br_error("a system is left out: its file cannot be used; the others go on",
				L_STR("system", s->name), L_ERR(&s->problem->err));
	return status;
}

int cli_load_schema(struct cli *c)
{
	struct cfg_report ignored = {.arena = &c->arena};

	if (cli_need_site(c) != CLI_OK)
		return CLI_CONFIG;
	cfg_site_read(c->folder, &c->arena, &ignored, &c->site);
	if (c->site && c->site->schemas_folder &&
		case_schema_load(c->site->schemas_folder, &c->arena, &c->report, &c->schema) == 0)
		return CLI_OK;
	cfg_report_print(c->report.n ? &c->report : &ignored, stderr, c->lang);
	c->told = true;
	return CLI_CONFIG;
}

int cli_system_named(struct cli *c, const char *name, struct cfg_system **out)
{
	struct cfg_system *s = cfg_site_system(c->site, br_str_z(name)),
			  *left_out = cfg_site_left_out(c->site, br_str_z(name));
	struct br_str names = BR_STR("");

	if (s && out)
		*out = s;
	if (s)
		return CLI_OK;
	if (left_out)
		return CLI_CONFIG; /* which was told when the site was read */
	for (s = c->site->systems; s; s = s->next)
		names = br_arena_printf(
			&c->arena, "%.*s%s%s", BR_STR_ARG(names), names.n ? ", " : "", s->name.p);
	return cli_wrong(
		c, BR_E_CLI_NO_SYSTEM, "name", name, "names", names.p ? names.p : "", NULL);
}

const char *cli_user(void)
{
	const char *user = getenv("SUDO_USER");
	const struct passwd *pw = user ? NULL : getpwuid(getuid());

	if (pw)
		user = pw->pw_name;
	return user ? user : "operator";
}

struct order_wait {
	struct br_loop *loop;
	struct bus *bus;
	uint64_t ticket;
	struct br_err err;
};

static void order_acked(void *arg)
{
	struct order_wait *w = arg;

	if (w->bus && bus_acked(w->bus) >= w->ticket)
		br_loop_stop(w->loop, CLI_OK);
}

static void order_failed(void *arg, const struct br_err *err)
{
	struct order_wait *w = arg;

	w->err = *err;
	br_loop_stop(w->loop, CLI_UNAVAILABLE);
}

int cli_send_order(struct cli *c, struct br_str json)
{
	return cli_send_orders(c, &json, 1);
}

static int put_all(struct order_wait *w, int topic, const struct br_str *json, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bus_send(w->bus, topic, 0, BR_STR_NONE, json[i], NULL, 0, &w->ticket, &w->err) <
			0)
			return -1;
	return 0;
}

int cli_send_orders(struct cli *c, const struct br_str *json, size_t n)
{
	struct order_wait w = {.ticket = UINT64_MAX};
	struct bus_events events = {.on_acked = order_acked, .on_fatal = order_failed, .arg = &w};
	char topic[256];
	int t, status;

	br_err_clear(&w.err);
	snprintf(topic, sizeof(topic), "%.*s.ctl", BR_STR_ARG(c->site->topic_prefix));
	w.loop = br_loop_new(&w.err);
	w.bus = w.loop ? bus_new(w.loop, c->site, "casebridge-cli", &events, &w.err) : NULL;
	t = w.bus ? bus_topic(w.bus, topic, &w.err) : -1;
	if (t < 0 || put_all(&w, t, json, n) < 0)
		status = CLI_FAILED;
	else
		status = br_loop_run(w.loop);
	bus_free(w.bus, 1000);
	br_loop_free(w.loop);
	return status == CLI_OK ? CLI_OK : cli_fail(c, &w.err);
}
