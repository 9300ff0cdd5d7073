/*
 * cli_case.c - one case, found by any system's number: where it is, both numbers, and its history
 * in plain words.
 *
 * Table: for people, with labels. JSON: an array of cases, each with its links and history. CSV: a
 * row for each change of a field.
 */
#include "cli.h"

#include "br_json.h"
#include "cli_plain.h"
#include "ledger_query.h"

#include <stdlib.h>

enum { NO, VERSION, STATUS, APPLICANT, UPDATED, CID };
enum { H_VERSION, H_AT, H_SYSTEM, H_PLACE, H_OLD, H_NEW, H_BY, H_WHY };

static const char head_sql[] =
	"select coalesce(doc::json->>'portal_case_no', doc::json->>'dept_case_no', cid::text) as "
	"case_no, "
	"ver::text as version, doc::json->>'status' as status,"
	" doc::json->'applicant'->>'name' as applicant, floor(extract(epoch from "
	"updated_at))::int8::text as "
	"updated_at, cid::text as case_id"
	" from casebridge.cases where cid = $1::uuid";
static const char links_sql[] =
	"select s.code as system, coalesce(l.lid, '-') as local_id, case when l.state = 'idle' and "
	"l.due then 'due' else l.state end as state,"
	" coalesce(p.code, '') as code, coalesce(case $2 when 'zh' then p.text_zh else p.text_en "
	"end, '') as why,"
	" coalesce(case $2 when 'zh' then p.next_zh else p.next_en end, '') as next"
	" from casebridge.links l join casebridge.systems s on s.id = l.sys left join lateral "
	"(select * from casebridge.parked p"
	" where p.cid = l.cid and p.sys = l.sys and p.status = 'open' order by id desc limit 1) p "
	"on true where l.cid = $1::uuid order by s.id, l.rec";
static const char history_sql[] =
	"select h.ver::text as version, floor(extract(epoch from h.at))::int8::text as at, s.code "
	"as "
	"system, e.k as field, e.v->>0 as old, e.v->>1 as new, h.person as by, h.why"
	" from casebridge.history h left join casebridge.systems s on s.id = h.sys left join "
	"lateral "
	"json_each(h.delta::json) e(k, v) on true"
	" where h.cid = $1::uuid order by h.ver";

struct found {
	struct ledger_table head, links, history;
	bool personal;
};

/* Full-width digits and blanks of a pasted number do not matter. */
#define PASTED "translate(replace($1, ' ', ''), '０１２３４５６７８９', '0123456789')"

static int find(struct cli *c, const char *number, struct ledger_table *t)
{
	return cli_query(c,
		"with n as (select " PASTED " as v)"
		" select distinct cid::text from (select cid from casebridge.links, n where lid = v"
		" union select cid from casebridge.cases, n where doc::json->>'portal_case_no' = v "
		"or "
		"doc::json->>'dept_case_no' = v"
		" union select cid from casebridge.cases, n where cid::text = v) f",
		1, &number, t);
}

static const char *value_of(
	struct cli *c, const struct found *k, const char *place, const char *value)
{
	const struct case_field *f = cli_field(c, br_str_z(place));
	const struct code_row *row =
		f && f->codes && value ? code_find(f->codes, br_str_z(value)) : NULL;

	if (c->output != CLI_TABLE && (!value || (f && f->pii == CASE_PII_NONE)))
		return value;
	if (!k->personal || !value)
		return cli_value(c, f, value);
	return row ? br_arena_copy(&c->arena, c->lang == BR_LANG_ZH ? row->label : row->label_en).p
		   : value;
}

/* ---- for people ---- */

static const char *state_word(const struct cli *c, const char *state)
{
	static const char *const words[][3] = {{"idle", "in step", "一致"},
		{"due", "waits to be sent", "等待发送"}, {"inflight", "being sent", "发送中"},
		{"rejected", "refused", "被退回"}, {"parked", "waits for a person", "待处理"},
		{"pending", "awaits an answer", "等待答复"},
		{"gone", "no longer there", "已不存在"},
		{"matched", "bound, its system is not live yet", "已对照，待系统上线"}};

	for (size_t i = 0; i < BR_LEN(words); i++)
		if (strcmp(words[i][0], state) == 0)
			return words[i][c->lang == BR_LANG_ZH ? 2 : 1];
	return state;
}

