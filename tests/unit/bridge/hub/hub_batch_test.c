/* Which of a refused batch is taken for what the ledger would not take. */
#include "hub_batch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "hub_fixture.h"

#define NO_POISON (-1)

/* A batch of so many records at offsets 5, 6, ..., so many links that waited, and perhaps cases
 * from before a system, as it was when the ledger refused it. */
struct refused {
	struct hub_system sys;
	struct hub_case kase;
	struct hub_link link;
	struct hub_link *due[2];
	struct hub_case *owed[2];
	struct bus_record records[2];
	struct hub_source source;
	struct hub_batch batch;
};

static void refuse(struct refused *r, size_t records, size_t due, unsigned owed)
{
	struct br_err err;

	*r = (struct refused){.source = {.poison = NO_POISON}};
	r->source.sys = &r->sys;
	r->link.sys = &r->sys;
	r->link.kase = &r->kase;
	r->due[0] = r->due[1] = &r->link;
	for (size_t i = 0; i < records; i++)
		r->records[i].offset = 5 + (int64_t)i;
	r->batch.records = r->records;
	r->batch.n = records;
	r->batch.want.due_links = r->due;
	r->batch.want.ndue = due;
	r->owed[0] = r->owed[1] = &r->kase;
	r->batch.owing = owed ? &r->sys : NULL;
	r->batch.want.owed = r->owed;
	r->batch.want.nowed = owed;
	r->batch.want.owed_limit = owed;
	br_err_clear(&err);
	br_err_set(&err, BR_E_PG_SQL, "why", "no", NULL);
	assert_int_equal(hub_batch_may_be_refused(&r->batch), records + due + owed > 0);
	hub_batch_refused(&r->batch, &r->source, &err);
}

static void one_record_is_it(void **state)
{
	struct refused r;

	(void)state;
	refuse(&r, 1, 0, 0);
	assert_int_equal(r.source.poison, 5);
	assert_int_equal(r.source.one_by_one, 6);
}

static void of_two_records_each_goes_alone(void **state)
{
	struct refused r;

	(void)state;
	refuse(&r, 2, 0, 0);
	assert_int_equal(r.source.poison, NO_POISON);
	assert_int_equal(r.source.one_by_one, 7);
}

static void one_record_beside_something_else_goes_alone_first(void **state)
{
	struct refused r;

	(void)state;
	refuse(&r, 1, 1, 0);
	assert_int_equal(r.source.poison, NO_POISON);
	assert_int_equal(r.source.one_by_one, 6);
	assert_false(r.source.due_poison);
	refuse(&r, 1, 0, 1);
	assert_int_equal(r.source.poison, NO_POISON);
	assert_int_equal(r.source.one_by_one, 6);
}

static void links_that_waited_go_one_by_one(void **state)
{
	struct refused r;

	(void)state;
	refuse(&r, 0, 2, 0);
	assert_false(r.source.due_poison);
	assert_int_equal(r.source.due_one_by_one, 2);
	refuse(&r, 0, 1, 0);
	assert_true(r.source.due_poison);
	assert_int_equal(r.source.poison, NO_POISON);
}

/* Cases from before a system: first those of the batch one by one, without company, then the one
 * that it is. */
static void cases_from_before_go_one_by_one(void **state)
{
	struct refused r;

	(void)state;
	refuse(&r, 0, 0, 2);
	assert_false(r.source.owed_poison);
	assert_int_equal(r.source.owed_one_by_one, 2);
	r.sys = (struct hub_system){.state = SYS_LIVE, .credit = 10, .owes = true, .nonce = "n"};
	r.batch.world = (struct hub_world){.systems = &r.sys, .nsystems = 1};
	assert_true(hub_batch_want_waiting(&r.batch, &r.source, 0));
	assert_int_equal(r.batch.want.owed_limit, 1);
	r.batch.n = 1;
	assert_false(hub_batch_want_waiting(&r.batch, &r.source, 0));
	refuse(&r, 1, 0, 1);
	assert_false(r.source.owed_poison);
	refuse(&r, 0, 0, 1);
	assert_true(r.source.owed_poison);
	assert_int_equal(r.source.poison, NO_POISON);
	assert_false(r.source.due_poison);
}

