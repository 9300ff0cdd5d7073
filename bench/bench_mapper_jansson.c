/*
 * The same work with Jansson, as one would write it with that library: parse into a tree, look
 * members up by name, build a tree, print it. jansson_rename() does less than map_get(): it renames
 * and copies, but converts and checks nothing.
 */
#include "bench_mapper.h"

#include <stdlib.h>

/* Column, and the place of the case it becomes: at most one object deep, as in the example mapping.
 */
static const char *const names[][3] = {
	{"sbh", NULL, "dept_case_no"},
	{"xm", "applicant", "name"},
	{"xb", "applicant", "sex"},
	{"sfzh", "applicant", "cert_no"},
	{"csrq", "applicant", "birth"},
	{"hkdz", "applicant", "address"},
	{"lxdh", "applicant", "mobile"},
	{"sqrq", NULL, "applied_at"},
	{"slrq", NULL, "accepted_at"},
	{"zt", NULL, "status"},
	{"thyy", NULL, "outcome_reason"},
	{"lzrq", NULL, "delivered_at"},
	{"zzbh", "result", "cert_no"},
};
static const char *const step_names[][2] = {
	{"hjmc", "name"},
	{"clr", "actor_name"},
	{"clyj", "opinion"},
	{"jg", "result"},
	{"kssj", "started_at"},
	{"jssj", "ended_at"},
};

void jansson_prepare(struct bench *b)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct bench_row *row = &b->rows[i];

		row->flat_tree = json_loadb(row->flat.p, row->flat.n, 0, NULL);
		row->doc_tree = json_loadb(row->doc.p, row->doc.n, 0, NULL);
		if (!row->flat_tree || !row->doc_tree) {
			fprintf(stderr, "bench-mapper: Jansson cannot read what we wrote\n");
			exit(1);
		}
	}
}

static json_t *value_of(const json_t *v)
{
	return json_is_string(v) ? json_stringn(json_string_value(v), json_string_length(v))
				 : json_null();
}

static json_t *object_in(json_t *doc, const char *name)
{
	json_t *o = json_object_get(doc, name);

	if (!o) {
		o = json_object();
		json_object_set_new(doc, name, o);
	}
	return o;
}

static json_t *steps_of(const json_t *flat)
{
	json_t *list = json_array();
	char name[64];

	for (unsigned k = 1; k <= 2; k++) {
		json_t *step = json_pack("{s:o}", "key", json_sprintf("%u", k));

		for (size_t i = 0; i < BR_LEN(step_names); i++) {
			snprintf(name, sizeof(name), "steps/%u/%s", k, step_names[i][0]);
			json_object_set_new(
				step, step_names[i][1], value_of(json_object_get(flat, name)));
		}
		json_array_append_new(list, step);
	}
	return list;
}

bool jansson_rename(struct bench *b, struct bench_row *row)
{
	json_t *doc = json_object();

	(void)b;
	for (size_t i = 0; i < BR_LEN(names); i++) {
		json_t *o = names[i][1] ? object_in(doc, names[i][1]) : doc;

		json_object_set_new(
			o, names[i][2], value_of(json_object_get(row->flat_tree, names[i][0])));
	}
	json_object_set_new(doc, "steps", steps_of(row->flat_tree));
	json_decref(doc);
	return doc != NULL;
}

static bool print(struct bench *b, const json_t *tree)
{
	size_t room = b->out.room;
	size_t n = json_dumpb(tree, b->out.p, room, JSON_COMPACT);

	return n > 0 && n <= room;
}

bool jansson_doc_write(struct bench *b, struct bench_row *row)
{
	return print(b, row->doc_tree);
}

bool jansson_flat_write(struct bench *b, struct bench_row *row)
{
	return print(b, row->flat_tree);
}

static bool parse(struct br_str s)
{
	json_t *tree = json_loadb(s.p, s.n, JSON_REJECT_DUPLICATES, NULL);

	json_decref(tree);
	return tree != NULL;
}

bool jansson_doc_read(struct bench *b, struct bench_row *row)
{
	(void)b;
	return parse(row->doc);
}

bool jansson_flat_read(struct bench *b, struct bench_row *row)
{
	(void)b;
	return parse(row->flat);
}
