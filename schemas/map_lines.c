/* The lines of `case:` -> struct map_line. */
#include "br_text.h"
#include "map_job.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const line_keys[] = {
	"column",
	"as",
	"codes",
	"const",
	"concat",
	"first_of",
	"split",
	"piece",
	"sep",
	"direction",
	"owner",
	"zone",
	"note",
	MAP_COLUMN_KEYS,
	NULL,
};
static const char *const source_keys[] = {"column", "const", "concat", "first_of"};

bool map_has_source(const struct cfg_node *line)
{
	for (size_t i = 0; i < BR_LEN(source_keys); i++) {
		if (cfg_get(line, source_keys[i]))
			return true;
	}
	return false;
}

const char *map_line_place(struct map_job *j, const struct map_line *line)
{
	return cfg_place(j->a, line->at);
}

bool map_element_name(const struct shape *s, struct br_str name, unsigned *part, struct br_str *key,
	struct br_str *field)
{
	const char *first = name.n ? memchr(name.p, '/', name.n) : NULL, *second;
	const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;
	int p;

	if (first) {
		second = memchr(first + 1, '/', name.n - (size_t)(first + 1 - name.p));
		p = shape_find_part(s, (struct br_str){name.p, (size_t)(first - name.p)});
		if (!second || p <= 0)
			return false;
		*key = (struct br_str){first + 1, (size_t)(second - first - 1)};
		*field = (struct br_str){second + 1, name.n - (size_t)(second + 1 - name.p)};
	} else {
		/* a list of single values is a map of names to people */
		p = dot ? shape_find_part(s, (struct br_str){name.p, (size_t)(dot - name.p)}) : -1;
		if (p <= 0 || s->parts[p].n != 1)
			return false;
		*key = (struct br_str){dot + 1, name.n - (size_t)(dot + 1 - name.p)};
		*field = s->fields[s->parts[p].first].name;
	}
	*part = (unsigned)p;
	return key->n > 0;
}

int map_field_find(
	struct map_job *j, unsigned case_part, struct br_str name, const struct cfg_node *at)
{
	const struct shape *s = j->schema->shape;
	int f = shape_find(s, case_part, name);
	struct cfg_node key = *at;
	struct br_str *names;

	if (f >= 0)
		return f;
	names = br_arena_array(j->a, struct br_str, s->nfields + 1u);
	for (unsigned i = 0; names && i < s->parts[case_part].n; i++)
		names[i] = s->fields[s->parts[case_part].first + i].name;
	if (br_str_eq(at->key, name) && at->key_line) {
		key.line = at->key_line;
		key.column = at->key_column;
	}
	map_problem(j, cfg_problem(j->report, &key, BR_E_MAP_UNKNOWN_FIELD, "field", map_z(j, name),
			       "hint", names ? map_hint(j, name, names, s->parts[case_part].n) : "",
			       NULL));
	return -1;
}

static int add_column(
	struct map_job *j, struct map_line *line, unsigned part, const struct cfg_node *n)
{
	struct br_str name = n->kind == CFG_SCALAR ? n->text : map_scalar(j, n, "column");
	int c;

	if (!name.n)
		return map_shape_problem(j, n, "column", "its name", "列名");
	if (line->ncolumns == MAP_LINE_COLUMNS)
		return map_shape_problem(j, n, "columns", "at most 8 of them", "最多 8 个");
	c = map_column_find(j, part, name, n);
	if (c < 0)
		return j->rc;
	line->columns[line->ncolumns++] = (uint16_t)c;
	j->m->columns[c].at = n;
	return n->kind == CFG_MAP ? map_column_options(j, n, &j->m->columns[c]) : 0;
}

static int add_columns(
	struct map_job *j, struct map_line *line, unsigned part, const struct cfg_node *list)
{
	if (list->kind != CFG_LIST || list->n < 2)
		return map_shape_problem(
			j, list, "columns", "a list of two or more", "两项以上的列表");
	for (const struct cfg_node *n = cfg_first(list); n; n = n->next)
		add_column(j, line, part, n);
	return 0;
}

/* A part's line over the part's own key column reads the element's key. */
static bool is_key(struct map_job *j, unsigned part, const struct cfg_node *n)
{
	const struct cfg_node *column = n->kind == CFG_MAP ? cfg_get(n, "column") : n;

	return part && column && column->kind == CFG_SCALAR &&
	       br_str_eq(column->text, j->parts[part].key);
}

