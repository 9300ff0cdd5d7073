/* The feed and single reads against a scripted portal. */
#include "connectors/http/fake_http.h"

#define SPEC                                                                                       \
	"{\"record\":\"case\",\"root\":{\"key\":\"NO\"},\"read\":{\"every\":\"9ms\",\"updated_"    \
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
	{"one that may not be read", 0, "1", {{"GET /c/1 ", NULL, NULL, SAY("bad")}},
		"bad '1' HTTP-002 ;refetched;"},
	{"one without a record in the answer", 0, "1", {{"GET /c/1 ", NULL, NULL, SAY("200")}},
		"bad '1' HTTP-004 ;refetched;"},
};

static void stop(void *loop)
{
	br_loop_stop(loop, 0);
}

/* So many ms go by. */
static void pass(struct conn *c, int64_t ms)
{
	struct br_timer t = {.fn = stop, .arg = c->loop};

	br_timer_set(c->loop, &t, ms * 1000);
	br_loop_run(c->loop);
}

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
		pass(&c, c.next_ms);
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

/* Who only looks hears of no end before the list is at its end. */
static void looked_at_only(void **state)
{
	static const struct line script[] = {{"GET /list", NULL, NULL, SAY("busy")},
		{"GET /list", NULL, NULL, PAGE("{\"NO\":\"1\"}", "c", "false")}};
	struct portal p = portal_start(script, BR_LEN(script));
	struct conn c;

	(void)state;
	fake_open(&c, p.port, SPEC);
	c.only_looks = true;
	http_kind.poll(&c.state);
	br_loop_run(c.loop);
	portal_end(&p, "looked at only");
	assert_string_equal(c.said, "seen 1 by '' {\"NO\":\"1\"};polled {\"case\":\"c\"};");
	fake_close(&c);
}

/* Without a signature too a header may tell the moment and what the body is (nothing). */
static void headers_of_the_site(void **state)
{
	static const struct test time = {"a header with the moment", 1, NULL,
		{{"GET /list", "X-Once: ", "X-Time: \r\n", PAGE("", "", "false")}}, "polled ;"};
	static const struct test body = {"a header with the hash of the body", 1, NULL,
		{{"GET /list", "X-Body: e3b0c44298fc1c149afbf4c8996fb924", "X-Once: \r\n",
			PAGE("", "", "false")}},
		"polled ;"};

	(void)state;
	fake_headers = "{ X-Time: \"{timestamp}\", X-Once: \"{nonce}\", X-Body: \"{body_hash}\" }";
	run_one(&time);
	run_one(&body);
	fake_headers = NULL;
}

/* What a reference brings in is sent as it is, whatever it looks like. */
static void headers_with_references(void **state)
{
	static const struct test t = {"a secret in a header", 1, NULL,
		{{"GET /list", "X-Key: key {method}${x} GET ${nonce}\r\n", NULL,
			PAGE("", "", "false")}},
		"polled ;"};

	(void)state;
	setenv("HTTP_TEST_KEY", "{method}${x}", 1);
	fake_headers = "{ X-Key: \"key ${env:HTTP_TEST_KEY} {method} $${nonce}\" }";
	run_one(&t);
	fake_headers = NULL;
}

#define LISTED(name, every)                                                                        \
	"{\"record\":\"" name "\",\"root\":{\"key\":\"NO\"},\"read\":{\"every\":\"" every          \
	"\",\"get\":{\"path\":\"/c\"},\"list\":{\"path\":\"/" name                                 \
	"\",\"items\":\"data.items\",\"next\":\"data.cursor\",\"more\":\"data.more\"}}}"
#define UNLISTED(name, every)                                                                      \
	"{\"record\":\"" name "\",\"root\":{\"key\":\"NO\"},\"read\":{\"every\":\"" every          \
	"\",\"get\":{\"path\":\"/c\"}}}"

static void one_round(struct conn *c)
{
	c->next_ms = -1;
	http_kind.poll(&c->state);
	if (c->next_ms < 0) /* not yet */
		br_loop_run(c->loop);
}

