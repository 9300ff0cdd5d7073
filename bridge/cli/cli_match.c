/*
 * cli_match.c - first contact: which cases of a system are cases that others have too. Finds them,
 * lists them, shows one.
 */
#include "cli_match.h"

#include "hub_alike.h"
#include "ledger_compare.h"
#include "ledger_query.h"

#include <stdlib.h>

#define LIMIT "1000"

bool cli_match_is_number(const char *word)
{
	return *word && strspn(word, "0123456789") == strlen(word) && strlen(word) <= 18;
}

/* ---- find ---- */

static const struct map_set *maps_of(const struct cli *c, const struct cfg_system *system)
{
	size_t i = 0;

	for (const struct cfg_system *s = c->site->systems; s != system; s = s->next)
		i++;
	return c->maps[i];
}

static void print_found(struct cli *c, const char *system, const struct ledger_compared *f)
{
	static const char *const names[] = {
		"system", "records", "others", "compared", "certain", "likely", "common_keys"};
	static const char *const zh[] = {
		"系统", "单独的记录", "其他系统的办件", "比对数", "确定", "可能", "过于常见的键"};
	const int64_t n[] = {f->records, f->others, f->pairs, f->certain, f->likely, f->common};
	const char *cells[BR_LEN(n) + 1] = {system};

	for (size_t i = 0; i < BR_LEN(n); i++)
		cells[i + 1] = br_arena_printf(&c->arena, "%lld", (long long)n[i]).p;
	cli_print_record(c, &(struct cli_table){names, zh, BR_LEN(names), 1, cells, NULL});
}

static int find(struct cli *c, const char *name, const struct cli_match *m)
{
	struct ledger_compared found;
	struct ledger_table t;
	struct cfg_system *s = NULL;
	struct br_err err;
	int status = cli_system_named(c, name, &s);

	if (status == CLI_OK)
		status = cli_query(
			c, "select id::text from casebridge.systems where code = $1", 1, &name, &t);
	if (status != CLI_OK)
		return status;
	br_err_clear(&err);
	if (t.rows == 0) {
		br_err_set(&err, BR_E_CLI_NEVER_MET, "system", name, NULL);
		return cli_fail(c, &err);
	}
	if (ledger_compare(c->site->ledger_dsn.p, br_str_z(name), maps_of(c, s), c->schema,
		    c->site->topic_prefix, m->preview, &found, &err) < 0)
		return cli_fail(c, &err);
	print_found(c, name, &found);
	return CLI_OK;
}

/* ---- list ---- */

#define SELECT                                                                                     \
	"select k.id::text as id, k.verdict, k.weight::text as weight, s.code as system, k.lid "   \
	"as local_id, o.code as other_system, k.other_lid as other_id, coalesce(a.doc, "           \
	"b.doc)::json->'applicant'->>'name' as name, k.status, k.why, k.rec as record, "           \
	"k.other_rec as "                                                                          \
	"other_record, floor(extract(epoch from k.at))::int8::text as at, floor(extract(epoch "    \
	"from k.resolved_at))::int8::text as resolved_at, k.resolved_by, k.resolution"
#define FROM                                                                                       \
	" from casebridge.candidates k join casebridge.systems s on s.id = k.sys join "            \
	"casebridge.systems o on o.id = k.other_sys left join casebridge.cases a on a.cid = "      \
	"k.cid left join casebridge.cases b on b.cid = k.other"

enum { STATUS = 8 };
static const struct cli_column columns[] = {
	{"id", "编号", 'k'},
	{"verdict", "判断", 'k'},
	{"weight", "分值", 'k'},
	{"system", "系统", '3'},
	{"local_id", "系统内编号", '4'},
	{"other_system", "另一系统", '3'},
	{"other_id", "另一编号", '4'},
	{"name", "申请人", '5'},
	{"status", "状态", 0}, /* STATUS */
	{"why", "依据", 'w'},
	{"record", "记录", 0},
	{"other_record", "另一记录", 0},
	{"at", "比对时间", 0},
	{"resolved_at", "处理时间", 0},
	{"resolved_by", "处理人", 0},
	{"resolution", "处理说明", 0},
	{NULL, NULL, 0},
};

