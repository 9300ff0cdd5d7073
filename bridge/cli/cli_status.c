/*
 * cli_status.c - every system on one line, also those left out. The figures are the ledger's, so
 * they are right whoever runs the processes; only the lag is Kafka's. Who is at work follows from
 * both (cli_heard.h).
 */
#include "cli_heard.h"

#include "br_json.h"
#include "bus.h"
#include "ledger_query.h"

#include <inttypes.h>
#include <stdlib.h>

#define KAFKA_MS 1000
/* LAG: filled in from Kafka; the ledger gives the position. Behind the printed ones: MET, the
 * bridge knows the system; BYE, its connector said goodbye; AGE, seconds since it was heard of. */
enum {
	SYSTEM,
	STATE,
	CONNECTOR,
	LAG = 5,
	GUARD = 9,
	LAST_CONTACT = 12,
	COUNTERS,
	RECONCILED,
	DIFFERENT,
	BRIDGE,
	WHY,
	MET,
	BYE,
	AGE,
	PRINTED = MET
};

static const struct cli_column columns[] = {
	{"system", "系统", '3'},
	{"state", "状态", 'k'},
	{"connector", "连接器", 'k'},
	{"epoch", "连接代次", '1'},
	{"cases", "办件数", '5'},
	{"lag", "积压", '5'},
	{"in_flight", "在途", '2'},
	{"waiting", "待发", '4'},
	{"held", "暂缓", '2'},
	{"guard", "写保护", '2'},
	{"parked", "待处理", '5'},
	{"conflicts", "冲突", '2'},
	{"last_contact", "最近联系", 'w'},
	{"counters", "计数", '2'},
	{"reconciled", "最近对账", 'w'},
	{"different", "对账差异", '4'},
	{"bridge", "总线", 0}, /* the same for all; people are told on stderr */
	{"why", "原因", 0},    /* of a system that is left out; people were told on stderr */
	{NULL, NULL, 0},
};

const struct cli_meaning cli_status_meanings[] = {
	{"system", "系统", "系统名，即其配置文件名", "name of the system, that of its file"},
	{"state", "状态",
		"未启动：总线尚未接入；试运行：只读不写；已上线；暂停：不读不写；未加载：其配置文件"
		"不可用",
		"new: the bridge has not met it; trial: it is read only; live; paused: neither "
		"read nor "
		"written; left out: its file cannot be used"},
	{"connector", "连接器",
		"在线；已停止：连接器已正常退出；无响应：超过其 lease（至少 30 "
		"秒）没有消息；从未联系；不明："
		"其消息等待总线处理；-：不适用",
		"up; stopped: it said goodbye; silent: nothing was heard for longer than its "
		"lease, at "
		"least 30 s; never: nothing was ever heard; unknown: what it said waits for the "
		"bridge; "
		"-: not to be judged"},
	{"epoch", "连接代次", "连接器每次握手加一；不断增大说明它在反复重启",
		"grows with each handshake of the connector; one that keeps growing starts over "
		"again "
		"and again"},
	{"cases", "办件数", "在该系统中有记录的办件数", "cases that have a record there"},
	{"lag", "积压", "已读取、总线尚未处理的消息数；-：Kafka 未答复",
		"messages from it that the bridge has not taken; -: Kafka did not answer"},
	{"in_flight", "在途", "已发出、等待连接器答复的写入",
		"writes that are out, not yet answered"},
	{"waiting", "待发", "等待发往该系统的办件",
		"cases of which something is to be written there"},
	{"held", "暂缓", "被写保护暂缓的写入", "writes that the guard holds back"},
	{"guard", "写保护",
		"限速暂缓：超过 "
		"write.guard；已停写：连续被拒后停写（stop_after_refusals）；记录消失停写："
		"一小时内消失的记录过多，等待人工处理",
		"holding: more than write.guard allows; stopped: too many refusals in a row "
		"(stop_after_refusals); vanished: too many records vanished within an hour, a "
		"person is "
		"asked"},
	{"parked", "待处理", "等待人员处理的事项（casebridge parked list）",
		"items that wait for a person (casebridge parked list)"},
	{"conflicts", "冲突", "保留了未采用值的冲突（casebridge conflicts list）",
		"values that lost and are kept (casebridge conflicts list)"},
	{"last_contact", "最近联系", "总线处理的该系统最近一条消息的时间",
		"time of the newest message of it that the bridge has taken"},
	{"counters", "计数", "平：读取与发送的每一条都有去向；不平：有遗漏或重复，退出码为 1",
		"ok: what was read and sent is accounted for to the last one; off: something was "
		"lost "
		"or counted twice, and the exit code is 1"},
	{"reconciled", "最近对账", "最近一次留存结果的对账时间",
		"when it was last reconciled, with --keep"},
	{"different", "对账差异", "该次对账的差异数", "records that differed then"},
	{"bridge", "总线",
		"仅 "
		"JSON、CSV，各行相同：up；behind：有消息而未处理；silent：各系统均无消息；never：尚"
		"未运行过",
		"in JSON and CSV only, the same in all rows: up; behind: messages wait and none is "
		"taken; "
		"silent: no system is heard of; never: it has not run yet"},
	{"why", "原因", "仅 JSON、CSV：未加载的原因", "in JSON and CSV only: why it is left out"},
	{NULL, NULL, NULL, NULL},
};