/* What is quick does not make the slow ones quick, nor does what has no list at all. */
static void each_list_at_its_own_pace(void **state)
{
	static const struct line script[] = {
		{"GET /slow", NULL, NULL, PAGE("", "a", "true")},
		{"GET /quick", NULL, NULL, PAGE("", "a", "false")},
		/* there was more */
		{"GET /slow", NULL, NULL, PAGE("", "b", "false")},
		{"GET /quick", NULL, NULL, PAGE("", "b", "false")},
		/* put off: taken up where it was */
		{"GET /quick", NULL, NULL, SAY("busy")},
		{"GET /quick", NULL, NULL, PAGE("", "c", "false")},
	};
	struct portal p = portal_start(script, BR_LEN(script));
	struct conn c;

	(void)state;
	fake_open(&c, p.port,
		"[" LISTED("slow", "1h") "," LISTED("quick", "500ms") "," UNLISTED(
			"none", "10ms") "]");
	one_round(&c);
	assert_string_equal(c.said, "polled {\"slow\":\"a\",\"quick\":\"a\"} more;");
	one_round(&c);
	assert_in_range(c.next_ms, 1, 500);
	pass(&c, c.next_ms);
	one_round(&c);
	assert_in_range(c.next_ms, 1, 500);
	pass(&c, c.next_ms);
	one_round(&c);
	one_round(&c);
	portal_end(&p, "paces");
	fake_close(&c);
}

static void without_a_list_nothing_is_polled(void **state)
{
	struct conn c;

	(void)state;
	fake_open(&c, 1, UNLISTED("none", "10ms"));
	one_round(&c);
	assert_string_equal(c.said, "polled ;");
	assert_true(c.next_ms >= 60000);
	fake_close(&c);
}

/* Who base_url logs in as is nobody's business, nor is what a query tells of people. */
static void errors_tell_no_password(void **state)
{
	static const struct {
		const char *name, *refetch, *path;
		struct line line;
	} cases[] = {
		{"refused", NULL, "/list", {"GET /list?c=&n=2 ", NULL, NULL, SAY("bad")}},
		{"a page", "1", "/c/1",
			{"GET /c/1 ", NULL, NULL, 404, NULL, "{\"code\":\"bad\",\"msg\":\"\"}"}},
		{"no items", NULL, "/list",
			{"GET /list", NULL, NULL, 200, NULL, "{\"code\":\"200\"}"}},
		{"no number", NULL, "",
			{"GET /list", NULL, NULL, PAGE("{\"NAME\":\"a\"}", "c", "false")}},
	};

	(void)state;
	fake_user = "clerk:p%40ss@";
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct br_str lid = br_str_z(cases[i].refetch ? cases[i].refetch : "");
		struct line line = cases[i].line;
		char want[200];
		struct portal p;
		struct conn c;

		line.has = "Authorization: Basic Y2xlcms6cEBzcw=="; /* it is sent */
		p = portal_start(&line, 1);
		fake_open(&c, p.port, SPEC);
		if (lid.n)
			http_kind.refetch(&c.state, &c.record, &lid, 1);
		else
			http_kind.poll(&c.state);
		br_loop_run(c.loop);
		portal_end(&p, cases[i].name);
		snprintf(want, sizeof(want), "http://127.0.0.1:%d%s", p.port, cases[i].path);
		if (strcmp(c.shown, want))
			fail_msg("%s: %s", cases[i].name, c.shown);
		fake_close(&c);
	}
	fake_user = "";
}

/* ---- the walk over all records ---- */

#define SWEEP(more)                                                                                \
	"{\"record\":\"case\",\"root\":{\"key\":\"NO\"},\"read\":{\"sweep_every\":\"7s\",\"get\":" \
	"{"                                                                                        \
	"\"path\":\"/c/{lid}\"},\"sweep\":{\"items\":\"data.items\",\"limit\":\"2\"," more "}}}"
#define NUMBERED SWEEP("\"path\":\"/all?p={page}&n={limit}\"")
#define CURSORED                                                                                   \
	SWEEP("\"path\":\"/all?c={cursor}\",\"next\":\"data.cursor\",\"more\":\"data.more\","      \
	      "\"whole\":\"true\"")

