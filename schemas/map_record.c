/* The rest of a record: what a create needs, what refusals mean, keys, routing - and the hash of it
 * all. */
#include "br_text.h"
#include "map_job.h"
#include <stdio.h>

static int field_by_name(struct map_job *j, struct br_str name, const struct cfg_node *at)
{
	return map_field_find(j, 0, name, at);
}

/* A scalar or a list of scalars. */
static size_t text_list(struct map_job *j, const struct cfg_node *n, struct br_str **out)
{
	size_t count = 0;

	*out = br_arena_array(j->a, struct br_str, n && n->n ? n->n : 1);
	if (!n || !*out)
		return 0;
	if (n->kind == CFG_SCALAR) {
		(*out)[0] = n->text;
		return 1;
	}
	for (const struct cfg_node *c = cfg_first(n); c; c = c->next) {
		if (c->kind == CFG_SCALAR)
			(*out)[count++] = c->text;
		else
			map_shape_problem(j, c, map_z(j, n->key), "single values", "单个值");
	}
	return count;
}

/* ---- on_create ---- */

static const char *const create_words[] = {
	"generate", "technical", "ask", "identity", "trigger", "natural", "lookup", NULL};

static void create_kind(struct map_job *j, const struct cfg_node *n, struct map_create *c)
{
	static const char *const keys[] = {
		"generate",
		"technical",
		"ask",
		"identity",
		"trigger",
		"natural",
		"lookup",
		"returning",
		"codes",
		"from",
		"by",
		"note",
		NULL,
	};
	const struct cfg_node *rows = cfg_get(n, "codes");
	struct br_str from = map_scalar(j, n, "from");
	size_t found = 0;

	map_known_keys(j, n, "on_create", keys);
	for (int i = 0; create_words[i]; i++) {
		if (cfg_get(n, create_words[i])) {
			c->kind = (uint8_t)i;
			found++;
			if (i != MAP_CREATE_LOOKUP)
				c->text = map_scalar(j, n, create_words[i]);
		}
	}
	if (found != 1)
		map_shape_problem(j, n, "on_create",
			"one of generate, technical, ask, identity, trigger, natural, lookup",
			"generate、technical、ask、identity、trigger、natural、lookup 之一");
	c->returning = map_flag(j, n, "returning",
		c->kind == MAP_CREATE_GENERATE || c->kind == MAP_CREATE_IDENTITY ||
			c->kind == MAP_CREATE_TRIGGER);
	if (c->kind == MAP_CREATE_LOOKUP) {
		rows = cfg_get(n, "lookup");
		from = map_scalar(j, n, "by");
		if (!from.p)
			map_shape_problem(j, n, "lookup",
				"by: the field of the case that is looked up",
				"by: 用于查表的办件字段");
	}
	if (c->kind == MAP_CREATE_ASK && !from.p)
		map_shape_problem(j, n, "ask",
			"from: the field of the case into which a person enters the answer",
			"from: 人员填写答案的办件字段");
	if (rows)
		c->codes = map_table(j, rows);
	if (from.p)
		c->field = field_by_name(j, from, n);
}

static void create(struct map_job *j, unsigned part, const struct cfg_node *n)
{
	struct mapping *m = j->m;
	int column = map_column_find(j, part, n->key, n);
	struct map_create c = {.part = (uint8_t)part, .field = -1, .at = n};

	if (column < 0)
		return;
	c.column = (uint16_t)column;
	if (n->kind == CFG_SCALAR) {
		int i = 0;

		while (create_words[i] && !br_str_eq(n->text, br_str_z(create_words[i])))
			i++;
		if (i != MAP_CREATE_IDENTITY && i != MAP_CREATE_TRIGGER &&
			i != MAP_CREATE_NATURAL) {
			map_shape_problem(j, n, "on_create", "identity, trigger, natural, or a map",
				"identity、trigger、natural，或键和值");
			return;
		}
		c.kind = (uint8_t)i;
		c.returning = i != MAP_CREATE_NATURAL;
	} else if (n->kind == CFG_MAP) {
		create_kind(j, n, &c);
	} else {
		map_shape_problem(j, n, "on_create", "identity, trigger, natural, or a map",
			"identity、trigger、natural，或键和值");
		return;
	}
	m->columns[column].on_create = true;
	m->creates[m->ncreates++] = c;
}

