/*
 * http_lint.c - every key of the http kind, once: what it is called, what it takes, and what it is
 * for. Lint reads the system's file by these tables; docs/connectors/http.md says the same to
 * people.
 */
#include "http_lint.h"
#include "cfg_part.h"
#include "http_call.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define NONE	  0, 0
#define AT(field) offsetof(struct http_lint, field)
#define TEXT(name, field, dflt, en, zh)                                                            \
	{                                                                                          \
		name, CFG_T_TEXT, AT(field), dflt, NONE, false, false, NULL, en, zh                \
	}
#define NEEDED(name, field, en, zh)                                                                \
	{                                                                                          \
		name, CFG_T_TEXT, AT(field), NULL, NONE, true, false, NULL, en, zh                 \
	}
#define NODE(name, field, en, zh)                                                                  \
	{                                                                                          \
		name, CFG_T_NODE, AT(field), NULL, NONE, false, false, NULL, en, zh                \
	}
#define MAP(name, field, en, zh)                                                                   \
	{                                                                                          \
		name, CFG_T_MAP, AT(field), NULL, NONE, false, false, NULL, en, zh                 \
	}
#define BOOL(name, field, dflt, en, zh)                                                            \
	{                                                                                          \
		name, CFG_T_BOOL, AT(field), dflt, NONE, false, false, NULL, en, zh                \
	}

static const char *const algorithms[] = {"hmac-sha256", "hmac-sm3", NULL};
static const char *const classes[] = {"ok", "retry", "auth", "stale", "missing", "duplicate",
	"correct", "wait", "stop", "pending", "unknown", NULL};
static const char *const bodies[] = {"not json", NULL};
static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", NULL};

const struct cfg_option http_auth_table[] = {
	NEEDED("path", path, "path of the token call (POST)", "获取令牌的路径（POST）"),
	MAP("body", body, "members of its body (templates)", "请求体成员（模板）"),
	MAP("sign", sign, "its own signature", "该调用自己的签名"),
	TEXT("token", token, "data.token", "member of the answer that is the token",
		"应答中的令牌成员"),
	TEXT("expires", text, NULL, "member of the answer that tells its life in seconds",
		"应答中的有效秒数成员"),
	{0},
};

const struct cfg_option http_sign_table[] = {
	{"algorithm", CFG_T_ENUM, AT(word), NULL, NONE, true, false, algorithms,
		"hmac-sha256 | hmac-sm3", "签名算法"},
	NEEDED("text", text, "what is signed (template)", "待签名文本（模板）"),
	{0},
};

const struct cfg_option http_answers_table[] = {
	TEXT("code", code, "code", "member with the system's own code", "应答码成员"),
	TEXT("text", text, "msg", "member with its text for people", "应答说明成员"),
	NODE("rules", rules, "what answers mean; the first that fits counts",
		"应答判定规则，按先后取第一条"),
	{0},
};

const struct cfg_option http_rule_table[] = {
	TEXT("status", status, NULL, "HTTP status: 503, or 5xx", "HTTP 状态码：503 或 5xx"),
	TEXT("code", code, NULL, "the system's own code", "应答码"),
	{"body", CFG_T_ENUM, AT(body_word), NULL, NONE, false, false, bodies,
		"not json: a web page", "not json：网页"},
	{"is", CFG_T_ENUM, AT(word), NULL, NONE, true, false, classes, "what to make of it",
		"如何处理"},
	{0},
};

const struct cfg_option http_root_table[] = {
	NEEDED("key", key, "column that is the record's number", "标识记录的列"),
	{0},
};

const struct cfg_option http_read_table[] = {
	{"every", CFG_T_DURATION, AT(ms), "2s", 5, 86400000, false, false, NULL,
		"time between two polls", "两次轮询的间隔"},
	{"sweep_every", CFG_T_DURATION, AT(ms), "60s", 1000, 604800000, false, false, NULL,
		"time between two pages of the sweep; without one, between two reports that the "
		"feed was read",
		"全量核对两页之间的间隔；未配置时为对账报告的间隔"},
	MAP("sweep", sweep, "list of all records, walked to find what the feed does not tell",
		"全部记录的列表，用于核对变更列表遗漏的内容"),
	MAP("list", list, "feed of changed records", "变更列表"),
	MAP("get", get, "how one record is read", "读取单条记录"),
	TEXT("updated_by", text, NULL, "member that tells who wrote last", "最后修改人成员"),
	{0},
};

