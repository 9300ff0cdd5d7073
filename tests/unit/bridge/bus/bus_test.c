/* The bus against librdkafka's mock cluster: tickets, sources, seeking, back-pressure, and every
 * way to die. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "bus.h"
#include "mock_kafka.h"
#include <stdlib.h>

#define WAIT_US 20000000LL

static struct cfg_site site;

struct seen {
	struct bus *bus;
	int acked, records, fatal;
	struct br_err err;
	bool free_on_fatal;
};

static void on_records(void *arg)
{
	((struct seen *)arg)->records++;
}

static void on_acked(void *arg)
{
	((struct seen *)arg)->acked++;
}

static void on_fatal(void *arg, const struct br_err *err)
{
	struct seen *s = arg;

	s->fatal++;
	s->err = *err;
	if (s->free_on_fatal) {
		bus_free(s->bus, 0);
		s->bus = NULL;
	}
}

static struct bus *open_bus(struct seen *s)
{
	struct bus_events events = {on_records, on_acked, on_fatal, s};
	struct br_err err;
	char text[512];

	memset(s, 0, sizeof(*s));
	br_err_clear(&err);
	s->bus = bus_new(loop, &site, "test", &events, &err);
	if (!s->bus)
		fail_msg("%s", br_err_text(&err, BR_LANG_EN, text, sizeof(text)));
	return s->bus;
}

/* Turns the loop until the condition holds. */
#define WAIT(condition)                                                                            \
	do {                                                                                       \
		int64_t until_ = br_loop_now(loop) + WAIT_US;                                      \
		while (!(condition)) {                                                             \
			br_loop_turn(loop, 100000);                                                \
			if (br_loop_now(loop) > until_)                                            \
				fail_msg("in vain: %s", #condition);                               \
		}                                                                                  \
	} while (0)

static void send_text(struct bus *b, int topic, int partition, const char *key, const char *value)
{
	assert_int_equal(
		bus_send(b, topic, partition, br_str_z(key), br_str_z(value), NULL, 0, NULL, NULL),
		0);
}

/* Takes records until there are n of them; values are compared with "<prefix><number>". */
static void expect_numbers(struct bus *b, int source, int from, int to)
{
	struct bus_record r[7];
	char want[32];
	int next = from;

	while (next < to) {
		size_t n;

		WAIT((n = bus_take(b, r, BR_LEN(r))) > 0);
		for (size_t i = 0; i < n; i++) {
			if (r[i].source != source)
				continue;
			snprintf(want, sizeof(want), "m%d", next++);
			assert_true(br_str_eq(r[i].value, br_str_z(want)));
		}
		bus_give_back(b, r, n);
	}
}

/* linger.ms is for what is still being made, not for what is complete. */
static void test_what_a_turn_has_sent_does_not_linger(void **state)
{
	struct cfg_node lingers[] = {
		{.kind = CFG_SCALAR, .key = BR_STR("message.timeout.ms"), .text = BR_STR("900000")},
		{.kind = CFG_SCALAR, .key = BR_STR("linger.ms"), .text = BR_STR("600000")}};
	struct cfg_node kafka = {.kind = CFG_MAP, .child = &lingers[0]};
	struct seen s;
	struct bus *b;
	int t;

	(void)state;
	lingers[0].next = &lingers[1];
	site.kafka = &kafka;
	b = open_bus(&s);
	rd_kafka_mock_topic_create(cluster, "prompt", 1, 1);
	t = bus_topic(b, "prompt", NULL);
	/* on a busy machine one flush may pass unnoticed; the next one is for all */
	for (int64_t until = br_loop_now(loop) + WAIT_US; bus_acked(b) < 20;) {
		if (br_loop_now(loop) > until)
			fail_msg("they linger");
		send_text(b, t, 0, "k", "v");
		for (int i = 0; i < 5; i++)
			br_loop_turn(loop, 10000);
	}
	site.kafka = NULL;
	bus_free(b, 1000);
}

static void send_numbers(struct bus *b, int topic, int from, int to)
{
	char value[32];

	for (int i = from; i < to; i++) {
		snprintf(value, sizeof(value), "m%d", i);
		send_text(b, topic, 0, "k", value);
	}
}

static void test_what_is_sent_arrives_in_order(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	int64_t at = -5;
	int t, source;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "order", 1, 1);
	t = bus_topic(b, "order", NULL);
	assert_int_equal(bus_topic(b, "order", NULL), t);
	source = bus_assign(b, "order", 0, 0, &at, NULL);
	assert_int_equal(source, 0);
	assert_int_equal(at, 0);
	send_numbers(b, t, 0, 5000);
	assert_int_equal(bus_sent(b), 5000);
	WAIT(bus_acked(b) == 5000);
	assert_true(s.acked > 0);
	expect_numbers(b, source, 0, 5000);
	assert_true(s.records > 0);
	bus_free(b, 1000);
}

