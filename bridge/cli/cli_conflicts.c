#include "cli.h"

#include "ledger_query.h"

#define SELECT                                                                                     \
	"select k.id::text as id, coalesce(g.doc->>'portal_case_no', g.doc->>'dept_case_no', "     \
	"k.cid::text) as case_no, s.code as system, k.kind,"                                       \
	" k.place as field, k.win::text as kept, k.lose::text as lost, k.status, to_char(k.at, "   \
	"'YYYY-MM-DD HH24:MI:SS') as at"                                                           \
	" from casebridge.conflicts k join casebridge.systems s on s.id = k.sys join "             \
	"casebridge.cases g on g.cid = k.cid"
enum { FIELD = 4, KEPT, LOST };

static const char *const titles[] = {
	"编号", "办件", "系统", "类别", "字段", "采用值", "未采用值", "状态", "时间"};

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

static int list(struct cli *c, bool personal)
{
	struct ledger_table t;
	int status = cli_query(c, SELECT " where k.status = 'open' order by k.id", 0, NULL, &t);

	if (status != CLI_OK)
		return status;
	if (!personal)
		mask_rows(c, &t);
	cli_print_table(c, &(struct cli_table){t.names, titles, t.cols, t.rows, t.cells});
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
	cli_print_record(c, &(struct cli_table){t.names, titles, t.cols, t.rows, t.cells});
	return CLI_OK;
}

int cli_conflicts(struct cli *c)
{
	bool personal = cli_flag(c, "--personal");
	bool shows = c->argc == 2 && strcmp(c->argv[0], "show") == 0;
	int status;

	if (!shows && (c->argc > 1 || (c->argc == 1 && strcmp(c->argv[0], "list") != 0)))
		return CLI_USAGE;
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	return shows ? show(c, c->argv[1], personal) : list(c, personal);
}
