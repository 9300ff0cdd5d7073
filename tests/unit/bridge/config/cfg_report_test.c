/* A report for people and for programs: sorted, each problem once, counted. */
#include "cfg_fixture.h"

#include "cfg_report.h"

#include <jansson.h>

static char *printed(enum br_lang lang)
{
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	cfg_report_print(&report, to, lang);
	fclose(to);
	return text;
}

static void add(const char *file, unsigned line, unsigned column, const char *key)
{
	struct cfg_node at = {.file = file, .line = line, .column = column};

	assert_int_equal(
		cfg_problem(&report, &at, BR_E_CFG_MISSING, "key", key, NULL), -BR_E_CFG_MISSING);
}

static void add_mixed(void)
{
	struct cfg_node at = {.file = "systems/b.yaml", .line = 4, .column = 1};

	add("systems/b.yaml", 12, 3, "p");
	add("systems/b.yaml", 9, 30, "q");
	add("systems/b.yaml", 9, 4, "r");
	add("site.yaml", 0, 0, "s");
	add("systems/b.yaml", 9, 4, "r");
	assert_int_equal(cfg_warning(&report, &at, BR_E_CFG_SECRET_CLEAR, "key", "password", "env",
				 "${env:NAME}", "file", "${file:NAME}", NULL),
		0);
	cfg_problem(&report, NULL, BR_E_CFG_NO_SITE, "path", "config/none", NULL);
}

static void test_english(void **state)
{
	char *text;

	(void)state;
	add_mixed();
	text = printed(BR_LANG_EN);
	assert_string_equal(text, "CFG-060 config/none is no site: it has no site.yaml → give the "
				  "folder of a site, such as config/yuan\n"
				  "site.yaml: CFG-007 required key 's' is missing → add the line; "
				  "the reference of options says what it is for\n"
				  "systems/b.yaml:4:1: warning: CFG-026 'password' holds a secret "
				  "in clear → put the secret into a file and write ${file:NAME}, "
				  "or take it from the environment with ${env:NAME}\n"
				  "systems/b.yaml:9:4: CFG-007 required key 'r' is missing → add "
				  "the line; the reference of options says what it is for\n"
				  "systems/b.yaml:9:30: CFG-007 required key 'q' is missing → add "
				  "the line; the reference of options says what it is for\n"
				  "systems/b.yaml:12:3: CFG-007 required key 'p' is missing → add "
				  "the line; the reference of options says what it is for\n"
				  "5 problems, 1 warning\n");
	free(text);
}

static void test_chinese(void **state)
{
	char *text;

	(void)state;
	add("systems/b.yaml", 9, 4, "r");
	text = printed(BR_LANG_ZH);
	assert_string_equal(text, "systems/b.yaml:9:4: CFG-007 缺少必填项“r” → "
				  "请补充该行；含义见配置项参考\n共 1 个问题\n");
	free(text);
}

static void test_empty(void **state)
{
	char *text;

	(void)state;
	text = printed(BR_LANG_EN);
	assert_string_equal(text, "");
	free(text);
}

static void test_one_warning(void **state)
{
	struct cfg_node at = {.file = "a", .line = 1, .column = 1};
	char *text;

	(void)state;
	cfg_warning(&report, &at, BR_E_CFG_SECRET_MODE, "path", "/x", "mode", "0644", NULL);
	assert_int_equal(report.n, 0);
	assert_int_equal(report.warnings, 1);
	text = printed(BR_LANG_ZH);
	assert_non_null(strstr(text, "a:1:1: 警告：CFG-027"));
	assert_non_null(strstr(text, "\n共 0 个问题，1 个警告\n"));
	free(text);
}

/* Problems found when there was no memory to keep them still count. */
static void test_no_memory(void **state)
{
	struct br_arena small;
	char *text;

	(void)state;
	br_arena_init(&small, 3000);
	report.arena = &small;
	for (unsigned i = 1; i <= 10; i++)
		add("a", i, 1, "k");
	assert_int_equal(report.n, 10);
	text = printed(BR_LANG_EN);
	assert_non_null(strstr(text, "a:1:1: CFG-007"));
	assert_null(strstr(text, "a:10:1: CFG-007"));
	assert_non_null(strstr(text, "; no memory to list "));
	free(text);
	br_arena_release(&small);
}

static const char *string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void test_json(void **state)
{
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);
	json_error_t bad;
	json_t *root, *p;

	(void)state;
	add_mixed();
	add("systems/\xff.yaml", 1, 1, "a \"quote\"\n");
	assert_int_equal(cfg_report_json(&report, to, NULL), 0);
	fclose(to);
	root = json_loads(text, JSON_REJECT_DUPLICATES, &bad);
	if (!root)
		fail_msg("%s: %s", bad.text, text);
	assert_int_equal(text[n - 1], '\n');
	assert_int_equal(json_integer_value(json_object_get(root, "errors")), 6);
	assert_int_equal(json_integer_value(json_object_get(root, "warnings")), 1);
	assert_int_equal(json_array_size(json_object_get(root, "problems")), 7);
	p = json_array_get(json_object_get(root, "problems"), 0);
	assert_true(json_is_null(json_object_get(p, "file")));
	p = json_array_get(json_object_get(root, "problems"), 2);
	assert_string_equal(string(p, "file"), "systems/b.yaml");
	assert_string_equal(string(p, "severity"), "warning");
	p = json_array_get(json_object_get(root, "problems"), 3);
	assert_int_equal(json_integer_value(json_object_get(p, "line")), 9);
	assert_int_equal(json_integer_value(json_object_get(p, "column")), 4);
	assert_string_equal(string(p, "code"), "CFG-007");
	assert_string_equal(string(p, "severity"), "error");
	assert_string_equal(
		string(json_object_get(p, "text"), "en"), "required key 'r' is missing");
	assert_string_equal(string(json_object_get(p, "text"), "zh"), "缺少必填项“r”");
	assert_string_equal(
		string(json_object_get(p, "next"), "zh"), "请补充该行；含义见配置项参考");
	json_decref(root);
	free(text);
}

int main(void)
{
	static struct CMUnitTest tests[8];
	size_t n = 0;

	ONE_TEST(test_english, tests, n);
	ONE_TEST(test_chinese, tests, n);
	ONE_TEST(test_empty, tests, n);
	ONE_TEST(test_one_warning, tests, n);
	ONE_TEST(test_no_memory, tests, n);
	ONE_TEST(test_json, tests, n);
	return _cmocka_run_group_tests("cfg_report", tests, n, NULL, NULL);
}
