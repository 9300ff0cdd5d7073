/* A system's YAML -> mappings: the order of the work and the checks over a whole record. */
#include "br_text.h"
#include "map_job.h"
#include <stdio.h>

#define CODES_TEXT 200 /* bytes of a list of codes in a message */

const char *map_z(struct map_job *j, struct br_str s)
{
	struct br_str copy = br_arena_copy(j->a, s.p ? s : BR_STR(""));

	return copy.p ? copy.p : "";
}

int map_problem(struct map_job *j, int rc)
{
	if (rc && !j->rc)
		j->rc = rc;
	return rc;
}

int map_shape_problem(struct map_job *j, const struct cfg_node *at, const char *what,
	const char *expected, const char *expected_zh)
{
	static const char *const kinds[] = {"nothing", "", "a list", "a map"};
	static const char *const kinds_zh[] = {"空", "", "列表", "键和值"};
	const char *text = at->kind == CFG_SCALAR ? map_z(j, at->text) : NULL;

	return map_problem(
		j, cfg_problem(j->report, at, BR_E_MAP_SHAPE, "what", what, "expected", expected,
			   "expected_zh", expected_zh, "found", text ? text : kinds[at->kind],
			   "found_zh", text ? text : kinds_zh[at->kind], NULL));
}

const char *map_hint(struct map_job *j, struct br_str word, const struct br_str *words, size_t n)
{
	const char **z = br_arena_array(j->a, const char *, n + 1);
	const char *near;

	if (!z)
		return "";
	for (size_t i = 0; i < n; i++)
		z[i] = map_z(j, words[i]);
	near = br_nearest(word, z, n);
	return near ? map_z(j, br_arena_printf(j->a, " (%s?)", near)) : "";
}

/* The codes of a table as far as they fit into a message. */
static const char *codes_text(struct map_job *j, const struct code_table *t)
{
	struct br_str all = BR_STR("");

	for (size_t i = 0; i < t->n; i++) {
		if (all.n > CODES_TEXT)
			return map_z(j, br_arena_printf(j->a, "%.*s, …", BR_STR_ARG(all)));
		all = br_arena_printf(j->a, "%.*s%s%.*s", BR_STR_ARG(all), i ? ", " : "",
			BR_STR_ARG(t->rows[i].code));
	}
	return map_z(j, all);
}

static const char *nearest_code(struct map_job *j, const struct code_table *t, struct br_str value)
{
	struct br_str *codes = br_arena_array(j->a, struct br_str, t->n + 1);

	for (size_t i = 0; codes && i < t->n; i++)
		codes[i] = t->rows[i].code;
	return codes ? map_hint(j, value, codes, t->n) : "";
}

int map_canonical_check(struct map_job *j, const struct cfg_node *at,
	const struct case_field *field, struct br_str value)
{
	uint8_t part = j->schema->shape->fields[field->number].part;
	struct cell c = {part ? BR_STR("1") : BR_STR_NONE, value, field->number, part};
	const char *expected = "a text that fits", *expected_zh = "合适的文本", *hint = "";
	struct br_err err;

	br_err_clear(&err);
	if (case_check_value(j->schema, &c, &err) == 0)
		return 0;
	if (field->codes) {
		hint = nearest_code(j, field->codes, value);
		expected = expected_zh = codes_text(j, field->codes);
	} else if (br_err_code(&err) == BR_E_SCHEMA_BAD_VALUE) {
		expected = br_err_detail(&err, "expected");
		expected_zh = br_err_detail(&err, "expected_zh");
	}
	return map_problem(j, cfg_problem(j->report, at, BR_E_MAP_BAD_CANONICAL, "found",
				      map_z(j, value), "field", map_z(j, field->name), "hint", hint,
				      "expected", expected, "expected_zh", expected_zh, NULL));
}

static const char *joined(struct map_job *j, const char *const *words)
{
	const char *all = "";

	for (size_t i = 0; all && words[i]; i++)
		all = br_arena_printf(j->a, "%s%s%s", all, i ? ", " : "", words[i]).p;
	return all ? all : "";
}

int map_known_keys(
	struct map_job *j, const struct cfg_node *map, const char *where, const char *const *words)
{
	size_t n = 0;
	int rc = 0;

