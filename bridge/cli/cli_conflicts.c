/*
 * cli_conflicts.c - values that lost and were kept: which one, against what, and whose it was; and
 * a person's decision between the two.
 */
#include "cli_order.h"

#include "ledger_query.h"

#define SELECT                                                                                     \
	"select k.id::text as id, coalesce(g.doc::json->>'portal_case_no', "                       \
	"g.doc::json->>'dept_case_no', "                                                           \
	"k.cid::text) as case_no, coalesce(k.lost_by, s.code) as system, k.kind,"                  \
	" k.place as field, k.win::text as kept, k.lose::text as lost, k.status, "                 \
	"floor(extract(epoch from k.at))::int8::text as at, k.cid::text as case_id, case when "    \
	"k.pos >= 0 then k.topic end as topic, "                                                   \
	"case when k.pos >= 0 then k.pos end::text as "                                            \
	"position, floor(extract(epoch from k.resolved_at))::int8::text as resolved_at, "          \
	"k.resolved_by,"                                                                           \
	" coalesce(k.resolution, '') "                                                             \
	"as resolution"
#define FROM                                                                                       \
	" from casebridge.conflicts k "                                                            \
	"join casebridge.systems s on "                                                            \
	"s.id = k.sys join "                                                                       \
	"casebridge.cases g on g.cid "                                                             \
	"= k.cid"
enum { FIELD = 4, KEPT, LOST };

/* system: whose value lost */
static const struct cli_column columns[] = {
	{"id", "编号", 'k'},
	{"case_no", "办件", '5'},
	{"case_id", "办件标识", 0},
	{"system", "未采用方", '4'},
	{"kind", "类别", '1'},
	{"field", "字段", '3'},
	{"status", "状态", 0},
	{"at", "时间", 'k'},
	{"kept", "采用值", 'w'},
	{"lost", "未采用值", 'w'},
	CLI_ITEM_SOURCE,
	CLI_ITEM_SETTLED,
	{NULL, NULL, 0},
};
/* Of one conflict. */
static const struct cli_column more[] = {
	{"now", "办件现值", 0},
	{"case_version", "办件版本", 0},
	{"next_en", "下一步（英文）", 'w'},
	{"next_zh", "下一步", 'w'},
	{NULL, NULL, 0},
};
#define MORE                                                                                       \
	", null::text as now, g.ver::text as case_version, null::text as next_en, null::text as "  \
	"next_zh"

/* Values stand there as JSON, as the case has them. */
static const char *masked(struct cli *c, const struct case_field *f, const char *json)
{
	size_t n = json ? strlen(json) : 0;
	struct br_str inner;

	if (n < 2 || *json != '"')
		return json;
	inner = br_arena_copy(&c->arena, (struct br_str){json + 1, n - 2});
	return br_arena_printf(&c->arena, "\"%s\"", cli_value(c, f, inner.p)).p;
}

static void mask_rows(struct cli *c, struct ledger_table *t)
{
	for (size_t i = 0; i < t->rows; i++) {
		const char **row = &t->cells[i * t->cols];
		const struct case_field *f = cli_field(c, br_str_z(row[FIELD]));

		if (f && f->pii == CASE_PII_NONE)
			continue;
		row[KEPT] = masked(c, f, row[KEPT]);
		row[LOST] = masked(c, f, row[LOST]);
	}
}

static int list(struct cli *c, bool personal, bool all)
{
	const char *which = all ? "all" : "open";
	struct ledger_table t = {0};
	int status = cli_query(c,
		SELECT FROM " where $1 = 'all' or k.status = 'open' order by k.id", 1, &which, &t);

	if (status != CLI_OK)
		return status;
	if (!personal)
		mask_rows(c, &t);
	cli_print_items(c, &t, columns, all);
	return CLI_OK;
}

static int find(struct cli *c, const char *id, struct ledger_table *t)
{
	struct br_err err;
	int status;

	if (strspn(id, "0123456789") != strlen(id) || strlen(id) > 18)
		return cli_wrong(c, BR_E_CLI_NO_NUMBER, "found", id, "verb", "conflicts", NULL);
	status = cli_load(c);
	if (status == CLI_OK)
		status = cli_query(c, SELECT MORE FROM " where k.id = $1::bigint", 1, &id, t);
	if (status != CLI_OK || t->rows)
		return status;
	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_NO_CONFLICT, "id", id, NULL);
	return cli_fail(c, &err);
}

static void say_next(struct cli *c, struct ledger_table *t, const char *id)
{
	bool open = strcmp(*cli_cell(t, "status"), "open") == 0;

	*cli_cell(t, "next_en") =
		open ? br_arena_printf(&c->arena,
			       "casebridge conflicts resolve %s --take --why TEXT: the lost value "
			       "becomes the case's in all systems, the owner's too; --keep: what "
			       "the case says stays",
			       id)
				.p
		     : "it is settled";
	*cli_cell(t, "next_zh") =
		open ? br_arena_printf(&c->arena,
			       "casebridge conflicts resolve %s --take --why "
			       "原因：改用未采用值并送达各系统（含归属方）；--keep：维持现值",
			       id)
				.p
		     : "已处理，无需操作";
}

static int show(struct cli *c, const char *id, bool personal)
{
	const char *now, *version;
	struct ledger_table t = {0};
	int status = find(c, id, &t);

	if (status == CLI_OK)
		status = cli_case_value(
			c, *cli_cell(&t, "case_id"), *cli_cell(&t, "field"), &now, &version);
	if (status != CLI_OK || !t.cells)
		return status;
	if (!personal)
		mask_rows(c, &t);
	*cli_cell(&t, "now") =
		personal || !now ? now : cli_value(c, cli_field(c, br_str_z(t.cells[FIELD])), now);
	say_next(c, &t, id);
	cli_item_times(c, &t);
	cli_print_row(c, &t, columns);
	if (c->output == CLI_TABLE)
		cli_print_row(c, &t, more);
	return CLI_OK;
}

static int resolve(
	struct cli *c, const char *id, bool take, const struct cli_decider *by, const char *wait)
{
	struct ledger_table t = {0};
	struct cli_orders *orders = cli_orders_new(c, by);
	int status = find(c, id, &t);
	struct cli_order o = {.type = "RESOLVE", .conflict = id, .take = take};

	if (status != CLI_OK || !orders)
		return status;
	o.seen = *cli_cell(&t, "case_version");
	cli_orders_add(orders, &o);
	return cli_orders_give(c, orders, wait, false);
}

int cli_conflicts(struct cli *c)
{
	bool reveal = cli_flag(c, "--reveal"), personal = cli_flag(c, "--personal") || reveal,
	     all = cli_flag(c, "--all"), take = cli_flag(c, "--take"), keep = cli_flag(c, "--keep");
	const char *wait = cli_wait(c), *verb = c->argc ? c->argv[0] : "list";
	bool resolves = strcmp(verb, "resolve") == 0;
	struct cli_decider by;
	int status = wait ? cli_decider(c, resolves, &by) : CLI_USAGE;

	if (status != CLI_OK)
		return status;
	if (resolves)
		return c->argc == 2 && take != keep ? resolve(c, c->argv[1], take, &by, wait)
						    : CLI_USAGE;
	if (strcmp(verb, "show") == 0)
		return c->argc == 2 ? show(c, c->argv[1], personal) : CLI_USAGE;
	if (c->argc > 1 || strcmp(verb, "list") != 0)
		return CLI_USAGE;
	status = cli_load(c);
	return status == CLI_OK ? list(c, personal, all) : status;
}
