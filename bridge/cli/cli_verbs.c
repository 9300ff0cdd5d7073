/*
 * cli_verbs.c - all verbs: how each is called, what for, and its options. `casebridge --help` and
 * the reference page come from here.
 */
#include "cli.h"

static const struct cli_opt map_options[] = {
	{"--input", "FILE", "rows to show: CSV with the columns' names, or JSON lines",
		"要显示的数据：带列名的 CSV，或每行一个 JSON"},
	{"--record", "NAME", "which record of the system, when it has several",
		"系统有多种记录时，指明其中一种"},
	{"--seed", "N", "start of the generated values of map check",
		"map check 生成数据的随机种子"},
	{"--limit", "N", "diff: samples shown at most (20)", "diff：最多显示的样例数（20）"},
	{"--personal", NULL, "diff: personal data in clear", "diff：显示完整的个人信息"},
	{"--why", "TEXT", "apply: the reason; it is kept", "apply：原因，会留存"},
	{"--by", "NAME", "apply: who decides; else the operating system's user",
		"apply：处理人；缺省为操作系统用户"},
	{NULL, NULL, NULL, NULL},
};
static const struct cli_opt parked_options[] = {
	{"--why", "TEXT", "drop, correct, withdraw, rewrite: the reason; it is kept",
		"drop、correct、withdraw、rewrite：处理原因，会留存"},
	{"--reason", "TEXT", "the same as --why", "同 --why"},
	{"--by", "NAME", "who decides; else the operating system's user",
		"处理人；缺省为操作系统用户"},
	{"--value", "TEXT", "correct: the value", "correct：更正后的值"},
	{"--empty", NULL, "correct: the field becomes empty", "correct：清空该字段"},
	{"--field", "FIELD", "correct: another field of the case than the item's",
		"correct：更正办件的其他字段"},
	{"--system", "NAME", "retry: all items of a system", "retry：该系统的全部事项"},
	{"--code", "CODE", "retry: only items with this error code", "retry：仅限该错误码"},
	{"--preview", NULL, "retry: only show which items these are", "retry：仅列出将重试的事项"},
	{"--all", NULL, "list: settled ones too; retry: of all systems",
		"list：包括已处理的；retry：全部系统"},
	{"--original", NULL, "show: the original bytes too (they hold personal data)",
		"show：同时显示原始内容（含个人信息）"},
	{"--reveal", NULL, "show: personal data in clear", "show：显示完整的个人信息"},
	{"--wait", "SECONDS", "how long to wait until the bridge has taken the order (15)",
		"等待总线执行指令的秒数（15）"},
	{NULL, NULL, NULL, NULL},
};
static const struct cli_opt conflicts_options[] = {
	{"--take", NULL, "resolve: the lost value becomes the case's", "resolve：改用未采用值"},
	{"--keep", NULL, "resolve: what the case says stays", "resolve：维持现值"},
	{"--why", "TEXT", "resolve: the reason; it is kept", "resolve：处理原因，会留存"},
	{"--by", "NAME", "who decides; else the operating system's user",
		"处理人；缺省为操作系统用户"},
	{"--all", NULL, "list: settled ones too", "list：包括已处理的"},
	{"--reveal", NULL, "personal data in clear", "显示完整的个人信息"},
	{"--personal", NULL, "the same as --reveal", "同 --reveal"},
	{"--wait", "SECONDS", "how long to wait until the bridge has taken the order (15)",
		"等待总线执行指令的秒数（15）"},
	{NULL, NULL, NULL, NULL},
};
static const struct cli_opt personal_options[] = {
	{"--personal", NULL, "personal data in clear", "显示完整的个人信息"},
	{NULL, NULL, NULL, NULL},
};
static const struct cli_opt system_options[] = {
	{"--wait", "SECONDS", "how long to wait until the bridge has taken the order (15)",
		"等待总线执行指令的秒数（15）"},
	{NULL, NULL, NULL, NULL},
};
static const struct cli_opt broker_options[] = {
	{"--address-file", "FILE", "write the broker's address there", "将地址写入该文件"},
	{NULL, NULL, NULL, NULL},
};

