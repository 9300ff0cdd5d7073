/*
 * The runtime of a connector between a scripted bridge (a bus of our own on librdkafka's mock
 * cluster) and a kind that lives in memory. All on one loop, so "has it done X yet?" is asked
 * between turns and nothing sleeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "conn_internal.h"
#include "mock_kafka.h"
#include <stdlib.h>

#define WAIT_US 20000000LL
#define CID	"01CHD0Q5TR0000000000000000"
#define SPEC                                                                                       \
	"[{\"record\":\"application\",\"columns\":[\"xm\",\"zt\"],\"parts\":{\"steps\":{"          \
	"\"columns\":[\"yj\"]}}}]"

/* ---- the kind ---- */

struct row {
	const char *lid, *xm; /* xm NULL: the row is gone */
	enum msg_reason reason;
};

static struct fake {
	struct conn *c;
	unsigned promises;
	char trace[65536]; /* O pen, B egin, A pply (one for each command), P oll, R efetch, S weep,
			      C lose */
	size_t used;
	bool hold;  /* apply keeps the commands */
	bool post;  /* answers carry the image that was set */
	int later;  /* so many commands are handed back */
	int unread; /* so many of those before the inbox was looked into */
	int undone; /* so many that may be written fail and are handed back */
	bool refuse, stale;
	const char *lost; /* the record of which a refetch finds nothing */
	const char *spec; /* of BEGIN, NULL = SPEC */
	int fail_open;
	enum br_err_code fail_with;
	struct conn_command *cmds[4096];
	size_t ncmds;
	struct row rows[8];
	size_t nrows;
	int flood; /* so many rows in one poll */
	const char *cursor;
	size_t refetched, refetch_calls;
	int64_t first_apply_us, deadline_us;
	struct msg_digest digests[2];
	size_t ndigests;
	int put_off; /* so often the walk cannot go on for a tenth of a second */
} fake;

struct fake_state {
	struct conn *c;
};

static void trace(char what)
{
	if (fake.used < sizeof(fake.trace) - 1)
		fake.trace[fake.used++] = what;
}

static int count(char what)
{
	int n = 0;

	for (size_t i = 0; i < fake.used; i++)
		n += fake.trace[i] == what;
	return n;
}

static int fake_open(void *state, struct conn *c, const void *options, struct br_err *err)
{
	(void)options;
	assert_null(((struct fake_state *)state)->c); /* zeroed before open */
	((struct fake_state *)state)->c = fake.c = c;
	trace('O');
	if (fake.fail_open > 0) {
		fake.fail_open--;
		return br_err_set(err, fake.fail_with, "path", "x", "why", "down", NULL);
	}
	conn_opened(c, BR_STR("data-1"), 41, 7);
	return 0;
}

static unsigned fake_promises(const void *state)
{
	(void)state;
	return fake.promises;
}

static int fake_begin(void *state, int64_t epoch, struct br_str nonce, struct br_err *err)
{
	struct conn_record *r;

	(void)state;
	(void)err;
	assert_true(epoch > 0);
	assert_true(nonce.n > 0);
	assert_int_equal(conn_records(fake.c, &r), 1);
	assert_true(br_str_eq(r->name, BR_STR("application")));
	assert_int_equal(shape_find(r->shape, 0, BR_STR("zt")), 1);
	trace('B');
	conn_begun(fake.c);
	return 0;
}

static void answer(struct conn_command *cmd)
{
	struct conn_receipt r = {.status = fake.refuse	? RCPT_REJECTED
					   : fake.stale ? RCPT_STALE
							: RCPT_APPLIED,
		.lid = cmd->lid.n ? cmd->lid : BR_STR("NEW"),
		.post = fake.post ? &cmd->set : NULL,
		.atomic = true};

	conn_answer(fake.c, cmd, &r);
}

static void fake_apply(void *state, struct conn_command *const *cmds, size_t n)
{
	(void)state;
	if (!fake.first_apply_us)
		fake.first_apply_us = br_loop_now(conn_loop(fake.c));
	for (size_t i = 0; i < n; i++) {
		trace('A');
		fake.deadline_us = cmds[i]->deadline_us;
		fake.cmds[fake.ncmds++ % BR_LEN(fake.cmds)] = cmds[i];
		if (fake.later > 0) {
			fake.later--;
			if (fake.promises & CONN_INBOX && --fake.unread < 0)
				cmds[i]->attempted = false;
			conn_later(fake.c, cmds[i], 50);
		} else if (!fake.hold) {
			int64_t ms;

			if (conn_may_write(fake.c, cmds[i], &ms)) {
				if (fake.undone == 0) {
					answer(cmds[i]);
					continue;
				}
				fake.undone--;
				ms = 1;
			}
			/* the inbox was looked into before that was asked */
			if (fake.promises & CONN_INBOX)
				cmds[i]->attempted = false;
			conn_later(fake.c, cmds[i], ms);
		}
	}
}

static void observe(const char *lid, const char *xm, enum msg_reason reason)
{
	struct conn_record *r;
	struct image_builder b;
	struct image img;

	conn_records(fake.c, &r);
	if (!xm) {
		conn_observe(fake.c, r, br_str_z(lid), NULL, 0, BR_STR_NONE, reason);
		return;
	}
	image_build(&b, conn_arena(fake.c), 2);
	image_set(&b, 0, BR_STR_NONE, 0, br_str_z(xm));
	assert_int_equal(image_build_end(&b, &img), 0);
	conn_observe(fake.c, r, br_str_z(lid), &img, 5, BR_STR("clerk"), reason);
}

static void fake_poll(void *state)
{
	char lid[16];

	(void)state;
	trace('P');
	for (size_t i = 0; i < fake.nrows; i++)
		observe(fake.rows[i].lid, fake.rows[i].xm, fake.rows[i].reason);
	for (int i = 0; i < fake.flood; i++) {
		snprintf(lid, sizeof(lid), "F%06d", i);
		observe(lid, "x", OBS_POLL);
	}
	fake.flood = 0;
	conn_polled(fake.c, fake.cursor ? br_str_z(fake.cursor) : BR_STR_NONE, false, 3600000);
}

static void fake_refetch(
	void *state, const struct conn_record *record, const struct br_str *lids, size_t n)
{
	(void)state;
	(void)record;
	trace('R');
	fake.refetch_calls++;
	fake.refetched += n;
	for (size_t i = 0; i < n && i < 2; i++)
		observe(lids[i].p,
			fake.lost && strcmp(lids[i].p, fake.lost) == 0 ? NULL : "refetched",
			OBS_REFETCH);
	conn_refetched(fake.c);
}

static void fake_sweep(void *state)
{
	struct conn_record *r;

	(void)state;
	trace('S');
	conn_records(fake.c, &r);
	if (fake.put_off) {
		fake.put_off--;
		conn_sweep_later(fake.c, 100);
		return;
	}
	if (fake.ndigests)
		conn_digest(fake.c, r, BR_STR("a"), BR_STR_NONE, fake.digests, fake.ndigests);
	conn_swept(fake.c, true, -1);
}