static const char *said(const struct cli *c, char sign)
{
	switch (sign) {
	case '=':
		return cli_say(c, "same", "一致");
	case '~':
		return cli_say(c, "nearly", "近似");
	default:
		return cli_say(c, "other", "不同");
	}
}

/* "applicant.cert_no=,applied_at!" for people. */
static const char *in_words(struct cli *c, const char *why)
{
	struct br_str out = BR_STR("");

	while (*why) {
		size_t n = strcspn(why, ",");
		const struct case_field *f =
			n > 1 ? cli_field(c, (struct br_str){why, n - 1}) : NULL;
		struct br_str label = BR_STR("");

		if (f)
			label = c->lang == BR_LANG_ZH ? f->label : f->label_en;
		out = n == 1 ? br_arena_printf(&c->arena, "%.*s%s", BR_STR_ARG(out),
				       cli_say(c, "a number in common", "编号相同"))
			     : br_arena_printf(&c->arena, "%.*s%s%.*s %s", BR_STR_ARG(out),
				       out.n ? cli_say(c, "; ", "；") : "", BR_STR_ARG(label),
				       said(c, why[n - 1]));
		why += n + (why[n] == ',');
	}
	return out.p ? out.p : "";
}

static void dress(struct cli *c, struct ledger_table *t, bool reveal)
{
	const struct case_field *name = cli_field(c, BR_STR("applicant.name"));

	for (size_t i = 0; i < t->rows; i++) {
		struct ledger_table row = {t->cols, 1, t->names, t->cells + i * t->cols};

		if (c->output == CLI_TABLE)
			*cli_cell(&row, "why") = in_words(c, *cli_cell(&row, "why"));
		if (!reveal && *cli_cell(&row, "name"))
			*cli_cell(&row, "name") = cli_value(c, name, *cli_cell(&row, "name"));
	}
	cli_local_times(c, t, "at");
	cli_local_times(c, t, "resolved_at");
}

int cli_match_list(struct cli *c, const char *system, const struct cli_match *m, bool settled)
{
	const char *params[] = {system, settled ? "all" : "open", m->verdict, m->limit};
	struct cli_column shown[BR_LEN(columns)];
	struct ledger_table t;
	int status = cli_system_named(c, system, NULL);

	if (status == CLI_OK)
		status = cli_query(c,
			SELECT FROM
			" where (s.code = $1 or o.code = $1) and ($2 = 'all' or k.status = 'open') "
			"and ($3::text is null or k.verdict = $3) order by k.verdict desc, "
			"k.weight "
			"desc, k.id limit $4::int8",
			4, params, &t);
	if (status != CLI_OK)
		return status;
	memcpy(shown, columns, sizeof(shown));
	shown[STATUS].fit = settled ? '1' : 0;
	dress(c, &t, m->reveal);
	cli_print_rows(c, &t, shown);
	if (t.rows == (size_t)strtoll(m->limit, NULL, 10))
		cli_note(c, "%s",
			cli_say(c, "there may be more: --limit N", "可能还有更多：--limit N"));
	return CLI_OK;
}

/* ---- show ---- */

static const char *degree_of(const char *why, const char *field)
{
	size_t n = strlen(field);

	while (why && *why) {
		if (strncmp(why, field, n) == 0 && strchr("=~!", why[n]) && why[n])
			return why + n;
		why = strchr(why, ',');
		why += why != NULL;
	}
	return NULL;
}

static const char *fields_array(struct cli *c)
{
	struct br_str out = BR_STR("{");

	for (unsigned i = 0; i < ALIKE_FACTS; i++)
		out = br_arena_printf(&c->arena, "%.*s%s%s", BR_STR_ARG(out), i ? "," : "",
			hub_alike_field((enum alike_fact)i));
	return br_arena_printf(&c->arena, "%.*s}", BR_STR_ARG(out)).p;
}