static const struct cli_opt reconcile_options[] = {
	{"--all", NULL, "all records (the default)", "全部记录（缺省）"},
	{"--day", "DATE", "only cases of this day (2026-01-31) or month (2026-01), by application",
		"只看该日（2026-01-31）或该月（2026-01）申请的办件"},
	{"--repair", NULL, "have the bridge mend what it may: R1, R8, R9, R10",
		"让总线修复允许自动修复的类别：R1、R8、R9、R10"},
	{"--also", "CLASSES", "with --repair: these too, after you have looked at them (R3,R6)",
		"与 --repair 合用：经人工核对后一并修复的类别（R3,R6）"},
	{"--by", "NAME", "with --repair: who decides; else the operating system's user",
		"与 --repair 合用：处理人；缺省为操作系统用户"},
	{"--why", "TEXT", "with --repair: a reason; it is kept",
		"与 --repair 合用：处理原因，会留存"},
	{"--settle", "SECONDS", "pause before suspects are read again (3)",
		"复查疑似差异前的等待秒数（3）"},
	{"--tolerance", "SECONDS", "by which times may differ (60)", "时间允许的误差秒数（60）"},
	{"--limit", "N", "lines listed at most; all are counted (10000)",
		"最多列出的行数，统计不受影响（10000）"},
	{"--personal", NULL, "personal data in clear", "显示完整的个人信息"},
	{"--keep", NULL, "keep the figures in the ledger: casebridge status shows the newest",
		"将结果记入台账，casebridge status 显示最近一次"},
	{"--schedule", NULL,
		"instead of NAME: stay, and do it when reconcile: of site.yaml says so",
		"代替 NAME：常驻，按 site.yaml 的 reconcile: 定时对账"},
	{NULL, NULL, NULL, NULL},
};

static const struct cli_opt match_options[] = {
	{"--why", "TEXT", "accept, reject, merge, split: the reason; it is kept",
		"accept、reject、merge、split：处理原因，会留存"},
	{"--by", "NAME", "who decides; else the operating system's user",
		"处理人；缺省为操作系统用户"},
	{"--verdict", "certain|likely", "list, and accept or reject of many: only these pairs",
		"list 以及批量 accept、reject：仅限该判断结果"},
	{"--all", NULL, "list: decided ones too; reject: every open pair of the system",
		"list：包括已处理的；reject：该系统全部待定"},
	{"--preview", NULL, "find: count only; accept, reject: only show which pairs these are",
		"find：只统计；accept、reject：仅列出将处理的"},
	{"--record", "NAME", "merge, split: which record, when a system has several",
		"merge、split：系统有多种记录时，指明其中一种"},
	{"--limit", "N", "list: lines at most (1000)", "list：最多列出的行数（1000）"},
	{"--reveal", NULL, "personal data in clear", "显示完整的个人信息"},
	{"--wait", "SECONDS", "how long to wait until the bridge has taken the orders (15)",
		"等待总线执行指令的秒数（15）"},
	{NULL, NULL, NULL, NULL},
};

const struct cli_opt cli_common[] = {
	{"--site", "FOLDER",
		"the site; else the last argument, CASEBRIDGE_SITE, or the current folder",
		"站点目录；缺省为最后一个参数、环境变量 CASEBRIDGE_SITE 或当前目录"},
	{"--lang", "en|zh", "language; else CASEBRIDGE_LANG, or the locale",
		"语言；缺省为环境变量 CASEBRIDGE_LANG 或系统区域设置"},
	{"--output", "table|json|csv", "form of what is printed", "输出格式"},
	{"--verbose", NULL, "log more", "输出更多日志"},
	{"--help", NULL, "how a verb is used", "显示用法"},
	{NULL, NULL, NULL, NULL},
};

