#include "map_codes.h"
#include "br_text.h"
#include <stdio.h>
#include <unistd.h>

static bool is(struct br_str s, const char *word)
{
	return br_str_eq(s, br_str_z(word));
}

struct cfg_node map_codes_place(const struct map_codes *t, const struct map_code_row *row)
{
	struct cfg_node n = {0};

	if (!t->file)
		return row && row->at ? *row->at : *t->at;
	n.file = t->file;
	n.line = row ? row->line : t->header;
	n.column = 1;
	return n;
}

static int bad_row(struct cfg_report *report, const struct map_codes *t,
	const struct map_code_row *row, const char *why, const char *why_zh)
{
	struct cfg_node at = map_codes_place(t, row);
	char name[64];

	snprintf(name, sizeof(name), "%.*s", BR_STR_ARG(t->name));
	return cfg_problem(
		report, &at, BR_E_MAP_BAD_TABLE, "table", name, "why", why, "why_zh", why_zh, NULL);
}

/* "ACCEPTED accepted_at" -> two conditions; columns are resolved by the compiler. */
static uint16_t conditions(struct br_str text, struct br_arena *a, struct map_cond **out)
{
	struct map_cond *c = br_arena_array(a, struct map_cond, text.n / 2 + 1);
	uint16_t n = 0;

	*out = c;
	for (size_t i = 0; c && i < text.n;) {
		size_t from;

		while (i < text.n && (text.p[i] == ' ' || text.p[i] == '|'))
			i++;
		from = i;
		while (i < text.n && text.p[i] != ' ' && text.p[i] != '|')
			i++;
		if (i > from)
			c[n++] = (struct map_cond){{text.p + from, i - from}, -1};
	}
	return n;
}

static int direction(struct br_str text, struct map_code_row *row)
{
	row->in = row->out = true;
	if (text.n == 0 || is(text, "both"))
		return 0;
	row->in = is(text, "in");
	row->out = is(text, "out");
	return row->in || row->out ? 0 : -1;
}

static void canonical(struct map_code_row *row, unsigned i, struct br_str text)
{
	if (is(text, "*"))
		row->star |= 1u << i;
	row->canonical[i] = text.n ? text : BR_STR_NONE;
}

static int build_index(struct map_codes *t, struct br_arena *a)
{
	size_t size = 8;

	while (size < t->n * 2)
		size *= 2;
	t->index = br_arena_array(a, uint32_t, size);
	if (!t->index)
		return -BR_E_NOMEM;
	t->index_size = size;
	t->null_row = -1;
	for (size_t r = t->n; r-- > 0;) {
		struct map_code_row *row = &t->rows[r];
		size_t i;

		/* backwards, so that each chain is in the order of the file */
		if (!row->foreign.p) {
			row->next = t->null_row;
			t->null_row = (int32_t)r;
			continue;
		}
		i = br_hash(row->foreign.p, row->foreign.n) & (size - 1);
		while (t->index[i] && !br_str_eq(t->rows[t->index[i] - 1].foreign, row->foreign))
			i = (i + 1) & (size - 1);
		row->next = (int32_t)t->index[i] - 1;
		t->index[i] = (uint32_t)r + 1;
	}
	return 0;
}

int32_t map_codes_first(const struct map_codes *t, struct br_str foreign)
{
	size_t i;

	if (!foreign.p)
		return t->null_row;
	i = br_hash(foreign.p, foreign.n) & (t->index_size - 1);
	while (t->index[i]) {
		if (br_str_eq(t->rows[t->index[i] - 1].foreign, foreign))
			return (int32_t)t->index[i] - 1;
		i = (i + 1) & (t->index_size - 1);
	}
	return -1;
}

int map_codes_pick(const struct map_codes *t, struct br_str field)
{
	for (unsigned i = 0; i < t->nfields; i++) {
		if (br_str_eq(t->fields[i], field))
			return (int)i;
	}
	return t->nfields == 1 && is(t->fields[0], "canonical") ? 0 : -1;
}

/* The header names which fields the table speaks of; the CSV reader gives values by column name
 * only. */
