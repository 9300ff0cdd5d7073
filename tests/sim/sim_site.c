/*
 * sim_site.c - one site for all runs: every system compiled once for SQL and for each class of HTTP
 * system; a run's plan picks.
 */
#include "sim_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum variant { VARIANT_SQL, VARIANT_H1, VARIANT_H2, VARIANT_H3, VARIANTS };

static const char *const roles[SIM_SYSTEMS] = {"department", "portal", "department"};
static const char *const numbers[SIM_SYSTEMS] = {"      dept_case_no: id\n",
	"      portal_case_no: id\n      dept_case_no: bn\n",
	"      accept_doc_no: id\n      dept_case_no: bn\n"};

#define FIELDS                                                                                     \
	"      applicant.tel: nk\n"                                                                \
	"      applicant.address: ad\n"                                                            \
	"      summary: su\n"                                                                      \
	"      outcome_reason: re\n"                                                               \
	"      item.name: it\n"                                                                    \
	"      status: { column: zt, codes: { \"0\": RECEIVED, \"1\": ACCEPTED, \"2\": FINISHED "  \
	"} }\n"                                                                                    \
	"    match: [applicant.tel]\n"                                                             \
	"    natural_key: [nk]\n"
#define SQL_HEAD                                                                                   \
	"connector: postgres\n"                                                                    \
	"connection: { dsn: \"dbname=x\" }\n"                                                      \
	"records:\n  r:\n"                                                                         \
	"    root: { table: t, key: id }\n"                                                        \
	"    read: { every: 1s }\n"                                                                \
	"    write: { create: true }\n"                                                            \
	"    on_create: { id: { generate: \"nextval('s')\", returning: true } }\n"                 \
	"    parts: { steps: { table: l, parent: id, key: xh, case: { opinion: op } } }\n"
#define HTTP_HEAD(bn)                                                                              \
	"connector: http\n"                                                                        \
	"connection: { base_url: \"http://sim\" }\n"                                               \
	"records:\n  r:\n"                                                                         \
	"    root: { key: id }\n"                                                                  \
	"    read:\n"                                                                              \
	"      every: 500ms\n"                                                                     \
	"      sweep_every: 20s\n"                                                                 \
	"      list: { path: \"/list?cursor={cursor}&limit={limit}\", items: items, next: "        \
	"cursor, more: more, limit: 20 }\n"                                                        \
	"      get: { path: \"/r/{lid}\", object: record }\n"                                      \
	"    parts: { steps: { path: steps, key: xh, case: { opinion: op } } }\n"                  \
	"    write:\n"                                                                             \
	"      visibility: 3s\n"                                                                   \
	"      lookup: { path: \"/find?nk={nk}\", items: items }\n"                                \
	"      create:\n"                                                                          \
	"        - { name: new, path: /new, columns: [nk, ad, su, re, it, zt" bn "], lid: id, "    \
	"object: record }\n"                                                                       \
	"        - { name: step, path: /step, part: steps, body: { id: \"{lid}\", xh: \"{key}\" "  \
	"}, columns: [op], object: record }\n"                                                     \
	"      update:\n"                                                                          \
	"        - { name: step, path: /step, part: steps, body: { id: \"{lid}\", xh: \"{key}\" "  \
	"}, columns: [op], object: record }\n"                                                     \
	"        - { name: put, path: /put, body: { id: \"{lid}\" }, columns: [nk, ad, su, re, "   \
	"it, zt" bn "], object: record }\n"
static const char *const promises[VARIANTS] = {
	"", "      idempotency: Idempotency-Key\n      etag: true\n", "      etag: true\n", ""};

static struct {
	struct br_arena arena;
	struct cfg_site *site;
	struct case_schema *schema;
	struct cfg_system *systems[SIM_SYSTEMS][VARIANTS];
	struct map_set *maps[SIM_SYSTEMS][VARIANTS];
} all;

static int put(const char *folder, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	if (!f)
		return -1;
	fputs(text, f);
	return fclose(f);
}