static int source_const(struct map_job *j, struct map_line *line, const struct cfg_node *n)
{
	if (n->kind != CFG_SCALAR)
		return map_shape_problem(j, n, "const", "one value", "单个值");
	line->source = MAP_FROM_CONST;
	line->constant = n->text;
	line->out = false;
	return map_canonical_check(j, n, line->about, n->text);
}

static int source_piece(struct map_job *j, struct map_line *line, const struct cfg_node *n)
{
	struct br_str piece = map_scalar(j, n, "piece");

	line->sep = map_scalar(j, n, "split");
	if (!line->sep.n)
		return map_shape_problem(
			j, cfg_get(n, "split"), "split", "the separator", "分隔符");
	if (piece.n != 1 || piece.p[0] < '1' || piece.p[0] > '9')
		return map_shape_problem(j, n, "piece",
			"1 to 9, which piece of the column this field is",
			"1 至 9，即该字段是列中的第几段");
	line->piece = (uint16_t)(piece.p[0] - '1');
	line->source = MAP_FROM_PIECE;
	line->verify = true;
	return 0;
}

static int source(struct map_job *j, struct map_line *line, unsigned part, const struct cfg_node *n)
{
	size_t found = 0;

	if (is_key(j, part, n)) {
		line->source = MAP_FROM_KEY;
		line->out = false;
		return 0;
	}
	if (n->kind == CFG_SCALAR)
		return add_column(j, line, part, n);
	if (n->kind != CFG_MAP)
		return map_shape_problem(j, n, map_z(j, map_line_name(line)),
			"a column, or a map with column:, const:, concat: or first_of:",
			"列名，或含 column:、const:、concat:、first_of: 之一的键和值");
	if (map_known_keys(j, n, map_z(j, map_line_name(line)), line_keys) && !map_has_source(n))
		return j->rc; /* the source is what is misspelt */
	for (size_t i = 0; i < BR_LEN(source_keys); i++)
		found += cfg_get(n, source_keys[i]) != NULL;
	if (found != 1)
		return map_shape_problem(j, n, map_z(j, map_line_name(line)),
			"one of column:, const:, concat:, first_of:",
			"column:、const:、concat:、first_of: 之一");
	if (cfg_get(n, "const"))
		return source_const(j, line, cfg_get(n, "const"));
	if (cfg_get(n, "concat")) {
		line->source = MAP_FROM_CONCAT;
		line->klass = MAP_LOSSY_IN;
		line->verify = true;
		line->sep = map_scalar(j, n, "sep");
		if (!line->sep.n)
			return map_shape_problem(j, cfg_get(n, "concat"), "concat",
				"sep: with the text between the columns",
				"sep: 各列之间的分隔文本");
		return add_columns(j, line, part, cfg_get(n, "concat"));
	}
	if (cfg_get(n, "first_of")) {
		line->source = MAP_FROM_FIRST_OF;
		line->klass = MAP_LOSSY_IN;
		return add_columns(j, line, part, cfg_get(n, "first_of"));
	}
	add_column(j, line, part, cfg_get(n, "column"));
	if (line->ncolumns)
		map_column_options(j, n, &j->m->columns[line->columns[0]]);
	return cfg_get(n, "split") ? source_piece(j, line, n) : 0;
}

static int codes(struct map_job *j, struct map_line *line, const struct cfg_node *n)
{
	struct map_codes *t = map_table(j, n);
	int pick;

	line->conv = (struct map_conv){.kind = MAP_CONV_CODES,
		.scale = -1,
		.strict = true,
		.name = BR_STR("codes"),
		.expected = BR_STR("a code of the table"),
		.expected_zh = BR_STR("码表中的代码")};
	if (!t)
		return j->rc;
	pick = map_codes_pick(t, line->about->name);
	if (pick < 0)
		return map_problem(j,
			cfg_problem(j->report, n, BR_E_MAP_BAD_TABLE, "table", map_z(j, t->name),
				"why",
				map_z(j, br_arena_printf(j->a, "it has no column canonical or %.*s",
						 BR_STR_ARG(line->about->name))),
				"why_zh",
				map_z(j, br_arena_printf(j->a, "没有列 canonical 或 %.*s",
						 BR_STR_ARG(line->about->name))),
				NULL));
	line->conv.codes = t;
	line->conv.pick = (int8_t)pick;
	if (line->source != MAP_FROM_COLUMN && line->source != MAP_FROM_LAST)
		return map_shape_problem(j, n, "codes", "one column", "单个列");
	return 0;
}

