/*
 * Out of memory wherever the step asks for some: the batch is marked as failed, so that nothing of
 * it is stored, or all is as if there had been enough; nothing is touched that is not there, and
 * nothing leaks. (Built for the sanitizers each piece of an arena is an allocation of its own.)
 *
 * One story, message by message; for each of them all its allocations fail in turn, on top of the
 * messages before it.
 */
#include "hub_step.h"
#include "hub_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "hub_fixture.h"
#include "torture.h"

#define RECORD(name, role, id, more)                                                               \
	"system: " name "\ntitle: 系统\nrole: " role                                               \
	"\nconnector: postgres\nstart_live: true\nconnection: { dsn: \"dbname=x\" }\n"             \
	"records:\n  r:\n    root: { table: t, key: id }\n    read: { every: 1s }\n"               \
	"    write: { create: true }\n    match: [ dept_case_no ]\n    case:\n      " id           \
	": id\n" more "      applicant.address: ad\n      summary: su\n"                           \
	"      outcome_reason: re\n      status: { column: zt, codes: { \"0\": RECEIVED, \"1\": "  \
	"ACCEPTED, \"2\": FINISHED } }\n"                                                          \
	"    parts: { steps: { table: l, parent: id, key: xh, case: { opinion: op } } }\n"         \
	"    on_create: { id: { generate: \"nextval('s')\", returning: true } }\n"
static const struct fixture_file files[] = {
	{"systems/a.yaml", RECORD("a", "department", "dept_case_no", "")},
	{"systems/b.yaml", RECORD("b", "portal", "portal_case_no", "      dept_case_no: bn\n")}};

/* A '#' is where the case's id goes; of other messages there is "type":... and the rest. */
static const struct line {
	char system; /* 'o': an order; '!': a poisoned message of a */
	const char *text;
} story[] = {
	{'a', "\"t\":\"HELLO\",\"nonce\":\"n1\",\"caps\":\"inbox\""},
	{'b', "\"t\":\"HELLO\",\"nonce\":\"n2\",\"caps\":\"inbox\""},
	{'b', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"P1\",\"present\":true,\"reason\":\"poll\","
	      "\"image\":{\"id\":\"P1\",\"bn\":null,\"ad\":\"x\",\"su\":\"y\\n\",\"zt\":\"0\","
	      "\"steps/1/op\":\"o\"}"},
	{'a', "\"t\":\"INTENT\",\"did\":\"7.#.r.1\",\"attempt\":1"},
	{'a', "\"t\":\"RCPT\",\"rec\":\"r\",\"did\":\"7.#.r.1\",\"status\":\"PROGRESS\","
	      "\"lid\":\"D1\",\"image\":{\"id\":\"D1\",\"ad\":\"x\"}"},
	{'a', "\"t\":\"RCPT\",\"rec\":\"r\",\"did\":\"7.#.r.1\",\"status\":\"APPLIED\","
	      "\"lid\":\"D1\",\"atomic\":true,\"image\":{\"id\":\"D1\",\"ad\":\"x\",\"su\":\"y\","
	      "\"re\":null,\"zt\":\"0\",\"steps/1/op\":\"o\"}"},
	{'b', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"P1\",\"present\":true,\"reason\":\"poll\","
	      "\"image\":{\"id\":\"P1\",\"bn\":null,\"ad\":\"x2\",\"su\":\"y\",\"re\":\"mine\","
	      "\"zt\":\"1\"}"},
	{'a', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"D1\",\"present\":true,\"reason\":\"poll\","
	      "\"image\":{\"id\":\"D1\",\"ad\":\"x3\",\"su\":\"z\",\"re\":\"r\",\"zt\":\"2\","
	      "\"steps/1/op\":\"o\",\"steps/2/op\":\"p\"}"},
	{'b', "\"t\":\"RCPT\",\"rec\":\"r\",\"did\":\"7.#.r.1\",\"status\":\"STALE\",\"lid\":"
	      "\"P1\",\"doubt\":true,\"image\":{\"id\":\"P1\",\"bn\":\"d1\",\"ad\":\"x4\","
	      "\"su\":\"y\",\"re\":\"q\",\"zt\":\"1\"}"},
	{'b', "\"t\":\"RCPT\",\"rec\":\"r\",\"did\":\"7.#.r.2\",\"status\":\"REJECTED\",\"lid\":"
	      "\"P1\",\"code\":\"23505\",\"text\":\"no\\u4e0d\""},
	{'b', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"P1\",\"present\":true,\"reason\":\"poll\","
	      "\"image\":{\"id\":\"P1\",\"zt\":\"9\"}"},
	{'a', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"D2\",\"present\":true,\"reason\":\"poll\","
	      "\"raw\":\"wQD/Cg==\",\"code\":\"BASE-004\",\"text\":\"no\\n\""},
	{'a', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"D3\",\"present\":true,\"reason\":\"poll\","
	      "\"image\":{\"id\":\"D3\",\"ad\":\"w\"}"},
	{'b', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"P3\",\"present\":true,\"reason\":\"poll\","
	      "\"image\":{\"id\":\"P3\",\"bn\":\"D3\",\"ad\":\"v\"}"},
	{'b', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"P4\",\"present\":true,\"reason\":\"poll\","
	      "\"image\":{\"id\":\"P4\",\"bn\":\"D3\",\"ad\":\"v\"}"},
	{'a', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"D3\",\"present\":false,\"reason\":\"sweep\""},
	{'a', "\"t\":\"CURSOR\",\"cursor\":{\"rv\":17}"},
	{'!', "\"t\":\"OBS\",\"rec\":\"r\",\"lid\":\"D1\",\"present\":true,\"reason\":\"poll\","
	      "\"image\":{\"id\":\"D1\",\"ad\":\"p\"}"},
	{'o', "{\"t\":\"RETRY\",\"id\":\"o1\",\"sys\":\"b\",\"record\":\"r\",\"lid\":\"P1\","
	      "\"case\":\"#\",\"by\":\"p\",\"why\":\"w\"}"},
	{'o', "{\"t\":\"SYSTEM\",\"sys\":\"b\",\"state\":\"paused\"}"},
	{'a', "\"t\":\"ALIVE\",\"skip\":1"},
};