static int put_system(const char *folder, int s, enum variant v)
{
	char name[40], text[4096];

	snprintf(name, sizeof(name), "systems/%c%d.yaml", 'a' + s, (int)v);
	snprintf(text, sizeof(text),
		"system: %c%d\ntitle: 系统\nrole: %s\nstart_live: true\n%s%s    case:\n%s%s",
		'a' + s, (int)v, roles[s],
		v == VARIANT_SQL ? SQL_HEAD
		: s == 0	 ? HTTP_HEAD("")
				 : HTTP_HEAD(", bn"),
		promises[v], numbers[s], FIELDS);
	return put(folder, name, text);
}

static int put_all(const char *folder)
{
	char path[300];
	int rc;

	snprintf(path, sizeof(path), "%s/systems", folder);
	rc = mkdir(path, 0755);
	rc |= put(folder, "site.yaml",
		"name: sim\ntitle: 模拟\ntimezone: Asia/Shanghai\nschemas: " SOURCE_DIR
		"/schemas\nledger: { dsn: \"dbname=none\" }\n"
		"kafka: { bootstrap.servers: \"127.0.0.1:1\" }\n");
	for (int s = 0; s < SIM_SYSTEMS; s++)
		for (int v = 0; v < VARIANTS; v++)
			rc |= put_system(folder, s, (enum variant)v);
	return rc;
}

static int compile(const char *folder)
{
	struct cfg_report report = {.arena = &all.arena};
	int s = 0;

	cfg_site_read(folder, &all.arena, &report, &all.site);
	if (report.n == 0)
		case_schema_load(all.site->schemas_folder, &all.arena, &report, &all.schema);
	for (struct cfg_system *c = report.n ? NULL : all.site->systems; c; c = c->next, s++) {
		struct map_set **to = &all.maps[s / VARIANTS][s % VARIANTS];

		all.systems[s / VARIANTS][s % VARIANTS] = c;
		map_compile(all.site, c, all.schema, &all.arena, &report, to);
	}
	for (const struct cfg_problem *p = report.first; p; p = p->next) {
		char text[1024];

		fprintf(stderr, "%s\n", br_err_text(&p->err, BR_LANG_EN, text, sizeof(text)));
	}
	return report.n ? -1 : 0;
}

int sim_site_load(void)
{
	char folder[] = "/tmp/casebridge-sim-XXXXXX", command[300];
	int rc;

	br_arena_init(&all.arena, 256u << 20);
	if (!mkdtemp(folder))
		return -1;
	rc = put_all(folder) || compile(folder);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) || rc ? -1 : 0;
}

void sim_site_unload(void)
{
	br_arena_release(&all.arena);
}

static enum variant variant_of(enum sim_class c)
{
	return c == CLASS_H1   ? VARIANT_H1
	       : c == CLASS_H2 ? VARIANT_H2
	       : c == CLASS_H3 ? VARIANT_H3
			       : VARIANT_SQL;
}

void sim_site_grow(int systems)
{
	sim.site.nsystems = (size_t)systems;
	for (int s = 0; s < systems; s++)
		sim.systems[s].next = s + 1 < systems ? &sim.systems[s + 1] : NULL;
}

void sim_site_make(void)
{
	static const char *const names[SIM_SYSTEMS] = {"a", "b", "c"};

	sim.site = *all.site;
	sim.site.systems = sim.systems;
	sim.site.topic_prefix = BR_STR("sim");
	sim.schema = all.schema;
	for (int s = 0; s < sim.plan.nsystems; s++) {
		enum variant v = variant_of(sim.plan.class[s]);

		sim.systems[s] = *all.systems[s][v];
		sim.systems[s].name = br_str_z(s < SIM_SYSTEMS ? names[s] : "");
		sim.systems[s].credit = sim.plan.credit[s];
		sim.systems[s].lease_ms = 6000;
		sim.maps[s] = all.maps[s][v];
	}
	sim_site_grow(sim.plan.nsystems);
}