static void fake_close(void *state)
{
	(void)state;
	trace('C');
}

static const struct conn_kind fake_kind = {.name = "fake",
	.state_size = sizeof(struct fake_state),
	.open = fake_open,
	.promises = fake_promises,
	.begin = fake_begin,
	.apply = fake_apply,
	.poll = fake_poll,
	.refetch = fake_refetch,
	.sweep = fake_sweep,
	.close = fake_close};

/* ---- the bridge, and the stage ---- */

static struct cfg_site site;
static struct cfg_system fake_system;
static struct conn *conn;
static struct bus *bus;
static struct br_arena arena;
static const struct shape *shape;
static int deliver;
static int64_t hub_epoch, pseq, epoch;
static struct msg last; /* read from the connector */
static struct bus_record kept[20000];
static size_t nkept, nread;
static char nonce[64];
static int number; /* of the test: every one has its own topics */

#define WAIT(condition)                                                                            \
	do {                                                                                       \
		int64_t until_ = br_loop_now(loop) + WAIT_US;                                      \
		while (!(condition)) {                                                             \
			br_loop_turn(loop, 100000);                                                \
			if (br_loop_now(loop) > until_)                                            \
				fail_msg("in vain: %s (trace %.200s)", #condition, fake.trace);    \
		}                                                                                  \
	} while (0)

static const struct shape *find_shape(void *arg, struct br_str sys, struct br_str rec)
{
	(void)arg;
	(void)sys;
	return br_str_eq(rec, BR_STR("application")) ? shape : NULL;
}

static void on_fatal(void *arg, const struct br_err *err)
{
	char text[300];

	(void)arg;
	fail_msg("the test's own bus: %s", br_err_text(err, BR_LANG_EN, text, sizeof(text)));
}

/* The next message of the connector, whatever it is. */
static void next_message(void)
{
	if (nread == nkept) {
		size_t n;

		assert_true(nkept < BR_LEN(kept));
		WAIT((n = bus_take(bus, kept + nkept, BR_LEN(kept) - nkept)) > 0);
		nkept += n;
	}
	assert_int_equal(msg_read(kept[nread++].value, find_shape, NULL, &arena, &last, NULL), 0);
}

/* The end of a sweep, which has its own time, may come before anything else. */
static const struct msg *expect(enum msg_type type)
{
	do
		next_message();
	while (last.type == MSG_SWEEP && type != MSG_SWEEP);
	if (last.type != type)
		fail_msg("%s instead of %s", msg_type_name(last.type), msg_type_name(type));
	return &last;
}

static void say(struct msg m)
{
	struct br_buf out;

	br_buf_init(&out, 1 << 20);
	m.sys = BR_STR("portal");
	if (m.epoch == 0) {
		m.epoch = hub_epoch;
		m.seq = ++pseq;
	}
	msg_write(&m, shape, &out);
	assert_false(br_buf_failed(&out));
	assert_int_equal(
		bus_send(bus, deliver, 0, BR_STR_NONE, br_buf_str(&out), NULL, 0, NULL, NULL), 0);
	br_buf_release(&out);
}

static void say_begin(void)
{
	say((struct msg){.type = MSG_BEGIN,
		.nonce = br_str_z(nonce),
		.assigned = epoch,
		.spec = br_str_z(fake.spec ? fake.spec : SPEC)});
}

static void ping(int64_t counted)
{
	say((struct msg){.type = MSG_PING, .ts = 1, .assigned = epoch, .counted = counted});
}

static struct msg command(int64_t n, const char *lid, const char *xm)
{
	struct msg m = {.type = MSG_CMD,
		.did = {1, BR_STR(CID), BR_STR("application"), n},
		.rec = BR_STR("application"),
		.lid = br_str_z(lid),
		.op = OP_UPDATE,
		.has_image = true};
	struct image_builder b;

	image_build(&b, &arena, 2);
	image_set(&b, 0, BR_STR_NONE, 0, br_str_z(xm));
	assert_int_equal(image_build_end(&b, &m.image), 0);
	image_build(&b, &arena, 2);
	image_set_null(&b, 0, BR_STR_NONE, 1);
	assert_int_equal(image_build_end(&b, &m.base), 0);
	return m;
}

static void expect_hello(void)
{
	expect(MSG_HELLO);
	assert_int_equal(last.epoch, 0);
	assert_true(last.nonce.n > 0 && last.nonce.n < sizeof(nonce));
	memcpy(nonce, last.nonce.p, last.nonce.n);
	nonce[last.nonce.n] = '\0';
	epoch++;
}

/* HELLO .. FENCE without anything outstanding; the connector runs and has polled once. */
static void shake_hands(bool attempted)
{
	int polls = count('P');

	expect_hello();
	say_begin();
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce), .attempted = attempted});
	WAIT(count('P') > polls);
}

static void start(unsigned promises)
{
	static char prefix[32], in[64], out[64];
	struct bus_events events = {.on_fatal = on_fatal};
	struct br_err err;

	snprintf(prefix, sizeof(prefix), "t%d", ++number);
	snprintf(in, sizeof(in), "%s.in.portal", prefix);
	snprintf(out, sizeof(out), "%s.deliver.portal", prefix);
	rd_kafka_mock_topic_create(cluster, in, 1, 1);
	rd_kafka_mock_topic_create(cluster, out, 1, 1);
	memset(&fake, 0, sizeof(fake));
	fake.promises = promises;
	site.topic_prefix = br_str_z(prefix);
	fake_system =
		(struct cfg_system){.name = BR_STR("portal"), .credit = 100, .lease_ms = 20000};
	hub_epoch = 1000;
	pseq = epoch = 0;
	nkept = nread = 0;
	br_err_clear(&err);
	bus = bus_new(loop, &site, "test-bridge", &events, &err);
	assert_non_null(bus);
	assert_true(bus_assign(bus, in, 0, 0, NULL, &err) >= 0);
	deliver = bus_topic(bus, out, &err);
	conn = conn_new(loop, &site, &fake_system, &fake_kind, &err);
	assert_non_null(conn);
	conn_start(conn);
}

static int finish(void **state)
{
	(void)state;
	bus_give_back(bus, kept, nkept);
	nkept = nread = 0;
	conn_free(conn);
	bus_free(bus, 0);
	conn = NULL;
	bus = NULL;
	br_arena_reset(&arena);
	return 0;
}

/* ---- tests ---- */