static struct hub_system systems[2];
static struct br_arena arena, words; /* words: of the messages */
static struct hub_world w;
static char ulid[HUB_ULID_TEXT + 1];

static const struct shape *shape_of(void *arg, struct br_str sys, struct br_str rec)
{
	(void)arg;
	return map_shape(map_find(maps[sys.p[0] - 'a'], rec));
}

static void begin(void)
{
	hub_world_begin(&w, &arena); /* its tables end before what they hold */
	br_arena_release(&arena);
	br_arena_init(&arena, 64u << 20);
	br_buf_release(&w.scratch);
	br_buf_release(&w.delta);
	for (size_t i = 0; i < 2; i++) {
		/* hub_step() makes the next one; the analyzer does not see it */
		free((char *)(uintptr_t)systems[i].cursor.p); // NOLINT(clang-analyzer-unix.Malloc)
		systems[i] = (struct hub_system){.id = (int16_t)(i + 1),
			.code = br_str_z(i ? "b" : "a"),
			.role = i ? CASE_OWNER_PORTAL : CASE_OWNER_DEPARTMENT,
			.maps = maps[i],
			.credit = 100,
			.state = SYS_LIVE};
	}
	w.schema = schema;
	w.systems = systems;
	w.nsystems = 2;
	w.incarnation = 7;
	w.topic = BR_STR("in.x");
	br_buf_init(&w.scratch, 1u << 20);
	br_buf_init(&w.delta, 1u << 20);
	hub_world_begin(&w, &arena);
}

/* The line as bytes, with the id of the first case in it. */
static struct br_str bytes_of(const struct line *line, const struct hub_system *s)
{
	const char *hash = strchr(line->text, '#');
	int before = hash ? (int)(hash - line->text) : (int)strlen(line->text);

	if (line->system == 'o')
		return br_arena_printf(&words, "%.*s%s%s", before, line->text, hash ? ulid : "",
			hash ? hash + 1 : "");
	return br_arena_printf(&words,
		"{\"v\":1,\"sys\":\"%s\",\"epoch\":%lld,\"seq\":%lld,%.*s%s%s}", s->code.p,
		(long long)s->epoch, (long long)s->last_seq + (strstr(line->text, "skip") ? 2 : 1),
		before, line->text, hash ? ulid : "", hash ? hash + 1 : "");
}

