/*
 * cli_case.c - one case, found by any system's number: where it is, both numbers, and its history in plain words.
 */
#include "cli.h"

#include "ledger_query.h"

#include <stdio.h>

static int find(struct cli *c, const char *number, struct ledger_table *t, struct br_err *err)
{
	/* full-width digits and blanks of a pasted number do not matter */
	return ledger_query(c->site->ledger_dsn.p,
		"with n as (select translate(replace($1, ' ', ''), '０１２３４５６７８９', '0123456789') as v)"
		" select distinct cid::text from (select cid from casebridge.links, n where lid = v"
		" union select cid from casebridge.cases, n where doc->>'portal_case_no' = v or doc->>'dept_case_no' = v"
		" union select cid from casebridge.cases, n where cid::text = v) f",
		1, &number, &c->arena, t, err);
}

static int print_case(struct cli *c, const char *cid)
{
	static const char *const where_zh[] = {"系统", "系统内编号", "情况", "待发送", "原因", "下一步"};
	static const char *const head_zh[] = {"办件", "版本", "状态", "申请人", "更新时间"};
	static const char *const history_zh[] = {"版本", "时间", "来自", "变更"};
	bool zh = c->lang == BR_LANG_ZH;
	int status = cli_print_query(c,
		"select coalesce(doc->>'portal_case_no', doc->>'dept_case_no', cid::text) as case_no, ver::text as version, doc->>'status' as status,"
		" left(doc->'applicant'->>'name', 1) || '*' as applicant, to_char(updated_at, 'YYYY-MM-DD HH24:MI:SS') as updated_at"
		" from casebridge.cases where cid = $1::uuid",
		1, &cid, head_zh, NULL);

	if (status != CLI_OK)
		return status;
	putchar('\n');
	status = cli_print_query(c,
		zh ? "select s.code as system, coalesce(l.lid, '-') as local_id, case l.state when 'idle' then case when l.due then '等待发送' else '一致' end"
		     " when 'inflight' then '发送中' when 'rejected' then '被退回' when 'parked' then '待处理' when 'pending' then '等待答复' else '已不存在' end"
		     " as state, case when l.due then '是' else '' end as waiting, coalesce(p.text_zh, '') as why, coalesce(p.next_zh, '') as next"
		     " from casebridge.links l join casebridge.systems s on s.id = l.sys left join lateral (select * from casebridge.parked p"
		     " where p.cid = l.cid and p.sys = l.sys and p.status = 'open' order by id desc limit 1) p on true where l.cid = $1::uuid order by s.id"
		   : "select s.code as system, coalesce(l.lid, '-') as local_id, case l.state when 'idle' then case when l.due then 'waiting' else 'in step' end"
		     " when 'inflight' then 'being sent' when 'rejected' then 'refused' when 'parked' then 'parked' when 'pending' then 'awaiting answer'"
		     " else 'vanished' end as state, case when l.due then 'yes' else '' end as waiting, coalesce(p.text_en, '') as why,"
		     " coalesce(p.next_en, '') as next"
		     " from casebridge.links l join casebridge.systems s on s.id = l.sys left join lateral (select * from casebridge.parked p"
		     " where p.cid = l.cid and p.sys = l.sys and p.status = 'open' order by id desc limit 1) p on true where l.cid = $1::uuid order by s.id",
		1, &cid, where_zh, NULL);
	if (status != CLI_OK)
		return status;
	putchar('\n');
	return cli_print_query(c,
		"select h.ver::text as version, to_char(h.at, 'YYYY-MM-DD HH24:MI:SS') as at, s.code as system,"
		" coalesce((select string_agg(k || ': ' || coalesce(v->>0, '-') || ' → ' || coalesce(v->>1, '-'), '; ') from json_each(h.delta) e(k, v)),"
		" case when h.ver = 1 then 'entered' else '' end) as change from casebridge.history h join casebridge.systems s on s.id = h.sys"
		" where h.cid = $1::uuid order by h.ver",
		1, &cid, history_zh, NULL);
}

int cli_case(struct cli *c)
{
	struct ledger_table t;
	struct br_err err;
	int status;

	if (c->argc != 1)
		return CLI_USAGE;
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	br_err_clear(&err);
	if (find(c, c->argv[0], &t, &err) < 0)
		return cli_fail(c, &err);
	if (t.rows == 0) {
		cli_note(c, "%s %s", cli_say(c, "no system knows a case with number", "没有系统有该编号的办件："), c->argv[0]);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < t.rows && status == CLI_OK; i++)
		status = print_case(c, t.cells[i]);
	return status;
}
