/* Messages: every type survives the way through JSON; hostile bytes are refused with the place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "message.h"

#include <stdlib.h>

static struct br_arena arena;
static const struct shape *shape;

static const struct shape *find_shape(void *arg, struct br_str sys, struct br_str rec)
{
	(void)arg;
	(void)sys;
	return br_str_eq(rec, BR_STR("application")) ? shape : NULL;
}

static struct image image_of(const char *xm, const char *yj)
{
	struct image_builder b;
	struct image img;

	image_build(&b, &arena, 4);
	image_set(&b, 0, BR_STR_NONE, 0, br_str_z(xm));
	image_set_null(&b, 0, BR_STR_NONE, 1);
	if (yj)
		image_set(&b, 1, BR_STR("1/%"), 2, br_str_z(yj));
	assert_int_equal(image_build_end(&b, &img), 0);
	return img;
}

#define DID                                                                                        \
	{                                                                                          \
		.incarnation = 1530493500, .cid = BR_STR("01CHD0Q5TR0000000000000000"),            \
		.rec = BR_STR("application"), .n = 7                                               \
	}
#define HEAD .sys = BR_STR("civil-affairs"), .epoch = 3, .seq = 17, .ts = 1530493500123

static struct br_str two_lids[] = {BR_STR("YDZ1"), BR_STR("YDZ\"2")};
static struct msg_digest two_digests[] = {
	{BR_STR("YDZ1"), 0xfedcba9876543210u}, {BR_STR("YDZ2"), 1}};

static const struct round_trip {
	const char *name;
	struct msg m;
	bool images;
} round_trips[] = {
	{"hello",
		{.type = MSG_HELLO,
			.sys = BR_STR("portal"),
			.nonce = BR_STR("n1"),
			.inc = BR_STR("i"),
			.caps = BR_STR("inbox"),
			.target_epoch = 9,
			.beat = 12,
			.map_hash = 0xffffffffffffffffu},
		false},
	{"hello, the bare one", {.type = MSG_HELLO, .sys = BR_STR("portal"), .nonce = BR_STR("n1")},
		false},
	{"observation",
		{.type = MSG_OBS,
			HEAD,
			.rec = BR_STR("application"),
			.lid = BR_STR("YDZ1"),
			.present = true,
			.src_ts = 5,
			.by = BR_STR("张三"),
			.reason = OBS_PUSH},
		true},
	{"observation of nothing",
		{.type = MSG_OBS,
			HEAD,
			.rec = BR_STR("application"),
			.lid = BR_STR("YDZ1"),
			.reason = OBS_SWEEP},
		false},
	{"observation of bytes",
		{.type = MSG_OBS,
			HEAD,
			.rec = BR_STR("other"),
			.lid = BR_STR("YDZ1"),
			.present = true,
			.raw = {"\xc1\x00\xff\n", 4},
			.code = BR_STR("BASE-004"),
			.text = BR_STR("…")},
		false},
	{"intent", {.type = MSG_INTENT, HEAD, .did = DID, .attempt = 2}, false},
	{"receipt",
		{.type = MSG_RCPT,
			HEAD,
			.did = DID,
			.status = RCPT_APPLIED,
			.lid = BR_STR("YDZ1"),
			.whole = true,
			.atomic = true},
		true},
	{"receipt, refused",
		{.type = MSG_RCPT,
			HEAD,
			.did = DID,
			.status = RCPT_REJECTED,
			.doubt = true,
			.code = BR_STR("23505"),
			.text = BR_STR("duplicate\nkey"),
			.ref = BR_STR("r")},
		false},
	{"receipt, progress", {.type = MSG_RCPT, HEAD, .did = DID, .status = RCPT_PROGRESS}, false},
	{"cursor", {.type = MSG_CURSOR, HEAD, .cursor = BR_STR("{\"rv\":\"123\"}")}, false},
	{"digest",
		{.type = MSG_DIGEST,
			HEAD,
			.rec = BR_STR("application"),
			.lo = BR_STR("a"),
			.digests = two_digests,
			.ndigests = 2},
		false},
	{"digest of an empty range", {.type = MSG_DIGEST, HEAD, .rec = BR_STR("application")},
		false},
	{"sweep", {.type = MSG_SWEEP, HEAD, .sweep = BR_STR("s-1"), .done = true}, false},
	{"held", {.type = MSG_HELD, HEAD, .held = 12, .stopped = true}, false},
	{"nothing held", {.type = MSG_HELD, HEAD}, false},
	{"alive", {.type = MSG_ALIVE, HEAD}, false},
	{"bye", {.type = MSG_BYE, HEAD}, false},
	{"begin",
		{.type = MSG_BEGIN,
			HEAD,
			.nonce = BR_STR("n1"),
			.assigned = 4,
			.incarnation = 1,
			.spec = BR_STR("[{\"record\":\"application\"}]"),
			.map_hash = 5},
		false},
	{"command, update",
		{.type = MSG_CMD,
			HEAD,
			.did = DID,
			.op = OP_UPDATE,
			.lid = BR_STR("YDZ1"),
			.ver = 3,
			.attempted = true},
		true},
	{"command, create",
		{.type = MSG_CMD,
			HEAD,
			.did = DID,
			.op = OP_CREATE,
			.nk = BR_STR("{\"sfzh\":\"1\"}")},
		true},
	{"fence",
		{.type = MSG_FENCE,
			HEAD,
			.nonce = BR_STR("n1"),
			.cursor = BR_STR("[1]"),
			.sweep_mode = SWEEP_FULL,
			.attempted = true},
		false},
	{"fence, first ever", {.type = MSG_FENCE, HEAD, .nonce = BR_STR("n1")}, false},
	{"ping", {.type = MSG_PING, HEAD, .assigned = 3, .counted = 17}, false},
	{"refetch",
		{.type = MSG_REFETCH,
			HEAD,
			.rec = BR_STR("application"),
			.lids = two_lids,
			.nlids = 2},
		false},
	{"pause", {.type = MSG_PAUSE, HEAD}, false},
	{"resume", {.type = MSG_RESUME, HEAD}, false},
	{"restart", {.type = MSG_RESTART, HEAD, .text = BR_STR("gap")}, false},
};

static void assert_same_str(struct br_str a, struct br_str b)
{
	assert_int_equal(a.n, b.n);
	assert_true(br_str_eq(a, b));
}

static void assert_same_lists(const struct msg *a, const struct msg *b)
{
	assert_int_equal(a->nlids, b->nlids);
	for (size_t i = 0; i < a->nlids; i++)
		assert_same_str(a->lids[i], b->lids[i]);
	assert_int_equal(a->ndigests, b->ndigests);
	for (size_t i = 0; i < a->ndigests; i++) {
		assert_same_str(a->digests[i].lid, b->digests[i].lid);
		assert_true(a->digests[i].hash == b->digests[i].hash);
	}
}

static void assert_same(const struct msg *a, const struct msg *b)
{
	const struct {
		struct br_str x, y;
	} texts[] = {{a->sys, b->sys}, {a->nonce, b->nonce}, {a->inc, b->inc}, {a->caps, b->caps},
		{a->spec, b->spec}, {a->cursor, b->cursor}, {a->rec, b->rec}, {a->lid, b->lid},
		{a->by, b->by}, {a->raw, b->raw}, {a->code, b->code}, {a->text, b->text},
		{a->ref, b->ref}, {a->nk, b->nk}, {a->lo, b->lo}, {a->hi, b->hi},
		{a->sweep, b->sweep}};
	const struct {
		int64_t x, y;
	} numbers[] = {{a->type, b->type}, {a->epoch, b->epoch}, {a->seq, b->seq}, {a->ts, b->ts},
		{a->target_epoch, b->target_epoch}, {a->beat, b->beat}, {a->assigned, b->assigned},
		{a->incarnation, b->incarnation}, {(int64_t)a->map_hash, (int64_t)b->map_hash},
		{a->sweep_mode, b->sweep_mode}, {a->present, b->present},
		{a->has_image, b->has_image}, {a->whole, b->whole}, {a->src_ts, b->src_ts},
		{a->reason, b->reason}, {a->status, b->status}, {a->atomic, b->atomic},
		{a->doubt, b->doubt}, {a->attempted, b->attempted}, {a->attempt, b->attempt},
		{a->op, b->op}, {a->ver, b->ver}, {a->done, b->done}, {a->held, b->held},
		{a->stopped, b->stopped}};

	for (size_t i = 0; i < BR_LEN(texts); i++)
		assert_same_str(texts[i].x, texts[i].y);
	for (size_t i = 0; i < BR_LEN(numbers); i++)
		assert_int_equal(numbers[i].x, numbers[i].y);
	assert_true(msg_did_same(&a->did, &b->did));
	assert_true(image_same(&a->image, &b->image));
	assert_true(image_same(&a->base, &b->base));
	assert_same_lists(a, b);
}

/* ... and that step is not to be there. */
static struct image without_step(const struct image *img, const char *key)
{
	struct image_builder b;
	struct image gone, all;