/* A turn that takes less than there is must not leave the rest lying: the eventfd speaks only once.
 */
static void test_a_slow_taker_loses_nothing(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	struct bus_record r[1];
	int t, source;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "slow", 1, 1);
	t = bus_topic(b, "slow", NULL);
	source = bus_assign(b, "slow", 0, 0, NULL, NULL);
	send_numbers(b, t, 0, 2000);
	WAIT(s.records > 0);
	WAIT(bus_take(b, r, 1) == 1);
	bus_give_back(b, r, 1);
	expect_numbers(b, source, 1, 2000);
	bus_free(b, 0);
}

static void test_at_the_end_only_new_records(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	int64_t at = -1;
	int t, source;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "end", 1, 1);
	t = bus_topic(b, "end", NULL);
	send_numbers(b, t, 0, 10);
	WAIT(bus_acked(b) == 10);
	source = bus_assign(b, "end", 0, BUS_AT_END, &at, NULL);
	assert_int_equal(source, 0);
	assert_int_equal(at, 10);
	send_numbers(b, t, 10, 20);
	expect_numbers(b, source, 10, 20);
	bus_free(b, 0);
}

static void test_seek(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	struct bus_record r[1];
	int t, source;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "seek", 1, 1);
	t = bus_topic(b, "seek", NULL);
	source = bus_assign(b, "seek", 0, 0, NULL, NULL);
	send_numbers(b, t, 0, 1000);
	WAIT(bus_take(b, r, 1) == 1);
	assert_int_equal(r[0].offset, 0);
	bus_give_back(b, r, 1);
	/* everything else is prefetched by now or soon: going back must not show it first */
	expect_numbers(b, source, 1, 500);
	assert_int_equal(bus_seek(b, source, 3, NULL), 0);
	expect_numbers(b, source, 3, 700);
	assert_int_equal(bus_seek(b, source, 990, NULL), 0);
	expect_numbers(b, source, 990, 1000);
	bus_free(b, 0);
}

static void test_two_sources(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	struct bus_record r[8];
	int one, two, count[2] = {0, 0};

	(void)state;
	rd_kafka_mock_topic_create(cluster, "one", 1, 1);
	rd_kafka_mock_topic_create(cluster, "two", 1, 1);
	one = bus_assign(b, "one", 0, 0, NULL, NULL);
	two = bus_assign(b, "two", 0, 0, NULL, NULL);
	assert_int_equal(one, 0);
	assert_int_equal(two, 1);
	send_numbers(b, bus_topic(b, "one", NULL), 0, 100);
	send_numbers(b, bus_topic(b, "two", NULL), 0, 100);
	while (count[0] + count[1] < 200) {
		size_t n;

		WAIT((n = bus_take(b, r, BR_LEN(r))) > 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(r[i].offset, count[r[i].source]++);
		bus_give_back(b, r, n);
	}
	assert_int_equal(count[0], 100);
	bus_free(b, 0);
}

static void test_headers_and_partition_by_key(void **state)
{
	struct bus_header h[] = {{"ce_specversion", BR_STR("1.0")}, {"ce_id", BR_STR("x:1")}};
	struct seen s;
	struct bus *b = open_bus(&s);
	struct bus_record r[1];
	const void *value;
	size_t n;
	int t;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "cases", 12, 1);
	t = bus_topic(b, "cases", NULL);
	assert_int_equal(bus_send(b, t, -1, BR_STR("01CHD0Q5TR0000000000000000"), BR_STR("v"), h, 2,
				 NULL, NULL),
		0);
	bus_assign(b, "cases", bus_partition_of(BR_STR("01CHD0Q5TR0000000000000000"), 12), 0, NULL,
		NULL);
	WAIT(bus_take(b, r, 1) == 1);
	{
		rd_kafka_headers_t *got = NULL;

		assert_int_equal(rd_kafka_message_headers(r[0].hold, &got), 0);
		assert_int_equal(rd_kafka_header_get_last(got, "ce_id", &value, &n), 0);
		assert_int_equal(n, 3);
		assert_memory_equal(value, "x:1", 3);
	}
	bus_give_back(b, r, 1);
	bus_free(b, 0);
}

