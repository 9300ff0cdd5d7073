/*
 * cli_parked.c - what waits for a person: listed and looked at (cli_parked_decide.c: what is done
 * with it).
 */
#include "cli_parked.h"

#include "br_text.h"
#include "ledger.h"
#include "ledger_query.h"

#include <stdio.h>
#include <stdlib.h>

#define SELECT                                                                                     \
	"select p.id::text as id, s.code as system, p.rec as record, p.lid as local_id, "          \
	"p.cid::text as case_id, " CLI_PARKED_CASE_NO                                              \
	" as case_no, p.kind, p.code, p.place as field,"                                           \
	" case $1 when 'zh' then p.text_zh else p.text_en end as text,"                            \
	" case $1 when 'zh' then p.next_zh else p.next_en end as next,"                            \
	" p.status, case when p.pos >= 0 then p.topic end as topic, case when p.pos >= 0 then "    \
	"p.pos end::text as position, floor(extract(epoch from "                                   \
	"p.at))::int8::text as at, "                                                               \
	"p.tries::text as tries, floor(extract(epoch from p.resolved_at))::int8::text as "         \
	"resolved_at,"                                                                             \
	" p.resolved_by, coalesce(p.resolution, '') as "                                           \
	"resolution"
enum { LOCAL_ID = 3, CASE_NO = 5 };
#define FROM                                                                                       \
	" from casebridge.parked p join casebridge.systems s on s.id = p.sys left join "           \
	"casebridge.cases g on g.cid = p.cid"

#define WHAT                                                                                       \
	{"id", "编号", 'k'}, {"system", "系统", '3'}, {"record", "记录", 0},                       \
		{"local_id", "系统内编号", '4'}, {"case_no", "办件", 0},                           \
		{"case_id", "办件标识", 0}, {"kind", "类别", '1'}, {"code", "错误码", 'k'},        \
	{                                                                                          \
		"field", "字段", '2'                                                               \
	}
#define CAME_FROM CLI_ITEM_SOURCE, {"tries", "处理次数", 0}, CLI_ITEM_SETTLED

static const struct cli_column columns[] = {
	WHAT,
	{"status", "状态", 0},
	{"at", "时间", 'k'},
	{"text", "说明", 'w'},
	{"next", "下一步", 'w'},
	CAME_FROM,
	{NULL, NULL, 0},
};
/* One item, both languages. */
static const struct cli_column of_one[] = {
	WHAT,
	{"now", "办件现值", 0},
	{"case_version", "办件版本", 0},
	{"status", "状态", 0},
	{"at", "时间", 'k'},
	{"text_zh", "说明", 'w'},
	{"text_en", "说明（英文）", 'w'},
	{"next_zh", "下一步", 'w'},
	{"next_en", "下一步（英文）", 'w'},
	{"deeds_zh", "可做的处理", 'w'},
	{"deeds_en", "可做的处理（英文）", 'w'},
	CAME_FROM,
	{NULL, NULL, 0},
};
static const struct cli_column with_original[] = {{"original", "原始内容", 0}, {NULL, NULL, 0}};

static const char *lang_of(const struct cli *c)
{
	return c->lang == BR_LANG_ZH ? "zh" : "en";
}

/* A system that has refused a new record has given it no number: people know it by another's. */
static void name_row(struct cli *c, const char **row)
{
	if (!*row[LOCAL_ID] && row[CASE_NO])
		row[LOCAL_ID] = br_arena_printf(&c->arena, "(%s)", row[CASE_NO]).p;
}

