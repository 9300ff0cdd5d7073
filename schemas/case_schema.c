#include "case_codes.h"
#include "case_tree.h"

#include <stdio.h>

#define MAX_TABLES 128

static const char *const types[] = {"text", "code", "date", "time", "int", "decimal", "bool", NULL};
static const char *const owners[] = {"either", "portal", "department", "bridge", NULL};
static const char *const policies[] = {"owner", "lattice", "newest", "manual", NULL};
static const char *const piis[] = {"none", "name", "id", "phone", "address", "other", NULL};
static const char *const checks[] = {"none", "citizen-id", "credit-code", "org-code", "impl-code",
	"mobile", "postcode", "division", "name", "cert-no", NULL};
static const char *const list_forms[] = {"list", "map", NULL};

/* A field as case.yaml has it. */
struct field_text {
	struct br_str label, label_en, codes;
	int type, owner, policy, pii, check;
	int64_t max;
	bool always;
};

#define FIELD(member) offsetof(struct field_text, member)
static const struct cfg_option field_options[] = {
	{.name = "label",
		.type = CFG_T_TEXT,
		.offset = FIELD(label),
		.required = true,
		.help_en = "Chinese name",
		.help_zh = "中文名称"},
	{.name = "en",
		.type = CFG_T_TEXT,
		.offset = FIELD(label_en),
		.required = true,
		.help_en = "English name",
		.help_zh = "英文名称"},
	{.name = "type",
		.type = CFG_T_ENUM,
		.offset = FIELD(type),
		.required = true,
		.words = types,
		.help_en = "type of the value",
		.help_zh = "值的类型"},
	{.name = "codes",
		.type = CFG_T_TEXT,
		.offset = FIELD(codes),
		.help_en = "code table, with type: code",
		.help_zh = "码表（type: code 时）"},
	{.name = "owner",
		.type = CFG_T_ENUM,
		.offset = FIELD(owner),
		.required = true,
		.words = owners,
		.help_en = "who decides the field",
		.help_zh = "归属方"},
	{.name = "policy",
		.type = CFG_T_ENUM,
		.offset = FIELD(policy),
		.words = policies,
		.help_en = "how two values are merged",
		.help_zh = "合并规则"},
	{.name = "pii",
		.type = CFG_T_ENUM,
		.offset = FIELD(pii),
		.dflt = "none",
		.words = piis,
		.help_en = "kind of personal data",
		.help_zh = "个人信息类别"},
	{.name = "check",
		.type = CFG_T_ENUM,
		.offset = FIELD(check),
		.dflt = "none",
		.words = checks,
		.help_en = "form the value must have",
		.help_zh = "校验规则"},
	{.name = "max",
		.type = CFG_T_INT,
		.offset = FIELD(max),
		.dflt = "0",
		.min = 0,
		.max = 1000000,
		.help_en = "characters at most, 0 = no limit",
		.help_zh = "最多字符数，0 为不限"},
	{.name = "always",
		.type = CFG_T_BOOL,
		.offset = FIELD(always),
		.dflt = "false",
		.help_en = "stands in every published case",
		.help_zh = "每个已发布办件都有"},
	{0},
};

struct list_text {
	struct br_str label, label_en;
	const struct cfg_node *fields;
	int form;
};

#define LIST(member) offsetof(struct list_text, member)
static const struct cfg_option list_options[] = {
	{.name = "label",
		.type = CFG_T_TEXT,
		.offset = LIST(label),
		.required = true,
		.help_en = "Chinese name",
		.help_zh = "中文名称"},
	{.name = "en",
		.type = CFG_T_TEXT,
		.offset = LIST(label_en),
		.required = true,
		.help_en = "English name",
		.help_zh = "英文名称"},
	{.name = "as",
		.type = CFG_T_ENUM,
		.offset = LIST(form),
		.dflt = "list",
		.words = list_forms,
		.help_en = "an array, or an object by key",
		.help_zh = "数组，或以键为成员的对象"},
	{.name = "fields",
		.type = CFG_T_MAP,
		.offset = LIST(fields),
		.required = true,
		.help_en = "the fields of an element",
		.help_zh = "元素的字段"},
	{0},
};

struct file_text {
	struct br_str version, id;
	const struct cfg_node *fields, *lists;
};