	image_build(&b, &arena, 1);
	image_set_null(&b, 1, br_str_z(key), IMAGE_ELEMENT);
	assert_int_equal(image_build_end(&b, &gone), 0);
	assert_int_equal(image_merge(img, &gone, &arena, &all), 0);
	return all;
}

static void test_round_trip(void **state)
{
	const struct round_trip *c = *state;
	struct msg m = c->m, back;
	struct br_buf out;
	struct br_err err;
	char text[512];

	br_err_clear(&err);
	br_buf_init(&out, 1 << 20);
	if (m.did.cid.n)
		m.rec = m.did.rec; /* the reader fills it from the delivery id */
	if (c->images) {
		m.has_image = true;
		m.image = image_of("李四 \"x\"", "同意");
		if (m.type == MSG_CMD) {
			m.base = image_of("张三", NULL);
			m.image = without_step(&m.image, "7");
		}
	}
	msg_write(&m, shape, &out);
	assert_false(br_buf_failed(&out));
	assert_true(out.n > 8 && memcmp(out.p, "{\"v\":1,\"t\":\"", 12) == 0);
	if (msg_read(br_buf_str(&out), find_shape, NULL, &arena, &back, &err) != 0)
		fail_msg("%s: %.*s", br_err_text(&err, BR_LANG_EN, text, sizeof(text)),
			BR_STR_ARG(br_buf_str(&out)));
	assert_same(&m, &back);
	br_buf_release(&out);
}