static void test_handshake_settles_before_it_reads(void **state)
{
	int64_t seq;

	(void)state;
	start(CONN_INBOX);
	expect_hello();
	assert_true(br_str_eq(last.inc, BR_STR("data-1")));
	assert_int_equal(last.target_epoch, 41);
	assert_int_equal(last.beat, 7);
	assert_true(br_str_eq(last.caps, BR_STR("inbox")));
	/* somebody else's leftovers, with a record nobody described */
	say((struct msg){
		.type = MSG_BEGIN, .nonce = BR_STR("other"), .assigned = 99, .spec = BR_STR("[]")});
	say(command(1, "L1", "not ours"));
	say((struct msg){.type = MSG_FENCE, .nonce = BR_STR("other")});
	say_begin();
	say(command(7, "L1", "李四"));
	say(command(8, "L2", "王五"));
	WAIT(conn->pseq == pseq);
	for (int i = 0; i < 20; i++)
		br_loop_turn(loop, 1000);
	assert_string_equal(fake.trace, "O"); /* nothing is touched before FENCE */
	say((struct msg){
		.type = MSG_FENCE, .nonce = br_str_z(nonce), .cursor = BR_STR("{\"rv\":1}")});
	expect(MSG_RCPT);
	assert_int_equal(last.epoch, 1);
	assert_int_equal(last.did.n, 7);
	assert_int_equal(last.status, RCPT_APPLIED);
	seq = last.seq;
	expect(MSG_RCPT);
	assert_int_equal(last.seq, seq + 1);
	WAIT(count('P') == 1);
	assert_string_equal(fake.trace, "OBAAP");
	assert_true(br_str_eq(conn_cursor(fake.c), BR_STR("{\"rv\":1}")));
}

static void test_reading_waits_for_the_last_answer(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.hold = true;
	expect_hello();
	say_begin();
	say(command(7, "L1", "李四"));
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	WAIT(count('A') == 1);
	for (int i = 0; i < 20; i++)
		br_loop_turn(loop, 1000);
	assert_int_equal(count('P'), 0);
	answer(fake.cmds[0]);
	WAIT(count('P') == 1);
}

static void test_a_repeated_command_is_answered_not_executed(void **state)
{
	int64_t seq;

	(void)state;
	start(CONN_INBOX);
	fake.post = true;
	shake_hands(false);
	say(command(1, "L1", "李四"));
	expect(MSG_RCPT);
	seq = last.seq;
	say(command(1, "L1", "李四"));
	expect(MSG_RCPT);
	assert_int_equal(last.seq, seq + 1);
	assert_int_equal(last.did.n, 1);
	assert_int_equal(last.status, RCPT_APPLIED);
	assert_true(last.atomic && last.has_image);
	assert_true(br_str_eq(image_root(&last.image, 0)->value, BR_STR("李四")));
	assert_int_equal(count('A'), 1);
	assert_int_equal(conn->count.repeated, 1);
	/* while it runs a repetition is simply waited for */
	fake.hold = true;
	say(command(2, "L1", "李四"));
	say(command(2, "L1", "李四"));
	WAIT(conn->count.repeated == 2 && fake.ncmds == 2);
	answer(fake.cmds[1]);
	say(command(3, "L1", "李四"));
	expect(MSG_RCPT);
	WAIT(count('A') == 3);
	answer(fake.cmds[2]);
	expect(MSG_RCPT);
	assert_int_equal(last.did.n, 3);
}

static void test_answers_are_forgotten_in_order(void **state)
{
	size_t keep;

	(void)state;
	start(CONN_INBOX);
	keep = 2 * (size_t)fake_system.credit + 64;
	shake_hands(false);
	for (int i = 1; i <= 1000; i++) {
		say(command(i, "L1", "x"));
		if (i % 100 == 0)
			WAIT(count('A') == i);
	}
	assert_int_equal(conn->nanswered, keep);
	assert_int_equal(HASH_COUNT(conn->by_did), keep);
	say(command(1000, "L1", "x"));
	say(command(1001 - (int64_t)keep, "L1", "x"));
	WAIT(conn->count.repeated == 2);
	assert_int_equal(count('A'), 1000);
}

static void test_a_later_begin_fences(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	/* an old one is nobody's successor */
	say((struct msg){.type = MSG_BEGIN,
		.nonce = BR_STR("old"),
		.assigned = epoch,
		.spec = BR_STR("[]")});
	say((struct msg){.type = MSG_PING, .ts = 1});
	WAIT(conn->pseq == pseq);
	assert_int_equal(conn->stage, CONN_RUN);
	fake.hold = true;
	say((struct msg){.type = MSG_BEGIN,
		.nonce = BR_STR("new"),
		.assigned = epoch + 1,
		.spec = BR_STR("[]")});
	say(command(1, "L1", "x"));
	assert_int_equal(br_loop_run(loop), 75);
	assert_int_equal(count('A'), 0);
	assert_int_equal(count('C'), 1);
	assert_int_equal(conn->stage, CONN_DOWN);
}

/* A bridge that was asleep since before its successor: its words carry a lower hub_epoch, but that
 * of a higher connector epoch counts all the same. */
static void test_a_begin_of_an_older_bridge_fences_too(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	say((struct msg){.type = MSG_BEGIN,
		.epoch = hub_epoch - 1,
		.seq = 500,
		.nonce = BR_STR("new"),
		.assigned = epoch + 1,
		.spec = BR_STR("[]")});
	assert_int_equal(br_loop_run(loop), 75);
}

/* Our own HELLO, read by the bridge a second time: what we say under the first epoch counts no
 * more.
 */
static void test_own_begin_under_another_epoch(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	say((struct msg){.type = MSG_BEGIN,
		.nonce = br_str_z(nonce),
		.assigned = epoch + 1,
		.spec = BR_STR(SPEC)});
	expect(MSG_BYE);
	expect_hello();
}

/* Our BEGIN came from a bridge that was slow, behind our successor's, and was read after it. */
static void test_a_ping_of_a_higher_epoch_fences(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	say((struct msg){.type = MSG_PING, .ts = 1, .assigned = epoch});
	WAIT(conn->pseq == pseq);
	assert_int_equal(conn->stage, CONN_RUN);
	say((struct msg){.type = MSG_PING, .ts = 1, .assigned = epoch + 1});
	assert_int_equal(br_loop_run(loop), 75);
}

/* As if the last word for us had come a good lease ago. */
static void let_a_lease_pass(void)
{
	conn->heard_us -= fake_system.lease_ms * 1000 + 1;
}

/* Two HELLOs that the bridge reads together get one answer, to the later one. */
static void test_hello_without_an_answer_is_said_again(void **state)
{
	(void)state;
	start(CONN_INBOX);
	expect_hello();
	say((struct msg){.type = MSG_PING, .ts = 1});
	for (int i = 0; i < 20; i++)
		br_loop_turn(loop, 1000);
	assert_int_equal(conn->stage, CONN_HELLO); /* the answer may be on its way */
	let_a_lease_pass();
	say((struct msg){.type = MSG_PING, .ts = 2});
	expect_hello();
}