/* A page of a feed or a list. */
#define PAGE(next)                                                                                 \
	TEXT("items", text, "data", "member that is the list", "列表成员"), next,                  \
		TEXT("more", text, NULL, "member that is true when there is more",                 \
			"是否还有更多的成员"),                                                     \
		TEXT("object", object, NULL,                                                       \
			"member of an item that is the record; empty = the item itself",           \
			"列表项中记录所在成员"),                                                   \
	{                                                                                          \
		"limit", CFG_T_INT, AT(n), "100", 1, 10000, false, false, NULL,                    \
			"records in one page", "每页条数"                                      \
	}

const struct cfg_option http_list_table[] = {
	NEEDED("path", path, "path (template; {cursor} {limit})", "路径（模板；{cursor} {limit}）"),
	PAGE(TEXT("next", text, NULL, "member that is the next cursor", "下一游标成员")),
	{0},
};

const struct cfg_option http_sweep_table[] = {
	NEEDED("path", path, "path (template; {page} from 1, {cursor}, {limit})",
		"路径（模板；{page} 从 1 起、{cursor}、{limit}）"),
	PAGE(TEXT("next", text, NULL, "member that is the cursor of the next page",
		"下一页游标成员")),
	BOOL("whole", flag, "false",
		"items are whole records, so changes are found too; false: only which there are",
		"列表项为整条记录，可同时发现变更；false：仅核对有哪些记录"),
	{0},
};

const struct cfg_option http_get_table[] = {
	NEEDED("path", path, "path (template; {lid})", "路径（模板；{lid}）"),
	TEXT("object", object, "data", "member that is the record", "记录所在成员"),
	{0},
};

const struct cfg_option http_write_table[] = {
	TEXT("idempotency", text, NULL,
		"header for a key that the server remembers; absent = it has none",
		"幂等键请求头；对方不支持则不填"),
	BOOL("etag", flag, "false", "the server shows ETag and checks If-Match",
		"对方提供 ETag 并检查 If-Match"),
	BOOL("unique", flag, "false", "the server refuses a second record of the same natural key",
		"对方拒绝自然键重复的记录"),
	{"visibility", CFG_T_DURATION, AT(visibility_ms), "0s", 0, 3600000, false, false, NULL,
		"how long a new record may stay out of look-ups; shorter than the lease",
		"新记录最长多久后可被查到，须短于租约"},
	MAP("lookup", lookup, "how a record is looked up before a create", "新建前的查重"),
	NODE("create", create, "calls that make a record", "新建所需的调用"),
	NODE("update", update, "calls that change a record", "修改所需的调用"),
	{"guard", CFG_T_RATE, AT(n), NULL, NONE, false, false, NULL,
		"writes an hour at most; more wait", "每小时最多写入次数，超出的等待"},
	{"stop_after_refusals", CFG_T_INT, AT(n), "0", 0, 1000000, false, false, NULL,
		"after so many refusals in a row writing stops until the connector is started "
		"again, or the system paused and made live (0 = never)",
		"连续被拒绝达到该次数后停止写入，直至重启连接器或将系统暂停再上线（0 = 不限）"},
	{0},
};

const struct cfg_option http_part_table[] = {
	TEXT("path", path, NULL, "member that is the list; absent = it is called as the part",
		"列表成员；不填则与子表同名"),
	{0},
};

const struct cfg_option http_lookup_table[] = {
	NEEDED("path", path, "path (template; columns of the natural key)",
		"路径（模板；自然键的列）"),
	TEXT("items", text, "data", "member that is the list, or the record", "结果成员"),
	{0},
};

const struct cfg_option http_call_table[] = {
	TEXT("name", name, NULL, "name of the call, part of its key", "调用名称，用于幂等键"),
	{"method", CFG_T_ENUM, AT(word), "POST", NONE, false, false, methods, "method", "方法"},
	NEEDED("path", path, "path (template)", "路径（模板）"),
	MAP("body", body, "members sent in any case (templates)", "固定发送的成员（模板）"),
	NODE("columns", columns,
		"columns it sends, or all; it is made when one of them is to be set",
		"发送的列，或 all；其中有列要写时才调用"),
	TEXT("part", part, NULL, "once for each changed element of this part",
		"对该子表每个变更的元素各调用一次"),
	TEXT("wrap", text, NULL, "member that the body is put into", "请求体外层成员"),
	TEXT("lid", text, NULL, "member of the answer that is the new record's number",
		"应答中新记录编号的成员"),
	TEXT("ref", text, NULL, "member of a pending answer that names the business",
		"受理中应答的业务编号成员"),
	TEXT("object", object, NULL, "member of the answer that is the whole record as it is now",
		"应答中整条记录的成员"),
	BOOL("etag", flag, "true", "send If-Match with it", "是否带 If-Match"),
	{0},
};