/* What the ledger refuses of the one would be taken for the fault of the other. */
static void cases_from_before_do_not_come_with_links_that_wait(void **state)
{
	struct hub_system systems[2] = {
		{.state = SYS_LIVE, .credit = 10, .backlog = true, .nonce = "n"},
		{.state = SYS_LIVE, .credit = 10, .owes = true, .nonce = "n"}};
	struct hub_source sources[3] = {{.sys = &systems[0]}, {.sys = &systems[1]}};
	struct hub_batch b = {.world = {.systems = systems, .nsystems = 2}};

	(void)state;
	assert_true(hub_batch_want_waiting(&b, sources, 0));
	assert_ptr_equal(b.want.due, &systems[0]);
	assert_null(b.want.owing);
	systems[0].backlog = false;
	assert_true(hub_batch_want_waiting(&b, sources, 0));
	assert_null(b.want.due);
	assert_ptr_equal(b.want.owing, &systems[1]);
	b.alone = true;
	assert_false(hub_batch_want_waiting(&b, sources, 0));
}

static const struct fixture_file files[] = {{"systems/dept.yaml",
	"system: dept\ntitle: 部门\nrole: department\nconnector: postgres\nconnection: { dsn: "
	"\"dbname=x\" }\nrecords:\n  r:\n    root: { table: t, key: id }\n    read: { every: 1s "
	"}\n    write: { create: true }\n    case: { dept_case_no: nr }\n    on_create: { id: { "
	"generate: \"nextval('s')\", returning: true } }\n"}};

/* Folds a round over links of a case that wait, as many as were asked for; source: of the other
 * system, which has the case. Says whether another round follows. */
static bool another_round(enum hub_sys_state source)
{
	struct hub_system systems[2] = {
		{.code = BR_STR("dept"), .state = SYS_LIVE, .credit = 10, .backlog = true},
		{.code = BR_STR("portal"), .state = source, .credit = 10}};
	struct hub_source sources[2] = {{.sys = &systems[0]}, {.sys = &systems[1]}};
	struct ledger_position next[3] = {{.next = 0}, {.next = 0}, {.next = 6}};
	struct hub_id cid = {{1}};
	struct hub_link *due, *has;
	struct image_builder doc;
	struct hub_case *k;
	struct hub_batch b;

	systems[0].maps = maps[0];
	assert_int_equal(hub_batch_init(&b, schema, systems, 2), 0);
	assert_true(hub_batch_want_waiting(&b, sources, 0));
	k = hub_world_add_case(&b.world, &cid);
	k->ver = 1;
	k->fver.dflt = 1;
	image_build(&doc, &b.arena, 1);
	image_set(&doc, 0, BR_STR_NONE, schema->f_dept_case_no, BR_STR("D1"));
	assert_int_equal(image_build_end(&doc, &k->doc), 0);
	due = hub_world_add_link(&b.world, k, &systems[0], BR_STR("r"), BR_STR_NONE);
	has = hub_world_add_link(&b.world, k, &systems[1], BR_STR("r"), BR_STR("P1"));
	assert_non_null(has);
	due->due = true;
	b.want.due_limit = 1;
	b.want.ndue = 1;
	b.want.due_links = &due;
	hub_batch_want_matches(&b, sources);
	hub_batch_fold(&b, sources, 2, next, 0);
	assert_int_equal(due->inflight.on, source == SYS_LIVE);
	/* no message brought it: it is known by the batch, the seventh */
	assert_int_equal(b.world.source, 2);
	assert_int_equal(b.world.offset, -7);
	hub_batch_release(&b);
	return systems[0].backlog;
}

/* ... or it would be the same one, again and again. */
static void a_round_that_moved_nothing_is_the_last(void **state)
{
	(void)state;
	assert_true(another_round(SYS_LIVE));
	assert_false(another_round(SYS_TRIAL));
}

static int setup(void **state)
{
	(void)state;
	return fixture_load(files, BR_LEN(files));
}

static int teardown(void **state)
{
	(void)state;
	return fixture_unload();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_record_is_it),
		cmocka_unit_test(of_two_records_each_goes_alone),
		cmocka_unit_test(one_record_beside_something_else_goes_alone_first),
		cmocka_unit_test(links_that_waited_go_one_by_one),
		cmocka_unit_test(cases_from_before_go_one_by_one),
		cmocka_unit_test(cases_from_before_do_not_come_with_links_that_wait),
		cmocka_unit_test(a_round_that_moved_nothing_is_the_last),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
