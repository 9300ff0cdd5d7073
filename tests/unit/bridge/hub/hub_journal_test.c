/* What a bridge that starts finds in the journal, against librdkafka's mock cluster: which batches
 * are to be folded again, in which order, which of them in doubt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "hub_journal.h"

#include "br_text.h"
#include "mock_kafka.h"

static struct cfg_site site;
static struct case_schema schema = {.id = BR_STR("urn:test")};
static struct hub_system dept = {.code = BR_STR("dept")};
static struct hub_world world = {.schema = &schema, .systems = &dept, .nsystems = 1};
static struct br_arena arena;

/* One record: of batch c (0: the ledger was opened), of bridge by; before 0: not known. */
struct told {
	int64_t c, by, before, stored, top;
	bool strange;	 /* another site's */
	const char *raw; /* instead of all that */
};

struct found {
	int64_t c, by;
};

#define RECORDS 12
#define LISTED	6

static const struct journal_case {
	const char *name;
	int64_t c, last; /* the ledger's */
	struct hub_forget forget;
	struct told told[RECORDS];
	/* what is expected */
	struct found list[LISTED];
	int64_t youngest, top, doubt; /* the first batch in doubt */
	bool behind;
	enum br_err_code next; /* of the first one of the list; 0: it is read */
} cases[] = {
	{"nothing was ever told", .c = 0, .top = 0, .doubt = 1},
	{"the ledger has all of it", .c = 2, .last = 9, .told = {{1, 9}, {2, 9, .stored = 1}},
		.youngest = 9, .top = 2, .doubt = 3},
	{"two batches were on their way", .c = 2, .last = 9,
		.told = {{1, 9}, {2, 9}, {3, 9, .stored = 2}, {4, 9, .stored = 2}},
		.list = {{3, 9}, {4, 9}}, .youngest = 9, .top = 4, .doubt = 3},
	{"the ledger is older than what was stored", .c = 1, .last = 9,
		.told = {{1, 9}, {2, 9}, {3, 9}, {4, 9, .stored = 3}},
		.list = {{2, 9}, {3, 9}, {4, 9}}, .youngest = 9, .top = 4, .doubt = 4,
		.behind = true},
	{"a record that Kafka never got ends the list", .c = 1, .last = 9,
		.told = {{1, 9}, {3, 9}, {4, 9}}, .youngest = 9, .top = 4, .doubt = 2},
	{"of one number the youngest bridge counts", .c = 1, .last = 9,
		.told = {{1, 9}, {2, 9}, {2, 11, .before = 9}, {3, 11, .before = 11}},
		.list = {{2, 11}, {3, 11}}, .youngest = 11, .top = 3, .doubt = 2},
	{"also when the older one comes late", .c = 1, .last = 9,
		.told = {{1, 9}, {2, 11, .before = 9}, {2, 9}}, .list = {{2, 11}}, .youngest = 11,
		.top = 2, .doubt = 2},
	{"what was folded behind another batch of that number ends it", .c = 1, .last = 9,
		.told = {{1, 9}, {2, 9}, {3, 9, .before = 9}, {2, 11, .before = 9}},
		.list = {{2, 11}}, .youngest = 11, .top = 3, .doubt = 2},
	{"read by their numbers, not as they lie there", .c = 1, .last = 9,
		.told = {{1, 9}, {3, 9, .before = 9}, {4, 9}, {2, 9, .before = 9}},
		.list = {{2, 9}, {3, 9}, {4, 9}}, .youngest = 9, .top = 4, .doubt = 2},
	{"what was not folded behind the ledger's own ends it", .c = 1, .last = 9,
		.told = {{1, 9}, {2, 10, .before = 10}}, .youngest = 10, .top = 2, .doubt = 2},
	{"nobody knows who folded the ledger's own", .c = 1,
		.told = {{1, 9}, {2, 10, .before = 10}}, .list = {{2, 10}}, .youngest = 10,
		.top = 2, .doubt = 2},
	{"whoever opened it took an incarnation", .c = 2, .last = 9,
		.told = {{1, 9}, {2, 9}, {0, 14, .stored = 2, .top = 2}}, .youngest = 14, .top = 2,
		.doubt = 3},
	{"whoever opened it knew of more", .c = 1, .last = 9,
		.told = {{1, 9}, {2, 9}, {0, 14, .stored = 2, .top = 5}}, .list = {{2, 9}},
		.youngest = 14, .top = 5, .doubt = 3, .behind = true},
	{"what was tried in vain is forgotten", .c = 1, .last = 9, .forget = {2, 9},
		.told = {{1, 9}, {2, 9}, {3, 9}}, .youngest = 9, .top = 3, .doubt = 2},
	{"but not what a younger bridge made of it", .c = 1, .last = 9, .forget = {2, 9},
		.told = {{1, 9}, {2, 9}, {2, 11, .before = 9}}, .list = {{2, 11}}, .youngest = 11,
		.top = 2, .doubt = 2},
	{"in doubt and of another site: it is none", .c = 1, .last = 9,
		.told = {{1, 9}, {2, 9, .strange = true}, {3, 9, .strange = true}}, .youngest = 9,
		.top = 3, .doubt = 2},
	{"stored and of another site", .c = 1, .last = 9,
		.told = {{1, 9}, {2, 9, .strange = true}, {3, 9, .stored = 2}},
		.list = {{2, 9}, {3, 9}}, .youngest = 9, .top = 3, .doubt = 3, .behind = true,
		.next = BR_E_HUB_FOLDED_SITE},
	{"what is no record says nothing", .c = 1, .last = 9,
		.told = {{1, 9}, {.raw = "hello"}, {2, 9}, {.raw = "{\"v\":1,\"c\":3,\"by\":"},
			{.raw = "{\"v\":7,\"c\":99,\"by\":99}"}, {.raw = "{\"v\":1,\"c\":-3}"}},
		.list = {{2, 9}}, .youngest = 9, .top = 2, .doubt = 2},
	{"lists that come first, of a site that is another one", .c = 1, .last = 9,
		.told = {{1, 9}, {.raw = "{\"published\":[[\"dept\",7],[\"x\",1]],\"gaps\":[\"x\"],"
					 "\"due\":[\"x\",1],\"refused\":7,\"v\":1,\"c\":0,"
					 "\"by\":12,\"top\":4}"}},
		.youngest = 12, .top = 4, .doubt = 2},
	{"half a record is none", .c = 1, .last = 9,
		.told = {{1, 9}, {2, 9},
			{.raw = "{\"v\":1,\"c\":3,\"inc\":9,\"by\":9,\"before\":9,"
				"\"stored\":2,\"site\":\"SITE\","
				"\"sum\":\"0000000000000000\",\"runs\":[["}},
		.list = {{2, 9}}, .youngest = 9, .top = 2, .doubt = 2},
	{"a head with other lists is found and cannot be folded", .c = 1, .last = 9,
		.told = {{1, 9}, {.raw = "{\"v\":1,\"c\":2,\"inc\":9,\"by\":9,\"before\":9,"
					 "\"stored\":2,\"site\":\"SITE\","
					 "\"sum\":\"0000000000000000\",\"runs\":[7]}"}},
		.list = {{2, 9}}, .youngest = 9, .top = 2, .doubt = 3, .behind = true,
		.next = BR_E_HUB_FOLDED_BAD},
};