static int read_map(const struct cfg_option *table, const struct cfg_node *map,
	const struct cfg_node *at, const struct cfg_site *site, struct cfg_report *report,
	struct http_lint *out)
{
	*out = (struct http_lint){.n = 0};
	return cfg_read_options(table, map, at, site->secrets_folder, out, report);
}

/* ---- connection ---- */

static bool status_ok(struct br_str s)
{
	int64_t n;

	if (s.n == 3 && s.p[0] >= '1' && s.p[0] <= '5' && s.p[1] == 'x' && s.p[2] == 'x')
		return true;
	return s.n == 3 && br_json_int64(s, &n) && n >= 100 && n <= 599;
}

static void lint_rules(
	const struct cfg_node *rules, const struct cfg_site *site, struct cfg_report *report)
{
	struct http_lint l;

	if (rules && rules->kind != CFG_LIST) {
		cfg_problem(report, rules, BR_E_HTTP_CONFIG, "what", "rules", "found",
			rules->text.p ? rules->text.p : "-", "expected", "a list", NULL);
		return;
	}
	for (const struct cfg_node *r = cfg_first(rules); r; r = r->next) {
		read_map(http_rule_table, r, r, site, report, &l);
		if (l.status.n && !status_ok(l.status))
			cfg_problem(report, cfg_get(r, "status"), BR_E_HTTP_CONFIG, "what",
				"status", "found", l.status.p, "expected", "503, or 5xx", NULL);
		if (!l.status.n && !l.code.n && !cfg_get(r, "body"))
			cfg_problem(report, r, BR_E_HTTP_CONFIG, "what", "rule", "found", "-",
				"expected", "status, code or body", NULL);
	}
}

/* Names of headers and members with templates as values. */
static void lint_texts(const struct cfg_node *map, const char *what, struct cfg_report *report)
{
	char most[40];
	size_t n = 0;

	snprintf(most, sizeof(most), "at most %d of them", HTTP_PAIRS);
	for (const struct cfg_node *c = cfg_first(map); c; c = c->next, n++) {
		if (c->kind != CFG_SCALAR)
			cfg_problem(report, c, BR_E_HTTP_CONFIG, "what", what, "found", c->key.p,
				"expected", "a text", NULL);
		else if (n == HTTP_PAIRS)
			cfg_problem(report, c, BR_E_HTTP_CONFIG, "what", what, "found", c->key.p,
				"expected", most, NULL);
	}
}

/* Those of the connection, whose references are replaced when the site is opened. */
static void lint_sent(const struct cfg_node *map, const char *what, enum http_place place,
	const struct cfg_site *site, struct cfg_report *report)
{
	struct br_str ignored;

	lint_texts(map, what, report);
	for (const struct cfg_node *c = cfg_first(map); c; c = c->next) {
		if (c->kind == CFG_SCALAR)
			cfg_expand_template(c->text, c, site->secrets_folder, &ignored, report);
		http_lint_template(c, place, NULL, NULL, report);
	}
}

static void lint_sign(const struct cfg_node *sign, enum http_place place,
	const struct cfg_site *site, struct cfg_report *report)
{
	struct http_lint l;

	if (!sign)
		return;
	read_map(http_sign_table, sign, sign, site, report, &l);
	http_lint_template(cfg_get(sign, "text"), place, NULL, NULL, report);
}

/* A file that a connection needs; that it is PEM shows when it is used. */
static void lint_file(const struct cfg_node *at, const struct cfg_site *site, struct br_str name,
	struct cfg_report *report)
{
	const char *path = http_file(name, site->folder, report->arena);
	char why[128];

	if (path && access(path, R_OK) != 0)
		cfg_problem(report, at, BR_E_CFG_FILE_READ, "path", path, "why",
			strerror_r(errno, why, sizeof(why)), NULL);
}

static void lint_tls(const struct http_options *o, const struct cfg_node *connection,
	const struct cfg_site *site, struct cfg_report *report)
{
	const struct cfg_node *key = cfg_get(connection, "client_key");

	lint_file(cfg_get(connection, "ca_file"), site, o->ca_file, report);
	lint_file(cfg_get(connection, "client_cert"), site, o->client_cert, report);
	lint_file(key, site, o->client_key, report);
	if (key && !o->client_cert.n)
		cfg_problem(report, key, BR_E_HTTP_CONFIG, "what", "client_key", "found",
			o->client_key.p ? o->client_key.p : "", "expected",
			"client_cert with the certificate that belongs to it", NULL);
	if (!o->verify)
		cfg_warning(report, cfg_get(connection, "verify"), BR_E_HTTP_UNCHECKED, NULL);
}

