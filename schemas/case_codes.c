#include "case_codes.h"

struct reader {
	struct code_table *table;
	const struct cfg_csv *csv;
	const char *shown;
	struct cfg_report *report;
	bool failed;
};

/* row: of the table, or -1 for the whole file. */
static void problem(struct reader *r, int row, const char *why)
{
	struct cfg_node at = {.file = r->shown,
		.line = row < 0 ? 1 : cfg_csv_line(r->csv, (size_t)row),
		.column = 1};

	r->failed = true;
	cfg_problem(
		r->report, &at, BR_E_SCHEMA_DEF_TABLE, "table", r->table->name.p, "why", why, NULL);
}

const struct code_row *code_find(const struct code_table *t, struct br_str code)
{
	for (size_t i = 0; i < t->n; i++)
		if (br_str_eq(t->rows[i].code, code))
			return &t->rows[i];
	return NULL;
}

/* The next word of a list separated by blanks; false at its end. */
static bool next_word(struct br_str *list, struct br_str *word)
{
	size_t from = 0, to;

	while (from < list->n && list->p[from] == ' ')
		from++;
	for (to = from; to < list->n && list->p[to] != ' ';)
		to++;
	*word = (struct br_str){list->p + from, to - from};
	*list = (struct br_str){list->p + to, list->n - to};
	return word->n > 0;
}

bool code_may_follow(const struct code_table *t, struct br_str from, struct br_str to)
{
	const struct code_row *row;
	struct br_str list, word;

	if (br_str_eq(from, to))
		return true;
	row = code_find(t, from);
	for (list = row ? row->after : BR_STR_NONE; next_word(&list, &word);)
		if (br_str_eq(word, to))
			return true;
	return false;
}

static bool code_ok(struct br_str code)
{
	for (size_t i = 0; i < code.n; i++) {
		char c = code.p[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return code.n > 0;
}

static void read_row(struct reader *r, int i)
{
	struct code_row *row = &r->table->rows[i];

	row->code = cfg_csv_get(r->csv, (size_t)i, "code");
	row->label = cfg_csv_get(r->csv, (size_t)i, "label");
	row->label_en = cfg_csv_get(r->csv, (size_t)i, "label_en");
	row->after = cfg_csv_get(r->csv, (size_t)i, "after");
	row->terminal = row->after.p && row->after.n == 0;
	if (!code_ok(row->code))
		problem(r, i, "a code is made of capital letters, digits and '_'");
	else if (row->label.n == 0 || row->label_en.n == 0)
		problem(r, i, "a code needs a label and a label_en");
	else if (code_find(r->table, row->code) != row)
		problem(r, i, "the code stands here for the second time");
}

static void check_moves(struct reader *r, int i)
{
	struct br_str list = r->table->rows[i].after, word;

	while (next_word(&list, &word))
		if (!code_find(r->table, word))
			problem(r, i, "column 'after' names a code that the table does not have");
}

static bool columns_ok(struct reader *r)
{
	static const char *const needed[] = {"code", "label", "label_en"};

	for (size_t i = 0; i < BR_LEN(needed); i++)
		if (!cfg_csv_has(r->csv, needed[i]))
			problem(r, -1, "the table needs the columns code, label and label_en");
	return !r->failed;
}

bool case_codes_read(const char *folder, struct br_str name, struct br_arena *a,
	struct cfg_report *report, struct code_table *out)
{
	struct br_str shown = br_arena_printf(a, "codes/%.*s.csv", BR_STR_ARG(name));
	struct br_str path = br_arena_printf(a, "%s/codes/%.*s.csv", folder, BR_STR_ARG(name));
	struct reader r = {.table = out, .shown = shown.p, .report = report};
	struct cfg_csv *csv;

	*out = (struct code_table){.name = br_arena_copy(a, name)};
	if (!shown.p || !path.p || !out->name.p ||
		cfg_csv_read(path.p, shown.p, a, report, &csv) < 0)
		return false;
	r.csv = csv;
	if (!columns_ok(&r))
		return false;
	out->n = cfg_csv_rows(csv);
	out->rows = br_arena_array(a, struct code_row, out->n);
	if (!out->rows)
		return false;
	if (out->n == 0)
		problem(&r, -1, "the table has no rows");
	for (size_t i = 0; i < out->n; i++)
		read_row(&r, (int)i);
	for (size_t i = 0; i < out->n; i++)
		check_moves(&r, (int)i);
	return !r.failed;
}
