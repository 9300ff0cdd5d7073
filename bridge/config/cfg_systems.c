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
		"packs/NAME: the description of a vendor's product, over which this file is laid: "
		"maps "
		"are merged, everything else is replaced, null takes away",
		"packs/"
		"名称：厂商产品的通用描述，本文件在其上覆盖：映射表逐键合并，其余整体替换，null "
		"表示去掉"},
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
	{"gone_after", CFG_T_DURATION, SYSTEM(gone_after_ms), "10s", 0, 86400000, false, false,
		NULL,
		"a record that was not found is looked for once more after this time, before it "
		"counts as vanished",
		"查不到的记录在该时间之后复查一次，仍查不到才算消失"},
	{"gone_guard", CFG_T_INT, SYSTEM(gone_guard), "20", 0, 1000000, false, false, NULL,
		"when more records than this vanish within an hour, writing to the system stops "
		"and one item asks for a decision; 0: any number",
		"一小时内消失的记录超过此数时停止向该系统写入，并只生成一条待处理事项；0 表示不限"},
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

/* A word of the roles behind "role:". */
static bool read_role(struct br_str word, struct cfg_system *s)
{
	for (size_t i = 0; roles[i]; i++)
		if (br_str_eq(word, br_str_z(roles[i]))) {
			s->role = br_str_z(roles[i]);
			return true;
		}
	return false;
}

/*
 * Who decides what must be known of a system whose file cannot be used, too: its cases go on
 * without it. Where the tree does not tell, a line of the text may.
 */
static void find_role(struct job *j, struct cfg_system *s, bool extended)
{
	const struct cfg_node *at = cfg_get(j->root, "role");

	s->role_known = at ? at->kind == CFG_SCALAR && read_role(at->text, s) : extended;
}

static void find_role_in_text(struct job *j, struct cfg_system *s)
{
	const char *path = br_arena_printf(j->a, "%s/%s", j->site->folder, s->file).p, *p;
	struct br_str text, word;

	if (!path || br_read_file(path, CFG_FILE_MAX, j->a, &text, NULL) < 0)
		return;
	s->role_known = true;
	for (p = text.p; p && *p; p = strchr(p, '\n'), p += p != NULL) {
		if (strncmp(p, "extends:", 8) == 0)
			s->role_known = false;
		if (strncmp(p, "role:", 5) != 0)
			continue;
		p += 5 + strspn(p + 5, " \"'");
		word = (struct br_str){p, strspn(p, "abcdefghijklmnopqrstuvwxyz")};
		s->role_known = read_role(word, s);
		return;
	}
}

static void name_by_file(const struct job *j, struct cfg_system *s)
{
	s->named = cfg_is_name(j->stem);
	s->name = s->named ? j->stem : br_str_z(s->file);
}

static bool read_system(struct job *j, struct system_file *f)
{
	const char *path = br_arena_printf(j->a, "%s/%s", j->site->folder, f->system.file).p;
	bool extended = true;

	if (!path)
		return cfg_problem(j->report, NULL, BR_E_NOMEM, NULL) == 0;
	if (cfg_read_file(path, f->system.file, j->a, j->report, &j->root)) {
		find_role_in_text(j, &f->system);
		return false;
	}
	if (j->root->kind == CFG_MAP)
		extended = extend(j) == 0;
	cfg_read_options(
		cfg_system_options, j->root, j->root, j->site->secrets_folder, f, j->report);
	check_names(j, f);
	f->system.role = br_str_z(roles[f->role]);
	find_role(j, &f->system, extended);
	if (!f->system.title.n)
		f->system.title = f->system.name;
	f->system.named = cfg_is_name(f->system.name);
	f->system.node = j->root;
	return f->system.name.n > 0;
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

static bool ends_in_yaml(struct br_str name)
{
	static const struct br_str ending = BR_STR(".yaml");

	return name.n > ending.n && memcmp(name.p + name.n - ending.n, ending.p, ending.n) == 0;
}

/* "portal" of "portal.yaml", and of "portal.yml", which is not read but told about. */
static struct br_str stem_of(struct br_str name, struct br_arena *a)
{
	const char *dot = strrchr(name.p, '.');

	return dot && dot > name.p
		       ? br_arena_copy(a, (struct br_str){name.p, (size_t)(dot - name.p)})
		       : name;
}

static void read_file(
	const char *name, struct cfg_site *site, struct br_arena *a, struct cfg_report *report)
{
	struct br_str file = br_arena_copy(a, br_str_z(name));
	struct job j = {.site = site, .file = file.p, .a = a, .report = report};
	struct system_file *f = br_arena_new(a, struct system_file);
	const struct cfg_problem *before = report->last;
	struct cfg_system **end = &site->systems;
	struct cfg_node at = {0};

	if (f)
		at.file = f->system.file = br_arena_printf(a, "systems/%s", name).p;
	j.stem = file.p ? stem_of(file, a) : file;
	if (!at.file || !j.stem.p) {
		site->broken = true;
		cfg_problem(report, NULL, BR_E_NOMEM, NULL);
		return;
	}
	f->system.role = br_str_z(roles[0]);
	if (ends_in_yaml(file) && read_system(&j, f)) {
		f->system.problem = cfg_first_problem(report, before);
		while (*end)
			end = &(*end)->next;
		*end = &f->system;
		site->nsystems++;
		return;
	}
	if (!ends_in_yaml(file)) {
		find_role_in_text(&j, &f->system);
		cfg_problem(report, &at, BR_E_CFG_FILE_ENDING, "name", j.stem.p, NULL);
	}
	name_by_file(&j, &f->system);
	cfg_site_leave_out(site, &f->system, cfg_first_problem(report, before));
}

void cfg_systems_read(struct cfg_site *site, struct br_arena *a, struct cfg_report *report)
{
	const char *folder = br_arena_printf(a, "%s/systems", site->folder).p;
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
	site->broken = site->broken || n <= 0;
	for (int i = 0; i < n; i++) {
		read_file(names[i]->d_name, site, a, report);
		free(names[i]);
	}
	free(names);
}
