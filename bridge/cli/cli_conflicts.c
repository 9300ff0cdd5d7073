/*
 * cli_conflicts.c - values that lost and were kept: which one, against what, and whose it was.
 */
#include "cli.h"

#include "ledger_query.h"

#define SELECT                                                                                     \
	"select k.id::text as id, coalesce(g.doc->>'portal_case_no', g.doc->>'dept_case_no', "     \
	"k.cid::text) as case_no, s.code as system, k.kind,"                                       \
	" k.place as field, k.win::text as kept, k.lose::text as lost, k.status, "                 \
	"floor(extract(epoch from k.at))::int8::text as at, k.cid::text as case_id, k.topic, "     \
	"k.pos::text as "                                                                          \
	"position, floor(extract(epoch from k.resolved_at))::int8::text as resolved_at, "          \
	"k.resolved_by,"                                                                           \
	" coalesce(k.resolution, '') "                                                             \
	"as resolution"                                                                            \
	" from casebridge.conflicts k "                                                            \
	"join casebridge.systems s on "                                                            \
	"s.id = k.sys join "                                                                       \
	"casebridge.cases g on g.cid "                                                             \
	"= k.cid"
enum { FIELD = 4, KEPT, LOST };

/* system: whose value lost */
enum { STATUS = 6 };
static const struct cli_column columns[] = {
	{"id", "编号", 'k'},
	{"case_no", "办件", '5'},
	{"case_id", "办件标识", 0},
	{"system", "未采用方", '4'},
	{"kind", "类别", '1'},
	{"field", "字段", '3'},
	{"status", "状态", 0}, /* STATUS */
	{"at", "时间", 'k'},
	{"kept", "采用值", 'w'},
	{"lost", "未采用值", 'w'},
	{"topic", "主题", 0},
	{"position", "位置", 0},
	{"resolved_at", "处理时间", 0},
	{"resolved_by", "处理人", 0},
	{"resolution", "处理说明", 0},
	{NULL, NULL, 0},
};

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

static void local_times(struct cli *c, struct ledger_table *t)
{
	cli_local_times(c, t, "at");
	cli_local_times(c, t, "resolved_at");
}

static int list(struct cli *c, bool personal, bool all)
{
	const char *which = all ? "all" : "open";
	struct cli_column shown[BR_LEN(columns)];
	struct ledger_table t;
	int status = cli_query(
		c, SELECT " where $1 = 'all' or k.status = 'open' order by k.id", 1, &which, &t);

	if (status != CLI_OK)
		return status;
	if (!personal)
		mask_rows(c, &t);
	memcpy(shown, columns, sizeof(shown));
	shown[STATUS].fit = all ? '1' : 0; /* else all of them are open */
	local_times(c, &t);
	cli_print_rows(c, &t, shown);
	return CLI_OK;
}

static int show(struct cli *c, const char *id, bool personal)
{
	struct ledger_table t;
	struct br_err err;
	int status;

	if (strspn(id, "0123456789") != strlen(id) || strlen(id) > 18)
		return cli_wrong(c, BR_E_CLI_NO_NUMBER, "found", id, "verb", "conflicts", NULL);
	status = cli_query(c, SELECT " where k.id = $1::bigint", 1, &id, &t);
	if (status != CLI_OK)
		return status;
	if (t.rows == 0) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_CLI_NO_CONFLICT, "id", id, NULL);
		return cli_fail(c, &err);
	}
	if (!personal)
		mask_rows(c, &t);
	local_times(c, &t);
	cli_print_row(c, &t, columns);
	return CLI_OK;
}

int cli_conflicts(struct cli *c)
{
	bool personal = cli_flag(c, "--personal"), all = cli_flag(c, "--all");
	bool shows = c->argc == 2 && strcmp(c->argv[0], "show") == 0;
	int status;

	if (!shows && (c->argc > 1 || (c->argc == 1 && strcmp(c->argv[0], "list") != 0)))
		return CLI_USAGE;
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	return shows ? show(c, c->argv[1], personal) : list(c, personal, all);
}