static const char *title_of(const struct cli *c, const char *system)
{
	const struct cfg_system *s = cfg_site_system(c->site, br_str_z(system));

	return s && s->title.n ? s->title.p : system;
}

static const char *label_of(struct cli *c, const char *place)
{
	const struct case_field *f = cli_field(c, br_str_z(place));
	const char *slash = strchr(place, '/');
	struct br_str label;

	if (!f)
		return place;
	label = c->lang == BR_LANG_ZH ? f->label : f->label_en;
	if (!slash)
		return br_arena_copy(&c->arena, label).p;
	/* which element of the list */
	return br_arena_printf(
		&c->arena, "%.*s %.*s", (int)strcspn(slash + 1, "/"), slash + 1, BR_STR_ARG(label))
		.p;
}

static void print_links(struct cli *c, const struct found *k)
{
	static const char *const names[] = {
		"System", "Number there", "State", "Why, and what to do"};
	static const char *const zh[] = {"系统", "系统内编号", "情况", "原因与下一步"};
	const char **cells = br_arena_array(&c->arena, const char *, k->links.rows * 4 + 1);

	for (size_t i = 0; cells && i < k->links.rows; i++) {
		const char *const *row = &k->links.cells[i * k->links.cols];

		cells[i * 4] = title_of(c, row[0]);
		cells[i * 4 + 1] = row[1];
		cells[i * 4 + 2] = state_word(c, row[2]);
		cells[i * 4 + 3] =
			*row[3] ? br_arena_printf(&c->arena, "%s %s → %s", row[3], row[4], row[5]).p
				: "";
	}
	if (cells)
		cli_print_table(c, &(struct cli_table){names, zh, 4, k->links.rows, cells, "35kw"});
}

/* A version is one line: when, where it was typed, and what became of each field. */
static void print_version(struct cli *c, const char *const *row)
{
	const char *what = row[H_PLACE] ? "" : cli_say(c, "  entered", "  录入");

	cli_plain_text(c,
		row[H_BY] ? br_arena_printf(&c->arena, "%3s  %s  %s: %s", row[H_VERSION], row[H_AT],
				    row[H_BY], row[H_WHY])
				    .p
			  : br_arena_printf(&c->arena, "%3s  %s  %s%s", row[H_VERSION], row[H_AT],
				    row[H_SYSTEM] ? title_of(c, row[H_SYSTEM]) : "?", what)
				    .p,
		0, 5);
}

static void print_change(struct cli *c, const struct found *k, const char *const *row)
{
	const char *label = label_of(c, row[H_PLACE]),
		   *now = value_of(c, k, row[H_PLACE], row[H_NEW]);
	struct br_str text = row[H_OLD] ? br_arena_printf(&c->arena, "%s: %s → %s", label,
						  value_of(c, k, row[H_PLACE], row[H_OLD]), now)
					: br_arena_printf(&c->arena, "%s: %s", label, now);

	cli_plain_text(c, text.p ? text.p : "", 7, 9);
}

static void print_history(struct cli *c, const struct found *k)
{
	const char *version = "";

	for (size_t i = 0; i < k->history.rows; i++) {
		const char *const *row = &k->history.cells[i * k->history.cols];

		if (strcmp(row[H_VERSION], version) != 0)
			print_version(c, row);
		version = row[H_VERSION];
		if (row[H_PLACE])
			print_change(c, k, row);
	}
}

static void print_people(struct cli *c, const struct found *k)
{
	const char *const *head = k->head.cells;
	bool zh = c->lang == BR_LANG_ZH;

	cli_plain_text(c,
		br_arena_printf(&c->arena,
			zh ? "办件 %s  %s  %s  第 %s 版  %s" : "Case %s  %s  %s  version %s of %s",
			head[NO], value_of(c, k, "applicant.name", head[APPLICANT]),
			value_of(c, k, "status", head[STATUS]), head[VERSION], head[UPDATED])
			.p,
		0, 5);
	putchar('\n');
	print_links(c, k);
	printf("\n%s\n", zh ? "过程" : "History");
	print_history(c, k);
}