/* The allocations of the step alone count: how many may pass before one fails, 0 = all. */
static void tell(const struct line *line, unsigned fails)
{
	struct hub_system *s = &systems[line->system == 'b'];
	struct br_str bytes = bytes_of(line, s);
	struct hub_order order;
	struct msg m;
	struct br_err err;

	br_err_clear(&err);
	w.now_ms = 1530493500000;
	w.offset++;
	if (line->system == 'o') {
		assert_true(hub_order_read(bytes, &words, &order, &err));
		torture_left = fails;
		hub_order_fold(&w, &order);
		torture_left = 0;
		return;
	}
	if (msg_read(bytes, shape_of, NULL, &words, &m, &err) < 0)
		fail_msg("%s", bytes.p);
	torture_left = fails;
	if (line->system == '!')
		hub_step_poison(&w, s, &m, BR_STR("k"), bytes, "refused");
	else
		hub_step(&w, s, &m);
	torture_left = 0;
	if (w.cases && !ulid[0])
		memcpy(ulid, w.cases->ulid, sizeof(ulid));
}

static uint64_t mixed(uint64_t h, uint64_t more)
{
	return (h ^ more) * UINT64_C(0x100000001b3);
}

/* What would be stored and sent. */
static uint64_t digest(void)
{
	uint64_t h = 1;

	for (struct hub_case *k = w.cases; k; k = k->hh.next) {
		h = mixed(mixed(h, (uint64_t)k->ver), image_hash(&k->doc));
		for (struct hub_link *l = k->links; l; l = l->next) {
			h = mixed(mixed(h, (uint64_t)l->n), image_hash(&l->shadow));
			h = mixed(mixed(h, l->state), l->lid.n);
			h = mixed(h, l->inflight.on ? image_hash(&l->inflight.set) : 0);
		}
	}
	for (const struct hub_history *x = w.history; x; x = x->next)
		h = mixed(h, br_hash(x->delta.p, x->delta.n));
	for (const struct hub_conflict *x = w.conflicts; x; x = x->next)
		h = mixed(h, br_hash(x->lose.p, x->lose.n));
	for (const struct hub_parked *x = w.parked; x; x = x->next)
		h = mixed(h, br_hash(x->text_en.p, x->text_en.n));
	for (const struct hub_unpark *x = w.unparked; x; x = x->next)
		h = mixed(h, 3);
	for (const struct hub_decision *x = w.decisions; x; x = x->next)
		h = mixed(h, x->outcome);
	for (const struct hub_out *x = w.outs; x; x = x->next)
		h = mixed(mixed(h, x->kind), x->nlids);
	for (size_t i = 0; i < 2; i++)
		h = mixed(mixed(h, br_hash(systems[i].cursor.p, systems[i].cursor.n)),
			(uint64_t)systems[i].outstanding);
	return h;
}

static void replay(size_t n)
{
	begin();
	br_arena_reset(&words);
	w.offset = 0;
	for (size_t i = 0; i < n; i++)
		tell(&story[i], 0);
	assert_false(w.failed);
}

static void test_line(void **state)
{
	size_t n = (size_t)((const struct line *)*state - story);
	struct torture torture = {0};
	uint64_t enough;

	replay(n + 1);
	enough = digest();
	while (torture_next(&torture)) {
		torture_left = 0;
		replay(n);
		tell(&story[n], torture.round);
		/* what is not marked as failed is stored */
		if (!w.failed && digest() != enough)
			fail_msg("allocation %u of message %zu: neither failed nor done",
				torture.round, n);
		if (!torture_hit(&torture))
			assert_false(w.failed);
	}
}

static int set_up(void **state)
{
	(void)state;
	br_arena_init(&words, 16u << 20);
	return fixture_load(files, BR_LEN(files));
}

static int tear_down(void **state)
{
	(void)state;
	begin();
	br_arena_release(&words);
	br_arena_release(&arena);
	br_buf_release(&w.scratch);
	br_buf_release(&w.delta);
	return fixture_unload();
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(story)];

	for (size_t i = 0; i < BR_LEN(story); i++)
		tests[i] = (struct CMUnitTest){.name = story[i].text,
			.test_func = test_line,
			.initial_state = (void *)(uintptr_t)&story[i]};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
