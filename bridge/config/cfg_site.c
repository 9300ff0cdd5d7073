#include "cfg_site.h"

#include "br_text.h"
#include "cfg_kafka.h"
#include "cfg_schemas.h"
#include "cfg_systems.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct site_file {
	struct br_str name, title, topic_prefix, timezone, schemas;
	const struct cfg_node *ledger, *kafka, *reconcile;
};

struct reconcile_part {
	struct br_str at, folder;
	int64_t every;
	struct cfg_list systems;
	int repair;
};

struct ledger_part {
	struct br_str dsn, password;
};

#define SITE(field) offsetof(struct site_file, field)
const struct cfg_option cfg_site_options[] = {
	{"name", CFG_T_TEXT, SITE(name), NULL, 0, 0, true, false, NULL,
		"short name of the site: small letters, digits and '-'",
		"站点简称：小写字母、数字和“-”"},
	{"title", CFG_T_TEXT, SITE(title), NULL, 0, 0, false, false, NULL,
		"name of the site for people", "给人看的站点名称"},
	{"topic_prefix", CFG_T_TEXT, SITE(topic_prefix), "casebridge", 0, 0, false, false, NULL,
		"first part of the names of all Kafka topics", "所有 Kafka 主题名的第一段"},
	{"timezone", CFG_T_TEXT, SITE(timezone), "Asia/Shanghai", 0, 0, false, false, NULL,
		"zone of times that systems write without a zone, and of reports",
		"系统中不带时区的时间及报表所用的时区"},
	{"ledger", CFG_T_MAP, SITE(ledger), NULL, 0, 0, true, false, NULL,
		"the database of the bridge itself (PostgreSQL 15 or later)",
		"总线自身的数据库（PostgreSQL 15 或更高版本）"},
	{"kafka", CFG_T_MAP, SITE(kafka), NULL, 0, 0, true, false, NULL,
		"bootstrap.servers, and settings of librdkafka but those that delivery rests on "
		"(lint "
		"names them)",
		"bootstrap.servers 及 librdkafka 配置项（影响可靠投递的除外，lint 会指出）"},
	{"reconcile", CFG_T_MAP, SITE(reconcile), NULL, 0, 0, false, false, NULL,
		"when systems are compared with the ledger by themselves", "定时对账"},
	{"schemas", CFG_T_TEXT, SITE(schemas), NULL, 0, 0, false, false, NULL,
		"folder with case.yaml and codes/, relative to the site's folder; normally found "
		"by itself",
		"case.yaml 与 codes/ 所在文件夹，相对于站点文件夹；通常自动找到"},
	{0},
};

#define LEDGER(field) offsetof(struct ledger_part, field)
const struct cfg_option cfg_ledger_options[] = {
	{"dsn", CFG_T_TEXT, LEDGER(dsn), NULL, 0, 0, true, false, NULL,
		"connection string of libpq: host=... dbname=... user=..., or postgresql://...",
		"libpq 连接串：host=… dbname=… user=…，或 postgresql://…"},
	{"password", CFG_T_TEXT, LEDGER(password), NULL, 0, 0, false, true, NULL,
		"password, where the connection string has none", "口令（连接串中没有时填写）"},
	{0},
};

static const char *const repairs[] = {"none", "safe", NULL};