	while (words[n])
		n++;
	for (const struct cfg_node *c = cfg_first(map); c; c = c->next) {
		struct cfg_node at = *c;
		const char *near;
		char hint[80] = "";
		size_t i = 0;

		while (i < n && !br_str_eq(c->key, br_str_z(words[i])))
			i++;
		if (i < n)
			continue;
		near = br_nearest(c->key, words, n);
		if (near)
			snprintf(hint, sizeof(hint), " (%s?)", near);
		at.line = c->key_line;
		at.column = c->key_column;
		rc = cfg_problem(j->report, &at, BR_E_MAP_UNKNOWN_KEY, "key", map_z(j, c->key),
			"where", where, "hint", hint, "valid", joined(j, words), NULL);
		map_problem(j, rc);
	}
	return rc;
}

struct br_str map_scalar(struct map_job *j, const struct cfg_node *map, const char *key)
{
	const struct cfg_node *n = cfg_get(map, key);

	if (!n || n->kind == CFG_NULL)
		return BR_STR_NONE;
	if (n->kind == CFG_SCALAR)
		return n->text;
	map_shape_problem(j, n, key, "one value", "单个值");
	return BR_STR_NONE;
}

bool map_flag(struct map_job *j, const struct cfg_node *map, const char *key, bool dflt)
{
	struct br_str text = map_scalar(j, map, key);

	if (!text.p)
		return dflt;
	if (br_str_eq(text, BR_STR("true")) || br_str_eq(text, BR_STR("false")))
		return text.n == 4;
	map_shape_problem(j, cfg_get(map, key), key, "true or false", "true 或 false");
	return dflt;
}

int map_word(struct map_job *j, const struct cfg_node *map, const char *key,
	const char *const *words, int dflt)
{
	struct br_str text = map_scalar(j, map, key);
	const char *all;

	if (!text.p)
		return dflt;
	for (int i = 0; words[i]; i++)
		if (br_str_eq(text, br_str_z(words[i])))
			return i;
	all = joined(j, words);
	map_shape_problem(j, cfg_get(map, key), key, all, all);
	return -1;
}

/* ---- the parts and the shape ---- */

static void part_add(struct map_job *j, const struct cfg_node *n)
{
	static const char *const modes[] = {"merge", "append", NULL};
	struct map_part *p = &j->parts[j->nparts];
	struct br_str list = map_scalar(j, n, "list");
	const struct shape *schema = j->schema->shape;
	struct br_str names[SHAPE_MAX_PARTS];
	size_t nnames = 0;
	int part;

	if (n->kind != CFG_MAP) {
		map_shape_problem(j, n, "parts", "a map with case:", "键和值，其中有 case:");
		return;
	}
	if (j->nparts == SHAPE_MAX_PARTS) {
		map_shape_problem(j, n, "parts", "at most 15 of them", "最多 15 个");
		return;
	}
	list = list.p ? list : n->key;
	part = shape_find_part(schema, list);
	for (unsigned i = 1; i < schema->nparts; i++)
		names[nnames++] = schema->parts[i].name;
	if (part <= 0) {
		map_problem(
			j, cfg_problem(j->report, n, BR_E_MAP_UNKNOWN_LIST, "list", map_z(j, list),
				   "hint", map_hint(j, list, names, nnames), NULL));
		return;
	}
	for (unsigned i = 0; i < j->nparts; i++) {
		if (j->parts[i].canonical == part) {
			map_problem(j, cfg_problem(j->report, n, BR_E_MAP_FIELD_TWICE, "field",
					       map_z(j, list), NULL));
			return;
		}
	}
	*p = (struct map_part){.name = n->key,
		.local = (uint8_t)j->nparts,
		.canonical = (uint8_t)part,
		.node = n,
		.append = map_word(j, n, "mode", modes, 0) == 1,
		.key = map_scalar(j, n, "key")};
	j->nparts++;
	if (!p->key.p)
		map_shape_problem(j, n, "parts", "key: the column that tells its elements apart",
			"key: 用于区分各元素的列");
}

