#include "cli.h"

/* Every system on one line; the figures are the ledger's, so they are right whoever runs the processes. */
int cli_status(struct cli *c)
{
	static const char *const titles[] = {"系统", "状态", "连接代次", "办件数", "在途", "待发", "待处理", "冲突", "最近联系"};
	int status = cli_load(c);

	if (status != CLI_OK)
		return status;
	return cli_print_query(c,
		"select s.code as system, s.state, s.epoch::text as epoch,"
		" (select count(*) from casebridge.links l where l.sys = s.id and l.lid is not null)::text as cases,"
		" (select count(*) from casebridge.links l where l.sys = s.id and l.inflight is not null)::text as in_flight,"
		" (select count(*) from casebridge.links l where l.sys = s.id and l.due)::text as waiting,"
		" (select count(*) from casebridge.parked p where p.sys = s.id and p.status = 'open')::text as parked,"
		" (select count(*) from casebridge.conflicts k where k.sys = s.id and k.status = 'open')::text as conflicts,"
		" coalesce(to_char(s.last_contact, 'YYYY-MM-DD HH24:MI:SS'), '-') as last_contact"
		" from casebridge.systems s order by s.code",
		0, NULL, titles, NULL);
}