#define FILE_(member) offsetof(struct file_text, member)
static const struct cfg_option file_options[] = {
	{.name = "version",
		.type = CFG_T_TEXT,
		.offset = FILE_(version),
		.required = true,
		.help_en = "version of the schema",
		.help_zh = "版本"},
	{.name = "id",
		.type = CFG_T_TEXT,
		.offset = FILE_(id),
		.required = true,
		.help_en = "URI of the JSON Schema",
		.help_zh = "JSON Schema 的 URI"},
	{.name = "fields",
		.type = CFG_T_MAP,
		.offset = FILE_(fields),
		.required = true,
		.help_en = "the fields of the case",
		.help_zh = "办件字段"},
	{.name = "lists",
		.type = CFG_T_MAP,
		.offset = FILE_(lists),
		.help_en = "the lists of the case",
		.help_zh = "办件列表"},
	{0},
};

struct loader {
	const char *folder;
	struct br_arena *arena;
	struct cfg_report *report;
	struct case_schema *schema;
	struct shape_builder *builder;
	struct case_tree *trees[SHAPE_MAX_PARTS];
	struct case_part parts[SHAPE_MAX_PARTS];
	unsigned part;
};

/* Lower-case words of letters, digits and '_', joined by dots. */
static bool name_ok(struct br_str name, bool dots)
{
	bool start = true;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (start && !(c >= 'a' && c <= 'z'))
			return false;
		if (c == '.' && !dots)
			return false;
		if (c != '.' && c != '_' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
			return false;
		start = c == '.';
	}
	return !start;
}

/* Members the published case has besides its fields, and the key of an element. */
static bool name_reserved(struct br_str name, bool root)
{
	static const char *const words[] = {"case_id", "version", "updated_at", "links"};
	const char *dot = memchr(name.p, '.', name.n);
	struct br_str first = {name.p, dot ? (size_t)(dot - name.p) : name.n};

	if (!root)
		return br_str_eq(first, BR_STR("key"));
	for (size_t i = 0; i < BR_LEN(words); i++)
		if (br_str_eq(first, br_str_z(words[i])))
			return true;
	return false;
}

static void bad_name(struct loader *l, const struct cfg_node *at, const char *why)
{
	struct cfg_node key = *at;

	key.line = at->key_line;
	key.column = at->key_column;
	cfg_problem(l->report, &key, BR_E_SCHEMA_DEF_NAME, "found", at->key.p, "why", why, NULL);
}

static const struct code_table *load_codes(
	struct loader *l, struct br_str name, const struct cfg_node *at)
{
	struct case_schema *s = l->schema;

	for (size_t i = 0; i < s->ntables; i++)
		if (br_str_eq(s->tables[i].name, name))
			return &s->tables[i];
	if (!name_ok(name, false) && memchr(name.p, '/', name.n)) {
		cfg_problem(l->report, at, BR_E_SCHEMA_DEF_TABLE, "table", name.p, "why",
			"a table is named without a folder", NULL);
		return NULL;
	}
	if (s->ntables == MAX_TABLES) {
		cfg_problem(l->report, at, BR_E_SCHEMA_DEF_TABLE, "table", name.p, "why",
			"there are too many tables", NULL);
		return NULL;
	}
	/* a table that cannot be read is named once, not for each field that has it */
	case_codes_read(l->folder, name, l->arena, l->report, &s->tables[s->ntables]);
	return &s->tables[s->ntables++];
}

static void add_to_tree(struct loader *l, const struct cfg_node *at, int field)
{
	switch (case_tree_add_field(l->trees[l->part], at->key, field, l->arena)) {
	case CASE_TREE_OK:
	case CASE_TREE_NOMEM: /* the arena remembers */
		break;
	case CASE_TREE_TWICE:
		bad_name(l, at, "it is a field, an object or a list already");
		break;
	case CASE_TREE_DEEP:
		bad_name(l, at, "it has too many dots");
		break;
	case CASE_TREE_APART: {
		const char *dot = strrchr(at->key.p, '.');
		struct br_str group = br_arena_copy(l->arena,
			(struct br_str){at->key.p, dot ? (size_t)(dot - at->key.p) : at->key.n});

		cfg_problem(l->report, at, BR_E_SCHEMA_DEF_ORDER, "found", at->key.p, "group",
			group.p ? group.p : "", NULL);
		break;
	}
	}
}

static void read_codes(struct loader *l, const struct cfg_node *at, const struct field_text *text,
	struct case_field *f)
{
	if (f->type == SHAPE_CODE && text->codes.n)
		f->codes = load_codes(l, text->codes, at);
	else if (f->type == SHAPE_CODE)
		cfg_problem(l->report, at, BR_E_SCHEMA_DEF_CODES, "found", f->name.p, "why",
			"a code needs its table (codes:)", "why_zh", "代码类型须指明码表（codes:）",
			NULL);
	else if (text->codes.n)
		cfg_problem(l->report, at, BR_E_SCHEMA_DEF_CODES, "found", f->name.p, "why",
			"only type: code has a table", "why_zh", "只有 type: code 才有码表", NULL);
}

