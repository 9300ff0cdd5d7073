/* A system made of YAML text, compiled against the real case and the tables of the example site. */
#ifndef MAP_FIXTURE_H
#define MAP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>

#include "br_text.h"
#include "map_check.h"
#include "mapping.h"

struct fixture {
	struct br_arena arena;
	struct cfg_report report;
	struct cfg_site site;
	struct cfg_system system;
	struct case_schema *schema;
	struct map_set *set;
};

static const char *fixture_site = SOURCE_DIR "/config/yuan";
static struct br_arena fixture_schema_arena;
static struct case_schema *fixture_schema;

static inline void fixture_load_schema(void)
{
	struct cfg_report report = {0};

	br_arena_init(&fixture_schema_arena, 64 << 20);
	report.arena = &fixture_schema_arena;
	if (case_schema_load(
		    SOURCE_DIR "/schemas", &fixture_schema_arena, &report, &fixture_schema)) {
		fprintf(stderr, "schemas/ cannot be loaded\n");
		exit(1);
	}
}

/* 0 or the code of the first problem, as map_compile gives it. */
static inline int fixture_compile(struct fixture *f, const char *yaml)
{
	struct cfg_node *node;
	int rc;

	memset(f, 0, sizeof(*f));
	br_arena_init(&f->arena, 256 << 20);
	f->report.arena = &f->arena;
	f->schema = fixture_schema;
	f->site.folder = fixture_site;
	f->site.timezone = BR_STR("Asia/Shanghai");
	rc = cfg_read_text(br_str_z(yaml), "systems/t.yaml", &f->arena, &f->report, &node);
	if (rc)
		return rc;
	f->system = (struct cfg_system){.name = BR_STR("t"),
		.connector = BR_STR("postgres"),
		.connection = cfg_get(node, "connection"),
		.records = cfg_get(node, "records"),
		.tests = cfg_get(node, "tests"),
		.node = node};
	return map_compile(&f->site, &f->system, f->schema, &f->arena, &f->report, &f->set);
}

static inline void fixture_release(struct fixture *f)
{
	br_arena_release(&f->arena);
}

/* All problems as text, for a failing test. */
static inline void fixture_print(const struct fixture *f)
{
	char text[2048];

	for (const struct cfg_problem *p = f->report.first; p; p = p->next)
		print_message("    %s\n", br_err_text(&p->err, BR_LANG_EN, text, sizeof(text)));
}

static inline struct br_str fixture_str(const char *s)
{
	return br_str_z(s);
}

/* A local image from flow YAML: {a: x, b: null} */
static inline struct image fixture_image(
	struct fixture *f, const struct shape *shape, const char *yaml)
{
	struct cfg_node *node;
	struct image img = {NULL, 0};

	assert_int_equal(cfg_read_text(br_str_z(yaml), "image", &f->arena, &f->report, &node), 0);
	assert_int_equal(map_image_of_node(shape, node, &f->arena, &f->report, &img), 0);
	return img;
}

#endif