/* ---- telling ---- */

static void on_nothing(void *arg)
{
	(void)arg;
}

static void on_fatal(void *arg, const struct br_err *err)
{
	char text[512];

	(void)arg;
	fail_msg("%s", br_err_text(err, BR_LANG_EN, text, sizeof(text)));
}

static struct bus *open_bus(void)
{
	static const struct bus_events events = {on_nothing, on_nothing, on_fatal, NULL};
	struct bus *b = bus_new(loop, &site, "test", &events, NULL);

	assert_non_null(b);
	return b;
}

static void send_text(struct bus *b, int topic, struct br_str text)
{
	assert_int_equal(bus_send(b, topic, 0, BR_STR_NONE, text, NULL, 0, NULL, NULL), 0);
}

static void wait_for_all(struct bus *b)
{
	int64_t until = br_loop_now(loop) + 20000000;

	while (bus_acked(b) < bus_sent(b)) {
		br_loop_turn(loop, 100000);
		assert_true(br_loop_now(loop) < until);
	}
}

/* A text of a table: SITE stands for the sum of this site. */
static void send_raw(struct bus *b, int topic, const char *raw)
{
	const char *site_at = strstr(raw, "SITE");
	char text[400], sum[BR_HEX64];

	if (!site_at) {
		send_text(b, topic, br_str_z(raw));
		return;
	}
	br_hex64(sum, hub_folded_site(&world));
	snprintf(text, sizeof(text), "%.*s%.16s%s", (int)(site_at - raw), raw, sum, site_at + 4);
	send_text(b, topic, br_str_z(text));
}

