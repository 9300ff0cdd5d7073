/* The columns of a record: which there are, what they can hold, what counts as the same in them. */
#include "br_text.h"
#include "map_job.h"
#include <stdlib.h>

void map_name_add(struct map_job *j, uint8_t part, struct br_str name, const struct cfg_node *at)
{
	if (name.n == 0)
		return;
	for (size_t i = 0; i < j->nnames; i++) {
		if (j->names[i].part == part && br_str_eq(j->names[i].name, name))
			return;
	}
	if (j->nnames == SHAPE_MAX_FIELDS) {
		map_shape_problem(j, at, "records", "at most 512 columns", "最多 512 列");
		return;
	}
	j->names[j->nnames++] = (struct map_name){name, part, at};
}

static void collect_node(struct map_job *j, uint8_t part, const struct cfg_node *n)
{
	if (n->kind == CFG_SCALAR) {
		if (!br_str_eq(n->text, j->parts[part].key))
			map_name_add(j, part, n->text, n);
	} else if (n->kind == CFG_MAP) {
		const struct cfg_node *column = cfg_get(n, "column");

		if (column)
			collect_node(j, part, column);
		for (const struct cfg_node *c = cfg_first(cfg_get(n, "concat")); c; c = c->next)
			collect_node(j, part, c);
		for (const struct cfg_node *c = cfg_first(cfg_get(n, "first_of")); c; c = c->next)
			collect_node(j, part, c);
	}
}

static void collect_list(struct map_job *j, const char *key)
{
	const struct cfg_node *list = cfg_get(j->node, key);

	if (list && list->kind == CFG_SCALAR)
		map_name_add(j, 0, list->text, list);
	for (const struct cfg_node *n = cfg_first(list); n; n = n->next) {
		if (n->kind == CFG_SCALAR)
			map_name_add(j, 0, n->text, n);
	}
}

static unsigned part_by_name(struct map_job *j, struct br_str name)
{
	for (unsigned p = 1; p < j->nparts; p++) {
		if (br_str_eq(j->parts[p].name, name))
			return p;
	}
	return 0;
}

/* Every column some line speaks of, in the order of the file. What nobody names is not read. */
void map_names_collect(struct map_job *j)
{
	const struct cfg_node *key = cfg_get(cfg_get(j->node, "root"), "key");

	j->names = br_arena_array(j->a, struct map_name, SHAPE_MAX_FIELDS);
	if (!j->names)
		return;
	for (const struct cfg_node *n = cfg_first(cfg_get(j->node, "case")); n; n = n->next)
		collect_node(j, 0, n);
	if (key && key->kind == CFG_SCALAR)
		map_name_add(j, 0, key->text, key);
	for (const struct cfg_node *n = cfg_first(cfg_get(j->node, "on_create")); n; n = n->next)
		map_name_add(j, 0, n->key, n);
	collect_list(j, "target_owned");
	collect_list(j, "natural_key");
	collect_list(j, "ref");
	for (unsigned p = 1; p < j->nparts; p++) {
		for (const struct cfg_node *n = cfg_first(cfg_get(j->parts[p].node, "case")); n;
			n = n->next)
			collect_node(j, (uint8_t)p, n);
		for (const struct cfg_node *n = cfg_first(cfg_get(j->parts[p].node, "on_create"));
			n; n = n->next)
			map_name_add(j, (uint8_t)p, n->key, n);
	}
	for (const struct cfg_node *n = cfg_first(cfg_get(j->node, "derive")); n; n = n->next) {
		struct br_str from = map_scalar(j, n, "from"), column = map_scalar(j, n, "column");
		unsigned part;

		if (from.n < 7 || memcmp(from.p, "last(", 5) != 0)
			continue;
		part = part_by_name(j, (struct br_str){from.p + 5, from.n - 6});
		if (part && column.p)
			map_name_add(j, (uint8_t)part, column, n);
	}
}

bool map_column_meant(const struct map_job *j, unsigned part, struct br_str name)
{
	for (const struct cfg_node *n = cfg_first(cfg_get(j->parts[part].node, "case")); n;
		n = n->next) {
		if (n->kind != CFG_MAP || map_has_source(n))
			continue;
		for (const struct cfg_node *c = cfg_first(n); c; c = c->next) {
			if (c->kind == CFG_SCALAR && br_str_eq(c->text, name))
				return true;
		}
	}
	return false;
}

int map_column_find(struct map_job *j, unsigned part, struct br_str name, const struct cfg_node *at)
{
	const struct shape *s = j->m->shape;
	int c = shape_find(s, part, name);
	struct br_str *names;

	if (c >= 0)
		return c;
	if (map_column_meant(j, part, name))
		return -1;
	names = br_arena_array(j->a, struct br_str, s->nfields + 1u);
	for (unsigned i = 0; names && i < s->parts[part].n; i++)
		names[i] = s->fields[s->parts[part].first + i].name;
	map_problem(
		j, cfg_problem(j->report, at, BR_E_MAP_UNKNOWN_COLUMN, "column", map_z(j, name),
			   "hint", names ? map_hint(j, name, names, s->parts[part].n) : "", NULL));
	return -1;
}

/* ---- options of a column ---- */

const char *const map_column_keys[] = {MAP_COLUMN_KEYS, NULL};

static uint32_t size_of(struct map_job *j, const struct cfg_node *map, const char *key, long most)
{
	struct br_str text = map_scalar(j, map, key);
	char *end = NULL;
	long v;

	if (!text.p)
		return 0;
	v = strtol(text.p, &end, 10);
	if (v > 0 && v <= most && end && *end == '\0')
		return (uint32_t)v;
	map_shape_problem(j, cfg_get(map, key), key, "a whole number above 0", "大于 0 的整数");
	return 0;
}

