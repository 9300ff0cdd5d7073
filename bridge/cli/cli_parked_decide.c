/*
 * cli_parked_decide.c - what a person does with parked items: corrects a value of the case, tries
 * again (one, or all of a system), or drops; and, where a record has vanished, withdraws the case
 * or has the record written again.
 */
#include "cli_parked.h"

#include "ledger.h"
#include "ledger_query.h"

int cli_parked_number(struct cli *c, const char *id)
{
	if (strspn(id, "0123456789") == strlen(id) && *id && strlen(id) <= 18)
		return CLI_OK;
	return cli_wrong(c, BR_E_CLI_NO_NUMBER, "found", id, "verb", "parked", NULL);
}

int cli_parked_no_item(struct cli *c, const char *id)
{
	struct ledger_table t;
	struct br_err err;
	int status = cli_query(c,
		"select p.status, (select n.id::text from casebridge.parked n where n.status = "
		"'open' and n.sys = p.sys and n.rec = p.rec and (n.cid = p.cid or (n.lid = p.lid "
		"and n.lid <> '')) order by n.id desc limit 1) from casebridge.parked p where p.id "
		"= $1::bigint and p.status <> 'open'",
		1, &id, &t);

	if (status != CLI_OK)
		return status;
	br_err_clear(&err);
	if (t.rows == 0)
		br_err_set(&err, BR_E_CLI_NO_ITEM, "id", id, NULL);
	else if (strcmp(t.cells[0], "superseded") == 0 && t.cells[1])
		br_err_set(&err, BR_E_CLI_SUPERSEDED, "id", id, "other", t.cells[1], NULL);
	else
		br_err_set(&err, BR_E_CLI_SETTLED, "id", id, "status",
			cli_word(c, "status", t.cells[0]), NULL);
	return cli_fail(c, &err);
}

enum { ID, SYSTEM, KIND, FIELD, CASE_ID };

/* The open item; one of a system that is left out is not to be touched: nobody would read its
 * record, or take what is sent, before its file is back. */
static int find_open(struct cli *c, const char *id, struct ledger_table *t)
{
	int status = cli_load(c);

	if (status == CLI_OK)
		status = cli_query(c,
			"select p.id::text, s.code, p.kind, p.place, p.cid::text from "
			"casebridge.parked p join casebridge.systems s on s.id = p.sys where p.id "
			"= "
			"$1::bigint and p.status = 'open'",
			1, &id, t);
	if (status != CLI_OK)
		return status;
	if (t->rows == 0)
		return cli_parked_no_item(c, id);
	/* which was told when the site was read */
	return cfg_site_left_out(c->site, br_str_z(t->cells[SYSTEM])) ? CLI_CONFIG : CLI_OK;
}

static int give_one(struct cli *c, const struct cli_order *order, const struct cli_decider *by,
	const char *wait)
{
	struct cli_orders *orders = cli_orders_new(c, by);

	if (!orders)
		return CLI_FAILED;
	cli_orders_add(orders, order);
	return cli_orders_give(c, orders, wait, false);
}

/* ---- correct ---- */

static int order_refused(struct cli *c, enum br_err_code code, const char *id)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, code, "id", id, NULL);
	cli_fail(c, &err);
	return CLI_FAILED;
}

/* The bridge would refuse it too; here it can be said what is wrong. */
static int check_value(struct cli *c, const char *place, const char *value)
{
	struct cell cell;
	struct br_err err;

	br_err_clear(&err);
	if (!case_find_place(c->schema, br_str_z(place), &cell)) {
		br_err_set(&err, BR_E_CLI_NO_FIELD, "field", place, NULL);
		return cli_fail(c, &err);
	}
	cell.value = value ? br_str_z(value) : BR_STR_NONE;
	return case_check_value(c->schema, &cell, &err) == 0 ? CLI_OK : cli_fail(c, &err);
}

static int correct(struct cli *c, const char *id, const struct cli_decider *by, const char *wait,
	const char *field, const char *value)
{
	const char *now, *version;
	struct ledger_table t;
	int status = find_open(c, id, &t);
	struct cli_order o = {.type = "CORRECT", .parked = id, .place = field, .value = value};

	if (status != CLI_OK)
		return status;
	if (ledger_parked_inbound(br_str_z(t.cells[KIND])))
		return order_refused(c, BR_E_CLI_ORDER_INBOUND, id);
	if (!t.cells[CASE_ID])
		return order_refused(c, BR_E_CLI_ORDER_UNKNOWN, id);
	o.place = field ? field : t.cells[FIELD];
	status = check_value(c, o.place, value);
	if (status == CLI_OK)
		status = cli_case_value(c, t.cells[CASE_ID], o.place, &now, &version);
	if (status != CLI_OK)
		return status;
	o.seen = version;
	return give_one(c, &o, by, wait);
}

/* ---- a record that vanished ---- */