static void lint_connection(
	const struct http_options *o, const struct cfg_site *site, struct cfg_report *report)
{
	struct http_lint l;

	if (o->auth) {
		read_map(http_auth_table, o->auth, o->auth, site, report, &l);
		lint_sign(cfg_get(o->auth, "sign"), HTTP_IN_AUTH_SIGN, site, report);
		lint_sent(cfg_get(o->auth, "body"), "body", HTTP_IN_AUTH, site, report);
	}
	lint_sign(o->sign, HTTP_IN_SIGN, site, report);
	if (o->answers) {
		read_map(http_answers_table, o->answers, o->answers, site, report, &l);
		lint_rules(cfg_get(o->answers, "rules"), site, report);
	}
	lint_sent(o->headers, "headers", HTTP_IN_HEADER, site, report);
}

/* ---- records ---- */

/* A record is told as it is written (BEGIN): nothing is replaced, and a secret has no business in
 * Kafka. */
static void refuse_references(const struct cfg_node *node, struct cfg_report *report)
{
	if (node && node->kind == CFG_SCALAR &&
		(strstr(node->text.p, "${env:") || strstr(node->text.p, "${file:")))
		cfg_problem(report, node, BR_E_HTTP_REFERENCE, "found", node->text.p, NULL);
	for (const struct cfg_node *c = cfg_first(node); c; c = c->next)
		refuse_references(c, report);
}

/* Is this text anywhere in the mapping, as a column or as the name of one? */
static bool mentions(const struct cfg_node *node, struct br_str name)
{
	if (node && node->kind == CFG_SCALAR && br_str_eq(node->text, name))
		return true;
	for (const struct cfg_node *c = cfg_first(node); c; c = c->next)
		if (br_str_eq(c->key, name) || mentions(c, name))
			return true;
	return false;
}

static bool is_column(const struct cfg_node *owner, struct br_str name)
{
	return mentions(cfg_get(owner, "case"), name) ||
	       mentions(cfg_get(owner, "on_create"), name) || mentions(cfg_get(owner, "key"), name);
}

static void lint_columns(
	const struct cfg_node *columns, const struct cfg_node *owner, struct cfg_report *report)
{
	if (!columns || (columns->kind == CFG_SCALAR && br_str_eq(columns->text, BR_STR("all"))))
		return;
	if (columns->kind != CFG_LIST) {
		cfg_problem(report, columns, BR_E_HTTP_CONFIG, "what", "columns", "found",
			columns->text.p ? columns->text.p : "-", "expected",
			"a list of columns, or all", NULL);
		return;
	}
	for (const struct cfg_node *c = cfg_first(columns); c; c = c->next)
		if (c->kind != CFG_SCALAR || !is_column(owner, c->text))
			cfg_problem(report, c, BR_E_HTTP_CONFIG, "what", "columns", "found",
				c->kind == CFG_SCALAR ? c->text.p : "-", "expected",
				"a column that the mapping has", NULL);
}

static void lint_call(const struct cfg_node *call, const struct cfg_node *record,
	const struct cfg_site *site, struct cfg_report *report)
{
	const struct cfg_node *owner = record, *part = NULL;
	enum http_place place = HTTP_IN_CALL;
	struct http_lint l;

	/* one mistake does not hide the next */
	read_map(http_call_table, call, call, site, report, &l);
	if (l.part.n) {
		owner = part = cfg_get(cfg_get(record, "parts"), l.part.p);
		place = HTTP_IN_PART_CALL;
		if (!owner) {
			cfg_problem(report, cfg_get(call, "part"), BR_E_HTTP_CONFIG, "what", "part",
				"found", l.part.p, "expected", "a part of the record", NULL);
			return;
		}
	}
	lint_columns(cfg_get(call, "columns"), owner, report);
	lint_texts(cfg_get(call, "body"), "body", report);
	http_lint_template(cfg_get(call, "path"), place, record, part, report);
	for (const struct cfg_node *c = cfg_first(cfg_get(call, "body")); c; c = c->next)
		http_lint_template(c, place, record, part, report);
}

static void lint_calls(const struct cfg_node *calls, const struct cfg_node *record,
	const struct cfg_site *site, struct cfg_report *report)
{
	if (!calls)
		return;
	if (calls->kind == CFG_MAP)
		lint_call(calls, record, site, report);
	else if (calls->kind == CFG_LIST)
		for (const struct cfg_node *c = cfg_first(calls); c; c = c->next)
			lint_call(c, record, site, report);
	else
		cfg_problem(report, calls, BR_E_HTTP_CONFIG, "what", "calls", "found",
			calls->text.p ? calls->text.p : "-", "expected",
			"a call, or a list of calls", NULL);
}

