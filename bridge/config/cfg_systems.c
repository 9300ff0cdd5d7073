#include "cfg_systems.h"

#include "br_text.h"
#include "cfg_overlay.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct system_file {
	struct cfg_system system;
	int role;
	struct br_str extends;
};

static const char *const roles[] = {"department", "portal", NULL};

#define SYSTEM(field) offsetof(struct system_file, system.field)
const struct cfg_option cfg_system_options[] = {
	{"system", CFG_T_TEXT, SYSTEM(name), NULL, 0, 0, true, false, NULL,
		"name of the system, the same as its file's: small letters, digits and '-'",
		"系统名，与文件名相同：小写字母、数字和“-”"},
	{"title", CFG_T_TEXT, SYSTEM(title), NULL, 0, 0, false, false, NULL,
		"name of the system for people", "给人看的系统名称"},
	{"connector", CFG_T_TEXT, SYSTEM(connector), NULL, 0, 0, true, false, NULL,
		"kind of connector: postgres, http", "连接器种类：postgres、http"},
	{"role", CFG_T_ENUM, offsetof(struct system_file, role), "department", 0, 0, false, false,
		roles, "which fields of a case it decides (owner in schemas/case.yaml)",
		"决定办件的哪些字段（schemas/case.yaml 中的 owner）"},
	{"extends", CFG_T_TEXT, offsetof(struct system_file, extends), NULL, 0, 0, false, false,
		NULL,
		"packs/NAME: the description of a vendor's product, over which this file is laid",
		"packs/名称：厂商产品的通用描述，本文件在其上覆盖"},
	{"connection", CFG_T_MAP, SYSTEM(connection), NULL, 0, 0, true, false, NULL,
		"how the connector reaches the system; see the kind of connector",
		"连接器如何访问该系统，见各连接器说明"},
	{"records", CFG_T_MAP, SYSTEM(records), NULL, 0, 0, true, false, NULL,
		"its records and how they correspond to a case; see mappings",
		"该系统的记录及其与办件的对应关系，见映射说明"},
	{"tests", CFG_T_NODE, SYSTEM(tests), NULL, 0, 0, false, false, NULL, "tests of the mapping",
		"映射的测试"},
	{"items", CFG_T_LIST, SYSTEM(items), NULL, 0, 0, false, false, NULL,
		"codes of the items the system takes part in; none given = all",
		"该系统参与的事项编码；不填表示全部"},
	{"credit", CFG_T_INT, SYSTEM(credit), "2000", 1, 100000, false, false, NULL,
		"changes on their way to the system at one time, at most",
		"同时发往该系统的变更数上限"},
	{"lease", CFG_T_DURATION, SYSTEM(lease_ms), "20s", 1000, 600000, false, false, NULL,
		"how long a connector without word from the bridge may go on calling the system",
		"连接器收不到总线消息时仍可继续调用该系统的时长"},
	{"start_live", CFG_T_BOOL, SYSTEM(start_live), "false", 0, 0, false, false, NULL,
		"true: changes are written from the first start on, without an operator's order; "
		"for try-outs only",
		"true：首次启动即写入变更，无需人工放行；仅供试用"},
	{0},
};

bool cfg_is_name(struct br_str s)
{
	if (s.n == 0 || s.n > 32 || s.p[0] < 'a' || s.p[0] > 'z')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
			    s.p[i] == '-'))
			return false;
	return true;
}

/* ---- one file ---- */

struct job {
	const struct cfg_site *site;
	const char *file;   /* "civil-affairs.yaml" */
	struct br_str stem; /* "civil-affairs" */
	struct cfg_node *root;
	struct br_arena *a;
	struct cfg_report *report;
};

static bool is_pack(struct br_str extends)
{
	static const struct br_str folder = BR_STR("packs/");

	return extends.n > folder.n && memcmp(extends.p, folder.p, folder.n) == 0 &&
	       cfg_is_name((struct br_str){extends.p + folder.n, extends.n - folder.n});
}

static const char *find_pack(struct job *j, const char *pack)
{
	const char *path = br_arena_printf(j->a, "%s/%s.yaml", j->site->folder, pack).p;

	if (!path || access(path, F_OK) == 0)
		return path;
	return br_arena_printf(j->a, "%s/../%s.yaml", j->site->folder, pack).p;
}

/* Replaces j->root by the pack with the file laid over it. */
static int extend(struct job *j)
{
	const struct cfg_node *at = cfg_get(j->root, "extends");
	const char *path, *shown;
	struct cfg_node *pack, *merged;
	int rc;

	if (!at || at->kind != CFG_SCALAR)
		return 0;
	path = is_pack(at->text) ? find_pack(j, at->text.p) : "packs/NAME.yaml";
	if (!is_pack(at->text) || !path || access(path, F_OK) != 0)
		return cfg_problem(j->report, at, BR_E_CFG_NO_PACK, "found", at->text.p, "path",
			path ? path : "", NULL);
	shown = br_arena_printf(j->a, "%s.yaml", at->text.p).p;
	rc = cfg_read_file(path, shown, j->a, j->report, &pack);
	if (rc)
		return rc;
	if (pack->kind != CFG_MAP)
		return cfg_problem(j->report, pack, BR_E_CFG_NOT_A_MAP, NULL);
	if (cfg_get(pack, "extends"))
		return cfg_problem_key(
			j->report, cfg_get(pack, "extends"), BR_E_CFG_PACK_EXTENDS, NULL);
	merged = cfg_overlay(pack, j->root, j->a);
	if (!merged)
		return cfg_problem(j->report, at, BR_E_NOMEM, NULL);
	j->root = merged;
	return 0;
}

