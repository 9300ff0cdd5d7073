#include "cfg_site.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef CASEBRIDGE_SCHEMAS
#define CASEBRIDGE_SCHEMAS "/usr/share/casebridge/schemas"
#endif

struct site_file { /* site.yaml */
	struct br_str name, title, topic_prefix, timezone, schemas;
	const struct cfg_node *ledger, *kafka;
};
#define SITE(field) offsetof(struct site_file, field)
static const struct cfg_option site_options[] = {
	{"name", CFG_T_TEXT, SITE(name), NULL, 0, 0, true, false, NULL, "short name of the site", "站点简称"},
	{"title", CFG_T_TEXT, SITE(title), "", 0, 0, false, false, NULL, "name for people", "站点名称"},
	{"topic_prefix", CFG_T_TEXT, SITE(topic_prefix), "casebridge", 0, 0, false, false, NULL, "first part of all topic names", "主题名前缀"},
	{"timezone", CFG_T_TEXT, SITE(timezone), "Asia/Shanghai", 0, 0, false, false, NULL, "IANA name", "时区（IANA 名称）"},
	{"schemas", CFG_T_TEXT, SITE(schemas), NULL, 0, 0, false, false, NULL, "folder of case.yaml and codes/", "case.yaml 与 codes/ 所在目录"},
	{"ledger", CFG_T_MAP, SITE(ledger), NULL, 0, 0, true, false, NULL, "the bridge's PostgreSQL database", "台账数据库"},
	{"kafka", CFG_T_MAP, SITE(kafka), NULL, 0, 0, true, false, NULL, "bootstrap.servers and any further librdkafka key", "Kafka 连接参数"},
	{NULL, CFG_T_TEXT, 0, NULL, 0, 0, false, false, NULL, NULL, NULL},
};

struct ledger_map {
	struct br_str dsn;
};
static const struct cfg_option ledger_options[] = {
	{"dsn", CFG_T_TEXT, offsetof(struct ledger_map, dsn), NULL, 0, 0, true, true, NULL, "connection as libpq takes it", "数据库连接串（libpq 格式）"},
	{NULL, CFG_T_TEXT, 0, NULL, 0, 0, false, false, NULL, NULL, NULL},
};

#define SYS(field) offsetof(struct cfg_system, field)
static const struct cfg_option system_options[] = {
	{"system", CFG_T_TEXT, SYS(name), NULL, 0, 0, true, false, NULL, "name; also in topics and commands", "系统名称"},
	{"title", CFG_T_TEXT, SYS(title), "", 0, 0, false, false, NULL, "name for people", "系统中文名称"},
	{"connector", CFG_T_TEXT, SYS(connector), NULL, 0, 0, true, false, NULL, "kind: postgres, http", "连接器类型"},
	{"role", CFG_T_TEXT, SYS(role), "department", 0, 0, false, false, NULL, "portal or department: whose fields it owns", "归属方：portal 或 department"},
	{"credit", CFG_T_INT, SYS(credit), "2000", 1, 100000, false, false, NULL, "commands out at the same time", "同时在途的指令数"},
	{"lease", CFG_T_DURATION, SYS(lease_ms), "20s", 1000, 600000, false, false, NULL, "how long a connector may write without hearing from the bridge",
		"连接器未收到总线消息时允许写入的最长时间"},
	{"start_live", CFG_T_BOOL, SYS(start_live), "false", 0, 0, false, false, NULL, "live without an operator's order (try-outs)", "无需人工上线（仅试用）"},
	{"items", CFG_T_LIST, SYS(items), NULL, 0, 0, false, false, NULL, "item codes this system takes part in; empty = all", "参与的事项编码，空为全部"},
	{"connection", CFG_T_MAP, SYS(connection), NULL, 0, 0, false, false, NULL, "how to reach it", "连接参数"},
	{"records", CFG_T_MAP, SYS(records), NULL, 0, 0, true, false, NULL, "its records and their mappings", "记录与映射"},
	{"tests", CFG_T_NODE, SYS(tests), NULL, 0, 0, false, false, NULL, "tests of the mappings", "映射测试"},
	{NULL, CFG_T_TEXT, 0, NULL, 0, 0, false, false, NULL, NULL, NULL},
};

