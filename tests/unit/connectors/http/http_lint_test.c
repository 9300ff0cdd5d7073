/* What an answer means, and what lint says of a system's file: all problems, each with its place.
 */
#include "connectors/http/fake_http.h"

#include "http_lint.h"

static void answers(void **state)
{
	static const char yaml[] =
		"code: code\nrules:\n  - { code: \"200\", is: ok }\n  - { code: \"4003\", is: "
		"duplicate }\n  - { code: \"5000\", is: retry }\n"
		"  - { code: \"9\", is: unknown }\n  - { status: 418, is: stop }\n  - { body: not "
		"json, is: retry }\n  - { status: 5xx, is: retry }\n";
	static const struct {
		long status;
		const char *code;
		bool json;
		enum http_class want;
		bool unsure;
	} cases[] = {
		{200, "200", true, HTTP_OK, false},
		{200, "4003", true, HTTP_DUPLICATE, false},
		{200, "5000", true, HTTP_RETRY, false},
		{503, "5000", true, HTTP_RETRY,
			false}, /* the portal's own word: nothing was done */
		{503, "", true, HTTP_RETRY, true},
		{500, "", false, HTTP_RETRY, true},
		{200, "", false, HTTP_RETRY, true},
		{200, "9", true, HTTP_RETRY, true},
		{200, "7777", true, HTTP_CORRECT, false},
		{200, "", true, HTTP_RETRY, true},
		{418, "", true, HTTP_STOP, false},
		{401, "", true, HTTP_AUTH, false},
		{404, "", true, HTTP_MISSING, false},
		{409, "", true, HTTP_RETRY, false},
		{412, "", true, HTTP_STALE, false},
		{429, "", true, HTTP_RETRY, false},
		{422, "", true, HTTP_CORRECT, false},
		{408, "", true, HTTP_RETRY, true},
		{302, "", false, HTTP_RETRY, true},
	};
	const struct cfg_site folder = {.folder = "/"};
	struct cfg_report report = {0};
	struct http_options o = {0};
	struct http_site site;
	struct cfg_node *node;
	struct br_arena a;

	(void)state;
	br_arena_init(&a, 1 << 20);
	report.arena = &a;
	assert_int_equal(cfg_read_text(br_str_z(yaml), "a", &a, &report, &node), 0);
	o.answers = node;
	assert_int_equal(http_site_compile(&o, &folder, &a, &report, &site), 0);
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		bool unsure;
		enum http_class got = http_classify(&site.answers, cases[i].status,
			br_str_z(cases[i].code), cases[i].json, &unsure);

		if (got != cases[i].want || unsure != cases[i].unsure)
			fail_msg("%ld %s %d: %d %d", cases[i].status, cases[i].code, cases[i].json,
				got, unsure);
	}
	br_arena_release(&a);
}

#define HEAD "connection: { base_url: http://h"
#define GOOD                                                                                       \
	" }\nrecords:\n  case:\n    case: { a.b: NO, c.d: { column: NAME } }\n    root: { key: "   \
	"NO }\n    read: { get: { path: /c } }\n"
#define RECORD " }\nrecords:\n  case:\n    case: { a.b: NO, c.d: { column: NAME } }\n"

static int lint_text(const char *name, const char *yaml, struct cfg_report *report)
{
	struct cfg_site site = {.folder = ".", .secrets_folder = "."};
	struct cfg_system system = {.lease_ms = 20000};
	struct http_options o = {0};
	struct cfg_node *file;

	if (cfg_read_text(br_str_z(yaml), "s", report->arena, report, &file) < 0)
		fail_msg("%s: no YAML", name);
	system.connection = cfg_get(file, "connection");
	system.records = cfg_get(file, "records");
	assert_int_equal(
		cfg_read_options(http_option_table, system.connection, file, ".", &o, report), 0);
	return http_lint(&site, &system, &o, report);
}