#define OBS(rest) "{\"v\":1,\"t\":\"OBS\",\"sys\":\"a\",\"epoch\":1,\"seq\":2," rest "}"
#define BODY	  "\"rec\":\"application\",\"lid\":\"l\",\"present\":true,\"reason\":\"poll\""
#define RCPT(did)                                                                                  \
	"{\"v\":1,\"t\":\"RCPT\",\"sys\":\"a\",\"epoch\":1,\"seq\":2," did ",\"status\":\"GONE\"}"
#define CID "01CHD0Q5TR0000000000000000"

static const struct hostile {
	const char *name, *json;
	int want;
	const char *member;
} hostiles[] = {
	{"nothing", "", -BR_E_JSON_SYNTAX, NULL},
	{"no object", "[1]", -BR_E_BUS_BAD_MESSAGE, ""},
	{"half", "{\"v\":1,\"t\":\"OBS\"", -BR_E_JSON_SYNTAX, NULL},
	{"something behind", "{\"v\":1,\"t\":\"BYE\",\"sys\":\"a\",\"epoch\":1,\"seq\":2}x",
		-BR_E_JSON_SYNTAX, NULL},
	{"no version", "{\"t\":\"BYE\"}", -BR_E_BUS_BAD_MESSAGE, "v"},
	{"version of the future", "{\"v\":2,\"t\":[]}", -BR_E_BUS_VERSION, NULL},
	{"version as text", "{\"v\":\"1\"}", -BR_E_BUS_BAD_MESSAGE, "v"},
	{"version 1.0", "{\"v\":1.0}", -BR_E_BUS_VERSION, NULL},
	{"no type", "{\"v\":1,\"sys\":\"a\",\"epoch\":1,\"seq\":2}", -BR_E_BUS_BAD_MESSAGE, "t"},
	{"unknown type", "{\"v\":1,\"t\":\"obs\"}", -BR_E_BUS_BAD_MESSAGE, "t"},
	{"type is a number", "{\"v\":1,\"t\":1}", -BR_E_BUS_BAD_MESSAGE, "t"},
	{"no seq", "{\"v\":1,\"t\":\"BYE\",\"sys\":\"a\",\"epoch\":1}", -BR_E_BUS_BAD_MESSAGE,
		"seq"},
	{"seq beyond int64",
		"{\"v\":1,\"t\":\"BYE\",\"sys\":\"a\",\"epoch\":1,\"seq\":9223372036854775808}",
		-BR_E_BUS_BAD_MESSAGE, "seq"},
	{"seq negative", "{\"v\":1,\"t\":\"BYE\",\"sys\":\"a\",\"epoch\":1,\"seq\":-1}",
		-BR_E_BUS_BAD_MESSAGE, "seq"},
	{"seq with a point", "{\"v\":1,\"t\":\"BYE\",\"sys\":\"a\",\"epoch\":1,\"seq\":1.5}",
		-BR_E_BUS_BAD_MESSAGE, "seq"},
	{"seq null", "{\"v\":1,\"t\":\"BYE\",\"sys\":\"a\",\"epoch\":1,\"seq\":null}",
		-BR_E_BUS_BAD_MESSAGE, "seq"},
	{"member twice",
		"{\"v\":1,\"t\":\"BYE\",\"sys\":\"a\",\"sys\":\"b\",\"epoch\":1,\"seq\":1}",
		-BR_E_JSON_SYNTAX, NULL},
	{"system is null", "{\"v\":1,\"t\":\"BYE\",\"sys\":null,\"epoch\":1,\"seq\":1}",
		-BR_E_BUS_BAD_MESSAGE, "sys"},
	{"present without image", OBS(BODY), -BR_E_BUS_BAD_MESSAGE, "image"},
	{"image without record",
		OBS("\"lid\":\"l\",\"present\":true,\"reason\":\"poll\",\"image\":{}"),
		-BR_E_BUS_BAD_MESSAGE, "rec"},
	{"image of an unknown record",
		OBS("\"rec\":\"x\",\"lid\":\"l\",\"present\":true,\"reason\":\"poll\",\"image\":{"
		    "}"),
		-BR_E_BUS_BAD_MESSAGE, "rec"},
	{"present is text",
		OBS("\"rec\":\"application\",\"lid\":\"l\",\"present\":\"true\",\"reason\":"
		    "\"poll\""),
		-BR_E_BUS_BAD_MESSAGE, "present"},
	{"unknown reason",
		OBS("\"rec\":\"application\",\"lid\":\"l\",\"present\":false,\"reason\":\"guess\""),
		-BR_E_BUS_BAD_MESSAGE, "reason"},
	{"bad base64", OBS(BODY ",\"raw\":\"YQ\",\"code\":\"c\""), -BR_E_BUS_BAD_MESSAGE, "raw"},
	{"base64 with a blank", OBS(BODY ",\"raw\":\"YQ =\",\"code\":\"c\""), -BR_E_BUS_BAD_MESSAGE,
		"raw"},
	{"base64 padded inside", OBS(BODY ",\"raw\":\"YQ==YQ==\",\"code\":\"c\""),
		-BR_E_BUS_BAD_MESSAGE, "raw"},
	{"did without its parts", RCPT("\"did\":\"1\""), -BR_E_BUS_BAD_MESSAGE, "did"},
	{"did with a short case", RCPT("\"did\":\"1.abc.application.1\""), -BR_E_BUS_BAD_MESSAGE,
		"did"},
	{"did without a number", RCPT("\"did\":\"1." CID ".application.\""), -BR_E_BUS_BAD_MESSAGE,
		"did"},
	{"did without a record", RCPT("\"did\":\"1." CID "..1\""), -BR_E_BUS_BAD_MESSAGE, "did"},
	{"did of two dots", RCPT("\"did\":\"1." CID ".1\""), -BR_E_BUS_BAD_MESSAGE, "did"},
	{"record is not the did's", RCPT("\"rec\":\"x\",\"did\":\"1." CID ".application.1\""),
		-BR_E_BUS_BAD_MESSAGE, "did"},
	{"no did",
		"{\"v\":1,\"t\":\"RCPT\",\"sys\":\"a\",\"epoch\":1,\"seq\":2,\"status\":\"GONE\"}",
		-BR_E_BUS_BAD_MESSAGE, "did"},
	{"hash of 17 digits",
		"{\"v\":1,\"t\":\"HELLO\",\"sys\":\"a\",\"epoch\":0,\"seq\":0,\"nonce\":\"n\","
		"\"map_hash\":\"00000000000000001\"}",
		-BR_E_BUS_BAD_MESSAGE, "map_hash"},
	{"digests not in pairs",
		"{\"v\":1,\"t\":\"DIGEST\",\"sys\":\"a\",\"epoch\":1,\"seq\":2,\"rec\":\"r\","
		"\"digests\":[\"a\"]}",
		-BR_E_BUS_BAD_MESSAGE, "digests"},
	{"lids of numbers",
		"{\"v\":1,\"t\":\"REFETCH\",\"sys\":\"a\",\"epoch\":1,\"seq\":2,\"rec\":\"r\","
		"\"lids\":[1]}",
		-BR_E_BUS_BAD_MESSAGE, "lids"},
	{"command with a column we do not know",
		"{\"v\":1,\"t\":\"CMD\",\"sys\":\"a\",\"epoch\":1,\"seq\":2,\"did\":\"1." CID
		".application.1\",\"op\":\"create\",\"base\":{},"
		"\"image\":{\"nope\":\"1\"}}",
		1, "image"},
	{"bad UTF-8", "{\"v\":1,\"t\":\"BYE\",\"sys\":\"\xc0\x80\",\"epoch\":1,\"seq\":1}", 1,
		NULL},
	{"U+0000", "{\"v\":1,\"t\":\"BYE\",\"sys\":\"\\u0000\",\"epoch\":1,\"seq\":1}", 1, NULL},
	{"newer members are ignored",
		"{\"v\":1,\"t\":\"BYE\",\"sys\":\"a\",\"new\":{\"x\":[1,{}]},\"epoch\":1,\"seq\":1,"
		"\"newer\":null}",
		0, NULL},
	{"columns a newer mapping dropped are ignored",
		OBS(BODY ",\"image\":{\"old\":\"1\",\"xm\":\"2\"}"), 0, NULL},
	{"another order of members", "{\"v\":1,\"seq\":1,\"epoch\":1,\"sys\":\"a\",\"t\":\"BYE\"}",
		0, NULL},
};