/* A younger bridge spoke once and is gone; the older one is still there. */
static void test_an_older_bridge_that_is_left_is_found_again(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	say((struct msg){.type = MSG_PING, .epoch = hub_epoch + 5, .seq = 1, .ts = 1});
	WAIT(conn->hub_epoch == hub_epoch + 5);
	say((struct msg){.type = MSG_PING, .ts = 1});
	for (int i = 0; i < 20; i++)
		br_loop_turn(loop, 1000);
	assert_int_equal(conn->stage, CONN_RUN); /* the younger one may be only slow */
	let_a_lease_pass();
	say((struct msg){.type = MSG_PING, .ts = 2});
	expect(MSG_BYE);
	expect_hello();
}

static void test_own_begin_again(void **state)
{
	(void)state;
	start(CONN_INBOX);
	expect_hello();
	say_begin();
	say(command(1, "L1", "a"));
	/* the bridge crashed here; the new one says it all again */
	hub_epoch++;
	pseq = 0;
	say_begin();
	say(command(1, "L1", "a"));
	say(command(2, "L2", "b"));
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	WAIT(count('P') == 1);
	assert_string_equal(fake.trace, "OBAAP");
	/* with another mapping it is another conversation */
	say((struct msg){.type = MSG_BEGIN,
		.nonce = br_str_z(nonce),
		.assigned = epoch,
		.spec = BR_STR("[{\"record\":\"x\"}]")});
	expect(MSG_RCPT);
	expect(MSG_RCPT);
	expect(MSG_BYE);
	expect_hello();
}

static void test_a_bridge_that_starts_again_is_followed(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	say(command(1, "L1", "a"));
	expect(MSG_RCPT);
	hub_epoch += 10;
	pseq = 0;
	say((struct msg){.type = MSG_PING, .ts = 1});
	say(command(2, "L1", "b"));
	expect(MSG_RCPT);
	assert_int_equal(last.did.n, 2);
	/* the old bridge's late words are dropped, and so are duplicates */
	{
		struct msg m = command(3, "L1", "c");

		m.epoch = hub_epoch - 10;
		m.seq = 100;
		say(m);
		m.epoch = hub_epoch;
		m.seq = 1;
		say(m);
	}
	say(command(4, "L1", "d"));
	expect(MSG_RCPT);
	assert_int_equal(last.did.n, 4);
	assert_int_equal(count('A'), 3);
}

static void test_a_hole_is_a_new_handshake(void **state)
{
	char old[64];

	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	memcpy(old, nonce, sizeof(old));
	pseq++;
	say(command(1, "L1", "a"));
	expect(MSG_BYE);
	expect_hello();
	assert_string_not_equal(old, nonce);
	assert_string_equal(fake.trace, "OBPCO");
	say_begin();
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	WAIT(count('P') == 2);
}

static void test_restart(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	say((struct msg){.type = MSG_RESTART, .text = BR_STR("gap")});
	expect(MSG_BYE);
	shake_hands(false);
}

static void test_intent_comes_before_the_call(void **state)
{
	(void)state;
	start(CONN_CAS | CONN_IDEMPOTENCY);
	shake_hands(false);
	fake.hold = true;
	rd_kafka_mock_broker_set_rtt(cluster, 1, 200);
	say(command(1, "L1", "a"));
	WAIT(conn->nintents == 1);
	assert_int_equal(count('A'), 0);
	WAIT(count('A') == 1);
	rd_kafka_mock_broker_set_rtt(cluster, 1, 0);
	assert_true(bus_acked(conn->bus) >= 2); /* HELLO and INTENT */
	assert_true(fake.cmds[0]->deadline_us > br_loop_now(loop));
	assert_true(fake.cmds[0]->deadline_us <= conn->lease_from_us + fake_system.lease_ms * 1000);
	expect(MSG_INTENT);
	assert_int_equal(last.did.n, 1);
	assert_int_equal(last.attempt, 1);
	answer(fake.cmds[0]);
	expect(MSG_RCPT);
}

static void test_caps_are_words(void **state)
{
	(void)state;
	start(CONN_CAS | CONN_LOOKUP);
	expect_hello();
	assert_true(br_str_eq(last.caps, BR_STR("cas lookup")));
}

static void test_no_call_without_a_lease(void **state)
{
	int64_t heard;

	(void)state;
	start(CONN_CAS);
	fake_system.lease_ms = 700;
	shake_hands(false);
	heard = conn->heard_us;
	ping(0);
	WAIT(conn->heard_us > heard);
	expect(MSG_ALIVE);
	WAIT(br_loop_now(loop) > conn->heard_us + 700000);
	assert_int_equal(conn->stage, CONN_RUN); /* reading alone needs no lease */
	say(command(1, "L1", "a"));
	expect(MSG_BYE); /* nothing was called */
	expect_hello();
	assert_int_equal(count('A'), 0);
}

/* One that stood still reads BEGIN, FENCE and PING when a successor may have waited its lease out.
 */
static void test_the_lease_runs_from_what_was_said(void **state)
{
	int64_t seq;

	(void)state;
	start(CONN_CAS);
	expect_hello();
	conn->lease_from_us -= fake_system.lease_ms * 1000; /* so long */
	say_begin();
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	ping(0);
	say(command(1, "L1", "a"));
	expect(MSG_ALIVE);
	seq = last.seq;
	/* what does not count it yet, or counts in another's epoch, renews nothing */
	ping(seq - 1);
	epoch--;
	ping(seq);
	epoch++;
	WAIT(conn->pseq == pseq);
	for (int i = 0; i < 20; i++)
		br_loop_turn(loop, 1000);
	assert_string_equal(fake.trace, "OBP"); /* reading alone needs no lease */
	assert_int_equal(conn->nintents, 0);
	ping(seq);
	expect(MSG_ALIVE);
	expect(MSG_INTENT);
	expect(MSG_RCPT);
	assert_int_equal(fake.deadline_us, conn->lease_from_us + fake_system.lease_ms * 1000);
}

static void test_the_predecessors_lease_is_waited_for(void **state)
{
	int64_t from, pinged = 0;

	(void)state;
	start(CONN_CAS);
	fake_system.lease_ms = 300;
	expect_hello();
	say_begin();
	say(command(1, "L1", "a"));
	from = br_loop_now(loop);
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce), .attempted = true});
	while (count('A') == 0) {
		/* as often as a bridge does; one in every turn would wait behind all before it */
		if (br_loop_now(loop) - pinged >= fake_system.lease_ms * 1000 / 4) {
			pinged = br_loop_now(loop);
			ping(conn->seq);
		}
		br_loop_turn(loop, 50000);
		assert_int_equal(count('P'), 0);
		assert_true(br_loop_now(loop) < from + WAIT_US);
	}
	assert_true(fake.first_apply_us - from >= 2300000);
	WAIT(count('P') == 1);
}

/* Its late calls carry the same keys as ours and conditions that no longer hold. */
static void test_where_writes_are_guarded_no_lease_is_waited_for(void **state)
{
	int64_t from;

	(void)state;
	start(CONN_CAS | CONN_IDEMPOTENCY | CONN_GUARDED);
	fake_system.lease_ms = 60000;
	expect_hello();
	say_begin();
	say(command(1, "L1", "a"));
	from = br_loop_now(loop);
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce), .attempted = true});
	WAIT(count('P') == 1);
	assert_int_equal(count('A'), 1);
	assert_true(fake.first_apply_us - from < 60000000);
	expect(MSG_INTENT); /* its own successor may have to settle it all the same */
}