/* ---- for programs ---- */

static void json_case(struct br_jw *w, const struct found *k)
{
	br_jw_object(w);
	cli_json_members(w, k->head.names, k->head.cells, k->head.cols);
	cli_json_rows(w, "links", &k->links);
	cli_json_rows(w, "history", &k->history);
	br_jw_end_object(w);
}

/* ---- the verb ---- */

static void mask(struct cli *c, struct found *k)
{
	k->head.cells[APPLICANT] = value_of(c, k, "applicant.name", k->head.cells[APPLICANT]);
	for (size_t i = 0; i < k->history.rows; i++) {
		const char **row = &k->history.cells[i * k->history.cols];

		row[H_OLD] = row[H_PLACE] ? value_of(c, k, row[H_PLACE], row[H_OLD]) : NULL;
		row[H_NEW] = row[H_PLACE] ? value_of(c, k, row[H_PLACE], row[H_NEW]) : NULL;
	}
}

static int load(struct cli *c, const char *cid, struct found *k)
{
	const char *params[] = {cid, c->lang == BR_LANG_ZH ? "zh" : "en"};
	int status = cli_query(c, head_sql, 1, params, &k->head);

	if (status == CLI_OK)
		status = cli_query(c, links_sql, 2, params, &k->links);
	if (status == CLI_OK)
		status = cli_query(c, history_sql, 1, params, &k->history);
	if (status != CLI_OK)
		return status;
	cli_local_times(c, &k->head, "updated_at");
	cli_local_times(c, &k->history, "at");
	return CLI_OK;
}

static int print_all(struct cli *c, const struct ledger_table *cids, bool personal)
{
	struct br_buf b;
	struct br_jw w;
	int status = CLI_OK;

	br_buf_init(&b, 64u << 20);
	br_jw_init(&w, &b);
	br_jw_array(&w);
	for (size_t i = 0; i < cids->rows && status == CLI_OK; i++) {
		struct found k = {.personal = personal};

		status = load(c, cids->cells[i], &k);
		if (status != CLI_OK || k.head.rows == 0)
			continue;
		if (c->output != CLI_TABLE)
			mask(c, &k);
		if (c->output == CLI_JSON)
			json_case(&w, &k);
		else if (c->output == CLI_CSV)
			cli_print_table(
				c, &(struct cli_table){k.history.names, NULL, k.history.cols,
					   k.history.rows, k.history.cells, NULL});
		else
			print_people(c, &k);
	}
	br_jw_end_array(&w);
	if (c->output == CLI_JSON && status == CLI_OK)
		puts(br_buf_cstr(&b));
	br_buf_release(&b);
	return status;
}

/* A new record that was read and is no case yet waits for a person under its number. */
static int tell_none(struct cli *c, const char *number)
{
	struct ledger_table t;
	struct br_err err;
	int status = cli_query(c,
		"select s.code, p.id::text from casebridge.parked p join casebridge.systems s on "
		"s.id = p.sys where p.lid = " PASTED " and p.status = 'open' order by p.id desc "
		"limit 1",
		1, &number, &t);

	if (status != CLI_OK)
		return status;
	br_err_clear(&err);
	if (t.rows)
		br_err_set(&err, BR_E_CLI_NOT_YET_A_CASE, "number", number, "system", t.cells[0],
			"id", t.cells[1], NULL);
	else
		br_err_set(&err, BR_E_CLI_NO_CASE, "number", number, NULL);
	return cli_fail(c, &err);
}

int cli_case(struct cli *c)
{
	bool personal = cli_flag(c, "--personal");
	struct ledger_table t;
	int status;

	if (c->argc != 1)
		return CLI_USAGE;
	status = cli_load(c);
	if (status == CLI_OK)
		status = find(c, c->argv[0], &t);
	if (status != CLI_OK)
		return status;
	return t.rows ? print_all(c, &t, personal) : tell_none(c, c->argv[0]);
}