static void send_told(struct bus *b, int topic, const struct told *t)
{
	struct hub_run run = {.source = 1, .from = 10 * t->c, .to = 10 * t->c + 10};
	int64_t published[] = {t->c, t->c + 1};
	bool gaps = true;
	struct hub_folded f = {.c = t->c,
		.by = t->by,
		.incarnation = t->by,
		.before = t->before,
		.stored = t->stored,
		.told = t->c + 2,
		.site = hub_folded_site(&world) + t->strange,
		.runs = &run,
		.nruns = 1,
		.published = published,
		.gaps = &gaps};
	struct br_buf text;

	if (t->raw) {
		send_raw(b, topic, t->raw);
		return;
	}
	br_buf_init(&text, 1 << 20);
	if (t->c)
		hub_folded_write(&f, &world, 2, &text);
	else
		hub_folded_write_opened(t->by, t->stored, t->top, &text);
	send_text(b, topic, br_buf_str(&text));
	br_buf_release(&text);
}

/* ---- reading ---- */

static int new_topic(struct bus *b, const char *name)
{
	rd_kafka_mock_topic_create(cluster, name, 1, 1);
	return bus_topic(b, name, NULL);
}

static struct hub_journal *open_at(struct bus *b, const char *topic, int64_t c, struct br_err *err)
{
	return hub_journal_open(b, topic, &world, c, 9, (struct hub_forget){0, 0}, err);
}

static void expect_list(struct hub_journal *j, const struct journal_case *k)
{
	size_t n = 0;

	while (n < LISTED && k->list[n].c)
		n++;
	assert_int_equal(hub_journal_left(j), n);
	for (size_t i = 0; i < n; i++) {
		struct hub_folded f;
		struct br_err err;

		br_arena_reset(&arena);
		br_err_clear(&err);
		if (i == 0 && k->next) {
			assert_int_equal(hub_journal_next(j, &arena, 2, &f, &err), -(int)k->next);
			assert_int_equal(hub_journal_left(j), n);
			return;
		}
		assert_int_equal(hub_journal_next(j, &arena, 2, &f, &err), 0);
		assert_int_equal(f.c, k->list[i].c);
		assert_int_equal(f.by, k->list[i].by);
		assert_int_equal(f.nruns, 1);
		assert_int_equal(f.runs[0].from, 10 * f.c);
		assert_int_equal(f.published[1], f.c + 1);
		assert_int_equal(f.told, f.c + 2);
		assert_true(f.gaps[0]);
		assert_true(hub_journal_has(j, f.c, f.by));
		assert_false(hub_journal_has(j, f.c, f.by + 100));
	}
	assert_int_equal(hub_journal_left(j), 0);
}

static void test_journal(void **state)
{
	const struct journal_case *k = *state;
	struct bus *b = open_bus();
	struct hub_journal *j;
	char topic[40];
	int t;

	snprintf(topic, sizeof(topic), "journal-%d", (int)(k - cases));
	t = new_topic(b, topic);
	assert_true(t >= 0);
	for (size_t i = 0; i < RECORDS && (k->told[i].by || k->told[i].raw); i++)
		send_told(b, t, &k->told[i]);
	wait_for_all(b);
	j = hub_journal_open(b, topic, &world, k->c, k->last, k->forget, NULL);
	assert_non_null(j);
	assert_int_equal(hub_journal_youngest(j), k->youngest);
	assert_int_equal(hub_journal_top(j), k->top);
	assert_int_equal(hub_journal_is_behind(j), k->behind);
	assert_false(hub_journal_doubts(j, k->doubt - 1));
	assert_true(hub_journal_doubts(j, k->doubt));
	expect_list(j, k);
	hub_journal_free(j);
	bus_free(b, 0);
}

/* However far the ledger is behind, and with much that says nothing in between. */
static void test_looks_back_as_far_as_it_must(void **state)
{
	static const int64_t behind[] = {1, 15, 16, 17, 170, 400};
	struct bus *b = open_bus();
	int t;

	(void)state;
	t = new_topic(b, "long");
	for (int64_t c = 1; c <= 500; c++) {
		send_told(b, t, &(struct told){.c = c, .by = 9, .stored = c - 1});
		send_told(b, t, &(struct told){.by = 9, .stored = c - 1, .top = c});
	}
	wait_for_all(b);
	for (size_t i = 0; i < BR_LEN(behind); i++) {
		struct hub_journal *j = open_at(b, "long", 500 - behind[i], NULL);
		struct hub_folded f;

		assert_non_null(j);
		assert_int_equal(hub_journal_left(j), behind[i]);
		for (int64_t c = 501 - behind[i]; c <= 500; c++) {
			br_arena_reset(&arena);
			assert_int_equal(hub_journal_next(j, &arena, 2, &f, NULL), 0);
			assert_int_equal(f.c, c);
		}
		hub_journal_free(j);
	}
	bus_free(b, 0);
}