static void test_clean_stop_says_bye(void **state)
{
	(void)state;
	start(CONN_CAS);
	shake_hands(false);
	fake.hold = true;
	say(command(1, "L1", "a"));
	WAIT(count('A') == 1);
	conn_stop(conn);
	for (int i = 0; i < 20; i++)
		br_loop_turn(loop, 1000);
	assert_int_equal(count('C'), 0); /* what runs is finished first */
	answer(fake.cmds[0]);
	assert_int_equal(br_loop_run(loop), 0);
	expect(MSG_INTENT);
	expect(MSG_RCPT);
	expect(MSG_BYE);
	assert_string_equal(fake.trace, "OBPAC");
}

static void test_no_bye_while_in_doubt(void **state)
{
	struct br_err err;

	(void)state;
	start(CONN_CAS);
	shake_hands(false);
	fake.hold = true;
	say(command(1, "L1", "a"));
	WAIT(count('A') == 1);
	br_err_clear(&err);
	br_err_set(&err, BR_E_HTTP_UNREACHABLE, "url", "http://x", "why", "gone", NULL);
	conn_failed(conn, &err);
	expect(MSG_INTENT);
	expect_hello(); /* no BYE: the next one must wait and settle */
}

static void test_nothing_to_do_for_a_stopped_one(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.fail_open = 1000;
	fake.fail_with = BR_E_SYSTEM;
	conn_stop(conn);
	assert_int_equal(br_loop_run(loop), 0);
}

static void test_only_news_is_told(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.post = true;
	fake.rows[0] = (struct row){"L1", "v1", OBS_POLL};
	fake.rows[1] = (struct row){"L2", NULL, OBS_POLL};
	fake.nrows = 2;
	shake_hands(false);
	expect(MSG_OBS);
	assert_true(last.present && br_str_eq(image_root(&last.image, 0)->value, BR_STR("v1")));
	assert_true(br_str_eq(last.by, BR_STR("clerk")));
	expect(MSG_OBS);
	assert_false(last.present);
	/* the same again is no news */
	conn_wake(conn);
	WAIT(count('P') == 2);
	/* we write v2, and the clerk types v1 again: that is news although v1 was told before */
	say(command(1, "L1", "v2"));
	expect(MSG_RCPT);
	conn_wake(conn);
	expect(MSG_OBS);
	assert_true(br_str_eq(last.lid, BR_STR("L1")));
	/* our own v2 is none */
	say(command(2, "L1", "v2"));
	expect(MSG_RCPT);
	fake.rows[0].xm = "v2";
	conn_wake(conn);
	WAIT(count('P') == 4);
	/* who asks gets an answer */
	fake.rows[0].reason = OBS_REFETCH;
	conn_wake(conn);
	expect(MSG_OBS);
	assert_int_equal(last.reason, OBS_REFETCH);
	assert_int_equal(conn->count.told, 4);
	assert_int_equal(conn->count.read, 10);
}

/* A number that was given out a second time: the answer shows another case's record, and the bridge
 * takes it in as an observation only. */
static void test_what_stands_there_instead_is_told(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.post = fake.stale = true;
	shake_hands(false);
	say(command(1, "L1", "v1"));
	expect(MSG_RCPT);
	assert_int_equal(last.status, RCPT_STALE);
	assert_true(last.has_image);
	fake.rows[0] = (struct row){"L1", "v1", OBS_POLL};
	fake.nrows = 1;
	conn_wake(conn);
	WAIT(conn->count.read == 1);
	assert_int_equal(conn->count.told, 1);
	expect(MSG_OBS);
	assert_true(br_str_eq(last.lid, BR_STR("L1")));
	/* once */
	conn_wake(conn);
	WAIT(conn->count.read == 2);
	assert_int_equal(conn->count.told, 1);
}

/* After a restore the answer alone does not show that the record is as it was. */
static void test_what_was_written_is_told_while_all_is_read_anew(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.post = true;
	fake.rows[0] = (struct row){"L1", "v1", OBS_POLL};
	fake.nrows = 1;
	expect_hello();
	say_begin();
	say(command(1, "L1", "v1"));
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce), .sweep_mode = SWEEP_FULL});
	expect(MSG_RCPT);
	assert_int_equal(last.status, RCPT_APPLIED);
	expect(MSG_OBS);
	assert_int_equal(conn->count.told, 1);
}

static void test_all_is_told_again_after_a_handshake(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.rows[0] = (struct row){"L1", "v1", OBS_POLL};
	fake.nrows = 1;
	shake_hands(false);
	expect(MSG_OBS);
	say((struct msg){.type = MSG_RESTART});
	expect(MSG_BYE);
	shake_hands(false);
	expect(MSG_OBS);
}

static void test_cursor_follows_its_observations(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.rows[0] = (struct row){"L1", "v1", OBS_POLL};
	fake.nrows = 1;
	fake.cursor = "{\"rv\":\"5\"}";
	shake_hands(false);
	expect(MSG_OBS);
	expect(MSG_CURSOR);
	assert_true(br_str_eq(last.cursor, BR_STR("{\"rv\":\"5\"}")));
	/* the same again is not told; a newer one soon is */
	conn_wake(conn);
	WAIT(count('P') == 2);
	fake.rows[0].xm = "v2";
	fake.cursor = "{\"rv\":\"6\"}";
	conn_wake(conn);
	expect(MSG_OBS);
	expect(MSG_CURSOR);
	assert_true(br_str_eq(last.cursor, BR_STR("{\"rv\":\"6\"}")));
}

static void test_records_that_cannot_be_told(void **state)
{
	struct conn_record *r;
	struct br_err err;
	char *big = malloc(1100001);

	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	observe("L1", "\xb0\xa1", OBS_POLL);
	expect(MSG_OBS);
	assert_true(last.present && !last.has_image);
	assert_true(br_str_eq(last.code, br_str_z(br_err_tag(BR_E_CONN_TEXT))));
	memset(big, 'x', 1100000);
	big[1100000] = '\0';
	observe("L2", big, OBS_POLL);
	expect(MSG_OBS);
	assert_true(br_str_eq(last.code, br_str_z(br_err_tag(BR_E_TOO_BIG))));
	assert_int_equal(last.seq, 2); /* no hole is left by what could not be sent */
	conn_records(fake.c, &r);
	br_err_clear(&err);
	br_err_set(&err, BR_E_UTF8, "pos", "0", "what", "xm", NULL);
	conn_observe_bad(fake.c, r, BR_STR("L3"), (struct br_str){"\xff\x00z", 3}, &err, OBS_POLL);
	conn_observe_bad(fake.c, r, BR_STR("L3"), (struct br_str){"\xff\x00z", 3}, &err, OBS_POLL);
	observe("L4", "fine", OBS_POLL);
	expect(MSG_OBS);
	assert_int_equal(last.raw.n, 3);
	assert_memory_equal(last.raw.p, "\xff\x00z", 3);
	expect(MSG_OBS); /* the same bad bytes are told once */
	assert_true(br_str_eq(last.lid, BR_STR("L4")));
	free(big);
}