/* A system the bridge has not met yet is shown too, and one that was taken out of the site. */
static const char sql[] =
	"select coalesce(s.code, g.code) as system, case when s.id is null then $2 else s.state "
	"end as state, null::text as connector, coalesce(s.epoch, 0)::text as epoch,"
	" (select count(*) from casebridge.links l where l.sys = s.id and l.lid is not null)::text "
	"as cases,"
	" (select p.next::text from casebridge.positions p where p.topic = $3 || '.in.' || "
	"coalesce(s.code, g.code)) as lag,"
	" (select count(*) from casebridge.links l where l.sys = s.id and l.inflight is not "
	"null)::text as in_flight,"
	" (select count(*) from casebridge.links l where l.sys = s.id and l.due)::text as waiting,"
	" coalesce(s.counters->>'held', '0') as held, case when s.counters->>'mass' = '1' then "
	"'vanished' when s.counters->>'stopped' = '1' then 'stopped' when s.counters->>'held' <> "
	"'0' then 'holding' else '-' end as guard,"
	" (select count(*) from casebridge.parked p where p.sys = s.id and p.status = "
	"'open')::text as parked,"
	" (select count(*) from casebridge.conflicts k where k.sys = s.id and k.status = "
	"'open')::text as conflicts,"
	" floor(extract(epoch from s.last_contact))::int8::text as last_contact,"
	" case when n.off then 'off' else 'ok' end as counters,"
	" floor(extract(epoch from r.begun))::int8::text as reconciled, r.different::text as "
	"different, null::text as bridge, null::text as why, (s.id is not null)::text as met, "
	"coalesce(s.bye, false)::text as bye, case when s.last_contact "
	"is not null then greatest(floor(extract(epoch from now() - s.last_contact)), "
	"0)::int8::text end as age"
	" from casebridge.systems s full join json_array_elements_text($1::json) g(code) on "
	"g.code = s.code left join lateral (select begun, different from "
	"casebridge.reconciliations r where r.sys = s.id order by begun desc limit 1) r on true "
	"left join lateral (select coalesce(sum(e.value::int8) filter (where e.key = 'read'), 0) "
	"<> coalesce(sum(e.value::int8) filter (where e.key in ('accepted', 'echo', 'refused', "
	"'parked_in')), 0) or coalesce(sum(e.value::int8) filter (where e.key = 'sent'), 0) <> "
	"coalesce(sum(e.value::int8) filter (where e.key in ('applied', 'stale', 'exists', "
	"'gone', 'rejected', 'unknown', 'pending')), 0) + (select count(*) from casebridge.links "
	"l where l.sys = s.id and l.inflight is not null and "
	"coalesce(l.inflight::json->>'pending', "
	"'false') <> 'true') as off from json_each_text(s.counters) e) n on true order by 1";

static void add_names(struct br_jw *w, const struct cfg_system *s)
{
	for (; s; s = s->next)
		br_jw_str(w, s->name);
}

/* Those left out too, under the names of their files if need be. */
static const char *names_of(struct cli *c)
{
	struct br_str names;
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 1 << 20);
	br_jw_init(&w, &b);
	br_jw_array(&w);
	add_names(&w, c->site->systems);
	add_names(&w, c->site->left_out);
	br_jw_end_array(&w);
	names = br_arena_copy(&c->arena, br_buf_str(&b));
	br_buf_release(&b);
	return names.p ? names.p : "[]";
}

/* Records in the in-topic that are not folded yet. Control records of Kafka's transactions would
 * count, but we write none. */
static void fill_lag(struct cli *c, struct ledger_table *t)
{
	const char **topics = br_arena_array(&c->arena, const char *, t->rows + 1);
	int64_t *high = br_arena_array(&c->arena, int64_t, t->rows + 1);

	if (!topics || !high)
		return;
	for (size_t i = 0; i < t->rows; i++)
		topics[i] = br_arena_printf(&c->arena, "%.*s.in.%s",
			BR_STR_ARG(c->site->topic_prefix), t->cells[i * t->cols])
				    .p;
	bus_high(c->site, topics, t->rows, KAFKA_MS, high, NULL);
	for (size_t i = 0; i < t->rows; i++) {
		const char **cell = &t->cells[i * t->cols + LAG];
		int64_t next = *cell ? strtoll(*cell, NULL, 10) : 0;

		*cell = high[i] == BUS_NO_ANSWER ? NULL
						 : br_arena_printf(&c->arena, "%" PRId64,
							   high[i] > next ? high[i] - next : 0)
							   .p;
	}
}

static const char *in_zh(const char *word)
{
	static const char *const words[][2] = {{"holding", "限速暂缓"}, {"stopped", "已停写"},
		{"vanished", "记录消失停写"}, {"ok", "平"}, {"off", "不平"}};

	for (size_t i = 0; i < BR_LEN(words); i++)
		if (strcmp(words[i][0], word) == 0)
			return words[i][1];
	return word;
}