/* The case as it is now is what the person has looked at. */
static int decide_vanished(struct cli *c, bool withdraws, const char *id,
	const struct cli_decider *by, const char *wait)
{
	struct cli_order o = {.type = withdraws ? "WITHDRAW" : "REWRITE", .parked = id};
	const char *now, *version;
	struct ledger_table t;
	int status = find_open(c, id, &t);

	if (status != CLI_OK)
		return status;
	if (strcmp(t.cells[KIND], "vanished") != 0)
		return order_refused(c, BR_E_CLI_ORDER_THERE, id);
	if (!t.cells[CASE_ID])
		return order_refused(c, BR_E_CLI_ORDER_UNKNOWN, id);
	status = cli_case_value(c, t.cells[CASE_ID], "status", &now, &version);
	if (status != CLI_OK)
		return status;
	o.seen = version;
	return give_one(c, &o, by, wait);
}

/* ---- retry of many ---- */

static const struct cli_column preview_columns[] = {
	{"id", "编号", 'k'},
	{"system", "系统", '3'},
	{"record", "记录", '1'},
	{"local_id", "系统内编号", '4'},
	{"case_no", "办件", '5'},
	{"kind", "类别", '1'},
	{"code", "错误码", 'k'},
	{"field", "字段", '2'},
	{NULL, NULL, 0},
};

static int find_many(struct cli *c, const char *system, const char *code, struct ledger_table *t)
{
	const char *params[] = {system, code};
	int status = cli_load(c);

	if (status == CLI_OK && system)
		status = cli_system_named(c, system, NULL);
	return status != CLI_OK
		       ? status
		       : cli_query(c,
				 "select p.id::text as id, s.code as system, p.rec as record, "
				 "p.lid "
				 "as local_id, coalesce(" CLI_PARKED_CASE_NO
				 ", p.cid::text) as case_no, p.kind, p.code, "
				 "p.place as field from casebridge.parked p join "
				 "casebridge.systems "
				 "s on s.id = p.sys left join casebridge.cases g on g.cid = p.cid "
				 "where p.status = 'open' and ($1::text is null or s.code = "
				 "$1::text) and ($2::text is null or p.code = $2::text) order by "
				 "p.id",
				 2, params, t);
}

static bool is_left_out(const struct cli *c, const char *system)
{
	return cfg_site_left_out(c->site, br_str_z(system)) != NULL;
}

static int retry_many(struct cli *c, const char *system, const char *code, bool preview,
	const struct cli_decider *by, const char *wait)
{
	struct cli_orders *orders = cli_orders_new(c, by);
	struct ledger_table t;
	int status = find_many(c, system, code, &t);

	if (status != CLI_OK || !orders)
		return status;
	if (preview) {
		cli_print_rows(c, &t, preview_columns);
		return CLI_OK;
	}
	for (size_t i = 0; i < t.rows; i++) {
		const char *const *row = &t.cells[i * t.cols];

		if (!is_left_out(c, row[SYSTEM]))
			cli_orders_add(
				orders, &(struct cli_order){.type = "RETRY", .parked = row[ID]});
	}
	return cli_orders_give(c, orders, wait, true);
}

/* ---- the words ---- */

static int decide_one(struct cli *c, const char *verb, const char *id, const struct cli_decider *by,
	const char *wait)
{
	struct cli_order o = {.type = *verb == 'r' ? "RETRY" : "DROP", .parked = id};
	struct ledger_table t;
	int status = find_open(c, id, &t);

	return status == CLI_OK ? give_one(c, &o, by, wait) : status;
}

int cli_parked_decide(struct cli *c)
{
	const char *field = cli_option(c, "--field"), *value = cli_option(c, "--value"),
		   *system = cli_option(c, "--system"), *code = cli_option(c, "--code"),
		   *wait = cli_wait(c);
	bool empty = cli_flag(c, "--empty"), all = cli_flag(c, "--all"),
	     preview = cli_flag(c, "--preview");
	const char *verb = c->argc ? c->argv[0] : "", *id;
	bool corrects = strcmp(verb, "correct") == 0, retries = strcmp(verb, "retry") == 0,
	     withdraws = strcmp(verb, "withdraw") == 0, rewrites = strcmp(verb, "rewrite") == 0;
	struct cli_decider by;
	int status;

	if (!wait ||
		(!corrects && !retries && !withdraws && !rewrites && strcmp(verb, "drop") != 0))
		return CLI_USAGE;
	status = cli_decider(c, !retries, &by);
	if (c->argc > 2)
		return CLI_USAGE;
	id = c->argc == 2 ? c->argv[1] : NULL;
	if (status == CLI_OK && id)
		status = cli_parked_number(c, id);
	if (status != CLI_OK)
		return status;
	if (retries && !id && (system || all))
		return retry_many(c, system, code, preview, &by, wait);
	if (!id || system || code || all || preview || (corrects && (value != NULL) == empty))
		return CLI_USAGE;
	if (withdraws || rewrites)
		return decide_vanished(c, withdraws, id, &by, wait);
	return corrects ? correct(c, id, &by, wait, field, value)
			: decide_one(c, verb, id, &by, wait);
}