static const struct cfg_node *path_of(const struct cfg_node *map, const char *call)
{
	return cfg_get(cfg_get(map, call), "path");
}

static void lint_read(
	const struct cfg_node *record, const struct cfg_site *site, struct cfg_report *report)
{
	const struct cfg_node *read = cfg_get(record, "read");
	struct http_lint l, sub;

	if (!read) {
		cfg_problem(report, record, BR_E_HTTP_CONFIG, "what", "read", "found", "-",
			"expected", "how records are read", NULL);
		return;
	}
	read_map(http_read_table, read, record, site, report, &l);
	refuse_references(read, report);
	read_map(http_get_table, cfg_get(read, "get"), read, site, report, &sub);
	http_lint_template(path_of(read, "get"), HTTP_IN_GET, NULL, NULL, report);
	http_lint_template(path_of(read, "list"), HTTP_IN_LIST, NULL, NULL, report);
	http_lint_template(path_of(read, "sweep"), HTTP_IN_SWEEP, NULL, NULL, report);
	if (cfg_get(read, "list"))
		read_map(http_list_table, cfg_get(read, "list"), read, site, report, &sub);
	if (cfg_get(read, "sweep"))
		read_map(http_sweep_table, cfg_get(read, "sweep"), read, site, report, &sub);
}

static void lint_write(const struct cfg_node *record, const struct cfg_system *system,
	const struct cfg_site *site, struct cfg_report *report)
{
	const struct cfg_node *write = cfg_get(record, "write");
	struct http_lint l, sub;

	if (!write)
		return;
	read_map(http_write_table, write, record, site, report, &l);
	/* the guard is the runtime's own, which reads it as lint does */
	for (const struct cfg_node *c = cfg_first(write); c; c = c->next)
		if (!br_str_eq(c->key, BR_STR("guard")) &&
			!br_str_eq(c->key, BR_STR("stop_after_refusals")))
			refuse_references(c, report);
	if (l.visibility_ms > 0 && system->lease_ms > 0 && l.visibility_ms >= system->lease_ms)
		cfg_problem(report, cfg_get(write, "visibility"), BR_E_HTTP_CONFIG, "what",
			"visibility", "found", cfg_get(write, "visibility")->text.p, "expected",
			"less than the system's lease", NULL);
	if (cfg_get(write, "lookup"))
		read_map(http_lookup_table, cfg_get(write, "lookup"), write, site, report, &sub);
	http_lint_template(path_of(write, "lookup"), HTTP_IN_LOOKUP, record, NULL, report);
	lint_calls(cfg_get(write, "create"), record, site, report);
	lint_calls(cfg_get(write, "update"), record, site, report);
}

static void lint_parts(
	const struct cfg_node *record, const struct cfg_site *site, struct cfg_report *report)
{
	const struct cfg_node *own;
	struct http_lint l;

	for (const struct cfg_node *p = cfg_first(cfg_get(record, "parts")); p; p = p->next)
		if ((own = cfg_part_of_kind(p, report->arena)) != NULL)
			read_map(http_part_table, own, p, site, report, &l);
}

static void lint_root(
	const struct cfg_node *record, const struct cfg_site *site, struct cfg_report *report)
{
	const struct cfg_node *root = cfg_get(record, "root");
	struct http_lint l;

	if (read_map(http_root_table, root, root ? root : record, site, report, &l) == 0 &&
		!is_column(record, l.key))
		cfg_problem(report, cfg_get(root, "key"), BR_E_HTTP_CONFIG, "what", "root.key",
			"found", l.key.p, "expected", "a column that the mapping has", NULL);
}

int http_lint(const struct cfg_site *site, const struct cfg_system *system, const void *options,
	struct cfg_report *report)
{
	const struct http_options *o = options;
	size_t before = report->n;
	char url[512];

	if (o->base_url.n && o->base_url.p[o->base_url.n - 1] == '/')
		cfg_problem(report, cfg_get(system->connection, "base_url"), BR_E_HTTP_CONFIG,
			"what", "base_url", "found", http_shown(o, BR_STR_NONE, url, sizeof(url)),
			"expected", "an address without / at the end", NULL);
	lint_connection(o, site, report);
	lint_tls(o, system->connection, site, report);
	for (const struct cfg_node *r = cfg_first(system->records); r; r = r->next) {
		lint_root(r, site, report);
		lint_read(r, site, report);
		lint_write(r, system, site, report);
		lint_parts(r, site, report);
	}
	return report->n > before ? -BR_E_HTTP_CONFIG : 0;
}
