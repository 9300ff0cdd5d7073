/*
 * cli_parked.c - what waits for a person: listed, looked at, retried, or dropped with a reason.
 */
#include "cli.h"

#include "br_json.h"
#include "br_text.h"
#include "hub_ulid.h"
#include "ledger_query.h"

#include <stdio.h>
#include <stdlib.h>

#define SELECT                                                                                     \
	"select p.id::text as id, s.code as system, p.rec as record, p.lid as local_id, "          \
	"p.cid::text as case_id, p.kind, p.code, p.place as field,"                                \
	" case $1 when 'zh' then p.text_zh else p.text_en end as text,"                            \
	" case $1 when 'zh' then p.next_zh else p.next_en end as next,"                            \
	" p.status, p.topic, p.pos::text as position, floor(extract(epoch from "                   \
	"p.at))::int8::text as at, "                                                               \
	"p.tries::text as tries, floor(extract(epoch from p.resolved_at))::int8::text as "         \
	"resolved_at,"                                                                             \
	" p.resolved_by, coalesce(p.resolution, '') as "                                           \
	"resolution"
#define FROM " from casebridge.parked p join casebridge.systems s on s.id = p.sys"

enum { STATUS = 8 };
static const struct cli_column columns[] = {
	{"id", "编号", 'k'},
	{"system", "系统", '3'},
	{"record", "记录", 0},
	{"local_id", "系统内编号", '4'},
	{"case_id", "办件", 0},
	{"kind", "类别", '1'},
	{"code", "错误码", 'k'},
	{"field", "字段", '2'},
	{"status", "状态", 0}, /* STATUS */
	{"at", "时间", 'k'},
	{"text", "说明", 'w'},
	{"next", "下一步", 'w'},
	{"topic", "主题", 0},
	{"position", "位置", 0},
	{"tries", "处理次数", 0},
	{"resolved_at", "处理时间", 0},
	{"resolved_by", "处理人", 0},
	{"resolution", "处理说明", 0},
	{NULL, NULL, 0},
};
static const struct cli_column with_original[] = {{"original", "原始内容", 0}, {NULL, NULL, 0}};

static const char *lang_of(const struct cli *c)
{
	return c->lang == BR_LANG_ZH ? "zh" : "en";
}

static void local_times(struct cli *c, struct ledger_table *t)
{
	cli_local_times(c, t, "at");
	cli_local_times(c, t, "resolved_at");
}

static int list(struct cli *c, bool all)
{
	const char *params[] = {lang_of(c), all ? "all" : "open"};
	struct cli_column shown[BR_LEN(columns)];
	struct ledger_table t;
	int status = cli_query(c,
		SELECT FROM " where $2 = 'all' or p.status = 'open' order by p.id", 2, params, &t);

	if (status != CLI_OK)
		return status;
	memcpy(shown, columns, sizeof(shown));
	shown[STATUS].fit = all ? '1' : 0; /* else all of them are open */
	local_times(c, &t);
	cli_print_rows(c, &t, shown);
	return CLI_OK;
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
	const char *params[] = {lang_of(c), id};
	struct ledger_table t;
	int status = cli_query(c,
		SELECT ", coalesce(encode(p.raw, 'hex'), '') as original" FROM
		       " where p.id = $2::bigint",
		2, params, &t);

	if (status != CLI_OK)
		return status;
	if (t.rows == 0)
		return no_item(c, id);
	local_times(c, &t);
	if (original)
		t.cells[t.cols - 1] = original_text(c, t.cells[t.cols - 1]);
	else
		t.cols--; /* of the one row the last cell */
	cli_print_row(c, &t, columns);
	if (original && c->output == CLI_TABLE)
		cli_print_row(c, &t, with_original);
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

/* Nobody would read the record again of a system that is left out: the item stays as it is. */
static int may_retry(struct cli *c, const char *id)
{
	struct ledger_table t;
	int status = cli_query(c,
		"select s.code from casebridge.parked p join casebridge.systems s on s.id = p.sys "
		"where p.id = $1::bigint and p.status = 'open'",
		1, &id, &t);

	if (status != CLI_OK)
		return status;
	if (t.rows == 0)
		return no_item(c, id);
	/* which was told when the site was read */
	return cfg_site_left_out(c->site, br_str_z(t.cells[0])) ? CLI_CONFIG : CLI_OK;
}

static int retry(struct cli *c, const char *id)
{
	struct ledger_table t;
	struct br_buf b;
	struct br_jw w;
	int status = may_retry(c, id);

	if (status == CLI_OK)
		status = resolve(c, id, "retried", "", &t);
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
	bool original = cli_flag(c, "--original"), all = cli_flag(c, "--all");
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
		return list(c, all);
	if (strcmp(verb, "show") == 0)
		return show(c, id, original);
	return strcmp(verb, "retry") == 0 ? retry(c, id) : drop(c, id, reason);
}