/* From Kafka's own UtilsTest.testMurmur2. */
static void test_murmur2(void **state)
{
	static const struct {
		const char *key;
		int32_t hash;
	} cases[] = {{"21", -973932308}, {"foobar", -790332482},
		{"a-little-bit-long-string", -985981536},
		{"a-little-bit-longer-string", -1486304829},
		{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971}};

	(void)state;
	for (size_t i = 0; i < BR_LEN(cases); i++)
		assert_int_equal(bus_partition_of(br_str_z(cases[i].key), 12),
			(int)(((uint32_t)cases[i].hash & 0x7fffffffu) % 12));
}

static void test_too_large_is_refused_alone(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	char *big = calloc(1, 2000001);
	struct br_err err;
	int t;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "large", 1, 1);
	t = bus_topic(b, "large", NULL);
	br_err_clear(&err);
	assert_int_equal(
		bus_send(b, t, 0, BR_STR("k"), (struct br_str){big, 2000000}, NULL, 0, NULL, &err),
		-BR_E_BUS_TOO_LARGE);
	assert_string_equal(br_err_detail(&err, "max"), "1000000");
	assert_int_equal(bus_max_message(b), 1000000);
	send_text(b, t, 0, "k", "small");
	WAIT(bus_acked(b) == 1);
	assert_int_equal(s.fatal, 0);
	free(big);
	bus_free(b, 0);
}

static void test_full_queue_says_so_and_goes_on(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	char value[4096];
	uint64_t sent = 0;
	int t, rc = 0;

	(void)state;
	memset(value, 'x', sizeof(value));
	rd_kafka_mock_topic_create(cluster, "full", 1, 1);
	rd_kafka_mock_broker_set_rtt(cluster, 1, 300);
	t = bus_topic(b, "full", NULL);
	while (sent < 100000 &&
		(rc = bus_send(b, t, 0, BR_STR("k"), (struct br_str){value, sizeof(value)}, NULL, 0,
			 NULL, NULL)) == 0)
		sent++;
	assert_int_equal(rc, -BR_E_BUS_QUEUE_FULL);
	/* no more than the 16 MB that were promised */
	assert_true(sent <= 16 * 1024 * 1024 / sizeof(value) + 1);
	rd_kafka_mock_broker_set_rtt(cluster, 1, 0);
	WAIT(bus_acked(b) == sent);
	send_text(b, t, 0, "k", "again");
	WAIT(bus_acked(b) == sent + 1);
	bus_free(b, 0);
}

