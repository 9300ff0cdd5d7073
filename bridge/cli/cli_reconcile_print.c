#include "cli_reconcile.h"

#include "br_json.h"
#include "ledger_query.h"

#include <inttypes.h>
#include <stdio.h>

const char *reconcile_repair_word(enum reconcile_repair repair)
{
	static const char *const words[] = {"person", "refetch", "resend"};

	return words[repair];
}

bool reconcile_adds_up(const struct reconcile_sums *s)
{
	return s->read == s->accepted + s->echo + s->refused + s->parked &&
	       s->sent == s->answered + s->in_flight;
}

/* ---- the list ---- */

enum {
	CLASS,
	WHAT,
	RECORD,
	LID,
	CASE_NO,
	CID,
	FIELD,
	IN_CASE,
	IN_SYSTEM,
	TEXT,
	REPAIR,
	ORDERED,
	COLS
};
static const char *const names[COLS] = {"class", "what", "record", "local_id", "case_no", "case_id",
	"field", "in_case", "in_system", "text", "repair", "ordered"};
static const struct cli_column columns[] = {
	{"class", "类", 'k'},
	{"local_id", "系统内编号", '5'},
	{"case_no", "办件", '4'},
	{"field", "字段", '3'},
	{"in_case", "办件值", '6'},
	{"in_system", "系统值", '6'},
	{"repair", "处理", 'k'},
	{"text", "说明", 'w'},
	{NULL, NULL, 0},
};

static const char *repair_zh(enum reconcile_repair repair)
{
	static const char *const words[] = {"人工", "重读", "重发"};

	return words[repair];
}

static void fill(struct reconcile *r, const struct reconcile_row *row, const char **cells)
{
	struct cli *c = r->c;
	bool people = c->output == CLI_TABLE;

	cells[CLASS] = hub_diff_abouts[row->class].tag;
	cells[WHAT] = cli_say(c, hub_diff_abouts[row->class].en, hub_diff_abouts[row->class].zh);
	cells[RECORD] = row->record;
	cells[LID] = row->lid ? row->lid : people ? "-" : NULL;
	cells[CASE_NO] = row->case_no ? row->case_no : people ? "-" : NULL;
	cells[CID] = row->cid;
	cells[FIELD] = row->field ? row->field : people ? "-" : NULL;
	cells[IN_CASE] = row->in_case ? row->in_case : people ? "-" : NULL;
	cells[IN_SYSTEM] = row->in_system ? row->in_system : people ? "-" : NULL;
	cells[TEXT] = row->text;
	cells[REPAIR] = people && c->lang == BR_LANG_ZH ? repair_zh(row->repair)
							: reconcile_repair_word(row->repair);
	cells[ORDERED] = r->repair && row->repair != REPAIR_PERSON ? "true" : "false";
}

static bool make_table(struct reconcile *r, struct ledger_table *t)
{
	const char **cells = br_arena_array(&r->keep, const char *, r->nrows *COLS + 1);
	size_t i = 0;

	if (!cells)
		return false;
	for (const struct reconcile_row *row = r->rows; row; row = row->next, i++)
		fill(r, row, &cells[i * COLS]);
	*t = (struct ledger_table){COLS, r->nrows, (const char **)names, cells};
	return true;
}

/* ---- for people ---- */

static void print_class(struct reconcile *r, enum hub_diff_class class)
{
	const struct hub_diff_about *a = &hub_diff_abouts[class];
	struct cli *c = r->c;

	if (!r->count.of[class])
		return;
	printf("%-4s %8" PRId64 "  %s (%s)\n", a->tag, r->count.of[class], cli_say(c, a->en, a->zh),
		a->mends || r->also[class] ? cli_say(c, "the bridge may mend it", "可由总线修复")
					   : cli_say(c, "for a person", "须人工处理"));
	if (!r->repair || !(a->mends || r->also[class]))
		printf("               → %s\n", cli_say(c, a->next_en, a->next_zh));
}

static void print_sums(struct reconcile *r)
{
	const struct reconcile_sums *s = &r->sums;
	struct cli *c = r->c;

	printf(cli_say(c,
		       "read %" PRId64 " = accepted %" PRId64 " + echo and unchanged %" PRId64
		       " + refused %" PRId64 " + parked %" PRId64 "\n",
		       "读取 %" PRId64 " = 采纳 %" PRId64 " + 回声与未变 %" PRId64
		       " + 拒绝 %" PRId64 " + 待处理 %" PRId64 "\n"),
		s->read, s->accepted, s->echo, s->refused, s->parked);
	printf(cli_say(c, "sent %" PRId64 " = answered %" PRId64 " + in flight %" PRId64 "\n",
		       "发送 %" PRId64 " = 已答复 %" PRId64 " + 在途 %" PRId64 "\n"),
		s->sent, s->answered, s->in_flight);
	if (!reconcile_adds_up(s))
		printf("%s\n",
			cli_say(c,
				"ALERT: the counters do not add up; something was lost or "
				"counted twice: keep the logs and tell whoever looks after "
				"the bridge",
				"警报：计数不平，可能有遗漏或重复：请保留日志并联系总线维护人员"));
}