#define RECONCILE(field) offsetof(struct reconcile_part, field)
const struct cfg_option cfg_reconcile_options[] = {
	{"at", CFG_T_TEXT, RECONCILE(at), NULL, 0, 0, false, false, NULL,
		"time of day in the site's zone, such as 02:30; either this or every:",
		"每天的时刻（站点时区），如 02:30；与 every: 二选一"},
	{"every", CFG_T_DURATION, RECONCILE(every), NULL, 1000, 31 * 86400000LL, false, false, NULL,
		"or time from one run to the next, such as 6h", "或两次之间的间隔，如 6h"},
	{"systems", CFG_T_LIST, RECONCILE(systems), NULL, 0, 0, false, false, NULL,
		"names of the systems; none given = all", "参与对账的系统；不填表示全部"},
	{"repair", CFG_T_ENUM, RECONCILE(repair), "none", 0, 0, false, false, repairs,
		"safe: what may be mended without a person (R1, R8, R9, R10) is",
		"safe：自动修复无须人工判断的差异（R1、R8、R9、R10）"},
	{"folder", CFG_T_TEXT, RECONCILE(folder), "reports/reconcile", 0, 0, false, false, NULL,
		"where the lists of differences go as CSV, relative to the site's folder",
		"差异清单（CSV）存放的文件夹，相对于站点文件夹"},
	{0},
};

static bool is_topic_prefix(struct br_str s)
{
	bool letter = s.n && ((s.p[0] >= 'a' && s.p[0] <= 'z') || (s.p[0] >= 'A' && s.p[0] <= 'Z'));

	return letter && s.n <= 100 &&
	       strspn(s.p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       s.n;
}

/* "+08:00", "-0330" */
static bool is_offset(struct br_str s)
{
	size_t digits = 0;

	if (s.n < 3 || (s.p[0] != '+' && s.p[0] != '-'))
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == ':' && i == 3)
			continue;
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		digits++;
	}
	return digits == 2 || digits == 4;
}

