/*
 * cli_reference.c - the pages of docs/reference, from the tables the program itself works with.
 * Chinese and English on one page.
 */
#include "cli.h"

#include "conn_kind.h"
#include "hub_reconcile.h"
#include "pg_options.h"

#define MADE "<!-- casebridge reference %s; not written by hand -->\n\n"

/* ---- errors ---- */

struct row {
	const char *class, *tag, *en, *zh, *next_en, *next_zh;
};
#define RETRY "重试 retry"
#define PARK  "待处理 park"
#define FATAL "停止 fatal"
static const struct row rows[] = {
#define BR_ERR(id, class, tag, en, zh, next_en, next_zh) {class, tag, en, zh, next_en, next_zh},
#include "br_err_codes.def"
#undef BR_ERR
};
#undef RETRY
#undef PARK
#undef FATAL

/* A bar would end the cell, an angle bracket begin a tag. */
static void cell(const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			fputs("\\|", stdout);
		else if (*text == '<')
			fputs("&lt;", stdout);
		else
			putchar(*text);
	}
}

static void cells(const char *zh, const char *en)
{
	cell(zh);
	fputs("<br>", stdout);
	cell(en);
	fputs(" |", stdout);
}

static void errors(void)
{
	size_t area = 0;

	printf("# 错误码 Error codes\n\n" MADE, "errors");
	puts("错误码长期不变，可用于检索与自动处理。`{…}` "
	     "处为具体内容，个人信息已脱敏。类别：*重试*，程序会自动再试；*待处理*"
	     "，该记录等待人员处理，其他照常；"
	     "*停止*，配置或程序有误，改正前不会继续。\n\n"
	     "Codes never change. `{...}` stands for what was found, personal data masked. Class: "
	     "*retry*, tried again by itself; *park*, this record waits for a "
	     "person and everything else goes on; *fatal*, configuration or program, nothing goes "
	     "on before it is corrected.");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		size_t n = strcspn(r->tag, "-");

		if (n != area || (i && strncmp(rows[i - 1].tag, r->tag, n) != 0))
			printf("\n## %.*s\n\n| 码 Code | 类别 Class | 说明 Text | 下一步 Next step "
			       "|\n|---|---|---|---|\n",
				(int)n, r->tag);
		area = n;
		printf("| %s | %s | ", r->tag, r->class);
		cells(r->zh, r->en);
		putchar(' ');
		cells(r->next_zh, r->next_en);
		putchar('\n');
	}
}

/* ---- options ---- */

static void table(
	const char *place, const char *zh, const char *en, const struct cfg_option *options)
{
	printf("\n## %s\n\n%s。\n\n", place, zh);
	cfg_write_reference(options, BR_LANG_ZH, stdout);
	printf("\n%s.\n\n", en);
	cfg_write_reference(options, BR_LANG_EN, stdout);
}

static void options(void)
{
	printf("# 配置项 Options\n\n" MADE, "options");
	puts("值中可写 `${env:NAME}`（环境变量）或 `${file:NAME}`（secrets "
	     "文件夹中的文件），records: 之下除外。\n\n"
	     "Values may hold `${env:NAME}` (environment) or `${file:NAME}` (a file of the secrets "
	     "folder), but not under records:.\n\n"
	     "映射语言见 [mapping.md](../mapping.md)，读写方式见 "
	     "[postgres.md](../connectors/postgres.md) 与 [http.md](../connectors/http.md)。\n\n"
	     "The mapping language is in [mapping.md](../mapping.md), reading and writing in "
	     "[postgres.md](../connectors/postgres.md) and [http.md](../connectors/http.md).");
	table("site.yaml", "站点", "The site", cfg_site_options);
	table("site.yaml: ledger", "台账", "The ledger", cfg_ledger_options);
	table("site.yaml: reconcile", "定时对账", "Reconciliation by itself",
		cfg_reconcile_options);
	table("systems/NAME.yaml", "一个系统", "One system", cfg_system_options);
	for (size_t i = 0; conn_kinds[i]; i++) {
		char place[128], zh[128], en[128];

		snprintf(place, sizeof(place), "connection: connector: %s", conn_kinds[i]->name);
		snprintf(zh, sizeof(zh), "%s 连接器的连接", conn_kinds[i]->name);
		snprintf(en, sizeof(en), "The connection of a system with connector %s",
			conn_kinds[i]->name);
		table(place, zh, en, conn_kinds[i]->options);
	}
	table("records: root (postgres)", "记录的主表", "The main table of a record",
		pg_root_table);
	table("records: read (postgres)", "读取", "Reading", pg_read_table);
	table("records: write (postgres)", "写入", "Writing", pg_write_table);
	table("records: parts: NAME (postgres)", "子表", "A table of child rows", pg_part_table);
}

