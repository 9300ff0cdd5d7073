/*
 * Every mapping in the tree: it compiles, its own tests pass, the laws hold on generated rows, and
 * each row of its status tables has a test of its own.
 */
#include "map_fixture.h"
#include "map_program.h"
#include <glob.h>

#define GENERATED 400

static void load(struct fixture *f, const char *path)
{
	struct br_str text;
	char *z;

	br_arena_init(&f->arena, 16 << 20);
	assert_int_equal(br_read_file(path, 1 << 20, &f->arena, &text, NULL), 0);
	z = strndup(text.p, text.n);
	br_arena_release(&f->arena);
	if (fixture_compile(f, z))
		fixture_print(f);
	free(z);
	assert_int_equal(f->report.n, 0);
}

static bool same_scalar(const struct cfg_node *n, struct br_str want)
{
	if (!want.p)
		return n && n->kind == CFG_NULL;
	return n && n->kind == CFG_SCALAR && br_str_eq(n->text, want);
}

/* A test that gives this code, or must write it, and expects what the row says. */
static bool row_tested(const struct fixture *f, struct br_str column, struct br_str field,
	const struct map_code_row *row, unsigned pick)
{
	char c[128], n[128];

	snprintf(c, sizeof(c), "%.*s", BR_STR_ARG(column));
	snprintf(n, sizeof(n), "%.*s", BR_STR_ARG(field));
	for (const struct cfg_node *t = cfg_first(f->system.tests); t; t = t->next) {
		if (row->in && same_scalar(cfg_get(cfg_get(t, "given"), c), row->foreign) &&
			same_scalar(cfg_get(cfg_get(t, "expect"), n), row->canonical[pick]))
			return true;
		if (!row->in && same_scalar(cfg_get(cfg_get(t, "expect_local"), c), row->foreign) &&
			same_scalar(cfg_get(cfg_get(t, "case"), n), row->canonical[pick]))
			return true;
	}
	return false;
}

static void test_status_rows(const struct fixture *f, const struct mapping *m)
{
	for (uint16_t i = 0; i < m->nlines; i++) {
		const struct map_line *line = &m->lines[i];

		if (line->field != m->schema->f_status || !line->conv.codes)
			continue;
		for (size_t r = 0; r < line->conv.codes->n; r++) {
			const struct map_code_row *row = &line->conv.codes->rows[r];

			if (row_tested(f, m->columns[line->columns[0]].name, line->about->name, row,
				    (unsigned)line->conv.pick))
				continue;
			print_message("%.*s line %u: no test\n", BR_STR_ARG(line->conv.codes->name),
				row->line);
			fail();
		}
	}
}

static void test_file(void **state)
{
	struct map_check_options o = {7, GENERATED};
	struct map_check_result result;
	struct fixture f;
	int rc;

	load(&f, *state);
	assert_non_null(f.set);
	rc = map_check(f.set, &o, &f.arena, &f.report, &result);
	if (rc)
		fixture_print(&f);
	assert_int_equal(rc, 0);
	assert_int_equal(result.failed + result.law_failures, 0);
	assert_true(result.samples >= result.tests / 2 + GENERATED / 2 * map_count(f.set));
	for (size_t i = 0; i < map_count(f.set); i++)
		test_status_rows(&f, map_at(f.set, i));
	print_message("    %zu tests, %zu samples\n", result.tests, result.samples);
	fixture_release(&f);
}

int main(void)
{
	struct CMUnitTest *tests;
	glob_t files;
	int rc;

	fixture_load_schema();
	if (glob(SOURCE_DIR "/config/*/systems/*.yaml", 0, NULL, &files) || files.gl_pathc == 0) {
		fprintf(stderr, "no systems under config/\n");
		return 1;
	}
	tests = calloc(files.gl_pathc, sizeof(*tests));
	for (size_t i = 0; tests && i < files.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){strrchr(files.gl_pathv[i], '/') + 1, test_file, NULL,
			NULL, files.gl_pathv[i]};
	rc = tests ? _cmocka_run_group_tests("map_site", tests, files.gl_pathc, NULL, NULL) : 1;
	free(tests);
	globfree(&files);
	br_arena_release(&fixture_schema_arena);
	return rc;
}