static void test_hostile(void **state)
{
	const struct hostile *c = *state;
	struct br_err err;
	struct msg m;
	int rc;

	br_err_clear(&err);
	rc = msg_read(br_str_z(c->json), find_shape, NULL, &arena, &m, &err);
	if (c->want > 0)
		assert_true(rc < 0);
	else
		assert_int_equal(rc, c->want);
	if (rc)
		assert_int_not_equal(br_err_code(&err), BR_E_OK);
	if (c->member)
		assert_string_equal(br_err_detail(&err, "member"), c->member);
	/* without an err it fails in the same way */
	assert_int_equal(msg_read(br_str_z(c->json), find_shape, NULL, &arena, &m, NULL), rc);
}

/* Every beginning of a good message is refused, and none is read past its end. */
static void test_every_cut(void **state)
{
	struct msg m = {.type = MSG_CMD,
		HEAD,
		.did = DID,
		.op = OP_UPDATE,
		.rec = BR_STR("application"),
		.lid = BR_STR("YDZ1"),
		.has_image = true};
	struct br_buf out;
	struct msg back;

	(void)state;
	m.image = image_of("李四", "同意");
	m.base = image_of("张三", NULL);
	br_buf_init(&out, 1 << 20);
	msg_write(&m, shape, &out);
	for (size_t n = 0; n < out.n; n++) {
		char *exact = malloc(n + 1);

		memcpy(exact, out.p, n);
		assert_true(msg_read((struct br_str){exact, n}, find_shape, NULL, &arena, &back,
				    NULL) < 0);
		free(exact);
	}
	br_buf_release(&out);
}