const struct cli_verb cli_verbs[] = {
	{"lint", cli_lint, "[SITE]", 0, 0, "check a site's files; all problems in one go",
		"检查站点配置，一次列出全部问题", NULL},
	{"check", cli_check, "[NAME]", 0, 1,
		"ask ledger, Kafka and systems (or one system) whether all is as configured",
		"在线检查台账、Kafka 和各系统（或一个系统）是否符合配置", NULL},
	{"map", cli_map, "NAME --input FILE | check [NAME] | diff NAME | apply NAME --why TEXT", 1,
		2,
		"show rows through a mapping; run its tests and laws; what a changed mapping would "
		"change in the cases there are, and have it done",
		"按映射显示数据；运行映射自带的测试与往返检验；预览并执行映射变更对现有办件的影响",
		map_options},
	{"topics", cli_topics, "plan|apply|check", 1, 1, "the Kafka topics of a site",
		"管理站点的 Kafka 主题", NULL},
	{"ledger", cli_ledger, "migrate|version", 1, 1, "create or upgrade the ledger",
		"创建或升级台账", NULL},
	{"run", cli_run, "[SITE]", 0, 0, "start and supervise bridge and connectors",
		"启动并看护总线与全部连接器", NULL},
	{"bridge", cli_bridge, "[SITE]", 0, 0, "the bridge alone", "只运行总线", NULL},
	{"connector", cli_connector, "NAME [SITE]", 1, 1, "one connector alone", "只运行一个连接器",
		NULL},
	{"status", cli_status, "[SITE]", 0, 0,
		"every system: state, lag, waiting, parked, conflicts, last contact; exit code 1 "
		"when the bridge or a connector is not at work, or counters do not add up",
		"各系统状态、积压、待发、待处理、冲突与最近联系时间；总线或连接器未在工作、或计数不"
		"平时"
		"退出码为 1",
		NULL},
	{"system", cli_system, "live|pause|trial|rebase NAME", 2, 2,
		"let a system take part; a paused one is neither read nor written: what waits for "
		"it, and what is typed there meanwhile, goes on when it is live again, with the "
		"time of its reading; one on trial is read only; rebase: it was restored from a "
		"backup",
		"系统上线、暂停或试运行；暂停期间既不读取也不写入：等待发往该系统的、以及期间在该系"
		"统"
		"录入的，恢复上线后继续，时间以读取时为准；试运行只读不写；rebase："
		"系统已从备份恢复",
		system_options},
	{"case", cli_case, "NUMBER", 1, 1,
		"find a case by any system's number: where it is, and its history",
		"用任一系统的编号查办件：去向与过程", personal_options},
	{"parked", cli_parked,
		"list|show ID|correct ID --value TEXT --why TEXT|retry ID|retry --system "
		"NAME|drop ID --why TEXT|withdraw ID --why TEXT|rewrite ID --why TEXT",
		0, 2, "what waits for a person", "待处理事项", parked_options},
	{"conflicts", cli_conflicts, "list|show ID|resolve ID --take|--keep --why TEXT", 0, 2,
		"values that lost and were kept", "冲突中未被采用而保留的值", conflicts_options},
	{"reconcile", cli_reconcile, "NAME [--day DATE | --all] [--repair] | --schedule", 0, 1,
		"compare a system with the ledger: what differs, class by class, and who may mend "
		"it",
		"系统与台账对账：按类别列出差异及处理方式", reconcile_options},
	{"match", cli_match,
		"find NAME|list NAME|show ID|accept ID|accept NAME --verdict certain|reject "
		"ID|reject NAME --all|merge NAME NUMBER OTHER NUMBER|split NAME NUMBER",
		2, 5,
		"first contact: which cases of a system on trial others have too; a person decides",
		"首次对接：试运行系统的办件与其他系统的哪些是同一件，由人决定", match_options},
	{"schema", cli_schema, "[json|fields]", 0, 1,
		"the published JSON Schema of a case; the reference of its fields",
		"输出办件的 JSON Schema 或字段说明", NULL},
	{"reference", cli_reference, "errors|options|cli|case", 1, 1,
		"a reference page in Markdown, Chinese and English",
		"输出参考手册页面（Markdown，中英文）", NULL},
	{"dev-broker", cli_dev_broker, "[SITE]", 0, 0,
		"a mock Kafka to look at the product with; forgets everything",
		"模拟 Kafka，仅供观看，停止即丢失", broker_options},
	{NULL, NULL, NULL, 0, 0, NULL, NULL, NULL},
};

static void options(const struct cli *c, const struct cli_opt *o, FILE *to)
{
	for (; o && o->name; o++)
		fprintf(to, "  %-10s %-15s %s\n", o->name, o->value ? o->value : "",
			cli_say(c, o->help_en, o->help_zh));
}

void cli_verb_help(const struct cli *c, const struct cli_verb *v, FILE *to)
{
	fprintf(to, "casebridge %s %s\n  %s\n\n", v->name, v->arguments,
		cli_say(c, v->help_en, v->help_zh));
	options(c, v->options, to);
	options(c, cli_common, to);
}