static void creates(struct map_job *j)
{
	const struct cfg_node *list = cfg_get(j->node, "on_create");
	size_t room = list ? list->n : 0;

	for (unsigned p = 1; p < j->nparts; p++)
		room += cfg_get(j->parts[p].node, "on_create")
				? cfg_get(j->parts[p].node, "on_create")->n
				: 0;
	j->m->creates = br_arena_array(j->a, struct map_create, room + 1);
	if (!j->m->creates)
		return;
	for (const struct cfg_node *n = cfg_first(list); n; n = n->next)
		create(j, 0, n);
	for (unsigned p = 1; p < j->nparts; p++) {
		for (const struct cfg_node *n = cfg_first(cfg_get(j->parts[p].node, "on_create"));
			n; n = n->next)
			create(j, p, n);
	}
}

/* ---- refused ---- */

static void refusal(struct map_job *j, const struct cfg_node *n)
{
	static const char *const keys[] = {"native", "text", "do", "field", "say", "note", NULL};
	static const char *const deeds[] = {"retry", "correct", "wait", "stop", NULL};
	struct map_refusal_row *r = &j->m->refusals[j->m->nrefusals++];
	struct br_str field = map_scalar(j, n, "field");
	int deed;

	r->field = -1;
	if (n->kind != CFG_MAP || !cfg_get(n, "do") ||
		(!cfg_get(n, "native") && !cfg_get(n, "text"))) {
		map_shape_problem(j, n, "refused",
			"{ native: code or text: words, do: retry | correct | wait | stop }",
			"{ native: 代码 或 text: 文字, do: retry | correct | wait | stop }");
		return;
	}
	map_known_keys(j, n, "refused", keys);
	r->nnative = text_list(j, cfg_get(n, "native"), &r->native);
	r->text = map_scalar(j, n, "text");
	r->say = map_scalar(j, n, "say");
	deed = map_word(j, n, "do", deeds, 0);
	r->deed = (enum map_deed)(deed < 0 ? 0 : deed);
	if (field.p)
		r->field = field_by_name(j, field, cfg_get(n, "field"));
}

bool map_refusal(const struct mapping *m, struct br_str native_code, struct br_str native_text,
	struct map_refusal *out)
{
	for (size_t i = 0; i < m->nrefusals; i++) {
		const struct map_refusal_row *r = &m->refusals[i];
		bool code = r->nnative == 0;

		for (size_t k = 0; k < r->nnative; k++)
			code |= br_str_eq(r->native[k], native_code);
		if (!code || (r->text.n && !(native_text.n && memmem(native_text.p, native_text.n,
								      r->text.p, r->text.n))))
			continue;
		*out = (struct map_refusal){r->deed, r->say, r->field};
		return true;
	}
	return false;
}

/* ---- keys and routing ---- */

static void natural_key(struct map_job *j)
{
	struct br_str *names;
	const struct cfg_node *n = cfg_get(j->node, "natural_key");
	size_t count = text_list(j, n, &names);

	j->m->natural = br_arena_array(j->a, uint16_t, count + 1);
	for (size_t i = 0; i < count && j->m->natural; i++) {
		int c = map_column_find(j, 0, names[i], n);

		if (c >= 0)
			j->m->natural[j->m->nnatural++] = (uint16_t)c;
	}
}

/* The number by which a system accepts what it answers later, as its records carry it. */
static void ref(struct map_job *j)
{
	struct br_str name = map_scalar(j, j->node, "ref");

	j->m->ref = name.p ? map_column_find(j, 0, name, cfg_get(j->node, "ref")) : -1;
}