static const struct walk {
	const char *name, *spec;
	unsigned turns;
	struct line script[6];
	const char *want;
} walks[] = {
	{"pages by number, until one is not full", NUMBERED, 2,
		{{"GET /all?p=1&n=2 ", NULL, NULL, PAGE("{\"NO\":\"b\"},{\"NO\":\"B\"}", "", "0")},
			{"GET /all?p=2&n=2 ", NULL, NULL, PAGE("{\"NO\":\"a\"}", "", "0")}},
		"swept;digest ..: B a b;swept all;"},
	{"the last page is full", NUMBERED, 2,
		{{"GET /all?p=1&n=2 ", NULL, NULL, PAGE("{\"NO\":\"1\"},{\"NO\":\"2\"}", "", "0")},
			{"GET /all?p=2&n=2 ", NULL, NULL, PAGE("", "", "0")}},
		"swept;digest ..: 1 2;swept all;"},
	{"nothing there at all", NUMBERED, 1, {{"GET /all", NULL, NULL, PAGE("", "", "0")}},
		"digest ..:;swept all;"},
	{"pages by cursor, whole records", CURSORED, 2,
		{{"GET /all?c= ", NULL, NULL, PAGE("{\"NO\":\"2\",\"NAME\":\"x\"}", "k", "true")},
			{"GET /all?c=k ", NULL, NULL,
				PAGE("{\"NO\":\"1\",\"NAME\":\"y\"}", "k2", "false")}},
		"swept;digest ..: 1# 2#;swept all;"},
	{"a list that moved under us: once each", NUMBERED, 2,
		{{"GET /all?p=1&n=2 ", NULL, NULL, PAGE("{\"NO\":\"2\"},{\"NO\":\"1\"}", "", "0")},
			{"GET /all?p=2&n=2 ", NULL, NULL, PAGE("{\"NO\":\"1\"}", "", "0")}},
		"swept;digest ..: 1 2;swept all;"},
	{"busy: the same page later", NUMBERED, 3,
		{{"GET /all?p=1&n=2 ", NULL, NULL, PAGE("{\"NO\":\"1\"},{\"NO\":\"2\"}", "", "0")},
			{"GET /all?p=2&n=2 ", NULL, NULL, SAY("busy")},
			{"GET /all?p=2&n=2 ", NULL, NULL, PAGE("{\"NO\":\"3\"}", "", "0")}},
		"swept;later;digest ..: 1 2 3;swept all;"},
	/* half a list must never be taken for the whole */
	{"an answer of no use: all over again", NUMBERED, 3,
		{{"GET /all?p=1&n=2 ", NULL, NULL, PAGE("{\"NO\":\"1\"},{\"NO\":\"2\"}", "", "0")},
			{"GET /all?p=2&n=2 ", NULL, NULL, SAY("bad")},
			{"GET /all?p=1&n=2 ", NULL, NULL, PAGE("{\"NO\":\"3\"}", "", "0")}},
		"swept;later;digest ..: 3;swept all;"},
	{"an item without a number: no digest", NUMBERED, 1,
		{{"GET /all", NULL, NULL, PAGE("{\"NAME\":\"x\"}", "", "0")}}, "later;"},
	{"beyond the end the last page again", NUMBERED, 3,
		{{"GET /all?p=1&n=2 ", NULL, NULL, PAGE("{\"NO\":\"1\"},{\"NO\":\"2\"}", "", "0")},
			{"GET /all?p=2&n=2 ", NULL, NULL,
				PAGE("{\"NO\":\"3\"},{\"NO\":\"4\"}", "", "0")},
			{"GET /all?p=3&n=2 ", NULL, NULL,
				PAGE("{\"NO\":\"3\"},{\"NO\":\"4\"}", "", "0")}},
		"swept;swept;digest ..: 1 2 3 4;swept all;"},
	{"cursors that lead back", CURSORED, 3,
		{{"GET /all?c= ", NULL, NULL, PAGE("{\"NO\":\"1\"}", "a", "true")},
			{"GET /all?c=a ", NULL, NULL, PAGE("{\"NO\":\"2\"}", "b", "true")},
			{"GET /all?c=b ", NULL, NULL,
				PAGE("{\"NO\":\"1\",\"NAME\":\"y\"}", "a", "true")}},
		"swept;swept;digest ..: 1# 2#;swept all;"},
	{"one number of a page is new: it goes on", NUMBERED, 3,
		{{"GET /all?p=1&n=2 ", NULL, NULL, PAGE("{\"NO\":\"1\"},{\"NO\":\"2\"}", "", "0")},
			{"GET /all?p=2&n=2 ", NULL, NULL,
				PAGE("{\"NO\":\"2\"},{\"NO\":\"3\"}", "", "0")},
			{"GET /all?p=3&n=2 ", NULL, NULL, PAGE("{\"NO\":\"4\"}", "", "0")}},
		"swept;swept;digest ..: 1 2 3 4;swept all;"},
	{"no walk declared", SPEC, 1, {{NULL, NULL, NULL, 0, NULL, NULL}}, "swept all;"},
};

static void turn(struct conn *c)
{
	c->next_ms = -1;
	http_kind.sweep(&c->state);
	if (c->next_ms < 0) /* not yet */
		br_loop_run(c->loop);
}

static void sweeps(void **state)
{
	(void)state;
	for (size_t i = 0; i < BR_LEN(walks); i++) {
		const struct walk *t = &walks[i];
		size_t lines = 0;
		struct portal p;
		struct conn c;

		while (lines < BR_LEN(t->script) && t->script[lines].request)
			lines++;
		p = portal_start(t->script, lines);
		fake_open(&c, p.port, t->spec);
		for (unsigned k = 0; k < t->turns; k++) {
			turn(&c);
			if (lines)
				assert_int_equal(c.next_ms, 7000); /* one page at a time */
		}
		portal_end(&p, t->name);
		if (strcmp(c.said, t->want))
			fail_msg("%s:\n%s\nwanted\n%s", t->name, c.said, t->want);
		fake_close(&c);
	}
}

