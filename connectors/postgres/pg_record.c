/* From the spec of BEGIN to tables and columns; no SQL yet. */
#include "pg_record.h"
#include <stdio.h>

struct job {
	struct pg_record *r;
	struct br_arena *a;
	const struct cfg_node *spec;
	struct br_err *err;
};

static const char *text_z(struct br_arena *a, struct br_str s)
{
	struct br_str copy = br_arena_copy(a, s.p ? s : BR_STR(""));

	return copy.p ? copy.p : "";
}

static int wrong(struct job *j, const char *why)
{
	return br_err_set(
		j->err, BR_E_PG_SPEC, "record", text_z(j->a, j->r->name), "why", why, NULL);
}

/* The first problem of a report as the reason. */
static int wrong_options(struct job *j, const struct cfg_report *report)
{
	char why[300];

	if (report->first)
		br_err_sentence(&report->first->err, BR_LANG_EN, why, sizeof(why));
	else
		snprintf(why, sizeof(why), "the options cannot be read");
	return wrong(j, why);
}

static int options(
	struct job *j, const struct cfg_option *table, const struct cfg_node *node, void *out)
{
	struct cfg_report report = {.arena = j->a};

	return cfg_read_options(table, node, j->spec, ".", out, &report) ? wrong_options(j, &report)
									 : 0;
}

static struct pg_column column(struct job *j, struct br_str name)
{
	struct pg_column c = {.name = name};
	struct br_buf b;

	br_buf_init(&b, 4096);
	if (name.n)
		pg_sql_name(&b, name);
	c.quoted = text_z(j->a, br_buf_str(&b));
	br_buf_release(&b);
	return c;
}

static const char *table_name(struct job *j, struct br_str name)
{
	const char *quoted;
	struct br_buf b;

	br_buf_init(&b, 4096);
	pg_sql_table(&b, name);
	quoted = text_z(j->a, br_buf_str(&b));
	br_buf_release(&b);
	return quoted;
}

/* ---- on_create ---- */

static void generated(struct job *j, struct pg_table *t, const struct cfg_node *map)
{
	t->generated = br_arena_array(j->a, struct pg_generated, map ? map->n + 1 : 1);
	if (!t->generated)
		return;
	for (const struct cfg_node *n = cfg_first(map); n; n = n->next) {
		struct pg_generated *g = &t->generated[t->ngenerated++];
		const struct cfg_node *e = cfg_get(n, "generate");

		g->column = column(j, n->key);
		g->kind = e			  ? PG_GEN_EXPRESSION
			  : cfg_get(n, "natural") ? PG_GEN_NATURAL
						  : PG_GEN_BY_TARGET;
		if (e)
			g->expression = e->text;
	}
}

/* ---- tables ---- */

static int image_columns(struct job *j, struct pg_table *t)
{
	const struct shape_part *p = &j->r->shape->parts[t->part];

	t->columns = br_arena_array(j->a, struct pg_column, p->n + 1u);
	if (!t->columns)
		return br_err_set(j->err, BR_E_NOMEM, NULL);
	t->ncolumns = p->n;
	for (unsigned i = 0; i < p->n; i++) {
		t->columns[i] = column(j, j->r->shape->fields[p->first + i].name);
		t->key_mapped |= br_str_eq(t->columns[i].name, t->key.name);
	}
	return 0;
}

static int root_table(struct job *j)
{
	struct pg_record *r = j->r;
	struct pg_table *t = &r->tables[0];

	t->name = r->root.table;
	t->quoted = table_name(j, t->name);
	t->key = column(j, r->root.key);
	t->by = column(j, r->read.by);
	t->changed = column(j, r->read.changed);
	t->cursor = r->read.cursor;
	generated(j, t, cfg_get(j->spec, "on_create"));
	return image_columns(j, t);
}