static int conversion(struct map_job *j, struct map_line *line, const struct cfg_node *n)
{
	const struct cfg_node *as = cfg_get(n, "as"), *table = cfg_get(n, "codes"),
			      *zone = cfg_get(n, "zone");
	struct map_zones zones = j->zones;

	if (line->source == MAP_FROM_CONST) {
		line->conv = (struct map_conv){.kind = MAP_CONV_TEXT,
			.scale = -1,
			.strict = true,
			.name = BR_STR("const")};
		return 0;
	}
	if (as && table)
		return map_shape_problem(
			j, as, "as", "as: or codes:, not both", "as: 与 codes: 只用其一");
	if (table)
		return codes(j, line, table);
	if (zone) {
		zones.column = zone->kind == CFG_SCALAR ? map_zone_load(zone->text, j->a) : NULL;
		if (!zones.column)
			return map_problem(
				j, cfg_problem(j->report, zone, BR_E_MAP_UNKNOWN_ZONE, "found",
					   zone->kind == CFG_SCALAR ? map_z(j, zone->text) : "",
					   NULL));
	}
	return map_problem(j, map_conv_compile(as, n->kind == CFG_MAP ? n : NULL, n, line->about,
				      &zones, j->a, j->report, &line->conv));
}

/* The worst of source and conversion; a column that cuts loses on the way out. */
static void classify(struct map_job *j, struct map_line *line)
{
	if (line->conv.klass > line->klass)
		line->klass = line->conv.klass;
	for (uint16_t i = 0; i < line->ncolumns; i++) {
		const struct map_column *col = &j->m->columns[line->columns[i]];

		if (col->cut && line->klass < MAP_LOSSY_OUT)
			line->klass = MAP_LOSSY_OUT;
		line->verify |= col->pad_left && !col->cut;
		line->verify &= !col->cut;
	}
	line->check = line->in && !line->conv.strict;
	line->plain = line->about->type == SHAPE_TEXT && line->about->check == CASE_CHECK_NONE;
}

static void directions(struct map_job *j, struct map_line *line, const struct cfg_node *n)
{
	static const char *const words[] = {"both", "in", "out", NULL};
	static const char *const owners[] = {"either", "portal", "department", "bridge", NULL};
	int word = map_word(j, n, "direction", words, 0),
	    owner = map_word(j, n, "owner", owners, -1);

	line->owner = (int8_t)owner;
	if (word == 1)
		line->out = false;
	if (word == 2)
		line->in = false;
	if (line->conv.klass == MAP_ONE_WAY && line->out)
		map_problem(j, cfg_problem(j->report, n, BR_E_MAP_ONE_WAY, "field",
				       map_z(j, map_line_name(line)), "found",
				       map_z(j, line->conv.name), NULL));
}

static void compile_line(struct map_job *j, unsigned part, const struct cfg_node *n, bool derived)
{
	struct mapping *m = j->m;
	struct map_line line = {.in = true, .out = true, .owner = -1, .group = -1, .at = n};
	struct br_str name = n->key;
	unsigned canonical = j->parts[part].canonical;
	int f;

	if (part == 0)
		map_element_name(j->schema->shape, n->key, &canonical, &line.key, &name);
	f = map_field_find(j, canonical, name, n);

	if (f < 0)
		return;
	line.field = (uint16_t)f;
	line.about = case_field(j->schema, line.field);
	for (uint16_t i = 0; i < m->nlines; i++) {
		if (m->lines[i].field == f &&
			(br_str_eq(m->lines[i].key, line.key) || m->lines[i].key.n == 0)) {
			map_problem(j, cfg_problem(j->report, n, BR_E_MAP_FIELD_TWICE, "field",
					       map_z(j, n->key), NULL));
			return;
		}
	}
	if (derived) {
		struct br_str from = map_scalar(j, n, "from"), column = map_scalar(j, n, "column");
		const struct cfg_node *rows =
			cfg_get(n, "rows") ? cfg_get(n, "rows") : cfg_get(n, "codes");
		int c = -1;

		for (unsigned p = 1; p < j->nparts && from.n > 6; p++) {
			if (br_str_eq(j->parts[p].name, (struct br_str){from.p + 5, from.n - 6}))
				c = shape_find(m->shape, p, column);
		}
		if (c < 0 || !rows) {
			map_shape_problem(j, n, "derive",
				"{ from: last(PART), column: COLUMN, rows: [...] } with a part of "
				"this record",
				"{ from: last(子表), column: 列, rows: [...] }，子表须属于该记录");
			return;
		}
		line.source = MAP_FROM_LAST;
		line.columns[line.ncolumns++] = (uint16_t)c;
		line.out = false;
		codes(j, &line, rows);
	} else if (source(j, &line, part, n) || conversion(j, &line, n)) {
		return;
	} else {
		directions(j, &line, n);
	}
	classify(j, &line);
	m->lines[m->nlines++] = line;
}