/* What is told of a whole record is the hash of the image an observation would carry. */
static void a_digest_is_the_hash_of_the_record(void **state)
{
	static const struct line script[] = {{"GET /all", NULL, NULL,
		PAGE("{\"NO\":\"1\",\"NAME\":\"x\",\"STEPS\":[{\"SN\":\"7\",\"TXT\":null}]}", "k",
			"false")}};
	struct portal p = portal_start(script, 1);
	struct image img;
	struct conn c;

	(void)state;
	fake_open(&c, p.port,
		"{\"record\":\"case\",\"root\":{\"key\":\"NO\"},\"parts\":{\"STEPS\":{\"path\":"
		"\"STEPS\",\"key\":\"SN\",\"columns\":[\"TXT\"]}},\"read\":{\"get\":{\"path\":"
		"\"/c/{lid}\"},\"sweep\":{\"path\":\"/all\",\"items\":\"data.items\",\"more\":"
		"\"data.more\",\"whole\":\"true\"}}}");
	turn(&c);
	portal_end(&p, "whole");
	img = image_of("NO=1;NAME=x;STEPS/7/TXT=", c.record.shape, &c.arena);
	assert_true(c.digest == image_hash(&img));
	fake_close(&c);
}

/* Of a record that was changed while the list was walked the later copy counts. */
static void the_later_copy_counts(void **state)
{
	static const struct line script[] = {
		{"GET /all?c= ", NULL, NULL, PAGE("{\"NO\":\"1\",\"NAME\":\"x\"}", "a", "true")},
		{"GET /all?c=a ", NULL, NULL, PAGE("{\"NO\":\"1\",\"NAME\":\"y\"}", "b", "false")},
	};
	struct portal p = portal_start(script, BR_LEN(script));
	struct image img;
	struct conn c;

	(void)state;
	fake_open(&c, p.port, CURSORED);
	turn(&c);
	turn(&c);
	portal_end(&p, "later copy");
	img = image_of("NO=1;NAME=y", c.record.shape, &c.arena);
	assert_true(c.digest == image_hash(&img));
	fake_close(&c);
}

/* Many pages make several digests without a gap between them. */
static void long_walks_are_told_in_pieces(void **state)
{
	static char pages[3][60000];
	struct line script[3];
	struct portal p;
	struct conn c;

	(void)state;
	for (int k = 0; k < 3; k++) {
		size_t n = (size_t)snprintf(
			pages[k], sizeof(pages[k]), "{\"code\":\"200\",\"data\":{\"items\":[");

		for (int i = 0; i < (k < 2 ? 1000 : 500); i++)
			n += (size_t)snprintf(pages[k] + n, sizeof(pages[k]) - n,
				"%s{\"NO\":\"%05d\"}", i ? "," : "", k * 1000 + i);
		snprintf(pages[k] + n, sizeof(pages[k]) - n, "]}}");
		script[k] = (struct line){"GET /all", NULL, NULL, 200, NULL, pages[k]};
	}
	p = portal_start(script, 3);
	fake_open(&c, p.port,
		"{\"record\":\"case\",\"root\":{\"key\":\"NO\"},\"read\":{\"get\":{\"path\":\"/c/"
		"{lid}\"},\"sweep\":{\"path\":\"/all?{page}\",\"items\":\"data.items\",\"limit\":"
		"\"1000\"}}}");
	for (int i = 0; i < 5; i++)
		turn(&c);
	portal_end(&p, "long");
	assert_non_null(strstr(c.said, "digest ..00999: 00000 "));
	assert_non_null(strstr(c.said, "digest 00999+..01999: 01000 "));
	assert_non_null(strstr(c.said, "digest 01999+..: 02000 "));
	assert_non_null(strstr(c.said, "and 492 more;swept all;"));
	fake_close(&c);
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(reads), cmocka_unit_test(looked_at_only),
		cmocka_unit_test(headers_of_the_site), cmocka_unit_test(sweeps),
		cmocka_unit_test(headers_with_references),
		cmocka_unit_test(each_list_at_its_own_pace),
		cmocka_unit_test(without_a_list_nothing_is_polled),
		cmocka_unit_test(errors_tell_no_password),
		cmocka_unit_test(a_digest_is_the_hash_of_the_record),
		cmocka_unit_test(the_later_copy_counts),
		cmocka_unit_test(long_walks_are_told_in_pieces)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