static void test_bad_text_fails_the_writer(void **state)
{
	struct msg m = {.type = MSG_RESTART, HEAD, .text = BR_STR("\xff")};
	struct br_buf out;

	(void)state;
	br_buf_init(&out, 1 << 20);
	msg_write(&m, NULL, &out);
	assert_true(br_buf_failed(&out));
	br_buf_release(&out);
}

static void test_caps(void **state)
{
	struct msg m = {.caps = BR_STR("cas lookup")};

	(void)state;
	assert_true(msg_has_cap(&m, BR_STR("cas")));
	assert_true(msg_has_cap(&m, BR_STR("lookup")));
	assert_false(msg_has_cap(&m, BR_STR("look")));
	assert_false(msg_has_cap(&m, BR_STR("inbox")));
}

static int setup(void **state)
{
	struct shape_builder *b;

	(void)state;
	br_arena_init(&arena, 64 << 20);
	b = shape_begin(&arena);
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
	br_arena_release(&arena);
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(round_trips) + BR_LEN(hostiles) + 3];
	size_t n = 0;

	for (size_t i = 0; i < BR_LEN(round_trips); i++)
		tests[n++] = (struct CMUnitTest){
			round_trips[i].name, test_round_trip, NULL, NULL, (void *)&round_trips[i]};
	for (size_t i = 0; i < BR_LEN(hostiles); i++)
		tests[n++] = (struct CMUnitTest){
			hostiles[i].name, test_hostile, NULL, NULL, (void *)&hostiles[i]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_every_cut);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_bad_text_fails_the_writer);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_caps);
	return cmocka_run_group_tests(tests, setup, teardown);
}
