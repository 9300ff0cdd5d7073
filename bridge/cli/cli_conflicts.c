#include "cli.h"

int cli_conflicts(struct cli *c)
{
	static const char *const titles[] = {"编号", "办件", "系统", "类别", "字段", "采用值", "未采用值", "状态", "时间"};
	const char *id = c->argc == 2 && strcmp(c->argv[0], "show") == 0 ? c->argv[1] : NULL;
	int status = cli_load(c);

	if (status != CLI_OK)
		return status;
	if (c->argc > 0 && !id && strcmp(c->argv[0], "list") != 0)
		return CLI_USAGE;
	return cli_print_query(c,
		"select k.id::text as id, coalesce(g.doc->>'portal_case_no', g.doc->>'dept_case_no', k.cid::text) as case_no, s.code as system, k.kind,"
		" k.place as field, k.win::text as kept, k.lose::text as lost, k.status, to_char(k.at, 'YYYY-MM-DD HH24:MI:SS') as at"
		" from casebridge.conflicts k join casebridge.systems s on s.id = k.sys join casebridge.cases g on g.cid = k.cid"
		" where ($1::bigint is null and k.status = 'open') or k.id = $1::bigint order by k.id",
		1, &id, titles, NULL);
}