static void add_match(struct map_job *j, struct br_str *names, size_t n, const struct cfg_node *at)
{
	struct map_match *x = &j->m->match[j->m->nmatch];

	*x = (struct map_match){.scheme = BR_STR("")};
	if (n > BR_LEN(x->fields)) {
		map_shape_problem(j, at, "match", "one field, or two", "一个或两个字段");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		int f = field_by_name(j, names[i], at);

		if (f < 0)
			return;
		x->scheme = br_arena_printf(j->a, "%.*s%s%.*s", BR_STR_ARG(x->scheme), i ? "+" : "",
			BR_STR_ARG(names[i]));
		x->fields[x->n++] = (uint16_t)f;
	}
	j->m->nmatch++;
}

/* Strong keys: the portal's number alone; a department's number only together with the item, as
 * departments number alike. */
static void matches(struct map_job *j)
{
	const struct cfg_node *list = cfg_get(j->node, "match");
	struct br_str portal[] = {BR_STR("portal_case_no")},
		      dept[] = {BR_STR("item.impl_code"), BR_STR("dept_case_no")}, *names;

	j->m->match = br_arena_array(j->a, struct map_match, list ? list->n + 1 : 2);
	if (!j->m->match)
		return;
	if (!list) {
		add_match(j, portal, 1, j->node);
		add_match(j, dept, 2, j->node);
		return;
	}
	for (const struct cfg_node *n = cfg_first(list); n; n = n->next) {
		size_t count = text_list(j, n, &names);

		if (count)
			add_match(j, names, count, n);
	}
}

/* A value that no case can have would never let a record be made. */
static void check_when(struct map_job *j, const struct cfg_node *n, unsigned field)
{
	const struct case_field *about = case_field(j->schema, field);

	if (n->kind == CFG_SCALAR)
		map_canonical_check(j, n, about, n->text);
	for (const struct cfg_node *c = cfg_first(n); c; c = c->next) {
		if (c->kind == CFG_SCALAR)
			map_canonical_check(j, c, about, c->text);
	}
}

static void whens(struct map_job *j)
{
	const struct cfg_node *map = cfg_get(j->node, "when");

	j->m->when = br_arena_array(j->a, struct map_when, map ? map->n + 1 : 1);
	if (!map || !j->m->when)
		return;
	if (map->kind != CFG_MAP) {
		map_shape_problem(j, map, "when", "a map field: value or list of values",
			"“字段: 值或值的列表”");
		return;
	}
	for (const struct cfg_node *n = cfg_first(map); n; n = n->next) {
		struct map_when *w = &j->m->when[j->m->nwhen];
		int f = field_by_name(j, n->key, n);

		if (f < 0)
			continue;
		w->field = (uint16_t)f;
		w->n = text_list(j, n, &w->values);
		check_when(j, n, w->field);
		j->m->nwhen++;
	}
}

/* ---- columns: declared N, who may write, what must be filled ---- */

static void declared_columns(struct map_job *j)
{
	const struct cfg_node *map = cfg_get(j->node, "columns");

	for (const struct cfg_node *n = cfg_first(map); n; n = n->next) {
		int c = map_column_find(j, 0, n->key, n);

		if (c < 0)
			continue;
		if (n->kind != CFG_MAP) {
			map_shape_problem(j, n, "columns", "a map of limits for each column",
				"各列的限制（键和值）");
			continue;
		}
		map_known_keys(j, n, "columns", map_column_keys);
		map_column_options(j, n, &j->m->columns[c]);
	}
}

static bool listed(struct br_str *names, size_t n, struct br_str name)
{
	for (size_t i = 0; i < n; i++) {
		if (br_str_eq(names[i], name))
			return true;
	}
	return false;
}

/* A kind may describe its calls under create and update: then a call's `columns` and `part` say
 * what it can change. */
static bool is_call_list(const struct cfg_node *n)
{
	return n && (n->kind == CFG_MAP ||
			    (n->kind == CFG_LIST && n->child && n->child->kind == CFG_MAP));
}