static bool is_name(struct br_str s)
{
	if (s.n == 0 || s.n > 32 || s.p[0] < 'a' || s.p[0] > 'z')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-'))
			return false;
	return true;
}

/* What the protocol rests on may not be changed from outside. */
static const struct {
	const char *key, *why;
} forbidden[] = {
	{"acks", "every message must be on all in-sync replicas"},
	{"enable.idempotence", "a retry must not write a message twice"},
	{"enable.auto.commit", "the positions are in the ledger"},
	{"enable.auto.offset.store", "the positions are in the ledger"},
	{"auto.offset.reset", "a missing position must stop the reader, not skip"},
	{"group.id", "consumer groups are not used"},
	{"group.instance.id", "consumer groups are not used"},
	{"transactional.id", "Kafka transactions are not used"},
	{"isolation.level", "it is fixed"},
	{"allow.auto.create.topics", "topics have policies; see casebridge topics apply"},
	{"partitioner", "the partition is chosen by the key"},
	{"client.id", "it names the process"},
	{"max.in.flight", "order must be kept"},
	{"max.in.flight.requests.per.connection", "order must be kept"},
};

static void check_kafka(struct cfg_site *site, const char *secrets, struct cfg_report *report)
{
	static const struct cfg_option text = {"kafka", CFG_T_TEXT, 0, NULL, 0, 0, false, false, NULL, NULL, NULL};
	const struct cfg_node *servers = cfg_get(site->kafka, "bootstrap.servers");

	if (!servers)
		cfg_problem(report, site->kafka, BR_E_CFG_MISSING, "key", "bootstrap.servers", "help", "host:port,host:port", NULL);
	else
		cfg_read_value(&text, servers, secrets, &site->kafka_bootstrap, report);
	for (struct cfg_node *n = cfg_first(site->kafka); n; n = n->next) {
		struct br_str value;

		for (size_t i = 0; i < BR_LEN(forbidden); i++)
			if (br_str_eq(n->key, br_str_z(forbidden[i].key)))
				cfg_problem(report, n, BR_E_CFG_KAFKA_KEY, "key", n->key.p, "why", forbidden[i].why, NULL);
		/* references are resolved in place: the bus takes the text */
		if (n->kind == CFG_SCALAR && n != servers && cfg_read_value(&text, n, secrets, &value, report) == 0)
			n->text = value;
	}
}

static const char *find_schemas(struct br_arena *a, const char *folder, struct br_str given)
{
	const char *env = getenv("CASEBRIDGE_SCHEMAS");
	char exe[4000], *slash;
	ssize_t n;
	struct br_str path;

	if (given.n)
		return given.p[0] == '/' ? given.p : br_arena_printf(a, "%s/%.*s", folder, BR_STR_ARG(given)).p;
	if (env)
		return env;
	/* beside the build folder of a source tree */
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	for (int up = 0; n > 0 && up < 4; up++) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		if (!slash || slash == exe)
			break;
		*slash = '\0';
		n = slash - exe;
		path = br_arena_printf(a, "%s/schemas/case.yaml", exe);
		if (path.p && access(path.p, R_OK) == 0)
			return br_arena_printf(a, "%s/schemas", exe).p;
	}
	return CASEBRIDGE_SCHEMAS;
}

