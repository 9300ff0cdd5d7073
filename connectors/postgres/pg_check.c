#include "pg_check.h"
#include "pg_record.h"
#include "pg_rows.h"
#include <stdio.h>
#include <stdlib.h>

struct check {
	const struct pg_options *o;
	const json_t *finals;
	struct br_arena arena;
	PGconn *db;
	pg_step_fn *fn;
	void *arg;
	struct br_err *err;
	int rc; /* of the first error */
	const char *about;
	bool found; /* in the step that runs */
};

static void tell(
	struct check *k, const char *en, const char *zh, const struct br_err *err, bool warning)
{
	struct pg_step step = {en, zh, k->about, warning, err};

	k->fn(k->arg, &step);
	if (!err || warning || k->rc)
		return;
	k->rc = -(int)br_err_code(err);
	if (k->err)
		*k->err = *err;
}

static const char *z(struct check *k, struct br_str s)
{
	struct br_str copy = br_arena_copy(&k->arena, s.p ? s : BR_STR(""));

	return copy.p ? copy.p : "";
}

static struct br_pg_param text_param(const char *text)
{
	return (struct br_pg_param){text, 0, false};
}

/* ---- connection and server ---- */

static bool connect(struct check *k)
{
	struct br_err err;
	int rc = br_pg_open_sync(z(k, pg_conninfo(k->o, &k->arena)), &k->db, &err);

	tell(k, "connection", "连接", rc ? &err : NULL, false);
	return rc == 0;
}

static bool ask(struct check *k, const char *sql, int n, const struct br_pg_param *params,
	PGresult **res, const char *en, const char *zh)
{
	struct br_err err;
	int rc = br_pg_exec_sync(k->db, sql, n, params, res, &err);

	if (rc)
		tell(k, en, zh, &err, false);
	return rc == 0;
}

static void server(struct check *k)
{
	struct br_pg_param zone = text_param(z(k, k->o->timezone));
	struct br_err err;
	PGresult *res;
	int rc = 0;

	if (!ask(k,
		    "select current_setting('server_version_num')::int, "
		    "current_setting('server_encoding'), pg_is_in_recovery(),"
		    " current_setting('server_version'), set_config('TimeZone', $1, false)",
		    1, &zone, &res, "server", "服务器"))
		return;
	if (pg_int(res, 0, 0) < 130000)
		rc = br_err_set(&err, BR_E_PG_VERSION, "found", PQgetvalue(res, 0, 3), NULL);
	else if (k->o->encoding.n && strcasecmp(z(k, k->o->encoding), PQgetvalue(res, 0, 1)))
		rc = br_err_set(&err, BR_E_PG_ENCODING, "found", PQgetvalue(res, 0, 1), "expected",
			z(k, k->o->encoding), NULL);
	else if (PQgetvalue(res, 0, 2)[0] == 't')
		rc = br_err_set(&err, BR_E_PG_READ_ONLY, NULL);
	tell(k, "server: version, encoding, time zone", "服务器：版本、编码、时区",
		rc ? &err : NULL, false);
	PQclear(res);
}

static void our_tables(struct check *k)
{
	static const char sql[] =
		"select case when to_regnamespace(quote_ident($1)) is null then "
		"has_database_privilege(current_database(), 'create')"
		" when to_regclass(quote_ident($1) || '.bridge_meta') is null then "
		"has_schema_privilege($1, 'create')"
		" else has_table_privilege(quote_ident($1) || '.bridge_meta', 'select, update') and"
		" has_table_privilege(quote_ident($1) || '.bridge_inbox', 'select') end";
	struct br_pg_param schema = text_param(z(k, k->o->schema));
	struct br_err err;
	PGresult *res;
	bool ok;

	if (!k->o->inbox || !ask(k, sql, 1, &schema, &res, "our tables", "本程序的表"))
		return;
	ok = PQgetvalue(res, 0, 0)[0] == 't';
	if (!ok)
		br_err_set(&err, BR_E_PG_NO_INBOX, "schema", z(k, k->o->schema), "why",
			"permission denied", NULL);
	tell(k, "our tables (inbox)", "本程序的表（收件表）", ok ? NULL : &err, true);
	PQclear(res);
}

