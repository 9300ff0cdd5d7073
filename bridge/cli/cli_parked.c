#include "cli.h"

#include "br_json.h"
#include "hub_ulid.h"
#include "ledger_query.h"

#include <stdio.h>
#include <stdlib.h>

static int list(struct cli *c)
{
	static const char *const titles[] = {"编号", "系统", "系统内编号", "类别", "错误码", "字段", "说明", "下一步", "时间"};
	bool zh = c->lang == BR_LANG_ZH;

	return cli_print_query(c,
		zh ? "select p.id::text as id, s.code as system, p.lid as local_id, p.kind, p.code, p.place as field, p.text_zh as text, p.next_zh as next,"
		     " to_char(p.at, 'YYYY-MM-DD HH24:MI:SS') as at from casebridge.parked p join casebridge.systems s on s.id = p.sys"
		     " where p.status = 'open' order by p.id"
		   : "select p.id::text as id, s.code as system, p.lid as local_id, p.kind, p.code, p.place as field, p.text_en as text, p.next_en as next,"
		     " to_char(p.at, 'YYYY-MM-DD HH24:MI:SS') as at from casebridge.parked p join casebridge.systems s on s.id = p.sys"
		     " where p.status = 'open' order by p.id",
		0, NULL, titles, NULL);
}

static int show(struct cli *c, const char *id)
{
	return cli_print_query(c,
		"select p.id::text as id, s.code as system, p.rec as record, p.lid as local_id, p.kind, p.code, p.place as field, p.text_en, p.text_zh,"
		" p.next_en, p.next_zh, p.status, p.topic, p.pos::text as position, to_char(p.at, 'YYYY-MM-DD HH24:MI:SS') as at,"
		" coalesce(encode(p.raw, 'escape'), '') as original_bytes, coalesce(p.resolution, '') as resolution"
		" from casebridge.parked p join casebridge.systems s on s.id = p.sys where p.id = $1::bigint",
		1, &id, NULL, NULL);
}

static int no_item(struct cli *c, const char *id)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_NO_ITEM, "id", id, NULL);
	return cli_fail(c, &err);
}

static int resolve(struct cli *c, const char *id, const char *how, const char *reason, struct ledger_table *t)
{
	const char *params[] = {id, how, reason, cli_user()};
	struct br_err err;

	br_err_clear(&err);
	if (ledger_query(c->site->ledger_dsn.p,
		    "update casebridge.parked p set status = $2, resolved_at = now(), resolution = $3, resolved_by = $4, tries = tries + 1"
		    " from casebridge.systems s where s.id = p.sys and p.id = $1::bigint and p.status = 'open'"
		    " returning s.code, p.rec, p.lid, coalesce(p.cid::text, '')",
		    4, params, &c->arena, t, &err) < 0)
		return cli_fail(c, &err);
	return t->rows == 1 ? CLI_OK : no_item(c, id);
}

/* The ledger shows a case's id as uuid, messages name it by its ULID. */
static struct br_str ulid_of(struct cli *c, const char *uuid)
{
	char text[HUB_ULID_TEXT + 1], hex[33];
	struct hub_id id;
	size_t n = 0;

	for (const char *p = uuid; *p && n < 32; p++)
		if (*p != '-')
			hex[n++] = *p;
	if (n != 32)
		return BR_STR("");
	for (size_t i = 0; i < sizeof(id.b); i++) {
		const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		id.b[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	hub_ulid_text(&id, text);
	return br_arena_copy(&c->arena, br_str_z(text));
}

static int retry(struct cli *c, const char *id)
{
	struct ledger_table t;
	struct br_buf b;
	struct br_jw w;
	int status = resolve(c, id, "retried", "", &t);

	if (status != CLI_OK)
		return status;
	br_buf_init(&b, 65536);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	br_jw_kstr(&w, "t", BR_STR("RETRY"));
	br_jw_kstr(&w, "sys", br_str_z(t.cells[0]));
	br_jw_kstr(&w, "record", br_str_z(t.cells[1]));
	br_jw_kstr(&w, "lid", br_str_z(t.cells[2]));
	br_jw_kstr(&w, "case", ulid_of(c, t.cells[3]));
	br_jw_kstr(&w, "by", br_str_z(cli_user()));
	br_jw_end_object(&w);
	status = cli_send_order(c, br_buf_str(&b));
	br_buf_release(&b);
	if (status == CLI_OK)
		printf("%s %s\n", cli_say(c, "sent for retry:", "已提交重试："), id);
	return status;
}

int cli_parked(struct cli *c)
{
	const char *reason = cli_option(c, "--reason");
	const char *verb = c->argc > 0 ? c->argv[0] : "list";
	struct ledger_table t;
	int status = cli_load(c);

	if (status != CLI_OK)
		return status;
	if (strcmp(verb, "list") == 0)
		return list(c);
	if (c->argc != 2)
		return CLI_USAGE;
	if (strcmp(verb, "show") == 0)
		return show(c, c->argv[1]);
	if (strcmp(verb, "retry") == 0)
		return retry(c, c->argv[1]);
	if (strcmp(verb, "drop") != 0)
		return CLI_USAGE;
	if (!reason) {
		cli_note(c, "%s", cli_say(c, "say why with --reason TEXT; it is kept", "请用 --reason 说明原因，原因会留存"));
		return CLI_USAGE;
	}
	status = resolve(c, c->argv[1], "dropped", reason, &t);
	if (status == CLI_OK)
		printf("%s %s\n", cli_say(c, "dropped:", "已放弃："), c->argv[1]);
	return status;
}
