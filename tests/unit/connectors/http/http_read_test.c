/* The feed and single reads against a scripted portal. */
#include "connectors/http/fake_http.h"

#define SPEC                                                                                       \
	"{\"record\":\"case\",\"root\":{\"key\":\"NO\"},\"read\":{\"every\":\"1s\",\"updated_"     \
	"by\":\"BY\",\"get\":{\"path\":\"/c/{lid}\",\"object\":\"data\"},"                         \
	"\"list\":{\"path\":\"/"                                                                   \
	"list?c={cursor}&n={limit}\",\"items\":\"data.items\",\"next\":\"data.cursor\",\"more\":"  \
	"\"data.more\",\"limit\":\"2\"}}}"
#define PAGE(items, cursor, more)                                                                  \
	200, NULL,                                                                                 \
		"{\"code\":\"200\",\"data\":{\"items\":[" items "],\"cursor\":\"" cursor           \
		"\",\"more\":" more "}}"
#define SAY(code) 200, NULL, "{\"code\":\"" code "\",\"msg\":\"why\"}"

static const struct test {
	const char *name;
	unsigned rounds;
	const char *refetch; /* numbers, one letter each */
	struct line script[6];
	const char *want;
} tests[] = {
	{"two pages", 2, NULL,
		{{"GET /list?c=&n=2 ", NULL, NULL,
			 PAGE("{\"NO\":1,\"NAME\":\"a\",\"BY\":\"web\"},{\"NO\":\"2\"}", "x y",
				 "true")},
			{"GET /list?c=x%20y&n=2 ", NULL, NULL,
				PAGE("{\"NO\":\"3\",\"NAME\":null}", "z", "false")}},
		"seen 1 by 'web' {\"NO\":\"1\",\"NAME\":\"a\"};seen 2 by '' {\"NO\":\"2\"};polled "
		"{\"case\":\"x y\"} more;seen 3 by '' {\"NO\":\"3\",\"NAME\":null};polled "
		"{\"case\":\"z\"};"},
	{"nothing new", 1, NULL, {{"GET /list", NULL, NULL, PAGE("", "", "false")}}, "polled ;"},
	{"an object without a number is kept", 1, NULL,
		{{"GET /list", NULL, NULL,
			PAGE("{\"NAME\":\"a\",\"N\":[1.50,true,null,{}]},{\"NO\":\"2\"}", "c",
				"false")}},
		"bad '' HTTP-004 {\"NAME\":\"a\",\"N\":[1.50,true,null,{}]};seen 2 by '' "
		"{\"NO\":\"2\"};polled {\"case\":\"c\"};"},
	{"busy: the next round takes it up", 2, NULL,
		{{"GET /list", NULL, NULL, SAY("busy")},
			{"GET /list", NULL, NULL, PAGE("{\"NO\":\"1\"}", "c", "false")}},
		"polled ;seen 1 by '' {\"NO\":\"1\"};polled {\"case\":\"c\"};"},
	{"a web page", 1, NULL, {{"GET /list", NULL, NULL, 200, NULL, "<html>"}}, "polled ;"},
	{"another portal's cursor", 2, NULL,
		{{"GET /list?c=&", NULL, NULL, PAGE("", "old", "false")},
			{"GET /list?c=old&", NULL, NULL, SAY("bad")},
			{"GET /list?c=&", NULL, NULL, PAGE("{\"NO\":\"1\"}", "new", "false")}},
		"polled {\"case\":\"old\"};seen 1 by '' {\"NO\":\"1\"};polled {\"case\":\"new\"};"},
	{"refused for good", 1, NULL, {{"GET /list", NULL, NULL, SAY("bad")}}, "failed HTTP-002;"},
	{"no list in it", 1, NULL,
		{{"GET /list", NULL, NULL, 200, NULL, "{\"code\":\"200\",\"data\":{}}"}},
		"failed HTTP-004;"},
	{"one record", 0, "1",
		{{"GET /c/1 ", NULL, NULL, 200, NULL,
			"{\"code\":\"200\",\"data\":{\"NO\":\"1\"}}"}},
		"seen 1 by '' {\"NO\":\"1\"};refetched;"},
	{"not there", 0, "1", {{"GET /c/1 ", NULL, NULL, SAY("gone")}}, "seen 1 by '';refetched;"},
	{"at the second try", 0, "1",
		{{"GET /c/1 ", NULL, NULL, 0, NULL, NULL}, {"GET /c/1 ", NULL, NULL, SAY("gone")}},
		"seen 1 by '';refetched;"},
};

static void run_one(const struct test *t)
{
	struct br_str lid = br_str_z(t->refetch ? t->refetch : "");
	size_t lines = 0;
	struct portal p;
	struct conn c;

	while (lines < BR_LEN(t->script) && t->script[lines].request)
		lines++;
	p = portal_start(t->script, lines);
	fake_open(&c, p.port, SPEC);
	for (unsigned i = 0; i < t->rounds && !c.failed; i++) {
		http_kind.poll(&c.state);
		br_loop_run(c.loop);
	}
	if (t->refetch) {
		http_kind.refetch(&c.state, &c.record, &lid, 1);
		br_loop_run(c.loop);
	}
	portal_end(&p, t->name);
	if (strcmp(c.said, t->want))
		fail_msg("%s:\n%s\nwanted\n%s", t->name, c.said, t->want);
	fake_close(&c);
}

static void reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < BR_LEN(tests); i++)
		run_one(&tests[i]);
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(reads)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