static void add_field(struct loader *l, const struct cfg_node *at)
{
	struct field_text text = {.policy = -1};
	struct case_field *f = br_arena_new(l->arena, struct case_field);
	struct br_str part = l->parts[l->part].name;
	int number;

	if (!f)
		return;
	if (!name_ok(at->key, true) || name_reserved(at->key, l->part == 0)) {
		bad_name(l, at,
			name_ok(at->key, true) ? "the name is taken by the published case"
					       : "it has other characters");
		return;
	}
	if (cfg_read_options(field_options, at, at, NULL, &text, l->report) < 0)
		return;
	f->name = part.n ? br_arena_printf(l->arena, "%s.%s", part.p, at->key.p)
			 : br_arena_copy(l->arena, at->key);
	f->label = text.label;
	f->label_en = text.label_en;
	f->type = (enum shape_type)text.type;
	f->owner = (enum case_owner)text.owner;
	if (text.policy >= 0)
		f->policy = (enum case_policy)text.policy;
	else
		f->policy = f->owner == CASE_OWNER_EITHER ? CASE_POLICY_NEWEST : CASE_POLICY_OWNER;
	f->pii = (enum case_pii)text.pii;
	f->check = (unsigned)text.check;
	f->max_chars = (uint32_t)text.max;
	f->always = text.always;
	if (!f->name.p)
		return;
	read_codes(l, at, &text, f);
	number = shape_add_field(l->builder, at->key, f->type, f);
	if (number < 0) {
		if (!br_arena_failed(l->arena))
			bad_name(l, at, "it stands there twice, or there are too many fields");
		return;
	}
	f->number = (uint16_t)number;
	add_to_tree(l, at, number);
}

static void add_list(struct loader *l, const struct cfg_node *at)
{
	struct list_text text = {0};
	struct case_part *p;
	int part;

	if (!name_ok(at->key, false) || name_reserved(at->key, true)) {
		bad_name(l, at,
			name_ok(at->key, false) ? "the name is taken by the published case"
						: "it has other characters");
		return;
	}
	if (cfg_read_options(list_options, at, at, NULL, &text, l->report) < 0)
		return;
	if (text.form == 1 && text.fields->n != 1) {
		bad_name(l, at, "a map has one field");
		return;
	}
	part = shape_add_part(l->builder, at->key);
	if (part > 0 && case_tree_add_list(l->trees[0], at->key, part, l->arena) == CASE_TREE_TWICE)
		part = -1;
	if (part < 0) {
		if (!br_arena_failed(l->arena))
			bad_name(l, at,
				"it is a field or a list already, or there are too many lists");
		return;
	}
	l->part = (unsigned)part;
	l->trees[part] = case_tree_new(l->arena);
	p = &l->parts[part];
	*p = (struct case_part){.name = at->key,
		.label = text.label,
		.label_en = text.label_en,
		.map = text.form == 1};
	if (!l->trees[part])
		return;
	for (const struct cfg_node *c = cfg_first(text.fields); c; c = c->next)
		add_field(l, c);
}

static uint16_t needed(
	struct loader *l, const struct cfg_node *at, const char *name, enum shape_type type)
{
	const struct shape *shape = l->schema->shape;
	int number = shape_find(shape, 0, br_str_z(name));

	if (number >= 0 && shape->fields[number].type == type)
		return (uint16_t)number;
	cfg_problem(l->report, at, BR_E_SCHEMA_DEF_NEEDED, "field", name, "expected", types[type],
		NULL);
	return 0;
}

static void find_needed(struct loader *l, const struct cfg_node *at)
{
	struct case_schema *s = l->schema;

	s->f_status = needed(l, at, "status", SHAPE_CODE);
	s->f_portal_case_no = needed(l, at, "portal_case_no", SHAPE_TEXT);
	s->f_dept_case_no = needed(l, at, "dept_case_no", SHAPE_TEXT);
	s->f_cert_no = needed(l, at, "applicant.cert_no", SHAPE_TEXT);
	s->f_impl_code = needed(l, at, "item.impl_code", SHAPE_TEXT);
	s->f_applied_at = needed(l, at, "applied_at", SHAPE_TIME);
	s->f_accepted_at = needed(l, at, "accepted_at", SHAPE_TIME);
}