static void test_failed_delivery_ends_the_bus(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	struct br_err err;
	int t;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "fail", 1, 1);
	t = bus_topic(b, "fail", NULL);
	send_text(b, t, 0, "k", "1");
	WAIT(bus_acked(b) == 1);
	rd_kafka_mock_push_request_errors(
		cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	s.free_on_fatal = true;
	send_text(b, t, 0, "k", "2");
	WAIT(s.fatal == 1);
	assert_int_equal(br_err_code(&s.err), BR_E_BUS_LOST);
	assert_int_equal(br_err_class((int)br_err_code(&s.err)), BR_CLASS_RETRY);
	for (int i = 0; i < 5; i++)
		br_loop_turn(loop, 1000);
	assert_int_equal(s.fatal, 1);

	/* a dead bus that is not freed at once takes nothing more */
	b = open_bus(&s);
	t = bus_topic(b, "fail", NULL);
	rd_kafka_mock_push_request_errors(
		cluster, 0, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	send_text(b, t, 0, "k", "3");
	WAIT(s.fatal == 1);
	br_err_clear(&err);
	assert_int_equal(
		bus_send(b, t, 0, BR_STR("k"), BR_STR("4"), NULL, 0, NULL, &err), -BR_E_BUS_LOST);
	bus_free(b, 0);
}

static void test_missing_topic(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	struct br_err err;
	int64_t at;

	(void)state;
	rd_kafka_mock_topic_set_error(cluster, "missing", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	br_err_clear(&err);
	assert_int_equal(
		bus_assign(b, "missing", 0, BUS_AT_END, &at, &err), -BR_E_BUS_TOPIC_MISSING);
	assert_string_equal(br_err_detail(&err, "topic"), "missing");
	/* without asking it comes later */
	assert_true(bus_assign(b, "missing", 0, 0, NULL, NULL) >= 0);
	{
		struct bus_record r;

		WAIT(bus_take(b, &r, 1) == 0 && s.fatal == 1);
	}
	assert_int_equal(br_err_code(&s.err), BR_E_BUS_TOPIC_MISSING);
	assert_string_equal(br_err_detail(&s.err, "topic"), "missing");
	bus_free(b, 0);

	b = open_bus(&s);
	send_text(b, bus_topic(b, "missing", NULL), 0, "k", "v");
	WAIT(s.fatal == 1);
	assert_int_equal(br_err_code(&s.err), BR_E_BUS_TOPIC_MISSING);
	bus_free(b, 0);
}

static void test_offset_gone(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	struct bus_record r;
	struct br_err err;
	int64_t at;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "short", 1, 1);
	send_text(b, bus_topic(b, "short", NULL), 0, "k", "v");
	WAIT(bus_acked(b) == 1);
	br_err_clear(&err);
	assert_int_equal(bus_assign(b, "short", 0, 17, &at, &err), -BR_E_BUS_OFFSET_GONE);
	assert_string_equal(br_err_detail(&err, "high"), "1");
	assert_true(bus_assign(b, "short", 0, 17, NULL, NULL) >= 0);
	WAIT(bus_take(b, &r, 1) == 0 && s.fatal == 1);
	assert_int_equal(br_err_code(&s.err), BR_E_BUS_OFFSET_GONE);
	bus_free(b, 0);
}

static void test_broker_down_is_waited_for(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	int t, source;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "down", 1, 1);
	t = bus_topic(b, "down", NULL);
	source = bus_assign(b, "down", 0, 0, NULL, NULL);
	send_numbers(b, t, 0, 10);
	expect_numbers(b, source, 0, 10);
	rd_kafka_mock_broker_set_down(cluster, 1);
	send_numbers(b, t, 10, 20);
	for (int i = 0; i < 20; i++)
		br_loop_turn(loop, 20000);
	assert_int_equal(s.fatal, 0);
	assert_int_equal(bus_acked(b), 10);
	rd_kafka_mock_broker_set_up(cluster, 1);
	expect_numbers(b, source, 10, 20);
	WAIT(bus_acked(b) == 20);
	assert_int_equal(s.fatal, 0);
	bus_free(b, 0);
}

static void test_closing_waits_for_what_is_on_its_way(void **state)
{
	struct seen s;
	struct bus *b = open_bus(&s);
	int t, source;

	(void)state;
	rd_kafka_mock_topic_create(cluster, "bye", 1, 1);
	t = bus_topic(b, "bye", NULL);
	send_numbers(b, t, 0, 3000);
	bus_free(b, 10000);
	b = open_bus(&s);
	source = bus_assign(b, "bye", 0, 0, NULL, NULL);
	expect_numbers(b, source, 0, 3000);
	bus_free(b, 0);
}

static void test_unreachable(void **state)
{
	struct br_str good = site.kafka_bootstrap;
	struct seen s;
	struct br_err err;
	struct bus *b;
	int64_t at;

	(void)state;
	site.kafka_bootstrap = BR_STR("127.0.0.1:1");
	b = open_bus(&s);
	br_err_clear(&err);
	assert_int_equal(bus_assign(b, "x", 0, BUS_AT_END, &at, &err), -BR_E_BUS_UNREACHABLE);
	bus_free(b, 0);
	site.kafka_bootstrap = good;
}

static const struct setting_case {
	const char *name, *key, *value;
	int want;
} setting_cases[] = {
	{"a setting of the site", "linger.ms", "5", 0},
	{"TLS", "security.protocol", "ssl", 0},
	{"unknown setting", "lingre.ms", "5", -BR_E_BUS_SETTING},
	{"value out of range", "linger.ms", "-5", -BR_E_BUS_SETTING},
	{"acks are fixed", "acks", "1", -BR_E_BUS_SETTING_FIXED},
	{"so is their other name", "request.required.acks", "1", -BR_E_BUS_SETTING_FIXED},
	{"offset reset is fixed", "auto.offset.reset", "earliest", -BR_E_BUS_SETTING_FIXED},
	{"no groups", "group.id", "x", -BR_E_BUS_SETTING_FIXED},
};

