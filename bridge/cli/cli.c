#include "cli.h"

#include "bus.h"
#include "cfg_report.h"
#include "ledger_query.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const struct cli_verb cli_verbs[] = {
	{"lint", cli_lint, "[SITE]", "check a site's files; all problems in one go", "检查站点配置，一次列出全部问题"},
	{"map", cli_map, "NAME --input FILE | check [NAME]", "show rows through a mapping; run its tests and laws",
		"按映射显示数据；运行映射自带的测试与往返检验"},
	{"topics", cli_topics, "plan|apply|check", "the Kafka topics of a site", "管理站点的 Kafka 主题"},
	{"ledger", cli_ledger, "migrate|version", "create or upgrade the ledger", "创建或升级台账"},
	{"run", cli_run, "[SITE]", "start and supervise bridge and connectors", "启动并看护总线与全部连接器"},
	{"bridge", cli_bridge, "[SITE]", "the bridge alone", "只运行总线"},
	{"connector", cli_connector, "NAME [SITE]", "one connector alone", "只运行一个连接器"},
	{"status", cli_status, "[SITE]", "every system: state, waiting, parked, conflicts, last contact", "各系统状态、待发、待处理、冲突与最近联系时间"},
	{"system", cli_system, "live|pause|trial NAME", "let a system take part, or stop writing to it", "系统上线、暂停或试运行"},
	{"case", cli_case, "NUMBER", "find a case by any system's number", "用任一系统的编号查办件"},
	{"parked", cli_parked, "list|show ID|retry ID|drop ID --reason TEXT", "what waits for a person", "待处理事项"},
	{"conflicts", cli_conflicts, "list|show ID", "values that lost and were kept", "冲突中未被采用而保留的值"},
	{"schema", cli_schema, "[json|fields]", "the published JSON Schema of a case; the reference of its fields", "输出办件的 JSON Schema 或字段说明"},
	{"dev-broker", cli_dev_broker, "[--address-file FILE] [SITE]", "a mock Kafka to look at the product with; forgets everything",
		"模拟 Kafka，仅供观看，停止即丢失"},
	{NULL, NULL, NULL, NULL, NULL},
};

void cli_note(const struct cli *c, const char *format, ...)
{
	va_list args;

	(void)c;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int cli_fail(const struct cli *c, const struct br_err *err)
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

int cli_usage(const struct cli *c, const struct cli_verb *v)
{
	cli_note(c, "casebridge %s %s\n  %s", v->name, v->arguments, cli_say(c, v->help_en, v->help_zh));
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

int cli_load(struct cli *c)
{
	struct cfg_system *s;
	size_t i = 0;

	if (cfg_site_read(c->folder, &c->arena, &c->report, &c->site) == 0 &&
		case_schema_load(c->site->schemas_folder, &c->arena, &c->report, &c->schema) == 0) {
		c->maps = br_arena_array(&c->arena, struct map_set *, c->site->nsystems + 1);
		for (s = c->site->systems; c->maps && s; s = s->next, i++)
			map_compile(c->site, s, c->schema, &c->arena, &c->report, &c->maps[i]);
	}
	if (c->report.n == 0 && c->site && c->schema)
		return CLI_OK;
	cfg_report_print(&c->report, stderr, c->lang);
	return CLI_CONFIG;
}

const char *cli_user(void)
{
	const char *user = getenv("SUDO_USER");

	if (!user)
		user = getenv("USER");
	return user ? user : "operator";
}

int cli_print_query(struct cli *c, const char *sql, int nparams, const char *const *params, const char *const *titles_zh, size_t *rows)
{
	struct ledger_table t;
	struct br_err err;

	br_err_clear(&err);
	if (ledger_query(c->site->ledger_dsn.p, sql, nparams, params, &c->arena, &t, &err) < 0)
		return cli_fail(c, &err);
	if (rows)
		*rows = t.rows;
	cli_print_table(c, &(struct cli_table){t.names, titles_zh, t.cols, t.rows, t.cells});
	return CLI_OK;
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
	struct order_wait w = {.ticket = UINT64_MAX};
	struct bus_events events = {.on_acked = order_acked, .on_fatal = order_failed, .arg = &w};
	char topic[256];
	int t, status;

	br_err_clear(&w.err);
	snprintf(topic, sizeof(topic), "%.*s.ctl", BR_STR_ARG(c->site->topic_prefix));
	w.loop = br_loop_new(&w.err);
	w.bus = w.loop ? bus_new(w.loop, c->site, "casebridge-cli", &events, &w.err) : NULL;
	t = w.bus ? bus_topic(w.bus, topic, &w.err) : -1;
	if (t < 0 || bus_send(w.bus, t, 0, BR_STR_NONE, json, NULL, 0, &w.ticket, &w.err) < 0)
		status = CLI_FAILED;
	else
		status = br_loop_run(w.loop);
	bus_free(w.bus, 1000);
	br_loop_free(w.loop);
	return status == CLI_OK ? CLI_OK : cli_fail(c, &w.err);
}