static void test_pause(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	say((struct msg){.type = MSG_PAUSE});
	say(command(1, "L1", "a"));
	WAIT(conn->pseq == pseq);
	conn_wake(conn);
	for (int i = 0; i < 20; i++)
		br_loop_turn(loop, 1000);
	assert_string_equal(fake.trace, "OBP");
	say((struct msg){.type = MSG_RESUME});
	expect(MSG_RCPT);
	WAIT(count('P') == 2);
}

#define GUARDED(limits)                                                                            \
	"[{\"record\":\"application\",\"columns\":[\"xm\",\"zt\"],\"write\":{" limits              \
	"},\"parts\":{\"steps\":{\"columns\":[\"yj\"]}}}]"

static void expect_held(int64_t n, bool stopped)
{
	expect(MSG_HELD);
	assert_int_equal(last.held, n);
	assert_int_equal(last.stopped, stopped);
}

/* So many an hour are let through; the others wait, unseen by the system, and the bridge is told.
 * A connection that is lost gives no new allowance. */
static void test_guard_holds_back(void **state)
{
	struct br_err err;
	int shown;

	(void)state;
	start(CONN_INBOX);
	fake.spec = GUARDED("\"guard\":\"3/h\"");
	shake_hands(false);
	for (int64_t n = 1; n <= 5; n++)
		say(command(n, "L1", "a"));
	for (int i = 0; i < 3; i++)
		expect(MSG_RCPT);
	expect_held(2, false);
	shown = count('A');
	say(command(6, "L1", "a"));
	expect_held(3, false);
	assert_int_equal(count('A'), shown);
	assert_true(conn_guard_wait(conn, conn->later) > 1000 * 1000); /* one in 20 minutes */
	br_err_set(&err, BR_E_PG_UNAVAILABLE, "why", "gone", NULL);
	conn_failed(fake.c, &err);
	expect(MSG_BYE);
	expect_hello();
	say_begin();
	say(command(4, "L1", "a"));
	say(command(5, "L1", "a"));
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	/* outstanding ones are shown to the kind, which may find them done; it asks before it
	 * writes */
	expect_held(2, false);
	assert_int_equal(count('A'), shown + 2);
	assert_int_equal(conn->nsettling, 0);
}

/* Of the limit a command takes one, however often it is tried; and what was let through is not held
 * back before its next try. */
static void test_guard_counts_commands_not_tries(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.spec = GUARDED("\"guard\":\"3/h\"");
	fake.undone = 6;
	shake_hands(false);
	for (int64_t n = 1; n <= 4; n++)
		say(command(n, "L1", "a"));
	for (int i = 0; i < 3; i++)
		expect(MSG_RCPT);
	assert_int_equal(fake.undone, 0);
	expect_held(1, false);
}

/* Writing has stopped: what was let through before waits too. */
static void test_a_stop_holds_what_was_let_through(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.spec = GUARDED("\"stop_after_refusals\":\"1\"");
	fake.undone = 1;
	shake_hands(false);
	fake.refuse = true;
	say(command(1, "L1", "a"));
	say(command(2, "L1", "a"));
	expect(MSG_RCPT);
	assert_int_equal(last.status, RCPT_REJECTED);
	expect_held(1, true);
}

static void test_guard_stops_after_refusals(void **state)
{
	(void)state;
	start(CONN_CAS);
	fake.spec = GUARDED("\"stop_after_refusals\":\"2\"");
	shake_hands(false);
	fake.refuse = true;
	for (int64_t n = 1; n <= 2; n++) {
		say(command(n, "L1", "a"));
		expect(MSG_INTENT);
		expect(MSG_RCPT);
		assert_int_equal(last.status, RCPT_REJECTED);
	}
	fake.refuse = false;
	say(command(3, "L1", "a"));
	expect_held(1, true); /* and no INTENT: nothing was begun */
	assert_int_equal(count('A'), 2);
	say((struct msg){.type = MSG_PAUSE});
	say((struct msg){.type = MSG_RESUME});
	expect(MSG_INTENT);
	expect(MSG_RCPT);
	assert_int_equal(last.status, RCPT_APPLIED);
	expect_held(0, false);
}

/* One that was applied in between starts the count anew. */
static void test_guard_counts_refusals_in_a_row(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.spec = GUARDED("\"stop_after_refusals\":\"2\"");
	shake_hands(false);
	for (int64_t n = 1; n <= 6; n++) {
		fake.refuse = n % 2;
		say(command(n, "L1", "a"));
		expect(MSG_RCPT);
	}
	assert_int_equal(conn->nheld, 0);
}

static void test_refetch_in_pieces(void **state)
{
	static struct br_str lids[450];
	static char text[450][8];

	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	for (size_t i = 0; i < BR_LEN(lids); i++)
		lids[i] = (struct br_str){
			text[i], (size_t)snprintf(text[i], sizeof(text[i]), "R%zu", i)};
	say((struct msg){.type = MSG_REFETCH,
		.rec = BR_STR("application"),
		.lids = lids,
		.nlids = BR_LEN(lids)});
	say((struct msg){.type = MSG_REFETCH, .rec = BR_STR("unknown"), .lids = lids, .nlids = 1});
	say((struct msg){
		.type = MSG_REFETCH, .rec = BR_STR("application"), .lids = lids, .nlids = 1});
	WAIT(fake.refetched == 451);
	assert_int_equal(fake.refetch_calls, 4);
	expect(MSG_OBS);
	assert_int_equal(last.reason, OBS_REFETCH);
	assert_true(br_str_eq(last.lid, BR_STR("R0")));
}

/* Nothing is gone because it was not seen once. */
static void test_a_second_look_before_a_record_is_gone(void **state)
{
	struct br_str lost = BR_STR("L2");
	int64_t from;

	(void)state;
	start(CONN_INBOX);
	fake_system.gone_after_ms = 300;
	fake.rows[0] = (struct row){"L1", NULL, OBS_POLL};
	fake.rows[1] = (struct row){"L2", NULL, OBS_POLL};
	fake.nrows = 2;
	fake.lost = "L2";
	from = br_loop_now(loop);
	shake_hands(false);
	WAIT(count('P') == 1);
	/* the bridge asks too, and too soon */
	say((struct msg){
		.type = MSG_REFETCH, .rec = BR_STR("application"), .lids = &lost, .nlids = 1});
	expect(MSG_OBS);
	assert_true(last.present);
	assert_true(br_str_eq(last.lid, BR_STR("L1")));
	expect(MSG_OBS);
	assert_false(last.present);
	assert_true(br_str_eq(last.lid, lost));
	assert_int_equal(last.reason, OBS_REFETCH);
	assert_true(br_loop_now(loop) - from >= 300000);
	assert_int_equal(fake.refetch_calls, 2);
	assert_null(conn->missing);
}