/* Of a part, only our own options: the mapping's members stand beside them. */
static int part_options(struct job *j, const struct cfg_node *part, struct pg_part_options *o)
{
	struct cfg_node own = *part, **tail = &own.child;

	own.n = 0;
	own.child = NULL;
	for (const struct cfg_node *c = cfg_first(part); c; c = c->next) {
		const struct cfg_option *row = pg_part_table;
		struct cfg_node *copy;

		while (row->name && !br_str_eq(c->key, br_str_z(row->name)))
			row++;
		if (!row->name || !(copy = br_arena_new(j->a, struct cfg_node)))
			continue;
		*copy = *c;
		copy->next = NULL;
		*tail = copy;
		tail = &copy->next;
		own.n++;
	}
	return options(j, pg_part_table, &own, o);
}

static int part_table(struct job *j, unsigned part)
{
	struct pg_table *t = &j->r->tables[part];
	const char *name = text_z(j->a, j->r->shape->parts[part].name);
	const struct cfg_node *node = cfg_get(cfg_get(j->spec, "parts"), name),
			      *key = cfg_get(node, "key");
	struct pg_part_options o = {0};
	int rc;

	t->part = part;
	if (!node || !key || key->kind != CFG_SCALAR)
		return wrong(j, "a part has no key");
	rc = part_options(j, node, &o);
	if (rc)
		return rc;
	t->name = o.table;
	t->quoted = table_name(j, t->name);
	t->key = column(j, key->text);
	t->parent = column(j, o.parent);
	t->changed = column(j, o.changed);
	t->cursor = o.cursor;
	generated(j, t, cfg_get(node, "on_create"));
	return image_columns(j, t);
}

/* ---- the rest ---- */

static void natural_key(struct job *j)
{
	const struct cfg_node *list = cfg_get(j->spec, "natural_key");

	j->r->natural = br_arena_array(j->a, struct pg_column, list ? list->n + 1 : 1);
	for (const struct cfg_node *n = cfg_first(list); n && j->r->natural; n = n->next)
		j->r->natural[j->r->nnatural++] = column(j, n->text);
}

static void refusal(struct job *j, const struct cfg_node *n)
{
	struct pg_refusal *x = &j->r->refusals[j->r->nrefusals++];
	const struct cfg_node *native = cfg_get(n, "native"), *text = cfg_get(n, "text"),
			      *deed = cfg_get(n, "do");

	x->native = br_arena_array(j->a, struct br_str, native ? native->n + 1 : 1);
	if (native && native->kind == CFG_SCALAR && x->native)
		x->native[x->nnative++] = native->text;
	for (const struct cfg_node *c = cfg_first(native); c && x->native; c = c->next)
		x->native[x->nnative++] = c->text;
	x->text = text ? text->text : BR_STR_NONE;
	x->retry = deed && br_str_eq(deed->text, BR_STR("retry"));
}

static void refusals(struct job *j)
{
	const struct cfg_node *list = cfg_get(j->spec, "refused");

	j->r->refusals = br_arena_array(j->a, struct pg_refusal, list ? list->n + 1 : 1);
	for (const struct cfg_node *n = cfg_first(list); n && j->r->refusals; n = n->next)
		refusal(j, n);
}

static int ignored(struct job *j)
{
	struct pg_record *r = j->r;

	r->ignored = br_arena_array(j->a, bool, r->shape->nfields + 1u);
	if (!r->ignored)
		return br_err_set(j->err, BR_E_NOMEM, NULL);
	for (const struct cfg_node *n = cfg_first(cfg_get(j->spec, "target_owned")); n;
		n = n->next) {
		int field = shape_find(r->shape, 0, n->text);

		if (field >= 0)
			r->ignored[field] = true;
	}
	return 0;
}

/* The mapping says by which codes a record is over; a column without such codes tells nothing. */
static void final_codes(struct job *j)
{
	const struct cfg_node *final = cfg_get(j->spec, "final"), *name = cfg_get(final, "column"),
			      *codes = cfg_get(final, "codes");
	struct pg_table *root = &j->r->tables[0];

	if (!name || !cfg_first(codes))
		return;
	for (unsigned i = 0; i < root->ncolumns; i++) {
		if (br_str_eq(root->columns[i].name, name->text))
			j->r->state = &root->columns[i];
	}
	j->r->final = codes;
}

static bool is_ordered(const struct pg_record *r, unsigned n, unsigned part)
{
	for (unsigned i = 0; i < n; i++) {
		if (r->order[i] == part)
			return true;
	}
	return false;
}