static int read_site_file(const char *folder, const char *secrets, struct br_arena *a, struct cfg_report *report, struct cfg_site *site)
{
	struct site_file f = {0};
	struct ledger_map ledger = {0};
	struct cfg_node *root = NULL;
	const char *file = br_arena_printf(a, "%s/site.yaml", folder).p;
	int rc = cfg_read_file(file, "site.yaml", a, report, &root);

	if (rc < 0)
		return rc;
	cfg_read_options(site_options, root, root, secrets, &f, report);
	site->name = f.name;
	site->title = f.title;
	site->topic_prefix = f.topic_prefix;
	site->timezone = f.timezone;
	site->kafka = f.kafka;
	if (f.ledger)
		cfg_read_options(ledger_options, f.ledger, f.ledger, secrets, &ledger, report);
	site->ledger_dsn = ledger.dsn;
	if (f.kafka)
		check_kafka(site, secrets, report);
	site->schemas_folder = find_schemas(a, folder, f.schemas);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t list_systems(const char *folder, struct br_arena *a, const char **names, size_t room)
{
	const char *path = br_arena_printf(a, "%s/systems", folder).p;
	DIR *dir = opendir(path);
	struct dirent *e;
	size_t n = 0;

	while (dir && n < room && (e = readdir(dir))) {
		size_t len = strlen(e->d_name);

		if (len > 5 && strcmp(e->d_name + len - 5, ".yaml") == 0 && e->d_name[0] != '.')
			names[n++] = br_arena_copy(a, br_str_z(e->d_name)).p;
	}
	if (dir)
		closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	return n;
}

static struct cfg_system *read_system(const char *folder, const char *name, const char *secrets, struct br_arena *a, struct cfg_report *report)
{
	struct cfg_system *s = br_arena_new(a, struct cfg_system);
	const char *file = br_arena_printf(a, "%s/systems/%s", folder, name).p, *shown = br_arena_printf(a, "systems/%s", name).p;
	struct cfg_node *root = NULL, *at;

	if (!s || cfg_read_file(file, shown, a, report, &root) < 0)
		return NULL;
	s->node = root;
	cfg_read_options(system_options, root, root, secrets, s, report);
	at = cfg_get(root, "system");
	if (!s->name.n)
		return NULL;
	if (!is_name(s->name))
		cfg_problem(report, at, BR_E_CFG_NAME, "found", s->name.p, NULL);
	else if (strlen(name) != s->name.n + 5 || strncmp(name, s->name.p, s->name.n) != 0)
		cfg_problem(report, at, BR_E_CFG_FILE_NAME, "found", s->name.p, "file", name, NULL);
	if (!br_str_eq(s->role, BR_STR("portal")) && !br_str_eq(s->role, BR_STR("department")))
		cfg_problem(report, cfg_get(root, "role"), BR_E_CFG_TYPE, "key", "role", "expected", "portal or department", "found", s->role.p, NULL);
	return s;
}

int cfg_site_read(const char *folder, struct br_arena *a, struct cfg_report *report, struct cfg_site **out)
{
	struct cfg_site *site = br_arena_new(a, struct cfg_site);
	const char *env = getenv("CASEBRIDGE_SECRETS");
	const char *secrets = env ? env : br_arena_printf(a, "%s/secrets", folder).p;
	struct cfg_system **end;
	const char *names[256];
	size_t n;

	if (!site || !secrets)
		return -BR_E_NOMEM;
	site->folder = folder;
	site->secrets_folder = secrets;
	end = &site->systems;
	read_site_file(folder, secrets, a, report, site);
	n = list_systems(folder, a, names, BR_LEN(names));
	for (size_t i = 0; i < n; i++) {
		*end = read_system(folder, names[i], secrets, a, report);
		if (*end) {
			end = &(*end)->next;
			site->nsystems++;
		}
	}
	if (n == 0)
		cfg_problem(report, &(struct cfg_node){.file = "systems/", .line = 1, .column = 1}, BR_E_CFG_NO_SYSTEMS, NULL);
	*out = site;
	return report->n ? -(int)br_err_code(&report->first->err) : 0;
}

struct cfg_system *cfg_site_system(const struct cfg_site *site, struct br_str name)
{
	for (struct cfg_system *s = site->systems; s; s = s->next)
		if (br_str_eq(s->name, name))
			return s;
	return NULL;
}