static int header_fields(
	struct map_codes *t, const struct cfg_csv *csv, const struct br_str *wanted, size_t nwanted)
{
	if (cfg_csv_has(csv, "canonical"))
		t->fields[t->nfields++] = BR_STR("canonical");
	for (size_t i = 0; i < nwanted && t->nfields < MAP_CODES_FIELDS; i++) {
		char name[80];

		snprintf(name, sizeof(name), "%.*s", BR_STR_ARG(wanted[i]));
		if (cfg_csv_has(csv, name))
			t->fields[t->nfields++] = wanted[i];
	}
	return t->nfields ? 0 : -1;
}

/* Other columns are remarks; but one that is nearly the name of a column that is not there was
 * meant to be it, and would have no effect. */
static int misspelt_columns(
	const struct map_codes *t, const struct cfg_csv *csv, struct cfg_report *report)
{
	static const char *const known[] = {
		"foreign", "canonical", "had", "without", "write", "direction"};
	struct cfg_node at = map_codes_place(t, NULL);
	struct br_str column;
	int rc = 0;

	for (size_t i = 0; (column = cfg_csv_column(csv, i)).p; i++) {
		const char *near = br_nearest(column, known, BR_LEN(known));
		char name[80], found[80];

		if (!near || cfg_csv_has(csv, near))
			continue;
		snprintf(name, sizeof(name), "%.*s", BR_STR_ARG(t->name));
		snprintf(found, sizeof(found), "%.*s", BR_STR_ARG(column));
		rc = cfg_problem(report, &at, BR_E_MAP_TABLE_COLUMN, "table", name, "found", found,
			"near", near, NULL);
	}
	return rc;
}

static int csv_row(struct map_codes *t, const struct cfg_csv *csv, size_t r, struct br_arena *a,
	struct cfg_report *report)
{
	struct map_code_row *row = &t->rows[t->n++];
	struct br_str mark = cfg_csv_get(csv, r, "write");

	row->line = cfg_csv_line(csv, r);
	row->foreign = br_trim(cfg_csv_get(csv, r, "foreign"));
	if (row->foreign.n == 0)
		row->foreign = BR_STR_NONE;
	for (unsigned i = 0; i < t->nfields; i++) {
		char name[80];

		snprintf(name, sizeof(name), "%.*s", BR_STR_ARG(t->fields[i]));
		canonical(row, i, br_trim(cfg_csv_get(csv, r, name)));
	}
	row->nhad = conditions(cfg_csv_get(csv, r, "had"), a, &row->had);
	row->nwithout = conditions(cfg_csv_get(csv, r, "without"), a, &row->without);
	row->write = is(br_trim(mark), "x");
	if (direction(br_trim(cfg_csv_get(csv, r, "direction")), row))
		return bad_row(report, t, row, "direction is in, out or both",
			"direction 应为 in、out 或 both");
	return 0;
}

/* Where the table is: the site's own goes before what comes with packs (cfg_site.h). */
static bool find_table(const char *site_folder, const char *name, char *path, size_t size,
	char *shown, size_t shown_size)
{
	static const struct {
		const char *folder, *shown;
	} places[] = {{"", ""}, {"packs/", "packs/"}, {"../packs/", "packs/"}};

	for (size_t i = 0; i < BR_LEN(places); i++) {
		snprintf(path, size, "%s/%stables/%s.csv", site_folder, places[i].folder, name);
		snprintf(shown, shown_size, "%stables/%s.csv", places[i].shown, name);
		if (access(path, R_OK) == 0)
			return true;
	}
	snprintf(shown, shown_size, "tables/%s.csv", name);
	return false;
}

int map_codes_load(const char *site_folder, struct br_str name, const struct br_str *wanted,
	size_t nwanted, const struct cfg_node *at, struct br_arena *a, struct cfg_report *report,
	struct map_codes **out)
{
	struct map_codes *t = br_arena_new(a, struct map_codes);
	char path[1024], shown[256], zname[128];
	struct cfg_csv *csv;
	int rc = 0;

