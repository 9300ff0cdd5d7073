/*
 * cli_match_decide.c - what a person says about pairs: one, or many of a system; and about records
 * that the comparison did not see, or that were bound wrongly.
 */
#include "cli_match.h"

#include "ledger_query.h"

#include <stdlib.h>

#define PAGE	   "2000"
#define PAGE_BYTES (64u << 20)

static int give_one(struct cli *c, const struct cli_order *order, const struct cli_match *m)
{
	struct cli_orders *orders = cli_orders_new(c, &m->by);

	if (!orders)
		return CLI_FAILED;
	cli_orders_add(orders, order);
	return cli_orders_give(c, orders, m->wait, false);
}

/* ---- one pair ---- */

static int decide_pair(struct cli *c, const char *id, bool accept, const struct cli_match *m)
{
	struct ledger_table t;
	struct br_err err;
	int status = cli_query(c,
		"select 1 from casebridge.candidates where id = $1::bigint and status = 'open'", 1,
		&id, &t);

	if (status != CLI_OK)
		return status;
	if (t.rows == 0) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_CLI_NO_PAIR, "id", id, NULL);
		return cli_fail(c, &err);
	}
	return give_one(c, &(struct cli_order){.type = "MATCH", .match = id, .take = accept}, m);
}

/* ---- many ---- */

/* Each page in memory of its own: there may be a million. after: the last pair of the page before,
 * so that one which was refused does not come again. */
static int decide_page(struct cli *c, const char *system, bool accept, const struct cli_match *m,
	char after[24], size_t *n, size_t *done, size_t *not_done)
{
	const char *params[] = {system, m->verdict, after};
	struct cli_orders *orders = cli_orders_new(c, &m->by);
	struct ledger_table t;
	int status = cli_query(c,
		"select k.id::text from casebridge.candidates k join casebridge.systems s on s.id "
		"= k.sys join casebridge.systems o on o.id = k.other_sys where k.status = 'open' "
		"and (s.code = $1 or o.code = $1) and ($2::text is null or k.verdict = $2) and "
		"k.id > $3::int8 order by k.id limit " PAGE,
		3, params, &t);

	if (status != CLI_OK || !orders)
		return status == CLI_OK ? CLI_FAILED : status;
	*n = t.rows;
	for (size_t i = 0; i < t.rows; i++)
		cli_orders_add(orders,
			&(struct cli_order){.type = "MATCH", .match = t.cells[i], .take = accept});
	if (t.rows == 0)
		return CLI_OK;
	snprintf(after, 24, "%s", t.cells[t.rows - 1]);
	return cli_orders_give_many(c, orders, m->wait, done, not_done);
}

static void print_done(struct cli *c, const char *system, size_t done, size_t not_done)
{
	static const char *const names[] = {"system", "done", "not_done"};
	static const char *const zh[] = {"系统", "已处理", "未处理"};
	const char *cells[] = {system, br_arena_printf(&c->arena, "%zu", done).p,
		br_arena_printf(&c->arena, "%zu", not_done).p};

	cli_print_record(c, &(struct cli_table){names, zh, BR_LEN(names), 1, cells, NULL});
}

/* Broken off, what was not given is still open: the same once more goes on. */
static int decide_many(struct cli *c, const char *system, bool accept, const struct cli_match *m)
{
	size_t n = 1, done = 0, not_done = 0;
	struct cli page = *c;
	char after[24] = "0";
	int status = cli_system_named(c, system, NULL);

	br_arena_init(&page.arena, PAGE_BYTES);
	while (status == CLI_OK && n) {
		br_arena_reset(&page.arena);
		status = decide_page(&page, system, accept, m, after, &n, &done, &not_done);
	}
	br_arena_release(&page.arena);
	c->told |= page.told;
	print_done(c, system, done, not_done);
	return status == CLI_OK && not_done ? CLI_FAILED : status;
}

/* ---- a record ---- */

static int find_record(struct cli *c, const char *system, const char *lid, const char *record,
	struct ledger_table *t)
{
	const char *params[] = {system, lid, record};
	struct br_err err;
	int status = cli_system_named(c, system, NULL);

	if (status == CLI_OK)
		status = cli_query(c,
			"select l.rec, l.cid::text from casebridge.links l join casebridge.systems "
			"s on s.id = l.sys where s.code = $1 and l.lid = $2 collate \"C\" and "
			"($3::text is null or l.rec = $3 collate \"C\")",
			3, params, t);
	if (status != CLI_OK || t->rows == 1)
		return status;
	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_NO_SUCH_RECORD, "system", system, "lid", lid, NULL);
	return cli_fail(c, &err);
}

static int merge(struct cli *c, const struct cli_match *m)
{
	struct ledger_table record, other;
	int status = find_record(c, c->argv[1], c->argv[2], m->record, &record);

	if (status == CLI_OK)
		status = find_record(c, c->argv[3], c->argv[4], NULL, &other);
	return status != CLI_OK ? status
				: give_one(c,
					  &(struct cli_order){.type = "MERGE",
						  .system = c->argv[1],
						  .record = record.cells[0],
						  .lid = c->argv[2],
						  .cid = other.cells[1]},
					  m);
}

static int split(struct cli *c, const struct cli_match *m)
{
	struct ledger_table record;
	int status = find_record(c, c->argv[1], c->argv[2], m->record, &record);

	return status != CLI_OK ? status
				: give_one(c,
					  &(struct cli_order){.type = "SPLIT",
						  .system = c->argv[1],
						  .record = record.cells[0],
						  .lid = c->argv[2]},
					  m);
}

int cli_match_decide(struct cli *c, const char *word, const struct cli_match *m)
{
	bool accept = strcmp(word, "accept") == 0;

	if (strcmp(word, "merge") == 0)
		return c->argc == 5 ? merge(c, m) : CLI_USAGE;
	if (strcmp(word, "split") == 0)
		return c->argc == 3 ? split(c, m) : CLI_USAGE;
	if (c->argc != 2 || (!accept && strcmp(word, "reject") != 0))
		return CLI_USAGE;
	if (cli_match_is_number(c->argv[1]))
		return decide_pair(c, c->argv[1], accept, m);
	/* many are accepted only as certain: the others are looked at one by one */
	if (accept ? !m->verdict || strcmp(m->verdict, "certain") != 0 : !m->verdict && !m->all)
		return CLI_USAGE;
	return m->preview ? cli_match_list(c, c->argv[1], m, false)
			  : decide_many(c, c->argv[1], accept, m);
}
