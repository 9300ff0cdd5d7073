/* Which of a refused batch is taken for what the ledger would not take. */
#include "hub_batch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_record_is_it),
		cmocka_unit_test(of_two_records_each_goes_alone),
		cmocka_unit_test(one_record_beside_something_else_goes_alone_first),
		cmocka_unit_test(links_that_waited_go_one_by_one),
		cmocka_unit_test(cases_from_before_go_one_by_one),
		cmocka_unit_test(cases_from_before_do_not_come_with_links_that_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