static void test_sweep(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.digests[0] = (struct msg_digest){BR_STR("L1"), 5};
	fake.ndigests = 1;
	expect_hello();
	say_begin();
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce), .sweep_mode = SWEEP_FULL});
	expect(MSG_DIGEST);
	assert_int_equal(last.ndigests, 1);
	assert_true(br_str_eq(last.lo, BR_STR("a")));
	expect(MSG_SWEEP);
	assert_true(last.done);
	assert_string_equal(fake.trace, "OBPS"); /* news first */
}

/* Chunks of a demanded walk follow one another at once; what the system could not answer does not.
 */
static void test_a_demanded_sweep_waits_after_a_failure(void **state)
{
	int64_t from;

	(void)state;
	start(CONN_INBOX);
	fake.put_off = 3;
	expect_hello();
	say_begin();
	from = br_loop_now(loop);
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce), .sweep_mode = SWEEP_FULL});
	expect(MSG_SWEEP);
	assert_true(br_loop_now(loop) - from >= 300000);
	assert_int_equal(count('S'), 4);
}

static void test_later_does_not_hold_up_reading(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.later = 2;
	expect_hello();
	say_begin();
	say(command(1, "L1", "a"));
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	WAIT(count('P') == 1); /* with an inbox nothing is in doubt */
	expect(MSG_RCPT);
	assert_string_equal(fake.trace, "OBAPAA");
}

/* A predecessor may have written it: what it wrote must not be read as somebody's edit. */
static void test_later_with_an_unread_inbox_holds_up_reading(void **state)
{
	(void)state;
	start(CONN_INBOX);
	fake.later = 3;
	fake.unread = 2;
	expect_hello();
	say_begin();
	say(command(1, "L1", "a"));
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	WAIT(count('P') == 1);
	expect(MSG_RCPT);
	assert_string_equal(fake.trace, "OBAAAPA");
}

static void test_later_in_doubt_holds_up_reading(void **state)
{
	struct msg m;

	(void)state;
	start(CONN_CAS);
	fake.later = 2;
	expect_hello();
	say_begin();
	m = command(1, "L1", "a");
	m.attempted = true;
	say(m);
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	WAIT(count('P') == 1);
	assert_string_equal(fake.trace, "OBAAAP");
	for (int i = 1; i <= 3; i++) {
		expect(MSG_INTENT);
		assert_int_equal(last.attempt, i);
	}
	expect(MSG_RCPT);
}

static void test_progress_is_no_answer(void **state)
{
	struct conn_receipt r = {.status = RCPT_PROGRESS};

	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	fake.hold = true;
	say(command(1, "L1", "a"));
	WAIT(count('A') == 1);
	conn_answer(fake.c, fake.cmds[0], &r);
	expect(MSG_RCPT);
	assert_int_equal(last.status, RCPT_PROGRESS);
	assert_int_equal(conn->nrunning, 1);
	r = (struct conn_receipt){
		.status = RCPT_REJECTED, .code = BR_STR("4003"), .text = BR_STR("bad\xff byte")};
	conn_answer(fake.c, fake.cmds[0], &r);
	expect(MSG_RCPT);
	assert_true(br_str_eq(last.text, BR_STR("bad")));
	assert_int_equal(conn->nrunning, 0);
}

static void test_commands_and_polls_take_turns(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	fake.hold = true;
	say(command(1, "L1", "a"));
	WAIT(count('A') == 1);
	conn_wake(conn);
	say(command(2, "L2", "a"));
	WAIT(conn->nready == 1);
	for (int i = 0; i < 20; i++)
		br_loop_turn(loop, 1000);
	assert_string_equal(fake.trace,
		"OBPA"); /* no read beside a write, and no more writes while a read is due */
	fake.hold = false;
	answer(fake.cmds[0]);
	expect(MSG_RCPT);
	expect(MSG_RCPT);
	assert_string_equal(fake.trace, "OBPAPA");
}

static void test_kafka_trouble_is_a_new_handshake(void **state)
{
	(void)state;
	start(CONN_INBOX);
	shake_hands(false);
	rd_kafka_mock_push_request_errors(
		cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	observe("L1", "lost", OBS_POLL);
	WAIT(count('C') == 1);
	expect_hello();
	say_begin();
	say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
	WAIT(count('P') == 2);
}

static void fail_with(enum br_err_code code)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, code, "path", "x", "why", "y", NULL);
	conn_failed(conn, &err);
}

/* Also what would be a wrong configuration at the start: a table may be away for a moment. */
static void test_a_system_that_is_down_is_tried_again(void **state)
{
	static const enum br_err_code codes[] = {BR_E_SYSTEM, BR_E_FILE_READ};

	for (size_t i = 0; i < BR_LEN(codes); i++) {
		start(CONN_INBOX);
		shake_hands(false);
		fake.fail_open = 2;
		fake.fail_with = codes[i];
		fail_with(codes[i]);
		expect(MSG_BYE);
		expect_hello();
		assert_string_equal(fake.trace, "OBPCOCOCO");
		/* it may fail yet: what was told of it holds until it has been taken */
		assert_int_equal(conn->system_down, codes[i]);
		say_begin();
		say((struct msg){.type = MSG_FENCE, .nonce = br_str_z(nonce)});
		WAIT(count('P') == 2);
		assert_int_equal(conn->system_down, BR_E_OK);
		if (i + 1 < BR_LEN(codes))
			finish(state);
	}
}

/* After several outages the next one is not waited out for as long as they were. */
static void test_who_came_through_is_soon_back(void **state)
{
	int64_t waited;

	(void)state;
	start(CONN_INBOX);
	conn->backoff_us = waited = 30000000; /* as it is after many tries in vain */
	shake_hands(false);
	say((struct msg){.type = MSG_RESTART, .text = BR_STR("gap")});
	expect(MSG_BYE);
	WAIT(conn->stage == CONN_DOWN);
	assert_true(conn->backoff_us < waited / 10);
}

static void test_a_wrong_configuration_ends_the_process(void **state)
{
	(void)state;
	start(CONN_INBOX);
	expect_hello();
	fail_with(BR_E_FILE_READ);
	assert_int_equal(br_loop_run(loop), 78);
}

/* The mock broker answers a fetch that finds nothing when its time is over, whatever comes
 * meanwhile: the shorter that is, the sooner a message arrives. */
static struct cfg_node soon = {
	.kind = CFG_SCALAR, .key = BR_STR("fetch.wait.max.ms"), .text = BR_STR("10")};
static struct cfg_node kafka_settings = {.kind = CFG_MAP, .n = 1, .child = &soon};