/* Bridges that stood still say what they had not said yet, behind all of a younger one. */
static void test_what_comes_late_hides_nothing(void **state)
{
	struct bus *b = open_bus();
	struct hub_journal *j;
	int t;

	(void)state;
	t = new_topic(b, "late");
	for (int64_t c = 1; c <= 10; c++)
		send_told(b, t, &(struct told){.c = c, .by = 9, .stored = c - 1});
	for (int64_t c = 11; c <= 14; c++)
		send_told(b, t, &(struct told){.c = c, .by = 30, .before = c == 11 ? 9 : 30});
	for (int64_t by = 20; by < 23; by++) {
		send_told(b, t, &(struct told){.by = by, .stored = 6, .top = 10});
		for (int64_t c = 7; c <= 10; c++)
			send_told(b, t, &(struct told){.c = c, .by = 9, .stored = c - 1});
		for (int i = 0; i < 4; i++)
			send_told(b, t, &(struct told){.c = 9 + i % 2, .by = by, .before = 9});
	}
	wait_for_all(b);
	j = open_at(b, "late", 10, NULL);
	assert_non_null(j);
	assert_int_equal(hub_journal_youngest(j), 30);
	assert_int_equal(hub_journal_left(j), 4);
	hub_journal_free(j);
	bus_free(b, 0);
}

/* However much that says nothing stands behind what does. */
static void test_what_says_nothing_hides_nothing(void **state)
{
	struct bus *b = open_bus();
	struct hub_journal *j;
	int t;

	(void)state;
	t = new_topic(b, "noise");
	for (int64_t c = 1; c <= 3; c++)
		send_told(b, t, &(struct told){.c = c, .by = 9, .stored = c - 1});
	for (int i = 0; i < 100; i++)
		send_text(b, t, BR_STR("{\"v\":2}"));
	wait_for_all(b);
	j = open_at(b, "noise", 1, NULL);
	assert_non_null(j);
	assert_int_equal(hub_journal_youngest(j), 9);
	assert_int_equal(hub_journal_left(j), 2);
	hub_journal_free(j);
	bus_free(b, 0);
}

/* The mock cluster keeps five megabytes of a partition. */
static void test_what_was_deleted_is_gone(void **state)
{
	static char large[900000];
	struct bus *b = open_bus();
	uint32_t seed = 1;
	struct br_err err;
	int64_t low, high;
	int t;

	(void)state;
	t = new_topic(b, "trimmed");
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)((seed = seed * 1103515245u + 12345u) >>
				  16); /* not to be compressed */
	for (int64_t c = 1; c <= 5; c++)
		send_told(b, t, &(struct told){.c = c, .by = 9, .stored = c - 1});
	for (int i = 0; i < 8; i++)
		send_text(b, t, (struct br_str){large, sizeof(large)});
	for (int64_t c = 6; c <= 8; c++)
		send_told(b, t, &(struct told){.c = c, .by = 9, .stored = c - 1});
	wait_for_all(b);
	assert_int_equal(bus_bounds(b, "trimmed", 0, &low, &high, NULL), 0);
	assert_true(low > 4);
	br_err_clear(&err);
	assert_null(open_at(b, "trimmed", 3, &err));
	assert_int_equal(br_err_code(&err), BR_E_HUB_FOLDED_GONE);
	assert_string_equal(br_err_detail(&err, "wanted"), "4");
	/* what the ledger needs is there */
	for (int64_t c = 5; c <= 8; c++) {
		struct hub_journal *j = open_at(b, "trimmed", c, NULL);

		assert_non_null(j);
		assert_int_equal(hub_journal_left(j), 8 - c);
		hub_journal_free(j);
	}
	bus_free(b, 0);
}

static int setup(void **state)
{
	(void)state;
	br_arena_init(&arena, 1 << 20);
	return mock_kafka_start(&site);
}

static int teardown(void **state)
{
	(void)state;
	mock_kafka_stop();
	br_arena_release(&arena);
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases) + 4];
	size_t n = 0;

	for (; n < BR_LEN(cases); n++)
		tests[n] = (struct CMUnitTest){.name = cases[n].name,
			.test_func = test_journal,
			.initial_state = (void *)&cases[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_looks_back_as_far_as_it_must);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_what_comes_late_hides_nothing);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_what_says_nothing_hides_nothing);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_what_was_deleted_is_gone);
	return cmocka_run_group_tests(tests, setup, teardown);
}