static void check_names(struct job *j, const struct system_file *f)
{
	const struct cfg_system *s = &f->system;

	if (s->name.p && !cfg_is_name(s->name))
		cfg_problem(j->report, cfg_get(j->root, "system"), BR_E_CFG_NAME, "found",
			s->name.p, "key", "system", NULL);
	else if (s->name.p && !br_str_eq(s->name, j->stem))
		cfg_problem(j->report, cfg_get(j->root, "system"), BR_E_CFG_NAME_FILE, "found",
			s->name.p, "file", j->file, NULL);
	if (s->connector.p && !cfg_is_name(s->connector))
		cfg_problem(j->report, cfg_get(j->root, "connector"), BR_E_CFG_NAME, "found",
			s->connector.p, "key", "connector", NULL);
}

/* NULL when the file is no map or has no name: nothing could be said about such a system. */
static struct cfg_system *read_system(struct job *j)
{
	const char *path = br_arena_printf(j->a, "%s/systems/%s", j->site->folder, j->file).p;
	const char *shown = br_arena_printf(j->a, "systems/%s", j->file).p;
	struct system_file *f = br_arena_new(j->a, struct system_file);

	if (!path || !shown || !f) {
		cfg_problem(j->report, NULL, BR_E_NOMEM, NULL);
		return NULL;
	}
	if (cfg_read_file(path, shown, j->a, j->report, &j->root))
		return NULL;
	if (j->root->kind == CFG_MAP)
		extend(j);
	cfg_read_options(
		cfg_system_options, j->root, j->root, j->site->secrets_folder, f, j->report);
	check_names(j, f);
	f->system.role = br_str_z(roles[f->role]);
	if (!f->system.title.n)
		f->system.title = f->system.name;
	f->system.node = j->root;
	return f->system.name.n ? &f->system : NULL;
}

/* ---- the folder ---- */

/* What editors and people leave beside the files. */
static bool is_ignored(const char *name)
{
	size_t n = strlen(name);

	return name[0] == '.' || name[0] == '#' || name[n - 1] == '~' ||
	       strcmp(name, "README.md") == 0;
}

static int skip_ignored(const struct dirent *e)
{
	return !is_ignored(e->d_name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* A file that is not read and not told about would be looked for in vain. */
static void not_read(
	const char *file, struct br_str stem, struct br_arena *a, struct cfg_report *report)
{
	struct cfg_node at = {.file = br_arena_printf(a, "systems/%s", file).p};
	const char *dot = strrchr(file, '.');

	if (dot && dot > file)
		stem = (struct br_str){file, (size_t)(dot - file)};
	stem = br_arena_copy(a, stem);
	cfg_problem(report, &at, BR_E_CFG_FILE_ENDING, "name", stem.p ? stem.p : "", NULL);
}

static void read_file(const char *name, struct cfg_site *site, struct cfg_system ***end,
	struct br_arena *a, struct cfg_report *report)
{
	static const struct br_str ending = BR_STR(".yaml");
	struct br_str stem = br_arena_copy(a, br_str_z(name));
	struct job j = {.site = site, .file = stem.p, .a = a, .report = report};

	if (!stem.p) {
		cfg_problem(report, NULL, BR_E_NOMEM, NULL);
		return;
	}
	if (stem.n <= ending.n || memcmp(stem.p + stem.n - ending.n, ending.p, ending.n) != 0) {
		not_read(stem.p, stem, a, report);
		return;
	}
	j.stem = (struct br_str){stem.p, stem.n - ending.n};
	**end = read_system(&j);
	if (!**end)
		return;
	*end = &(**end)->next;
	site->nsystems++;
}

void cfg_systems_read(struct cfg_site *site, struct br_arena *a, struct cfg_report *report)
{
	const char *folder = br_arena_printf(a, "%s/systems", site->folder).p;
	struct cfg_system **end = &site->systems;
	struct dirent **names = NULL;
	int n = folder ? scandir(folder, &names, skip_ignored, by_bytes) : -1;
	struct cfg_node at = {.file = "systems"};
	char why[128];

	if (n < 0 && errno != ENOENT)
		cfg_problem(report, &at, BR_E_CFG_FILE_READ, "path", folder, "why",
			strerror_r(errno, why, sizeof(why)), NULL);
	else if (n <= 0)
		cfg_problem(report, &at, BR_E_CFG_NO_SYSTEMS, "path", folder ? folder : "systems",
			NULL);
	for (int i = 0; i < n; i++) {
		read_file(names[i]->d_name, site, &end, a, report);
		free(names[i]);
	}
	free(names);
}