/* What counts, side by side. */
static int show_facts(struct cli *c, const char *id, const char *why, bool reveal)
{
	static const struct cli_column facts[] = {
		{"field", "字段", 'k'},
		{"record", "本系统", '1'},
		{"other", "另一系统", '1'},
		{"says", "比较", 'k'},
		{NULL, NULL, 0},
	};
	const char *params[] = {id, fields_array(c)};
	struct ledger_table t;
	int status = cli_query(c,
		"select f.field, a.doc::json #>> string_to_array(f.field, '.') as record, "
		"b.doc::json #>> string_to_array(f.field, '.') as other, null::text as says from "
		"casebridge.candidates k cross join unnest($2::text[]) with ordinality f(field, n) "
		"left join casebridge.cases a on a.cid = k.cid left join casebridge.cases b on "
		"b.cid = k.other where k.id = $1::bigint order by f.n",
		2, params, &t);

	for (size_t i = 0; status == CLI_OK && i < t.rows; i++) {
		const char **row = &t.cells[i * t.cols];
		const struct case_field *f = cli_field(c, br_str_z(row[0]));
		const char *degree = degree_of(why, row[0]);

		if (degree)
			row[3] = said(c, *degree);
		for (size_t j = 1; j < 3 && !reveal; j++)
			row[j] = row[j] ? cli_value(c, f, row[j]) : NULL;
		if (c->output == CLI_TABLE && f)
			row[0] = br_arena_copy(
				&c->arena, c->lang == BR_LANG_ZH ? f->label : f->label_en)
					 .p;
	}
	if (status == CLI_OK)
		cli_print_rows(c, &t, facts);
	return status;
}

static int show(struct cli *c, const char *id, bool reveal)
{
	struct ledger_table t;
	struct br_err err;
	const char *why;
	int status;

	if (!cli_match_is_number(id))
		return cli_wrong(c, BR_E_CLI_NO_NUMBER, "found", id, "verb", "match", NULL);
	status = cli_query(c, SELECT FROM " where k.id = $1::bigint", 1, &id, &t);
	if (status != CLI_OK)
		return status;
	if (t.rows == 0) {
		br_err_clear(&err);
		br_err_set(&err, BR_E_CLI_NO_PAIR, "id", id, NULL);
		return cli_fail(c, &err);
	}
	why = *cli_cell(&t, "why");
	dress(c, &t, reveal);
	if (c->output == CLI_TABLE)
		cli_print_row(c, &t, columns);
	return show_facts(c, id, why, reveal);
}

/* ---- the words ---- */

static int take_options(struct cli *c, struct cli_match *m, bool decides)
{
	m->verdict = cli_option(c, "--verdict");
	m->record = cli_option(c, "--record");
	m->limit = cli_option(c, "--limit");
	m->wait = cli_wait(c);
	m->all = cli_flag(c, "--all");
	m->preview = cli_flag(c, "--preview");
	m->reveal = cli_flag(c, "--reveal");
	if (m->verdict && strcmp(m->verdict, "certain") != 0 && strcmp(m->verdict, "likely") != 0)
		return cli_wrong(c, BR_E_CLI_OPTION_VALUE, "option", "--verdict", "found",
			m->verdict, "expected", "certain, likely", NULL);
	if (m->limit && !cli_match_is_number(m->limit))
		return cli_wrong(c, BR_E_CLI_BAD_VALUE, "option", "--limit", "found", m->limit,
			"expected", "N", NULL);
	if (!m->limit)
		m->limit = LIMIT;
	return m->wait ? cli_decider(c, decides && !m->preview, &m->by) : CLI_USAGE;
}

int cli_match(struct cli *c)
{
	const char *word = c->argv[0];
	bool finds = strcmp(word, "find") == 0, lists = strcmp(word, "list") == 0,
	     shows = strcmp(word, "show") == 0;
	struct cli_match m;
	int status = take_options(c, &m, !finds && !lists && !shows);

	if (status != CLI_OK)
		return status;
	if ((finds || lists || shows) && c->argc != 2)
		return CLI_USAGE;
	status = cli_load(c);
	if (status != CLI_OK)
		return status;
	if (finds)
		return find(c, c->argv[1], &m);
	if (lists)
		return cli_match_list(c, c->argv[1], &m, m.all);
	return shows ? show(c, c->argv[1], m.reveal) : cli_match_decide(c, word, &m);
}