/* What the bridge knows of such a system is old: what counts is why nobody looks after it. */
static void show_left_out(struct cli *c, struct ledger_table *t)
{
	char why[1024];

	for (size_t i = 0; i < t->rows; i++) {
		const char **row = &t->cells[i * t->cols];
		const struct cfg_system *s = cfg_site_left_out(c->site, br_str_z(row[SYSTEM]));

		if (!s)
			continue;
		row[STATE] = "left out";
		br_err_sentence(&s->problem->err, c->lang, why, sizeof(why));
		row[WHY] = br_arena_copy(&c->arena, br_str_z(why)).p;
	}
}

static const char *heard_zh(const char *word)
{
	for (size_t i = 0; i < HEARD_WORDS; i++)
		if (strcmp(cli_heard_words[i][0], word) == 0)
			return cli_heard_words[i][1];
	return word;
}

/* For people: words instead of states, a dash for "never" and "not known". */
static void in_words(struct cli *c, struct ledger_table *t)
{
	for (size_t i = 0; c->output == CLI_TABLE && i < t->rows; i++) {
		const char **row = &t->cells[i * t->cols];

		if (c->lang == BR_LANG_ZH) {
			row[GUARD] = in_zh(row[GUARD]);
			row[COUNTERS] = in_zh(row[COUNTERS]);
			row[CONNECTOR] = heard_zh(row[CONNECTOR]);
		}
		if (!row[RECONCILED])
			row[RECONCILED] = row[DIFFERENT] = "-";
		if (!row[LAST_CONTACT])
			row[LAST_CONTACT] = "-";
		if (!row[LAG])
			row[LAG] = "-";
	}
}

/* The columns behind the printed ones go. */
static void drop_hidden(struct ledger_table *t)
{
	for (size_t i = 0; i < t->rows; i++)
		memmove(&t->cells[i * PRINTED], &t->cells[i * t->cols],
			PRINTED * sizeof(*t->cells));
	t->cols = PRINTED;
}

static int64_t number_or(const char *text, int64_t missing)
{
	return text ? strtoll(text, NULL, 10) : missing;
}

/* Nobody asks about a system that is left out or no longer of the site, or whose connector is not
 * ours to run. */
static struct cli_heard heard_of(struct cli *c, const char *const *row)
{
	const struct cfg_system *s = cfg_site_system(c->site, br_str_z(row[SYSTEM]));

	return (struct cli_heard){
		.system = s && !br_str_eq(s->connector, BR_STR("manual")) ? s : NULL,
		.met = strcmp(row[MET], "true") == 0,
		.bye = strcmp(row[BYE], "true") == 0,
		.age_s = number_or(row[AGE], -1),
		.waiting = number_or(row[LAG], -1),
		.at = row[LAST_CONTACT]};
}

/* CLI_FAILED, and told, when the bridge or a connector is not at work. */
static int judge(struct cli *c, struct ledger_table *t)
{
	struct cli_heard *all = br_arena_array(&c->arena, struct cli_heard, t->rows + 1);
	enum cli_heard_word bridge;

	if (!all)
		return CLI_FAILED;
	for (size_t i = 0; i < t->rows; i++)
		all[i] = heard_of(c, &t->cells[i * t->cols]);
	bridge = cli_heard_judge(all, t->rows);
	for (size_t i = 0; i < t->rows; i++) {
		t->cells[i * t->cols + CONNECTOR] = cli_heard_words[all[i].word][0];
		t->cells[i * t->cols + BRIDGE] = cli_heard_words[bridge][0];
	}
	return cli_heard_tell(c, all, t->rows, bridge);
}

/* CLI_FAILED, and told, when the counters of a system do not add up. */
static int alert(struct cli *c, const struct ledger_table *t)
{
	int status = CLI_OK;

	for (size_t i = 0; i < t->rows; i++) {
		const char *const *row = &t->cells[i * t->cols];
		struct br_err err;

		if (strcmp(row[COUNTERS], "off") != 0)
			continue;
		br_err_clear(&err);
		br_err_set(&err, BR_E_HUB_COUNTERS, "system", row[SYSTEM], NULL);
		cli_fail(c, &err);
		status = CLI_FAILED;
	}
	return status;
}

int cli_status(struct cli *c)
{
	struct ledger_table t;
	int alerted, heard;
	int status = cli_load(c);

	if (status == CLI_OK)
		status = cli_query(c, sql, 3,
			(const char *const[]){names_of(c), "new", c->site->topic_prefix.p}, &t);
	if (status != CLI_OK)
		return status;
	fill_lag(c, &t);
	show_left_out(c, &t);
	cli_local_times(c, &t, "last_contact");
	cli_local_times(c, &t, "reconciled");
	alerted = alert(c, &t);
	heard = judge(c, &t);
	in_words(c, &t);
	drop_hidden(&t);
	cli_print_rows(c, &t, columns);
	return alerted != CLI_OK ? alerted : heard;
}