static bool is_zone(struct br_str s)
{
	char path[256];

	if (is_offset(s))
		return true;
	if (s.n == 0 || s.p[0] == '/' || s.p[0] == '.' || strstr(s.p, ".."))
		return false;
	if ((size_t)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", s.p) >= sizeof(path))
		return false;
	return access(path, R_OK) == 0;
}

/* Texts of the tree and of the arena have a NUL behind them. */
static void check_site(
	const struct site_file *f, const struct cfg_node *root, struct cfg_report *report)
{
	if (f->name.p && !cfg_is_name(f->name))
		cfg_problem(report, cfg_get(root, "name"), BR_E_CFG_NAME, "found", f->name.p, "key",
			"name", NULL);
	if (f->topic_prefix.p && !is_topic_prefix(f->topic_prefix))
		cfg_problem(report, cfg_get(root, "topic_prefix"), BR_E_CFG_TOPIC_PREFIX, "found",
			f->topic_prefix.p, NULL);
	if (f->timezone.p && !is_zone(f->timezone))
		cfg_problem(report, cfg_get(root, "timezone"), BR_E_CFG_ZONE, "found",
			f->timezone.p, NULL);
}

static bool is_url(struct br_str dsn)
{
	return strncmp(dsn.p, "postgresql://", 13) == 0 || strncmp(dsn.p, "postgres://", 11) == 0;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-._~", c);
}

/* Quoted as libpq reads it: in a URL every byte may be %XX, in key=value a backslash goes before
 * \ and '. */
static struct br_str with_password(struct br_str dsn, struct br_str password, struct br_arena *a)
{
	bool url = is_url(dsn);
	char *quoted = br_arena_alloc(a, 3 * password.n + 1);
	size_t n = 0;

	if (!quoted)
		return BR_STR_NONE;
	for (size_t i = 0; i < password.n; i++) {
		char c = password.p[i];

		if (url && !is_unreserved(c)) {
			n += (size_t)snprintf(quoted + n, 4, "%%%02X", (unsigned)(unsigned char)c);
			continue;
		}
		if (!url && (c == '\\' || c == '\''))
			quoted[n++] = '\\';
		quoted[n++] = c;
	}
	quoted[n] = '\0';
	if (url)
		return br_arena_printf(
			a, "%s%cpassword=%s", dsn.p, strchr(dsn.p, '?') ? '&' : '?', quoted);
	return br_arena_printf(a, "%s password='%s'", dsn.p, quoted);
}

/* A password within the string as the user wrote it: password=... or //user:...@ */
static bool has_password(struct br_str written)
{
	const char *slashes = strstr(written.p, "://"),
		   *at = slashes ? strchr(slashes + 3, '@') : NULL;
	const char *colon = slashes ? strchr(slashes + 3, ':') : NULL,
		   *key = strstr(written.p, "password");

	if (at && colon && colon < at)
		return colon[1] != '$';
	if (!key)
		return false;
	key += strlen("password");
	key += strspn(key, " ");
	return *key == '=' && key[1 + strspn(key + 1, " '")] != '$';
}

static void read_ledger(
	const struct cfg_node *map, struct cfg_site *site, struct cfg_report *report)
{
	struct ledger_part part = {0};
	const struct cfg_node *dsn = cfg_get(map, "dsn");

	if (dsn && dsn->kind == CFG_SCALAR && has_password(dsn->text))
		cfg_warning(report, dsn, BR_E_CFG_SECRET_CLEAR, "key", "dsn", "env", "${env:NAME}",
			"file", "${file:NAME}", NULL);
	if (cfg_read_options(cfg_ledger_options, map, map, site->secrets_folder, &part, report))
		return;
	site->ledger_dsn =
		part.password.n ? with_password(part.dsn, part.password, report->arena) : part.dsn;
	if (!site->ledger_dsn.p)
		cfg_problem(report, map, BR_E_NOMEM, NULL);
}

/* "02:30" -> 150; -1: it is no time of the day. */
static int minute_of(struct br_str s)
{
	int h, m;

	if (s.n != 5 || s.p[2] != ':' || strspn(s.p, "0123456789:") != 5)
		return -1;
	h = (s.p[0] - '0') * 10 + s.p[1] - '0';
	m = (s.p[3] - '0') * 10 + s.p[4] - '0';
	return h < 24 && m < 60 ? h * 60 + m : -1;
}

static void read_reconcile(const struct cfg_node *map, struct cfg_site *site, struct br_arena *a,
	struct cfg_report *report)
{
	struct reconcile_part part = {.repair = 0};
	struct cfg_reconcile *r = &site->reconcile;

	if (cfg_read_options(cfg_reconcile_options, map, map, site->secrets_folder, &part, report))
		return;
	*r = (struct cfg_reconcile){.on = true,
		.at_minute = part.at.n ? minute_of(part.at) : -1,
		.every_ms = part.every,
		.systems = part.systems,
		.repair = part.repair == 1,
		.folder = part.folder.p[0] == '/'
				  ? part.folder.p
				  : br_arena_printf(a, "%s/%s", site->folder, part.folder.p).p};
	if ((part.at.n > 0) == (part.every > 0) || (part.at.n && r->at_minute < 0))
		cfg_problem(report, map, BR_E_CFG_RECONCILE_WHEN, NULL);
}

/* Known when the systems are. One that is left out is one of the site. */
static void check_reconcile(
	const struct cfg_node *map, const struct cfg_site *site, struct cfg_report *report)
{
	const struct cfg_list *l = &site->reconcile.systems;

	for (size_t i = 0; i < l->n; i++)
		if (!cfg_site_system(site, l->item[i]) && !cfg_site_left_out(site, l->item[i]))
			cfg_problem(report, cfg_get(map, "systems"), BR_E_CFG_RECONCILE_SYSTEM,
				"found", l->item[i].p, NULL);
}

/* *reconcile: that part of it, or NULL. */
static void read_site_file(struct cfg_site *site, struct br_arena *a, struct cfg_report *report,
	const struct cfg_node **reconcile)
{
	struct br_str path = br_arena_printf(a, "%s/site.yaml", site->folder);
	struct site_file f = {0};
	struct cfg_node *root;

	if (!path.p) {
		cfg_problem(report, NULL, BR_E_NOMEM, NULL);
		return;
	}
	if (cfg_read_file(path.p, "site.yaml", a, report, &root))
		return;
	cfg_read_options(cfg_site_options, root, root, site->secrets_folder, &f, report);
	check_site(&f, root, report);
	site->name = f.name;
	site->title = f.title.n ? f.title : f.name;
	site->topic_prefix = f.topic_prefix;
	site->timezone = f.timezone;
	if (f.ledger)
		read_ledger(f.ledger, site, report);
	if (f.kafka)
		cfg_kafka_read(f.kafka, site->secrets_folder, site, a, report);
	*reconcile = f.reconcile;
	if (f.reconcile)
		read_reconcile(f.reconcile, site, a, report);
	site->schemas_folder = cfg_schemas_find(site->folder, f.schemas, root, a, report);
}

const struct cfg_problem *cfg_first_problem(
	const struct cfg_report *report, const struct cfg_problem *before)
{
	const struct cfg_problem *p = before ? before->next : report->first;

	while (p && p->warning)
		p = p->next;
	return p;
}

static int first_since(const struct cfg_report *report, const struct cfg_problem *before)
{
	const struct cfg_problem *p = cfg_first_problem(report, before);

	return p ? -(int)br_err_code(&p->err) : -BR_E_NOMEM;
}

static struct cfg_system *named(struct cfg_system *s, struct br_str name)
{
	while (s && !br_str_eq(s->name, name))
		s = s->next;
	return s;
}

struct cfg_system *cfg_site_system(const struct cfg_site *site, struct br_str name)
{
	return named(site->systems, name);
}

struct cfg_system *cfg_site_left_out(const struct cfg_site *site, struct br_str name)
{
	return named(site->left_out, name);
}

/* The name of one that is used is no other's: a copy of its file, say, goes by its own. */
static void name_apart(struct cfg_site *site)
{
	for (struct cfg_system *s = site->left_out; s; s = s->next)
		if (cfg_site_system(site, s->name)) {
			s->name = br_str_z(s->file);
			s->named = false;
		}
}

void cfg_site_leave_out(
	struct cfg_site *site, struct cfg_system *system, const struct cfg_problem *why)
{
	struct cfg_system **from = &site->systems, **to = &site->left_out;

	while (*from && *from != system)
		from = &(*from)->next;
	if (*from) {
		*from = system->next;
		site->nsystems--;
	}
	while (*to)
		to = &(*to)->next;
	*to = system;
	system->next = NULL;
	site->nleft_out++;
	if (!system->problem)
		system->problem = why;
	name_apart(site);
}

int cfg_site_read(
	const char *folder, struct br_arena *a, struct cfg_report *report, struct cfg_site **out)
{
	struct cfg_problem *last = report->last;
	size_t before = report->n;
	const struct cfg_node *reconcile = NULL;
	struct cfg_site *site = br_arena_new(a, struct cfg_site);
	const char *file = br_arena_printf(a, "%s/site.yaml", folder).p,
		   *secrets = getenv("CASEBRIDGE_SECRETS");

	*out = NULL;
	if (!site || !file)
		return cfg_problem(report, NULL, BR_E_NOMEM, NULL);
	if (access(file, F_OK) != 0)
		return cfg_problem(report, NULL, BR_E_CFG_NO_SITE, "path", folder, NULL);
	site->folder = br_arena_copy(a, br_str_z(folder)).p;
	site->secrets_folder = secrets && *secrets ? br_arena_copy(a, br_str_z(secrets)).p
						   : br_arena_printf(a, "%s/secrets", folder).p;
	if (!site->folder || !site->secrets_folder)
		return cfg_problem(report, NULL, BR_E_NOMEM, NULL);
	read_site_file(site, a, report, &reconcile);
	site->broken = report->n != before;
	cfg_systems_read(site, a, report);
	name_apart(site);
	check_reconcile(reconcile, site, report);
	*out = site;
	return report->n == before ? 0 : first_since(report, last);
}