static int list(struct cli *c, bool all)
{
	const char *params[] = {lang_of(c), all ? "all" : "open"};
	struct ledger_table t;
	int status = cli_query(c,
		SELECT FROM " where $2 = 'all' or p.status = 'open' order by p.id", 2, params, &t);

	if (status != CLI_OK)
		return status;
	for (size_t i = 0; c->output == CLI_TABLE && i < t.rows; i++)
		name_row(c, &t.cells[i * t.cols]);
	cli_print_items(c, &t, columns, all);
	return CLI_OK;
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

/* What a person can do about it, besides what the error says; {id} is its number. */
static const struct deeds {
	const char *en, *zh;
} outbound = {"casebridge parked correct {id} --value TEXT --why TEXT: the case's value is "
	      "corrected "
	      "and delivered; or retry {id}; or drop {id} --why TEXT",
	"casebridge parked correct {id} --value 值 --why 原因：更正办件并送达；或 retry {id} "
	"重试；或 drop {id} --why 原因 放弃"},
  inbound = {"correct it in its own system: the record is read again by itself; or retry {id}: it "
	     "is read again now; or drop {id} --why TEXT",
	  "请在来源系统中更正，更正后会自动重新读取；或 retry {id} 立即重新读取；或 drop {id} "
	  "--why 原因 放弃"},
  vanished = {"casebridge parked withdraw {id} --why TEXT: the case is withdrawn, and the other "
	      "systems are told; or rewrite {id} --why TEXT: the case is written there again, as a "
	      "new record; or drop {id} --why TEXT: the case goes on without that system; or retry "
	      "{id}: the record is looked for again now. A record that comes back closes the item",
	  "casebridge parked withdraw {id} --why 原因：办件退件并通知其他系统；或 rewrite {id} "
	  "--why 原因：作为新记录重新写入该系统；或 drop {id} --why "
	  "原因：办件不再与该系统同步；或 retry {id} 立即再查一次。记录恢复后本事项自动关闭"},
  many = {"look why they are gone. They come back: the item closes by itself. casebridge parked "
	  "drop "
	  "{id} --why TEXT: they were taken away on purpose; their cases go on without that "
	  "system, "
	  "writing goes on, and for a day more may go without a question. retry {id}: writing goes "
	  "on, and what vanishes from now on is counted anew",
	  "请查明原因。记录恢复后本事项自动关闭。casebridge parked drop {id} --why "
	  "原因：属有意清理，相关办件不再与该系统同步，恢复写入，一天内再消失的不再询问；retry "
	  "{id}：恢复写入，此后消失的重新计数"},
  settled = {"it is settled", "已处理，无需操作"};

static const char *with_id(struct cli *c, const char *text, const char *id)
{
	struct br_str out = BR_STR("");

	for (const char *at; (at = strstr(text, "{id}")); text = at + 4)
		out = br_arena_printf(
			&c->arena, "%.*s%.*s%s", BR_STR_ARG(out), (int)(at - text), text, id);
	return br_arena_printf(&c->arena, "%.*s%s", BR_STR_ARG(out), text).p;
}

static void say_deeds(struct cli *c, struct ledger_table *t, const char *id)
{
	const char *kind = *cli_cell(t, "kind");
	const struct deeds *d =
		strcmp(*cli_cell(t, "status"), "open") != 0 ? &settled
		: strcmp(kind, "vanished") != 0
			? (ledger_parked_inbound(br_str_z(kind)) ? &inbound : &outbound)
		: *cli_cell(t, "case_id") ? &vanished
					  : &many;

	*cli_cell(t, "deeds_en") = with_id(c, d->en, id);
	*cli_cell(t, "deeds_zh") = with_id(c, d->zh, id);
}

static int say_value(struct cli *c, struct ledger_table *t, bool reveal)
{
	const char *cid = *cli_cell(t, "case_id"), *place = *cli_cell(t, "field"), *value, *version;
	int status;

	if (!cid)
		return CLI_OK;
	status = cli_case_value(c, cid, place, &value, &version);
	*cli_cell(t, "case_version") = version;
	*cli_cell(t, "now") =
		!value || reveal ? value : cli_value(c, cli_field(c, br_str_z(place)), value);
	return status;
}

#define MORE                                                                                       \
	", p.text_en, p.text_zh, p.next_en, p.next_zh, null::text as deeds_en, null::text as "     \
	"deeds_zh, null::text as now, null::text as case_version"

static int show(struct cli *c, const char *id, bool original, bool reveal)
{
	const char *params[] = {lang_of(c), id};
	struct ledger_table t;
	int status = cli_query(c,
		SELECT MORE ", coalesce(encode(p.raw, 'hex'), '') as original" FROM
			    " where p.id = $2::bigint",
		2, params, &t);

	if (status != CLI_OK)
		return status;
	if (t.rows == 0)
		return cli_parked_no_item(c, id);
	status = say_value(c, &t, reveal);
	if (status != CLI_OK)
		return status;
	say_deeds(c, &t, id);
	cli_item_times(c, &t);
	if (original)
		t.cells[t.cols - 1] = original_text(c, t.cells[t.cols - 1]);
	else
		t.cols--; /* of the one row the last cell */
	cli_print_row(c, &t, c->output == CLI_TABLE ? of_one : columns);
	if (original && c->output == CLI_TABLE)
		cli_print_row(c, &t, with_original);
	return CLI_OK;
}

int cli_parked(struct cli *c)
{
	bool original = cli_flag(c, "--original"), reveal = cli_flag(c, "--reveal");
	const char *verb = c->argc > 0 ? c->argv[0] : "list";
	bool lists = strcmp(verb, "list") == 0, shows = strcmp(verb, "show") == 0, all;
	int status;

	if (!lists && !shows)
		return cli_parked_decide(c);
	all = cli_flag(c, "--all");
	if (c->argc > (lists ? 1 : 2) || (shows && c->argc != 2))
		return CLI_USAGE;
	status = shows ? cli_parked_number(c, c->argv[1]) : CLI_OK;
	if (status == CLI_OK)
		status = cli_load(c);
	if (status != CLI_OK)
		return status;
	return lists ? list(c, all) : show(c, c->argv[1], original, reveal);
}