#define TWELVE(a)                                                                                  \
#a "1: 1, " #a "2: 1, " #a "3: 1, " #a "4: 1, " #a "5: 1, " #a "6: 1, " #a "7: 1, " #a     \
	   "8: 1, " #a "9: 1, " #a "10: 1, " #a "11: 1, " #a "12: 1"

static void lint(void **state)
{
	static const struct {
		const char *name, *yaml, *found; /* place and tag of all problems, in order */
	} cases[] = {
		{"good",
			HEAD GOOD "    write: { idempotency: K, etag: true, create: [{ name: n, "
				  "path: /n, lid: no }, { path: /b, columns: [NAME] }], update: { "
				  "path: /u, columns: all } }\n",
			""},
		{"slash", "connection: { base_url: http://h/" GOOD, "1:25 HTTP-001;"},
		{"as many headers as there may be",
			HEAD ", headers: { " TWELVE(a) ", " TWELVE(b) " }" GOOD, ""},
		{"one more than that",
			HEAD ", headers: { " TWELVE(a) ", " TWELVE(b) ", z: 1, y: 2 }" GOOD,
			"1:223 HTTP-001;"},
		{"unknown keys everywhere",
			HEAD ", answers: { codes: x }, sign: { algorithm: md5, text: t }, auth: { "
			     "pfad: /t } }\nrecords: {}\n",
			"1:101 CFG-005;1:99 CFG-007;1:77 CFG-015;1:46 CFG-004;"},
		{"rules",
			HEAD ", answers: { rules: [{ status: 6xx, is: retry }, { is: ok }, { code: "
			     "x, is: fine }] }" GOOD,
			"1:64 HTTP-001;1:82 HTTP-001;1:109 CFG-015;"},
		{"no key, no get", HEAD RECORD "    root: {}\n    read: { list: { limit: 0 } }\n",
			"5:11 CFG-007;6:11 CFG-007;6:19 CFG-007;6:28 CFG-019;"},
		{"no read", HEAD RECORD "    root: { key: NO }\n", "4:5 HTTP-001;"},
		{"a key no mapping has",
			HEAD RECORD "    root: { key: NR }\n    read: { get: { path: /c } }\n",
			"5:18 HTTP-001;"},
		{"calls",
			HEAD GOOD "    write: { visibility: 1m, create: [{ name: n }, { path: /b, "
				  "columns: [NAMEE], part: STEPS }], update: 5 }\n",
			"7:26 HTTP-001;7:39 CFG-007;7:88 HTTP-001;7:106 HTTP-001;"},
		{"what has no effect",
			HEAD RECORD
			"    root: { key: NO }\n    read: { updated_at: T, get: { path: "
			"/c } }\n    parts: { S: { list: steps, path: S, key: N, mode: "
			"append, pad: 1 }, T: { key: N, case: {} } }\n",
			"6:13 CFG-004;7:63 CFG-005;"},
		{"references that bring in nothing",
			HEAD
			", headers: { a: \"${env:HTTP_TEST_NONE}\" }, auth: { path: /t, body: { "
			"k: \"{app_key}${file:/none/at/all}\" } }" GOOD,
			"1:105 CFG-023;1:49 CFG-022;"},
		{"references in a record",
			HEAD RECORD
			"    root: { key: NO }\n    read: { every: \"${env:HOME}\", get: { "
			"path: \"/c?k=${env:HOME}\" } }\n    write: { guard: "
			"\"${env:HTTP_TEST_RATE}\", update: { path: /u, body: { k: "
			"\"$${file:k}\", l: \"$f\" } } }\n",
			"6:20 CFG-012;6:20 HTTP-007;6:48 HTTP-007;7:77 HTTP-007;"},
		{"words of the connection",
			HEAD
			", headers: { a: \"{timestmp}{nonce}\", b: \"{lid}{{}$${x}${env:HOME}\", "
			"c: \"{token}{signature}{body_hash}{method}{path}{body}{app_key}\" }, "
			"sign: { algorithm: hmac-sm3, text: \"{signature}{path}\" }, auth: { "
			"path: /t, body: { k: \"{app-key}{signature}{timestamp}\", l: \"{open\" "
			"}, sign: { algorithm: hmac-sm3, text: \"{token}\" } }" GOOD,
			"1:339 HTTP-009;1:255 HTTP-008;1:203 HTTP-009;1:49 HTTP-008;1:73 "
			"HTTP-009;"},
		{"words of a record",
			HEAD RECORD
			"    root: { key: NO }\n    on_create: { KIND: { constant: 1 } }\n"
			"    parts: { S: { list: steps, key: N, case: { name: { concat: [TXT, TXS] "
			"} } } "
			"}\n"
			"    read:\n      get: { path: \"/c/{LID}\" }\n"
			"      list: { path: \"/l?{cursor}{limit}{page}\" }\n"
			"      sweep: { path: \"/l?{cursor}{limit}{page}{app_key}{NAME}\" }\n"
			"    write:\n      lookup: { path: \"/l?{NAME}{NO}{KIND}{lid}\" }\n"
			"      create:\n        - { path: \"/n/{did}/{TXT}\", body: { a: "
			"\"{NAEM}\", "
			"b: \"x{a.b}\", c: \"{NAME}\" } }\n"
			"        - { path: \"/p/{lid}/{key}\", part: S, body: { a: "
			"\"{TXT}{TXS}{NO}\", "
			"b: \"{timestamp}\" } }\n",
			"9:20 HTTP-009;10:21 HTTP-009;11:22 HTTP-009;13:23 HTTP-009;15:19 HTTP-009;"
			"15:48 HTTP-008;15:61 HTTP-009;16:78 HTTP-009;"},
		{"columns",
			HEAD GOOD "    write: { update: { path: /u, method: GET, columns: [NAMEE], "
				  "etag: maybe } }\n",
			"7:42 CFG-015;7:71 CFG-010;7:57 HTTP-001;"},
	};

	(void)state;
	setenv("HTTP_TEST_RATE", "5/s", 1);
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct cfg_report report = {0};
		char found[600] = "";
		struct br_arena a;

		br_arena_init(&a, 8 << 20);
		report.arena = &a;
		assert_int_equal(lint_text(cases[i].name, cases[i].yaml, &report) < 0,
			*cases[i].found != '\0');
		for (struct cfg_problem *p = report.first; p; p = p->next)
			snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s %s;",
				strchr(br_err_detail(&p->err, "at"), ':') + 1,
				br_err_tag((int)br_err_code(&p->err)));
		if (strcmp(found, cases[i].found))
			fail_msg("%s: %s", cases[i].name, found);
		br_arena_release(&a);
	}
}

static void a_slip_of_the_pen(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{HEAD ", headers: { a: \"{timestmp}\" }" GOOD,
			"s:1:49: HTTP-008 {timestmp} stands for nothing here; did you mean "
			"{timestamp}?"},
		{HEAD GOOD "    write: { update: { path: \"/u?{NAEM}\" } }\n",
			"s:7:30: HTTP-008 {NAEM} stands for nothing here; did you mean {NAME}?"},
		{HEAD ", auth: { path: /t, body: { a: \"{lid}\" } }" GOOD,
			"s:1:64: HTTP-009 {lid} stands for nothing here → what can stand in braces "
			"here: app_key, timestamp, nonce, signature;"},
	};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++) {
		struct cfg_report report = {0};
		struct br_arena a;
		char text[500];

		br_arena_init(&a, 8 << 20);
		report.arena = &a;
		assert_true(lint_text("slip", cases[i].yaml, &report) < 0);
		br_err_text(&report.first->err, BR_LANG_EN, text, sizeof(text));
		if (strncmp(text, cases[i].want, strlen(cases[i].want)))
			fail_msg("%s", text);
		br_arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(answers), cmocka_unit_test(lint),
		cmocka_unit_test(a_slip_of_the_pen)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