/* The names of columns and parts the calls can change; false when a call does not say. */
static bool names_of_calls(
	struct map_job *j, const struct cfg_node *update, struct br_str *names, size_t *n)
{
	const struct cfg_node *call = update->kind == CFG_MAP ? update : cfg_first(update);

	for (; call; call = update->kind == CFG_MAP ? NULL : call->next) {
		const struct cfg_node *columns = cfg_get(call, "columns");
		struct br_str part = map_scalar(j, call, "part");

		if (part.p)
			names[(*n)++] = part;
		else if (!columns || columns->kind != CFG_LIST)
			return false;
		for (const struct cfg_node *c = part.p ? NULL : cfg_first(columns);
			c && *n < SHAPE_MAX_FIELDS; c = c->next) {
			if (c->kind == CFG_SCALAR)
				names[(*n)++] = c->text;
		}
		if (*n >= SHAPE_MAX_FIELDS)
			return false;
	}
	return true;
}

/* write.update: the columns (and parts) that may be written to a record that exists; without it,
 * all that are mapped. */
static void updatable(struct map_job *j)
{
	const struct cfg_node *write = cfg_get(j->node, "write"),
			      *update = cfg_get(write, "update"),
			      *create = cfg_get(write, "create");
	struct mapping *m = j->m;
	struct br_str *names;
	size_t n = 0;

	m->writes = write != NULL && write->kind == CFG_MAP;
	m->by_calls = is_call_list(update) || is_call_list(create);
	m->creates_records = m->writes && create &&
			     (is_call_list(create) || map_flag(j, write, "create", false));
	if (is_call_list(update)) {
		names = br_arena_array(j->a, struct br_str, SHAPE_MAX_FIELDS + 1);
		if (!names || !names_of_calls(j, update, names, &n))
			return;
	} else if (update && (update->kind == CFG_LIST || update->kind == CFG_SCALAR)) {
		n = text_list(j, update, &names);
	} else {
		return;
	}
	for (unsigned c = 0; c < m->shape->nfields; c++) {
		const struct map_column *col = &m->columns[c];

		m->columns[c].updatable =
			listed(names, n, col->part ? m->shape->parts[col->part].name : col->name);
	}
	for (size_t i = 0; i < n; i++) {
		if (shape_find_part(m->shape, names[i]) < 0)
			map_column_find(j, 0, names[i], update);
	}
}

static void target_owned(struct map_job *j)
{
	struct br_str *names;
	const struct cfg_node *list = cfg_get(j->node, "target_owned");
	size_t n = text_list(j, list, &names);

	for (size_t i = 0; i < n; i++) {
		int c = map_column_find(j, 0, names[i], list);

		if (c >= 0)
			j->m->columns[c].target_owned = true;
	}
}

static void required(struct map_job *j)
{
	const struct cfg_node *list = cfg_get(j->node, "required");
	struct br_str *names;
	size_t n = text_list(j, list, &names);

	for (size_t i = 0; i < n; i++) {
		int c = shape_find(j->m->shape, 0, names[i]);

		if (c >= 0 && (j->m->columns[c].writer >= 0 || j->m->columns[c].on_create ||
				      j->m->columns[c].target_owned))
			j->m->columns[c].required = true;
		else if (!map_column_meant(j, 0, names[i]))
			map_problem(j, cfg_problem(j->report, list, BR_E_MAP_REQUIRED_UNFILLED,
					       "column", map_z(j, names[i]), NULL));
	}
}

/* ---- hash ---- */

static void hash_node(struct br_buf *b, const struct cfg_node *n)
{
	br_buf_addc(b, (char)('0' + n->kind));
	br_buf_adds(b, n->key);
	br_buf_addc(b, '\0');
	if (n->kind == CFG_SCALAR)
		br_buf_adds(b, n->text);
	br_buf_addc(b, '\0');
	for (const struct cfg_node *c = cfg_first(n); c; c = c->next) {
		/* a remark changes nothing */
		if (!br_str_eq(c->key, BR_STR("note")) && !br_str_eq(c->key, BR_STR("title")))
			hash_node(b, c);
	}
	br_buf_addc(b, '\1');
}

