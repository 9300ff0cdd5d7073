/* Out of memory wherever configuration is read: it fails, the report says why if it can still say
 * anything, and nothing leaks. What libyaml allocates itself does not fail here. (Built for the
 * sanitizers each piece of an arena is an allocation of its own.) */
#include "cfg_fixture.h"
#include "cfg_site.h"
#include "torture.h"

static const char text[] = "a: 1\n"
			   "b: [x, 'y', { c: ~, d: \"q\\n\" }]\n"
			   "e: |\n  block\n  text\n"
			   "f: { g: h, i: [ ] }\n";
static const char faulty[] = "a: 1\nb: &x 2\na: 3\nc: !t 4\nd: [1\n";

/* One round: 0 or the code. */
typedef int work_fn(struct br_arena *a, struct cfg_report *r);

static int read_text(struct br_arena *a, struct cfg_report *r)
{
	struct cfg_node *node;

	return cfg_read_text(BR_STR(text), "t.yaml", a, r, &node);
}

static int read_faulty(struct br_arena *a, struct cfg_report *r)
{
	struct cfg_node *node;

	return cfg_read_text(BR_STR(faulty), "t.yaml", a, r, &node);
}

static int read_site(struct br_arena *a, struct cfg_report *r)
{
	struct cfg_site *site;

	return cfg_site_read(folder, a, r, &site);
}

static const struct work_case {
	const char *name;
	work_fn *work;
	bool fails; /* always */
} cases[] = {{"a file", read_text, false}, {"a file with faults", read_faulty, true},
	{"a site", read_site, false}};

static void test_work(void **state)
{
	const struct work_case *c = *state;
	struct torture torture = {0};

	put("site.yaml", "name: t\ntitle: 测试\ntimezone: Asia/Shanghai\nschemas: " SOURCE_DIR
			 "/schemas\nledger: { dsn: \"dbname=none\" }\n"
			 "kafka: { bootstrap.servers: \"127.0.0.1:1\", linger.ms: 3 }\n");
	put("systems/a.yaml",
		"system: a\ntitle: 甲\nrole: department\nconnector: postgres\nconnection: { dsn: "
		"\"dbname=x password=${env:CFG_TEST_SET}\" }\nrecords:\n  r: { root: { table: t, "
		"key: k }, case: { summary: s } }\n");
	while (torture_next(&torture)) {
		struct br_arena a;
		struct cfg_report r = {.arena = &a};
		int rc;

		br_arena_init(&a, (size_t)16 << 20);
		rc = c->work(&a, &r);
		assert_int_equal(rc != 0, c->fails || torture_hit(&torture));
		/* with problems there is a report, and with a report there are problems */
		assert_int_equal(rc != 0, r.n != 0);
		br_arena_release(&a);
	}
	assert_true(torture.round > 1);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases)];

	for (size_t i = 0; i < BR_LEN(cases); i++)
		tests[i] = (struct CMUnitTest){
			cases[i].name, test_work, set_up, tear_down, (void *)(uintptr_t)&cases[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