static int shape_compile(struct map_job *j)
{
	struct shape_builder *b = shape_begin(j->a);

	if (!b)
		return -BR_E_NOMEM;
	for (unsigned p = 0; p < j->nparts; p++) {
		if (p && shape_add_part(b, j->parts[p].name) < 0)
			return map_shape_problem(
				j, j->node, "records", "at most 15 parts", "最多 15 个子表");
		for (size_t i = 0; i < j->nnames; i++) {
			if (j->names[i].part == p &&
				shape_add_field(b, j->names[i].name, SHAPE_TEXT, NULL) < 0)
				return map_shape_problem(j, j->names[i].at, "records",
					"at most 512 columns", "最多 512 列");
		}
	}
	j->m->shape = shape_end(b);
	if (!j->m->shape)
		return -BR_E_NOMEM;
	j->m->columns = br_arena_array(j->a, struct map_column, j->m->shape->nfields + 1u);
	if (!j->m->columns)
		return -BR_E_NOMEM;
	for (unsigned i = 0; i < j->m->shape->nfields; i++) {
		j->m->columns[i] = (struct map_column){.name = j->m->shape->fields[i].name,
			.part = j->m->shape->fields[i].part,
			.updatable = true,
			.group = -1,
			.writer = -1,
			.charset = j->charset};
	}
	return 0;
}

/* ---- defaults of the record ---- */

static const struct map_zone *zone(struct map_job *j, struct br_str name, const struct cfg_node *at)
{
	const struct map_zone *z = map_zone_load(name, j->a);

	if (!z)
		map_problem(j, cfg_problem(j->report, at, BR_E_MAP_UNKNOWN_ZONE, "found",
				       map_z(j, name), NULL));
	return z;
}

static int defaults(struct map_job *j)
{
	const struct cfg_node *own = cfg_get(j->node, "timezone"),
			      *conn = cfg_get(j->system->connection, "timezone");
	struct br_str charset = map_scalar(j, j->node, "charset");
	const struct cfg_node *at = own ? own : conn;

	j->zones.site =
		zone(j, j->site->timezone.n ? j->site->timezone : BR_STR("+08:00"), j->node);
	j->zones.column = at && at->kind == CFG_SCALAR ? zone(j, at->text, at) : j->zones.site;
	j->charset = charset.p ? map_charset_of(j, j->node) : NULL;
	j->m->charset = charset;
	return j->zones.site && j->zones.column ? 0 : j->rc;
}

/* ---- one record, one system ---- */

static const char *const record_keys[] = {
	"root",
	"read",
	"write",
	"case",
	"parts",
	"derive",
	"on_create",
	"target_owned",
	"refused",
	"natural_key",
	"ref",
	"match",
	"when",
	"required",
	"columns",
	"charset",
	"timezone",
	"title",
	"note",
	NULL,
};

static void collect_fields(struct map_job *j)
{
	const struct cfg_node *lists[] = {cfg_get(j->node, "case"), cfg_get(j->node, "derive")};
	size_t room = 1;

	for (size_t i = 0; i < BR_LEN(lists); i++)
		room += lists[i] ? lists[i]->n : 0;
	for (unsigned p = 1; p < j->nparts; p++)
		room += cfg_get(j->parts[p].node, "case") ? cfg_get(j->parts[p].node, "case")->n
							  : 0;
	j->fields = br_arena_array(j->a, struct br_str, room);
	if (!j->fields)
		return;
	for (size_t i = 0; i < BR_LEN(lists); i++) {
		for (const struct cfg_node *n = cfg_first(lists[i]); n; n = n->next)
			j->fields[j->nfields++] = n->key;
	}
	for (unsigned p = 1; p < j->nparts; p++) {
		for (const struct cfg_node *n = cfg_first(cfg_get(j->parts[p].node, "case")); n;
			n = n->next)
			j->fields[j->nfields++] = n->key;
	}
}

static void check_shapes(struct map_job *j)
{
	static const char *const maps[] = {
		"root", "read", "write", "parts", "derive", "on_create", "when", "columns"};
	const struct cfg_node *refused = cfg_get(j->node, "refused");

	for (size_t i = 0; i < BR_LEN(maps); i++) {
		const struct cfg_node *n = cfg_get(j->node, maps[i]);

		if (n && n->kind != CFG_MAP && n->kind != CFG_NULL)
			map_shape_problem(j, n, maps[i], "a map", "键和值");
	}
	if (refused && refused->kind != CFG_LIST && refused->kind != CFG_NULL)
		map_shape_problem(j, refused, "refused", "a list", "列表");
}

