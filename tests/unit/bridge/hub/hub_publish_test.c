/* What goes out, against librdkafka's mock cluster: an order of any size fits into messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "hub_publish.h"

#include "mock_kafka.h"

#define PATIENCE_US 20000000LL
#define IDS	    60000 /* of one range: more than one message can hold */

static struct cfg_site site = {.name = BR_STR("test"), .topic_prefix = BR_STR("casebridge")};
static struct case_schema schema = {.id = BR_STR("urn:test")};
static struct hub_system dept = {.code = BR_STR("dept")};
static struct hub_world world = {.schema = &schema, .systems = &dept, .nsystems = 1};
static struct br_arena arena;

static void ignore(void *arg)
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
	static const struct bus_events events = {
		.on_records = ignore, .on_acked = ignore, .on_fatal = on_fatal};
	struct bus *b = bus_new(loop, &site, "test", &events, NULL);

	assert_non_null(b);
	return b;
}

static struct br_str id_of(size_t i)
{
	return br_arena_printf(&arena, "a record of the system, %zu", i);
}

static struct hub_out refetch(size_t n, size_t padding)
{
	struct hub_out o = {.kind = OUT_REFETCH, .sys = &dept, .rec = BR_STR("r"), .nlids = n};

	o.lids = br_arena_array(&arena, struct br_str, n);
	assert_non_null(o.lids);
	for (size_t i = 0; i < n; i++)
		o.lids[i] = padding ? br_arena_printf(&arena, "%0*zu", (int)padding, i) : id_of(i);
	return o;
}

static void publish(struct bus *b, struct hub_publisher *p)
{
	int64_t until = br_loop_now(loop) + PATIENCE_US;
	struct br_err err;
	bool fatal = false;

	br_err_clear(&err);
	while (!hub_publish(p, &world, &err, &fatal)) {
		if (fatal)
			on_fatal(NULL, &err);
		br_loop_turn(loop, 10000);
		assert_true(br_loop_now(loop) < until);
	}
	while (bus_acked(b) < bus_sent(b)) {
		br_loop_turn(loop, 10000);
		assert_true(br_loop_now(loop) < until);
	}
}

/* Every id once and in order, and so many bytes in no message. */
static void expect_ids(struct bus *b, int source, const struct hub_out *o, size_t max)
{
	struct bus_record r;
	struct br_err err;
	struct msg m;
	size_t at = 0;

	br_err_clear(&err);
	for (int64_t seq = 1; at < o->nlids; seq++) {
		assert_int_equal(bus_wait_from(b, source, &r, 10000, &err), 1);
		assert_true(r.value.n <= max);
		assert_int_equal(msg_read(r.value, NULL, NULL, &arena, &m, &err), 0);
		assert_int_equal(m.type, MSG_REFETCH);
		assert_int_equal(m.seq, seq);
		assert_true(br_str_eq(m.rec, o->rec));
		assert_in_range(m.nlids, 1, 1000);
		for (size_t i = 0; i < m.nlids; i++)
			assert_true(br_str_eq(m.lids[i], o->lids[at + i]));
		at += m.nlids;
		bus_give_back(b, &r, 1);
	}
	assert_int_equal(at, o->nlids);
}

static void tell(struct hub_out *o)
{
	struct bus *b = open_bus();
	int64_t at;
	int source = bus_assign(b, "casebridge.deliver.dept", 0, BUS_AT_END, &at, NULL);
	struct hub_publisher *p = hub_publisher_new(b, &site, &world, NULL);

	assert_non_null(p);
	assert_true(source >= 0);
	world.outs = o;
	publish(b, p);
	expect_ids(b, source, o, 500000);
	hub_publisher_free(p);
	bus_free(b, 1000);
}

static void a_range_with_nothing_in_its_place(void **state)
{
	struct hub_out o = refetch(IDS, 0);

	(void)state;
	tell(&o);
}

static void long_ids(void **state)
{
	struct hub_out o = refetch(2000, 900);

	(void)state;
	tell(&o);
}

/* What is in the queue is not sent once more when there is room again. */
static void a_full_queue_in_between(void **state)
{
	struct cfg_node room = {.kind = CFG_SCALAR,
		.key = BR_STR("queue.buffering.max.messages"),
		.text = BR_STR("4")};
	struct cfg_node kafka = {.kind = CFG_MAP, .child = &room};
	struct hub_out o = refetch(IDS, 0);

	(void)state;
	site.kafka = &kafka;
	tell(&o);
	site.kafka = NULL;
}

static int setup(void **state)
{
	(void)state;
	br_arena_init(&arena, 256u << 20);
	if (mock_kafka_start(&site) < 0)
		return -1;
	rd_kafka_mock_topic_create(cluster, "casebridge.deliver.dept", 1, 1);
	return 0;
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_with_nothing_in_its_place),
		cmocka_unit_test(long_ids),
		cmocka_unit_test(a_full_queue_in_between),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