static int by_field(const void *a, const void *b)
{
	return ((const struct map_line *)a)->field - ((const struct map_line *)b)->field;
}

static int by_canonical(const void *a, const void *b)
{
	const struct map_part *x = a, *y = b;

	return x->canonical != y->canonical ? x->canonical - y->canonical
					    : br_str_cmp(x->element, y->element);
}

static void close_part(struct map_job *j, struct map_part *part)
{
	part->nlines = (uint16_t)(j->m->nlines - part->first_line);
	qsort(j->m->lines + part->first_line, part->nlines, sizeof(j->m->lines[0]), by_field);
	j->m->parts[j->m->nparts++] = *part;
}

/* Columns of the root that are fields of named elements: one part for each element. */
static void compile_elements(struct map_job *j)
{
	const struct cfg_node *list = cfg_get(j->node, "case");
	const struct shape *s = j->schema->shape;

	for (const struct cfg_node *n = cfg_first(list); n; n = n->next) {
		struct map_part part = {
			.name = BR_STR(""), .node = j->node, .first_line = j->m->nlines};
		unsigned canonical, other;
		struct br_str key, field;
		bool known = false;

		if (!map_element_name(s, n->key, &canonical, &part.element, &field))
			continue;
		for (uint16_t i = 0; i < j->m->nparts; i++)
			known |= j->m->parts[i].canonical == canonical &&
				 br_str_eq(j->m->parts[i].element, part.element);
		if (known)
			continue;
		part.canonical = (uint8_t)canonical;
		for (const struct cfg_node *k = n; k; k = k->next) {
			if (map_element_name(s, k->key, &other, &key, &field) &&
				other == canonical && br_str_eq(key, part.element))
				compile_line(j, 0, k, false);
		}
		close_part(j, &part);
	}
}

void map_lines_compile(struct map_job *j)
{
	static const char *const derive_keys[] = {"from", "column", "rows", "codes", "note", NULL};
	struct mapping *m = j->m;

	m->lines = br_arena_array(j->a, struct map_line, j->nfields + 1);
	m->line_of = br_arena_array(j->a, int16_t, j->schema->shape->nfields);
	m->parts = br_arena_array(j->a, struct map_part, j->nparts + j->nfields);
	if (!m->lines || !m->line_of || !m->parts)
		return;
	for (unsigned p = 0; p < j->nparts; p++) {
		struct map_part *part = &j->parts[p];

		part->first_line = m->nlines;
		for (const struct cfg_node *n = cfg_first(cfg_get(part->node, "case")); n;
			n = n->next) {
			unsigned canonical;
			struct br_str key, field;

			if (p || !map_element_name(
					 j->schema->shape, n->key, &canonical, &key, &field))
				compile_line(j, p, n, false);
		}
		for (const struct cfg_node *n = p ? NULL : cfg_first(cfg_get(j->node, "derive")); n;
			n = n->next) {
			map_known_keys(j, n, "derive", derive_keys);
			compile_line(j, 0, n, true);
		}
		close_part(j, part);
	}
	compile_elements(j);
	qsort(m->parts, m->nparts, sizeof(m->parts[0]), by_canonical);
	for (unsigned f = 0; f < j->schema->shape->nfields; f++)
		m->line_of[f] = -1;
	for (uint16_t i = 0; i < m->nlines; i++) {
		if (m->lines[i].key.n == 0)
			m->line_of[m->lines[i].field] = (int16_t)i;
	}
}