static void hash_table(struct br_buf *b, const struct map_codes *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct map_code_row *r = &t->rows[i];

		br_buf_adds(b, r->foreign);
		br_buf_addc(b, r->foreign.p ? '\0' : '\2');
		for (unsigned k = 0; k < t->nfields; k++) {
			br_buf_adds(b, r->canonical[k]);
			br_buf_addc(b, r->canonical[k].p ? '\0' : '\2');
		}
		for (unsigned k = 0; k < r->nhad; k++)
			br_buf_printf(b, "+%.*s", BR_STR_ARG(r->had[k].what));
		for (unsigned k = 0; k < r->nwithout; k++)
			br_buf_printf(b, "-%.*s", BR_STR_ARG(r->without[k].what));
		br_buf_printf(b, "%d%d%d\n", r->write, r->in, r->out);
	}
}

/* Everything the mapping means: the record's YAML without remarks and layout, its tables, zone and
 * the case's version. */
static void hash(struct map_job *j)
{
	struct br_buf b;

	br_buf_init(&b, 16 << 20);
	br_buf_adds(&b, j->schema->version);
	br_buf_adds(&b, j->site->timezone);
	if (cfg_get(j->system->connection, "timezone"))
		hash_node(&b, cfg_get(j->system->connection, "timezone"));
	hash_node(&b, j->node);
	for (size_t i = 0; i < j->ntables; i++) {
		br_buf_adds(&b, j->tables[i].name);
		if (j->tables[i].codes)
			hash_table(&b, j->tables[i].codes);
	}
	/* a hash of a part would be another mapping's */
	if (br_buf_failed(&b) && !j->rc)
		j->rc = -BR_E_NOMEM;
	j->m->hash = br_hash(b.p ? b.p : "", b.n);
	br_buf_release(&b);
}

/* What one field means: its lines, their tables, and who decides it. */
static uint64_t hash_of_field(struct map_job *j, struct br_buf *b, unsigned field)
{
	bool any = false;

	br_buf_reset(b);
	br_buf_adds(b, j->site->timezone);
	for (uint16_t i = 0; i < j->m->nlines; i++) {
		const struct map_line *line = &j->m->lines[i];

		if (line->field != field)
			continue;
		any = true;
		br_buf_adds(b, line->key);
		br_buf_printf(b, "%d%d%d|", line->in, line->out, line->owner);
		for (uint16_t k = 0; k < line->ncolumns; k++)
			br_buf_printf(b, "%.*s,", BR_STR_ARG(j->m->columns[line->columns[k]].name));
		if (line->at)
			hash_node(b, line->at);
		if (line->conv.codes)
			hash_table(b, line->conv.codes);
	}
	if (br_buf_failed(b) && !j->rc)
		j->rc = -BR_E_NOMEM;
	return any ? br_hash(b->p ? b->p : "", b->n) | 1 : 0;
}

static void hash_fields(struct map_job *j)
{
	size_t n = j->schema->shape->nfields;
	struct br_buf b;

	j->m->field_hash = br_arena_array(j->a, uint64_t, n);
	if (!j->m->field_hash) {
		j->rc = j->rc ? j->rc : -BR_E_NOMEM;
		return;
	}
	br_buf_init(&b, 16 << 20);
	for (unsigned i = 0; i < n; i++)
		j->m->field_hash[i] = hash_of_field(j, &b, i);
	br_buf_release(&b);
}

void map_record_compile(struct map_job *j)
{
	const struct cfg_node *list = cfg_get(j->node, "refused");

	declared_columns(j);
	updatable(j);
	target_owned(j);
	creates(j);
	required(j);
	j->m->refusals = br_arena_array(j->a, struct map_refusal_row, list ? list->n + 1 : 1);
	for (const struct cfg_node *n = cfg_first(list); n && j->m->refusals; n = n->next)
		refusal(j, n);
	natural_key(j);
	ref(j);
	matches(j);
	whens(j);
	hash(j);
	hash_fields(j);
}