/* ---- records ---- */

/* cfg tree -> JSON, so that a record is read here as it is from BEGIN. */
static json_t *node_json(const struct cfg_node *n)
{
	json_t *j;

	if (!n || n->kind == CFG_NULL)
		return json_null();
	if (n->kind == CFG_SCALAR)
		return json_stringn_nocheck(n->text.p ? n->text.p : "", n->text.n);
	j = n->kind == CFG_LIST ? json_array() : json_object();
	for (const struct cfg_node *c = cfg_first(n); c; c = c->next) {
		if (n->kind == CFG_LIST)
			json_array_append_new(j, node_json(c));
		else
			json_object_set_new_nocheck(j, c->key.p, node_json(c));
	}
	return j;
}

struct names {
	struct br_str name[SHAPE_MAX_FIELDS];
	size_t n;
};

static void add_name(struct names *x, struct br_str name, struct br_str not )
{
	if (!name.n || br_str_eq(name, not ) || x->n == SHAPE_MAX_FIELDS)
		return;
	for (size_t i = 0; i < x->n; i++) {
		if (br_str_eq(x->name[i], name))
			return;
	}
	x->name[x->n++] = name;
}

/* The columns a line of case: names: a scalar, a list, or what stands under column, concat,
 * first_of. */
static void add_columns(struct names *x, const struct cfg_node *n, struct br_str not )
{
	static const char *const keys[] = {"column", "concat", "first_of"};

	if (n && n->kind == CFG_SCALAR)
		add_name(x, n->text, not );
	for (const struct cfg_node *c = n && n->kind == CFG_LIST ? n->child : NULL; c; c = c->next)
		add_columns(x, c, not );
	for (size_t i = 0; n && n->kind == CFG_MAP && i < BR_LEN(keys); i++)
		add_columns(x, cfg_get(n, keys[i]), not );
}

static void collect(struct names *x, const struct cfg_node *node, struct br_str not )
{
	x->n = 0;
	for (const struct cfg_node *c = cfg_first(cfg_get(node, "case")); c; c = c->next)
		add_columns(x, c, not );
	for (const struct cfg_node *c = cfg_first(cfg_get(node, "on_create")); c; c = c->next)
		add_name(x, c->key, BR_STR_NONE);
	add_columns(x, cfg_get(node, "target_owned"), BR_STR_NONE);
}

static const struct shape *shape_of(struct check *k, const struct cfg_node *record)
{
	struct shape_builder *b = shape_begin(&k->arena);
	struct names *x = br_arena_new(&k->arena, struct names);

	if (!b || !x)
		return NULL;
	collect(x, record, BR_STR_NONE);
	for (size_t i = 0; i < x->n; i++)
		shape_add_field(b, x->name[i], SHAPE_TEXT, NULL);
	for (const struct cfg_node *p = cfg_first(cfg_get(record, "parts")); p; p = p->next) {
		const struct cfg_node *key = cfg_get(p, "key");

		shape_add_part(b, p->key);
		collect(x, p, key ? key->text : BR_STR_NONE);
		for (size_t i = 0; i < x->n; i++)
			shape_add_field(b, x->name[i], SHAPE_TEXT, NULL);
	}
	return shape_end(b);
}

static void on_finding(void *arg, const struct br_err *err)
{
	struct check *k = arg;

	k->found = true;
	tell(k, "table and columns", "表与列", err, false);
}

static void on_warning(void *arg, const struct br_err *err)
{
	tell(arg, "reading changes", "读取变更", err, true);
}

static const struct privilege {
	const char *name, *en, *zh;
} may_insert = {"insert", "privilege to insert", "新增权限"},
  may_update = {"update", "privilege to update", "修改权限"},
  may_delete = {"delete", "privilege to delete", "删除权限"};

static void may_write(
	struct check *k, const struct pg_table *t, const struct privilege *p, bool warning)
{
	struct br_pg_param params[] = {text_param(t->quoted), text_param(p->name)};
	struct br_err err;
	PGresult *res;
	bool ok;

