/*
 * hub_fixture.h - a site in a temporary folder, compiled, for the tests of the hub: the case schema
 * and one map_set per system, in the order of the files' names.
 */
#ifndef HUB_FIXTURE_H
#define HUB_FIXTURE_H

#include "cfg_site.h"
#include "mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture_file {
	const char *name; /* under systems/ */
	const char *text;
};

static char fixture_folder[] = "/tmp/casebridge-hub-XXXXXX";
static struct br_arena fixture_arena;
static struct cfg_site *site;
static struct case_schema *schema;
static struct map_set *maps[8];

static void fixture_put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", fixture_folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int fixture_load(const struct fixture_file *files, size_t n)
{
	struct cfg_report report = {.arena = &fixture_arena};
	char path[256];
	size_t i = 0;

	assert_non_null(mkdtemp(fixture_folder));
	snprintf(path, sizeof(path), "%s/systems", fixture_folder);
	assert_int_equal(mkdir(path, 0755), 0);
	fixture_put("site.yaml",
		"name: hub\ntitle: 测试\ntimezone: Asia/Shanghai\nschemas: " SOURCE_DIR "/schemas\n"
		"ledger: { dsn: \"dbname=none\" }\nkafka: { bootstrap.servers: \"127.0.0.1:1\" "
		"}\n");
	for (i = 0; i < n; i++)
		fixture_put(files[i].name, files[i].text);
	br_arena_init(&fixture_arena, 256u << 20);
	cfg_site_read(fixture_folder, &fixture_arena, &report, &site);
	if (report.n == 0)
		case_schema_load(site->schemas_folder, &fixture_arena, &report, &schema);
	i = 0;
	for (struct cfg_system *s = report.n ? NULL : site->systems; s; s = s->next, i++)
		map_compile(site, s, schema, &fixture_arena, &report, &maps[i]);
	for (struct cfg_problem *p = report.first; p; p = p->next) {
		char text[1024];

		print_error("%s\n", br_err_text(&p->err, BR_LANG_EN, text, sizeof(text)));
	}
	return report.n ? -1 : 0;
}

static int fixture_unload(void)
{
	char command[300];

	br_arena_release(&fixture_arena);
	snprintf(command, sizeof(command), "rm -rf '%s'", fixture_folder);
	return system(command) == 0 ? 0 : -1;
}

#endif