static void test_setting(void **state)
{
	const struct setting_case *c = *state;
	char file[] = "site.yaml";
	struct cfg_node value = {.kind = CFG_SCALAR,
		.file = file,
		.text = br_str_z(c->value),
		.key = br_str_z(c->key)};
	struct cfg_node map = {.kind = CFG_MAP, .file = file, .n = 1, .child = &value};
	struct bus_events events = {0};
	struct br_err err;
	struct bus *b;

	br_err_clear(&err);
	assert_int_equal(bus_check_setting(c->key, c->value, &err), c->want);
	br_err_clear(&err);
	site.kafka = &map;
	b = bus_new(loop, &site, "test", &events, &err);
	site.kafka = NULL;
	assert_int_equal(b != NULL, c->want == 0);
	assert_int_equal(-(int)br_err_code(&err), c->want);
	if (c->want)
		assert_string_equal(br_err_detail(&err, "key"), c->key);
	bus_free(b, 0);
}

static void test_topics_of_a_site(void **state)
{
	static const struct {
		const char *name, *policy;
		int partitions;
	} want[] = {{"casebridge.in.portal", "delete", 1},
		{"casebridge.deliver.portal", "delete", 1},
		{"casebridge.in.civil-affairs", "delete", 1},
		{"casebridge.deliver.civil-affairs", "delete", 1},
		{"casebridge.cases", "compact", 4}, {"casebridge.ctl", "delete", 1},
		{"casebridge.audit", "delete", 4}, {"casebridge.parked", "delete", 1},
		{"casebridge.folded", "delete", 1}};
	struct cfg_system civil = {.name = BR_STR("civil-affairs")},
			  portal = {.name = BR_STR("portal"), .next = &civil};
	struct cfg_site s = {.topic_prefix = BR_STR("casebridge"),
		.systems = &portal,
		.nsystems = 2,
		.kafka_bootstrap = site.kafka_bootstrap};
	struct bus_topic_plan *plan;
	struct bus_topic_check check[BR_LEN(want)];
	struct br_arena a;
	struct br_err err;
	size_t n;

	(void)state;
	br_arena_init(&a, 1 << 20);
	assert_int_equal(bus_topics(&s, &a, &plan, &n), 0);
	assert_int_equal(n, BR_LEN(want));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(plan[i].name.p, want[i].name);
		assert_int_equal(plan[i].partitions, want[i].partitions);
		assert_string_equal(plan[i].config[0][0], "cleanup.policy");
		assert_string_equal(plan[i].config[0][1], want[i].policy);
	}
	/* the mock broker cannot administer topics, and that is said in so many words */
	br_err_clear(&err);
	assert_int_equal(bus_topics_apply(&s, plan, n, check, &err), -BR_E_BUS_NO_ADMIN);
	assert_int_equal(bus_topics_check(&s, plan, n, check, &err), -BR_E_BUS_NO_ADMIN);
	br_arena_release(&a);
}

static int setup(void **state)
{
	(void)state;
	return mock_kafka_start(&site);
}

static int teardown(void **state)
{
	(void)state;
	mock_kafka_stop();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test(test_what_a_turn_has_sent_does_not_linger),
		cmocka_unit_test(test_what_is_sent_arrives_in_order),
		cmocka_unit_test(test_a_slow_taker_loses_nothing),
		cmocka_unit_test(test_at_the_end_only_new_records),
		cmocka_unit_test(test_seek),
		cmocka_unit_test(test_two_sources),
		cmocka_unit_test(test_headers_and_partition_by_key),
		cmocka_unit_test(test_murmur2),
		cmocka_unit_test(test_too_large_is_refused_alone),
		cmocka_unit_test(test_full_queue_says_so_and_goes_on),
		cmocka_unit_test(test_failed_delivery_ends_the_bus),
		cmocka_unit_test(test_missing_topic),
		cmocka_unit_test(test_offset_gone),
		cmocka_unit_test(test_broker_down_is_waited_for),
		cmocka_unit_test(test_closing_waits_for_what_is_on_its_way),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_topics_of_a_site),
	};
	struct CMUnitTest tests[BR_LEN(plain) + BR_LEN(setting_cases)];

	memcpy(tests, plain, sizeof(plain));
	for (size_t i = 0; i < BR_LEN(setting_cases); i++)
		tests[BR_LEN(plain) + i] = (struct CMUnitTest){
			setting_cases[i].name, test_setting, NULL, NULL, (void *)&setting_cases[i]};
	return cmocka_run_group_tests(tests, setup, teardown);
}