	/* rows go as a whole: there is no such privilege of a column */
	if (!ask(k,
		    p != &may_delete ? "select has_table_privilege($1, $2) or "
				       "has_any_column_privilege($1, $2)"
				     : "select has_table_privilege($1, $2)",
		    2, params, &res, p->en, p->zh))
		return;
	ok = PQgetvalue(res, 0, 0)[0] == 't';
	if (!ok)
		br_err_set(&err, BR_E_PG_MAY_NOT_WRITE, "action", p->name, "table", z(k, t->name),
			NULL);
	tell(k, p->en, p->zh, ok ? NULL : &err, warning);
	PQclear(res);
}

static bool learn(struct check *k, struct pg_record *r, struct pg_table *t)
{
	struct br_pg_param table = text_param(t->quoted);
	PGresult *res;
	int rc;

	k->about = z(k, t->name);
	k->found = false;
	if (!ask(k, pg_catalog_sql, 1, &table, &res, "table and columns", "表与列"))
		return false;
	rc = pg_table_learn(r, t, res, &k->arena, on_finding, k, NULL);
	PQclear(res);
	if (!k->found)
		tell(k, "table and columns", "表与列", NULL, false);
	return rc == 0;
}

/* Where the bridge may take rows of the part away: as map_part_drops() has it. */
static bool loses_rows(const struct cfg_node *record, struct br_str part)
{
	const struct cfg_node *update = cfg_get(cfg_get(record, "write"), "update"), *mode = NULL;

	for (const struct cfg_node *p = cfg_first(cfg_get(record, "parts")); p; p = p->next) {
		if (br_str_eq(p->key, part))
			mode = cfg_get(p, "mode");
	}
	if (mode && br_str_eq(mode->text, BR_STR("append")))
		return false;
	for (const struct cfg_node *n = cfg_first(update); n; n = n->next) {
		if (br_str_eq(n->text, part))
			return true;
	}
	return !update;
}

static void record_tables(struct check *k, struct pg_record *r, const struct cfg_node *node)
{
	bool writes = cfg_get(node, "write") != NULL;
	struct br_err err;
	bool ok = true;

	for (unsigned i = 0; i < r->ntables; i++)
		ok &= learn(k, r, &r->tables[i]);
	if (!ok)
		return;
	k->about = z(k, r->name);
	if (pg_record_sql(r, &k->arena, on_warning, k, &err)) {
		tell(k, "reading changes", "读取变更", &err, false);
		return;
	}
	tell(k, "reading changes", "读取变更", NULL, false);
	k->about = z(k, r->tables[0].name);
	if (writes && r->write.create)
		may_write(k, &r->tables[0], &may_insert, false);
	if (writes)
		may_write(k, &r->tables[0], &may_update, false);
	for (unsigned i = 1; i < r->ntables && writes; i++) {
		k->about = z(k, r->tables[i].name);
		if (loses_rows(node, r->shape->parts[i].name))
			may_write(k, &r->tables[i], &may_delete, true);
	}
}

static void record(struct check *k, const struct cfg_node *node, unsigned number)
{
	const struct shape *shape = shape_of(k, node);
	json_t *spec = node_json(node);
	struct pg_record *r;
	struct br_err err;

	k->about = z(k, node->key);
	if (spec && json_object_get(k->finals, k->about))
		json_object_set(spec, "final", json_object_get(k->finals, k->about));
	if (!shape || !spec)
		br_err_set(&err, BR_E_NOMEM, NULL);
	if (!shape || !spec || pg_record_new(spec, shape, node->key, number, &k->arena, &r, &err))
		tell(k, "configuration", "配置", &err, false);
	else
		record_tables(k, r, node);
	json_decref(spec);
}

int pg_check(const struct cfg_site *site, const struct cfg_system *system, const void *options,
	const json_t *finals, pg_step_fn *fn, void *arg, struct br_err *err)
{
	struct check k = {
		.o = options, .finals = finals, .fn = fn, .arg = arg, .err = err, .about = ""};
	unsigned number = 0;

	(void)site;
	br_arena_init(&k.arena, 64u << 20);
	if (connect(&k)) {
		server(&k);
		our_tables(&k);
		for (const struct cfg_node *r = cfg_first(system->records); r; r = r->next)
			record(&k, r, number++);
	}
	PQfinish(k.db);
	br_arena_release(&k.arena);
	return k.rc;
}