/* As write.order says, then the others as declared; each once. */
static int order(struct job *j)
{
	struct pg_record *r = j->r;
	unsigned n = 0;

	r->order = br_arena_array(j->a, unsigned, r->ntables);
	if (!r->order)
		return br_err_set(j->err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < r->write.order.n; i++) {
		int p = shape_find_part(r->shape, r->write.order.item[i]);

		if (p > 0 && !is_ordered(r, n, (unsigned)p))
			r->order[n++] = (unsigned)p;
	}
	for (unsigned p = 1; p < r->ntables; p++) {
		if (!is_ordered(r, n, p))
			r->order[n++] = p;
	}
	return 0;
}

static int windows(struct job *j)
{
	struct pg_record *r = j->r;
	struct br_str sweep = r->read.sweep;

	r->sweeps = !br_str_eq(sweep, BR_STR("off"));
	if (r->sweeps && !pg_window_read(sweep, &r->window))
		return wrong(j, "sweep is no time window");
	r->inbox = r->write.inbox;
	return 0;
}

static int tables(struct job *j)
{
	struct pg_record *r = j->r;
	int rc;

	r->ntables = r->shape->nparts;
	r->tables = br_arena_array(j->a, struct pg_table, r->ntables + 1u);
	r->statements = br_arena_array(j->a, struct pg_shape_statement, PG_STATEMENTS);
	r->feeds = br_arena_array(j->a, struct pg_feed, r->ntables + 1u);
	if (!r->tables || !r->statements || !r->feeds)
		return br_err_set(j->err, BR_E_NOMEM, NULL);
	rc = root_table(j);
	for (unsigned p = 1; p < r->ntables && !rc; p++)
		rc = part_table(j, p);
	return rc;
}

int pg_record_new(const json_t *spec, const struct shape *shape, struct br_str name,
	unsigned number, struct br_arena *a, struct pg_record **out, struct br_err *err)
{
	struct job j = {.r = br_arena_new(a, struct pg_record),
		.a = a,
		.spec = pg_json_node(spec, a),
		.err = err};
	int rc;

	if (!j.r || !j.spec)
		return br_err_set(err, BR_E_NOMEM, NULL);
	j.r->name = name;
	j.r->number = number;
	j.r->shape = shape;
	rc = options(&j, pg_root_table, cfg_get(j.spec, "root"), &j.r->root);
	if (!rc)
		rc = options(&j, pg_read_table, cfg_get(j.spec, "read"), &j.r->read);
	if (!rc)
		rc = options(&j, pg_write_table, cfg_get(j.spec, "write"), &j.r->write);
	if (!rc)
		rc = tables(&j);
	if (!rc)
		rc = windows(&j);
	if (!rc)
		rc = order(&j);
	if (!rc)
		rc = ignored(&j);
	if (rc)
		return rc;
	natural_key(&j);
	final_codes(&j);
	refusals(&j);
	if (br_arena_failed(a))
		return br_err_set(err, BR_E_NOMEM, NULL);
	*out = j.r;
	return 0;
}

static bool is_number(struct br_str s)
{
	size_t i = s.n && s.p[0] == '-' ? 1 : 0;

	if (i == s.n)
		return false;
	for (; i < s.n; i++) {
		if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '.')
			return false;
	}
	return true;
}

static bool is_within(struct br_str s, int64_t least, int64_t most)
{
	int64_t v;

	return is_number(s) && br_json_int64(s, &v) && v >= least && v <= most;
}

bool pg_key_fits(const struct pg_record *r, struct br_str lid)
{
	const char *type = r->tables[0].key.type;

	if (!strcmp(type, "bigint"))
		return is_within(lid, INT64_MIN, INT64_MAX);
	if (!strcmp(type, "integer"))
		return is_within(lid, INT32_MIN, INT32_MAX);
	if (!strcmp(type, "smallint"))
		return is_within(lid, INT16_MIN, INT16_MAX);
	if (!strcmp(type, "numeric"))
		return is_number(lid);
	if (!strcmp(type, "uuid"))
		return lid.n == 36 && strspn(lid.p, "0123456789abcdefABCDEF-") >= 36;
	return true;
}