static int record(struct map_job *j)
{
	const struct cfg_node *fields = cfg_get(j->node, "case");

	if (j->node->kind != CFG_MAP || !fields || fields->kind != CFG_MAP)
		return map_shape_problem(j, fields ? fields : j->node, "records",
			"a map with case:", "键和值，其中有 case:");
	map_known_keys(j, j->node, "records", record_keys);
	check_shapes(j);
	if (defaults(j))
		return j->rc;
	j->parts[0] = (struct map_part){.name = BR_STR(""), .node = j->node};
	j->nparts = 1;
	for (const struct cfg_node *n = cfg_first(cfg_get(j->node, "parts")); n; n = n->next)
		part_add(j, n);
	collect_fields(j);
	map_names_collect(j);
	/* what was counted in part is too small for what follows */
	if (br_arena_failed(j->a))
		return j->rc = -BR_E_NOMEM;
	if (shape_compile(j))
		return j->rc ? j->rc : -BR_E_NOMEM;
	map_lines_compile(j);
	map_groups_compile(j);
	map_record_compile(j);
	return j->rc;
}

static int write_spec(struct map_set *set, const struct cfg_system *system, struct br_arena *a,
	struct cfg_report *report)
{
	int rc = map_write_spec(set, a);
	char max[24];

	if (rc == 0 || rc == -BR_E_NOMEM)
		return rc;
	snprintf(max, sizeof(max), "%u", rc == -BR_E_TOO_BIG ? MAP_SPEC_MAX : BR_JSON_DEPTH);
	return cfg_problem(report, system->records, (enum br_err_code) - rc, "what", "records",
		"max", max, NULL);
}

static int compile(const struct cfg_site *site, const struct cfg_system *system,
	const struct case_schema *schema, struct br_arena *a, struct cfg_report *report,
	struct map_set **out)
{
	struct map_set *set = br_arena_new(a, struct map_set);
	size_t room = system->records ? system->records->n : 0;
	int rc = 0;

	if (!set)
		return -BR_E_NOMEM;
	*set = (struct map_set){.system = system,
		.schema = schema,
		.maps = br_arena_array(a, struct mapping *, room + 1)};
	if (!set->maps)
		return -BR_E_NOMEM;
	for (const struct cfg_node *n = cfg_first(system->records); n; n = n->next) {
		struct map_job *j = br_arena_new(a, struct map_job);
		int bad;

		if (!j || !(j->m = br_arena_new(a, struct mapping)))
			return -BR_E_NOMEM;
		j->site = site;
		j->system = system;
		j->schema = schema;
		j->a = a;
		j->report = report;
		j->node = n;
		*j->m = (struct mapping){.record = n->key,
			.system = system->name,
			.schema = schema,
			.node = n,
			.sys = system};
		bad = record(j);
		rc = rc ? rc : bad;
		set->maps[set->n++] = j->m;
	}
	if (br_arena_failed(a))
		return -BR_E_NOMEM;
	if (rc == 0)
		rc = write_spec(set, system, a, report);
	if (rc == 0)
		*out = set;
	return rc;
}

int map_compile(const struct cfg_site *site, const struct cfg_system *system,
	const struct case_schema *schema, struct br_arena *a, struct cfg_report *report,
	struct map_set **out)
{
	int rc = compile(site, system, schema, a, report, out);

	return rc == -BR_E_NOMEM ? cfg_problem(report, NULL, BR_E_NOMEM, NULL) : rc;
}

size_t map_count(const struct map_set *set)
{
	return set->n;
}

const struct mapping *map_at(const struct map_set *set, size_t i)
{
	return set->maps[i];
}

const struct mapping *map_find(const struct map_set *set, struct br_str record)
{
	for (size_t i = 0; set && i < set->n; i++) {
		if (br_str_eq(set->maps[i]->record, record))
			return set->maps[i];
	}
	return NULL;
}