/* ---- command line ---- */

static void option_rows(const struct cli_opt *o)
{
	for (; o && o->name; o++) {
		printf("| `%s%s", o->name, o->value ? " " : "");
		cell(o->value ? o->value : "");
		printf("` | ");
		cells(o->help_zh, o->help_en);
		putchar('\n');
	}
}

static void status_columns(void)
{
	puts("\n| 列 Column | |\n|---|---|");
	for (const struct cli_meaning *m = cli_status_meanings; m->name; m++) {
		printf("| `%s` %s | ", m->name, m->title_zh);
		cells(m->zh, m->en);
		putchar('\n');
	}
}

static void reconcile_classes(void)
{
	puts("\n| 类 Class | | 下一步 Next step |\n|---|---|---|");
	for (int i = 1; i < DIFF_CLASSES; i++) {
		const struct hub_diff_about *a = &hub_diff_abouts[i];

		printf("| %s | ", a->tag);
		cells(a->zh, a->en);
		putchar(' ');
		cells(a->next_zh, a->next_en);
		putchar('\n');
	}
}

static void verbs(void)
{
	printf("# 命令 Command line\n\n" MADE, "cli");
	puts("    casebridge VERB [ARGUMENTS] [OPTIONS]\n\n"
	     "数据写到标准输出，说明写到标准错误。Data goes to standard output, talk to standard "
	     "error.\n\n"
	     "| 退出码 Exit code | |\n|---|---|\n| 0 | 完成 Done |\n| 1 | 未完成，原因已说明 The "
	     "work failed, and why was told |\n| 2 | 用法有误 Called the wrong way |\n"
	     "| 69 | 数据库、Kafka 或对方系统不可用 Database, Kafka or the other system cannot be "
	     "reached |\n"
	     "| 75 | 稍后再试 Try again later |\n| 78 | 配置有误 The configuration is wrong |\n\n"
	     "## 通用选项 Options of every verb\n\n| 选项 Option | |\n|---|---|");
	option_rows(cli_common);
	for (const struct cli_verb *v = cli_verbs; v->name; v++) {
		printf("\n## %s\n\n    casebridge %s %s\n\n%s。%c%s.\n", v->name, v->name,
			v->arguments, v->help_zh, v->help_en[0] - 'a' + 'A', v->help_en + 1);
		if (v->options)
			puts("\n| 选项 Option | |\n|---|---|");
		option_rows(v->options);
		if (v->run == cli_status)
			status_columns();
		if (v->run == cli_reconcile)
			reconcile_classes();
	}
}

/* ---- the case ---- */

static int fields(struct cli *c)
{
	struct br_buf b;
	struct br_err err;
	int status = cli_load_schema(c);

	if (status != CLI_OK)
		return status;
	br_buf_init(&b, 4u << 20);
	br_err_clear(&err);
	if (case_reference(c->schema, &b, &err) < 0)
		status = cli_fail(c, &err);
	else
		fputs(br_buf_cstr(&b), stdout);
	br_buf_release(&b);
	return status;
}

int cli_reference(struct cli *c)
{
	const char *page = c->argc == 1 ? c->argv[0] : "";

	if (strcmp(page, "case") == 0)
		return fields(c);
	if (strcmp(page, "errors") == 0)
		errors();
	else if (strcmp(page, "options") == 0)
		options();
	else if (strcmp(page, "cli") == 0)
		verbs();
	else
		return CLI_USAGE;
	return CLI_OK;
}
