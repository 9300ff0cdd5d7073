#include "cli.h"

#include "br_json.h"
#include "br_text.h"
#include "hub_ulid.h"
#include "ledger_query.h"

#include <stdio.h>
#include <stdlib.h>

static int list(struct cli *c)
{
	static const char *const titles[] = {
		"编号", "系统", "系统内编号", "类别", "错误码", "字段", "说明", "下一步", "时间"};
	bool zh = c->lang == BR_LANG_ZH;

	return cli_print_query(c,
		zh ? "select p.id::text as id, s.code as system, p.lid as local_id, p.kind, "
		     "p.code, p.place as field, p.text_zh as text, p.next_zh as next,"
		     " to_char(p.at, 'YYYY-MM-DD HH24:MI:SS') as at from casebridge.parked p join "
		     "casebridge.systems s on s.id = p.sys"
		     " where p.status = 'open' order by p.id"
		   : "select p.id::text as id, s.code as system, p.lid as local_id, p.kind, "
		     "p.code, p.place as field, p.text_en as text, p.next_en as next,"
		     " to_char(p.at, 'YYYY-MM-DD HH24:MI:SS') as at from casebridge.parked p join "
		     "casebridge.systems s on s.id = p.sys"
		     " where p.status = 'open' order by p.id",
		0, NULL, titles, NULL);
}

static int no_item(struct cli *c, const char *id)
{
	struct br_err err;

	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_NO_ITEM, "id", id, NULL);
	return cli_fail(c, &err);
}

/* What came, for people: text as it stands, bytes that are not UTF-8 (or control characters) as
 * \\xNN. */
static const char *original_text(struct cli *c, const char *hex)
{
	struct br_buf b;
	struct br_str text;

	br_buf_init(&b, 64u << 20);
	for (; hex[0] && hex[1]; hex += 2)
		br_buf_addc(&b, (char)strtoul((const char[3]){hex[0], hex[1], '\0'}, NULL, 16));
	text = br_arena_copy(&c->arena, br_buf_str(&b));
	br_buf_release(&b);
	br_buf_init(&b, 256u << 20);
	while (text.n) {
		size_t good = br_utf8_check(text), n = 0;

		while (n < good && (unsigned char)text.p[n] >= 0x20)
			n++;
		br_buf_adds(&b, (struct br_str){text.p, n});
		if (n < text.n) {
			br_buf_printf(&b, "\\x%02x", (unsigned char)text.p[n]);
			n++;
		}
		text = (struct br_str){text.p + n, text.n - n};
	}
	text = br_arena_copy(&c->arena, br_buf_str(&b));
	br_buf_release(&b);
	return text.p ? text.p : "";
}

static int show(struct cli *c, const char *id, bool original)
{
	static const char *const titles[] = {"编号", "系统", "记录", "系统内编号", "类别", "错误码",
		"字段", "说明", "下一步", "状态", "主题", "位置", "时间", "处理说明", "原始内容"};
	bool zh = c->lang == BR_LANG_ZH;
	struct ledger_table t;
	int status = cli_query(c,
		zh ? "select p.id::text as id, s.code as system, p.rec as record, p.lid as "
		     "local_id, p.kind, p.code, p.place as field, p.text_zh as text,"
		     " p.next_zh as next, p.status, p.topic, p.pos::text as position, "
		     "to_char(p.at, 'YYYY-MM-DD HH24:MI:SS') as at,"
		     " coalesce(p.resolution, '') as resolution, coalesce(encode(p.raw, 'hex'), "
		     "'') as original"
		     " from casebridge.parked p join casebridge.systems s on s.id = p.sys where "
		     "p.id = $1::bigint"
		   : "select p.id::text as id, s.code as system, p.rec as record, p.lid as "
		     "local_id, p.kind, p.code, p.place as field, p.text_en as text,"
		     " p.next_en as next, p.status, p.topic, p.pos::text as position, "
		     "to_char(p.at, 'YYYY-MM-DD HH24:MI:SS') as at,"
		     " coalesce(p.resolution, '') as resolution, coalesce(encode(p.raw, 'hex'), "
		     "'') as original"
		     " from casebridge.parked p join casebridge.systems s on s.id = p.sys where "
		     "p.id = $1::bigint",
		1, &id, &t);

	if (status != CLI_OK)
		return status;
	if (t.rows == 0)
		return no_item(c, id);
	t.cells[t.cols - 1] = original_text(c, t.cells[t.cols - 1]);
	cli_print_record(c, &(struct cli_table){t.names, titles, original ? t.cols : t.cols - 1,
				    t.rows, t.cells});
	return CLI_OK;
}

static int resolve(
	struct cli *c, const char *id, const char *how, const char *reason, struct ledger_table *t)
{
	const char *params[] = {id, how, reason, cli_user()};
	int status = cli_query(c,
		"update casebridge.parked p set status = $2, resolved_at = now(), resolution = $3, "
		"resolved_by = $4, tries = tries + 1"
		" from casebridge.systems s where s.id = p.sys and p.id = $1::bigint and p.status "
		"= 'open'"
		" returning s.code, p.rec, p.lid, coalesce(p.cid::text, '')",
		4, params, t);

	if (status != CLI_OK)
		return status;
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

static int drop(struct cli *c, const char *id, const char *reason)
{
	struct ledger_table t;
	int status;

	if (!reason)
		return cli_wrong(c, BR_E_CLI_NO_REASON, NULL);
	status = resolve(c, id, "dropped", reason, &t);
	if (status == CLI_OK)
		printf("%s %s\n", cli_say(c, "dropped:", "已放弃："), id);
	return status;
}

int cli_parked(struct cli *c)
{
	const char *reason = cli_option(c, "--reason");
	bool original = cli_flag(c, "--original");
	const char *verb = c->argc > 0 ? c->argv[0] : "list",
		   *id = c->argc == 2 ? c->argv[1] : NULL;
	bool lists = c->argc < 2 && strcmp(verb, "list") == 0;
	int status;

	if (!lists && (!id || (strcmp(verb, "show") != 0 && strcmp(verb, "retry") != 0 &&
				      strcmp(verb, "drop") != 0)))
		return CLI_USAGE;
	if (id && (strspn(id, "0123456789") != strlen(id) || strlen(id) > 18))
		return cli_wrong(c, BR_E_CLI_NO_NUMBER, "found", id, "verb", "parked", NULL);
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	if (lists)
		return list(c);
	if (strcmp(verb, "show") == 0)
		return show(c, id, original);
	return strcmp(verb, "retry") == 0 ? retry(c, id) : drop(c, id, reason);
}