static bool finish(struct loader *l)
{
	struct case_schema *s = l->schema;

	s->shape = shape_end(l->builder);
	if (!s->shape)
		return false;
	s->parts = br_arena_array(l->arena, struct case_part, s->shape->nparts);
	s->trees = br_arena_array(l->arena, struct case_tree *, s->shape->nparts);
	if (!s->parts || !s->trees)
		return false;
	for (unsigned i = 0; i < s->shape->nparts; i++) {
		s->parts[i] = l->parts[i];
		s->trees[i] = l->trees[i];
		if (!case_tree_end(
			    s->trees[i], s->shape->parts[i].first, s->shape->parts[i].n, l->arena))
			return false;
	}
	return !br_arena_failed(l->arena);
}

static bool begin(struct loader *l)
{
	struct case_schema *s = br_arena_new(l->arena, struct case_schema);

	l->schema = s;
	l->builder = shape_begin(l->arena);
	l->trees[0] = case_tree_new(l->arena);
	l->parts[0] = (struct case_part){
		.name = BR_STR(""), .label = BR_STR("办件"), .label_en = BR_STR("Case")};
	if (s)
		s->tables = br_arena_array(l->arena, struct code_table, MAX_TABLES);
	return s && s->tables && l->builder && l->trees[0];
}

static int load(struct loader *l, const struct cfg_node *root)
{
	struct file_text text = {0};
	size_t before = l->report->n;
	int rc = cfg_read_options(file_options, root, root, NULL, &text, l->report);

	if (rc < 0)
		return rc;
	if (!begin(l))
		return -BR_E_NOMEM;
	l->schema->version = text.version;
	l->schema->id = text.id;
	for (const struct cfg_node *c = cfg_first(text.fields); c && !br_arena_failed(l->arena);
		c = c->next)
		add_field(l, c);
	for (const struct cfg_node *c = cfg_first(text.lists); c && !br_arena_failed(l->arena);
		c = c->next)
		add_list(l, c);
	if (l->report->n == before && finish(l))
		find_needed(l, root);
	else if (l->report->n == before)
		return cfg_problem(l->report, root, BR_E_NOMEM, NULL);
	return l->report->n == before ? 0 : -(int)br_err_code(&l->report->last->err);
}

int case_schema_load(
	const char *folder, struct br_arena *a, struct cfg_report *report, struct case_schema **out)
{
	struct loader l = {.folder = folder, .arena = a, .report = report};
	struct br_str path = br_arena_printf(a, "%s/case.yaml", folder);
	struct cfg_node *root;
	int rc;

	if (!path.p)
		return -BR_E_NOMEM;
	rc = cfg_read_file(path.p, "case.yaml", a, report, &root);
	if (rc == 0)
		rc = load(&l, root);
	if (rc == 0)
		*out = l.schema;
	return rc;
}

const struct case_field *case_field(const struct case_schema *s, unsigned number)
{
	return number < s->shape->nfields ? s->shape->fields[number].about : NULL;
}

const struct code_table *case_codes(const struct case_schema *s, struct br_str name)
{
	for (size_t i = 0; i < s->ntables; i++)
		if (br_str_eq(s->tables[i].name, name))
			return &s->tables[i];
	return NULL;
}

struct br_str case_place(const struct case_schema *s, const struct cell *c, struct br_arena *a)
{
	const struct shape_field *f = &s->shape->fields[c->field];

	if (c->part == 0)
		return f->name;
	return br_arena_printf(a, "%.*s/%.*s/%.*s", BR_STR_ARG(s->shape->parts[c->part].name),
		BR_STR_ARG(c->key), BR_STR_ARG(f->name));
}

bool case_find_place(const struct case_schema *s, struct br_str name, struct cell *out)
{
	const char *first = name.n ? memchr(name.p, '/', name.n) : NULL,
		   *last = name.n ? memrchr(name.p, '/', name.n) : NULL;
	int part = 0, field;

	*out = (struct cell){.value = BR_STR_NONE};
	if (first && first != last) {
		part = shape_find_part(s->shape, (struct br_str){name.p, (size_t)(first - name.p)});
		out->key = (struct br_str){first + 1, (size_t)(last - first) - 1};
		name = (struct br_str){last + 1, (size_t)(name.p + name.n - last) - 1};
	}
	field = part < 0 ? -1 : shape_find(s->shape, (unsigned)part, name);
	out->part = (uint8_t)part;
	out->field = (uint16_t)field;
	return field >= 0;
}