	if (!t)
		return -BR_E_NOMEM;
	snprintf(zname, sizeof(zname), "%.*s", BR_STR_ARG(name));
	if (!find_table(site_folder, zname, path, sizeof(path), shown, sizeof(shown)) ||
		name.n == 0 || memchr(name.p, '/', name.n))
		return cfg_problem(
			report, at, BR_E_MAP_NO_TABLE, "table", zname, "path", shown, NULL);
	t->name = br_arena_copy(a, name);
	t->file = br_arena_copy(a, br_str_z(shown)).p;
	t->at = at;
	rc = cfg_csv_read(path, shown, a, report, &csv);
	if (rc)
		return rc;
	t->header = cfg_csv_header_line(csv);
	rc = misspelt_columns(t, csv, report);
	if (rc)
		return rc;
	if (!cfg_csv_has(csv, "foreign") || header_fields(t, csv, wanted, nwanted))
		return bad_row(report, t, NULL,
			"the header needs foreign, and canonical or the names of fields",
			"表头须有 foreign，以及 canonical 或字段名");
	t->rows = br_arena_array(a, struct map_code_row, cfg_csv_rows(csv) + 1);
	if (!t->rows)
		return -BR_E_NOMEM;
	for (size_t r = 0; r < cfg_csv_rows(csv); r++) {
		int bad = csv_row(t, csv, r, a, report);

		rc = rc ? rc : bad;
	}
	*out = t;
	return rc ? rc : build_index(t, a);
}

static struct br_str text_of(const struct cfg_node *map, const char *key)
{
	const struct cfg_node *n = cfg_get(map, key);

	return n && n->kind == CFG_SCALAR ? n->text : BR_STR_NONE;
}

static int inline_row(struct map_codes *t, const struct cfg_node *n, bool is_map,
	struct br_arena *a, struct cfg_report *report)
{
	struct map_code_row *row = &t->rows[t->n++];

	row->line = n->line;
	row->at = n;
	row->in = row->out = true;
	if (is_map) {
		if (n->kind != CFG_SCALAR && n->kind != CFG_NULL)
			return bad_row(report, t, row, "write code: value", "应写成 代码: 值");
		row->foreign = n->key;
		canonical(row, 0, n->kind == CFG_SCALAR ? n->text : BR_STR_NONE);
		return 0;
	}
	if (n->kind != CFG_MAP || !cfg_get(n, "is"))
		return bad_row(report, t, row, "a row is {code: ..., is: ...}",
			"每行应为 {code: ..., is: ...}");
	for (const struct cfg_node *c = cfg_first(n); c; c = c->next) {
		static const char *const keys[] = {
			"code", "is", "had", "without", "write", "direction", "note"};
		bool known = false;

		for (size_t i = 0; i < BR_LEN(keys); i++)
			known |= is(c->key, keys[i]);
		if (!known)
			return bad_row(report, t, row,
				"a row has code, is, had, without, write, direction",
				"每行可用 code、is、had、without、write、direction");
	}
	row->foreign = text_of(n, "code");
	canonical(row, 0, text_of(n, "is"));
	row->nhad = conditions(text_of(n, "had"), a, &row->had);
	row->nwithout = conditions(text_of(n, "without"), a, &row->without);
	row->write = is(text_of(n, "write"), "x") || is(text_of(n, "write"), "true");
	if (direction(text_of(n, "direction"), row))
		return bad_row(report, t, row, "direction is in, out or both",
			"direction 应为 in、out 或 both");
	return 0;
}

int map_codes_inline(const struct cfg_node *node, struct br_arena *a, struct cfg_report *report,
	struct map_codes **out)
{
	struct map_codes *t = br_arena_new(a, struct map_codes);
	int rc = 0;

	if (!t)
		return -BR_E_NOMEM;
	t->name = BR_STR("codes");
	t->at = node;
	t->fields[t->nfields++] = BR_STR("canonical");
	t->rows = br_arena_array(a, struct map_code_row, node->n + 1);
	if (!t->rows)
		return -BR_E_NOMEM;
	for (const struct cfg_node *n = cfg_first(node); n; n = n->next) {
		int bad = inline_row(t, n, node->kind == CFG_MAP, a, report);

		rc = rc ? rc : bad;
	}
	*out = t;
	return rc ? rc : build_index(t, a);
}