static void print_people(struct reconcile *r, const struct ledger_table *t)
{
	struct cli *c = r->c;

	printf(cli_say(c,
		       "%s: %" PRId64 " records compared, %" PRId64 " differ; left out: %" PRId64
		       " in flight, %" PRId64 " waiting for a person\n",
		       "%s：比对 %" PRId64 " 条，不一致 %" PRId64 " 条；未计入：在途 %" PRId64
		       " 条，待人工处理 %" PRId64 " 条\n"),
		r->system->name.p, r->count.records, r->count.different, r->count.in_flight,
		r->count.waiting);
	for (int i = 1; i < DIFF_CLASSES; i++)
		print_class(r, (enum hub_diff_class)i);
	print_sums(r);
	if (t->rows) {
		putchar('\n');
		cli_print_rows(c, t, columns);
	}
	if (r->count.unlisted)
		cli_note(c,
			cli_say(c, "%" PRId64 " more are not listed (--limit)",
				"另有 %" PRId64 " 条未列出（--limit）"),
			r->count.unlisted);
}

/* ---- for programs ---- */

static void kint(struct br_jw *w, const char *key, int64_t v)
{
	br_jw_key(w, br_str_z(key));
	br_jw_int(w, v);
}

static void kbool(struct br_jw *w, const char *key, bool v)
{
	br_jw_key(w, br_str_z(key));
	br_jw_bool(w, v);
}

static void json_classes(struct reconcile *r, struct br_jw *w)
{
	br_jw_name(w, "classes");
	br_jw_array(w);
	for (int i = 1; i < DIFF_CLASSES; i++) {
		const struct hub_diff_about *a = &hub_diff_abouts[i];

		br_jw_object(w);
		br_jw_kstr(w, "class", br_str_z(a->tag));
		br_jw_kstr(w, "what", br_str_z(cli_say(r->c, a->en, a->zh)));
		kint(w, "records", r->count.of[i]);
		kbool(w, "mends", a->mends || r->also[i]);
		br_jw_kstr(w, "next", br_str_z(cli_say(r->c, a->next_en, a->next_zh)));
		br_jw_end_object(w);
	}
	br_jw_end_array(w);
}

static void json_sums(struct reconcile *r, struct br_jw *w)
{
	const struct reconcile_sums *s = &r->sums;

	br_jw_name(w, "counters");
	br_jw_object(w);
	kint(w, "read", s->read);
	kint(w, "accepted", s->accepted);
	kint(w, "unchanged", s->echo);
	kint(w, "refused", s->refused);
	kint(w, "parked", s->parked);
	kint(w, "sent", s->sent);
	kint(w, "answered", s->answered);
	kint(w, "in_flight", s->in_flight);
	kbool(w, "add_up", reconcile_adds_up(s));
	br_jw_end_object(w);
}

static void json_rows(const struct ledger_table *t, struct br_jw *w)
{
	br_jw_name(w, "differences");
	br_jw_array(w);
	for (size_t i = 0; i < t->rows; i++) {
		br_jw_object(w);
		for (size_t j = 0; j < COLS; j++) {
			const char *cell = t->cells[i * COLS + j];

			br_jw_key(w, br_str_z(names[j]));
			if (j == ORDERED)
				br_jw_bool(w, *cell == 't');
			else if (cell)
				br_jw_str(w, br_str_z(cell));
			else
				br_jw_null(w);
		}
		br_jw_end_object(w);
	}
	br_jw_end_array(w);
}

static void print_json(struct reconcile *r, const struct ledger_table *t, const char *at)
{
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 256u << 20);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	br_jw_kstr(&w, "system", r->system->name);
	br_jw_kstr(&w, "at", br_str_z(at));
	br_jw_name(&w, "day");
	if (r->day)
		br_jw_str(&w, br_str_z(r->day));
	else
		br_jw_null(&w);
	kint(&w, "records", r->count.records);
	kint(&w, "different", r->count.different);
	kint(&w, "in_flight", r->count.in_flight);
	kint(&w, "waiting", r->count.waiting);
	json_classes(r, &w);
	json_sums(r, &w);
	json_rows(t, &w);
	kint(&w, "unlisted", r->count.unlisted);
	br_jw_end_object(&w);
	puts(br_buf_cstr(&b));
	br_buf_release(&b);
}

static const char *classes_json(struct reconcile *r)
{
	struct br_str text;
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 1u << 16);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	for (int i = 1; i < DIFF_CLASSES; i++)
		if (r->count.of[i])
			kint(&w, hub_diff_abouts[i].tag, r->count.of[i]);
	br_jw_end_object(&w);
	text = br_arena_copy(&r->keep, br_buf_str(&b));
	br_buf_release(&b);
	return text.p;
}

static const char *number(struct reconcile *r, int64_t n)
{
	return br_arena_printf(&r->keep, "%" PRId64, n).p;
}

int reconcile_keep(struct reconcile *r, const char *begun)
{
	const char *params[] = {r->sys, begun, number(r, r->count.records),
		number(r, r->count.different), number(r, r->count.in_flight),
		number(r, r->count.waiting), classes_json(r),
		reconcile_adds_up(&r->sums) ? "t" : "f"};
	struct ledger_table t;

	return cli_query(r->c,
		"insert into casebridge.reconciliations(sys, begun, records, different, in_flight, "
		"waiting, classes, add_up) values ($1::int2, to_timestamp($2::int8), $3::int8, "
		"$4::int8, $5::int8, $6::int8, $7::json, $8::bool) returning id::text",
		BR_LEN(params), params, &t);
}

void reconcile_print(struct reconcile *r, const char *at)
{
	struct ledger_table t;

	if (!make_table(r, &t))
		return;
	if (r->c->output == CLI_JSON)
		print_json(r, &t, at);
	else if (r->c->output == CLI_CSV)
		cli_print_rows(r->c, &t, columns);
	else
		print_people(r, &t);
}
