#include "conn_internal.h"

#include <stdio.h>

static int bad_spec(struct conn *c, const char *why, struct br_err *err)
{
	return br_err_set(err, BR_E_CONN_SPEC, "system", c->system_name, "why", why, NULL);
}

static struct br_str text_of(const json_t *j)
{
	return (struct br_str){json_string_value(j), json_string_length(j)};
}

/* names lives as long as the session: the JSON tree is kept */
static int add_columns(struct shape_builder *b, const json_t *columns)
{
	size_t i;
	json_t *name;

	json_array_foreach(columns, i, name)
	{
		if (!json_is_string(name) ||
			shape_add_field(b, text_of(name), SHAPE_TEXT, NULL) < 0)
			return -1;
	}
	return 0;
}

/* Fields get the same numbers as in the bridge: root first, then the parts in their order. */
static const struct shape *read_shape(struct conn *c, json_t *spec)
{
	struct shape_builder *b = shape_begin(&c->arena);
	json_t *parts = json_object_get(spec, "parts"), *part;
	const char *name;

	if (!b || add_columns(b, json_object_get(spec, "columns")) != 0)
		return NULL;
	json_object_foreach(parts, name, part)
	{
		if (shape_add_part(b, br_str_z(name)) < 0 ||
			add_columns(b, json_object_get(part, "columns")) != 0)
			return NULL;
	}
	return shape_end(b);
}

static int read_record(struct conn *c, struct conn_record *r, json_t *spec, struct br_err *err)
{
	json_t *name = json_object_get(spec, "record");

	if (!json_is_string(name) || json_string_length(name) == 0)
		return bad_spec(c, "a record without a name", err);
	*r = (struct conn_record){.name = text_of(name), .spec = spec};
	r->shape = read_shape(c, spec);
	if (!r->shape)
		return bad_spec(c, "a record without columns", err);
	return 0;
}

int conn_read_spec(struct conn *c, struct br_str spec, struct br_err *err)
{
	json_error_t why;
	int rc = 0;

	c->spec_text = br_arena_copy(&c->arena, spec);
	c->spec = json_loadb(spec.p, spec.n, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_array(c->spec))
		return bad_spec(c, c->spec ? "no list" : why.text, err);
	c->nrecords = json_array_size(c->spec);
	c->records = br_arena_array(&c->arena, struct conn_record, c->nrecords + 1);
	if (!c->records || !c->spec_text.p)
		return br_err_set(err, BR_E_NOMEM, NULL);
	for (size_t i = 0; i < c->nrecords && rc == 0; i++)
		rc = read_record(c, &c->records[i], json_array_get(c->spec, i), err);
	for (size_t i = 0; i < c->nrecords && rc == 0; i++)
		c->records[i].guard = conn_guard_of(c, &c->records[i]);
	return rc;
}

struct conn_record *conn_find_record(struct conn *c, struct br_str name)
{
	for (size_t i = 0; i < c->nrecords; i++)
		if (br_str_eq(c->records[i].name, name))
			return &c->records[i];
	return NULL;
}

const struct shape *conn_shape(void *arg, struct br_str sys, struct br_str rec)
{
	const struct conn_record *r = conn_find_record(arg, rec);

	(void)sys;
	return r ? r->shape : NULL;
}

size_t conn_records(struct conn *c, struct conn_record **out)
{
	*out = c->records;
	return c->nrecords;
}