/* pad: 18 (CHAR(18), blanks behind) or { to: 6, with: "0", side: left } */
static void pad_options(struct map_job *j, const struct cfg_node *map, struct map_column *col)
{
	static const char *const keys[] = {"to", "with", "side", NULL};
	static const char *const sides[] = {"left", "right", NULL};
	const struct cfg_node *pad = cfg_get(map, "pad");
	struct br_str with;

	if (!pad)
		return;
	if (pad->kind == CFG_SCALAR) {
		col->pad_to = (uint16_t)size_of(j, map, "pad", 60000);
		col->pad = ' ';
		return;
	}
	map_known_keys(j, pad, "pad", keys);
	with = map_scalar(j, pad, "with");
	col->pad_to = (uint16_t)size_of(j, pad, "to", 60000);
	col->pad_left = map_word(j, pad, "side", sides, 1) == 0;
	col->pad = with.n == 1 ? with.p[0] : ' ';
	if (with.p &&
		(with.n != 1 || (unsigned char)with.p[0] < 0x20 || (unsigned char)with.p[0] > 0x7E))
		map_shape_problem(
			j, cfg_get(pad, "with"), "with", "one ASCII character", "一个 ASCII 字符");
}

const struct map_charset *map_charset_of(struct map_job *j, const struct cfg_node *map)
{
	struct br_str name = map_scalar(j, map, "charset");
	const struct map_charset *cs;

	for (size_t i = 0; i < j->ncharsets; i++) {
		if (br_str_eq(j->charsets[i]->name, name))
			return j->charsets[i];
	}
	cs = map_charset_load(name, j->a);
	if (!cs)
		map_problem(j, cfg_problem(j->report, cfg_get(map, "charset"),
				       BR_E_MAP_UNKNOWN_CHARSET, "found", map_z(j, name), NULL));
	else if (j->ncharsets < BR_LEN(j->charsets))
		j->charsets[j->ncharsets++] = cs;
	return cs;
}

/* precision: how much of a stored time counts: "2018-07-02 09:05:00.123" is 19 characters to the
 * second. */
static uint8_t precision_chars(int word)
{
	static const uint8_t chars[] = {10, 16, 19, 23};

	return word < 0 ? 0 : chars[word];
}

int map_column_options(struct map_job *j, const struct cfg_node *map, struct map_column *col)
{
	static const char *const trims[] = {"none", "left", "right", "both", NULL};
	static const char *const empties[] = {"keep", "null", NULL};
	static const char *const precisions[] = {"day", "minute", "second", "millisecond", NULL};
	struct br_str charset = map_scalar(j, map, "charset");
	uint32_t v;
	int word;

	if ((v = size_of(j, map, "max_bytes", 1 << 30)) > 0)
		col->max_bytes = v;
	if ((v = size_of(j, map, "max_chars", 1 << 30)) > 0)
		col->max_chars = v;
	if (charset.p)
		col->charset = map_charset_of(j, map);
	if ((word = map_word(j, map, "trim", trims, -1)) >= 0)
		col->trim = (uint8_t)word;
	if ((word = map_word(j, map, "empty", empties, -1)) >= 0)
		col->empty_null = word == 1;
	if ((word = map_word(j, map, "precision", precisions, -1)) >= 0)
		col->time_precision = precision_chars(word);
	if (cfg_get(map, "none"))
		col->none = cfg_get(map, "none")->kind == CFG_SCALAR ? cfg_get(map, "none")->text
								     : BR_STR("");
	col->cut = map_flag(j, map, "cut", col->cut);
	col->number |= cfg_get(map, "scale") != NULL;
	pad_options(j, map, col);
	return j->rc;
}

/* ---- N ---- */

static struct br_str number_form(struct br_str s)
{
	if (memchr(s.p, '.', s.n)) {
		while (s.n && s.p[s.n - 1] == '0')
			s.n--;
		if (s.n && s.p[s.n - 1] == '.')
			s.n--;
	}
	while (s.n > 1 && s.p[0] == '0') {
		s.p++;
		s.n--;
	}
	return s;
}

static struct br_str cut_chars(struct br_str s, size_t max)
{
	size_t n = 0;

	for (; n < s.n; n++) {
		if (((unsigned char)s.p[n] & 0xC0) != 0x80 && max-- == 0)
			break;
	}
	return (struct br_str){s.p, n};
}

struct br_str map_column_cut(const struct map_column *col, struct br_str text)
{
	if (!col->cut)
		return text;
	if (col->max_bytes)
		text = col->charset ? map_charset_cut(col->charset, text, col->max_bytes)
				    : br_utf8_cut(text, col->max_bytes);
	return col->max_chars ? cut_chars(text, col->max_chars) : text;
}

static struct br_str normal(const struct map_column *col, struct br_str s)
{
	if (!s.p)
		return s;
	if (col->pad && !col->pad_left) {
		while (s.n && s.p[s.n - 1] == col->pad)
			s.n--;
	}
	while (col->trim & MAP_TRIM_LEFT && s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (col->trim & MAP_TRIM_RIGHT && s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	s = map_column_cut(col, s);
	if (col->time_precision && s.n > col->time_precision)
		s.n = col->time_precision;
	if (col->number && s.n)
		s = number_form(s);
	return s;
}

bool map_column_same(const struct mapping *m, const struct cell *a, const struct cell *b)
{
	const struct map_column *col;
	struct br_str x, y;

	if (!a || !b)
		return a == b;
	if (map_same_text(a->value, b->value))
		return true;
	col = &m->columns[a->field];
	x = normal(col, a->value);
	y = normal(col, b->value);
	if (col->empty_null && x.n == 0 && y.n == 0)
		return true;
	return map_same_text(x, y);
}