static void test_a_full_queue_waits_and_keeps_the_order(void **state)
{
	struct cfg_node room = {.kind = CFG_SCALAR,
		.key = BR_STR("queue.buffering.max.messages"),
		.text = BR_STR("1000"),
		.next = &soon};
	struct cfg_node settings = {.kind = CFG_MAP, .n = 2, .child = &room};
	char lid[16];

	(void)state;
	site.kafka = &settings;
	start(CONN_INBOX);
	shake_hands(false);
	site.kafka = &kafka_settings;
	rd_kafka_mock_broker_set_rtt(cluster, 1, 100);
	fake.flood = 7000;
	conn_wake(conn);
	WAIT(count('P') == 2);
	assert_non_null(conn->waiting);
	assert_true(conn_congested(conn));
	conn_wake(conn);
	br_loop_turn(loop, 1000);
	assert_int_equal(count('P'), 2); /* no more is read while the queue is full */
	rd_kafka_mock_broker_set_rtt(cluster, 1, 0);
	for (int i = 0; i < 7000; i++) {
		expect(MSG_OBS);
		assert_int_equal(last.seq, i + 1);
		snprintf(lid, sizeof(lid), "F%06d", i);
		assert_true(br_str_eq(last.lid, br_str_z(lid)));
		if (i % 1000 == 0)
			br_arena_reset(&arena);
	}
	WAIT(count('P') == 3);
}

static void test_cache(void **state)
{
	struct conn_cache *t = conn_cache_new();
	char lid[24];
	size_t known = 0;

	(void)state;
	assert_non_null(t);
	conn_cache_put(t, 0, BR_STR("a"), 5);
	conn_cache_put(t, 1, BR_STR("a"), 6);
	assert_true(conn_cache_told(t, 0, BR_STR("a"), 5));
	assert_false(conn_cache_told(t, 0, BR_STR("a"), 6));
	assert_true(conn_cache_told(t, 1, BR_STR("a"), 6));
	conn_cache_put(t, 0, BR_STR("a"), 7);
	assert_false(conn_cache_told(t, 0, BR_STR("a"), 5));
	conn_cache_drop(t, 0, BR_STR("a"));
	assert_false(conn_cache_told(t, 0, BR_STR("a"), 7));
	/* bounded: old entries give way, and what is still there is right */
	for (uint64_t i = 0; i < 300000; i++)
		conn_cache_put(t, 0,
			(struct br_str){lid,
				(size_t)snprintf(lid, sizeof(lid), "%llu", (unsigned long long)i)},
			i);
	for (uint64_t i = 0; i < 300000; i++) {
		struct br_str s = {
			lid, (size_t)snprintf(lid, sizeof(lid), "%llu", (unsigned long long)i)};

		known += conn_cache_told(t, 0, s, i);
		assert_false(conn_cache_told(t, 0, s, i + 1));
	}
	assert_true(known > 100000 && known <= 131072);
	conn_cache_clear(t);
	assert_false(conn_cache_told(t, 1, BR_STR("a"), 6));
	conn_cache_free(t);
}

static int setup(void **state)
{
	struct shape_builder *b;

	(void)state;
	site.kafka = &kafka_settings;
	if (mock_kafka_start(&site) < 0)
		return -1;
	br_arena_init(&arena, 256 << 20);
	static struct br_arena shapes;

	br_arena_init(&shapes, 1 << 20);
	b = shape_begin(&shapes);
	shape_add_field(b, BR_STR("xm"), SHAPE_TEXT, NULL);
	shape_add_field(b, BR_STR("zt"), SHAPE_TEXT, NULL);
	shape_add_part(b, BR_STR("steps"));
	shape_add_field(b, BR_STR("yj"), SHAPE_TEXT, NULL);
	shape = shape_end(b);
	return shape ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	mock_kafka_stop();
	br_arena_release(&arena);
	return 0;
}

#define ON_STAGE(test) cmocka_unit_test_teardown(test, finish)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache),
		ON_STAGE(test_handshake_settles_before_it_reads),
		ON_STAGE(test_reading_waits_for_the_last_answer),
		ON_STAGE(test_a_repeated_command_is_answered_not_executed),
		ON_STAGE(test_answers_are_forgotten_in_order),
		ON_STAGE(test_a_later_begin_fences),
		ON_STAGE(test_a_begin_of_an_older_bridge_fences_too),
		ON_STAGE(test_own_begin_under_another_epoch),
		ON_STAGE(test_a_ping_of_a_higher_epoch_fences),
		ON_STAGE(test_hello_without_an_answer_is_said_again),
		ON_STAGE(test_an_older_bridge_that_is_left_is_found_again),
		ON_STAGE(test_own_begin_again),
		ON_STAGE(test_a_bridge_that_starts_again_is_followed),
		ON_STAGE(test_a_hole_is_a_new_handshake),
		ON_STAGE(test_restart),
		ON_STAGE(test_intent_comes_before_the_call),
		ON_STAGE(test_caps_are_words),
		ON_STAGE(test_no_call_without_a_lease),
		ON_STAGE(test_the_lease_runs_from_what_was_said),
		ON_STAGE(test_the_predecessors_lease_is_waited_for),
		ON_STAGE(test_where_writes_are_guarded_no_lease_is_waited_for),
		ON_STAGE(test_clean_stop_says_bye),
		ON_STAGE(test_no_bye_while_in_doubt),
		ON_STAGE(test_nothing_to_do_for_a_stopped_one),
		ON_STAGE(test_only_news_is_told),
		ON_STAGE(test_what_stands_there_instead_is_told),
		ON_STAGE(test_what_was_written_is_told_while_all_is_read_anew),
		ON_STAGE(test_all_is_told_again_after_a_handshake),
		ON_STAGE(test_cursor_follows_its_observations),
		ON_STAGE(test_records_that_cannot_be_told),
		ON_STAGE(test_pause),
		ON_STAGE(test_guard_holds_back),
		ON_STAGE(test_guard_counts_commands_not_tries),
		ON_STAGE(test_a_stop_holds_what_was_let_through),
		ON_STAGE(test_guard_stops_after_refusals),
		ON_STAGE(test_guard_counts_refusals_in_a_row),
		ON_STAGE(test_refetch_in_pieces),
		ON_STAGE(test_a_second_look_before_a_record_is_gone),
		ON_STAGE(test_sweep),
		ON_STAGE(test_a_demanded_sweep_waits_after_a_failure),
		ON_STAGE(test_later_does_not_hold_up_reading),
		ON_STAGE(test_later_with_an_unread_inbox_holds_up_reading),
		ON_STAGE(test_later_in_doubt_holds_up_reading),
		ON_STAGE(test_progress_is_no_answer),
		ON_STAGE(test_commands_and_polls_take_turns),
		ON_STAGE(test_kafka_trouble_is_a_new_handshake),
		ON_STAGE(test_a_system_that_is_down_is_tried_again),
		ON_STAGE(test_who_came_through_is_soon_back),
		ON_STAGE(test_a_wrong_configuration_ends_the_process),
		ON_STAGE(test_a_full_queue_waits_and_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
